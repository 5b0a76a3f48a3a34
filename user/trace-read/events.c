// SPDX-License-Identifier: GPL-2.0-only
/* The events of the window, counted by kind and stacks. */
#include <string.h>

#include "base.h"
#include "events.h"

/* Stacks of one sort: element_size bytes a frame, all frames in one array. */
struct pool {
	size_t element_size;
	char *frames;
	size_t used, room;
	struct stack *stacks;
	size_t nr_stacks, room_stacks;
	struct index index;
};

static struct pool kernel_pool = { .element_size = sizeof(uint64_t) };
static struct pool user_pool = { .element_size = sizeof(struct user_frame) };

static struct group *groups;
static size_t nr_groups, room_groups;
static struct index group_index;

struct wanted {
	const struct pool *pool;
	const void *frames;
	size_t count;
};

static bool same_stack(const void *array, uint32_t item, const void *key)
{
	const struct wanted *w = key;
	const struct stack *s = &((const struct stack *)array)[item];

	if (s->count != w->count)
		return false;
	return !w->count ||
	       !memcmp(w->pool->frames + s->first * w->pool->element_size, w->frames,
		       w->count * w->pool->element_size);
}

/* The number of a stack, the same for equal ones. */
static uint32_t pool_number(struct pool *pool, const void *frames, size_t count)
{
	struct wanted wanted = { pool, frames, count };
	size_t bytes = count * pool->element_size;
	uint64_t hash = hash_bytes(frames, bytes, 0);
	uint32_t i = index_find(&pool->index, hash, same_stack, pool->stacks, &wanted);

	if (i != INDEX_NONE)
		return i;
	if (pool->used + count > pool->room) {
		pool->room = 2 * (pool->used + count) + 1024;
		pool->frames = xrealloc(pool->frames, pool->room * pool->element_size);
	}
	if (bytes)
		memcpy(pool->frames + pool->used * pool->element_size, frames, bytes);
	GROW(pool->stacks, pool->nr_stacks, pool->room_stacks);
	pool->stacks[pool->nr_stacks] = (struct stack){ pool->used, count };
	pool->used += count;
	index_add(&pool->index, hash, pool->nr_stacks);
	return pool->nr_stacks++;
}

static bool same_group(const void *array, uint32_t item, const void *key)
{
	const struct group *a = &((const struct group *)array)[item], *b = key;

	return a->kind == b->kind && a->id == b->id && a->depth == b->depth &&
	       a->kernel == b->kernel && a->user == b->user && a->comm == b->comm;
}

static uint32_t user_stack(const struct sample *s)
{
	struct user_frame frames[VXR_FRAMES + 1] = {};
	const uint32_t tgid = s->key->tgid;
	const uint64_t time = s->value->first_ns;
	size_t i, n = 0;

	for (i = 0; i < s->nr_user && n < VXR_FRAMES; i++) {
		process_frame(tgid, time, s->user[i], &frames[n]);
		/* What lies beyond is not from here either. */
		if (frames[n++].object == &cut_object)
			break;
		if (i || !s->key->caller)
			continue;
		process_frame(tgid, time, s->key->caller, &frames[n]);
		if (frames[n].object != &cut_object)
			n++;
	}
	return pool_number(&user_pool, frames, n);
}

void value_merge(struct vxr_value *to, const struct vxr_value *from)
{
	to->count += from->count;
	to->errors += from->errors;
	to->size += from->size;
	to->visited += from->visited;
	to->hops += from->hops;
	to->time += from->time;
	if (from->time_max > to->time_max)
		to->time_max = from->time_max;
	if (from->size_min < to->size_min)
		to->size_min = from->size_min;
	if (from->size_max > to->size_max)
		to->size_max = from->size_max;
	if (from->first_ns < to->first_ns)
		to->first_ns = from->first_ns;
	if (from->last_ns > to->last_ns)
		to->last_ns = from->last_ns;
}

void fate_merge(struct fate *to, const struct fate *from)
{
	to->freed.count += from->freed.count;
	to->freed.size += from->freed.size;
	to->freed.time += from->freed.time;
	to->held.count += from->held.count;
	to->held.size += from->held.size;
	if (from->held.time > to->held.time)
		to->held.time = from->held.time;
}

struct group *events_group(const struct group *like)
{
	uint32_t key[] = { like->kind, like->id, like->depth, like->kernel, like->user };
	uint64_t hash = hash_bytes(key, sizeof(key), (uintptr_t)like->comm);
	uint32_t i = index_find(&group_index, hash, same_group, groups, like);

	if (i != INDEX_NONE)
		return &groups[i];
	GROW(groups, nr_groups, room_groups);
	groups[nr_groups] = *like;
	groups[nr_groups].sum = (struct vxr_value){
		.size_min = UINT64_MAX, .first_ns = UINT64_MAX,
	};
	groups[nr_groups].fate = (struct fate){};
	index_add(&group_index, hash, nr_groups);
	return &groups[nr_groups++];
}

const struct group *events_add(const struct sample *s)
{
	struct group want = {
		.kind = s->key->kind, .id = s->key->id, .depth = s->key->depth,
		.kernel = pool_number(&kernel_pool, s->kernel, s->nr_kernel),
		.user = user_stack(s),
		.tgid = s->key->tgid,
		.comm = intern_len(s->value->comm, sizeof(s->value->comm)),
	};
	struct group *g = events_group(&want);

	value_merge(&g->sum, s->value);
	return g;
}

const struct group *events_groups(size_t *count)
{
	*count = nr_groups;
	return groups;
}

static const void *pool_stack(const struct pool *pool, uint32_t number, size_t *count)
{
	const struct stack *s = &pool->stacks[number];

	*count = s->count;
	return pool->frames + s->first * pool->element_size;
}

const uint64_t *events_kernel_stack(uint32_t number, size_t *count)
{
	return pool_stack(&kernel_pool, number, count);
}

const struct user_frame *events_user_stack(uint32_t number, size_t *count)
{
	return pool_stack(&user_pool, number, count);
}

void events_restart(void)
{
	nr_groups = 0;
	index_clear(&group_index);
}

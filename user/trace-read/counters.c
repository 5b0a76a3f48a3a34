// SPDX-License-Identifier: GPL-2.0-only
/* What the two sources of counters share. */
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "counters.h"

#define CLASS_NAME(id, name) [VEXFS_OP_##id] = name,

static const char *names[MAX_CLASSES] = { VEXFS_OP_CLASSES(CLASS_NAME) };

const char *class_name(uint32_t op_class)
{
	return op_class < ARRAY_LEN(names) && names[op_class] ? names[op_class] : "?";
}

void class_set_name(uint32_t op_class, const char *function)
{
	if (op_class >= VEXFS_OP_NR && op_class < ARRAY_LEN(names))
		names[op_class] = function;
}

const char *kind_name(unsigned int kind)
{
	static const char *const names[] = {
		[VEXFS_EVENT_OP]	= "operations",
		[VEXFS_EVENT_ALLOC]	= "allocations",
		[VEXFS_EVENT_RECORD]	= "records",
		[VEXFS_EVENT_CHAIN]	= "chains",
	};

	return kind < ARRAY_LEN(names) ? names[kind] : "?";
}

struct site_counters *counters_add_site(struct counters *c)
{
	GROW(c->sites, c->nr_sites, c->room_sites);
	c->sites[c->nr_sites] = (struct site_counters){ .func = "?", .file = "?" };
	return &c->sites[c->nr_sites++];
}

/* NULL when it is not known. */
struct site_counters *counters_find_site(const struct counters *c, uint32_t id)
{
	size_t i;

	for (i = 0; i < c->nr_sites; i++)
		if (c->sites[i].id == id)
			return &c->sites[i];
	return NULL;
}

struct held_counters *counters_add_held(struct counters *c)
{
	GROW(c->held, c->nr_held, c->room_held);
	c->held[c->nr_held] = (struct held_counters){};
	return &c->held[c->nr_held++];
}

struct bad_free_counters *counters_add_bad_free(struct counters *c)
{
	GROW(c->bad_frees, c->nr_bad_frees, c->room_bad_frees);
	c->bad_frees[c->nr_bad_frees] = (struct bad_free_counters){
		.kind = "?", .func = "?", .comm = "?",
	};
	return &c->bad_frees[c->nr_bad_frees++];
}

void trail_add(struct trail *trail, const char *function)
{
	GROW(trail->function, trail->calls, trail->room);
	trail->function[trail->calls++] = function;
}

void counters_clear_held(struct counters *c)
{
	while (c->nr_held)
		free(c->held[--c->nr_held].from.function);
}

void counters_clear_bad_frees(struct counters *c)
{
	while (c->nr_bad_frees) {
		struct bad_free_counters *b = &c->bad_frees[--c->nr_bad_frees];

		free(b->allocated.function);
		free(b->freed.function);
		free(b->again.function);
	}
}

struct chain_frame *counters_add_frame(struct chain_counters *chain)
{
	GROW(chain->frame, chain->frames, chain->room);
	chain->frame[chain->frames] = (struct chain_frame){ .function = "?" };
	return &chain->frame[chain->frames++];
}

void counters_clear_chains(struct counters *c)
{
	unsigned int i;

	for (i = 0; i < MAX_CLASSES; i++) {
		struct chain_counters *chain = &c->classes[i].chain;

		*chain = (struct chain_counters){
			.comm = "?", .frame = chain->frame, .room = chain->room,
		};
	}
}

struct lock_counters *counters_add_lock(struct counters *c)
{
	GROW(c->locks, c->nr_locks, c->room_locks);
	c->locks[c->nr_locks] = (struct lock_counters){ .kind = "?", .function = "?" };
	return &c->locks[c->nr_locks++];
}

void counters_clear_locks(struct counters *c)
{
	while (c->nr_locks)
		free(c->locks[--c->nr_locks].stack.function);
}

void counters_clear_ops(struct ops_counters *ops)
{
	*ops = (struct ops_counters){ .error = ops->error, .room = ops->room };
}

void ops_add_error(struct ops_counters *ops, uint32_t number, uint64_t count)
{
	GROW(ops->error, ops->nr_errors, ops->room);
	ops->error[ops->nr_errors++] = (struct errno_count){ .number = number, .count = count };
}

const char *errno_name(uint32_t number)
{
	const char *name = number ? strerrorname_np(number) : NULL;

	return name ? name : "others";
}

void counters_free(struct counters *c)
{
	unsigned int i;

	for (i = 0; i < MAX_CLASSES; i++) {
		free(c->classes[i].chain.frame);
		free(c->classes[i].ops.error);
	}
	counters_clear_locks(c);
	free(c->locks);
	counters_clear_held(c);
	counters_clear_bad_frees(c);
	free(c->held);
	free(c->bad_frees);
	free(c->sites);
	free(c->status.cpu);
	*c = (struct counters){};
}

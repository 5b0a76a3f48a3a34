// SPDX-License-Identifier: GPL-2.0-only
/* Where memory came from that is followed until it is freed. */
#include <stdlib.h>
#include <string.h>

#include "vexfs_read.h"

#include "base.h"
#include "batch.h"
#include "origins.h"

/* So many origins are kept without a look at which are needed. */
#define KEPT_LEAST 65536

struct known {
	struct vxr_origin origin;
	struct group like;
	bool needed;
};

static struct known *known;
static size_t nr_known, room_known, pruned;
static struct index known_index;
/* Those that are not needed go with the next epoch. */
static bool marked;

/* While a map is read. */
struct reading {
	uint64_t count, unknown, now;
};

static bool same_origin(const void *array, uint32_t item, const void *key)
{
	return !memcmp(&((const struct known *)array)[item].origin, key,
		       sizeof(struct vxr_origin));
}

static uint64_t hash_origin(const struct vxr_origin *o)
{
	return hash_bytes(o, sizeof(*o), 0);
}

static struct known *find(const struct vxr_origin *o)
{
	uint32_t i = index_find(&known_index, hash_origin(o), same_origin, known, o);

	return i == INDEX_NONE ? NULL : &known[i];
}

void origins_note(const struct vxr_key *key, uint32_t turn, const struct group *group)
{
	GROW(known, nr_known, room_known);
	known[nr_known] = (struct known){
		.origin = { .key = *key, .turn = turn }, .like = *group, .needed = true,
	};
	index_add(&known_index, hash_origin(&known[nr_known].origin), nr_known);
	nr_known++;
}

static void add_freed(void *context, const void *keys, const void *values, size_t n)
{
	const struct vxr_origin *origins = keys;
	const struct vxr_freed *freed = values;
	struct reading *r = context;
	size_t i;

	for (i = 0; i < n; i++) {
		struct known *from = find(&origins[i]);
		const struct fate fate = { .freed = freed[i] };

		if (from)
			fate_merge(&events_group(&from->like)->fate, &fate);
		else
			r->unknown++;
		r->count += freed[i].count;
	}
}

uint64_t origins_freed(int map, uint64_t *freed)
{
	struct reading r = {};

	batch_read(map, true, "frees", sizeof(struct vxr_origin), sizeof(struct vxr_freed),
		   add_freed, &r);
	*freed += r.count;
	return r.unknown;
}

/* What was taken in the epoch that is not over is not known yet, nor counted. */
static void add_held(void *context, const void *keys, const void *values, size_t n)
{
	const struct vxr_taken *taken = values;
	struct reading *r = context;
	size_t i;

	(void)keys;
	for (i = 0; i < n; i++) {
		struct known *from = find(&taken[i].origin);
		const struct fate fate = { .held = {
			.count = 1, .size = taken[i].size,
			.time = r->now > taken[i].ns ? r->now - taken[i].ns : 0,
		} };

		if (!from)
			continue;
		fate_merge(&events_group(&from->like)->fate, &fate);
		r->count++;
	}
}

static void read_taken(int map, batch_fn *each, struct reading *r)
{
	batch_read(map, false, "allocations", sizeof(uint64_t), sizeof(struct vxr_taken), each, r);
}

uint64_t origins_held(int map)
{
	struct reading r = { .now = now_ns() };

	read_taken(map, add_held, &r);
	return r.count;
}

static void mark_needed(void *context, const void *keys, const void *values, size_t n)
{
	const struct vxr_taken *taken = values;
	size_t i;

	(void)context;
	(void)keys;
	for (i = 0; i < n; i++) {
		struct known *from = find(&taken[i].origin);

		if (from)
			from->needed = true;
	}
}

static void mark(int map)
{
	size_t i;

	for (i = 0; i < nr_known; i++)
		known[i].needed = false;
	read_taken(map, mark_needed, NULL);
}

static void drop(void)
{
	size_t i, n = 0;

	index_clear(&known_index);
	for (i = 0; i < nr_known; i++) {
		if (!known[i].needed)
			continue;
		known[n] = known[i];
		index_add(&known_index, hash_origin(&known[n].origin), n);
		n++;
	}
	nr_known = n;
	pruned = n;
}

/*
 * What was freed before the marking is in the map of frees of an epoch that has been read when the
 * next one is retired.
 */
void origins_prune(int map)
{
	if (marked)
		drop();
	marked = !marked && nr_known >= 2 * pruned + KEPT_LEAST;
	if (marked)
		mark(map);
}

void origins_free(void)
{
	free(known);
	known = NULL;
	nr_known = room_known = pruned = 0;
	marked = false;
	index_free(&known_index);
}

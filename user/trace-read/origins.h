/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where memory came from that is followed until it is freed. An allocation and its free may lie in
 * different epochs, and the ids of stacks mean nothing after theirs: so it is kept here what an
 * origin of a past epoch was.
 */
#ifndef TRACE_READ_ORIGINS_H
#define TRACE_READ_ORIGINS_H

#include <stdint.h>

#include "events.h"

/**
 * struct follow_account - all allocations that were to be followed since the start
 * @taken: chosen, with stacks that have ids
 * @freed: of them, freed
 * @held: of them, not freed
 * @sum: the programs' own counts, summed over CPUs and epochs
 * @recursion: frees that were not seen: the program was running on that CPU
 */
struct follow_account {
	uint64_t taken, freed, held, recursion;
	struct vxr_follow sum;
};

/* Allocations of @key that were counted in @turn belong to @group. */
void origins_note(const struct vxr_key *key, uint32_t turn, const struct group *group);

/*
 * Takes what was freed in a retired epoch out of its map, which is left empty, to the groups of the
 * window. Returns how many origins are not known, of which there should be none.
 */
uint64_t origins_freed(int map, uint64_t *freed);

/* Tells the groups of the window what is held now, by the map of it; returns how much that is. */
uint64_t origins_held(int map);

/*
 * Forgets the origins of which nothing is held any more, when they have become many. To be called
 * when an epoch was retired and what was freed in it was read.
 */
void origins_prune(int map);

void origins_free(void);

#endif /* TRACE_READ_ORIGINS_H */

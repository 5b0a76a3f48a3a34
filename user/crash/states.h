/* SPDX-License-Identifier: GPL-2.0-only */
/* All the states that a crash of a run can leave, as many as are to be tried. */
#ifndef CRASH_STATES_H
#define CRASH_STATES_H

#include "record.h"

/**
 * struct limits - how far to go
 * @states: stop after so many different states
 * @tries: stop when so many were built; 0: no bound
 * @all_of: try all subsets of so many pending writes
 * @pairs: at most so many pairs left out, at each place
 * @random: random subsets at each place
 * @stop: set from outside to end early; may be NULL
 * @progress: where the count is kept for others to see; may be NULL
 */
struct limits {
	u64 states;
	u64 tries;
	u32 all_of;
	u32 pairs;
	u32 random;
	const volatile int *stop;
	volatile u64 *progress;
};

/**
 * struct outcome - what came of it
 * @tried: states that were built
 * @different: of them, with different contents of the disk
 * @second: states after a second crash, on top
 * @failed: NULL, or what is wrong with one; to be freed
 * @crash: which
 */
struct outcome {
	u64 tried;
	u64 different;
	u64 second;
	char *failed;
	struct crash *crash;
};

/* Try the states of a run in a fixed order, until one is wrong. */
void states_try(const struct record *rec, const struct limits *limits, u64 seed,
		struct outcome *out);

/* Try one state only; NULL, or what is wrong with it, to be freed. */
char *states_try_one(const struct record *rec, const struct crash *crash);

#endif /* CRASH_STATES_H */

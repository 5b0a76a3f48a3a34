/* SPDX-License-Identifier: GPL-2.0-only */
/* A walk along a run: which writes are durable, which pending, what is promised by now. */
#ifndef CRASH_SIM_H
#define CRASH_SIM_H

#include "states.h"
#include "verify.h"

/**
 * struct known - what a generation was found to show
 * @seen: it was
 * @verdict: as what
 * @between: by thread: it shows the middle of the call that made this shot; 0: it does not
 */
struct known {
	bool seen;
	struct verdict verdict;
	u32 between[LANES_MAX];
};

/* An image that was tried: a hash, and the generation that it showed. */
struct tried {
	u64 sum;
	u64 generation;
};

/**
 * struct sim - the walk
 * @next: the first event that has not begun
 * @durable: the medium with all that is durable; @hash of each block, @sum of them all
 * @last: by block: 1 + the newest event that is durable there
 * @pending: events that may be on the medium or not, in order
 * @keep: by pending event: is it?
 * @acknowledged: oldest generation that may be found; @begun: newest
 * @lane_from: by thread: calls that are acknowledged; @lane_to: begun
 * @known: by generation
 * @table: images that were tried
 */
struct sim {
	const struct record *rec;
	const struct limits *limits;
	struct outcome *out;
	struct verifier v;
	u32 next;
	const u8 **durable;
	u64 *hash;
	u64 sum;
	u32 *last;
	u32 *pending;
	u8 *keep;
	u32 count;
	u64 acknowledged, begun;
	u32 lane_from[LANES_MAX], lane_to[LANES_MAX];
	struct known *known;
	u64 known_count;
	struct tried *table;
	u64 table_size;
	u64 *scratch;
	u64 rnd;
};

void sim_init(struct sim *s, const struct record *rec, const struct limits *limits,
	      struct outcome *out);
void sim_free(struct sim *s);

/* Would the next event make something durable? */
bool sim_closes(const struct sim *s);
/* Let it begin. */
void sim_step(struct sim *s);

/**
 * sim_try() - try a state of now
 * @s: @keep says which pending writes arrived
 * @torn: index of a pending one of which only @sectors did, or CRASH_WHOLE
 * @sectors: bit n: the n-th 512 bytes
 *
 * Return: false when the walk is to end: the state is wrong, or enough were tried.
 */
bool sim_try(struct sim *s, u32 torn, u8 sectors);

/* The same for a state that is wanted, tried in every way; NULL or what is wrong. */
const char *sim_try_wanted(struct sim *s, u32 torn, u8 sectors);

#endif /* CRASH_SIM_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* A workload: a disk, calls, and perhaps one crash. */
#ifndef CRASH_SCRIPT_H
#define CRASH_SCRIPT_H

#include <stdio.h>

#include "op.h"

#define CRASH_MISSING_MAX	4096u

/**
 * struct crash - one state that a crash leaves
 * @at: the last event that was begun
 * @missing: pending events that did not reach the medium
 * @count: of them
 * @torn: a pending event of which only some sectors did, or CRASH_WHOLE
 * @sectors: bit n set: the n-th 512 bytes did
 */
#define CRASH_WHOLE	(~0u)
struct crash {
	u32 at;
	u32 missing[CRASH_MISSING_MAX];
	u32 count;
	u32 torn;
	u8 sectors;
};

/**
 * struct script - a workload
 * @blocks: of the disk
 * @cache: bound of the cache in bytes; 0: the core's choice
 * @seed: of the disk's randomness
 * @discard: tell the disk about freed blocks
 * @threads: 0; else the calls are made by so many threads, each in a directory of its own
 * @crash: NULL, or the one state to try
 */
struct script {
	u64 blocks;
	u64 cache;
	u64 seed;
	u32 threads;
	u32 discard;
	struct op *ops;
	u32 count;
	struct crash *crash;
};

void script_init(struct script *s);
void script_free(struct script *s);
void script_add(struct script *s, const struct op *op);
/* A copy without its crash. */
void script_copy(struct script *to, const struct script *from);

/* Write it, each line behind @before and followed by @after. */
void script_print(const struct script *s, const struct crash *crash, FILE *out,
		  const char *before, const char *after);

/**
 * script_parse() - read a script
 * @s: script_init()ed
 * @text: lines; "#" begins a comment
 * @line: receives the number of a wrong one
 *
 * Return: NULL, or what is wrong.
 */
const char *script_parse(struct script *s, const char *text, u32 *line);

/* ---- generate.c --------------------------------------------------------------------- */

/* SplitMix64: every seed, 0 too, gives a good sequence. */
static inline u64 rnd_next(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* 0 to @n - 1. */
static inline u64 rnd_below(u64 *state, u64 n)
{
	return rnd_next(state) % n;
}

/* The workload number @round of a seed. */
void script_generate(struct script *s, u64 seed, u64 round);

/* Let @threads make the calls, on a disk that is large enough for them all. */
void script_divide(struct script *s, u32 threads);

/* A call that makes sense more often than not. */
void op_generate(struct op *op, u64 *rnd);

#endif /* CRASH_SCRIPT_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of vexfs bench share: the run, its rows, the true neighbours, the results. */
#ifndef VEXFS_CMD_BENCH_H
#define VEXFS_CMD_BENCH_H

#include "cmd.h"
#include "source.h"

#define BENCH_MAX_POINTS	16u

enum bench_op { BENCH_SEARCH, BENCH_INSERT, BENCH_GET };

extern const char *const bench_op_names[];

/**
 * struct bench_rows - rows that are made, or of a file
 * @path: of the file, or NULL
 * @source: the file, when @path is set
 * @dim: elements of a row
 * @random: state of the pseudo-random numbers
 * @directions: of rows that are made; see bench_rows.c
 */
struct bench_rows {
	const char *path;
	struct source source;
	uint32_t dim;
	uint64_t random;
	float *directions;
};

/**
 * struct bench_point - what was measured with one breadth
 * @ef: the breadth, 0 is the default
 * @least: cycles of an operation, as all of these
 * @median: of them
 * @mean: of them
 * @most: of them
 * @visited: rows compared by all operations
 * @recall: share of the true neighbours found, or -1: not asked for
 */
struct bench_point {
	uint64_t ef;
	uint64_t least;
	uint64_t median;
	uint64_t mean;
	uint64_t most;
	uint64_t visited;
	double recall;
};

/**
 * struct bench - one run
 * @c: options of every command
 * @shape: of a new collection
 * @op: what is measured
 * @queries: how many times
 * @warm: how many times before that, not counted
 * @k: neighbours of a search
 * @batch: queries or rows of one operation
 * @fill: rows of a new collection; 0: all of the file
 * @made: FILE is new
 * @csv: print CSV
 * @want_recall: compare with an exact search
 * @rows: what a new collection is filled with, and what is inserted
 * @asked: the queries
 * @points: one for each breadth
 * @nr_points: of them
 * @fill_batch: rows of one insertion when the collection was filled
 * @fill_cycles: what all of them took
 * @store: the collection
 * @isa: VEXFS_ISA_* that it is searched with
 * @vectors: memory for a batch of rows or queries
 * @ids: memory for ids
 * @distances: memory for distances
 * @cycles: of each operation
 * @truth: ids of the k true neighbours of each query, or NULL
 */
struct bench {
	struct common *c;
	struct shape shape;
	enum bench_op op;
	uint64_t queries;
	uint64_t warm;
	uint64_t k;
	uint64_t batch;
	uint64_t fill;
	bool made;
	bool csv;
	bool want_recall;
	struct bench_rows rows;
	struct bench_rows asked;
	struct bench_point points[BENCH_MAX_POINTS];
	unsigned int nr_points;
	uint64_t fill_batch;
	uint64_t fill_cycles;
	struct store *store;
	uint32_t isa;
	float *vectors;
	uint64_t *ids;
	float *distances;
	uint64_t *cycles;
	uint64_t *truth;
};

/* ---- bench_rows.c: all return a status, after a message ---------------------------- */

/* Begin: the rows of r->path, or with NULL those that @seed gives. @dim 0: what the file has. */
int bench_rows_open(struct bench_rows *r, uint32_t dim, uint64_t seed);
/* Back to the first row. */
int bench_rows_rewind(struct bench_rows *r, uint64_t seed);
/* Up to @max rows; *@got of 0 is the end of a file. */
int bench_rows_read(struct bench_rows *r, float *rows, uint32_t max, uint32_t *got);
/* Exactly @count rows; a file begins again when it ends. */
int bench_rows_cycle(struct bench_rows *r, float *rows, uint32_t count);
/* Make @count rows those of the collection, in place. A status. */
int bench_pack(const struct bench *b, const struct bench_rows *r, float *rows, uint32_t count);
void bench_rows_close(struct bench_rows *r);
/* The next number of a sequence. */
uint64_t bench_random(uint64_t *state);

/* ---- bench_exact.c ------------------------------------------------------------------- */

/* Find the true neighbours of all queries, into b->truth. A status. */
int bench_truth(struct bench *b);
/* How many of the neighbours in b->ids are true ones of operation @i. */
uint64_t bench_found(const struct bench *b, uint64_t i);

/* ---- bench_print.c ------------------------------------------------------------------- */

/* Print what was measured: a table, JSON or CSV. @clock: cycles that reading the counter takes. */
int bench_print(const struct bench *b, uint64_t clock);

#endif /* VEXFS_CMD_BENCH_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows of known shapes, collections of them, and how much of the truth a search finds. */
#ifndef VEX_TEST_VECTORS_H
#define VEX_TEST_VECTORS_H

#include "test.h"
#include <coll_mem.h>

enum shape {
	CLUSTERED,	/* 20 gaussian clusters, four times as far apart as they are wide */
	UNIFORM,	/* in a cube around zero */
	DUPLICATES,	/* each row 50 times, one after the other */
	TIGHT,		/* one cluster, a thousandth of its distance from zero wide */
	NORMS,		/* gaussian directions, lengths over two orders of magnitude */
	SHAPES
};

/* @n packed rows; free() them. */
float *vectors_new(enum shape shape, u32 n, u32 dim, u64 seed);
/* Queries of the same distribution, that are no rows. */
float *vectors_queries(enum shape shape, u32 n, u32 dim, u64 seed);

/* An empty collection; @code 0: a flat one. */
struct vexfs_coll *coll_new(u32 metric, u32 code, u32 dim, u32 m, u32 ef_construction);
/* The same with rows. */
struct vexfs_coll *coll_of(u32 metric, u32 code, u32 dim, const float *rows, u32 n);

enum { VECTORS_K = 10 };

/*
 * The share of the VECTORS_K nearest rows that @c finds, averaged over @nq queries. What is as
 * near as the last of @flat, which has the same rows, counts as found: of equal rows any will do.
 * Checks on the way that results are in order, distinct, and as far away as @flat says.
 */
double vectors_recall(struct vexfs_coll *c, struct vexfs_coll *flat, const float *queries,
		      u32 nq, u32 ef, const uint64_t *filter, u64 filter_words);

/*
 * Collections of the same rows, as @o says, find the same by @q whatever the instruction set, having
 * compared as many: returns how many, for each of SETS_QUERIES queries among SETS_ROWS rows.
 */
enum { SETS_ROWS = 1500, SETS_QUERIES = 20 };
u64 sets_agree(const struct vexfs_coll_options *o, struct vexfs_coll_query *q, u64 seed);

/* Results of one query: nearest first, equal distances by id, none twice, none not finite. */
void results_check(const uint64_t *ids, const float *distances, u32 k);

#endif /* VEX_TEST_VECTORS_H */

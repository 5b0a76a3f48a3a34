// SPDX-License-Identifier: GPL-2.0-only
/* See vectors.h. */
#include <float.h>
#include <math.h>

#include "vectors.h"

/* Irwin-Hall: near enough to a gaussian, and the same on every host. */
static float gauss(u64 *rnd)
{
	float sum = 0;

	for (u32 i = 0; i < 12; i++)
		sum += test_unit(rnd) / 2;
	return sum;
}

static void clustered(float *row, u32 dim, u64 *rnd)
{
	u64 centre = test_below(rnd, 20);

	for (u32 i = 0; i < dim; i++)
		row[i] = 4 * gauss(&centre) + gauss(rnd);
}

static void scaled(float *row, u32 dim, u64 *rnd)
{
	float scale = expf(gauss(rnd));

	for (u32 i = 0; i < dim; i++)
		row[i] = scale * gauss(rnd);
}

static void around(float *row, u32 dim, u64 *rnd)
{
	u64 centre = 5;

	for (u32 i = 0; i < dim; i++)
		row[i] = gauss(&centre) + 0.001f * gauss(rnd);
}

static void row_fill(enum shape shape, float *row, u32 dim, u64 *rnd)
{
	switch (shape) {
	case CLUSTERED:
		clustered(row, dim, rnd);
		break;
	case TIGHT:
		around(row, dim, rnd);
		break;
	case NORMS:
		scaled(row, dim, rnd);
		break;
	default:
		for (u32 i = 0; i < dim; i++)
			row[i] = test_unit(rnd);
	}
}

static float *vectors(enum shape shape, u32 n, u32 dim, u64 seed, u32 times)
{
	float *rows = malloc((size_t)n * dim * sizeof(*rows));
	u64 rnd = seed;

	for (u32 i = 0; i < n; i++) {
		float *row = rows + (size_t)i * dim;

		if (i % times)
			memcpy(row, row - dim, dim * sizeof(*row));
		else
			row_fill(shape, row, dim, &rnd);
	}
	return rows;
}

float *vectors_new(enum shape shape, u32 n, u32 dim, u64 seed)
{
	return vectors(shape, n, dim, seed, shape == DUPLICATES ? 50 : 1);
}

float *vectors_queries(enum shape shape, u32 n, u32 dim, u64 seed)
{
	return vectors(shape, n, dim, ~seed, 1);
}

struct vexfs_coll *coll_new(u32 metric, u32 code, u32 dim, u32 m, u32 ef_construction)
{
	struct vexfs_coll_options o = {
		.size = sizeof(o),
		.dim = dim,
		.metric = metric,
		.index = code ? VEXFS_COLL_HNSW : VEXFS_COLL_FLAT,
		.code = code,
		.m = m,
		.ef_construction = ef_construction,
	};
	struct vexfs_coll *c = NULL;

	assert_int_equal(vexfs_coll_memory(&o, &c), 0);
	return c;
}

struct vexfs_coll *coll_of(u32 metric, u32 code, u32 dim, const float *rows, u32 n)
{
	struct vexfs_coll *c = coll_new(metric, code, dim, 16, 100);

	assert_int_equal(vexfs_coll_add(c, rows, n, NULL), 0);
	return c;
}

u64 sets_agree(const struct vexfs_coll_options *o, struct vexfs_coll_query *q, u64 seed)
{
	float *rows = vectors_new(CLUSTERED, SETS_ROWS, o->dim, seed);
	float *queries = vectors_queries(CLUSTERED, SETS_QUERIES, o->dim, seed);
	static float distances[SETS_QUERIES * VECTORS_K];
	static uint64_t ids[2][SETS_QUERIES * VECTORS_K];
	u64 compared[2];

	for (u32 i = 0; i < 2; i++) {
		struct vexfs_coll *c = NULL;

		vex_dist_select(i ? vex_dist_best() : VEXFS_ISA_SCALAR);
		assert_int_equal(vexfs_coll_memory(o, &c), 0);
		assert_int_equal(vexfs_coll_add(c, rows, SETS_ROWS, NULL), 0);
		assert_int_equal(vexfs_coll_search(c, queries, SETS_QUERIES, VECTORS_K, q, ids[i],
						   distances), 0);
		compared[i] = q->compared;
		vexfs_coll_close(c);
	}
	assert_memory_equal(ids[0], ids[1], sizeof(ids[0]));
	assert_int_equal(compared[0], compared[1]);
	free(queries);
	free(rows);
	return compared[0];
}

void results_check(const uint64_t *ids, const float *distances, u32 k)
{
	for (u32 i = 0; i < k; i++) {
		assert_true(isfinite(distances[i]));
		if (ids[i] == VEXFS_COLL_NO_ID)
			assert_true(distances[i] == FLT_MAX);
		if (!i || (ids[i] == VEXFS_COLL_NO_ID && ids[i - 1] == VEXFS_COLL_NO_ID))
			continue;
		assert_true(distances[i - 1] < distances[i] ||
			    (distances[i - 1] == distances[i] && ids[i - 1] < ids[i]));
	}
}

/* The distance that the flat index has for one row: it alone passes the filter. */
static float distance_of(struct vexfs_coll *flat, const float *query, u64 id)
{
	uint64_t *filter = calloc(id / 64 + 1, sizeof(*filter)), found;
	struct vexfs_coll_query q = {
		.size = sizeof(q),
		.filter = filter,
		.filter_words = id / 64 + 1,
	};
	float distance;

	filter[id / 64] = 1ULL << id % 64;
	assert_int_equal(vexfs_coll_search(flat, query, 1, 1, &q, &found, &distance), 0);
	assert_int_equal(found, id);
	free(filter);
	return distance;
}

double vectors_recall(struct vexfs_coll *c, struct vexfs_coll *flat, const float *queries,
		      u32 nq, u32 ef, const uint64_t *filter, u64 filter_words)
{
	struct vexfs_coll_query q = {
		.size = sizeof(q),
		.ef = ef,
		.filter = filter,
		.filter_words = filter_words,
	};
	uint64_t want[VECTORS_K], ids[VECTORS_K];
	float least[VECTORS_K], got[VECTORS_K];
	u32 dim = c->options.dim, hits = 0, all = 0;

	for (u32 n = 0; n < nq; n++, queries += dim) {
		assert_int_equal(vexfs_coll_search(flat, queries, 1, VECTORS_K, &q, want, least),
				 0);
		assert_int_equal(vexfs_coll_search(c, queries, 1, VECTORS_K, &q, ids, got), 0);
		results_check(want, least, VECTORS_K);
		results_check(ids, got, VECTORS_K);
		if (!(n % 16))
			assert_true(ids[0] == VEXFS_COLL_NO_ID ||
				    got[0] == distance_of(flat, queries, ids[0]));
		for (u32 i = 0; i < VECTORS_K && want[i] != VEXFS_COLL_NO_ID; i++) {
			all++;
			hits += ids[i] != VEXFS_COLL_NO_ID && got[i] <= least[VECTORS_K - 1];
		}
	}
	return all ? (double)hits / all : 1;
}

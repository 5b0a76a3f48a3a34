// SPDX-License-Identifier: GPL-2.0-only
/* What vexfs.h promises of collections in memory: refusals first. VERBOSE=1 prints recall. */
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#include "vectors.h"

enum { DIM = 8, K = 10 };

static const u32 kinds[] = { 0, VEXFS_COLL_SQ7, VEXFS_COLL_SQ4 };

/* A collection of each kind over the same rows. */
typedef void coll_fn(struct vexfs_coll *c, const float *rows, u32 n);

static void each_kind(enum shape shape, u32 n, coll_fn *fn)
{
	float *rows = vectors_new(shape, n, DIM, 41);

	for (u32 metric = VEXFS_COLL_L2; metric <= VEXFS_COLL_COSINE; metric++)
		for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
			struct vexfs_coll *c = coll_of(metric, kinds[i], DIM, rows, n);

			fn(c, rows, n);
			vexfs_coll_close(c);
		}
	free(rows);
}

static u64 rows_in(struct vexfs_coll *c)
{
	struct vexfs_coll_stats st;

	assert_int_equal(vexfs_coll_stat(c, &st), 0);
	return st.rows;
}

static void delete_range(struct vexfs_coll *c, uint64_t from, uint64_t to)
{
	for (; from < to; from++)
		assert_int_equal(vexfs_coll_delete(c, &from, 1), 0);
}

/* ---- refusals of creation -------------------------------------------------------------- */

static int create(struct vexfs_coll_options o)
{
	struct vexfs_coll *untouched = (void *)&o, *c = untouched;
	int err;

	err = vexfs_coll_memory(&o, &c);
	if (err)
		assert_ptr_equal(c, untouched);
	else
		vexfs_coll_close(c);
	return err;
}

/* Good options but for one. */
#define WITH(field, value)							\
({										\
	struct vexfs_coll_options with = { .size = sizeof(with), .dim = 4 };	\
										\
	with.field = value;							\
	with;									\
})

static void options_out_of_range_are_refused(void **state)
{
	const struct vexfs_coll_options bad[] = {
		WITH(size, 0),
		WITH(size, 24),
		WITH(size, sizeof(struct vexfs_coll_options) + 4),
		WITH(dim, 0),
		WITH(dim, 65536),
		WITH(metric, 4),
		WITH(metric, 5),
		WITH(elem, 5),
		WITH(elem, UINT32_MAX),
		WITH(metric, UINT32_MAX),
		WITH(index, 5),
		WITH(code, 3),
		WITH(code, 5),
		WITH(code, 6),
		WITH(m, 1),
		WITH(m, 129),
		WITH(ef_construction, 65537),
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
		if (create(bad[i]) != -EINVAL)
			fail_msg("options %u are accepted", i);
}

static void options_at_the_ends_of_ranges_are_accepted(void **state)
{
	(void)state;
	assert_int_equal(create(WITH(dim, 1)), 0);
	assert_int_equal(create(WITH(dim, 65535)), 0);
	assert_int_equal(create(WITH(m, 2)), 0);
	assert_int_equal(create(WITH(m, 128)), 0);
	assert_int_equal(create(WITH(ef_construction, 1)), 0);
	assert_int_equal(create(WITH(ef_construction, 65536)), 0);
}

static void defaults_are_those_of_the_header(void **state)
{
	struct vexfs_coll_options o = WITH(dim, 256);
	struct vexfs_coll_stats st;
	struct vexfs_coll *c;

	(void)state;
	assert_int_equal(vexfs_coll_memory(&o, &c), 0);
	assert_int_equal(vexfs_coll_stat(c, &st), 0);
	assert_int_equal(st.dim, 256);
	assert_int_equal(st.metric, VEXFS_COLL_L2);
	assert_int_equal(st.index, VEXFS_COLL_HNSW);
	assert_int_equal(st.m, 16);
	assert_int_equal(st.ef_construction, 200);
	assert_in_range(st.code, VEXFS_COLL_SQ7, VEXFS_COLL_PCA);
	assert_int_equal(st.rows | st.live | st.indexed | st.row_bytes | st.index_bytes, 0);
	vexfs_coll_close(c);
	vexfs_coll_close(NULL);
}

/* ---- refusals of rows and queries ------------------------------------------------------ */

static const u32 not_finite[] = { 0x7f800000, 0xff800000, 0x7fc00000, 0xffffffff, 0x7f800001 };

static void check_bad_rows(struct vexfs_coll *c, const float *rows, u32 n)
{
	float bad[3 * DIM];
	uint64_t id = 77;

	for (u32 i = 0; i < ARRAY_SIZE(not_finite); i++)
		for (u32 at = 0; at < 3 * DIM; at += 5) {
			memcpy(bad, rows, sizeof(bad));
			bad[at] = test_float(not_finite[i]);
			assert_int_equal(vexfs_coll_add(c, bad, 3, &id), -EDOM);
			assert_int_equal(rows_in(c), n);
			assert_int_equal(id, 77);
		}
}

static void rows_not_finite_are_refused_and_none_added(void **state)
{
	(void)state;
	each_kind(UNIFORM, 3, check_bad_rows);
	each_kind(UNIFORM, 300, check_bad_rows);
}

static void check_bad_queries(struct vexfs_coll *c, const float *rows, u32 n)
{
	float bad[2 * DIM], distances[2 * K];
	uint64_t ids[2 * K];

	for (u32 i = 0; i < ARRAY_SIZE(not_finite); i++)
		for (u32 at = 0; at < 2 * DIM; at++) {
			memcpy(bad, rows, sizeof(bad));
			bad[at] = test_float(not_finite[i]);
			assert_int_equal(vexfs_coll_search(c, bad, 2, K, NULL, ids, distances),
					 -EDOM);
		}
}

static void queries_not_finite_are_refused(void **state)
{
	(void)state;
	each_kind(UNIFORM, 300, check_bad_queries);
}

static void check_bad_search(struct vexfs_coll *c, const float *rows, u32 n)
{
	struct vexfs_coll_query q = { .size = 31 };
	float distances[K];
	uint64_t ids[K];

	assert_int_equal(vexfs_coll_search(c, rows, 1, 0, NULL, ids, distances), -EINVAL);
	assert_int_equal(vexfs_coll_search(c, rows, 1, 65537, NULL, ids, distances), -EINVAL);
	assert_int_equal(vexfs_coll_search(c, rows, 1, K, &q, ids, distances), -EINVAL);
	q.size = 0;
	assert_int_equal(vexfs_coll_search(c, rows, 1, K, &q, ids, distances), -EINVAL);
	q.size = sizeof(q) + 8;
	assert_int_equal(vexfs_coll_search(c, rows, 1, K, &q, ids, distances), -EINVAL);
}

static void searches_out_of_range_are_refused(void **state)
{
	(void)state;
	each_kind(UNIFORM, 300, check_bad_search);
}

static void more_rows_than_ids_are_refused(void **state)
{
	struct vexfs_coll *c = coll_new(VEXFS_COLL_L2, VEXFS_COLL_SQ7, 16, 0, 0);

	(void)state;
	/* Their bytes wrap round to none: no row is looked at. */
	assert_int_equal(vexfs_coll_add(c, NULL, 1ULL << 60, NULL), -EFBIG);
	assert_int_equal(rows_in(c), 0);
	vexfs_coll_close(c);
}

/* ---- ids ------------------------------------------------------------------------------- */

static void check_order_of_ids(struct vexfs_coll *c, const float *rows, u32 n)
{
	float got[DIM];
	uint64_t id;

	for (id = 0; id < n; id++) {
		assert_int_equal(vexfs_coll_get(c, &id, 1, got), 0);
		assert_memory_equal(got, rows + id * DIM, sizeof(got));
	}
	assert_int_equal(vexfs_coll_add(c, rows, 0, &id), 0);
	assert_int_equal(id, n);
	assert_int_equal(vexfs_coll_add(c, rows, 5, &id), 0);
	assert_int_equal(id, n);
	assert_int_equal(vexfs_coll_add(c, rows, 1, &id), 0);
	assert_int_equal(id, n + 5);
}

static void ids_follow_the_order_of_insertion(void **state)
{
	(void)state;
	each_kind(UNIFORM, 300, check_order_of_ids);
}

static void check_unknown_ids(struct vexfs_coll *c, const float *rows, u32 n)
{
	const uint64_t ids[][3] = { { 0, 1, n }, { n + 63, 1, 2 }, { 1, UINT64_MAX, 2 },
				    { 1ULL << 32, 1, 2 } };
	struct vexfs_coll_stats st;
	float got[3 * DIM];

	for (u32 i = 0; i < ARRAY_SIZE(ids); i++) {
		assert_int_equal(vexfs_coll_get(c, ids[i], 3, got), -ENOENT);
		assert_int_equal(vexfs_coll_delete(c, ids[i], 3), -ENOENT);
		assert_int_equal(vexfs_coll_stat(c, &st), 0);
		assert_int_equal(st.live, n);
	}
	assert_int_equal(vexfs_coll_get(c, ids[0], 2, got), 0);
}

static void unknown_ids_are_refused_and_none_deleted(void **state)
{
	(void)state;
	each_kind(UNIFORM, 300, check_unknown_ids);
	each_kind(UNIFORM, 3, check_unknown_ids);
}

static void check_deleted_twice(struct vexfs_coll *c, const float *rows, u32 n)
{
	const uint64_t one = 5, two[] = { 6, 5 };
	struct vexfs_coll_stats st;
	float got[DIM];

	assert_int_equal(vexfs_coll_delete(c, &one, 1), 0);
	assert_int_equal(vexfs_coll_delete(c, &one, 1), -ENOENT);
	assert_int_equal(vexfs_coll_get(c, &one, 1, got), -ENOENT);
	assert_int_equal(vexfs_coll_delete(c, two, 2), -ENOENT);
	assert_int_equal(vexfs_coll_get(c, two, 1, got), 0);
	assert_int_equal(vexfs_coll_stat(c, &st), 0);
	assert_int_equal(st.live, n - 1);
	assert_int_equal(st.rows, n);
}

static void a_deleted_row_is_refused_like_an_unknown_one(void **state)
{
	(void)state;
	each_kind(UNIFORM, 300, check_deleted_twice);
}

static void check_repeated_id(struct vexfs_coll *c, const float *rows, u32 n)
{
	const uint64_t ids[] = { 7, 9, 7, 7 };
	struct vexfs_coll_stats st;

	assert_int_equal(vexfs_coll_delete(c, ids, 4), 0);
	assert_int_equal(vexfs_coll_stat(c, &st), 0);
	assert_int_equal(st.live, n - 2);
}

static void an_id_repeated_in_one_deletion_counts_once(void **state)
{
	(void)state;
	each_kind(UNIFORM, 300, check_repeated_id);
}

/* ---- results --------------------------------------------------------------------------- */

static void results_expect(struct vexfs_coll *c, const float *query, u32 k, u32 want)
{
	uint64_t *ids = malloc(k * sizeof(*ids));
	float *distances = malloc(k * sizeof(*distances));

	assert_int_equal(vexfs_coll_search(c, query, 1, k, NULL, ids, distances), 0);
	results_check(ids, distances, k);
	for (u32 i = 0; i < k; i++)
		assert_int_equal(ids[i] != VEXFS_COLL_NO_ID, i < want);
	free(distances);
	free(ids);
}

static void check_more_than_rows(struct vexfs_coll *c, const float *rows, u32 n)
{
	results_expect(c, rows, n, n);
	results_expect(c, rows, n + 1, n);
	results_expect(c, rows, 3 * n, n);
	delete_range(c, 0, n - 1);
	results_expect(c, rows, n, 1);
	delete_range(c, n - 1, n);
	results_expect(c, rows, 1, 0);
	results_expect(c, rows, n, 0);
}

static void slots_past_the_last_row_are_marked(void **state)
{
	(void)state;
	each_kind(UNIFORM, 40, check_more_than_rows);
	each_kind(UNIFORM, 400, check_more_than_rows);
}

static void an_empty_collection_finds_nothing(void **state)
{
	const float query[DIM] = { 1 };

	(void)state;
	for (u32 metric = VEXFS_COLL_L2; metric <= VEXFS_COLL_COSINE; metric++)
		for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
			struct vexfs_coll *c = coll_new(metric, kinds[i], DIM, 0, 0);

			results_expect(c, query, K, 0);
			assert_int_equal(vexfs_coll_search(c, query, 0, K, NULL, NULL, NULL), 0);
			vexfs_coll_close(c);
		}
}

/* Under an inner product as many nearer rows will do: a row need not be its own nearest. */
static bool found(const struct vexfs_coll *c, const float *row, uint64_t id, const uint64_t *ids,
		  const float *distances)
{
	float dot = 0;

	for (u32 k = 0; k < K; k++)
		if (ids[k] == id)
			return true;
	for (u32 i = 0; i < DIM; i++)
		dot += row[i] * row[i];
	return c->options.metric == VEXFS_COLL_IP && distances[K - 1] <= 1e-5f - dot;
}

static void check_found_at_once(struct vexfs_coll *c, const float *rows, u32 n)
{
	float *more = vectors_new(UNIFORM, n, DIM, 49), distances[K];
	uint64_t ids[K], id;

	(void)rows;
	for (u32 i = 0; i < n; i++) {
		const float *row = more + i * DIM;

		assert_int_equal(vexfs_coll_add(c, row, 1, &id), 0);
		assert_int_equal(vexfs_coll_search(c, row, 1, K, NULL, ids, distances), 0);
		assert_true(found(c, row, id, ids, distances));
	}
	free(more);
}

static void a_row_is_found_as_soon_as_it_is_added(void **state)
{
	(void)state;
	each_kind(UNIFORM, 200, check_found_at_once);
}

static void check_query_batch(struct vexfs_coll *c, const float *rows, u32 n)
{
	enum { NQ = 5 };
	uint64_t all[NQ * K], one[K];
	float far[NQ * K], distances[K];
	struct vexfs_coll_query q = { .size = sizeof(q) };

	assert_int_equal(vexfs_coll_search(c, rows, NQ, K, &q, all, far), 0);
	assert_true(q.compared >= NQ * K);
	for (u32 i = 0; i < NQ; i++) {
		assert_int_equal(vexfs_coll_search(c, rows + i * DIM, 1, K, NULL, one, distances),
				 0);
		assert_memory_equal(one, all + i * K, sizeof(one));
		assert_memory_equal(distances, far + i * K, sizeof(distances));
	}
}

static void queries_together_find_what_they_find_alone(void **state)
{
	(void)state;
	each_kind(CLUSTERED, 500, check_query_batch);
}

/* Rows around a query, and a chosen number of them, are deleted. */
static void check_never_returned(struct vexfs_coll *c, const float *rows, u32 n)
{
	uint64_t ids[K];
	float distances[K];

	for (u32 round = 0; round < n / K / 2; round++) {
		const float *query = rows + round * 7 % n * DIM;

		assert_int_equal(vexfs_coll_search(c, query, 1, K, NULL, ids, distances), 0);
		for (u32 i = 0; i < K; i++) {
			assert_int_not_equal(ids[i], VEXFS_COLL_NO_ID);
			assert_int_equal(c->dead[ids[i] / 64] >> ids[i] % 64 & 1, 0);
		}
		assert_int_equal(vexfs_coll_delete(c, ids, K), 0);
	}
}

static void deleted_rows_are_never_returned(void **state)
{
	(void)state;
	each_kind(CLUSTERED, 500, check_never_returned);
}

static void rows_deleted_before_the_graph_are_never_returned(void **state)
{
	float *rows = vectors_new(UNIFORM, 600, DIM, 42), distances[K];
	uint64_t ids[K];

	(void)state;
	for (u32 i = 1; i < ARRAY_SIZE(kinds); i++) {
		struct vexfs_coll *c = coll_of(VEXFS_COLL_L2, kinds[i], DIM, rows, 200);

		delete_range(c, 0, 200);
		assert_int_equal(vexfs_coll_add(c, rows, 600, NULL), 0);
		for (u32 n = 0; n < 200; n++) {
			assert_int_equal(vexfs_coll_search(c, rows + n * DIM, 1, K, NULL, ids,
							   distances), 0);
			assert_int_equal(ids[0], 200 + n);
			for (u32 k = 0; k < K; k++)
				assert_in_range(ids[k], 200, 799);
		}
		vexfs_coll_close(c);
	}
	free(rows);
}

/* ---- filters --------------------------------------------------------------------------- */

static void check_filter_words(struct vexfs_coll *c, const float *rows, u32 n)
{
	uint64_t filter[2] = { 1ULL << 3, 1ULL << 10 }, ids[K];
	struct vexfs_coll_query q = { .size = sizeof(q), .filter = filter, .filter_words = 2 };
	float distances[K];

	assert_int_equal(vexfs_coll_search(c, rows, 1, K, &q, ids, distances), 0);
	results_check(ids, distances, K);
	assert_int_equal(min(ids[0], ids[1]), 3);
	assert_int_equal(max(ids[0], ids[1]), 74);
	assert_int_equal(ids[2], VEXFS_COLL_NO_ID);
	q.filter_words = 1;
	assert_int_equal(vexfs_coll_search(c, rows, 1, K, &q, ids, distances), 0);
	assert_int_equal(ids[0], 3);
	assert_int_equal(ids[1], VEXFS_COLL_NO_ID);
	q.filter_words = 0;
	assert_int_equal(vexfs_coll_search(c, rows, 1, K, &q, ids, distances), 0);
	assert_int_equal(ids[0], VEXFS_COLL_NO_ID);
}

static void rows_past_the_filter_are_not_found(void **state)
{
	(void)state;
	each_kind(UNIFORM, 100, check_filter_words);
	each_kind(UNIFORM, 300, check_filter_words);
}

/* Each row passes with a chance of @per_mille; bits past the last row are set, too. */
static void filter_fill(uint64_t *filter, u32 words, u32 per_mille)
{
	u64 rnd = per_mille;

	memset(filter, 0, words * sizeof(*filter));
	for (u32 i = 0; i < words * 64; i++)
		filter[i / 64] |= (uint64_t)(test_below(&rnd, 1000) < per_mille) << i % 64;
}

static void filtered_searches_find_the_true_neighbours(void **state)
{
	static const u32 per_mille[] = { 1000, 900, 500, 100, 40, 10, 1, 0 };
	enum { ROWS = 3000, WORDS = ROWS / 64 + 2, QUERIES = 40, D = 16 };
	float *rows = vectors_new(CLUSTERED, ROWS, D, 43);
	float *queries = vectors_queries(CLUSTERED, QUERIES, D, 43);
	uint64_t filter[WORDS];

	(void)state;
	for (u32 i = 1; i < ARRAY_SIZE(kinds); i++) {
		struct vexfs_coll *c = coll_of(VEXFS_COLL_L2, kinds[i], D, rows, ROWS);
		struct vexfs_coll *flat = coll_of(VEXFS_COLL_L2, 0, D, rows, ROWS);

		for (u32 n = 0; n < ARRAY_SIZE(per_mille); n++) {
			double recall;

			filter_fill(filter, WORDS, per_mille[n]);
			recall = vectors_recall(c, flat, queries, QUERIES, 100, filter, WORDS);
			if (getenv("VERBOSE"))
				printf("sq%u, %u of 1000 pass: recall %.4f\n",
				       kinds[i] == VEXFS_COLL_SQ4 ? 4 : 7, per_mille[n], recall);
			assert_true(recall >= (kinds[i] == VEXFS_COLL_SQ4 ? 0.93 : 0.97));
		}
		vexfs_coll_close(flat);
		vexfs_coll_close(c);
	}
	free(queries);
	free(rows);
}

/* Half of the rows are deleted, those that pass among them. */
static void filters_and_deletions_go_together(void **state)
{
	enum { ROWS = 2000, WORDS = ROWS / 64 + 1, QUERIES = 40 };
	float *rows = vectors_new(CLUSTERED, ROWS, DIM, 44);
	float *queries = vectors_queries(CLUSTERED, QUERIES, DIM, 44);
	struct vexfs_coll *c = coll_of(VEXFS_COLL_L2, VEXFS_COLL_SQ7, DIM, rows, ROWS);
	struct vexfs_coll *flat = coll_of(VEXFS_COLL_L2, 0, DIM, rows, ROWS);
	uint64_t filter[WORDS];

	(void)state;
	delete_range(c, 500, 1500);
	delete_range(flat, 500, 1500);
	assert_true(vectors_recall(c, flat, queries, QUERIES, 100, NULL, 0) >= 0.97);
	for (u32 per_mille = 1; per_mille <= 1000; per_mille *= 10) {
		filter_fill(filter, WORDS, per_mille);
		assert_true(vectors_recall(c, flat, queries, QUERIES, 100, filter, WORDS) >= 0.97);
	}
	vexfs_coll_close(flat);
	vexfs_coll_close(c);
	free(queries);
	free(rows);
}

/* ---- extreme values -------------------------------------------------------------------- */

static float extreme(u32 sort, u64 *rnd)
{
	float sign = test_random(rnd) & 1 ? -1.0f : 1.0f;

	switch (sort) {
	case 0:
		return sign * FLT_MAX;
	case 1:
		return test_float(test_random(rnd) & 0x807fffff);
	case 2:
		return sign * 0.0f;
	case 3:
		return sign * test_float((u32)test_below(rnd, 0x7f800000));
	default:
		return test_unit(rnd);
	}
}

/* Sorts of values row by row, or one sort in all rows. */
static float *extreme_rows(u32 n, u32 sort)
{
	float *rows = malloc(n * DIM * sizeof(*rows));
	u64 rnd = 45;

	for (u32 i = 0; i < n * DIM; i++)
		rows[i] = extreme(sort == 5 ? i / DIM % 5 : sort, &rnd);
	return rows;
}

static void check_extremes(struct vexfs_coll *c, const float *queries, u32 n)
{
	struct vexfs_coll_query q = { .size = sizeof(q), .ef = 400 };
	uint64_t ids[K];
	float distances[K];

	for (u32 i = 0; i < n; i++) {
		assert_int_equal(vexfs_coll_search(c, queries + i * DIM, 1, K, &q, ids, distances),
				 0);
		results_check(ids, distances, K);
		assert_int_not_equal(ids[K - 1], VEXFS_COLL_NO_ID);
		/* The order of results tells -0 from +0: there is one zero only. */
		for (u32 k = 0; k < K; k++)
			assert_int_not_equal(test_bits(distances[k]), 0x80000000);
	}
}

static void distances_of_extreme_values_are_finite(void **state)
{
	enum { ROWS = 300 };

	(void)state;
	for (u32 sort = 0; sort < 6; sort++)
		for (u32 metric = VEXFS_COLL_L2; metric <= VEXFS_COLL_COSINE; metric++)
			for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
				float *rows = extreme_rows(ROWS, sort), *any = extreme_rows(25, 5);
				struct vexfs_coll *c = coll_of(metric, kinds[i], DIM, rows, ROWS);

				check_extremes(c, rows, 25);
				check_extremes(c, any, 25);
				vexfs_coll_close(c);
				free(any);
				free(rows);
			}
}

static void zero_vectors_have_cosine_distance_one(void **state)
{
	enum { ROWS = 300 };
	float *rows = vectors_new(UNIFORM, ROWS, DIM, 46), distances[ROWS];
	const float zeros[DIM] = { 0 };
	uint64_t ids[ROWS];

	(void)state;
	memset(rows + 17 * DIM, 0, DIM * sizeof(*rows));
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct vexfs_coll *c = coll_of(VEXFS_COLL_COSINE, kinds[i], DIM, rows, ROWS);

		assert_int_equal(vexfs_coll_search(c, zeros, 1, ROWS, NULL, ids, distances), 0);
		for (u32 n = 0; n < ROWS; n++) {
			assert_int_equal(ids[n], n);
			assert_true(distances[n] == 1);
		}
		assert_int_equal(vexfs_coll_search(c, rows, 1, ROWS, NULL, ids, distances), 0);
		for (u32 n = 0; n < ROWS; n++)
			assert_true(ids[n] != 17 || distances[n] == 1);
		vexfs_coll_close(c);
	}
	free(rows);
}

/* ---- memory that is not there ---------------------------------------------------------- */

enum { FAIL_ROWS = 300, FAIL_MORE = 40, FAIL_DIM = 4 };

/* The rest of the rows; what an error has kept back from the graph is brought there. */
static void add_at_last(struct vexfs_coll *c, const float *rows, u32 to)
{
	u64 have = rows_in(c);

	assert_int_equal(vexfs_coll_add(c, rows + have * FAIL_DIM, to - have, NULL), 0);
}

static void use_failing(struct vexfs_coll *c, const float *rows, u32 *failed)
{
	uint64_t ids[K], id = 3;
	float distances[K];
	int err;

	for (u32 to = FAIL_ROWS; to <= FAIL_ROWS + FAIL_MORE; to += FAIL_MORE / 2) {
		u64 have = rows_in(c);

		err = vexfs_coll_add(c, rows + have * FAIL_DIM, to - have, NULL);
		assert_true(!err || err == -ENOMEM);
		*failed += !!err;
		assert_in_range(rows_in(c), have, to);
		err = vexfs_coll_search(c, rows, 1, K, NULL, ids, distances);
		assert_true(!err || err == -ENOMEM);
		*failed += !!err;
	}
	if (rows_in(c) > 3)
		assert_int_equal(vexfs_coll_delete(c, &id, 1), 0);
}

/* It holds all rows in the end, and finds them. */
static void use_afterwards(struct vexfs_coll *c, const float *rows)
{
	struct vexfs_coll_stats st;
	uint64_t id;
	float distance;

	add_at_last(c, rows, FAIL_ROWS + FAIL_MORE);
	assert_int_equal(vexfs_coll_stat(c, &st), 0);
	assert_int_equal(st.rows, FAIL_ROWS + FAIL_MORE);
	if (c->options.index == VEXFS_COLL_HNSW)
		assert_int_equal(st.indexed, st.rows);
	for (u32 i = 10; i < FAIL_ROWS + FAIL_MORE; i += 17) {
		assert_int_equal(vexfs_coll_search(c, rows + i * FAIL_DIM, 1, 1, NULL, &id,
						   &distance), 0);
		assert_int_equal(id, i);
	}
}

/* Allocation @nth and @more fail. Returns how many calls did. */
static u32 fail_at(const float *rows, u32 code, u64 nth, u64 more)
{
	struct vexfs_coll_options o = {
		.size = sizeof(o),
		.dim = FAIL_DIM,
		.index = code ? VEXFS_COLL_HNSW : VEXFS_COLL_FLAT,
		.code = code,
		.m = 4,
		.ef_construction = 16,
	};
	struct vex_mem_count before, after;
	struct vexfs_coll *c;
	u32 failed = 0;
	int err;

	vex_mem_count(&before);
	vex_mem_fail(nth, more);
	err = vexfs_coll_memory(&o, &c);
	if (!err) {
		use_failing(c, rows, &failed);
		vex_mem_fail(0, 0);
		use_afterwards(c, rows);
		vexfs_coll_close(c);
	} else {
		assert_int_equal(err, -ENOMEM);
		failed++;
	}
	vex_mem_fail(0, 0);
	vex_mem_count(&after);
	assert_int_equal(after.live, before.live);
	return failed;
}

static void any_allocation_may_fail(void **state)
{
	float *rows = vectors_new(UNIFORM, FAIL_ROWS + FAIL_MORE, FAIL_DIM, 47);
	u64 nth;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (nth = 1; fail_at(rows, kinds[i], nth, 0); nth++)
			;
		assert_true(nth > (kinds[i] ? 20 : 5));
	}
	free(rows);
}

static void all_allocations_from_one_on_may_fail(void **state)
{
	float *rows = vectors_new(UNIFORM, FAIL_ROWS + FAIL_MORE, FAIL_DIM, 47);

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++)
		for (u64 nth = 1; fail_at(rows, kinds[i], nth, U64_MAX); nth++)
			;
	free(rows);
}

/* ---- threads --------------------------------------------------------------------------- */

enum { OLD = 400, NEW = 500, SEARCHES = 300 };

struct shared {
	struct vexfs_coll *c;
	const float *rows;
	atomic_uint deleted;	/* rows below it are */
	atomic_uint bad;
};

static void *thread_search(void *arg)
{
	struct shared *s = arg;
	uint64_t ids[K];
	float distances[K];

	for (u32 i = 0; i < SEARCHES; i++) {
		const float *query = s->rows + i % OLD * DIM;
		u32 gone = atomic_load(&s->deleted);

		if (vexfs_coll_search(s->c, query, 1, K, NULL, ids, distances))
			atomic_fetch_add(&s->bad, 1);
		for (u32 k = 0; k < K; k++) {
			bool ordered = !k || distances[k - 1] < distances[k] ||
				       (distances[k - 1] == distances[k] && ids[k - 1] < ids[k]);

			if (ids[k] < gone || ids[k] >= OLD + NEW || !ordered)
				atomic_fetch_add(&s->bad, 1);
		}
	}
	return NULL;
}

static void *thread_insert(void *arg)
{
	struct shared *s = arg;

	for (u32 i = OLD; i < OLD + NEW; i += 5)
		if (vexfs_coll_add(s->c, s->rows + i * DIM, 5, NULL))
			atomic_fetch_add(&s->bad, 1);
	return NULL;
}

static void *thread_delete(void *arg)
{
	struct shared *s = arg;

	for (uint64_t id = 0; id < OLD / 2; id++) {
		struct vexfs_coll_stats st;

		if (vexfs_coll_delete(s->c, &id, 1) || vexfs_coll_stat(s->c, &st) ||
		    st.rows - st.live != id + 1)
			atomic_fetch_add(&s->bad, 1);
		atomic_store(&s->deleted, id + 1);
	}
	return NULL;
}

static void searches_run_beside_insertions_and_deletions(void **state)
{
	void *(*const run[])(void *) = { thread_search, thread_search, thread_insert,
					 thread_delete };
	float *rows = vectors_new(UNIFORM, OLD + NEW, DIM, 48);
	pthread_t thread[ARRAY_SIZE(run)];

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct shared s = { .rows = rows };

		s.c = coll_of(VEXFS_COLL_L2, kinds[i], DIM, rows, OLD);
		for (u32 t = 0; t < ARRAY_SIZE(run); t++)
			assert_int_equal(pthread_create(&thread[t], NULL, run[t], &s), 0);
		for (u32 t = 0; t < ARRAY_SIZE(run); t++)
			pthread_join(thread[t], NULL);
		assert_int_equal(s.bad, 0);
		results_expect(s.c, rows, OLD + NEW, OLD / 2 + NEW);
		vexfs_coll_close(s.c);
	}
	free(rows);
}

static void every_error_has_a_text(void **state)
{
	static const int errors[] = { 0, -EINVAL, -EDOM, -ENOENT, -ENOMEM, -EFBIG, -EUCLEAN, -EIO };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(errors); i++)
		for (u32 j = 0; j < i; j++)
			assert_string_not_equal(vexfs_coll_error(errors[i]),
						vexfs_coll_error(errors[j]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_out_of_range_are_refused),
		cmocka_unit_test(options_at_the_ends_of_ranges_are_accepted),
		cmocka_unit_test(defaults_are_those_of_the_header),
		cmocka_unit_test(rows_not_finite_are_refused_and_none_added),
		cmocka_unit_test(queries_not_finite_are_refused),
		cmocka_unit_test(searches_out_of_range_are_refused),
		cmocka_unit_test(more_rows_than_ids_are_refused),
		cmocka_unit_test(ids_follow_the_order_of_insertion),
		cmocka_unit_test(unknown_ids_are_refused_and_none_deleted),
		cmocka_unit_test(a_deleted_row_is_refused_like_an_unknown_one),
		cmocka_unit_test(an_id_repeated_in_one_deletion_counts_once),
		cmocka_unit_test(slots_past_the_last_row_are_marked),
		cmocka_unit_test(an_empty_collection_finds_nothing),
		cmocka_unit_test(a_row_is_found_as_soon_as_it_is_added),
		cmocka_unit_test(queries_together_find_what_they_find_alone),
		cmocka_unit_test(deleted_rows_are_never_returned),
		cmocka_unit_test(rows_deleted_before_the_graph_are_never_returned),
		cmocka_unit_test(rows_past_the_filter_are_not_found),
		cmocka_unit_test(filtered_searches_find_the_true_neighbours),
		cmocka_unit_test(filters_and_deletions_go_together),
		cmocka_unit_test(distances_of_extreme_values_are_finite),
		cmocka_unit_test(zero_vectors_have_cosine_distance_one),
		cmocka_unit_test(any_allocation_may_fail),
		cmocka_unit_test(all_allocations_from_one_on_may_fail),
		cmocka_unit_test(searches_run_beside_insertions_and_deletions),
		cmocka_unit_test(every_error_has_a_text),
	};

	return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}

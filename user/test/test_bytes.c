// SPDX-License-Identifier: GPL-2.0-only
/* Rows of binary32 that are whole numbers from 0 to 255: what is kept of them, what is found. */
#include <float.h>
#include <pthread.h>
#include <stdatomic.h>

#include "vectors.h"

enum { DIM = 20, ROWS = 1500, QUERIES = 10, K = 10 };

/* Every element one of 256 values; 40 rows to a cluster. */
static float *bytes_new(u32 n, u32 dim, u64 seed)
{
	float *rows = malloc((size_t)n * dim * sizeof(*rows));
	u64 rnd;

	for (u32 i = 0; i < n; i++) {
		rnd = seed + i % 40;
		for (u32 j = 0; j < dim; j++)
			rows[(size_t)i * dim + j] = test_below(&rnd, 256);
		rnd = seed + 1000 + i;
		for (u32 j = 0; j < dim; j += 2)
			rows[(size_t)i * dim + j] = test_below(&rnd, 256);
	}
	return rows;
}

static struct vexfs_coll *coll_make(u32 index, u32 metric, u32 dim, const float *rows, u32 n)
{
	struct vexfs_coll_options o = {
		.size = sizeof(o), .dim = dim, .metric = metric, .index = index,
		.m = 8, .ef_construction = 40,
	};
	struct vexfs_coll *c;

	assert_int_equal(vexfs_coll_memory(&o, &c), 0);
	assert_int_equal(vexfs_coll_add(c, rows, n, NULL), 0);
	return c;
}

static u64 row_bytes(struct vexfs_coll *c)
{
	struct vexfs_coll_stats st;

	assert_int_equal(vexfs_coll_stat(c, &st), 0);
	assert_int_equal(st.row_bytes % st.rows, 0);
	return st.row_bytes / st.rows;
}

static void rows_expect(struct vexfs_coll *c, const float *rows, u32 n, u32 dim)
{
	float *got = malloc(dim * sizeof(*got));

	for (uint64_t id = 0; id < n; id++) {
		assert_int_equal(vexfs_coll_get(c, &id, 1, got), 0);
		assert_memory_equal(got, rows + id * dim, dim * sizeof(*got));
	}
	free(got);
}

/* ---- what is kept ---------------------------------------------------------------------- */

static void any_number_of_elements_comes_back(void **state)
{
	static const u32 dims[] = { 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 33, 100, 5000 };
	float distance;
	uint64_t id;

	for (u32 isa = VEXFS_ISA_SCALAR; isa <= vex_dist_best(); isa++) {
		assert_int_equal(vex_dist_select(isa), 0);
		for (u32 i = 0; i < ARRAY_SIZE(dims); i++) {
			float *rows = bytes_new(50, dims[i], i);
			struct vexfs_coll *c;

			c = coll_make(VEXFS_COLL_FLAT, VEXFS_COLL_L2, dims[i], rows, 50);
			assert_int_equal(row_bytes(c), dims[i]);
			rows_expect(c, rows, 50, dims[i]);
			for (u32 j = 0; j < 50; j += 7) {
				assert_int_equal(vexfs_coll_search(c, rows + j * dims[i], 1, 1,
								   NULL, &id, &distance), 0);
				assert_int_equal(test_bits(distance), 0);
			}
			vexfs_coll_close(c);
			free(rows);
		}
	}
	vex_dist_init();
}

/* 0.5, 256, -1, -0, the smallest number, 2^31, -2^31, the largest, just below and above 7. */
static const u32 others[] = { 0x3f000000, 0x43800000, 0xbf800000, 0x80000000, 1, 0x4f000000,
			      0xcf000000, 0x7f7fffff, 0x40dfffff, 0x40e00001 };

static void check_other(float *rows, u32 value, u32 at)
{
	struct vexfs_coll *c = coll_make(VEXFS_COLL_FLAT, VEXFS_COLL_L2, DIM, rows, 60);
	float kept = rows[60 * DIM + at];

	rows[60 * DIM + at] = test_float(value);
	assert_int_equal(row_bytes(c), DIM);
	assert_int_equal(vexfs_coll_add(c, rows + 60 * DIM, 2, NULL), 0);
	assert_int_equal(row_bytes(c), DIM * sizeof(float));
	rows_expect(c, rows, 62, DIM);
	assert_int_equal(vexfs_coll_add(c, rows, 30, NULL), 0);
	assert_int_equal(row_bytes(c), DIM * sizeof(float));
	rows_expect(c, rows, 62, DIM);
	vexfs_coll_close(c);
	rows[60 * DIM + at] = kept;
}

static void another_value_widens_all_rows(void **state)
{
	float *rows = bytes_new(62, DIM, 3);

	for (u32 i = 0; i < ARRAY_SIZE(others); i++)
		for (u32 at = 0; at < 2 * DIM; at += 3)
			check_other(rows, others[i], at);
	free(rows);
}

static void other_types_of_elements_stay_as_they_are(void **state)
{
	struct vexfs_coll_options o = { .size = sizeof(o), .dim = 4, .index = VEXFS_COLL_FLAT };
	static const u8 row[8] = { 1, 2, 3, 4 };
	struct vexfs_coll *c;

	o.elem = VEXFS_COLL_ELEM_F16;
	assert_int_equal(vexfs_coll_memory(&o, &c), 0);
	assert_int_equal(vexfs_coll_add(c, row, 1, NULL), 0);
	assert_int_equal(row_bytes(c), 8);
	vexfs_coll_close(c);
	o.elem = VEXFS_COLL_ELEM_I8;
	assert_int_equal(vexfs_coll_memory(&o, &c), 0);
	assert_int_equal(vexfs_coll_add(c, row, 2, NULL), 0);
	assert_int_equal(row_bytes(c), 4);
	vexfs_coll_close(c);
}

/* ---- what is found --------------------------------------------------------------------- */

/* The collection as f32: by one row more, deleted, that is no bytes. */
static struct vexfs_coll *wide_twin(u32 metric, const float *rows)
{
	struct vexfs_coll *c = coll_make(VEXFS_COLL_FLAT, metric, DIM, rows, ROWS);
	const float other[DIM] = { 0.5 };
	uint64_t id;

	assert_int_equal(vexfs_coll_add(c, other, 1, &id), 0);
	assert_int_equal(vexfs_coll_delete(c, &id, 1), 0);
	assert_int_equal(row_bytes(c), DIM * sizeof(float));
	return c;
}

/* Of @nq queries the distance of each row, by id: from @c, which compares all. */
static float *all_distances(struct vexfs_coll *c, const float *queries, u32 nq)
{
	float *by_id = malloc(nq * ROWS * sizeof(*by_id)), *distances = malloc(ROWS * sizeof(float));
	uint64_t *ids = malloc(ROWS * sizeof(*ids));

	for (u32 q = 0; q < nq; q++) {
		assert_int_equal(vexfs_coll_search(c, queries + q * DIM, 1, ROWS, NULL, ids,
						   distances), 0);
		for (u32 i = 0; i < ROWS; i++)
			by_id[q * ROWS + ids[i]] = distances[i];
	}
	free(distances);
	free(ids);
	return by_id;
}

/* Every distance that @c tells is the one of @by_id, bit for bit. */
static void distances_expect(struct vexfs_coll *c, const float *queries, u32 nq, const float *by_id)
{
	float distances[QUERIES * K];
	uint64_t ids[QUERIES * K];

	assert_int_equal(vexfs_coll_search(c, queries, nq, K, NULL, ids, distances), 0);
	for (u32 q = 0; q < nq; q++) {
		results_check(ids + q * K, distances + q * K, K);
		for (u32 i = q * K; i < (q + 1) * K; i++)
			assert_int_equal(test_bits(distances[i]),
					 test_bits(by_id[q * ROWS + ids[i]]));
	}
}

static void check_metric(u32 metric, const float *rows, const float *queries)
{
	struct vexfs_coll *wide = wide_twin(metric, rows);
	float *by_id = all_distances(wide, queries, QUERIES), *same;
	struct vexfs_coll *c;

	for (u32 index = VEXFS_COLL_FLAT; index <= VEXFS_COLL_CODES; index++) {
		c = coll_make(index, metric, DIM, rows, ROWS);
		assert_int_equal(row_bytes(c), DIM);
		distances_expect(c, queries, QUERIES, by_id);
		distances_expect(c, queries, 1, by_id);
		assert_true(vectors_recall(c, wide, queries, QUERIES, 100, NULL, 0) >= 0.9);
		if (index == VEXFS_COLL_FLAT) {
			same = all_distances(c, queries, QUERIES);
			assert_memory_equal(same, by_id, QUERIES * ROWS * sizeof(*same));
			free(same);
		}
		vexfs_coll_close(c);
	}
	free(by_id);
	vexfs_coll_close(wide);
}

static void distances_are_the_same_bits(void **state)
{
	float *rows = bytes_new(ROWS, DIM, 5), *queries = bytes_new(QUERIES, DIM, 7);

	/* Queries need not be bytes. */
	for (u32 i = 0; i < QUERIES * DIM / 2; i++)
		queries[i] -= 127.25f;
	for (u32 isa = VEXFS_ISA_SCALAR; isa <= vex_dist_best(); isa++) {
		assert_int_equal(vex_dist_select(isa), 0);
		for (u32 metric = VEXFS_COLL_L2; metric <= VEXFS_COLL_COSINE; metric++)
			check_metric(metric, rows, queries);
	}
	vex_dist_init();
	free(rows);
	free(queries);
}

static void ranges_and_filters_are_the_same(void **state)
{
	float *rows = bytes_new(ROWS, DIM, 5), distances[2][300];
	struct vexfs_coll *c[2] = { wide_twin(VEXFS_COLL_L2, rows),
				    coll_make(VEXFS_COLL_FLAT, VEXFS_COLL_L2, DIM, rows, ROWS) };
	uint64_t ids[2][300], filter[ROWS / 64 + 1], met[2];
	struct vexfs_coll_query q = {
		.size = sizeof(q), .filter = filter, .filter_words = ARRAY_SIZE(filter),
	};

	for (u32 i = 0; i < ARRAY_SIZE(filter); i++)
		filter[i] = i % 3 ? 0x8001f0f0ffff0001 : 1ULL << i;
	for (u32 i = 0; i < 2; i++)
		assert_int_equal(vexfs_coll_range(c[i], rows, 1.8e5, 300, &q, ids[i], distances[i],
						  &met[i]), 0);
	assert_in_range(met[0], 10, 290);
	assert_int_equal(met[0], met[1]);
	assert_memory_equal(ids[0], ids[1], sizeof(ids[0]));
	assert_memory_equal(distances[0], distances[1], sizeof(distances[0]));
	vexfs_coll_close(c[0]);
	vexfs_coll_close(c[1]);
	free(rows);
}

/* ---- when it is widened ---------------------------------------------------------------- */

/* Widened they are four pieces of memory. */
enum { FEW = 700, LONG_DIM = 2500 };

static void no_memory_to_widen_loses_nothing(void **state)
{
	float *rows = bytes_new(FEW, LONG_DIM, 11), other[LONG_DIM] = { 0.5 };
	u64 refused = 0, count, nth;
	int err;

	for (nth = 1, err = -ENOMEM; err; nth++) {
		struct vexfs_coll *c = coll_make(VEXFS_COLL_FLAT, VEXFS_COLL_L2, LONG_DIM, rows,
						 FEW);

		vex_mem_fail(nth, 0);
		err = vexfs_coll_add(c, other, 1, NULL);
		vex_mem_fail(0, 0);
		assert_true(!err || err == -ENOMEM);
		refused += !!err;
		count = c->rows.count;
		assert_int_equal(count, err ? FEW : FEW + 1);
		assert_int_equal(row_bytes(c), err ? LONG_DIM : LONG_DIM * sizeof(float));
		rows_expect(c, rows, FEW, LONG_DIM);
		assert_int_equal(vexfs_coll_add(c, other, 1, NULL), 0);
		assert_int_equal(row_bytes(c), LONG_DIM * sizeof(float));
		rows_expect(c, rows, FEW, LONG_DIM);
		vexfs_coll_close(c);
	}
	assert_true(refused > 1);
	free(rows);
}

/* More than a piece of memory, both narrow and wide: a search lets go of @lock on its way. */
enum { MANY = 45000, MANY_DIM = 64, SEARCHERS = 2 };

struct race {
	struct vexfs_coll *c;
	const float *queries;
	uint64_t ids[2 * K];
	atomic_bool stop;
	atomic_uint searches;
};

static void *search_on(void *arg)
{
	struct race *r = arg;
	float distances[2 * K];
	uint64_t ids[2 * K];

	while (!r->stop) {
		assert_int_equal(vexfs_coll_search(r->c, r->queries, 2, K, NULL, ids, distances),
				 0);
		assert_memory_equal(ids, r->ids, sizeof(ids));
		r->searches++;
	}
	return NULL;
}

static void searches_go_on_meanwhile(void **state)
{
	float *rows = bytes_new(MANY, MANY_DIM, 13), *queries = bytes_new(2, MANY_DIM, 1);
	struct race r = { .queries = queries };
	float distances[2 * K], far[MANY_DIM] = { -1e6 };
	pthread_t thread[SEARCHERS];
	u32 i;

	r.c = coll_make(VEXFS_COLL_FLAT, VEXFS_COLL_L2, MANY_DIM, rows, MANY);
	assert_int_equal(vexfs_coll_search(r.c, queries, 2, K, NULL, r.ids, distances), 0);
	for (i = 0; i < SEARCHERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, search_on, &r), 0);
	while (r.searches < 4)
		sched_yield();
	assert_int_equal(vexfs_coll_add(r.c, far, 1, NULL), 0);
	i = r.searches;
	while (r.searches < i + 4)
		sched_yield();
	r.stop = true;
	for (i = 0; i < SEARCHERS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(row_bytes(r.c), MANY_DIM * sizeof(float));
	vexfs_coll_close(r.c);
	free(rows);
	free(queries);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_number_of_elements_comes_back),
		cmocka_unit_test(another_value_widens_all_rows),
		cmocka_unit_test(other_types_of_elements_stay_as_they_are),
		cmocka_unit_test(distances_are_the_same_bits),
		cmocka_unit_test(ranges_and_filters_are_the_same),
		cmocka_unit_test(no_memory_to_widen_loses_nothing),
		cmocka_unit_test(searches_go_on_meanwhile),
	};

	vex_core_init();
	return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}

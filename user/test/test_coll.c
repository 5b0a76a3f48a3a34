// SPDX-License-Identifier: GPL-2.0-only
/* Collections: rules, contents, and search against brute force in binary64. */
#include <math.h>
#include <pthread.h>

#include "core.h"

#define ROOT	VEXFS_ROOT_INO

/**
 * struct model - what a collection must hold
 * @dim: elements of a row
 * @rows: rows ever inserted
 * @data: their elements
 * @dead: 1 where a row was deleted
 */
struct model {
	u32 dim;
	u64 rows;
	float *data;
	u8 *dead;
};

static u64 make_coll(struct core *c, const char *name, u32 metric, u32 dim)
{
	struct vex_coll coll = { .elem = VEXFS_ELEM_F32, .metric = metric,
				 .index = VEXFS_INDEX_FLAT, .dim = dim };
	u64 ino = core_create(c, ROOT, name);

	assert_int_equal(vex_coll_create(c->fs, ino, &coll), 0);
	return ino;
}

static void insert(struct core *c, u64 ino, struct model *m, u32 count, u64 *rnd)
{
	u64 first = 99, bad = 99;
	float *rows;

	m->data = realloc(m->data, (m->rows + count) * m->dim * sizeof(float));
	m->dead = realloc(m->dead, m->rows + count);
	rows = m->data + m->rows * m->dim;
	for (u64 i = 0; i < (u64)count * m->dim; i++)
		rows[i] = test_unit(rnd);
	memset(m->dead + m->rows, 0, count);
	assert_int_equal(vex_coll_insert(c->fs, ino, rows, count, m->dim, &first, &bad), 0);
	assert_int_equal(first, m->rows);
	m->rows += count;
}

static void delete_some(struct core *c, u64 ino, struct model *m, u32 count, u64 *rnd)
{
	u64 ids[64], bad;
	u32 n = 0;

	while (n < count) {
		u64 id = test_below(rnd, m->rows);

		if (m->dead[id])
			continue;
		m->dead[id] = 1;
		ids[n++] = id;
	}
	assert_int_equal(vex_coll_delete(c->fs, ino, ids, count, &bad), 0);
}

static void model_free(struct model *m)
{
	free(m->data);
	free(m->dead);
}

/* ---- search ---------------------------------------------------------------------------- */

static double distance(u32 metric, const float *q, const float *r, u32 dim)
{
	double dot = 0, qq = 0, rr = 0, l2 = 0;

	for (u32 i = 0; i < dim; i++) {
		double d = (double)q[i] - r[i];

		l2 += d * d;
		dot += (double)q[i] * r[i];
		qq += (double)q[i] * q[i];
		rr += (double)r[i] * r[i];
	}
	if (metric == VEXFS_METRIC_L2)
		return l2;
	return metric == VEXFS_METRIC_IP ? -dot : qq && rr ? 1 - dot / sqrt(qq * rr) : 1;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* See test_dist.c for the bound; elements are within -1 and 1, so a sum of terms is below 4 dim. */
static double tolerance(u32 dim)
{
	return 2 * (dim / 8 + 8) * 0x1p-24 * 4 * dim + 0x1p-20;
}

/*
 * The results of one query: distances right for their ids, ascending, equal ones by id, live
 * rows only, none twice, and as near as the k nearest of brute force.
 */
static void check_query(const struct model *m, u32 metric, const float *q, const u64 *ids,
			const u32 *bits, u32 k)
{
	double *all = malloc((m->rows + 1) * sizeof(*all)), tol = tolerance(m->dim);
	u8 *found = calloc(m->rows + 1, 1);
	u64 live = 0;

	for (u64 id = 0; id < m->rows; id++)
		if (!m->dead[id])
			all[live++] = distance(metric, q, m->data + id * m->dim, m->dim);
	qsort(all, live, sizeof(*all), compare_doubles);
	for (u32 i = 0; i < k; i++) {
		double d = test_float(bits[i]), want;

		if (i >= live) {
			assert_int_equal(ids[i], VEXFS_NO_ID);
			assert_int_equal(bits[i], VEX_F32_MAX);
			continue;
		}
		assert_true(ids[i] < m->rows);
		assert_false(m->dead[ids[i]]);
		assert_false(found[ids[i]]++);
		want = distance(metric, q, m->data + ids[i] * m->dim, m->dim);
		assert_true(fabs(d - want) <= tol);
		assert_true(fabs(d - all[i]) <= tol);
		if (i)
			assert_true(vex_f32_order(bits[i - 1]) < vex_f32_order(bits[i]) ||
				    (bits[i - 1] == bits[i] && ids[i - 1] < ids[i]));
	}
	free(found);
	free(all);
}

static void check_search(struct core *c, u64 ino, const struct model *m, u32 metric, u32 nq, u32 k,
			 u64 *rnd)
{
	float *queries = malloc((size_t)nq * m->dim * sizeof(float));
	u64 *ids = malloc((size_t)nq * k * sizeof(*ids)), live = 0;
	u32 *bits = malloc((size_t)nq * k * sizeof(*bits));
	struct vex_search s = { .queries = queries, .nq = nq, .dim = m->dim, .k = k, .ids = ids,
				.distances = bits };

	for (u64 i = 0; i < (u64)nq * m->dim; i++)
		queries[i] = test_unit(rnd);
	for (u64 id = 0; id < m->rows; id++)
		live += !m->dead[id];
	assert_int_equal(vex_coll_search(c->fs, ino, &s), 0);
	assert_int_equal(s.visited, nq * live);
	for (u32 i = 0; i < nq; i++)
		check_query(m, metric, queries + (size_t)i * m->dim, ids + (size_t)i * k,
			    bits + (size_t)i * k, k);
	free(queries);
	free(ids);
	free(bits);
}

/* ---- contents ---------------------------------------------------------------------------- */

static void check_rows(struct core *c, u64 ino, const struct model *m)
{
	float *row = malloc(m->dim * sizeof(float));
	struct vex_coll coll;
	u64 live = 0, bad;

	for (u64 id = 0; id < m->rows; id++) {
		int err = vex_coll_get(c->fs, ino, &id, 1, m->dim, row, &bad);

		if (m->dead[id]) {
			assert_int_equal(err, -ENOENT);
			assert_int_equal(bad, id);
			continue;
		}
		live++;
		assert_int_equal(err, 0);
		assert_memory_equal(row, m->data + id * m->dim, m->dim * sizeof(float));
	}
	assert_int_equal(vex_coll_stat(c->fs, ino, &coll), 0);
	assert_int_equal(coll.rows, m->rows);
	assert_int_equal(coll.live, live);
	assert_int_equal(coll.dim, m->dim);
	assert_int_equal(coll.row_bytes, m->dim * 4);
	free(row);
}

/* Insert, delete, search, close, open, search, in several rounds. */
static void run_collection(u32 metric, u32 dim, u32 batch, size_t cache)
{
	struct model m = { .dim = dim };
	u64 ino, rnd = dim * 4 + metric;
	struct core c;

	core_make(&c, 16384, 1);
	c.cache = cache;
	core_reopen(&c);
	ino = make_coll(&c, "v", metric, dim);
	check_search(&c, ino, &m, metric, 2, 3, &rnd);
	for (u32 round = 0; round < 5; round++) {
		insert(&c, ino, &m, 1 + test_below(&rnd, batch), &rnd);
		check_search(&c, ino, &m, metric, 1, 1 + test_below(&rnd, 20), &rnd);
		if (m.rows > 20)
			delete_some(&c, ino, &m, 1 + test_below(&rnd, 3), &rnd);
		check_search(&c, ino, &m, metric, 1 + test_below(&rnd, 5), 10, &rnd);
		if (round & 1)
			core_reopen(&c);
		check_search(&c, ino, &m, metric, 2, 5, &rnd);
	}
	check_rows(&c, ino, &m);
	core_reopen(&c);
	check_rows(&c, ino, &m);
	model_free(&m);
	core_end(&c);
}

static void search_equals_brute_force(void **state)
{
	static const u32 dims[] = { 1, 2, 3, 7, 16, 33, 128, 300, 1000 };

	for (u32 metric = VEXFS_METRIC_L2; metric <= VEXFS_METRIC_COSINE; metric++)
		for (u32 i = 0; i < ARRAY_SIZE(dims); i++)
			run_collection(metric, dims[i], dims[i] > 200 ? 40 : 300, 0);
}

static void search_equals_brute_force_for_rows_of_segments(void **state)
{
	static const u32 dims[] = { 16383, 16384, 16385, 40000, VEXFS_MAX_DIM };

	for (u32 i = 0; i < ARRAY_SIZE(dims); i++)
		run_collection(1 + i % 3, dims[i], 8, 400000);
}

static void search_equals_brute_force_with_a_tiny_cache(void **state)
{
	run_collection(VEXFS_METRIC_L2, 128, 1000, 200000);
	run_collection(VEXFS_METRIC_COSINE, 100, 1000, 1);
}

static void every_instruction_set_gives_the_same_neighbours(void **state)
{
	struct model m = { .dim = 96 };
	u64 ino, rnd = 4;
	struct core c;

	core_make(&c, 4096, 1);
	ino = make_coll(&c, "v", VEXFS_METRIC_L2, 96);
	insert(&c, ino, &m, 1000, &rnd);
	for (u32 isa = VEXFS_ISA_SCALAR; isa <= vex_dist_best(); isa++) {
		assert_int_equal(vex_dist_select(isa), 0);
		check_search(&c, ino, &m, VEXFS_METRIC_L2, 10, 10, &rnd);
	}
	vex_dist_init();
	model_free(&m);
	core_end(&c);
}

static void equal_distances_are_ordered_by_id(void **state)
{
	struct vex_search s = { .nq = 1, .dim = 4, .k = 50 };
	u64 ino, first, bad, ids[50];
	float rows[100][4], q[4] = { 0 };
	u32 bits[50];
	struct core c;

	core_make(&c, 1024, 1);
	ino = make_coll(&c, "v", VEXFS_METRIC_L2, 4);
	for (u32 i = 0; i < 100; i++)
		for (u32 j = 0; j < 4; j++)
			rows[i][j] = i & 1 ? 2 : -1;
	assert_int_equal(vex_coll_insert(c.fs, ino, rows, 100, 4, &first, &bad), 0);
	s.queries = q;
	s.ids = ids;
	s.distances = bits;
	assert_int_equal(vex_coll_search(c.fs, ino, &s), 0);
	for (u32 i = 0; i < 50; i++)
		assert_int_equal(ids[i], 2 * i);
	core_end(&c);
}

/* More rows than one bitmap of deleted rows covers. */
static void deletions_cross_bitmaps(void **state)
{
	struct model m = { .dim = 1 };
	u64 ino, rnd = 9, ids[3], bad;
	struct core c;

	core_make(&c, 4096, 1);
	ino = make_coll(&c, "v", VEXFS_METRIC_L2, 1);
	insert(&c, ino, &m, 2 * VEXFS_TOMB_ROWS + 100, &rnd);
	ids[0] = 2 * VEXFS_TOMB_ROWS;
	ids[1] = VEXFS_TOMB_ROWS - 1;
	ids[2] = VEXFS_TOMB_ROWS;
	assert_int_equal(vex_coll_delete(c.fs, ino, ids, 3, &bad), 0);
	assert_int_equal(ids[0], VEXFS_TOMB_ROWS - 1);
	for (u32 i = 0; i < 3; i++)
		m.dead[ids[i]] = 1;
	for (u32 i = 0; i < 10; i++)
		delete_some(&c, ino, &m, 50, &rnd);
	check_search(&c, ino, &m, VEXFS_METRIC_L2, 3, 100, &rnd);
	core_reopen(&c);
	check_search(&c, ino, &m, VEXFS_METRIC_L2, 3, 100, &rnd);
	check_rows(&c, ino, &m);
	model_free(&m);
	core_end(&c);
}

/* ---- rules ---------------------------------------------------------------------------- */

static void only_empty_regular_files_become_collections(void **state)
{
	struct vex_coll good = { .elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2,
				 .index = VEXFS_INDEX_FLAT, .dim = 3 }, bad;
	struct core c;
	u64 ino, data, d;

	core_make(&c, 1024, 1);
	ino = core_create(&c, ROOT, "v");
	data = core_create(&c, ROOT, "data");
	core_write(&c, data, 0, "x", 1);
	d = core_mkdir(&c, ROOT, "d");
#define REFUSED(field, value) do {						\
	bad = good;								\
	bad.field = value;							\
	assert_int_equal(vex_coll_create(c.fs, ino, &bad), -EINVAL);		\
} while (0)
	REFUSED(elem, 0);
	REFUSED(elem, VEXFS_ELEM_B1);
	REFUSED(elem, 5);
	REFUSED(elem, 33);
	REFUSED(metric, 0);
	REFUSED(metric, VEXFS_METRIC_HAMMING);
	REFUSED(metric, 5);
	REFUSED(metric, U32_MAX);
	REFUSED(index, 0);
	REFUSED(index, VEXFS_INDEX_CODES + 1);
	REFUSED(index, 33);
	REFUSED(dim, 0);
	REFUSED(dim, VEXFS_MAX_DIM + 1);
	assert_int_equal(vex_coll_create(c.fs, data, &good), -ENOTEMPTY);
	assert_int_not_equal(vex_coll_create(c.fs, d, &good), 0);
	assert_int_equal(vex_coll_create(c.fs, 999, &good), -ENOENT);
	assert_int_equal(vex_coll_stat(c.fs, ino, &bad), -ENODATA);
	assert_int_equal(vex_coll_create(c.fs, ino, &good), 0);
	assert_int_equal(vex_coll_create(c.fs, ino, &good), -EEXIST);
	/* A file that was emptied will do. */
	assert_int_equal(vex_file_truncate(c.fs, data, 0), 0);
	assert_int_equal(vex_coll_create(c.fs, data, &good), 0);
	/* Its bytes change by rows only. */
	assert_int_equal(vex_file_write(c.fs, ino, 0, "x", 1), -EPERM);
	assert_int_equal(vex_file_truncate(c.fs, ino, 0), -EPERM);
	assert_int_equal(vex_file_truncate(c.fs, ino, 100), -EPERM);
	core_end(&c);
}

static void rows_with_nan_or_infinity_are_refused_whole(void **state)
{
	static const u32 bad_bits[] = { 0x7fc00000, 0x7f800000, 0xff800000, 0x7f800001 };
	struct vex_search s = { .nq = 3, .dim = 5, .k = 1 };
	u64 ino, first, bad, id[3];
	struct vex_coll coll;
	float rows[10][5];
	u32 bits[3];
	struct core c;

	core_make(&c, 1024, 1);
	ino = make_coll(&c, "v", VEXFS_METRIC_L2, 5);
	for (u32 i = 0; i < 40; i++) {
		memset(rows, 0, sizeof(rows));
		rows[i % 10][i % 5] = test_float(bad_bits[i % 4]);
		bad = 99;
		assert_int_equal(vex_coll_insert(c.fs, ino, rows, 10, 5, &first, &bad), -EDOM);
		assert_int_equal(bad, i % 10);
	}
	assert_int_equal(vex_coll_stat(c.fs, ino, &coll), 0);
	assert_int_equal(coll.rows, 0);
	memset(rows, 0, sizeof(rows));
	rows[1][4] = test_float(0x7f800000);
	s.queries = rows;
	s.ids = id;
	s.distances = bits;
	assert_int_equal(vex_coll_search(c.fs, ino, &s), -EDOM);
	assert_int_equal(s.bad_query, 1);
	core_end(&c);
}

static void ids_follow_the_rules(void **state)
{
	u64 ino, first, bad, ids[8], rnd = 1;
	struct model m = { .dim = 3 };
	float rows[8][3];
	struct core c;

	core_make(&c, 1024, 1);
	ino = make_coll(&c, "v", VEXFS_METRIC_IP, 3);
	insert(&c, ino, &m, 10, &rnd);

	ids[0] = 3;
	ids[1] = 10;
	assert_int_equal(vex_coll_get(c.fs, ino, ids, 2, 3, rows, &bad), -ENOENT);
	assert_int_equal(bad, 10);
	assert_int_equal(vex_coll_delete(c.fs, ino, ids, 2, &bad), -ENOENT);
	assert_int_equal(bad, 10);
	ids[0] = VEXFS_NO_ID;
	assert_int_equal(vex_coll_get(c.fs, ino, ids, 1, 3, rows, &bad), -ENOENT);
	ids[0] = 4;
	ids[1] = 2;
	ids[2] = 4;
	assert_int_equal(vex_coll_delete(c.fs, ino, ids, 3, &bad), -EINVAL);
	/* Nothing was deleted so far; a get may name an id twice, in any order. */
	check_rows(&c, ino, &m);
	ids[0] = 9;
	ids[1] = 0;
	ids[2] = 9;
	assert_int_equal(vex_coll_get(c.fs, ino, ids, 3, 3, rows, &bad), 0);
	assert_memory_equal(rows[0], m.data + 27, 12);
	assert_memory_equal(rows[1], m.data, 12);
	assert_memory_equal(rows[2], m.data + 27, 12);

	/* The last row goes; its id is not given again, nor after a reopen. */
	ids[0] = 9;
	assert_int_equal(vex_coll_delete(c.fs, ino, ids, 1, &bad), 0);
	m.dead[9] = 1;
	assert_int_equal(vex_coll_delete(c.fs, ino, ids, 1, &bad), -ENOENT);
	assert_int_equal(vex_coll_get(c.fs, ino, ids, 1, 3, rows, &bad), -ENOENT);
	core_reopen(&c);
	assert_int_equal(vex_coll_insert(c.fs, ino, rows, 1, 3, &first, &bad), 0);
	assert_int_equal(first, 10);
	model_free(&m);
	core_end(&c);
}

static void impossible_arguments_are_refused(void **state)
{
	u64 ino, plain, first, bad, id[4] = { 0 };
	float row[4] = { 0 }, *batch;
	struct vex_search s = { .queries = row, .nq = 1, .dim = 4, .k = 1, .ids = id };
	struct core c;
	u32 bits[4];

	core_make(&c, 1024, 1);
	ino = make_coll(&c, "v", VEXFS_METRIC_L2, 4);
	plain = core_create(&c, ROOT, "plain");
	s.distances = bits;
	assert_int_equal(vex_coll_insert(c.fs, ino, row, 0, 4, &first, &bad), -EINVAL);
	assert_int_equal(vex_coll_insert(c.fs, ino, row, 1, 3, &first, &bad), -EINVAL);
	assert_int_equal(vex_coll_insert(c.fs, ino, row, 1, 0, &first, &bad), -EINVAL);
	assert_int_equal(vex_coll_insert(c.fs, ino, row, U32_MAX, 4, &first, &bad), -E2BIG);
	assert_int_equal(vex_coll_insert(c.fs, ino, row, 1, U32_MAX, &first, &bad), -EINVAL);
	assert_int_equal(vex_coll_insert(c.fs, plain, row, 1, 4, &first, &bad), -ENODATA);
	assert_int_equal(vex_coll_insert(c.fs, 999, row, 1, 4, &first, &bad), -ENOENT);
	assert_int_equal(vex_coll_get(c.fs, ino, id, 0, 4, row, &bad), -EINVAL);
	assert_int_equal(vex_coll_get(c.fs, plain, id, 1, 4, row, &bad), -ENODATA);
	assert_int_equal(vex_coll_delete(c.fs, ino, id, 0, &bad), -EINVAL);
	assert_int_equal(vex_coll_delete(c.fs, plain, id, 1, &bad), -ENODATA);

	batch = calloc(1, VEXFS_MAX_BATCH + 16);
	assert_int_equal(vex_coll_insert(c.fs, ino, batch, VEXFS_MAX_BATCH / 16 + 1, 4, &first,
					 &bad), -E2BIG);
	free(batch);

	assert_int_equal(vex_coll_search(c.fs, plain, &s), -ENODATA);
#define SEARCH(field, value, want) do {						\
	struct vex_search t = s;						\
	t.field = value;							\
	assert_int_equal(vex_coll_search(c.fs, ino, &t), want);			\
} while (0)
	SEARCH(k, 0, -EINVAL);
	SEARCH(k, VEXFS_MAX_K + 1, -EINVAL);
	SEARCH(nq, 0, -EINVAL);
	SEARCH(nq, VEXFS_MAX_QUERIES + 1, -EINVAL);
	SEARCH(dim, 3, -EINVAL);
	s.k = VEXFS_MAX_K;
	SEARCH(nq, VEXFS_MAX_RESULTS / VEXFS_MAX_K + 1, -E2BIG);
	core_end(&c);
}

static void removing_a_collection_frees_all_of_it(void **state)
{
	struct model m = { .dim = 64 };
	u64 ino, rnd = 2, before;
	struct core c;

	core_make(&c, 4096, 1);
	core_commit(&c);
	before = core_free_blocks(&c);
	for (u32 round = 0; round < 10; round++) {
		ino = make_coll(&c, "v", VEXFS_METRIC_L2, 64);
		m.rows = 0;
		insert(&c, ino, &m, 2000, &rnd);
		delete_some(&c, ino, &m, 30, &rnd);
		if (round & 1)
			core_commit(&c);
		core_unlink(&c, ROOT, "v");
		core_commit(&c);
		core_commit(&c);
		assert_int_equal(core_free_blocks(&c), before);
	}
	model_free(&m);
	core_end(&c);
}

/* ---- side by side ------------------------------------------------------------------------ */

struct side {
	struct core *c;
	u64 ino;
	u64 errors;
	bool stop;
};

static void *search_on_and_on(void *arg)
{
	struct side *side = arg;
	struct vex_search s = { .nq = 2, .dim = 32, .k = 5 };
	float q[2][32];
	u64 ids[10], rnd = 77;
	u32 bits[10];

	s.queries = q;
	s.ids = ids;
	s.distances = bits;
	while (!__atomic_load_n(&side->stop, __ATOMIC_RELAXED)) {
		for (u32 i = 0; i < 64; i++)
			q[i / 32][i % 32] = test_unit(&rnd);
		if (vex_coll_search(side->c->fs, side->ino, &s))
			side->errors++;
		for (u32 i = 1; i < 5; i++)
			if (vex_f32_order(bits[i - 1]) > vex_f32_order(bits[i]))
				side->errors++;
	}
	return NULL;
}

static void searches_run_beside_changes(void **state)
{
	struct model m = { .dim = 32 };
	struct side side = { 0 };
	pthread_t threads[2];
	u64 rnd = 6;
	struct core c;

	core_make(&c, 8192, 1);
	c.cache = 500000;
	core_reopen(&c);
	side.c = &c;
	side.ino = make_coll(&c, "v", VEXFS_METRIC_L2, 32);
	insert(&c, side.ino, &m, 500, &rnd);
	for (u32 i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, search_on_and_on, &side);
	for (u32 i = 0; i < 100; i++) {
		insert(&c, side.ino, &m, 50, &rnd);
		delete_some(&c, side.ino, &m, 5, &rnd);
		if (i % 7 == 0)
			core_commit(&c);
	}
	__atomic_store_n(&side.stop, true, __ATOMIC_RELAXED);
	for (u32 i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(side.errors, 0);
	check_search(&c, side.ino, &m, VEXFS_METRIC_L2, 3, 10, &rnd);
	model_free(&m);
	core_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(search_equals_brute_force),
		core_test(search_equals_brute_force_for_rows_of_segments),
		core_test(search_equals_brute_force_with_a_tiny_cache),
		core_test(every_instruction_set_gives_the_same_neighbours),
		core_test(equal_distances_are_ordered_by_id),
		core_test(deletions_cross_bitmaps),
		core_test(only_empty_regular_files_become_collections),
		core_test(rows_with_nan_or_infinity_are_refused_whole),
		core_test(ids_follow_the_rules),
		core_test(impossible_arguments_are_refused),
		core_test(removing_a_collection_frees_all_of_it),
		core_test(searches_run_beside_changes),
	};

	vex_core_init();
	return cmocka_run_group_tests_name("coll", tests, NULL, NULL);
}

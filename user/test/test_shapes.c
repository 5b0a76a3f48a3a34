// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a graph finds of the truth for rows that are not well-behaved: that come from elsewhere
 * later on, of another scale, with outliers, with a mean that hides the rest; in memory, and in
 * an image. VERBOSE=1 prints what was measured.
 */
#include <math.h>

#include "core.h"
#include "vectors.h"

enum { QUERIES = 100 };

/**
 * struct sort - rows of one sort
 * @name: of it
 * @row: one row; @t from 0 to 1 is its place among all
 * @metric: by which they are compared
 * @rows: as many
 * @dim: elements of each
 * @sq7: recall@10 at least, ef 100, with the levels that somebody asked for; 0: is not tried
 * @sq4: the same with half the bits
 * @own: and with the code that is chosen
 */
struct sort {
	const char *name;
	void (*row)(float *row, u32 dim, double t, u64 *rnd);
	u32 metric;
	u32 rows;
	u32 dim;
	double sq7;
	double sq4;
	double own;
};

static float gauss(u64 *rnd)
{
	float sum = 0;

	for (u32 i = 0; i < 12; i++)
		sum += test_unit(rnd) / 2;
	return sum;
}

static void around(float *row, u32 dim, float mean, float scale, u64 *rnd)
{
	for (u32 i = 0; i < dim; i++)
		row[i] = mean + scale * gauss(rnd);
}

static void drift(float *row, u32 dim, double t, u64 *rnd)
{
	around(row, dim, 20 * t, 1, rnd);
}

static void shift(float *row, u32 dim, double t, u64 *rnd)
{
	around(row, dim, t * 11 < 1 ? 0 : 50, 1, rnd);
}

static void grow(float *row, u32 dim, double t, u64 *rnd)
{
	around(row, dim, 0, t * 11 < 1 ? 1 : 1000, rnd);
}

static void shrink(float *row, u32 dim, double t, u64 *rnd)
{
	around(row, dim, 0, t * 11 < 1 ? 1000 : 1, rnd);
}

static void outliers(float *row, u32 dim, double t, u64 *rnd)
{
	around(row, dim, 0, test_below(rnd, 100) ? 1 : 1000, rnd);
}

static void lengths(float *row, u32 dim, double t, u64 *rnd)
{
	around(row, dim, 0, expf(2 * gauss(rnd)), rnd);
}

static void corner(float *row, u32 dim, double t, u64 *rnd)
{
	around(row, dim, t < 0.97 ? 0 : 50, 1, rnd);
}

static void constant(float *row, u32 dim, double t, u64 *rnd)
{
	around(row, dim, 0, 1, rnd);
	for (u32 i = 1; i < dim; i += 2)
		row[i] = 1e4f * i;
}

static void wide(float *row, u32 dim, double t, u64 *rnd)
{
	around(row, dim, 0, 1, rnd);
	row[0] *= 1000;
}

static void mean(float *row, u32 dim, double t, u64 *rnd)
{
	around(row, dim, 100, 1, rnd);
}

static void zeros(float *row, u32 dim, double t, u64 *rnd)
{
	around(row, dim, 0, test_below(rnd, 2), rnd);
}

static void uniform(float *row, u32 dim, double t, u64 *rnd)
{
	for (u32 i = 0; i < dim; i++)
		row[i] = test_unit(rnd);
}

/* Fifty times each, one after the other or far apart. */
static void copies(float *row, u32 dim, double t, u64 *rnd)
{
	u64 one = (u64)(t * 80) + 77;

	for (u32 i = 0; i < dim; i++)
		row[i] = test_unit(&one);
}

static void echoes(float *row, u32 dim, double t, u64 *rnd)
{
	u64 one = test_below(rnd, 80) + 77;

	for (u32 i = 0; i < dim; i++)
		row[i] = test_unit(&one);
}

#define L2	VEXFS_COLL_L2
#define IP	VEXFS_COLL_IP
#define COSINE	VEXFS_COLL_COSINE

/*
 * Where short rows lie among long ones (grow, lengths), they are nearer to every long row than the long
 * rows are to each other, and a search that comes to their heap has its pool full of them.
 */
static const struct sort sorts[] = {
	{ "drift", drift, L2, 6000, 24, 0.98, 0.90, 0.98 },
	{ "drift", drift, COSINE, 6000, 24, 0.94, 0, 0.96 },
	{ "drift", drift, IP, 6000, 24, 0.98, 0.98, 0.98 },
	{ "shift", shift, L2, 22000, 16, 0, 0, 0.98 },
	{ "corner", corner, L2, 6000, 24, 0.95, 0.95, 0.95 },
	{ "grow", grow, L2, 5500, 24, 0, 0, 0.60 },
	{ "shrink", shrink, L2, 5500, 24, 0, 0, 0.92 },
	{ "outliers", outliers, L2, 4000, 24, 0, 0, 0.98 },
	{ "outliers", outliers, IP, 4000, 24, 0, 0, 0.98 },
	{ "lengths", lengths, L2, 4000, 24, 0, 0, 0.62 },
	{ "lengths", lengths, IP, 4000, 24, 0.94, 0.84, 0.94 },
	{ "constant", constant, L2, 4000, 24, 0.98, 0.98, 0.98 },
	{ "constant", constant, IP, 4000, 24, 0.98, 0.98, 0.98 },
	{ "constant", constant, COSINE, 4000, 24, 0.98, 0.98, 0.98 },
	{ "wide", wide, L2, 4000, 24, 0, 0, 0.98 },
	{ "mean", mean, L2, 4000, 24, 0.98, 0.98, 0.98 },
	{ "mean", mean, IP, 4000, 24, 0.98, 0.98, 0.98 },
	{ "mean", mean, COSINE, 4000, 24, 0.98, 0.98, 0.98 },
	{ "zeros", zeros, COSINE, 4000, 64, 0.98, 0.96, 0.98 },
	{ "copies", copies, L2, 4000, 16, 0, 0, 0.88 },
	{ "echoes", echoes, L2, 4000, 16, 0, 0, 0.85 },
	{ "copies", copies, COSINE, 4000, 16, 0, 0, 0.90 },
	{ "uniform", uniform, L2, 6000, 1, 0, 0, 0.98 },
	{ "uniform", uniform, L2, 6000, 2, 0.98, 0, 0.98 },
	{ "uniform", uniform, L2, 6000, 4, 0.98, 0.98, 0.98 },
	{ "uniform", uniform, L2, 1500, 2000, 0, 0, 0.91 },
};

static const char * const metric_name[] = { [L2] = "l2", [IP] = "ip", [COSINE] = "cosine" };
static const char * const code_name[] = {
	[VEXFS_COLL_AUTO] = "auto", [VEXFS_COLL_SQ7] = "sq7", [VEXFS_COLL_SQ4] = "sq4",
	[VEXFS_COLL_F32] = "f32", [VEXFS_COLL_PCA] = "pca",
};

static float *rows_of(const struct sort *s, u64 seed)
{
	float *rows = malloc((size_t)s->rows * s->dim * sizeof(*rows));

	for (u32 i = 0; i < s->rows; i++)
		s->row(rows + (size_t)i * s->dim, s->dim, (double)i / s->rows, &seed);
	return rows;
}

/* Some of all the places. */
static float *queries_of(const struct sort *s, u64 seed)
{
	float *rows = malloc(QUERIES * s->dim * sizeof(*rows));

	for (u32 i = 0; i < QUERIES; i++)
		s->row(rows + (size_t)i * s->dim, s->dim, (i + 0.5) / QUERIES, &seed);
	/* Not what is there itself. */
	if (s->row == copies || s->row == echoes)
		uniform(rows, QUERIES * s->dim, 0, &seed);
	return rows;
}

static void add(struct vexfs_coll *c, const float *rows, u32 count)
{
	u32 dim = c->options.dim, n;

	for (u32 done = 0; done < count; done += n) {
		n = min(100u, count - done);
		assert_int_equal(vexfs_coll_add(c, rows + (size_t)done * dim, n, NULL), 0);
	}
}

static double recall_of(const struct sort *s, u32 code)
{
	struct vexfs_coll_options o = {
		.size = sizeof(o), .dim = s->dim, .metric = s->metric, .code = code,
		.ef_construction = 60,
	};
	struct vexfs_coll *c, *flat = coll_new(s->metric, 0, s->dim, 16, 60);
	float *rows = rows_of(s, 1), *queries = queries_of(s, 2);
	double recall;

	assert_int_equal(vexfs_coll_memory(&o, &c), 0);
	add(c, rows, s->rows);
	add(flat, rows, s->rows);
	recall = vectors_recall(c, flat, queries, QUERIES, 100, NULL, 0);
	if (getenv("VERBOSE"))
		printf("%-10s %-6s %-4s %5u x %3u: recall %.4f\n", s->name, metric_name[s->metric],
		       code_name[c->options.code], s->rows, s->dim, recall);
	vexfs_coll_close(flat);
	vexfs_coll_close(c);
	free(queries);
	free(rows);
	return recall;
}

/* The same rows through a filesystem, with the code that it chooses. */
static double recall_in_image(const struct sort *s)
{
	struct vex_coll coll = {
		.elem = VEXFS_ELEM_F32, .metric = s->metric, .index = VEXFS_INDEX_HNSW,
		.dim = s->dim, .ef_construction = 60,
	};
	float *rows = rows_of(s, 1), *queries = queries_of(s, 2), got[VECTORS_K], least[VECTORS_K];
	struct vexfs_coll *flat = coll_new(s->metric, 0, s->dim, 16, 60);
	uint64_t ids[VECTORS_K], found = 0;
	struct vex_search q = {
		.nq = 1, .dim = s->dim, .k = VECTORS_K, .ef = 100, .ids = (u64 *)ids,
		.distances = (u32 *)got,
	};
	struct core c = { 0 };
	u64 ino, first, bad;

	core_make(&c, 16384, 1);
	ino = core_create(&c, VEXFS_ROOT_INO, "rows");
	assert_int_equal(vex_coll_create(c.fs, ino, &coll), 0);
	for (u32 i = 0; i < s->rows; i += 100)
		assert_int_equal(vex_coll_insert(c.fs, ino, rows + i * s->dim,
						 min(100u, s->rows - i), s->dim, &first, &bad), 0);
	add(flat, rows, s->rows);
	for (u32 n = 0; n < QUERIES; n++) {
		q.queries = queries + n * s->dim;
		assert_int_equal(vex_coll_search(c.fs, ino, &q), 0);
		results_check(ids, got, VECTORS_K);
		assert_int_equal(vexfs_coll_search(flat, q.queries, 1, VECTORS_K, NULL, ids,
						   least), 0);
		for (u32 i = 0; i < VECTORS_K; i++)
			found += got[i] <= least[VECTORS_K - 1];
	}
	core_end(&c);
	vexfs_coll_close(flat);
	free(queries);
	free(rows);
	if (getenv("VERBOSE"))
		printf("%-10s %-6s in an image: recall %.4f\n", s->name, metric_name[s->metric],
		       found / (double)(QUERIES * VECTORS_K));
	return found / (double)(QUERIES * VECTORS_K);
}

/* ONLY=name tries one sort. */
static bool is_skipped(const struct sort *s)
{
	const char *only = getenv("ONLY");

	return only && strcmp(only, s->name);
}

static void rows_of_any_sort_are_found(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(sorts); i++)
		if (!is_skipped(&sorts[i]))
			assert_true(recall_of(&sorts[i], VEXFS_COLL_AUTO) >= sorts[i].own);
}

static void levels_find_what_they_can(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(sorts); i++) {
		if (is_skipped(&sorts[i]))
			continue;
		if (sorts[i].sq7)
			assert_true(recall_of(&sorts[i], VEXFS_COLL_SQ7) >= sorts[i].sq7);
		if (sorts[i].sq4)
			assert_true(recall_of(&sorts[i], VEXFS_COLL_SQ4) >= sorts[i].sq4);
	}
}

static void rows_of_any_sort_are_found_in_an_image(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(sorts); i++)
		if (!is_skipped(&sorts[i]))
			assert_true(recall_in_image(&sorts[i]) >= sorts[i].own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_any_sort_are_found),
		cmocka_unit_test(levels_find_what_they_can),
		core_test(rows_of_any_sort_are_found_in_an_image),
	};

	vex_core_init();
	return cmocka_run_group_tests_name("shapes", tests, NULL, NULL);
}

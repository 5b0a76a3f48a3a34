// SPDX-License-Identifier: GPL-2.0-only
/*
 * An index of codes in memory: where codes lie, that they are the rows', and how much of the truth
 * is found for rows of several shapes. VERBOSE=1 prints it. In a filesystem: test_index.c; with
 * filters and within distances: test_select.c.
 */
#include <vex_graph_item.h>

#include "vectors.h"

static struct vexfs_coll *codes_new(u32 metric, u32 code, u32 dim)
{
	struct vexfs_coll_options o = {
		.size = sizeof(o), .dim = dim, .metric = metric, .index = VEXFS_COLL_CODES,
		.code = code,
	};
	struct vexfs_coll *c = NULL;

	assert_int_equal(vexfs_coll_memory(&o, &c), 0);
	return c;
}

/* Each code stands behind the one before, and is its row's. */
static void codes_check(struct vexfs_coll *c)
{
	struct vex_graph *g = &c->graph;
	struct vex_walk w = { 0 };
	const u8 *code, *before = NULL;

	assert_int_equal(g->code_at, 0);
	assert_int_equal(g->tab[0].bytes, g->codec.bytes);
	assert_int_equal(vex_walk_room(&w, g, 1, 1), 0);
	for (u32 id = 0; id < g->tab[0].count; id++) {
		assert_int_equal(vex_code_get(g, 0, id, &code), 0);
		assert_true(id % g->tab[0].per == 0 || code == before + g->codec.bytes);
		before = code;
		vex_codec_levels(&g->codec, vex_tab_at(&c->rows, id), w.levels);
		vex_codec_pack(&g->codec, w.levels, w.code);
		assert_memory_equal(code, w.code, g->codec.bytes);
	}
	vex_walk_free(&w);
}

static void codes_are_packed_and_those_of_the_rows(void **state)
{
	enum { ROWS = 5000, DIM = 70 };
	static const u32 codes[] = { VEXFS_COLL_SQ7, VEXFS_COLL_SQ4, VEXFS_COLL_F32 };
	float *rows = vectors_new(CLUSTERED, ROWS, DIM, 61);

	for (u32 i = 0; i < ARRAY_SIZE(codes); i++) {
		struct vexfs_coll *c = codes_new(VEXFS_COLL_L2, codes[i], DIM);

		/* The codec is made anew on the way. */
		for (u32 n = 0; n < ROWS; n += 500) {
			assert_int_equal(vexfs_coll_add(c, rows + n * DIM, 500, NULL), 0);
			assert_int_equal(c->graph.tab[0].count, n + 500);
		}
		assert_true(c->drift.rows > 500);
		codes_check(c);
		vexfs_coll_close(c);
	}
	free(rows);
}

/* ---- searches ------------------------------------------------------------------------------ */

static void instruction_sets_agree(void **state)
{
	struct vexfs_coll_options o = { .size = sizeof(o), .dim = 70, .index = VEXFS_COLL_CODES };
	struct vexfs_coll_query q = { .size = sizeof(q), .ef = VECTORS_K };

	for (o.code = VEXFS_COLL_SQ7; o.code <= VEXFS_COLL_SQ4; o.code++)
		for (o.metric = VEXFS_COLL_L2; o.metric <= VEXFS_COLL_COSINE; o.metric++)
			/* All codes, and the kept rows. */
			assert_int_equal(sets_agree(&o, &q, 62),
					 SETS_QUERIES * (SETS_ROWS + VECTORS_K));
}

/* Nobody asked how many rows to rank: where it is as fast to compare all rows, that is done. */
static void few_rows_are_compared_whole(void **state)
{
	enum { ROWS = 3000, DIM = 128 };
	float *rows = vectors_new(UNIFORM, ROWS, DIM, 63), far[500];
	struct vexfs_coll *c = codes_new(VEXFS_COLL_L2, VEXFS_COLL_SQ7, DIM);
	struct vexfs_coll_query q = { .size = sizeof(q) };
	uint64_t ids[500];

	assert_int_equal(vexfs_coll_add(c, rows, ROWS, NULL), 0);
	assert_int_equal(vexfs_coll_search(c, rows, 1, 10, &q, ids, far), 0);
	assert_int_equal(q.compared, ROWS + 100);
	assert_int_equal(vexfs_coll_search(c, rows, 1, 500, &q, ids, far), 0);
	assert_int_equal(q.compared, ROWS);
	q.ef = 500;
	assert_int_equal(vexfs_coll_search(c, rows, 1, 500, &q, ids, far), 0);
	assert_int_equal(q.compared, ROWS + 500);
	vexfs_coll_close(c);
	free(rows);
}

static double shape_recall(enum shape shape, u32 metric, u32 code, u32 n, u32 dim)
{
	enum { QUERIES = 64 };
	float *rows = vectors_new(shape, n, dim, 64);
	float *queries = vectors_queries(shape, QUERIES, dim, 64);
	struct vexfs_coll *c = codes_new(metric, code, dim);
	struct vexfs_coll *flat = coll_of(metric, 0, dim, rows, n);
	double recall;

	assert_int_equal(vexfs_coll_add(c, rows, n, NULL), 0);
	recall = vectors_recall(c, flat, queries, QUERIES, 100, NULL, 0);
	if (getenv("VERBOSE"))
		printf("shape %u metric %u code %u %5u x %4u: recall %.4f\n", shape, metric,
		       c->options.code, n, dim, recall);
	vexfs_coll_close(flat);
	vexfs_coll_close(c);
	free(queries);
	free(rows);
	return recall;
}

/* By a code that nobody asked for, whatever the rows are like. */
static void nearly_all_true_neighbours_are_found(void **state)
{
	for (u32 metric = VEXFS_COLL_L2; metric <= VEXFS_COLL_COSINE; metric++) {
		assert_true(shape_recall(CLUSTERED, metric, 0, 6000, 24) >= 0.99);
		assert_true(shape_recall(UNIFORM, metric, 0, 6000, 128) >= 0.99);
		assert_true(shape_recall(CLUSTERED, metric, 0, 3000, 300) >= 0.99);
		/* Under an inner product the longest rows are the nearest, and levels of all are coarse. */
		assert_true(shape_recall(NORMS, metric, 0, 6000, 16) >=
			    (metric == VEXFS_COLL_IP ? 0.97 : 0.99));
		assert_true(shape_recall(CLUSTERED, metric, 0, 600, 2000) >= 0.99);
	}
	assert_true(shape_recall(DUPLICATES, VEXFS_COLL_L2, 0, 6000, 16) >= 0.99);
	assert_true(shape_recall(TIGHT, VEXFS_COLL_L2, 0, 6000, 16) >= 0.99);
	assert_true(shape_recall(UNIFORM, VEXFS_COLL_L2, 0, 6000, 1) >= 0.99);
	for (u32 metric = VEXFS_COLL_L2; metric <= VEXFS_COLL_COSINE; metric++) {
		assert_true(shape_recall(UNIFORM, metric, VEXFS_COLL_SQ7, 6000, 128) >= 0.999);
		assert_true(shape_recall(UNIFORM, metric, VEXFS_COLL_SQ4, 6000, 128) >= 0.99);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_are_packed_and_those_of_the_rows),
		cmocka_unit_test(instruction_sets_agree),
		cmocka_unit_test(few_rows_are_compared_whole),
		cmocka_unit_test(nearly_all_true_neighbours_are_found),
	};

	return cmocka_run_group_tests_name("codes", tests, NULL, NULL);
}

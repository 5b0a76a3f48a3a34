// SPDX-License-Identifier: GPL-2.0-only
/*
 * LSH in memory: what holds for every bucket after any changes, and how much of the truth is found
 * for rows of several shapes. VERBOSE=1 prints what was measured. In a filesystem: test_index.c.
 */
#include <vex_lsh.h>

#include "vectors.h"

static bool is_dead(const struct vexfs_coll *c, u32 id)
{
	return c->dead[id / 64] >> id % 64 & 1;
}

static struct vexfs_coll *lsh_new(u32 metric, u32 code, u32 dim, u32 tables, u32 bits)
{
	struct vexfs_coll_options o = {
		.size = sizeof(o), .dim = dim, .metric = metric, .index = VEXFS_COLL_LSH,
		.code = code, .tables = tables, .bits = bits,
	};
	struct vexfs_coll *c = NULL;

	assert_int_equal(vexfs_coll_memory(&o, &c), 0);
	return c;
}

/* ---- what holds for every bucket ---------------------------------------------------------- */

/*
 * Each live row is in one bucket of each table, that of its code, and in none twice; returns the
 * deleted ones that are in some.
 */
static u32 buckets_check(struct vexfs_coll *c)
{
	struct vex_graph *g = &c->graph;
	u32 rows = g->tab[0].count, tables = g->lsh.tables, dead = 0, t, head, next, steps;
	u32 *bucket = malloc((size_t)rows * tables * sizeof(*bucket));
	struct vex_walk w = { 0 };

	if (!g->layers) {
		assert_int_equal(rows, 0);
		free(bucket);
		return 0;
	}
	assert_int_equal(g->tab[1].count, tables << g->lsh.bits);
	assert_int_equal(vex_walk_room(&w, g, 1, rows), 0);
	for (u32 id = 0; id < rows; id++) {
		vex_lsh_buckets(g, &w, vex_tab_at(&g->tab[0], id) + g->code_at);
		memcpy(bucket + (size_t)id * tables, w.lsh->bucket, tables * sizeof(*bucket));
	}
	for (t = 0; t < tables; t++) {
		u8 *met = calloc(rows, 1);

		for (head = t << g->lsh.bits; head < (t + 1) << g->lsh.bits; head++) {
			assert_int_equal(vex_lsh_next(g, 1, head, 0, &next), 0);
			for (steps = 0; next; steps++) {
				assert_true(steps < rows && !met[next - 1]);
				met[next - 1] = 1;
				dead += is_dead(c, next - 1);
				assert_int_equal(bucket[(size_t)(next - 1) * tables + t],
						 head - (t << g->lsh.bits));
				assert_int_equal(vex_lsh_next(g, 0, next - 1, t, &next), 0);
			}
		}
		for (u32 id = 0; id < rows; id++)
			assert_true(met[id] || is_dead(c, id));
		free(met);
	}
	vex_walk_free(&w);
	free(bucket);
	return dead;
}

static void buckets_are_sound_after_every_insertion(void **state)
{
	enum { ROWS = 420, DIM = 6 };
	float *rows = vectors_new(UNIFORM, ROWS, DIM, 41);

	for (u32 bits = 1; bits <= 15; bits += 7) {
		struct vexfs_coll *c = lsh_new(VEXFS_COLL_L2, VEXFS_COLL_SQ7, DIM, 3, bits);

		for (u32 i = 0; i < ROWS; i++) {
			assert_int_equal(vexfs_coll_add(c, rows + i * DIM, 1, NULL), 0);
			buckets_check(c);
		}
		assert_int_equal(c->graph.tab[0].count, ROWS);
		vexfs_coll_close(c);
	}
	free(rows);
}

/* With many times the rows that the codec was made from it is made anew, and so are buckets. */
static void buckets_follow_a_new_codec(void **state)
{
	enum { ROWS = 5000, DIM = 8 };
	float *rows = vectors_new(UNIFORM, ROWS, DIM, 42);
	struct vexfs_coll *c = lsh_new(VEXFS_COLL_L2, 0, DIM, 4, 8);

	for (u32 i = 0; i < ROWS; i += 250)
		assert_int_equal(vexfs_coll_add(c, rows + i * DIM, 250, NULL), 0);
	assert_true(c->drift.rows > 250);
	assert_int_equal(c->graph.tab[0].count, ROWS);
	assert_int_equal(buckets_check(c), 0);
	vexfs_coll_close(c);
	free(rows);
}

static void a_pass_takes_deleted_rows_out_of_buckets(void **state)
{
	enum { ROWS = 3000, DIM = 8 };
	/* Equal rows: longer buckets than one plan can change. */
	static const enum shape shapes[] = { UNIFORM, DUPLICATES };

	for (u32 s = 0; s < 2; s++) {
		float *rows = vectors_new(shapes[s], ROWS, DIM, 43);
		struct vexfs_coll *c = lsh_new(VEXFS_COLL_L2, 0, DIM, 4, s ? 1 : 10);
		uint64_t ids[ROWS / 2];

		assert_int_equal(vexfs_coll_add(c, rows, ROWS, NULL), 0);
		assert_int_equal(buckets_check(c), 0);
		for (u32 i = 0; i < 20; i++)
			ids[i] = 2 * i;
		assert_int_equal(vexfs_coll_delete(c, ids, 20), 0);
		assert_int_equal(buckets_check(c), 20 * 4);
		for (u32 i = 20; i < ROWS / 2; i++)
			ids[i] = 2 * i;
		assert_int_equal(vexfs_coll_delete(c, ids + 20, ROWS / 2 - 20), 0);
		assert_int_equal(c->mended, ROWS / 2);
		assert_int_equal(buckets_check(c), 0);
		vexfs_coll_close(c);
		free(rows);
	}
}

static void damaged_buckets_are_refused_not_followed(void **state)
{
	enum { ROWS = 300, DIM = 4 };
	float *rows = vectors_new(UNIFORM, ROWS, DIM, 44), distance;
	struct vexfs_coll *c = lsh_new(VEXFS_COLL_L2, 0, DIM, 2, 3);
	struct vex_graph *g = &c->graph;
	uint64_t id;

	assert_int_equal(vexfs_coll_add(c, rows, ROWS, NULL), 0);
	/* In circles, then out of the table. */
	for (u32 pos = 0; pos < ROWS; pos++)
		*vex_lsh_link(0, vex_tab_at(&g->tab[0], pos), 0) = cpu_to_le32(pos + 1);
	assert_int_equal(vexfs_coll_search(c, rows, 1, 1, NULL, &id, &distance), -EUCLEAN);
	for (u32 pos = 0; pos < ROWS; pos++)
		*vex_lsh_link(0, vex_tab_at(&g->tab[0], pos), 0) = cpu_to_le32(ROWS + 1);
	assert_int_equal(vexfs_coll_search(c, rows, 1, 1, NULL, &id, &distance), -EUCLEAN);
	for (u32 head = 0; head < g->tab[1].count; head++)
		*vex_lsh_link(1, vex_tab_at(&g->tab[1], head), 0) = cpu_to_le32(~0u);
	assert_int_equal(vexfs_coll_search(c, rows, 1, 1, NULL, &id, &distance), -EUCLEAN);
	/* And the walk's memory is as good as before. */
	for (u32 head = 0; head < g->tab[1].count; head++)
		*vex_lsh_link(1, vex_tab_at(&g->tab[1], head), 0) = 0;
	assert_int_equal(vexfs_coll_search(c, rows, 1, 1, NULL, &id, &distance), 0);
	assert_int_equal(id, 0);
	free(rows);
	vexfs_coll_close(c);
}

/* ---- searches ------------------------------------------------------------------------------ */

/* Every instruction set finds the same rows in the same buckets. */
static void instruction_sets_agree(void **state)
{
	struct vexfs_coll_options o = {
		.size = sizeof(o), .dim = 70, .metric = VEXFS_COLL_COSINE, .index = VEXFS_COLL_LSH,
		.tables = 4, .bits = 8,
	};
	struct vexfs_coll_query q = { .size = sizeof(q), .ef = 20, .probes = 2 };

	for (o.code = VEXFS_COLL_SQ7; o.code <= VEXFS_COLL_SQ4; o.code++)
		sets_agree(&o, &q, 45);
}

/* Every probe of every table: all buckets, each once, so all rows. */
static void all_probes_read_all_buckets(void **state)
{
	enum { ROWS = 1000, DIM = 10, BITS = 6 };
	float *rows = vectors_new(UNIFORM, ROWS, DIM, 46), distances[10];
	struct vexfs_coll *c = lsh_new(VEXFS_COLL_L2, 0, DIM, 3, BITS);
	struct vex_walk w = { .probes = 1 << BITS };
	uint64_t ids[10];

	assert_int_equal(vexfs_coll_add(c, rows, ROWS, NULL), 0);
	assert_int_equal(vex_walk_room(&w, &c->graph, ROWS, ROWS), 0);
	assert_int_equal(vex_graph_search(&c->graph, &w, rows, ROWS, ROWS), 0);
	assert_int_equal(w.hops, 3 << BITS);
	assert_int_equal(w.dists, ROWS);
	assert_int_equal(w.size, ROWS);
	vex_walk_free(&w);
	/* Where buckets hold too few rows all are compared: k are found. */
	for (u32 probes = 0; probes <= 4096; probes = probes ? 4 * probes : 1) {
		struct vexfs_coll_query q = { .size = sizeof(q), .probes = probes };
		uint64_t *many = malloc(ROWS * sizeof(*many));
		float *far = malloc(ROWS * sizeof(*far));

		assert_int_equal(vexfs_coll_search(c, rows, 1, ROWS, &q, many, far), 0);
		results_check(many, far, ROWS);
		assert_int_not_equal(many[ROWS - 1], VEXFS_COLL_NO_ID);
		free(far);
		free(many);
	}
	for (u32 probes = 4097; probes; probes = probes == 4097 ? ~0u : 0) {
		struct vexfs_coll_query q = { .size = sizeof(q), .probes = probes };

		assert_int_equal(vexfs_coll_search(c, rows, 1, 10, &q, ids, distances), -EINVAL);
	}
	vexfs_coll_close(c);
	free(rows);
}

/* ---- shapes -------------------------------------------------------------------------------- */

static double shape_recall(enum shape shape, u32 metric, u32 code, u32 n, u32 dim)
{
	enum { QUERIES = 64 };
	float *rows = vectors_new(shape, n, dim, 35);
	float *queries = vectors_queries(shape, QUERIES, dim, 35);
	struct vexfs_coll_query q = { .size = sizeof(q) };
	struct vexfs_coll *c = lsh_new(metric, code, dim, 0, 0);
	struct vexfs_coll *flat = coll_of(metric, 0, dim, rows, n);
	uint64_t id;
	float far;
	double recall;

	assert_int_equal(vexfs_coll_add(c, rows, n, NULL), 0);
	buckets_check(c);
	assert_int_equal(vexfs_coll_search(c, queries, 1, 1, &q, &id, &far), 0);
	recall = vectors_recall(c, flat, queries, QUERIES, 100, NULL, 0);
	if (getenv("VERBOSE"))
		printf("shape %u metric %u sq%u %5u x %4u: recall %.4f, %llu compared\n", shape,
		       metric, code == VEXFS_COLL_SQ4 ? 4 : 7, n, dim, recall,
		       (unsigned long long)q.compared);
	vexfs_coll_close(flat);
	vexfs_coll_close(c);
	free(queries);
	free(rows);
	return recall;
}

static void shape_check(enum shape shape, u32 metric, u32 n, u32 dim, double want7, double want4)
{
	double r7 = shape_recall(shape, metric, VEXFS_COLL_SQ7, n, dim);
	double r4 = shape_recall(shape, metric, VEXFS_COLL_SQ4, n, dim);

	assert_true(r7 >= want7);
	assert_true(r4 >= want4);
}

static void clustered_rows_are_found(void **state)
{
	for (u32 metric = VEXFS_COLL_L2; metric <= VEXFS_COLL_COSINE; metric++)
		shape_check(CLUSTERED, metric, 6000, 24, 0.99, 0.92);
}

static void uniform_rows_are_found(void **state)
{
	for (u32 metric = VEXFS_COLL_L2; metric <= VEXFS_COLL_COSINE; metric++)
		shape_check(UNIFORM, metric, 6000, 16, 0.99, 0.99);
}

static void equal_rows_are_found(void **state)
{
	shape_check(DUPLICATES, VEXFS_COLL_L2, 6000, 16, 0.97, 0.97);
}

static void rows_of_one_tight_cluster_are_found(void **state)
{
	shape_check(TIGHT, VEXFS_COLL_L2, 6000, 16, 0.99, 0.99);
}

static void rows_of_many_lengths_are_found(void **state)
{
	shape_check(NORMS, VEXFS_COLL_COSINE, 6000, 16, 0.99, 0.99);
	/* The longest rows are the nearest, in whatever direction, of which alone buckets know. */
	shape_check(NORMS, VEXFS_COLL_IP, 6000, 16, 0.82, 0.76);
}

static void rows_of_one_dimension_are_found(void **state)
{
	/* There are 127 codes for all of them, and in SQ4 sixteen. */
	shape_check(UNIFORM, VEXFS_COLL_L2, 6000, 1, 0.84, 0.1);
}

static void rows_of_2000_dimensions_are_found(void **state)
{
	for (u32 metric = VEXFS_COLL_L2; metric <= VEXFS_COLL_COSINE; metric++)
		shape_check(CLUSTERED, metric, 600, 2000, 0.99, 0.99);
}

/* A structure of yesterday, without its newest fields. */
static void smaller_structures_have_defaults(void **state)
{
	struct vexfs_coll_options o = {
		.size = 28, .dim = 4, .index = VEXFS_COLL_LSH, .tables = 1000, .bits = 1000,
	};
	struct vexfs_coll_query q = { .size = 32, .probes = ~0u, .reserved = ~0u };
	struct vexfs_coll_stats st;
	float row[4] = { 1 }, distance;
	struct vexfs_coll *c;
	uint64_t id;

	assert_int_equal(vexfs_coll_memory(&o, &c), 0);
	assert_int_equal(vexfs_coll_add(c, row, 1, NULL), 0);
	assert_int_equal(vexfs_coll_search(c, row, 1, 1, &q, &id, &distance), 0);
	assert_int_equal(q.compared, 1);
	assert_int_equal(vexfs_coll_stat(c, &st), 0);
	assert_int_equal(st.index, VEXFS_COLL_LSH);
	assert_int_equal(st.tables, 8);
	assert_int_equal(st.bits, 12);
	assert_int_equal(st.m, 0);
	vexfs_coll_close(c);
	o.size = sizeof(o);
	assert_int_equal(vexfs_coll_memory(&o, &c), -EINVAL);
	q.size = sizeof(q);
	q.probes = 0;
	o.tables = 64;
	o.bits = 20;
	assert_int_equal(vexfs_coll_memory(&o, &c), 0);
	assert_int_equal(vexfs_coll_search(c, row, 1, 1, &q, &id, &distance), -EINVAL);
	vexfs_coll_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_are_sound_after_every_insertion),
		cmocka_unit_test(buckets_follow_a_new_codec),
		cmocka_unit_test(a_pass_takes_deleted_rows_out_of_buckets),
		cmocka_unit_test(damaged_buckets_are_refused_not_followed),
		cmocka_unit_test(instruction_sets_agree),
		cmocka_unit_test(all_probes_read_all_buckets),
		cmocka_unit_test(clustered_rows_are_found),
		cmocka_unit_test(uniform_rows_are_found),
		cmocka_unit_test(equal_rows_are_found),
		cmocka_unit_test(rows_of_one_tight_cluster_are_found),
		cmocka_unit_test(rows_of_many_lengths_are_found),
		cmocka_unit_test(rows_of_one_dimension_are_found),
		cmocka_unit_test(rows_of_2000_dimensions_are_found),
		cmocka_unit_test(smaller_structures_have_defaults),
	};

	return cmocka_run_group_tests_name("lsh", tests, NULL, NULL);
}

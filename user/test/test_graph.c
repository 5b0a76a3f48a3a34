// SPDX-License-Identifier: GPL-2.0-only
/*
 * The graph: what holds for every item after any insertions, and how much of the truth is found
 * for rows of several shapes. VERBOSE=1 prints what was measured.
 */
#include <math.h>

#include "vectors.h"

static void say(const char *fmt, ...)
{
	va_list args;

	if (!getenv("VERBOSE"))
		return;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
}

/* ---- positions to pieces ---------------------------------------------------------------- */

static void check_pos(const struct vex_tab *t, u64 pos)
{
	if (pos <= 0x7fffffff && vex_tab_chunk(t, pos) != pos / t->per)
		fail_msg("%llu of %u in a piece is in %u", pos, t->per, vex_tab_chunk(t, pos));
}

static void division_by_multiplication_is_exact(void **state)
{
	u64 rnd = 31;

	(void)state;
	for (u32 per = 1; per <= 5000; per++) {
		struct vex_tab t = { 0 };

		/* Pieces that have a few bytes over, too. */
		vex_tab_shape(&t, 12, 12 * per + per % 12);
		assert_int_equal(t.per, per);
		for (u64 piece = 0; piece < 50; piece++)
			for (s32 off = -1; off <= 1; off++)
				check_pos(&t, piece * per + off);
		for (u64 at = 1; at <= 0x80000000ULL; at *= 2)
			for (s32 off = -2; off <= 2; off++) {
				check_pos(&t, at + off);
				check_pos(&t, at / per * per + off);
			}
		for (u32 i = 0; i < 100; i++)
			check_pos(&t, test_below(&rnd, 1ULL << 31) / per * per - (i & 1));
	}
}

static void items_lie_one_behind_the_other(void **state)
{
	u8 *chunk[4], pieces[4][1000];
	struct vex_tab t = { .chunk = chunk, .chunks = 4 };

	(void)state;
	for (u32 bytes = 1; bytes <= 1000; bytes += 37) {
		vex_tab_shape(&t, bytes, 1000);
		for (u32 i = 0; i < 4; i++)
			chunk[i] = pieces[i];
		for (u32 pos = 0; pos < 4 * t.per; pos++)
			assert_ptr_equal(vex_tab_at(&t, pos),
					 pieces[pos / t.per] + pos % t.per * bytes);
		chunk[1] = NULL;
		assert_null(vex_tab_at(&t, t.per));
	}
}

/* ---- what holds for every item ------------------------------------------------------------ */

static u32 links_of(const struct vex_graph *g, u32 layer, u32 pos, const __le32 **link)
{
	const u8 *item = vex_tab_at(&g->tab[layer], pos);

	*link = layer ? ((const struct vex_upper *)item)->link :
			((const struct vex_rec *)item)->link;
	return item[0];
}

static u32 upper_id(const struct vex_graph *g, u32 layer, u32 pos)
{
	return layer ? ((struct vex_upper *)vex_tab_at(&g->tab[layer], pos))->id : pos;
}

static void links_check(const struct vex_graph *g, u32 layer, u32 pos)
{
	u32 most = layer ? g->m : 2 * g->m - 1;
	const __le32 *link;
	u32 n = links_of(g, layer, pos, &link);

	assert_in_range(n, 0, most);
	for (u32 i = 0; i < n; i++) {
		assert_true(link[i] < g->tab[layer].count);
		assert_int_not_equal(link[i], pos);
		for (u32 j = 0; j < i; j++)
			assert_int_not_equal(link[i], link[j]);
	}
}

static void upper_check(const struct vex_graph *g, u32 layer, u32 pos)
{
	const struct vex_upper *u = (struct vex_upper *)vex_tab_at(&g->tab[layer], pos);

	if (pos)
		assert_true(u->id > upper_id(g, layer, pos - 1));
	assert_true(u->below < g->tab[layer - 1].count);
	assert_int_equal(upper_id(g, layer - 1, u->below), u->id);
	assert_int_equal(u->zero[0] | u->zero[1] | u->zero[2], 0);
}

static void graph_check(const struct vex_graph *g)
{
	for (u32 layer = 0; layer < VEX_GRAPH_LAYERS; layer++) {
		assert_int_equal(layer < g->layers, g->tab[layer].count > 0);
		for (u32 pos = 0; pos < g->tab[layer].count; pos++) {
			links_check(g, layer, pos);
			if (layer)
				upper_check(g, layer, pos);
		}
	}
	if (g->layers)
		assert_true(g->entry < g->tab[g->layers - 1].count);
}

/* The share of the rows to which links of the base lead from the entry. */
static double reachable(const struct vex_graph *g)
{
	u32 count = g->tab[0].count, found = 1, next = 0;
	u32 *queue = malloc(count * sizeof(*queue));
	u8 *seen = calloc(count, 1);
	const __le32 *link;

	queue[0] = upper_id(g, g->layers - 1, g->entry);
	seen[queue[0]] = 1;
	while (next < found) {
		u32 n = links_of(g, 0, queue[next++], &link);

		for (u32 i = 0; i < n; i++) {
			if (!seen[link[i]])
				queue[found++] = link[i];
			seen[link[i]] = 1;
		}
	}
	free(seen);
	free(queue);
	return (double)found / count;
}

static void items_are_sound_after_every_insertion(void **state)
{
	enum { ROWS = 450, DIM = 6 };

	(void)state;
	for (u32 m = 2; m <= 8; m *= 2) {
		struct vexfs_coll *c = coll_new(VEXFS_COLL_L2, VEXFS_COLL_SQ7, DIM, m, 20);
		float *rows = vectors_new(UNIFORM, ROWS, DIM, 32);

		for (u32 i = 0; i < ROWS; i++) {
			assert_int_equal(vexfs_coll_add(c, rows + i * DIM, 1, NULL), 0);
			graph_check(&c->graph);
		}
		assert_int_equal(c->graph.tab[0].count, ROWS);
		free(rows);
		vexfs_coll_close(c);
	}
}

/* Binomial: five standard deviations, and three for the small ones. */
static void a_layer_has_one_in_m_of_the_one_below(void **state)
{
	enum { ROWS = 5000 };

	(void)state;
	for (u32 m = 2; m <= 32; m *= 2) {
		struct vexfs_coll *c = coll_new(VEXFS_COLL_L2, VEXFS_COLL_SQ7, 2, m, m);
		float *rows = vectors_new(UNIFORM, ROWS, 2, 33);
		double want = ROWS;

		assert_int_equal(vexfs_coll_add(c, rows, ROWS, NULL), 0);
		for (u32 layer = 0; layer < VEX_GRAPH_LAYERS; layer++, want /= m) {
			double off = fabs(c->graph.tab[layer].count - want);

			assert_true(off <= 5 * sqrt(want) + 3);
			if (!layer)
				assert_true(off == 0);
		}
		graph_check(&c->graph);
		free(rows);
		vexfs_coll_close(c);
	}
}

static bool is_dead(const struct vexfs_coll *c, u32 id)
{
	return c->dead[id / 64] >> id % 64 & 1;
}

/* Links of live rows to deleted ones. */
static u32 dead_links(const struct vexfs_coll *c)
{
	const struct vex_graph *g = &c->graph;
	const __le32 *link;
	u32 layer, pos, i, n, count = 0;

	for (layer = 0; layer < g->layers; layer++)
		for (pos = 0; pos < g->tab[layer].count; pos++) {
			if (is_dead(c, upper_id(g, layer, pos)))
				continue;
			n = links_of(g, layer, pos, &link);
			for (i = 0; i < n; i++)
				count += is_dead(c, upper_id(g, layer, link[i]));
		}
	return count;
}

/* Live rows to which links of the base lead from a live one, as a share. */
static double reachable_live(struct vexfs_coll *c)
{
	struct vexfs_coll_query q = { .size = sizeof(q), .ef = 200 };
	u32 id, found = 0, live = 0;
	float distance;
	uint64_t got;

	for (id = 0; id < c->rows.count; id++) {
		if (is_dead(c, id))
			continue;
		live++;
		assert_int_equal(vexfs_coll_search(c, (float *)vex_tab_at(&c->rows, id), 1, 1, &q, &got,
						   &distance), 0);
		found += got == id;
	}
	return (double)found / live;
}

static void links_lead_around_deleted_rows(void **state)
{
	enum { ROWS = 3000, DIM = 16 };
	float *rows = vectors_new(CLUSTERED, ROWS, DIM, 3);
	float *queries = vectors_queries(CLUSTERED, 40, DIM, 3);
	struct vexfs_coll *c = coll_of(VEXFS_COLL_L2, VEXFS_COLL_SQ7, DIM, rows, ROWS);
	struct vexfs_coll *flat = coll_of(VEXFS_COLL_L2, 0, DIM, rows, ROWS);
	u32 kept = ROWS;
	uint64_t id;

	(void)state;
	/* A whole stretch at once, and two thirds of the rest one by one. */
	for (id = 0; id < ROWS; id++) {
		if (id >= 500 && id % 3 == 0)
			continue;
		assert_int_equal(vexfs_coll_delete(c, &id, 1), 0);
		assert_int_equal(vexfs_coll_delete(flat, &id, 1), 0);
		kept--;
	}
	assert_true(c->mended > 0);
	graph_check(&c->graph);
	/* What was deleted since the last pass is less than what makes one due. */
	say("%u rows, %u links to deleted ones\n", kept, dead_links(c));
	assert_true(!vex_graph_mend_due(&c->graph, ROWS - kept, c->mended));
	assert_true(reachable_live(c) >= 0.99);
	assert_true(vectors_recall(c, flat, queries, 40, 100, NULL, 0) >= 0.97);
	/* Rows that come now find their places, too. */
	assert_int_equal(vexfs_coll_add(c, rows, 500, NULL), 0);
	assert_int_equal(vexfs_coll_add(flat, rows, 500, NULL), 0);
	assert_true(vectors_recall(c, flat, queries, 40, 100, NULL, 0) >= 0.97);
	vexfs_coll_close(flat);
	vexfs_coll_close(c);
	free(queries);
	free(rows);
}

static void a_pass_leaves_no_link_to_a_deleted_row(void **state)
{
	enum { ROWS = 2000, DIM = 16 };
	float *rows = vectors_new(UNIFORM, ROWS, DIM, 4);
	struct vexfs_coll *c = coll_of(VEXFS_COLL_L2, VEXFS_COLL_SQ4, DIM, rows, ROWS);
	uint64_t ids[ROWS / 2];

	(void)state;
	for (u32 i = 0; i < ROWS / 2; i++)
		ids[i] = 2 * i;
	assert_int_equal(vexfs_coll_delete(c, ids, ROWS / 2), 0);
	assert_int_equal(c->mended, ROWS / 2);
	assert_int_equal(dead_links(c), 0);
	graph_check(&c->graph);
	assert_true(reachable_live(c) >= 0.99);
	vexfs_coll_close(c);
	free(rows);
}

static void damaged_links_are_refused_not_followed(void **state)
{
	enum { ROWS = 300, DIM = 4 };
	float *rows = vectors_new(UNIFORM, ROWS, DIM, 34), distance;
	struct vexfs_coll *c = coll_of(VEXFS_COLL_L2, VEXFS_COLL_SQ7, DIM, rows, ROWS);
	struct vex_graph *g = &c->graph;
	uint64_t id;

	(void)state;
	for (u32 pos = 0; pos < ROWS; pos++) {
		struct vex_rec *rec = (struct vex_rec *)vex_tab_at(&g->tab[0], pos);

		rec->link[0] = ROWS;
		rec->count = 255;
	}
	assert_int_equal(vexfs_coll_search(c, rows, 1, 1, NULL, &id, &distance), -EUCLEAN);
	/* And the walk's memory is as good as before. */
	for (u32 pos = 0; pos < ROWS; pos++)
		((struct vex_rec *)vex_tab_at(&g->tab[0], pos))->count = 0;
	assert_int_equal(vexfs_coll_search(c, rows, 1, 1, NULL, &id, &distance), 0);
	free(rows);
	vexfs_coll_close(c);
}

/* ---- shapes --------------------------------------------------------------------------------- */

static const char * const shape_name[] = {
	[CLUSTERED] = "clustered", [UNIFORM] = "uniform", [DUPLICATES] = "duplicates",
	[TIGHT] = "tight", [NORMS] = "norms",
};

static const char * const metric_name[] = {
	[VEXFS_COLL_L2] = "l2", [VEXFS_COLL_IP] = "ip", [VEXFS_COLL_COSINE] = "cosine",
};

/* Build one, check it, measure it; @scale is the queries'. */
static double shape_recall(enum shape shape, u32 metric, u32 code, u32 n, u32 dim, float scale,
			   double *reach)
{
	enum { QUERIES = 64 };
	float *rows = vectors_new(shape, n, dim, 35);
	float *queries = vectors_queries(shape, QUERIES, dim, 35);
	struct vexfs_coll *c = coll_of(metric, code, dim, rows, n);
	struct vexfs_coll *flat = coll_of(metric, 0, dim, rows, n);
	double recall;

	for (u32 i = 0; i < QUERIES * dim; i++)
		queries[i] *= scale;
	graph_check(&c->graph);
	*reach = reachable(&c->graph);
	recall = vectors_recall(c, flat, queries, QUERIES, 100, NULL, 0);
	say("%-10s %-6s sq%u %5u x %4u scale %g: recall %.4f, reachable %.4f\n",
	    shape_name[shape], metric_name[metric], code == VEXFS_COLL_SQ4 ? 4 : 7, n, dim, scale,
	    recall, *reach);
	vexfs_coll_close(flat);
	vexfs_coll_close(c);
	free(queries);
	free(rows);
	return recall;
}

/*
 * All rows can be reached. Not under an inner product: a short row is nobody's neighbour, and no
 * query's.
 */
static void shape_check(enum shape shape, u32 metric, u32 n, u32 dim, double want7, double want4)
{
	double recall, reach;

	for (u32 code = VEXFS_COLL_SQ7; code <= VEXFS_COLL_SQ4; code++) {
		recall = shape_recall(shape, metric, code, n, dim, 1, &reach);
		assert_true(recall >= (code == VEXFS_COLL_SQ7 ? want7 : want4));
		if (metric != VEXFS_COLL_IP)
			assert_true(reach >= 0.999);
	}
}

static void clustered_rows_are_found(void **state)
{
	(void)state;
	for (u32 metric = VEXFS_COLL_L2; metric <= VEXFS_COLL_COSINE; metric++)
		shape_check(CLUSTERED, metric, 2000, 24, 0.98, 0.95);
}

static void uniform_rows_are_found(void **state)
{
	(void)state;
	for (u32 metric = VEXFS_COLL_L2; metric <= VEXFS_COLL_COSINE; metric++)
		shape_check(UNIFORM, metric, 2000, 16, 0.99, 0.99);
}

/* Fifty times each: what is beside a heap of equal rows is harder to come to. */
static void equal_rows_are_found(void **state)
{
	double recall, reach;

	(void)state;
	for (u32 code = VEXFS_COLL_SQ7; code <= VEXFS_COLL_SQ4; code++) {
		recall = shape_recall(DUPLICATES, VEXFS_COLL_L2, code, 2000, 16, 1, &reach);
		assert_true(recall >= 0.65);
		assert_true(reach >= 0.99);
	}
}

static void rows_of_one_tight_cluster_are_found(void **state)
{
	(void)state;
	shape_check(TIGHT, VEXFS_COLL_L2, 2000, 16, 0.99, 0.99);
}

static void rows_of_many_lengths_are_found(void **state)
{
	(void)state;
	shape_check(NORMS, VEXFS_COLL_COSINE, 2000, 16, 0.99, 0.99);
	shape_check(NORMS, VEXFS_COLL_IP, 2000, 16, 0.96, 0.93);
}

static void rows_of_2000_dimensions_are_found(void **state)
{
	(void)state;
	for (u32 metric = VEXFS_COLL_L2; metric <= VEXFS_COLL_COSINE; metric++)
		shape_check(CLUSTERED, metric, 500, 2000, 0.99, 0.99);
}

/* Nor under an inner product: it makes all distances longer. */
static void the_length_of_a_query_is_no_matter(void **state)
{
	static const float scale[] = { 1e-30f, 1e-3f, 1e3f, 1e30f };
	double reach;

	(void)state;
	for (u32 metric = VEXFS_COLL_IP; metric <= VEXFS_COLL_COSINE; metric++)
		for (u32 i = 0; i < ARRAY_SIZE(scale); i++)
			assert_true(shape_recall(CLUSTERED, metric, VEXFS_COLL_SQ7, 500, 16,
						 scale[i], &reach) >= 0.97);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(division_by_multiplication_is_exact),
		cmocka_unit_test(items_lie_one_behind_the_other),
		cmocka_unit_test(items_are_sound_after_every_insertion),
		cmocka_unit_test(a_layer_has_one_in_m_of_the_one_below),
		cmocka_unit_test(links_lead_around_deleted_rows),
		cmocka_unit_test(a_pass_leaves_no_link_to_a_deleted_row),
		cmocka_unit_test(damaged_links_are_refused_not_followed),
		cmocka_unit_test(clustered_rows_are_found),
		cmocka_unit_test(uniform_rows_are_found),
		cmocka_unit_test(equal_rows_are_found),
		cmocka_unit_test(rows_of_one_tight_cluster_are_found),
		cmocka_unit_test(rows_of_many_lengths_are_found),
		cmocka_unit_test(rows_of_2000_dimensions_are_found),
		cmocka_unit_test(the_length_of_a_query_is_no_matter),
	};

	return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}

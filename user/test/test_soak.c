// SPDX-License-Identifier: GPL-2.0-only
/*
 * A long life: a hundred thousand insertions, updates, deletions and searches, in memory and in a
 * filesystem, after which a graph holds together and finds what one does that was built at once from
 * the same rows. SOAK=n does n operations.
 */
#include "core.h"
#include <vex_check.h>
#include "vectors.h"
#include "vex_hnsw.h"

enum { DIM = 16, K = 10, QUERIES = 200, EF = 64, EF_BUILD = 60, START = 2000, LEAST = 1200 };

static u64 operations(void)
{
	return getenv("SOAK") ? strtoull(getenv("SOAK"), NULL, 0) : 100000;
}

/* Clusters that come and go: rows of one time are unlike those of another. */
static void row_make(float *row, u64 time, u64 *rnd)
{
	u64 centre = time / 4000 + test_below(rnd, 10);

	for (u32 i = 0; i < DIM; i++)
		row[i] = 2 * test_unit(&centre) + test_unit(rnd);
}

/**
 * struct model - what ought to be there
 * @rows: of each id
 * @live: ids that were not deleted
 */
struct model {
	float *rows;
	u64 *live;
	u64 count;
	u64 nr_live;
};

static void model_init(struct model *m, u64 most)
{
	m->rows = malloc(most * DIM * sizeof(*m->rows));
	m->live = malloc(most * sizeof(*m->live));
	m->count = 0;
	m->nr_live = 0;
}

static void model_free(struct model *m)
{
	free(m->rows);
	free(m->live);
}

static float *model_row(const struct model *m, u64 id)
{
	return m->rows + id * DIM;
}

static void model_add(struct model *m, u64 count)
{
	while (count--)
		m->live[m->nr_live++] = m->count++;
}

/* Live rows, one behind the other. */
static float *model_packed(const struct model *m)
{
	float *rows = malloc(m->nr_live * DIM * sizeof(*rows));

	for (u64 i = 0; i < m->nr_live; i++)
		memcpy(rows + i * DIM, model_row(m, m->live[i]), DIM * sizeof(*rows));
	return rows;
}

static void graph_check(struct vex_graph *g)
{
	struct vex_graph_fault fault;

	for (u32 layer = 0; layer < g->layers; layer++)
		for (u32 pos = 0; pos < g->tab[layer].count; pos++) {
			assert_int_equal(vex_graph_check_item(g, layer, pos, &fault), 0);
			if (fault.text)
				fail_msg("item %u of layer %u %s", pos, layer, fault.text);
		}
	assert_true(!g->layers || g->entry < g->tab[g->layers - 1].count);
}

/* ---- in memory --------------------------------------------------------------------------- */

static float *queries_of(const struct model *m, u64 time)
{
	float *queries = malloc(QUERIES * DIM * sizeof(*queries));
	u64 rnd = time;

	/* Near rows that are there. */
	for (u32 q = 0; q < QUERIES; q++)
		for (u32 i = 0; i < DIM; i++)
			queries[q * DIM + i] = model_row(m, m->live[q * m->nr_live / QUERIES])[i] +
					       test_unit(&rnd) / 2;
	return queries;
}

/* A collection built from the live rows finds no more than a hundredth more. */
static void memory_compare(struct vexfs_coll *c, const struct model *m, u64 time)
{
	float *rows = model_packed(m), *queries = queries_of(m, time);
	struct vexfs_coll *flat = coll_new(VEXFS_COLL_L2, 0, DIM, 16, EF_BUILD);
	struct vexfs_coll_options o = c->options;
	struct vexfs_coll *fresh;
	double lived, anew;

	o.code = c->code;
	assert_int_equal(vexfs_coll_memory(&o, &fresh), 0);
	assert_int_equal(vexfs_coll_add(fresh, rows, m->nr_live, NULL), 0);
	assert_int_equal(vexfs_coll_add(flat, rows, m->nr_live, NULL), 0);
	graph_check(&c->graph);
	anew = vectors_recall(fresh, flat, queries, QUERIES, EF, NULL, 0);
	vexfs_coll_close(fresh);
	vexfs_coll_close(flat);
	/* Ids are others, so the truth is asked of a flat one with all the rows. */
	flat = coll_new(VEXFS_COLL_L2, 0, DIM, 16, EF_BUILD);
	assert_int_equal(vexfs_coll_add(flat, m->rows, m->count, NULL), 0);
	for (u64 id = 0, next = 0; id < m->count; id++) {
		if (next < m->nr_live && m->live[next] == id)
			next++;
		else
			assert_int_equal(vexfs_coll_delete(flat, (uint64_t *)&id, 1), 0);
	}
	lived = vectors_recall(c, flat, queries, QUERIES, EF, NULL, 0);
	vexfs_coll_close(flat);
	if (getenv("VERBOSE"))
		printf("after %llu operations %llu of %llu rows live: recall %.4f, anew %.4f, %ld rows unreached\n",
		       time, m->nr_live, m->count, lived, anew, vex_graph_unreached(&c->graph));
	assert_true(lived >= anew - 0.01);
	assert_in_range(vex_graph_unreached(&c->graph), 0, m->nr_live / 200);
	free(queries);
	free(rows);
}

static void memory_insert(struct vexfs_coll *c, struct model *m, u64 time, u32 count, u64 *rnd)
{
	uint64_t first;

	for (u32 i = 0; i < count; i++)
		row_make(model_row(m, m->count + i), time, rnd);
	assert_int_equal(vexfs_coll_add(c, model_row(m, m->count), count, &first), 0);
	assert_int_equal(first, m->count);
	model_add(m, count);
}

static void memory_delete(struct vexfs_coll *c, struct model *m, u64 *rnd)
{
	u64 at = test_below(rnd, m->nr_live);
	uint64_t id = m->live[at];

	assert_int_equal(vexfs_coll_delete(c, &id, 1), 0);
	memmove(m->live + at, m->live + at + 1, (--m->nr_live - at) * sizeof(*m->live));
}

/* A live row is its own nearest one. */
static void memory_search(struct vexfs_coll *c, const struct model *m, u64 *rnd)
{
	struct vexfs_coll_query q = { .size = sizeof(q), .ef = EF };
	u64 at = m->live[test_below(rnd, m->nr_live)];
	float distances[K];
	uint64_t ids[K];

	assert_int_equal(vexfs_coll_search(c, model_row(m, at), 1, K, &q, ids, distances), 0);
	results_check(ids, distances, K);
	for (u32 i = 0; i < K; i++)
		assert_true(ids[i] < m->count);
}

/* An update is a deletion and an insertion there. */
static void a_graph_in_memory_lives_long(void **state)
{
	struct vexfs_coll *c = coll_new(VEXFS_COLL_L2, VEXFS_COLL_SQ7, DIM, 16, EF_BUILD);
	u64 rnd = 51, most = operations(), n;
	struct model m;

	c->code = VEXFS_COLL_AUTO;
	model_init(&m, START + most);
	memory_insert(c, &m, 0, START, &rnd);
	for (n = 1; n <= most; n++) {
		switch (test_below(&rnd, 4)) {
		case 0:
			memory_insert(c, &m, n, 1, &rnd);
			break;
		case 1:
			if (m.nr_live > LEAST)
				memory_delete(c, &m, &rnd);
			break;
		case 2:
			memory_delete(c, &m, &rnd);
			memory_insert(c, &m, n, 1, &rnd);
			break;
		default:
			memory_search(c, &m, &rnd);
		}
		if (n % (most / 4) == 0)
			memory_compare(c, &m, n);
	}
	model_free(&m);
	vexfs_coll_close(c);
}

/* ---- in a filesystem ----------------------------------------------------------------------- */

static u64 image_make(struct core *c, const char *name)
{
	struct vex_coll coll = {
		.elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2, .index = VEXFS_INDEX_HNSW,
		.dim = DIM, .ef_construction = EF_BUILD,
	};
	u64 ino = core_create(c, VEXFS_ROOT_INO, name);

	assert_int_equal(vex_coll_create(c->fs, ino, &coll), 0);
	return ino;
}

static void image_insert(struct core *c, u64 ino, const float *rows, u64 count)
{
	u64 done, first, bad;
	u32 n;

	for (done = 0; done < count; done += n) {
		n = min_t(u64, count - done, 1000);
		assert_int_equal(vex_coll_insert(c->fs, ino, rows + done * DIM, n, DIM, &first,
						 &bad), 0);
	}
}

static void image_search(struct core *c, u64 ino, const float *query, u64 *ids, float *distances)
{
	struct vex_search s = {
		.queries = query, .nq = 1, .dim = DIM, .k = K, .ef = EF, .ids = ids,
		.distances = (u32 *)distances,
	};

	assert_int_equal(vex_coll_search(c->fs, ino, &s), 0);
	results_check((uint64_t *)ids, distances, K);
}

/* What is as near as the last of the true ones is found. */
static double image_recall(struct core *c, u64 ino, struct vexfs_coll *flat, const float *queries)
{
	float distances[K], least[K];
	uint64_t ids[K], found = 0;

	for (u32 q = 0; q < QUERIES; q++, queries += DIM) {
		image_search(c, ino, queries, (u64 *)ids, distances);
		assert_int_equal(vexfs_coll_search(flat, queries, 1, K, NULL, ids, least), 0);
		for (u32 i = 0; i < K; i++)
			found += distances[i] <= least[K - 1];
	}
	return found / (double)(QUERIES * K);
}

/* Held for reading, the items of the graph, and the rows that nothing leads to. */
static long index_check(struct core *c, u64 ino)
{
	struct vex_hnsw *ix;
	struct vex_coll coll;
	long unreached;

	vex_read_lock(&c->fs->lock);
	assert_int_equal(vex_coll_load(c->fs, ino, &coll), 0);
	assert_int_equal(vex_hnsw_get(c->fs, ino, &coll, &ix), 0);
	graph_check(&ix->graph);
	unreached = vex_graph_unreached(&ix->graph);
	vex_read_unlock(&c->fs->lock);
	vex_hnsw_put(ix);
	return unreached;
}

static void image_compare(struct core *c, u64 ino, const struct model *m, u64 time)
{
	float *rows = model_packed(m), *queries = queries_of(m, time);
	struct vexfs_coll *flat = coll_new(VEXFS_COLL_L2, 0, DIM, 16, EF_BUILD);
	u64 fresh = image_make(c, "fresh");
	double lived, anew;
	long unreached;

	assert_int_equal(vexfs_coll_add(flat, rows, m->nr_live, NULL), 0);
	image_insert(c, fresh, rows, m->nr_live);
	anew = image_recall(c, fresh, flat, queries);
	lived = image_recall(c, ino, flat, queries);
	unreached = index_check(c, ino);
	if (getenv("VERBOSE"))
		printf("after %llu operations %llu of %llu rows live: recall %.4f, anew %.4f, %ld rows unreached\n",
		       time, m->nr_live, m->count, lived, anew, unreached);
	assert_true(lived >= anew - 0.01);
	assert_in_range(unreached, 0, m->nr_live / 200);
	core_unlink(c, VEXFS_ROOT_INO, "fresh");
	core_commit(c);
	vexfs_coll_close(flat);
	free(queries);
	free(rows);
}

static void image_add(struct core *c, u64 ino, struct model *m, u64 time, u32 count, u64 *rnd)
{
	for (u32 i = 0; i < count; i++)
		row_make(model_row(m, m->count + i), time, rnd);
	image_insert(c, ino, model_row(m, m->count), count);
	model_add(m, count);
}

static void image_update(struct core *c, u64 ino, struct model *m, u64 time, u64 *rnd)
{
	u64 id = m->live[test_below(rnd, m->nr_live)];
	struct vex_rows r = {
		.ids = &id, .rows = model_row(m, id), .count = 1, .dim = DIM,
	};

	row_make(model_row(m, id), time, rnd);
	assert_int_equal(vex_coll_update(c->fs, ino, &r), 0);
}

static void image_delete(struct core *c, u64 ino, struct model *m, u64 *rnd)
{
	u64 at = test_below(rnd, m->nr_live), id = m->live[at], bad;

	assert_int_equal(vex_coll_delete(c->fs, ino, &id, 1, &bad), 0);
	memmove(m->live + at, m->live + at + 1, (--m->nr_live - at) * sizeof(*m->live));
}

static void a_graph_in_a_filesystem_lives_long(void **state)
{
	u64 rnd = 52, most = operations(), ids[K], ino, n;
	float distances[K];
	struct core c = { 0 };
	struct model m;

	core_make(&c, 32768, 1);
	ino = image_make(&c, "lives");
	model_init(&m, START + most);
	image_add(&c, ino, &m, 0, START, &rnd);
	for (n = 1; n <= most; n++) {
		switch (test_below(&rnd, 4)) {
		case 0:
			image_add(&c, ino, &m, n, 1, &rnd);
			break;
		case 1:
			if (m.nr_live > LEAST)
				image_delete(&c, ino, &m, &rnd);
			break;
		case 2:
			image_update(&c, ino, &m, n, &rnd);
			break;
		default:
			image_search(&c, ino, model_row(&m, m.live[test_below(&rnd, m.nr_live)]),
				     ids, distances);
		}
		if (n % (most / 4) == 0)
			image_compare(&c, ino, &m, n);
	}
	model_free(&m);
	core_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_graph_in_memory_lives_long),
		core_test(a_graph_in_a_filesystem_lives_long),
	};

	vex_core_init();
	return cmocka_run_group_tests_name("soak", tests, NULL, NULL);
}

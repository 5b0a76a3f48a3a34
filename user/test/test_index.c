// SPDX-License-Identifier: GPL-2.0-only
/*
 * HNSW and LSH indexes and codes of collections in a filesystem: what they find beside exact search,
 * what survives a remount, a crash, a fault, damage and a small cache. The graph itself is
 * test_graph.c's, the buckets are test_lsh.c's, the codes test_codes.c's.
 */
#include <pthread.h>

#include "core.h"

#define ROOT	VEXFS_ROOT_INO
#define DIM	16u
#define K	10u

/* The kind of index that is tested. */
static u32 kind;
/* Of the rows that a test makes, each of 64 bytes. */
static u32 elem = VEXFS_ELEM_F32;

static u32 dim(void)
{
	return elem == VEXFS_ELEM_B1 ? 32 * DIM : elem == VEXFS_ELEM_I8 ? 4 * DIM : DIM;
}

static u64 make(struct core *c, const char *name, u32 index, u32 metric)
{
	struct vex_coll coll = {
		.elem = elem, .metric = metric, .index = index, .dim = dim(),
		.ef_construction = index == VEXFS_INDEX_HNSW ? 60 : 0,
	};
	u64 ino = core_create(c, ROOT, name);

	assert_int_equal(vex_coll_create(c->fs, ino, &coll), 0);
	return ino;
}

/* With the smallest cache. */
static void make_small(struct core *c, u64 blocks)
{
	core_make(c, blocks, 1);
	c->cache = 256 << 10;
	core_reopen(c);
}

static void fill(float *row, u64 count, u64 *rnd)
{
	for (u64 i = 0; i < count * DIM; i++)
		if (elem == VEXFS_ELEM_F32)
			row[i] = test_unit(rnd);
		else
			((u32 *)row)[i] = test_random(rnd);
}

/* Rows that only @seed and their number tell. */
static void insert(struct vex_fs *fs, u64 ino, u64 seed, u32 count)
{
	float *rows = malloc(count * DIM * sizeof(*rows));
	u64 first, bad;

	fill(rows, count, &seed);
	assert_int_equal(vex_coll_insert(fs, ino, rows, count, dim(), &first, &bad), 0);
	free(rows);
}

/* The same rows in a collection with the index, and in one whose searches are exact. */
static void make_pair(struct core *c, u64 *ino, u64 *flat, u32 count)
{
	*ino = make(c, "h", kind, VEXFS_METRIC_L2);
	*flat = make(c, "f", VEXFS_INDEX_FLAT, VEXFS_METRIC_L2);
	insert(c->fs, *ino, 1, count);
	insert(c->fs, *flat, 1, count);
}

static int search(struct vex_fs *fs, u64 ino, const float *q, u32 ef, u64 *ids, u32 *dist)
{
	struct vex_search s = {
		.queries = q, .nq = 1, .dim = dim(), .k = K, .ef = ef, .ids = ids, .distances = dist,
	};

	return vex_coll_search(fs, ino, &s);
}

/* The share of @flat's results that @hnsw finds, for random queries; distances are the same. */
static double recall(struct vex_fs *fs, u64 hnsw, u64 flat, u32 ef, u64 seed)
{
	u32 dist[K], true_dist[K], found = 0, queries = 40;
	u64 ids[K], true_ids[K];
	float q[DIM];

	for (u32 i = 0; i < queries; i++) {
		fill(q, 1, &seed);
		assert_int_equal(search(fs, hnsw, q, ef, ids, dist), 0);
		assert_int_equal(search(fs, flat, q, 0, true_ids, true_dist), 0);
		for (u32 a = 0; a < K; a++)
			for (u32 b = 0; b < K; b++)
				if (ids[a] == true_ids[b] && ids[a] != VEXFS_NO_ID) {
					assert_int_equal(dist[a], true_dist[b]);
					found++;
				}
	}
	return (double)found / (queries * K);
}

static u64 indexed(struct vex_fs *fs, u64 ino)
{
	struct vex_index_stat st;

	assert_int_equal(vex_index_stat(fs, ino, &st), 0);
	assert_int_equal(st.pending, 0);
	return st.indexed;
}

/* A row is its own nearest one. */
static void expect_itself(struct vex_fs *fs, u64 ino, u64 id)
{
	u64 ids[K], bad;
	u32 dist[K];
	float row[DIM];

	assert_int_equal(vex_coll_get(fs, ino, &id, 1, dim(), row, &bad), 0);
	assert_int_equal(search(fs, ino, row, 200, ids, dist), 0);
	assert_int_equal(ids[0], id);
}

static void finds_what_exact_search_finds(void **state)
{
	static const u32 metrics[] = { VEXFS_METRIC_L2, VEXFS_METRIC_IP, VEXFS_METRIC_COSINE };
	struct core c = { 0 };
	u64 hnsw[3], flat[3];

	core_make(&c, 16384, 1);
	for (u32 i = 0; i < 3; i++) {
		hnsw[i] = make(&c, i ? i == 1 ? "h1" : "h2" : "h0", kind, metrics[i]);
		flat[i] = make(&c, i ? i == 1 ? "f1" : "f2" : "f0", VEXFS_INDEX_FLAT, metrics[i]);
		for (u32 n = 0; n < 4; n++) {
			insert(c.fs, hnsw[i], n, 500);
			insert(c.fs, flat[i], n, 500);
		}
		assert_int_equal(indexed(c.fs, hnsw[i]), 2000);
		assert_true(recall(c.fs, hnsw[i], flat[i], 100, 5) >= 0.95);
	}
	core_reopen(&c);
	for (u32 i = 0; i < 3; i++) {
		assert_int_equal(indexed(c.fs, hnsw[i]), 2000);
		assert_true(recall(c.fs, hnsw[i], flat[i], 100, 5) >= 0.95);
	}
	core_end(&c);
}

static void few_rows_are_searched_exactly(void **state)
{
	struct core c = { 0 };
	u64 hnsw, flat;

	core_make(&c, 4096, 1);
	hnsw = make(&c, "h", kind, VEXFS_METRIC_L2);
	flat = make(&c, "f", VEXFS_INDEX_FLAT, VEXFS_METRIC_L2);
	assert_true(recall(c.fs, hnsw, flat, 10, 1) == 0);
	insert(c.fs, hnsw, 1, VEXFS_HNSW_TRAINING - 1);
	insert(c.fs, flat, 1, VEXFS_HNSW_TRAINING - 1);
	assert_int_equal(indexed(c.fs, hnsw), 0);
	assert_true(recall(c.fs, hnsw, flat, 10, 1) == 1);
	insert(c.fs, hnsw, 2, 1);
	assert_int_equal(indexed(c.fs, hnsw), VEXFS_HNSW_TRAINING);
	core_end(&c);
}

static void an_updated_row_is_found_by_its_new_content(void **state)
{
	struct core c = { 0 };
	u64 ino, flat, ids[200], seed = 9;
	float *rows = malloc(200 * DIM * sizeof(*rows));

	core_make(&c, 8192, 1);
	make_pair(&c, &ino, &flat, 2000);
	for (u32 round = 0; round < 3; round++) {
		struct vex_rows r = { .ids = ids, .rows = rows, .count = 200, .dim = DIM };

		fill(rows, 200, &seed);
		for (u32 i = 0; i < 200; i++)
			ids[i] = i * 7 + round;
		assert_int_equal(vex_coll_update(c.fs, ino, &r), 0);
		assert_int_equal(vex_coll_update(c.fs, flat, &r), 0);
		for (u32 i = 0; i < 200; i += 20)
			expect_itself(c.fs, ino, ids[i]);
	}
	assert_int_equal(indexed(c.fs, ino), 2000);
	assert_true(recall(c.fs, ino, flat, 100, 3) >= 0.95);
	free(rows);
	core_end(&c);
}

static void deleted_rows_are_not_found(void **state)
{
	struct core c = { 0 };
	u64 ino, flat, id, bad, ids[K];
	u32 dist[K];
	float q[DIM];

	core_make(&c, 8192, 1);
	make_pair(&c, &ino, &flat, 1500);
	for (u64 n = 0; n < 1500; n++) {
		if (n % 3 == 0)
			continue;
		id = n;
		assert_int_equal(vex_coll_delete(c.fs, ino, &id, 1, &bad), 0);
		id = n;
		assert_int_equal(vex_coll_delete(c.fs, flat, &id, 1, &bad), 0);
	}
	for (u64 seed = 1; seed < 20; seed++) {
		u64 rnd = seed;

		fill(q, 1, &rnd);
		assert_int_equal(search(c.fs, ino, q, 50, ids, dist), 0);
		for (u32 i = 0; i < K; i++)
			assert_int_equal(ids[i] % 3, 0);
	}
	assert_true(recall(c.fs, ino, flat, 100, 3) >= 0.95);
	insert(c.fs, ino, 2, 100);
	assert_int_equal(indexed(c.fs, ino), 1600);
	expect_itself(c.fs, ino, 1550);
	core_end(&c);
}

static void nothing_is_left_of_one_that_is_removed(void **state)
{
	struct core c = { 0 };
	u64 free_before;

	core_make(&c, 8192, 1);
	core_commit(&c);
	free_before = core_free_blocks(&c);
	insert(c.fs, make(&c, "h", kind, VEXFS_METRIC_L2), 1, 1500);
	core_commit(&c);
	core_unlink(&c, ROOT, "h");
	core_commit(&c);
	core_commit(&c);
	assert_int_equal(core_free_blocks(&c), free_before);
	core_end(&c);
}

/* ---- rows that the codec does not fit ------------------------------------------------------ */

/* Rows around @centre, into one collection or two. */
static void insert_around(struct vex_fs *fs, u64 hnsw, u64 flat, float centre, u64 seed, u32 count)
{
	float *rows = malloc(count * DIM * sizeof(*rows));
	u64 first, bad;

	fill(rows, count, &seed);
	for (u32 i = 0; i < count * DIM; i++)
		rows[i] += centre;
	assert_int_equal(vex_coll_insert(fs, hnsw, rows, count, DIM, &first, &bad), 0);
	if (flat)
		assert_int_equal(vex_coll_insert(fs, flat, rows, count, DIM, &first, &bad), 0);
	free(rows);
}

/* The share of rows around @centre that are found. */
static double recall_around(struct vex_fs *fs, u64 hnsw, u64 flat, float centre)
{
	u32 dist[K], least[K], found = 0, queries = 40;
	u64 ids[K], true_ids[K], seed = 123;
	float q[DIM];

	for (u32 i = 0; i < queries; i++) {
		fill(q, 1, &seed);
		for (u32 j = 0; j < DIM; j++)
			q[j] += centre;
		assert_int_equal(search(fs, hnsw, q, 100, ids, dist), 0);
		assert_int_equal(search(fs, flat, q, 0, true_ids, least), 0);
		for (u32 a = 0; a < K; a++)
			found += vex_f32_order(dist[a]) <= vex_f32_order(least[K - 1]);
	}
	return (double)found / (queries * K);
}

static void rows_from_elsewhere_are_found(void **state)
{
	struct vex_index_stat st;
	struct core c = { 0 };
	u64 hnsw, flat, waited = 0;

	core_make(&c, 16384, 1);
	hnsw = make(&c, "h", kind == VEXFS_INDEX_LSH ? VEXFS_INDEX_HNSW : kind, VEXFS_METRIC_L2);
	flat = make(&c, "f", VEXFS_INDEX_FLAT, VEXFS_METRIC_L2);
	insert_around(c.fs, hnsw, flat, 0, 1, 1100);
	for (u32 i = 0; i < 12; i++) {
		insert_around(c.fs, hnsw, flat, 50, 2 + i, 150);
		assert_int_equal(vex_index_stat(c.fs, hnsw, &st), 0);
		waited += st.indexed < 1250 + 150 * i;
		assert_true(recall_around(c.fs, hnsw, flat, 0) >= 0.95);
		assert_true(recall_around(c.fs, hnsw, flat, 50) >= 0.95);
		if (i == 2)
			core_reopen(&c);
	}
	/* They did wait, and do no more. */
	assert_in_range(waited, 2, 6);
	assert_int_equal(indexed(c.fs, hnsw), 1100 + 12 * 150);
	core_end(&c);
}

/* Updates that move every row. */
static void rows_that_move_are_found(void **state)
{
	enum { ROWS = 1100, STEP = 50 };
	float *rows = malloc(STEP * DIM * sizeof(*rows));
	u64 hnsw, flat, seed = 4, ids[STEP];
	struct core c = { 0 };

	core_make(&c, 16384, 1);
	hnsw = make(&c, "h", kind == VEXFS_INDEX_LSH ? VEXFS_INDEX_HNSW : kind, VEXFS_METRIC_L2);
	flat = make(&c, "f", VEXFS_INDEX_FLAT, VEXFS_METRIC_L2);
	insert_around(c.fs, hnsw, flat, 0, 1, ROWS);
	for (u64 from = 0; from < ROWS; from += STEP) {
		struct vex_rows r = { .ids = ids, .rows = rows, .count = STEP, .dim = DIM };

		fill(rows, STEP, &seed);
		for (u32 i = 0; i < STEP * DIM; i++)
			rows[i] += 50;
		for (u32 i = 0; i < STEP; i++)
			ids[i] = from + i;
		assert_int_equal(vex_coll_update(c.fs, hnsw, &r), 0);
		assert_int_equal(vex_coll_update(c.fs, flat, &r), 0);
	}
	assert_int_equal(indexed(c.fs, hnsw), ROWS);
	assert_true(recall_around(c.fs, hnsw, flat, 50) >= 0.95);
	free(rows);
	core_end(&c);
}

/* Codes that nobody asked for become others; those that somebody did stay. */
static void codes_that_tell_too_little_become_others(void **state)
{
	struct vex_index_stat st, want = { .code = VEXFS_CODE_SQ7 };
	struct core c = { 0 };
	u64 hnsw, flat, seed = 5, first, bad;
	float *rows = malloc(1200 * DIM * sizeof(*rows));

	core_make(&c, 16384, 1);
	hnsw = make(&c, "h", kind == VEXFS_INDEX_LSH ? VEXFS_INDEX_HNSW : kind, VEXFS_METRIC_L2);
	flat = make(&c, "f", VEXFS_INDEX_FLAT, VEXFS_METRIC_L2);
	fill(rows, 1200, &seed);
	for (u32 i = 0; i < 1200; i++)
		rows[i * DIM] *= 1000;
	assert_int_equal(vex_coll_insert(c.fs, hnsw, rows, 1200, DIM, &first, &bad), 0);
	assert_int_equal(vex_coll_insert(c.fs, flat, rows, 1200, DIM, &first, &bad), 0);
	assert_int_equal(vex_index_stat(c.fs, hnsw, &st), 0);
	assert_int_equal(st.code, VEXFS_CODE_F32);
	assert_true(recall(c.fs, hnsw, flat, 100, 3) >= 0.95);
	core_reopen(&c);
	assert_true(recall(c.fs, hnsw, flat, 100, 3) >= 0.95);
	assert_int_equal(vex_index_rebuild(c.fs, hnsw, &want), 0);
	assert_int_equal(vex_index_stat(c.fs, hnsw, &st), 0);
	assert_int_equal(st.code, VEXFS_CODE_SQ7);
	free(rows);
	core_end(&c);
}

/* ---- refusals ---------------------------------------------------------------------- */

static void parameters_out_of_range_are_refused(void **state)
{
	static const struct vex_coll wrong[] = {
		{ .index = VEXFS_INDEX_HNSW, .dim = DIM, .m = 1 },
		{ .index = VEXFS_INDEX_HNSW, .dim = DIM, .m = 129 },
		{ .index = VEXFS_INDEX_HNSW, .dim = DIM, .code = 6 },
		{ .index = VEXFS_INDEX_HNSW, .dim = DIM, .ef_construction = 65537 },
		{ .index = VEXFS_INDEX_HNSW, .dim = 65535 },
		{ .index = VEXFS_INDEX_FLAT, .dim = DIM, .m = 16 },
		{ .index = VEXFS_INDEX_FLAT, .dim = DIM, .code = 1 },
		{ .index = VEXFS_INDEX_FLAT, .dim = DIM, .ef_construction = 1 },
		{ .index = VEXFS_INDEX_FLAT, .dim = DIM, .tables = 8 },
		{ .index = VEXFS_INDEX_FLAT, .dim = DIM, .bits = 12 },
		{ .index = VEXFS_INDEX_HNSW, .dim = DIM, .tables = 8 },
		{ .index = VEXFS_INDEX_HNSW, .dim = DIM, .bits = 12 },
		{ .index = VEXFS_INDEX_LSH, .dim = DIM, .tables = 65 },
		{ .index = VEXFS_INDEX_LSH, .dim = DIM, .bits = 21 },
		{ .index = VEXFS_INDEX_LSH, .dim = DIM, .code = 3 },
		{ .index = VEXFS_INDEX_LSH, .dim = DIM, .m = 16 },
		{ .index = VEXFS_INDEX_LSH, .dim = DIM, .ef_construction = 200 },
		{ .index = VEXFS_INDEX_LSH, .dim = 65535 },
		{ .index = VEXFS_INDEX_LSH, .dim = 65000, .tables = 16, .bits = 17 },
		{ .index = VEXFS_INDEX_CODES, .dim = DIM, .code = 3 },
		{ .index = VEXFS_INDEX_CODES, .dim = DIM, .m = 16 },
		{ .index = VEXFS_INDEX_CODES, .dim = DIM, .ef_construction = 200 },
		{ .index = VEXFS_INDEX_CODES, .dim = DIM, .tables = 8 },
		{ .index = VEXFS_INDEX_CODES, .dim = DIM, .bits = 8 },
		{ .index = VEXFS_INDEX_CODES, .dim = 17000, .code = VEXFS_CODE_F32 },
		{ .index = VEXFS_INDEX_CODES + 1, .dim = DIM },
	};
	struct vex_index_stat want = { 0 };
	struct vex_search s;
	struct core c = { 0 };
	u64 ino, flat, ids[K];
	float q[DIM] = { 0 };
	u32 dist[K];

	core_make(&c, 4096, 1);
	ino = core_create(&c, ROOT, "file");
	for (u32 i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct vex_coll coll = wrong[i];

		coll.elem = VEXFS_ELEM_F32;
		coll.metric = VEXFS_METRIC_L2;
		assert_int_equal(vex_coll_create(c.fs, ino, &coll), -EINVAL);
	}
	assert_int_equal(vex_index_rebuild(c.fs, ino, &want), -ENODATA);
	flat = make(&c, "f", VEXFS_INDEX_FLAT, VEXFS_METRIC_L2);
	assert_int_equal(vex_index_rebuild(c.fs, flat, &want), -EOPNOTSUPP);
	ino = make(&c, "h", kind, VEXFS_METRIC_L2);
	assert_int_equal(search(c.fs, ino, q, VEXFS_MAX_EF + 1, ids, dist), -EINVAL);
	want.m = 1;
	assert_int_equal(vex_index_rebuild(c.fs, ino, &want), -EINVAL);
	want = (struct vex_index_stat){ .tables = 65 };
	assert_int_equal(vex_index_rebuild(c.fs, ino, &want), -EINVAL);
	want = (struct vex_index_stat){ .bits = 21 };
	assert_int_equal(vex_index_rebuild(c.fs, ino, &want), -EINVAL);
	s = (struct vex_search){ .queries = q, .nq = 1, .dim = DIM, .k = K, .ids = ids,
				 .distances = dist, .probes = VEXFS_MAX_PROBES + 1 };
	assert_int_equal(vex_coll_search(c.fs, ino, &s), -EINVAL);
	core_end(&c);
}

/* ---- damage -------------------------------------------------------------------------- */

/* The device's block of a block of the index. */
static u64 block_of(struct core *c, u64 ino, u64 pos)
{
	struct vex_map map;
	u32 csum;

	assert_int_equal(vex_extent_map(c->fs, ino, pos / VEXFS_BLOCK_SIZE, 1, &map, &csum), 0);
	assert_true(map.block);
	return map.block;
}

static void damage_is_told_and_mended_by_a_rebuild(void **state)
{
	static const u64 places[] = { VEXFS_INDEX_POS, VEXFS_INDEX_POS + VEXFS_HNSW_LOW_AT,
				      VEXFS_INDEX_LAYER(0), VEXFS_INDEX_LAYER(1) };
	struct vex_index_stat as_it_was = { 0 };
	u64 ino, flat, block, ids[K];
	u32 dist[K], n = ARRAY_SIZE(places) - (kind == VEXFS_INDEX_CODES);

	for (u32 i = 0; i < n; i++) {
		struct core c = { 0 };
		float q[DIM] = { 0 };

		core_make(&c, 8192, 1);
		make_pair(&c, &ino, &flat, 1500);
		core_commit(&c);
		block = block_of(&c, ino, places[i]);
		core_close(&c);
		vex_io_mem_block(c.m, block)[100] ^= 4;
		assert_int_equal(core_adopt(&c, c.m, false), 0);
		assert_int_equal(search(c.fs, ino, q, 1500, ids, dist), -EUCLEAN);
		assert_int_equal(vex_index_rebuild(c.fs, ino, &as_it_was), 0);
		assert_int_equal(indexed(c.fs, ino), 1500);
		assert_true(recall(c.fs, ino, flat, 100, 3) >= 0.95);
		core_end(&c);
	}
}

static void a_rebuild_takes_other_parameters(void **state)
{
	struct vex_index_stat want = { .code = VEXFS_CODE_SQ4 }, st;
	bool lsh = kind == VEXFS_INDEX_LSH, hnsw = kind == VEXFS_INDEX_HNSW;
	struct core c = { 0 };
	u64 ino, flat;

	core_make(&c, 8192, 1);
	make_pair(&c, &ino, &flat, 1500);
	want.bits = lsh ? 9 : 0;
	want.m = hnsw ? 8 : 0;
	assert_int_equal(vex_index_rebuild(c.fs, ino, &want), 0);
	core_reopen(&c);
	assert_int_equal(vex_index_stat(c.fs, ino, &st), 0);
	assert_int_equal(st.m, hnsw ? 8 : 0);
	assert_int_equal(st.code, VEXFS_CODE_SQ4);
	assert_int_equal(st.ef_construction, hnsw ? 60 : 0);
	assert_int_equal(st.tables, lsh ? 8 : 0);
	assert_int_equal(st.bits, lsh ? 9 : 0);
	assert_int_equal(st.indexed, 1500);
	assert_true(recall(c.fs, ino, flat, 100, 3) >= 0.9);
	core_end(&c);
}

/* ---- faults, crashes, a small cache ------------------------------------------------------ */

enum { WORK_INSERT, WORK_SEARCH, WORK_UPDATE, WORK_REBUILD, WORK_COMMIT, WORKS };

static int work(struct vex_fs *fs, u64 ino, u32 what)
{
	u64 ids[K] = { 3, 1000, 1024, 1030, 500, 501, 502, 503, 504, 505 }, first, bad, seed = 77;
	struct vex_index_stat want = { 0 };
	float rows[K * DIM];
	u32 dist[K];
	struct vex_rows r = { .ids = ids, .rows = rows, .count = K, .dim = dim() };

	fill(rows, K, &seed);
	switch (what) {
	case WORK_INSERT:
		return vex_coll_insert(fs, ino, rows, K, dim(), &first, &bad);
	case WORK_SEARCH:
		return search(fs, ino, rows, 50, ids, dist);
	case WORK_UPDATE:
		return vex_coll_update(fs, ino, &r);
	case WORK_REBUILD:
		return vex_index_rebuild(fs, ino, &want);
	default:
		return vex_fs_commit(fs);
	}
}

/* One call with its nth allocation, read, write or flush failing. False: nothing failed. */
static bool one_fault(struct vex_io_mem *image, u64 ino, u32 what, u32 kind, u64 nth)
{
	struct core c = { .cache = 256 << 10 };
	struct vex_io_mem_stats st;
	struct vex_mem_count before, after;
	int err;

	assert_int_equal(core_adopt(&c, vex_io_mem_clone(image), false), 0);
	vex_mem_count(&before);
	if (kind)
		vex_io_mem_fail(c.m, kind, nth, 0);
	else
		vex_mem_fail(nth, 0);
	err = work(c.fs, ino, what);
	vex_mem_fail(0, 0);
	vex_io_mem_fail(c.m, 0, 0, 0);
	vex_mem_count(&after);
	vex_io_mem_stats(c.m, &st);
	assert_true(!err || err == -ENOMEM || err == -EIO);
	/* A write that failed may have stopped it; what is on the device is right. */
	if (kind & (VEX_IO_WRITE | VEX_IO_FLUSH)) {
		vex_fs_close(c.fs);
		assert_int_equal(core_adopt(&c, c.m, false), 0);
	}
	expect_itself(c.fs, ino, 42);
	assert_int_equal(work(c.fs, ino, WORK_INSERT), 0);
	expect_itself(c.fs, ino, 1030);
	core_end(&c);
	return st.failed || after.failed != before.failed;
}

/* Every @step-th call fails. */
static void sweep_faults(u32 of, u32 metric, u32 step)
{
	static const u32 kinds[] = { 0, VEX_IO_READ, VEX_IO_WRITE, VEX_IO_FLUSH };
	struct vex_io_mem *image;
	struct core c = { 0 };
	u64 ino, runs = 0;

	elem = of;
	core_make(&c, 4096, 1);
	ino = make(&c, "h", kind, metric);
	insert(c.fs, ino, 1, 1040);
	core_close(&c);
	image = c.m;
	for (u32 what = 0; what < WORKS; what++)
		for (u32 k = 0; k < ARRAY_SIZE(kinds); k++)
			/* A rebuild makes thousands of calls: some of them. */
			for (u64 nth = 1; one_fault(image, ino, what, kinds[k], nth);
			     nth += what == WORK_REBUILD && nth > 40 ? nth / 4 : step)
				runs++;
	print_message("%llu runs with a fault\n", runs);
	vex_io_mem_destroy(image);
	elem = VEXFS_ELEM_F32;
}

static void faults_lose_nothing(void **state)
{
	/* What the kinds share is swept with one of them. */
	sweep_faults(VEXFS_ELEM_F32, VEXFS_METRIC_L2, kind == VEXFS_INDEX_HNSW ? 1 : 17);
}

static void faults_lose_no_bytes(void **state)
{
	sweep_faults(VEXFS_ELEM_I8, VEXFS_METRIC_L2, 29);
}

static void faults_lose_no_bits(void **state)
{
	sweep_faults(VEXFS_ELEM_B1, VEXFS_METRIC_HAMMING, 31);
}

/*
 * After each @step-th of the writes that @c was recorded with, and all before it, rows @id and 42
 * find themselves, before and after another insertion. Returns how many states that were.
 */
static u64 crash_at_writes(struct core *c, u64 ino, u64 id, u64 step)
{
	const struct vex_io_event *log;
	struct vex_io_mem *m;
	u64 states = 0, writes = 0;
	size_t count;

	log = vex_io_mem_log(c->m, &count);
	m = vex_io_mem_base(c->m);
	for (size_t i = 0; i < count; i++) {
		struct core after = { 0 };

		assert_int_equal(vex_io_mem_apply(m, &log[i], VEX_IO_ALL_SECTORS), 0);
		if (log[i].kind != VEX_IO_WRITE || writes++ % step)
			continue;
		assert_int_equal(core_adopt(&after, vex_io_mem_clone(m), false), 0);
		expect_itself(after.fs, ino, 42);
		expect_itself(after.fs, ino, id);
		assert_int_equal(work(after.fs, ino, WORK_INSERT), 0);
		expect_itself(after.fs, ino, id);
		core_end(&after);
		states++;
	}
	vex_io_mem_destroy(m);
	print_message("%llu states after a crash\n", states);
	return states;
}

/* Every prefix of what was written; of what the kinds share, some. */
static void sweep_crashes(u32 of, u32 metric)
{
	u32 step = kind == VEXFS_INDEX_HNSW && of == VEXFS_ELEM_F32 ? 1 : 5;
	struct core c = { 0 };
	u64 ino;

	elem = of;
	make_small(&c, 4096);
	ino = make(&c, "h", kind, metric);
	insert(c.fs, ino, 1, 1030);
	core_commit(&c);
	assert_int_equal(vex_io_mem_record(c.m), 0);
	for (u32 i = 0; i < 6; i++) {
		assert_int_equal(work(c.fs, ino, i % 3 == 2 ? WORK_UPDATE : WORK_INSERT), 0);
		if (i % 2)
			core_commit(&c);
	}
	core_commit(&c);
	assert_true(crash_at_writes(&c, ino, 1029, step) > 20);
	core_end(&c);
	elem = VEXFS_ELEM_F32;
}

static void a_crash_leaves_rows_and_graph_in_step(void **state)
{
	sweep_crashes(VEXFS_ELEM_F32, VEXFS_METRIC_L2);
}

static void a_crash_leaves_bytes_and_graph_in_step(void **state)
{
	sweep_crashes(VEXFS_ELEM_I8, VEXFS_METRIC_L2);
}

static void a_crash_leaves_bits_and_graph_in_step(void **state)
{
	sweep_crashes(VEXFS_ELEM_B1, VEXFS_METRIC_HAMMING);
}

/* An index that is made anew in the middle of an insertion, and some of the writes. */
static void a_crash_while_it_is_made_anew_loses_nothing(void **state)
{
	struct core c = { 0 };
	u64 ino;

	make_small(&c, 4096);
	ino = make(&c, "h", VEXFS_INDEX_HNSW, VEXFS_METRIC_L2);
	insert_around(c.fs, ino, 0, 0, 1, 1030);
	insert_around(c.fs, ino, 0, 50, 2, 500);
	core_commit(&c);
	assert_int_equal(vex_io_mem_record(c.m), 0);
	insert_around(c.fs, ino, 0, 50, 3, 100);
	assert_int_equal(indexed(c.fs, ino), 1630);
	core_commit(&c);
	assert_true(crash_at_writes(&c, ino, 1200, 97) > 5);
	core_end(&c);
}

static void an_index_larger_than_the_cache_works(void **state)
{
	struct vex_cache_stats st;
	struct core c = { 0 };
	u64 hnsw, flat;

	make_small(&c, 16384);
	make_pair(&c, &hnsw, &flat, 7000);
	assert_int_equal(indexed(c.fs, hnsw), 7000);
	core_commit(&c);
	assert_true(recall(c.fs, hnsw, flat, 60, 3) >= 0.9);
	vex_cache_stats(c.fs, &st);
	/* The least bound is 1 MiB; what is in use at a moment may pass it. */
	assert_true(st.node_bytes + st.seg_bytes < (3 << 19));
	/* And gives memory back when it is asked for it. */
	vex_cache_shrink(c.fs, ~(size_t)0);
	vex_cache_stats(c.fs, &st);
	assert_true(st.seg_bytes <= 4 * VEXFS_BLOCK_SIZE * 16);
	core_end(&c);
}

struct job {
	struct vex_fs *fs;
	u64 ino;
	bool stop;
};

static void *searcher(void *arg)
{
	struct job *job = arg;
	u64 seed = (uintptr_t)&seed, ids[K];
	u32 dist[K];
	float q[DIM];

	while (!__atomic_load_n(&job->stop, __ATOMIC_RELAXED)) {
		fill(q, 1, &seed);
		assert_int_equal(search(job->fs, job->ino, q, 30, ids, dist), 0);
		for (u32 i = 1; i < K; i++)
			assert_true(vex_f32_order(dist[i - 1]) <= vex_f32_order(dist[i]));
	}
	return NULL;
}

static void searches_run_beside_changes(void **state)
{
	struct core c = { 0 };
	struct job job = { 0 };
	pthread_t thread[2];
	u64 id, bad;

	make_small(&c, 8192);
	job.ino = make(&c, "h", kind, VEXFS_METRIC_L2);
	job.fs = c.fs;
	insert(c.fs, job.ino, 1, 1100);
	for (u32 i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, searcher, &job), 0);
	for (u32 i = 0; i < 20; i++) {
		insert(c.fs, job.ino, i, 20);
		assert_int_equal(work(c.fs, job.ino, WORK_UPDATE), 0);
		id = 600 + i;
		assert_int_equal(vex_coll_delete(c.fs, job.ino, &id, 1, &bad), 0);
		if (i % 5 == 4)
			core_commit(&c);
	}
	assert_int_equal(work(c.fs, job.ino, WORK_REBUILD), 0);
	__atomic_store_n(&job.stop, true, __ATOMIC_RELAXED);
	for (u32 i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	expect_itself(c.fs, job.ino, 1499);
	core_end(&c);
}

/* All kinds, or the one that is named. */
int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		u32 kind;
	} kinds[] = {
		{ "hnsw", VEXFS_INDEX_HNSW }, { "lsh", VEXFS_INDEX_LSH },
		{ "codes", VEXFS_INDEX_CODES },
	};
	const struct CMUnitTest tests[] = {
		core_test(finds_what_exact_search_finds),
		core_test(few_rows_are_searched_exactly),
		core_test(an_updated_row_is_found_by_its_new_content),
		core_test(deleted_rows_are_not_found),
		core_test(nothing_is_left_of_one_that_is_removed),
		core_test(rows_from_elsewhere_are_found),
		core_test(rows_that_move_are_found),
		core_test(codes_that_tell_too_little_become_others),
		core_test(parameters_out_of_range_are_refused),
		core_test(damage_is_told_and_mended_by_a_rebuild),
		core_test(a_rebuild_takes_other_parameters),
		core_test(faults_lose_nothing),
		core_test(a_crash_leaves_rows_and_graph_in_step),
		core_test(a_crash_while_it_is_made_anew_loses_nothing),
		core_test(an_index_larger_than_the_cache_works),
		core_test(searches_run_beside_changes),
	};
	const struct CMUnitTest of_elements[] = {
		core_test(faults_lose_no_bytes),
		core_test(faults_lose_no_bits),
		core_test(a_crash_leaves_bytes_and_graph_in_step),
		core_test(a_crash_leaves_bits_and_graph_in_step),
	};
	const char *name = strrchr(argv[0], '_') + 1;

	(void)argc;
	vex_core_init();
	kind = VEXFS_INDEX_HNSW;
	if (!strcmp(name, "elems"))
		return cmocka_run_group_tests_name(name, of_elements, NULL, NULL);
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(name, kinds[i].name))
			kind = kinds[i].kind;
	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Collections of f16, i8 and b1, in a filesystem and in memory: what they find beside all rows
 * compared in long double, what they refuse, what is there after a remount.
 */
#include <math.h>
#include <vex_check.h>
#include <vexfs.h>

#include "core.h"
#include "elems.h"

#define ROOT	VEXFS_ROOT_INO
enum { DIM = 29, K = 10, ROWS = 1500, QUERIES = 20 };

/**
 * struct rows - what a collection should hold
 * @row: packed
 * @dead: deleted ones
 * @bytes: of a row
 */
struct rows {
	u32 elem;
	u32 metric;
	u32 dim;
	u32 n;
	size_t bytes;
	u8 *row;
	bool *dead;
};

static void fill(const struct rows *r, u8 *to, u32 n, u64 *rnd)
{
	memset(to, 0, n * r->bytes);
	for (u32 j = 0; j < n; j++)
		for (u32 i = 0; i < r->dim; i++)
			elem_set(r->elem, to + j * r->bytes, i, 90 * test_unit(rnd));
}

static void rows_new(struct rows *r, u32 elem, u32 metric, u32 dim, u32 n)
{
	u64 rnd = 51;

	*r = (struct rows){ .elem = elem, .metric = metric, .dim = dim, .n = n,
			    .bytes = elem_row(elem, dim) };
	r->row = malloc(n * r->bytes);
	r->dead = calloc(n, sizeof(*r->dead));
	fill(r, r->row, n, &rnd);
}

static void rows_free(struct rows *r)
{
	free(r->row);
	free(r->dead);
}

static const u8 *row_at(const struct rows *r, u64 id)
{
	return r->row + id * r->bytes;
}

/* ---- truth ------------------------------------------------------------------------------- */

/* Results are live rows, as far away as they say, in order. */
static void check_results(const struct rows *r, const u8 *q, const u64 *ids, const u32 *dist)
{
	for (u32 i = 0; i < K; i++) {
		double size, d = test_float(dist[i]);
		long double want;

		assert_in_range(ids[i], 0, r->n - 1);
		assert_false(r->dead[ids[i]]);
		want = elem_distance(r->elem, r->metric, q, row_at(r, ids[i]), r->dim, &size);
		assert_true(fabsl(d - want) <= elem_bound(r->elem, r->metric, r->dim, size));
		assert_true(!i || vex_f32_order(dist[i - 1]) < vex_f32_order(dist[i]) ||
			    (dist[i - 1] == dist[i] && ids[i - 1] < ids[i]));
	}
}

/*
 * How many results are among the K nearest: at most K - 1 live rows are nearer than one by more than
 * a kernel may err, so that rows equally far away are equally good.
 */
static u32 hits(const struct rows *r, const u8 *q, const u32 *dist)
{
	u32 nearer[K] = { 0 }, n = 0;

	for (u32 i = 0; i < r->n; i++) {
		double size;
		long double d = elem_distance(r->elem, r->metric, q, row_at(r, i), r->dim, &size);

		d += 2 * elem_bound(r->elem, r->metric, r->dim, size);
		for (u32 k = 0; k < K; k++)
			nearer[k] += !r->dead[i] && d < test_float(dist[k]);
	}
	for (u32 k = 0; k < K; k++)
		n += nearer[k] < K;
	return n;
}

/* ---- in a filesystem ----------------------------------------------------------------------- */

static u64 make(struct core *c, const struct rows *r, const char *name, u32 index)
{
	struct vex_coll coll = { .elem = r->elem, .metric = r->metric, .index = index,
				 .dim = r->dim };
	u64 ino = core_create(c, ROOT, name);

	assert_int_equal(vex_coll_create(c->fs, ino, &coll), 0);
	assert_int_equal(vex_coll_stat(c->fs, ino, &coll), 0);
	assert_int_equal(coll.elem, r->elem);
	assert_int_equal(coll.row_bytes, r->bytes);
	return ino;
}

static void insert(struct core *c, u64 ino, const struct rows *r)
{
	u64 first, bad;

	assert_int_equal(vex_coll_insert(c->fs, ino, r->row, r->n, r->dim, &first, &bad), 0);
}

static int search(struct core *c, u64 ino, const struct rows *r, const u8 *q, u64 *ids, u32 *dist)
{
	struct vex_search s = { .queries = q, .nq = 1, .dim = r->dim, .k = K, .ids = ids,
				.distances = dist };

	return vex_coll_search(c->fs, ino, &s);
}

static double recall(struct core *c, u64 ino, const struct rows *r)
{
	u8 *q = malloc(r->bytes);
	u64 rnd = 52, ids[K];
	u32 found = 0, dist[K];

	for (u32 i = 0; i < QUERIES; i++) {
		fill(r, q, 1, &rnd);
		assert_int_equal(search(c, ino, r, q, ids, dist), 0);
		check_results(r, q, ids, dist);
		found += hits(r, q, dist);
	}
	free(q);
	return found / (double)(K * QUERIES);
}

static void check_bytes(struct core *c, u64 ino, const struct rows *r)
{
	u8 *got = malloc(r->bytes);
	u64 bad;

	for (u64 id = 0; id < r->n; id += 7) {
		assert_int_equal(vex_coll_get(c->fs, ino, &id, 1, r->dim, got, &bad),
				 r->dead[id] ? -ENOENT : 0);
		if (!r->dead[id])
			assert_memory_equal(got, row_at(r, id), r->bytes);
	}
	free(got);
}

/* New content for some rows, and others deleted. */
static void change(struct core *c, u64 ino, struct rows *r)
{
	u64 ids[40], rnd = 53, bad;
	struct vex_rows up = { .ids = ids, .count = ARRAY_SIZE(ids), .dim = r->dim };
	u8 *rows = malloc(ARRAY_SIZE(ids) * r->bytes);

	fill(r, rows, ARRAY_SIZE(ids), &rnd);
	up.rows = rows;
	for (u32 i = 0; i < ARRAY_SIZE(ids); i++) {
		ids[i] = 7 * i;
		memcpy(r->row + ids[i] * r->bytes, rows + i * r->bytes, r->bytes);
	}
	assert_int_equal(vex_coll_update(c->fs, ino, &up), 0);
	for (u32 i = 0; i < ARRAY_SIZE(ids); i++) {
		ids[i] = 14 * i + 3;
		r->dead[ids[i]] = true;
	}
	assert_int_equal(vex_coll_delete(c->fs, ino, ids, ARRAY_SIZE(ids), &bad), 0);
	free(rows);
}

/* As 'fsck.vexfs -c': rows and index belong together. */
static void check_all(struct core *c)
{
	struct vex_check_opts opts = { .data = true, .slot = -1 };
	struct vex_io io = vex_io_mem_io(c->m);
	struct vex_check_result result;

	core_close(c);
	assert_int_equal(vex_check_device(&io, &opts, &result, NULL), 0);
	assert_int_equal(result.problems, 0);
	assert_int_equal(core_adopt(c, c->m, false), 0);
}

static void life(u32 elem, u32 metric, u32 dim, u32 index, double least)
{
	struct vex_index_stat st;
	struct core c = { 0 };
	struct rows r;
	u64 ino;

	rows_new(&r, elem, metric, dim, ROWS);
	core_make(&c, 16384, 1);
	ino = make(&c, &r, "rows", index);
	insert(&c, ino, &r);
	assert_true(recall(&c, ino, &r) >= least);
	change(&c, ino, &r);
	assert_true(recall(&c, ino, &r) >= least);
	check_bytes(&c, ino, &r);
	check_all(&c);
	assert_true(recall(&c, ino, &r) >= least);
	check_bytes(&c, ino, &r);
	assert_int_equal(vex_index_stat(c.fs, ino, &st), 0);
	if (index == VEXFS_INDEX_HNSW) {
		assert_int_equal(st.indexed, ROWS);
		assert_int_equal(st.code, elem == VEXFS_ELEM_B1 ? VEXFS_CODE_B1 :
				 dim >= 256 ? VEXFS_CODE_SQ4 : VEXFS_CODE_SQ7);
	}
	rows_free(&r);
	core_end(&c);
}

static void flat_finds_what_comparing_all_rows_finds(void **state)
{
	(void)state;
	each_elem(elem, metric) {
		life(elem, metric, DIM, VEXFS_INDEX_FLAT, 1);
		life(elem, metric, 3, VEXFS_INDEX_FLAT, 1);
	}
}

static void hnsw_finds_most_of_it(void **state)
{
	(void)state;
	each_elem(elem, metric) {
		life(elem, metric, DIM, VEXFS_INDEX_HNSW, 0.95);
		life(elem, metric, 300, VEXFS_INDEX_HNSW, 0.8);
	}
}

/* Rows that differ in few directions. */
static void flatten(struct rows *r)
{
	u64 rnd = 57;

	for (u32 n = 0; n < r->n; n++) {
		float a = test_unit(&rnd), b = test_unit(&rnd), c = test_unit(&rnd);

		for (u32 i = 0; i < r->dim; i++)
			elem_set(r->elem, r->row + n * r->bytes, i,
				 40 * (a * sin(i) + b * sin(2 * i) + c * sin(3 * i)));
	}
}

/* Bits have no levels whose sides of hyperplanes could be told. */
static void lsh_and_codes_find_most_of_it(void **state)
{
	(void)state;
	each_elem(elem, metric) {
		if (elem != VEXFS_ELEM_B1)
			life(elem, metric, DIM, VEXFS_INDEX_LSH, 0.9);
		life(elem, metric, DIM, VEXFS_INDEX_CODES, 0.99);
		life(elem, metric, 300, VEXFS_INDEX_CODES, 0.95);
	}
}

static void main_directions_serve_f16_and_i8(void **state)
{
	struct vex_index_stat st;
	struct core c = { 0 };
	struct rows r;
	u64 ino;

	(void)state;
	core_make(&c, 16384, 1);
	for (u32 elem = VEXFS_ELEM_F16; elem <= VEXFS_ELEM_I8; elem++) {
		rows_new(&r, elem, VEXFS_METRIC_L2, 300, ROWS);
		flatten(&r);
		ino = make(&c, &r, elem_names[elem], VEXFS_INDEX_HNSW);
		insert(&c, ino, &r);
		assert_int_equal(vex_index_stat(c.fs, ino, &st), 0);
		assert_int_equal(st.code, VEXFS_CODE_PCA);
		assert_true(recall(&c, ino, &r) >= 0.8);
		core_reopen(&c);
		assert_true(recall(&c, ino, &r) >= 0.8);
		rows_free(&r);
	}
	core_end(&c);
}

static void an_index_made_anew_keeps_to_the_codes_of_the_type(void **state)
{
	struct vex_index_stat sq7 = { .code = VEXFS_CODE_SQ7 }, b1 = { .code = VEXFS_CODE_B1 };
	struct vex_index_stat same = { .m = 8 };
	struct core c = { 0 };
	struct rows r;
	u64 ino;

	(void)state;
	core_make(&c, 16384, 1);
	rows_new(&r, VEXFS_ELEM_B1, VEXFS_METRIC_HAMMING, DIM, ROWS);
	ino = make(&c, &r, "bits", VEXFS_INDEX_HNSW);
	insert(&c, ino, &r);
	assert_int_equal(vex_index_rebuild(c.fs, ino, &sq7), -EINVAL);
	assert_int_equal(vex_index_rebuild(c.fs, ino, &same), 0);
	assert_true(recall(&c, ino, &r) >= 0.95);
	rows_free(&r);
	rows_new(&r, VEXFS_ELEM_I8, VEXFS_METRIC_L2, DIM, ROWS);
	ino = make(&c, &r, "bytes", VEXFS_INDEX_HNSW);
	insert(&c, ino, &r);
	assert_int_equal(vex_index_rebuild(c.fs, ino, &b1), -EINVAL);
	assert_int_equal(vex_index_rebuild(c.fs, ino, &sq7), 0);
	assert_true(recall(&c, ino, &r) >= 0.95);
	rows_free(&r);
	core_end(&c);
}

/* ---- refusals ------------------------------------------------------------------------------ */

static void types_metrics_and_codes_that_do_not_match_are_refused(void **state)
{
	struct vex_coll coll = { .index = VEXFS_INDEX_HNSW, .dim = 8 };
	struct core c = { 0 };
	u64 ino;

	(void)state;
	core_make(&c, 1024, 1);
	ino = core_create(&c, ROOT, "v");
	for (coll.elem = 0; coll.elem <= 5; coll.elem++)
		for (coll.metric = 0; coll.metric <= 5; coll.metric++)
			for (coll.code = 0; coll.code <= VEXFS_CODE_PCA + 1; coll.code++)
				if (!vex_elem_served(coll.elem, coll.metric) ||
				    coll.code >= VEXFS_CODE_PCA ||
				    (coll.code && (coll.code == VEXFS_CODE_B1) !=
				     (coll.elem == VEXFS_ELEM_B1)))
					assert_int_equal(vex_coll_create(c.fs, ino, &coll),
							 -EINVAL);
	core_end(&c);
}

static void without_the_feature_there_is_f32_alone(void **state)
{
	struct vex_mkfs_opts opts = { .features = VEX_FEATURES_DEFAULT & ~VEXFS_FEATURE_ELEMS };
	struct vex_coll coll = { .index = VEXFS_INDEX_FLAT, .dim = 8 };
	struct core c = { .m = vex_io_mem_create(1024, 1) };
	struct vex_io io = vex_io_mem_io(c.m);
	u64 ino;

	(void)state;
	assert_int_equal(vex_mkfs(&io, &opts), 0);
	assert_int_equal(core_adopt(&c, c.m, false), 0);
	ino = core_create(&c, ROOT, "v");
	each_elem(elem, metric) {
		coll.elem = elem;
		coll.metric = metric;
		assert_int_equal(vex_coll_create(c.fs, ino, &coll), -EOPNOTSUPP);
	}
	coll.elem = VEXFS_ELEM_F32;
	coll.metric = VEXFS_METRIC_L2;
	assert_int_equal(vex_coll_create(c.fs, ino, &coll), 0);
	core_end(&c);
}

/* Make a row one that cannot be stored. */
static void spoil(u32 elem, u8 *row, u32 dim)
{
	if (elem == VEXFS_ELEM_F16)
		memcpy(row + 2 * (dim - 1), &(u16){ 0xfc00 }, 2);
	else
		row[dim / 8] |= 1u << dim % 8;
}

static void a_bad_row_is_named_and_nothing_stored(void **state)
{
	static const u32 elems[] = { VEXFS_ELEM_F16, VEXFS_ELEM_B1 };
	struct core c = { 0 };
	struct rows r;

	(void)state;
	core_make(&c, 4096, 1);
	for (u32 i = 0; i < ARRAY_SIZE(elems); i++) {
		u32 metric = i ? VEXFS_METRIC_HAMMING : VEXFS_METRIC_L2, dist[3 * K];
		u64 first, bad, ids[3 * K] = { 1, 2, 3 };
		struct vex_rows up = { .ids = ids, .count = 3 };
		struct vex_search s = { .nq = 3, .k = K, .ids = ids, .distances = dist };
		struct vex_coll coll;
		u64 ino;

		rows_new(&r, elems[i], metric, DIM, 20);
		ino = make(&c, &r, i ? "b" : "a", VEXFS_INDEX_FLAT);
		insert(&c, ino, &r);
		spoil(r.elem, r.row + 2 * r.bytes, DIM);
		bad = 99;
		assert_int_equal(vex_coll_insert(c.fs, ino, r.row, 20, DIM, &first, &bad), -EDOM);
		assert_int_equal(bad, 2);
		up.rows = r.row;
		up.dim = DIM;
		assert_int_equal(vex_coll_update(c.fs, ino, &up), -EDOM);
		assert_int_equal(up.bad_row, 2);
		s.queries = r.row;
		s.dim = DIM;
		assert_int_equal(vex_coll_search(c.fs, ino, &s), -EDOM);
		assert_int_equal(s.bad_query, 2);
		assert_int_equal(vex_coll_stat(c.fs, ino, &coll), 0);
		assert_int_equal(coll.rows, 20);
		rows_free(&r);
	}
	core_end(&c);
}

/* ---- in memory --------------------------------------------------------------------------------- */

static struct vexfs_coll *memory(const struct rows *r, u32 index)
{
	struct vexfs_coll_options o = { .size = sizeof(o), .dim = r->dim, .index = index,
					.metric = r->metric, .elem = r->elem };
	struct vexfs_coll *coll;

	assert_int_equal(vexfs_coll_memory(&o, &coll), 0);
	return coll;
}

static double memory_recall(struct vexfs_coll *coll, const struct rows *r)
{
	u8 *q = malloc(QUERIES * r->bytes);
	uint64_t ids[QUERIES * K];
	float dist[QUERIES * K];
	u64 rnd = 54;
	u32 found = 0;

	fill(r, q, QUERIES, &rnd);
	assert_int_equal(vexfs_coll_search(coll, q, QUERIES, K, NULL, ids, dist), 0);
	for (u32 i = 0; i < QUERIES; i++) {
		check_results(r, q + i * r->bytes, (u64 *)ids + i * K, (u32 *)dist + i * K);
		found += hits(r, q + i * r->bytes, (u32 *)dist + i * K);
	}
	free(q);
	return found / (double)(K * QUERIES);
}

static void collections_in_memory_do_the_same(void **state)
{
	struct rows r;
	u8 got[2 * DIM];

	(void)state;
	each_elem(elem, metric)
		for (u32 index = VEXFS_COLL_FLAT; index <= VEXFS_COLL_HNSW; index++) {
			struct vexfs_coll_stats st;
			struct vexfs_coll *coll;
			uint64_t id = 17;

			rows_new(&r, elem, metric, DIM, ROWS);
			coll = memory(&r, index);
			/* The codec is made anew on the way: by row 256, and 4,096. */
			assert_int_equal(vexfs_coll_add(coll, r.row, 300, NULL), 0);
			assert_int_equal(vexfs_coll_add(coll, row_at(&r, 300), ROWS - 300, NULL),
					 0);
			assert_true(memory_recall(coll, &r) >= (index == VEXFS_COLL_FLAT ? 1 : 0.95));
			assert_int_equal(vexfs_coll_get(coll, &id, 1, got), 0);
			assert_memory_equal(got, row_at(&r, id), r.bytes);
			assert_int_equal(vexfs_coll_stat(coll, &st), 0);
			assert_int_equal(st.row_bytes, ROWS * r.bytes);
			assert_int_equal(vexfs_coll_delete(coll, &id, 1), 0);
			r.dead[id] = true;
			assert_true(memory_recall(coll, &r) >= (index == VEXFS_COLL_FLAT ? 1 : 0.95));
			vexfs_coll_close(coll);
			rows_free(&r);
		}
}

/* A codec is renewed at sixteen times the rows that it was made from. */
static void codes_are_made_anew_from_rows_of_any_type(void **state)
{
	struct rows r;

	(void)state;
	for (u32 elem = VEXFS_ELEM_F16; elem <= VEXFS_ELEM_B1; elem++) {
		struct vexfs_coll *coll;

		rows_new(&r, elem, elem == VEXFS_ELEM_B1 ? VEXFS_METRIC_HAMMING : VEXFS_METRIC_L2,
			 9, 4400);
		coll = memory(&r, VEXFS_COLL_HNSW);
		assert_int_equal(vexfs_coll_add(coll, r.row, 260, NULL), 0);
		assert_int_equal(vexfs_coll_add(coll, row_at(&r, 260), 4100, NULL), 0);
		assert_int_equal(vexfs_coll_add(coll, row_at(&r, 4360), 40, NULL), 0);
		assert_true(memory_recall(coll, &r) >= 0.95);
		vexfs_coll_close(coll);
		rows_free(&r);
	}
}

static void options_of_before_mean_f32(void **state)
{
	struct vexfs_coll_options o = { .dim = 4, .elem = VEXFS_COLL_ELEM_B1 };
	struct vexfs_coll *coll;
	float row[4] = { 1, 2, 3, 4 }, got[4];
	uint64_t id = 0;

	(void)state;
	o.size = offsetof(struct vexfs_coll_options, elem);
	assert_int_equal(vexfs_coll_memory(&o, &coll), 0);
	assert_int_equal(vexfs_coll_add(coll, row, 1, NULL), 0);
	assert_int_equal(vexfs_coll_get(coll, &id, 1, got), 0);
	assert_memory_equal(got, row, sizeof(row));
	vexfs_coll_close(coll);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(flat_finds_what_comparing_all_rows_finds),
		core_test(hnsw_finds_most_of_it),
		core_test(lsh_and_codes_find_most_of_it),
		core_test(main_directions_serve_f16_and_i8),
		core_test(an_index_made_anew_keeps_to_the_codes_of_the_type),
		core_test(types_metrics_and_codes_that_do_not_match_are_refused),
		core_test(without_the_feature_there_is_f32_alone),
		core_test(a_bad_row_is_named_and_nothing_stored),
		core_test(collections_in_memory_do_the_same),
		core_test(codes_are_made_anew_from_rows_of_any_type),
		core_test(options_of_before_mean_f32),
	};

	vex_core_init();
	return cmocka_run_group_tests_name("elem", tests, NULL, NULL);
}

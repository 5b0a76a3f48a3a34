// SPDX-License-Identifier: GPL-2.0-only
/*
 * Metadata and updates of rows: random changes against a model, the limits, filtered searches and
 * listings against the model, space, and a failure at every allocation and every request.
 */
#include "core.h"
#include "record.h"

#include "vex_check.h"
#include "vex_meta.h"

#define ROOT	VEXFS_ROOT_INO
#define DIM	8

static struct batch batch;

static u64 make_coll(struct core *c, const char *name)
{
	struct vex_coll coll = { .elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2,
				 .index = VEXFS_INDEX_FLAT, .dim = DIM };
	u64 ino = core_create(c, ROOT, name);

	assert_int_equal(vex_coll_create(c->fs, ino, &coll), 0);
	return ino;
}

static void fill_rows(float *rows, u32 count, u64 *rnd)
{
	for (u32 i = 0; i < count * DIM; i++)
		rows[i] = test_unit(rnd);
}

static void insert_plain(struct core *c, u64 ino, u32 count, u64 *rnd)
{
	float *rows = malloc(count * DIM * sizeof(float));
	u64 first, bad;

	fill_rows(rows, count, rnd);
	assert_int_equal(vex_coll_insert(c->fs, ino, rows, count, DIM, &first, &bad), 0);
	free(rows);
}

static int set(struct core *c, u64 ino, const u64 *ids, u32 count, u32 flags, u64 *bad)
{
	struct vex_rows r = { .ids = ids, .count = count, .flags = flags,
			      .meta = batch.data, .meta_len = batch.len, .bad_row = 99 };
	int err = vex_meta_set(c->fs, ino, &r);

	*bad = r.bad_row;
	return err;
}

/* Take the pending changes down and look at the image in both ways. */
static void sound(struct core *c)
{
	core_commit(c);
	assert_int_equal(vex_check(c->fs, stdout), 0);
	assert_null(image_check(c->m, NULL));
}

/* ---- the model -------------------------------------------------------------------- */

#define KEYS	6
#define ROWS	600

/* Of each row: which keys it has, and an int that is the value; and its elements. */
struct model {
	bool dead[ROWS];
	bool has[ROWS][KEYS];
	s64 value[ROWS][KEYS];
	float rows[ROWS][DIM];
	u32 count;
};

static const char *const names[KEYS] = { "_under", "a", "a.b", "lang", "year", "year-2" };

/* A value as one of the three types: by it the type is told again. */
static void put_value(struct batch *b, u32 key, s64 value)
{
	char text[64];

	switch (value % 3) {
	case 0:
		batch_int(b, names[key], value);
		break;
	case 1:
		batch_float(b, names[key], value);
		break;
	default:
		snprintf(text, sizeof(text), "%020lld", (long long)value);
		batch_string(b, names[key], text);
	}
}

static void put_record(const struct model *m, struct batch *b, u64 id)
{
	batch_begin(b);
	for (u32 k = 0; k < KEYS; k++)
		if (m->has[id][k])
			put_value(b, k, m->value[id][k]);
	batch_end(b);
}

/* Change the model's row and say so in the batch. */
static void random_change(struct model *m, u64 id, bool merge, u64 *rnd)
{
	batch_begin(&batch);
	for (u32 k = 0; k < KEYS; k++) {
		u64 what = test_below(rnd, 4);

		if (what == 0) {
			m->has[id][k] = true;
			m->value[id][k] = test_below(rnd, 1000);
			put_value(&batch, k, m->value[id][k]);
		} else if (!merge) {
			m->has[id][k] = false;
		} else if (what == 1) {
			m->has[id][k] = false;
			batch_pair(&batch, names[k], VEXFS_META_NONE, NULL, 0);
		}
	}
	batch_end(&batch);
}

/* Some live rows, each once, in no order. */
static u32 pick(const struct model *m, u64 *ids, u32 most, u64 *rnd)
{
	u32 n = 0, start = test_below(rnd, m->count), step = 1 + 2 * test_below(rnd, 50);

	for (u32 i = 0; i < m->count && n < most; i++) {
		u64 id = (start + (u64)i * step) % m->count;
		bool again = false;

		for (u32 k = 0; k < n; k++)
			again |= ids[k] == id;
		if (!again && !m->dead[id])
			ids[n++] = id;
	}
	return n;
}

static void expect_model(struct core *c, u64 ino, const struct model *m)
{
	static struct batch want;
	static u8 got[1 << 20];
	float row[DIM];
	size_t used;
	u64 bad;

	for (u64 id = 0; id < m->count; id++) {
		int err = vex_meta_get(c->fs, ino, &id, 1, got, sizeof(got), &used, &bad);

		if (m->dead[id]) {
			assert_int_equal(err, -ENOENT);
			assert_int_equal(bad, 0);
			continue;
		}
		assert_int_equal(err, 0);
		want.len = 0;
		put_record(m, &want, id);
		assert_int_equal(used, want.len);
		assert_memory_equal(got, want.data, used);
		assert_int_equal(vex_coll_get(c->fs, ino, &id, 1, DIM, row, &bad), 0);
		assert_memory_equal(row, m->rows[id], sizeof(row));
	}
}

/* year >= @least and not has a */
static bool model_matches(const struct model *m, u64 id, s64 least)
{
	s64 v = m->value[id][4];

	return m->has[id][4] && v % 3 != 2 && v >= least && !m->has[id][1];
}

static void model_filter(struct vexfs_filter_node *nodes, struct vex_filter *f, s64 least)
{
	memset(nodes, 0, 4 * sizeof(*nodes));
	nodes[0] = (struct vexfs_filter_node){ .op = VEXFS_FILTER_GE, .type = VEXFS_META_INT,
					       .key_len = 4, .key = "year", .value = least };
	nodes[1] = (struct vexfs_filter_node){ .op = VEXFS_FILTER_EXISTS, .key_len = 1,
					       .key = "a" };
	nodes[2].op = VEXFS_FILTER_NOT;
	nodes[3].op = VEXFS_FILTER_AND;
	*f = (struct vex_filter){ .nodes = nodes, .count = 4 };
}

static void expect_listing(struct core *c, u64 ino, const struct model *m, u64 *rnd)
{
	struct vexfs_filter_node nodes[4];
	u64 ids[64], next = 0, id = 0;
	s64 least = test_below(rnd, 1000);
	struct vex_filter f;
	u32 count;

	model_filter(nodes, &f, least);
	while (next != VEXFS_NO_ID) {
		u32 max = 1 + test_below(rnd, 64);

		assert_int_equal(vex_coll_filter(c->fs, ino, &f, next, ids, max, &count, &next),
				 0);
		for (u32 i = 0; i < count; i++, id++) {
			while (id < m->count && (m->dead[id] || !model_matches(m, id, least)))
				id++;
			assert_int_equal(ids[i], id);
		}
	}
	for (; id < m->count; id++)
		assert_true(m->dead[id] || !model_matches(m, id, least));
}

static double distance(const float *a, const float *b)
{
	double sum = 0;

	for (u32 i = 0; i < DIM; i++)
		sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
	return sum;
}

static void expect_search(struct core *c, u64 ino, const struct model *m, u64 *rnd)
{
	struct vexfs_filter_node nodes[4];
	u32 distances[2 * 10], n = 0, hits = 0;
	float q[2][DIM];
	u64 ids[2 * 10];
	s64 least = test_below(rnd, 1000);
	struct vex_filter f;
	struct vex_search s = { .queries = q, .nq = 2, .dim = DIM, .k = 10, .ids = ids,
				.distances = distances, .filter = &f };

	model_filter(nodes, &f, least);
	fill_rows(q[0], 2, rnd);
	assert_int_equal(vex_coll_search(c->fs, ino, &s), 0);
	for (u64 id = 0; id < m->count; id++)
		hits += !m->dead[id] && model_matches(m, id, least);
	assert_int_equal(s.visited, 2 * hits);
	for (u32 i = 0; i < 10; i++) {
		u32 better = 0;

		if (i >= hits) {
			assert_true(ids[i] == VEXFS_NO_ID);
			continue;
		}
		assert_true(ids[i] < m->count && !m->dead[ids[i]] &&
			    model_matches(m, ids[i], least));
		for (u64 id = 0; id < m->count; id++)
			better += !m->dead[id] && model_matches(m, id, least) &&
				  distance(q[0], m->rows[id]) < distance(q[0], m->rows[ids[i]]) - 1e-5;
		assert_true(better <= i);
		n++;
	}
	assert_int_equal(n, hits < 10 ? hits : 10);
}

static void model_insert(struct core *c, u64 ino, struct model *m, u64 *rnd)
{
	u32 count = 1 + test_below(rnd, 20);
	struct vex_rows r = { .rows = m->rows[m->count], .count = count, .dim = DIM };

	if (m->count + count > ROWS)
		return;
	fill_rows(m->rows[m->count], count, rnd);
	for (u32 i = 0; i < count; i++)
		random_change(m, m->count + i, false, rnd);
	r.meta = batch.data;
	r.meta_len = batch.len;
	assert_int_equal(vex_coll_append(c->fs, ino, &r), 0);
	assert_int_equal(r.first_id, m->count);
	m->count += count;
}

static void model_update(struct core *c, u64 ino, struct model *m, u64 *rnd)
{
	u64 ids[20];
	float rows[20][DIM];
	struct vex_rows r = { .ids = ids, .rows = rows, .dim = DIM };
	bool with = test_below(rnd, 2);

	r.count = pick(m, ids, 1 + test_below(rnd, 20), rnd);
	if (!r.count)
		return;
	fill_rows(rows[0], r.count, rnd);
	if (with && test_below(rnd, 2))
		r.flags = VEXFS_META_MERGE;
	for (u32 i = 0; i < r.count; i++) {
		memcpy(m->rows[ids[i]], rows[i], sizeof(rows[i]));
		if (with)
			random_change(m, ids[i], r.flags, rnd);
	}
	if (with) {
		r.meta = batch.data;
		r.meta_len = batch.len;
	}
	assert_int_equal(vex_coll_update(c->fs, ino, &r), 0);
}

static void model_step(struct core *c, u64 ino, struct model *m, u64 *rnd)
{
	u64 ids[64], bad;
	u32 count, flags;

	batch.len = 0;
	switch (test_below(rnd, 8)) {
	case 0:
	case 1:
		model_insert(c, ino, m, rnd);
		break;
	case 2:
		count = m->count ? pick(m, ids, 1 + test_below(rnd, 8), rnd) : 0;
		for (u32 i = 0; i < count; i++) {
			m->dead[ids[i]] = true;
			memset(m->has[ids[i]], 0, sizeof(m->has[0]));
		}
		if (count)
			assert_int_equal(vex_coll_delete(c->fs, ino, ids, count, &bad), 0);
		break;
	case 3:
	case 4:
		if (m->count)
			model_update(c, ino, m, rnd);
		break;
	default:
		count = m->count ? pick(m, ids, 1 + test_below(rnd, 64), rnd) : 0;
		flags = test_below(rnd, 2) ? VEXFS_META_MERGE : 0;
		for (u32 i = 0; i < count; i++)
			random_change(m, ids[i], flags, rnd);
		if (count)
			assert_int_equal(set(c, ino, ids, count, flags, &bad), 0);
	}
}

static void random_changes_equal_a_model(void **state)
{
	static struct model m;
	struct core c;
	u64 rnd = 1, ino;

	(void)state;
	memset(&m, 0, sizeof(m));
	core_make(&c, 4096, 1);
	ino = make_coll(&c, "v");
	for (u32 i = 0; i < 600; i++) {
		model_step(&c, ino, &m, &rnd);
		if (i % 50)
			continue;
		expect_model(&c, ino, &m);
		expect_listing(&c, ino, &m, &rnd);
		expect_search(&c, ino, &m, &rnd);
		sound(&c);
		core_reopen(&c);
	}
	expect_model(&c, ino, &m);
	core_end(&c);
}

/* ---- limits ------------------------------------------------------------------------- */

/* What is set for row 0 is refused whole, and row 1's good record with it. */
static void refused(struct core *c, u64 ino, u32 flags)
{
	u64 ids[] = { 1, 0 }, bad;
	struct batch *b = &batch;
	u8 buf[64];
	size_t used;
	u32 len = b->len;

	memmove(b->data + 4 + 4 + 1 + 8, b->data, len);
	b->len = 0;
	batch_begin(b);
	batch_int(b, "k", 1);
	batch_end(b);
	b->len += len;
	assert_int_equal(set(c, ino, ids, 2, flags, &bad), -EBADMSG);
	assert_int_equal(bad, 1);
	assert_int_equal(vex_meta_get(c->fs, ino, ids, 1, buf, sizeof(buf), &used, &bad), 0);
	assert_int_equal(used, 4);
}

#define REFUSED(flags, ...) do {						\
	batch.len = 0;								\
	batch_begin(&batch);							\
	__VA_ARGS__;								\
	batch_end(&batch);							\
	refused(&c, ino, flags);						\
} while (0)

static void many_pairs(struct batch *b, u32 count, u32 text)
{
	char key[VEXFS_META_KEY_MAX + 1], value[300];

	memset(key, 'k', sizeof(key));
	memset(value, 'v', sizeof(value));
	key[VEXFS_META_KEY_MAX] = value[text] = 0;
	for (u32 i = 0; i < count; i++) {
		key[0] = 'a' + i;
		if (i || !text)
			batch_int(b, key, i);
		else
			batch_string(b, key, value);
	}
}

static void records_outside_the_rules_are_refused_whole(void **state)
{
	u64 rnd = 4, ino, ids[2] = { 0, 1 }, bad, nan = 0x7ff8000000000000ULL;
	char key[33] = "abcdefghijklmnopqrstuvwxyz_.-012";
	struct core c;
	u8 buf[2048];
	size_t used;

	(void)state;
	core_make(&c, 2048, 2);
	ino = make_coll(&c, "v");
	insert_plain(&c, ino, 10, &rnd);
	REFUSED(0, batch_int(&batch, "", 1));
	REFUSED(0, batch_int(&batch, key, 1));
	REFUSED(0, batch_int(&batch, "1a", 1));
	REFUSED(0, batch_int(&batch, ".a", 1));
	REFUSED(0, batch_int(&batch, "a b", 1));
	REFUSED(0, batch_int(&batch, "\xc3\xa9", 1));
	REFUSED(0, batch_int(&batch, "b", 1); batch_int(&batch, "a", 1));
	REFUSED(0, batch_int(&batch, "a", 1); batch_int(&batch, "a", 1));
	REFUSED(0, batch_int(&batch, "ab", 1); batch_int(&batch, "a", 1));
	REFUSED(0, batch_pair(&batch, "a", 4, "12345678", 8));
	REFUSED(0, batch_pair(&batch, "a", VEXFS_META_INT, "1234567", 7));
	REFUSED(0, batch_pair(&batch, "a", VEXFS_META_FLOAT, &nan, 8));
	REFUSED(0, batch_pair(&batch, "a", VEXFS_META_NONE, NULL, 0));
	REFUSED(VEXFS_META_MERGE, batch_pair(&batch, "a", VEXFS_META_NONE, "x", 1));
	REFUSED(0, many_pairs(&batch, 17, 0));
	REFUSED(0, many_pairs(&batch, 2, 257));
	REFUSED(0, batch_int(&batch, "a", 1); batch.len -= 1);
	REFUSED(0, batch.data[batch.len++] = 1);

	/* The largest record fits; merged, one pair or one byte more does not. */
	key[31] = 0;
	batch.len = 0;
	batch_begin(&batch);
	many_pairs(&batch, 16, 256);
	batch_end(&batch);
	assert_int_equal(set(&c, ino, ids, 1, 0, &bad), 0);
	assert_int_equal(vex_meta_get(c.fs, ino, ids, 1, buf, sizeof(buf), &used, &bad), 0);
	assert_int_equal(used, batch.len);
	assert_int_equal(used, 4 + VEX_META_MAX);
	assert_memory_equal(buf, batch.data, used);
	sound(&c);
	REFUSED(VEXFS_META_MERGE, batch_int(&batch, "z", 1));
	REFUSED(VEXFS_META_MERGE, batch_pair(&batch, "a", VEXFS_META_NONE, NULL, 0);
		batch_string(&batch, "b", "b"); many_pairs(&batch, 0, 0);
		batch_int(&batch, "y", 1); batch_int(&batch, "z", 1));
	core_end(&c);
}

static void batches_outside_the_rules_are_refused(void **state)
{
	u64 rnd = 5, ino, plain, bad, *ids = calloc(5000, sizeof(*ids));
	u8 *buf = malloc(64 << 10);
	struct core c;
	size_t used;

	(void)state;
	core_make(&c, 4096, 3);
	ino = make_coll(&c, "v");
	plain = core_create(&c, ROOT, "plain");
	insert_plain(&c, ino, 5000, &rnd);
	for (u64 i = 0; i < 5000; i++)
		ids[i] = 4999 - i;
	memset(batch.data, 0, sizeof(batch.data));
	batch.len = 4 * 4097;
	assert_int_equal(set(&c, ino, ids, 4097, 0, &bad), -E2BIG);
	batch.len = 4 * 4096;
	assert_int_equal(set(&c, ino, ids, 4096, 0, &bad), 0);
	assert_int_equal(set(&c, plain, ids, 4096, 0, &bad), -ENODATA);
	assert_int_equal(set(&c, 77, ids, 4096, 0, &bad), -ENOENT);
	assert_int_equal(set(&c, ino, ids, 4096, 2, &bad), -EINVAL);
	assert_int_equal(set(&c, ino, ids, 0, 0, &bad), -EINVAL);
	batch.len++;
	assert_int_equal(set(&c, ino, ids, 4096, 0, &bad), -EINVAL);
	batch.len -= 2;
	assert_int_equal(set(&c, ino, ids, 4096, 0, &bad), -EBADMSG);
	assert_int_equal(bad, 4095);
	batch.len = 12;
	ids[1] = 5000;
	assert_int_equal(set(&c, ino, ids, 3, 0, &bad), -ENOENT);
	assert_int_equal(bad, 1);
	ids[1] = ids[2];
	assert_int_equal(set(&c, ino, ids, 3, 0, &bad), -EINVAL);

	assert_int_equal(vex_meta_get(c.fs, ino, ids, 0, buf, 64, &used, &bad), -EINVAL);
	assert_int_equal(vex_meta_get(c.fs, ino, ids, 4097, buf, 64, &used, &bad), -E2BIG);
	assert_int_equal(vex_meta_get(c.fs, ino, ids, 4096, NULL, 0, &used, &bad), -ERANGE);
	assert_int_equal(used, 4 * 4096);
	assert_int_equal(vex_meta_get(c.fs, ino, ids, 4096, buf, used, &used, &bad), 0);
	assert_int_equal(vex_meta_get(c.fs, plain, ids, 1, buf, 64, &used, &bad), -ENODATA);
	core_end(&c);
	free(buf);
	free(ids);
}

static void updates_outside_the_rules_are_refused_whole(void **state)
{
	static float rows[600][DIM], before[DIM], after[DIM];
	u64 rnd = 6, ino, bad, ids[600];
	struct vex_rows r = { .ids = ids, .rows = rows, .count = 3, .dim = DIM };
	struct core c;

	(void)state;
	core_make(&c, 4096, 4);
	ino = make_coll(&c, "v");
	insert_plain(&c, ino, 1000, &rnd);
	fill_rows(rows[0], 600, &rnd);
	for (u64 i = 0; i < 600; i++)
		ids[i] = i;
	assert_int_equal(vex_coll_get(c.fs, ino, ids, 1, DIM, before, &bad), 0);
#define UPDATE_IS(what) do {							\
	assert_int_equal(vex_coll_update(c.fs, ino, &r), what);			\
	assert_int_equal(vex_coll_get(c.fs, ino, ids, 1, DIM, after, &bad), 0);	\
	assert_memory_equal(before, after, sizeof(before));			\
} while (0)
	r.count = 0;
	UPDATE_IS(-EINVAL);
	r.count = 513;
	UPDATE_IS(-E2BIG);
	r.count = 3;
	r.dim = DIM - 1;
	UPDATE_IS(-EINVAL);
	r.dim = DIM;
	r.flags = 4;
	UPDATE_IS(-EINVAL);
	r.flags = 0;
	ids[2] = 0;
	UPDATE_IS(-EINVAL);
	ids[2] = 1000;
	UPDATE_IS(-ENOENT);
	assert_int_equal(r.bad_row, 2);
	ids[2] = 2;
	rows[1][3] = __builtin_inff();
	UPDATE_IS(-EDOM);
	assert_int_equal(r.bad_row, 1);
	rows[1][3] = 0;
	batch.len = 0;
	for (u32 i = 0; i < 3; i++) {
		batch_begin(&batch);
		batch_int(&batch, i == 2 ? "0" : "k", 1);
		batch_end(&batch);
	}
	r.meta = batch.data;
	r.meta_len = batch.len;
	UPDATE_IS(-EBADMSG);
	assert_int_equal(r.bad_row, 2);
	r.meta = NULL;
	r.count = 512;
	assert_int_equal(vex_coll_update(c.fs, ino, &r), 0);
	core_reopen(&c);
	for (u64 i = 0; i < 512; i++) {
		assert_int_equal(vex_coll_get(c.fs, ino, &i, 1, DIM, after, &bad), 0);
		assert_memory_equal(after, rows[i], sizeof(after));
	}
	core_end(&c);
}

static void without_the_feature_nothing_is_stored(void **state)
{
	struct vex_mkfs_opts opts = { .features = VEX_FEATURES_DEFAULT &
						  ~VEXFS_FEATURE_ROW_META };
	struct core c = { 0 };
	u64 rnd = 7, ino, id = 0, bad;

	(void)state;
	c.m = vex_io_mem_create(1024, 1);
	c.io = vex_io_mem_io(c.m);
	assert_int_equal(vex_mkfs(&c.io, &opts), 0);
	assert_int_equal(core_adopt(&c, c.m, false), 0);
	ino = make_coll(&c, "v");
	insert_plain(&c, ino, 4, &rnd);
	batch.len = 0;
	batch_begin(&batch);
	batch_int(&batch, "a", 1);
	batch_end(&batch);
	assert_int_equal(set(&c, ino, &id, 1, 0, &bad), -EOPNOTSUPP);
	assert_int_equal(vex_coll_delete(c.fs, ino, &id, 1, &bad), 0);
	core_end(&c);
}

/* ---- space -------------------------------------------------------------------------- */

/* @count rows whose records are of random size. */
static void put_sizes(u32 count, u32 most, u64 *rnd)
{
	batch.len = 0;
	for (u32 i = 0; i < count; i++) {
		batch_begin(&batch);
		many_pairs(&batch, test_below(rnd, 17), test_below(rnd, most));
		batch_end(&batch);
	}
}

static void loops_return_every_block(void **state)
{
	u64 rnd = 8, ino, bad, first = 0, start, *ids = malloc(1000 * sizeof(*ids));
	struct vex_coll coll;
	struct core c;

	(void)state;
	core_make(&c, 8192, 5);
	core_create(&c, ROOT, "other");
	core_commit(&c);
	start = core_free_blocks(&c);
	for (u32 round = 0; round < 3; round++) {
		ino = make_coll(&c, "v");
		insert_plain(&c, ino, 1000, &rnd);
		core_commit(&c);
		first = core_free_blocks(&c);
		for (u32 i = 0; i < 5; i++) {
			for (u64 k = 0; k < 1000; k++)
				ids[k] = (k * 7 + i) % 1000;
			put_sizes(1000, 257, &rnd);
			assert_int_equal(set(&c, ino, ids, 1000, 0, &bad), 0);
			if (i & 1)
				sound(&c);
		}
		assert_true(core_free_blocks(&c) < first);
		/* All records away: only the tree's own nodes may differ, and they merge. */
		memset(batch.data, 0, 4000);
		batch.len = 4000;
		assert_int_equal(set(&c, ino, ids, 1000, 0, &bad), 0);
		sound(&c);
		assert_int_equal(core_free_blocks(&c), first);
		put_sizes(1000, 257, &rnd);
		assert_int_equal(set(&c, ino, ids, 1000, 0, &bad), 0);
		if (round)
			assert_int_equal(vex_coll_delete(c.fs, ino, ids, 1000, &bad), 0);
		assert_int_equal(vex_coll_stat(c.fs, ino, &coll), 0);
		assert_int_equal(coll.live, round ? 0 : 1000);
		sound(&c);
		core_unlink(&c, ROOT, "v");
		sound(&c);
		assert_int_equal(core_free_blocks(&c), start);
	}
	core_end(&c);
	free(ids);
}

static void a_full_device_refuses_whole_batches(void **state)
{
	u64 rnd = 9, ino, bad, ids[64];
	u32 stored = 0, refusals = 0;
	struct core c;

	(void)state;
	core_make(&c, 512, 6);
	ino = make_coll(&c, "v");
	insert_plain(&c, ino, 6000, &rnd);
	while (refusals < 30) {
		u32 count = 1 + test_below(&rnd, refusals ? 2 : 64);
		u64 from = test_below(&rnd, 6000 - count);
		int err;

		for (u64 i = 0; i < count; i++)
			ids[i] = from + i;
		put_sizes(count, 257, &rnd);
		err = set(&c, ino, ids, count, 0, &bad);
		assert_true(!err || err == -ENOSPC);
		refusals += !!err;
		stored += !err;
		assert_true(stored < 5000);
	}
	sound(&c);
	/* What is full can be emptied. */
	for (u64 i = 0; i < 6000; i += 50) {
		for (u64 k = 0; k < 50; k++)
			ids[k] = i + k;
		assert_int_equal(vex_coll_delete(c.fs, ino, ids, 50, &bad), 0);
	}
	core_end(&c);
}

/* ---- faults --------------------------------------------------------------------------- */

static const unsigned int kinds[] = { 0, VEX_IO_READ, VEX_IO_WRITE | VEX_IO_FLUSH };

enum change { CHANGE_SET, CHANGE_MERGE, CHANGE_UPDATE, CHANGE_INSERT, CHANGE_DELETE, CHANGES };

/* The same change each time it is asked for. */
static int change(struct core *c, u64 ino, enum change what, u32 count)
{
	static float rows[512][DIM];
	u64 rnd = 10 + what, bad, ids[512];
	struct vex_rows r = { .ids = ids, .rows = rows, .count = count, .dim = DIM };

	for (u64 i = 0; i < count; i++)
		ids[i] = (i * 37 + 5) % 2000;
	fill_rows(rows[0], count, &rnd);
	put_sizes(count, 257, &rnd);
	r.meta = batch.data;
	r.meta_len = batch.len;
	switch (what) {
	case CHANGE_SET:
		return vex_meta_set(c->fs, ino, &r);
	case CHANGE_MERGE:
		/* Merged records pass the limits: a fixed key instead. */
		batch.len = 0;
		for (u32 i = 0; i < count; i++) {
			batch_begin(&batch);
			batch_int(&batch, "akkkkkkkkkkkkkkkkkkkkkkkkkkkkkk", i);
			batch_end(&batch);
		}
		r.meta_len = batch.len;
		r.flags = VEXFS_META_MERGE;
		return vex_meta_set(c->fs, ino, &r);
	case CHANGE_UPDATE:
		return vex_coll_update(c->fs, ino, &r);
	case CHANGE_INSERT:
		return vex_coll_append(c->fs, ino, &r);
	default:
		return vex_coll_delete(c->fs, ino, ids, count, &bad);
	}
}

/* An image of 2,000 rows, of which two in three have metadata, committed. */
static struct vex_io_mem *fault_image(u64 *ino)
{
	struct vex_io_mem *m;
	struct core c;
	u64 rnd = 11, bad, ids[2000];
	u32 n = 0;

	core_make(&c, 4096, 7);
	*ino = make_coll(&c, "v");
	insert_plain(&c, *ino, 2000, &rnd);
	for (u64 i = 0; i < 2000; i++)
		if (i % 3)
			ids[n++] = i;
	put_sizes(n, 200, &rnd);
	assert_int_equal(set(&c, *ino, ids, n, 0, &bad), 0);
	core_close(&c);
	m = vex_io_mem_clone(c.m);
	core_drop(&c);
	return m;
}

/* Fail the @nth call; true when there was one. */
static bool fault_once(struct vex_io_mem *image, u64 ino, enum change what, u32 count,
		       u32 kind, u64 nth, const u64 want[2])
{
	struct vex_io_mem_stats stats;
	struct vex_mem_count before, mem;
	struct vex_statfs st;
	struct core c = { 0 };
	const char *wrong;
	u64 digest;
	bool fired;
	int err;

	assert_int_equal(core_adopt(&c, vex_io_mem_clone(image), false), 0);
	vex_mem_count(&before);
	if (kinds[kind])
		vex_io_mem_fail(c.m, kinds[kind], nth, 0);
	else
		vex_mem_fail(nth, 0);
	err = change(&c, ino, what, count);
	/* A commit is part of it only where the device is what fails. */
	if (!err && kind == 2)
		vex_fs_commit(c.fs);
	vex_mem_fail(0, 0);
	vex_io_mem_fail(c.m, 0, 0, 0);
	vex_io_mem_stats(c.m, &stats);
	vex_mem_count(&mem);
	fired = stats.failed || mem.failed != before.failed;
	vex_fs_statfs(c.fs, &st);
	assert_true(!st.stopped || kind == 2);
	if (!st.stopped) {
		assert_int_equal(core_digest(c.fs, &digest), 0);
		assert_true(digest == want[!err]);
	}
	vex_fs_close(c.fs);
	c.fs = NULL;
	wrong = image_check(c.m, NULL);
	if (wrong)
		fail_msg("%s", wrong);
	assert_int_equal(core_adopt(&c, c.m, false), 0);
	assert_int_equal(core_digest(c.fs, &digest), 0);
	assert_true(digest == want[0] || digest == want[1]);
	assert_int_equal(vex_check(c.fs, stdout), 0);
	core_end(&c);
	return fired;
}

static void fault_sweep(enum change what, u32 count, bool every)
{
	u64 ino, want[2], nth, runs = 0;
	struct vex_io_mem *image = fault_image(&ino);
	struct core c = { 0 };

	assert_int_equal(core_adopt(&c, vex_io_mem_clone(image), false), 0);
	assert_int_equal(core_digest(c.fs, &want[0]), 0);
	assert_int_equal(change(&c, ino, what, count), 0);
	assert_int_equal(core_digest(c.fs, &want[1]), 0);
	assert_true(want[0] != want[1]);
	core_end(&c);
	for (u32 kind = 0; kind < ARRAY_SIZE(kinds); kind++)
		for (nth = 1; fault_once(image, ino, what, count, kind, nth, want); runs++)
			nth += every ? 1 : 1 + nth / 8;
	assert_true(runs > 10);
	vex_io_mem_destroy(image);
}

static void every_fault_leaves_all_or_nothing(void **state)
{
	(void)state;
	for (enum change what = 0; what < CHANGES; what++)
		fault_sweep(what, 7, true);
}

static void faults_in_large_batches_leave_all_or_nothing(void **state)
{
	(void)state;
	for (enum change what = 0; what < CHANGES; what++)
		fault_sweep(what, 500, false);
}

/* Runs of rows and rows far apart, of all sizes, into a tree that grows. */
static void large_batches_are_stored(void **state)
{
	u64 rnd = 12, ino, bad, *ids = malloc(4096 * sizeof(*ids)), spread;
	struct vex_statfs st;
	struct core c;

	(void)state;
	core_make(&c, 64 << 10, 8);
	ino = make_coll(&c, "v");
	insert_plain(&c, ino, 100000, &rnd);
	for (u32 round = 0; round < 12; round++) {
		u32 count = 1000;

		spread = (u64[]){ 1, 3, 24, 97 }[round % 4];
		for (u64 i = 0; i < count; i++)
			ids[i] = (i * spread + round * 1000) % 100000;
		put_sizes(count, round % 3 ? 257 : 1, &rnd);
		assert_int_equal(set(&c, ino, ids, count, 0, &bad), 0);
		vex_fs_statfs(c.fs, &st);
		assert_false(st.stopped);
	}
	sound(&c);
	core_end(&c);
	free(ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(random_changes_equal_a_model),
		core_test(records_outside_the_rules_are_refused_whole),
		core_test(batches_outside_the_rules_are_refused),
		core_test(updates_outside_the_rules_are_refused_whole),
		core_test(without_the_feature_nothing_is_stored),
		core_test(loops_return_every_block),
		core_test(a_full_device_refuses_whole_batches),
		core_test(every_fault_leaves_all_or_nothing),
		core_test(faults_in_large_batches_leave_all_or_nothing),
		core_test(large_batches_are_stored),
	};

	vex_core_init();
	return cmocka_run_group_tests_name("meta", tests, NULL, NULL);
}

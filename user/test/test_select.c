// SPDX-License-Identifier: GPL-2.0-only
/*
 * Searches that may not find every row, and searches for all rows within a distance, by a graph, by
 * buckets, by codes and without: in memory, in a filesystem by a bitmap, in a filesystem by metadata, each beside the
 * truth. Rows that may be found lie anywhere, or nearest to the query, or farthest from it. Every
 * seventh row is deleted. VERBOSE=1 prints recall and work.
 */
#include <float.h>

#include "core.h"
#include "record.h"
#include "vectors.h"

enum { DIM = 64, ROWS = 4000, WORDS = ROWS / 64 + 1, K = 10, QUERIES = 8, EF = 50, PARTS = 1000 };

enum where { ANYWHERE, NEAR, FAR, WHERES };
static const char *const where_names[] = { "anywhere", "near", "far" };
static const char *const where_keys[] = { "any", "near", "far" };

enum which { FLAT, GRAPH, BUCKETS, CODES, WHICHES };
static const char *const which_names[] = { "flat", "graph", "buckets", "codes" };
static const u32 kinds[] = {
	VEXFS_INDEX_FLAT, VEXFS_INDEX_HNSW, VEXFS_INDEX_LSH, VEXFS_INDEX_CODES,
};

enum host { MEMORY, BITMAP, METADATA, HOSTS };
static const char *const host_names[] = { "memory", "bitmap", "metadata" };

/**
 * struct fixture - the same rows in memory and in a filesystem
 * @part: by where: a row may be found when its part is below what is asked for
 * @allow: the bitmap of the search under way
 */
static struct fixture {
	struct core core;
	u64 ino[WHICHES];
	struct vexfs_coll *coll[WHICHES];
	float *rows;
	float queries[QUERIES][DIM];
	u32 part[WHERES][ROWS];
	uint64_t allow[WORDS];
} fix;

static struct batch batch;

static bool deleted(u64 id)
{
	return id % 7 == 3;
}

static float distance(const float *a, const float *b)
{
	float sum = 0;

	for (u32 i = 0; i < DIM; i++)
		sum += (a[i] - b[i]) * (a[i] - b[i]);
	return sum;
}

static int nearer(const void *a, const void *b)
{
	float x = distance(fix.queries[0], fix.rows + *(const u32 *)a * DIM);
	float y = distance(fix.queries[0], fix.rows + *(const u32 *)b * DIM);

	return x < y ? -1 : x > y;
}

/* All queries are next to the first, which tells what is near and what is far. */
static void fill(void)
{
	static u32 order[ROWS];
	u64 rnd = 3;

	fix.rows = vectors_new(CLUSTERED, ROWS, DIM, 51);
	for (u32 q = 0; q < QUERIES; q++)
		for (u32 i = 0; i < DIM; i++)
			fix.queries[q][i] = fix.rows[i] + test_unit(&rnd) / 2;
	for (u32 i = 0; i < ROWS; i++)
		order[i] = i;
	qsort(order, ROWS, sizeof(order[0]), nearer);
	for (u32 i = 0; i < ROWS; i++) {
		fix.part[ANYWHERE][i] = test_below(&rnd, PARTS);
		fix.part[NEAR][order[i]] = i * PARTS / ROWS;
		fix.part[FAR][order[ROWS - 1 - i]] = i * PARTS / ROWS;
	}
}

static void make_memory(u32 which)
{
	struct vexfs_coll_options o = {
		.size = sizeof(o), .dim = DIM, .index = kinds[which], .code = VEXFS_COLL_SQ7,
		.ef_construction = 100,
	};
	uint64_t id;

	assert_int_equal(vexfs_coll_memory(&o, &fix.coll[which]), 0);
	assert_int_equal(vexfs_coll_add(fix.coll[which], fix.rows, ROWS, NULL), 0);
	for (id = 0; id < ROWS; id++)
		if (deleted(id))
			assert_int_equal(vexfs_coll_delete(fix.coll[which], &id, 1), 0);
}

static void insert_rows(u64 ino, u64 first, u32 count)
{
	struct vex_rows r = { .rows = fix.rows + first * DIM, .count = count, .dim = DIM };

	batch.len = 0;
	for (u64 id = first; id < first + count; id++) {
		batch_begin(&batch);
		batch_int(&batch, "any", fix.part[ANYWHERE][id]);
		batch_int(&batch, "far", fix.part[FAR][id]);
		batch_int(&batch, "near", fix.part[NEAR][id]);
		batch_end(&batch);
	}
	r.meta = batch.data;
	r.meta_len = batch.len;
	assert_int_equal(vex_coll_append(fix.core.fs, ino, &r), 0);
}

static void make_stored(u32 which)
{
	struct vex_coll coll = {
		.elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2, .dim = DIM,
		.index = kinds[which], .ef_construction = which == GRAPH ? 60 : 0,
	};
	u64 ids[ROWS / 7 + 1], bad;
	u32 n = 0;

	fix.ino[which] = core_create(&fix.core, VEXFS_ROOT_INO, which_names[which]);
	assert_int_equal(vex_coll_create(fix.core.fs, fix.ino[which], &coll), 0);
	for (u32 first = 0; first < ROWS; first += 500)
		insert_rows(fix.ino[which], first, 500);
	for (u64 id = 0; id < ROWS; id++)
		if (deleted(id))
			ids[n++] = id;
	assert_int_equal(vex_coll_delete(fix.core.fs, fix.ino[which], ids, n, &bad), 0);
}

static int make(void **state)
{
	fill();
	core_make(&fix.core, 16384, 1);
	for (u32 which = 0; which < WHICHES; which++) {
		make_memory(which);
		make_stored(which);
	}
	return 0;
}

static int drop(void **state)
{
	for (u32 which = 0; which < WHICHES; which++)
		vexfs_coll_close(fix.coll[which]);
	core_end(&fix.core);
	free(fix.rows);
	return 0;
}

/* ---- asking --------------------------------------------------------------------------- */

/**
 * struct ask - one search
 * @host: of whom
 * @which: of which collection
 * @where: which rows may be found
 * @per_mille: and how many
 * @k: how many results
 * @radius: the largest distance; 0: there is none
 * @work: receives the rows compared
 * @hops: receives the links followed; not of MEMORY
 * @met: receives the rows within @radius that were met
 */
struct ask {
	enum host host;
	enum which which;
	enum where where;
	u32 per_mille;
	u32 k;
	float radius;
	u64 work;
	u64 hops;
	uint64_t met;
};

static void allow_fill(const struct ask *a)
{
	memset(fix.allow, 0, sizeof(fix.allow));
	for (u32 i = 0; i < ROWS; i++)
		if (fix.part[a->where][i] < a->per_mille)
			fix.allow[i / 64] |= 1ULL << i % 64;
	/* Rows that there are not. */
	fix.allow[WORDS - 1] |= ~0ULL << ROWS % 64;
}

static int ask_memory(struct ask *a, const float *query, u32 nq, uint64_t *ids, float *distances)
{
	struct vexfs_coll_query q = {
		.size = sizeof(q), .ef = EF, .filter = fix.allow, .filter_words = WORDS,
	};
	struct vexfs_coll *c = fix.coll[a->which];
	int err;

	err = a->radius ? vexfs_coll_range(c, query, a->radius, a->k, &q, ids, distances, &a->met) :
	      vexfs_coll_search(c, query, nq, a->k, &q, ids, distances);
	a->work = q.compared;
	return err;
}

static int ask_stored(struct ask *a, const float *query, u32 nq, uint64_t *ids, float *distances)
{
	struct vexfs_filter_node node = {
		.op = VEXFS_FILTER_LT, .type = VEXFS_META_INT, .value = a->per_mille,
		.key_len = strlen(where_keys[a->where]),
	};
	struct vex_filter f = { .nodes = &node, .count = 1 };
	struct vex_search s = {
		.queries = query, .nq = nq, .dim = DIM, .k = a->k, .ef = EF, .ids = (u64 *)ids,
		.distances = (u32 *)distances, .ranged = a->radius, .radius = test_bits(a->radius),
	};
	int err;

	memcpy(node.key, where_keys[a->where], node.key_len);
	if (a->host == METADATA) {
		s.filter = &f;
	} else {
		s.allow = (u64 *)fix.allow;
		s.allow_words = WORDS;
	}
	err = vex_coll_search(fix.core.fs, fix.ino[a->which], &s);
	a->work = s.visited;
	a->hops = s.hops;
	a->met = s.met;
	return err;
}

static void ask(struct ask *a, const float *query, u32 nq, uint64_t *ids, float *distances)
{
	int err;

	allow_fill(a);
	err = a->host == MEMORY ? ask_memory(a, query, nq, ids, distances) :
	      ask_stored(a, query, nq, ids, distances);
	assert_int_equal(err, 0);
	for (u32 i = 0; i < nq; i++)
		results_check(ids + i * a->k, distances + i * a->k, a->k);
	for (u32 i = 0; i < nq * a->k; i++)
		if (ids[i] != VEXFS_NO_ID) {
			assert_in_range(ids[i], 0, ROWS - 1);
			assert_false(deleted(ids[i]));
			assert_true(fix.part[a->where][ids[i]] < a->per_mille);
		}
}

/* The share of @want's rows that @got has, too. */
static double share(const uint64_t *want, const uint64_t *got, u32 n)
{
	u32 hits = 0, all = 0;

	for (u32 i = 0; i < n; i++) {
		all += want[i] != VEXFS_NO_ID;
		for (u32 j = 0; j < n; j++)
			hits += want[i] != VEXFS_NO_ID && want[i] == got[j];
	}
	return all ? (double)hits / all : 1;
}

static double recall(struct ask *a)
{
	struct ask flat = {
		.host = a->host, .where = a->where, .per_mille = a->per_mille, .k = a->k,
	};
	uint64_t want[QUERIES * K], got[QUERIES * K];
	float distances[QUERIES * K];
	double r = 0;

	ask(&flat, fix.queries[0], QUERIES, want, distances);
	ask(a, fix.queries[0], QUERIES, got, distances);
	for (u32 q = 0; q < QUERIES; q++)
		r += share(want + q * K, got + q * K, K) / QUERIES;
	if (getenv("VERBOSE"))
		printf("%s %s, %u of 1000 %s: recall %.3f, %llu compared, %llu followed; flat %llu\n",
		       host_names[a->host], which_names[a->which], a->per_mille,
		       where_names[a->where], r,
		       (unsigned long long)a->work, (unsigned long long)a->hops,
		       (unsigned long long)flat.work);
	return r;
}

static const u32 shares[] = { 1000, 900, 500, 100, 10, 1, 0 };

static void filters_find_the_true_neighbours_wherever_the_rows_lie(void **state)
{
	for (u32 i = 0; i < HOSTS * WHERES * ARRAY_SIZE(shares); i++)
		for (u32 which = GRAPH; which < WHICHES; which++) {
			struct ask a = {
				.host = i % HOSTS, .which = which, .where = i / HOSTS % WHERES,
				.per_mille = shares[i / HOSTS / WHERES], .k = K,
			};

			assert_true(recall(&a) >= 0.99);
		}
}

static void queries_together_find_what_they_find_alone(void **state)
{
	uint64_t all[QUERIES * K], one[K];
	float distances[QUERIES * K];

	for (u32 host = 0; host < HOSTS; host++)
		for (u32 i = 0; i < ARRAY_SIZE(shares); i++) {
			struct ask a = { .host = host, .per_mille = shares[i], .k = K };

			ask(&a, fix.queries[0], QUERIES, all, distances);
			for (u32 q = 0; q < QUERIES; q++) {
				ask(&a, fix.queries[q], 1, one, distances);
				assert_memory_equal(one, all + q * K, sizeof(one));
			}
		}
}

/* Of the rows in a bitmap no other is even compared; most rows: a walk meets fewer. */
static void few_rows_are_compared_and_many_walked_to(void **state)
{
	for (u32 host = BITMAP; host < HOSTS; host++) {
		struct ask few = { .host = host, .which = GRAPH, .per_mille = 10, .k = K };
		struct ask many = { .host = host, .which = GRAPH, .per_mille = 900, .k = K };
		u64 pass = 0;

		for (u64 id = 0; id < ROWS; id++)
			pass += !deleted(id) && fix.part[ANYWHERE][id] < 10;
		recall(&few);
		assert_int_equal(few.hops, 0);
		assert_int_equal(few.work, QUERIES * pass);
		recall(&many);
		assert_true(many.hops > 0);
		assert_true(many.work < QUERIES * ROWS * 9 / 10);
	}
}

/* All that match are far away: walks that find too few end, and the result is exact. */
static void walks_that_find_too_few_are_given_up(void **state)
{
	struct ask a = { .host = BITMAP, .which = GRAPH, .where = FAR, .per_mille = 500, .k = K };

	assert_true(recall(&a) == 1);
	assert_true(a.hops > 0);
	assert_true(a.work < 3ULL * QUERIES * ROWS);
}

/* ---- ranges ---------------------------------------------------------------------------- */

enum { MAX = ROWS };

static void expect_range(struct ask *a, float radius, double floor)
{
	static uint64_t ids[MAX], got[MAX];
	static float distances[MAX];
	struct ask all = {
		.host = a->host, .where = a->where, .per_mille = a->per_mille, .k = MAX,
	};
	double r;
	u32 n = 0;

	ask(&all, fix.queries[1], 1, ids, distances);
	while (n < MAX && ids[n] != VEXFS_NO_ID && distances[n] <= radius)
		n++;
	for (u32 i = n; i < MAX; i++)
		ids[i] = VEXFS_NO_ID;
	a->radius = radius;
	a->k = MAX;
	ask(a, fix.queries[1], 1, got, distances);
	r = share(ids, got, MAX);
	if (getenv("VERBOSE"))
		printf("%s %s, %u of 1000 %s, within %.1f: %u rows, recall %.4f, %llu compared\n",
		       host_names[a->host], which_names[a->which], a->per_mille,
		       where_names[a->where], radius, n, r, (unsigned long long)a->work);
	assert_true(r >= floor);
	assert_true(a->met <= n);
	for (u32 i = 0; i < MAX; i++)
		assert_true((got[i] != VEXFS_NO_ID) == (i < a->met));
	for (u32 i = 0; i < a->met; i++)
		assert_true(distances[i] <= radius);
	/* Fewer than there are: the nearest of them. */
	if (n < 2)
		return;
	memcpy(ids, got, sizeof(ids));
	a->k = n / 2;
	ask(a, fix.queries[1], 1, got, distances);
	assert_true(a->met >= n / 2 + (a->met < n && a->which % CODES == 0));
	assert_true(share(ids, got, n / 2) >= floor);
}

static void ranges_hold_all_rows_within_the_radius(void **state)
{
	static const float radius[] = { 0.01, 5, 10, 20, 40, 200, 600, FLT_MAX };
	static const u32 per_mille[] = { 1000, 500, 20 };

	for (u32 i = 0; i < HOSTS * WHERES * ARRAY_SIZE(per_mille); i++)
		for (u32 r = 0; r < WHICHES * ARRAY_SIZE(radius); r++) {
			struct ask a = {
				.host = i % HOSTS, .which = r % WHICHES, .where = i / HOSTS % WHERES,
				.per_mille = per_mille[i / HOSTS / WHERES],
			};

			expect_range(&a, radius[r / WHICHES], a.which % CODES ? 0.97 : 1);
		}
}

static void ranges_out_of_range_are_refused(void **state)
{
	static const u32 bad[] = { 0x7f800000, 0xff800000, 0x7fc00000, 0xffffffff };
	uint64_t id, met;
	float distance, radius;

	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vex_search s = {
			.queries = fix.queries, .nq = 1, .dim = DIM, .k = 1, .ids = (u64 *)&id,
			.distances = (u32 *)&distance, .ranged = true, .radius = bad[i],
		};

		memcpy(&radius, &bad[i], 4);
		assert_int_equal(vex_coll_search(fix.core.fs, fix.ino[0], &s), -EDOM);
		assert_int_equal(s.bad_query, 1);
		assert_int_equal(vexfs_coll_range(fix.coll[0], fix.queries[0], radius, 1, NULL, &id,
						  &distance, &met), -EDOM);
	}
	assert_int_equal(vexfs_coll_range(fix.coll[0], fix.queries[0], 1, 0, NULL, &id, &distance,
					  &met), -EINVAL);
	assert_int_equal(vexfs_coll_range(fix.coll[0], fix.queries[0], 1, VEXFS_MAX_RANGE + 1, NULL,
					  &id, &distance, &met), -EINVAL);
}

/* -0 is 0; below 0 there is nothing. */
static void a_radius_of_zero_finds_what_is_equal(void **state)
{
	static const float radius[] = { 0.0f, -0.0f, -1.0f };
	uint64_t ids[2], met;
	float distances[2];
	int err;

	for (u32 which = 0; which < WHICHES; which++)
		for (u32 i = 0; i < ARRAY_SIZE(radius); i++) {
			err = vexfs_coll_range(fix.coll[which], fix.rows + 5 * DIM, radius[i], 2,
					       NULL, ids, distances, &met);
			assert_int_equal(err, 0);
			assert_int_equal(met, i < 2);
			assert_int_equal(ids[0], i < 2 ? 5 : VEXFS_NO_ID);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters_find_the_true_neighbours_wherever_the_rows_lie),
		cmocka_unit_test(queries_together_find_what_they_find_alone),
		cmocka_unit_test(few_rows_are_compared_and_many_walked_to),
		cmocka_unit_test(walks_that_find_too_few_are_given_up),
		cmocka_unit_test(ranges_hold_all_rows_within_the_radius),
		cmocka_unit_test(ranges_out_of_range_are_refused),
		cmocka_unit_test(a_radius_of_zero_finds_what_is_equal),
	};

	return cmocka_run_group_tests(tests, make, drop);
}

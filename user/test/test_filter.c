// SPDX-License-Identifier: GPL-2.0-only
/*
 * Filters: random predicates against a recursive evaluator that compares numbers in a type wide
 * enough for both kinds, and every way in which a program can be malformed.
 */
#include <float.h>
#include <math.h>

#include <vex_meta.h>

#include "record.h"

/* The reference holds any s64 and any binary64 exactly. */
static_assert(LDBL_MANT_DIG >= 64 && LDBL_MAX_EXP >= 1024 && LDBL_MIN_EXP <= -1074, "");

static const char *const keys[] = { "a", "ab", "b", "c.d", "_x" };
static const char *const strings[] = { "", "a", "ab", "abc", "b", "\xff\x01", "de" };

static s64 some_int(u64 *rnd)
{
	static const s64 edges[] = {
		0, 1, -1, 2, 1LL << 52, 1LL << 53, -(1LL << 53), 1LL << 62,
		INT64_MAX, INT64_MIN, INT64_MIN + 1, INT64_MAX - 511, INT64_MAX - 1023,
	};
	s64 base = edges[test_below(rnd, ARRAY_SIZE(edges))];
	s64 by = (s64)test_below(rnd, 5) - 2;

	return (s64)((u64)base + by);
}

static double some_float(u64 *rnd)
{
	static const double edges[] = {
		0.0, -0.0, 0.5, -0.5, 1, -1, 1.5, 0x1p52, 0x1p53, 0x1p54, -0x1p53, 0x1p62, 0x1p63,
		-0x1p63, 0x1p64, -0x1p64, 0x1p1000, -0x1p1000, 0x1p-1074, -0x1p-1074, INFINITY,
		-INFINITY, 4503599627370495.5, -4503599627370495.5, 0.1,
	};
	double d = edges[test_below(rnd, ARRAY_SIZE(edges))];
	u64 way = test_below(rnd, 4);

	if (way == 1)
		d = nextafter(d, INFINITY);
	if (way == 2)
		d = nextafter(d, -INFINITY);
	return way == 3 ? (double)some_int(rnd) : d;
}

static void random_record(struct batch *b, u64 *rnd)
{
	static const u32 order[] = { 4, 0, 1, 2, 3 };	/* '_' is below the letters */

	b->len = 0;
	for (u32 i = 0; i < ARRAY_SIZE(order); i++) {
		const char *key = keys[order[i]];

		switch (test_below(rnd, 4)) {
		case 1:
			batch_int(b, key, some_int(rnd));
			break;
		case 2:
			batch_float(b, key, some_float(rnd));
			break;
		case 3:
			batch_string(b, key, strings[test_below(rnd, ARRAY_SIZE(strings))]);
			break;
		}
	}
	assert_int_equal(vex_meta_check(b->data, b->len, false), 0);
}

/* ---- the reference ------------------------------------------------------------- */

struct program {
	struct vexfs_filter_node nodes[VEXFS_MAX_FILTER];
	char text[1024];
	struct vex_filter f;
	bool want;
};

static const u8 *pair_of(const struct batch *b, const char *key, u32 *type, u32 *len)
{
	for (u32 pos = 0; pos < b->len;) {
		const u8 *p = b->data + pos;
		u32 n = p[2] | p[3] << 8;

		if (p[0] == strlen(key) && !memcmp(p + 4, key, p[0])) {
			*type = p[1];
			*len = n;
			return p + 4 + p[0];
		}
		pos += 4 + p[0] + n;
	}
	return NULL;
}

static long double number(u32 type, const void *bits)
{
	double d;
	s64 i;

	memcpy(&d, bits, 8);
	memcpy(&i, bits, 8);
	return type == VEXFS_META_INT ? (long double)i : (long double)d;
}

static bool decide(u32 op, int order)
{
	return op == VEXFS_FILTER_EQ ? !order : op == VEXFS_FILTER_NE ? order :
	       op == VEXFS_FILTER_LT ? order < 0 : op == VEXFS_FILTER_LE ? order <= 0 :
	       op == VEXFS_FILTER_GT ? order > 0 : order >= 0;
}

static bool leaf_want(const struct batch *b, const struct program *p, const char *key,
		      const struct vexfs_filter_node *n)
{
	u32 type, len, common;
	const u8 *v = pair_of(b, key, &type, &len);
	int order;

	if (!v || n->op == VEXFS_FILTER_EXISTS)
		return v;
	if (n->op == VEXFS_FILTER_PREFIX)
		return type == VEXFS_META_STRING && len >= n->len &&
		       !memcmp(v, p->text + n->value, n->len);
	if ((n->type == VEXFS_META_STRING) != (type == VEXFS_META_STRING))
		return false;
	if (type == VEXFS_META_STRING) {
		common = len < n->len ? len : n->len;
		order = memcmp(v, p->text + n->value, common);
		if (!order)
			order = (int)len - (int)n->len;
	} else {
		long double x = number(type, v), y = number(n->type, &n->value);

		order = x < y ? -1 : x > y;
	}
	return decide(n->op, order);
}

static bool random_leaf(struct program *p, const struct batch *b, u64 *rnd)
{
	struct vexfs_filter_node *n = &p->nodes[p->f.count++];
	const char *key = keys[test_below(rnd, ARRAY_SIZE(keys))], *s;
	double d;

	memset(n, 0, sizeof(*n));
	n->op = VEXFS_FILTER_EXISTS + test_below(rnd, 8);
	n->key_len = strlen(key);
	memcpy(n->key, key, n->key_len);
	if (n->op == VEXFS_FILTER_EXISTS)
		return leaf_want(b, p, key, n);
	n->type = n->op == VEXFS_FILTER_PREFIX ? VEXFS_META_STRING : 1 + test_below(rnd, 3);
	switch (n->type) {
	case VEXFS_META_INT:
		n->value = some_int(rnd);
		break;
	case VEXFS_META_FLOAT:
		d = some_float(rnd);
		memcpy(&n->value, &d, 8);
		break;
	default:
		s = strings[test_below(rnd, ARRAY_SIZE(strings))];
		n->value = p->f.text_len;
		n->len = strlen(s);
		memcpy(p->text + n->value, s, n->len);
		p->f.text_len += n->len;
	}
	return leaf_want(b, p, key, n);
}

/* Emit a random tree of at most @room nodes in postfix order; returns what it is. */
static bool random_tree(struct program *p, const struct batch *b, u32 room, u64 *rnd)
{
	bool x, y;
	u32 op;

	if (room < 3 || !test_below(rnd, 4)) {
		x = random_leaf(p, b, rnd);
		if (room < 2 || test_below(rnd, 3))
			return x;
		p->nodes[p->f.count++] = (struct vexfs_filter_node){ .op = VEXFS_FILTER_NOT };
		return !x;
	}
	op = test_below(rnd, 2) ? VEXFS_FILTER_AND : VEXFS_FILTER_OR;
	x = random_tree(p, b, (room - 1) / 2, rnd);
	y = random_tree(p, b, (room - 1) / 2, rnd);
	p->nodes[p->f.count++] = (struct vexfs_filter_node){ .op = op };
	return op == VEXFS_FILTER_AND ? x && y : x || y;
}

static void random_filters_equal_the_reference(void **state)
{
	static struct program p;
	static struct batch b;
	u64 rnd = 1, hits = 0;
	u32 most = 0;

	(void)state;
	for (u32 i = 0; i < 200000; i++) {
		memset(&p.f, 0, sizeof(p.f));
		p.f.nodes = p.nodes;
		p.f.text = p.text;
		random_record(&b, &rnd);
		p.want = random_tree(&p, &b, 1 + test_below(&rnd, VEXFS_MAX_FILTER), &rnd);
		assert_int_equal(vex_filter_check(&p.f), 0);
		assert_int_equal(vex_filter_eval(&p.f, b.data, b.len), p.want);
		hits += p.want;
		most = p.f.count > most ? p.f.count : most;
	}
	assert_true(hits > 20000 && hits < 180000);
	assert_true(most > 25);
}

static void ints_and_floats_compare_by_exact_value(void **state)
{
	u64 rnd = 2;

	(void)state;
	for (u32 i = 0; i < 1000000; i++) {
		s64 a = test_below(&rnd, 4) ? some_int(&rnd) : (s64)test_random(&rnd);
		double b = test_below(&rnd, 4) ? some_float(&rnd) : (double)(s64)test_random(&rnd);
		long double x = a, y = b;
		u64 bits;

		memcpy(&bits, &b, 8);
		assert_int_equal(vex_meta_cmp_mixed(a, bits), x < y ? -1 : x > y);
	}
	/* 2^53 + 1 is no binary64: it is above 2^53 and below 2^53 + 2. */
	assert_int_equal(vex_meta_cmp_mixed((1LL << 53) + 1, 0x4340000000000000ULL), 1);
	assert_int_equal(vex_meta_cmp_mixed((1LL << 53) + 1, 0x4340000000000001ULL), -1);
	assert_int_equal(vex_meta_cmp_mixed(INT64_MAX, 0x43e0000000000000ULL), -1);
	assert_int_equal(vex_meta_cmp_mixed(INT64_MIN, 0xc3e0000000000000ULL), 0);
}

static void every_stack_depth_works(void **state)
{
	static struct vexfs_filter_node nodes[VEXFS_MAX_FILTER];
	struct vex_filter f = { .nodes = nodes, .count = 31, .text = "" };

	(void)state;
	for (u32 i = 0; i < 16; i++)
		nodes[i] = (struct vexfs_filter_node){ .op = VEXFS_FILTER_EXISTS, .key_len = 1,
						       .key = "k" };
	for (u32 i = 16; i < 31; i++)
		nodes[i] = (struct vexfs_filter_node){ .op = VEXFS_FILTER_OR };
	assert_int_equal(vex_filter_check(&f), 0);
	assert_int_equal(vex_filter_eval(&f, NULL, 0), 0);
	f.count = 32;
	nodes[31] = (struct vexfs_filter_node){ .op = VEXFS_FILTER_NOT };
	assert_int_equal(vex_filter_check(&f), 0);
	assert_int_equal(vex_filter_eval(&f, NULL, 0), 1);
}

/* ---- malformed -------------------------------------------------------------------- */

#define LEAF(o, t, ...)	{ .op = o, .type = t, .key_len = 1, .key = "k", ##__VA_ARGS__ }

static void refused(const struct vexfs_filter_node *nodes, u32 count, u32 bad)
{
	struct vex_filter f = { .nodes = nodes, .count = count, .text = "text", .text_len = 4,
				.bad_node = 99 };

	assert_int_equal(vex_filter_check(&f), -EBADMSG);
	assert_int_equal(f.bad_node, bad);
}

static void malformed_programs_are_refused(void **state)
{
	static const struct vexfs_filter_node good[2] = {
		LEAF(VEXFS_FILTER_EQ, VEXFS_META_STRING, .len = 4),
		LEAF(VEXFS_FILTER_GE, VEXFS_META_INT, .value = 7),
	};
	static const struct vexfs_filter_node bad[] = {
		LEAF(0, 0),
		LEAF(12, VEXFS_META_INT),
		LEAF(255, VEXFS_META_INT),
		LEAF(VEXFS_FILTER_EQ, 0),
		LEAF(VEXFS_FILTER_EQ, 4),
		LEAF(VEXFS_FILTER_EQ, VEXFS_META_INT, .len = 1),
		LEAF(VEXFS_FILTER_EQ, VEXFS_META_INT, .reserved = 1),
		LEAF(VEXFS_FILTER_EQ, VEXFS_META_FLOAT, .value = 0x7ff8000000000000ULL),
		LEAF(VEXFS_FILTER_EQ, VEXFS_META_FLOAT, .value = 0xfff0000000000001ULL),
		LEAF(VEXFS_FILTER_EQ, VEXFS_META_STRING, .len = 5),
		LEAF(VEXFS_FILTER_EQ, VEXFS_META_STRING, .value = 5),
		LEAF(VEXFS_FILTER_EQ, VEXFS_META_STRING, .value = ~0ULL, .len = 1),
		LEAF(VEXFS_FILTER_EQ, VEXFS_META_STRING, .value = 3, .len = 2),
		LEAF(VEXFS_FILTER_PREFIX, VEXFS_META_INT),
		LEAF(VEXFS_FILTER_PREFIX, VEXFS_META_FLOAT),
		LEAF(VEXFS_FILTER_EXISTS, VEXFS_META_INT),
		LEAF(VEXFS_FILTER_EXISTS, 0, .value = 1),
		{ .op = VEXFS_FILTER_EXISTS },
		{ .op = VEXFS_FILTER_EXISTS, .key_len = 1, .key = "1" },
		{ .op = VEXFS_FILTER_EXISTS, .key_len = 1, .key = "kk" },
		{ .op = VEXFS_FILTER_EXISTS, .key_len = 3, .key = "k k" },
		{ .op = VEXFS_FILTER_EXISTS, .key_len = 32, .key = "k" },
		{ .op = VEXFS_FILTER_EXISTS, .key_len = 255, .key = "k" },
		LEAF(VEXFS_FILTER_NOT, 0),
		{ .op = VEXFS_FILTER_NOT, .type = VEXFS_META_INT },
		{ .op = VEXFS_FILTER_AND, .value = 1 },
		{ .op = VEXFS_FILTER_OR, .len = 1 },
		{ .op = VEXFS_FILTER_NOT, .key = "k" },
	};
	struct vexfs_filter_node nodes[3];
	struct vex_filter f = { .nodes = good, .text = "text", .text_len = 4 };

	(void)state;
	f.count = 1;
	assert_int_equal(vex_filter_check(&f), 0);
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		nodes[0] = good[0];
		nodes[1] = bad[i];
		refused(nodes, 2, 1);
	}
	/* Too few and too many results. */
	refused(good, 2, 1);
	nodes[0] = (struct vexfs_filter_node){ .op = VEXFS_FILTER_NOT };
	refused(nodes, 1, 0);
	nodes[0] = good[0];
	nodes[1] = (struct vexfs_filter_node){ .op = VEXFS_FILTER_AND };
	refused(nodes, 2, 1);
	f.count = 0;
	assert_int_equal(vex_filter_check(&f), -EINVAL);
	f.count = VEXFS_MAX_FILTER + 1;
	assert_int_equal(vex_filter_check(&f), -EINVAL);
	f.count = 1;
	f.text_len = VEXFS_MAX_FILTER_TEXT + 1;
	assert_int_equal(vex_filter_check(&f), -EINVAL);
}

static void damaged_records_are_noticed(void **state)
{
	static const struct vexfs_filter_node node = LEAF(VEXFS_FILTER_EXISTS, 0);
	struct vex_filter f = { .nodes = &node, .count = 1 };
	static struct batch b;
	u64 rnd = 3;

	(void)state;
	for (u32 i = 0; i < 100000; i++) {
		u32 len;
		u8 *exact;
		int hit;

		random_record(&b, &rnd);
		for (u32 n = test_below(&rnd, 4); n && b.len; n--)
			b.data[test_below(&rnd, b.len)] = test_random(&rnd);
		len = test_below(&rnd, b.len + 1);
		/* To the byte, so that the sanitiser sees a look past the end. */
		exact = malloc(len ? len : 1);
		memcpy(exact, b.data, len);
		hit = vex_filter_eval(&f, exact, len);
		assert_true(hit == 0 || hit == 1 || hit == -EBADMSG);
		vex_meta_check(exact, len, false);
		free(exact);
	}
}

/* A pair of VEXFS_META_NONE is no part of what is stored: it has no value to look at. */
static void a_stored_pair_without_a_value_is_damage(void **state)
{
	static const u8 rec[] = { 1, VEXFS_META_NONE, 0, 0, 'k' };
	struct vexfs_filter_node node = {
		.type = VEXFS_META_INT, .key_len = 1, .key = "k", .value = 1,
	};
	struct vex_filter f = { .nodes = &node, .count = 1 };
	u8 *exact = malloc(sizeof(rec));

	memcpy(exact, rec, sizeof(rec));
	for (node.op = VEXFS_FILTER_EQ; node.op <= VEXFS_FILTER_GE; node.op++)
		assert_int_equal(vex_filter_eval(&f, exact, sizeof(rec)), -EBADMSG);
	node = (struct vexfs_filter_node){
		.op = VEXFS_FILTER_EXISTS, .key_len = 1, .key = "k",
	};
	assert_int_equal(vex_filter_eval(&f, exact, sizeof(rec)), -EBADMSG);
	free(exact);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_filters_equal_the_reference),
		cmocka_unit_test(ints_and_floats_compare_by_exact_value),
		cmocka_unit_test(every_stack_depth_works),
		cmocka_unit_test(malformed_programs_are_refused),
		cmocka_unit_test(damaged_records_are_noticed),
		cmocka_unit_test(a_stored_pair_without_a_value_is_damage),
	};

	vex_core_init();
	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}

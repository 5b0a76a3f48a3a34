// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Filters: a predicate over one record, as a program in postfix order on a stack of bits.
 *
 * Numbers are compared by their exact value without floating point. Two binary64 compare as
 * integers once negative ones are turned upside down. An int and a binary64 compare by sign, then
 * by magnitude: the float's is its 53 bits shifted by its exponent, an integer part that fits 64
 * bits (or is larger than any int) and a rest that only matters when the integer parts are equal.
 */
#include "vex_meta.h"

static_assert(VEXFS_MAX_FILTER <= 64);

#define FLOAT_SIGN	(1ULL << 63)
#define FLOAT_FRACTION	((1ULL << 52) - 1)

/* Is the node a comparison with a value? */
static bool op_compares(u32 op)
{
	return op >= VEXFS_FILTER_EQ && op <= VEXFS_FILTER_PREFIX;
}

static bool value_ok(const struct vex_filter *f, const struct vexfs_filter_node *n)
{
	if (n->type != VEXFS_META_STRING && n->len)
		return false;
	switch (n->type) {
	case VEXFS_META_INT:
		return n->op != VEXFS_FILTER_PREFIX;
	case VEXFS_META_FLOAT:
		return n->op != VEXFS_FILTER_PREFIX && !vex_meta_is_nan(n->value);
	case VEXFS_META_STRING:
		return n->len <= VEXFS_META_TEXT_MAX && n->value <= f->text_len &&
		       n->len <= f->text_len - n->value;
	default:
		return false;
	}
}

static bool node_ok(const struct vex_filter *f, const struct vexfs_filter_node *n)
{
	bool named = n->op == VEXFS_FILTER_EXISTS || op_compares(n->op);

	if (!n->op || n->op > VEXFS_FILTER_PREFIX || n->reserved ||
	    n->key_len > VEXFS_META_KEY_MAX ||
	    memchr_inv(n->key + n->key_len, 0, sizeof(n->key) - n->key_len))
		return false;
	if (named ? !vex_meta_key_ok(n->key, n->key_len) : n->key_len)
		return false;
	if (op_compares(n->op))
		return value_ok(f, n);
	return !n->type && !n->len && !n->value;
}

int vex_filter_check(struct vex_filter *f)
{
	u32 depth = 0;
	u32 i;

	f->bad_node = 0;
	if (!f->count || f->count > VEXFS_MAX_FILTER || f->text_len > VEXFS_MAX_FILTER_TEXT)
		return -EINVAL;
	for (i = 0; i < f->count; i++) {
		u32 op = f->nodes[i].op;
		u32 pops = op == VEXFS_FILTER_NOT ? 1 : op < VEXFS_FILTER_NOT ? 2 : 0;

		f->bad_node = i;
		if (!node_ok(f, &f->nodes[i]) || depth < pops)
			return -EBADMSG;
		depth += 1 - pops;
	}
	return depth == 1 ? 0 : -EBADMSG;
}

/* An order of binary64 bit patterns: -0 and +0 are equal. */
static u64 float_order(u64 bits)
{
	if (!(bits << 1))
		return FLOAT_SIGN;
	return bits & FLOAT_SIGN ? ~bits : bits | FLOAT_SIGN;
}

static int cmp_u64(u64 a, u64 b)
{
	return a < b ? -1 : a > b;
}

/* Compare @a with the magnitude of the float @bits. */
static int cmp_magnitude(u64 a, u64 bits)
{
	u32 exponent = bits << 1 >> 53;
	u64 whole = (bits & FLOAT_FRACTION) | 1ULL << 52;
	u32 cut;

	if (exponent < 1023)
		return a ? 1 : bits << 1 ? -1 : 0;
	if (exponent >= 1023 + 64)
		return -1;
	if (exponent >= 1023 + 52)
		return cmp_u64(a, whole << (exponent - 1023 - 52));
	cut = 1023 + 52 - exponent;
	if (a != whole >> cut)
		return cmp_u64(a, whole >> cut);
	return whole & ((1ULL << cut) - 1) ? -1 : 0;
}

int vex_meta_cmp_mixed(s64 a, u64 b)
{
	bool negative = b & FLOAT_SIGN && b << 1;

	if (a < 0)
		return negative ? -cmp_magnitude(-(u64)a, b) : -1;
	return negative ? 1 : cmp_magnitude(a, b);
}

/* Compare the pair's value with the node's; false when they are not of one kind. */
static bool compare(const struct vex_filter *f, const struct vexfs_filter_node *n,
		    const struct vex_pair *p, int *order)
{
	bool text = n->type == VEXFS_META_STRING;
	bool stored_text = p->type == VEXFS_META_STRING;
	u64 value;

	if (text != stored_text)
		return false;
	if (text) {
		*order = vex_meta_key_cmp(p->value, p->len, (const u8 *)f->text + n->value,
					  n->len);
		return true;
	}
	value = get_unaligned_le64(p->value);
	if (p->type == n->type)
		*order = p->type == VEXFS_META_INT ?
			 cmp_u64(value ^ FLOAT_SIGN, n->value ^ FLOAT_SIGN) :
			 cmp_u64(float_order(value), float_order(n->value));
	else if (p->type == VEXFS_META_INT)
		*order = vex_meta_cmp_mixed(value, n->value);
	else
		*order = -vex_meta_cmp_mixed(n->value, value);
	return true;
}

static bool starts_with(const struct vex_filter *f, const struct vexfs_filter_node *n,
			const struct vex_pair *p)
{
	return p->type == VEXFS_META_STRING && p->len >= n->len &&
	       !memcmp(p->value, (const u8 *)f->text + n->value, n->len);
}

/* The result of a node that looks at the pair of its key. */
static bool holds(const struct vex_filter *f, const struct vexfs_filter_node *n,
		  const struct vex_pair *p)
{
	int order;

	if (n->op == VEXFS_FILTER_EXISTS)
		return true;
	if (n->op == VEXFS_FILTER_PREFIX)
		return starts_with(f, n, p);
	if (!compare(f, n, p, &order))
		return false;
	switch (n->op) {
	case VEXFS_FILTER_EQ:
		return !order;
	case VEXFS_FILTER_NE:
		return order;
	case VEXFS_FILTER_LT:
		return order < 0;
	case VEXFS_FILTER_LE:
		return order <= 0;
	case VEXFS_FILTER_GT:
		return order > 0;
	default:
		return order >= 0;
	}
}

/* Find the node's key, then see whether the node holds. */
static noinline_for_stack
int eval_leaf(const struct vex_filter *f, const struct vexfs_filter_node *n, const u8 *rec,
	      const u8 *end)
{
	struct vex_pair p;
	int more;

	while ((more = vex_pair_next(&rec, end, &p)) == 1) {
		/* It has no value, and stands in no record that was stored. */
		if (p.type == VEXFS_META_NONE)
			return -EBADMSG;
		if (!vex_meta_key_cmp(p.key, p.key_len, n->key, n->key_len))
			return holds(f, n, &p);
	}
	return more;
}

int vex_filter_eval(const struct vex_filter *f, const u8 *rec, u32 len)
{
	u64 stack = 0;		/* bit 0 is on top */
	u32 i;
	int hit;

	for (i = 0; i < f->count; i++) {
		const struct vexfs_filter_node *n = &f->nodes[i];
		u64 top = stack & 1;

		switch (n->op) {
		case VEXFS_FILTER_NOT:
			stack ^= 1;
			break;
		case VEXFS_FILTER_AND:
			stack >>= 1;
			stack &= ~1ULL | top;
			break;
		case VEXFS_FILTER_OR:
			stack >>= 1;
			stack |= top;
			break;
		default:
			hit = eval_leaf(f, n, rec, rec + len);
			if (hit < 0)
				return hit;
			stack = stack << 1 | hit;
		}
	}
	return stack & 1;
}

bool vex_filter_none(const struct vex_filter *f)
{
	static const u8 nothing[1];

	return vex_filter_eval(f, nothing, 0) == 1;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Metadata and filters from a stream, and what the core's answers to them are compared with: the
 * same rules, written for the eye and not for the kernel. Numbers meet as long double, which
 * holds every 64-bit integer and every binary64 exactly.
 */
#include <float.h>
#include <stdlib.h>

#include "fuzz.h"
#include "meta.h"

static_assert(LDBL_MANT_DIG >= 64);

/* ---- made from a stream -------------------------------------------------------- */

static u64 float_bits(struct fuzz_stream *s)
{
	static const double odd[] = {
		0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1e300, -1e300, 5e-324, 0x1p63, -0x1p63, 0x1p64,
		0x1p53, 0x1.fffffffffffffp62, 1.0 / 0.0, -1.0 / 0.0,
	};
	u8 kind = fuzz_u8(s);
	double value = odd[kind % ARRAY_SIZE(odd)];
	u64 bits;

	if (kind >= 0xe0)
		return fuzz_number(s) << 32 | fuzz_number(s);
	if (kind >= 0x80)
		value = (double)(s64)fuzz_number(s) + value;
	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

/* Few letters, so that strings begin alike. */
static void letters(struct fuzz_stream *s, u8 *to, u32 len)
{
	u64 rnd = fuzz_u8(s) & 3;

	for (u32 i = 0; i < len; i++)
		to[i] = 'p' + fuzz_random(&rnd) % 2;
}

/* Keys of one letter, and from 26 on of as many as a key may have. */
static u32 key_put(u8 *to, u32 which)
{
	u32 len = which % 52 < 26 ? 1 : VEXFS_META_KEY_MAX;

	memset(to, 'x', len);
	to[0] = 'a' + which % 26;
	return len;
}

static u32 pair_make(struct fuzz_stream *s, u32 key, bool merge, u8 *to)
{
	u8 kind = fuzz_u8(s), type;
	u32 key_len = key_put(to + 4, key), len = 8;
	u8 *value = to + 4 + key_len;

	/* The same input gives the same bytes. */
	memset(value, 0, VEXFS_META_TEXT_MAX + 8);
	type = kind < 0x60 ? VEXFS_META_INT : kind < 0xb0 ? VEXFS_META_STRING :
	       kind < 0xe0 || !merge ? VEXFS_META_FLOAT : VEXFS_META_NONE;
	if (kind >= 0xfc)
		type = fuzz_u8(s);
	if (type == VEXFS_META_STRING) {
		len = fuzz_u8(s);
		len = len < 0xf0 ? len % 24 : VEXFS_META_TEXT_MAX - 0xf8 + len;
		letters(s, value, len);
	} else if (type == VEXFS_META_NONE) {
		len = 0;
	} else {
		put_unaligned_le64(type == VEXFS_META_FLOAT ? float_bits(s) : fuzz_number(s),
				   value);
	}
	if (kind == 0xfb)
		len += (s8)fuzz_u8(s) % 3;
	to[0] = kind == 0xfa ? fuzz_u8(s) : key_len;
	to[1] = type;
	to[2] = len;
	to[3] = len >> 8;
	return 4 + key_len + (len < 300 ? len : 0);
}

u32 fuzz_make_record(struct fuzz_stream *s, bool merge, u8 *to)
{
	u8 how = fuzz_u8(s);
	u32 pairs = how >= 0xe8 ? 14 + how % 4 : how % 6;
	u32 key = 0, len = 0;

	/* Or whatever comes. */
	if (how >= 0xf8) {
		len = fuzz_u8(s);
		for (u32 i = 0; i < len; i++)
			to[i] = fuzz_u8(s);
		return len;
	}
	for (u32 i = 0; i < pairs; i++) {
		/* Mostly in order. */
		key = how >= 0xd8 && how < 0xe8 ? fuzz_u8(s) : key + 1 + (fuzz_u8(s) & 1);
		len += pair_make(s, key, merge, to + len);
	}
	return len;
}

u32 fuzz_make_batch(struct fuzz_stream *s, bool merge, u32 count, u8 *to, u32 room)
{
	u32 len = 0;

	for (u32 i = 0; i < count && len + 4 + FUZZ_RECORD_MAX <= room; i++) {
		u32 one = fuzz_make_record(s, merge, to + len + 4);

		put_unaligned_le32(one, to + len);
		len += 4 + one;
	}
	return len;
}

static void leaf_make(struct fuzz_stream *s, struct vexfs_filter_node *n, u32 text_len)
{
	u8 kind = fuzz_u8(s);

	n->op = VEXFS_FILTER_EXISTS + fuzz_u8(s) % 8;
	n->key_len = key_put(n->key, 1 + fuzz_u8(s) % 8 + (kind >= 0xf0 ? 26 : 0));
	if (n->op == VEXFS_FILTER_EXISTS)
		return;
	n->type = n->op == VEXFS_FILTER_PREFIX || kind % 3 == 2 ? VEXFS_META_STRING :
		  kind % 3 ? VEXFS_META_FLOAT : VEXFS_META_INT;
	if (n->type == VEXFS_META_STRING) {
		n->value = fuzz_u8(s) % (text_len + 1);
		n->len = fuzz_u8(s) % (text_len - (u32)n->value + 1);
	} else {
		n->value = n->type == VEXFS_META_FLOAT ? float_bits(s) : fuzz_number(s);
	}
}

void fuzz_make_filter(struct fuzz_stream *s, struct fuzz_program *f)
{
	u8 size = fuzz_u8(s), spoil = fuzz_u8(s);
	u32 depth = 0, at;

	memset(f, 0, sizeof(*f));
	f->count = size < 0xf0 ? 1 + size % 9 : size < 0xfc ? VEXFS_MAX_FILTER : size & 0x3f;
	f->text_len = size < 0xf0 ? 40 : fuzz_u8(s);
	letters(s, f->text, f->text_len);
	for (u32 i = 0; i < f->count; i++) {
		u8 op = fuzz_u8(s);

		/* So that one result is left. */
		if (depth >= f->count - i || (depth > 1 && op < 0x50))
			f->nodes[i].op = VEXFS_FILTER_AND + (op & 1);
		else if (depth && (op < 0x70 || depth + 1 >= f->count - i))
			f->nodes[i].op = VEXFS_FILTER_NOT;
		else
			leaf_make(s, &f->nodes[i], f->text_len);
		depth += f->nodes[i].op >= VEXFS_FILTER_EXISTS;
		depth -= f->nodes[i].op <= VEXFS_FILTER_OR;
	}
	if (spoil < 0xc0 || !f->count)
		return;
	at = fuzz_u8(s) % f->count * sizeof(f->nodes[0]) + fuzz_u8(s) % sizeof(f->nodes[0]);
	((u8 *)f->nodes)[at] = spoil & 1 ? fuzz_u8(s) : 0xff;
}

/* ---- the rules once more ----------------------------------------------------------- */

static bool is_nan(u64 bits)
{
	double d;

	memcpy(&d, &bits, sizeof(d));
	return d != d;
}

static bool key_sound(const u8 *key, u32 len)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";

	for (u32 i = 0; i < len; i++)
		if (!key[i] || (!strchr(first, key[i]) && (!i || !strchr("0123456789.-", key[i]))))
			return false;
	return len;
}

static int key_order(const struct fuzz_pair *a, const struct fuzz_pair *b)
{
	u32 both = a->key_len < b->key_len ? a->key_len : b->key_len;
	int order = memcmp(a->key, b->key, both);

	return order ? order : (int)a->key_len - (int)b->key_len;
}

int fuzz_pairs(const u8 *rec, u32 len, bool merge, struct fuzz_pair *pairs)
{
	u32 text = 0;
	int n = 0;

	for (u32 at = 0; at < len; n++) {
		struct fuzz_pair *p = &pairs[n];

		if (n == VEXFS_META_PAIRS || len - at < 4)
			return -1;
		*p = (struct fuzz_pair){
			.key = rec + at + 4, .key_len = rec[at], .type = rec[at + 1],
			.value = rec + at + 4 + rec[at], .len = rec[at + 2] | rec[at + 3] << 8,
		};
		at += 4 + p->key_len + p->len;
		if (at > len || p->key_len > VEXFS_META_KEY_MAX || !key_sound(p->key, p->key_len))
			return -1;
		if (n && key_order(&pairs[n - 1], p) >= 0)
			return -1;
		if (p->type > VEXFS_META_STRING || (p->type == VEXFS_META_NONE && (!merge || p->len)))
			return -1;
		if ((p->type == VEXFS_META_INT || p->type == VEXFS_META_FLOAT) && p->len != 8)
			return -1;
		if (p->type == VEXFS_META_FLOAT && is_nan(get_unaligned_le64(p->value)))
			return -1;
		text += p->type == VEXFS_META_STRING ? p->len : 0;
		if (text > VEXFS_META_TEXT_MAX)
			return -1;
	}
	return n;
}

static long double number_of(u8 type, u64 bits)
{
	double d;

	if (type == VEXFS_META_INT)
		return (s64)bits;
	memcpy(&d, &bits, sizeof(d));
	return d;
}

static bool node_holds(const struct vexfs_filter_node *n, const u8 *text,
		       const struct fuzz_pair *p)
{
	bool string = n->type == VEXFS_META_STRING;
	long double a, b;
	int order;

	if (n->op == VEXFS_FILTER_EXISTS)
		return true;
	if (string != (p->type == VEXFS_META_STRING))
		return false;
	if (n->op == VEXFS_FILTER_PREFIX)
		return p->len >= n->len && !memcmp(p->value, text + n->value, n->len);
	if (string) {
		struct fuzz_pair mine = { .key = p->value, .key_len = p->len };
		struct fuzz_pair other = { .key = text + n->value, .key_len = n->len };

		order = key_order(&mine, &other);
	} else {
		a = number_of(p->type, get_unaligned_le64(p->value));
		b = number_of(n->type, n->value);
		order = a < b ? -1 : a > b;
	}
	switch (n->op) {
	case VEXFS_FILTER_EQ: return order == 0;
	case VEXFS_FILTER_NE: return order != 0;
	case VEXFS_FILTER_LT: return order < 0;
	case VEXFS_FILTER_LE: return order <= 0;
	case VEXFS_FILTER_GT: return order > 0;
	default: return order >= 0;
	}
}

bool fuzz_matches(const struct vexfs_filter_node *nodes, u32 count, const u8 *text,
		  const u8 *rec, u32 len)
{
	struct fuzz_pair pairs[VEXFS_META_PAIRS];
	int n = fuzz_pairs(rec, len, false, pairs);
	bool stack[VEXFS_MAX_FILTER];
	u32 top = 0;

	fuzz_must(n >= 0, "a record that is stored is not sound");
	for (u32 i = 0; i < count; i++) {
		const struct vexfs_filter_node *node = &nodes[i];
		struct fuzz_pair key = { .key = node->key, .key_len = node->key_len };
		bool hit = false;

		if (node->op == VEXFS_FILTER_NOT) {
			stack[top - 1] = !stack[top - 1];
		} else if (node->op <= VEXFS_FILTER_OR) {
			top--;
			stack[top - 1] = node->op == VEXFS_FILTER_AND ?
					 stack[top - 1] && stack[top] :
					 stack[top - 1] || stack[top];
		} else {
			for (int k = 0; k < n && !hit; k++)
				if (!key_order(&pairs[k], &key))
					hit = node_holds(node, text, &pairs[k]);
			stack[top++] = hit;
		}
	}
	return stack[0];
}

/* Whether one of @pairs has the key of @p. */
static bool among(const struct fuzz_pair *p, const struct fuzz_pair *pairs, int n)
{
	for (int i = 0; i < n; i++)
		if (!key_order(p, &pairs[i]))
			return true;
	return false;
}

static int pair_cmp(const void *a, const void *b)
{
	return key_order(a, b);
}

int fuzz_merged(const u8 *old, u32 old_len, const u8 *add, u32 add_len, u8 *to)
{
	struct fuzz_pair a[VEXFS_META_PAIRS], b[VEXFS_META_PAIRS], all[2 * VEXFS_META_PAIRS];
	int a_count = fuzz_pairs(old, old_len, false, a), n = 0, len = 0;
	int b_count = fuzz_pairs(add, add_len, true, b);
	u32 text = 0;

	for (int i = 0; i < a_count; i++)
		if (!among(&a[i], b, b_count))
			all[n++] = a[i];
	for (int i = 0; i < b_count; i++)
		if (b[i].type != VEXFS_META_NONE)
			all[n++] = b[i];
	qsort(all, n, sizeof(all[0]), pair_cmp);
	if (n > VEXFS_META_PAIRS)
		return -1;
	for (int i = 0; i < n; i++) {
		u32 bytes = 4 + all[i].key_len + all[i].len;

		text += all[i].type == VEXFS_META_STRING ? all[i].len : 0;
		memcpy(to + len, all[i].key - 4, bytes);
		len += bytes;
	}
	return text > VEXFS_META_TEXT_MAX ? -1 : len;
}

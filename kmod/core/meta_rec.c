// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Records: the metadata of one row as packed pairs in ascending order of their keys.
 * A record has one form only, so equal metadata are equal bytes.
 */
#include "vex_meta.h"

static_assert(VEX_META_MAX <= VEX_ITEM_MAX);

bool vex_meta_is_nan(u64 bits)
{
	return bits << 1 > 0x7ffULL << 53;
}

static bool key_char(u8 c, bool first)
{
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
		return true;
	return c == '_' || (!first && ((c >= '0' && c <= '9') || c == '.' || c == '-'));
}

bool vex_meta_key_ok(const u8 *key, u32 len)
{
	u32 i;

	if (!len || len > VEXFS_META_KEY_MAX)
		return false;
	for (i = 0; i < len; i++)
		if (!key_char(key[i], !i))
			return false;
	return true;
}

int vex_meta_key_cmp(const u8 *a, u32 a_len, const u8 *b, u32 b_len)
{
	int c = memcmp(a, b, min(a_len, b_len));

	return c ? c : (int)a_len - (int)b_len;
}

static bool value_fits(u32 type, u32 len)
{
	switch (type) {
	case VEXFS_META_NONE:
		return !len;
	case VEXFS_META_INT:
	case VEXFS_META_FLOAT:
		return len == 8;
	case VEXFS_META_STRING:
		return len <= VEXFS_META_TEXT_MAX;
	default:
		return false;
	}
}

int vex_pair_next(const u8 **at, const u8 *end, struct vex_pair *pair)
{
	const struct vexfs_meta_pair *p = (const void *)*at;
	size_t left = end - *at;

	if (!left)
		return 0;
	if (left < sizeof(*p))
		return -EBADMSG;
	pair->key_len = p->key_len;
	pair->type = p->type;
	pair->len = get_unaligned_le16(&p->len);
	if (!pair->key_len || pair->key_len > VEXFS_META_KEY_MAX ||
	    !value_fits(pair->type, pair->len) ||
	    left - sizeof(*p) < pair->key_len + pair->len)
		return -EBADMSG;
	pair->key = *at + sizeof(*p);
	pair->value = pair->key + pair->key_len;
	*at = pair->value + pair->len;
	return 1;
}

int vex_meta_check(const u8 *rec, u32 len, bool merge)
{
	const u8 *end = rec + len;
	const u8 *last = NULL;
	struct vex_pair p;
	u32 last_len = 0;
	u32 pairs = 0;
	u32 text = 0;
	int more;

	while ((more = vex_pair_next(&rec, end, &p)) == 1) {
		if (!vex_meta_key_ok(p.key, p.key_len) ||
		    (last && vex_meta_key_cmp(last, last_len, p.key, p.key_len) >= 0) ||
		    (p.type == VEXFS_META_NONE && !merge) ||
		    (p.type == VEXFS_META_FLOAT && vex_meta_is_nan(get_unaligned_le64(p.value))))
			return -EBADMSG;
		if (p.type == VEXFS_META_STRING)
			text += p.len;
		if (++pairs > VEXFS_META_PAIRS || text > VEXFS_META_TEXT_MAX)
			return -EBADMSG;
		last = p.key;
		last_len = p.key_len;
	}
	return more;
}

/* A record that grows. */
struct rec_out {
	u8 *at;
	u32 len;
	u32 pairs;
	u32 text;
};

static bool emit(struct rec_out *out, const struct vex_pair *p)
{
	u32 bytes = sizeof(struct vexfs_meta_pair) + p->key_len + p->len;

	if (p->type == VEXFS_META_NONE)
		return true;
	if (p->type == VEXFS_META_STRING)
		out->text += p->len;
	if (++out->pairs > VEXFS_META_PAIRS || out->text > VEXFS_META_TEXT_MAX)
		return false;
	memcpy(out->at + out->len, p->key - sizeof(struct vexfs_meta_pair), bytes);
	out->len += bytes;
	return true;
}

int vex_meta_merge(const u8 *old, u32 old_len, const u8 *add, u32 add_len, u8 *out)
{
	const u8 *old_end = old + old_len;
	const u8 *add_end = add + add_len;
	struct rec_out to = { .at = out };
	struct vex_pair a, b;
	int more_a = vex_pair_next(&old, old_end, &a);
	int more_b = vex_pair_next(&add, add_end, &b);
	int c;

	while (more_a == 1 || more_b == 1) {
		if (more_a == 1 && more_b == 1)
			c = vex_meta_key_cmp(a.key, a.key_len, b.key, b.key_len);
		else
			c = more_a == 1 ? -1 : 1;
		if (!emit(&to, c < 0 ? &a : &b))
			return -EBADMSG;
		if (c <= 0)
			more_a = vex_pair_next(&old, old_end, &a);
		if (c >= 0)
			more_b = vex_pair_next(&add, add_end, &b);
	}
	return more_a < 0 || more_b < 0 ? -EBADMSG : (int)to.len;
}

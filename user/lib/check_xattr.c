// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended attributes: their pieces come one after another, so that one attribute at a time is
 * in hand, until an item of anything else shows that it should be whole. An attribute that is
 * not is remembered by the place of its slot: a repair drops all items there.
 */
#include "check.h"

#define PIECE_MASK	((u64)(1u << VEXFS_XATTR_SLOT_SHIFT) - 1)

static void attr_bad(struct check *c, u64 block, const char *what)
{
	struct check_xattr *x = &c->xattr;

	if (x->bad)
		return;
	x->bad = true;
	check_problem(c, VEX_P_XATTR_FORM, block, x->ino, "extended attribute %s", what);
	c->bad_xattrs = check_grow(c, c->bad_xattrs, c->bad_xattr_count, &c->bad_xattr_room,
				   sizeof(*c->bad_xattrs));
	if (!c->err)
		c->bad_xattrs[c->bad_xattr_count++] = (struct bad_xattr){ x->ino, x->slot };
}

static const char *head_wrong(const struct check *c, const struct check_item *it)
{
	const struct vexfs_xattr_item *head = (const void *)it->data;
	const u8 *name = (const u8 *)(head + 1);
	u64 total;

	if (it->len <= sizeof(*head) || !head->name_len ||
	    it->len < sizeof(*head) + head->name_len || memchr_inv(head->reserved, 0, 3))
		return "with a malformed head";
	total = sizeof(*head) + head->name_len + (u64)le32_to_cpu(head->value_len);
	if (le32_to_cpu(head->value_len) > VEXFS_XATTR_VALUE_MAX ||
	    it->len != min(total, (u64)VEXFS_XATTR_CHUNK))
		return "of a wrong length";
	if (memchr(name, 0, head->name_len))
		return "with a NUL in its name";
	if (vex_siphash(c->hash_key, name, head->name_len) >> VEXFS_XATTR_HASH_SHIFT !=
	    it->key.offset >> VEXFS_XATTR_HASH_SHIFT)
		return "at a wrong hash";
	return NULL;
}

/* Equal names have equal hashes: those before it that have the same one stand just before it. */
static bool name_again(const struct check *c, const struct check_item *it)
{
	const struct check_xattr *x = &c->xattr;
	const struct vexfs_xattr_item *head = (const void *)it->data;

	return x->ino == it->key.ino && x->name_len == head->name_len &&
	       x->slot >> VEXFS_XATTR_HASH_SHIFT == it->key.offset >> VEXFS_XATTR_HASH_SHIFT &&
	       !memcmp(x->name, head + 1, x->name_len);
}

static void see_head(struct check *c, const struct check_item *it)
{
	const struct vexfs_xattr_item *head = (const void *)it->data;
	struct check_xattr *x = &c->xattr;
	const char *wrong = it->key.offset & PIECE_MASK ? "without its head" : head_wrong(c, it);

	if (!wrong && name_again(c, it))
		wrong = "with the name of another";
	x->ino = it->key.ino;
	x->slot = it->key.offset & ~PIECE_MASK;
	x->next = it->key.offset + 1;
	x->left = 0;
	x->name_len = 0;
	x->bad = false;
	if (wrong) {
		attr_bad(c, it->block, wrong);
		return;
	}
	x->left = sizeof(*head) + head->name_len + le32_to_cpu(head->value_len) - it->len;
	x->name_len = head->name_len;
	memcpy(x->name, head + 1, head->name_len);
}

void check_xattr_end(struct check *c)
{
	if (c->xattr.left)
		attr_bad(c, 0, "whose end is missing");
	c->xattr.left = 0;
}

void check_xattr_see(struct check *c, const struct check_item *it)
{
	struct check_xattr *x = &c->xattr;

	c->missing_features |= VEXFS_FEATURE_XATTR & ~c->result.features;
	if (it->key.ino != x->ino || (it->key.offset & ~PIECE_MASK) != x->slot) {
		check_xattr_end(c);
		see_head(c, it);
		return;
	}
	if (it->key.offset != x->next)
		attr_bad(c, it->block, "with a gap");
	else if (it->len != min(x->left, VEXFS_XATTR_CHUNK))
		attr_bad(c, it->block, "with a piece of a wrong length");
	x->next = it->key.offset + 1;
	x->left = x->bad ? 0 : x->left - it->len;
}

bool check_xattr_bad(const struct check *c, const struct vex_key *key)
{
	u64 slot = key->offset & ~PIECE_MASK;

	for (size_t i = 0; i < c->bad_xattr_count; i++)
		if (c->bad_xattrs[i].ino == key->ino && c->bad_xattrs[i].slot == slot)
			return true;
	return false;
}

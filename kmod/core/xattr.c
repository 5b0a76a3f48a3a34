// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Extended attributes.
 *
 * Head, name and value of an attribute follow one another and are cut into pieces, items with
 * one key after another; see struct vexfs_xattr_item. A new value goes to a free slot of the
 * same hash before the old one's pieces are deleted, all in one transaction: so no deletion can
 * take away what an insertion has touched.
 */
#include "vex_fs.h"

#define PIECES_MAX \
	DIV_ROUND_UP(sizeof(struct vexfs_xattr_item) + VEXFS_NAME_MAX + VEXFS_XATTR_VALUE_MAX, \
		     VEXFS_XATTR_CHUNK)
static_assert(PIECES_MAX <= 1u << VEXFS_XATTR_SLOT_SHIFT);

/**
 * struct attr - an attribute, or the place for one
 * @key: of its first piece; type 0 when there is none
 * @free: of the first piece of one that is to be made; type 0 when all slots are taken
 * @value_len: bytes of the value
 * @pieces: items that it lies in
 * @leaves: tree nodes that those lie in
 */
struct attr {
	struct vex_key key;
	struct vex_key free;
	u32 value_len;
	u32 pieces;
	u32 leaves;
};

static u32 attr_bytes(u32 name_len, u32 value_len)
{
	return sizeof(struct vexfs_xattr_item) + name_len + value_len;
}

static u32 pieces_of(u32 name_len, u32 value_len)
{
	return DIV_ROUND_UP(attr_bytes(name_len, value_len), VEXFS_XATTR_CHUNK);
}

/* The first item of the slot, or 128 slots, behind what @offset stands in. */
static u64 next_slot(u64 offset)
{
	return (offset | ((1u << VEXFS_XATTR_SLOT_SHIFT) - 1)) + 1;
}

static int head_check(struct vex_fs *fs, const struct vex_path *path)
{
	const struct vexfs_xattr_item *head = vex_path_data(path);
	u32 len = vex_path_len(path);
	struct vex_key key;

	vex_path_key(path, &key);
	if (key.offset != next_slot(key.offset) - (1u << VEXFS_XATTR_SLOT_SHIFT) ||
	    len <= sizeof(*head) || !head->name_len ||
	    le32_to_cpu(head->value_len) > VEXFS_XATTR_VALUE_MAX ||
	    len != min(attr_bytes(head->name_len, le32_to_cpu(head->value_len)),
		       VEXFS_XATTR_CHUNK))
		return vex_damaged(fs, path->node[0]->block, "malformed extended attribute");
	return 0;
}

/* The first item of @key's kind at or after it: -ENOENT when there is none up to @last. */
static int seek(struct vex_fs *fs, struct vex_key *key, u64 last, struct vex_path *path)
{
	u64 ino = key->ino;
	int err = vex_tree_seek(fs, key, path);

	if (err)
		return err;
	vex_path_key(path, key);
	if (key->ino != ino || key->type != VEXFS_ITEM_XATTR || key->offset > last)
		return -ENOENT;
	return head_check(fs, path);
}

/* Look at the attribute in or behind the slot of @key; 1: it is @name, now in @a. */
static noinline_for_stack
int slot_look(struct vex_fs *fs, struct vex_key *key, u64 last, const struct vex_name *name,
	      struct attr *a)
{
	const struct vexfs_xattr_item *head;
	struct vex_path path;
	int err;

	err = seek(fs, key, last, &path);
	if (!err) {
		head = vex_path_data(&path);
		if (head->name_len == name->len && !memcmp(head + 1, name->str, name->len)) {
			a->key = *key;
			a->value_len = le32_to_cpu(head->value_len);
			a->pieces = pieces_of(name->len, a->value_len);
			err = 1;
		}
	}
	vex_path_release(fs, &path);
	return err;
}

/* Find an attribute and a free slot for it; @a tells. */
static noinline_for_stack
int attr_find(struct vex_fs *fs, u64 ino, const struct vex_name *name, struct attr *a)
{
	u64 hash = vex_siphash(fs->hash_key, name->str, name->len);
	u64 first = hash >> VEXFS_XATTR_HASH_SHIFT << VEXFS_XATTR_HASH_SHIFT;
	u64 last = first | ((1u << VEXFS_XATTR_HASH_SHIFT) - 1);
	struct vex_key key = vex_key(ino, VEXFS_ITEM_XATTR, first);
	u64 at = first;
	int err = 0;

	memset(a, 0, sizeof(*a));
	while (!a->free.type || !a->key.type) {
		key = vex_key(ino, VEXFS_ITEM_XATTR, at);
		err = slot_look(fs, &key, last, name, a);
		if (err < 0 && err != -ENOENT)
			return err;
		if (!a->free.type && (err == -ENOENT || key.offset > at))
			a->free = vex_key(ino, VEXFS_ITEM_XATTR, at);
		at = next_slot(key.offset);
		if (err == -ENOENT || key.offset > last - (1u << VEXFS_XATTR_SLOT_SHIFT))
			break;
	}
	return 0;
}

static int name_check(struct vex_fs *fs, const struct vex_name *name)
{
	if (!vex_has_feature(fs, VEXFS_FEATURE_XATTR))
		return -EOPNOTSUPP;
	if (!name->len)
		return -EINVAL;
	return name->len > VEXFS_NAME_MAX ? -ERANGE : 0;
}

/* Find @name of an inode that is there. */
static noinline_for_stack
int attr_open(struct vex_fs *fs, u64 ino, const struct vex_name *name, struct attr *a)
{
	struct vex_brief node;
	int err = vex_inode_load(fs, ino, &node);

	return err ? err : attr_find(fs, ino, name, a);
}

/* Bytes of piece @n. */
static u32 piece_len(const struct attr *a, u32 name_len, u32 n)
{
	return min(attr_bytes(name_len, a->value_len) - n * VEXFS_XATTR_CHUNK, VEXFS_XATTR_CHUNK);
}

/* Copy the part of the value that piece @n holds; the head of piece 0 is @skip bytes. */
static noinline_for_stack
int piece_read(struct vex_fs *fs, const struct attr *a, u32 n, u32 skip, u8 *value)
{
	struct vex_key key = vex_key(a->key.ino, a->key.type, a->key.offset + n);
	u32 name_len = skip - sizeof(struct vexfs_xattr_item);
	u32 len = piece_len(a, name_len, n);
	struct vex_path path;
	int err;

	err = vex_item_find(fs, &key, len, &path);
	if (err)
		return err == -ENOENT ?
			vex_damaged(fs, fs->root_block, "extended attribute with a gap") : err;
	if (n)
		memcpy(value + n * VEXFS_XATTR_CHUNK - skip, vex_path_data(&path), len);
	else
		memcpy(value, vex_path_data(&path) + skip, len - skip);
	vex_path_release(fs, &path);
	return 0;
}

static noinline_for_stack
int get_locked(struct vex_fs *fs, u64 ino, const struct vex_name *name, void *buf, size_t len,
	       size_t *done)
{
	struct attr a;
	u32 n;
	int err;

	err = attr_open(fs, ino, name, &a);
	if (err)
		return err;
	if (!a.key.type)
		return -ENODATA;
	*done = a.value_len;
	if (!len)
		return 0;
	if (len < a.value_len)
		return -ERANGE;
	for (n = 0; n < a.pieces && !err; n++)
		err = piece_read(fs, &a, n, attr_bytes(name->len, 0), buf);
	return err;
}

int vex_xattr_get(struct vex_fs *fs, u64 ino, const struct vex_name *name, void *buf,
		  size_t len, size_t *done)
{
	int err = name_check(fs, name);

	*done = 0;
	if (err)
		return err;
	vex_read_lock(&fs->lock);
	err = get_locked(fs, ino, name, buf, len, done);
	vex_read_unlock(&fs->lock);
	return err;
}

/* Touch the pieces of an attribute; counts their leaves. */
static noinline_for_stack
int pieces_touch(struct vex_fs *fs, const struct attr *a)
{
	struct vex_key key = a->key;
	int err = 0;
	u32 n;

	for (n = 0; n < a->pieces && !err; n++, key.offset++)
		err = vex_touch_key(fs, &key);
	return err;
}

/* How many leaves its pieces lie in; each must be there, for it will be deleted. */
static noinline_for_stack
int pieces_count(struct vex_fs *fs, struct attr *a, u32 name_len)
{
	struct vex_key key = a->key;
	struct vex_path path;
	u64 last = 0;
	u32 n;
	int err;

	a->leaves = 0;
	for (n = 0; n < a->pieces; n++, key.offset++) {
		err = vex_item_find(fs, &key, piece_len(a, name_len, n), &path);
		if (err)
			return err == -ENOENT ?
				vex_damaged(fs, fs->root_block, "extended attribute with a gap") :
				err;
		a->leaves += path.node[0]->block != last;
		last = path.node[0]->block;
		vex_path_release(fs, &path);
	}
	return 0;
}

/**
 * struct change - an attribute in the making
 * @name: its name
 * @value: of @len bytes; NULL: it is removed
 * @len: of @value
 * @flags: VEX_XATTR_*
 * @ino: whose attribute
 */
struct change {
	const struct vex_name *name;
	const u8 *value;
	u32 len;
	u32 flags;
	u64 ino;
};

/* Insert piece @n at its key, whose place was touched. */
static noinline_for_stack
int piece_insert(struct vex_fs *fs, const struct vex_key *at, const struct change *c, u32 n)
{
	struct vex_key key = vex_key(at->ino, at->type, at->offset + n);
	u32 skip = attr_bytes(c->name->len, 0);
	u32 len = min(skip + c->len - n * VEXFS_XATTR_CHUNK, VEXFS_XATTR_CHUNK);
	struct vexfs_xattr_item *head;
	struct vex_path path;
	int err;

	err = vex_tree_insert(fs, &key, len, &path);
	if (err)
		return err;
	head = vex_path_data(&path);
	if (n) {
		memcpy(head, c->value + n * VEXFS_XATTR_CHUNK - skip, len);
	} else {
		head->value_len = cpu_to_le32(c->len);
		head->name_len = c->name->len;
		memcpy(head + 1, c->name->str, c->name->len);
		memcpy((u8 *)head + skip, c->value, len - skip);
	}
	vex_path_release(fs, &path);
	return 0;
}

static int pieces_insert(struct vex_fs *fs, const struct vex_key *at, const struct change *c)
{
	u32 pieces = pieces_of(c->name->len, c->len);
	int err = 0;
	u32 n;

	for (n = 0; n < pieces && !err; n++)
		err = piece_insert(fs, at, c, n);
	return err;
}

static int pieces_delete(struct vex_fs *fs, const struct attr *a)
{
	struct vex_key key = a->key;
	int err = 0;
	u32 n;

	for (n = 0; n < a->pieces && !err; n++, key.offset++)
		err = vex_delete_key(fs, &key);
	return err;
}

/* An inode that was touched has changed. */
static noinline_for_stack
int inode_changed(struct vex_fs *fs, u64 ino)
{
	struct vexfs_inode_item *item;
	struct vex_path path;
	int err;

	err = vex_inode_touch(fs, ino, &path);
	if (err)
		return err;
	item = vex_path_data(&path);
	item->ctime = vex_time_pack(vex_now(fs));
	vex_path_release(fs, &path);
	return 0;
}

/* Find what is there, and whether the change may be; counts its leaves. */
static noinline_for_stack
int change_check(struct vex_fs *fs, const struct change *c, struct attr *a)
{
	int err = attr_open(fs, c->ino, c->name, a);

	if (err)
		return err;
	if (a->key.type)
		err = c->flags & VEX_XATTR_CREATE ? -EEXIST : pieces_count(fs, a, c->name->len);
	else if (c->flags & VEX_XATTR_REPLACE)
		err = -ENODATA;
	return err || !c->value || a->free.type ? err : -ENOSPC;
}

/* Room for the leaves of the run, and for a path each to it, its inner nodes and the inode. */
static int change_room(struct vex_fs *fs, const struct change *c, const struct attr *a)
{
	u32 per_path = fs->root_level + 2;
	u32 nodes = c->value ? 2 * per_path + pieces_of(c->name->len, c->len) : 0;

	return vex_txn_more(fs, nodes, a->leaves + 4 * per_path, 0,
			    c->value ? 0 : VEX_TXN_URGENT);
}

/* -EAGAIN: there is no room. */
static noinline_for_stack
int change_locked(struct vex_fs *fs, const struct change *c)
{
	struct vex_key inode = vex_inode_key(c->ino);
	struct attr a;
	int err;

	err = change_check(fs, c, &a);
	if (!err)
		err = change_room(fs, c, &a);
	if (err)
		return err;
	err = vex_touch_key(fs, &inode);
	if (!err && c->value)
		err = vex_touch_key(fs, &a.free);
	if (!err)
		err = pieces_touch(fs, &a);
	if (err)
		return err;
	if (c->value)
		err = pieces_insert(fs, &a.free, c);
	if (!err)
		err = pieces_delete(fs, &a);
	if (!err)
		err = inode_changed(fs, c->ino);
	return vex_must(fs, err);
}

static int change_make(struct vex_fs *fs, const struct change *c)
{
	u32 tries = 0;
	int err;

	do {
		err = vex_txn_begin(fs, 0, 0, 0, c->value ? 0 : VEX_TXN_URGENT);
		if (err)
			return err;
		err = change_locked(fs, c);
		vex_txn_end(fs);
	} while (vex_txn_again(fs, &err, &tries));
	return err;
}

int vex_xattr_set(struct vex_fs *fs, u64 ino, const struct vex_name *name, const void *value,
		  size_t len, u32 flags)
{
	struct change c = { .name = name, .value = value, .len = len, .flags = flags, .ino = ino };
	int err = name_check(fs, name);

	if (err)
		return err;
	if (flags & ~(VEX_XATTR_CREATE | VEX_XATTR_REPLACE))
		return -EINVAL;
	if (len > VEXFS_XATTR_VALUE_MAX)
		return -E2BIG;
	/* Nothing is a value, too. */
	if (!value)
		c.value = (const u8 *)name->str;
	return change_make(fs, &c);
}

int vex_xattr_remove(struct vex_fs *fs, u64 ino, const struct vex_name *name)
{
	struct change c = { .name = name, .flags = VEX_XATTR_REPLACE, .ino = ino };
	int err = name_check(fs, name);

	return err ? err : change_make(fs, &c);
}

/* Append a name to the list, when it is to be seen and fits. */
static int list_name(const struct vexfs_xattr_item *head, const char *hide, char *buf,
		     size_t len, size_t *done)
{
	const char *name = (const char *)(head + 1);
	size_t hidden = hide ? strlen(hide) : 0;

	if (hidden && head->name_len >= hidden && !memcmp(name, hide, hidden))
		return 0;
	if (len) {
		if (len - *done < head->name_len + 1u)
			return -ERANGE;
		memcpy(buf + *done, name, head->name_len);
		buf[*done + head->name_len] = 0;
	}
	*done += head->name_len + 1u;
	return 0;
}

static noinline_for_stack
int list_locked(struct vex_fs *fs, u64 ino, const char *hide, char *buf, size_t len,
		size_t *done)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_XATTR, 0);
	struct vex_path path;
	int err;

	do {
		err = seek(fs, &key, ~0ULL, &path);
		if (!err)
			err = list_name(vex_path_data(&path), hide, buf, len, done);
		vex_path_release(fs, &path);
		key.offset = next_slot(key.offset);
	} while (!err && key.offset);
	return err == -ENOENT ? 0 : err;
}

int vex_xattr_list(struct vex_fs *fs, u64 ino, const char *hide, char *buf, size_t len,
		   size_t *done)
{
	struct vex_brief node;
	int err;

	*done = 0;
	if (!vex_has_feature(fs, VEXFS_FEATURE_XATTR))
		return -EOPNOTSUPP;
	vex_read_lock(&fs->lock);
	err = vex_inode_load(fs, ino, &node);
	if (!err)
		err = list_locked(fs, ino, hide, buf, len, done);
	vex_read_unlock(&fs->lock);
	return err;
}

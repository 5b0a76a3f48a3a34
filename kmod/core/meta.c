// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Metadata of rows in the tree: set, get, and drop with the row.
 *
 * One item a row, so a change of many rows edits many leaves. What the edits can need is
 * counted before the first of them: all places are looked up, in key order; a leaf splits at most
 * once for each item that is stored; and an inner node that was split has room for some fifty
 * children before it is full again. Then the leaves are touched, and from there nothing fails.
 */
#include "vex_meta.h"

/**
 * struct meta_row - the metadata of one row, to be stored
 * @id: the row
 * @add: its record in the batch
 * @add_len: bytes of it
 * @rec: what is to be stored: the same, or merged in the arena
 * @len: bytes of it; 0: the row is to have none
 * @pos: position in the batch
 * @exists: it has some now
 */
struct meta_row {
	u64 id;
	const u8 *add;
	const u8 *rec;
	u32 add_len;
	u32 len;
	u32 pos;
	bool exists;
};

/* Tree nodes on the way to keys that are looked at in ascending order. */
struct meta_count {
	u64 seen[VEXFS_MAX_LEVEL];
	u32 leaves;
	u32 inner;
};

/**
 * struct vex_meta_txn - the metadata of one transaction
 * @rows: by id
 * @count: of them
 * @fresh: the rows are new; numbered when it is known from where
 * @merge: what is there stays where the batch does not name it
 * @arena: room for the merged records, VEX_META_MAX bytes each
 * @nodes: what the changes touch
 */
struct vex_meta_txn {
	struct meta_row *rows;
	u32 count;
	bool fresh;
	bool merge;
	u8 *arena;
	struct meta_count nodes;
};

static struct vex_key meta_key(u64 ino, u64 row)
{
	return vex_key(ino, VEXFS_ITEM_META, row);
}

/* Children that an inner node takes between two splits, at the least. */
#define SPLIT_ROOM	(VEX_CHILD_MAX / 2 - 1)

static void count_path(struct meta_count *c, const struct vex_path *path)
{
	u32 level;

	for (level = 0; level < path->levels; level++) {
		if (c->seen[level] == path->node[level]->block)
			continue;
		c->seen[level] = path->node[level]->block;
		if (level)
			c->inner++;
		else
			c->leaves++;
	}
}

/* ---- open: the batch ------------------------------------------------------- */

/* Cut the batch into records and check each. */
static int batch_parse(struct vex_meta_txn *t, struct vex_rows *r)
{
	const u8 *at = r->meta;
	const u8 *end = at + r->meta_len;
	u32 i;

	for (i = 0; i < r->count; i++) {
		struct meta_row *row = &t->rows[i];

		r->bad_row = i;
		if (end - at < 4)
			return -EBADMSG;
		row->add_len = get_unaligned_le32(at);
		at += 4;
		if (row->add_len > (size_t)(end - at) ||
		    vex_meta_check(at, row->add_len, t->merge))
			return -EBADMSG;
		row->add = at;
		row->pos = i;
		row->id = t->fresh ? 0 : r->ids[i];
		at += row->add_len;
	}
	return at == end ? 0 : -EINVAL;
}

static int row_cmp(const void *a, const void *b)
{
	u64 x = ((const struct meta_row *)a)->id;
	u64 y = ((const struct meta_row *)b)->id;

	return x < y ? -1 : x > y;
}

static int batch_sort(struct vex_meta_txn *t)
{
	u32 i;

	sort(t->rows, t->count, sizeof(*t->rows), row_cmp, NULL);
	for (i = 1; i < t->count; i++)
		if (t->rows[i].id == t->rows[i - 1].id)
			return -EINVAL;
	return 0;
}

int vex_meta_open(struct vex_rows *r, struct vex_meta_txn **out)
{
	struct vex_meta_txn *t;
	int err = -ENOMEM;

	*out = NULL;
	if (!r->meta)
		return 0;
	if (!r->count || r->flags & ~VEXFS_META_MERGE)
		return -EINVAL;
	if (r->count > VEXFS_MAX_META || r->meta_len > VEXFS_MAX_BATCH)
		return -E2BIG;
	t = vex_zalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->count = r->count;
	t->fresh = !r->ids;
	t->merge = r->flags & VEXFS_META_MERGE;
	t->rows = vex_zalloc(t->count * sizeof(*t->rows));
	if (t->merge)
		t->arena = vex_alloc(t->count * VEX_META_MAX);
	if (t->rows && (t->arena || !t->merge))
		err = batch_parse(t, r);
	if (!err && r->ids)
		err = batch_sort(t);
	if (err)
		vex_meta_close(t);
	else
		*out = t;
	return err;
}

void vex_meta_close(struct vex_meta_txn *t)
{
	if (!t)
		return;
	vex_free(t->arena);
	vex_free(t->rows);
	vex_free(t);
}

/* ---- prepare: all that can fail ---------------------------------------------- */

/* The row's record as it is on the device; the caller holds @path. */
static int stored_check(struct vex_fs *fs, const struct vex_path *path)
{
	if (!vex_path_len(path) || vex_meta_check(vex_path_data(path), vex_path_len(path), false))
		return vex_damaged(fs, path->node[0]->block, "malformed metadata of a row");
	return 0;
}

/* Find the row's item, merge, count. */
static noinline_for_stack
int row_plan(struct vex_fs *fs, u64 ino, struct vex_meta_txn *t, u32 i)
{
	struct meta_row *row = &t->rows[i];
	struct vex_key key = meta_key(ino, row->id);
	u8 *merged = t->merge ? t->arena + i * VEX_META_MAX : NULL;
	struct vex_path path;
	int err;

	err = vex_tree_find(fs, &key, &path);
	if (err && err != -ENOENT)
		return err;
	row->exists = !err;
	row->rec = row->add;
	row->len = row->add_len;
	err = row->exists ? stored_check(fs, &path) : 0;
	if (!err && t->merge) {
		/* No bytes of what is added stand for no record. */
		err = vex_meta_merge(row->exists ? vex_path_data(&path) : row->add,
				     row->exists ? vex_path_len(&path) : 0,
				     row->add, row->add_len, merged);
		if (err >= 0) {
			row->rec = merged;
			row->len = err;
			err = 0;
		}
	}
	if (row->exists || row->len)
		count_path(&t->nodes, &path);
	vex_path_release(fs, &path);
	return err;
}

static int rows_touch(struct vex_fs *fs, u64 ino, const struct vex_meta_txn *t)
{
	u32 i;
	int err;

	for (i = 0; i < t->count; i++) {
		const struct meta_row *row = &t->rows[i];
		struct vex_key key = meta_key(ino, row->id);

		if (!row->exists && !row->len)
			continue;
		err = vex_touch_key(fs, &key);
		if (err)
			return err;
	}
	return 0;
}

int vex_meta_prepare(struct vex_fs *fs, u64 ino, struct vex_meta_txn *t, u64 first, u64 data,
		     u64 *bad_row)
{
	struct meta_count *n;
	u32 stored = 0;
	u32 nodes, i;
	int err;

	if (!t)
		return 0;
	if (!vex_has_feature(fs, VEXFS_FEATURE_ROW_META))
		return -EOPNOTSUPP;
	n = &t->nodes;
	memset(n, 0, sizeof(*n));
	for (i = 0; i < t->count; i++) {
		if (t->fresh)
			t->rows[i].id = first + i;
		err = row_plan(fs, ino, t, i);
		if (err == -EBADMSG)
			*bad_row = t->rows[i].pos;
		if (err)
			return err;
		stored += !!t->rows[i].len;
	}
	nodes = stored + n->inner + VEXFS_MAX_LEVEL * (stored / SPLIT_ROOM + 1);
	err = vex_txn_more(fs, stored ? nodes : 0,
			   n->leaves + n->inner + vex_coll_copies(fs), data, 0);
	return err ? err : rows_touch(fs, ino, t);
}

/* ---- apply ------------------------------------------------------------------- */

static noinline_for_stack
int row_store(struct vex_fs *fs, u64 ino, const struct meta_row *row)
{
	struct vex_key key = meta_key(ino, row->id);
	struct vex_path path;
	int err;

	err = vex_tree_replace(fs, &key, row->len, &path);
	if (err)
		return err;
	memcpy(vex_path_data(&path), row->rec, row->len);
	vex_path_release(fs, &path);
	return 0;
}

int vex_meta_apply(struct vex_fs *fs, u64 ino, struct vex_meta_txn *t)
{
	int err = 0;
	u32 i;

	if (!t)
		return 0;
	/* Deletions merge nodes; splits were counted without that, so they come first. */
	for (i = 0; i < t->count && !err; i++)
		if (t->rows[i].len)
			err = row_store(fs, ino, &t->rows[i]);
	for (i = 0; i < t->count && !err; i++) {
		struct vex_key key = meta_key(ino, t->rows[i].id);

		if (!t->rows[i].len && t->rows[i].exists)
			err = vex_delete_key(fs, &key);
	}
	return err;
}

/* ---- set ----------------------------------------------------------------------- */

static noinline_for_stack
int set_locked(struct vex_fs *fs, u64 ino, struct vex_rows *r, struct vex_meta_txn *t)
{
	struct vex_coll c;
	u32 bad = 0;
	int err;

	err = vex_coll_load(fs, ino, &c);
	if (!err)
		err = vex_rows_live(fs, ino, &c, r->ids, r->count, &bad);
	if (err == -ENOENT)
		r->bad_row = bad;
	if (!err)
		err = vex_meta_prepare(fs, ino, t, 0, 0, &r->bad_row);
	if (!err)
		err = vex_coll_touch(fs, ino);
	if (err)
		return err;
	err = vex_meta_apply(fs, ino, t);
	if (!err)
		err = vex_coll_stamp(fs, ino, false);
	return vex_must(fs, err);
}

/**
 * vex_meta_set() - change the metadata of rows
 * @fs: filesystem
 * @ino: collection
 * @r: @ids, @count, @meta and @flags; @rows and @dim are not looked at
 *
 * Return: 0, or as VEXFS_IOC_META_SET; -EOPNOTSUPP the filesystem was made without the
 * feature. Then nothing has changed.
 */
int vex_meta_set(struct vex_fs *fs, u64 ino, struct vex_rows *r)
{
	struct vex_meta_txn *t;
	u32 tries = 0;
	int err;

	err = vex_component_need(fs, VEXFS_COMPONENT_METADATA);
	if (err)
		return err;
	if (!r->ids || !r->meta)
		return -EINVAL;
	err = vex_meta_open(r, &t);
	if (err)
		return err;
	do {
		err = vex_txn_begin(fs, 0, 2, 0, 0);
		if (err)
			break;
		err = set_locked(fs, ino, r, t);
		vex_txn_end(fs);
	} while (vex_txn_again(fs, &err, &tries));
	vex_meta_close(t);
	return err;
}

/* ---- get ----------------------------------------------------------------------- */

/* Append one row's record, if it fits; *@used grows in any case. */
static noinline_for_stack
int get_one(struct vex_fs *fs, u64 ino, u64 row, u8 *buf, size_t len, size_t *used)
{
	struct vex_key key = meta_key(ino, row);
	struct vex_path path;
	bool exists;
	u32 n = 0;
	int err;

	err = vex_tree_find(fs, &key, &path);
	if (err && err != -ENOENT)
		return err;
	exists = !err;
	err = exists ? stored_check(fs, &path) : 0;
	if (exists)
		n = vex_path_len(&path);
	if (!err && *used + 4 + n <= len) {
		put_unaligned_le32(n, buf + *used);
		if (n)
			memcpy(buf + *used + 4, vex_path_data(&path), n);
	}
	*used += 4 + n;
	vex_path_release(fs, &path);
	return err;
}

/**
 * vex_meta_get() - copy the metadata of rows out
 * @fs: filesystem
 * @ino: collection
 * @ids: which rows
 * @count: 1 to VEXFS_MAX_META
 * @buf: receives a record each, behind its length
 * @len: bytes at @buf
 * @used: receives the bytes that the records take
 * @bad_row: receives the position of an id that is no live row, with -ENOENT
 *
 * Return: 0, or as VEXFS_IOC_META_GET.
 */
int vex_meta_get(struct vex_fs *fs, u64 ino, const u64 *ids, u32 count, void *buf, size_t len,
		 size_t *used, u64 *bad_row)
{
	struct vex_coll c;
	u32 bad = 0;
	u32 i;
	int err;

	*used = 0;
	err = vex_component_need(fs, VEXFS_COMPONENT_METADATA);
	if (err)
		return err;
	if (!count)
		return -EINVAL;
	if (count > VEXFS_MAX_META)
		return -E2BIG;
	vex_read_lock(&fs->lock);
	err = vex_coll_load(fs, ino, &c);
	if (!err)
		err = vex_rows_live(fs, ino, &c, ids, count, &bad);
	if (err == -ENOENT)
		*bad_row = bad;
	for (i = 0; i < count && !err; i++) {
		err = get_one(fs, ino, ids[i], buf, len, used);
		if (!err && vex_interrupted())
			err = -EINTR;
	}
	vex_read_unlock(&fs->lock);
	return !err && *used > len ? -ERANGE : err;
}

noinline_for_stack
int vex_meta_next_row(struct vex_fs *fs, u64 ino, u64 from, u64 *row)
{
	struct vex_key key = meta_key(ino, from);
	struct vex_path path;
	int err;

	err = vex_tree_seek(fs, &key, &path);
	if (!err) {
		vex_path_key(&path, &key);
		if (key.ino != ino || key.type != VEXFS_ITEM_META)
			err = -ENOENT;
	}
	*row = key.offset;
	vex_path_release(fs, &path);
	return err;
}

/* ---- drop: with the row ---------------------------------------------------------- */

/* Count the way to a row's item. */
static noinline_for_stack
int drop_count(struct vex_fs *fs, u64 ino, u64 row, struct meta_count *n)
{
	struct vex_key key = meta_key(ino, row);
	struct vex_path path;
	int err;

	err = vex_tree_find(fs, &key, &path);
	if (!err)
		count_path(n, &path);
	vex_path_release(fs, &path);
	return err;
}

/* Mark those of the sorted @ids that have metadata; skips from item to item. */
static noinline_for_stack
int drop_find(struct vex_fs *fs, u64 ino, const u64 *ids, u32 count, u8 *found, u32 *copies)
{
	struct meta_count n = { };
	u64 row;
	u32 i = 0;
	int err = 0;

	memset(found, 0, DIV_ROUND_UP(count, 8u));
	while (i < count && !err) {
		err = vex_meta_next_row(fs, ino, ids[i], &row);
		if (err)
			break;
		while (i < count && ids[i] < row)
			i++;
		if (i == count || ids[i] != row)
			continue;
		err = drop_count(fs, ino, row, &n);
		if (!err && n.leaves + n.inner > VEX_META_DROP_NODES)
			err = -E2BIG;
		vex_bit_set(found, i);
		i++;
	}
	*copies = n.leaves + n.inner;
	return err == -ENOENT ? 0 : err;
}

int vex_meta_drop_prepare(struct vex_fs *fs, u64 ino, const u64 *ids, u32 count, u8 *found,
			  u32 more)
{
	u32 per_path = fs->root_level + 2;
	u32 copies, i;
	int err;

	err = drop_find(fs, ino, ids, count, found, &copies);
	if (err || !copies)
		return err;
	err = vex_txn_more(fs, more * per_path,
			   copies + more * (per_path + 1) + vex_coll_copies(fs), 0,
			   VEX_TXN_URGENT);
	for (i = 0; i < count && !err; i++) {
		struct vex_key key = meta_key(ino, ids[i]);

		if (vex_bit_test(found, i))
			err = vex_touch_key(fs, &key);
	}
	return err;
}

int vex_meta_drop(struct vex_fs *fs, u64 ino, const u64 *ids, u32 count, const u8 *found)
{
	int err = 0;
	u32 i;

	for (i = 0; i < count && !err; i++) {
		struct vex_key key = meta_key(ino, ids[i]);

		if (vex_bit_test(found, i))
			err = vex_delete_key(fs, &key);
	}
	return err;
}

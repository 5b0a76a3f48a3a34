// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Deleted rows: one bit each in the tomb bitmaps of a collection.
 *
 * A deletion also drops the rows' metadata, in the same transaction.
 */
#include "vex_hnsw.h"
#include "vex_meta.h"

int vex_tomb_load(struct vex_fs *fs, u64 ino, u64 group, u8 *bits)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_TOMB, group);
	struct vex_path path;
	int err;

	err = vex_item_find(fs, &key, VEXFS_TOMB_BYTES, &path);
	if (err)
		return err == -ENOENT ? 0 : err;
	memcpy(bits, vex_path_data(&path), VEXFS_TOMB_BYTES);
	vex_path_release(fs, &path);
	return 1;
}

int vex_row_dead(struct vex_fs *fs, u64 ino, u64 id)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_TOMB, id / VEXFS_TOMB_ROWS);
	struct vex_path path;
	int dead, err;

	err = vex_item_find(fs, &key, VEXFS_TOMB_BYTES, &path);
	if (err)
		return err == -ENOENT ? 0 : err;
	dead = vex_bit_test(vex_path_data(&path), id % VEXFS_TOMB_ROWS);
	vex_path_release(fs, &path);
	return dead;
}

int vex_row_live(struct vex_fs *fs, u64 ino, const struct vex_coll *c, u64 id)
{
	int dead;

	if (id >= c->rows)
		return 0;
	if (c->live == c->rows)
		return 1;
	dead = vex_row_dead(fs, ino, id);
	return dead < 0 ? dead : !dead;
}

static int id_cmp(const void *a, const void *b)
{
	u64 x = *(const u64 *)a;
	u64 y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/* See that each tomb bitmap of sorted @ids exists and is touched. */
static noinline_for_stack
int tombs_touch(struct vex_fs *fs, u64 ino, const u64 *ids, u32 count)
{
	struct vex_path path;
	struct vex_key key;
	u64 last = ~0ULL;
	u32 i;
	int err;

	for (i = 0; i < count; i++) {
		key = vex_key(ino, VEXFS_ITEM_TOMB, ids[i] / VEXFS_TOMB_ROWS);
		if (key.offset == last)
			continue;
		last = key.offset;
		err = vex_item_touch(fs, &key, VEXFS_TOMB_BYTES, &path);
		if (err == -ENOENT)
			err = vex_tree_insert(fs, &key, VEXFS_TOMB_BYTES, &path);
		if (err)
			return err;
		vex_path_release(fs, &path);
	}
	return 0;
}

static noinline_for_stack
int tombs_set(struct vex_fs *fs, u64 ino, const u64 *ids, u32 count)
{
	struct vex_path path;
	struct vex_key key;
	u32 i, bit;
	int err;
	u8 *bits;

	for (i = 0; i < count; i++) {
		key = vex_key(ino, VEXFS_ITEM_TOMB, ids[i] / VEXFS_TOMB_ROWS);
		bit = ids[i] % VEXFS_TOMB_ROWS;
		err = vex_item_touch(fs, &key, VEXFS_TOMB_BYTES, &path);
		if (err)
			return err;
		bits = vex_path_data(&path);
		vex_bit_set(bits, bit);
		vex_path_release(fs, &path);
	}
	return 0;
}

int vex_rows_live(struct vex_fs *fs, u64 ino, const struct vex_coll *c, const u64 *ids, u32 count,
		  u32 *bad)
{
	u32 i;

	for (i = 0; i < count; i++) {
		int live = vex_row_live(fs, ino, c, ids[i]);

		if (live < 0)
			return live;
		if (!live) {
			*bad = i;
			return -ENOENT;
		}
	}
	return 0;
}

/* Tomb bitmaps that sorted @ids fall into. */
static u32 tombs_count(const u64 *ids, u32 count)
{
	u32 n = 1;
	u32 i;

	for (i = 1; i < count; i++)
		n += ids[i] / VEXFS_TOMB_ROWS != ids[i - 1] / VEXFS_TOMB_ROWS;
	return n;
}

/* Load, check and touch: all that can fail of a deletion. */
static noinline_for_stack
int delete_prepare(struct vex_fs *fs, u64 ino, const u64 *ids, u32 count, u8 *found,
		   struct vex_coll *c, u64 *bad_id)
{
	u32 tombs = tombs_count(ids, count);
	u32 bad = 0;
	int err;

	err = vex_coll_load(fs, ino, c);
	if (!err)
		err = vex_rows_live(fs, ino, c, ids, count, &bad);
	if (err == -ENOENT)
		*bad_id = ids[bad];
	if (!err)
		err = vex_meta_drop_prepare(fs, ino, ids, count, found, tombs);
	if (!err)
		err = vex_coll_touch(fs, ino);
	return err ? err : tombs_touch(fs, ino, ids, count);
}

static noinline_for_stack
int delete_locked(struct vex_fs *fs, u64 ino, const u64 *ids, u32 count, u8 *found,
		  struct vex_coll *c, u64 *bad_id)
{
	int err;

	err = delete_prepare(fs, ino, ids, count, found, c, bad_id);
	if (err)
		return err;
	err = tombs_set(fs, ino, ids, count);
	if (!err)
		err = vex_coll_store(fs, ino, c->rows, c->live - count, c->rows * c->row_bytes);
	if (!err)
		err = vex_meta_drop(fs, ino, ids, count, found);
	return vex_must(fs, err);
}

/**
 * vex_coll_delete() - delete rows by id, and their metadata
 * @fs: filesystem
 * @ino: collection
 * @ids: which; sorted in place
 * @count: 1 to VEXFS_MAX_IDS
 * @bad_id: receives an id that is no live row, with -ENOENT
 *
 * Return: 0, or as VEXFS_IOC_DELETE; then no row was deleted.
 */
int vex_coll_delete(struct vex_fs *fs, u64 ino, u64 *ids, u32 count, u64 *bad_id)
{
	struct vex_coll c;
	u32 tries = 0;
	u8 *found;
	u32 i;
	int err;

	if (!count || count > VEXFS_MAX_IDS)
		return -EINVAL;
	sort(ids, count, sizeof(*ids), id_cmp, NULL);
	for (i = 1; i < count; i++)
		if (ids[i] == ids[i - 1])
			return -EINVAL;
	found = vex_alloc(DIV_ROUND_UP(count, 8u));
	if (!found)
		return -ENOMEM;
	do {
		err = vex_txn_begin(fs, tombs_count(ids, count), 2, 0, VEX_TXN_URGENT);
		if (err)
			break;
		err = delete_locked(fs, ino, ids, count, found, &c, bad_id);
		vex_txn_end(fs);
	} while (vex_txn_again(fs, &err, &tries));
	vex_free(found);
	/* When there are many, the index leads around them. */
	if (!err && c.index != VEXFS_INDEX_FLAT)
		vex_hnsw_grow(fs, ino);
	return err;
}

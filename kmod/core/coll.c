// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Collections: a file as a matrix of rows, and the rows that were deleted.
 *
 * Row n lies at byte n * row_bytes of the file. A deleted row keeps its place and its
 * id; a bit in a tomb bitmap hides it.
 */
#include "vex_index.h"

static struct vex_key coll_key(u64 ino)
{
	return vex_key(ino, VEXFS_ITEM_COLL, 0);
}

static u32 elem_bytes(u32 elem)
{
	return elem == VEXFS_ELEM_F32 ? 4 : 0;
}

/* Are these attributes ones that this core serves? */
static bool coll_served(const struct vex_coll *c)
{
	return c->elem < 32 && VEX_ELEMS_SERVED & (1u << c->elem) &&
	       c->metric < 32 && VEX_METRICS_SERVED & (1u << c->metric) &&
	       c->dim && c->dim <= VEXFS_MAX_DIM && vex_index_ops(c->index);
}

int vex_coll_load(struct vex_fs *fs, u64 ino, struct vex_coll *out)
{
	struct vex_key key = coll_key(ino);
	const struct vexfs_coll_item *item;
	struct vex_brief inode;
	struct vex_path path;
	int err;

	err = vex_inode_load(fs, ino, &inode);
	if (err)
		return err;
	if (!(inode.flags & VEXFS_INODE_COLL))
		return -ENODATA;
	err = vex_item_find(fs, &key, sizeof(*item), &path);
	if (err == -ENOENT)
		return vex_damaged(fs, fs->root_block, "collection without attributes");
	if (err)
		return err;
	item = vex_path_data(&path);
	out->elem = item->elem;
	out->metric = item->metric;
	out->index = item->index;
	out->dim = le32_to_cpu(item->dim);
	out->rows = le64_to_cpu(item->rows);
	out->live = le64_to_cpu(item->live);
	out->row_bytes = out->dim * elem_bytes(out->elem);
	out->blocks = inode.blocks;
	if (!coll_served(out) || out->live > out->rows || out->rows > S64_MAX / out->row_bytes ||
	    out->rows * out->row_bytes != inode.size)
		err = vex_damaged(fs, path.node[0]->block, "collection with impossible attributes");
	vex_path_release(fs, &path);
	return err;
}

int vex_coll_stat(struct vex_fs *fs, u64 ino, struct vex_coll *out)
{
	int err;

	vex_read_lock(&fs->lock);
	err = vex_coll_load(fs, ino, out);
	vex_read_unlock(&fs->lock);
	return err;
}

static noinline_for_stack
int create_locked(struct vex_fs *fs, u64 ino, const struct vex_coll *c)
{
	struct vex_key key = coll_key(ino);
	struct vexfs_inode_item *inode_item;
	struct vexfs_coll_item *item;
	struct vex_brief inode;
	struct vex_path path;
	int err;

	err = vex_inode_load(fs, ino, &inode);
	if (err)
		return err;
	if (!S_ISREG(inode.mode))
		return -ENOTTY;
	if (inode.flags & VEXFS_INODE_COLL)
		return -EEXIST;
	if (inode.size || inode.blocks)
		return -ENOTEMPTY;
	err = vex_touch_key(fs, &key);
	if (!err)
		err = vex_inode_touch(fs, ino, &path);
	if (err)
		return err;
	inode_item = vex_path_data(&path);
	inode_item->flags = cpu_to_le32(inode.flags | VEXFS_INODE_COLL);
	inode_item->ctime = vex_time_pack(vex_now(fs));
	vex_path_release(fs, &path);

	err = vex_must(fs, vex_tree_insert(fs, &key, sizeof(*item), &path));
	if (err)
		return err;
	item = vex_path_data(&path);
	item->elem = c->elem;
	item->metric = c->metric;
	item->index = c->index;
	item->dim = cpu_to_le32(c->dim);
	vex_path_release(fs, &path);
	/* What was cached of the empty file. */
	vex_seg_forget(fs, ino, 0);
	return 0;
}

/**
 * vex_coll_create() - turn an empty regular file into a collection
 * @fs: filesystem
 * @ino: the file
 * @c: elem, metric, index and dim
 *
 * Return: 0, or as VEXFS_IOC_CREATE.
 */
int vex_coll_create(struct vex_fs *fs, u64 ino, const struct vex_coll *c)
{
	int err;

	if (!coll_served(c))
		return -EINVAL;
	err = vex_txn_begin(fs, 1, 1, 0, 0);
	if (err)
		return err;
	err = create_locked(fs, ino, c);
	vex_txn_end(fs);
	return err;
}

/* Change the counts of a collection, and its file's size; both were touched. */
static noinline_for_stack
int coll_update(struct vex_fs *fs, u64 ino, u64 rows, u64 live, u64 size)
{
	struct vex_key key = coll_key(ino);
	struct vexfs_inode_item *inode;
	struct vexfs_coll_item *item;
	struct vex_path path;
	int err;

	err = vex_item_touch(fs, &key, sizeof(*item), &path);
	if (err)
		return err;
	item = vex_path_data(&path);
	item->rows = cpu_to_le64(rows);
	item->live = cpu_to_le64(live);
	vex_path_release(fs, &path);
	err = vex_inode_touch(fs, ino, &path);
	if (err)
		return err;
	inode = vex_path_data(&path);
	inode->size = cpu_to_le64(size);
	inode->mtime = vex_time_pack(vex_now(fs));
	inode->ctime = inode->mtime;
	vex_path_release(fs, &path);
	return 0;
}

static int coll_touch(struct vex_fs *fs, u64 ino)
{
	struct vex_key inode = vex_key(ino, VEXFS_ITEM_INODE, 0);
	struct vex_key coll = coll_key(ino);
	int err = vex_touch_key(fs, &inode);

	return err ? err : vex_touch_key(fs, &coll);
}

static noinline_for_stack
int insert_locked(struct vex_fs *fs, u64 ino, const void *rows, u32 count, u32 dim,
		  u64 *first_id)
{
	struct vex_file_span span;
	struct vex_coll c;
	u64 size;
	size_t len;
	int err;

	err = vex_coll_load(fs, ino, &c);
	if (err)
		return err;
	if (c.dim != dim)
		return -EINVAL;
	size = c.rows * c.row_bytes;
	len = (size_t)count * c.row_bytes;
	if (len > S64_MAX - size)
		return -EFBIG;
	err = coll_touch(fs, ino);
	if (!err)
		err = vex_span_open(fs, ino, size, size, len, &span);
	if (err)
		return err;
	vex_span_store(fs, &span, rows);
	vex_span_close(fs, &span);
	*first_id = c.rows;
	return vex_must(fs, coll_update(fs, ino, c.rows + count, c.live + count, size + len));
}

/**
 * vex_coll_insert() - append rows
 * @fs: filesystem
 * @ino: collection
 * @rows: @count packed rows
 * @count: at least 1; at most VEXFS_MAX_BATCH bytes
 * @dim: elements of a row, as the caller believes
 * @first_id: receives the id of the first
 * @bad_row: receives the position of a row with NaN or an infinity, with -EDOM
 *
 * Return: 0, or as VEXFS_IOC_INSERT; then no row was inserted.
 */
int vex_coll_insert(struct vex_fs *fs, u64 ino, const void *rows, u32 count, u32 dim,
		    u64 *first_id, u64 *bad_row)
{
	u64 elems = (u64)count * dim;
	u64 bad;
	int err;

	if (!count || !dim || dim > VEXFS_MAX_DIM)
		return -EINVAL;
	if (elems * 4 > VEXFS_MAX_BATCH)
		return -E2BIG;
	bad = vex_f32_find_nonfinite(rows, elems);
	if (bad < elems) {
		*bad_row = div_u64(bad, dim);
		return -EDOM;
	}
	err = vex_txn_begin(fs, 0, 2, vex_span_blocks(VEXFS_BLOCK_SIZE - 1, elems * 4), 0);
	if (err)
		return err;
	if (fs->seg_dirty_bytes > fs->cache_limit / 4)
		err = vex_seg_flush(fs);
	if (!err)
		err = insert_locked(fs, ino, rows, count, dim, first_id);
	vex_txn_end(fs);
	return err;
}

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

/* Is this row there? 1 yes, 0 no, or an error. */
static noinline_for_stack
int row_live(struct vex_fs *fs, u64 ino, const struct vex_coll *c, u64 id)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_TOMB, id / VEXFS_TOMB_ROWS);
	u32 bit = id % VEXFS_TOMB_ROWS;
	struct vex_path path;
	const u8 *bits;
	int live, err;

	if (id >= c->rows)
		return 0;
	if (c->live == c->rows)
		return 1;
	err = vex_item_find(fs, &key, VEXFS_TOMB_BYTES, &path);
	if (err)
		return err == -ENOENT ? 1 : err;
	bits = vex_path_data(&path);
	live = !(bits[bit / 8] & (1u << (bit & 7)));
	vex_path_release(fs, &path);
	return live;
}

static int rows_check_live(struct vex_fs *fs, u64 ino, const struct vex_coll *c, const u64 *ids,
			   u32 count, u64 *bad_id)
{
	u32 i;

	for (i = 0; i < count; i++) {
		int live = row_live(fs, ino, c, ids[i]);

		if (live < 0)
			return live;
		if (!live) {
			*bad_id = ids[i];
			return -ENOENT;
		}
	}
	return 0;
}

int vex_coll_get(struct vex_fs *fs, u64 ino, const u64 *ids, u32 count, u32 dim, void *rows,
		 u64 *bad_id)
{
	struct vex_coll c;
	u8 *to = rows;
	int err;
	u32 i;

	if (!count || count > VEXFS_MAX_IDS)
		return -EINVAL;
	vex_read_lock(&fs->lock);
	err = vex_coll_load(fs, ino, &c);
	if (!err && c.dim != dim)
		err = -EINVAL;
	if (!err)
		err = rows_check_live(fs, ino, &c, ids, count, bad_id);
	for (i = 0; i < count && !err; i++, to += c.row_bytes) {
		err = vex_file_read_locked(fs, ino, ids[i] * c.row_bytes, to, c.row_bytes);
		if (!err && vex_interrupted())
			err = -EINTR;
	}
	vex_read_unlock(&fs->lock);
	return err;
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
		bits[bit / 8] |= 1u << (bit & 7);
		vex_path_release(fs, &path);
	}
	return 0;
}

static noinline_for_stack
int delete_locked(struct vex_fs *fs, u64 ino, const u64 *ids, u32 count, u64 *bad_id)
{
	struct vex_coll c;
	int err;

	err = vex_coll_load(fs, ino, &c);
	if (!err)
		err = rows_check_live(fs, ino, &c, ids, count, bad_id);
	if (!err)
		err = coll_touch(fs, ino);
	if (!err)
		err = tombs_touch(fs, ino, ids, count);
	if (err)
		return err;
	err = tombs_set(fs, ino, ids, count);
	if (!err)
		err = coll_update(fs, ino, c.rows, c.live - count, c.rows * c.row_bytes);
	return vex_must(fs, err);
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

/**
 * vex_coll_delete() - delete rows by id
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
	u32 i;
	int err;

	if (!count || count > VEXFS_MAX_IDS)
		return -EINVAL;
	sort(ids, count, sizeof(*ids), id_cmp, NULL);
	for (i = 1; i < count; i++)
		if (ids[i] == ids[i - 1])
			return -EINVAL;
	err = vex_txn_begin(fs, tombs_count(ids, count), 2, 0, VEX_TXN_URGENT);
	if (err)
		return err;
	err = delete_locked(fs, ino, ids, count, bad_id);
	vex_txn_end(fs);
	return err;
}

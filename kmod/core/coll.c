// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Collections: a file as a matrix of rows, and the rows that were deleted.
 *
 * Row n lies at byte n * row_bytes of the file. A deleted row keeps its place and its
 * id; a bit in a tomb bitmap hides it.
 */
#include "vex_hnsw.h"
#include "vex_meta.h"

static struct vex_key coll_key(u64 ino)
{
	return vex_key(ino, VEXFS_ITEM_COLL, 0);
}

/* Are these attributes ones that this core serves? */
static bool coll_served(const struct vex_coll *c)
{
	return vex_elem_served(c->elem, c->metric) && c->dim && c->dim <= VEXFS_MAX_DIM &&
	       vex_index_ops(c->index);
}

/* And those of a new one? */
static bool create_served(const struct vex_coll *c)
{
	if (!coll_served(c))
		return false;
	if (c->index != VEXFS_INDEX_FLAT)
		return vex_hnsw_served(c);
	return !c->code && !c->m && !c->ef_construction && !c->tables && !c->bits;
}

u64 vex_coll_features(u32 index, u32 elem)
{
	return vex_index_ops(index)->feature |
	       (elem != VEXFS_ELEM_F32 ? VEXFS_FEATURE_ELEMS : 0);
}

/* What is stored of a collection, as @inode has it. */
static noinline_for_stack
int attributes_load(struct vex_fs *fs, const struct vex_brief *inode, struct vex_coll *out)
{
	struct vex_key key = coll_key(inode->ino);
	const struct vexfs_coll_item *item;
	struct vex_path path;
	int err;

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
	out->code = 0;
	out->m = 0;
	out->ef_construction = 0;
	out->tables = 0;
	out->bits = 0;
	out->rows = le64_to_cpu(item->rows);
	out->live = le64_to_cpu(item->live);
	out->row_bytes = vex_row_bytes(out->elem, out->dim);
	out->blocks = inode->blocks;
	if (!coll_served(out) || out->live > out->rows || out->rows > S64_MAX / out->row_bytes ||
	    out->rows * out->row_bytes != inode->size)
		err = vex_damaged(fs, path.node[0]->block, "collection with impossible attributes");
	vex_path_release(fs, &path);
	return err;
}

int vex_coll_load(struct vex_fs *fs, u64 ino, struct vex_coll *out)
{
	struct vex_brief inode;
	int err = vex_inode_load(fs, ino, &inode);

	if (err)
		return err;
	return inode.flags & VEXFS_INODE_COLL ? attributes_load(fs, &inode, out) : -ENODATA;
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
	struct vex_seg *head = NULL;
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
	/* What is cached of the empty file. */
	vex_seg_forget(fs, ino, 0);
	err = vex_touch_key(fs, &key);
	if (!err && c->index != VEXFS_INDEX_FLAT)
		err = vex_hnsw_create_prepare(fs, ino, &head);
	if (!err)
		err = vex_inode_touch(fs, ino, &path);
	if (err)
		goto put_head;
	inode_item = vex_path_data(&path);
	inode_item->flags = cpu_to_le32(inode.flags | VEXFS_INODE_COLL);
	inode_item->ctime = vex_time_pack(vex_now(fs));
	vex_path_release(fs, &path);

	err = vex_must(fs, vex_tree_insert(fs, &key, sizeof(*item), &path));
	if (err)
		goto put_head;
	item = vex_path_data(&path);
	item->elem = c->elem;
	item->metric = c->metric;
	item->index = c->index;
	item->dim = cpu_to_le32(c->dim);
	vex_path_release(fs, &path);
	if (head)
		vex_hnsw_create(fs, head, c);
	return 0;

put_head:
	if (head)
		vex_seg_put(fs, head);
	return err;
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

	if (!create_served(c))
		return -EINVAL;
	if (!vex_fs_has_feature(fs, vex_coll_features(c->index, c->elem)))
		return -EOPNOTSUPP;
	/* A truncation that is not over would take the index for what it still has to free. */
	err = vex_truncate_settle(fs, ino);
	if (!err)
		err = vex_txn_begin(fs, 1, 1, c->index != VEXFS_INDEX_FLAT ? VEX_SEG_BLOCKS : 0,
				    0);
	if (err)
		return err;
	err = create_locked(fs, ino, c);
	vex_txn_end(fs);
	return err;
}

noinline_for_stack
int vex_coll_store(struct vex_fs *fs, u64 ino, u64 rows, u64 live, u64 size)
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

int vex_coll_touch(struct vex_fs *fs, u64 ino)
{
	struct vex_key inode = vex_key(ino, VEXFS_ITEM_INODE, 0);
	struct vex_key coll = coll_key(ino);
	int err = vex_touch_key(fs, &inode);

	return err ? err : vex_touch_key(fs, &coll);
}

noinline_for_stack
int vex_coll_stamp(struct vex_fs *fs, u64 ino, bool content)
{
	struct vexfs_inode_item *inode;
	struct vex_path path;
	int err;

	err = vex_inode_touch(fs, ino, &path);
	if (err)
		return err;
	inode = vex_path_data(&path);
	inode->ctime = vex_time_pack(vex_now(fs));
	if (content)
		inode->mtime = inode->ctime;
	vex_path_release(fs, &path);
	return 0;
}

static int insert_check(const struct vex_coll *c, const struct vex_rows *r)
{
	if (c->dim != r->dim || c->row_bytes != r->row_bytes)
		return -EINVAL;
	if ((u64)r->count * c->row_bytes > S64_MAX - c->rows * c->row_bytes)
		return -EFBIG;
	return 0;
}

static noinline_for_stack
int insert_locked(struct vex_fs *fs, u64 ino, struct vex_rows *r, struct vex_meta_txn *meta)
{
	struct vex_file_span span;
	struct vex_coll c;
	int err;

	/* First all that can fail: touch, hold the segments, prepare the metadata. */
	err = vex_coll_load(fs, ino, &c);
	if (!err)
		err = insert_check(&c, r);
	if (!err)
		err = vex_coll_touch(fs, ino);
	if (!err)
		err = vex_span_open(fs, ino, c.rows * c.row_bytes, c.rows * c.row_bytes,
				    (size_t)r->count * c.row_bytes, &span);
	if (err)
		return err;
	err = vex_meta_prepare(fs, ino, meta, c.rows, vex_span_blocks(span.pos, span.len),
			       &r->bad_row);
	if (err) {
		vex_span_close(fs, &span);
		return err;
	}
	vex_span_store(fs, &span, r->rows);
	vex_span_close(fs, &span);
	r->first_id = c.rows;
	r->grow = c.index != VEXFS_INDEX_FLAT;
	err = vex_coll_store(fs, ino, c.rows + r->count, c.live + r->count,
			     (c.rows + r->count) * c.row_bytes);
	if (!err)
		err = vex_meta_apply(fs, ino, meta);
	return vex_must(fs, err);
}

int vex_rows_check(struct vex_fs *fs, u64 ino, struct vex_rows *r)
{
	struct vex_coll c;
	u64 bad;
	int err;

	err = vex_coll_stat(fs, ino, &c);
	if (err)
		return err;
	if (!r->count || r->dim != c.dim || r->flags & ~VEXFS_META_MERGE)
		return -EINVAL;
	r->row_bytes = c.row_bytes;
	if ((u64)r->count * r->row_bytes > VEXFS_MAX_BATCH)
		return -E2BIG;
	bad = vex_rows_find_bad(c.elem, r->rows, r->count, r->dim);
	if (bad < r->count) {
		r->bad_row = bad;
		return -EDOM;
	}
	return 0;
}

/**
 * vex_coll_append() - append rows, with or without metadata
 * @fs: filesystem
 * @ino: collection
 * @r: rows, at most VEXFS_MAX_BATCH bytes of them, and @meta; @ids are not looked at
 *
 * Return: 0, or as VEXFS_IOC_INSERT; then no row was inserted.
 */
int vex_coll_append(struct vex_fs *fs, u64 ino, struct vex_rows *r)
{
	struct vex_meta_txn *meta;
	u32 tries = 0;
	u64 blocks;
	int err;

	r->ids = NULL;
	r->grow = false;
	err = vex_component_need(fs, vex_rows_components(r));
	if (!err)
		err = vex_rows_check(fs, ino, r);
	if (!err && r->flags)
		err = -EINVAL;
	if (!err)
		err = vex_meta_open(r, &meta);
	if (err)
		return err;
	blocks = vex_span_blocks(VEXFS_BLOCK_SIZE - 1, (size_t)r->count * r->row_bytes);
	do {
		err = vex_txn_begin(fs, 0, 2, blocks, 0);
		if (err)
			break;
		err = vex_cache_balance(fs);
		if (!err)
			err = insert_locked(fs, ino, r, meta);
		vex_txn_end(fs);
	} while (vex_txn_again(fs, &err, &tries));
	vex_meta_close(meta);
	/* The rows are there; what the index lacks of them is compared one by one. */
	if (!err && r->grow)
		vex_hnsw_grow(fs, ino);
	return err;
}

/**
 * vex_coll_insert() - append rows
 * @fs: filesystem
 * @ino: collection
 * @rows: @count packed rows
 * @count: at least 1; at most VEXFS_MAX_BATCH bytes
 * @dim: elements of a row, as the caller believes
 * @first_id: receives the id of the first
 * @bad_row: receives the position of a row that cannot be stored, with -EDOM
 *
 * Return: 0, or as VEXFS_IOC_INSERT; then no row was inserted.
 */
int vex_coll_insert(struct vex_fs *fs, u64 ino, const void *rows, u32 count, u32 dim,
		    u64 *first_id, u64 *bad_row)
{
	struct vex_rows r = { .rows = rows, .count = count, .dim = dim };
	int err = vex_coll_append(fs, ino, &r);

	if (!err)
		*first_id = r.first_id;
	if (err == -EDOM)
		*bad_row = r.bad_row;
	return err;
}

int vex_coll_get(struct vex_fs *fs, u64 ino, const u64 *ids, u32 count, u32 dim, void *rows,
		 u64 *bad_id)
{
	struct vex_coll c;
	u8 *to = rows;
	int err = vex_component_need(fs, VEXFS_COMPONENT_STORAGE);
	u32 bad = 0;
	u32 i;

	if (err)
		return err;
	if (!count || count > VEXFS_MAX_IDS)
		return -EINVAL;
	vex_read_lock(&fs->lock);
	err = vex_coll_load(fs, ino, &c);
	if (!err && c.dim != dim)
		err = -EINVAL;
	if (!err)
		err = vex_rows_live(fs, ino, &c, ids, count, &bad);
	if (err == -ENOENT)
		*bad_id = ids[bad];
	for (i = 0; i < count && !err; i++, to += c.row_bytes) {
		err = vex_file_read_locked(fs, ino, c.rows * c.row_bytes, ids[i] * c.row_bytes,
					   to, c.row_bytes);
		if (!err && vex_interrupted())
			err = -EINTR;
	}
	vex_read_unlock(&fs->lock);
	return err;
}

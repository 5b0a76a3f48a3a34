// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * New content for rows that exist, in place of the file, together with their metadata.
 *
 * All segments of all rows are held before the first byte changes; a commit writes them to
 * new places, as it does with every change.
 */
#include "vex_hnsw.h"
#include "vex_meta.h"

/**
 * struct update - what one update works with
 * @c: the collection
 * @ix: its index, or NULL
 * @span: the rows' segments
 */
struct update {
	struct vex_coll c;
	struct vex_hnsw *ix;
	struct vex_file_span span[];
};

/* Blocks that the rows may dirty. */
static u64 update_blocks(const struct vex_rows *r, u32 row_bytes)
{
	u64 blocks = 0;
	u32 i;

	for (i = 0; i < r->count; i++)
		blocks += vex_span_blocks(r->ids[i] * row_bytes, row_bytes);
	return blocks;
}

static void spans_close(struct vex_fs *fs, struct vex_file_span *spans, u32 count)
{
	while (count--)
		vex_span_close(fs, &spans[count]);
}

static int spans_open(struct vex_fs *fs, u64 ino, const struct vex_rows *r,
		      const struct vex_coll *c, struct vex_file_span *spans)
{
	u64 size = c->rows * c->row_bytes;
	int err = 0;
	u32 i;

	for (i = 0; i < r->count && !err; i++)
		err = vex_span_open(fs, ino, size, r->ids[i] * c->row_bytes, c->row_bytes,
				    &spans[i]);
	if (err)
		spans_close(fs, spans, i - 1);
	return err;
}

/* All that can fail. */
static noinline_for_stack
int update_prepare(struct vex_fs *fs, u64 ino, struct vex_rows *r, struct vex_meta_txn *meta,
		   struct update *u)
{
	struct vex_coll *c = &u->c;
	u64 blocks;
	u32 bad = 0;
	int err;

	err = vex_coll_load(fs, ino, c);
	if (!err && c->dim != r->dim)
		err = -EINVAL;
	if (!err)
		err = vex_rows_live(fs, ino, c, r->ids, r->count, &bad);
	if (err == -ENOENT)
		r->bad_row = bad;
	if (err)
		return err;
	blocks = update_blocks(r, c->row_bytes);
	/* The head of an index has two more. */
	err = vex_txn_more(fs, 0, vex_coll_copies(fs), blocks + 2, 0);
	if (!err)
		err = spans_open(fs, ino, r, c, u->span);
	if (err)
		return err;
	err = vex_meta_prepare(fs, ino, meta, 0, blocks + 2, &r->bad_row);
	if (!err)
		err = vex_coll_touch(fs, ino);
	if (!err)
		err = vex_hnsw_update_prepare(fs, ino, c, r, &u->ix);
	if (err)
		spans_close(fs, u->span, r->count);
	return err;
}

static noinline_for_stack
int update_locked(struct vex_fs *fs, u64 ino, struct vex_rows *r, struct vex_meta_txn *meta,
		  struct update *u)
{
	const u8 *from = r->rows;
	int err;
	u32 i;

	err = update_prepare(fs, ino, r, meta, u);
	if (err)
		return err;
	for (i = 0; i < r->count; i++, from += u->c.row_bytes)
		vex_span_store(fs, &u->span[i], from);
	spans_close(fs, u->span, r->count);
	r->grow = u->ix;
	if (u->ix)
		vex_hnsw_update_apply(u->ix, r);
	err = vex_meta_apply(fs, ino, meta);
	if (!err)
		err = vex_coll_stamp(fs, ino, true);
	return vex_must(fs, err);
}

static int id_cmp(const void *a, const void *b)
{
	u64 x = *(const u64 *)a;
	u64 y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/* -EINVAL when an id stands twice. */
static int ids_check(const u64 *ids, u32 count)
{
	u64 *sorted = vex_alloc(count * sizeof(*sorted));
	int err = 0;
	u32 i;

	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, ids, count * sizeof(*sorted));
	sort(sorted, count, sizeof(*sorted), id_cmp, NULL);
	for (i = 1; i < count; i++)
		if (sorted[i] == sorted[i - 1])
			err = -EINVAL;
	vex_free(sorted);
	return err;
}

static int update_check(struct vex_fs *fs, u64 ino, struct vex_rows *r)
{
	if (!r->ids)
		return -EINVAL;
	return r->count > VEXFS_MAX_UPDATE ? -E2BIG : vex_rows_check(fs, ino, r);
}

/**
 * vex_coll_update() - new content for rows, with or without metadata
 * @fs: filesystem
 * @ino: collection
 * @r: all of it; without @meta the rows keep what they have
 *
 * Return: 0, or as VEXFS_IOC_UPDATE; then nothing has changed.
 */
int vex_coll_update(struct vex_fs *fs, u64 ino, struct vex_rows *r)
{
	struct vex_meta_txn *meta;
	struct update *u;
	u32 tries = 0, grown = 0;
	int err;

	r->grow = false;
	err = vex_component_need(fs, vex_rows_components(r));
	if (!err)
		err = update_check(fs, ino, r);
	if (!err)
		err = ids_check(r->ids, r->count);
	if (!err)
		err = vex_meta_open(r, &meta);
	if (err)
		return err;
	u = vex_alloc(sizeof(*u) + r->count * sizeof(*u->span));
	err = -ENOMEM;
	while (u) {
		err = vex_txn_begin(fs, 0, 2, 0, 0);
		if (err)
			break;
		err = vex_cache_balance(fs);
		if (!err)
			err = update_locked(fs, ino, r, meta, u);
		vex_txn_end(fs);
		/* Rows of earlier updates wait for the graph: let it have them. */
		if (err == -EBUSY && grown++ < 3)
			err = vex_hnsw_grow(fs, ino);
		else if (!vex_txn_again(fs, &err, &tries))
			break;
		if (err)
			break;
	}
	vex_free(u);
	vex_meta_close(meta);
	if (!err && r->grow)
		vex_hnsw_grow(fs, ino);
	return err;
}

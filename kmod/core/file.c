// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Bytes of files through the segment cache. */
#include "vex_fs.h"

int vex_file_read_locked(struct vex_fs *fs, u64 ino, u64 size, u64 pos, void *buf, size_t len)
{
	struct vex_seg *seg;
	u8 *to = buf;
	int err;

	while (len) {
		u32 from = pos & (VEX_SEG_BYTES - 1);
		size_t n = min(len, (size_t)(VEX_SEG_BYTES - from));

		err = vex_stream_get(fs, ino, pos / VEX_SEG_BYTES,
				     DIV_ROUND_UP(size, VEX_SEG_BYTES), &seg);
		if (!err) {
			memcpy(to, seg->data + from, n);
			vex_seg_put(fs, seg);
		} else if (err == -ENOMEM) {
			err = vex_load_bounce(fs, ino, pos, to, n);
		}
		if (err)
			return err;
		to += n;
		pos += n;
		len -= n;
	}
	return 0;
}

int vex_file_read(struct vex_fs *fs, u64 ino, u64 pos, void *buf, size_t len, size_t *done)
{
	struct vex_brief inode;
	int err;

	*done = 0;
	err = vex_component_need(fs, VEXFS_COMPONENT_STORAGE);
	if (err)
		return err;
	vex_read_lock(&fs->lock);
	err = vex_inode_load(fs, ino, &inode);
	if (!err && !S_ISREG(inode.mode))
		err = -EISDIR;
	if (!err && pos < inode.size) {
		len = min((u64)len, inode.size - pos);
		err = vex_file_read_locked(fs, ino, inode.size, pos, buf, len);
		if (!err)
			*done = len;
	}
	vex_read_unlock(&fs->lock);
	return err;
}

int vex_span_open(struct vex_fs *fs, u64 ino, u64 size, u64 pos, size_t len,
		  struct vex_file_span *span)
{
	u64 first = pos / VEX_SEG_BYTES;
	u64 last = (pos + len - 1) / VEX_SEG_BYTES;
	u32 i;
	int err = 0;

	span->ino = ino;
	span->pos = pos;
	span->len = len;
	span->count = 0;
	span->segs = vex_alloc((last - first + 1) * sizeof(*span->segs));
	if (!span->segs)
		return -ENOMEM;
	for (i = 0; first + i <= last && !err; i++) {
		bool fresh = (first + i) * VEX_SEG_BYTES >= size;

		err = vex_seg_get(fs, ino, first + i, fresh, &span->segs[i]);
		if (err)
			break;
		span->count++;
		err = vex_seg_settle(fs, span->segs[i]);
	}
	if (err)
		vex_span_close(fs, span);
	return err;
}

void vex_span_store(struct vex_fs *fs, struct vex_file_span *span, const void *buf)
{
	const u8 *from = buf;
	u64 pos = span->pos;
	size_t len = span->len;
	u32 blocks = 0;
	u32 i;

	for (i = 0; i < span->count; i++) {
		u32 at = pos & (VEX_SEG_BYTES - 1);
		size_t n = min(len, (size_t)(VEX_SEG_BYTES - at));

		memcpy(span->segs[i]->data + at, from, n);
		blocks += vex_seg_dirty(fs, span->segs[i], at, at + n);
		from += n;
		pos += n;
		len -= n;
	}
	vex_space_owe(fs, blocks);
}

void vex_span_close(struct vex_fs *fs, struct vex_file_span *span)
{
	u32 i;

	for (i = 0; i < span->count; i++)
		vex_seg_put(fs, span->segs[i]);
	vex_free(span->segs);
	span->count = 0;
}

/* The size and times of a file that was written; touched before. */
static noinline_for_stack
int file_written(struct vex_fs *fs, u64 ino, u64 end)
{
	struct vexfs_inode_item *item;
	struct vex_path path;
	int err;

	err = vex_inode_touch(fs, ino, &path);
	if (err)
		return err;
	item = vex_path_data(&path);
	if (end > le64_to_cpu(item->size))
		item->size = cpu_to_le64(end);
	item->mtime = vex_time_pack(vex_now(fs));
	item->ctime = item->mtime;
	vex_path_release(fs, &path);
	return 0;
}

static noinline_for_stack
int write_locked(struct vex_fs *fs, u64 ino, u64 pos, const void *buf, size_t len)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_INODE, 0);
	struct vex_file_span span;
	struct vex_brief inode;
	int err;

	err = vex_inode_load(fs, ino, &inode);
	if (err)
		return err;
	if (!S_ISREG(inode.mode))
		return -EISDIR;
	if (inode.flags & VEXFS_INODE_COLL)
		return -EPERM;
	err = vex_touch_key(fs, &key);
	if (!err)
		err = vex_span_open(fs, ino, inode.size, pos, len, &span);
	if (err)
		return err;
	vex_span_store(fs, &span, buf);
	vex_span_close(fs, &span);
	return vex_must(fs, file_written(fs, ino, pos + len));
}

/* Blocks of [@from, @to) that writing needs a new block for: all but the unwritten ones. */
static noinline_for_stack
int blocks_needed(struct vex_fs *fs, u64 ino, u64 from, u64 to, u64 *need)
{
	struct vex_extent e;
	int err;

	*need = to - from;
	while (from < to) {
		err = vex_extent_next(fs, ino, from, &e);
		if (err == -ENOENT)
			return 0;
		if (err)
			return err;
		if (e.fblock >= to)
			return 0;
		if (e.unwritten)
			*need -= min(to, e.fblock + e.count) - max(from, e.fblock);
		from = e.fblock + e.count;
	}
	return 0;
}

/*
 * Write inside one segment on a full device: what is unwritten takes no space, as long as
 * it is written back at once.
 */
static int write_in_place(struct vex_fs *fs, u64 ino, u64 pos, const void *buf, size_t len)
{
	u64 first = pos >> VEXFS_BLOCK_SHIFT;
	u64 need;
	int err;

	err = vex_txn_begin(fs, 2, 4, 0, VEX_TXN_URGENT);
	if (err)
		return err;
	err = vex_seg_flush(fs);
	if (!err)
		err = blocks_needed(fs, ino, first, first + vex_span_blocks(pos, len), &need);
	if (!err && !vex_space_ok_inplace(fs, need))
		err = -ENOSPC;
	if (!err)
		err = write_locked(fs, ino, pos, buf, len);
	if (!err)
		err = vex_seg_flush(fs);
	vex_txn_end(fs);
	return err;
}

static int write_step(struct vex_fs *fs, u64 ino, u64 pos, const void *buf, size_t len)
{
	u32 tries = 0;
	int err;

	do {
		err = vex_txn_begin(fs, 0, 1, vex_span_blocks(pos, len), 0);
		if (err)
			break;
		err = vex_cache_balance(fs);
		if (!err)
			err = write_locked(fs, ino, pos, buf, len);
		vex_txn_end(fs);
	} while (vex_txn_again(fs, &err, &tries));
	return err;
}

/* Bytes that one hold of the lock writes. */
#define WRITE_STEP	((size_t)1 << 20)

/**
 * vex_file_write() - write bytes through the segment cache
 * @fs: filesystem of a host without a page cache
 * @ino: regular file, not a collection
 * @pos: offset
 * @buf: bytes
 * @len: how many
 *
 * A write of more than 1 MiB is several changes.
 *
 * Return: 0; -EPERM a collection; -EFBIG; -ENOSPC, with a prefix of whole MiB written.
 */
int vex_file_write(struct vex_fs *fs, u64 ino, u64 pos, const void *buf, size_t len)
{
	const u8 *from = buf;
	int err = vex_component_need(fs, VEXFS_COMPONENT_STORAGE);
	size_t n;

	if (pos > S64_MAX || len > S64_MAX - pos)
		return -EFBIG;
	if (!err)
		err = vex_truncate_settle(fs, ino);
	while (len && !err) {
		n = min(len, WRITE_STEP);
		err = write_step(fs, ino, pos, from, n);
		if (err == -ENOSPC && fs->unwritten) {
			n = min(len, (size_t)(VEX_SEG_BYTES - (pos & (VEX_SEG_BYTES - 1))));
			err = write_in_place(fs, ino, pos, from, n);
		}
		from += n;
		pos += n;
		len -= n;
	}
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Space of files ahead of their data, and space given back from their middle.
 *
 * Both work in steps, each a change of its own under one hold of the lock, so that a range
 * may be as large as a file can be and others get their turn. The space for all holes is promised
 * before the first step.
 */
#include "vex_fs.h"

/* Extents that one hold of the lock looks at. */
#define LOOK_STEP	64u

enum piece_kind {
	PIECE_HOLE,
	PIECE_UNWRITTEN,
	PIECE_WRITTEN,
};

/**
 * struct piece - file blocks of one kind
 * @kind: which
 * @count: blocks
 */
struct piece {
	enum piece_kind kind;
	u64 count;
};

/* What stands at @at, up to where it ends or to @to. */
static noinline_for_stack
int piece_at(struct vex_fs *fs, u64 ino, u64 at, u64 to, struct piece *p)
{
	struct vex_extent e;
	int err = vex_extent_next(fs, ino, at, &e);

	if (err && err != -ENOENT)
		return err;
	p->kind = PIECE_HOLE;
	p->count = to - at;
	if (err)
		return 0;
	if (e.fblock > at) {
		p->count = min(e.fblock, to) - at;
		return 0;
	}
	p->kind = e.unwritten ? PIECE_UNWRITTEN : PIECE_WRITTEN;
	p->count = min(e.fblock + e.count, to) - at;
	return 0;
}

static noinline_for_stack
int falloc_check(struct vex_fs *fs, u64 ino)
{
	struct vex_brief inode;
	int err = vex_inode_load(fs, ino, &inode);

	if (!err && S_ISDIR(inode.mode))
		err = -EISDIR;
	if (!err && !S_ISREG(inode.mode))
		err = -ENODEV;
	if (!err && (inode.flags & VEXFS_INODE_COLL))
		err = -EPERM;
	return err;
}

/* Count the blocks of [@at, @to) that are holes. */
static int holes_count(struct vex_fs *fs, u64 ino, u64 at, u64 to, u64 *holes)
{
	struct piece p;
	int err = 0;
	u32 i;

	*holes = 0;
	while (at < to && !err) {
		vex_read_lock(&fs->lock);
		for (i = 0; i < LOOK_STEP && at < to && !err; i++) {
			err = piece_at(fs, ino, at, to, &p);
			if (err)
				break;
			*holes += p.kind == PIECE_HOLE ? p.count : 0;
			at += p.count;
		}
		vex_read_unlock(&fs->lock);
		if (!err && vex_interrupted())
			err = -EINTR;
		vex_resched();
	}
	return err;
}

static int holes_promise(struct vex_fs *fs, u64 holes)
{
	int err;

	/* More than the device has; and no sum with it can overflow. */
	if (holes > fs->blocks)
		return -ENOSPC;
	if (vex_space_promise_unwritten(fs, holes))
		return 0;
	/* What was freed since the last commit comes back with the next. */
	err = vex_fs_commit(fs);
	if (err)
		return err;
	return vex_space_promise_unwritten(fs, holes) ? 0 : -ENOSPC;
}

int vex_segs_leave(struct vex_fs *fs, u64 ino, u64 from, u64 to)
{
	u64 end = DIV_ROUND_UP(to, (u64)VEX_SEG_BLOCKS);
	int err = 0;

	if (vex_host_caches(fs))
		return 0;
	from /= VEX_SEG_BLOCKS;
	if (fs->seg_dirty_bytes)
		err = vex_seg_flush(fs);
	if (!err && vex_seg_unsafe(fs, ino, from, end))
		err = vex_flush_now(fs);
	if (!err)
		vex_seg_forget_range(fs, ino, from, end);
	return err;
}

/*
 * Give the piece at *@at, which was seen to be @seen, unwritten blocks; *@at moves behind what
 * was done. The lock is held for writing, inside a transaction.
 */
static noinline_for_stack
int provide_locked(struct vex_fs *fs, u64 ino, u64 *at, u64 to, const struct piece *seen,
		   u64 *promised)
{
	struct vex_map map;
	struct piece p;
	u64 used;
	int err;

	if (seen->kind == PIECE_WRITTEN) {
		err = vex_segs_leave(fs, ino, *at, *at + seen->count);
		if (err)
			return err;
	}
	err = piece_at(fs, ino, *at, to, &p);
	/* It was written back meanwhile: look again. */
	if (err || p.kind != seen->kind)
		return err;
	err = vex_extent_provide(fs, ino, *at, min(p.count, seen->count), &map);
	if (err)
		return err;
	*at += map.count;
	if (p.kind == PIECE_HOLE) {
		used = min_t(u64, map.count, *promised);
		vex_space_promise_unwritten(fs, -(s64)used);
		*promised -= used;
	}
	return 0;
}

static int provide_step(struct vex_fs *fs, u64 ino, u64 *at, u64 to, bool zero, u64 *promised)
{
	struct piece p;
	int err;

	vex_read_lock(&fs->lock);
	err = piece_at(fs, ino, *at, to, &p);
	vex_read_unlock(&fs->lock);
	if (err)
		return err;
	if (p.kind == PIECE_UNWRITTEN || (p.kind == PIECE_WRITTEN && !zero)) {
		*at += p.count;
		return 0;
	}
	p.count = min(p.count, (u64)VEXFS_UNWRITTEN_MAX);
	err = vex_txn_begin(fs, 2, 3, p.kind == PIECE_WRITTEN ? p.count : 0, 0);
	if (err)
		return err;
	err = provide_locked(fs, ino, at, to, &p, promised);
	vex_txn_end(fs);
	return err;
}

/* What is about to be zeroed has its place, so that the steps find it. */
static int zero_prepare(struct vex_fs *fs)
{
	int err;

	if (vex_host_caches(fs) || !fs->seg_dirty_bytes)
		return 0;
	err = vex_txn_begin(fs, 0, 0, 0, VEX_TXN_URGENT);
	if (err)
		return err;
	err = vex_seg_flush(fs);
	vex_txn_end(fs);
	return err;
}

/**
 * vex_file_provide() - allocate space ahead of data
 * @fs: filesystem
 * @ino: regular file, no collection; the host lets nobody else change its size or layout
 * @from: first file block
 * @to: behind the last
 * @zero: also what is written becomes unwritten
 *
 * Return: 0; -EOPNOTSUPP when the filesystem was made without unwritten extents; -EISDIR,
 * -ENODEV, -EPERM for what is no regular file, or a collection; -ENOSPC: when the holes have no
 * place nothing has changed; -EINTR; errors of the device. What was provided stays.
 */
int vex_file_provide(struct vex_fs *fs, u64 ino, u64 from, u64 to, bool zero)
{
	u64 promised = 0;
	int err;

	if (fs->read_only)
		return -EROFS;
	err = vex_truncate_settle(fs, ino);
	if (err)
		return err;
	vex_read_lock(&fs->lock);
	err = falloc_check(fs, ino);
	vex_read_unlock(&fs->lock);
	if (!err && !vex_has_feature(fs, VEXFS_FEATURE_UNWRITTEN))
		err = -EOPNOTSUPP;
	if (!err && zero)
		err = zero_prepare(fs);
	if (!err)
		err = holes_count(fs, ino, from, to, &promised);
	if (!err)
		err = holes_promise(fs, promised);
	if (err)
		return err;
	while (from < to && !err) {
		err = provide_step(fs, ino, &from, to, zero, &promised);
		if (!err && vex_interrupted())
			err = -EINTR;
		vex_resched();
	}
	vex_space_promise_unwritten(fs, -(s64)promised);
	return err;
}

/* One bounded step; returns 1 when there is more to do. */
static int punch_step(struct vex_fs *fs, u64 ino, u64 from, u64 to)
{
	int err;

	err = vex_txn_begin_step(fs, 1, 3, 0);
	if (err)
		return err;
	err = falloc_check(fs, ino);
	if (!err)
		err = vex_segs_leave(fs, ino, from, to);
	if (!err)
		err = vex_extent_drop(fs, ino, from, to);
	vex_txn_end(fs);
	return err;
}

/**
 * vex_file_punch() - free file blocks
 * @fs: filesystem
 * @ino: regular file, no collection; the host lets nobody else change its data there
 * @from: first file block
 * @to: behind the last
 *
 * Return: 0; -EISDIR, -ENODEV, -EPERM as vex_file_provide(); -EINTR with a part freed; errors of
 * the device.
 */
int vex_file_punch(struct vex_fs *fs, u64 ino, u64 from, u64 to)
{
	struct piece p;
	int err;

	if (from >= to)
		return 0;
	vex_read_lock(&fs->lock);
	err = falloc_check(fs, ino);
	if (!err)
		err = piece_at(fs, ino, from, to, &p);
	vex_read_unlock(&fs->lock);
	/* Nothing there; data that waits in segments may be. */
	if (err || (vex_host_caches(fs) && p.kind == PIECE_HOLE && p.count == to - from))
		return err;
	do {
		err = punch_step(fs, ino, from, to);
		if (err == 1 && vex_interrupted())
			err = -EINTR;
		vex_resched();
	} while (err == 1);
	return err;
}

/* ---- fallocate(2) for a host without a page cache ------------------------ */

/* Zero bytes inside one block, unless they are. The transaction has a block for it. */
static noinline_for_stack
int zero_locked(struct vex_fs *fs, u64 ino, u64 pos, u32 len)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_INODE, 0);
	struct vex_file_span span;
	struct vex_brief inode;
	const u8 *data;
	int err;

	err = vex_inode_load(fs, ino, &inode);
	/* What a block holds behind the end is zero. */
	if (err || pos >= inode.size)
		return err;
	err = vex_touch_key(fs, &key);
	if (!err)
		err = vex_span_open(fs, ino, inode.size, pos, len, &span);
	if (err)
		return err;
	data = span.segs[0]->data + (pos & (VEX_SEG_BYTES - 1));
	if (memchr_inv(data, 0, len)) {
		memset(fs->scratch, 0, len);
		vex_span_store(fs, &span, fs->scratch);
	}
	vex_span_close(fs, &span);
	return 0;
}

static int zero_part(struct vex_fs *fs, u64 ino, u64 pos, u64 end)
{
	int err;

	if (pos >= end)
		return 0;
	err = vex_txn_begin(fs, 2, 4, 1, VEX_TXN_URGENT);
	if (err)
		return err;
	err = zero_locked(fs, ino, pos, end - pos);
	/* The block came out of the reserve: it must not wait there. */
	if (!err && !vex_space_ok(fs, 0, 0))
		err = vex_seg_flush(fs);
	vex_txn_end(fs);
	return err;
}

/* Zero what a range has of its first and last block, and no more of them. */
static int zero_edges(struct vex_fs *fs, u64 ino, u64 pos, u64 end)
{
	u64 head = min(round_up(pos, (u64)VEXFS_BLOCK_SIZE), end);
	u64 tail = max(round_down(end, (u64)VEXFS_BLOCK_SIZE), head);
	int err = zero_part(fs, ino, pos, head);

	return err ? err : zero_part(fs, ino, tail, end);
}

/* The size, when it is to grow, and the times. */
static int falloc_done(struct vex_fs *fs, u64 ino, u64 size)
{
	struct vexfs_time now = vex_time_pack(vex_now(fs));
	struct vex_inode inode = {
		.mtime = { .sec = le64_to_cpu(now.sec), .nsec = le32_to_cpu(now.nsec) },
	};
	struct vex_brief old;
	int err = vex_inode_brief(fs, ino, &old);

	if (err)
		return err;
	if (size > old.size)
		return vex_file_truncate(fs, ino, size);
	inode.ctime = inode.mtime;
	return vex_inode_set(fs, ino, &inode, VEX_SET_MTIME | VEX_SET_CTIME);
}

static int falloc_zero(struct vex_fs *fs, u64 ino, u64 pos, u64 end)
{
	u64 first = pos >> VEXFS_BLOCK_SHIFT;
	u64 last = DIV_ROUND_UP(end, (u64)VEXFS_BLOCK_SIZE);
	int err = vex_file_provide(fs, ino, first, last, false);

	if (!err)
		err = zero_edges(fs, ino, pos, end);
	first = DIV_ROUND_UP(pos, (u64)VEXFS_BLOCK_SIZE);
	last = end >> VEXFS_BLOCK_SHIFT;
	return err || first >= last ? err : vex_file_provide(fs, ino, first, last, true);
}

static int falloc_punch(struct vex_fs *fs, u64 ino, u64 pos, u64 end)
{
	/* First what frees space. */
	int err = vex_file_punch(fs, ino, DIV_ROUND_UP(pos, (u64)VEXFS_BLOCK_SIZE),
				 end >> VEXFS_BLOCK_SHIFT);

	return err ? err : zero_edges(fs, ino, pos, end);
}

int vex_file_fallocate(struct vex_fs *fs, u64 ino, u32 mode, u64 pos, u64 len)
{
	bool keep = mode & VEX_FALLOC_KEEP_SIZE;
	u64 end = pos + len;
	int err = vex_component_need(fs, VEXFS_COMPONENT_STORAGE);

	if (err)
		return err;
	if (!len)
		return -EINVAL;
	if (pos > S64_MAX || len > S64_MAX - pos)
		return -EFBIG;
	vex_read_lock(&fs->lock);
	err = falloc_check(fs, ino);
	vex_read_unlock(&fs->lock);
	if (err)
		return err;
	switch (mode & ~VEX_FALLOC_KEEP_SIZE) {
	case 0:
		err = vex_file_provide(fs, ino, pos >> VEXFS_BLOCK_SHIFT,
				       DIV_ROUND_UP(end, (u64)VEXFS_BLOCK_SIZE), false);
		break;
	case VEX_FALLOC_ZERO:
		err = falloc_zero(fs, ino, pos, end);
		break;
	case VEX_FALLOC_PUNCH:
		if (!keep)
			return -EOPNOTSUPP;
		err = falloc_punch(fs, ino, pos, end);
		break;
	default:
		return -EOPNOTSUPP;
	}
	return err ? err : falloc_done(fs, ino, keep ? 0 : end);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Space of files: fallocate(2), and where data is, SEEK_DATA and SEEK_HOLE.
 *
 * The page cache and the extents change together under the mapping's invalidate lock: no page of
 * the range comes into the cache while it is held. A killed caller ends between two steps of
 * the core, with all counts right.
 */
#include <linux/fs.h>
#include <linux/falloc.h>
#include "vexfs.h"

/* Zero what a range has of its first and its last page, and no more of them. */
static int vexfs_zero_edges(struct inode *inode, loff_t pos, loff_t end)
{
	loff_t head, tail;
	int err = 0;

	end = min(end, i_size_read(inode));
	if (pos >= end)
		return 0;
	head = min_t(loff_t, round_up(pos, PAGE_SIZE), end);
	tail = max_t(loff_t, round_down(end, PAGE_SIZE), head);
	if (pos < head)
		err = vexfs_page_zero_part(inode, pos, head, false);
	if (!err && tail < end)
		err = vexfs_page_zero_part(inode, tail, end, false);
	return err;
}

/*
 * Drop whole blocks of the page cache and of the file; with @zero they get unwritten ones. All
 * that is dirty there is dropped with its promises.
 */
static int vexfs_drop_blocks(struct inode *inode, u64 first, u64 last, bool zero)
{
	struct vex_fs *fs = vexfs_fs(inode);
	int err;

	if (first >= last)
		return 0;
	filemap_invalidate_lock(inode->i_mapping);
	truncate_pagecache_range(inode, first << VEXFS_BLOCK_SHIFT,
				 (last << VEXFS_BLOCK_SHIFT) - 1);
	if (zero)
		err = vex_file_provide(fs, inode->i_ino, first, last, true);
	else
		err = vex_file_punch(fs, inode->i_ino, first, last);
	filemap_invalidate_unlock(inode->i_mapping);
	return err;
}

/* Allocate what is a hole. Dirty pages over holes get their place first: they would ask twice. */
static int vexfs_provide(struct inode *inode, loff_t pos, loff_t end)
{
	int err = vexfs_flush_aside(inode->i_mapping, pos, end - 1);

	if (err)
		return err;
	return vex_file_provide(vexfs_fs(inode), inode->i_ino, pos >> VEXFS_BLOCK_SHIFT,
				(end + VEXFS_BLOCK_SIZE - 1) >> VEXFS_BLOCK_SHIFT, false);
}

/* Zero a range: its edges in their blocks, after what frees space, before what takes more. */
static int vexfs_zero_range(struct inode *inode, loff_t pos, loff_t end, bool punch)
{
	u64 first = ((u64)pos + VEXFS_BLOCK_SIZE - 1) >> VEXFS_BLOCK_SHIFT;
	u64 last = (u64)end >> VEXFS_BLOCK_SHIFT;
	int err;

	if (punch)
		return vexfs_drop_blocks(inode, first, last, false) ?:
		       vexfs_zero_edges(inode, pos, end);
	err = vexfs_provide(inode, pos, end);
	if (!err)
		err = vexfs_zero_edges(inode, pos, end);
	return err ?: vexfs_drop_blocks(inode, first, last, true);
}

static int vexfs_fallocate_locked(struct file *file, int mode, loff_t pos, loff_t end)
{
	struct inode *inode = file_inode(file);
	bool grow = !(mode & FALLOC_FL_KEEP_SIZE) && end > i_size_read(inode);
	int err;

	if (vexfs_is_coll(inode))
		return -EPERM;
	err = grow ? inode_newsize_ok(inode, end) : 0;
	if (!err)
		err = file_modified(file);
	if (err)
		return err;
	switch (mode & ~FALLOC_FL_KEEP_SIZE) {
	case 0:
		err = vexfs_provide(inode, pos, end);
		break;
	case FALLOC_FL_PUNCH_HOLE:
		err = vexfs_zero_range(inode, pos, end, true);
		break;
	case FALLOC_FL_ZERO_RANGE:
		err = vexfs_zero_range(inode, pos, end, false);
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (err || !grow)
		return err;
	return vexfs_file_truncate(inode, end);
}

/**
 * vexfs_file_fallocate() - fallocate(2) of a regular file
 * @file: open for writing
 * @mode: 0, FALLOC_FL_PUNCH_HOLE or FALLOC_FL_ZERO_RANGE, with FALLOC_FL_KEEP_SIZE or without
 * @pos: first byte
 * @len: bytes; checked by the VFS, as is that a hole keeps the size
 *
 * Return: 0; -EOPNOTSUPP for other modes, and when the filesystem has no unwritten extents;
 * -EPERM for a collection; -ENOSPC, before anything has changed when the holes alone need more
 * than there is; -EFBIG; -EINTR when killed; errors of the device.
 */
static noinline __noclone
long vexfs_file_fallocate(struct file *file, int mode, loff_t pos, loff_t len)
{
	struct inode *inode = file_inode(file);
	struct vexfs_op op __uninitialized;
	int err;

	vexfs_op_begin(&op, VEXFS_OP_SETATTR, inode->i_ino);
	inode_lock(inode);
	err = vexfs_check(inode->i_sb, vexfs_fallocate_locked(file, mode, pos, pos + len));
	inode_unlock(inode);
	vexfs_op_end(&op, err);
	return err;
}

/* What O_SYNC asks for is an fsync, an operation of its own. */
long vexfs_fallocate(struct file *file, int mode, loff_t pos, loff_t len)
{
	long err = vexfs_file_fallocate(file, mode, pos, len);

	if (!err && (file->f_flags & O_DSYNC || IS_SYNC(file_inode(file))))
		err = vfs_fsync_range(file, pos, pos + len - 1, !(file->f_flags & __O_SYNC));
	return err;
}

static loff_t vexfs_seek_locked(struct inode *inode, loff_t pos, bool hole, u64 *found)
{
	loff_t size = i_size_read(inode);
	int err;

	if (pos < 0 || pos >= size)
		return -ENXIO;
	/* What is dirty has no place yet. */
	err = vexfs_flush_aside(inode->i_mapping, pos, LLONG_MAX);
	if (err)
		return err;
	return vexfs_check(inode->i_sb, vex_file_seek(vexfs_fs(inode), inode->i_ino, pos, size,
						      hole, found));
}

static noinline __noclone
loff_t vexfs_file_seek(struct file *file, loff_t pos, bool hole)
{
	struct inode *inode = file_inode(file);
	struct vexfs_op op __uninitialized;
	u64 found;
	int err;

	vexfs_op_begin(&op, VEXFS_OP_READ, inode->i_ino);
	inode_lock_shared(inode);
	err = vexfs_seek_locked(inode, pos, hole, &found);
	inode_unlock_shared(inode);
	vexfs_op_end(&op, err);
	return err ? err : vfs_setpos(file, found, inode->i_sb->s_maxbytes);
}

/* lseek(2). The rows of a collection are data up to its end. */
loff_t vexfs_file_llseek(struct file *file, loff_t pos, int whence)
{
	if ((whence == SEEK_DATA || whence == SEEK_HOLE) && !vexfs_is_coll(file_inode(file)))
		return vexfs_file_seek(file, pos, whence == SEEK_HOLE);
	return generic_file_llseek(file, pos, whence);
}

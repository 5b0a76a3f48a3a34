// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Truncation: the size at once, the blocks behind it in as many steps as it takes. An
 * orphan item marks what is still to be done; a file without names has one in any case,
 * and keeps it.
 */
#include "vex_fs.h"

/*
 * Hold the segment in which the file will end, so that its tail can be cut; NULL
 * where nothing is to be cut: a host with a page cache has done it.
 */
static int truncate_hold(struct vex_fs *fs, u64 ino, u64 size, struct vex_seg **seg)
{
	int err;

	*seg = NULL;
	if (vex_host_caches(fs) || !(size & (VEX_SEG_BYTES - 1)))
		return 0;
	err = vex_seg_get(fs, ino, size / VEX_SEG_BYTES, false, seg);
	if (err)
		return err;
	err = vex_seg_settle(fs, *seg);
	if (err) {
		vex_seg_put(fs, *seg);
		*seg = NULL;
	}
	return err;
}

/* Cut a held segment behind @size; the last block, if it changes, is to be written. */
static void truncate_tail(struct vex_fs *fs, struct vex_seg *seg, u64 size)
{
	u32 from = size & (VEX_SEG_BYTES - 1);
	u32 end = round_up(from, VEXFS_BLOCK_SIZE);

	vex_seg_cut(fs, seg, from);
	if (end != from)
		vex_space_owe(fs, vex_seg_dirty(fs, seg, from, end));
	vex_seg_put(fs, seg);
}

/* Edit the size of a touched inode. */
static noinline_for_stack int size_set(struct vex_fs *fs, u64 ino, u64 size)
{
	struct vexfs_inode_item *item;
	struct vex_path path;
	int err;

	err = vex_inode_touch(fs, ino, &path);
	if (err)
		return err;
	item = vex_path_data(&path);
	item->size = cpu_to_le64(size);
	item->mtime = vex_time_pack(vex_now(fs));
	item->ctime = item->mtime;
	vex_path_release(fs, &path);
	return 0;
}

static int truncate_check(struct vex_fs *fs, u64 ino, struct vex_brief *inode)
{
	int err = vex_inode_load(fs, ino, inode);

	if (!err && !S_ISREG(inode->mode))
		err = -EISDIR;
	if (!err && (inode->flags & VEXFS_INODE_COLL))
		err = -EPERM;
	return err;
}

/* First block that a file of @size bytes does not have. */
static u64 blocks_of(u64 size)
{
	return DIV_ROUND_UP(size, (u64)VEXFS_BLOCK_SIZE);
}

/* The edits of a shrinking truncation, after its touch; returns 1 when there is more to do. */
static int truncate_shrink(struct vex_fs *fs, u64 ino, u64 size)
{
	int err;

	vex_seg_forget(fs, ino, DIV_ROUND_UP(size, (u64)VEX_SEG_BYTES));
	err = vex_extent_drop(fs, ino, blocks_of(size), ~0ULL);
	if (!err)
		return 0;
	/* The size is set: what is left is left to later steps, also after an error. */
	return vex_must(fs, vex_orphan_insert(fs, ino)) ? -EIO : 1;
}

/* Set the size and free the first blocks; returns 1 when there is more to do. */
static noinline_for_stack
int truncate_first(struct vex_fs *fs, u64 ino, u64 size)
{
	struct vex_key orphan = vex_orphan_key(ino);
	struct vex_seg *seg = NULL;
	struct vex_brief inode;
	u64 mapped;
	bool shrink;
	int err;

	err = truncate_check(fs, ino, &inode);
	if (err)
		return err;
	shrink = size < inode.size;
	err = vex_touch_key(fs, &orphan);
	if (!err)
		err = vex_extent_touch(fs, ino, blocks_of(size), ~0ULL,
				       shrink ? VEX_DROP_STEP : 0, &mapped);
	if (!err && shrink)
		err = truncate_hold(fs, ino, size, &seg);
	if (err)
		return err;
	if (seg)
		truncate_tail(fs, seg, size);
	err = vex_must(fs, size_set(fs, ino, size));
	return err || !shrink ? err : truncate_shrink(fs, ino, size);
}

noinline_for_stack
int vex_truncate_rest(struct vex_fs *fs, u64 ino)
{
	struct vex_key orphan = vex_orphan_key(ino);
	struct vex_brief inode;
	int err;

	do {
		err = vex_txn_begin_step(fs, 0, 2, 0);
		if (err)
			return err;
		err = vex_inode_load(fs, ino, &inode);
		if (!err)
			err = vex_extent_drop(fs, ino, blocks_of(inode.size), ~0ULL);
		/* A file without names has more work left. */
		if (!err && inode.nlink)
			err = vex_delete_key(fs, &orphan);
		vex_txn_end(fs);
		vex_resched();
	} while (err == 1);
	return err;
}

/* Is there an orphan item of the inode? 1 or 0, or a negative errno. */
static noinline_for_stack int orphan_exists(struct vex_fs *fs, u64 ino)
{
	struct vex_key key = vex_orphan_key(ino);
	struct vex_path path;
	int err;

	vex_read_lock(&fs->lock);
	err = vex_tree_find(fs, &key, &path);
	vex_path_release(fs, &path);
	vex_read_unlock(&fs->lock);
	return err == -ENOENT ? 0 : err ? err : 1;
}

/**
 * struct vex_settle - a file of which a truncation may have left something
 * @fs: filesystem
 * @ino: its inode
 */
struct vex_settle {
	struct vex_fs *fs;
	u64 ino;
};

static int settle(void *arg)
{
	const struct vex_settle *of = arg;
	struct vex_fs *fs = of->fs;
	u64 ino = of->ino;
	struct vex_brief inode;
	int err;

	err = orphan_exists(fs, ino);
	if (err <= 0)
		return err;
	err = vex_truncate_rest(fs, ino);
	if (!err)
		err = vex_inode_brief(fs, ino, &inode);
	if (!err)
		err = vex_txn_begin(fs, 0, 0, 0, VEX_TXN_URGENT);
	if (err)
		return err;
	/* A segment that was read meanwhile has what lay behind the end. */
	err = vex_segs_leave(fs, ino, inode.size >> VEXFS_BLOCK_SHIFT, U64_MAX >> 1);
	vex_txn_end(fs);
	return err;
}

noinline_for_stack
int vex_truncate_settle(struct vex_fs *fs, u64 ino)
{
	struct vex_settle of = { .fs = fs, .ino = ino };

	if (likely(!READ_ONCE(fs->work_left)))
		return 0;
	return vex_aside(fs, VEX_ASIDE_STEP, settle, &of);
}

/**
 * vex_file_truncate() - set the size of a regular file
 * @fs: filesystem
 * @ino: inode; the host lets nobody else change its data meanwhile
 * @size: bytes; what is added reads as zeros
 *
 * The size is set by the first step. When freeing what lies behind it meets an error in a later
 * one, the call has succeeded all the same: the space comes back with the next call that
 * needs it gone, or with the next open.
 *
 * Return: 0; -EISDIR; -EPERM for a collection; -EFBIG; -ENOSPC only when the device has no
 * block left for a copied tree node; errors of the device.
 */
int vex_file_truncate(struct vex_fs *fs, u64 ino, u64 size)
{
	int err;

	if (size > S64_MAX)
		return -EFBIG;
	err = vex_truncate_settle(fs, ino);
	if (err)
		return err;
	err = vex_txn_begin_step(fs, 1, 4, 1);
	if (err)
		return err;
	err = truncate_first(fs, ino, size);
	vex_txn_end(fs);
	if (err == 1 && vex_truncate_rest(fs, ino))
		WRITE_ONCE(fs->work_left, true);
	return min(err, 0);
}

// SPDX-License-Identifier: GPL-2.0-only
/* FITRIM: tell the device about all free space. */
#include <linux/blkdev.h>
#include <linux/uaccess.h>
#include "vexfs.h"

static u64 vexfs_to_blocks(u64 bytes)
{
	return bytes >> VEXFS_BLOCK_SHIFT;
}

static int vexfs_do_trim(struct super_block *sb, struct fstrim_range *range)
{
	struct vex_fs *fs = vexfs_sb(sb)->fs;
	unsigned int granule = bdev_discard_granularity(sb->s_bdev);
	struct vex_statfs st;
	u64 trimmed;
	int err;

	vex_fs_statfs(fs, &st);
	/* A range shorter than a block holds none; one behind the end is a mistake. */
	if (vexfs_to_blocks(range->start) >= st.blocks || range->len < VEXFS_BLOCK_SIZE)
		return -EINVAL;
	err = vex_fs_trim(fs, DIV_ROUND_UP_ULL(range->start, VEXFS_BLOCK_SIZE),
			  vexfs_to_blocks(range->len),
			  vexfs_to_blocks(max_t(u64, range->minlen, granule)), &trimmed);
	range->len = trimmed << VEXFS_BLOCK_SHIFT;
	return vexfs_check(sb, err);
}

/**
 * vexfs_trim() - FITRIM
 * @file: any of the filesystem
 * @arg: struct fstrim_range; its len receives the bytes that were trimmed
 *
 * Return: 0; -EPERM; -EOPNOTSUPP the device cannot; -EFAULT; -EINVAL the range lies outside
 * of the filesystem or is shorter than a block; -EROFS; -EINTR; -EIO.
 */
noinline __noclone
long vexfs_trim(struct file *file, void __user *arg)
{
	struct super_block *sb = file_inode(file)->i_sb;
	struct fstrim_range range;
	struct vexfs_op op __uninitialized;
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!bdev_max_discard_sectors(sb->s_bdev))
		return -EOPNOTSUPP;
	if (copy_from_user(&range, arg, sizeof(range)))
		return -EFAULT;
	err = mnt_want_write_file(file);
	if (err)
		return err;
	vexfs_op_begin(&op, VEXFS_OP_SYNC, 0);
	err = vexfs_do_trim(sb, &range);
	op.bytes = err ? 0 : range.len;
	vexfs_op_end(&op, err);
	mnt_drop_write_file(file);
	if (!err && copy_to_user(arg, &range, sizeof(range)))
		err = -EFAULT;
	return err;
}

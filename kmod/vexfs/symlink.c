// SPDX-License-Identifier: GPL-2.0-only
/*
 * Symbolic links, and the inodes of special files. A target is read at first use and stays as
 * long as its inode, for it never changes; the inode's memory takes it along after a grace
 * period, so that a walk without locks may still look at it.
 */
#include "vexfs.h"

static const char *vexfs_target_read(struct inode *inode)
{
	size_t len = min_t(loff_t, i_size_read(inode), VEXFS_SYMLINK_MAX);
	char *target = vex_alloc_kept(len + 1);
	size_t done;
	int err;

	if (!target)
		return ERR_PTR(-ENOMEM);
	err = vexfs_check(inode->i_sb, vex_symlink_read(vexfs_fs(inode), inode->i_ino, target,
							len, &done));
	if (err) {
		vex_free(target);
		return ERR_PTR(err);
	}
	target[done] = 0;
	/* Another reader may have been faster. */
	if (cmpxchg(&inode->i_link, NULL, target))
		vex_free(target);
	return inode->i_link;
}

static noinline __noclone
const char *vexfs_symlink_get(struct dentry *dentry, struct inode *inode,
			      struct delayed_call *done)
{
	const char *target;
	struct vexfs_op op __uninitialized;

	/* The VFS itself finds what was read before. Reading may sleep. */
	if (!dentry)
		return ERR_PTR(-ECHILD);
	vexfs_op_begin(&op, VEXFS_OP_LOOKUP, inode->i_ino);
	target = vexfs_target_read(inode);
	vexfs_op_end(&op, PTR_ERR_OR_ZERO(target));
	return target;
}

const struct inode_operations vexfs_symlink_inode_ops = {
	.get_link	= vexfs_symlink_get,
	.getattr	= vexfs_getattr,
	.setattr	= vexfs_inode_setattr,
	.listxattr	= vexfs_xattr_list,
};

const struct inode_operations vexfs_special_inode_ops = {
	.getattr	= vexfs_getattr,
	.setattr	= vexfs_inode_setattr,
	.listxattr	= vexfs_xattr_list,
};

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Directories: each operation is one call of the core, whole or not at all, after
 * which the inodes that it touched are refreshed.
 */
#include <linux/namei.h>
#include "vexfs.h"

/* Positions 0 and 1 are "." and "..". */
#define VEXFS_DIR_FIRST		2
#define VEXFS_DIR_END		LLONG_MAX

static noinline_for_stack
struct dentry *vexfs_lookup(struct inode *dir, struct dentry *dentry)
{
	struct vex_name name = vexfs_name(dentry);
	struct inode *inode;
	u64 ino;
	u8 type;
	int err;

	if (name.len > VEXFS_NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	err = vexfs_check(dir->i_sb, vex_dir_lookup(vexfs_fs(dir), dir->i_ino, &name, &ino,
						    &type));
	if (err && err != -ENOENT)
		return ERR_PTR(err);
	inode = err ? NULL : vexfs_inode_get(dir->i_sb, ino);
	return d_splice_alias(inode, dentry);
}

static noinline __noclone
struct dentry *vexfs_dir_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	if (vexfs_op_traced()) {
		struct dentry *found;
		struct vexfs_op op __uninitialized;

		vexfs_op_begin(&op, VEXFS_OP_LOOKUP, dir->i_ino);
		found = vexfs_lookup(dir, dentry);
		vexfs_op_end(&op, PTR_ERR_OR_ZERO(found));
		return found;
	}
	return vexfs_lookup(dir, dentry);
}

static int vexfs_remove(struct inode *dir, struct dentry *dentry, bool rmdir)
{
	struct vex_name name = vexfs_name(dentry);
	int err;

	err = vexfs_check(dir->i_sb, vex_dir_remove(vexfs_fs(dir), dir->i_ino, &name, rmdir));
	if (err)
		return err;
	vexfs_inode_refresh(dir);
	vexfs_inode_refresh(d_inode(dentry));
	return 0;
}

static noinline __noclone
int vexfs_dir_unlink(struct inode *dir, struct dentry *dentry)
{
	struct vexfs_op op __uninitialized;
	int err;

	vexfs_op_begin(&op, VEXFS_OP_UNLINK, d_inode(dentry)->i_ino);
	err = vexfs_remove(dir, dentry, false);
	vexfs_op_end(&op, err);
	return err;
}

static noinline __noclone
int vexfs_dir_rmdir(struct inode *dir, struct dentry *dentry)
{
	struct vexfs_op op __uninitialized;
	int err;

	vexfs_op_begin(&op, VEXFS_OP_RMDIR, d_inode(dentry)->i_ino);
	err = vexfs_remove(dir, dentry, true);
	vexfs_op_end(&op, err);
	return err;
}

static noinline_for_stack
int vexfs_rename(struct inode *from, struct dentry *old, struct inode *to,
		 struct dentry *new, unsigned int flags)
{
	struct vex_name old_name = vexfs_name(old);
	struct vex_name new_name = vexfs_name(new);
	u64 replaced = 0;
	u32 how = 0;
	int err;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (flags & RENAME_NOREPLACE)
		how |= VEX_RENAME_NOREPLACE;
	if (flags & RENAME_EXCHANGE)
		how |= VEX_RENAME_EXCHANGE;
	err = vex_dir_rename(vexfs_fs(from), from->i_ino, &old_name, to->i_ino, &new_name,
			     how, &replaced);
	if (err)
		return vexfs_check(from->i_sb, err);
	vexfs_inode_refresh(from);
	if (to != from)
		vexfs_inode_refresh(to);
	vexfs_inode_refresh(d_inode(old));
	if (d_really_is_positive(new))
		vexfs_inode_refresh(d_inode(new));
	return 0;
}

static noinline __noclone
int vexfs_dir_rename(vexfs_idmap_t *idmap, struct inode *from, struct dentry *old,
		     struct inode *to, struct dentry *new, unsigned int flags)
{
	if (vexfs_op_traced()) {
		struct vexfs_op op __uninitialized;
		int err;

		vexfs_op_begin(&op, VEXFS_OP_RENAME, d_inode(old)->i_ino);
		err = vexfs_rename(from, old, to, new, flags);
		vexfs_op_end(&op, err);
		return err;
	}
	return vexfs_rename(from, old, to, new, flags);
}

/* Hand on one bufferful; false when the caller's own buffer is full. */
static bool vexfs_dir_emit(struct dir_context *ctx, const void *buf, size_t used)
{
	size_t at = 0;

	while (at < used) {
		const struct vex_dirent *e = buf + at;
		bool last = e->pos > VEXFS_DIR_END - VEXFS_DIR_FIRST - 1;

		if (!dir_emit(ctx, e->name, e->len, e->ino, e->type))
			return false;
		ctx->pos = last ? VEXFS_DIR_END : e->pos + VEXFS_DIR_FIRST + 1;
		at += VEX_DIRENT_SIZE(e->len);
	}
	return true;
}

static noinline_for_stack
int vexfs_readdir(struct file *file, struct dir_context *ctx)
{
	struct inode *dir = file_inode(file);
	size_t used;
	void *buf;
	int err = 0;

	if (!dir_emit_dots(file, ctx))
		return 0;
	buf = vex_alloc(PAGE_SIZE);
	if (!buf)
		return -ENOMEM;
	while (ctx->pos != VEXFS_DIR_END) {
		if (fatal_signal_pending(current)) {
			err = -EINTR;
			break;
		}
		err = vex_dir_read(vexfs_fs(dir), dir->i_ino, ctx->pos - VEXFS_DIR_FIRST,
				   buf, PAGE_SIZE, &used);
		/* An entry that does not fit finds ctx->pos behind its predecessor. */
		if (err || !used || !vexfs_dir_emit(ctx, buf, used))
			break;
	}
	vex_free(buf);
	return vexfs_check(dir->i_sb, err);
}

static noinline __noclone
int vexfs_dir_read(struct file *file, struct dir_context *ctx)
{
	if (vexfs_op_traced()) {
		struct vexfs_op op __uninitialized;
		int err;

		vexfs_op_begin(&op, VEXFS_OP_READDIR, file_inode(file)->i_ino);
		err = vexfs_readdir(file, ctx);
		vexfs_op_end(&op, err);
		return err;
	}
	return vexfs_readdir(file, ctx);
}

const struct inode_operations vexfs_dir_inode_ops = {
	.lookup		= vexfs_dir_lookup,
	.create		= vexfs_dir_create,
	.link		= vexfs_dir_link,
	.symlink	= vexfs_dir_symlink,
	.mkdir		= vexfs_dir_mkdir,
	.mknod		= vexfs_dir_mknod,
	.tmpfile	= vexfs_dir_tmpfile,
	.unlink		= vexfs_dir_unlink,
	.rmdir		= vexfs_dir_rmdir,
	.rename		= vexfs_dir_rename,
	.getattr	= vexfs_getattr,
	.setattr	= vexfs_inode_setattr,
	.listxattr	= vexfs_xattr_list,
};

const struct file_operations vexfs_dir_ops = {
	.llseek		= generic_file_llseek,
	.read		= generic_read_dir,
	.iterate_shared	= vexfs_dir_read,
	.fsync		= vexfs_file_fsync,
	.unlocked_ioctl	= vexfs_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

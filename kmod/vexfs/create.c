// SPDX-License-Identifier: GPL-2.0-only
/*
 * New inodes and new names. Each operation is one call of the core, whole or not at all.
 *
 * The VFS's inode is made first, so that after the core has made its own nothing can fail
 * but the insertion of a number that is new by construction.
 */
#include <linux/namei.h>
#include "vexfs.h"

/* An inode of @mode with an owner, and as the core wants to hear of it. */
static noinline_for_stack
struct inode *vexfs_new(vexfs_idmap_t *idmap, struct inode *dir, umode_t mode,
			struct vex_inode *node)
{
	struct inode *inode = new_inode(dir->i_sb);

	if (!inode)
		return NULL;
	inode_init_owner(idmap, inode, dir, mode);
	memset(node, 0, sizeof(*node));
	node->mode = inode->i_mode;
	node->uid = i_uid_read(inode);
	node->gid = i_gid_read(inode);
	return inode;
}

/* The core has made @node: so it becomes. @err: or it has not. The inode is locked, or gone. */
static int vexfs_adopt(struct inode *inode, const struct vex_inode *node, int err)
{
	struct super_block *sb = inode->i_sb;

	if (!err) {
		inode->i_ino = node->ino;
		err = insert_inode_locked(inode);
	}
	if (err) {
		inode->i_ino = 0;
		iput(inode);
		return vexfs_check(sb, err);
	}
	err = vexfs_inode_fill(inode, node);
	if (err) {
		iget_failed(inode);
		return err;
	}
	/* So that no write to it looks for privileges to take away. */
	inode_has_no_xattr(inode);
	return 0;
}

/* A new inode got no label: it goes again, and its name with it. */
static noinline_for_stack
void vexfs_unmake(struct inode *inode, struct inode *dir, const struct vex_name *name)
{
	int err = 0;

	if (name)
		err = vexfs_check(dir->i_sb, vex_dir_remove(vexfs_fs(dir), dir->i_ino, name,
							    S_ISDIR(inode->i_mode)));
	/* Who has lost the name is freed with its last reference. */
	if (!err)
		clear_nlink(inode);
	discard_new_inode(inode);
}

/* @target: of a symbolic link, else NULL. */
static int vexfs_make(vexfs_idmap_t *idmap, struct inode *dir, struct dentry *dentry,
		      umode_t mode, dev_t rdev, const char *target)
{
	struct vex_name name = vexfs_name(dentry);
	struct vex_inode node;
	struct inode *inode;
	int err;

	inode = vexfs_new(idmap, dir, mode, &node);
	if (!inode)
		return -ENOMEM;
	node.rdev = new_encode_dev(rdev);
	if (target)
		err = vex_dir_symlink(vexfs_fs(dir), dir->i_ino, &name, target,
				      strlen(target), &node);
	else
		err = vex_dir_create(vexfs_fs(dir), dir->i_ino, &name, &node);
	err = vexfs_adopt(inode, &node, err);
	if (err)
		return err;
	err = vexfs_security_init(inode, dir, &dentry->d_name);
	if (err)
		vexfs_unmake(inode, dir, &name);
	else
		d_instantiate_new(dentry, inode);
	vexfs_inode_refresh(dir);
	return err;
}

noinline __noclone
int vexfs_dir_create(vexfs_idmap_t *idmap, struct inode *dir, struct dentry *dentry,
		     umode_t mode, bool excl)
{
	if (vexfs_op_traced()) {
		struct vexfs_op op __uninitialized;
		int err;

		vexfs_op_begin(&op, VEXFS_OP_CREATE, dir->i_ino);
		err = vexfs_make(idmap, dir, dentry, mode | S_IFREG, 0, NULL);
		vexfs_op_end(&op, err);
		return err;
	}
	return vexfs_make(idmap, dir, dentry, mode | S_IFREG, 0, NULL);
}

noinline __noclone
int vexfs_dir_mkdir(vexfs_idmap_t *idmap, struct inode *dir, struct dentry *dentry,
		    umode_t mode)
{
	struct vexfs_op op __uninitialized;
	int err;

	vexfs_op_begin(&op, VEXFS_OP_MKDIR, dir->i_ino);
	err = vexfs_make(idmap, dir, dentry, mode | S_IFDIR, 0, NULL);
	vexfs_op_end(&op, err);
	return err;
}

/* Devices, named pipes and sockets. */
noinline __noclone
int vexfs_dir_mknod(vexfs_idmap_t *idmap, struct inode *dir, struct dentry *dentry,
		    umode_t mode, dev_t rdev)
{
	struct vexfs_op op __uninitialized;
	int err;

	vexfs_op_begin(&op, VEXFS_OP_CREATE, dir->i_ino);
	err = vexfs_make(idmap, dir, dentry, mode, rdev, NULL);
	vexfs_op_end(&op, err);
	return err;
}

noinline __noclone
int vexfs_dir_symlink(vexfs_idmap_t *idmap, struct inode *dir, struct dentry *dentry,
		      const char *target)
{
	struct vexfs_op op __uninitialized;
	int err;

	vexfs_op_begin(&op, VEXFS_OP_CREATE, dir->i_ino);
	err = vexfs_make(idmap, dir, dentry, S_IFLNK | 0777, 0, target);
	vexfs_op_end(&op, err);
	return err;
}

static int vexfs_make_nameless(vexfs_idmap_t *idmap, struct inode *dir, struct file *file,
			       umode_t mode)
{
	struct vex_inode node;
	struct inode *inode;
	int err;

	inode = vexfs_new(idmap, dir, mode, &node);
	if (!inode)
		return -ENOMEM;
	err = vexfs_adopt(inode, &node, vex_inode_create(vexfs_fs(dir), &node));
	if (err)
		return err;
	err = vexfs_security_init(inode, dir, NULL);
	if (err) {
		vexfs_unmake(inode, dir, NULL);
		return err;
	}
	/* d_tmpfile() takes the one name away that it expects. */
	set_nlink(inode, 1);
	d_tmpfile(file, inode);
	unlock_new_inode(inode);
	return finish_open_simple(file, 0);
}

/* O_TMPFILE */
noinline __noclone
int vexfs_dir_tmpfile(vexfs_idmap_t *idmap, struct inode *dir, struct file *file,
		      umode_t mode)
{
	struct vexfs_op op __uninitialized;
	int err;

	vexfs_op_begin(&op, VEXFS_OP_CREATE, dir->i_ino);
	err = vexfs_make_nameless(idmap, dir, file, mode);
	vexfs_op_end(&op, err);
	return err;
}

static int vexfs_link(struct inode *inode, struct inode *dir, struct dentry *dentry)
{
	struct vex_name name = vexfs_name(dentry);
	int err;

	err = vexfs_check(dir->i_sb, vex_dir_link(vexfs_fs(dir), dir->i_ino, &name,
						  inode->i_ino));
	if (err)
		return err;
	vexfs_inode_refresh(dir);
	vexfs_inode_refresh(inode);
	ihold(inode);
	d_instantiate(dentry, inode);
	return 0;
}

/* One more name for an inode, or the first one of a file of O_TMPFILE. */
noinline __noclone
int vexfs_dir_link(struct dentry *old, struct inode *dir, struct dentry *dentry)
{
	struct vexfs_op op __uninitialized;
	int err;

	vexfs_op_begin(&op, VEXFS_OP_CREATE, dir->i_ino);
	err = vexfs_link(d_inode(old), dir, dentry);
	vexfs_op_end(&op, err);
	return err;
}

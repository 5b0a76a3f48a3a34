// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended attributes: user. trusted. security. Names keep their prefix in the core. POSIX
 * ACLs (system.) are not offered.
 */
#include <linux/capability.h>
#include <linux/security.h>
#include <linux/xattr.h>
#include "vexfs.h"

static struct vex_name vexfs_xattr_name(const struct xattr_handler *handler, const char *name)
{
	const char *full = xattr_full_name(handler, name);

	return (struct vex_name){ .str = full, .len = strlen(full) };
}

static noinline __noclone
int vexfs_xattr_get(const struct xattr_handler *handler, struct dentry *dentry,
		    struct inode *inode, const char *name, void *buffer, size_t size)
{
	struct vex_name full = vexfs_xattr_name(handler, name);
	struct vexfs_op op __uninitialized;
	size_t done;
	int err;

	vexfs_op_begin(&op, VEXFS_OP_LOOKUP, inode->i_ino);
	err = vexfs_check(inode->i_sb, vex_xattr_get(vexfs_fs(inode), inode->i_ino, &full,
						     buffer, size, &done));
	vexfs_op_end(&op, err);
	return err ? err : done;
}

/* @flags are those of setxattr(2). */
static int vexfs_xattr_change(struct inode *inode, const struct vex_name *name,
			      const void *value, size_t size, int flags)
{
	u32 how = 0;
	int err;

	if (flags & XATTR_CREATE)
		how |= VEX_XATTR_CREATE;
	if (flags & XATTR_REPLACE)
		how |= VEX_XATTR_REPLACE;
	if (value)
		err = vex_xattr_set(vexfs_fs(inode), inode->i_ino, name, value, size, how);
	else
		err = vex_xattr_remove(vexfs_fs(inode), inode->i_ino, name);
	return vexfs_check(inode->i_sb, err);
}

static noinline __noclone
int vexfs_xattr_set(const struct xattr_handler *handler, vexfs_idmap_t *idmap,
		    struct dentry *dentry, struct inode *inode, const char *name,
		    const void *value, size_t size, int flags)
{
	struct vex_name full = vexfs_xattr_name(handler, name);
	struct vexfs_op op __uninitialized;
	int err;

	vexfs_op_begin(&op, VEXFS_OP_SETATTR, inode->i_ino);
	err = vexfs_xattr_change(inode, &full, value, size, flags);
	if (!err)
		vexfs_inode_refresh(inode);
	vexfs_op_end(&op, err);
	return err;
}

/* Names of trusted. are for those alone who may use them. */
noinline __noclone
ssize_t vexfs_xattr_list(struct dentry *dentry, char *buffer, size_t size)
{
	const char *hide = capable(CAP_SYS_ADMIN) ? NULL : XATTR_TRUSTED_PREFIX;
	struct inode *inode = d_inode(dentry);
	struct vexfs_op op __uninitialized;
	size_t done;
	int err;

	vexfs_op_begin(&op, VEXFS_OP_LOOKUP, inode->i_ino);
	err = vexfs_check(inode->i_sb, vex_xattr_list(vexfs_fs(inode), inode->i_ino, hide,
						      buffer, size, &done));
	vexfs_op_end(&op, err);
	/* A filesystem made without attributes has none to list. */
	if (err == -EOPNOTSUPP)
		return 0;
	return err ? err : done;
}

/* Store what a security module says of a new inode; names come without their prefix. */
static int vexfs_security_store(struct inode *inode, const struct xattr *attrs, void *unused)
{
	size_t room = XATTR_NAME_MAX + 1;
	char *full = vex_alloc(room);
	struct vex_name name = { .str = full };
	int err = full ? 0 : -ENOMEM;

	for (; !err && attrs->name; attrs++) {
		name.len = snprintf(full, room, XATTR_SECURITY_PREFIX "%s", attrs->name);
		err = name.len < room ? 0 : -ERANGE;
		if (!err)
			err = vexfs_xattr_change(inode, &name, attrs->value, attrs->value_len, 0);
	}
	vex_free(full);
	return err;
}

/**
 * vexfs_security_init() - let the security modules label a new inode
 * @inode: new, locked, not visible yet
 * @dir: where it gets its name
 * @name: that name; NULL for a file without one
 *
 * Return: 0 or a negative errno; 0, too, where nothing is to be stored.
 */
int vexfs_security_init(struct inode *inode, struct inode *dir, const struct qstr *name)
{
	return security_inode_init_security(inode, dir, name, vexfs_security_store, NULL);
}

static const struct xattr_handler vexfs_xattr_user = {
	.prefix	= XATTR_USER_PREFIX,
	.get	= vexfs_xattr_get,
	.set	= vexfs_xattr_set,
};

static const struct xattr_handler vexfs_xattr_trusted = {
	.prefix	= XATTR_TRUSTED_PREFIX,
	.get	= vexfs_xattr_get,
	.set	= vexfs_xattr_set,
};

static const struct xattr_handler vexfs_xattr_security = {
	.prefix	= XATTR_SECURITY_PREFIX,
	.get	= vexfs_xattr_get,
	.set	= vexfs_xattr_set,
};

const struct xattr_handler *vexfs_xattr_handlers[] = {
	&vexfs_xattr_user,
	&vexfs_xattr_trusted,
	&vexfs_xattr_security,
	NULL
};

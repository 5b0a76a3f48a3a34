// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operations on metadata of rows: set and get. ioctl.c tells the order in which each looks
 * at what it was handed.
 */
#include <compat/inode.h>
#include "ioctl.h"

/* ---- set ----------------------------------------------------------------------------- */

static int vexfs_set_locked(struct file *file, struct vex_rows *r)
{
	struct inode *inode = file_inode(file);
	int err;

	err = vex_meta_set(vexfs_fs(inode), inode->i_ino, r);
	if (err)
		return vexfs_check(inode->i_sb, err);
	inode_set_ctime_to_ts(inode, current_time(inode));
	mark_inode_dirty(inode);
	return 0;
}

static int vexfs_set_rows(struct file *file, struct vexfs_meta_set *a)
{
	struct inode *inode = file_inode(file);
	u64 *ids = vexfs_array_get(a->ids, (size_t)a->count * sizeof(*ids));
	struct vex_rows r = { .ids = ids, .count = a->count, .flags = a->flags };
	void *meta;
	int err = -EINTR;

	if (IS_ERR(ids))
		return PTR_ERR(ids);
	meta = vexfs_array_get(a->meta, a->meta_len);
	if (IS_ERR(meta)) {
		vex_free(ids);
		return PTR_ERR(meta);
	}
	r.meta = meta;
	r.meta_len = a->meta_len;
	if (!down_write_killable(&inode->i_rwsem)) {
		err = vexfs_set_locked(file, &r);
		inode_unlock(inode);
	}
	a->bad_row = r.bad_row;
	vex_free(meta);
	vex_free(ids);
	return err;
}

static long vexfs_do_meta_set(struct file *file, void __user *arg, struct vexfs_op *op)
{
	struct inode *inode = file_inode(file);
	struct vexfs_meta_set a;
	u32 size;
	int err;

	err = vexfs_args_get(&a, sizeof(a), sizeof(a), arg, &size);
	if (err)
		return err;
	if (a.flags & ~VEXFS_META_MERGE || a.reserved)
		return -EINVAL;
	err = vexfs_check_coll(file, FMODE_WRITE);
	if (err)
		return err;
	op->dim = vexfs_i(inode)->dim;
	op->count = a.count;
	err = vexfs_check_meta(a.count, a.meta_len);
	if (err)
		return err;
	err = mnt_want_write_file(file);
	if (err)
		return err;
	err = vexfs_set_rows(file, &a);
	mnt_drop_write_file(file);
	if (!err)
		op->bytes = a.meta_len;
	if ((!err || err == -ENOENT || err == -EBADMSG) &&
	    vexfs_args_put(arg, &a, sizeof(a), size))
		return -EFAULT;
	return err;
}

/* VEXFS_IOC_META_SET. */
noinline __noclone
long vexfs_meta_set(struct file *file, void __user *arg)
{
	struct vexfs_op op __uninitialized;
	long err;

	vexfs_op_begin(&op, VEXFS_OP_META_SET, file_inode(file)->i_ino);
	err = vexfs_do_meta_set(file, arg, &op);
	vexfs_op_end(&op, err);
	return err;
}

/* ---- get ----------------------------------------------------------------------------- */

static int vexfs_get_meta(struct inode *inode, struct vexfs_meta_get *a)
{
	u64 *ids = vexfs_array_get(a->ids, (size_t)a->count * sizeof(*ids));
	void *meta = NULL;
	size_t used = 0;
	int err = 0;

	if (IS_ERR(ids))
		return PTR_ERR(ids);
	if (a->meta_len) {
		meta = vex_alloc(a->meta_len);
		err = meta ? 0 : -ENOMEM;
	}
	if (!err)
		err = vex_meta_get(vexfs_fs(inode), inode->i_ino, ids, a->count, meta,
				   a->meta_len, &used, &a->bad_row);
	a->used = used;
	if (!err)
		err = vexfs_array_put(a->meta, meta, used);
	vex_free(meta);
	vex_free(ids);
	return vexfs_check(inode->i_sb, err);
}

static long vexfs_do_meta_get(struct file *file, void __user *arg, struct vexfs_op *op)
{
	struct inode *inode = file_inode(file);
	struct vexfs_meta_get a;
	u32 size;
	int err;

	err = vexfs_args_get(&a, sizeof(a), sizeof(a), arg, &size);
	if (err)
		return err;
	if (a.flags || a.reserved)
		return -EINVAL;
	err = vexfs_check_coll(file, FMODE_READ);
	if (err)
		return err;
	op->dim = vexfs_i(inode)->dim;
	op->count = a.count;
	if (!a.count)
		return -EINVAL;
	if (a.count > VEXFS_MAX_META || a.meta_len > VEXFS_MAX_BATCH)
		return -E2BIG;
	err = vexfs_get_meta(inode, &a);
	if (!err)
		op->bytes = a.used;
	if ((!err || err == -ENOENT || err == -ERANGE) &&
	    vexfs_args_put(arg, &a, sizeof(a), size))
		return -EFAULT;
	return err;
}

/* VEXFS_IOC_META_GET. */
noinline __noclone
long vexfs_meta_get(struct file *file, void __user *arg)
{
	struct vexfs_op op __uninitialized;
	long err;

	vexfs_op_begin(&op, VEXFS_OP_META_GET, file_inode(file)->i_ino);
	err = vexfs_do_meta_get(file, arg, &op);
	vexfs_op_end(&op, err);
	return err;
}

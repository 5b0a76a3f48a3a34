// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operations on rows: insert, update, get and delete. ioctl.c tells the order in which each
 * looks at what it was handed.
 */
#include "ioctl.h"

/* The size of the first published one. */
#define VEXFS_INSERT_FIRST	48

/* Copies of a call's arrays: ids unless @ids_addr is NULL, metadata where it has a length. */
static int vexfs_rows_get(struct vex_rows *r, const u64 *ids_addr, u64 rows, u64 rows_len,
			  u64 meta, u64 meta_len)
{
	void *ids = ids_addr ? vexfs_array_get(*ids_addr, (size_t)r->count * sizeof(u64)) : NULL;
	void *copy = IS_ERR(ids) ? ids : vexfs_array_get(rows, rows_len);
	void *records = IS_ERR(copy) || !meta_len ? NULL : vexfs_array_get(meta, meta_len);

	if (IS_ERR(records) || IS_ERR(copy)) {
		int err = IS_ERR(copy) ? PTR_ERR(copy) : PTR_ERR(records);

		if (!IS_ERR(copy))
			vex_free(copy);
		if (!IS_ERR(ids))
			vex_free(ids);
		return err;
	}
	r->ids = ids;
	r->rows = copy;
	r->meta = records;
	r->meta_len = meta_len;
	return 0;
}

static void vexfs_rows_put(struct vex_rows *r)
{
	vex_free(r->meta);
	vex_free(r->rows);
	vex_free(r->ids);
}

/* ---- insert ---------------------------------------------------------------- */

static int vexfs_insert_rows(struct file *file, struct vexfs_insert *a)
{
	struct inode *inode = file_inode(file);
	struct vex_rows r = { .count = a->count, .dim = a->dim };
	int err;

	err = vexfs_rows_get(&r, NULL, a->rows, a->rows_len, a->meta, a->meta_len);
	if (err)
		return err;
	err = -EINTR;
	if (!down_write_killable(&inode->i_rwsem)) {
		err = vexfs_coll_add(file, &r);
		inode_unlock(inode);
	}
	a->first_id = r.first_id;
	a->bad_row = r.bad_row;
	vexfs_rows_put(&r);
	return err;
}

static long vexfs_do_insert(struct file *file, void __user *arg, struct vexfs_op *op)
{
	struct inode *inode = file_inode(file);
	struct vexfs_insert a;
	u32 size;
	int err;

	err = vexfs_args_get(&a, sizeof(a), VEXFS_INSERT_FIRST, arg, &size);
	if (err)
		return err;
	if (a.flags)
		return -EINVAL;
	err = vexfs_check_coll(file, FMODE_WRITE);
	if (err)
		return err;
	op->dim = a.dim;
	op->count = a.count;
	err = vexfs_check_rows(vexfs_i(inode), a.count, a.dim, a.rows_len);
	if (!err && a.meta_len)
		err = vexfs_check_meta(a.count, a.meta_len);
	if (err)
		return err;
	err = mnt_want_write_file(file);
	if (err)
		return err;
	err = vexfs_insert_rows(file, &a);
	mnt_drop_write_file(file);
	if (!err)
		op->bytes = a.rows_len;
	if ((!err || err == -EDOM || err == -EBADMSG) && vexfs_args_put(arg, &a, sizeof(a), size))
		return -EFAULT;
	return err;
}

/* VEXFS_IOC_INSERT. */
noinline __noclone
long vexfs_coll_insert(struct file *file, void __user *arg)
{
	struct vexfs_op op __uninitialized;
	long err;

	vexfs_op_begin(&op, VEXFS_OP_INSERT, file_inode(file)->i_ino);
	err = vexfs_do_insert(file, arg, &op);
	vexfs_op_end(&op, err);
	return err;
}

/* ---- update ---------------------------------------------------------------- */

static int vexfs_update_rows(struct file *file, struct vexfs_update *a)
{
	struct inode *inode = file_inode(file);
	struct vex_rows r = { .count = a->count, .dim = a->dim, .flags = a->flags };
	int err;

	err = vexfs_rows_get(&r, &a->ids, a->rows, a->rows_len, a->meta, a->meta_len);
	if (err)
		return err;
	err = -EINTR;
	if (!down_write_killable(&inode->i_rwsem)) {
		err = vexfs_coll_change(file, &r);
		inode_unlock(inode);
	}
	a->bad_row = r.bad_row;
	vexfs_rows_put(&r);
	return err;
}

static int vexfs_check_update(const struct vexfs_inode *vi, const struct vexfs_update *a)
{
	int err;

	err = vexfs_check_rows(vi, a->count, a->dim, a->rows_len);
	if (!err && a->meta_len)
		err = vexfs_check_meta(a->count, a->meta_len);
	if (!err && a->count > VEXFS_MAX_UPDATE)
		err = -E2BIG;
	return err;
}

static long vexfs_do_update(struct file *file, void __user *arg, struct vexfs_op *op)
{
	struct inode *inode = file_inode(file);
	struct vexfs_update a;
	u32 size;
	int err;

	err = vexfs_args_get(&a, sizeof(a), sizeof(a), arg, &size);
	if (err)
		return err;
	if (a.flags & ~VEXFS_META_MERGE)
		return -EINVAL;
	err = vexfs_check_coll(file, FMODE_WRITE);
	if (err)
		return err;
	op->dim = a.dim;
	op->count = a.count;
	err = vexfs_check_update(vexfs_i(inode), &a);
	if (err)
		return err;
	err = mnt_want_write_file(file);
	if (err)
		return err;
	err = vexfs_update_rows(file, &a);
	mnt_drop_write_file(file);
	if (!err)
		op->bytes = a.rows_len;
	if ((!err || err == -EDOM || err == -ENOENT || err == -EBADMSG) &&
	    vexfs_args_put(arg, &a, sizeof(a), size))
		return -EFAULT;
	return err;
}

/* VEXFS_IOC_UPDATE. */
noinline __noclone
long vexfs_coll_update(struct file *file, void __user *arg)
{
	struct vexfs_op op __uninitialized;
	long err;

	vexfs_op_begin(&op, VEXFS_OP_UPDATE, file_inode(file)->i_ino);
	err = vexfs_do_update(file, arg, &op);
	vexfs_op_end(&op, err);
	return err;
}

/* ---- get --------------------------------------------------------------------- */

static int vexfs_get_rows(struct inode *inode, struct vexfs_get *a)
{
	u64 *ids = vexfs_array_get(a->ids, (size_t)a->count * sizeof(*ids));
	void *rows;
	int err;

	if (IS_ERR(ids))
		return PTR_ERR(ids);
	rows = vex_alloc(a->rows_len);
	err = rows ? vex_coll_get(vexfs_fs(inode), inode->i_ino, ids, a->count, a->dim, rows,
				  &a->bad_id) : -ENOMEM;
	if (!err)
		err = vexfs_array_put(a->rows, rows, a->rows_len);
	vex_free(rows);
	vex_free(ids);
	return vexfs_check(inode->i_sb, err);
}

static long vexfs_do_get(struct file *file, void __user *arg, struct vexfs_op *op)
{
	struct inode *inode = file_inode(file);
	struct vexfs_get a;
	u32 size;
	int err;

	err = vexfs_args_get(&a, sizeof(a), sizeof(a), arg, &size);
	if (err)
		return err;
	if (a.flags)
		return -EINVAL;
	err = vexfs_check_coll(file, FMODE_READ);
	if (err)
		return err;
	op->dim = a.dim;
	op->count = a.count;
	if (a.count > VEXFS_MAX_IDS)
		return -EINVAL;
	err = vexfs_check_rows(vexfs_i(inode), a.count, a.dim, a.rows_len);
	if (err)
		return err;
	err = vexfs_get_rows(inode, &a);
	if (!err)
		op->bytes = a.rows_len;
	if ((!err || err == -ENOENT) && vexfs_args_put(arg, &a, sizeof(a), size))
		return -EFAULT;
	return err;
}

/* VEXFS_IOC_GET. */
noinline __noclone
long vexfs_coll_get(struct file *file, void __user *arg)
{
	struct vexfs_op op __uninitialized;
	long err;

	vexfs_op_begin(&op, VEXFS_OP_GET, file_inode(file)->i_ino);
	err = vexfs_do_get(file, arg, &op);
	vexfs_op_end(&op, err);
	return err;
}

/* ---- delete -------------------------------------------------------------------- */

static int vexfs_delete_rows(struct file *file, struct vexfs_delete *a)
{
	struct inode *inode = file_inode(file);
	u64 *ids = vexfs_array_get(a->ids, (size_t)a->count * sizeof(*ids));
	int err = -EINTR;

	if (IS_ERR(ids))
		return PTR_ERR(ids);
	if (!down_write_killable(&inode->i_rwsem)) {
		err = vexfs_coll_drop(file, ids, a->count, &a->bad_id);
		inode_unlock(inode);
	}
	vex_free(ids);
	return err;
}

static long vexfs_do_delete(struct file *file, void __user *arg, struct vexfs_op *op)
{
	struct inode *inode = file_inode(file);
	struct vexfs_delete a;
	u32 size;
	int err;

	err = vexfs_args_get(&a, sizeof(a), sizeof(a), arg, &size);
	if (err)
		return err;
	if (a.flags || a.reserved)
		return -EINVAL;
	err = vexfs_check_coll(file, FMODE_WRITE);
	if (err)
		return err;
	op->dim = vexfs_i(inode)->dim;
	op->count = a.count;
	if (!a.count || a.count > VEXFS_MAX_IDS)
		return -EINVAL;
	err = mnt_want_write_file(file);
	if (err)
		return err;
	err = vexfs_delete_rows(file, &a);
	mnt_drop_write_file(file);
	if ((!err || err == -ENOENT) && vexfs_args_put(arg, &a, sizeof(a), size))
		return -EFAULT;
	return err;
}

/* VEXFS_IOC_DELETE. */
noinline __noclone
long vexfs_coll_delete(struct file *file, void __user *arg)
{
	struct vexfs_op op __uninitialized;
	long err;

	vexfs_op_begin(&op, VEXFS_OP_DELETE, file_inode(file)->i_ino);
	err = vexfs_do_delete(file, arg, &op);
	vexfs_op_end(&op, err);
	return err;
}

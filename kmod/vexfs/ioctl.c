// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vector operations of <linux/vexfs.h>.
 *
 * Each operation looks at what it was handed in this order, and answers the first thing
 * that is wrong:
 *
 *	1. the structure: EFAULT, EINVAL for its size, E2BIG for its unknown tail
 *	2. flags and reserved fields: EINVAL
 *	3. the descriptor's access mode: EBADF
 *	4. the file: ENODATA when it is no collection
 *	5. the fields, by themselves and against the collection: EINVAL, then E2BIG
 *	6. a read-only mount: EROFS
 *	7. the arrays: ENOMEM, EFAULT
 *	8. what the operation finds: EDOM, EBADMSG, ENOENT, ENOSPC, ...
 *
 * Arrays pass through buffers in the kernel, so no lock is held while user memory is touched,
 * and rows cannot change after they were checked. Results are copied out only when
 * the operation has filled all of them.
 */
#include <linux/ioctl.h>
#include <linux/mount.h>
#include <linux/uaccess.h>
#include "ioctl.h"

/* The sizes of the first published ones. */
#define VEXFS_CREATE_FIRST	24
#define VEXFS_CAPS_FIRST	48
#define VEXFS_STAT_FIRST	56
#define VEXFS_REINDEX_FIRST	24

/*
 * Copy a structure of @len bytes in, whatever size the user has it; *@size receives
 * that size, from which the first published one is the smallest.
 */
int vexfs_args_get(void *args, size_t len, size_t first, void __user *arg, u32 *size)
{
	int err;

	if (get_user(*size, (u32 __user *)arg))
		return -EFAULT;
	if (*size < first)
		return -EINVAL;
	if (*size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(args, len, arg, *size);
	/* The user may have changed it in between; what was checked counts. */
	*(u32 *)args = *size;
	return err;
}

int vexfs_args_put(void __user *arg, const void *args, size_t len, u32 size)
{
	return copy_to_user(arg, args, min_t(size_t, len, size)) ? -EFAULT : 0;
}

/* A copy of a user's array, or an error pointer. */
void *vexfs_array_get(u64 addr, size_t len)
{
	void *buf = vex_alloc(len);

	if (!buf)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(buf, u64_to_user_ptr(addr), len)) {
		vex_free(buf);
		return ERR_PTR(-EFAULT);
	}
	return buf;
}

int vexfs_array_put(u64 addr, const void *buf, size_t len)
{
	return copy_to_user(u64_to_user_ptr(addr), buf, len) ? -EFAULT : 0;
}

/* The descriptor has the access mode @mode, and its file is a collection. */
int vexfs_check_coll(const struct file *file, fmode_t mode)
{
	if (!(file->f_mode & mode))
		return -EBADF;
	return vexfs_is_coll(file_inode(file)) ? 0 : -ENODATA;
}

/*
 * @count rows of @dim elements lie in @len bytes: the largest product is below 2^50.
 */
int vexfs_check_rows(const struct vexfs_inode *vi, u32 count, u32 dim, u64 len)
{
	if (!count || dim != vi->dim || len != (u64)count * vi->row_bytes)
		return -EINVAL;
	return len > VEXFS_MAX_BATCH ? -E2BIG : 0;
}

/* @count records of metadata lie in @len bytes: each has a length before it. */
int vexfs_check_meta(u32 count, u64 len)
{
	if (!count)
		return -EINVAL;
	if (count > VEXFS_MAX_META || len > VEXFS_MAX_BATCH)
		return -E2BIG;
	return len < 4ULL * count ? -EINVAL : 0;
}

/* ---- create ---------------------------------------------------------------- */

static int vexfs_create_locked(struct inode *inode, const struct vex_coll *c)
{
	struct address_space *mapping = inode->i_mapping;
	int err;

	/* What is only in the page cache is data too: let the core see it. */
	err = vexfs_flush_aside(mapping, 0, LLONG_MAX);
	if (err)
		return err;
	filemap_invalidate_lock(mapping);
	err = vex_coll_create(vexfs_fs(inode), inode->i_ino, c);
	if (!err) {
		truncate_inode_pages(mapping, 0);
		/* What it asks for has just been made and is in memory. */
		err = vexfs_coll_attach(inode);
	}
	filemap_invalidate_unlock(mapping);
	return vexfs_check(inode->i_sb, err);
}

static long vexfs_do_create(struct file *file, void __user *arg, struct vexfs_op *op)
{
	struct inode *inode = file_inode(file);
	struct vexfs_create a;
	struct vex_coll c = { };
	u32 size;
	int err;

	err = vexfs_args_get(&a, sizeof(a), VEXFS_CREATE_FIRST, arg, &size);
	if (err)
		return err;
	if (a.flags || a.reserved)
		return -EINVAL;
	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	c.elem = a.elem;
	c.metric = a.metric;
	c.dim = a.dim;
	c.index = a.index;
	c.code = a.code;
	c.m = a.m;
	c.ef_construction = a.ef_construction;
	c.tables = a.tables;
	c.bits = a.bits;
	op->dim = a.dim;
	err = mnt_want_write_file(file);
	if (err)
		return err;
	if (down_write_killable(&inode->i_rwsem)) {
		err = -EINTR;
	} else {
		err = vexfs_create_locked(inode, &c);
		inode_unlock(inode);
	}
	mnt_drop_write_file(file);
	return err;
}

/* VEXFS_IOC_CREATE. */
static noinline __noclone
long vexfs_coll_create(struct file *file, void __user *arg)
{
	struct vexfs_op op __uninitialized;
	long err;

	vexfs_op_begin(&op, VEXFS_OP_COLL_CREATE, file_inode(file)->i_ino);
	err = vexfs_do_create(file, arg, &op);
	vexfs_op_end(&op, err);
	return err;
}

/* ---- statistics and capabilities --------------------------------------------------- */

static long vexfs_do_stat(struct file *file, void __user *arg)
{
	struct inode *inode = file_inode(file);
	struct vex_index_stat index;
	struct vex_coll c;
	struct vexfs_stat a;
	u32 size;
	int err;

	err = vexfs_args_get(&a, sizeof(a), VEXFS_STAT_FIRST, arg, &size);
	if (err)
		return err;
	if (a.flags)
		return -EINVAL;
	if (!vexfs_is_coll(inode))
		return -ENODATA;
	err = vex_coll_stat(vexfs_fs(inode), inode->i_ino, &c);
	if (!err)
		err = vex_index_stat(vexfs_fs(inode), inode->i_ino, &index);
	if (vexfs_check(inode->i_sb, err))
		return err;
	a.elem = c.elem;
	a.metric = c.metric;
	a.dim = c.dim;
	a.index = c.index;
	a.rows = c.rows;
	a.live = c.live;
	a.row_bytes = c.row_bytes;
	a.blocks = c.blocks;
	a.code = index.code;
	a.m = index.m;
	a.ef_construction = index.ef_construction;
	a.pending = index.pending;
	a.indexed = index.indexed;
	a.tables = index.tables;
	a.bits = index.bits;
	return vexfs_args_put(arg, &a, sizeof(a), size);
}

/* VEXFS_IOC_STAT. */
static noinline __noclone
long vexfs_coll_stat(struct file *file, void __user *arg)
{
	struct vexfs_op op __uninitialized;
	long err;

	vexfs_op_begin(&op, VEXFS_OP_COLL_STAT, file_inode(file)->i_ino);
	err = vexfs_do_stat(file, arg);
	vexfs_op_end(&op, err);
	return err;
}

/* ---- making an index anew ---------------------------------------------------------- */

static long vexfs_do_reindex(struct file *file, void __user *arg)
{
	struct inode *inode = file_inode(file);
	struct vex_index_stat want = { };
	struct vexfs_reindex a;
	u32 size;
	int err;

	err = vexfs_args_get(&a, sizeof(a), VEXFS_REINDEX_FIRST, arg, &size);
	if (err)
		return err;
	if (a.flags || a.reserved)
		return -EINVAL;
	err = vexfs_check_coll(file, FMODE_WRITE);
	if (err)
		return err;
	want.code = a.code;
	want.m = a.m;
	want.ef_construction = a.ef_construction;
	want.tables = a.tables;
	want.bits = a.bits;
	err = mnt_want_write_file(file);
	if (err)
		return err;
	if (down_write_killable(&inode->i_rwsem)) {
		err = -EINTR;
	} else {
		err = vex_index_rebuild(vexfs_fs(inode), inode->i_ino, &want);
		inode_unlock(inode);
	}
	mnt_drop_write_file(file);
	return vexfs_check(inode->i_sb, err);
}

/* VEXFS_IOC_REINDEX. */
static noinline __noclone
long vexfs_coll_reindex(struct file *file, void __user *arg)
{
	struct vexfs_op op __uninitialized;
	long err;

	vexfs_op_begin(&op, VEXFS_OP_REINDEX, file_inode(file)->i_ino);
	err = vexfs_do_reindex(file, arg);
	vexfs_op_end(&op, err);
	return err;
}

/* VEXFS_IOC_CAPS: no operation on a file, and not traced as one. */
static noinline_for_stack long vexfs_caps(void __user *arg)
{
	struct vexfs_caps a;
	u32 size;
	int err;

	err = vexfs_args_get(&a, sizeof(a), VEXFS_CAPS_FIRST, arg, &size);
	if (err)
		return err;
	if (a.flags)
		return -EINVAL;
	a.elems = VEX_ELEMS_SERVED;
	a.metrics = VEX_METRICS_SERVED;
	a.indexes = VEX_INDEXES_SERVED;
	a.isa = vex_dist_isa();
	a.max_dim = VEXFS_MAX_DIM;
	a.max_k = VEXFS_MAX_K;
	a.max_queries = VEXFS_MAX_QUERIES;
	a.max_results = VEXFS_MAX_RESULTS;
	a.max_ids = VEXFS_MAX_IDS;
	a.max_batch = VEXFS_MAX_BATCH;
	a.max_update = VEXFS_MAX_UPDATE;
	a.max_meta = VEXFS_MAX_META;
	a.max_filter = VEXFS_MAX_FILTER;
	a.max_filter_text = VEXFS_MAX_FILTER_TEXT;
	return vexfs_args_put(arg, &a, sizeof(a), size);
}

/* ioctl(2) on a file or directory. */
long vexfs_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;

	if (cmd == VEXFS_IOC_CAPS)
		return vexfs_caps(user);
	if (cmd == FITRIM)
		return vexfs_trim(file, user);
	if (!S_ISREG(file_inode(file)->i_mode))
		return -ENOTTY;
	switch (cmd) {
	case VEXFS_IOC_CREATE:
		return vexfs_coll_create(file, user);
	case VEXFS_IOC_INSERT:
		return vexfs_coll_insert(file, user);
	case VEXFS_IOC_GET:
		return vexfs_coll_get(file, user);
	case VEXFS_IOC_DELETE:
		return vexfs_coll_delete(file, user);
	case VEXFS_IOC_SEARCH:
		return vexfs_coll_search(file, user);
	case VEXFS_IOC_RANGE:
		return vexfs_coll_range(file, user);
	case VEXFS_IOC_STAT:
		return vexfs_coll_stat(file, user);
	case VEXFS_IOC_UPDATE:
		return vexfs_coll_update(file, user);
	case VEXFS_IOC_META_SET:
		return vexfs_meta_set(file, user);
	case VEXFS_IOC_META_GET:
		return vexfs_meta_get(file, user);
	case VEXFS_IOC_FILTER:
		return vexfs_coll_filter(file, user);
	case VEXFS_IOC_REINDEX:
		return vexfs_coll_reindex(file, user);
	default:
		return -ENOTTY;
	}
}

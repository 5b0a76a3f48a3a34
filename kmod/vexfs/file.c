// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regular files: read, write, mmap, fsync, truncate. Data passes through the page cache;
 * a collection shares all of it but writing, which is coll.c's.
 */
#include <linux/blkdev.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include "vexfs.h"

static __always_inline ssize_t vexfs_read(struct kiocb *iocb, struct iov_iter *to)
{
	int err = vexfs_need(file_inode(iocb->ki_filp)->i_sb, VEXFS_COMPONENT_STORAGE);

	if (err)
		return err;
	if (iocb->ki_flags & IOCB_DIRECT)
		return vexfs_direct_read(iocb, to);
	return generic_file_read_iter(iocb, to);
}

/* Below it are the page cache and the block layer: it leaves nothing in the stack itself. */
static noinline __noclone
ssize_t vexfs_file_read(struct kiocb *iocb, struct iov_iter *to)
{
	if (vexfs_op_traced()) {
		struct vexfs_op op __uninitialized;
		ssize_t n;

		vexfs_op_begin(&op, VEXFS_OP_READ, file_inode(iocb->ki_filp)->i_ino);
		n = vexfs_read(iocb, to);
		op.bytes = max_t(ssize_t, n, 0);
		vexfs_op_end(&op, min_t(ssize_t, n, 0));
		return n;
	}
	return vexfs_read(iocb, to);
}

static noinline __noclone
ssize_t vexfs_file_splice_read(struct file *in, loff_t *pos, struct pipe_inode_info *pipe,
			       size_t len, unsigned int flags)
{
	struct vexfs_op op __uninitialized;
	ssize_t n;

	vexfs_op_begin(&op, VEXFS_OP_READ, file_inode(in)->i_ino);
	n = vexfs_need(file_inode(in)->i_sb, VEXFS_COMPONENT_STORAGE);
	if (!n)
		n = filemap_splice_read(in, pos, pipe, len, flags);
	op.bytes = max_t(ssize_t, n, 0);
	vexfs_op_end(&op, min_t(ssize_t, n, 0));
	return n;
}

/**
 * vexfs_write_cached() - write into the page cache
 * @iocb: file and position, checked; the inode's rwsem is held
 * @from: where from
 *
 * A full device has room for more of what was allocated ahead, once that is written back.
 *
 * Return: bytes, or a negative errno when there were none.
 */
ssize_t vexfs_write_cached(struct kiocb *iocb, struct iov_iter *from)
{
	bool relieved = false;
	ssize_t n, done = 0;

	do {
		n = __generic_file_write_iter(iocb, from);
		if (n > 0) {
			done += n;
			relieved = false;
		} else if (n == -EAGAIN) {
			n = relieved ? -ENOSPC : vexfs_page_relief(file_inode(iocb->ki_filp));
			relieved = true;
		} else {
			break;
		}
	} while (n >= 0 && iov_iter_count(from));
	return done ?: n;
}

static ssize_t vexfs_write_locked(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	ssize_t n = generic_write_checks(iocb, from);
	int err;

	if (n <= 0)
		return n;
	err = vexfs_need(inode->i_sb, VEXFS_COMPONENT_STORAGE);
	if (err)
		return err;
	/* It became a collection while this write waited: these are no rows. */
	if (vexfs_is_coll(inode))
		return -EINVAL;
	if (iocb->ki_pos > i_size_read(inode)) {
		err = vexfs_page_zero_tail(inode, i_size_read(inode), false);
		if (err)
			return err;
	}
	if (iocb->ki_flags & IOCB_DIRECT)
		return vexfs_direct_write(iocb, from);
	return vexfs_write_cached(iocb, from);
}

static noinline ssize_t vexfs_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	ssize_t n;

	inode_lock(inode);
	n = vexfs_write_locked(iocb, from);
	inode_unlock(inode);
	return n;
}

static noinline __noclone
ssize_t vexfs_file_write(struct kiocb *iocb, struct iov_iter *from)
{
	if (vexfs_op_traced()) {
		struct vexfs_op op __uninitialized;
		ssize_t n;

		vexfs_op_begin(&op, VEXFS_OP_WRITE, file_inode(iocb->ki_filp)->i_ino);
		n = vexfs_write(iocb, from);
		op.bytes = max_t(ssize_t, n, 0);
		vexfs_op_end(&op, min_t(ssize_t, n, 0));
		return n;
	}
	return vexfs_write(iocb, from);
}

/* What O_SYNC asks for is an fsync, an operation of its own. */
static ssize_t vexfs_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	ssize_t n;

	if (vexfs_is_coll(file_inode(iocb->ki_filp)))
		n = vexfs_coll_append(iocb, from);
	else
		n = vexfs_file_write(iocb, from);
	return n > 0 ? generic_write_sync(iocb, n) : n;
}

static noinline int vexfs_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct inode *inode = file_inode(file);
	int err;

	err = file_write_and_wait_range(file, start, end);
	if (!err && !datasync)
		err = sync_inode_metadata(inode, 1);
	if (!err)
		err = vexfs_check(inode->i_sb, vex_fs_commit(vexfs_fs(inode)));
	return err;
}

/**
 * vexfs_file_fsync() - make a file or directory durable
 * @file: it
 * @start: first byte that matters
 * @end: last byte
 * @datasync: nonzero: attributes that no reader of the data needs may wait
 *
 * Everything that the filesystem has pending becomes durable with it.
 *
 * Return: 0 or a negative errno.
 */
noinline __noclone
int vexfs_file_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	if (vexfs_op_traced()) {
		struct vexfs_op op __uninitialized;
		int err;

		vexfs_op_begin(&op, VEXFS_OP_FSYNC, file_inode(file)->i_ino);
		err = vexfs_fsync(file, start, end, datasync);
		vexfs_op_end(&op, err);
		return err;
	}
	return vexfs_fsync(file, start, end, datasync);
}

/* Cut a file off; its rwsem and invalidate lock are held. */
static int vexfs_shrink(struct inode *inode, loff_t size)
{
	struct vex_fs *fs = vexfs_fs(inode);
	loff_t block_end = round_up(size, VEXFS_BLOCK_SIZE);
	int err = vexfs_page_zero_tail(inode, size, true);

	/*
	 * A full device has no block for the new copy of the last one: free first
	 * what lies behind it.
	 */
	if (err == -ENOSPC && block_end < i_size_read(inode)) {
		truncate_setsize(inode, block_end);
		err = vex_file_truncate(fs, inode->i_ino, block_end);
		if (!err)
			err = vexfs_page_zero_tail(inode, size, true);
	}
	if (err)
		return err;
	truncate_setsize(inode, size);
	return vex_file_truncate(fs, inode->i_ino, size);
}

/**
 * vexfs_file_truncate() - set the size of a regular file
 * @inode: its rwsem is held
 * @size: checked against limits already
 *
 * Return: 0; -EPERM for a collection, which changes by rows only; or a
 * negative errno.
 */
int vexfs_file_truncate(struct inode *inode, loff_t size)
{
	loff_t old = i_size_read(inode);
	int err;

	if (vexfs_is_coll(inode))
		return -EPERM;
	err = vexfs_need(inode->i_sb, VEXFS_COMPONENT_STORAGE);
	if (err)
		return err;
	filemap_invalidate_lock(inode->i_mapping);
	if (size < old) {
		err = vexfs_shrink(inode, size);
	} else {
		err = vexfs_page_zero_tail(inode, old, false);
		if (!err)
			err = vex_file_truncate(vexfs_fs(inode), inode->i_ino, size);
		if (!err)
			truncate_setsize(inode, size);
	}
	filemap_invalidate_unlock(inode->i_mapping);
	return vexfs_check(inode->i_sb, err);
}

/* A truncate to the size that a file has: what was allocated behind its end goes. */
int vexfs_file_trim_end(struct inode *inode)
{
	u64 end = ((u64)i_size_read(inode) + VEXFS_BLOCK_SIZE - 1) >> VEXFS_BLOCK_SHIFT;

	if (vexfs_is_coll(inode))
		return 0;
	return vexfs_check(inode->i_sb, vex_file_punch(vexfs_fs(inode), inode->i_ino, end,
						       U64_MAX >> VEXFS_BLOCK_SHIFT));
}

static vm_fault_t vexfs_mkwrite_locked(struct inode *inode, struct folio *folio, pgoff_t index,
				       int *err)
{
	/* Truncated meanwhile: the fault is tried again. */
	if (folio->mapping != inode->i_mapping ||
	    (loff_t)index << PAGE_SHIFT >= i_size_read(inode)) {
		folio_unlock(folio);
		return VM_FAULT_NOPAGE;
	}
	/* Only single pages become dirty: the fault is tried again with one in its place. */
	if (folio_test_large(folio)) {
		folio_unlock(folio);
		*err = vexfs_page_split(inode, index);
		return *err ? VM_FAULT_SIGBUS : VM_FAULT_NOPAGE;
	}
	/* Mapped before it became a collection. */
	if (vexfs_is_coll(inode))
		*err = -EACCES;
	folio_wait_stable(folio);
	if (!*err)
		*err = vexfs_page_reserve(inode, folio);
	if (*err) {
		folio_unlock(folio);
		return VM_FAULT_SIGBUS;
	}
	folio_mark_dirty(folio);
	return VM_FAULT_LOCKED;
}

/* A store to a page that is clean: it needs a block, as any other page that becomes dirty. */
static noinline __noclone
vm_fault_t vexfs_file_mkwrite(struct vm_fault *vmf)
{
	struct file *file = vmf->vma->vm_file;
	struct inode *inode = file_inode(file);
	struct folio *folio = page_folio(vmf->page);
	struct vexfs_op op __uninitialized;
	vm_fault_t result;
	int err = 0;

	vexfs_op_begin(&op, VEXFS_OP_WRITE, inode->i_ino);
	sb_start_pagefault(inode->i_sb);
	file_update_time(file);
	folio_lock(folio);
	result = vexfs_mkwrite_locked(inode, folio, vmf->pgoff, &err);
	if (err == -EAGAIN) {
		/* Room for this page comes with writing back others. */
		err = vexfs_page_relief(inode);
		folio_lock(folio);
		result = vexfs_mkwrite_locked(inode, folio, vmf->pgoff, &err);
	}
	sb_end_pagefault(inode->i_sb);
	op.bytes = result == VM_FAULT_LOCKED ? PAGE_SIZE : 0;
	vexfs_op_end(&op, err);
	return result;
}

static const struct vm_operations_struct vexfs_vm_ops = {
	.fault		= filemap_fault,
	.map_pages	= filemap_map_pages,
	.page_mkwrite	= vexfs_file_mkwrite,
};

/* A collection may be mapped, but its rows change through the operations only. */
static int vexfs_file_mmap(struct file *file, struct vm_area_struct *vma)
{
	int err = vexfs_need(file_inode(file)->i_sb, VEXFS_COMPONENT_STORAGE);

	if (err)
		return err;
	if (vexfs_is_coll(file_inode(file)) && vma->vm_flags & VM_SHARED) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		vm_flags_clear(vma, VM_MAYWRITE);
	}
	file_accessed(file);
	vma->vm_ops = &vexfs_vm_ops;
	return 0;
}

/*
 * Direct I/O is served by read_iter and write_iter themselves. What nobody has open for writing is
 * read into large folios; should one come to be written all the same, single pages take its place.
 */
static int vexfs_file_open(struct inode *inode, struct file *file)
{
	if (!vexfs_is_coll(inode))
		vexfs_mapping_large(inode->i_mapping, !inode_is_open_for_write(inode));
	file->f_mode |= FMODE_CAN_ODIRECT;
	return generic_file_open(inode, file);
}

const struct inode_operations vexfs_file_inode_ops = {
	.getattr	= vexfs_getattr,
	.setattr	= vexfs_inode_setattr,
	.listxattr	= vexfs_xattr_list,
};

const struct file_operations vexfs_file_ops = {
	.llseek		= vexfs_file_llseek,
	.read_iter	= vexfs_file_read,
	.write_iter	= vexfs_write_iter,
	.mmap		= vexfs_file_mmap,
	.open		= vexfs_file_open,
	.fsync		= vexfs_file_fsync,
	.fallocate	= vexfs_fallocate,
	.splice_read	= vexfs_file_splice_read,
	.splice_write	= iter_file_splice_write,
	.unlocked_ioctl	= vexfs_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

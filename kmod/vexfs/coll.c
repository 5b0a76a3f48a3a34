// SPDX-License-Identifier: GPL-2.0-only
/*
 * Collections as files.
 *
 * The core holds the rows; the page cache holds copies, for read(2) and mmap(2), and no page of
 * it is ever dirty. New rows go to the core first, then the copy of the page in which the file
 * ended is dropped, and only then does the size grow: a reader that sees the new size cannot
 * find an old copy. Deleting a row leaves its bytes in the file as they are.
 */
#include <linux/highmem.h>
#include <linux/sizes.h>
#include <linux/uio.h>
#include "vexfs.h"

/* Bytes of rows that one write(2) hands to the core at a time. */
#define VEXFS_APPEND_BYTES	SZ_1M
static_assert(VEXFS_MAX_DIM * sizeof(u32) <= VEXFS_APPEND_BYTES);

static int vexfs_coll_read_page(struct inode *inode, struct folio *folio, size_t at)
{
	void *data = kmap_local_folio(folio, at);
	size_t done = 0;
	/* Not limited by i_size: rows that are there already are welcome. */
	int err = vex_file_read(vexfs_fs(inode), inode->i_ino, folio_pos(folio) + at, data,
				PAGE_SIZE, &done);

	if (!err)
		memset(data + done, 0, PAGE_SIZE - done);
	kunmap_local(data);
	return err;
}

static int vexfs_coll_read_folio(struct file *file, struct folio *folio)
{
	struct inode *inode = folio->mapping->host;
	size_t at;
	int err = 0;

	for (at = 0; at < folio_size(folio) && !err; at += PAGE_SIZE)
		err = vexfs_coll_read_page(inode, folio, at);
	if (!err) {
		flush_dcache_folio(folio);
		folio_mark_uptodate(folio);
	}
	folio_unlock(folio);
	return vexfs_check(inode->i_sb, err);
}

const struct address_space_operations vexfs_coll_aops = {
	.read_folio	= vexfs_coll_read_folio,
	.dirty_folio	= noop_dirty_folio,
	.migrate_folio	= filemap_migrate_folio,
};

/**
 * vexfs_coll_attach() - let an inode serve a collection
 * @inode: new, or with its rwsem held and no page in its mapping
 *
 * Return: 0 or what the core says.
 */
int vexfs_coll_attach(struct inode *inode)
{
	struct vexfs_inode *vi = vexfs_i(inode);
	struct vex_coll c;
	int err;

	err = vexfs_check(inode->i_sb, vex_coll_stat(vexfs_fs(inode), inode->i_ino, &c));
	if (err)
		return err;
	vi->dim = c.dim;
	vi->row_bytes = c.row_bytes;
	vi->index = c.index;
	inode->i_mapping->a_ops = &vexfs_coll_aops;
	/* Pairs with vexfs_is_coll(). */
	smp_store_release(&vi->flags, vi->flags | VEXFS_INODE_COLL);
	return 0;
}

/**
 * vexfs_coll_add() - append rows
 * @file: collection; its inode's rwsem is held
 * @r: rows in kernel memory, with or without metadata
 *
 * Return: 0; -EFBIG past the size limits of the process or the filesystem; what the core says.
 */
int vexfs_coll_add(struct file *file, struct vex_rows *r)
{
	struct inode *inode = file_inode(file);
	u64 old = i_size_read(inode);
	u64 size = old + (u64)r->count * vexfs_i(inode)->row_bytes;
	int err;

	err = inode_newsize_ok(inode, size);
	if (!err)
		err = file_remove_privs(file);
	if (err)
		return err;
	err = vex_coll_append(vexfs_fs(inode), inode->i_ino, r);
	if (err)
		return vexfs_check(inode->i_sb, err);
	invalidate_inode_pages2_range(inode->i_mapping, old >> PAGE_SHIFT,
				      (size - 1) >> PAGE_SHIFT);
	i_size_write(inode, size);
	file_update_time(file);
	return 0;
}

/**
 * vexfs_coll_change() - new content for rows
 * @file: collection; its inode's rwsem is held
 * @r: rows and their ids in kernel memory, with or without metadata
 *
 * The copies in the page cache are dropped when the core has the new rows: who reads a page
 * afterwards gets those.
 *
 * Return: 0 or what the core says.
 */
int vexfs_coll_change(struct file *file, struct vex_rows *r)
{
	struct inode *inode = file_inode(file);
	u32 row_bytes = vexfs_i(inode)->row_bytes;
	int err;
	u32 i;

	err = file_remove_privs(file);
	if (err)
		return err;
	err = vex_coll_update(vexfs_fs(inode), inode->i_ino, r);
	if (err)
		return vexfs_check(inode->i_sb, err);
	for (i = 0; i < r->count; i++) {
		u64 pos = r->ids[i] * row_bytes;

		invalidate_inode_pages2_range(inode->i_mapping, pos >> PAGE_SHIFT,
					      (pos + row_bytes - 1) >> PAGE_SHIFT);
	}
	file_update_time(file);
	return 0;
}

/**
 * vexfs_coll_drop() - delete rows
 * @file: collection; its inode's rwsem is held
 * @ids: kernel memory; comes back sorted
 * @count: ids in it
 * @bad_id: with -ENOENT, receives the first id that is no live row
 *
 * Return: 0 or what the core says.
 */
int vexfs_coll_drop(struct file *file, u64 *ids, u32 count, u64 *bad_id)
{
	struct inode *inode = file_inode(file);
	int err;

	err = file_remove_privs(file);
	if (err)
		return err;
	err = vex_coll_delete(vexfs_fs(inode), inode->i_ino, ids, count, bad_id);
	if (err)
		return vexfs_check(inode->i_sb, err);
	file_update_time(file);
	return 0;
}

/* Insert what @from holds, piece by piece; each piece is there whole or not at all. */
static ssize_t vexfs_append_rows(struct file *file, struct iov_iter *from)
{
	u32 row = vexfs_i(file_inode(file))->row_bytes;
	size_t most = rounddown(VEXFS_APPEND_BYTES, row);
	size_t done = 0, piece = min(most, iov_iter_count(from));
	void *buf = vex_alloc(piece);
	struct vex_rows r = { .rows = buf, .dim = vexfs_i(file_inode(file))->dim };
	int err = 0;

	if (!buf)
		return -ENOMEM;
	while (!err && iov_iter_count(from)) {
		size_t n = min(piece, iov_iter_count(from));

		r.count = n / row;
		if (!copy_from_iter_full(buf, n, from))
			err = -EFAULT;
		else if (fatal_signal_pending(current))
			err = -EINTR;
		else
			err = vexfs_coll_add(file, &r);
		if (!err)
			done += n;
	}
	vex_free(buf);
	return done ?: err;
}

static ssize_t vexfs_append_locked(struct kiocb *iocb, struct iov_iter *from)
{
	struct file *file = iocb->ki_filp;
	struct inode *inode = file_inode(file);
	ssize_t n = generic_write_checks(iocb, from);

	if (n <= 0)
		return n;
	if (iocb->ki_pos != i_size_read(inode) || n % vexfs_i(inode)->row_bytes)
		return -EINVAL;
	n = vexfs_append_rows(file, from);
	if (n > 0)
		iocb->ki_pos += n;
	return n;
}

/**
 * vexfs_coll_append() - write(2) to a collection
 * @iocb: where
 * @from: whole rows
 *
 * Return: bytes appended, a multiple of a row; -EINVAL when it is not whole rows at the end of the
 * file; -EDOM when the next row cannot be stored.
 */
noinline __noclone
ssize_t vexfs_coll_append(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct vexfs_op op __uninitialized;
	ssize_t n = -EINTR;

	vexfs_op_begin(&op, VEXFS_OP_INSERT, inode->i_ino);
	if (!down_write_killable(&inode->i_rwsem)) {
		n = vexfs_append_locked(iocb, from);
		inode_unlock(inode);
	}
	op.dim = vexfs_i(inode)->dim;
	op.bytes = max_t(ssize_t, n, 0);
	op.count = n > 0 ? n / vexfs_i(inode)->row_bytes : 0;
	vexfs_op_end(&op, min_t(ssize_t, n, 0));
	return n;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page cache of regular files.
 *
 * Data is never overwritten in place: each dirty page will need a block of its own when
 * it is written back. That block is promised when the page becomes dirty, so that
 * a full device is an error of write(2) and not of writeback. A folio that holds a promise
 * has PG_private set, and which one in its private word; it gets it under the folio lock and
 * loses it when it is written back or cut off. Only single pages become dirty; large folios
 * are for reading.
 *
 * What lies on the device behind the end of a file, in its last block, is zero:
 * writeback writes it so, and truncate sees to it before the size falls.
 */
#include <linux/highmem.h>
#include "vexfs.h"

static void vexfs_page_promised(struct inode *inode, struct folio *folio, enum vexfs_promise kind)
{
	folio_attach_private(folio, (void *)kind);
	atomic_long_inc(&vexfs_i(inode)->reserved);
}

/**
 * vexfs_page_reserve() - promise a block to a page that is about to become dirty
 * @inode: regular file, no collection
 * @folio: locked
 *
 * On a full device a page over an unwritten block needs no other one.
 *
 * Return: 0, also when it had one; -ENOSPC when the device is full; -EAGAIN when it is,
 * but after vexfs_page_relief() there will be room for this one.
 */
int vexfs_page_reserve(struct inode *inode, struct folio *folio)
{
	enum vexfs_promise kind = VEXFS_PROMISE_BLOCK;
	int err;

	if (folio_test_private(folio))
		return 0;
	err = vex_space_reserve(vexfs_fs(inode), 1);
	if (err == -ENOSPC) {
		kind = VEXFS_PROMISE_INPLACE;
		err = vex_space_reserve_inplace(vexfs_fs(inode), inode->i_ino, folio->index);
	}
	if (err)
		return vexfs_check(inode->i_sb, err);
	vexfs_page_promised(inode, folio, kind);
	return 0;
}

/**
 * vexfs_page_again() - have a page written once more that did not reach the device
 * @inode: whose
 * @folio: under writeback, which keeps all others from its promise
 *
 * It is as if it had been stored again just now: dirty, with a new promise. Without room for that,
 * or when the filesystem takes no changes any more, it stays clean, and its data is lost.
 */
void vexfs_page_again(struct inode *inode, struct folio *folio)
{
	if (vex_space_reserve_now(vexfs_fs(inode), 1))
		return;
	vexfs_page_promised(inode, folio, VEXFS_PROMISE_BLOCK);
	folio_mark_dirty(folio);
}

/**
 * vexfs_page_relief() - have the promises of a file kept, and what that frees given back
 * @inode: whose; no folio of it is locked
 *
 * Return: 0 or the first error.
 */
int vexfs_page_relief(struct inode *inode)
{
	int err = vexfs_flush_aside(inode->i_mapping, 0, LLONG_MAX);

	return err ?: vexfs_check(inode->i_sb, vex_fs_commit(vexfs_fs(inode)));
}

/* The promise has been used, or, with @unused, is given back. */
void vexfs_page_settle(struct inode *inode, struct folio *folio, bool unused)
{
	unsigned long kind = (unsigned long)folio_detach_private(folio);

	atomic_long_dec(&vexfs_i(inode)->reserved);
	if (kind == VEXFS_PROMISE_INPLACE)
		vex_space_end_inplace(vexfs_fs(inode), unused);
	else if (unused)
		vex_space_unreserve(vexfs_fs(inode), 1);
}

/* The page will not be written after all. */
void vexfs_page_unreserve(struct inode *inode, struct folio *folio)
{
	if (folio_test_private(folio))
		vexfs_page_settle(inode, folio, true);
}

static void vexfs_page_put(struct folio *folio)
{
	folio_unlock(folio);
	folio_put(folio);
}

/* A page of its own: a large folio there is clean, and gives way. */
static struct folio *vexfs_page_get(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio;

	for (;;) {
		folio = __filemap_get_folio(mapping, index,
					    FGP_LOCK | FGP_WRITE | FGP_CREAT | FGP_STABLE,
					    mapping_gfp_mask(mapping));
		if (IS_ERR_OR_NULL(folio))
			return NULL;
		if (!folio_test_large(folio))
			return folio;
		vexfs_page_put(folio);
		vexfs_mapping_large(mapping, false);
		invalidate_inode_pages2_range(mapping, index, index);
	}
}

/**
 * vexfs_page_split() - have a page of its own in place of a part of a large folio
 * @inode: regular file, no collection
 * @index: of the page; no folio of the file is locked
 *
 * Return: 0; -ENOMEM, -EIO.
 */
int vexfs_page_split(struct inode *inode, pgoff_t index)
{
	struct folio *folio = vexfs_page_get(inode->i_mapping, index);
	int err = 0;

	if (!folio)
		return -ENOMEM;
	/* Truncated meanwhile: nobody sees it. */
	if (!folio_test_uptodate(folio) && folio_pos(folio) < i_size_read(inode))
		err = vexfs_page_fill(inode, folio);
	vexfs_page_put(folio);
	return err;
}

/* Zero a cached page from @from on; one that is not cached will be read as zero. */
static void vexfs_zero_cached(struct inode *inode, loff_t from)
{
	struct folio *folio = filemap_lock_folio(inode->i_mapping, from >> PAGE_SHIFT);

	if (IS_ERR_OR_NULL(folio))
		return;
	folio_wait_stable(folio);
	if (folio_test_uptodate(folio))
		folio_zero_range(folio, offset_in_folio(folio, from),
				 PAGE_SIZE - offset_in_page(from));
	vexfs_page_put(folio);
}

/* A clean page over a hole or an unwritten block is zero, and so is what will be read there. */
static int vexfs_page_is_hole(struct inode *inode, struct folio *folio, bool *hole)
{
	struct vex_map map;
	u32 csum;
	int err;

	*hole = false;
	if (folio_test_dirty(folio))
		return 0;
	err = vex_extent_map(vexfs_fs(inode), inode->i_ino, folio->index, 1, &map, &csum);
	if (!err)
		*hole = !map.block;
	return vexfs_check(inode->i_sb, err);
}

/*
 * A promise for a change inside a block: on a full device out of the reserve, if need be; then
 * *@urgent is set, and the page is to be written at once.
 */
static int vexfs_page_reserve_part(struct inode *inode, struct folio *folio, bool *urgent)
{
	int err = vexfs_page_reserve(inode, folio);

	if (err != -ENOSPC && err != -EAGAIN)
		return err;
	err = vexfs_check(inode->i_sb, vex_space_reserve_urgent(vexfs_fs(inode)));
	if (err)
		return err;
	vexfs_page_promised(inode, folio, VEXFS_PROMISE_BLOCK);
	*urgent = true;
	return 0;
}

/**
 * vexfs_page_zero_part() - zero bytes inside one page, unless they are
 * @inode: regular file, no collection; its rwsem held
 * @from: first byte
 * @to: behind the last one, in the same page
 * @write: and have it on its way to a place on the device
 *
 * A page over a hole, or over an unwritten block, is left alone.
 *
 * Return: 0, or what reading, reserving or writing the page met.
 */
int vexfs_page_zero_part(struct inode *inode, loff_t from, loff_t to, bool write)
{
	struct address_space *mapping = inode->i_mapping;
	struct folio *folio = vexfs_page_get(mapping, from >> PAGE_SHIFT);
	bool hole;
	int err;

	if (!folio)
		return -ENOMEM;
	err = vexfs_page_is_hole(inode, folio, &hole);
	if (err || hole)
		goto out;
	err = folio_test_uptodate(folio) ? 0 : vexfs_page_fill(inode, folio);
	if (!err)
		err = vexfs_page_reserve_part(inode, folio, &write);
	if (err)
		goto out;
	folio_zero_segment(folio, offset_in_page(from), offset_in_page(to - 1) + 1);
	folio_mark_dirty(folio);
	vexfs_page_put(folio);
	return write ? vexfs_flush_aside(mapping, from, from) : 0;
out:
	vexfs_page_put(folio);
	return err;
}

/**
 * vexfs_page_zero_tail() - zero the rest of the page in which a file ends or will end
 * @inode: regular file, no collection; its rwsem held
 * @from: the end
 * @write: on the device too, before the size falls to @from; else only what a
 *	mapping may have stored behind the end, before the size grows
 *
 * Return: 0; or with @write what reading, reserving or writing the page met.
 */
int vexfs_page_zero_tail(struct inode *inode, loff_t from, bool write)
{
	if (!offset_in_page(from))
		return 0;
	if (write)
		return vexfs_page_zero_part(inode, from, round_up(from, PAGE_SIZE), true);
	vexfs_zero_cached(inode, from);
	return 0;
}

static int vexfs_write_begin(struct file *file, struct address_space *mapping, loff_t pos,
			     unsigned int len, vexfs_write_page_t **pagep, void **fsdata)
{
	struct folio *folio = vexfs_page_get(mapping, pos >> PAGE_SHIFT);
	int err = 0;

	if (!folio)
		return -ENOMEM;
	if (!folio_test_uptodate(folio) && len < PAGE_SIZE)
		err = vexfs_page_fill(mapping->host, folio);
	if (!err)
		err = vexfs_page_reserve(mapping->host, folio);
	if (err) {
		vexfs_page_put(folio);
		return err;
	}
	*pagep = vexfs_write_page(folio);
	return 0;
}

/* The size grows here in memory; on the device it does so with the data. */
static int vexfs_write_end(struct file *file, struct address_space *mapping, loff_t pos,
			   unsigned int len, unsigned int copied, vexfs_write_page_t *page,
			   void *fsdata)
{
	struct folio *folio = vexfs_write_folio(page);
	struct inode *inode = mapping->host;

	/* Part of a page of which the rest was not read: the caller tries again. */
	if (copied < len && !folio_test_uptodate(folio))
		copied = 0;
	if (copied) {
		folio_mark_uptodate(folio);
		folio_mark_dirty(folio);
		if (pos + copied > i_size_read(inode))
			i_size_write(inode, pos + copied);
	} else if (!folio_test_dirty(folio)) {
		vexfs_page_unreserve(inode, folio);
	}
	vexfs_page_put(folio);
	return copied;
}

static void vexfs_invalidate_folio(struct folio *folio, size_t offset, size_t len)
{
	if (!offset && len == folio_size(folio))
		vexfs_page_unreserve(folio->mapping->host, folio);
}

/* A promise is given back by writing, not by forgetting the page. */
static bool vexfs_release_folio(struct folio *folio, gfp_t gfp)
{
	return !folio_test_private(folio);
}

const struct address_space_operations vexfs_file_aops = {
	.read_folio		= vexfs_read_folio,
	.readahead		= vexfs_readahead,
	.writepages		= vexfs_writepages,
	.dirty_folio		= filemap_dirty_folio,
	.write_begin		= vexfs_write_begin,
	.write_end		= vexfs_write_end,
	.invalidate_folio	= vexfs_invalidate_folio,
	.release_folio		= vexfs_release_folio,
	.migrate_folio		= filemap_migrate_folio,
};

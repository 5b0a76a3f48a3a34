// SPDX-License-Identifier: GPL-2.0-only
/*
 * Direct I/O: past the page cache, not without a copy.
 *
 * A block's checksum must be that of the bytes that reach the device, and a caller may change its
 * memory at any time. So a piece of up to 512 KiB is copied into a buffer of ours, and from
 * there written and waited for; a read comes into such a buffer, is verified, and copied
 * out. What the page cache holds of the range is written back before, and dropped before a
 * write, under the invalidate lock, so that the two never differ. Whatever does not fit
 * this (part of a block, a page that somebody keeps dirtying, a full device, a block
 * that fails its checksum) goes through the page cache, and, for a write, to the device at once.
 */
#include <linux/highmem.h>
#include <linux/uio.h>
#include "vexfs.h"

#define DIRECT_BYTES	(VEXFS_EXTENT_MAX * VEXFS_BLOCK_SIZE)

/**
 * struct vexfs_direct - a piece on its way
 * @inode: of what
 * @csums: of its blocks
 * @buf: room for @room bytes
 * @room: a multiple of the block size
 */
struct vexfs_direct {
	struct inode *inode;
	u32 csums[VEXFS_EXTENT_MAX];
	size_t room;
	u8 *buf;
};

static struct vexfs_direct *vexfs_direct_alloc(struct inode *inode, loff_t pos, size_t len)
{
	struct vexfs_direct *d = vex_alloc(sizeof(*d));

	if (!d)
		return NULL;
	len += pos & (VEXFS_BLOCK_SIZE - 1);
	d->inode = inode;
	d->room = round_up(min_t(size_t, len, DIRECT_BYTES), VEXFS_BLOCK_SIZE);
	d->buf = vex_alloc(d->room);
	if (d->buf)
		return d;
	vex_free(d);
	return NULL;
}

static void vexfs_direct_free(struct vexfs_direct *d)
{
	vex_free(d->buf);
	vex_free(d);
}

static bool vexfs_direct_aligned(const struct kiocb *iocb, const struct iov_iter *iter)
{
	return !((iocb->ki_pos | iov_iter_count(iter)) & (VEXFS_DIRECT_ALIGN - 1));
}

static void vexfs_direct_pages(struct bio *bio, u8 *at, u32 count)
{
	for (; count; count--, at += VEXFS_BLOCK_SIZE)
		__bio_add_page(bio, vexfs_io_page(at), VEXFS_BLOCK_SIZE, 0);
}

/* ---- reading ------------------------------------------------------------- */

/* Read a mapped run and compare its checksums. */
static int vexfs_direct_fetch(struct vexfs_direct *d, const struct vex_map *map, u8 *to)
{
	struct bio *bio;
	int err;
	u32 i;

	if (!map->block) {
		memset(to, 0, (size_t)map->count << VEXFS_BLOCK_SHIFT);
		return 0;
	}
	bio = vexfs_bio_alloc(d->inode->i_sb->s_bdev, map->count, map->block,
			      REQ_OP_READ | REQ_SYNC);
	vexfs_direct_pages(bio, to, map->count);
	err = submit_bio_wait(bio);
	bio_put(bio);
	if (is_vmalloc_addr(to))
		invalidate_kernel_vmap_range(to, map->count << VEXFS_BLOCK_SHIFT);
	for (i = 0; i < map->count && !err; i++)
		if (vex_block_csum(to + (i << VEXFS_BLOCK_SHIFT)) != d->csums[i])
			err = -EIO;
	return err;
}

static int vexfs_direct_read_blocks(struct vexfs_direct *d, u64 fblock, u32 count)
{
	struct inode *inode = d->inode;
	struct vex_map map;
	u32 done = 0;
	int err = 0;

	while (done < count && !err) {
		err = vex_extent_map(vexfs_fs(inode), inode->i_ino, fblock + done, count - done,
				     &map, d->csums);
		if (err)
			return err;
		err = vexfs_direct_fetch(d, &map, d->buf + (done << VEXFS_BLOCK_SHIFT));
		done += map.count;
	}
	return err;
}

/* One piece into user memory: the bytes copied, or a negative errno. */
static ssize_t vexfs_direct_read_piece(struct vexfs_direct *d, loff_t pos, loff_t end,
				       struct iov_iter *to)
{
	u32 skip = pos & (VEXFS_BLOCK_SIZE - 1);
	size_t len = min_t(loff_t, end - pos, d->room - skip);
	size_t copied;
	int err;

	err = vexfs_direct_read_blocks(d, pos >> VEXFS_BLOCK_SHIFT,
				       DIV_ROUND_UP(skip + len, VEXFS_BLOCK_SIZE));
	if (err)
		return err;
	copied = copy_to_iter(d->buf + skip, len, to);
	return copied ?: -EFAULT;
}

/*
 * The page cache has the last word on a block that cannot be read or verified: writeback may
 * have moved it while the device was read.
 */
static ssize_t vexfs_direct_read_cached(struct kiocb *iocb, struct iov_iter *to)
{
	ssize_t n;

	iocb->ki_flags &= ~IOCB_DIRECT;
	n = generic_file_read_iter(iocb, to);
	iocb->ki_flags |= IOCB_DIRECT;
	return n;
}

static ssize_t vexfs_direct_read_locked(struct vexfs_direct *d, struct kiocb *iocb,
					struct iov_iter *to)
{
	loff_t end = min_t(loff_t, i_size_read(d->inode), iocb->ki_pos + iov_iter_count(to));
	ssize_t n, done = 0;

	if (iocb->ki_pos >= end)
		return 0;
	n = vexfs_flush_aside(d->inode->i_mapping, iocb->ki_pos, end - 1);
	while (iocb->ki_pos < end && n >= 0) {
		n = fatal_signal_pending(current) ? -EINTR :
		    vexfs_direct_read_piece(d, iocb->ki_pos, end, to);
		if (n == -EIO) {
			n = vexfs_direct_read_cached(iocb, to);
			done += max_t(ssize_t, n, 0);
			break;
		}
		if (n < 0)
			break;
		iocb->ki_pos += n;
		done += n;
	}
	return done ?: n;
}

/**
 * vexfs_direct_read() - read past the page cache
 * @iocb: file and position
 * @to: where to
 *
 * Return: bytes; -EINVAL when position or length is no multiple of VEXFS_DIRECT_ALIGN; -EFAULT;
 * -EIO; -ENOMEM; -EINTR when killed.
 */
ssize_t vexfs_direct_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct vexfs_direct *d;
	ssize_t n;

	if (vexfs_is_coll(inode))
		return vexfs_direct_read_cached(iocb, to);
	if (!vexfs_direct_aligned(iocb, to))
		return -EINVAL;
	if (!iov_iter_count(to))
		return 0;
	d = vexfs_direct_alloc(inode, iocb->ki_pos, iov_iter_count(to));
	if (!d)
		return -ENOMEM;
	inode_lock_shared(inode);
	n = vexfs_direct_read_locked(d, iocb, to);
	inode_unlock_shared(inode);
	vexfs_direct_free(d);
	file_accessed(iocb->ki_filp);
	return n;
}

/* ---- writing ------------------------------------------------------------- */

/* Write the first blocks of a run, as many as have one place; *@done of them. */
static int vexfs_direct_store(struct vexfs_direct *d, u64 fblock, u32 first, u32 count, u32 *done)
{
	struct inode *inode = d->inode;
	struct vexfs_sb *sbi = vexfs_sb(inode->i_sb);
	u64 size = (fblock + count) << VEXFS_BLOCK_SHIFT;
	struct vex_map map;
	struct bio *bio;
	int err;

	bio = vexfs_bio_alloc(inode->i_sb->s_bdev, count, 0, REQ_OP_WRITE | REQ_SYNC);
	err = vex_extent_write(sbi->fs, inode->i_ino, fblock, count, d->csums + first, size, &map);
	if (err) {
		bio_put(bio);
		return err;
	}
	bio->bi_iter.bi_sector = map.block << (VEXFS_BLOCK_SHIFT - SECTOR_SHIFT);
	vexfs_direct_pages(bio, d->buf + ((size_t)first << VEXFS_BLOCK_SHIFT), map.count);
	err = submit_bio_wait(bio);
	vexfs_io_end(&sbi->io.batch[map.batch], bio->bi_status);
	bio_put(bio);
	*done = map.count;
	return err ? -EIO : 0;
}

/* The piece's blocks are reserved; *@done of them were written. */
static int vexfs_direct_write_blocks(struct vexfs_direct *d, u64 fblock, u32 count, u32 *done)
{
	u32 i, n;
	int err = 0;

	*done = 0;
	if (is_vmalloc_addr(d->buf))
		flush_kernel_vmap_range(d->buf, count << VEXFS_BLOCK_SHIFT);
	for (i = 0; i < count; i++)
		d->csums[i] = vex_block_csum(d->buf + ((size_t)i << VEXFS_BLOCK_SHIFT));
	while (*done < count && !err) {
		n = 0;
		err = vexfs_direct_store(d, fblock + *done, *done, count - *done, &n);
		*done += n;
	}
	return err;
}

/* The page cache's copy of a range goes away. -EBUSY: somebody keeps dirtying it. */
static int vexfs_direct_expel(struct address_space *mapping, loff_t pos, size_t len)
{
	int err = vexfs_flush_aside(mapping, pos, pos + len - 1);

	return err ?: invalidate_inode_pages2_range(mapping, pos >> PAGE_SHIFT,
						    (pos + len - 1) >> PAGE_SHIFT);
}

/* One piece out of the buffer; -EBUSY and -ENOSPC: nothing was done, the page cache may try. */
static noinline_for_stack
int vexfs_direct_write_piece(struct vexfs_direct *d, loff_t pos, size_t len)
{
	struct address_space *mapping = d->inode->i_mapping;
	struct vex_fs *fs = vexfs_fs(d->inode);
	u32 count = len >> VEXFS_BLOCK_SHIFT, done = 0;
	int err;

	err = vex_space_reserve(fs, count);
	if (err)
		return err;
	filemap_invalidate_lock(mapping);
	err = vexfs_direct_expel(mapping, pos, len);
	if (!err)
		err = vexfs_direct_write_blocks(d, pos >> VEXFS_BLOCK_SHIFT, count, &done);
	if (done && pos + ((loff_t)done << VEXFS_BLOCK_SHIFT) > i_size_read(d->inode))
		i_size_write(d->inode, pos + ((loff_t)done << VEXFS_BLOCK_SHIFT));
	filemap_invalidate_unlock(mapping);
	vex_space_unreserve(fs, count - done);
	return vexfs_check(d->inode->i_sb, err);
}

/* What is left goes through the page cache, and from there to its place at once. */
static noinline_for_stack
ssize_t vexfs_direct_write_cached(struct kiocb *iocb, struct iov_iter *from)
{
	struct address_space *mapping = iocb->ki_filp->f_mapping;
	loff_t pos = iocb->ki_pos;
	ssize_t n;
	int err;

	iocb->ki_flags &= ~IOCB_DIRECT;
	n = vexfs_write_cached(iocb, from);
	iocb->ki_flags |= IOCB_DIRECT;
	if (n <= 0)
		return n;
	err = vexfs_flush_aside(mapping, pos, pos + n - 1);
	invalidate_mapping_pages(mapping, pos >> PAGE_SHIFT, (pos + n - 1) >> PAGE_SHIFT);
	return err ?: n;
}

/* Copy the next piece from user memory: whole blocks, or a negative errno. */
static ssize_t vexfs_direct_take(struct vexfs_direct *d, struct iov_iter *from)
{
	size_t len = round_down(min(iov_iter_count(from), d->room), VEXFS_BLOCK_SIZE);
	size_t copied = copy_from_iter(d->buf, len, from);
	size_t whole = round_down(copied, VEXFS_BLOCK_SIZE);

	iov_iter_revert(from, copied - whole);
	return whole ?: -EFAULT;
}

static noinline_for_stack
ssize_t vexfs_direct_write_whole(struct vexfs_direct *d, struct kiocb *iocb,
				 struct iov_iter *from)
{
	ssize_t n = 0, done = 0;
	int err = 0;

	while (iov_iter_count(from) >= VEXFS_BLOCK_SIZE && !err) {
		if (fatal_signal_pending(current))
			err = -EINTR;
		n = err ?: vexfs_direct_take(d, from);
		err = n < 0 ? n : vexfs_direct_write_piece(d, iocb->ki_pos, n);
		if (err) {
			iov_iter_revert(from, max_t(ssize_t, n, 0));
			break;
		}
		iocb->ki_pos += n;
		done += n;
	}
	if (iov_iter_count(from) && (!err || err == -EBUSY || err == -ENOSPC)) {
		n = vexfs_direct_write_cached(iocb, from);
		err = n < 0 ? n : 0;
		done += max_t(ssize_t, n, 0);
	}
	return done ?: err;
}

/**
 * vexfs_direct_write() - write past the page cache
 * @iocb: file and position, checked; the inode's rwsem is held
 * @from: where from
 *
 * The data is at its place on the device when it returns, and durable with the next
 * commit, as all data: see O_DSYNC.
 *
 * Return: bytes; -EINVAL when position or length is no multiple of VEXFS_DIRECT_ALIGN; -ENOSPC;
 * -EFAULT; -EIO; -ENOMEM; -EINTR when killed.
 */
ssize_t vexfs_direct_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct vexfs_direct *d;
	ssize_t n;

	if (!vexfs_direct_aligned(iocb, from))
		return -EINVAL;
	/* Whole blocks, from the start of one on. */
	if (iocb->ki_pos & (VEXFS_BLOCK_SIZE - 1) || iov_iter_count(from) < VEXFS_BLOCK_SIZE)
		return vexfs_direct_write_cached(iocb, from);
	n = file_modified(iocb->ki_filp);
	if (n)
		return n;
	d = vexfs_direct_alloc(inode, iocb->ki_pos, iov_iter_count(from));
	if (!d)
		return -ENOMEM;
	n = vexfs_direct_write_whole(d, iocb, from);
	vexfs_direct_free(d);
	return n;
}

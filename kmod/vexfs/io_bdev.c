// SPDX-License-Identifier: GPL-2.0-only
/*
 * A block device as the core's struct vex_io_ops.
 *
 * Reads are waited for, at once or later. Writes are not: they are counted, together with the
 * writes of file data that the page cache submits on its own. Two counts take turns: when a flush
 * begins, later writes go to the other one, so that a flush waits for what came before it,
 * however much goes on coming. An error of a write comes out of its flush.
 */
#include <linux/blkdev.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>
#include "vexfs.h"

/*
 * Two pools of bios for when memory is short. A writer of file data holds one while it
 * waits for the core's lock; whoever has that lock takes from the other, and submits at
 * once. So each pool refills without the help of those who wait for it.
 */
static struct bio_set vexfs_core_bios;
static struct bio_set vexfs_data_bios;

/* Ends writes of file data that failed. */
static struct workqueue_struct *vexfs_bio_wq;

/**
 * struct vexfs_data_bio - one of vexfs_data_bios
 * @work: for vexfs_bio_later()
 * @bio: what everybody else sees of it
 */
struct vexfs_data_bio {
	struct work_struct work;
	struct bio bio;
};

/**
 * vexfs_bio_alloc() - a bio for file data
 * @bdev: device
 * @pages: room for so many pages, at most BIO_MAX_VECS
 * @block: first block on the device
 * @opf: REQ_*
 *
 * Never fails, as long as the caller submits it before it asks for another.
 */
struct bio *vexfs_bio_alloc(struct block_device *bdev, unsigned int pages, u64 block,
			    blk_opf_t opf)
{
	struct bio *bio = bio_alloc_bioset(bdev, pages, opf, GFP_NOFS, &vexfs_data_bios);

	bio->bi_iter.bi_sector = block << (VEXFS_BLOCK_SHIFT - SECTOR_SHIFT);
	return bio;
}

/**
 * vexfs_bio_later() - go on with a completed bio where spinlocks of the VFS may be taken
 * @bio: of vexfs_bio_alloc(); any context
 * @fn: is called with a work of which vexfs_bio_of() is @bio; ends it, and must not wait
 */
void vexfs_bio_later(struct bio *bio, work_func_t fn)
{
	struct vexfs_data_bio *d = container_of(bio, struct vexfs_data_bio, bio);

	INIT_WORK(&d->work, fn);
	queue_work(vexfs_bio_wq, &d->work);
}

struct bio *vexfs_bio_of(struct work_struct *work)
{
	return &container_of(work, struct vexfs_data_bio, work)->bio;
}

/**
 * vexfs_io_end() - a counted write is over
 * @batch: to which it belongs
 * @status: its result
 *
 * Any context. @batch may be gone when this returns: the count is what kept it.
 */
void vexfs_io_end(struct vexfs_batch *batch, blk_status_t status)
{
	struct vexfs_io *io = batch->io;
	unsigned long flags;

	spin_lock_irqsave(&io->lock, flags);
	if (status && !batch->err)
		batch->err = -EIO;
	if (!--batch->inflight)
		wake_up(&io->idle);
	spin_unlock_irqrestore(&io->lock, flags);
}

/* Count a write that is to come; returns the batch that it belongs to. */
static u32 vexfs_io_begin(void *ctx)
{
	struct vexfs_io *io = ctx;
	unsigned long flags;
	u32 n;

	spin_lock_irqsave(&io->lock, flags);
	n = io->current_batch;
	io->batch[n].inflight++;
	spin_unlock_irqrestore(&io->lock, flags);
	return n;
}

static void vexfs_io_write_done(struct bio *bio)
{
	vexfs_io_end(bio->bi_private, bio->bi_status);
	bio_put(bio);
}

/* The page that holds an address of a buffer of vex_alloc(). */
struct page *vexfs_io_page(const void *buf)
{
	return is_vmalloc_addr(buf) ? vmalloc_to_page(buf) : virt_to_page(buf);
}

/* One bio over the first blocks of @buf, as many as it can hold. */
static struct bio *vexfs_io_bio(struct vexfs_io *io, u64 block, u32 *count, const void *buf,
				blk_opf_t opf)
{
	u32 i, n = min_t(u32, *count, BIO_MAX_VECS);
	struct bio *bio = bio_alloc_bioset(io->bdev, n, opf, GFP_NOFS, &vexfs_core_bios);

	bio->bi_iter.bi_sector = block << (VEXFS_BLOCK_SHIFT - SECTOR_SHIFT);
	for (i = 0; i < n; i++)
		__bio_add_page(bio, vexfs_io_page(buf + (size_t)i * VEXFS_BLOCK_SIZE),
			       VEXFS_BLOCK_SIZE, 0);
	*count = n;
	return bio;
}

/* One vexfs_io_read(), for vexfs_aside(). */
struct vexfs_io_request {
	struct vexfs_io *io;
	u64 block;
	u32 count;
	void *buf;
};

static int vexfs_io_read_now(void *arg)
{
	const struct vexfs_io_request *r = arg;
	u64 block = r->block;
	u32 count = r->count;
	void *buf = r->buf;

	while (count) {
		u32 n = count;
		struct bio *bio = vexfs_io_bio(r->io, block, &n, buf, REQ_OP_READ | REQ_META);
		int err = submit_bio_wait(bio);

		bio_put(bio);
		if (err)
			return -EIO;
		if (is_vmalloc_addr(buf))
			invalidate_kernel_vmap_range(buf, n * VEXFS_BLOCK_SIZE);
		block += n;
		count -= n;
		buf += (size_t)n * VEXFS_BLOCK_SIZE;
	}
	return 0;
}

/*
 * A piece of the tree is missed at the deepest point of an operation: a worker's stack, below which
 * there is only the block layer, reads it. A worker reads for itself.
 */
static int vexfs_io_read(void *ctx, u64 block, u32 count, void *buf)
{
	struct vexfs_io_request r = { .io = ctx, .block = block, .count = count, .buf = buf };

	if (current->flags & PF_WQ_WORKER)
		return vexfs_io_read_now(&r);
	return vexfs_aside(NULL, VEX_ASIDE_LOAD, vexfs_io_read_now, &r);
}

static void vexfs_io_read_done(struct bio *bio)
{
	struct vex_read *r = bio->bi_private;
	struct vexfs_io *io = r->host;
	unsigned long flags;

	/* @r may be gone as soon as the lock is. */
	spin_lock_irqsave(&io->lock, flags);
	if (bio->bi_status)
		r->err = -EIO;
	if (!--r->left)
		wake_up_all(&io->read_done);
	spin_unlock_irqrestore(&io->lock, flags);
	bio_put(bio);
}

/* The pool of bios refills by itself: a read completes without the help of who waits for it. */
static void vexfs_io_read_start(void *ctx, struct vex_read *r)
{
	struct vexfs_io *io = ctx;
	u64 block = r->block;
	u32 count = r->count;
	void *buf = r->buf;

	r->host = io;
	r->err = 0;
	r->left = DIV_ROUND_UP(count, BIO_MAX_VECS);
	while (count) {
		u32 n = count;
		struct bio *bio = vexfs_io_bio(io, block, &n, buf, REQ_OP_READ | REQ_META);

		bio->bi_private = r;
		bio->bi_end_io = vexfs_io_read_done;
		submit_bio(bio);
		block += n;
		count -= n;
		buf += (size_t)n * VEXFS_BLOCK_SIZE;
	}
}

static int vexfs_io_read_wait(void *ctx, struct vex_read *r)
{
	struct vexfs_io *io = ctx;

	spin_lock_irq(&io->lock);
	wait_event_lock_irq(io->read_done, !r->left, io->lock);
	spin_unlock_irq(&io->lock);
	if (is_vmalloc_addr(r->buf))
		invalidate_kernel_vmap_range(r->buf, r->count * VEXFS_BLOCK_SIZE);
	return r->err;
}

static int vexfs_io_write(void *ctx, u64 block, u32 count, const void *buf, u32 flags)
{
	struct vexfs_io *io = ctx;
	blk_opf_t opf = REQ_OP_WRITE | REQ_META;
	int err;

	if (flags & VEX_IO_FUA)
		opf |= REQ_SYNC | REQ_FUA;
	while (count) {
		u32 n = count;
		struct bio *bio = vexfs_io_bio(io, block, &n, buf, opf);

		if (is_vmalloc_addr(buf))
			flush_kernel_vmap_range((void *)buf, n * VEXFS_BLOCK_SIZE);
		if (flags & VEX_IO_FUA) {
			err = submit_bio_wait(bio);
			bio_put(bio);
			if (err)
				return -EIO;
		} else {
			bio->bi_private = &io->batch[vexfs_io_begin(io)];
			bio->bi_end_io = vexfs_io_write_done;
			submit_bio(bio);
		}
		block += n;
		count -= n;
		buf += (size_t)n * VEXFS_BLOCK_SIZE;
	}
	return 0;
}

/* The batch that fills from now on is empty: the last flush has waited for it. */
static void vexfs_io_flush_begin(void *ctx)
{
	struct vexfs_io *io = ctx;

	spin_lock_irq(&io->lock);
	io->current_batch ^= 1;
	spin_unlock_irq(&io->lock);
}

static int vexfs_io_flush(void *ctx)
{
	struct vexfs_io *io = ctx;
	struct vexfs_batch *batch;
	int err;

	spin_lock_irq(&io->lock);
	batch = &io->batch[io->current_batch ^ 1];
	wait_event_lock_irq(io->idle, !batch->inflight, io->lock);
	err = batch->err;
	batch->err = 0;
	spin_unlock_irq(&io->lock);

	if (blkdev_issue_flush(io->bdev) && !err)
		err = -EIO;
	return err;
}

static int vexfs_io_discard(void *ctx, u64 block, u64 count)
{
	struct vexfs_io *io = ctx;

	return blkdev_issue_discard(io->bdev, block << (VEXFS_BLOCK_SHIFT - SECTOR_SHIFT),
				    count << (VEXFS_BLOCK_SHIFT - SECTOR_SHIFT), GFP_NOFS);
}

/* The clock of current_time(): times that the VFS sets and the core's stay in order. */
static u64 vexfs_io_now(void *ctx)
{
	return ktime_get_coarse_real_ns();
}

static void vexfs_io_random(void *ctx, void *buf, size_t len)
{
	get_random_bytes(buf, len);
}

const struct vex_io_ops vexfs_io_ops = {
	.read		= vexfs_io_read,
	.read_start	= vexfs_io_read_start,
	.read_wait	= vexfs_io_read_wait,
	.write		= vexfs_io_write,
	.flush_begin	= vexfs_io_flush_begin,
	.flush		= vexfs_io_flush,
	.discard	= vexfs_io_discard,
	.data_begin	= vexfs_io_begin,
	.aside		= vexfs_aside,
	.now		= vexfs_io_now,
	.random		= vexfs_io_random,
};

/* Prepare @io for the device of a mount. */
void vexfs_io_open(struct vexfs_io *io, struct block_device *bdev)
{
	u32 i;

	io->bdev = bdev;
	io->current_batch = 0;
	for (i = 0; i < ARRAY_SIZE(io->batch); i++)
		io->batch[i] = (struct vexfs_batch){ .io = io };
	spin_lock_init(&io->lock);
	init_waitqueue_head(&io->idle);
	init_waitqueue_head(&io->read_done);
}

int vexfs_io_init(void)
{
	int err = bioset_init(&vexfs_core_bios, BIO_POOL_SIZE, 0, BIOSET_NEED_BVECS);

	if (err)
		return err;
	err = bioset_init(&vexfs_data_bios, BIO_POOL_SIZE, offsetof(struct vexfs_data_bio, bio),
			  BIOSET_NEED_BVECS);
	if (err)
		goto out_core;
	err = -ENOMEM;
	vexfs_bio_wq = alloc_workqueue("vexfs_bio", WQ_MEM_RECLAIM, 0);
	if (!vexfs_bio_wq)
		goto out_data;
	return 0;

out_data:
	bioset_exit(&vexfs_data_bios);
out_core:
	bioset_exit(&vexfs_core_bios);
	return err;
}

void vexfs_io_exit(void)
{
	destroy_workqueue(vexfs_bio_wq);
	bioset_exit(&vexfs_data_bios);
	bioset_exit(&vexfs_core_bios);
}

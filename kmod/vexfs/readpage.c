// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading file data into the page cache.
 *
 * A folio stays locked from before its blocks are looked up until its data is there:
 * truncate and eviction must lock it before they free the blocks, so a block cannot
 * get another owner in between. Each block is compared with the checksum that its extent
 * records, and no byte of a block that differs reaches anyone.
 *
 * Readahead comes deep in the stack. So all of its window is mapped first, from what is in
 * memory; when a piece of the tree must be read for that, or when it takes several requests,
 * a worker with an empty stack goes on alone. Nobody waits there: the reader waits for the folio,
 * further up.
 */
#include <linux/blkdev.h>
#include <linux/highmem.h>
#include <linux/ratelimit.h>
#include "vexfs.h"

/* Blocks whose checksums an interrupt compares; more is work for a worker. */
#define VEXFS_READ_FEW	4

/* Checks what has come. Its work does not sleep, so that it never waits behind the other's. */
static struct workqueue_struct *vexfs_read_wq;
/* Maps what is to be read, and waits for the core and the device. */
static struct workqueue_struct *vexfs_map_wq;

/**
 * struct vexfs_read - a window of a file on its way
 * @work: its mapping, or its checking
 * @inode: whose
 * @window: where its blocks lie, and what to expect there
 * @left: requests under way, and one for who submits them
 * @failed: one of them failed
 * @folios: how many
 * @folio: the folios that make up the window; @window's arrays stand behind them
 */
struct vexfs_read {
	struct work_struct work;
	struct inode *inode;
	struct vex_window window;
	atomic_t left;
	bool failed;
	u32 folios;
	struct folio *folio[];
};

static bool vexfs_page_good(struct inode *inode, struct folio *folio, u32 page, u64 block,
			    u32 csum)
{
	void *data = kmap_local_folio(folio, page * PAGE_SIZE);
	u32 found = vex_block_csum(data);

	kunmap_local(data);
	if (likely(found == csum))
		return true;
	pr_err_ratelimited("%s: inode %lu: page %lu in block %llu has checksum %08x instead of %08x: damaged\n",
			   inode->i_sb->s_id, inode->i_ino, folio->index + page, block, found,
			   csum);
	return false;
}

/* ---- one page, waited for ------------------------------------------------ */

/* The mapping of one page, for vexfs_aside(). */
struct vexfs_fill {
	struct inode *inode;
	struct vex_window window;
	struct vex_map map;
	u32 csum;
};

static int vexfs_fill_map(void *arg)
{
	struct vexfs_fill *f = arg;

	return vex_extent_window(vexfs_fs(f->inode), f->inode->i_ino, &f->window);
}

static int vexfs_fill_read(struct vexfs_fill *f, struct folio *folio, u32 page)
{
	struct bio *bio = vexfs_bio_alloc(f->inode->i_sb->s_bdev, 1, f->map.block, REQ_OP_READ);
	int err;

	__bio_add_page(bio, folio_page(folio, page), PAGE_SIZE, 0);
	err = submit_bio_wait(bio);
	bio_put(bio);
	if (err) {
		pr_err_ratelimited("%s: inode %lu: page %lu in block %llu cannot be read (%d)\n",
				   f->inode->i_sb->s_id, f->inode->i_ino, folio->index + page,
				   f->map.block, err);
		return -EIO;
	}
	return vexfs_page_good(f->inode, folio, page, f->map.block, f->csum) ? 0 : -EIO;
}

/* Read one page of a folio. */
static int vexfs_fill_page(struct inode *inode, struct folio *folio, u32 page)
{
	struct vexfs_fill f = {
		.inode = inode,
		.window = { .fblock = folio->index + page, .count = 1, .cached = true },
	};
	int err = 0;

	f.window.map = &f.map;
	f.window.csums = &f.csum;
	if (folio_pos(folio) + page * PAGE_SIZE < i_size_read(inode)) {
		err = vexfs_fill_map(&f);
		if (err == -EAGAIN) {
			f.window.cached = false;
			err = vexfs_aside(NULL, VEX_ASIDE_CALL, vexfs_fill_map, &f);
		}
	}
	if (err)
		return vexfs_check(inode->i_sb, err);
	if (f.map.block)
		return vexfs_fill_read(&f, folio, page);
	folio_zero_range(folio, page * PAGE_SIZE, PAGE_SIZE);
	return 0;
}

/**
 * vexfs_page_fill() - read one folio and wait for it
 * @inode: regular file, no collection
 * @folio: locked, not up to date; stays locked
 *
 * Return: 0 and the folio is up to date; -EIO for a block that cannot be read or
 * fails its checksum; what the core says about the extent.
 */
int vexfs_page_fill(struct inode *inode, struct folio *folio)
{
	u32 page;
	int err = 0;

	for (page = 0; page < folio_nr_pages(folio) && !err; page++)
		err = vexfs_fill_page(inode, folio, page);
	if (!err)
		folio_mark_uptodate(folio);
	return err;
}

/*
 * A folio is up to date as a whole or not at all. So that one bad block takes none of its
 * neighbours along, single pages come in place of a large folio of which a part cannot be read.
 */
int vexfs_read_folio(struct file *file, struct folio *folio)
{
	struct address_space *mapping = folio->mapping;
	pgoff_t first = folio->index;
	pgoff_t last = first + folio_nr_pages(folio) - 1;
	int err = vexfs_page_fill(mapping->host, folio);

	folio_unlock(folio);
	if (likely(!err) || first == last)
		return err;
	vexfs_mapping_large(mapping, false);
	invalidate_inode_pages2_range(mapping, first, last);
	/* Whoever wanted it looks again for what is there. */
	return AOP_TRUNCATED_PAGE;
}

/* ---- a window, ahead ------------------------------------------------------ */

/*
 * Nobody waits for the result: what cannot be mapped or read or is damaged is left to the
 * VFS, and is read again, with an error for the reader, by vexfs_read_folio(). The inode may go as
 * soon as its last folio is unlocked.
 */
static void vexfs_read_fail(struct vexfs_read *r)
{
	u32 i;

	for (i = 0; i < r->folios; i++)
		folio_unlock(r->folio[i]);
	vex_free(r);
}

/* Check all that has come, and let it go. Any context. */
static void vexfs_read_finish(struct vexfs_read *r)
{
	const struct vex_map *map = r->window.map;
	u32 i, page, at = 0, end = map->count;

	for (i = 0; i < r->folios; i++) {
		struct folio *folio = r->folio[i];
		u32 pages = folio_nr_pages(folio);
		bool good = true;

		for (page = 0; page < pages; page++, at++) {
			if (at == end)
				end += (++map)->count;
			if (!map->block)
				folio_zero_range(folio, page * PAGE_SIZE, PAGE_SIZE);
			else if (!vexfs_page_good(r->inode, folio, page,
						  map->block + (at + map->count - end),
						  r->window.csums[at]))
				good = false;
		}
		folio_end_read(folio, good);
	}
	vex_free(r);
}

static void vexfs_read_work(struct work_struct *work)
{
	struct vexfs_read *r = container_of(work, struct vexfs_read, work);

	if (r->failed)
		vexfs_read_fail(r);
	else
		vexfs_read_finish(r);
}

static void vexfs_read_done(struct bio *bio)
{
	struct vexfs_read *r = bio->bi_private;

	if (bio->bi_status)
		WRITE_ONCE(r->failed, true);
	bio_put(bio);
	if (!atomic_dec_and_test(&r->left))
		return;
	if (r->window.count <= VEXFS_READ_FEW) {
		vexfs_read_work(&r->work);
		return;
	}
	INIT_WORK(&r->work, vexfs_read_work);
	queue_work(vexfs_read_wq, &r->work);
}

/* Read all runs of a mapped window. From here to the device the stack is the block layer's. */
static noinline_for_stack
void vexfs_read_submit(struct vexfs_read *r)
{
	u32 run, skip = 0, i = 0;

	atomic_set(&r->left, 1);
	for (run = 0; run < r->window.runs; run++) {
		u64 block = r->window.map[run].block;
		u32 left = r->window.map[run].count;
		struct bio *bio = NULL;

		while (left) {
			struct folio *folio = r->folio[i];
			u32 count = min_t(u32, folio_nr_pages(folio) - skip, left);

			if (block && !bio) {
				bio = vexfs_bio_alloc(r->inode->i_sb->s_bdev,
						      min3(left, r->folios - i,
							   (u32)BIO_MAX_VECS),
						      block, REQ_OP_READ | REQ_RAHEAD);
				bio->bi_private = r;
				bio->bi_end_io = vexfs_read_done;
				atomic_inc(&r->left);
			}
			if (block) {
				__bio_add_page(bio, folio_page(folio, skip), count * PAGE_SIZE, 0);
				block += count;
			}
			left -= count;
			skip += count;
			if (skip == folio_nr_pages(folio)) {
				skip = 0;
				i++;
			}
			if (bio && (!left || bio->bi_vcnt == bio->bi_max_vecs)) {
				submit_bio(bio);
				bio = NULL;
			}
		}
	}
	if (atomic_dec_and_test(&r->left))
		vexfs_read_work(&r->work);
}

static void vexfs_map_work(struct work_struct *work)
{
	struct vexfs_read *r = container_of(work, struct vexfs_read, work);
	struct blk_plug plug;

	if (!r->window.cached &&
	    vex_extent_window(vexfs_fs(r->inode), r->inode->i_ino, &r->window)) {
		vexfs_read_fail(r);
		return;
	}
	blk_start_plug(&plug);
	vexfs_read_submit(r);
	blk_finish_plug(&plug);
}

/* Take the folios of a readahead over; NULL: no memory, and it has them still. */
static noinline_for_stack
struct vexfs_read *vexfs_read_take(struct readahead_control *rac)
{
	u32 count = readahead_count(rac);
	struct folio *folio;
	struct vexfs_read *r;

	r = vex_alloc(struct_size(r, folio, count) +
		      count * (sizeof(*r->window.map) + sizeof(*r->window.csums)));
	if (!r)
		return NULL;
	r->inode = rac->mapping->host;
	r->failed = false;
	r->folios = 0;
	r->window.fblock = readahead_index(rac);
	r->window.count = count;
	r->window.cached = true;
	r->window.map = (struct vex_map *)&r->folio[count];
	r->window.csums = (u32 *)&r->window.map[count];
	while ((folio = readahead_folio(rac)))
		r->folio[r->folios++] = folio;
	return r;
}

/*
 * A plug passes a large request on as soon as the next one comes, from there down to the device's
 * driver. The first one stays in it until the end of the readahead or the reader's wait.
 */
static bool vexfs_read_plugged(const struct vexfs_read *r)
{
	return r->window.runs == 1 && !(current->plug && current->plug->rq_count);
}

void vexfs_readahead(struct readahead_control *rac)
{
	struct vexfs_read *r = vexfs_read_take(rac);
	int err;

	if (!r)
		return;
	err = vex_extent_window(vexfs_fs(r->inode), r->inode->i_ino, &r->window);
	if (!err && vexfs_read_plugged(r)) {
		vexfs_read_submit(r);
	} else if (!err || err == -EAGAIN) {
		r->window.cached = !err;
		INIT_WORK(&r->work, vexfs_map_work);
		queue_work(vexfs_map_wq, &r->work);
	} else {
		vexfs_read_fail(r);
	}
}

void vexfs_read_exit(void)
{
	if (vexfs_map_wq)
		destroy_workqueue(vexfs_map_wq);
	if (vexfs_read_wq)
		destroy_workqueue(vexfs_read_wq);
}

int vexfs_read_init(void)
{
	vexfs_read_wq = alloc_workqueue("vexfs_read", WQ_HIGHPRI | WQ_MEM_RECLAIM, 0);
	vexfs_map_wq = alloc_workqueue("vexfs_map", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (vexfs_read_wq && vexfs_map_wq)
		return 0;
	vexfs_read_exit();
	return -ENOMEM;
}

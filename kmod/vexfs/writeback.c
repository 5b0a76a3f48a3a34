// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing dirty pages to the device.
 *
 * Neighbouring dirty pages are gathered into a run. The core gives it a place, with
 * the checksums and the new size in one step of its transaction; then the data goes
 * there. The core counts the write as its own from the moment it gives the place, and no
 * commit can name the place before the data has arrived. So between the two nothing
 * may wait for the core: the bio is there before.
 *
 * Data that does not arrive fails the commit that would have named its place, and every fsync of a
 * file that was open; and it is dirty again, so that the next fsync writes it to another place.
 * Only a filesystem that takes no changes any more drops it.
 */
#include <linux/blkdev.h>
#include <linux/highmem.h>
#include <linux/ratelimit.h>
#include "vexfs.h"

/**
 * struct vexfs_run - dirty pages with neighbouring numbers, under writeback
 * @inode: whose
 * @wbc: why
 * @start: number of the first
 * @count: how many
 * @written: pages of earlier runs that were submitted
 * @folios: the pages
 * @csums: their checksums
 * @map: where the pages that are on their way go
 * @plug: gathers the requests of all runs
 */
struct vexfs_run {
	struct inode *inode;
	struct writeback_control *wbc;
	u64 start;
	u32 count;
	u64 written;
	struct folio *folios[VEXFS_EXTENT_MAX];
	u32 csums[VEXFS_EXTENT_MAX];
	struct vex_map map;
	struct blk_plug plug;
};

/* An inode cannot become dirty in an interrupt. The commit waits for this. */
static void vexfs_write_failed(struct work_struct *work)
{
	struct bio *bio = vexfs_bio_of(work);
	struct vexfs_batch *batch = bio->bi_private;
	struct folio_iter fi;

	bio_for_each_folio_all(fi, bio) {
		struct address_space *mapping = fi.folio->mapping;

		mapping_set_error(mapping, -EIO);
		vexfs_page_again(mapping->host, fi.folio);
		folio_end_writeback(fi.folio);
	}
	vexfs_io_end(batch, bio->bi_status);
	bio_put(bio);
}

static void vexfs_write_done(struct bio *bio)
{
	struct vexfs_batch *batch = bio->bi_private;
	struct folio_iter fi;

	if (unlikely(bio->bi_status)) {
		vexfs_bio_later(bio, vexfs_write_failed);
		return;
	}
	bio_for_each_folio_all(fi, bio)
		folio_end_writeback(fi.folio);
	vexfs_io_end(batch, bio->bi_status);
	bio_put(bio);
}

/*
 * Another time may have what is missing: memory, space, a piece of the tree that the device
 * does not give just now, a commit.
 */
static bool vexfs_run_again(const struct vexfs_run *run, int err)
{
	return err == -ENOMEM || err == -ENOSPC ||
	       (err == -EIO && !vex_fs_writable(vexfs_fs(run->inode)));
}

/*
 * The core has no place for these pages. They stay dirty when it may have one another time;
 * otherwise they will never be written. Whoever syncs hears of both.
 */
static noinline_for_stack
void vexfs_run_fail(struct vexfs_run *run, u32 from, int err)
{
	struct inode *inode = run->inode;
	bool again = vexfs_run_again(run, err);
	u32 i;

	if (err != -ENOMEM && err != -ENOSPC)
		mapping_set_error(inode->i_mapping, err);
	for (i = from; i < run->count; i++) {
		struct folio *folio = run->folios[i];

		if (again)
			folio_redirty_for_writepage(run->wbc, folio);
		else
			vexfs_page_unreserve(inode, folio);
		folio_end_writeback(folio);
	}
}

/* Write the first blocks of what is left of the run, as many as have one place. */
static int vexfs_run_write(struct vexfs_run *run, u32 *done)
{
	struct inode *inode = run->inode;
	struct vexfs_sb *sbi = vexfs_sb(inode->i_sb);
	u32 i, left = run->count - *done;
	u64 start = run->start + *done;
	u64 size = min_t(u64, i_size_read(inode), (start + left) << PAGE_SHIFT);
	struct vex_map *map = &run->map;
	struct bio *bio;
	int err;

	bio = vexfs_bio_alloc(inode->i_sb->s_bdev, left, 0,
			      REQ_OP_WRITE | wbc_to_write_flags(run->wbc));
	bio->bi_end_io = vexfs_write_done;
	err = vex_extent_write(sbi->fs, inode->i_ino, start, left, run->csums + *done, size,
			       map);
	if (err) {
		bio_put(bio);
		return err;
	}
	bio->bi_private = &sbi->io.batch[map->batch];
	bio->bi_iter.bi_sector = map->block << (VEXFS_BLOCK_SHIFT - SECTOR_SHIFT);
	for (i = 0; i < map->count; i++) {
		struct folio *folio = run->folios[*done + i];

		/* The place is taken out of the promise. Writeback keeps others away. */
		vexfs_page_settle(inode, folio, false);
		__bio_add_page(bio, folio_page(folio, 0), PAGE_SIZE, 0);
	}
	submit_bio(bio);
	*done += map->count;
	return 0;
}

static int vexfs_run_flush(struct vexfs_run *run)
{
	u32 done = 0;
	int err = 0;

	while (done < run->count && !err)
		err = vexfs_run_write(run, &done);
	run->written += done;
	if (err)
		vexfs_run_fail(run, done, err);
	run->count = 0;
	return vexfs_check(run->inode->i_sb, err);
}

/* A page that no store announced (a device wrote through a pinned user page). */
static int vexfs_run_reserve(struct vexfs_run *run, struct folio *folio)
{
	struct inode *inode = run->inode;
	int err = vexfs_page_reserve(inode, folio);

	if (!err)
		return 0;
	pr_err_ratelimited("%s: inode %lu: page %lu: stored through a pinned page and lost (%d)\n",
			   inode->i_sb->s_id, inode->i_ino, folio->index, err);
	mapping_set_error(inode->i_mapping, err);
	return err;
}

/* Take one page, locked and no longer dirty, into the run. */
static int vexfs_run_add(vexfs_dirty_page_t *page, struct writeback_control *wbc, void *data)
{
	struct folio *folio = vexfs_dirty_folio(page);
	struct vexfs_run *run = data;
	loff_t size;
	void *addr;
	int err = 0;

	if (run->count == VEXFS_EXTENT_MAX ||
	    (run->count && folio->index != run->start + run->count))
		err = vexfs_run_flush(run);
	if (err) {
		folio_redirty_for_writepage(wbc, folio);
		goto out;
	}
	/* Behind the end: truncate is about to take it away. */
	size = i_size_read(run->inode);
	if (folio_pos(folio) >= size)
		goto out;
	if (vexfs_run_reserve(run, folio))
		goto out;
	if (size - folio_pos(folio) < PAGE_SIZE)
		folio_zero_segment(folio, offset_in_page(size), PAGE_SIZE);
	folio_start_writeback(folio);
	folio_unlock(folio);

	addr = kmap_local_folio(folio, 0);
	run->csums[run->count] = vex_block_csum(addr);
	kunmap_local(addr);
	if (!run->count)
		run->start = folio->index;
	run->folios[run->count++] = folio;
	return 0;
out:
	folio_unlock(folio);
	return err;
}

static int vexfs_writeback(struct vexfs_run *run, struct address_space *mapping,
			   struct writeback_control *wbc)
{
	int err, last;

	run->inode = mapping->host;
	run->wbc = wbc;
	run->count = 0;
	run->written = 0;
	blk_start_plug(&run->plug);
	err = write_cache_pages(mapping, wbc, vexfs_run_add, run);
	last = vexfs_run_flush(run);
	blk_finish_plug(&run->plug);
	return err ?: last;
}

static noinline __noclone
int vexfs_file_writeback(struct address_space *mapping, struct writeback_control *wbc)
{
	struct vexfs_run *run;
	struct vexfs_op op __uninitialized;
	int err = -ENOMEM;

	vexfs_op_begin(&op, VEXFS_OP_WRITEBACK, mapping->host->i_ino);
	run = vex_alloc(sizeof(*run));
	if (run) {
		err = vexfs_writeback(run, mapping, wbc);
		op.count = run->written;
		op.bytes = run->written << PAGE_SHIFT;
		vex_free(run);
	}
	vexfs_op_end(&op, err);
	return err;
}

int vexfs_writepages(struct address_space *mapping, struct writeback_control *wbc)
{
	if (!mapping_tagged(mapping, PAGECACHE_TAG_DIRTY))
		return 0;
	return vexfs_file_writeback(mapping, wbc);
}

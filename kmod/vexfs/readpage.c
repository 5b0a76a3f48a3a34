// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading file data into the page cache.
 *
 * A folio stays locked from before its block is looked up until its data is there:
 * truncate and eviction must lock it before they free the block, so the block cannot
 * get another owner in between. Each block is compared with the checksum that its extent
 * records, and no byte of a block that differs reaches anyone.
 */
#include <linux/blkdev.h>
#include <linux/highmem.h>
#include <linux/ratelimit.h>
#include "vexfs.h"

static struct workqueue_struct *vexfs_read_wq;

/**
 * struct vexfs_read - one run of blocks on its way
 * @work: checks them when they have come: too much work for an interrupt
 * @inode: whose
 * @bio: the request, with one folio a block
 * @block: first block on the device
 * @csums: what to expect
 */
struct vexfs_read {
	struct work_struct work;
	struct inode *inode;
	struct bio *bio;
	u64 block;
	u32 csums[VEXFS_EXTENT_MAX];
};

static bool vexfs_page_good(struct inode *inode, struct folio *folio, u64 block, u32 csum)
{
	void *data = kmap_local_folio(folio, 0);
	u32 found = vex_block_csum(data);

	kunmap_local(data);
	if (likely(found == csum))
		return true;
	pr_err_ratelimited("%s: inode %lu: page %lu in block %llu has checksum %08x instead of %08x: damaged\n",
			   inode->i_sb->s_id, inode->i_ino, folio->index, block, found,
			   csum);
	return false;
}

static void vexfs_page_zero(struct folio *folio)
{
	folio_zero_range(folio, 0, PAGE_SIZE);
	folio_mark_uptodate(folio);
}

/**
 * vexfs_page_fill() - read one page and wait for it
 * @inode: regular file, no collection
 * @folio: locked, not up to date; stays locked
 *
 * Return: 0 and the folio is up to date; -EIO for a block that cannot be read or
 * fails its checksum; what the core says about the extent.
 */
int vexfs_page_fill(struct inode *inode, struct folio *folio)
{
	struct vex_map map;
	struct bio *bio;
	u32 csum;
	int err;

	if (folio_pos(folio) >= i_size_read(inode)) {
		vexfs_page_zero(folio);
		return 0;
	}
	err = vexfs_check(inode->i_sb, vex_extent_map(vexfs_fs(inode), inode->i_ino,
						      folio->index, 1, &map, &csum));
	if (err)
		return err;
	if (!map.block) {
		vexfs_page_zero(folio);
		return 0;
	}
	bio = vexfs_bio_alloc(inode->i_sb->s_bdev, 1, map.block, REQ_OP_READ);
	__bio_add_page(bio, folio_page(folio, 0), PAGE_SIZE, 0);
	err = submit_bio_wait(bio);
	bio_put(bio);
	if (err)
		pr_err_ratelimited("%s: inode %lu: page %lu in block %llu cannot be read (%d)\n",
				   inode->i_sb->s_id, inode->i_ino, folio->index, map.block,
				   err);
	if (err || !vexfs_page_good(inode, folio, map.block, csum))
		return -EIO;
	folio_mark_uptodate(folio);
	return 0;
}

int vexfs_read_folio(struct file *file, struct folio *folio)
{
	int err = vexfs_page_fill(folio->mapping->host, folio);

	folio_unlock(folio);
	return err;
}

/* The inode may go as soon as its last folio is unlocked. */
static void vexfs_read_work(struct work_struct *work)
{
	struct vexfs_read *r = container_of(work, struct vexfs_read, work);
	struct folio_iter fi;
	u32 i = 0;

	bio_for_each_folio_all(fi, r->bio) {
		bool good = !r->bio->bi_status &&
			    vexfs_page_good(r->inode, fi.folio, r->block + i, r->csums[i]);

		folio_end_read(fi.folio, good);
		i++;
	}
	bio_put(r->bio);
	vex_free(r);
}

static void vexfs_read_done(struct bio *bio)
{
	struct vexfs_read *r = bio->bi_private;

	queue_work(vexfs_read_wq, &r->work);
}

static void vexfs_read_submit(struct readahead_control *rac, struct vexfs_read *r,
			      const struct vex_map *map)
{
	struct bio *bio = vexfs_bio_alloc(r->inode->i_sb->s_bdev, map->count, map->block,
					  REQ_OP_READ | REQ_RAHEAD);
	u32 i;

	for (i = 0; i < map->count; i++)
		__bio_add_page(bio, folio_page(readahead_folio(rac), 0), PAGE_SIZE, 0);
	r->block = map->block;
	r->bio = bio;
	INIT_WORK(&r->work, vexfs_read_work);
	bio->bi_private = r;
	bio->bi_end_io = vexfs_read_done;
	submit_bio(bio);
}

static void vexfs_read_hole(struct readahead_control *rac, u32 count)
{
	while (count--) {
		struct folio *folio = readahead_folio(rac);

		vexfs_page_zero(folio);
		folio_unlock(folio);
	}
}

/*
 * Nobody waits for the result: what cannot be mapped or has no memory is left to
 * the VFS, and is read again, with an error for the reader, by vexfs_read_folio().
 */
void vexfs_readahead(struct readahead_control *rac)
{
	struct inode *inode = rac->mapping->host;
	u64 fblock = readahead_index(rac);
	u32 left = readahead_count(rac);
	struct vexfs_read *r = NULL;
	struct vex_map map;

	while (left) {
		if (!r)
			r = vex_alloc(sizeof(*r));
		if (!r)
			return;
		r->inode = inode;
		if (vex_extent_map(vexfs_fs(inode), inode->i_ino, fblock,
				   min_t(u32, left, VEXFS_EXTENT_MAX), &map, r->csums))
			break;
		if (map.block) {
			vexfs_read_submit(rac, r, &map);
			r = NULL;
		} else {
			vexfs_read_hole(rac, map.count);
		}
		fblock += map.count;
		left -= map.count;
	}
	vex_free(r);
}

int vexfs_read_init(void)
{
	vexfs_read_wq = alloc_workqueue("vexfs_read", WQ_HIGHPRI | WQ_MEM_RECLAIM, 0);
	return vexfs_read_wq ? 0 : -ENOMEM;
}

void vexfs_read_exit(void)
{
	destroy_workqueue(vexfs_read_wq);
}

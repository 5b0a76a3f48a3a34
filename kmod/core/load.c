// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Reading segments: all extents of one at the same time, and verification when they came.
 *
 * A segment is in the cache from the moment on in which its load began, so nobody reads it
 * twice. Whoever uses it first waits for the device and compares the checksums, under a
 * load lock; others find it done. The device's part needs no lock: while a load goes on,
 * nobody changes the segment, for a writer would use it first; and who throws it away
 * (vex_seg_forget_range()) waits for the device.
 *
 * A load that was begun ahead of its use and fails is tried again at the use, so that
 * reading ahead never makes an operation fail.
 */
#include "vex_fs.h"

/**
 * struct vex_load - the reads of one segment
 * @reads: one a run of blocks
 * @count: of them
 * @whole: they are all that there is to read
 * @mapped: bit n: block n is read, and has a checksum
 * @csums: of the blocks
 */
struct vex_load {
	struct vex_read reads[VEX_SEG_BLOCKS];
	u32 count;
	bool whole;
	u32 mapped;
	u32 csums[VEX_SEG_BLOCKS];
};

vex_mutex_t *vex_load_lock(struct vex_fs *fs, u64 ino, u64 index)
{
	return &fs->cache.load_locks[(ino + index) % VEX_CACHE_LOAD_LOCKS];
}

/* ---- reads that are waited for ------------------------------------------- */

/* Read one mapped run and verify it. */
static int read_run(struct vex_fs *fs, u8 *to, const struct vex_map *map, const u32 *csums)
{
	u32 i;
	int err;

	if (!map->block) {
		memset(to, 0, (size_t)map->count << VEXFS_BLOCK_SHIFT);
		return 0;
	}
	err = vex_dev_read(fs, map->block, map->count, to);
	if (err)
		return err;
	for (i = 0; i < map->count; i++, to += VEXFS_BLOCK_SIZE)
		if (vex_block_csum(to) != csums[i])
			return vex_damaged(fs, map->block + i, "data block fails its checksum");
	return 0;
}

/**
 * struct vex_blocks - blocks of a file that are to be read
 * @fs: filesystem, locked
 * @ino: file
 * @first: number of the first
 * @count: how many
 * @to: where to
 */
struct vex_blocks {
	struct vex_fs *fs;
	u64 ino;
	u64 first;
	u32 count;
	u8 *to;
};

static int blocks_read(void *arg)
{
	const struct vex_blocks *b = arg;
	u32 csums[VEX_SEG_BLOCKS];
	struct vex_map map;
	u32 done = 0;
	int err;

	while (done < b->count) {
		err = vex_extent_find(b->fs, b->ino, b->first + done, b->count - done, &map, csums);
		if (!err)
			err = read_run(b->fs, b->to + (done << VEXFS_BLOCK_SHIFT), &map, csums);
		if (err)
			return err;
		done += map.count;
	}
	return 0;
}

static noinline_for_stack
int read_blocks(struct vex_fs *fs, u64 ino, u64 first, u32 count, u8 *to)
{
	struct vex_blocks b = { .fs = fs, .ino = ino, .first = first, .count = count, .to = to };

	return vex_aside(fs, VEX_ASIDE_LOAD, blocks_read, &b);
}

int vex_load_bounce(struct vex_fs *fs, u64 ino, u64 pos, void *buf, size_t len)
{
	struct vex_cache *cache = &fs->cache;
	int err;

	vex_mutex_lock(&cache->bounce_lock);
	err = read_blocks(fs, ino, pos >> VEXFS_BLOCK_SHIFT, vex_span_blocks(pos, len),
			  cache->bounce);
	if (!err)
		memcpy(buf, cache->bounce + (pos & (VEXFS_BLOCK_SIZE - 1)), len);
	vex_mutex_unlock(&cache->bounce_lock);
	vex_spin_lock(&fs->cache_lock);
	cache->stats.bounced++;
	vex_spin_unlock(&fs->cache_lock);
	return err;
}

/* ---- loads --------------------------------------------------------------- */

/* Begin to read one mapped run. */
static void start_run(struct vex_fs *fs, struct vex_seg *seg, u32 first,
		      const struct vex_map *map)
{
	struct vex_load *load = seg->load;
	u8 *to = seg->data + (first << VEXFS_BLOCK_SHIFT);

	if (!map->block) {
		memset(to, 0, (size_t)map->count << VEXFS_BLOCK_SHIFT);
		return;
	}
	load->mapped |= ((1u << map->count) - 1) << first;
	load->reads[load->count] = (struct vex_read){
		.block = map->block,
		.buf = to,
		.count = map->count,
	};
	fs->io.ops->read_start(fs->io.ctx, &load->reads[load->count++]);
}

/* What cannot be begun here is done, and fails, at the end. */
void vex_load_start(struct vex_fs *fs, struct vex_seg *seg)
{
	u64 first = seg->index * VEX_SEG_BLOCKS;
	struct vex_map map;
	u32 done = 0;

	if (!fs->io.ops->read_start)
		return;
	seg->load = vex_zalloc(sizeof(*seg->load));
	if (!seg->load)
		return;
	while (done < VEX_SEG_BLOCKS) {
		if (vex_extent_find(fs, seg->ino, first + done, VEX_SEG_BLOCKS - done, &map,
				    seg->load->csums + done))
			return;
		start_run(fs, seg, done, &map);
		done += map.count;
	}
	seg->load->whole = true;
}

/* Wait for the device; true when all is there and right. */
static bool load_wait(struct vex_fs *fs, struct vex_seg *seg)
{
	struct vex_load *load = seg->load;
	bool good;
	u32 i;

	if (!load)
		return false;
	good = load->whole;
	for (i = 0; i < load->count; i++)
		if (fs->io.ops->read_wait(fs->io.ctx, &load->reads[i]))
			good = false;
	for (i = 0; i < VEX_SEG_BLOCKS && good; i++)
		if (load->mapped & (1u << i))
			good = vex_block_csum(seg->data + (i << VEXFS_BLOCK_SHIFT)) ==
			       load->csums[i];
	vex_free(load);
	seg->load = NULL;
	return good;
}

int vex_load_finish(struct vex_fs *fs, struct vex_seg *seg)
{
	vex_mutex_t *lock = vex_load_lock(fs, seg->ino, seg->index);
	int err = 0;

	vex_mutex_lock(lock);
	if (seg->loading) {
		if (!load_wait(fs, seg))
			err = read_blocks(fs, seg->ino, seg->index * VEX_SEG_BLOCKS,
					  VEX_SEG_BLOCKS, seg->data);
		vex_spin_lock(&fs->cache_lock);
		seg->loading = false;
		seg->err = err;
		fs->cache.loading_bytes -= VEX_SEG_MEMORY;
		if (err)
			vex_cache_leave(fs, &seg->c);
		else
			vex_cache_unpin(fs, &seg->c);
		vex_spin_unlock(&fs->cache_lock);
	}
	err = seg->err;
	vex_mutex_unlock(lock);
	return err;
}

void vex_load_abandon(struct vex_fs *fs, struct vex_seg *seg)
{
	if (seg->loading)
		load_wait(fs, seg);
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Segments: 64 KiB pieces of files in memory. All collections live in them, and
 * the data of every file in a host without a page cache.
 *
 * A segment is keyed by file and position. Whoever changes its bytes marks the
 * blocks dirty, one reserved block each; at a commit, or when dirty ones
 * pass their share of the cache, each run of dirty blocks goes to a new place
 * on the device. The device may read a segment's memory until the next flush is over: a
 * change before that goes on in a copy (see flush.c).
 *
 * A segment remembers which blocks it has sent to the device, and is not evicted before
 * a flush went well: should one fail, they become dirty again.
 */
#include "vex_fs.h"

#define SEG_MEMORY	(VEX_SEG_BYTES + sizeof(struct vex_seg))

static struct list_head *seg_bucket(struct vex_fs *fs, u64 ino, u64 index)
{
	return &fs->seg_hash[(ino * 31 + index) & (VEX_SEG_HASH - 1)];
}

/* cache_lock held. */
static struct vex_seg *seg_lookup(struct vex_fs *fs, u64 ino, u64 index)
{
	struct vex_seg *seg;

	list_for_each_entry(seg, seg_bucket(fs, ino, index), hash)
		if (seg->ino == ino && seg->index == index)
			return seg;
	return NULL;
}

static struct vex_seg *seg_alloc(u64 ino, u64 index, bool zero)
{
	struct vex_seg *seg = vex_zalloc(sizeof(*seg));

	if (!seg)
		return NULL;
	seg->data = zero ? vex_zalloc(VEX_SEG_BYTES) : vex_alloc(VEX_SEG_BYTES);
	if (!seg->data) {
		vex_free(seg);
		return NULL;
	}
	seg->ino = ino;
	seg->index = index;
	return seg;
}

void vex_seg_release_memory(struct vex_seg *seg)
{
	vex_free(seg->data);
	vex_free(seg);
}

/* Read one mapped run into the segment and verify it. */
static int seg_read_run(struct vex_fs *fs, u8 *to, const struct vex_map *map, const u32 *csums)
{
	u32 i;
	int err;

	if (!map->block) {
		memset(to, 0, (size_t)map->count << VEXFS_BLOCK_SHIFT);
		return 0;
	}
	err = fs->io.ops->read(fs->io.ctx, map->block, map->count, to);
	if (err)
		return err;
	for (i = 0; i < map->count; i++, to += VEXFS_BLOCK_SIZE)
		if (vex_block_csum(to) != csums[i])
			return vex_damaged(fs, map->block + i, "data block fails its checksum");
	return 0;
}

static int seg_read(struct vex_fs *fs, struct vex_seg *seg)
{
	u64 first = seg->index * VEX_SEG_BLOCKS;
	u32 csums[VEX_SEG_BLOCKS];
	struct vex_map map;
	u32 done = 0;
	int err;

	while (done < VEX_SEG_BLOCKS) {
		err = vex_extent_find(fs, seg->ino, first + done, VEX_SEG_BLOCKS - done, &map,
				      csums);
		if (!err)
			err = seg_read_run(fs, seg->data + (done << VEXFS_BLOCK_SHIFT), &map,
					   csums);
		if (err)
			return err;
		done += map.count;
	}
	return 0;
}

/* Enter a loaded segment, unless another reader was faster; holds what it returns. */
static struct vex_seg *seg_enter(struct vex_fs *fs, struct vex_seg *seg)
{
	struct vex_seg *other;

	vex_spin_lock(&fs->cache_lock);
	other = seg_lookup(fs, seg->ino, seg->index);
	if (other) {
		other->refs++;
	} else {
		seg->refs = 1;
		list_add(&seg->hash, seg_bucket(fs, seg->ino, seg->index));
		list_add(&seg->list, &fs->seg_lru);
		fs->cache_bytes += SEG_MEMORY;
	}
	vex_spin_unlock(&fs->cache_lock);
	if (!other)
		return seg;
	vex_seg_release_memory(seg);
	return other;
}

int vex_seg_get(struct vex_fs *fs, u64 ino, u64 index, bool fresh, struct vex_seg **out)
{
	struct vex_seg *seg;
	int err = 0;

	vex_spin_lock(&fs->cache_lock);
	seg = seg_lookup(fs, ino, index);
	if (seg) {
		seg->refs++;
		if (!seg->dirty)
			list_move(&seg->list, &fs->seg_lru);
		fs->cache_hits++;
	} else {
		fs->cache_misses++;
	}
	vex_spin_unlock(&fs->cache_lock);
	if (seg) {
		*out = seg;
		return 0;
	}

	/* Allocators that wipe all memory do it once so. */
	seg = seg_alloc(ino, index, fresh);
	if (!seg)
		return -ENOMEM;
	if (!fresh)
		err = seg_read(fs, seg);
	if (err) {
		vex_seg_release_memory(seg);
		return err;
	}
	*out = seg_enter(fs, seg);
	vex_cache_trim(fs);
	return 0;
}

void vex_seg_put(struct vex_fs *fs, struct vex_seg *seg)
{
	vex_spin_lock(&fs->cache_lock);
	seg->refs--;
	vex_spin_unlock(&fs->cache_lock);
}

static void seg_retire(struct vex_fs *fs, struct vex_seg *seg)
{
	vex_spin_lock(&fs->cache_lock);
	list_add(&seg->list, &fs->seg_retired);
	vex_spin_unlock(&fs->cache_lock);
}

/* Without memory for a copy the device is waited for; its error is the commit's to tell. */
int vex_seg_settle(struct vex_fs *fs, struct vex_seg *seg)
{
	struct vex_seg *old;

	vex_assert_write_locked(&fs->lock);
	if (!vex_in_flight(fs, seg->epoch))
		return 0;
	old = seg_alloc(seg->ino, seg->index, false);
	if (!old) {
		vex_flush_now(fs);
		return 0;
	}
	memcpy(old->data, seg->data, VEX_SEG_BYTES);
	swap(old->data, seg->data);
	old->epoch = seg->epoch;
	seg_retire(fs, old);
	return 0;
}

static u32 bits_count(u32 bits)
{
	u32 n = 0;

	for (; bits; bits &= bits - 1)
		n++;
	return n;
}

/* Bits [@from, @to). */
static u32 bits_range(u32 from, u32 to)
{
	return ((1u << to) - 1) & ~((1u << from) - 1);
}

/* Change the dirty blocks, and with them the list that the segment is on. */
static void seg_set_dirty(struct vex_fs *fs, struct vex_seg *seg, u32 dirty)
{
	vex_spin_lock(&fs->cache_lock);
	if (dirty && !seg->dirty)
		list_move_tail(&seg->list, &fs->seg_dirty);
	else if (!dirty && seg->dirty)
		list_move(&seg->list, &fs->seg_lru);
	fs->seg_dirty_bytes -= (size_t)bits_count(seg->dirty) << VEXFS_BLOCK_SHIFT;
	fs->seg_dirty_bytes += (size_t)bits_count(dirty) << VEXFS_BLOCK_SHIFT;
	seg->dirty = dirty;
	vex_spin_unlock(&fs->cache_lock);
}

u32 vex_seg_dirty(struct vex_fs *fs, struct vex_seg *seg, u32 from, u32 to)
{
	u32 bits = bits_range(from >> VEXFS_BLOCK_SHIFT, DIV_ROUND_UP(to, VEXFS_BLOCK_SIZE));
	u32 added = bits_count(bits & ~seg->dirty);

	vex_assert_write_locked(&fs->lock);
	seg_set_dirty(fs, seg, seg->dirty | bits);
	fs->changed = true;
	return added;
}

void vex_seg_cut(struct vex_fs *fs, struct vex_seg *seg, u32 from)
{
	u32 keep = bits_range(0, DIV_ROUND_UP(from, VEXFS_BLOCK_SIZE));
	u32 dropped = bits_count(seg->dirty & ~keep);

	memset(seg->data + from, 0, VEX_SEG_BYTES - from);
	seg_set_dirty(fs, seg, seg->dirty & keep);
	vex_space_unreserve(fs, dropped);
}

/* Blocks whose write no good flush has followed yet. cache_lock or the lock for writing held. */
static u32 seg_unsafe(const struct vex_fs *fs, const struct vex_seg *seg)
{
	return seg->epoch >= fs->io_safe ? seg->sent : 0;
}

/* Give one run of dirty blocks a new place and write it there. */
static int seg_write_run(struct vex_fs *fs, struct vex_seg *seg, u32 first, u32 count)
{
	u8 *data = seg->data + (first << VEXFS_BLOCK_SHIFT);
	u32 csums[VEX_SEG_BLOCKS];
	struct vex_map map;
	u32 i;
	int err;

	for (i = 0; i < count; i++)
		csums[i] = vex_block_csum(data + (i << VEXFS_BLOCK_SHIFT));
	err = vex_extent_replace(fs, seg->ino, seg->index * VEX_SEG_BLOCKS + first, count, csums,
				 0, &map);
	if (err)
		return err;
	seg->sent = seg_unsafe(fs, seg) | bits_range(first, first + map.count);
	seg->epoch = fs->io_epoch;
	seg_set_dirty(fs, seg, seg->dirty & ~bits_range(first, first + map.count));
	err = fs->io.ops->write(fs->io.ctx, map.block, map.count, data, 0);
	/* The commit will see it, and have the block written again if there is to be another. */
	if (err)
		vex_flush_note_error(fs, err);
	return 0;
}

/* cache_lock held. */
static u64 redo_on(struct vex_fs *fs, struct list_head *list)
{
	struct vex_seg *seg, *next;
	u64 blocks = 0;

	list_for_each_entry_safe(seg, next, list, list) {
		u32 lost = seg_unsafe(fs, seg) & ~seg->dirty;

		if (!lost)
			continue;
		blocks += bits_count(lost);
		if (!seg->dirty)
			list_move_tail(&seg->list, &fs->seg_dirty);
		seg->dirty |= lost;
	}
	return blocks;
}

int vex_seg_redo(struct vex_fs *fs)
{
	u64 blocks;

	vex_assert_write_locked(&fs->lock);
	vex_spin_lock(&fs->cache_lock);
	blocks = redo_on(fs, &fs->seg_dirty) + redo_on(fs, &fs->seg_lru);
	fs->seg_dirty_bytes += blocks << VEXFS_BLOCK_SHIFT;
	vex_spin_unlock(&fs->cache_lock);

	vex_spin_lock(&fs->space_lock);
	fs->reserved += blocks;
	vex_spin_unlock(&fs->space_lock);
	return vex_space_ok_urgent(fs, blocks) ? 0 : -ENOSPC;
}

int vex_seg_flush(struct vex_fs *fs)
{
	struct vex_seg *seg;
	u32 first, count;
	int err;

	vex_assert_write_locked(&fs->lock);
	while (!list_empty(&fs->seg_dirty)) {
		seg = list_first_entry(&fs->seg_dirty, struct vex_seg, list);
		for (first = 0; !(seg->dirty & (1u << first)); first++)
			;
		for (count = 1; seg->dirty & (1u << (first + count)); count++)
			;
		err = seg_write_run(fs, seg, first, count);
		if (err)
			return err;
	}
	vex_cache_trim(fs);
	return 0;
}

bool vex_seg_evict_one(struct vex_fs *fs, struct vex_seg **dead)
{
	struct vex_seg *seg;

	list_for_each_entry_reverse(seg, &fs->seg_lru, list) {
		if (seg->refs || seg->epoch >= fs->io_safe)
			continue;
		list_del(&seg->hash);
		list_del(&seg->list);
		fs->cache_bytes -= SEG_MEMORY;
		*dead = seg;
		return true;
	}
	return false;
}

/* Forget the segments of a file on one list; returns the reserved blocks that they held. */
static u32 forget_on(struct vex_fs *fs, struct list_head *list, u64 ino, u64 index, u64 end,
		     struct list_head *dead)
{
	struct vex_seg *seg, *next;
	u32 blocks = 0;

	list_for_each_entry_safe(seg, next, list, list) {
		if (seg->ino != ino || seg->index < index || seg->index >= end)
			continue;
		blocks += bits_count(seg->dirty);
		list_del(&seg->hash);
		list_move(&seg->list, dead);
		fs->cache_bytes -= SEG_MEMORY;
	}
	return blocks;
}

bool vex_seg_unsafe(struct vex_fs *fs, u64 ino, u64 index, u64 end)
{
	struct vex_seg *seg;
	bool found = false;

	vex_spin_lock(&fs->cache_lock);
	list_for_each_entry(seg, &fs->seg_lru, list)
		found |= seg->ino == ino && seg->index >= index && seg->index < end &&
			 seg_unsafe(fs, seg);
	vex_spin_unlock(&fs->cache_lock);
	return found;
}

void vex_seg_free_list(struct list_head *list)
{
	struct vex_seg *seg, *next;

	list_for_each_entry_safe(seg, next, list, list) {
		list_del(&seg->list);
		vex_seg_release_memory(seg);
	}
}

void vex_seg_forget_range(struct vex_fs *fs, u64 ino, u64 index, u64 end)
{
	struct vex_seg *seg, *next;
	u32 blocks;

	LIST_HEAD(dead);

	vex_assert_write_locked(&fs->lock);
	vex_spin_lock(&fs->cache_lock);
	blocks = forget_on(fs, &fs->seg_dirty, ino, index, end, &dead);
	fs->seg_dirty_bytes -= (size_t)blocks << VEXFS_BLOCK_SHIFT;
	forget_on(fs, &fs->seg_lru, ino, index, end, &dead);
	list_for_each_entry_safe(seg, next, &dead, list)
		if (vex_in_flight(fs, seg->epoch))
			list_move(&seg->list, &fs->seg_retired);
	vex_spin_unlock(&fs->cache_lock);
	vex_space_unreserve(fs, blocks);
	vex_seg_free_list(&dead);
}

void vex_seg_destroy_all(struct vex_fs *fs)
{
	vex_seg_free_list(&fs->seg_lru);
	vex_seg_free_list(&fs->seg_dirty);
	vex_seg_free_list(&fs->seg_retired);
}

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

/* cache_lock held. */
static struct vex_seg *seg_lookup(struct vex_fs *fs, u64 ino, u64 index)
{
	struct vex_seg *seg;

	list_for_each_entry(seg, vex_cache_bucket(fs, VEX_CACHE_SEG, ino, index), c.hash)
		if (seg->ino == ino && seg->index == index)
			return seg;
	return NULL;
}

/* @seg with its memory, as if it was new. */
static void seg_reset(struct vex_seg *seg, u8 *data, u64 ino, u64 index)
{
	memset(seg, 0, sizeof(*seg));
	seg->c.kind = VEX_CACHE_SEG;
	INIT_LIST_HEAD(&seg->c.hash);
	INIT_LIST_HEAD(&seg->c.list);
	seg->data = data;
	seg->ino = ino;
	seg->index = index;
}

static struct vex_seg *seg_alloc(u64 ino, u64 index, bool zero)
{
	struct vex_seg *seg = vex_alloc_kept(sizeof(*seg));
	u8 *data;

	if (!seg)
		return NULL;
	data = vex_alloc_cache(VEX_SEG_BYTES, zero);
	if (!data) {
		vex_free(seg);
		return NULL;
	}
	seg_reset(seg, data, ino, index);
	return seg;
}

/* The same, with the memory of a cached one when there is no other. */
static struct vex_seg *seg_make(struct vex_fs *fs, u64 ino, u64 index, bool zero)
{
	struct vex_seg *seg = seg_alloc(ino, index, zero);
	struct vex_cached *c;

	if (seg)
		return seg;
	c = vex_cache_steal(fs, VEX_CACHE_SEG);
	if (!c)
		return NULL;
	seg = container_of(c, struct vex_seg, c);
	seg_reset(seg, seg->data, ino, index);
	if (zero)
		memset(seg->data, 0, VEX_SEG_BYTES);
	return seg;
}

void vex_seg_release_memory(struct vex_seg *seg)
{
	vex_free(seg->data);
	vex_free(seg);
}

/* Find a segment and hold it, unless this is only a look @ahead; cache_lock held. */
static struct vex_seg *seg_find(struct vex_fs *fs, u64 ino, u64 index, bool ahead)
{
	struct vex_seg *seg = seg_lookup(fs, ino, index);

	if (!seg || ahead)
		return seg;
	seg->c.refs++;
	vex_cache_used(fs, &seg->c);
	vex_trace_cache_hit(VEX_CACHE_SEG);
	return seg;
}

/* Enter a new segment, which is loading when it is not @fresh; its load lock is held. */
static void seg_enter(struct vex_fs *fs, struct vex_seg *seg, bool fresh, bool ahead)
{
	seg->c.refs = !ahead;
	seg->c.ahead = ahead;
	seg->loading = !fresh;
	vex_cache_enter(fs, &seg->c, seg->ino, seg->index, fresh,
			fresh ? NULL : &fs->cache.loading);
	if (!fresh)
		fs->cache.loading_bytes += VEX_SEG_MEMORY;
	fs->cache.stats.prefetched += ahead;
}

/* Nobody has the segment: make it, and begin to load it. */
static int seg_begin(struct vex_fs *fs, u64 ino, u64 index, bool fresh, bool ahead,
		     struct vex_seg **out)
{
	vex_mutex_t *lock = vex_load_lock(fs, ino, index);
	struct vex_seg *seg, *other;

	/* Allocators that wipe all memory do it once so. */
	seg = ahead ? seg_alloc(ino, index, false) : seg_make(fs, ino, index, fresh);
	if (!seg)
		return -ENOMEM;
	vex_mutex_lock(lock);
	vex_spin_lock(&fs->cache_lock);
	other = seg_find(fs, ino, index, ahead);
	if (!other)
		seg_enter(fs, seg, fresh, ahead);
	vex_spin_unlock(&fs->cache_lock);
	if (!other && !fresh)
		vex_load_start(fs, seg);
	vex_mutex_unlock(lock);
	if (other)
		vex_seg_release_memory(seg);
	*out = other ? other : seg;
	return 0;
}

int vex_seg_get(struct vex_fs *fs, u64 ino, u64 index, bool fresh, struct vex_seg **out)
{
	struct vex_seg *seg;
	bool loading = true;
	int err = 0;

	vex_spin_lock(&fs->cache_lock);
	seg = seg_find(fs, ino, index, false);
	if (seg)
		loading = seg->loading;
	else
		vex_cache_missed(fs, VEX_CACHE_SEG);
	vex_spin_unlock(&fs->cache_lock);

	if (!seg) {
		if (!fresh)
			vex_trace_cache_miss(VEX_CACHE_SEG, ino, index);
		err = seg_begin(fs, ino, index, fresh, false, &seg);
		if (err)
			return err;
		vex_cache_trim(fs);
	}
	if (loading)
		err = vex_load_finish(fs, seg);
	if (err) {
		vex_seg_put(fs, seg);
		return err;
	}
	*out = seg;
	return 0;
}

/* The arguments of vex_seg_get(). */
struct seg_ask {
	struct vex_fs *fs;
	u64 ino;
	u64 index;
	bool fresh;
	struct vex_seg *seg;
};

static int seg_ask(void *arg)
{
	struct seg_ask *ask = arg;

	return vex_seg_get(ask->fs, ask->ino, ask->index, ask->fresh, &ask->seg);
}

struct vex_seg *vex_seg_loaded(struct vex_fs *fs, u64 ino, u64 index)
{
	struct vex_seg *seg;

	vex_spin_lock(&fs->cache_lock);
	seg = seg_lookup(fs, ino, index);
	if (seg && seg->loading)
		seg = NULL;
	if (seg) {
		seg->c.refs++;
		vex_cache_used(fs, &seg->c);
		vex_trace_cache_hit(VEX_CACHE_SEG);
	}
	vex_spin_unlock(&fs->cache_lock);
	return seg;
}

bool vex_seg_known(struct vex_fs *fs, u64 ino, u64 index)
{
	bool known;

	vex_spin_lock(&fs->cache_lock);
	known = seg_lookup(fs, ino, index);
	vex_spin_unlock(&fs->cache_lock);
	return known;
}

int vex_seg_get_aside(struct vex_fs *fs, u64 ino, u64 index, bool fresh, struct vex_seg **out)
{
	struct seg_ask ask = { .fs = fs, .ino = ino, .index = index, .fresh = fresh };
	int err;

	*out = vex_seg_loaded(fs, ino, index);
	if (*out)
		return 0;
	err = vex_aside(fs, VEX_ASIDE_SEG, seg_ask, &ask);
	*out = ask.seg;
	return err;
}

void vex_seg_ahead(struct vex_fs *fs, u64 ino, u64 index)
{
	struct vex_seg *seg;

	vex_spin_lock(&fs->cache_lock);
	seg = seg_find(fs, ino, index, true);
	vex_spin_unlock(&fs->cache_lock);
	if (seg || seg_begin(fs, ino, index, false, true, &seg))
		return;
	vex_trace_cache_prefetch(ino, index);
	vex_cache_trim(fs);
}

void vex_seg_put(struct vex_fs *fs, struct vex_seg *seg)
{
	bool dead;

	vex_spin_lock(&fs->cache_lock);
	dead = !--seg->c.refs && seg->err;
	vex_spin_unlock(&fs->cache_lock);
	if (dead)
		vex_seg_release_memory(seg);
}

static void seg_retire(struct vex_fs *fs, struct vex_seg *seg)
{
	vex_spin_lock(&fs->cache_lock);
	list_add(&seg->c.list, &fs->seg_retired);
	vex_spin_unlock(&fs->cache_lock);
}

/* Without memory for a copy the device is waited for; its error is the commit's to tell. */
int vex_seg_settle(struct vex_fs *fs, struct vex_seg *seg)
{
	struct vex_seg *old;

	vex_assert_write_locked(&fs->lock);
	if (seg->copied || !vex_in_flight(fs, seg->epoch))
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
	seg->copied = true;
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

/* Blocks whose write no good flush has followed yet. cache_lock or the lock for writing held. */
static u32 seg_unsafe(const struct vex_fs *fs, const struct vex_seg *seg)
{
	return seg->epoch >= fs->io_safe ? seg->sent : 0;
}

/* Change the dirty blocks, and with them the list that the segment is on. */
static void seg_set_dirty(struct vex_fs *fs, struct vex_seg *seg, u32 dirty)
{
	vex_spin_lock(&fs->cache_lock);
	if (dirty && !seg->dirty)
		vex_cache_pin(fs, &seg->c, &fs->seg_dirty);
	else if (!dirty && seg->dirty && seg_unsafe(fs, seg))
		vex_cache_pin(fs, &seg->c, &fs->seg_sent);
	else if (!dirty && seg->dirty)
		vex_cache_unpin(fs, &seg->c);
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

/* Give one run of dirty blocks a new place and write it there. */
static int seg_write_run(struct vex_fs *fs, struct vex_seg *seg, u32 first, u32 count)
{
	u8 *data = seg->data + (first << VEXFS_BLOCK_SHIFT);
	u32 *csums = fs->seg_csums;
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
	seg->copied = false;
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

	list_for_each_entry_safe(seg, next, list, c.list) {
		u32 lost = seg_unsafe(fs, seg) & ~seg->dirty;

		if (!lost)
			continue;
		blocks += bits_count(lost);
		if (!seg->dirty)
			vex_cache_pin(fs, &seg->c, &fs->seg_dirty);
		seg->dirty |= lost;
	}
	return blocks;
}

int vex_seg_redo(struct vex_fs *fs)
{
	u64 blocks;

	vex_assert_write_locked(&fs->lock);
	vex_spin_lock(&fs->cache_lock);
	blocks = redo_on(fs, &fs->seg_dirty) + redo_on(fs, &fs->seg_sent);
	fs->seg_dirty_bytes += blocks << VEXFS_BLOCK_SHIFT;
	vex_spin_unlock(&fs->cache_lock);

	vex_space_owe(fs, blocks);
	return vex_space_ok_urgent(fs, blocks) ? 0 : -ENOSPC;
}

int vex_seg_flush(struct vex_fs *fs)
{
	struct vex_seg *seg;
	u32 first, count;
	int err;

	vex_assert_write_locked(&fs->lock);
	while (!list_empty(&fs->seg_dirty)) {
		seg = list_first_entry(&fs->seg_dirty, struct vex_seg, c.list);
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

void vex_seg_safe(struct vex_fs *fs)
{
	struct vex_seg *seg, *next;

	list_for_each_entry_safe(seg, next, &fs->seg_sent, c.list)
		if (!seg_unsafe(fs, seg))
			vex_cache_unpin(fs, &seg->c);
}

/* Forget the segments of a file on one list; returns the reserved blocks that they held. */
static u32 forget_on(struct vex_fs *fs, struct list_head *list, u64 ino, u64 index, u64 end,
		     struct list_head *dead)
{
	struct vex_seg *seg, *next;
	u32 blocks = 0;

	list_for_each_entry_safe(seg, next, list, c.list) {
		if (seg->ino != ino || seg->index < index || seg->index >= end)
			continue;
		blocks += bits_count(seg->dirty);
		if (seg->loading)
			fs->cache.loading_bytes -= VEX_SEG_MEMORY;
		vex_cache_leave(fs, &seg->c);
		list_add(&seg->c.list, dead);
	}
	return blocks;
}

bool vex_seg_unsafe(struct vex_fs *fs, u64 ino, u64 index, u64 end)
{
	struct vex_seg *seg;
	bool found = false;

	vex_spin_lock(&fs->cache_lock);
	list_for_each_entry(seg, &fs->seg_sent, c.list)
		found |= seg->ino == ino && seg->index >= index && seg->index < end &&
			 seg_unsafe(fs, seg);
	vex_spin_unlock(&fs->cache_lock);
	return found;
}

void vex_seg_free_list(struct vex_fs *fs, struct list_head *list)
{
	struct vex_seg *seg, *next;

	list_for_each_entry_safe(seg, next, list, c.list) {
		list_del(&seg->c.list);
		vex_load_abandon(fs, seg);
		vex_seg_release_memory(seg);
	}
}

void vex_seg_forget_range(struct vex_fs *fs, u64 ino, u64 index, u64 end)
{
	struct vex_cache_queue *q = &fs->cache.kind[VEX_CACHE_SEG];
	struct vex_seg *seg, *next;
	u32 blocks;

	LIST_HEAD(dead);

	vex_assert_write_locked(&fs->lock);
	vex_spin_lock(&fs->cache_lock);
	blocks = forget_on(fs, &fs->seg_dirty, ino, index, end, &dead);
	fs->seg_dirty_bytes -= (size_t)blocks << VEXFS_BLOCK_SHIFT;
	forget_on(fs, &fs->seg_sent, ino, index, end, &dead);
	forget_on(fs, &q->probation, ino, index, end, &dead);
	forget_on(fs, &q->protected, ino, index, end, &dead);
	forget_on(fs, &fs->cache.loading, ino, index, end, &dead);
	list_for_each_entry_safe(seg, next, &dead, c.list)
		if (vex_in_flight(fs, seg->epoch))
			list_move(&seg->c.list, &fs->seg_retired);
	vex_spin_unlock(&fs->cache_lock);
	vex_space_unreserve(fs, blocks);
	vex_seg_free_list(fs, &dead);
}

void vex_seg_destroy_all(struct vex_fs *fs)
{
	vex_seg_free_list(fs, &fs->cache.loading);
	vex_seg_free_list(fs, &fs->cache.kind[VEX_CACHE_SEG].probation);
	vex_seg_free_list(fs, &fs->cache.kind[VEX_CACHE_SEG].protected);
	vex_seg_free_list(fs, &fs->seg_sent);
	vex_seg_free_list(fs, &fs->seg_dirty);
	vex_seg_free_list(fs, &fs->seg_retired);
}

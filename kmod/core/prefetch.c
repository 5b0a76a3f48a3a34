// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Reading ahead of use.
 *
 * A few streams are remembered: a file, and the segment that comes next if somebody reads it
 * from front to back. Each time it does come, the window of the stream grows to twice its
 * size, and what it covers is asked for. A stream that begins anywhere else than at the
 * front of a file has no window until its second segment. What is asked for and not used yet has
 * a share of the cache; the oldest of it is brought to an end to make room.
 *
 * Who follows a graph knows better, and asks by vex_rows_prefetch().
 */
#include "vex_fs.h"

/* The stream that expects this segment, or is at it, or the one that was not used for longest. */
static struct vex_stream *stream_find(struct vex_cache *cache, u64 ino, u64 index)
{
	struct vex_stream *oldest = cache->streams;
	struct vex_stream *s;
	u32 i;

	for (i = 0; i < VEX_CACHE_STREAMS; i++) {
		s = &cache->streams[i];
		if (s->ino == ino && (s->next == index || s->next == index + 1))
			return s;
		if (cache->streams_used - s->used > cache->streams_used - oldest->used)
			oldest = s;
	}
	*oldest = (struct vex_stream){
		.ino = ino,
		.next = index ? index + 1 : index,
		.ahead = index + 1,
	};
	return oldest;
}

static u32 window_max(const struct vex_fs *fs)
{
	return min_t(u64, VEX_CACHE_WINDOW,
		     vex_cache_bound(fs) / VEX_CACHE_AHEAD_SHARE / VEX_SEG_BYTES);
}

/* A stream uses segment @index: [*@from, *@to) are to be read now. */
static void stream_next(struct vex_fs *fs, u64 ino, u64 index, u64 count, u64 *from, u64 *to)
{
	u32 most = window_max(fs);
	struct vex_stream *s;

	*from = 0;
	*to = 0;
	if (!fs->io.ops->read_start || !most)
		return;
	vex_spin_lock(&fs->cache_lock);
	s = stream_find(&fs->cache, ino, index);
	s->used = ++fs->cache.streams_used;
	if (s->next == index) {
		s->next = index + 1;
		s->window = clamp(2 * s->window, 1u, most);
		*from = max(s->ahead, index + 1);
		*to = max(*from, min(index + 1 + s->window, count));
		s->ahead = *to;
	}
	vex_spin_unlock(&fs->cache_lock);
}

/* The oldest load that nobody waits for, held; NULL while there is room for another. */
static struct vex_seg *load_to_end(struct vex_fs *fs)
{
	struct vex_cache *cache = &fs->cache;
	struct vex_seg *seg, *found = NULL;

	vex_spin_lock(&fs->cache_lock);
	if (cache->loading_bytes + VEX_SEG_BYTES > vex_cache_bound(fs) / VEX_CACHE_AHEAD_SHARE)
		list_for_each_entry(seg, &cache->loading, c.list)
			if (!seg->c.refs) {
				found = seg;
				seg->c.refs++;
				break;
			}
	vex_spin_unlock(&fs->cache_lock);
	return found;
}

void vex_prefetch_settle(struct vex_fs *fs)
{
	struct vex_seg *seg;

	vex_read_lock(&fs->lock);
	for (seg = load_to_end(fs); seg; seg = load_to_end(fs)) {
		vex_load_finish(fs, seg);
		vex_seg_put(fs, seg);
	}
	vex_read_unlock(&fs->lock);
}

/**
 * vex_seg_prefetch() - begin to read a segment that will be used soon
 * @fs: filesystem, locked
 * @ino: file
 * @index: segment of it
 *
 * Never fails: what is not read ahead is read when it is used.
 */
void vex_seg_prefetch(struct vex_fs *fs, u64 ino, u64 index)
{
	struct vex_seg *seg;

	if (!fs->io.ops->read_start || !vex_cache_bound(fs))
		return;
	seg = load_to_end(fs);
	if (seg) {
		vex_load_finish(fs, seg);
		vex_seg_put(fs, seg);
	}
	vex_seg_ahead(fs, ino, index);
}

/* What vex_stream_get() has another stack do. */
struct stream_ask {
	struct vex_fs *fs;
	u64 ino;
	u64 index;
	u64 from;
	u64 to;
	struct vex_seg *seg;
};

static int stream_ask(void *arg)
{
	struct stream_ask *ask = arg;

	for (; ask->from < ask->to; ask->from++)
		vex_seg_prefetch(ask->fs, ask->ino, ask->from);
	return ask->seg ? 0 : vex_seg_get(ask->fs, ask->ino, ask->index, false, &ask->seg);
}

int vex_stream_get(struct vex_fs *fs, u64 ino, u64 index, u64 count, struct vex_seg **out)
{
	struct stream_ask ask = { .fs = fs, .ino = ino, .index = index };
	int err = 0;

	stream_next(fs, ino, index, count, &ask.from, &ask.to);
	ask.seg = vex_seg_loaded(fs, ino, index);
	while (ask.from < ask.to && vex_seg_known(fs, ino, ask.from))
		ask.from++;
	if (!ask.seg || ask.from < ask.to)
		err = vex_aside(fs, VEX_ASIDE_SEG, stream_ask, &ask);
	*out = ask.seg;
	return err;
}

void vex_rows_prefetch(struct vex_fs *fs, u64 ino, u32 row_bytes, const u64 *ids, u32 count)
{
	u64 index, last, done = ~0ULL;
	u32 i;

	for (i = 0; i < count; i++) {
		index = div_u64(ids[i] * row_bytes, VEX_SEG_BYTES);
		last = div_u64(ids[i] * row_bytes + row_bytes - 1, VEX_SEG_BYTES);
		for (; index <= last; index++) {
			if (index != done)
				vex_seg_prefetch(fs, ino, index);
			done = index;
		}
	}
}

/**
 * vex_coll_prefetch() - begin to read rows that will be asked for soon
 * @fs: filesystem
 * @ino: collection
 * @ids: rows; those that do not exist are passed over
 * @count: at most VEXFS_MAX_IDS
 *
 * Return: 0; -ENODATA not a collection; -EINVAL; errors of reading its attributes.
 */
int vex_coll_prefetch(struct vex_fs *fs, u64 ino, const u64 *ids, u32 count)
{
	struct vex_coll c;
	u32 i;
	int err;

	if (count > VEXFS_MAX_IDS)
		return -EINVAL;
	vex_read_lock(&fs->lock);
	err = vex_coll_load(fs, ino, &c);
	for (i = 0; i < count && !err; i++)
		if (ids[i] < c.rows)
			vex_rows_prefetch(fs, ino, c.row_bytes, &ids[i], 1);
	vex_read_unlock(&fs->lock);
	return err;
}

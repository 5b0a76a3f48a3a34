/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The cache of tree nodes and segments: one bound for both, and which of them goes
 * when it is reached. See cache.c for the scheme. Everything here is guarded by
 * fs->cache_lock unless it says otherwise.
 */
#ifndef VEX_CACHE_H
#define VEX_CACHE_H

#include "vex_core.h"

struct vex_seg;

enum vex_cache_kind {
	VEX_CACHE_NODE,
	VEX_CACHE_SEG,
	VEX_CACHE_KINDS
};

/* Dirty segments may be this part of the bound, those that cannot be evicted twice as much. */
#define VEX_CACHE_DIRTY_SHARE	4
/* So may segments that are being read ahead. */
#define VEX_CACHE_AHEAD_SHARE	8
#define VEX_CACHE_WINDOW	8u	/* segments read ahead of one stream */
#define VEX_CACHE_STREAMS	16u
#define VEX_CACHE_LOAD_LOCKS	16u

/**
 * struct vex_cached - what a node and a segment are to the cache
 * @hash: in the hash of its kind
 * @list: in a queue of its kind while it may be evicted; else where its owner put it
 * @place: a node's block, a segment's inode
 * @index: of a segment; 0
 * @refs: users; it stays while there are any
 * @born: the tick of its kind when it was first used
 * @kind: enum vex_cache_kind
 * @queued: @list is in one of the queues
 * @hot: it belongs to the protected queue
 * @ahead: read ahead, and not used since
 */
struct vex_cached {
	struct list_head hash;
	struct list_head list;
	u64 place;
	u64 index;
	u32 refs;
	u32 born;
	u8 kind;
	bool queued;
	bool hot;
	bool ahead;
};

/**
 * struct vex_cache_queue - all entries of one kind
 * @probation: entries used for one while only; the newest first
 * @protected: entries used again after that; the last used first
 * @probation_bytes: memory of @probation
 * @protected_bytes: memory of @protected
 * @bytes: memory of the kind, with what cannot be evicted
 * @entry: memory of one
 * @tick: entries made so far
 * @period: uses that are no more ticks apart count as one
 * @hash: buckets
 * @hash_mask: their number - 1
 * @ghosts: fingerprints of what left @probation, in sets of VEX_GHOST_WAYS
 * @ghost_mask: sets - 1
 * @hits: uses that found their entry
 * @misses: uses that did not
 */
struct vex_cache_queue {
	struct list_head probation;
	struct list_head protected;
	size_t probation_bytes;
	size_t protected_bytes;
	size_t bytes;
	u32 entry;
	u32 tick;
	u32 period;
	struct list_head *hash;
	u32 hash_mask;
	u32 *ghosts;
	u32 ghost_mask;
	u64 hits;
	u64 misses;
};

/**
 * struct vex_stream - somebody who reads a file from front to back
 * @ino: the file
 * @next: the segment expected next
 * @ahead: segments before this one were asked for
 * @window: how far to read ahead, in segments
 * @used: fs->cache.streams_used at its last use
 */
struct vex_stream {
	u64 ino;
	u64 next;
	u64 ahead;
	u32 window;
	u32 used;
};

/**
 * struct vex_cache - the cache of one filesystem
 * @limit: the bound, in bytes
 * @kind: nodes and segments
 * @streams: who reads sequentially
 * @streams_used: counts uses of @streams
 * @loading: segments that are being read; oldest first
 * @loading_bytes: their memory
 * @bounce: VEX_SEG_BYTES for reads when there is no memory; under @bounce_lock
 * @bounce_lock: inside fs->lock
 * @load_locks: guard the end of a load, by segment; inside fs->lock
 * @stats: counters; the sums in it are made when asked for
 */
struct vex_cache {
	size_t limit;
	struct vex_cache_queue kind[VEX_CACHE_KINDS];
	struct vex_stream streams[VEX_CACHE_STREAMS];
	u32 streams_used;
	struct list_head loading;
	size_t loading_bytes;
	void *bounce;
	vex_mutex_t bounce_lock;
	vex_mutex_t load_locks[VEX_CACHE_LOAD_LOCKS];
	struct vex_cache_stats stats;
};

/* ---- cache.c ------------------------------------------------------------- */

int vex_cache_init(struct vex_fs *fs, size_t limit);
/* Everything was taken out before. */
void vex_cache_destroy(struct vex_fs *fs);

struct list_head *vex_cache_bucket(struct vex_fs *fs, enum vex_cache_kind kind, u64 a, u64 b);
/* Count a use that found nothing. */
void vex_cache_missed(struct vex_fs *fs, enum vex_cache_kind kind);
/* Count a use of @c. */
void vex_cache_used(struct vex_fs *fs, struct vex_cached *c);
/*
 * Enter an entry under its name (@place, @index), into @list, or, when that is NULL, into a
 * queue. @fresh: it was made, not read, so that an earlier life does not count.
 */
void vex_cache_enter(struct vex_fs *fs, struct vex_cached *c, u64 place, u64 index, bool fresh,
		     struct list_head *list);
/* It is something else now. */
void vex_cache_rename(struct vex_fs *fs, struct vex_cached *c, u64 place, u64 index);
/* It may not be evicted from now on, and goes to the end of @list. */
void vex_cache_pin(struct vex_fs *fs, struct vex_cached *c, struct list_head *list);
/* It may be evicted from now on. */
void vex_cache_unpin(struct vex_fs *fs, struct vex_cached *c);
/* Take it out for good. */
void vex_cache_leave(struct vex_fs *fs, struct vex_cached *c);

/* The rest is called without fs->cache_lock. */

/* Evict until the cache is inside its bound. */
void vex_cache_trim(struct vex_fs *fs);
/* Take out an entry for its memory; NULL when all of the kind are in use. */
struct vex_cached *vex_cache_steal(struct vex_fs *fs, enum vex_cache_kind kind);
/* Free the memory of an entry of the other kind; false when there is none. */
bool vex_cache_relieve(struct vex_fs *fs, enum vex_cache_kind kind);
/* Would vex_cache_balance() have something to do? Any lock. */
bool vex_cache_unbalanced(struct vex_fs *fs);
/* Write dirty segments when they pass their share. Lock held for writing, in a transaction. */
int vex_cache_balance(struct vex_fs *fs);

/* ---- prefetch.c: fs->lock held ------------------------------------------- */

/*
 * A stream uses segment @index of a file that has @count of them: get it, and begin to read what
 * comes next. What is not in memory is read on another stack. Errors as vex_seg_get().
 */
int vex_stream_get(struct vex_fs *fs, u64 ino, u64 index, u64 count, struct vex_seg **out);
/* Bring what is being read ahead inside its share of the bound. fs->lock not held. */
void vex_prefetch_settle(struct vex_fs *fs);
/* Begin to read a segment that will be used soon. */
void vex_seg_prefetch(struct vex_fs *fs, u64 ino, u64 index);
/* The segments of rows that will be used soon. */
void vex_rows_prefetch(struct vex_fs *fs, u64 ino, u32 row_bytes, const u64 *ids, u32 count);

#endif /* VEX_CACHE_H */

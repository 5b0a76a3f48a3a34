/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Inside the core: what files hold, on the device and in segments of memory. See vex_fs.h.
 */
#ifndef VEX_EXTENT_H
#define VEX_EXTENT_H

#include "vex_types.h"

/* ---- extent.c: fs->lock held --------------------------------------------- */

/**
 * struct vex_extent - an extent item, checked
 * @fblock: first file block
 * @block: first block on the device
 * @count: blocks
 * @unwritten: allocated only: reads as zeros, no checksums
 */
struct vex_extent {
	u64 fblock;
	u64 block;
	u32 count;
	bool unwritten;
};

/* Bytes of an extent's item. */
static inline u32 vex_extent_len(u32 count, bool unwritten)
{
	return sizeof(struct vexfs_extent_item) + (unwritten ? 0 : count * sizeof(__le32));
}

static inline __le32 *vex_extent_csums(struct vexfs_extent_item *item)
{
	return (__le32 *)(item + 1);
}

/* The first extent that ends behind @fblock: the one that holds it, or the next. -ENOENT. */
int vex_extent_next(struct vex_fs *fs, u64 ino, u64 fblock, struct vex_extent *e);

int vex_extent_find(struct vex_fs *fs, u64 ino, u64 fblock, u32 max, struct vex_map *map,
		    u32 *csums);
/*
 * Touch all that unmapping [@from, @to) edits, @items extents of it at most. @mapped receives the
 * blocks that they map there.
 */
int vex_extent_touch(struct vex_fs *fs, u64 ino, u64 from, u64 to, u32 items, u64 *mapped);
/*
 * Unmap file blocks [@from, @to); at most VEX_DROP_STEP items. Returns 1 when
 * there is more to do. For writing, inside a transaction.
 */
int vex_extent_drop(struct vex_fs *fs, u64 ino, u64 from, u64 to);
/* Touch what cutting @e up to @to edits, but not the blocks. */
int vex_extent_touch_item(struct vex_fs *fs, u64 ino, const struct vex_extent *e, u64 to);
/* Take [@from, @to) out of one extent that overlaps it; its blocks stay in use. Touched before. */
int vex_extent_cut(struct vex_fs *fs, u64 ino, const struct vex_extent *e, u64 from, u64 to);
/* Unmap and free all of [@from, @to), whose extents vex_extent_touch() has touched. */
int vex_extent_remove_touched(struct vex_fs *fs, u64 ino, u64 from, u64 to);

/* ---- remap.c: fs->lock held ---------------------------------------------- */

/*
 * Map @count file blocks to one run of at most as many for new content, and consume as many
 * reserved blocks; *@map tells the run. For writing, inside a transaction. Frees what was
 * mapped there, unless it was unwritten: then the run is that.
 */
int vex_extent_replace(struct vex_fs *fs, u64 ino, u64 fblock, u32 count, const u32 *csums,
		       u64 size, struct vex_map *map);
/* The same with a new run that stays unwritten, of up to VEXFS_UNWRITTEN_MAX blocks. */
int vex_extent_provide(struct vex_fs *fs, u64 ino, u64 fblock, u32 count, struct vex_map *map);

/* ---- segment.c: fs->lock held -------------------------------------------- */

/* Zero a segment from byte @from on; the blocks behind that need no write any more. */
void vex_seg_cut(struct vex_fs *fs, struct vex_seg *seg, u32 from);
/* Get a segment; @fresh: nothing of it exists yet, do not read. */
int vex_seg_get(struct vex_fs *fs, u64 ino, u64 index, bool fresh, struct vex_seg **out);
/* The same for a caller that is deep in its stack: what is not in memory is read on another. */
int vex_seg_get_aside(struct vex_fs *fs, u64 ino, u64 index, bool fresh, struct vex_seg **out);
/* Get a segment that is in memory; NULL: it is not, or not yet. */
struct vex_seg *vex_seg_loaded(struct vex_fs *fs, u64 ino, u64 index);
/* Is it in memory, or being read? */
bool vex_seg_known(struct vex_fs *fs, u64 ino, u64 index);
void vex_seg_put(struct vex_fs *fs, struct vex_seg *seg);
/* Begin to read a segment that nobody has; for want of memory nothing happens. */
void vex_seg_ahead(struct vex_fs *fs, u64 ino, u64 index);
/* See to it that the device does not read @data. For writing, before a change of its bytes. */
int vex_seg_settle(struct vex_fs *fs, struct vex_seg *seg);
/* Mark bytes changed. For writing. Returns the number of blocks that became dirty. */
u32 vex_seg_dirty(struct vex_fs *fs, struct vex_seg *seg, u32 from, u32 to);
/* Write all dirty segments to new places. For writing. */
int vex_seg_flush(struct vex_fs *fs);
/* Has one of a file's clean segments from @index to before @end not been flushed yet? */
bool vex_seg_unsafe(struct vex_fs *fs, u64 ino, u64 index, u64 end);
/* Forget a file's segments from @index to before @end, dirty ones too. For writing. */
void vex_seg_forget_range(struct vex_fs *fs, u64 ino, u64 index, u64 end);
/* At or past @index. */
static inline void vex_seg_forget(struct vex_fs *fs, u64 ino, u64 index)
{
	vex_seg_forget_range(fs, ino, index, ~0ULL);
}

void vex_seg_destroy_all(struct vex_fs *fs);
/* A flush went well: what it made safe may be evicted. cache_lock held. */
void vex_seg_safe(struct vex_fs *fs);
void vex_seg_release_memory(struct vex_seg *seg);
void vex_seg_free_list(struct vex_fs *fs, struct list_head *list);
/* After a failed flush: what it may have lost is dirty again. For writing. -ENOSPC. */
int vex_seg_redo(struct vex_fs *fs);

/* ---- load.c: fs->lock held ----------------------------------------------- */

/* Begin to read a loading segment; its load lock is held. */
void vex_load_start(struct vex_fs *fs, struct vex_seg *seg);
/*
 * See to the end of a load, whoever began it, and verify what came. The caller holds the
 * segment, and puts it back on an error, too.
 */
int vex_load_finish(struct vex_fs *fs, struct vex_seg *seg);
/* Wait for the device to let go of a segment that is thrown away. */
void vex_load_abandon(struct vex_fs *fs, struct vex_seg *seg);
/* Read bytes inside one segment, past the cache, which does not have it. */
int vex_load_bounce(struct vex_fs *fs, u64 ino, u64 pos, void *buf, size_t len);
vex_mutex_t *vex_load_lock(struct vex_fs *fs, u64 ino, u64 index);

/* ---- file.c: fs->lock held ----------------------------------------------- */

/* Copy bytes out; all of [@pos, @pos + @len) lies inside the file, which has @size bytes. */
int vex_file_read_locked(struct vex_fs *fs, u64 ino, u64 size, u64 pos, void *buf, size_t len);

/* The segments of one write, held so that storing cannot fail. */
struct vex_file_span {
	u64 ino;
	u64 pos;
	size_t len;
	u32 count;
	struct vex_seg **segs;
};

/* Get and settle the segments of [@pos, @pos + @len) of a file of @size bytes. For writing. */
int vex_span_open(struct vex_fs *fs, u64 ino, u64 size, u64 pos, size_t len,
		  struct vex_file_span *span);
/* Copy @buf in; uses up to vex_span_blocks() reserved blocks. Cannot fail. */
void vex_span_store(struct vex_fs *fs, struct vex_file_span *span, const void *buf);
void vex_span_close(struct vex_fs *fs, struct vex_file_span *span);

/* Blocks that a write of @len bytes at @pos may dirty. */
static inline u64 vex_span_blocks(u64 pos, size_t len)
{
	return ((pos + len + VEXFS_BLOCK_SIZE - 1) >> VEXFS_BLOCK_SHIFT) -
	       (pos >> VEXFS_BLOCK_SHIFT);
}

/* ---- coll.c, tomb.c: fs->lock held ----------------------------------------------- */

int vex_coll_load(struct vex_fs *fs, u64 ino, struct vex_coll *out);
/*
 * The bitmap of deleted rows of group @group into @bits (VEXFS_TOMB_BYTES); returns 1 when
 * there is one, 0 when no row of it was deleted.
 */
int vex_tomb_load(struct vex_fs *fs, u64 ino, u64 group, u8 *bits);
/* Was this row, which @ino has, deleted? 1 yes, 0 no, or an error. */
int vex_row_dead(struct vex_fs *fs, u64 ino, u64 id);
/* Is this row there? 1 yes, 0 no, or an error. */
int vex_row_live(struct vex_fs *fs, u64 ino, const struct vex_coll *c, u64 id);
/* -ENOENT, with the position *@bad, when one of @ids is no live row. */
int vex_rows_live(struct vex_fs *fs, u64 ino, const struct vex_coll *c, const u64 *ids, u32 count,
		  u32 *bad);
/*
 * The limits and contents of rows that come in: EINVAL, E2BIG, EDOM; ENODATA. @r->row_bytes is
 * set. Lock not held.
 */
int vex_rows_check(struct vex_fs *fs, u64 ino, struct vex_rows *r);
/* Touch what vex_coll_store() and vex_coll_stamp() edit. */
int vex_coll_touch(struct vex_fs *fs, u64 ino);
/* Change the counts of a collection, its file's size and times. Touched before: cannot fail. */
int vex_coll_store(struct vex_fs *fs, u64 ino, u64 rows, u64 live, u64 size);
/* Set the time of the last change; @content: of the rows too. Touched before: cannot fail. */
int vex_coll_stamp(struct vex_fs *fs, u64 ino, bool content);
/* Tree nodes that the preparations of vex_coll_touch() and its edits can need. */
static inline u32 vex_coll_copies(const struct vex_fs *fs)
{
	return 2 * (fs->root_level + 2);
}

#endif /* VEX_EXTENT_H */

/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What a kind of index is to the rest of the core. search.c sets a search up and
 * calls the collection's index; the index offers rows to the heaps.
 */
#ifndef VEX_INDEX_H
#define VEX_INDEX_H

#include "vex_dist.h"
#include "vex_fs.h"

/* Rows whose distances one call of a kernel computes at most. */
#define VEX_BATCH_ROWS	1024u

/* Bitmaps of deleted rows that a search keeps at most, a power of two. */
#define VEX_TOMBS_KEPT	8u

/**
 * struct vex_tomb - which rows of a group were deleted
 * @group: of VEXFS_TOMB_ROWS rows; ~0: none
 * @any: one of them was; else @bits mean nothing
 * @bits: one a row
 */
struct vex_tomb {
	u64 group;
	bool any;
	u8 bits[VEXFS_TOMB_BYTES];
};

/**
 * struct vex_search_ctx - one search in progress
 * @fs: filesystem; its lock is held for reading, and let go between pieces
 * @ino: the collection
 * @coll: its attributes when the search began
 * @measure: how its rows are compared
 * @s: the caller's request
 * @heaps: the nearest rows so far, one heap a query
 * @cands: memory of the heaps
 * @dist: room for VEX_BATCH_ROWS distances
 * @row: room for one row that straddles segments
 * @tombs: @nr_tombs bitmaps of deleted rows, each in the place that its group's lower bits give
 * @nr_tombs: a power of two
 * @from: by query: the first row that is compared one by one
 * @match: of a selective search: which rows of the piece may be found
 * @match_any: any of them may
 * @match_none: a row without metadata matches the filter
 *
 * All memory is got before the search begins.
 */
struct vex_search_ctx {
	struct vex_fs *fs;
	u64 ino;
	struct vex_coll coll;
	struct vex_measure measure;
	struct vex_search *s;
	struct vex_topk *heaps;
	struct vex_cand *cands;
	u32 *dist;
	u8 *row;
	struct vex_tomb *tombs;
	u32 nr_tombs;
	u64 *from;
	u8 *match;
	bool match_any;
	bool match_none;
};

/* Are there live rows that the search may not find? */
static inline bool vex_selective(const struct vex_search *s)
{
	return s->filter || s->allow;
}

/**
 * struct vex_index_ops - a kind of index
 * @id: enum vexfs_index
 * @name: as the user writes it
 * @feature: what a filesystem must have for it: VEXFS_FEATURE_*, or 0
 * @search: offer every row that may be among the nearest. Lock held for reading
 */
struct vex_index_ops {
	u32 id;
	const char *name;
	u64 feature;
	int (*search)(struct vex_search_ctx *ctx);
};

extern const struct vex_index_ops vex_index_flat;
extern const struct vex_index_ops vex_index_hnsw;
extern const struct vex_index_ops vex_index_lsh;
extern const struct vex_index_ops vex_index_codes;

/* Compare the rows from ctx->from[] on with each query. Lock held for reading. */
int vex_flat_search(struct vex_search_ctx *ctx);

/* NULL: no such kind. */
const struct vex_index_ops *vex_index_ops(u32 id);

/* What a filesystem must have for a collection like this, which is served: VEXFS_FEATURE_*. */
u64 vex_coll_features(u32 index, u32 elem);

/*
 * Let writers in; the lock is held again on return. -EINTR when the task was killed. Segments
 * that the caller holds stay.
 */
int vex_search_breathe(struct vex_search_ctx *ctx);
/* The lock was let go of: what was deleted meanwhile shows from here on. */
void vex_search_forget(struct vex_search_ctx *ctx);
/* Is this row there? 1 yes, 0 no, or an error. */
int vex_search_live(struct vex_search_ctx *ctx, u64 id);
/*
 * Offer @n rows from @first on, packed at *@base + @at, to all queries; deleted ones, and
 * those that may not be found, are left out. They lie in one tomb group, and ctx->match is of them.
 * The lock is let go in between, so *@base, which belongs to a segment, may become another.
 */
int vex_search_offer(struct vex_search_ctx *ctx, u64 first, u8 *const *base, size_t at, u32 n);

/* ---- select.c: lock held for reading ----------------------------------------------- */

/* Which of the rows [@first, @first + @n), up to VEX_BATCH_ROWS, may be found: ctx->match. */
int vex_select_piece(struct vex_search_ctx *ctx, u64 first, u32 n);
/* May this row be found, if it is live? 1, 0 or an error. Overwrites ctx->match. */
int vex_select_row(struct vex_search_ctx *ctx, u64 id);
/* How many live rows may be found, about; overwrites ctx->match. */
int vex_select_pass(struct vex_search_ctx *ctx, u64 *pass);

#endif /* VEX_INDEX_H */

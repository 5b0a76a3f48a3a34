/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The HNSW or LSH index of a collection in a filesystem: a graph, or buckets (vex_graph.h), whose
 * items lie in segments of the collection's own file, far behind its end.
 *
 * Rows enter the graph after they were stored, each in a transaction of its own, so the graph
 * always has the rows before one, and searches compare the rest one by one: see hnsw_grow.c.
 */
#ifndef VEX_HNSW_H
#define VEX_HNSW_H

#include "vex_graph.h"
#include "vex_index.h"

/* Rows that are there before a codec is made from some of them and the graph begins. */
#define VEX_HNSW_TRAIN	1024u

/**
 * struct vex_hnsw_walk - memory of one search or of growing, kept for the next
 * @next: in @walks of its index
 * @walk: of the graph
 * @row: one row
 * @coll: the collection, for growing
 */
struct vex_hnsw_walk {
	struct vex_hnsw_walk *next;
	struct vex_walk walk;
	u8 *row;
	struct vex_coll coll;
};

/**
 * struct vex_hnsw - an index in use
 * @list: in fs->indexes
 * @fs: filesystem
 * @ino: the collection
 * @refs: users; with @list under fs->index_lock
 * @gone: the collection is being freed; under fs->lock
 * @graph: the graph; its counts and links change under fs->lock held for writing
 * @held: by layer: the segments behind the pieces of the graph's tables, each with a reference. An
 *	entry that is NULL is filled by whoever needs it, under fs->lock at least for reading and
 *	fs->cache_lock; all are emptied under fs->lock held for writing
 * @head: the segment of the head and the ids that are pending, held likewise
 * @growing: one task at a time makes the graph grow; outside of fs->lock
 * @plan: of it
 * @trained: the codec is made
 * @automatic: nobody asked for its code
 * @drift: how well the codec fits; changes under @growing and fs->lock held for writing
 * @cut: the row of @plan is one that the codec does not fit
 * @pending: ids of rows that have changed since they entered the graph: compared one by one
 * @nr_pending: how many; like @trained under fs->lock
 * @updates: grows with each update; under fs->lock
 * @planned: what it was when @plan was made
 * @mended: deleted rows that links lead around; under fs->lock
 * @mend: what it will be after the pass that is under way; with the rest under @growing
 * @mend_layer: its next item, and
 * @mend_pos: the position of that
 * @mending: there is a pass
 * @top: where searches begin after it
 * @walks: memory of searches that are over; under fs->cache_lock
 */
struct vex_hnsw {
	struct list_head list;
	struct vex_fs *fs;
	u64 ino;
	u32 refs;
	bool gone;
	struct vex_graph graph;
	struct vex_seg **held[VEX_GRAPH_LAYERS];
	u32 held_room[VEX_GRAPH_LAYERS];
	struct vex_seg *head;
	vex_mutex_t growing;
	struct vex_plan plan;
	bool trained;
	bool automatic;
	bool cut;
	struct vex_drift drift;
	u32 nr_pending;
	u32 pending[VEXFS_MAX_UPDATE];
	u64 updates;
	u64 planned;
	u32 mended;
	u32 mend;
	u32 mend_layer;
	u32 mend_pos;
	bool mending;
	struct vex_top top;
	struct vex_hnsw_walk *walks;
};

/* ---- hnsw.c: fs->lock held ---------------------------------------------------- */

/* Find or open the index of a collection. ENOMEM; EUCLEAN; the device's error. */
int vex_hnsw_get(struct vex_fs *fs, u64 ino, const struct vex_coll *c, struct vex_hnsw **out);
/* The lock need not be held. */
void vex_hnsw_put(struct vex_hnsw *ix);
/* The collection is about to be freed. For writing. */
void vex_hnsw_forget(struct vex_fs *fs, u64 ino);
void vex_hnsw_destroy_all(struct vex_fs *fs);
/* Read bytes of the collection's file, rows or index, from little stack. */
int vex_hnsw_read(struct vex_hnsw *ix, u64 pos, void *buf, size_t len);
/* Tell that an index is damaged: EUCLEAN. */
int vex_hnsw_damaged(struct vex_fs *fs);

/*
 * A collection gets an index, or a new one: the place of its head, and, when nothing can fail any
 * more, the head, which takes VEX_SEG_BLOCKS blocks of data. For writing.
 */
int vex_hnsw_create_prepare(struct vex_fs *fs, u64 ino, struct vex_seg **seg);
void vex_hnsw_create(struct vex_fs *fs, struct vex_seg *seg, const struct vex_coll *c);
/* Have the head ready for change; then, when all that can fail is done, store it. For writing. */
int vex_hnsw_touch_head(struct vex_hnsw *ix);
void vex_hnsw_store_head(struct vex_hnsw *ix);

/* NULL for want of memory. */
struct vex_hnsw_walk *vex_hnsw_walk_take(struct vex_hnsw *ix);
void vex_hnsw_walk_give(struct vex_hnsw *ix, struct vex_hnsw_walk *w);

/* ---- hnsw_held.c: what is in memory; fs->lock held ------------------------------ */

/* The storage of graphs in segments. */
extern const struct vex_graph_ops vex_hnsw_graph_ops;

/* Room for @count pieces of a layer. For writing, or before others know the index. ENOMEM. */
int vex_hnsw_held_room(struct vex_hnsw *ix, u32 layer, u32 count);
/* @ix->head becomes @seg, with its reference; or nothing. Likewise. */
void vex_hnsw_head_hold(struct vex_hnsw *ix, struct vex_seg *seg);
void vex_hnsw_head_release(struct vex_hnsw *ix);
/* Let go of all pieces, and the head. For writing. */
void vex_hnsw_release(struct vex_hnsw *ix);
/* Bytes of an item have changed. For writing; returns the blocks that became dirty. */
u32 vex_hnsw_dirty(struct vex_hnsw *ix, u32 layer, u32 pos, u32 bytes);
/* Do indexes hold more segments than their share? */
bool vex_hnsw_excess(const struct vex_fs *fs);
/* Let go of all segments of all indexes when they are more than their share. Lock not held. */
void vex_hnsw_settle(struct vex_fs *fs);
/* For want of memory: let go of what nobody uses just now. Takes no lock that it would wait for. */
void vex_hnsw_shrink(struct vex_fs *fs);

/* ---- hnsw_codec.c ----------------------------------------------------------------- */

/*
 * Opening: room for the main directions of PCA, before the shape of codes is known; then the codec.
 * ENOMEM; EUCLEAN; the device's error.
 */
int vex_hnsw_pca_room(struct vex_hnsw *ix, const struct vexfs_hnsw_head *head,
		      const struct vex_coll *c);
int vex_hnsw_codec_load(struct vex_hnsw *ix, const struct vexfs_hnsw_head *head);
/*
 * Make the codec of an index without one, and store it. @ix->growing held, fs->lock not. Its room
 * for a row is used, and w->coll becomes what the collection is.
 */
int vex_hnsw_codec_make(struct vex_hnsw *ix, struct vex_hnsw_walk *w);
/* Is the index to be made anew? 1, 0 or an error. Likewise. */
int vex_hnsw_codec_judge(struct vex_hnsw *ix, struct vex_hnsw_walk *w);

/* ---- hnsw_grow.c: fs->lock not held ---------------------------------------------- */

/* Bring rows that the graph lacks into it. The rows are there whatever becomes of this. */
int vex_hnsw_grow(struct vex_fs *fs, u64 ino);
/*
 * Rows are about to change: fs->lock held for writing, nothing changed yet. -EAGAIN: too many are
 * pending; let the graph grow first.
 */
int vex_hnsw_update_prepare(struct vex_fs *fs, u64 ino, const struct vex_coll *c,
			    const struct vex_rows *r, struct vex_hnsw **out);
void vex_hnsw_update_apply(struct vex_hnsw *ix, const struct vex_rows *r);

/* Parameters of a collection that asks for an index: defaults filled in. False: out of range. */
bool vex_hnsw_served(const struct vex_coll *c);

/* The defaults of a new index. */
/* Does a row wait because its content has changed since it came into the index? */
static inline bool vex_hnsw_pending(const struct vex_hnsw *ix, u32 id)
{
	u32 i;

	for (i = 0; i < ix->nr_pending; i++)
		if (ix->pending[i] == id)
			return true;
	return false;
}

static inline u32 vex_hnsw_m(const struct vex_coll *c)
{
	return c->m ? c->m : 16;
}

static inline u32 vex_hnsw_ef_construction(const struct vex_coll *c)
{
	return c->ef_construction ? c->ef_construction : 200;
}

static inline u32 vex_lsh_tables(const struct vex_coll *c)
{
	return c->tables ? c->tables : VEX_LSH_TABLES;
}

static inline u32 vex_lsh_bits(const struct vex_coll *c)
{
	return c->bits ? c->bits : VEX_LSH_BITS;
}

#endif /* VEX_HNSW_H */

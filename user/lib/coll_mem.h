/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A collection in the memory of a program: see vexfs.h, coll_mem.c, coll_rows.c and
 * coll_search.c.
 */
#ifndef COLL_MEM_H
#define COLL_MEM_H

#include "vex_graph.h"
#include "vex_index.h"
#include "vexfs.h"

/* A piece of rows or records, and its alignment: one large page. Of a layer above. */
#define COLL_CHUNK	(2u << 20)
#define COLL_UPPER	(64u << 10)
/* Bytes of rows that are widened at a time: they stay in the nearest cache for several queries. */
#define COLL_WIDE	(16u << 10)
/* Rows that are there before the codec is made and the index begins. */
#define COLL_TRAIN_MIN	256u

/**
 * struct coll_walk - memory of a batch of searches or an insertion, kept for the next
 * @next: in the collection's list
 * @walk: of the graph
 * @heaps: by query of a batch: the nearest rows
 * @cands: memory of the heaps, @cands_room in all
 * @from: by query: the first row that is compared one by one
 * @dist: distances of a piece of rows
 * @row: room for rows that are widened: COLL_WIDE bytes, and one row at least
 */
struct coll_walk {
	struct coll_walk *next;
	struct vex_walk walk;
	struct vex_topk *heaps;
	struct vex_cand *cands;
	size_t cands_room;
	u32 *from;
	u32 *dist;
	void *row;
};

/**
 * struct vexfs_coll - a collection
 * @lock: rows and graph; held for reading by searches
 * @adding: one task at a time inserts rows and changes the graph; outside of @lock
 * @walks_lock: @walks
 * @image: it is in an image, and nothing below but @options is used
 * @options: as created, defaults filled in
 * @rows: the rows; like @narrow it changes under @adding and @lock for writing
 * @row_bytes: of a row as it comes and goes; never changes
 * @narrow: @rows are bytes, one for each element of binary32
 * @dead: a bit for each deleted row; under @lock
 * @dead_words: room of it
 * @live: rows that are not deleted
 * @mended: deleted rows that no link of the index leads to
 * @graph: of HNSW, LSH and codes
 * @code: as it was asked for, VEXFS_COLL_AUTO too; @options has the one that is used
 * @drift: how well its codec fits; with all that follows under @adding
 * @plan: of @adding
 */
struct vexfs_coll {
	vex_rwsem_t lock;
	vex_mutex_t adding;
	vex_mutex_t walks_lock;
	struct coll_walk *walks;
	struct coll_image *image;
	struct vexfs_coll_options options;
	struct vex_tab rows;
	u32 row_bytes;
	bool narrow;
	u64 *dead;
	u32 dead_words;
	u32 live;
	u32 mended;
	struct vex_graph graph;
	u32 code;
	struct vex_drift drift;
	struct vex_plan plan;
};

struct coll_image;

/* ---- coll_image.c: the calls of vexfs.h for a collection in an image ------------------- */

int coll_image_open(const char *image, const char *path, const struct vexfs_coll_options *make,
		    bool read_only, struct vexfs_coll *c);
int coll_image_close(struct coll_image *i);
int coll_image_add(struct vexfs_coll *c, const void *rows, u64 count, uint64_t *first_id);
int coll_image_search(struct vexfs_coll *c, const void *queries, u64 nq, u32 k,
		      struct vexfs_coll_query *q, uint64_t *ids, float *distances);
int coll_image_range(struct vexfs_coll *c, const void *query, u32 radius, u32 max,
		     struct vexfs_coll_query *q, uint64_t *ids, float *distances, uint64_t *met);
int coll_image_get(struct vexfs_coll *c, const uint64_t *ids, u64 count, void *rows);
int coll_image_delete(struct vexfs_coll *c, const uint64_t *ids, u64 count);
int coll_image_stat(struct vexfs_coll *c, struct vexfs_coll_stats *out);
int coll_image_sync(struct vexfs_coll *c);

/* ---- coll_grow.c ----------------------------------------------------------------------- */

/* An empty graph, as the options say. ENOMEM; EINVAL. */
int coll_graph_open(struct vexfs_coll *c);
void coll_graph_close(struct vexfs_coll *c);
/* Bring rows that the graph lacks into it, and lead links around deleted ones. @adding held. */
int coll_graph_grow(struct vexfs_coll *c);

/* ---- coll_rows.c ----------------------------------------------------------------------- */

/* None so far; c->options has been filled in. */
void coll_rows_init(struct vexfs_coll *c);
void coll_rows_free(struct vexfs_coll *c);
/* Copy rows in; how many is told by c->rows.count. @adding held. ENOMEM. */
int coll_rows_append(struct vexfs_coll *c, const u8 *rows, u32 count);
/* @n bytes in binary32. */
void coll_widen(const u8 *from, size_t n, void *to);

/*
 * Rows @id to @id + @n - 1, of one piece, as they came: where they lie, or in @room. @lock or
 * @adding held.
 */
static inline const void *coll_rows_get(const struct vexfs_coll *c, u32 id, u32 n, void *room)
{
	const u8 *rows = vex_tab_at(&c->rows, id);

	if (!c->narrow)
		return rows;
	coll_widen(rows, (size_t)n * c->rows.bytes, room);
	return room;
}

static inline void coll_row_copy(const struct vexfs_coll *c, u32 id, void *to)
{
	const void *row = coll_rows_get(c, id, 1, to);

	if (row != to)
		memcpy(to, row, c->row_bytes);
}

/* ---- coll_mem.c ------------------------------------------------------------------------ */

/* Have piece @chunk of @bytes; @items will be there soon. ENOMEM. */
int coll_chunk(struct vex_tab *t, u32 chunk, size_t bytes, u64 items);
void coll_tab_free(struct vex_tab *t, size_t bytes);

static inline bool coll_row_dead(const struct vexfs_coll *c, u32 id)
{
	return c->dead[id / 64] >> id % 64 & 1;
}

struct coll_walk *coll_walk_take(struct vexfs_coll *c);
void coll_walk_give(struct vexfs_coll *c, struct coll_walk *w);

#endif /* COLL_MEM_H */

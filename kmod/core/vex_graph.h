/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The graph of an HNSW index, the buckets of an LSH index, or codes alone, without a thought for
 * where they are stored: the filesystem keeps the pieces in segments, a program that uses the
 * library alone in large pages. See graph.c, lsh.c and codes.c.
 */
#ifndef VEX_GRAPH_H
#define VEX_GRAPH_H

#include "vex_code.h"

#define VEX_GRAPH_M_MIN		2u
#define VEX_GRAPH_M_MAX		128u
#define VEX_GRAPH_EF_MAX	65536u
/* Layers: the base and those above. With M = 16 the last would have one row in 16^7. */
#define VEX_GRAPH_LAYERS	8u
/* An id shares a word with a flag. */
#define VEX_GRAPH_ROWS_MAX	0x7fffffffu

/**
 * struct vex_rec - a row in the base layer, as it is stored; its code stands behind the links
 * @count: links in use; of LSH: zero
 * @flags: VEX_REC_*
 * @zero: zero
 * @link: 2 * M - 1 ids; those from @count on mean nothing. Of LSH: see vex_lsh.h
 */
struct vex_rec {
	u8 count;
	u8 flags;
	__le16 zero;
	__le32 link[];
};

#define VEX_REC_DEAD	1u	/* deleted: a way to others, and no result */

/**
 * struct vex_upper - a row in a layer above, as it is stored
 * @count: links in use
 * @zero: zero
 * @id: the row
 * @below: its position in the layer below; in the lowest of these: @id
 * @link: M positions in this layer
 */
struct vex_upper {
	u8 count;
	u8 zero[3];
	__le32 id;
	__le32 below;
	__le32 link[];
};

/**
 * struct vex_tab - an array in pieces
 * @chunk: the pieces; NULL: not in memory
 * @chunks: how many @chunk has room for
 * @count: items
 * @bytes: of an item
 * @per: items of a piece
 * @magic: with @shift: 1 / @per, exact for positions below 2^31
 */
struct vex_tab {
	u8 **chunk;
	u32 chunks;
	u32 count;
	u32 bytes;
	u32 per;
	u32 magic;
	u32 shift;
};

/* Of LSH: tables, bits of a bucket's number, and the memory that hyperplanes may take. */
#define VEX_LSH_TABLES_MAX	64u
#define VEX_LSH_BITS_MAX	20u
#define VEX_LSH_PLANES_BYTES	(16u << 20)
#define VEX_LSH_TABLES		8u
#define VEX_LSH_BITS		12u

/**
 * struct vex_lsh - the hyperplanes of an LSH index
 * @tables: how many; 0: it is a graph
 * @bits: of a bucket's number
 * @plane: SQ7 codes, @bits of each table
 * @offset: of each plane, in units of vex_code_ops.ip
 */
struct vex_lsh {
	u32 tables;
	u32 bits;
	u8 *plane;
	s32 *offset;
};

struct vex_graph;

/**
 * struct vex_graph_ops - where a graph is stored
 * @load: have piece @chunk of a layer in memory; the graph is held for reading. NULL where
 *	all pieces always are
 * @touch: have the piece of item @pos of a layer, which may be the next new one, in memory and
 *	ready for change; the graph is held for changing
 * @dead: was this row deleted? 1, 0 or an error; the graph is held for reading
 * @breathe: of codes: let others have the graph, held for reading, for a moment. 0 or an error.
 *	NULL: nobody waits
 */
struct vex_graph_ops {
	int (*load)(struct vex_graph *g, u32 layer, u32 chunk);
	int (*touch)(struct vex_graph *g, u32 layer, u32 pos);
	int (*dead)(struct vex_graph *g, u32 id);
	int (*breathe)(struct vex_graph *g);
};

/**
 * struct vex_graph - a graph
 * @ops: its storage
 * @codec: how rows become codes
 * @tab: by layer; a record of the base is struct vex_rec, from @code_at on the code
 * @code_at: offset of the code in a record
 * @m: links that a new row gets in a layer; the base holds 2 * M - 1 of each row
 * @ef_build: breadth of the search for them
 * @layers: in use; 0: the graph is empty
 * @entry: where a search begins, a position in the uppermost layer
 * @lsh: of an LSH index, which has neither @m, @ef_build nor @entry
 * @codes: a record is the code and nothing else; @layers is 1 or 0, the others likewise
 *
 * All but @codec changes while the graph is held for changing only.
 */
struct vex_graph {
	const struct vex_graph_ops *ops;
	struct vex_codec codec;
	struct vex_tab tab[VEX_GRAPH_LAYERS];
	u32 code_at;
	u32 m;
	u32 ef_build;
	u32 layers;
	u32 entry;
	struct vex_lsh lsh;
	bool codes;
};

/* Breadth of the memory of a walk that plans: as many links are looked at together, too. */
#define VEX_GRAPH_ROOM	(2 * VEX_GRAPH_M_MAX)

/* What a row is in a walk's pool: the distance above, the position and a flag below. */
typedef u64 vex_near_t;

#define VEX_NEAR_DONE	1u

/* Of rows equally far away the newest comes first. */
static inline vex_near_t vex_near(u32 dist, u32 pos)
{
	return (u64)dist << 32 | (VEX_GRAPH_ROWS_MAX - pos) << 1;
}

static inline u32 vex_near_pos(vex_near_t near)
{
	return VEX_GRAPH_ROWS_MAX - ((u32)near >> 1);
}

static inline u32 vex_near_dist(vex_near_t near)
{
	return near >> 32;
}

/**
 * struct vex_batch - rows whose distances are taken together
 * @n: how many
 * @pos: their positions
 * @code: their codes
 * @dist: receives the distances
 * @near: those of them that enter the pool, in order
 */
struct vex_batch {
	u32 n;
	u32 pos[2 * VEX_GRAPH_M_MAX];
	const u8 *code[2 * VEX_GRAPH_M_MAX];
	u32 dist[2 * VEX_GRAPH_M_MAX];
	vex_near_t near[2 * VEX_GRAPH_M_MAX];
};

/**
 * struct vex_walk - memory of one walk through a graph; used again for the next
 * @query: form of what is looked for
 * @other: form of a row, in the choice of links
 * @wide: in f32, where rows are not; NULL: not needed
 * @levels: levels of what is looked for
 * @code: its code
 * @form_room: bytes of each of the four
 * @pool: the nearest so far, in order; @size of @ef at most
 * @ties: rows equally far away that @pool keeps
 * @seen: a bit for each position met
 * @touched: words of @seen that have bits, until there are too many to remember, and one more
 * @at: the place in @pool of the row whose links are followed
 * @begun: @batch has those links of that row that were not met before, and the codes of the first
 *	@found
 * @found: see @begun
 * @lack_layer: of an item that is not in memory, for which the walk breaks off
 * @lack: its position
 * @section: bytes of codes that the FPU section may go on over; 0: outside of one
 * @hops: rows whose links were followed; of LSH: buckets read
 * @dists: distances taken
 * @probes: of LSH: buckets to read of each table; 0: the default. Set before vex_walk_room()
 * @lsh: what LSH needs beside
 */
struct vex_walk {
	struct vex_form query;
	struct vex_form other;
	u8 *wide;
	u8 *levels;
	u8 *code;
	u32 form_room;
	vex_near_t *pool;
	u32 ef;
	u32 size;
	u32 ties;
	u32 ef_room;
	u64 *seen;
	u32 *touched;
	u32 seen_room;
	u32 touched_room;
	u32 nr_touched;
	u32 at;
	bool begun;
	u32 found;
	u32 lack_layer;
	u32 lack;
	u32 section;
	u64 hops;
	u64 dists;
	u32 probes;
	struct vex_lsh_walk *lsh;
	const u8 **picked;
	struct vex_batch batch;
};

/**
 * struct vex_edit - new links of one item
 * @layer: where
 * @pos: which; the layer's count: a new one
 * @slot: the first link that changes, of LSH
 * @n: links
 * @link: positions, n of them
 */
struct vex_edit {
	u32 layer;
	u32 pos;
	u32 slot;
	u32 n;
	u32 link[2 * VEX_GRAPH_M_MAX];
};

/**
 * struct vex_plan - what an insertion is going to change
 * @n: edits
 * @room: of @edit
 * @id: the row
 * @top: the layer that it reaches
 * @again: it is in the graph already, with an older content
 * @dead: it only takes its place
 * @links: links change, and nothing else
 * @heads: of LSH: there are more buckets, and nothing else; plan the row again
 * @more: of LSH: there is more to mend at the same position
 * @leave: with @links: a position that they lead around as if it was a deleted row's
 * @self: its position in each layer
 * @edit: all of them in distinct items; the new row's own first, from its highest layer downwards
 * @near: room for one list of neighbours
 */
struct vex_plan {
	u32 n;
	u32 room;
	u32 id;
	u32 top;
	bool again;
	bool dead;
	bool links;
	bool heads;
	bool more;
	u32 leave;
	u32 self[VEX_GRAPH_LAYERS];
	struct vex_edit *edit;
	vex_near_t near[2 * VEX_GRAPH_M_MAX];
};

/* Bytes of a record; of an item of a layer above. */
u32 vex_rec_bytes(const struct vex_codec *c, u32 links);
u32 vex_graph_upper_bytes(u32 m);
/*
 * An empty graph over @g->codec; records lie in pieces of @chunk bytes, items of layers above in
 * pieces of @upper. EINVAL a record does not fit.
 */
int vex_graph_init(struct vex_graph *g, u32 m, u32 ef_build, u32 chunk, u32 upper);
void vex_graph_destroy(struct vex_graph *g);
/* May an LSH index over rows of @dim elements be of this size? */
bool vex_lsh_served(u32 tables, u32 bits, u32 dim);
/* Empty buckets in place of a graph, their first rows in pieces of @heads bytes. EINVAL; ENOMEM. */
int vex_lsh_init(struct vex_graph *g, u32 tables, u32 bits, u32 chunk, u32 heads);
/*
 * Choose the offsets of hyperplanes by @count packed rows and their codec, which is going to be the
 * graph's, while no row is in a bucket. Sleeps. ENOMEM; EINTR.
 */
int vex_lsh_train(struct vex_graph *g, const struct vex_codec *c, struct vex_walk *w,
		  const void *rows, u32 count);
/* Codes in pieces of @chunk bytes, and nothing else, in place of a graph. EINVAL. */
int vex_codes_init(struct vex_graph *g, u32 chunk);
/* Items of @bytes in pieces of @chunk bytes, which one fits. */
void vex_tab_shape(struct vex_tab *t, u32 bytes, u32 chunk);
/* Have room for @count pieces in the table of a layer. ENOMEM. */
int vex_tab_room(struct vex_tab *t, u32 count);

/* Memory for walks of breadth @ef through @count rows; may be called again for more. ENOMEM. */
int vex_walk_room(struct vex_walk *w, const struct vex_graph *g, u32 ef, u32 count);
void vex_walk_free(struct vex_walk *w);
int vex_plan_room(struct vex_plan *p, const struct vex_graph *g);
void vex_plan_free(struct vex_plan *p);

/*
 * The @ef rows nearest to @row by their codes, into w->pool; of those that are equally far away
 * @ties, the newest. Held for reading. EUCLEAN; EINTR; as ops->load.
 */
int vex_graph_search(struct vex_graph *g, struct vex_walk *w, const void *row, u32 ef, u32 ties);

/*
 * An insertion is planned while the graph is held for reading, by one task at a time, and then
 * applied: vex_plan_touch() may fail, and has changed nothing then; vex_plan_apply() cannot. @id is
 * the number of rows in the graph, or of a row whose content has changed. @row NULL: it was deleted
 * before it ever was in the graph, and only takes its place.
 */
int vex_graph_plan(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 id,
		   const void *row);
/*
 * Plan links around deleted rows for one item, in the same way: p->n is 0 when it has none to such.
 * After a pass over all items no live row links to what was deleted before it began.
 */
int vex_graph_mend(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 layer, u32 pos);
/*
 * Plan links around row @id, which is about to get links to other places, for those that it links
 * to and that link to it, in the same way: p->n is 0 when there are none any more.
 */
int vex_graph_leave(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 id);
/*
 * After a pass: a live row to begin at, in the uppermost layer that has one, planned while held for
 * reading and entered while held for changing; layers above are given up. Not for a graph of
 * deleted rows alone. EUCLEAN; as ops->load.
 */
struct vex_top {
	u32 layers;
	u32 entry;
};

int vex_graph_top(struct vex_graph *g, struct vex_top *top);
void vex_graph_top_apply(struct vex_graph *g, const struct vex_top *top);
/* Is a pass due, with @dead deleted rows of which an earlier one left @mended behind? */
bool vex_graph_mend_due(const struct vex_graph *g, u64 dead, u64 mended);
int vex_plan_touch(struct vex_graph *g, const struct vex_plan *p);
void vex_plan_apply(struct vex_graph *g, const struct vex_walk *w, const struct vex_plan *p);

/* The item at @pos of a layer's table, or NULL. */
static inline u8 *vex_tab_at(const struct vex_tab *t, u32 pos)
{
	u32 chunk = (u64)pos * t->magic >> t->shift;
	u8 *at = t->chunk[chunk];

	return likely(at) ? at + (size_t)(pos - chunk * t->per) * t->bytes : NULL;
}

static inline u32 vex_tab_chunk(const struct vex_tab *t, u32 pos)
{
	return (u64)pos * t->magic >> t->shift;
}

/*
 * Of rows that are equally far away, as many a search for @k keeps in its pool of @ef. Where it
 * was tried out (@tried) whether codes tell rows apart, they are equal rows, and any will do; else
 * more, to be ranked.
 */
static inline u32 vex_graph_ties(u32 k, u32 ef, bool tried)
{
	return max(k, tried ? min(ef, 16u) : ef / 2);
}

/*
 * Codes misjudge the order of rows a little, so a walk's rows are ranked, nearest first, until
 * so many one after another are none of the @k nearest: the more, the fewer bits a code has, and
 * the broader the search, for which the caller has waited anyway. Where all codes were compared,
 * all that were kept are ranked: that is little beside.
 */
static inline u32 vex_graph_patience(const struct vex_graph *g, u32 k, u32 ef)
{
	u32 kind = g->codec.kind;
	u32 least = kind == VEX_CODE_SQ4 || kind == VEX_CODE_PCA ? 8 + k / 2 : 2 + k / 4;

	return g->codes ? ~0u : max(least, ef / 8);
}

/* What comparing all codes costs, in rows compared one behind the other; of links: 0. */
static inline u64 vex_codes_cost(const struct vex_graph *g)
{
	u64 bytes = (u64)g->tab[0].count * g->codec.bytes;

	return g->codes ? div_u64(bytes, vex_row_bytes(g->codec.elem, g->codec.dim)) + 1 : 0;
}

#endif /* VEX_GRAPH_H */

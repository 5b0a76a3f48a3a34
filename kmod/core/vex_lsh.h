/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * An LSH index: tables of buckets over the codes of rows, stored as the layers of a graph are
 * (vex_graph.h). lsh.c tells how rows become buckets and are found in them; lsh_link.c how they
 * come into them.
 *
 * Layer 0 has a struct vex_rec of each row: the next row in its bucket, of each table, and the
 * code. Layer 1 has the first row of each bucket, table by table. Both hold ids + 1; 0 is none.
 */
#ifndef VEX_LSH_H
#define VEX_LSH_H

#include "vex_graph_item.h"

/* Chains that are followed at once: one waits for memory while the others go on. */
#define VEX_LSH_CHAINS	32u

/* Edits of a plan: of a row, its buckets, and the rows that it followed in others; for mending. */
#define VEX_LSH_EDITS	(2 * VEX_LSH_TABLES_MAX + 1)

/**
 * struct vex_lsh_probe - a set of bits of a query's bucket that are turned over
 * @score: the squared margins of these bits, summed
 * @set: the bits, by the order of their margins
 * @table: of which bucket
 */
struct vex_lsh_probe {
	u64 score;
	u32 set;
	u32 table;
};

/**
 * struct vex_lsh_chain - where one is in a bucket
 * @next: id + 1; 0: at its end
 * @table: of the bucket
 */
struct vex_lsh_chain {
	u32 next;
	u32 table;
};

/**
 * struct vex_lsh_walk - what a search or an insertion needs of memory beside struct vex_walk
 * @margin: of each plane: how far on its positive side the row is
 * @order: of each table, its bits by rising margin
 * @bucket: of each table, the row's
 * @old: of each table, the one that the row was in before
 * @heap: probes to come, the nearest first
 * @size: of @heap
 * @room: of @heap
 * @chains: in use
 * @chain: buckets that are being read
 * @steps: links followed, of which no search needs more than rows * tables
 */
struct vex_lsh_walk {
	s32 *margin;
	u8 *order;
	u32 *bucket;
	u32 *old;
	struct vex_lsh_probe *heap;
	u32 size;
	u32 room;
	u32 chains;
	struct vex_lsh_chain chain[VEX_LSH_CHAINS];
	u64 steps;
};

/* ---- lsh.c ------------------------------------------------------------------------------ */

/* Room in @w for @probes buckets a table, 0: the default. ENOMEM. */
int vex_lsh_walk_room(struct vex_walk *w, const struct vex_graph *g, u32 probes);
void vex_lsh_walk_free(struct vex_walk *w);
/* The buckets of a code, into w->lsh->bucket. */
void vex_lsh_buckets(const struct vex_graph *g, struct vex_walk *w, const u8 *code);
int vex_lsh_search(struct vex_graph *g, struct vex_walk *w, const void *row, u32 ef);

/* ---- lsh_link.c: as the functions of vex_graph.h with such names ---------------------------- */

int vex_lsh_plan(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 id,
		 const void *row);
int vex_lsh_mend(struct vex_graph *g, struct vex_plan *p, u32 pos);
void vex_lsh_apply(struct vex_graph *g, const struct vex_walk *w, const struct vex_plan *p);

/* ---- items ------------------------------------------------------------------------------ */

static inline u32 vex_lsh_heads(const struct vex_lsh *l)
{
	return l->tables << l->bits;
}

/* The link of an item: of a row to the next one of a table, of a bucket to its first one. */
static inline __le32 *vex_lsh_link(u32 layer, u8 *item, u32 table)
{
	return layer ? (__le32 *)item : &((struct vex_rec *)item)->link[table];
}

/* Follow it: id + 1, or 0. EUCLEAN there is no such row. */
static __always_inline int vex_lsh_next(struct vex_graph *g, u32 layer, u32 pos, u32 table,
					u32 *next)
{
	u8 *item;
	int err = vex_item_get(g, layer, pos, &item);

	if (err)
		return err;
	*next = le32_to_cpu(*vex_lsh_link(layer, item, table));
	return likely(*next <= g->tab[0].count) ? 0 : -EUCLEAN;
}

#endif /* VEX_LSH_H */

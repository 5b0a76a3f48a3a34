/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Inside the graph, what its files share: graph_walk.c walks, graph_link.c links, graph_mend.c
 * leads links around deleted rows.
 */
#ifndef VEX_GRAPH_ITEM_H
#define VEX_GRAPH_ITEM_H

#include "vex_graph.h"

/* More of a code is left to the processor, which by then knows where it goes on. */
#define VEX_CODE_AHEAD	(16 * VEX_LINE)

/* ---- graph_walk.c ------------------------------------------------------------------- */

/* An item that is not in memory, or does not exist: EUCLEAN. */
int vex_item_load(struct vex_graph *g, u32 layer, u32 pos, u8 **out);
void vex_seen_reset(struct vex_walk *w);
/* Distances of @f to the rows of w->batch. */
void vex_batch_dist(struct vex_graph *g, struct vex_walk *w, const struct vex_form *f);
/* Compare the rows of w->batch with w->query, and put those that are near enough into the pool. */
void vex_batch_offer(struct vex_graph *g, struct vex_walk *w);
/* Search a layer for the @ef nearest to w->query, from @from on, into the pool. */
int vex_search_layer(struct vex_graph *g, struct vex_walk *w, u32 layer, u32 from, u32 ef);
/* The position of a row in the layer below. */
int vex_item_below(struct vex_graph *g, u32 layer, u32 pos, u32 *out);
/* From the entry down to layer @to, by the nearest row of each above; *@pos is in @to. */
int vex_descend(struct vex_graph *g, struct vex_walk *w, u32 to, u32 *pos);

/* ---- lsh.c ------------------------------------------------------------------------- */

void vex_lsh_destroy(struct vex_graph *g);

/* ---- codes.c: as the functions of vex_graph.h with such names ---------------------------- */

int vex_codes_search(struct vex_graph *g, struct vex_walk *w, const void *row, u32 ef);
/* p->id and the like are set. */
void vex_codes_plan(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, const void *row);
void vex_codes_apply(struct vex_graph *g, const struct vex_walk *w, const struct vex_plan *p);

/* ---- graph_link.c ------------------------------------------------------------------- */

u32 vex_links_choose(struct vex_graph *g, struct vex_walk *w, const u8 *own, vex_near_t *near,
		     u32 n, u32 keep, u32 most);
void vex_near_sort(vex_near_t *near, const u8 **code, u32 n);
struct vex_edit *vex_edit_add(struct vex_plan *p, u32 layer, u32 pos);
/* Where a row stands in an upper layer. EUCLEAN. */
int vex_upper_find(struct vex_graph *g, u32 layer, u32 id, u32 *pos);
/* The row of an item; was it deleted? */
int vex_item_row(struct vex_graph *g, u32 layer, u32 pos, u32 *id);
int vex_item_dead(struct vex_graph *g, u32 layer, u32 pos);
/* The highest layer of a row; its own edits, and its links in all layers. */
u32 vex_draw_layer(u32 id, u32 m);
int vex_plan_self(struct vex_graph *g, struct vex_plan *p);
int vex_plan_links(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p);

/* ---- items -------------------------------------------------------------------------- */

static inline u32 vex_base_links(u32 m)
{
	return 2 * m - 1;
}

/* An item, or NULL where it is not in memory or does not exist. */
static __always_inline u8 *vex_item_here(struct vex_graph *g, u32 layer, u32 pos)
{
	const struct vex_tab *t = &g->tab[layer];

	return likely(pos < t->count) ? vex_tab_at(t, pos) : NULL;
}

/* An item, from memory or the device. EUCLEAN: a stored position leads past the end. */
static __always_inline int vex_item_get(struct vex_graph *g, u32 layer, u32 pos, u8 **out)
{
	*out = vex_item_here(g, layer, pos);
	return likely(*out) ? 0 : vex_item_load(g, layer, pos, out);
}

static __always_inline int vex_code_get(struct vex_graph *g, u32 layer, u32 pos, const u8 **out)
{
	u8 *item;
	int err;

	if (layer) {
		err = vex_item_get(g, layer, pos, &item);
		if (err)
			return err;
		pos = le32_to_cpu(((struct vex_upper *)item)->id);
	}
	err = vex_item_get(g, 0, pos, &item);
	*out = item + g->code_at;
	return err;
}

/* Of a code that is going to be compared, with others that are asked for before it is. */
static __always_inline void vex_code_prefetch(const struct vex_graph *g, const u8 *code)
{
	vex_prefetch(code, min(g->codec.bytes, VEX_CODE_AHEAD));
}

static inline u32 vex_layer_links(const struct vex_graph *g, u32 layer)
{
	return layer ? g->m : vex_base_links(g->m);
}

/* The links of an item; a count that no item has is damage, which finds no more than is there. */
static __always_inline u32 vex_links_of(const struct vex_graph *g, u32 layer, const u8 *item,
					const __le32 **link)
{
	*link = layer ? ((const struct vex_upper *)item)->link :
			((const struct vex_rec *)item)->link;
	return min_t(u32, item[0], vex_layer_links(g, layer));
}

/*
 * Was it met before? It is from now on. Without a branch: there is no telling which of a row's
 * neighbours were met.
 */
static __always_inline bool vex_seen(struct vex_walk *w, u32 pos)
{
	u64 bit = 1ULL << (pos & 63);
	u64 *word = &w->seen[pos >> 6];
	u64 old = *word;

	*word = old | bit;
	w->touched[min(w->nr_touched, w->touched_room)] = pos >> 6;
	w->nr_touched += !old;
	return old & bit;
}

#endif /* VEX_GRAPH_ITEM_H */

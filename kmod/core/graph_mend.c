// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Deleted rows. A graph leads through them until there are many; then a pass over all items gives
 * each that links to one other links: to the live neighbours of the deleted ones, after
 * A. Singh et al., FreshDiskANN, 2021, by the choice that every row's links are made by.
 */
#include "vex_graph_item.h"

/* A pass costs about as much as so many rows' links; few deleted rows do little harm. */
#define MEND_SHARE	8u
#define MEND_LEAST	256u
/* Rows that one chooses new links from. */
#define MEND_MOST	VEX_GRAPH_ROOM

bool vex_graph_mend_due(const struct vex_graph *g, u64 dead, u64 mended)
{
	return dead >= mended + max(g->tab[0].count / MEND_SHARE, MEND_LEAST);
}

/* Copy the links of an item to w->batch.pos. */
static int links_copy(struct vex_graph *g, struct vex_walk *w, u32 layer, u32 pos)
{
	struct vex_batch *b = &w->batch;
	const __le32 *link;
	u32 i, n;
	u8 *item;
	int err;

	err = vex_item_get(g, layer, pos, &item);
	if (err)
		return err;
	n = vex_links_of(g, layer, item, &link);
	for (i = 0; i < n; i++) {
		b->pos[i] = le32_to_cpu(link[i]);
		if (b->pos[i] >= g->tab[layer].count)
			return -EUCLEAN;
	}
	b->n = n;
	return 0;
}

/*
 * Add the live ones of an item's links to the pool, as far as it has room, and the dead ones to
 * @dead, unless that is NULL.
 */
static int neighbours_add(struct vex_graph *g, struct vex_walk *w, u32 layer, u32 pos,
			  vex_near_t *dead, u32 *nr_dead)
{
	struct vex_batch *b = &w->batch;
	int err, is_dead;
	u32 i;

	err = links_copy(g, w, layer, pos);
	for (i = 0; i < b->n && !err; i++) {
		if (vex_seen(w, b->pos[i]))
			continue;
		is_dead = vex_item_dead(g, layer, b->pos[i]);
		if (is_dead < 0)
			return is_dead;
		if (is_dead && dead)
			dead[(*nr_dead)++] = vex_near(0, b->pos[i]);
		else if (!is_dead && w->size < w->ef)
			w->pool[w->size++] = vex_near(0, b->pos[i]);
	}
	return err;
}

/* Distances of the pool's rows to the item at @pos, nearest first. */
static int pool_measure(struct vex_graph *g, struct vex_walk *w, u32 layer, u32 pos)
{
	struct vex_batch *b = &w->batch;
	u32 i, j, from;
	int err;

	err = vex_code_get(g, layer, pos, &b->code[0]);
	if (err)
		return err;
	memcpy(w->code, b->code[0], g->codec.bytes);
	vex_codec_form_of(&g->codec, w->code, &w->query);
	for (from = 0; from < w->size; from += b->n) {
		b->n = min_t(u32, w->size - from, ARRAY_SIZE(b->code));
		for (i = 0; i < b->n; i++) {
			err = vex_code_get(g, layer, vex_near_pos(w->pool[from + i]), &b->code[i]);
			if (err)
				return err;
		}
		vex_batch_dist(g, w, &w->query);
		for (i = 0, j = from; i < b->n; i++, j++) {
			w->picked[j] = b->code[i];
			w->pool[j] = vex_near(b->dist[i], vex_near_pos(w->pool[j]));
		}
	}
	vex_near_sort(w->pool, w->picked, w->size);
	return 0;
}

/* The links of a row from what its code says, as if it had come anew. */
static int mend_anew(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 id)
{
	const u8 *code;
	int err;

	err = vex_code_get(g, 0, id, &code);
	if (err)
		return err;
	memcpy(w->code, code, g->codec.bytes);
	vex_codec_form_of(&g->codec, code, &w->query);
	p->n = 0;
	p->id = id;
	p->again = true;
	p->top = vex_draw_layer(id, g->m);
	err = vex_plan_self(g, p);
	return err ? err : vex_plan_links(g, w, p);
}

static int mend_links(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 layer,
		      u32 pos)
{
	u32 i, nr_dead = 0;
	struct vex_edit *e;
	int err;

	w->size = 0;
	w->ef = min(w->ef_room, MEND_MOST);
	vex_seen(w, pos);
	err = neighbours_add(g, w, layer, pos, p->near, &nr_dead);
	for (i = 0; i < nr_dead && !err; i++)
		err = neighbours_add(g, w, layer, vex_near_pos(p->near[i]), NULL, NULL);
	vex_seen_reset(w);
	if (err || !nr_dead)
		return err;
	err = pool_measure(g, w, layer, pos);
	if (err)
		return err;
	e = vex_edit_add(p, layer, pos);
	e->n = vex_links_choose(g, w, w->code, w->pool, w->size, vex_layer_links(g, layer));
	for (i = 0; i < e->n; i++)
		e->link[i] = vex_near_pos(w->pool[i]);
	return 0;
}

int vex_graph_mend(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 layer, u32 pos)
{
	u32 id;
	int err;

	p->n = 0;
	p->dead = false;
	p->again = true;
	p->links = true;
	p->top = 0;
	if (!g->layers)
		return 0;
	err = vex_item_row(g, layer, pos, &id);
	if (!err)
		err = g->ops->dead(g, id);
	/* What was deleted keeps its links: nobody needs them, and who is there may go on. */
	if (err)
		return min(err, 0);
	p->id = id;
	err = mend_links(g, w, p, layer, pos);
	/* Where most around it was deleted, its next neighbours are further away. */
	if (!err && !layer && p->n && p->edit[0].n < g->m / 2)
		err = mend_anew(g, w, p, id);
	return err;
}

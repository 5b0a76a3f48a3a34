// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Ways around rows. A graph leads through deleted rows until there are many; then a pass over all
 * items gives each that links to one other links: to the live neighbours of the deleted ones, after
 * A. Singh et al., FreshDiskANN, 2021, by the choice that every row's links are made by. A row that
 * gets new content is left in the same way before it gets other links.
 */
#include "vex_lsh.h"

/*
 * A pass costs about as much as so many rows' links; few deleted rows do little harm. Of the rows
 * that walks meet: to those that an earlier pass left behind nothing leads.
 */
#define MEND_SHARE	8u
#define MEND_LEAST	256u
/* Rows that one chooses new links from. */
#define MEND_MOST	VEX_GRAPH_ROOM

bool vex_graph_mend_due(const struct vex_graph *g, u64 dead, u64 mended)
{
	u64 met = g->tab[0].count - min_t(u64, g->tab[0].count, mended);

	/* There are no links. */
	if (g->codes)
		return false;
	return dead >= mended + max_t(u64, met / MEND_SHARE, MEND_LEAST);
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

/* Do links lead around this item? */
static int is_left(struct vex_graph *g, const struct vex_plan *p, u32 layer, u32 pos)
{
	return pos == p->leave ? 1 : vex_item_dead(g, layer, pos);
}

/*
 * Add the live ones of an item's links to the pool, as far as it has room, and the dead ones to
 * p->near, if there is a count of them.
 */
static int neighbours_add(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 layer,
			  u32 pos, u32 *nr_dead)
{
	struct vex_batch *b = &w->batch;
	int err, is_dead;
	u32 i;

	err = links_copy(g, w, layer, pos);
	for (i = 0; i < b->n && !err; i++) {
		if (vex_seen(w, b->pos[i]))
			continue;
		is_dead = is_left(g, p, layer, b->pos[i]);
		if (is_dead < 0)
			return is_dead;
		if (is_dead && nr_dead)
			p->near[(*nr_dead)++] = vex_near(0, b->pos[i]);
		else if (!is_dead && w->size < w->ef)
			w->pool[w->size++] = vex_near(0, b->pos[i]);
	}
	return err;
}

/* Distances of the pool's rows to the item at @pos. */
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
			vex_code_prefetch(g, b->code[i]);
		}
		vex_batch_dist(g, w, &w->query);
		for (i = 0, j = from; i < b->n; i++, j++) {
			w->picked[j] = b->code[i];
			w->pool[j] = vex_near(b->dist[i], vex_near_pos(w->pool[j]));
		}
	}
	return 0;
}

/*
 * In place of each link that is left, the nearest of the rows that it led to: a choice among all of
 * them would take what is next to the row in question, and nothing that leads as far as the old
 * link did. Behind the first @keep rows of the pool stand those of @links links, which end where
 * the position in p->near says. Returns how many are kept then; the others follow, nearest first.
 */
static u32 keep_heirs(struct vex_walk *w, const struct vex_plan *p, u32 keep, u32 links)
{
	u32 i, at, heir, end, kept = keep;

	for (i = 0, at = keep; i < links; i++, at = end) {
		end = vex_near_pos(p->near[i]);
		for (heir = at; at < end; at++)
			if (w->pool[at] < w->pool[heir])
				heir = at;
		if (heir < end)
			w->pool[heir] |= VEX_NEAR_DONE;
	}
	for (at = keep; at < w->size; at++) {
		if (!(w->pool[at] & VEX_NEAR_DONE))
			continue;
		w->pool[at] &= ~(vex_near_t)VEX_NEAR_DONE;
		swap(w->pool[at], w->pool[kept]);
		swap(w->picked[at], w->picked[kept]);
		kept++;
	}
	vex_near_sort(w->pool + kept, w->picked + kept, w->size - kept);
	return kept;
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
	u32 i, keep, nr_dead = 0;
	struct vex_edit *e;
	int err;

	w->size = 0;
	w->ef = min(w->ef_room, MEND_MOST);
	vex_seen(w, pos);
	err = neighbours_add(g, w, p, layer, pos, &nr_dead);
	/* Links that led to live rows were chosen well. */
	keep = w->size;
	for (i = 0; i < nr_dead && !err; i++) {
		err = neighbours_add(g, w, p, layer, vex_near_pos(p->near[i]), NULL);
		p->near[i] = vex_near(0, w->size);
	}
	vex_seen_reset(w);
	if (err || !nr_dead)
		return err;
	err = pool_measure(g, w, layer, pos);
	if (err)
		return err;
	keep = keep_heirs(w, p, keep, nr_dead);
	e = vex_edit_add(p, layer, pos);
	e->n = vex_links_choose(g, w, w->code, w->pool, w->size, keep,
				vex_layer_links(g, layer));
	for (i = 0; i < e->n; i++)
		e->link[i] = vex_near_pos(w->pool[i]);
	return 0;
}

static void plan_begin(struct vex_plan *p)
{
	p->n = 0;
	p->dead = false;
	p->again = true;
	p->links = true;
	p->leave = U32_MAX;
	p->heads = false;
	p->more = false;
	p->top = 0;
}

int vex_graph_mend(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 layer, u32 pos)
{
	u32 id;
	int err;

	plan_begin(p);
	if (!g->layers)
		return 0;
	if (g->lsh.tables)
		return layer ? vex_lsh_mend(g, p, pos) : 0;
	err = vex_item_row(g, layer, pos, &id);
	if (!err)
		err = g->ops->dead(g, id);
	/* What was deleted keeps its links: nobody needs them, and who is there may go on. */
	if (err)
		return min(err, 0);
	p->id = id;
	err = mend_links(g, w, p, layer, pos);
	/* Where most around it was deleted, its next neighbours are further away. */
	if (!err && p->n && p->edit[0].n < (layer ? g->m / 4 : g->m / 2))
		err = mend_anew(g, w, p, id);
	return err;
}

/* Does the item at @from link to the one at @to? */
static int links_to(struct vex_graph *g, u32 layer, u32 from, u32 to)
{
	const __le32 *link;
	u32 i, n;
	u8 *item;
	int err;

	err = vex_item_get(g, layer, from, &item);
	if (err)
		return err;
	n = vex_links_of(g, layer, item, &link);
	for (i = 0; i < n; i++)
		if (le32_to_cpu(link[i]) == to)
			return 1;
	return 0;
}

/* Link @i of an item; 1: it has no more. */
static int link_at(struct vex_graph *g, u32 layer, u32 pos, u32 i, u32 *to)
{
	const __le32 *link;
	u8 *item;
	int err;

	err = vex_item_get(g, layer, pos, &item);
	if (err)
		return err;
	if (i >= vex_links_of(g, layer, item, &link))
		return 1;
	*to = le32_to_cpu(link[i]);
	return *to < g->tab[layer].count ? 0 : -EUCLEAN;
}

static int leave_layer(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 layer,
		       u32 pos)
{
	int err = 0, back;
	u32 i, to;

	p->leave = pos;
	for (i = 0; !err; i++) {
		err = link_at(g, layer, pos, i, &to);
		if (err)
			return min(err, 0);
		back = links_to(g, layer, to, pos);
		if (back == 1 && !vex_item_dead(g, layer, to))
			err = mend_links(g, w, p, layer, to);
		else
			err = min(back, 0);
		if (!err && vex_interrupted())
			err = -EINTR;
	}
	return err;
}

int vex_graph_leave(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 id)
{
	u32 top, layer, pos = id;
	int err = 0;

	plan_begin(p);
	p->id = id;
	/* Of buckets it is taken out when it comes into others. */
	if (g->lsh.tables || g->codes)
		return 0;
	top = vex_draw_layer(id, g->m);
	for (layer = 0; layer <= top && layer < g->layers && !err; layer++) {
		if (layer)
			err = vex_upper_find(g, layer, id, &pos);
		if (!err)
			err = leave_layer(g, w, p, layer, pos);
	}
	return err;
}

/* ---- where a search begins ---------------------------------------------------------------- */

/* The newest live item of a layer; 1: there is none. */
static int newest_live(struct vex_graph *g, u32 layer, u32 *pos)
{
	u32 i;
	int dead;

	for (i = g->tab[layer].count; i--;) {
		dead = vex_item_dead(g, layer, i);
		if (dead < 0)
			return dead;
		if (!dead) {
			*pos = i;
			return 0;
		}
		if (i % 64 == 0)
			vex_resched();
	}
	return 1;
}

int vex_graph_top(struct vex_graph *g, struct vex_top *top)
{
	int err = 1;

	*top = (struct vex_top){ .layers = g->layers, .entry = g->entry };
	if (g->lsh.tables)
		return 0;
	while (err == 1 && top->layers) {
		err = newest_live(g, top->layers - 1, &top->entry);
		top->layers -= err == 1;
	}
	/* Of deleted ones alone: it stays as it is. */
	if (!top->layers)
		*top = (struct vex_top){ .layers = g->layers, .entry = g->entry };
	return min(err, 0);
}

void vex_graph_top_apply(struct vex_graph *g, const struct vex_top *top)
{
	u32 layer;

	/* No live row is in those, so nobody looks for its place there. */
	for (layer = top->layers; layer < g->layers; layer++)
		g->tab[layer].count = 0;
	g->layers = top->layers;
	g->entry = top->entry;
}

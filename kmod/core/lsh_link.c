// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * How rows come into the buckets of an LSH index, and leave them: plans of what changes, made
 * beside searches and entered alone, as those of a graph are (graph_link.c).
 *
 * A row comes first in its bucket of each table. One with a new content is taken out of those that
 * it is not in any more. A deleted one stays until a pass over all buckets takes such out.
 */
#include "vex_lsh.h"

/* Links of a bucket followed between two looks at signals and the scheduler. */
#define BREATH	256u

static int breathe(struct vex_graph *g, u32 steps)
{
	/* It goes in circles. */
	if (steps > g->tab[0].count)
		return -EUCLEAN;
	return steps % BREATH ? 0 : vex_breathe();
}

static void edit_link(struct vex_plan *p, u32 layer, u32 pos, u32 table, u32 to)
{
	struct vex_edit *e = vex_edit_add(p, layer, pos);

	e->slot = layer ? 0 : table;
	e->n = 1;
	e->link[0] = to;
}

/* Take row p->id, which @next comes after, out of the bucket @head of a table. */
static int plan_leave(struct vex_graph *g, struct vex_plan *p, u32 head, u32 table, u32 next)
{
	u32 layer = 1, pos = head, at, steps = 0;
	int err;

	for (;;) {
		err = vex_lsh_next(g, layer, pos, table, &at);
		if (!err)
			err = at ? breathe(g, ++steps) : -EUCLEAN;
		if (err)
			return err;
		if (at == p->id + 1)
			break;
		layer = 0;
		pos = at - 1;
	}
	edit_link(p, layer, pos, table, next);
	return 0;
}

/* Its place in one table. */
static int plan_table(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 table)
{
	u32 head = table << g->lsh.bits | w->lsh->bucket[table];
	u32 old = table << g->lsh.bits | w->lsh->old[table];
	u32 *own = &p->edit[0].link[table];
	u32 next = 0;
	int err = 0;

	if (p->again)
		err = vex_lsh_next(g, 0, p->id, table, &next);
	if (!err && p->again && old == head) {
		*own = next;
		return 0;
	}
	if (!err)
		err = vex_lsh_next(g, 1, head, 0, own);
	if (err)
		return err;
	edit_link(p, 1, head, table, p->id + 1);
	return p->again ? plan_leave(g, p, old, table, next) : 0;
}

/* The first rows of some more buckets, none yet: a piece of layer 1. */
static void plan_heads(struct vex_graph *g, struct vex_plan *p)
{
	p->heads = true;
	p->again = false;
	vex_edit_add(p, 1, g->tab[1].count);
}

int vex_lsh_plan(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 id,
		 const void *row)
{
	struct vex_edit *own;
	const u8 *code;
	u32 t;
	int err = 0;

	p->top = 0;
	if (g->tab[1].count < vex_lsh_heads(&g->lsh)) {
		plan_heads(g, p);
		return 0;
	}
	own = vex_edit_add(p, 0, id);
	own->n = g->lsh.tables;
	if (!row) {
		memset(own->link, 0, own->n * sizeof(*own->link));
		memset(w->code, 0, g->codec.bytes);
		return 0;
	}
	if (p->again) {
		err = vex_code_get(g, 0, id, &code);
		if (err)
			return err;
		vex_lsh_buckets(g, w, code);
		memcpy(w->lsh->old, w->lsh->bucket, own->n * sizeof(*w->lsh->old));
	}
	vex_codec_levels(&g->codec, row, w->levels);
	vex_codec_pack(&g->codec, w->levels, w->code);
	vex_lsh_buckets(g, w, w->code);
	for (t = 0; t < g->lsh.tables && !err; t++)
		err = plan_table(g, w, p, t);
	return err;
}

/* Links around the deleted rows of a bucket: one for each run of them. */
int vex_lsh_mend(struct vex_graph *g, struct vex_plan *p, u32 pos)
{
	u32 table = pos >> g->lsh.bits, layer = 1, at = 0, steps = 0;
	bool run = false;
	int err, dead;

	err = vex_lsh_next(g, 1, pos, 0, &at);
	while (!err && at && p->n < p->room) {
		dead = g->ops->dead(g, at - 1);
		if (dead < 0)
			return dead;
		if (!dead) {
			if (run)
				edit_link(p, layer, pos, table, at);
			layer = 0;
			pos = at - 1;
		}
		run = dead;
		err = vex_lsh_next(g, 0, at - 1, table, &at);
		if (!err)
			err = breathe(g, ++steps);
	}
	p->more = at || (run && p->n == p->room);
	if (!err && run && !p->more)
		edit_link(p, layer, pos, table, 0);
	return err;
}

/* ---- entering what was planned ------------------------------------------------------------ */

static void heads_apply(struct vex_graph *g, const struct vex_plan *p)
{
	struct vex_tab *t = &g->tab[1];
	u32 n = min(vex_lsh_heads(&g->lsh) - t->count, t->per);

	memset(vex_tab_at(t, t->count), 0, (size_t)n * t->bytes);
	t->count += n;
	g->layers = 2;
}

static void record_make(struct vex_graph *g, const struct vex_plan *p)
{
	struct vex_rec *rec = (struct vex_rec *)vex_tab_at(&g->tab[0], p->id);

	memset(rec, 0, g->code_at);
	if (p->dead)
		rec->flags = VEX_REC_DEAD;
	g->tab[0].count++;
}

void vex_lsh_apply(struct vex_graph *g, const struct vex_walk *w, const struct vex_plan *p)
{
	const struct vex_edit *e;
	__le32 *link;
	u32 i;

	if (p->heads) {
		heads_apply(g, p);
		return;
	}
	if (!p->again)
		record_make(g, p);
	if (!p->links)
		memcpy(vex_tab_at(&g->tab[0], p->id) + g->code_at, w->code, g->codec.bytes);
	for (e = p->edit; e < p->edit + p->n; e++) {
		link = vex_lsh_link(e->layer, vex_tab_at(&g->tab[e->layer], e->pos), e->slot);
		for (i = 0; i < e->n; i++)
			link[i] = cpu_to_le32(e->link[i]);
	}
}

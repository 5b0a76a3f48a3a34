// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * How rows are linked: the choice of links (Algorithm 4 of the paper that graph.c names), and a
 * plan of what the insertion of a row changes, which is made beside searches and entered alone.
 */
#include "vex_lsh.h"

/* ---- choosing links ------------------------------------------------------------------ */

/* Codes of one FPU section: the longest take some 20 us. */
#define DOMINATED	8u

/* Is a row with this form nearer to one of @n codes than @dist? */
static bool dominated(struct vex_graph *g, const struct vex_form *f, const u8 *const *code, u32 n,
		      u32 dist)
{
	vex_code_dist kernel = vex_codec_dist(&g->codec);
	u32 d[DOMINATED];
	u32 i, j, step;

	for (i = 0; i < n; i += step) {
		step = min(n - i, DOMINATED);
		vex_fpu_begin();
		kernel(f, code + i, step, g->codec.bytes, d);
		vex_fpu_end();
		for (j = 0; j < step; j++)
			if (d[j] < dist)
				return true;
	}
	return false;
}

/* The form of a coded row: floats, bits and, under L2, levels of SQ7 are one as they are. */
static const struct vex_form *form_at(struct vex_graph *g, const u8 *code, struct vex_form *room,
				      struct vex_form *as_is)
{
	if (vex_code_exact(g->codec.kind) ||
	    (g->codec.kind != VEX_CODE_SQ4 && g->codec.metric != VEXFS_METRIC_IP)) {
		as_is->bias = 0;
		as_is->level = (u8 *)code;
		return as_is;
	}
	vex_codec_form_of(&g->codec, code, room);
	return room;
}

/*
 * Choose at most @most of @n rows, nearest first: those that are nearer to the row in question,
 * with the code @own, than to any chosen one. w->picked has the codes of all @n, and afterwards of
 * the chosen ones; @near likewise. The first @keep are chosen already. Returns how many.
 *
 * Of rows with its own code it takes half as many: these are as near as can be, and would leave no
 * way out of a heap of equal rows. The newest ones come first, so that the heap hangs together.
 */
u32 vex_links_choose(struct vex_graph *g, struct vex_walk *w, const u8 *own, vex_near_t *near,
		     u32 n, u32 keep, u32 most)
{
	const struct vex_form *f;
	struct vex_form as_is;
	u32 i, kept = 0, equal = 0;

	for (i = 0; i < n && kept < most; i++) {
		if (i % 32 == 31)
			vex_resched();
		if (i < keep) {
			equal += !memcmp(own, w->picked[i], g->codec.bytes);
			kept++;
			continue;
		}
		if (!memcmp(own, w->picked[i], g->codec.bytes) && equal++ >= most / 2)
			continue;
		f = form_at(g, w->picked[i], &w->other, &as_is);
		w->dists += kept;
		if (dominated(g, f, w->picked, kept, vex_near_dist(near[i])))
			continue;
		near[kept] = near[i];
		w->picked[kept++] = w->picked[i];
	}
	return kept;
}

void vex_near_sort(vex_near_t *near, const u8 **code, u32 n)
{
	const u8 *c;
	vex_near_t x;
	u32 i, j;

	for (i = 1; i < n; i++) {
		x = near[i];
		c = code[i];
		for (j = i; j && near[j - 1] > x; j--) {
			near[j] = near[j - 1];
			code[j] = code[j - 1];
		}
		near[j] = x;
		code[j] = c;
	}
}

struct vex_edit *vex_edit_add(struct vex_plan *p, u32 layer, u32 pos)
{
	struct vex_edit *e = &p->edit[p->n++];

	e->layer = layer;
	e->pos = pos;
	e->slot = 0;
	e->n = 0;
	return e;
}

/* Which of its links, and of the new row, an item with too many keeps. */
static int relink_full(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p,
		       struct vex_edit *e, const u8 *code)
{
	struct vex_batch *b = &w->batch;
	const struct vex_form *f;
	struct vex_form as_is;
	u32 i, n;
	int err;

	b->n = e->n;
	/* The last one is the row itself, with its new code. */
	for (i = 0; i + 1 < e->n; i++) {
		err = vex_code_get(g, e->layer, e->link[i], &b->code[i]);
		if (err)
			return err;
		vex_code_prefetch(g, b->code[i]);
	}
	b->code[i] = w->code;
	f = form_at(g, code, &w->other, &as_is);
	vex_batch_dist(g, w, f);
	for (i = 0; i < b->n; i++) {
		p->near[i] = vex_near(b->dist[i], e->link[i]);
		w->picked[i] = b->code[i];
	}
	vex_near_sort(p->near, w->picked, b->n);
	n = vex_links_choose(g, w, code, p->near, b->n, 0, vex_layer_links(g, e->layer));
	for (i = 0; i < n; i++)
		e->link[i] = vex_near_pos(p->near[i]);
	e->n = n;
	return 0;
}

/* Add a link to the row to the item at @pos, unless it has one. */
static int relink(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 layer, u32 pos)
{
	struct vex_edit *e = vex_edit_add(p, layer, pos);
	const __le32 *link;
	const u8 *code;
	u8 *item;
	int err;
	u32 n;

	err = vex_item_get(g, layer, pos, &item);
	if (err)
		return err;
	n = vex_links_of(g, layer, item, &link);
	for (e->n = 0; e->n < n; e->n++) {
		e->link[e->n] = le32_to_cpu(link[e->n]);
		if (e->link[e->n] >= g->tab[layer].count)
			return -EUCLEAN;
		if (e->link[e->n] == p->self[layer]) {
			p->n--;
			return 0;
		}
	}
	e->link[e->n++] = p->self[layer];
	if (e->n <= vex_layer_links(g, layer))
		return 0;
	err = vex_code_get(g, layer, pos, &code);
	return err ? err : relink_full(g, w, p, e, code);
}

/* A row that is in the graph already is found, too, and no neighbour of its own. */
static void pool_drop(struct vex_walk *w, u32 pos)
{
	u32 i, n = 0;

	for (i = 0; i < w->size; i++)
		if (vex_near_pos(w->pool[i]) != pos)
			w->pool[n++] = w->pool[i];
	w->size = n;
}

/* The row of an item. */
int vex_item_row(struct vex_graph *g, u32 layer, u32 pos, u32 *id)
{
	u8 *item;
	int err;

	*id = pos;
	if (!layer)
		return 0;
	err = vex_item_get(g, layer, pos, &item);
	if (!err)
		*id = le32_to_cpu(((struct vex_upper *)item)->id);
	return err;
}

int vex_item_dead(struct vex_graph *g, u32 layer, u32 pos)
{
	u32 id;
	int err = vex_item_row(g, layer, pos, &id);

	return err ? err : g->ops->dead(g, id);
}

static int pool_drop_dead(struct vex_graph *g, struct vex_walk *w, u32 layer)
{
	u32 i, n = 0;
	int dead;

	for (i = 0; i < w->size; i++) {
		dead = vex_item_dead(g, layer, vex_near_pos(w->pool[i]));
		if (dead < 0)
			return dead;
		if (!dead)
			w->pool[n++] = w->pool[i];
	}
	w->size = n;
	return 0;
}

/* Links of the row in one layer, from @from on; *@from receives its nearest there. */
static int plan_layer(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 layer,
		      u32 *from)
{
	struct vex_edit *e = &p->edit[p->top - layer];
	u32 i;
	int err;

	err = vex_search_layer(g, w, layer, *from, g->ef_build);
	if (err)
		return err;
	*from = vex_near_pos(w->pool[0]);
	if (p->again)
		pool_drop(w, p->self[layer]);
	if (p->links)
		err = pool_drop_dead(g, w, layer);
	for (i = 0; i < w->size && !err; i++)
		err = vex_code_get(g, layer, vex_near_pos(w->pool[i]), &w->picked[i]);
	if (err)
		return err;
	e->n = vex_links_choose(g, w, w->code, w->pool, w->size, 0, g->m);
	for (i = 0; i < e->n; i++)
		e->link[i] = vex_near_pos(w->pool[i]);
	for (i = 0; i < e->n && !err; i++) {
		err = relink(g, w, p, layer, e->link[i]);
		if (!err && vex_interrupted())
			err = -EINTR;
	}
	return err;
}

/* The highest layer of a row: each further one with a chance of 1 / M. */
u32 vex_draw_layer(u32 id, u32 m)
{
	u32 layer = 0;
	u64 x = id;

	do {
		/* splitmix64, Steele, Lea & Flood, 2014 */
		x += 0x9e3779b97f4a7c15ULL;
		x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
		x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
		x ^= x >> 31;
	} while (x < U64_MAX / m && ++layer < VEX_GRAPH_LAYERS - 1);
	return layer;
}

/* They ascend by id. */
int vex_upper_find(struct vex_graph *g, u32 layer, u32 id, u32 *pos)
{
	u32 low = 0, high = g->tab[layer].count, middle, there;
	u8 *item;
	int err;

	while (low < high) {
		middle = low + (high - low) / 2;
		err = vex_item_get(g, layer, middle, &item);
		if (err)
			return err;
		there = le32_to_cpu(((struct vex_upper *)item)->id);
		if (there == id) {
			*pos = middle;
			return 0;
		}
		if (there < id)
			low = middle + 1;
		else
			high = middle;
	}
	return -EUCLEAN;
}

/* The first edits: those of the row itself. */
int vex_plan_self(struct vex_graph *g, struct vex_plan *p)
{
	u32 layer;
	int err = 0;

	for (layer = p->top + 1; layer-- && !err;) {
		p->self[layer] = p->again && !layer ? p->id : g->tab[layer].count;
		if (p->again && layer)
			err = vex_upper_find(g, layer, p->id, &p->self[layer]);
		vex_edit_add(p, layer, p->self[layer]);
	}
	return err;
}

int vex_plan_links(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p)
{
	u32 layer = min(p->top, g->layers - 1);
	u32 from;
	int err;

	/* As many as there will be links to. */
	w->ties = max(g->m / 2, 1u);
	err = vex_descend(g, w, layer, &from);
	for (; !err; layer--) {
		err = plan_layer(g, w, p, layer, &from);
		if (err || !layer)
			break;
		err = vex_item_below(g, layer, from, &from);
	}
	return err;
}

int vex_graph_plan(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 id,
		   const void *row)
{
	int err;

	if (id >= VEX_GRAPH_ROWS_MAX)
		return -EFBIG;
	p->n = 0;
	p->id = id;
	p->again = id < g->tab[0].count;
	p->dead = !row;
	p->links = false;
	p->heads = false;
	p->more = false;
	/* Of a deleted row in the graph nothing changes: others find their way through it. */
	if (p->again && !row)
		return 0;
	if (row)
		row = vex_codec_wide(&g->codec, row, w->wide);
	if (g->lsh.tables)
		return vex_lsh_plan(g, w, p, id, row);
	if (g->codes) {
		vex_codes_plan(g, w, p, row);
		return 0;
	}
	p->top = row ? vex_draw_layer(id, g->m) : 0;
	err = vex_plan_self(g, p);
	if (err)
		return err;
	if (!row) {
		memset(w->code, 0, g->codec.bytes);
		return 0;
	}
	vex_codec_levels(&g->codec, row, w->levels);
	vex_codec_form(&g->codec, w->levels, &w->query);
	vex_codec_pack(&g->codec, w->levels, w->code);
	return g->layers ? vex_plan_links(g, w, p) : 0;
}

/* ---- entering what was planned ----------------------------------------------------------- */

int vex_plan_touch(struct vex_graph *g, const struct vex_plan *p)
{
	int err = 0;
	u32 i;

	for (i = 0; i < p->n && !err; i++)
		err = g->ops->touch(g, p->edit[i].layer, p->edit[i].pos);
	return err;
}

static void edit_apply(struct vex_graph *g, const struct vex_edit *e)
{
	u8 *item = vex_tab_at(&g->tab[e->layer], e->pos);
	__le32 *link = e->layer ? ((struct vex_upper *)item)->link : ((struct vex_rec *)item)->link;
	u32 i;

	for (i = 0; i < e->n; i++)
		link[i] = cpu_to_le32(e->link[i]);
	item[0] = e->n;
}

/* The items of a new row, without links; the tables have room. */
static void items_make(struct vex_graph *g, const struct vex_plan *p)
{
	struct vex_upper *upper;
	struct vex_rec *rec;
	u32 layer;

	for (layer = 1; layer <= p->top; layer++) {
		upper = (struct vex_upper *)vex_tab_at(&g->tab[layer], p->self[layer]);
		memset(upper, 0, g->tab[layer].bytes);
		upper->id = cpu_to_le32(p->id);
		upper->below = cpu_to_le32(p->self[layer - 1]);
	}
	rec = (struct vex_rec *)vex_tab_at(&g->tab[0], p->id);
	memset(rec, 0, g->code_at);
	if (p->dead)
		rec->flags = VEX_REC_DEAD;
	for (layer = 0; layer <= p->top; layer++)
		g->tab[layer].count++;
	if (p->dead || p->top < g->layers)
		return;
	g->layers = p->top + 1;
	g->entry = p->self[p->top];
}

void vex_plan_apply(struct vex_graph *g, const struct vex_walk *w, const struct vex_plan *p)
{
	u32 i;

	if (!p->n)
		return;
	if (g->codes) {
		vex_codes_apply(g, w, p);
		return;
	}
	if (g->lsh.tables) {
		vex_lsh_apply(g, w, p);
		return;
	}
	if (!p->again)
		items_make(g, p);
	if (!p->links)
		memcpy(vex_tab_at(&g->tab[0], p->id) + g->code_at, w->code, g->codec.bytes);
	for (i = 0; i < p->n; i++)
		edit_apply(g, &p->edit[i]);
}

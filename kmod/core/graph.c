// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * HNSW: a hierarchy of navigable small worlds, after Malkov & Yashunin, "Efficient and robust
 * approximate nearest neighbor search using Hierarchical Navigable Small World graphs" (2016).
 *
 * Every row is in the base layer, and one in M of each layer is in the layer above it, too. A
 * search goes down through the upper layers to the row that is nearest there, and from it through
 * the base by a pool of the ef nearest rows so far: the nearest one whose links were not followed
 * yet is next, until there is none. A new row is searched for in each of its layers, linked to M
 * of the ef_construction rows found, and they to it. Which ones: Algorithm 4 of the paper, from
 * the nearest on each row that is nearer to the new one than to all that were chosen before. A row
 * with too many links chooses anew among them.
 *
 * Deviations from the paper:
 *
 *  - the graph knows codes only (vex_code.h); the rows themselves are for whoever ranks the result;
 *  - the base holds 2 * M - 1 links of a row, not 2 * M: together with their number they fill cache
 *    lines;
 *  - pool and candidates are one sorted array, in which rows that are equally far away take so
 *    many places only: a heap of equal rows does not fill it;
 *  - the layer of a row is drawn from a hash of its id, so that it need not be stored;
 *  - the choice of links is not filled up from those that were left out.
 */
#include "vex_lsh.h"

/* ---- sizes -------------------------------------------------------------------- */

u32 vex_rec_bytes(const struct vex_codec *c, u32 links)
{
	u32 bytes = sizeof(struct vex_rec) + links * sizeof(__le32);

	return round_up(bytes, VEX_LINE) + c->bytes;
}

u32 vex_graph_upper_bytes(u32 m)
{
	return sizeof(struct vex_upper) + m * sizeof(__le32);
}

/* The error of @magic is below 2^bits, which is exact for 31 bits of a position. */
void vex_tab_shape(struct vex_tab *t, u32 bytes, u32 chunk)
{
	u32 per = chunk / bytes;
	u32 bits = 0;

	while (bits < 31 && 1u << bits < per)
		bits++;
	t->bytes = bytes;
	t->per = per;
	t->shift = 31 + bits;
	t->magic = div64_u64((1ULL << t->shift) + per - 1, per);
}

int vex_graph_init(struct vex_graph *g, u32 m, u32 ef_build, u32 chunk, u32 upper)
{
	u32 bytes = vex_rec_bytes(&g->codec, vex_base_links(m));
	u32 i;

	if (bytes > chunk)
		return -EINVAL;
	g->m = m;
	g->ef_build = max(ef_build, m);
	g->code_at = bytes - g->codec.bytes;
	vex_tab_shape(&g->tab[0], bytes, chunk);
	bytes = vex_graph_upper_bytes(m);
	for (i = 1; i < VEX_GRAPH_LAYERS; i++)
		vex_tab_shape(&g->tab[i], bytes, upper);
	return 0;
}

void vex_graph_destroy(struct vex_graph *g)
{
	u32 i;

	for (i = 0; i < VEX_GRAPH_LAYERS; i++)
		vex_free(g->tab[i].chunk);
	vex_lsh_destroy(g);
}

int vex_tab_room(struct vex_tab *t, u32 count)
{
	u32 room = max(count, t->chunks + t->chunks / 2);
	u8 **chunk;

	if (count <= t->chunks)
		return 0;
	chunk = vex_zalloc_kept(room * sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	if (t->chunks)
		memcpy(chunk, t->chunk, t->chunks * sizeof(*chunk));
	vex_free(t->chunk);
	t->chunk = chunk;
	t->chunks = room;
	return 0;
}

/* ---- memory of walks ------------------------------------------------------------ */

/* Forms, levels and a code of @bytes each. */
static int forms_room(struct vex_walk *w, u32 bytes)
{
	if (bytes <= w->form_room)
		return 0;
	vex_free(w->query.level);
	vex_free(w->other.level);
	vex_free(w->levels);
	vex_free(w->code);
	w->form_room = 0;
	w->query.level = vex_zalloc(bytes);
	w->other.level = vex_zalloc(bytes);
	w->levels = vex_zalloc(bytes);
	w->code = vex_zalloc(bytes);
	if (!w->query.level || !w->other.level || !w->levels || !w->code)
		return -ENOMEM;
	w->form_room = bytes;
	return 0;
}

static int wide_room(struct vex_walk *w, u32 bytes)
{
	if (bytes && !w->wide)
		w->wide = vex_alloc(bytes);
	return w->wide || !bytes ? 0 : -ENOMEM;
}

static int pool_room(struct vex_walk *w, u32 ef)
{
	if (ef <= w->ef_room)
		return 0;
	vex_free(w->pool);
	vex_free(w->picked);
	w->ef_room = 0;
	w->pool = vex_alloc((ef + 1) * sizeof(*w->pool));
	w->picked = vex_alloc(ef * sizeof(*w->picked));
	if (!w->pool || !w->picked)
		return -ENOMEM;
	w->ef_room = ef;
	return 0;
}

static int seen_room(struct vex_walk *w, u32 count)
{
	u32 words = round_up(DIV_ROUND_UP(count, 64) + 1, 512);

	if (words <= w->seen_room)
		return 0;
	vex_free(w->seen);
	vex_free(w->touched);
	w->seen_room = 0;
	w->touched_room = words / 8;
	w->seen = vex_zalloc(words * sizeof(*w->seen));
	w->touched = vex_alloc((w->touched_room + 1) * sizeof(*w->touched));
	if (!w->seen || !w->touched)
		return -ENOMEM;
	w->seen_room = words;
	return 0;
}

int vex_walk_room(struct vex_walk *w, const struct vex_graph *g, u32 ef, u32 count)
{
	int err = forms_room(w, vex_codec_room(&g->codec));

	if (!err)
		err = wide_room(w, vex_codec_wide_bytes(&g->codec));
	if (!err)
		err = pool_room(w, ef);
	if (!err && g->lsh.tables)
		err = vex_lsh_walk_room(w, g, w->probes);
	return err || g->codes ? err : seen_room(w, count);
}

void vex_walk_free(struct vex_walk *w)
{
	vex_free(w->query.level);
	vex_free(w->other.level);
	vex_free(w->wide);
	vex_free(w->levels);
	vex_free(w->code);
	vex_free(w->pool);
	vex_free(w->picked);
	vex_free(w->seen);
	vex_free(w->touched);
	vex_lsh_walk_free(w);
}

int vex_plan_room(struct vex_plan *p, const struct vex_graph *g)
{
	/* A row and those that it is linked to; the base has twice as many. */
	u32 room = g->lsh.tables ? VEX_LSH_EDITS : VEX_GRAPH_LAYERS * (g->m + 1) + g->m;

	if (p->edit)
		return 0;
	p->edit = vex_alloc(room * sizeof(*p->edit));
	p->room = room;
	return p->edit ? 0 : -ENOMEM;
}

void vex_plan_free(struct vex_plan *p)
{
	vex_free(p->edit);
	p->edit = NULL;
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Codes alone: an index without links. A search compares the code of every row, each behind the
 * one before, keeps the ef nearest and leaves them to be ranked by the rows: the work of a flat
 * search, on a quarter of its bytes or fewer, which is what a search of more rows than fit the
 * processor's cache waits for.
 *
 * Layer 0 is the codes, packed; there is no other.
 */
#include "vex_graph_item.h"

/* Bytes of codes compared between two breaths. */
#define BREATH	(1u << 20)

int vex_codes_init(struct vex_graph *g, u32 chunk)
{
	if (g->codec.bytes > chunk)
		return -EINVAL;
	g->codes = true;
	g->code_at = 0;
	vex_tab_shape(&g->tab[0], g->codec.bytes, chunk);
	return 0;
}

void vex_codes_plan(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, const void *row)
{
	p->top = 0;
	vex_edit_add(p, 0, p->id);
	if (!row) {
		memset(w->code, 0, g->codec.bytes);
		return;
	}
	vex_codec_levels(&g->codec, row, w->levels);
	vex_codec_pack(&g->codec, w->levels, w->code);
}

void vex_codes_apply(struct vex_graph *g, const struct vex_walk *w, const struct vex_plan *p)
{
	memcpy(vex_tab_at(&g->tab[0], p->id), w->code, g->codec.bytes);
	g->tab[0].count += !p->again;
	g->layers = 1;
}

/* Rows [@pos, @pos + @n), whose codes lie in one piece. */
static int codes_compare(struct vex_graph *g, struct vex_walk *w, u32 pos, u32 n)
{
	struct vex_batch *b = &w->batch;
	u8 *code;
	u32 i;
	int err = vex_item_get(g, 0, pos, &code);

	if (err)
		return err;
	for (i = 0; i < n; i++, code += g->codec.bytes) {
		b->pos[i] = pos + i;
		b->code[i] = code;
	}
	b->n = n;
	vex_batch_offer(g, w);
	return 0;
}

int vex_codes_search(struct vex_graph *g, struct vex_walk *w, const void *row, u32 ef)
{
	u32 rows = g->tab[0].count, per = g->tab[0].per, most = ARRAY_SIZE(w->batch.pos);
	u32 pos, n, bytes = 0;
	int err = 0;

	w->ef = ef;
	vex_codec_query(&g->codec, row, w->levels);
	vex_codec_form(&g->codec, w->levels, &w->query);
	for (pos = 0; pos < rows && !err; pos += n) {
		n = min(rows - pos, per - pos % per);
		n = min(n, most);
		err = codes_compare(g, w, pos, n);
		bytes += n * g->codec.bytes;
		if (err || bytes < BREATH)
			continue;
		bytes = 0;
		err = g->ops->breathe ? g->ops->breathe(g) : vex_breathe();
	}
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * How rows come into the graph, or the buckets, of a collection in memory.
 *
 * An insertion copies its rows first; from then on they are found, by comparison one by one, until
 * the graph has them, too. The graph is changed in short steps between which searches run.
 *
 * When rows come that the codec does not fit, they wait until there are enough of them. Then all
 * rows get codes of a new one; the links, which were chosen when the rows had codes that fitted
 * them, stay. Buckets, which follow from the codes, begin anew.
 */
#include "coll_mem.h"
#include "vex_graph_item.h"

/* A codec is made anew for so many rows: making all codes costs less than linking these. */
#define RENEW_SHARE	16u
/* And whenever the collection has become so many times as large. */
#define RENEW_TIMES	4u

/* A piece that is new is seen by searches only after the change that needs it. */
static int graph_touch(struct vex_graph *g, u32 layer, u32 pos)
{
	struct vexfs_coll *c = container_of(g, struct vexfs_coll, graph);

	return coll_chunk(&g->tab[layer], vex_tab_chunk(&g->tab[layer], pos),
			  layer ? COLL_UPPER : COLL_CHUNK, c->rows.count);
}

static int graph_dead(struct vex_graph *g, u32 id)
{
	return coll_row_dead(container_of(g, struct vexfs_coll, graph), id);
}

static const struct vex_graph_ops graph_ops = {
	.touch = graph_touch,
	.dead = graph_dead,
};

/* ---- the codec --------------------------------------------------------------------- */

static u32 kind_wanted(const struct vexfs_coll *c)
{
	const struct vexfs_coll_options *o = &c->options;

	return o->index == VEXFS_COLL_HNSW ?
	       vex_code_choose(c->code, o->elem, o->metric, o->dim) :
	       vex_levels_choose(c->code, o->elem, o->dim);
}

static int graph_shape(struct vexfs_coll *c)
{
	const struct vexfs_coll_options *o = &c->options;

	c->options.code = vex_code_name(c->graph.codec.kind);
	if (o->index == VEXFS_COLL_LSH)
		return vex_lsh_init(&c->graph, o->tables, o->bits, COLL_CHUNK, COLL_UPPER);
	if (o->index == VEXFS_COLL_CODES)
		return vex_codes_init(&c->graph, COLL_CHUNK);
	return vex_graph_init(&c->graph, o->m, o->ef_construction, COLL_CHUNK, COLL_UPPER);
}

int coll_graph_open(struct vexfs_coll *c)
{
	struct vex_graph *g = &c->graph;

	c->code = c->options.code;
	g->ops = &graph_ops;
	vex_codec_shape(&g->codec, kind_wanted(c), c->options.elem, c->options.metric,
			c->options.dim);
	return graph_shape(c);
}

static void graph_empty(struct vexfs_coll *c)
{
	u32 i;

	for (i = 0; i < VEX_GRAPH_LAYERS; i++) {
		coll_tab_free(&c->graph.tab[i], i ? COLL_UPPER : COLL_CHUNK);
		c->graph.tab[i].count = 0;
	}
	c->graph.layers = 0;
	c->graph.entry = 0;
}

void coll_graph_close(struct vexfs_coll *c)
{
	graph_empty(c);
	vex_lsh_destroy(&c->graph);
	vex_codec_free(&c->graph.codec);
	vex_plan_free(&c->plan);
}

/* Rows from all over the collection, as the codec wants them. */
static void sample_take(const struct vexfs_coll *c, const struct vex_codec *codec, u8 *to,
			u32 count)
{
	u32 bytes = vex_codec_sample_bytes(codec), i;
	const void *row;

	for (i = 0; i < count; i++, to += bytes) {
		row = coll_rows_get(c, (u64)i * c->rows.count / count, 1, to);
		row = vex_codec_wide(codec, row, to);
		if (row != to)
			memcpy(to, row, bytes);
	}
}

/* Buckets of another codec: none, until rows come into them again. */
static int buckets_begin(struct vexfs_coll *c, struct coll_walk *w, const struct vex_codec *codec,
			 const void *sample, u32 count)
{
	vex_write_lock(&c->lock);
	graph_empty(c);
	vex_write_unlock(&c->lock);
	return vex_lsh_train(&c->graph, codec, &w->walk, sample, count);
}

/* A codec from a sample of the rows. */
static int codec_make(struct vexfs_coll *c, struct coll_walk *w, struct vex_codec *codec)
{
	u32 count = min(c->rows.count, VEX_TRAIN_ROWS);
	u8 *sample = vex_alloc((size_t)count * vex_codec_sample_bytes(&c->graph.codec));
	int err;

	*codec = c->graph.codec;
	codec->pca = NULL;
	codec->low = vex_zalloc(codec->dim * sizeof(*codec->low));
	if (!sample || !codec->low) {
		vex_free(sample);
		vex_free(codec->low);
		return -ENOMEM;
	}
	sample_take(c, codec, sample, count);
	if (c->code == VEXFS_COLL_AUTO && c->options.index != VEXFS_COLL_LSH)
		err = vex_codec_choose(codec, kind_wanted(c), sample, count);
	else
		err = vex_codec_train(codec, sample, count);
	if (!err && c->graph.lsh.tables)
		err = buckets_begin(c, w, codec, sample, count);
	vex_free(sample);
	if (err)
		vex_codec_free(codec);
	return err;
}

/* Codes of all rows in the graph. @lock held for writing. */
static void codes_make(struct vexfs_coll *c, struct coll_walk *w)
{
	struct vex_graph *g = &c->graph;
	const void *row;
	u32 i;

	c->drift.cut = 0;
	for (i = 0; i < g->tab[0].count; i++) {
		row = vex_codec_wide(&g->codec, coll_rows_get(c, i, 1, w->row), w->walk.wide);
		c->drift.cut += vex_codec_cut(&g->codec, row);
		vex_codec_levels(&g->codec, row, w->walk.levels);
		vex_codec_pack(&g->codec, w->walk.levels, vex_tab_at(&g->tab[0], i) + g->code_at);
	}
}

/* A codec in place of the one that there is, if any. Of other codes the graph begins anew. */
static int codec_renew(struct vexfs_coll *c, struct coll_walk *w)
{
	struct vex_graph *g = &c->graph;
	struct vex_codec codec;
	int err = codec_make(c, w, &codec);

	if (err)
		return err;
	vex_write_lock(&c->lock);
	if (codec.kind != g->codec.kind || codec.bytes != g->codec.bytes)
		graph_empty(c);
	swap(codec, g->codec);
	if (!g->layers && !g->lsh.tables)
		err = graph_shape(c);
	c->drift.rows = c->rows.count;
	c->drift.fresh = 0;
	codes_make(c, w);
	vex_write_unlock(&c->lock);
	vex_codec_free(&codec);
	return err;
}

static bool codec_due(const struct vexfs_coll *c)
{
	const struct vex_drift *d = &c->drift;

	return !d->rows || c->rows.count >= RENEW_TIMES * (u64)d->rows ||
	       vex_drift_due(d, &c->graph.codec, c->graph.tab[0].count, c->rows.count,
			     RENEW_SHARE);
}

/* ---- rows -------------------------------------------------------------------------- */

static int plan_enter(struct vexfs_coll *c, struct coll_walk *w, bool cut)
{
	int err;

	vex_write_lock(&c->lock);
	err = vex_plan_touch(&c->graph, &c->plan);
	if (!err) {
		vex_plan_apply(&c->graph, &w->walk, &c->plan);
		c->drift.cut += cut;
	}
	vex_write_unlock(&c->lock);
	return err;
}

/* Bring one more row into the graph; 1: it has to wait. */
static int graph_add(struct vexfs_coll *c, struct coll_walk *w)
{
	struct vex_graph *g = &c->graph;
	u32 id = g->tab[0].count;
	const void *row = coll_rows_get(c, id, 1, w->row);
	bool cut = vex_codec_cut(&g->codec, vex_codec_wide(&g->codec, row, w->walk.wide));
	int err;

	if (cut && !vex_drift_admits(&c->drift, &g->codec, id))
		return 1;
	err = vex_walk_room(&w->walk, g, max(g->ef_build, VEX_GRAPH_ROOM), id + 1);
	if (err)
		return err;
	vex_read_lock(&c->lock);
	err = vex_graph_plan(g, &w->walk, &c->plan, id, coll_row_dead(c, id) ? NULL : row);
	vex_read_unlock(&c->lock);
	return err ? err : plan_enter(c, w, cut);
}

/* Lead links around deleted rows, when there are many. */
static int graph_mend(struct vexfs_coll *c, struct coll_walk *w)
{
	struct vex_graph *g = &c->graph;
	struct vex_top top;
	u32 dead, layer, pos;
	int err;

	vex_read_lock(&c->lock);
	dead = c->rows.count - c->live;
	vex_read_unlock(&c->lock);
	if (!vex_graph_mend_due(g, dead, c->mended))
		return 0;
	err = vex_walk_room(&w->walk, g, max(g->ef_build, VEX_GRAPH_ROOM), g->tab[0].count);
	for (layer = 0; layer < g->layers; layer++)
		for (pos = 0; pos < g->tab[layer].count && !err; pos += !c->plan.more) {
			vex_read_lock(&c->lock);
			err = vex_graph_mend(g, &w->walk, &c->plan, layer, pos);
			vex_read_unlock(&c->lock);
			if (!err && c->plan.n)
				err = plan_enter(c, w, false);
		}
	if (err)
		return err;
	vex_read_lock(&c->lock);
	err = vex_graph_top(g, &top);
	vex_read_unlock(&c->lock);
	if (err)
		return err;
	vex_write_lock(&c->lock);
	vex_graph_top_apply(g, &top);
	c->mended = dead;
	vex_write_unlock(&c->lock);
	return 0;
}

static int rows_enter(struct vexfs_coll *c, struct coll_walk *w)
{
	struct vex_graph *g = &c->graph;
	int err = 0;

	do {
		if (!err && codec_due(c))
			err = codec_renew(c, w);
		if (!err)
			err = vex_walk_room(&w->walk, g, 1, 1);
		while (!err && g->tab[0].count < c->rows.count)
			err = graph_add(c, w);
	} while (err == 1 && codec_due(c) && !(err = 0));
	return min(err, 0);
}

int coll_graph_grow(struct vexfs_coll *c)
{
	struct coll_walk *w;
	int err;

	if (c->options.index == VEXFS_COLL_FLAT || c->rows.count < COLL_TRAIN_MIN)
		return 0;
	w = coll_walk_take(c);
	if (!w)
		return -ENOMEM;
	err = vex_plan_room(&c->plan, &c->graph);
	if (!err)
		err = vex_walk_room(&w->walk, &c->graph, 1, 1);
	if (!err)
		err = rows_enter(c, w);
	if (!err)
		err = graph_mend(c, w);
	coll_walk_give(c, w);
	return err;
}

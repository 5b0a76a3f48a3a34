// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Searching by an HNSW index: candidates of each query from the graph, ranked by their rows; then,
 * for all queries, the rows that the graph does not know in their present form.
 *
 * A filter is answered by comparing all rows that match: exact, and no faster for the graph.
 */
#include "vex_hnsw.h"

/* The breadth of a search that asks for none. */
#define EF_DEFAULT	100u

/**
 * struct known - what of a collection the graph answers for in one search
 * @rows: those before this one, but
 * @nr_stale: as many, which were updated:
 * @stale: these
 *
 * As it was when the search began: rows that come into the graph meanwhile are compared one by one
 * all the same, so none is found twice.
 */
struct known {
	u64 rows;
	u32 nr_stale;
	u32 stale[VEXFS_MAX_UPDATE];
};

static bool is_known(const struct known *known, const struct vex_coll *c, u64 id)
{
	u32 i;

	if (id >= known->rows || id >= c->rows)
		return false;
	for (i = 0; i < known->nr_stale; i++)
		if (known->stale[i] == id)
			return false;
	return true;
}

/* 0: it was deleted; 1: it is none of the nearest so far; 2: it is; or an error. */
static int offer_one(struct vex_search_ctx *ctx, u32 q, u64 id)
{
	const struct vex_coll *c = &ctx->coll;
	const u8 *query = (const u8 *)ctx->s->queries + (size_t)q * c->row_bytes;
	u32 dist;
	int err;

	err = vex_row_live(ctx->fs, ctx->ino, c, id);
	if (err <= 0)
		return err;
	err = vex_file_read_locked(ctx->fs, ctx->ino, c->rows * c->row_bytes, id * c->row_bytes,
				   ctx->row, c->row_bytes);
	if (err)
		return err;
	vex_fpu_begin();
	vex_dist_ops()->f32[c->metric](query, ctx->row, 1, c->dim, &dist);
	vex_fpu_end();
	ctx->s->visited++;
	return vex_topk_offer(&ctx->heaps[q], dist, id) ? 2 : 1;
}

/* Rank rows of the pool, until many in a row are none of the nearest. */
static int rank(struct vex_search_ctx *ctx, struct vex_hnsw *ix, const struct vex_walk *w,
		const struct known *known, u32 q)
{
	u32 patience = vex_graph_patience(&ix->graph, ctx->s->k, w->ef);
	u32 i, n = 0;
	int done;

	for (i = 0; i < w->size && n < patience; i++) {
		u64 id = vex_near_pos(w->pool[i]);

		if (!is_known(known, &ctx->coll, id))
			continue;
		done = offer_one(ctx, q, id);
		if (done < 0)
			return done;
		n = done == 2 ? 0 : n + done;
	}
	return 0;
}

/* Deleted rows that links still lead to take places in the pool. */
static u32 breadth(const struct vex_search_ctx *ctx, const struct vex_hnsw *ix)
{
	const struct vex_coll *c = &ctx->coll;
	u64 ef = max(ctx->s->ef ? ctx->s->ef : EF_DEFAULT, ctx->s->k);
	u64 dead = c->rows - c->live;

	dead -= min_t(u64, dead, ix->mended);
	/* Whatever an image says of its rows, there is a breadth. */
	ef = c->rows > U64_MAX / ef ? VEX_GRAPH_EF_MAX :
				      div64_u64(ef * c->rows, max(c->rows - dead, 1ULL));
	ef = min_t(u64, ef, min(VEX_GRAPH_EF_MAX, ix->graph.tab[0].count));
	return max(ef, 1ULL);
}

static int query_graph(struct vex_search_ctx *ctx, struct vex_hnsw *ix, struct vex_hnsw_walk *w,
		       const struct known *known, u32 q)
{
	const u8 *query = (const u8 *)ctx->s->queries + (size_t)q * ctx->coll.row_bytes;
	struct vex_graph *g = &ix->graph;
	u32 ef = breadth(ctx, ix);
	int err;

	if (!g->layers)
		return 0;
	err = vex_walk_room(&w->walk, g, max(ef, 2 * g->m), g->tab[0].count);
	if (!err)
		err = vex_graph_search(g, &w->walk, query, ef);
	ctx->s->visited += w->walk.dists;
	ctx->s->hops += w->walk.hops;
	w->walk.dists = 0;
	w->walk.hops = 0;
	return err ? err : rank(ctx, ix, &w->walk, known, q);
}

/* What one search holds of an index is let go of as soon as it is more than its share, too. */
static void relieve(struct vex_search_ctx *ctx)
{
	if (!vex_hnsw_excess(ctx->fs))
		return;
	vex_read_unlock(&ctx->fs->lock);
	vex_hnsw_settle(ctx->fs);
	vex_read_lock(&ctx->fs->lock);
	ctx->tomb_group = ~0ULL;
}

static noinline_for_stack
int search_graph(struct vex_search_ctx *ctx, struct vex_hnsw *ix, const struct known *known)
{
	struct vex_hnsw_walk *w = vex_hnsw_walk_take(ix);
	int err = w ? 0 : -ENOMEM;
	u32 q, i;

	for (q = 0; q < ctx->s->nq && !err; q++) {
		err = query_graph(ctx, ix, w, known, q);
		for (i = 0; i < known->nr_stale && err >= 0; i++)
			err = offer_one(ctx, q, known->stale[i]);
		err = min(err, 0);
		if (!err)
			err = vex_search_breathe(ctx);
		if (!err)
			relieve(ctx);
	}
	if (w)
		vex_hnsw_walk_give(ix, w);
	return err;
}

static struct known *known_take(const struct vex_hnsw *ix)
{
	struct known *known = vex_alloc(sizeof(*known));

	if (!known)
		return NULL;
	known->rows = ix->graph.tab[0].count;
	known->nr_stale = ix->nr_pending;
	memcpy(known->stale, ix->pending, ix->nr_pending * sizeof(*ix->pending));
	return known;
}

static int hnsw_search(struct vex_search_ctx *ctx)
{
	struct known *known;
	struct vex_hnsw *ix;
	int err;
	u32 q;

	if (ctx->s->filter)
		return vex_flat_search(ctx, 0);
	err = vex_hnsw_get(ctx->fs, ctx->ino, &ctx->coll, &ix);
	if (err)
		return err == -ENOMEM ? vex_flat_search(ctx, 0) : err;
	known = known_take(ix);
	err = known ? search_graph(ctx, ix, known) : -ENOMEM;
	if (!err)
		err = vex_flat_search(ctx, known->rows);
	vex_free(known);
	vex_hnsw_put(ix);
	if (err == -EUCLEAN)
		vex_hnsw_damaged(ctx->fs);
	if (err != -ENOMEM && err != -ESTALE)
		return err;
	/* Comparing all rows needs no more memory than is there, and no index. */
	for (q = 0; q < ctx->s->nq; q++)
		ctx->heaps[q].count = 0;
	return vex_flat_search(ctx, 0);
}

const struct vex_index_ops vex_index_hnsw = {
	.id = VEXFS_INDEX_HNSW,
	.name = "hnsw",
	.search = hnsw_search,
};

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Searching by an HNSW index: candidates of each query from the graph, ranked by their rows; then,
 * for all queries, the rows that the graph does not know in their present form.
 *
 * With a filter a sample of the rows tells about how many match, and graph_find.c by what they
 * cost whether to walk or to compare all of them.
 */
#include "vex_find.h"
#include "vex_hnsw.h"

/*
 * What a filter over metadata costs, in rows compared: to ask it about one row after the other, and
 * about one row that a walk has led to.
 */
#define FILTER_SCAN	2u
#define FILTER_ASK	16u

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
	u32 stale[];
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

/**
 * struct hnsw_find - one query of a batch
 * @find: the query of the graph
 * @ctx: the batch
 * @known: what the graph answers for
 * @q: the query's number
 */
struct hnsw_find {
	struct vex_find find;
	struct vex_search_ctx *ctx;
	const struct known *known;
	u32 q;
};

static void row_dist(struct vex_search_ctx *ctx, u32 q, const u8 *row, u32 *dist)
{
	const struct vex_coll *c = &ctx->coll;

	vex_dist_rows(c->metric, (const u8 *)ctx->s->queries + (size_t)q * c->row_bytes, row, 1,
		      c->dim, dist);
}

/* The distance of a copy of a row: one that straddles segments, or any when there is no memory. */
static int copy_dist(struct vex_search_ctx *ctx, u32 q, u64 id, u32 *dist)
{
	const struct vex_coll *c = &ctx->coll;
	int err = vex_file_read_locked(ctx->fs, ctx->ino, c->rows * c->row_bytes,
				       id * c->row_bytes, ctx->row, c->row_bytes);

	if (!err)
		row_dist(ctx, q, ctx->row, dist);
	return err;
}

/* The distance of a row, where it lies if it can be. */
static int dist_of(struct vex_search_ctx *ctx, u32 q, u64 id, u32 *dist)
{
	u64 pos = id * ctx->coll.row_bytes;
	u32 at = pos & (VEX_SEG_BYTES - 1);
	struct vex_seg *seg;
	int err;

	if (at + ctx->coll.row_bytes > VEX_SEG_BYTES)
		return copy_dist(ctx, q, id, dist);
	err = vex_seg_get_aside(ctx->fs, ctx->ino, pos / VEX_SEG_BYTES, false, &seg);
	if (err == -ENOMEM)
		return copy_dist(ctx, q, id, dist);
	if (err)
		return err;
	row_dist(ctx, q, seg->data + at, dist);
	vex_seg_put(ctx->fs, seg);
	return 0;
}

/* 0: it may not be found; 1: it is none of the nearest so far; 2: it is; or an error. */
static int offer_one(struct vex_search_ctx *ctx, u32 q, u64 id)
{
	u32 dist;
	int err;

	err = vex_row_live(ctx->fs, ctx->ino, &ctx->coll, id);
	if (err > 0)
		err = vex_select_row(ctx, id);
	if (err <= 0)
		return err;
	err = dist_of(ctx, q, id, &dist);
	if (err)
		return err;
	ctx->s->visited++;
	if (!vex_topk_look(&ctx->heaps[q], dist))
		return 1;
	return vex_topk_offer(&ctx->heaps[q], dist, id) ? 2 : 1;
}

static int find_offer(struct vex_find *find, u32 id)
{
	struct hnsw_find *f = container_of(find, struct hnsw_find, find);

	return is_known(f->known, &f->ctx->coll, id) ? offer_one(f->ctx, f->q, id) : 0;
}

/* By the graph and the rows that it knows in an older form, or not at all: then from[] stays 0. */
static int find_one(struct hnsw_find *f)
{
	struct vex_search_ctx *ctx = f->ctx;
	u32 i;
	int err;

	f->find.query = (const u8 *)ctx->s->queries + (size_t)f->q * ctx->coll.row_bytes;
	f->find.heap = &ctx->heaps[f->q];
	err = vex_graph_find(&f->find);
	if (err)
		return min(err, 0);
	ctx->from[f->q] = f->known->rows;
	for (i = 0; i < f->known->nr_stale && err >= 0; i++)
		err = offer_one(ctx, f->q, f->known->stale[i]);
	return min(err, 0);
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

static int aim_take(struct vex_search_ctx *ctx, const struct vex_hnsw *ix, struct vex_aim *aim)
{
	const struct vex_coll *c = &ctx->coll;
	int err = vex_select_pass(ctx, &aim->pass);

	aim->k = ctx->s->k;
	aim->ef = ctx->s->ef;
	aim->rows = c->rows;
	aim->tried = ix->automatic;
	aim->met = c->rows - min_t(u64, c->rows - c->live, ix->mended);
	aim->queries = ctx->s->nq;
	aim->all = ctx->s->ranged;
	aim->filtered = vex_selective(ctx->s);
	if (ctx->s->filter) {
		aim->scan = c->rows * FILTER_SCAN;
		aim->ask = FILTER_ASK;
	}
	vex_aim_take(aim);
	return err;
}

static noinline_for_stack
int search_graph(struct vex_search_ctx *ctx, struct vex_hnsw *ix, const struct known *known)
{
	struct vex_hnsw_walk *w = vex_hnsw_walk_take(ix);
	struct vex_aim aim = { };
	struct hnsw_find f = {
		.find = { .graph = &ix->graph, .aim = &aim, .offer = find_offer },
		.ctx = ctx, .known = known,
	};
	int err = w ? aim_take(ctx, ix, &aim) : -ENOMEM;

	for (f.q = 0; f.q < ctx->s->nq && !err; f.q++) {
		f.find.walk = &w->walk;
		err = find_one(&f);
		if (!err)
			err = vex_search_breathe(ctx);
		if (!err)
			relieve(ctx);
	}
	ctx->s->visited += f.find.dists;
	ctx->s->hops += f.find.hops;
	if (w)
		vex_hnsw_walk_give(ix, w);
	return err;
}

static struct known *known_take(const struct vex_hnsw *ix)
{
	size_t stale = ix->nr_pending * sizeof(*ix->pending);
	struct known *known = vex_alloc(sizeof(*known) + stale);

	if (!known)
		return NULL;
	known->rows = ix->graph.tab[0].count;
	known->nr_stale = ix->nr_pending;
	memcpy(known->stale, ix->pending, stale);
	return known;
}

/* Comparing all rows needs no more memory than is there, and no index. */
static int search_without(struct vex_search_ctx *ctx)
{
	u32 q;

	for (q = 0; q < ctx->s->nq; q++) {
		vex_topk_reset(&ctx->heaps[q]);
		ctx->from[q] = 0;
	}
	return vex_flat_search(ctx);
}

static int hnsw_search(struct vex_search_ctx *ctx)
{
	struct known *known;
	struct vex_hnsw *ix;
	int err;

	err = vex_hnsw_get(ctx->fs, ctx->ino, &ctx->coll, &ix);
	if (err)
		return err == -ENOMEM ? vex_flat_search(ctx) : err;
	known = known_take(ix);
	err = known ? search_graph(ctx, ix, known) : -ENOMEM;
	if (!err)
		err = vex_flat_search(ctx);
	vex_free(known);
	vex_hnsw_put(ix);
	if (err == -EUCLEAN)
		vex_hnsw_damaged(ctx->fs);
	return err == -ENOMEM || err == -ESTALE ? search_without(ctx) : err;
}

const struct vex_index_ops vex_index_hnsw = {
	.id = VEXFS_INDEX_HNSW,
	.name = "hnsw",
	.search = hnsw_search,
};

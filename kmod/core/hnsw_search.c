// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Searching by an HNSW or LSH index or codes: candidates of each query from the index, ranked by
 * their rows; then, for all queries, the rows that the index does not know in their present form.
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
 * struct hnsw_find - a batch of queries, one of them at a time
 * @find: the query of the graph
 * @aim: what all of them want of it
 * @ctx: the batch
 * @q: the query's number
 * @rows: rows before this one the index answers for, but
 * @nr_stale: as many, which were updated:
 * @stale: these
 *
 * The last three are as they were when the search began: rows that come into the index meanwhile
 * are compared one by one all the same, so none is found twice.
 */
struct hnsw_find {
	struct vex_find find;
	struct vex_aim aim;
	struct vex_search_ctx *ctx;
	u32 q;
	u64 rows;
	u32 nr_stale;
	u32 stale[];
};

static bool is_known(const struct hnsw_find *f, u64 id)
{
	u32 i;

	if (id >= f->rows || id >= f->ctx->coll.rows)
		return false;
	for (i = 0; i < f->nr_stale; i++)
		if (f->stale[i] == id)
			return false;
	return true;
}

static void row_dist(struct vex_search_ctx *ctx, u32 q, const u8 *row, u32 *dist)
{
	const struct vex_coll *c = &ctx->coll;

	vex_dist_rows(&ctx->measure, (const u8 *)ctx->s->queries + (size_t)q * c->row_bytes, row, 1,
		      dist);
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

	err = vex_search_live(ctx, id);
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

	return is_known(f, id) ? offer_one(f->ctx, f->q, id) : 0;
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
	ctx->from[f->q] = f->rows;
	for (i = 0; i < f->nr_stale && err >= 0; i++)
		err = offer_one(ctx, f->q, f->stale[i]);
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
	vex_search_forget(ctx);
}

static int aim_take(struct hnsw_find *f, const struct vex_hnsw *ix)
{
	struct vex_search_ctx *ctx = f->ctx;
	const struct vex_coll *c = &ctx->coll;
	struct vex_aim *aim = &f->aim;
	int err = vex_select_pass(ctx, &aim->pass);

	aim->k = ctx->s->k;
	aim->ef = ctx->s->ef;
	aim->rows = c->rows;
	aim->tried = ix->automatic;
	aim->met = c->rows - min_t(u64, c->rows - c->live, ix->mended);
	aim->queries = ctx->s->nq;
	aim->all = ctx->s->ranged;
	aim->whole = vex_codes_cost(&ix->graph);
	aim->filtered = vex_selective(ctx->s);
	if (ctx->s->filter) {
		aim->scan = c->rows * FILTER_SCAN;
		aim->ask = FILTER_ASK;
	}
	vex_aim_take(aim);
	return err;
}

static noinline_for_stack int search_graph(struct hnsw_find *f, struct vex_hnsw *ix)
{
	struct vex_hnsw_walk *w = vex_hnsw_walk_take(ix);
	struct vex_search_ctx *ctx = f->ctx;
	int err = w ? aim_take(f, ix) : -ENOMEM;

	for (; f->q < ctx->s->nq && !err; f->q++) {
		f->find.walk = &w->walk;
		w->walk.probes = ctx->s->probes;
		err = find_one(f);
		if (!err)
			err = vex_search_breathe(ctx);
		if (!err)
			relieve(ctx);
	}
	ctx->s->visited += f->find.dists;
	ctx->s->hops += f->find.hops;
	if (w)
		vex_hnsw_walk_give(ix, w);
	return err;
}

/* Not on the stack, which goes deep from here. */
static struct hnsw_find *find_new(struct vex_search_ctx *ctx, struct vex_hnsw *ix)
{
	size_t stale = ix->nr_pending * sizeof(*ix->pending);
	struct hnsw_find *f = vex_zalloc(sizeof(*f) + stale);

	if (!f)
		return NULL;
	f->find.graph = &ix->graph;
	f->find.aim = &f->aim;
	f->find.offer = find_offer;
	f->ctx = ctx;
	f->rows = ix->graph.tab[0].count;
	f->nr_stale = ix->nr_pending;
	memcpy(f->stale, ix->pending, stale);
	return f;
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

static int index_search(struct vex_search_ctx *ctx)
{
	struct hnsw_find *f;
	struct vex_hnsw *ix;
	int err;

	err = vex_hnsw_get(ctx->fs, ctx->ino, &ctx->coll, &ix);
	if (err)
		return err == -ENOMEM ? vex_flat_search(ctx) : err;
	f = find_new(ctx, ix);
	err = f ? search_graph(f, ix) : -ENOMEM;
	if (!err)
		err = vex_flat_search(ctx);
	vex_free(f);
	vex_hnsw_put(ix);
	if (err == -EUCLEAN)
		vex_hnsw_damaged(ctx->fs);
	return err == -ENOMEM || err == -ESTALE ? search_without(ctx) : err;
}

const struct vex_index_ops vex_index_hnsw = {
	.id = VEXFS_INDEX_HNSW,
	.name = "hnsw",
	.feature = VEXFS_FEATURE_HNSW,
	.search = index_search,
};

const struct vex_index_ops vex_index_codes = {
	.id = VEXFS_INDEX_CODES,
	.name = "codes",
	.feature = VEXFS_FEATURE_CODES,
	.search = index_search,
};

const struct vex_index_ops vex_index_lsh = {
	.id = VEXFS_INDEX_LSH,
	.name = "lsh",
	.feature = VEXFS_FEATURE_LSH,
	.search = index_search,
};

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Searching a collection: checks, memory, the pass of the index, the results.
 *
 * The rows that exist when a search begins are searched. The lock is let go
 * between pieces, so a row that is deleted meanwhile may or may not be found.
 */
#include "vex_hnsw.h"
#include "vex_meta.h"

static const struct vex_index_ops *const index_kinds[] = {
	&vex_index_flat,
	&vex_index_hnsw,
	&vex_index_lsh,
	&vex_index_codes,
};

const struct vex_index_ops *vex_index_ops(u32 id)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(index_kinds); i++)
		if (index_kinds[i]->id == id)
			return index_kinds[i];
	return NULL;
}

void vex_search_forget(struct vex_search_ctx *ctx)
{
	u32 i;

	for (i = 0; i < ctx->nr_tombs; i++)
		ctx->tombs[i].group = ~0ULL;
}

int vex_search_breathe(struct vex_search_ctx *ctx)
{
	vex_read_unlock(&ctx->fs->lock);
	vex_resched();
	vex_read_lock(&ctx->fs->lock);
	vex_search_forget(ctx);
	return vex_interrupted() ? -EINTR : 0;
}

/* Where the bitmap of a group of rows is kept. */
static struct vex_tomb *tomb_slot(struct vex_search_ctx *ctx, u64 group)
{
	return &ctx->tombs[group & (ctx->nr_tombs - 1)];
}

/* The bitmap of a group of rows. */
static int tomb_of(struct vex_search_ctx *ctx, u64 group, const struct vex_tomb **out)
{
	struct vex_tomb *t = tomb_slot(ctx, group);
	int err;

	*out = t;
	if (t->group == group)
		return 0;
	t->group = ~0ULL;
	err = vex_tomb_load(ctx->fs, ctx->ino, group, t->bits);
	if (err < 0)
		return err;
	t->any = err;
	t->group = group;
	return 0;
}

int vex_search_live(struct vex_search_ctx *ctx, u64 id)
{
	const struct vex_tomb *t;
	int err;

	if (id >= ctx->coll.rows)
		return 0;
	err = tomb_of(ctx, id / VEXFS_TOMB_ROWS, &t);
	if (err)
		return err;
	return !t->any || !vex_bit_test(t->bits, id % VEXFS_TOMB_ROWS);
}

/* Bytes of rows compared between two breaths: some 100 us of work. */
#define VEX_BREATHE_BYTES	(1u << 20)

/* Offer the distances of rows [@first, @first + @n) of one tomb group to one query's heap. */
static u32 offer_live(struct vex_search_ctx *ctx, struct vex_topk *heap, u64 first, u32 n)
{
	const struct vex_tomb *t = tomb_slot(ctx, first / VEXFS_TOMB_ROWS);
	u32 at = first % VEXFS_TOMB_ROWS;
	u32 live = 0;
	u32 i;

	for (i = 0; i < n; i++) {
		if (t->any && vex_bit_test(t->bits, at + i))
			continue;
		live++;
		if (vex_topk_look(heap, ctx->dist[i]))
			vex_topk_offer(heap, ctx->dist[i], first + i);
	}
	return live;
}

static bool matches(const struct vex_search_ctx *ctx, u32 i)
{
	return vex_bit_test(ctx->match, i);
}

/*
 * One query against rows [@first, @first + @n), of which only runs that match are compared. @near:
 * another one has just been.
 */
static void query_piece(struct vex_search_ctx *ctx, u32 q, u64 first, const u8 *rows, u32 n,
			bool near)
{
	vex_dist_kernel kernel = near ? ctx->measure.near : ctx->measure.kernel;
	u32 row_bytes = ctx->coll.row_bytes;
	const u8 *query = (const u8 *)ctx->s->queries + (size_t)q * row_bytes;
	u32 from = ctx->from[q] > first ? min_t(u64, ctx->from[q] - first, n) : 0;
	u32 to;

	for (; from < n; from = to) {
		to = n;
		if (vex_selective(ctx->s)) {
			while (from < n && !matches(ctx, from))
				from++;
			for (to = from; to < n && matches(ctx, to);)
				to++;
		}
		if (from == to)
			break;
		vex_dist_by(&ctx->measure, kernel, query, rows + (size_t)from * row_bytes,
			    to - from, ctx->dist);
		ctx->s->visited += offer_live(ctx, &ctx->heaps[q], first + from, to - from);
	}
}

int vex_search_offer(struct vex_search_ctx *ctx, u64 first, u8 *const *base, size_t at, u32 n)
{
	const struct vex_tomb *t;
	u32 q, work = 0;
	bool near = false;
	int err;

	err = tomb_of(ctx, first / VEXFS_TOMB_ROWS, &t);
	for (q = 0; q < ctx->s->nq && !err; q++) {
		query_piece(ctx, q, first, *base + at, n, near);
		near |= ctx->from[q] <= first;
		work += n * ctx->coll.row_bytes;
		if (work < VEX_BREATHE_BYTES)
			continue;
		work = 0;
		err = vex_search_breathe(ctx);
		if (!err)
			err = tomb_of(ctx, first / VEXFS_TOMB_ROWS, &t);
		/* Row and metadata may have changed together. */
		if (!err)
			err = vex_select_piece(ctx, first, n);
	}
	return err;
}

/* A part of one allocation, with the alignment of all of its parts. */
static void *carve(u8 **at, size_t bytes)
{
	void *part = *at;

	*at += round_up(bytes, sizeof(u64));
	return part;
}

/* How many bitmaps of deleted rows a search keeps, a power of 2: of a small collection all. */
static u32 tombs_kept(const struct vex_coll *coll)
{
	u64 groups = coll->rows / VEXFS_TOMB_ROWS + 1;
	u32 n = 1;

	while (n < min_t(u64, groups, VEX_TOMBS_KEPT))
		n *= 2;
	return n;
}

/* Every byte that the search will need, in one piece. Freed by vex_free(). */
static struct vex_search_ctx *ctx_alloc(const struct vex_search *s, const struct vex_coll *coll)
{
	size_t heaps = s->nq * sizeof(struct vex_topk);
	size_t cands = (size_t)s->nq * s->k * sizeof(struct vex_cand);
	size_t dist = VEX_BATCH_ROWS * sizeof(u32);
	u32 tombs = tombs_kept(coll);
	size_t from = s->nq * sizeof(u64);
	struct vex_search_ctx *ctx;
	u8 *at;
	u32 q;

	at = vex_alloc(round_up(sizeof(*ctx), sizeof(u64)) + round_up(heaps, sizeof(u64)) + cands +
		       dist + round_up(coll->row_bytes, sizeof(u64)) +
		       tombs * sizeof(struct vex_tomb) + VEX_BATCH_ROWS / 8 + from);
	if (!at)
		return NULL;
	ctx = carve(&at, sizeof(*ctx));
	memset(ctx, 0, sizeof(*ctx));
	ctx->coll = *coll;
	ctx->nr_tombs = tombs;
	ctx->measure = vex_measure_of(coll->elem, coll->metric, coll->dim);
	ctx->heaps = carve(&at, heaps);
	ctx->cands = carve(&at, cands);
	ctx->dist = carve(&at, dist);
	ctx->tombs = carve(&at, tombs * sizeof(*ctx->tombs));
	vex_search_forget(ctx);
	ctx->match = carve(&at, VEX_BATCH_ROWS / 8);
	ctx->row = carve(&at, coll->row_bytes);
	ctx->from = carve(&at, from);
	memset(ctx->from, 0, from);
	for (q = 0; q < s->nq; q++) {
		vex_topk_init(&ctx->heaps[q], ctx->cands + (size_t)q * s->k, s->k);
		if (s->ranged)
			vex_topk_limit(&ctx->heaps[q], s->radius);
	}
	return ctx;
}

static int search_check(struct vex_search *s, const struct vex_coll *coll)
{
	u32 most = s->ranged ? VEXFS_MAX_RANGE : VEXFS_MAX_K;
	u64 bad;

	if (s->dim != coll->dim || !s->nq || s->nq > VEXFS_MAX_QUERIES || !s->k || s->k > most ||
	    s->ef > VEXFS_MAX_EF || s->probes > VEXFS_MAX_PROBES)
		return -EINVAL;
	if ((u64)s->nq * s->k > VEXFS_MAX_RESULTS || (u64)s->nq * coll->row_bytes > VEXFS_MAX_BATCH)
		return -E2BIG;
	bad = vex_rows_find_bad(coll->elem, s->queries, s->nq, s->dim);
	if (bad < s->nq) {
		s->bad_query = bad;
		return -EDOM;
	}
	if (s->ranged && vex_f32_find_nonfinite(&s->radius, 1) < 1) {
		s->bad_query = s->nq;
		return -EDOM;
	}
	return s->filter ? vex_filter_check(s->filter) : 0;
}

/* Checks and memory, whose frame is gone when the search goes deep. */
static noinline_for_stack
int ctx_make(struct vex_fs *fs, u64 ino, struct vex_search *s, struct vex_search_ctx **out)
{
	struct vex_coll coll;
	int err;

	err = vex_component_need(fs, VEXFS_COMPONENT_SEARCH | VEXFS_COMPONENT_STORAGE |
				     (s->filter ? VEXFS_COMPONENT_METADATA : 0));
	if (!err)
		err = vex_coll_stat(fs, ino, &coll);
	if (!err)
		err = search_check(s, &coll);
	if (err)
		return err;
	*out = ctx_alloc(s, &coll);
	if (!*out)
		return -ENOMEM;
	(*out)->fs = fs;
	(*out)->ino = ino;
	(*out)->s = s;
	if (s->filter)
		(*out)->match_none = vex_filter_none(s->filter);
	return 0;
}

/**
 * vex_coll_search() - the k nearest rows of each query
 * @fs: filesystem
 * @ino: collection
 * @s: request and results; see struct vex_search
 *
 * Distances are computed in bounded FPU sections; no memory is got once the pass
 * has begun.
 *
 * Return: 0; -EOPNOTSUPP switched off; -ENODATA not a collection; -EINVAL, -E2BIG, -EDOM,
 * -EBADMSG as VEXFS_IOC_SEARCH; -EINTR the task was killed; -ENOMEM; -EUCLEAN or the device's
 * error.
 */
int vex_coll_search(struct vex_fs *fs, u64 ino, struct vex_search *s)
{
	struct vex_search_ctx *ctx;
	int err;
	u32 q;

	s->visited = 0;
	s->hops = 0;
	s->met = 0;
	s->bad_query = 0;
	err = ctx_make(fs, ino, s, &ctx);
	if (err)
		return err;
	vex_read_lock(&fs->lock);
	err = vex_index_ops(ctx->coll.index)->search(ctx);
	vex_read_unlock(&fs->lock);
	vex_hnsw_settle(fs);

	for (q = 0; q < s->nq && !err; q++) {
		s->met += ctx->heaps[q].met;
		vex_topk_drain(&ctx->heaps[q], s->ids + (size_t)q * s->k,
			       s->distances + (size_t)q * s->k);
	}
	vex_free(ctx);
	return err;
}

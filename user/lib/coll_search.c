// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Searching a collection in memory: candidates from the graph by their codes, ranked by their
 * rows; and every row that the graph does not have yet.
 */
#include "coll_mem.h"

#define LINE	64u
/* Below one matching row in so many, all of them are compared instead of a walk. */
#define FILTER_FLAT	20u

/**
 * struct coll_query - one query in progress
 * @c: collection, held for reading
 * @w: memory
 * @heap: nearest rows so far
 * @query: what is looked for
 * @q: options, or NULL
 * @compared: rows
 */
struct coll_query {
	struct vexfs_coll *c;
	struct coll_walk *w;
	struct vex_topk heap;
	const float *query;
	const struct vexfs_coll_query *q;
	u64 compared;
};

static bool wanted(const struct coll_query *s, u32 id)
{
	const struct vexfs_coll_query *q = s->q;

	if (s->c->dead[id / 64] >> id % 64 & 1)
		return false;
	return !q || !q->filter || (id / 64 < q->filter_words && q->filter[id / 64] >> id % 64 & 1);
}

/* True: it is one of the nearest so far. */
static bool offer(struct coll_query *s, u32 id)
{
	const u8 *row = vex_tab_at(&s->c->rows, id);
	u32 dist;

	vex_fpu_begin();
	vex_dist_ops()->f32[s->c->options.metric](s->query, row, 1, s->c->options.dim, &dist);
	vex_fpu_end();
	s->compared++;
	return vex_topk_offer(&s->heap, dist, id);
}

/* Rows [@from, @to), in runs that lie in one piece. */
static void offer_all(struct coll_query *s, u32 from, u32 to)
{
	struct vex_tab *t = &s->c->rows;
	u32 piece = max(VEX_DIST_PIECE / t->bytes, 1u);
	u32 *dist = s->w->dist;
	u32 i, n, row;

	for (row = from; row < to; row += n) {
		n = min(to - row, t->per - row % t->per);
		n = min(min(n, piece), VEX_BATCH_ROWS);
		vex_fpu_begin();
		vex_dist_ops()->f32[s->c->options.metric](s->query, vex_tab_at(t, row), n,
							  s->c->options.dim, dist);
		vex_fpu_end();
		for (i = 0; i < n; i++)
			if (vex_topk_wants(&s->heap, dist[i]) && wanted(s, row + i))
				vex_topk_offer(&s->heap, dist[i], row + i);
		s->compared += n;
	}
}

static void offer_wanted(struct coll_query *s)
{
	u32 i;

	for (i = 0; i < s->c->rows.count; i++)
		if (wanted(s, i))
			offer(s, i);
}

static void prefetch_row(const struct coll_query *s, u32 id)
{
	const struct vex_tab *t = &s->c->rows;
	const u8 *row = vex_tab_at(t, id);
	u32 at;

	for (at = 0; at < min(t->bytes, 8 * LINE); at += LINE)
		__builtin_prefetch(row + at);
}

/* Rank what the walk has found, until @patience wanted rows in a row are none of the nearest. */
static void rank(struct coll_query *s, u32 patience)
{
	const struct vex_walk *w = &s->w->walk;
	u32 i, n;

	for (i = 0; i < min(w->size, 3u); i++)
		prefetch_row(s, vex_near_pos(w->pool[i]));
	for (i = 0, n = 0; i < w->size && n < patience; i++) {
		u32 id = vex_near_pos(w->pool[i]);

		if (i + 3 < w->size)
			prefetch_row(s, vex_near_pos(w->pool[i + 3]));
		if (!wanted(s, id))
			continue;
		n = offer(s, id) ? 0 : n + 1;
	}
}

/* Rows that the filter lets through, of those in the graph. */
static u64 filter_count(const struct coll_query *s)
{
	u64 words = min_t(u64, s->q->filter_words, DIV_ROUND_UP(s->c->rows.count, 64));
	u64 i, n = 0;

	for (i = 0; i < words; i++)
		n += hweight64(s->q->filter[i] & ~s->c->dead[i]);
	return n;
}

static u32 breadth(const struct coll_query *s, u32 k)
{
	u32 ef = s->q && s->q->ef ? s->q->ef : 100;

	return min(max(ef, k), VEX_GRAPH_EF_MAX);
}

static int search_graph(struct coll_query *s)
{
	struct vexfs_coll *c = s->c;
	struct vex_graph *g = &c->graph;
	u32 k = s->heap.k;
	u64 ef = breadth(s, k);
	int err;

	if (s->q && s->q->filter) {
		u64 pass = filter_count(s);

		if (pass * FILTER_FLAT < c->rows.count) {
			offer_wanted(s);
			return 0;
		}
		ef = ef * c->rows.count / pass;
	} else if (c->live + c->mended < c->rows.count) {
		/* Deleted rows that links still lead to take places in the pool. */
		ef = ef * c->rows.count / max(c->live + c->mended, 1u);
	}
	ef = min_t(u64, ef, min(VEX_GRAPH_EF_MAX, c->rows.count));
	err = vex_walk_room(&s->w->walk, g, max_t(u32, ef, 2 * g->m), g->tab[0].count);
	/* Insertions count on the same walks. */
	s->w->walk.dists = 0;
	if (!err)
		err = vex_graph_search(g, &s->w->walk, s->query, ef);
	if (err)
		return err;
	s->compared += s->w->walk.dists;
	rank(s, vex_graph_patience(g, k, ef));
	/* A filter may keep a walk from all that match. */
	if (s->heap.count < k && s->heap.count < c->live) {
		s->heap.count = 0;
		offer_wanted(s);
		return 0;
	}
	offer_all(s, g->tab[0].count, c->rows.count);
	return 0;
}

static int heap_room(struct coll_walk *w, u32 k)
{
	if (!w->dist)
		w->dist = vex_alloc(VEX_BATCH_ROWS * sizeof(*w->dist));
	if (k > w->heap_room) {
		vex_free(w->heap);
		w->heap_room = 0;
		w->heap = vex_alloc(k * sizeof(*w->heap));
		if (w->heap)
			w->heap_room = k;
	}
	return w->dist && w->heap_room ? 0 : -ENOMEM;
}

static int search_one(struct coll_query *s, u32 k, uint64_t *ids, float *distances)
{
	int err = 0;

	vex_topk_init(&s->heap, s->w->heap, k);
	vex_read_lock(&s->c->lock);
	if (s->c->graph.layers)
		err = search_graph(s);
	else
		offer_all(s, 0, s->c->rows.count);
	vex_read_unlock(&s->c->lock);
	if (!err)
		vex_topk_drain(&s->heap, (u64 *)ids, (u32 *)distances);
	return err;
}

int vexfs_coll_search(struct vexfs_coll *c, const float *queries, uint64_t nq, uint32_t k,
		      struct vexfs_coll_query *q, uint64_t *ids, float *distances)
{
	struct coll_query s = { .c = c, .q = q };
	u64 i;
	int err;

	if (!k || k > VEX_GRAPH_EF_MAX || (q && q->size != sizeof(*q)))
		return -EINVAL;
	if (vex_f32_find_nonfinite(queries, nq * c->options.dim) < nq * c->options.dim)
		return -EDOM;
	if (c->image)
		return coll_image_search(c, queries, nq, k, q, ids, distances);
	s.w = coll_walk_take(c);
	if (!s.w)
		return -ENOMEM;
	err = heap_room(s.w, k);
	for (i = 0; i < nq && !err; i++) {
		s.query = queries + i * c->options.dim;
		err = search_one(&s, k, ids + i * k, distances + i * k);
	}
	coll_walk_give(c, s.w);
	if (q)
		q->compared = s.compared;
	return err;
}

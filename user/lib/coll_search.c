// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Searching a collection in memory: candidates from the index by their codes, ranked by their
 * rows; and every row that the index does not have yet.
 *
 * Rows that are compared one by one are compared with many queries together: a piece of them stays
 * in the processor's cache until the last query has seen it.
 */
#include "coll_mem.h"
#include "vex_find.h"

/* Of a row that is going to be ranked: the processor itself begins to read ahead late. */
#define ROW_AHEAD	4096u
/* The size of the first published query. */
#define QUERY_FIRST	32u
/* Queries that share a pass over the rows, and results that they have room for. */
#define GROUP_MAX	64u
#define GROUP_RESULTS	(64u << 10)
/* Of rows of which one in so many may be found all are compared: faster than to skip some. */
#define DENSE		6u

/**
 * struct coll_batch - queries in progress
 * @find: the one that the graph is asked; its heap is one of @w->heaps
 * @c: collection
 * @w: memory
 * @q: options
 * @queries: packed
 * @measure: how they are compared with rows
 * @aim: what they want of the graph
 * @compared: rows
 */
struct coll_batch {
	struct vex_find find;
	struct vexfs_coll *c;
	struct coll_walk *w;
	const struct vexfs_coll_query *q;
	const u8 *queries;
	struct vex_measure measure;
	struct vex_aim aim;
	u64 compared;
};

static const u8 *query_at(const struct coll_batch *b, u32 i)
{
	return b->queries + (size_t)i * b->c->row_bytes;
}

static bool selective(const struct coll_batch *b)
{
	return b->q->filter;
}

/* Rows 64 * @word and the 63 behind it that may be found. */
static u64 wanted_word(const struct coll_batch *b, u32 word)
{
	u64 live = ~b->c->dead[word];

	if (!selective(b))
		return live;
	return word < b->q->filter_words ? live & b->q->filter[word] : 0;
}

static bool wanted(const struct coll_batch *b, u32 id)
{
	return wanted_word(b, id / 64) >> id % 64 & 1;
}

/* ---- one by one ------------------------------------------------------------------------ */

/*
 * Compare @rows, [@row, @row + @n), with query @i. @all: all of them may be found; @near: they are
 * in the cache, for they have just been widened, or compared with another query.
 */
static void offer_run(struct coll_batch *b, u32 i, const void *rows, u32 row, u32 n, bool all,
		      bool near)
{
	const struct vex_measure *m = &b->measure;
	struct vex_topk *heap = &b->w->heaps[i];
	u32 *dist = b->w->dist, at;

	vex_dist_by(m, near ? m->near : m->kernel, query_at(b, i), rows, n, dist);
	for (at = 0; at < n; at++) {
		/* Only a range counts those that it does not want. */
		if (!vex_topk_wants(heap, dist[at]) && !b->aim.all)
			continue;
		if ((all || wanted(b, row + at)) && vex_topk_look(heap, dist[at]))
			vex_topk_offer(heap, dist[at], row + at);
	}
	b->compared += n;
}

/* How many of rows [@row, @to) in a row may, or may not, be found. */
static u32 run_length(const struct coll_batch *b, u32 row, u32 to, bool may)
{
	u32 at = row;
	u64 other;

	while (at < to) {
		other = wanted_word(b, at / 64) ^ (may ? ~0ULL : 0);
		other >>= at % 64;
		if (other)
			return min(at + (u32)__builtin_ctzll(other), to) - row;
		at += 64 - at % 64;
	}
	return to - row;
}

/* Rows [@row, @to) that may be found, the ends rounded to words. */
static u32 wanted_about(const struct coll_batch *b, u32 row, u32 to)
{
	u32 word, n = 0;

	for (word = row / 64; word < DIV_ROUND_UP(to, 64); word++)
		n += hweight64(wanted_word(b, word));
	return n;
}

/* Compare those of rows [@row, @to) that may be found with all queries. */
static void offer_piece(struct coll_batch *b, u32 row, u32 to)
{
	bool dense = wanted_about(b, row, to) > (to - row) / DENSE;
	const void *rows;
	bool all, near;
	u32 i, n;

	for (; row < to; row += n) {
		row += run_length(b, row, to, false);
		n = run_length(b, row, to, true);
		all = row + n == to || !dense;
		if (!all)
			n = to - row;
		if (!n)
			continue;
		rows = coll_rows_get(b->c, row, n, b->w->row);
		near = b->c->narrow;
		for (i = 0; i < b->aim.queries; i++) {
			if (row < b->w->from[i])
				continue;
			offer_run(b, i, rows, row, n, all, near);
			near = true;
		}
	}
}

/*
 * As many as kernels take together, or a multiple. They may change their width whenever @lock is
 * free.
 */
static u32 rows_at_once(const struct vexfs_coll *c)
{
	u32 n = (c->narrow ? COLL_WIDE : VEX_DIST_PIECE) / c->row_bytes;

	return clamp(n < 4 ? n : round_down(n, 4u), 1u, VEX_BATCH_ROWS);
}

/* All rows from from[] on. Every piece of memory is held by itself, so that writers get a turn. */
static void offer_rest(struct coll_batch *b)
{
	struct vex_tab *t = &b->c->rows;
	u32 i, to, rows, row = b->w->from[0];

	for (i = 1; i < b->aim.queries; i++)
		row = min(row, b->w->from[i]);
	vex_read_lock(&b->c->lock);
	rows = t->count;
	for (; row < rows; row = to) {
		to = min(rows, row + min(rows_at_once(b->c), t->per - row % t->per));
		/* A row that one query wants from is the first of a piece. */
		for (i = 0; i < b->aim.queries; i++)
			if (b->w->from[i] > row)
				to = min(to, b->w->from[i]);
		offer_piece(b, row, to);
		if (to % t->per == 0) {
			vex_read_unlock(&b->c->lock);
			vex_read_lock(&b->c->lock);
		}
	}
	vex_read_unlock(&b->c->lock);
}

/* ---- by the graph ---------------------------------------------------------------------- */

static int find_offer(struct vex_find *f, u32 id)
{
	struct coll_batch *b = container_of(f, struct coll_batch, find);
	u32 dist;

	if (!wanted(b, id))
		return 0;
	vex_dist_rows(&b->measure, f->query, coll_rows_get(b->c, id, 1, b->w->row), 1, &dist);
	b->compared++;
	return vex_topk_look(f->heap, dist) && vex_topk_offer(f->heap, dist, id) ? 2 : 1;
}

static void find_soon(struct vex_find *f, u32 id)
{
	struct coll_batch *b = container_of(f, struct coll_batch, find);
	const struct vex_tab *t = &b->c->rows;

	vex_prefetch(vex_tab_at(t, id), min(t->bytes, ROW_AHEAD));
}

/* Rows that may be found. */
static u64 wanted_count(const struct coll_batch *b)
{
	u32 words = DIV_ROUND_UP(b->c->rows.count, 64), tail = b->c->rows.count % 64, i;
	u64 n = 0;

	if (!selective(b))
		return b->c->live;
	for (i = 0; i < words; i++)
		n += hweight64(wanted_word(b, i));
	return tail ? n - hweight64(wanted_word(b, words - 1) >> tail << tail) : n;
}

static void aim_take(struct coll_batch *b)
{
	const struct vexfs_coll *c = b->c;

	b->aim.rows = c->rows.count;
	b->aim.tried = b->c->code == VEXFS_COLL_AUTO;
	b->aim.met = c->rows.count - min(c->mended, c->rows.count - c->live);
	b->aim.pass = wanted_count(b);
	b->aim.filtered = selective(b);
	b->aim.whole = vex_codes_cost(&c->graph);
	vex_aim_take(&b->aim);
}

/* Query @i; sets from which row on the rest is compared. */
static int find_one(struct coll_batch *b, u32 i)
{
	int err;

	b->find.query = query_at(b, i);
	b->find.heap = &b->w->heaps[i];
	b->w->from[i] = 0;
	vex_read_lock(&b->c->lock);
	if (!b->aim.flat)
		aim_take(b);
	err = b->c->graph.layers ? vex_graph_find(&b->find) : 1;
	if (!err)
		b->w->from[i] = b->c->graph.tab[0].count;
	vex_read_unlock(&b->c->lock);
	return min(err, 0);
}

/* ---- batches --------------------------------------------------------------------------- */

static int walk_room(struct coll_walk *w, u32 queries, u32 k)
{
	size_t room = (size_t)queries * k;

	if (!w->dist)
		w->dist = vex_alloc(VEX_BATCH_ROWS * sizeof(*w->dist));
	if (!w->heaps)
		w->heaps = vex_alloc(GROUP_MAX * sizeof(*w->heaps));
	if (!w->from)
		w->from = vex_alloc(GROUP_MAX * sizeof(*w->from));
	if (room > w->cands_room) {
		vex_free(w->cands);
		w->cands_room = 0;
		w->cands = vex_alloc(room * sizeof(*w->cands));
		if (w->cands)
			w->cands_room = room;
	}
	return w->dist && w->heaps && w->from && w->cands_room ? 0 : -ENOMEM;
}

/* Fill the heaps of b->aim.queries queries. */
static int search_group(struct coll_batch *b)
{
	int err = 0;
	u32 i;

	b->aim.flat = 0;
	for (i = 0; i < b->aim.queries && !err; i++)
		err = find_one(b, i);
	if (!err)
		offer_rest(b);
	return err;
}

static void batch_begin(struct coll_batch *b, struct coll_walk *w)
{
	b->w = w;
	b->measure = vex_measure_of(b->c->options.elem, b->c->options.metric, b->c->options.dim);
	b->find.graph = &b->c->graph;
	b->find.walk = &w->walk;
	b->find.aim = &b->aim;
	b->find.offer = find_offer;
	b->find.soon = find_soon;
	b->aim.ef = b->q->ef;
	w->walk.probes = b->q->probes;
}

static void batch_end(struct coll_batch *b, struct vexfs_coll_query *q)
{
	coll_walk_give(b->c, b->w);
	if (q)
		q->compared = b->compared + b->find.dists;
}

static int search_all(struct coll_batch *b, u64 nq, u32 k, uint64_t *ids, float *distances)
{
	u64 most = min(max(GROUP_RESULTS / k, 1u), GROUP_MAX), done;
	int err = walk_room(b->w, min(nq, most), k);
	u32 i;

	b->aim.k = k;
	for (done = 0; done < nq && !err; done += b->aim.queries) {
		b->aim.queries = min(nq - done, most);
		for (i = 0; i < b->aim.queries; i++)
			vex_topk_init(&b->w->heaps[i], b->w->cands + (size_t)i * k, k);
		err = search_group(b);
		b->queries = query_at(b, b->aim.queries);
		for (i = 0; i < b->aim.queries && !err; i++, ids += k, distances += k)
			vex_topk_drain(&b->w->heaps[i], (u64 *)ids, (u32 *)distances);
	}
	return err;
}

/* @own receives the options, whatever version of them @q is. */
static int query_check(const struct vexfs_coll *c, const void *queries, u64 nq,
		       const struct vexfs_coll_query *q, struct vexfs_coll_query *own)
{
	if (q && (q->size < QUERY_FIRST || q->size > sizeof(*q)))
		return -EINVAL;
	memset(own, 0, sizeof(*own));
	if (q)
		memcpy(own, q, q->size);
	if (own->probes > VEXFS_MAX_PROBES || own->reserved)
		return -EINVAL;
	return vex_rows_find_bad(c->options.elem, queries, nq, c->options.dim) < nq ? -EDOM : 0;
}

static int image_end(int err, const struct vexfs_coll_query *own, struct vexfs_coll_query *q)
{
	if (q)
		q->compared = own->compared;
	return err;
}

int vexfs_coll_search(struct vexfs_coll *c, const void *queries, uint64_t nq, uint32_t k,
		      struct vexfs_coll_query *q, uint64_t *ids, float *distances)
{
	struct vexfs_coll_query own;
	struct coll_batch b = { .c = c, .q = &own, .queries = queries };
	struct coll_walk *w;
	int err;

	if (!k || k > VEX_GRAPH_EF_MAX)
		return -EINVAL;
	err = query_check(c, queries, nq, q, &own);
	if (err)
		return err;
	if (c->image)
		return image_end(coll_image_search(c, queries, nq, k, &own, ids, distances), &own,
				 q);
	w = coll_walk_take(c);
	if (!w)
		return -ENOMEM;
	batch_begin(&b, w);
	err = nq ? search_all(&b, nq, k, ids, distances) : 0;
	batch_end(&b, q);
	return err;
}

int vexfs_coll_range(struct vexfs_coll *c, const void *query, float radius, uint32_t max,
		     struct vexfs_coll_query *q, uint64_t *ids, float *distances, uint64_t *met)
{
	struct vexfs_coll_query own;
	struct coll_batch b = { .c = c, .q = &own, .queries = query };
	struct coll_walk *w;
	u32 bits;
	int err;

	if (!max || max > VEXFS_MAX_RANGE)
		return -EINVAL;
	memcpy(&bits, &radius, sizeof(bits));
	err = query_check(c, query, 1, q, &own);
	if (!err && vex_f32_find_nonfinite(&bits, 1) < 1)
		err = -EDOM;
	if (err)
		return err;
	if (c->image)
		return image_end(coll_image_range(c, query, bits, max, &own, ids, distances, met),
				 &own, q);
	w = coll_walk_take(c);
	if (!w)
		return -ENOMEM;
	batch_begin(&b, w);
	b.aim.k = max;
	b.aim.all = true;
	b.aim.queries = 1;
	err = walk_room(w, 1, max);
	if (!err) {
		vex_topk_init(w->heaps, w->cands, max);
		vex_topk_limit(w->heaps, bits);
		err = search_group(&b);
	}
	if (!err) {
		*met = w->heaps->met;
		vex_topk_drain(w->heaps, (u64 *)ids, (u32 *)distances);
	}
	batch_end(&b, q);
	return err;
}

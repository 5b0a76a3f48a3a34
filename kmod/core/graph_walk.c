// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Walks through a graph: the items of its layers, the pool of the nearest rows so far, and the way
 * from the entry down to the rows nearest to a query. What is going to be read is asked for as soon
 * as its place is known: a walk waits for memory more than for anything else.
 */
#include "vex_lsh.h"

/* Rows looked at between two looks at signals and the scheduler. */
#define BREATH	64u
/* What following a row's links costs besides distances, in bytes of codes. */
#define HOP_BYTES	3072u

/* ---- items ------------------------------------------------------------------------ */

int vex_item_load(struct vex_graph *g, u32 layer, u32 pos, u8 **out)
{
	struct vex_tab *t = &g->tab[layer];
	int err = -EUCLEAN;

	if (pos < t->count && g->ops->load)
		err = g->ops->load(g, layer, vex_tab_chunk(t, pos));
	*out = err ? NULL : vex_tab_at(t, pos);
	return err;
}

/* ---- walking ------------------------------------------------------------------------ */

/*
 * A walk never sleeps but where it takes breath: for an item that is not in memory it breaks off,
 * and goes on where it was when the item has been loaded, from where the stack is less deep. So one
 * FPU section may last over several rows' links, for opening one costs as much as a distance.
 */
static void section_end(struct vex_walk *w)
{
	if (!w->section)
		return;
	w->section = 0;
	vex_fpu_end();
}

/* Go on for @bytes of work. */
static __always_inline void section_enter(struct vex_walk *w, u32 bytes)
{
	if (unlikely(w->section <= bytes)) {
		section_end(w);
		vex_fpu_begin();
		w->section = max(VEX_DIST_PIECE, bytes + 1);
	}
	w->section -= bytes;
}

void vex_seen_reset(struct vex_walk *w)
{
	u32 i;

	if (w->nr_touched > w->touched_room)
		memset(w->seen, 0, w->seen_room * sizeof(*w->seen));
	else
		for (i = 0; i < w->nr_touched; i++)
			w->seen[w->touched[i]] = 0;
	w->nr_touched = 0;
}

void vex_batch_dist(struct vex_graph *g, struct vex_walk *w, const struct vex_form *f)
{
	struct vex_batch *b = &w->batch;

	vex_codec_dists(&g->codec, f, b->code, b->n, b->dist);
	w->dists += b->n;
}

/* Those of a batch that are nearer than the last of a full pool, in order; returns how many. */
static __always_inline u32 batch_sort(struct vex_walk *w)
{
	struct vex_batch *b = &w->batch;
	vex_near_t last = w->size == w->ef ? w->pool[w->size - 1] : ~0ULL;
	u32 i, at, n = 0;

	for (i = 0; i < b->n; i++) {
		vex_near_t near = vex_near(b->dist[i], b->pos[i]);

		if (near >= last)
			continue;
		for (at = n++; at && b->near[at - 1] > near; at--)
			b->near[at] = b->near[at - 1];
		b->near[at] = near;
	}
	return n;
}

/*
 * A row at @at that is as far away as others: of those the pool keeps w->ties, the newest. Returns
 * where the one that leaves for it is, @at when it is the row itself, the pool's size when there
 * are not that many.
 */
static noinline u32 ties_end(const struct vex_walk *w, u32 at, vex_near_t near)
{
	u32 first = at, end = at, dist = vex_near_dist(near);

	while (first && vex_near_dist(w->pool[first - 1]) == dist)
		first--;
	while (end < w->size && vex_near_dist(w->pool[end]) == dist)
		end++;
	if (end - first < w->ties)
		return w->size;
	return end == at ? at : end - 1;
}

static __always_inline bool is_tie(const struct vex_walk *w, u32 at, vex_near_t near)
{
	return (at && vex_near_dist(w->pool[at - 1]) == vex_near_dist(near)) ||
	       (at < w->size && vex_near_dist(w->pool[at]) == vex_near_dist(near));
}

/* How many rows of the pool are nearer. */
static __always_inline u32 pool_place(const struct vex_walk *w, vex_near_t near)
{
	u32 low = 0, n = w->size, step;

	for (; n; n -= step) {
		step = (n + 1) / 2;
		low += w->pool[low + step - 1] < near ? step : 0;
	}
	return low;
}

/* Put a row into the pool; returns its place, w->ef when it is too far away. */
static u32 pool_add_one(struct vex_walk *w, const struct vex_code_ops *ops, vex_near_t near)
{
	vex_near_t *pool = w->pool;
	u32 low, n = w->size, end;

	if (n == w->ef && near >= pool[n - 1])
		return n;
	low = pool_place(w, near);
	if (is_tie(w, low, near)) {
		end = ties_end(w, low, near);
		if (end == low && end < n)
			return w->ef;
		n = end;
	}
	if (n == w->ef)
		n--;
	else if (n == w->size)
		w->size++;
	ops->rise(pool + low, n - low, 1);
	pool[low] = near;
	return low;
}

static noinline u32 pool_add_each(struct vex_walk *w, const struct vex_code_ops *ops, u32 n)
{
	u32 i, first = w->ef;

	for (i = 0; i < n; i++)
		first = min(first, pool_add_one(w, ops, w->batch.near[i]));
	return first;
}

/* The places of a sorted batch, for which distances make room. False: some are as far as others. */
static __always_inline bool batch_places(struct vex_walk *w, u32 n)
{
	struct vex_batch *b = &w->batch;
	u32 i;

	for (i = 0; i < n; i++) {
		b->dist[i] = pool_place(w, b->near[i]);
		if (unlikely(is_tie(w, b->dist[i], b->near[i])))
			return false;
		if (unlikely(i && vex_near_dist(b->near[i]) == vex_near_dist(b->near[i - 1])))
			return false;
	}
	return true;
}

/*
 * Put the @n rows of a sorted batch into the pool; returns the first place that changed, w->ef when
 * none did. What lies behind the rows that enter moves once, not once for each.
 */
static __always_inline u32 pool_add(struct vex_walk *w, const struct vex_code_ops *ops, u32 n)
{
	const struct vex_batch *b = &w->batch;
	u32 end = w->size, low = w->ef;
	vex_near_t *pool = w->pool;

	if (unlikely(!batch_places(w, n)))
		return pool_add_each(w, ops, n);
	/* The farthest of all make room. */
	while (end + n > w->ef)
		if (end && pool[end - 1] > b->near[n - 1])
			end--;
		else
			n--;
	w->size = end + n;
	for (; n; n--, end = low) {
		low = b->dist[n - 1];
		ops->rise(pool + low, end - low, n);
		pool[low + n - 1] = b->near[n - 1];
	}
	return low;
}

/* Distances of a batch to what is looked for; in the walk's section. */
static __always_inline void batch_dist(struct vex_graph *g, struct vex_walk *w)
{
	vex_code_dist kernel = vex_codec_dist(&g->codec);
	u32 bytes = g->codec.bytes, piece = vex_codec_piece(&g->codec), at, n;
	struct vex_batch *b = &w->batch;

	for (at = 0; at < b->n; at += n) {
		n = min(b->n - at, piece);
		section_enter(w, n * bytes + HOP_BYTES);
		kernel(&w->query, b->code + at, n, bytes, b->dist + at);
	}
	w->dists += b->n;
}

static __always_inline void prefetch_item(const struct vex_tab *t, u32 pos, u32 bytes)
{
	const u8 *item = vex_tab_at(t, pos);

	if (item)
		vex_prefetch(item, bytes);
}

/*
 * Compare a batch and put what is near enough into the pool, in the walk's FPU section. With @on,
 * of a walk in the base: the links of the nearest row are most likely the next to be followed, and
 * are asked for meanwhile.
 */
static __always_inline u32 batch_enter(struct vex_graph *g, struct vex_walk *w, bool on)
{
	u32 n;

	batch_dist(g, w);
	n = batch_sort(w);
	if (on && n)
		prefetch_item(&g->tab[0], vex_near_pos(w->batch.near[0]), g->code_at);
	return pool_add(w, vex_code_ops(), n);
}

void vex_batch_offer(struct vex_graph *g, struct vex_walk *w)
{
	if (!w->batch.n)
		return;
	batch_enter(g, w, false);
	section_end(w);
}

/* The item is not in memory. */
static __always_inline int lacking(struct vex_walk *w, u32 layer, u32 pos)
{
	w->lack_layer = layer;
	w->lack = pos;
	return -EAGAIN;
}

static __always_inline int code_here(struct vex_graph *g, struct vex_walk *w, u32 layer, u32 pos,
				     const u8 **out)
{
	const u8 *item;

	if (layer) {
		item = vex_item_here(g, layer, pos);
		if (unlikely(!item))
			return lacking(w, layer, pos);
		pos = le32_to_cpu(((const struct vex_upper *)item)->id);
	}
	item = vex_item_here(g, 0, pos);
	if (unlikely(!item))
		return lacking(w, 0, pos);
	*out = item + g->code_at;
	return 0;
}

/* Begin a batch of the links of an item that were not met before. */
static __always_inline int gather(struct vex_graph *g, struct vex_walk *w, u32 layer, u32 pos)
{
	const u8 *item = vex_item_here(g, layer, pos);
	struct vex_batch *b = &w->batch;
	const __le32 *link;
	u32 i, n, to, met = 0;

	if (unlikely(!item))
		return lacking(w, layer, pos);
	n = vex_links_of(g, layer, item, &link);
	for (i = 0; i < n; i++) {
		to = le32_to_cpu(link[i]);
		if (unlikely(to >= g->tab[layer].count))
			return -EUCLEAN;
		b->pos[met] = to;
		met += !vex_seen(w, to);
	}
	b->n = met;
	w->begun = true;
	w->found = 0;
	return 0;
}

/* Find the codes of a batch, from w->found on. */
static __always_inline int find_codes(struct vex_graph *g, struct vex_walk *w, u32 layer)
{
	struct vex_batch *b = &w->batch;
	u32 i;
	int err;

	for (i = w->found; i < b->n; i++) {
		err = code_here(g, w, layer, b->pos[i], &b->code[i]);
		if (unlikely(err)) {
			w->found = i;
			return err;
		}
		vex_code_prefetch(g, b->code[i]);
	}
	w->begun = false;
	return 0;
}

/* The place of the first row of the pool from @i on whose links were not followed. */
static __always_inline u32 pool_next(const struct vex_walk *w, u32 i)
{
	while (i < w->size && w->pool[i] & VEX_NEAR_DONE)
		i++;
	return i;
}

/* Follow the links of row @i of the pool; returns the first place that changed, or an error. */
static __always_inline int expand(struct vex_graph *g, struct vex_walk *w, u32 layer, u32 i)
{
	struct vex_batch *b = &w->batch;
	int err = 0;
	u32 next;

	w->pool[i] |= VEX_NEAR_DONE;
	next = pool_next(w, i + 1);
	if (!layer && next < w->size)
		prefetch_item(&g->tab[0], vex_near_pos(w->pool[next]), g->code_at);
	if (likely(!w->begun))
		err = gather(g, w, layer, vex_near_pos(w->pool[i]));
	if (!err)
		err = find_codes(g, w, layer);
	if (unlikely(err))
		return err;
	w->hops++;
	if (!b->n)
		return w->ef;
	return batch_enter(g, w, !layer);
}

/* The w->ef rows of a layer nearest to the query, from row w->at of the pool on. */
static __always_inline int walk(struct vex_graph *g, struct vex_walk *w, u32 layer)
{
	u32 i = w->at;
	int first;

	while (i < w->size) {
		first = expand(g, w, layer, i);
		if (unlikely(first < 0)) {
			w->at = i;
			return first;
		}
		i = pool_next(w, min_t(u32, first, i));
		if (unlikely(w->hops % BREATH == 0)) {
			section_end(w);
			if (vex_breathe())
				return -EINTR;
		}
	}
	return 0;
}

static noinline_for_stack int walk_base(struct vex_graph *g, struct vex_walk *w)
{
	return walk(g, w, 0);
}

static noinline_for_stack int walk_upper(struct vex_graph *g, struct vex_walk *w, u32 layer)
{
	return walk(g, w, layer);
}

static int walk_layer(struct vex_graph *g, struct vex_walk *w, u32 layer)
{
	u8 *item;
	int err;

	w->at = 0;
	w->begun = false;
	do {
		err = layer ? walk_upper(g, w, layer) : walk_base(g, w);
		section_end(w);
		if (likely(err != -EAGAIN))
			return err;
		err = vex_item_load(g, w->lack_layer, w->lack, &item);
	} while (!err);
	return err;
}

/* Search a layer for the @ef nearest, from @from on, into the pool. */
int vex_search_layer(struct vex_graph *g, struct vex_walk *w, u32 layer, u32 from, u32 ef)
{
	struct vex_batch *b = &w->batch;
	int err;

	w->ef = ef;
	w->size = 0;
	b->n = 1;
	b->pos[0] = from;
	err = vex_code_get(g, layer, from, &b->code[0]);
	if (err)
		return err;
	vex_seen(w, from);
	batch_enter(g, w, false);
	err = walk_layer(g, w, layer);
	vex_seen_reset(w);
	return err;
}

int vex_item_below(struct vex_graph *g, u32 layer, u32 pos, u32 *out)
{
	u8 *item;
	int err = vex_item_get(g, layer, pos, &item);

	if (!err)
		*out = le32_to_cpu(((struct vex_upper *)item)->below);
	return err;
}

/* From the entry down to layer @to, by the nearest row of each above; *@pos is in @to. */
int vex_descend(struct vex_graph *g, struct vex_walk *w, u32 to, u32 *pos)
{
	u32 layer = g->layers - 1;
	int err = 0;

	*pos = g->entry;
	for (; layer > to && !err; layer--) {
		err = vex_search_layer(g, w, layer, *pos, 1);
		if (!err)
			err = vex_item_below(g, layer, vex_near_pos(w->pool[0]), pos);
	}
	return err;
}

int vex_graph_search(struct vex_graph *g, struct vex_walk *w, const void *row, u32 ef, u32 ties)
{
	u32 pos;
	int err;

	w->size = 0;
	w->ties = ties;
	if (!g->layers)
		return 0;
	row = vex_codec_wide(&g->codec, row, w->wide);
	if (g->lsh.tables)
		return vex_lsh_search(g, w, row, ef);
	if (g->codes)
		return vex_codes_search(g, w, row, ef);
	vex_codec_query(&g->codec, row, w->levels);
	vex_codec_form(&g->codec, w->levels, &w->query);
	err = vex_descend(g, w, 0, &pos);
	return err ? err : vex_search_layer(g, w, 0, pos, ef);
}

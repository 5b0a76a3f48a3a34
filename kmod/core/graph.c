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
 *  - pool and candidates are one sorted array;
 *  - the layer of a row is drawn from a hash of its id, so that it need not be stored;
 *  - the choice of links is not filled up from those that were left out.
 */
#include "vex_graph.h"

#define LINE	64u
/* Rows looked at between two looks at signals and the scheduler. */
#define BREATH	64u

/* ---- sizes -------------------------------------------------------------------- */

static u32 base_links(u32 m)
{
	return 2 * m - 1;
}

u32 vex_graph_rec_bytes(const struct vex_codec *c, u32 m)
{
	return round_up(sizeof(struct vex_rec) + base_links(m) * sizeof(__le32), LINE) + c->bytes;
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
	u32 bytes = vex_graph_rec_bytes(&g->codec, m);
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
}

int vex_tab_room(struct vex_tab *t, u32 count)
{
	u32 room = max(count, t->chunks + t->chunks / 2);
	u8 **chunk;

	if (count <= t->chunks)
		return 0;
	chunk = vex_zalloc(room * sizeof(*chunk));
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

static int form_room(struct vex_form *f, u32 bytes)
{
	if (!f->level)
		f->level = vex_zalloc(bytes);
	return f->level ? 0 : -ENOMEM;
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
	w->touched = vex_alloc(w->touched_room * sizeof(*w->touched));
	if (!w->seen || !w->touched)
		return -ENOMEM;
	w->seen_room = words;
	return 0;
}

int vex_walk_room(struct vex_walk *w, const struct vex_graph *g, u32 ef, u32 count)
{
	int err = form_room(&w->query, g->codec.padded);

	if (!err)
		err = form_room(&w->other, g->codec.padded);
	if (!w->levels)
		w->levels = vex_zalloc(g->codec.padded);
	if (!w->code)
		w->code = vex_zalloc(g->codec.padded);
	if (!err && (!w->levels || !w->code))
		err = -ENOMEM;
	if (!err)
		err = pool_room(w, ef);
	return err ? err : seen_room(w, count);
}

void vex_walk_free(struct vex_walk *w)
{
	vex_free(w->query.level);
	vex_free(w->other.level);
	vex_free(w->levels);
	vex_free(w->code);
	vex_free(w->pool);
	vex_free(w->picked);
	vex_free(w->seen);
	vex_free(w->touched);
}

int vex_plan_room(struct vex_plan *p, const struct vex_graph *g)
{
	u32 room = VEX_GRAPH_LAYERS * (g->m + 1);

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

/* ---- items ------------------------------------------------------------------------ */

static int item_load(struct vex_graph *g, u32 layer, u32 pos, u8 **out)
{
	struct vex_tab *t = &g->tab[layer];
	int err = -EUCLEAN;

	if (pos < t->count && g->ops->load)
		err = g->ops->load(g, layer, vex_tab_chunk(t, pos));
	*out = err ? NULL : vex_tab_at(t, pos);
	return err;
}

/* An item, from memory or the device. EUCLEAN: a stored position leads past the end. */
static __always_inline int item_get(struct vex_graph *g, u32 layer, u32 pos, u8 **out)
{
	struct vex_tab *t = &g->tab[layer];

	if (likely(pos < t->count)) {
		*out = vex_tab_at(t, pos);
		if (likely(*out))
			return 0;
	}
	return item_load(g, layer, pos, out);
}

static __always_inline int code_get(struct vex_graph *g, u32 layer, u32 pos, const u8 **out)
{
	u8 *item;
	int err;

	if (layer) {
		err = item_get(g, layer, pos, &item);
		if (err)
			return err;
		pos = le32_to_cpu(((struct vex_upper *)item)->id);
	}
	err = item_get(g, 0, pos, &item);
	*out = item + g->code_at;
	return err;
}

static u32 layer_links(const struct vex_graph *g, u32 layer)
{
	return layer ? g->m : base_links(g->m);
}

/* The links of an item; a count that no item has is damage, which finds no more than is there. */
static __always_inline u32 links_of(const struct vex_graph *g, u32 layer, const u8 *item,
				    const __le32 **link)
{
	*link = layer ? ((const struct vex_upper *)item)->link :
			((const struct vex_rec *)item)->link;
	return min_t(u32, item[0], layer_links(g, layer));
}

/* ---- walking ------------------------------------------------------------------------ */

static void seen_reset(struct vex_walk *w)
{
	u32 i;

	if (w->nr_touched > w->touched_room)
		memset(w->seen, 0, w->seen_room * sizeof(*w->seen));
	else
		for (i = 0; i < w->nr_touched; i++)
			w->seen[w->touched[i]] = 0;
	w->nr_touched = 0;
}

/* Was it met before? It is from now on. */
static __always_inline bool seen(struct vex_walk *w, u32 pos)
{
	u64 bit = 1ULL << (pos & 63);
	u32 word = pos >> 6;
	u64 old = w->seen[word];

	if (old & bit)
		return true;
	w->seen[word] = old | bit;
	if (!old) {
		if (likely(w->nr_touched < w->touched_room))
			w->touched[w->nr_touched] = word;
		w->nr_touched++;
	}
	return false;
}

static void batch_dist(struct vex_graph *g, struct vex_walk *w, const struct vex_form *f)
{
	vex_code_dist kernel = vex_codec_dist(&g->codec);
	struct vex_batch *b = &w->batch;
	u32 piece = max(VEX_DIST_PIECE / g->codec.bytes, 4u), at, n;

	for (at = 0; at < b->n; at += n) {
		n = min(b->n - at, piece);
		vex_fpu_begin();
		kernel(f, b->code + at, n, g->codec.bytes, b->dist + at);
		vex_fpu_end();
	}
	w->dists += b->n;
}

/* Put a row into the pool; returns its place, w->ef when it is too far away. */
static __always_inline u32 pool_add(struct vex_walk *w, vex_near_t near)
{
	vex_near_t *pool = w->pool;
	u32 low = 0, n = w->size, half;

	if (n == w->ef) {
		if (near >= pool[n - 1])
			return n;
		n--;
	} else {
		w->size++;
	}
	half = n;
	while (half) {
		u32 step = (half + 1) / 2;

		low += pool[low + step - 1] < near ? step : 0;
		half -= step;
	}
	memmove(pool + low + 1, pool + low, (n - low) * sizeof(*pool));
	pool[low] = near;
	return low;
}

static __always_inline void prefetch_item(const struct vex_tab *t, u32 pos, u32 bytes)
{
	const u8 *item = vex_tab_at(t, pos);
	u32 i;

	for (i = 0; item && i < bytes; i += LINE)
		__builtin_prefetch(item + i);
}

/* The links of an item that were not met before, with their codes. */
static __always_inline int gather(struct vex_graph *g, struct vex_walk *w, u32 layer, u32 pos)
{
	struct vex_batch *b = &w->batch;
	const __le32 *link;
	const u8 *code;
	u32 i, n, to;
	u8 *item;
	int err;

	b->n = 0;
	err = item_get(g, layer, pos, &item);
	if (err)
		return err;
	n = links_of(g, layer, item, &link);
	for (i = 0; i < n; i++) {
		to = le32_to_cpu(link[i]);
		if (unlikely(to >= g->tab[layer].count))
			return -EUCLEAN;
		if (seen(w, to))
			continue;
		err = code_get(g, layer, to, &code);
		if (unlikely(err))
			return err;
		/* The kernel asks for the rest: all at once, they wait for each other. */
		__builtin_prefetch(code);
		b->pos[b->n] = to;
		b->code[b->n++] = code;
	}
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
	u32 first = w->ef, next, n;
	int err;

	w->pool[i] |= VEX_NEAR_DONE;
	next = pool_next(w, i + 1);
	if (!layer && next < w->size)
		prefetch_item(&g->tab[0], vex_near_pos(w->pool[next]), g->code_at);
	err = gather(g, w, layer, vex_near_pos(w->pool[i]));
	if (err)
		return err;
	w->hops++;
	if (!b->n)
		return first;
	batch_dist(g, w, &w->query);
	for (n = 0; n < b->n; n++)
		first = min(first, pool_add(w, vex_near(b->dist[n], b->pos[n])));
	return first;
}

/* The w->ef rows of a layer nearest to the query, from those on that are in the pool. */
static __always_inline int walk(struct vex_graph *g, struct vex_walk *w, u32 layer)
{
	u32 i = 0, breath = 0;
	int first;

	while (i < w->size) {
		first = expand(g, w, layer, i);
		if (unlikely(first < 0))
			return first;
		i = pool_next(w, min_t(u32, first, i));
		if (unlikely(++breath % BREATH == 0)) {
			vex_resched();
			if (vex_interrupted())
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

/* Search a layer for the @ef nearest, from @from on; one position, or, with NONE, the pool. */
static int search_layer(struct vex_graph *g, struct vex_walk *w, u32 layer, u32 from, u32 ef)
{
	struct vex_batch *b = &w->batch;
	int err;

	w->ef = ef;
	w->size = 0;
	b->n = 1;
	b->pos[0] = from;
	err = code_get(g, layer, from, &b->code[0]);
	if (err)
		return err;
	seen(w, from);
	batch_dist(g, w, &w->query);
	pool_add(w, vex_near(b->dist[0], from));
	err = layer ? walk_upper(g, w, layer) : walk_base(g, w);
	seen_reset(w);
	return err;
}

static int below(struct vex_graph *g, u32 layer, u32 pos, u32 *out)
{
	u8 *item;
	int err = item_get(g, layer, pos, &item);

	if (!err)
		*out = le32_to_cpu(((struct vex_upper *)item)->below);
	return err;
}

/* From the entry down to layer @to, by the nearest row of each above; *@pos is in @to. */
static int descend(struct vex_graph *g, struct vex_walk *w, u32 to, u32 *pos)
{
	u32 layer = g->layers - 1;
	int err = 0;

	*pos = g->entry;
	for (; layer > to && !err; layer--) {
		err = search_layer(g, w, layer, *pos, 1);
		if (!err)
			err = below(g, layer, vex_near_pos(w->pool[0]), pos);
	}
	return err;
}

int vex_graph_search(struct vex_graph *g, struct vex_walk *w, const void *row, u32 ef)
{
	u32 pos;
	int err;

	w->size = 0;
	if (!g->layers)
		return 0;
	vex_codec_query(&g->codec, row, w->levels);
	vex_codec_form(&g->codec, w->levels, &w->query);
	err = descend(g, w, 0, &pos);
	return err ? err : search_layer(g, w, 0, pos, ef);
}

/* ---- choosing links ------------------------------------------------------------------ */

/* Codes of one FPU section: the longest take some 20 us. */
#define DOMINATED	8u

/* Is a row with this form nearer to one of @n codes than @dist? */
static bool dominated(struct vex_graph *g, const struct vex_form *f, const u8 *const *code, u32 n,
		      u32 dist)
{
	vex_code_dist kernel = vex_codec_dist(&g->codec);
	u32 d[DOMINATED];
	u32 i, j, step;

	for (i = 0; i < n; i += step) {
		step = min(n - i, DOMINATED);
		vex_fpu_begin();
		kernel(f, code + i, step, g->codec.bytes, d);
		vex_fpu_end();
		for (j = 0; j < step; j++)
			if (d[j] < dist)
				return true;
	}
	return false;
}

/* The form of a coded row: under L2 the levels of an SQ7 code are one as they are. */
static const struct vex_form *form_at(struct vex_graph *g, const u8 *code, struct vex_form *room,
				      struct vex_form *as_is)
{
	if (g->codec.kind == VEX_CODE_SQ7 && g->codec.metric != VEXFS_METRIC_IP) {
		as_is->bias = 0;
		as_is->level = (u8 *)code;
		return as_is;
	}
	vex_codec_form_of(&g->codec, code, room);
	return room;
}

/*
 * Choose at most @most of @n rows, nearest first: those that are nearer to the row in question,
 * with the code @own, than to any chosen one. w->picked has the codes of all @n, and afterwards of
 * the chosen ones; @near likewise. Returns how many.
 *
 * Of rows with its own code it takes half as many: these are as near as can be, and would leave no
 * way out of a heap of equal rows. The newest ones come first, so that the heap hangs together.
 */
static u32 choose(struct vex_graph *g, struct vex_walk *w, const u8 *own, vex_near_t *near, u32 n,
		  u32 most)
{
	const struct vex_form *f;
	struct vex_form as_is;
	u32 i, kept = 0, equal = 0;

	for (i = 0; i < n && kept < most; i++) {
		if (i % 32 == 31)
			vex_resched();
		if (!memcmp(own, w->picked[i], g->codec.bytes) && equal++ >= most / 2)
			continue;
		f = form_at(g, w->picked[i], &w->other, &as_is);
		w->dists += kept;
		if (dominated(g, f, w->picked, kept, vex_near_dist(near[i])))
			continue;
		near[kept] = near[i];
		w->picked[kept++] = w->picked[i];
	}
	return kept;
}

static void near_sort(vex_near_t *near, const u8 **code, u32 n)
{
	const u8 *c;
	vex_near_t x;
	u32 i, j;

	for (i = 1; i < n; i++) {
		x = near[i];
		c = code[i];
		for (j = i; j && near[j - 1] > x; j--) {
			near[j] = near[j - 1];
			code[j] = code[j - 1];
		}
		near[j] = x;
		code[j] = c;
	}
}

static struct vex_edit *edit_add(struct vex_plan *p, u32 layer, u32 pos)
{
	struct vex_edit *e = &p->edit[p->n++];

	e->layer = layer;
	e->pos = pos;
	e->n = 0;
	return e;
}

/* Which of its links, and of the new row, an item with too many keeps. */
static int relink_full(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p,
		       struct vex_edit *e, const u8 *code)
{
	struct vex_batch *b = &w->batch;
	const struct vex_form *f;
	struct vex_form as_is;
	u32 i, n;
	int err;

	b->n = e->n;
	/* The last one is the row itself, with its new code. */
	for (i = 0; i + 1 < e->n; i++) {
		err = code_get(g, e->layer, e->link[i], &b->code[i]);
		if (err)
			return err;
	}
	b->code[i] = w->code;
	f = form_at(g, code, &w->other, &as_is);
	batch_dist(g, w, f);
	for (i = 0; i < b->n; i++) {
		p->near[i] = vex_near(b->dist[i], e->link[i]);
		w->picked[i] = b->code[i];
	}
	near_sort(p->near, w->picked, b->n);
	n = choose(g, w, code, p->near, b->n, layer_links(g, e->layer));
	for (i = 0; i < n; i++)
		e->link[i] = vex_near_pos(p->near[i]);
	e->n = n;
	return 0;
}

/* Add a link to the row to the item at @pos, unless it has one. */
static int relink(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 layer, u32 pos)
{
	struct vex_edit *e = edit_add(p, layer, pos);
	const __le32 *link;
	const u8 *code;
	u8 *item;
	int err;
	u32 n;

	err = item_get(g, layer, pos, &item);
	if (err)
		return err;
	n = links_of(g, layer, item, &link);
	for (e->n = 0; e->n < n; e->n++) {
		e->link[e->n] = le32_to_cpu(link[e->n]);
		if (e->link[e->n] >= g->tab[layer].count)
			return -EUCLEAN;
		if (e->link[e->n] == p->self[layer]) {
			p->n--;
			return 0;
		}
	}
	e->link[e->n++] = p->self[layer];
	if (e->n <= layer_links(g, layer))
		return 0;
	err = code_get(g, layer, pos, &code);
	return err ? err : relink_full(g, w, p, e, code);
}

/* A row that is in the graph already is found, too, and no neighbour of its own. */
static void pool_drop(struct vex_walk *w, u32 pos)
{
	u32 i, n = 0;

	for (i = 0; i < w->size; i++)
		if (vex_near_pos(w->pool[i]) != pos)
			w->pool[n++] = w->pool[i];
	w->size = n;
}

/* The row of an item. */
static int row_of(struct vex_graph *g, u32 layer, u32 pos, u32 *id)
{
	u8 *item;
	int err;

	*id = pos;
	if (!layer)
		return 0;
	err = item_get(g, layer, pos, &item);
	if (!err)
		*id = le32_to_cpu(((struct vex_upper *)item)->id);
	return err;
}

static int item_dead(struct vex_graph *g, u32 layer, u32 pos)
{
	u32 id;
	int err = row_of(g, layer, pos, &id);

	return err ? err : g->ops->dead(g, id);
}

static int pool_drop_dead(struct vex_graph *g, struct vex_walk *w, u32 layer)
{
	u32 i, n = 0;
	int dead;

	for (i = 0; i < w->size; i++) {
		dead = item_dead(g, layer, vex_near_pos(w->pool[i]));
		if (dead < 0)
			return dead;
		if (!dead)
			w->pool[n++] = w->pool[i];
	}
	w->size = n;
	return 0;
}

/* Links of the row in one layer, from @from on; *@from receives its nearest there. */
static int plan_layer(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 layer,
		      u32 *from)
{
	struct vex_edit *e = &p->edit[p->top - layer];
	u32 i;
	int err;

	err = search_layer(g, w, layer, *from, g->ef_build);
	if (err)
		return err;
	*from = vex_near_pos(w->pool[0]);
	if (p->again)
		pool_drop(w, p->self[layer]);
	if (p->links)
		err = pool_drop_dead(g, w, layer);
	for (i = 0; i < w->size && !err; i++)
		err = code_get(g, layer, vex_near_pos(w->pool[i]), &w->picked[i]);
	if (err)
		return err;
	e->n = choose(g, w, w->code, w->pool, w->size, g->m);
	for (i = 0; i < e->n; i++)
		e->link[i] = vex_near_pos(w->pool[i]);
	for (i = 0; i < e->n && !err; i++) {
		err = relink(g, w, p, layer, e->link[i]);
		if (!err && vex_interrupted())
			err = -EINTR;
	}
	return err;
}

/* The highest layer of a row: each further one with a chance of 1 / M. */
static u32 draw_layer(u32 id, u32 m)
{
	u32 layer = 0;
	u64 x = id;

	do {
		/* splitmix64, Steele, Lea & Flood, 2014 */
		x += 0x9e3779b97f4a7c15ULL;
		x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
		x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
		x ^= x >> 31;
	} while (x < U64_MAX / m && ++layer < VEX_GRAPH_LAYERS - 1);
	return layer;
}

/* Where a row stands in an upper layer; they ascend by id. */
static int upper_find(struct vex_graph *g, u32 layer, u32 id, u32 *pos)
{
	u32 low = 0, high = g->tab[layer].count, middle, there;
	u8 *item;
	int err;

	while (low < high) {
		middle = low + (high - low) / 2;
		err = item_get(g, layer, middle, &item);
		if (err)
			return err;
		there = le32_to_cpu(((struct vex_upper *)item)->id);
		if (there == id) {
			*pos = middle;
			return 0;
		}
		if (there < id)
			low = middle + 1;
		else
			high = middle;
	}
	return -EUCLEAN;
}

/* The first edits: those of the row itself. */
static int plan_self(struct vex_graph *g, struct vex_plan *p)
{
	u32 layer;
	int err = 0;

	for (layer = p->top + 1; layer-- && !err;) {
		p->self[layer] = p->again && !layer ? p->id : g->tab[layer].count;
		if (p->again && layer)
			err = upper_find(g, layer, p->id, &p->self[layer]);
		edit_add(p, layer, p->self[layer]);
	}
	return err;
}

static int plan_links(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p)
{
	u32 layer = min(p->top, g->layers - 1);
	u32 from;
	int err;

	err = descend(g, w, layer, &from);
	for (; !err; layer--) {
		err = plan_layer(g, w, p, layer, &from);
		if (err || !layer)
			break;
		err = below(g, layer, from, &from);
	}
	return err;
}

int vex_graph_plan(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 id,
		   const void *row)
{
	int err;

	if (id >= VEX_GRAPH_ROWS_MAX)
		return -EFBIG;
	p->n = 0;
	p->id = id;
	p->again = id < g->tab[0].count;
	p->dead = !row;
	p->links = false;
	p->top = row ? draw_layer(id, g->m) : 0;
	/* Of a deleted row in the graph nothing changes: others find their way through it. */
	if (p->again && !row)
		return 0;
	err = plan_self(g, p);
	if (err)
		return err;
	if (!row) {
		memset(w->code, 0, g->codec.bytes);
		return 0;
	}
	vex_codec_levels(&g->codec, row, w->levels);
	vex_codec_form(&g->codec, w->levels, &w->query);
	vex_codec_pack(&g->codec, w->levels, w->code);
	return g->layers ? plan_links(g, w, p) : 0;
}

/* ---- deleted rows ---------------------------------------------------------------------- */

/* A pass costs about as much as so many rows' links; few deleted rows do little harm. */
#define MEND_SHARE	8u
#define MEND_LEAST	256u
/* Rows that one chooses new links from. */
#define MEND_MOST	VEX_GRAPH_ROOM

bool vex_graph_mend_due(const struct vex_graph *g, u64 dead, u64 mended)
{
	return dead >= mended + max(g->tab[0].count / MEND_SHARE, MEND_LEAST);
}

/* Copy the links of an item to w->batch.pos. */
static int links_copy(struct vex_graph *g, struct vex_walk *w, u32 layer, u32 pos)
{
	struct vex_batch *b = &w->batch;
	const __le32 *link;
	u32 i, n;
	u8 *item;
	int err;

	err = item_get(g, layer, pos, &item);
	if (err)
		return err;
	n = links_of(g, layer, item, &link);
	for (i = 0; i < n; i++) {
		b->pos[i] = le32_to_cpu(link[i]);
		if (b->pos[i] >= g->tab[layer].count)
			return -EUCLEAN;
	}
	b->n = n;
	return 0;
}

/*
 * Add the live ones of an item's links to the pool, as far as it has room, and the dead ones to
 * @dead, unless that is NULL.
 */
static int neighbours_add(struct vex_graph *g, struct vex_walk *w, u32 layer, u32 pos,
			  vex_near_t *dead, u32 *nr_dead)
{
	struct vex_batch *b = &w->batch;
	int err, is_dead;
	u32 i;

	err = links_copy(g, w, layer, pos);
	for (i = 0; i < b->n && !err; i++) {
		if (seen(w, b->pos[i]))
			continue;
		is_dead = item_dead(g, layer, b->pos[i]);
		if (is_dead < 0)
			return is_dead;
		if (is_dead && dead)
			dead[(*nr_dead)++] = vex_near(0, b->pos[i]);
		else if (!is_dead && w->size < w->ef)
			w->pool[w->size++] = vex_near(0, b->pos[i]);
	}
	return err;
}

/* Distances of the pool's rows to the item at @pos, nearest first. */
static int pool_measure(struct vex_graph *g, struct vex_walk *w, u32 layer, u32 pos)
{
	struct vex_batch *b = &w->batch;
	u32 i, j, from;
	int err;

	err = code_get(g, layer, pos, &b->code[0]);
	if (err)
		return err;
	memcpy(w->code, b->code[0], g->codec.bytes);
	vex_codec_form_of(&g->codec, w->code, &w->query);
	for (from = 0; from < w->size; from += b->n) {
		b->n = min_t(u32, w->size - from, ARRAY_SIZE(b->code));
		for (i = 0; i < b->n; i++) {
			err = code_get(g, layer, vex_near_pos(w->pool[from + i]), &b->code[i]);
			if (err)
				return err;
		}
		batch_dist(g, w, &w->query);
		for (i = 0, j = from; i < b->n; i++, j++) {
			w->picked[j] = b->code[i];
			w->pool[j] = vex_near(b->dist[i], vex_near_pos(w->pool[j]));
		}
	}
	near_sort(w->pool, w->picked, w->size);
	return 0;
}

/* The links of a row from what its code says, as if it had come anew. */
static int mend_anew(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 id)
{
	const u8 *code;
	int err;

	err = code_get(g, 0, id, &code);
	if (err)
		return err;
	memcpy(w->code, code, g->codec.bytes);
	vex_codec_form_of(&g->codec, code, &w->query);
	p->n = 0;
	p->id = id;
	p->again = true;
	p->top = draw_layer(id, g->m);
	err = plan_self(g, p);
	return err ? err : plan_links(g, w, p);
}

static int mend_links(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 layer,
		      u32 pos)
{
	u32 i, nr_dead = 0;
	struct vex_edit *e;
	int err;

	w->size = 0;
	w->ef = min(w->ef_room, MEND_MOST);
	seen(w, pos);
	err = neighbours_add(g, w, layer, pos, p->near, &nr_dead);
	for (i = 0; i < nr_dead && !err; i++)
		err = neighbours_add(g, w, layer, vex_near_pos(p->near[i]), NULL, NULL);
	seen_reset(w);
	if (err || !nr_dead)
		return err;
	err = pool_measure(g, w, layer, pos);
	if (err)
		return err;
	e = edit_add(p, layer, pos);
	e->n = choose(g, w, w->code, w->pool, w->size, layer_links(g, layer));
	for (i = 0; i < e->n; i++)
		e->link[i] = vex_near_pos(w->pool[i]);
	return 0;
}

int vex_graph_mend(struct vex_graph *g, struct vex_walk *w, struct vex_plan *p, u32 layer, u32 pos)
{
	u32 id;
	int err;

	p->n = 0;
	p->dead = false;
	p->again = true;
	p->links = true;
	p->top = 0;
	if (!g->layers)
		return 0;
	err = row_of(g, layer, pos, &id);
	if (!err)
		err = g->ops->dead(g, id);
	/* What was deleted keeps its links: nobody needs them, and who is there may go on. */
	if (err)
		return min(err, 0);
	p->id = id;
	err = mend_links(g, w, p, layer, pos);
	/* Where most around it was deleted, its next neighbours are further away. */
	if (!err && !layer && p->n && p->edit[0].n < g->m / 2)
		err = mend_anew(g, w, p, id);
	return err;
}

int vex_plan_touch(struct vex_graph *g, const struct vex_plan *p)
{
	int err = 0;
	u32 i;

	for (i = 0; i < p->n && !err; i++)
		err = g->ops->touch(g, p->edit[i].layer, p->edit[i].pos);
	return err;
}

static void edit_apply(struct vex_graph *g, const struct vex_edit *e)
{
	u8 *item = vex_tab_at(&g->tab[e->layer], e->pos);
	__le32 *link = e->layer ? ((struct vex_upper *)item)->link : ((struct vex_rec *)item)->link;
	u32 i;

	for (i = 0; i < e->n; i++)
		link[i] = cpu_to_le32(e->link[i]);
	item[0] = e->n;
}

/* The items of a new row, without links; the tables have room. */
static void items_make(struct vex_graph *g, const struct vex_plan *p)
{
	struct vex_upper *upper;
	struct vex_rec *rec;
	u32 layer;

	for (layer = 1; layer <= p->top; layer++) {
		upper = (struct vex_upper *)vex_tab_at(&g->tab[layer], p->self[layer]);
		memset(upper, 0, g->tab[layer].bytes);
		upper->id = cpu_to_le32(p->id);
		upper->below = cpu_to_le32(p->self[layer - 1]);
	}
	rec = (struct vex_rec *)vex_tab_at(&g->tab[0], p->id);
	memset(rec, 0, g->code_at);
	if (p->dead)
		rec->flags = VEX_REC_DEAD;
	for (layer = 0; layer <= p->top; layer++)
		g->tab[layer].count++;
	if (p->dead || p->top < g->layers)
		return;
	g->layers = p->top + 1;
	g->entry = p->self[p->top];
}

void vex_plan_apply(struct vex_graph *g, const struct vex_walk *w, const struct vex_plan *p)
{
	u32 i;

	if (!p->n)
		return;
	if (!p->again)
		items_make(g, p);
	if (!p->links)
		memcpy(vex_tab_at(&g->tab[0], p->id) + g->code_at, w->code, g->codec.bytes);
	for (i = 0; i < p->n; i++)
		edit_apply(g, &p->edit[i]);
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * LSH: hashing so that near rows share buckets, by random hyperplanes; and multi-probe search,
 * after Lv, Josephson, Wang, Charikar & Li, "Multi-Probe LSH" (2007).
 *
 * There are some tables, and in each a row has a bucket, whose number has a bit for each of some
 * hyperplanes: the side on which the row is of it. A search reads, in each table, the bucket of
 * what is looked for, and then more, in all tables together, by the order in which they are likely
 * to hold near rows: those that differ in bits whose hyperplanes are near. The rows that it comes
 * to are compared by their codes, each once, and the ef nearest stay.
 *
 * Hyperplane p is (a, b): the side is a * x > b. a is a pseudorandom SQ7 code, taken about its
 * middle, and x is the row's code, so sides are integer arithmetic and the same on every host.
 *
 * Deviations from random hyperplanes (Charikar, 2002) and p-stable hashing (Datar and others,
 * 2004):
 *
 *  - elements of a are uniform, not gaussian: their sums are nearly the same;
 *  - under L2 and cosine b is a quantile of a * x over the rows that the codec was made from,
 *    between the first and the third quartile, another one for each bit: a bucket is a cell of the
 *    p-stable kind with one cut a direction, and rows of one element, too, are told apart. Under an
 *    inner product b is 0: only the direction counts;
 *  - of a query the sums of squared margins order the probes of all tables together.
 */
#include "vex_lsh.h"

/* Buckets that a search reads in each table at most, unless it is told how many. */
#define PROBES_DEFAULT	256u
/* And it ends when it has compared so many rows for each one that it keeps. */
#define ENOUGH		32u
/* Links followed between two looks at signals and the scheduler. */
#define BREATH		4096u

/* ---- hyperplanes ------------------------------------------------------------------------ */

bool vex_lsh_served(u32 tables, u32 bits, u32 dim)
{
	u32 padded = round_up(dim, VEX_CODE_GROUP);

	return tables && tables <= VEX_LSH_TABLES_MAX && bits && bits <= VEX_LSH_BITS_MAX &&
	       tables * bits <= VEX_LSH_PLANES_BYTES / padded;
}

/* splitmix64, Steele, Lea & Flood, 2014 */
static u64 mix(u64 x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* Eight levels of plane p at a time. What pads them meets zeros of a form. */
static void planes_make(struct vex_lsh *l, u32 padded)
{
	u32 p, i;

	for (p = 0; p < l->tables * l->bits; p++) {
		for (i = 0; i < padded; i += 8)
			put_unaligned_le64(mix((u64)p << 32 | i) & 0x7f7f7f7f7f7f7f7fULL,
					   l->plane + (size_t)p * padded + i);
		vex_resched();
	}
}

int vex_lsh_init(struct vex_graph *g, u32 tables, u32 bits, u32 chunk, u32 heads)
{
	struct vex_lsh *l = &g->lsh;
	u32 bytes;

	if (!vex_lsh_served(tables, bits, g->codec.dim))
		return -EINVAL;
	bytes = vex_rec_bytes(&g->codec, tables);
	if (bytes > chunk)
		return -EINVAL;
	l->tables = tables;
	l->bits = bits;
	l->plane = vex_alloc_kept((size_t)tables * bits * g->codec.padded);
	l->offset = vex_zalloc_kept(tables * bits * sizeof(*l->offset));
	if (!l->plane || !l->offset)
		return -ENOMEM;
	planes_make(l, g->codec.padded);
	g->code_at = bytes - g->codec.bytes;
	vex_tab_shape(&g->tab[0], bytes, chunk);
	vex_tab_shape(&g->tab[1], sizeof(__le32), heads);
	return 0;
}

void vex_lsh_destroy(struct vex_graph *g)
{
	vex_free(g->lsh.plane);
	vex_free(g->lsh.offset);
}

/* The codec whose forms are levels about their middle, as an inner product needs them. */
static struct vex_codec centred(const struct vex_graph *g)
{
	struct vex_codec c = g->codec;

	c.metric = VEXFS_METRIC_IP;
	return c;
}

/* The margins of w->other. */
static void margins(const struct vex_graph *g, struct vex_walk *w)
{
	u32 planes = g->lsh.tables * g->lsh.bits, at, i;
	struct vex_codec c = centred(g);
	struct vex_batch *b = &w->batch;

	c.kind = VEX_CODE_SQ7;
	c.bytes = c.padded;
	for (at = 0; at < planes; at += b->n) {
		b->n = min(planes - at, (u32)ARRAY_SIZE(b->code));
		for (i = 0; i < b->n; i++)
			b->code[i] = g->lsh.plane + (size_t)(at + i) * c.padded;
		vex_codec_dists(&c, &w->other, b->code, b->n, b->dist);
		for (i = 0; i < b->n; i++)
			w->lsh->margin[at + i] = (s32)(0x80000000u - b->dist[i]) -
						 g->lsh.offset[at + i];
	}
}

static void margins_to_buckets(const struct vex_lsh *l, struct vex_lsh_walk *lw)
{
	const s32 *margin = lw->margin;
	u32 t, i;

	for (t = 0; t < l->tables; t++, margin += l->bits)
		for (lw->bucket[t] = 0, i = 0; i < l->bits; i++)
			lw->bucket[t] |= (u32)(margin[i] > 0) << i;
}

void vex_lsh_buckets(const struct vex_graph *g, struct vex_walk *w, const u8 *code)
{
	struct vex_codec c = centred(g);

	vex_codec_form_of(&c, code, &w->other);
	margins(g, w);
	margins_to_buckets(&g->lsh, w->lsh);
}

/* ---- offsets ---------------------------------------------------------------------------- */

static int s32_cmp(const void *a, const void *b)
{
	s32 x = *(const s32 *)a, y = *(const s32 *)b;

	return x < y ? -1 : x > y;
}

/* Between the quartiles, bit after bit of a table as far from the others as can be. */
static u32 quantile(const struct vex_lsh *l, u32 plane, u32 count)
{
	/* The golden ratio's multiples spread evenly, however many there are. */
	u32 spread = plane * 0x9e3779b9u;

	return count / 4 + ((u64)(count / 2) * spread >> 32);
}

int vex_lsh_train(struct vex_graph *g, const struct vex_codec *c, struct vex_walk *w,
		  const void *rows, u32 count)
{
	u32 planes = g->lsh.tables * g->lsh.bits, i, p;
	s32 *column;
	int err = 0;

	memset(g->lsh.offset, 0, planes * sizeof(*g->lsh.offset));
	if (g->codec.metric == VEXFS_METRIC_IP)
		return 0;
	column = vex_alloc((size_t)planes * count * sizeof(*column));
	if (!column)
		return -ENOMEM;
	for (i = 0; i < count && !err; i++) {
		vex_codec_levels(c, (const u8 *)rows + (size_t)i * c->dim * 4, w->levels);
		vex_codec_pack(c, w->levels, w->code);
		vex_lsh_buckets(g, w, w->code);
		for (p = 0; p < planes; p++)
			column[(size_t)p * count + i] = w->lsh->margin[p];
		err = vex_breathe();
	}
	for (p = 0; p < planes && !err; p++) {
		sort(column + (size_t)p * count, count, sizeof(*column), s32_cmp, NULL);
		g->lsh.offset[p] = column[(size_t)p * count + quantile(&g->lsh, p, count)];
		vex_resched();
	}
	vex_free(column);
	return err;
}

/* ---- memory of walks -------------------------------------------------------------------- */

int vex_lsh_walk_room(struct vex_walk *w, const struct vex_graph *g, u32 probes)
{
	u32 tables = g->lsh.tables, planes = tables * g->lsh.bits;
	u32 room = tables * ((probes ? probes : PROBES_DEFAULT) + 1);
	struct vex_lsh_walk *lw = w->lsh;

	if (!lw)
		lw = vex_zalloc(sizeof(*lw));
	if (!lw)
		return -ENOMEM;
	w->lsh = lw;
	if (!lw->margin)
		lw->margin = vex_alloc(planes * sizeof(*lw->margin));
	if (!lw->order)
		lw->order = vex_alloc(planes);
	if (!lw->bucket)
		lw->bucket = vex_alloc(tables * sizeof(*lw->bucket));
	if (!lw->old)
		lw->old = vex_alloc(tables * sizeof(*lw->old));
	if (room > lw->room) {
		vex_free(lw->heap);
		lw->room = 0;
		lw->heap = vex_alloc(room * sizeof(*lw->heap));
		lw->room = lw->heap ? room : 0;
	}
	return lw->margin && lw->order && lw->bucket && lw->old && lw->room ? 0 : -ENOMEM;
}

void vex_lsh_walk_free(struct vex_walk *w)
{
	struct vex_lsh_walk *lw = w->lsh;

	if (!lw)
		return;
	vex_free(lw->margin);
	vex_free(lw->order);
	vex_free(lw->bucket);
	vex_free(lw->old);
	vex_free(lw->heap);
	vex_free(lw);
	w->lsh = NULL;
}

/* ---- which buckets ---------------------------------------------------------------------- */

static u32 size_of(s32 margin)
{
	return margin < 0 ? -(u32)margin : margin;
}

/* The bits of each table by rising margin. */
static void order_bits(const struct vex_lsh *l, struct vex_lsh_walk *lw)
{
	const s32 *margin = lw->margin;
	u8 *order = lw->order;
	u32 t, i, j;

	for (t = 0; t < l->tables; t++, margin += l->bits, order += l->bits)
		for (i = 0; i < l->bits; i++) {
			for (j = i; j && size_of(margin[order[j - 1]]) > size_of(margin[i]); j--)
				order[j] = order[j - 1];
			order[j] = i;
		}
}

static u64 score_of(const struct vex_lsh *l, const struct vex_lsh_walk *lw, u32 table, u32 rank)
{
	u64 margin = size_of(lw->margin[table * l->bits + lw->order[table * l->bits + rank]]);

	return margin * margin;
}

static void heap_push(struct vex_lsh_walk *lw, struct vex_lsh_probe x)
{
	u32 i = lw->size++, up;

	for (; i; i = up) {
		up = (i - 1) / 2;
		if (lw->heap[up].score <= x.score)
			break;
		lw->heap[i] = lw->heap[up];
	}
	lw->heap[i] = x;
}

static struct vex_lsh_probe heap_pop(struct vex_lsh_walk *lw)
{
	struct vex_lsh_probe first = lw->heap[0], x = lw->heap[--lw->size];
	u32 i = 0, down;

	for (; (down = 2 * i + 1) < lw->size; i = down) {
		if (down + 1 < lw->size && lw->heap[down + 1].score < lw->heap[down].score)
			down++;
		if (x.score <= lw->heap[down].score)
			break;
		lw->heap[i] = lw->heap[down];
	}
	lw->heap[i] = x;
	return first;
}

/*
 * The sets that follow from one, neither of them nearer, so that all come in order and none twice:
 * its last bit becomes the one after it, or that one is turned over, too. The heap has room for
 * one more set after each bucket.
 */
static void probes_follow(const struct vex_lsh *l, struct vex_lsh_walk *lw,
			  const struct vex_lsh_probe *x)
{
	u32 last = 31 - __builtin_clz(x->set);
	struct vex_lsh_probe next = *x;

	if (last + 1 == l->bits || lw->size + 2 > lw->room)
		return;
	next.set |= 2u << last;
	next.score += score_of(l, lw, x->table, last + 1);
	heap_push(lw, next);
	next.set &= ~(1u << last);
	next.score -= score_of(l, lw, x->table, last);
	heap_push(lw, next);
}

static u32 probe_bucket(const struct vex_lsh *l, const struct vex_lsh_walk *lw,
			const struct vex_lsh_probe *x)
{
	const u8 *order = lw->order + x->table * l->bits;
	u32 bucket = lw->bucket[x->table], set = x->set;

	for (; set; set &= set - 1)
		bucket ^= 1u << order[__builtin_ctz(set)];
	return bucket;
}

/* The next bucket, or, with false, none is left. The first ones are those of the query. */
static bool bucket_next(const struct vex_lsh *l, struct vex_lsh_walk *lw, u32 nth, u32 *head)
{
	struct vex_lsh_probe x = { .set = 1 };

	if (nth < l->tables) {
		x.table = nth;
		x.score = score_of(l, lw, nth, 0);
		heap_push(lw, x);
		*head = nth << l->bits | lw->bucket[nth];
		return true;
	}
	if (!lw->size)
		return false;
	x = heap_pop(lw);
	probes_follow(l, lw, &x);
	*head = x.table << l->bits | probe_bucket(l, lw, &x);
	return true;
}

/* ---- reading buckets ---------------------------------------------------------------------- */

static void batch_offer(struct vex_graph *g, struct vex_walk *w)
{
	vex_batch_offer(g, w);
	w->batch.n = 0;
}

/* Go on by one row in a bucket. */
static __always_inline int chain_step(struct vex_graph *g, struct vex_walk *w,
				      struct vex_lsh_chain *c)
{
	struct vex_batch *b = &w->batch;
	u32 pos = c->next - 1;
	u8 *item;
	int err;

	err = vex_item_get(g, 0, pos, &item);
	if (unlikely(err))
		return err;
	c->next = le32_to_cpu(((struct vex_rec *)item)->link[c->table]);
	if (unlikely(c->next > g->tab[0].count))
		return -EUCLEAN;
	if (c->next)
		__builtin_prefetch(vex_tab_at(&g->tab[0], c->next - 1));
	if (vex_seen(w, pos))
		return 0;
	vex_code_prefetch(g, item + g->code_at);
	b->pos[b->n] = pos;
	b->code[b->n++] = item + g->code_at;
	if (b->n == ARRAY_SIZE(b->code))
		batch_offer(g, w);
	return 0;
}

/* Read all the buckets that were begun. */
static int chains_follow(struct vex_graph *g, struct vex_walk *w)
{
	u64 most = (u64)g->tab[0].count * g->lsh.tables;
	struct vex_lsh_walk *lw = w->lsh;
	u32 i;
	int err;

	while (lw->chains) {
		for (i = 0; i < lw->chains; i++) {
			err = chain_step(g, w, &lw->chain[i]);
			if (unlikely(err))
				return err;
			if (!lw->chain[i].next)
				lw->chain[i--] = lw->chain[--lw->chains];
			if (unlikely(++lw->steps % BREATH == 0) && vex_breathe())
				return -EINTR;
		}
		/* They go in circles. */
		if (unlikely(lw->steps > most))
			return -EUCLEAN;
	}
	batch_offer(g, w);
	return 0;
}

static int chain_begin(struct vex_graph *g, struct vex_lsh_walk *lw, u32 head)
{
	u32 next;
	int err = vex_lsh_next(g, 1, head, 0, &next);

	if (err || !next)
		return err;
	__builtin_prefetch(vex_tab_at(&g->tab[0], next - 1));
	lw->chain[lw->chains++] = (struct vex_lsh_chain){ next, head >> g->lsh.bits };
	return 0;
}

/* Buckets in their order, as many as are asked for, or until enough rows were compared. */
static int buckets_read(struct vex_graph *g, struct vex_walk *w)
{
	u32 most = (w->probes ? w->probes : PROBES_DEFAULT) * g->lsh.tables, n, head;
	u64 enough = w->probes ? U64_MAX : w->dists + (u64)ENOUGH * w->ef;
	struct vex_lsh_walk *lw = w->lsh;
	int err = 0;

	lw->size = 0;
	lw->steps = 0;
	lw->chains = 0;
	w->batch.n = 0;
	for (n = 0; n < most && !err && bucket_next(&g->lsh, lw, n, &head); n++) {
		err = chain_begin(g, lw, head);
		w->hops++;
		if (lw->chains < VEX_LSH_CHAINS && n + 1 != g->lsh.tables)
			continue;
		if (!err)
			err = chains_follow(g, w);
		if (w->dists >= enough)
			break;
	}
	return err ? err : chains_follow(g, w);
}

int vex_lsh_search(struct vex_graph *g, struct vex_walk *w, const void *row, u32 ef)
{
	struct vex_codec c = centred(g);
	int err;

	w->ef = ef;
	w->size = 0;
	vex_codec_query(&g->codec, row, w->levels);
	vex_codec_form(&g->codec, w->levels, &w->query);
	vex_codec_form(&c, w->levels, &w->other);
	margins(g, w);
	margins_to_buckets(&g->lsh, w->lsh);
	order_bits(&g->lsh, w->lsh);
	err = buckets_read(g, w);
	vex_seen_reset(w);
	return err;
}

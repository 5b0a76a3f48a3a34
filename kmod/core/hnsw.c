// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The HNSW or LSH index of a collection, or its codes: its head, and how it is opened.
 *
 * It lies in the collection's own file from VEXFS_INDEX_POS on, far behind the rows, and so
 * shares with them the segments, their cache, checksums and transactions:
 *
 *	the head, the pending ids and the offsets of LSH, in the first segment; then the
 *		codec's low ends
 *	from VEXFS_INDEX_LAYER(0) on the records of the base layer
 *	from VEXFS_INDEX_LAYER(n) on the items of layer n
 *
 * An item never crosses the end of a segment. Which segments are in memory: see hnsw_held.c.
 */
#include "vex_hnsw.h"
#include "vex_lsh.h"
#include "vex_pca.h"

/* The segment of the head. */
#define HEAD_SEG	(VEXFS_INDEX_POS / VEX_SEG_BYTES)

/* ---- the head --------------------------------------------------------------------- */

static struct vexfs_hnsw_head *head_of(struct vex_hnsw *ix)
{
	return (struct vexfs_hnsw_head *)ix->head->data;
}

static __le32 *pending_of(struct vex_hnsw *ix)
{
	return (__le32 *)(ix->head->data + VEXFS_HNSW_PENDING_AT);
}

static bool hnsw_served(const struct vex_coll *c, u32 *links)
{
	u32 m = vex_hnsw_m(c);

	*links = vex_base_links(m);
	return vex_code_served(c->code, c->elem, c->metric, c->dim) && m >= VEX_GRAPH_M_MIN &&
	       m <= VEX_GRAPH_M_MAX && c->ef_construction <= VEX_GRAPH_EF_MAX && !c->tables &&
	       !c->bits;
}

static bool codes_served(const struct vex_coll *c)
{
	return vex_code_served(c->code, c->elem, c->metric, c->dim) && !c->m &&
	       !c->ef_construction && !c->tables && !c->bits;
}

static bool lsh_served(const struct vex_coll *c, u32 *links)
{
	*links = vex_lsh_tables(c);
	return vex_levels_served(c->code, c->elem) &&
	       vex_lsh_served(*links, vex_lsh_bits(c), c->dim) && !c->m && !c->ef_construction;
}

bool vex_hnsw_served(const struct vex_coll *c)
{
	struct vex_codec codec;
	u32 links;

	vex_codec_shape(&codec, c->elem == VEXFS_ELEM_B1 ? VEX_CODE_B1 :
			c->code == VEXFS_CODE_F32 ? VEX_CODE_F32 : VEX_CODE_SQ7, c->elem, c->metric,
			c->dim);
	if (c->index == VEXFS_INDEX_CODES)
		return codes_served(c) && codec.bytes <= VEX_SEG_BYTES;
	if (!(c->index == VEXFS_INDEX_LSH ? lsh_served(c, &links) : hnsw_served(c, &links)))
		return false;
	return vex_rec_bytes(&codec, links) <= VEX_SEG_BYTES;
}

int vex_hnsw_create_prepare(struct vex_fs *fs, u64 ino, struct vex_seg **seg)
{
	int err = vex_seg_get_aside(fs, ino, HEAD_SEG, true, seg);

	return err ? err : vex_seg_settle(fs, *seg);
}

/* The kind of code that a new index begins with. */
static u32 code_first(const struct vex_coll *c)
{
	return c->index == VEXFS_INDEX_HNSW ? vex_code_choose(c->code, c->elem, c->metric, c->dim) :
					      vex_levels_choose(c->code, c->elem, c->dim);
}

void vex_hnsw_create(struct vex_fs *fs, struct vex_seg *seg, const struct vex_coll *c)
{
	struct vexfs_hnsw_head *head = (struct vexfs_hnsw_head *)seg->data;

	/* All of it is written: damage to what was there before does no harm any more. */
	memset(head, 0, VEX_SEG_BYTES);
	head->code = cpu_to_le32(vex_code_name(code_first(c)));
	head->flags = cpu_to_le32(c->code || c->index == VEXFS_INDEX_LSH ? 0 : VEXFS_HNSW_AUTO);
	if (c->index == VEXFS_INDEX_CODES) {
		head->magic = cpu_to_le32(VEXFS_CODES_MAGIC);
	} else if (c->index == VEXFS_INDEX_LSH) {
		head->magic = cpu_to_le32(VEXFS_LSH_MAGIC);
		head->tables = cpu_to_le32(vex_lsh_tables(c));
		head->bits = cpu_to_le32(vex_lsh_bits(c));
	} else {
		head->magic = cpu_to_le32(VEXFS_HNSW_MAGIC);
		head->m = cpu_to_le32(vex_hnsw_m(c));
		head->ef_construction = cpu_to_le32(vex_hnsw_ef_construction(c));
	}
	vex_space_owe(fs, vex_seg_dirty(fs, seg, 0, VEX_SEG_BYTES));
	vex_seg_put(fs, seg);
}

int vex_hnsw_touch_head(struct vex_hnsw *ix)
{
	struct vex_seg *seg;
	int err;

	if (!ix->head) {
		err = vex_seg_get_aside(ix->fs, ix->ino, HEAD_SEG, false, &seg);
		if (err)
			return err;
		vex_hnsw_head_hold(ix, seg);
	}
	return vex_seg_settle(ix->fs, ix->head);
}

void vex_hnsw_store_head(struct vex_hnsw *ix)
{
	const struct vex_graph *g = &ix->graph;
	struct vexfs_hnsw_head *head = head_of(ix);
	u32 i;

	head->flags = cpu_to_le32((ix->trained ? VEXFS_HNSW_TRAINED : 0) |
				  (ix->automatic ? VEXFS_HNSW_AUTO : 0));
	head->code = cpu_to_le32(vex_code_name(g->codec.kind));
	head->width = cpu_to_le32(g->codec.pca ? g->codec.pca->width : 0);
	head->mul = cpu_to_le32(g->codec.pca ? g->codec.pca->mul : 0);
	head->layers = cpu_to_le32(g->layers);
	head->entry = cpu_to_le32(g->entry);
	head->inv_step = cpu_to_le32(g->codec.inv_step);
	head->pending = cpu_to_le32(ix->nr_pending);
	head->mended = cpu_to_le32(ix->mended);
	head->codec_rows = cpu_to_le32(ix->drift.rows);
	head->usual = cpu_to_le32(g->codec.usual);
	head->cut = cpu_to_le32(ix->drift.cut);
	head->fresh = cpu_to_le32(ix->drift.fresh);
	for (i = 0; i < VEX_GRAPH_LAYERS; i++)
		head->count[i] = cpu_to_le32(g->tab[i].count);
	for (i = 0; i < ix->nr_pending; i++)
		pending_of(ix)[i] = cpu_to_le32(ix->pending[i]);
	vex_space_owe(ix->fs, vex_seg_dirty(ix->fs, ix->head, 0, VEXFS_HNSW_PENDING_AT +
					    ix->nr_pending * sizeof(__le32)));
}

int vex_hnsw_read(struct vex_hnsw *ix, u64 pos, void *buf, size_t len)
{
	struct vex_seg *seg;
	u8 *to = buf;
	int err;

	while (len) {
		u32 from = pos & (VEX_SEG_BYTES - 1);
		size_t n = min(len, (size_t)(VEX_SEG_BYTES - from));

		err = vex_seg_get_aside(ix->fs, ix->ino, pos / VEX_SEG_BYTES, false, &seg);
		if (err)
			return err;
		memcpy(to, seg->data + from, n);
		vex_seg_put(ix->fs, seg);
		to += n;
		pos += n;
		len -= n;
	}
	return 0;
}

/* ---- opening ------------------------------------------------------------------------ */

int vex_hnsw_damaged(struct vex_fs *fs)
{
	return vex_damaged(fs, 0, "an index that 'vexfs reindex' makes anew");
}

/* Rows come into buckets when all of these are there. */
static bool lsh_counts_sound(struct vex_hnsw *ix, const struct vexfs_hnsw_head *head, u64 rows)
{
	struct vex_graph *g = &ix->graph;
	u32 heads = vex_lsh_heads(&g->lsh), i;

	g->layers = le32_to_cpu(head->layers);
	for (i = 0; i < VEX_GRAPH_LAYERS; i++)
		g->tab[i].count = le32_to_cpu(head->count[i]);
	for (i = 2; i < VEX_GRAPH_LAYERS; i++)
		if (g->tab[i].count)
			return false;
	return g->tab[1].count <= heads && g->layers == (g->tab[1].count ? 2 : 0) &&
	       g->tab[0].count <= min_t(u64, rows, VEX_GRAPH_ROWS_MAX) &&
	       (g->tab[1].count == heads || (!g->tab[0].count &&
					     g->tab[1].count % g->tab[1].per == 0));
}

/* There is but the base. */
static bool codes_counts_sound(struct vex_hnsw *ix, const struct vexfs_hnsw_head *head, u64 rows)
{
	struct vex_graph *g = &ix->graph;
	u32 i;

	g->layers = le32_to_cpu(head->layers);
	g->tab[0].count = le32_to_cpu(head->count[0]);
	for (i = 1; i < VEX_GRAPH_LAYERS; i++)
		if (head->count[i])
			return false;
	return g->layers == !!g->tab[0].count &&
	       g->tab[0].count <= min_t(u64, rows, VEX_GRAPH_ROWS_MAX);
}

/* Counts of layers, from the base upwards, and where the search begins. */
static bool counts_sound(struct vex_hnsw *ix, const struct vexfs_hnsw_head *head, u64 rows)
{
	struct vex_graph *g = &ix->graph;
	u64 above = min_t(u64, rows, VEX_GRAPH_ROWS_MAX);
	u32 i;

	if (g->lsh.tables)
		return lsh_counts_sound(ix, head, rows);
	if (g->codes)
		return codes_counts_sound(ix, head, rows);
	g->layers = le32_to_cpu(head->layers);
	g->entry = le32_to_cpu(head->entry);
	if (g->layers > VEX_GRAPH_LAYERS)
		return false;
	for (i = 0; i < VEX_GRAPH_LAYERS; i++) {
		g->tab[i].count = le32_to_cpu(head->count[i]);
		if (g->tab[i].count > above || (i && i < g->layers) != !!(i && g->tab[i].count))
			return false;
		above = g->tab[i].count;
	}
	return g->layers ? g->entry < g->tab[g->layers - 1].count : !g->entry;
}

static bool pending_load(struct vex_hnsw *ix, const struct vexfs_hnsw_head *head)
{
	u32 i;

	ix->nr_pending = le32_to_cpu(head->pending);
	if (ix->nr_pending > VEXFS_MAX_UPDATE)
		return false;
	for (i = 0; i < ix->nr_pending; i++) {
		ix->pending[i] = le32_to_cpu(pending_of(ix)[i]);
		if (ix->pending[i] >= ix->graph.tab[0].count)
			return false;
	}
	return true;
}

static int tables_room(struct vex_hnsw *ix)
{
	u32 i, last;
	int err = 0;

	for (i = 0; i < VEX_GRAPH_LAYERS && !err; i++) {
		if (!ix->graph.tab[i].count)
			continue;
		last = vex_tab_chunk(&ix->graph.tab[i], ix->graph.tab[i].count - 1);
		/* Each of them has a block. */
		err = last < ix->fs->blocks ? vex_hnsw_held_room(ix, i, last + 1) :
					      vex_hnsw_damaged(ix->fs);
	}
	return err;
}

/* An empty index of the shape that its head tells; EINVAL: it tells of none. */
static int graph_shape(struct vex_hnsw *ix, const struct vex_coll *c,
		       const struct vexfs_hnsw_head *head)
{
	u32 m = le32_to_cpu(head->m), ef = le32_to_cpu(head->ef_construction);
	struct vex_graph *g = &ix->graph;

	if (c->index == VEXFS_INDEX_CODES)
		return le32_to_cpu(head->magic) != VEXFS_CODES_MAGIC ?
		       -EINVAL : vex_codes_init(g, VEX_SEG_BYTES);
	if (c->index == VEXFS_INDEX_LSH)
		return le32_to_cpu(head->magic) != VEXFS_LSH_MAGIC ||
		       !vex_levels_served(le32_to_cpu(head->code), c->elem) ? -EINVAL :
		       vex_lsh_init(g, le32_to_cpu(head->tables), le32_to_cpu(head->bits),
				    VEX_SEG_BYTES, VEX_SEG_BYTES);
	if (le32_to_cpu(head->magic) != VEXFS_HNSW_MAGIC || m < VEX_GRAPH_M_MIN ||
	    m > VEX_GRAPH_M_MAX || !ef || ef > VEX_GRAPH_EF_MAX)
		return -EINVAL;
	return vex_graph_init(g, m, ef, VEX_SEG_BYTES, VEX_SEG_BYTES);
}

/* Whatever these numbers are, they decide of nothing but when the codec is made anew. */
static void drift_load(struct vex_hnsw *ix, const struct vexfs_hnsw_head *head)
{
	u32 flags = le32_to_cpu(head->flags);

	ix->automatic = flags & VEXFS_HNSW_AUTO;
	ix->drift.rows = le32_to_cpu(head->codec_rows);
	ix->drift.cut = le32_to_cpu(head->cut);
	ix->drift.fresh = le32_to_cpu(head->fresh);
	ix->graph.codec.usual = min(le32_to_cpu(head->usual), VEX_TRAIN_ROWS);
	/* Of an index that knows nothing of them, all rows fit so far. */
	if (ix->trained && !ix->drift.rows)
		ix->drift.rows = max(ix->graph.tab[0].count, VEX_HNSW_TRAIN);
}

static int hnsw_load(struct vex_hnsw *ix, const struct vex_coll *c)
{
	struct vex_graph *g = &ix->graph;
	struct vexfs_hnsw_head *head;
	struct vex_seg *seg;
	u32 code;
	int err;

	err = vex_seg_get_aside(ix->fs, ix->ino, HEAD_SEG, false, &seg);
	if (err)
		return err;
	vex_hnsw_head_hold(ix, seg);
	head = head_of(ix);
	code = le32_to_cpu(head->code);
	if (!code || !vex_code_served(code, c->elem, c->metric, c->dim))
		return vex_hnsw_damaged(ix->fs);
	ix->trained = le32_to_cpu(head->flags) & VEXFS_HNSW_TRAINED;
	err = ix->trained && code == VEXFS_CODE_PCA ? vex_hnsw_pca_room(ix, head, c) : 0;
	if (err)
		return err;
	vex_codec_shape(&g->codec, vex_code_kind(code), c->elem, c->metric, c->dim);
	g->codec.low = vex_zalloc_kept(c->dim * sizeof(*g->codec.low));
	if (!g->codec.low)
		return -ENOMEM;
	g->ops = &vex_hnsw_graph_ops;
	ix->mended = min_t(u64, le32_to_cpu(head->mended), c->rows - c->live);
	err = graph_shape(ix, c, head);
	if (err == -ENOMEM)
		return err;
	if (err || !counts_sound(ix, head, c->rows) || !pending_load(ix, head))
		return vex_hnsw_damaged(ix->fs);
	drift_load(ix, head);
	err = ix->trained ? vex_hnsw_codec_load(ix, head) : 0;
	return err ? err : tables_room(ix);
}

static void hnsw_free(struct vex_hnsw *ix)
{
	struct vex_hnsw_walk *w;
	u32 i;

	while ((w = ix->walks)) {
		ix->walks = w->next;
		vex_walk_free(&w->walk);
		vex_free(w->row);
		vex_free(w);
	}
	for (i = 0; i < VEX_GRAPH_LAYERS; i++)
		vex_free(ix->held[i]);
	vex_graph_destroy(&ix->graph);
	vex_codec_free(&ix->graph.codec);
	vex_plan_free(&ix->plan);
	vex_mutex_destroy(&ix->growing);
	vex_free(ix);
}

static int hnsw_open(struct vex_fs *fs, u64 ino, const struct vex_coll *c, struct vex_hnsw **out)
{
	struct vex_hnsw *ix = vex_zalloc_kept(sizeof(*ix));
	int err;

	if (!ix)
		return -ENOMEM;
	ix->fs = fs;
	ix->ino = ino;
	vex_mutex_init(&ix->growing);
	err = hnsw_load(ix, c);
	if (err) {
		vex_hnsw_head_release(ix);
		hnsw_free(ix);
		return err;
	}
	list_add(&ix->list, &fs->indexes);
	*out = ix;
	return 0;
}

int vex_hnsw_get(struct vex_fs *fs, u64 ino, const struct vex_coll *c, struct vex_hnsw **out)
{
	struct vex_hnsw *ix;
	int err = 0;

	vex_mutex_lock(&fs->index_lock);
	*out = NULL;
	list_for_each_entry(ix, &fs->indexes, list)
		if (ix->ino == ino)
			*out = ix;
	if (!*out)
		err = hnsw_open(fs, ino, c, out);
	if (!err)
		(*out)->refs++;
	vex_mutex_unlock(&fs->index_lock);
	return err;
}

void vex_hnsw_put(struct vex_hnsw *ix)
{
	struct vex_fs *fs = ix->fs;
	bool last;

	vex_mutex_lock(&fs->index_lock);
	last = !--ix->refs && ix->gone;
	vex_mutex_unlock(&fs->index_lock);
	if (last)
		hnsw_free(ix);
}

void vex_hnsw_forget(struct vex_fs *fs, u64 ino)
{
	struct vex_hnsw *ix, *next;
	bool last = false;

	vex_mutex_lock(&fs->index_lock);
	list_for_each_entry_safe(ix, next, &fs->indexes, list) {
		if (ix->ino != ino)
			continue;
		vex_hnsw_release(ix);
		list_del(&ix->list);
		ix->gone = true;
		last = !ix->refs;
		break;
	}
	vex_mutex_unlock(&fs->index_lock);
	if (last)
		hnsw_free(ix);
}

void vex_hnsw_destroy_all(struct vex_fs *fs)
{
	struct vex_hnsw *ix, *next;

	list_for_each_entry_safe(ix, next, &fs->indexes, list) {
		list_del(&ix->list);
		hnsw_free(ix);
	}
}

/* ---- memory of walks ------------------------------------------------------------------- */

struct vex_hnsw_walk *vex_hnsw_walk_take(struct vex_hnsw *ix)
{
	struct vex_hnsw_walk *w;

	vex_spin_lock(&ix->fs->cache_lock);
	w = ix->walks;
	if (w)
		ix->walks = w->next;
	vex_spin_unlock(&ix->fs->cache_lock);
	if (w)
		return w;
	w = vex_zalloc(sizeof(*w));
	if (!w)
		return NULL;
	w->row = vex_alloc(vex_row_bytes(ix->graph.codec.elem, ix->graph.codec.dim));
	if (w->row)
		return w;
	vex_free(w);
	return NULL;
}

void vex_hnsw_walk_give(struct vex_hnsw *ix, struct vex_hnsw_walk *w)
{
	w->walk.dists = 0;
	w->walk.hops = 0;
	vex_spin_lock(&ix->fs->cache_lock);
	w->next = ix->walks;
	ix->walks = w;
	vex_spin_unlock(&ix->fs->cache_lock);
}

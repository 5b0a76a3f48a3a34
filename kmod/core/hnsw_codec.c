// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The codec of an index in a filesystem: made from a sample of the rows, stored behind the
 * head, and judged when the collection has grown.
 */
#include "vex_hnsw.h"
#include "vex_pca.h"

/* Bytes of rows that a codec is made from at most. */
#define TRAIN_BYTES	(16u << 20)
/* An index is made anew for rows that do not fit when they are one in so many of those in it. */
#define RENEW_SHARE	2u
/* Whether its codes tell rows apart is tried out when they have become so many times as many. */
#define JUDGE_TIMES	4u

/* ---- from the device ---------------------------------------------------------------- */

int vex_hnsw_pca_room(struct vex_hnsw *ix, const struct vexfs_hnsw_head *head,
		      const struct vex_coll *c)
{
	u32 width = le32_to_cpu(head->width);

	if (!width || width > VEX_PCA_MOST || width % VEX_PCA_BLOCK)
		return vex_hnsw_damaged(ix->fs);
	ix->graph.codec.pca = vex_pca_alloc(width, round_up(c->dim, VEX_CODE_GROUP));
	if (!ix->graph.codec.pca)
		return -ENOMEM;
	ix->graph.codec.pca->mul = le32_to_cpu(head->mul);
	return 0;
}

/* Bytes that are no direction give directions all the same. */
static int pca_load(struct vex_hnsw *ix)
{
	struct vex_pca *p = ix->graph.codec.pca;
	u32 i;
	int err;

	err = vex_hnsw_read(ix, VEXFS_INDEX_POS + VEXFS_HNSW_PCA_AT, p->low,
			    vex_pca_bytes(p->width, p->dim));
	for (i = 0; i < p->width; i++)
		p->low[i] = le32_to_cpu((__force __le32)p->low[i]);
	return err;
}

/* Of LSH: where the offsets of hyperplanes are stored. The head is held. */
static __le32 *offsets_of(struct vex_hnsw *ix)
{
	return (__le32 *)(ix->head->data + VEXFS_LSH_OFFSET_AT);
}

static u32 planes_of(const struct vex_hnsw *ix)
{
	return ix->graph.lsh.tables * ix->graph.lsh.bits;
}

int vex_hnsw_codec_load(struct vex_hnsw *ix, const struct vexfs_hnsw_head *head)
{
	struct vex_codec *c = &ix->graph.codec;
	u32 i;
	int err;

	for (i = 0; i < planes_of(ix); i++)
		ix->graph.lsh.offset[i] = le32_to_cpu(offsets_of(ix)[i]);
	c->inv_step = le32_to_cpu(head->inv_step);
	err = vex_hnsw_read(ix, VEXFS_INDEX_POS + VEXFS_HNSW_LOW_AT, c->low,
			    c->dim * sizeof(*c->low));
	for (i = 0; i < c->dim; i++)
		c->low[i] = le32_to_cpu((__force __le32)c->low[i]);
	if (!err && c->pca)
		err = pca_load(ix);
	/* A step that is no number, or negative. */
	return err || c->inv_step < 0x7f800000u ? err : vex_hnsw_damaged(ix->fs);
}

/* ---- making one --------------------------------------------------------------------- */

/* Rows from all over the collection, as the codec wants them; lock held. */
static int sample_read(struct vex_hnsw *ix, struct vex_hnsw_walk *w, u8 *rows, u32 count)
{
	const struct vex_codec *codec = &ix->graph.codec;
	const struct vex_coll *c = &w->coll;
	u64 id;
	u32 i;
	int err = 0;

	for (i = 0; i < count && !err; i++, rows += vex_codec_sample_bytes(codec)) {
		u8 *row = vex_codec_wide_bytes(codec) ? w->row : rows;

		id = div_u64(c->rows * i, count);
		err = vex_hnsw_read(ix, id * c->row_bytes, row, c->row_bytes);
		if (!err)
			vex_codec_wide(codec, row, rows);
		if (!err && vex_interrupted())
			err = -EINTR;
	}
	return err;
}

/* Store an array of the codec. Lock held for writing. */
static int array_store(struct vex_hnsw *ix, u32 at, const void *buf, size_t bytes)
{
	struct vex_file_span span;
	int err = vex_span_open(ix->fs, ix->ino, 0, VEXFS_INDEX_POS + at, bytes, &span);

	if (err)
		return err;
	vex_span_store(ix->fs, &span, buf);
	vex_span_close(ix->fs, &span);
	return 0;
}

static size_t pca_bytes(const struct vex_codec *c)
{
	return c->pca ? vex_pca_bytes(c->pca->width, c->pca->dim) : 0;
}

/* Blocks that a codec takes, the head and the offsets among them. */
static u64 codec_blocks(const struct vex_hnsw *ix, const struct vex_codec *c)
{
	return 2 + vex_span_blocks(0, c->dim * sizeof(*c->low)) + vex_span_blocks(0, pca_bytes(c)) +
	       vex_span_blocks(0, planes_of(ix) * sizeof(__le32));
}

static void offsets_store(struct vex_hnsw *ix)
{
	u32 planes = planes_of(ix), i;

	if (!planes)
		return;
	for (i = 0; i < planes; i++)
		offsets_of(ix)[i] = cpu_to_le32(ix->graph.lsh.offset[i]);
	vex_space_owe(ix->fs, vex_seg_dirty(ix->fs, ix->head, VEXFS_LSH_OFFSET_AT,
					    VEXFS_LSH_OFFSET_AT + planes * sizeof(__le32)));
}

/* Store a new codec, and that it is there; the graph is empty. Lock held for writing. */
static int codec_store(struct vex_hnsw *ix, const struct vex_codec *c, u64 rows)
{
	struct vex_graph *g = &ix->graph;
	int err;

	err = vex_hnsw_touch_head(ix);
	if (!err)
		err = array_store(ix, VEXFS_HNSW_LOW_AT, c->low, c->dim * sizeof(*c->low));
	if (!err && c->pca)
		err = array_store(ix, VEXFS_HNSW_PCA_AT, c->pca->low, pca_bytes(c));
	if (err)
		return err;
	g->codec = *c;
	ix->drift = (struct vex_drift){ .rows = min_t(u64, rows, VEX_GRAPH_ROWS_MAX) };
	ix->trained = true;
	offsets_store(ix);
	vex_hnsw_store_head(ix);
	if (g->lsh.tables)
		return 0;
	/* Items have another size with another code; they fit all the same. */
	if (g->codes)
		return vex_codes_init(g, VEX_SEG_BYTES);
	return vex_graph_init(g, g->m, g->ef_build, VEX_SEG_BYTES, VEX_SEG_BYTES);
}

/* A sample, of *@count rows, or of none where the codec needs none; vex_free() it. */
static int sample_take(struct vex_hnsw *ix, struct vex_hnsw_walk *w, u8 **rows, u32 *count)
{
	u32 bytes = vex_codec_sample_bytes(&ix->graph.codec);
	int err;

	*rows = NULL;
	*count = 0;
	vex_read_lock(&ix->fs->lock);
	err = ix->gone ? -ENOENT : vex_coll_load(ix->fs, ix->ino, &w->coll);
	if (!err && bytes) {
		*count = min_t(u64, w->coll.rows, VEX_TRAIN_ROWS);
		*count = clamp(TRAIN_BYTES / bytes, 1u, *count);
		*rows = vex_alloc((size_t)*count * bytes);
		err = *rows ? sample_read(ix, w, *rows, *count) : -ENOMEM;
	}
	vex_read_unlock(&ix->fs->lock);
	return err;
}

/**
 * struct new_codec - a codec that nobody uses before it is stored
 * @ix: for this index
 * @codec: which has the array of low ends of the other
 * @rows: of the collection
 */
struct new_codec {
	struct vex_hnsw *ix;
	struct vex_codec codec;
	u64 rows;
};

static int codec_enter(void *arg)
{
	struct new_codec *n = arg;
	struct vex_fs *fs = n->ix->fs;
	int err = vex_txn_begin(fs, 0, 2, codec_blocks(n->ix, &n->codec), 0);

	if (err)
		return err;
	err = n->ix->gone ? -ENOENT : codec_store(n->ix, &n->codec, n->rows);
	vex_txn_end(fs);
	return err;
}

/* Where the hyperplanes of LSH lie among the rows. */
static noinline_for_stack
int planes_place(const struct new_codec *n, struct vex_walk *w, const u8 *rows, u32 count)
{
	struct vex_graph *g = &n->ix->graph;
	int err = vex_walk_room(w, g, 1, 1);

	return err ? err : vex_lsh_train(g, &n->codec, w, rows, count);
}

static int codec_find(struct new_codec *n, struct vex_hnsw_walk *w)
{
	struct vex_codec *codec = &n->codec;
	u32 count, kind;
	u8 *rows;
	int err;

	err = sample_take(n->ix, w, &rows, &count);
	n->rows = w->coll.rows;
	/* Main directions alone leave out too much for what is nearly exact. */
	kind = n->ix->graph.codes ?
	       vex_levels_choose(VEXFS_CODE_AUTO, codec->elem, codec->dim) :
	       vex_code_choose(VEXFS_CODE_AUTO, codec->elem, codec->metric, codec->dim);
	if (!err && n->ix->automatic)
		err = vex_codec_choose(codec, kind, rows, count);
	else if (!err)
		err = vex_codec_train(codec, rows, count);
	if (!err && planes_of(n->ix))
		err = planes_place(n, &w->walk, rows, count);
	vex_free(rows);
	return err;
}

noinline_for_stack int vex_hnsw_codec_make(struct vex_hnsw *ix, struct vex_hnsw_walk *w)
{
	struct new_codec *n = vex_zalloc(sizeof(*n));
	int err;

	if (!n)
		return -ENOMEM;
	n->ix = ix;
	n->codec = ix->graph.codec;
	err = codec_find(n, w);
	if (!err)
		err = vex_aside(ix->fs, VEX_ASIDE_CALL, codec_enter, n);
	if (!ix->trained)
		vex_pca_free(n->codec.pca);
	vex_free(n);
	return err;
}

/* Rows wait, or have entered the graph, that need another codec. */
static bool codec_misfits(const struct vex_hnsw *ix, const struct vex_coll *c)
{
	return ix->trained && vex_drift_due(&ix->drift, &ix->graph.codec, ix->graph.tab[0].count,
					    c->rows, RENEW_SHARE);
}

/* A codec that all rows fit may tell too little of them. In a transaction. */
static int codec_keep(struct vex_hnsw *ix, u64 rows)
{
	int err = ix->gone ? -ENOENT : vex_hnsw_touch_head(ix);

	if (err)
		return err;
	ix->drift.rows = min_t(u64, rows, VEX_GRAPH_ROWS_MAX);
	vex_hnsw_store_head(ix);
	return 0;
}

noinline_for_stack int vex_hnsw_codec_judge(struct vex_hnsw *ix, struct vex_hnsw_walk *w)
{
	const struct vex_coll *c = &w->coll;
	struct vex_fs *fs = ix->fs;
	u32 count;
	u8 *rows;
	int err;

	if (codec_misfits(ix, c))
		return 1;
	if (!ix->automatic || c->rows < JUDGE_TIMES * (u64)ix->drift.rows)
		return 0;
	err = sample_take(ix, w, &rows, &count);
	if (!err)
		err = vex_codec_poor(&ix->graph.codec, rows, count);
	vex_free(rows);
	if (err)
		return err;
	err = vex_txn_begin(fs, 0, 1, 3, 0);
	if (err)
		return err;
	err = codec_keep(ix, c->rows);
	vex_txn_end(fs);
	return err;
}

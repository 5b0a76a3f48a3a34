// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * How rows come into the graph of an HNSW index, or into the buckets of an LSH index: in the words
 * of a graph, whose links are a bucket's rows, too.
 *
 * Storing rows and entering them into the graph are transactions of their own: first the whole
 * batch of an insertion, then each row's links. Whatever happens between two of them, a crash
 * too, the graph has the first rows of the collection, its head says how many, and a search
 * compares the others one by one; the next insertion goes on where the last one ended. An update
 * stores new rows and, in the same transaction, enters their ids among the pending ones, which
 * are compared one by one, too, until new links were found for them.
 *
 * Rows that the codec does not fit wait, and all after them. When they are half as many as those in
 * the graph, the whole index is begun anew, as if somebody had asked for it: a head without a graph
 * in one transaction, then row by row.
 *
 * Links are planned with fs->lock held for reading, while others search, and entered with it held
 * for writing. One task at a time does so, so a plan stays right in between.
 */
#include "vex_hnsw.h"

/* ---- one row ------------------------------------------------------------------------- */

/* Which row is next: one that is pending, or the first that the graph lacks. False: none. */
static bool next_row(const struct vex_hnsw *ix, const struct vex_coll *c, u64 *id)
{
	u64 count = ix->graph.tab[0].count;

	*id = ix->nr_pending ? ix->pending[ix->nr_pending - 1] : count;
	return ix->nr_pending || (count < c->rows && count < VEX_GRAPH_ROWS_MAX);
}

/* What a step of growing has found to do. */
enum step {
	STEP_PLAN,		/* a plan to be entered */
	STEP_DONE,		/* nothing, now or later */
	STEP_AGAIN,		/* nothing yet */
	STEP_MENDED,		/* a pass around deleted rows is over */
};

/* Items that one hold of the lock looks at. */
#define MEND_ITEMS	64u

/* Plan links around deleted rows, if there are many. Lock held for reading. */
static noinline_for_stack int mend_plan(struct vex_hnsw *ix, struct vex_hnsw_walk *w)
{
	struct vex_graph *g = &ix->graph;
	u64 dead = w->coll.rows - w->coll.live;
	u32 n;
	int err;

	if (!g->layers)
		return STEP_DONE;
	if (!ix->mending) {
		if (!vex_graph_mend_due(g, dead, ix->mended))
			return STEP_DONE;
		ix->mending = true;
		ix->mend = dead;
		ix->mend_layer = 0;
		ix->mend_pos = 0;
	}
	err = vex_walk_room(&w->walk, g, max(g->ef_build, VEX_GRAPH_ROOM), g->tab[0].count);
	if (err)
		return err;
	for (n = 0; n < MEND_ITEMS; n++) {
		if (ix->mend_pos >= g->tab[ix->mend_layer].count) {
			ix->mend_pos = 0;
			if (++ix->mend_layer < g->layers)
				continue;
			err = vex_graph_top(g, &ix->top);
			return err ? err : STEP_MENDED;
		}
		err = vex_graph_mend(g, &w->walk, &ix->plan, ix->mend_layer, ix->mend_pos);
		ix->mend_pos += !ix->plan.more;
		if (err || ix->plan.n)
			return err;
	}
	return STEP_AGAIN;
}

/* Plan the links of a row, if there is one to do: enum step, or an error. Held for reading. */
static noinline_for_stack int row_plan(struct vex_hnsw *ix, struct vex_hnsw_walk *w)
{
	struct vex_graph *g = &ix->graph;
	struct vex_coll *c = &w->coll;
	int err, live;
	u64 id;

	err = ix->gone ? -ENOENT : vex_coll_load(ix->fs, ix->ino, c);
	if (err)
		return err;
	if (!next_row(ix, c, &id))
		return mend_plan(ix, w);
	live = vex_row_live(ix->fs, ix->ino, c, id);
	if (live < 0)
		return live;
	ix->planned = ix->updates;
	err = vex_walk_room(&w->walk, g, max(g->ef_build, VEX_GRAPH_ROOM), g->tab[0].count + 1);
	if (!err && live)
		err = vex_hnsw_read(ix, id * c->row_bytes, w->row, c->row_bytes);
	if (err)
		return err;
	ix->cut = live && vex_codec_cut(&g->codec, vex_codec_wide(&g->codec, w->row,
								   w->walk.wide));
	if (ix->cut && id == g->tab[0].count &&
	    !vex_drift_admits(&ix->drift, &g->codec, g->tab[0].count))
		return mend_plan(ix, w);
	if (live && id < g->tab[0].count) {
		err = vex_graph_leave(g, &w->walk, &ix->plan, id);
		if (err || ix->plan.n)
			return err;
	}
	return vex_graph_plan(g, &w->walk, &ix->plan, id, live ? w->row : NULL);
}

/*
 * Bytes of an item that an edit changes: all of a new one, and of one with a new code. With the
 * first one of a piece the whole piece is written, whatever was there before.
 */
static u32 edit_bytes(const struct vex_hnsw *ix, const struct vex_edit *e, bool whole)
{
	if (whole && !ix->plan.again && e->pos % ix->graph.tab[e->layer].per == 0)
		return VEX_SEG_BYTES;
	return e->layer || whole ? ix->graph.tab[e->layer].bytes : ix->graph.code_at;
}

/* Blocks that a plan may dirty, the head's among them. */
static u64 plan_blocks(const struct vex_hnsw *ix)
{
	u64 blocks = 3;
	u32 i;

	for (i = 0; i < ix->plan.n; i++)
		blocks += vex_span_blocks(VEXFS_BLOCK_SIZE - 1,
					  edit_bytes(ix, &ix->plan.edit[i], i <= ix->plan.top));
	return blocks;
}

static void pending_drop(struct vex_hnsw *ix, u32 id)
{
	u32 i, n = 0;

	for (i = 0; i < ix->nr_pending; i++)
		if (ix->pending[i] != id)
			ix->pending[n++] = ix->pending[i];
	ix->nr_pending = n;
}

/* Enter what was planned, unless the row may have changed since. In a transaction. */
static noinline_for_stack int row_enter(struct vex_hnsw *ix, struct vex_hnsw_walk *w)
{
	const struct vex_plan *p = &ix->plan;
	u32 blocks = 0;
	u32 i;
	int err;

	if (!p->links && ix->planned != ix->updates)
		return 0;
	err = ix->gone ? -ENOENT : vex_hnsw_touch_head(ix);
	if (!err)
		err = vex_plan_touch(&ix->graph, p);
	if (err)
		return err;
	vex_plan_apply(&ix->graph, &w->walk, p);
	if (p->again && !p->links)
		pending_drop(ix, p->id);
	if (!p->links) {
		ix->drift.cut += ix->cut;
		ix->drift.fresh += p->again;
	}
	for (i = 0; i < p->n; i++)
		blocks += vex_hnsw_dirty(ix, p->edit[i].layer, p->edit[i].pos,
					 edit_bytes(ix, &p->edit[i], i <= p->top));
	vex_space_owe(ix->fs, blocks);
	vex_hnsw_store_head(ix);
	return 0;
}

/* A pass around deleted rows is over. In a transaction. */
static int mend_enter(struct vex_hnsw *ix)
{
	int err = ix->gone ? -ENOENT : vex_hnsw_touch_head(ix);

	if (err)
		return err;
	ix->mending = false;
	ix->mended = ix->mend;
	vex_graph_top_apply(&ix->graph, &ix->top);
	vex_hnsw_store_head(ix);
	return 0;
}

/* STEP_DONE when there is nothing left to do, 0, or an error. */
static noinline_for_stack int row_step(struct vex_hnsw *ix, struct vex_hnsw_walk *w)
{
	struct vex_fs *fs = ix->fs;
	int err, step;

	vex_read_lock(&fs->lock);
	step = row_plan(ix, w);
	vex_read_unlock(&fs->lock);
	if (step < 0 || step == STEP_DONE)
		return step;
	if (step == STEP_AGAIN)
		return 0;
	err = vex_txn_begin(fs, 0, 1, step == STEP_MENDED ? 3 : plan_blocks(ix), 0);
	if (err)
		return err;
	err = step == STEP_MENDED ? mend_enter(ix) : row_enter(ix, w);
	vex_txn_end(fs);
	return err;
}

/* ---- growing ---------------------------------------------------------------------------- */

/* The codec, when there are rows enough; 1: not yet. */
static int codec_settle(struct vex_hnsw *ix, struct vex_hnsw_walk *w)
{
	int err;

	if (ix->trained)
		return 0;
	vex_read_lock(&ix->fs->lock);
	err = ix->gone ? -ENOENT : vex_coll_load(ix->fs, ix->ino, &w->coll);
	vex_read_unlock(&ix->fs->lock);
	if (err)
		return err;
	return w->coll.rows < VEX_HNSW_TRAIN ? 1 : vex_hnsw_codec_make(ix, w);
}

/* Write dirty segments when they pass their share. */
static int balance(void *arg)
{
	struct vex_fs *fs = arg;
	int err;

	vex_write_lock(&fs->lock);
	err = fs->stopped ? -EIO : vex_cache_balance(fs);
	vex_write_unlock(&fs->lock);
	return err;
}

/* 1: the index has to be made anew. */
static int grow(struct vex_hnsw *ix)
{
	struct vex_hnsw_walk *w = vex_hnsw_walk_take(ix);
	int err;

	if (!w)
		return -ENOMEM;
	err = codec_settle(ix, w);
	if (!err)
		err = vex_plan_room(&ix->plan, &ix->graph);
	while (!err) {
		err = row_step(ix, w);
		if (!err && vex_cache_unbalanced(ix->fs))
			err = vex_aside(ix->fs, VEX_ASIDE_CALL, balance, ix->fs);
		if (!err && vex_interrupted())
			err = -EINTR;
		vex_resched();
		/* Pieces that were read on the way add up. */
		vex_hnsw_settle(ix->fs);
	}
	if (err == STEP_DONE && ix->trained)
		err = vex_hnsw_codec_judge(ix, w);
	else
		err = min(err, 0);
	vex_hnsw_walk_give(ix, w);
	return err;
}

/* NULL: a collection without an index. */
static noinline_for_stack int index_open(struct vex_fs *fs, u64 ino, struct vex_hnsw **ix)
{
	struct vex_coll c;
	int err;

	*ix = NULL;
	vex_read_lock(&fs->lock);
	err = vex_coll_load(fs, ino, &c);
	if (!err && c.index != VEXFS_INDEX_FLAT)
		err = vex_hnsw_get(fs, ino, &c, ix);
	vex_read_unlock(&fs->lock);
	return err;
}

/* 1: the index has to be made anew. */
static noinline_for_stack int grow_once(struct vex_fs *fs, u64 ino)
{
	struct vex_hnsw *ix;
	int err;

	err = index_open(fs, ino, &ix);
	if (err || !ix)
		return err;
	vex_mutex_lock(&ix->growing);
	err = grow(ix);
	vex_plan_free(&ix->plan);
	vex_mutex_unlock(&ix->growing);
	vex_hnsw_put(ix);
	vex_hnsw_settle(fs);
	return err;
}

/* ---- statistics, and making it anew ------------------------------------------------------- */

static void stat_fill(const struct vex_hnsw *ix, struct vex_index_stat *out)
{
	const struct vex_graph *g = &ix->graph;

	out->code = vex_code_name(g->codec.kind);
	out->m = g->m;
	out->ef_construction = g->ef_build;
	out->tables = g->lsh.tables;
	out->bits = g->lsh.bits;
	out->indexed = g->tab[0].count;
	out->pending = ix->nr_pending;
}

int vex_index_stat(struct vex_fs *fs, u64 ino, struct vex_index_stat *out)
{
	struct vex_hnsw *ix = NULL;
	struct vex_coll c;
	int err;

	*out = (struct vex_index_stat){ };
	vex_read_lock(&fs->lock);
	err = vex_coll_load(fs, ino, &c);
	if (!err && c.index != VEXFS_INDEX_FLAT)
		err = vex_hnsw_get(fs, ino, &c, &ix);
	if (ix)
		stat_fill(ix, out);
	vex_read_unlock(&fs->lock);
	if (ix)
		vex_hnsw_put(ix);
	return err;
}

/* A new head in place of the old one, and nothing behind it. Lock held for writing. */
static noinline_for_stack
int rebuild_locked(struct vex_fs *fs, u64 ino, const struct vex_index_stat *want)
{
	struct vex_index_stat have = { };
	struct vex_hnsw *ix;
	struct vex_seg *seg;
	struct vex_coll c;
	int err;

	err = vex_coll_load(fs, ino, &c);
	if (err)
		return err;
	if (c.index == VEXFS_INDEX_FLAT)
		return -EOPNOTSUPP;
	err = vex_hnsw_get(fs, ino, &c, &ix);
	if (!err) {
		stat_fill(ix, &have);
		/* What nobody asked for may become another one. */
		have.code = ix->automatic ? VEXFS_CODE_AUTO : have.code;
		vex_hnsw_put(ix);
	} else if (err != -EUCLEAN && err != -EIO) {
		return err;
	}
	c.code = want->code ? want->code : have.code;
	c.m = want->m ? want->m : have.m;
	c.ef_construction = want->ef_construction ? want->ef_construction : have.ef_construction;
	c.tables = want->tables ? want->tables : have.tables;
	c.bits = want->bits ? want->bits : have.bits;
	if (!vex_hnsw_served(&c))
		return -EINVAL;
	vex_hnsw_forget(fs, ino);
	err = vex_hnsw_create_prepare(fs, ino, &seg);
	if (!err)
		vex_hnsw_create(fs, seg, &c);
	return err;
}

/* The same in a transaction. */
static noinline_for_stack
int begin_anew(struct vex_fs *fs, u64 ino, const struct vex_index_stat *want)
{
	int err = vex_txn_begin(fs, 0, 1, VEX_SEG_BLOCKS, 0);

	if (err)
		return err;
	err = rebuild_locked(fs, ino, want);
	vex_txn_end(fs);
	return err;
}

int vex_hnsw_grow(struct vex_fs *fs, u64 ino)
{
	static const struct vex_index_stat as_it_is;
	int err;

	while ((err = grow_once(fs, ino)) == 1) {
		err = begin_anew(fs, ino, &as_it_is);
		if (err)
			break;
	}
	return err;
}

int vex_index_rebuild(struct vex_fs *fs, u64 ino, const struct vex_index_stat *want)
{
	int err;

	err = vex_component_need(fs, VEXFS_COMPONENT_SEARCH | VEXFS_COMPONENT_STORAGE);
	if (!err)
		err = begin_anew(fs, ino, want);
	return err ? err : vex_hnsw_grow(fs, ino);
}

/* ---- updates ---------------------------------------------------------------------------- */

int vex_hnsw_update_prepare(struct vex_fs *fs, u64 ino, const struct vex_coll *c,
			    const struct vex_rows *r, struct vex_hnsw **out)
{
	struct vex_hnsw *ix;
	int err;

	*out = NULL;
	if (c->index == VEXFS_INDEX_FLAT)
		return 0;
	err = vex_hnsw_get(fs, ino, c, &ix);
	if (err)
		return err;
	/* In all there is room for one update. */
	if (ix->nr_pending && ix->nr_pending + r->count > VEXFS_MAX_UPDATE)
		err = -EBUSY;
	if (!err)
		err = vex_hnsw_touch_head(ix);
	if (err)
		vex_hnsw_put(ix);
	else
		*out = ix;
	return err;
}

void vex_hnsw_update_apply(struct vex_hnsw *ix, const struct vex_rows *r)
{
	u32 i;

	ix->updates++;
	for (i = 0; i < r->count; i++)
		if (r->ids[i] < ix->graph.tab[0].count && !vex_hnsw_pending(ix, r->ids[i]))
			ix->pending[ix->nr_pending++] = r->ids[i];
	vex_hnsw_store_head(ix);
	vex_hnsw_put(ix);
}

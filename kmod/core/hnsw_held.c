// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Which of an index is in memory. The graph's tables point into the segments that are, each held
 * once for all walks; a missing one is read when a walk comes to it. When those that are held come
 * to be more than half of the cache's bound, all are let go of between two searches: what is still
 * used is found in the cache again, and the rest may leave.
 */
#include "vex_hnsw.h"

static u64 chunk_index(u32 layer, u32 chunk)
{
	return VEXFS_INDEX_LAYER(layer) / VEX_SEG_BYTES + chunk;
}

/* Publish a piece, unless somebody else did in the meantime. */
static void chunk_install(struct vex_hnsw *ix, u32 layer, u32 chunk, struct vex_seg *seg)
{
	struct vex_fs *fs = ix->fs;
	bool second;

	vex_spin_lock(&fs->cache_lock);
	second = ix->held[layer][chunk];
	if (!second) {
		ix->held[layer][chunk] = seg;
		WRITE_ONCE(ix->graph.tab[layer].chunk[chunk], seg->data);
		fs->index_held += VEX_SEG_MEMORY;
	}
	vex_spin_unlock(&fs->cache_lock);
	if (second)
		vex_seg_put(fs, seg);
}

static struct vex_hnsw *hnsw_of(struct vex_graph *g)
{
	return container_of(g, struct vex_hnsw, graph);
}

static int chunk_load(struct vex_graph *g, u32 layer, u32 chunk)
{
	struct vex_hnsw *ix = hnsw_of(g);
	struct vex_seg *seg;
	int err;

	/* Made anew meanwhile: what lies there is another graph's, and nothing here is held. */
	if (ix->gone)
		return -ESTALE;
	/* Codes are all read, one piece after the other. */
	if (g->codes)
		err = vex_stream_get(ix->fs, ix->ino, chunk_index(0, chunk),
				     chunk_index(0, vex_tab_chunk(&g->tab[0], g->tab[0].count)) + 1,
				     &seg);
	else
		err = vex_seg_get_aside(ix->fs, ix->ino, chunk_index(layer, chunk), false, &seg);
	if (!err)
		chunk_install(ix, layer, chunk, seg);
	return err;
}

int vex_hnsw_held_room(struct vex_hnsw *ix, u32 layer, u32 count)
{
	struct vex_tab *t = &ix->graph.tab[layer];
	struct vex_seg **held;
	int err;

	err = vex_tab_room(t, count);
	if (err || t->chunks <= ix->held_room[layer])
		return err;
	held = vex_zalloc_kept(t->chunks * sizeof(struct vex_seg *));
	if (!held)
		return -ENOMEM;
	if (ix->held_room[layer])
		memcpy(held, ix->held[layer], ix->held_room[layer] * sizeof(struct vex_seg *));
	vex_free(ix->held[layer]);
	ix->held[layer] = held;
	ix->held_room[layer] = t->chunks;
	return 0;
}

/* The piece of a new item may be new itself: then there is nothing to read. */
static int chunk_touch(struct vex_graph *g, u32 layer, u32 pos)
{
	struct vex_hnsw *ix = hnsw_of(g);
	struct vex_tab *t = &g->tab[layer];
	u32 chunk = vex_tab_chunk(t, pos);
	struct vex_seg *seg;
	int err;

	err = vex_hnsw_held_room(ix, layer, chunk + 1);
	if (err)
		return err;
	if (!ix->held[layer][chunk]) {
		bool fresh = pos == t->count && pos % t->per == 0;

		err = vex_seg_get_aside(ix->fs, ix->ino, chunk_index(layer, chunk), fresh, &seg);
		if (err)
			return err;
		chunk_install(ix, layer, chunk, seg);
	}
	seg = ix->held[layer][chunk];
	err = vex_seg_settle(ix->fs, seg);
	t->chunk[chunk] = seg->data;
	return err;
}

static int row_dead(struct vex_graph *g, u32 id)
{
	struct vex_hnsw *ix = hnsw_of(g);

	return vex_row_dead(ix->fs, ix->ino, id);
}

/* The pieces of all codes may be more than a search may hold. */
static int lock_breathe(struct vex_graph *g)
{
	struct vex_hnsw *ix = hnsw_of(g);

	vex_read_unlock(&ix->fs->lock);
	vex_resched();
	vex_hnsw_settle(ix->fs);
	vex_read_lock(&ix->fs->lock);
	if (ix->gone)
		return -ESTALE;
	return vex_interrupted() ? -EINTR : 0;
}

const struct vex_graph_ops vex_hnsw_graph_ops = {
	.load = chunk_load,
	.touch = chunk_touch,
	.dead = row_dead,
	.breathe = lock_breathe,
};

u32 vex_hnsw_dirty(struct vex_hnsw *ix, u32 layer, u32 pos, u32 bytes)
{
	struct vex_tab *t = &ix->graph.tab[layer];
	u32 chunk = vex_tab_chunk(t, pos);
	u32 at = (pos - chunk * t->per) * t->bytes;

	return vex_seg_dirty(ix->fs, ix->held[layer][chunk], at, at + bytes);
}

void vex_hnsw_head_hold(struct vex_hnsw *ix, struct vex_seg *seg)
{
	vex_spin_lock(&ix->fs->cache_lock);
	ix->head = seg;
	ix->fs->index_held += VEX_SEG_MEMORY;
	vex_spin_unlock(&ix->fs->cache_lock);
}

void vex_hnsw_head_release(struct vex_hnsw *ix)
{
	struct vex_seg *seg = ix->head;

	if (!seg)
		return;
	vex_spin_lock(&ix->fs->cache_lock);
	ix->head = NULL;
	ix->fs->index_held -= VEX_SEG_MEMORY;
	vex_spin_unlock(&ix->fs->cache_lock);
	vex_seg_put(ix->fs, seg);
}

void vex_hnsw_release(struct vex_hnsw *ix)
{
	struct vex_fs *fs = ix->fs;
	struct vex_seg *seg;
	u32 layer, i;

	vex_assert_write_locked(&fs->lock);
	for (layer = 0; layer < VEX_GRAPH_LAYERS; layer++)
		for (i = 0; i < ix->held_room[layer]; i++) {
			seg = ix->held[layer][i];
			if (!seg)
				continue;
			ix->held[layer][i] = NULL;
			ix->graph.tab[layer].chunk[i] = NULL;
			fs->index_held -= VEX_SEG_MEMORY;
			vex_seg_put(fs, seg);
		}
	vex_hnsw_head_release(ix);
}

static void release_all(struct vex_fs *fs)
{
	struct vex_hnsw *ix;

	/* Whoever changes the list holds fs->lock, too. */
	vex_assert_write_locked(&fs->lock);
	list_for_each_entry(ix, &fs->indexes, list)
		vex_hnsw_release(ix);
}

bool vex_hnsw_excess(const struct vex_fs *fs)
{
	return READ_ONCE(fs->index_held) > vex_cache_bound(fs) / 2;
}

static int settle(void *arg)
{
	struct vex_fs *fs = arg;

	vex_write_lock(&fs->lock);
	release_all(fs);
	vex_write_unlock(&fs->lock);
	vex_cache_trim(fs);
	return 0;
}

/* Freeing memory goes deep; who comes here may be deep already. */
void vex_hnsw_settle(struct vex_fs *fs)
{
	if (unlikely(vex_hnsw_excess(fs)))
		vex_aside(fs, VEX_ASIDE_CALL, settle, fs);
}

void vex_hnsw_shrink(struct vex_fs *fs)
{
	if (!READ_ONCE(fs->index_held) || !vex_write_trylock(&fs->lock))
		return;
	release_all(fs);
	vex_write_unlock(&fs->lock);
}

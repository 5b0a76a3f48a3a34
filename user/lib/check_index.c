// SPDX-License-Identifier: GPL-2.0-only
/*
 * Indexes of collections: is every item of a graph, or of buckets, what it should be, and does
 * every link lead to one? Rows and index are read by the core itself, once all that they stand on
 * was found sound.
 */
#include <stdlib.h>

#include "check.h"
#include "vex_hnsw.h"
#include "vex_lsh.h"

/* ---- a graph ------------------------------------------------------------------------ */

/* Which rule an item breaks, or NULL. */
static const char *links_wrong(const struct vex_graph *g, u32 layer, u32 pos, const u8 *item)
{
	const __le32 *link;
	u32 i, j, n = vex_links_of(g, layer, item, &link);

	if (item[0] > vex_layer_links(g, layer))
		return "has more links than there is room for";
	for (i = 0; i < n; i++) {
		if (le32_to_cpu(link[i]) >= g->tab[layer].count)
			return "links to what does not exist";
		if (le32_to_cpu(link[i]) == pos)
			return "links to itself";
		for (j = 0; j < i; j++)
			if (link[i] == link[j])
				return "has a link twice";
	}
	return NULL;
}

static const char *rec_wrong(const u8 *item)
{
	const struct vex_rec *rec = (const struct vex_rec *)item;

	if (rec->flags & ~VEX_REC_DEAD || rec->zero)
		return "has unknown flags";
	return rec->flags && rec->count ? "was deleted before it came, and has links" : NULL;
}

/* Rows ascend, stand in the layer below, too, and are as high as their numbers say. */
static int upper_wrong(struct vex_graph *g, u32 layer, u32 pos, const struct vex_upper *u,
		       const char **why)
{
	u32 id = le32_to_cpu(u->id), other;
	int err;

	*why = "is of a row that does not exist";
	if (id >= g->tab[0].count || vex_draw_layer(id, g->m) < layer)
		return 0;
	*why = "does not stand behind those of lower rows";
	if (pos) {
		err = vex_item_row(g, layer, pos - 1, &other);
		if (err || other >= id)
			return err;
	}
	*why = "leads to another row in the layer below";
	if (le32_to_cpu(u->below) >= g->tab[layer - 1].count)
		return 0;
	err = vex_item_row(g, layer - 1, le32_to_cpu(u->below), &other);
	if (!err && other == id)
		*why = u->zero[0] | u->zero[1] | u->zero[2] ? "has bytes that mean nothing" : NULL;
	return err;
}

/* Of buckets: rows that exist come next. */
static const char *bucket_links_wrong(const struct vex_graph *g, u32 layer, u8 *item)
{
	u32 t;

	for (t = 0; t < (layer ? 1 : g->lsh.tables); t++)
		if (le32_to_cpu(*vex_lsh_link(layer, item, t)) > g->tab[0].count)
			return "links to what does not exist";
	return NULL;
}

int vex_graph_check_item(struct vex_graph *g, u32 layer, u32 pos, struct vex_graph_fault *fault)
{
	const char *why = NULL;
	u8 *item;
	int err;

	fault->text = NULL;
	err = vex_item_get(g, layer, pos, &item);
	/* What codes are is the rows' to tell: check_codes.c. */
	if (err || g->codes)
		return err;
	fault->code = VEX_P_INDEX_ITEM;
	if (layer && !g->lsh.tables)
		err = upper_wrong(g, layer, pos, (const struct vex_upper *)item, &why);
	else if (!layer)
		why = rec_wrong(item);
	if (!why) {
		fault->code = VEX_P_INDEX_LINK;
		why = g->lsh.tables ? bucket_links_wrong(g, layer, item) :
				      links_wrong(g, layer, pos, item);
	}
	fault->text = why;
	return err;
}

/* Items of one layer that links lead to; those that are @seen at first, and @found of them queued. */
static int layer_reach(struct vex_graph *g, u32 layer, u8 *seen, u32 *queue, u32 *found)
{
	u32 next = 0, i, n, to;
	const __le32 *link;
	u8 *item;
	int err;

	while (next < *found) {
		err = vex_item_get(g, layer, queue[next++], &item);
		if (err)
			return err;
		n = vex_links_of(g, layer, item, &link);
		for (i = 0; i < n; i++) {
			to = le32_to_cpu(link[i]);
			if (to >= g->tab[layer].count || seen[to])
				continue;
			seen[to] = 1;
			queue[(*found)++] = to;
		}
	}
	return 0;
}

/* What was reached in a layer is where the one below begins. */
static int layer_down(struct vex_graph *g, u32 layer, u8 *seen, u32 *queue, u32 found)
{
	u32 i;
	int err;

	memset(seen, 0, g->tab[0].count);
	for (i = 0; i < found; i++) {
		err = vex_item_below(g, layer, queue[i], &queue[i]);
		if (err)
			return err;
		if (queue[i] >= g->tab[layer - 1].count)
			return -EUCLEAN;
		seen[queue[i]] = 1;
	}
	return 0;
}

long vex_graph_unreached(struct vex_graph *g)
{
	u32 count = g->tab[0].count, found = 1, missed = 0, layer, i;
	u32 *queue = calloc(max(count, 1u), sizeof(*queue));
	u8 *seen = calloc(max(count, 1u), 1);
	int err = queue && seen ? 0 : -ENOMEM;

	if (!err && g->layers) {
		queue[0] = g->entry;
		seen[g->entry] = 1;
	}
	for (layer = g->layers; layer-- && !err;) {
		err = layer_reach(g, layer, seen, queue, &found);
		if (!err && layer)
			err = layer_down(g, layer, seen, queue, found);
	}
	for (i = 0; i < count && !err; i++)
		missed += !seen[i] && !g->ops->dead(g, i);
	free(queue);
	free(seen);
	return err ? err : missed;
}

/* ---- of a collection in an image ------------------------------------------------------- */

/* Items between two looks at the memory that is held. */
#define ITEMS_HELD	4096u

void check_index_settle(struct vex_hnsw *ix, u32 step)
{
	if (step % ITEMS_HELD)
		return;
	vex_read_unlock(&ix->fs->lock);
	vex_hnsw_settle(ix->fs);
	vex_read_lock(&ix->fs->lock);
}

/* Adds to *@told. */
static int items_check(struct check *c, struct vex_hnsw *ix, u32 layer, u32 *told)
{
	u32 pos, most = *told + CHECK_INDEX_TOLD;
	struct vex_graph *g = &ix->graph;
	struct vex_graph_fault fault;
	int err = 0;

	for (pos = 0; pos < g->tab[layer].count && !err && *told < most; pos++) {
		err = vex_graph_check_item(g, layer, pos, &fault);
		if (!err && fault.text)
			check_problem(c, fault.code, 0, ix->ino, "item %u of layer %u %s", pos, layer,
				      fault.text);
		*told += !err && fault.text;
		check_index_settle(ix, pos + 1);
	}
	return err;
}

static int index_check(struct check *c, struct vex_fs *fs, u64 ino)
{
	struct vex_hnsw *ix = NULL;
	struct vex_coll coll;
	u32 layer, told = 0;
	int err;

	vex_read_lock(&fs->lock);
	err = vex_coll_load(fs, ino, &coll);
	if (!err)
		err = vex_hnsw_get(fs, ino, &coll, &ix);
	if (err == -EUCLEAN)
		check_problem(c, VEX_P_INDEX_HEAD, 0, ino, "the head of the index tells nothing");
	for (layer = 0; ix && layer < ix->graph.layers && !err; layer++)
		err = items_check(c, ix, layer, &told);
	if (ix && ix->graph.lsh.tables && !err && !told)
		err = check_lsh(c, ix);
	if (ix && ix->graph.codes && !err && !told)
		err = check_codes(c, ix);
	vex_read_unlock(&fs->lock);
	if (ix)
		vex_hnsw_put(ix);
	/* Blocks that cannot be read were told already. */
	return err == -EUCLEAN || err == -EIO ? 0 : err;
}

int check_indexes(struct check *c)
{
	struct vex_open_opts opts = { .read_only = true };
	struct vex_fs *fs = NULL;
	size_t i;
	int err = 0;

	for (i = 0; i < c->coll_count && !err; i++) {
		const struct check_coll *k = &c->colls[i];

		if (k->index == VEXFS_INDEX_FLAT || inode_dying(inode_find(c, k->ino)))
			continue;
		if (!fs)
			err = vex_fs_open(&c->io, &opts, &fs, NULL);
		if (!err)
			err = index_check(c, fs, k->ino);
	}
	if (fs)
		vex_fs_close(fs);
	return err;
}

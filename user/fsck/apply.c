// SPDX-License-Identifier: GPL-2.0-only
/* Making it so: the items once more, each as it shall be, in one transaction. */
#include "repair.h"

/* Items between write-outs of a tree that is written anew: bounds the memory. */
#define WRITE_OUT	65536u

static u64 group_blocks(const struct check *c, u64 g)
{
	return min_t(u64, c->blocks - g * VEXFS_GROUP_BLOCKS, VEXFS_GROUP_BLOCKS);
}

/* The core's bitmap of a group becomes what was found. */
static int group_set(struct repair *r, u64 g)
{
	u64 blocks = group_blocks(r->c, g);
	u8 *bits = vex_zalloc(VEX_GROUP_MEMORY);

	if (!bits)
		return -ENOMEM;
	if (r->c->used.groups[g])
		memcpy(bits, r->c->used.groups[g], VEXFS_GROUP_BYTES);
	for (u32 i = blocks; i < VEXFS_GROUP_BLOCKS; i++)
		vex_bit_set(bits, i);
	vex_group_attach(r->fs, g, bits);
	return 0;
}

/*
 * Nothing that was found to be in use is written over. What of it is not kept is freed at the
 * end, for the next transaction.
 */
static int space_set(struct repair *r)
{
	struct check *c = r->c;
	int err = 0;

	for (u64 g = 0; g < c->used.nr_groups && !err; g++) {
		bool wrong = vex_bit_test(c->bitmap_wrong, g);
		bool seen = vex_bit_test(c->bitmap_seen, g);

		if (!c->used.groups[g] && !wrong)
			continue;
		err = group_set(r, g);
		if (!err && (r->copy || wrong || !seen)) {
			list_add_tail(&r->fs->groups[g].dirty, &r->fs->groups_dirty);
			r->changes = true;
		}
	}
	r->fs->free = c->blocks - c->used.count;
	r->fs->pinned = 0;
	return err;
}

static int tree_begin(struct repair *r)
{
	struct vex_fs *fs = r->fs;
	struct vex_node *root;
	int err;

	fs->tree_blocks = r->c->result.tree_blocks;
	if (!r->copy)
		return 0;
	fs->tree_blocks = 0;
	fs->root_level = 0;
	/* While there is no root the core does not look for bitmaps. */
	fs->root_block = 0;
	err = vex_node_new(fs, 0, &root);
	if (err)
		return err;
	fs->root_block = root->block;
	fs->root_generation = fs->generation;
	vex_node_put(fs, root);
	return 0;
}

static int item_insert(struct vex_fs *fs, const struct vex_key *key, const void *data, u32 len)
{
	struct vex_path path;
	int err = vex_tree_insert(fs, key, len, &path);

	if (err)
		return err;
	memcpy(vex_path_data(&path), data, len);
	vex_path_release(fs, &path);
	return 0;
}

static int item_delete(struct vex_fs *fs, const struct vex_key *key)
{
	struct vex_path path;
	int err = vex_tree_touch(fs, key, &path);

	if (!err)
		vex_tree_delete(fs, &path);
	else if (err == -ENOENT)
		vex_path_release(fs, &path);
	return err;
}

/* What was written so far needs no memory any more. */
static int write_out(struct repair *r)
{
	u32 nodes;
	int err;

	if (!r->copy || ++r->pending < WRITE_OUT)
		return 0;
	r->pending = 0;
	err = vex_node_write_dirty(r->fs, &nodes);
	if (!err)
		err = vex_flush_now(r->fs);
	if (err)
		return err;
	vex_node_launch(r->fs);
	vex_node_land(r->fs, true);
	return 0;
}

static int apply_item(struct check *c, const struct check_item *it, void *arg)
{
	struct repair *r = arg;
	u8 data[VEXFS_BLOCK_SIZE] __aligned(8);
	u32 len;
	enum verdict verdict = decide(r, it, data, &len);
	bool same = verdict == KEEP && len == it->len && !memcmp(data, it->data, len);
	int err = 0;

	if (c->err)
		return c->err;
	if (r->copy) {
		if (verdict == KEEP)
			err = item_insert(r->fs, &it->key, data, len);
		return err ? err : write_out(r);
	}
	if (same)
		return 0;
	r->changes = true;
	err = item_delete(r->fs, &it->key);
	if (!err && verdict == KEEP)
		err = item_insert(r->fs, &it->key, data, len);
	return err;
}

static int apply_items(struct repair *r)
{
	struct check *c = r->c;
	int err = 0;

	c->extent_ino = 0;
	c->extent_end = 0;
	c->tomb_ino = 0;
	c->dup->dir = 0;
	c->dup->count = 0;
	for (size_t i = 0; i < c->leaf_count && !err; i++) {
		err = leaf_read(c, i) ? -EIO : leaf_each(c, i, apply_item, r);
		if (!err)
			err = check_progress(c, 0);
	}
	return err;
}

static int apply_new(struct repair *r)
{
	struct check *c = r->c;
	int err = 0;

	for (size_t i = 0; i < c->inode_count && !err; i++) {
		const struct check_inode *n = &c->inodes[i];
		struct vex_key key = vex_key(n->ino, VEXFS_ITEM_INODE, 0);
		struct vexfs_inode_item item = {
			.generation = cpu_to_le32((u32)r->fs->generation),
			.btime = vex_time_pack(vex_now(r->fs)),
		};

		if (!n->missing)
			continue;
		item.atime = item.btime;
		item.mtime = item.btime;
		item.ctime = item.btime;
		decide_inode(r, n, &item);
		err = item_insert(r->fs, &key, &item, sizeof(item));
		r->inodes++;
		r->changes = true;
	}
	for (size_t i = 0; i < r->name_count && !err; i++) {
		err = enter(r->fs, &r->names[i]);
		r->changes = true;
	}
	return err;
}

/* Free what was in use and is not kept. The core has freed the nodes that it replaced. */
static void free_rest(struct repair *r)
{
	const struct block_map *used = &r->c->used;

	for (u64 block = 0; block < used->blocks; block++) {
		if (!used->groups[block / VEXFS_GROUP_BLOCKS]) {
			block |= VEXFS_GROUP_BLOCKS - 1;
			continue;
		}
		if (!map_test(used, block) || map_test(&r->keep, block))
			continue;
		vex_blocks_free(r->fs, block, 1, false);
		r->changes = true;
	}
}

static int keep_begin(struct repair *r)
{
	const struct block_map *tree = &r->c->tree;
	int err = map_init(&r->judged, r->c->blocks);

	if (!err)
		err = map_init(&r->keep, r->c->blocks);
	if (!err)
		err = map_add_reserved(&r->judged);
	if (!err)
		err = map_add_reserved(&r->keep);
	for (u64 block = 0; block < tree->blocks && !err; block++) {
		if (!tree->groups[block / VEXFS_GROUP_BLOCKS]) {
			block |= VEXFS_GROUP_BLOCKS - 1;
			continue;
		}
		if (!map_test(tree, block))
			continue;
		err = map_add(&r->judged, block, 1);
		if (!err && !r->copy)
			err = map_add(&r->keep, block, 1);
	}
	return err;
}

static void super_set(struct repair *r)
{
	struct vexfs_super *sb = &r->fs->super;

	r->fs->unwritten = r->unwritten;
	r->fs->inode_count = r->inodes;
	r->fs->next_ino = r->next_ino;
	vex_features_fill(sb, le64_to_cpu(sb->features) | r->c->missing_features);
	memset(sb->reserved, 0, sizeof(sb->reserved));
}

/* A generation above all others whose superblock goes over the one that is not in use. */
static u64 generation_next(const struct check *c)
{
	u64 generation = c->highest + 1;

	return (generation & 1) == c->slot ? generation + 1 : generation;
}

static int apply_locked(struct repair *r)
{
	int err = space_set(r);

	if (!err)
		err = keep_begin(r);
	if (!err)
		err = tree_begin(r);
	if (!err)
		err = apply_items(r);
	if (!err)
		err = apply_new(r);
	if (err)
		return err;
	free_rest(r);
	super_set(r);
	return 0;
}

int apply(struct repair *r)
{
	int err = vex_fs_attach(&r->c->io, &r->c->sb, &r->fs), closed;

	if (err)
		return err;
	r->fs->generation = generation_next(r->c);
	vex_write_lock(&r->fs->lock);
	err = apply_locked(r);
	if (err)
		vex_fs_stop(r->fs);
	vex_write_unlock(&r->fs->lock);
	if (!err)
		err = vex_commit(r->fs, true);
	/* Both superblocks shall name the repaired state, so that neither leads back. */
	if (!err)
		err = vex_commit(r->fs, true);
	closed = vex_fs_close(r->fs);
	map_free(&r->judged);
	map_free(&r->keep);
	return err ? err : closed;
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Tree nodes in memory: reading with verification, copy-on-write, write-out.
 *
 * A node is clean (as on the device), dirty (of the running transaction, at a block of
 * its own, pinned) or in flight (of the commit under way). Copy-on-write copies memory only
 * when the device may still read it; otherwise the node moves to its new block, since
 * nobody needs the old content in memory any more.
 */
#include "vex_leaf.h"

static struct vex_node *node_alloc(void)
{
	struct vex_node *node = vex_zalloc_kept(sizeof(*node));

	if (!node)
		return NULL;
	node->hdr = vex_alloc_cache(VEXFS_BLOCK_SIZE, false);
	if (!node->hdr) {
		vex_free(node);
		return NULL;
	}
	node->c.kind = VEX_CACHE_NODE;
	INIT_LIST_HEAD(&node->c.hash);
	INIT_LIST_HEAD(&node->c.list);
	return node;
}

void vex_node_release_memory(struct vex_node *node)
{
	vex_free(node->hdr);
	vex_free(node);
}

/* A spare node, of the memory of a cached one when there is no other. */
static struct vex_node *node_make(struct vex_fs *fs)
{
	struct vexfs_node *hdr;
	struct vex_cached *c;
	struct vex_node *node = node_alloc();

	if (node)
		return node;
	c = vex_cache_steal(fs, VEX_CACHE_NODE);
	if (!c)
		return vex_cache_relieve(fs, VEX_CACHE_NODE) ? node_alloc() : NULL;
	node = container_of(c, struct vex_node, c);
	hdr = node->hdr;
	memset(node, 0, sizeof(*node));
	node->hdr = hdr;
	node->c.kind = VEX_CACHE_NODE;
	INIT_LIST_HEAD(&node->c.hash);
	INIT_LIST_HEAD(&node->c.list);
	return node;
}

/* cache_lock held. */
static struct vex_node *node_lookup(struct vex_fs *fs, u64 block)
{
	struct vex_node *node;

	list_for_each_entry(node, vex_cache_bucket(fs, VEX_CACHE_NODE, block, 0), c.hash)
		if (node->block == block)
			return node;
	return NULL;
}

static int item_cmp(const struct vexfs_item *a, const struct vexfs_item *b)
{
	if (a->ino != b->ino)
		return le64_to_cpu(a->ino) < le64_to_cpu(b->ino) ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->offset != b->offset)
		return le64_to_cpu(a->offset) < le64_to_cpu(b->offset) ? -1 : 1;
	return 0;
}

/* Items ascend, and their data are packed downwards from the end of the block. */
static const char *leaf_check(const struct vexfs_node *hdr)
{
	const struct vexfs_item *it = (const struct vexfs_item *)(hdr + 1);
	u32 count = le16_to_cpu(hdr->count);
	u32 end = VEXFS_BLOCK_SIZE;
	u32 i;

	if (count > VEX_NODE_SPACE / sizeof(*it))
		return "leaf with too many items";
	for (i = 0; i < count; i++) {
		u32 room = vex_leaf_room(le16_to_cpu(it[i].len));

		if (room > end || le16_to_cpu(it[i].data) != end - room)
			return "leaf with misplaced data";
		end -= room;
		if (i && item_cmp(&it[i - 1], &it[i]) >= 0)
			return "leaf with items out of order";
	}
	if (end < sizeof(*hdr) + count * sizeof(*it))
		return "leaf with overlapping items";
	return NULL;
}

static int child_cmp(const struct vexfs_child *a, const struct vexfs_child *b)
{
	if (a->ino != b->ino)
		return le64_to_cpu(a->ino) < le64_to_cpu(b->ino) ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->offset != b->offset)
		return le64_to_cpu(a->offset) < le64_to_cpu(b->offset) ? -1 : 1;
	return 0;
}

static const char *inner_check(const struct vex_fs *fs, const struct vexfs_node *hdr)
{
	const struct vexfs_child *ch = (const struct vexfs_child *)(hdr + 1);
	u32 count = le16_to_cpu(hdr->count);
	u32 i;

	if (!count || count > VEX_CHILD_MAX)
		return "inner node with a wrong number of children";
	for (i = 0; i < count; i++) {
		if (le64_to_cpu(ch[i].block) >= fs->blocks)
			return "child outside of the filesystem";
		if (i && child_cmp(&ch[i - 1], &ch[i]) >= 0)
			return "children out of order";
	}
	return NULL;
}

/* Everything that the rest of the core relies on, so that no image can mislead it. */
static const char *node_check(const struct vex_fs *fs, const struct vexfs_node *hdr, u64 block,
			      u64 generation, u32 level)
{
	if (le32_to_cpu(hdr->magic) != VEXFS_NODE_MAGIC)
		return "not a tree node";
	if (le32_to_cpu(hdr->csum) != vex_crc32c((const u8 *)hdr + 4, VEXFS_BLOCK_SIZE - 4))
		return "tree node fails its checksum";
	if (le64_to_cpu(hdr->fsid) != fs->fsid)
		return "tree node of another filesystem";
	if (le64_to_cpu(hdr->block) != block || le64_to_cpu(hdr->generation) != generation)
		return "tree node is stale or misplaced";
	if (le16_to_cpu(hdr->level) != level)
		return "tree node of a wrong level";
	return level ? inner_check(fs, hdr) : leaf_check(hdr);
}

static int node_read(struct vex_fs *fs, struct vex_node *node, u64 block, u64 generation,
		     u32 level)
{
	const char *what;
	int err;

	if (block >= fs->blocks)
		return vex_damaged(fs, block, "tree node outside of the filesystem");
	err = vex_dev_read(fs, block, 1, node->hdr);
	if (err)
		return err;
	what = node_check(fs, node->hdr, block, generation, level);
	if (what)
		return vex_damaged(fs, block, what);
	node->block = block;
	return 0;
}

/* A reference to a cached node; with @count its absence is a miss. */
static struct vex_node *node_hold(struct vex_fs *fs, u64 block, bool count)
{
	struct vex_node *node;

	vex_spin_lock(&fs->cache_lock);
	node = node_lookup(fs, block);
	if (node) {
		node->c.refs++;
		vex_cache_used(fs, &node->c);
		vex_trace_cache_hit(VEX_CACHE_NODE);
	} else if (count) {
		vex_cache_missed(fs, VEX_CACHE_NODE);
	}
	vex_spin_unlock(&fs->cache_lock);
	return node;
}

/* Hand out a held node. A forged tree can name one block twice, at two levels. */
static int node_is(struct vex_fs *fs, struct vex_node *node, u64 generation, u32 level,
		   struct vex_node **out)
{
	u64 block = node->block;

	*out = node;
	if (le16_to_cpu(node->hdr->level) == level &&
	    le64_to_cpu(node->hdr->generation) == generation)
		return 0;
	vex_node_put(fs, node);
	return vex_damaged(fs, block, "tree node with two parents");
}

int vex_node_get_cached(struct vex_fs *fs, u64 block, u64 generation, u32 level,
			struct vex_node **out)
{
	struct vex_node *node = node_hold(fs, block, false);

	return node ? node_is(fs, node, generation, level, out) : -EAGAIN;
}

/* Read a node that is not cached. */
static noinline_for_stack
int node_fetch(struct vex_fs *fs, u64 block, u64 generation, u32 level, struct vex_node **out)
{
	struct vex_node *node, *other;
	int err;

	vex_trace_cache_miss(VEX_CACHE_NODE, block, 0);
	node = node_make(fs);
	if (!node)
		return -ENOMEM;
	err = node_read(fs, node, block, generation, level);
	if (err) {
		vex_node_release_memory(node);
		return err;
	}

	vex_spin_lock(&fs->cache_lock);
	other = node_lookup(fs, block);
	if (other) {
		other->c.refs++;
	} else {
		node->c.refs = 1;
		vex_cache_enter(fs, &node->c, block, 0, false, NULL);
	}
	vex_spin_unlock(&fs->cache_lock);

	if (other) {
		vex_node_release_memory(node);
		node = other;
	} else {
		vex_cache_trim(fs);
	}
	*out = node;
	return 0;
}

/**
 * vex_node_get() - hold a node, reading and verifying it when it is not cached
 * @fs: filesystem, locked
 * @block: where the parent says that it stands
 * @generation: which content the parent means
 * @level: level that it must have
 * @out: receives the node, with a reference
 *
 * Return: 0, -EUCLEAN, -ENOMEM, or the device's error.
 */
int vex_node_get(struct vex_fs *fs, u64 block, u64 generation, u32 level, struct vex_node **out)
{
	struct vex_node *node = node_hold(fs, block, true);

	if (node)
		return node_is(fs, node, generation, level, out);
	return node_fetch(fs, block, generation, level, out);
}

void vex_node_put(struct vex_fs *fs, struct vex_node *node)
{
	vex_spin_lock(&fs->cache_lock);
	node->c.refs--;
	vex_spin_unlock(&fs->cache_lock);
}

int vex_node_prealloc(struct vex_fs *fs, u32 count)
{
	struct vex_node *node;

	while (fs->pool_count < count) {
		node = node_make(fs);
		if (!node)
			return -ENOMEM;
		list_add(&node->c.list, &fs->node_pool);
		fs->pool_count++;
	}
	return 0;
}

int vex_node_new(struct vex_fs *fs, u32 level, struct vex_node **out)
{
	struct vex_node *node;
	u64 block;
	u32 count;
	int err;

	vex_assert_write_locked(&fs->lock);
	err = vex_node_prealloc(fs, 1);
	if (err)
		return err;
	err = vex_blocks_alloc(fs, 1, true, &block, &count);
	if (err)
		return err;
	node = list_first_entry(&fs->node_pool, struct vex_node, c.list);
	fs->pool_count--;

	memset(node->hdr, 0, VEXFS_BLOCK_SIZE);
	node->hdr->magic = cpu_to_le32(VEXFS_NODE_MAGIC);
	node->hdr->fsid = cpu_to_le64(fs->fsid);
	node->hdr->block = cpu_to_le64(block);
	node->hdr->generation = cpu_to_le64(fs->generation);
	node->hdr->level = cpu_to_le16(level);
	node->block = block;
	node->c.refs = 1;
	node->dirty = true;
	node->epoch = 0;

	vex_spin_lock(&fs->cache_lock);
	list_del(&node->c.list);
	vex_cache_enter(fs, &node->c, block, 0, true, &fs->node_dirty);
	vex_spin_unlock(&fs->cache_lock);
	fs->tree_blocks++;
	fs->node_dirty_count++;
	fs->changed = true;
	*out = node;
	return 0;
}

/*
 * Leave the buffer to the device and go on in a copy. A spare node carries the old
 * one until then.
 */
static int node_retire_buffer(struct vex_fs *fs, struct vex_node *node)
{
	struct vex_node *spare = node_make(fs);

	if (!spare)
		return -ENOMEM;
	memcpy(spare->hdr, node->hdr, VEXFS_BLOCK_SIZE);
	swap(spare->hdr, node->hdr);
	spare->epoch = node->epoch;
	vex_spin_lock(&fs->cache_lock);
	list_add(&spare->c.list, &fs->node_retired);
	vex_spin_unlock(&fs->cache_lock);
	return 0;
}

int vex_node_cow(struct vex_fs *fs, struct vex_node *node)
{
	u64 old = node->block;
	u64 block;
	u32 count;
	int err;

	if (node->dirty)
		return 0;
	vex_assert_write_locked(&fs->lock);
	err = vex_blocks_touch(fs, old, 1);
	if (!err && vex_in_flight(fs, node->epoch))
		err = node_retire_buffer(fs, node);
	if (!err)
		err = vex_blocks_alloc(fs, 1, true, &block, &count);
	if (err)
		return err;
	vex_blocks_free(fs, old, 1, false);

	node->hdr->block = cpu_to_le64(block);
	node->hdr->generation = cpu_to_le64(fs->generation);
	node->epoch = 0;
	vex_spin_lock(&fs->cache_lock);
	node->dirty = true;
	node->flight = false;
	node->block = block;
	vex_cache_rename(fs, &node->c, block, 0);
	vex_cache_pin(fs, &node->c, &fs->node_dirty);
	vex_spin_unlock(&fs->cache_lock);
	fs->node_dirty_count++;
	fs->changed = true;
	return 0;
}

void vex_node_discard(struct vex_fs *fs, struct vex_node *node)
{
	vex_assert_write_locked(&fs->lock);
	vex_blocks_free(fs, node->block, 1, true);
	fs->tree_blocks--;
	fs->node_dirty_count--;
	vex_spin_lock(&fs->cache_lock);
	vex_cache_leave(fs, &node->c);
	vex_spin_unlock(&fs->cache_lock);
	node->dirty = false;
	list_add(&node->c.list, &fs->node_pool);
	fs->pool_count++;
}

int vex_node_write_dirty(struct vex_fs *fs, u32 *count)
{
	struct vex_node *node;
	int err;

	*count = 0;
	list_for_each_entry(node, &fs->node_dirty, c.list) {
		node->hdr->csum = cpu_to_le32(vex_crc32c((u8 *)node->hdr + 4,
							 VEXFS_BLOCK_SIZE - 4));
		node->epoch = fs->io_epoch;
		err = fs->io.ops->write(fs->io.ctx, node->block, 1, node->hdr, 0);
		if (err)
			return err;
		++*count;
	}
	return 0;
}

void vex_node_launch(struct vex_fs *fs)
{
	struct vex_node *node;

	vex_assert_write_locked(&fs->lock);
	vex_spin_lock(&fs->cache_lock);
	list_for_each_entry(node, &fs->node_dirty, c.list) {
		node->dirty = false;
		node->flight = true;
	}
	list_splice_init(&fs->node_dirty, &fs->node_flight);
	vex_spin_unlock(&fs->cache_lock);
	fs->node_dirty_count = 0;
}

void vex_node_land(struct vex_fs *fs, bool committed)
{
	struct vex_node *node, *next;

	vex_assert_write_locked(&fs->lock);
	vex_spin_lock(&fs->cache_lock);
	list_for_each_entry_safe(node, next, &fs->node_flight, c.list) {
		node->flight = false;
		node->dirty = !committed;
		fs->node_dirty_count += !committed;
		if (committed)
			vex_cache_unpin(fs, &node->c);
		else
			vex_cache_pin(fs, &node->c, &fs->node_dirty);
	}
	vex_spin_unlock(&fs->cache_lock);

	/* The pool serves single calls; what a large one left over goes back. */
	while (fs->pool_count > 2 * VEXFS_MAX_LEVEL) {
		node = list_first_entry(&fs->node_pool, struct vex_node, c.list);
		list_del(&node->c.list);
		fs->pool_count--;
		vex_node_release_memory(node);
	}
	vex_cache_trim(fs);
}

void vex_node_free_list(struct list_head *list)
{
	struct vex_node *node, *next;

	list_for_each_entry_safe(node, next, list, c.list) {
		list_del(&node->c.list);
		vex_node_release_memory(node);
	}
}

void vex_node_destroy_all(struct vex_fs *fs)
{
	vex_node_free_list(&fs->cache.kind[VEX_CACHE_NODE].probation);
	vex_node_free_list(&fs->cache.kind[VEX_CACHE_NODE].protected);
	vex_node_free_list(&fs->node_dirty);
	vex_node_free_list(&fs->node_flight);
	vex_node_free_list(&fs->node_retired);
	vex_node_free_list(&fs->node_pool);
	fs->pool_count = 0;
}

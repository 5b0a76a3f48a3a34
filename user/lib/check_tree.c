// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tree: its inner nodes tell where the leaves are. Leaves are read once, by the pass
 * over the items.
 */
#include <stdlib.h>

#include "check.h"
#include "vex_leaf.h"

int key_cmp(const struct vex_key *a, const struct vex_key *b)
{
	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

struct vex_key item_key(const struct vexfs_item *it)
{
	return vex_key(le64_to_cpu(it->ino), it->type, le64_to_cpu(it->offset));
}

static struct vex_key child_key(const struct vexfs_child *ch)
{
	return vex_key(le64_to_cpu(ch->ino), ch->type, le64_to_cpu(ch->offset));
}

static const char *items_wrong(const struct vexfs_node *hdr, enum vex_problem_code *code)
{
	const struct vexfs_item *it = (const void *)(hdr + 1);
	u32 count = le16_to_cpu(hdr->count), end = VEXFS_BLOCK_SIZE;
	struct vex_key last, key;

	*code = VEX_P_NODE_FORM;
	if (count > VEX_NODE_SPACE / sizeof(*it))
		return "leaf with too many items";
	for (u32 i = 0; i < count; i++) {
		u32 room = vex_leaf_room(le16_to_cpu(it[i].len));

		if (room > end || le16_to_cpu(it[i].data) != end - room)
			return "leaf with misplaced data";
		end -= room;
	}
	if (end < sizeof(*hdr) + count * sizeof(*it))
		return "leaf with overlapping items";
	for (u32 i = 0; i < count; i++, last = key) {
		const u8 *data = (const u8 *)hdr + le16_to_cpu(it[i].data);
		u32 len = le16_to_cpu(it[i].len);

		key = item_key(&it[i]);
		*code = VEX_P_NODE_ORDER;
		if (i && key_cmp(&last, &key) >= 0)
			return "leaf with items out of order";
		*code = VEX_P_NODE_FORM;
		if (memchr_inv(it[i].reserved, 0, sizeof(it[i].reserved)) ||
		    memchr_inv(data + len, 0, vex_leaf_room(len) - len))
			return "leaf with reserved bytes that are not zero";
	}
	if (memchr_inv(&it[count], 0, (const u8 *)hdr + end - (const u8 *)&it[count]))
		return "leaf with unused bytes that are not zero";
	return NULL;
}

static const char *inner_wrong(const struct check *c, const struct vexfs_node *hdr,
			       enum vex_problem_code *code)
{
	const struct vexfs_child *ch = (const void *)(hdr + 1);
	u32 count = le16_to_cpu(hdr->count);
	struct vex_key last, key;

	*code = VEX_P_NODE_FORM;
	if (!count || count > VEX_CHILD_MAX)
		return "inner node with a wrong number of children";
	for (u32 i = 0; i < count; i++, last = key) {
		key = child_key(&ch[i]);
		*code = VEX_P_NODE_ORDER;
		if (i && key_cmp(&last, &key) >= 0)
			return "inner node with children out of order";
		*code = VEX_P_NODE_CHILD;
		if (le64_to_cpu(ch[i].block) >= c->blocks)
			return "inner node with a child outside of the filesystem";
	}
	return NULL;
}

const char *node_wrong(const struct check *c, const struct vexfs_node *hdr, u64 block,
		       u64 generation, int level, enum vex_problem_code *code)
{
	*code = VEX_P_NODE_CSUM;
	if (le32_to_cpu(hdr->magic) != VEXFS_NODE_MAGIC)
		return "not a tree node";
	if (le32_to_cpu(hdr->csum) != vex_crc32c((const u8 *)hdr + 4, VEXFS_BLOCK_SIZE - 4))
		return "tree node fails its checksum";
	*code = VEX_P_NODE_STALE;
	if (le64_to_cpu(hdr->fsid) != c->fsid)
		return "tree node of another filesystem";
	if (le64_to_cpu(hdr->block) != block)
		return "tree node is misplaced";
	if (generation && le64_to_cpu(hdr->generation) != generation)
		return "tree node of another generation than its parent says";
	if (le64_to_cpu(hdr->generation) > le64_to_cpu(c->sb.generation))
		return "tree node is newer than the superblock";
	*code = VEX_P_NODE_LEVEL;
	if (level >= 0 && le16_to_cpu(hdr->level) != level)
		return "tree node of a wrong level";
	*code = VEX_P_NODE_FORM;
	if (hdr->reserved)
		return "tree node with reserved bytes that are not zero";
	return le16_to_cpu(hdr->level) ? inner_wrong(c, hdr, code) : items_wrong(hdr, code);
}

int leaf_add(struct check *c, const struct leaf_ref *ref)
{
	c->leaves = check_grow(c, c->leaves, c->leaf_count, &c->leaf_room, sizeof(*c->leaves));
	if (!c->err)
		c->leaves[c->leaf_count++] = *ref;
	return c->err;
}

/**
 * struct tree_walk - the way from the root to an inner node
 * @node: buffers, by level
 * @next: the child to go to next, by level
 * @lo: no key below is smaller, by level
 * @hi: every key below is smaller
 */
struct tree_walk {
	struct vexfs_node *node[VEXFS_MAX_LEVEL];
	u32 next[VEXFS_MAX_LEVEL];
	struct vex_key lo[VEXFS_MAX_LEVEL];
	struct vex_key hi[VEXFS_MAX_LEVEL];
};

static void damaged(struct check *c, enum vex_problem_code code, u64 block, const char *what)
{
	c->damaged = true;
	check_problem(c, code, block, 0, "%s", what);
}

/* Take a block for the tree; false when it is taken already. */
static bool node_claim(struct check *c, u64 block)
{
	if (map_test(&c->used, block)) {
		damaged(c, VEX_P_NODE_TWICE, block, "tree node with two parents, or in a reserved "
			"block");
		return false;
	}
	if (map_add(&c->used, block, 1) || map_add(&c->tree, block, 1))
		c->err = -ENOMEM;
	c->result.tree_blocks++;
	return !c->err;
}

/* Read and judge an inner node; false: do not go below it. */
static bool inner_read(struct check *c, struct tree_walk *w, u32 level, u64 block, u64 generation)
{
	const struct vexfs_child *ch;
	enum vex_problem_code code;
	const char *what;
	u32 count;

	if (!w->node[level])
		w->node[level] = vex_alloc(VEXFS_BLOCK_SIZE);
	if (!w->node[level]) {
		c->err = -ENOMEM;
		return false;
	}
	if (c->io.ops->read(c->io.ctx, block, 1, w->node[level])) {
		map_del(&c->tree, block);
		damaged(c, VEX_P_NODE_READ, block, "tree node cannot be read");
		return false;
	}
	what = node_wrong(c, w->node[level], block, generation, level, &code);
	if (!what) {
		struct vex_key first, last;

		ch = (const void *)(w->node[level] + 1);
		count = le16_to_cpu(w->node[level]->count);
		first = child_key(&ch[0]);
		last = child_key(&ch[count - 1]);
		code = VEX_P_NODE_BOUNDS;
		if (key_cmp(&first, &w->lo[level]) < 0 || key_cmp(&last, &w->hi[level]) >= 0)
			what = "inner node with keys that its parent has elsewhere";
	}
	if (what) {
		map_del(&c->tree, block);
		damaged(c, code, block, what);
	}
	w->next[level] = 0;
	return !what;
}

/* Go to the next child of the node at @level; returns the level to go on at. */
static u32 walk_step(struct check *c, struct tree_walk *w, u32 level)
{
	const struct vexfs_child *ch = (const void *)(w->node[level] + 1);
	u32 i = w->next[level]++;
	u64 block, generation;
	struct vex_key lo, hi;

	if (i >= le16_to_cpu(w->node[level]->count))
		return level + 1;
	block = le64_to_cpu(ch[i].block);
	generation = le64_to_cpu(ch[i].generation);
	lo = child_key(&ch[i]);
	hi = i + 1 < le16_to_cpu(w->node[level]->count) ? child_key(&ch[i + 1]) : w->hi[level];
	/* Generation 0 is never written: it stands for "any" in a leaf_ref. */
	if (!generation) {
		damaged(c, VEX_P_NODE_STALE, block, "tree node of no generation");
		return level;
	}
	if (!node_claim(c, block))
		return level;
	if (level == 1) {
		leaf_add(c, &(struct leaf_ref){ block, generation, lo, hi });
		return level;
	}
	w->lo[level - 1] = lo;
	w->hi[level - 1] = hi;
	return inner_read(c, w, level - 1, block, generation) ? level - 1 : level;
}

int check_tree(struct check *c)
{
	u32 top = le32_to_cpu(c->sb.root_level), level = top;
	u64 root = le64_to_cpu(c->sb.root_block);
	struct tree_walk w = { 0 };

	w.hi[top] = vex_key(U64_MAX, 0xff, U64_MAX);
	if (!node_claim(c, root))
		goto out;
	if (!top)
		leaf_add(c, &(struct leaf_ref){ root, le64_to_cpu(c->sb.root_generation),
						vex_key(0, 0, 0), w.hi[top] });
	else if (inner_read(c, &w, top, root, le64_to_cpu(c->sb.root_generation)))
		while (level && level <= top && !c->err)
			level = walk_step(c, &w, level);
	c->work_total = c->leaf_count;
	if (c->opts.data)
		c->work_total += c->blocks - le64_to_cpu(c->sb.free_blocks);
out:
	for (level = 0; level < VEXFS_MAX_LEVEL; level++)
		vex_free(w.node[level]);
	return c->err;
}

const char *leaf_wrong(const struct check *c, const struct leaf_ref *ref,
		       enum vex_problem_code *code)
{
	const struct vexfs_node *hdr = (const void *)c->leaf_buf;
	const struct vexfs_item *it = (const void *)(hdr + 1);
	const char *what = node_wrong(c, hdr, ref->block, ref->generation, 0, code);
	struct vex_key first, last;

	if (what || !le16_to_cpu(hdr->count) || c->salvaged)
		return what;
	*code = VEX_P_NODE_BOUNDS;
	first = item_key(&it[0]);
	last = item_key(&it[le16_to_cpu(hdr->count) - 1]);
	if (key_cmp(&first, &ref->lo) < 0 || key_cmp(&last, &ref->hi) >= 0)
		return "leaf with keys that its parent has elsewhere";
	return NULL;
}

int leaf_read(struct check *c, size_t i)
{
	const struct leaf_ref *ref = &c->leaves[i];
	enum vex_problem_code code = VEX_P_NODE_READ;
	const char *what = "tree node cannot be read";

	if (!c->io.ops->read(c->io.ctx, ref->block, 1, c->leaf_buf))
		what = leaf_wrong(c, ref, &code);
	if (!what)
		return 0;
	damaged(c, code, ref->block, what);
	return 1;
}

int leaf_each(struct check *c, size_t i, int (*fn)(struct check *c, const struct check_item *it,
						   void *arg), void *arg)
{
	const struct vexfs_node *hdr = (const void *)c->leaf_buf;
	const struct vexfs_item *it = (const void *)(hdr + 1);
	int err = 0;

	for (u32 n = 0; n < le16_to_cpu(hdr->count) && !err; n++) {
		struct check_item item = {
			.key = item_key(&it[n]),
			.data = c->leaf_buf + le16_to_cpu(it[n].data),
			.len = le16_to_cpu(it[n].len),
			.block = c->leaves[i].block,
		};

		if (c->salvaged && (key_cmp(&item.key, &c->leaves[i].lo) < 0 ||
				    key_cmp(&item.key, &c->leaves[i].hi) >= 0))
			continue;
		err = fn(c, &item, arg);
	}
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The copy-on-write B+tree: finding, touching, inserting, deleting, walking.
 *
 * Items live in leaves; an inner node has, for each child, a key that is not
 * larger than any below it. Splits happen on the way down, so that a parent
 * always has room for one more child and nothing climbs back; merges happen after
 * a deletion, from the leaf up, and are given up without harm when a
 * sibling cannot be read. Bayer & McCreight (1972) is the origin; the top-down
 * split is Guibas & Sedgewick's (1978). Neither descent recurses.
 */
#include "vex_fs.h"
#include "vex_leaf.h"

static int key_cmp(const struct vex_key *a, const struct vex_key *b)
{
	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return 0;
}

static void child_key(const struct vexfs_child *ch, struct vex_key *key)
{
	key->ino = le64_to_cpu(ch->ino);
	key->offset = le64_to_cpu(ch->offset);
	key->type = ch->type;
}

static void child_set_key(struct vexfs_child *ch, const struct vex_key *key)
{
	ch->ino = cpu_to_le64(key->ino);
	ch->offset = cpu_to_le64(key->offset);
	ch->type = key->type;
}

static void child_set_node(struct vexfs_child *ch, const struct vex_node *node)
{
	ch->block = cpu_to_le64(node->block);
	ch->generation = node->hdr->generation;
}

/* The key of entry @slot of a node of any level. */
static void entry_key(const struct vex_node *node, u32 slot, struct vex_key *key)
{
	if (node->hdr->level)
		child_key(&vex_node_children(node)[slot], key);
	else
		vex_leaf_key(node, slot, key);
}

/* First entry whose key is not below @key. */
static u32 lower_bound(const struct vex_node *node, const struct vex_key *key, bool *exact)
{
	u32 lo = 0, hi = vex_node_count(node);
	struct vex_key k;

	*exact = false;
	while (lo < hi) {
		u32 mid = (lo + hi) / 2;
		int c;

		entry_key(node, mid, &k);
		c = key_cmp(&k, key);
		if (c < 0) {
			lo = mid + 1;
		} else {
			hi = mid;
			*exact |= c == 0;
		}
	}
	return lo;
}

/* The child that may hold @key. */
static u32 child_slot(const struct vex_node *node, const struct vex_key *key)
{
	bool exact;
	u32 slot = lower_bound(node, key, &exact);

	return exact || !slot ? slot : slot - 1;
}

void vex_path_release(struct vex_fs *fs, struct vex_path *path)
{
	u32 i;

	for (i = 0; i < path->levels; i++)
		if (path->node[i])
			vex_node_put(fs, path->node[i]);
	path->levels = 0;
}

/* The smallest key right of what @path has at @level; false when there is none. */
static bool path_upper(const struct vex_path *path, u32 level, struct vex_key *key)
{
	for (level++; level < path->levels; level++) {
		if (path->slot[level] + 1u < vex_node_count(path->node[level])) {
			entry_key(path->node[level], path->slot[level] + 1, key);
			return true;
		}
	}
	return false;
}

/* The node's keys lie between the parent's key of it and the next one. */
static noinline_for_stack
bool path_in_bounds(const struct vex_path *path, u32 level)
{
	const struct vex_node *node = path->node[level];
	u32 count = vex_node_count(node);
	struct vex_key bound, key;

	if (!count)
		return false;
	entry_key(path->node[level + 1], path->slot[level + 1], &bound);
	entry_key(node, 0, &key);
	if (key_cmp(&key, &bound) < 0)
		return false;
	if (!path_upper(path, level, &bound))
		return true;
	entry_key(node, count - 1, &key);
	return key_cmp(&key, &bound) < 0;
}

/* Hold a node for @path; NULL after an error. */
static int path_node(struct vex_fs *fs, struct vex_path *path, u64 block, u64 generation,
		     u32 level)
{
	int err;

	if (path->cached)
		err = vex_node_get_cached(fs, block, generation, level, &path->node[level]);
	else
		err = vex_node_get(fs, block, generation, level, &path->node[level]);
	if (err)
		path->node[level] = NULL;
	return err;
}

/* Load the root and start a path with it. */
static int path_root(struct vex_fs *fs, struct vex_path *path, bool cached)
{
	u32 top = fs->root_level;
	int err;

	path->levels = 0;
	path->cached = cached;
	memset(path->node, 0, sizeof(path->node));
	err = path_node(fs, path, fs->root_block, fs->root_generation, top);
	if (err)
		return err;
	path->levels = top + 1;
	return 0;
}

/* Load the node of @level that the path's slot one level up names. */
static int path_descend(struct vex_fs *fs, struct vex_path *path, u32 level)
{
	const struct vexfs_child *ch =
		&vex_node_children(path->node[level + 1])[path->slot[level + 1]];
	u64 block = le64_to_cpu(ch->block);
	int err;

	err = path_node(fs, path, block, le64_to_cpu(ch->generation), level);
	if (err)
		return err;
	if (!path_in_bounds(path, level))
		return vex_damaged(fs, block, "tree node outside of its parent's range");
	return 0;
}

static __always_inline
int tree_find(struct vex_fs *fs, const struct vex_key *key, struct vex_path *path, bool cached)
{
	bool exact;
	u32 level;
	int err;

	err = path_root(fs, path, cached);
	if (err)
		return err;
	for (level = fs->root_level; level; level--) {
		path->slot[level] = child_slot(path->node[level], key);
		err = path_descend(fs, path, level - 1);
		if (err) {
			vex_path_release(fs, path);
			return err;
		}
	}
	path->slot[0] = lower_bound(path->node[0], key, &exact);
	return exact ? 0 : -ENOENT;
}

int vex_tree_find(struct vex_fs *fs, const struct vex_key *key, struct vex_path *path)
{
	return tree_find(fs, key, path, false);
}

int vex_tree_find_cached(struct vex_fs *fs, const struct vex_key *key, struct vex_path *path)
{
	return tree_find(fs, key, path, true);
}

/* Touch the root. */
static int root_touch(struct vex_fs *fs, struct vex_path *path)
{
	struct vex_node *root = path->node[fs->root_level];
	int err = vex_node_cow(fs, root);

	if (err)
		return err;
	fs->root_block = root->block;
	fs->root_generation = le64_to_cpu(root->hdr->generation);
	return 0;
}

/* Descend one level and touch what is there. The parent is touched. */
static __always_inline
int path_descend_touch(struct vex_fs *fs, struct vex_path *path, u32 level)
{
	int err = path_descend(fs, path, level);

	if (!err)
		err = vex_node_cow(fs, path->node[level]);
	if (err)
		return err;
	child_set_node(&vex_node_children(path->node[level + 1])[path->slot[level + 1]],
		       path->node[level]);
	return 0;
}

int vex_tree_touch(struct vex_fs *fs, const struct vex_key *key, struct vex_path *path)
{
	bool exact;
	u32 level;
	int err;

	vex_assert_write_locked(&fs->lock);
	err = path_root(fs, path, false);
	if (err)
		return err;
	err = root_touch(fs, path);
	for (level = fs->root_level; level && !err; level--) {
		path->slot[level] = child_slot(path->node[level], key);
		err = path_descend_touch(fs, path, level - 1);
	}
	if (err) {
		vex_path_release(fs, path);
		return err;
	}
	path->slot[0] = lower_bound(path->node[0], key, &exact);
	return exact ? 0 : -ENOENT;
}

/* Open a gap for one child at @slot. */
static void inner_insert(struct vex_node *node, u32 slot, const struct vex_key *key,
			 const struct vex_node *child)
{
	struct vexfs_child *ch = vex_node_children(node);
	u32 count = vex_node_count(node);

	memmove(&ch[slot + 1], &ch[slot], (count - slot) * sizeof(*ch));
	memset(&ch[slot], 0, sizeof(*ch));
	child_set_key(&ch[slot], key);
	child_set_node(&ch[slot], child);
	node->hdr->count = cpu_to_le16(count + 1);
}

static void inner_remove(struct vex_node *node, u32 slot)
{
	struct vexfs_child *ch = vex_node_children(node);
	u32 count = vex_node_count(node) - 1;

	memmove(&ch[slot], &ch[slot + 1], (count - slot) * sizeof(*ch));
	memset(&ch[count], 0, sizeof(*ch));
	node->hdr->count = cpu_to_le16(count);
}

/* Move the children from @at on to the empty node @right. */
static void inner_split(struct vex_node *left, struct vex_node *right, u32 at)
{
	struct vexfs_child *ch = vex_node_children(left);
	u32 moved = vex_node_count(left) - at;

	memcpy(vex_node_children(right), &ch[at], moved * sizeof(*ch));
	memset(&ch[at], 0, moved * sizeof(*ch));
	right->hdr->count = cpu_to_le16(moved);
	left->hdr->count = cpu_to_le16(at);
}

static bool needs_split(const struct vex_node *node, u32 len)
{
	if (node->hdr->level)
		return vex_node_count(node) >= VEX_CHILD_MAX;
	return vex_leaf_free(node) < vex_leaf_room(len) + sizeof(struct vexfs_item);
}

/* Put a new root above a root that is about to be split for @key. */
static noinline_for_stack
int root_grow(struct vex_fs *fs, struct vex_path *path, const struct vex_key *key)
{
	u32 top = fs->root_level;
	struct vex_node *old = path->node[top];
	struct vex_node *root;
	struct vex_key first;
	int err;

	if (top + 1 >= VEXFS_MAX_LEVEL)
		return -EFBIG;
	err = vex_node_new(fs, top + 1, &root);
	if (err)
		return err;
	entry_key(old, 0, &first);
	if (key_cmp(key, &first) < 0)
		first = *key;
	inner_insert(root, 0, &first, old);
	fs->root_level = top + 1;
	fs->root_block = root->block;
	fs->root_generation = fs->generation;
	path->node[top + 1] = root;
	path->slot[top + 1] = 0;
	path->levels = top + 2;
	return 0;
}

/*
 * Move entries of @left to the empty node @right, so that there is room for @len bytes under
 * @key; *@first becomes what the parent is to have for @right. True: @key belongs there.
 */
static noinline_for_stack
bool split_entries(struct vex_node *left, struct vex_node *right, const struct vex_key *key,
		   u32 len, struct vex_key *first)
{
	bool exact, go_right;
	u32 pos, at;

	pos = lower_bound(left, key, &exact);
	if (left->hdr->level) {
		/* Keys that arrive in order fill their nodes. */
		at = pos == vex_node_count(left) ? pos - 1 : vex_node_count(left) / 2;
		inner_split(left, right, at);
		entry_key(right, 0, first);
		return key_cmp(key, first) >= 0;
	}
	at = vex_leaf_split_point(left, pos, len, &go_right);
	vex_leaf_split(left, right, at);
	if (go_right && pos == at)
		*first = *key;
	else
		entry_key(right, 0, first);
	return go_right;
}

/*
 * Split the node of @level in two and leave the path on the half where @key
 * belongs. Both node and parent are touched; the parent has room.
 */
static noinline_for_stack
int path_split(struct vex_fs *fs, struct vex_path *path, u32 level, const struct vex_key *key,
	       u32 len)
{
	struct vex_node *left = path->node[level];
	struct vex_node *right;
	struct vex_key first;
	bool go_right;
	int err;

	err = vex_node_new(fs, level, &right);
	if (err)
		return err;
	go_right = split_entries(left, right, key, len, &first);
	inner_insert(path->node[level + 1], path->slot[level + 1] + 1, &first, right);
	if (go_right) {
		path->node[level] = right;
		path->slot[level + 1]++;
		vex_node_put(fs, left);
	} else {
		vex_node_put(fs, right);
	}
	return 0;
}

/* Touch the root, and split it when it is full. */
static int insert_root(struct vex_fs *fs, const struct vex_key *key, u32 len,
		       struct vex_path *path)
{
	u32 level = fs->root_level;
	int err = root_touch(fs, path);

	if (err || !needs_split(path->node[level], len))
		return err;
	err = root_grow(fs, path, key);
	return err ? err : path_split(fs, path, level, key, len);
}

/* Descend to the child of the node of @level where @key belongs, and touch it. */
static noinline_for_stack
int insert_step(struct vex_fs *fs, const struct vex_key *key, struct vex_path *path, u32 level)
{
	struct vex_node *node = path->node[level];
	struct vexfs_child *ch;
	struct vex_key first;
	int err;

	path->slot[level] = child_slot(node, key);
	err = path_descend_touch(fs, path, level - 1);
	if (err)
		return err;
	ch = &vex_node_children(node)[path->slot[level]];
	child_key(ch, &first);
	if (key_cmp(key, &first) < 0)
		child_set_key(ch, key);
	return 0;
}

/* Touch the way to the leaf for @key, splitting what is full, from @level down. */
static __always_inline
int insert_descend(struct vex_fs *fs, const struct vex_key *key, u32 len, struct vex_path *path,
		   u32 level)
{
	int err = insert_root(fs, key, len, path);

	for (; level && !err; level--) {
		err = insert_step(fs, key, path, level);
		if (!err && needs_split(path->node[level - 1], len))
			err = path_split(fs, path, level - 1, key, len);
	}
	return err;
}

/* Where the leaf of @path has @key: -EEXIST, or where it goes. */
static noinline_for_stack int insert_slot(struct vex_path *path, const struct vex_key *key)
{
	bool exact;

	path->slot[0] = lower_bound(path->node[0], key, &exact);
	return exact ? -EEXIST : 0;
}

int vex_tree_insert(struct vex_fs *fs, const struct vex_key *key, u32 len, struct vex_path *path)
{
	int err;

	vex_assert_write_locked(&fs->lock);
	if (len > VEX_ITEM_MAX)
		return -EFBIG;
	err = path_root(fs, path, false);
	if (err)
		return err;
	err = insert_descend(fs, key, len, path, fs->root_level);
	if (!err)
		err = insert_slot(path, key);
	if (err) {
		vex_path_release(fs, path);
		return err;
	}
	vex_leaf_insert(path->node[0], path->slot[0], key, len);
	return 0;
}

int vex_tree_replace(struct vex_fs *fs, const struct vex_key *key, u32 len, struct vex_path *path)
{
	struct vex_node *leaf;
	int err;

	err = vex_tree_touch(fs, key, path);
	if (err == -ENOENT)
		vex_path_release(fs, path);
	else if (err)
		return err;
	if (!err) {
		leaf = path->node[0];
		/* The parent's bounds allow no empty leaf, so the last item is never away. */
		if (vex_node_count(leaf) == 1 ||
		    vex_leaf_free(leaf) + vex_leaf_room(vex_path_len(path)) >=
		    vex_leaf_room(len)) {
			vex_leaf_remove(leaf, path->slot[0]);
			vex_leaf_insert(leaf, path->slot[0], key, len);
			return 0;
		}
		vex_leaf_remove(leaf, path->slot[0]);
		vex_path_release(fs, path);
	}
	return vex_tree_insert(fs, key, len, path);
}

/* Bytes in use of a node of any level. */
static u32 node_used(const struct vex_node *node)
{
	if (node->hdr->level)
		return vex_node_count(node) * sizeof(struct vexfs_child);
	return VEX_NODE_SPACE - vex_leaf_free(node);
}

/* Append all of @from to @to, of the same level. */
static void node_append(struct vex_node *to, const struct vex_node *from)
{
	u32 have = vex_node_count(to);
	u32 more = vex_node_count(from);

	if (!to->hdr->level) {
		vex_leaf_append(to, from);
		return;
	}
	memcpy(vex_node_children(to) + have, vex_node_children(from),
	       more * sizeof(struct vexfs_child));
	to->hdr->count = cpu_to_le16(have + more);
}

/*
 * Merge the node of @level with the sibling at @slot of the parent, if both fit
 * well into one. The left one takes all. Returns true when one of them is gone.
 */
static bool path_merge(struct vex_fs *fs, struct vex_path *path, u32 level, u32 slot)
{
	struct vex_node *parent = path->node[level + 1];
	struct vex_node *node = path->node[level];
	struct vexfs_child *ch = &vex_node_children(parent)[slot];
	bool sibling_is_left = slot < path->slot[level + 1];
	struct vex_node *sibling;

	if (vex_node_get(fs, le64_to_cpu(ch->block), le64_to_cpu(ch->generation), level, &sibling))
		return false;
	if (node_used(node) + node_used(sibling) > VEX_NODE_SPACE / 8 * 7 ||
	    vex_node_cow(fs, sibling)) {
		vex_node_put(fs, sibling);
		return false;
	}
	child_set_node(ch, sibling);
	if (sibling_is_left) {
		node_append(sibling, node);
		inner_remove(parent, path->slot[level + 1]);
		vex_node_discard(fs, node);
		path->node[level] = sibling;
		path->slot[level + 1] = slot;
	} else {
		node_append(node, sibling);
		inner_remove(parent, slot);
		vex_node_discard(fs, sibling);
	}
	return true;
}

/* Take one level off a root with a single child; turn a childless one into a leaf. */
static void root_shrink(struct vex_fs *fs, struct vex_path *path)
{
	struct vex_node *root;

	while (fs->root_level) {
		root = path->node[fs->root_level];
		if (vex_node_count(root) > 1)
			return;
		if (!vex_node_count(root)) {
			root->hdr->level = 0;
			fs->root_level = 0;
			path->node[0] = root;
			path->levels = 1;
			return;
		}
		fs->root_block = le64_to_cpu(vex_node_children(root)->block);
		fs->root_generation = le64_to_cpu(vex_node_children(root)->generation);
		vex_node_discard(fs, root);
		fs->root_level--;
		path->levels--;
	}
}

/* After a deletion: drop empty nodes, merge small ones, from the leaf up. */
static void rebalance(struct vex_fs *fs, struct vex_path *path)
{
	u32 level;

	for (level = 0; level + 1 < path->levels; level++) {
		struct vex_node *node = path->node[level];
		struct vex_node *parent = path->node[level + 1];
		u32 slot = path->slot[level + 1];

		if (!vex_node_count(node)) {
			inner_remove(parent, slot);
			vex_node_discard(fs, node);
			path->node[level] = NULL;
			continue;
		}
		if (node_used(node) > VEX_NODE_SPACE / 2)
			break;
		if (slot + 1 < vex_node_count(parent) && path_merge(fs, path, level, slot + 1))
			continue;
		if (!slot || !path_merge(fs, path, level, slot - 1))
			break;
	}
	root_shrink(fs, path);
}

void vex_tree_delete(struct vex_fs *fs, struct vex_path *path)
{
	vex_assert_write_locked(&fs->lock);
	vex_leaf_remove(path->node[0], path->slot[0]);
	rebalance(fs, path);
	vex_path_release(fs, path);
}

void vex_tree_shrink(struct vex_path *path, u32 len)
{
	vex_leaf_shrink(path->node[0], path->slot[0], len);
}

/* Replace the nodes below @level by the first or last ones under its slot. */
static int path_slide(struct vex_fs *fs, struct vex_path *path, u32 level, bool last)
{
	int err;

	while (level--) {
		vex_node_put(fs, path->node[level]);
		path->node[level] = NULL;
		err = path_descend(fs, path, level);
		if (err) {
			vex_path_release(fs, path);
			return err;
		}
		path->slot[level] = last ? vex_node_count(path->node[level]) - 1 : 0;
	}
	return 0;
}

int vex_tree_settle(struct vex_fs *fs, struct vex_path *path)
{
	u32 level;

	if (path->slot[0] < vex_node_count(path->node[0]))
		return 0;
	for (level = 1; level < path->levels; level++) {
		if (path->slot[level] + 1u < vex_node_count(path->node[level])) {
			path->slot[level]++;
			return path_slide(fs, path, level, false);
		}
	}
	return -ENOENT;
}

int vex_tree_seek(struct vex_fs *fs, const struct vex_key *key, struct vex_path *path)
{
	int err = vex_tree_find(fs, key, path);

	return err == -ENOENT ? vex_tree_settle(fs, path) : err;
}

int vex_tree_next(struct vex_fs *fs, struct vex_path *path)
{
	path->slot[0]++;
	return vex_tree_settle(fs, path);
}

int vex_tree_prev(struct vex_fs *fs, struct vex_path *path)
{
	u32 level;

	for (level = 0; level < path->levels; level++) {
		if (path->slot[level]) {
			path->slot[level]--;
			return path_slide(fs, path, level, true);
		}
	}
	return -ENOENT;
}

void vex_path_key(const struct vex_path *path, struct vex_key *key)
{
	vex_leaf_key(path->node[0], path->slot[0], key);
}

void *vex_path_data(const struct vex_path *path)
{
	return vex_leaf_data(path->node[0], path->slot[0]);
}

u32 vex_path_len(const struct vex_path *path)
{
	return vex_leaf_len(path->node[0], path->slot[0]);
}

static int item_sized(struct vex_fs *fs, struct vex_path *path, u32 len, int err)
{
	if (!err && vex_path_len(path) != len)
		err = vex_damaged(fs, path->node[0]->block, "item of a wrong size");
	if (err)
		vex_path_release(fs, path);
	return err;
}

int vex_item_find(struct vex_fs *fs, const struct vex_key *key, u32 len, struct vex_path *path)
{
	return item_sized(fs, path, len, vex_tree_find(fs, key, path));
}

int vex_item_touch(struct vex_fs *fs, const struct vex_key *key, u32 len, struct vex_path *path)
{
	return item_sized(fs, path, len, vex_tree_touch(fs, key, path));
}

int vex_touch_key(struct vex_fs *fs, const struct vex_key *key)
{
	struct vex_path *path = &fs->edit_path;
	int err = vex_tree_touch(fs, key, path);

	vex_path_release(fs, path);
	return err == -ENOENT ? 0 : err;
}

int vex_delete_key(struct vex_fs *fs, const struct vex_key *key)
{
	struct vex_path *path = &fs->edit_path;
	int err = vex_tree_touch(fs, key, path);

	if (err)
		vex_path_release(fs, path);
	else
		vex_tree_delete(fs, path);
	return err;
}

int vex_insert_empty(struct vex_fs *fs, const struct vex_key *key)
{
	struct vex_path *path = &fs->edit_path;
	int err = vex_tree_insert(fs, key, 0, path);

	if (!err)
		vex_path_release(fs, path);
	return err;
}

/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Inside the core: the tree and its nodes. See vex_fs.h. */
#ifndef VEX_TREE_H
#define VEX_TREE_H

#include "vex_types.h"

/* ---- node.c: fs->lock held ----------------------------------------------- */

int vex_node_get(struct vex_fs *fs, u64 block, u64 generation, u32 level, struct vex_node **out);
/* The same without reading: -EAGAIN when the node is not cached. */
int vex_node_get_cached(struct vex_fs *fs, u64 block, u64 generation, u32 level,
			struct vex_node **out);
void vex_node_put(struct vex_fs *fs, struct vex_node *node);
/* A new dirty node; takes its memory from the pool. For writing. */
int vex_node_new(struct vex_fs *fs, u32 level, struct vex_node **out);
/* Move a clean node to a new block, for writing. A dirty one is left as it is. */
int vex_node_cow(struct vex_fs *fs, struct vex_node *node);
/* Drop a dirty, emptied node and free its block. The caller's reference goes with it. */
void vex_node_discard(struct vex_fs *fs, struct vex_node *node);
/* Have @count spare nodes in the pool. */
int vex_node_prealloc(struct vex_fs *fs, u32 count);
/* Write all dirty nodes; they stay dirty. */
int vex_node_write_dirty(struct vex_fs *fs, u32 *count);
/* The dirty nodes belong to the commit now under way; clean or dirty again at its end. */
void vex_node_launch(struct vex_fs *fs);
void vex_node_land(struct vex_fs *fs, bool committed);
void vex_node_free_list(struct list_head *list);
void vex_node_destroy_all(struct vex_fs *fs);
void vex_node_release_memory(struct vex_node *node);

static inline u32 vex_node_count(const struct vex_node *n)
{
	return le16_to_cpu(n->hdr->count);
}

static inline struct vexfs_item *vex_node_items(const struct vex_node *n)
{
	return (struct vexfs_item *)(n->hdr + 1);
}

static inline struct vexfs_child *vex_node_children(const struct vex_node *n)
{
	return (struct vexfs_child *)(n->hdr + 1);
}

/* ---- tree.c: fs->lock held ----------------------------------------------- */

/*
 * Find @key for reading. 0: @path stands on it. -ENOENT: @path stands on the
 * first larger item, or past the last item of a leaf: see vex_tree_settle().
 * Any other error: @path holds nothing.
 */
int vex_tree_find(struct vex_fs *fs, const struct vex_key *key, struct vex_path *path);
/* The same without reading the device, here and in steps from there: -EAGAIN. */
int vex_tree_find_cached(struct vex_fs *fs, const struct vex_key *key, struct vex_path *path);
/* The same for changing: the path is touched. For writing. */
int vex_tree_touch(struct vex_fs *fs, const struct vex_key *key, struct vex_path *path);
/*
 * Make room for a new item of @len bytes; @path stands on it and its data are
 * zero. -EEXIST. After a touch of the same key, with nodes in the pool, it cannot fail.
 */
int vex_tree_insert(struct vex_fs *fs, const struct vex_key *key, u32 len, struct vex_path *path);
/*
 * Like vex_tree_insert(), but an item that is there gives way to a zeroed one of @len bytes; what
 * it held is gone.
 */
int vex_tree_replace(struct vex_fs *fs, const struct vex_key *key, u32 len, struct vex_path *path);
/* Remove the item on which a touched path stands; releases the path. Cannot fail. */
void vex_tree_delete(struct vex_fs *fs, struct vex_path *path);
/* Cut the data of the item on a touched path to its first @len bytes. */
void vex_tree_shrink(struct vex_path *path, u32 len);
/* Step over the end of a leaf: 0 when @path stands on an item, -ENOENT at the end. */
int vex_tree_settle(struct vex_fs *fs, struct vex_path *path);
/* Find the first item at or after @key, whatever it belongs to; -ENOENT at the end. */
int vex_tree_seek(struct vex_fs *fs, const struct vex_key *key, struct vex_path *path);
/* Go to the next item. */
int vex_tree_next(struct vex_fs *fs, struct vex_path *path);
/* Go to the previous item; -ENOENT at the beginning. */
int vex_tree_prev(struct vex_fs *fs, struct vex_path *path);
void vex_path_release(struct vex_fs *fs, struct vex_path *path);

void vex_path_key(const struct vex_path *path, struct vex_key *key);
void *vex_path_data(const struct vex_path *path);
u32 vex_path_len(const struct vex_path *path);

static inline struct vex_key vex_key(u64 ino, u8 type, u64 offset)
{
	return (struct vex_key){ .ino = ino, .offset = offset, .type = type };
}

/* Touch the place of @key, whether it exists or not. */
int vex_touch_key(struct vex_fs *fs, const struct vex_key *key);
/* Touch, then delete or insert an item that a touch has prepared: see vex_must(). */
int vex_delete_key(struct vex_fs *fs, const struct vex_key *key);
int vex_insert_empty(struct vex_fs *fs, const struct vex_key *key);

/* Find or touch the item of a fixed-size structure: EUCLEAN when its size is not @len. */
int vex_item_find(struct vex_fs *fs, const struct vex_key *key, u32 len, struct vex_path *path);
int vex_item_touch(struct vex_fs *fs, const struct vex_key *key, u32 len, struct vex_path *path);

#endif /* VEX_TREE_H */

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Symbolic links: a target never changes, and lies in items of VEXFS_SYMLINK_CHUNK bytes, the
 * last one of what is left, each keyed by the position of its first byte.
 */
#include "vex_fs.h"

static noinline_for_stack
int chunk_insert(struct vex_fs *fs, u64 ino, u32 at, const char *from, u32 len)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_SYMLINK, at);
	struct vex_path path;
	int err = vex_tree_insert(fs, &key, len, &path);

	if (err)
		return err;
	memcpy(vex_path_data(&path), from, len);
	vex_path_release(fs, &path);
	return 0;
}

int vex_target_insert(struct vex_fs *fs, u64 ino, const struct vex_target *target)
{
	u32 at, len;
	int err = 0;

	for (at = 0; at < target->len && !err; at += len) {
		len = min(target->len - at, VEXFS_SYMLINK_CHUNK);
		err = chunk_insert(fs, ino, at, target->str + at, len);
	}
	return err;
}

int vex_dir_symlink(struct vex_fs *fs, u64 dir, const struct vex_name *name,
		    const char *target, size_t len, struct vex_inode *node)
{
	struct vex_target to = { .str = target, .len = len };
	int err;

	if (!len)
		return -ENOENT;
	if (len > VEXFS_SYMLINK_MAX)
		return -ENAMETOOLONG;
	if (memchr(target, 0, len))
		return -EINVAL;
	if (!vex_has_feature(fs, VEXFS_FEATURE_SPECIAL))
		return -EOPNOTSUPP;
	node->mode = S_IFLNK | 0777;
	node->rdev = 0;
	err = vex_txn_begin(fs, 2 + vex_target_chunks(&to), 1, 0, 0);
	if (err)
		return err;
	err = vex_node_create(fs, dir, name, node, &to);
	vex_txn_end(fs);
	return err;
}

/* Copy the chunk at @at, which must be @len bytes, and at most @room of it. */
static noinline_for_stack
int chunk_read(struct vex_fs *fs, u64 ino, u32 at, u32 len, char *to, size_t room)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_SYMLINK, at);
	struct vex_path path;
	int err = vex_item_find(fs, &key, len, &path);

	if (err)
		return err == -ENOENT ?
			vex_damaged(fs, fs->root_block, "symbolic link without its target") : err;
	if (memchr(vex_path_data(&path), 0, len))
		err = vex_damaged(fs, path.node[0]->block, "symbolic link to a name with a NUL");
	memcpy(to, vex_path_data(&path), min_t(size_t, len, room));
	vex_path_release(fs, &path);
	return err;
}

static noinline_for_stack
int target_read(struct vex_fs *fs, u64 ino, char *buf, size_t len, size_t *done)
{
	struct vex_brief node;
	u32 at, piece;
	int err;

	err = vex_inode_load(fs, ino, &node);
	if (err)
		return err;
	if (!S_ISLNK(node.mode))
		return -EINVAL;
	if (!node.size || node.size > VEXFS_SYMLINK_MAX)
		return vex_damaged(fs, fs->root_block, "symbolic link of an impossible size");
	for (at = 0; at < node.size && at < len; at += piece) {
		piece = min_t(u32, node.size - at, VEXFS_SYMLINK_CHUNK);
		err = chunk_read(fs, ino, at, piece, buf + at, len - at);
		if (err)
			return err;
	}
	*done = min_t(size_t, node.size, len);
	return 0;
}

int vex_symlink_read(struct vex_fs *fs, u64 ino, char *buf, size_t len, size_t *done)
{
	int err;

	*done = 0;
	vex_read_lock(&fs->lock);
	err = target_read(fs, ino, buf, len, done);
	vex_read_unlock(&fs->lock);
	return err;
}

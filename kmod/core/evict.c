// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The end of inodes.
 *
 * A file without names, and one whose truncation takes more than one step, has an
 * orphan item in the same transaction; the next open finishes what a crash left.
 */
#include "vex_hnsw.h"

int vex_orphan_insert(struct vex_fs *fs, u64 ino)
{
	struct vex_key key = vex_orphan_key(ino);
	int err = vex_insert_empty(fs, &key);

	return err == -EEXIST ? 0 : err;
}

/*
 * Delete one item of the inode that is neither the inode itself nor an extent.
 * -ENOENT: there is none.
 */
static noinline_for_stack
int drop_other_item(struct vex_fs *fs, u64 ino)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_INODE, 1);
	struct vex_path path;
	int err;

	err = vex_tree_seek(fs, &key, &path);
	if (!err) {
		vex_path_key(&path, &key);
		if (key.ino != ino)
			err = -ENOENT;
		else if (key.type == VEXFS_ITEM_EXTENT)
			err = vex_damaged(fs, path.node[0]->block, "extent left over");
	}
	vex_path_release(fs, &path);
	if (err)
		return err;
	return vex_delete_key(fs, &key);
}

/* The last step of an eviction: inode and orphan items go together. */
static noinline_for_stack
int evict_finish(struct vex_fs *fs, u64 ino)
{
	struct vex_key inode = vex_inode_key(ino);
	struct vex_key orphan = vex_orphan_key(ino);
	int err;

	err = vex_touch_key(fs, &inode);
	if (!err)
		err = vex_touch_key(fs, &orphan);
	if (err)
		return err;
	err = vex_must(fs, vex_delete_key(fs, &inode));
	if (!err)
		err = vex_delete_key(fs, &orphan);
	if (err == -ENOENT)
		err = 0;
	fs->inode_count--;
	return vex_must(fs, err);
}

/* From its first step on an eviction cannot be undone: nobody may name the inode any more. */
static noinline_for_stack
int evict_begin(struct vex_fs *fs, u64 ino)
{
	struct vexfs_inode_item *item;
	struct vex_path path;
	int err;

	err = vex_inode_touch(fs, ino, &path);
	if (err)
		return err;
	item = vex_path_data(&path);
	item->flags &= ~cpu_to_le32(VEXFS_INODE_NAMELESS);
	vex_path_release(fs, &path);
	return 1;
}

/* One bounded step; returns 1 when there is more to do. */
static noinline_for_stack
int evict_step(struct vex_fs *fs, u64 ino)
{
	struct vex_brief inode;
	u32 step;
	int err;

	err = vex_inode_load(fs, ino, &inode);
	if (err)
		return err;
	if (inode.nlink)
		return -EINVAL;
	if (inode.flags & VEXFS_INODE_NAMELESS)
		return evict_begin(fs, ino);
	/* Only now: an inode that stays needs what was not written yet. */
	vex_hnsw_forget(fs, ino);
	vex_seg_forget(fs, ino, 0);
	err = vex_extent_drop(fs, ino, 0, ~0ULL);
	if (err)
		return err;
	for (step = 0; step < VEX_DROP_STEP; step++) {
		err = drop_other_item(fs, ino);
		if (err == -ENOENT)
			return evict_finish(fs, ino);
		if (err)
			return err;
	}
	return 1;
}

int vex_inode_evict(struct vex_fs *fs, u64 ino)
{
	int err;

	do {
		err = vex_txn_begin_step(fs, 0, 2, 0);
		if (err)
			return err;
		err = evict_step(fs, ino);
		vex_txn_end(fs);
		vex_resched();
	} while (err == 1);
	return err;
}

/* The first orphan; -ENOENT when there is none. */
static noinline_for_stack
int orphan_first(struct vex_fs *fs, u64 *ino)
{
	struct vex_key key = vex_orphan_key(0);
	struct vex_path path;
	int err;

	vex_read_lock(&fs->lock);
	err = vex_tree_seek(fs, &key, &path);
	if (!err) {
		vex_path_key(&path, &key);
		if (key.ino != VEXFS_SYSTEM_INO || key.type != VEXFS_ITEM_ORPHAN)
			err = -ENOENT;
	}
	*ino = key.offset;
	vex_path_release(fs, &path);
	vex_read_unlock(&fs->lock);
	return err;
}

int vex_orphans_finish(struct vex_fs *fs)
{
	struct vex_brief inode;
	u64 ino;
	int err;

	if (!fs->orphans_pending)
		return 0;
	while (!(err = orphan_first(fs, &ino))) {
		err = vex_inode_brief(fs, ino, &inode);
		if (err)
			return err == -ENOENT ?
				vex_damaged(fs, fs->root_block, "orphan without an inode") : err;
		err = inode.nlink ? vex_truncate_rest(fs, ino) : vex_inode_evict(fs, ino);
		if (err)
			return err;
	}
	if (err != -ENOENT)
		return err;
	fs->orphans_pending = false;
	return 0;
}

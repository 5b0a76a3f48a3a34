// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Giving file blocks a place on the device.
 *
 * File data are copy-on-write like the tree: new content gets a new run, and the
 * mapping changes with the transaction. Unwritten blocks are the exception, and the point
 * of allocating them ahead: their content goes where they are, and their mapping changes
 * from unwritten to written. That is safe because only a mapping that says "unwritten" now
 * is written through. What any commit on the device, or under way to it, says of such a
 * block is "unwritten" too, or "free": no commit ever turns written blocks into
 * unwritten ones without moving them. So until the commit that says "written", nobody looks
 * at the bytes; and from then on, as from a second write in the same transaction,
 * the block is copied like any other.
 */
#include "vex_fs.h"

/*
 * Where content for @map's file blocks goes: @map->block becomes the unwritten block that is
 * mapped there, of the extent @e, or 0 when a new run is needed. Either ends where
 * the other kind begins.
 */
static noinline_for_stack
int remap_place(struct vex_fs *fs, u64 ino, struct vex_map *map, struct vex_extent *e)
{
	u64 next = map->fblock;
	int err;

	map->block = 0;
	while (fs->unwritten && next < map->fblock + map->count) {
		err = vex_extent_next(fs, ino, next, e);
		if (err)
			return err == -ENOENT ? 0 : err;
		if (e->fblock >= map->fblock + map->count)
			return 0;
		next = e->fblock + e->count;
		if (!e->unwritten)
			continue;
		if (e->fblock > map->fblock) {
			map->count = e->fblock - map->fblock;
			return 0;
		}
		map->block = e->block + (map->fblock - e->fblock);
		map->count = min((u64)map->count, next - map->fblock);
		return 0;
	}
	return 0;
}

/* Insert the item of a run. Touched before. */
static noinline_for_stack
int remap_insert(struct vex_fs *fs, u64 ino, const struct vex_map *map, const u32 *csums)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_EXTENT, map->fblock);
	struct vexfs_extent_item *item;
	struct vex_path *path = &fs->edit_path;
	u32 i;
	int err;

	err = vex_tree_insert(fs, &key, vex_extent_len(map->count, !csums), path);
	if (err)
		return err;
	item = vex_path_data(path);
	item->block = cpu_to_le64(map->block);
	item->count = cpu_to_le32(map->count);
	item->flags = cpu_to_le32(csums ? 0 : VEXFS_EXTENT_UNWRITTEN);
	for (i = 0; csums && i < map->count; i++)
		vex_extent_csums(item)[i] = cpu_to_le32(csums[i]);
	vex_path_release(fs, path);
	return 0;
}

/* Account it in the inode: blocks, and the size when it grows. */
static noinline_for_stack
int remap_inode(struct vex_fs *fs, u64 ino, s64 delta, u64 size)
{
	struct vexfs_inode_item *item;
	struct vex_path *path = &fs->edit_path;
	int err;

	err = vex_inode_touch(fs, ino, path);
	if (err)
		return err;
	item = vex_path_data(path);
	vex_blocks_changed(fs, ino);
	item->blocks = cpu_to_le64(le64_to_cpu(item->blocks) + delta);
	if (size > le64_to_cpu(item->size))
		item->size = cpu_to_le64(size);
	vex_path_release(fs, path);
	return 0;
}

/* Map @map's blocks, which were unwritten ones of @e, as written. */
static noinline_for_stack
int remap_in_place(struct vex_fs *fs, u64 ino, const struct vex_map *map, const u32 *csums,
		   const struct vex_extent *e)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_INODE, 0);
	u64 to = map->fblock + map->count;
	int err = vex_touch_key(fs, &key);

	key = vex_key(ino, VEXFS_ITEM_EXTENT, map->fblock);
	if (!err)
		err = vex_touch_key(fs, &key);
	if (!err)
		err = vex_extent_touch_item(fs, ino, e, to);
	if (err)
		return err;
	err = vex_extent_cut(fs, ino, e, map->fblock, to);
	if (!err)
		err = remap_insert(fs, ino, map, csums);
	return vex_must(fs, err);
}

/* Map @map's blocks to a new run; without @csums it is an unwritten one. */
static noinline_for_stack
int remap_new(struct vex_fs *fs, u64 ino, struct vex_map *map, const u32 *csums, u64 *freed)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_EXTENT, map->fblock);
	u64 to;
	int err;

	err = vex_blocks_alloc(fs, map->count, false, &map->block, &map->count);
	if (err)
		return err;
	to = map->fblock + map->count;
	err = vex_touch_key(fs, &key);
	if (!err)
		err = vex_extent_touch(fs, ino, map->fblock, to, map->count, freed);
	if (err) {
		vex_blocks_free(fs, map->block, map->count, true);
		return err;
	}
	err = vex_extent_remove_touched(fs, ino, map->fblock, to);
	if (!err)
		err = remap_insert(fs, ino, map, csums);
	return vex_must(fs, err);
}

/* Use unwritten blocks where @map begins, if there are any: 1 when that is done. */
static noinline_for_stack
int remap_unwritten(struct vex_fs *fs, u64 ino, struct vex_map *map, const u32 *csums)
{
	struct vex_extent e;
	int err = remap_place(fs, ino, map, &e);

	if (err || !map->block)
		return err;
	err = remap_in_place(fs, ino, map, csums, &e);
	return err ? err : 1;
}

int vex_extent_replace(struct vex_fs *fs, u64 ino, u64 fblock, u32 count, const u32 *csums,
		       u64 size, struct vex_map *map)
{
	s64 delta = 0;
	u64 end, freed;
	int err;

	map->fblock = fblock;
	map->count = count;
	map->unwritten = false;
	/* Two items at most: the new one, and the tail of one that it splits. */
	err = vex_node_prealloc(fs, 2 * (fs->root_level + 2));
	if (!err)
		err = remap_unwritten(fs, ino, map, csums);
	if (!err) {
		err = remap_new(fs, ino, map, csums, &freed);
		delta = (s64)(map->count - freed);
	}
	if (err < 0)
		return err;
	/* A run that is shorter than asked for grows the file by no more than itself. */
	end = (fblock + map->count) << VEXFS_BLOCK_SHIFT;
	err = vex_must(fs, remap_inode(fs, ino, delta, min(size, end)));
	if (!err)
		vex_space_unreserve(fs, map->count);
	return err;
}

int vex_extent_provide(struct vex_fs *fs, u64 ino, u64 fblock, u32 count, struct vex_map *map)
{
	u64 freed;
	int err;

	map->fblock = fblock;
	map->count = min(count, VEXFS_UNWRITTEN_MAX);
	map->unwritten = true;
	err = vex_node_prealloc(fs, 2 * (fs->root_level + 2));
	if (!err)
		err = remap_new(fs, ino, map, NULL, &freed);
	if (err)
		return err;
	vex_space_unwritten(fs, map->count);
	return vex_must(fs, remap_inode(fs, ino, (s64)(map->count - freed), 0));
}

/**
 * vex_extent_write() - map file blocks to a run for new content
 * @fs: filesystem
 * @ino: a regular file
 * @fblock: first file block
 * @count: blocks, 1 to VEXFS_EXTENT_MAX, all of them reserved
 * @csums: their checksums
 * @size: the file is at least so large now
 * @map: receives the run, @count blocks or fewer
 *
 * Return: 0; -EIO when stopped; -ENOSPC only when the reservation was missing;
 * an error of reading the tree. On an error nothing is mapped, and the
 * reservation stays the caller's.
 */
int vex_extent_write(struct vex_fs *fs, u64 ino, u64 fblock, u32 count, const u32 *csums,
		     u64 size, struct vex_map *map)
{
	int err;

	if (!count || count > VEXFS_EXTENT_MAX)
		return -EINVAL;
	err = vex_truncate_settle(fs, ino);
	if (err)
		return err;
	err = vex_txn_begin(fs, 2, 3, count, VEX_TXN_URGENT);
	/* Unwritten blocks need no others. */
	if (err == -ENOSPC)
		err = vex_txn_begin(fs, 2, 3, 0, VEX_TXN_URGENT);
	if (err)
		return err;
	err = vex_extent_replace(fs, ino, fblock, count, csums, size, map);
	if (!err && fs->io.ops->data_begin)
		map->batch = fs->io.ops->data_begin(fs->io.ctx);
	vex_txn_end(fs);
	return err;
}

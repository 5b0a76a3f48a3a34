// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Extents: which file blocks lie where, with a checksum for each block.
 *
 * An item maps a run of up to VEXFS_EXTENT_MAX file blocks to as many blocks of
 * the device. File data are copy-on-write like the tree: new content gets a new
 * run, and the mapping changes with the transaction.
 */
#include "vex_fs.h"

/**
 * struct extent - an extent item, checked
 * @fblock: first file block
 * @block: first block on the device
 * @count: blocks
 */
struct extent {
	u64 fblock;
	u64 block;
	u32 count;
};

static u32 extent_len(u32 count)
{
	return sizeof(struct vexfs_extent_item) + count * sizeof(__le32);
}

static __le32 *extent_csums(struct vexfs_extent_item *item)
{
	return (__le32 *)(item + 1);
}

/* Read the item on which @path stands. */
static int extent_parse(struct vex_fs *fs, const struct vex_path *path, struct extent *e)
{
	const struct vexfs_extent_item *item = vex_path_data(path);
	u32 len = vex_path_len(path);
	struct vex_key key;

	vex_path_key(path, &key);
	if (len < sizeof(*item))
		goto bad;
	e->fblock = key.offset;
	e->block = le64_to_cpu(item->block);
	e->count = le32_to_cpu(item->count);
	if (!e->count || e->count > VEXFS_EXTENT_MAX || len != extent_len(e->count) ||
	    !e->block || e->block >= fs->blocks || e->count > fs->blocks - e->block ||
	    e->fblock + e->count < e->fblock)
		goto bad;
	return 0;
bad:
	return vex_damaged(fs, path->node[0]->block, "malformed extent");
}

static bool path_is_extent(const struct vex_path *path, u64 ino)
{
	struct vex_key key;

	vex_path_key(path, &key);
	return key.ino == ino && key.type == VEXFS_ITEM_EXTENT;
}

/*
 * Find the first extent that ends after @fblock: the one that holds it, or the
 * next. 0 with the path on it; -ENOENT with the path released, as after errors.
 */
static int extent_seek(struct vex_fs *fs, u64 ino, u64 fblock, struct vex_path *path,
		       struct extent *e)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_EXTENT, fblock);
	int err;

	err = vex_tree_find(fs, &key, path);
	if (err == -ENOENT) {
		/* The one before may reach into it. */
		err = vex_tree_prev(fs, path);
		if (!err && path_is_extent(path, ino)) {
			err = extent_parse(fs, path, e);
			if (err)
				goto release;
			if (e->fblock + e->count > fblock)
				return 0;
		}
		if (!err)
			err = vex_tree_next(fs, path);
		else if (err == -ENOENT)
			err = vex_tree_settle(fs, path);
	}
	if (!err && !path_is_extent(path, ino))
		err = -ENOENT;
	if (!err)
		err = extent_parse(fs, path, e);
	if (!err)
		return 0;
release:
	vex_path_release(fs, path);
	return err;
}

/* vex_extent_map() for a caller that holds the lock. */
int vex_extent_find(struct vex_fs *fs, u64 ino, u64 fblock, u32 max, struct vex_map *map,
		    u32 *csums)
{
	struct vex_path path;
	struct extent e;
	u64 skip;
	u32 i;
	int err;

	map->fblock = fblock;
	map->block = 0;
	map->count = min(max, VEXFS_EXTENT_MAX);
	err = extent_seek(fs, ino, fblock, &path, &e);
	if (err == -ENOENT)
		return 0;
	if (err)
		return err;
	if (e.fblock > fblock) {
		if (e.fblock - fblock < map->count)
			map->count = e.fblock - fblock;
	} else {
		const __le32 *from = extent_csums(vex_path_data(&path));

		skip = fblock - e.fblock;
		map->block = e.block + skip;
		map->count = min(map->count, (u32)(e.count - skip));
		for (i = 0; i < map->count; i++)
			csums[i] = le32_to_cpu(from[skip + i]);
	}
	vex_path_release(fs, &path);
	return 0;
}

int vex_extent_map(struct vex_fs *fs, u64 ino, u64 fblock, u32 max, struct vex_map *map,
		   u32 *csums)
{
	int err;

	vex_read_lock(&fs->lock);
	err = vex_extent_find(fs, ino, fblock, max, map, csums);
	vex_read_unlock(&fs->lock);
	return err;
}

/* Give what lies in [@from, @to) of an extent back. */
static void extent_free_part(struct vex_fs *fs, const struct extent *e, u64 from, u64 to)
{
	u64 start = max(from, e->fblock);
	u64 end = min(to, e->fblock + e->count);

	vex_blocks_free(fs, e->block + (start - e->fblock), end - start, false);
}

/* The part of @e behind @to becomes an extent of its own. Touched before. */
static int extent_split_tail(struct vex_fs *fs, u64 ino, const struct extent *e, u64 to)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_EXTENT, e->fblock);
	struct vexfs_extent_item *item;
	u32 skip = to - e->fblock;
	u32 count = e->count - skip;
	struct vex_path path;
	int err;

	err = vex_tree_touch(fs, &key, &path);
	if (err) {
		vex_path_release(fs, &path);
		return err;
	}
	memcpy(fs->scratch, extent_csums(vex_path_data(&path)) + skip, count * sizeof(__le32));
	vex_path_release(fs, &path);

	key.offset = to;
	err = vex_tree_insert(fs, &key, extent_len(count), &path);
	if (err)
		return err;
	item = vex_path_data(&path);
	item->block = cpu_to_le64(e->block + skip);
	item->count = cpu_to_le32(count);
	memcpy(extent_csums(item), fs->scratch, count * sizeof(__le32));
	vex_path_release(fs, &path);
	return 0;
}

/* Take [@from, @to) out of one extent that overlaps it. Touched before. */
static int extent_cut(struct vex_fs *fs, u64 ino, const struct extent *e, u64 from, u64 to)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_EXTENT, e->fblock);
	struct vexfs_extent_item *item;
	struct vex_path path;
	u32 keep;
	int err = 0;

	if (e->fblock + e->count > to)
		err = extent_split_tail(fs, ino, e, to);
	if (err)
		return err;
	err = vex_tree_touch(fs, &key, &path);
	if (err) {
		vex_path_release(fs, &path);
		return err;
	}
	if (e->fblock >= from) {
		vex_tree_delete(fs, &path);
	} else {
		keep = from - e->fblock;
		item = vex_path_data(&path);
		item->count = cpu_to_le32(keep);
		vex_tree_shrink(&path, extent_len(keep));
		vex_path_release(fs, &path);
	}
	extent_free_part(fs, e, from, to);
	return 0;
}

/* Touch all that cutting the next extent of [@from, @to) edits. -ENOENT: there is none. */
static int extent_touch_next(struct vex_fs *fs, u64 ino, u64 from, u64 to, struct extent *e)
{
	struct vex_path path;
	struct vex_key key;
	int err;

	err = extent_seek(fs, ino, from, &path, e);
	if (err)
		return err;
	vex_path_release(fs, &path);
	if (e->fblock >= to)
		return -ENOENT;
	err = vex_blocks_touch(fs, e->block, e->count);
	key = vex_key(ino, VEXFS_ITEM_EXTENT, e->fblock);
	if (!err)
		err = vex_touch_key(fs, &key);
	if (!err && e->fblock + e->count > to) {
		key.offset = to;
		err = vex_touch_key(fs, &key);
	}
	return err;
}

static u32 extent_overlap(const struct extent *e, u64 from, u64 to)
{
	return min(to, e->fblock + e->count) - max(from, e->fblock);
}

int vex_extent_drop(struct vex_fs *fs, u64 ino, u64 from, u64 to)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_INODE, 0);
	s64 freed = 0;
	struct extent e;
	u32 step;
	int err;

	err = vex_touch_key(fs, &key);
	for (step = 0; step < VEX_DROP_STEP && !err; step++) {
		err = extent_touch_next(fs, ino, from, to, &e);
		if (err)
			break;
		err = vex_must(fs, extent_cut(fs, ino, &e, from, to));
		freed += extent_overlap(&e, from, to);
	}
	if (freed && vex_must(fs, vex_inode_add_blocks(fs, ino, -freed)))
		return -EIO;
	if (err == -ENOENT)
		return 0;
	return err ? err : 1;
}

int vex_extent_touch(struct vex_fs *fs, u64 ino, u64 from, u64 to, u32 items, u64 *mapped)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_INODE, 0);
	struct extent e;
	u64 next = from;
	int err;

	*mapped = 0;
	err = vex_touch_key(fs, &key);
	for (; !err && next < to && items; items--) {
		err = extent_touch_next(fs, ino, next, to, &e);
		if (err)
			break;
		*mapped += extent_overlap(&e, from, to);
		next = e.fblock + e.count;
	}
	return err == -ENOENT ? 0 : err;
}

/* Touch everything that mapping @map anew edits, and count what it frees. */
static int replace_touch(struct vex_fs *fs, u64 ino, const struct vex_map *map, u64 *freed)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_EXTENT, map->fblock);
	int err = vex_touch_key(fs, &key);

	if (err)
		return err;
	return vex_extent_touch(fs, ino, map->fblock, map->fblock + map->count,
				VEXFS_EXTENT_MAX, freed);
}

/* The edits of a replacement, after its touch. */
static int replace_edit(struct vex_fs *fs, u64 ino, const struct vex_map *map, const u32 *csums)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_EXTENT, map->fblock);
	u64 to = map->fblock + map->count;
	struct vexfs_extent_item *item;
	struct vex_path path;
	struct extent e;
	u32 i;
	int err;

	for (;;) {
		err = extent_seek(fs, ino, map->fblock, &path, &e);
		if (err)
			break;
		vex_path_release(fs, &path);
		if (e.fblock >= to)
			break;
		err = extent_cut(fs, ino, &e, map->fblock, to);
		if (err)
			return err;
	}
	if (err && err != -ENOENT)
		return err;

	err = vex_tree_insert(fs, &key, extent_len(map->count), &path);
	if (err)
		return err;
	item = vex_path_data(&path);
	item->block = cpu_to_le64(map->block);
	item->count = cpu_to_le32(map->count);
	for (i = 0; i < map->count; i++)
		extent_csums(item)[i] = cpu_to_le32(csums[i]);
	vex_path_release(fs, &path);
	return 0;
}

/* Account a replacement in the inode: blocks, and the size when it grows. */
static int replace_inode(struct vex_fs *fs, u64 ino, s64 delta, u64 size)
{
	struct vexfs_inode_item *item;
	struct vex_path path;
	int err;

	err = vex_inode_touch(fs, ino, &path);
	if (err)
		return err;
	item = vex_path_data(&path);
	item->blocks = cpu_to_le64(le64_to_cpu(item->blocks) + delta);
	if (size > le64_to_cpu(item->size))
		item->size = cpu_to_le64(size);
	vex_path_release(fs, &path);
	return 0;
}

int vex_extent_replace(struct vex_fs *fs, u64 ino, u64 fblock, u32 count, const u32 *csums,
		       u64 size, struct vex_map *map)
{
	u64 freed, end;
	int err;

	map->fblock = fblock;
	/* Two items at most: the new one, and the tail of one that it splits. */
	err = vex_node_prealloc(fs, 2 * (fs->root_level + 2));
	if (!err)
		err = vex_blocks_alloc(fs, count, false, &map->block, &map->count);
	if (err)
		return err;
	err = replace_touch(fs, ino, map, &freed);
	if (err) {
		vex_blocks_free(fs, map->block, map->count, true);
		return err;
	}
	err = vex_must(fs, replace_edit(fs, ino, map, csums));
	/* A run that is shorter than asked for grows the file by no more than itself. */
	end = (fblock + map->count) << VEXFS_BLOCK_SHIFT;
	if (!err)
		err = vex_must(fs, replace_inode(fs, ino, (s64)(map->count - freed),
						 min(size, end)));
	if (!err)
		vex_space_unreserve(fs, map->count);
	return err;
}

/**
 * vex_extent_write() - map file blocks to a new run for new content
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
	err = vex_txn_begin(fs, 2, 2, count, VEX_TXN_URGENT);
	if (err)
		return err;
	err = vex_extent_replace(fs, ino, fblock, count, csums, size, map);
	if (!err && fs->io.ops->data_begin)
		map->batch = fs->io.ops->data_begin(fs->io.ctx);
	vex_txn_end(fs);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Extents: which file blocks lie where, with a checksum for each block.
 *
 * An item maps a run of file blocks to as many blocks of the device: up to
 * VEXFS_EXTENT_MAX with their checksums, or up to VEXFS_UNWRITTEN_MAX that are only
 * allocated and read as zeros. remap.c makes them; here they are found and cut.
 */
#include "vex_fs.h"

/* Read the item on which @path stands. */
static int extent_parse(struct vex_fs *fs, const struct vex_path *path, struct vex_extent *e)
{
	const struct vexfs_extent_item *item = vex_path_data(path);
	u32 len = vex_path_len(path);
	struct vex_key key;
	u32 most;

	vex_path_key(path, &key);
	if (len < sizeof(*item))
		goto bad;
	e->fblock = key.offset;
	e->block = le64_to_cpu(item->block);
	e->count = le32_to_cpu(item->count);
	e->unwritten = le32_to_cpu(item->flags) & VEXFS_EXTENT_UNWRITTEN;
	most = e->unwritten ? VEXFS_UNWRITTEN_MAX : VEXFS_EXTENT_MAX;
	if (le32_to_cpu(item->flags) & ~VEXFS_EXTENT_UNWRITTEN)
		goto bad;
	if (!e->count || e->count > most || len != vex_extent_len(e->count, e->unwritten) ||
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
static noinline_for_stack
int extent_seek(struct vex_fs *fs, u64 ino, u64 fblock, bool cached, struct vex_path *path,
		struct vex_extent *e)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_EXTENT, fblock);
	int err;

	err = cached ? vex_tree_find_cached(fs, &key, path) : vex_tree_find(fs, &key, path);
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

noinline_for_stack
int vex_extent_next(struct vex_fs *fs, u64 ino, u64 fblock, struct vex_extent *e)
{
	struct vex_path path;
	int err = extent_seek(fs, ino, fblock, false, &path, e);

	if (!err)
		vex_path_release(fs, &path);
	return err;
}

/* vex_extent_map() for a caller that holds the lock. */
int vex_extent_find(struct vex_fs *fs, u64 ino, u64 fblock, u32 max, struct vex_map *map,
		    u32 *csums)
{
	struct vex_extent e;
	struct vex_path path;
	u64 skip;
	u32 i;
	int err;

	map->fblock = fblock;
	map->block = 0;
	map->unwritten = false;
	map->count = min(max, VEXFS_EXTENT_MAX);
	err = extent_seek(fs, ino, fblock, false, &path, &e);
	if (err == -ENOENT)
		return 0;
	if (err)
		return err;
	if (e.fblock > fblock) {
		if (e.fblock - fblock < map->count)
			map->count = e.fblock - fblock;
	} else {
		const __le32 *from = vex_extent_csums(vex_path_data(&path));

		skip = fblock - e.fblock;
		map->count = min(map->count, (u32)(e.count - skip));
		map->unwritten = e.unwritten;
		if (!e.unwritten)
			map->block = e.block + skip;
		for (i = 0; i < map->count && !e.unwritten; i++)
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

/* The next @count blocks of a window lie at @block, or, when it is 0, nowhere. */
static void window_add(struct vex_window *w, u64 fblock, u64 block, u32 count)
{
	struct vex_map *last = w->runs ? &w->map[w->runs - 1] : NULL;

	if (last && (block ? last->block && last->block + last->count == block : !last->block)) {
		last->count += count;
		return;
	}
	w->map[w->runs++] = (struct vex_map){ .fblock = fblock, .block = block, .count = count };
}

/* Step from the extent *@e to the next one of the file, if there is one. */
static int extent_step(struct vex_fs *fs, u64 ino, struct vex_path *path, struct vex_extent *e)
{
	u64 end = e->fblock + e->count;
	int err = vex_tree_next(fs, path);

	if (err)
		return err;
	if (!path_is_extent(path, ino))
		return -ENOENT;
	err = extent_parse(fs, path, e);
	if (!err && e->fblock < end)
		err = vex_damaged(fs, path->node[0]->block, "overlapping extents");
	return err;
}

/* Fill @w from the extents from *@e on, on which @path stands. */
static int window_fill(struct vex_fs *fs, u64 ino, struct vex_window *w, struct vex_path *path,
		       struct vex_extent *e)
{
	u64 at = w->fblock;
	u64 end = at + w->count;
	int err = 0;

	while (!err && e->fblock < end) {
		const __le32 *csums = vex_extent_csums(vex_path_data(path));
		u32 skip, count, i;

		if (e->fblock > at) {
			window_add(w, at, 0, e->fblock - at);
			at = e->fblock;
		}
		skip = at - e->fblock;
		count = min(end - at, (u64)(e->count - skip));
		for (i = 0; i < count && !e->unwritten; i++)
			w->csums[at - w->fblock + i] = le32_to_cpu(csums[skip + i]);
		window_add(w, at, e->unwritten ? 0 : e->block + skip, count);
		at += count;
		if (at == end)
			return 0;
		err = extent_step(fs, ino, path, e);
	}
	if (err && err != -ENOENT)
		return err;
	window_add(w, at, 0, end - at);
	return 0;
}

static noinline_for_stack
int window_map(struct vex_fs *fs, u64 ino, struct vex_window *w)
{
	struct vex_extent e;
	struct vex_path path;
	int err;

	w->runs = 0;
	err = extent_seek(fs, ino, w->fblock, w->cached, &path, &e);
	if (err == -ENOENT) {
		window_add(w, w->fblock, 0, w->count);
		return 0;
	}
	if (err)
		return err;
	err = window_fill(fs, ino, w, &path, &e);
	vex_path_release(fs, &path);
	return err;
}

int vex_extent_window(struct vex_fs *fs, u64 ino, struct vex_window *w)
{
	int err;

	vex_read_lock(&fs->lock);
	err = window_map(fs, ino, w);
	vex_read_unlock(&fs->lock);
	return err;
}

/* Blocks of an extent inside [@from, @to), which overlap. */
static u32 extent_overlap(const struct vex_extent *e, u64 from, u64 to)
{
	return min(to, e->fblock + e->count) - max(from, e->fblock);
}

/* The first block on the device of what lies in [@from, ...) of an extent. */
static u64 extent_block(const struct vex_extent *e, u64 from)
{
	return e->block + (max(from, e->fblock) - e->fblock);
}

/* The part of @e behind @to becomes an extent of its own. Touched before. */
static noinline_for_stack
int extent_split_tail(struct vex_fs *fs, u64 ino, const struct vex_extent *e, u64 to)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_EXTENT, e->fblock);
	struct vex_path *path = &fs->edit_path;
	struct vexfs_extent_item *item;
	u32 skip = to - e->fblock;
	u32 count = e->count - skip;
	u32 csums = e->unwritten ? 0 : count * sizeof(__le32);
	int err;

	err = vex_tree_touch(fs, &key, path);
	if (err) {
		vex_path_release(fs, path);
		return err;
	}
	memcpy(fs->scratch, vex_extent_csums(vex_path_data(path)) + skip, csums);
	vex_path_release(fs, path);

	key.offset = to;
	err = vex_tree_insert(fs, &key, vex_extent_len(count, e->unwritten), path);
	if (err)
		return err;
	item = vex_path_data(path);
	item->block = cpu_to_le64(e->block + skip);
	item->count = cpu_to_le32(count);
	item->flags = cpu_to_le32(e->unwritten ? VEXFS_EXTENT_UNWRITTEN : 0);
	memcpy(vex_extent_csums(item), fs->scratch, csums);
	vex_path_release(fs, path);
	return 0;
}

/* What is left of @e before @from stays. Touched before. */
static noinline_for_stack
int extent_keep_head(struct vex_fs *fs, u64 ino, const struct vex_extent *e, u64 from)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_EXTENT, e->fblock);
	struct vex_path *path = &fs->edit_path;
	struct vexfs_extent_item *item;
	u32 keep;
	int err;

	err = vex_tree_touch(fs, &key, path);
	if (err) {
		vex_path_release(fs, path);
		return err;
	}
	if (e->fblock >= from) {
		vex_tree_delete(fs, path);
		return 0;
	}
	keep = from - e->fblock;
	item = vex_path_data(path);
	item->count = cpu_to_le32(keep);
	vex_tree_shrink(path, vex_extent_len(keep, e->unwritten));
	vex_path_release(fs, path);
	return 0;
}

int vex_extent_cut(struct vex_fs *fs, u64 ino, const struct vex_extent *e, u64 from, u64 to)
{
	int err = 0;

	if (e->fblock + e->count > to)
		err = extent_split_tail(fs, ino, e, to);
	if (!err)
		err = extent_keep_head(fs, ino, e, from);
	if (!err && e->unwritten)
		vex_space_unwritten(fs, -(s64)extent_overlap(e, from, to));
	return err;
}

/* The same, and give its blocks back. */
static int extent_remove(struct vex_fs *fs, u64 ino, const struct vex_extent *e, u64 from,
			 u64 to)
{
	int err = vex_extent_cut(fs, ino, e, from, to);

	if (!err)
		vex_blocks_free(fs, extent_block(e, from), extent_overlap(e, from, to), false);
	return err;
}

int vex_extent_touch_item(struct vex_fs *fs, u64 ino, const struct vex_extent *e, u64 to)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_EXTENT, e->fblock);
	int err = vex_touch_key(fs, &key);

	if (!err && e->fblock + e->count > to) {
		key.offset = to;
		err = vex_touch_key(fs, &key);
	}
	return err;
}

/* Touch all that cutting the next extent of [@from, @to) edits. -ENOENT: there is none. */
static int extent_touch_next(struct vex_fs *fs, u64 ino, u64 from, u64 to,
			     struct vex_extent *e)
{
	int err;

	err = vex_extent_next(fs, ino, from, e);
	if (err)
		return err;
	if (e->fblock >= to)
		return -ENOENT;
	err = vex_blocks_touch(fs, extent_block(e, from), extent_overlap(e, from, to));
	return err ? err : vex_extent_touch_item(fs, ino, e, to);
}

int vex_extent_remove_touched(struct vex_fs *fs, u64 ino, u64 from, u64 to)
{
	struct vex_extent e;
	int err;

	for (;;) {
		err = vex_extent_next(fs, ino, from, &e);
		if (err)
			return err == -ENOENT ? 0 : err;
		if (e.fblock >= to)
			return 0;
		err = extent_remove(fs, ino, &e, from, to);
		if (err)
			return err;
	}
}

int vex_extent_drop(struct vex_fs *fs, u64 ino, u64 from, u64 to)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_INODE, 0);
	s64 freed = 0;
	struct vex_extent e;
	u32 step;
	int err;

	err = vex_touch_key(fs, &key);
	for (step = 0; step < VEX_DROP_STEP && !err; step++) {
		err = extent_touch_next(fs, ino, from, to, &e);
		if (err)
			break;
		err = vex_must(fs, extent_remove(fs, ino, &e, from, to));
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
	struct vex_extent e;
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

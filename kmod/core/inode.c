// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Inodes: their attributes, and their end.
 *
 * A file without names, and one whose truncation takes more than one step, has an
 * orphan item in the same transaction; the next open finishes what a crash left.
 */
#include "vex_fs.h"

#define NS_PER_SEC	1000000000u

struct vexfs_time vex_time_pack(u64 ns)
{
	struct vexfs_time t = { 0 };
	u32 rest;

	t.sec = cpu_to_le64(div_u64_rem(ns, NS_PER_SEC, &rest));
	t.nsec = cpu_to_le32(rest);
	return t;
}

static void time_from(struct vexfs_time *to, const struct vex_time *from)
{
	to->sec = cpu_to_le64(from->sec);
	to->nsec = cpu_to_le32(from->nsec);
	to->reserved = 0;
}

static void time_to(const struct vexfs_time *from, struct vex_time *to)
{
	to->sec = le64_to_cpu(from->sec);
	to->nsec = min(le32_to_cpu(from->nsec), NS_PER_SEC - 1);
}

void vex_inode_pack(struct vexfs_inode_item *to, const struct vex_inode *from)
{
	to->mode = cpu_to_le32(from->mode);
	to->uid = cpu_to_le32(from->uid);
	to->gid = cpu_to_le32(from->gid);
	to->nlink = cpu_to_le32(from->nlink);
	to->size = cpu_to_le64(from->size);
	to->blocks = cpu_to_le64(from->blocks);
	to->parent = cpu_to_le64(from->parent);
	to->generation = cpu_to_le32(from->generation);
	to->flags = cpu_to_le32(from->flags);
	time_from(&to->atime, &from->atime);
	time_from(&to->mtime, &from->mtime);
	time_from(&to->ctime, &from->ctime);
	time_from(&to->btime, &from->btime);
}

void vex_inode_unpack(u64 ino, const struct vexfs_inode_item *from, struct vex_inode *to)
{
	to->ino = ino;
	to->mode = le32_to_cpu(from->mode);
	to->uid = le32_to_cpu(from->uid);
	to->gid = le32_to_cpu(from->gid);
	to->nlink = le32_to_cpu(from->nlink);
	to->size = le64_to_cpu(from->size);
	to->blocks = le64_to_cpu(from->blocks);
	to->parent = le64_to_cpu(from->parent);
	to->generation = le32_to_cpu(from->generation);
	to->flags = le32_to_cpu(from->flags);
	time_to(&from->atime, &to->atime);
	time_to(&from->mtime, &to->mtime);
	time_to(&from->ctime, &to->ctime);
	time_to(&from->btime, &to->btime);
}

static struct vex_key inode_key(u64 ino)
{
	return vex_key(ino, VEXFS_ITEM_INODE, 0);
}

static struct vex_key orphan_key(u64 ino)
{
	return vex_key(VEXFS_SYSTEM_INO, VEXFS_ITEM_ORPHAN, ino);
}

static int inode_find(struct vex_fs *fs, u64 ino, struct vex_path *path)
{
	struct vex_key key = inode_key(ino);
	const struct vexfs_inode_item *item;
	int err;

	err = vex_item_find(fs, &key, sizeof(*item), path);
	if (err)
		return err;
	item = vex_path_data(path);
	if (le64_to_cpu(item->size) <= S64_MAX)
		return 0;
	err = vex_damaged(fs, path->node[0]->block, "inode with an impossible size");
	vex_path_release(fs, path);
	return err;
}

noinline_for_stack int vex_inode_load(struct vex_fs *fs, u64 ino, struct vex_brief *out)
{
	const struct vexfs_inode_item *item;
	struct vex_path path;
	int err;

	err = inode_find(fs, ino, &path);
	if (err)
		return err;
	item = vex_path_data(&path);
	out->ino = ino;
	out->size = le64_to_cpu(item->size);
	out->blocks = le64_to_cpu(item->blocks);
	out->mode = le32_to_cpu(item->mode);
	out->nlink = le32_to_cpu(item->nlink);
	out->flags = le32_to_cpu(item->flags);
	vex_path_release(fs, &path);
	return 0;
}

int vex_inode_brief(struct vex_fs *fs, u64 ino, struct vex_brief *out)
{
	int err;

	vex_read_lock(&fs->lock);
	err = vex_inode_load(fs, ino, out);
	vex_read_unlock(&fs->lock);
	return err;
}

int vex_inode_touch(struct vex_fs *fs, u64 ino, struct vex_path *path)
{
	struct vex_key key = inode_key(ino);

	return vex_item_touch(fs, &key, sizeof(struct vexfs_inode_item), path);
}

int vex_inode_get(struct vex_fs *fs, u64 ino, struct vex_inode *out)
{
	struct vex_path path;
	int err;

	vex_read_lock(&fs->lock);
	err = inode_find(fs, ino, &path);
	if (!err) {
		vex_inode_unpack(ino, vex_path_data(&path), out);
		vex_path_release(fs, &path);
	}
	vex_read_unlock(&fs->lock);
	return err;
}

int vex_inode_set(struct vex_fs *fs, u64 ino, const struct vex_inode *in, u32 mask)
{
	struct vexfs_inode_item *item;
	struct vex_path path;
	int err;

	err = vex_txn_begin(fs, 0, 1, 0, VEX_TXN_URGENT);
	if (err)
		return err;
	err = vex_inode_touch(fs, ino, &path);
	if (err)
		goto end;
	item = vex_path_data(&path);
	if (mask & VEX_SET_MODE)
		item->mode = cpu_to_le32((le32_to_cpu(item->mode) & S_IFMT) |
					 (in->mode & ~S_IFMT));
	if (mask & VEX_SET_UID)
		item->uid = cpu_to_le32(in->uid);
	if (mask & VEX_SET_GID)
		item->gid = cpu_to_le32(in->gid);
	/* A directory has none, and a collection's follows from its rows. */
	if ((mask & VEX_SET_SIZE) && S_ISREG(le32_to_cpu(item->mode)) &&
	    !(le32_to_cpu(item->flags) & VEXFS_INODE_COLL))
		item->size = cpu_to_le64(in->size);
	if (mask & VEX_SET_ATIME)
		time_from(&item->atime, &in->atime);
	if (mask & VEX_SET_MTIME)
		time_from(&item->mtime, &in->mtime);
	if (mask & VEX_SET_CTIME)
		time_from(&item->ctime, &in->ctime);
	vex_path_release(fs, &path);
end:
	vex_txn_end(fs);
	return err;
}

int vex_inode_add_blocks(struct vex_fs *fs, u64 ino, s64 delta)
{
	struct vexfs_inode_item *item;
	struct vex_path path;
	int err;

	err = vex_inode_touch(fs, ino, &path);
	if (err)
		return err;
	item = vex_path_data(&path);
	item->blocks = cpu_to_le64(le64_to_cpu(item->blocks) + delta);
	vex_path_release(fs, &path);
	return 0;
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
	struct vex_key inode = inode_key(ino);
	struct vex_key orphan = orphan_key(ino);
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
		err = vex_txn_begin(fs, 0, VEX_DROP_STEP, 0, VEX_TXN_URGENT);
		/* A step this large may not fit a full device; a small one must. */
		if (err == -ENOSPC)
			err = vex_txn_begin(fs, 0, 2, 0, VEX_TXN_URGENT);
		if (err)
			return err;
		vex_seg_forget(fs, ino, 0);
		err = evict_step(fs, ino);
		vex_txn_end(fs);
		vex_resched();
	} while (err == 1);
	return err;
}

/*
 * Hold the segment in which the file will end, so that its tail can be cut; NULL
 * where nothing is to be cut: a host with a page cache has done it.
 */
static int truncate_hold(struct vex_fs *fs, u64 ino, u64 size, struct vex_seg **seg)
{
	int err;

	*seg = NULL;
	if (vex_host_caches(fs) || !(size & (VEX_SEG_BYTES - 1)))
		return 0;
	err = vex_seg_get(fs, ino, size / VEX_SEG_BYTES, false, seg);
	if (err)
		return err;
	err = vex_seg_settle(fs, *seg);
	if (err) {
		vex_seg_put(fs, *seg);
		*seg = NULL;
	}
	return err;
}

/* Cut a held segment behind @size; the last block, if it changes, is to be written. */
static void truncate_tail(struct vex_fs *fs, struct vex_seg *seg, u64 size)
{
	u32 from = size & (VEX_SEG_BYTES - 1);
	u32 end = round_up(from, VEXFS_BLOCK_SIZE);
	u32 blocks;

	vex_seg_cut(fs, seg, from);
	if (end != from) {
		blocks = vex_seg_dirty(fs, seg, from, end);
		vex_spin_lock(&fs->space_lock);
		fs->reserved += blocks;
		vex_spin_unlock(&fs->space_lock);
	}
	vex_seg_put(fs, seg);
}

/* Edit the size of a touched inode. */
static noinline_for_stack int size_set(struct vex_fs *fs, u64 ino, u64 size)
{
	struct vexfs_inode_item *item;
	struct vex_path path;
	int err;

	err = vex_inode_touch(fs, ino, &path);
	if (err)
		return err;
	item = vex_path_data(&path);
	item->size = cpu_to_le64(size);
	item->mtime = vex_time_pack(vex_now(fs));
	item->ctime = item->mtime;
	vex_path_release(fs, &path);
	return 0;
}

static int truncate_check(struct vex_fs *fs, u64 ino, struct vex_brief *inode)
{
	int err = vex_inode_load(fs, ino, inode);

	if (!err && !S_ISREG(inode->mode))
		err = -EISDIR;
	if (!err && (inode->flags & VEXFS_INODE_COLL))
		err = -EPERM;
	return err;
}

/* First block that a file of @size bytes does not have. */
static u64 blocks_of(u64 size)
{
	return DIV_ROUND_UP(size, (u64)VEXFS_BLOCK_SIZE);
}

/* The edits of a shrinking truncation, after its touch; returns 1 when there is more to do. */
static int truncate_shrink(struct vex_fs *fs, u64 ino, u64 size)
{
	struct vex_key orphan = orphan_key(ino);
	int err;

	vex_seg_forget(fs, ino, DIV_ROUND_UP(size, (u64)VEX_SEG_BYTES));
	err = vex_extent_drop(fs, ino, blocks_of(size), ~0ULL);
	if (err == 1 && vex_must(fs, vex_insert_empty(fs, &orphan)))
		return -EIO;
	return err < 0 ? vex_must(fs, err) : err;
}

/* Set the size and free the first blocks; returns 1 when there is more to do. */
static noinline_for_stack
int truncate_first(struct vex_fs *fs, u64 ino, u64 size)
{
	struct vex_key orphan = orphan_key(ino);
	struct vex_seg *seg = NULL;
	struct vex_brief inode;
	u64 mapped;
	bool shrink;
	int err;

	err = truncate_check(fs, ino, &inode);
	if (err)
		return err;
	shrink = size < inode.size;
	err = vex_touch_key(fs, &orphan);
	if (!err)
		err = vex_extent_touch(fs, ino, blocks_of(size), ~0ULL,
				       shrink ? VEX_DROP_STEP : 0, &mapped);
	if (!err && shrink)
		err = truncate_hold(fs, ino, size, &seg);
	if (err)
		return err;
	if (seg)
		truncate_tail(fs, seg, size);
	err = vex_must(fs, size_set(fs, ino, size));
	return err || !shrink ? err : truncate_shrink(fs, ino, size);
}

/* Go on with a truncation, in steps, to the end. */
static noinline_for_stack
int truncate_rest(struct vex_fs *fs, u64 ino)
{
	struct vex_key orphan = orphan_key(ino);
	struct vex_brief inode;
	int err;

	do {
		err = vex_txn_begin(fs, 0, VEX_DROP_STEP, 0, VEX_TXN_URGENT);
		if (err == -ENOSPC)
			err = vex_txn_begin(fs, 0, 2, 0, VEX_TXN_URGENT);
		if (err)
			return err;
		err = vex_inode_load(fs, ino, &inode);
		if (!err)
			err = vex_extent_drop(fs, ino, blocks_of(inode.size), ~0ULL);
		if (!err)
			err = vex_delete_key(fs, &orphan);
		vex_txn_end(fs);
		vex_resched();
	} while (err == 1);
	return err;
}

/**
 * vex_file_truncate() - set the size of a regular file
 * @fs: filesystem
 * @ino: inode; the host lets nobody else change its data meanwhile
 * @size: bytes; what is added reads as zeros
 *
 * Return: 0; -EISDIR; -EPERM for a collection; -EFBIG; -ENOSPC only when the device has no
 * block left for a copied tree node; errors of the device.
 */
int vex_file_truncate(struct vex_fs *fs, u64 ino, u64 size)
{
	int err;

	if (size > S64_MAX)
		return -EFBIG;
	err = vex_txn_begin(fs, 1, VEX_DROP_STEP, 1, VEX_TXN_URGENT);
	/* A step this large may not fit a full device; a small one must. */
	if (err == -ENOSPC)
		err = vex_txn_begin(fs, 1, 4, 1, VEX_TXN_URGENT);
	if (err)
		return err;
	err = truncate_first(fs, ino, size);
	vex_txn_end(fs);
	if (err == 1)
		err = vex_must(fs, truncate_rest(fs, ino));
	return err;
}

/* The first orphan; -ENOENT when there is none. */
static noinline_for_stack
int orphan_first(struct vex_fs *fs, u64 *ino)
{
	struct vex_key key = orphan_key(0);
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
		err = inode.nlink ? truncate_rest(fs, ino) : vex_inode_evict(fs, ino);
		if (err)
			return err;
	}
	if (err != -ENOENT)
		return err;
	fs->orphans_pending = false;
	return 0;
}

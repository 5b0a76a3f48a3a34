// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Inodes: their attributes. */
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
	to->nsec = cpu_to_le32(min(from->nsec, NS_PER_SEC - 1));
	to->reserved = 0;
}

static void time_to(const struct vexfs_time *from, struct vex_time *to)
{
	to->sec = le64_to_cpu(from->sec);
	to->nsec = min(le32_to_cpu(from->nsec), NS_PER_SEC - 1);
}

static bool is_device(u32 mode)
{
	return S_ISCHR(mode) || S_ISBLK(mode);
}

void vex_inode_pack(struct vexfs_inode_item *to, const struct vex_inode *from)
{
	to->mode = cpu_to_le32(from->mode);
	to->uid = cpu_to_le32(from->uid);
	to->gid = cpu_to_le32(from->gid);
	to->nlink = cpu_to_le32(from->nlink);
	to->size = cpu_to_le64(from->size);
	to->blocks = cpu_to_le64(from->blocks);
	to->parent = cpu_to_le64(is_device(from->mode) ? from->rdev : from->parent);
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
	to->parent = is_device(to->mode) ? 0 : le64_to_cpu(from->parent);
	to->rdev = is_device(to->mode) ? le64_to_cpu(from->parent) : 0;
	to->generation = le32_to_cpu(from->generation);
	to->flags = le32_to_cpu(from->flags);
	time_to(&from->atime, &to->atime);
	time_to(&from->mtime, &to->mtime);
	time_to(&from->ctime, &to->ctime);
	time_to(&from->btime, &to->btime);
}

static int inode_find(struct vex_fs *fs, u64 ino, struct vex_path *path)
{
	struct vex_key key = vex_inode_key(ino);
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

u64 vex_blocks_seq(struct vex_fs *fs, u64 ino)
{
	return READ_ONCE(fs->blocks_seq[ino % VEX_BLOCKS_SEQS]);
}

int vex_inode_blocks(struct vex_fs *fs, u64 ino, u64 *blocks)
{
	const struct vexfs_inode_item *item;
	struct vex_path path;
	int err;

	vex_read_lock(&fs->lock);
	err = inode_find(fs, ino, &path);
	if (!err) {
		item = vex_path_data(&path);
		*blocks = le64_to_cpu(item->blocks);
		vex_path_release(fs, &path);
	}
	vex_read_unlock(&fs->lock);
	return err;
}

int vex_inode_touch(struct vex_fs *fs, u64 ino, struct vex_path *path)
{
	struct vex_key key = vex_inode_key(ino);

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
					 (in->mode & S_IALLUGO));
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
	vex_blocks_changed(fs, ino);
	item->blocks = cpu_to_le64(le64_to_cpu(item->blocks) + delta);
	vex_path_release(fs, &path);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Directories: finding, adding and removing names. See dirent.c for the entries. */
#include "vex_fs.h"

int vex_dir_load(struct vex_fs *fs, u64 dir, struct vex_brief *out)
{
	int err = vex_inode_load(fs, dir, out);

	if (!err && !S_ISDIR(out->mode))
		err = -ENOTDIR;
	if (!err && !out->nlink)
		err = -ENOENT;
	return err;
}

int vex_dir_lookup(struct vex_fs *fs, u64 dir, const struct vex_name *name, u64 *ino, u8 *type)
{
	struct vex_brief node;
	struct vex_found f;
	int err;

	vex_read_lock(&fs->lock);
	err = vex_dir_load(fs, dir, &node);
	if (!err)
		err = vex_entry_find(fs, dir, name, &f);
	vex_read_unlock(&fs->lock);
	if (err)
		return err == -ENOSPC ? -ENOENT : err;
	*ino = f.ino;
	*type = f.type;
	return 0;
}

noinline_for_stack
int vex_dir_changed(struct vex_fs *fs, u64 dir, int links)
{
	struct vexfs_inode_item *item;
	struct vex_path path;
	int err;

	err = vex_inode_touch(fs, dir, &path);
	if (err)
		return err;
	item = vex_path_data(&path);
	item->nlink = cpu_to_le32(le32_to_cpu(item->nlink) + links);
	item->mtime = vex_time_pack(vex_now(fs));
	item->ctime = item->mtime;
	vex_path_release(fs, &path);
	return 0;
}

static noinline_for_stack
int dir_check_empty(struct vex_fs *fs, u64 dir)
{
	struct vex_key key = vex_key(dir, VEXFS_ITEM_DIRENT, 0);
	struct vex_path path;
	int err;

	err = vex_tree_seek(fs, &key, &path);
	if (!err) {
		vex_path_key(&path, &key);
		if (key.ino == dir && key.type == VEXFS_ITEM_DIRENT)
			err = -ENOTEMPTY;
	}
	vex_path_release(fs, &path);
	return err == -ENOENT ? 0 : err;
}

noinline_for_stack int vex_victim_check(struct vex_fs *fs, const struct vex_brief *node)
{
	if (!node->nlink)
		return vex_damaged(fs, fs->root_block, "entry of an inode without links");
	return S_ISDIR(node->mode) ? dir_check_empty(fs, node->ino) : 0;
}

noinline_for_stack int vex_victim_touch(struct vex_fs *fs, u64 ino)
{
	struct vex_key inode = vex_key(ino, VEXFS_ITEM_INODE, 0);
	struct vex_key orphan = vex_key(VEXFS_SYSTEM_INO, VEXFS_ITEM_ORPHAN, ino);
	int err = vex_touch_key(fs, &inode);

	return err ? err : vex_touch_key(fs, &orphan);
}

noinline_for_stack
int vex_victim_unlink(struct vex_fs *fs, u64 ino)
{
	struct vexfs_inode_item *item;
	struct vex_path path;
	u32 nlink;
	int err;

	err = vex_inode_touch(fs, ino, &path);
	if (err)
		return err;
	item = vex_path_data(&path);
	nlink = S_ISDIR(le32_to_cpu(item->mode)) ? 0 : le32_to_cpu(item->nlink) - 1;
	item->nlink = cpu_to_le32(nlink);
	item->ctime = vex_time_pack(vex_now(fs));
	vex_path_release(fs, &path);
	return nlink ? 0 : vex_orphan_insert(fs, ino);
}

static noinline_for_stack
int remove_locked(struct vex_fs *fs, u64 dir, const struct vex_name *name, bool rmdir)
{
	struct vex_key parent_key = vex_key(dir, VEXFS_ITEM_INODE, 0);
	struct vex_brief node;
	struct vex_found f;
	bool is_dir;
	int err;

	err = vex_dir_load(fs, dir, &node);
	if (!err)
		err = vex_entry_find(fs, dir, name, &f);
	if (!err)
		err = vex_inode_load(fs, f.ino, &node);
	if (err)
		return err == -ENOSPC ? -ENOENT : err;
	is_dir = S_ISDIR(node.mode);
	if (is_dir != rmdir)
		return rmdir ? -ENOTDIR : -EISDIR;
	err = vex_victim_check(fs, &node);
	if (!err)
		err = vex_touch_key(fs, &parent_key);
	if (!err)
		err = vex_victim_touch(fs, f.ino);
	if (!err)
		err = vex_touch_key(fs, &f.key);
	if (err)
		return err;
	err = vex_delete_key(fs, &f.key);
	if (!err)
		err = vex_victim_unlink(fs, f.ino);
	if (!err)
		err = vex_dir_changed(fs, dir, is_dir ? -1 : 0);
	return vex_must(fs, err);
}

int vex_dir_remove(struct vex_fs *fs, u64 dir, const struct vex_name *name, bool rmdir)
{
	int err;

	err = vex_txn_begin(fs, 1, 4, 0, VEX_TXN_URGENT);
	if (err)
		return err;
	err = remove_locked(fs, dir, name, rmdir);
	vex_txn_end(fs);
	return err;
}

/* May the inode get one more name. */
static int link_check(struct vex_fs *fs, u64 ino, struct vex_brief *node)
{
	int err = vex_inode_load(fs, ino, node);

	if (err)
		return err;
	if (S_ISDIR(node->mode))
		return -EPERM;
	if (!node->nlink && !(node->flags & VEXFS_INODE_NAMELESS))
		return -ENOENT;
	return node->nlink >= VEXFS_LINK_MAX ? -EMLINK : 0;
}

/* An inode that was touched gets a name. */
static noinline_for_stack
int link_inode(struct vex_fs *fs, u64 ino)
{
	struct vexfs_inode_item *item;
	struct vex_path path;
	int err;

	err = vex_inode_touch(fs, ino, &path);
	if (err)
		return err;
	item = vex_path_data(&path);
	item->nlink = cpu_to_le32(le32_to_cpu(item->nlink) + 1);
	item->flags &= ~cpu_to_le32(VEXFS_INODE_NAMELESS);
	item->ctime = vex_time_pack(vex_now(fs));
	vex_path_release(fs, &path);
	return 0;
}

static noinline_for_stack
int link_locked(struct vex_fs *fs, u64 dir, const struct vex_name *name, u64 ino)
{
	struct vex_key parent = vex_inode_key(dir);
	struct vex_key orphan = vex_orphan_key(ino);
	struct vex_brief node;
	struct vex_found f;
	int err;

	err = vex_dir_load(fs, dir, &node);
	if (!err)
		err = link_check(fs, ino, &node);
	if (err)
		return err;
	err = vex_entry_find(fs, dir, name, &f);
	if (err != -ENOENT)
		return err ? err : -EEXIST;
	if (!name->len)
		return -EINVAL;
	err = vex_touch_key(fs, &f.key);
	if (!err)
		err = vex_touch_key(fs, &parent);
	if (!err)
		err = vex_victim_touch(fs, ino);
	if (err)
		return err;
	err = vex_entry_insert(fs, &f.key, name, ino, S_DT(node.mode));
	if (!err)
		err = link_inode(fs, ino);
	if (!err && !node.nlink)
		err = vex_delete_key(fs, &orphan);
	if (!err)
		err = vex_dir_changed(fs, dir, 0);
	return vex_must(fs, err);
}

int vex_dir_link(struct vex_fs *fs, u64 dir, const struct vex_name *name, u64 ino)
{
	int err;

	err = vex_txn_begin(fs, 1, 3, 0, 0);
	if (err)
		return err;
	err = link_locked(fs, dir, name, ino);
	vex_txn_end(fs);
	return err;
}

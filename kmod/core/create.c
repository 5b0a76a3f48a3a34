// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * New inodes, with a name or without. An inode without a name has an orphan item from the
 * start, so that a crash frees it.
 */
#include "vex_fs.h"

static noinline_for_stack
int inode_insert(struct vex_fs *fs, const struct vex_inode *node)
{
	struct vex_key key = vex_inode_key(node->ino);
	struct vex_path path;
	int err;

	err = vex_tree_insert(fs, &key, sizeof(struct vexfs_inode_item), &path);
	if (err)
		return err;
	vex_inode_pack(vex_path_data(&path), node);
	vex_path_release(fs, &path);
	return 0;
}

/*
 * Everything but owner, link count, flags, size and number of a device; bits of the mode that
 * the format has no place for are dropped.
 */
static noinline_for_stack
void inode_init(struct vex_fs *fs, struct vex_inode *node, u64 dir)
{
	u64 now = vex_now(fs);
	u64 birth[2] = { fs->next_ino, now };
	u32 rest;

	node->ino = fs->next_ino;
	node->mode &= S_IFMT | S_IALLUGO;
	node->blocks = 0;
	node->parent = S_ISDIR(node->mode) ? dir : 0;
	/* A crash may have taken an inode of this number back: the time tells them apart. */
	node->generation = (u32)vex_siphash(fs->hash_key, birth, sizeof(birth));
	node->btime.sec = div_u64_rem(now, 1000000000u, &rest);
	node->btime.nsec = rest;
	node->atime = node->btime;
	node->mtime = node->btime;
	node->ctime = node->btime;
}

/* Touch where an item of the new inode will stand. One that is there belongs to another inode. */
static noinline_for_stack
int fresh_touch(struct vex_fs *fs, const struct vex_key *key)
{
	struct vex_path path;
	int err = vex_tree_touch(fs, key, &path);

	if (!err)
		err = vex_damaged(fs, path.node[0]->block, "inode number used twice");
	vex_path_release(fs, &path);
	return err == -ENOENT ? 0 : err;
}

/* Touch where the inode @ino, still without any item, its name and its parent stand. */
static noinline_for_stack
int create_touch(struct vex_fs *fs, u64 ino, const struct vex_key *name, u64 dir)
{
	struct vex_key key = vex_inode_key(ino);
	int err = fresh_touch(fs, &key);

	if (!err)
		err = vex_touch_key(fs, name);
	key = vex_inode_key(dir);
	return err ? err : vex_touch_key(fs, &key);
}

noinline_for_stack
int vex_node_create(struct vex_fs *fs, u64 dir, const struct vex_name *name,
		    struct vex_inode *node, const struct vex_target *target)
{
	struct vex_brief parent;
	struct vex_found f;
	int err;

	err = vex_dir_load(fs, dir, &parent);
	if (err)
		return err;
	if (S_ISDIR(node->mode) && parent.nlink == U32_MAX)
		return -EMLINK;
	err = vex_entry_find(fs, dir, name, &f);
	if (err != -ENOENT)
		return err ? err : -EEXIST;
	if (!name->len)
		return -EINVAL;
	node->nlink = S_ISDIR(node->mode) ? 2 : 1;
	node->size = target->len;
	node->flags = 0;
	inode_init(fs, node, dir);

	err = create_touch(fs, node->ino, &f.key, dir);
	if (err)
		return err;
	err = inode_insert(fs, node);
	if (!err)
		err = vex_target_insert(fs, node->ino, target);
	if (!err)
		err = vex_entry_insert(fs, &f.key, name, node->ino, S_DT(node->mode));
	if (!err)
		err = vex_dir_changed(fs, dir, S_ISDIR(node->mode));
	fs->next_ino++;
	fs->inode_count++;
	return vex_must(fs, err);
}

int vex_dir_create(struct vex_fs *fs, u64 dir, const struct vex_name *name,
		   struct vex_inode *node)
{
	const struct vex_target none = { 0 };
	int err;

	if (!S_ISREG(node->mode) && !S_ISDIR(node->mode) &&
	    !vex_has_feature(fs, VEXFS_FEATURE_SPECIAL))
		return -EOPNOTSUPP;

	switch (node->mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFIFO:
	case S_IFSOCK:
		node->rdev = 0;
		break;
	case S_IFCHR:
	case S_IFBLK:
		break;
	default:
		return -EINVAL;
	}
	err = vex_txn_begin(fs, 2, 1, 0, 0);
	if (err)
		return err;
	err = vex_node_create(fs, dir, name, node, &none);
	vex_txn_end(fs);
	return err;
}

static noinline_for_stack
int create_nameless(struct vex_fs *fs, struct vex_inode *node)
{
	struct vex_key inode = vex_inode_key(fs->next_ino);
	struct vex_key orphan = vex_orphan_key(fs->next_ino);
	int err;

	node->nlink = 0;
	node->size = 0;
	node->rdev = 0;
	node->flags = VEXFS_INODE_NAMELESS;
	inode_init(fs, node, 0);
	err = fresh_touch(fs, &inode);
	if (!err)
		err = fresh_touch(fs, &orphan);
	if (err)
		return err;
	err = inode_insert(fs, node);
	if (!err)
		err = vex_orphan_insert(fs, node->ino);
	fs->next_ino++;
	fs->inode_count++;
	return vex_must(fs, err);
}

int vex_inode_create(struct vex_fs *fs, struct vex_inode *node)
{
	int err;

	if (!S_ISREG(node->mode))
		return -EINVAL;
	err = vex_txn_begin(fs, 2, 0, 0, 0);
	if (err)
		return err;
	err = create_nameless(fs, node);
	vex_txn_end(fs);
	return err;
}

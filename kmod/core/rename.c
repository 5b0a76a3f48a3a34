// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Renaming: all of it in one transaction, whatever it moves, replaces or exchanges. */
#include "vex_fs.h"

/**
 * struct rename - a rename in progress
 * @from: old directory
 * @to: new directory
 * @old: old entry
 * @new: new entry, or the free slot for it
 * @node: what is renamed
 * @victim: what loses its name, or is exchanged for @node; ino 0 when nothing is
 * @exchange: the two names change places
 */
struct rename {
	u64 from;
	u64 to;
	struct vex_found old;
	struct vex_found new;
	struct vex_brief node;
	struct vex_brief victim;
	bool exchange;
};

static int rename_find(struct vex_fs *fs, struct rename *r, const struct vex_name *old_name,
		       const struct vex_name *new_name, u32 flags)
{
	int err;

	/* @r->victim serves for the directories until it is known. */
	err = vex_dir_load(fs, r->from, &r->victim);
	if (!err)
		err = vex_dir_load(fs, r->to, &r->victim);
	if (!err)
		err = vex_entry_find(fs, r->from, old_name, &r->old);
	if (!err)
		err = vex_inode_load(fs, r->old.ino, &r->node);
	if (err)
		return err == -ENOSPC ? -ENOENT : err;
	r->victim.ino = 0;
	err = vex_entry_find(fs, r->to, new_name, &r->new);
	if (err)
		return err == -ENOENT && !r->exchange ? 0 : err;
	if (flags & VEX_RENAME_NOREPLACE)
		return -EEXIST;
	return vex_inode_load(fs, r->new.ino, &r->victim);
}

static int rename_check(struct vex_fs *fs, const struct rename *r)
{
	if (!r->victim.ino || r->exchange)
		return 0;
	if (S_ISDIR(r->node.mode) != S_ISDIR(r->victim.mode))
		return S_ISDIR(r->node.mode) ? -ENOTDIR : -EISDIR;
	return vex_victim_check(fs, &r->victim);
}

static int rename_touch(struct vex_fs *fs, const struct rename *r)
{
	u64 inodes[3] = { r->from, r->to, r->node.ino };
	struct vex_key key;
	u32 i;
	int err;

	for (i = 0; i < ARRAY_SIZE(inodes); i++) {
		key = vex_inode_key(inodes[i]);
		err = vex_touch_key(fs, &key);
		if (err)
			return err;
	}
	err = vex_touch_key(fs, &r->old.key);
	if (!err)
		err = vex_touch_key(fs, &r->new.key);
	if (!err && r->victim.ino)
		err = vex_victim_touch(fs, r->victim.ino);
	return err;
}

/* An entry that was touched names another inode. */
static noinline_for_stack
int entry_set(struct vex_fs *fs, const struct vex_key *key, const struct vex_brief *node)
{
	struct vexfs_dirent_item *item;
	struct vex_path path;
	int err;

	err = vex_tree_touch(fs, key, &path);
	if (!err) {
		item = vex_path_data(&path);
		put_unaligned_le64(node->ino, &item->ino);
		item->type = S_DT(node->mode);
	}
	vex_path_release(fs, &path);
	return err;
}

/* The new name names the inode: in place of the victim, or as a new entry. */
static int rename_enter(struct vex_fs *fs, const struct rename *r, const struct vex_name *new_name)
{
	int err;

	if (!r->victim.ino)
		return vex_entry_insert(fs, &r->new.key, new_name, r->node.ino, S_DT(r->node.mode));
	err = entry_set(fs, &r->new.key, &r->node);
	return err ? err : vex_victim_unlink(fs, r->victim.ino);
}

/* The inode itself: change time, and the parent of a directory. */
static noinline_for_stack
int rename_inode(struct vex_fs *fs, const struct vex_brief *node, u64 dir)
{
	struct vexfs_inode_item *item;
	struct vex_path path;
	int err;

	err = vex_inode_touch(fs, node->ino, &path);
	if (err)
		return err;
	item = vex_path_data(&path);
	item->ctime = vex_time_pack(vex_now(fs));
	if (S_ISDIR(node->mode))
		item->parent = cpu_to_le64(dir);
	vex_path_release(fs, &path);
	return 0;
}

static int rename_edit(struct vex_fs *fs, const struct rename *r, const struct vex_name *new_name)
{
	bool is_dir = S_ISDIR(r->node.mode);
	int gain = is_dir - (r->victim.ino && S_ISDIR(r->victim.mode));
	int err;

	err = rename_enter(fs, r, new_name);
	if (!err)
		err = vex_delete_key(fs, &r->old.key);
	if (!err)
		err = rename_inode(fs, &r->node, r->to);
	if (!err)
		err = vex_dir_changed(fs, r->from, is_dir ? -1 : 0);
	if (!err)
		err = vex_dir_changed(fs, r->to, gain);
	return vex_must(fs, err);
}

static int exchange_edit(struct vex_fs *fs, const struct rename *r)
{
	int gain = S_ISDIR(r->node.mode) - S_ISDIR(r->victim.mode);
	int err;

	err = entry_set(fs, &r->new.key, &r->node);
	if (!err)
		err = entry_set(fs, &r->old.key, &r->victim);
	if (!err)
		err = rename_inode(fs, &r->node, r->to);
	if (!err)
		err = rename_inode(fs, &r->victim, r->from);
	if (!err)
		err = vex_dir_changed(fs, r->from, -gain);
	if (!err)
		err = vex_dir_changed(fs, r->to, gain);
	return vex_must(fs, err);
}

int vex_dir_rename(struct vex_fs *fs, u64 from, const struct vex_name *old_name, u64 to,
		   const struct vex_name *new_name, u32 flags, u64 *replaced)
{
	struct rename *r;
	int err;

	if (flags & ~(VEX_RENAME_NOREPLACE | VEX_RENAME_EXCHANGE) ||
	    flags == (VEX_RENAME_NOREPLACE | VEX_RENAME_EXCHANGE))
		return -EINVAL;
	r = vex_zalloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->from = from;
	r->to = to;
	r->exchange = flags & VEX_RENAME_EXCHANGE;
	*replaced = 0;
	err = vex_txn_begin(fs, 2, 6, 0, 0);
	if (err)
		goto free;
	err = rename_find(fs, r, old_name, new_name, flags);
	/* Two names of one inode: POSIX wants nothing done. */
	if (!err && r->victim.ino == r->node.ino)
		goto end;
	if (!err)
		err = rename_check(fs, r);
	if (!err)
		err = rename_touch(fs, r);
	if (!err)
		err = r->exchange ? exchange_edit(fs, r) : rename_edit(fs, r, new_name);
	if (!err && !r->exchange)
		*replaced = r->victim.ino;
end:
	vex_txn_end(fs);
free:
	vex_free(r);
	return err;
}

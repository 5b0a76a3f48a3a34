// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Directories: one item for each entry, keyed by a keyed hash of its name, so that
 * a look-up costs one descent however large the directory is, and a reader's position
 * stays right while entries come and go.
 */
#include "vex_fs.h"

/* The first slot of a name's hash. */
static u64 name_offset(struct vex_fs *fs, const struct vex_name *name)
{
	u64 hash = vex_siphash(fs->hash_key, name->str, name->len);

	/* 63 bits, for readdir positions are signed; see VEXFS_DIRENT_SLOT_BITS. */
	return hash >> 8 << VEXFS_DIRENT_SLOT_BITS;
}

static int entry_check(struct vex_fs *fs, const struct vex_path *path)
{
	const struct vexfs_dirent_item *item = vex_path_data(path);
	u32 len = vex_path_len(path);
	struct vex_key key;

	vex_path_key(path, &key);
	/* A position past 63 bits would be read again and again. */
	if (key.offset > S64_MAX || len <= sizeof(*item) || !item->name_len ||
	    len != sizeof(*item) + item->name_len)
		return vex_damaged(fs, path->node[0]->block, "malformed directory entry");
	return 0;
}

static bool entry_is(const struct vex_path *path, const struct vex_name *name)
{
	const struct vexfs_dirent_item *item = vex_path_data(path);

	return item->name_len == name->len && !memcmp(item + 1, name->str, name->len);
}

/**
 * struct found - where a name stands in its directory
 * @key: of the entry, or of the first free slot for it
 * @ino: what it names
 * @type: DT_* of that
 */
struct found {
	struct vex_key key;
	u64 ino;
	u8 type;
};

/* 0: found; -ENOENT: not there, @f->key is free for it; -ENOSPC: all slots taken. */
static noinline_for_stack
int entry_find(struct vex_fs *fs, u64 dir, const struct vex_name *name, struct found *f)
{
	const struct vexfs_dirent_item *item;
	struct vex_path path;
	struct vex_key key;
	u64 last;
	int err;

	if (!name->len || name->len > VEXFS_NAME_MAX)
		return name->len ? -ENAMETOOLONG : -ENOENT;
	f->key = vex_key(dir, VEXFS_ITEM_DIRENT, name_offset(fs, name));
	last = f->key.offset + VEXFS_DIRENT_SLOTS - 1;
	err = vex_tree_seek(fs, &f->key, &path);
	for (; !err; err = vex_tree_next(fs, &path)) {
		vex_path_key(&path, &key);
		if (key.ino != dir || key.type != VEXFS_ITEM_DIRENT || key.offset > last)
			break;
		err = entry_check(fs, &path);
		if (err)
			break;
		if (entry_is(&path, name)) {
			item = vex_path_data(&path);
			f->key = key;
			f->ino = get_unaligned_le64(&item->ino);
			f->type = item->type;
			vex_path_release(fs, &path);
			return 0;
		}
		if (key.offset == f->key.offset)
			f->key.offset++;
	}
	vex_path_release(fs, &path);
	if (err && err != -ENOENT)
		return err;
	return f->key.offset > last ? -ENOSPC : -ENOENT;
}

/* Load an inode that must be a directory with a name. */
static int dir_load(struct vex_fs *fs, u64 dir, struct vex_brief *out)
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
	struct found f;
	int err;

	vex_read_lock(&fs->lock);
	err = dir_load(fs, dir, &node);
	if (!err)
		err = entry_find(fs, dir, name, &f);
	vex_read_unlock(&fs->lock);
	if (err)
		return err == -ENOSPC ? -ENOENT : err;
	*ino = f.ino;
	*type = f.type;
	return 0;
}

static u8 mode_dt(u32 mode)
{
	return (mode & S_IFMT) >> 12;
}

/* Add an entry whose place was touched. */
static noinline_for_stack
int entry_insert(struct vex_fs *fs, const struct vex_key *key, const struct vex_name *name,
		 u64 ino, u8 type)
{
	struct vexfs_dirent_item *item;
	struct vex_path path;
	int err;

	err = vex_tree_insert(fs, key, sizeof(*item) + name->len, &path);
	if (err)
		return err;
	item = vex_path_data(&path);
	put_unaligned_le64(ino, &item->ino);
	item->type = type;
	item->name_len = name->len;
	memcpy(item + 1, name->str, name->len);
	vex_path_release(fs, &path);
	return 0;
}

/* Edit a directory that was touched: links, and times. */
static noinline_for_stack
int dir_changed(struct vex_fs *fs, u64 dir, int links)
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
int inode_insert(struct vex_fs *fs, const struct vex_inode *node)
{
	struct vex_key key = vex_key(node->ino, VEXFS_ITEM_INODE, 0);
	struct vex_path path;
	int err;

	err = vex_tree_insert(fs, &key, sizeof(struct vexfs_inode_item), &path);
	if (err)
		return err;
	vex_inode_pack(vex_path_data(&path), node);
	vex_path_release(fs, &path);
	return 0;
}

static void inode_init(struct vex_fs *fs, struct vex_inode *node, u64 dir)
{
	u32 rest;

	node->ino = fs->next_ino;
	node->nlink = S_ISDIR(node->mode) ? 2 : 1;
	node->size = 0;
	node->blocks = 0;
	node->parent = S_ISDIR(node->mode) ? dir : 0;
	fs->io.ops->random(fs->io.ctx, &node->generation, sizeof(node->generation));
	node->flags = 0;
	node->btime.sec = div_u64_rem(vex_now(fs), 1000000000u, &rest);
	node->btime.nsec = rest;
	node->atime = node->btime;
	node->mtime = node->btime;
	node->ctime = node->btime;
}

static noinline_for_stack
int create_locked(struct vex_fs *fs, u64 dir, const struct vex_name *name,
		  struct vex_inode *node)
{
	struct vex_key keys[3];
	struct vex_brief parent;
	struct found f;
	u32 i;
	int err;

	err = dir_load(fs, dir, &parent);
	if (err)
		return err;
	if (S_ISDIR(node->mode) && parent.nlink == U32_MAX)
		return -EMLINK;
	err = entry_find(fs, dir, name, &f);
	if (err != -ENOENT)
		return err ? err : -EEXIST;
	if (name->len > VEXFS_NAME_MAX || !name->len)
		return -EINVAL;
	inode_init(fs, node, dir);

	keys[0] = vex_key(node->ino, VEXFS_ITEM_INODE, 0);
	keys[1] = f.key;
	keys[2] = vex_key(dir, VEXFS_ITEM_INODE, 0);
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		err = vex_touch_key(fs, &keys[i]);
		if (err)
			return err;
	}
	err = inode_insert(fs, node);
	if (!err)
		err = entry_insert(fs, &f.key, name, node->ino, mode_dt(node->mode));
	if (!err)
		err = dir_changed(fs, dir, S_ISDIR(node->mode));
	fs->next_ino++;
	fs->inode_count++;
	return vex_must(fs, err);
}

int vex_dir_create(struct vex_fs *fs, u64 dir, const struct vex_name *name,
		   struct vex_inode *node)
{
	int err;

	if (!S_ISREG(node->mode) && !S_ISDIR(node->mode))
		return -EINVAL;
	err = vex_txn_begin(fs, 2, 1, 0, 0);
	if (err)
		return err;
	err = create_locked(fs, dir, name, node);
	vex_txn_end(fs);
	return err;
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

/* May this inode lose a name; a directory only when it is empty. */
static noinline_for_stack int victim_check(struct vex_fs *fs, const struct vex_brief *node)
{
	if (!node->nlink)
		return vex_damaged(fs, fs->root_block, "entry of an inode without links");
	return S_ISDIR(node->mode) ? dir_check_empty(fs, node->ino) : 0;
}

static noinline_for_stack int victim_touch(struct vex_fs *fs, u64 ino)
{
	struct vex_key inode = vex_key(ino, VEXFS_ITEM_INODE, 0);
	struct vex_key orphan = vex_key(VEXFS_SYSTEM_INO, VEXFS_ITEM_ORPHAN, ino);
	int err = vex_touch_key(fs, &inode);

	return err ? err : vex_touch_key(fs, &orphan);
}

/* An inode that was touched loses a name; with the last one it becomes an orphan. */
static noinline_for_stack
int victim_unlink(struct vex_fs *fs, u64 ino)
{
	struct vex_key orphan = vex_key(VEXFS_SYSTEM_INO, VEXFS_ITEM_ORPHAN, ino);
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
	if (nlink)
		return 0;
	err = vex_insert_empty(fs, &orphan);
	/* A truncation that did not end left one already. */
	return err == -EEXIST ? 0 : err;
}

static noinline_for_stack
int remove_locked(struct vex_fs *fs, u64 dir, const struct vex_name *name, bool rmdir)
{
	struct vex_key parent_key = vex_key(dir, VEXFS_ITEM_INODE, 0);
	struct vex_brief node;
	struct found f;
	bool is_dir;
	int err;

	err = dir_load(fs, dir, &node);
	if (!err)
		err = entry_find(fs, dir, name, &f);
	if (!err)
		err = vex_inode_load(fs, f.ino, &node);
	if (err)
		return err == -ENOSPC ? -ENOENT : err;
	is_dir = S_ISDIR(node.mode);
	if (is_dir != rmdir)
		return rmdir ? -ENOTDIR : -EISDIR;
	err = victim_check(fs, &node);
	if (!err)
		err = vex_touch_key(fs, &parent_key);
	if (!err)
		err = victim_touch(fs, f.ino);
	if (!err)
		err = vex_touch_key(fs, &f.key);
	if (err)
		return err;
	err = vex_delete_key(fs, &f.key);
	if (!err)
		err = victim_unlink(fs, f.ino);
	if (!err)
		err = dir_changed(fs, dir, is_dir ? -1 : 0);
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

/**
 * struct rename - a rename in progress
 * @from: old directory
 * @to: new directory
 * @old: old entry
 * @new: new entry, or the free slot for it
 * @node: what is renamed
 * @victim: what loses its name; ino 0 when nothing does
 */
struct rename {
	u64 from;
	u64 to;
	struct found old;
	struct found new;
	struct vex_brief node;
	struct vex_brief victim;
};

static int rename_find(struct vex_fs *fs, struct rename *r, const struct vex_name *old_name,
		       const struct vex_name *new_name, u32 flags)
{
	int err;

	/* @r->victim serves for the directories until it is known. */
	err = dir_load(fs, r->from, &r->victim);
	if (!err)
		err = dir_load(fs, r->to, &r->victim);
	if (!err)
		err = entry_find(fs, r->from, old_name, &r->old);
	if (!err)
		err = vex_inode_load(fs, r->old.ino, &r->node);
	if (err)
		return err == -ENOSPC ? -ENOENT : err;
	r->victim.ino = 0;
	err = entry_find(fs, r->to, new_name, &r->new);
	if (err)
		return err == -ENOENT ? 0 : err;
	if (flags & VEX_RENAME_NOREPLACE)
		return -EEXIST;
	return vex_inode_load(fs, r->new.ino, &r->victim);
}

static int rename_check(struct vex_fs *fs, const struct rename *r)
{
	if (!r->victim.ino)
		return 0;
	if (S_ISDIR(r->node.mode) != S_ISDIR(r->victim.mode))
		return S_ISDIR(r->node.mode) ? -ENOTDIR : -EISDIR;
	return victim_check(fs, &r->victim);
}

static int rename_touch(struct vex_fs *fs, const struct rename *r)
{
	u64 inodes[3] = { r->from, r->to, r->node.ino };
	struct vex_key key;
	u32 i;
	int err;

	for (i = 0; i < ARRAY_SIZE(inodes); i++) {
		key = vex_key(inodes[i], VEXFS_ITEM_INODE, 0);
		err = vex_touch_key(fs, &key);
		if (err)
			return err;
	}
	err = vex_touch_key(fs, &r->old.key);
	if (!err)
		err = vex_touch_key(fs, &r->new.key);
	if (!err && r->victim.ino)
		err = victim_touch(fs, r->victim.ino);
	return err;
}

/* The new name names the inode: in place of the victim, or as a new entry. */
static noinline_for_stack
int rename_enter(struct vex_fs *fs, const struct rename *r, const struct vex_name *new_name)
{
	struct vexfs_dirent_item *item;
	struct vex_path path;
	int err;

	if (!r->victim.ino)
		return entry_insert(fs, &r->new.key, new_name, r->node.ino, mode_dt(r->node.mode));
	err = vex_tree_touch(fs, &r->new.key, &path);
	if (!err) {
		item = vex_path_data(&path);
		put_unaligned_le64(r->node.ino, &item->ino);
		item->type = mode_dt(r->node.mode);
	}
	vex_path_release(fs, &path);
	return err ? err : victim_unlink(fs, r->victim.ino);
}

/* The inode itself: change time, and the parent of a directory. */
static noinline_for_stack
int rename_inode(struct vex_fs *fs, const struct rename *r)
{
	struct vexfs_inode_item *item;
	struct vex_path path;
	int err;

	err = vex_inode_touch(fs, r->node.ino, &path);
	if (err)
		return err;
	item = vex_path_data(&path);
	item->ctime = vex_time_pack(vex_now(fs));
	if (S_ISDIR(r->node.mode))
		item->parent = cpu_to_le64(r->to);
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
		err = rename_inode(fs, r);
	if (!err)
		err = dir_changed(fs, r->from, is_dir ? -1 : 0);
	if (!err)
		err = dir_changed(fs, r->to, gain);
	return vex_must(fs, err);
}

int vex_dir_rename(struct vex_fs *fs, u64 from, const struct vex_name *old_name, u64 to,
		   const struct vex_name *new_name, u32 flags, u64 *replaced)
{
	struct rename *r;
	int err;

	if (flags & ~VEX_RENAME_NOREPLACE)
		return -EINVAL;
	r = vex_zalloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->from = from;
	r->to = to;
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
		err = rename_edit(fs, r, new_name);
	if (!err)
		*replaced = r->victim.ino;
end:
	vex_txn_end(fs);
free:
	vex_free(r);
	return err;
}

int vex_dir_read(struct vex_fs *fs, u64 dir, u64 pos, void *buf, size_t len, size_t *used)
{
	struct vex_key key = vex_key(dir, VEXFS_ITEM_DIRENT, pos);
	const struct vexfs_dirent_item *item;
	struct vex_dirent *out;
	struct vex_path path;
	int err;

	*used = 0;
	vex_read_lock(&fs->lock);
	err = vex_tree_seek(fs, &key, &path);
	for (; !err; err = vex_tree_next(fs, &path)) {
		vex_path_key(&path, &key);
		if (key.ino != dir || key.type != VEXFS_ITEM_DIRENT)
			break;
		err = entry_check(fs, &path);
		if (err)
			break;
		item = vex_path_data(&path);
		if (VEX_DIRENT_SIZE(item->name_len) > len - *used)
			break;
		out = (struct vex_dirent *)((u8 *)buf + *used);
		out->pos = key.offset;
		out->ino = get_unaligned_le64(&item->ino);
		out->type = item->type;
		out->len = item->name_len;
		memcpy(out->name, item + 1, item->name_len);
		*used += VEX_DIRENT_SIZE(item->name_len);
	}
	vex_path_release(fs, &path);
	vex_read_unlock(&fs->lock);
	return err == -ENOENT ? 0 : err;
}

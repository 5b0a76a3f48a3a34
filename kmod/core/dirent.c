// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Directory entries: one item for each, keyed by a keyed hash of its name, so that
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

noinline_for_stack
int vex_entry_find(struct vex_fs *fs, u64 dir, const struct vex_name *name, struct vex_found *f)
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

noinline_for_stack
int vex_entry_insert(struct vex_fs *fs, const struct vex_key *key, const struct vex_name *name,
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

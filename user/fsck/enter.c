// SPDX-License-Identifier: GPL-2.0-only
/* Directory entries that a repair makes. */
#include <stdio.h>

#include "repair.h"

/* 0: the name is there; -ENOENT: not, and @key is free for it; -ENOSPC: nothing is free. */
static int find(struct vex_fs *fs, const struct new_name *name, struct vex_key *key)
{
	const struct vexfs_dirent_item *item;
	struct vex_path path;
	struct vex_key at;
	u64 last;
	int err;

	*key = vex_key(name->dir, VEXFS_ITEM_DIRENT,
		       vex_siphash(fs->hash_key, name->name, name->len) >> 8 <<
		       VEXFS_DIRENT_SLOT_BITS);
	last = key->offset + VEXFS_DIRENT_SLOTS - 1;
	err = vex_tree_seek(fs, key, &path);
	for (; !err; err = vex_tree_next(fs, &path)) {
		vex_path_key(&path, &at);
		if (at.ino != name->dir || at.type != VEXFS_ITEM_DIRENT || at.offset > last)
			break;
		item = vex_path_data(&path);
		if (item->name_len == name->len && !memcmp(item + 1, name->name, name->len)) {
			vex_path_release(fs, &path);
			return 0;
		}
		if (at.offset == key->offset)
			key->offset++;
	}
	vex_path_release(fs, &path);
	if (err && err != -ENOENT)
		return err;
	return key->offset > last ? -ENOSPC : -ENOENT;
}

int enter(struct vex_fs *fs, const struct new_name *wanted)
{
	struct new_name name = *wanted;
	struct vexfs_dirent_item *item;
	struct vex_path path;
	struct vex_key key;
	int err;

	/* An equal name, or a hash without room: try others. */
	for (u32 i = 1; (err = find(fs, &name, &key)) == 0 || err == -ENOSPC; i++) {
		char tail[24];
		u32 len = snprintf(tail, sizeof(tail), "~%u", i);
		u32 keep = min_t(u32, wanted->len, VEXFS_NAME_MAX - len);

		memcpy(name.name + keep, tail, len);
		name.len = keep + len;
	}
	if (err != -ENOENT)
		return err;
	err = vex_tree_insert(fs, &key, sizeof(*item) + name.len, &path);
	if (err)
		return err;
	item = vex_path_data(&path);
	put_unaligned_le64(name.ino, &item->ino);
	item->type = name.type;
	item->name_len = name.len;
	memcpy(item + 1, name.name, name.len);
	vex_path_release(fs, &path);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/* The path of an inode: its name in its directory, the directory's in its parent, and so on. */
#include <stdio.h>
#include <stdlib.h>

#include "path.h"

#define DEPTH_MAX	1024u
#define DIR_BYTES	65536u

/* The name of @ino in @dir, into @name; false when there is none. */
static bool name_of(struct vex_fs *fs, u64 dir, u64 ino, char *name)
{
	u8 *buf = malloc(DIR_BYTES);
	bool found = false;
	size_t used = 0;
	u64 pos = 0;

	while (buf && !found && !vex_dir_read(fs, dir, pos, buf, DIR_BYTES, &used) && used) {
		for (size_t at = 0; at < used && !found;) {
			const struct vex_dirent *e = (const void *)(buf + at);

			found = e->ino == ino;
			if (found) {
				memcpy(name, e->name, e->len);
				name[e->len] = 0;
			}
			pos = e->pos + 1;
			at += VEX_DIRENT_SIZE(e->len);
		}
	}
	free(buf);
	return found;
}

char *path_of(struct vex_fs *fs, u64 dir, u64 ino)
{
	char name[VEXFS_NAME_MAX + 1], *path = strdup("");
	struct vex_inode node;

	for (u32 depth = 0; path && ino != VEXFS_ROOT_INO; depth++) {
		char *longer = NULL;

		if (depth == DEPTH_MAX || !name_of(fs, dir, ino, name) ||
		    vex_inode_get(fs, dir, &node) || asprintf(&longer, "/%s%s", name, path) < 0)
			longer = NULL;
		free(path);
		path = longer;
		ino = dir;
		dir = node.parent;
	}
	return path;
}

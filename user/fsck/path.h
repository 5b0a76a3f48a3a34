/* SPDX-License-Identifier: GPL-2.0-only */
/* The path of an inode. */
#ifndef VEXFS_FSCK_PATH_H
#define VEXFS_FSCK_PATH_H

#include <vex_core.h>

/*
 * "/a/b/c" of inode @ino, which directory @dir names; NULL when it cannot be told. free() it.
 */
char *path_of(struct vex_fs *fs, u64 dir, u64 ino);

#endif /* VEXFS_FSCK_PATH_H */

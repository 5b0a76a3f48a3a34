/* SPDX-License-Identifier: GPL-2.0-only */
/* Checking a whole filesystem against the invariants of its format. */
#ifndef VEX_CHECK_H
#define VEX_CHECK_H

#include <stdio.h>

#include "vex_core.h"

/**
 * vex_check() - compare everything in a filesystem with everything else
 * @fs: filesystem without pending changes, used by nobody else
 * @out: where each violation is written, one a line
 *
 * Walks the whole tree and reads no file data. Checked: every block in use is
 * used once and marked so, and no other block is marked; the superblock's counts of
 * free blocks, tree nodes and inodes; links against directory entries; entries against inodes;
 * parents of directories; blocks of inodes against extents; orphans; collections.
 *
 * Return: the number of violations; or -EBUSY with pending changes, -ENOMEM, or the error that
 * stopped the walk.
 */
long vex_check(struct vex_fs *fs, FILE *out);

#endif /* VEX_CHECK_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* Forged violations of the format, one and more for each code of the checker. */
#ifndef VEX_TEST_FSCK_H
#define VEX_TEST_FSCK_H

#include "check.h"
#include "core.h"

/**
 * struct forgery - one way to damage an image
 * @code: what the checker must find
 * @also: other codes that follow from it; VEX_PROBLEM_CODES: none
 * @tree: change the open filesystem, locked for writing; it is committed afterwards
 * @device: change the closed image
 * @loses: the files below "keep" may be of an older state afterwards
 */
struct forgery {
	enum vex_problem_code code;
	enum vex_problem_code also[3];
	void (*tree)(struct vex_fs *fs);
	void (*device)(struct vex_io_mem *m);
	bool loses;
};

/* A block that the device cannot read; 0: none. */
extern u64 forge_unreadable;

extern const struct forgery forgeries[];
extern const u32 forgery_count;

/* Seal a node or superblock after a change. */
void forge_seal(u8 *block);
/* The newest superblock. */
struct vexfs_super *forge_super(struct vex_io_mem *m);

#endif /* VEX_TEST_FSCK_H */

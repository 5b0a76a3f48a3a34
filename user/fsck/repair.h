/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Repairing a filesystem.
 *
 * The check collects what there is; the plan decides what shall be; then the items are gone
 * through once more, and those that are wrong are changed. All of that is one transaction of
 * the core: it writes to free blocks only, and one superblock makes it true. Where a node is
 * lost the tree is written anew, from the leaves that are left (salvage.c), else only the
 * leaves with something wrong in them are.
 */
#ifndef VEXFS_FSCK_REPAIR_H
#define VEXFS_FSCK_REPAIR_H

#include "check.h"

/**
 * struct repair_opts - how to repair
 * @check: how to check, and where problems go
 * @confirm: called when all problems are known and something can be done; false leaves all as it
 *	is
 */
struct repair_opts {
	struct vex_check_opts check;
	bool (*confirm)(void *ctx, const struct vex_check_result *found);
};

/* A file that lost data: its inode, and the directory that names it. */
struct hurt_file {
	u64 ino;
	u64 dir;
	bool dropped;	/* an extent is gone; else the data are there, and wrong */
};

/**
 * struct repair_result - what was done
 * @found: by the check before
 * @done: repaired, and committed
 * @hurt: files that lost data, in the order of inodes; free() it
 * @hurt_count: of them
 * @reconnected: inodes entered in lost+found
 * @nothing_left: no leaf of the tree was found: nothing to repair from
 * @failed: 0, or why the repair could not be done; the old state stands
 */
struct repair_result {
	struct vex_check_result found;
	bool done;
	struct hurt_file *hurt;
	size_t hurt_count;
	u64 reconnected;
	bool nothing_left;
	int failed;
};

/*
 * Check, and repair what can be. 0 when the check ran; else as vex_check_device(). The device is
 * written only after @confirm.
 */
int repair_device(const struct vex_io *io, const struct repair_opts *opts,
		  struct repair_result *result, struct vex_open_error *why);

/**
 * struct new_name - a directory entry to be made
 * @dir: where
 * @ino: of what
 * @type: DT_* of that
 * @len: of @name
 */
struct new_name {
	u64 dir;
	u64 ino;
	u8 type;
	u8 len;
	char name[VEXFS_NAME_MAX];
};

struct repair {
	struct check *c;
	struct vex_fs *fs;
	bool copy;			/* write the whole tree anew */
	bool changes;			/* anything but the superblock */
	struct block_map judged;	/* as c->used, while the items are gone through again */
	struct block_map keep;		/* blocks of what is kept */
	struct new_name *names;
	size_t name_count, name_room;
	u64 inodes;
	u64 next_ino;
	u64 reconnected;
	u64 unwritten;			/* blocks of unwritten extents that are kept */
	u32 pending;			/* items since the last write-out */
};

/* ---- salvage.c: c->leaves becomes what is left; 1: nothing. */
int salvage(struct check *c);

/* ---- plan.c: where the lost go. */
int plan(struct repair *r);
int plan_name(struct repair *r, u64 dir, u64 ino, u8 type, const char *name, u32 len);

/* ---- decide.c: what becomes of an item: DROP, or KEEP with its data in @data, @len. */
enum verdict decide(struct repair *r, const struct check_item *it, u8 *data, u32 *len);
void decide_inode(struct repair *r, const struct check_inode *n, struct vexfs_inode_item *item);

/* ---- enter.c: make an entry, by another name when there is an equal one. */
int enter(struct vex_fs *fs, const struct new_name *name);

/* ---- apply.c: make it so, and commit. */
int apply(struct repair *r);

#endif /* VEXFS_FSCK_REPAIR_H */

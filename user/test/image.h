/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside the reader of images: image.c walks, image_items.c compares. */
#ifndef VEX_TEST_IMAGE_H
#define VEX_TEST_IMAGE_H

#include "core.h"

struct item {
	u64 ino;
	u64 offset;
	u32 type;
	u32 len;
	const u8 *data;
};

/* What other items say of an inode. */
struct tally {
	u64 ino;
	u64 names;
	u64 subdirs;
	u64 blocks;
	u64 end;
	u64 tombs;
	u64 target;
};

struct check {
	const struct vex_io_mem *m;
	const struct vexfs_super *sb;
	u64 blocks;
	u8 *used;
	struct item *items;
	size_t count;
	size_t room;
	struct tally *tallies;
	size_t inodes;
	u64 nodes;
	u64 data;
	u64 unwritten;
	u64 orphans;
	char wrong[200];
};

#define WRONG(c, ...) (snprintf((c)->wrong, sizeof((c)->wrong), __VA_ARGS__), false)

/* Note a block as used, once. */
bool image_use(struct check *c, u64 block, const char *what, u64 whose);
int image_key_cmp(const struct item *a, const struct item *b);
const struct item *image_find(const struct check *c, u64 ino, u32 type, u64 offset);
/* Hold all items against one another. */
bool image_items_check(struct check *c);

#endif /* VEX_TEST_IMAGE_H */

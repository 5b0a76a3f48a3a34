/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The disk on which a state is opened: an array of pointers to blocks that others own. What
 * is written gets memory of its own, and is logged for a second crash.
 */
#ifndef CRASH_DISK_H
#define CRASH_DISK_H

#include <vex_io.h>

/* A write, or a flush when @data is NULL. */
struct disk_write {
	u64 block;
	const u8 *data;
	bool fua;
};

/**
 * struct disk - a disk in a state
 * @blocks: its size
 * @image: a pointer for each block, NULL for zeros
 * @own: memory of this disk's blocks; the first @used hold something
 * @log: writes and flushes since disk_forget()
 * @fake: seed of its randomness, and its clock
 */
struct disk {
	u64 blocks;
	const u8 **image;
	u8 **own;
	u32 used, room;
	struct disk_write *log;
	u32 count, log_room;
	u64 time, random;
};

void disk_init(struct disk *d, u64 blocks);
void disk_free(struct disk *d);
struct vex_io disk_io(struct disk *d);
/* Memory for a block, until disk_forget(). */
u8 *disk_block(struct disk *d);
/* Forget what was written, and the log. The image is to be filled anew. */
void disk_forget(struct disk *d);

/* What a discarded block reads as. */
extern const u8 disk_poison[VEXFS_BLOCK_SIZE];

#endif /* CRASH_DISK_H */

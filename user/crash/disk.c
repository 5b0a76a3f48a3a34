// SPDX-License-Identifier: GPL-2.0-only
/* A disk over blocks that others own. */
#include <stdlib.h>

#include "disk.h"
#include "script.h"

const u8 disk_poison[VEXFS_BLOCK_SIZE] = { [0 ... VEXFS_BLOCK_SIZE - 1] = VEX_IO_POISON };

static int disk_read(void *ctx, u64 block, u32 count, void *buf)
{
	struct disk *d = ctx;
	u8 *p = buf;

	if (block > d->blocks || count > d->blocks - block)
		return -EIO;
	for (; count; count--, block++, p += VEXFS_BLOCK_SIZE) {
		if (d->image[block])
			memcpy(p, d->image[block], VEXFS_BLOCK_SIZE);
		else
			memset(p, 0, VEXFS_BLOCK_SIZE);
	}
	return 0;
}

u8 *disk_block(struct disk *d)
{
	if (d->used == d->room) {
		d->room = 2 * d->room + 64;
		d->own = realloc(d->own, d->room * sizeof(*d->own));
		vex_rule(d->own != NULL, "there is memory for a disk");
		memset(d->own + d->used, 0, (d->room - d->used) * sizeof(*d->own));
	}
	if (!d->own[d->used]) {
		d->own[d->used] = malloc(VEXFS_BLOCK_SIZE);
		vex_rule(d->own[d->used] != NULL, "there is memory for a disk");
	}
	return d->own[d->used++];
}

static void disk_log(struct disk *d, u64 block, const u8 *data, bool fua)
{
	if (d->count == d->log_room) {
		d->log_room = 2 * d->log_room + 64;
		d->log = realloc(d->log, d->log_room * sizeof(*d->log));
		vex_rule(d->log != NULL, "there is memory for a log");
	}
	d->log[d->count++] = (struct disk_write){ block, data, fua };
}

static int disk_write(void *ctx, u64 block, u32 count, const void *buf, u32 flags)
{
	struct disk *d = ctx;
	const u8 *p = buf;

	if (block > d->blocks || count > d->blocks - block)
		return -EIO;
	for (; count; count--, block++, p += VEXFS_BLOCK_SIZE) {
		u8 *to = disk_block(d);

		memcpy(to, p, VEXFS_BLOCK_SIZE);
		d->image[block] = to;
		disk_log(d, block, to, flags & VEX_IO_FUA);
	}
	return 0;
}

static int disk_flush(void *ctx)
{
	disk_log(ctx, 0, NULL, false);
	return 0;
}

static u64 disk_now(void *ctx)
{
	struct disk *d = ctx;

	return d->time += 1000000;
}

static void disk_random(void *ctx, void *buf, size_t len)
{
	struct disk *d = ctx;

	for (u8 *p = buf; len; len--, p++)
		*p = rnd_next(&d->random);
}

static const struct vex_io_ops disk_ops = {
	.read = disk_read,
	.write = disk_write,
	.flush = disk_flush,
	.now = disk_now,
	.random = disk_random,
};

struct vex_io disk_io(struct disk *d)
{
	return (struct vex_io){ .ops = &disk_ops, .ctx = d, .blocks = d->blocks };
}

void disk_init(struct disk *d, u64 blocks)
{
	memset(d, 0, sizeof(*d));
	d->blocks = blocks;
	d->image = calloc(blocks, sizeof(*d->image));
	disk_forget(d);
}

void disk_forget(struct disk *d)
{
	d->used = 0;
	d->count = 0;
	d->time = 1800000000ULL * 1000000000u;
	d->random = 1;
}

void disk_free(struct disk *d)
{
	for (u32 i = 0; i < d->room; i++)
		free(d->own[i]);
	free(d->own);
	free(d->log);
	free(d->image);
}

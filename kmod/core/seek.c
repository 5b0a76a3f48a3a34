// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Where a file has data, and where it has none: SEEK_DATA and SEEK_HOLE. */
#include "vex_fs.h"

/* Extents that one hold of the lock looks at. */
#define SEEK_STEP	64u

/*
 * Look from *@at on for a block that is data, or that is not: 0 when *@at is one, -ENOENT
 * when there is none any more, 1 to go on at *@at.
 */
static int seek_step(struct vex_fs *fs, u64 ino, bool hole, u64 *at)
{
	struct vex_extent e;
	int err;
	u32 i;

	for (i = 0; i < SEEK_STEP; i++) {
		err = vex_extent_next(fs, ino, *at, &e);
		if (err == -ENOENT && hole)
			return 0;
		if (err)
			return err;
		if (hole) {
			if (e.fblock > *at || e.unwritten)
				return 0;
			*at = e.fblock + e.count;
		} else {
			*at = e.unwritten ? e.fblock + e.count : max(*at, e.fblock);
			if (!e.unwritten)
				return 0;
		}
	}
	return 1;
}

/* Data that only memory has gets its place. */
static int seek_prepare(struct vex_fs *fs)
{
	int err;

	if (vex_host_caches(fs) || fs->read_only || !READ_ONCE(fs->seg_dirty_bytes))
		return 0;
	err = vex_txn_begin(fs, 0, 0, 0, VEX_TXN_URGENT);
	if (err)
		return err;
	err = vex_seg_flush(fs);
	vex_txn_end(fs);
	return err;
}

/**
 * vex_file_seek() - the next data or hole of a file
 * @fs: filesystem
 * @ino: its inode
 * @pos: byte to start from
 * @size: bytes of the file
 * @hole: look for a hole, not for data
 * @found: receives the byte
 *
 * Return: 0; -ENXIO when there is none before the end, or @pos is not before it; errors
 * of the device.
 */
int vex_file_seek(struct vex_fs *fs, u64 ino, u64 pos, u64 size, bool hole, u64 *found)
{
	u64 at = pos >> VEXFS_BLOCK_SHIFT;
	int err;

	if (pos >= size)
		return -ENXIO;
	err = seek_prepare(fs);
	if (err)
		return err;
	do {
		vex_read_lock(&fs->lock);
		err = seek_step(fs, ino, hole, &at);
		vex_read_unlock(&fs->lock);
		if (err == 1 && vex_interrupted())
			err = -EINTR;
		vex_resched();
	} while (err == 1 && at <= (size - 1) >> VEXFS_BLOCK_SHIFT);
	if (err < 0 && err != -ENOENT)
		return err;
	/* Behind the end everything is hole. */
	if (err || at > (size - 1) >> VEXFS_BLOCK_SHIFT) {
		*found = size;
		return hole ? 0 : -ENXIO;
	}
	*found = max(pos, at << VEXFS_BLOCK_SHIFT);
	return 0;
}

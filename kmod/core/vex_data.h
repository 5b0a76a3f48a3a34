/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Of the face of the core: what files hold. See vex_core.h. */
#ifndef VEX_DATA_H
#define VEX_DATA_H

#include <vex_platform.h>
#include <linux/vexfs.h>
#include <linux/vexfs_format.h>

struct vex_fs;

/* ---- file data for a host with its own page cache (extent.c) ------------- */

/**
 * struct vex_map - where a run of file blocks lies
 * @fblock: first file block
 * @block: first block on the device; 0 for what reads as zeros
 * @count: blocks
 * @batch: from vex_extent_write(): what ops->data_begin() returned
 * @unwritten: from vex_extent_map(): what reads as zeros is allocated
 */
struct vex_map {
	u64 fblock;
	u64 block;
	u32 count;
	u32 batch;
	bool unwritten;
};

/*
 * Map the run that starts at @fblock, at most @max blocks (and at most
 * VEXFS_EXTENT_MAX). @csums receives a crc32c for each block that is no hole.
 * The caller compares each block it reads; see vex_block_csum().
 */
int vex_extent_map(struct vex_fs *fs, u64 ino, u64 fblock, u32 max,
		   struct vex_map *map, u32 *csums);

/**
 * struct vex_window - where all blocks of a piece of a file lie
 * @fblock: first file block
 * @count: blocks, at least 1
 * @cached: do not read the device for it
 * @runs: receives the number of runs; together they are the window, in order
 * @map: room for @count of them. Blocks that follow each other on the device too are one run
 * @csums: room for @count checksums; that of block @fblock + n is the nth, if it is no hole
 */
struct vex_window {
	u64 fblock;
	u32 count;
	bool cached;
	u32 runs;
	struct vex_map *map;
	u32 *csums;
};

/*
 * Map a whole window at one moment. -EAGAIN: with @cached, a piece of the tree is not in memory.
 * The caller compares each block it reads; see vex_block_csum().
 */
int vex_extent_window(struct vex_fs *fs, u64 ino, struct vex_window *w);

/* crc32c of one block of VEXFS_BLOCK_SIZE bytes; any context. */
u32 vex_block_csum(const void *data);

/* Report a data block whose checksum was wrong, for vex_fs_take_damage(). */
void vex_fs_note_damage(struct vex_fs *fs, u64 block, const char *what);

/* 0 as long as changes are taken; EROFS; EIO when stopped. */
int vex_fs_writable(struct vex_fs *fs);

/*
 * Promise @blocks blocks of data to come, so that writing them back cannot meet
 * a full device. ENOSPC; EROFS; EIO when stopped. Gives back with
 * vex_space_unreserve(); vex_extent_write() uses what was reserved.
 */
int vex_space_reserve(struct vex_fs *fs, u64 blocks);
/* The same without a commit that would make room. Does not sleep. */
int vex_space_reserve_now(struct vex_fs *fs, u64 blocks);
void vex_space_unreserve(struct vex_fs *fs, u64 blocks);

/*
 * On a full device: promise that one block of data can be written back, which needs no new block
 * because @fblock is unwritten, and stays so until then. Used by vex_extent_write() like any
 * other; when it did, or in place of vex_space_unreserve() with @unused, the host calls
 * vex_space_end_inplace(). ENOSPC: it is not unwritten. EAGAIN: after all that is
 * promised so far was written back and committed.
 */
int vex_space_reserve_inplace(struct vex_fs *fs, u64 ino, u64 fblock);
void vex_space_end_inplace(struct vex_fs *fs, bool unused);
/*
 * On a full device: promise a block from the reserve, for a change inside a block that is in
 * use: it comes back with the commit after. ENOSPC: not even that, after a commit.
 */
int vex_space_reserve_urgent(struct vex_fs *fs);

/*
 * Give file blocks @fblock.. a place for new content: allocates one run of
 * at most @count blocks (1 to VEXFS_EXTENT_MAX), maps it with @csums, frees what was mapped there
 * before, and consumes as many reserved blocks. Blocks that were unwritten are that place
 * themselves. @map tells the run; it may be
 * shorter than @count. The host then writes the data to it, after
 * ops->data_begin() was called for it under the lock. When @size is larger than the
 * inode's size, the size is set with it.
 * Between this call and its write a host calls nothing else of the core.
 */
int vex_extent_write(struct vex_fs *fs, u64 ino, u64 fblock, u32 count,
		     const u32 *csums, u64 size, struct vex_map *map);

/*
 * Set the size, freeing blocks past it. The host has zeroed the rest of the
 * last block before (a host with a page cache), or the core does (segments).
 */
int vex_file_truncate(struct vex_fs *fs, u64 ino, u64 size);

/*
 * Give every hole of file blocks [@from, @to) unwritten blocks; with @zero all that is written
 * there gets new, unwritten ones, too. Ends early with EINTR when the caller is killed, and with
 * ENOSPC: before anything has changed when the holes need more than there is. EOPNOTSUPP, EPERM,
 * EISDIR.
 * The size stays: see vex_file_truncate().
 */
int vex_file_provide(struct vex_fs *fs, u64 ino, u64 from, u64 to, bool zero);

/* Free file blocks [@from, @to): they read as zeros. EINTR, EPERM, EISDIR. */
int vex_file_punch(struct vex_fs *fs, u64 ino, u64 from, u64 to);

/*
 * The first byte at or after @pos, before @size, that is data, or, with @hole, that is not: in
 * a hole, unwritten, or the end. ENXIO: no such byte, or @pos is not before @size. A host with a
 * page cache writes it back before.
 */
int vex_file_seek(struct vex_fs *fs, u64 ino, u64 pos, u64 size, bool hole, u64 *found);

/* ---- file data for a host without one, and all collections (file.c) ------ */

/* Read or write bytes through the core's segment cache; @done bytes. */
int vex_file_read(struct vex_fs *fs, u64 ino, u64 pos, void *buf, size_t len, size_t *done);
int vex_file_write(struct vex_fs *fs, u64 ino, u64 pos, const void *buf, size_t len);

/* Bits of vex_file_fallocate(), as fallocate(2) has them. */
#define VEX_FALLOC_KEEP_SIZE	0x01u
#define VEX_FALLOC_PUNCH	0x02u
#define VEX_FALLOC_ZERO		0x10u

/*
 * fallocate(2) as a whole: EOPNOTSUPP for other modes, and for VEX_FALLOC_PUNCH without
 * VEX_FALLOC_KEEP_SIZE; EINVAL for no bytes; EFBIG.
 */
int vex_file_fallocate(struct vex_fs *fs, u64 ino, u32 mode, u64 pos, u64 len);

#endif /* VEX_DATA_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices for the core in userspace: a file or block device by descriptor, and a memory
 * device for tests that records what is written, and fails when told to.
 */
#ifndef VEX_IO_H
#define VEX_IO_H

#include <vex_core.h>

/* ---- io_fd.c --------------------------------------------------------------- */

#define VEX_IO_FD_WRITE	1u	/* open for writing, too */
#define VEX_IO_FD_EXCL	2u	/* refuse a block device that is mounted or otherwise in use */

/**
 * vex_io_fd_open() - make a device of a regular file or a block device
 * @io: filled on success
 * @path: what to open; never created
 * @flags: VEX_IO_FD_*
 *
 * The size is taken once, in whole blocks. Reads and writes past it are EIO. A write with
 * VEX_IO_FUA is followed by an fdatasync(2), which may take other writes along.
 *
 * Return: 0; EBUSY a device in use with VEX_IO_FD_EXCL; ENOTBLK neither a regular file nor a block
 * device; EINVAL a block device whose sectors are larger than a block; EFBIG more than
 * VEXFS_MAX_BLOCKS; ENOMEM; or what open(2) said, negated.
 */
int vex_io_fd_open(struct vex_io *io, const char *path, unsigned int flags);

/**
 * vex_io_fd_attach() - make a device of an open descriptor
 * @io: filled on success
 * @fd: of a regular file or a block device; belongs to @io afterwards, on failure
 *	still to the caller
 *
 * Return: as vex_io_fd_open().
 */
int vex_io_fd_attach(struct vex_io *io, int fd);

/**
 * vex_io_fd_close() - end a device of vex_io_fd_open() or vex_io_fd_attach()
 * @io: the device; nothing is flushed
 *
 * Return: 0, or what close(2) said, negated. The descriptor is gone in any case.
 */
int vex_io_fd_close(struct vex_io *io);

/* ---- io_mem.c -------------------------------------------------------------- */

struct vex_io_mem;

enum vex_io_kind {
	VEX_IO_READ	= 1,
	VEX_IO_WRITE	= 2,
	VEX_IO_FLUSH	= 4,
	VEX_IO_MARK	= 8,	/* a note of the test, in the log only */
	VEX_IO_DISCARD	= 16,
};

#define VEX_IO_POISON	0xd5u	/* each byte of a discarded block */

struct vex_io_block;

/* What a block holds. */
const u8 *vex_io_block_data(const struct vex_io_block *b);

/**
 * struct vex_io_event - one entry of a memory device's log
 * @kind: VEX_IO_WRITE, VEX_IO_FLUSH, VEX_IO_MARK or VEX_IO_DISCARD
 * @flags: of a write: VEX_IO_FUA
 * @count: of a write or discard: blocks
 * @line: of a flush: only events before this number were sure to be waited for
 * @end: of a write: how many events there were when the call returned
 * @block: of a write or discard: the first of them
 * @mark: of a mark: its value
 * @data: of a write: what was written, shared with the device
 */
struct vex_io_event {
	enum vex_io_kind kind;
	u32 flags;
	u32 count;
	u64 block;
	u64 mark;
	size_t line;
	size_t end;
	struct vex_io_block **data;
};

/**
 * struct vex_io_mem_stats - what a memory device has seen
 * @reads: calls of read, and reads that were started and waited for
 * @started: of them, reads that were started
 * @waited: of these, those that were waited for
 * @writes: calls of write
 * @flushes: calls of flush
 * @discards: calls of discard
 * @outside: of them, calls past the end of the device
 * @failed: of them, calls that vex_io_mem_fail() made fail
 */
struct vex_io_mem_stats {
	u64 reads;
	u64 started;
	u64 waited;
	u64 writes;
	u64 flushes;
	u64 discards;
	u64 outside;
	u64 failed;
};

/**
 * vex_io_mem_create() - make a device of zeros
 * @blocks: its size
 * @seed: of its randomness; its clock starts at a fixed time and advances by a
 *	millisecond a call, so equal calls give equal images
 *
 * What is discarded reads as VEX_IO_POISON from then on: nobody may rely on it.
 *
 * Blocks that were never written take no memory. A buffer that was written without VEX_IO_FUA
 * is looked at again at the next flush: the program ends if it changed, as a device that writes
 * later would have written something else.
 *
 * Return: the device, or NULL without memory.
 */
struct vex_io_mem *vex_io_mem_create(u64 blocks, u64 seed);
void vex_io_mem_destroy(struct vex_io_mem *m);

/* A device with the same content, which shares memory with @m; no log, no faults. */
struct vex_io_mem *vex_io_mem_clone(const struct vex_io_mem *m);

/* The device as the core sees it; valid as long as @m. */
struct vex_io vex_io_mem_io(struct vex_io_mem *m);

/* Cut the device off behind @blocks, or let it grow by zeros. No filesystem is open on it. */
int vex_io_mem_resize(struct vex_io_mem *m, u64 blocks);

/* The content of a block, to look at; NULL past the end. Valid until the block is written. */
const u8 *vex_io_mem_peek(const struct vex_io_mem *m, u64 block);

/* The same, to damage; NULL without memory, too. */
u8 *vex_io_mem_block(struct vex_io_mem *m, u64 block);

/**
 * vex_io_mem_record() - write a log from now on
 * @m: the device; an earlier log is thrown away
 *
 * What the device held before is the log's base, which vex_io_mem_base() copies.
 *
 * Return: 0, or -ENOMEM.
 */
int vex_io_mem_record(struct vex_io_mem *m);

/* A new device with the content of when the recording began. */
struct vex_io_mem *vex_io_mem_base(const struct vex_io_mem *m);

/* The log: @count events, writes in the order in which they began, flushes as they ended. */
const struct vex_io_event *vex_io_mem_log(const struct vex_io_mem *m, size_t *count);

/* Put a note into the log. */
void vex_io_mem_mark(struct vex_io_mem *m, u64 mark);

#define VEX_IO_ALL_SECTORS	0xffu

/**
 * vex_io_mem_apply() - do a recorded write again
 * @m: the device to write to
 * @event: of any device's log; anything but a write changes nothing
 * @sectors: bit n set: the n-th 512 bytes of each block arrive; VEX_IO_ALL_SECTORS for an
 *	untorn write
 *
 * Return: 0; -ENOMEM; -EIO past the end.
 */
int vex_io_mem_apply(struct vex_io_mem *m, const struct vex_io_event *event, u8 sectors);

/**
 * vex_io_mem_fail() - let calls fail with EIO
 * @m: the device
 * @kinds: which calls are counted, VEX_IO_READ, VEX_IO_WRITE, VEX_IO_FLUSH or a sum of them
 * @nth: the first of them to fail, 1 for the next; 0 ends it
 * @more: how many after it fail, too
 *
 * A write that fails leaves the blocks as they were.
 */
void vex_io_mem_fail(struct vex_io_mem *m, unsigned int kinds, u64 nth, u64 more);

void vex_io_mem_stats(struct vex_io_mem *m, struct vex_io_mem_stats *out);

#endif /* VEX_IO_H */

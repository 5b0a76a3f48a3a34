/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The outside world: what the core asks of its host. */
#ifndef VEX_DEVICE_H
#define VEX_DEVICE_H

#include <vex_platform.h>

#define VEX_IO_FUA	1u	/* on stable storage when the write returns */

/**
 * struct vex_read - a read that goes on while its caller does something else
 * @block: first block on the device
 * @buf: where to
 * @count: blocks
 * @err: result, for the host
 * @left: for the host: pieces of it that are not over
 * @host: for the host
 */
struct vex_read {
	u64 block;
	void *buf;
	u32 count;
	int err;
	u32 left;
	void *host;
};

/**
 * enum vex_aside - what a call of struct vex_io_ops.aside may wait for
 * @VEX_ASIDE_STEP: a commit, and locks of the core; the caller holds none
 * @VEX_ASIDE_CALL: locks of the core; the caller holds none
 * @VEX_ASIDE_SEG: the device, and locks of loads; the caller may hold fs->lock
 * @VEX_ASIDE_LOAD: the device only
 * @VEX_ASIDE_KINDS: how many there are
 */
enum vex_aside {
	VEX_ASIDE_STEP,
	VEX_ASIDE_CALL,
	VEX_ASIDE_SEG,
	VEX_ASIDE_LOAD,
	VEX_ASIDE_KINDS
};

/**
 * struct vex_io_ops - a device, a clock and randomness
 * @read: read @count blocks into @buf; returns when the data is there
 * @read_start: begin to read as @r says; @r and its buffer stay until @read_wait. NULL in a host
 *	that cannot
 * @read_wait: wait for that, and return its result
 * @write: write @count blocks from @buf. Without VEX_IO_FUA the call may return
 *	early; @buf then stays unchanged until a @flush that began later returns
 * @flush_begin: draw a line for the next @flush: it need not wait for what is written or
 *	announced later. Inside the filesystem lock, as every write without
 *	VEX_IO_FUA; at most one flush is under way. May be NULL in a host whose @flush
 *	waits for everything
 * @flush: wait for every write before @flush_begin, and for all data writes that were
 *	announced by @data_begin before it; then flush the device's cache. Returns the first
 *	error of them. Outside of the filesystem lock
 * @discard: the blocks hold nothing of value any more; returns when the device
 *	has done it, or does not care; may be NULL
 * @data_begin: called inside the filesystem lock when vex_extent_write() has
 *	promised that the host will write data; the host ends it when its
 *	write completes; NULL in a host that only writes through the core. Returns a number
 *	that tells the host to which flush the write belongs: vex_map.batch
 * @aside: call @fn of @arg, for an enum vex_aside, on another stack when the host's is small, and
 *	return its result; NULL in a host whose is not
 * @now: wall clock, nanoseconds since 1970
 * @random: fill @buf with @len unpredictable bytes
 *
 * A buffer is memory of vex_alloc(). Blocks are VEXFS_BLOCK_SIZE bytes.
 */
struct vex_io_ops {
	int (*read)(void *ctx, u64 block, u32 count, void *buf);
	void (*read_start)(void *ctx, struct vex_read *r);
	int (*read_wait)(void *ctx, struct vex_read *r);
	int (*write)(void *ctx, u64 block, u32 count, const void *buf, u32 flags);
	void (*flush_begin)(void *ctx);
	int (*flush)(void *ctx);
	int (*discard)(void *ctx, u64 block, u64 count);
	u32 (*data_begin)(void *ctx);
	int (*aside)(void *ctx, u32 kind, int (*fn)(void *arg), void *arg);
	u64 (*now)(void *ctx);
	void (*random)(void *ctx, void *buf, size_t len);
};

struct vex_io {
	const struct vex_io_ops *ops;
	void *ctx;
	u64 blocks;		/* size of the device */
};

#endif /* VEX_DEVICE_H */

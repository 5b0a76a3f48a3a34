// SPDX-License-Identifier: GPL-2.0-only
/* A regular file or a block device, by its descriptor, as the core's device. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <linux/falloc.h>
#include <linux/fs.h>

#include "vex_io.h"

/**
 * struct io_fd - an open device
 * @fd: its descriptor
 * @is_bdev: it is a block device
 * @error: first error since the last flush
 * @blocks: its size
 */
struct io_fd {
	int fd;
	bool is_bdev;
	int error;
	u64 blocks;
};

static void note_error(struct io_fd *f, int err)
{
	int none = 0;

	__atomic_compare_exchange_n(&f->error, &none, err, false, __ATOMIC_RELAXED,
				    __ATOMIC_RELAXED);
}

static bool inside(const struct io_fd *f, u64 block, u64 count)
{
	return block <= f->blocks && count <= f->blocks - block;
}

static int fd_read(void *ctx, u64 block, u32 count, void *buf)
{
	size_t left = (size_t)count * VEXFS_BLOCK_SIZE;
	off_t pos = block * VEXFS_BLOCK_SIZE;
	struct io_fd *f = ctx;
	u8 *p = buf;
	ssize_t n;

	vex_may_sleep();
	if (!inside(f, block, count))
		return -EIO;
	for (; left; left -= n, pos += n, p += n) {
		n = pread(f->fd, p, left, pos);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return -errno;
		else if (!n)
			return -EIO;	/* the file was cut off since it was opened */
	}
	return 0;
}

/* The system reads ahead into its page cache, where it does; the read itself comes later. */
static void fd_read_start(void *ctx, struct vex_read *r)
{
	struct io_fd *f = ctx;

	if (inside(f, r->block, r->count))
		posix_fadvise(f->fd, r->block * VEXFS_BLOCK_SIZE,
			      (off_t)r->count * VEXFS_BLOCK_SIZE, POSIX_FADV_WILLNEED);
}

static int fd_read_wait(void *ctx, struct vex_read *r)
{
	r->err = fd_read(ctx, r->block, r->count, r->buf);
	return r->err;
}

static int write_all(struct io_fd *f, off_t pos, const u8 *p, size_t left)
{
	ssize_t n;

	for (; left; left -= n, pos += n, p += n) {
		n = pwrite(f->fd, p, left, pos);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return -errno;
		else if (!n)
			return -EIO;
	}
	return 0;
}

static int fd_sync(struct io_fd *f)
{
	int err;

	do
		err = fdatasync(f->fd) ? -errno : 0;
	while (err == -EINTR);
	return err;
}

static int fd_write(void *ctx, u64 block, u32 count, const void *buf, u32 flags)
{
	struct io_fd *f = ctx;
	int err = -EIO;

	vex_may_sleep();
	if (inside(f, block, count))
		err = write_all(f, block * VEXFS_BLOCK_SIZE, buf, (size_t)count * VEXFS_BLOCK_SIZE);
	if (!err && (flags & VEX_IO_FUA))
		err = fd_sync(f);
	if (err)
		note_error(f, err);
	return err;
}

static int fd_flush(void *ctx)
{
	struct io_fd *f = ctx;
	int err, earlier;

	vex_may_sleep();
	err = fd_sync(f);
	earlier = __atomic_exchange_n(&f->error, 0, __ATOMIC_RELAXED);
	return earlier ? earlier : err;
}

/* A device that cannot discard keeps the blocks: no error. */
static int fd_discard(void *ctx, u64 block, u64 count)
{
	u64 range[2] = { block * VEXFS_BLOCK_SIZE, count * VEXFS_BLOCK_SIZE };
	struct io_fd *f = ctx;
	int err;

	if (!inside(f, block, count))
		return -EIO;
	if (f->is_bdev)
		err = ioctl(f->fd, BLKDISCARD, range) ? -errno : 0;
	else
		err = fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, range[0],
				range[1]) ? -errno : 0;
	return err == -EOPNOTSUPP || err == -ENOSYS || err == -ENOTTY ? 0 : err;
}

static u64 fd_now(void *ctx)
{
	struct timespec t;

	(void)ctx;
	clock_gettime(CLOCK_REALTIME, &t);
	return (u64)t.tv_sec * 1000000000u + t.tv_nsec;
}

static void fd_random(void *ctx, void *buf, size_t len)
{
	u8 *p = buf;
	ssize_t n;

	(void)ctx;
	for (; len; len -= n, p += n) {
		n = getrandom(p, len, 0);
		vex_rule(n >= 0 || errno == EINTR, "the system gives randomness");
		n = max_t(ssize_t, n, 0);
	}
}

static const struct vex_io_ops fd_ops = {
	.read = fd_read,
	.read_start = fd_read_start,
	.read_wait = fd_read_wait,
	.write = fd_write,
	.flush = fd_flush,
	.discard = fd_discard,
	.now = fd_now,
	.random = fd_random,
};

/* Size in blocks. */
static int measure(struct io_fd *f)
{
	int sector = 0;
	u64 bytes;
	struct stat st;

	if (fstat(f->fd, &st))
		return -errno;
	if (S_ISBLK(st.st_mode)) {
		f->is_bdev = true;
		if (ioctl(f->fd, BLKGETSIZE64, &bytes) || ioctl(f->fd, BLKSSZGET, &sector))
			return -errno;
		if (sector > (int)VEXFS_BLOCK_SIZE)
			return -EINVAL;
	} else if (S_ISREG(st.st_mode)) {
		bytes = st.st_size;
	} else {
		return -ENOTBLK;
	}
	f->blocks = bytes / VEXFS_BLOCK_SIZE;
	return f->blocks > VEXFS_MAX_BLOCKS ? -EFBIG : 0;
}

int vex_io_fd_attach(struct vex_io *io, int fd)
{
	struct io_fd *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	f->fd = fd;
	err = measure(f);
	if (err) {
		free(f);
		return err;
	}
	*io = (struct vex_io){ .ops = &fd_ops, .ctx = f, .blocks = f->blocks };
	return 0;
}

int vex_io_fd_open(struct vex_io *io, const char *path, unsigned int flags)
{
	int how = O_CLOEXEC | (flags & VEX_IO_FD_WRITE ? O_RDWR : O_RDONLY);
	struct stat st;
	int fd, err;

	/* O_EXCL without O_CREAT has a meaning for block devices only. */
	if ((flags & VEX_IO_FD_EXCL) && !stat(path, &st) && S_ISBLK(st.st_mode))
		how |= O_EXCL;
	/* Not to wait for the writer of a named pipe, which is refused below. */
	fd = open(path, how | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	err = vex_io_fd_attach(io, fd);
	if (err)
		close(fd);
	return err;
}

int vex_io_fd_close(struct vex_io *io)
{
	struct io_fd *f = io->ctx;
	int err = close(f->fd) ? -errno : 0;

	free(f);
	io->ctx = NULL;
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Collections on a mounted VexFS: each operation is an ioctl. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/vexfs_format.h>

#include "names.h"
#include "report.h"
#include "store.h"

/**
 * struct kernel_store - an open file
 * @fd: the collection
 * @names: path of the names file
 * @names_fd: -1 until it is used
 */
struct kernel_store {
	struct store s;
	int fd;
	char *names;
	int names_fd;
};

static struct kernel_store *kernel_of(struct store *s)
{
	return (struct kernel_store *)s;
}

static int kernel_call(struct store *s, unsigned int op, void *arg)
{
	return ioctl(kernel_of(s)->fd, op, arg) < 0 ? -errno : 0;
}

/* Open the names file if it is not yet. */
static int names_open(struct kernel_store *k, int flags)
{
	struct stat st;

	if (k->names_fd >= 0)
		return 0;
	k->names_fd = open(k->names, flags | O_CLOEXEC | O_NONBLOCK, 0666);
	if (k->names_fd < 0)
		return -errno;
	if (!fstat(k->names_fd, &st) && S_ISREG(st.st_mode))
		return 0;
	close(k->names_fd);
	k->names_fd = -1;
	return -EISDIR;
}

static int kernel_names_size(struct store *s, uint64_t *size)
{
	struct vexfs_stat coll = { .size = sizeof(coll) };
	struct kernel_store *k = kernel_of(s);
	struct stat st;
	int err = names_open(k, O_RDONLY);

	if (err)
		return err;
	if (!ioctl(k->names_fd, VEXFS_IOC_STAT, &coll))
		return -EPERM;
	if (fstat(k->names_fd, &st))
		return -errno;
	*size = st.st_size;
	return 0;
}

static int kernel_names_read(struct store *s, uint64_t pos, void *buf, size_t len, size_t *done)
{
	struct kernel_store *k = kernel_of(s);
	int err = names_open(k, O_RDONLY);
	ssize_t got;

	if (err)
		return err;
	got = pread(k->names_fd, buf, len, pos);
	if (got < 0)
		return -errno;
	*done = got;
	return 0;
}

static int kernel_names_write(struct store *s, uint64_t pos, const void *buf, size_t len)
{
	struct kernel_store *k = kernel_of(s);
	const char *from = buf;
	int err;

	/* It was opened for reading when its lines were counted. */
	if (k->names_fd >= 0 && (fcntl(k->names_fd, F_GETFL) & O_ACCMODE) != O_RDWR) {
		close(k->names_fd);
		k->names_fd = -1;
	}
	err = names_open(k, O_RDWR | O_CREAT);
	if (err)
		return err;
	while (len) {
		ssize_t put = pwrite(k->names_fd, from, len, pos);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		from += put;
		pos += put;
		len -= put;
	}
	return 0;
}

static int kernel_sync(struct store *s)
{
	struct kernel_store *k = kernel_of(s);

	if (k->names_fd >= 0 && fsync(k->names_fd))
		return -errno;
	return fsync(k->fd) ? -errno : 0;
}

static int kernel_remove(struct store *s)
{
	return unlink(s->path) ? -errno : 0;
}

static int kernel_close(struct store *s)
{
	struct kernel_store *k = kernel_of(s);
	int err = 0;

	if (k->names_fd >= 0 && close(k->names_fd))
		err = -errno;
	if (k->fd >= 0 && close(k->fd))
		err = -errno;
	free(k->names);
	free(k);
	return err;
}

static const struct store_ops kernel_ops = {
	.call = kernel_call,
	.names_size = kernel_names_size,
	.names_read = kernel_names_read,
	.names_write = kernel_names_write,
	.sync = kernel_sync,
	.remove = kernel_remove,
	.close = kernel_close,
};

/* Open the collection's file as @mode tells. 0 or a negative errno. */
static int open_file(struct kernel_store *k, enum store_mode mode)
{
	int flags = mode == STORE_READ || mode == STORE_CAPS ? O_RDONLY : O_RDWR;
	struct statfs fs;
	struct stat st;

	flags |= O_CLOEXEC | O_NONBLOCK;
	if (mode != STORE_CREATE) {
		k->fd = open(k->s.path, flags);
		if (k->fd < 0 && (errno != ENOENT || mode != STORE_ENSURE))
			return -errno;
	}
	if (k->fd < 0) {
		k->fd = open(k->s.path, flags | O_CREAT | O_EXCL, 0666);
		if (k->fd < 0)
			return -errno;
		k->s.made = true;
	}
	if (fstat(k->fd, &st) || fstatfs(k->fd, &fs))
		return -errno;
	if (fs.f_type != VEXFS_STATFS_MAGIC)
		return -ENOTTY;
	return S_ISDIR(st.st_mode) && mode != STORE_CAPS ? -EISDIR : 0;
}

int store_kernel_open(struct store **out, const char *path, enum store_mode mode)
{
	struct kernel_store *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return report_fail("%s: %s", path, strerror(ENOMEM));
	k->s.ops = &kernel_ops;
	k->s.path = path;
	k->names_fd = -1;
	k->fd = -1;
	if (asprintf(&k->names, "%s" NAMES_SUFFIX, path) < 0) {
		k->names = NULL;
		err = -ENOMEM;
	} else {
		err = open_file(k, mode);
	}
	if (err) {
		store_explain_open(&k->s, mode, err);
		store_remove(&k->s);
		kernel_close(&k->s);
		return STATUS_FAILED;
	}
	*out = &k->s;
	return STATUS_OK;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the filesystem's tests share: a scratch filesystem for each test, on the
 * device in VEXFS_TEST_DEV (/dev/vda), and small wrappers that give a negative errno
 * where the C library gives -1.
 */
#ifndef SELFTESTS_COMMON_H
#define SELFTESTS_COMMON_H

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/vexfs.h>
#include "vex_check.h"
#include "vex_io.h"
#include "kselftest_harness.h"

#define MNT	"/tmp/vexfs-mnt"
#define MIB	(1UL << 20)
#define BLOCK	4096UL

/* A call that returns -1 and sets errno, as one that returns the negative errno. */
#define neg(call) ({ long __r = (call); __r < 0 ? -(long)errno : __r; })

static inline const char *test_dev(void)
{
	const char *dev = getenv("VEXFS_TEST_DEV");

	return dev ? dev : "/dev/vda";
}

/* Run a program and give its exit status; what it prints goes to standard error. */
static inline int run(const char *const argv[])
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		dup2(2, 1);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* A fresh filesystem of @mib MiB on the test device; 0: all of it. */
static inline int make_fs(unsigned int mib)
{
	char size[32];
	const char *argv[] = { "mkfs.vexfs", "-q", "-f", "-s", size, test_dev(), NULL };
	const char *whole[] = { "mkfs.vexfs", "-q", "-f", test_dev(), NULL };

	umount2(MNT, MNT_DETACH);
	snprintf(size, sizeof(size), "%uM", mib);
	return run(mib ? argv : whole);
}

static inline int do_mount(unsigned long flags, const char *options)
{
	mkdir(MNT, 0755);
	return neg(mount(test_dev(), MNT, "vexfs", flags, options));
}

static inline int do_umount(void)
{
	return neg(umount(MNT));
}

static inline int remount(void)
{
	int err = do_umount();

	return err ? err : do_mount(0, NULL);
}

/*
 * The number of invariants of the format that the unmounted filesystem violates (they go to
 * standard error), or a negative errno.
 */
static inline long check_fs(void)
{
	struct vex_open_opts opts = { .read_only = true };
	struct vex_io io;
	struct vex_fs *fs;
	long bad;

	vex_core_init();
	bad = vex_io_fd_open(&io, test_dev(), 0);
	if (bad)
		return bad;
	bad = vex_fs_open(&io, &opts, &fs, NULL);
	if (!bad) {
		bad = vex_check(fs, stderr);
		vex_fs_close(fs);
	}
	vex_io_fd_close(&io);
	return bad;
}

/* The size of an existing file, or a negative errno. */
static inline long size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -(long)errno : (long)st.st_size;
}

/* Deterministic bytes: the same seed and position give the same byte. */
static inline uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static inline void pattern(void *buf, size_t len, uint64_t seed, uint64_t pos)
{
	unsigned char *p = buf;

	while (len) {
		/* Word by word: byte by byte takes longer in an emulated machine than the I/O. */
		uint64_t word = htole64(mix(seed * 0x10000000ULL + (pos >> 3)));
		size_t from = pos & 7, n = 8 - from < len ? 8 - from : len;

		if (n == 8)
			memcpy(p, &word, 8);
		else
			memcpy(p, (char *)&word + from, n);
		p += n;
		pos += n;
		len -= n;
	}
}

/* Create @path with @len bytes of pattern @seed; 0 or a negative errno. */
static inline int make_file(const char *path, size_t len, uint64_t seed)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
	char buf[16384];
	size_t pos = 0;
	int err = 0;

	if (fd < 0)
		return -errno;
	while (pos < len && !err) {
		size_t n = len - pos < sizeof(buf) ? len - pos : sizeof(buf);
		ssize_t did;

		pattern(buf, n, seed, pos);
		did = write(fd, buf, n);
		if (did < 0)
			err = -errno;
		else
			pos += did;
	}
	close(fd);
	return err;
}

/* 0 when @path holds just @len bytes of pattern @seed; -EBADMSG when it does not. */
static inline int check_file(const char *path, size_t len, uint64_t seed)
{
	int fd = open(path, O_RDONLY);
	char buf[16384], want[16384];
	size_t pos = 0;
	ssize_t n;
	int err = 0;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		pattern(want, n, seed, pos);
		if (memcmp(buf, want, n))
			err = -EBADMSG;
		pos += n;
	}
	if (n < 0)
		err = -errno;
	close(fd);
	return err ? err : pos == len ? 0 : -EBADMSG;
}

/* 0 when bytes [@from, @to) of @path are all @byte. */
static inline int check_bytes(const char *path, off_t from, off_t to, unsigned char byte)
{
	int fd = open(path, O_RDONLY);
	unsigned char buf[16384], same[sizeof(buf)];
	int err = 0;

	if (fd < 0)
		return -errno;
	memset(same, byte, sizeof(same));
	while (from < to && !err) {
		size_t want = to - from < (off_t)sizeof(buf) ? to - from : sizeof(buf);
		ssize_t n = pread(fd, buf, want, from);

		if (n <= 0)
			err = n ? -errno : -EBADMSG;
		else if (memcmp(buf, same, n))
			err = -EBADMSG;
		from += n;
	}
	close(fd);
	return err;
}

/* ---- collections --------------------------------------------------------- */

static inline int coll_create(int fd, uint32_t dim, uint32_t metric)
{
	struct vexfs_create a = {
		.size = sizeof(a), .elem = VEXFS_ELEM_F32, .metric = metric, .dim = dim,
		.index = VEXFS_INDEX_FLAT,
	};

	return neg(ioctl(fd, VEXFS_IOC_CREATE, &a));
}

/* A new collection at @path, open for reading and writing, or a negative errno. */
static inline int coll_open(const char *path, uint32_t dim, uint32_t metric)
{
	int fd = open(path, O_CREAT | O_EXCL | O_RDWR, 0644);
	int err;

	if (fd < 0)
		return -errno;
	err = coll_create(fd, dim, metric);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

static inline struct vexfs_insert insert_args(const float *rows, uint32_t count, uint32_t dim)
{
	return (struct vexfs_insert){
		.size = sizeof(struct vexfs_insert), .rows = (uintptr_t)rows,
		.rows_len = (uint64_t)count * dim * sizeof(float), .count = count, .dim = dim,
	};
}

/* The id of the first row, or a negative errno. */
static inline long coll_insert(int fd, const float *rows, uint32_t count, uint32_t dim)
{
	struct vexfs_insert a = insert_args(rows, count, dim);
	long err = neg(ioctl(fd, VEXFS_IOC_INSERT, &a));

	return err ? err : (long)a.first_id;
}

static inline struct vexfs_get get_args(const uint64_t *ids, float *rows, uint32_t count,
					uint32_t dim)
{
	return (struct vexfs_get){
		.size = sizeof(struct vexfs_get), .ids = (uintptr_t)ids,
		.rows = (uintptr_t)rows, .rows_len = (uint64_t)count * dim * sizeof(float),
		.count = count, .dim = dim,
	};
}

static inline struct vexfs_delete delete_args(const uint64_t *ids, uint32_t count)
{
	return (struct vexfs_delete){
		.size = sizeof(struct vexfs_delete), .ids = (uintptr_t)ids, .count = count,
	};
}

static inline struct vexfs_search search_args(const float *queries, uint32_t nq, uint32_t dim,
					      uint32_t k, uint64_t *ids, float *distances)
{
	return (struct vexfs_search){
		.size = sizeof(struct vexfs_search), .queries = (uintptr_t)queries,
		.queries_len = (uint64_t)nq * dim * sizeof(float), .nq = nq, .dim = dim, .k = k,
		.ids = (uintptr_t)ids, .distances = (uintptr_t)distances,
	};
}

static inline struct vexfs_stat coll_stat(int fd)
{
	struct vexfs_stat a = { .size = sizeof(a) };

	if (ioctl(fd, VEXFS_IOC_STAT, &a))
		a.size = 0;
	return a;
}

/* @n deterministic elements between -1 and 1. */
static inline void fill_floats(float *p, size_t n, uint64_t seed)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = (int32_t)(mix(seed * 0x100000000ULL + i) >> 32) / 2147483648.0f;
}

/*
 * @n rows of the floats of seed 1, into @rows, into a new collection @path like @a and into an
 * exact one, MNT "/flat". 0 or a negative errno.
 */
static inline int coll_pair(const char *path, struct vexfs_create *a, float *rows, uint32_t n,
			    int *fd, int *flat)
{
	long err;

	*fd = open(path, O_CREAT | O_RDWR, 0644);
	if (*fd < 0)
		return -errno;
	err = neg(ioctl(*fd, VEXFS_IOC_CREATE, a));
	if (err)
		return err;
	*flat = coll_open(MNT "/flat", a->dim, a->metric);
	if (*flat < 0)
		return *flat;
	fill_floats(rows, (size_t)n * a->dim, 1);
	err = coll_insert(*fd, rows, n, a->dim);
	if (!err)
		err = coll_insert(*flat, rows, n, a->dim);
	return err;
}

#define COLL_DIM_MOST	64

/*
 * How many of the 10 true neighbours of 20 queries, those that @flat finds, are found by @fd with
 * @ef and @probes: up to 200, or -1.
 */
static inline int coll_found(int fd, int flat, uint32_t dim, uint32_t ef, uint32_t probes)
{
	float query[COLL_DIM_MOST], distances[2][10];
	uint64_t ids[2][10];
	int i, a, b, n = 0;

	if (dim > COLL_DIM_MOST)
		return -1;
	for (i = 0; i < 20; i++) {
		struct vexfs_search s = search_args(query, 1, dim, 10, ids[0], distances[0]);
		struct vexfs_search exact = search_args(query, 1, dim, 10, ids[1], distances[1]);

		s.ef = ef;
		s.probes = probes;
		fill_floats(query, dim, 100 + i);
		if (ioctl(fd, VEXFS_IOC_SEARCH, &s) || ioctl(flat, VEXFS_IOC_SEARCH, &exact))
			return -1;
		for (a = 0; a < 10; a++)
			for (b = 0; b < 10; b++)
				n += ids[1][a] == ids[0][b] && distances[1][a] == distances[0][b];
	}
	return n;
}

#endif /* SELFTESTS_COMMON_H */

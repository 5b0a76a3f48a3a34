// SPDX-License-Identifier: GPL-2.0-only
/*
 * How deep file operations go into the kernel's stack, on any filesystem: one line an
 * operation, with the median and the largest of ROUNDS calls. Needs syscall_depth.ko
 * (selftests/modules), which tells the depth of the last call.
 *
 * Cold means that the filesystem has just been mounted: nothing less makes all of them forget their
 * metadata. The files are in a folder below the root, among FILES others, for a mount reads the
 * root, and with it the neighbours of the root.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUNDS	50
#define FILES	1000
#define MIB	((size_t)1 << 20)

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif

enum op {
	OP_CREATE, OP_WRITE, OP_FSYNC, OP_STAT, OP_LOOKUP, OP_READ, OP_FAULT_READ, OP_FAULT_WRITE,
	OP_READDIR, OP_RENAME, OP_TRUNCATE, OP_UNLINK, OP_NR,
};

static const char *const names[OP_NR] = {
	[OP_CREATE] = "create", [OP_WRITE] = "write 1 MiB", [OP_FSYNC] = "fsync",
	[OP_STAT] = "stat", [OP_LOOKUP] = "stat, cold", [OP_READ] = "read 1 MiB, cold",
	[OP_FAULT_READ] = "mmap read, cold", [OP_FAULT_WRITE] = "mmap write",
	[OP_READDIR] = "readdir, cold", [OP_RENAME] = "rename", [OP_TRUNCATE] = "truncate",
	[OP_UNLINK] = "unlink",
};

static unsigned int depths[OP_NR][ROUNDS];
static int depth_fd;
static const char *device, *type, *mountpoint;

static void die(const char *what)
{
	fprintf(stderr, "depth: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Keep the depth of the system call that was just made; @ok is what it returned. */
static void keep(enum op op, int round, bool ok)
{
	char text[24] = "";

	if (!ok)
		die(names[op]);
	if (pread(depth_fd, text, sizeof(text) - 1, 0) < 0)
		die("syscall_depth");
	depths[op][round] = strtoul(text, NULL, 10);
}

/* Leave nothing of the filesystem in memory, nor of its device. */
static void forget_caches(void)
{
	int fd;

	if (umount2(mountpoint, 0))
		die("umount");
	fd = open(device, O_RDONLY);
	if (fd < 0 || ioctl(fd, BLKFLSBUF, 0))
		die(device);
	close(fd);
	if (mount(device, mountpoint, type, 0, NULL))
		die("mount");
}

static void make_folder(const char *dir)
{
	char name[4096];
	int i, fd;

	if (mkdir(dir, 0755))
		die(dir);
	for (i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%s/neighbour-%d", dir, i);
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
		if (fd < 0)
			die(name);
		close(fd);
	}
}

static void mapped(int fd, int round)
{
	void *p;

	p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die("mmap");
	keep(OP_FAULT_READ, round, !madvise(p, MIB, MADV_POPULATE_READ));
	keep(OP_FAULT_WRITE, round, !madvise(p, MIB, MADV_POPULATE_WRITE));
	munmap(p, MIB);
}

static int open_again(const char *name)
{
	int fd = open(name, O_RDWR);

	if (fd < 0)
		die(name);
	return fd;
}

static void one_round(const char *dir, void *buf, int round)
{
	char name[4096], other[4096];
	struct stat st;
	int fd, dirfd;

	snprintf(name, sizeof(name), "%s/some-file-%d", dir, round);
	snprintf(other, sizeof(other), "%s/another-name-%d", dir, round);
	fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0644);
	keep(OP_CREATE, round, fd >= 0);
	keep(OP_WRITE, round, write(fd, buf, MIB) == (ssize_t)MIB);
	keep(OP_FSYNC, round, !fsync(fd));
	keep(OP_STAT, round, !stat(name, &st));
	close(fd);
	forget_caches();
	keep(OP_LOOKUP, round, !stat(name, &st));
	fd = open_again(name);
	keep(OP_READ, round, pread(fd, buf, MIB, 0) == (ssize_t)MIB);
	close(fd);
	forget_caches();
	fd = open_again(name);
	mapped(fd, round);
	close(fd);
	forget_caches();
	dirfd = open(dir, O_RDONLY | O_DIRECTORY);
	if (dirfd < 0)
		die(dir);
	keep(OP_READDIR, round, syscall(SYS_getdents64, dirfd, buf, MIB) > 0);
	close(dirfd);
	fd = open_again(name);
	keep(OP_RENAME, round, !rename(name, other));
	keep(OP_TRUNCATE, round, !ftruncate(fd, 5000));
	close(fd);
	keep(OP_UNLINK, round, !unlink(other));
}

static int compare(const void *a, const void *b)
{
	return (int)*(const unsigned int *)a - (int)*(const unsigned int *)b;
}

int main(int argc, char **argv)
{
	static unsigned char buf[1 << 20];
	char dir[2048];
	int op, round;

	if (argc != 4) {
		fputs("Usage: depth DEVICE TYPE MOUNTPOINT (not mounted)\n", stderr);
		return 2;
	}
	device = argv[1];
	type = argv[2];
	mountpoint = argv[3];
	memset(buf, 'x', sizeof(buf));
	depth_fd = open("/sys/kernel/debug/syscall_depth", O_RDONLY);
	if (depth_fd < 0)
		die("/sys/kernel/debug/syscall_depth");
	if (mount(device, mountpoint, type, 0, NULL))
		die("mount");
	snprintf(dir, sizeof(dir), "%s/folder", mountpoint);
	make_folder(dir);
	keep(OP_CREATE, 0, true);
	for (round = 0; round < ROUNDS; round++)
		one_round(dir, buf, round);
	if (umount2(mountpoint, 0))
		die("umount");
	for (op = 0; op < OP_NR; op++) {
		qsort(depths[op], ROUNDS, sizeof(depths[op][0]), compare);
		printf("%s|%u|%u\n", names[op], depths[op][ROUNDS / 2], depths[op][ROUNDS - 1]);
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/* O_DIRECT: what it takes, what it refuses, and that it agrees with the page cache. */
#include "common.h"
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <linux/falloc.h>

#ifndef STATX_DIOALIGN
#define STATX_DIOALIGN	0x00002000U
#endif

FIXTURE(direct) {
	int fd;		/* O_DIRECT */
	int plain;
	char *buf;	/* 4 MiB */
};

FIXTURE_SETUP(direct)
{
	ASSERT_EQ(0, make_fs(64));
	ASSERT_EQ(0, do_mount(0, NULL));
	self->fd = open(MNT "/f", O_CREAT | O_RDWR | O_DIRECT, 0644);
	ASSERT_LE(0, self->fd);
	self->plain = open(MNT "/f", O_RDWR);
	ASSERT_LE(0, self->plain);
	self->buf = aligned_alloc(BLOCK, 4 * MIB);
	ASSERT_NE(NULL, self->buf);
}

FIXTURE_TEARDOWN(direct)
{
	free(self->buf);
	close(self->fd);
	close(self->plain);
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

TEST_F(direct, misaligned_is_einval)
{
	EXPECT_EQ(-EINVAL, neg(pwrite(self->fd, self->buf, 100, 0)));
	EXPECT_EQ(-EINVAL, neg(pwrite(self->fd, self->buf, 4096, 1)));
	EXPECT_EQ(-EINVAL, neg(pread(self->fd, self->buf, 100, 0)));
	EXPECT_EQ(-EINVAL, neg(pread(self->fd, self->buf, 4096, 100)));
	EXPECT_EQ(0, size_of(MNT "/f"));
	EXPECT_EQ(0, neg(pwrite(self->fd, self->buf, 0, 0)));
	EXPECT_EQ(0, neg(pread(self->fd, self->buf, 0, 0)));
	EXPECT_EQ(0, neg(pread(self->fd, self->buf, 4096, 0)));
}

TEST_F(direct, a_bad_address_is_efault_and_writes_nothing)
{
	EXPECT_EQ(-EFAULT, neg(pwrite(self->fd, (void *)4096, 8192, 0)));
	EXPECT_EQ(0, size_of(MNT "/f"));
	pattern(self->buf, 8192, 1, 0);
	ASSERT_EQ(8192, pwrite(self->fd, self->buf, 8192, 0));
	EXPECT_EQ(-EFAULT, neg(pread(self->fd, (void *)4096, 8192, 0)));
	EXPECT_EQ(0, check_file(MNT "/f", 8192, 1));
}

TEST_F(direct, written_data_is_there_after_a_remount)
{
	char want[4096];

	pattern(self->buf, 4 * MIB, 1, 0);
	ASSERT_EQ(4 * MIB, pwrite(self->fd, self->buf, 4 * MIB, 0));
	EXPECT_EQ(4L << 20, size_of(MNT "/f"));
	EXPECT_EQ(0, check_file(MNT "/f", 4 * MIB, 1));
	close(self->fd);
	close(self->plain);
	ASSERT_EQ(0, remount());
	self->fd = open(MNT "/f", O_RDWR | O_DIRECT);
	self->plain = open(MNT "/f", O_RDWR);
	memset(self->buf, 0, 4 * MIB);
	ASSERT_EQ(4 * MIB, pread(self->fd, self->buf, 4 * MIB, 0));
	EXPECT_EQ(0, check_file(MNT "/f", 4 * MIB, 1));
	pattern(want, sizeof(want), 1, 3 * MIB);
	EXPECT_EQ(0, memcmp(want, self->buf + 3 * MIB, sizeof(want)));
}

/* Any address will do, and the end of the file may lie anywhere. */
TEST_F(direct, memory_need_not_be_aligned_and_the_end_is_short)
{
	char want[10001];

	ASSERT_EQ(0, make_file(MNT "/g", 10001, 3));
	close(self->fd);
	self->fd = open(MNT "/g", O_RDWR | O_DIRECT);
	EXPECT_EQ(10001 - 512, pread(self->fd, self->buf + 1, 16384, 512));
	pattern(want, sizeof(want), 3, 0);
	EXPECT_EQ(0, memcmp(want + 512, self->buf + 1, 10001 - 512));
	EXPECT_EQ(0, pread(self->fd, self->buf, 4096, 12288));
	/* Parts of a block, too. */
	memset(self->buf, 'x', 1024);
	ASSERT_EQ(1024, pwrite(self->fd, self->buf + 1, 1024, 512));
	EXPECT_EQ(0, check_bytes(MNT "/g", 512, 1535, 'x'));
	EXPECT_EQ(10001, size_of(MNT "/g"));
}

TEST_F(direct, dirty_pages_are_written_before_and_dropped)
{
	memset(self->buf, 'a', 100000);
	ASSERT_EQ(100000, pwrite(self->plain, self->buf, 100000, 0));
	memset(self->buf, 0, 100352);
	ASSERT_EQ(100000, pread(self->fd, self->buf, 100352, 0));
	EXPECT_EQ('a', self->buf[0]);
	EXPECT_EQ('a', self->buf[99999]);
	memset(self->buf, 'b', 8192);
	ASSERT_EQ(5000, pwrite(self->plain, self->buf, 5000, 4096));
	memset(self->buf, 'c', 8192);
	ASSERT_EQ(8192, pwrite(self->fd, self->buf, 8192, 0));
	EXPECT_EQ(0, check_bytes(MNT "/f", 0, 8192, 'c'));
	EXPECT_EQ(0, check_bytes(MNT "/f", 8192, 9096, 'b'));
	EXPECT_EQ(0, check_bytes(MNT "/f", 9096, 100000, 'a'));
}

TEST_F(direct, a_mapping_sees_direct_writes_and_the_reverse)
{
	char *map;

	memset(self->buf, 'a', 65536);
	ASSERT_EQ(65536, pwrite(self->fd, self->buf, 65536, 0));
	map = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, self->plain, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ('a', map[5000]);
	memset(self->buf, 'b', 8192);
	ASSERT_EQ(8192, pwrite(self->fd, self->buf, 8192, 4096));
	EXPECT_EQ('b', map[5000]);
	map[20000] = 'm';
	ASSERT_EQ(4096, pread(self->fd, self->buf, 4096, 16384));
	EXPECT_EQ('m', self->buf[20000 - 16384]);
	/* From a mapping of the very range that is written. */
	memset(map, 'n', 65536);
	ASSERT_EQ(32768, pwrite(self->fd, map + 32768, 32768, 0));
	ASSERT_EQ(16384, pread(self->fd, map + 16384, 16384, 0));
	EXPECT_EQ('n', map[20000]);
	munmap(map, 65536);
}

/* The caller's memory changes while it is written: any mixture, but with a checksum that fits. */
TEST_F_TIMEOUT(direct, memory_that_changes_meanwhile_never_fails_a_checksum, 120)
{
	char *shared = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;
	int i;

	ASSERT_NE(MAP_FAILED, shared);
	pid = fork();
	if (!pid)
		for (i = 0;; i++)
			memset(shared, i, MIB);
	for (i = 0; i < 40; i++) {
		ASSERT_EQ(MIB, pwrite(self->fd, shared, MIB, (i % 3) * MIB));
		ASSERT_EQ(MIB, pread(self->fd, self->buf, MIB, (i % 3) * MIB));
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	munmap(shared, MIB);
	close(self->fd);
	close(self->plain);
	ASSERT_EQ(0, remount());
	self->fd = open(MNT "/f", O_RDWR | O_DIRECT);
	self->plain = open(MNT "/f", O_RDWR);
	EXPECT_EQ(3 * MIB, pread(self->plain, self->buf, 3 * MIB, 0));
}

TEST_F(direct, holes_allocated_space_and_appends)
{
	int fd;

	ASSERT_EQ(0, fallocate(self->plain, 0, 0, MIB));
	memset(self->buf, 'x', 128 * 1024);
	ASSERT_EQ(128 * 1024, pwrite(self->fd, self->buf, 128 * 1024, 256 * 1024));
	ASSERT_EQ(MIB, pread(self->fd, self->buf, MIB, 0));
	EXPECT_EQ(0, self->buf[256 * 1024 - 1]);
	EXPECT_EQ('x', self->buf[256 * 1024]);
	EXPECT_EQ('x', self->buf[384 * 1024 - 1]);
	EXPECT_EQ(0, self->buf[384 * 1024]);
	memset(self->buf, 'y', 4096);
	ASSERT_EQ(4096, pwrite(self->fd, self->buf, 4096, 1L << 40));
	EXPECT_EQ((1L << 40) + 4096, size_of(MNT "/f"));
	EXPECT_EQ(0, check_bytes(MNT "/f", (1L << 40) - 4096, 1L << 40, 0));
	fd = open(MNT "/f", O_WRONLY | O_APPEND | O_DIRECT | O_DSYNC);
	ASSERT_EQ(4096, write(fd, self->buf, 4096));
	close(fd);
	EXPECT_EQ((1L << 40) + 8192, size_of(MNT "/f"));
	EXPECT_EQ(0, check_bytes(MNT "/f", 1L << 40, (1L << 40) + 8192, 'y'));
}

TEST_F(direct, a_full_device_is_enospc_and_takes_what_was_allocated)
{
	long n, at = 0;
	int other;

	ASSERT_EQ(0, fallocate(self->plain, 0, 0, 2 * MIB));
	other = open(MNT "/g", O_CREAT | O_RDWR | O_DIRECT, 0644);
	memset(self->buf, 'y', 4 * MIB);
	while ((n = neg(pwrite(other, self->buf, 4 * MIB, at))) > 0)
		at += n;
	EXPECT_EQ(-ENOSPC, n);
	close(other);
	EXPECT_LT(40L << 20, at);
	EXPECT_EQ(at, size_of(MNT "/g"));
	EXPECT_EQ(0, check_bytes(MNT "/g", 0, at, 'y'));
	memset(self->buf, 'x', 2 * MIB);
	ASSERT_EQ(2 * MIB, pwrite(self->fd, self->buf, 2 * MIB, 0));
	EXPECT_EQ(0, check_bytes(MNT "/f", 0, 2 * MIB, 'x'));
}

TEST_F(direct, vectors_splice_and_copy_file_range_work)
{
	struct iovec iov[3] = { { self->buf, 5000 }, { self->buf + 8192, 3192 },
				{ self->buf + 16384, 8192 } };
	loff_t from = 0, to = 0;
	int out;

	memset(self->buf, 'v', 32768);
	ASSERT_EQ(16384, pwritev(self->fd, iov, 3, 0));
	EXPECT_EQ(0, check_bytes(MNT "/f", 0, 16384, 'v'));
	memset(self->buf, 0, 32768);
	ASSERT_EQ(16384, preadv(self->fd, iov, 3, 0));
	EXPECT_EQ('v', self->buf[4999]);
	EXPECT_EQ('v', self->buf[16384 + 8191]);
	out = open(MNT "/g", O_CREAT | O_RDWR, 0644);
	EXPECT_EQ(16384, sendfile(out, self->fd, &from, 16384));
	from = 0;
	EXPECT_EQ(16384, copy_file_range(self->plain, &from, out, &to, 16384, 0));
	EXPECT_EQ(0, check_bytes(MNT "/g", 0, 16384, 'v'));
	close(out);
}

TEST_F(direct, statx_tells_the_alignment)
{
	struct {
		struct statx x;
		char room[64];
	} st = { };
	const uint32_t *align = (const void *)((char *)&st + 0x98);

	ASSERT_EQ(0, statx(AT_FDCWD, MNT "/f", 0, STATX_DIOALIGN, &st.x));
	ASSERT_NE(0, st.x.stx_mask & STATX_DIOALIGN);
	EXPECT_EQ(1, align[0]);
	EXPECT_EQ(512, align[1]);
}

/* Rows may be read so; they change by the operations only. */
TEST_F(direct, a_collection_is_read_and_not_written)
{
	float rows[4096];
	int fd = coll_open(MNT "/c", 64, VEXFS_METRIC_L2), in;

	ASSERT_LE(0, fd);
	fill_floats(rows, 4096, 1);
	ASSERT_EQ(0, coll_insert(fd, rows, 64, 64));
	close(fd);
	in = open(MNT "/c", O_RDONLY | O_DIRECT);
	ASSERT_LE(0, in);
	ASSERT_EQ(16384, read(in, self->buf, 16384));
	EXPECT_EQ(0, memcmp(rows, self->buf, 16384));
	close(in);
}

TEST_HARNESS_MAIN

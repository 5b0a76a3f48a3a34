// SPDX-License-Identifier: GPL-2.0-only
/* fallocate(2), SEEK_DATA and SEEK_HOLE, sparse files. */
#include "common.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <linux/falloc.h>

#define KEEP	FALLOC_FL_KEEP_SIZE
#define PUNCH	(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define ZERO	FALLOC_FL_ZERO_RANGE

FIXTURE(falloc) {
	int fd;
};

FIXTURE_SETUP(falloc)
{
	ASSERT_EQ(0, make_fs(128));
	ASSERT_EQ(0, do_mount(0, NULL));
	self->fd = open(MNT "/f", O_CREAT | O_RDWR, 0644);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(falloc)
{
	close(self->fd);
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

static long blocks_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : st.st_blocks / 8;
}

static long free_blocks(void)
{
	struct statfs st;

	sync();
	return statfs(MNT, &st) ? -1 : (long)st.f_bfree;
}

static int fill_range(int fd, off_t from, off_t to, int byte)
{
	char buf[65536];

	memset(buf, byte, sizeof(buf));
	while (from < to) {
		size_t len = to - from < (off_t)sizeof(buf) ? to - from : sizeof(buf);
		ssize_t n = pwrite(fd, buf, len, from);

		if (n <= 0)
			return -errno;
		from += n;
	}
	return 0;
}

/* ---- refusals ---------------------------------------------------------------- */

TEST_F(falloc, what_is_not_offered_is_refused)
{
	EXPECT_EQ(-EOPNOTSUPP, neg(fallocate(self->fd, FALLOC_FL_PUNCH_HOLE, 0, 4096)));
	EXPECT_EQ(-EOPNOTSUPP, neg(fallocate(self->fd, FALLOC_FL_COLLAPSE_RANGE, 0, 4096)));
	EXPECT_EQ(-EOPNOTSUPP, neg(fallocate(self->fd, FALLOC_FL_INSERT_RANGE, 0, 4096)));
	EXPECT_EQ(-EOPNOTSUPP, neg(fallocate(self->fd, FALLOC_FL_UNSHARE_RANGE, 0, 4096)));
	EXPECT_EQ(-EOPNOTSUPP, neg(fallocate(self->fd, PUNCH | ZERO, 0, 4096)));
	EXPECT_EQ(-EINVAL, neg(fallocate(self->fd, 0, -1, 4096)));
	EXPECT_EQ(-EINVAL, neg(fallocate(self->fd, 0, 0, 0)));
	EXPECT_EQ(-EFBIG, neg(fallocate(self->fd, 0, LLONG_MAX, 1)));
	EXPECT_EQ(0, blocks_of(self->fd));
}

TEST_F(falloc, a_collection_is_eperm)
{
	int fd = coll_open(MNT "/c", 8, VEXFS_METRIC_L2);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EPERM, neg(fallocate(fd, 0, 0, 4096)));
	EXPECT_EQ(-EPERM, neg(fallocate(fd, PUNCH, 0, 4096)));
	EXPECT_EQ(-EPERM, neg(fallocate(fd, ZERO, 0, 4096)));
	close(fd);
}

TEST_F(falloc, more_than_there_is_changes_nothing)
{
	long before;

	ASSERT_EQ(0, fill_range(self->fd, 0, 10000, 'x'));
	before = free_blocks();
	EXPECT_EQ(-ENOSPC, neg(fallocate(self->fd, 0, 0, 128 * MIB)));
	EXPECT_EQ(-ENOSPC, neg(fallocate(self->fd, ZERO, 0, 1L << 50)));
	EXPECT_EQ(10000, size_of(MNT "/f"));
	EXPECT_EQ(3, blocks_of(self->fd));
	EXPECT_EQ(before, free_blocks());
}

TEST_F(falloc, growing_past_the_limit_of_the_process_is_efbig)
{
	struct rlimit limit = { 10000, 10000 };

	signal(SIGXFSZ, SIG_IGN);
	ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &limit));
	EXPECT_EQ(-EFBIG, neg(fallocate(self->fd, 0, 0, 1 << 20)));
	ASSERT_EQ(0, fallocate(self->fd, KEEP, 0, 1 << 20));
	EXPECT_EQ(0, size_of(MNT "/f"));
	EXPECT_EQ(256, blocks_of(self->fd));
}

/* ---- modes ---------------------------------------------------------------------- */

TEST_F(falloc, allocated_space_reads_as_zeros_and_comes_back)
{
	long before = free_blocks();

	ASSERT_EQ(0, fallocate(self->fd, 0, 0, 40 * MIB));
	EXPECT_EQ(40L << 20, size_of(MNT "/f"));
	EXPECT_EQ(40 << 8, blocks_of(self->fd));
	EXPECT_GE(before - (40 << 8), free_blocks());
	ASSERT_EQ(0, fill_range(self->fd, 7 * MIB + 5, 9 * MIB, 'x'));
	ASSERT_EQ(0, fsync(self->fd));
	EXPECT_EQ(40 << 8, blocks_of(self->fd));
	close(self->fd);
	ASSERT_EQ(0, remount());
	self->fd = open(MNT "/f", O_RDWR);
	EXPECT_EQ(0, check_bytes(MNT "/f", 0, 7 * MIB + 5, 0));
	EXPECT_EQ(0, check_bytes(MNT "/f", 7 * MIB + 5, 9 * MIB, 'x'));
	EXPECT_EQ(0, check_bytes(MNT "/f", 9 * MIB, 40 * MIB, 0));
	EXPECT_EQ(40 << 8, blocks_of(self->fd));
	ASSERT_EQ(0, ftruncate(self->fd, 0));
	EXPECT_EQ(0, blocks_of(self->fd));
	EXPECT_EQ(before, free_blocks());
}

TEST_F(falloc, keep_size_keeps_the_size)
{
	ASSERT_EQ(0, fallocate(self->fd, KEEP, 100, 1 << 20));
	EXPECT_EQ(0, size_of(MNT "/f"));
	EXPECT_EQ(257, blocks_of(self->fd));
	ASSERT_EQ(0, fill_range(self->fd, 0, 5000, 'x'));
	ASSERT_EQ(0, fsync(self->fd));
	EXPECT_EQ(257, blocks_of(self->fd));
	/* A truncate to the size that it has gives back what lies behind. */
	ASSERT_EQ(0, ftruncate(self->fd, 5000));
	EXPECT_EQ(2, blocks_of(self->fd));
	EXPECT_EQ(0, check_bytes(MNT "/f", 0, 5000, 'x'));
}

TEST_F(falloc, a_punched_hole_is_zero_at_once_and_after_a_remount)
{
	ASSERT_EQ(0, fill_range(self->fd, 0, 1 << 20, 'x'));
	/* Dirty pages and all. */
	ASSERT_EQ(0, fallocate(self->fd, PUNCH, 10001, 500000));
	EXPECT_EQ(1 << 20, size_of(MNT "/f"));
	for (int round = 0; round < 2; round++) {
		EXPECT_EQ(0, check_bytes(MNT "/f", 0, 10001, 'x'));
		EXPECT_EQ(0, check_bytes(MNT "/f", 10001, 510001, 0));
		EXPECT_EQ(0, check_bytes(MNT "/f", 510001, 1 << 20, 'x'));
		close(self->fd);
		ASSERT_EQ(0, remount());
		self->fd = open(MNT "/f", O_RDWR);
	}
	EXPECT_EQ(256 - 121, blocks_of(self->fd));
}

TEST_F(falloc, a_zeroed_range_is_zero_and_allocated)
{
	ASSERT_EQ(0, fill_range(self->fd, 0, 1 << 20, 'x'));
	ASSERT_EQ(0, fsync(self->fd));
	ASSERT_EQ(0, fill_range(self->fd, 200000, 300000, 'y'));
	ASSERT_EQ(0, fallocate(self->fd, ZERO, 10001, 2 << 20));
	EXPECT_EQ((2 << 20) + 10001, size_of(MNT "/f"));
	EXPECT_EQ(0, check_bytes(MNT "/f", 0, 10001, 'x'));
	EXPECT_EQ(0, check_bytes(MNT "/f", 10001, (2 << 20) + 10001, 0));
	ASSERT_EQ(0, fsync(self->fd));
	EXPECT_EQ(512 + 3, blocks_of(self->fd));
	close(self->fd);
	ASSERT_EQ(0, remount());
	self->fd = open(MNT "/f", O_RDWR);
	EXPECT_EQ(0, check_bytes(MNT "/f", 0, 10001, 'x'));
	EXPECT_EQ(0, check_bytes(MNT "/f", 10001, (2 << 20) + 10001, 0));
}

TEST_F(falloc, a_mapping_sees_the_hole)
{
	char *map;

	ASSERT_EQ(0, fill_range(self->fd, 0, 1 << 20, 'x'));
	map = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	map[300000] = 'y';
	ASSERT_EQ(0, fallocate(self->fd, PUNCH, 100000, 400000));
	EXPECT_EQ('x', map[99999]);
	EXPECT_EQ(0, map[100000]);
	EXPECT_EQ(0, map[300000]);
	EXPECT_EQ(0, map[499999]);
	EXPECT_EQ('x', map[500000]);
	map[300001] = 'z';
	ASSERT_EQ(0, fallocate(self->fd, ZERO, 200000, 100001));
	EXPECT_EQ(0, map[300000]);
	EXPECT_EQ('z', map[300001]);
	ASSERT_EQ(0, msync(map, 1 << 20, MS_SYNC));
	munmap(map, 1 << 20);
	EXPECT_EQ(0, check_bytes(MNT "/f", 300001, 300002, 'z'));
}

TEST_F(falloc, a_load_past_the_end_of_a_truncated_mapping_is_sigbus)
{
	pid_t pid;
	int status;

	ASSERT_EQ(0, fill_range(self->fd, 0, 1 << 20, 'x'));
	pid = fork();
	if (!pid) {
		volatile char *map = mmap(NULL, 1 << 20, PROT_READ, MAP_SHARED, self->fd, 0);

		if (map[900000] != 'x' || ftruncate(self->fd, 100000))
			_exit(1);
		_exit(map[900000]);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGBUS, WTERMSIG(status));
}

TEST_F(falloc, times_change)
{
	struct timespec old = { 1000, 0 };
	struct timespec both[2] = { old, old };
	struct stat st;

	ASSERT_EQ(0, fill_range(self->fd, 0, 100000, 'x'));
	ASSERT_EQ(0, futimens(self->fd, both));
	ASSERT_EQ(0, fallocate(self->fd, PUNCH, 0, 8192));
	ASSERT_EQ(0, fstat(self->fd, &st));
	EXPECT_LT(1000, st.st_mtim.tv_sec);
}

/* ---- a full device ------------------------------------------------------------------- */

TEST_F_TIMEOUT(falloc, a_full_device_takes_what_was_allocated, 200)
{
	int other = open(MNT "/g", O_CREAT | O_RDWR, 0644), err;
	char *map;
	off_t at;

	ASSERT_EQ(0, fallocate(self->fd, 0, 0, 16 * MIB));
	err = fill_range(other, 0, 1L << 30, 'y');
	ASSERT_EQ(-ENOSPC, err);
	fsync(other);
	ASSERT_EQ(0, fill_range(self->fd, 0, 8 * MIB, 'x'));
	ASSERT_EQ(0, fsync(self->fd));
	/* And through a mapping, each second page first. */
	map = mmap(NULL, 16 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	for (at = 8 * MIB; at < (off_t)(12 * MIB); at += 2 * BLOCK)
		memset(map + at, 'x', BLOCK);
	for (at = 8 * MIB + BLOCK; at < (off_t)(12 * MIB); at += 2 * BLOCK)
		memset(map + at, 'x', BLOCK);
	munmap(map, 16 * MIB);
	/* Part of a block in use can be zeroed, and what is there goes. */
	for (at = 0; at < (off_t)(100 * BLOCK); at += BLOCK)
		ASSERT_EQ(0, neg(fallocate(other, PUNCH, at + 10, 100)));
	ASSERT_EQ(0, ftruncate(other, 3 * MIB + 77));
	ASSERT_EQ(0, fsync(self->fd));
	close(self->fd);
	close(other);
	ASSERT_EQ(0, remount());
	self->fd = open(MNT "/f", O_RDWR);
	EXPECT_EQ(0, check_bytes(MNT "/f", 0, 12 * MIB, 'x'));
	EXPECT_EQ(0, check_bytes(MNT "/f", 12 * MIB, 16 * MIB, 0));
	EXPECT_EQ(0, check_bytes(MNT "/g", BLOCK, BLOCK + 10, 'y'));
	EXPECT_EQ(0, check_bytes(MNT "/g", BLOCK + 10, BLOCK + 110, 0));
	EXPECT_EQ(0, check_bytes(MNT "/g", BLOCK + 110, 2 * BLOCK, 'y'));
}

/* ---- where data is ---------------------------------------------------------------------- */

TEST_F(falloc, seek_finds_data_and_holes)
{
	EXPECT_EQ(-ENXIO, neg(lseek(self->fd, 0, SEEK_DATA)));
	EXPECT_EQ(-ENXIO, neg(lseek(self->fd, 0, SEEK_HOLE)));
	ASSERT_EQ(0, fill_range(self->fd, 10 * BLOCK, 20 * BLOCK, 'x'));
	ASSERT_EQ(0, fallocate(self->fd, 0, 40 * BLOCK, 10 * BLOCK));
	ASSERT_EQ(0, fill_range(self->fd, 45 * BLOCK, 45 * BLOCK + 1, 'x'));
	for (int round = 0; round < 2; round++) {
		EXPECT_EQ(10 * BLOCK, neg(lseek(self->fd, 0, SEEK_DATA)));
		EXPECT_EQ(0, neg(lseek(self->fd, 0, SEEK_HOLE)));
		EXPECT_EQ(10 * BLOCK + 9, neg(lseek(self->fd, 10 * BLOCK + 9, SEEK_DATA)));
		EXPECT_EQ(20 * BLOCK, neg(lseek(self->fd, 10 * BLOCK, SEEK_HOLE)));
		EXPECT_EQ(45 * BLOCK, neg(lseek(self->fd, 20 * BLOCK, SEEK_DATA)));
		EXPECT_EQ(46 * BLOCK, neg(lseek(self->fd, 45 * BLOCK, SEEK_HOLE)));
		EXPECT_EQ(-ENXIO, neg(lseek(self->fd, 46 * BLOCK, SEEK_DATA)));
		EXPECT_EQ(-ENXIO, neg(lseek(self->fd, 50 * BLOCK, SEEK_HOLE)));
		EXPECT_EQ(-ENXIO, neg(lseek(self->fd, -1, SEEK_DATA)));
		close(self->fd);
		ASSERT_EQ(0, remount());
		self->fd = open(MNT "/f", O_RDWR);
	}
	EXPECT_EQ(50 * BLOCK, neg(lseek(self->fd, 0, SEEK_END)));
}

TEST_F(falloc, a_collection_is_data_up_to_its_end)
{
	float rows[64];
	int fd = coll_open(MNT "/c", 8, VEXFS_METRIC_L2);

	ASSERT_LE(0, fd);
	fill_floats(rows, 64, 1);
	ASSERT_EQ(0, coll_insert(fd, rows, 8, 8));
	EXPECT_EQ(10, neg(lseek(fd, 10, SEEK_DATA)));
	EXPECT_EQ(256, neg(lseek(fd, 0, SEEK_HOLE)));
	EXPECT_EQ(-ENXIO, neg(lseek(fd, 256, SEEK_DATA)));
	close(fd);
}

/* ---- large --------------------------------------------------------------------------------- */

TEST_F_TIMEOUT(falloc, files_past_4_gib_and_near_the_largest_offset, 120)
{
	static const off_t at[] = { (1LL << 32) - 3, 1LL << 40, LLONG_MAX - 100000 };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, fill_range(self->fd, at[i], at[i] + 10000, 'a' + i));
		ASSERT_EQ(0, fallocate(self->fd, 0, at[i] + 20000, 40000));
	}
	ASSERT_EQ(0, fallocate(self->fd, PUNCH, 0, 1LL << 32));
	close(self->fd);
	ASSERT_EQ(0, remount());
	self->fd = open(MNT "/f", O_RDWR);
	EXPECT_EQ(LLONG_MAX - 40000, size_of(MNT "/f"));
	for (i = 0; i < 3; i++) {
		off_t from = i ? at[i] : 1LL << 32;

		EXPECT_EQ(0, check_bytes(MNT "/f", from, at[i] + 10000, 'a' + i));
		EXPECT_EQ(0, check_bytes(MNT "/f", at[i] + 10000, at[i] + 60000, 0));
		EXPECT_EQ(from, neg(lseek(self->fd, from, SEEK_DATA)));
	}
	EXPECT_EQ(0, check_bytes(MNT "/f", (1LL << 32) - 3, 1LL << 32, 0));
	ASSERT_EQ(0, fallocate(self->fd, PUNCH, 0, LLONG_MAX));
	EXPECT_EQ(0, blocks_of(self->fd));
}

/* A killed caller is gone soon, and nothing that it was promised is lost. */
TEST_F_TIMEOUT(falloc, sigkill_leaves_exact_counts, 200)
{
	int i, status;
	long before;
	pid_t pid;

	/* All bitmaps come into being. */
	ASSERT_EQ(0, fallocate(self->fd, 0, 0, 100 * MIB));
	sync();
	ASSERT_EQ(0, ftruncate(self->fd, 0));
	before = free_blocks();
	for (i = 0; i < 30; i++) {
		pid = fork();
		if (!pid) {
			for (;;) {
				fallocate(self->fd, 0, 0, 100 * MIB);
				fill_range(self->fd, 0, 3 * MIB, 'x');
				fallocate(self->fd, ZERO, 0, 100 * MIB);
				fallocate(self->fd, PUNCH, 0, 100 * MIB);
			}
		}
		usleep(1000 + mix(i) % 60000);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
	}
	ASSERT_EQ(0, ftruncate(self->fd, 0));
	EXPECT_EQ(0, blocks_of(self->fd));
	EXPECT_EQ(before, free_blocks());
	ASSERT_EQ(0, fallocate(self->fd, 0, 0, 100 * MIB));
}

TEST_HARNESS_MAIN

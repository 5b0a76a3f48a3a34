// SPDX-License-Identifier: GPL-2.0-only
/* Data of regular files: what was written is read, whichever way, and nothing else. */
#include "common.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/sendfile.h>

FIXTURE(file) {
};

FIXTURE_SETUP(file)
{
	ASSERT_EQ(0, make_fs(256));
	ASSERT_EQ(0, do_mount(0, NULL));
}

FIXTURE_TEARDOWN(file)
{
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

/* Forget the page cache, so that the next read comes from the device. */
static void drop_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	sync();
	if (write(fd, "3", 1) != 1)
		perror("drop_caches");
	close(fd);
}

static long blocks_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : st.st_blocks / 8;
}

/* ---- read and write ---------------------------------------------------------- */

TEST_F_TIMEOUT(file, written_data_is_there_after_a_remount, 120)
{
	static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 524288, 524289, 9000001 };
	char path[64];
	unsigned int i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(path, sizeof(path), MNT "/f%u", i);
		ASSERT_EQ(0, make_file(path, sizes[i], i));
		EXPECT_EQ(0, check_file(path, sizes[i], i));
	}
	ASSERT_EQ(0, remount());
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(path, sizeof(path), MNT "/f%u", i);
		EXPECT_EQ(0, check_file(path, sizes[i], i))
			TH_LOG("%zu bytes", sizes[i]);
		EXPECT_EQ((long)((sizes[i] + BLOCK - 1) / BLOCK), blocks_of(path));
	}
}

TEST_F(file, appends_add_up)
{
	char buf[700];
	int i, fd;

	for (i = 0; i < 100; i++) {
		fd = open(MNT "/f", O_CREAT | O_APPEND | O_WRONLY, 0644);
		ASSERT_LE(0, fd);
		pattern(buf, sizeof(buf), 5, i * sizeof(buf));
		ASSERT_EQ(sizeof(buf), write(fd, buf, sizeof(buf)));
		close(fd);
		if (i % 30 == 7)
			ASSERT_EQ(0, remount());
	}
	EXPECT_EQ(0, check_file(MNT "/f", 70000, 5));
	ASSERT_EQ(0, remount());
	EXPECT_EQ(0, check_file(MNT "/f", 70000, 5));
}

/* Random writes and truncates against a copy in memory. */
TEST_F_TIMEOUT(file, random_changes_match_a_copy_in_memory, 200)
{
	const size_t most = 300000;
	char *copy = calloc(1, most), *buf = malloc(most);
	size_t size = 0;
	int fd, i;

	fd = open(MNT "/f", O_CREAT | O_RDWR, 0644);
	ASSERT_LE(0, fd);
	for (i = 0; i < 400; i++) {
		size_t at = mix(i * 3) % most;
		size_t len = mix(i * 3 + 1) % 20000;

		if (at + len > most)
			len = most - at;
		switch (mix(i * 3 + 2) % 8) {
		case 0:
			ASSERT_EQ(0, ftruncate(fd, at));
			if (at < size)
				memset(copy + at, 0, size - at);
			size = at;
			break;
		case 1:
			ASSERT_EQ(0, fsync(fd));
			break;
		case 2:
			drop_caches();
			break;
		default:
			pattern(buf, len, i, 0);
			ASSERT_EQ((ssize_t)len, pwrite(fd, buf, len, at));
			memcpy(copy + at, buf, len);
			if (len && at + len > size)
				size = at + len;
		}
		if (i % 40 == 39) {
			ASSERT_EQ((long)size, size_of(MNT "/f"));
			ASSERT_EQ((ssize_t)size, pread(fd, buf, most, 0));
			ASSERT_EQ(0, memcmp(buf, copy, size))
				TH_LOG("after step %d", i);
		}
	}
	close(fd);
	ASSERT_EQ(0, remount());
	fd = open(MNT "/f", O_RDONLY);
	ASSERT_EQ((ssize_t)size, pread(fd, buf, most, 0));
	EXPECT_EQ(0, memcmp(buf, copy, size));
	close(fd);
	free(copy);
	free(buf);
}

TEST_F(file, a_hole_reads_as_zeros_and_takes_no_space)
{
	int fd = open(MNT "/f", O_CREAT | O_RDWR, 0644);

	ASSERT_LE(0, fd);
	ASSERT_EQ(1, pwrite(fd, "x", 1, 1 << 30));
	close(fd);
	ASSERT_EQ(0, remount());
	EXPECT_EQ((1L << 30) + 1, size_of(MNT "/f"));
	EXPECT_EQ(0, check_bytes(MNT "/f", 0, 1 << 20, 0));
	EXPECT_EQ(0, check_bytes(MNT "/f", (1 << 30) - 100000, 1 << 30, 0));
	EXPECT_EQ(1, blocks_of(MNT "/f"));
}

TEST_F(file, unsynced_data_counts_as_blocks)
{
	struct statx stx;

	ASSERT_EQ(0, make_file(MNT "/f", 10 * BLOCK, 1));
	EXPECT_LE(10, blocks_of(MNT "/f"));
	sync();
	EXPECT_EQ(10, blocks_of(MNT "/f"));
	/* As ls -l asks: not for blocks, and adds them up nevertheless. */
	ASSERT_EQ(0, statx(AT_FDCWD, MNT "/f", 0, STATX_SIZE, &stx));
	EXPECT_EQ(10 * BLOCK / 512, stx.stx_blocks);
}

TEST_F(file, the_largest_file_has_a_last_byte)
{
	int fd = open(MNT "/f", O_CREAT | O_RDWR, 0644);

	ASSERT_LE(0, fd);
	ASSERT_EQ(1, pwrite(fd, "x", 1, LLONG_MAX - 1));
	EXPECT_EQ(LLONG_MAX, size_of(MNT "/f"));
	ASSERT_EQ(0, fsync(fd));
	close(fd);
	ASSERT_EQ(0, remount());
	EXPECT_EQ(0, check_bytes(MNT "/f", LLONG_MAX - 1, LLONG_MAX, 'x'));
	EXPECT_EQ(1, blocks_of(MNT "/f"));
}

TEST_F(file, writes_past_the_limit_of_the_process_are_efbig)
{
	struct rlimit limit = { 10000, 10000 };
	char buf[20000] = { };
	int fd = open(MNT "/f", O_CREAT | O_RDWR, 0644);

	ASSERT_LE(0, fd);
	signal(SIGXFSZ, SIG_IGN);
	ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &limit));
	EXPECT_EQ(10000, write(fd, buf, sizeof(buf)));
	EXPECT_EQ(-EFBIG, neg(write(fd, buf, sizeof(buf))));
	EXPECT_EQ(-EFBIG, neg(ftruncate(fd, 10001)));
	close(fd);
}

TEST_F(file, sendfile_reads_what_read_reads)
{
	int in, out;
	off_t at = 0;

	ASSERT_EQ(0, make_file(MNT "/f", 100000, 1));
	in = open(MNT "/f", O_RDONLY);
	out = open(MNT "/g", O_CREAT | O_WRONLY, 0644);
	while (at < 100000)
		ASSERT_LT(0, sendfile(out, in, &at, 100000 - at));
	close(in);
	close(out);
	EXPECT_EQ(0, check_file(MNT "/g", 100000, 1));
}

/* ---- truncate -------------------------------------------------------------------- */

TEST_F(file, truncated_bytes_never_come_back)
{
	static const off_t cuts[] = { 100, 4096, 5000, 70001 };
	unsigned int i;

	for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		ASSERT_EQ(0, make_file(MNT "/f", 100000, 1));
		sync();
		ASSERT_EQ(0, truncate(MNT "/f", cuts[i]));
		EXPECT_EQ(0, check_file(MNT "/f", cuts[i], 1));
		ASSERT_EQ(0, remount());
		EXPECT_EQ(0, check_file(MNT "/f", cuts[i], 1));
		ASSERT_EQ(0, truncate(MNT "/f", 100000));
		EXPECT_EQ(0, check_bytes(MNT "/f", cuts[i], 100000, 0));
		ASSERT_EQ(0, remount());
		EXPECT_EQ(0, check_bytes(MNT "/f", cuts[i], 100000, 0));
		ASSERT_EQ(0, unlink(MNT "/f"));
	}
}

TEST_F(file, truncate_gives_blocks_back)
{
	ASSERT_EQ(0, make_file(MNT "/f", 100 * BLOCK, 1));
	sync();
	ASSERT_EQ(0, truncate(MNT "/f", 10 * BLOCK + 1));
	EXPECT_EQ(11, blocks_of(MNT "/f"));
	ASSERT_EQ(0, truncate(MNT "/f", 0));
	EXPECT_EQ(0, blocks_of(MNT "/f"));
	EXPECT_EQ(-EINVAL, neg(truncate(MNT "/f", -1)));
}

TEST_F(file, truncate_upwards_reads_as_zeros)
{
	ASSERT_EQ(0, make_file(MNT "/f", 10, 1));
	ASSERT_EQ(0, truncate(MNT "/f", 1000000));
	ASSERT_EQ(0, remount());
	EXPECT_EQ(1000000, size_of(MNT "/f"));
	EXPECT_EQ(0, check_bytes(MNT "/f", 10, 1000000, 0));
	EXPECT_EQ(1, blocks_of(MNT "/f"));
}

/* ---- mmap --------------------------------------------------------------------------- */

TEST_F(file, stores_to_a_shared_mapping_are_written)
{
	char *map;
	int fd;

	ASSERT_EQ(0, make_file(MNT "/f", 100000, 1));
	ASSERT_EQ(0, remount());
	fd = open(MNT "/f", O_RDWR);
	ASSERT_LE(0, fd);
	map = mmap(NULL, 100000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	pattern(map, 100000, 2, 0);
	EXPECT_EQ(0, check_file(MNT "/f", 100000, 2));
	ASSERT_EQ(0, msync(map, 100000, MS_SYNC));
	pattern(map, 100000, 3, 0);
	munmap(map, 100000);
	close(fd);
	ASSERT_EQ(0, remount());
	EXPECT_EQ(0, check_file(MNT "/f", 100000, 3));
}

TEST_F(file, stores_to_a_hole_through_a_mapping_are_written)
{
	char *map;
	int fd = open(MNT "/f", O_CREAT | O_RDWR, 0644);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, 1 << 20));
	map = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	map[500000] = 'x';
	munmap(map, 1 << 20);
	close(fd);
	ASSERT_EQ(0, remount());
	EXPECT_EQ(0, check_bytes(MNT "/f", 500000, 500001, 'x'));
	EXPECT_EQ(0, check_bytes(MNT "/f", 0, 500000, 0));
	EXPECT_EQ(1, blocks_of(MNT "/f"));
}

TEST_F(file, stores_behind_the_end_do_not_become_data)
{
	char *map;
	int fd;

	ASSERT_EQ(0, make_file(MNT "/f", 100, 1));
	fd = open(MNT "/f", O_RDWR);
	map = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	memset(map + 100, 'x', BLOCK - 100);
	ASSERT_EQ(0, fsync(fd));
	memset(map + 100, 'y', BLOCK - 100);
	ASSERT_EQ(1, pwrite(fd, "z", 1, 2 * BLOCK));
	EXPECT_EQ(0, check_bytes(MNT "/f", 100, 2 * BLOCK, 0));
	munmap(map, BLOCK);
	close(fd);
	ASSERT_EQ(0, remount());
	EXPECT_EQ(0, check_bytes(MNT "/f", 100, 2 * BLOCK, 0));
}

TEST_F(file, a_private_mapping_changes_nothing)
{
	char *map;
	int fd;

	ASSERT_EQ(0, make_file(MNT "/f", BLOCK, 1));
	fd = open(MNT "/f", O_RDONLY);
	map = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	memset(map, 'x', BLOCK);
	close(fd);
	EXPECT_EQ(0, check_file(MNT "/f", BLOCK, 1));
	munmap(map, BLOCK);
}

/* ---- unlinked files -------------------------------------------------------------------- */

TEST_F(file, an_unlinked_open_file_lives_until_it_is_closed)
{
	struct statfs before, during, after;
	char buf[1000], want[1000];
	int fd;

	sync();
	ASSERT_EQ(0, statfs(MNT, &before));
	ASSERT_EQ(0, make_file(MNT "/f", 10 * MIB, 1));
	fd = open(MNT "/f", O_RDWR);
	ASSERT_EQ(0, unlink(MNT "/f"));
	drop_caches();
	pattern(want, sizeof(want), 1, 5 * MIB);
	ASSERT_EQ(sizeof(buf), pread(fd, buf, sizeof(buf), 5 * MIB));
	EXPECT_EQ(0, memcmp(buf, want, sizeof(buf)));
	ASSERT_EQ(1, pwrite(fd, "x", 1, 20 * MIB));
	ASSERT_EQ(0, fsync(fd));
	ASSERT_EQ(0, statfs(MNT, &during));
	EXPECT_LE(10 * MIB / BLOCK, before.f_bfree - during.f_bfree);
	close(fd);
	sync();
	ASSERT_EQ(0, statfs(MNT, &after));
	EXPECT_EQ(before.f_bfree, after.f_bfree);
}

/* ---- a full device ------------------------------------------------------------------------ */

/* Fill the device; the bytes that a file took, or a negative errno. */
static long fill(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0644);
	char buf[65536];
	long at = 0, n;

	if (fd < 0)
		return -errno;
	for (;;) {
		pattern(buf, sizeof(buf), 9, at);
		n = neg(write(fd, buf, sizeof(buf)));
		if (n <= 0)
			break;
		at += n;
	}
	if (n == -ENOSPC)
		n = fsync(fd) ? -errno : at;
	close(fd);
	return n;
}

FIXTURE(full) {
};

FIXTURE_SETUP(full)
{
	ASSERT_EQ(0, make_fs(16));
	ASSERT_EQ(0, do_mount(0, NULL));
}

FIXTURE_TEARDOWN(full)
{
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

TEST_F_TIMEOUT(full, a_full_device_is_enospc_at_write_and_loses_nothing, 120)
{
	long size;

	ASSERT_EQ(0, make_file(MNT "/before", 100000, 1));
	size = fill(MNT "/big");
	ASSERT_LT(12L << 20, size);
	EXPECT_EQ(-ENOSPC, make_file(MNT "/before2", 10 * MIB, 2));
	ASSERT_EQ(0, remount());
	EXPECT_EQ(0, check_file(MNT "/before", 100000, 1));
	EXPECT_EQ(0, check_file(MNT "/big", size, 9));
}

TEST_F_TIMEOUT(full, removal_on_a_full_device_works_and_makes_room, 120)
{
	struct statfs before, after;
	long size, again;

	sync();
	ASSERT_EQ(0, statfs(MNT, &before));
	size = fill(MNT "/big");
	ASSERT_LT(0, size);
	ASSERT_EQ(0, unlink(MNT "/big"));
	again = fill(MNT "/again");
	EXPECT_LE(size - (64L << 10), again);
	ASSERT_EQ(0, truncate(MNT "/again", 12345));
	EXPECT_EQ(0, check_file(MNT "/again", 12345, 9));
	ASSERT_EQ(0, unlink(MNT "/again"));
	sync();
	ASSERT_EQ(0, statfs(MNT, &after));
	EXPECT_EQ(before.f_bfree, after.f_bfree);
	EXPECT_EQ(before.f_bavail, after.f_bavail);
}

TEST_F_TIMEOUT(full, a_store_to_a_mapping_without_space_is_sigbus, 120)
{
	pid_t pid;
	int fd, status;

	fd = open(MNT "/hole", O_CREAT | O_RDWR, 0644);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, 1 << 20));
	ASSERT_LT(0, fill(MNT "/big"));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		char *map = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		int i;

		for (i = 0; i < 256; i++)
			map[i * BLOCK] = 1;
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGBUS, WTERMSIG(status));
	close(fd);
}

TEST_F_TIMEOUT(full, names_on_a_full_device_are_enospc_or_whole, 200)
{
	char path[300];
	int i, fd, made = 0;

	ASSERT_LT(0, fill(MNT "/big"));
	for (i = 0; i < 20000; i++) {
		snprintf(path, sizeof(path), MNT "/a-name-that-takes-some-room-%0200d", i);
		fd = neg(open(path, O_CREAT | O_EXCL | O_WRONLY, 0644));
		if (fd < 0)
			break;
		close(fd);
		made++;
	}
	EXPECT_EQ(-ENOSPC, fd);
	ASSERT_EQ(0, remount());
	for (i = 0; i < made; i++) {
		snprintf(path, sizeof(path), MNT "/a-name-that-takes-some-room-%0200d", i);
		ASSERT_EQ(0, unlink(path));
	}
	EXPECT_EQ(0, unlink(MNT "/big"));
}

/* ---- read in large pieces ------------------------------------------------------------------ */

#define LARGE	(8u << 20)

/* Change @len bytes at @at of the file, by a write or, in @map, by stores; and of the model. */
static int change(int fd, char *map, char *model, size_t at, size_t len, unsigned int seed)
{
	pattern(model + at, len, seed, at);
	if (!map)
		return pwrite(fd, model + at, len, at) == (ssize_t)len ? 0 : -1;
	memcpy(map + at, model + at, len);
	return 0;
}

static int same(int fd, const char *model, size_t size)
{
	char *buf = malloc(size + 1);
	int err = pread(fd, buf, size + 1, 0) == (ssize_t)size ? 0 : -1;

	if (!err)
		err = memcmp(buf, model, size) ? -2 : 0;
	free(buf);
	return err;
}

/* Nobody has it open for writing while it is read: large folios, which then must give way. */
TEST_F_TIMEOUT(file, a_file_read_ahead_is_written_afterwards, 250)
{
	char *model = calloc(1, LARGE), *map, *seen, buf[65536];
	int reader, fd, how;

	pattern(model, LARGE, 3, 0);
	for (how = 0; how < 2; how++) {
		size_t at, size = LARGE;

		ASSERT_EQ(0, make_file(MNT "/f", LARGE, 3));
		pattern(model, LARGE, 3, 0);
		drop_caches();
		reader = open(MNT "/f", O_RDONLY);
		ASSERT_LE(0, reader);
		for (at = 0; at < LARGE; at += sizeof(buf)) {
			ASSERT_EQ(sizeof(buf), read(reader, buf, sizeof(buf)));
			ASSERT_EQ(0, memcmp(buf, model + at, sizeof(buf)));
		}
		seen = mmap(NULL, LARGE, PROT_READ, MAP_SHARED, reader, 0);
		ASSERT_NE(MAP_FAILED, seen);
		ASSERT_EQ(0, memcmp(seen, model, LARGE));
		fd = open(MNT "/f", O_RDWR);
		ASSERT_LE(0, fd);
		map = NULL;
		if (how) {
			map = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
			ASSERT_NE(MAP_FAILED, map);
		}
		for (at = 1000; at < LARGE - 50000; at += 333333) {
			ASSERT_EQ(0, change(fd, map, model, at, 100, 7));
			ASSERT_EQ(0, change(fd, map, model, at + 20000, 9000, 8));
			ASSERT_EQ(0, memcmp(seen + at - 1000, model + at - 1000, 50000));
		}
		EXPECT_EQ(0, memcmp(seen, model, LARGE));
		EXPECT_EQ(0, same(reader, model, size));
		ASSERT_EQ(0, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2345678,
				       345678));
		memset(model + 2345678, 0, 345678);
		EXPECT_EQ(0, same(reader, model, size));
		size = 5 * (1 << 20) + 4321;
		ASSERT_EQ(0, ftruncate(fd, size));
		EXPECT_EQ(0, same(reader, model, size));
		memset(model + size, 0, LARGE - size);
		size += 700000;
		ASSERT_EQ(0, ftruncate(fd, size));
		EXPECT_EQ(0, same(reader, model, size));
		munmap(seen, LARGE);
		if (map)
			munmap(map, LARGE);
		close(fd);
		drop_caches();
		EXPECT_EQ(0, same(reader, model, size));
		close(reader);
		ASSERT_EQ(0, remount());
		reader = open(MNT "/f", O_RDONLY);
		EXPECT_EQ(0, same(reader, model, size));
		close(reader);
		ASSERT_EQ(0, unlink(MNT "/f"));
	}
	free(model);
}

/* ---- at the same time --------------------------------------------------------------------- */

TEST_F_TIMEOUT(file, writers_readers_and_syncs_at_once_keep_their_data, 250)
{
	pid_t pids[6];
	int i, status;

	for (i = 0; i < 6; i++) {
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (!pids[i]) {
			char path[64], other[64];
			int round, err = 0;

			for (round = 0; round < 12 && !err; round++) {
				snprintf(path, sizeof(path), MNT "/w%d-%d", i, round & 1);
				snprintf(other, sizeof(other), MNT "/r%d", i);
				err = make_file(path, 200000 + round * 1000, i * 100 + round);
				if (!err && i % 2)
					sync();
				if (!err)
					err = check_file(path, 200000 + round * 1000,
							 i * 100 + round);
				if (!err && round % 3 == 2)
					err = neg(rename(path, other));
			}
			_exit(err ? 1 : 0);
		}
	}
	for (i = 0; i < 6; i++) {
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	ASSERT_EQ(0, remount());
	for (i = 0; i < 6; i++) {
		char path[64];

		snprintf(path, sizeof(path), MNT "/r%d", i);
		EXPECT_EQ(0, check_file(path, 211000, i * 100 + 11));
	}
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0-only
/* Directories while others change them, access times, and files found by their handles. */
#include "common.h"
#include <dirent.h>

FIXTURE(dirs) {
};

FIXTURE_SETUP(dirs)
{
	ASSERT_EQ(0, make_fs(256));
	ASSERT_EQ(0, do_mount(0, NULL));
}

FIXTURE_TEARDOWN(dirs)
{
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

/* ---- access times ------------------------------------------------------------- */

static struct timespec atime_of(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		memset(&st, 0, sizeof(st));
	return st.st_atim;
}

static int read_one(const char *path)
{
	int fd = open(path, O_RDONLY);
	char c;
	int err = fd < 0 ? -errno : read(fd, &c, 1) != 1;

	close(fd);
	return err;
}

TEST_F(dirs, reads_move_the_access_time_as_the_mount_says)
{
	struct timespec old[2] = { { 1000000000, 5 }, { 1000000100, 6 } };

	/* relatime, the default: an access time before the last change moves. */
	ASSERT_EQ(0, make_file(MNT "/f", 1, 1));
	ASSERT_EQ(0, utimensat(AT_FDCWD, MNT "/f", old, 0));
	ASSERT_EQ(0, read_one(MNT "/f"));
	EXPECT_LT(1500000000, atime_of(MNT "/f").tv_sec);
	ASSERT_EQ(0, remount());
	EXPECT_LT(1500000000, atime_of(MNT "/f").tv_sec);
	ASSERT_EQ(0, utimensat(AT_FDCWD, MNT "/f", old, 0));
	ASSERT_EQ(0, do_umount());
	ASSERT_EQ(0, do_mount(MS_NOATIME, NULL));
	ASSERT_EQ(0, read_one(MNT "/f"));
	EXPECT_EQ(1000000000, atime_of(MNT "/f").tv_sec);
	ASSERT_EQ(0, remount());
	EXPECT_EQ(1000000000, atime_of(MNT "/f").tv_sec);
	EXPECT_EQ(5, atime_of(MNT "/f").tv_nsec);
}

/* ---- directories in use --------------------------------------------------------- */

TEST_F_TIMEOUT(dirs, a_tree_is_removed_while_another_reads_it, 200)
{
	static const char *const rm[] = { "rm", "-rf", MNT "/t", NULL };
	char path[100];
	pid_t pid;
	int i, j, status;

	ASSERT_EQ(0, mkdir(MNT "/t", 0755));
	for (i = 0; i < 20; i++) {
		snprintf(path, sizeof(path), MNT "/t/%d", i);
		ASSERT_EQ(0, mkdir(path, 0755));
		for (j = 0; j < 50; j++) {
			snprintf(path, sizeof(path), MNT "/t/%d/%d", i, j);
			ASSERT_EQ(0, symlink("x", path));
		}
	}
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		for (;;) {
			static const char *const find[] = { "find", MNT "/t", "-name", "7x", NULL };

			if (access(MNT "/t", F_OK))
				_exit(0);
			run(find);
		}
	}
	EXPECT_EQ(0, run(rm));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(-ENOENT, size_of(MNT "/t"));
}

TEST_F_TIMEOUT(dirs, positions_hold_while_entries_come_and_go, 200)
{
	static unsigned char seen[1000];
	char path[100];
	struct dirent *e;
	int i, n = 0;
	DIR *dir;

	ASSERT_EQ(0, mkdir(MNT "/d", 0755));
	ASSERT_EQ(0, make_file(MNT "/one", 0, 0));
	for (i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), MNT "/d/stay-%d", i);
		ASSERT_EQ(0, neg(link(MNT "/one", path)));
	}
	dir = opendir(MNT "/d");
	ASSERT_NE(NULL, dir);
	while ((e = readdir(dir))) {
		if (sscanf(e->d_name, "stay-%d", &i) == 1 && i < 1000)
			seen[i]++;
		snprintf(path, sizeof(path), MNT "/d/come-%d", n);
		EXPECT_EQ(0, neg(link(MNT "/one", path)));
		if (n++ >= 3) {
			snprintf(path, sizeof(path), MNT "/d/come-%d", n - 3);
			EXPECT_EQ(0, neg(unlink(path)));
		}
		/* To the same place, by its number. */
		if (n % 64 == 0)
			seekdir(dir, telldir(dir));
		if (n > 20000)
			break;
	}
	closedir(dir);
	for (i = 0, n = 0; i < 1000; i++)
		n += seen[i] == 1;
	EXPECT_EQ(1000, n);
}

/* ---- file handles ------------------------------------------------------------------ */

struct handle {
	struct file_handle h;
	unsigned char room[64];
};

static int handle_of(const char *path, struct handle *h)
{
	int mount;

	h->h.handle_bytes = sizeof(h->room);
	return neg(name_to_handle_at(AT_FDCWD, path, &h->h, &mount, 0));
}

static long open_handle(struct handle *h)
{
	int mount = open(MNT, O_RDONLY), fd;

	fd = open_by_handle_at(mount, &h->h, O_RDONLY);
	if (fd < 0)
		fd = -errno;
	close(mount);
	return fd;
}

TEST_F(dirs, handles_find_their_file_and_no_other)
{
	struct handle f, d, bad;
	char buf[10], want[10];
	struct stat a, b;
	long fd;

	ASSERT_EQ(0, mkdir(MNT "/d", 0755));
	ASSERT_EQ(0, mkdir(MNT "/d/e", 0755));
	ASSERT_EQ(0, make_file(MNT "/d/f", 10, 3));
	ASSERT_EQ(0, handle_of(MNT "/d/f", &f));
	ASSERT_EQ(0, handle_of(MNT "/d/e", &d));
	ASSERT_EQ(0, stat(MNT "/d/e", &a));
	ASSERT_EQ(0, remount());
	fd = open_handle(&f);
	ASSERT_LE(0, fd);
	EXPECT_EQ(10, read(fd, buf, 10));
	pattern(want, 10, 3, 0);
	EXPECT_EQ(0, memcmp(buf, want, 10));
	close(fd);
	/* A directory is joined to its ancestors. */
	fd = open_handle(&d);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &b));
	EXPECT_EQ(a.st_ino, b.st_ino);
	ASSERT_EQ(0, fstatat(fd, "../f", &b, 0));
	EXPECT_EQ(10, b.st_size);
	close(fd);

	bad = f;
	bad.room[8] ^= 1;
	EXPECT_EQ(-ESTALE, open_handle(&bad));
	bad = f;
	bad.room[5] ^= 1;
	EXPECT_EQ(-ESTALE, open_handle(&bad));
	memset(bad.room, 0, 12);
	EXPECT_EQ(-ESTALE, open_handle(&bad));
	ASSERT_EQ(0, unlink(MNT "/d/f"));
	EXPECT_EQ(-ESTALE, open_handle(&f));
	ASSERT_EQ(0, remount());
	EXPECT_EQ(-ESTALE, open_handle(&f));
}

TEST_HARNESS_MAIN

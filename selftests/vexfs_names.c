// SPDX-License-Identifier: GPL-2.0-only
/* Hard and symbolic links, special files, files without names, names that change places. */
#include "common.h"
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE	1
#define RENAME_EXCHANGE		2
#define RENAME_WHITEOUT		4
#endif

FIXTURE(names) {
};

FIXTURE_SETUP(names)
{
	ASSERT_EQ(0, make_fs(256));
	ASSERT_EQ(0, do_mount(0, NULL));
}

FIXTURE_TEARDOWN(names)
{
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

static int renameat2_(const char *from, const char *to, unsigned int flags)
{
	return neg(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags));
}

static struct stat stat_of(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		memset(&st, 0, sizeof(st));
	return st;
}

static struct statfs space(void)
{
	struct statfs st;

	sync();
	if (statfs(MNT, &st))
		memset(&st, 0, sizeof(st));
	return st;
}

static int later(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

/* ---- refusals ---------------------------------------------------------------- */

TEST_F(names, links_that_cannot_be_are_refused)
{
	char path[sizeof(MNT) + 300] = MNT "/";

	ASSERT_EQ(0, mkdir(MNT "/d", 0755));
	ASSERT_EQ(0, make_file(MNT "/f", 1, 1));
	memset(path + sizeof(MNT), 'n', 256);
	EXPECT_EQ(-EPERM, neg(link(MNT "/d", MNT "/x")));
	EXPECT_EQ(-ENOENT, neg(link(MNT "/missing", MNT "/x")));
	EXPECT_EQ(-ENOENT, neg(link(MNT "/f", MNT "/missing/x")));
	EXPECT_EQ(-EEXIST, neg(link(MNT "/f", MNT "/d")));
	EXPECT_EQ(-EEXIST, neg(link(MNT "/f", MNT "/f")));
	EXPECT_EQ(-ENOTDIR, neg(link(MNT "/f", MNT "/f/x")));
	EXPECT_EQ(-EXDEV, neg(link(MNT "/f", "/tmp/x")));
	EXPECT_EQ(-ENAMETOOLONG, neg(link(MNT "/f", path)));
	EXPECT_EQ(1, stat_of(MNT "/f").st_nlink);
}

TEST_F(names, symbolic_links_that_cannot_be_are_refused)
{
	static char target[PATH_MAX + 1];
	char buf[10];

	ASSERT_EQ(0, make_file(MNT "/f", 1, 1));
	memset(target, 't', PATH_MAX);
	EXPECT_EQ(-ENOENT, neg(symlink("", MNT "/s")));
	EXPECT_EQ(-ENAMETOOLONG, neg(symlink(target, MNT "/s")));
	EXPECT_EQ(-EEXIST, neg(symlink("t", MNT "/f")));
	EXPECT_EQ(-EINVAL, neg(readlink(MNT "/f", buf, sizeof(buf))));
	ASSERT_EQ(0, symlink("loop", MNT "/loop"));
	EXPECT_EQ(-ELOOP, neg(open(MNT "/loop", O_RDONLY)));
	ASSERT_EQ(0, symlink("f", MNT "/s"));
	EXPECT_EQ(-ELOOP, neg(open(MNT "/s", O_RDONLY | O_NOFOLLOW)));
	EXPECT_EQ(-ENOTDIR, neg(open(MNT "/s/x", O_RDONLY)));
	EXPECT_EQ(-EINVAL, neg(readlink(MNT, buf, sizeof(buf))));
}

TEST_F(names, exchanges_that_cannot_be_are_refused)
{
	ASSERT_EQ(0, mkdir(MNT "/d", 0755));
	ASSERT_EQ(0, mkdir(MNT "/d/e", 0755));
	ASSERT_EQ(0, make_file(MNT "/f", 1, 1));
	EXPECT_EQ(-ENOENT, renameat2_(MNT "/f", MNT "/x", RENAME_EXCHANGE));
	EXPECT_EQ(-ENOENT, renameat2_(MNT "/x", MNT "/f", RENAME_EXCHANGE));
	EXPECT_EQ(-EINVAL, renameat2_(MNT "/d", MNT "/d/e", RENAME_EXCHANGE));
	EXPECT_EQ(-EINVAL, renameat2_(MNT "/d/e", MNT "/d", RENAME_EXCHANGE));
	EXPECT_EQ(-EINVAL, renameat2_(MNT "/f", MNT "/d", RENAME_EXCHANGE | RENAME_NOREPLACE));
	EXPECT_EQ(-EINVAL, renameat2_(MNT "/f", MNT "/x", RENAME_WHITEOUT));
	EXPECT_EQ(-EINVAL, renameat2_(MNT "/f", MNT "/d", 8));
	EXPECT_EQ(0, check_file(MNT "/f", 1, 1));
}

TEST_F(names, a_file_made_to_stay_nameless_gets_no_name)
{
	char path[64];
	int fd;

	fd = open(MNT, O_TMPFILE | O_EXCL | O_RDWR, 0600);
	ASSERT_LE(0, fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT_EQ(-ENOENT, neg(linkat(AT_FDCWD, path, AT_FDCWD, MNT "/x", AT_SYMLINK_FOLLOW)));
	close(fd);
	/* Nor does one that had a name and lost it. */
	fd = open(MNT "/f", O_CREAT | O_RDWR, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, unlink(MNT "/f"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT_EQ(-ENOENT, neg(linkat(AT_FDCWD, path, AT_FDCWD, MNT "/x", AT_SYMLINK_FOLLOW)));
	close(fd);
	EXPECT_EQ(-EINVAL, neg(open(MNT, O_TMPFILE | O_RDONLY, 0600)));
}

/* ---- hard links ------------------------------------------------------------------- */

TEST_F(names, names_of_one_file_are_equal)
{
	struct statfs before, after;
	struct stat a, b;

	ASSERT_EQ(0, mkdir(MNT "/d", 0755));
	before = space();
	ASSERT_EQ(0, make_file(MNT "/f", 10, 1));
	ASSERT_EQ(0, link(MNT "/f", MNT "/d/g"));
	ASSERT_EQ(0, make_file(MNT "/d/g", 20000, 2));
	EXPECT_EQ(0, check_file(MNT "/f", 20000, 2));
	ASSERT_EQ(0, remount());
	a = stat_of(MNT "/f");
	b = stat_of(MNT "/d/g");
	EXPECT_EQ(a.st_ino, b.st_ino);
	EXPECT_EQ(2, a.st_nlink);
	ASSERT_EQ(0, unlink(MNT "/f"));
	EXPECT_EQ(1, stat_of(MNT "/d/g").st_nlink);
	ASSERT_EQ(0, remount());
	EXPECT_EQ(0, check_file(MNT "/d/g", 20000, 2));
	ASSERT_EQ(0, unlink(MNT "/d/g"));
	space();
	after = space();
	EXPECT_EQ(before.f_bfree, after.f_bfree);
	EXPECT_EQ(before.f_files - before.f_ffree, after.f_files - after.f_ffree);
}

TEST_F(names, a_link_moves_the_right_times)
{
	struct stat d0, d1, f0, f1;

	ASSERT_EQ(0, mkdir(MNT "/d", 0755));
	ASSERT_EQ(0, make_file(MNT "/f", 10, 1));
	d0 = stat_of(MNT "/d");
	f0 = stat_of(MNT "/f");
	usleep(20000);
	ASSERT_EQ(0, link(MNT "/f", MNT "/d/g"));
	ASSERT_EQ(0, remount());
	d1 = stat_of(MNT "/d");
	f1 = stat_of(MNT "/f");
	EXPECT_TRUE(later(d1.st_mtim, d0.st_mtim));
	EXPECT_TRUE(later(d1.st_ctim, d0.st_ctim));
	EXPECT_TRUE(later(f1.st_ctim, f0.st_ctim));
	EXPECT_FALSE(later(f1.st_mtim, f0.st_mtim));
	usleep(20000);
	ASSERT_EQ(0, unlink(MNT "/d/g"));
	f0 = stat_of(MNT "/f");
	EXPECT_TRUE(later(f0.st_ctim, f1.st_ctim));
}

TEST_F(names, a_rename_between_names_of_one_file_does_nothing)
{
	ASSERT_EQ(0, make_file(MNT "/f", 10, 1));
	ASSERT_EQ(0, link(MNT "/f", MNT "/g"));
	EXPECT_EQ(0, rename(MNT "/f", MNT "/g"));
	EXPECT_EQ(0, check_file(MNT "/f", 10, 1));
	EXPECT_EQ(2, stat_of(MNT "/g").st_nlink);
}

TEST_F(names, an_unlinked_file_lives_while_it_is_open)
{
	struct statfs before, after;
	char buf[100], want[100];
	int fd;

	before = space();
	ASSERT_EQ(0, make_file(MNT "/f", 500000, 7));
	fd = open(MNT "/f", O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, unlink(MNT "/f"));
	ASSERT_EQ(sizeof(buf), pread(fd, buf, sizeof(buf), 400000));
	pattern(want, sizeof(want), 7, 400000);
	EXPECT_EQ(0, memcmp(buf, want, sizeof(buf)));
	EXPECT_EQ(0, ftruncate(fd, 100));
	EXPECT_EQ(3, pwrite(fd, "new", 3, 0));
	EXPECT_EQ(0, fsync(fd));
	close(fd);
	space();
	after = space();
	EXPECT_EQ(before.f_bfree, after.f_bfree);
}

/* ---- symbolic links ------------------------------------------------------------------ */

TEST_F(names, symbolic_links_lead_where_they_say)
{
	char buf[100];
	struct stat st;

	ASSERT_EQ(0, mkdir(MNT "/d", 0755));
	ASSERT_EQ(0, make_file(MNT "/d/f", 5000, 3));
	ASSERT_EQ(0, symlink("d/f", MNT "/relative"));
	ASSERT_EQ(0, symlink(MNT "/d/f", MNT "/absolute"));
	ASSERT_EQ(0, symlink("../d", MNT "/d/back"));
	ASSERT_EQ(0, symlink("nowhere", MNT "/dangling"));
	ASSERT_EQ(0, remount());
	EXPECT_EQ(0, check_file(MNT "/relative", 5000, 3));
	EXPECT_EQ(0, check_file(MNT "/absolute", 5000, 3));
	EXPECT_EQ(0, check_file(MNT "/d/back/back/back/f", 5000, 3));
	EXPECT_EQ(-ENOENT, neg(open(MNT "/dangling", O_RDONLY)));
	ASSERT_EQ(3, readlink(MNT "/relative", buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "d/f", 3));
	EXPECT_EQ(2, readlink(MNT "/relative", buf, 2));
	st = stat_of(MNT "/relative");
	EXPECT_EQ(S_IFLNK | 0777, st.st_mode);
	EXPECT_EQ(3, st.st_size);
	EXPECT_EQ(0, st.st_blocks);
	/* What is made through one is made at its end. */
	EXPECT_EQ(0, make_file(MNT "/dangling", 10, 4));
	EXPECT_EQ(0, check_file(MNT "/nowhere", 10, 4));
	ASSERT_EQ(0, unlink(MNT "/relative"));
	EXPECT_EQ(0, check_file(MNT "/d/f", 5000, 3));
}

TEST_F(names, targets_of_every_length_are_kept)
{
	static const int lens[] = { 1, 31, 255, 1023, 1024, 1025, 2048, 3000, PATH_MAX - 1 };
	static char target[PATH_MAX], buf[PATH_MAX + 1];
	struct statfs before, after;
	char path[64];
	unsigned int i;

	before = space();
	for (i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		memset(target, 'a' + i, lens[i]);
		target[lens[i]] = 0;
		snprintf(path, sizeof(path), MNT "/%d", lens[i]);
		ASSERT_EQ(0, symlink(target, path));
		/* Read while new, and again from the device. */
		EXPECT_EQ(lens[i], readlink(path, buf, sizeof(buf)));
	}
	ASSERT_EQ(0, remount());
	for (i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		memset(target, 'a' + i, lens[i]);
		snprintf(path, sizeof(path), MNT "/%d", lens[i]);
		ASSERT_EQ(lens[i], readlink(path, buf, sizeof(buf)));
		EXPECT_EQ(0, memcmp(buf, target, lens[i]));
		EXPECT_EQ(0, unlink(path));
	}
	space();
	after = space();
	EXPECT_EQ(before.f_bfree, after.f_bfree);
}

TEST_F(names, a_symbolic_link_has_an_owner_and_times_of_its_own)
{
	struct timespec times[2] = { { 1000000000, 1 }, { 1000000001, 999999999 } };
	struct stat st;

	ASSERT_EQ(0, make_file(MNT "/f", 1, 1));
	ASSERT_EQ(0, symlink("f", MNT "/s"));
	ASSERT_EQ(0, lchown(MNT "/s", 12, 34));
	ASSERT_EQ(0, utimensat(AT_FDCWD, MNT "/s", times, AT_SYMLINK_NOFOLLOW));
	ASSERT_EQ(0, remount());
	st = stat_of(MNT "/s");
	EXPECT_EQ(12, st.st_uid);
	EXPECT_EQ(34, st.st_gid);
	EXPECT_EQ(1000000001, st.st_mtim.tv_sec);
	EXPECT_EQ(999999999, st.st_mtim.tv_nsec);
	EXPECT_EQ(0, stat_of(MNT "/f").st_uid);
}

/* ---- special files -------------------------------------------------------------------- */

TEST_F(names, special_files_keep_type_number_and_mode)
{
	struct stat st;

	umask(0);
	ASSERT_EQ(0, mknod(MNT "/fifo", S_IFIFO | 0610, 0));
	ASSERT_EQ(0, mknod(MNT "/null", S_IFCHR | 0666, makedev(1, 3)));
	ASSERT_EQ(0, mknod(MNT "/large", S_IFBLK | 0640, makedev(4095, 0xfffff)));
	ASSERT_EQ(0, mknod(MNT "/socket", S_IFSOCK | 0777, 0));
	ASSERT_EQ(0, mknod(MNT "/file", S_IFREG | 0600, 0));
	EXPECT_EQ(-EEXIST, neg(mknod(MNT "/fifo", S_IFIFO | 0644, 0)));
	ASSERT_EQ(0, remount());
	EXPECT_EQ(S_IFIFO | 0610, stat_of(MNT "/fifo").st_mode);
	st = stat_of(MNT "/null");
	EXPECT_EQ(S_IFCHR | 0666, st.st_mode);
	EXPECT_EQ(makedev(1, 3), st.st_rdev);
	st = stat_of(MNT "/large");
	EXPECT_EQ(S_IFBLK | 0640, st.st_mode);
	EXPECT_EQ(makedev(4095, 0xfffff), st.st_rdev);
	EXPECT_EQ(S_IFSOCK | 0777, stat_of(MNT "/socket").st_mode);
	EXPECT_EQ(S_IFREG | 0600, stat_of(MNT "/file").st_mode);
	EXPECT_EQ(0, rename(MNT "/fifo", MNT "/large"));
	EXPECT_EQ(0, link(MNT "/null", MNT "/null2"));
	EXPECT_EQ(2, stat_of(MNT "/null").st_nlink);
}

TEST_F(names, special_files_do_what_they_are_for)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = MNT "/socket" };
	int fd, s, c, b, status;
	char buf[4];
	pid_t pid;

	ASSERT_EQ(0, mkfifo(MNT "/fifo", 0600));
	ASSERT_EQ(0, mknod(MNT "/zero", S_IFCHR | 0600, makedev(1, 5)));
	ASSERT_EQ(0, remount());
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		fd = open(MNT "/fifo", O_WRONLY);
		_exit(fd < 0 || write(fd, "pipe", 4) != 4);
	}
	fd = open(MNT "/fifo", O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(4, read(fd, buf, 4));
	EXPECT_EQ(0, memcmp(buf, "pipe", 4));
	close(fd);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, check_bytes(MNT "/zero", 0, 100, 0));

	s = socket(AF_UNIX, SOCK_STREAM, 0);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	ASSERT_EQ(0, bind(s, (struct sockaddr *)&addr, sizeof(addr)));
	ASSERT_EQ(0, listen(s, 1));
	EXPECT_EQ(0, connect(c, (struct sockaddr *)&addr, sizeof(addr)));
	b = socket(AF_UNIX, SOCK_STREAM, 0);
	EXPECT_EQ(-EADDRINUSE, neg(bind(b, (struct sockaddr *)&addr, sizeof(addr))));
	close(b);
	close(c);
	close(s);
	EXPECT_EQ(0, unlink(MNT "/socket"));
}

/* ---- exchange ---------------------------------------------------------------------------- */

static int make_kind(const char *path, int kind)
{
	char inside[100];

	switch (kind) {
	case 0:
		return make_file(path, 10, 1);
	case 1:
		snprintf(inside, sizeof(inside), "%s/inside", path);
		return mkdir(path, 0755) ?: make_file(inside, 20, 2);
	default:
		return symlink("target", path);
	}
}

static int is_kind(const char *path, int kind)
{
	char inside[100];

	switch (kind) {
	case 0:
		return !check_file(path, 10, 1);
	case 1:
		snprintf(inside, sizeof(inside), "%s/inside", path);
		return !check_file(inside, 20, 2);
	default:
		return readlink(path, inside, sizeof(inside)) == 6;
	}
}

TEST_F_TIMEOUT(names, any_two_names_change_places, 100)
{
	char a[64], b[64];
	int i, j;

	ASSERT_EQ(0, mkdir(MNT "/p", 0755));
	ASSERT_EQ(0, mkdir(MNT "/q", 0755));
	for (i = 0; i < 3; i++) {
		for (j = 0; j < 3; j++) {
			snprintf(a, sizeof(a), MNT "/p/%d%d", i, j);
			snprintf(b, sizeof(b), MNT "/q/%d%d", i, j);
			ASSERT_EQ(0, make_kind(a, i));
			ASSERT_EQ(0, make_kind(b, j));
			EXPECT_EQ(0, renameat2_(a, b, RENAME_EXCHANGE));
			EXPECT_TRUE(is_kind(a, j));
			EXPECT_TRUE(is_kind(b, i));
		}
	}
	EXPECT_EQ(2 + 3, stat_of(MNT "/p").st_nlink);
	EXPECT_EQ(2 + 3, stat_of(MNT "/q").st_nlink);
	ASSERT_EQ(0, remount());
	for (i = 0; i < 3; i++) {
		for (j = 0; j < 3; j++) {
			snprintf(a, sizeof(a), MNT "/p/%d%d", i, j);
			snprintf(b, sizeof(b), MNT "/q/%d%d", i, j);
			EXPECT_TRUE(is_kind(a, j));
			EXPECT_TRUE(is_kind(b, i));
		}
	}
	/* A directory's parent is where it stands now. */
	EXPECT_EQ(stat_of(MNT "/q").st_ino, stat_of(MNT "/q/10/..").st_ino);
	EXPECT_EQ(stat_of(MNT "/p").st_ino, stat_of(MNT "/p/01/..").st_ino);
}

TEST_F(names, exchange_across_depths_counts_links)
{
	ASSERT_EQ(0, mkdir(MNT "/p", 0755));
	ASSERT_EQ(0, mkdir(MNT "/p/d", 0755));
	ASSERT_EQ(0, make_file(MNT "/f", 10, 1));
	ASSERT_EQ(0, renameat2_(MNT "/p/d", MNT "/f", RENAME_EXCHANGE));
	EXPECT_EQ(2, stat_of(MNT "/p").st_nlink);
	EXPECT_EQ(4, stat_of(MNT).st_nlink);
	ASSERT_EQ(0, remount());
	EXPECT_EQ(2, stat_of(MNT "/p").st_nlink);
	EXPECT_EQ(4, stat_of(MNT).st_nlink);
	EXPECT_EQ(0, rmdir(MNT "/f"));
	EXPECT_EQ(3, stat_of(MNT).st_nlink);
}

/* ---- files without names ------------------------------------------------------------------ */

TEST_F(names, a_nameless_file_gets_its_first_name)
{
	char path[64];
	struct stat st;
	int fd;

	fd = open(MNT, O_TMPFILE | O_RDWR, 0640);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(0, st.st_nlink);
	EXPECT_EQ(5, write(fd, "hello", 5));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT_EQ(0, linkat(AT_FDCWD, path, AT_FDCWD, MNT "/f", AT_SYMLINK_FOLLOW));
	EXPECT_EQ(0, linkat(AT_FDCWD, path, AT_FDCWD, MNT "/g", AT_SYMLINK_FOLLOW));
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(2, st.st_nlink);
	close(fd);
	ASSERT_EQ(0, remount());
	EXPECT_EQ(2, stat_of(MNT "/f").st_nlink);
	EXPECT_EQ(5, size_of(MNT "/g"));
	EXPECT_EQ(0, check_bytes(MNT "/f", 0, 1, 'h'));
}

TEST_F(names, a_nameless_file_takes_its_space_along)
{
	struct statfs before, after;
	char buf[5000] = "x";
	int fd, i;

	before = space();
	for (i = 0; i < 3; i++) {
		fd = open(MNT, O_TMPFILE | O_RDWR, 0600);
		ASSERT_LE(0, fd);
		ASSERT_EQ(sizeof(buf), write(fd, buf, sizeof(buf)));
		if (i == 1)
			ASSERT_EQ(0, fsync(fd));
		close(fd);
	}
	space();
	after = space();
	EXPECT_EQ(before.f_bfree, after.f_bfree);
	EXPECT_EQ(before.f_files - before.f_ffree, after.f_files - after.f_ffree);
}

TEST_HARNESS_MAIN

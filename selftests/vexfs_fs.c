// SPDX-License-Identifier: GPL-2.0-only
/* Names, directories and attributes of a VexFS. */
#include "common.h"
#include <dirent.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <utime.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE	1
#endif

FIXTURE(fs) {
};

FIXTURE_SETUP(fs)
{
	ASSERT_EQ(0, make_fs(256));
	ASSERT_EQ(0, do_mount(0, NULL));
}

FIXTURE_TEARDOWN(fs)
{
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

static int renameat2_(const char *from, const char *to, unsigned int flags)
{
	return neg(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags));
}

static nlink_t links_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_nlink;
}

/* ---- refusals ---------------------------------------------------------------- */

TEST_F(fs, a_missing_name_is_enoent)
{
	EXPECT_EQ(-ENOENT, neg(open(MNT "/nothing", O_RDONLY)));
	EXPECT_EQ(-ENOENT, neg(unlink(MNT "/nothing")));
	EXPECT_EQ(-ENOENT, neg(rmdir(MNT "/nothing")));
	EXPECT_EQ(-ENOENT, neg(rename(MNT "/nothing", MNT "/x")));
}

TEST_F(fs, a_name_of_255_bytes_works_and_of_256_does_not)
{
	char path[sizeof(MNT) + 300] = MNT "/";

	memset(path + sizeof(MNT), 'n', 255);
	EXPECT_EQ(0, make_file(path, 10, 1));
	EXPECT_EQ(0, remount());
	EXPECT_EQ(0, check_file(path, 10, 1));
	path[sizeof(MNT) + 255] = 'n';
	EXPECT_EQ(-ENAMETOOLONG, neg(open(path, O_CREAT | O_WRONLY, 0644)));
	EXPECT_EQ(-ENAMETOOLONG, neg(mkdir(path, 0755)));
	EXPECT_EQ(-ENAMETOOLONG, neg(open(path, O_RDONLY)));
}

TEST_F(fs, an_existing_name_is_eexist)
{
	ASSERT_EQ(0, mkdir(MNT "/d", 0755));
	ASSERT_EQ(0, make_file(MNT "/f", 1, 1));
	EXPECT_EQ(-EEXIST, neg(mkdir(MNT "/d", 0755)));
	EXPECT_EQ(-EEXIST, neg(mkdir(MNT "/f", 0755)));
	EXPECT_EQ(-EEXIST, neg(open(MNT "/f", O_CREAT | O_EXCL | O_WRONLY, 0644)));
	EXPECT_EQ(-EEXIST, renameat2_(MNT "/f", MNT "/d", RENAME_NOREPLACE));
}

TEST_F(fs, removal_that_does_not_fit_the_type_is_refused)
{
	ASSERT_EQ(0, mkdir(MNT "/d", 0755));
	ASSERT_EQ(0, mkdir(MNT "/d/sub", 0755));
	ASSERT_EQ(0, make_file(MNT "/f", 1, 1));
	EXPECT_EQ(-EISDIR, neg(unlink(MNT "/d")));
	EXPECT_EQ(-ENOTDIR, neg(rmdir(MNT "/f")));
	EXPECT_EQ(-ENOTEMPTY, neg(rmdir(MNT "/d")));
	EXPECT_EQ(-ENOTDIR, neg(open(MNT "/f/x", O_RDONLY)));
}

TEST_F(fs, renames_that_do_not_fit_are_refused)
{
	ASSERT_EQ(0, mkdir(MNT "/d", 0755));
	ASSERT_EQ(0, mkdir(MNT "/full", 0755));
	ASSERT_EQ(0, make_file(MNT "/full/f", 1, 1));
	ASSERT_EQ(0, make_file(MNT "/f", 1, 1));
	EXPECT_EQ(-ENOTDIR, neg(rename(MNT "/d", MNT "/f")));
	EXPECT_EQ(-EISDIR, neg(rename(MNT "/f", MNT "/d")));
	EXPECT_EQ(-ENOTEMPTY, neg(rename(MNT "/d", MNT "/full")));
	EXPECT_EQ(-EINVAL, neg(rename(MNT "/full", MNT "/full/sub")));
	EXPECT_EQ(0, check_file(MNT "/full/f", 1, 1));
}

TEST_F(fs, what_is_not_offered_says_so)
{
	int fd;

	ASSERT_EQ(0, make_file(MNT "/f", BLOCK, 1));
	EXPECT_EQ(-EOPNOTSUPP, neg(setxattr(MNT "/f", "system.a", "b", 1, 0)));
	EXPECT_EQ(-EOPNOTSUPP, neg(getxattr(MNT "/f", "system.posix_acl_access", NULL, 0)));
	fd = open(MNT "/f", O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EOPNOTSUPP, neg(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, BLOCK)));
	close(fd);
}

TEST_F(fs, other_users_are_kept_out)
{
	pid_t pid;
	int status;

	ASSERT_EQ(0, mkdir(MNT "/d", 0700));
	ASSERT_EQ(0, make_file(MNT "/f", 10, 1));
	ASSERT_EQ(0, chmod(MNT "/f", 0600));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (setgid(1234) || setuid(1234))
			_exit(1);
		if (neg(open(MNT "/f", O_RDONLY)) != -EACCES)
			_exit(2);
		if (neg(open(MNT "/d/x", O_CREAT | O_WRONLY, 0644)) != -EACCES)
			_exit(3);
		if (neg(open(MNT "/x", O_CREAT | O_WRONLY, 0644)) != -EACCES)
			_exit(4);
		if (neg(chmod(MNT "/f", 0666)) != -EPERM)
			_exit(5);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* ---- names --------------------------------------------------------------------- */

TEST_F(fs, a_tree_of_names_is_there_after_a_remount)
{
	ASSERT_EQ(0, mkdir(MNT "/a", 0755));
	ASSERT_EQ(0, mkdir(MNT "/a/b", 0750));
	ASSERT_EQ(0, make_file(MNT "/a/b/c", 5000, 3));
	ASSERT_EQ(0, make_file(MNT "/a/empty", 0, 0));
	ASSERT_EQ(0, remount());
	EXPECT_EQ(0, check_file(MNT "/a/b/c", 5000, 3));
	EXPECT_EQ(0, size_of(MNT "/a/empty"));
	EXPECT_EQ(-ENOENT, neg(open(MNT "/a/c", O_RDONLY)));
}

TEST_F(fs, link_counts_of_directories_follow_their_subdirectories)
{
	EXPECT_EQ(2, links_of(MNT));
	ASSERT_EQ(0, mkdir(MNT "/a", 0755));
	ASSERT_EQ(0, mkdir(MNT "/b", 0755));
	ASSERT_EQ(0, mkdir(MNT "/a/s", 0755));
	EXPECT_EQ(4, links_of(MNT));
	EXPECT_EQ(3, links_of(MNT "/a"));
	ASSERT_EQ(0, rename(MNT "/a/s", MNT "/b/s"));
	EXPECT_EQ(2, links_of(MNT "/a"));
	EXPECT_EQ(3, links_of(MNT "/b"));
	ASSERT_EQ(0, rmdir(MNT "/b/s"));
	EXPECT_EQ(2, links_of(MNT "/b"));
	ASSERT_EQ(0, rmdir(MNT "/a"));
	EXPECT_EQ(3, links_of(MNT));
	ASSERT_EQ(0, remount());
	EXPECT_EQ(3, links_of(MNT));
}

TEST_F(fs, rename_replaces_its_target)
{
	ASSERT_EQ(0, make_file(MNT "/old", 9000, 1));
	ASSERT_EQ(0, make_file(MNT "/new", 70000, 2));
	ASSERT_EQ(0, rename(MNT "/old", MNT "/new"));
	EXPECT_EQ(-ENOENT, size_of(MNT "/old"));
	EXPECT_EQ(0, check_file(MNT "/new", 9000, 1));
	ASSERT_EQ(0, remount());
	EXPECT_EQ(-ENOENT, size_of(MNT "/old"));
	EXPECT_EQ(0, check_file(MNT "/new", 9000, 1));
}

TEST_F(fs, rename_replaces_an_empty_directory)
{
	ASSERT_EQ(0, mkdir(MNT "/a", 0755));
	ASSERT_EQ(0, mkdir(MNT "/b", 0755));
	ASSERT_EQ(0, make_file(MNT "/a/f", 10, 1));
	ASSERT_EQ(0, rename(MNT "/a", MNT "/b"));
	EXPECT_EQ(0, check_file(MNT "/b/f", 10, 1));
	EXPECT_EQ(3, links_of(MNT));
}

TEST_F(fs, dotdot_follows_a_moved_directory)
{
	struct stat a, b;

	ASSERT_EQ(0, mkdir(MNT "/a", 0755));
	ASSERT_EQ(0, mkdir(MNT "/b", 0755));
	ASSERT_EQ(0, mkdir(MNT "/a/s", 0755));
	ASSERT_EQ(0, rename(MNT "/a/s", MNT "/b/t"));
	ASSERT_EQ(0, remount());
	ASSERT_EQ(0, stat(MNT "/b/t/..", &a));
	ASSERT_EQ(0, stat(MNT "/b", &b));
	EXPECT_EQ(b.st_ino, a.st_ino);
}

#define MANY	5000

/* How often each of the MANY names stands in the directory; -1 for a stranger. */
static int list_many(const char *path, unsigned char *seen)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	int n = 0;

	if (!dir)
		return -errno;
	memset(seen, 0, MANY);
	while ((e = readdir(dir))) {
		unsigned int i;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (sscanf(e->d_name, "file-%u", &i) != 1 || i >= MANY || e->d_type != DT_REG)
			n = -1;
		else
			seen[i]++;
		if (n >= 0)
			n++;
	}
	closedir(dir);
	return n;
}

static int all_once(const unsigned char *seen, unsigned int from)
{
	unsigned int i;

	for (i = 0; i < MANY; i++)
		if (seen[i] != (i >= from))
			return 0;
	return 1;
}

TEST_F_TIMEOUT(fs, five_thousand_names_are_listed_once_each, 200)
{
	static unsigned char seen[MANY];
	char path[64];
	int i, fd;

	ASSERT_EQ(0, mkdir(MNT "/d", 0755));
	for (i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), MNT "/d/file-%d", i);
		fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0644);
		ASSERT_LE(0, fd);
		close(fd);
	}
	EXPECT_EQ(MANY, list_many(MNT "/d", seen));
	EXPECT_TRUE(all_once(seen, 0));
	ASSERT_EQ(0, remount());
	EXPECT_EQ(MANY, list_many(MNT "/d", seen));
	EXPECT_TRUE(all_once(seen, 0));
	for (i = 0; i < 4000; i++) {
		snprintf(path, sizeof(path), MNT "/d/file-%d", i);
		ASSERT_EQ(0, unlink(path));
	}
	EXPECT_EQ(MANY - 4000, list_many(MNT "/d", seen));
	EXPECT_TRUE(all_once(seen, 4000));
}

TEST_F_TIMEOUT(fs, a_listing_survives_removal_and_seeking, 100)
{
	char path[300], first[300];
	struct dirent *e;
	long at;
	int i, n = 0;
	DIR *dir;

	ASSERT_EQ(0, mkdir(MNT "/d", 0755));
	for (i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), MNT "/d/a-rather-long-name-of-a-file-%d", i);
		ASSERT_EQ(0, make_file(path, 0, 0));
	}
	dir = opendir(MNT "/d");
	ASSERT_NE(NULL, dir);
	/* Remember a place in the middle and come back to it. */
	for (i = 0; i < 150; i++)
		ASSERT_NE(NULL, readdir(dir));
	at = telldir(dir);
	e = readdir(dir);
	ASSERT_NE(NULL, e);
	snprintf(first, sizeof(first), "%s", e->d_name);
	while (readdir(dir))
		;
	seekdir(dir, at);
	e = readdir(dir);
	ASSERT_NE(NULL, e);
	EXPECT_STREQ(first, e->d_name);
	/* Remove everything while listing. */
	rewinddir(dir);
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), MNT "/d/%s", e->d_name);
		EXPECT_EQ(0, unlink(path));
		n++;
	}
	EXPECT_EQ(300, n);
	closedir(dir);
	EXPECT_EQ(0, rmdir(MNT "/d"));
}

/* ---- attributes ----------------------------------------------------------------- */

TEST_F(fs, attributes_are_there_after_a_remount)
{
	struct timespec times[2] = { { 1000000000, 123456789 }, { -5, 999999999 } };
	struct stat st;

	ASSERT_EQ(0, make_file(MNT "/f", 10, 1));
	ASSERT_EQ(0, chown(MNT "/f", 70000, 80000));
	ASSERT_EQ(0, chmod(MNT "/f", 04751));
	ASSERT_EQ(0, utimensat(AT_FDCWD, MNT "/f", times, 0));
	ASSERT_EQ(0, remount());
	ASSERT_EQ(0, stat(MNT "/f", &st));
	EXPECT_EQ(S_IFREG | 04751, st.st_mode);
	EXPECT_EQ(70000, st.st_uid);
	EXPECT_EQ(80000, st.st_gid);
	EXPECT_EQ(1000000000, st.st_atim.tv_sec);
	EXPECT_EQ(123456789, st.st_atim.tv_nsec);
	EXPECT_EQ(-5, st.st_mtim.tv_sec);
	EXPECT_EQ(999999999, st.st_mtim.tv_nsec);
}

TEST_F(fs, a_write_clears_set_user_id)
{
	struct stat st;
	pid_t pid;
	int status;

	ASSERT_EQ(0, make_file(MNT "/f", 10, 1));
	ASSERT_EQ(0, chown(MNT "/f", 1234, 1234));
	ASSERT_EQ(0, chmod(MNT "/f", 04755));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int fd;

		if (setgid(1234) || setuid(1234))
			_exit(1);
		fd = open(MNT "/f", O_WRONLY);
		_exit(fd < 0 || write(fd, "x", 1) != 1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, remount());
	ASSERT_EQ(0, stat(MNT "/f", &st));
	EXPECT_EQ(S_IFREG | 0755, st.st_mode);
}

TEST_F(fs, a_set_group_id_directory_hands_its_group_down)
{
	struct stat st;

	ASSERT_EQ(0, mkdir(MNT "/d", 0755));
	ASSERT_EQ(0, chown(MNT "/d", 0, 555));
	ASSERT_EQ(0, chmod(MNT "/d", 02755));
	ASSERT_EQ(0, mkdir(MNT "/d/s", 0755));
	ASSERT_EQ(0, make_file(MNT "/d/f", 1, 1));
	ASSERT_EQ(0, remount());
	ASSERT_EQ(0, stat(MNT "/d/s", &st));
	EXPECT_EQ(555, st.st_gid);
	EXPECT_EQ(S_IFDIR | 02755, st.st_mode);
	ASSERT_EQ(0, stat(MNT "/d/f", &st));
	EXPECT_EQ(555, st.st_gid);
}

static int later(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

TEST_F(fs, changes_move_the_right_times)
{
	struct stat d0, d1, f0, f1;

	ASSERT_EQ(0, mkdir(MNT "/d", 0755));
	ASSERT_EQ(0, make_file(MNT "/d/f", 10, 1));
	ASSERT_EQ(0, stat(MNT "/d", &d0));
	ASSERT_EQ(0, stat(MNT "/d/f", &f0));
	usleep(20000);
	ASSERT_EQ(0, rename(MNT "/d/f", MNT "/d/g"));
	ASSERT_EQ(0, stat(MNT "/d", &d1));
	ASSERT_EQ(0, stat(MNT "/d/g", &f1));
	EXPECT_TRUE(later(d1.st_mtim, d0.st_mtim));
	EXPECT_TRUE(later(f1.st_ctim, f0.st_ctim));
	EXPECT_FALSE(later(f1.st_mtim, f0.st_mtim));
	usleep(20000);
	ASSERT_EQ(0, truncate(MNT "/d/g", 3));
	ASSERT_EQ(0, stat(MNT "/d/g", &f0));
	EXPECT_TRUE(later(f0.st_mtim, f1.st_mtim));
}

TEST_F(fs, birth_time_is_reported_and_kept)
{
	struct statx a, b;

	ASSERT_EQ(0, make_file(MNT "/f", 10, 1));
	ASSERT_EQ(0, statx(AT_FDCWD, MNT "/f", 0, STATX_BTIME, &a));
	ASSERT_TRUE(a.stx_mask & STATX_BTIME);
	EXPECT_LT(1600000000, a.stx_btime.tv_sec);
	ASSERT_EQ(0, remount());
	ASSERT_EQ(0, statx(AT_FDCWD, MNT "/f", 0, STATX_BTIME, &b));
	EXPECT_EQ(a.stx_btime.tv_sec, b.stx_btime.tv_sec);
	EXPECT_EQ(a.stx_btime.tv_nsec, b.stx_btime.tv_nsec);
}

TEST_F(fs, an_unlinked_directory_in_use_takes_no_new_names)
{
	int fd;

	ASSERT_EQ(0, mkdir(MNT "/d", 0755));
	fd = open(MNT "/d", O_RDONLY | O_DIRECTORY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, rmdir(MNT "/d"));
	EXPECT_EQ(-ENOENT, neg(openat(fd, "x", O_CREAT | O_WRONLY, 0644)));
	EXPECT_EQ(-ENOENT, neg(mkdirat(fd, "x", 0755)));
	close(fd);
}

TEST_HARNESS_MAIN

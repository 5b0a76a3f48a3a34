// SPDX-License-Identifier: GPL-2.0-only
/* Extended attributes. */
#include "common.h"
#include <sys/xattr.h>

FIXTURE(xattr) {
};

FIXTURE_SETUP(xattr)
{
	ASSERT_EQ(0, make_fs(256));
	ASSERT_EQ(0, do_mount(0, NULL));
}

FIXTURE_TEARDOWN(xattr)
{
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

static struct statfs space(void)
{
	struct statfs st;

	sync();
	if (statfs(MNT, &st))
		memset(&st, 0, sizeof(st));
	return st;
}

/* Set @name to @len bytes of pattern @seed. */
static int set(const char *path, const char *name, size_t len, uint64_t seed, int flags)
{
	static char value[XATTR_SIZE_MAX + 1];

	pattern(value, len, seed, 0);
	return neg(lsetxattr(path, name, value, len, flags));
}

/* 0 when it is just that. */
static int is(const char *path, const char *name, size_t len, uint64_t seed)
{
	static char value[XATTR_SIZE_MAX], want[XATTR_SIZE_MAX];
	long got = neg(lgetxattr(path, name, value, sizeof(value)));

	if (got < 0)
		return got;
	pattern(want, len, seed, 0);
	if (neg(lgetxattr(path, name, NULL, 0)) != (long)len)
		return -EBADMSG;
	return (size_t)got == len && !memcmp(value, want, len) ? 0 : -EBADMSG;
}

static int in_list(const char *list, long len, const char *name)
{
	const char *p;

	for (p = list; p < list + len; p += strlen(p) + 1)
		if (!strcmp(p, name))
			return 1;
	return 0;
}

/* Run @fn as another user; its exit status. */
static int as_user(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(setgid(1234) || setuid(1234) ? 100 : fn());
	return waitpid(pid, &status, 0) == pid ? status >> 8 : -1;
}

/* ---- refusals ---------------------------------------------------------------- */

TEST_F(xattr, what_cannot_be_is_refused)
{
	char name[300] = "user.", buf[10];

	ASSERT_EQ(0, make_file(MNT "/f", 1, 1));
	memset(name + 5, 'n', 251);
	EXPECT_EQ(-ERANGE, set(MNT "/f", name, 1, 1, 0));
	EXPECT_EQ(-E2BIG, set(MNT "/f", "user.a", XATTR_SIZE_MAX + 1, 1, 0));
	EXPECT_EQ(-EINVAL, set(MNT "/f", "user.", 1, 1, 0));
	EXPECT_EQ(-EINVAL, set(MNT "/f", "user.a", 1, 1, 4));
	EXPECT_EQ(-EOPNOTSUPP, set(MNT "/f", "user", 1, 1, 0));
	EXPECT_EQ(-EOPNOTSUPP, set(MNT "/f", "nobody.a", 1, 1, 0));
	EXPECT_EQ(-ENODATA, set(MNT "/f", "user.a", 1, 1, XATTR_REPLACE));
	EXPECT_EQ(-ENODATA, neg(getxattr(MNT "/f", "user.a", buf, sizeof(buf))));
	EXPECT_EQ(-ENODATA, neg(removexattr(MNT "/f", "user.a")));
	EXPECT_EQ(0, set(MNT "/f", "user.a", 10, 1, XATTR_CREATE));
	EXPECT_EQ(-EEXIST, set(MNT "/f", "user.a", 1, 2, XATTR_CREATE));
	EXPECT_EQ(-ERANGE, neg(getxattr(MNT "/f", "user.a", buf, 9)));
	EXPECT_EQ(-ERANGE, neg(listxattr(MNT "/f", buf, 3)));
	EXPECT_EQ(-ENOENT, set(MNT "/missing", "user.a", 1, 1, 0));
	EXPECT_EQ(0, is(MNT "/f", "user.a", 10, 1));
}

TEST_F(xattr, links_and_special_files_have_none_of_a_user)
{
	ASSERT_EQ(0, symlink("f", MNT "/s"));
	ASSERT_EQ(0, mknod(MNT "/p", S_IFIFO | 0644, 0));
	EXPECT_EQ(-EPERM, set(MNT "/s", "user.a", 1, 1, 0));
	EXPECT_EQ(-EPERM, set(MNT "/p", "user.a", 1, 1, 0));
	EXPECT_EQ(0, set(MNT "/s", "trusted.a", 7, 1, 0));
	EXPECT_EQ(0, set(MNT "/p", "trusted.a", 8, 2, 0));
	ASSERT_EQ(0, remount());
	EXPECT_EQ(0, is(MNT "/s", "trusted.a", 7, 1));
	EXPECT_EQ(0, is(MNT "/p", "trusted.a", 8, 2));
}

static int no_trust(void)
{
	char buf[100];
	long n;

	if (set(MNT "/f", "trusted.a", 1, 1, 0) != -EPERM)
		return 1;
	if (neg(getxattr(MNT "/f", "trusted.a", buf, 10)) != -ENODATA)
		return 2;
	if (set(MNT "/f", "user.a", 1, 1, 0) != -EACCES)
		return 3;
	n = neg(listxattr(MNT "/f", buf, sizeof(buf)));
	if (n < 0 || in_list(buf, n, "trusted.a") || !in_list(buf, n, "user.a"))
		return 4;
	return 0;
}

TEST_F(xattr, trusted_attributes_are_for_administrators)
{
	char buf[100];
	long n;

	ASSERT_EQ(0, make_file(MNT "/f", 1, 1));
	ASSERT_EQ(0, set(MNT "/f", "trusted.a", 10, 1, 0));
	ASSERT_EQ(0, set(MNT "/f", "security.a", 10, 1, 0));
	ASSERT_EQ(0, set(MNT "/f", "user.a", 10, 1, 0));
	EXPECT_EQ(0, as_user(no_trust));
	n = neg(listxattr(MNT "/f", buf, sizeof(buf)));
	EXPECT_EQ(10 + 11 + 7, n);
	EXPECT_TRUE(in_list(buf, n, "trusted.a"));
}

TEST_F(xattr, a_read_only_mount_takes_no_change)
{
	ASSERT_EQ(0, make_file(MNT "/f", 1, 1));
	ASSERT_EQ(0, set(MNT "/f", "user.a", 10, 1, 0));
	ASSERT_EQ(0, do_umount());
	ASSERT_EQ(0, do_mount(MS_RDONLY, NULL));
	EXPECT_EQ(-EROFS, set(MNT "/f", "user.a", 1, 1, 0));
	EXPECT_EQ(-EROFS, neg(removexattr(MNT "/f", "user.a")));
	EXPECT_EQ(-EROFS, neg(link(MNT "/f", MNT "/g")));
	EXPECT_EQ(-EROFS, neg(symlink("f", MNT "/g")));
	EXPECT_EQ(-EROFS, neg(mkfifo(MNT "/g", 0644)));
	EXPECT_EQ(-EROFS, neg(open(MNT, O_TMPFILE | O_RDWR, 0644)));
	EXPECT_EQ(0, is(MNT "/f", "user.a", 10, 1));
}

/* ---- values ------------------------------------------------------------------ */

TEST_F(xattr, values_of_every_length_are_kept_and_space_returns)
{
	static const size_t lens[] = { 0, 1, 255, 1000, 1024, 4096, 30000, XATTR_SIZE_MAX };
	struct statfs before, after;
	char name[32];
	unsigned int i;

	ASSERT_EQ(0, make_file(MNT "/f", 1, 1));
	ASSERT_EQ(0, mkdir(MNT "/d", 0755));
	before = space();
	for (i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		snprintf(name, sizeof(name), "user.%zu", lens[i]);
		EXPECT_EQ(0, set(MNT "/f", name, lens[i], i, XATTR_CREATE));
		EXPECT_EQ(0, set(MNT "/d", name, lens[i], 50 + i, XATTR_CREATE));
	}
	ASSERT_EQ(0, remount());
	for (i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		snprintf(name, sizeof(name), "user.%zu", lens[i]);
		EXPECT_EQ(0, is(MNT "/f", name, lens[i], i));
		EXPECT_EQ(0, is(MNT "/d", name, lens[i], 50 + i));
		EXPECT_EQ(0, set(MNT "/f", name, 2000 - i, 90 + i, XATTR_REPLACE));
	}
	ASSERT_EQ(0, remount());
	for (i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		snprintf(name, sizeof(name), "user.%zu", lens[i]);
		EXPECT_EQ(0, is(MNT "/f", name, 2000 - i, 90 + i));
		EXPECT_EQ(0, neg(removexattr(MNT "/f", name)));
		EXPECT_EQ(0, neg(removexattr(MNT "/d", name)));
	}
	EXPECT_EQ(0, listxattr(MNT "/f", NULL, 0));
	space();
	after = space();
	EXPECT_EQ(before.f_bfree, after.f_bfree);
}

TEST_F(xattr, attributes_follow_the_file_and_end_with_it)
{
	struct statfs before, after;

	before = space();
	ASSERT_EQ(0, make_file(MNT "/f", 1, 1));
	ASSERT_EQ(0, set(MNT "/f", "user.a", 50000, 1, 0));
	ASSERT_EQ(0, link(MNT "/f", MNT "/g"));
	ASSERT_EQ(0, rename(MNT "/f", MNT "/h"));
	ASSERT_EQ(0, remount());
	EXPECT_EQ(0, is(MNT "/g", "user.a", 50000, 1));
	EXPECT_EQ(0, is(MNT "/h", "user.a", 50000, 1));
	ASSERT_EQ(0, unlink(MNT "/g"));
	ASSERT_EQ(0, unlink(MNT "/h"));
	space();
	after = space();
	EXPECT_EQ(before.f_bfree, after.f_bfree);
}

TEST_F(xattr, a_change_moves_the_change_time)
{
	struct stat a, b;

	ASSERT_EQ(0, make_file(MNT "/f", 1, 1));
	ASSERT_EQ(0, stat(MNT "/f", &a));
	usleep(20000);
	ASSERT_EQ(0, set(MNT "/f", "user.a", 1, 1, 0));
	ASSERT_EQ(0, remount());
	ASSERT_EQ(0, stat(MNT "/f", &b));
	EXPECT_TRUE(b.st_ctim.tv_sec > a.st_ctim.tv_sec ||
		    b.st_ctim.tv_nsec > a.st_ctim.tv_nsec);
	EXPECT_EQ(a.st_mtim.tv_nsec, b.st_mtim.tv_nsec);
}

TEST_F(xattr, a_write_takes_file_capabilities_away)
{
	/* Version 2, cap_net_raw permitted and effective. */
	static const unsigned char caps[20] = { 1, 0, 0, 2, 0, 0x20 };
	int fd;

	ASSERT_EQ(0, make_file(MNT "/f", 10, 1));
	ASSERT_EQ(0, neg(setxattr(MNT "/f", "security.capability", caps, sizeof(caps), 0)));
	ASSERT_EQ(0, remount());
	ASSERT_EQ(20, getxattr(MNT "/f", "security.capability", NULL, 0));
	fd = open(MNT "/f", O_WRONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, write(fd, "x", 1));
	close(fd);
	EXPECT_EQ(-ENODATA, neg(getxattr(MNT "/f", "security.capability", NULL, 0)));
}

TEST_HARNESS_MAIN

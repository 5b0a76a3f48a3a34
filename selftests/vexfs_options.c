// SPDX-License-Identifier: GPL-2.0-only
/*
 * The options of a mount, each with what it promises: how it is refused, how it is shown,
 * what it does, what a remount may change. The devices are loop devices on files, which
 * know discard and, on a full memory filesystem, fail writes.
 */
#include "common.h"
#include <linux/fs.h>
#include <sys/mman.h>

#define DIR	"/tmp/vexfs-options"
#define IMAGE	DIR "/image"

FIXTURE(options) {
	char dev[64];
	char old[64];
};

static int loop_attach(const char *path, char *dev, size_t len)
{
	char cmd[128];
	FILE *f;
	int ok;

	snprintf(cmd, sizeof(cmd), "modprobe loop; losetup --find --show %s", path);
	f = popen(cmd, "r");
	ok = f && fgets(dev, len, f);
	if (f)
		pclose(f);
	dev[strcspn(dev, "\n")] = 0;
	return ok && *dev ? 0 : -ENODEV;
}

FIXTURE_SETUP(options)
{
	snprintf(self->old, sizeof(self->old), "%s", test_dev());
	mkdir(DIR, 0700);
	ASSERT_EQ(0, mount("tmpfs", DIR, "tmpfs", 0, "size=80m"));
	ASSERT_EQ(0, run((const char *[]){ "truncate", "-s", "64M", IMAGE, NULL }));
	ASSERT_EQ(0, loop_attach(IMAGE, self->dev, sizeof(self->dev)));
	setenv("VEXFS_TEST_DEV", self->dev, 1);
	ASSERT_EQ(0, make_fs(0));
}

FIXTURE_TEARDOWN(options)
{
	umount2(MNT, MNT_DETACH);
	run((const char *[]){ "losetup", "-d", self->dev, NULL });
	umount2(DIR, MNT_DETACH);
	setenv("VEXFS_TEST_DEV", self->old, 1);
}

/* The options of the mount as /proc/mounts shows them. */
static const char *shown(void)
{
	static char line[512];
	FILE *f = fopen("/proc/mounts", "r");
	char *found = NULL;

	while (f && !found && fgets(line, sizeof(line), f))
		if (strstr(line, " " MNT " vexfs "))
			found = strstr(line, " vexfs ") + 7;
	if (f)
		fclose(f);
	return found ? found : "not mounted";
}

static int change(const char *opts)
{
	return neg(mount(test_dev(), MNT, "vexfs", MS_REMOUNT, opts));
}

/* ---- saying it ----------------------------------------------------------------------- */

TEST_F(options, a_wrong_value_is_refused)
{
	static const char *const bad[] = {
		"errors", "errors=", "errors=maybe", "errors=remount", "discard=1", "discard=",
		"components", "components=", "components=+txn",
		"components=none", "components=Storage", "components=storage,txn",
		"components=cache+everything", "components=storage++txn", "nodiscard=0",
	};

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(-EINVAL, do_mount(0, bad[i]))
			TH_LOG("option %s", bad[i]);
		umount2(MNT, MNT_DETACH);
	}
}

TEST_F(options, every_option_is_shown_as_it_was_said)
{
	static const struct {
		const char *said, *shown, *hidden;
	} table[] = {
		{ "", ",cache=65536K,commit=5,errors=remount-ro", "discard" },
		{ "", "relatime", "components" },
		{ "cache=2M,commit=7", ",cache=2048K,commit=7,", "discard" },
		{ "errors=continue", ",errors=continue", "remount-ro" },
		{ "errors=panic", ",errors=panic", "remount-ro" },
		{ "discard", ",discard", "components" },
		{ "discard,nodiscard", "errors=", "discard" },
		{ "components=txn+storage", ",components=storage+txn ", "search" },
		{ "components=storage+search+metadata+cache+txn", "errors", "components" },
	};

	for (unsigned int i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		ASSERT_EQ(0, do_mount(0, table[i].said));
		EXPECT_NE(NULL, strstr(shown(), table[i].shown))
			TH_LOG("%s gives %s", table[i].said, shown());
		EXPECT_EQ(NULL, strstr(shown(), table[i].hidden))
			TH_LOG("%s gives %s", table[i].said, shown());
		ASSERT_EQ(0, do_umount());
	}
}

TEST_F(options, a_remount_changes_all_but_the_cache)
{
	ASSERT_EQ(0, do_mount(0, NULL));
	EXPECT_EQ(-EINVAL, change("cache=2M"));
	EXPECT_EQ(0, change("commit=9,errors=continue,discard,components=storage+txn"));
	EXPECT_NE(NULL, strstr(shown(), "commit=9,errors=continue,discard,components=storage+txn"));
	/* What is not said stays. */
	EXPECT_EQ(0, change("nodiscard"));
	EXPECT_NE(NULL, strstr(shown(), "commit=9,errors=continue,components=storage+txn"));
	EXPECT_EQ(0, change("components=storage+search+metadata+cache+txn"));
	EXPECT_EQ(NULL, strstr(shown(), "components"));
}

/* ---- atime ----------------------------------------------------------------------------- */

static struct timespec atime_after_read(void)
{
	struct stat st;
	char c;
	int fd = open(MNT "/f", O_RDONLY);

	if (read(fd, &c, 1) != 1)
		c = 0;
	close(fd);
	stat(MNT "/f", &st);
	return st.st_atim;
}

static void old_atime(void)
{
	struct timespec ts[2] = { { .tv_sec = 1000, .tv_nsec = 7 }, { .tv_nsec = UTIME_OMIT } };

	utimensat(AT_FDCWD, MNT "/f", ts, 0);
}

TEST_F(options, atime_goes_by_noatime_and_relatime)
{
	struct stat st;

	ASSERT_EQ(0, do_mount(MS_NOATIME, NULL));
	ASSERT_EQ(0, make_file(MNT "/f", 100, 1));
	old_atime();
	EXPECT_EQ(1000, atime_after_read().tv_sec);
	EXPECT_EQ(7, atime_after_read().tv_nsec);
	ASSERT_EQ(0, do_umount());
	ASSERT_EQ(0, do_mount(0, NULL));
	EXPECT_NE(1000, atime_after_read().tv_sec);
	/* It survives. */
	ASSERT_EQ(0, remount());
	ASSERT_EQ(0, stat(MNT "/f", &st));
	EXPECT_NE(1000, st.st_atim.tv_sec);
}

/* ---- discard ----------------------------------------------------------------------------- */

static long image_kib(void)
{
	struct stat st;

	sync();
	return stat(IMAGE, &st) ? -1 : (long)st.st_blocks / 2;
}

TEST_F(options, discard_gives_the_space_of_deleted_files_back_to_the_device)
{
	long with, without;

	ASSERT_EQ(0, do_mount(0, "discard"));
	ASSERT_EQ(0, make_file(MNT "/f", 20 * MIB, 1));
	ASSERT_EQ(0, make_file(MNT "/g", MIB, 2));
	with = image_kib();
	EXPECT_LE(20 * 1024, with);
	ASSERT_EQ(0, unlink(MNT "/f"));
	without = image_kib();
	EXPECT_GE(with - 20 * 1024 + 256, without);
	EXPECT_EQ(0, check_file(MNT "/g", MIB, 2));
	ASSERT_EQ(0, remount());
	EXPECT_EQ(0, check_file(MNT "/g", MIB, 2));
}

TEST_F(options, trim_tells_what_is_free)
{
	struct fstrim_range all = { .len = ~0ULL };
	struct fstrim_range bad = { .start = 64 * MIB, .len = ~0ULL };
	struct fstrim_range tiny = { .len = 100 };
	struct fstrim_range huge = { .len = ~0ULL, .minlen = 1ULL << 40 };
	struct statfs st;
	long with;
	int fd;

	ASSERT_EQ(0, do_mount(0, NULL));
	ASSERT_EQ(0, make_file(MNT "/f", 20 * MIB, 1));
	ASSERT_EQ(0, make_file(MNT "/g", MIB, 2));
	with = image_kib();
	ASSERT_EQ(0, unlink(MNT "/f"));
	sync();
	EXPECT_LE(with - 256, image_kib());
	fd = open(MNT, O_RDONLY);
	EXPECT_EQ(-EINVAL, neg(ioctl(fd, FITRIM, &bad)));
	EXPECT_EQ(-EINVAL, neg(ioctl(fd, FITRIM, &tiny)));
	EXPECT_EQ(-EFAULT, neg(ioctl(fd, FITRIM, NULL)));
	EXPECT_EQ(0, neg(ioctl(fd, FITRIM, &huge)));
	EXPECT_EQ(0, huge.len);
	ASSERT_EQ(0, statfs(MNT, &st));
	EXPECT_EQ(0, neg(ioctl(fd, FITRIM, &all)));
	EXPECT_EQ(st.f_bfree * BLOCK, all.len);
	EXPECT_GE(with - 20 * 1024 + 256, image_kib());
	close(fd);
	EXPECT_EQ(0, check_file(MNT "/g", MIB, 2));
	ASSERT_EQ(0, remount());
	EXPECT_EQ(0, check_file(MNT "/g", MIB, 2));
	ASSERT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

/* ---- errors ------------------------------------------------------------------------------- */

/* Leave the device no room: tmpfs refuses the loop device's writes. */
static int choke(void)
{
	return make_file(DIR "/ballast", 200 * MIB, 9) ? 0 : -EINVAL;
}

TEST_F_TIMEOUT(options, errors_remount_ro_ends_changes_at_a_failed_commit, 120)
{
	int fd;

	ASSERT_EQ(0, do_mount(0, "commit=300"));
	ASSERT_EQ(0, make_file(MNT "/before", 100000, 1));
	sync();
	ASSERT_EQ(0, choke());
	ASSERT_EQ(0, make_file(MNT "/big", 10 * MIB, 2));
	fd = open(MNT "/big", O_RDWR);
	EXPECT_EQ(-EIO, neg(fsync(fd)));
	EXPECT_EQ(-EIO, neg(syncfs(fd)));
	close(fd);
	EXPECT_EQ(-EROFS, neg(mkdir(MNT "/d", 0755)));
	EXPECT_EQ(-EIO, change("errors=continue"));
	EXPECT_EQ(0, check_file(MNT "/before", 100000, 1));
	ASSERT_EQ(0, unlink(DIR "/ballast"));
	ASSERT_EQ(0, remount());
	EXPECT_EQ(0, check_file(MNT "/before", 100000, 1));
	EXPECT_EQ(-ENOENT, size_of(MNT "/big"));
	ASSERT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

TEST_F_TIMEOUT(options, errors_continue_goes_on_and_the_next_commit_takes_all, 120)
{
	int fd;

	ASSERT_EQ(0, do_mount(0, "commit=300,errors=continue"));
	ASSERT_EQ(0, make_file(MNT "/before", 100000, 1));
	sync();
	ASSERT_EQ(0, choke());
	ASSERT_EQ(0, mkdir(MNT "/d", 0755));
	ASSERT_EQ(0, make_file(MNT "/big", 10 * MIB, 2));
	fd = open(MNT "/big", O_RDWR);
	EXPECT_EQ(-EIO, neg(fsync(fd)));
	EXPECT_EQ(0, neg(mkdir(MNT "/d/e", 0755)));
	EXPECT_EQ(0, check_file(MNT "/before", 100000, 1));
	ASSERT_EQ(0, unlink(DIR "/ballast"));
	EXPECT_EQ(0, neg(mkdir(MNT "/d/f", 0755)));
	/* Told once, as fsync(2) does; what it could not write is written anew by its owner. */
	ASSERT_EQ(0, ftruncate(fd, 0));
	close(fd);
	ASSERT_EQ(0, make_file(MNT "/after", 10 * MIB, 3));
	sync();
	ASSERT_EQ(0, remount());
	EXPECT_EQ(0, check_file(MNT "/before", 100000, 1));
	EXPECT_EQ(0, check_file(MNT "/after", 10 * MIB, 3));
	EXPECT_EQ(0, neg(access(MNT "/d/e", F_OK)));
	EXPECT_EQ(0, neg(access(MNT "/d/f", F_OK)));
	ASSERT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

/* ---- components ------------------------------------------------------------------------------ */

#define DIM	8

static int new_coll(const char *path)
{
	return coll_open(path, DIM, VEXFS_METRIC_L2);
}

/* Row n holds 8n, 8n + 1, ... */
static int insert(int fd, unsigned int rows)
{
	float data[16 * DIM];

	for (unsigned int i = 0; i < rows * DIM; i++)
		data[i] = i;
	return coll_insert(fd, data, rows, DIM);
}

/* The nearest to row 1. */
static int search(int fd, uint64_t *id)
{
	float query[DIM] = { 8, 9, 10, 11, 12, 13, 14, 15 }, dist;
	struct vexfs_search a = search_args(query, 1, DIM, 1, id, &dist);

	return neg(ioctl(fd, VEXFS_IOC_SEARCH, &a));
}

#define BUT(c) "components=" c

TEST_F(options, without_search_rows_are_kept_and_not_searched)
{
	uint64_t id;
	int fd;

	ASSERT_EQ(0, do_mount(0, BUT("storage+metadata+cache+txn")));
	fd = new_coll(MNT "/c");
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, insert(fd, 4));
	EXPECT_EQ(-EOPNOTSUPP, search(fd, &id));
	EXPECT_EQ(0, change("components=storage+search+metadata+cache+txn"));
	EXPECT_EQ(0, search(fd, &id));
	EXPECT_EQ(1, id);
	close(fd);
}

TEST_F(options, without_storage_there_are_names_and_no_contents)
{
	struct stat st;
	uint64_t id;
	char c;
	int fd;

	ASSERT_EQ(0, do_mount(0, NULL));
	ASSERT_EQ(0, make_file(MNT "/f", 10000, 1));
	fd = new_coll(MNT "/c");
	EXPECT_EQ(0, insert(fd, 4));
	close(fd);
	ASSERT_EQ(0, do_umount());
	ASSERT_EQ(0, do_mount(0, BUT("search+metadata+cache+txn")));
	fd = open(MNT "/f", O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EOPNOTSUPP, neg(read(fd, &c, 1)));
	EXPECT_EQ(-EOPNOTSUPP, neg(write(fd, "x", 1)));
	EXPECT_EQ(-EOPNOTSUPP, neg(ftruncate(fd, 5)));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, BLOCK, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(10000, st.st_size);
	close(fd);
	fd = open(MNT "/c", O_RDWR);
	EXPECT_EQ(-EOPNOTSUPP, insert(fd, 1));
	EXPECT_EQ(-EOPNOTSUPP, search(fd, &id));
	close(fd);
	EXPECT_EQ(0, neg(mkdir(MNT "/d", 0755)));
	EXPECT_EQ(0, neg(rename(MNT "/f", MNT "/d/f")));
	EXPECT_EQ(0, neg(chmod(MNT "/d/f", 0600)));
	ASSERT_EQ(0, remount());
	EXPECT_EQ(0, check_file(MNT "/d/f", 10000, 1));
}

TEST_F(options, without_cache_everything_works_and_nothing_is_kept)
{
	uint64_t id;
	int fd;

	ASSERT_EQ(0, do_mount(0, BUT("storage+search+metadata+txn")));
	ASSERT_EQ(0, make_file(MNT "/f", 3 * MIB, 1));
	for (int i = 0; i < 300; i++) {
		char name[64];

		snprintf(name, sizeof(name), MNT "/file.%d", i);
		ASSERT_EQ(0, make_file(name, 100, i));
	}
	fd = new_coll(MNT "/c");
	EXPECT_EQ(0, insert(fd, 16));
	EXPECT_EQ(0, search(fd, &id));
	EXPECT_EQ(1, id);
	close(fd);
	EXPECT_EQ(0, check_file(MNT "/f", 3 * MIB, 1));
	ASSERT_EQ(0, remount());
	EXPECT_EQ(0, check_file(MNT "/f", 3 * MIB, 1));
	EXPECT_EQ(0, check_file(MNT "/file.299", 100, 299));
	ASSERT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

/* What a crash would find now: a copy of the image, mounted elsewhere. */
static long size_after_crash(struct __test_metadata *const _metadata, const char *name)
{
	char dev[64], path[128];
	long size;

	ASSERT_EQ(0, run((const char *[]){ "cp", "--sparse=always", IMAGE, "/tmp/vexfs-crash",
					   NULL }));
	ASSERT_EQ(0, loop_attach("/tmp/vexfs-crash", dev, sizeof(dev)));
	mkdir("/tmp/vexfs-crash.d", 0700);
	ASSERT_EQ(0, neg(mount(dev, "/tmp/vexfs-crash.d", "vexfs", 0, NULL)));
	snprintf(path, sizeof(path), "/tmp/vexfs-crash.d/%s", name);
	size = size_of(path);
	umount("/tmp/vexfs-crash.d");
	run((const char *[]){ "losetup", "-d", dev, NULL });
	unlink("/tmp/vexfs-crash");
	return size;
}

static int make_synced(const char *path, size_t len)
{
	int err = make_file(path, len, 1);
	int fd = open(path, O_RDONLY);

	if (!err)
		err = neg(fsync(fd));
	close(fd);
	return err;
}

TEST_F(options, without_txn_only_an_unmount_makes_durable)
{
	ASSERT_EQ(0, do_mount(0, "commit=300"));
	ASSERT_EQ(0, make_synced(MNT "/with", 10000));
	EXPECT_EQ(10000, size_after_crash(_metadata, "with"));
	ASSERT_EQ(0, do_umount());

	ASSERT_EQ(0, do_mount(0, "commit=300," BUT("storage+search+metadata+cache")));
	ASSERT_EQ(0, make_synced(MNT "/without", 10000));
	/* The state of the last commit: whole, and without it. */
	EXPECT_EQ(-ENOENT, size_after_crash(_metadata, "without"));
	EXPECT_EQ(10000, size_after_crash(_metadata, "with"));
	ASSERT_EQ(0, do_umount());
	EXPECT_EQ(10000, size_after_crash(_metadata, "without"));
	EXPECT_EQ(0, check_fs());
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mounting: options, images that are none or damaged, space accounting, read-only, and what
 * fsync promises.
 */
#include "common.h"
#include <dirent.h>
#include <sys/klog.h>
#include <linux/vexfs_format.h>
#include <linux/fs.h>
#include "vex_util.h"

FIXTURE(mnt) {
};

FIXTURE_SETUP(mnt)
{
	ASSERT_EQ(0, make_fs(64));
}

FIXTURE_TEARDOWN(mnt)
{
	umount2(MNT, MNT_DETACH);
}

static int dev_io(off_t block, void *buf, int do_write)
{
	int fd = open(test_dev(), do_write ? O_WRONLY : O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = do_write ? pwrite(fd, buf, BLOCK, block * BLOCK) : pread(fd, buf, BLOCK, block * BLOCK);
	if (do_write && fsync(fd))
		n = -1;
	close(fd);
	return n == BLOCK ? 0 : -EIO;
}

static int flip(off_t block, unsigned int byte)
{
	unsigned char buf[BLOCK];
	int err = dev_io(block, buf, 0);

	buf[byte] ^= 0x10;
	return err ? err : dev_io(block, buf, 1);
}

/* ---- refusals ------------------------------------------------------------------ */

TEST_F(mnt, a_device_without_vexfs_is_refused)
{
	unsigned char zero[BLOCK] = { };

	ASSERT_EQ(0, dev_io(VEXFS_SUPER_BLOCK(0), zero, 1));
	ASSERT_EQ(0, dev_io(VEXFS_SUPER_BLOCK(1), zero, 1));
	EXPECT_EQ(-EINVAL, do_mount(0, NULL));
}

TEST_F(mnt, both_superblocks_damaged_is_refused)
{
	ASSERT_EQ(0, flip(VEXFS_SUPER_BLOCK(0), 200));
	ASSERT_EQ(0, flip(VEXFS_SUPER_BLOCK(1), 200));
	EXPECT_EQ(-EUCLEAN, do_mount(0, NULL));
}

/* Does the kernel log hold @text after the last line that holds @mark? */
static int in_log_after(const char *mark, const char *text)
{
	static char log[1 << 18];
	int len = klogctl(3 /* SYSLOG_ACTION_READ_ALL */, log, sizeof(log) - 1);
	char *at = log, *next;

	if (len < 0)
		return -errno;
	log[len] = 0;
	while ((next = strstr(at + 1, mark)))
		at = next;
	return !!strstr(at, text);
}

/* An image of tomorrow: its own name for the feature is in the log, and nothing else of it. */
TEST_F(mnt, an_unknown_feature_is_refused_by_its_name)
{
	unsigned char buf[BLOCK];
	struct vexfs_super *sb = (void *)buf;
	int log = open("/dev/kmsg", O_WRONLY);

	ASSERT_LE(0, log);
	ASSERT_EQ(0, dev_io(VEXFS_SUPER_BLOCK(0), buf, 0));
	sb->features |= htole64(1ULL << 17);
	strcpy((char *)sb->feature_names[17], "time-travel\n");
	vex_core_init();
	sb->csum = htole32(vex_crc32c(buf + 4, BLOCK - 4));
	ASSERT_EQ(0, dev_io(VEXFS_SUPER_BLOCK(0), buf, 1));
	ASSERT_LT(0, write(log, "vexfs_mount: feature\n", 21));
	EXPECT_EQ(-EOPNOTSUPP, do_mount(0, NULL));
	EXPECT_EQ(1, in_log_after("vexfs_mount: feature",
				  "block 1: unknown feature time-travel? ("));
	close(log);
}

TEST_F(mnt, bad_options_are_refused)
{
	static const char *const bad[] = {
		"nonsense", "cache", "cache=", "cache=12potatoes", "cache=4K", "cache=900T",
		"cache=-1", "commit", "commit=0", "commit=301", "commit=x", "commit=-1",
	};
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT_EQ(-EINVAL, do_mount(0, bad[i]))
			TH_LOG("option number %u", i);
}

TEST_F(mnt, a_directory_is_no_device)
{
	mkdir(MNT, 0755);
	EXPECT_EQ(-ENOTBLK, neg(mount("/tmp", MNT, "vexfs", 0, NULL)));
}

/* ---- options -------------------------------------------------------------------- */

static int option_shown(const char *text)
{
	FILE *f = fopen("/proc/mounts", "r");
	char line[512];
	int found = 0;

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, " " MNT " ") && strstr(line, text))
			found = 1;
	if (f)
		fclose(f);
	return found;
}

TEST_F(mnt, options_are_taken_and_shown)
{
	ASSERT_EQ(0, do_mount(0, "cache=16M,commit=30"));
	EXPECT_TRUE(option_shown("cache=16384K"));
	EXPECT_TRUE(option_shown("commit=30"));
	EXPECT_EQ(0, neg(mount(NULL, MNT, NULL, MS_REMOUNT, "commit=7")));
	EXPECT_TRUE(option_shown("commit=7"));
	EXPECT_EQ(-EINVAL, neg(mount(NULL, MNT, NULL, MS_REMOUNT, "cache=17M")));
	EXPECT_TRUE(option_shown("cache=16384K"));
}

TEST_F(mnt, one_damaged_superblock_is_survived)
{
	ASSERT_EQ(0, do_mount(0, NULL));
	ASSERT_EQ(0, make_file(MNT "/f", 100000, 1));
	ASSERT_EQ(0, do_umount());
	/* Two commits later both slots name a state with the file. */
	ASSERT_EQ(0, do_mount(0, NULL));
	ASSERT_EQ(0, make_file(MNT "/g", 1, 1));
	ASSERT_EQ(0, do_umount());
	ASSERT_EQ(0, flip(VEXFS_SUPER_BLOCK(0), 200));
	ASSERT_EQ(0, do_mount(0, NULL));
	EXPECT_EQ(0, check_file(MNT "/f", 100000, 1));
}

/* ---- space ----------------------------------------------------------------------- */

static struct statfs space(void)
{
	struct statfs st = { };

	sync();
	statfs(MNT, &st);
	return st;
}

TEST_F(mnt, statfs_names_the_filesystem)
{
	struct statfs st;

	ASSERT_EQ(0, do_mount(0, NULL));
	st = space();
	EXPECT_EQ(VEXFS_STATFS_MAGIC, st.f_type);
	EXPECT_EQ(BLOCK, st.f_bsize);
	EXPECT_EQ(64 * MIB / BLOCK, st.f_blocks);
	EXPECT_EQ(255, st.f_namelen);
	EXPECT_GT(st.f_blocks, st.f_bfree);
	EXPECT_GE(st.f_bfree, st.f_bavail);
}

TEST_F_TIMEOUT(mnt, create_and_remove_return_every_block, 120)
{
	struct statfs before, after;
	char path[64];
	int round, i;

	ASSERT_EQ(0, do_mount(0, NULL));
	before = space();
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 100; i++) {
			snprintf(path, sizeof(path), MNT "/f%d", i);
			ASSERT_EQ(0, make_file(path, 1 + i * 900, i));
		}
		sync();
		for (i = 0; i < 100; i++) {
			snprintf(path, sizeof(path), MNT "/f%d", i);
			ASSERT_EQ(0, unlink(path));
		}
	}
	after = space();
	EXPECT_EQ(before.f_bfree, after.f_bfree);
	EXPECT_EQ(before.f_bavail, after.f_bavail);
	EXPECT_EQ(before.f_files - before.f_ffree, after.f_files - after.f_ffree);
	ASSERT_EQ(0, remount());
	after = space();
	EXPECT_EQ(before.f_bfree, after.f_bfree);
}

/* ---- read-only ------------------------------------------------------------------- */

TEST_F(mnt, a_read_only_mount_changes_nothing)
{
	int fd;

	ASSERT_EQ(0, do_mount(0, NULL));
	ASSERT_EQ(0, make_file(MNT "/f", 10000, 1));
	fd = coll_open(MNT "/c", 4, VEXFS_METRIC_L2);
	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, do_umount());
	ASSERT_EQ(0, do_mount(MS_RDONLY, NULL));
	EXPECT_EQ(0, check_file(MNT "/f", 10000, 1));
	EXPECT_EQ(-EROFS, neg(open(MNT "/f", O_WRONLY)));
	EXPECT_EQ(-EROFS, neg(open(MNT "/x", O_CREAT | O_WRONLY, 0644)));
	EXPECT_EQ(-EROFS, neg(mkdir(MNT "/d", 0755)));
	EXPECT_EQ(-EROFS, neg(unlink(MNT "/f")));
	EXPECT_EQ(-EROFS, neg(rename(MNT "/f", MNT "/g")));
	EXPECT_EQ(-EROFS, neg(chmod(MNT "/f", 0600)));
	EXPECT_EQ(-EROFS, neg(truncate(MNT "/f", 0)));
	EXPECT_EQ(-EROFS, neg(open(MNT "/c", O_RDWR)));
}

TEST_F(mnt, remount_switches_between_read_only_and_read_write)
{
	int fd;

	ASSERT_EQ(0, do_mount(0, NULL));
	ASSERT_EQ(0, make_file(MNT "/f", 100000, 1));
	fd = open(MNT "/f", O_WRONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, neg(mount(NULL, MNT, NULL, MS_REMOUNT | MS_RDONLY, NULL)));
	close(fd);
	ASSERT_EQ(0, neg(mount(NULL, MNT, NULL, MS_REMOUNT | MS_RDONLY, NULL)));
	EXPECT_EQ(-EROFS, neg(open(MNT "/x", O_CREAT | O_WRONLY, 0644)));
	EXPECT_EQ(0, check_file(MNT "/f", 100000, 1));
	ASSERT_EQ(0, neg(mount(NULL, MNT, NULL, MS_REMOUNT, NULL)));
	EXPECT_EQ(0, make_file(MNT "/x", 100000, 2));
	ASSERT_EQ(0, remount());
	EXPECT_EQ(0, check_file(MNT "/f", 100000, 1));
	EXPECT_EQ(0, check_file(MNT "/x", 100000, 2));
}

/* ---- durability -------------------------------------------------------------------- */

/* Copy what the device holds right now into an image, past the page cache of the device. */
static int copy_device(const char *image, size_t bytes)
{
	void *buf = aligned_alloc(BLOCK, MIB);
	int from = open(test_dev(), O_RDONLY | O_DIRECT);
	int to = open(image, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	size_t at;
	int err = 0;

	for (at = 0; at < bytes && !err; at += MIB)
		if (pread(from, buf, MIB, at) != MIB || pwrite(to, buf, MIB, at) != MIB)
			err = -EIO;
	close(from);
	close(to);
	free(buf);
	return err;
}

/*
 * What fsync has acknowledged is on the device at that moment: an image taken
 * then, as a power failure would leave it, holds it.
 */
TEST_F_TIMEOUT(mnt, what_fsync_acknowledged_is_on_the_device, 120)
{
	const char *back[] = { "dd", "if=/tmp/vexfs-image", NULL, "bs=1M", "conv=fsync",
			       "status=none", NULL };
	char of[128];
	int fd, dir;

	ASSERT_EQ(0, do_mount(0, "commit=300"));
	ASSERT_EQ(0, make_file(MNT "/synced", 300000, 1));
	fd = open(MNT "/synced", O_RDONLY);
	ASSERT_EQ(0, fsync(fd));
	ASSERT_EQ(0, mkdir(MNT "/d", 0755));
	dir = open(MNT "/d", O_RDONLY);
	ASSERT_EQ(0, fsync(dir));
	ASSERT_EQ(0, make_file(MNT "/unsynced", 300000, 2));
	ASSERT_EQ(0, copy_device("/tmp/vexfs-image", 64 * MIB));
	close(fd);
	close(dir);
	ASSERT_EQ(0, do_umount());

	snprintf(of, sizeof(of), "of=%s", test_dev());
	back[2] = of;
	ASSERT_EQ(0, run(back));
	ASSERT_EQ(0, do_mount(0, NULL));
	EXPECT_EQ(0, check_file(MNT "/synced", 300000, 1));
	EXPECT_EQ(0, neg(access(MNT "/d", X_OK)));
	EXPECT_EQ(-ENOENT, size_of(MNT "/unsynced"));
}

/*
 * A loop device on an image that has no room to grow fails writes as a broken disk
 * does: what was not acknowledged is lost, with an error, and nothing else.
 */
#define SMALL_FS	"/tmp/vexfs-small"

TEST_F_TIMEOUT(mnt, a_device_that_fails_writes_stops_the_filesystem, 120)
{
	char dev[64] = "";
	FILE *f;
	int fd;

	mkdir(SMALL_FS, 0700);
	ASSERT_EQ(0, mount("tmpfs", SMALL_FS, "tmpfs", 0, "size=8m"));
	ASSERT_EQ(0, run((const char *[]){ "mkfs.vexfs", "-q", "-s", "64M",
					   SMALL_FS "/image", NULL }));
	f = popen("modprobe loop; losetup --find --show " SMALL_FS "/image", "r");
	ASSERT_NE(NULL, f);
	ASSERT_NE(NULL, fgets(dev, sizeof(dev), f));
	pclose(f);
	dev[strcspn(dev, "\n")] = 0;
	setenv("VEXFS_TEST_DEV", dev, 1);

	ASSERT_EQ(0, do_mount(0, NULL));
	ASSERT_EQ(0, make_file(MNT "/before", 100000, 1));
	sync();
	ASSERT_EQ(0, make_file(MNT "/big", 20 * MIB, 2));
	fd = open(MNT "/big", O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EIO, neg(fsync(fd)));
	EXPECT_EQ(-EIO, neg(syncfs(fd)));
	/* From here on nothing changes, and what is there can be read. */
	EXPECT_EQ(-EROFS, neg(open(MNT "/new", O_CREAT | O_WRONLY, 0644)));
	EXPECT_EQ(-EROFS, neg(mkdir(MNT "/d", 0755)));
	EXPECT_EQ(-EROFS, neg(unlink(MNT "/before")));
	EXPECT_EQ(-EIO, neg(pwrite(fd, "x", 1, 0)));
	EXPECT_EQ(-EIO, neg(fsync(fd)));
	EXPECT_EQ(0, check_file(MNT "/before", 100000, 1));
	close(fd);
	ASSERT_EQ(0, remount());
	EXPECT_EQ(0, check_file(MNT "/before", 100000, 1));
	EXPECT_EQ(0, make_file(MNT "/after", 100000, 3));
	EXPECT_EQ(0, unlink(MNT "/before"));
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
	run((const char *[]){ "losetup", "-d", dev, NULL });
	EXPECT_EQ(0, umount2(SMALL_FS, MNT_DETACH));
}

TEST_F(mnt, a_frozen_filesystem_thaws)
{
	int fd;

	ASSERT_EQ(0, do_mount(0, NULL));
	ASSERT_EQ(0, make_file(MNT "/f", 100000, 1));
	fd = open(MNT, O_RDONLY);
	ASSERT_EQ(0, ioctl(fd, FIFREEZE, 0));
	EXPECT_EQ(0, check_file(MNT "/f", 100000, 1));
	ASSERT_EQ(0, ioctl(fd, FITHAW, 0));
	EXPECT_EQ(0, make_file(MNT "/g", 100000, 2));
	close(fd);
	ASSERT_EQ(0, remount());
	EXPECT_EQ(0, check_file(MNT "/g", 100000, 2));
}

/* ---- damage ------------------------------------------------------------------------- */

TEST_F_TIMEOUT(mnt, a_damaged_data_block_is_eio_and_the_rest_is_readable, 250)
{
	unsigned char want[BLOCK], buf[BLOCK];
	off_t block, hit = 0;
	int fd;

	ASSERT_EQ(0, do_mount(0, NULL));
	ASSERT_EQ(0, make_file(MNT "/f", 10 * BLOCK, 7));
	ASSERT_EQ(0, do_umount());
	pattern(want, BLOCK, 7, 3 * BLOCK);
	for (block = 0; block < (off_t)(64 * MIB / BLOCK) && !hit; block++) {
		ASSERT_EQ(0, dev_io(block, buf, 0));
		if (!memcmp(buf, want, BLOCK))
			hit = block;
	}
	ASSERT_NE(0, hit);
	ASSERT_EQ(0, flip(hit, 77));
	ASSERT_EQ(0, do_mount(0, NULL));
	fd = open(MNT "/f", O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(BLOCK, pread(fd, buf, BLOCK, 2 * BLOCK));
	EXPECT_EQ(-EIO, neg(pread(fd, buf, BLOCK, 3 * BLOCK)));
	EXPECT_EQ(BLOCK, pread(fd, buf, BLOCK, 4 * BLOCK));
	close(fd);
}

static int clean_error(long err)
{
	return err >= 0 || err == -EUCLEAN || err == -EIO;
}

/*
 * Read everything in the root directory, and change a little. Counts the errors in
 * @hits; the first one that is no clean one is the result.
 */
static long walk(unsigned int *hits)
{
	DIR *dir = opendir(MNT);
	struct dirent *e;
	char sub[512], buf[8192];
	long err, bad = 0;

	if (!dir) {
		++*hits;
		return clean_error(-errno) ? 0 : -errno;
	}
	for (;;) {
		int fd;

		errno = 0;
		e = readdir(dir);
		if (!e)
			break;
		if (e->d_name[0] == '.')
			continue;
		snprintf(sub, sizeof(sub), MNT "/%s", e->d_name);
		fd = err = neg(open(sub, O_RDONLY));
		while (err > 0)
			err = neg(read(fd, buf, sizeof(buf)));
		*hits += err < 0;
		if (!clean_error(err) && !bad)
			bad = err;
		close(fd);
	}
	*hits += !!errno;
	if (!clean_error(-errno) && !bad)
		bad = -errno;
	closedir(dir);
	err = make_file(MNT "/new", 100, 1);
	if (!err)
		err = neg(unlink(MNT "/new"));
	return bad || clean_error(err) ? bad : err;
}

/* A filesystem with enough in it for a tree of some levels. */
static int populate(void)
{
	float rows[16 * 64];
	char path[64];
	int i, fd, err = do_mount(0, NULL);

	for (i = 0; i < 120 && !err; i++) {
		snprintf(path, sizeof(path), MNT "/file-with-a-name-%d", i);
		err = make_file(path, 5000, i);
	}
	fd = coll_open(MNT "/coll", 16, VEXFS_METRIC_L2);
	fill_floats(rows, 16 * 64, 1);
	if (!err)
		err = fd < 0 ? fd : coll_insert(fd, rows, 64, 16);
	close(fd);
	return err ? err : do_umount();
}

#define SMALL	(4 * MIB)

/* The whole of a small filesystem, from or to the device. */
static int dev_image(void *image, int do_write)
{
	int fd = open(test_dev(), do_write ? O_WRONLY : O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = do_write ? pwrite(fd, image, SMALL, 0) : pread(fd, image, SMALL, 0);
	if (do_write && fsync(fd))
		n = -1;
	close(fd);
	return n == SMALL ? 0 : -EIO;
}

/* Flip one bit of each tree node in turn: an error at mount or later, and no oops. */
TEST_F_TIMEOUT(mnt, a_damaged_tree_block_is_a_clean_error, 250)
{
	char *image = malloc(SMALL);
	const struct vexfs_super *sb = (void *)(image + VEXFS_SUPER_BLOCK(0) * BLOCK);
	unsigned int tried = 0, hits = 0;
	unsigned long block;
	long err;

	ASSERT_EQ(0, make_fs(SMALL / MIB));
	ASSERT_EQ(0, populate());
	ASSERT_EQ(0, dev_image(image, 0));
	for (block = 0; block < SMALL / BLOCK; block++) {
		const struct vexfs_node *node = (void *)(image + block * BLOCK);

		if (memcmp(&node->fsid, sb->uuid, sizeof(node->fsid)) ||
		    le32toh(node->magic) != VEXFS_NODE_MAGIC)
			continue;
		ASSERT_EQ(0, flip(block, 24 + ++tried * 61 % 4000));
		err = do_mount(0, NULL);
		hits += !!err;
		EXPECT_TRUE(clean_error(err))
			TH_LOG("block %lu: mount %ld", block, err);
		if (!err) {
			err = walk(&hits);
			EXPECT_EQ(0, err)
				TH_LOG("block %lu", block);
			umount2(MNT, MNT_DETACH);
		}
		ASSERT_EQ(0, dev_image(image, 1));
	}
	/* Not all of them belong to the live tree. */
	EXPECT_LT(3, tried);
	EXPECT_LT(3, hits);
	EXPECT_EQ(0, do_mount(0, NULL));
	EXPECT_EQ(0, check_file(MNT "/file-with-a-name-119", 5000, 119));
	free(image);
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once: processes that change one small tree in random ways, while caches are
 * dropped and the filesystem is synced. Afterwards every invariant of the format holds, and every
 * block can be read.
 */
#include "common.h"
#include <dirent.h>
#include <signal.h>
#include <time.h>

#define WORKERS	5
#define SECONDS	20
#define DIM	24

FIXTURE(stress) {
};

FIXTURE_VARIANT(stress) {
	unsigned int mib;
};

/* With room for all, and with so little that much of it fails. */
FIXTURE_VARIANT_ADD(stress, roomy) { 512 };
FIXTURE_VARIANT_ADD(stress, full) { 3 };

FIXTURE_SETUP(stress)
{
	ASSERT_EQ(0, make_fs(variant->mib));
	ASSERT_EQ(0, do_mount(0, "commit=1,cache=1M"));
}

FIXTURE_TEARDOWN(stress)
{
	do_umount();
}

struct state {
	uint64_t random;
	long unexpected;	/* first errno that no race explains */
};

static unsigned int pick(struct state *s, unsigned int n)
{
	s->random = mix(s->random);
	return s->random % n;
}

static void name(struct state *s, char *path, size_t len)
{
	unsigned int dir = pick(s, 4);

	if (dir)
		snprintf(path, len, MNT "/d%u/n%u", dir, pick(s, 12));
	else
		snprintf(path, len, MNT "/n%u", pick(s, 12));
}

/* What may happen when others change the same names and the device fills up. */
static void judge(struct state *s, long result)
{
	static const int fine[] = { ENOENT, EEXIST, ENOTDIR, EISDIR, ENOTEMPTY, ENOSPC, ENODATA,
				    EINVAL, EPERM, EACCES, EFBIG };
	unsigned int i;

	if (result >= 0 || s->unexpected)
		return;
	for (i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		if (result == -fine[i])
			return;
	s->unexpected = result;
}

static void do_write(struct state *s, int fd)
{
	static char buf[200000];
	size_t len = pick(s, sizeof(buf));

	pattern(buf, len < 64 ? len : 64, s->random, 0);
	judge(s, neg(pwrite(fd, buf, len, pick(s, 300000))));
}

static void do_read(struct state *s, int fd)
{
	static char buf[200000];

	judge(s, neg(pread(fd, buf, sizeof(buf), pick(s, 300000))));
}

/* A store past the end, or without space, is SIGBUS: not here. */
static void do_map(struct state *s, int fd)
{
	char *map = mmap(NULL, 65536, PROT_READ, MAP_SHARED, fd, 0);
	struct stat st;
	volatile char sum = 0;
	off_t i;

	if (map == MAP_FAILED)
		return;
	if (!fstat(fd, &st))
		for (i = 0; i < st.st_size && i < 65536; i += BLOCK)
			if (madvise(map + i, BLOCK, MADV_POPULATE_READ) == 0)
				sum += 1;
	munmap(map, 65536);
}

static void do_coll(struct state *s, int fd)
{
	float rows[DIM * 50], distances[8];
	uint64_t ids[8], dead = pick(s, 200);
	struct vexfs_search a = search_args(rows, 1, DIM, 8, ids, distances);
	struct vexfs_delete d = delete_args(&dead, 1);

	fill_floats(rows, DIM * 50, s->random);
	judge(s, coll_create(fd, DIM, VEXFS_METRIC_L2));
	judge(s, coll_insert(fd, rows, 1 + pick(s, 50), DIM));
	judge(s, neg(ioctl(fd, VEXFS_IOC_SEARCH, &a)));
	judge(s, neg(ioctl(fd, VEXFS_IOC_DELETE, &d)));
}

static void on_file(struct state *s, const char *path)
{
	int fd = neg(open(path, O_CREAT | O_RDWR, 0644));

	judge(s, fd);
	if (fd < 0)
		return;
	switch (pick(s, 10)) {
	case 0:
		judge(s, neg(ftruncate(fd, pick(s, 300000))));
		break;
	case 1:
		judge(s, neg(fsync(fd)));
		break;
	case 2:
		judge(s, neg(ftruncate(fd, 0)));
		do_coll(s, fd);
		break;
	case 3:
		do_map(s, fd);
		break;
	case 4:
	case 5:
		do_read(s, fd);
		break;
	case 6:
		judge(s, neg(unlink(path)));
		do_write(s, fd);
		do_read(s, fd);
		break;
	default:
		do_write(s, fd);
	}
	close(fd);
}

static void list(struct state *s, const char *path)
{
	DIR *dir = opendir(path);

	if (!dir) {
		judge(s, -errno);
		return;
	}
	while (readdir(dir))
		;
	closedir(dir);
}

static void step(struct state *s)
{
	char a[64], b[64];

	name(s, a, sizeof(a));
	name(s, b, sizeof(b));
	switch (pick(s, 12)) {
	case 0:
		judge(s, neg(unlink(a)));
		break;
	case 1:
	case 2:
		judge(s, neg(rename(a, b)));
		break;
	case 3:
		snprintf(a, sizeof(a), MNT "/d%u", 1 + pick(s, 3));
		judge(s, neg(pick(s, 8) ? mkdir(a, 0755) : rmdir(a)));
		break;
	case 4:
		snprintf(a, sizeof(a), MNT "/d%u", 1 + pick(s, 3));
		list(s, a);
		break;
	case 5:
		judge(s, neg(chmod(a, 0600 + pick(s, 64))));
		break;
	default:
		on_file(s, a);
	}
}

static long worker(unsigned int seed)
{
	struct state s = { .random = seed };
	time_t end = time(NULL) + SECONDS;

	while (time(NULL) < end && !s.unexpected)
		step(&s);
	return s.unexpected;
}

static int read_all(const char *path)
{
	char sub[512], buf[65536];
	DIR *dir = opendir(path);
	struct dirent *e;
	long err = 0;

	while (dir && !err && (e = readdir(dir))) {
		int fd;

		if (e->d_name[0] == '.')
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		fd = open(sub, O_RDONLY);
		do
			err = neg(read(fd, buf, sizeof(buf)));
		while (err > 0);
		close(fd);
		if (err == -EISDIR)
			err = read_all(sub);
	}
	if (dir)
		closedir(dir);
	return err;
}

TEST_F_TIMEOUT(stress, random_changes_leave_a_whole_filesystem, 200)
{
	struct statfs before, after;
	pid_t pids[WORKERS];
	time_t end = time(NULL) + SECONDS;
	int i, status, drop = open("/proc/sys/vm/drop_caches", O_WRONLY);

	sync();
	ASSERT_EQ(0, statfs(MNT, &before));
	for (i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (!pids[i])
			_exit(-worker(i + 1));
	}
	while (time(NULL) < end) {
		usleep(300000);
		if (write(drop, "3", 1) != 1)
			break;
		usleep(300000);
		sync();
	}
	for (i = 0; i < WORKERS; i++) {
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_TRUE(WIFEXITED(status));
		EXPECT_EQ(0, WEXITSTATUS(status))
			TH_LOG("errno %d", WEXITSTATUS(status));
	}
	ASSERT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
	ASSERT_EQ(0, do_mount(0, NULL));
	EXPECT_EQ(0, read_all(MNT));
	/* Whatever it was, removing it gives all of the space back. */
	run((const char *[]){ "sh", "-c", "rm -rf " MNT "/*", NULL });
	sync();
	ASSERT_EQ(0, statfs(MNT, &after));
	EXPECT_EQ(before.f_bfree, after.f_bfree);
	EXPECT_EQ(before.f_bavail, after.f_bavail);
	ASSERT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

TEST_HARNESS_MAIN

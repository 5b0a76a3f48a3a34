// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cache in the kernel: its counters in /sys/fs/vexfs/DEVICE, its bound, reading ahead, and
 * that it gives memory back: when asked, when others need it, and under a memory cgroup.
 */
#include "common.h"
#include <sys/sysinfo.h>

#define DIM	128
#define ROW	(DIM * sizeof(float))
#define BATCH	2048			/* rows: 1 MiB */
#define CACHE	(32 * MIB)
#define ROWS	(80 * BATCH)		/* 80 MiB */
#define SEGS	(ROWS * ROW / 65536)
#define CGROUP	"/tmp/vexfs-cgroup"

FIXTURE(cache) {
	int fd;
	char sysfs[128];
};

/* A counter, or a negative errno. */
static long counter(const char *dir, const char *name)
{
	char path[256];
	long value = -EIO;
	FILE *f;

	snprintf(path, sizeof(path), "%s/cache_%s", dir, name);
	f = fopen(path, "r");
	if (!f)
		return -errno;
	if (fscanf(f, "%ld", &value) != 1)
		value = -EIO;
	fclose(f);
	return value;
}

#define COUNTER(name)	counter(self->sysfs, name)

static long held(const char *dir)
{
	return counter(dir, "node_bytes") + counter(dir, "segment_bytes");
}

/* Row @id of the collection. */
static void row(float *to, uint64_t id)
{
	memset(to, 0, ROW);
	to[0] = id;
	to[1 + id % (DIM - 1)] = 1;
}

static int fill(int fd)
{
	float *rows = malloc(BATCH * ROW);
	long err = 0;
	uint64_t id;

	for (id = 0; id < ROWS && err >= 0; id += BATCH) {
		for (uint64_t i = 0; i < BATCH; i++)
			row(rows + i * DIM, id + i);
		err = coll_insert(fd, rows, BATCH, DIM);
	}
	free(rows);
	return err < 0 ? err : fsync(fd) ? -errno : 0;
}

/* Find row @id in all of them: 0, 1 for a wrong answer, or a negative errno. */
static int find(int fd, uint64_t id)
{
	struct vexfs_search a;
	uint64_t ids[2];
	float d[2], query[DIM];
	int err;

	row(query, id);
	a = search_args(query, 1, DIM, 2, ids, d);
	err = neg(ioctl(fd, VEXFS_IOC_SEARCH, &a));
	if (err)
		return err;
	return ids[0] != id || d[0] != 0 || a.visited != ROWS;
}

/* The tests do not change the collection: the first one of this run makes it for all. */
static char rows_path[64];

__attribute__((constructor)) static void name_rows(void)
{
	snprintf(rows_path, sizeof(rows_path), MNT "/rows-%d", getpid());
}

FIXTURE_SETUP(cache)
{
	const char *name = strrchr(test_dev(), '/') + 1;

	snprintf(self->sysfs, sizeof(self->sysfs), "/sys/fs/vexfs/%s", name);
	if (do_mount(0, "cache=32M") || access(rows_path, F_OK)) {
		ASSERT_EQ(0, make_fs(256));
		ASSERT_EQ(0, do_mount(0, "cache=32M"));
		self->fd = coll_open(rows_path, DIM, VEXFS_METRIC_L2);
		ASSERT_LE(0, self->fd);
		ASSERT_EQ(0, fill(self->fd));
		close(self->fd);
	}
	ASSERT_EQ(0, do_umount());
	ASSERT_NE(0, access(self->sysfs, F_OK));
	ASSERT_EQ(0, do_mount(0, "cache=32M"));
	self->fd = open(rows_path, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(ROWS, coll_stat(self->fd).rows);
}

FIXTURE_TEARDOWN(cache)
{
	close(self->fd);
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

TEST_F_TIMEOUT(cache, a_search_larger_than_the_cache_reads_ahead_inside_the_bound, 200)
{
	EXPECT_EQ((long)CACHE, COUNTER("limit"));
	EXPECT_EQ(0, COUNTER("segment_bytes"));
	ASSERT_EQ(0, find(self->fd, 77777));
	EXPECT_EQ((long)SEGS, COUNTER("segment_misses") + COUNTER("prefetch_used"));
	EXPECT_GE(2, COUNTER("segment_misses"));
	EXPECT_EQ(COUNTER("prefetched"), COUNTER("prefetch_used"));
	EXPECT_EQ(0, COUNTER("prefetch_wasted"));
	EXPECT_GE((long)CACHE, held(self->sysfs));
	EXPECT_LE((long)CACHE / 2, held(self->sysfs));
	EXPECT_LT(0, COUNTER("evictions"));
	EXPECT_EQ(0, COUNTER("shrunk"));
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int err;

	if (fd < 0)
		return -errno;
	err = neg(write(fd, text, strlen(text)));
	close(fd);
	return err < 0 ? err : 0;
}

TEST_F_TIMEOUT(cache, memory_is_given_back_when_the_kernel_asks, 200)
{
	long before;
	int i;

	ASSERT_EQ(0, find(self->fd, 5));
	before = held(self->sysfs);
	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, put("/proc/sys/vm/drop_caches", "2"));
	EXPECT_GT(before / 4, held(self->sysfs));
	EXPECT_LE(before / 2, COUNTER("shrunk"));
	EXPECT_EQ(0, find(self->fd, 100001));
}

/* The bytes of a line of /proc/meminfo. */
static size_t meminfo(const char *name)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	size_t kib = 0;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			kib = strtoul(line + strlen(name) + 1, NULL, 10);
	if (f)
		fclose(f);
	return kib << 10;
}

/* A child that takes @bytes, page by page, tells, and waits for the other end to close. */
static pid_t hog(size_t bytes, int told, int wait)
{
	pid_t pid = fork();
	char c = 1;

	if (pid)
		return pid;
	for (size_t done = 0; done < bytes; done += MIB) {
		char *p = malloc(MIB);

		if (!p)
			_exit(1);
		for (size_t i = 0; i < MIB; i += BLOCK)
			p[i] = i;
	}
	if (write(told, &c, 1) != 1)
		_exit(2);
	_exit(read(wait, &c, 1) == 1 ? 0 : 3);
}

/*
 * All memory that is left, and half of what the cache has: it gives way, and nobody is killed.
 */
TEST_F_TIMEOUT(cache, others_get_the_memory_that_they_need, 400)
{
	int told[2], wait[2], status;
	long before;
	char c;
	pid_t pid;

	ASSERT_EQ(0, find(self->fd, 5));
	before = held(self->sysfs);
	ASSERT_EQ(0, pipe(told));
	ASSERT_EQ(0, pipe(wait));
	pid = hog(meminfo("MemAvailable:") + before / 2, told[1], wait[0]);
	close(told[1]);
	ASSERT_EQ(1, read(told[0], &c, 1))
		TH_LOG("the hog was killed");
	TH_LOG("cache: %ld KiB before, %ld after, %ld shrunk", before >> 10,
	       held(self->sysfs) >> 10, COUNTER("shrunk") >> 10);
	EXPECT_LT(0, COUNTER("shrunk"));
	EXPECT_EQ(0, find(self->fd, 99999));
	EXPECT_EQ(0, find(self->fd, 1));
	ASSERT_EQ(1, write(wait[1], &c, 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, find(self->fd, 12345));
}

/* Far less than the cache: who searches pays for its own memory, not for what all share. */
TEST_F_TIMEOUT(cache, a_cgroup_with_little_memory_can_search, 200)
{
	char text[32];
	int status;
	pid_t pid;

	mkdir(CGROUP, 0755);
	ASSERT_EQ(0, neg(mount("none", CGROUP, "cgroup2", 0, NULL)));
	put(CGROUP "/cgroup.subtree_control", "+memory");
	ASSERT_EQ(0, neg(mkdir(CGROUP "/small", 0755)));
	EXPECT_EQ(0, put(CGROUP "/small/memory.max", "8M"));
	pid = fork();
	if (!pid) {
		snprintf(text, sizeof(text), "%d", getpid());
		if (put(CGROUP "/small/cgroup.procs", text))
			_exit(2);
		_exit(!!find(self->fd, 4321));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_LE((long)CACHE / 2, held(self->sysfs));
	EXPECT_EQ(0, neg(rmdir(CGROUP "/small")));
	EXPECT_EQ(0, neg(umount(CGROUP)));
}

TEST_HARNESS_MAIN

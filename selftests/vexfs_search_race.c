// SPDX-License-Identifier: GPL-2.0-only
/*
 * Searches by an HNSW index beside all that can happen to a collection: insertions, deletions, a
 * new index, removal, SIGKILL, a cache smaller than the index. After each test everything is
 * removed, and there is nothing left of it: no block, no inode, no memory, no mount.
 */
#include "common.h"
#include "vxt.h"
#include <signal.h>

#define DIM	16u
#define ROWS	1500u
#define K	10u
#define EF	60u
#define WORKERS	6u
#define ROUNDS	40u
#define KILLS	16u
#define GRAPH	MNT "/graph"

/* Numbers of a line of the table of allocations: site, allocs, frees, objects, live. */
enum { MEMORY_LIVE = 4, MEMORY_FIGURES };

FIXTURE(race) {
	struct statfs empty;
	long memory;
	int fd;
};

FIXTURE_VARIANT(race) {
	const char *mount;
};

FIXTURE_VARIANT_ADD(race, roomy) { "cache=64M" };
/* Rows and index have to be read again and again. */
FIXTURE_VARIANT_ADD(race, small_cache) { "cache=1M" };

/* Bytes that vexfs.ko holds, or a negative errno. */
static long memory_held(void)
{
	char *text = vxt_read(VXT_DIR "alloc"), *line = text;
	long sum = 0;

	if (!text)
		return -ENOENT;
	while (line && (line = strchr(line, '\n')) && *++line) {
		double figure[MEMORY_FIGURES];

		if (vxt_figures(line, figure, MEMORY_FIGURES) == MEMORY_FIGURES)
			sum += figure[MEMORY_LIVE];
	}
	free(text);
	return sum;
}

static int create(const char *path, uint32_t m)
{
	struct vexfs_create a = {
		.size = sizeof(a), .elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2, .dim = DIM,
		.index = VEXFS_INDEX_HNSW, .m = m, .ef_construction = 30,
	};
	int fd = open(path, O_CREAT | O_EXCL | O_RDWR, 0644);
	int err = fd < 0 ? -errno : neg(ioctl(fd, VEXFS_IOC_CREATE, &a));

	return err ? err : fd;
}

static long insert(int fd, uint32_t count, uint64_t seed)
{
	static float rows[ROWS * DIM];

	fill_floats(rows, count * DIM, seed);
	return coll_insert(fd, rows, count, DIM);
}

FIXTURE_SETUP(race)
{
	self->memory = memory_held();
	ASSERT_LE(0, self->memory);
	ASSERT_EQ(0, make_fs(128));
	ASSERT_EQ(0, do_mount(0, variant->mount));
	ASSERT_EQ(0, statfs(MNT, &self->empty));
	self->fd = create(GRAPH, 8);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, insert(self->fd, ROWS, 1));
}

FIXTURE_TEARDOWN(race)
{
	struct statfs after;
	int wait;

	EXPECT_EQ(0, unlink(GRAPH));
	/* What the first commit frees is free after the second. */
	EXPECT_EQ(0, syncfs(self->fd));
	close(self->fd);
	sync();
	sync();
	EXPECT_EQ(0, statfs(MNT, &after));
	EXPECT_EQ(self->empty.f_bfree, after.f_bfree);
	EXPECT_EQ(self->empty.f_ffree, after.f_ffree);
	EXPECT_EQ(0, do_umount());
	/* Inodes go a grace period after their last use. */
	for (wait = 0; wait < 100 && memory_held() != self->memory; wait++)
		usleep(20000);
	EXPECT_EQ(self->memory, memory_held());
	EXPECT_EQ(0, check_fs());
}

/* One search; an error also when what it finds is not in order. */
static int search(int fd, uint64_t seed, uint32_t nq, uint32_t ef)
{
	float *queries = malloc(nq * DIM * sizeof(*queries));
	float *distances = malloc(nq * K * sizeof(*distances));
	uint64_t *ids = malloc(nq * K * sizeof(*ids));
	struct vexfs_search a = search_args(queries, nq, DIM, K, ids, distances);
	uint32_t i;
	int err;

	fill_floats(queries, nq * DIM, seed);
	a.ef = ef;
	err = neg(ioctl(fd, VEXFS_IOC_SEARCH, &a));
	for (i = 1; i < nq * K && !err; i++)
		if (i % K && (distances[i] < distances[i - 1] ||
			      (ids[i] == ids[i - 1] && ids[i] != VEXFS_NO_ID)))
			err = -EBADMSG;
	free(ids);
	free(distances);
	free(queries);
	return err;
}

/* ---- what the processes do; each returns the first error that no race explains --------- */

static int do_insert(int fd)
{
	long first = 0;
	uint32_t i;

	for (i = 0; i < ROUNDS && first >= 0; i++)
		first = insert(fd, 1 + i % 9, 1000 + i);
	return first < 0 ? first : 0;
}

static int do_search(int fd)
{
	uint32_t i;
	int err = 0;

	for (i = 0; i < 3 * ROUNDS && !err; i++)
		err = search(fd, 2000 + i, 1 + i % 3, EF);
	return err;
}

static int do_delete(int fd)
{
	uint32_t i;
	int err = 0;

	for (i = 0; i < ROUNDS && !err; i++) {
		uint64_t ids[3] = { 7 * i, 7 * i + 1, 7 * i + 2 };
		struct vexfs_delete d = delete_args(ids, 3);

		err = neg(ioctl(fd, VEXFS_IOC_DELETE, &d));
	}
	return err;
}

/* Collections that are searched after they were unlinked, by two. */
static int do_unlink(int fd)
{
	int err = 0, second, status;
	uint32_t i;
	pid_t pid;

	for (i = 0; i < ROUNDS / 8 && !err; i++) {
		second = create(MNT "/second", 4);
		if (second < 0)
			return second;
		err = insert(second, 1100, 3000 + i);
		pid = fork();
		if (!pid)
			_exit(search(second, i, 8, EF) != 0);
		if (!err)
			err = neg(unlink(MNT "/second"));
		if (!err)
			err = search(second, i, 4, EF);
		close(second);
		if (waitpid(pid, &status, 0) != pid || status)
			return -ECHILD;
	}
	return err;
}

static int do_reindex(int fd)
{
	struct vexfs_reindex r = { .size = sizeof(r), .ef_construction = 20 };
	uint32_t i;
	int err = 0;

	for (i = 0; i < 4 && !err; i++) {
		r.m = 6 + i;
		err = neg(ioctl(fd, VEXFS_IOC_REINDEX, &r));
	}
	return err;
}

typedef int (*worker)(int fd);

/* In a process of its own, with the collection opened anew. */
static pid_t start(worker fn)
{
	pid_t pid = fork();

	if (!pid) {
		int fd = open(GRAPH, O_RDWR);

		_exit(fd < 0 ? 255 : -fn(fd) & 0xff);
	}
	return pid;
}

/* 0, or the errno that a process ended with. */
static int end(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

TEST_F_TIMEOUT(race, everything_at_once, 250)
{
	static const worker workers[WORKERS] = {
		do_insert, do_search, do_search, do_delete, do_unlink, do_reindex,
	};
	pid_t pid[WORKERS];
	uint32_t i;

	for (i = 0; i < WORKERS; i++)
		pid[i] = start(workers[i]);
	for (i = 0; i < WORKERS; i++)
		EXPECT_EQ(0, end(pid[i]))
			TH_LOG("worker %u", i);
	EXPECT_EQ(coll_stat(self->fd).rows, coll_stat(self->fd).indexed);
	EXPECT_EQ(3 * ROUNDS, coll_stat(self->fd).rows - coll_stat(self->fd).live);
}

TEST_F_TIMEOUT(race, an_index_is_made_anew_beside_insertions, 250)
{
	float row[DIM], distance[K];
	uint64_t ids[K];
	struct vexfs_search a = search_args(row, 1, DIM, K, ids, distance);
	pid_t pid = start(do_reindex);
	uint32_t i, found = 0;

	EXPECT_EQ(0, do_insert(self->fd));
	EXPECT_EQ(0, end(pid));
	EXPECT_EQ(coll_stat(self->fd).rows, coll_stat(self->fd).indexed);
	EXPECT_EQ(9, coll_stat(self->fd).m);
	/* The first row of each insertion is its own nearest neighbour. */
	for (i = 0; i < ROUNDS; i++) {
		fill_floats(row, DIM, 1000 + i);
		ASSERT_EQ(0, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &a)));
		found += distance[0] == 0;
	}
	EXPECT_LE(ROUNDS - 1, found);
}

/* Many queries, broad ones: longer than any delay below. */
static int search_long(int fd)
{
	return search(fd, 1, VEXFS_MAX_RESULTS / K < 1000 ? VEXFS_MAX_RESULTS / K : 1000, 1000);
}

/* Kill a process in the middle of its call, each time a little later. */
static int kill_in(worker fn)
{
	uint32_t i;
	int got = 0;

	for (i = 0; i < KILLS; i++) {
		pid_t pid = start(fn);

		usleep(3000 * (i + 1));
		kill(pid, SIGKILL);
		got += end(pid) == 1000 + SIGKILL;
	}
	return got;
}

TEST_F_TIMEOUT(race, a_search_that_is_killed_leaves_nothing, 250)
{
	EXPECT_LT(KILLS / 2, kill_in(search_long));
	EXPECT_EQ(0, do_search(self->fd));
	EXPECT_EQ(0, insert(self->fd, 5, 9) != ROWS);
	EXPECT_EQ(ROWS + 5, coll_stat(self->fd).indexed);
}

TEST_F_TIMEOUT(race, a_killed_rebuild_leaves_an_index_that_can_be_made_anew, 250)
{
	EXPECT_LT(KILLS / 2, kill_in(do_reindex));
	EXPECT_EQ(ROWS, coll_stat(self->fd).live);
	EXPECT_EQ(0, do_search(self->fd));
	EXPECT_EQ(0, do_reindex(self->fd));
	EXPECT_EQ(ROWS, coll_stat(self->fd).indexed);
	EXPECT_EQ(0, do_search(self->fd));
}

TEST_F_TIMEOUT(race, a_mount_is_busy_as_long_as_somebody_searches, 250)
{
	pid_t pid = start(search_long);

	usleep(20000);
	EXPECT_EQ(-EBUSY, do_umount());
	kill(pid, SIGKILL);
	end(pid);
	EXPECT_EQ(0, do_search(self->fd));
}

TEST_HARNESS_MAIN

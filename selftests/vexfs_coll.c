// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the vector operations answer: rows bit by bit, searches against a brute force in
 * binary64, before and after a remount, through ioctls and through read(2).
 */
#include "common.h"
#include <float.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

/* ---- the reference ---------------------------------------------------------------- */

struct hit {
	double distance;
	uint64_t id;
};

static double reference(uint32_t metric, const float *a, const float *b, uint32_t dim)
{
	double ab = 0, aa = 0, bb = 0, l2 = 0;
	uint32_t i;

	for (i = 0; i < dim; i++) {
		double d = (double)a[i] - b[i];

		l2 += d * d;
		ab += (double)a[i] * b[i];
		aa += (double)a[i] * a[i];
		bb += (double)b[i] * b[i];
	}
	if (metric == VEXFS_METRIC_L2)
		return l2;
	if (metric == VEXFS_METRIC_IP)
		return -ab;
	return aa && bb ? 1 - ab / sqrt(aa * bb) : 1;
}

static int by_distance(const void *pa, const void *pb)
{
	const struct hit *a = pa, *b = pb;

	if (a->distance != b->distance)
		return a->distance < b->distance ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

/* How far a binary32 sum of @dim terms may be from the binary64 one. */
static double slack(uint32_t metric, const float *a, const float *b, uint32_t dim)
{
	double sum = 0;
	uint32_t i;

	for (i = 0; i < dim; i++)
		sum += metric == VEXFS_METRIC_L2 ? ((double)a[i] - b[i]) * ((double)a[i] - b[i]) :
			fabs((double)a[i] * b[i]);
	if (metric == VEXFS_METRIC_COSINE)
		sum = 4;
	return sum * dim * FLT_EPSILON + FLT_MIN;
}

/*
 * 0 when one query's answer is right: each distance is that of its row, they do not
 * fall, and no row that is left out is nearer than one that is in by more than rounding.
 */
static int judge(uint32_t metric, const float *rows, uint32_t count, const char *dead,
		 const float *query, uint32_t dim, uint32_t k, const uint64_t *ids,
		 const float *distances)
{
	struct hit *all = malloc(count * sizeof(*all));
	uint32_t i, live = 0;
	int err = 0;

	for (i = 0; i < count; i++)
		if (!dead || !dead[i])
			all[live++] = (struct hit){ reference(metric, query, rows + i * dim, dim), i };
	qsort(all, live, sizeof(*all), by_distance);
	for (i = 0; i < k && !err; i++) {
		const float *row;
		double tolerance;

		if (i >= live) {
			err = ids[i] != VEXFS_NO_ID || distances[i] != FLT_MAX ? -1 : 0;
			continue;
		}
		if (ids[i] >= count || (dead && dead[ids[i]])) {
			err = -2;
			continue;
		}
		row = rows + ids[i] * dim;
		tolerance = slack(metric, query, row, dim) +
			    slack(metric, query, rows + all[i].id * dim, dim);
		if (fabs(distances[i] - reference(metric, query, row, dim)) > tolerance)
			err = -3;
		else if (fabs(distances[i] - all[i].distance) > tolerance)
			err = -4;
		else if (i && (distances[i] < distances[i - 1] ||
			       (distances[i] == distances[i - 1] && ids[i] <= ids[i - 1])))
			err = -5;
	}
	free(all);
	return err;
}

/* ---- one collection of each metric and some dimensions -------------------------------- */

FIXTURE(coll) {
	int fd;
	float *rows;
	char *dead;
};

FIXTURE_VARIANT(coll) {
	uint32_t metric;
	uint32_t dim;
	uint32_t count;
};

FIXTURE_VARIANT_ADD(coll, l2_of_128) { VEXFS_METRIC_L2, 128, 1500 };
FIXTURE_VARIANT_ADD(coll, l2_of_1) { VEXFS_METRIC_L2, 1, 3000 };
FIXTURE_VARIANT_ADD(coll, ip_of_100) { VEXFS_METRIC_IP, 100, 1000 };
FIXTURE_VARIANT_ADD(coll, cosine_of_37) { VEXFS_METRIC_COSINE, 37, 2000 };
FIXTURE_VARIANT_ADD(coll, cosine_of_5000) { VEXFS_METRIC_COSINE, 5000, 70 };

FIXTURE_SETUP(coll)
{
	size_t n = (size_t)variant->count * variant->dim;
	uint32_t at;

	ASSERT_EQ(0, make_fs(128));
	ASSERT_EQ(0, do_mount(0, NULL));
	self->rows = malloc(n * sizeof(float));
	self->dead = calloc(1, variant->count);
	fill_floats(self->rows, n, 3);
	self->fd = coll_open(MNT "/coll", variant->dim, variant->metric);
	ASSERT_LE(0, self->fd);
	/* In batches of different sizes. */
	for (at = 0; at < variant->count; ) {
		uint32_t batch = 1 + mix(at) % 300;

		if (batch > variant->count - at)
			batch = variant->count - at;
		ASSERT_EQ(at, coll_insert(self->fd, self->rows + (size_t)at * variant->dim,
					  batch, variant->dim));
		at += batch;
	}
}

FIXTURE_TEARDOWN(coll)
{
	close(self->fd);
	free(self->rows);
	free(self->dead);
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

/* Search for some queries, in one batch, and judge each. */
static int search_right(int fd, uint32_t metric, uint32_t dim, uint32_t count,
			const float *rows, const char *dead, uint32_t k)
{
	const uint32_t nq = 5;
	float *queries = malloc(nq * dim * sizeof(float));
	float *distances = malloc(nq * k * sizeof(float));
	uint64_t *ids = malloc(nq * k * sizeof(*ids));
	struct vexfs_search a = search_args(queries, nq, dim, k, ids, distances);
	uint32_t i, live = 0;
	int err;

	for (i = 0; i < count; i++)
		live += !dead || !dead[i];
	fill_floats(queries, nq * dim, 77);
	/* One of them is a row itself. */
	memcpy(queries, rows + (size_t)(count / 2) * dim, dim * sizeof(float));
	err = neg(ioctl(fd, VEXFS_IOC_SEARCH, &a));
	for (i = 0; i < nq && !err; i++)
		err = judge(metric, rows, count, dead, queries + i * dim, dim, k, ids + i * k,
			    distances + i * k);
	if (!err && a.visited != (uint64_t)nq * live)
		err = -6;
	free(queries);
	free(distances);
	free(ids);
	return err;
}

static int reopen(int *fd)
{
	int err;

	close(*fd);
	err = remount();
	*fd = open(MNT "/coll", O_RDWR);
	return err;
}

TEST_F_TIMEOUT(coll, searches_match_brute_force_before_and_after_a_remount, 100)
{
	EXPECT_EQ(0, search_right(self->fd, variant->metric, variant->dim, variant->count,
				  self->rows, NULL, 10));
	ASSERT_EQ(0, reopen(&self->fd));
	EXPECT_EQ(0, search_right(self->fd, variant->metric, variant->dim, variant->count,
				  self->rows, NULL, 10));
	EXPECT_EQ(0, search_right(self->fd, variant->metric, variant->dim, variant->count,
				  self->rows, NULL, 1));
	EXPECT_EQ(0, search_right(self->fd, variant->metric, variant->dim, variant->count,
				  self->rows, NULL, 4000));
}

TEST_F_TIMEOUT(coll, deleted_rows_are_never_found_again, 100)
{
	uint64_t *ids = malloc(variant->count * sizeof(*ids));
	struct vexfs_delete d;
	uint32_t i, n = 0;

	for (i = 0; i < variant->count; i++) {
		self->dead[i] = i == variant->count / 2 || mix(i + 9) % 3 == 0;
		if (self->dead[i])
			ids[n++] = i;
	}
	d = delete_args(ids, n);
	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_DELETE, &d));
	EXPECT_EQ(0, search_right(self->fd, variant->metric, variant->dim, variant->count,
				  self->rows, self->dead, 10));
	ASSERT_EQ(0, reopen(&self->fd));
	EXPECT_EQ(0, search_right(self->fd, variant->metric, variant->dim, variant->count,
				  self->rows, self->dead, 10));
	EXPECT_EQ(variant->count, coll_stat(self->fd).rows);
	EXPECT_EQ(variant->count - n, coll_stat(self->fd).live);
	/* No row moves, and their ids stay theirs. */
	EXPECT_EQ(variant->count * variant->dim * 4L, size_of(MNT "/coll"));
	EXPECT_EQ(variant->count, coll_insert(self->fd, self->rows, 1, variant->dim));
	free(ids);
}

TEST_F(coll, get_gives_the_very_bits_back)
{
	uint64_t ids[20];
	float *out = malloc(20 * variant->dim * sizeof(float));
	struct vexfs_get a = get_args(ids, out, 20, variant->dim);
	int i, round;

	for (i = 0; i < 20; i++)
		ids[i] = mix(i) % variant->count;
	ids[7] = ids[3];
	for (round = 0; round < 2; round++) {
		memset(out, 0, 20 * variant->dim * sizeof(float));
		ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_GET, &a));
		for (i = 0; i < 20; i++)
			EXPECT_EQ(0, memcmp(out + i * variant->dim,
					    self->rows + ids[i] * variant->dim,
					    variant->dim * sizeof(float)));
		ASSERT_EQ(0, reopen(&self->fd));
	}
	free(out);
}

TEST_F(coll, read_and_mmap_see_the_rows)
{
	size_t len = (size_t)variant->count * variant->dim * sizeof(float);
	char *map, *buf = malloc(len + 1);
	int round;

	for (round = 0; round < 2; round++) {
		ASSERT_EQ(len, size_of(MNT "/coll"));
		ASSERT_EQ((ssize_t)len, pread(self->fd, buf, len + 1, 0));
		EXPECT_EQ(0, memcmp(buf, self->rows, len));
		map = mmap(NULL, len, PROT_READ, MAP_SHARED, self->fd, 0);
		ASSERT_NE(MAP_FAILED, map);
		EXPECT_EQ(0, memcmp(map, self->rows, len));
		munmap(map, len);
		ASSERT_EQ(0, reopen(&self->fd));
	}
	free(buf);
}

/* A page that was read before an insert shows the new row. */
TEST_F(coll, cached_pages_follow_inserts)
{
	size_t row = variant->dim * sizeof(float), len = row * variant->count;
	char *buf = malloc(len + 6 * row), *map;
	uint32_t i;

	map = mmap(NULL, len + 5 * row, PROT_READ, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	for (i = 0; i < 5; i++) {
		ASSERT_EQ((ssize_t)len, pread(self->fd, buf, len + row, 0));
		EXPECT_EQ(0, memcmp(buf, map, len));
		ASSERT_LE(0, coll_insert(self->fd, self->rows, 1, variant->dim));
		len += row;
		EXPECT_EQ(0, memcmp(map + len - row, self->rows, row));
		ASSERT_EQ((ssize_t)len, pread(self->fd, buf, len + row, 0));
		EXPECT_EQ(0, memcmp(buf + len - row, self->rows, row));
	}
	munmap(map, len);
	free(buf);
}

/* Deleting leaves the bytes of the file alone: nobody's row moves. */
TEST_F(coll, deleting_leaves_the_bytes_of_the_file)
{
	size_t len = (size_t)variant->count * variant->dim * sizeof(float);
	uint64_t ids[2] = { 0, variant->count - 1 };
	struct vexfs_delete d = delete_args(ids, 2);
	char *buf = malloc(len);

	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_DELETE, &d));
	ASSERT_EQ(0, reopen(&self->fd));
	ASSERT_EQ((ssize_t)len, pread(self->fd, buf, len, 0));
	EXPECT_EQ(0, memcmp(buf, self->rows, len));
	free(buf);
}

TEST_F(coll, appended_rows_are_inserted_rows)
{
	size_t row = variant->dim * sizeof(float);
	uint64_t id = variant->count + 2;
	float *out = malloc(row);
	struct vexfs_get a = get_args(&id, out, 1, variant->dim);
	int fd = open(MNT "/coll", O_WRONLY | O_APPEND);

	ASSERT_LE(0, fd);
	ASSERT_EQ((ssize_t)(3 * row), write(fd, self->rows, 3 * row));
	close(fd);
	EXPECT_EQ(variant->count + 3, coll_stat(self->fd).live);
	ASSERT_EQ(0, reopen(&self->fd));
	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_GET, &a));
	EXPECT_EQ(0, memcmp(out, self->rows + 2 * variant->dim, row));
	free(out);
}

/* ---- apart from the metric ------------------------------------------------------------ */

FIXTURE(vec) {
};

FIXTURE_SETUP(vec)
{
	ASSERT_EQ(0, make_fs(32));
	ASSERT_EQ(0, do_mount(0, NULL));
}

FIXTURE_TEARDOWN(vec)
{
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

TEST_F(vec, an_empty_collection_finds_nothing)
{
	float query[4] = { 1 }, distances[3];
	uint64_t ids[3];
	struct vexfs_search a = search_args(query, 1, 4, 3, ids, distances);
	int i, fd = coll_open(MNT "/c", 4, VEXFS_METRIC_L2);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ioctl(fd, VEXFS_IOC_SEARCH, &a));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(VEXFS_NO_ID, ids[i]);
		EXPECT_TRUE(distances[i] == FLT_MAX);
	}
	EXPECT_EQ(0, a.visited);
	close(fd);
}

TEST_F(vec, equal_distances_are_ordered_by_id)
{
	float rows[40 * 2], query[2] = { }, distances[40];
	struct vexfs_search a;
	uint64_t ids[40];
	int i, fd = coll_open(MNT "/c", 2, VEXFS_METRIC_L2);

	ASSERT_LE(0, fd);
	for (i = 0; i < 40; i++) {
		rows[2 * i] = i % 2 ? 1 : -1;
		rows[2 * i + 1] = 0;
	}
	ASSERT_EQ(0, coll_insert(fd, rows, 40, 2));
	a = search_args(query, 1, 2, 40, ids, distances);
	ASSERT_EQ(0, ioctl(fd, VEXFS_IOC_SEARCH, &a));
	for (i = 0; i < 40; i++)
		EXPECT_EQ(i, ids[i]);
	close(fd);
}

TEST_F(vec, distances_out_of_range_are_the_largest_number)
{
	float rows[4] = { FLT_MAX, FLT_MAX, 0, 0 }, query[2] = { -FLT_MAX, -FLT_MAX };
	float distances[2];
	struct vexfs_search a;
	uint64_t ids[2];
	int fd = coll_open(MNT "/c", 2, VEXFS_METRIC_L2);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, coll_insert(fd, rows, 2, 2));
	a = search_args(query, 1, 2, 2, ids, distances);
	ASSERT_EQ(0, ioctl(fd, VEXFS_IOC_SEARCH, &a));
	EXPECT_TRUE(distances[0] == FLT_MAX && distances[1] == FLT_MAX);
	close(fd);
}

TEST_F(vec, an_unlinked_collection_gives_its_space_back)
{
	static float rows[1000 * 64];
	struct statfs before, after;
	int fd;

	fill_floats(rows, 1000 * 64, 1);
	sync();
	ASSERT_EQ(0, statfs(MNT, &before));
	fd = coll_open(MNT "/c", 64, VEXFS_METRIC_L2);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, coll_insert(fd, rows, 1000, 64));
	ASSERT_EQ(1000, coll_insert(fd, rows, 1000, 64));
	ASSERT_EQ(0, unlink(MNT "/c"));
	ASSERT_EQ(2000, coll_insert(fd, rows, 10, 64));
	close(fd);
	sync();
	ASSERT_EQ(0, statfs(MNT, &after));
	EXPECT_EQ(before.f_bfree, after.f_bfree);
	EXPECT_EQ(before.f_bavail, after.f_bavail);
}

TEST_F_TIMEOUT(vec, inserts_on_a_full_device_are_enospc_and_whole, 120)
{
	const uint32_t batch = 1024, dim = 256;
	float *rows = malloc(batch * dim * sizeof(float)), row[256];
	uint64_t id, n = 0;
	struct vexfs_get g;
	long err;
	int fd = coll_open(MNT "/c", dim, VEXFS_METRIC_L2);

	ASSERT_LE(0, fd);
	fill_floats(rows, batch * dim, 1);
	while ((err = coll_insert(fd, rows, batch, dim)) >= 0)
		n += batch;
	EXPECT_EQ(-ENOSPC, err);
	EXPECT_LT(20 * MIB, n * dim * 4);
	EXPECT_EQ(n, coll_stat(fd).rows);
	close(fd);
	ASSERT_EQ(0, remount());
	fd = open(MNT "/c", O_RDWR);
	EXPECT_EQ(n, coll_stat(fd).rows);
	EXPECT_EQ((long)(n * dim * 4), size_of(MNT "/c"));
	id = n - 1;
	g = get_args(&id, row, 1, dim);
	ASSERT_EQ(0, ioctl(fd, VEXFS_IOC_GET, &g));
	EXPECT_EQ(0, memcmp(row, rows + (batch - 1) * dim, sizeof(row)));
	close(fd);
	EXPECT_EQ(0, unlink(MNT "/c"));
	free(rows);
}

/* ---- at the same time ------------------------------------------------------------------ */

struct worker {
	int fd, search, err;
	uint32_t dim;
	unsigned int seed;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	float rows[16 * 20], distances[5];
	uint64_t ids[5];
	int i, j;

	for (i = 0; i < 60 && !w->err; i++) {
		struct vexfs_search a = search_args(rows, 1, 16, 5, ids, distances);

		fill_floats(rows, 16 * 20, w->seed * 1000 + i);
		if (!w->search) {
			long id = coll_insert(w->fd, rows, 20, 16);

			w->err = id < 0 ? id : 0;
			if (i % 10 == 5)
				fsync(w->fd);
			continue;
		}
		w->err = neg(ioctl(w->fd, VEXFS_IOC_SEARCH, &a));
		for (j = 1; j < 5 && !w->err; j++)
			if (distances[j] < distances[j - 1] ||
			    (ids[j] != VEXFS_NO_ID && ids[j] == ids[j - 1]))
				w->err = -1;
	}
	return NULL;
}

TEST_F_TIMEOUT(vec, inserts_and_searches_at_once_are_all_whole, 200)
{
	struct worker w[6];
	pthread_t threads[6];
	struct vexfs_stat st;
	int i, fd = coll_open(MNT "/c", 16, VEXFS_METRIC_L2);

	ASSERT_LE(0, fd);
	for (i = 0; i < 6; i++) {
		w[i] = (struct worker){ .fd = fd, .search = i % 2, .seed = i };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, work, &w[i]));
	}
	for (i = 0; i < 6; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, w[i].err);
	}
	st = coll_stat(fd);
	EXPECT_EQ(3 * 60 * 20, st.rows);
	EXPECT_EQ(st.rows, st.live);
	EXPECT_EQ((long)(st.rows * 64), size_of(MNT "/c"));
	close(fd);
	ASSERT_EQ(0, remount());
	EXPECT_EQ((long)(3 * 60 * 20 * 64), size_of(MNT "/c"));
}

TEST_F_TIMEOUT(vec, a_long_search_can_be_killed, 100)
{
	const uint32_t dim = 512, count = 4096;
	float *rows = malloc(count * dim * sizeof(float));
	struct timespec t0, t1;
	int status, fd = coll_open(MNT "/c", dim, VEXFS_METRIC_COSINE);
	pid_t pid;

	ASSERT_LE(0, fd);
	fill_floats(rows, count * dim, 1);
	ASSERT_EQ(0, coll_insert(fd, rows, count, dim));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		uint64_t *ids = malloc(4096 * 8);
		float *distances = malloc(4096 * 4);
		struct vexfs_search a = search_args(rows, 4096, dim, 1, ids, distances);

		for (;;)
			ioctl(fd, VEXFS_IOC_SEARCH, &a);
	}
	usleep(500000);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	clock_gettime(CLOCK_MONOTONIC, &t1);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_GT(2, t1.tv_sec - t0.tv_sec);
	close(fd);
	free(rows);
}

TEST_HARNESS_MAIN

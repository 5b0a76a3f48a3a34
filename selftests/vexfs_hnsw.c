// SPDX-License-Identifier: GPL-2.0-only
/*
 * HNSW indexes in the kernel: every field that can be wrong is refused with its errno; rows are
 * found by the graph before and after a remount; searches go on beside insertions, deletions and
 * removals; one that is killed leaves nothing.
 */
#include "common.h"
#include <signal.h>
#include <sys/wait.h>

#define DIM	8
#define ROWS	1100
#define K	10

FIXTURE(hnsw) {
	int fd;
	int flat;
	float rows[ROWS * DIM];
	uint64_t ids[K];
	float distances[K];
};

static struct vexfs_create hnsw_args(uint32_t index, uint32_t m, uint32_t ef_construction)
{
	return (struct vexfs_create){
		.size = sizeof(struct vexfs_create), .elem = VEXFS_ELEM_F32,
		.metric = VEXFS_METRIC_L2, .dim = DIM, .index = index, .m = m,
		.ef_construction = ef_construction,
	};
}

static int create(int fd, uint32_t index, uint32_t m, uint32_t ef_construction)
{
	struct vexfs_create a = hnsw_args(index, m, ef_construction);

	return neg(ioctl(fd, VEXFS_IOC_CREATE, &a));
}

FIXTURE_SETUP(hnsw)
{
	struct vexfs_create a = hnsw_args(VEXFS_INDEX_HNSW, 8, 24);

	ASSERT_EQ(0, make_fs(128));
	ASSERT_EQ(0, do_mount(0, NULL));
	ASSERT_EQ(0, coll_pair(MNT "/graph", &a, self->rows, ROWS, &self->fd, &self->flat));
}

FIXTURE_TEARDOWN(hnsw)
{
	close(self->fd);
	close(self->flat);
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

static int search(int fd, const float *query, uint32_t ef, uint64_t *ids, float *distances)
{
	struct vexfs_search a = search_args(query, 1, DIM, K, ids, distances);

	a.ef = ef;
	return neg(ioctl(fd, VEXFS_IOC_SEARCH, &a));
}

/* Of 200. */
static int found(FIXTURE_DATA(hnsw) *self)
{
	return coll_found(self->fd, self->flat, DIM, 100, 0);
}

TEST_F(hnsw, the_graph_finds_the_true_neighbours_before_and_after_a_remount)
{
	struct vexfs_stat st = coll_stat(self->fd);

	EXPECT_EQ(VEXFS_INDEX_HNSW, st.index);
	EXPECT_EQ(ROWS, st.indexed);
	EXPECT_EQ(0, st.pending);
	EXPECT_EQ(8, st.m);
	EXPECT_EQ(24, st.ef_construction);
	EXPECT_EQ(VEXFS_CODE_SQ7, st.code);
	EXPECT_LE(190, found(self));
	close(self->fd);
	close(self->flat);
	ASSERT_EQ(0, do_umount());
	ASSERT_EQ(0, do_mount(0, NULL));
	self->fd = open(MNT "/graph", O_RDWR);
	self->flat = open(MNT "/flat", O_RDWR);
	EXPECT_EQ(ROWS, coll_stat(self->fd).indexed);
	EXPECT_LE(190, found(self));
}

/* Rows get a number from 0 to 999 that has nothing to do with where they lie. */
static int number_rows(int fd)
{
	static struct {
		uint32_t len;
		struct vexfs_meta_pair pair;
		char key;
		int64_t value;
	} __attribute__((packed)) meta[ROWS];
	static uint64_t ids[ROWS];
	struct vexfs_meta_set a = {
		.size = sizeof(a), .ids = (uintptr_t)ids, .meta = (uintptr_t)meta,
		.meta_len = sizeof(meta), .count = ROWS,
	};
	int i;

	for (i = 0; i < ROWS; i++) {
		ids[i] = i;
		meta[i].len = sizeof(meta[i]) - sizeof(meta[i].len);
		meta[i].pair = (struct vexfs_meta_pair){
			.key_len = 1, .type = VEXFS_META_INT, .len = 8,
		};
		meta[i].key = 'n';
		meta[i].value = i * 389 % 1000;
	}
	return neg(ioctl(fd, VEXFS_IOC_META_SET, &a));
}

/* How many of the true neighbours with a number below @below 20 queries find; *@all: there are. */
static int found_below(FIXTURE_DATA(hnsw) *self, int below, int *all)
{
	struct vexfs_filter_node node = {
		.op = VEXFS_FILTER_LT, .type = VEXFS_META_INT, .key_len = 1, .key = "n",
		.value = below,
	};
	float query[DIM], distances[K];
	uint64_t ids[K];
	int i, a, b, n = 0;

	*all = 0;
	for (i = 0; i < 20; i++) {
		struct vexfs_search s = search_args(query, 1, DIM, K, self->ids, self->distances);
		struct vexfs_search t = search_args(query, 1, DIM, K, ids, distances);

		fill_floats(query, DIM, 100 + i);
		s.filter = (uintptr_t)&node;
		t.filter = (uintptr_t)&node;
		s.filter_count = 1;
		t.filter_count = 1;
		s.ef = 20;
		if (ioctl(self->fd, VEXFS_IOC_SEARCH, &s) ||
		    ioctl(self->flat, VEXFS_IOC_SEARCH, &t))
			return -1;
		for (a = 0; a < K; a++) {
			*all += ids[a] != VEXFS_NO_ID;
			for (b = 0; b < K && ids[a] != VEXFS_NO_ID; b++)
				n += ids[a] == self->ids[b] && distances[a] == self->distances[b];
		}
	}
	return n;
}

TEST_F(hnsw, filters_find_the_true_neighbours)
{
	static const int below[] = { 1000, 900, 500, 100, 10, 1, 0 };
	uint64_t dead[ROWS / 7 + 1];
	struct vexfs_delete d;
	int i, all, n = 0;

	ASSERT_EQ(0, number_rows(self->fd));
	ASSERT_EQ(0, number_rows(self->flat));
	for (i = 0; i < ROWS; i += 7)
		dead[n++] = i;
	d = delete_args(dead, n);
	ASSERT_EQ(0, neg(ioctl(self->fd, VEXFS_IOC_DELETE, &d)));
	ASSERT_EQ(0, neg(ioctl(self->flat, VEXFS_IOC_DELETE, &d)));
	for (i = 0; i < (int)(sizeof(below) / sizeof(*below)); i++) {
		n = found_below(self, below[i], &all);
		EXPECT_LE(all * 95 / 100, n);
	}
}

/* All that two collections with the same rows have within a radius. */
TEST_F(hnsw, ranges_hold_what_exact_search_finds)
{
	static uint64_t ids[2][ROWS];
	static float distances[2][ROWS];
	static const float radius[] = { 0.01, 0.5, 1, 2, 8 };
	struct vexfs_range a[2];
	uint64_t met[2] = { };
	int i, q;

	for (q = 0; q < 20; q++)
		for (i = 0; i < 5; i++) {
			float query[DIM];
			int j;

			fill_floats(query, DIM, 100 + q);
			for (j = 0; j < 2; j++) {
				a[j] = (struct vexfs_range){
					.size = sizeof(a[j]), .query = (uintptr_t)query,
					.query_len = sizeof(query), .dim = DIM, .max = ROWS,
					.ids = (uintptr_t)ids[j],
					.distances = (uintptr_t)distances[j],
				};
				memcpy(&a[j].radius, &radius[i], sizeof(float));
				ASSERT_EQ(0, neg(ioctl(j ? self->flat : self->fd, VEXFS_IOC_RANGE,
						       &a[j])));
				EXPECT_EQ(a[j].met, a[j].count);
				met[j] += a[j].met;
			}
			EXPECT_LE(a[0].met, a[1].met);
			if (a[0].met == a[1].met)
				EXPECT_EQ(0, memcmp(ids[0], ids[1], a[0].met * sizeof(**ids)));
		}
	EXPECT_LT(0, met[1]);
	EXPECT_LE(met[1] * 97 / 100, met[0]);
}

TEST_F(hnsw, fields_out_of_range_are_refused)
{
	struct vexfs_create a = {
		.size = 24, .elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2, .dim = DIM,
		.index = VEXFS_INDEX_FLAT,
	};
	struct vexfs_reindex r = { .size = sizeof(r) };
	int fd = open(MNT "/new", O_CREAT | O_RDWR, 0644);

	EXPECT_EQ(-EINVAL, create(fd, VEXFS_INDEX_HNSW, 1, 0));
	EXPECT_EQ(-EINVAL, create(fd, VEXFS_INDEX_HNSW, 129, 0));
	EXPECT_EQ(-EINVAL, create(fd, VEXFS_INDEX_HNSW, 0, VEXFS_MAX_EF + 1));
	EXPECT_EQ(-EINVAL, create(fd, VEXFS_INDEX_FLAT, 16, 0));
	EXPECT_EQ(-EINVAL, create(fd, VEXFS_INDEX_LSH, 16, 0));
	EXPECT_EQ(-EINVAL, create(fd, VEXFS_INDEX_CODES + 1, 0, 0));
	EXPECT_EQ(-EINVAL, search(self->fd, self->rows, VEXFS_MAX_EF + 1, self->ids,
				  self->distances));
	EXPECT_EQ(-ENODATA, neg(ioctl(fd, VEXFS_IOC_REINDEX, &r)));
	EXPECT_EQ(-EOPNOTSUPP, neg(ioctl(self->flat, VEXFS_IOC_REINDEX, &r)));
	r.reserved = 1;
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_REINDEX, &r)));
	r = (struct vexfs_reindex){ .size = sizeof(r), .m = 1 };
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_REINDEX, &r)));
	/* A program of before there were indexes. */
	EXPECT_EQ(0, neg(ioctl(fd, VEXFS_IOC_CREATE, &a)));
	close(fd);
	fd = open(MNT "/graph", O_RDONLY);
	r.m = 0;
	EXPECT_EQ(-EBADF, neg(ioctl(fd, VEXFS_IOC_REINDEX, &r)));
	close(fd);
}

TEST_F(hnsw, an_index_is_made_anew)
{
	struct vexfs_reindex r = { .size = sizeof(r), .m = 6, .code = VEXFS_CODE_SQ4 };

	EXPECT_EQ(0, neg(ioctl(self->fd, VEXFS_IOC_REINDEX, &r)));
	EXPECT_EQ(ROWS, coll_stat(self->fd).indexed);
	EXPECT_EQ(6, coll_stat(self->fd).m);
	EXPECT_EQ(VEXFS_CODE_SQ4, coll_stat(self->fd).code);
	EXPECT_LE(150, found(self));
}

/* Searches until it is killed. */
static void search_for_ever(const float *rows)
{
	int fd = open(MNT "/graph", O_RDONLY);
	float distances[K];
	uint64_t ids[K];
	uint32_t i;

	for (i = 0;; i = (i + 1) % ROWS)
		if (fd < 0 || search(fd, rows + i * DIM, 100, ids, distances) ||
		    ids[0] == VEXFS_NO_ID)
			_exit(1);
}

TEST_F(hnsw, searches_run_beside_changes_and_are_killed)
{
	struct vexfs_update u = {
		.size = sizeof(u), .ids = (uintptr_t)self->ids, .rows = (uintptr_t)self->rows,
		.rows_len = sizeof(float) * DIM, .count = 1, .dim = DIM,
	};
	struct vexfs_delete d = delete_args(self->ids, 1);
	pid_t child[2];
	int i, status;

	for (i = 0; i < 2; i++) {
		child[i] = fork();
		if (!child[i])
			search_for_ever(self->rows);
	}
	for (i = 0; i < 30; i++) {
		EXPECT_EQ(ROWS + 2 * i, coll_insert(self->fd, self->rows + 2 * i * DIM, 2, DIM));
		self->ids[0] = 300 + i;
		EXPECT_EQ(0, neg(ioctl(self->fd, VEXFS_IOC_DELETE, &d)));
		self->ids[0] = 600 + i;
		EXPECT_EQ(0, neg(ioctl(self->fd, VEXFS_IOC_UPDATE, &u)));
		if (i % 10 == 9)
			EXPECT_EQ(0, fsync(self->fd));
	}
	for (i = 0; i < 2; i++) {
		/* Still there: no search has failed. */
		EXPECT_EQ(0, waitpid(child[i], &status, WNOHANG));
		kill(child[i], SIGKILL);
		EXPECT_EQ(child[i], waitpid(child[i], &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
	}
	EXPECT_EQ(ROWS + 60, coll_stat(self->fd).indexed);
}

TEST_F(hnsw, removal_beside_searches_gives_all_space_back)
{
	struct statfs before, after;
	pid_t child;
	int fd, status;

	EXPECT_EQ(0, syncfs(self->fd));
	ASSERT_EQ(0, statfs(MNT, &before));
	fd = open(MNT "/second", O_CREAT | O_RDWR, 0644);
	ASSERT_EQ(0, create(fd, VEXFS_INDEX_HNSW, 4, 10));
	EXPECT_EQ(0, coll_insert(fd, self->rows, ROWS, DIM));
	EXPECT_EQ(0, fsync(fd));
	child = fork();
	if (!child)
		_exit(search(fd, self->rows, 1000, self->ids, self->distances) != 0);
	EXPECT_EQ(0, unlink(MNT "/second"));
	close(fd);
	EXPECT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, syncfs(self->fd));
	EXPECT_EQ(0, syncfs(self->fd));
	ASSERT_EQ(0, statfs(MNT, &after));
	/*
	 * All rows and all of the index, 70 blocks. Nodes of the tree between what stays may be
	 * less full than before; from an empty filesystem on the count is exact (test_index).
	 */
	EXPECT_LE(before.f_bfree, after.f_bfree + 4);
	EXPECT_GE(before.f_bfree + 4, after.f_bfree);
	EXPECT_EQ(before.f_bfree - after.f_bfree, before.f_ffree - after.f_ffree);
}

TEST_HARNESS_MAIN

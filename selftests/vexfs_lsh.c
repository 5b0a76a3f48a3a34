// SPDX-License-Identifier: GPL-2.0-only
/*
 * LSH indexes in the kernel: every field that can be wrong is refused with its errno, structures of
 * before have defaults, and rows are found by their buckets before and after changes and a remount.
 */
#include "common.h"

#define DIM	8
#define ROWS	1500
#define K	10

FIXTURE(lsh) {
	int fd;
	int flat;
	float rows[ROWS * DIM];
	uint64_t ids[K];
	float distances[K];
};

static struct vexfs_create lsh_args(uint32_t tables, uint32_t bits)
{
	return (struct vexfs_create){
		.size = sizeof(struct vexfs_create), .elem = VEXFS_ELEM_F32,
		.metric = VEXFS_METRIC_L2, .dim = DIM, .index = VEXFS_INDEX_LSH,
		.tables = tables, .bits = bits,
	};
}

FIXTURE_SETUP(lsh)
{
	struct vexfs_create a = lsh_args(4, 8);

	ASSERT_EQ(0, make_fs(128));
	ASSERT_EQ(0, do_mount(0, NULL));
	ASSERT_EQ(0, coll_pair(MNT "/tables", &a, self->rows, ROWS, &self->fd, &self->flat));
}

FIXTURE_TEARDOWN(lsh)
{
	close(self->fd);
	close(self->flat);
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

static int search(int fd, const float *query, uint32_t probes, uint64_t *ids, float *distances)
{
	struct vexfs_search a = search_args(query, 1, DIM, K, ids, distances);

	a.probes = probes;
	return neg(ioctl(fd, VEXFS_IOC_SEARCH, &a));
}

/* Of 200. */
static int found(FIXTURE_DATA(lsh) *self, uint32_t probes)
{
	return coll_found(self->fd, self->flat, DIM, 0, probes);
}

static int change(int fd, const float *rows, uint64_t *ids, uint32_t count)
{
	struct vexfs_update u = {
		.size = sizeof(u), .ids = (uintptr_t)ids, .rows = (uintptr_t)rows,
		.rows_len = count * DIM * sizeof(*rows), .count = count, .dim = DIM,
	};
	struct vexfs_delete d = {
		.size = sizeof(d), .ids = (uintptr_t)(ids + count), .count = count,
	};
	int err = neg(ioctl(fd, VEXFS_IOC_UPDATE, &u));

	return err ? err : neg(ioctl(fd, VEXFS_IOC_DELETE, &d));
}

TEST_F(lsh, buckets_lead_to_the_true_neighbours_through_changes_and_a_remount)
{
	struct vexfs_stat st = coll_stat(self->fd);
	uint64_t ids[800];
	int i;

	EXPECT_EQ(VEXFS_INDEX_LSH, st.index);
	EXPECT_EQ(ROWS, st.indexed);
	EXPECT_EQ(4, st.tables);
	EXPECT_EQ(8, st.bits);
	EXPECT_EQ(0, st.m);
	EXPECT_LE(190, found(self, 0));
	EXPECT_GT(190, found(self, 1));
	for (i = 0; i < 800; i++)
		ids[i] = i;
	fill_floats(self->rows, 400 * DIM, 9);
	ASSERT_EQ(0, change(self->fd, self->rows, ids, 400));
	ASSERT_EQ(0, change(self->flat, self->rows, ids, 400));
	EXPECT_EQ(0, coll_stat(self->fd).pending);
	EXPECT_LE(190, found(self, 0));
	close(self->fd);
	close(self->flat);
	ASSERT_EQ(0, do_umount());
	ASSERT_EQ(0, do_mount(0, NULL));
	self->fd = open(MNT "/tables", O_RDWR);
	self->flat = open(MNT "/flat", O_RDWR);
	EXPECT_EQ(ROWS, coll_stat(self->fd).indexed);
	EXPECT_LE(190, found(self, 0));
}

TEST_F(lsh, fields_out_of_range_are_refused)
{
	struct vexfs_search s = search_args(self->rows, 1, DIM, K, self->ids, self->distances);
	struct vexfs_reindex r = { .size = sizeof(r), .tables = 65 };
	int fd = open(MNT "/new", O_CREAT | O_RDWR, 0644);
	struct vexfs_create a = lsh_args(65, 8);

	EXPECT_EQ(-EINVAL, neg(ioctl(fd, VEXFS_IOC_CREATE, &a)));
	a = lsh_args(8, 21);
	EXPECT_EQ(-EINVAL, neg(ioctl(fd, VEXFS_IOC_CREATE, &a)));
	a = lsh_args(8, 12);
	a.m = 16;
	EXPECT_EQ(-EINVAL, neg(ioctl(fd, VEXFS_IOC_CREATE, &a)));
	a = lsh_args(8, 12);
	a.reserved = 1;
	EXPECT_EQ(-EINVAL, neg(ioctl(fd, VEXFS_IOC_CREATE, &a)));
	a = lsh_args(8, 12);
	a.index = VEXFS_INDEX_HNSW;
	EXPECT_EQ(-EINVAL, neg(ioctl(fd, VEXFS_IOC_CREATE, &a)));
	EXPECT_EQ(-EINVAL, search(self->fd, self->rows, VEXFS_MAX_PROBES + 1, self->ids,
				  self->distances));
	s.reserved = 1;
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &s)));
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_REINDEX, &r)));
	r = (struct vexfs_reindex){ .size = sizeof(r), .m = 16 };
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_REINDEX, &r)));
	/* A program of before there was LSH, but for its number. */
	a = (struct vexfs_create){
		.size = 40, .elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2, .dim = DIM,
		.index = VEXFS_INDEX_LSH, .bits = 99,
	};
	EXPECT_EQ(0, neg(ioctl(fd, VEXFS_IOC_CREATE, &a)));
	EXPECT_EQ(8, coll_stat(fd).tables);
	EXPECT_EQ(12, coll_stat(fd).bits);
	close(fd);
}

TEST_F(lsh, an_index_is_made_anew)
{
	struct vexfs_reindex r = { .size = sizeof(r), .bits = 5, .code = VEXFS_CODE_SQ4 };

	EXPECT_EQ(0, neg(ioctl(self->fd, VEXFS_IOC_REINDEX, &r)));
	EXPECT_EQ(ROWS, coll_stat(self->fd).indexed);
	EXPECT_EQ(4, coll_stat(self->fd).tables);
	EXPECT_EQ(5, coll_stat(self->fd).bits);
	EXPECT_EQ(VEXFS_CODE_SQ4, coll_stat(self->fd).code);
	EXPECT_LE(170, found(self, 0));
}

TEST_HARNESS_MAIN

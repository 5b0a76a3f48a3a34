// SPDX-License-Identifier: GPL-2.0-only
/*
 * Collections of f16, i8 and b1 in the kernel: the same bits as libvexfs finds in memory, before
 * and after a remount; rows that cannot be stored are refused by number.
 */
#include <vexfs.h>

#include "common.h"

#define DIM	29
#define ROWS	1300
#define FEW	100		/* where nothing is searched: a graph takes long to build */
#define QUERIES	20
#define K	10
#define MOST	(2 * DIM)	/* bytes of a row */

FIXTURE(elem) {
	int fd;
	uint32_t row;
	uint8_t rows[ROWS * MOST];
	uint8_t queries[QUERIES * MOST];
	uint64_t ids[QUERIES * K];
	float distances[QUERIES * K];
	uint64_t true_ids[QUERIES * K];
	float true_distances[QUERIES * K];
};

FIXTURE_VARIANT(elem) {
	uint32_t elem;
	uint32_t metric;
	uint32_t index;
};

#define VARIANT(name, of, by, with)						\
	FIXTURE_VARIANT_ADD(elem, name) {					\
		VEXFS_ELEM_##of, VEXFS_METRIC_##by, VEXFS_INDEX_##with		\
	}

VARIANT(f16_l2, F16, L2, FLAT);
VARIANT(f16_ip, F16, IP, FLAT);
VARIANT(f16_cosine, F16, COSINE, FLAT);
VARIANT(f16_hnsw, F16, L2, HNSW);
VARIANT(i8_l2, I8, L2, FLAT);
VARIANT(i8_ip, I8, IP, FLAT);
VARIANT(i8_cosine, I8, COSINE, FLAT);
VARIANT(i8_hnsw, I8, COSINE, HNSW);
VARIANT(b1_hamming, B1, HAMMING, FLAT);
VARIANT(b1_hnsw, B1, HAMMING, HNSW);

static uint32_t row_bytes(uint32_t elem)
{
	return elem == VEXFS_ELEM_F16 ? 2 * DIM : elem == VEXFS_ELEM_I8 ? DIM : (DIM + 7) / 8;
}

/* Any bytes that are rows: of f16 all numbers below 2, subnormal ones among them. */
static void fill(uint32_t elem, uint8_t *rows, uint32_t n, uint32_t seed)
{
	uint32_t bytes = row_bytes(elem), i;

	for (i = 0; i < n * bytes; i++) {
		seed = seed * 1664525 + 1013904223;
		rows[i] = seed >> 24;
		if (elem == VEXFS_ELEM_F16 && i % 2)
			rows[i] &= 0xbf;
		if (elem == VEXFS_ELEM_B1 && i % bytes == bytes - 1)
			rows[i] &= (1u << DIM % 8) - 1;
	}
}

static int create(int fd, uint32_t elem, uint32_t metric, uint32_t index, uint32_t code)
{
	struct vexfs_create a = {
		.size = sizeof(a), .elem = elem, .metric = metric, .dim = DIM, .index = index,
		.code = code,
	};

	return neg(ioctl(fd, VEXFS_IOC_CREATE, &a));
}

static struct vexfs_insert insert_of(FIXTURE_DATA(elem) *self, const void *rows, uint32_t n)
{
	return (struct vexfs_insert){
		.size = sizeof(struct vexfs_insert), .rows = (uintptr_t)rows,
		.rows_len = n * self->row, .count = n, .dim = DIM,
	};
}

static int insert(FIXTURE_DATA(elem) *self, uint32_t n)
{
	struct vexfs_insert a = insert_of(self, self->rows, n);

	return neg(ioctl(self->fd, VEXFS_IOC_INSERT, &a));
}

static int search(FIXTURE_DATA(elem) *self)
{
	struct vexfs_search a = {
		.size = sizeof(a), .queries = (uintptr_t)self->queries,
		.queries_len = QUERIES * self->row, .nq = QUERIES, .dim = DIM, .k = K,
		.ids = (uintptr_t)self->ids, .distances = (uintptr_t)self->distances,
	};

	return neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &a));
}

/* What libvexfs finds among the same rows, compared one by one. */
static int truth(FIXTURE_DATA(elem) *self, uint32_t elem, uint32_t metric)
{
	struct vexfs_coll_options o = {
		.size = sizeof(o), .dim = DIM, .metric = metric, .index = VEXFS_COLL_FLAT,
		.elem = elem,
	};
	struct vexfs_coll *c;
	int err = vexfs_coll_memory(&o, &c);

	if (err)
		return err;
	err = vexfs_coll_add(c, self->rows, ROWS, NULL);
	if (!err)
		err = vexfs_coll_search(c, self->queries, QUERIES, K, NULL, self->true_ids,
					self->true_distances);
	vexfs_coll_close(c);
	return err;
}

FIXTURE_SETUP(elem)
{
	ASSERT_EQ(0, make_fs(128));
	ASSERT_EQ(0, do_mount(0, NULL));
	self->row = row_bytes(variant->elem);
	self->fd = open(MNT "/c", O_CREAT | O_RDWR, 0644);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, create(self->fd, variant->elem, variant->metric, variant->index, 0));
	fill(variant->elem, self->rows, ROWS, 1);
	fill(variant->elem, self->queries, QUERIES, 2);
}

FIXTURE_TEARDOWN(elem)
{
	close(self->fd);
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

/* How many of the true neighbours are found; rows as near as the last one are as good. */
static int found(FIXTURE_DATA(elem) *self)
{
	int i, n = 0;

	if (search(self))
		return -1;
	for (i = 0; i < QUERIES * K; i++)
		n += self->distances[i] <= self->true_distances[i / K * K + K - 1];
	return n;
}

static void check_found(struct __test_metadata *_metadata, FIXTURE_DATA(elem) *self,
			uint32_t index)
{
	EXPECT_LE(index == VEXFS_INDEX_FLAT ? QUERIES * K : QUERIES * K * 95 / 100, found(self));
	if (index != VEXFS_INDEX_FLAT)
		return;
	EXPECT_EQ(0, memcmp(self->ids, self->true_ids, sizeof(self->ids)));
	EXPECT_EQ(0, memcmp(self->distances, self->true_distances, sizeof(self->distances)));
}

TEST_F(elem, a_search_has_the_bits_that_libvexfs_has_in_memory)
{
	struct vexfs_stat st;

	ASSERT_EQ(0, insert(self, ROWS));
	st = coll_stat(self->fd);
	EXPECT_EQ(variant->elem, st.elem);
	EXPECT_EQ(variant->metric, st.metric);
	EXPECT_EQ(self->row, st.row_bytes);
	EXPECT_EQ(variant->index == VEXFS_INDEX_FLAT ? 0 :
		  variant->elem == VEXFS_ELEM_B1 ? VEXFS_CODE_B1 : VEXFS_CODE_SQ7, st.code);
	EXPECT_EQ(variant->index == VEXFS_INDEX_FLAT ? 0 : ROWS, st.indexed);
	ASSERT_EQ(0, truth(self, variant->elem, variant->metric));
	check_found(_metadata, self, variant->index);
	close(self->fd);
	ASSERT_EQ(0, do_umount());
	ASSERT_EQ(0, do_mount(0, NULL));
	self->fd = open(MNT "/c", O_RDWR);
	ASSERT_LE(0, self->fd);
	check_found(_metadata, self, variant->index);
}

TEST_F(elem, rows_come_back_by_id_and_by_read)
{
	uint64_t ids[] = { 0, 17, FEW - 1 };
	uint8_t got[3 * MOST];
	struct vexfs_get a = {
		.size = sizeof(a), .ids = (uintptr_t)ids, .rows = (uintptr_t)got,
		.rows_len = 3 * self->row, .count = 3, .dim = DIM,
	};
	unsigned int i;

	ASSERT_EQ(0, insert(self, FEW));
	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_GET, &a));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, memcmp(got + i * self->row, self->rows + ids[i] * self->row,
				    self->row));
	EXPECT_EQ(self->row, pread(self->fd, got, self->row, 17 * self->row));
	EXPECT_EQ(0, memcmp(got, self->rows + 17 * self->row, self->row));
	a.rows_len = 3 * DIM * 4;
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_GET, &a)));
}

TEST_F(elem, rows_that_change_are_found_as_they_are)
{
	uint64_t ids[] = { 3, 5 };
	struct vexfs_update a = {
		.size = sizeof(a), .ids = (uintptr_t)ids, .rows = (uintptr_t)self->queries,
		.rows_len = 2 * self->row, .count = 2, .dim = DIM,
	};

	ASSERT_EQ(0, insert(self, ROWS));
	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_UPDATE, &a));
	memcpy(self->rows + 3 * self->row, self->queries, self->row);
	memcpy(self->rows + 5 * self->row, self->queries + self->row, self->row);
	ASSERT_EQ(0, truth(self, variant->elem, variant->metric));
	check_found(_metadata, self, variant->index);
}

TEST_F(elem, a_row_that_cannot_be_stored_is_named)
{
	struct vexfs_insert a = insert_of(self, self->rows, 9);
	uint8_t *bad = self->rows + 8 * self->row - 1;

	if (variant->elem == VEXFS_ELEM_I8)
		return;
	ASSERT_EQ(0, insert(self, FEW));
	*bad |= variant->elem == VEXFS_ELEM_F16 ? 0x7c : 0x80;
	EXPECT_EQ(-EDOM, neg(ioctl(self->fd, VEXFS_IOC_INSERT, &a)));
	EXPECT_EQ(7, a.bad_row);
	EXPECT_EQ(FEW, coll_stat(self->fd).rows);
	EXPECT_EQ(-1, pwrite(self->fd, bad + 1 - self->row, self->row, (off_t)FEW * self->row));
	EXPECT_EQ(EDOM, errno);
}

TEST_F(elem, types_metrics_and_codes_that_do_not_match_are_refused)
{
	int fd = open(MNT "/d", O_CREAT | O_RDWR, 0644);
	bool bits = variant->elem == VEXFS_ELEM_B1;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, create(fd, variant->elem, bits ? VEXFS_METRIC_L2 :
				  VEXFS_METRIC_HAMMING, VEXFS_INDEX_FLAT, 0));
	EXPECT_EQ(-EINVAL, create(fd, variant->elem, variant->metric, VEXFS_INDEX_HNSW,
				  bits ? VEXFS_CODE_SQ7 : VEXFS_CODE_B1));
	EXPECT_EQ(0, create(fd, variant->elem, variant->metric, VEXFS_INDEX_HNSW,
			    bits ? VEXFS_CODE_B1 : VEXFS_CODE_SQ4));
	close(fd);
}

TEST_HARNESS_MAIN

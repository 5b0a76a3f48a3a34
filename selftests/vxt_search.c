// SPDX-License-Identifier: GPL-2.0-only
/*
 * A search, with all that it calls, goes no deeper into the stack than BOUND from its entry: by the
 * flat, the LSH, the codes and the HNSW index, with everything in memory and with rows and index that must be read
 * from the device again and again. It finds the same rows in either case.
 *
 * Depths are those that vexfs_trace.ko measures, to the byte; frames that an interrupt leaves on
 * the task's stack are in them.
 */
#include "common.h"
#include "vxt.h"

#define BOUND		2048u
#define INTERRUPT	256u	/* its frame, should one come where a search is deepest */
#define DIM		64u
#define ROWS		6000u	/* 1.1 MiB of index, 1.5 MiB of rows */
#define K		10u
#define QUERIES		50u
#define SHARE_ALL	10000u
#define SHARE_DEFAULT	10u

FIXTURE(search) {
	int fd;
	uint64_t found;		/* with all in memory */
};

FIXTURE_VARIANT(search) {
	const char *op;		/* as the trace module names it */
	uint32_t index;
	const char *mount;
};

/* All fits; neither rows nor index do. */
FIXTURE_VARIANT_ADD(search, flat_warm) { "search", VEXFS_INDEX_FLAT, "cache=64M" };
FIXTURE_VARIANT_ADD(search, flat_cold) { "search", VEXFS_INDEX_FLAT, "cache=1M" };
FIXTURE_VARIANT_ADD(search, lsh_warm) { "search_lsh", VEXFS_INDEX_LSH, "cache=64M" };
FIXTURE_VARIANT_ADD(search, codes_warm) { "search_codes", VEXFS_INDEX_CODES, "cache=64M" };
FIXTURE_VARIANT_ADD(search, codes_cold) { "search_codes", VEXFS_INDEX_CODES, "cache=1M" };
FIXTURE_VARIANT_ADD(search, hnsw_warm) { "search_hnsw", VEXFS_INDEX_HNSW, "cache=64M" };
FIXTURE_VARIANT_ADD(search, hnsw_cold) { "search_hnsw", VEXFS_INDEX_HNSW, "cache=1M" };

/* Searches; *@found is a sum over all ids found, in their order. */
static int search_all(int fd, uint32_t ef, uint64_t *found)
{
	float query[DIM], distances[K];
	uint64_t ids[K];
	uint32_t i, j;
	int err = 0;

	*found = 0;
	for (i = 0; i < QUERIES && !err; i++) {
		struct vexfs_search a = search_args(query, 1, DIM, K, ids, distances);

		fill_floats(query, DIM, 100 + i);
		a.ef = ef;
		err = neg(ioctl(fd, VEXFS_IOC_SEARCH, &a));
		for (j = 0; j < K; j++)
			*found = mix(*found + ids[j]);
	}
	return err;
}

/* Searches change nothing: variants of one index after another share the collection. */
static pid_t first;

__attribute__((constructor)) static void remember_run(void)
{
	first = getpid();
}

/* Open for reading and writing, with @path its name; or a negative errno. */
static int make_rows(const char *path, uint32_t index)
{
	static float rows[ROWS * DIM];
	struct vexfs_create a = {
		.size = sizeof(a), .elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2, .dim = DIM,
		.index = index,
	};
	uint64_t dead[] = { 17, 1234, 3999 };
	struct vexfs_delete d = delete_args(dead, 3);
	int err, fd;

	if (index == VEXFS_INDEX_HNSW)
		a.ef_construction = 40;
	err = make_fs(128) ? -EIO : do_mount(0, "cache=64M");
	if (err)
		return err;
	fd = open(MNT "/making", O_CREAT | O_RDWR, 0644);
	if (fd < 0)
		return -errno;
	fill_floats(rows, ROWS * DIM, 1);
	err = neg(ioctl(fd, VEXFS_IOC_CREATE, &a));
	if (!err)
		err = coll_insert(fd, rows, ROWS, DIM);
	/* Searches ask for the bitmap of deleted rows then. */
	if (!err)
		err = neg(ioctl(fd, VEXFS_IOC_DELETE, &d));
	if (!err)
		err = neg(rename(MNT "/making", path));
	return err ? err : fd;
}

FIXTURE_SETUP(search)
{
	char path[64];

	snprintf(path, sizeof(path), MNT "/rows-%d-%u", first, variant->index);
	self->fd = do_mount(0, "cache=64M") ? -1 : open(path, O_RDWR);
	if (self->fd < 0)
		self->fd = make_rows(path, variant->index);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, search_all(self->fd, 0, &self->found));
	close(self->fd);
	ASSERT_EQ(0, do_umount());
	ASSERT_EQ(0, do_mount(0, variant->mount));
	self->fd = open(path, O_RDONLY);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vxt_share(SHARE_ALL));
}

FIXTURE_TEARDOWN(search)
{
	vxt_share(SHARE_DEFAULT);
	vxt_reset();
	close(self->fd);
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

TEST_F_TIMEOUT(search, finds_the_same_and_goes_no_deeper_than_the_bound, 250)
{
	struct vxt_latency latency;
	struct vxt_stack depth;
	uint64_t found;

	/* The first one opens the index, and counts too. */
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, search_all(self->fd, 0, &found));
	EXPECT_EQ(self->found, found);
	ASSERT_EQ(0, search_all(self->fd, 400, &found));
	ASSERT_EQ(0, vxt_stack(variant->op, &depth));
	TH_LOG("%u searches: min %lu, median %lu, max %lu", (unsigned int)depth.painted,
	       depth.min, depth.p50, depth.max);
	EXPECT_EQ(2 * QUERIES, depth.painted + depth.clipped);
	EXPECT_LT(QUERIES, depth.painted);
	EXPECT_GE(BOUND, depth.p50);
	EXPECT_GE(BOUND, depth.p99);
	EXPECT_GE(BOUND + INTERRUPT, depth.max);
	/* Each kind of index has its own row there, too. */
	ASSERT_EQ(0, vxt_latency(variant->op, &latency));
	EXPECT_EQ(2 * QUERIES, latency.count);
	EXPECT_EQ(0, latency.errors);
}

TEST_HARNESS_MAIN

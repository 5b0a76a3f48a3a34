// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vector operations refuse what is wrong, with the errno that <linux/vexfs.h> names, and
 * a refused operation changes nothing.
 */
#include "common.h"
#include <signal.h>

#define DIM	8
#define ROWS	100

FIXTURE(ioc) {
	int fd;		/* a collection of ROWS rows */
	float rows[ROWS * DIM];
};

FIXTURE_SETUP(ioc)
{
	ASSERT_EQ(0, make_fs(128));
	ASSERT_EQ(0, do_mount(0, NULL));
	self->fd = coll_open(MNT "/coll", DIM, VEXFS_METRIC_L2);
	ASSERT_LE(0, self->fd);
	fill_floats(self->rows, ROWS * DIM, 1);
	ASSERT_EQ(0, coll_insert(self->fd, self->rows, ROWS, DIM));
}

FIXTURE_TEARDOWN(ioc)
{
	close(self->fd);
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

/* Every operation with its structure's size and where it stores what cannot be 0. */
static const struct operation {
	const char *name;
	unsigned long cmd;
	unsigned int size;
	unsigned int first;	/* of the first published one */
	int mode;	/* access mode that is not enough; -1: any is */
} operations[] = {
	{ "caps",	VEXFS_IOC_CAPS,		sizeof(struct vexfs_caps),	48, -1 },
	{ "create",	VEXFS_IOC_CREATE,	sizeof(struct vexfs_create),	24, O_RDONLY },
	{ "insert",	VEXFS_IOC_INSERT,	sizeof(struct vexfs_insert),	48, O_RDONLY },
	{ "get",	VEXFS_IOC_GET,		sizeof(struct vexfs_get),	48, O_WRONLY },
	{ "delete",	VEXFS_IOC_DELETE,	sizeof(struct vexfs_delete),	32, O_RDONLY },
	{ "search",	VEXFS_IOC_SEARCH,	sizeof(struct vexfs_search),	72, O_WRONLY },
	{ "stat",	VEXFS_IOC_STAT,		sizeof(struct vexfs_stat),	56, -1 },
	{ "update",	VEXFS_IOC_UPDATE,	sizeof(struct vexfs_update),	64, O_RDONLY },
	{ "meta set",	VEXFS_IOC_META_SET,	sizeof(struct vexfs_meta_set),	48, O_RDONLY },
	{ "meta get",	VEXFS_IOC_META_GET,	sizeof(struct vexfs_meta_get),	56, O_WRONLY },
	{ "filter",	VEXFS_IOC_FILTER,	sizeof(struct vexfs_filter),	72, O_WRONLY },
	{ "reindex",	VEXFS_IOC_REINDEX,	sizeof(struct vexfs_reindex),	24, O_RDONLY },
	{ "range",	VEXFS_IOC_RANGE,	sizeof(struct vexfs_range),	120, O_WRONLY },
};

#define for_each_operation(o) \
	for (o = operations; o < operations + sizeof(operations) / sizeof(*operations); o++)

/* The structure of any operation: its size, its flags, the rest zero. */
struct any {
	uint32_t size;
	uint32_t flags;
	unsigned char rest[8192];
};

/* ---- the structure, the same for all ------------------------------------------- */

TEST_F(ioc, an_unknown_operation_is_enotty)
{
	struct any a = { .size = 64 };

	EXPECT_EQ(-ENOTTY, neg(ioctl(self->fd, VEXFS_IOC(13), &a)));
	EXPECT_EQ(-ENOTTY, neg(ioctl(self->fd, VEXFS_IOC(255), &a)));
	EXPECT_EQ(-ENOTTY, neg(ioctl(self->fd, 0, &a)));
}

TEST_F(ioc, an_unreadable_structure_is_efault)
{
	const struct operation *o;
	long page = sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t *end = (void *)(map + page - 8);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, mprotect(map + page, page, PROT_NONE));
	for_each_operation(o) {
		EXPECT_EQ(-EFAULT, neg(ioctl(self->fd, o->cmd, NULL)))
			TH_LOG("%s", o->name);
		EXPECT_EQ(-EFAULT, neg(ioctl(self->fd, o->cmd, -4096L)))
			TH_LOG("%s", o->name);
		/* Its size can be read, the rest cannot. */
		*end = o->size;
		EXPECT_EQ(-EFAULT, neg(ioctl(self->fd, o->cmd, end)))
			TH_LOG("%s", o->name);
	}
	munmap(map, 2 * page);
}

TEST_F(ioc, a_size_below_the_first_structure_is_einval)
{
	const struct operation *o;

	for_each_operation(o) {
		struct any a = { .size = 0 };

		EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, o->cmd, &a)))
			TH_LOG("%s", o->name);
		a.size = o->first - 1;
		EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, o->cmd, &a)))
			TH_LOG("%s", o->name);
	}
}

TEST_F(ioc, an_unknown_tail_must_be_zero)
{
	const struct operation *o;

	for_each_operation(o) {
		struct any a = { .size = o->size + 8 };

		/* Accepted as far as the fields that this kernel knows. */
		EXPECT_NE(-E2BIG, neg(ioctl(self->fd, o->cmd, &a)))
			TH_LOG("%s", o->name);
		a.rest[o->size - 8 + 7] = 1;
		EXPECT_EQ(-E2BIG, neg(ioctl(self->fd, o->cmd, &a)))
			TH_LOG("%s", o->name);
		a.rest[o->size - 8 + 7] = 0;
		a.size = 4097;
		EXPECT_EQ(-E2BIG, neg(ioctl(self->fd, o->cmd, &a)))
			TH_LOG("%s", o->name);
		a.size = UINT32_MAX;
		EXPECT_EQ(-E2BIG, neg(ioctl(self->fd, o->cmd, &a)))
			TH_LOG("%s", o->name);
	}
}

TEST_F(ioc, unknown_flags_are_einval)
{
	const struct operation *o;

	for_each_operation(o) {
		unsigned int bit;

		for (bit = 0; bit < 32; bit++) {
			struct any a = { .size = o->size, .flags = 1u << bit };

			EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, o->cmd, &a)))
				TH_LOG("%s bit %u", o->name, bit);
		}
	}
}

TEST_F(ioc, a_descriptor_without_the_access_mode_is_ebadf)
{
	const struct operation *o;

	for_each_operation(o) {
		struct any a = { .size = o->size };
		int fd;

		if (o->mode < 0)
			continue;
		fd = open(MNT "/coll", o->mode);
		ASSERT_LE(0, fd);
		EXPECT_EQ(-EBADF, neg(ioctl(fd, o->cmd, &a)))
			TH_LOG("%s", o->name);
		close(fd);
	}
}

TEST_F(ioc, a_plain_file_is_enodata)
{
	const struct operation *o;
	int fd = open(MNT "/plain", O_CREAT | O_RDWR, 0644);

	ASSERT_LE(0, fd);
	for_each_operation(o) {
		struct any a = { .size = o->size };

		if (o->cmd == VEXFS_IOC_CAPS || o->cmd == VEXFS_IOC_CREATE)
			continue;
		EXPECT_EQ(-ENODATA, neg(ioctl(fd, o->cmd, &a)))
			TH_LOG("%s", o->name);
	}
	close(fd);
}

TEST_F(ioc, a_directory_knows_its_capabilities_only)
{
	const struct operation *o;
	int fd = open(MNT, O_RDONLY | O_DIRECTORY);

	ASSERT_LE(0, fd);
	for_each_operation(o) {
		struct any a = { .size = o->size };

		EXPECT_EQ(o->cmd == VEXFS_IOC_CAPS ? 0 : -ENOTTY, neg(ioctl(fd, o->cmd, &a)))
			TH_LOG("%s", o->name);
	}
	close(fd);
}

/* ---- capabilities and statistics -------------------------------------------------- */

TEST_F(ioc, capabilities_tell_the_limits)
{
	struct vexfs_caps a = { .size = sizeof(a) };

	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_CAPS, &a));
	EXPECT_EQ(sizeof(a), a.size);
	EXPECT_EQ(1u << VEXFS_ELEM_F32 | 1u << VEXFS_ELEM_F16 | 1u << VEXFS_ELEM_I8 |
		  1u << VEXFS_ELEM_B1, a.elems);
	EXPECT_EQ(1u << VEXFS_METRIC_L2 | 1u << VEXFS_METRIC_IP | 1u << VEXFS_METRIC_COSINE |
		  1u << VEXFS_METRIC_HAMMING, a.metrics);
	EXPECT_EQ(1u << VEXFS_INDEX_FLAT | 1u << VEXFS_INDEX_HNSW | 1u << VEXFS_INDEX_LSH |
		  1u << VEXFS_INDEX_CODES,
		  a.indexes);
	EXPECT_GE(VEXFS_ISA_AVX512, a.isa);
	EXPECT_EQ(VEXFS_MAX_DIM, a.max_dim);
	EXPECT_EQ(VEXFS_MAX_K, a.max_k);
	EXPECT_EQ(VEXFS_MAX_QUERIES, a.max_queries);
	EXPECT_EQ(VEXFS_MAX_RESULTS, a.max_results);
	EXPECT_EQ(VEXFS_MAX_IDS, a.max_ids);
	EXPECT_EQ(VEXFS_MAX_BATCH, a.max_batch);
	EXPECT_EQ(VEXFS_MAX_UPDATE, a.max_update);
	EXPECT_EQ(VEXFS_MAX_META, a.max_meta);
	EXPECT_EQ(VEXFS_MAX_FILTER, a.max_filter);
	EXPECT_EQ(VEXFS_MAX_FILTER_TEXT, a.max_filter_text);
}

TEST_F(ioc, structures_of_older_programs_still_work)
{
	struct vexfs_insert in = insert_args(self->rows, 1, DIM);
	uint64_t ids[4], bad = 0x5555;
	float distances[4];
	struct vexfs_search s = search_args(self->rows, 1, DIM, 4, ids, distances);
	struct vexfs_caps caps = { .size = 48, .max_update = 77 };

	/* What follows is not theirs: neither read nor written. */
	in.size = 48;
	in.meta = in.meta_len = bad;
	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_INSERT, &in));
	EXPECT_EQ(ROWS, in.first_id);
	EXPECT_EQ(48, in.size);
	s.size = 72;
	s.filter = s.filter_text = s.bad_node = bad;
	s.filter_count = s.filter_text_len = bad;
	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_SEARCH, &s));
	EXPECT_EQ(0, ids[0]);
	EXPECT_EQ(bad, s.bad_node);
	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_CAPS, &caps));
	EXPECT_EQ(77, caps.max_update);
	EXPECT_EQ(VEXFS_MAX_BATCH, caps.max_batch);
}

TEST_F(ioc, statistics_tell_what_the_collection_is)
{
	uint64_t ids[] = { 3, 4 };
	struct vexfs_delete d = delete_args(ids, 2);
	struct vexfs_stat a;

	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_DELETE, &d));
	ASSERT_EQ(0, fsync(self->fd));
	a = coll_stat(self->fd);
	ASSERT_EQ(sizeof(a), a.size);
	EXPECT_EQ(VEXFS_ELEM_F32, a.elem);
	EXPECT_EQ(VEXFS_METRIC_L2, a.metric);
	EXPECT_EQ(DIM, a.dim);
	EXPECT_EQ(VEXFS_INDEX_FLAT, a.index);
	EXPECT_EQ(ROWS, a.rows);
	EXPECT_EQ(ROWS - 2, a.live);
	EXPECT_EQ(DIM * sizeof(float), a.row_bytes);
	EXPECT_EQ((ROWS * DIM * sizeof(float) + BLOCK - 1) / BLOCK, a.blocks);
}

TEST_F(ioc, a_larger_structure_keeps_its_tail)
{
	struct any a = { .size = sizeof(struct vexfs_stat) + 16 };

	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_STAT, &a));
	EXPECT_EQ(sizeof(struct vexfs_stat) + 16, a.size);
	EXPECT_EQ(0, a.rest[sizeof(struct vexfs_stat) - 8]);
}

/* ---- create ------------------------------------------------------------------------- */

TEST_F(ioc, create_refuses_fields_out_of_range)
{
	static const struct vexfs_create good = {
		.size = sizeof(good), .elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2,
		.dim = 4, .index = VEXFS_INDEX_FLAT,
	};
	const uint32_t bad_dims[] = { 0, VEXFS_MAX_DIM + 1, UINT32_MAX };
	const uint32_t bad_kinds[] = { 0, 5, 64, UINT32_MAX };
	int fd = open(MNT "/new", O_CREAT | O_RDWR, 0644);
	struct vexfs_create a;
	unsigned int i;

	ASSERT_LE(0, fd);
	for (i = 0; i < 3; i++) {
		a = good;
		a.dim = bad_dims[i];
		EXPECT_EQ(-EINVAL, neg(ioctl(fd, VEXFS_IOC_CREATE, &a)));
	}
	for (i = 0; i < 4; i++) {
		a = good;
		a.elem = bad_kinds[i];
		EXPECT_EQ(-EINVAL, neg(ioctl(fd, VEXFS_IOC_CREATE, &a)));
		a = good;
		a.metric = bad_kinds[i];
		EXPECT_EQ(-EINVAL, neg(ioctl(fd, VEXFS_IOC_CREATE, &a)));
		a = good;
		a.index = bad_kinds[i];
		EXPECT_EQ(-EINVAL, neg(ioctl(fd, VEXFS_IOC_CREATE, &a)));
	}
	a = good;
	a.elem = VEXFS_ELEM_B1 + 1;
	EXPECT_EQ(-EINVAL, neg(ioctl(fd, VEXFS_IOC_CREATE, &a)));
	a = good;
	a.index = VEXFS_INDEX_CODES + 1;
	EXPECT_EQ(-EINVAL, neg(ioctl(fd, VEXFS_IOC_CREATE, &a)));
	EXPECT_EQ(0, coll_stat(fd).size);
	a = good;
	a.dim = VEXFS_MAX_DIM;
	EXPECT_EQ(0, neg(ioctl(fd, VEXFS_IOC_CREATE, &a)));
	close(fd);
}

TEST_F(ioc, create_refuses_what_is_a_collection_already)
{
	EXPECT_EQ(-EEXIST, coll_create(self->fd, DIM, VEXFS_METRIC_L2));
	EXPECT_EQ(-EINVAL, coll_create(self->fd, 0, VEXFS_METRIC_L2));
}

TEST_F(ioc, create_refuses_a_file_with_data)
{
	int fd = open(MNT "/f", O_CREAT | O_RDWR, 0644);

	ASSERT_LE(0, fd);
	/* Not even written back. */
	ASSERT_EQ(1, write(fd, "x", 1));
	EXPECT_EQ(-ENOTEMPTY, coll_create(fd, DIM, VEXFS_METRIC_L2));
	ASSERT_EQ(0, ftruncate(fd, 0));
	ASSERT_EQ(0, ftruncate(fd, 1000));
	EXPECT_EQ(-ENOTEMPTY, coll_create(fd, DIM, VEXFS_METRIC_L2));
	ASSERT_EQ(0, ftruncate(fd, 0));
	EXPECT_EQ(0, coll_create(fd, DIM, VEXFS_METRIC_L2));
	close(fd);
}

/* ---- insert -------------------------------------------------------------------------- */

TEST_F(ioc, insert_refuses_lengths_that_do_not_match)
{
	struct vexfs_insert a = insert_args(self->rows, 0, DIM);

	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_INSERT, &a)));
	a = insert_args(self->rows, 2, DIM + 1);
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_INSERT, &a)));
	a = insert_args(self->rows, 2, DIM);
	a.rows_len--;
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_INSERT, &a)));
	a.rows_len += 2;
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_INSERT, &a)));
	a = insert_args(self->rows, UINT32_MAX, DIM);
	a.rows_len = (uint32_t)(UINT32_MAX * DIM * sizeof(float));
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_INSERT, &a)));
	EXPECT_EQ(ROWS, coll_stat(self->fd).rows);
}

TEST_F(ioc, insert_refuses_a_batch_that_is_too_large)
{
	const uint32_t most = VEXFS_MAX_BATCH / (DIM * sizeof(float));
	struct vexfs_insert a = insert_args(self->rows, most + 1, DIM);

	EXPECT_EQ(-E2BIG, neg(ioctl(self->fd, VEXFS_IOC_INSERT, &a)));
	a = insert_args(self->rows, UINT32_MAX, DIM);
	EXPECT_EQ(-E2BIG, neg(ioctl(self->fd, VEXFS_IOC_INSERT, &a)));
	/* As large as it may be, at an address that holds less. */
	a = insert_args(self->rows, most, DIM);
	a.rows = 4096;
	EXPECT_EQ(-EFAULT, neg(ioctl(self->fd, VEXFS_IOC_INSERT, &a)));
	EXPECT_EQ(ROWS, coll_stat(self->fd).rows);
}

TEST_F(ioc, insert_refuses_addresses_outside_of_the_process)
{
	struct vexfs_insert a = insert_args(self->rows, 2, DIM);
	static const uint64_t bad[] = { 0, ~0ULL, 1ULL << 63, 0xffff888000000000ULL };
	unsigned int i;

	for (i = 0; i < 4; i++) {
		a.rows = bad[i];
		EXPECT_EQ(-EFAULT, neg(ioctl(self->fd, VEXFS_IOC_INSERT, &a)));
	}
	EXPECT_EQ(ROWS, coll_stat(self->fd).rows);
}

TEST_F(ioc, insert_refuses_nan_and_infinity_and_names_the_row)
{
	static const uint32_t bad[] = { 0x7fc00000, 0xffc00001, 0x7f800000, 0xff800000,
					0x7f800001 };
	struct vexfs_insert a;
	float saved;
	unsigned int i;

	for (i = 0; i < 5; i++) {
		a = insert_args(self->rows, ROWS, DIM);
		saved = self->rows[57 * DIM + DIM - 1];
		memcpy(&self->rows[57 * DIM + DIM - 1], &bad[i], 4);
		EXPECT_EQ(-EDOM, neg(ioctl(self->fd, VEXFS_IOC_INSERT, &a)));
		EXPECT_EQ(57, a.bad_row);
		self->rows[57 * DIM + DIM - 1] = saved;
	}
	EXPECT_EQ(ROWS, coll_stat(self->fd).rows);
	EXPECT_EQ(ROWS * DIM * 4, size_of(MNT "/coll"));
}

TEST_F(ioc, insert_gives_ids_without_gaps)
{
	EXPECT_EQ(ROWS, coll_insert(self->fd, self->rows, 3, DIM));
	EXPECT_EQ(ROWS + 3, coll_insert(self->fd, self->rows, 1, DIM));
	EXPECT_EQ(ROWS + 4, coll_insert(self->fd, self->rows, 50, DIM));
}

/* ---- get ------------------------------------------------------------------------------- */

TEST_F(ioc, get_refuses_fields_that_do_not_match)
{
	uint64_t ids[4] = { 0, 1, 2, 3 };
	float rows[4 * DIM];
	struct vexfs_get a = get_args(ids, rows, 0, DIM);

	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_GET, &a)));
	a = get_args(ids, rows, 4, DIM - 1);
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_GET, &a)));
	a = get_args(ids, rows, 4, DIM);
	a.rows_len += 4;
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_GET, &a)));
	a = get_args(ids, rows, VEXFS_MAX_IDS + 1, DIM);
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_GET, &a)));
	a = get_args(ids, rows, VEXFS_MAX_IDS, DIM);
	EXPECT_EQ(-E2BIG, neg(ioctl(self->fd, VEXFS_IOC_GET, &a)));
	a = get_args(NULL, rows, 4, DIM);
	EXPECT_EQ(-EFAULT, neg(ioctl(self->fd, VEXFS_IOC_GET, &a)));
	a = get_args(ids, NULL, 4, DIM);
	EXPECT_EQ(-EFAULT, neg(ioctl(self->fd, VEXFS_IOC_GET, &a)));
}

TEST_F(ioc, get_names_the_first_id_that_is_no_live_row)
{
	uint64_t ids[4] = { 7, ROWS, 9, ~0ULL }, gone = 9;
	struct vexfs_delete d = delete_args(&gone, 1);
	float rows[4 * DIM];
	struct vexfs_get a = get_args(ids, rows, 4, DIM);

	memset(rows, 0x55, sizeof(rows));
	EXPECT_EQ(-ENOENT, neg(ioctl(self->fd, VEXFS_IOC_GET, &a)));
	EXPECT_EQ(ROWS, a.bad_id);
	ASSERT_EQ(0, ioctl(self->fd, VEXFS_IOC_DELETE, &d));
	ids[1] = 8;
	EXPECT_EQ(-ENOENT, neg(ioctl(self->fd, VEXFS_IOC_GET, &a)));
	EXPECT_EQ(9, a.bad_id);
	ids[2] = 10;
	EXPECT_EQ(-ENOENT, neg(ioctl(self->fd, VEXFS_IOC_GET, &a)));
	EXPECT_EQ(~0ULL, a.bad_id);
	/* Nothing reached the buffer. */
	EXPECT_EQ(0x55, *(unsigned char *)rows);
}

/* ---- delete ------------------------------------------------------------------------------ */

TEST_F(ioc, delete_refuses_bad_counts_and_addresses)
{
	uint64_t ids[2] = { 1, 2 };
	struct vexfs_delete a = delete_args(ids, 0);

	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_DELETE, &a)));
	a = delete_args(ids, VEXFS_MAX_IDS + 1);
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_DELETE, &a)));
	a = delete_args(ids, 2);
	a.reserved = 1;
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_DELETE, &a)));
	a = delete_args(NULL, 2);
	EXPECT_EQ(-EFAULT, neg(ioctl(self->fd, VEXFS_IOC_DELETE, &a)));
	EXPECT_EQ(ROWS, coll_stat(self->fd).live);
}

TEST_F(ioc, delete_is_all_or_nothing)
{
	uint64_t ids[3] = { 5, 6, ROWS + 7 }, twice[2] = { 8, 8 };
	struct vexfs_delete a = delete_args(ids, 3);

	EXPECT_EQ(-ENOENT, neg(ioctl(self->fd, VEXFS_IOC_DELETE, &a)));
	EXPECT_EQ(ROWS + 7, a.bad_id);
	EXPECT_EQ(ROWS, coll_stat(self->fd).live);
	a = delete_args(twice, 2);
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_DELETE, &a)));
	EXPECT_EQ(ROWS, coll_stat(self->fd).live);
	a = delete_args(ids, 2);
	EXPECT_EQ(0, neg(ioctl(self->fd, VEXFS_IOC_DELETE, &a)));
	a = delete_args(ids, 1);
	EXPECT_EQ(-ENOENT, neg(ioctl(self->fd, VEXFS_IOC_DELETE, &a)));
	EXPECT_EQ(5, a.bad_id);
	EXPECT_EQ(ROWS - 2, coll_stat(self->fd).live);
}

/* ---- search ------------------------------------------------------------------------------ */

TEST_F(ioc, search_refuses_fields_out_of_range)
{
	uint64_t ids[10];
	float distances[10];
	const struct vexfs_search good = search_args(self->rows, 1, DIM, 10, ids, distances);
	struct vexfs_search a = good;

	a.k = 0;
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &a)));
	a.k = VEXFS_MAX_K + 1;
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &a)));
	a.k = UINT32_MAX;
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &a)));
	a = good;
	a.ef = VEXFS_MAX_EF + 1;
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &a)));
	a = search_args(self->rows, 0, DIM, 10, ids, distances);
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &a)));
	a = search_args(self->rows, VEXFS_MAX_QUERIES + 1, DIM, 1, ids, distances);
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &a)));
	a = search_args(self->rows, 1, DIM + 1, 10, ids, distances);
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &a)));
	a = good;
	a.queries_len = 0;
	EXPECT_EQ(-EINVAL, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &a)));
	a = search_args(self->rows, VEXFS_MAX_QUERIES, DIM, VEXFS_MAX_K, ids, distances);
	EXPECT_EQ(-E2BIG, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &a)));
	a = search_args(self->rows, 257, DIM, VEXFS_MAX_K, ids, distances);
	EXPECT_EQ(-E2BIG, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &a)));
}

TEST_F(ioc, search_refuses_queries_beyond_the_batch_limit)
{
	int fd = coll_open(MNT "/wide", VEXFS_MAX_DIM, VEXFS_METRIC_L2);
	struct vexfs_search a;
	uint64_t ids[1];
	float distances[1];

	ASSERT_LE(0, fd);
	a = search_args(self->rows, 65, VEXFS_MAX_DIM, 1, ids, distances);
	EXPECT_EQ(-E2BIG, neg(ioctl(fd, VEXFS_IOC_SEARCH, &a)));
	close(fd);
}

TEST_F(ioc, search_refuses_bad_addresses)
{
	uint64_t ids[10];
	float distances[10];
	struct vexfs_search a = search_args(NULL, 1, DIM, 10, ids, distances);

	EXPECT_EQ(-EFAULT, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &a)));
	a = search_args(self->rows, 1, DIM, 10, NULL, distances);
	EXPECT_EQ(-EFAULT, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &a)));
	a = search_args(self->rows, 1, DIM, 10, ids, NULL);
	EXPECT_EQ(-EFAULT, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &a)));
}

TEST_F(ioc, search_refuses_nan_and_names_the_query)
{
	float queries[3 * DIM] = { }, distances[3];
	struct vexfs_search a;
	uint64_t ids[3];

	queries[2 * DIM + 5] = NAN;
	a = search_args(queries, 3, DIM, 1, ids, distances);
	EXPECT_EQ(-EDOM, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &a)));
	EXPECT_EQ(2, a.bad_query);
	queries[1 * DIM] = -INFINITY;
	EXPECT_EQ(-EDOM, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &a)));
	EXPECT_EQ(1, a.bad_query);
}

/* ---- range ------------------------------------------------------------------------------- */

static uint32_t float_bits(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static struct vexfs_range range_args(const float *query, float radius, uint32_t max, uint64_t *ids,
				     float *distances)
{
	return (struct vexfs_range){
		.size = sizeof(struct vexfs_range), .query = (uintptr_t)query, .query_len = DIM * 4,
		.dim = DIM, .radius = float_bits(radius), .max = max, .ids = (uintptr_t)ids,
		.distances = (uintptr_t)distances,
	};
}

TEST_F(ioc, range_refuses_fields_out_of_range)
{
	uint64_t ids[4];
	float distances[4];
	const struct vexfs_range good = range_args(self->rows, 1, 4, ids, distances);
	struct vexfs_range a = good;

#define REFUSED(what, field, value) do {					\
	a = good;								\
	a.field = value;							\
	EXPECT_EQ(what, neg(ioctl(self->fd, VEXFS_IOC_RANGE, &a)));		\
} while (0)
	REFUSED(-EINVAL, flags, 1);
	REFUSED(-EINVAL, max, 0);
	REFUSED(-EINVAL, max, VEXFS_MAX_RANGE + 1);
	REFUSED(-EINVAL, ef, VEXFS_MAX_EF + 1);
	REFUSED(-EINVAL, dim, DIM + 1);
	REFUSED(-EINVAL, query_len, DIM * 4 - 1);
	REFUSED(-EINVAL, filter_count, VEXFS_MAX_FILTER + 1);
	REFUSED(-EINVAL, filter_text_len, 1);
	REFUSED(-EFAULT, query, 0);
	REFUSED(-EFAULT, ids, 0);
	REFUSED(-EFAULT, distances, 0);
	REFUSED(-EFAULT, filter_count, 1);
	REFUSED(-EDOM, radius, float_bits(NAN));
	EXPECT_EQ(1, a.bad);
	REFUSED(-EDOM, radius, float_bits(-INFINITY));
	EXPECT_EQ(1, a.bad);
#undef REFUSED
}

TEST_F(ioc, range_refuses_a_query_of_nan)
{
	float query[DIM] = { NAN }, distance;
	uint64_t id;
	struct vexfs_range a = range_args(query, 1, 1, &id, &distance);

	a.bad = 7;
	EXPECT_EQ(-EDOM, neg(ioctl(self->fd, VEXFS_IOC_RANGE, &a)));
	EXPECT_EQ(0, a.bad);
}

/* Slots past @count stay as they are. */
TEST_F(ioc, range_returns_what_search_has_up_to_the_radius)
{
	uint64_t all[ROWS], ids[ROWS + 1];
	float far[ROWS], distances[ROWS + 1];
	struct vexfs_search s = search_args(self->rows, 1, DIM, ROWS, all, far);
	struct vexfs_range a;

	ASSERT_EQ(0, neg(ioctl(self->fd, VEXFS_IOC_SEARCH, &s)));
	ids[ROWS / 2 + 1] = 77;
	a = range_args(self->rows, far[ROWS / 2], ROWS + 1, ids, distances);
	EXPECT_EQ(0, neg(ioctl(self->fd, VEXFS_IOC_RANGE, &a)));
	EXPECT_EQ(ROWS / 2 + 1, a.count);
	EXPECT_EQ(ROWS / 2 + 1, a.met);
	EXPECT_EQ(ROWS, a.visited);
	EXPECT_EQ(0, memcmp(ids, all, a.count * sizeof(*ids)));
	EXPECT_EQ(0, memcmp(distances, far, a.count * sizeof(*far)));
	EXPECT_EQ(77, ids[ROWS / 2 + 1]);
	a.max = 2;
	EXPECT_EQ(0, neg(ioctl(self->fd, VEXFS_IOC_RANGE, &a)));
	EXPECT_EQ(2, a.count);
	EXPECT_EQ(ROWS / 2 + 1, a.met);
	a = range_args(self->rows, -1, 2, ids, distances);
	EXPECT_EQ(0, neg(ioctl(self->fd, VEXFS_IOC_RANGE, &a)));
	EXPECT_EQ(0, a.count);
}

/* ---- a collection as a file --------------------------------------------------------------- */

TEST_F(ioc, a_collection_refuses_what_would_break_its_rows)
{
	float row[DIM] = { 1 };

	EXPECT_EQ(-EPERM, neg(ftruncate(self->fd, 0)));
	EXPECT_EQ(-EPERM, neg(truncate(MNT "/coll", 1 << 20)));
	EXPECT_EQ(-EPERM, neg(open(MNT "/coll", O_RDWR | O_TRUNC)));
	EXPECT_EQ(-EINVAL, neg(pwrite(self->fd, row, sizeof(row), 0)));
	EXPECT_EQ(-EINVAL, neg(pwrite(self->fd, row, 5, ROWS * sizeof(row))));
	EXPECT_EQ(-EINVAL, neg(pwrite(self->fd, row, sizeof(row), (ROWS + 1) * sizeof(row))));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(ROWS * DIM * 4, size_of(MNT "/coll"));
	EXPECT_EQ(ROWS, coll_stat(self->fd).rows);
}

TEST_F(ioc, a_readable_mapping_cannot_become_writable)
{
	char *map = mmap(NULL, BLOCK, PROT_READ, MAP_SHARED, self->fd, 0);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(0, memcmp(map, self->rows, sizeof(self->rows)));
	EXPECT_EQ(-EACCES, neg(mprotect(map, BLOCK, PROT_READ | PROT_WRITE)));
	munmap(map, BLOCK);
}

TEST_F(ioc, a_store_through_an_older_mapping_is_sigbus)
{
	float rows[DIM * 4] = { };
	char *map;
	pid_t pid;
	int status, fd = open(MNT "/new", O_CREAT | O_RDWR, 0644);

	ASSERT_LE(0, fd);
	map = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, coll_create(fd, DIM, VEXFS_METRIC_L2));
	ASSERT_EQ(0, coll_insert(fd, rows, 4, DIM));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		*map = 1;
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGBUS, WTERMSIG(status));
	munmap(map, BLOCK);
	close(fd);
}

TEST_F(ioc, append_refuses_nan)
{
	float rows[3 * DIM] = { };

	rows[DIM] = NAN;
	ASSERT_EQ(ROWS * sizeof(float) * DIM, lseek(self->fd, 0, SEEK_END));
	EXPECT_EQ(-EDOM, neg(write(self->fd, rows, sizeof(rows))));
	EXPECT_EQ(ROWS, coll_stat(self->fd).rows);
}

TEST_HARNESS_MAIN

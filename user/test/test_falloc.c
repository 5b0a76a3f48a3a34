// SPDX-License-Identifier: GPL-2.0-only
/* Space ahead of data, holes, and where they are: fallocate(2), SEEK_DATA and SEEK_HOLE. */
#include "core.h"

#define ROOT	VEXFS_ROOT_INO
#define BLOCK	((u64)VEXFS_BLOCK_SIZE)
#define KEEP	VEX_FALLOC_KEEP_SIZE
#define PUNCH	(VEX_FALLOC_PUNCH | VEX_FALLOC_KEEP_SIZE)
#define ZERO	VEX_FALLOC_ZERO

static u64 blocks_of(struct core *c, u64 ino)
{
	struct vex_inode inode;

	assert_int_equal(vex_inode_get(c->fs, ino, &inode), 0);
	return inode.blocks;
}

static u64 size_of(struct core *c, u64 ino)
{
	struct vex_inode inode;

	assert_int_equal(vex_inode_get(c->fs, ino, &inode), 0);
	return inode.size;
}

static void falloc(struct core *c, u64 ino, u32 mode, u64 pos, u64 len)
{
	assert_int_equal(vex_file_fallocate(c->fs, ino, mode, pos, len), 0);
}

static void expect_bytes(struct core *c, u64 ino, u64 from, u64 to, u8 byte)
{
	u8 *buf = malloc(to - from);

	core_read(c, ino, from, buf, to - from);
	assert_null(memchr_inv(buf, byte, to - from));
	free(buf);
}

static void write_bytes(struct core *c, u64 ino, u64 from, u64 to, u8 byte)
{
	u8 *buf = malloc(to - from);

	memset(buf, byte, to - from);
	core_write(c, ino, from, buf, to - from);
	free(buf);
}

/* "data" or "hole" at @pos: where vex_file_seek() finds it, or the negative error. */
static s64 seek(struct core *c, u64 ino, u64 pos, bool hole)
{
	u64 found;
	int err = vex_file_seek(c->fs, ino, pos, size_of(c, ino), hole, &found);

	return err ? err : (s64)found;
}

static void settle(struct core *c)
{
	core_commit(c);
	core_commit(c);
}

/* ---- refusals ------------------------------------------------------------ */

static void impossible_calls_are_refused(void **state)
{
	struct vex_coll coll = { .elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2,
				 .index = VEXFS_INDEX_FLAT, .dim = 8 };
	struct core c;
	u64 ino, vec;

	core_make(&c, 1024, 1);
	ino = core_create(&c, ROOT, "f");
	vec = core_create(&c, ROOT, "v");
	assert_int_equal(vex_coll_create(c.fs, vec, &coll), 0);
	assert_int_equal(vex_file_fallocate(c.fs, ino, 0, 0, 0), -EINVAL);
	assert_int_equal(vex_file_fallocate(c.fs, ino, 0, S64_MAX, 1), -EFBIG);
	assert_int_equal(vex_file_fallocate(c.fs, ino, 0, 1, U64_MAX), -EFBIG);
	assert_int_equal(vex_file_fallocate(c.fs, ino, 0, U64_MAX, 1), -EFBIG);
	assert_int_equal(vex_file_fallocate(c.fs, ino, VEX_FALLOC_PUNCH, 0, 1), -EOPNOTSUPP);
	assert_int_equal(vex_file_fallocate(c.fs, ino, 0x08, 0, 4096), -EOPNOTSUPP);
	assert_int_equal(vex_file_fallocate(c.fs, ino, 0x20, 0, 4096), -EOPNOTSUPP);
	assert_int_equal(vex_file_fallocate(c.fs, ino, PUNCH | ZERO, 0, 1), -EOPNOTSUPP);
	assert_int_equal(vex_file_fallocate(c.fs, ROOT, 0, 0, 1), -EISDIR);
	assert_int_equal(vex_file_fallocate(c.fs, 999, 0, 0, 1), -ENOENT);
	assert_int_equal(vex_file_fallocate(c.fs, vec, 0, 0, 1), -EPERM);
	assert_int_equal(vex_file_fallocate(c.fs, vec, PUNCH, 0, 1), -EPERM);
	assert_int_equal(blocks_of(&c, ino), 0);
	assert_int_equal(size_of(&c, ino), 0);
	core_end(&c);
}

static void a_filesystem_without_the_feature_has_no_unwritten_blocks(void **state)
{
	struct vex_mkfs_opts opts = { .features = VEX_FEATURES_DEFAULT &
						  ~VEXFS_FEATURE_UNWRITTEN };
	struct core c = { 0 };
	u64 ino;

	c.m = vex_io_mem_create(1024, 1);
	c.io = vex_io_mem_io(c.m);
	assert_int_equal(vex_mkfs(&c.io, &opts), 0);
	assert_int_equal(core_adopt(&c, c.m, false), 0);
	ino = core_create(&c, ROOT, "f");
	write_bytes(&c, ino, 0, 100000, 'x');
	assert_int_equal(vex_file_fallocate(c.fs, ino, 0, 0, 4096), -EOPNOTSUPP);
	assert_int_equal(vex_file_fallocate(c.fs, ino, ZERO, 0, 4096), -EOPNOTSUPP);
	/* Holes need no feature. */
	falloc(&c, ino, PUNCH, 0, 50000);
	expect_bytes(&c, ino, 0, 50000, 0);
	expect_bytes(&c, ino, 50000, 100000, 'x');
	core_end(&c);
}

static void more_than_there_is_changes_nothing(void **state)
{
	struct core c;
	u64 ino, before;

	core_make(&c, 1024, 1);
	ino = core_create(&c, ROOT, "f");
	write_bytes(&c, ino, 0, 10000, 'x');
	settle(&c);
	before = core_free_blocks(&c);
	assert_int_equal(vex_file_fallocate(c.fs, ino, 0, 0, 1024 * BLOCK), -ENOSPC);
	assert_int_equal(vex_file_fallocate(c.fs, ino, 0, 0, 1ULL << 50), -ENOSPC);
	assert_int_equal(vex_file_fallocate(c.fs, ino, ZERO, 0, S64_MAX), -ENOSPC);
	assert_int_equal(size_of(&c, ino), 10000);
	assert_int_equal(blocks_of(&c, ino), 3);
	settle(&c);
	assert_int_equal(core_free_blocks(&c), before);
	expect_bytes(&c, ino, 0, 10000, 'x');
	core_end(&c);
}

/* ---- what each mode does ----------------------------------------------------- */

static void allocated_space_reads_as_zeros(void **state)
{
	struct core c;
	u64 ino, before;

	core_make(&c, 4096, 1);
	ino = core_create(&c, ROOT, "f");
	settle(&c);
	before = core_free_blocks(&c);
	falloc(&c, ino, KEEP, 5000, 100 * BLOCK);
	assert_int_equal(size_of(&c, ino), 0);
	assert_int_equal(blocks_of(&c, ino), 101);
	falloc(&c, ino, 0, 0, 50 * BLOCK + 1);
	assert_int_equal(size_of(&c, ino), 50 * BLOCK + 1);
	assert_int_equal(blocks_of(&c, ino), 102);
	expect_bytes(&c, ino, 0, 50 * BLOCK + 1, 0);
	core_reopen(&c);
	assert_null(image_check(c.m, NULL));
	assert_int_equal(blocks_of(&c, ino), 102);
	expect_bytes(&c, ino, 0, 50 * BLOCK + 1, 0);
	/* Growing shows zeros, too; cutting gives all back that lies behind. */
	assert_int_equal(vex_file_truncate(c.fs, ino, 80 * BLOCK), 0);
	expect_bytes(&c, ino, 0, 80 * BLOCK, 0);
	assert_int_equal(vex_file_truncate(c.fs, ino, 10 * BLOCK), 0);
	assert_int_equal(blocks_of(&c, ino), 10);
	core_unlink(&c, ROOT, "f");
	settle(&c);
	assert_int_equal(core_free_blocks(&c), before);
	core_end(&c);
}

static void what_is_written_is_not_touched_by_allocation(void **state)
{
	struct core c;
	u64 ino;

	core_make(&c, 4096, 1);
	ino = core_create(&c, ROOT, "f");
	write_bytes(&c, ino, 10000, 20000, 'a');
	write_bytes(&c, ino, 300000, 300001, 'b');
	falloc(&c, ino, 0, 0, 400000);
	expect_bytes(&c, ino, 0, 10000, 0);
	expect_bytes(&c, ino, 10000, 20000, 'a');
	expect_bytes(&c, ino, 20000, 300000, 0);
	expect_bytes(&c, ino, 300000, 300001, 'b');
	expect_bytes(&c, ino, 300001, 400000, 0);
	assert_int_equal(blocks_of(&c, ino), 98);
	core_commit(&c);
	assert_int_equal(blocks_of(&c, ino), 98);
	core_reopen(&c);
	expect_bytes(&c, ino, 10000, 20000, 'a');
	core_end(&c);
}

static void a_punched_hole_gives_its_blocks_back(void **state)
{
	struct core c;
	u64 ino;

	core_make(&c, 4096, 1);
	ino = core_create(&c, ROOT, "f");
	write_bytes(&c, ino, 0, 100 * BLOCK, 'x');
	core_commit(&c);
	falloc(&c, ino, PUNCH, 10 * BLOCK + 5, 20 * BLOCK);
	assert_int_equal(size_of(&c, ino), 100 * BLOCK);
	expect_bytes(&c, ino, 0, 10 * BLOCK + 5, 'x');
	expect_bytes(&c, ino, 10 * BLOCK + 5, 30 * BLOCK + 5, 0);
	expect_bytes(&c, ino, 30 * BLOCK + 5, 100 * BLOCK, 'x');
	core_commit(&c);
	assert_int_equal(blocks_of(&c, ino), 81);
	/* Inside one block, over the end, and where nothing is. */
	falloc(&c, ino, PUNCH, 3, 4);
	falloc(&c, ino, PUNCH, 99 * BLOCK, 1ULL << 40);
	falloc(&c, ino, PUNCH, 1ULL << 50, 1ULL << 40);
	core_reopen(&c);
	expect_bytes(&c, ino, 0, 3, 'x');
	expect_bytes(&c, ino, 3, 7, 0);
	expect_bytes(&c, ino, 7, 10 * BLOCK + 5, 'x');
	expect_bytes(&c, ino, 99 * BLOCK, 100 * BLOCK, 0);
	assert_int_equal(blocks_of(&c, ino), 80);
	assert_int_equal(size_of(&c, ino), 100 * BLOCK);
	core_end(&c);
}

static void a_zeroed_range_is_allocated(void **state)
{
	struct core c;
	u64 ino;

	core_make(&c, 4096, 1);
	ino = core_create(&c, ROOT, "f");
	write_bytes(&c, ino, 0, 100 * BLOCK, 'x');
	core_commit(&c);
	falloc(&c, ino, ZERO | KEEP, 50 * BLOCK + 7, 100 * BLOCK);
	assert_int_equal(size_of(&c, ino), 100 * BLOCK);
	expect_bytes(&c, ino, 0, 50 * BLOCK + 7, 'x');
	expect_bytes(&c, ino, 50 * BLOCK + 7, 100 * BLOCK, 0);
	falloc(&c, ino, ZERO, 100 * BLOCK, 60 * BLOCK);
	assert_int_equal(size_of(&c, ino), 160 * BLOCK);
	expect_bytes(&c, ino, 100 * BLOCK, 160 * BLOCK, 0);
	core_commit(&c);
	assert_int_equal(blocks_of(&c, ino), 160);
	core_reopen(&c);
	expect_bytes(&c, ino, 0, 50 * BLOCK + 7, 'x');
	expect_bytes(&c, ino, 50 * BLOCK + 7, 160 * BLOCK, 0);
	core_end(&c);
}

/* Zeroed blocks move: until the commit the old content must stand. */
static void zeroing_never_touches_what_is_committed(void **state)
{
	u8 *data = malloc(10 * BLOCK);
	struct vex_map before, after;
	u32 csums[10];
	struct core c;
	u64 ino;

	core_make(&c, 1024, 1);
	core_close(&c);
	core_adopt_host(&c);
	ino = core_create(&c, ROOT, "f");
	memset(data, 'x', 10 * BLOCK);
	core_host_write(&c, ino, 0, 10, data);
	core_commit(&c);
	assert_int_equal(vex_extent_map(c.fs, ino, 0, 10, &before, csums), 0);
	assert_int_equal(vex_file_provide(c.fs, ino, 0, 10, true), 0);
	assert_int_equal(vex_extent_map(c.fs, ino, 0, 10, &after, csums), 0);
	assert_int_equal(after.block, 0);
	assert_true(after.unwritten);
	core_host_write(&c, ino, 0, 10, data);
	assert_int_equal(vex_extent_map(c.fs, ino, 0, 10, &after, csums), 0);
	assert_true(after.block + 10 <= before.block || before.block + 10 <= after.block);
	free(data);
	core_end(&c);
}

/* ---- in place ----------------------------------------------------------------- */

static void the_first_write_goes_in_place_and_the_second_does_not(void **state)
{
	struct vex_map first, second, third;
	u8 *data = malloc(8 * BLOCK);
	u32 csums[8];
	u64 ino, free_after;
	struct core c;

	core_make(&c, 1024, 1);
	core_close(&c);
	core_adopt_host(&c);
	ino = core_create(&c, ROOT, "f");
	assert_int_equal(vex_file_provide(c.fs, ino, 0, 100, false), 0);
	settle(&c);
	free_after = core_free_blocks(&c);
	memset(data, 1, 8 * BLOCK);
	core_host_write(&c, ino, 40, 8, data);
	assert_int_equal(blocks_of(&c, ino), 100);
	assert_int_equal(vex_extent_map(c.fs, ino, 40, 8, &first, csums), 0);
	assert_int_equal(first.count, 8);
	assert_true(first.block);
	/* In the same transaction: the first may be on its way to the device. */
	core_host_write(&c, ino, 40, 8, data);
	assert_int_equal(vex_extent_map(c.fs, ino, 40, 8, &second, csums), 0);
	assert_true(second.block + 8 <= first.block || first.block + 8 <= second.block);
	settle(&c);
	core_host_write(&c, ino, 40, 8, data);
	assert_int_equal(vex_extent_map(c.fs, ino, 40, 8, &third, csums), 0);
	assert_true(third.block + 8 <= second.block || second.block + 8 <= third.block);
	settle(&c);
	assert_int_equal(blocks_of(&c, ino), 100);
	/* Not one block of data more: the tree may have grown by a leaf. */
	assert_in_range(core_free_blocks(&c), free_after - 1, free_after);
	free(data);
	core_end(&c);
}

/* Across the borders of holes, unwritten and written blocks, in one call. */
static void a_write_over_all_kinds_is_whole(void **state)
{
	struct core c;
	u64 ino;

	core_make(&c, 4096, 1);
	ino = core_create(&c, ROOT, "f");
	write_bytes(&c, ino, 0, 10 * BLOCK, 'a');
	falloc(&c, ino, 0, 15 * BLOCK, 5 * BLOCK);
	falloc(&c, ino, 0, 30 * BLOCK, 200 * BLOCK);
	core_reopen(&c);
	write_bytes(&c, ino, 5 * BLOCK + 1, 100 * BLOCK + 1, 'b');
	core_commit(&c);
	assert_int_equal(blocks_of(&c, ino), 230);
	core_reopen(&c);
	expect_bytes(&c, ino, 0, 5 * BLOCK + 1, 'a');
	expect_bytes(&c, ino, 5 * BLOCK + 1, 100 * BLOCK + 1, 'b');
	expect_bytes(&c, ino, 100 * BLOCK + 1, 230 * BLOCK, 0);
	core_end(&c);
}

/* What a crash shows when no commit came after the write: nothing of it. */
static void a_write_without_a_commit_leaves_zeros(void **state)
{
	struct vex_io_mem *after;
	struct core c, crashed = { 0 };
	u64 ino;

	core_make(&c, 1024, 1);
	core_close(&c);
	core_adopt_host(&c);
	ino = core_create(&c, ROOT, "f");
	assert_int_equal(vex_file_provide(c.fs, ino, 0, 50, false), 0);
	assert_int_equal(vex_file_truncate(c.fs, ino, 50 * BLOCK), 0);
	core_commit(&c);
	{
		u8 *data = malloc(20 * BLOCK);

		memset(data, 'x', 20 * BLOCK);
		core_host_write(&c, ino, 10, 20, data);
		free(data);
	}
	assert_int_equal(c.io.ops->flush(c.io.ctx), 0);
	after = vex_io_mem_clone(c.m);
	assert_non_null(after);
	assert_null(image_check(after, NULL));
	assert_int_equal(core_adopt(&crashed, after, false), 0);
	expect_bytes(&crashed, ino, 0, 50 * BLOCK, 0);
	core_end(&crashed);
	core_end(&c);
}

/* The point of it all: on a full device there is still room. */
static void a_full_device_takes_what_was_allocated(void **state)
{
	for (u32 order = 0; order < 3; order++) {
		u64 ino, other, pos = 0, step = order == 1 ? 1 : 16, rnd = 5;
		struct core c;
		int err;

		core_make(&c, 2048, 1);
		ino = core_create(&c, ROOT, "f");
		other = core_create(&c, ROOT, "g");
		falloc(&c, ino, 0, 0, 512 * BLOCK);
		do {
			u8 buf[20000];

			memset(buf, 'y', sizeof(buf));
			err = vex_file_write(c.fs, other, pos, buf, sizeof(buf));
			pos += sizeof(buf);
		} while (!err);
		assert_int_equal(err, -ENOSPC);
		core_commit(&c);
		if (order == 2) {
			/* Each block once, in an order that cuts the most. */
			for (u64 b = 0; b < 512; b++) {
				u64 at = (b * 2) % 512 + (b >= 256);

				write_bytes(&c, ino, at * BLOCK, (at + 1) * BLOCK, 'x');
				if (!test_below(&rnd, 20))
					core_commit(&c);
			}
		} else {
			for (u64 b = 0; b < 512; b += step)
				write_bytes(&c, ino, b * BLOCK, (b + step) * BLOCK, 'x');
		}
		core_reopen(&c);
		expect_bytes(&c, ino, 0, 512 * BLOCK, 'x');
		assert_int_equal(blocks_of(&c, ino), 512);
		core_end(&c);
	}
}

/* A host with a page cache asks page by page, and hears when to write back. */
static void a_page_over_unwritten_blocks_can_be_promised_on_a_full_device(void **state)
{
	struct vex_statfs st;
	struct core c;
	u64 ino, given = 0;
	int err = 0;

	core_make(&c, 1024, 1);
	core_close(&c);
	core_adopt_host(&c);
	ino = core_create(&c, ROOT, "f");
	assert_int_equal(vex_file_provide(c.fs, ino, 0, 500, false), 0);
	core_commit(&c);
	while (!vex_space_reserve(c.fs, 1))
		given++;
	vex_fs_statfs(c.fs, &st);
	assert_true(given > 200);
	assert_int_equal(vex_space_reserve_inplace(c.fs, ino, 500), -ENOSPC);
	assert_int_equal(vex_space_reserve_inplace(c.fs, ino, 3), 0);
	vex_space_end_inplace(c.fs, true);
	vex_space_unreserve(c.fs, given);
	for (given = 0; !err && given < 500; given++)
		err = vex_space_reserve_inplace(c.fs, ino, given);
	while (given--)
		if (err)
			err = 0;
		else
			vex_space_end_inplace(c.fs, true);
	core_end(&c);
}

static void part_of_a_block_can_be_zeroed_on_a_full_device(void **state)
{
	u8 buf[20000];
	struct core c;
	u64 ino, pos;
	int err = 0;

	core_make(&c, VEXFS_MIN_BLOCKS, 1);
	ino = core_create(&c, ROOT, "f");
	memset(buf, 'x', sizeof(buf));
	for (pos = 0; !err; pos += sizeof(buf))
		err = vex_file_write(c.fs, ino, pos, buf, sizeof(buf));
	assert_int_equal(err, -ENOSPC);
	core_commit(&c);
	for (u32 i = 0; i < 60; i++)
		falloc(&c, ino, PUNCH, i * BLOCK + 7, 100);
	core_reopen(&c);
	for (u32 i = 0; i < 60; i++) {
		expect_bytes(&c, ino, i * BLOCK, i * BLOCK + 7, 'x');
		expect_bytes(&c, ino, i * BLOCK + 7, i * BLOCK + 107, 0);
		expect_bytes(&c, ino, i * BLOCK + 107, (i + 1) * BLOCK, 'x');
	}
	core_end(&c);
}

/* ---- size -------------------------------------------------------------------- */

static void large_ranges_take_many_items_and_come_back(void **state)
{
	struct vex_inode inode;
	struct core c;
	u64 ino, before;

	core_make(&c, 100000, 1);
	ino = core_create(&c, ROOT, "f");
	/* All groups get their bitmaps. */
	falloc(&c, ino, 0, 0, 95000 * BLOCK);
	assert_int_equal(vex_file_truncate(c.fs, ino, 0), 0);
	settle(&c);
	before = core_free_blocks(&c);
	for (u32 round = 0; round < 2; round++) {
		falloc(&c, ino, 0, 1ULL << 40, 80000 * BLOCK);
		assert_int_equal(blocks_of(&c, ino), 80000);
		for (u64 b = 0; b < 80000; b += 400)
			write_bytes(&c, ino, (1ULL << 40) + b * BLOCK,
				    (1ULL << 40) + b * BLOCK + 1, 'x');
		core_reopen(&c);
		assert_null(image_check(c.m, NULL));
		assert_int_equal(blocks_of(&c, ino), 80000);
		if (round) {
			falloc(&c, ino, PUNCH, 0, S64_MAX);
			assert_int_equal(vex_inode_get(c.fs, ino, &inode), 0);
			assert_int_equal(inode.size, (1ULL << 40) + 80000 * BLOCK);
		} else {
			assert_int_equal(vex_file_truncate(c.fs, ino, 0), 0);
		}
		assert_int_equal(blocks_of(&c, ino), 0);
		settle(&c);
		assert_int_equal(core_free_blocks(&c), before);
	}
	core_end(&c);
}

static void loops_return_every_block(void **state)
{
	u64 ino, before, rnd = 9;
	struct core c;

	core_make(&c, 4096, 1);
	settle(&c);
	before = core_free_blocks(&c);
	for (u32 i = 0; i < 150; i++) {
		ino = core_create(&c, ROOT, "f");
		falloc(&c, ino, test_below(&rnd, 2), test_below(&rnd, 100000),
		       1 + test_below(&rnd, 400000));
		write_bytes(&c, ino, test_below(&rnd, 1000), 1000 + test_below(&rnd, 300000), 1);
		if (i % 3)
			core_commit(&c);
		falloc(&c, ino, PUNCH, test_below(&rnd, 300000), 1 + test_below(&rnd, 100000));
		falloc(&c, ino, ZERO, test_below(&rnd, 300000), 1 + test_below(&rnd, 100000));
		if (i % 7 == 0)
			core_reopen(&c);
		core_unlink(&c, ROOT, "f");
		settle(&c);
		assert_int_equal(core_free_blocks(&c), before);
	}
	core_end(&c);
}

/*
 * The size is new at once; the space behind it comes back when the device, or memory, is well
 * again, and nothing of the old content shows when the file grows before that.
 */
static void a_truncation_that_meets_errors_is_taken_up_again(void **state)
{
	for (u32 nth = 1; nth < 60; nth++) {
		struct core c;
		u64 ino, before;
		int err;

		core_make(&c, 4096, 1);
		c.cache = 1;
		settle(&c);
		ino = core_create(&c, ROOT, "f");
		settle(&c);
		before = core_free_blocks(&c);
		for (u64 b = 0; b < 400; b += 2)
			write_bytes(&c, ino, b * BLOCK, (b + 1) * BLOCK, 'x');
		core_reopen(&c);
		if (nth & 1)
			vex_io_mem_fail(c.m, VEX_IO_READ, nth / 2 + 1, 1000000);
		else
			vex_mem_fail(nth / 2, 1000000);
		err = vex_file_truncate(c.fs, ino, 5000);
		vex_io_mem_fail(c.m, VEX_IO_READ, 0, 0);
		vex_mem_fail(0, 0);
		assert_int_equal(size_of(&c, ino), err ? 400 * BLOCK - BLOCK : 5000);
		if (nth % 3 == 0) {
			core_reopen(&c);
		} else {
			assert_int_equal(vex_file_truncate(c.fs, ino, 5000), 0);
			write_bytes(&c, ino, 390 * BLOCK, 390 * BLOCK + 1, 'y');
			expect_bytes(&c, ino, 8192, 390 * BLOCK, 0);
			core_commit(&c);
			assert_int_equal(blocks_of(&c, ino), 3);
		}
		assert_int_equal(vex_file_truncate(c.fs, ino, 0), 0);
		settle(&c);
		assert_int_equal(core_free_blocks(&c), before);
		core_end(&c);
	}
}

/* ---- where data is --------------------------------------------------------------- */

static void seek_finds_data_and_holes(void **state)
{
	struct core c;
	u64 ino;

	core_make(&c, 4096, 1);
	ino = core_create(&c, ROOT, "f");
	assert_int_equal(seek(&c, ino, 0, false), -ENXIO);
	assert_int_equal(seek(&c, ino, 0, true), -ENXIO);
	write_bytes(&c, ino, 10 * BLOCK + 5, 20 * BLOCK, 'x');
	falloc(&c, ino, 0, 40 * BLOCK, 10 * BLOCK + 1);
	write_bytes(&c, ino, 45 * BLOCK, 45 * BLOCK + 1, 'x');
	for (u32 round = 0; round < 2; round++) {
		assert_int_equal(seek(&c, ino, 0, true), 0);
		assert_int_equal(seek(&c, ino, 0, false), 10 * BLOCK);
		assert_int_equal(seek(&c, ino, 10 * BLOCK + 77, false), 10 * BLOCK + 77);
		assert_int_equal(seek(&c, ino, 10 * BLOCK, true), 20 * BLOCK);
		assert_int_equal(seek(&c, ino, 20 * BLOCK, false), 45 * BLOCK);
		assert_int_equal(seek(&c, ino, 42 * BLOCK + 3, true), 42 * BLOCK + 3);
		assert_int_equal(seek(&c, ino, 45 * BLOCK, true), 46 * BLOCK);
		assert_int_equal(seek(&c, ino, 46 * BLOCK, false), -ENXIO);
		assert_int_equal(seek(&c, ino, 50 * BLOCK, true), 50 * BLOCK);
		assert_int_equal(seek(&c, ino, 50 * BLOCK + 1, true), -ENXIO);
		assert_int_equal(seek(&c, ino, U64_MAX, false), -ENXIO);
		core_reopen(&c);
	}
	/* Data up to the end: the end is where the hole begins. */
	write_bytes(&c, ino, 48 * BLOCK, 50 * BLOCK + 1, 'x');
	assert_int_equal(seek(&c, ino, 48 * BLOCK, true), 50 * BLOCK + 1);
	core_end(&c);
}

/* ---- random -------------------------------------------------------------------------- */

#define MOST	(2u << 20)

struct model {
	struct core *c;
	u64 ino;
	size_t size;
	u8 *data;	/* MOST bytes, zeros past @size */
};

/* Each byte that is not zero lies in data, and what is data is allocated. */
static void check_seeks(struct model *m)
{
	u64 at = 0, covered = 0;

	while (at < m->size) {
		s64 data = seek(m->c, m->ino, at, false), hole;

		if (data == -ENXIO)
			data = m->size;
		assert_true(data >= (s64)at);
		assert_null(memchr_inv(m->data + at, 0, data - at));
		if (data == (s64)m->size)
			break;
		hole = seek(m->c, m->ino, data, true);
		assert_true(hole > data && hole <= (s64)m->size);
		covered += DIV_ROUND_UP((u64)hole, BLOCK) - data / BLOCK;
		at = hole;
	}
	assert_true(covered <= blocks_of(m->c, m->ino));
}

static void check_content(struct model *m)
{
	u8 *buf = malloc(MOST);
	size_t done;

	assert_int_equal(size_of(m->c, m->ino), m->size);
	assert_int_equal(vex_file_read(m->c->fs, m->ino, 0, buf, MOST, &done), 0);
	assert_int_equal(done, m->size);
	assert_memory_equal(buf, m->data, done);
	free(buf);
	check_seeks(m);
}

/* A full device refuses; then nothing that can be read has changed but for a prefix. */
static void model_write(struct model *m, u64 pos, size_t len, u64 seed)
{
	for (size_t i = 0; i < len; i++)
		m->data[pos + i] = test_random(&seed);
	core_write(m->c, m->ino, pos, m->data + pos, len);
	m->size = max(m->size, (size_t)(pos + len));
}

static void model_falloc(struct model *m, u32 mode, u64 pos, size_t len)
{
	falloc(m->c, m->ino, mode, pos, len);
	if (mode & (VEX_FALLOC_PUNCH | VEX_FALLOC_ZERO) && pos < m->size)
		memset(m->data + pos, 0, min(len, m->size - (size_t)pos));
	if (!(mode & KEEP))
		m->size = max(m->size, (size_t)(pos + len));
}

static void one_random_call(struct model *m, u64 *rnd)
{
	static const u32 modes[] = { 0, KEEP, PUNCH, PUNCH, ZERO, ZERO | KEEP };
	size_t len = 1 + test_below(rnd, test_below(rnd, 3) ? 20000 : 400000);
	u64 pos = test_below(rnd, MOST - len);

	if (!test_below(rnd, 3)) {
		pos &= ~(BLOCK - 1);
		len = min(round_up(len, (size_t)BLOCK), (size_t)(MOST - pos));
	}
	switch (test_below(rnd, 12)) {
	case 0:
		len = test_below(rnd, m->size + 50000) % MOST;
		assert_int_equal(vex_file_truncate(m->c->fs, m->ino, len), 0);
		if (len < m->size)
			memset(m->data + len, 0, m->size - len);
		m->size = len;
		break;
	case 1:
		core_commit(m->c);
		break;
	case 2:
		if (!test_below(rnd, 4))
			core_reopen(m->c);
		break;
	case 3:
		check_content(m);
		break;
	case 4:
	case 5:
	case 6:
		model_write(m, pos, len, test_random(rnd));
		break;
	default:
		model_falloc(m, modes[test_below(rnd, 6)], pos, len);
	}
}

static void random_calls_match_a_byte_array(void **state)
{
	for (u32 seed = 1; seed <= 6; seed++) {
		struct core c;
		struct model m = { .c = &c, .data = calloc(1, MOST) };
		u64 rnd = seed, before;

		core_make(&c, 4096, seed);
		settle(&c);
		before = core_free_blocks(&c);
		c.cache = seed & 1 ? 400000 : 0;
		core_reopen(&c);
		m.ino = core_create(&c, ROOT, "f");
		for (u32 i = 0; i < 400; i++)
			one_random_call(&m, &rnd);
		check_content(&m);
		core_reopen(&c);
		check_content(&m);
		assert_null(image_check(c.m, NULL));
		core_unlink(&c, ROOT, "f");
		settle(&c);
		assert_int_equal(core_free_blocks(&c), before);
		free(m.data);
		core_end(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(impossible_calls_are_refused),
		core_test(a_filesystem_without_the_feature_has_no_unwritten_blocks),
		core_test(more_than_there_is_changes_nothing),
		core_test(allocated_space_reads_as_zeros),
		core_test(what_is_written_is_not_touched_by_allocation),
		core_test(a_punched_hole_gives_its_blocks_back),
		core_test(a_zeroed_range_is_allocated),
		core_test(zeroing_never_touches_what_is_committed),
		core_test(the_first_write_goes_in_place_and_the_second_does_not),
		core_test(a_write_over_all_kinds_is_whole),
		core_test(a_write_without_a_commit_leaves_zeros),
		core_test(a_full_device_takes_what_was_allocated),
		core_test(a_page_over_unwritten_blocks_can_be_promised_on_a_full_device),
		core_test(part_of_a_block_can_be_zeroed_on_a_full_device),
		core_test(large_ranges_take_many_items_and_come_back),
		core_test(loops_return_every_block),
		core_test(a_truncation_that_meets_errors_is_taken_up_again),
		core_test(seek_finds_data_and_holes),
		core_test(random_calls_match_a_byte_array),
	};

	vex_core_init();
	return cmocka_run_group_tests_name("falloc", tests, NULL, NULL);
}

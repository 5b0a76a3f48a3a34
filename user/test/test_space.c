// SPDX-License-Identifier: GPL-2.0-only
/* A full device: nothing is lost, what is removed comes back, counts are exact. */
#include "core.h"

#define ROOT	VEXFS_ROOT_INO
#define SMALL	VEXFS_MIN_BLOCKS

static const char *file_name(u32 n)
{
	static char name[16];

	snprintf(name, sizeof(name), "file%u", n);
	return name;
}

static void fill(u8 *buf, size_t len, u64 seed)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = test_random(&seed);
}

/* Files of @len bytes until there is no space; returns how many were written whole. */
static u32 fill_device(struct core *c, size_t len, u32 from)
{
	u8 *buf = malloc(len ? len : 1);
	u32 n = from;
	int err = 0;

	for (; !err; n++) {
		struct vex_inode node = { .mode = S_IFREG | 0644 };
		struct vex_name name = core_name(file_name(n));

		err = vex_dir_create(c->fs, ROOT, &name, &node);
		if (err)
			break;
		fill(buf, len, n);
		err = vex_file_write(c->fs, node.ino, 0, buf, len);
		if (err)
			core_unlink(c, ROOT, file_name(n));
		if (err)
			break;
	}
	assert_int_equal(err, -ENOSPC);
	free(buf);
	return n;
}

static void check_files(struct core *c, size_t len, u32 from, u32 to)
{
	u8 *want = malloc(len ? len : 1), *got = malloc(len ? len : 1);

	for (u32 n = from; n < to; n++) {
		struct vex_name name = core_name(file_name(n));
		u64 ino;
		u8 type;

		assert_int_equal(vex_dir_lookup(c->fs, ROOT, &name, &ino, &type), 0);
		fill(want, len, n);
		core_read(c, ino, 0, got, len);
		assert_memory_equal(want, got, len);
	}
	free(want);
	free(got);
}

static void remove_files(struct core *c, u32 from, u32 to)
{
	for (u32 n = from; n < to; n++)
		core_unlink(c, ROOT, file_name(n));
}

static void settle(struct core *c)
{
	core_commit(c);
	core_commit(c);
}

/* Fill, verify, empty; sizes from nothing but names to one large file. */
static void a_full_device_keeps_what_it_took(void **state)
{
	static const size_t lens[] = { 0, 1, 4096, 10000, 100000, 400000 };

	for (u32 i = 0; i < ARRAY_SIZE(lens); i++) {
		struct core c;
		u64 before;
		u32 count;

		core_make(&c, SMALL, 1);
		settle(&c);
		before = core_free_blocks(&c);
		for (u32 round = 0; round < 3; round++) {
			count = fill_device(&c, lens[i], 0);
			assert_true(count >= 1);
			/* Most of the device can be used. */
			if (lens[i] >= 4096)
				assert_true(count * DIV_ROUND_UP(lens[i], 4096) > SMALL / 4);
			check_files(&c, lens[i], 0, count);
			core_reopen(&c);
			assert_null(image_check(c.m, NULL));
			check_files(&c, lens[i], 0, count);
			remove_files(&c, 0, count);
			settle(&c);
			assert_int_equal(core_free_blocks(&c), before);
		}
		core_end(&c);
	}
}

static void a_full_device_takes_more_after_a_removal(void **state)
{
	u32 first, count, more;
	struct core c;

	core_make(&c, SMALL, 1);
	first = fill_device(&c, 5000, 0);
	count = first;
	for (u32 round = 0; round < 20; round++) {
		core_unlink(&c, ROOT, file_name(round));
		more = fill_device(&c, 5000, count);
		/* A tree that is about to grow can ask for more than one file left. */
		assert_true(more >= count);
		count = more;
		check_files(&c, 5000, round + 1, count);
	}
	assert_true(count - first >= 18);
	core_reopen(&c);
	check_files(&c, 5000, 20, count);
	core_end(&c);
}

/* Everything but taking more space works on a full device. */
static void a_full_device_can_be_worked_with(void **state)
{
	struct vex_name a = core_name(file_name(0)), b = core_name("renamed");
	struct vex_inode attr = { .mode = 0600 };
	u64 ino, replaced;
	struct core c;
	u32 count;
	u8 type;

	core_make(&c, SMALL, 1);
	count = fill_device(&c, 4096, 0);
	core_commit(&c);
	fill_device(&c, 0, count);
	core_commit(&c);
	assert_int_equal(vex_dir_lookup(c.fs, ROOT, &a, &ino, &type), 0);
	for (u32 i = 0; i < 50; i++) {
		attr.mode = 0600 + i;
		assert_int_equal(vex_inode_set(c.fs, ino, &attr, VEX_SET_MODE), 0);
		core_commit(&c);
	}
	(void)vex_dir_rename(c.fs, ROOT, &a, ROOT, &b, 0, &replaced);
	core_commit(&c);
	check_files(&c, 4096, 1, count);
	remove_files(&c, 1, count);
	settle(&c);
	assert_true(core_free_blocks(&c) > SMALL / 2);
	core_end(&c);
}

/* Overwriting needs new blocks for a moment: it works or says so, and the old stays. */
static void overwriting_on_a_full_device_is_whole_or_not(void **state)
{
	u8 old[20000], new[20000], got[20000];
	u64 ino, rnd = 3;
	struct core c;

	core_make(&c, SMALL, 1);
	ino = core_create(&c, ROOT, "f");
	fill(old, sizeof(old), 1);
	core_write(&c, ino, 0, old, sizeof(old));
	core_commit(&c);
	fill_device(&c, 3000, 0);
	core_commit(&c);
	for (u32 i = 0; i < 100; i++) {
		int err;

		fill(new, sizeof(new), test_random(&rnd));
		err = vex_file_write(c.fs, ino, 0, new, sizeof(new));
		if (!err)
			memcpy(old, new, sizeof(old));
		else
			assert_int_equal(err, -ENOSPC);
		if (i % 3 == 0)
			core_reopen(&c);
		core_read(&c, ino, 0, got, sizeof(got));
		assert_memory_equal(got, old, sizeof(old));
	}
	core_end(&c);
}

static void a_full_collection_keeps_what_it_took(void **state)
{
	struct vex_coll coll = { .elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2,
				 .index = VEXFS_INDEX_FLAT, .dim = 100 };
	u64 ino, first, bad, rows = 0, before, rnd = 1;
	float batch[50][100], got[100];
	struct core c;
	int err;

	core_make(&c, SMALL, 1);
	settle(&c);
	before = core_free_blocks(&c);
	ino = core_create(&c, ROOT, "v");
	assert_int_equal(vex_coll_create(c.fs, ino, &coll), 0);
	for (;;) {
		for (u32 i = 0; i < 50; i++)
			for (u32 j = 0; j < 100; j++)
				batch[i][j] = rows + i * 100 + j;
		err = vex_coll_insert(c.fs, ino, batch, 50, 100, &first, &bad);
		if (err)
			break;
		rows += 50;
		if (!test_below(&rnd, 3))
			core_commit(&c);
	}
	assert_int_equal(err, -ENOSPC);
	assert_true(rows * 400 > SMALL * 4096 / 4);
	core_reopen(&c);
	assert_int_equal(vex_coll_stat(c.fs, ino, &coll), 0);
	assert_int_equal(coll.rows, rows);
	for (u64 id = 0; id < rows; id++) {
		assert_int_equal(vex_coll_get(c.fs, ino, &id, 1, 100, got, &bad), 0);
		assert_true(got[99] == (float)(id / 50 * 50 + id % 50 * 100 + 99));
	}
	/* Deleting rows works, too. */
	for (u64 id = 0; id < rows; id += 7)
		assert_int_equal(vex_coll_delete(c.fs, ino, &id, 1, &bad), 0);
	core_reopen(&c);
	core_unlink(&c, ROOT, "v");
	settle(&c);
	assert_int_equal(core_free_blocks(&c), before);
	core_end(&c);
}

static void a_full_device_of_directories(void **state)
{
	struct core c;
	u64 dir = ROOT, dirs[8192], before;
	u32 n = 0;
	int err;

	core_make(&c, SMALL, 1);
	settle(&c);
	before = core_free_blocks(&c);
	/* A chain, each inside the one before. */
	for (;;) {
		struct vex_inode node = { .mode = S_IFDIR | 0755 };
		struct vex_name name = core_name("d");

		err = vex_dir_create(c.fs, dir, &name, &node);
		if (err)
			break;
		assert_true(n < ARRAY_SIZE(dirs));
		dirs[n++] = dir;
		dir = node.ino;
	}
	assert_int_equal(err, -ENOSPC);
	assert_true(n > 100);
	core_reopen(&c);
	while (n)
		core_unlink(&c, dirs[--n], "d");
	settle(&c);
	assert_int_equal(core_free_blocks(&c), before);
	core_end(&c);
}

static void loops_return_every_block(void **state)
{
	u8 buf[30000];
	struct core c;
	u64 before;

	fill(buf, sizeof(buf), 4);
	core_make(&c, 1024, 1);
	core_mkdir(&c, ROOT, "keep");
	settle(&c);
	before = core_free_blocks(&c);
	for (u32 i = 0; i < 300; i++) {
		u64 ino = core_create(&c, ROOT, "f");
		struct vex_statfs st;

		core_write(&c, ino, i * 100, buf, 1 + i * 90);
		if (i % 3 == 0)
			core_commit(&c);
		if (i % 5 == 0)
			assert_int_equal(vex_file_truncate(c.fs, ino, i), 0);
		if (i % 7 == 0)
			core_reopen(&c);
		core_unlink(&c, ROOT, "f");
		settle(&c);
		vex_fs_statfs(c.fs, &st);
		assert_int_equal(st.free, before);
		assert_int_equal(st.inodes, 2);
		assert_int_equal(st.blocks, 1024);
	}
	core_end(&c);
}

/* Random calls on a device that is nearly always full; the model is the file system's own past. */
static void random_calls_on_a_full_device(void **state)
{
	u64 rnd = 31, before, after;
	struct step s;
	struct core c;
	u32 full = 0;

	core_make(&c, SMALL, 1);
	fill_device(&c, 3000, 0);
	for (u32 i = 0; i < 20; i++)
		core_unlink(&c, ROOT, file_name(i * 2));
	for (u32 i = 0; i < 3000; i++) {
		int err;

		step_random(&s, &rnd);
		if (i % 50 == 0) {
			assert_int_equal(core_digest(c.fs, &before), 0);
			core_reopen(&c);
			assert_null(image_check(c.m, NULL));
			assert_int_equal(core_digest(c.fs, &after), 0);
			assert_int_equal(before, after);
		}
		err = step_run(c.fs, &s);
		full += err == -ENOSPC;
		if (err && err != -ENOSPC && !step_error_expected(err))
			fail_msg("%s: error %d", step_text(&s), err);
	}
	assert_true(full > 100);
	core_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(a_full_device_keeps_what_it_took),
		core_test(a_full_device_takes_more_after_a_removal),
		core_test(a_full_device_can_be_worked_with),
		core_test(overwriting_on_a_full_device_is_whole_or_not),
		core_test(a_full_collection_keeps_what_it_took),
		core_test(a_full_device_of_directories),
		core_test(loops_return_every_block),
		core_test(random_calls_on_a_full_device),
	};

	vex_core_init();
	return cmocka_run_group_tests_name("space", tests, NULL, NULL);
}

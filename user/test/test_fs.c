// SPDX-License-Identifier: GPL-2.0-only
/* A filesystem as a whole: making, opening, closing, read-only, what is not ours. */
#include "core.h"

static int mkfs_on(u64 device, u64 blocks, const char *label)
{
	struct vex_io_mem *m = vex_io_mem_create(device, 1);
	struct vex_io io = vex_io_mem_io(m);
	int err = vex_mkfs(&io, &(struct vex_mkfs_opts){ .blocks = blocks, .label = label });

	if (!err)
		assert_null(image_check(m, NULL));
	vex_io_mem_destroy(m);
	return err;
}

static void mkfs_makes_what_can_be_opened(void **state)
{
	struct core c;
	struct vex_inode root;
	struct vex_statfs st;

	core_make(&c, 1024, 1);
	assert_int_equal(vex_inode_get(c.fs, VEXFS_ROOT_INO, &root), 0);
	assert_int_equal(root.mode, S_IFDIR | 0755);
	assert_int_equal(root.uid, 7);
	assert_int_equal(root.gid, 8);
	assert_int_equal(root.nlink, 2);
	assert_int_equal(root.parent, VEXFS_ROOT_INO);
	vex_fs_statfs(c.fs, &st);
	assert_int_equal(st.blocks, 1024);
	assert_int_equal(st.inodes, 1);
	assert_string_equal(st.label, "test");
	assert_int_equal(st.uuid[6] >> 4, 4);
	assert_true(st.free > 1000 && st.free < 1021);
	assert_true(st.avail < st.free);
	assert_false(st.stopped);
	assert_false(vex_fs_dirty(c.fs));
	core_end(&c);
}

static void mkfs_refuses_impossible_sizes_and_labels(void **state)
{
	char label[VEXFS_LABEL_MAX + 2];

	memset(label, 'x', sizeof(label));
	label[VEXFS_LABEL_MAX + 1] = 0;
	assert_int_equal(mkfs_on(255, 0, NULL), -EINVAL);
	assert_int_equal(mkfs_on(1024, 255, NULL), -EINVAL);
	assert_int_equal(mkfs_on(1024, 1025, NULL), -EINVAL);
	assert_int_equal(mkfs_on(1024, VEXFS_MAX_BLOCKS + 1, NULL), -EINVAL);
	assert_int_equal(mkfs_on(1024, 0, label), -EINVAL);
	label[VEXFS_LABEL_MAX] = 0;
	assert_int_equal(mkfs_on(1024, 0, label), 0);
	assert_int_equal(mkfs_on(256, 0, ""), 0);
	assert_int_equal(mkfs_on(1024, 256, NULL), 0);
	assert_int_equal(mkfs_on(3 * VEXFS_GROUP_BLOCKS + 5, 0, NULL), 0);
}

static void mkfs_takes_a_given_uuid(void **state)
{
	struct vex_io_mem *m = vex_io_mem_create(256, 1);
	struct vex_io io = vex_io_mem_io(m);
	struct core c = { 0 };
	struct vex_statfs st;
	u8 uuid[16];

	for (u32 i = 0; i < 16; i++)
		uuid[i] = i * 3;
	assert_int_equal(vex_mkfs(&io, &(struct vex_mkfs_opts){ .uuid = uuid }), 0);
	assert_int_equal(core_adopt(&c, m, false), 0);
	vex_fs_statfs(c.fs, &st);
	assert_memory_equal(st.uuid, uuid, 16);
	core_end(&c);
}

/* A new filesystem over an old one with many more commits. */
static void mkfs_leaves_nothing_of_an_older_filesystem(void **state)
{
	struct vex_name name = core_name("old");
	struct core c;
	u64 ino;
	u8 type;

	core_make(&c, 1024, 1);
	core_create(&c, VEXFS_ROOT_INO, "old");
	for (u32 i = 0; i < 10; i++) {
		char n[8];

		snprintf(n, sizeof(n), "%u", i);
		core_create(&c, VEXFS_ROOT_INO, n);
		core_commit(&c);
	}
	core_close(&c);
	assert_int_equal(vex_mkfs(&c.io, &(struct vex_mkfs_opts){ .label = "new" }), 0);
	assert_int_equal(core_adopt(&c, c.m, false), 0);
	assert_int_equal(vex_dir_lookup(c.fs, VEXFS_ROOT_INO, &name, &ino, &type), -ENOENT);
	core_end(&c);
}

static void what_was_closed_is_there_after_opening(void **state)
{
	struct core c;
	u64 ino, before, after;

	core_make(&c, 1024, 1);
	ino = core_create(&c, VEXFS_ROOT_INO, "file");
	core_write(&c, ino, 0, "hello", 5);
	assert_true(vex_fs_dirty(c.fs));
	assert_int_equal(core_digest(c.fs, &before), 0);
	core_reopen(&c);
	assert_false(vex_fs_dirty(c.fs));
	assert_int_equal(core_digest(c.fs, &after), 0);
	assert_int_equal(before, after);
	core_end(&c);
}

static void a_commit_without_changes_writes_nothing(void **state)
{
	struct vex_io_mem_stats before, after;
	struct core c;

	core_make(&c, 1024, 1);
	vex_io_mem_stats(c.m, &before);
	core_commit(&c);
	core_reopen(&c);
	vex_io_mem_stats(c.m, &after);
	assert_int_equal(before.writes, after.writes);
	core_end(&c);
}

static void read_only_changes_nothing(void **state)
{
	struct vex_coll coll = { .elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2,
				 .index = VEXFS_INDEX_FLAT, .dim = 4 };
	struct vex_inode node = { .mode = S_IFREG | 0644 };
	struct vex_name name = core_name("a"), other = core_name("b");
	struct vex_io_mem_stats before, after;
	u64 ino, rows, digest, again, id = 0;
	struct core c;
	float row[4] = { 0 };

	core_make(&c, 1024, 1);
	ino = core_create(&c, VEXFS_ROOT_INO, "a");
	core_write(&c, ino, 0, "hello", 5);
	rows = core_create(&c, VEXFS_ROOT_INO, "rows");
	assert_int_equal(vex_coll_create(c.fs, rows, &coll), 0);
	assert_int_equal(core_digest(c.fs, &digest), 0);
	core_close(&c);
	vex_io_mem_stats(c.m, &before);
	assert_int_equal(core_adopt(&c, c.m, true), 0);
	assert_int_equal(vex_dir_create(c.fs, VEXFS_ROOT_INO, &other, &node), -EROFS);
	assert_int_equal(vex_dir_remove(c.fs, VEXFS_ROOT_INO, &name, false), -EROFS);
	assert_int_equal(vex_dir_rename(c.fs, VEXFS_ROOT_INO, &name, VEXFS_ROOT_INO, &other, 0,
					&id), -EROFS);
	assert_int_equal(vex_file_write(c.fs, ino, 0, "x", 1), -EROFS);
	assert_int_equal(vex_file_truncate(c.fs, ino, 0), -EROFS);
	assert_int_equal(vex_inode_set(c.fs, ino, &node, VEX_SET_MODE), -EROFS);
	assert_int_equal(vex_coll_create(c.fs, ino, &coll), -EROFS);
	assert_int_equal(vex_coll_insert(c.fs, rows, row, 1, 4, &id, &id), -EROFS);
	assert_int_equal(vex_coll_delete(c.fs, rows, &id, 1, &id), -EROFS);
	assert_int_equal(vex_space_reserve(c.fs, 1), -EROFS);
	assert_int_equal(core_digest(c.fs, &again), 0);
	assert_int_equal(digest, again);
	core_close(&c);
	vex_io_mem_stats(c.m, &after);
	assert_int_equal(before.writes, after.writes);
	core_drop(&c);
}

static void read_only_comes_and_goes(void **state)
{
	struct vex_inode node = { .mode = S_IFREG | 0644 };
	struct vex_name name = core_name("b");
	struct core c;

	core_make(&c, 1024, 1);
	core_create(&c, VEXFS_ROOT_INO, "a");
	assert_int_equal(vex_fs_set_read_only(c.fs, true), 0);
	assert_false(vex_fs_dirty(c.fs));
	assert_int_equal(vex_dir_create(c.fs, VEXFS_ROOT_INO, &name, &node), -EROFS);
	assert_int_equal(vex_fs_set_read_only(c.fs, false), 0);
	assert_int_equal(vex_dir_create(c.fs, VEXFS_ROOT_INO, &name, &node), 0);
	core_end(&c);
}

/* ---- what is not ours -------------------------------------------------------------- */

static void expect_open(struct vex_io_mem *m, int want)
{
	struct vex_io io = vex_io_mem_io(m);
	struct vex_open_error why = { 0 };
	struct vex_fs *fs = NULL;
	int err = vex_fs_open(&io, &(struct vex_open_opts){ 0 }, &fs, &why);

	if (!err)
		vex_fs_close(fs);
	assert_int_equal(err, want);
	if (err) {
		assert_non_null(why.what);
		assert_true(strlen(why.what) > 0);
	}
}

static void seal_super(struct vexfs_super *sb)
{
	sb->csum = cpu_to_le32(vex_crc32c((u8 *)sb + 4, sizeof(*sb) - 4));
}

static void expect_feature(struct vex_io_mem *m, u32 slot, u32 bit, const char *name,
			   const char *told)
{
	struct vex_io_mem *forged = vex_io_mem_clone(m);
	struct vexfs_super *sb = (void *)vex_io_mem_block(forged, VEXFS_SUPER_BLOCK(slot));
	struct vex_io io = vex_io_mem_io(forged);
	struct vex_open_error why;
	struct vex_fs *fs;

	sb->features |= cpu_to_le64(1ULL << bit);
	memcpy(sb->feature_names[bit], name, min(strlen(name), sizeof(sb->feature_names[bit])));
	seal_super(sb);
	assert_int_equal(vex_fs_open(&io, &(struct vex_open_opts){ 0 }, &fs, &why), -EOPNOTSUPP);
	assert_string_equal(why.what, "unknown feature");
	assert_string_equal(why.feature, told);
	assert_int_equal(why.block, VEXFS_SUPER_BLOCK(slot));
	vex_io_mem_destroy(forged);
}

/* An image of tomorrow says itself what the reader of today lacks. */
static void an_unknown_feature_is_refused_by_its_name(void **state)
{
	struct core c;

	core_make(&c, 1024, 1);
	core_close(&c);
	for (u32 slot = 0; slot < 2; slot++) {
		expect_feature(c.m, slot, 17, "time-travel", "time-travel");
		expect_feature(c.m, slot, 17, "", "bit 17");
		expect_feature(c.m, slot, 9, "", "bit 9");
		expect_feature(c.m, slot, 63, "a name of 24 characters!", "a?name?of?24?characters!");
		expect_feature(c.m, slot, 63, "\n\033[31m\xff", "??[31m?");
	}
	core_drop(&c);
}

static void a_filesystem_has_the_features_it_was_made_with(void **state)
{
	for (u64 features = 0; features <= VEXFS_FEATURES_KNOWN; features++) {
		if (features & ~VEXFS_FEATURES_KNOWN)
			continue;
		struct core c = { .m = vex_io_mem_create(1024, 1) };
		struct vex_io io = vex_io_mem_io(c.m);
		struct vex_statfs st;

		assert_int_equal(vex_mkfs(&io, &(struct vex_mkfs_opts){ .features = features }), 0);
		assert_int_equal(core_adopt(&c, c.m, false), 0);
		vex_fs_statfs(c.fs, &st);
		assert_int_equal(st.features, features);
		for (u32 bit = 0; bit < VEXFS_FEATURE_BITS; bit++)
			assert_int_equal(vex_fs_has_feature(c.fs, 1ULL << bit),
					 !!(features & 1ULL << bit));
		core_end(&c);
	}
	struct core none = { .m = vex_io_mem_create(1024, 1) };
	struct vex_io io = vex_io_mem_io(none.m);

	assert_int_equal(vex_mkfs(&io, &(struct vex_mkfs_opts){ .features = 1ULL << 9 }), -EINVAL);
	core_drop(&none);
}

/*
 * One that cannot be read may be the newest: what is not for reading only would go on from the
 * state before it, and write over it.
 */
static void an_unreadable_superblock_opens_for_reading_only(void **state)
{
	struct vex_name last;
	struct core c;

	core_make(&c, 1024, 1);
	core_create(&c, VEXFS_ROOT_INO, "a");
	core_commit(&c);
	core_create(&c, VEXFS_ROOT_INO, "b");
	core_close(&c);
	for (u32 slot = 0; slot < 2; slot++) {
		struct vex_open_error why;
		struct vex_fs *fs;

		vex_io_mem_fail(c.m, VEX_IO_READ, slot + 1, 0);
		assert_int_equal(vex_fs_open(&c.io, &(struct vex_open_opts){ 0 }, &fs, &why), -EIO);
		assert_int_equal(why.block, VEXFS_SUPER_BLOCK(slot));
		assert_string_equal(why.what, "superblock cannot be read");
		vex_io_mem_fail(c.m, VEX_IO_READ, slot + 1, 0);
		assert_int_equal(core_adopt(&c, c.m, true), 0);
		vex_io_mem_fail(c.m, 0, 0, 0);
		assert_int_equal(core_resolve(c.fs, "a", NULL, NULL, &last), DT_REG);
		assert_int_equal(vex_fs_set_read_only(c.fs, false), -EIO);
		core_close(&c);
	}
	core_adopt(&c, c.m, false);
	assert_int_equal(core_resolve(c.fs, "b", NULL, NULL, &last), DT_REG);
	core_end(&c);
}

static void foreign_devices_are_refused(void **state)
{
	struct vex_io_mem *m = vex_io_mem_create(1024, 1);
	u64 rnd = 5;

	expect_open(m, -EINVAL);
	for (u32 b = 0; b < 32; b++)
		for (u32 i = 0; i < VEXFS_BLOCK_SIZE; i++)
			vex_io_mem_block(m, b)[i] = test_random(&rnd);
	expect_open(m, -EINVAL);
	vex_io_mem_destroy(m);
	m = vex_io_mem_create(1, 1);
	expect_open(m, -EIO);
	vex_io_mem_destroy(m);
	m = vex_io_mem_create(0, 1);
	expect_open(m, -EIO);
	vex_io_mem_destroy(m);
}

static void seal(struct vexfs_super *sb)
{
	sb->csum = cpu_to_le32(vex_crc32c((u8 *)sb + 4, VEXFS_BLOCK_SIZE - 4));
}

/* Change both superblocks by @edit, with good checksums. */
static void open_edited(void (*edit)(struct vexfs_super *sb), int want)
{
	struct core c;

	core_make(&c, 1024, 1);
	core_create(&c, VEXFS_ROOT_INO, "a");
	core_close(&c);
	for (u32 slot = 0; slot < 2; slot++) {
		struct vexfs_super *sb = (void *)vex_io_mem_block(c.m, VEXFS_SUPER_BLOCK(slot));

		edit(sb);
		seal(sb);
	}
	expect_open(c.m, want);
	core_drop(&c);
}

static void edit_version(struct vexfs_super *sb) { sb->version = cpu_to_le32(2); }
static void edit_features(struct vexfs_super *sb) { sb->features = cpu_to_le64(1ULL << 40); }
static void edit_size(struct vexfs_super *sb) { sb->block_count = cpu_to_le64(1025); }
static void edit_huge(struct vexfs_super *sb) { sb->block_count = cpu_to_le64(~0ULL); }
static void edit_small(struct vexfs_super *sb) { sb->block_count = cpu_to_le64(3); }
static void edit_block_size(struct vexfs_super *sb) { sb->block_size = cpu_to_le32(512); }
static void edit_root(struct vexfs_super *sb) { sb->root_block = cpu_to_le64(1024); }
static void edit_root_nowhere(struct vexfs_super *sb) { sb->root_block = cpu_to_le64(500); }
static void edit_level(struct vexfs_super *sb) { sb->root_level = cpu_to_le32(7); }
static void edit_level_one(struct vexfs_super *sb) { sb->root_level = cpu_to_le32(1); }
static void edit_free(struct vexfs_super *sb) { sb->free_blocks = cpu_to_le64(5000); }
static void edit_uuid(struct vexfs_super *sb) { sb->uuid[0] ^= 1; }
static void edit_generation(struct vexfs_super *sb) { sb->generation = ~sb->generation; }
static void edit_next_ino(struct vexfs_super *sb) { sb->next_ino = 0; }
static void edit_magic(struct vexfs_super *sb) { sb->magic = 0; }

static void forged_superblocks_are_refused(void **state)
{
	open_edited(edit_magic, -EINVAL);
	open_edited(edit_version, -EOPNOTSUPP);
	open_edited(edit_features, -EOPNOTSUPP);
	open_edited(edit_size, -EUCLEAN);
	open_edited(edit_huge, -EUCLEAN);
	open_edited(edit_small, -EUCLEAN);
	open_edited(edit_block_size, -EUCLEAN);
	open_edited(edit_root, -EUCLEAN);
	open_edited(edit_root_nowhere, -EUCLEAN);
	open_edited(edit_level, -EUCLEAN);
	open_edited(edit_level_one, -EUCLEAN);
	open_edited(edit_free, -EUCLEAN);
	open_edited(edit_uuid, -EUCLEAN);
	open_edited(edit_generation, -EUCLEAN);
	open_edited(edit_next_ino, -EUCLEAN);
}

static void one_damaged_superblock_leaves_the_other(void **state)
{
	struct core c;
	u64 ino;

	for (u32 slot = 0; slot < 2; slot++) {
		memset(&c, 0, sizeof(c));
		core_make(&c, 1024, 1);
		ino = core_create(&c, VEXFS_ROOT_INO, "a");
		core_commit(&c);
		core_write(&c, ino, 0, "x", 1);
		core_close(&c);
		vex_io_mem_block(c.m, VEXFS_SUPER_BLOCK(slot))[100] ^= 1;
		assert_int_equal(core_adopt(&c, c.m, false), 0);
		core_reopen(&c);
		core_end(&c);
	}
}

static void truncated_devices_are_refused(void **state)
{
	struct core c;

	core_make(&c, 1024, 1);
	core_close(&c);
	for (u64 blocks = 1023; blocks >= 2; blocks = blocks > 12 ? blocks / 2 : blocks - 1) {
		struct vex_io_mem *m = vex_io_mem_clone(c.m);

		vex_io_mem_resize(m, blocks);
		expect_open(m, -EUCLEAN);
		vex_io_mem_destroy(m);
	}
	vex_io_mem_resize(c.m, 2000);
	expect_open(c.m, 0);
	core_drop(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(mkfs_makes_what_can_be_opened),
		core_test(mkfs_refuses_impossible_sizes_and_labels),
		core_test(mkfs_takes_a_given_uuid),
		core_test(mkfs_leaves_nothing_of_an_older_filesystem),
		core_test(what_was_closed_is_there_after_opening),
		core_test(a_commit_without_changes_writes_nothing),
		core_test(read_only_changes_nothing),
		core_test(read_only_comes_and_goes),
		core_test(an_unknown_feature_is_refused_by_its_name),
		core_test(a_filesystem_has_the_features_it_was_made_with),
		core_test(an_unreadable_superblock_opens_for_reading_only),
		core_test(foreign_devices_are_refused),
		core_test(forged_superblocks_are_refused),
		core_test(one_damaged_superblock_leaves_the_other),
		core_test(truncated_devices_are_refused),
	};

	vex_core_init();
	return cmocka_run_group_tests_name("fs", tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Damaged images: a flipped bit anywhere gives a clean error or changes nothing; an image forged
 * with good checksums gives errors or odd content, but no crash, no endless loop, no access
 * outside.
 */
#include <unistd.h>

#include "core.h"

static u64 opened, refused, noticed;

/* A small image with every kind of item, of the script up to its fullest point. */
static void make_image(struct core *c, u64 *digest)
{
	core_make(c, 512, 1);
	for (u32 i = 0; i < 33; i++)
		assert_int_equal(step_run(c->fs, &script[i]), 0);
	/* Enough entries for a second level of the tree, and something to finish. */
	for (u32 i = 0; i < 120; i++) {
		char name[80];

		snprintf(name, sizeof(name), "entry-%u-%060u", i, i);
		core_create(c, VEXFS_ROOT_INO, name);
	}
	core_commit(c);
	assert_int_equal(core_digest(c->fs, digest), 0);
}

static int expected_damage(int err)
{
	return err == -EUCLEAN || err == -EINVAL || err == -EOPNOTSUPP;
}

/* Calls that change things, on an image that may be damaged: errors are fine. */
static void work(struct vex_fs *fs, u64 seed, u32 calls)
{
	struct step s;

	while (calls--) {
		step_random(&s, &seed);
		step_run(fs, &s);
	}
	vex_fs_commit(fs);
}

/*
 * Open and use an image in which block @bad is not what it was. The digests that are right: of the
 * newest generation and of the one before. An error names the block.
 */
static void try_image(struct vex_io_mem *m, u64 bad, const u64 digests[2], u64 seed)
{
	struct core c = { 0 };
	const char *what;
	u64 digest, block;
	int err;

	err = core_adopt(&c, vex_io_mem_clone(m), false);
	if (err) {
		assert_true(expected_damage(err));
		refused++;
		core_drop(&c);
		return;
	}
	opened++;
	err = core_digest(c.fs, &digest);
	if (err) {
		assert_int_equal(err, -EUCLEAN);
		assert_true(vex_fs_take_damage(c.fs, &block, &what));
		assert_int_equal(block, bad);
		assert_false(vex_fs_take_damage(c.fs, &block, &what));
		noticed++;
	} else if (digest != digests[0] && digest != digests[1]) {
		fail_msg("wrong data were returned");
	}
	work(c.fs, seed, 10);
	core_drop(&c);
}

/* Bits tried in each block that holds anything: one in each of as many equal parts. */
#define FLIPS	16u

static void a_flipped_bit_gives_a_clean_error(void **state)
{
	u64 digests[2], rnd = 6;
	struct core c;

	make_image(&c, &digests[1]);
	/* One more commit, so that the older superblock has the state before. */
	core_create(&c, VEXFS_ROOT_INO, "last");
	core_commit(&c);
	assert_int_equal(core_digest(c.fs, &digests[0]), 0);
	core_close(&c);
	assert_null(image_check(c.m, NULL));
	for (u64 b = 0; b < 512; b++) {
		u32 tries = memchr_inv(vex_io_mem_peek(c.m, b), 0, VEXFS_BLOCK_SIZE) ? FLIPS : 1;

		while (tries--) {
			u32 bit = tries * (VEXFS_BLOCK_SIZE * 8 / FLIPS) +
				  test_below(&rnd, VEXFS_BLOCK_SIZE * 8 / FLIPS);
			struct vex_io_mem *m = vex_io_mem_clone(c.m);

			vex_io_mem_block(m, b)[bit / 8] ^= 1u << (bit & 7);
			try_image(m, b, digests, test_random(&rnd));
			vex_io_mem_destroy(m);
		}
	}
	assert_true(noticed > 400);
	core_drop(&c);
}

/* Blocks that were swapped, moved, zeroed, or are of an older time. */
static void misplaced_blocks_give_a_clean_error(void **state)
{
	struct vex_io_mem *old;
	u64 digests[2], rnd = 7;
	struct core c;

	make_image(&c, &digests[1]);
	old = vex_io_mem_clone(c.m);
	for (u32 i = 0; i < 3; i++) {
		char name[2] = { 'P' + i };

		assert_int_equal(core_digest(c.fs, &digests[1]), 0);
		core_create(&c, VEXFS_ROOT_INO, name);
		core_commit(&c);
	}
	assert_int_equal(core_digest(c.fs, &digests[0]), 0);
	core_close(&c);
	for (u32 i = 0; i < 1000; i++) {
		struct vex_io_mem *m = vex_io_mem_clone(c.m);
		u64 a = test_below(&rnd, 512), b = test_below(&rnd, 512);
		u8 *at = vex_io_mem_block(m, a);

		switch (i % 3) {
		case 0:
			memcpy(at, vex_io_mem_peek(c.m, b), VEXFS_BLOCK_SIZE);
			break;
		case 1:
			memset(at, 0, VEXFS_BLOCK_SIZE);
			break;
		default:
			/* An old superblock alone is an old state, which nobody can tell. */
			if (a != 1 && a != 9)
				memcpy(at, vex_io_mem_peek(old, a), VEXFS_BLOCK_SIZE);
		}
		try_image(m, a, digests, test_random(&rnd));
		vex_io_mem_destroy(m);
	}
	vex_io_mem_destroy(old);
	core_drop(&c);
}

/* A device that lost a write: a block holds what it held some commits ago. */
static void lost_writes_give_a_clean_error(void **state)
{
	enum { KEPT = 40 };
	struct vex_io_mem *past[KEPT];
	u64 digests[2], rnd = 10, tried = 0;
	struct step s;
	struct core c;

	make_image(&c, &digests[1]);
	for (u32 i = 0; i < KEPT; i++) {
		past[i] = vex_io_mem_clone(c.m);
		assert_int_equal(core_digest(c.fs, &digests[1]), 0);
		for (u32 n = 0; n < 4; n++) {
			step_random(&s, &rnd);
			step_run(c.fs, &s);
		}
		core_create(&c, VEXFS_ROOT_INO, (char[]){ 'A' + i, '!', 0 });
		core_commit(&c);
	}
	assert_int_equal(core_digest(c.fs, &digests[0]), 0);
	core_close(&c);
	for (u64 b = 0; b < 512; b++) {
		if (b == VEXFS_SUPER_BLOCK(0) || b == VEXFS_SUPER_BLOCK(1))
			continue;
		for (u32 i = 0; i < KEPT; i += 3) {
			struct vex_io_mem *m;

			if (!memcmp(vex_io_mem_peek(c.m, b), vex_io_mem_peek(past[i], b),
				    VEXFS_BLOCK_SIZE))
				continue;
			m = vex_io_mem_clone(c.m);
			memcpy(vex_io_mem_block(m, b), vex_io_mem_peek(past[i], b),
			       VEXFS_BLOCK_SIZE);
			try_image(m, b, digests, test_random(&rnd));
			vex_io_mem_destroy(m);
			tried++;
		}
	}
	assert_true(tried > 300);
	for (u32 i = 0; i < KEPT; i++)
		vex_io_mem_destroy(past[i]);
	core_drop(&c);
}

/* ---- forged ------------------------------------------------------------------------------ */

static bool is_node(const u8 *block)
{
	return get_unaligned_le32(block + 4) == VEXFS_NODE_MAGIC;
}

static void seal(u8 *block)
{
	put_unaligned_le32(vex_crc32c(block + 4, VEXFS_BLOCK_SIZE - 4), block);
}

/* Values that break limits more often than random ones. */
static u64 nasty(u64 *rnd)
{
	static const u64 values[] = {
		0, 1, 2, 0xff, 0x7fff, 0xffff, 4096, 511, 512, 0x7fffffff, 0x80000000, 0xffffffff,
		S64_MAX, U64_MAX, 1ULL << 52, 1ULL << 32,
	};

	return test_below(rnd, 2) ? values[test_below(rnd, ARRAY_SIZE(values))] : test_random(rnd);
}

static void forge(u8 *block, u64 *rnd)
{
	u32 count = 1 + test_below(rnd, 4);

	while (count--) {
		/* Mostly where headers and items stand, and data at the end. */
		u32 at = 4 + (test_below(rnd, 3) ? test_below(rnd, 600) :
			      test_below(rnd, VEXFS_BLOCK_SIZE - 12));
		u64 value = nasty(rnd);
		u8 bytes[8];

		if (!test_below(rnd, 3))
			at &= ~7u;
		put_unaligned_le64(value, bytes);
		memcpy(block + at, bytes, 1u << test_below(rnd, 4));
	}
}

static void forged_images_do_no_harm(void **state)
{
	u64 digest, rnd = 8;
	struct core c;

	make_image(&c, &digest);
	core_close(&c);
	for (u32 i = 0; i < 6000; i++) {
		struct core f = { 0 };
		u64 block;
		u8 *at;

		do
			block = test_below(&rnd, 512);
		while (!is_node(vex_io_mem_peek(c.m, block)) && block != 1 && block != 9);
		f.m = vex_io_mem_clone(c.m);
		at = vex_io_mem_block(f.m, block);
		forge(at, &rnd);
		seal(at);
		/* Ends the test when the core runs in a circle. */
		alarm(60);
		if (!core_adopt(&f, f.m, i & 1)) {
			core_digest(f.fs, &digest);
			work(f.fs, test_random(&rnd), 12);
		}
		alarm(0);
		core_drop(&f);
	}
	core_drop(&c);
}

/* The offset of the last directory entry of a leaf becomes @offset. */
static bool forge_entry(u8 *block, u64 offset)
{
	struct vexfs_node *hdr = (void *)block;
	struct vexfs_item *it = (void *)(hdr + 1);

	if (!is_node(block) || hdr->level)
		return false;
	for (u32 i = le16_to_cpu(hdr->count); i-- > 0;) {
		if (it[i].type != VEXFS_ITEM_DIRENT)
			continue;
		it[i].offset = cpu_to_le64(offset);
		seal(block);
		return true;
	}
	return false;
}

static void directory_positions_fit_63_bits(void **state)
{
	static const u64 offsets[] = { U64_MAX, 1ULL << 63 };
	u8 buf[4096];
	size_t used;

	for (u32 i = 0; i < ARRAY_SIZE(offsets); i++) {
		struct core c;
		u32 forged = 0;

		core_make(&c, 512, 1);
		core_create(&c, VEXFS_ROOT_INO, "a");
		core_create(&c, VEXFS_ROOT_INO, "b");
		core_close(&c);
		for (u64 b = 0; b < 512; b++)
			if (is_node(vex_io_mem_peek(c.m, b)))
				forged += forge_entry(vex_io_mem_block(c.m, b), offsets[i]);
		assert_true(forged);
		assert_int_equal(core_adopt(&c, c.m, true), 0);
		assert_int_equal(vex_dir_read(c.fs, VEXFS_ROOT_INO, 0, buf, sizeof(buf), &used),
				 -EUCLEAN);
		core_drop(&c);
	}
}

/* The superblock counts inodes from 2 again: the next one exists. Nothing has to stop. */
static void an_inode_number_in_use_is_damage(void **state)
{
	const struct vex_name name = { "new", 3 };
	struct vex_inode node;
	const char *what;
	struct core c;
	u64 block;

	core_make(&c, 512, 1);
	core_create(&c, VEXFS_ROOT_INO, "a");
	core_close(&c);
	for (u32 slot = 0; slot < 2; slot++) {
		u8 *sb = vex_io_mem_block(c.m, VEXFS_SUPER_BLOCK(slot));

		((struct vexfs_super *)sb)->next_ino = cpu_to_le64(VEXFS_FIRST_INO);
		seal(sb);
	}
	assert_int_equal(core_adopt(&c, c.m, false), 0);
	node = (struct vex_inode){ .mode = S_IFREG | 0600 };
	assert_int_equal(vex_dir_create(c.fs, VEXFS_ROOT_INO, &name, &node), -EUCLEAN);
	assert_true(vex_fs_take_damage(c.fs, &block, &what));
	node = (struct vex_inode){ .mode = S_IFREG | 0600 };
	assert_int_equal(vex_inode_create(c.fs, &node), -EUCLEAN);
	/* What is there can be changed. */
	assert_int_equal(vex_dir_remove(c.fs, VEXFS_ROOT_INO, &(struct vex_name){ "a", 1 }, false),
			 0);
	assert_int_equal(vex_fs_commit(c.fs), 0);
	core_drop(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(an_inode_number_in_use_is_damage),
		core_test(a_flipped_bit_gives_a_clean_error),
		core_test(misplaced_blocks_give_a_clean_error),
		core_test(lost_writes_give_a_clean_error),
		core_test(forged_images_do_no_harm),
		core_test(directory_positions_fit_63_bits),
	};
	int failed;

	vex_core_init();
	failed = cmocka_run_group_tests_name("damage", tests, NULL, NULL);
	printf("damage: %llu images opened, %llu refused, %llu errors while reading\n", opened,
	       refused, noticed);
	return failed;
}

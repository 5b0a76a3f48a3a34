// SPDX-License-Identifier: GPL-2.0-only
/* File contents against a model in memory; and the calls of a host with a page cache. */
#include <vex_check.h>

#include "core.h"

#define ROOT	VEXFS_ROOT_INO
#define MOST	(3u << 20)

/**
 * struct model - what a file must hold
 * @size: bytes
 * @data: MOST bytes, zeros past @size
 */
struct model {
	size_t size;
	u8 *data;
};

static void expect_content(struct core *c, u64 ino, const struct model *m)
{
	u8 *buf = malloc(MOST);
	struct vex_inode inode;
	size_t done;

	assert_int_equal(vex_inode_get(c->fs, ino, &inode), 0);
	assert_int_equal(inode.size, m->size);
	assert_int_equal(vex_file_read(c->fs, ino, 0, buf, MOST, &done), 0);
	assert_int_equal(done, m->size);
	if (memcmp(buf, m->data, done))
		fail_msg("the content is not what was written");
	free(buf);
}

static void model_write(struct core *c, u64 ino, struct model *m, u64 pos, size_t len, u64 seed)
{
	for (size_t i = 0; i < len; i++)
		m->data[pos + i] = test_random(&seed);
	core_write(c, ino, pos, m->data + pos, len);
	m->size = max(m->size, (size_t)(pos + len));
}

static void model_truncate(struct core *c, u64 ino, struct model *m, u64 size)
{
	assert_int_equal(vex_file_truncate(c->fs, ino, size), 0);
	if (size < m->size)
		memset(m->data + size, 0, m->size - size);
	m->size = size;
}

static void one_random_call(struct core *c, u64 ino, struct model *m, u64 *rnd)
{
	static const size_t lens[] = { 1, 100, 4096, 5000, 65536, 200000 };
	size_t len = 1 + test_below(rnd, lens[test_below(rnd, 6)]);
	u64 pos = test_below(rnd, MOST - len);
	u8 *buf;

	/* Most near what is there, some on block borders. */
	if (test_below(rnd, 4))
		pos = test_below(rnd, min(m->size + 10000, MOST - len));
	if (!test_below(rnd, 4))
		pos &= ~4095ULL;
	switch (test_below(rnd, 10)) {
	case 0:
		model_truncate(c, ino, m, test_below(rnd, 3) ? test_below(rnd, m->size + 1) : pos);
		break;
	case 1:
		core_commit(c);
		break;
	case 2:
		if (!test_below(rnd, 5))
			core_reopen(c);
		break;
	case 3:
	case 4:
		len = min(len, m->size > pos ? m->size - (size_t)pos : 0);
		buf = malloc(len + 1);
		core_read(c, ino, pos, buf, len);
		assert_memory_equal(buf, m->data + pos, len);
		free(buf);
		break;
	default:
		model_write(c, ino, m, pos, len, test_random(rnd));
	}
}

static void run_model(size_t cache, u64 seed, u32 calls)
{
	struct model m[3] = { { 0 } };
	u64 ino[3], rnd = seed, free_before;
	struct core c;

	core_make(&c, 8192, seed);
	core_commit(&c);
	free_before = core_free_blocks(&c);
	c.cache = cache;
	core_reopen(&c);
	for (u32 i = 0; i < 3; i++) {
		char name[2] = { 'a' + i };

		ino[i] = core_create(&c, ROOT, name);
		m[i].data = calloc(1, MOST);
	}
	for (u32 n = 0; n < calls; n++) {
		u32 i = test_below(&rnd, 3);

		one_random_call(&c, ino[i], &m[i], &rnd);
	}
	for (u32 i = 0; i < 3; i++)
		expect_content(&c, ino[i], &m[i]);
	core_reopen(&c);
	assert_null(image_check(c.m, NULL));
	for (u32 i = 0; i < 3; i++) {
		char name[2] = { 'a' + i };

		expect_content(&c, ino[i], &m[i]);
		core_unlink(&c, ROOT, name);
		free(m[i].data);
	}
	core_commit(&c);
	core_commit(&c);
	assert_int_equal(core_free_blocks(&c), free_before);
	core_end(&c);
}

static void files_hold_what_was_written(void **state)
{
	for (u32 seed = 1; seed <= 4; seed++)
		run_model(0, seed, 400);
}

static void files_hold_what_was_written_with_a_tiny_cache(void **state)
{
	for (u32 seed = 11; seed <= 14; seed++)
		run_model(400000, seed, 300);
}

static void holes_take_no_space_and_read_zeros(void **state)
{
	struct vex_inode inode;
	struct core c;
	u8 buf[100];
	u64 ino;

	core_make(&c, 1024, 1);
	ino = core_create(&c, ROOT, "sparse");
	assert_int_equal(vex_file_truncate(c.fs, ino, 1ULL << 40), 0);
	core_write(&c, ino, 1ULL << 39, "x", 1);
	core_commit(&c);
	assert_int_equal(vex_inode_get(c.fs, ino, &inode), 0);
	assert_int_equal(inode.size, 1ULL << 40);
	assert_int_equal(inode.blocks, 1);
	memset(buf, 1, sizeof(buf));
	core_read(&c, ino, (1ULL << 39) + 1, buf, 99);
	assert_null(memchr_inv(buf, 0, 99));
	core_read(&c, ino, 12345, buf, 100);
	assert_null(memchr_inv(buf, 0, 100));
	core_end(&c);
}

static void what_was_cut_off_comes_back_as_zeros(void **state)
{
	u8 buf[10000];
	struct core c;
	u64 ino;

	core_make(&c, 1024, 1);
	ino = core_create(&c, ROOT, "f");
	for (u32 reopen = 0; reopen < 4; reopen++) {
		memset(buf, 0xee, sizeof(buf));
		core_write(&c, ino, 0, buf, sizeof(buf));
		if (reopen & 1)
			core_reopen(&c);
		assert_int_equal(vex_file_truncate(c.fs, ino, 5000), 0);
		if (reopen & 2)
			core_reopen(&c);
		assert_int_equal(vex_file_truncate(c.fs, ino, 10000), 0);
		core_read(&c, ino, 0, buf, sizeof(buf));
		assert_null(memchr_inv(buf, 0xee, 5000));
		assert_null(memchr_inv(buf + 5000, 0, 5000));
	}
	core_end(&c);
}

static void reading_past_the_end_is_short(void **state)
{
	struct core c;
	size_t done;
	u8 buf[10];
	u64 ino;

	core_make(&c, 1024, 1);
	ino = core_create(&c, ROOT, "f");
	core_write(&c, ino, 0, "hello", 5);
	assert_int_equal(vex_file_read(c.fs, ino, 3, buf, 10, &done), 0);
	assert_int_equal(done, 2);
	assert_int_equal(vex_file_read(c.fs, ino, 5, buf, 10, &done), 0);
	assert_int_equal(done, 0);
	assert_int_equal(vex_file_read(c.fs, ino, U64_MAX, buf, 10, &done), 0);
	assert_int_equal(done, 0);
	assert_int_equal(vex_file_write(c.fs, ino, 0, buf, 0), 0);
	core_end(&c);
}

static void impossible_calls_are_refused(void **state)
{
	struct core c;
	size_t done;
	u8 buf[10];
	u64 ino;

	core_make(&c, 1024, 1);
	ino = core_create(&c, ROOT, "f");
	assert_int_equal(vex_file_write(c.fs, ino, S64_MAX, buf, 1), -EFBIG);
	assert_int_equal(vex_file_write(c.fs, ino, U64_MAX, buf, 1), -EFBIG);
	assert_int_equal(vex_file_truncate(c.fs, ino, U64_MAX), -EFBIG);
	assert_int_equal(vex_file_read(c.fs, ROOT, 0, buf, 10, &done), -EISDIR);
	assert_int_equal(vex_file_write(c.fs, ROOT, 0, buf, 10), -EISDIR);
	assert_int_not_equal(vex_file_truncate(c.fs, ROOT, 0), 0);
	assert_int_equal(vex_file_read(c.fs, 999, 0, buf, 10, &done), -ENOENT);
	assert_int_equal(vex_file_write(c.fs, 999, 0, buf, 10), -ENOENT);
	assert_int_equal(vex_file_truncate(c.fs, 999, 0), -ENOENT);
	assert_int_equal(vex_inode_evict(c.fs, 999), -ENOENT);
	core_end(&c);
}

static void attributes_are_kept(void **state)
{
	struct vex_inode in = {
		.mode = 04711, .uid = 5, .gid = 6, .size = 77,
		.atime = { -5, 1 }, .mtime = { 1ULL << 40, 999999999 }, .ctime = { 3, 4 },
	}, out;
	struct core c;
	u64 ino;

	core_make(&c, 1024, 1);
	ino = core_create(&c, ROOT, "f");
	assert_int_equal(vex_inode_set(c.fs, ino, &in, 0x7f), 0);
	core_reopen(&c);
	assert_int_equal(vex_inode_get(c.fs, ino, &out), 0);
	assert_int_equal(out.mode, S_IFREG | 04711);
	assert_int_equal(out.uid, 5);
	assert_int_equal(out.gid, 6);
	assert_int_equal(out.size, 77);
	assert_true(out.atime.sec == -5 && out.atime.nsec == 1);
	assert_true(out.mtime.sec == 1LL << 40 && out.mtime.nsec == 999999999);
	assert_true(out.ctime.sec == 3 && out.ctime.nsec == 4);
	in.uid = 50;
	assert_int_equal(vex_inode_set(c.fs, ino, &in, VEX_SET_GID), 0);
	assert_int_equal(vex_inode_get(c.fs, ino, &out), 0);
	assert_int_equal(out.uid, 5);
	assert_int_equal(vex_inode_set(c.fs, 999, &in, VEX_SET_GID), -ENOENT);
	core_end(&c);
}

/* ---- a host with a page cache ---------------------------------------------------------- */

/* Read by the maps, as it would fill pages; checks every checksum. */
static void host_expect(struct core *c, u64 ino, const struct model *m)
{
	u64 blocks = DIV_ROUND_UP(m->size, VEXFS_BLOCK_SIZE), at = 0;
	u32 csums[VEXFS_EXTENT_MAX];
	struct vex_map map;

	while (at < blocks) {
		u8 *buf;

		assert_int_equal(vex_extent_map(c->fs, ino, at, blocks - at, &map, csums), 0);
		assert_true(map.count >= 1 && map.count <= blocks - at &&
			    map.count <= VEXFS_EXTENT_MAX);
		buf = vex_zalloc(map.count * VEXFS_BLOCK_SIZE);
		if (map.block)
			assert_int_equal(c->io.ops->read(c->io.ctx, map.block, map.count, buf), 0);
		for (u32 i = 0; map.block && i < map.count; i++)
			assert_int_equal(csums[i], vex_block_csum(buf + i * VEXFS_BLOCK_SIZE));
		assert_memory_equal(buf, m->data + at * VEXFS_BLOCK_SIZE,
				    map.count * VEXFS_BLOCK_SIZE);
		vex_free(buf);
		at += map.count;
	}
}

/* A window of any place and size says what the single maps say, and reads what the model has. */
static void window_expect(struct core *c, u64 ino, const struct model *m, u64 first, u32 count)
{
	struct vex_window w = { .fblock = first, .count = count };
	u8 buf[VEXFS_BLOCK_SIZE];
	u32 at = 0;

	w.map = calloc(count, sizeof(*w.map));
	w.csums = calloc(count, sizeof(*w.csums));
	assert_int_equal(vex_extent_window(c->fs, ino, &w), 0);
	assert_true(w.runs >= 1 && w.runs <= count);
	for (u32 run = 0; run < w.runs; run++) {
		const struct vex_map *map = &w.map[run];

		assert_int_equal(map->fblock, first + at);
		assert_true(map->count >= 1 && map->count <= count - at);
		for (u32 i = 0; i < map->count; i++, at++) {
			memset(buf, 0, sizeof(buf));
			if (map->block) {
				assert_int_equal(c->io.ops->read(c->io.ctx, map->block + i, 1,
								 buf), 0);
				assert_int_equal(w.csums[at], vex_block_csum(buf));
			}
			assert_memory_equal(buf, m->data + (first + at) * VEXFS_BLOCK_SIZE,
					    VEXFS_BLOCK_SIZE);
		}
		/* Two runs that could be one are one. */
		if (run)
			assert_true(!map[-1].block ? map->block :
				    map[-1].block + map[-1].count != map->block);
	}
	assert_int_equal(at, count);
	free(w.map);
	free(w.csums);
}

static void windows_expect(struct core *c, u64 ino, const struct model *m, u64 *rnd)
{
	u32 blocks = MOST / VEXFS_BLOCK_SIZE;

	for (u32 n = 0; n < 8; n++) {
		u64 first = test_below(rnd, blocks);

		window_expect(c, ino, m, first, 1 + test_below(rnd, blocks - first));
	}
	window_expect(c, ino, m, 0, blocks);
}

static void host_begin(struct core *c, u64 blocks)
{
	core_make(c, blocks, 1);
	core_close(c);
	core_adopt_host(c);
}

static void a_host_with_a_page_cache_maps_and_writes(void **state)
{
	struct model m = { .data = calloc(1, MOST) };
	struct vex_inode inode;
	u64 ino, rnd = 8, before;
	struct core c;

	host_begin(&c, 8192);
	core_commit(&c);
	before = core_free_blocks(&c);
	ino = core_create(&c, ROOT, "f");
	for (u32 n = 0; n < 300; n++) {
		u64 at = test_below(&rnd, MOST / VEXFS_BLOCK_SIZE - VEXFS_EXTENT_MAX);
		u32 count = 1 + test_below(&rnd, test_below(&rnd, 3) ? 8 : VEXFS_EXTENT_MAX);

		for (size_t i = 0; i < count * VEXFS_BLOCK_SIZE; i += 8)
			put_unaligned_le64(test_random(&rnd), m.data + at * VEXFS_BLOCK_SIZE + i);
		core_host_write(&c, ino, at, count, m.data + at * VEXFS_BLOCK_SIZE);
		m.size = max(m.size, (size_t)((at + count) * VEXFS_BLOCK_SIZE));
		if (!test_below(&rnd, 20)) {
			size_t size = test_below(&rnd, m.size >> VEXFS_BLOCK_SHIFT);

			size <<= VEXFS_BLOCK_SHIFT;

			assert_int_equal(vex_file_truncate(c.fs, ino, size), 0);
			memset(m.data + size, 0, MOST - size);
			m.size = size;
		}
		if (!test_below(&rnd, 15))
			core_commit(&c);
		if (!test_below(&rnd, 10)) {
			host_expect(&c, ino, &m);
			windows_expect(&c, ino, &m, &rnd);
		}
	}
	assert_true(core_announced >= 300);
	host_expect(&c, ino, &m);
	assert_int_equal(vex_inode_get(c.fs, ino, &inode), 0);
	assert_int_equal(inode.size, m.size);
	core_commit(&c);
	assert_null(image_check(c.m, NULL));
	core_unlink(&c, ROOT, "f");
	core_commit(&c);
	core_commit(&c);
	assert_int_equal(core_free_blocks(&c), before);
	free(m.data);
	core_end(&c);
}

/* And so is the number of blocks that a host may remember. */
static void a_window_is_mapped_without_reading_when_asked(void **state)
{
	static u8 data[4 * VEXFS_BLOCK_SIZE];
	struct vex_map map[4];
	u32 csums[4];
	struct vex_window w = { .fblock = 1, .count = 4, .map = map, .csums = csums };
	u64 ino, blocks, seq;
	struct core c;

	memset(data, 'w', sizeof(data));
	host_begin(&c, 8192);
	/* Opening it again reads the first leaf of the tree: this is another one. */
	for (u32 i = 0; i < 100; i++) {
		char name[8];

		snprintf(name, sizeof(name), "%u", i);
		core_create(&c, ROOT, name);
	}
	ino = core_create(&c, ROOT, "f");
	seq = vex_blocks_seq(c.fs, ino);
	core_host_write(&c, ino, 0, 4, data);
	assert_int_not_equal(vex_blocks_seq(c.fs, ino), seq);
	assert_int_equal(vex_inode_blocks(c.fs, ino, &blocks), 0);
	assert_int_equal(blocks, 4);
	seq = vex_blocks_seq(c.fs, ino);
	assert_int_equal(vex_file_truncate(c.fs, ino, VEXFS_BLOCK_SIZE * 3), 0);
	assert_int_not_equal(vex_blocks_seq(c.fs, ino), seq);
	assert_int_equal(vex_inode_blocks(c.fs, ino, &blocks), 0);
	assert_int_equal(blocks, 3);
	assert_int_equal(vex_inode_blocks(c.fs, ino + 1000, &blocks), -ENOENT);
	core_close(&c);

	core_adopt_host(&c);
	w.cached = true;
	assert_int_equal(vex_extent_window(c.fs, ino, &w), -EAGAIN);
	w.cached = false;
	assert_int_equal(vex_extent_window(c.fs, ino, &w), 0);
	assert_int_equal(w.runs, 2);
	assert_int_equal(w.map[0].count, 2);
	assert_int_equal(csums[1], vex_block_csum(data));
	assert_int_equal(w.map[1].block, 0);
	assert_int_equal(w.map[1].count, 2);
	w.cached = true;
	w.runs = 0;
	assert_int_equal(vex_extent_window(c.fs, ino, &w), 0);
	assert_int_equal(w.runs, 2);
	core_end(&c);
}

static void reservations_are_kept_and_given_back(void **state)
{
	struct vex_statfs st, full;
	struct core c;

	host_begin(&c, 1024);
	core_commit(&c);
	vex_fs_statfs(c.fs, &st);
	assert_int_equal(vex_space_reserve(c.fs, st.free), -ENOSPC);
	assert_int_equal(vex_space_reserve(c.fs, 500), 0);
	vex_fs_statfs(c.fs, &full);
	assert_int_equal(full.avail, st.avail - 500);
	assert_int_equal(full.free, st.free);
	assert_int_equal(vex_space_reserve(c.fs, 500), -ENOSPC);
	vex_space_unreserve(c.fs, 500);
	vex_fs_statfs(c.fs, &full);
	assert_int_equal(full.avail, st.avail);
	core_end(&c);
}

/* Found by fuzzing: the checker took the last block of the largest file for one too far. */
static void the_largest_file_is_sound(void **state)
{
	u8 byte = 0x5a, back = 0;
	struct core c;
	u64 ino;

	core_make(&c, 512, 1);
	ino = core_create(&c, ROOT, "f");
	core_write(&c, ino, S64_MAX - 1, &byte, 1);
	core_commit(&c);
	assert_int_equal(vex_check(c.fs, stderr), 0);
	core_reopen(&c);
	core_read(&c, ino, S64_MAX - 1, &back, 1);
	assert_int_equal(back, byte);
	core_end(&c);
}

/* Found by fuzzing: bits that the format has no place for went to the device. */
static void odd_modes_and_times_are_cut(void **state)
{
	struct vex_inode node = { .mode = S_IFREG | 0644 | 0x5a5a0000 }, now;
	struct vex_name name = core_name("f");
	struct core c;

	core_make(&c, 512, 1);
	assert_int_equal(vex_dir_create(c.fs, ROOT, &name, &node), 0);
	assert_int_equal(node.mode, S_IFREG | 0644);
	node.mode = U32_MAX;
	node.mtime.nsec = U32_MAX;
	assert_int_equal(vex_inode_set(c.fs, node.ino, &node, VEX_SET_MODE | VEX_SET_MTIME), 0);
	assert_int_equal(vex_inode_get(c.fs, node.ino, &now), 0);
	assert_int_equal(now.mode, S_IFREG | 07777);
	assert_int_equal(now.mtime.nsec, 999999999);
	core_end(&c);
}

/* Found by fuzzing: the refused call had thrown away what was not written yet. */
static void a_refused_eviction_loses_nothing(void **state)
{
	u8 data[9000], back[9000];
	struct core c;
	u64 ino;

	core_make(&c, 512, 1);
	ino = core_create(&c, ROOT, "f");
	memset(data, 0xa5, sizeof(data));
	core_write(&c, ino, 0, data, sizeof(data));
	assert_int_equal(vex_inode_evict(c.fs, ino), -EINVAL);
	core_reopen(&c);
	core_read(&c, ino, 0, back, sizeof(back));
	assert_memory_equal(back, data, sizeof(data));
	core_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(files_hold_what_was_written),
		core_test(files_hold_what_was_written_with_a_tiny_cache),
		core_test(holes_take_no_space_and_read_zeros),
		core_test(what_was_cut_off_comes_back_as_zeros),
		core_test(reading_past_the_end_is_short),
		core_test(impossible_calls_are_refused),
		core_test(attributes_are_kept),
		core_test(a_host_with_a_page_cache_maps_and_writes),
		core_test(a_window_is_mapped_without_reading_when_asked),
		core_test(reservations_are_kept_and_given_back),
		core_test(the_largest_file_is_sound),
		core_test(a_refused_eviction_loses_nothing),
		core_test(odd_modes_and_times_are_cut),
	};

	vex_core_init();
	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commits: what happens while the device works, what a failed one leaves, and what the
 * device is told about freed blocks. The device is a memory device whose flush first lets
 * the test do things, as another thread would while a disk is busy.
 */
#include <pthread.h>

#include "core.h"

/**
 * struct rig - a filesystem on a device that lets the test in
 * @c: the fixture
 * @ops: the memory device's, but for flush and discard
 * @inner: the memory device's
 * @during_flush: called once, inside the next flush; NULL: nothing
 * @discarded: blocks that the device was told about
 */
struct rig {
	struct core c;
	struct vex_io_ops ops;
	const struct vex_io_ops *inner;
	void (*during_flush)(struct rig *r);
	u64 discarded;
};

static struct rig *rig_now;

static int rig_flush(void *ctx)
{
	void (*f)(struct rig *r) = rig_now->during_flush;

	rig_now->during_flush = NULL;
	if (f)
		f(rig_now);
	return rig_now->inner->flush(ctx);
}

/* A device may return anything for what was discarded: a block still in use shows at once. */
static int rig_discard(void *ctx, u64 block, u64 count)
{
	u64 i;

	for (i = 0; i < count; i++)
		memset(vex_io_mem_block(ctx, block + i), 0xdb, VEXFS_BLOCK_SIZE);
	rig_now->discarded += count;
	return 0;
}

static int rig_open(struct rig *r, bool keep_going, bool discard)
{
	const struct vex_open_opts opts = {
		.keep_going = keep_going, .discard = discard, .cache_bytes = 1 << 20,
	};

	r->c.io = vex_io_mem_io(r->c.m);
	r->inner = r->c.io.ops;
	r->ops = *r->inner;
	r->ops.flush = rig_flush;
	r->ops.discard = rig_discard;
	r->c.io.ops = &r->ops;
	rig_now = r;
	return vex_fs_open(&r->c.io, &opts, &r->c.fs, NULL);
}

static void rig_make(struct rig *r, u64 blocks, bool keep_going, bool discard)
{
	memset(r, 0, sizeof(*r));
	core_make(&r->c, blocks, 7);
	core_close(&r->c);
	assert_int_equal(rig_open(r, keep_going, discard), 0);
}

static void rig_reopen(struct rig *r)
{
	core_close(&r->c);
	assert_int_equal(rig_open(r, false, false), 0);
}

static void make_file(struct core *c, const char *name, u32 blocks, u8 fill)
{
	size_t len = (size_t)blocks << VEXFS_BLOCK_SHIFT;
	u8 *data = malloc(len);

	memset(data, fill, len);
	core_write(c, core_create(c, VEXFS_ROOT_INO, name), 0, data, len);
	free(data);
}

static bool file_holds(struct core *c, const char *name, u32 blocks, u8 fill)
{
	struct vex_name n = core_name(name);
	u8 buf[VEXFS_BLOCK_SIZE];
	u64 ino, i;
	u8 type;

	if (vex_dir_lookup(c->fs, VEXFS_ROOT_INO, &n, &ino, &type))
		return false;
	for (i = 0; i < blocks; i++) {
		core_read(c, ino, i << VEXFS_BLOCK_SHIFT, buf, sizeof(buf));
		if (buf[0] != fill || memcmp(buf, buf + 1, sizeof(buf) - 1))
			return false;
	}
	return true;
}

static bool exists(struct vex_fs *fs, const char *name)
{
	struct vex_name n = core_name(name);
	u64 ino;
	u8 type;

	return !vex_dir_lookup(fs, VEXFS_ROOT_INO, &n, &ino, &type);
}

/* What a crash now would leave. */
static struct vex_fs *after_crash(struct rig *r, struct core *copy)
{
	memset(copy, 0, sizeof(*copy));
	assert_int_equal(core_adopt(copy, vex_io_mem_clone(r->c.m), false), 0);
	return copy->fs;
}

/* ---- while the device works ----------------------------------------------------------- */

static void change_everything(struct rig *r)
{
	struct core *c = &r->c;

	core_unlink(c, VEXFS_ROOT_INO, "gone");
	make_file(c, "new", 20, 3);
	core_write(c, core_create(c, VEXFS_ROOT_INO, "tiny"), 0, "x", 1);
	assert_true(vex_fs_dirty(c->fs));
}

/* The commit holds what was there when it began, the next one the rest. */
static void changes_during_a_flush_belong_to_the_next_commit(void **state)
{
	struct core crash;
	struct rig r;

	rig_make(&r, 4096, false, false);
	make_file(&r.c, "gone", 30, 1);
	make_file(&r.c, "kept", 30, 2);
	r.during_flush = change_everything;
	core_commit(&r.c);
	assert_true(vex_fs_dirty(r.c.fs));

	after_crash(&r, &crash);
	assert_true(file_holds(&crash, "gone", 30, 1));
	assert_true(file_holds(&crash, "kept", 30, 2));
	assert_false(exists(crash.fs, "new"));
	assert_false(exists(crash.fs, "tiny"));
	core_end(&crash);

	assert_false(exists(r.c.fs, "gone"));
	core_commit(&r.c);
	after_crash(&r, &crash);
	assert_false(exists(crash.fs, "gone"));
	assert_true(file_holds(&crash, "new", 20, 3));
	assert_true(file_holds(&crash, "kept", 30, 2));
	core_end(&crash);
	core_end(&r.c);
}

static void rewrite_the_segment(struct rig *r)
{
	struct vex_name n = core_name("f");
	u64 ino;
	u8 type;

	assert_int_equal(vex_dir_lookup(r->c.fs, VEXFS_ROOT_INO, &n, &ino, &type), 0);
	core_write(&r->c, ino, 100, "second", 6);
}

/* The memory device ends the program when a buffer changes before its flush is over. */
static void a_segment_in_flight_changes_in_a_copy(void **state)
{
	struct core crash;
	struct rig r;
	u64 ino;
	char buf[6];

	rig_make(&r, 4096, false, false);
	ino = core_create(&r.c, VEXFS_ROOT_INO, "f");
	core_write(&r.c, ino, 100, "first.", 6);
	r.during_flush = rewrite_the_segment;
	core_commit(&r.c);

	after_crash(&r, &crash);
	core_read(&crash, ino, 100, buf, 6);
	assert_memory_equal(buf, "first.", 6);
	core_end(&crash);
	core_commit(&r.c);
	after_crash(&r, &crash);
	core_read(&crash, ino, 100, buf, 6);
	assert_memory_equal(buf, "second", 6);
	core_end(&crash);
	core_end(&r.c);
}

/* Frees during a flush and after it: the blocks of both generations come back, exactly. */
static void pinned_blocks_of_two_generations_come_back(void **state)
{
	struct rig r;
	u64 before;
	int i;

	rig_make(&r, 4096, false, false);
	core_commit(&r.c);
	before = core_free_blocks(&r.c);
	for (i = 0; i < 20; i++) {
		make_file(&r.c, "gone", 600, i);
		r.during_flush = change_everything;
		core_commit(&r.c);
		core_unlink(&r.c, VEXFS_ROOT_INO, "new");
		core_unlink(&r.c, VEXFS_ROOT_INO, "tiny");
		core_commit(&r.c);
		assert_int_equal(core_free_blocks(&r.c), before);
	}
	core_end(&r.c);
}

/* ---- commits by many ------------------------------------------------------------------ */

struct worker {
	struct rig *r;
	int id;
	int err;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	char name[24];
	int i;

	for (i = 0; i < 150 && !w->err; i++) {
		struct vex_inode node = { .mode = S_IFREG | 0600 };
		struct vex_name n;

		snprintf(name, sizeof(name), "%d.%d", w->id, i % 8);
		n = core_name(name);
		if (i >= 8) {
			u64 ino;
			u8 type;

			w->err = vex_dir_lookup(w->r->c.fs, VEXFS_ROOT_INO, &n, &ino, &type);
			if (!w->err)
				w->err = vex_dir_remove(w->r->c.fs, VEXFS_ROOT_INO, &n, false);
			if (!w->err)
				w->err = vex_inode_evict(w->r->c.fs, ino);
		}
		if (!w->err)
			w->err = vex_dir_create(w->r->c.fs, VEXFS_ROOT_INO, &n, &node);
		if (!w->err)
			w->err = vex_file_write(w->r->c.fs, node.ino, 0, name, sizeof(name));
		if (!w->err)
			w->err = vex_fs_commit(w->r->c.fs);
	}
	return NULL;
}

#define WORKERS	4

static void concurrent_commits_share_flushes(void **state)
{
	struct worker w[WORKERS];
	struct vex_io_mem_stats stats;
	pthread_t t[WORKERS];
	struct rig r;
	int i;

	rig_make(&r, 4096, false, false);
	for (i = 0; i < WORKERS; i++) {
		w[i] = (struct worker){ .r = &r, .id = i };
		assert_int_equal(pthread_create(&t[i], NULL, work, &w[i]), 0);
	}
	for (i = 0; i < WORKERS; i++) {
		pthread_join(t[i], NULL);
		assert_int_equal(w[i].err, 0);
	}
	vex_io_mem_stats(r.c.m, &stats);
	print_message("# %d commits asked for, %llu flushes\n", WORKERS * 150, stats.flushes);
	assert_true(stats.flushes <= WORKERS * 150 + 10);
	core_end(&r.c);
}

/* ---- failure --------------------------------------------------------------------------- */

static u64 collection(struct rig *r, u32 rows, float value)
{
	u64 ino = core_create(&r->c, VEXFS_ROOT_INO, "coll");
	struct vex_coll coll = { .elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2,
				 .index = VEXFS_INDEX_FLAT, .dim = 32 };
	float *data = calloc(rows, 32 * sizeof(float));
	u64 first, bad;

	for (u32 i = 0; i < rows * 32; i++)
		data[i] = value;
	assert_int_equal(vex_coll_create(r->c.fs, ino, &coll), 0);
	assert_int_equal(vex_coll_insert(r->c.fs, ino, data, rows, 32, &first, &bad), 0);
	free(data);
	return ino;
}

static bool rows_hold(struct core *c, u64 ino, u32 rows, float value)
{
	float row[32];
	u64 id, bad;

	for (id = 0; id < rows; id++) {
		if (vex_coll_get(c->fs, ino, &id, 1, 32, row, &bad))
			return false;
		for (int i = 0; i < 32; i++)
			if (row[i] != value)
				return false;
	}
	return true;
}

/*
 * Every write and flush of a commit fails once; the filesystem goes on, the next commit takes
 * everything, and at no time a crash finds anything but the one state or the other.
 */
static void a_failed_commit_is_tried_again(void **state)
{
	u32 kinds[] = { VEX_IO_WRITE, VEX_IO_FLUSH };
	u32 tried = 0;

	for (u32 kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		for (u64 nth = 1;; nth++) {
			struct vex_io_mem_stats before, after;
			struct core crash;
			struct rig r;
			u64 ino;
			int err;

			rig_make(&r, 4096, true, false);
			make_file(&r.c, "old", 5, 9);
			core_commit(&r.c);
			ino = collection(&r, 700, 2.5f);
			make_file(&r.c, "new", 40, 4);
			vex_io_mem_stats(r.c.m, &before);
			vex_io_mem_fail(r.c.m, kinds[kind], nth, 0);
			err = vex_fs_commit(r.c.fs);
			vex_io_mem_stats(r.c.m, &after);
			vex_io_mem_fail(r.c.m, 0, 0, 0);
			if (before.failed == after.failed) {
				assert_int_equal(err, 0);
				core_end(&r.c);
				break;
			}
			tried++;
			assert_int_equal(err, -EIO);
			after_crash(&r, &crash);
			assert_true(file_holds(&crash, "old", 5, 9));
			assert_false(exists(crash.fs, "new"));
			core_end(&crash);

			/* The superblock is the last write: then nobody knows, and nothing goes on. */
			err = vex_fs_commit(r.c.fs);
			if (err) {
				assert_int_equal(err, -EIO);
				assert_int_equal(vex_fs_commit(r.c.fs), -EIO);
				core_drop(&r.c);
				continue;
			}
			core_unlink(&r.c, VEXFS_ROOT_INO, "old");
			core_commit(&r.c);
			after_crash(&r, &crash);
			assert_true(file_holds(&crash, "new", 40, 4));
			assert_false(exists(crash.fs, "old"));
			assert_true(rows_hold(&crash, ino, 700, 2.5f));
			core_end(&crash);
			rig_reopen(&r);
			assert_true(rows_hold(&r.c, ino, 700, 2.5f));
			core_end(&r.c);
		}
	}
	print_message("# %u failed commits\n", tried);
	assert_true(tried > 5);
}

static void a_failed_commit_stops_unless_told_otherwise(void **state)
{
	struct core crash;
	struct vex_inode node = { .mode = S_IFREG | 0600 };
	struct vex_name n = core_name("more");
	struct rig r;

	rig_make(&r, 4096, false, false);
	make_file(&r.c, "old", 5, 9);
	core_commit(&r.c);
	make_file(&r.c, "new", 5, 9);
	vex_io_mem_fail(r.c.m, VEX_IO_FLUSH, 1, 0);
	assert_int_equal(vex_fs_commit(r.c.fs), -EIO);
	assert_int_equal(vex_dir_create(r.c.fs, VEXFS_ROOT_INO, &n, &node), -EIO);
	assert_int_equal(vex_fs_commit(r.c.fs), -EIO);
	assert_true(file_holds(&r.c, "new", 5, 9));
	after_crash(&r, &crash);
	assert_true(file_holds(&crash, "old", 5, 9));
	assert_false(exists(crash.fs, "new"));
	core_end(&crash);
	core_drop(&r.c);
}

/* A write in flight fails while a change of another transaction follows: both are redone. */
static void fail_next_flush(struct rig *r)
{
	change_everything(r);
	vex_io_mem_fail(r->c.m, VEX_IO_FLUSH, 1, 0);
}

static void a_failed_commit_and_what_followed_become_one(void **state)
{
	struct core crash;
	struct rig r;
	u64 ino;

	rig_make(&r, 4096, true, false);
	make_file(&r.c, "gone", 30, 1);
	core_commit(&r.c);
	ino = collection(&r, 700, 1.5f);
	r.during_flush = fail_next_flush;
	assert_int_equal(vex_fs_commit(r.c.fs), -EIO);
	after_crash(&r, &crash);
	assert_true(file_holds(&crash, "gone", 30, 1));
	assert_false(exists(crash.fs, "coll"));
	core_end(&crash);

	core_commit(&r.c);
	after_crash(&r, &crash);
	assert_false(exists(crash.fs, "gone"));
	assert_true(file_holds(&crash, "new", 20, 3));
	assert_true(rows_hold(&crash, ino, 700, 1.5f));
	core_end(&crash);
	core_end(&r.c);
}

/* ---- discard ---------------------------------------------------------------------------- */

static void freed_blocks_are_discarded_after_their_commit(void **state)
{
	struct core crash;
	struct rig r;

	rig_make(&r, 4096, false, true);
	make_file(&r.c, "gone", 300, 1);
	make_file(&r.c, "kept", 300, 2);
	core_commit(&r.c);
	r.discarded = 0;
	core_unlink(&r.c, VEXFS_ROOT_INO, "gone");
	assert_int_equal(r.discarded, 0);
	core_commit(&r.c);
	assert_true(r.discarded >= 300);
	assert_true(r.discarded < 320);
	after_crash(&r, &crash);
	assert_true(file_holds(&crash, "kept", 300, 2));
	core_end(&crash);
	core_end(&r.c);
}

static void trim_tells_all_free_blocks_and_no_other(void **state)
{
	struct core crash;
	struct rig r;
	u64 trimmed, free;

	rig_make(&r, 20000, false, false);
	make_file(&r.c, "gone", 300, 1);
	make_file(&r.c, "kept", 300, 2);
	core_commit(&r.c);
	free = core_free_blocks(&r.c);
	core_unlink(&r.c, VEXFS_ROOT_INO, "gone");
	/* What the last commit needs is not free yet. */
	assert_int_equal(vex_fs_trim(r.c.fs, 0, ~0ULL, 1, &trimmed), 0);
	assert_true(trimmed <= free);
	assert_true(trimmed > free - 20);
	assert_int_equal(trimmed, r.discarded);
	after_crash(&r, &crash);
	assert_true(file_holds(&crash, "gone", 300, 1));
	assert_true(file_holds(&crash, "kept", 300, 2));
	core_end(&crash);

	core_commit(&r.c);
	free = core_free_blocks(&r.c);
	assert_int_equal(vex_fs_trim(r.c.fs, 0, ~0ULL, 1, &trimmed), 0);
	assert_int_equal(trimmed, free);
	assert_int_equal(vex_fs_trim(r.c.fs, 0, ~0ULL, 1 << 20, &trimmed), 0);
	assert_int_equal(trimmed, 0);
	assert_int_equal(vex_fs_trim(r.c.fs, 19000, 100, 1, &trimmed), 0);
	assert_int_equal(trimmed, 100);
	assert_int_equal(vex_fs_trim(r.c.fs, 30000, 100, 1, &trimmed), 0);
	assert_int_equal(trimmed, 0);
	assert_true(file_holds(&r.c, "kept", 300, 2));
	make_file(&r.c, "after", 300, 5);
	core_end(&r.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(changes_during_a_flush_belong_to_the_next_commit),
		core_test(a_segment_in_flight_changes_in_a_copy),
		core_test(pinned_blocks_of_two_generations_come_back),
		core_test(concurrent_commits_share_flushes),
		core_test(a_failed_commit_is_tried_again),
		core_test(a_failed_commit_stops_unless_told_otherwise),
		core_test(a_failed_commit_and_what_followed_become_one),
		core_test(freed_blocks_are_discarded_after_their_commit),
		core_test(trim_tells_all_free_blocks_and_no_other),
	};

	vex_core_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cache: what stays when a scan passes, what is never evicted, reading ahead, and going on
 * without memory. Figures are counts of hits and reads, never times.
 */
#include <pthread.h>

#include "core.h"

#define ROOT	VEXFS_ROOT_INO
#define SEG	65536u
#define MIB	(1u << 20)

/* The memory device without a way to read ahead. */
static struct vex_io_ops plain_ops;

static struct vex_cache_stats stats(const struct core *c)
{
	struct vex_cache_stats st;

	vex_cache_stats(c->fs, &st);
	return st;
}

/* Close, and open with a cache of @bytes that is empty. */
static void open_cold(struct core *c, size_t bytes, bool ahead)
{
	struct vex_open_opts opts = { .cache_bytes = bytes };

	core_close(c);
	c->io = vex_io_mem_io(c->m);
	plain_ops = *c->io.ops;
	plain_ops.read_start = NULL;
	plain_ops.read_wait = NULL;
	if (!ahead)
		c->io.ops = &plain_ops;
	assert_int_equal(vex_fs_open(&c->io, &opts, &c->fs, NULL), 0);
}

/* Each segment of a file begins with its number and the file's. */
static u64 make_file(struct core *c, const char *name, u32 segs)
{
	u64 ino = core_create(c, ROOT, name);
	u8 *data = malloc(SEG);

	for (u32 i = 0; i < segs; i++) {
		memset(data, i * 7 + ino, SEG);
		put_unaligned_le64(ino << 32 | i, data);
		core_write(c, ino, (u64)i * SEG, data, SEG);
	}
	core_commit(c);
	free(data);
	return ino;
}

/* Use one segment; what the core says when it fails. */
static int use(struct core *c, u64 ino, u32 seg)
{
	u8 buf[8];
	size_t done = 0;
	int err = vex_file_read(c->fs, ino, (u64)seg * SEG, buf, sizeof(buf), &done);

	if (err)
		return err;
	assert_int_equal(done, sizeof(buf));
	assert_int_equal(get_unaligned_le64(buf), ino << 32 | seg);
	return 0;
}

static void use_all(struct core *c, u64 ino, u32 from, u32 to)
{
	for (; from < to; from++)
		assert_int_equal(use(c, ino, from), 0);
}

static u64 make_coll(struct core *c, u32 dim, u32 rows)
{
	struct vex_coll coll = { .elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2,
				 .index = VEXFS_INDEX_FLAT, .dim = dim };
	u64 ino = core_create(c, ROOT, "rows"), rnd = 3, first, bad;
	u32 batch = min(rows, 1024u);
	float *data = malloc((size_t)batch * dim * sizeof(*data));

	assert_int_equal(vex_coll_create(c->fs, ino, &coll), 0);
	for (u32 done = 0; done < rows; done += batch) {
		for (u32 i = 0; i < batch * dim; i++)
			data[i] = test_unit(&rnd);
		assert_int_equal(vex_coll_insert(c->fs, ino, data, batch, dim, &first, &bad), 0);
	}
	core_commit(c);
	free(data);
	return ino;
}

static void search(struct core *c, u64 ino, u32 dim, u64 *ids, u32 k)
{
	float *query = calloc(dim, sizeof(*query));
	u32 *bits = calloc(k, sizeof(*bits));
	struct vex_search s = { .queries = query, .nq = 1, .dim = dim, .k = k, .ids = ids,
				.distances = bits };

	assert_int_equal(vex_coll_search(c->fs, ino, &s), 0);
	free(query);
	free(bits);
}

/* ---- replacement -------------------------------------------------------------------- */

/* Plain LRU over the same uses, to compare with. */
struct lru {
	u64 names[256];
	u32 count;
	u32 room;
};

/* Returns 1 for a hit. */
static u32 lru_use(struct lru *l, u64 name)
{
	u32 at, hit;

	for (at = 0; at < l->count && l->names[at] != name; at++)
		;
	hit = at < l->count;
	if (!hit && l->count < l->room)
		at = l->count++;
	else if (!hit)
		at = l->count - 1;
	memmove(l->names + 1, l->names, at * sizeof(l->names[0]));
	l->names[0] = name;
	return hit;
}

static u32 use_both(struct core *c, struct lru *l, u64 ino, u32 from, u32 to)
{
	u32 hits = 0;

	for (; from < to; from++) {
		assert_int_equal(use(c, ino, from), 0);
		hits += lru_use(l, ino << 32 | from);
	}
	return hits;
}

static void a_scan_passes_and_what_is_used_again_stays(void **state)
{
	struct lru lru = { .room = 4 * MIB / SEG };
	u64 hot, cold, warm, before, ours, theirs = 0;
	struct core c;

	(void)state;
	core_make(&c, 16384, 1);
	hot = make_file(&c, "hot", 8);
	warm = make_file(&c, "warm", 16);
	cold = make_file(&c, "cold", 400);
	open_cold(&c, 4 * MIB, false);

	use_both(&c, &lru, hot, 0, 8);
	use_both(&c, &lru, warm, 0, 16);
	use_both(&c, &lru, hot, 0, 8);
	ours = 0;
	for (u32 round = 0; round < 5; round++) {
		/* More than the whole cache, once. */
		use_both(&c, &lru, cold, round * 80, round * 80 + 80);
		before = stats(&c).seg_hits;
		theirs += use_both(&c, &lru, hot, 0, 8);
		ours += stats(&c).seg_hits - before;
	}
	print_message("hits of the hot set during a scan: 2Q %llu of 40, LRU %llu of 40\n", ours,
		      theirs);
	assert_int_equal(ours, 40);
	assert_int_equal(theirs, 0);
	assert_true(stats(&c).evictions > 300);
	core_end(&c);
}

/* What was evicted too early is protected when it comes back. */
static void who_comes_back_soon_is_protected(void **state)
{
	struct vex_cache_stats st;
	struct core c;
	u64 hot, cold;

	(void)state;
	core_make(&c, 16384, 1);
	hot = make_file(&c, "hot", 8);
	cold = make_file(&c, "cold", 160);
	open_cold(&c, 4 * MIB, false);
	use_all(&c, hot, 0, 8);
	use_all(&c, cold, 0, 70);
	assert_int_equal(stats(&c).ghost_hits, 0);
	use_all(&c, hot, 0, 8);
	assert_int_equal(stats(&c).ghost_hits, 8);
	use_all(&c, cold, 70, 160);
	st = stats(&c);
	use_all(&c, hot, 0, 8);
	assert_int_equal(stats(&c).seg_misses, st.seg_misses);
	core_end(&c);
}

/* Every lookup goes through the root and what is below; a walk over all leaves leaves them. */
static void inner_nodes_stay_when_all_leaves_pass(void **state)
{
	struct vex_inode inode;
	struct core c;
	u64 inos[40], rnd = 5, before;
	char name[200];
	u8 *buf;

	(void)state;
	core_make(&c, 8192, 1);
	memset(name, 'n', sizeof(name));
	for (u32 i = 0; i < 6000; i++) {
		snprintf(name + 150, sizeof(name) - 150, "%u", i);
		inos[i % 40] = core_create(&c, ROOT, name);
	}
	open_cold(&c, MIB, true);
	buf = malloc(32768);
	for (u32 round = 0; round < 3; round++) {
		size_t used = 1;
		u64 pos = 0;

		while (used) {
			struct vex_dirent *d = NULL;

			assert_int_equal(vex_dir_read(c.fs, ROOT, pos, buf, 32768, &used), 0);
			for (size_t at = 0; at < used; at += VEX_DIRENT_SIZE(d->len)) {
				d = (struct vex_dirent *)(buf + at);
				pos = d->pos + 1;
			}
			assert_int_equal(vex_inode_get(c.fs, inos[test_below(&rnd, 40)], &inode),
					 0);
		}
		assert_true(stats(&c).node_bytes + stats(&c).seg_bytes <= MIB);
	}
	before = stats(&c).node_misses;
	for (u32 i = 0; i < 40; i++) {
		assert_int_equal(vex_inode_get(c.fs, inos[i], &inode), 0);
		assert_true(stats(&c).node_misses <= before + 1);
		before = stats(&c).node_misses;
	}
	free(buf);
	core_end(&c);
}

/* ---- the bound, and what stays in spite of it ----------------------------------------- */

static void the_bound_holds_while_writing_and_reading(void **state)
{
	struct vex_cache_stats st;
	struct core c;
	u8 *data = malloc(MIB);
	u64 ino;

	(void)state;
	core_make(&c, 16384, 1);
	open_cold(&c, 4 * MIB, true);
	ino = core_create(&c, ROOT, "f");
	memset(data, 5, MIB);
	for (u32 i = 0; i < 32; i++) {
		core_write(&c, ino, (u64)i * MIB, data, MIB);
		st = stats(&c);
		/* One step may stand beside what writers are allowed to leave. */
		assert_true(st.pinned_bytes <= st.limit / 2 + 2 * MIB);
		assert_true(st.node_bytes + st.seg_bytes <= st.limit + 2 * MIB);
	}
	core_commit(&c);
	for (u32 i = 0; i < 32; i++) {
		core_read(&c, ino, (u64)i * MIB, data, MIB);
		st = stats(&c);
		assert_true(st.node_bytes + st.seg_bytes <= st.limit);
	}
	free(data);
	core_end(&c);
}

static void dirty_memory_is_not_given_back(void **state)
{
	struct vex_cache_stats st;
	struct core c;
	u64 ino, clean;

	(void)state;
	core_make(&c, 4096, 1);
	clean = make_file(&c, "clean", 16);
	ino = core_create(&c, ROOT, "dirty");
	core_write(&c, ino, 0, "uncommitted", 11);
	assert_true(vex_cache_evictable(c.fs) >= 16 * SEG);
	assert_true(vex_cache_shrink(c.fs, 3 * SEG) >= 3 * SEG);
	assert_true(vex_cache_shrink(c.fs, ~(size_t)0) >= 13 * SEG);
	assert_int_equal(vex_cache_evictable(c.fs), 0);
	st = stats(&c);
	assert_true(st.pinned_bytes >= SEG);
	assert_int_equal(st.pinned_bytes, st.node_bytes + st.seg_bytes);
	assert_true(st.shrunk >= 16 * SEG);
	core_commit(&c);
	assert_true(vex_cache_shrink(c.fs, ~(size_t)0) >= SEG);
	st = stats(&c);
	assert_int_equal(st.node_bytes + st.seg_bytes, 0);
	use_all(&c, clean, 0, 16);
	core_end(&c);
}

/* ---- reading ahead --------------------------------------------------------------------- */

static void a_flat_search_reads_ahead(void **state)
{
	struct vex_cache_stats plain, ahead;
	u64 ids[2][10], ino;
	struct core c;

	(void)state;
	core_make(&c, 16384, 1);
	ino = make_coll(&c, 96, 40960);		/* 240 segments, and rows that straddle them */
	open_cold(&c, 4 * MIB, false);
	search(&c, ino, 96, ids[0], 10);
	plain = stats(&c);
	open_cold(&c, 4 * MIB, true);
	search(&c, ino, 96, ids[1], 10);
	ahead = stats(&c);
	print_message("segments that a cold search waits for: %llu without, %llu with reading ahead"
		      " (%llu read ahead, %llu used)\n", plain.seg_misses, ahead.seg_misses,
		      ahead.prefetched, ahead.prefetch_used);
	assert_memory_equal(ids[0], ids[1], sizeof(ids[0]));
	assert_int_equal(plain.seg_misses, 240);
	assert_int_equal(plain.prefetched, 0);
	assert_int_equal(ahead.seg_misses, 1);
	assert_int_equal(ahead.prefetched, 239);
	assert_int_equal(ahead.prefetch_used, 239);
	assert_int_equal(ahead.prefetch_wasted, 0);
	assert_int_equal(ahead.node_misses, plain.node_misses);
	core_end(&c);
}

static void scattered_reads_read_nothing_ahead(void **state)
{
	struct core c;
	u64 ino;

	(void)state;
	core_make(&c, 8192, 1);
	ino = make_file(&c, "f", 100);
	open_cold(&c, 0, true);
	for (u32 i = 0; i < 30; i++)
		assert_int_equal(use(&c, ino, 1 + i * 37 % 97), 0);
	assert_int_equal(stats(&c).prefetched, 0);
	core_end(&c);
}

static void rows_that_were_announced_are_there(void **state)
{
	u64 ids[5] = { 100, 9000, 30000, 30001, 77777777 }, bad, ino;
	struct vex_io_mem_stats io;
	float row[96];
	struct core c;

	(void)state;
	core_make(&c, 16384, 1);
	ino = make_coll(&c, 96, 40960);
	open_cold(&c, 8 * MIB, true);
	assert_int_equal(vex_coll_prefetch(c.fs, ROOT, ids, 5), -ENODATA);
	assert_int_equal(vex_coll_prefetch(c.fs, ino, ids, VEXFS_MAX_IDS + 1), -EINVAL);
	assert_int_equal(vex_coll_prefetch(c.fs, ino, ids, 5), 0);
	assert_int_equal(stats(&c).prefetched, 3);
	for (u32 i = 1; i < 4; i++)
		assert_int_equal(vex_coll_get(c.fs, ino, &ids[i], 1, 96, row, &bad), 0);
	assert_int_equal(stats(&c).seg_misses, 0);
	assert_int_equal(stats(&c).prefetch_used, 2);
	/* The third is still being read when its file goes. */
	vex_io_mem_stats(c.m, &io);
	assert_int_equal(io.started - io.waited, 1);
	core_unlink(&c, ROOT, "rows");
	vex_io_mem_stats(c.m, &io);
	assert_int_equal(io.started, io.waited);
	assert_int_equal(stats(&c).prefetch_wasted, 1);
	core_end(&c);
}

static void a_close_waits_for_what_is_being_read(void **state)
{
	u64 ids[3] = { 0, 10000, 20000 }, ino;
	struct vex_io_mem_stats io;
	struct core c;

	(void)state;
	core_make(&c, 16384, 1);
	ino = make_coll(&c, 96, 40960);
	open_cold(&c, 8 * MIB, true);
	assert_int_equal(vex_coll_prefetch(c.fs, ino, ids, 3), 0);
	core_close(&c);
	vex_io_mem_stats(c.m, &io);
	assert_true(io.started > 0);
	assert_int_equal(io.started, io.waited);
	assert_int_equal(core_adopt(&c, c.m, false), 0);
	core_end(&c);
}

/* ---- failures --------------------------------------------------------------------------- */

/* Any one read that fails: an error or the right bytes, and the right bytes the next time. */
static void one_failed_read_loses_nothing(void **state)
{
	u64 ino, nth, errors = 0, injected = 0;
	struct core c;

	(void)state;
	core_make(&c, 4096, 1);
	ino = make_file(&c, "f", 24);
	for (nth = 1; nth; nth++) {
		struct vex_io_mem_stats before, after;

		open_cold(&c, MIB, true);
		vex_io_mem_stats(c.m, &before);
		vex_io_mem_fail(c.m, VEX_IO_READ, nth, 0);
		for (u32 i = 0; i < 24; i++) {
			int err = use(&c, ino, i);

			assert_true(!err || err == -EIO);
			errors += !!err;
		}
		vex_io_mem_fail(c.m, 0, 0, 0);
		vex_io_mem_stats(c.m, &after);
		use_all(&c, ino, 0, 24);
		if (after.failed == before.failed)
			break;
		injected++;
	}
	print_message("%llu reads failed, %llu uses with them\n", injected, errors);
	/* The tree is in memory since the open. A load that failed is tried again at its use. */
	assert_int_equal(injected, 24);
	assert_int_equal(errors, 0);
	core_end(&c);
}

static void a_device_that_reads_nothing_is_an_error_each_time(void **state)
{
	struct core c;
	u64 ino;

	(void)state;
	core_make(&c, 4096, 1);
	ino = make_file(&c, "f", 24);
	open_cold(&c, MIB, true);
	use_all(&c, ino, 0, 4);
	vex_io_mem_fail(c.m, VEX_IO_READ, 1, U64_MAX);
	for (u32 i = 10; i < 20; i++)
		assert_int_equal(use(&c, ino, i), -EIO);
	vex_io_mem_fail(c.m, 0, 0, 0);
	use_all(&c, ino, 0, 24);
	core_end(&c);
}

static void damage_that_was_read_ahead_is_found_at_its_use(void **state)
{
	const char *what;
	struct core c;
	u64 ino, at, block;

	(void)state;
	core_make(&c, 4096, 1);
	ino = make_file(&c, "f", 8);
	for (at = 0; get_unaligned_le64(vex_io_mem_peek(c.m, at)) != (ino << 32 | 3); at++)
		;
	vex_io_mem_block(c.m, at)[100] ^= 1;
	open_cold(&c, 0, true);
	use_all(&c, ino, 0, 3);
	assert_true(stats(&c).prefetched >= 3);
	assert_false(vex_fs_take_damage(c.fs, &block, &what));
	assert_int_equal(use(&c, ino, 3), -EUCLEAN);
	assert_true(vex_fs_take_damage(c.fs, &block, &what));
	assert_int_equal(block, at);
	assert_int_equal(use(&c, ino, 3), -EUCLEAN);
	use_all(&c, ino, 4, 8);
	vex_io_mem_block(c.m, at)[100] ^= 1;
	use_all(&c, ino, 0, 8);
	core_end(&c);
}

/* ---- no memory ---------------------------------------------------------------------------- */

static void reading_needs_no_new_memory(void **state)
{
	struct vex_cache_stats st;
	struct core c;
	u64 ino, ids[10];

	(void)state;
	core_make(&c, 8192, 1);
	ino = make_file(&c, "f", 64);
	open_cold(&c, 0, true);
	/* Nothing cached that could be taken: past the cache. */
	assert_int_equal(use(&c, ino, 63), 0);
	vex_cache_shrink(c.fs, 64 * SEG);
	assert_int_equal(use(&c, ino, 62), 0);
	vex_mem_fail(1, U64_MAX);
	use_all(&c, ino, 0, 64);
	vex_mem_fail(0, 0);
	st = stats(&c);
	assert_true(st.stolen + st.bounced >= 62);
	core_unlink(&c, ROOT, "f");

	ino = make_coll(&c, 96, 1024);
	open_cold(&c, 0, true);
	search(&c, ino, 96, ids, 10);
	core_end(&c);
}

/* The memory of the search itself may lack; that of the cache may not. */
static void a_search_fails_for_its_own_memory_only(void **state)
{
	u64 ids[10], again[10], ino, failed = 0, nth;
	float query[96] = { 0 };
	struct core c;
	u32 bits[10];

	(void)state;
	core_make(&c, 8192, 1);
	ino = make_coll(&c, 96, 10240);
	search(&c, ino, 96, ids, 10);
	for (nth = 1; nth < 400; nth++) {
		struct vex_search s = { .queries = query, .nq = 1, .dim = 96, .k = 10,
					.ids = again, .distances = bits };
		struct vex_mem_count before, after;
		int err;

		open_cold(&c, MIB, true);
		vex_mem_count(&before);
		vex_mem_fail(nth, 0);
		err = vex_coll_search(c.fs, ino, &s);
		vex_mem_fail(0, 0);
		vex_mem_count(&after);
		if (err)
			assert_int_equal(err, -ENOMEM);
		else
			assert_memory_equal(ids, again, sizeof(ids));
		failed += !!err;
		if (after.failed == before.failed)
			break;
	}
	print_message("%llu allocations of a cold search, %llu of them its own\n", nth - 1, failed);
	assert_true(nth > 100);
	assert_in_range(failed, 1, 8);
	core_end(&c);
}

/* ---- threads ------------------------------------------------------------------------------- */

struct crowd {
	struct core *c;
	u64 ino;
	u64 seed;
	bool stop;
};

static void *reader(void *arg)
{
	struct crowd *w = arg;
	u64 rnd = __atomic_add_fetch(&w->seed, 1, __ATOMIC_RELAXED);

	for (u32 round = 0; round < 20; round++) {
		u32 from = test_below(&rnd, 100);

		for (u32 i = from; i < from + 28; i++)
			if (use(w->c, w->ino, i))
				return "read";
	}
	return NULL;
}

static void *shrinker(void *arg)
{
	struct crowd *w = arg;

	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		vex_cache_shrink(w->c->fs, 3 * SEG);
		sched_yield();
	}
	return NULL;
}

static void readers_and_a_shrinker_go_together(void **state)
{
	struct crowd w = { 0 };
	pthread_t t[5];
	struct core c;

	(void)state;
	core_make(&c, 16384, 1);
	w.c = &c;
	w.ino = make_file(&c, "f", 128);
	open_cold(&c, 2 * MIB, true);
	for (u32 i = 0; i < 5; i++)
		assert_int_equal(pthread_create(&t[i], NULL, i ? reader : shrinker, &w), 0);
	for (u32 i = 5; i-- > 0;) {
		void *wrong;

		__atomic_store_n(&w.stop, i == 0, __ATOMIC_RELAXED);
		assert_int_equal(pthread_join(t[i], &wrong), 0);
		assert_null(wrong);
	}
	assert_true(stats(&c).shrunk > 0);
	core_end(&c);
}

/* ---- without the component ---------------------------------------------------------- */

static void switched_off_it_keeps_nothing_and_reads_nothing_ahead(void **state)
{
	u64 ids[3] = { 0, 2000, 4000 };
	struct vex_cache_stats st;
	struct core c;
	u64 ino, f;

	(void)state;
	core_make(&c, 16384, 1);
	ino = make_coll(&c, 64, 5000);
	f = make_file(&c, "f", 32);
	open_cold(&c, 8 * MIB, true);
	use_all(&c, f, 0, 4);
	assert_int_equal(vex_coll_prefetch(c.fs, ino, ids, 3), 0);
	st = stats(&c);
	assert_true(st.prefetched > st.prefetch_used);

	/* What was being read ahead is over, and gone as the rest. */
	assert_int_equal(vex_component_switch(c.fs, VEXFS_COMPONENT_CACHE), 0);
	st = stats(&c);
	assert_int_equal(st.node_bytes + st.seg_bytes, 0);
	assert_int_equal(vex_coll_prefetch(c.fs, ino, ids, 3), 0);
	use_all(&c, f, 0, 32);
	search(&c, ino, 64, ids, 3);
	assert_int_equal(stats(&c).prefetched, st.prefetched);
	assert_true(stats(&c).seg_misses >= st.seg_misses + 32);

	f = make_file(&c, "g", 32);
	use_all(&c, f, 0, 32);

	assert_int_equal(vex_component_switch(c.fs, 0), 0);
	use_all(&c, f, 0, 32);
	st = stats(&c);
	assert_true(st.seg_bytes > 0);
	assert_true(st.prefetched > 0);
	core_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(a_scan_passes_and_what_is_used_again_stays),
		core_test(who_comes_back_soon_is_protected),
		core_test(inner_nodes_stay_when_all_leaves_pass),
		core_test(the_bound_holds_while_writing_and_reading),
		core_test(dirty_memory_is_not_given_back),
		core_test(a_flat_search_reads_ahead),
		core_test(scattered_reads_read_nothing_ahead),
		core_test(rows_that_were_announced_are_there),
		core_test(a_close_waits_for_what_is_being_read),
		core_test(one_failed_read_loses_nothing),
		core_test(a_device_that_reads_nothing_is_an_error_each_time),
		core_test(damage_that_was_read_ahead_is_found_at_its_use),
		core_test(reading_needs_no_new_memory),
		core_test(a_search_fails_for_its_own_memory_only),
		core_test(readers_and_a_shrinker_go_together),
		core_test(switched_off_it_keeps_nothing_and_reads_nothing_ahead),
	};

	vex_core_init();
	return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}

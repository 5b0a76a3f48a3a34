// SPDX-License-Identifier: GPL-2.0-only
/*
 * Crash simulation. A script runs on a recording device, and what can be read is summed up for each
 * generation before its commit. Then the power fails, at every point of the record:
 *
 *   - after each write, with all earlier ones on the medium: every prefix;
 *   - after each write, with a random part of those since the last flush, for nothing
 *     orders these; what was written with FUA and followed by another call is there;
 *   - inside a write of one block, with some of its eight sectors on the medium.
 *
 * Each such image must open at the last generation that was acknowledged, or at the next one
 * when its commit had begun, show exactly what was summed up for it, be sound by every
 * rule of the format, and after the open that finishes orphans be sound again.
 */
#include "core.h"

enum { MAX_GENERATIONS = 2000 };

/* What each generation holds; 0: no such commit. */
static u64 digests[MAX_GENERATIONS];
static u64 states;

static u64 running_generation(struct core *c)
{
	struct vex_statfs st;

	vex_fs_statfs(c->fs, &st);
	assert_true(st.generation + 1 < MAX_GENERATIONS);
	return st.generation + 1;
}

/* Sum up what the coming commit will hold, commit, and mark the acknowledgement in the log. */
static void commit_step(struct core *c)
{
	u64 generation = running_generation(c);

	if (!vex_fs_dirty(c->fs))
		return;
	assert_int_equal(core_digest(c->fs, &digests[generation]), 0);
	core_commit(c);
	assert_int_equal(running_generation(c), generation + 1);
	vex_io_mem_mark(c->m, generation);
}

static void run_step(struct core *c, const struct step *s, bool may_fail)
{
	u64 generation = running_generation(c);
	int err;

	if (s->what == STEP_COMMIT) {
		commit_step(c);
		return;
	}
	err = step_run(c->fs, s);
	if (err && (!may_fail || !step_error_expected(err)))
		fail_msg("%s: error %d", step_text(s), err);
	/* A commit inside a call would be a generation without a sum. */
	assert_int_equal(running_generation(c), generation);
}

static void begin(struct core *c, u64 blocks, u64 seed)
{
	memset(digests, 0, sizeof(digests));
	core_make(c, blocks, seed);
	assert_int_equal(core_digest(c->fs, &digests[running_generation(c) - 1]), 0);
	assert_int_equal(vex_io_mem_record(c->m), 0);
	vex_io_mem_mark(c->m, running_generation(c) - 1);
}

/* ---- one state -------------------------------------------------------------------- */

/* Open a state, read all of it, and see that it is the one that generation promised. */
static void check_content(struct core *c, u64 acknowledged, u64 begun, const char *how, size_t at)
{
	u64 generation, digest;
	int err;

	generation = running_generation(c) - 1;
	if (generation != acknowledged && generation != begun)
		fail_msg("%s at %zu: generation %llu, %llu was acknowledged", how, at, generation,
			 acknowledged);
	err = core_digest(c->fs, &digest);
	if (err)
		fail_msg("%s at %zu: reading failed with %d", how, at, err);
	if (digest != digests[generation])
		fail_msg("%s at %zu: content differs from generation %llu", how, at, generation);
}

static void check_state(struct vex_io_mem *m, u64 acknowledged, u64 begun, const char *how,
			size_t at)
{
	struct core c = { 0 };
	const char *wrong = image_check(m, NULL);
	struct image_facts facts;
	int err;

	if (wrong)
		fail_msg("%s at %zu: %s", how, at, wrong);
	err = core_adopt(&c, m, true);
	if (err)
		fail_msg("%s at %zu: open failed with %d", how, at, err);
	check_content(&c, acknowledged, begun, how, at);
	core_close(&c);

	assert_int_equal(core_adopt(&c, m, false), 0);
	core_close(&c);
	wrong = image_check(m, &facts);
	if (wrong)
		fail_msg("%s at %zu, after recovery: %s", how, at, wrong);
	assert_int_equal(facts.orphans, 0);
	vex_io_mem_destroy(m);
	states++;
}

/* ---- all states of a record --------------------------------------------------------- */

/**
 * struct replay - a walk along a record
 * @log: events
 * @count: of them
 * @durable: the device as of the last flush
 * @now: the device with all events so far
 * @epoch: the first event after the last flush
 * @acknowledged: generation of the last commit that returned
 * @begun: generation of the newest superblock that was written
 */
struct replay {
	const struct vex_io_event *log;
	size_t count;
	struct vex_io_mem *durable;
	struct vex_io_mem *now;
	size_t epoch;
	u64 acknowledged;
	u64 begun;
	u64 rnd;
};

static bool is_super(const struct vex_io_event *e)
{
	return e->kind == VEX_IO_WRITE && (e->block == VEXFS_SUPER_BLOCK(0) ||
					   e->block == VEXFS_SUPER_BLOCK(1));
}

static void check_prefix(struct replay *r, size_t at)
{
	check_state(vex_io_mem_clone(r->now), r->acknowledged, r->begun, "prefix", at);
}

/* A random part of the events of this epoch up to @at. */
static void check_subset(struct replay *r, size_t at)
{
	struct vex_io_mem *m = vex_io_mem_clone(r->durable);
	u64 keep = 1 + test_below(&r->rnd, 7);

	for (size_t i = r->epoch; i <= at; i++) {
		const struct vex_io_event *e = &r->log[i];
		bool must = (e->flags & VEX_IO_FUA) && i < at;

		if (must || test_below(&r->rnd, 8) < keep)
			vex_io_mem_apply(m, e, VEX_IO_ALL_SECTORS);
	}
	check_state(m, r->acknowledged, r->begun, "subset", at);
}

static void check_torn(struct replay *r, size_t at, u8 sectors)
{
	/* The state before this event, and a part of it. */
	struct vex_io_mem *m = vex_io_mem_clone(r->now);

	vex_io_mem_apply(m, &r->log[at], sectors);
	check_state(m, r->acknowledged, r->begun, "torn", at);
}

static void step_event(struct replay *r, size_t at, u32 subsets)
{
	const struct vex_io_event *e = &r->log[at];

	if (e->kind == VEX_IO_MARK) {
		r->acknowledged = e->mark;
		return;
	}
	if (e->kind == VEX_IO_FLUSH) {
		vex_io_mem_destroy(r->durable);
		r->durable = vex_io_mem_clone(r->now);
		r->epoch = at + 1;
		return;
	}
	if (is_super(e)) {
		r->begun = r->acknowledged + 1;
		for (u32 i = 0; i < 8; i++)
			check_torn(r, at, 1u << i);
		for (u32 i = 0; i < 4; i++)
			check_torn(r, at, test_below(&r->rnd, 255));
	} else if (!test_below(&r->rnd, 8)) {
		check_torn(r, at, test_below(&r->rnd, 255));
	}
	assert_int_equal(vex_io_mem_apply(r->now, e, VEX_IO_ALL_SECTORS), 0);
	check_prefix(r, at);
	for (u32 i = 0; i < subsets; i++)
		check_subset(r, at);
}

static void check_record(struct core *c, u32 subsets)
{
	struct replay r = { .rnd = 99 };

	r.log = vex_io_mem_log(c->m, &r.count);
	r.now = vex_io_mem_base(c->m);
	r.durable = vex_io_mem_base(c->m);
	for (size_t i = 0; i < r.count; i++)
		step_event(&r, i, subsets);
	assert_int_equal(r.acknowledged, running_generation(c) - 1);
	vex_io_mem_destroy(r.now);
	vex_io_mem_destroy(r.durable);
	core_end(c);
}

/* ---- scripts ---------------------------------------------------------------------------- */

static void the_script_survives_a_crash_anywhere(void **state)
{
	struct core c;

	begin(&c, 1024, 1);
	for (u32 i = 0; i < script_len; i++)
		run_step(&c, &script[i], false);
	check_record(&c, 3);
}

static void random_scripts_survive_a_crash_anywhere(void **state)
{
	u64 rnd = 2024;
	struct step s;
	struct core c;

	for (u32 round = 0; round < 12; round++) {
		begin(&c, 2048, round);
		/* A small cache writes data before the commit, and reads it again. */
		c.cache = round & 1 ? 300000 : 0;
		if (c.cache) {
			core_reopen(&c);
			assert_int_equal(vex_io_mem_record(c.m), 0);
			vex_io_mem_mark(c.m, running_generation(&c) - 1);
		}
		for (u32 i = 0; i < 150; i++) {
			step_random(&s, &rnd);
			run_step(&c, &s, true);
		}
		commit_step(&c);
		check_record(&c, 2);
	}
}

/* A file so large that its end takes several transactions, cut short by a crash in each. */
static void a_long_removal_survives_a_crash_anywhere(void **state)
{
	struct vex_name name = core_name("large");
	struct core c;
	char byte = 1;
	u64 ino;

	begin(&c, 4096, 3);
	ino = core_create(&c, VEXFS_ROOT_INO, "large");
	/* One extent for each of 300 blocks. */
	for (u32 i = 0; i < 300; i++)
		core_write(&c, ino, (u64)i * 2 * VEXFS_BLOCK_SIZE, &byte, 1);
	commit_step(&c);
	assert_int_equal(vex_dir_remove(c.fs, VEXFS_ROOT_INO, &name, false), 0);
	commit_step(&c);
	assert_int_equal(vex_inode_evict(c.fs, ino), 0);
	commit_step(&c);
	check_record(&c, 1);
}

/*
 * A host with a page cache: it writes its data itself, to where the core says. What a
 * generation holds is read from a copy of the device, for the core caches none of that data.
 */
static void commit_host(struct core *c)
{
	u64 generation = running_generation(c);
	struct core copy = { 0 };

	core_commit(c);
	if (running_generation(c) == generation)
		return;
	assert_int_equal(core_adopt(&copy, vex_io_mem_clone(c->m), true), 0);
	assert_int_equal(core_digest(copy.fs, &digests[generation]), 0);
	core_drop(&copy);
	vex_io_mem_mark(c->m, generation);
}

static void a_host_with_a_page_cache_survives_a_crash_anywhere(void **state)
{
	u8 *data = malloc(64 * VEXFS_BLOCK_SIZE);
	u64 ino[3], rnd = 17;
	struct core c;

	begin(&c, 2048, 4);
	core_close(&c);
	core_adopt_host(&c);
	assert_int_equal(vex_io_mem_record(c.m), 0);
	vex_io_mem_mark(c.m, running_generation(&c) - 1);
	for (u32 i = 0; i < 3; i++)
		ino[i] = core_create(&c, VEXFS_ROOT_INO, (char[]){ 'a' + i, 0 });
	for (u32 n = 0; n < 200; n++) {
		u32 count = 1 + test_below(&rnd, 40), file = test_below(&rnd, 3);
		u64 at = test_below(&rnd, 150);

		for (size_t i = 0; i < count * VEXFS_BLOCK_SIZE; i += 8)
			put_unaligned_le64(test_random(&rnd), data + i);
		core_host_write(&c, ino[file], at, count, data);
		if (!test_below(&rnd, 8))
			assert_int_equal(vex_file_truncate(c.fs, ino[test_below(&rnd, 3)],
							   test_below(&rnd, 150) *
							   VEXFS_BLOCK_SIZE), 0);
		if (!test_below(&rnd, 5))
			commit_host(&c);
	}
	commit_host(&c);
	free(data);
	check_record(&c, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(the_script_survives_a_crash_anywhere),
		core_test(random_scripts_survive_a_crash_anywhere),
		core_test(a_long_removal_survives_a_crash_anywhere),
		core_test(a_host_with_a_page_cache_survives_a_crash_anywhere),
	};
	int failed;

	vex_core_init();
	failed = cmocka_run_group_tests_name("crash", tests, NULL, NULL);
	printf("crash: %llu states opened and verified\n", states);
	return failed;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault sweeps. For each step of the script: fail the first allocation that it makes, then the
 * second, and so on until none is left to fail; the same for reads, writes and flushes of the
 * device; each once with a single failure and once with all following calls failing, too.
 * The same for the commit after the step, for open, for mkfs and for reading everything.
 *
 * A call that fails has changed nothing that can be seen; or, where a step is several calls
 * (remove and evict, rename and evict, a long truncation), shows its whole result. A commit that
 * failed leaves the old state on the device, and after an I/O error stops the filesystem. Nothing
 * acknowledged is ever lost, no memory leaks.
 */
#include "core.h"

enum fault { FAULT_MEMORY, FAULT_READ, FAULT_WRITE, FAULT_FLUSH, FAULTS };

static const char *const fault_names[] = { "allocation", "read", "write", "flush" };
static const unsigned int fault_kinds[] = { 0, VEX_IO_READ, VEX_IO_WRITE, VEX_IO_FLUSH };

/**
 * struct injection - one failure to come
 * @fault: of what
 * @nth: which call
 * @more: how many after it
 * @step: of the script, for messages
 * @before: failures injected before it was armed
 */
struct injection {
	enum fault fault;
	u64 nth;
	u64 more;
	u32 step;
	u64 before;
};

static u64 runs;

/* The device before each step and after the last, and what can be read of it. */
static struct vex_io_mem **images;
static u64 *digests;

static u64 failed_so_far(struct vex_io_mem *m, enum fault fault)
{
	struct vex_io_mem_stats stats;
	struct vex_mem_count mem;

	vex_io_mem_stats(m, &stats);
	vex_mem_count(&mem);
	return fault == FAULT_MEMORY ? mem.failed : stats.failed;
}

static void arm(struct vex_io_mem *m, struct injection *in)
{
	in->before = failed_so_far(m, in->fault);
	if (in->fault == FAULT_MEMORY)
		vex_mem_fail(in->nth, in->more);
	else
		vex_io_mem_fail(m, fault_kinds[in->fault], in->nth, in->more);
}

/* Returns whether anything failed. */
static bool disarm(struct vex_io_mem *m, const struct injection *in)
{
	vex_mem_fail(0, 0);
	vex_io_mem_fail(m, 0, 0, 0);
	runs++;
	return failed_so_far(m, in->fault) != in->before;
}

#define FAIL(in, ...) do {							\
	print_error(__VA_ARGS__);						\
	fail_msg("with %s %llu%s failing in step %u: %s", fault_names[(in)->fault], \
		 (in)->nth, (in)->more ? " and all after it" : "", (in)->step,	\
		 (in)->step < script_len ? step_text(&script[(in)->step]) : "");	\
} while (0)

static void expect_error(const struct injection *in, int err)
{
	if (err != (in->fault == FAULT_MEMORY ? -ENOMEM : -EIO))
		FAIL(in, "error %d", err);
}

static bool stopped(struct core *c)
{
	struct vex_statfs st;

	vex_fs_statfs(c->fs, &st);
	return st.stopped;
}

/* Open a copy of the image before step @k. */
static void begin(struct core *c, u32 k)
{
	memset(c, 0, sizeof(*c));
	assert_int_equal(core_adopt(c, vex_io_mem_clone(images[k]), false), 0);
}

/* Open again what is on the device: sound, and one of two states. */
static void expect_image(struct core *c, const struct injection *in, u64 want, u64 or_else)
{
	const char *wrong = image_check(c->m, NULL);
	u64 digest;

	if (wrong)
		FAIL(in, "image: %s", wrong);
	assert_int_equal(core_adopt(c, c->m, false), 0);
	assert_int_equal(core_digest(c->fs, &digest), 0);
	if (digest != want && digest != or_else)
		FAIL(in, "content is neither the old nor the new");
	core_end(c);
}

/* A step that calls the core more than once, or whose one call is several changes. */
static bool in_parts(const struct step *s)
{
	return s->what == STEP_REMOVE || s->what == STEP_RENAME || s->what == STEP_TRUNCATE;
}

static bool sweep_step(struct injection *in)
{
	u64 before = digests[in->step], after = digests[in->step + 1], digest;
	struct core c;
	bool fired;
	int err;

	begin(&c, in->step);
	arm(c.m, in);
	err = step_run(c.fs, &script[in->step]);
	fired = disarm(c.m, in);
	if (err)
		expect_error(in, err);
	if (stopped(&c)) {
		if (in->fault == FAULT_MEMORY)
			FAIL(in, "stopped for lack of memory");
		assert_int_not_equal(vex_fs_close(c.fs), 0);
		c.fs = NULL;
		expect_image(&c, in, before, before);
		return fired;
	}
	assert_int_equal(core_digest(c.fs, &digest), 0);
	if (digest != (err ? before : after) &&
	    !(err && in_parts(&script[in->step]) && digest == after))
		FAIL(in, "half a change is visible after error %d", err);
	core_close(&c);
	expect_image(&c, in, digest, digest);
	return fired;
}

static bool sweep_commit(struct injection *in)
{
	u64 before = digests[in->step], after = digests[in->step + 1], digest;
	struct vex_inode node = { .mode = S_IFREG };
	struct vex_name name = core_name("after the stop");
	struct core c;
	bool fired;
	int err;

	begin(&c, in->step);
	assert_int_equal(step_run(c.fs, &script[in->step]), 0);
	arm(c.m, in);
	err = vex_fs_commit(c.fs);
	fired = disarm(c.m, in);
	if (err)
		expect_error(in, err);
	if (stopped(&c) != (err == -EIO))
		FAIL(in, "error %d, stopped %d", err, stopped(&c));
	if (err == -EIO) {
		assert_int_equal(vex_dir_create(c.fs, VEXFS_ROOT_INO, &name, &node), -EIO);
		assert_int_equal(vex_fs_commit(c.fs), -EIO);
		assert_int_not_equal(vex_fs_close(c.fs), 0);
		c.fs = NULL;
		expect_image(&c, in, before, before);
		return fired;
	}
	assert_int_equal(core_digest(c.fs, &digest), 0);
	assert_int_equal(digest, after);
	core_close(&c);
	expect_image(&c, in, after, after);
	return fired;
}

static bool sweep_reading(struct injection *in)
{
	const char *what;
	u64 digest, block;
	struct core c;
	bool fired;
	int err;

	begin(&c, in->step);
	arm(c.m, in);
	err = core_digest(c.fs, &digest);
	fired = disarm(c.m, in);
	if (err)
		expect_error(in, err);
	else
		assert_int_equal(digest, digests[in->step]);
	/* The block is named. */
	if (err == -EIO &&
	    (!vex_fs_take_damage(c.fs, &block, &what) || !strstr(what, "cannot be read") || !block))
		FAIL(in, "error %d of no block", err);
	assert_int_equal(core_digest(c.fs, &digest), 0);
	assert_int_equal(digest, digests[in->step]);
	core_end(&c);
	return fired;
}

static bool sweep_open(struct injection *in)
{
	struct core c = { 0 };
	u64 digest;
	bool fired;
	int err;

	c.m = vex_io_mem_clone(images[in->step]);
	arm(c.m, in);
	err = core_adopt(&c, c.m, false);
	fired = disarm(c.m, in);
	if (err) {
		expect_error(in, err);
	} else {
		/* Not the state before, though its superblock could be read. */
		assert_int_equal(core_digest(c.fs, &digest), 0);
		if (digest != digests[in->step])
			FAIL(in, "another state is open");
		core_drop(&c);
	}
	if (err)
		expect_image(&c, in, digests[in->step], digests[in->step]);
	return fired;
}

static void sweep(bool (*one)(struct injection *in), u32 step, unsigned int faults)
{
	for (u32 fault = 0; fault < FAULTS; fault++) {
		if (!(faults & 1u << fault))
			continue;
		for (u32 many = 0; many < 2; many++) {
			struct injection in = { .fault = fault, .step = step,
						.more = many ? U64_MAX : 0 };

			do
				in.nth++;
			while (one(&in));
		}
	}
}

static void sweep_script(bool (*one)(struct injection *in))
{
	for (u32 k = 0; k < script_len; k++)
		if (script[k].what != STEP_COMMIT)
			sweep(one, k, ~0u);
}

static void steps_are_whole_or_not_at_all(void **state)
{
	sweep_script(sweep_step);
}

static void commits_are_whole_or_not_at_all(void **state)
{
	sweep_script(sweep_commit);
}

static void reading_is_right_or_fails(void **state)
{
	for (u32 k = 8; k < script_len; k += 8)
		sweep(sweep_reading, k, 1u << FAULT_MEMORY | 1u << FAULT_READ);
}

/* With nothing to finish, and after a crash that left a removed file behind. */
static void open_works_or_fails(void **state)
{
	u32 last = script_len;
	struct vex_name name = core_name("gone");
	struct core c;
	u64 ino;
	u8 byte = 1;

	sweep(sweep_open, last / 2, ~0u);
	begin(&c, last / 2);
	ino = core_create(&c, VEXFS_ROOT_INO, "gone");
	for (u32 i = 0; i < 100; i++)
		core_write(&c, ino, (u64)i * 3 * VEXFS_BLOCK_SIZE, &byte, 1);
	core_commit(&c);
	assert_int_equal(vex_dir_remove(c.fs, VEXFS_ROOT_INO, &name, false), 0);
	core_commit(&c);
	assert_int_equal(core_digest(c.fs, &digests[last]), 0);
	vex_io_mem_destroy(images[last]);
	images[last] = vex_io_mem_clone(c.m);
	assert_int_equal(vex_inode_evict(c.fs, ino), 0);
	core_end(&c);
	sweep(sweep_open, last, ~0u);
}

static void mkfs_works_or_fails(void **state)
{
	struct vex_mkfs_opts opts = { .features = VEX_FEATURES_DEFAULT };

	for (u32 fault = 0; fault < FAULTS; fault++) {
		struct injection in = { .fault = fault, .step = script_len };
		bool fired = true;

		while (fired) {
			struct vex_io_mem *m = vex_io_mem_create(512, 1);
			struct vex_io io = vex_io_mem_io(m);
			int err;

			in.nth++;
			arm(m, &in);
			err = vex_mkfs(&io, &opts);
			fired = disarm(m, &in);
			if (err)
				expect_error(&in, err);
			assert_int_equal(!!err, fired);
			/* A device tells an error once more at the next flush. */
			io.ops->flush(io.ctx);
			assert_int_equal(vex_mkfs(&io, &opts), 0);
			assert_null(image_check(m, NULL));
			vex_io_mem_destroy(m);
		}
	}
}

/* Run the script once, committing after each step, and keep every state. */
static int prepare(void **state)
{
	struct core c;

	images = calloc(script_len + 1, sizeof(*images));
	digests = calloc(script_len + 1, sizeof(*digests));
	core_make(&c, 1024, 1);
	for (u32 k = 0; k <= script_len; k++) {
		images[k] = vex_io_mem_clone(c.m);
		assert_int_equal(core_digest(c.fs, &digests[k]), 0);
		if (k < script_len) {
			int err = step_run(c.fs, &script[k]);

			if (err) {
				print_error("%s: error %d\n", step_text(&script[k]), err);
				return err;
			}
			core_commit(&c);
		}
	}
	core_end(&c);
	return 0;
}

static int clean_up(void **state)
{
	for (u32 k = 0; k <= script_len; k++)
		vex_io_mem_destroy(images[k]);
	free(images);
	free(digests);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(steps_are_whole_or_not_at_all),
		core_test(commits_are_whole_or_not_at_all),
		core_test(reading_is_right_or_fails),
		core_test(open_works_or_fails),
		core_test(mkfs_works_or_fails),
	};
	int failed;

	vex_core_init();
	failed = cmocka_run_group_tests_name("fault", tests, prepare, clean_up);
	printf("fault: %llu failures injected\n", runs);
	return failed;
}

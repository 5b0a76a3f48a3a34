// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sweeps of failures over every kind of call that a workload knows. For each call of a script:
 * fail its first allocation, then its second, and so on until none is left; the same for reads,
 * writes and flushes; each once alone and once with all after it failing, too; and each with a
 * filesystem that stops at an I/O error and with one that goes on. The same for
 * the commit after the call, for opening, and for reading everything.
 *
 * A call that fails has changed nothing. A commit that fails leaves the old state on the device,
 * and, where the filesystem goes on, the new one to be committed again. No memory leaks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <vex_check.h>

#include "record.h"
#include "view.h"

static const char script_text[] =
	"mkdir d\n"
	"create a\n"
	"write a 0 9000 1\n"
	"create d/b\n"
	"write d/b 5000 70000 2\n"
	"append a 3000 3\n"
	"create v\n"
	"collection v 24 1\n"
	"insert v 20 7\n"
	"insert v 30 8\n"
	"update v 3 5 9\n"
	"meta v 10 6 11\n"
	"delete v 4 8\n"
	"link a d/c\n"
	"symlink s d/b\n"
	"mkfifo f\n"
	"setxattr a p 40 1\n"
	"setxattr a q 3000 2\n"
	"setxattr a p 900 3\n"
	"setxattr d p 10 4\n"
	"removexattr a q\n"
	"chmod d 448 5\n"
	"fallocate a 1 20000 30000\n"
	"fallocate d/b 3 8192 16384\n"
	"fallocate d/b 16 1000 40000\n"
	"fallocate d/b 0 60000 60000\n"
	"write a 21000 5000 4\n"
	"truncate d/b 12345\n"
	"truncate a 100000\n"
	"rename d/c d/n 1\n"
	"rename s f 2\n"
	"rename d/b a 0\n"
	"rename v d/v 0\n"
	"mkdir e\n"
	"rename d e 2\n"
	"rename e g 0\n"
	"unlink g/n\n"
	"tmpfile\n"
	"trim\n"
	"unlink g/v\n"
	"unlink f\n"
	"rmdir g\n"
	"truncate a 0\n";

enum fault { FAULT_MEMORY, FAULT_READ, FAULT_WRITE, FAULT_FLUSH, FAULTS };

static const char *const fault_names[] = { "allocation", "read", "write", "flush" };
static const unsigned int fault_kinds[] = { 0, VEX_IO_READ, VEX_IO_WRITE, VEX_IO_FLUSH };

/**
 * struct injection - failures to come
 * @nth: the first of them; @more: and so many after it
 * @at: which call
 * @keep_going: after an I/O error
 * @before: failures so far
 */
struct injection {
	enum fault fault;
	u64 nth, more;
	u32 at;
	bool keep_going;
	u64 before;
};

/**
 * struct rig - a filesystem on a copy of an image
 */
struct rig {
	struct vex_io_mem *m;
	struct vex_io io;
	struct vex_fs *fs;
	struct holder held;
};

static struct script script;
/* The device before each call, and what can be seen of it. */
static struct vex_io_mem **images;
static struct text *views;
static u64 runs;

#define FAIL(in, ...) do {							\
	char line_[OP_LINE_MAX];						\
										\
	print_error(__VA_ARGS__);						\
	fail_msg("with %s %llu%s failing%s at %s", fault_names[(in)->fault], (in)->nth, \
		 (in)->more ? " and all after it" : "",				\
		 (in)->keep_going ? ", going on," : "",				\
		 (in)->at < script.count ? op_print(&script.ops[(in)->at], line_) : "the end"); \
} while (0)

static u64 failures(struct vex_io_mem *m, enum fault fault)
{
	struct vex_io_mem_stats stats;
	struct vex_mem_count mem;

	vex_io_mem_stats(m, &stats);
	vex_mem_count(&mem);
	return fault == FAULT_MEMORY ? mem.failed : stats.failed;
}

static void arm(struct rig *r, struct injection *in)
{
	in->before = failures(r->m, in->fault);
	if (in->fault == FAULT_MEMORY)
		vex_mem_fail(in->nth, in->more);
	else
		vex_io_mem_fail(r->m, fault_kinds[in->fault], in->nth, in->more);
}

/* Did anything fail? */
static bool disarm(struct rig *r, const struct injection *in)
{
	vex_mem_fail(0, 0);
	vex_io_mem_fail(r->m, 0, 0, 0);
	runs++;
	return failures(r->m, in->fault) != in->before;
}

static void expect_error(const struct injection *in, int err)
{
	if (err != (in->fault == FAULT_MEMORY ? -ENOMEM : -EIO))
		FAIL(in, "error %d\n", err);
}

static int open_rig(struct rig *r, bool keep_going)
{
	struct vex_open_opts opts = { .keep_going = keep_going };

	r->io = vex_io_mem_io(r->m);
	return vex_fs_open(&r->io, &opts, &r->fs, NULL);
}

static void begin(struct rig *r, const struct injection *in)
{
	memset(r, 0, sizeof(*r));
	r->m = vex_io_mem_clone(images[in->at]);
	assert_int_equal(open_rig(r, in->keep_going), 0);
}

static void end(struct rig *r)
{
	if (r->fs)
		assert_int_equal(vex_fs_close(r->fs), 0);
	vex_io_mem_destroy(r->m);
}

static bool shows(struct vex_fs *fs, const struct text *want)
{
	struct text found = { 0 };
	bool same;

	assert_int_equal(view_fs(fs, "", 0, &found), 0);
	same = found.len == want->len && !memcmp(found.str, want->str, found.len);
	text_free(&found);
	return same;
}

/* The same but for the line of one file; *@found is what is shown. */
static bool shows_but_for(struct vex_fs *fs, const struct text *want, const char *path,
			  struct text *found)
{
	size_t name = strlen(path);
	const char *a = want->str, *b;

	assert_int_equal(view_fs(fs, "", 0, found), 0);
	for (b = found->str; *a && *b;) {
		size_t la = strcspn(a, "\n"), lb = strcspn(b, "\n");
		bool same = la == lb && !memcmp(a, b, la);

		if (!same && (strncmp(a, path, name) || a[name] != ' ' || memcmp(a, b, name + 1)))
			return false;
		a += la + 1;
		b += lb + 1;
	}
	return !*a && !*b;
}

static bool stopped(struct vex_fs *fs)
{
	struct vex_statfs st;

	vex_fs_statfs(fs, &st);
	return st.stopped;
}

/* Open again what is on the device: sound, and what is expected. */
static void expect_image(struct rig *r, const struct injection *in, const struct text *want)
{
	r->fs = NULL;
	assert_int_equal(open_rig(r, false), 0);
	assert_int_equal(vex_fs_commit(r->fs), 0);
	assert_int_equal(vex_check(r->fs, stderr), 0);
	if (!shows(r->fs, want))
		FAIL(in, "the image does not hold what it should\n");
	end(r);
}

/* The filesystem has stopped: nothing more can be changed. */
static void expect_stopped(struct rig *r, const struct injection *in)
{
	struct op op = { .kind = OP_CREATE, .path = "after" };

	if (in->fault == FAULT_MEMORY)
		FAIL(in, "stopped for lack of memory\n");
	assert_int_equal(op_run(r->fs, &op, &r->held), -EIO);
	assert_int_equal(vex_fs_commit(r->fs), -EIO);
	assert_int_not_equal(vex_fs_close(r->fs), 0);
	expect_image(r, in, &views[in->at]);
}

static bool sweep_call(struct injection *in)
{
	const struct op *op = &script.ops[in->at];
	struct text live = { 0 };
	const struct text *want;
	struct rig r;
	bool fired;
	int err;

	begin(&r, in);
	arm(&r, in);
	err = op_run(r.fs, op, &r.held);
	fired = disarm(&r, in);
	if (err)
		expect_error(in, err);
	if (stopped(r.fs)) {
		expect_stopped(&r, in);
		return fired;
	}
	want = &views[in->at + !err];
	/* Of several transactions the first ones may have been done. */
	if (err && op->kind == OP_TRUNCATE && shows(r.fs, &views[in->at + 1]))
		want++;
	if (err && op->kind == OP_ALLOCATE && shows_but_for(r.fs, want, op->path, &live))
		want = &live;
	if (!shows(r.fs, want))
		FAIL(in, "half of a change is visible after error %d\n", err);
	err = vex_fs_commit(r.fs);
	/* A device tells of a failed write at the next flush, too. */
	if (err && !in->keep_going) {
		assert_int_equal(err, -EIO);
		expect_stopped(&r, in);
		text_free(&live);
		return fired;
	}
	assert_int_equal(holder_release(r.fs, &r.held), 0);
	assert_int_equal(vex_fs_close(r.fs), 0);
	expect_image(&r, in, want);
	text_free(&live);
	return fired;
}

static bool sweep_commit(struct injection *in)
{
	struct rig r;
	bool fired;
	int err;

	begin(&r, in);
	assert_int_equal(op_run(r.fs, &script.ops[in->at], &r.held), 0);
	arm(&r, in);
	err = vex_fs_commit(r.fs);
	fired = disarm(&r, in);
	if (err)
		expect_error(in, err);
	if (err == -EIO && !in->keep_going && !stopped(r.fs))
		FAIL(in, "it did not stop\n");
	if (stopped(r.fs)) {
		if (!err)
			FAIL(in, "it stopped without an error\n");
		expect_stopped(&r, in);
		return fired;
	}
	if (!shows(r.fs, &views[in->at + 1]))
		FAIL(in, "after error %d of a commit the change is gone\n", err);
	/* Again, now that nothing fails. */
	assert_int_equal(vex_fs_commit(r.fs), 0);
	assert_int_equal(holder_release(r.fs, &r.held), 0);
	assert_int_equal(vex_fs_close(r.fs), 0);
	expect_image(&r, in, &views[in->at + 1]);
	return fired;
}

static bool sweep_reading(struct injection *in)
{
	struct text found = { 0 };
	struct rig r;
	bool fired;
	int err;

	begin(&r, in);
	arm(&r, in);
	err = view_fs(r.fs, "", 0, &found);
	fired = disarm(&r, in);
	if (err)
		expect_error(in, err);
	else if (found.len != views[in->at].len ||
		 memcmp(found.str, views[in->at].str, found.len))
		FAIL(in, "something wrong was read\n");
	text_free(&found);
	assert_true(shows(r.fs, &views[in->at]));
	end(&r);
	return fired;
}

static bool sweep_open(struct injection *in)
{
	struct rig r = { .m = vex_io_mem_clone(images[in->at]) };
	bool fired;
	int err;

	arm(&r, in);
	err = open_rig(&r, in->keep_going);
	fired = disarm(&r, in);
	if (err)
		expect_error(in, err);
	else
		vex_fs_close(r.fs);
	expect_image(&r, in, &views[in->at]);
	return fired;
}

static void sweep(bool (*one)(struct injection *in), u32 at, unsigned int faults)
{
	for (u32 variant = 0; variant < 4 * FAULTS; variant++) {
		struct injection in = { .fault = variant / 4, .at = at,
					.more = variant & 1 ? U64_MAX : 0,
					.keep_going = variant & 2 };

		if (!(faults & 1u << in.fault))
			continue;
		do
			in.nth++;
		while (one(&in));
	}
}

static void calls_are_whole_or_not_at_all(void **state)
{
	for (u32 at = 0; at < script.count; at++)
		sweep(sweep_call, at, ~0u);
}

static void commits_are_whole_or_not_at_all(void **state)
{
	for (u32 at = 0; at < script.count; at++)
		sweep(sweep_commit, at, ~0u);
}

static void reading_is_right_or_fails(void **state)
{
	for (u32 at = 10; at < script.count; at += 7)
		sweep(sweep_reading, at, 1u << FAULT_MEMORY | 1u << FAULT_READ);
}

static void opening_works_or_fails(void **state)
{
	/* The last of these has nameless files to free. */
	for (u32 at = 2; at <= script.count; at += 6)
		sweep(sweep_open, at, ~0u);
}

static int prepare(void **state)
{
	struct vex_mkfs_opts opts = { .features = VEX_FEATURES_DEFAULT };
	const char *wrong;
	struct rig r = { .m = vex_io_mem_create(1024, 1) };
	u32 line;

	script_init(&script);
	wrong = script_parse(&script, script_text, &line);
	if (wrong) {
		print_error("line %u: %s\n", line, wrong);
		return -1;
	}
	images = calloc(script.count + 1, sizeof(*images));
	views = calloc(script.count + 1, sizeof(*views));
	r.io = vex_io_mem_io(r.m);
	assert_int_equal(vex_mkfs(&r.io, &opts), 0);
	assert_int_equal(open_rig(&r, false), 0);
	for (u32 i = 0; i <= script.count; i++) {
		assert_int_equal(vex_fs_commit(r.fs), 0);
		images[i] = vex_io_mem_clone(r.m);
		assert_int_equal(view_fs(r.fs, "", 0, &views[i]), 0);
		if (i < script.count && op_run(r.fs, &script.ops[i], &r.held)) {
			print_error("call %u of the script fails\n", i);
			return -1;
		}
	}
	end(&r);
	return 0;
}

static int clean_up(void **state)
{
	for (u32 i = 0; i <= script.count; i++) {
		vex_io_mem_destroy(images[i]);
		text_free(&views[i]);
	}
	free(images);
	free(views);
	script_free(&script);
	return 0;
}

static struct vex_mem_count at_begin;

static int count_begin(void **state)
{
	vex_mem_count(&at_begin);
	return 0;
}

static int count_end(void **state)
{
	struct vex_mem_count now;

	vex_mem_count(&now);
	if (now.live == at_begin.live)
		return 0;
	print_error("%llu allocations of the core were not freed\n", now.live - at_begin.live);
	return -1;
}

#define counted(f) cmocka_unit_test_setup_teardown(f, count_begin, count_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		counted(calls_are_whole_or_not_at_all),
		counted(commits_are_whole_or_not_at_all),
		counted(reading_is_right_or_fails),
		counted(opening_works_or_fails),
	};
	int failed;

	vex_core_init();
	failed = cmocka_run_group_tests_name("sweep", tests, prepare, clean_up);
	printf("# %llu runs with a failure\n", runs);
	return failed;
}

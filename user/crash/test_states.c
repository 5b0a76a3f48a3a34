// SPDX-License-Identifier: GPL-2.0-only
/*
 * The short run of the crash simulation, with sanitisers; what it is worth, shown on disks that
 * are broken; and the cases that it has found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "shrink.h"

static const struct limits all = { .states = U64_MAX, .all_of = 8, .pairs = 200, .random = 48 };

/* A script, or the one state that it names, has to be all right. */
static void expect_sound(const char *text)
{
	struct outcome out;
	struct failure f;
	struct script s;
	const char *wrong;
	u32 line;

	script_init(&s);
	wrong = script_parse(&s, text, &line);
	if (wrong)
		fail_msg("line %u: %s", line, wrong);
	if (failure_find(&s, BROKEN_NOT, &all, &out, &f))
		fail_msg("%s", f.what);
	script_free(&s);
}

/* Workloads until @states different states were tried, printed as a script when one is wrong. */
static void run_workloads(u64 seed, u32 threads, u64 states)
{
	struct limits limits = all;
	struct outcome sum = { 0 };
	u64 round;

	for (round = 0; sum.different < states; round++) {
		struct outcome out;
		struct failure f;
		struct script s;

		limits.states = states - sum.different;
		script_generate(&s, seed, round);
		if (threads)
			script_divide(&s, threads);
		if (failure_find(&s, BROKEN_NOT, &limits, &out, &f)) {
			failure_print(&f, stderr);
			fail_msg("workload %llu of seed %llu: %s", round, seed, f.what);
		}
		sum.different += out.different;
		sum.second += out.second;
		sum.tried += out.tried;
		script_free(&s);
	}
	printf("# %llu states, and %llu after a second crash, of %llu workloads of %u threads "
	       "(%llu built)\n", sum.different, sum.second, round, threads ? threads : 1,
	       sum.tried);
}

static void random_workloads_survive_a_crash_anywhere(void **state)
{
	run_workloads(20000, 0, 20000);
}

static void threads_survive_a_crash_anywhere(void **state)
{
	run_workloads(3000, 3, 3000);
}

/* The first workload shows what is wrong with a disk, in a script of a few lines. */
static void expect_found(enum broken broken)
{
	struct outcome out;
	struct failure f;
	struct script s;

	script_generate(&s, 1, 0);
	assert_true(failure_find(&s, broken, &all, &out, &f));
	failure_shrink(&f, broken, &all, 20);
	assert_in_range(f.script.count, 1, 6);
	script_free(&s);

	/* The same state is wrong again, and right on a good disk. */
	script_copy(&s, &f.script);
	s.crash = f.crash;
	f.crash = NULL;
	failure_free(&f);
	assert_true(failure_find(&s, broken, &all, &out, &f));
	failure_free(&f);
	assert_false(failure_find(&s, BROKEN_NOT, &all, &out, &f));
	script_free(&s);
}

static void a_disk_that_ignores_flushes_is_found(void **state)
{
	expect_found(BROKEN_NO_FLUSH);
}

static void a_disk_that_ignores_fua_is_found(void **state)
{
	expect_found(BROKEN_NO_FUA);
}

static void a_script_reads_as_it_was_printed(void **state)
{
	char *first, *second;
	struct script s, again;
	size_t size;
	FILE *out;
	u32 line;

	script_generate(&s, 7, 7);
	out = open_memstream(&first, &size);
	script_print(&s, NULL, out, "", "\n");
	fclose(out);
	script_init(&again);
	assert_null(script_parse(&again, first, &line));
	out = open_memstream(&second, &size);
	script_print(&again, NULL, out, "", "\n");
	fclose(out);
	assert_string_equal(first, second);
	script_free(&s);
	script_free(&again);
	free(first);
	free(second);
}

static void a_wrong_script_is_refused(void **state)
{
	static const char *const wrong[] = {
		"mkdir", "mkdir a b", "truncate a b", "explode a", "disk 10", "crash 3",
		"disk 512 cache 0 seed 0 threads 9 discard 0", "crash at 3 without x",
		"write a-name-that-is-longer-than-any-that-there-may-be 0 1 1",
	};
	struct script s;
	u32 line;

	for (u32 i = 0; i < ARRAY_SIZE(wrong); i++) {
		script_init(&s);
		assert_non_null(script_parse(&s, wrong[i], &line));
		assert_int_equal(line, 1);
		script_free(&s);
	}
}

static void an_unflushed_name_is_whole_or_not_there(void **state)
{
	expect_sound("create a\n"
		     "write a 0 9000 1\n"
		     "sync\n"
		     "create b\n"
		     "rename b a 0\n"
		     "append a 5000 2\n");
}

/* On a full disk such a write is done in pieces, and makes commits between them. */
static void a_write_to_a_full_disk_changes_its_file_alone(void **state)
{
	expect_sound("disk 256 cache 1000000 seed 4409365 threads 0 discard 0\n"
		     "create full\n"
		     "append full 200000 0\n"
		     "append full 200000 0\n"
		     "append full 200000 0\n"
		     "append full 200000 0\n"
		     "mkdir g\n"
		     "create g/b\n"
		     "fallocate g/b 0 3819 4971\n"
		     "create x\n"
		     "append x 66824 559\n");
}

/* Some pieces of such a write may be done when there is no space for the rest. */
static void a_write_that_meets_a_full_disk_does_whole_pieces(void **state)
{
	expect_sound("disk 256 cache 0 seed 5469102 threads 0 discard 0\n"
		     "create full\n"
		     "append full 200000 0\n"
		     "append full 200000 0\n"
		     "append full 200000 0\n"
		     "append full 145472 0\n"
		     "create b\n"
		     "create c\n"
		     "write c 75450 57132 831\n"
		     "fallocate b 0 4870 3144\n"
		     "append b 64922 634\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_script_reads_as_it_was_printed),
		cmocka_unit_test(a_wrong_script_is_refused),
		cmocka_unit_test(a_disk_that_ignores_flushes_is_found),
		cmocka_unit_test(a_disk_that_ignores_fua_is_found),
		cmocka_unit_test(an_unflushed_name_is_whole_or_not_there),
		cmocka_unit_test(a_write_to_a_full_disk_changes_its_file_alone),
		cmocka_unit_test(a_write_that_meets_a_full_disk_does_whole_pieces),
		cmocka_unit_test(random_workloads_survive_a_crash_anywhere),
		cmocka_unit_test(threads_survive_a_crash_anywhere),
	};

	vex_core_init();
	return cmocka_run_group_tests_name("states", tests, NULL, NULL);
}

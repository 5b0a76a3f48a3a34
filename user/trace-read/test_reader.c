// SPDX-License-Identifier: GPL-2.0-only
/* vexfs-trace-read without a kernel module: processes over time, names, JSON, figures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base.h"
#include "batch.h"
#include "events.h"
#include "format.h"
#include "json.h"
#include "object.h"
#include "origins.h"
#include "perfmap.h"
#include "process.h"
#include "procfs.h"
#include "sample.h"
#include "symbols.h"
#include "syscalls.h"
#include "vexfs_read.h"

/* No process has such a number: pid_max is at most 2^22. */
#define NOBODY		0x70000000u

static struct user_frame frame_of(uint32_t tgid, uint64_t time, uint64_t address)
{
	struct user_frame f;

	process_frame(tgid, time, address, &f);
	return f;
}

static void equal_strings_are_one(void **state)
{
	const char *first[3000];
	char text[32];
	int i;

	for (i = 0; i < 3000; i++) {
		sprintf(text, "string %d", i);
		first[i] = intern(text);
		assert_string_equal(first[i], text);
	}
	for (i = 0; i < 3000; i++) {
		sprintf(text, "string %d", i);
		assert_ptr_equal(intern(text), first[i]);
	}
	assert_ptr_equal(intern_len("string 17 and more", 9), first[17]);
	assert_ptr_equal(intern_len("string 17\0and more", 18), first[17]);
}

static void figures_are_for_people(void **state)
{
	assert_string_equal(number(0), "0");
	assert_string_equal(number(999), "999");
	assert_string_equal(number(1000), "1,000");
	assert_string_equal(number(UINT64_MAX), "18,446,744,073,709,551,615");
	assert_string_equal(plural(1, "call"), "1 call");
	assert_string_equal(plural(1234, "call"), "1,234 calls");
	assert_string_equal(bytes(0), "0 B");
	assert_string_equal(bytes(1023), "1023 B");
	assert_string_equal(bytes(1024), "1.00 KiB");
	assert_string_equal(bytes(1048575), "1.00 MiB");
	assert_string_equal(bytes(10 << 20), "10.0 MiB");
	assert_string_equal(bytes(UINT64_MAX), "16.0 EiB");
	assert_string_equal(duration(999), "999 ns");
	assert_string_equal(duration(1000), "1.00 us");
	assert_string_equal(duration(999999), "1.00 ms");
	assert_string_equal(duration(3600000000000), "3600 s");
	assert_string_equal(percent(1, 3), "33.3 %");
	assert_string_equal(percent(0, 0), "-");
	assert_string_equal(printable("a\033[2Jb"), "a?[2Jb");
}

static uint64_t count_each(uint64_t after, uint64_t last, uint64_t below)
{
	uint64_t n, count = 0;

	for (n = after + 1; n <= last; n++)
		count += (uint32_t)n * VEXFS_SAMPLE_FACTOR < below;
	return count;
}

static void samples_are_counted_by_their_numbers(void **state)
{
	static const uint64_t starts[] = { 0, 1, 12345, (1ULL << 32) - 100, (1ULL << 40) + 7 };
	static const unsigned int rates[] = { 1, 2, 3, 63, 64, 65, 1000, 1 << 24 };
	const uint64_t cpu = 3ULL << VEXFS_EVENT_CPU_SHIFT;
	size_t i, j;

	for (i = 0; i < ARRAY_LEN(starts); i++) {
		for (j = 0; j < ARRAY_LEN(rates); j++) {
			uint64_t from = starts[i], below = SAMPLE_ALL / rates[j], to;

			assert_int_equal(sample_count(cpu | from, cpu | from, below), 0);
			for (to = from + 1; to < from + 5000; to += to - from)
				assert_int_equal(sample_count(cpu | from, cpu | to, below),
						 count_each(from, to, below));
		}
	}
	/* A whole turn has each value once. */
	assert_int_equal(sample_count(99, 99 + SAMPLE_ALL, SAMPLE_ALL / 3), SAMPLE_ALL / 3);
	assert_int_equal(sample_count(0, 3000000, SAMPLE_ALL), 3000000);
}

/* Whatever comes round after a few events, each part of it gets its share of the samples. */
static void samples_keep_step_with_nothing(void **state)
{
	unsigned int period, phase, n, of[100];

	for (period = 2; period < ARRAY_LEN(of); period++) {
		memset(of, 0, sizeof(of));
		for (n = 1; n <= period * 6400; n++)
			of[n % period] += (uint32_t)n * VEXFS_SAMPLE_FACTOR < SAMPLE_ALL / 64;
		for (phase = 0; phase < period; phase++)
			assert_in_range(of[phase], 75, 125);
	}
}

static char *json_of(const char *value)
{
	struct json j = {};
	size_t size;
	char *text;

	j.out = open_memstream(&text, &size);
	json_open(&j, NULL, '[');
	json_string(&j, NULL, value);
	json_close(&j, ']');
	fclose(j.out);
	return text;
}

static void json_escapes(void **state)
{
	static const struct {
		const char *value, *json;
	} cases[] = {
		{ "", "\"\"" },
		{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "\n\t\x01\x7f", "\"\\u000a\\u0009\\u0001\\u007f\"" },
		{ "gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"" },
		{ "\xff\xc3(", "\"\\ufffd\\ufffd(\"" },
		{ "\xc0\xaf", "\"\\ufffd\\ufffd\"" },
		{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xf0\x9f\x90\xa7", "\"\xf0\x9f\x90\xa7\"" },
		{ "cut \xf0\x9f", "\"cut \\ufffd\\ufffd\"" },
	};
	char expected[128], *text;
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		text = json_of(cases[i].value);
		snprintf(expected, sizeof(expected), "[\n %s\n]\n", cases[i].json);
		assert_string_equal(text, expected);
		free(text);
	}
}

static void only_files_are_objects(void **state)
{
	assert_null(object_find("", NULL, 0));
	assert_null(object_find("//anon", NULL, 0));
	assert_null(object_find("[heap]", NULL, 0));
	assert_null(object_find("/memfd:jit (deleted)", NULL, 0));
	assert_non_null(object_find("[vdso]", NULL, 0));
	assert_ptr_equal(object_find("/bin/x", NULL, 0), object_find("/bin/x", NULL, 0));
	assert_ptr_not_equal(object_find("/bin/x", NULL, 0),
			     object_find("/bin/x", (const uint8_t *)"12345678901234567890", 20));
}

static void an_address_becomes_an_offset(void **state)
{
	struct object *o = object_find("/no/such/program", NULL, 0);
	struct user_frame f;

	process_exec(NOBODY, 100);
	process_map(NOBODY, 101, 0x1000, 0x3000, 0x400, o);
	f = frame_of(NOBODY, 200, 0x1010);
	assert_ptr_equal(f.object, o);
	assert_int_equal(f.where, 0x410);
	assert_ptr_equal(frame_of(NOBODY, 200, 0x3000).object, &cut_object);
	assert_ptr_equal(frame_of(NOBODY, 200, 0xfff).object, &cut_object);
	assert_null(frame_of(NOBODY + 1, 200, 0x1010).object);
}

static void a_newer_mapping_wins_from_its_time_on(void **state)
{
	struct object *old = object_find("/lib/old", NULL, 0);
	struct object *new = object_find("/lib/new", NULL, 0);

	process_exec(NOBODY + 2, 100);
	process_map(NOBODY + 2, 110, 0x1000, 0x2000, 0, old);
	process_map(NOBODY + 2, 150, 0x1000, 0x2000, 0, new);
	assert_ptr_equal(frame_of(NOBODY + 2, 149, 0x1800).object, old);
	assert_ptr_equal(frame_of(NOBODY + 2, 150, 0x1800).object, new);
	/* Known only later, as from /proc: the oldest is the best guess. */
	assert_ptr_equal(frame_of(NOBODY + 2, 105, 0x1800).object, old);
}

static void a_child_has_its_parents_mappings_until_exec(void **state)
{
	struct object *shell = object_find("/bin/shell", NULL, 0);
	struct object *tool = object_find("/bin/tool", NULL, 0);
	struct object *library = object_find("/lib/late", NULL, 0);
	const uint32_t parent = NOBODY + 3, child = NOBODY + 4;

	process_exec(parent, 100);
	process_map(parent, 101, 0x1000, 0x2000, 0, shell);
	process_fork(child, parent, 200);
	/* What either maps afterwards is its own. */
	process_map(parent, 210, 0x5000, 0x6000, 0, library);
	assert_ptr_equal(frame_of(child, 250, 0x1000).object, shell);
	assert_ptr_equal(frame_of(child, 250, 0x5000).object, &cut_object);
	process_exec(child, 300);
	process_map(child, 301, 0x1000, 0x2000, 0, tool);
	assert_ptr_equal(frame_of(child, 299, 0x1000).object, shell);
	assert_ptr_equal(frame_of(child, 302, 0x1000).object, tool);
	assert_ptr_equal(frame_of(parent, 302, 0x1000).object, shell);
}

static void a_number_that_is_used_again_is_another_process(void **state)
{
	struct object *first = object_find("/bin/first", NULL, 0);
	struct object *second = object_find("/bin/second", NULL, 0);
	const uint32_t tgid = NOBODY + 5;

	process_exec(tgid, 100);
	process_map(tgid, 101, 0x1000, 0x2000, 0, first);
	process_exit(tgid, 200);
	/* Records of different CPUs come out of order. */
	process_exec(tgid, 400);
	process_map(tgid, 401, 0x1000, 0x2000, 0, second);
	process_fork(tgid, NOBODY + 6, 300);
	assert_ptr_equal(frame_of(tgid, 150, 0x1000).object, first);
	assert_ptr_equal(frame_of(tgid, 250, 0x1000).object, first);
	assert_null(frame_of(tgid, 350, 0x1000).object);
	assert_ptr_equal(frame_of(tgid, 450, 0x1000).object, second);
}

static void many_processes_come_and_go(void **state)
{
	struct object *o = object_find("/bin/busy", NULL, 0);
	uint32_t i;

	for (i = 0; i < 5000; i++) {
		uint64_t time = 1000 + 10 * i;

		process_fork(NOBODY + 100 + i, NOBODY + 5, time);
		process_exec(NOBODY + 100 + i, time + 1);
		process_map(NOBODY + 100 + i, time + 2, 0x1000, 0x2000, 0, o);
		assert_ptr_equal(frame_of(NOBODY + 100 + i, time + 3, 0x1000).object, o);
		process_exit(NOBODY + 100 + i, time + 4);
	}
	/* They ended long before the epoch that is being collected: forgotten, the others not. */
	processes_update();
	processes_update();
	processes_update();
	assert_null(frame_of(NOBODY + 100, 2000, 0x1000).object);
	assert_non_null(frame_of(NOBODY + 5, 450, 0x1000).object);
}

/* The address that it returns to. */
__attribute__((noinline)) static uint64_t here(void)
{
	return (uint64_t)__builtin_return_address(0);
}

__attribute__((always_inline)) static inline uint64_t inlined_function(void)
{
	return here() + 0 * getpid();
}

__attribute__((noinline)) static uint64_t outer_function(unsigned int *line)
{
	*line = __LINE__ + 1;
	return inlined_function();
}

static void own_functions_have_names_and_lines(void **state)
{
	struct place p[8] = {};
	unsigned int line;
	uint64_t address = outer_function(&line);
	struct user_frame f;
	size_t n;

	procfs_read(getpid(), now_ns());
	f = frame_of(getpid(), now_ns(), address);
	assert_non_null(f.object);
	assert_string_equal(f.object->name, "test_reader");
	n = object_places(f.object, f.where - 1, p, ARRAY_LEN(p));
	assert_int_equal(n, 2);
	assert_string_equal(p[0].func, "inlined_function");
	assert_string_equal(p[1].func, "outer_function");
	assert_non_null(strstr(p[1].file, "test_reader.c"));
	assert_int_equal(p[1].line, line);
	assert_true(p[0].line < line);
}

static void libc_has_names(void **state)
{
	struct user_frame f = frame_of(getpid(), now_ns(), (uintptr_t)qsort);
	struct place p[8];
	size_t n;

	assert_non_null(f.object);
	n = object_places(f.object, f.where, p, ARRAY_LEN(p));
	assert_true(n > 0);
	assert_string_equal(p[n - 1].func, "qsort");
}

static void a_replaced_file_lends_no_names(void **state)
{
	const uint8_t id[] = "not its build-id 123";
	struct object *o = object_find("/proc/self/exe", id, 20);
	struct place p[4];

	object_use(o, getpid());
	assert_true(o->stale);
	assert_int_equal(object_places(o, 0x1000, p, 4), 0);
}

static void damaged_files_have_no_names(void **state)
{
	char path[] = "/tmp/test_reader.XXXXXX";
	unsigned char junk[4096] = "\177ELF\2\1\1";
	struct place p[4];
	struct object *o;
	size_t i;
	int fd;

	for (i = 16; i < sizeof(junk); i++)
		junk[i] = i * 151 >> 3;
	fd = mkstemp(path);
	assert_true(fd >= 0 && write(fd, junk, sizeof(junk)) == sizeof(junk));
	o = object_find(path, NULL, 0);
	object_use(o, getpid());
	for (i = 0; i < sizeof(junk); i += 16)
		object_places(o, i, p, 4);
	close(fd);
	unlink(path);
}

static void a_process_names_its_own_code(void **state)
{
	char path[64], elsewhere[] = "/tmp/test_reader.XXXXXX";
	FILE *map;
	int fd;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	map = fopen(path, "w");
	assert_non_null(map);
	fputs("7f0000001000 20 compiled first\n" "junk\n" "7f0000002000 zz bad\n"
	      "7f0000001000 20 compiled again\n" "7f0000003000 0 empty\n", map);
	fclose(map);
	assert_string_equal(perfmap_name(getpid(), 0x7f000000101f), "compiled again");
	assert_null(perfmap_name(getpid(), 0x7f0000001020));
	assert_null(perfmap_name(getpid(), 0x7f0000003000));

	map = fopen(path, "a");
	fputs("7f0000004000 10 later\n", map);
	fclose(map);
	assert_string_equal(perfmap_name(getpid(), 0x7f0000004000), "later");
	unlink(path);
	/* What was known stays known. */
	assert_string_equal(perfmap_name(getpid(), 0x7f0000004000), "later");

	/* A link could lead anywhere. */
	snprintf(path, sizeof(path), "/tmp/perf-%u.map", NOBODY);
	fd = mkstemp(elsewhere);
	assert_true(fd >= 0 && dprintf(fd, "1000 1000 secret\n") > 0);
	close(fd);
	assert_int_equal(symlink(elsewhere, path), 0);
	assert_null(perfmap_name(NOBODY, 0x1000));
	unlink(path);
	unlink(elsewhere);
}

static void events_add_up(void **state)
{
	static const uint64_t kernel[] = { 0xffffffff81000010, 0xffffffff81000020 };
	struct vxr_key key = { .kind = VEXFS_EVENT_OP, .id = 3, .tgid = NOBODY + 9 };
	struct vxr_value value = {
		.count = 5, .size = 50, .size_min = 1, .size_max = 20, .comm = "t",
	};
	struct sample s = { .key = &key, .value = &value, .kernel = kernel, .nr_kernel = 2 };
	const struct group *g;
	size_t n;

	events_add(&s);
	key.cpu = 1;
	value.size_max = 30;
	events_add(&s);
	key.id = 4;
	events_add(&s);
	g = events_groups(&n);
	assert_int_equal(n, 2);
	assert_int_equal(g[0].sum.count, 10);
	assert_int_equal(g[0].sum.size, 100);
	assert_int_equal(g[0].sum.size_max, 30);
	assert_int_equal(g[1].sum.count, 5);
	assert_memory_equal(events_kernel_stack(g[0].kernel, &n), kernel, sizeof(kernel));
	assert_int_equal(n, 2);
	events_restart();
	events_groups(&n);
	assert_int_equal(n, 0);
}

/* The map of what is held and that of what was freed, as the test says. */
static struct vxr_taken taken[3];
static size_t nr_taken;
static struct vxr_origin freed_from[3];
static struct vxr_freed freed[3];
static size_t nr_freed;

void batch_read(int fd, bool take, const char *what, size_t key_size, size_t value_size,
		batch_fn *each, void *context)
{
	if (take) {
		assert_int_equal(key_size, sizeof(*freed_from));
		each(context, freed_from, freed, nr_freed);
		nr_freed = 0;
	} else {
		assert_int_equal(value_size, sizeof(*taken));
		each(context, NULL, taken, nr_taken);
	}
}

/* One allocation of 10 bytes with the only kernel stack @ip, in @turn. */
static struct vxr_origin allocate(uint64_t ip, uint32_t turn)
{
	struct vxr_key key = { .kind = VEXFS_EVENT_ALLOC, .id = 7, .kstack = ip % 1000 };
	struct vxr_value value = { .count = 1, .size = 10, .size_min = 10, .size_max = 10 };
	struct sample s = { .key = &key, .value = &value, .kernel = &ip, .nr_kernel = 1 };

	origins_note(&key, turn, events_add(&s));
	return (struct vxr_origin){ .key = key, .turn = turn };
}

static const struct fate *fate_of(uint64_t ip)
{
	const struct group *g;
	size_t n, i, count;

	g = events_groups(&n);
	for (i = 0; i < n; i++)
		if (*events_kernel_stack(g[i].kernel, &count) == ip)
			return &g[i].fate;
	return NULL;
}

static void memory_has_an_origin(void **state)
{
	const uint64_t one = 0xffffffff81000111, other = 0xffffffff82000111;
	uint64_t sum = 0;

	/* The stacks have the same id, in different epochs. */
	taken[0] = (struct vxr_taken){ .origin = allocate(one, 1), .size = 10, .ns = now_ns() };
	freed_from[0] = allocate(other, 2);
	freed[0] = (struct vxr_freed){ .count = 1, .size = 10, .time = 5 };
	nr_taken = 1;
	nr_freed = 1;
	assert_int_equal(origins_freed(-1, &sum), 0);
	assert_int_equal(sum, 1);
	assert_int_equal(origins_held(-1), 1);
	assert_int_equal(fate_of(one)->held.count, 1);
	assert_int_equal(fate_of(one)->freed.count, 0);
	assert_int_equal(fate_of(other)->held.count, 0);
	assert_int_equal(fate_of(other)->freed.size, 10);

	/* A window later it is still held, and then freed. */
	events_restart();
	assert_int_equal(origins_held(-1), 1);
	assert_int_equal(fate_of(one)->held.size, 10);
	events_restart();
	freed_from[0] = taken[0].origin;
	nr_taken = 0;
	nr_freed = 1;
	assert_int_equal(origins_freed(-1, &sum), 0);
	assert_int_equal(origins_held(-1), 0);
	assert_int_equal(fate_of(one)->freed.count, 1);

	/* Of an origin that nobody noted. */
	freed_from[0].turn = 99;
	nr_freed = 1;
	assert_int_equal(origins_freed(-1, &sum), 1);
	events_restart();
	origins_free();
}

/* So many that those of which nothing is held are forgotten. */
static void origins_are_forgotten(void **state)
{
	struct vxr_origin held, gone, late, last;
	uint64_t sum = 0;
	uint32_t turn;

	held = allocate(1000, 0);
	late = allocate(1000, 1);
	gone = allocate(1000, 2);
	for (turn = 3; turn < 70000; turn++)
		allocate(1000, turn);
	taken[0].origin = held;
	nr_taken = 1;
	/* It was freed before this looks, and that is read only afterwards. */
	origins_prune(-1);
	last = allocate(1000, turn);
	freed_from[0] = late;
	nr_freed = 1;
	assert_int_equal(origins_freed(-1, &sum), 0);
	origins_prune(-1);

	freed_from[0] = gone;
	freed_from[1] = held;
	freed_from[2] = last;
	nr_freed = 3;
	assert_int_equal(origins_freed(-1, &sum), 1);
	assert_int_equal(origins_held(-1), 1);
	nr_taken = 0;
	events_restart();
	origins_free();
}

static void libc_enters_the_kernel_somewhere(void **state)
{
	/* glibc has some 500 such places; most keep their frame on the stack pointer alone. */
	assert_true(syscalls_find() > 100);
	syscalls_free();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_strings_are_one),
		cmocka_unit_test(figures_are_for_people),
		cmocka_unit_test(samples_are_counted_by_their_numbers),
		cmocka_unit_test(samples_keep_step_with_nothing),
		cmocka_unit_test(json_escapes),
		cmocka_unit_test(only_files_are_objects),
		cmocka_unit_test(an_address_becomes_an_offset),
		cmocka_unit_test(a_newer_mapping_wins_from_its_time_on),
		cmocka_unit_test(a_child_has_its_parents_mappings_until_exec),
		cmocka_unit_test(a_number_that_is_used_again_is_another_process),
		cmocka_unit_test(many_processes_come_and_go),
		cmocka_unit_test(own_functions_have_names_and_lines),
		cmocka_unit_test(libc_has_names),
		cmocka_unit_test(a_replaced_file_lends_no_names),
		cmocka_unit_test(damaged_files_have_no_names),
		cmocka_unit_test(a_process_names_its_own_code),
		cmocka_unit_test(events_add_up),
		cmocka_unit_test(memory_has_an_origin),
		cmocka_unit_test(origins_are_forgotten),
		cmocka_unit_test(libc_enters_the_kernel_somewhere),
	};
	int failed = cmocka_run_group_tests_name("reader", tests, NULL, NULL);

	processes_close();
	return failed;
}

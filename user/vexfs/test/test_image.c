// SPDX-License-Identifier: GPL-2.0-only
/* Images that vexfs cannot use, or only in part. */
#include <fcntl.h>
#include <sys/file.h>

#include "command.h"

#define DIM 1024u	/* a row is a block */

/* Change a byte of the block of test.img that begins with row @row of seed 1. */
static void damage_row(uint32_t row)
{
	static unsigned char image[8 << 20];
	float value = fvecs_value(1, row, 0);
	int fd = open("test.img", O_RDWR), found = 0;

	assert_int_equal(pread(fd, image, sizeof(image), 0), sizeof(image));
	for (size_t at = 0; at < sizeof(image); at += 4096) {
		if (memcmp(image + at, &value, sizeof(value)))
			continue;
		assert_int_equal(pwrite(fd, "x", 1, at + 100), 1);
		found++;
	}
	close(fd);
	assert_int_equal(found, 1);
}

static void a_damaged_block_is_named_and_the_rest_works(void **state)
{
	place_make(8);
	write_fvecs("a.fvecs", 50, DIM, 1);
	expect(0, "", "import", "-q", "/a", "a.fvecs");
	damage_row(17);
	expect(1, "test.img:/a: search: block ", "search", "/a", "--row", "3");
	assert_non_null(strstr(command_err, " is damaged ("));
	assert_non_null(strstr(command_err, "restore the image from a copy"));
	assert_string_equal(command_out, "");
	expect(1, " is damaged (", "get", "/a", "16-18");
	expect(0, "", "stat", "/a");
	expect(0, "", "get", "/a", "49");
}

static void what_is_no_image_is_refused(void **state)
{
	static const char zeros[2 << 20];
	int fd;

	write_file("test.img", zeros, sizeof(zeros));
	expect(1, "test.img: holds no VexFS; make one with mkfs.vexfs", "stat", "/a");
	write_file("test.img", zeros, 100);
	expect(1, "holds no VexFS", "stat", "/a");
	unlink("test.img");
	expect(1, "test.img: No such file", "stat", "/a");
	place_make(8);
	assert_int_equal(truncate("test.img", 4 << 20), 0);
	expect(1, "device is smaller than the filesystem", "stat", "/a");
	place_make(8);
	fd = open("test.img", O_RDWR);
	for (int slot = 1; slot <= 9; slot += 8)
		assert_int_equal(pwrite(fd, "x", 1, slot * 4096 + 200), 1);
	close(fd);
	expect(1, "superblock fails its checksum; restore it", "stat", "/a");
}

static void an_image_in_use_is_refused(void **state)
{
	int fd;

	place_make(8);
	expect(0, "", "create", "/a", "--dim", "3");
	fd = open("test.img", O_RDONLY);
	assert_int_equal(flock(fd, LOCK_SH), 0);
	/* Several may read. */
	expect(0, "", "stat", "/a");
	expect(1, "another command is using it", "insert", "/a", "1,2,3");
	assert_int_equal(flock(fd, LOCK_EX), 0);
	expect(1, "another command is using it", "stat", "/a");
	close(fd);
	expect(0, "", "insert", "-q", "/a", "1,2,3");
}

static void paths_are_walked_from_the_root(void **state)
{
	place_make(8);
	expect(0, "", "create", "a", "--dim", "3");
	expect(0, "", "stat", "//a/");
	expect(1, "a path inside an image has no '.' and '..'", "stat", "/./a");
	expect(1, "a path inside an image has no '.' and '..'", "stat", "/../a");
	expect(1, "Not a directory", "stat", "/a/b");
	expect(1, "no such file", "stat", "/b/c");
	expect(1, "a folder; name a file", "stat", "/");
}

static void all_instruction_sets_find_the_same(void **state)
{
	static const char *const isas[] = { "avx2", "avx512", "auto" };
	static char scalar[1 << 16];

	place_make(8);
	/* Whole numbers: no rounding, whatever the order of the sums. */
	for (int row = 0; row < 20; row++) {
		char name[32], values[64];

		snprintf(values, sizeof(values), "%d,%d,%d,%d,%d", row, row * 3 % 7, row * 5 % 11,
			 -row, row * row % 13);
		snprintf(name, sizeof(name), "%d", row);
		if (!row)
			expect(0, "", "create", "/a", "--dim", "5");
		expect(0, "", "insert", "-q", "/a", "--", values);
	}
	expect(0, "", "--isa", "scalar", "search", "--json", "/a", "--row", "0-19");
	strcpy(scalar, command_out);
	expect_out("distance_bits");
	for (int i = 0; i < 3; i++) {
		int status = command_run("--isa", isas[i], "search", "--json", "/a", "--row",
					 "0-19", NULL);

		if (status == 1 && strstr(command_err, "this CPU does not have it"))
			continue;
		assert_int_equal(status, 0);
		assert_string_equal(command_out, scalar);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_damaged_block_is_named_and_the_rest_works),
		cmocka_unit_test(what_is_no_image_is_refused),
		cmocka_unit_test(an_image_in_use_is_refused),
		cmocka_unit_test(paths_are_walked_from_the_root),
		cmocka_unit_test(all_instruction_sets_find_the_same),
	};

	return cmocka_run_group_tests(tests, test_enter, test_leave);
}

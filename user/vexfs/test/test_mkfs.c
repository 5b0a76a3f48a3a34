// SPDX-License-Identifier: GPL-2.0-only
/* mkfs.vexfs on image files: what it makes, and what it leaves alone. */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "command.h"

#define main program_main
#include "../mkfs.c"
#undef main

#define UUID "5f3c1a52-9d0e-4b7e-8c64-0d6a1f2b3c4d"

const char *const place_args[2];

static long long size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : (long long)st.st_size;
}

static void an_image_is_made_sparse(void **state)
{
	struct stat st;

	expect(0, "", "--size", "1G", "-L", "some label", "-U", UUID, "new.img");
	expect_out("new.img: VexFS made\n  label  some label\n  uuid   " UUID "\n"
		   "  size   1024.0 MiB, 262144 blocks of 4 KiB, ");
	assert_int_equal(stat("new.img", &st), 0);
	assert_int_equal(st.st_size, 1 << 30);
	assert_true(st.st_blocks * 512 < 1 << 20);
	expect(0, "", "-q", "-f", "new.img");
	assert_string_equal(command_out, "");
	expect(0, "", "-f", "-s", "3M", "new.img");
	expect_out("size   3.0 MiB, 768 blocks");
}

static void a_vexfs_is_not_overwritten_unless_forced(void **state)
{
	expect(0, "", "-q", "-s", "2M", "-L", "mine", "-U", UUID, "old.img");
	expect(1, "holds a VexFS already, label 'mine', UUID " UUID "; use -f", "old.img");
	/* One superblock is enough to see it. */
	int fd = open("old.img", O_WRONLY);

	assert_int_equal(pwrite(fd, test_dir, 16, 4096), 16);
	close(fd);
	expect(1, "holds a VexFS already", "old.img");
	expect(1, "holds a VexFS already", "--size", "9M", "old.img");
	assert_int_equal(size_of("old.img"), 2 << 20);
	expect(0, "", "-f", "--size", "9M", "old.img");
	assert_int_equal(size_of("old.img"), 9 << 20);
}

/* The signature of each, as libblkid looks for it. */
static void other_filesystems_are_not_overwritten_unless_forced(void **state)
{
	static const unsigned char dos[66] = {
		[4] = 0x83, [8] = 0, [9] = 8, [13] = 0x20, [64] = 0x55, [65] = 0xaa,
	};
	static unsigned char image[4 << 20];

	assert_int_equal(system("PATH=$PATH:/sbin:/usr/sbin; truncate -s 8M ext4.img && "
				"mkfs.ext4 -q ext4.img"), 0);
	expect(1, "holds a ext4 filesystem already; use -f", "ext4.img");
	expect(0, "", "-q", "-f", "ext4.img");
	expect(1, "holds a VexFS already", "ext4.img");
	memcpy(image + 446, dos, sizeof(dos));
	write_file("dos.img", image, sizeof(image));
	expect(1, "holds a dos partition table already; use -f", "dos.img");
	expect(0, "", "-q", "-f", "dos.img");
	/* Nothing of them is left for others to find. */
	assert_int_equal(system("PATH=$PATH:/sbin:/usr/sbin; ! blkid -p ext4.img && "
				"! blkid -p dos.img"), 0);
}

static void what_cannot_hold_one_is_refused_and_left_as_it_was(void **state)
{
	expect(1, "does not exist; to make an image file, tell its size", "none.img");
	assert_int_equal(size_of("none.img"), -1);
	write_file("small.img", "small", 5);
	expect(1, "small.img: is 0 KiB long; a VexFS needs 1024 KiB at least", "small.img");
	assert_int_equal(size_of("small.img"), 5);
	expect(1, "is neither a regular file nor a block device", "/dev/null");
	expect(1, "Is a directory", "/tmp");
	expect(1, "No such file", "--size", "2M", "nowhere/x.img");
}

static void an_image_in_use_is_refused(void **state)
{
	int fd;

	expect(0, "", "-q", "-s", "2M", "busy.img");
	fd = open("busy.img", O_RDONLY);
	assert_int_equal(flock(fd, LOCK_SH), 0);
	expect(1, "another command is using it", "-f", "busy.img");
	close(fd);
	expect(0, "", "-q", "-f", "busy.img");
}

static void features_are_chosen_by_name(void **state)
{
	expect(0, "", "-s", "2M", "f.img");
	expect_out("has    xattr, symlink-special, unwritten, row-metadata\n");
	expect(0, "", "-f", "-O", "^xattr,^row-metadata", "f.img");
	expect_out("has    symlink-special, unwritten\n");
	expect(0, "", "-f", "-O", "none", "f.img");
	expect_out("has    none\n");
	expect(0, "", "-f", "-O", "none,unwritten", "f.img");
	expect_out("has    unwritten\n");
	expect(2, "'time-travel' is no feature", "-f", "-O", "xattr,time-travel", "f.img");
	expect(2, "'' is no feature", "-f", "-O", "", "f.img");
	expect(2, "'' is no feature", "-f", "-O", "xattr,", "f.img");
	expect(2, "'none' is no feature", "-f", "-O", "^none", "f.img");
}

static void wrong_usage_is_status_2(void **state)
{
	expect(2, "exactly one DEVICE or IMAGE", "-q");
	expect(2, "exactly one DEVICE or IMAGE", "a.img", "b.img");
	expect(2, "is not a UUID", "-U", "5f3c1a52-9d0e-4b7e-8c64-0d6a1f2b3c4", "a.img");
	expect(2, "is not a UUID", "-U", "5f3c1a52-9d0e-4b7e-8c64-0d6a1f2b3c4g", "a.img");
	expect(2, "is not a UUID", "-U", "5f3c1a52+9d0e-4b7e-8c64-0d6a1f2b3c4d", "a.img");
	expect(2, "longer than 32 bytes", "-L", "123456789012345678901234567890123", "a.img");
	expect(2, "not UTF-8", "-L", "\xff", "a.img");
	expect(2, "--size '1023K'", "--size", "1023K", "a.img");
	expect(2, "--size '1.5G'", "--size", "1.5G", "a.img");
	expect(2, "invalid option", "-x", "a.img");
	expect(0, "", "--help");
	expect_out("Examples:");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_is_made_sparse),
		cmocka_unit_test(a_vexfs_is_not_overwritten_unless_forced),
		cmocka_unit_test(other_filesystems_are_not_overwritten_unless_forced),
		cmocka_unit_test(what_cannot_hold_one_is_refused_and_left_as_it_was),
		cmocka_unit_test(an_image_in_use_is_refused),
		cmocka_unit_test(features_are_chosen_by_name),
		cmocka_unit_test(wrong_usage_is_status_2),
	};

	return cmocka_run_group_tests(tests, test_enter, test_leave);
}

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
	expect_out("has    xattr, symlink-special, unwritten, row-metadata, hnsw, lsh, codes, elems\n");
	expect(0, "", "-f", "-O", "^xattr,^row-metadata,^hnsw,^lsh,^codes,^elems", "f.img");
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

static void any_size_is_made_quickly(void **state)
{
	/* A filesystem of files so large: many have none. */
	static const char huge[] = "/dev/shm/vexfs-test-huge.img";
	double start = clock_seconds();
	struct stat st;

	expect(0, "", "-s", "1M", "least.img");
	expect_out("size   1.0 MiB, 256 blocks of 4 KiB");
	unlink(huge);
	expect(0, "", "-s", "100T", huge);
	expect_out(" 26843545600 blocks of 4 KiB");
	assert_int_equal(stat(huge, &st), 0);
	/* One that is there is discarded, and takes no more time for that. */
	expect(0, "", "-f", huge);
	expect(0, "", "-f", "-s", "101T", huge);
	assert_true(st.st_size == 100ll << 40 && st.st_blocks * 512 < 1 << 20);
	assert_true(clock_seconds() - start < 60);
	unlink(huge);
}

static void a_dry_run_changes_nothing(void **state)
{
	expect(0, "", "-n", "-s", "2M", "dry.img");
	expect_out("dry.img: a VexFS can be made, 2.0 MiB, 512 blocks of 4 KiB\n");
	assert_int_equal(size_of("dry.img"), -1);
	expect(1, "No such file", "-n", "-s", "2M", "nowhere/dry.img");
	expect(1, "tell its size", "-n", "dry.img");
	expect(0, "", "-q", "-s", "2M", "-L", "kept", "dry.img");
	expect(1, "holds a VexFS already", "-n", "dry.img");
}

static void a_dry_run_of_what_is_forced_changes_nothing(void **state)
{
	static unsigned char image[4 << 20] = { [510] = 0x55, [511] = 0xaa };
	static unsigned char after[sizeof(image)];
	int fd;

	image[446 + 4] = 0x83;
	image[446 + 9] = 8;
	image[446 + 13] = 0x20;
	write_file("dry.bin", image, sizeof(image));
	expect(1, "holds a dos partition table", "-n", "dry.bin");
	expect(0, "", "-n", "-f", "-s", "9M", "dry.bin");
	expect_out("9.0 MiB, 2304 blocks");
	assert_int_equal(size_of("dry.bin"), sizeof(image));
	fd = open("dry.bin", O_RDONLY);
	assert_int_equal(read(fd, after, sizeof(after)), sizeof(after));
	close(fd);
	assert_memory_equal(image, after, sizeof(image));
	write_file("dry.small", image, 4096);
	expect(1, "a VexFS needs 1024 KiB", "-n", "dry.small");
}

static void the_summary_comes_as_json(void **state)
{
	expect(0, "", "--json", "-s", "2M", "-L", "l\"", "-U", UUID, "-O", "none", "j.img");
	expect_out("\"device\": \"j.img\"");
	expect_out("\"label\": \"l\\\"\"");
	expect_out("\"uuid\": \"" UUID "\"");
	expect_out("\"blocks\": 512");
	expect_out("\"features\": []");
	expect(0, "", "-jf", "-O", "^unwritten", "j.img");
	expect_out("\"label\": \"\"");
	expect_out("\"symlink-special\",");
	expect(0, "", "-jnf", "j.img");
	expect_out("\"dry_run\": true");
}

/* What the image held takes no more space, unless -K; what lies past the filesystem stays. */
static void old_content_is_discarded(void **state)
{
	static char full[4 << 20];
	struct stat st;
	char byte;
	int fd;

	memset(full, 'x', sizeof(full));
	write_file("old.bin", full, sizeof(full));
	expect(0, "", "-q", "-K", "old.bin");
	assert_int_equal(stat("old.bin", &st), 0);
	assert_true(st.st_blocks * 512 > 3 << 20);
	expect(0, "", "-q", "-f", "-s", "2M", "old.bin");
	assert_int_equal(stat("old.bin", &st), 0);
	assert_true(st.st_blocks * 512 > 1 << 20 && st.st_blocks * 512 < 3 << 20);
	fd = open("old.bin", O_RDONLY);
	assert_int_equal(pread(fd, &byte, 1, 2 << 20), 1);
	assert_int_equal(byte, 'x');
	close(fd);
	expect(0, "", "-q", "-f", "old.bin");
	assert_int_equal(stat("old.bin", &st), 0);
	assert_true(st.st_blocks * 512 < 1 << 20);
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
		cmocka_unit_test(any_size_is_made_quickly),
		cmocka_unit_test(a_dry_run_changes_nothing),
		cmocka_unit_test(a_dry_run_of_what_is_forced_changes_nothing),
		cmocka_unit_test(the_summary_comes_as_json),
		cmocka_unit_test(old_content_is_discarded),
		cmocka_unit_test(wrong_usage_is_status_2),
	};

	return cmocka_run_group_tests(tests, test_enter, test_leave);
}

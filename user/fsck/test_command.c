// SPDX-License-Identifier: GPL-2.0-only
/* fsck.vexfs as its users run it: exit statuses, what it prints, what it leaves alone. */
#include <fcntl.h>
#include <sys/file.h>

#include "../vexfs/test/command.h"
#include "vex_io.h"
#include "vex_util.h"

#define main program_main
#include "main.c"
#undef main

const char *const place_args[2];

#define FILE_BYTES	100000u

/* An image with a file of FILE_BYTES; its inode is 2. */
static void make(const char *path)
{
	struct vex_mkfs_opts opts = { .features = VEX_FEATURES_DEFAULT };
	struct vex_inode node = { .mode = S_IFREG | 0644 };
	struct vex_name name = { "file", 4 };
	static char data[FILE_BYTES];
	struct vex_io io;
	struct vex_fs *fs;

	assert_int_equal(system("rm -f x.img && truncate -s 4M x.img"), 0);
	assert_int_equal(rename("x.img", path), 0);
	vex_core_init();
	memset(data, 'd', sizeof(data));
	assert_int_equal(vex_io_fd_open(&io, path, VEX_IO_FD_WRITE), 0);
	assert_int_equal(vex_mkfs(&io, &opts), 0);
	assert_int_equal(vex_fs_open(&io, &(struct vex_open_opts){ 0 }, &fs, NULL), 0);
	assert_int_equal(vex_dir_create(fs, VEXFS_ROOT_INO, &name, &node), 0);
	assert_int_equal(vex_file_write(fs, node.ino, 0, data, sizeof(data)), 0);
	assert_int_equal(vex_fs_close(fs), 0);
	assert_int_equal(vex_io_fd_close(&io), 0);
}

/* Change byte @at of block @block; a superblock is sealed again. */
static void damage(const char *path, u64 block, u32 at, u8 value)
{
	int fd = open(path, O_RDWR);
	u8 buf[4096];

	assert_int_equal(pread(fd, buf, sizeof(buf), block * 4096), sizeof(buf));
	buf[at] ^= value;
	put_unaligned_le32(vex_crc32c(buf + 4, sizeof(buf) - 4), buf);
	assert_int_equal(pwrite(fd, buf, sizeof(buf), block * 4096), sizeof(buf));
	close(fd);
}

static void both_supers(const char *path, u32 at, u8 value)
{
	damage(path, VEXFS_SUPER_BLOCK(0), at, value);
	damage(path, VEXFS_SUPER_BLOCK(1), at, value);
}

#define FREE_BLOCKS	88u	/* offset of the field */
#define FEATURES	64u

static void a_sound_image_is_clean(void **state)
{
	make("a.img");
	expect(FSCK_OK, "", "-n", "a.img");
	expect_out("a.img: clean, 2 inodes, ");
	expect(FSCK_OK, "", "-p", "a.img");
	expect(FSCK_OK, "", "-y", "-f", "-c", "a.img");
	expect_out("all data verified");
	expect(FSCK_OK, "", "-n", "-v", "a.img");
	expect_out("features xattr symlink-special unwritten row-metadata hnsw lsh codes");
	expect(FSCK_OK, "", "--json", "a.img");
	expect_out("\"problems\": []");
	expect(FSCK_OK, "", "-n", "--super", "0", "a.img");
	expect(FSCK_OK, "", "-n", "-C", "1", "a.img");
	expect_out("1 1 1 a.img");
}

static void problems_are_told_and_repaired(void **state)
{
	make("b.img");
	both_supers("b.img", FREE_BLOCKS, 1);
	expect(FSCK_LEFT, "", "-n", "b.img");
	expect_out("super-free: block ");
	expect_out("b.img: 1 problems, left as they are");
	expect(FSCK_LEFT, "", "--json", "b.img");
	expect_out("\"code\": \"super-free\"");
	/* Nothing that asks does so without a terminal. */
	expect(FSCK_FAILED, "no terminal to ask", "b.img");
	expect(FSCK_CORRECTED, "", "-p", "b.img");
	expect_out("b.img: 1 problems, repaired");
	expect(FSCK_OK, "", "-n", "-c", "b.img");
}

/* The first block that is full of @byte. */
static u64 block_of(const char *path, u8 byte)
{
	int fd = open(path, O_RDONLY);
	u8 buf[4096];
	u64 block = 10;

	do {
		assert_true(++block < 1024);
		assert_int_equal(pread(fd, buf, sizeof(buf), block * 4096), sizeof(buf));
	} while (buf[0] != byte || buf[4095] != byte);
	close(fd);
	return block;
}

static void damaged_data_are_found_with_c_and_the_file_is_named(void **state)
{
	make("c.img");
	damage("c.img", block_of("c.img", 'd'), 77, 1);
	expect(FSCK_OK, "", "-n", "c.img");
	expect(FSCK_LEFT, "", "-n", "-c", "c.img");
	expect_out("data-csum: inode 2: ");
	expect_out("data are damaged: inode 2: /file\n");
	expect(FSCK_LEFT, "", "-y", "-c", "c.img");
	expect(FSCK_LEFT, "", "-p", "-c", "c.img");
	expect(FSCK_LEFT, "", "--json", "-c", "c.img");
	expect_out("\"path\": \"/file\"");
}

static void what_cannot_be_checked_is_status_8(void **state)
{
	int fd;

	make("d.img");
	expect(FSCK_FAILED, "No such file", "-n", "none.img");
	expect(FSCK_FAILED, "neither a regular file nor a block device", "-n", "/dev/null");
	write_file("small.img", "small", 5);
	expect(FSCK_FAILED, "holds no VexFS", "-n", "small.img");
	assert_int_equal(system("truncate -s 2M zero.img"), 0);
	expect(FSCK_FAILED, "holds no VexFS", "-y", "zero.img");
	fd = open("d.img", O_RDONLY);
	assert_int_equal(flock(fd, LOCK_SH), 0);
	expect(FSCK_FAILED, "another command is using it", "-y", "d.img");
	close(fd);
	both_supers("d.img", FEATURES + 2, 2);
	expect(FSCK_FAILED, "unknown feature bit 17; use a newer fsck.vexfs", "-n", "d.img");
	assert_int_equal(system("truncate -s 2M d.img"), 0);
}

static void a_lost_filesystem_is_said_to_be_lost(void **state)
{
	make("e.img");
	damage("e.img", VEXFS_SUPER_BLOCK(0), 16, 0);
	assert_int_equal(system("printf x | dd of=e.img bs=1 seek=4300 conv=notrunc status=none; "
				"printf x | dd of=e.img bs=1 seek=37100 conv=notrunc status=none"),
			 0);
	expect(FSCK_LEFT, "nothing is left to repair from", "-y", "e.img");
	expect_out("super-none: ");
}

static void wrong_usage_is_status_16(void **state)
{
	expect(FSCK_USAGE, "exactly one DEVICE", "-n");
	expect(FSCK_USAGE, "exactly one DEVICE", "-n", "a.img", "b.img");
	expect(FSCK_USAGE, "only one of -n, -p and -y", "-n", "-y", "a.img");
	expect(FSCK_USAGE, "--super '2'", "-n", "--super", "2", "a.img");
	expect(FSCK_USAGE, "invalid option", "-Q", "a.img");
	expect(FSCK_OK, "", "--help");
	expect_out("Exit status:");
	expect(FSCK_OK, "", "-V");
	expect_out("format version 1");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sound_image_is_clean),
		cmocka_unit_test(problems_are_told_and_repaired),
		cmocka_unit_test(damaged_data_are_found_with_c_and_the_file_is_named),
		cmocka_unit_test(what_cannot_be_checked_is_status_8),
		cmocka_unit_test(a_lost_filesystem_is_said_to_be_lost),
		cmocka_unit_test(wrong_usage_is_status_16),
	};

	return cmocka_run_group_tests(tests, test_enter, test_leave);
}

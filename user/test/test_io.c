// SPDX-License-Identifier: GPL-2.0-only
/* The devices of userspace: what the memory device records and breaks, and files by descriptor. */
#include <fcntl.h>
#include <unistd.h>

#include <vex_io.h>

#include "test.h"

#define BLOCKS	16u

static u8 *filled(u32 count, u8 with)
{
	u8 *buf = vex_alloc((size_t)count * VEXFS_BLOCK_SIZE);

	memset(buf, with, (size_t)count * VEXFS_BLOCK_SIZE);
	return buf;
}

static void assert_block(const struct vex_io *io, u64 block, u8 with)
{
	u8 *buf = filled(1, ~with);

	assert_int_equal(io->ops->read(io->ctx, block, 1, buf), 0);
	assert_null(memchr_inv(buf, with, VEXFS_BLOCK_SIZE));
	vex_free(buf);
}

/* ---- memory device ------------------------------------------------------------- */

static void mem_starts_with_zeros_and_keeps_what_is_written(void **state)
{
	struct vex_io_mem *m = vex_io_mem_create(BLOCKS, 1);
	struct vex_io io = vex_io_mem_io(m);
	u8 *buf = filled(3, 0xab);

	(void)state;
	assert_int_equal(io.blocks, BLOCKS);
	assert_block(&io, 0, 0);
	assert_int_equal(io.ops->write(io.ctx, 4, 3, buf, 0), 0);
	assert_int_equal(io.ops->flush(io.ctx), 0);
	assert_block(&io, 3, 0);
	assert_block(&io, 4, 0xab);
	assert_block(&io, 6, 0xab);
	assert_block(&io, 7, 0);
	vex_free(buf);
	vex_io_mem_destroy(m);
}

static void mem_refuses_what_lies_outside(void **state)
{
	struct vex_io_mem *m = vex_io_mem_create(BLOCKS, 1);
	struct vex_io io = vex_io_mem_io(m);
	struct vex_io_mem_stats stats;
	u8 *buf = filled(2, 1);

	(void)state;
	assert_int_equal(io.ops->read(io.ctx, BLOCKS - 1, 2, buf), -EIO);
	assert_int_equal(io.ops->write(io.ctx, BLOCKS, 1, buf, 0), -EIO);
	assert_int_equal(io.ops->write(io.ctx, U64_MAX, 2, buf, 0), -EIO);
	assert_int_equal(io.ops->flush(io.ctx), -EIO);
	assert_int_equal(io.ops->flush(io.ctx), 0);
	vex_io_mem_stats(m, &stats);
	assert_int_equal(stats.outside, 3);
	assert_int_equal(stats.reads, 1);
	assert_int_equal(stats.writes, 2);
	assert_int_equal(stats.flushes, 2);
	vex_free(buf);
	vex_io_mem_destroy(m);
}

static void mem_fails_the_calls_that_it_is_told_to(void **state)
{
	struct vex_io_mem *m = vex_io_mem_create(BLOCKS, 1);
	struct vex_io io = vex_io_mem_io(m);
	u8 *buf = filled(1, 7);

	(void)state;
	vex_io_mem_fail(m, VEX_IO_WRITE, 2, 1);
	assert_int_equal(io.ops->read(io.ctx, 0, 1, buf), 0);
	memset(buf, 7, VEXFS_BLOCK_SIZE);
	assert_int_equal(io.ops->write(io.ctx, 0, 1, buf, 0), 0);
	assert_int_equal(io.ops->write(io.ctx, 1, 1, buf, 0), -EIO);
	assert_int_equal(io.ops->write(io.ctx, 1, 1, buf, 0), -EIO);
	assert_int_equal(io.ops->write(io.ctx, 2, 1, buf, 0), 0);
	assert_int_equal(io.ops->flush(io.ctx), -EIO);
	assert_block(&io, 0, 7);
	assert_block(&io, 1, 0);
	assert_block(&io, 2, 7);

	vex_io_mem_fail(m, VEX_IO_READ | VEX_IO_FLUSH, 1, U64_MAX);
	assert_int_equal(io.ops->flush(io.ctx), -EIO);
	assert_int_equal(io.ops->read(io.ctx, 0, 1, buf), -EIO);
	assert_int_equal(io.ops->flush(io.ctx), -EIO);
	vex_io_mem_fail(m, 0, 0, 0);
	assert_int_equal(io.ops->flush(io.ctx), 0);
	vex_free(buf);
	vex_io_mem_destroy(m);
}

/* Three epochs of writes; the state after each prefix is known. */
static void mem_replays_every_prefix(void **state)
{
	struct vex_io_mem *m = vex_io_mem_create(BLOCKS, 1), *at;
	struct vex_io io = vex_io_mem_io(m), copy;
	const struct vex_io_event *log;
	u8 *buf[4];
	size_t count;

	(void)state;
	for (u32 i = 0; i < 4; i++)
		buf[i] = filled(2, 10 + i);
	io.ops->write(io.ctx, 0, 2, buf[0], 0);
	io.ops->flush(io.ctx);
	assert_int_equal(vex_io_mem_record(m), 0);
	io.ops->write(io.ctx, 1, 2, buf[1], 0);
	vex_io_mem_mark(m, 77);
	io.ops->flush(io.ctx);
	io.ops->write(io.ctx, 2, 1, buf[2], VEX_IO_FUA);
	io.ops->write(io.ctx, 0, 1, buf[3], 0);
	io.ops->flush(io.ctx);

	log = vex_io_mem_log(m, &count);
	assert_int_equal(count, 6);
	assert_int_equal(log[1].kind, VEX_IO_MARK);
	assert_int_equal(log[1].mark, 77);
	assert_int_equal(log[2].kind, VEX_IO_FLUSH);
	assert_int_equal(log[3].flags, VEX_IO_FUA);

	at = vex_io_mem_base(m);
	copy = vex_io_mem_io(at);
	assert_block(&copy, 0, 10);
	assert_block(&copy, 1, 10);
	assert_block(&copy, 2, 0);
	assert_int_equal(vex_io_mem_apply(at, &log[0], VEX_IO_ALL_SECTORS), 0);
	assert_block(&copy, 1, 11);
	assert_block(&copy, 2, 11);
	for (u32 i = 1; i < count; i++)
		assert_int_equal(vex_io_mem_apply(at, &log[i], VEX_IO_ALL_SECTORS), 0);
	assert_block(&copy, 0, 13);
	assert_block(&copy, 1, 11);
	assert_block(&copy, 2, 12);
	vex_io_mem_destroy(at);
	for (u32 i = 0; i < 4; i++)
		vex_free(buf[i]);
	vex_io_mem_destroy(m);
}

static void mem_tears_a_write_by_sectors(void **state)
{
	struct vex_io_mem *m = vex_io_mem_create(BLOCKS, 1), *at;
	struct vex_io io = vex_io_mem_io(m);
	const struct vex_io_event *log;
	u8 *buf = filled(1, 0xcc), *torn;
	size_t count;

	(void)state;
	vex_io_mem_record(m);
	io.ops->write(io.ctx, 9, 1, buf, VEX_IO_FUA);
	log = vex_io_mem_log(m, &count);
	at = vex_io_mem_base(m);
	assert_int_equal(vex_io_mem_apply(at, &log[0], 0x05), 0);
	torn = vex_io_mem_block(at, 9);
	assert_null(memchr_inv(torn, 0xcc, 512));
	assert_null(memchr_inv(torn + 512, 0, 512));
	assert_null(memchr_inv(torn + 1024, 0xcc, 512));
	assert_null(memchr_inv(torn + 1536, 0, VEXFS_BLOCK_SIZE - 1536));
	vex_io_mem_destroy(at);
	vex_free(buf);
	vex_io_mem_destroy(m);
}

static void mem_clones_share_nothing_visible(void **state)
{
	struct vex_io_mem *m = vex_io_mem_create(BLOCKS, 5), *twin;
	struct vex_io io = vex_io_mem_io(m), other;
	u8 *buf = filled(1, 3);

	(void)state;
	io.ops->write(io.ctx, 1, 1, buf, VEX_IO_FUA);
	twin = vex_io_mem_clone(m);
	other = vex_io_mem_io(twin);
	vex_io_mem_block(twin, 1)[0] = 9;
	memset(buf, 4, VEXFS_BLOCK_SIZE);
	other.ops->write(other.ctx, 2, 1, buf, VEX_IO_FUA);
	assert_block(&io, 1, 3);
	assert_block(&io, 2, 0);
	assert_block(&other, 2, 4);
	assert_int_equal(vex_io_mem_resize(twin, 1), 0);
	assert_null(vex_io_mem_block(twin, 1));
	assert_int_equal(vex_io_mem_io(twin).blocks, 1);
	vex_io_mem_destroy(twin);
	assert_block(&io, 1, 3);
	vex_free(buf);
	vex_io_mem_destroy(m);
}

static void mem_clock_and_randomness_come_from_the_seed(void **state)
{
	struct vex_io_mem *a = vex_io_mem_create(1, 5), *b = vex_io_mem_create(1, 5);
	struct vex_io_mem *c = vex_io_mem_create(1, 6);
	struct vex_io x = vex_io_mem_io(a), y = vex_io_mem_io(b), z = vex_io_mem_io(c);
	u8 r[3][16];
	u64 t;

	(void)state;
	x.ops->random(x.ctx, r[0], 16);
	y.ops->random(y.ctx, r[1], 16);
	z.ops->random(z.ctx, r[2], 16);
	assert_memory_equal(r[0], r[1], 16);
	assert_memory_not_equal(r[0], r[2], 16);
	t = x.ops->now(x.ctx);
	assert_int_equal(y.ops->now(y.ctx), t);
	assert_int_equal(x.ops->now(x.ctx), t + 1000000);
	vex_io_mem_destroy(a);
	vex_io_mem_destroy(b);
	vex_io_mem_destroy(c);
}

/* ---- file by descriptor ----------------------------------------------------------- */

static char dir[] = "/tmp/vexfs-test-XXXXXX";
static char path[sizeof(dir) + 16];

static void make_file(off_t bytes)
{
	int fd;

	snprintf(path, sizeof(path), "%s/image", dir);
	unlink(path);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, bytes), 0);
	close(fd);
}

static void fd_keeps_what_is_written(void **state)
{
	u8 *buf = filled(2, 0x5a);
	struct vex_io io;

	(void)state;
	make_file(BLOCKS * VEXFS_BLOCK_SIZE + 100);
	assert_int_equal(vex_io_fd_open(&io, path, VEX_IO_FD_WRITE | VEX_IO_FD_EXCL), 0);
	assert_int_equal(io.blocks, BLOCKS);
	assert_int_equal(io.ops->write(io.ctx, 3, 2, buf, 0), 0);
	assert_int_equal(io.ops->write(io.ctx, BLOCKS - 1, 1, buf, VEX_IO_FUA), 0);
	assert_int_equal(io.ops->flush(io.ctx), 0);
	assert_int_equal(vex_io_fd_close(&io), 0);

	assert_int_equal(vex_io_fd_open(&io, path, 0), 0);
	assert_block(&io, 2, 0);
	assert_block(&io, 3, 0x5a);
	assert_block(&io, 4, 0x5a);
	assert_block(&io, BLOCKS - 1, 0x5a);
	assert_int_equal(vex_io_fd_close(&io), 0);
	vex_free(buf);
}

static void fd_errors_are_exact(void **state)
{
	u8 *buf = filled(2, 1);
	struct vex_io io;
	char fifo[sizeof(path)];

	(void)state;
	make_file(BLOCKS * VEXFS_BLOCK_SIZE);
	assert_int_equal(vex_io_fd_open(&io, path, 0), 0);
	assert_int_equal(io.ops->read(io.ctx, BLOCKS - 1, 2, buf), -EIO);
	assert_int_equal(io.ops->write(io.ctx, 0, 1, buf, 0), -EBADF);
	assert_int_equal(io.ops->flush(io.ctx), -EBADF);
	assert_int_equal(io.ops->flush(io.ctx), 0);
	/* Someone cut the file off. */
	assert_int_equal(truncate(path, VEXFS_BLOCK_SIZE + 10), 0);
	assert_int_equal(io.ops->read(io.ctx, 0, 1, buf), 0);
	assert_int_equal(io.ops->read(io.ctx, 1, 1, buf), -EIO);
	assert_int_equal(vex_io_fd_close(&io), 0);

	assert_int_equal(vex_io_fd_open(&io, "/nonexistent/image", 0), -ENOENT);
	assert_int_equal(vex_io_fd_open(&io, dir, 0), -ENOTBLK);
	assert_int_equal(vex_io_fd_open(&io, dir, VEX_IO_FD_WRITE), -EISDIR);
	assert_int_equal(vex_io_fd_open(&io, "/dev/null", VEX_IO_FD_WRITE), -ENOTBLK);
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(vex_io_fd_open(&io, fifo, 0), -ENOTBLK);
	unlink(fifo);
	vex_free(buf);
}

static void fd_discards_to_zeros(void **state)
{
	u8 *buf = filled(4, 0x77);
	struct vex_io io;

	(void)state;
	make_file(BLOCKS * VEXFS_BLOCK_SIZE);
	assert_int_equal(vex_io_fd_open(&io, path, VEX_IO_FD_WRITE), 0);
	assert_int_equal(io.ops->write(io.ctx, 0, 4, buf, 0), 0);
	assert_int_equal(io.ops->discard(io.ctx, 1, 2), 0);
	assert_int_equal(io.ops->discard(io.ctx, BLOCKS, 1), -EIO);
	assert_block(&io, 0, 0x77);
	assert_block(&io, 3, 0x77);
	assert_true(io.ops->now(io.ctx) > 1700000000ULL * 1000000000u);
	assert_int_equal(vex_io_fd_close(&io), 0);
	vex_free(buf);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest mem[] = {
		cmocka_unit_test(mem_starts_with_zeros_and_keeps_what_is_written),
		cmocka_unit_test(mem_refuses_what_lies_outside),
		cmocka_unit_test(mem_fails_the_calls_that_it_is_told_to),
		cmocka_unit_test(mem_replays_every_prefix),
		cmocka_unit_test(mem_tears_a_write_by_sectors),
		cmocka_unit_test(mem_clones_share_nothing_visible),
		cmocka_unit_test(mem_clock_and_randomness_come_from_the_seed),
	};
	const struct CMUnitTest fd[] = {
		cmocka_unit_test(fd_keeps_what_is_written),
		cmocka_unit_test(fd_errors_are_exact),
		cmocka_unit_test(fd_discards_to_zeros),
	};
	int failed = cmocka_run_group_tests_name("io_mem", mem, NULL, NULL);

	return failed + cmocka_run_group_tests_name("io_fd", fd, make_dir, remove_dir);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations on one file against a copy of it in memory.
 *
 *	vexfs_fsx [OPERATIONS [SEED [PATH]]]
 *
 * Without arguments: a few thousand on a filesystem of its own, from a fixed seed. With PATH on
 * whatever filesystem that is on. A mismatch prints the seed, and the last operations.
 */
#include "common.h"
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <linux/falloc.h>

#define MOST	(768u << 10)	/* bytes that the file may have */
#define LOGGED	40u

static unsigned long seed = 1;
static uint64_t state;
static unsigned char *copy;	/* what the file must hold; zeros past @size */
static unsigned char *io;	/* page-aligned */
static size_t size;
static char history[LOGGED][120];
static unsigned long steps;

static uint64_t rnd(void)
{
	return mix(state++);
}

static size_t below(size_t n)
{
	return n ? rnd() % n : 0;
}

__attribute__((format(printf, 1, 2)))
static void note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(history[steps % LOGGED], sizeof(history[0]), format, args);
	va_end(args);
}

static int fail(const char *what, long got)
{
	unsigned long i;

	printf("# %s (%ld) at operation %lu of seed %lu; the file has %zu bytes\n", what, got,
	       steps, seed, size);
	for (i = steps < LOGGED ? 0 : steps - LOGGED + 1; i <= steps; i++)
		printf("# %lu: %s\n", i, history[i % LOGGED]);
	return -1;
}

static int compare(const unsigned char *got, size_t at, size_t len)
{
	size_t i;

	if (!memcmp(got, copy + at, len))
		return 0;
	for (i = 0; got[i] == copy[at + i]; i++)
		;
	printf("# byte %zu is %02x instead of %02x\n", at + i, got[i], copy[at + i]);
	return fail("wrong content", len);
}

static void grow(size_t end)
{
	if (end > size)
		size = end;
}

/* ---- operations: 0, or -1 when something is wrong --------------------------------- */

static int op_write(int fd, size_t at, size_t len)
{
	long n;

	pattern(copy + at, len, steps + seed * 1000003, at);
	n = neg(pwrite(fd, copy + at, len, at));
	if (n != (long)len)
		return fail("write", n);
	grow(at + len);
	return 0;
}

static int op_read(int fd, size_t at, size_t len)
{
	size_t want = at < size ? size - at < len ? size - at : len : 0;
	long n = neg(pread(fd, io, len, at));

	if (n != (long)want)
		return fail("read", n);
	return compare(io, at, want);
}

/* Whole blocks of 512 bytes, the last one of the file as it is. */
static int op_direct(int fd, size_t at, size_t len, int write)
{
	size_t unit = below(4) ? 4096 : 512;
	int direct = fcntl(fd, F_SETFL, O_DIRECT), err = 0;
	long n;

	if (direct)
		return fail("O_DIRECT", -errno);
	at &= ~(unit - 1);
	len = (len + unit - 1) & ~(unit - 1);
	if (at + len > MOST)
		len = MOST - at;
	note("direct %s at %zu len %zu", write ? "write" : "read", at, len);
	if (write) {
		pattern(io, len, steps + seed * 1000003, at);
		n = neg(pwrite(fd, io, len, at));
		if (n == (long)len) {
			memcpy(copy + at, io, len);
			grow(at + len);
		} else {
			err = fail("direct write", n);
		}
	} else {
		err = op_read(fd, at, len);
	}
	fcntl(fd, F_SETFL, 0);
	return err;
}

/* Through a mapping of the pages around; a store past the end would be SIGBUS. */
static int op_map(int fd, size_t at, size_t len, int write)
{
	size_t skip = at % BLOCK;
	unsigned char *map;
	int err = 0;

	if (at >= size)
		return 0;
	if (at + len > size)
		len = size - at;
	map = mmap(NULL, skip + len, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED, fd,
		   at - skip);
	if (map == MAP_FAILED)
		return fail("mmap", -errno);
	if (write) {
		pattern(copy + at, len, steps + seed * 1000003, at);
		memcpy(map + skip, copy + at, len);
		if (!below(3) && msync(map, skip + len, MS_SYNC))
			err = fail("msync", -errno);
	} else {
		err = compare(map + skip, at, len);
	}
	munmap(map, skip + len);
	return err;
}

static int op_truncate(int fd, size_t to)
{
	if (ftruncate(fd, to))
		return fail("truncate", -errno);
	if (to < size)
		memset(copy + to, 0, size - to);
	size = to;
	return 0;
}

static int op_falloc(int fd, int mode, size_t at, size_t len)
{
	if (fallocate(fd, mode, at, len))
		return fail("fallocate", -errno);
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		memset(copy + at, 0, len);
	if (!(mode & FALLOC_FL_KEEP_SIZE))
		grow(at + len);
	return 0;
}

/* What is no data is zero, and holes and data alternate up to the end. */
static int op_seek(int fd, size_t at)
{
	off_t data = lseek(fd, at, SEEK_DATA), hole;
	size_t i;

	if (data < 0 && errno != ENXIO)
		return fail("SEEK_DATA", -errno);
	if (data < 0)
		data = size;
	if (data < (off_t)at && at < size)
		return fail("SEEK_DATA went back", data);
	for (i = at; i < (size_t)data; i++)
		if (copy[i])
			return fail("SEEK_DATA passed over data", i);
	if ((size_t)data >= size)
		return 0;
	hole = lseek(fd, data, SEEK_HOLE);
	return hole > data && (size_t)hole <= size ? 0 : fail("SEEK_HOLE", hole);
}

static int op_drop_caches(int fd)
{
	int err = fsync(fd);

	if (err)
		return fail("fsync", -errno);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	return 0;
}

static int op_check(int fd)
{
	struct stat st;

	if (fstat(fd, &st) || st.st_size != (off_t)size)
		return fail("size", st.st_size);
	return op_read(fd, 0, MOST);
}

static int operation(int fd)
{
	static const struct {
		int mode;
		const char *name;
	} modes[] = {
		{ 0, "allocate" }, { FALLOC_FL_KEEP_SIZE, "allocate, keep size" },
		{ FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, "punch" },
		{ FALLOC_FL_ZERO_RANGE, "zero" },
		{ FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, "zero, keep size" },
	};
	size_t len = 1 + below(below(4) ? 12000 : 200000), at = below(MOST - len), which;

	if (!below(3))
		at &= ~(BLOCK - 1);
	note("at %zu len %zu", at, len);
	switch (below(16)) {
	case 0: case 1:
		note("write at %zu len %zu", at, len);
		return op_write(fd, at, len);
	case 2:
		note("read at %zu len %zu", at, len);
		return op_read(fd, at, len);
	case 3: case 4:
		return op_direct(fd, at, len, 1);
	case 5:
		return op_direct(fd, at, len, 0);
	case 6: case 7:
		note("store through a mapping at %zu len %zu", at, len);
		return op_map(fd, at, len, 1);
	case 8:
		note("load through a mapping at %zu len %zu", at, len);
		return op_map(fd, at, len, 0);
	case 9:
		at = below(3) ? below(size + 1) : at;
		note("truncate to %zu", at);
		return op_truncate(fd, at);
	case 10: case 11: case 12:
		which = below(sizeof(modes) / sizeof(modes[0]));
		note("%s at %zu len %zu", modes[which].name, at, len);
		return op_falloc(fd, modes[which].mode, at, len);
	case 13:
		at = below(size + 1);
		note("seek from %zu", at);
		return op_seek(fd, at);
	case 14:
		note("fsync, drop caches");
		return op_drop_caches(fd);
	default:
		note("check");
		return op_check(fd);
	}
}

static int run_all(const char *path, unsigned long count)
{
	int fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0644), err = 0;

	if (fd < 0)
		return fail(path, -errno);
	size = 0;
	state = mix(seed);
	memset(copy, 0, MOST);
	for (steps = 0; steps < count && !err; steps++) {
		err = operation(fd);
		if (err)
			break;
		if (count >= 50000 && steps % (count / 20) == 0)
			fprintf(stderr, "%lu of %lu operations\n", steps, count);
	}
	close(fd);
	return err;
}

/* On a filesystem of our own: what is there after a remount, and is the image sound? */
static int run_own(unsigned long count)
{
	struct statvfs before, after;
	int fd, err;

	if (make_fs(64) || do_mount(0, NULL) || statvfs(MNT, &before))
		return fail("mount", -errno);
	err = run_all(MNT "/f", count);
	if (!err && remount())
		err = fail("remount", -errno);
	fd = open(MNT "/f", O_RDWR);
	if (!err)
		err = op_check(fd);
	close(fd);
	unlink(MNT "/f");
	sync();
	if (!err && (statvfs(MNT, &after) || after.f_bfree != before.f_bfree))
		err = fail("blocks that are free afterwards", after.f_bfree);
	do_umount();
	if (!err && check_fs())
		err = fail("the image is not sound", 0);
	return err;
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 0) : 4000;
	int err;

	seed = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
	copy = calloc(1, MOST);
	io = aligned_alloc(BLOCK, MOST);
	if (!copy || !io)
		return 1;
	printf("TAP version 13\n1..1\n");
	err = argc > 3 ? run_all(argv[3], count) : run_own(count);
	printf("%sok 1 %lu random operations of seed %lu match a copy in memory\n",
	       err ? "not " : "", count, seed);
	free(copy);
	free(io);
	return err ? 1 : 0;
}

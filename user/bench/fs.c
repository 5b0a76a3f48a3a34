// SPDX-License-Identifier: GPL-2.0-only
/*
 * One workload of tools/bench-fs, in a folder of whatever filesystem, and what it took.
 *
 * Two clocks: time, and cycles of the time stamp counter, which in a VM of
 * 'tools/vm/run --icount' are instructions. A disk's latency means nothing there, and
 * the counter goes on while the CPU waits for it. So the waiting is filled with a process
 * of idle priority (--spin), which counts in a shared page what it has spent itself, and is taken
 * off: what is left are the instructions of the caller, of interrupts and of the kernel's
 * threads together.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include <linux/vexfs.h>
#include <vex_core.h>

#define PIECE		((size_t)1 << 20)	/* bytes of one write, read or insert */
#define PAGE		((size_t)4096)
#define DIM		128u
#define APPEND		100u			/* bytes of one small append */
/* A round of the spinning loop that took longer was interrupted. */
#define SPIN_LONGEST	200u

/**
 * struct load - one workload
 * @dir: where
 * @count: pages, files, appends or rows
 * @buf: PIECE bytes that do not compress
 */
struct load {
	const char *dir;
	uint64_t count;
	unsigned char *buf;
};

static volatile uint64_t *spun;

static void die(const char *what)
{
	fprintf(stderr, "bench fs: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* SplitMix64 (Steele, Lea, Flood, 2014). */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* ---- the two clocks --------------------------------------------------------- */

static uint64_t cycles(void)
{
	uint64_t now;

	_mm_lfence();
	now = __rdtsc();
	_mm_lfence();
	return spun ? now - *spun : now;
}

static uint64_t nanoseconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void share(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	if (fd < 0 || ftruncate(fd, PAGE))
		die(path);
	spun = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (spun == MAP_FAILED)
		die(path);
	close(fd);
}

static void __attribute__((noreturn)) spin(const char *path)
{
	struct sched_param param = { };
	uint64_t last, now;

	share(path);
	if (sched_setscheduler(0, SCHED_IDLE, &param))
		die("SCHED_IDLE");
	for (last = __rdtsc();; last = now) {
		now = __rdtsc();
		if (now - last < SPIN_LONGEST)
			*spun += now - last;
	}
}

/* ---- the workloads ------------------------------------------------------------ */

static int open_in(const struct load *l, const char *name, int flags)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", l->dir, name);
	fd = open(path, flags, 0644);
	if (fd < 0)
		die(path);
	return fd;
}

static void sync_and_close(int fd)
{
	if (fsync(fd))
		die("fsync");
	close(fd);
}

static void write_all(int fd, const void *buf, size_t len)
{
	ssize_t n = write(fd, buf, len);

	if (n != (ssize_t)len) {
		errno = n < 0 ? errno : EIO;
		die("write");
	}
}

static void load_write(const struct load *l)
{
	int fd = open_in(l, "stream", O_WRONLY | O_CREAT | O_TRUNC);
	uint64_t left = l->count * PAGE;

	while (left) {
		size_t n = left < PIECE ? left : PIECE;

		write_all(fd, l->buf, n);
		left -= n;
	}
	sync_and_close(fd);
}

static void load_read(const struct load *l)
{
	int fd = open_in(l, "stream", O_RDONLY);
	uint64_t left = l->count * PAGE;

	while (left) {
		ssize_t n = read(fd, l->buf, PIECE);

		if (n <= 0)
			die("read");
		left -= n;
	}
	close(fd);
}

static void load_randread(const struct load *l)
{
	int fd = open_in(l, "stream", O_RDONLY);
	uint64_t state = 1, pages, i;
	struct stat st;

	if (fstat(fd, &st))
		die("fstat");
	pages = st.st_size / PAGE;
	for (i = 0; i < l->count; i++)
		if (pread(fd, l->buf, PAGE, next_random(&state) % pages * PAGE) != (ssize_t)PAGE)
			die("pread");
	close(fd);
}

/* The names come and go in an order of their own. */
static void name_of(const struct load *l, uint64_t i, char *path, size_t len)
{
	snprintf(path, len, "%s/many/file-%08" PRIx64, l->dir, (i * 2654435761u) & 0xffffffffu);
}

static void load_create(const struct load *l)
{
	char path[4096];
	uint64_t i;

	snprintf(path, sizeof(path), "%s/many", l->dir);
	if (mkdir(path, 0755) && errno != EEXIST)
		die(path);
	for (i = 0; i < l->count; i++) {
		int fd;

		name_of(l, i, path, sizeof(path));
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
		if (fd < 0)
			die(path);
		close(fd);
	}
	sync_and_close(open_in(l, "many", O_RDONLY));
}

static void load_lookup(const struct load *l)
{
	char path[4096];
	struct stat st;
	uint64_t i;

	for (i = 0; i < l->count; i++) {
		name_of(l, i, path, sizeof(path));
		if (stat(path, &st))
			die(path);
	}
}

static void load_unlink(const struct load *l)
{
	char path[4096];
	uint64_t i;

	for (i = 0; i < l->count; i++) {
		name_of(l, i, path, sizeof(path));
		if (unlink(path))
			die(path);
	}
	sync_and_close(open_in(l, "many", O_RDONLY));
}

static void load_append(const struct load *l)
{
	int fd = open_in(l, "log", O_WRONLY | O_CREAT | O_APPEND);
	uint64_t i;

	for (i = 0; i < l->count; i++) {
		write_all(fd, l->buf, APPEND);
		if (fsync(fd))
			die("fsync");
	}
	close(fd);
}

static void fill_rows(const struct load *l)
{
	float *row = (float *)l->buf;
	uint64_t state = 2;
	size_t i;

	for (i = 0; i < PIECE / sizeof(float); i++)
		row[i] = (float)(int32_t)(next_random(&state) >> 32) * 0x1p-31f;
}

/* Rows into a collection, or what is as long into a plain file where there are none. */
static void load_insert(const struct load *l)
{
	struct vexfs_create create = {
		.size = sizeof(create), .elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2,
		.dim = DIM, .index = VEXFS_INDEX_FLAT,
	};
	uint64_t left = l->count;
	char path[4096];
	bool plain;
	int fd;

	snprintf(path, sizeof(path), "%s/rows", l->dir);
	unlink(path);
	fd = open_in(l, "rows", O_RDWR | O_CREAT | O_EXCL);
	plain = ioctl(fd, VEXFS_IOC_CREATE, &create);

	if (plain && errno != ENOTTY)
		die("VEXFS_IOC_CREATE");
	while (left) {
		uint64_t rows = PIECE / (DIM * sizeof(float));
		struct vexfs_insert insert = {
			.size = sizeof(insert), .rows = (uintptr_t)l->buf, .dim = DIM,
		};

		rows = left < rows ? left : rows;
		insert.count = rows;
		insert.rows_len = rows * DIM * sizeof(float);
		if (plain)
			write_all(fd, l->buf, insert.rows_len);
		else if (ioctl(fd, VEXFS_IOC_INSERT, &insert))
			die("VEXFS_IOC_INSERT");
		left -= rows;
	}
	sync_and_close(fd);
}

/* No file at all: what the checksum of a page costs on this CPU. */
static void load_checksum(const struct load *l)
{
	volatile uint32_t sum;
	uint64_t i;

	for (i = 0; i < l->count; i++)
		sum = vex_block_csum(l->buf + i % (PIECE / PAGE) * PAGE);
	(void)sum;
}

static const struct workload {
	const char *name;
	void (*run)(const struct load *l);
} workloads[] = {
	{ "write", load_write },
	{ "read", load_read },
	{ "randread", load_randread },
	{ "create", load_create },
	{ "lookup", load_lookup },
	{ "unlink", load_unlink },
	{ "append", load_append },
	{ "insert", load_insert },
	{ "checksum", load_checksum },
};

static const struct workload *workload_named(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
		if (!strcmp(workloads[i].name, name))
			return &workloads[i];
	return NULL;
}

static const char usage[] =
	"Usage: fs WORKLOAD FOLDER COUNT [SPUN]\n"
	"       fs --spin SPUN\n"
	"\n"
	"Runs one workload in FOLDER and prints its name, COUNT, the cycles of the time stamp\n"
	"counter and the nanoseconds that it took, without what the process of --spin SPUN\n"
	"has counted in the file SPUN meanwhile. For tools/bench-fs.\n"
	"\n"
	"  write     COUNT pages in pieces of 1 MiB, fsync      read  the same file, whole\n"
	"  randread  COUNT reads of 4 KiB at random places of it\n"
	"  create    COUNT empty files, fsync of their folder   lookup, unlink  the same files\n"
	"  append    COUNT times 100 bytes and fsync\n"
	"  insert    COUNT rows of 128 f32 in batches of 1 MiB, fsync: into a collection, or\n"
	"            into a plain file where there are none\n"
	"  checksum  COUNT pages, in memory\n";

int main(int argc, char **argv)
{
	const struct workload *w;
	uint64_t c, ns;
	struct load l;

	if (argc == 2 && !strcmp(argv[1], "--help"))
		return fputs(usage, stdout) < 0;
	if (argc == 3 && !strcmp(argv[1], "--spin"))
		spin(argv[2]);
	w = argc == 4 || argc == 5 ? workload_named(argv[1]) : NULL;
	if (!w) {
		fputs(usage, stderr);
		return 2;
	}
	if (argc == 5)
		share(argv[4]);
	l.dir = argv[2];
	l.count = strtoull(argv[3], NULL, 10);
	l.buf = aligned_alloc(PAGE, PIECE);
	if (!l.buf)
		die("memory");
	fill_rows(&l);
	vex_core_init();

	ns = nanoseconds();
	c = cycles();
	w->run(&l);
	c = cycles() - c;
	ns = nanoseconds() - ns;
	printf("%s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", w->name, l.count, c, ns);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VexFS has acknowledged, for selftests/vexfs_flaky.sh.
 *
 *   acked write DIR LOG SEED
 *	Makes files, appends to one, and inserts into a collection, each with an fsync, however
 *	often that fails, until SIGTERM. What fsync(2) has acknowledged goes to LOG, which is of
 *	another filesystem. Prints a line for each call at once: "acked", or its errno.
 *   acked check DIR LOG
 *	Compares what LOG says with what DIR holds. Prints how much is right, and on standard
 *	error what is not.
 *
 * A call that failed is made again over the same bytes, as its caller has to.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vexfs.h>

#define BLOCK		4096u
#define MOST		(12 * BLOCK)	/* bytes of a file or an append */
#define DIM		16u
#define BATCH		8u		/* rows of an insert */

/**
 * struct work - one writer
 * @dir: where; the others relative to it
 * @log: file descriptor of the log
 * @seed: tells its contents from those of other writers
 * @files: made so far
 * @appended: bytes of the growing file that are acknowledged
 * @tried: bytes behind them that a failed call may have left anywhere
 * @made: there is a collection
 * @inserted: rows; the last of them may not be acknowledged
 */
struct work {
	const char *dir;
	int log;
	uint64_t seed;
	uint64_t files;
	uint64_t appended;
	uint64_t tried;
	bool made;
	uint64_t inserted;
};

static unsigned char buf[MOST], found[MOST];

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* The bytes of a file from @pos, a multiple of 8, on. */
static void fill(unsigned char *to, uint64_t seed, uint64_t pos, size_t len)
{
	for (size_t i = 0; i < len; i += 8) {
		uint64_t word = mix((seed << 32) + pos + i);

		memcpy(to + i, &word, len - i < 8 ? len - i : 8);
	}
}

static void fill_rows(float *to, uint64_t seed, uint64_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count * DIM; i++)
		to[i] = (int32_t)mix((seed << 32) + first * DIM + i) / 2147483648.0f;
}

static int open_at(const char *dir, const char *name, int flags)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return open(path, flags | O_CLOEXEC, 0644);
}

/* ---- writing --------------------------------------------------------------- */

static volatile sig_atomic_t ended;

static void end(int sig)
{
	(void)sig;
	ended = 1;
}

static bool outcome(bool good)
{
	puts(good ? "acked" : strerrorname_np(errno) ?: "other");
	/* Where all fails, no more than that is learned by failing faster. */
	if (!good)
		usleep(20000);
	return good;
}

static void say(struct work *w, const char *kind, const char *name, uint64_t seed, uint64_t size)
{
	dprintf(w->log, "%s %s %" PRIu64 " %" PRIu64 "\n", kind, name, seed, size);
}

static bool write_at(int fd, uint64_t seed, uint64_t pos, size_t len)
{
	ssize_t n;

	fill(buf, seed, pos, len);
	n = pwrite(fd, buf, len, pos);
	if (n >= 0 && (size_t)n < len)
		errno = EIO;
	return n == (ssize_t)len && !fsync(fd);
}

static void make_file(struct work *w)
{
	uint64_t seed = w->seed * 1000000 + w->files++;
	size_t len = mix(seed) % MOST;
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "file.%" PRIu64, seed);
	fd = open_at(w->dir, name, O_CREAT | O_EXCL | O_WRONLY);
	if (outcome(fd >= 0 && write_at(fd, seed, 0, len)))
		say(w, "file", name, seed, len);
	if (fd >= 0)
		close(fd);
}

/* By whole blocks: what is acknowledged is not written again. */
static void append(struct work *w)
{
	size_t len = (1 + mix(w->appended + w->seed) % (MOST / BLOCK)) * BLOCK;
	char name[64];
	int fd;

	if (len < w->tried)
		len = w->tried;
	w->tried = len;
	snprintf(name, sizeof(name), "grows.%" PRIu64, w->seed);
	fd = open_at(w->dir, name, O_CREAT | O_WRONLY);
	if (outcome(fd >= 0 && write_at(fd, w->seed, w->appended, len))) {
		w->appended += len;
		w->tried = 0;
		say(w, "file", name, w->seed, w->appended);
	}
	if (fd >= 0)
		close(fd);
}

static bool insert_rows(struct work *w, int fd)
{
	float rows[BATCH * DIM];
	struct vexfs_create c = {
		.size = sizeof(c), .elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2,
		.dim = DIM, .index = VEXFS_INDEX_FLAT,
	};
	struct vexfs_insert a = {
		.size = sizeof(a), .rows = (uintptr_t)rows, .rows_len = sizeof(rows),
		.count = BATCH, .dim = DIM,
	};

	if (!w->made && ioctl(fd, VEXFS_IOC_CREATE, &c))
		return false;
	w->made = true;
	fill_rows(rows, w->seed, w->inserted, BATCH);
	if (ioctl(fd, VEXFS_IOC_INSERT, &a))
		return false;
	w->inserted += BATCH;
	return !fsync(fd);
}

static void insert(struct work *w)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "rows.%" PRIu64, w->seed);
	fd = open_at(w->dir, name, O_CREAT | O_RDWR);
	if (outcome(fd >= 0 && insert_rows(w, fd)))
		say(w, "rows", name, w->seed, w->inserted);
	if (fd >= 0)
		close(fd);
}

static int do_write(const char *dir, const char *log, uint64_t seed)
{
	static const struct sigaction term = { .sa_handler = end, .sa_flags = SA_RESTART };
	static void (*const turns[])(struct work *w) = { make_file, append, insert };
	struct work w = { .dir = dir, .seed = seed };

	w.log = open(log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
	if (w.log < 0) {
		perror(log);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGTERM, &term, NULL);
	for (uint64_t i = 0; !ended; i++)
		turns[i % 3](&w);
	return 0;
}

/* ---- checking -------------------------------------------------------------- */

static const char *check_file(int fd, uint64_t seed, uint64_t size)
{
	for (uint64_t pos = 0; pos < size;) {
		size_t want = size - pos < MOST ? size - pos : MOST;
		ssize_t n = pread(fd, found, want, pos);

		if (n < 0)
			return strerror(errno);
		if ((size_t)n < want)
			return "too short";
		fill(buf, seed, pos, want);
		if (memcmp(buf, found, want))
			return "other bytes";
		pos += want;
	}
	return NULL;
}

/* Rows that were not acknowledged may be there, and then they are right. */
static const char *check_rows(int fd, uint64_t seed, uint64_t acked)
{
	struct vexfs_stat st = { .size = sizeof(st) };
	float want[DIM], got[DIM];

	if (ioctl(fd, VEXFS_IOC_STAT, &st))
		return strerror(errno);
	if (st.live < acked || st.live != st.rows)
		return "too few rows";
	for (uint64_t id = 0; id < st.rows; id++) {
		struct vexfs_get a = {
			.size = sizeof(a), .ids = (uintptr_t)&id, .rows = (uintptr_t)got,
			.rows_len = sizeof(got), .count = 1, .dim = DIM,
		};

		if (ioctl(fd, VEXFS_IOC_GET, &a))
			return strerror(errno);
		fill_rows(want, seed, id, 1);
		if (memcmp(want, got, sizeof(want)))
			return "other rows";
	}
	return NULL;
}

/**
 * struct line - one of the log
 * @kind: "file" or "rows"
 * @name: in DIR
 * @seed: of the contents
 * @size: bytes or rows
 */
struct line {
	char kind[8];
	char name[64];
	uint64_t seed;
	uint64_t size;
};

static const char *check_line(const char *dir, const struct line *l)
{
	int fd = open_at(dir, l->name, O_RDONLY);
	const char *what;

	if (fd < 0)
		return strerror(errno);
	what = *l->kind == 'f' ? check_file(fd, l->seed, l->size) :
				 check_rows(fd, l->seed, l->size);
	close(fd);
	return what;
}

/* Of what grows, the last line of the log holds. */
static bool is_last(const struct line *lines, size_t count, size_t i)
{
	for (size_t k = i + 1; k < count; k++)
		if (!strcmp(lines[k].name, lines[i].name))
			return false;
	return true;
}

static int do_check(const char *dir, const char *log)
{
	static struct line lines[65536];
	uint64_t right = 0, wrong = 0;
	FILE *f = fopen(log, "r");
	size_t count = 0;

	if (!f) {
		perror(log);
		return 1;
	}
	while (count < 65536 &&
	       fscanf(f, "%7s %63s %" SCNu64 " %" SCNu64, lines[count].kind, lines[count].name,
		      &lines[count].seed, &lines[count].size) == 4)
		count++;
	fclose(f);
	for (size_t i = 0; i < count; i++) {
		const char *what;

		if (!is_last(lines, count, i))
			continue;
		what = check_line(dir, &lines[i]);
		right += !what;
		wrong += !!what;
		if (what)
			fprintf(stderr, "%s, of which %" PRIu64 " %s are acknowledged: %s\n",
				lines[i].name, lines[i].size,
				*lines[i].kind == 'f' ? "bytes" : "rows", what);
	}
	printf("%" PRIu64 " right, %" PRIu64 " wrong\n", right, wrong);
	return wrong || !right;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "write"))
		return do_write(argv[2], argv[3], strtoull(argv[4], NULL, 0));
	if (argc == 4 && !strcmp(argv[1], "check"))
		return do_check(argv[2], argv[3]);
	fputs("Usage: acked write DIR LOG SEED\n       acked check DIR LOG\n", stderr);
	return 2;
}

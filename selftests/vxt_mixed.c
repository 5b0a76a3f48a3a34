// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the time of a mixed load goes, against what the kernel says of its threads: several of them
 * write, read and sync files at the same time, others search and insert, and get in each other's
 * way.
 */
#include <pthread.h>
#include <time.h>
#include "common.h"
#include "vxt.h"
#include "vxt_ops.h"
#include <trace/vexfs_op.h>

#define WRITERS		3
#define ROUNDS		12
#define CHUNK		(1UL << 20)
#define CHUNKS		6
#define DIM		64u
#define ROWS		3000u
#define FILES		600u
#define NAMES		200
#define ERROR		0.02

/* One thread's time, in microseconds. */
struct worker {
	pthread_t thread;
	unsigned int number;
	int err;
	double wall;		/* all of it */
	double calls;		/* within system calls that are operations */
	double cpu;
	double delay;		/* runnable */
};

static double us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

/* Time that the calling thread was runnable and did not run. */
static double delay_us(void)
{
	char path[64];
	double ns = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", gettid());
	f = fopen(path, "r");
	if (!f || fscanf(f, "%*u %lf", &ns) != 1)
		ns = -1;
	if (f)
		fclose(f);
	return ns / 1e3;
}

static void worker_begin(struct worker *w)
{
	w->delay = -delay_us();
	w->cpu = -us(CLOCK_THREAD_CPUTIME_ID);
	w->wall = -us(CLOCK_MONOTONIC);
}

static void worker_end(struct worker *w)
{
	w->wall += us(CLOCK_MONOTONIC);
	w->cpu += us(CLOCK_THREAD_CPUTIME_ID);
	w->delay += delay_us();
}

#define timed(w, call) ({						\
	double __begin = us(CLOCK_MONOTONIC);				\
	long __got = neg(call);						\
									\
	(w)->calls += us(CLOCK_MONOTONIC) - __begin;			\
	__got; })

static void *write_files(void *data)
{
	struct worker *w = data;
	char *room = malloc(CHUNK), path[64];
	unsigned int i, j;
	int fd;

	snprintf(path, sizeof(path), MNT "/file%u", w->number);
	fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0644);
	memset(room, w->number, CHUNK);
	if (fd < 0)
		w->err = -errno;
	worker_begin(w);
	for (i = 0; i < ROUNDS && !w->err; i++) {
		for (j = 0; j < CHUNKS && !w->err; j++)
			w->err = timed(w, pwrite(fd, room, CHUNK, j * CHUNK)) != CHUNK;
		if (!w->err)
			w->err = timed(w, fsync(fd));
		for (j = 0; j < CHUNKS && !w->err; j++)
			w->err = timed(w, pread(fd, room, CHUNK, j * CHUNK)) != CHUNK;
	}
	worker_end(w);
	close(fd);
	free(room);
	return NULL;
}

/* Searches and inserts in one collection; of another class than what the others do. */
static void *search_rows(void *data)
{
	static float rows[ROWS * DIM];
	struct worker *w = data;
	float query[DIM], distances[10];
	uint64_t ids[10];
	unsigned int i;
	int fd = coll_open(MNT "/rows", DIM, VEXFS_METRIC_L2);

	w->err = fd < 0 ? fd : 0;
	fill_floats(rows, ROWS * DIM, 1);
	worker_begin(w);
	for (i = 0; i < 4 * ROUNDS && !w->err; i++) {
		struct vexfs_search a = search_args(query, 1, DIM, 10, ids, distances);

		if (i < 4)
			w->err = timed(w, coll_insert(fd, rows, ROWS, DIM)) < 0;
		fill_floats(query, DIM, 100 + i);
		if (!w->err)
			w->err = timed(w, ioctl(fd, VEXFS_IOC_SEARCH, &a));
	}
	worker_end(w);
	close(fd);
	return NULL;
}

/* What several classes have together. */
static void add(struct vxt_ops *sum, const struct vxt_ops *o)
{
	sum->calls += o->calls;
	sum->errors += o->errors;
	sum->bytes += o->bytes;
	sum->total += o->total;
	sum->cpu += o->cpu;
	sum->lock += o->lock;
	sum->io += o->io;
	sum->sleep += o->sleep;
	sum->runnable += o->runnable;
	sum->lost += o->lost;
}

FIXTURE(mixed) {
	struct worker worker[WRITERS + 1];
	struct vxt_ops files, rows, one;
};

FIXTURE_SETUP(mixed)
{
	unsigned int i;

	ASSERT_EQ(0, make_fs(0));
	ASSERT_EQ(0, do_mount(0, "cache=8M"));
	ASSERT_EQ(0, vxt_reset());
	for (i = 0; i <= WRITERS; i++) {
		self->worker[i].number = i;
		ASSERT_EQ(0, pthread_create(&self->worker[i].thread, NULL,
					    i < WRITERS ? write_files : search_rows,
					    &self->worker[i]));
	}
	for (i = 0; i <= WRITERS; i++) {
		ASSERT_EQ(0, pthread_join(self->worker[i].thread, NULL));
		ASSERT_EQ(0, self->worker[i].err);
	}
}

FIXTURE_TEARDOWN(mixed)
{
	vxt_reset();
	EXPECT_EQ(0, do_umount());
	EXPECT_EQ(0, check_fs());
}

/*
 * The time of operations, and what the threads did outside of them, is the time that passed. What
 * they did outside is known from the kernel's own account: time on a CPU and time runnable, less
 * that of the operations. A wait for a lock has both in it, and so is on the safe side of none:
 * it is asked for separately that it adds no more than there is.
 */
static void check(struct __test_metadata *_metadata, const struct vxt_ops *o,
		  const struct worker *w, unsigned int nr, const char *what)
{
	double wall = 0, calls = 0, cpu = 0, delay = 0, off;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		wall += w[i].wall;
		calls += w[i].calls;
		cpu += w[i].cpu;
		delay += w[i].delay;
	}
	/* Asleep by the kernel's account; all of that within operations. */
	off = wall - cpu - delay;
	TH_LOG("%s: wall %.0f us, in calls %.0f, on a CPU %.0f, runnable %.0f, asleep %.0f",
	       what, wall, calls, cpu, delay, off);
	TH_LOG("%s: operations %.0f us = cpu %.0f + lock %.0f + io %.0f + sleep %.0f + runnable %.0f",
	       what, o->total, o->cpu, o->lock, o->io, o->sleep, o->runnable);
	EXPECT_EQ(0, o->lost);
	EXPECT_EQ(0, o->errors);
	EXPECT_GE(calls, o->total);
	EXPECT_GE(cpu * (1 + ERROR), o->cpu);
	EXPECT_GE((delay + ERROR * wall), o->runnable);
	/* What an operation sleeps, and no more than that and its waits for locks. */
	EXPECT_GE(off + ERROR * wall, o->io + o->sleep);
	EXPECT_LE(off - ERROR * wall, o->io + o->sleep + o->lock);
	/* The whole: operations, and what is left of each of the kernel's figures. */
	EXPECT_LE(wall * (1 - ERROR), o->total + (cpu - o->cpu) + (delay - o->runnable));
	if (!o->lock)
		EXPECT_GE(wall * (1 + ERROR),
			  o->total + (cpu - o->cpu) + (delay - o->runnable));
}

/* What the table has of lookups: calls, then of nodes and of segments hits, misses, share. */
static int lookup_cache(double f[7])
{
	char *text = vxt_read(VXT_DIR "cache");
	const char *line = text ? vxt_line(text, "lookup") : NULL;
	int err = text && vxt_line(text, "class") ? 0 : -1;

	memset(f, 0, 7 * sizeof(*f));
	if (line && vxt_figures(line, f, 7) != 7)
		err = -1;
	free(text);
	return err;
}

FIXTURE(cold) {
};

FIXTURE_SETUP(cold)
{
	char path[64];
	unsigned int i;

	ASSERT_EQ(0, make_fs(64));
	ASSERT_EQ(0, do_mount(0, "cache=64M"));
	/* More than the node that mounting reads. */
	for (i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), MNT "/file%u", i);
		ASSERT_EQ(0, make_file(path, 0, 0));
	}
	ASSERT_EQ(0, do_umount());
}

FIXTURE_TEARDOWN(cold)
{
	vxt_reset();
	EXPECT_EQ(0, do_umount());
}

TEST_F(cold, misses_of_the_cache_are_those_of_the_operation)
{
	unsigned int i, n;
	struct stat st;
	char path[64];
	double f[7];

	ASSERT_EQ(0, do_mount(0, "cache=64M"));
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, stat(MNT "/file0", &st));
	ASSERT_EQ(0, stat(MNT "/file599", &st));
	ASSERT_EQ(0, lookup_cache(f));
	EXPECT_EQ(2, f[0]);
	EXPECT_LT(1, f[2]);
	/* A tree of two levels or more: the second one finds the root that the first one read. */
	EXPECT_LT(0, f[1]);
	EXPECT_GT(0.11, fabs(100 * f[1] / (f[1] + f[2]) - f[3]));
	EXPECT_EQ(0, f[4] + f[5]);
	/* What has been read once is found. */
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vxt_reset());
		for (n = 0; n < NAMES; n++) {
			snprintf(path, sizeof(path), MNT "/absent%u.%u", i, n);
			ASSERT_EQ(-1, stat(path, &st));
		}
		ASSERT_EQ(0, lookup_cache(f));
	}
	EXPECT_EQ(NAMES, f[0]);
	EXPECT_LT(20 * f[2], f[1]);
	EXPECT_LE(95, f[3]);
}

TEST_F_TIMEOUT(mixed, parts_add_up_to_the_time_measured_from_outside, 250)
{
	static const char *const files[] = { "write", "read", "fsync" };
	static const char *const rows[] = { "insert", "search" };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vxt_ops(files[i], &self->one));
		EXPECT_TRUE(vxt_ops_add_up(&self->one));
		add(&self->files, &self->one);
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vxt_ops(rows[i], &self->one));
		EXPECT_TRUE(vxt_ops_add_up(&self->one));
		add(&self->rows, &self->one);
	}
	EXPECT_EQ(WRITERS * ROUNDS * (2 * CHUNKS + 1), self->files.calls);
	EXPECT_EQ(2 * WRITERS * ROUNDS * CHUNKS * CHUNK, self->files.bytes);
	EXPECT_EQ(4 * ROUNDS + 4, self->rows.calls);
	check(_metadata, &self->files, self->worker, WRITERS, "files");
	check(_metadata, &self->rows, &self->worker[WRITERS], 1, "rows");
}

TEST_HARNESS_MAIN

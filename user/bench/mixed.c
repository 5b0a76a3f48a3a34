// SPDX-License-Identifier: GPL-2.0-only
/*
 * Searches beside insertions into the same collection, in memory, by libvexfs: what a search costs
 * alone, with another thread that searches, and with one that inserts; and how many of the true
 * neighbours among the rows that were there before it finds. Prints CPU time, which hardly depends
 * on what else the machine does, wall time, which does, and how often a searching thread slept, which
 * in memory it does for locks only.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <vexfs.h>

#include "ann/vecs.h"

#define K		10u
#define EF		60u
#define QUERIES		1000u
#define BATCH		64u	/* rows of one insertion */

/**
 * struct run - what the threads of a run share
 * @c: the collection
 * @queries: QUERIES of them
 * @truth: K true neighbours of each, among the rows that were there at first
 * @rounds: how often a thread asks all of them
 * @more: rows to insert
 * @first: rows that were there at first
 * @over: the searches are done
 * @inserted: rows that were inserted meanwhile
 */
struct run {
	struct vexfs_coll *c;
	struct vecs queries;
	uint64_t *truth;
	uint32_t rounds;
	struct vecs more;
	uint64_t first;
	atomic_bool over;
	uint64_t inserted;
};

/**
 * struct searcher - a searching thread, and what it measured
 * @cpu: seconds of CPU time
 * @wall: seconds
 * @slept: voluntary changes of context
 * @found: true neighbours found
 */
struct searcher {
	struct run *run;
	pthread_t thread;
	double cpu;
	double wall;
	uint64_t slept;
	uint64_t found;
};

static void die(const char *what, int err)
{
	fprintf(stderr, "mixed: %s: %s\n", what, vexfs_coll_error(err));
	exit(1);
}

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static uint64_t sleeps(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return u.ru_nvcsw;
}

/*
 * Rows that came meanwhile may be nearer, and take the places of true neighbours: a true one counts
 * as found, too, where it is farther than all that were found.
 */
static uint64_t found(const uint64_t *truth, const uint64_t *ids, uint64_t first)
{
	uint64_t n = 0, newer = 0;

	for (uint32_t i = 0; i < K; i++)
		newer += ids[i] >= first && ids[i] != VEXFS_COLL_NO_ID;
	/* The nearest K - newer of the true ones have places. */
	for (uint32_t i = 0; i < K - newer; i++)
		for (uint32_t j = 0; j < K; j++)
			n += truth[i] == ids[j];
	return n + newer;
}

static void *search(void *arg)
{
	struct searcher *s = arg;
	struct run *r = s->run;
	double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
	uint64_t slept = sleeps();

	for (uint32_t i = 0; i < r->rounds * QUERIES; i++) {
		struct vexfs_coll_query q = { .size = sizeof(q), .ef = EF };
		uint32_t at = i % QUERIES;
		float distances[K];
		uint64_t ids[K];
		int err = vexfs_coll_search(r->c, r->queries.data + (size_t)at * r->queries.dim, 1,
					    K, &q, ids, distances);

		if (err)
			die("search", err);
		s->found += found(r->truth + at * K, ids, r->first);
	}
	s->wall = seconds(CLOCK_MONOTONIC) - wall;
	s->cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
	s->slept = sleeps() - slept;
	return NULL;
}

static void *insert(void *arg)
{
	struct run *r = arg;
	uint64_t n;
	int err;

	for (; r->inserted < r->more.rows && !r->over; r->inserted += n) {
		n = r->more.rows - r->inserted < BATCH ? r->more.rows - r->inserted : BATCH;
		err = vexfs_coll_add(r->c, r->more.data + r->inserted * r->more.dim, n, NULL);
		if (err)
			die("insert", err);
	}
	return NULL;
}

static void measure(struct run *r, const char *name, uint32_t searchers, bool inserts)
{
	double queries = (double)r->rounds * QUERIES;
	struct searcher s[2] = { { .run = r }, { .run = r } };
	pthread_t inserter;

	r->over = false;
	r->inserted = 0;
	if (inserts && pthread_create(&inserter, NULL, insert, r))
		die("thread", -EAGAIN);
	for (uint32_t i = 0; i < searchers; i++)
		if (pthread_create(&s[i].thread, NULL, search, &s[i]))
			die("thread", -EAGAIN);
	for (uint32_t i = 0; i < searchers; i++)
		pthread_join(s[i].thread, NULL);
	r->over = true;
	if (inserts)
		pthread_join(inserter, NULL);
	for (uint32_t i = 0; i < searchers; i++)
		printf("%-28s %10.1f %10.1f %12.4f %10.4f %10" PRIu64 "\n", i ? "" : name,
		       s[i].cpu / queries * 1e6, s[i].wall / queries * 1e6, s[i].slept / queries,
		       s[i].found / queries / K, i ? 0 : r->inserted);
}

/* A collection of the first rows, and the true neighbours among them. */
static void prepare(struct run *r, const struct vecs *rows, uint32_t index)
{
	struct vexfs_coll_options o = {
		.size = sizeof(o), .dim = rows->dim, .index = index,
	};
	float *distances = malloc(QUERIES * K * sizeof(*distances));
	int err = vexfs_coll_memory(&o, &r->c);

	if (!err)
		err = vexfs_coll_add(r->c, rows->data, rows->rows, NULL);
	if (!err && index == VEXFS_COLL_FLAT)
		err = vexfs_coll_search(r->c, r->queries.data, QUERIES, K, NULL, r->truth,
					distances);
	if (err)
		die("prepare", err);
	free(distances);
}

int main(int argc, char **argv)
{
	uint64_t rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000;
	uint32_t dim = argc > 2 ? strtoul(argv[2], NULL, 10) : 128;
	struct run r = { .rounds = argc > 3 ? strtoul(argv[3], NULL, 10) : 10 };
	struct vecs all, first;

	if (!rows || !dim || dim > 65535 || !r.rounds || argc > 4) {
		fputs("Usage: mixed [ROWS [DIM [ROUNDS]]]\n", stderr);
		return 2;
	}
	r.truth = malloc(QUERIES * K * sizeof(*r.truth));
	if (!r.truth || vecs_generate(2 * rows, dim, 1, VECS_BASE, &all) ||
	    vecs_generate(QUERIES, dim, 1, VECS_QUERIES, &r.queries))
		die("rows", -ENOMEM);
	first = (struct vecs){ .rows = rows, .dim = dim, .data = all.data };
	r.more = (struct vecs){ .rows = rows, .dim = dim, .data = all.data + rows * dim };
	r.first = rows;
	prepare(&r, &first, VEXFS_COLL_FLAT);
	vexfs_coll_close(r.c);
	prepare(&r, &first, VEXFS_COLL_HNSW);
	printf("%" PRIu64 " rows x %" PRIu32 ", HNSW, k %u, ef %u, %u searches a thread\n\n", rows, dim,
	       K, EF, r.rounds * QUERIES);
	printf("%-28s %10s %10s %12s %10s %10s\n", "one line a searching thread", "CPU us", "wall us",
	       "sleeps", "recall@10", "inserted");
	measure(&r, "alone", 1, false);
	measure(&r, "two", 2, false);
	measure(&r, "one beside insertions", 1, true);
	vexfs_coll_close(r.c);
	vecs_free(&r.queries);
	vecs_free(&all);
	free(r.truth);
	return 0;
}

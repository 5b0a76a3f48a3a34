// SPDX-License-Identifier: GPL-2.0-only
/*
 * Building and searching. The machine may do other things, too: all contenders take turns at each
 * point and in each round, and what counts is the median of the rounds.
 */
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ann.h"

/* Rows between two looks at Ctrl-C. */
#define ADD_STEP	4096u
/* An exact search takes long and always as long: so many queries of it will do. */
#define EXACT_QUERIES	50u

/* ---- building -------------------------------------------------------------------- */

static double resident(void)
{
	unsigned long total, pages = 0;
	FILE *f;

	malloc_trim(0);
	f = fopen("/proc/self/statm", "r");
	if (f && fscanf(f, "%lu %lu", &total, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return (double)pages * sysconf(_SC_PAGESIZE);
}

static void __attribute__((noreturn)) failed(const struct contender *c, const char *what)
{
	ann_die("%s: %s failed: %s", c->kind->name, what, c->kind->error());
}

/* @count rows: those of @rows over and over. */
void contender_build(const struct options *o, struct contender *c, const struct vecs *rows,
		     uint64_t count)
{
	double before = resident(), cpu = 0, start;
	uint64_t i, at, n;

	c->index = c->kind->open(c->kind, rows->dim, count);
	if (!c->index)
		failed(c, "open");
	for (i = 0; i < count; i += n) {
		ann_breathe();
		ann_progress(o, "%s: building, row %" PRIu64 " of %" PRIu64, c->kind->name, i,
			     count);
		at = i % rows->rows;
		n = rows->rows - at < ADD_STEP ? rows->rows - at : ADD_STEP;
		n = count - i < n ? count - i : n;
		start = ann_cpu_seconds();
		if (c->kind->add(c->index, rows->data + at * rows->dim, n))
			failed(c, "add");
		cpu += ann_cpu_seconds() - start;
	}
	c->build_rate = count / cpu;
	c->bytes = (double)c->kind->bytes(c->index) / count;
	c->resident = (resident() - before) / count;
}

/* ---- searching -------------------------------------------------------------------- */

/**
 * struct lap - one thread's share of a measurement
 * @c: who
 * @queries: all of them
 * @count: how many to ask
 * @first: where to begin, so that threads do not walk side by side
 * @ef: breadth
 * @batch: queries of a call
 * @start: what the threads wait for
 * @ids: room for the results, or of all of them when @keep
 * @cpu: seconds that it took; @begin and @end on the wall
 */
struct lap {
	struct contender *c;
	const struct vecs *queries;
	uint64_t count;
	uint64_t first;
	uint32_t ef;
	uint32_t batch;
	pthread_barrier_t *start;
	uint64_t *ids;
	bool keep;
	int err;
	double cpu;
	double begin;
	double end;
};

static double wall_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void lap_run(struct lap *l)
{
	uint64_t i, at, n;

	for (i = 0; i < l->count && !l->err && !ann_stop; i += n) {
		at = (l->first + i) % l->count;
		n = l->count - i < l->batch ? l->count - i : l->batch;
		n = l->count - at < n ? l->count - at : n;
		l->err = l->c->kind->search(l->c->index, l->queries->data + at * l->queries->dim,
					    n, l->ef, l->ids + (l->keep ? at * ANN_K : 0));
	}
}

static void *lap_thread(void *arg)
{
	struct lap *l = arg;

	pthread_barrier_wait(l->start);
	l->begin = wall_seconds();
	l->cpu = ann_cpu_seconds();
	lap_run(l);
	l->cpu = ann_cpu_seconds() - l->cpu;
	l->end = wall_seconds();
	return NULL;
}

static uint64_t queries_of(const struct contender *c, const struct data *d)
{
	return c->kind->exact && d->queries.rows > EXACT_QUERIES ? EXACT_QUERIES : d->queries.rows;
}

/* All queries by each of @threads threads at once. */
static struct rate lap_all(struct contender *c, const struct data *d, uint32_t ef, uint32_t threads)
{
	struct lap *lap = calloc(threads, sizeof(*lap));
	pthread_t *id = calloc(threads, sizeof(*id));
	double begin = 1e300, end = 0;
	struct rate rate = { 0 };
	pthread_barrier_t start;
	uint32_t i;

	if (!lap || !id || pthread_barrier_init(&start, NULL, threads))
		ann_die("no memory");
	for (i = 0; i < threads; i++) {
		lap[i] = (struct lap){ .c = c, .queries = &d->queries, .ef = ef, .start = &start,
				.batch = d->batch };
		lap[i].count = queries_of(c, d);
		lap[i].first = lap[i].count * i / threads;
		lap[i].ids = malloc(d->batch * ANN_K * sizeof(*lap[i].ids));
		if (!lap[i].ids || pthread_create(&id[i], NULL, lap_thread, &lap[i]))
			ann_die("thread %u of %u cannot be started; use fewer by --threads", i + 1,
				threads);
	}
	for (i = 0; i < threads; i++) {
		pthread_join(id[i], NULL);
		if (lap[i].err)
			ann_die("%s: search failed in a thread", c->kind->name);
		rate.cpu += lap[i].count / lap[i].cpu;
		begin = lap[i].begin < begin ? lap[i].begin : begin;
		end = lap[i].end > end ? lap[i].end : end;
		free(lap[i].ids);
	}
	rate.wall = threads * lap[0].count / (end - begin);
	pthread_barrier_destroy(&start);
	free(lap);
	free(id);
	ann_breathe();
	return rate;
}

static double recall(struct contender *c, const struct data *d, uint32_t ef)
{
	struct lap l = { .c = c, .queries = &d->queries, .count = queries_of(c, d), .ef = ef,
			 .batch = d->batch, .keep = true };
	uint64_t i, hits = 0;

	l.ids = malloc(l.count * ANN_K * sizeof(*l.ids));
	if (!l.ids)
		ann_die("no memory");
	lap_run(&l);
	if (l.err)
		failed(c, "search");
	ann_breathe();
	for (i = 0; i < l.count; i++)
		hits += score_hits(&d->base, d->queries.data + i * d->queries.dim, ANN_K,
				   d->truth.ids + i * d->truth.dim, l.ids + i * ANN_K);
	free(l.ids);
	return (double)hits / (l.count * ANN_K);
}

/* The first pass: what each breadth finds, and where to stop. It warms the caches, too. */
static void sweep(const struct result *r, struct contender *c)
{
	struct point *p;
	uint32_t i;

	for (i = 0; i < r->o->efs; i++) {
		ann_progress(r->o, "%s: recall with ef %u", c->kind->name, r->o->ef[i]);
		p = &c->point[c->points++];
		p->ef = c->kind->exact ? 0 : r->o->ef[i];
		c->kind->set_ef(c->index, r->o->ef[i]);
		p->recall = recall(c, r->data, r->o->ef[i]);
		if (c->kind->exact || p->recall >= ANN_ENOUGH)
			break;
	}
}

/* @c's turn at a point, in one round. */
static void turn(const struct result *r, struct contender *c, uint32_t i, uint32_t round,
		 struct rate (*seen)[ANN_ROUNDS])
{
	uint32_t w;

	if (i >= c->points)
		return;
	c->kind->set_ef(c->index, c->point[i].ef);
	for (w = 0; w < r->o->widths; w++)
		seen[w][round] = lap_all(c, r->data, c->point[i].ef, r->o->threads[w]);
}

static void medians(const struct options *o, struct point *p, struct rate (*seen)[ANN_ROUNDS])
{
	double x[ANN_ROUNDS];
	uint32_t w, i;

	for (w = 0; w < o->widths; w++) {
		for (i = 0; i < o->rounds; i++)
			x[i] = seen[w][i].cpu;
		p->rate[w].cpu = score_median(x, o->rounds);
		for (i = 0; i < o->rounds; i++)
			x[i] = seen[w][i].wall;
		p->rate[w].wall = score_median(x, o->rounds);
	}
}

void measure_all(struct result *r)
{
	static struct rate seen[ANN_CONTENDERS][ANN_EFS][ANN_WIDTHS][ANN_ROUNDS];
	const struct options *o = r->o;
	uint32_t round, i, c, n = r->contenders;

	for (c = 0; c < n; c++)
		contender_build(o, &r->contender[c], &r->data->base, r->data->base.rows);
	for (c = 0; c < n; c++)
		sweep(r, &r->contender[c]);
	for (round = 0; round < o->rounds; round++)
		for (i = 0; i < o->efs; i++) {
			ann_progress(o, "round %u of %u, ef %u", round + 1, o->rounds, o->ef[i]);
			/* Nobody is always first. */
			for (c = 0; c < n; c++)
				turn(r, &r->contender[(c + round) % n], i, round,
				     seen[(c + round) % n][i]);
		}
	for (c = 0; c < n; c++) {
		for (i = 0; i < r->contender[c].points; i++)
			medians(o, &r->contender[c].point[i], seen[c][i]);
		r->contender[c].kind->close(r->contender[c].index);
		r->contender[c].index = NULL;
	}
}

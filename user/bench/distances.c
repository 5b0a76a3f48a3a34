// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many distances a search of an HNSW graph takes at a fixed recall, as a collection grows. Were
 * it as the logarithm of the rows, it would be more by the same number each time that they become ten
 * times as many. Counts only; no time is measured.
 */
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vexfs.h>

#include "ann/vecs.h"

#define K		10u
#define QUERIES		500u
#define RECALL		0.95
#define SEED		20
#define SIZES		5
/* Ten times the rows may take so many times the distances. */
#define STEP_MOST	2.0

/**
 * struct point - one size of the collection
 * @rows: as many
 * @ef: breadth of the search for the recall, between two that were tried
 * @distances: of a query, likewise
 */
struct point {
	uint64_t rows;
	double ef;
	double distances;
};

static void die(const char *what, int err)
{
	fprintf(stderr, "distances: %s: %s\n", what, vexfs_coll_error(err));
	exit(1);
}

static struct vexfs_coll *coll_new(uint32_t dim, uint32_t index)
{
	struct vexfs_coll_options o = { .size = sizeof(o), .dim = dim, .index = index };
	struct vexfs_coll *c;
	int err = vexfs_coll_memory(&o, &c);

	if (err)
		die("new", err);
	return c;
}

static void search(struct vexfs_coll *c, const struct vecs *queries, uint32_t ef, uint64_t *ids,
		   double *distances)
{
	struct vexfs_coll_query q = { .size = sizeof(q), .ef = ef };
	static float unused[QUERIES * K];
	int err = vexfs_coll_search(c, queries->data, QUERIES, K, &q, ids, unused);

	if (err)
		die("search", err);
	*distances = (double)q.compared / QUERIES;
}

static double recall(const uint64_t *ids, const uint64_t *truth)
{
	uint32_t q, i, j, found = 0;

	for (q = 0; q < QUERIES; q++, ids += K, truth += K)
		for (i = 0; i < K; i++)
			for (j = 0; j < K; j++)
				found += ids[i] == truth[j];
	return (double)found / (QUERIES * K);
}

/* Broader and broader, until the recall is passed. */
static struct point measure(struct vexfs_coll *c, struct vexfs_coll *flat, uint64_t rows,
			    const struct vecs *queries)
{
	static uint64_t truth[QUERIES * K], ids[QUERIES * K];
	double before = 0, now = 0, dists_before = 0, dists = 0, part, ef_before = 0;
	uint32_t ef;

	search(flat, queries, 0, truth, &dists);
	for (ef = K; now < RECALL && ef <= 4096; ef += ef / 4 + 1) {
		ef_before = ef == K ? K : ef_before;
		before = now;
		dists_before = dists;
		search(c, queries, ef, ids, &dists);
		now = recall(ids, truth);
		if (now < RECALL)
			ef_before = ef;
		else
			break;
	}
	part = now > before && before > 0 ? (RECALL - before) / (now - before) : 1;
	return (struct point){
		.rows = rows, .ef = ef_before + part * (ef - ef_before),
		.distances = before > 0 ? dists_before + part * (dists - dists_before) : dists,
	};
}

/* Least squares of distances over ln(rows): a + b ln(n); returns the share that it explains. */
static double fit(const struct point *p, int n, double *a, double *b)
{
	double x, sx = 0, sy = 0, sxx = 0, sxy = 0, rest = 0, all = 0;
	int i;

	for (i = 0; i < n; i++) {
		x = log(p[i].rows);
		sx += x;
		sy += p[i].distances;
		sxx += x * x;
		sxy += x * p[i].distances;
	}
	*b = (n * sxy - sx * sy) / (n * sxx - sx * sx);
	*a = (sy - *b * sx) / n;
	for (i = 0; i < n; i++) {
		x = p[i].distances - *a - *b * log(p[i].rows);
		rest += x * x;
		x = p[i].distances - sy / n;
		all += x * x;
	}
	return all > 0 ? 1 - rest / all : 1;
}

static int report(const struct point *p, uint32_t dim)
{
	double a, b, explained = fit(p, SIZES, &a, &b), first, last;
	int i;

	printf("%u elements, %u queries, recall@%u %.2f\n", dim, QUERIES, K, RECALL);
	printf("%10s %8s %12s %14s\n", "rows", "ef", "distances", "of all rows");
	for (i = 0; i < SIZES; i++)
		printf("%10" PRIu64 " %8.1f %12.0f %13.3f%%\n", p[i].rows, p[i].ef, p[i].distances,
		       100 * p[i].distances / p[i].rows);
	printf("distances = %.0f + %.0f ln(rows), which explains %.1f%%\n", a, b, 100 * explained);
	first = p[2].distances / p[0].distances;
	last = p[4].distances / p[2].distances;
	printf("ten times the rows: %.2f times the distances, then %.2f times\n", first, last);
	return first > STEP_MOST || last > STEP_MOST;
}

static void usage(FILE *to)
{
	fprintf(to, "usage: distances [--dim N] [--most ROWS]\n"
		"Distances per query at recall %.2f for a hundredth to all of ROWS (1,000,000)\n"
		"generated rows of N (64) elements. Exit status 1: ten times the rows take more\n"
		"than %.0f times the distances.\n", RECALL, STEP_MOST);
}

static void add(struct vexfs_coll *c, const struct vecs *rows, uint64_t from, uint64_t to)
{
	int err = vexfs_coll_add(c, rows->data + from * rows->dim, to - from, NULL);

	if (err)
		die("add", err);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "dim", required_argument, NULL, 'd' },
		{ "most", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	static const double share[SIZES] = { 0.01, 0.03, 0.1, 0.3, 1 };
	uint64_t most = 1000000, there = 0, want;
	struct point points[SIZES];
	struct vexfs_coll *c, *flat;
	struct vecs rows, queries;
	uint32_t dim = 64;
	int opt, i;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'd')
			dim = strtoul(optarg, NULL, 10);
		else if (opt == 'n')
			most = strtoull(optarg, NULL, 10);
		else
			return usage(opt == 'h' ? stdout : stderr), opt == 'h' ? 0 : 2;
	}
	if (optind != argc || !dim || dim > 4096 || most < 10000 || most > 100000000)
		return usage(stderr), 2;
	if (vecs_generate(most, dim, SEED, VECS_BASE, &rows) ||
	    vecs_generate(QUERIES, dim, SEED, VECS_QUERIES, &queries)) {
		fprintf(stderr, "distances: out of memory\n");
		return 2;
	}
	c = coll_new(dim, VEXFS_COLL_HNSW);
	flat = coll_new(dim, VEXFS_COLL_FLAT);
	for (i = 0; i < SIZES; i++, there = want) {
		want = share[i] * most;
		add(c, &rows, there, want);
		add(flat, &rows, there, want);
		points[i] = measure(c, flat, want, &queries);
		fprintf(stderr, "%" PRIu64 " rows measured\n", want);
	}
	vexfs_coll_close(c);
	vexfs_coll_close(flat);
	vecs_free(&rows);
	vecs_free(&queries);
	return report(points, dim);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Recall, medians, and the rate at a given recall. */
#include <math.h>
#include <stdlib.h>

#include "score.h"

static double distance(const struct vecs *base, const float *query, uint64_t id)
{
	const float *row = base->data + id * base->dim;
	double sum = 0, d;
	uint32_t i;

	for (i = 0; i < base->dim; i++) {
		d = (double)query[i] - row[i];
		sum += d * d;
	}
	return sum;
}

static int seen_before(const uint64_t *ids, uint32_t i)
{
	uint32_t j;

	for (j = 0; j < i; j++)
		if (ids[j] == ids[i])
			return 1;
	return 0;
}

uint32_t score_hits(const struct vecs *base, const float *query, uint32_t k, const int32_t *truth,
		    const uint64_t *ids)
{
	double limit = 0;
	uint32_t i, hits = 0;

	/* The order of the truth may be one of rounded distances: the farthest need not be last. */
	for (i = 0; i < k; i++)
		limit = fmax(limit, distance(base, query, truth[i]));
	for (i = 0; i < k; i++)
		hits += ids[i] < base->rows && !seen_before(ids, i) &&
			distance(base, query, ids[i]) <= limit;
	return hits;
}

/* Between two points on both sides of @recall. */
static double between(const struct score_point *a, const struct score_point *b, double recall)
{
	double share = (recall - a->recall) / (b->recall - a->recall);

	return exp(log(a->qps) + share * (log(b->qps) - log(a->qps)));
}

double score_qps_at(const struct score_point *p, size_t n, double recall)
{
	double best = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i].recall >= recall)
			best = fmax(best, p[i].qps);
		if (i && (p[i - 1].recall < recall) != (p[i].recall < recall))
			best = fmax(best, between(&p[i - 1], &p[i], recall));
	}
	return best;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double score_median(double *x, size_t n)
{
	if (!n)
		return 0;
	qsort(x, n, sizeof(*x), compare);
	return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

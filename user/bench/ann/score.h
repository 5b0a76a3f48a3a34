/* SPDX-License-Identifier: GPL-2.0-only */
/* What is made of measured figures. */
#ifndef ANN_SCORE_H
#define ANN_SCORE_H

#include <stddef.h>

#include "vecs.h"

/* A point of a sweep. */
struct score_point {
	double recall;
	double qps;
};

/*
 * How many of @k results are true neighbours: rows of @base not farther from the query than the
 * k-th of @truth, so that any of several at that distance counts. No id counts twice, and none
 * that is not a row.
 */
uint32_t score_hits(const struct vecs *base, const float *query, uint32_t k, const int32_t *truth,
		    const uint64_t *ids);

/*
 * The most queries a second at a recall of at least @recall, on the line through the points in
 * their order: between two of them the logarithm of the rate goes linearly with recall. Nothing is
 * extrapolated: 0 when no point reaches it.
 */
double score_qps_at(const struct score_point *p, size_t n, double recall);

/* Sorts @x. */
double score_median(double *x, size_t n);

#endif /* ANN_SCORE_H */

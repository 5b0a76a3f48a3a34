/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows of every element type, and what is between two of them, by other code than the core's. */
#ifndef VEX_TEST_ELEMS_H
#define VEX_TEST_ELEMS_H

#include "test.h"

/* Element @i of a row. */
double elem_value(u32 elem, const void *row, u32 i);
/* Make a finite @value element @i: rounded in f16, cut to the range of i8, its sign in b1. */
void elem_set(u32 elem, void *row, u32 i, double value);
/* Bytes of a row. */
size_t elem_row(u32 elem, u32 dim);

/* The distance; @size receives the sum of its terms' magnitudes, of cosine 1. */
long double elem_distance(u32 elem, u32 metric, const void *q, const void *r, u32 dim,
			  double *size);
/*
 * How far from it a kernel may be: see test_dist.c. @size as elem_distance() has it; of i8 and b1
 * the sums are exact, and rounded once.
 */
double elem_bound(u32 elem, u32 metric, u32 dim, double size);

extern const char *const elem_names[VEXFS_ELEM_B1 + 1];

/* All pairs of an element type but f32 and a metric that go together. */
#define each_elem(elem, metric)							\
	for (u32 elem = VEXFS_ELEM_F16; elem <= VEXFS_ELEM_B1; elem++)		\
		for (u32 metric = elem == VEXFS_ELEM_B1 ? VEXFS_METRIC_HAMMING :	\
		     VEXFS_METRIC_L2; metric <= (elem == VEXFS_ELEM_B1 ?		\
		     VEXFS_METRIC_HAMMING : VEXFS_METRIC_COSINE); metric++)

#endif /* VEX_TEST_ELEMS_H */

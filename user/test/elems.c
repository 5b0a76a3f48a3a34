// SPDX-License-Identifier: GPL-2.0-only
/* See elems.h. */
#include <math.h>

#include "elems.h"

const char *const elem_names[VEXFS_ELEM_B1 + 1] = {
	[VEXFS_ELEM_F32] = "f32",
	[VEXFS_ELEM_F16] = "f16",
	[VEXFS_ELEM_I8] = "i8",
	[VEXFS_ELEM_B1] = "b1",
};

size_t elem_row(u32 elem, u32 dim)
{
	return elem == VEXFS_ELEM_F32 ? 4 * dim : elem == VEXFS_ELEM_F16 ? 2 * dim :
	       elem == VEXFS_ELEM_I8 ? dim : (dim + 7) / 8;
}

double elem_value(u32 elem, const void *row, u32 i)
{
	const u8 *at = row;
	_Float16 half;
	float value;

	switch (elem) {
	case VEXFS_ELEM_F32:
		memcpy(&value, at + 4 * (size_t)i, sizeof(value));
		return value;
	case VEXFS_ELEM_F16:
		memcpy(&half, at + 2 * (size_t)i, sizeof(half));
		return half;
	case VEXFS_ELEM_I8:
		return (s8)at[i];
	default:
		return at[i / 8] >> i % 8 & 1;
	}
}

void elem_set(u32 elem, void *row, u32 i, double value)
{
	_Float16 half = (_Float16)value;
	float single = (float)value;
	u8 *at = row;

	switch (elem) {
	case VEXFS_ELEM_F32:
		memcpy(at + 4 * (size_t)i, &single, sizeof(single));
		break;
	case VEXFS_ELEM_F16:
		memcpy(at + 2 * (size_t)i, &half, sizeof(half));
		break;
	case VEXFS_ELEM_I8:
		at[i] = (s8)fmin(fmax(rint(value), -128), 127);
		break;
	default:
		at[i / 8] = (at[i / 8] & ~(1u << i % 8)) | (value > 0) << i % 8;
	}
}

long double elem_distance(u32 elem, u32 metric, const void *q, const void *r, u32 dim,
			  double *size)
{
	long double dot = 0, qq = 0, rr = 0, l2 = 0, magnitude = 0;

	for (u32 i = 0; i < dim; i++) {
		long double a = elem_value(elem, q, i), b = elem_value(elem, r, i);

		l2 += (a - b) * (a - b);
		dot += a * b;
		magnitude += fabsl(a * b);
		qq += a * a;
		rr += b * b;
	}
	*size = metric == VEXFS_METRIC_IP ? magnitude : metric == VEXFS_METRIC_COSINE ? 1 : l2;
	if (metric == VEXFS_METRIC_IP)
		return 0 - dot;
	if (metric == VEXFS_METRIC_COSINE)
		return qq > 0 && rr > 0 ? 1 - dot / sqrtl(qq) / sqrtl(rr) : 1;
	/* Of bits the squared differences are those that differ. */
	return l2;
}

double elem_bound(u32 elem, u32 metric, u32 dim, double size)
{
	double g = (dim / 8 + 8) * 0x1p-24;

	if (elem == VEXFS_ELEM_I8 || elem == VEXFS_ELEM_B1)
		return size * 0x1p-23;
	if (metric == VEXFS_METRIC_COSINE)
		return 4 * g + 0x1p-23;
	return 2 * g * size + dim * 0x1p-149;
}

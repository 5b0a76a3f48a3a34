// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Distance kernels for any CPU, the reference: their results are the same, bit for bit, on every
 * host. Element i is added to sum i % 8, and the eight sums are added in a fixed tree. The
 * unit is compiled without contraction of products and sums.
 */
#include "dist_fp.h"

#define SUMS	8

/* Four sums side by side, which the compiler puts into one register where there is one. */
typedef float vec __attribute__((__vector_size__(16)));
typedef float vec_mem __attribute__((__vector_size__(16), __may_alias__)) __aligned(4);

static __always_inline vec load(const vex_f32 *p)
{
	return *(const vec_mem *)p;
}

static __always_inline float add_sums(const float *s)
{
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

static float square_distance(const vex_f32 *q, const vex_f32 *r, u32 dim)
{
	vec sum[SUMS / 4] = { 0 }, low, high;
	float s[SUMS], d;
	u32 i, j;

	for (i = 0; i + SUMS <= dim; i += SUMS) {
		low = load(q + i) - load(r + i);
		high = load(q + i + 4) - load(r + i + 4);
		sum[0] += low * low;
		sum[1] += high * high;
	}
	__builtin_memcpy(s, sum, sizeof(s));
	for (j = 0; i + j < dim; j++) {
		d = q[i + j] - r[i + j];
		s[j] += d * d;
	}
	return add_sums(s);
}

static float dot_product(const vex_f32 *q, const vex_f32 *r, u32 dim)
{
	vec sum[SUMS / 4] = { 0 };
	float s[SUMS];
	u32 i, j;

	for (i = 0; i + SUMS <= dim; i += SUMS) {
		sum[0] += load(q + i) * load(r + i);
		sum[1] += load(q + i + 4) * load(r + i + 4);
	}
	__builtin_memcpy(s, sum, sizeof(s));
	for (j = 0; i + j < dim; j++)
		s[j] += q[i + j] * r[i + j];
	return add_sums(s);
}

static void l2_scalar(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	const vex_f32 *row = rows;
	u32 i;

	for (i = 0; i < n; i++, row += dim)
		out[i] = vex_finish_l2(square_distance(q, row, dim), q, row, dim);
}

static void ip_scalar(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	const vex_f32 *row = rows;
	u32 i;

	for (i = 0; i < n; i++, row += dim)
		out[i] = vex_finish_ip(dot_product(q, row, dim), q, row, dim);
}

static void cosine_scalar(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	const float qq = dot_product(q, q, dim);
	const vex_f32 *row = rows;
	u32 i;

	for (i = 0; i < n; i++, row += dim)
		out[i] = vex_finish_cosine(dot_product(q, row, dim), qq,
					   dot_product(row, row, dim), q, row, dim);
}

/* (2^24 - 1) * 2^104 */
static const double f32_max = 16777215.0 * (1ULL << 52) * (1ULL << 52);

/*
 * In binary64 the square of a binary32 is exact, cannot underflow to zero, and 2^16 of them
 * cannot overflow.
 */
u32 vex_dist_exact_f32(u32 metric, const void *query, const void *vector, u32 dim)
{
	double dot = 0, qq = 0, rr = 0, l2 = 0, distance, d;
	const vex_f32 *q = query, *r = vector;
	u32 i;

	for (i = 0; i < dim; i++) {
		d = (double)q[i] - r[i];
		l2 += d * d;
		dot += (double)q[i] * r[i];
		qq += (double)q[i] * q[i];
		rr += (double)r[i] * r[i];
	}
	if (metric == VEXFS_METRIC_COSINE)
		return vex_f32_bits(qq > 0 && rr > 0 ? vex_cosine_distance(dot, qq, rr) : 1.0f);
	distance = metric == VEXFS_METRIC_L2 ? l2 : 0.0 - dot;
	if (distance > f32_max)
		return VEX_F32_MAX;
	if (distance < -f32_max)
		return VEX_F32_MAX | 1u << 31;
	/* The sum with zero turns a -0, which a tiny negative number rounds to, into 0. */
	return vex_f32_bits((float)distance + 0.0f);
}

const struct vex_dist_ops vex_dist_scalar = {
	.isa = VEXFS_ISA_SCALAR,
	.name = "scalar",
	.f32 = {
		[VEXFS_METRIC_L2] = l2_scalar,
		[VEXFS_METRIC_IP] = ip_scalar,
		[VEXFS_METRIC_COSINE] = cosine_scalar,
	},
};

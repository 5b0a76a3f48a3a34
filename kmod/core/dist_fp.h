/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the units of distance kernels share. Included by them only: everything here is floating
 * point, and may run in an FPU section alone.
 */
#ifndef VEX_DIST_FP_H
#define VEX_DIST_FP_H

#include "vex_util.h"

/* Rows are written as bytes and read as numbers. */
typedef float vex_f32 __attribute__((__may_alias__));

/*
 * Squared norms within these bounds neither lost precision to underflow (each of at most 2^16
 * products may be wrong by 2^-150) nor come near an overflow.
 */
static const float norm2_min = 1.0f / (1ULL << 60);
static const float norm2_max = 1.0f * (1ULL << 60) * (1ULL << 40);

/*
 * Of rows or codes one behind the other, which are read as one stream, @bytes from @at on are next.
 * The processor reads ahead by itself, but not enough while it adds up what has come: what is so
 * far away is asked for, too.
 */
#define STREAM_AHEAD	4096u

static __always_inline void stream_on(const u8 *at, u32 bytes)
{
	vex_prefetch(at + STREAM_AHEAD, bytes);
}

static __always_inline u32 vex_f32_bits(float value)
{
	u32 bits;

	BUILD_BUG_ON(sizeof(bits) != sizeof(value));
	__builtin_memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static __always_inline bool vex_f32_finite(u32 bits)
{
	return (bits & 0x7f800000u) != 0x7f800000u;
}

/* No call to the C library, whatever the flags say of errno. */
static __always_inline double vex_sqrt(double value)
{
	double root;

	asm("sqrtsd %1, %0" : "=x" (root) : "x" (value));
	return root;
}

/*
 * The distances of one row from its sums. Subtracting from zero keeps -0 out of the
 * results, which would sort before the equal +0.
 */
static __always_inline u32 vex_finish_l2(float sum, const void *q, const void *row, u32 dim)
{
	u32 bits = vex_f32_bits(sum);

	return likely(vex_f32_finite(bits)) ? bits :
	       vex_dist_exact_f32(VEXFS_METRIC_L2, q, row, dim);
}

static __always_inline u32 vex_finish_ip(float dot, const void *q, const void *row, u32 dim)
{
	u32 bits = vex_f32_bits(0.0f - dot);

	return likely(vex_f32_finite(bits)) ? bits :
	       vex_dist_exact_f32(VEXFS_METRIC_IP, q, row, dim);
}

static __always_inline float vex_cosine_distance(double dot, double qq, double rr)
{
	double distance = 1.0 - dot / vex_sqrt(qq * rr);

	return distance < 0.0 ? 0.0f : distance > 2.0 ? 2.0f : (float)distance;
}

/* Of sums that are exact, or nearly so. */
static __always_inline u32 vex_finish_cosine_sound(double dot, double qq, double rr)
{
	return vex_f32_bits(qq > 0 && rr > 0 ? vex_cosine_distance(dot, qq, rr) : 1.0f);
}

/* Written so that a NaN in a sum fails the test, too. */
static __always_inline u32 vex_finish_cosine(float dot, float qq, float rr, const void *q,
					     const void *row, u32 dim)
{
	if (likely(qq >= norm2_min && qq <= norm2_max &&
		   rr >= norm2_min && rr <= norm2_max))
		return vex_f32_bits(vex_cosine_distance(dot, qq, rr));
	return vex_dist_exact_f32(VEXFS_METRIC_COSINE, q, row, dim);
}

#endif /* VEX_DIST_FP_H */

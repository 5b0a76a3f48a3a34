/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Registers of 256 bits for the units of distance kernels. Types are the compiler's vector
 * extension and the few instructions that it has no operator for are written out, because
 * <immintrin.h> is not to be had in a kernel build.
 */
#ifndef VEX_DIST_YMM_H
#define VEX_DIST_YMM_H

typedef float vec4 __attribute__((__vector_size__(16)));
typedef float vec8 __attribute__((__vector_size__(32)));
typedef float vec8_mem __attribute__((__vector_size__(32), __may_alias__)) __aligned(4);
typedef s32 int4 __attribute__((__vector_size__(16)));
typedef s32 int8 __attribute__((__vector_size__(32)));

static __always_inline vec8 add_neighbours(vec8 a, vec8 b)
{
	vec8 sums;

	asm("vhaddps %2, %1, %0" : "=x" (sums) : "x" (a), "x" (b));
	return sums;
}

/* Each half of @pairs comes to hold four partial sums, one of each register. */
static __always_inline void sum4_ymm(vec8 a, vec8 b, vec8 c, vec8 d, float *out)
{
	vec8 pairs = add_neighbours(add_neighbours(a, b), add_neighbours(c, d));
	vec4 sums;

	asm("vextractf128 $1, %1, %0" : "=x" (sums) : "x" (pairs));
	asm("vaddps %x1, %0, %0" : "+x" (sums) : "x" (pairs));
	__builtin_memcpy(out, &sums, sizeof(sums));
}

static __always_inline int8 add_int_neighbours(int8 a, int8 b)
{
	int8 sums;

	asm("vphaddd %2, %1, %0" : "=x" (sums) : "x" (a), "x" (b));
	return sums;
}

/* The sums of four registers. */
static __always_inline int4 sum4_int_ymm(int8 a, int8 b, int8 c, int8 d)
{
	int8 pairs = add_int_neighbours(add_int_neighbours(a, b), add_int_neighbours(c, d));
	int4 sums;

	asm("vextracti128 $1, %1, %0" : "=x" (sums) : "x" (pairs));
	asm("vpaddd %x1, %0, %0" : "+x" (sums) : "x" (pairs));
	return sums;
}

#endif /* VEX_DIST_YMM_H */

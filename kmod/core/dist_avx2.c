// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Distance kernels for AVX2, FMA and F16C: eight elements of f32 a register. */
#include "dist_fp.h"
#include "dist_popcnt.h"
#include "dist_ymm.h"
#include "vex_code.h"

#define LANES		8
#define narrower	vex_dist_scalar

typedef vec8 vec;
typedef float vec_mem __attribute__((__vector_size__(32), __may_alias__)) __aligned(4);
typedef u32 vec_bits __attribute__((__vector_size__(32)));
typedef u32 vec_bits_mem __attribute__((__vector_size__(32), __may_alias__)) __aligned(4);

static __always_inline vec fetch_lanes(const u8 *at)
{
	return *(const vec_mem *)at;
}

static __always_inline vec widen_half(const u8 *p)
{
	vec wide;

	asm("vcvtph2ps %1, %0" : "=x" (wide) : "m" (*(const u8 (*)[16])p));
	return wide;
}

static __always_inline vec fused(vec a, vec b, vec c)
{
	asm("vfmadd231ps %2, %1, %0" : "+x" (c) : "x" (a), "x" (b));
	return c;
}

static __always_inline void sum4(vec a, vec b, vec c, vec d, float *out)
{
	sum4_ymm(a, b, c, d, out);
}

#include "dist_vec.h"

#define WORDS	16

typedef s16 words __attribute__((__vector_size__(32)));
typedef s16 words_mem __attribute__((__vector_size__(32), __may_alias__)) __aligned(2);
typedef int8 sums;

static __always_inline words widen(const s8 *p)
{
	words wide;

	asm("vpmovsxbw %1, %0" : "=x" (wide) : "m" (*(const s8 (*)[16])p));
	return wide;
}

static __always_inline sums add_products(words a, words b, sums sum, bool vnni)
{
	sums products;

	asm("vpmaddwd %2, %1, %0" : "=x" (products) : "x" (a), "x" (b));
	return sum + products;
}

static __always_inline int4 sum4_int(sums a, sums b, sums c, sums d)
{
	return sum4_int_ymm(a, b, c, d);
}

#include "dist_i8.h"

I8_KERNEL(VEXFS_METRIC_L2, avx2, false, l2_i8)
I8_KERNEL(VEXFS_METRIC_IP, avx2, false, ip_i8)
I8_KERNEL(VEXFS_METRIC_COSINE, avx2, false, cosine_i8)

#include "dist_bits.h"

const struct vex_dist_ops vex_dist_avx2 = {
	.isa = VEXFS_ISA_AVX2,
	.name = "avx2",
	.code = &vex_code_avx2,
	.piece = { VEC_PIECES },
	.near = { VEC_NEAR },
	.kernel = {
		VEC_KERNELS,
		[VEXFS_ELEM_I8] = I8_TABLE(avx2),
		[VEXFS_ELEM_B1] = { [VEXFS_METRIC_HAMMING] = hamming_rows },
	},
};

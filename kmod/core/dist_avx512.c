// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Distance kernels for AVX-512: sixteen elements of f32 a register. Of i8 there are two sets, one
 * for CPUs with VNNI, which adds up what the other one multiplies and adds in two instructions.
 */
#include "dist_fp.h"
#include "dist_ymm.h"
#include "vex_code.h"

#define LANES		16
#define narrower	vex_dist_avx2

typedef float vec __attribute__((__vector_size__(64)));
typedef float vec_mem __attribute__((__vector_size__(64), __may_alias__)) __aligned(4);
typedef u32 vec_bits __attribute__((__vector_size__(64)));
typedef u32 vec_bits_mem __attribute__((__vector_size__(64), __may_alias__)) __aligned(4);

/*
 * By halves: rows that come from memory are read a tenth faster so on a Zen 4, which moves half a
 * register at once.
 */
static __always_inline vec fetch_lanes(const u8 *at)
{
	vec8 low = *(const vec8_mem *)at;
	vec both;

	asm("vinsertf64x4 $1, %2, %g1, %0"
	    : "=v" (both)
	    : "v" (low), "m" (*(const u8 (*)[32])(at + 32)));
	return both;
}

static __always_inline vec widen_half(const u8 *p)
{
	vec wide;

	asm("vcvtph2ps %1, %0" : "=v" (wide) : "m" (*(const u8 (*)[32])p));
	return wide;
}

static __always_inline vec fused(vec a, vec b, vec c)
{
	asm("vfmadd231ps %2, %1, %0" : "+v" (c) : "v" (a), "v" (b));
	return c;
}

static __always_inline vec8 add_halves(vec a)
{
	vec8 sums;

	asm("vextractf64x4 $1, %1, %0" : "=x" (sums) : "v" (a));
	asm("vaddps %t1, %0, %0" : "+v" (sums) : "v" (a));
	return sums;
}

static __always_inline void sum4(vec a, vec b, vec c, vec d, float *out)
{
	sum4_ymm(add_halves(a), add_halves(b), add_halves(c), add_halves(d), out);
}

#include "dist_vec.h"

#define WORDS	32

typedef s16 words __attribute__((__vector_size__(64)));
typedef s16 words_mem __attribute__((__vector_size__(64), __may_alias__)) __aligned(2);
typedef s32 sums __attribute__((__vector_size__(64)));

static __always_inline words widen(const s8 *p)
{
	words wide;

	asm("vpmovsxbw %1, %0" : "=v" (wide) : "m" (*(const s8 (*)[32])p));
	return wide;
}

static __always_inline sums add_products(words a, words b, sums sum, bool vnni)
{
	sums products;

	if (vnni) {
		asm("vpdpwssd %2, %1, %0" : "+v" (sum) : "v" (a), "v" (b));
		return sum;
	}
	asm("vpmaddwd %2, %1, %0" : "=v" (products) : "v" (a), "v" (b));
	return sum + products;
}

#include "dist_zmm.h"
#include "dist_i8.h"

I8_KERNEL(VEXFS_METRIC_L2, avx512, false, l2_i8)
I8_KERNEL(VEXFS_METRIC_IP, avx512, false, ip_i8)
I8_KERNEL(VEXFS_METRIC_COSINE, avx512, false, cosine_i8)

I8_KERNEL(VEXFS_METRIC_L2, vnni, true, l2_i8)
I8_KERNEL(VEXFS_METRIC_IP, vnni, true, ip_i8)
I8_KERNEL(VEXFS_METRIC_COSINE, vnni, true, cosine_i8)

/* Bits are counted word by word, as with AVX2. */
static void hamming_avx512(const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	vex_dist_avx2.kernel[VEXFS_ELEM_B1][VEXFS_METRIC_HAMMING](q, rows, n, dim, out);
}

const struct vex_dist_ops vex_dist_avx512 = {
	.isa = VEXFS_ISA_AVX512,
	.name = "avx512",
	.code = &vex_code_avx2,
	.piece = { VEC_PIECES },
	.near = { VEC_NEAR },
	.kernel = {
		VEC_KERNELS,
		[VEXFS_ELEM_I8] = I8_TABLE(avx512),
		[VEXFS_ELEM_B1] = { [VEXFS_METRIC_HAMMING] = hamming_avx512 },
	},
};

const struct vex_dist_ops vex_dist_vnni = {
	.isa = VEXFS_ISA_AVX512,
	.name = "avx512",
	.code = &vex_code_vnni,
	.piece = { VEC_PIECES },
	.near = { VEC_NEAR },
	.kernel = {
		VEC_KERNELS,
		[VEXFS_ELEM_I8] = I8_TABLE(vnni),
		[VEXFS_ELEM_B1] = { [VEXFS_METRIC_HAMMING] = hamming_avx512 },
	},
};

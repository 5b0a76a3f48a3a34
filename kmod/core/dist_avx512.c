// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Distance kernels for AVX-512: sixteen elements a register. */
#include "dist_fp.h"
#include "dist_ymm.h"

#define LANES		16
#define narrower	vex_dist_avx2

typedef float vec __attribute__((__vector_size__(64)));
typedef float vec_mem __attribute__((__vector_size__(64), __may_alias__)) __aligned(4);
typedef u32 vec_bits __attribute__((__vector_size__(64)));
typedef u32 vec_bits_mem __attribute__((__vector_size__(64), __may_alias__)) __aligned(4);

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

const struct vex_dist_ops vex_dist_avx512 = {
	.isa = VEXFS_ISA_AVX512,
	.name = "avx512",
	.f32 = {
		[VEXFS_METRIC_L2] = l2_vec,
		[VEXFS_METRIC_IP] = ip_vec,
		[VEXFS_METRIC_COSINE] = cosine_vec,
	},
};

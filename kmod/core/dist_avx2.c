// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Distance kernels for AVX2 and FMA: eight elements a register. */
#include "dist_fp.h"
#include "dist_ymm.h"

#define LANES		8
#define narrower	vex_dist_scalar

typedef vec8 vec;
typedef float vec_mem __attribute__((__vector_size__(32), __may_alias__)) __aligned(4);
typedef u32 vec_bits __attribute__((__vector_size__(32)));
typedef u32 vec_bits_mem __attribute__((__vector_size__(32), __may_alias__)) __aligned(4);

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

const struct vex_dist_ops vex_dist_avx2 = {
	.isa = VEXFS_ISA_AVX2,
	.name = "avx2",
	.f32 = {
		[VEXFS_METRIC_L2] = l2_vec,
		[VEXFS_METRIC_IP] = ip_vec,
		[VEXFS_METRIC_COSINE] = cosine_vec,
	},
};

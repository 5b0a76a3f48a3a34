// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The choice among the distance kernels, and the check of rows for NaN and infinities. No
 * floating point: this unit runs outside FPU sections.
 */
#include "vex_dist.h"

/* Exponent bits of two binary32 side by side, and one in the lowest of each. */
#define EXPONENTS	0x7f8000007f800000ULL
#define EXPONENT_ONES	0x0080000000800000ULL
#define SIGNS		0x8000000080000000ULL

static const struct vex_dist_ops *chosen = &vex_dist_scalar;

const struct vex_dist_ops *vex_dist_ops(void)
{
	return READ_ONCE(chosen);
}

void vex_dist_rows(u32 metric, const void *q, const void *rows, u32 n, u32 dim, u32 *out)
{
	u32 piece = max(VEX_DIST_PIECE / (dim * (u32)sizeof(u32)), 1u), at, count;

	for (at = 0; at < n; at += count) {
		count = min(piece, n - at);
		vex_fpu_begin();
		vex_dist_ops()->f32[metric](q, (const u8 *)rows + (size_t)at * dim * sizeof(u32),
					    count, dim, out + at);
		vex_fpu_end();
	}
}

u32 vex_dist_best(void)
{
	if (vex_cpu_has_avx512())
		return VEXFS_ISA_AVX512;
	if (vex_cpu_has_avx2())
		return VEXFS_ISA_AVX2;
	return VEXFS_ISA_SCALAR;
}

int vex_dist_select(u32 isa)
{
	const struct vex_dist_ops *ops;

	switch (isa) {
	case VEXFS_ISA_SCALAR:
		ops = &vex_dist_scalar;
		break;
	case VEXFS_ISA_AVX2:
		ops = vex_cpu_has_avx2() ? &vex_dist_avx2 : NULL;
		break;
	case VEXFS_ISA_AVX512:
		ops = vex_cpu_has_avx512() ? &vex_dist_avx512 : NULL;
		break;
	default:
		return -EINVAL;
	}
	if (!ops)
		return -EOPNOTSUPP;
	WRITE_ONCE(chosen, ops);
	return 0;
}

void vex_dist_init(void)
{
	vex_dist_select(vex_dist_best());
}

u32 vex_dist_isa(void)
{
	return vex_dist_ops()->isa;
}

const char *vex_dist_isa_name(u32 isa)
{
	switch (isa) {
	case VEXFS_ISA_SCALAR:
		return vex_dist_scalar.name;
	case VEXFS_ISA_AVX2:
		return vex_dist_avx2.name;
	case VEXFS_ISA_AVX512:
		return vex_dist_avx512.name;
	default:
		return "unknown";
	}
}

/*
 * All ones in the exponent, and nothing less, become a carry into the sign when one is added; the
 * carry of the lower element cannot reach the upper one. What the other bits are means nothing.
 */
static inline u64 nonfinite_pair(u64 pair)
{
	return (pair & EXPONENTS) + EXPONENT_ONES;
}

u64 vex_f32_find_nonfinite(const void *elems, u64 n)
{
	const u8 *p = elems;
	u64 i = 0, seen;
	u32 k;

	/* Sixteen at a time without a branch; the loop below finds which. */
	for (; i + 16 <= n; i += 16) {
		seen = 0;
#pragma GCC unroll 8
		for (k = 0; k < 64; k += 8)
			seen |= nonfinite_pair(get_unaligned_le64(p + i * 4 + k));
		if (seen & SIGNS)
			break;
	}
	for (; i < n; i++)
		if (nonfinite_pair(get_unaligned_le32(p + i * 4)) & SIGNS)
			break;
	return i;
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The choice among the distance kernels. No floating point: this runs outside FPU sections. */
#include "vex_dist.h"

static const struct vex_dist_ops *chosen = &vex_dist_scalar;

const struct vex_dist_ops *vex_dist_ops(void)
{
	return READ_ONCE(chosen);
}

struct vex_measure vex_measure_of(u32 elem, u32 metric, u32 dim)
{
	const struct vex_dist_ops *ops = vex_dist_ops();
	vex_dist_kernel near = ops->near[elem][metric];
	u32 bytes = vex_row_bytes(elem, dim);

	return (struct vex_measure) {
		.kernel = ops->kernel[elem][metric],
		.near = near ? near : ops->kernel[elem][metric],
		.dim = dim,
		.row_bytes = bytes,
		.most = max(ops->piece[elem] / bytes, 1u),
	};
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
		ops = !vex_cpu_has_avx512() ? NULL :
		      vex_cpu_has_vnni() ? &vex_dist_vnni : &vex_dist_avx512;
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

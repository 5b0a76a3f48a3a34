/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The types of elements: what a row of each looks like, and what may not stand in it. */
#ifndef VEX_ELEM_H
#define VEX_ELEM_H

#include "vex_core.h"

/* Entries of a table by enum vexfs_elem, and by enum vexfs_metric. */
#define VEX_ELEMS	(VEXFS_ELEM_B1 + 1)
#define VEX_METRICS	(VEXFS_METRIC_HAMMING + 1)

/* Position of the first element of @n that is NaN or infinite, or @n. */
u64 vex_f32_find_nonfinite(const void *elems, u64 n);

/*
 * The same row in binary32, exactly: @dim elements of f16 or i8 into @out. Integer arithmetic;
 * finite elements only.
 */
void vex_row_widen(u32 elem, const void *row, u32 dim, void *out);

/* The bits of binary32 that have the value of finite binary16. */
static inline u32 vex_f16_widen(u16 half)
{
	u32 sign = (u32)(half & 0x8000) << 16;
	u32 size = half & 0x7fff;
	u32 lead;

	if (size >= 0x400)
		return sign | ((size << 13) + (112u << 23));
	if (!size)
		return sign;
	/* Below the normal range: size * 2^-24. */
	lead = 31 - __builtin_clz(size);
	return sign | ((103 + lead) << 23) | (size << (23 - lead) & 0x7fffff);
}

#endif /* VEX_ELEM_H */

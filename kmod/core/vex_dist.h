/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Distance kernels: the only floating point of the core. One unit for each
 * instruction set; dist.c chooses among them. Everywhere else a float is its 32 bits.
 */
#ifndef VEX_DIST_H
#define VEX_DIST_H

#include "vex_core.h"

/* Bytes of rows that one FPU section may cover: about 4 us of work. */
#define VEX_DIST_PIECE	(64u << 10)

/**
 * struct vex_dist_ops - the kernels of one instruction set
 * @isa: VEXFS_ISA_*
 * @name: as the user writes it
 * @f32: by enum vexfs_metric; NULL where there is none. Distances of the query
 *	@q to @n packed binary32 rows of @dim elements; neither needs
 *	alignment beyond 4 bytes. @out receives n binary32 bit patterns, never NaN or
 *	infinite for finite input. Runs inside an FPU section
 */
struct vex_dist_ops {
	u32 isa;
	const char *name;

	void (*f32[4])(const void *q, const void *rows, u32 n, u32 dim, u32 *out);
};

extern const struct vex_dist_ops vex_dist_scalar;
extern const struct vex_dist_ops vex_dist_avx2;
extern const struct vex_dist_ops vex_dist_avx512;

/* The chosen one; set by vex_core_init() and vex_dist_select(). */
const struct vex_dist_ops *vex_dist_ops(void);

/*
 * Distances of one query to @n packed rows, in FPU sections of bounded length; outside of one. As
 * vex_dist_ops()->f32[@metric] otherwise.
 */
void vex_dist_rows(u32 metric, const void *q, const void *rows, u32 n, u32 dim, u32 *out);

/* Choose the best set of this CPU; called by vex_core_init(). */
void vex_dist_init(void);

/*
 * Inside an FPU section, after a kernel produced a NaN or an infinity: the distance
 * again, in binary64, limited to +-FLT_MAX. @metric as enum vexfs_metric.
 */
u32 vex_dist_exact_f32(u32 metric, const void *q, const void *row, u32 dim);

/* Position of the first element of @n that is NaN or infinite, or @n. Integer arithmetic only. */
u64 vex_f32_find_nonfinite(const void *elems, u64 n);

/* A number that orders binary32 bit patterns as their values; not for NaN; -0 sorts before +0. */
static inline u32 vex_f32_order(u32 bits)
{
	return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

/* The bit pattern of FLT_MAX. */
#define VEX_F32_MAX	0x7f7fffffu

#endif /* VEX_DIST_H */

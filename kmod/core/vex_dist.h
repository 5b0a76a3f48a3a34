/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Distance kernels: the only floating point of the core. One unit for each
 * instruction set; dist.c chooses among them. Everywhere else a float is its 32 bits.
 */
#ifndef VEX_DIST_H
#define VEX_DIST_H

#include "vex_elem.h"

/* Bytes of codes, or of rows in f32, that one FPU section may cover: about 4 us of work. */
#define VEX_DIST_PIECE	(64u << 10)

/**
 * typedef vex_dist_kernel - distances of a query to rows, all of one element type
 * @q: the query
 * @rows: @n packed rows; like @q they need no alignment beyond that of an element
 * @n: how many
 * @dim: elements of each
 * @out: receives @n binary32 bit patterns, never NaN or infinite for finite input
 *
 * Runs inside an FPU section. Of i8 and b1 the sums are exact and rounded once.
 */
typedef void (*vex_dist_kernel)(const void *q, const void *rows, u32 n, u32 dim, u32 *out);

struct vex_code_ops;

/**
 * struct vex_dist_ops - the kernels of one instruction set
 * @isa: VEXFS_ISA_*
 * @name: as the user writes it
 * @code: kernels of codes that go with them
 * @piece: by enum vexfs_elem: bytes of rows that one FPU section may cover, 20 us of work at most;
 *	a row is never split
 * @kernel: by enum vexfs_elem and enum vexfs_metric; NULL where vex_elem_served() says no
 * @near: the same, bit for bit, for rows that are in the cache; NULL where @kernel serves for them
 */
struct vex_dist_ops {
	u32 isa;
	const char *name;
	const struct vex_code_ops *code;
	u32 piece[VEX_ELEMS];
	vex_dist_kernel kernel[VEX_ELEMS][VEX_METRICS];
	vex_dist_kernel near[VEX_ELEMS][VEX_METRICS];
};

extern const struct vex_dist_ops vex_dist_scalar;
extern const struct vex_dist_ops vex_dist_avx2;
extern const struct vex_dist_ops vex_dist_avx512;
/* AVX-512 with VNNI. */
extern const struct vex_dist_ops vex_dist_vnni;

/* The chosen one; set by vex_core_init() and vex_dist_select(). */
const struct vex_dist_ops *vex_dist_ops(void);

/**
 * struct vex_measure - how the rows of a collection are compared
 * @kernel: distances of a query to some of them
 * @near: the same for rows in the cache, as those that another query has just been compared with
 * @dim: elements of a row
 * @row_bytes: and its bytes
 * @most: rows that one FPU section may cover
 */
struct vex_measure {
	vex_dist_kernel kernel;
	vex_dist_kernel near;
	u32 dim;
	u32 row_bytes;
	u32 most;
};

/* By the chosen kernels; where vex_elem_served() says yes. */
struct vex_measure vex_measure_of(u32 elem, u32 metric, u32 dim);

/* @kernel of @m for any number of rows, in FPU sections of bounded length; outside of one. */
static inline void vex_dist_by(const struct vex_measure *m, vex_dist_kernel kernel, const void *q,
			       const void *rows, u32 n, u32 *out)
{
	u32 at, count;

	for (at = 0; at < n; at += count) {
		count = min(n - at, m->most);
		vex_fpu_begin();
		kernel(q, (const u8 *)rows + (size_t)at * m->row_bytes, count, m->dim, out + at);
		vex_fpu_end();
	}
}

static inline void vex_dist_rows(const struct vex_measure *m, const void *q, const void *rows,
				 u32 n, u32 *out)
{
	vex_dist_by(m, m->kernel, q, rows, n, out);
}

/* Choose the best set of this CPU; called by vex_core_init(). */
void vex_dist_init(void);

/*
 * Inside an FPU section, after a kernel produced a NaN or an infinity: the distance
 * again, in binary64, limited to +-FLT_MAX. @metric as enum vexfs_metric.
 */
u32 vex_dist_exact_f32(u32 metric, const void *q, const void *row, u32 dim);

/* A number that orders binary32 bit patterns as their values; not for NaN; -0 sorts before +0. */
static inline u32 vex_f32_order(u32 bits)
{
	return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

/* The bit pattern of FLT_MAX. */
#define VEX_F32_MAX	0x7f7fffffu

#endif /* VEX_DIST_H */

/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Main directions: a code may hold a row's place along the directions in which rows differ most
 * instead of all its elements, when these few tell rows apart nearly as well. See pca.c.
 */
#ifndef VEX_PCA_H
#define VEX_PCA_H

#include "vex_code.h"

/* Rows have this many elements at least, and at most, for it. */
#define VEX_PCA_DIM_MIN		256u
#define VEX_PCA_DIM_MAX		4096u
/* Directions at most; a multiple of VEX_PCA_BLOCK, which is a cache line of codes. */
#define VEX_PCA_MOST		256u
#define VEX_PCA_BLOCK		64u
/* Rows that say enough about directions. */
#define VEX_PCA_ROWS		512u

/**
 * struct vex_pca - the main directions of a codec
 * @width: how many, a multiple of VEX_PCA_BLOCK
 * @dim: levels of a row, padded: row_padded of the codec
 * @mul: a place becomes a level: (place - low) * @mul / 2^32
 * @low: of each direction, the place of level 0
 * @dirs: @width directions of @dim bytes, in which 64 is zero; they follow @low in memory
 */
struct vex_pca {
	u32 width;
	u32 dim;
	u32 mul;
	s32 *low;
	u8 *dirs;
};

/* Bytes of @low and @dirs. */
static inline size_t vex_pca_bytes(u32 width, u32 dim)
{
	return width * (sizeof(s32) + dim);
}

/* Can codes of such rows be along main directions? */
static inline bool vex_pca_served(u32 metric, u32 dim)
{
	return metric != VEXFS_METRIC_IP && dim >= VEX_PCA_DIM_MIN && dim <= VEX_PCA_DIM_MAX;
}

/* NULL for want of memory. */
struct vex_pca *vex_pca_alloc(u32 width, u32 dim);
void vex_pca_free(struct vex_pca *p);

/*
 * Find the main directions of @count rows of levels, @dim bytes each. *@out receives them: NULL
 * when rows differ in too many, or, with @any, the most. Sleeps. ENOMEM, EINTR.
 */
int vex_pca_train(const u8 *levels, u32 count, u32 dim, bool any, struct vex_pca **out);
/*
 * The places of a row along the directions, as levels. @raw, its @dim levels, becomes something
 * else. Between FPU sections.
 */
void vex_pca_levels(const struct vex_pca *p, u8 *raw, u8 *levels);

/* ---- pca_scalar.c: inside an FPU section; rows of binary32 -------------------------------- */

/* Levels less their mean @sum / @count. */
void vex_pca_centre(const u8 *levels, const u32 *sum, u32 count, u32 dim, void *out);
/* @v += the sum of @n packed rows, each times its @factor. */
void vex_pca_add(void *v, const void *rows, const void *factor, u32 n, u32 dim);
/* Both become their sum and difference, over the root of two. */
void vex_pca_butterfly(void *a, void *b, u32 dim);
/* The largest absolute value so far. */
u32 vex_pca_largest(const void *v, u32 dim, u32 largest);
/* Signed steps of @largest / 63 around 64. */
void vex_pca_steps(const void *v, u32 dim, u32 largest, u8 *out);
/* The sum of squares, rounded. */
u64 vex_pca_energy(const void *v, u32 n);

#endif /* VEX_PCA_H */

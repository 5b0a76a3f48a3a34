/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Codes: rows in a few bits an element, on which graphs are built and walked. What a search
 * finds by them is ranked again on the rows themselves.
 *
 * An element becomes a level: round((x - low[i]) / step), from 0 to 127. All elements have the same
 * step, so squared differences of levels add up to the squared distance; each has a low end of its
 * own, which a difference does not see. SQ7 keeps the levels; SQ4 their upper four bits, two
 * elements in a byte. Rows under cosine are scaled to length one before; under an inner product the
 * low ends are the same for all elements, so that level 64 is zero.
 *
 * A distance is taken between a *form*, a query or a row as one signed byte an element, and codes.
 * It is a number without a unit: the smaller, the nearer. These kernels are integer arithmetic.
 */
#ifndef VEX_CODE_H
#define VEX_CODE_H

#include "vex_dist.h"

enum vex_code_kind {
	VEX_CODE_SQ7,
	VEX_CODE_SQ4,
	VEX_CODE_KINDS
};

/* From so many elements on SQ4 finds the same neighbours in less time. */
#define VEX_CODE_SQ4_DIM	256u
#define VEX_LEVEL_MAX	127u
/* Elements are padded to whole groups; a group of SQ4 is 32 bytes. */
#define VEX_CODE_GROUP	64u
/* Rows that a codec is made from at most. */
#define VEX_TRAIN_ROWS	1024u

/**
 * struct vex_codec - how rows become codes
 * @kind: enum vex_code_kind
 * @metric: enum vexfs_metric
 * @dim: elements of a row
 * @padded: of a form
 * @bytes: of a code, a multiple of 32
 * @inv_step: 1 / step, binary32
 * @low: of each element, the value of level 0, binary32
 */
struct vex_codec {
	u32 kind;
	u32 metric;
	u32 dim;
	u32 padded;
	u32 bytes;
	u32 inv_step;
	u32 *low;
};

/* The bias of a form: what an inner product with levels has too much. */
struct vex_form {
	s32 bias;
	u8 *level;		/* @padded bytes, signed where the kernel wants it so */
};

/**
 * typedef vex_code_dist - distances of a form to codes
 * @f: the form
 * @codes: @n of them, each anywhere
 * @n: how many
 * @bytes: of each
 * @out: receives the distances
 */
typedef void (*vex_code_dist)(const struct vex_form *f, const u8 *const *codes, u32 n, u32 bytes,
			      u32 *out);

/**
 * struct vex_code_ops - the kernels of one instruction set
 * @l2: squared differences of levels, by kind
 * @ip: 2^31 less the inner product, by kind
 * @levels: the levels of a row, @padded bytes; floating point
 *
 * All run inside an FPU section.
 */
struct vex_code_ops {
	vex_code_dist l2[VEX_CODE_KINDS];
	vex_code_dist ip[VEX_CODE_KINDS];
	void (*levels)(const struct vex_codec *c, const void *row, u8 *out);
};

extern const struct vex_code_ops vex_code_scalar;
extern const struct vex_code_ops vex_code_avx2;

/* Those that go with vex_dist_ops(). */
const struct vex_code_ops *vex_code_ops(void);

/* ---- code.c ---------------------------------------------------------------- */

/* Fill in the sizes; @dim 1 to VEXFS_MAX_DIM. */
void vex_codec_shape(struct vex_codec *c, u32 kind, u32 metric, u32 dim);
/*
 * Choose steps and low ends by @count packed rows, which are scaled in place under cosine. @c has
 * its shape and @low its room. Sleeps. ENOMEM.
 */
int vex_codec_train(struct vex_codec *c, void *rows, u32 count);
/* Between FPU sections: the levels of a row, then its code, and its form. */
void vex_codec_levels(const struct vex_codec *c, const void *row, u8 *levels);
/*
 * The same of a query: under an inner product its length is of no matter, and it has the whole
 * range of levels.
 */
void vex_codec_query(const struct vex_codec *c, const void *row, u8 *levels);
void vex_codec_pack(const struct vex_codec *c, const u8 *levels, u8 *code);
void vex_codec_form(const struct vex_codec *c, const u8 *levels, struct vex_form *f);
/* The form of a row of which only the code is there. */
void vex_codec_form_of(const struct vex_codec *c, const u8 *code, struct vex_form *f);

static inline vex_code_dist vex_codec_dist(const struct vex_codec *c)
{
	const struct vex_code_ops *ops = vex_code_ops();

	return c->metric == VEXFS_METRIC_IP ? ops->ip[c->kind] : ops->l2[c->kind];
}

/* ---- code_scalar.c: inside an FPU section ---------------------------------------- */

/* Scale a row to length one; zero stays zero. */
void vex_code_normalise(const void *row, void *out, u32 dim);
/* Levels of a query under an inner product. */
void vex_code_query_ip(const struct vex_codec *c, const void *row, u8 *out);
/* Steps and low ends from the range of each element, binary32. */
void vex_codec_fit(struct vex_codec *c, const u32 *from, const u32 *to);

#endif /* VEX_CODE_H */

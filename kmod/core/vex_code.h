/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Codes: rows in a few bits an element, on which graphs are built and walked. What a search
 * finds by them is ranked again on the rows themselves.
 *
 * An element becomes a level: round((x - low[i]) / step), from 0 to 127. All elements have the same
 * step, so squared differences of levels add up to the squared distance; each has a low end of its
 * own, which a difference does not see. SQ7 keeps the levels; SQ4 their upper four bits, two
 * elements in a byte. Rows under cosine are scaled to length one before. Under an inner product
 * level 64 stands for zero: all rows are moved by the same vector, which changes all inner products
 * of a query by the same number, and their order not at all.
 *
 * PCA keeps levels of a row's places along the few directions in which rows differ most, when these
 * are few; see vex_pca.h.
 *
 * Where levels cannot tell rows apart, because most of them lie in a small part of the range, F32
 * keeps the elements as they are.
 *
 * Rows of f16 and i8 are widened to f32 first. B1 is the code of rows of b1: their bits as they
 * are, with which nothing is lost.
 *
 * A distance is taken between a *form*, a query or a row as one signed byte an element, and codes.
 * It is a number without a unit: the smaller, the nearer. The kernels of levels and bits are
 * integer arithmetic. A form of B1 is a code.
 */
#ifndef VEX_CODE_H
#define VEX_CODE_H

#include "vex_util.h"

enum vex_code_kind {
	VEX_CODE_SQ7,
	VEX_CODE_SQ4,
	VEX_CODE_KINDS,			/* that have kernels of levels of their own */
	VEX_CODE_F32 = VEX_CODE_KINDS,
	VEX_CODE_PCA,			/* by those of SQ7 */
	VEX_CODE_B1
};

/* From so many elements on SQ4 finds the same neighbours in less time. */
#define VEX_CODE_SQ4_DIM	256u
#define VEX_LEVEL_MAX	127u
/* Elements are padded to whole groups; a group of SQ4 is 32 bytes. */
#define VEX_CODE_GROUP	64u
/* Rows that a codec is made from at most. */
#define VEX_TRAIN_ROWS	1024u
/* Up to so many elements F32 may be chosen. */
#define VEX_CODE_F32_DIM	4096u

struct vex_pca;

/**
 * struct vex_codec - how rows become codes
 * @kind: enum vex_code_kind
 * @elem: enum vexfs_elem
 * @metric: enum vexfs_metric
 * @dim: elements of a row
 * @row_padded: levels of a row, padded
 * @width: elements of a form: @dim, or directions
 * @padded: bytes of a form
 * @bytes: of a code, a multiple of 32
 * @inv_step: 1 / step, binary32; of F32 zero
 * @usual: of 1,024 rows that it was made from, as many were cut; see vex_codec_cut()
 * @low: of each element, the value of level 0, binary32; of F32 what is taken off it, of B1 unused
 * @pca: main directions, or NULL
 */
struct vex_codec {
	u32 kind;
	u32 elem;
	u32 metric;
	u32 dim;
	u32 row_padded;
	u32 width;
	u32 padded;
	u32 bytes;
	u32 inv_step;
	u32 usual;
	u32 *low;
	struct vex_pca *pca;
};

/* The bulk of the values of an element, binary32. */
struct vex_range {
	u32 from;
	u32 median;
	u32 to;
};

/* The bias of a form: what an inner product with levels has too much. */
struct vex_form {
	s32 bias;
	u8 *level;		/* @padded bytes, signed where the kernel wants it so; or floats */
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
 * @b1: bits that differ
 * @levels: the levels of a row's elements, in f32, @row_padded bytes; floating point
 * @rise: move the @n words from @at on up by @by places, which may be fewer
 *
 * All run inside an FPU section.
 */
struct vex_code_ops {
	vex_code_dist l2[VEX_CODE_KINDS];
	vex_code_dist ip[VEX_CODE_KINDS];
	vex_code_dist b1;
	void (*levels)(const struct vex_codec *c, const void *row, u8 *out);
	void (*rise)(u64 *at, u32 n, u32 by);
};

extern const struct vex_code_ops vex_code_scalar;
extern const struct vex_code_ops vex_code_avx2;
/* AVX-512 with VNNI. */
extern const struct vex_code_ops vex_code_vnni;

/* Those that go with vex_dist_ops(). */
const struct vex_code_ops *vex_code_ops(void);

/* ---- code.c ---------------------------------------------------------------- */

/* What enum vexfs_code calls a kind, and the other way round. */
u32 vex_code_name(u32 kind);
u32 vex_code_kind(u32 code);
/* The kind that codes of such rows begin with, where @code may be AUTO. */
u32 vex_code_choose(u32 code, u32 elem, u32 metric, u32 dim);
/* Can rows have this code, or AUTO? */
bool vex_code_served(u32 code, u32 elem, u32 metric, u32 dim);
/* The same where codes have to be levels of the elements, or the bits. */
u32 vex_levels_choose(u32 code, u32 elem, u32 dim);
bool vex_levels_served(u32 code, u32 elem);
/* Does a code of this kind lose nothing of the row? Then it is its own form. */
static inline bool vex_code_exact(u32 kind)
{
	return kind == VEX_CODE_F32 || kind == VEX_CODE_B1;
}

/* Fill in the sizes; @dim 1 to VEXFS_MAX_DIM. Of PCA they depend on c->pca. */
void vex_codec_shape(struct vex_codec *c, u32 kind, u32 elem, u32 metric, u32 dim);
/* A row of its element type as all below want it: in f32, in @wide, or as is. */
const void *vex_codec_wide(const struct vex_codec *c, const void *row, void *wide);

/* Bytes of @wide: those of a row in f32, or 0. */
static inline u32 vex_codec_wide_bytes(const struct vex_codec *c)
{
	return c->elem == VEXFS_ELEM_F16 || c->elem == VEXFS_ELEM_I8 ? c->dim * 4 : 0;
}

/* Of a sample, which vex_codec_train() may change: rows in f32, and none of B1. */
static inline u32 vex_codec_sample_bytes(const struct vex_codec *c)
{
	return c->kind == VEX_CODE_B1 ? 0 : c->dim * 4;
}

/*
 * Does a row lie so far outside of the codec's range that its code is another row's? What it
 * lacks is more than what rounding takes of any row.
 */
bool vex_codec_cut(const struct vex_codec *c, const void *row);
/* Free what @c points to. */
void vex_codec_free(struct vex_codec *c);
/* Bytes of room for levels. */
static inline u32 vex_codec_room(const struct vex_codec *c)
{
	return c->padded + (c->pca ? c->row_padded : 0);
}

/*
 * Between FPU sections: the levels of a row, in vex_codec_room() bytes, then its code, and its
 * form.
 */
void vex_codec_levels(const struct vex_codec *c, const void *row, u8 *levels);
/*
 * The same of a query: under an inner product its length is of no matter, and it has the whole
 * range of levels.
 */
void vex_codec_query(const struct vex_codec *c, const void *row, u8 *levels);
/*
 * Take @by off each of @n levels, none of them above 127, nor @by; @out, which may be @levels,
 * receives signed bytes. Returns their sum.
 */
s32 vex_levels_lower(const u8 *levels, u32 n, u8 by, u8 *out);
void vex_codec_pack(const struct vex_codec *c, const u8 *levels, u8 *code);
void vex_codec_form(const struct vex_codec *c, const u8 *levels, struct vex_form *f);
/* The form of a row of which only the code is there. */
void vex_codec_form_of(const struct vex_codec *c, const u8 *code, struct vex_form *f);

/* Distances of F32: an order, as vex_f32_order() has it. */
void vex_code_f32_l2(const struct vex_form *f, const u8 *const *codes, u32 n, u32 bytes, u32 *out);
void vex_code_f32_ip(const struct vex_form *f, const u8 *const *codes, u32 n, u32 bytes, u32 *out);

static inline vex_code_dist vex_codec_dist(const struct vex_codec *c)
{
	const struct vex_code_ops *ops = vex_code_ops();

	if (c->kind == VEX_CODE_B1)
		return ops->b1;
	if (c->kind == VEX_CODE_PCA)
		return ops->l2[VEX_CODE_SQ7];
	if (c->kind == VEX_CODE_F32)
		return c->metric == VEXFS_METRIC_IP ? vex_code_f32_ip : vex_code_f32_l2;
	return c->metric == VEXFS_METRIC_IP ? ops->ip[c->kind] : ops->l2[c->kind];
}

/* Codes that one FPU section may cover. */
static inline u32 vex_codec_piece(const struct vex_codec *c)
{
	return max(VEX_DIST_PIECE / c->bytes, 4u);
}

/* Distances of @f to @n codes, each anywhere, in FPU sections of bounded length; outside of one. */
void vex_codec_dists(const struct vex_codec *c, const struct vex_form *f, const u8 *const *codes,
		     u32 n, u32 *out);

/* ---- code_train.c ---------------------------------------------------------- */

/*
 * Choose steps and low ends by @count packed rows, which are scaled in place under cosine. @c has
 * its shape and @low its room. Sleeps. ENOMEM; EINTR. B1 needs no choice, and no rows.
 */
int vex_codec_train(struct vex_codec *c, void *rows, u32 count);
/*
 * Do the codes of these rows, which the codec was made from, tell too little of them? 1, 0 or an
 * error. Sleeps. ENOMEM; EINTR.
 */
int vex_codec_poor(const struct vex_codec *c, const void *rows, u32 count);
/*
 * vex_codec_train() for codes of @kind, or, where those tell too little, of more bits: @c has the
 * kind then.
 */
int vex_codec_choose(struct vex_codec *c, u32 kind, void *rows, u32 count);

/* ---- drift.c: rows that come from elsewhere ------------------------------------- */

/**
 * struct vex_drift - how well a codec fits the rows that have come since it was made
 * @rows: that there were then; 0: there is none
 * @cut: rows in the graph that vex_codec_cut() is true of
 * @fresh: rows that have got new content since
 *
 * A few cut rows are in any collection, and enter the graph like the others. When they are many,
 * the range does not fit any more: then the next ones wait, compared one by one, and with them all
 * that come after, until there are enough for a codec that fits all.
 */
struct vex_drift {
	u32 rows;
	u32 cut;
	u32 fresh;
};

/* May another cut row enter the graph of @count rows? */
bool vex_drift_admits(const struct vex_drift *d, const struct vex_codec *c, u32 count);
/*
 * Is it time for a new codec? @rows there are, @count in the graph. A new codec costs as much as
 * one in @share of the rows.
 */
bool vex_drift_due(const struct vex_drift *d, const struct vex_codec *c, u32 count, u64 rows,
		   u32 share);

/* ---- code_scalar.c: inside an FPU section ---------------------------------------- */

/* Scale a row to length one; zero stays zero. */
void vex_code_normalise(const void *row, void *out, u32 dim);
/* Levels of a query under an inner product. */
void vex_code_query_ip(const struct vex_codec *c, const void *row, u8 *out);
/* The elements as F32 keeps them, @c->bytes; those of a query under IP are not moved. */
void vex_code_floats(const struct vex_codec *c, const void *row, bool query, u8 *out);
bool vex_code_cut(const struct vex_codec *c, const void *row);
/* Steps and low ends from the range of each element. */
void vex_codec_fit(struct vex_codec *c, const struct vex_range *r);

#endif /* VEX_CODE_H */

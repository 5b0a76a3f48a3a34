// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Codecs: their making from a sample of rows, and the bytes of codes and forms. No floating point:
 * what needs it is in code_scalar.c and called in FPU sections.
 *
 * The range of an element reaches from one quantile of the sample to another, so that a few
 * outliers do not make the steps coarse; what lies outside is cut to the first or last level.
 * The common step is that of the widest element.
 */
#include "vex_code.h"

/* Of 1,024 values this many are left out at each end: four bits want the bulk, seven nearly all. */
static const u32 trim[VEX_CODE_KINDS] = {
	[VEX_CODE_SQ7] = 2,
	[VEX_CODE_SQ4] = 6,
};

const struct vex_code_ops *vex_code_ops(void)
{
	return vex_dist_isa() == VEXFS_ISA_SCALAR ? &vex_code_scalar : &vex_code_avx2;
}

void vex_codec_shape(struct vex_codec *c, u32 kind, u32 metric, u32 dim)
{
	c->kind = kind;
	c->metric = metric;
	c->dim = dim;
	c->padded = round_up(dim, VEX_CODE_GROUP);
	c->bytes = kind == VEX_CODE_SQ4 ? c->padded / 2 : c->padded;
}

/* The upper four of the seven bits of eight levels. */
#define HIGH_LEVELS	0x7878787878787878ULL

static int order_cmp(const void *a, const void *b)
{
	u32 x = *(const u32 *)a;
	u32 y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

/* The inverse of vex_f32_order(). */
static u32 order_bits(u32 order)
{
	return order & 0x80000000u ? order & ~0x80000000u : ~order;
}

/* The bulk of element @i over the sample. */
static void range_of(const struct vex_codec *c, const u8 *rows, u32 count, u32 i, u32 *column,
		     u32 *from, u32 *to)
{
	/* Rounded: of 256 rows one, without which a single outlier would set all steps. */
	u32 cut = (trim[c->kind] * count + VEX_TRAIN_ROWS / 2) / VEX_TRAIN_ROWS;
	u32 n;

	for (n = 0; n < count; n++)
		column[n] = vex_f32_order(get_unaligned_le32(rows + ((size_t)n * c->dim + i) * 4));
	sort(column, count, sizeof(*column), order_cmp, NULL);
	*from = order_bits(column[cut]);
	*to = order_bits(column[count - 1 - cut]);
}

int vex_codec_train(struct vex_codec *c, void *rows, u32 count)
{
	u32 *column = vex_alloc(count * sizeof(*column));
	u32 *range = vex_alloc(2 * (size_t)c->dim * sizeof(*range));
	int err = column && range ? 0 : -ENOMEM;
	u32 i;

	for (i = 0; i < count && !err && c->metric == VEXFS_METRIC_COSINE; i++) {
		u8 *row = (u8 *)rows + (size_t)i * c->dim * 4;

		vex_fpu_begin();
		vex_code_normalise(row, row, c->dim);
		vex_fpu_end();
	}
	for (i = 0; i < c->dim && !err; i++) {
		range_of(c, rows, count, i, column, &range[i], &range[c->dim + i]);
		vex_resched();
		if (vex_interrupted())
			err = -EINTR;
	}
	if (!err) {
		vex_fpu_begin();
		vex_codec_fit(c, range, range + c->dim);
		vex_fpu_end();
	}
	vex_free(range);
	vex_free(column);
	return err;
}

void vex_codec_levels(const struct vex_codec *c, const void *row, u8 *levels)
{
	vex_fpu_begin();
	vex_code_ops()->levels(c, row, levels);
	vex_fpu_end();
}

void vex_codec_query(const struct vex_codec *c, const void *row, u8 *levels)
{
	if (c->metric != VEXFS_METRIC_IP) {
		vex_codec_levels(c, row, levels);
		return;
	}
	vex_fpu_begin();
	vex_code_query_ip(c, row, levels);
	vex_fpu_end();
}

/* Element j of a group of 64 is in the lower half of byte j, element j + 32 in the upper. */
void vex_codec_pack(const struct vex_codec *c, const u8 *levels, u8 *code)
{
	u32 i, j;

	if (c->kind == VEX_CODE_SQ7) {
		memcpy(code, levels, c->padded);
		return;
	}
	for (i = 0; i < c->padded; i += VEX_CODE_GROUP, levels += VEX_CODE_GROUP)
		for (j = 0; j < VEX_CODE_GROUP / 2; j++)
			*code++ = levels[j] >> 3 | (levels[j + 32] >> 3) << 4;
}

/*
 * An SQ4 code stands for the middle of eight levels: the four that are missing are taken off the
 * form. What pads a form meets code 0 and adds nothing.
 */
void vex_codec_form(const struct vex_codec *c, const u8 *levels, struct vex_form *f)
{
	u32 middle = c->kind == VEX_CODE_SQ4 ? 4 : 0;
	bool ip = c->metric == VEXFS_METRIC_IP;
	u32 off = ip ? 64 : middle;
	s32 sum = 0;
	u32 i;

	for (i = 0; i < c->dim; i++) {
		f->level[i] = levels[i] - off;
		sum += (s8)f->level[i];
	}
	memset(f->level + c->dim, 0, c->padded - c->dim);
	f->bias = ip ? sum * (s32)(64 - middle) : 0;
}

void vex_codec_form_of(const struct vex_codec *c, const u8 *code, struct vex_form *f)
{
	bool ip = c->metric == VEXFS_METRIC_IP;
	u32 i, j;
	u64 x;

	if (c->kind == VEX_CODE_SQ7) {
		vex_codec_form(c, code, f);
		return;
	}
	/* Eight bytes at once: what is shifted out of one into the next is masked away. */
	for (i = 0; i < c->padded; i += VEX_CODE_GROUP)
		for (j = 0; j < VEX_CODE_GROUP / 2; j += 8, code += 8) {
			x = get_unaligned_le64(code);
			put_unaligned_le64(x << 3 & HIGH_LEVELS, f->level + i + j);
			put_unaligned_le64(x >> 1 & HIGH_LEVELS, f->level + i + j + 32);
		}
	f->bias = 0;
	if (!ip)
		return;
	for (i = 0; i < c->dim; i++) {
		f->level[i] -= 60;
		f->bias += (s8)f->level[i];
	}
	f->bias *= 60;
	memset(f->level + c->dim, 0, c->padded - c->dim);
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The bytes of codes and forms. No floating point: what needs it is in code_scalar.c and the
 * kernels of distances, and called in FPU sections.
 */
#include "vex_pca.h"

const struct vex_code_ops *vex_code_ops(void)
{
	return vex_dist_ops()->code;
}

static const u32 names[] = {
	[VEX_CODE_SQ7] = VEXFS_CODE_SQ7,
	[VEX_CODE_SQ4] = VEXFS_CODE_SQ4,
	[VEX_CODE_B1] = VEXFS_CODE_B1,
	[VEX_CODE_F32] = VEXFS_CODE_F32,
	[VEX_CODE_PCA] = VEXFS_CODE_PCA,
};

u32 vex_code_name(u32 kind)
{
	return names[kind];
}

u32 vex_code_kind(u32 code)
{
	u32 kind;

	for (kind = 0; kind < ARRAY_SIZE(names); kind++)
		if (names[kind] == code)
			return kind;
	return VEX_CODE_SQ7;
}

u32 vex_levels_choose(u32 code, u32 elem, u32 dim)
{
	if (code != VEXFS_CODE_AUTO)
		return vex_code_kind(code);
	if (elem == VEXFS_ELEM_B1)
		return VEX_CODE_B1;
	return dim >= VEX_CODE_SQ4_DIM ? VEX_CODE_SQ4 : VEX_CODE_SQ7;
}

bool vex_levels_served(u32 code, u32 elem)
{
	return code <= VEXFS_CODE_SQ4 && elem != VEXFS_ELEM_B1;
}

u32 vex_code_choose(u32 code, u32 elem, u32 metric, u32 dim)
{
	if (code == VEXFS_CODE_AUTO && elem != VEXFS_ELEM_B1 && vex_pca_served(metric, dim))
		return VEX_CODE_PCA;
	return vex_levels_choose(code, elem, dim);
}

bool vex_code_served(u32 code, u32 elem, u32 metric, u32 dim)
{
	switch (code) {
	case VEXFS_CODE_AUTO:
		return true;
	case VEXFS_CODE_SQ7:
	case VEXFS_CODE_SQ4:
	case VEXFS_CODE_F32:
		return elem != VEXFS_ELEM_B1;
	case VEXFS_CODE_B1:
		return elem == VEXFS_ELEM_B1;
	case VEXFS_CODE_PCA:
		return elem != VEXFS_ELEM_B1 && vex_pca_served(metric, dim);
	default:
		return false;
	}
}

void vex_codec_shape(struct vex_codec *c, u32 kind, u32 elem, u32 metric, u32 dim)
{
	c->kind = kind;
	c->elem = elem;
	c->metric = metric;
	c->dim = dim;
	c->row_padded = round_up(dim, VEX_CODE_GROUP);
	c->width = kind == VEX_CODE_PCA && c->pca ? c->pca->width : dim;
	if (vex_code_exact(kind)) {
		c->padded = round_up(kind == VEX_CODE_B1 ? vex_row_bytes(elem, dim) : dim * 4,
				     VEX_CODE_GROUP);
		c->bytes = c->padded;
		return;
	}
	c->padded = round_up(c->width, VEX_CODE_GROUP);
	c->bytes = kind == VEX_CODE_SQ4 ? c->padded / 2 : c->padded;
}

const void *vex_codec_wide(const struct vex_codec *c, const void *row, void *wide)
{
	if (!vex_codec_wide_bytes(c))
		return row;
	vex_row_widen(c->elem, row, c->dim, wide);
	return wide;
}

/* The upper four of the seven bits of eight levels. */
#define HIGH_LEVELS	0x7878787878787878ULL
/* Every second byte of eight, and every second two. */
#define EVEN_BYTES	0x00ff00ff00ff00ffULL
#define EVEN_WORDS	0x0000ffff0000ffffULL

void vex_codec_free(struct vex_codec *c)
{
	vex_free(c->low);
	vex_pca_free(c->pca);
	c->low = NULL;
	c->pca = NULL;
}

/* Of B1: the code. */
static void bits_copy(const struct vex_codec *c, const void *row, u8 *out)
{
	u32 bytes = vex_row_bytes(c->elem, c->dim);

	memcpy(out, row, bytes);
	memset(out + bytes, 0, c->padded - bytes);
}

void vex_codec_levels(const struct vex_codec *c, const void *row, u8 *levels)
{
	u8 *own = c->pca ? levels + c->padded : levels;

	if (c->kind == VEX_CODE_B1) {
		bits_copy(c, row, levels);
		return;
	}
	vex_fpu_begin();
	if (c->kind == VEX_CODE_F32)
		vex_code_floats(c, row, false, levels);
	else
		vex_code_ops()->levels(c, row, own);
	vex_fpu_end();
	if (c->pca)
		vex_pca_levels(c->pca, own, levels);
}

void vex_codec_query(const struct vex_codec *c, const void *row, u8 *levels)
{
	if (c->metric != VEXFS_METRIC_IP) {
		vex_codec_levels(c, row, levels);
		return;
	}
	vex_fpu_begin();
	if (c->kind == VEX_CODE_F32)
		vex_code_floats(c, row, true, levels);
	else
		vex_code_query_ip(c, row, levels);
	vex_fpu_end();
}

bool vex_codec_cut(const struct vex_codec *c, const void *row)
{
	bool cut;

	if (vex_code_exact(c->kind))
		return false;
	vex_fpu_begin();
	cut = vex_code_cut(c, row);
	vex_fpu_end();
	return cut;
}

/* Element j of a group of 64 is in the lower half of byte j, element j + 32 in the upper. */
void vex_codec_pack(const struct vex_codec *c, const u8 *levels, u8 *code)
{
	u32 i, j;

	if (c->kind != VEX_CODE_SQ4) {
		memcpy(code, levels, c->padded);
		return;
	}
	for (i = 0; i < c->padded; i += VEX_CODE_GROUP, levels += VEX_CODE_GROUP)
		for (j = 0; j < VEX_CODE_GROUP / 2; j++)
			*code++ = levels[j] >> 3 | (levels[j + 32] >> 3) << 4;
}

/*
 * Eight levels at once: none is above 127, so that a bit put above each keeps what is taken off
 * within its byte.
 */
s32 vex_levels_lower(const u8 *levels, u32 n, u8 by, u8 *out)
{
	const u64 each = 0x0101010101010101ULL;
	u64 x, sum = 0;
	u32 i;

	for (i = 0; i + 8 <= n; i += 8) {
		x = get_unaligned_le64(levels + i);
		put_unaligned_le64(((x | 128 * each) - by * each) ^ 128 * each, out + i);
		x = (x & EVEN_BYTES) + (x >> 8 & EVEN_BYTES);
		sum += (x & EVEN_WORDS) + (x >> 16 & EVEN_WORDS);
	}
	sum = (sum & U32_MAX) + (sum >> 32);
	for (; i < n; i++) {
		sum += levels[i];
		out[i] = levels[i] - by;
	}
	return (s32)sum - (s32)(n * by);
}

/*
 * An SQ4 code stands for the middle of eight levels: the four that are missing are taken off the
 * form. What pads a form meets code 0 and adds nothing.
 */
void vex_codec_form(const struct vex_codec *c, const u8 *levels, struct vex_form *f)
{
	u32 middle = c->kind == VEX_CODE_SQ4 ? 4 : 0;
	bool ip = c->metric == VEXFS_METRIC_IP;
	s32 sum;

	if (vex_code_exact(c->kind)) {
		memcpy(f->level, levels, c->padded);
		return;
	}
	sum = vex_levels_lower(levels, c->width, ip ? 64 : middle, f->level);
	memset(f->level + c->width, 0, c->padded - c->width);
	f->bias = ip ? sum * (s32)(64 - middle) : 0;
}

void vex_codec_form_of(const struct vex_codec *c, const u8 *code, struct vex_form *f)
{
	bool ip = c->metric == VEXFS_METRIC_IP;
	u32 i, j;
	u64 x;

	if (c->kind != VEX_CODE_SQ4) {
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
	f->bias = 60 * vex_levels_lower(f->level, c->dim, 60, f->level);
	memset(f->level + c->dim, 0, c->padded - c->dim);
}

void vex_codec_dists(const struct vex_codec *c, const struct vex_form *f, const u8 *const *codes,
		     u32 n, u32 *out)
{
	vex_code_dist kernel = vex_codec_dist(c);
	u32 piece = vex_codec_piece(c), at, count;

	for (at = 0; at < n; at += count) {
		count = min(n - at, piece);
		vex_fpu_begin();
		kernel(f, codes + at, count, c->bytes, out + at);
		vex_fpu_end();
	}
}

/* ---- floats ------------------------------------------------------------------ */

static void f32_dist(u32 metric, const struct vex_form *f, const u8 *const *codes, u32 n,
		     u32 bytes, u32 *out)
{
	const struct vex_dist_ops *ops = vex_dist_ops();
	u32 i;

	for (i = 0; i < n; i++) {
		ops->kernel[VEXFS_ELEM_F32][metric](f->level, codes[i], 1, bytes / 4, &out[i]);
		out[i] = vex_f32_order(out[i]);
	}
}

void vex_code_f32_l2(const struct vex_form *f, const u8 *const *codes, u32 n, u32 bytes, u32 *out)
{
	f32_dist(VEXFS_METRIC_L2, f, codes, n, bytes, out);
}

void vex_code_f32_ip(const struct vex_form *f, const u8 *const *codes, u32 n, u32 bytes, u32 *out)
{
	f32_dist(VEXFS_METRIC_IP, f, codes, n, bytes, out);
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The types of elements. A row of f32, f16 or i8 is its elements side by side; one of b1 has
 * element i in bit i % 8 of byte i / 8, and zeros in what is left of its last byte.
 *
 * No floating point: this unit runs outside FPU sections.
 */
#include "vex_elem.h"

static const u32 elem_bits[VEX_ELEMS] = {
	[VEXFS_ELEM_F32] = 32,
	[VEXFS_ELEM_F16] = 16,
	[VEXFS_ELEM_I8] = 8,
	[VEXFS_ELEM_B1] = 1,
};

u32 vex_row_bytes(u32 elem, u32 dim)
{
	return elem < VEX_ELEMS ? DIV_ROUND_UP(dim * elem_bits[elem], 8) : 0;
}

bool vex_elem_served(u32 elem, u32 metric)
{
	if (elem >= VEX_ELEMS || !elem_bits[elem] || metric >= VEX_METRICS || !metric)
		return false;
	return (elem == VEXFS_ELEM_B1) == (metric == VEXFS_METRIC_HAMMING);
}

/* ---- what may not be stored ---------------------------------------------------------- */

/**
 * struct layout - where the bits of a floating point type are, in all elements of eight bytes
 * @bytes: of an element
 * @exponents: all bits of the exponents
 * @ones: the lowest of each
 * @signs: the sign bits
 */
struct layout {
	u32 bytes;
	u64 exponents;
	u64 ones;
	u64 signs;
};

static const struct layout f32_layout = {
	.bytes = 4,
	.exponents = 0x7f8000007f800000ULL,
	.ones = 0x0080000000800000ULL,
	.signs = 0x8000000080000000ULL,
};

static const struct layout f16_layout = {
	.bytes = 2,
	.exponents = 0x7c007c007c007c00ULL,
	.ones = 0x0400040004000400ULL,
	.signs = 0x8000800080008000ULL,
};

/*
 * All ones in the exponent, and nothing less, become a carry into the sign when one is added; the
 * carry of one element cannot reach the next. What the other bits are means nothing.
 */
static __always_inline u64 nonfinite(const struct layout *l, u64 elems)
{
	return (elems & l->exponents) + l->ones;
}

static __always_inline u64 elem_get(const struct layout *l, const u8 *p)
{
	return l->bytes == 4 ? get_unaligned_le32(p) : get_unaligned_le16(p);
}

static __always_inline u64 find_nonfinite(const struct layout *l, const u8 *p, u64 n)
{
	const u32 step = 64 / l->bytes;
	u64 i = 0, seen;
	u32 k;

	/* A cache line at a time without a branch; the loop below finds which. */
	for (; i + step <= n; i += step) {
		seen = 0;
#pragma GCC unroll 8
		for (k = 0; k < 64; k += 8)
			seen |= nonfinite(l, get_unaligned_le64(p + i * l->bytes + k));
		if (seen & l->signs)
			break;
	}
	for (; i < n; i++)
		if (nonfinite(l, elem_get(l, p + i * l->bytes)) & l->signs)
			break;
	return i;
}

u64 vex_f32_find_nonfinite(const void *elems, u64 n)
{
	return find_nonfinite(&f32_layout, elems, n);
}

static u64 f16_find_nonfinite(const void *elems, u64 n)
{
	return find_nonfinite(&f16_layout, elems, n);
}

/* The first of @count rows with a bit behind its last element, or @count. */
static u64 b1_find_padding(const u8 *rows, u64 count, u32 dim)
{
	u32 bytes = vex_row_bytes(VEXFS_ELEM_B1, dim);
	u8 padding = dim % 8 ? 0xff << dim % 8 : 0;
	u64 i;

	for (i = 0; i < count; i++)
		if (rows[(i + 1) * bytes - 1] & padding)
			break;
	return i;
}

u64 vex_rows_find_bad(u32 elem, const void *rows, u64 count, u32 dim)
{
	switch (elem) {
	case VEXFS_ELEM_F32:
		return div_u64(vex_f32_find_nonfinite(rows, count * dim), dim);
	case VEXFS_ELEM_F16:
		return div_u64(f16_find_nonfinite(rows, count * dim), dim);
	case VEXFS_ELEM_B1:
		return b1_find_padding(rows, count, dim);
	default:
		return count;
	}
}

/* ---- widening --------------------------------------------------------------------------- */

static u32 i8_widen(s8 value)
{
	u32 sign = value < 0 ? 0x80000000u : 0;
	u32 size = value < 0 ? -value : value;
	u32 lead;

	if (!size)
		return 0;
	lead = 31 - __builtin_clz(size);
	return sign | ((127 + lead) << 23) | (size << (23 - lead) & 0x7fffff);
}

void vex_row_widen(u32 elem, const void *row, u32 dim, void *out)
{
	const u8 *from = row;
	u32 *to = out;
	u32 i;

	for (i = 0; i < dim; i++)
		to[i] = elem == VEXFS_ELEM_F16 ? vex_f16_widen(get_unaligned_le16(from + 2 * i)) :
						 i8_widen((s8)from[i]);
}

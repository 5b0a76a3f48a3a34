// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The rows of a collection in memory.
 *
 * Pixels, counts and many descriptors (SIFT) are whole numbers from 0 to 255 that come as binary32.
 * As long as all rows are such, an element is kept in a byte, a quarter of what has to be read to
 * compare a row. They are widened on the way to the kernels of distances, so that results are the
 * same bits. The first row of another kind has all of them widened for good.
 */
#include <immintrin.h>

#include "coll_mem.h"

/* Callers' rows may lie anywhere. */
typedef float float_at __attribute__((__aligned__(1), __may_alias__));

/* ---- elements ----------------------------------------------------------------------- */

/* Is each of @n elements of binary32 a byte's value? -0 is not, since it would come back as 0. */
static bool fit_bytes(const float_at *from, size_t n)
{
	const __m128i most = _mm_set1_epi32(255);
	__m128i bad = _mm_setzero_si128(), whole;
	float last[4] = { 0 };
	__m128 x;
	size_t i;

	for (i = 0; i < n; i += 4) {
		if (n - i < 4)
			memcpy(last, from + i, (n - i) * sizeof(*from));
		x = _mm_loadu_ps((const float *)(n - i < 4 ? (const float_at *)last : from + i));
		whole = _mm_cvttps_epi32(x);
		x = _mm_xor_ps(x, _mm_cvtepi32_ps(whole));
		bad = _mm_or_si128(bad, _mm_castps_si128(x));
		bad = _mm_or_si128(bad, _mm_andnot_si128(most, whole));
	}
	return _mm_movemask_epi8(_mm_cmpeq_epi32(bad, _mm_setzero_si128())) == 0xffff;
}

static void narrow(const float_at *from, size_t n, u8 *to)
{
	size_t i;

	for (i = 0; i < n; i++)
		to[i] = from[i];
}

static void widen_sse2(const u8 *from, size_t n, float_at *to)
{
	const __m128i zero = _mm_setzero_si128();
	__m128i x, half;
	size_t i, j;

	for (i = 0; i + 16 <= n; i += 16) {
		x = _mm_loadu_si128((const void *)(from + i));
		for (j = 0; j < 16; j += 8) {
			half = j ? _mm_unpackhi_epi8(x, zero) : _mm_unpacklo_epi8(x, zero);
			_mm_storeu_ps((float *)(to + i + j),
				      _mm_cvtepi32_ps(_mm_unpacklo_epi16(half, zero)));
			_mm_storeu_ps((float *)(to + i + j + 4),
				      _mm_cvtepi32_ps(_mm_unpackhi_epi16(half, zero)));
		}
	}
	for (; i < n; i++)
		to[i] = from[i];
}

__attribute__((target("avx2"))) static void widen_avx2(const u8 *from, size_t n, float_at *to)
{
	size_t i;
	__m256i x;

	for (i = 0; i + 8 <= n; i += 8) {
		x = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)(from + i)));
		_mm256_storeu_ps((float *)(to + i), _mm256_cvtepi32_ps(x));
	}
	for (; i < n; i++)
		to[i] = from[i];
}

__attribute__((target("avx512f"))) static void widen_avx512(const u8 *from, size_t n, float_at *to)
{
	size_t i;
	__m512i x;

	for (i = 0; i + 16 <= n; i += 16) {
		x = _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)(from + i)));
		_mm512_storeu_ps((float *)(to + i), _mm512_cvtepi32_ps(x));
	}
	for (; i < n; i++)
		to[i] = from[i];
}

void coll_widen(const u8 *from, size_t n, void *to)
{
	switch (vex_dist_isa()) {
	case VEXFS_ISA_SCALAR:
		widen_sse2(from, n, to);
		break;
	case VEXFS_ISA_AVX2:
		widen_avx2(from, n, to);
		break;
	default:
		widen_avx512(from, n, to);
	}
}

/* ---- rows --------------------------------------------------------------------------- */

void coll_rows_init(struct vexfs_coll *c)
{
	const struct vexfs_coll_options *o = &c->options;

	c->row_bytes = vex_row_bytes(o->elem, o->dim);
	c->narrow = o->elem == VEXFS_COLL_ELEM_F32;
	vex_tab_shape(&c->rows, c->narrow ? o->dim : c->row_bytes, COLL_CHUNK);
}

void coll_rows_free(struct vexfs_coll *c)
{
	coll_tab_free(&c->rows, COLL_CHUNK);
	vex_free(c->dead);
}

/* Room for a bit of each of @rows rows. */
static int dead_room(struct vexfs_coll *c, u32 rows)
{
	u32 words = DIV_ROUND_UP(rows, 64);
	u64 *dead;

	if (words <= c->dead_words)
		return 0;
	words = max(words, 2 * c->dead_words);
	dead = vex_zalloc(words * sizeof(*dead));
	if (!dead)
		return -ENOMEM;
	if (c->dead_words)
		memcpy(dead, c->dead, c->dead_words * sizeof(*dead));
	vex_free(c->dead);
	c->dead = dead;
	c->dead_words = words;
	return 0;
}

/*
 * From bytes to binary32: nothing has changed when there is not enough memory. Searches go on
 * meanwhile, for only who holds @adding changes rows.
 */
static int widen_all(struct vexfs_coll *c)
{
	struct vex_tab wide = { .count = c->rows.count };
	u32 i;
	int err = 0;

	vex_tab_shape(&wide, c->row_bytes, COLL_CHUNK);
	for (i = 0; i < DIV_ROUND_UP(wide.count, wide.per) && !err; i++)
		err = coll_chunk(&wide, i, COLL_CHUNK, wide.count);
	if (err) {
		coll_tab_free(&wide, COLL_CHUNK);
		return err;
	}
	for (i = 0; i < wide.count; i++)
		coll_widen(vex_tab_at(&c->rows, i), c->rows.bytes, vex_tab_at(&wide, i));
	vex_write_lock(&c->lock);
	swap(c->rows, wide);
	c->narrow = false;
	vex_write_unlock(&c->lock);
	coll_tab_free(&wide, COLL_CHUNK);
	return 0;
}

/* One more. */
static int append(struct vexfs_coll *c, const u8 *row, u64 soon)
{
	struct vex_tab *t = &c->rows;
	int err = coll_chunk(t, vex_tab_chunk(t, t->count), COLL_CHUNK, soon);

	if (err)
		return err;
	if (c->narrow)
		narrow((const float_at *)row, c->options.dim, vex_tab_at(t, t->count));
	else
		memcpy(vex_tab_at(t, t->count), row, t->bytes);
	t->count++;
	c->live++;
	return 0;
}

int coll_rows_append(struct vexfs_coll *c, const u8 *rows, u32 count)
{
	bool fit = c->narrow && fit_bytes((const float_at *)rows, (size_t)count * c->options.dim);
	u64 soon = (u64)c->rows.count + count;
	u32 n;
	int err = c->narrow && !fit ? widen_all(c) : 0;

	if (err)
		return err;
	vex_write_lock(&c->lock);
	err = dead_room(c, soon);
	for (n = 0; n < count && !err; n++)
		err = append(c, rows + (size_t)n * c->row_bytes, soon);
	vex_write_unlock(&c->lock);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Principal components. Rows of many elements seldom differ in all directions alike: most of the
 * squared distance between two of images or embeddings lies in a few. A code of these is several
 * times shorter, and what is missing is made up for by the ranking on the rows.
 *
 * The directions come from a sample by block power iteration (subspace iteration; Golub & Van Loan,
 * "Matrix Computations"): all directions times the sample and its transpose, made orthogonal again,
 * several times. Then blocks of 64 are turned by a Hadamard matrix, which leaves distances as they
 * are and makes all places about equally wide, so that one step serves them all.
 *
 * Places are integer arithmetic on levels, by the kernels of inner products of codes: the row is
 * the form, the directions are the codes. They are the same on every host.
 */
#include "vex_pca.h"

/* Times that directions meet the sample. */
#define ROUNDS		5u
/* Of all squared differences, parts of 1,024 that the directions must hold. */
#define ENOUGH		983u
/* Directions of one FPU section, and places that are in flight. */
#define ABREAST		16u
/* Of them, so many side by side: they are in the cache, and not read as one stream. */
#define SIDE_BY_SIDE	4u

/**
 * struct sample - rows that directions are found from
 * @n: rows
 * @dim: elements
 * @rows: n * dim, binary32, without their mean
 * @across: the same by element, dim * n
 * @v: VEX_PCA_MOST directions of @dim
 * @w: places of all rows along one
 * @dots: of one direction with others
 */
struct sample {
	u32 n;
	u32 dim;
	u32 *rows;
	u32 *across;
	u32 *v;
	u32 *w;
	u32 *dots;
};

struct vex_pca *vex_pca_alloc(u32 width, u32 dim)
{
	struct vex_pca *p = vex_zalloc_kept(sizeof(*p));

	if (!p)
		return NULL;
	p->width = width;
	p->dim = dim;
	p->low = vex_zalloc_kept(vex_pca_bytes(width, dim));
	if (!p->low) {
		vex_free(p);
		return NULL;
	}
	p->dirs = (u8 *)(p->low + width);
	return p;
}

void vex_pca_free(struct vex_pca *p)
{
	if (!p)
		return;
	vex_free(p->low);
	vex_free(p);
}

/* ---- places ---------------------------------------------------------------------- */

static noinline_for_stack void places(const struct vex_pca *p, const struct vex_form *f,
				      u32 first, u32 n, s32 *out)
{
	const vex_code_dist ip = vex_code_ops()->ip[VEX_CODE_SQ7];
	const u8 *dir[ABREAST];
	u32 i;

	for (i = 0; i < n; i++)
		dir[i] = p->dirs + (size_t)(first + i) * p->dim;
	vex_fpu_begin();
	for (i = 0; i < n; i += SIDE_BY_SIDE)
		ip(f, dir + i, SIDE_BY_SIDE, p->dim, (u32 *)out + i);
	vex_fpu_end();
	for (i = 0; i < n; i++)
		out[i] = (s32)(0x80000000u - (u32)out[i]);
}

/* Levels become a form in their place. */
static void form_of(const struct vex_pca *p, u8 *raw, struct vex_form *f)
{
	f->level = raw;
	f->bias = 64 * vex_levels_lower(raw, p->dim, 64, raw);
}

void vex_pca_levels(const struct vex_pca *p, u8 *raw, u8 *levels)
{
	struct vex_form f;
	s32 at[ABREAST];
	s64 level;
	u32 i, j;

	form_of(p, raw, &f);
	for (i = 0; i < p->width; i += ABREAST) {
		places(p, &f, i, ABREAST, at);
		for (j = 0; j < ABREAST; j++) {
			level = ((s64)at[j] - p->low[i + j]) * p->mul >> 32;
			levels[i + j] = clamp(level, 0LL, (s64)VEX_LEVEL_MAX);
		}
	}
}

/* ---- directions -------------------------------------------------------------------- */

/* Negated inner products of @v with packed rows. */
static void dots(const u32 *v, const u32 *rows, u32 n, u32 dim, u32 *out)
{
	struct vex_measure m = vex_measure_of(VEXFS_ELEM_F32, VEXFS_METRIC_IP, dim);

	vex_dist_rows(&m, v, rows, n, out);
}

static u32 *direction(const struct sample *s, u32 i)
{
	return s->v + (size_t)i * s->dim;
}

/* Take the other directions out of one, twice for precision; its length becomes one. */
static void orthogonal(struct sample *s, u32 i)
{
	u32 *v = direction(s, i);
	u32 twice, at, n;

	for (twice = 0; twice < 2; twice++) {
		dots(v, s->v, i, s->dim, s->dots);
		for (at = 0; at < i; at += n) {
			n = min(i - at, ABREAST);
			vex_fpu_begin();
			vex_pca_add(v, direction(s, at), s->dots + at, n, s->dim);
			vex_fpu_end();
		}
	}
	vex_fpu_begin();
	vex_code_normalise(v, v, s->dim);
	vex_fpu_end();
}

/* All directions become what the sample makes of them. */
static int iterate(struct sample *s, u64 *energy)
{
	u32 i;

	for (i = 0; i < VEX_PCA_MOST; i++) {
		u32 *v = direction(s, i);

		dots(v, s->rows, s->n, s->dim, s->w);
		vex_fpu_begin();
		energy[i] = vex_pca_energy(s->w, s->n);
		vex_fpu_end();
		dots(s->w, s->across, s->dim, s->n, v);
		if (vex_breathe())
			return -EINTR;
	}
	for (i = 0; i < VEX_PCA_MOST; i++) {
		orthogonal(s, i);
		vex_resched();
	}
	return 0;
}

/* Signs that follow no pattern. */
static void directions_start(struct sample *s)
{
	u64 x = 1;
	u32 i;

	for (i = 0; i < VEX_PCA_MOST * s->dim; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		s->v[i] = 0x3f800000u | (u32)x << 31;
	}
	for (i = 0; i < VEX_PCA_MOST; i++)
		orthogonal(s, i);
}

/* How many directions hold enough of all differences; 0: not even the most. */
static u32 choose_width(const u64 *energy, u64 total)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < VEX_PCA_MOST; i++) {
		sum += energy[i];
		if (sum * 1024 >= total * ENOUGH)
			return round_up(i + 1, VEX_PCA_BLOCK);
	}
	return 0;
}

/* Directions of block @b of @blocks are each @blocks-th one, so that blocks have equal shares. */
static void turn_block(struct sample *s, u32 b, u32 blocks)
{
	u32 half, i;

	for (half = 1; half < VEX_PCA_BLOCK; half *= 2)
		for (i = 0; i < VEX_PCA_BLOCK; i++) {
			if (i & half)
				continue;
			vex_fpu_begin();
			vex_pca_butterfly(direction(s, i * blocks + b),
					  direction(s, (i + half) * blocks + b), s->dim);
			vex_fpu_end();
		}
}

static void steps_make(struct sample *s, struct vex_pca *p)
{
	u32 largest = 0, i;

	for (i = 0; i < p->width / VEX_PCA_BLOCK; i++)
		turn_block(s, i, p->width / VEX_PCA_BLOCK);
	for (i = 0; i < p->width; i++) {
		vex_fpu_begin();
		largest = vex_pca_largest(direction(s, i), s->dim, largest);
		vex_fpu_end();
	}
	for (i = 0; i < p->width; i++) {
		vex_fpu_begin();
		vex_pca_steps(direction(s, i), s->dim, largest, p->dirs + (size_t)i * p->dim);
		vex_fpu_end();
	}
}

/* ---- the range of places ------------------------------------------------------------- */

static int s32_cmp(const void *a, const void *b)
{
	s32 x = *(const s32 *)a;
	s32 y = *(const s32 *)b;

	return x < y ? -1 : x > y;
}

/* Level 64 is the middle of a direction's places, and its ends are 1 and 127 of the widest. */
static noinline_for_stack
int ranges_make(struct sample *s, struct vex_pca *p, const u8 *levels)
{
	s32 *at = (s32 *)s->rows;
	u32 cut = s->n / 512, widest = 256, i, j;
	u8 *raw = (u8 *)s->v;
	struct vex_form f;
	s32 few[ABREAST];

	for (i = 0; i < s->n; i++) {
		memcpy(raw, levels + (size_t)i * p->dim, p->dim);
		form_of(p, raw, &f);
		for (j = 0; j < p->width; j++) {
			if (j % ABREAST == 0)
				places(p, &f, j, ABREAST, few);
			at[(size_t)j * s->n + i] = few[j % ABREAST];
		}
		if (vex_breathe())
			return -EINTR;
	}
	for (j = 0; j < p->width; j++, at += s->n) {
		sort(at, s->n, sizeof(*at), s32_cmp, NULL);
		widest = max_t(u32, widest, at[s->n - 1 - cut] - at[cut]);
		p->low[j] = ((s64)at[s->n - 1 - cut] + at[cut]) / 2;
	}
	for (j = 0; j < p->width; j++)
		p->low[j] -= (s64)widest * 64 / 126;
	p->mul = div64_u64(126ULL << 32, widest);
	return 0;
}

/* ---- all of it -------------------------------------------------------------------------- */

static void sample_free(struct sample *s)
{
	vex_free(s->rows);
	vex_free(s->across);
	vex_free(s->v);
	vex_free(s->w);
	vex_free(s->dots);
}

static int sample_make(struct sample *s, const u8 *levels)
{
	size_t all = (size_t)s->n * s->dim;
	u32 *sum = vex_zalloc(s->dim * sizeof(*sum));
	u32 i, j;

	s->rows = vex_alloc(max(all, (size_t)s->n * VEX_PCA_MOST) * sizeof(u32));
	s->across = vex_alloc(all * sizeof(u32));
	s->v = vex_alloc((size_t)VEX_PCA_MOST * s->dim * sizeof(u32));
	s->w = vex_alloc(s->n * sizeof(u32));
	s->dots = vex_alloc(VEX_PCA_MOST * sizeof(u32));
	if (!sum || !s->rows || !s->across || !s->v || !s->w || !s->dots) {
		vex_free(sum);
		return -ENOMEM;
	}
	for (i = 0; i < s->n; i++)
		for (j = 0; j < s->dim; j++)
			sum[j] += levels[(size_t)i * s->dim + j];
	for (i = 0; i < s->n; i++) {
		u32 *row = s->rows + (size_t)i * s->dim;

		vex_fpu_begin();
		vex_pca_centre(levels + (size_t)i * s->dim, sum, s->n, s->dim, row);
		vex_fpu_end();
		for (j = 0; j < s->dim; j++)
			s->across[(size_t)j * s->n + i] = row[j];
	}
	vex_free(sum);
	return 0;
}

static noinline_for_stack
int find(struct sample *s, const u8 *levels, bool any, struct vex_pca **out)
{
	u64 *energy = vex_alloc(VEX_PCA_MOST * sizeof(*energy));
	u64 total = 0;
	u32 i, width;
	int err = energy ? 0 : -ENOMEM;

	for (i = 0; i < s->n && !err; i++) {
		vex_fpu_begin();
		total += vex_pca_energy(s->rows + (size_t)i * s->dim, s->dim);
		vex_fpu_end();
	}
	if (!err)
		directions_start(s);
	for (i = 0; i < ROUNDS && !err; i++)
		err = iterate(s, energy);
	width = err ? 0 : choose_width(energy, total);
	if (!err && any)
		width = width ? width : VEX_PCA_MOST;
	vex_free(energy);
	if (!width)
		return err;
	*out = vex_pca_alloc(width, s->dim);
	if (!*out)
		return -ENOMEM;
	steps_make(s, *out);
	return ranges_make(s, *out, levels);
}

int vex_pca_train(const u8 *levels, u32 count, u32 dim, bool any, struct vex_pca **out)
{
	struct sample s = { .n = count, .dim = dim };
	int err;

	*out = NULL;
	err = sample_make(&s, levels);
	if (!err)
		err = find(&s, levels, any, out);
	sample_free(&s);
	if (err) {
		vex_pca_free(*out);
		*out = NULL;
	}
	return err;
}

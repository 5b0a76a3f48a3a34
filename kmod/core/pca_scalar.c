// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The floating point of pca.c that no distance kernel does. */
#include "dist_fp.h"
#include "vex_pca.h"

void vex_pca_centre(const u8 *levels, const u32 *sum, u32 count, u32 dim, void *out)
{
	const float share = 1.0f / count;
	vex_f32 *to = out;
	u32 i;

	for (i = 0; i < dim; i++)
		to[i] = levels[i] - sum[i] * share;
}

void vex_pca_add(void *v, const void *rows, const void *factor, u32 n, u32 dim)
{
	const vex_f32 *row = rows, *f = factor;
	vex_f32 *to = v;
	u32 i, j;

	for (i = 0; i < n; i++, row += dim)
		for (j = 0; j < dim; j++)
			to[j] += f[i] * row[j];
}

void vex_pca_butterfly(void *a, void *b, u32 dim)
{
	const float half = 0.70710678f;
	vex_f32 *x = a, *y = b;
	u32 i;

	for (i = 0; i < dim; i++) {
		float sum = (x[i] + y[i]) * half;

		y[i] = (x[i] - y[i]) * half;
		x[i] = sum;
	}
}

u32 vex_pca_largest(const void *v, u32 dim, u32 largest)
{
	const vex_f32 *x = v;
	float most = *(const vex_f32 *)&largest;
	u32 i;

	for (i = 0; i < dim; i++) {
		float size = x[i] < 0 ? -x[i] : x[i];

		most = size > most ? size : most;
	}
	return vex_f32_bits(most);
}

void vex_pca_steps(const void *v, u32 dim, u32 largest, u8 *out)
{
	float most = *(const vex_f32 *)&largest;
	float inv = most > 0 ? 63.0f / most : 0;
	const vex_f32 *x = v;
	u32 i;

	for (i = 0; i < dim; i++)
		out[i] = (s32)(x[i] * inv + 64.5f);
}

u64 vex_pca_energy(const void *v, u32 n)
{
	const vex_f32 *x = v;
	double sum = 0;
	u32 i;

	for (i = 0; i < n; i++)
		sum += (double)x[i] * x[i];
	return (u64)(sum + 0.5);
}

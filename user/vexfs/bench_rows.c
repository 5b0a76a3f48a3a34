// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows for vexfs bench: of a file, or made.
 *
 * A row that is made is a sum of LATENT directions, each times a number evenly spread over -1 to
 * 1: however long the rows are, they differ in no more ways than that, as embeddings do. Rows of
 * independent elements would all be about equally far from each other.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define LATENT	16u

/* SplitMix64 (Steele, Lea, Flood, 2014). */
uint64_t bench_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* A number evenly spread over -1 to 1. */
static float spread(uint64_t *state)
{
	return (float)(int32_t)(bench_random(state) >> 32) * 0x1p-31f;
}

static int directions_make(struct bench_rows *r)
{
	uint64_t state = 0x5eed;

	r->directions = malloc((size_t)LATENT * r->dim * sizeof(*r->directions));
	if (!r->directions)
		return report_fail("out of memory for the rows");
	for (size_t i = 0; i < (size_t)LATENT * r->dim; i++)
		r->directions[i] = spread(&state);
	return STATUS_OK;
}

static void row_make(struct bench_rows *r, float *row)
{
	const float *direction = r->directions;

	memset(row, 0, r->dim * sizeof(*row));
	for (uint32_t i = 0; i < LATENT; i++, direction += r->dim) {
		float weight = spread(&r->random);

		for (uint32_t j = 0; j < r->dim; j++)
			row[j] += weight * direction[j];
	}
}

int bench_rows_open(struct bench_rows *r, uint32_t dim, uint64_t seed)
{
	r->dim = dim;
	r->random = seed;
	if (!r->path)
		return directions_make(r);
	if (source_open(&r->source, r->path, NULL))
		return report_fail("%s: %s", r->path, r->source.error);
	if (r->source.format == &source_ivecs)
		return report_fail("%s: holds ids of neighbours, not vectors", r->path);
	if (!r->dim)
		r->dim = r->source.dim;
	if (r->dim != r->source.dim)
		return report_fail("%s: has rows of %u elements; %u are needed", r->path,
				   r->source.dim, r->dim);
	return STATUS_OK;
}

int bench_rows_rewind(struct bench_rows *r, uint64_t seed)
{
	r->random = seed;
	if (!r->path)
		return STATUS_OK;
	source_close(&r->source);
	return bench_rows_open(r, r->dim, seed);
}

int bench_rows_read(struct bench_rows *r, float *rows, uint32_t max, uint32_t *got)
{
	if (!r->path) {
		for (uint32_t i = 0; i < max; i++)
			row_make(r, rows + (size_t)i * r->dim);
		*got = max;
		return STATUS_OK;
	}
	if (source_read(&r->source, rows, max, got))
		return report_fail("%s: %s", r->path, r->source.error);
	return STATUS_OK;
}

int bench_rows_cycle(struct bench_rows *r, float *rows, uint32_t count)
{
	bool again = false;
	uint32_t done, got;

	for (done = 0; done < count; done += got) {
		int status = bench_rows_read(r, rows + (size_t)done * r->dim, count - done, &got);

		if (status)
			return status;
		if (!got && again)
			return report_fail("%s: has no rows", r->path);
		again = !got;
		status = got ? STATUS_OK : bench_rows_rewind(r, 0);
		if (status)
			return status;
	}
	return STATUS_OK;
}

/* A row that is made has elements of -16 to 16: i8 has all of them, b1 their signs. */
int bench_pack(const struct bench *b, const struct bench_rows *r, float *rows, uint32_t count)
{
	struct row_shape shape = row_shape(b->store, CONVERT_EXACT);

	if (r->path)
		return rows_pack(&shape, rows, count, r->path, 0);
	if (shape.elem == VEXFS_ELEM_B1)
		shape.how = CONVERT_SIGN;
	for (size_t i = 0; shape.elem == VEXFS_ELEM_I8 && i < (size_t)count * r->dim; i++)
		rows[i] = rintf(rows[i] * (127 / 16.0f));
	return rows_pack(&shape, rows, count, "row", 0);
}

void bench_rows_close(struct bench_rows *r)
{
	if (r->path)
		source_close(&r->source);
	free(r->directions);
	r->directions = NULL;
}

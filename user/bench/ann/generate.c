// SPDX-License-Identifier: GPL-2.0-only
/*
 * Vectors for a benchmark without files: clusters of few latent directions, as the descriptors of
 * images have them, so that a search is about as hard as on those. Only integers are added
 * and multiplied, and each element is rounded to binary32 once: the rows are the same bits on
 * every machine, whatever the compiler does with floating point.
 *
 * A row belongs to one of CLUSTERS. In each of LATENT directions it lies at the cluster's centre
 * plus a normal deviate times the cluster's spread there; the directions, normal deviates
 * themselves, weigh less one after the other. Every element gets some noise of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "vecs.h"

#define LATENT		64u
#define CLUSTERS	64u
/* Of a deviate, 1.0. */
#define ONE		4096

/**
 * struct model - a distribution
 * @dim: elements of a row
 * @direction: LATENT times @dim
 * @centre: CLUSTERS times LATENT
 * @spread: likewise
 */
struct model {
	uint32_t dim;
	int32_t *direction;
	int32_t centre[CLUSTERS * LATENT];
	int32_t spread[CLUSTERS * LATENT];
};

/* splitmix64, Steele, Lea & Flood, 2014 */
static uint64_t draw(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/*
 * About normal, with the variance ONE squared: the sum of 12 evenly distributed numbers below ONE
 * has that variance and the mean 6 * ONE - 6.
 */
static int32_t deviate(uint64_t *state)
{
	int32_t sum = 6 - 6 * ONE;
	uint64_t x;
	int i, j;

	for (i = 0; i < 3; i++)
		for (j = 0, x = draw(state); j < 4; j++, x >>= 16)
			sum += x % ONE;
	return sum;
}

/* Fewer of the directions count much: the weight of the last is a fifth of the first. */
static void model_make(struct model *m, uint64_t *state)
{
	uint32_t i, j;

	for (i = 0; i < LATENT; i++)
		for (j = 0; j < m->dim; j++)
			m->direction[i * m->dim + j] = deviate(state) * 16 / (16 + (int32_t)i);
	for (i = 0; i < CLUSTERS * LATENT; i++)
		m->centre[i] = deviate(state);
	/* 0.8 and up, 1.3 on average: clusters are not round, and overlap. */
	for (i = 0; i < CLUSTERS * LATENT; i++)
		m->spread[i] = ONE * 4 / 5 + abs(deviate(state)) * 3 / 5;
}

/* sums[dim] are in units of 1 / (ONE * ONE). */
static void row_make(const struct model *m, uint64_t *state, int64_t *sums, float *row)
{
	uint32_t cluster = draw(state) % CLUSTERS * LATENT;
	const int32_t *direction = m->direction;
	int64_t place;
	uint32_t i, j;

	memset(sums, 0, m->dim * sizeof(*sums));
	for (i = 0; i < LATENT; i++, direction += m->dim) {
		place = m->spread[cluster + i] * (int64_t)deviate(state) / ONE;
		place += m->centre[cluster + i];
		for (j = 0; j < m->dim; j++)
			sums[j] += direction[j] * place;
	}
	for (j = 0; j < m->dim; j++) {
		sums[j] += deviate(state) * (int64_t)(ONE / 2);
		row[j] = (float)(sums[j] / ONE) / ONE;
	}
}

int vecs_generate(uint64_t rows, uint32_t dim, uint64_t seed, enum vecs_stream stream,
		  struct vecs *out)
{
	struct model *m = malloc(sizeof(*m));
	int64_t *sums = malloc(dim * sizeof(*sums));
	uint64_t state = seed, row_state, i;
	int err = -1;

	memset(out, 0, sizeof(*out));
	out->data = malloc(rows * dim * sizeof(float) + 1);
	if (m)
		m->direction = malloc((size_t)LATENT * dim * sizeof(*m->direction));
	if (m && m->direction && sums && out->data) {
		m->dim = dim;
		out->rows = rows;
		out->dim = dim;
		model_make(m, &state);
		/* Each row from a state of its own: more rows begin with the same ones. */
		for (i = 0; i < rows; i++) {
			row_state = state + 2 * i + (stream == VECS_QUERIES);
			row_state = draw(&row_state);
			row_make(m, &row_state, sums, out->data + i * dim);
		}
		err = 0;
	}
	if (m)
		free(m->direction);
	free(m);
	free(sums);
	if (err)
		vecs_free(out);
	return err;
}

uint64_t vecs_checksum(const struct vecs *v)
{
	const uint8_t *p = (const uint8_t *)v->data;
	uint64_t bytes = v->rows * v->dim * sizeof(float), i;
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (i = 0; i < bytes; i++)
		hash = (hash ^ p[i]) * 0x100000001b3ULL;
	return hash;
}

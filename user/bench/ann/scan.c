// SPDX-License-Identifier: GPL-2.0-only
/* How near the exact searches come to the speed at which memory can be read at all. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ann.h"

/* Passes are short: more rounds than of searches. */
#define ROUNDS	11u
#define HUGE	(2u << 20)

typedef uint64_t words __attribute__((__vector_size__(32)));

static volatile uint64_t sink;

/* The sum of all words, by registers of the widest kind that all of these machines have. */
static __attribute__((target_clones("avx2", "default"))) void read_all(const void *data,
								       uint64_t bytes)
{
	const words *p = data, *end = p + bytes / sizeof(*p) / 8 * 8;
	words a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };

	for (; p < end; p += 8) {
		a += p[0] ^ p[4];
		b += p[1] ^ p[5];
		c += p[2] ^ p[6];
		d += p[3] ^ p[7];
	}
	a += b + c + d;
	sink = a[0] + a[1] + a[2] + a[3];
}

static void one_query(struct contender *c, const struct data *d, uint32_t round)
{
	const float *query = d->queries.data + round % d->queries.rows * d->queries.dim;
	uint64_t ids[ANN_K];

	if (c->kind->search(c->index, query, 1, 0, ids))
		ann_die("%s: search failed: %s", c->kind->name, c->kind->error());
}

static const struct contender_kind *kind_of(const char *name)
{
	uint32_t i;

	for (i = 0; strcmp(contender_kinds[i].name, name); i++)
		;
	return &contender_kinds[i];
}

/* Memory like that of a collection: in large pages, and each of its pages its own. */
static void *plain(uint64_t bytes)
{
	void *p = aligned_alloc(HUGE, bytes);

	if (!p)
		ann_die("no memory to scan %" PRIu64 " MiB; scan less by --scan", bytes >> 20);
	madvise(p, bytes, MADV_HUGEPAGE);
	memset(p, 1, bytes);
	return p;
}

/* One pass of each way, in seconds. */
static void pass(struct result *r, const void *memory, uint64_t bytes, struct contender *c,
		 uint32_t round, double *seconds)
{
	double start = ann_cpu_seconds();
	uint32_t i;

	ann_progress(r->o, "scanning memory, round %u of %u", round + 1, ROUNDS);
	read_all(memory, bytes);
	seconds[0] = ann_cpu_seconds() - start;
	for (i = 1; i < ANN_SCANS; i++) {
		start = ann_cpu_seconds();
		one_query(&c[i], r->data, round);
		seconds[i] = ann_cpu_seconds() - start;
	}
	ann_breathe();
}

void scan_all(struct result *r)
{
	uint64_t row = r->data->base.dim * sizeof(float), rows = (r->o->scan << 20) / row;
	uint64_t room = (rows * row + HUGE - 1) / HUGE * HUGE;
	struct contender c[ANN_SCANS] = {
		[1] = { .kind = kind_of("VexFS flat f32") },
		[2] = { .kind = kind_of("faiss flat f32") },
	};
	double seconds[ANN_SCANS], share[ANN_SCANS][ROUNDS], rate[ANN_SCANS][ROUNDS];
	void *memory = plain(room);
	uint32_t i, round;

	for (i = 1; i < ANN_SCANS; i++) {
		contender_build(r->o, &c[i], &r->data->base, rows);
		r->scan[i].bytes = c[i].kind->bytes(c[i].index);
	}
	r->scanned = rows * row;
	r->scan[0].bytes = r->scanned;
	for (round = 0; round < ROUNDS; round++) {
		pass(r, memory, rows * row, c, round, seconds);
		for (i = 0; i < ANN_SCANS; i++) {
			rate[i][round] = r->scan[i].bytes / seconds[i];
			share[i][round] = rate[i][round] / rate[0][round];
		}
	}
	for (i = 0; i < ANN_SCANS; i++) {
		r->scan[i].name = i ? c[i].kind->name : "plain read";
		r->scan[i].rate = score_median(rate[i], ROUNDS);
		r->scan[i].share = score_median(share[i], ROUNDS);
		if (i)
			c[i].kind->close(c[i].index);
	}
	free(memory);
}

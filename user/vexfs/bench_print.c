// SPDX-License-Identifier: GPL-2.0-only
/* The results of vexfs bench: a table, JSON, or CSV. */
#include <inttypes.h>

#include "bench.h"

/* Only searches have a breadth. */
static bool swept(const struct bench *b)
{
	return b->op == BENCH_SEARCH;
}

static double share(uint64_t sum, uint64_t n)
{
	return (double)sum / n;
}

/* What one of the batch took. */
static double each(const struct bench *b, const struct bench_point *p)
{
	return share(p->mean, b->batch);
}

static double compared(const struct bench *b, const struct bench_point *p)
{
	return share(p->visited, b->queries * b->batch);
}

static void print_json(const struct bench *b, struct report *r, uint64_t clock)
{
	const struct vexfs_stat *st = &b->store->stat;

	json_string(r, "file", b->store->path);
	json_string(r, "op", bench_op_names[b->op]);
	json_string(r, "index", store_index_name(st->index));
	if (st->index == VEXFS_INDEX_HNSW)
		json_string(r, "code", store_code_name(st->code));
	json_string(r, "isa", store_isa_name(b->isa));
	json_uint(r, "rows", st->rows);
	json_uint(r, "dim", st->dim);
	if (b->op == BENCH_SEARCH)
		json_uint(r, "k", b->k);
	json_uint(r, "batch", b->batch);
	json_uint(r, "count", b->queries);
	json_uint(r, "cycles_clock", clock);
	if (b->made) {
		json_uint(r, "rows_per_insert", b->fill_batch);
		json_double(r, "cycles_per_row", share(b->fill_cycles, st->rows));
	}
	json_open(r, "points", '[');
	for (unsigned int i = 0; i < b->nr_points; i++) {
		const struct bench_point *p = &b->points[i];

		json_open(r, NULL, '{');
		if (swept(b))
			json_uint(r, "ef", p->ef);
		json_uint(r, "cycles_min", p->least);
		json_uint(r, "cycles_median", p->median);
		json_uint(r, "cycles_mean", p->mean);
		json_uint(r, "cycles_max", p->most);
		json_double(r, "cycles_each", each(b, p));
		if (swept(b))
			json_double(r, "visited", compared(b, p));
		if (b->truth)
			json_double(r, "recall", p->recall);
		json_close(r, '}');
	}
	json_close(r, ']');
}

static void print_csv(const struct bench *b, FILE *f)
{
	const struct vexfs_stat *st = &b->store->stat;

	fputs("op,index,code,isa,rows,dim,k,batch,count,ef,cycles_min,cycles_median,cycles_mean,"
	      "cycles_max,cycles_each,visited,recall\n", f);
	for (unsigned int i = 0; i < b->nr_points; i++) {
		const struct bench_point *p = &b->points[i];

		fprintf(f, "%s,%s,%s,%s,%" PRIu64 ",%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
			",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%.1f,%.1f,",
			bench_op_names[b->op], store_index_name(st->index),
			st->index == VEXFS_INDEX_HNSW ? store_code_name(st->code) : "",
			store_isa_name(b->isa), (uint64_t)st->rows, (uint32_t)st->dim, b->k,
			b->batch, b->queries, p->ef, p->least, p->median, p->mean, p->most,
			each(b, p), compared(b, p));
		if (b->truth)
			fprintf(f, "%.4f", p->recall);
		fputc('\n', f);
	}
}

static void print_table(const struct bench *b, FILE *f, uint64_t clock)
{
	const struct vexfs_stat *st = &b->store->stat;

	fprintf(f, "%s of %" PRIu64 " in %s rows x %" PRIu32 ": %s times", bench_op_names[b->op],
		b->batch, grouped(st->rows), (uint32_t)st->dim, grouped(b->queries));
	if (b->op == BENCH_SEARCH)
		fprintf(f, ", k %" PRIu64, b->k);
	fprintf(f, ", %s", store_index_name(st->index));
	if (st->index == VEXFS_INDEX_HNSW)
		fprintf(f, " %s", store_code_name(st->code));
	fprintf(f, ", %s\n", store_isa_name(b->isa));
	if (b->made)
		fprintf(f, "filled by %s rows at once: %s cycles a row\n", grouped(b->fill_batch),
			grouped(b->fill_cycles / st->rows));
	fprintf(f, "\n%6s %12s %12s %12s %12s", swept(b) ? "ef" : "", "cycles min", "median",
		"mean", "max");
	fprintf(f, swept(b) ? " %10s" : "", "compared");
	fprintf(f, b->truth ? " %8s\n" : "\n", "recall");
	for (unsigned int i = 0; i < b->nr_points; i++) {
		const struct bench_point *p = &b->points[i];

		if (!swept(b))
			fprintf(f, "%6s", "");
		else if (p->ef)
			fprintf(f, "%6" PRIu64, p->ef);
		else
			fprintf(f, "%6s", "-");
		fprintf(f, " %12s %12s %12s %12s", grouped(p->least), grouped(p->median),
			grouped(p->mean), grouped(p->most));
		if (swept(b))
			fprintf(f, " %10.1f", compared(b, p));
		if (b->truth)
			fprintf(f, " %8.4f", p->recall);
		fputc('\n', f);
	}
	fprintf(f, "\nThe clock takes %s cycles.\n", grouped(clock));
}

int bench_print(const struct bench *b, uint64_t clock)
{
	struct report r;

	report_begin(&r, b->c->json);
	if (b->c->json)
		print_json(b, &r, clock);
	else if (b->csv)
		print_csv(b, r.f);
	else
		print_table(b, r.f, clock);
	return report_end(&r);
}

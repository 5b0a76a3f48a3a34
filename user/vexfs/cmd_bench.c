// SPDX-License-Identifier: GPL-2.0-only
/*
 * vexfs bench: what one operation costs, in cycles of the time stamp counter.
 *
 * In a VM of 'tools/vm/run --icount' the counter counts instructions, and the
 * figures are exact and the same on any machine. Anywhere else they hold interrupts,
 * other work and the frequency of the CPU, and compare only roughly.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#include "cmd.h"
#include "progress.h"

#define WARM_UP		3u	/* operations that are not counted */

enum {
	OPT_OP = OPT_COMMAND,
	OPT_QUERIES,
	OPT_BATCH,
	OPT_FILL,
};

enum bench_op { BENCH_SEARCH, BENCH_INSERT, BENCH_GET };

static const char *const op_names[] = {
	[BENCH_SEARCH] = "search", [BENCH_INSERT] = "insert", [BENCH_GET] = "get",
};

/**
 * struct bench - one run
 * @op: what is measured
 * @queries: how many times
 * @k: neighbours of a search
 * @batch: queries or rows of one operation
 * @fill: rows of a new collection, or 0
 * @random: state of the pseudo-random numbers
 * @vectors: memory for a batch of rows or queries
 * @ids: memory for ids
 * @distances: memory for distances
 * @cycles: of each operation
 */
struct bench {
	struct common *c;
	struct shape shape;
	enum bench_op op;
	uint64_t queries;
	uint64_t k;
	uint64_t batch;
	uint64_t fill;
	struct store *store;
	uint64_t random;
	float *vectors;
	uint64_t *ids;
	float *distances;
	uint64_t *cycles;
};

/* SplitMix64 (Steele, Lea, Flood, 2014). */
static uint64_t next_random(struct bench *b)
{
	uint64_t z = b->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* Rows of numbers evenly spread over -1 to 1. */
static void random_rows(struct bench *b, float *rows, uint64_t count)
{
	for (uint64_t i = 0; i < count * b->store->stat.dim; i++)
		rows[i] = (float)(int32_t)(next_random(b) >> 32) * 0x1p-31f;
}

/* The counter, after everything before it and before everything behind it. */
static uint64_t clock_cycles(void)
{
	uint64_t now;

	_mm_lfence();
	now = __rdtsc();
	_mm_lfence();
	return now;
}

static int fill(struct bench *b)
{
	uint32_t batch = BATCH_BYTES / b->store->stat.row_bytes;
	int status = STATUS_OK;
	float *rows;

	batch = batch ? batch : 1;
	rows = malloc((size_t)batch * b->store->stat.row_bytes);
	if (!rows)
		return report_fail("out of memory for the rows");
	progress_start("filling", "rows", b->fill);
	for (uint64_t done = 0; done < b->fill && !status && !interrupt_pending(); done += batch) {
		uint64_t part = b->fill - done < batch ? b->fill - done : batch;
		uint64_t first_id, bad_row;
		int err;

		random_rows(b, rows, part);
		err = store_insert(b->store, rows, part, &first_id, &bad_row);
		if (err)
			status = store_explain(b->store, "insert", err);
		progress_update(done + part, done + part);
	}
	progress_stop();
	free(rows);
	return status ? status : store_sync(b->store);
}

/* Do the operation once. 0 or a negative errno; *@cycles receives what it took. */
static int run_once(struct bench *b, uint64_t *cycles)
{
	const struct vexfs_stat *st = &b->store->stat;
	uint64_t bytes = b->batch * st->row_bytes, first_id, bad_row, start;
	struct vexfs_search search = {
		.queries = (uintptr_t)b->vectors, .queries_len = bytes, .nq = b->batch,
		.dim = st->dim, .k = b->k, .ids = (uintptr_t)b->ids,
		.distances = (uintptr_t)b->distances,
	};
	struct vexfs_get get = {
		.ids = (uintptr_t)b->ids, .rows = (uintptr_t)b->vectors, .rows_len = bytes,
		.count = b->batch, .dim = st->dim,
	};
	int err;

	if (b->op == BENCH_GET) {
		for (uint64_t i = 0; i < b->batch; i++)
			b->ids[i] = next_random(b) % st->rows;
	} else {
		random_rows(b, b->vectors, b->batch);
	}
	start = clock_cycles();
	if (b->op == BENCH_SEARCH)
		err = store_call(b->store, VEXFS_IOC_SEARCH, &search);
	else if (b->op == BENCH_GET)
		err = store_call(b->store, VEXFS_IOC_GET, &get);
	else
		err = store_insert(b->store, b->vectors, b->batch, &first_id, &bad_row);
	*cycles = clock_cycles() - start;
	return err;
}

static int measure(struct bench *b)
{
	uint64_t unused;

	progress_start("measuring", op_names[b->op], b->queries);
	for (uint64_t i = 0; i < WARM_UP + b->queries && !interrupt_pending(); i++) {
		int err = run_once(b, i < WARM_UP ? &unused : &b->cycles[i - WARM_UP]);

		if (err)
			return store_explain(b->store, op_names[b->op], err);
		progress_update(i, i);
	}
	progress_stop();
	return interrupt_pending() ? interrupted_status() : STATUS_OK;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* What the reading of the counter takes itself: the least of a few. */
static uint64_t clock_cost(void)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 16; i++) {
		uint64_t start = clock_cycles(), took = clock_cycles() - start;

		least = took < least ? took : least;
	}
	return least;
}

static int print_result(struct bench *b)
{
	const struct vexfs_stat *st = &b->store->stat;
	uint64_t sum = 0, *c = b->cycles, n = b->queries;
	struct report r;

	qsort(c, n, sizeof(*c), by_value);
	for (uint64_t i = 0; i < n; i++)
		sum += c[i];
	report_begin(&r, b->c->json);
	json_string(&r, "file", b->store->path);
	json_string(&r, "op", op_names[b->op]);
	json_uint(&r, "rows", st->rows);
	json_uint(&r, "dim", st->dim);
	if (b->op == BENCH_SEARCH)
		json_uint(&r, "k", b->k);
	json_uint(&r, "batch", b->batch);
	json_uint(&r, "count", n);
	json_uint(&r, "cycles_min", c[0]);
	json_uint(&r, "cycles_median", c[n / 2]);
	json_uint(&r, "cycles_mean", sum / n);
	json_uint(&r, "cycles_max", c[n - 1]);
	json_uint(&r, "cycles_clock", clock_cost());
	if (!r.json)
		fprintf(r.f, "%s of %" PRIu64 " in %s rows x %u: %s times, cycles min %s, "
			"median %s, mean %s, max %s; the clock takes %s\n", op_names[b->op],
			b->batch, grouped(st->rows), st->dim, grouped(n), grouped(c[0]),
			grouped(c[n / 2]), grouped(sum / n), grouped(c[n - 1]),
			grouped(clock_cost()));
	return report_end(&r);
}

static int allocate(struct bench *b)
{
	const struct vexfs_stat *st = &b->store->stat;
	uint64_t slots = b->batch * b->k;

	if (b->batch * st->row_bytes > VEXFS_MAX_BATCH)
		return report_fail("--batch %" PRIu64 ": more than %u MiB of rows of %u elements",
				   b->batch, VEXFS_MAX_BATCH >> 20, st->dim);
	if (b->op == BENCH_SEARCH && slots > VEXFS_MAX_RESULTS)
		return report_fail("--batch %" PRIu64 " times -k %" PRIu64
				   " is more than %u results", b->batch, b->k, VEXFS_MAX_RESULTS);
	if (b->op == BENCH_GET && !st->rows)
		return report_fail("%s: has no row to get", b->store->path);
	b->vectors = calloc(b->batch, st->row_bytes);
	b->ids = calloc(slots, sizeof(*b->ids));
	b->distances = calloc(slots, sizeof(*b->distances));
	b->cycles = calloc(b->queries, sizeof(*b->cycles));
	if (!b->vectors || !b->ids || !b->distances || !b->cycles)
		return report_fail("out of memory");
	return STATUS_OK;
}

static int prepare(struct bench *b, const char *file)
{
	bool write = b->op == BENCH_INSERT;
	struct shape *w = &b->shape;
	int status, err;

	status = store_open(&b->store, &b->c->place, file, b->fill ? STORE_CREATE :
			    write ? STORE_WRITE : STORE_READ);
	if (status)
		return status;
	if (b->fill) {
		status = shape_create(w, b->store, VEXFS_METRIC_L2);
		if (!status)
			status = fill(b);
		err = status ? 0 : store_call(b->store, VEXFS_IOC_STAT, &b->store->stat);
		if (err)
			status = store_explain(b->store, NULL, err);
		if (status || interrupt_pending())
			store_remove(b->store);
	}
	if (status || interrupt_pending())
		return status ? status : interrupted_status();
	return allocate(b);
}

static int bench_option(struct bench *b, int opt)
{
	switch (opt) {
	case OPT_OP:
		for (unsigned int i = 0; i < sizeof(op_names) / sizeof(*op_names); i++) {
			if (strcmp(op_names[i], optarg))
				continue;
			b->op = i;
			return GO_ON;
		}
		return report_misuse("--op '%s' is none of search, insert, get", optarg);
	case OPT_QUERIES:
		return option_number("--queries", optarg, 1, 1u << 24, &b->queries);
	case 'k':
		return option_number("-k", optarg, 1, VEXFS_MAX_K, &b->k);
	case OPT_BATCH:
		return option_number("--batch", optarg, 1, VEXFS_MAX_QUERIES, &b->batch);
	case OPT_FILL:
		return option_number("--fill", optarg, 1, UINT32_MAX, &b->fill);
	default:
		return shape_option(&b->shape, b->c, opt);
	}
}

static int run(struct common *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "op", required_argument, NULL, OPT_OP },
		{ "queries", required_argument, NULL, OPT_QUERIES },
		{ "batch", required_argument, NULL, OPT_BATCH },
		{ "fill", required_argument, NULL, OPT_FILL },
		SHAPE_OPTIONS, COMMON_OPTIONS
	};
	struct bench b = {
		.c = c, .queries = 100, .k = 10, .batch = 1,
		.shape = {
			.metric = VEXFS_METRIC_L2, .elem = VEXFS_ELEM_F32,
			.index = VEXFS_INDEX_FLAT,
		},
	};
	int opt, status, closed;

	while ((opt = getopt_long(argc, argv, "k:" COMMON_SHORT, options, NULL)) != -1) {
		status = bench_option(&b, opt);
		if (status != GO_ON)
			return status;
	}
	if (optind + 1 != argc)
		return report_misuse("exactly one FILE is needed");
	if (!b.fill != !b.shape.dim)
		return report_misuse("--fill and --dim go together");
	status = prepare(&b, argv[optind]);
	if (!status)
		status = measure(&b);
	if (!status)
		status = print_result(&b);
	closed = store_close(b.store);
	free(b.vectors);
	free(b.ids);
	free(b.distances);
	free(b.cycles);
	return status ? status : closed;
}

const struct command command_bench = {
	.name = "bench",
	.summary = "measure what an operation costs",
	.usage =
	"Usage: vexfs bench [OPTION]... FILE\n"
	"\n"
	"Does an operation many times and prints the cycles that it took, from before the call\n"
	"to after it: least, median, mean, most. Cycles are instructions, and figures compare\n"
	"exactly, only in a VM of 'tools/vm/run --icount'.\n"
	"\n"
	"  --op NAME      search (default), insert or get; insert leaves its rows in FILE\n"
	"  --queries N    how many times (100), after 3 that are not counted\n"
	"  --batch N      queries or rows of one operation (1)\n"
	"  -k N           neighbours of a search (10)\n"
	"  --fill N       first make FILE, with N pseudo-random rows, always the same\n"
	"  --dim N        elements of a row, with --fill; also --metric, --elem and --index\n"
	"\n"
	"Examples:\n"
	"  vexfs bench --fill 10000 --dim 128 /mnt/random\n"
	"  vexfs bench --op get --queries 1000 /mnt/random --json\n"
	"  vexfs --image disk.img --isa scalar bench /random\n",
	.run = run,
};

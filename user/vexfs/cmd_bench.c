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

#include "bench.h"
#include "progress.h"

#define WARM_UP		3u	/* operations that are not counted, unless asked for more */

/* Different sequences: no query is a row. */
#define ROWS_SEED	1u
#define QUERY_SEED	(1ULL << 40)
#define INSERT_SEED	(2ULL << 40)

enum {
	OPT_OP = OPT_COMMAND,
	OPT_QUERIES,
	OPT_WARM,
	OPT_BATCH,
	OPT_FILL,
	OPT_FILL_BATCH,
	OPT_FROM,
	OPT_QUERY,
	OPT_EF,
	OPT_RECALL,
	OPT_CSV,
};

const char *const bench_op_names[] = {
	[BENCH_SEARCH] = "search", [BENCH_INSERT] = "insert", [BENCH_GET] = "get",
};

/* The counter, after everything before it and before everything behind it. */
static uint64_t clock_cycles(void)
{
	uint64_t now;

	_mm_lfence();
	now = __rdtsc();
	_mm_lfence();
	return now;
}

/* Insert rows, adding to *@cycles. 0 or a negative errno. */
static int insert(struct bench *b, const void *rows, uint32_t count, uint64_t *cycles)
{
	uint64_t first_id, bad_row, start = clock_cycles();
	int err = store_insert(b->store, rows, count, &first_id, &bad_row);

	*cycles += clock_cycles() - start;
	return err;
}

static int fill_batches(struct bench *b, float *rows)
{
	uint64_t done = 0;
	uint32_t got;

	progress_start("filling", "rows", b->fill);
	while ((!b->fill || done < b->fill) && !interrupt_pending()) {
		uint64_t left = b->fill ? b->fill - done : b->fill_batch;
		int status = bench_rows_read(&b->rows, rows, left < b->fill_batch ?
					     left : b->fill_batch, &got);
		int err;

		if (status)
			return status;
		if (!got)
			break;
		status = bench_pack(b, &b->rows, rows, got);
		if (status)
			return status;
		err = insert(b, rows, got, &b->fill_cycles);
		if (err)
			return store_explain(b->store, "insert", err);
		done += got;
		progress_update(done, done);
	}
	progress_stop();
	if (!done && !interrupt_pending())
		return report_fail("%s: has no rows", b->rows.path);
	return store_sync(b->store);
}

static int fill(struct bench *b)
{
	uint64_t most = BATCH_BYTES / row_room(b->store);
	int status;
	float *rows;

	if (!b->fill_batch || b->fill_batch > most)
		b->fill_batch = most ? most : 1;
	rows = malloc(b->fill_batch * row_room(b->store));
	if (!rows)
		return report_fail("out of memory for the rows");
	status = fill_batches(b, rows);
	free(rows);
	return status;
}

/* What comes next: queries, rows, or ids. A status. */
static int next_batch(struct bench *b)
{
	struct bench_rows *r = b->op == BENCH_SEARCH ? &b->asked : &b->rows;
	int status;

	if (b->op != BENCH_GET) {
		status = bench_rows_cycle(r, b->vectors, b->batch);
		return status ? status : bench_pack(b, r, b->vectors, b->batch);
	}
	for (uint64_t i = 0; i < b->batch; i++)
		b->ids[i] = bench_random(&b->asked.random) % b->store->stat.rows;
	return STATUS_OK;
}

/* Do the operation once, for @p. 0 or a negative errno; *@cycles receives what it took. */
static int run_once(struct bench *b, struct bench_point *p, uint64_t *cycles)
{
	const struct vexfs_stat *st = &b->store->stat;
	uint64_t bytes = b->batch * st->row_bytes, start;
	struct vexfs_search search = {
		.queries = (uintptr_t)b->vectors, .queries_len = bytes, .nq = b->batch,
		.dim = st->dim, .k = b->k, .ef = p->ef, .ids = (uintptr_t)b->ids,
		.distances = (uintptr_t)b->distances,
	};
	struct vexfs_get get = {
		.ids = (uintptr_t)b->ids, .rows = (uintptr_t)b->vectors, .rows_len = bytes,
		.count = b->batch, .dim = st->dim,
	};
	int err;

	*cycles = 0;
	if (b->op == BENCH_INSERT)
		return insert(b, b->vectors, b->batch, cycles);
	start = clock_cycles();
	if (b->op == BENCH_SEARCH)
		err = store_call(b->store, VEXFS_IOC_SEARCH, &search);
	else
		err = store_call(b->store, VEXFS_IOC_GET, &get);
	*cycles = clock_cycles() - start;
	p->visited += search.visited;
	return err;
}

/* Do it @count times; the counted ones into b->cycles. */
static int run_times(struct bench *b, struct bench_point *p, uint64_t count, bool counted)
{
	uint64_t found = 0, unused;

	for (uint64_t i = 0; i < count && !interrupt_pending(); i++) {
		int status = next_batch(b);
		int err = status ? 0 : run_once(b, p, counted ? &b->cycles[i] : &unused);

		if (err)
			status = store_explain(b->store, bench_op_names[b->op], err);
		if (status)
			return status;
		if (counted && b->truth)
			found += bench_found(b, i);
		progress_update(i, i);
	}
	if (counted && b->truth)
		p->recall = (double)found / (count * b->batch * b->k);
	return interrupt_pending() ? interrupted_status() : STATUS_OK;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int measure(struct bench *b, struct bench_point *p)
{
	uint64_t sum = 0, *c = b->cycles, n = b->queries;
	int status;

	progress_start("measuring", bench_op_names[b->op], n);
	status = bench_rows_rewind(&b->asked, QUERY_SEED);
	if (!status)
		status = run_times(b, p, b->warm, false);
	/* With the very queries that have been warmed up by. */
	if (!status)
		status = bench_rows_rewind(&b->asked, QUERY_SEED);
	p->visited = 0;
	if (!status)
		status = run_times(b, p, n, true);
	progress_stop();
	if (status)
		return status;
	qsort(c, n, sizeof(*c), by_value);
	for (uint64_t i = 0; i < n; i++)
		sum += c[i];
	p->least = c[0];
	p->median = c[n / 2];
	p->mean = sum / n;
	p->most = c[n - 1];
	return STATUS_OK;
}

static int measure_all(struct bench *b)
{
	int status = STATUS_OK;

	if (b->want_recall)
		status = bench_truth(b);
	if (!status && interrupt_pending())
		status = interrupted_status();
	for (unsigned int i = 0; i < b->nr_points && !status; i++)
		status = measure(b, &b->points[i]);
	return status;
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
	b->vectors = calloc(b->batch, row_room(b->store));
	b->ids = calloc(slots, sizeof(*b->ids));
	b->distances = calloc(slots, sizeof(*b->distances));
	b->cycles = calloc(b->queries, sizeof(*b->cycles));
	if (!b->vectors || !b->ids || !b->distances || !b->cycles)
		return report_fail("out of memory");
	return STATUS_OK;
}

/* Make the collection, and fill it. */
static int make(struct bench *b)
{
	int status = bench_rows_open(&b->rows, b->shape.dim, ROWS_SEED);
	int err;

	if (status) {
		store_remove(b->store);
		return status;
	}
	b->shape.dim = b->rows.dim;
	status = shape_create(&b->shape, b->store, VEXFS_METRIC_L2);
	if (!status)
		status = fill(b);
	err = status ? 0 : store_call(b->store, VEXFS_IOC_STAT, &b->store->stat);
	return err ? store_explain(b->store, NULL, err) : status;
}

/* Where what is measured begins. */
static int open_input(struct bench *b)
{
	uint32_t dim = b->store->stat.dim;
	struct vexfs_caps caps = { 0 };
	int err = store_call(b->store, VEXFS_IOC_CAPS, &caps);
	int status = err ? store_explain(b->store, NULL, err) : STATUS_OK;

	b->isa = caps.isa;
	if (!status)
		status = bench_rows_open(&b->asked, dim, QUERY_SEED);
	if (!status && !b->made)
		status = bench_rows_open(&b->rows, dim, INSERT_SEED);
	else if (!status)
		status = bench_rows_rewind(&b->rows, INSERT_SEED);
	return status ? status : allocate(b);
}

static int prepare(struct bench *b, const char *file)
{
	bool write = b->op == BENCH_INSERT;
	int status;

	status = store_open(&b->store, &b->c->place, file, b->made ? STORE_CREATE :
			    write ? STORE_WRITE : STORE_READ);
	if (!status && b->made)
		status = make(b);
	if (!status && interrupt_pending())
		status = interrupted_status();
	return status ? status : open_input(b);
}

/* "10,20,40". */
static int ef_option(struct bench *b, const char *list)
{
	char number[24];

	for (b->nr_points = 0; list; b->nr_points++) {
		size_t len = strcspn(list, ",");
		int status;

		if (b->nr_points == BENCH_MAX_POINTS)
			return report_misuse("--ef takes at most %u numbers", BENCH_MAX_POINTS);
		snprintf(number, sizeof(number), "%.*s", (int)len, list);
		status = option_number("--ef", number, 0, VEXFS_MAX_EF,
				       &b->points[b->nr_points].ef);
		if (status != GO_ON)
			return status;
		list = list[len] ? list + len + 1 : NULL;
	}
	return GO_ON;
}

static int op_option(struct bench *b, const char *name)
{
	for (unsigned int i = 0; i < sizeof(bench_op_names) / sizeof(*bench_op_names); i++) {
		if (strcmp(bench_op_names[i], name))
			continue;
		b->op = i;
		return GO_ON;
	}
	return report_misuse("--op '%s' is none of search, insert, get", name);
}

static int bench_option(struct bench *b, int opt)
{
	switch (opt) {
	case OPT_OP:
		return op_option(b, optarg);
	case OPT_QUERIES:
		return option_number("--queries", optarg, 1, 1u << 24, &b->queries);
	case OPT_WARM:
		return option_number("--warm", optarg, 0, 1u << 24, &b->warm);
	case 'k':
		return option_number("-k", optarg, 1, VEXFS_MAX_K, &b->k);
	case OPT_BATCH:
		return option_number("--batch", optarg, 1, VEXFS_MAX_QUERIES, &b->batch);
	case OPT_FILL:
		return option_number("--fill", optarg, 1, UINT32_MAX, &b->fill);
	case OPT_FILL_BATCH:
		return option_number("--fill-batch", optarg, 1, UINT32_MAX, &b->fill_batch);
	case OPT_FROM:
		b->rows.path = optarg;
		return GO_ON;
	case OPT_QUERY:
		b->asked.path = optarg;
		return GO_ON;
	case OPT_EF:
		return ef_option(b, optarg);
	case OPT_RECALL:
		b->want_recall = true;
		return GO_ON;
	case OPT_CSV:
		b->csv = true;
		return GO_ON;
	default:
		return shape_option(&b->shape, b->c, opt);
	}
}

/* What does not go together. GO_ON or a status. */
static int check_options(struct bench *b)
{
	if (b->rows.path && b->op != BENCH_INSERT)
		b->made = true;
	if (b->fill)
		b->made = true;
	if (b->made && !b->rows.path && !b->shape.dim)
		return report_misuse("--fill needs --dim, or --from");
	if (!b->made && b->shape.dim)
		return report_misuse("--dim needs --fill");
	if (b->op != BENCH_SEARCH && (b->want_recall || b->asked.path || b->nr_points))
		return report_misuse("--ef, --recall and --query are for searches");
	if (b->csv && b->c->json)
		return report_misuse("--csv and --json do not go together");
	if (!b->nr_points)
		b->nr_points = 1;
	return GO_ON;
}

static void release(struct bench *b)
{
	bench_rows_close(&b->rows);
	bench_rows_close(&b->asked);
	free(b->vectors);
	free(b->ids);
	free(b->distances);
	free(b->cycles);
	free(b->truth);
}

static int run(struct common *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "op", required_argument, NULL, OPT_OP },
		{ "queries", required_argument, NULL, OPT_QUERIES },
		{ "warm", required_argument, NULL, OPT_WARM },
		{ "batch", required_argument, NULL, OPT_BATCH },
		{ "fill", required_argument, NULL, OPT_FILL },
		{ "fill-batch", required_argument, NULL, OPT_FILL_BATCH },
		{ "from", required_argument, NULL, OPT_FROM },
		{ "query", required_argument, NULL, OPT_QUERY },
		{ "ef", required_argument, NULL, OPT_EF },
		{ "recall", no_argument, NULL, OPT_RECALL },
		{ "csv", no_argument, NULL, OPT_CSV },
		SHAPE_OPTIONS, COMMON_OPTIONS
	};
	struct bench b = {
		.c = c, .queries = 100, .warm = WARM_UP, .k = 10, .batch = 1,
		.shape = {
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
	status = check_options(&b);
	if (status != GO_ON)
		return status;
	status = prepare(&b, argv[optind]);
	if (!status)
		status = measure_all(&b);
	if (!status)
		status = bench_print(&b, clock_cost());
	else if (b.store && b.made)
		store_remove(b.store);
	closed = store_close(b.store);
	release(&b);
	return status ? status : closed;
}

const struct command command_bench = {
	.name = "bench",
	.summary = "measure what an operation costs",
	.usage =
	"Usage: vexfs bench [OPTION]... FILE\n"
	"\n"
	"Does an operation many times and prints the cycles that it took, from before the call\n"
	"to after it: least, median, mean, most; of searches also how many rows were compared.\n"
	"Cycles are instructions, and figures compare exactly, only in a VM of\n"
	"'tools/vm/run --icount'.\n"
	"\n"
	"  --op NAME        search (default), insert or get; insert leaves its rows in FILE\n"
	"  --queries N      how many times (100)\n"
	"  --warm N         after how many that are not counted (3); searches begin with the same\n"
	"                   queries then\n"
	"  --batch N        queries or rows of one operation (1)\n"
	"  -k N             neighbours of a search (10)\n"
	"  --ef N[,N]...    breadths of searches by an HNSW index, one after the other\n"
	"  --recall         print which share of the true neighbours was found: all rows are read,\n"
	"                   and compared, before\n"
	"  --query ROWS     queries from a .fvecs, .bvecs, .npy or .csv file, over and over, not\n"
	"                   pseudo-random ones\n"
	"  --fill N         first make FILE, with N pseudo-random rows, always the same, of --dim\n"
	"                   elements; also --metric, --elem, --index, --code, --m and\n"
	"                   --ef-construction. It stays; without success it is removed\n"
	"  --from ROWS      make FILE of the rows of a file, N of them with --fill; with --op insert\n"
	"                   and no --fill, insert those\n"
	"  --fill-batch N   rows of one insertion when FILE is filled (as many as have 4 MiB)\n"
	"  --csv            print CSV\n"
	"\n"
	"Examples:\n"
	"  vexfs bench --fill 10000 --dim 128 /mnt/random\n"
	"  vexfs bench --fill 10000 --dim 128 --index hnsw --ef 20,50,100,200 --recall /mnt/graph\n"
	"  vexfs bench --op get --queries 1000 /mnt/random --json\n"
	"  vexfs --image disk.img --isa scalar bench /random\n",
	.run = run,
};

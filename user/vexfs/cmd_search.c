// SPDX-License-Identifier: GPL-2.0-only
/* vexfs search: the nearest rows of each query. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "expr.h"
#include "names.h"
#include "progress.h"
#include "query.h"
#include "recall.h"

#define BATCH_DEFAULT	32u
#define K_DEFAULT	10u

enum {
	OPT_QUERY = OPT_OWN,
	OPT_TEXT,
	OPT_ROW,
	OPT_FORMAT,
	OPT_CONVERT,
	OPT_TRUTH,
	OPT_LIMIT,
	OPT_BATCH,
	OPT_REPEAT,
	OPT_FILTER,
	OPT_EF,
	OPT_PROBES,
	OPT_RADIUS,
};

/**
 * struct search - one run
 * @q: the queries
 * @truth: true neighbours, to measure the recall
 * @ef: breadth of a search by an index; 0: the default
 * @probes: buckets of each table of LSH; 0: the default
 * @batch: queries of one operation
 * @repeat: times that each operation is done
 * @vectors: memory of the queries of a batch
 * @ids: memory of the ids found
 * @distances: memory of their distances
 * @done: queries done
 * @visited: rows compared
 * @seconds: spent in the operations
 * @filter: which rows may be found
 * @ranged: the rows within @radius are wanted
 * @met: by query of a batch: how many of these the search has met
 * @named: there is a file of names
 */
struct search {
	struct common *c;
	struct queries q;
	const char *truth_path;
	struct recall truth;
	uint64_t k;
	uint64_t ef;
	uint64_t probes;
	uint64_t batch;
	uint64_t repeat;
	struct store *store;
	float *vectors;
	uint64_t *ids;
	float *distances;
	uint64_t done;
	uint64_t visited;
	double seconds;
	bool named;
	struct expr filter;
	bool ranged;
	float radius;
	uint64_t *met;
	struct report r;
};

static void print_hit(struct search *s, size_t i, uint64_t rank, const char *name)
{
	float distance = s->distances[i];

	json_open(&s->r, NULL, '{');
	json_uint(&s->r, "id", s->ids[i]);
	json_float(&s->r, "distance", distance);
	json_bits(&s->r, "distance_bits", distance);
	if (name)
		json_string(&s->r, "name", name);
	json_close(&s->r, '}');
	if (s->r.json)
		return;
	fprintf(s->r.f, "%6" PRIu64 "  %12.6g  %10" PRIu64, rank, distance, s->ids[i]);
	if (name) {
		fputs("  ", s->r.f);
		report_text(s->r.f, name);
	}
	fputc('\n', s->r.f);
}

/* The heading of query number @n of all. */
static void print_query(struct search *s, uint64_t n)
{
	json_open(&s->r, NULL, '{');
	json_uint(&s->r, "query", n);
	if (s->q.text_count)
		json_string(&s->r, "text", s->q.texts[n]);
	else if (!s->q.path)
		json_uint(&s->r, "row", s->q.rows.ids[n]);
	if (s->r.json)
		return;
	if (s->q.text_count) {
		fputs("nearest to \"", s->r.f);
		report_text(s->r.f, s->q.texts[n]);
		fputs("\"\n", s->r.f);
	} else if (s->q.path) {
		fprintf(s->r.f, "nearest to query %" PRIu64 "\n", n);
	} else {
		fprintf(s->r.f, "nearest to row %" PRIu64 "\n", s->q.rows.ids[n]);
	}
	fprintf(s->r.f, "  rank      distance          id%s\n", s->named ? "  name" : "");
}

/* How many rows within the radius query @i of the batch has met; what is beyond -k is told, too. */
static void print_met(struct search *s, uint32_t i)
{
	json_uint(&s->r, "met", s->met[i]);
	if (!s->r.json && s->met[i] > s->k)
		fprintf(s->r.f, "  and more: %s rows within %g were met\n", grouped(s->met[i]),
			s->radius);
}

/* Add what a batch of @nq queries found to the report. A status. */
static int print_batch(struct search *s, uint32_t nq)
{
	struct row_names names;
	int err;

	if (s->c->quiet)
		return STATUS_OK;
	err = row_names_find(&names, s->store, s->ids, nq * s->k);
	for (uint32_t i = 0; i < nq && !err; i++) {
		print_query(s, s->done + i);
		json_open(&s->r, "results", '[');
		for (uint64_t j = 0; j < s->k && s->ids[i * s->k + j] != VEXFS_NO_ID; j++)
			print_hit(s, i * s->k + j, j + 1,
				  row_names_get(&names, s->ids[i * s->k + j]));
		json_close(&s->r, ']');
		if (s->ranged)
			print_met(s, i);
		json_close(&s->r, '}');
	}
	row_names_free(&names);
	return err ? store_explain(s->store, "its " NAMES_SUFFIX " file", err) : STATUS_OK;
}

static int explain_query(const struct search *s, uint64_t query)
{
	struct row_shape shape = row_shape(s->store, s->q.how);

	return report_fail("query %" PRIu64 " %s", s->done + query, rows_wrong(&shape));
}

/* The rows within the radius of query @i of the batch; the other slots say that there is none. */
static int range_one(struct search *s, uint32_t i)
{
	struct vexfs_range op = {
		.query = (uintptr_t)s->vectors + i * s->store->stat.row_bytes,
		.query_len = s->store->stat.row_bytes, .dim = s->store->stat.dim, .max = s->k,
		.ef = s->ef, .ids = (uintptr_t)(s->ids + i * s->k),
		.distances = (uintptr_t)(s->distances + i * s->k),
		.filter = (uintptr_t)s->filter.nodes, .filter_count = s->filter.count,
		.filter_text = (uintptr_t)s->filter.text, .filter_text_len = s->filter.text_len,
	};
	int err;

	memcpy(&op.radius, &s->radius, sizeof(op.radius));
	err = store_call(s->store, VEXFS_IOC_RANGE, &op);
	if (err == -EDOM && !op.bad)
		return explain_query(s, i);
	if (err)
		return store_explain(s->store, "search", err);
	s->met[i] = op.met;
	for (uint64_t j = op.count; j < s->k; j++)
		s->ids[i * s->k + j] = VEXFS_NO_ID;
	s->visited += op.visited;
	return STATUS_OK;
}

/* A batch of these, one operation each. A status. */
static int range_batch(struct search *s, uint32_t nq)
{
	uint64_t visited = s->visited;
	double start = clock_seconds();

	for (uint64_t n = 0; n < s->repeat; n++) {
		s->visited = visited;
		for (uint32_t i = 0; i < nq && !interrupt_pending(); i++) {
			int status = range_one(s, i);

			if (status)
				return status;
		}
	}
	s->seconds += clock_seconds() - start;
	return STATUS_OK;
}

/* Search a batch, and again when it is to be repeated. A status. */
static int search_batch(struct search *s, uint32_t nq)
{
	struct vexfs_search op = {
		.queries = (uintptr_t)s->vectors, .nq = nq, .dim = s->store->stat.dim,
		.queries_len = (uint64_t)nq * s->store->stat.row_bytes, .k = s->k,
		.ef = s->ef, .probes = s->probes,
		.ids = (uintptr_t)s->ids, .distances = (uintptr_t)s->distances,
	};
	double start = clock_seconds();

	if (s->filter.count) {
		op.filter = (uintptr_t)s->filter.nodes;
		op.filter_count = s->filter.count;
		op.filter_text = (uintptr_t)s->filter.text;
		op.filter_text_len = s->filter.text_len;
	}
	for (uint64_t i = 0; i < s->repeat && !interrupt_pending(); i++) {
		int err = store_call(s->store, VEXFS_IOC_SEARCH, &op);

		if (err == -EDOM)
			return explain_query(s, op.bad_query);
		if (err)
			return store_explain(s->store, "search", err);
	}
	s->seconds += clock_seconds() - start;
	s->visited += op.visited;
	return STATUS_OK;
}

static int search_all(struct search *s)
{
	int status = STATUS_OK;

	json_open(&s->r, "queries", '[');
	while (!status && !interrupt_pending()) {
		uint32_t nq;

		status = queries_read(&s->q, s->vectors, s->batch, &nq);
		if (status || !nq || interrupt_pending())
			break;
		status = s->ranged ? range_batch(s, nq) : search_batch(s, nq);
		if (status || interrupt_pending())
			break;
		for (uint32_t i = 0; s->truth_path && i < nq && !status; i++)
			status = recall_add(&s->truth, s->done + i, s->ids + i * s->k, s->k);
		if (!status)
			status = print_batch(s, nq);
		s->done += nq;
		progress_update(s->q.path ? s->q.source.done : s->done, s->done);
	}
	json_close(&s->r, ']');
	return status;
}

static void print_summary(struct search *s)
{
	struct report *r = &s->r;
	uint64_t searches = s->done * s->repeat;

	json_uint(r, "visited", s->visited);
	if (s->truth_path)
		json_double(r, "recall", recall_value(&s->truth));
	if (s->repeat > 1) {
		json_uint(r, "repeat", s->repeat);
		json_double(r, "seconds", s->seconds);
		json_double(r, "queries_per_second", searches / s->seconds);
	}
	if (r->json)
		return;
	if (s->truth_path)
		fprintf(r->f, "recall@%" PRIu64 " %.4f over %s queries\n", s->k,
			recall_value(&s->truth), grouped(s->done));
	if (s->repeat > 1)
		fprintf(r->f, "%s searches in %.3f s: %.1f a second, %.3f ms each\n",
			grouped(searches), s->seconds, searches / s->seconds,
			1e3 * s->seconds / searches);
}

static int allocate(struct search *s)
{
	uint64_t most = VEXFS_MAX_BATCH / row_room(s->store);

	if (s->batch > VEXFS_MAX_RESULTS / s->k)
		s->batch = VEXFS_MAX_RESULTS / s->k;
	if (s->batch > most)
		s->batch = most;
	s->vectors = calloc(s->batch, row_room(s->store));
	s->ids = calloc(s->batch * s->k, sizeof(*s->ids));
	s->distances = calloc(s->batch * s->k, sizeof(*s->distances));
	s->met = calloc(s->batch, sizeof(*s->met));
	if (!s->vectors || !s->ids || !s->distances || !s->met)
		return report_fail("out of memory for a batch of queries");
	return STATUS_OK;
}

static int do_search(struct search *s)
{
	int status = queries_open(&s->q);
	uint64_t unused;

	if (!status)
		status = allocate(s);
	if (!status && s->truth_path)
		status = recall_open(&s->truth, s->truth_path, s->k);
	if (status)
		return status;
	s->named = !s->store->ops->names_size(s->store, &unused);
	report_begin(&s->r, s->c->json);
	s->r.flat = 4;
	json_string(&s->r, "file", s->store->path);
	json_string(&s->r, "metric", store_metric_name(s->store->stat.metric));
	json_uint(&s->r, "dim", s->store->stat.dim);
	json_uint(&s->r, "k", s->k);
	if (s->ranged)
		json_float(&s->r, "radius", s->radius);
	progress_start("searching", "queries", s->q.path ? s->q.source.total :
		       queries_total(&s->q));
	status = search_all(s);
	progress_stop();
	if (interrupt_pending())
		status = interrupted_status();
	else if (!status && !s->done)
		status = report_fail("%s: holds no query", s->q.path);
	if (status) {
		report_drop(&s->r);
		return status;
	}
	print_summary(s);
	return report_end(&s->r);
}

static int add_text(struct search *s)
{
	const char **texts = reallocarray(s->q.texts, s->q.text_count + 1, sizeof(*texts));

	if (!texts)
		return report_fail("out of memory");
	texts[s->q.text_count++] = optarg;
	s->q.texts = texts;
	return GO_ON;
}

static int set_radius(struct search *s)
{
	char *end;

	s->radius = strtof(optarg, &end);
	/* What is too small for a float is 0. */
	if (end == optarg || *end || !isfinite(s->radius))
		return report_misuse("--radius: '%s' is no finite number", optarg);
	s->ranged = true;
	return GO_ON;
}

static int search_option(struct search *s, int opt)
{
	switch (opt) {
	case 'k':
		return option_number("-k", optarg, 1, VEXFS_MAX_K, &s->k);
	case OPT_QUERY:
		s->q.path = optarg;
		return GO_ON;
	case OPT_TEXT:
		return add_text(s);
	case OPT_ROW:
		return option_ids(&s->q.rows, optarg);
	case OPT_FORMAT:
		s->q.format = optarg;
		return GO_ON;
	case OPT_TRUTH:
		s->truth_path = optarg;
		return GO_ON;
	case OPT_LIMIT:
		return option_number("--limit", optarg, 1, UINT64_MAX, &s->q.limit);
	case OPT_BATCH:
		return option_number("--batch", optarg, 1, VEXFS_MAX_QUERIES, &s->batch);
	case OPT_EF:
		return option_number("--ef", optarg, 1, VEXFS_MAX_EF, &s->ef);
	case OPT_PROBES:
		return option_number("--probes", optarg, 1, VEXFS_MAX_PROBES, &s->probes);
	case OPT_RADIUS:
		return set_radius(s);
	case OPT_FILTER:
		return option_expr("--filter", optarg, &s->filter);
	case OPT_CONVERT:
		return option_name("--convert", optarg, convert_value, CONVERT_NAMES, &s->q.how);
	case OPT_REPEAT:
		return option_number("--repeat", optarg, 1, UINT32_MAX, &s->repeat);
	default:
		return common_option(s->c, opt);
	}
}

static int parse(struct search *s, int argc, char **argv)
{
	static const struct option options[] = {
		{ "query", required_argument, NULL, OPT_QUERY },
		{ "text", required_argument, NULL, OPT_TEXT },
		{ "row", required_argument, NULL, OPT_ROW },
		{ "format", required_argument, NULL, OPT_FORMAT },
		{ "convert", required_argument, NULL, OPT_CONVERT },
		{ "groundtruth", required_argument, NULL, OPT_TRUTH },
		{ "limit", required_argument, NULL, OPT_LIMIT },
		{ "batch", required_argument, NULL, OPT_BATCH },
		{ "repeat", required_argument, NULL, OPT_REPEAT },
		{ "filter", required_argument, NULL, OPT_FILTER },
		{ "ef", required_argument, NULL, OPT_EF },
		{ "probes", required_argument, NULL, OPT_PROBES },
		{ "radius", required_argument, NULL, OPT_RADIUS },
		COMMON_OPTIONS
	};
	int opt, status;

	while ((opt = getopt_long(argc, argv, "k:" COMMON_SHORT, options, NULL)) != -1) {
		status = search_option(s, opt);
		if (status != GO_ON)
			return status;
	}
	if (optind + 1 != argc)
		return report_misuse("exactly one FILE is needed");
	if (!!s->q.path + !!s->q.text_count + !!s->q.rows.count != 1)
		return report_misuse("one of --query, --text and --row is needed");
	if (!s->k)
		s->k = s->ranged ? VEXFS_MAX_K : K_DEFAULT;
	if (s->ranged && s->truth_path)
		return report_misuse("--radius and --groundtruth do not go together");
	return GO_ON;
}

static int run(struct common *c, int argc, char **argv)
{
	struct search s = {
		.c = c, .batch = BATCH_DEFAULT, .repeat = 1, .q.limit = UINT64_MAX,
	};
	int status = parse(&s, argc, argv), closed = STATUS_OK;

	if (status == GO_ON) {
		status = store_open(&s.store, &c->place, argv[optind], STORE_READ);
		s.q.store = s.store;
		if (!status)
			status = do_search(&s);
		closed = store_close(s.store);
	}
	queries_close(&s.q);
	recall_close(&s.truth);
	free(s.vectors);
	free(s.ids);
	free(s.distances);
	free(s.met);
	return status ? status : closed;
}

const struct command command_search = {
	.name = "search",
	.summary = "find the rows nearest to queries",
	.usage =
	"Usage: vexfs search [OPTION]... FILE --query SOURCE | --text WORDS | --row ID\n"
	"\n"
	"Prints the rows of the collection FILE that are nearest to each query: rank, distance,\n"
	"id, and the name when the row has one (in FILE.names).\n"
	"\n"
	"  --query SOURCE       queries are the rows of a .fvecs, .bvecs, .npy or .csv file\n"
	"  --text WORDS         a query is a text, turned into a vector as 'vexfs import --text'\n"
	"                       does; may stand more than once\n"
	"  --row ID             a query is a row of FILE, or of a range FIRST-LAST; may stand\n"
	"                       more than once\n"
	"  -k N                 nearest rows wanted of each query (10; at most 4096)\n"
	"  --radius R           all rows at a distance of at most R instead, up to -k (4096): R is\n"
	"                       squared with the metric l2, and may be negative with ip\n"
	"  --ef N               breadth of the search in a collection with an index other than flat\n"
	"                       (100): more finds more of the true neighbours, and takes longer\n"
	"  --probes N           with the index lsh: buckets to read of each table, the likeliest\n"
	"                       of all first, up to 4096; by default until 32 rows were compared\n"
	"                       for each of --ef, at most 256\n"
	"  --groundtruth IVECS  also print recall@k: the share of the k true neighbours found\n"
	"  --limit N            only the first N queries\n"
	"  --batch N            queries of one operation (32)\n"
	"  --repeat N           do every search N times and print how long they took\n"
	"  --format NAME        format of SOURCE: fvecs, bvecs, npy, csv\n"
	"  --convert HOW        what becomes of numbers for elements of another type: exact\n"
	"                       (default), shift, sign or bits; see 'vexfs import --help'\n"
	"  --filter EXPR        only rows whose metadata match; see 'vexfs meta --help'\n"
	"\n"
	"Examples:\n"
	"  vexfs search /mnt/docs --text 'mutex lock unlock' -k 5\n"
	"  vexfs search /mnt/sift --query query.fvecs --groundtruth gt.ivecs -k 100 --quiet\n"
	"  vexfs search /mnt/docs --text 'mutex' --filter 'lang == \"de\" and year >= 2020'\n"
	"  vexfs search /mnt/docs --row 42 --radius 0.3\n"
	"  vexfs search /mnt/sift --row 42 --json\n",
	.run = run,
};

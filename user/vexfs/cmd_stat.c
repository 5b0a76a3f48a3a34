// SPDX-License-Identifier: GPL-2.0-only
/* vexfs stat and vexfs caps: what a collection is, what a VexFS can do. */
#include <errno.h>
#include <inttypes.h>

#include "cmd.h"
#include "names.h"

/* What only one kind of index has; in text it stands elsewhere. */
static void print_shape(struct report *r, const struct vexfs_stat *st)
{
	if (st->index == VEXFS_INDEX_LSH) {
		json_uint(r, "tables", st->tables);
		json_uint(r, "bits", st->bits);
	} else if (st->index == VEXFS_INDEX_HNSW) {
		json_uint(r, "m", st->m);
		json_uint(r, "ef_construction", st->ef_construction);
	}
}

static void print_stat(struct report *r, const struct store *store, uint64_t named)
{
	const struct vexfs_stat *st = &store->stat;

	json_string(r, "file", store->path);
	json_string(r, "elem", store_elem_name(st->elem));
	json_string(r, "metric", store_metric_name(st->metric));
	json_string(r, "index", store_index_name(st->index));
	json_uint(r, "dim", st->dim);
	json_uint(r, "rows", st->rows);
	json_uint(r, "live", st->live);
	json_uint(r, "row_bytes", st->row_bytes);
	if (st->index != VEXFS_INDEX_FLAT) {
		json_string(r, "code", store_code_name(st->code));
		print_shape(r, st);
		json_uint(r, "indexed", st->indexed);
		json_uint(r, "pending", st->pending);
	}
	json_uint(r, "blocks", st->blocks);
	json_uint(r, "names", named);
	if (r->json)
		return;
	report_text(r->f, store->path);
	fprintf(r->f, "\n  rows    %s live, %s deleted\n", grouped(st->live),
		grouped(st->rows - st->live));
	fprintf(r->f, "  row     %u x %s, %" PRIu64 " bytes\n", st->dim, store_elem_name(st->elem),
		(uint64_t)st->row_bytes);
	fprintf(r->f, "  metric  %s\n", store_metric_name(st->metric));
	fprintf(r->f, "  index   %s\n", store_index_name(st->index));
	if (st->index == VEXFS_INDEX_HNSW)
		fprintf(r->f, "  graph   %s rows, %u changed since; m %u, ef_construction %u, code %s\n",
			grouped(st->indexed), st->pending, st->m, st->ef_construction,
			store_code_name(st->code));
	if (st->index == VEXFS_INDEX_CODES)
		fprintf(r->f, "  codes   %s rows, %u changed since; %s\n", grouped(st->indexed),
			st->pending, store_code_name(st->code));
	if (st->index == VEXFS_INDEX_LSH)
		fprintf(r->f, "  tables  %s rows, %u changed since; %u tables of 2^%u buckets, code %s\n",
			grouped(st->indexed), st->pending, st->tables, st->bits,
			store_code_name(st->code));
	fprintf(r->f, "  data    %s blocks of 4 KiB, %.1f MiB\n", grouped(st->blocks),
		st->blocks / 256.0);
	fprintf(r->f, "  names   %s\n", named ? grouped(named) : "none");
}

/* FILE and nothing else. */
static int parse(struct common *c, int argc, char **argv)
{
	static const struct option options[] = { COMMON_OPTIONS };
	int opt, status;

	while ((opt = getopt_long(argc, argv, COMMON_SHORT, options, NULL)) != -1) {
		status = common_option(c, opt);
		if (status != GO_ON)
			return status;
	}
	if (optind + 1 != argc)
		return report_misuse("exactly one FILE is needed");
	return GO_ON;
}

static int run_stat(struct common *c, int argc, char **argv)
{
	uint64_t named, bytes;
	struct store *store = NULL;
	struct report r;
	int status = parse(c, argc, argv), closed, err;

	if (status != GO_ON)
		return status;
	status = store_open(&store, &c->place, argv[optind], STORE_READ);
	if (status)
		return status;
	err = names_count(store, &named, &bytes);
	if (err) {
		status = store_explain(store, "its " NAMES_SUFFIX " file", err);
	} else {
		report_begin(&r, c->json);
		print_stat(&r, store, named);
		status = report_end(&r);
	}
	closed = store_close(store);
	return status ? status : closed;
}

/* A list of the names of the bits that are set. */
static void print_bits(struct report *r, const char *key, uint32_t bits,
		       const char *(*name)(uint32_t value))
{
	json_open(r, key, '[');
	if (!r->json)
		fprintf(r->f, "%-12s", key);
	for (uint32_t i = 0; i < 32; i++) {
		if (!(bits >> i & 1))
			continue;
		json_string(r, NULL, name(i));
		if (!r->json)
			fprintf(r->f, " %s", name(i));
	}
	json_close(r, ']');
	if (!r->json)
		fputc('\n', r->f);
}

static void print_limit(struct report *r, const char *key, uint64_t value)
{
	json_uint(r, key, value);
	if (!r->json)
		fprintf(r->f, "%-12s %s\n", key, grouped(value));
}

static int run_caps(struct common *c, int argc, char **argv)
{
	struct vexfs_caps caps = { 0 };
	struct store *store = NULL;
	struct report r;
	int status = parse(c, argc, argv), closed, err;

	if (status != GO_ON)
		return status;
	status = store_open(&store, &c->place, argv[optind], STORE_CAPS);
	if (status)
		return status;
	err = store_call(store, VEXFS_IOC_CAPS, &caps);
	if (err)
		status = store_explain(store, NULL, err);
	closed = store_close(store);
	if (status || closed)
		return status ? status : closed;
	report_begin(&r, c->json);
	r.flat = 1;
	print_bits(&r, "elems", caps.elems, store_elem_name);
	print_bits(&r, "metrics", caps.metrics, store_metric_name);
	print_bits(&r, "indexes", caps.indexes, store_index_name);
	json_string(&r, "isa", store_isa_name(caps.isa));
	if (!r.json)
		fprintf(r.f, "%-12s %s\n", "isa", store_isa_name(caps.isa));
	print_limit(&r, "max_dim", caps.max_dim);
	print_limit(&r, "max_k", caps.max_k);
	print_limit(&r, "max_queries", caps.max_queries);
	print_limit(&r, "max_results", caps.max_results);
	print_limit(&r, "max_ids", caps.max_ids);
	print_limit(&r, "max_batch", caps.max_batch);
	print_limit(&r, "max_update", caps.max_update);
	print_limit(&r, "max_meta", caps.max_meta);
	print_limit(&r, "max_filter", caps.max_filter);
	print_limit(&r, "max_filter_text", caps.max_filter_text);
	return report_end(&r);
}

const struct command command_stat = {
	.name = "stat",
	.summary = "tell what a collection is and holds",
	.usage =
	"Usage: vexfs stat [OPTION]... FILE\n"
	"\n"
	"Prints the shape of the collection FILE, its rows and the space that they take.\n"
	"\n"
	"Examples:\n"
	"  vexfs stat /mnt/docs\n"
	"  vexfs stat --json /mnt/docs\n"
	"  vexfs --image disk.img stat /docs\n",
	.run = run_stat,
};

const struct command command_caps = {
	.name = "caps",
	.summary = "tell what the VexFS at a path can do",
	.usage =
	"Usage: vexfs caps [OPTION]... FILE|DIR\n"
	"\n"
	"Prints the element types, metrics, indexes, instruction set and limits of the VexFS\n"
	"that FILE or DIR is on.\n"
	"\n"
	"Examples:\n"
	"  vexfs caps /mnt\n"
	"  vexfs --image disk.img --isa scalar caps /\n",
	.run = run_caps,
};

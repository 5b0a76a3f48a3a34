// SPDX-License-Identifier: GPL-2.0-only
/* vexfs insert: a few rows in one operation, all or none. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "csv.h"
#include "progress.h"
#include "record.h"
#include "source.h"

enum {
	OPT_FROM = OPT_OWN,
	OPT_FORMAT,
	OPT_META,
	OPT_CONVERT,
};

/**
 * struct insert - one run
 * @from: file with the rows, or NULL: they are arguments
 * @how: enum convert
 * @record: metadata of each row
 * @rows: the rows
 * @count: of them
 */
struct insert {
	struct common *c;
	struct store *store;
	const char *from;
	const char *format;
	char **args;
	uint32_t how;
	struct record record;
	float *rows;
	uint32_t count;
};

/* Most rows of one operation. */
static uint32_t most_rows(const struct insert *in)
{
	return VEXFS_MAX_BATCH / row_room(in->store);
}

/* Numbers that make a row. */
static uint32_t numbers(const struct insert *in)
{
	struct row_shape shape = row_shape(in->store, in->how);

	return rows_numbers(&shape);
}

static int read_args(struct insert *in)
{
	uint32_t dim = numbers(in);

	for (char **arg = in->args; *arg; arg++, in->count++) {
		float *row = in->rows + (size_t)in->count * dim;
		uint32_t got, column;
		int err;

		if (in->count == most_rows(in))
			return report_fail("more than %u rows of this dimension; use "
					   "'vexfs import'", most_rows(in));
		err = csv_parse(*arg, row, dim, &got, &column);
		if (err == -EINVAL)
			return report_misuse("'%s': not a number at character %u", *arg, column);
		if (err || got != dim)
			return report_misuse("'%s': has %s%u elements, rows of %s have %u", *arg,
					     err ? "more than " : "", got, in->store->path, dim);
	}
	return STATUS_OK;
}

static int read_file(struct insert *in)
{
	uint32_t got = 1;
	struct source s;

	if (source_open(&s, in->from, in->format))
		return report_fail("%s: %s", in->from, s.error);
	if (s.format == &source_ivecs || s.dim != numbers(in)) {
		source_close(&s);
		return report_fail("%s: is not of rows of %u elements, as %s is", in->from,
				   numbers(in), in->store->path);
	}
	while (got && !interrupt_pending()) {
		if (source_read(&s, in->rows + (size_t)in->count * s.dim,
				most_rows(in) + 1 - in->count, &got)) {
			source_close(&s);
			return report_fail("%s: %s; nothing was inserted", in->from, s.error);
		}
		in->count += got;
	}
	source_close(&s);
	if (!in->count)
		return report_fail("%s: holds no row", in->from);
	if (in->count > most_rows(in))
		return report_fail("%s: more than %u rows do not fit one operation; use "
				   "'vexfs import'", in->from, most_rows(in));
	return STATUS_OK;
}

static int do_insert(struct insert *in, uint64_t *first_id)
{
	struct row_shape shape = row_shape(in->store, in->how);
	unsigned char *meta = NULL;
	uint64_t bad_row;
	size_t meta_len;
	int status = rows_check(&shape), err;

	if (status)
		return status;
	/* One row of room more than fits, to see that there are too many. */
	in->rows = malloc((most_rows(in) + 1) * row_room(in->store));
	if (!in->rows)
		return report_fail("out of memory for the rows");
	status = in->from ? read_file(in) : read_args(in);
	if (!status)
		status = rows_pack(&shape, in->rows, in->count, "row", 0);
	if (status)
		return status;
	if (interrupt_pending())
		return interrupted_status();
	if (in->record.count) {
		if (in->count > VEXFS_MAX_META)
			return report_fail("more than %u rows with metadata; do it in parts",
					   VEXFS_MAX_META);
		meta = records_make(&in->record, in->count, &meta_len);
		if (!meta)
			return report_fail("out of memory for the metadata");
	}
	err = store_insert_meta(in->store, in->rows, in->count, meta, meta ? meta_len : 0,
				first_id, &bad_row);
	free(meta);
	if (err == -EDOM)
		return report_fail("row %" PRIu64 " of those given %s; nothing was inserted",
				   bad_row, rows_wrong(&shape));
	if (err)
		return store_explain(in->store, "insert", err);
	return store_sync(in->store);
}

static int print_ids(const struct insert *in, const char *file, uint64_t first_id)
{
	struct report r;

	report_begin(&r, in->c->json);
	json_string(&r, "file", file);
	json_uint(&r, "rows", in->count);
	json_uint(&r, "first_id", first_id);
	json_uint(&r, "last_id", first_id + in->count - 1);
	for (uint32_t i = 0; i < in->count && !r.json && !in->c->quiet; i++)
		fprintf(r.f, "%" PRIu64 "\n", first_id + i);
	return report_end(&r);
}

static int run(struct common *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, OPT_FROM },
		{ "format", required_argument, NULL, OPT_FORMAT },
		{ "meta", required_argument, NULL, OPT_META },
		{ "convert", required_argument, NULL, OPT_CONVERT },
		COMMON_OPTIONS
	};
	struct insert in = { .c = c };
	uint64_t first_id = 0;
	int opt, status = GO_ON, closed;

	while ((opt = getopt_long(argc, argv, COMMON_SHORT, options, NULL)) != -1) {
		if (opt == OPT_FROM)
			in.from = optarg;
		else if (opt == OPT_FORMAT)
			in.format = optarg;
		else if (opt == OPT_META)
			status = record_add(&in.record, optarg, 0);
		else if (opt == OPT_CONVERT)
			status = option_name("--convert", optarg, convert_value, CONVERT_NAMES,
					     &in.how);
		else
			status = common_option(c, opt);
		if (status != GO_ON)
			return status;
	}
	if (optind == argc)
		return report_misuse("FILE is needed");
	in.args = argv + optind + 1;
	if (!in.from == !*in.args)
		return report_misuse("either ROWs or --from SOURCE are needed");
	status = store_open(&in.store, &c->place, argv[optind], STORE_WRITE);
	if (!status)
		status = do_insert(&in, &first_id);
	closed = store_close(in.store);
	free(in.rows);
	if (status || closed)
		return status ? status : closed;
	return print_ids(&in, argv[optind], first_id);
}

const struct command command_insert = {
	.name = "insert",
	.summary = "append a few rows, all or none",
	.usage =
	"Usage: vexfs insert [OPTION]... FILE ROW...\n"
	"       vexfs insert [OPTION]... FILE --from SOURCE\n"
	"\n"
	"Appends rows to the collection FILE in one operation, all of them or none, durably,\n"
	"and prints their ids. A ROW is its elements, separated by commas or spaces. At most\n"
	"16 MiB of rows; 'vexfs import' takes any number.\n"
	"\n"
	"  --from SOURCE  the rows of a .fvecs, .bvecs, .npy or .csv file; - is standard input\n"
	"  --format NAME  format of SOURCE: fvecs, bvecs, npy, csv\n"
	"  --convert HOW  what becomes of numbers for elements of another type: exact (default),\n"
	"                 shift, sign or bits; see 'vexfs import --help'\n"
	"  --meta K=V     a key and a value that each of the rows gets; may stand more than\n"
	"                 once; see 'vexfs meta --help'\n"
	"\n"
	"Examples:\n"
	"  vexfs insert /mnt/points 0.5,1,0 0,0.25,1\n"
	"  vexfs insert /mnt/points -- -1,0,0\n"
	"  vexfs insert /mnt/points 1,0,0 --meta lang=de --meta year=2024\n"
	"  vexfs insert /mnt/sift --from new.fvecs --json\n",
	.run = run,
};

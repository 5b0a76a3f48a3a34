// SPDX-License-Identifier: GPL-2.0-only
/* vexfs update: new content for rows, with their metadata, all or none. */
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
	OPT_REPLACE,
	OPT_CONVERT,
};

/**
 * struct update - one run
 * @list: the rows
 * @row: the one row as an argument, or NULL
 * @from: file with the rows, or NULL
 * @how: enum convert
 * @record: pairs that each row gets
 * @replace: what else is known of the rows goes
 */
struct update {
	struct common *c;
	struct store *store;
	struct id_list list;
	const char *row;
	const char *from;
	const char *format;
	uint32_t how;
	struct record record;
	bool replace;
	float *rows;
};

/* Numbers that make a row. */
static uint32_t numbers(const struct update *u)
{
	struct row_shape shape = row_shape(u->store, u->how);

	return rows_numbers(&shape);
}

static int read_row(struct update *u)
{
	uint32_t dim = numbers(u), got, column;
	int err = csv_parse(u->row, u->rows, dim, &got, &column);

	if (err == -EINVAL)
		return report_misuse("'%s': not a number at character %u", u->row, column);
	if (err || got != dim)
		return report_misuse("'%s': has %s%u elements, rows of %s have %u", u->row,
				     err ? "more than " : "", got, u->store->path, dim);
	return STATUS_OK;
}

static int read_file(struct update *u)
{
	uint32_t got = 1, count = 0;
	struct source s;
	bool fits;

	if (source_open(&s, u->from, u->format))
		return report_fail("%s: %s", u->from, s.error);
	fits = s.format != &source_ivecs && s.dim == numbers(u);
	while (fits && got && count <= u->list.count) {
		if (source_read(&s, u->rows + (size_t)count * s.dim, u->list.count + 1 - count,
				&got)) {
			source_close(&s);
			return report_fail("%s: %s; nothing was changed", u->from, s.error);
		}
		count += got;
	}
	source_close(&s);
	if (!fits)
		return report_fail("%s: is not of rows of %u elements, as %s is", u->from,
				   numbers(u), u->store->path);
	if (count != u->list.count)
		return report_fail("%s: has %s%u rows, and %zu ids are given", u->from,
				   count > u->list.count ? "at least " : "", count, u->list.count);
	return STATUS_OK;
}

static int explain(struct update *u, const struct vexfs_update *op, int err)
{
	struct row_shape shape = row_shape(u->store, u->how);
	uint64_t id = op->bad_row < u->list.count ? u->list.ids[op->bad_row] : 0;

	switch (err) {
	case -ENOENT:
		return report_fail("%s: there is no row %" PRIu64 "; nothing was changed",
				   u->store->path, id);
	case -EDOM:
		return report_fail("the new row %" PRIu64 " %s; nothing was changed", id,
				   rows_wrong(&shape));
	case -EBADMSG:
		return report_fail("row %" PRIu64 " would have more than 16 keys or 256 bytes of "
				   "strings; nothing was changed", id);
	case -E2BIG:
		return report_fail("at most %u rows and 16 MiB can change at a time; do it in parts",
				   VEXFS_MAX_UPDATE);
	case -EINVAL:
		return report_misuse("a row is named twice");
	default:
		return store_explain(u->store, "update", err);
	}
}

static int do_update(struct update *u)
{
	struct vexfs_update op = {
		.flags = u->replace ? 0 : VEXFS_META_MERGE, .ids = (uintptr_t)u->list.ids,
		.count = u->list.count, .dim = u->store->stat.dim,
		.rows_len = u->list.count * u->store->stat.row_bytes,
	};
	struct row_shape shape = row_shape(u->store, u->how);
	void *meta = NULL;
	size_t len = 0;
	int status = rows_check(&shape), err;

	if (status)
		return status;
	/* One row of room more, to see that a file has too many. */
	u->rows = malloc((u->list.count + 1) * row_room(u->store));
	if (!u->rows)
		return report_fail("out of memory for the rows");
	status = u->from ? read_file(u) : read_row(u);
	if (!status)
		status = rows_pack(&shape, u->rows, u->list.count, "row", 0);
	if (status)
		return status;
	if (u->record.count || u->replace) {
		meta = records_make(&u->record, u->list.count, &len);
		if (!meta)
			return report_fail("out of memory for the metadata");
	}
	op.rows = (uintptr_t)u->rows;
	op.meta = (uintptr_t)meta;
	op.meta_len = len;
	err = store_call(u->store, VEXFS_IOC_UPDATE, &op);
	free(meta);
	return err ? explain(u, &op, err) : store_sync(u->store);
}

static int take_option(struct update *u, int opt)
{
	switch (opt) {
	case OPT_FROM:
		u->from = optarg;
		return GO_ON;
	case OPT_FORMAT:
		u->format = optarg;
		return GO_ON;
	case OPT_META:
		return record_add(&u->record, optarg, 0);
	case OPT_CONVERT:
		return option_name("--convert", optarg, convert_value, CONVERT_NAMES, &u->how);
	case OPT_REPLACE:
		u->replace = true;
		return GO_ON;
	default:
		return common_option(u->c, opt);
	}
}

static int parse(struct update *u, int argc, char **argv)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, OPT_FROM },
		{ "format", required_argument, NULL, OPT_FORMAT },
		{ "meta", required_argument, NULL, OPT_META },
		{ "convert", required_argument, NULL, OPT_CONVERT },
		{ "replace", no_argument, NULL, OPT_REPLACE },
		COMMON_OPTIONS
	};
	int opt, status = GO_ON;

	while ((opt = getopt_long(argc, argv, COMMON_SHORT, options, NULL)) != -1) {
		status = take_option(u, opt);
		if (status != GO_ON)
			return status;
	}
	if (argc - optind < 2)
		return report_misuse("FILE and an ID are needed");
	if (!u->from && argc - optind != 3)
		return report_misuse("ID and ROW, or IDs and --from SOURCE are needed");
	if (!u->from)
		u->row = argv[--argc];
	for (int i = optind + 1; i < argc && status == GO_ON; i++)
		status = option_ids(&u->list, argv[i]);
	if (status == GO_ON && !u->from && u->list.count != 1)
		return report_misuse("one ROW is for one ID; many rows come --from SOURCE");
	if (status == GO_ON && u->list.count > VEXFS_MAX_UPDATE)
		return report_misuse("at most %u rows can change at a time; do it in parts",
				     VEXFS_MAX_UPDATE);
	return status;
}

static int run(struct common *c, int argc, char **argv)
{
	struct update u = { .c = c };
	int status = parse(&u, argc, argv), closed = STATUS_OK;
	struct report r;

	if (status == GO_ON) {
		status = store_open(&u.store, &c->place, argv[optind], STORE_WRITE);
		if (!status)
			status = interrupt_pending() ? interrupted_status() : do_update(&u);
		closed = store_close(u.store);
		if (!status && !closed) {
			report_begin(&r, c->json);
			json_string(&r, "file", argv[optind]);
			json_uint(&r, "updated", u.list.count);
			closed = report_end(&r);
		}
	}
	free(u.rows);
	free(u.list.ids);
	return status ? status : closed;
}

const struct command command_update = {
	.name = "update",
	.summary = "give rows new content",
	.usage =
	"Usage: vexfs update [OPTION]... FILE ID ROW\n"
	"       vexfs update [OPTION]... FILE ID|FIRST-LAST... --from SOURCE\n"
	"\n"
	"Replaces rows of the collection FILE, with or without their metadata, in one operation,\n"
	"all of them or none, durably. A ROW is its elements, separated by commas or spaces. At\n"
	"most 512 rows and 16 MiB.\n"
	"\n"
	"  --from SOURCE  the rows of a .fvecs, .bvecs, .npy or .csv file; - is standard input\n"
	"  --format NAME  format of SOURCE: fvecs, bvecs, npy, csv\n"
	"  --convert HOW  what becomes of numbers for elements of another type: exact (default),\n"
	"                 shift, sign or bits; see 'vexfs import --help'\n"
	"  --meta K=V     a key and a value that each of the rows gets; may stand more than\n"
	"                 once; see 'vexfs meta --help'\n"
	"  --replace      forget what else was known of the rows\n"
	"\n"
	"Examples:\n"
	"  vexfs update /mnt/points 7 0.5,1,0\n"
	"  vexfs update /mnt/points 7 0.5,1,0 --meta checked=1\n"
	"  vexfs update /mnt/sift 100-199 --from new.fvecs\n",
	.run = run,
};

// SPDX-License-Identifier: GPL-2.0-only
/* vexfs import: rows from files and texts, in batches. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "document.h"
#include "metafile.h"
#include "names.h"
#include "progress.h"
#include "source.h"

/* A commit of an image after that many bytes of rows bounds the memory that they take. */
#define SYNC_BYTES	(256u << 20)

enum {
	OPT_TEXT = OPT_COMMAND,
	OPT_CHUNK,
	OPT_LIMIT,
	OPT_SAMPLE,
	OPT_FORMAT,
	OPT_META,
	OPT_CONVERT,
};

/**
 * struct import - one run
 * @file: the collection
 * @sources: files or roots of trees; ends with NULL
 * @text: they are texts
 * @meta_path: file with the metadata of the rows, or NULL
 * @meta: the same, open
 * @how: enum convert
 * @limit: most rows to import
 * @rows: memory of a batch
 * @batch: rows that fit in it
 * @names: lines of the batch
 * @named: lines in the names file
 * @names_pos: its size
 * @count: rows that are in
 * @first_id: of the first of them
 * @last_id: of the last of them
 * @unsynced: bytes of rows since the last sync
 */
struct import {
	struct common *c;
	const char *file;
	char **sources;
	bool text;
	struct shape shape;
	const char *format;
	const char *meta_path;
	struct metafile meta;
	uint32_t how;
	uint64_t chunk;
	uint64_t limit;
	uint64_t sample;
	struct store *store;
	float *rows;
	uint32_t batch;
	struct names names;
	uint64_t named;
	uint64_t names_pos;
	uint64_t count;
	uint64_t first_id;
	uint64_t last_id;
	uint64_t unsynced;
	double start;
	struct documents documents;
};

/* Write the names of the rows just inserted, behind one line for each row before them. */
static int write_names(struct import *im, uint64_t first_id, uint32_t count)
{
	struct names lines = { 0 };
	int err = 0;

	if (first_id > im->named) {
		err = names_pad(&lines, first_id - im->named);
		if (!err)
			err = im->store->ops->names_write(im->store, im->names_pos, lines.text,
							  lines.len);
		if (!err)
			im->names_pos += lines.len;
		names_free(&lines);
	}
	if (!err)
		err = im->store->ops->names_write(im->store, im->names_pos, im->names.text,
						  im->names.len);
	if (err)
		return store_explain(im->store, "its " NAMES_SUFFIX " file", err);
	im->names_pos += im->names.len;
	im->named = first_id + count;
	return STATUS_OK;
}

/* Insert the batch. A status. */
static int insert_batch(struct import *im, struct source *s, uint32_t count)
{
	uint64_t first_id, bad_row;
	int status = im->meta.f ? metafile_read(&im->meta, count) : STATUS_OK;
	struct row_shape shape = row_shape(im->store, im->how);
	char what[512];
	int err;

	snprintf(what, sizeof(what), "%s: record", s->path);
	if (!status)
		status = rows_pack(&shape, im->rows, count, what, s->record - count);
	if (status)
		return status;
	err = store_insert_meta(im->store, im->rows, count, im->meta.f ? im->meta.packed : NULL,
				im->meta.f ? im->meta.len : 0, &first_id, &bad_row);

	if (err == -EDOM)
		return report_fail("%s %" PRIu64 " %s", what, s->record - count + bad_row,
				   rows_wrong(&shape));
	if (err)
		return store_explain(im->store, "insert", err);
	if (!im->count)
		im->first_id = first_id;
	im->count += count;
	im->last_id = first_id + count - 1;
	im->unsynced += (uint64_t)count * im->store->stat.row_bytes;
	if (im->text)
		status = write_names(im, first_id, count);
	im->names.len = 0;
	if (!status && im->unsynced >= SYNC_BYTES) {
		status = store_sync(im->store);
		im->unsynced = 0;
	}
	return status;
}

/* Put all of an open source in. A status. */
static int import_source(struct import *im, struct source *s)
{
	s->names = im->text ? &im->names : NULL;
	progress_start("importing", "rows", s->total);
	while (im->count < im->limit && !interrupt_pending()) {
		uint32_t max = im->batch, got;
		int status;

		if (max > im->limit - im->count)
			max = im->limit - im->count;
		if (source_read(s, im->rows, max, &got)) {
			if (interrupt_pending())
				break;
			return report_fail("%s: %s", s->path, s->error);
		}
		/* What was read when a signal came goes in, too. */
		if (!got)
			break;
		status = insert_batch(im, s, got);
		if (status)
			return status;
		progress_update(s->done, im->count);
	}
	progress_stop();
	return STATUS_OK;
}

/* The dimension of rows of @numbers in the source; ones that fit that of the collection have it. */
static uint64_t dim_of(const struct import *im, uint32_t numbers)
{
	uint64_t dim = im->how == CONVERT_BITS ? 8ULL * numbers : numbers, want = im->shape.dim;

	return im->how == CONVERT_BITS && (want + 7) / 8 == numbers ? want : dim;
}

static int open_source(struct import *im, struct source *s, const char *path)
{
	uint64_t dim;

	if (source_open(s, path, im->format))
		return report_fail("%s: %s", path, s->error);
	if (s->format == &source_ivecs) {
		source_close(s);
		return report_fail("%s: holds ids of neighbours, not vectors; it is meant for "
				   "'vexfs search --groundtruth'", path);
	}
	dim = dim_of(im, s->dim);
	if (!im->shape.dim)
		im->shape.dim = dim;
	if (im->shape.dim == dim && dim <= VEXFS_MAX_DIM)
		return STATUS_OK;
	source_close(s);
	if (dim > VEXFS_MAX_DIM)
		return report_fail("%s: has %" PRIu64 " bits a row; at most %u are possible", path,
				   dim, VEXFS_MAX_DIM);
	return report_fail("%s: has %" PRIu64 " elements a row, %s has %" PRIu64, path, dim,
			   im->store && !im->store->made ? im->file : "the import", im->shape.dim);
}

/* Open or make the collection; its shape must be what the user asked for, if he did. */
static int open_store(struct import *im)
{
	struct shape *want = &im->shape;
	const struct vexfs_stat *st;
	int status = store_open(&im->store, &im->c->place, im->file, STORE_ENSURE);

	if (status || im->store->made)
		return status;
	st = &im->store->stat;
	if (want->dim && want->dim != st->dim)
		return report_fail("%s: has %u elements a row, not %" PRIu64, im->file, st->dim,
				   want->dim);
	if (want->metric && want->metric != st->metric)
		return report_fail("%s: has the metric %s, not %s", im->file,
				   store_metric_name(st->metric), store_metric_name(want->metric));
	if (want->elem && want->elem != st->elem)
		return report_fail("%s: has elements of type %s, not %s", im->file,
				   store_elem_name(st->elem), store_elem_name(want->elem));
	want->elem = st->elem;
	want->dim = st->dim;
	return STATUS_OK;
}

/* Make what is not there yet, and memory for a batch. */
static int prepare(struct import *im)
{
	struct shape *w = &im->shape;
	struct row_shape rows = { .elem = w->elem ? w->elem : VEXFS_ELEM_F32, .how = im->how };
	int status = rows_check(&rows), err;

	if (!status && im->store->made)
		status = shape_create(w, im->store, im->text ? VEXFS_METRIC_COSINE :
				      VEXFS_METRIC_L2);
	if (status)
		return status;
	im->batch = BATCH_BYTES / row_room(im->store);
	if (!im->batch)
		im->batch = 1;
	if (im->meta_path && im->batch > VEXFS_MAX_META)
		im->batch = VEXFS_MAX_META;
	im->rows = malloc(im->batch * row_room(im->store));
	if (!im->rows)
		return report_fail("out of memory for a batch of rows");
	if (!im->text)
		return STATUS_OK;
	err = names_count(im->store, &im->named, &im->names_pos);
	/* That the file can be written is seen before the first row is in. */
	if (!err)
		err = im->store->ops->names_write(im->store, im->names_pos, "", 0);
	if (err)
		return store_explain(im->store, "its " NAMES_SUFFIX " file", err);
	if (im->named > im->store->stat.rows)
		return report_fail("%s" NAMES_SUFFIX ": has %s lines, but %s has only %s rows: "
				   "these are not its names; move the file away", im->file,
				   grouped(im->named), im->file, grouped(im->store->stat.rows));
	return STATUS_OK;
}

/* Each file is looked at before the first row goes in. */
static int import_files(struct import *im)
{
	int status = STATUS_OK;
	struct source s;

	for (char **p = im->sources; *p && im->sources[1] && !status; p++) {
		if (!strcmp(*p, "-"))
			continue;
		status = open_source(im, &s, *p);
		if (!status)
			source_close(&s);
	}
	for (char **p = im->sources; *p && !status && !interrupt_pending(); p++) {
		status = open_source(im, &s, *p);
		if (!status && !im->rows) {
			status = prepare(im);
			if (status)
				source_close(&s);
		}
		if (status)
			break;
		status = import_source(im, &s);
		source_close(&s);
	}
	/* With --limit the rest of the lines is of the rest of the rows. */
	if (!status && im->meta.f && im->count < im->limit && !interrupt_pending())
		status = metafile_end(&im->meta);
	return status;
}

static int import_texts(struct import *im)
{
	struct tree tree;
	struct source s;
	int status;

	if (!im->shape.dim)
		im->shape.dim = TEXT_DEFAULT_DIM;
	progress_start("looking for files", "files", 0);
	status = tree_walk(&tree, im->sources);
	progress_stop();
	tree_sample(&tree, im->sample);
	if (!status && !tree.count && !interrupt_pending())
		status = report_fail("%s: no regular file there", im->sources[0]);
	if (!status && !interrupt_pending())
		status = prepare(im);
	if (!status && !interrupt_pending()) {
		if (documents_open(&s, &im->documents, &tree, im->shape.dim, im->chunk))
			status = report_fail("%s", s.error);
		else
			status = import_source(im, &s);
		source_close(&s);
	}
	tree_free(&tree);
	return status;
}

/* What stands in the collection although the import did not end well. */
static int tell_part(struct import *im, int status)
{
	if (interrupt_pending())
		status = interrupted_status();
	if (!im->count) {
		store_remove(im->store);
		report_warn("%s: no row was imported", im->file);
		return status;
	}
	report_warn("%s: %s rows are in, ids %" PRIu64 " to %" PRIu64
		    "; to take them out: vexfs delete %s %" PRIu64 "-%" PRIu64, im->file,
		    grouped(im->count), im->first_id, im->last_id, im->file, im->first_id,
		    im->last_id);
	return status == STATUS_FAILED ? STATUS_PARTIAL : status;
}

static void print_documents(struct report *r, const struct documents *d)
{
	if (r->json) {
		json_uint(r, "files", d->texts);
		json_uint(r, "text_bytes", d->bytes);
		json_uint(r, "not_text", d->binary);
		json_uint(r, "empty", d->empty);
		json_uint(r, "unreadable", d->unreadable);
		return;
	}
	fprintf(r->f, "from %s files, %.1f MB of text; left out: %s not text, %s empty, "
		"%s unreadable\n", grouped(d->texts), d->bytes / 1e6, grouped(d->binary),
		grouped(d->empty), grouped(d->unreadable));
}

static int print_result(struct import *im)
{
	double spent = clock_seconds() - im->start;
	const struct vexfs_stat *st = &im->store->stat;
	struct report r;

	report_begin(&r, im->c->json);
	json_string(&r, "file", im->file);
	json_uint(&r, "dim", st->dim);
	json_string(&r, "metric", store_metric_name(st->metric));
	json_uint(&r, "rows", im->count);
	if (im->count) {
		json_uint(&r, "first_id", im->first_id);
		json_uint(&r, "last_id", im->last_id);
	}
	json_double(&r, "seconds", spent);
	if (!r.json && im->count)
		fprintf(r.f, "%s: %s row%s in, ids %" PRIu64 " to %" PRIu64
			", %.1f s, %.0f rows/s\n", im->file, grouped(im->count),
			im->count == 1 ? "" : "s", im->first_id, im->last_id, spent,
			spent > 0 ? im->count / spent : 0);
	else if (!r.json)
		fprintf(r.f, "%s: no rows to import\n", im->file);
	if (im->text)
		print_documents(&r, &im->documents);
	if (im->c->quiet && !r.json) {
		report_drop(&r);
		return STATUS_OK;
	}
	return report_end(&r);
}

static int do_import(struct import *im)
{
	int status = open_store(im), synced = STATUS_OK, closed;

	if (!im->store)
		return status;
	if (!status && im->meta_path)
		status = metafile_open(&im->meta, im->meta_path, VEXFS_MAX_META);
	if (!status)
		status = im->text ? import_texts(im) : import_files(im);
	if (im->count)
		synced = store_sync(im->store);
	if (status || synced || interrupt_pending())
		status = tell_part(im, status ? status : synced);
	else
		status = print_result(im);
	if (!status && im->documents.unreadable)
		status = STATUS_PARTIAL;
	closed = store_close(im->store);
	free(im->rows);
	names_free(&im->names);
	metafile_close(&im->meta);
	return status ? status : closed;
}

static int import_option(struct import *im, int opt)
{
	switch (opt) {
	case OPT_TEXT:
		im->text = true;
		return GO_ON;
	case OPT_CHUNK:
		return option_size("--chunk", optarg, TEXT_CHUNK_MIN, TEXT_CHUNK_MAX, &im->chunk);
	case OPT_LIMIT:
		return option_number("--limit", optarg, 1, UINT64_MAX, &im->limit);
	case OPT_SAMPLE:
		return option_number("--sample", optarg, 1, TREE_MAX_FILES, &im->sample);
	case OPT_FORMAT:
		im->format = optarg;
		return GO_ON;
	case OPT_META:
		im->meta_path = optarg;
		return GO_ON;
	case OPT_CONVERT:
		return option_name("--convert", optarg, convert_value, CONVERT_NAMES, &im->how);
	default:
		return shape_option(&im->shape, im->c, opt);
	}
}

static int run(struct common *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "text", no_argument, NULL, OPT_TEXT },
		{ "chunk", required_argument, NULL, OPT_CHUNK },
		{ "limit", required_argument, NULL, OPT_LIMIT },
		{ "sample", required_argument, NULL, OPT_SAMPLE },
		{ "format", required_argument, NULL, OPT_FORMAT },
		{ "meta", required_argument, NULL, OPT_META },
		{ "convert", required_argument, NULL, OPT_CONVERT },
		SHAPE_OPTIONS, COMMON_OPTIONS
	};
	struct import im = {
		.c = c, .limit = UINT64_MAX, .chunk = TEXT_CHUNK_DEFAULT,
		.start = clock_seconds(),
	};
	int opt, status;

	while ((opt = getopt_long(argc, argv, COMMON_SHORT, options, NULL)) != -1) {
		status = import_option(&im, opt);
		if (status != GO_ON)
			return status;
	}
	if (argc - optind < 2)
		return report_misuse("FILE and at least one %s are needed",
				     im.text ? "DIR or text file" : "SOURCE");
	if (im.text && im.format)
		return report_misuse("--format does not go with --text");
	if (im.text && im.meta_path)
		return report_misuse("--meta does not go with --text");
	if (!im.text && im.sample)
		return report_misuse("--sample goes with --text; --limit takes the first rows");
	im.file = argv[optind];
	im.sources = argv + optind + 1;
	return do_import(&im);
}

const struct command command_import = {
	.name = "import",
	.summary = "put rows of vector files, or texts as vectors, into a collection",
	.usage =
	"Usage: vexfs import [OPTION]... FILE SOURCE...\n"
	"       vexfs import --text [OPTION]... FILE DIR|TEXTFILE...\n"
	"\n"
	"Appends the rows of each SOURCE to the collection FILE, which is made if there is\n"
	"none, and makes them durable. SOURCE is a file whose name ends in .fvecs, .bvecs, .npy\n"
	"or .csv; - is standard input. With --text the regular files at and below each DIR are\n"
	"taken as text, each turned into a vector of its words' parts (hashed character n-grams,\n"
	"see vexfs(1)); their names are kept in FILE.names. What is no UTF-8 text is left out.\n"
	"\n"
	"  --text         SOURCEs are texts\n"
	"  --dim N        elements of a row of a new collection; text: 256 by default\n"
	"  --metric NAME  of a new collection: l2 (default), ip, cosine (default for text);\n"
	"                 of b1 hamming\n"
	"  --elem NAME    of a new collection: f32 (default), f16, i8, b1\n"
	"  --convert HOW  what becomes of numbers for elements of another type than f32:\n"
	"                 exact (default): i8 takes integers from -128 to 127, b1 0 and 1, f16 the\n"
	"                   nearest number that it has; what is none of these is refused;\n"
	"                 shift: 128 is taken off first, so that i8 takes 0 to 255: distances by\n"
	"                   l2 stay as they are, those by ip and cosine do not;\n"
	"                 sign: a bit of b1 is set for a number above 0;\n"
	"                 bits: the numbers are bytes of eight bits of b1 each, the first one\n"
	"                   lowest, as numpy.packbits(a, axis=1, bitorder='little') has them\n"
	"  --index NAME   of a new collection: flat, hnsw, lsh or codes; also --code, --m,\n"
	"                 --ef-construction, --tables and --bits, see 'vexfs create --help'\n"
	"  --format NAME  format of the SOURCEs: fvecs, bvecs, npy, csv\n"
	"  --meta FILE    metadata: a line of KEY=VALUE KEY=\"in quotes\" ... for each row,\n"
	"                 an empty one for none; see 'vexfs meta --help'\n"
	"  --limit N      at most N rows\n"
	"  --sample N     text: only N of the files, evenly spread over all\n"
	"  --chunk BYTES  text: longer files give a row for each BYTES (64K)\n"
	"\n"
	"Examples:\n"
	"  vexfs import /mnt/sift base.fvecs\n"
	"  vexfs import --meta base.meta /mnt/sift base.fvecs\n"
	"  zcat vectors.csv.gz | vexfs import --format csv --metric cosine /mnt/words -\n"
	"  vexfs import --text --dim 1024 /mnt/docs /usr/include /usr/share/doc\n"
	"  vexfs import --elem i8 --convert shift /mnt/bytes base.bvecs\n"
	"  vexfs --image disk.img import /sift base.fvecs\n",
	.run = run,
};

// SPDX-License-Identifier: GPL-2.0-only
/* vexfs get: rows by id. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "names.h"
#include "progress.h"
#include "query.h"

enum { OPT_OUTPUT = OPT_OWN };

/**
 * struct get - one run
 * @list: the rows wanted
 * @output: file for them, or NULL: standard output
 * @temporary: its name until it is whole
 * @f: it is open
 */
struct get {
	struct common *c;
	struct store *store;
	struct id_list list;
	const char *output;
	char *temporary;
	FILE *f;
	struct report r;
};

/* Begin the output file under another name. A status. */
static int output_open(struct get *g)
{
	mode_t mask = umask(0);
	int fd;

	umask(mask);
	if (asprintf(&g->temporary, "%s.XXXXXX", g->output) < 0) {
		g->temporary = NULL;
		return report_fail("out of memory");
	}
	fd = mkostemp(g->temporary, O_CLOEXEC);
	if (fd < 0) {
		free(g->temporary);
		g->temporary = NULL;
		return report_fail("%s: %s", g->output, strerror(errno));
	}
	g->f = fdopen(fd, "w");
	if (!g->f || fchmod(fd, 0666 & ~mask))
		return report_fail("%s: %s", g->output, strerror(errno));
	return STATUS_OK;
}

/* Give the output file its name, or with a @status remove it. A status. */
static int output_end(struct get *g, int status)
{
	if (!g->temporary)
		return status;
	if (g->f && fclose(g->f) && !status)
		status = report_fail("%s: %s", g->output, strerror(errno));
	if (!status && rename(g->temporary, g->output))
		status = report_fail("%s: %s", g->output, strerror(errno));
	if (status)
		unlink(g->temporary);
	free(g->temporary);
	return status;
}

static int write_fvecs(struct get *g, const float *row)
{
	uint32_t dim = htole32(g->store->stat.dim);

	if (fwrite(&dim, sizeof(dim), 1, g->f) == 1 &&
	    fwrite(row, sizeof(*row), g->store->stat.dim, g->f) == g->store->stat.dim)
		return STATUS_OK;
	return report_fail("%s: %s", g->output, strerror(errno));
}

static void print_row(struct get *g, uint64_t id, const float *row, const char *name)
{
	struct report *r = &g->r;
	uint32_t dim = g->store->stat.dim;

	json_open(r, NULL, '{');
	json_uint(r, "id", id);
	if (name)
		json_string(r, "name", name);
	json_open(r, "values", '[');
	for (uint32_t i = 0; i < dim; i++)
		json_float(r, NULL, row[i]);
	json_close(r, ']');
	json_close(r, '}');
	if (r->json)
		return;
	fprintf(r->f, "%" PRIu64, id);
	for (uint32_t i = 0; i < dim; i++)
		fprintf(r->f, "%c%.9g", i ? ',' : '\t', row[i]);
	fputc('\n', r->f);
}

/* Print or write one batch. A status. */
static int put_rows(struct get *g, const uint64_t *ids, size_t count, const float *rows)
{
	struct row_names names = { 0 };
	int status = STATUS_OK, err = 0;

	if (g->r.json && !g->f)
		err = row_names_find(&names, g->store, ids, count);
	if (err)
		status = store_explain(g->store, "its " NAMES_SUFFIX " file", err);
	for (size_t i = 0; i < count && !status; i++) {
		const float *row = rows + i * g->store->stat.dim;

		if (g->f)
			status = write_fvecs(g, row);
		else
			print_row(g, ids[i], row, row_names_get(&names, ids[i]));
	}
	row_names_free(&names);
	return status;
}

static int get_rows(struct get *g, float *rows, size_t batch)
{
	struct row_shape shape = row_shape(g->store, CONVERT_EXACT);
	int status = STATUS_OK;

	for (size_t at = 0; at < g->list.count && !status; at += batch) {
		size_t part = g->list.count - at < batch ? g->list.count - at : batch;

		if (interrupt_pending())
			return interrupted_status();
		status = rows_read(g->store, g->list.ids + at, part, rows);
		if (!status)
			rows_unpack(&shape, rows, part);
		if (!status)
			status = put_rows(g, g->list.ids + at, part, rows);
		progress_update(at + part, at + part);
	}
	return status;
}

static int do_get(struct get *g)
{
	size_t batch = BATCH_BYTES / row_room(g->store);
	float *rows;
	int status = g->output ? output_open(g) : STATUS_OK;

	if (!batch)
		batch = 1;
	rows = malloc(batch * row_room(g->store));
	if (!rows && !status)
		status = report_fail("out of memory for a batch of rows");
	report_begin(&g->r, g->c->json);
	g->r.flat = 2;
	json_string(&g->r, "file", g->store->path);
	json_uint(&g->r, "dim", g->store->stat.dim);
	json_open(&g->r, "rows", '[');
	progress_start("reading", "rows", g->list.count);
	if (!status)
		status = get_rows(g, rows, batch);
	progress_stop();
	json_close(&g->r, ']');
	if (g->output)
		json_string(&g->r, "output", g->output);
	free(rows);
	status = output_end(g, status);
	if (!status)
		return report_end(&g->r);
	report_drop(&g->r);
	return status;
}

static int run(struct common *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, OPT_OUTPUT }, COMMON_OPTIONS
	};
	struct get g = { .c = c };
	int opt, status = GO_ON, closed = STATUS_OK;

	while ((opt = getopt_long(argc, argv, "o:" COMMON_SHORT, options, NULL)) != -1) {
		if (opt == OPT_OUTPUT || opt == 'o')
			g.output = optarg;
		else
			status = common_option(c, opt);
		if (status != GO_ON)
			return status;
	}
	if (argc - optind < 2)
		return report_misuse("FILE and at least one ID are needed");
	for (int i = optind + 1; i < argc && status == GO_ON; i++)
		status = option_ids(&g.list, argv[i]);
	if (status == GO_ON)
		status = store_open(&g.store, &c->place, argv[optind], STORE_READ);
	if (!status) {
		status = do_get(&g);
		closed = store_close(g.store);
	}
	free(g.list.ids);
	return status ? status : closed;
}

const struct command command_get = {
	.name = "get",
	.summary = "print rows by id",
	.usage =
	"Usage: vexfs get [OPTION]... FILE ID|FIRST-LAST...\n"
	"\n"
	"Prints rows of the collection FILE: the id, a tab, and the elements separated by\n"
	"commas, with the digits that read back as the same numbers.\n"
	"\n"
	"  -o, --output OUT  write the rows to OUT in the .fvecs format instead\n"
	"\n"
	"Examples:\n"
	"  vexfs get /mnt/sift 0 17 100-199\n"
	"  vexfs get /mnt/sift 0-999 --output first.fvecs\n"
	"  vexfs get --json /mnt/docs 42\n",
	.run = run,
};

// SPDX-License-Identifier: GPL-2.0-only
/* vexfs reindex: the index of a collection, made anew. */
#include <errno.h>
#include <inttypes.h>

#include "cmd.h"
#include "progress.h"

static int explain(struct store *store, int err)
{
	if (err == -EOPNOTSUPP)
		return report_fail("%s: is searched without an index, or the filesystem was made "
				   "without: there is none to make anew", store->path);
	return store_explain(store, "reindex", err);
}

static int do_reindex(struct common *c, struct store *store, struct vexfs_reindex *op)
{
	struct report r;
	int err, status;

	progress_start("reindexing", "rows", 0);
	err = store_call(store, VEXFS_IOC_REINDEX, op);
	progress_stop();
	if (interrupt_pending())
		return interrupted_status();
	if (err)
		return explain(store, err);
	status = store_sync(store);
	err = status ? 0 : store_call(store, VEXFS_IOC_STAT, &store->stat);
	if (err)
		return explain(store, err);
	if (status)
		return status;
	report_begin(&r, c->json);
	json_string(&r, "file", store->path);
	json_uint(&r, "indexed", store->stat.indexed);
	json_uint(&r, "rows", store->stat.rows);
	if (!c->json && !c->quiet)
		fprintf(r.f, "%s of %s rows are in the index\n", grouped(store->stat.indexed),
			grouped(store->stat.rows));
	return report_end(&r);
}

static int run(struct common *c, int argc, char **argv)
{
	static const struct option options[] = { SHAPE_OPTIONS, COMMON_OPTIONS };
	struct shape shape = { 0 };
	struct vexfs_reindex op = { 0 };
	struct store *store;
	int opt, status, closed;

	while ((opt = getopt_long(argc, argv, COMMON_SHORT, options, NULL)) != -1) {
		status = shape_option(&shape, c, opt);
		if (status != GO_ON)
			return status;
	}
	if (shape.dim || shape.metric || shape.elem || shape.index)
		return report_misuse("only --code, --m, --ef-construction, --tables and --bits can change");
	if (optind + 1 != argc)
		return report_misuse("exactly one FILE is needed");
	op.code = shape.code;
	op.m = shape.m;
	op.ef_construction = shape.ef_construction;
	op.tables = shape.tables;
	op.bits = shape.bits;
	status = store_open(&store, &c->place, argv[optind], STORE_WRITE);
	if (status)
		return status;
	status = do_reindex(c, store, &op);
	closed = store_close(store);
	return status ? status : closed;
}

const struct command command_reindex = {
	.name = "reindex",
	.summary = "make the index of a collection anew",
	.usage =
	"Usage: vexfs reindex [OPTION]... FILE\n"
	"\n"
	"Makes the index of the collection FILE anew from its rows: after damage to it, for other\n"
	"parameters, or when the rows have become unlike those that it was begun with.\n"
	"Searches go on meanwhile, and compare the rows that are not in it yet one by one. When it\n"
	"is interrupted, the next insertion goes on with the rest.\n"
	"\n"
	"  --code NAME            sq7, sq4, f32, pca or auto; see 'vexfs create --help'\n"
	"  --m N                  of hnsw: links of a row, 2 to 128\n"
	"  --ef-construction N    of hnsw: breadth of the search for them, up to 65536\n"
	"  --tables N             of lsh: tables, 1 to 64\n"
	"  --bits N               of lsh: a table has 2^N buckets, 1 to 20\n"
	"\n"
	"Each stays as it was when it is not given.\n"
	"\n"
	"Examples:\n"
	"  vexfs reindex /mnt/sift\n"
	"  vexfs reindex /mnt/sift --m 32 --ef-construction 400\n"
	"  vexfs reindex /mnt/words --bits 14\n"
	"  vexfs --image disk.img reindex /sift\n",
	.run = run,
};

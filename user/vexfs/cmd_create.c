// SPDX-License-Identifier: GPL-2.0-only
/* vexfs create: an empty collection. */
#include "cmd.h"
#include "progress.h"

static int run(struct common *c, int argc, char **argv)
{
	static const struct option options[] = { SHAPE_OPTIONS, COMMON_OPTIONS };
	struct shape shape = { .index = VEXFS_INDEX_FLAT };
	struct vexfs_stat st;
	struct store *store;
	struct report r;
	int opt, status, closed;

	while ((opt = getopt_long(argc, argv, COMMON_SHORT, options, NULL)) != -1) {
		status = shape_option(&shape, c, opt);
		if (status != GO_ON)
			return status;
	}
	if (optind + 1 != argc)
		return report_misuse("exactly one FILE is needed");
	if (!shape.dim)
		return report_misuse("--dim is needed: the number of elements of a row");

	status = store_open(&store, &c->place, argv[optind], STORE_CREATE);
	if (status)
		return status;
	status = shape_create(&shape, store, VEXFS_METRIC_L2);
	if (!status)
		status = store_sync(store);
	if (!status && interrupt_pending()) {
		store_remove(store);
		status = interrupted_status();
	}
	st = store->stat;
	closed = store_close(store);
	if (status || closed)
		return status ? status : closed;

	report_begin(&r, c->json);
	json_string(&r, "file", argv[optind]);
	json_string(&r, "elem", store_elem_name(st.elem));
	json_string(&r, "metric", store_metric_name(st.metric));
	json_string(&r, "index", store_index_name(shape.index));
	json_uint(&r, "dim", shape.dim);
	return report_end(&r);
}

const struct command command_create = {
	.name = "create",
	.summary = "make an empty collection",
	.usage =
	"Usage: vexfs create [OPTION]... FILE --dim N\n"
	"\n"
	"Makes FILE, which must not exist, a collection without rows.\n"
	"\n"
	"  --dim N        elements of a row, 1 to 65535\n"
	"  --metric NAME  l2 (squared Euclidean distance, default), ip (negated inner\n"
	"                 product) or cosine (1 - cosine of the angle); of b1 hamming (bits\n"
	"                 that differ), and no other\n"
	"  --elem NAME    type of the elements: f32 (default), f16, i8 or b1, a bit\n"
	"  --index NAME   how it is searched: flat (default), exact; hnsw, by a graph: fast,\n"
	"                 and most of the true neighbours; lsh, but for b1, by tables of buckets:\n"
	"                 slower than hnsw, and built faster; or codes, all of them one after\n"
	"                 the other, of few bytes a row: a faster flat, with nearly all of the\n"
	"                 true neighbours (see 'vexfs search --ef')\n"
	"  --code NAME    what an index compares rows by: sq7 or sq4, seven or four bits an\n"
	"                 element; not with lsh also f32, the elements themselves, and pca,\n"
	"                 seven bits for each direction in which rows differ most (256 to 4096\n"
	"                 elements, l2 or cosine); auto (default), the fastest of them that\n"
	"                 tells the rows apart; of --elem b1 its bits, b1, and no other\n"
	"  --m N          of hnsw: links of a row in the graph, 2 to 128 (16)\n"
	"  --ef-construction N\n"
	"                 of hnsw: breadth of the search for them, up to 65536 (200)\n"
	"  --tables N     of lsh: tables, 1 to 64 (8)\n"
	"  --bits N       of lsh: a table has 2^N buckets, 1 to 20 (12)\n"
	"\n"
	"Examples:\n"
	"  vexfs create /mnt/sift --dim 128\n"
	"  vexfs create /mnt/words --dim 300 --metric cosine --index hnsw\n"
	"  vexfs create /mnt/words --dim 300 --metric cosine --index lsh --tables 16\n"
	"  vexfs create /mnt/hashes --dim 256 --elem b1\n"
	"  vexfs create /mnt/words --dim 300 --metric cosine --index codes\n"
	"  vexfs --image disk.img create /words --dim 300 --metric cosine\n",
	.run = run,
};

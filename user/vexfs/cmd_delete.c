// SPDX-License-Identifier: GPL-2.0-only
/* vexfs delete: rows by id, all or none. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "cmd.h"
#include "progress.h"

static int by_id(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int check_twice(struct id_list *list)
{
	qsort(list->ids, list->count, sizeof(*list->ids), by_id);
	for (size_t i = 1; i < list->count; i++) {
		if (list->ids[i] == list->ids[i - 1])
			return report_misuse("row %" PRIu64 " is named twice", list->ids[i]);
	}
	return GO_ON;
}

static int do_delete(struct store *store, const struct id_list *list)
{
	struct vexfs_delete op = { .ids = (uintptr_t)list->ids, .count = list->count };
	int err = store_call(store, VEXFS_IOC_DELETE, &op);

	if (err == -ENOENT)
		return report_fail("%s: there is no row %" PRIu64 ": %s; nothing was deleted",
				   store->path, (uint64_t)op.bad_id, op.bad_id < store->stat.rows ?
				   "it was deleted before" : "it was never inserted");
	if (err)
		return store_explain(store, "delete", err);
	return store_sync(store);
}

static int run(struct common *c, int argc, char **argv)
{
	static const struct option options[] = { COMMON_OPTIONS };
	struct id_list list = { 0 };
	struct store *store = NULL;
	struct report r;
	int opt, status = GO_ON, closed;

	while ((opt = getopt_long(argc, argv, COMMON_SHORT, options, NULL)) != -1) {
		status = common_option(c, opt);
		if (status != GO_ON)
			return status;
	}
	if (argc - optind < 2)
		return report_misuse("FILE and at least one ID are needed");
	for (int i = optind + 1; i < argc && status == GO_ON; i++)
		status = option_ids(&list, argv[i]);
	if (status == GO_ON)
		status = check_twice(&list);
	if (status == GO_ON)
		status = store_open(&store, &c->place, argv[optind], STORE_WRITE);
	if (!status)
		status = interrupt_pending() ? interrupted_status() : do_delete(store, &list);
	closed = store_close(store);
	if (!status && !closed) {
		report_begin(&r, c->json);
		json_string(&r, "file", argv[optind]);
		json_uint(&r, "deleted", list.count);
		closed = report_end(&r);
	}
	free(list.ids);
	return status ? status : closed;
}

const struct command command_delete = {
	.name = "delete",
	.summary = "delete rows by id",
	.usage =
	"Usage: vexfs delete [OPTION]... FILE ID|FIRST-LAST...\n"
	"\n"
	"Deletes rows of the collection FILE, all of them or, when one does not exist, none,\n"
	"durably. The id of a deleted row is never given to another row.\n"
	"\n"
	"Examples:\n"
	"  vexfs delete /mnt/docs 42\n"
	"  vexfs delete /mnt/docs 0-99 1000-1099\n",
	.run = run,
};

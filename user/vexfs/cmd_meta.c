// SPDX-License-Identifier: GPL-2.0-only
/* vexfs meta: set and get the metadata of rows, and list the rows that match a filter. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "expr.h"
#include "progress.h"
#include "record.h"

enum {
	OPT_TYPE = OPT_OWN,
	OPT_REPLACE,
	OPT_UNSET,
	OPT_LIMIT,
};

/**
 * struct meta - one run
 * @list: the rows
 * @record: pairs to set
 * @type: VEXFS_META_* of the values; 0: by their look
 * @replace: what else is known of the rows goes
 * @limit: ids that are listed at most
 */
struct meta {
	struct common *c;
	struct store *store;
	struct id_list list;
	struct record record;
	struct expr filter;
	int type;
	bool replace;
	uint64_t limit;
	struct report r;
};

static int explain_row(struct meta *m, uint64_t id, int err)
{
	if (err == -ENOENT)
		return report_fail("%s: there is no row %" PRIu64 ": %s", m->store->path, id,
				   id < m->store->stat.rows ? "it was deleted" :
				   "it was never inserted");
	if (err == -EBADMSG)
		return report_fail("%s: row %" PRIu64 " would have more than 16 keys or 256 bytes "
				   "of strings", m->store->path, id);
	return store_explain(m->store, "metadata", err);
}

/* ---- set ---------------------------------------------------------------------------- */

static int set_rows(struct meta *m)
{
	struct vexfs_meta_set op = {
		.flags = m->replace ? 0 : VEXFS_META_MERGE, .ids = (uintptr_t)m->list.ids,
		.count = m->list.count,
	};
	size_t len = 0;
	void *meta = records_make(&m->record, m->list.count, &len);
	int err;

	if (!meta)
		return report_fail("out of memory for the metadata");
	op.meta = (uintptr_t)meta;
	op.meta_len = len;
	err = store_call(m->store, VEXFS_IOC_META_SET, &op);
	free(meta);
	if (err == -EINVAL)
		return report_misuse("a row is named twice");
	if (err)
		return explain_row(m, op.bad_row < m->list.count ? m->list.ids[op.bad_row] : 0,
				   err);
	return store_sync(m->store);
}

static int take_set(struct meta *m, char **args)
{
	int status = GO_ON;

	for (; *args && status == GO_ON; args++)
		status = strchr(*args, '=') ? record_add(&m->record, *args, m->type) :
			 option_ids(&m->list, *args);
	if (status != GO_ON)
		return status;
	if (!m->list.count)
		return report_misuse("at least one ID is needed");
	if (m->list.count > VEXFS_MAX_META)
		return report_misuse("at most %u rows at a time; do it in parts", VEXFS_MAX_META);
	if (!m->record.count && !m->replace)
		return report_misuse("KEY=VALUE, --unset KEY or --replace is needed");
	return GO_ON;
}

static int do_set(struct meta *m)
{
	int status = set_rows(m);

	if (status)
		return status;
	report_begin(&m->r, m->c->json);
	json_string(&m->r, "file", m->store->path);
	json_uint(&m->r, "rows", m->list.count);
	return report_end(&m->r);
}

/* ---- get ---------------------------------------------------------------------------- */

/* Read one batch of records. A status; *@out is freed by the caller. */
static int get_batch(struct meta *m, const uint64_t *ids, uint32_t count, unsigned char **out,
		     size_t *len)
{
	struct vexfs_meta_get op = {
		.ids = (uintptr_t)ids, .count = count, .meta_len = (uint64_t)count * RECORD_MAX,
	};
	int err;

	*out = malloc(op.meta_len);
	if (!*out)
		return report_fail("out of memory for the metadata");
	op.meta = (uintptr_t)*out;
	err = store_call(m->store, VEXFS_IOC_META_GET, &op);
	*len = op.used;
	return err ? explain_row(m, op.bad_row < count ? ids[op.bad_row] : 0, err) : STATUS_OK;
}

static bool print_row(struct meta *m, uint64_t id, const unsigned char **at,
		      const unsigned char *end)
{
	uint32_t len;
	bool ok;

	if (end - *at < 4)
		return false;
	len = (*at)[0] | (*at)[1] << 8 | (*at)[2] << 16 | (uint32_t)(*at)[3] << 24;
	*at += 4;
	if (len > (size_t)(end - *at))
		return false;
	json_open(&m->r, NULL, '{');
	json_uint(&m->r, "id", id);
	json_open(&m->r, "meta", '{');
	if (!m->r.json)
		fprintf(m->r.f, "%" PRIu64 "\t", id);
	ok = record_print(&m->r, *at, len);
	if (!m->r.json)
		fputc('\n', m->r.f);
	json_close(&m->r, '}');
	json_close(&m->r, '}');
	*at += len;
	return ok;
}

static int print_rows(struct meta *m, const uint64_t *ids, uint32_t count)
{
	const unsigned char *at;
	unsigned char *buf = NULL;
	size_t len = 0;
	int status = get_batch(m, ids, count, &buf, &len);

	at = buf;
	for (uint32_t i = 0; i < count && !status; i++)
		if (!print_row(m, ids[i], &at, buf + len))
			status = report_fail("%s: malformed metadata of row %" PRIu64,
					     m->store->path, ids[i]);
	free(buf);
	return status;
}

static int do_get(struct meta *m)
{
	int status = STATUS_OK;

	report_begin(&m->r, m->c->json);
	m->r.flat = 2;
	json_string(&m->r, "file", m->store->path);
	json_open(&m->r, "rows", '[');
	for (size_t at = 0; at < m->list.count && !status; at += VEXFS_MAX_META) {
		size_t left = m->list.count - at;

		status = interrupt_pending() ? interrupted_status() :
			 print_rows(m, m->list.ids + at,
				    left < VEXFS_MAX_META ? left : VEXFS_MAX_META);
	}
	json_close(&m->r, ']');
	if (!status)
		return report_end(&m->r);
	report_drop(&m->r);
	return status;
}

/* ---- filter ------------------------------------------------------------------------- */

static int list_rows(struct meta *m, uint64_t *ids, uint32_t room)
{
	struct vexfs_filter op = {
		.filter = (uintptr_t)m->filter.nodes, .filter_count = m->filter.count,
		.filter_text = (uintptr_t)m->filter.text, .filter_text_len = m->filter.text_len,
		.ids = (uintptr_t)ids,
	};
	uint64_t left = m->limit;
	int err;

	while (left && op.from != VEXFS_NO_ID) {
		if (interrupt_pending())
			return interrupted_status();
		op.max = left < room ? left : room;
		err = store_call(m->store, VEXFS_IOC_FILTER, &op);
		if (err)
			return store_explain(m->store, "filter", err);
		for (uint32_t i = 0; i < op.count; i++) {
			json_uint(&m->r, NULL, ids[i]);
			if (!m->r.json)
				fprintf(m->r.f, "%" PRIu64 "\n", ids[i]);
		}
		left -= op.count;
		op.from = op.next;
	}
	return STATUS_OK;
}

static int do_filter(struct meta *m)
{
	uint32_t room = 1u << 16;
	uint64_t *ids = malloc(room * sizeof(*ids));
	int status;

	if (!ids)
		return report_fail("out of memory for the ids");
	report_begin(&m->r, m->c->json);
	m->r.flat = 1;
	json_string(&m->r, "file", m->store->path);
	json_open(&m->r, "ids", '[');
	status = list_rows(m, ids, room);
	json_close(&m->r, ']');
	free(ids);
	if (!status)
		return report_end(&m->r);
	report_drop(&m->r);
	return status;
}

/* ---- the command ---------------------------------------------------------------------- */

static int take_get(struct meta *m, char **args)
{
	int status = GO_ON;

	if (!*args)
		return report_misuse("at least one ID is needed");
	for (; *args && status == GO_ON; args++)
		status = option_ids(&m->list, *args);
	return status;
}

static int take_filter(struct meta *m, char **args)
{
	if (!args[0] || args[1])
		return report_misuse("exactly one EXPR is needed, in quotes");
	return option_expr("filter", *args, &m->filter);
}

static const struct action {
	const char *name;
	enum store_mode mode;
	int (*take)(struct meta *m, char **args);
	int (*act)(struct meta *m);
} actions[] = {
	{ "set", STORE_WRITE, take_set, do_set },
	{ "get", STORE_READ, take_get, do_get },
	{ "filter", STORE_READ, take_filter, do_filter },
};

static int take_option(struct meta *m, int opt)
{
	switch (opt) {
	case OPT_TYPE:
		m->type = value_type(optarg);
		return m->type > 0 ? GO_ON :
		       report_misuse("--type '%s' is none of int, float, string", optarg);
	case OPT_REPLACE:
		m->replace = true;
		return GO_ON;
	case OPT_UNSET:
		return record_remove(&m->record, optarg);
	case OPT_LIMIT:
		return option_number("--limit", optarg, 1, UINT64_MAX, &m->limit);
	default:
		return common_option(m->c, opt);
	}
}

static int parse(struct meta *m, int argc, char **argv, const struct action **action)
{
	static const struct option options[] = {
		{ "type", required_argument, NULL, OPT_TYPE },
		{ "replace", no_argument, NULL, OPT_REPLACE },
		{ "unset", required_argument, NULL, OPT_UNSET },
		{ "limit", required_argument, NULL, OPT_LIMIT },
		COMMON_OPTIONS
	};
	int opt, status;

	while ((opt = getopt_long(argc, argv, COMMON_SHORT, options, NULL)) != -1) {
		status = take_option(m, opt);
		if (status != GO_ON)
			return status;
	}
	if (argc - optind < 2)
		return report_misuse("one of set, get, filter, and FILE are needed");
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
		if (!strcmp(actions[i].name, argv[optind]))
			*action = &actions[i];
	if (!*action)
		return report_misuse("'%s' is none of set, get, filter", argv[optind]);
	for (unsigned int i = 0; m->replace && i < m->record.count; i++)
		if (m->record.values[i].type == VEXFS_META_NONE)
			return report_misuse("--replace forgets every key; --unset has no use");
	return (*action)->take(m, argv + optind + 2);
}

static int run(struct common *c, int argc, char **argv)
{
	struct meta *m = calloc(1, sizeof(*m));
	const struct action *action = NULL;
	int status, closed = STATUS_OK;

	if (!m)
		return report_fail("out of memory");
	m->c = c;
	m->limit = UINT64_MAX;
	status = parse(m, argc, argv, &action);
	if (status == GO_ON) {
		status = store_open(&m->store, &c->place, argv[optind + 1], action->mode);
		if (!status)
			status = action->act(m);
		closed = store_close(m->store);
	}
	free(m->list.ids);
	free(m);
	return status ? status : closed;
}

const struct command command_meta = {
	.name = "meta",
	.summary = "set, get and filter by metadata of rows",
	.usage =
	"Usage: vexfs meta set [OPTION]... FILE ID|FIRST-LAST... KEY=VALUE...\n"
	"       vexfs meta get FILE ID|FIRST-LAST...\n"
	"       vexfs meta filter [--limit N] FILE EXPR\n"
	"\n"
	"A row of the collection FILE may have up to 16 keys with values. 'set' changes the keys\n"
	"that it names, of all rows or of none, durably. 'get' prints what rows have. 'filter'\n"
	"prints the ids of the rows for which EXPR is true.\n"
	"\n"
	"A VALUE that looks like an integer is an int of 64 bits, one like 1.5 or 1e6 a float,\n"
	"anything else, or anything in \"double quotes\", a string; the strings of a row have at\n"
	"most 256 bytes.\n"
	"\n"
	"  --type NAME    take each VALUE as int, float or string\n"
	"  --unset KEY    remove a key; may stand more than once\n"
	"  --replace      forget the keys that are not named\n"
	"  --limit N      at most N ids\n"
	"\n"
	"EXPR: comparisons KEY == != < <= > >= VALUE, KEY ^= \"prefix\", KEY in (VALUE, ...),\n"
	"has KEY; joined by and, or, not and parentheses. Strings stand in quotes. Numbers are\n"
	"compared by value, int or float. A comparison with a key that the row lacks, or of a\n"
	"number with a string, is false.\n"
	"\n"
	"Examples:\n"
	"  vexfs meta set /mnt/docs 0-99 lang=de year=2021\n"
	"  vexfs meta set /mnt/docs 7 title='\"007\"' score=0.5 --unset draft\n"
	"  vexfs meta get /mnt/docs 7 --json\n"
	"  vexfs meta filter /mnt/docs 'lang in (\"de\", \"en\") and not year < 2020'\n",
	.run = run,
};

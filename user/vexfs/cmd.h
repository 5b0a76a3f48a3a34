/* SPDX-License-Identifier: GPL-2.0-only */
/* The subcommands of vexfs and the options that they share. */
#ifndef VEXFS_CMD_H
#define VEXFS_CMD_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"
#include "report.h"
#include "rows.h"
#include "store.h"

#define BATCH_BYTES	(4u << 20)	/* rows of one operation */

struct command;

/* Room for a row, whether in binary32 or as the collection has it. */
static inline size_t row_room(const struct store *s)
{
	return s->stat.dim * sizeof(float);
}

/* How rows become those of a collection. */
static inline struct row_shape row_shape(const struct store *s, uint32_t how)
{
	return (struct row_shape){ .elem = s->stat.elem, .dim = s->stat.dim, .how = how };
}

/**
 * struct common - options of every subcommand
 * @place: --image and --isa
 * @json: --json
 * @quiet: -q
 * @command: the subcommand
 */
struct common {
	struct store_place place;
	bool json;
	bool quiet;
	const struct command *command;
};

/**
 * struct command - a subcommand
 * @name: as the user writes it
 * @summary: one line for 'vexfs --help'
 * @usage: text of --help, without the common options
 * @run: do it; returns the exit status
 */
struct command {
	const char *name;
	const char *summary;
	const char *usage;
	int (*run)(struct common *c, int argc, char **argv);
};

extern const struct command command_create;
extern const struct command command_import;
extern const struct command command_search;
extern const struct command command_insert;
extern const struct command command_get;
extern const struct command command_delete;
extern const struct command command_update;
extern const struct command command_meta;
extern const struct command command_stat;
extern const struct command command_reindex;
extern const struct command command_caps;
extern const struct command command_bench;

/* Values of long options; a command's own begin at OPT_OWN. */
enum {
	OPT_IMAGE = 256,
	OPT_ISA,
	OPT_JSON,
	OPT_HELP,
	OPT_OWN,
};

#define COMMON_OPTIONS						\
	{ "image", required_argument, NULL, OPT_IMAGE },	\
	{ "isa", required_argument, NULL, OPT_ISA },		\
	{ "json", no_argument, NULL, OPT_JSON },		\
	{ "quiet", no_argument, NULL, 'q' },			\
	{ "help", no_argument, NULL, OPT_HELP },		\
	{ NULL, 0, NULL, 0 }

#define COMMON_SHORT "qh"

/*
 * Take one of the common options, or what getopt_long() returned for a wrong one. GO_ON, or
 * the status to end with.
 */
int common_option(struct common *c, int opt);
void common_usage(void);

/* Find a name in a list with @value, one of store_*_value(). */
int option_name(const char *what, const char *text, int (*value)(const char *name),
		const char *known, uint32_t *out);

/**
 * struct id_list - ids of rows
 * @ids: allocated
 * @count: at most VEXFS_MAX_IDS
 */
struct id_list {
	uint64_t *ids;
	size_t count;
};

/* Add an ID or a range FIRST-LAST. GO_ON, or a status after a message. */
int option_ids(struct id_list *list, const char *text);

/* How a new collection is made: the options --dim --metric --elem --index, and those of an index. */
struct shape {
	uint64_t dim;
	uint32_t metric;
	uint32_t elem;
	uint32_t index;
	uint32_t code;
	uint64_t m;
	uint64_t ef_construction;
	uint64_t tables;
	uint64_t bits;
};

/* Make it of a new file: see store_create(). What was not asked for is the default. */
int shape_create(const struct shape *shape, struct store *store, uint32_t metric);

enum {
	OPT_DIM = OPT_OWN,
	OPT_METRIC,
	OPT_ELEM,
	OPT_INDEX,
	OPT_CODE,
	OPT_M,
	OPT_EF_CONSTRUCTION,
	OPT_TABLES,
	OPT_BITS,
	OPT_COMMAND,		/* a command's own, when it takes a shape too */
};

#define SHAPE_OPTIONS						\
	{ "dim", required_argument, NULL, OPT_DIM },		\
	{ "metric", required_argument, NULL, OPT_METRIC },	\
	{ "elem", required_argument, NULL, OPT_ELEM },		\
	{ "index", required_argument, NULL, OPT_INDEX },	\
	{ "code", required_argument, NULL, OPT_CODE },		\
	{ "m", required_argument, NULL, OPT_M },		\
	{ "ef-construction", required_argument, NULL, OPT_EF_CONSTRUCTION }, \
	{ "tables", required_argument, NULL, OPT_TABLES },	\
	{ "bits", required_argument, NULL, OPT_BITS }

/* Take one of them; GO_ON, a status, or what common_option() returns for others. */
int shape_option(struct shape *shape, struct common *c, int opt);

/* The exit status of a command that a signal ended. */
int interrupted_status(void);

#endif /* VEXFS_CMD_H */

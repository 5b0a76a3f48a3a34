// SPDX-License-Identifier: GPL-2.0-only
/* Options that several subcommands take. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vex_core.h>

#include "cmd.h"
#include "progress.h"

void common_usage(void)
{
	fputs("\n"
	      "Options of every command:\n"
	      "  --image IMG   FILE is a path inside IMG, an image or device that is not mounted\n"
	      "  --isa NAME    with --image: compute with scalar, avx2, avx512 or auto\n"
	      "  --json        print JSON\n"
	      "  -q, --quiet   print no summary\n"
	      "  -h, --help    this text\n"
	      "\n"
	      "Exit status: 0 done; 1 failed; 2 wrong usage; 3 done in part, a message tells\n"
	      "what; 128 + n when signal n ended the command.\n", stdout);
}

static int set_isa(struct common *c, const char *name)
{
	c->place.isa = store_isa_value(name);
	if (c->place.isa >= 0 || !strcmp(name, "auto"))
		return GO_ON;
	return report_misuse("--isa '%s' is none of scalar, avx2, avx512, auto", name);
}

int common_option(struct common *c, int opt)
{
	switch (opt) {
	case OPT_IMAGE:
		c->place.image = optarg;
		return GO_ON;
	case OPT_ISA:
		return set_isa(c, optarg);
	case OPT_JSON:
		c->json = true;
		return GO_ON;
	case 'q':
		c->quiet = true;
		return GO_ON;
	case 'h':
	case OPT_HELP:
		fputs(c->command->usage, stdout);
		common_usage();
		return report_flush();
	default:
		/* getopt_long() has said what is wrong. */
		fprintf(stderr, "Try '%s --help'.\n", report_program);
		return STATUS_USAGE;
	}
}

int option_name(const char *what, const char *text, int (*value)(const char *name),
		const char *known, uint32_t *out)
{
	int v = value(text);

	if (v < 0)
		return report_misuse("%s '%s' is none of %s", what, text, known);
	*out = v;
	return GO_ON;
}

int option_ids(struct id_list *list, const char *text)
{
	unsigned long long first, last;
	uint64_t *ids;
	char *end;

	errno = 0;
	first = strtoull(text, &end, 10);
	last = first;
	if (isdigit((unsigned char)*text) && *end == '-' && isdigit((unsigned char)end[1]))
		last = strtoull(end + 1, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || last < first)
		return report_misuse("'%s' is neither a row id nor a range FIRST-LAST", text);
	if (last - first >= VEXFS_MAX_IDS - list->count)
		return report_misuse("more than %u ids; do it in parts", VEXFS_MAX_IDS);
	ids = reallocarray(list->ids, list->count + (last - first) + 1, sizeof(*ids));
	if (!ids)
		return report_fail("out of memory for the ids");
	list->ids = ids;
	for (uint64_t id = first; id - first <= last - first; id++)
		ids[list->count++] = id;
	return GO_ON;
}

int shape_option(struct shape *shape, struct common *c, int opt)
{
	switch (opt) {
	case OPT_DIM:
		return option_number("--dim", optarg, 1, VEXFS_MAX_DIM, &shape->dim);
	case OPT_METRIC:
		return option_name("--metric", optarg, store_metric_value, "l2, ip, cosine, hamming",
				   &shape->metric);
	case OPT_ELEM:
		return option_name("--elem", optarg, store_elem_value, "f32, f16, i8, b1",
				   &shape->elem);
	case OPT_INDEX:
		return option_name("--index", optarg, store_index_value, "flat, hnsw, lsh, codes",
				   &shape->index);
	case OPT_CODE:
		return option_name("--code", optarg, store_code_value,
				   "auto, sq7, sq4, b1, f32, pca",
				   &shape->code);
	case OPT_M:
		return option_number("--m", optarg, 2, 128, &shape->m);
	case OPT_EF_CONSTRUCTION:
		return option_number("--ef-construction", optarg, 1, VEXFS_MAX_EF,
				     &shape->ef_construction);
	case OPT_TABLES:
		return option_number("--tables", optarg, 1, 64, &shape->tables);
	case OPT_BITS:
		return option_number("--bits", optarg, 1, 20, &shape->bits);
	default:
		return common_option(c, opt);
	}
}

/* What was asked for that the index does not have, or NULL. */
static const char *shape_wrong(const struct vexfs_create *want)
{
	if (want->index == VEXFS_INDEX_FLAT && want->code)
		return "--code goes with --index hnsw, lsh or codes";
	if (want->index != VEXFS_INDEX_HNSW && (want->m || want->ef_construction))
		return "--m and --ef-construction go with --index hnsw";
	if (want->index != VEXFS_INDEX_LSH && (want->tables || want->bits))
		return "--tables and --bits go with --index lsh";
	if (want->index == VEXFS_INDEX_LSH && want->elem == VEXFS_ELEM_B1)
		return "--index lsh does not go with --elem b1, which has flat, hnsw and codes";
	if (want->index == VEXFS_INDEX_LSH && want->code > VEXFS_CODE_SQ4)
		return "--index lsh has the codes sq7 and sq4, and no other";
	return NULL;
}

/* 0, or the exit status for what does not go together, which was told. */
static int shape_check(const struct vexfs_create *want)
{
	const char *wrong = shape_wrong(want);

	if (wrong)
		return report_misuse("%s", wrong);
	if (!vex_elem_served(want->elem, want->metric))
		return report_misuse("--metric %s does not go with --elem %s: b1 has hamming, "
				     "the others have l2, ip and cosine",
				     store_metric_name(want->metric), store_elem_name(want->elem));
	if (want->code && (want->code == VEXFS_CODE_B1) != (want->elem == VEXFS_ELEM_B1))
		return report_misuse("--code %s does not go with --elem %s: b1 has the code b1, "
				     "the others have sq7, sq4, f32 and pca",
				     store_code_name(want->code), store_elem_name(want->elem));
	return 0;
}

int shape_create(const struct shape *shape, struct store *store, uint32_t metric)
{
	struct vexfs_create want = {
		.elem = shape->elem ? shape->elem : VEXFS_ELEM_F32,
		.metric = shape->metric ? shape->metric :
			  shape->elem == VEXFS_ELEM_B1 ? VEXFS_METRIC_HAMMING : metric,
		.index = shape->index ? shape->index : VEXFS_INDEX_FLAT,
		.dim = shape->dim, .code = shape->code, .m = shape->m,
		.ef_construction = shape->ef_construction,
		.tables = shape->tables, .bits = shape->bits,
	};
	int status = shape_check(&want);

	if (!status)
		return store_create(store, &want);
	store_remove(store);
	return status;
}

int interrupted_status(void)
{
	return 128 + interrupt_pending();
}

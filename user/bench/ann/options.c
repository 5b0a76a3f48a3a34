// SPDX-License-Identifier: GPL-2.0-only
/* The command line of ann. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "ann.h"

static const char usage_text[] =
"Usage: ann [OPTION]...\n"
"Search the same vectors for the same queries by VexFS, hnswlib and faiss in one process, and\n"
"tell how many of the 10 nearest each finds, and how fast.\n"
"\n"
"      --data DIR       base.fvecs, query.fvecs (or .bvecs) and gt.ivecs of this folder\n"
"      --base FILE, --query FILE, --truth FILE\n"
"                       these files instead; without a truth it is computed\n"
"      --rows N         make N rows (50000), or read the first N\n"
"      --queries N      make N queries (500), or read the first N\n"
"      --dim N          elements of rows that are made (128)\n"
"      --seed N         of rows that are made (1); the same seed makes the same bits\n"
"      --ef N,N,...     breadths of search (10 to 1000)\n"
"      --threads N,N    numbers of threads to search by (1,2)\n"
"      --rounds N       in which all take turns; the median counts (5)\n"
"      --batch N        queries of a call (250)\n"
"      --only TEXT      those with TEXT in their name, and hnswlib\n"
"      --scan MIB       memory to scan for bandwidth (1024); 0 leaves it out\n"
"      --csv FILE, --svg FILE\n"
"                       write all points, and a plot of them\n"
"      --json           print JSON instead of tables\n"
"  -q, --quiet          no progress\n"
"  -h, --help           this text\n"
"\n"
"Exit status: 0 measured; 1 a file or a library failed; 2 bad usage; 130 interrupted.\n"
"\n"
"Examples:\n"
"  ann                                         on rows that are made, a few minutes\n"
"  ann --data sift --threads 1 --svg sift.svg  on files, with a plot\n"
"  ann --rows 100000 --dim 768 --only sq4      one index at 768 elements\n";

static void __attribute__((noreturn)) refuse(const char *what, const char *value)
{
	fprintf(stderr, "ann: %s: %s\nTry 'ann --help'.\n", what, value);
	exit(EXIT_USAGE);
}

static uint64_t number(const char *text, uint64_t least, uint64_t most)
{
	char *end;
	uint64_t n = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n < least || n > most)
		refuse("not a number in range", text);
	return n;
}

/* Rising numbers with commas between them; returns how many. */
static uint32_t numbers(char *text, uint64_t least, uint64_t most, uint32_t *out, uint32_t room)
{
	uint32_t n = 0;
	char *word, *save = NULL;

	for (word = strtok_r(text, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		if (n == room)
			refuse("too many numbers, from", word);
		out[n] = number(word, least, most);
		if (n && out[n] <= out[n - 1])
			refuse("not above the number before it", word);
		n++;
	}
	if (!n)
		refuse("not a list of numbers", "''");
	return n;
}

enum { OPT_DATA = 256, OPT_BASE, OPT_QUERY, OPT_TRUTH, OPT_ROWS, OPT_QUERIES, OPT_DIM, OPT_SEED,
       OPT_EF, OPT_THREADS, OPT_ROUNDS, OPT_ONLY, OPT_SCAN, OPT_CSV, OPT_SVG, OPT_JSON, OPT_BATCH };

static const struct option longs[] = {
	{ "data", 1, NULL, OPT_DATA }, { "base", 1, NULL, OPT_BASE },
	{ "query", 1, NULL, OPT_QUERY }, { "truth", 1, NULL, OPT_TRUTH },
	{ "rows", 1, NULL, OPT_ROWS }, { "queries", 1, NULL, OPT_QUERIES },
	{ "dim", 1, NULL, OPT_DIM }, { "seed", 1, NULL, OPT_SEED }, { "ef", 1, NULL, OPT_EF },
	{ "threads", 1, NULL, OPT_THREADS }, { "rounds", 1, NULL, OPT_ROUNDS },
	{ "batch", 1, NULL, OPT_BATCH }, { "only", 1, NULL, OPT_ONLY }, { "scan", 1, NULL, OPT_SCAN },
	{ "csv", 1, NULL, OPT_CSV }, { "svg", 1, NULL, OPT_SVG }, { "json", 0, NULL, OPT_JSON },
	{ "quiet", 0, NULL, 'q' }, { "help", 0, NULL, 'h' }, { 0 },
};

/* Where the text of an option goes. */
static const char **text_of(struct options *o, int c)
{
	switch (c) {
	case OPT_DATA: return &o->dir;
	case OPT_BASE: return &o->base;
	case OPT_QUERY: return &o->query;
	case OPT_TRUTH: return &o->truth;
	case OPT_ONLY: return &o->only;
	case OPT_CSV: return &o->csv;
	case OPT_SVG: return &o->svg;
	default: return NULL;
	}
}

static void take(struct options *o, int c, char *arg)
{
	switch (c) {
	case OPT_ROWS: o->rows = number(arg, ANN_K, INT32_MAX); break;
	case OPT_QUERIES: o->queries = number(arg, 1, 10000000); break;
	case OPT_DIM: o->dim = number(arg, 1, 65535); break;
	case OPT_SEED: o->seed = number(arg, 0, UINT64_MAX); break;
	case OPT_EF: o->efs = numbers(arg, ANN_K, 65536, o->ef, ANN_EFS); break;
	case OPT_THREADS: o->widths = numbers(arg, 1, 1024, o->threads, ANN_WIDTHS); break;
	case OPT_ROUNDS: o->rounds = number(arg, 1, ANN_ROUNDS); break;
	case OPT_BATCH: o->batch = number(arg, 1, 4096); break;
	case OPT_SCAN: o->scan = number(arg, 0, 1 << 20); break;
	case OPT_JSON: o->json = true; break;
	case 'q': o->quiet = true; break;
	case 'h':
		fputs(usage_text, stdout);
		exit(0);
	default:
		fputs("Try 'ann --help'.\n", stderr);
		exit(EXIT_USAGE);
	}
}

void options_read(struct options *o, int argc, char **argv)
{
	static const uint32_t ef[] = { 10, 15, 20, 30, 40, 60, 80, 120, 160, 240, 320, 480, 640,
				       1000 };
	const char **text;
	int c;

	*o = (struct options){ .dim = 128, .seed = 1, .threads = { 1, 2 }, .widths = 2,
			       .rounds = 5, .batch = 250, .scan = 1024 };
	memcpy(o->ef, ef, sizeof(ef));
	o->efs = sizeof(ef) / sizeof(*ef);
	while ((c = getopt_long(argc, argv, "qh", longs, NULL)) != -1) {
		text = text_of(o, c);
		if (text)
			*text = optarg;
		else
			take(o, c, optarg);
	}
	if (optind < argc)
		refuse("not an option", argv[optind]);
}

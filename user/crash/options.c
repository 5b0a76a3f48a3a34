// SPDX-License-Identifier: GPL-2.0-only
/* The command line of vexfs-crash. */
#include <getopt.h>
#include <stdlib.h>

#include "options.h"

static const char usage_text[] =
"Usage: vexfs-crash [OPTION]...\n"
"Run workloads on a recording disk, let the power fail at every point in every way, and see that\n"
"VexFS shows all that was acknowledged, each call whole or not at all, and a sound filesystem.\n"
"\n"
"  -s, --seed N         of the workloads (1); the same seed tries the same states\n"
"  -n, --states N       stop after N different states (100000)\n"
"  -j, --jobs N         processes (1)\n"
"  -t, --threads N      workloads of N threads at once, 2 to 8; not the same every time\n"
"  -a, --all-of N       try all parts of up to N pending writes (8; at most 16)\n"
"  -f, --script FILE    try the workload in FILE only (- for standard input), or\n"
"                       the one state that its last line names\n"
"  -m, --minimise S     spend S seconds on making a failing case small (60)\n"
"  -b, --break HOW      a disk that is broken: no-flush, no-fua; it has to be found\n"
"  -p, --print          print the first workload of the seed and end\n"
"      --json           the result as one JSON object\n"
"  -q, --quiet          no progress\n"
"      --operations     list what a script may call\n"
"  -h, --help           this text\n"
"\n"
"Exit status: 0 all states were right; 1 one was not; 2 bad usage; 130 interrupted.\n"
"\n"
"Examples:\n"
"  vexfs-crash --states 1000000 --jobs 2    a long run\n"
"  vexfs-crash --break no-flush             see that a disk without flushes is found\n"
"  vexfs-crash --script found.txt           try again what an earlier run printed\n";

static void __attribute__((noreturn)) refuse(const char *what, const char *value)
{
	fprintf(stderr, "vexfs-crash: %s: %s\nTry 'vexfs-crash --help'.\n", what, value);
	exit(EXIT_USAGE);
}

static u64 number(const char *text, u64 least, u64 most)
{
	char *end;
	u64 n = strtoull(text, &end, 0);

	if (!*text || *end || *text == '-' || n < least || n > most)
		refuse("not a number in range", text);
	return n;
}

static enum broken broken(const char *name)
{
	if (!strcmp(name, "no-flush"))
		return BROKEN_NO_FLUSH;
	if (!strcmp(name, "no-fua"))
		return BROKEN_NO_FUA;
	refuse("not a way to be broken", name);
}

static void list_operations(void)
{
	for (int kind = 0; kind < OP_KINDS; kind++) {
		const struct op_form *form = op_form(kind);
		char words[40] = "";

		for (const char *w = form->words; *w; w++)
			strcat(words, *w == 'p' ? " PATH" : *w == 't' ? " TO" : " N");
		printf("%-12s%-18s%s\n", form->name, words, form->help);
	}
}

void options_read(struct options *o, int argc, char **argv)
{
	enum { OPT_JSON = 256, OPT_OPERATIONS };
	static const struct option longs[] = {
		{ "seed", 1, NULL, 's' }, { "states", 1, NULL, 'n' }, { "jobs", 1, NULL, 'j' },
		{ "threads", 1, NULL, 't' }, { "all-of", 1, NULL, 'a' },
		{ "script", 1, NULL, 'f' }, { "minimise", 1, NULL, 'm' },
		{ "break", 1, NULL, 'b' }, { "print", 0, NULL, 'p' },
		{ "json", 0, NULL, OPT_JSON }, { "quiet", 0, NULL, 'q' },
		{ "operations", 0, NULL, OPT_OPERATIONS }, { "help", 0, NULL, 'h' }, { 0 },
	};
	int c;

	*o = (struct options){ .seed = 1, .states = 100000, .jobs = 1, .minimise = 60,
			       .all_of = 8 };
	while ((c = getopt_long(argc, argv, "s:n:j:t:a:f:m:b:pqh", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			o->seed = number(optarg, 0, U64_MAX);
			break;
		case 'n':
			o->states = number(optarg, 1, U64_MAX);
			break;
		case 'j':
			o->jobs = number(optarg, 1, 64);
			break;
		case 't':
			o->threads = number(optarg, 2, LANES_MAX);
			break;
		case 'a':
			o->all_of = number(optarg, 0, 16);
			break;
		case 'f':
			o->script = optarg;
			break;
		case 'm':
			o->minimise = number(optarg, 0, 86400);
			break;
		case 'b':
			o->broken = broken(optarg);
			break;
		case 'p':
			o->print = true;
			break;
		case 'q':
			o->quiet = true;
			break;
		case OPT_JSON:
			o->json = true;
			break;
		case OPT_OPERATIONS:
			list_operations();
			exit(EXIT_SOUND);
		case 'h':
			fputs(usage_text, stdout);
			exit(EXIT_SOUND);
		default:
			fputs("Try 'vexfs-crash --help'.\n", stderr);
			exit(EXIT_USAGE);
		}
	}
	if (optind < argc)
		refuse("not an option", argv[optind]);
}

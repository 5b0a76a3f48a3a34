// SPDX-License-Identifier: GPL-2.0-only
/* The command line of vexfs-trace-read. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "options.h"

#ifndef VEXFS_VERSION
#define VEXFS_VERSION "0.1"
#endif

enum {
	OPT_NETLINK = 256, OPT_DEBUGFS, OPT_NO_BPF, OPT_RESET, OPT_STACK_MAP_SIZE,
	OPT_TOTALS_SIZE, OPT_RING_SIZE, OPT_FOLLOW_SIZE, OPT_JSON_OUTPUT, OPT_TARGET, OPT_SAMPLE,
	OPT_VERSION,
};

const char *const view_names[VIEWS] = { "kernel", "performance", "memory" };

static const struct option long_options[] = {
	{ "netlink",		no_argument,		NULL, OPT_NETLINK },
	{ "debugfs",		no_argument,		NULL, OPT_DEBUGFS },
	{ "view",		required_argument,	NULL, 'w' },
	{ "interval",		required_argument,	NULL, 'i' },
	{ "duration",		required_argument,	NULL, 'd' },
	{ "top",		required_argument,	NULL, 'n' },
	{ "json",		no_argument,		NULL, 'j' },
	{ "output",		required_argument,	NULL, 'o' },
	{ "json-output",	required_argument,	NULL, OPT_JSON_OUTPUT },
	{ "target",		required_argument,	NULL, OPT_TARGET },
	{ "sample",		required_argument,	NULL, OPT_SAMPLE },
	{ "reset",		no_argument,		NULL, OPT_RESET },
	{ "no-bpf",		no_argument,		NULL, OPT_NO_BPF },
	{ "stack-map-size",	required_argument,	NULL, OPT_STACK_MAP_SIZE },
	{ "totals-size",	required_argument,	NULL, OPT_TOTALS_SIZE },
	{ "ring-size",		required_argument,	NULL, OPT_RING_SIZE },
	{ "follow-size",	required_argument,	NULL, OPT_FOLLOW_SIZE },
	{ "help",		no_argument,		NULL, 'h' },
	{ "version",		no_argument,		NULL, OPT_VERSION },
	{ }
};

static const char help[] =
"Usage: vexfs-trace-read [OPTION]... [-- COMMAND [ARGUMENT]...]\n"
"       vexfs-trace-read [--json] [--duration S] alerts\n"
"       vexfs-trace-read doctor\n"
"\n"
"Reports what each VexFS operation costs (calls, latency, kernel stack, memory, from\n"
"vexfs_trace.ko) joined with the kernel and user call stacks that led to it (from BPF\n"
"programs of its own). Watches until COMMAND ends, the duration is over, or Ctrl-C.\n"
"\n"
"  --netlink             counters by generic netlink (default)\n"
"  --debugfs             counters from /sys/kernel/debug/vexfs\n"
"  -w, --view VIEW[,VIEW]...\n"
"                        of all that, load and report only what a view needs:\n"
"                          kernel       who calls, and how deep into the stack\n"
"                          performance  where the time goes, and which call stacks take it\n"
"                          memory       who takes memory, and which call stacks still hold it:\n"
"                                       this one follows allocations until they are freed\n"
"  -d, --duration S      watch for S seconds\n"
"  -i, --interval S      a report every S seconds, each of the time since the last one\n"
"  -n, --top N           call stacks shown for each class and site (3)\n"
"  -j, --json            JSON, one object a report; the manual page has its schema\n"
"  -o, --output FILE     write the reports to FILE instead of standard output\n"
"      --json-output FILE  write the same reports as JSON to FILE, too\n"
"      --target FUNCTION[,FUNCTION]...\n"
"                        measure these functions of the kernel or of any module, too; of a\n"
"                        module: ext4:ext4_file_write_iter; all by which a module can be\n"
"                        entered, as one: module:ext4. Up to 8 at once\n"
"      --sample N        call stacks of one operation and allocation of N, chosen by their numbers;\n"
"                        from 64 on the others cost next to nothing\n"
"      --reset           reset the module's counters first, so that they and the stacks\n"
"                        cover the same time and the deepest stacks are caught anew\n"
"      --no-bpf          counters only, no call stacks\n"
"      --stack-map-size N  stacks held between two readings, over all CPUs (8192)\n"
"      --totals-size N   combinations of stacks held between two readings (32768)\n"
"      --ring-size BYTES ring buffer for what finds no room there (8388608)\n"
"      --follow-size N   allocations that the memory view follows at once (65536)\n"
"  -h, --help            this text\n"
"      --version         the version\n"
"\n"
"vexfs-trace-read alerts prints, one line each and as they come, what goes beyond the limits in\n"
"/sys/kernel/debug/vexfs/config: a stack nearly full, a very long chain of calls, a very large\n"
"frame, a slow operation.\n"
"\n"
"vexfs-trace-read doctor says what this machine lacks for all of it, and the remedy.\n"
"\n"
"Exit status: 0 fine; 1 error, or COMMAND failed; 2 usage; 3 events that the kernel\n"
"numbered are neither in the report nor among the losses that it counts.\n"
"\n"
"Examples:\n"
"  vexfs-trace-read -- vexfs search /mnt/docs --text 'lock ordering'\n"
"  vexfs-trace-read --reset --duration 10 --top 5\n"
"  vexfs-trace-read --sample 1024 --duration 60\n"
"  vexfs-trace-read --view performance -- cp -r /usr/share/doc /mnt/docs\n"
"  vexfs-trace-read --view memory --reset --duration 60\n"
"  vexfs-trace-read --interval 5 --json --output /var/tmp/vexfs.json\n"
"  vexfs-trace-read --debugfs --no-bpf --duration 1\n"
"  vexfs-trace-read --target ext4_file_write_iter,vfs_fsync_range -- dd if=/dev/zero \\\n"
"                   of=/var/tmp/file bs=1M count=100 conv=fsync\n"
"  vexfs-trace-read --target module:xfs --duration 60\n";

static void misused(const char *option, const char *what) __attribute__((noreturn));

static void misused(const char *option, const char *what)
{
	fprintf(stderr, "vexfs-trace-read: %s: %s; see vexfs-trace-read --help\n", option, what);
	exit(STATUS_USAGE);
}

static uint64_t parse_seconds(const char *option, const char *text)
{
	char *end;
	double s;

	errno = 0;
	s = strtod(text, &end);
	if (errno || end == text || *end || !isfinite(s) || s < 0.01 || s > 1e8)
		misused(option, "needs a number of seconds from 0.01 to 100000000");
	return s * 1e9;
}

static unsigned int parse_number(const char *option, const char *text, unsigned long min,
				 unsigned long max)
{
	char *end, what[80];
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || n < min || n > max) {
		snprintf(what, sizeof(what), "needs a whole number from %lu to %lu", min, max);
		misused(option, what);
	}
	return n;
}

static void add_views(struct options *o, const char *list)
{
	size_t len, i;

	do {
		len = strcspn(list, ",");
		for (i = 0; i < VIEWS; i++)
			if (strlen(view_names[i]) == len && !strncmp(view_names[i], list, len))
				break;
		if (i == VIEWS)
			misused("--view", "knows kernel, performance and memory");
		o->views |= 1u << i;
		list += len;
	} while (*list++);
}

static void add_targets(struct options *o, const char *list)
{
	size_t len;

	do {
		len = strcspn(list, ",");
		if (!len)
			misused("--target", "needs names of functions, separated by commas");
		GROW(o->targets, o->nr_targets, o->room_targets);
		o->targets[o->nr_targets++] = intern_len(list, len);
		list += len;
	} while (*list++);
}

static void version(void)
{
	puts("vexfs-trace-read " VEXFS_VERSION);
}

static void parse_option(struct options *o, int c)
{
	switch (c) {
	case OPT_NETLINK:
		o->debugfs = false;
		break;
	case OPT_DEBUGFS:
		o->debugfs = true;
		break;
	case OPT_NO_BPF:
		o->no_bpf = true;
		break;
	case 'w':
		add_views(o, optarg);
		break;
	case OPT_TARGET:
		add_targets(o, optarg);
		break;
	case OPT_SAMPLE:
		o->sample = parse_number("--sample", optarg, 1, 1 << 24);
		break;
	case OPT_RESET:
		o->reset = true;
		break;
	case OPT_STACK_MAP_SIZE:
		o->stack_slots = parse_number("--stack-map-size", optarg, 1, 1 << 20);
		break;
	case OPT_TOTALS_SIZE:
		o->totals = parse_number("--totals-size", optarg, 1, 1 << 22);
		break;
	case OPT_RING_SIZE:
		o->ring_bytes = parse_number("--ring-size", optarg, 4096, 1 << 30);
		if (o->ring_bytes & (o->ring_bytes - 1))
			misused("--ring-size", "needs a power of two");
		break;
	case OPT_FOLLOW_SIZE:
		o->followed = parse_number("--follow-size", optarg, 1, 1 << 24);
		break;
	case 'i':
		o->interval_ns = parse_seconds("--interval", optarg);
		break;
	case 'd':
		o->duration_ns = parse_seconds("--duration", optarg);
		break;
	case 'n':
		o->top = parse_number("--top", optarg, 1, 1000000);
		break;
	case 'j':
		o->json = true;
		break;
	case 'o':
		o->output = optarg;
		break;
	case OPT_JSON_OUTPUT:
		o->json_output = optarg;
		break;
	case 'h':
		fputs(help, stdout);
		exit(STATUS_OK);
	case OPT_VERSION:
		version();
		exit(STATUS_OK);
	default:
		fputs("See vexfs-trace-read --help.\n", stderr);
		exit(STATUS_USAGE);
	}
}

void options_parse(struct options *o, int argc, char **argv)
{
	bool dashes;
	int c;

	*o = (struct options){
		.top = 3, .sample = 1, .stack_slots = 8192, .totals = 32768, .ring_bytes = 8 << 20,
		.followed = 65536,
	};
	while ((c = getopt_long(argc, argv, "+w:i:d:n:jo:h", long_options, NULL)) != -1)
		parse_option(o, c);
	/* Who did not ask for the memory view is not to pay for each free. */
	o->follow = o->views & VIEW_MEMORY;
	if (!o->views)
		o->views = VIEW_ALL;

	dashes = !strcmp(argv[optind - 1], "--");
	if (optind == argc) {
		if (dashes)
			misused("--", "needs a command after it");
		return;
	}
	if (dashes) {
		o->command = argv + optind;
	} else if (!strcmp(argv[optind], "doctor")) {
		if (argc > 2)
			misused("doctor", "takes no options");
		o->doctor = true;
	} else if (!strcmp(argv[optind], "alerts")) {
		if (optind + 1 < argc)
			misused("alerts", "its options stand before it");
		o->alerts = true;
	} else {
		misused(argv[optind], "not an option; a command to run stands after --");
	}
}

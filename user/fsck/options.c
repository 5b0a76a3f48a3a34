// SPDX-License-Identifier: GPL-2.0-only
/* The command line of fsck.vexfs. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../vexfs/options.h"
#include "fsck.h"

static void usage(FILE *out)
{
	fputs("Usage: fsck.vexfs [OPTION]... DEVICE|IMAGE\n"
	      "\n"
	      "Checks an unmounted VexFS against every invariant of its format, and repairs it.\n"
	      "Without -n, -p or -y it lists what it found and asks once. A repair is written\n"
	      "to free blocks and made true by one superblock: interrupted, it changes nothing.\n"
	      "\n"
	      "  -n                change nothing\n"
	      "  -p, -a            repair only what loses nothing: numbers, marks, what a crash\n"
	      "                    left; with other problems change nothing\n"
	      "  -y                repair all that can be repaired\n"
	      "  -c                read all file data too, and verify its checksums\n"
	      "  -f                accepted: every run is a full check\n"
	      "  -v, --verbose     print every problem, and numbers\n"
	      "  -C FD             progress as lines \"1 DONE TOTAL DEVICE\" to descriptor FD\n"
	      "      --super SLOT  use superblock 0 (block 1) or 1 (block 9), not the newest\n"
	      "      --json        the report as JSON\n"
	      "  -V, --version     print the version of the format\n"
	      "  -h, --help        this text\n"
	      "\n"
	      "Examples:\n"
	      "  fsck.vexfs -n /dev/vdb\n"
	      "  fsck.vexfs -c -y disk.img\n"
	      "  fsck.vexfs -n --super 0 disk.img    # is the commit before still good?\n"
	      "\n"
	      "Exit status: 0 no problems; 1 repaired; 4 problems are left; 8 could not run;\n"
	      "16 wrong usage; 32 cancelled by a signal.\n", out);
}

static int misuse(void)
{
	fprintf(stderr, "Try '%s --help'.\n", report_program);
	return FSCK_USAGE;
}

static int version(void)
{
	printf("fsck.vexfs: format version %u\n", VEXFS_FORMAT_VERSION);
	return report_flush() ? FSCK_FAILED : FSCK_OK;
}

static int set_mode(struct fsck *f, enum mode mode)
{
	if (f->mode != MODE_ASK && f->mode != mode) {
		report_fail("only one of -n, -p and -y");
		return misuse();
	}
	f->mode = mode;
	return GO_ON;
}

static int number(const char *what, const char *text, u64 max, int *out)
{
	uint64_t value;

	if (option_number(what, text, 0, max, &value) != GO_ON)
		return FSCK_USAGE;
	*out = (int)value;
	return GO_ON;
}

static int take(struct fsck *f, int opt)
{
	switch (opt) {
	case 'n':
		return set_mode(f, MODE_NO);
	case 'y':
		return set_mode(f, MODE_YES);
	case 'p':
	case 'a':
		return set_mode(f, MODE_PREEN);
	case 'c':
		f->data = true;
		return GO_ON;
	case 'f':
		return GO_ON;
	case 'v':
		f->verbose = true;
		return GO_ON;
	case 'C':
		return number("-C", optarg, 1 << 20, &f->bar);
	case 'S':
		return number("--super", optarg, 1, &f->slot);
	case 'j':
		f->json = true;
		return GO_ON;
	case 'V':
		return version();
	case 'h':
		usage(stdout);
		return report_flush() ? FSCK_FAILED : FSCK_OK;
	default:
		return misuse();
	}
}

int fsck_parse(struct fsck *f, int argc, char **argv)
{
	static const struct option options[] = {
		{ "verbose", no_argument, NULL, 'v' },
		{ "super", required_argument, NULL, 'S' },
		{ "json", no_argument, NULL, 'j' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int opt, status;

	while ((opt = getopt_long(argc, argv, "nypacfvC:Vh", options, NULL)) != -1) {
		status = take(f, opt);
		if (status != GO_ON)
			return status;
	}
	if (optind + 1 != argc) {
		report_fail("exactly one DEVICE or IMAGE is needed");
		return misuse();
	}
	f->path = argv[optind];
	if (f->mode != MODE_ASK || f->json)
		return GO_ON;
	if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		return GO_ON;
	report_fail("there is no terminal to ask: choose -n, -p or -y");
	return FSCK_FAILED;
}

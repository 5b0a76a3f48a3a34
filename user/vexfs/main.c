// SPDX-License-Identifier: GPL-2.0-only
/* vexfs: collections of vectors from the shell. */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "progress.h"

static const struct command *const commands[] = {
	&command_create, &command_import, &command_search, &command_insert, &command_get,
	&command_delete, &command_update, &command_meta, &command_stat,
	&command_reindex, &command_caps, &command_bench,
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static void usage(FILE *f)
{
	fputs("Usage: vexfs [OPTION]... COMMAND FILE...\n"
	      "\n"
	      "Makes, fills and searches collections of vectors on a VexFS, mounted or in an\n"
	      "image.\n"
	      "\n", f);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(f, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n"
	      "'vexfs COMMAND --help' tells the rest.\n"
	      "\n"
	      "Examples:\n"
	      "  vexfs import --text /mnt/docs /usr/share/doc\n"
	      "  vexfs search /mnt/docs --text 'how to configure the network'\n"
	      "  vexfs --image disk.img stat /docs\n", f);
}

int main(int argc, char **argv)
{
	static const struct command self = { .name = "vexfs", .usage = "" };
	static const struct option options[] = { COMMON_OPTIONS };
	struct common c = { .place = { .isa = -1 }, .command = &self };
	char *program;
	int opt;

	interrupt_catch();
	while ((opt = getopt_long(argc, argv, "+" COMMON_SHORT, options, NULL)) != -1) {
		int status;

		if (opt == OPT_HELP || opt == 'h') {
			usage(stdout);
			common_usage();
			return report_flush();
		}
		status = common_option(&c, opt);
		if (status != GO_ON)
			return status;
	}
	if (optind == argc) {
		usage(stderr);
		return STATUS_USAGE;
	}
	argc -= optind;
	argv += optind;
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i]->name, argv[0]))
			continue;
		c.command = commands[i];
		if (asprintf(&program, "vexfs %s", argv[0]) < 0)
			return report_fail("out of memory");
		report_program = program;
		argv[0] = program;	/* for the messages of getopt_long() */
		optind = 0;
		return c.command->run(&c, argc, argv);
	}
	return report_misuse("unknown command '%s'", argv[0]);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Check an unmounted filesystem and tell its numbers, for selftests/stress.sh: the
 * problems on standard error, and on standard output how many there are, the blocks, those
 * in use, the nodes among them, and the inodes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <vex_check.h>
#include <vex_io.h>

static void problem(void *ctx, const struct vex_problem *p)
{
	const struct vex_problem_kind *kind = &vex_problem_kinds[p->code];

	fprintf(stderr, "%s%s: %s\n", kind->repair == VEX_REPAIR_NOTE ? "note: " : "", kind->name,
		p->text);
}

int main(int argc, char **argv)
{
	struct vex_check_opts opts = { .data = true, .slot = -1, .problem = problem };
	struct vex_check_result r;
	struct vex_io io;
	int err;

	if (argc != 2) {
		fputs("Usage: check DEVICE\n", stderr);
		return 2;
	}
	vex_core_init();
	err = vex_io_fd_open(&io, argv[1], 0);
	if (!err)
		err = vex_check_device(&io, &opts, &r, NULL);
	if (err) {
		fprintf(stderr, "check: %s: %s\n", argv[1], strerror(-err));
		return 1;
	}
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", (uint64_t)r.problems,
	       (uint64_t)r.blocks, (uint64_t)r.used, (uint64_t)r.tree_blocks, (uint64_t)r.inodes);
	return r.problems != 0;
}

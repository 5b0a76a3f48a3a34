/* SPDX-License-Identifier: GPL-2.0-only */
/* fsck.vexfs: what its files share. */
#ifndef VEXFS_FSCK_FSCK_H
#define VEXFS_FSCK_FSCK_H

#include "../vexfs/report.h"
#include "repair.h"

/* Exit status, as fsck(8) has it. */
enum {
	FSCK_OK		= 0,
	FSCK_CORRECTED	= 1,
	FSCK_LEFT	= 4,
	FSCK_FAILED	= 8,
	FSCK_USAGE	= 16,
	FSCK_CANCELLED	= 32,
};

enum mode {
	MODE_ASK,
	MODE_NO,
	MODE_YES,
	MODE_PREEN,
};

/**
 * struct fsck - one run
 * @path: device or image
 * @mode: what to do with problems
 * @data: verify file data, too
 * @verbose: every problem, and counts
 * @slot: superblock to use, -1: the newest
 * @bar: descriptor of a progress bar for programs, -1: none
 * @told: problems printed, by code
 * @out: the report
 */
struct fsck {
	const char *path;
	enum mode mode;
	bool data;
	bool verbose;
	bool json;
	int slot;
	int bar;
	u64 told[VEX_PROBLEM_CODES];
	u64 drawn;
	bool refused;
	struct report out;
};

/* GO_ON of options.h, or the exit status. */
int fsck_parse(struct fsck *f, int argc, char **argv);

/* Callbacks of the check; @ctx is the struct fsck. */
void fsck_problem(void *ctx, const struct vex_problem *p);
int fsck_progress(void *ctx, u64 done, u64 total);
bool fsck_confirm(void *ctx, const struct vex_check_result *found);
/* The end of the report. */
void fsck_summary(struct fsck *f, const struct vex_io *io, const struct repair_result *r,
		  int status);

#endif /* VEXFS_FSCK_FSCK_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* What vexfs-crash was asked for. */
#ifndef CRASH_OPTIONS_H
#define CRASH_OPTIONS_H

#include "record.h"

/**
 * struct options - the command line
 * @seed: of the workloads
 * @states: how many different states to try
 * @jobs: processes
 * @threads: of each workload; 0: one, and the same every time
 * @minimise: seconds to spend on making a failing case small
 * @all_of: pending writes of which all subsets are tried
 * @broken: what the disk does wrong
 * @script: file of the only workload, or NULL
 * @json: the result as JSON
 * @quiet: no progress
 * @print: only print the first workload
 */
struct options {
	u64 seed;
	u64 states;
	u32 jobs;
	u32 threads;
	u32 minimise;
	u32 all_of;
	enum broken broken;
	const char *script;
	bool json;
	bool quiet;
	bool print;
};

enum { EXIT_SOUND = 0, EXIT_FOUND = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

/* Read the command line; ends the program when there is nothing more to do. */
void options_read(struct options *o, int argc, char **argv);

#endif /* CRASH_OPTIONS_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* A failing case, made small, and printed so that it can be tried again. */
#ifndef CRASH_SHRINK_H
#define CRASH_SHRINK_H

#include "states.h"

/**
 * struct failure - a case
 * @script: the workload
 * @crash: the state, NULL when the run itself went wrong
 * @what: what is wrong
 */
struct failure {
	struct script script;
	struct crash *crash;
	char *what;
};

/**
 * failure_find() - run a workload and try its states
 * @script: the workload; a state that it names is the only one tried
 * @broken: what the disk does wrong
 * @limits: how far to go
 * @out: what came of it
 * @f: filled when something is wrong, with a copy of @script
 *
 * Return: whether something is.
 */
bool failure_find(const struct script *script, enum broken broken, const struct limits *limits,
		  struct outcome *out, struct failure *f);

/* Take calls out, and put writes back, while it still fails; for so long at most. */
void failure_shrink(struct failure *f, enum broken broken, const struct limits *limits,
		    u32 seconds);

/* As a script for --script, and as a test for user/crash/test_states.c. */
void failure_print(const struct failure *f, FILE *out);
void failure_print_test(const struct failure *f, FILE *out);
void failure_free(struct failure *f);

#endif /* CRASH_SHRINK_H */

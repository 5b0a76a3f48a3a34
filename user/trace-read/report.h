/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A report: counters and call stacks joined. report.c joins, report_text.c and
 * report_json.c write the same in two forms.
 */
#ifndef TRACE_READ_REPORT_H
#define TRACE_READ_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "capture.h"
#include "counters.h"
#include "events.h"
#include "symbols.h"

/**
 * struct caller - events with the same named kernel and user stacks
 * @kind: enum vexfs_event_kind
 * @id: operation class or site
 * @depth: bytes of stack of a record or chain, else 0
 * @kernel: kernel chain, see symbols_chain()
 * @user: user chain
 * @comm: name of the thread
 * @tgid: process of the first
 * @sum: how many, and how large
 * @fate: of allocations that are followed
 */
struct caller {
	uint32_t kind, id, depth;
	uint32_t kernel, user;
	uint32_t tgid;
	const char *comm;
	struct vxr_value sum;
	struct fate fate;
};

/* Neighbouring elements of report.callers: those of one class or site. */
struct callers {
	const struct caller *first;
	size_t count;
	uint64_t events, size, time;
	struct fate fate;
};

/**
 * struct outside - the module's own count of events, against what the programs saw
 * @known: the source tells
 * @between: events numbered between reading the module's counts before and after
 * @around: of them, before the first or after the last that the programs saw
 * @contradictions: CPUs on which the programs saw numbers that the module never gave
 */
struct outside {
	bool known;
	uint64_t between, around, contradictions;
};

/**
 * struct report - everything that is in a report
 * @source: name of the source of the counters
 * @window_ns: its length
 * @captured: there are call stacks
 * @last: no further report follows
 * @top: call stacks to show for each class and site
 * @sample: there are call stacks of one operation and allocation of so many
 * @views: VIEW_*: what it is about
 * @command: what was run, or NULL; @command_status: as the shell has it, -1 while it runs
 */
struct report {
	const char *source;
	uint64_t window_ns;
	bool captured, last;
	unsigned int top;
	unsigned int sample;
	unsigned int views;
	char **command;
	int command_status;
	struct counters counters;
	const struct account *accounts;
	struct trouble trouble;
	const struct vxr_commits *commits;
	const struct follow_account *follow;
	struct outside outside[VEXFS_EVENT_NR];
	struct ladder ladder;
	struct caller *callers;
	size_t nr_callers;
};

/* What is put in order by time, and by depth; a report that has both is in order of time and calls. */
static inline bool report_of_times(const struct report *r)
{
	return r->views & VIEW_PERFORMANCE && !(r->views & VIEW_KERNEL);
}

static inline bool report_of_depths(const struct report *r)
{
	return r->views & VIEW_KERNEL && !(r->views & VIEW_PERFORMANCE);
}

/* Gathers what was captured; fills callers, ladder, accounts and trouble. */
void report_join(struct report *report);

/* Compares the module's counts before and after the window with what the programs saw. */
void report_check(struct report *report, const struct status_counters *before,
		  const struct status_counters *after);

/*
 * The events of one class or site, most frequent first, or longest; for sites the most bytes first,
 * those that are held before all.
 */
struct callers report_callers(const struct report *report, unsigned int kind, uint32_t id);

/* The record of the class that is its greatest depth, or NULL when it fell outside the window. */
const struct caller *report_deepest(const struct report *report, uint32_t op_class);

/* Sites by live bytes, then by bytes; the array is the caller's to free. */
const struct site_counters **report_sites(const struct report *report);

/*
 * Locks by class, and then those first for which most time was waited: of all waits, or of @of one
 * of these, with each stack of its holders. The array of *@n is the caller's to free.
 */
const struct lock_counters **report_locks(const struct report *report,
					  const struct lock_counters *of, size_t *n);

/* Whether an event is in nobody's account, or something happened that never must. */
bool report_residual(const struct report *report);

void report_text(const struct report *report, FILE *out);
void report_json(const struct report *report, FILE *out);
void report_free(struct report *report);

#endif /* TRACE_READ_REPORT_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* What the command line of vexfs-trace-read asks for. */
#ifndef TRACE_READ_OPTIONS_H
#define TRACE_READ_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit statuses. */
#define STATUS_OK	0
#define STATUS_ERROR	1
#define STATUS_USAGE	2
#define STATUS_RESIDUAL	3

/* What a report is about. */
#define VIEW_KERNEL		1u	/* who calls, and how deep into the stack */
#define VIEW_PERFORMANCE	2u	/* where the time goes */
#define VIEW_MEMORY		4u	/* who takes memory, and who holds it */
#define VIEWS			3
#define VIEW_ALL		(VIEW_KERNEL | VIEW_PERFORMANCE | VIEW_MEMORY)

/**
 * struct options - the command line
 * @debugfs: counters from debugfs instead of generic netlink
 * @no_bpf: counters only
 * @json: JSON instead of text
 * @reset: reset the module's counters when the window opens
 * @doctor: examine this machine instead
 * @alerts: print alerts instead
 * @interval_ns: a report each so often; 0: one at the end
 * @duration_ns: length of the window; 0: until a signal or the end of @command
 * @top: call stacks printed for each class and site
 * @output: file for the reports, or NULL for standard output
 * @json_output: file for the same reports as JSON, or NULL
 * @command: NULL, or what to run, NULL-terminated
 * @targets: functions to measure, too
 * @nr_targets: how many; room for @room_targets
 * @stack_slots: slots of the stack maps of one epoch, over all CPUs
 * @totals: keys of one epoch
 * @ring_bytes: size of the ring buffer
 * @sample: call stacks of one operation and allocation of so many
 * @views: VIEW_*
 * @follow: memory is followed until it is freed
 * @followed: allocations that can be followed at once
 */
struct options {
	bool debugfs;
	bool no_bpf;
	bool json;
	bool reset;
	bool doctor;
	bool alerts;
	uint64_t interval_ns;
	uint64_t duration_ns;
	unsigned int top;
	const char *output;
	const char *json_output;
	char **command;
	const char **targets;
	size_t nr_targets, room_targets;
	unsigned int stack_slots;
	unsigned int totals;
	unsigned int ring_bytes;
	unsigned int sample;
	unsigned int views;
	bool follow;
	unsigned int followed;
};

/* By the number of the bit. */
extern const char *const view_names[VIEWS];

/* Fills @options. Prints help, version or what is wrong, and leaves, where that is due. */
void options_parse(struct options *options, int argc, char **argv);

#endif /* TRACE_READ_OPTIONS_H */

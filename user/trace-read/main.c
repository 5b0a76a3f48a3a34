// SPDX-License-Identifier: GPL-2.0-only
/*
 * vexfs-trace-read: joins the counters of vexfs_trace.ko with the call stacks that
 * BPF programs capture, and reports both.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "alerts.h"
#include "base.h"
#include "capture.h"
#include "command.h"
#include "counters.h"
#include "doctor.h"
#include "events.h"
#include "kallsyms.h"
#include "options.h"
#include "process.h"
#include "report.h"
#include "targets.h"
#include "watch.h"

/* Epochs are turned this often: the maps need to hold the stacks of no longer time. */
#define TURN_NS 1000000000ULL
/* Where the last one had so few events, only each fourth time: reading empty maps is not free. */
#define QUIET_EVENTS	256
#define QUIET_TURNS	4

static struct options options;
static const struct counter_source *source;
static struct status_counters before;
static FILE *out, *json_out;
static bool capturing, residual, failed, targets_gone;
static uint64_t window_start;
static int command_status = -1;

/* NULL without a @name. */
static FILE *open_file(const char *name)
{
	FILE *f = name ? fopen(name, "we") : NULL;

	if (name && !f)
		die("%s: %s", name, strerror(errno));
	return f;
}

static void open_output(void)
{
	out = open_file(options.output);
	if (!out)
		out = stdout;
	json_out = open_file(options.json_output);
}

static void close_file(FILE *f, const char *name)
{
	if (fflush(f) || ferror(f) || (f != stdout && fclose(f)))
		die("%s: %s", name ? name : "standard output", strerror(errno));
}

static void close_output(void)
{
	close_file(out, options.output);
	if (json_out)
		close_file(json_out, options.json_output);
}

/* Every CPU takes a few descriptors. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void open_capture(void)
{
	const int *fds;
	size_t n, i;

	if (options.no_bpf)
		return;
	processes_open();
	capturing = capture_open(&options);
	if (!capturing) {
		processes_close();
		return;
	}
	/* Our own programs may be in a chain of calls: their names are there now. */
	kallsyms_load();
	watch_add(capture_fd(), WATCH_RING);
	fds = processes_fds(&n);
	for (i = 0; i < n; i++)
		watch_add(fds[i], WATCH_PROCESSES);
}

/* Writes the report of the window that ends now. */
static void report(bool last)
{
	uint64_t now = now_ns();
	struct report r = {
		.source = source->name, .window_ns = now - window_start, .captured = capturing,
		.last = last, .top = options.top, .sample = options.sample, .views = options.views,
		.command = options.command, .command_status = command_status,
	};

	if (!source->read(&r.counters)) {
		failed = true;
		report_free(&r);
		return;
	}
	if (!targets_measured(&r.counters, &options))
		targets_gone = true;
	if (capturing) {
		report_join(&r);
		report_check(&r, &before, &r.counters.status);
		residual |= report_residual(&r);
	}
	if (options.json)
		report_json(&r, out);
	else
		report_text(&r, out);
	fflush(out);
	if (json_out) {
		report_json(&r, json_out);
		fflush(json_out);
	}
	report_free(&r);
	window_start = now;
}

static void report_interval(void)
{
	if (capturing)
		capture_turn();
	report(false);
	if (capturing) {
		capture_restart();
		events_restart();
	}
}

static bool turn_is_due(void)
{
	static unsigned int passed;

	if (capture_last_turn() < QUIET_EVENTS && ++passed < QUIET_TURNS)
		return false;
	passed = 0;
	return true;
}

/* Until the end of the window. */
static void watch(void)
{
	unsigned int what = 0;

	while (!(what & WATCH_END)) {
		what = watch_wait();
		if (what & WATCH_CHILD && command_ended(&command_status))
			break;
		if (what & WATCH_RING)
			capture_poll();
		if (what & WATCH_PROCESSES)
			processes_update();
		if (what & WATCH_INTERVAL)
			report_interval();
		else if (what & WATCH_TURN && capturing && turn_is_due())
			capture_turn();
	}
}

static void run_window(void)
{
	bool endless = !options.duration_ns && !options.command;

	/* Counters alone need no window. */
	if (!capturing && endless && !options.interval_ns && !options.nr_targets)
		return;
	if (endless)
		warn("watching; Ctrl-C ends it%s",
		     options.interval_ns ? "" : " and prints the report");
	watch_start(options.duration_ns, options.interval_ns, capturing ? TURN_NS : 0);
	if (options.command && !command_go()) {
		failed = true;
		return;
	}
	watch();
	command_stop();
}

static void end_capture(void)
{
	unsigned int i;

	if (!capturing)
		return;
	capture_detach();
	for (i = 0; i < VXR_EPOCHS; i++)
		capture_turn();
}

int main(int argc, char **argv)
{
	options_parse(&options, argc, argv);
	if (options.doctor)
		return doctor();
	if (options.alerts)
		return alerts(&options);
	raise_limits();
	watch_signals();
	source = options.debugfs ? &debugfs_source : &netlink_source;
	if (!source->open())
		return STATUS_ERROR;
	open_output();
	if (options.command)
		command_prepare(options.command);
	if (!targets_add(source, &options))
		return STATUS_ERROR;
	atexit(targets_drop);
	if (options.reset && !source->reset())
		return STATUS_ERROR;
	if (!source->status(&before))
		return STATUS_ERROR;
	open_capture();

	window_start = now_ns();
	run_window();
	end_capture();
	if (!failed)
		report(true);

	if (command_status > 0)
		warn("%s: exit status %d", options.command[0], command_status);
	if (capturing) {
		capture_close();
		processes_close();
	}
	kallsyms_free();
	free(before.cpu);
	targets_drop();
	free(options.targets);
	source->close();
	close_output();
	if (failed || targets_gone || command_status > 0)
		return STATUS_ERROR;
	return residual ? STATUS_RESIDUAL : STATUS_OK;
}

// SPDX-License-Identifier: GPL-2.0-only
/* The progress line and the noting of signals. */
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

#define DRAW_SECONDS	0.1

static struct {
	const char *what;
	const char *unit;
	uint64_t total;
	double start;
	double drawn;
	bool on;
	bool visible;
} line;

static volatile sig_atomic_t caught;

double clock_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

void progress_start(const char *what, const char *unit, uint64_t total)
{
	line.what = what;
	line.unit = unit;
	line.total = total;
	line.start = clock_seconds();
	line.drawn = 0;
	line.visible = false;
	line.on = isatty(STDERR_FILENO);
}

void progress_update(uint64_t done, uint64_t rows)
{
	double now, spent, left;

	if (!line.on)
		return;
	now = clock_seconds();
	if (now - line.drawn < DRAW_SECONDS)
		return;
	line.drawn = now;
	line.visible = true;
	spent = now - line.start;
	fprintf(stderr, "\r\033[K%s: %" PRIu64 " %s", line.what, rows, line.unit);
	if (spent > 0)
		fprintf(stderr, ", %.0f/s", rows / spent);
	if (line.total && done && done <= line.total) {
		left = spent / done * (line.total - done);
		fprintf(stderr, ", %.0f %%, %d:%02d left", 100.0 * done / line.total,
			(int)left / 60, (int)left % 60);
	}
	fflush(stderr);
}

void progress_hide(void)
{
	if (!line.visible)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	line.visible = false;
}

void progress_stop(void)
{
	progress_hide();
	line.on = false;
}

static void note(int sig)
{
	caught = sig;
}

void interrupt_catch(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction a = { .sa_handler = note, .sa_flags = SA_RESETHAND };

	for (unsigned int i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		struct sigaction old;

		/* What the caller had ignored (nohup) stays ignored. */
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &a, NULL);
	}
}

int interrupt_pending(void)
{
	return caught;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* A line on the terminal that tells how far long work has come; and the signals that end it. */
#ifndef VEXFS_CMD_PROGRESS_H
#define VEXFS_CMD_PROGRESS_H

#include <stdint.h>

/*
 * Begin a line: @what, e.g. "importing", counts @total of @unit; 0 when the
 * total is not known. Shown when standard error is a terminal.
 */
void progress_start(const char *what, const char *unit, uint64_t total);
/* @done of the total; @rows is what the rate counts. Draws at most ten times a second. */
void progress_update(uint64_t done, uint64_t rows);
/* Take the line off the terminal; the next update draws it again. */
void progress_hide(void);
/* The work is over. */
void progress_stop(void);

/* Let SIGINT, SIGTERM and SIGHUP only be noted, the second of a kind still kills. */
void interrupt_catch(void);
/* The signal that came, or 0. */
int interrupt_pending(void);

/* Seconds on a clock that is never set. */
double clock_seconds(void);

#endif /* VEXFS_CMD_PROGRESS_H */

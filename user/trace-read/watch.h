/* SPDX-License-Identifier: GPL-2.0-only */
/* Waits for what happens during the window: timers, signals, full buffers, the command's end. */
#ifndef TRACE_READ_WATCH_H
#define TRACE_READ_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Things that watch_wait() can report, as bits. */
#define WATCH_END	1u	/* the duration is over, or a signal asks for the end */
#define WATCH_CHILD	2u	/* a child process ended */
#define WATCH_INTERVAL	4u	/* a report is due */
#define WATCH_TURN	8u	/* the epoch is old enough */
#define WATCH_RING	16u	/* the ring buffer wants to be emptied */
#define WATCH_PROCESSES	32u	/* there is news of processes */

/* Blocks the signals that are waited for. First thing, before any child is made. */
void watch_signals(void);

/* Starts the clock; 0 stands for "never". */
void watch_start(uint64_t duration_ns, uint64_t interval_ns, uint64_t turn_ns);

/* Adds a descriptor that stands for @what when it is readable. */
void watch_add(int fd, unsigned int what);

/* Sleeps until something happens; what that was, as bits. */
unsigned int watch_wait(void);

#endif /* TRACE_READ_WATCH_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF programs and their maps, seen from userspace: loading, the two epochs,
 * the ring buffer, and the account of what was emitted, kept and lost.
 */
#ifndef TRACE_READ_CAPTURE_H
#define TRACE_READ_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "vexfs_read.h"

#include "counters.h"
#include "options.h"
#include "origins.h"

/**
 * struct account - one kind of event over a window
 * @wanted: the view has it
 * @attached: the tracepoint exists and was watched
 * @emitted: by the event numbers: last - first + 1, summed over the CPUs
 * @from_map: events that the reader found in the maps of totals
 * @from_ring: events that the reader took out of the ring buffer
 * @recursion: lost: a program of this kind was running on that CPU
 * @unsampled: not sampled: of those that were emitted, by their numbers
 * @sum: the programs' own counts, summed over CPUs and epochs
 */
struct account {
	bool wanted;
	bool attached;
	uint64_t emitted;
	uint64_t from_map;
	uint64_t from_ring;
	uint64_t recursion;
	uint64_t unsampled;
	struct vxr_kind_stat sum;
};

/**
 * struct trouble - what must never happen, and makes the exit status 3
 * @missing_stacks: a stack id without a stack
 * @unsettled: epochs that programs had not left after the grace period
 * @misnumbered: event numbers of another CPU
 * @unknown_origins: memory was freed that nobody had counted as allocated
 */
struct trouble {
	uint64_t missing_stacks;
	uint64_t unsettled;
	uint64_t misnumbered;
	uint64_t unknown_origins;
};

/* Loads and attaches. Says what is missing; false when nothing can be captured. */
bool capture_open(const struct options *options);

/* A descriptor that polls readable when the ring buffer wants to be emptied. */
int capture_fd(void);

/* Takes what the ring buffer holds. */
void capture_poll(void);

/* Retires the current epoch and hands its events to events_add(). */
void capture_turn(void);

/* How many events the last one had; many before there was one. */
uint64_t capture_last_turn(void);

/* No event is captured after this; then one capture_turn() for each epoch gets the rest. */
void capture_detach(void);

/* NULL where they are not watched. */
const struct vxr_commits *capture_commits(void);

/* The window so far; capture_restart() begins the next one where it ended. */
const struct account *capture_account(void);
const struct trouble *capture_trouble(void);

/*
 * Where memory is followed: tells the groups of the window what is held of their allocations, and
 * gives the account of all since capture_open(). NULL where it is not.
 */
const struct follow_account *capture_follow(void);

/*
 * Of the allocations that were to be followed, those that are in no account. Of an epoch that is not
 * over it is not known yet what was freed; once the programs are detached it must be 0.
 */
int64_t follow_rest(const struct follow_account *account);
uint64_t follow_lost(const struct follow_account *account);
void capture_restart(void);

/* Emitted - kept - not sampled - lost; 0 when every event is accounted for. */
int64_t account_residual(const struct account *account);
uint64_t account_lost(const struct account *account);

/* First and last number seen of @kind on @cpu since capture_open(), without the CPU's bits. */
bool capture_seen(unsigned int kind, unsigned int cpu, uint64_t *first, uint64_t *last);

void capture_close(void);

#endif /* TRACE_READ_CAPTURE_H */

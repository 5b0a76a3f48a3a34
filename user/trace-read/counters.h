/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The counters of vexfs_trace.ko, whichever way they come: by generic netlink
 * (netlink.c) or from debugfs (debugfs.c).
 */
#ifndef TRACE_READ_COUNTERS_H
#define TRACE_READ_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <trace/vexfs_op.h>

/* Operation classes, and behind them the functions that are measured as such: --target. */
#define MAX_CLASSES	(VEXFS_OP_NR + 32)

/**
 * struct depth_counters - kernel stack of a class; see enum vexfs_trace_a_stack
 * @measured: @min and what follows it hold something
 */
struct depth_counters {
	uint64_t calls, painted, unpainted, clipped, shallow, over_75, interrupted;
	bool measured;
	uint32_t min, mean, p50, p99, max, max_absolute;
	uint64_t max_seq;
};

/* Latency of a class, in nanoseconds; see enum vexfs_trace_a_latency. */
struct latency_counters {
	uint64_t count, errors, min, mean, p50, p90, p99, p999, max;
};

/* One function of a chain of calls; see enum vexfs_trace_a_frame. */
struct chain_frame {
	uint64_t ip;
	uint32_t bytes;
	const char *function;
};

/**
 * struct chain_counters - the deepest chain of calls of a class; see enum vexfs_trace_a_chain
 * @depth: 0 when none was caught
 * @frame: innermost first, @frames of them; room for @room
 */
struct chain_counters {
	uint32_t depth, pid;
	uint64_t seq;
	const char *comm;
	uint8_t complete, ftrace;
	struct chain_frame *frame;
	size_t frames, room;
};

/* Operations of a class that failed with one errno; 0 stands for all others. */
struct errno_count {
	uint32_t number;
	uint64_t count;
};

/**
 * struct ops_counters - what operations of a class did, times in ns; see enum vexfs_trace_a_ops
 * @lost_ops: operations that took @lost; of the others the parts are known
 * @error: by number, @nr_errors of them; room for @room
 */
struct ops_counters {
	uint64_t calls, errors, bytes;
	uint64_t total, cpu, lock, io, sleep, runnable, lost, lost_ops;
	uint64_t node_hits, node_misses, segment_hits, segment_misses;
	struct errno_count *error;
	size_t nr_errors, room;
};

/* Where something was called from, innermost first: names of functions. */
struct trail {
	const char **function;
	size_t calls, room;
};

/**
 * struct lock_counters - waits for a lock, or those during which its holder had one stack; see
 *	enum vexfs_trace_a_lock
 * @function: who asked for the lock, "?" when that is not known
 * @stacks: waits for which the holder's stack was taken
 * @holder: what the holder did, NULL where all waits are meant
 * @stack: the holder's
 */
struct lock_counters {
	uint32_t op_class;
	const char *kind, *function, *holder;
	uint64_t waits, stacks, total, max;
	struct trail stack;
};

/* What calls of a target did; see enum vexfs_trace_a_target. */
struct target_counters {
	uint32_t functions;
	uint64_t missed, allocs, bytes, frees, pages, pages_freed;
};

struct class_counters {
	struct target_counters target;
	struct depth_counters depth;
	struct latency_counters latency;
	struct chain_counters chain;
	struct ops_counters ops;
};

/*
 * One call site; see enum vexfs_trace_a_alloc. From @verdict on, see enum vexfs_trace_a_leak:
 * @verdict is NULL where the source does not tell. Times are in nanoseconds.
 */
struct site_counters {
	uint32_t id, line;
	const char *func, *file;
	uint64_t allocs, frees, bytes, failures, live, live_objects, peak;
	const char *verdict;
	uint32_t rises, tracked, old;
	uint64_t oldest, untracked, ended, mean, p50, p99, max;
};

/* Objects held of one site and trail; see enum vexfs_trace_a_held. */
struct held_counters {
	uint32_t site, objects, pid;
	uint64_t bytes, oldest;
	struct trail from;
};

/* Frees that were refused; see enum vexfs_trace_a_bad_free. */
struct bad_free_counters {
	const char *kind, *func, *first, *by, *comm;
	uint32_t site, pid;
	uint64_t count;
	struct trail allocated, freed, again;
};

/* Events numbered so far, by CPU and enum vexfs_event_kind. */
struct event_counts {
	uint64_t kind[VEXFS_EVENT_NR];
};

/**
 * struct status_counters - the tracer as a whole; see enum vexfs_trace_a_status
 * @cpu: by number of the CPU; NULL where the source does not tell
 * @cpus: elements of @cpu
 */
struct status_counters {
	uint32_t version, sites_dropped, resets, paint_share;
	uint32_t thread_size, watches;
	uint64_t since_reset, table_full, memory;
	const char *clock;
	struct event_counts *cpu;
	size_t cpus;
};

/**
 * struct counters - all of it, at one time
 * @classes: by enum vexfs_op_class
 * @sites: in no order
 * @held: by site; from netlink alone
 * @bad_frees: from netlink alone
 * @locks: all waits of each lock, and with each holder's stack, in no order
 */
struct counters {
	struct class_counters classes[MAX_CLASSES];
	struct site_counters *sites;
	size_t nr_sites, room_sites;
	struct held_counters *held;
	size_t nr_held, room_held;
	struct bad_free_counters *bad_frees;
	size_t nr_bad_frees, room_bad_frees;
	struct lock_counters *locks;
	size_t nr_locks, room_locks;
	struct status_counters status;
};

enum target_result { TARGET_DONE, TARGET_THERE, TARGET_REFUSED };

/**
 * struct counter_source - a way to the counters
 * @name: as the report prints it
 * @open: get ready; on failure prints what is missing and the remedy, returns false
 * @status: the state alone, into a zeroed or filled @status
 * @read: everything, into a zeroed or filled @counters
 * @target_add: measure a function from now on, or @function of a module, where it is not NULL; gives
 *	the @reason of a refusal
 * @target_drop: measure it no more; quiet when there is none of that name
 * @reset: start the counters again
 *
 * The functions that return a truth value print the cause when they say no.
 */
struct counter_source {
	const char *name;
	bool (*open)(void);
	bool (*status)(struct status_counters *status);
	bool (*read)(struct counters *counters);
	enum target_result (*target_add)(const char *name, const char *function,
					 const char **reason);
	void (*target_drop)(const char *name);
	bool (*reset)(void);
	void (*close)(void);
};

extern const struct counter_source netlink_source;
extern const struct counter_source debugfs_source;

/* Name of an operation class or an event kind, "?" for one that this build does not know. */
const char *class_name(uint32_t op_class);
/* Of a class behind those of operations: the function that it stands for. */
void class_set_name(uint32_t op_class, const char *function);
const char *kind_name(unsigned int kind);

/* An empty site at the end of @counters->sites. */
struct site_counters *counters_add_site(struct counters *counters);
struct site_counters *counters_find_site(const struct counters *counters, uint32_t id);
struct held_counters *counters_add_held(struct counters *counters);
struct bad_free_counters *counters_add_bad_free(struct counters *counters);
void counters_clear_held(struct counters *counters);
void counters_clear_bad_frees(struct counters *counters);
void trail_add(struct trail *trail, const char *function);
/* An empty one at the end of @counters->locks. */
struct lock_counters *counters_add_lock(struct counters *counters);
void counters_clear_locks(struct counters *counters);
/* Forget what operations did, but not the room for their errors. */
void counters_clear_ops(struct ops_counters *ops);
void ops_add_error(struct ops_counters *ops, uint32_t number, uint64_t count);
/* ENOENT, or "others". */
const char *errno_name(uint32_t number);
/* An empty frame at the end of the chain. */
struct chain_frame *counters_add_frame(struct chain_counters *chain);
/* Forget all chains, but not the room for them. */
void counters_clear_chains(struct counters *counters);
void counters_free(struct counters *counters);

#endif /* TRACE_READ_COUNTERS_H */

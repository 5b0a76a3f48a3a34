/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was mapped where, in each process, at each time: so that an address of a process
 * that is long gone still leads to a file and an offset in it.
 *
 * A process number is used again, and exec replaces all mappings: so each process
 * has generations, each with the time at which it began.
 */
#ifndef TRACE_READ_PROCESS_H
#define TRACE_READ_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object;

/**
 * struct user_frame - an address that outlives its process
 * @object: file that was mapped there; &jit_object when the process's own
 *	/tmp/perf-PID.map named it; &cut_object when it is no address of code;
 *	NULL when nothing is known
 * @where: offset in the file; the name, an interned string; 0; the address
 */
struct user_frame {
	struct object *object;
	uint64_t where;
};

extern struct object jit_object, cut_object;

/* Starts to follow processes, then learns those that exist. */
void processes_open(void);

/* Descriptors that poll readable when there is news; @count of them. */
const int *processes_fds(size_t *count);

/* Takes the news. Needed before frames of recent events are resolved. */
void processes_update(void);

/* What @address meant in process @tgid at @time (CLOCK_MONOTONIC, ns). */
void process_frame(uint32_t tgid, uint64_t time, uint64_t address, struct user_frame *frame);

void processes_close(void);

/* For sideband.c and procfs.c: */

/* A process began at @time as a copy of @parent. */
void process_fork(uint32_t tgid, uint32_t parent, uint64_t time);
void process_exec(uint32_t tgid, uint64_t time);
void process_exit(uint32_t tgid, uint64_t time);
void process_map(uint32_t tgid, uint64_t time, uint64_t start, uint64_t end, uint64_t offset,
		 struct object *object);

#endif /* TRACE_READ_PROCESS_H */

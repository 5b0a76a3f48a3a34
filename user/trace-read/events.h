/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The events of the window, counted by what they were and by the kernel and
 * user stacks that led to them. Stacks are kept in a form that outlives the process
 * and is the same for each run of a program: see struct user_frame.
 */
#ifndef TRACE_READ_EVENTS_H
#define TRACE_READ_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "vexfs_read.h"

#include "process.h"

/**
 * struct sample - events of one key, as they come out of the kernel
 * @key: what they have in common
 * @value: how many and how large
 * @kernel: kernel frames, innermost first
 * @user: user frames, innermost first
 * @nr_kernel: elements of @kernel
 * @nr_user: elements of @user
 */
struct sample {
	const struct vxr_key *key;
	const struct vxr_value *value;
	const uint64_t *kernel, *user;
	size_t nr_kernel, nr_user;
};

/* A kernel or a user stack; see events_kernel_stack() and events_user_stack(). */
struct stack {
	size_t first;
	uint32_t count;
};

/**
 * struct fate - what became of allocations
 * @freed: those that were freed in the window
 * @held: those that are held; @held.time is the age of the oldest
 */
struct fate {
	struct vxr_freed freed, held;
};

void value_merge(struct vxr_value *to, const struct vxr_value *from);
void fate_merge(struct fate *to, const struct fate *from);

/**
 * struct group - events that agree in everything that a report tells apart
 * @kind: enum vexfs_event_kind
 * @id: operation class or site
 * @depth: bytes of stack of a record or chain, else 0
 * @kernel: number of the kernel stack
 * @user: number of the user stack
 * @tgid: process of the first of them
 * @comm: name of their thread
 * @sum: how many, and how large; all 0 where they were before the window
 * @fate: of allocations that are followed: what became of them
 */
struct group {
	uint32_t kind, id, depth;
	uint32_t kernel, user;
	uint32_t tgid;
	const char *comm;
	struct vxr_value sum;
	struct fate fate;
};

/* Returns the group, until another one is added. */
const struct group *events_add(const struct sample *sample);

/* The group that agrees with @like, which is made when it is not there. */
struct group *events_group(const struct group *like);

const struct group *events_groups(size_t *count);
const uint64_t *events_kernel_stack(uint32_t number, size_t *count);
const struct user_frame *events_user_stack(uint32_t number, size_t *count);

/* Forgets the groups, for the next window; stacks keep their numbers. */
void events_restart(void);

#endif /* TRACE_READ_EVENTS_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* The BPF programs: which of them a view has; loading, attaching and detaching them. */
#ifndef TRACE_READ_PROGRAMS_H
#define TRACE_READ_PROGRAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "vexfs_read.h"

#include "options.h"

struct bpf_link;
struct bpf_program;
struct vexfs_read_bpf;

/**
 * struct programs - the programs of the views that were asked for
 * @skel: all of them, and their maps
 * @of: the one for each kind of event, or NULL
 * @links: where they are attached, or NULL
 * @freed: that of frees, where memory is followed
 * @commit: that of commits, in the performance view
 * @grace_inner: a stack map that fits into the maps of maps, or -1
 */
struct programs {
	struct vexfs_read_bpf *skel;
	struct bpf_program *of[VEXFS_EVENT_NR];
	struct bpf_link *links[VEXFS_EVENT_NR], *freed, *commit;
	int grace_inner;
};

/* Does the kernel choose which events the programs see? */
static inline bool programs_see_few(const struct options *o)
{
	return o->sample >= VEXFS_SAMPLE_EVERY;
}

/* Says what is wrong when it fails; then and later programs_free() is due. */
bool programs_load(struct programs *p, const struct options *o, unsigned int cpus);

/* Says which tracepoints are missing; false when no kind of event has one. */
bool programs_attach(struct programs *p);

/* None of them runs for an event that comes after this. */
void programs_detach(struct programs *p);

void programs_free(struct programs *p);

#endif /* TRACE_READ_PROGRAMS_H */

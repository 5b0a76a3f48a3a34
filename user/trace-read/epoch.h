/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps of an epoch: made before the programs load, read and emptied when it is retired. */
#ifndef TRACE_READ_EPOCH_H
#define TRACE_READ_EPOCH_H

#include <stdbool.h>
#include <stdint.h>

#include "options.h"

struct vexfs_read_bpf;

/*
 * Sets the sizes of the maps, between open and load. Returns the descriptor of a
 * stack map that fits into the maps of maps, to be closed by the caller, or -1 (errno).
 */
int epoch_size(struct vexfs_read_bpf *skel, const struct options *options, unsigned int cpus);

/* Puts a stack map into each place for an online CPU; 0 or a negative errno. */
int epoch_fill(struct vexfs_read_bpf *skel);

/*
 * Hands the totals of the epoch that was retired, of @turn, to events_add() and empties its maps.
 * Adds the events to @counted, by kind; returns how many stack ids had no stack. @follow: where
 * allocations come from is noted.
 */
uint64_t epoch_read(struct vexfs_read_bpf *skel, uint32_t turn, bool follow, uint64_t *counted);

void epoch_free(void);

#endif /* TRACE_READ_EPOCH_H */

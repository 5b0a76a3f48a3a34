/* SPDX-License-Identifier: GPL-2.0-only */
/* Samples of events, chosen by their numbers: see trace/vexfs_op.h. */
#ifndef TRACE_READ_SAMPLE_H
#define TRACE_READ_SAMPLE_H

#include <stdint.h>

#define SAMPLE_ALL	(1ULL << 32)	/* the bound that chooses every event */

/* How many events from number @after + 1 to @last are chosen by @below. */
uint64_t sample_count(uint64_t after, uint64_t last, uint64_t below);

#endif /* TRACE_READ_SAMPLE_H */

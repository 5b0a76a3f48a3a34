/* SPDX-License-Identifier: GPL-2.0-only */
/* The functions and modules of --target, from the first request to the last. */
#ifndef TRACE_READ_TARGETS_H
#define TRACE_READ_TARGETS_H

#include "counters.h"
#include "options.h"

/* All or none; prints what is wrong with one. Those that were there before are left as they are. */
bool targets_add(const struct counter_source *source, const struct options *options);

/* Says which of them are in the counters no more; false when one is not. */
bool targets_measured(const struct counters *counters, const struct options *options);

/* Those that were added, and not there before; may be called again. */
void targets_drop(void);

#endif /* TRACE_READ_TARGETS_H */

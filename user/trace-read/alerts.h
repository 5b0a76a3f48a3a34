/* SPDX-License-Identifier: GPL-2.0-only */
/* The alerts of vexfs_trace.ko. */
#ifndef TRACE_READ_ALERTS_H
#define TRACE_READ_ALERTS_H

#include "options.h"

/* Prints them until the duration is over or a signal comes; an exit status. */
int alerts(const struct options *options);

#endif /* TRACE_READ_ALERTS_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside the report in text: what its parts share. */
#ifndef TRACE_READ_REPORT_TEXT_H
#define TRACE_READ_REPORT_TEXT_H

#include "report.h"

/* The kernel's and the user's call stack. */
void report_stacks(FILE *out, const struct caller *caller);

/* report_ops.c */
void print_time(const struct ops_counters *ops, FILE *out);
void print_target(const struct target_counters *target, FILE *out);
void print_locks(const struct report *report, FILE *out);

/* report_identity.c */
void report_text_identity(const struct report *report, FILE *out);

/* report_mem.c */
void report_text_memory(const struct report *report, FILE *out);

#endif /* TRACE_READ_REPORT_TEXT_H */

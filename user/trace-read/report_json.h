/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside the report in JSON: what its parts share. */
#ifndef TRACE_READ_REPORT_JSON_H
#define TRACE_READ_REPORT_JSON_H

#include "json.h"
#include "report.h"

/* A member of the same name. */
#define U64(j, what, member)	json_u64(j, #member, (what)->member)

/* report_json_identity.c: how well frames could be named, and the account of every event. */
void report_json_identity(struct json *j, const struct report *report);

#endif /* TRACE_READ_REPORT_JSON_H */

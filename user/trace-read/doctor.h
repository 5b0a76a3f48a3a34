/* SPDX-License-Identifier: GPL-2.0-only */
/* What this machine lacks for a full report, and the remedy. */
#ifndef TRACE_READ_DOCTOR_H
#define TRACE_READ_DOCTOR_H

/* Examines and prints; an exit status: 0 when nothing is missing. */
int doctor(void);

#endif /* TRACE_READ_DOCTOR_H */

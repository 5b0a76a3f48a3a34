/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the commands say: errors on standard error, each with the name of the
 * command; the report on standard output, whole or not at all.
 */
#ifndef VEXFS_CMD_REPORT_H
#define VEXFS_CMD_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Exit statuses; an interrupt by signal n exits with 128 + n. */
enum status {
	STATUS_OK	= 0,
	STATUS_FAILED	= 1,	/* nothing was changed, or what was is told */
	STATUS_USAGE	= 2,	/* the command line is wrong */
	STATUS_PARTIAL	= 3,	/* a part of the input is in, the message tells which */
};

/* "vexfs import"; stands before each message. */
extern const char *report_program;

/* Print a message and return STATUS_FAILED, or STATUS_USAGE with a pointer to --help. */
int report_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int report_misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* After --help went to standard output: STATUS_OK, or STATUS_FAILED after a message. */
int report_flush(void);
/* A message about something that does not end the command. */
void report_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define REPORT_LEVELS	8

/**
 * struct report - what goes to standard output when the command succeeds
 * @f: print to it
 * @json: the user asked for JSON
 * @flat: nesting of JSON from which on everything stands on one line
 * @level: nesting now
 * @comma: a value stands before this one, by level
 */
struct report {
	FILE *f;
	bool json;
	unsigned int flat;
	unsigned int level;
	bool comma[REPORT_LEVELS];
	char *text;
	size_t len;
};

/* Begin to collect; in JSON the outer object is opened. Ends the process when out of memory. */
void report_begin(struct report *r, bool json);
/* Write out what was collected. Returns STATUS_OK, or STATUS_FAILED after a message. */
int report_end(struct report *r);
/* Forget what was collected: the command failed. */
void report_drop(struct report *r);

/* Print a name or text from outside, with control characters shown as \xNN. */
void report_text(FILE *f, const char *s);

/*
 * JSON: a member of an object, or with @key NULL an element of an array. Without
 * r->json nothing is printed.
 */
void json_open(struct report *r, const char *key, char bracket);
void json_close(struct report *r, char bracket);
/* A byte that is not UTF-8 is written as \udcNN, as Python's surrogateescape does. */
void json_string(struct report *r, const char *key, const char *value);
void json_uint(struct report *r, const char *key, uint64_t value);
void json_int(struct report *r, const char *key, int64_t value);
/* A number whose digits the caller has chosen. */
void json_number(struct report *r, const char *key, const char *digits);
void json_double(struct report *r, const char *key, double value);
/* A finite binary32, with the digits that read back as the same bits. */
void json_float(struct report *r, const char *key, float value);
/* The bit pattern of a binary32: "0x3f800000". */
void json_bits(struct report *r, const char *key, float value);

#endif /* VEXFS_CMD_REPORT_H */

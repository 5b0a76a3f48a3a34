/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Figures for people. Each call returns one of 16 buffers in turn, so that a
 * single printf may use several.
 */
#ifndef TRACE_READ_FORMAT_H
#define TRACE_READ_FORMAT_H

#include <stdint.h>
#include <stdio.h>

const char *number(uint64_t n);				/* 1,234,567 */
const char *plural(uint64_t n, const char *noun);	/* 1 call, 2 calls */
const char *bytes(uint64_t n);				/* 1.2 MiB */
const char *duration(uint64_t ns);			/* 12.3 us */
const char *percent(uint64_t part, uint64_t whole);	/* 99.9 %, "-" of nothing */

/* @s with control characters shown as "?": names come from processes. */
const char *printable(const char *s);

/* A line under construction, broken before WIDTH; continuation lines are indented. */
#define WIDTH 100

struct wrap {
	FILE *out;
	int column, indent;
};

void wrap_word(struct wrap *w, const char *word);

/* The title of a part of the report. */
void section(FILE *out, const char *title, const char *note);

#endif /* TRACE_READ_FORMAT_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* Is a state that a crash left all right? */
#ifndef CRASH_VERIFY_H
#define CRASH_VERIFY_H

#include "disk.h"
#include "record.h"
#include "view.h"

/**
 * struct verifier - what verifying needs, kept from state to state
 * @rec: the run
 * @disk: its image is the state
 * @before: the image once more, while @disk is being written
 * @log: what a recovery wrote, while @disk logs another
 * @view: what was seen last; @lane: where in it each thread's part begins
 * @after: what was seen when more had been done
 * @nowhere: where violations are written that nobody reads
 * @second: states of second crashes that were tried
 * @text: of the last complaint
 */
struct verifier {
	const struct record *rec;
	struct disk disk;
	const u8 **before;
	struct disk_write *log;
	u32 log_count;
	struct text view;
	size_t lane[LANES_MAX + 1];
	struct text after;
	FILE *nowhere;
	u64 second;
	struct text text;
};

/**
 * struct verdict - what a state turned out to be
 * @generation: the one found
 * @lanes: hash of what each thread's part shows
 */
struct verdict {
	u64 generation;
	u64 lanes[LANES_MAX];
};

void verifier_init(struct verifier *v, const struct record *rec);
void verifier_free(struct verifier *v);

/**
 * verify() - open, read, check, and see what recovery does
 * @v: its disk's image is the state
 * @number: of the state, which decides what is tried besides
 * @all: try everything
 * @out: filled
 *
 * Return: NULL, or what is wrong, valid until the next call.
 */
const char *verify(struct verifier *v, u64 number, bool all, struct verdict *out);

#endif /* CRASH_VERIFY_H */

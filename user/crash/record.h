/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One run of a workload on a recording device: what was written in which order, what
 * each commit may show, and what was promised when.
 */
#ifndef CRASH_RECORD_H
#define CRASH_RECORD_H

#include <vex_io.h>

#include "script.h"

/* What the disk of a run does wrong, to see that it is found. */
enum broken { BROKEN_NOT, BROKEN_NO_FLUSH, BROKEN_NO_FUA };

enum event_kind { EVENT_WRITE, EVENT_DISCARD, EVENT_FLUSH, EVENT_MARK };

/**
 * struct event - one block written, or blocks discarded, or a flush, or a mark
 * @kind: which
 * @fua: a write that is on the medium when its call returns
 * @super: a write of a superblock
 * @block: which block, of a discard the first one
 * @count: of a discard: blocks
 * @from: of a flush: what was begun before this event is on the medium afterwards
 * @end: of a write with FUA: it is on the medium before this event
 * @data: of a write: the block
 * @hash: of @data
 * @mark: of a mark: a promise, enum mark_kind and a number
 */
struct event {
	u8 kind;
	bool fua;
	bool super;
	u32 from;
	u32 end;
	u64 block;
	u64 count;
	const u8 *data;
	u64 hash;
	u64 mark;
};

/* All calls before the @number-th of @thread are acknowledged; or: it is being made. */
enum mark_kind { MARK_ACKNOWLEDGED, MARK_BEGUN };
#define MARK(kind, thread, number) ((u64)(kind) << 40 | (u64)(thread) << 32 | (number))

/**
 * struct shot - what can be seen after a call
 * @text: of view_fs() with times
 * @hash: of it
 * @parts: the file that the call changed in several transactions, or ""
 */
struct shot {
	char *text;
	u64 hash;
	char parts[OP_PATH_MAX];
};

/**
 * struct promise - what one generation may show
 * @from: first of the shots, an index; of the state before a call or after it
 * @to: last
 */
struct promise {
	u32 from;
	u32 to;
};

/**
 * struct lane - the calls of one thread
 * @dir: its directory, "" when it is alone
 * @shots: before its first call, and after each
 * @count: of them
 */
struct lane {
	char dir[OP_PATH_MAX];
	struct shot *shots;
	u32 count;
};

#define LANES_MAX	8u

/**
 * struct record - a run
 * @blocks: of the disk
 * @base: content of each block before the first event, NULL for zeros
 * @events: what happened
 * @first: generation of the filesystem before the first call
 * @promises: of @first and the generations after it; of a single thread only
 * @lanes: one a thread
 * @committed: calls before which single thread has an acknowledgement, by generation
 * @failed: NULL, or in what the live filesystem and the model differ
 * @failed_op: after which call
 */
struct record {
	u64 blocks;
	u64 cache;
	const u8 **base;
	struct event *events;
	u32 count;
	u64 first;
	struct promise *promises;
	u32 generations;
	struct lane lanes[LANES_MAX];
	u32 lane_count;
	char *failed;
	u32 failed_op;
	struct vex_io_mem *device, *base_device;
};

/**
 * record_run() - run a workload
 * @rec: filled; record_free() it in any case
 * @script: the workload
 * @broken: what the disk does wrong
 *
 * Each call is made to the core and to the model, and what can be seen is compared after it:
 * @rec->failed tells a difference.
 */
void record_run(struct record *rec, const struct script *script, enum broken broken);
void record_free(struct record *rec);

/* threads.c: the same for a script of several threads; @fs is open on @rec->device. */
void record_threads(struct record *rec, const struct script *script, struct vex_fs *fs);

/* Add what can be seen now, after @op (NULL: none), to a lane; 0 or an error of reading. */
int lane_shoot(struct lane *lane, struct vex_fs *fs, const struct op *op);

/* Is @text (@len bytes) what was seen between the parts of the call that made shot @n? */
bool lane_between(const struct lane *lane, u32 n, const char *text, size_t len);

/* Make a call to both, compare; NULL, or what differs, to be freed. */
struct model;
char *lane_call(struct vex_fs *fs, struct model *model, const struct op *op,
		struct holder *held, const char *dir);

#endif /* CRASH_RECORD_H */

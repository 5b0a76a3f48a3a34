/* SPDX-License-Identifier: GPL-2.0-only */
/* One call of a workload, as a line of text and as calls of the core. */
#ifndef CRASH_OP_H
#define CRASH_OP_H

#include <stdio.h>

#include <vex_core.h>

enum op_kind {
	OP_MKDIR, OP_CREATE, OP_WRITE, OP_APPEND, OP_TRUNCATE, OP_UNLINK, OP_RMDIR, OP_RENAME,
	OP_CHMOD, OP_COLLECTION, OP_INSERT, OP_DELETE, OP_HOLD, OP_RELEASE, OP_FSYNC, OP_SYNC,
	OP_LINK, OP_SYMLINK, OP_FIFO, OP_TMPFILE, OP_ALLOCATE, OP_UPDATE, OP_META, OP_TRIM,
	OP_SETXATTR, OP_RMXATTR, OP_KINDS
};

/*
 * Is it several transactions? Then a crash, or another thread's commit, may show the
 * one file that it changes between them. A write is, on a full disk, where it goes to blocks that
 * were allocated ahead.
 */
static inline bool op_in_parts(enum op_kind kind)
{
	return kind == OP_ALLOCATE || kind == OP_WRITE || kind == OP_APPEND;
}

#define OP_PATH_MAX	40
#define OP_ARGS		3

/* Rows of a collection and bytes of a file are bounded, so that a state is quickly read. */
#define OP_ROWS_MAX	512u
#define OP_SIZE_MAX	(1u << 20)
/* A write to a full disk is done in pieces that end at multiples of so many bytes. */
#define OP_PIECE	65536u

/**
 * struct op - one call
 * @kind: which
 * @path: of what
 * @to: another path, or a name
 * @arg: numbers, as op_form() tells
 */
struct op {
	enum op_kind kind;
	char path[OP_PATH_MAX];
	char to[OP_PATH_MAX];
	u64 arg[OP_ARGS];
};

/**
 * struct op_form - how an operation is written
 * @name: its first word
 * @words: a letter for each that follows: p path, t second path, a number
 * @help: what it does
 */
struct op_form {
	const char *name;
	const char *words;
	const char *help;
};

const struct op_form *op_form(enum op_kind kind);

/* Does its success acknowledge all that was done before? */
static inline bool op_commits(const struct op *op)
{
	return op->kind == OP_FSYNC || op->kind == OP_SYNC;
}

/* One line, without its end; @buf holds OP_LINE_MAX bytes. Returns @buf. */
#define OP_LINE_MAX	(2 * OP_PATH_MAX + OP_ARGS * 21 + 20)
const char *op_print(const struct op *op, char *buf);

/* Read a line; NULL, or what is wrong with it. */
const char *op_parse(struct op *op, const char *line);

/* A file has so many attributes at most. */
#define OP_XATTRS_MAX	8u

/* The record of metadata that @seed gives row @row; returns its bytes, perhaps 0. */
#define OP_META_MAX	128u
u32 op_meta(u64 seed, u64 row, u8 *buf);

/**
 * struct holder - inodes without a name that a program still has open
 * @ino: their numbers
 * @count: of them
 */
struct holder {
	u64 ino[16];
	u32 count;
};

/**
 * op_run() - do it
 * @fs: filesystem
 * @op: the call
 * @held: what OP_HOLD adds to and OP_RELEASE takes from
 *
 * Return: 0 or the first error. What the core could not free yet is held.
 */
int op_run(struct vex_fs *fs, const struct op *op, struct holder *held);

/* Free all that is held. */
int holder_release(struct vex_fs *fs, struct holder *held);

/* Byte @i of content @seed, and row element @i: small whole numbers, exact in any order. */
static inline u8 op_byte(u64 seed, u64 i)
{
	return (seed * 167 + (i ^ i >> 7) * 31 + (i >> 12) * 13) >> 1;
}

static inline int op_element(u64 seed, u64 i)
{
	return (int)((seed * 2654435761u + i * 40503u) >> 5) % 9;
}

#endif /* CRASH_OP_H */

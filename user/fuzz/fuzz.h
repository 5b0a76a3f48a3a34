/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the fuzzers share: an input read as a stream, base images, forged images, and calls of the
 * core decoded from a stream. Nothing here needs libFuzzer: a property that does not
 * hold ends the program.
 */
#ifndef VEX_FUZZ_H
#define VEX_FUZZ_H

#include <vex_core.h>
#include <vex_io.h>

/* ---- stream.c ---------------------------------------------------------------- */

/* Bytes to be used up from the front; past their end all are 0. */
struct fuzz_stream {
	const u8 *at;
	const u8 *end;
};

u8 fuzz_u8(struct fuzz_stream *s);
/* A number of 64 bits: small, near a limit, or anything. */
u64 fuzz_number(struct fuzz_stream *s);
/* 0 to @n - 1. */
u32 fuzz_below(struct fuzz_stream *s, u32 n);
/* SplitMix64. */
u64 fuzz_random(u64 *state);
/* A value at or beside a limit. */
u64 fuzz_nasty(u32 which);

/* Ends the program with a message when @ok is false. */
void fuzz_must(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- base.c ------------------------------------------------------------------ */

#define FUZZ_BASES	4u
#define FUZZ_BLOCKS	512u

/*
 * A sound image, always the same one for a number: 0 empty; 1 one leaf, some of everything;
 * 2 two levels and something left to finish; 3 three levels. Stays the callee's.
 */
const struct vex_io_mem *fuzz_base(u32 number);

/* ---- forge.c ----------------------------------------------------------------- */

/* An edit of a forged image; a stream of them, FUZZ_EDIT_BYTES each, is an input. */
#define FUZZ_EDIT_BYTES	16u

/* Change @m, a clone of fuzz_base(@base), by the edits of @s, and make its checksums right. */
void fuzz_forge(struct vex_io_mem *m, u32 base, struct fuzz_stream *s);
/* Write an edit that can matter. */
void fuzz_edit_random(u8 edit[FUZZ_EDIT_BYTES], u64 *rnd);

/* ---- walk.c ------------------------------------------------------------------ */

/* Read all that can be read, within bounds; errors are what the caller allows. */
void fuzz_walk(struct vex_fs *fs, bool forged);

/* ---- ops.c ------------------------------------------------------------------- */

/**
 * struct fuzz_ops - a filesystem that a stream changes
 * @m: its device
 * @io: the same
 * @fs: open, or NULL
 * @forged: damage may be found
 * @faults: calls may fail with EIO or ENOMEM for the rest of this run
 * @read_only: opened so
 * @inos: inodes that came up
 */
struct fuzz_ops {
	struct vex_io_mem *m;
	struct vex_io io;
	struct vex_fs *fs;
	bool forged;
	bool faults;
	bool read_only;
	u64 inos[16];
};

/* @m as a device that has a discard. */
struct vex_io fuzz_device(struct vex_io_mem *m);
/* Do what @s says until it ends, or @most calls. */
void fuzz_ops_run(struct fuzz_ops *o, struct fuzz_stream *s, u32 most);
/* The number of violations of the format on @m; 0 too when it holds no filesystem. */
u64 fuzz_check(struct vex_io_mem *m, bool *opens);

/* ---- the targets: an input in, the program ends when a property does not hold ----- */

void fuzz_image(const u8 *data, size_t len);
void fuzz_calls(const u8 *data, size_t len);
void fuzz_filter(const u8 *data, size_t len);
void fuzz_meta(const u8 *data, size_t len);
void fuzz_expr(const u8 *data, size_t len);
void fuzz_record(const u8 *data, size_t len);
void fuzz_print(const u8 *data, size_t len);

/* ---- seeds.c ------------------------------------------------------------------- */

/**
 * struct fuzz_seed - an input to begin with
 * @target: it is for
 * @data: @len bytes
 */
struct fuzz_seed {
	const char *target;
	const char *data;
	size_t len;
};

/* Ends with one without a target. */
extern const struct fuzz_seed fuzz_seeds[];

#endif /* VEX_FUZZ_H */

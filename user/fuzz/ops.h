/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files that make calls from a stream share. */
#ifndef VEX_FUZZ_OPS_H
#define VEX_FUZZ_OPS_H

#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

/* ---- args.c ------------------------------------------------------------------ */

#define BUF_BYTES	(80u << 10)

/* For what goes in and what comes out. */
extern u8 buf[BUF_BYTES];
extern u64 ids[4100];
extern u32 distances[4100];

/* An inode that came up, mostly. */
u64 arg_ino(struct fuzz_ops *o, struct fuzz_stream *s);
void remember(struct fuzz_ops *o, u64 ino);
/* A dozen names that meet again and again, and some at the limits. */
struct vex_name arg_name(struct fuzz_stream *s);
/* Bytes of a pattern in @buf; every 8th stream byte or so a NaN or another odd float. */
void fill(struct fuzz_stream *s, size_t len);
/* An error that is not one of @allowed, which ends with 0, ends the program; see SAID. */
int said(struct fuzz_ops *o, const char *call, int err, const int *allowed);
/* Does all that is asked succeed, and is all that is read what was written? */
bool sound(const struct fuzz_ops *o);
/* Each call with the errors that its comment in vex_core.h names. */
#define SAID(call, ...) said(o, #call, call, (const int[]){ __VA_ARGS__, 0 })

/* ---- ops_data.c: calls on attributes and space of files --------------------------- */

typedef void fuzz_call(struct fuzz_ops *o, struct fuzz_stream *s);

fuzz_call call_xattr_set, call_xattr_get, call_xattr_remove, call_xattr_list;
fuzz_call call_fallocate, call_seek;

/* ---- ops_rows.c: calls on collections ------------------------------------------ */

fuzz_call call_coll_create, call_insert, call_get, call_delete, call_search;
fuzz_call call_append, call_update, call_meta_set, call_meta_get, call_filter;
fuzz_call call_search_filtered, call_prefetch, call_range;

#endif /* VEX_FUZZ_OPS_H */

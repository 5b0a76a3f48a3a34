/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a filesystem should hold, in plain memory: directories as arrays of names, files as
 * arrays of bytes. It shares no code with the core.
 */
#ifndef CRASH_MODEL_H
#define CRASH_MODEL_H

#include "op.h"
#include "view.h"

struct model;

struct model *model_create(u32 uid, u32 gid);
void model_free(struct model *m);

/**
 * model_check() - would a call succeed?
 * @m: the model, not changed
 * @op: the call
 *
 * Return: whether it has to, given space.
 */
bool model_allows(struct model *m, const struct op *op);

/* Bytes of the file at @path; 0 when there is none. */
u64 model_size(struct model *m, const char *path);

/* Do a call that model_allows(). */
void model_apply(struct model *m, const struct op *op);

/* What view_fs() without flags has to say; @path "" or a directory of the root. */
void model_view(struct model *m, const char *path, struct text *out);

#endif /* CRASH_MODEL_H */

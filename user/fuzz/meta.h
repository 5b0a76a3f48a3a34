/* SPDX-License-Identifier: GPL-2.0-only */
/* Metadata and filters from a stream, and the rules for them once more. */
#ifndef VEX_FUZZ_META_H
#define VEX_FUZZ_META_H

#include "fuzz.h"

/* Room for a record that fuzz_make_record() makes, sound or not. */
#define FUZZ_RECORD_MAX	6000u

/* A filter, which may be larger than one can be. */
struct fuzz_program {
	struct vexfs_filter_node nodes[64];
	u8 text[256];
	u32 count;
	u32 text_len;
};

/* A pair of a record. */
struct fuzz_pair {
	const u8 *key;
	const u8 *value;
	u32 key_len;
	u32 len;
	u8 type;
};

/* A record of metadata, sound mostly; the bytes. @merge: pairs that remove keys may be in it. */
u32 fuzz_make_record(struct fuzz_stream *s, bool merge, u8 *to);
/* @count records, each behind its length, as far as they fit; the bytes. */
u32 fuzz_make_batch(struct fuzz_stream *s, bool merge, u32 count, u8 *to, u32 room);
/* A filter, sound mostly. */
void fuzz_make_filter(struct fuzz_stream *s, struct fuzz_program *f);

/* The pairs of a record, at most VEXFS_META_PAIRS; -1 when it breaks a rule. */
int fuzz_pairs(const u8 *rec, u32 len, bool merge, struct fuzz_pair *pairs);
/* Does the sound record match the sound filter? */
bool fuzz_matches(const struct vexfs_filter_node *nodes, u32 count, const u8 *text,
		  const u8 *rec, u32 len);
/* What merging two sound records gives: the bytes, or -1 when the limits do not allow it. */
int fuzz_merged(const u8 *old, u32 old_len, const u8 *add, u32 add_len, u8 *to);

#endif /* VEX_FUZZ_META_H */

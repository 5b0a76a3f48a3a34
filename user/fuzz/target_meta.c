// SPDX-License-Identifier: GPL-2.0-only
/*
 * Target: records of metadata and batches of them. What the core says of a record, and what
 * it merges, is what the rules say; nothing is read past a record's end.
 *
 * Input: two records, then a batch; see meta.c.
 */
#include <stdlib.h>

#include <vex_meta.h>

#include "meta.h"

/* @len bytes in memory of their own, so that a byte more is noticed. */
static u8 *exactly(const u8 *from, u32 len)
{
	u8 *copy = malloc(len ?: 1);

	fuzz_must(copy, "no memory");
	memcpy(copy, from, len);
	/* No bytes at all: not even one may be read. */
	return len ? copy : copy + 1;
}

static void release(u8 *copy, u32 len)
{
	free(len ? copy : copy - 1);
}

static bool check(const u8 *rec, u32 len, bool merge)
{
	struct fuzz_pair pairs[VEXFS_META_PAIRS];
	int rules = fuzz_pairs(rec, len, merge, pairs), core = vex_meta_check(rec, len, merge);

	fuzz_must(core == (rules < 0 ? -EBADMSG : 0), "a record of %d pairs was said to be %d",
		  rules, core);
	return !core;
}

static void merge(const u8 *old, u32 old_len, const u8 *add, u32 add_len)
{
	u8 want[2 * VEX_META_MAX], *got = malloc(VEX_META_MAX), *again = malloc(VEX_META_MAX);
	int rules = fuzz_merged(old, old_len, add, add_len, want);
	int core;

	fuzz_must(got && again, "no memory");
	core = vex_meta_merge(old, old_len, add, add_len, got);
	fuzz_must(core == (rules < 0 ? -EBADMSG : rules), "merged to %d bytes, not %d", core, rules);
	if (core >= 0) {
		fuzz_must(!memcmp(got, want, core), "merged to other pairs");
		fuzz_must(!vex_meta_check(got, core, false), "merged to what is not sound");
		fuzz_must(vex_meta_merge(got, core, add, add_len, again) == core &&
			  !memcmp(got, again, core), "the second merge changed something");
	}
	free(got);
	free(again);
}

static void batch(struct fuzz_stream *s)
{
	static u8 all[40000];
	u64 row_ids[12];
	struct vex_rows r = { .ids = row_ids };
	struct vex_meta_txn *t;
	u8 how = fuzz_u8(s);
	u32 len;
	u8 *copy;
	int err;

	r.count = how & 15;
	r.count = r.count < ARRAY_SIZE(row_ids) ? r.count : 3;
	r.flags = how & 16 ? VEXFS_META_MERGE : 0;
	len = fuzz_make_batch(s, r.flags, r.count, all, sizeof(all));
	/* One that is cut, or has more than was announced. */
	if (how >= 0xe0 && len)
		len = how & 1 ? len - 1 - fuzz_u8(s) % min(len, 8u) % len : len + 1;
	for (u32 i = 0; i < ARRAY_SIZE(row_ids); i++)
		row_ids[i] = how & 32 ? i * 7 % 12 : fuzz_u8(s);
	copy = exactly(all, len);
	r.meta = copy;
	r.meta_len = len;
	err = vex_meta_open(&r, &t);
	fuzz_must(!err || err == -EINVAL || err == -EBADMSG, "a batch gave %d", err);
	fuzz_must(err != -EBADMSG || r.bad_row < r.count, "row %llu is not of the batch",
		  (unsigned long long)r.bad_row);
	if (!err)
		vex_meta_close(t);
	release(copy, len);
}

void fuzz_meta(const u8 *data, size_t len)
{
	struct fuzz_stream s = { data, data + len };
	static u8 bytes[FUZZ_RECORD_MAX];
	u32 old_len = fuzz_make_record(&s, false, bytes), add_len;
	u8 *old = exactly(bytes, old_len), *add;

	add_len = fuzz_make_record(&s, true, bytes);
	add = exactly(bytes, add_len);
	check(add, add_len, false);
	check(old, old_len, true);
	if (check(old, old_len, false) && check(add, add_len, true))
		merge(old, old_len, add, add_len);
	release(old, old_len);
	release(add, add_len);
	batch(&s);
}

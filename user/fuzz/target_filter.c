// SPDX-License-Identifier: GPL-2.0-only
/*
 * Target: filters. One that the core accepts finds in every record what the rules find in
 * it; one that it refuses names a node; a record that is not sound is read no further than its
 * end. Integers and floats meet by their exact value.
 *
 * Input: a filter, then records, then pairs of an int and the bits of a float.
 */
#include <stdlib.h>

#include <vex_meta.h>

#include "meta.h"

static void eval(struct vex_filter *f, const u8 *rec, u32 len)
{
	struct fuzz_pair pairs[VEXFS_META_PAIRS];
	/* In memory of its own, so that a byte more is noticed. */
	u8 *copy = malloc(len + 1);
	int got;

	fuzz_must(copy, "no memory");
	memcpy(copy + 1, rec, len);
	got = vex_filter_eval(f, copy + 1, len);
	if (fuzz_pairs(rec, len, false, pairs) < 0)
		fuzz_must(got == 0 || got == 1 || got == -EBADMSG, "a bad record gave %d", got);
	else
		fuzz_must(got == fuzz_matches(f->nodes, f->count, f->text, rec, len),
			  "a record gave %d", got);
	free(copy);
}

static void compare(struct fuzz_stream *s)
{
	s64 a = fuzz_number(s);
	u64 bits = fuzz_number(s) << 32 ^ fuzz_number(s);
	double d = fuzz_u8(s) & 1 ? (double)a : 0;
	long double x = a, y;
	int order, want;

	/* Near the int, where it matters. */
	if (d != 0) {
		memcpy(&bits, &d, sizeof(bits));
		bits += (s8)fuzz_u8(s) % 3;
	}
	if (vex_meta_is_nan(bits))
		return;
	memcpy(&d, &bits, sizeof(d));
	y = d;
	want = x < y ? -1 : x > y;
	order = vex_meta_cmp_mixed(a, bits);
	order = order < 0 ? -1 : order > 0;
	fuzz_must(order == want, "%lld and %.17g compare as %d", (long long)a, d, order);
}

void fuzz_filter(const u8 *data, size_t len)
{
	struct fuzz_stream s = { data, data + len };
	static struct fuzz_program f;
	static u8 rec[FUZZ_RECORD_MAX];
	struct vex_filter in;
	struct vexfs_filter_node *nodes;
	u8 *text;
	int err;

	fuzz_make_filter(&s, &f);
	nodes = malloc(f.count * sizeof(*nodes) ?: 1);
	text = malloc(f.text_len ?: 1);
	fuzz_must(nodes && text, "no memory");
	memcpy(nodes, f.nodes, f.count * sizeof(*nodes));
	memcpy(text, f.text, f.text_len);
	in = (struct vex_filter){ nodes, f.count, text, f.text_len, 0 };
	err = vex_filter_check(&in);
	fuzz_must(!err || err == -EBADMSG || err == -EINVAL, "a filter gave %d", err);
	fuzz_must(err != -EBADMSG || in.bad_node < in.count, "node %u is not of it", in.bad_node);
	fuzz_must((err == -EINVAL) == (!f.count || f.count > VEXFS_MAX_FILTER),
		  "%u nodes gave %d", f.count, err);
	for (u32 i = 0; !err && i < 8; i++)
		eval(&in, rec, i ? fuzz_make_record(&s, false, rec) : 0);
	free(nodes);
	free(text);
	for (u32 i = 0; i < 4; i++)
		compare(&s);
}

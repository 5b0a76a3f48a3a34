// SPDX-License-Identifier: GPL-2.0-only
/*
 * Target: calls of the core with hostile arguments, on a device that fails now and then.
 * Every call answers with an error that its description names, and the device holds
 * a sound filesystem after every commit and at the end.
 *
 * Input: byte 0 the base image, then calls.
 */
#include "fuzz.h"

void fuzz_calls(const u8 *data, size_t len)
{
	struct fuzz_stream s = { data, data + len };
	u32 base = fuzz_u8(&s) % 3;
	struct fuzz_ops o = { .m = vex_io_mem_clone(fuzz_base(base)) };
	struct vex_open_opts opts = { .keep_going = len & 1, .discard = len & 2 };
	struct vex_mem_count before, after;
	bool opens;
	u64 bad;

	fuzz_must(o.m, "no memory");
	vex_mem_count(&before);
	o.io = fuzz_device(o.m);
	fuzz_must(!vex_fs_open(&o.io, &opts, &o.fs, NULL), "a base image does not open");
	for (u32 i = 0; i < ARRAY_SIZE(o.inos); i++)
		o.inos[i] = i + 1;
	fuzz_ops_run(&o, &s, 300);
	if (o.fs)
		vex_fs_close(o.fs);
	vex_mem_count(&after);
	fuzz_must(after.live == before.live, "%llu allocations were not freed",
		  (unsigned long long)(after.live - before.live));
	bad = fuzz_check(o.m, &opens);
	fuzz_must(opens && !bad, "%llu violations at the end", (unsigned long long)bad);
	/* And it can be used. */
	o.faults = false;
	fuzz_must(!vex_fs_open(&o.io, &(struct vex_open_opts){ 0 }, &o.fs, NULL),
		  "what was left does not open");
	fuzz_walk(o.fs, false);
	fuzz_must(!vex_fs_close(o.fs), "what was left does not close");
	vex_io_mem_destroy(o.m);
}

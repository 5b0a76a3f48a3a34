// SPDX-License-Identifier: GPL-2.0-only
/*
 * Target: a forged image is checked, opened, read and changed. Nothing crashes, runs for ever,
 * leaks or reads outside of the device; and an image in which the check found nothing wrong
 * stays so, whatever is done with it.
 *
 * Input: byte 0 the base image, byte 1 how to open it, bytes 2 and 3 the seed of the
 * changes; then edits.
 */
#include <stdlib.h>

#include "fuzz.h"

static void no_call_outside(struct vex_io_mem *m)
{
	struct vex_io_mem_stats stats;

	vex_io_mem_stats(m, &stats);
	fuzz_must(!stats.outside, "%llu calls past the end of the device",
		  (unsigned long long)stats.outside);
}

/* The same calls for the same seed. */
static void changes(struct fuzz_ops *o, u32 seed)
{
	u8 bytes[400];
	u64 rnd = seed;
	struct fuzz_stream s = { bytes, bytes + sizeof(bytes) };

	for (u32 i = 0; i < sizeof(bytes); i++)
		bytes[i] = fuzz_random(&rnd);
	for (u32 i = 0; i < ARRAY_SIZE(o->inos); i++)
		o->inos[i] = i + 1;
	fuzz_ops_run(o, &s, 40);
}

static void use(struct fuzz_ops *o, u8 how, u32 seed)
{
	struct vex_open_opts opts = {
		.read_only = how & 1, .keep_going = how & 2, .cache_bytes = how & 4 ? 1 : 0,
		.discard = how & 8,
	};
	struct vex_open_error why;

	if (vex_fs_open(&o->io, &opts, &o->fs, &why)) {
		fuzz_must(why.what, "an open failed and did not say why");
		return;
	}
	o->read_only = opts.read_only;
	fuzz_walk(o->fs, o->forged);
	changes(o, seed);
	if (o->fs)
		vex_fs_close(o->fs);
}

void fuzz_image(const u8 *data, size_t len)
{
	static const u8 often[] = { 1, 2, 1, 2, 0, 2, 1, 3 };
	struct fuzz_stream s = { data, data + len };
	u32 base = often[fuzz_u8(&s) & 7];
	u8 how = fuzz_u8(&s);
	u32 seed = fuzz_u8(&s);
	struct fuzz_ops o = { .m = vex_io_mem_clone(fuzz_base(base)) };
	bool clean, opens;
	u64 bad;

	seed |= fuzz_u8(&s) << 8;
	fuzz_must(o.m, "no memory");
	fuzz_forge(o.m, base, &s);
	o.io = fuzz_device(o.m);
	clean = !fuzz_check(o.m, &opens) && opens;
	no_call_outside(o.m);
	o.forged = !clean;
	use(&o, how, seed);
	no_call_outside(o.m);
	bad = fuzz_check(o.m, &opens);
	fuzz_must(!clean || (opens && !bad), "%llu violations in an image that was sound",
		  (unsigned long long)bad);
	vex_io_mem_destroy(o.m);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Arguments from a stream, and errors that are allowed. */
#include "ops.h"

u64 arg_ino(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u8 which = fuzz_u8(s);

	if (which < 0x60)
		return VEXFS_ROOT_INO;
	if (which < 0xf8)
		return o->inos[which % ARRAY_SIZE(o->inos)];
	return fuzz_number(s);
}

void remember(struct fuzz_ops *o, u64 ino)
{
	o->inos[ino % ARRAY_SIZE(o->inos)] = ino;
}

struct vex_name arg_name(struct fuzz_stream *s)
{
	static const char *const names[] = {
		"a", "b", "c", "d", "e", "f", "file", "link", "rows", "dev", "second", "more",
	};
	static char odd[4][VEXFS_NAME_MAX + 1];
	static u32 turn;
	u8 which = fuzz_u8(s);
	char *str = odd[turn++ % ARRAY_SIZE(odd)];
	u32 len;

	if (which < 0xe0)
		return (struct vex_name){ names[which % 12], strlen(names[which % 12]) };
	len = which < 0xf0 ? VEXFS_NAME_MAX : 1 + fuzz_u8(s) % VEXFS_NAME_MAX;
	memset(str, 'n' + which % 8, len);
	return (struct vex_name){ str, len };
}

u8 buf[BUF_BYTES] __aligned(16);
u64 ids[4100];
u32 distances[4100];

void fill(struct fuzz_stream *s, size_t len)
{
	u8 seed = fuzz_u8(s);
	u32 *words = (u32 *)buf;

	for (size_t i = 0; i < len / 4; i++)
		words[i] = 0x3f000000 + (i * 2654435761u + seed * 40503u) % 0x00800000;
	memset(buf + (len & ~3ul), seed, len & 3);
	if (len >= 4 && seed >= 0xe0)
		words[fuzz_u8(s) % (len / 4)] = fuzz_number(s);
}

int said(struct fuzz_ops *o, const char *call, int err, const int *allowed)
{
	if (getenv("FUZZ_VERBOSE"))
		fprintf(stderr, "%s = %d\n", call, err);
	/* A forged image may say that it was made without a feature, too. */
	if (!err || (o->faults && (err == -EIO || err == -ENOMEM)) ||
	    (o->forged && (err == -EUCLEAN || err == -EIO || err == -EOPNOTSUPP)) ||
	    (o->read_only && err == -EROFS))
		return err;
	for (; *allowed; allowed++)
		if (err == -*allowed)
			return err;
	fuzz_must(false, "%s gave %d", call, err);
	return err;
}

bool sound(const struct fuzz_ops *o)
{
	return !o->forged && !o->faults;
}

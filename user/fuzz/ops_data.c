// SPDX-License-Identifier: GPL-2.0-only
/* Calls on extended attributes, and on the space of files. */
#include "ops.h"

/* ---- extended attributes -------------------------------------------------------- */

static u8 value[VEXFS_XATTR_VALUE_MAX + 64], back[VEXFS_XATTR_VALUE_MAX + 64];

/* Few names, and some that are too short, too long, or as long as they may be. */
static struct vex_name arg_attribute(struct fuzz_stream *s)
{
	static const char *const names[] = {
		"user.a", "user.b", "user.colour", "trusted.t", "security.s", "user.x", "u", "user.",
	};
	static char odd[VEXFS_NAME_MAX + 2];
	u8 which = fuzz_u8(s);

	if (which < 0xe0)
		return (struct vex_name){ names[which % 8], strlen(names[which % 8]) };
	memset(odd, 'n' + which % 4, sizeof(odd));
	return (struct vex_name){ odd, which < 0xf0 ? VEXFS_NAME_MAX :
				       which < 0xfc ? fuzz_u8(s) : VEXFS_NAME_MAX + 1 };
}

static size_t arg_value(struct fuzz_stream *s)
{
	u8 kind = fuzz_u8(s);
	size_t len = kind < 0xc0 ? kind : kind < 0xf0 ? (kind - 0xc0) * 100 :
		     VEXFS_XATTR_VALUE_MAX - 0xf8 + kind;

	memset(value, fuzz_u8(s), len);
	return len;
}

static void attribute_is(struct fuzz_ops *o, u64 ino, const struct vex_name *name, size_t len)
{
	size_t done = 0;
	int err = vex_xattr_get(o->fs, ino, name, back, sizeof(back), &done);

	fuzz_must(!err && done == len && !memcmp(back, value, len),
		  "an attribute of %zu bytes reads as %d, %zu bytes", len, err, done);
}

void call_xattr_set(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s);
	struct vex_name name = arg_attribute(s);
	size_t len = arg_value(s);
	u8 flags = fuzz_u8(s);

	flags = flags < 0x90 ? 0 : flags < 0xf0 ? flags & 3 : flags;
	if (!SAID(vex_xattr_set(o->fs, ino, &name, value, len, flags), EEXIST, ENODATA, E2BIG,
		  EINVAL, ENOSPC, ENOENT, ERANGE) && sound(o))
		attribute_is(o, ino, &name, len);
}

void call_xattr_get(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s);
	struct vex_name name = arg_attribute(s);
	size_t len = fuzz_number(s) % sizeof(back), done = 0;

	if (!SAID(vex_xattr_get(o->fs, ino, &name, back, len, &done), ENODATA, ERANGE, EINVAL,
		  ENOENT))
		fuzz_must(!len || done <= len, "vex_xattr_get() filled more than there is");
}

void call_xattr_remove(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s);
	struct vex_name name = arg_attribute(s);
	size_t done;

	if (!SAID(vex_xattr_remove(o->fs, ino, &name), ENODATA, ENOENT, EINVAL, ERANGE, ENOSPC) &&
	    sound(o))
		fuzz_must(vex_xattr_get(o->fs, ino, &name, NULL, 0, &done) == -ENODATA,
			  "an attribute is there after it was removed");
}

/* Each name that is listed has a value. */
void call_xattr_list(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s);
	const char *hide = fuzz_u8(s) & 1 ? "trusted." : NULL;
	size_t len = fuzz_number(s) % sizeof(value), done = 0, size;

	if (SAID(vex_xattr_list(o->fs, ino, hide, (char *)value, len, &done), ERANGE, ENOENT) ||
	    !len)
		return;
	fuzz_must(done <= len, "vex_xattr_list() filled more than there is");
	for (size_t at = 0; at < done && sound(o);) {
		struct vex_name name = { (char *)value + at, strnlen((char *)value + at, done - at) };

		fuzz_must(at + name.len < done && name.len, "a name without an end");
		fuzz_must(!hide || strncmp(name.str, hide, strlen(hide)), "a name is not hidden");
		fuzz_must(!vex_xattr_get(o->fs, ino, &name, NULL, 0, &size), "a name has no value");
		at += name.len + 1;
	}
}

/* ---- space ------------------------------------------------------------------------ */

static void reads_as_zeros(struct fuzz_ops *o, u64 ino, u64 pos, u64 len)
{
	size_t done = 0, most = min(len, (u64)9000);

	fuzz_must(!vex_file_read(o->fs, ino, pos, buf, most, &done), "what was zeroed is not read");
	for (size_t i = 0; i < done; i++)
		fuzz_must(!buf[i], "byte %llu is not zero", (unsigned long long)(pos + i));
}

void call_fallocate(struct fuzz_ops *o, struct fuzz_stream *s)
{
	static const u32 modes[] = {
		0, VEX_FALLOC_KEEP_SIZE, VEX_FALLOC_PUNCH | VEX_FALLOC_KEEP_SIZE, VEX_FALLOC_ZERO,
		VEX_FALLOC_ZERO | VEX_FALLOC_KEEP_SIZE,
	};
	u64 ino = arg_ino(o, s);
	u8 which = fuzz_u8(s);
	u32 mode = which < 0xf0 ? modes[which % ARRAY_SIZE(modes)] : fuzz_number(s);
	u64 pos = fuzz_number(s), len = fuzz_number(s);
	struct vex_inode before = { 0 }, after;

	vex_inode_get(o->fs, ino, &before);
	if (SAID(vex_file_fallocate(o->fs, ino, mode, pos, len), EOPNOTSUPP, EINVAL, EFBIG, ENOSPC,
		 EPERM, EISDIR, ENODEV, ENOENT) || !sound(o))
		return;
	fuzz_must(!vex_inode_get(o->fs, ino, &after), "the inode is gone");
	fuzz_must(after.size == (mode & VEX_FALLOC_KEEP_SIZE ? before.size :
				 max(before.size, pos + len)), "the size became %llu",
		  (unsigned long long)after.size);
	if (mode & (VEX_FALLOC_PUNCH | VEX_FALLOC_ZERO))
		reads_as_zeros(o, ino, pos, len);
}

void call_seek(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s), pos = fuzz_number(s), found = 0;
	bool hole = fuzz_u8(s) & 1;
	struct vex_inode node = { 0 };

	vex_inode_get(o->fs, ino, &node);
	if (!S_ISREG(node.mode))
		return;
	if (!SAID(vex_file_seek(o->fs, ino, pos, node.size, hole, &found), ENXIO, ENOSPC) &&
	    sound(o))
		fuzz_must(found >= pos && (found < node.size || (hole && found == node.size)),
			  "found byte %llu", (unsigned long long)found);
}

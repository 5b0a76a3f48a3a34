// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls of the core with arguments from a stream. What a host has to see to, the core
 * trusts it with, and is done here: buffers as long as said, no directory moved below itself, the
 * size set only where it frees nothing.
 */
#include <vex_check.h>

#include "ops.h"

/* ---- names -------------------------------------------------------------------------- */

/* Is @dir below @ino, or @ino itself? A host knows. */
static bool below(struct fuzz_ops *o, u64 dir, u64 ino)
{
	struct vex_inode node;

	for (u32 i = 0; i < 64 && dir != VEXFS_ROOT_INO; i++) {
		if (dir == ino || vex_inode_get(o->fs, dir, &node))
			return true;
		dir = node.parent;
	}
	return dir == ino || dir != VEXFS_ROOT_INO;
}

static void call_create(struct fuzz_ops *o, struct fuzz_stream *s)
{
	static const u32 types[] = { S_IFREG, S_IFREG, S_IFDIR, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK,
				     S_IFLNK };
	struct vex_inode node = { .mode = 0640, .uid = 1, .gid = 1 };
	u64 dir = arg_ino(o, s);
	struct vex_name name = arg_name(s);
	u8 type = fuzz_u8(s);

	node.mode |= type < 0xf8 ? types[type % ARRAY_SIZE(types)] : fuzz_number(s);
	node.rdev = S_ISCHR(node.mode) || S_ISBLK(node.mode) ? fuzz_number(s) : 0;
	if (!SAID(vex_dir_create(o->fs, dir, &name, &node), EEXIST, ENOSPC, ENOTDIR, EMLINK, ENOENT,
		  EINVAL))
		remember(o, node.ino);
}

static void call_symlink(struct fuzz_ops *o, struct fuzz_stream *s)
{
	struct vex_inode node = { .uid = 1 };
	u64 dir = arg_ino(o, s);
	struct vex_name name = arg_name(s);
	u64 len = fuzz_number(s);

	len = len > BUF_BYTES ? len % 5000 : len;
	memset(buf, 't', len);
	if (len && fuzz_u8(s) > 0xf0)
		buf[len - 1] = 0;
	if (!SAID(vex_dir_symlink(o->fs, dir, &name, (char *)buf, len, &node), EEXIST, ENOSPC,
		  ENOTDIR, EINVAL, ENOENT, ENAMETOOLONG))
		remember(o, node.ino);
}

static void call_link(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 dir = arg_ino(o, s);
	struct vex_name name = arg_name(s);
	u64 ino = arg_ino(o, s);

	SAID(vex_dir_link(o->fs, dir, &name, ino), EPERM, EMLINK, ENOENT, EEXIST, ENOSPC, ENOTDIR);
}

static void call_remove(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 dir = arg_ino(o, s), ino = 0;
	struct vex_name name = arg_name(s);
	u8 type = 0, how = fuzz_u8(s);
	bool rmdir;

	SAID(vex_dir_lookup(o->fs, dir, &name, &ino, &type), ENOENT, ENOTDIR);
	rmdir = how < 0xe0 ? type == DT_DIR : how & 1;
	if (!SAID(vex_dir_remove(o->fs, dir, &name, rmdir), ENOENT, ENOTDIR, EISDIR, ENOTEMPTY) &&
	    how & 2)
		SAID(vex_inode_evict(o->fs, ino), EINVAL, ENOENT);
}

static void call_rename(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 from = arg_ino(o, s), to = arg_ino(o, s), ino = 0, replaced = 0;
	struct vex_name old_name = arg_name(s), new_name = arg_name(s);
	u8 flags = fuzz_u8(s) & (fuzz_u8(s) < 0xf0 ? 3 : 0xff), type;

	if (!vex_dir_lookup(o->fs, from, &old_name, &ino, &type) && type == DT_DIR &&
	    below(o, to, ino))
		return;
	if (!vex_dir_lookup(o->fs, to, &new_name, &ino, &type) && type == DT_DIR &&
	    below(o, from, ino))
		return;
	if (!SAID(vex_dir_rename(o->fs, from, &old_name, to, &new_name, flags, &replaced), ENOENT,
		  ENOTDIR, EISDIR, EEXIST, ENOTEMPTY, EINVAL, ENOSPC, EMLINK) && replaced)
		SAID(vex_inode_evict(o->fs, replaced), EINVAL);
}

static void call_dir_read(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 dir = arg_ino(o, s), pos = fuzz_number(s);
	size_t room = VEX_DIRENT_SIZE(255) + fuzz_number(s) % 8192, used, at;

	for (u32 i = 0; i < 4; i++) {
		if (SAID(vex_dir_read(o->fs, dir, pos, buf, room, &used), ENOTDIR, ENOENT))
			return;
		fuzz_must(used <= room, "vex_dir_read() filled more than there is");
		for (at = 0; at < used;) {
			const struct vex_dirent *d = (void *)(buf + at);

			fuzz_must(d->pos >= pos, "vex_dir_read() went back");
			remember(o, d->ino);
			pos = d->pos + 1;
			at += VEX_DIRENT_SIZE(d->len);
		}
	}
}

static void call_readlink(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s), len = fuzz_number(s) % 5000;
	size_t done;

	if (!SAID(vex_symlink_read(o->fs, ino, (char *)buf, len, &done), EINVAL, ENOENT))
		fuzz_must(done <= len, "vex_symlink_read() filled more than there is");
}

/* ---- inodes and data ------------------------------------------------------------------ */

static void call_set(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s);
	struct vex_inode node = { 0 }, now;
	u32 mask = fuzz_number(s) & ~VEX_SET_SIZE;

	node.mode = fuzz_number(s);
	node.uid = fuzz_number(s);
	node.atime.sec = fuzz_number(s);
	node.mtime.nsec = fuzz_number(s);
	node.size = fuzz_number(s);
	if (!vex_inode_get(o->fs, ino, &now) && node.size >= now.size && node.size <= S64_MAX)
		mask |= VEX_SET_SIZE;
	SAID(vex_inode_set(o->fs, ino, &node, mask), ENOENT);
}

static void call_inode_create(struct fuzz_ops *o, struct fuzz_stream *s)
{
	struct vex_inode node = { .mode = S_IFREG | 0600 };

	if (fuzz_u8(s) > 0xe0)
		node.mode = fuzz_number(s);
	if (!SAID(vex_inode_create(o->fs, &node), EINVAL, ENOSPC))
		remember(o, node.ino);
}

static void call_evict(struct fuzz_ops *o, struct fuzz_stream *s)
{
	SAID(vex_inode_evict(o->fs, arg_ino(o, s)), EINVAL, ENOENT);
}

static void call_write(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s), pos = fuzz_number(s);
	size_t len = fuzz_number(s) % BUF_BYTES;

	fill(s, len);
	SAID(vex_file_write(o->fs, ino, pos, buf, len), EFBIG, ENOSPC, EPERM, EISDIR, ENOENT);
}

static void call_read(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s), pos = fuzz_number(s);
	size_t len = fuzz_number(s) % BUF_BYTES, done = 0;

	SAID(vex_file_read(o->fs, ino, pos, buf, len, &done), EISDIR, ENOENT);
	fuzz_must(done <= len, "vex_file_read() filled more than there is");
}

static void call_truncate(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s), size = fuzz_number(s);

	SAID(vex_file_truncate(o->fs, ino, size), EFBIG, ENOSPC, EPERM, EISDIR, ENOENT, EINVAL);
}

static void call_map(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 ino = arg_ino(o, s), fblock = fuzz_number(s);
	u32 most = 1 + fuzz_number(s) % 1000;
	struct vex_map map;

	if (!SAID(vex_extent_map(o->fs, ino, fblock, most, &map, (u32 *)buf), ENOENT, EISDIR,
		  EINVAL))
		fuzz_must(map.count <= most && map.count <= VEXFS_EXTENT_MAX, "a run of %u",
			  map.count);
}

static void call_space(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u64 blocks = fuzz_number(s);

	if (!SAID(vex_space_reserve(o->fs, blocks), ENOSPC))
		vex_space_unreserve(o->fs, blocks);
}

/* ---- the filesystem ------------------------------------------------------------------------ */

static void faults_end(struct fuzz_ops *o)
{
	vex_io_mem_fail(o->m, 0, 0, 0);
	vex_mem_fail(0, 0);
}

static void call_commit(struct fuzz_ops *o, struct fuzz_stream *s)
{
	bool opens;
	u64 bad;

	if (SAID(vex_fs_commit(o->fs), ENOSPC))
		return;
	/* On the device now: it is whole for whoever looks. */
	if (o->forged || fuzz_u8(s) & 3)
		return;
	faults_end(o);
	bad = fuzz_check(o->m, &opens);
	fuzz_must(!bad && opens, "%llu violations after a commit", (unsigned long long)bad);
}

static void call_reopen(struct fuzz_ops *o, struct fuzz_stream *s)
{
	struct vex_open_opts opts = { .keep_going = fuzz_u8(s) & 1 };
	int err;

	opts.cache_bytes = fuzz_u8(s) & 1 ? 1 : 0;
	SAID(vex_fs_close(o->fs), ENOSPC);
	o->fs = NULL;
	faults_end(o);
	err = vex_fs_open(&o->io, &opts, &o->fs, NULL);
	fuzz_must(!err || o->forged, "an image that was in use cannot be opened: %d", err);
	o->read_only = false;
}

static void call_options(struct fuzz_ops *o, struct fuzz_stream *s)
{
	struct vex_statfs st;
	u64 block, trimmed;
	const char *what;
	u8 which = fuzz_u8(s);
	bool found;

	vex_fs_statfs(o->fs, &st);
	fuzz_must(o->forged || (st.avail <= st.free && st.free <= st.blocks), "impossible space");
	if (which & 1)
		vex_fs_set_keep_going(o->fs, which & 2);
	if (which & 4)
		vex_fs_set_discard(o->fs, which & 8);
	if (which & 16)
		SAID(vex_fs_trim(o->fs, fuzz_number(s), fuzz_number(s), fuzz_number(s), &trimmed),
		     EOPNOTSUPP, EROFS, EINVAL);
	if ((which & 0xe0) == 0xe0) {
		if (!SAID(vex_fs_set_read_only(o->fs, true), ENOSPC))
			o->read_only = true;
		if (!SAID(vex_fs_set_read_only(o->fs, false), ENOSPC))
			o->read_only = false;
	}
	found = vex_fs_take_damage(o->fs, &block, &what);
	/* A device that fails is reported likewise. */
	fuzz_must(!found || o->forged || (o->faults && !strcmp(what, "cannot be read")),
		  "damage: %s", found ? what : "");
}

static void call_shrink(struct fuzz_ops *o, struct fuzz_stream *s)
{
	size_t bytes = fuzz_number(s), most = vex_cache_evictable(o->fs);
	struct vex_cache_stats st;

	vex_cache_shrink(o->fs, bytes);
	vex_cache_stats(o->fs, &st);
	fuzz_must(vex_cache_evictable(o->fs) <= most, "the cache grew while it shrank");
	fuzz_must(st.pinned_bytes <= st.node_bytes + st.seg_bytes, "impossible memory");
}

/* Calls fail from the n-th on, until the next open. */
static void call_fault(struct fuzz_ops *o, struct fuzz_stream *s)
{
	u8 kind = fuzz_u8(s);
	u64 nth = 1 + fuzz_u8(s), more = fuzz_u8(s) % 4;

	if (more == 3)
		more = fuzz_number(s);
	o->faults = true;
	if (getenv("FUZZ_VERBOSE"))
		fprintf(stderr, "faults: kind %u, call %llu and %llu more\n", kind,
			(unsigned long long)nth, (unsigned long long)more);
	if (kind & 1)
		vex_mem_fail(nth, more);
	else
		vex_io_mem_fail(o->m, (kind >> 1 & 7) ?: VEX_IO_WRITE, nth, more);
}

static fuzz_call *const calls[] = {
	call_create, call_create, call_create, call_symlink, call_link, call_remove, call_remove,
	call_rename, call_dir_read, call_readlink, call_set, call_inode_create, call_evict,
	call_write, call_write, call_read, call_truncate, call_map, call_space, call_coll_create,
	call_insert, call_insert, call_get, call_delete, call_search, call_commit, call_commit,
	call_reopen, call_options, call_fault,
	/* Here and below: inputs that are kept mean these by their place. */
	call_xattr_set, call_xattr_set, call_xattr_get, call_xattr_remove, call_xattr_list,
	call_fallocate, call_fallocate, call_seek, call_append, call_append, call_update,
	call_meta_set, call_meta_set, call_meta_get, call_filter, call_search_filtered,
	call_prefetch, call_shrink, call_range,
};

void fuzz_ops_run(struct fuzz_ops *o, struct fuzz_stream *s, u32 most)
{
	while (o->fs && s->at < s->end && most--) {
		u8 which = fuzz_u8(s);

		calls[which % ARRAY_SIZE(calls)](o, s);
	}
	faults_end(o);
}

static void problem(void *ctx, const struct vex_problem *p)
{
	if (getenv("FUZZ_VERBOSE"))
		fprintf(stderr, "block %llu: %s\n", (unsigned long long)p->block, p->text);
}

/* The memory device with a discard, of which it takes no notice. */
static int no_discard(void *ctx, u64 block, u64 count)
{
	struct vex_io_mem *m = ctx;

	fuzz_must(count && vex_io_mem_peek(m, block + count - 1), "a discard past the end");
	return 0;
}

struct vex_io fuzz_device(struct vex_io_mem *m)
{
	static struct vex_io_ops ops;
	struct vex_io io = vex_io_mem_io(m);

	ops = *io.ops;
	ops.discard = no_discard;
	io.ops = &ops;
	return io;
}

u64 fuzz_check(struct vex_io_mem *m, bool *opens)
{
	struct vex_check_opts opts = { .data = true, .slot = -1, .problem = problem };
	struct vex_io io = vex_io_mem_io(m);
	struct vex_check_result result;
	int err;

	memset(&result, 0, sizeof(result));
	err = vex_check_device(&io, &opts, &result, NULL);
	fuzz_must(!err || err == -EINVAL || err == -EOPNOTSUPP || err == -EUCLEAN,
		  "vex_check_device() gave %d", err);
	*opens = !err;
	return result.problems;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Reading a whole filesystem into text. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <vex_util.h>

#include "view.h"

void text_add(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	for (;;) {
		va_start(args, format);
		n = vsnprintf(t->str ? t->str + t->len : NULL, t->room - t->len, format, args);
		va_end(args);
		if (t->len + n < t->room)
			break;
		t->room = 2 * (t->room + n) + 1024;
		t->str = realloc(t->str, t->room);
		vex_rule(t->str != NULL, "there is memory for a text");
	}
	t->len += n;
}

void text_free(struct text *t)
{
	free(t->str);
	memset(t, 0, sizeof(*t));
}

/* Multiply and rotate, four words at once. */
u64 hash_bytes(u64 seed, const void *data, size_t len)
{
	const u64 k1 = 0x9e3779b97f4a7c15ULL, k2 = 0xc2b2ae3d27d4eb4fULL;
	u64 lane[4] = { seed ^ k1, seed + k2, ~seed, seed ^ len * k2 };
	const u8 *p = data;
	u64 tail = 0;

	for (; len >= 32; len -= 32, p += 32)
		for (u32 i = 0; i < 4; i++)
			lane[i] = rol64(lane[i] ^ get_unaligned_le64(p + 8 * i) * k1, 31) * k2;
	for (u32 i = 0; len; len--, p++) {
		tail = tail << 8 | *p;
		if (len & 7 && len != 1)
			continue;
		lane[i++ & 3] ^= rol64((tail + len) * k1, 29) * k2;
		tail = 0;
	}
	tail = lane[0] ^ rol64(lane[1], 17) ^ rol64(lane[2], 34) ^ rol64(lane[3], 51);
	tail = (tail ^ tail >> 29) * k1;
	return (tail ^ tail >> 32) * k2 ^ tail >> 17;
}

/* ---- a filesystem ------------------------------------------------------------------- */

enum { MOST_INODES = 256, MOST_BYTES = 16 << 20, DEEPEST = 16 };

/**
 * struct entry - a name of a directory that is being read
 * @ino: what it names
 * @name: terminated
 */
struct entry {
	u64 ino;
	char name[VEXFS_NAME_MAX + 1];
};

/**
 * struct walk - a view in the making
 * @seen: inodes in the order in which they were met
 * @left: bytes that may be read still: a damaged tree can have circles
 */
struct walk {
	struct vex_fs *fs;
	struct text *out;
	unsigned int flags;
	u64 seen[MOST_INODES];
	u32 count;
	u32 depth;
	size_t left;
	u8 buf[65536];
};

static int id_of(struct walk *w, u64 ino)
{
	u32 i = 0;

	while (i < w->count && w->seen[i] != ino)
		i++;
	if (i == MOST_INODES)
		return -ELOOP;
	if (i == w->count)
		w->seen[w->count++] = ino;
	return i;
}

static int show_bytes(struct walk *w, u64 ino)
{
	u64 pos = 0, hash = 0;
	size_t done;
	int err;

	do {
		err = vex_file_read(w->fs, ino, pos, w->buf, sizeof(w->buf), &done);
		if (!err && done)
			hash = hash_bytes(hash, w->buf, done);
		pos += done;
		if (done > w->left)
			return -ELOOP;
		w->left -= done;
	} while (!err && done == sizeof(w->buf));
	text_add(w->out, " bytes=%016llx", hash);
	return err;
}

static int show_nearest(struct walk *w, u64 ino, const struct vex_coll *coll)
{
	u32 distances[VIEW_K];
	u64 ids[VIEW_K];
	float *query = (void *)w->buf;
	struct vex_search s = { .queries = query, .nq = 1, .dim = coll->dim, .k = VIEW_K,
				.ids = ids, .distances = distances };
	float d;
	int err;

	for (u32 i = 0; i < coll->dim; i++)
		query[i] = view_query(i);
	err = vex_coll_search(w->fs, ino, &s);
	for (u32 i = 0; !err && i < VIEW_K && ids[i] != VEXFS_NO_ID; i++) {
		memcpy(&d, &distances[i], sizeof(d));
		/* Not to tell the two zeros apart. */
		text_add(w->out, " %llu:%.9g", ids[i], d + 0.0f);
	}
	return err;
}

static int mix_meta(struct walk *w, u64 ino, u64 id, u64 *hash)
{
	u8 record[1024];
	size_t used;
	u64 bad;
	int err = vex_meta_get(w->fs, ino, &id, 1, record, sizeof(record), &used, &bad);

	if (!err)
		*hash = hash_bytes(*hash + id, record + 4, used - 4);
	return err;
}

static int by_string(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All attributes, by name: bytes and a hash of the value. */
static int show_xattrs(struct walk *w, u64 ino)
{
	char list[4096];
	const char *names[64];
	u32 count = 0;
	size_t done;
	int err = vex_xattr_list(w->fs, ino, NULL, list, sizeof(list), &done);

	for (size_t at = 0; !err && at < done && count < ARRAY_SIZE(names);
	     at += strlen(list + at) + 1)
		names[count++] = list + at;
	if (err || !count)
		return err;
	qsort(names, count, sizeof(*names), by_string);
	for (u32 i = 0; !err && i < count; i++) {
		struct vex_name name = { .str = names[i], .len = strlen(names[i]) };

		err = vex_xattr_get(w->fs, ino, &name, w->buf, sizeof(w->buf), &done);
		if (!err)
			text_add(w->out, " %s=%zu:%016llx", names[i], done,
				 hash_bytes(0, w->buf, done));
	}
	return err;
}

static int show_target(struct walk *w, u64 ino)
{
	char target[256];
	size_t done;
	int err = vex_symlink_read(w->fs, ino, target, sizeof(target), &done);

	if (!err)
		text_add(w->out, " says=%.*s", (int)done, target);
	return err;
}

static int show_rows(struct walk *w, u64 ino)
{
	struct vex_coll coll;
	u64 id, bad, hash = 0, meta = 0;
	int err = vex_coll_stat(w->fs, ino, &coll);

	if (err)
		return err;
	if (coll.row_bytes > sizeof(w->buf) || coll.rows * coll.row_bytes > w->left)
		return -ELOOP;
	w->left -= coll.rows * coll.row_bytes;
	for (id = 0; id < coll.rows; id++) {
		err = vex_coll_get(w->fs, ino, &id, 1, coll.dim, w->buf, &bad);
		if (err == -ENOENT)
			continue;
		if (!err)
			hash = hash_bytes(hash + id, w->buf, coll.row_bytes);
		if (!err)
			err = mix_meta(w, ino, id, &meta);
		if (err)
			return err;
	}
	text_add(w->out, " dim=%u metric=%u rows=%llu live=%llu values=%016llx meta=%016llx",
		 coll.dim, coll.metric, coll.rows, coll.live, hash, meta);
	/* The model does not know how the division of a cosine is rounded. */
	if (coll.metric == VEXFS_METRIC_COSINE && !(w->flags & VIEW_TIMES))
		return 0;
	text_add(w->out, " nearest");
	return show_nearest(w, ino, &coll);
}

static int show_inode(struct walk *w, u64 ino, const char *path, bool *dir)
{
	struct vex_inode n;
	int id = id_of(w, ino), err = id < 0 ? id : vex_inode_get(w->fs, ino, &n);

	if (err)
		return err;
	*dir = S_ISDIR(n.mode);
	text_add(w->out, "%s mode=%o owner=%u:%u links=%u size=%llu id=%d", *path ? path : "/",
		 n.mode, n.uid, n.gid, n.nlink, n.size, id);
	if (n.flags & VEXFS_INODE_COLL)
		err = show_rows(w, ino);
	else if (S_ISREG(n.mode))
		err = show_bytes(w, ino);
	else if (S_ISLNK(n.mode))
		err = show_target(w, ino);
	if (!err)
		err = show_xattrs(w, ino);
	if (w->flags & VIEW_TIMES)
		text_add(w->out, " ino=%llu/%u parent=%llu flags=%x "
			 "m=%lld.%09u c=%lld.%09u b=%lld.%09u", ino, n.generation, n.parent, n.flags, n.mtime.sec, n.mtime.nsec,
			 n.ctime.sec, n.ctime.nsec, n.btime.sec, n.btime.nsec);
	text_add(w->out, "\n");
	return err;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static int read_dir(struct walk *w, u64 dir, struct entry **out, size_t *count)
{
	struct entry *entries = NULL;
	size_t used, at, n = 0, room = 0;
	u8 *buf = malloc(2048);
	u64 pos = 0;
	int err;

	do {
		err = vex_dir_read(w->fs, dir, pos, buf, 2048, &used);
		for (at = 0; !err && at < used;) {
			const struct vex_dirent *d = (void *)(buf + at);

			if (n == room) {
				room = 2 * room + 8;
				entries = realloc(entries, room * sizeof(*entries));
			}
			entries[n].ino = d->ino;
			memcpy(entries[n].name, d->name, d->len);
			entries[n++].name[d->len] = 0;
			pos = d->pos + 1;
			at += VEX_DIRENT_SIZE(d->len);
		}
	} while (!err && used && n < 4 * MOST_INODES);
	free(buf);
	if (n)
		qsort(entries, n, sizeof(*entries), by_name);
	*out = entries;
	*count = n;
	return err;
}

static int show_tree(struct walk *w, u64 ino, const char *path)
{
	struct entry *entries;
	char below[1024];
	size_t count, i;
	bool dir = false;
	int err = show_inode(w, ino, path, &dir);

	if (err || !dir)
		return err;
	if (w->depth == DEEPEST)
		return -ELOOP;
	w->depth++;
	err = read_dir(w, ino, &entries, &count);
	for (i = 0; !err && i < count; i++) {
		snprintf(below, sizeof(below), "%s%s%s", path, *path ? "/" : "", entries[i].name);
		err = show_tree(w, entries[i].ino, below);
	}
	free(entries);
	w->depth--;
	return err;
}

int view_fs(struct vex_fs *fs, const char *path, unsigned int flags, struct text *out)
{
	struct vex_name name = { .str = path, .len = strlen(path) };
	struct walk *w = malloc(sizeof(*w));
	u64 ino = VEXFS_ROOT_INO;
	int err = 0;
	u8 type;

	w->fs = fs;
	w->out = out;
	w->flags = flags;
	w->count = 0;
	w->depth = 0;
	w->left = MOST_BYTES;
	if (*path)
		err = vex_dir_lookup(fs, VEXFS_ROOT_INO, &name, &ino, &type);
	if (!err)
		err = show_tree(w, ino, path);
	free(w);
	return err;
}

const char *view_difference(const char *a, const char *b)
{
	static char text[1200];

	for (;;) {
		size_t la = strcspn(a, "\n"), lb = strcspn(b, "\n");

		if (la != lb || memcmp(a, b, la) || !*a || !*b) {
			snprintf(text, sizeof(text), "expected: %.*s\nfound:    %.*s",
				 (int)min_t(size_t, la, 550), a, (int)min_t(size_t, lb, 550), b);
			return text;
		}
		a += la + 1;
		b += lb + 1;
	}
}

// SPDX-License-Identifier: GPL-2.0-only
/* Reading all that a filesystem holds, within bounds: a forged one can have circles. */
#include <stdlib.h>

#include "fuzz.h"

#define MOST_DIRS	64u
#define MOST_NODES	1200u
#define MOST_ENTRIES	4000u

/**
 * struct walk - a walk in progress
 * @forged: anything may be damaged
 * @dirs: directories to be read
 * @done: of them
 * @buf: for content and entries
 */
struct walk {
	struct vex_fs *fs;
	bool forged;
	u64 dirs[MOST_DIRS];
	u32 dir_count, done;
	u32 nodes, entries;
	u8 buf[16384];
};

/* What reading may answer: nothing but damage, and only where there may be some. */
static bool fine(const struct walk *w, int err, int also)
{
	fuzz_must(!err || err == also || (w->forged && (err == -EUCLEAN || err == -ENOENT)),
		  "reading gave %d", err);
	return !err;
}

/* The metadata of a row: got, and looked at by a filter. */
static void walk_meta(struct walk *w, u64 ino, u64 id)
{
	size_t used;
	u64 bad;

	if (fine(w, vex_meta_get(w->fs, ino, &id, 1, w->buf, sizeof(w->buf), &used, &bad), -ENOENT))
		fuzz_must(used >= 4 && used <= 2000, "metadata of %zu bytes", used);
}

static void walk_filter(struct walk *w, u64 ino, u64 rows)
{
	static const struct vexfs_filter_node node = {
		.op = VEXFS_FILTER_GE, .type = VEXFS_META_INT, .key_len = 3, .key = "key",
	};
	struct vex_filter f = { .nodes = &node, .count = 1 };
	u64 found[40], next;
	u32 count;

	if (!fine(w, vex_coll_filter(w->fs, ino, &f, 0, found, 40, &count, &next), 0))
		return;
	for (u32 i = 0; i < count; i++)
		fuzz_must(found[i] < rows, "a row past the end matches");
}

/* The names of all attributes, and the value of each. */
static void walk_attributes(struct walk *w, u64 ino)
{
	char *names = (char *)w->buf;
	size_t done, size;
	int err;

	if (!fine(w, vex_xattr_list(w->fs, ino, NULL, names, 8192, &done), -ERANGE))
		return;
	for (size_t at = 0, i = 0; at < done && i < 40; i++) {
		struct vex_name name = { names + at, strnlen(names + at, done - at) };

		fuzz_must(at + name.len < done, "a name without an end");
		err = vex_xattr_get(w->fs, ino, &name, w->buf + 8192, 8192, &size);
		/* A forged name has a NUL, or does not stand where it is looked for. */
		if (!(w->forged && (err == -ENODATA || err == -EINVAL)) && fine(w, err, -ERANGE))
			fuzz_must(size <= 8192, "a value of %zu bytes", size);
		at += name.len + 1;
	}
}

static void walk_rows(struct walk *w, u64 ino)
{
	struct vex_search search = { .nq = 1, .k = 4 };
	struct vex_coll coll;
	u64 found[4], bad;
	u32 distances[4];

	if (!fine(w, vex_coll_stat(w->fs, ino, &coll), 0))
		return;
	fuzz_must(coll.row_bytes && coll.live <= coll.rows, "a collection that cannot be");
	if (coll.row_bytes > sizeof(w->buf))
		return;
	for (u64 n = 0; n < min(coll.rows, (u64)40); n++) {
		/* The first rows, and the last. */
		u64 id = n < 30 ? n : coll.rows - 1 - (n - 30) % coll.rows;

		fine(w, vex_coll_get(w->fs, ino, &id, 1, coll.dim, w->buf, &bad), -ENOENT);
		walk_meta(w, ino, id);
	}
	/* A forged collection can claim more rows than can be looked at. */
	if (coll.rows > 100000)
		return;
	walk_filter(w, ino, coll.rows);
	memset(w->buf, 0, coll.row_bytes);
	search.queries = w->buf;
	search.dim = coll.dim;
	search.ids = found;
	search.distances = distances;
	if (!fine(w, vex_coll_search(w->fs, ino, &search), 0))
		return;
	for (u32 i = 0; i < 4; i++)
		fuzz_must(found[i] == VEXFS_NO_ID || found[i] < coll.rows, "found a row past the end");
}

static void walk_content(struct walk *w, u64 ino, u64 size)
{
	const u64 at[] = { 0, 20000, 65536, size / 2, size - min(size, (u64)5000) };
	struct vex_map map;
	u32 csums[VEXFS_EXTENT_MAX];
	size_t done;

	for (u32 i = 0; i < ARRAY_SIZE(at); i++) {
		if (!fine(w, vex_file_read(w->fs, ino, at[i], w->buf, sizeof(w->buf), &done), 0))
			continue;
		fuzz_must(done == min((u64)sizeof(w->buf), size - min(size, at[i])),
			  "a read of %zu bytes", done);
	}
	for (u64 block = 0, n = 0; n < 20; n++, block += map.count) {
		if (!fine(w, vex_extent_map(w->fs, ino, block, VEXFS_EXTENT_MAX, &map, csums), 0))
			break;
		fuzz_must(map.count >= 1 && map.count <= VEXFS_EXTENT_MAX, "a run of %u", map.count);
	}
}

static void walk_inode(struct walk *w, u64 ino)
{
	struct vex_inode node;
	size_t done;

	if (w->nodes++ > MOST_NODES || !fine(w, vex_inode_get(w->fs, ino, &node), 0))
		return;
	fuzz_must(node.size <= S64_MAX && node.atime.nsec < 1000000000u, "attributes out of range");
	walk_attributes(w, ino);
	if (S_ISDIR(node.mode) && w->dir_count < MOST_DIRS)
		w->dirs[w->dir_count++] = ino;
	if (S_ISLNK(node.mode))
		fine(w, vex_symlink_read(w->fs, ino, (char *)w->buf, sizeof(w->buf), &done), 0);
	if (!S_ISREG(node.mode))
		return;
	if (node.flags & VEXFS_INODE_COLL)
		walk_rows(w, ino);
	walk_content(w, ino, node.size);
}

static void walk_dir(struct walk *w, u64 dir)
{
	u8 *entries = malloc(4096);
	u64 pos = 0, ino;
	size_t used, at;
	u8 type;

	fuzz_must(entries, "no memory");
	while (w->entries < MOST_ENTRIES &&
	       fine(w, vex_dir_read(w->fs, dir, pos, entries, 4096, &used), 0) && used) {
		for (at = 0; at < used;) {
			const struct vex_dirent *d = (void *)(entries + at);
			struct vex_name name = { d->name, d->len };

			fuzz_must(d->pos >= pos && d->pos <= S64_MAX, "entries out of order");
			w->entries++;
			if (fine(w, vex_dir_lookup(w->fs, dir, &name, &ino, &type), 0))
				walk_inode(w, d->ino);
			pos = d->pos + 1;
			at += VEX_DIRENT_SIZE(d->len);
		}
		fuzz_must(at == used, "entries that overlap");
	}
	free(entries);
}

void fuzz_walk(struct vex_fs *fs, bool forged)
{
	struct walk *w = calloc(1, sizeof(*w));

	fuzz_must(w, "no memory");
	w->fs = fs;
	w->forged = forged;
	walk_inode(w, VEXFS_ROOT_INO);
	while (w->done < w->dir_count)
		walk_dir(w, w->dirs[w->done++]);
	free(w);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks a filesystem: one walk over the tree collects what refers to what, then
 * the collections are compared. Memory: a bit for each block, 40 bytes an inode.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "vex_check.h"
#include "vex_fs.h"
#include "vex_index.h"

/**
 * struct node_refs - what was seen of one inode
 * @ino: its number
 * @nlink: links that it claims
 * @entries: directory entries that name it
 * @subdirs: directories whose parent it is
 * @blocks: blocks that it claims, less those of its extents
 * @target: bytes of a symbolic link's target that were seen
 */
struct node_refs {
	u64 ino;
	u64 size;
	u64 parent;
	u64 named_in;
	s64 blocks;
	u64 target;
	u32 mode;
	u32 flags;
	u32 nlink;
	u32 entries;
	u32 subdirs;
	bool orphan;
	bool coll;
};

struct check {
	struct vex_fs *fs;
	FILE *out;
	long bad;
	u8 *used;
	u64 used_count;
	u64 tree_blocks;
	struct node_refs *nodes;
	size_t count, room;
	/* Entries and orphans, resolved when all inodes are known: (ino, dir, type). */
	u64 (*names)[3];
	size_t name_count, name_room;
};

#define ORPHAN_DIR	(~0ULL)

__attribute__((format(printf, 2, 3)))
static void report(struct check *c, const char *format, ...)
{
	va_list args;

	c->bad++;
	va_start(args, format);
	vfprintf(c->out, format, args);
	va_end(args);
	fputc('\n', c->out);
}

static void use_blocks(struct check *c, u64 block, u64 count, const char *by)
{
	for (; count; count--, block++) {
		if (c->used[block / 8] & (1u << (block & 7)))
			report(c, "block %llu: used twice, again by %s", block, by);
		c->used[block / 8] |= 1u << (block & 7);
		c->used_count++;
	}
}

static struct node_refs *node_last(struct check *c, u64 ino)
{
	return c->count && c->nodes[c->count - 1].ino == ino ? &c->nodes[c->count - 1] : NULL;
}

static int node_by_ino(const void *key, const void *elem)
{
	u64 ino = *(const u64 *)key;
	const struct node_refs *n = elem;

	return ino < n->ino ? -1 : ino > n->ino;
}

static struct node_refs *node_find(struct check *c, u64 ino)
{
	return bsearch(&ino, c->nodes, c->count, sizeof(*c->nodes), node_by_ino);
}

static int see_inode(struct check *c, u64 ino, const struct vexfs_inode_item *item)
{
	struct node_refs *n;

	if (c->count == c->room) {
		c->room = c->room ? 2 * c->room : 1024;
		n = realloc(c->nodes, c->room * sizeof(*n));
		if (!n)
			return -ENOMEM;
		c->nodes = n;
	}
	n = &c->nodes[c->count++];
	*n = (struct node_refs){
		.ino = ino,
		.size = le64_to_cpu(item->size),
		.parent = le64_to_cpu(item->parent),
		.blocks = (s64)le64_to_cpu(item->blocks),
		.mode = le32_to_cpu(item->mode),
		.flags = le32_to_cpu(item->flags),
		.nlink = le32_to_cpu(item->nlink),
	};
	if (ino >= c->fs->next_ino)
		report(c, "inode %llu: above the next number to give", ino);
	return 0;
}

static int see_name(struct check *c, u64 ino, u64 dir, u8 type)
{
	if (c->name_count == c->name_room) {
		void *more;

		c->name_room = c->name_room ? 2 * c->name_room : 1024;
		more = realloc(c->names, c->name_room * sizeof(*c->names));
		if (!more)
			return -ENOMEM;
		c->names = more;
	}
	c->names[c->name_count][0] = ino;
	c->names[c->name_count][1] = dir;
	c->names[c->name_count++][2] = type;
	return 0;
}

static int see_dirent(struct check *c, const struct vex_key *key, const u8 *data, u32 len)
{
	const struct vexfs_dirent_item *item = (const void *)data;
	u64 offset;

	if (len <= sizeof(*item) || len != sizeof(*item) + item->name_len) {
		report(c, "directory %llu: malformed entry", key->ino);
		return 0;
	}
	offset = vex_siphash(c->fs->hash_key, item + 1, item->name_len) >> 8;
	if (offset != key->offset >> VEXFS_DIRENT_SLOT_BITS)
		report(c, "directory %llu: entry with a wrong hash", key->ino);
	return see_name(c, get_unaligned_le64(&item->ino), key->ino, item->type);
}

static void see_extent(struct check *c, const struct vex_key *key, const u8 *data, u32 len,
		       u64 *end)
{
	const struct vexfs_extent_item *item = (const void *)data;
	struct node_refs *n = node_last(c, key->ino);
	u64 block = le64_to_cpu(item->block);
	u32 count = le32_to_cpu(item->count);

	if (len < sizeof(*item) || len != sizeof(*item) + count * 4ULL || !count ||
	    count > VEXFS_EXTENT_MAX || block >= c->fs->blocks || count > c->fs->blocks - block) {
		report(c, "inode %llu: malformed extent", key->ino);
		return;
	}
	if (!n)
		report(c, "inode %llu: extent without an inode", key->ino);
	else
		n->blocks -= count;
	if (key->offset < *end)
		report(c, "inode %llu: extents overlap at block %llu", key->ino,
		       key->offset);
	*end = key->offset + count;
	use_blocks(c, block, count, "file data");
}

static void see_coll(struct check *c, const struct vex_key *key, const u8 *data, u32 len)
{
	const struct vexfs_coll_item *item = (const void *)data;
	struct node_refs *n = node_last(c, key->ino);

	if (len != sizeof(*item) || !n || !(n->flags & VEXFS_INODE_COLL)) {
		report(c, "inode %llu: stray collection attributes", key->ino);
		return;
	}
	n->coll = true;
	if (le64_to_cpu(item->rows) * le32_to_cpu(item->dim) * 4 != n->size)
		report(c, "inode %llu: size does not fit its rows", key->ino);
}

/* The pieces of a target follow one another; check_node() compares their sum with the size. */
static void see_symlink(struct check *c, const struct vex_key *key, const u8 *data, u32 len)
{
	struct node_refs *n = node_last(c, key->ino);

	if (!n || !S_ISLNK(n->mode))
		report(c, "inode %llu: stray target of a symbolic link", key->ino);
	else if (key->offset != n->target || n->target % VEXFS_SYMLINK_CHUNK || !len ||
		 len > VEXFS_SYMLINK_CHUNK || memchr(data, 0, len))
		report(c, "inode %llu: malformed target of a symbolic link", key->ino);
	else
		n->target += len;
}

static int see_item(struct check *c, const struct vex_path *path, u64 *end)
{
	const u8 *data = vex_path_data(path);
	u32 len = vex_path_len(path);
	struct vex_key key;

	vex_path_key(path, &key);
	switch (key.type) {
	case VEXFS_ITEM_INODE:
		*end = 0;
		if (len == sizeof(struct vexfs_inode_item))
			return see_inode(c, key.ino, (const void *)data);
		report(c, "inode %llu: item of a wrong size", key.ino);
		return 0;
	case VEXFS_ITEM_DIRENT:
		return see_dirent(c, &key, data, len);
	case VEXFS_ITEM_EXTENT:
		see_extent(c, &key, data, len, end);
		return 0;
	case VEXFS_ITEM_COLL:
		see_coll(c, &key, data, len);
		return 0;
	case VEXFS_ITEM_TOMB:
		if (len != VEXFS_TOMB_BYTES || !node_last(c, key.ino))
			report(c, "inode %llu: stray tomb bitmap", key.ino);
		return 0;
	case VEXFS_ITEM_SYMLINK:
		see_symlink(c, &key, data, len);
		return 0;
	case VEXFS_ITEM_ORPHAN:
		return see_name(c, key.offset, ORPHAN_DIR, 0);
	case VEXFS_ITEM_BITMAP:
		return 0;
	default:
		report(c, "inode %llu: item of unknown type %u", key.ino, key.type);
		return 0;
	}
}

/* Walk all items in key order; every node on the way is counted once. */
static int walk(struct check *c)
{
	struct vex_key key = vex_key(0, 0, 0);
	u64 seen[VEXFS_MAX_LEVEL] = { 0 };
	struct vex_path path;
	u64 end = 0;
	u32 level;
	int err;

	err = vex_tree_seek(c->fs, &key, &path);
	for (; !err; err = vex_tree_next(c->fs, &path)) {
		for (level = 0; level < path.levels; level++) {
			if (path.node[level]->block == seen[level])
				continue;
			seen[level] = path.node[level]->block;
			use_blocks(c, seen[level], 1, "the tree");
			c->tree_blocks++;
		}
		err = see_item(c, &path, &end);
		if (err)
			break;
	}
	vex_path_release(c->fs, &path);
	return err == -ENOENT ? 0 : err;
}

/* The stored bitmaps against the blocks that were met. */
static int check_bitmaps(struct check *c)
{
	struct vex_fs *fs = c->fs;
	u64 block;

	for (block = 0; block < fs->blocks; block++) {
		u64 g = block / VEXFS_GROUP_BLOCKS;
		struct vex_key key = vex_key(VEXFS_SYSTEM_INO, VEXFS_ITEM_BITMAP, g);
		u32 n = block % VEXFS_GROUP_BLOCKS;
		bool used = c->used[block / 8] & (1u << (block & 7));
		static u8 bits[VEXFS_GROUP_BYTES];
		static bool present;

		if (!n) {
			struct vex_path path;
			int err = vex_item_find(fs, &key, sizeof(struct vexfs_bitmap_item), &path);

			present = !err;
			if (err && err != -ENOENT)
				return err;
			if (present)
				memcpy(bits, ((struct vexfs_bitmap_item *)
					      vex_path_data(&path))->bits, sizeof(bits));
			vex_path_release(fs, &path);
		}
		if (!present) {
			if (used && g)
				report(c, "block %llu: used, but its group has no bitmap",
				       block);
		} else if (used != !!(bits[n / 8] & (1u << (n & 7)))) {
			report(c, "block %llu: %s", block,
			       used ? "used, but marked free" : "not used, but marked so");
		}
	}
	return 0;
}

static void check_names(struct check *c)
{
	size_t i;

	for (i = 0; i < c->name_count; i++) {
		u64 dir = c->names[i][1];
		struct node_refs *n = node_find(c, c->names[i][0]);
		struct node_refs *d;

		if (!n) {
			report(c, "inode %llu: named, but not there", c->names[i][0]);
			continue;
		}
		if (dir == ORPHAN_DIR) {
			n->orphan = true;
			continue;
		}
		n->entries++;
		n->named_in = dir;
		if (c->names[i][2] != S_DT(n->mode))
			report(c, "inode %llu: an entry in %llu says another type", n->ino, dir);
		d = node_find(c, dir);
		if (!d || !S_ISDIR(d->mode))
			report(c, "inode %llu: has entries, but is no directory", dir);
		else if (S_ISDIR(n->mode))
			d->subdirs++;
	}
}

/* What an inode of its type may be and have. */
static void check_type(struct check *c, const struct node_refs *n)
{
	u64 size = n->target;

	switch (n->mode & S_IFMT) {
	case S_IFREG:
		size = n->size;
		break;
	case S_IFLNK:
		if (!size || size > VEXFS_SYMLINK_MAX)
			report(c, "inode %llu: symbolic link to %llu bytes", n->ino, size);
		break;
	case S_IFDIR:
	case S_IFIFO:
	case S_IFSOCK:
	case S_IFCHR:
	case S_IFBLK:
		break;
	default:
		report(c, "inode %llu: unknown type, mode %o", n->ino, n->mode);
	}
	if (n->size != size)
		report(c, "inode %llu: %llu bytes, %llu expected", n->ino, n->size, size);
	if (n->flags & ~(VEXFS_INODE_COLL | VEXFS_INODE_NAMELESS))
		report(c, "inode %llu: unknown flags %x", n->ino, n->flags);
	if ((n->flags & VEXFS_INODE_NAMELESS) && n->nlink)
		report(c, "inode %llu: nameless, with %u names", n->ino, n->nlink);
	if (!S_ISDIR(n->mode) && n->nlink > VEXFS_LINK_MAX)
		report(c, "inode %llu: %u names", n->ino, n->nlink);
}

static void check_node(struct check *c, const struct node_refs *n)
{
	bool root = n->ino == VEXFS_ROOT_INO;
	u32 links = n->entries;

	if (S_ISDIR(n->mode) && (root || n->entries)) {
		links = 2 + n->subdirs;
		if (n->parent != (root ? n->ino : n->named_in))
			report(c, "directory %llu: wrong parent", n->ino);
		if (n->entries > 1)
			report(c, "directory %llu: two names", n->ino);
	}
	check_type(c, n);
	if (n->nlink != links)
		report(c, "inode %llu: %u links, %u found", n->ino, n->nlink, links);
	if (!n->nlink && !n->orphan)
		report(c, "inode %llu: no name and no orphan item", n->ino);
	if (n->blocks)
		report(c, "inode %llu: block count off by %lld", n->ino, n->blocks);
	if ((n->flags & VEXFS_INODE_COLL) && !n->coll)
		report(c, "inode %llu: collection without attributes", n->ino);
}

static void check_counts(struct check *c)
{
	struct vex_fs *fs = c->fs;

	if (fs->free != fs->blocks - c->used_count)
		report(c, "superblock: %llu free blocks, %llu found", fs->free,
		       fs->blocks - c->used_count);
	if (fs->tree_blocks != c->tree_blocks)
		report(c, "superblock: %llu tree nodes, %llu found",
		       fs->tree_blocks, c->tree_blocks);
	if (fs->inode_count != c->count)
		report(c, "superblock: %llu inodes, %zu found", fs->inode_count, c->count);
}

long vex_check(struct vex_fs *fs, FILE *out)
{
	struct check c = { .fs = fs, .out = out };
	long err;
	size_t i;

	if (fs->changed)
		return -EBUSY;
	c.used = calloc(1, fs->blocks / 8 + 1);
	if (!c.used)
		return -ENOMEM;
	use_blocks(&c, 0, 1, "the boot block");
	use_blocks(&c, VEXFS_SUPER_BLOCK(0), 1, "a superblock");
	use_blocks(&c, VEXFS_SUPER_BLOCK(1), 1, "a superblock");
	vex_read_lock(&fs->lock);
	err = walk(&c);
	if (!err)
		err = check_bitmaps(&c);
	vex_read_unlock(&fs->lock);
	if (!err) {
		check_names(&c);
		for (i = 0; i < c.count; i++)
			check_node(&c, &c.nodes[i]);
		check_counts(&c);
	}
	free(c.names);
	free(c.nodes);
	free(c.used);
	return err ? err : c.bad;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Items: each by itself, and against what came before it; who refers to what is collected. */
#include <stdlib.h>

#include "check.h"
#include "vex_index.h"
#include "vex_leaf.h"

#define FILE_BLOCKS_MAX	(((u64)S64_MAX >> VEXFS_BLOCK_SHIFT) + 1)

static struct check_inode *inode_last(struct check *c, u64 ino)
{
	return c->inode_count && c->inodes[c->inode_count - 1].ino == ino ?
	       &c->inodes[c->inode_count - 1] : NULL;
}

static int inode_cmp(const void *key, const void *elem)
{
	u64 ino = *(const u64 *)key;
	const struct check_inode *n = elem;

	return ino < n->ino ? -1 : ino > n->ino;
}

struct check_inode *inode_find(struct check *c, u64 ino)
{
	return c->inode_count ? bsearch(&ino, c->inodes, c->inode_count, sizeof(*c->inodes),
					inode_cmp) : NULL;
}

static struct check_inode *inode_add(struct check *c, u64 ino)
{
	c->inodes = check_grow(c, c->inodes, c->inode_count, &c->inode_room, sizeof(*c->inodes));
	if (c->err)
		return NULL;
	c->inodes[c->inode_count] = (struct check_inode){ .ino = ino };
	c->max_ino = ino;
	return &c->inodes[c->inode_count++];
}

static bool mode_known(u32 mode)
{
	return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode) || S_ISCHR(mode) ||
	       S_ISBLK(mode) || S_ISFIFO(mode) || S_ISSOCK(mode);
}

u32 inode_true_mode(const struct check_inode *n)
{
	if (n->ino == VEXFS_ROOT_INO && !S_ISDIR(n->mode))
		return S_IFDIR | 0755;
	if (n->broken_link)
		return S_IFREG | (n->mode & 07777);
	if (mode_known(n->mode))
		return n->mode & (S_IFMT | 07777);
	return (n->dirents ? S_IFDIR : S_IFREG) | (n->mode & 07777);
}

u32 inode_true_flags(const struct check_inode *n)
{
	u32 flags = n->flags & (VEXFS_INODE_COLL | VEXFS_INODE_NAMELESS);

	/* The attributes tell whether it is a collection; links that it has a name. */
	flags = n->coll ? flags | VEXFS_INODE_COLL : flags & ~VEXFS_INODE_COLL;
	return n->nlink || n->entries || n->lost ? flags & ~VEXFS_INODE_NAMELESS : flags;
}

/* Written blocks lie behind the end, and no cut is under way. */
bool size_short(const struct check_inode *n)
{
	return !n->orphan && n->size <= S64_MAX &&
	       inode_end(n) > DIV_ROUND_UP(n->size, (u64)VEXFS_BLOCK_SIZE);
}

u64 inode_true_size(struct check *c, const struct check_inode *n)
{
	u32 mode = inode_true_mode(n);
	struct check_coll *k = n->coll ? coll_find(c, n->ino) : NULL;

	if (k)
		return k->keep * k->row_bytes;
	if (n->broken_link || !(S_ISREG(mode) || S_ISLNK(mode)))
		return 0;
	if (n->size > S64_MAX || size_short(n))
		return inode_end(n) << VEXFS_BLOCK_SHIFT;
	return n->size;
}

/* May an inode of this kind own an item of this type? Items come in the order of types. */
bool item_fits(const struct check_inode *n, u8 type)
{
	u32 mode = inode_true_mode(n);

	switch (type) {
	case VEXFS_ITEM_DIRENT:
		return S_ISDIR(mode) || !mode_known(n->mode);
	case VEXFS_ITEM_EXTENT:
	case VEXFS_ITEM_COLL:
	case VEXFS_ITEM_TOMB:
	case VEXFS_ITEM_META:
		return S_ISREG(mode);
	case VEXFS_ITEM_SYMLINK:
		return S_ISLNK(mode);
	default:
		return true;
	}
}

static const char *system_item_wrong(const struct check *c, const struct check_item *it,
				     enum vex_problem_code *code)
{
	const struct vexfs_bitmap_item *map = (const void *)it->data;

	*code = VEX_P_BITMAP_FORM;
	if (it->key.type == VEXFS_ITEM_BITMAP) {
		if (it->len != sizeof(*map) || map->reserved)
			return "malformed bitmap";
		return it->key.offset < c->used.nr_groups ? NULL : "bitmap of blocks past the end";
	}
	*code = VEX_P_ORPHAN_FORM;
	return it->len ? "orphan item with data" : NULL;
}

/* NULL, or why an item of this type, key and size cannot be. */
const char *item_wrong(const struct check *c, const struct check_item *it,
		       enum vex_problem_code *code)
{
	bool system = it->key.type == VEXFS_ITEM_BITMAP || it->key.type == VEXFS_ITEM_ORPHAN;
	u32 want = it->len;

	*code = VEX_P_ITEM_FORM;
	switch (it->key.type) {
	case VEXFS_ITEM_INODE:
		want = sizeof(struct vexfs_inode_item);
		break;
	case VEXFS_ITEM_TOMB:
		want = VEXFS_TOMB_BYTES;
		break;
	case VEXFS_ITEM_COLL:
		*code = VEX_P_COLL_FORM;
		want = sizeof(struct vexfs_coll_item);
		break;
	case VEXFS_ITEM_DIRENT:
	case VEXFS_ITEM_EXTENT:
	case VEXFS_ITEM_META:
	case VEXFS_ITEM_SYMLINK:
	case VEXFS_ITEM_XATTR:
	case VEXFS_ITEM_BITMAP:
	case VEXFS_ITEM_ORPHAN:
		break;
	default:
		*code = VEX_P_ITEM_UNKNOWN;
		return "item of an unknown type";
	}
	if (it->len != want || it->len > VEX_ITEM_MAX)
		return "item of a wrong size";
	if (it->key.offset && (it->key.type == VEXFS_ITEM_INODE ||
			       it->key.type == VEXFS_ITEM_COLL))
		return "item with a wrong offset";
	if (system != (it->key.ino == VEXFS_SYSTEM_INO)) {
		*code = VEX_P_ITEM_STRAY;
		return "item of a wrong owner";
	}
	return system ? system_item_wrong(c, it, code) : NULL;
}

/* ---- inodes -------------------------------------------------------------------------- */

static bool times_right(const struct vexfs_inode_item *item)
{
	const struct vexfs_time *t = &item->atime;

	for (u32 i = 0; i < 4; i++)
		if (le32_to_cpu(t[i].nsec) >= 1000000000u || t[i].reserved)
			return false;
	return true;
}

static void judge_inode(struct check *c, const struct check_inode *n, u64 block)
{
	u32 mode = inode_true_mode(n);

	if (mode != n->mode)
		check_problem(c, VEX_P_INODE_MODE, block, n->ino, "impossible mode 0%o", n->mode);
	if (n->size > S64_MAX || (n->size && !S_ISREG(mode) && !S_ISLNK(mode)))
		check_problem(c, VEX_P_INODE_SIZE, block, n->ino, "impossible size %llu", n->size);
	if (n->flags & ~(VEXFS_INODE_COLL | VEXFS_INODE_NAMELESS) ||
	    (n->flags & VEXFS_INODE_NAMELESS && n->nlink))
		check_problem(c, VEX_P_INODE_FLAGS, block, n->ino, "impossible flags 0x%x",
			      n->flags);
	if (!S_ISDIR(mode) && n->parent >> (S_ISCHR(mode) || S_ISBLK(mode) ? 32 : 0))
		check_problem(c, VEX_P_INODE_PARENT, block, n->ino,
			      "a parent of %llu, which only directories have", n->parent);
	if (n->bad_time)
		check_problem(c, VEX_P_INODE_TIME, block, n->ino, "impossible time");
	if (!S_ISREG(mode) && !S_ISDIR(mode))
		c->missing_features |= VEXFS_FEATURE_SPECIAL & ~c->result.features;
}

static void see_inode(struct check *c, const struct check_item *it)
{
	const struct vexfs_inode_item *item = (const void *)it->data;
	struct check_inode *n = inode_add(c, it->key.ino);

	if (!n)
		return;
	n->size = le64_to_cpu(item->size);
	n->parent = le64_to_cpu(item->parent);
	n->blocks = le64_to_cpu(item->blocks);
	n->mode = le32_to_cpu(item->mode);
	n->flags = le32_to_cpu(item->flags);
	n->nlink = le32_to_cpu(item->nlink);
	n->bad_time = !times_right(item);
	c->real_inodes++;
	judge_inode(c, n, it->block);
}

/* ---- directory entries --------------------------------------------------------------- */

bool name_legal(const u8 *name, u32 len)
{
	if (!len || memchr(name, '/', len) || memchr(name, 0, len))
		return false;
	return !(name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')));
}

/* Is this name in the directory already? Names of one hash stand side by side. */
static bool name_again(struct check *c, u64 dir, u64 hash, const u8 *name, u32 len)
{
	struct dup_names *d = c->dup;

	if (d->dir != dir || d->hash != hash || d->count == VEXFS_DIRENT_SLOTS) {
		d->dir = dir;
		d->hash = hash;
		d->count = 0;
	}
	for (u32 i = 0; i < d->count; i++)
		if (d->len[i] == len && !memcmp(d->name[i], name, len))
			return true;
	d->len[d->count] = len;
	memcpy(d->name[d->count++], name, len);
	return false;
}

enum verdict judge_dirent(struct check *c, const struct check_item *it, bool report)
{
	const struct vexfs_dirent_item *item = (const void *)it->data;
	const u8 *name = it->data + sizeof(*item);
	enum vex_problem_code code = VEX_P_DIRENT_FORM;
	const char *what = NULL;
	u64 hash;

	if (it->len <= sizeof(*item) || it->len != sizeof(*item) + item->name_len ||
	    it->key.offset > S64_MAX) {
		what = "malformed directory entry";
	} else if (!name_legal(name, item->name_len)) {
		code = VEX_P_DIRENT_NAME;
		what = "directory entry with an illegal name";
	} else {
		hash = vex_siphash(c->hash_key, name, item->name_len) >> 8;
		if (hash != it->key.offset >> VEXFS_DIRENT_SLOT_BITS) {
			code = VEX_P_DIRENT_HASH;
			what = "directory entry where its name does not belong";
		} else if (name_again(c, it->key.ino, hash, name, item->name_len)) {
			code = VEX_P_DIRENT_TWICE;
			what = "directory entry with a name that another has";
		}
	}
	if (!what)
		return KEEP;
	if (report)
		check_problem(c, code, it->block, it->key.ino, "%s", what);
	return code == VEX_P_DIRENT_NAME || code == VEX_P_DIRENT_HASH ? REENTER : DROP;
}

static void see_dirent(struct check *c, const struct check_item *it)
{
	static const char lost_found[] = "lost+found";
	const struct vexfs_dirent_item *item = (const void *)it->data;
	enum verdict verdict = judge_dirent(c, it, true);

	if (verdict == DROP)
		return;
	if (verdict == KEEP && it->key.ino == VEXFS_ROOT_INO &&
	    item->name_len == strlen(lost_found) && !memcmp(item + 1, lost_found, item->name_len)) {
		c->lost_found = get_unaligned_le64(&item->ino);
		c->lost_found_taken = true;
	}
	c->names = check_grow(c, c->names, c->name_count, &c->name_room, sizeof(*c->names));
	if (!c->err)
		c->names[c->name_count++] = (struct check_name){
			get_unaligned_le64(&item->ino), it->key.ino, it->key.offset, item->type,
		};
}

/* ---- file data ----------------------------------------------------------------------- */

bool extent_is_unwritten(const struct check_item *it)
{
	const struct vexfs_extent_item *item = (const void *)it->data;

	return le32_to_cpu(item->flags) & VEXFS_EXTENT_UNWRITTEN;
}

bool extent_form(const struct check_item *it)
{
	const struct vexfs_extent_item *item = (const void *)it->data;
	bool unwritten = it->len >= sizeof(*item) && extent_is_unwritten(it);
	u32 most = unwritten ? VEXFS_UNWRITTEN_MAX : VEXFS_EXTENT_MAX, count;

	if (it->len < sizeof(*item) || le32_to_cpu(item->flags) & ~VEXFS_EXTENT_UNWRITTEN)
		return false;
	count = le32_to_cpu(item->count);
	return count && count <= most && it->len == vex_extent_len(count, unwritten);
}

/* Do the blocks of an extent hold what it says? */
static bool extent_true(struct check *c, const struct check_item *it)
{
	const struct vexfs_extent_item *item = (const void *)it->data;
	const __le32 *csums = (const void *)(item + 1);
	u8 *data = vex_alloc(VEXFS_BLOCK_SIZE);
	bool fits = data && !extent_is_unwritten(it);

	for (u32 i = 0; i < le32_to_cpu(item->count) && fits; i++)
		fits = !c->io.ops->read(c->io.ctx, le64_to_cpu(item->block) + i, 1, data) &&
		       vex_block_csum(data) == le32_to_cpu(csums[i]);
	vex_free(data);
	return fits;
}

/* Blocks that are in use already, or that another claims with more right. */
static bool extent_shared(struct check *c, struct block_map *map, const struct check_item *it)
{
	const struct vexfs_extent_item *item = (const void *)it->data;
	u64 block = le64_to_cpu(item->block);
	u32 count = le32_to_cpu(item->count);

	if (c->contest && map_any(&c->contested, block, count) && !extent_true(c, it))
		return true;
	if (!map_any(map, block, count))
		return false;
	if (!c->contest && map_add(&c->contested, block, count))
		c->err = -ENOMEM;
	return true;
}

static const char *extent_wrong(struct check *c, struct block_map *map,
				const struct check_inode *n, const struct check_item *it,
				enum vex_problem_code *code)
{
	const struct vexfs_extent_item *item = (const void *)it->data;
	u64 block, count;

	*code = VEX_P_EXTENT_FORM;
	if (!extent_form(it))
		return "malformed extent";
	block = le64_to_cpu(item->block);
	count = le32_to_cpu(item->count);
	*code = VEX_P_EXTENT_RANGE;
	if (block >= c->blocks || count > c->blocks - block)
		return "extent outside of the filesystem";
	if (!block || (block <= VEXFS_SUPER_BLOCK(0) && block + count > VEXFS_SUPER_BLOCK(0)) ||
	    (block <= VEXFS_SUPER_BLOCK(1) && block + count > VEXFS_SUPER_BLOCK(1)))
		return "extent over a reserved block";
	if (it->key.offset > FILE_BLOCKS_MAX - count)
		return "extent past the end of any file";
	*code = VEX_P_EXTENT_OVERLAP;
	if (c->extent_ino == n->ino && it->key.offset < c->extent_end)
		return "extent over another one of the file";
	*code = VEX_P_EXTENT_SHARED;
	return extent_shared(c, map, it) ? "extent with blocks that belong to something else" : NULL;
}

enum verdict judge_extent(struct check *c, struct block_map *map, struct check_inode *n,
			  const struct check_item *it, bool report)
{
	const struct vexfs_extent_item *item = (const void *)it->data;
	enum vex_problem_code code;
	const char *what = extent_wrong(c, map, n, it, &code);
	u32 count;

	if (what) {
		if (report)
			check_problem(c, code, it->block, n->ino, "%s, at file block %llu", what,
				      it->key.offset);
		n->hurt = true;
		return DROP;
	}
	count = le32_to_cpu(item->count);
	c->extent_ino = n->ino;
	c->extent_end = it->key.offset + count;
	if (map_add(map, le64_to_cpu(item->block), count))
		c->err = -ENOMEM;
	return KEEP;
}

static void see_extent(struct check *c, struct check_inode *n, const struct check_item *it)
{
	const struct vexfs_extent_item *item = (const void *)it->data;
	u64 limit = n->size > S64_MAX ? U64_MAX : DIV_ROUND_UP(n->size, (u64)VEXFS_BLOCK_SIZE);
	u32 count;

	if (judge_extent(c, &c->used, n, it, true) != KEEP)
		return;
	count = le32_to_cpu(item->count);
	n->found += count;
	if (extent_is_unwritten(it)) {
		c->result.unwritten += count;
		c->missing_features |= VEXFS_FEATURE_UNWRITTEN & ~c->result.features;
	}
	limit = it->key.offset + count > limit ?
		min_t(u64, count, it->key.offset + count - limit) : 0;
	/* What is only allocated may lie behind the end. */
	if (it->key.offset >= VEXFS_INDEX_FBLOCK) {
		n->far_past += limit;
		n->far = extent_is_unwritten(it) ? n->far : it->key.offset + count;
	} else {
		n->past += limit;
		n->end = extent_is_unwritten(it) ? n->end : it->key.offset + count;
	}
}

/* ---- collections --------------------------------------------------------------------- */

bool coll_sound(const struct vexfs_coll_item *item, u32 *row_bytes)
{
	u32 dim = le32_to_cpu(item->dim);

	if (!vex_elem_served(item->elem, item->metric) || !vex_index_ops(item->index) ||
	    item->flags || !dim || dim > VEXFS_MAX_DIM)
		return false;
	*row_bytes = vex_row_bytes(item->elem, dim);
	return le64_to_cpu(item->rows) <= S64_MAX / *row_bytes;
}

static void see_coll(struct check *c, struct check_inode *n, const struct check_item *it)
{
	const struct vexfs_coll_item *item = (const void *)it->data;
	struct check_coll *k;
	u32 row_bytes;

	n->coll = coll_sound(item, &row_bytes);
	n->coll_bad = !n->coll;
	if (!n->coll) {
		check_problem(c, VEX_P_COLL_FORM, it->block, n->ino,
			      "impossible attributes of a collection");
		return;
	}
	c->colls = check_grow(c, c->colls, c->coll_count, &c->coll_room, sizeof(*c->colls));
	if (c->err)
		return;
	k = &c->colls[c->coll_count++];
	*k = (struct check_coll){
		.ino = n->ino, .rows = le64_to_cpu(item->rows), .live = le64_to_cpu(item->live),
		.row_bytes = row_bytes, .index = item->index,
	};
	c->missing_features |= vex_coll_features(item->index, item->elem) & ~c->result.features;
	k->keep = coll_true_rows(k, n);
}

static void see_tomb(struct check *c, struct check_inode *n, const struct check_item *it)
{
	struct check_coll *k = n->coll ? &c->colls[c->coll_count - 1] : NULL;
	u64 first, past = 0;

	if (!k) {
		/* After a bad collection item it goes with it. */
		if (!n->coll_bad)
			check_problem(c, VEX_P_ITEM_STRAY, it->block, n->ino,
				      "deleted rows of a file that is no collection");
		return;
	}
	meta_note_tomb(c, it);
	if (it->key.offset > U64_MAX / VEXFS_TOMB_ROWS - 1) {
		check_problem(c, VEX_P_TOMB_RANGE, it->block, n->ino, "deleted rows past all rows");
		return;
	}
	first = it->key.offset * VEXFS_TOMB_ROWS;
	for (u32 i = 0; i < VEXFS_TOMB_BYTES; i++) {
		u32 here = hweight8(it->data[i]), in = 0;
		u64 row = first + i * 8;

		for (u32 bit = 0; here && bit < 8; bit++, row++) {
			if (!(it->data[i] >> bit & 1))
				continue;
			in += row < k->rows;
			k->keep_tombs += row < k->keep;
		}
		k->tombs += in;
		past += here - in;
	}
	if (past)
		check_problem(c, VEX_P_TOMB_RANGE, it->block, n->ino,
			      "%llu rows marked as deleted past the last row", past);
}

static void see_meta(struct check *c, struct check_inode *n, const struct check_item *it)
{
	struct check_coll *k = n->coll ? &c->colls[c->coll_count - 1] : NULL;
	enum vex_problem_code code;
	const char *what;

	if (!k) {
		if (!n->coll_bad)
			check_problem(c, VEX_P_ITEM_STRAY, it->block, n->ino,
				      "metadata of rows of a file that is no collection");
		return;
	}
	c->missing_features |= VEXFS_FEATURE_ROW_META & ~c->result.features;
	what = meta_wrong(c, k->rows, it, &code);
	if (what)
		check_problem(c, code, it->block, n->ino, "row %llu: %s", it->key.offset, what);
}

/* The pieces of a target follow one another. */
static void see_target(struct check *c, struct check_inode *n, const struct check_item *it)
{
	c->missing_features |= VEXFS_FEATURE_SPECIAL & ~c->result.features;
	if (it->key.offset != n->target || n->target % VEXFS_SYMLINK_CHUNK || !it->len ||
	    it->len > VEXFS_SYMLINK_CHUNK || memchr(it->data, 0, it->len))
		n->bad_target = true;
	n->target += it->len;
}

/* ---- all of them ----------------------------------------------------------------------- */

static void see_system(struct check *c, const struct check_item *it)
{
	if (it->key.type == VEXFS_ITEM_BITMAP) {
		vex_bit_set(c->bitmap_seen, it->key.offset);
		return;
	}
	c->orphans = check_grow(c, c->orphans, c->orphan_count, &c->orphan_room,
				sizeof(*c->orphans));
	if (!c->err)
		c->orphans[c->orphan_count++] = it->key.offset;
}

/* The owner of an item, made up for a directory that lost its own. */
static struct check_inode *owner(struct check *c, const struct check_item *it)
{
	struct check_inode *n = inode_last(c, it->key.ino);

	if (n || it->key.type != VEXFS_ITEM_DIRENT)
		return n;
	check_problem(c, VEX_P_DIR_MISSING, it->block, it->key.ino,
		      "directory entries without a directory");
	n = inode_add(c, it->key.ino);
	if (n) {
		n->missing = true;
		n->mode = S_IFDIR | 0700;
	}
	return n;
}

static int see_item(struct check *c, const struct check_item *it, void *arg)
{
	enum vex_problem_code code;
	const char *what = item_wrong(c, it, &code);
	struct check_inode *n;

	if (what) {
		check_problem(c, code, it->block, it->key.ino, "%s (type %u)", what, it->key.type);
		n = inode_last(c, it->key.ino);
		if (n && code == VEX_P_COLL_FORM)
			n->coll_bad = true;
		if (code == VEX_P_BITMAP_FORM && it->key.offset < c->used.nr_groups) {
			vex_bit_set(c->bitmap_seen, it->key.offset);
			vex_bit_set(c->bitmap_wrong, it->key.offset);
		}
		return c->err;
	}
	if (it->key.ino == VEXFS_SYSTEM_INO) {
		see_system(c, it);
		return c->err;
	}
	if (it->key.type == VEXFS_ITEM_INODE) {
		see_inode(c, it);
		return c->err;
	}
	n = owner(c, it);
	if (!n || (n->missing && it->key.type != VEXFS_ITEM_DIRENT)) {
		check_problem(c, VEX_P_ITEM_STRAY, it->block, it->key.ino,
			      "item (type %u) of an inode that is not there", it->key.type);
		return c->err;
	}
	if (!item_fits(n, it->key.type)) {
		check_problem(c, VEX_P_ITEM_MISFIT, it->block, n->ino,
			      "item (type %u) that a file of its kind cannot have", it->key.type);
		return c->err;
	}
	switch (it->key.type) {
	case VEXFS_ITEM_DIRENT:
		n->dirents = true;
		see_dirent(c, it);
		break;
	case VEXFS_ITEM_EXTENT:
		see_extent(c, n, it);
		break;
	case VEXFS_ITEM_COLL:
		see_coll(c, n, it);
		break;
	case VEXFS_ITEM_TOMB:
		see_tomb(c, n, it);
		break;
	case VEXFS_ITEM_META:
		see_meta(c, n, it);
		break;
	case VEXFS_ITEM_XATTR:
		check_xattr_see(c, it);
		break;
	case VEXFS_ITEM_SYMLINK:
		see_target(c, n, it);
		break;
	}
	return c->err;
}

void items_reset(struct check *c)
{
	c->inode_count = 0;
	c->result.unwritten = 0;
	c->name_count = 0;
	c->orphan_count = 0;
	c->coll_count = 0;
	c->tomb_ino = 0;
	c->real_inodes = 0;
	c->max_ino = 0;
	c->missing_features = 0;
	c->lost_found = 0;
	c->lost_found_taken = false;
	c->bad_xattr_count = 0;
	memset(&c->xattr, 0, sizeof(c->xattr));
	c->extent_ino = 0;
	c->extent_end = 0;
	c->dup->count = 0;
	c->dup->dir = 0;
	memset(c->bitmap_seen, 0, c->used.nr_groups / 8 + 1);
	memset(c->bitmap_wrong, 0, c->used.nr_groups / 8 + 1);
}

int check_items(struct check *c)
{
	int err = 0;

	items_reset(c);
	for (size_t i = 0; i < c->leaf_count && !err; i++) {
		err = leaf_read(c, i);
		if (!err)
			err = leaf_each(c, i, see_item, NULL);
		else if (err > 0)
			err = 0;
		if (!err)
			err = check_progress(c, 1);
	}
	check_xattr_end(c);
	return err;
}

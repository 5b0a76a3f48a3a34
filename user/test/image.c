// SPDX-License-Identifier: GPL-2.0-only
/*
 * Verifies an image by the words of vexfs_format.h alone: nothing of the core but its checksum
 * and name hash is used. First the tree is walked into a sorted list of items, then each kind of
 * item is held against the others, then the bitmaps against all blocks that are referred to.
 */
#include "core.h"

struct item {
	u64 ino;
	u64 offset;
	u32 type;
	u32 len;
	const u8 *data;
};

/* What other items say of an inode. */
struct tally {
	u64 ino;
	u64 names;
	u64 subdirs;
	u64 blocks;
	u64 end;
	u64 tombs;
	u64 target;
};

struct check {
	const struct vex_io_mem *m;
	const struct vexfs_super *sb;
	u64 blocks;
	u8 *used;
	struct item *items;
	size_t count;
	size_t room;
	struct tally *tallies;
	size_t inodes;
	u64 nodes;
	u64 data;
	u64 unwritten;
	u64 orphans;
	char wrong[200];
};

#define WRONG(c, ...) (snprintf((c)->wrong, sizeof((c)->wrong), __VA_ARGS__), false)

/* ---- superblocks ---------------------------------------------------------------- */

static const struct vexfs_super *super_at(const struct vex_io_mem *m, u32 slot)
{
	const struct vexfs_super *sb = (const void *)vex_io_mem_peek(m, VEXFS_SUPER_BLOCK(slot));

	if (!sb || le64_to_cpu(sb->magic) != VEXFS_SUPER_MAGIC ||
	    le32_to_cpu(sb->csum) != vex_crc32c((const u8 *)sb + 4, VEXFS_BLOCK_SIZE - 4) ||
	    (le64_to_cpu(sb->generation) & 1) != slot)
		return NULL;
	return sb;
}

/* Only the four features of this version, and the right names for those that are set. */
static bool features_sound(const struct vexfs_super *sb)
{
	static const char names[64][24] = {
		"xattr", "symlink-special", "unwritten", "row-metadata",
	};
	static const char none[24];
	u64 features = le64_to_cpu(sb->features);

	for (u32 bit = 0; bit < 64; bit++)
		if (memcmp(sb->feature_names[bit], features >> bit & 1 ? names[bit] : none, 24))
			return false;
	return !(features >> 4);
}

static bool super_check(struct check *c)
{
	const struct vexfs_super *a = super_at(c->m, 0), *b = super_at(c->m, 1);

	c->sb = a;
	if (b && (!a || le64_to_cpu(b->generation) > le64_to_cpu(a->generation)))
		c->sb = b;
	if (!c->sb)
		return WRONG(c, "no valid superblock");
	c->blocks = le64_to_cpu(c->sb->block_count);
	if (le32_to_cpu(c->sb->version) != VEXFS_FORMAT_VERSION || !features_sound(c->sb) ||
	    le32_to_cpu(c->sb->block_size) != VEXFS_BLOCK_SIZE ||
	    memchr_inv(c->sb->reserved, 0, sizeof(c->sb->reserved)))
		return WRONG(c, "superblock: a field has a wrong value");
	return true;
}

/* ---- tree ------------------------------------------------------------------------- */

/* Note a block as used, once. */
static bool use(struct check *c, u64 block, const char *what, u64 whose)
{
	if (block >= c->blocks || c->used[block])
		return WRONG(c, "block %llu of %s %llu is %s", block, what, whose,
			     block >= c->blocks ? "outside" : "used twice");
	c->used[block] = 1;
	return true;
}

static int key_cmp(const struct item *a, const struct item *b)
{
	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static bool leaf_check(struct check *c, u64 block, const struct vexfs_node *hdr)
{
	const struct vexfs_item *it = (const void *)(hdr + 1);
	u32 count = le16_to_cpu(hdr->count), end = VEXFS_BLOCK_SIZE;

	for (u32 i = 0; i < count; i++) {
		struct item item = { le64_to_cpu(it[i].ino), le64_to_cpu(it[i].offset),
				     it[i].type, le16_to_cpu(it[i].len),
				     (const u8 *)hdr + le16_to_cpu(it[i].data) };

		if (le16_to_cpu(it[i].data) + round_up(item.len, 8u) != end ||
		    (u8 *)&it[i + 1] > item.data || memchr_inv(it[i].reserved, 0, 3) ||
		    memchr_inv(item.data + item.len, 0, -item.len & 7))
			return WRONG(c, "leaf %llu: item %u is misplaced or unclean", block, i);
		end -= round_up(item.len, 8u);
		if (c->count && key_cmp(&c->items[c->count - 1], &item) >= 0)
			return WRONG(c, "leaf %llu: item %u is out of order", block, i);
		if (c->count == c->room) {
			c->room = c->room ? 2 * c->room : 256;
			c->items = realloc(c->items, c->room * sizeof(item));
		}
		c->items[c->count++] = item;
	}
	if (memchr_inv(&it[count], 0, (const u8 *)hdr + end - (const u8 *)&it[count]))
		return WRONG(c, "leaf %llu: unused bytes are not zero", block);
	return true;
}

static bool node_check(struct check *c, u64 block, u64 generation, u32 level)
{
	const struct vexfs_node *hdr = (const void *)vex_io_mem_peek(c->m, block);
	const struct vexfs_child *ch = (const void *)(hdr + 1);

	if (!use(c, block, "the tree, level", level))
		return false;
	c->nodes++;
	if (le32_to_cpu(hdr->magic) != VEXFS_NODE_MAGIC ||
	    le32_to_cpu(hdr->csum) != vex_crc32c((const u8 *)hdr + 4, VEXFS_BLOCK_SIZE - 4) ||
	    memcmp(&hdr->fsid, c->sb->uuid, 8) || le64_to_cpu(hdr->block) != block ||
	    le64_to_cpu(hdr->generation) != generation || le16_to_cpu(hdr->level) != level ||
	    generation > le64_to_cpu(c->sb->generation) || hdr->reserved)
		return WRONG(c, "node %llu: wrong header or checksum", block);
	if (!level)
		return leaf_check(c, block, hdr);
	if (!le16_to_cpu(hdr->count) ||
	    le16_to_cpu(hdr->count) > (VEXFS_BLOCK_SIZE - sizeof(*hdr)) / sizeof(*ch))
		return WRONG(c, "node %llu: %u children", block, le16_to_cpu(hdr->count));
	for (u32 i = 0; i < le16_to_cpu(hdr->count); i++) {
		struct item key = { .ino = le64_to_cpu(ch[i].ino), .type = ch[i].type,
				    .offset = le64_to_cpu(ch[i].offset) };
		size_t first = c->count;

		if (!node_check(c, le64_to_cpu(ch[i].block), le64_to_cpu(ch[i].generation),
				level - 1))
			return false;
		if (first && key_cmp(&c->items[first - 1], &key) >= 0)
			return WRONG(c, "node %llu: key %u is not above its left", block, i);
		if (first < c->count && key_cmp(&key, &c->items[first]) > 0)
			return WRONG(c, "node %llu: key %u is above its child", block, i);
	}
	return true;
}

/* ---- items ------------------------------------------------------------------------- */

static const struct item *find(const struct check *c, u64 ino, u32 type, u64 offset)
{
	struct item key = { .ino = ino, .type = type, .offset = offset };
	size_t low = 0, high = c->count;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int cmp = key_cmp(&c->items[mid], &key);

		if (!cmp)
			return &c->items[mid];
		if (cmp < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static const struct vexfs_inode_item *inode_of(const struct check *c, u64 ino)
{
	const struct item *item = find(c, ino, VEXFS_ITEM_INODE, 0);

	if (!item || item->len != sizeof(struct vexfs_inode_item))
		return NULL;
	return (const void *)item->data;
}

static bool dirent_check(struct check *c, const struct item *it)
{
	const struct vexfs_dirent_item *d = (const void *)it->data;
	const u64 key[2] = { le64_to_cpu(c->sb->hash_key[0]), le64_to_cpu(c->sb->hash_key[1]) };
	const struct vexfs_inode_item *dir = inode_of(c, it->ino), *to;
	u64 hash;

	if (it->len <= sizeof(*d) || it->len != sizeof(*d) + d->name_len)
		return WRONG(c, "directory %llu: malformed entry", it->ino);
	to = inode_of(c, le64_to_cpu(d->ino));
	if (!dir || !S_ISDIR(le32_to_cpu(dir->mode)) || !to)
		return WRONG(c, "entry in %llu without its inodes", it->ino);
	hash = vex_siphash(key, d + 1, d->name_len) >> 8 << VEXFS_DIRENT_SLOT_BITS;
	if (it->offset - hash >= VEXFS_DIRENT_SLOTS)
		return WRONG(c, "directory %llu: entry at a wrong hash", it->ino);
	if (d->type != S_DT(le32_to_cpu(to->mode)))
		return WRONG(c, "directory %llu: entry with a wrong type", it->ino);
	if (d->type == DT_DIR && le64_to_cpu(to->parent) != it->ino)
		return WRONG(c, "directory %llu: a wrong parent", le64_to_cpu(d->ino));
	return true;
}

/* Blocks that an extent says it has; its length is checked elsewhere. */
static u32 extent_count(const struct item *it)
{
	return le32_to_cpu(((const struct vexfs_extent_item *)it->data)->count);
}

static bool extent_check(struct check *c, const struct item *it)
{
	const struct vexfs_extent_item *e = (const void *)it->data;
	const __le32 *csums = (const void *)(e + 1);
	const struct item *before = it > c->items ? it - 1 : NULL;
	u32 count = it->len < sizeof(*e) ? 0 : le32_to_cpu(e->count);
	bool unwritten = e->flags == cpu_to_le32(VEXFS_EXTENT_UNWRITTEN);

	if (!inode_of(c, it->ino) || !count || (e->flags && !unwritten) ||
	    count > (unwritten ? VEXFS_UNWRITTEN_MAX : VEXFS_EXTENT_MAX) ||
	    it->len != sizeof(*e) + (unwritten ? 0 : 4 * count))
		return WRONG(c, "inode %llu: malformed extent", it->ino);
	if (unwritten && !(le64_to_cpu(c->sb->features) & VEXFS_FEATURE_UNWRITTEN))
		return WRONG(c, "inode %llu: unwritten extent without the feature", it->ino);
	if (before && before->ino == it->ino && before->type == it->type &&
	    before->offset + extent_count(before) > it->offset)
		return WRONG(c, "inode %llu: overlapping extents", it->ino);
	for (u32 i = 0; i < count; i++) {
		u64 block = le64_to_cpu(e->block) + i;

		if (!use(c, block, "inode", it->ino))
			return false;
		if (!unwritten && vex_crc32c(vex_io_mem_peek(c->m, block), VEXFS_BLOCK_SIZE) !=
		    le32_to_cpu(csums[i]))
			return WRONG(c, "inode %llu: block %llu: wrong checksum", it->ino, block);
	}
	c->data += count;
	c->unwritten += unwritten ? count : 0;
	return true;
}

static struct tally *tally_of(const struct check *c, u64 ino)
{
	size_t low = 0, high = c->inodes;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (c->tallies[mid].ino == ino)
			return &c->tallies[mid];
		if (c->tallies[mid].ino < ino)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* Count what the other items say; those without their inode are found elsewhere. */
static void tally_item(struct check *c, const struct item *it)
{
	const struct vexfs_dirent_item *d = (const void *)it->data;
	struct tally *t = tally_of(c, it->ino), *to;

	if (!t)
		return;
	if (it->type == VEXFS_ITEM_DIRENT && it->len > sizeof(*d)) {
		to = tally_of(c, le64_to_cpu(d->ino));
		t->subdirs += d->type == DT_DIR;
		if (to)
			to->names++;
	} else if (it->type == VEXFS_ITEM_EXTENT && it->len >= 16) {
		t->blocks += extent_count(it);
		/* What is allocated ahead may lie behind the end. */
		if (it->len > 16)
			t->end = it->offset + extent_count(it);
	} else if (it->type == VEXFS_ITEM_SYMLINK) {
		t->target += it->len;
	} else if (it->type == VEXFS_ITEM_TOMB) {
		for (u32 i = 0; i < it->len; i++)
			t->tombs += hweight8(it->data[i]);
	}
}

static void tally_all(struct check *c)
{
	c->tallies = calloc(c->count + 1, sizeof(*c->tallies));
	for (size_t i = 0; i < c->count; i++)
		if (c->items[i].type == VEXFS_ITEM_INODE)
			c->tallies[c->inodes++].ino = c->items[i].ino;
	for (size_t i = 0; i < c->count; i++)
		tally_item(c, &c->items[i]);
}

static bool collection_check(struct check *c, const struct vexfs_inode_item *in,
			     const struct tally *t)
{
	const struct item *item = find(c, t->ino, VEXFS_ITEM_COLL, 0);
	const struct vexfs_coll_item *a;

	if (!item != !(le32_to_cpu(in->flags) & VEXFS_INODE_COLL))
		return WRONG(c, "inode %llu: flag and attributes of a collection differ", t->ino);
	if (!item)
		return true;
	a = (const void *)item->data;
	if (item->len != sizeof(*a) ||
	    le64_to_cpu(in->size) != le64_to_cpu(a->rows) * 4 * le32_to_cpu(a->dim) ||
	    le64_to_cpu(a->live) + t->tombs != le64_to_cpu(a->rows))
		return WRONG(c, "collection %llu: its counts disagree", t->ino);
	return true;
}

/* A target is cut in pieces of VEXFS_SYMLINK_CHUNK bytes, the last one shorter. */
static bool symlink_check(struct check *c, const struct item *it)
{
	const struct vexfs_inode_item *in = inode_of(c, it->ino);
	u64 left;

	if (!in || !S_ISLNK(le32_to_cpu(in->mode)))
		return WRONG(c, "target of %llu, which is no symbolic link", it->ino);
	left = le64_to_cpu(in->size) - it->offset;
	if (it->offset % VEXFS_SYMLINK_CHUNK || it->offset >= le64_to_cpu(in->size) ||
	    it->len != (left < VEXFS_SYMLINK_CHUNK ? left : VEXFS_SYMLINK_CHUNK) ||
	    memchr(it->data, 0, it->len))
		return WRONG(c, "symbolic link %llu: malformed target", it->ino);
	return true;
}

/* The piece of an attribute at @it is a whole one's; the pieces before it were looked at. */
static bool xattr_check(struct check *c, const struct item *it)
{
	const u64 key[2] = { le64_to_cpu(c->sb->hash_key[0]), le64_to_cpu(c->sb->hash_key[1]) };
	u32 piece = it->offset % 128;
	const struct item *first = it - piece;
	const struct vexfs_xattr_item *head;
	u64 total, pieces;

	if (!inode_of(c, it->ino) || first < c->items || first->ino != it->ino ||
	    first->type != it->type || first->offset != it->offset - piece || first->len < 9)
		return WRONG(c, "attribute of %llu without a beginning", it->ino);
	head = (const void *)first->data;
	total = 8 + head->name_len + (u64)le32_to_cpu(head->value_len);
	pieces = DIV_ROUND_UP(total, 1024ull);
	if (!head->name_len || first->len < 8 + head->name_len ||
	    le32_to_cpu(head->value_len) > 65536 || memchr_inv(head->reserved, 0, 3))
		return WRONG(c, "attribute of %llu: malformed", it->ino);
	if (vex_siphash(key, head + 1, head->name_len) >> 14 != it->offset >> 14)
		return WRONG(c, "attribute of %llu: a wrong hash", it->ino);
	if (piece >= pieces || it->len != (piece + 1 < pieces ? 1024 : total - piece * 1024ull))
		return WRONG(c, "attribute of %llu: piece %u of a wrong length", it->ino, piece);
	if (piece + 1 < pieces && (it + 1 == c->items + c->count || it[1].ino != it->ino ||
				   it[1].type != it->type || it[1].offset != it->offset + 1))
		return WRONG(c, "attribute of %llu: piece %u is missing", it->ino, piece + 1);
	return true;
}

/* What an inode of its type may say of itself. */
static bool type_check(struct check *c, const struct vexfs_inode_item *in, const struct tally *t)
{
	u32 mode = le32_to_cpu(in->mode), flags = le32_to_cpu(in->flags);
	u64 size = le64_to_cpu(in->size), parent = le64_to_cpu(in->parent);

	if (S_ISLNK(mode) ? size != t->target || !size || size > VEXFS_SYMLINK_MAX :
	    !S_ISREG(mode) && size)
		return WRONG(c, "inode %llu: a size of %llu", t->ino, size);
	if (!S_ISREG(mode) && (t->blocks || flags & VEXFS_INODE_COLL))
		return WRONG(c, "inode %llu: data, and no regular file", t->ino);
	if (!S_ISDIR(mode) && (S_ISCHR(mode) || S_ISBLK(mode) ? parent >> 32 : parent))
		return WRONG(c, "inode %llu: a parent of %llu", t->ino, parent);
	if (flags & ~(VEXFS_INODE_COLL | VEXFS_INODE_NAMELESS) ||
	    (flags & VEXFS_INODE_NAMELESS && in->nlink))
		return WRONG(c, "inode %llu: flags %x", t->ino, flags);
	return S_DT(mode) == DT_REG || S_DT(mode) == DT_DIR || S_DT(mode) == DT_LNK ||
	       S_DT(mode) == DT_FIFO || S_DT(mode) == DT_SOCK || S_DT(mode) == DT_CHR ||
	       S_DT(mode) == DT_BLK ? true : WRONG(c, "inode %llu: mode %o", t->ino, mode);
}

static bool inode_check(struct check *c, const struct item *it)
{
	const struct vexfs_inode_item *in = inode_of(c, it->ino);
	const struct tally *t = tally_of(c, it->ino);
	bool orphan = find(c, VEXFS_SYSTEM_INO, VEXFS_ITEM_ORPHAN, it->ino);
	u64 size, links, names = t->names + (it->ino == VEXFS_ROOT_INO);

	if (!in)
		return WRONG(c, "inode %llu: wrong size", it->ino);
	if (it->ino >= le64_to_cpu(c->sb->next_ino))
		return WRONG(c, "inode %llu: not given yet", it->ino);
	size = le64_to_cpu(in->size);
	links = S_ISDIR(le32_to_cpu(in->mode)) && names ? 2 + t->subdirs : names;
	if (le32_to_cpu(in->nlink) != links)
		return WRONG(c, "inode %llu: %u links, %llu names, %llu subdirectories", it->ino,
			     le32_to_cpu(in->nlink), names, t->subdirs);
	if (!names && !orphan)
		return WRONG(c, "inode %llu: without a name, and no orphan", it->ino);
	if (le64_to_cpu(in->blocks) != t->blocks)
		return WRONG(c, "inode %llu: %llu blocks said, %llu found", it->ino,
			     le64_to_cpu(in->blocks), t->blocks);
	if (!orphan && t->end > DIV_ROUND_UP(size, (u64)VEXFS_BLOCK_SIZE))
		return WRONG(c, "inode %llu: extents past its end", it->ino);
	return type_check(c, in, t) && (orphan || collection_check(c, in, t));
}

static bool key_char(char ch, bool first)
{
	return (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') || ch == '_' ||
	       (!first && ((ch >= '0' && ch <= '9') || ch == '.' || ch == '-'));
}

/* Packed pairs, ascending, inside their bounds; of a live row of a collection. */
static bool meta_check(struct check *c, const struct item *it)
{
	const struct item *tomb = find(c, it->ino, VEXFS_ITEM_TOMB, it->offset / VEXFS_TOMB_ROWS);
	const struct item *coll = find(c, it->ino, VEXFS_ITEM_COLL, 0);
	u32 bit = it->offset % VEXFS_TOMB_ROWS, pairs = 0, text = 0, pos = 0;
	char last[VEXFS_META_KEY_MAX + 1] = "";

	if (!coll || !(le64_to_cpu(c->sb->features) & VEXFS_FEATURE_ROW_META) ||
	    it->offset >= le64_to_cpu(((const struct vexfs_coll_item *)coll->data)->rows) ||
	    (tomb && tomb->data[bit / 8] & 1 << (bit & 7)))
		return WRONG(c, "inode %llu: metadata of no row %llu", it->ino, it->offset);
	while (pos < it->len) {
		u32 key_len = it->data[pos], type, len;
		char key[VEXFS_META_KEY_MAX + 1] = "";
		u64 bits = 0;

		if (it->len - pos < 4 || !key_len || key_len > VEXFS_META_KEY_MAX)
			break;
		type = it->data[pos + 1];
		len = it->data[pos + 2] | it->data[pos + 3] << 8;
		if (it->len - pos - 4 < key_len + len || !type || type > VEXFS_META_STRING ||
		    (type != VEXFS_META_STRING && len != 8))
			break;
		memcpy(key, it->data + pos + 4, key_len);
		for (u32 i = 0; i < key_len; i++)
			if (!key_char(key[i], !i))
				return WRONG(c, "row %llu: malformed key", it->offset);
		if (strcmp(last, key) >= 0)
			return WRONG(c, "row %llu: keys out of order", it->offset);
		strcpy(last, key);
		memcpy(&bits, it->data + pos + 4 + key_len, len < 8 ? len : 8);
		if (type == VEXFS_META_FLOAT && (bits & ~(1ULL << 63)) > 0x7ff0000000000000ULL)
			return WRONG(c, "row %llu: NaN", it->offset);
		text += type == VEXFS_META_STRING ? len : 0;
		pairs++;
		pos += 4 + key_len + len;
	}
	if (!it->len || pos != it->len || pairs > VEXFS_META_PAIRS || text > VEXFS_META_TEXT_MAX)
		return WRONG(c, "inode %llu: malformed metadata of row %llu", it->ino, it->offset);
	return true;
}

static bool items_check(struct check *c)
{
	tally_all(c);
	for (const struct item *it = c->items; it < c->items + c->count; it++) {
		bool ok = true;

		switch (it->type) {
		case VEXFS_ITEM_INODE:
			ok = it->offset ? WRONG(c, "inode item at an offset") : inode_check(c, it);
			break;
		case VEXFS_ITEM_DIRENT:
			ok = dirent_check(c, it);
			break;
		case VEXFS_ITEM_EXTENT:
			ok = extent_check(c, it);
			break;
		case VEXFS_ITEM_COLL:
		case VEXFS_ITEM_TOMB:
			if (!inode_of(c, it->ino))
				ok = WRONG(c, "item of no inode %llu", it->ino);
			break;
		case VEXFS_ITEM_XATTR:
			ok = xattr_check(c, it);
			break;
		case VEXFS_ITEM_SYMLINK:
			ok = symlink_check(c, it);
			break;
		case VEXFS_ITEM_META:
			ok = meta_check(c, it);
			break;
		case VEXFS_ITEM_ORPHAN:
			c->orphans++;
			if (it->ino || it->len || !inode_of(c, it->offset))
				ok = WRONG(c, "orphan %llu without its inode", it->offset);
			break;
		case VEXFS_ITEM_BITMAP:
			if (it->ino || it->len != sizeof(struct vexfs_bitmap_item))
				ok = WRONG(c, "malformed bitmap %llu", it->offset);
			break;
		default:
			ok = WRONG(c, "unknown item type %u", it->type);
		}
		if (!ok)
			return false;
	}
	if (c->inodes != le64_to_cpu(c->sb->inode_count))
		return WRONG(c, "superblock says %llu inodes, %zu found",
			     le64_to_cpu(c->sb->inode_count), c->inodes);
	return inode_of(c, VEXFS_ROOT_INO) ? true : WRONG(c, "no root inode");
}

/* ---- space ------------------------------------------------------------------------- */

static bool space_check(struct check *c)
{
	u64 groups = DIV_ROUND_UP(c->blocks, (u64)VEXFS_GROUP_BLOCKS), free = 0;

	for (u64 g = 0; g < groups; g++) {
		const struct item *it = find(c, VEXFS_SYSTEM_INO, VEXFS_ITEM_BITMAP, g);
		const struct vexfs_bitmap_item *map = it ? (const void *)it->data : NULL;
		u32 clear = 0;

		for (u32 i = 0; i < VEXFS_GROUP_BLOCKS; i++) {
			u64 block = g * VEXFS_GROUP_BLOCKS + i;
			bool used = block >= c->blocks || c->used[block];

			clear += !used;
			if (map && used != !!(map->bits[i / 8] & 1 << (i & 7)))
				return WRONG(c, "block %llu is %s, and not marked so", block,
					     used ? "in use" : "free");
			if (!map && used && block < c->blocks && block && block != 1 && block != 9)
				return WRONG(c, "block %llu is in use in a group without a bitmap",
					     block);
		}
		if (map && le32_to_cpu(map->free) != clear)
			return WRONG(c, "group %llu: %u free said, %u found", g,
				     le32_to_cpu(map->free), clear);
		free += clear;
	}
	if (free != le64_to_cpu(c->sb->free_blocks))
		return WRONG(c, "superblock says %llu free blocks, %llu found",
			     le64_to_cpu(c->sb->free_blocks), free);
	if (c->unwritten != le64_to_cpu(c->sb->unwritten_blocks))
		return WRONG(c, "superblock says %llu unwritten blocks, %llu found",
			     le64_to_cpu(c->sb->unwritten_blocks), c->unwritten);
	if (c->nodes != le64_to_cpu(c->sb->tree_blocks))
		return WRONG(c, "superblock says %llu tree nodes, %llu found",
			     le64_to_cpu(c->sb->tree_blocks), c->nodes);
	return true;
}

static bool check_all(struct check *c)
{
	u64 reserved[] = { 0, VEXFS_SUPER_BLOCK(0), VEXFS_SUPER_BLOCK(1) };

	if (!super_check(c))
		return false;
	c->used = calloc(c->blocks, 1);
	for (u32 i = 0; i < ARRAY_SIZE(reserved); i++)
		use(c, reserved[i], "the format", 0);
	return node_check(c, le64_to_cpu(c->sb->root_block), le64_to_cpu(c->sb->root_generation),
			  le32_to_cpu(c->sb->root_level)) &&
	       items_check(c) && space_check(c);
}

const char *image_check(const struct vex_io_mem *m, struct image_facts *facts)
{
	static struct check c;
	bool ok;

	memset(&c, 0, sizeof(c));
	c.m = m;
	ok = check_all(&c);
	if (ok && facts)
		*facts = (struct image_facts){
			.generation = le64_to_cpu(c.sb->generation),
			.inodes = le64_to_cpu(c.sb->inode_count),
			.orphans = c.orphans,
			.free = le64_to_cpu(c.sb->free_blocks),
			.data = c.data,
		};
	free(c.used);
	free(c.items);
	free(c.tallies);
	return ok ? NULL : c.wrong;
}

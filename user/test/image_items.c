// SPDX-License-Identifier: GPL-2.0-only
/* The items of an image: each kind held against the others. */
#include "image.h"

const struct item *image_find(const struct check *c, u64 ino, u32 type, u64 offset)
{
	struct item key = { .ino = ino, .type = type, .offset = offset };
	size_t low = 0, high = c->count;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int cmp = image_key_cmp(&c->items[mid], &key);

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
	const struct item *item = image_find(c, ino, VEXFS_ITEM_INODE, 0);

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

		if (!image_use(c, block, "inode", it->ino))
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
		if (it->len > 16 && !(it->offset >= VEXFS_INDEX_POS / VEXFS_BLOCK_SIZE &&
				      image_find(c, it->ino, VEXFS_ITEM_COLL, 0)))
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

/* Bytes of a row, by the format's own words. */
static u64 row_bytes(const struct vexfs_coll_item *a)
{
	static const u8 bits[] = { 0, 32, 16, 8, 1 };

	return a->elem < sizeof(bits) ? (le32_to_cpu(a->dim) * (u64)bits[a->elem] + 7) / 8 : 0;
}

static bool collection_check(struct check *c, const struct vexfs_inode_item *in,
			     const struct tally *t)
{
	const struct item *item = image_find(c, t->ino, VEXFS_ITEM_COLL, 0);
	const struct vexfs_coll_item *a;

	if (!item != !(le32_to_cpu(in->flags) & VEXFS_INODE_COLL))
		return WRONG(c, "inode %llu: flag and attributes of a collection differ", t->ino);
	if (!item)
		return true;
	a = (const void *)item->data;
	if (item->len != sizeof(*a) ||
	    le64_to_cpu(in->size) != le64_to_cpu(a->rows) * row_bytes(a) ||
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
	bool orphan = image_find(c, VEXFS_SYSTEM_INO, VEXFS_ITEM_ORPHAN, it->ino);
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
	const struct item *tomb = image_find(c, it->ino, VEXFS_ITEM_TOMB, it->offset / VEXFS_TOMB_ROWS);
	const struct item *coll = image_find(c, it->ino, VEXFS_ITEM_COLL, 0);
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

bool image_items_check(struct check *c)
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

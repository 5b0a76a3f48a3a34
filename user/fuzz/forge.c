// SPDX-License-Identifier: GPL-2.0-only
/*
 * Forging images. An edit names what it changes by kind and number ("the data of the third
 * extent item, 4 bytes at 8"), not by block, so inputs stay meaningful when the core lays its
 * blocks out in another way. All edits done, every checksum is made right: the fuzzer is to reach
 * what stands behind them.
 *
 *	byte	0	what: enum target
 *		1	type of the item, for the targets that are in items
 *		2, 3	number of the node, item or block
 *		4, 5	offset in it
 *		6	bits 0 and 1: log2 of the width; 2 to 4: enum how; 7: leave checksum wrong
 *		7	number of a second item of the same type
 *		8 - 15	value
 */
#include <stdlib.h>

#include "fuzz.h"
#include "vex_util.h"

enum target {
	T_SUPER, T_NODE, T_KEY, T_PLACE, T_DATA, T_CHILD, T_DROP, T_SWAP, T_CLONE, T_CONTENT,
	T_ALIAS, T_BLOCK, TARGETS
};

enum how { H_SET, H_XOR, H_ADD, H_NASTY, H_OTHER, H_ITEM, HOWS };

static const u8 types[] = {
	VEXFS_ITEM_INODE, VEXFS_ITEM_DIRENT, 3, VEXFS_ITEM_EXTENT, VEXFS_ITEM_COLL,
	VEXFS_ITEM_TOMB, 7, VEXFS_ITEM_SYMLINK, VEXFS_ITEM_BITMAP, VEXFS_ITEM_ORPHAN,
};

struct where {
	u64 block;
	u32 slot;
};

/* What stands where in a base image. */
struct map {
	u64 *nodes;
	u32 node_count;
	struct where *items[32];
	u32 item_count[32];
	struct where *children;
	u32 child_count;
};

static struct map maps[FUZZ_BASES];

static const struct vexfs_node *node_at(const struct vex_io_mem *m, u64 block)
{
	return (const void *)vex_io_mem_peek(m, block);
}

static void note(struct where **list, u32 *count, u64 block, u32 slot)
{
	*list = realloc(*list, (*count + 1) * sizeof(**list));
	fuzz_must(*list, "no memory");
	(*list)[(*count)++] = (struct where){ block, slot };
}

/* The nodes of the tree, level by level: the list grows while it is read. */
static void map_make(struct map *map, const struct vex_io_mem *m)
{
	const struct vexfs_super *a = (const void *)vex_io_mem_peek(m, VEXFS_SUPER_BLOCK(0));
	const struct vexfs_super *b = (const void *)vex_io_mem_peek(m, VEXFS_SUPER_BLOCK(1));
	const struct vexfs_super *sb =
		le64_to_cpu(a->generation) > le64_to_cpu(b->generation) ? a : b;

	map->nodes = malloc(FUZZ_BLOCKS * sizeof(*map->nodes));
	fuzz_must(map->nodes, "no memory");
	map->nodes[map->node_count++] = le64_to_cpu(sb->root_block);
	for (u32 n = 0; n < map->node_count; n++) {
		const struct vexfs_node *hdr = node_at(m, map->nodes[n]);
		const struct vexfs_item *it = (const void *)(hdr + 1);
		const struct vexfs_child *child = (const void *)(hdr + 1);

		for (u32 i = 0; i < le16_to_cpu(hdr->count); i++) {
			if (hdr->level) {
				note(&map->children, &map->child_count, map->nodes[n], i);
				map->nodes[map->node_count++] = le64_to_cpu(child[i].block);
			} else {
				note(&map->items[it[i].type], &map->item_count[it[i].type],
				     map->nodes[n], i);
			}
		}
	}
}

static void maps_free(void)
{
	for (u32 b = 0; b < FUZZ_BASES; b++) {
		free(maps[b].nodes);
		free(maps[b].children);
		for (u32 t = 0; t < ARRAY_SIZE(maps[b].items); t++)
			free(maps[b].items[t]);
	}
}

static const struct map *map_of(u32 base)
{
	static bool registered;

	base %= FUZZ_BASES;
	if (!registered)
		atexit(maps_free);
	registered = true;
	if (!maps[base].node_count)
		map_make(&maps[base], fuzz_base(base));
	return &maps[base];
}

/**
 * struct edit - an edit, decoded
 * @what: enum target
 * @type: VEXFS_ITEM_*
 */
struct edit {
	u8 what;
	u8 type;
	u16 number;
	u16 at;
	u8 width;
	u8 how;
	u8 second;
	bool unsealed;
	u64 value;
};

static void edit_read(struct edit *e, struct fuzz_stream *s)
{
	u8 raw[FUZZ_EDIT_BYTES];

	for (u32 i = 0; i < FUZZ_EDIT_BYTES; i++)
		raw[i] = fuzz_u8(s);
	e->what = raw[0] % TARGETS;
	e->type = types[raw[1] % ARRAY_SIZE(types)];
	e->number = raw[2] | raw[3] << 8;
	e->at = raw[4] | raw[5] << 8;
	e->width = 1u << (raw[6] & 3);
	e->how = (raw[6] >> 2 & 7) % HOWS;
	e->unsealed = raw[6] & 0x80 && raw[6] & 0x40 && raw[6] & 0x20;
	e->second = raw[7];
	e->value = get_unaligned_le64(raw + 8);
}

void fuzz_edit_random(u8 edit[FUZZ_EDIT_BYTES], u64 *rnd)
{
	u64 r = fuzz_random(rnd);

	edit[0] = r;
	edit[1] = r >> 8;
	/* Mostly items that stand early: there are few of most types. */
	edit[2] = r >> 24 & 1 ? r >> 16 & 7 : r >> 16;
	edit[3] = 0;
	/* Fields start at multiples of 4. */
	edit[4] = r >> 25 & 3 ? r >> 32 & 0xfc : r >> 32;
	edit[5] = r >> 27 & 7 ? 0 : r >> 40 & 15;
	edit[6] = r >> 48 & 0x1f;
	edit[7] = r >> 56 & 7;
	r = fuzz_random(rnd);
	put_unaligned_le64(r & 1 ? r >> 8 & 0xff : r, edit + 8);
}

/* Change @width bytes at @to, of which @room are there. */
static void change(u8 *to, u32 room, const struct edit *e, const u8 *other)
{
	u8 was[8] = { 0 }, bytes[8];
	u32 width = min((u32)e->width, room);
	u64 value = e->value;

	memcpy(was, to, width);
	switch (e->how) {
	case H_XOR:
		value ^= get_unaligned_le64(was);
		break;
	case H_ADD:
		value = get_unaligned_le64(was) + (s8)e->value;
		break;
	case H_NASTY:
		value = fuzz_nasty(e->value);
		break;
	case H_OTHER:
		if (other) {
			memcpy(to, other, width);
			return;
		}
		break;
	}
	put_unaligned_le64(value, bytes);
	memcpy(to, bytes, width);
}

static struct vexfs_item *item_at(struct vex_io_mem *m, const struct where *w)
{
	u8 *block = vex_io_mem_block(m, w->block);

	return (void *)(block + sizeof(struct vexfs_node) + w->slot * sizeof(struct vexfs_item));
}

/* The data of an item that may have been forged already; @len is cut to what is there. */
static u8 *data_at(struct vex_io_mem *m, const struct where *w, u32 *len)
{
	struct vexfs_item *it = item_at(m, w);
	u32 data = le16_to_cpu(it->data) % VEXFS_BLOCK_SIZE;

	*len = min((u32)le16_to_cpu(it->len), VEXFS_BLOCK_SIZE - data);
	return vex_io_mem_block(m, w->block) + data;
}

static void edit_data(struct vex_io_mem *m, const struct edit *e, const struct where *w,
		      const struct where *second)
{
	u32 len, other_len;
	u8 *data = data_at(m, w, &len), *other = data_at(m, second, &other_len);
	u32 at;

	if (!len)
		return;
	at = e->at % len;
	/* A whole item becomes what another one is. */
	if (e->how == H_ITEM)
		memmove(data, other, min(len, other_len));
	else
		change(data + at, len - at, e, at + 8 <= other_len ? other + at : NULL);
}

/* Remove an item's header, or put another's or a copy beside it. */
static void edit_headers(struct vex_io_mem *m, const struct edit *e, const struct where *w,
			 const struct where *second)
{
	struct vexfs_node *hdr = (void *)vex_io_mem_block(m, w->block);
	struct vexfs_item *it = item_at(m, w), *other = item_at(m, second);
	struct vexfs_item *end = (void *)((u8 *)hdr + VEXFS_BLOCK_SIZE - sizeof(*end));
	u32 count = le16_to_cpu(hdr->count), after;

	if (e->what == T_SWAP) {
		swap(*it, *other);
		return;
	}
	if (w->slot >= count || (u8 *)(it + 1) + (count - w->slot) * sizeof(*it) > (u8 *)end)
		return;
	after = count - w->slot - 1;
	if (e->what == T_DROP) {
		memmove(it, it + 1, after * sizeof(*it));
		hdr->count = cpu_to_le16(count - 1);
	} else {
		memmove(it + 1, it, (after + 1) * sizeof(*it));
		it[1].offset = cpu_to_le64(le64_to_cpu(it[1].offset) + (s8)e->value);
		hdr->count = cpu_to_le16(count + 1);
	}
}

/* File data, and the checksum that its extent holds. */
static void edit_content(struct vex_io_mem *m, const struct edit *e, const struct where *w)
{
	u32 len, nth;
	u8 *data = data_at(m, w, &len), *content;
	u64 block;

	if (len < sizeof(struct vexfs_extent_item) + 4)
		return;
	nth = e->second % ((len - sizeof(struct vexfs_extent_item)) / 4);
	block = get_unaligned_le64(data) + nth;
	content = block < FUZZ_BLOCKS ? vex_io_mem_block(m, block) : NULL;
	if (!content)
		return;
	change(content + e->at % (VEXFS_BLOCK_SIZE - 8), 8, e, NULL);
	put_unaligned_le32(vex_block_csum(content),
			   data + sizeof(struct vexfs_extent_item) + nth * 4);
}

static void edit_item(struct vex_io_mem *m, const struct map *map, const struct edit *e)
{
	u32 type = e->what == T_CONTENT ? VEXFS_ITEM_EXTENT : e->type;
	const struct where *w, *second;

	if (!map->item_count[type])
		return;
	w = &map->items[type][e->number % map->item_count[type]];
	second = &map->items[type][e->second % map->item_count[type]];
	switch (e->what) {
	case T_KEY:
		change((u8 *)item_at(m, w) + e->at % 24, 24 - e->at % 24, e,
		       (u8 *)item_at(m, second) + e->at % 24);
		break;
	case T_PLACE:
		change((u8 *)&item_at(m, w)->data + (e->at & 2), 2, e, NULL);
		break;
	case T_DATA:
	case T_ALIAS:
		edit_data(m, e, w, second);
		break;
	case T_CONTENT:
		edit_content(m, e, w);
		break;
	default:
		edit_headers(m, e, w, second);
	}
}

/* The fields of a superblock, without the long table of names, but for some of it. */
#define SUPER_BYTES	248u

static void edit_apply(struct vex_io_mem *m, const struct map *map, const struct edit *e)
{
	const struct where *w;
	u8 *block;
	u32 at;

	switch (e->what) {
	case T_SUPER:
		at = e->at % SUPER_BYTES;
		change(vex_io_mem_block(m, VEXFS_SUPER_BLOCK(e->number & 1)) + at, 8, e,
		       vex_io_mem_peek(m, VEXFS_SUPER_BLOCK(~e->number & 1)) + at);
		break;
	case T_NODE:
		block = vex_io_mem_block(m, map->nodes[e->number % map->node_count]);
		at = e->at % sizeof(struct vexfs_node);
		change(block + at, 8, e, NULL);
		break;
	case T_CHILD:
		if (!map->child_count)
			break;
		w = &map->children[e->number % map->child_count];
		at = e->at % sizeof(struct vexfs_child);
		block = vex_io_mem_block(m, w->block) + sizeof(struct vexfs_node);
		change(block + w->slot * sizeof(struct vexfs_child) + at, 8, e,
		       block + e->second % 64 * sizeof(struct vexfs_child) + at);
		break;
	case T_BLOCK:
		block = vex_io_mem_block(m, e->number % FUZZ_BLOCKS);
		change(block + e->at % (VEXFS_BLOCK_SIZE - 8), 8, e, NULL);
		break;
	default:
		edit_item(m, map, e);
	}
}

static void seal(struct vex_io_mem *m, u64 block)
{
	u8 *data = vex_io_mem_block(m, block);

	put_unaligned_le32(vex_crc32c(data + 4, VEXFS_BLOCK_SIZE - 4), data);
}

void fuzz_forge(struct vex_io_mem *m, u32 base, struct fuzz_stream *s)
{
	const struct map *map = map_of(base);
	bool unsealed = false;
	struct edit e;

	for (u32 i = 0; i < 32 && s->at < s->end; i++) {
		edit_read(&e, s);
		edit_apply(m, map, &e);
		unsealed |= e.unsealed;
	}
	if (unsealed)
		return;
	for (u32 n = 0; n < map->node_count; n++)
		seal(m, map->nodes[n]);
	seal(m, VEXFS_SUPER_BLOCK(0));
	seal(m, VEXFS_SUPER_BLOCK(1));
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is left of a tree with lost nodes.
 *
 * A leaf that the tree still leads to holds for all keys that its parents give it. For
 * the keys that no such leaf holds, every block is looked at: old leaves lie about until
 * their blocks are used again. Of these the newest that is not newer than the superblock
 * holds for the keys from its first to its last, then the next older for what
 * remains. So a leaf whose parent was lost is found as it was, a lost leaf is replaced by an
 * older state of it where there is one, and what an older leaf says of keys that a newer one
 * covers is not believed.
 */
#include <stdlib.h>

#include "repair.h"

#define SCAN_BLOCKS	256u

struct candidate {
	u64 block;
	u64 generation;
	struct vex_key first;
	struct vex_key end;	/* behind the last key */
};

struct scan {
	struct check *c;
	struct candidate *found;
	size_t count, room;
};

static struct vex_key key_after(struct vex_key key)
{
	if (++key.offset)
		return key;
	if (++key.type)
		return key;
	key.ino++;
	return key;
}

/* Keep the leaves of the list that can be read and are what their parents say. */
static void keep_good(struct check *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->leaf_count; i++) {
		enum vex_problem_code code;

		if (c->io.ops->read(c->io.ctx, c->leaves[i].block, 1, c->leaf_buf) ||
		    leaf_wrong(c, &c->leaves[i], &code))
			map_del(&c->tree, c->leaves[i].block);
		else
			c->leaves[kept++] = c->leaves[i];
	}
	c->leaf_count = kept;
}

static void look_at(struct scan *s, u64 block, const u8 *data)
{
	const struct vexfs_node *hdr = (const void *)data;
	const struct vexfs_item *it = (const void *)(hdr + 1);
	enum vex_problem_code code;
	u32 count;

	if (le32_to_cpu(hdr->magic) != VEXFS_NODE_MAGIC || le64_to_cpu(hdr->block) != block ||
	    node_wrong(s->c, hdr, block, 0, 0, &code))
		return;
	count = le16_to_cpu(hdr->count);
	if (!count || map_test(&s->c->tree, block))
		return;
	s->found = check_grow(s->c, s->found, s->count, &s->room, sizeof(*s->found));
	if (s->c->err)
		return;
	s->found[s->count++] = (struct candidate){
		.block = block, .generation = le64_to_cpu(hdr->generation),
		.first = item_key(&it[0]), .end = key_after(item_key(&it[count - 1])),
	};
}

static int scan_device(struct scan *s)
{
	struct check *c = s->c;
	u8 *data = vex_alloc(SCAN_BLOCKS * VEXFS_BLOCK_SIZE);
	int err = data ? 0 : -ENOMEM;

	c->work_total += c->blocks;
	for (u64 block = 0; block < c->blocks && !err; block += SCAN_BLOCKS) {
		u32 count = min_t(u64, SCAN_BLOCKS, c->blocks - block);
		bool whole = !c->io.ops->read(c->io.ctx, block, count, data);

		for (u32 i = 0; i < count; i++) {
			u8 *at = data + (size_t)i * VEXFS_BLOCK_SIZE;

			if (whole || !c->io.ops->read(c->io.ctx, block + i, 1, at))
				look_at(s, block + i, at);
		}
		err = c->err ? c->err : check_progress(c, count);
	}
	vex_free(data);
	return err;
}

/* The newest first; of one generation, which cannot overlap, in the order of keys. */
static int newest_first(const void *va, const void *vb)
{
	const struct candidate *a = va, *b = vb;

	if (a->generation != b->generation)
		return a->generation > b->generation ? -1 : 1;
	return key_cmp(&a->first, &b->first);
}

static int insert_ref(struct check *c, size_t at, const struct leaf_ref *ref)
{
	int err = leaf_add(c, ref);

	if (err)
		return err;
	memmove(&c->leaves[at + 1], &c->leaves[at],
		(c->leaf_count - 1 - at) * sizeof(*c->leaves));
	c->leaves[at] = *ref;
	return 0;
}

/* The first leaf of the list that ends behind @key. */
static size_t list_find(const struct check *c, const struct vex_key *key)
{
	size_t low = 0, high = c->leaf_count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (key_cmp(&c->leaves[mid].hi, key) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Let a candidate hold for those of its keys that nobody holds yet. */
static int fill_gaps(struct check *c, const struct candidate *f)
{
	struct vex_key at = f->first;
	size_t i = list_find(c, &at);
	int err = 0;

	while (!err && key_cmp(&at, &f->end) < 0) {
		struct vex_key end = f->end;

		if (i < c->leaf_count && key_cmp(&c->leaves[i].lo, &end) < 0)
			end = c->leaves[i].lo;
		if (key_cmp(&at, &end) < 0) {
			err = insert_ref(c, i++, &(struct leaf_ref){ f->block, f->generation, at,
								     end });
			if (!err)
				err = map_add(&c->tree, f->block, 1);
		}
		if (i >= c->leaf_count)
			break;
		at = c->leaves[i++].hi;
	}
	return err;
}

int salvage(struct check *c)
{
	struct scan s = { .c = c };
	int err;

	keep_good(c);
	err = scan_device(&s);
	if (!err && s.count)
		qsort(s.found, s.count, sizeof(*s.found), newest_first);
	for (size_t i = 0; i < s.count && !err; i++)
		err = fill_gaps(c, &s.found[i]);
	free(s.found);
	if (err)
		return err;
	c->salvaged = true;
	c->contest = false;
	err = check_used_reset(c);
	return err || c->leaf_count ? err : 1;
}

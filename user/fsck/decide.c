// SPDX-License-Identifier: GPL-2.0-only
/* What becomes of each item. */
#include "repair.h"

#define NS_PER_SEC	1000000000u

void decide_inode(struct repair *r, const struct check_inode *n, struct vexfs_inode_item *item)
{
	struct vexfs_time *t = &item->atime;
	u64 blocks = n->found - (n->orphan ? n->past + (n->coll ? 0 : n->far_past) : 0);

	item->mode = cpu_to_le32(inode_true_mode(n));
	item->nlink = cpu_to_le32(inode_true_links(n));
	item->size = cpu_to_le64(inode_true_size(r->c, n));
	item->blocks = cpu_to_le64(blocks);
	item->parent = cpu_to_le64(inode_true_parent(n));
	item->flags = cpu_to_le32(inode_true_flags(n));
	for (u32 i = 0; i < 4; i++) {
		if (le32_to_cpu(t[i].nsec) >= NS_PER_SEC)
			t[i].nsec = 0;
		t[i].reserved = 0;
	}
}

static enum verdict decide_dirent(struct repair *r, const struct check_item *it, u8 *data)
{
	struct vexfs_dirent_item *item = (void *)data;
	enum verdict verdict = judge_dirent(r->c, it, false);
	u64 ino = verdict == DROP ? 0 : get_unaligned_le64(&item->ino);
	const struct check_inode *to = inode_find(r->c, ino);
	char *name = (char *)(item + 1);
	u32 len = item->name_len;

	if (verdict == DROP || !to || ino == VEXFS_ROOT_INO || (to->lost && to->entries == 1 &&
							       to->named_at == U64_MAX))
		return DROP;
	if (S_ISDIR(inode_true_mode(to)) &&
	    (to->named_in != it->key.ino || to->named_at != it->key.offset))
		return DROP;
	item->type = S_DT(inode_true_mode(to));
	if (verdict == KEEP)
		return KEEP;
	for (u32 i = 0; i < len; i++)
		if (name[i] == '/' || !name[i])
			name[i] = '_';
	if (!name_legal((u8 *)name, len))
		memset(name, '_', len);
	plan_name(r, it->key.ino, ino, item->type, name, len);
	return DROP;
}

static enum verdict decide_extent(struct repair *r, struct check_inode *n,
				  const struct check_item *it, u8 *data, u32 *len)
{
	struct vexfs_extent_item *item = (void *)data;
	u64 limit = DIV_ROUND_UP(inode_true_size(r->c, n), (u64)VEXFS_BLOCK_SIZE);
	bool unwritten;
	u32 count;

	if (judge_extent(r->c, &r->judged, n, it, false) != KEEP)
		return DROP;
	count = le32_to_cpu(item->count);
	/* A cut that a crash interrupted is finished. */
	if (n->orphan && it->key.offset + count > limit &&
	    !(n->coll && it->key.offset >= VEXFS_INDEX_FBLOCK)) {
		if (it->key.offset >= limit)
			return DROP;
		count = limit - it->key.offset;
		item->count = cpu_to_le32(count);
		*len = vex_extent_len(count, extent_is_unwritten(it));
	}
	unwritten = extent_is_unwritten(it);
	r->unwritten += unwritten ? count : 0;
	if (map_add(&r->keep, le64_to_cpu(item->block), count))
		r->c->err = -ENOMEM;
	return KEEP;
}

static enum verdict decide_tomb(struct repair *r, const struct check_item *it, u8 *data)
{
	const struct check_coll *k = coll_find(r->c, it->key.ino);
	u64 first, any = 0;

	if (!k || it->key.offset > U64_MAX / VEXFS_TOMB_ROWS - 1)
		return DROP;
	meta_note_tomb(r->c, it);
	first = it->key.offset * VEXFS_TOMB_ROWS;
	for (u32 i = 0; i < VEXFS_TOMB_ROWS; i++)
		if (first + i >= k->keep)
			vex_bit_clear(data, i);
	for (u32 i = 0; i < VEXFS_TOMB_BYTES; i++)
		any |= data[i];
	return any ? KEEP : DROP;
}

static enum verdict decide_meta(struct repair *r, const struct check_item *it)
{
	const struct check_coll *k = coll_find(r->c, it->key.ino);
	enum vex_problem_code code;

	return !k || meta_wrong(r->c, k->keep, it, &code) ? DROP : KEEP;
}

static enum verdict decide_coll(struct repair *r, const struct check_inode *n, u8 *data)
{
	struct vexfs_coll_item *item = (void *)data;
	const struct check_coll *k = coll_find(r->c, n->ino);

	if (!n->coll || !k)
		return DROP;
	item->rows = cpu_to_le64(k->keep);
	item->live = cpu_to_le64(k->keep - k->keep_tombs);
	return KEEP;
}

/* Of what belongs to an inode that stays. */
static enum verdict decide_owned(struct repair *r, struct check_inode *n,
				 const struct check_item *it, u8 *data, u32 *len)
{
	switch (it->key.type) {
	case VEXFS_ITEM_INODE:
		decide_inode(r, n, (void *)data);
		r->inodes++;
		return KEEP;
	case VEXFS_ITEM_DIRENT:
		return decide_dirent(r, it, data);
	case VEXFS_ITEM_EXTENT:
		return decide_extent(r, n, it, data, len);
	case VEXFS_ITEM_COLL:
		return decide_coll(r, n, data);
	case VEXFS_ITEM_TOMB:
		return decide_tomb(r, it, data);
	case VEXFS_ITEM_XATTR:
		return check_xattr_bad(r->c, &it->key) ? DROP : KEEP;
	case VEXFS_ITEM_META:
		return decide_meta(r, it);
	default:
		return KEEP;
	}
}

enum verdict decide(struct repair *r, const struct check_item *it, u8 *data, u32 *len)
{
	struct check *c = r->c;
	enum vex_problem_code code;
	struct check_inode *n;

	if (item_wrong(c, it, &code))
		return DROP;
	memcpy(data, it->data, it->len);
	*len = it->len;
	/* Orphans are finished with this, and bitmaps stored by the commit. */
	if (it->key.ino == VEXFS_SYSTEM_INO)
		return it->key.type == VEXFS_ITEM_BITMAP && !r->copy ? KEEP : DROP;
	n = inode_find(c, it->key.ino);
	if (!n || inode_dying(n) || (n->missing && it->key.type != VEXFS_ITEM_DIRENT) ||
	    !item_fits(n, it->key.type))
		return DROP;
	return decide_owned(r, n, it, data, len);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Forged violations of the format. Every checksum is right where it is not the point. */
#include "fsck.h"

void forge_seal(u8 *block)
{
	put_unaligned_le32(vex_crc32c(block + 4, VEXFS_BLOCK_SIZE - 4), block);
}

struct vexfs_super *forge_super(struct vex_io_mem *m)
{
	struct vexfs_super *a = (void *)vex_io_mem_block(m, VEXFS_SUPER_BLOCK(0));
	struct vexfs_super *b = (void *)vex_io_mem_block(m, VEXFS_SUPER_BLOCK(1));

	return le64_to_cpu(a->generation) > le64_to_cpu(b->generation) ? a : b;
}

/* ---- superblocks --------------------------------------------------------------------------- */

static void older_slot(struct vex_io_mem *m)
{
	u32 newest = le64_to_cpu(forge_super(m)->generation) & 1;

	vex_io_mem_block(m, VEXFS_SUPER_BLOCK(!newest))[100] ^= 1;
}

static void newer_slot(struct vex_io_mem *m)
{
	((u8 *)forge_super(m))[100] ^= 1;
}

static void both_slots(struct vex_io_mem *m)
{
	vex_io_mem_block(m, VEXFS_SUPER_BLOCK(0))[100] ^= 1;
	vex_io_mem_block(m, VEXFS_SUPER_BLOCK(1))[100] ^= 1;
}

#define SUPER_FORGERY(name, change)				\
static void name(struct vex_io_mem *m)				\
{								\
	struct vexfs_super *sb = forge_super(m);		\
								\
	change;							\
	forge_seal((u8 *)sb);					\
}

SUPER_FORGERY(names, sb->feature_names[1][0] = 'S')
SUPER_FORGERY(reserved, sb->reserved[7] = 1)
SUPER_FORGERY(free_count, sb->free_blocks = cpu_to_le64(le64_to_cpu(sb->free_blocks) - 1))
SUPER_FORGERY(tree_count, sb->tree_blocks = cpu_to_le64(le64_to_cpu(sb->tree_blocks) + 1))
SUPER_FORGERY(unwritten_count, sb->unwritten_blocks = cpu_to_le64(1))
SUPER_FORGERY(inode_number, sb->inode_count = cpu_to_le64(le64_to_cpu(sb->inode_count) + 1))
SUPER_FORGERY(next_number, sb->next_ino = cpu_to_le64(VEXFS_FIRST_INO))
SUPER_FORGERY(no_special, vex_features_fill(sb, VEXFS_FEATURE_XATTR))

/* ---- nodes ----------------------------------------------------------------------------------- */

static struct vexfs_node *root_of(struct vex_io_mem *m)
{
	u64 block = le64_to_cpu(forge_super(m)->root_block);

	return (void *)vex_io_mem_block(m, block);
}

static struct vexfs_child *children(struct vexfs_node *hdr)
{
	return (void *)(hdr + 1);
}

static u8 *child_of(struct vex_io_mem *m, u32 i)
{
	return vex_io_mem_block(m, le64_to_cpu(children(root_of(m))[i].block));
}

static void root_flipped(struct vex_io_mem *m)
{
	((u8 *)root_of(m))[200] ^= 4;
}

static void leaf_flipped(struct vex_io_mem *m)
{
	child_of(m, 2)[3000] ^= 4;
}

u64 forge_unreadable;

static void root_unreadable(struct vex_io_mem *m)
{
	forge_unreadable = le64_to_cpu(forge_super(m)->root_block);
}

static void leaf_unreadable(struct vex_io_mem *m)
{
	forge_unreadable = le64_to_cpu(children(root_of(m))[2].block);
}

static void older_unreadable(struct vex_io_mem *m)
{
	forge_unreadable = VEXFS_SUPER_BLOCK(~le64_to_cpu(forge_super(m)->generation) & 1);
}

static void newer_unreadable(struct vex_io_mem *m)
{
	forge_unreadable = VEXFS_SUPER_BLOCK(le64_to_cpu(forge_super(m)->generation) & 1);
}

#define NODE_FORGERY(name, change)				\
static void name(struct vex_io_mem *m)				\
{								\
	struct vexfs_node *hdr = (void *)child_of(m, 2);	\
	struct vexfs_item *it = (void *)(hdr + 1);		\
								\
	(void)it;						\
	change;							\
	forge_seal((u8 *)hdr);					\
}

#define ROOT_FORGERY(name, change)				\
static void name(struct vex_io_mem *m)				\
{								\
	struct vexfs_node *hdr = root_of(m);			\
	struct vexfs_child *ch = children(hdr);			\
								\
	(void)ch;						\
	change;							\
	forge_seal((u8 *)hdr);					\
}

NODE_FORGERY(leaf_elsewhere, hdr->block = cpu_to_le64(77))
NODE_FORGERY(leaf_of_others, hdr->fsid ^= cpu_to_le64(1))
NODE_FORGERY(leaf_older, hdr->generation = cpu_to_le64(le64_to_cpu(hdr->generation) - 1))
NODE_FORGERY(leaf_level, hdr->level = cpu_to_le16(3))
NODE_FORGERY(leaf_reserved, hdr->reserved = 1)
NODE_FORGERY(leaf_crowded, hdr->count = cpu_to_le16(400))
NODE_FORGERY(leaf_data, it[1].data = cpu_to_le16(le16_to_cpu(it[1].data) - 8))
NODE_FORGERY(leaf_key_reserved, it[1].reserved[0] = 1)
NODE_FORGERY(leaf_order, it[1].ino = it[0].ino; it[1].offset = it[0].offset)
NODE_FORGERY(leaf_below, it[0].ino = cpu_to_le64(0); it[0].offset = 0)
ROOT_FORGERY(root_order, swap(ch[1], ch[2]))
ROOT_FORGERY(root_empty, hdr->count = 0)
ROOT_FORGERY(root_child, ch[2].block = cpu_to_le64(1ULL << 40))
ROOT_FORGERY(root_twice, ch[2].block = ch[1].block)
ROOT_FORGERY(root_zero, ch[2].generation = 0)

static void root_in_super(struct vex_io_mem *m)
{
	struct vexfs_super *sb = forge_super(m);

	sb->root_block = cpu_to_le64(VEXFS_SUPER_BLOCK(0));
	forge_seal((u8 *)sb);
}

static void super_level(struct vex_io_mem *m)
{
	struct vexfs_super *sb = forge_super(m);

	sb->root_level = cpu_to_le32(3);
	forge_seal((u8 *)sb);
}

/* ---- items: by the core, so that only the point is wrong --------------------------------------- */

static u64 ino_of(struct vex_fs *fs, const char *path)
{
	struct vex_name last;
	u64 ino = 0;

	/* The lock is held for writing; looking up takes it. */
	vex_write_unlock(&fs->lock);
	assert_true(core_resolve(fs, path, &ino, NULL, &last) > 0);
	vex_write_lock(&fs->lock);
	return ino;
}

/* The data of an item, to be changed. */
static void *item_of(struct vex_fs *fs, u64 ino, u8 type, u64 offset)
{
	struct vex_key key = vex_key(ino, type, offset);
	struct vex_path path;
	void *data;

	assert_int_equal(vex_tree_touch(fs, &key, &path), 0);
	data = vex_path_data(&path);
	vex_path_release(fs, &path);
	return data;
}

static struct vexfs_inode_item *inode_of(struct vex_fs *fs, const char *path)
{
	return item_of(fs, ino_of(fs, path), VEXFS_ITEM_INODE, 0);
}

static void *item_new(struct vex_fs *fs, u64 ino, u8 type, u64 offset, u32 len)
{
	struct vex_key key = vex_key(ino, type, offset);
	struct vex_path path;
	void *data;

	assert_int_equal(vex_tree_insert(fs, &key, len, &path), 0);
	data = vex_path_data(&path);
	vex_path_release(fs, &path);
	return data;
}

static void item_delete(struct vex_fs *fs, u64 ino, u8 type, u64 offset)
{
	struct vex_key key = vex_key(ino, type, offset);

	assert_int_equal(vex_delete_key(fs, &key), 0);
}

/* The key of the entry of @name in @dir. */
static struct vex_key entry_key(struct vex_fs *fs, u64 dir, const char *name)
{
	return vex_key(dir, VEXFS_ITEM_DIRENT,
		       vex_siphash(fs->hash_key, name, strlen(name)) >> 8 <<
		       VEXFS_DIRENT_SLOT_BITS);
}

static void entry_new(struct vex_fs *fs, u64 dir, const char *name, u64 offset, u64 ino, u8 type)
{
	struct vexfs_dirent_item *item = item_new(fs, dir, VEXFS_ITEM_DIRENT, offset,
						  sizeof(*item) + strlen(name));

	put_unaligned_le64(ino, &item->ino);
	item->type = type;
	item->name_len = strlen(name);
	memcpy(item + 1, name, strlen(name));
}

static void entry_delete(struct vex_fs *fs, const char *dir, const char *name)
{
	struct vex_key key = entry_key(fs, ino_of(fs, dir), name);

	assert_int_equal(vex_delete_key(fs, &key), 0);
}

static void *entry_of(struct vex_fs *fs, const char *dir, const char *name)
{
	struct vex_key key = entry_key(fs, ino_of(fs, dir), name);

	return item_of(fs, key.ino, key.type, key.offset);
}

static void extra_entry(struct vex_fs *fs, const char *dir, const char *name, u64 ino, u8 type)
{
	struct vex_key key = entry_key(fs, ino_of(fs, dir), name);

	entry_new(fs, key.ino, name, key.offset, ino, type);
}

static void unknown_item(struct vex_fs *fs)
{
	item_new(fs, ino_of(fs, "d/file"), 99, 5, 20);
}

static void long_inode(struct vex_fs *fs)
{
	item_delete(fs, ino_of(fs, "d/empty"), VEXFS_ITEM_INODE, 0);
	item_new(fs, ino_of(fs, "d/empty"), VEXFS_ITEM_INODE, 0, 120);
	fs->inode_count--;
}

static void short_tomb(struct vex_fs *fs)
{
	item_new(fs, ino_of(fs, "d/coll"), VEXFS_ITEM_TOMB, 7, 100);
}

static void inode_at_offset(struct vex_fs *fs)
{
	item_new(fs, ino_of(fs, "d/file"), VEXFS_ITEM_INODE, 1, sizeof(struct vexfs_inode_item));
}

static void stray_extent(struct vex_fs *fs)
{
	struct vexfs_extent_item *e = item_new(fs, fs->next_ino + 3, VEXFS_ITEM_EXTENT, 0, 20);

	e->block = cpu_to_le64(fs->blocks - 1);
	e->count = cpu_to_le32(1);
}

static void stray_tomb(struct vex_fs *fs)
{
	item_new(fs, ino_of(fs, "d/file"), VEXFS_ITEM_TOMB, 0, VEXFS_TOMB_BYTES);
}

static void bitmap_of_file(struct vex_fs *fs)
{
	item_new(fs, ino_of(fs, "d/file"), VEXFS_ITEM_BITMAP, 0,
		 sizeof(struct vexfs_bitmap_item));
}

static void extent_of_directory(struct vex_fs *fs)
{
	struct vexfs_extent_item *e = item_new(fs, ino_of(fs, "d/sub"), VEXFS_ITEM_EXTENT, 0, 20);

	e->block = cpu_to_le64(fs->blocks - 1);
	e->count = cpu_to_le32(1);
}

static void entry_of_file(struct vex_fs *fs)
{
	extra_entry(fs, "d/file", "x", ino_of(fs, "d/other"), DT_REG);
}

static void mode_none(struct vex_fs *fs)
{
	inode_of(fs, "d/file")->mode = cpu_to_le32(0644);
}

static void mode_high(struct vex_fs *fs)
{
	inode_of(fs, "d/file")->mode |= cpu_to_le32(1u << 20);
}

static void size_negative(struct vex_fs *fs)
{
	inode_of(fs, "d/file")->size = cpu_to_le64(1ULL << 63);
}

static void size_of_directory(struct vex_fs *fs)
{
	inode_of(fs, "d/sub")->size = cpu_to_le64(1);
}

static void parent_of_file(struct vex_fs *fs)
{
	inode_of(fs, "d/file")->parent = cpu_to_le64(1);
}

static void flags_unknown(struct vex_fs *fs)
{
	inode_of(fs, "d/file")->flags = cpu_to_le32(1u << 30);
}

static void flags_nameless(struct vex_fs *fs)
{
	inode_of(fs, "d/file")->flags = cpu_to_le32(VEXFS_INODE_NAMELESS);
}

static void time_impossible(struct vex_fs *fs)
{
	inode_of(fs, "d/file")->mtime.nsec = cpu_to_le32(1000000000);
}

static void blocks_wrong(struct vex_fs *fs)
{
	inode_of(fs, "d/file")->blocks = cpu_to_le64(1000);
}

static void links_high(struct vex_fs *fs)
{
	inode_of(fs, "d/file")->nlink = cpu_to_le32(2);
}

static void links_none(struct vex_fs *fs)
{
	inode_of(fs, "d/file")->nlink = 0;
}

static void links_of_directory(struct vex_fs *fs)
{
	inode_of(fs, "d")->nlink = cpu_to_le32(2);
}

static void file_lost(struct vex_fs *fs)
{
	entry_delete(fs, "d", "file");
}

static void directory_lost(struct vex_fs *fs)
{
	u64 d = ino_of(fs, "d");

	entry_delete(fs, "d", "sub");
	((struct vexfs_inode_item *)item_of(fs, d, VEXFS_ITEM_INODE, 0))->nlink = cpu_to_le32(2);
}

static void unlinked_without_orphan(struct vex_fs *fs)
{
	u64 ino = ino_of(fs, "d/file");

	entry_delete(fs, "d", "file");
	((struct vexfs_inode_item *)item_of(fs, ino, VEXFS_ITEM_INODE, 0))->nlink = 0;
}

/* An empty tree: its leaf has no item at all. */
static void root_gone(struct vex_io_mem *m)
{
	struct vexfs_super *sb = forge_super(m);
	struct vexfs_node *hdr = (void *)vex_io_mem_block(m, 2);

	memset(hdr, 0, VEXFS_BLOCK_SIZE);
	hdr->magic = cpu_to_le32(VEXFS_NODE_MAGIC);
	hdr->fsid = cpu_to_le64(get_unaligned_le64(sb->uuid));
	hdr->block = cpu_to_le64(2);
	hdr->generation = sb->generation;
	forge_seal((u8 *)hdr);
	sb->root_block = cpu_to_le64(2);
	sb->root_generation = sb->generation;
	sb->root_level = 0;
	sb->tree_blocks = cpu_to_le64(1);
	sb->inode_count = 0;
	sb->free_blocks = cpu_to_le64(le64_to_cpu(sb->block_count) - 4);
	forge_seal((u8 *)sb);
}

static void directory_without_inode(struct vex_fs *fs)
{
	item_delete(fs, ino_of(fs, "d/sub"), VEXFS_ITEM_INODE, 0);
	fs->inode_count--;
}

static void root_without_inode(struct vex_fs *fs)
{
	item_delete(fs, VEXFS_ROOT_INO, VEXFS_ITEM_INODE, 0);
	fs->inode_count--;
}

static void parent_wrong(struct vex_fs *fs)
{
	inode_of(fs, "d/sub")->parent = cpu_to_le64(VEXFS_ROOT_INO);
}

static void links_add(struct vex_fs *fs, const char *dir, int n)
{
	struct vexfs_inode_item *item = inode_of(fs, dir);

	item->nlink = cpu_to_le32(le32_to_cpu(item->nlink) + n);
}

static void directory_twice(struct vex_fs *fs)
{
	extra_entry(fs, "keep", "sub-again", ino_of(fs, "d/sub"), DT_DIR);
}

static void root_named(struct vex_fs *fs)
{
	extra_entry(fs, "d", "up", VEXFS_ROOT_INO, DT_DIR);
}

/* d/sub moves below itself. */
static void circle(struct vex_fs *fs)
{
	u64 sub = ino_of(fs, "d/sub");

	extra_entry(fs, "d/sub/subsub", "again", sub, DT_DIR);
	links_add(fs, "d/sub/subsub", 1);
	inode_of(fs, "d/sub")->parent = cpu_to_le64(ino_of(fs, "d/sub/subsub"));
	links_add(fs, "d", -1);
	entry_delete(fs, "d", "sub");
}

static void entry_malformed(struct vex_fs *fs)
{
	((struct vexfs_dirent_item *)entry_of(fs, "d", "gone"))->name_len = 200;
	item_delete(fs, ino_of(fs, "d/gone2"), VEXFS_ITEM_INODE, 0);
	entry_delete(fs, "d", "gone2");
	fs->inode_count--;
}

static void entry_empty(struct vex_fs *fs)
{
	item_new(fs, ino_of(fs, "d"), VEXFS_ITEM_DIRENT, 12345, sizeof(struct vexfs_dirent_item));
}

static void entry_name(struct vex_fs *fs, const char *name)
{
	u64 ino = ino_of(fs, "d/file");

	entry_delete(fs, "d", "file");
	extra_entry(fs, "d", name, ino, DT_REG);
}

static void name_slash(struct vex_fs *fs)
{
	entry_name(fs, "a/b");
}

static void name_dots(struct vex_fs *fs)
{
	entry_name(fs, "..");
}

static void hash_wrong(struct vex_fs *fs)
{
	u64 ino = ino_of(fs, "d/file"), d = ino_of(fs, "d");

	entry_delete(fs, "d", "file");
	entry_new(fs, d, "file", 1234567, ino, DT_REG);
}

static void hash_of_directory(struct vex_fs *fs)
{
	u64 ino = ino_of(fs, "d/sub"), d = ino_of(fs, "d");

	entry_delete(fs, "d", "sub");
	entry_new(fs, d, "sub", 1234567, ino, DT_DIR);
}

/* Out of place and, where it belongs, there is one of that name already. */
static void hash_and_name(struct vex_fs *fs)
{
	u64 ino = ino_of(fs, "d/other"), d = ino_of(fs, "d");

	entry_delete(fs, "d", "other");
	entry_new(fs, d, "file", 1234567, ino, DT_REG);
}

static void name_twice(struct vex_fs *fs)
{
	struct vex_key key = entry_key(fs, ino_of(fs, "d"), "file");

	entry_new(fs, key.ino, "file", key.offset + 3, ino_of(fs, "d/file"), DT_REG);
}

static void entry_type(struct vex_fs *fs)
{
	((struct vexfs_dirent_item *)entry_of(fs, "d", "file"))->type = DT_FIFO;
}

static void entry_dangling(struct vex_fs *fs)
{
	extra_entry(fs, "d", "ghost", 1000000, DT_REG);
	fs->next_ino = 2000000;
}

static struct vexfs_extent_item *extent_of(struct vex_fs *fs, const char *path)
{
	return item_of(fs, ino_of(fs, path), VEXFS_ITEM_EXTENT, 0);
}

static void extent_flags(struct vex_fs *fs)
{
	extent_of(fs, "d/file")->flags = cpu_to_le32(1u << 31);
}

static void extent_count(struct vex_fs *fs)
{
	extent_of(fs, "d/file")->count = cpu_to_le32(0);
}

static void extent_outside(struct vex_fs *fs)
{
	extent_of(fs, "d/file")->block = cpu_to_le64(fs->blocks - 1);
}

static void extent_of_super(struct vex_fs *fs)
{
	extent_of(fs, "d/file")->block = cpu_to_le64(VEXFS_SUPER_BLOCK(1) - 1);
}

static void extent_far(struct vex_fs *fs)
{
	struct vexfs_extent_item *e = item_new(fs, ino_of(fs, "d/file"), VEXFS_ITEM_EXTENT,
					       1ULL << 60, 20);

	e->block = cpu_to_le64(fs->blocks - 1);
	e->count = cpu_to_le32(1);
}

static void extent_overlap(struct vex_fs *fs)
{
	struct vexfs_extent_item *e = item_new(fs, ino_of(fs, "d/file"), VEXFS_ITEM_EXTENT, 1, 20);

	e->block = cpu_to_le64(fs->blocks - 1);
	e->count = cpu_to_le32(1);
}

/* A block of the tree, which is in use by it. */
static void extent_of_tree(struct vex_fs *fs)
{
	struct vexfs_extent_item *e = item_new(fs, ino_of(fs, "d/file"), VEXFS_ITEM_EXTENT, 900,
					       20);

	e->block = cpu_to_le64(fs->root_block);
	e->count = cpu_to_le32(1);
}

static void extent_shared(struct vex_fs *fs)
{
	u64 block = le64_to_cpu(extent_of(fs, "keep/f3")->block);
	struct vexfs_extent_item *e = item_new(fs, ino_of(fs, "d/file"), VEXFS_ITEM_EXTENT, 900,
					       20);

	e->block = cpu_to_le64(block);
	e->count = cpu_to_le32(1);
}

static u64 flip_at;

static void data_flipped(struct vex_fs *fs)
{
	flip_at = le64_to_cpu(extent_of(fs, "d/file")->block);
}

static void flip_it(struct vex_io_mem *m)
{
	vex_io_mem_block(m, flip_at)[5] ^= 1;
}

static struct vexfs_coll_item *coll_of(struct vex_fs *fs)
{
	return item_of(fs, ino_of(fs, "d/coll"), VEXFS_ITEM_COLL, 0);
}

static void coll_metric(struct vex_fs *fs)
{
	coll_of(fs)->metric = 77;
}

static void coll_dim(struct vex_fs *fs)
{
	coll_of(fs)->dim = 0;
}

static void coll_long(struct vex_fs *fs)
{
	item_delete(fs, ino_of(fs, "d/coll"), VEXFS_ITEM_COLL, 0);
	item_new(fs, ino_of(fs, "d/coll"), VEXFS_ITEM_COLL, 0, 100);
}

static void coll_unflagged(struct vex_fs *fs)
{
	inode_of(fs, "d/coll")->flags = 0;
}

static void coll_flag_alone(struct vex_fs *fs)
{
	inode_of(fs, "d/file")->flags = cpu_to_le32(VEXFS_INODE_COLL);
}

static void coll_size(struct vex_fs *fs)
{
	struct vexfs_inode_item *item = inode_of(fs, "d/coll");

	item->size = cpu_to_le64(le64_to_cpu(item->size) + 1);
}

static void coll_rows(struct vex_fs *fs)
{
	struct vexfs_coll_item *item = coll_of(fs);

	item->rows = cpu_to_le64(1000000);
	item->live = cpu_to_le64(1000000 - 3);
}

static void coll_live(struct vex_fs *fs)
{
	coll_of(fs)->live = cpu_to_le64(1);
}

static void tomb_past(struct vex_fs *fs)
{
	((u8 *)item_of(fs, ino_of(fs, "d/coll"), VEXFS_ITEM_TOMB, 0))[1000] = 0x10;
}

static void tomb_far(struct vex_fs *fs)
{
	((u8 *)item_new(fs, ino_of(fs, "d/coll"), VEXFS_ITEM_TOMB, 1ULL << 60,
			VEXFS_TOMB_BYTES))[0] = 1;
}

/* One pair: "k" is the integer 5. */
static void meta_new(struct vex_fs *fs, u64 row, u32 key_len)
{
	u8 *data = item_new(fs, ino_of(fs, "d/coll"), VEXFS_ITEM_META, row, 13);

	data[0] = key_len;
	data[1] = VEXFS_META_INT;
	data[2] = 8;
	data[4] = 'k';
	data[5] = 5;
}

static void meta_form(struct vex_fs *fs)
{
	meta_new(fs, 1, 7);
}

static void meta_past(struct vex_fs *fs)
{
	meta_new(fs, 1000, 1);
}

static void meta_of_deleted(struct vex_fs *fs)
{
	meta_new(fs, 9, 1);
}

static void size_low(struct vex_fs *fs)
{
	inode_of(fs, "d/file")->size = cpu_to_le64(5000);
}

static void coll_rows_low(struct vex_fs *fs)
{
	coll_of(fs)->rows = cpu_to_le64(63);
	coll_of(fs)->live = cpu_to_le64(60);
}

static void unwritten_of_coll(struct vex_fs *fs)
{
	struct vexfs_extent_item *e = item_new(fs, ino_of(fs, "d/file"), VEXFS_ITEM_EXTENT, 900,
					       sizeof(*e));

	e->block = cpu_to_le64(le64_to_cpu(extent_of(fs, "keep/f3")->block));
	e->count = cpu_to_le32(1);
	e->flags = cpu_to_le32(VEXFS_EXTENT_UNWRITTEN);
}

static void xattr_short(struct vex_fs *fs)
{
	item_new(fs, ino_of(fs, "d/file"), VEXFS_ITEM_XATTR, 1ULL << VEXFS_XATTR_HASH_SHIFT, 6);
}

/* A value of 5,000 bytes of which the first piece is there. */
static void xattr_cut(struct vex_fs *fs)
{
	u64 hash = vex_siphash(fs->hash_key, "user.a", 6);
	struct vexfs_xattr_item *head;

	head = item_new(fs, ino_of(fs, "d/file"), VEXFS_ITEM_XATTR,
			hash >> VEXFS_XATTR_HASH_SHIFT << VEXFS_XATTR_HASH_SHIFT,
			VEXFS_XATTR_CHUNK);
	head->value_len = cpu_to_le32(5000);
	head->name_len = 6;
	memcpy(head + 1, "user.a", 6);
}

static void link_size(struct vex_fs *fs)
{
	inode_of(fs, "d/link")->size = cpu_to_le64(3);
}

static void link_gone(struct vex_fs *fs)
{
	item_delete(fs, ino_of(fs, "d/link"), VEXFS_ITEM_SYMLINK, 0);
}

static void link_nul(struct vex_fs *fs)
{
	((u8 *)item_of(fs, ino_of(fs, "d/link"), VEXFS_ITEM_SYMLINK, 0))[1] = 0;
}

/* Bitmaps are written by the commit: they are changed on the device. */
static struct vexfs_bitmap_item *bitmap_of(struct vex_io_mem *m, u8 **node)
{
	struct vexfs_node *hdr;
	struct vexfs_item *it;

	*node = child_of(m, 0);
	hdr = (void *)*node;
	it = (void *)(hdr + 1);
	assert_int_equal(it->type, VEXFS_ITEM_BITMAP);
	return (void *)(*node + le16_to_cpu(it->data));
}

#define BITMAP_FORGERY(name, change)				\
static void name(struct vex_io_mem *m)				\
{								\
	u8 *node;						\
	struct vexfs_bitmap_item *map = bitmap_of(m, &node);	\
								\
	change;							\
	forge_seal(node);					\
}

BITMAP_FORGERY(bitmap_reserved, map->reserved = cpu_to_le32(1))
BITMAP_FORGERY(bitmap_count, map->free = cpu_to_le32(le32_to_cpu(map->free) + 1))
BITMAP_FORGERY(bitmap_free, map->bits[0] &= ~1; map->free =
	       cpu_to_le32(le32_to_cpu(map->free) + 1))
BITMAP_FORGERY(bitmap_used, map->bits[255] |= 0x80; map->free =
	       cpu_to_le32(le32_to_cpu(map->free) - 1))
BITMAP_FORGERY(bitmap_tail, map->bits[1023] &= ~0x80; map->free =
	       cpu_to_le32(le32_to_cpu(map->free) + 1))

static void bitmap_past(struct vex_fs *fs)
{
	item_new(fs, VEXFS_SYSTEM_INO, VEXFS_ITEM_BITMAP, 500, sizeof(struct vexfs_bitmap_item));
}

static void orphan_cut(struct vex_fs *fs)
{
	inode_of(fs, "d/file")->size = cpu_to_le64(5000);
	item_new(fs, VEXFS_SYSTEM_INO, VEXFS_ITEM_ORPHAN, ino_of(fs, "d/file"), 0);
}

static void orphan_removed(struct vex_fs *fs)
{
	u64 ino = ino_of(fs, "d/file");

	unlinked_without_orphan(fs);
	item_new(fs, VEXFS_SYSTEM_INO, VEXFS_ITEM_ORPHAN, ino, 0);
}

static void orphan_long(struct vex_fs *fs)
{
	item_new(fs, VEXFS_SYSTEM_INO, VEXFS_ITEM_ORPHAN, ino_of(fs, "d/file"), 8);
}

static void orphan_dangling(struct vex_fs *fs)
{
	item_new(fs, VEXFS_SYSTEM_INO, VEXFS_ITEM_ORPHAN, 1000000, 0);
}

/* ---- indexes --------------------------------------------------------------------------------- */

/* Bytes of the index of a collection, which makes no use of them before. */
static void bytes_store(struct vex_fs *fs, const char *coll, u64 pos, const void *data, size_t len)
{
	struct vex_file_span span;

	assert_int_equal(vex_span_open(fs, ino_of(fs, coll), 0, VEXFS_INDEX_POS + pos, len, &span),
			 0);
	vex_span_store(fs, &span, data);
	vex_span_close(fs, &span);
}

static void index_store(struct vex_fs *fs, u64 pos, const void *data, size_t len)
{
	bytes_store(fs, "d/hnsw", pos, data, len);
}

static void index_head_of(struct vex_fs *fs, u32 magic, u32 layers)
{
	struct vexfs_hnsw_head head = {
		.magic = cpu_to_le32(magic), .flags = cpu_to_le32(VEXFS_HNSW_TRAINED),
		.code = cpu_to_le32(VEXFS_CODE_SQ7), .m = cpu_to_le32(4),
		.ef_construction = cpu_to_le32(10), .layers = cpu_to_le32(layers),
		.count = { cpu_to_le32(2) },
	};
	u8 zeros[16 * 4] = { 0 };

	index_store(fs, 0, &head, sizeof(head));
	index_store(fs, VEXFS_HNSW_LOW_AT, zeros, sizeof(zeros));
}

/* Two rows in the base, of 64 bytes of links and as many of code. */
static void index_recs(struct vex_fs *fs, u8 flags, u32 link)
{
	u8 recs[2][128] = { { 1, flags } };

	put_unaligned_le32(link, &recs[0][4]);
	index_head_of(fs, VEXFS_HNSW_MAGIC, 1);
	index_store(fs, VEXFS_INDEX_LAYER(0) - VEXFS_INDEX_POS, recs, sizeof(recs));
}

static void index_magic(struct vex_fs *fs)
{
	index_head_of(fs, 1, 1);
}

static void index_layers(struct vex_fs *fs)
{
	index_head_of(fs, VEXFS_HNSW_MAGIC, 2);
}

static void index_flags(struct vex_fs *fs)
{
	index_recs(fs, 2, 1);
}

static void index_link_far(struct vex_fs *fs)
{
	index_recs(fs, 0, 2);
}

static void index_link_self(struct vex_fs *fs)
{
	index_recs(fs, 0, 0);
}

/* ---- buckets: two rows, which all belong into the first one of each of two tables ------------- */

static void lsh_make(struct vex_fs *fs, u32 first, u32 second, u32 behind)
{
	__le32 heads[4] = { cpu_to_le32(first), cpu_to_le32(second), cpu_to_le32(1) };
	__le32 offsets[2] = { cpu_to_le32(1 << 30), cpu_to_le32(1 << 30) };
	u8 recs[2][128] = { 0 }, zeros[16 * 4] = { 0 };
	struct vexfs_hnsw_head head = {
		.magic = cpu_to_le32(VEXFS_LSH_MAGIC), .flags = cpu_to_le32(VEXFS_HNSW_TRAINED),
		.code = cpu_to_le32(VEXFS_CODE_SQ7), .layers = cpu_to_le32(2),
		.count = { cpu_to_le32(2), cpu_to_le32(4) }, .tables = cpu_to_le32(2),
		.bits = cpu_to_le32(1),
	};

	put_unaligned_le32(2, &recs[0][4]);
	put_unaligned_le32(2, &recs[0][8]);
	put_unaligned_le32(behind, &recs[1][4]);
	bytes_store(fs, "d/lsh", 0, &head, sizeof(head));
	bytes_store(fs, "d/lsh", VEXFS_LSH_OFFSET_AT, offsets, sizeof(offsets));
	bytes_store(fs, "d/lsh", VEXFS_HNSW_LOW_AT, zeros, sizeof(zeros));
	bytes_store(fs, "d/lsh", VEXFS_INDEX_LAYER(0) - VEXFS_INDEX_POS, recs, sizeof(recs));
	bytes_store(fs, "d/lsh", VEXFS_INDEX_LAYER(1) - VEXFS_INDEX_POS, heads, sizeof(heads));
}

static void lsh_no_bucket(struct vex_fs *fs)
{
	lsh_make(fs, 2, 0, 0);
}

static void lsh_other_bucket(struct vex_fs *fs)
{
	lsh_make(fs, 0, 1, 0);
}

static void lsh_twice(struct vex_fs *fs)
{
	lsh_make(fs, 1, 0, 1);
}

static void lsh_link_far(struct vex_fs *fs)
{
	lsh_make(fs, 1, 0, 3);
}

/* ---- codes: two rows, whose codes are zeros where the step is none ------------------------------ */

static void codes_make(struct vex_fs *fs, u32 layers, u8 second)
{
	struct vexfs_hnsw_head head = {
		.magic = cpu_to_le32(VEXFS_CODES_MAGIC), .flags = cpu_to_le32(VEXFS_HNSW_TRAINED),
		.code = cpu_to_le32(VEXFS_CODE_SQ7), .layers = cpu_to_le32(layers),
		.count = { cpu_to_le32(2) },
	};
	u8 zeros[16 * 4] = { 0 }, codes[2][64] = { { 0 }, { second } };

	bytes_store(fs, "d/codes", 0, &head, sizeof(head));
	bytes_store(fs, "d/codes", VEXFS_HNSW_LOW_AT, zeros, sizeof(zeros));
	bytes_store(fs, "d/codes", VEXFS_INDEX_LAYER(0) - VEXFS_INDEX_POS, codes, sizeof(codes));
}

static void codes_layers(struct vex_fs *fs)
{
	codes_make(fs, 0, 0);
}

static void codes_of_another(struct vex_fs *fs)
{
	codes_make(fs, 1, 5);
}

#define NONE	{ VEX_PROBLEM_CODES, VEX_PROBLEM_CODES, VEX_PROBLEM_CODES }
#define ALSO(x)	{ VEX_P_##x, VEX_PROBLEM_CODES, VEX_PROBLEM_CODES }
#define LESS	{ VEX_P_INODE_BLOCKS, VEX_P_BITMAP_USED, VEX_P_SUPER_FREE }
#define TREE(code, f, ...) { VEX_P_##code, NONE, .tree = f, ##__VA_ARGS__ }
#define DEV(code, f, ...) { VEX_P_##code, NONE, .device = f, ##__VA_ARGS__ }

const struct forgery forgeries[] = {
	DEV(SUPER_SLOT, older_slot), DEV(SUPER_SLOT, newer_slot, .loses = true),
	DEV(SUPER_READ, older_unreadable), DEV(SUPER_READ, newer_unreadable, .loses = true),
	DEV(SUPER_NONE, both_slots), DEV(SUPER_NAMES, names), DEV(SUPER_RESERVED, reserved),
	DEV(SUPER_FREE, free_count), DEV(SUPER_TREE, tree_count), DEV(SUPER_INODES, inode_number), DEV(SUPER_UNWRITTEN, unwritten_count),
	DEV(SUPER_NEXT, next_number), DEV(SUPER_FEATURE, no_special),
	DEV(NODE_READ, root_unreadable), DEV(NODE_READ, leaf_unreadable, .loses = true),
	DEV(NODE_CSUM, root_flipped), DEV(NODE_CSUM, leaf_flipped, .loses = true),
	DEV(NODE_STALE, leaf_elsewhere, .loses = true), DEV(NODE_STALE, leaf_of_others, .loses = true),
	DEV(NODE_STALE, leaf_older), DEV(NODE_STALE, root_zero), DEV(NODE_LEVEL, leaf_level, .loses = true),
	DEV(NODE_LEVEL, super_level), DEV(NODE_FORM, leaf_reserved, .loses = true),
	DEV(NODE_FORM, leaf_crowded, .loses = true), DEV(NODE_FORM, leaf_data, .loses = true),
	DEV(NODE_FORM, leaf_key_reserved, .loses = true), DEV(NODE_FORM, root_empty),
	DEV(NODE_ORDER, leaf_order, .loses = true), DEV(NODE_ORDER, root_order),
	DEV(NODE_BOUNDS, leaf_below, .loses = true), DEV(NODE_CHILD, root_child),
	DEV(NODE_TWICE, root_twice), DEV(NODE_TWICE, root_in_super),
	TREE(ITEM_UNKNOWN, unknown_item), TREE(ITEM_FORM, short_tomb),
	TREE(ITEM_FORM, inode_at_offset), { VEX_P_ITEM_FORM, ALSO(DIRENT_DANGLING), .tree = long_inode },
	TREE(ITEM_STRAY, stray_extent), TREE(ITEM_STRAY, stray_tomb),
	TREE(ITEM_STRAY, bitmap_of_file), TREE(ITEM_MISFIT, extent_of_directory),
	TREE(ITEM_MISFIT, entry_of_file),
	TREE(INODE_MODE, mode_none), TREE(INODE_MODE, mode_high), TREE(INODE_SIZE, size_negative),
	TREE(INODE_SIZE, size_of_directory), TREE(INODE_PARENT, parent_of_file),
	TREE(INODE_FLAGS, flags_unknown), TREE(INODE_FLAGS, flags_nameless),
	TREE(INODE_TIME, time_impossible), TREE(INODE_BLOCKS, blocks_wrong),
	TREE(INODE_LINKS, links_high), TREE(INODE_LINKS, links_none),
	TREE(INODE_LINKS, links_of_directory), TREE(INODE_LOST, file_lost),
	TREE(INODE_LOST, directory_lost), TREE(INODE_LOST, unlinked_without_orphan),
	{ VEX_P_ROOT_MISSING, ALSO(BITMAP_FREE), .device = root_gone,
	  .loses = true },
	TREE(DIR_MISSING, directory_without_inode), TREE(DIR_MISSING, root_without_inode),
	TREE(DIR_PARENT, parent_wrong), TREE(DIR_TWICE, directory_twice),
	TREE(DIR_TWICE, root_named), { VEX_P_DIR_CYCLE, ALSO(INODE_LINKS), .tree = circle },
	{ VEX_P_DIRENT_FORM, ALSO(INODE_LOST), .tree = entry_malformed }, TREE(DIRENT_FORM, entry_empty),
	TREE(DIRENT_NAME, name_slash), TREE(DIRENT_NAME, name_dots),
	TREE(DIRENT_HASH, hash_wrong), TREE(DIRENT_HASH, hash_of_directory),
	TREE(DIRENT_HASH, hash_and_name), TREE(DIRENT_TWICE, name_twice),
	TREE(DIRENT_TYPE, entry_type), TREE(DIRENT_DANGLING, entry_dangling),
	{ VEX_P_EXTENT_FORM, LESS, .tree = extent_flags },
	{ VEX_P_EXTENT_FORM, LESS, .tree = extent_count },
	{ VEX_P_EXTENT_RANGE, LESS, .tree = extent_outside },
	{ VEX_P_EXTENT_RANGE, LESS, .tree = extent_of_super },
	TREE(EXTENT_RANGE, extent_far), TREE(EXTENT_OVERLAP, extent_overlap),
	TREE(EXTENT_SHARED, extent_of_tree), TREE(EXTENT_SHARED, extent_shared),
	{ VEX_P_DATA_CSUM, NONE, .tree = data_flipped, .device = flip_it },
	TREE(INDEX_HEAD, index_magic), TREE(INDEX_HEAD, index_layers), TREE(INDEX_ITEM, index_flags),
	TREE(INDEX_LINK, index_link_far), TREE(INDEX_LINK, index_link_self),
	TREE(INDEX_LINK, lsh_no_bucket), TREE(INDEX_LINK, lsh_other_bucket),
	TREE(INDEX_HEAD, codes_layers), TREE(INDEX_ITEM, codes_of_another),
	TREE(INDEX_LINK, lsh_twice), TREE(INDEX_LINK, lsh_link_far),
	{ VEX_P_COLL_FORM, NONE, .tree = coll_metric }, TREE(COLL_FORM, coll_dim),
	TREE(COLL_FORM, coll_long), TREE(COLL_FLAG, coll_unflagged),
	TREE(COLL_FLAG, coll_flag_alone), TREE(COLL_SIZE, coll_size), TREE(COLL_SIZE, coll_rows),
	TREE(COLL_LIVE, coll_live), TREE(TOMB_RANGE, tomb_past), TREE(TOMB_RANGE, tomb_far),
	TREE(XATTR_FORM, xattr_short), TREE(XATTR_FORM, xattr_cut),
	TREE(META_FORM, meta_form), TREE(META_ROW, meta_past), TREE(META_ROW, meta_of_deleted),
	TREE(INODE_SIZE, size_low), TREE(COLL_SIZE, coll_rows_low),
	TREE(EXTENT_SHARED, unwritten_of_coll),
	TREE(SYMLINK_TARGET, link_size), TREE(SYMLINK_TARGET, link_gone),
	TREE(SYMLINK_TARGET, link_nul),
	DEV(BITMAP_FORM, bitmap_reserved), TREE(BITMAP_FORM, bitmap_past),
	DEV(BITMAP_FREE, bitmap_free), DEV(BITMAP_FREE, bitmap_tail),
	DEV(BITMAP_USED, bitmap_used), DEV(BITMAP_COUNT, bitmap_count),
	TREE(ORPHAN_PENDING, orphan_cut), TREE(ORPHAN_PENDING, orphan_removed),
	TREE(ORPHAN_FORM, orphan_long), TREE(ORPHAN_DANGLING, orphan_dangling),
};
const u32 forgery_count = ARRAY_SIZE(forgeries);

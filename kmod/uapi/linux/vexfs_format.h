/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * VexFS on-disk format, version 1. Little-endian throughout; blocks of 4 KiB.
 *
 *	block 0		left alone, for a boot sector
 *	block 1, 9	the two superblocks; generation g is written to slot g & 1
 *	the rest	tree nodes and file data, anywhere
 *
 * Everything but the superblocks hangs on one B+tree whose keys are (inode,
 * item type, offset), compared in that order as unsigned integers. A tree node
 * is one block, never changed in place: a change writes a new copy, and the
 * copies up to the root, and the superblock that names the new root makes all
 * of it true at once. Documentation/format.rst tells the rest.
 */
#ifndef _UAPI_LINUX_VEXFS_FORMAT_H
#define _UAPI_LINUX_VEXFS_FORMAT_H

#include <linux/types.h>

#define VEXFS_BLOCK_SHIFT	12
#define VEXFS_BLOCK_SIZE	4096u
#define VEXFS_SUPER_MAGIC	0x0100005346786556ULL	/* "VexFS", 0, 0, 1 */
#define VEXFS_NODE_MAGIC	0x4e786556u		/* "VexN" */
#define VEXFS_FORMAT_VERSION	1u
#define VEXFS_MIN_BLOCKS	256u		/* 1 MiB */
#define VEXFS_MAX_BLOCKS	(1ULL << 44)	/* 64 PiB */
#define VEXFS_SUPER_BLOCK(slot)	((slot) ? 9u : 1u)
#define VEXFS_LABEL_MAX		32u
#define VEXFS_NAME_MAX		255u
#define VEXFS_MAX_LEVEL		7u		/* levels of the tree, leaf included */

/* statfs(2) f_type. */
#define VEXFS_STATFS_MAGIC	0x56455846	/* "VEXF" */

/*
 * Feature word: a reader that meets an unknown bit refuses the image, and names the
 * feature from the image's own table.
 */
#define VEXFS_FEATURE_XATTR	(1ULL << 0)	/* "xattr": extended attributes */
#define VEXFS_FEATURE_SPECIAL	(1ULL << 1)	/* "symlink-special": links, devices, ... */
#define VEXFS_FEATURE_UNWRITTEN	(1ULL << 2)	/* "unwritten": allocated, reads as zeros */
#define VEXFS_FEATURE_ROW_META	(1ULL << 3)	/* "row-metadata": of rows of collections */
#define VEXFS_FEATURE_HNSW	(1ULL << 4)	/* "hnsw": collections with that index */
#define VEXFS_FEATURE_LSH	(1ULL << 5)	/* "lsh": collections with that index */
#define VEXFS_FEATURE_CODES	(1ULL << 6)	/* "codes": collections with that index */
#define VEXFS_FEATURE_ELEMS	(1ULL << 7)	/* "elems": collections of f16, i8 and b1 */
#define VEXFS_FEATURES_KNOWN	(VEXFS_FEATURE_XATTR | VEXFS_FEATURE_SPECIAL | \
				 VEXFS_FEATURE_UNWRITTEN | VEXFS_FEATURE_ROW_META | \
				 VEXFS_FEATURE_HNSW | VEXFS_FEATURE_LSH | \
				 VEXFS_FEATURE_CODES | VEXFS_FEATURE_ELEMS)
#define VEXFS_FEATURE_BITS	64u
#define VEXFS_FEATURE_NAME	24u	/* bytes of a feature's name, padded with NUL */

#define VEXFS_SYSTEM_INO	0ULL	/* owner of items that belong to no file */
#define VEXFS_ROOT_INO		1ULL
#define VEXFS_FIRST_INO		2ULL

/* Item types, in key order within an inode. */
#define VEXFS_ITEM_INODE	1	/* offset 0: struct vexfs_inode_item */
#define VEXFS_ITEM_DIRENT	2	/* offset: name hash: struct vexfs_dirent_item */
#define VEXFS_ITEM_XATTR	3	/* offset: name hash, slot, piece: see below */
#define VEXFS_ITEM_EXTENT	4	/* offset: first file block: struct vexfs_extent_item */
#define VEXFS_ITEM_COLL		5	/* offset 0: struct vexfs_coll_item */
#define VEXFS_ITEM_TOMB		6	/* offset: row / VEXFS_TOMB_ROWS: bitmap of deleted rows */
#define VEXFS_ITEM_META		7	/* offset: row: the row's metadata, packed pairs */
#define VEXFS_ITEM_SYMLINK	8	/* offset: position: bytes of the target */
#define VEXFS_ITEM_BITMAP	16	/* system; offset: group: struct vexfs_bitmap_item */
#define VEXFS_ITEM_ORPHAN	17	/* system; offset: inode with work left: empty */

/**
 * struct vexfs_super - a superblock, one block
 * @csum: crc32c of the block after this field
 * @version: VEXFS_FORMAT_VERSION
 * @magic: VEXFS_SUPER_MAGIC
 * @uuid: names the filesystem; its first 8 bytes stand in every node
 * @label: text, NUL-padded
 * @features: VEXFS_FEATURE_*
 * @generation: of the transaction that wrote it; the newest valid one holds
 * @block_count: blocks of the device that the filesystem uses
 * @free_blocks: blocks neither reserved, nor tree, nor data
 * @tree_blocks: tree nodes
 * @inode_count: inodes in use
 * @next_ino: the next inode number to give; numbers are not reused
 * @root_block: the root node
 * @root_generation: generation of the root node
 * @root_level: level of the root node; 0 is a leaf
 * @block_size: VEXFS_BLOCK_SIZE
 * @hash_key: SipHash key of directory names
 * @commit_time: nanoseconds since 1970 when it was written
 * @feature_names: of each bit that is set in @features, NUL-padded, so that a reader
 *	that does not know a feature can name it; zero for the others
 * @unwritten_blocks: blocks of unwritten extents
 * @reserved: zero
 */
struct vexfs_super {
	__le32 csum;
	__le32 version;
	__le64 magic;
	__u8 uuid[16];
	__u8 label[VEXFS_LABEL_MAX];
	__le64 features;
	__le64 generation;
	__le64 block_count;
	__le64 free_blocks;
	__le64 tree_blocks;
	__le64 inode_count;
	__le64 next_ino;
	__le64 root_block;
	__le64 root_generation;
	__le32 root_level;
	__le32 block_size;
	__le64 hash_key[2];
	__le64 commit_time;
	__u8 feature_names[VEXFS_FEATURE_BITS][VEXFS_FEATURE_NAME];
	__le64 unwritten_blocks;
	__u8 reserved[2384];
};

/**
 * struct vexfs_node - header of a tree node
 * @csum: crc32c of the block after this field
 * @magic: VEXFS_NODE_MAGIC
 * @fsid: the first 8 bytes of the filesystem's uuid
 * @block: where the node stands
 * @generation: of the transaction that wrote it
 * @count: items of a leaf or children of an inner node
 * @level: 0 for a leaf
 * @reserved: zero
 */
struct vexfs_node {
	__le32 csum;
	__le32 magic;
	__le64 fsid;
	__le64 block;
	__le64 generation;
	__le16 count;
	__le16 level;
	__le32 reserved;
};

/**
 * struct vexfs_item - item header in a leaf; headers follow the node header in
 *	key order, their data fills the block from its end downwards
 * @ino: key, first part
 * @offset: key, third part
 * @data: byte offset of the data in the block
 * @len: bytes of data
 * @type: key, second part: VEXFS_ITEM_*
 * @reserved: zero
 */
struct vexfs_item {
	__le64 ino;
	__le64 offset;
	__le16 data;
	__le16 len;
	__u8 type;
	__u8 reserved[3];
};

/**
 * struct vexfs_child - entry of an inner node, in key order
 * @ino: key of the smallest item below, first part
 * @offset: third part
 * @block: the child node
 * @generation: of the child node; with @block it names one content
 * @type: second part
 * @reserved: zero
 */
struct vexfs_child {
	__le64 ino;
	__le64 offset;
	__le64 block;
	__le64 generation;
	__u8 type;
	__u8 reserved[7];
};

/**
 * struct vexfs_time - a point in time
 * @sec: seconds since 1970, two's complement
 * @nsec: 0 to 999,999,999
 * @reserved: zero
 */
struct vexfs_time {
	__le64 sec;
	__le32 nsec;
	__le32 reserved;
};

/**
 * struct vexfs_inode_item - an inode
 * @mode: type and permissions, as stat(2)
 * @uid: owner
 * @gid: group
 * @nlink: names, VEXFS_LINK_MAX at most; for a directory 2 + its subdirectories
 * @size: bytes; of a symbolic link: of its target; else 0
 * @blocks: data blocks
 * @parent: of a directory: its parent; of a device: its number: 8 bits of minor, 12 bits of
 *	major, the 12 upper bits of minor
 * @generation: a number that tells reuse apart, for file handles
 * @flags: VEXFS_INODE_*
 * @atime: last access
 * @mtime: last change of content
 * @ctime: last change of the inode
 * @btime: creation
 */
struct vexfs_inode_item {
	__le32 mode;
	__le32 uid;
	__le32 gid;
	__le32 nlink;
	__le64 size;
	__le64 blocks;
	__le64 parent;
	__le32 generation;
	__le32 flags;
	struct vexfs_time atime;
	struct vexfs_time mtime;
	struct vexfs_time ctime;
	struct vexfs_time btime;
};

/* The file is a collection: it has a VEXFS_ITEM_COLL. */
#define VEXFS_INODE_COLL	1u
/* Made without a name (O_TMPFILE), and still without: it may get its first one. */
#define VEXFS_INODE_NAMELESS	2u

#define VEXFS_LINK_MAX		65535u	/* names of one file */

/* A symbolic link's target lies in pieces of VEXFS_SYMLINK_CHUNK bytes, the last one shorter. */
#define VEXFS_SYMLINK_MAX	4095u
#define VEXFS_SYMLINK_CHUNK	1024u

/*
 * A directory entry's offset is a 56-bit SipHash-2-4 of its name, shifted left
 * by 7, plus a slot that tells names of equal hash apart.
 */
#define VEXFS_DIRENT_SLOTS	128u
#define VEXFS_DIRENT_SLOT_BITS	7

/**
 * struct vexfs_dirent_item - a directory entry
 * @ino: what it names
 * @type: DT_* of what it names
 * @name_len: bytes of name that follow, 1 to VEXFS_NAME_MAX
 */
struct vexfs_dirent_item {
	__le64 ino;
	__u8 type;
	__u8 name_len;
	/* then the name */
} __attribute__((packed));

/*
 * An extended attribute is a struct vexfs_xattr_item, its name and its value, one after
 * another, cut into pieces of VEXFS_XATTR_CHUNK bytes, the last one shorter. A piece's offset is a
 * 50-bit SipHash-2-4 of the name, shifted left by 14; plus a slot, shifted left by 7, that tells
 * names of equal hash apart; plus the piece's number.
 */
#define VEXFS_XATTR_CHUNK	1024u
#define VEXFS_XATTR_SLOTS	128u
#define VEXFS_XATTR_SLOT_SHIFT	7
#define VEXFS_XATTR_HASH_SHIFT	14
#define VEXFS_XATTR_VALUE_MAX	65536u

/**
 * struct vexfs_xattr_item - head of an extended attribute
 * @value_len: bytes of the value, VEXFS_XATTR_VALUE_MAX at most
 * @name_len: bytes of the name, with its prefix ("user.colour"), 1 to VEXFS_NAME_MAX
 * @reserved: zero
 */
struct vexfs_xattr_item {
	__le32 value_len;
	__u8 name_len;
	__u8 reserved[3];
	/* then the name, then the value */
};

#define VEXFS_EXTENT_MAX	128u	/* blocks of one extent */
#define VEXFS_UNWRITTEN_MAX	8192u	/* blocks of one unwritten extent */

/* Allocated, and reads as zeros, whatever its blocks hold. */
#define VEXFS_EXTENT_UNWRITTEN	1u

/**
 * struct vexfs_extent_item - a run of file blocks; unless it is unwritten, the crc32c
 *	of each block follows, one __le32 a block
 * @block: first block on the device
 * @count: blocks, 1 to VEXFS_EXTENT_MAX, or to VEXFS_UNWRITTEN_MAX
 * @flags: VEXFS_EXTENT_*
 */
struct vexfs_extent_item {
	__le64 block;
	__le32 count;
	__le32 flags;
	/* then __le32 csum[count], or nothing */
};

/**
 * struct vexfs_coll_item - a collection's attributes
 * @elem: enum vexfs_elem
 * @metric: enum vexfs_metric
 * @index: enum vexfs_index
 * @flags: zero
 * @dim: elements of a row
 * @rows: rows ever inserted
 * @live: rows not deleted
 */
struct vexfs_coll_item {
	__u8 elem;
	__u8 metric;
	__u8 index;
	__u8 flags;
	__le32 dim;
	__le64 rows;
	__le64 live;
};

/*
 * The HNSW or LSH index of a collection, or its codes, lie in its file, far behind the rows: the
 * head and the pending ids at VEXFS_INDEX_POS, the low ends of the elements VEXFS_HNSW_LOW_AT
 * behind it, the items of layer n from VEXFS_INDEX_LAYER(n) on; of LSH, the offsets of hyperplanes
 * VEXFS_LSH_OFFSET_AT behind the head. Documentation/format.rst tells the rest.
 */
#define VEXFS_INDEX_POS		(1ULL << 60)
#define VEXFS_INDEX_LAYER(n)	(VEXFS_INDEX_POS + ((__u64)(n) + 1) * (1ULL << 55))
#define VEXFS_INDEX_END		VEXFS_INDEX_LAYER(8)
#define VEXFS_HNSW_MAGIC	0x47786556u	/* "VexG" */
#define VEXFS_LSH_MAGIC		0x4c786556u	/* "VexL" */
#define VEXFS_CODES_MAGIC	0x43786556u	/* "VexC" */
#define VEXFS_HNSW_PENDING_AT	4096u
#define VEXFS_LSH_OFFSET_AT	8192u
#define VEXFS_HNSW_LOW_AT	65536u
#define VEXFS_HNSW_PCA_AT	(5u * 65536)
#define VEXFS_HNSW_LAYERS	8u
#define VEXFS_HNSW_TRAINED	1u	/* the codec is made */
#define VEXFS_HNSW_AUTO		2u	/* nobody asked for its code: it may change */

/**
 * struct vexfs_hnsw_head - the head of an HNSW or LSH index, or of codes
 * @magic: VEXFS_HNSW_MAGIC, VEXFS_LSH_MAGIC or VEXFS_CODES_MAGIC
 * @flags: VEXFS_HNSW_TRAINED, VEXFS_HNSW_AUTO
 * @code: enum vexfs_code
 * @m: of HNSW: links of a row in the upper layers; the base has 2 * m - 1
 * @ef_construction: of HNSW: breadth of the search for them
 * @layers: in use, 0 to VEXFS_HNSW_LAYERS; of LSH 0 or 2, of codes 0 or 1
 * @entry: where a search begins: a position in the uppermost layer
 * @inv_step: 1 / step of the codec, binary32
 * @pending: rows, at VEXFS_HNSW_PENDING_AT, that have changed since they entered the graph
 * @count: items of each layer
 * @mended: deleted rows to which no other one links
 * @codec_rows: rows that there were when the codec was made, or last compared with them; 0: not
 *	known
 * @usual: of 1,024 rows that it was made from, as many lay outside of its range
 * @cut: rows that entered the graph although they do
 * @fresh: rows that have got new content since the codec was made
 * @width: main directions, at VEXFS_HNSW_PCA_AT; 0 without
 * @mul: a place along one, less the place of level 0, times this is 2^32 times its level
 * @tables: of LSH
 * @bits: of LSH: of a bucket's number
 *
 * What is not of an index is zero in it.
 */
struct vexfs_hnsw_head {
	__le32 magic;
	__le32 flags;
	__le32 code;
	__le32 m;
	__le32 ef_construction;
	__le32 layers;
	__le32 entry;
	__le32 inv_step;
	__le32 pending;
	__le32 count[VEXFS_HNSW_LAYERS];
	__le32 mended;
	__le32 codec_rows;
	__le32 usual;
	__le32 cut;
	__le32 fresh;
	__le32 width;
	__le32 mul;
	__le32 tables;
	__le32 bits;
};

#define VEXFS_TOMB_BYTES	1024u
#define VEXFS_TOMB_ROWS		(VEXFS_TOMB_BYTES * 8)	/* rows of one bitmap */

/* Metadata of one row. */
#define VEXFS_META_PAIRS	16u	/* pairs at most */
#define VEXFS_META_KEY_MAX	31u	/* bytes of a key */
#define VEXFS_META_TEXT_MAX	256u	/* bytes of all strings together */

/* Types of a value. */
#define VEXFS_META_NONE		0	/* never on the device; in a merge: remove the key */
#define VEXFS_META_INT		1	/* 8 bytes, two's complement */
#define VEXFS_META_FLOAT	2	/* 8 bytes, IEEE 754 binary64, no NaN */
#define VEXFS_META_STRING	3	/* 0 to VEXFS_META_TEXT_MAX bytes, any */

/**
 * struct vexfs_meta_pair - one key and its value; key and value follow, unpadded, then the
 *	next pair
 * @key_len: bytes of the key, 1 to VEXFS_META_KEY_MAX
 * @type: VEXFS_META_*
 * @len: bytes of the value
 *
 * A key is a letter or '_', then letters, digits, '_', '.' and '-'. The pairs of a row stand in
 * ascending order of their keys, compared as bytes, a prefix before what it is a
 * prefix of; no key stands twice. A row without pairs has no item.
 */
struct vexfs_meta_pair {
	__u8 key_len;
	__u8 type;
	__le16 len;
	/* then the key, then the value */
} __attribute__((packed));

#define VEXFS_GROUP_BYTES	1024u
#define VEXFS_GROUP_BLOCKS	(VEXFS_GROUP_BYTES * 8)	/* blocks of one group: 32 MiB */

/**
 * struct vexfs_bitmap_item - which blocks of a group are in use; a group that
 *	has no item is free but for the blocks that the format reserves
 * @free: clear bits
 * @reserved: zero
 * @bits: bit n & 7 of byte n / 8 set: block n of the group is in use;
 *	bits past the end of the device are set
 */
struct vexfs_bitmap_item {
	__le32 free;
	__le32 reserved;
	__u8 bits[VEXFS_GROUP_BYTES];
};

#endif /* _UAPI_LINUX_VEXFS_FORMAT_H */

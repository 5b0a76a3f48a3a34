// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Features: what an image may hold that an older reader would not understand.
 *
 * Each is a bit of the superblock's feature word. Next to the word stands a table of names,
 * so that a reader of yesterday can say by name what it lacks.
 */
#include "vex_fs.h"

static const char *const names[] = {
	"xattr",
	"symlink-special",
	"unwritten",
	"row-metadata",
	"hnsw",
	"lsh",
	"codes",
	"elems",
};

static_assert(VEXFS_FEATURES_KNOWN >> (ARRAY_SIZE(names) - 1) == 1);
static_assert(sizeof(struct vexfs_super) == VEXFS_BLOCK_SIZE);

const char *vex_feature_name(u32 bit)
{
	return bit < ARRAY_SIZE(names) ? names[bit] : NULL;
}

bool vex_fs_has_feature(const struct vex_fs *fs, u64 features)
{
	return vex_has_feature(fs, features);
}

void vex_features_fill(struct vexfs_super *sb, u64 features)
{
	u32 bit;

	sb->features = cpu_to_le64(features);
	memset(sb->feature_names, 0, sizeof(sb->feature_names));
	for (bit = 0; bit < ARRAY_SIZE(names); bit++)
		if (features & 1ULL << bit)
			memcpy(sb->feature_names[bit], names[bit], strlen(names[bit]));
}

/* The text comes from an image that anybody may have made. */
static void name_copy(const u8 *from, char *to)
{
	u32 i;

	for (i = 0; i < VEXFS_FEATURE_NAME && from[i]; i++)
		to[i] = from[i] > ' ' && from[i] < 0x7f ? (char)from[i] : '?';
	to[i] = 0;
}

/* "bit 17" */
static void name_number(u32 bit, char *to)
{
	memcpy(to, "bit ", 4);
	to += 4;
	if (bit >= 10)
		*to++ = (char)('0' + bit / 10);
	*to++ = (char)('0' + bit % 10);
	*to = 0;
}

bool vex_feature_unknown(const struct vexfs_super *sb, char text[VEXFS_FEATURE_NAME + 1])
{
	u64 unknown = le64_to_cpu(sb->features) & ~VEXFS_FEATURES_KNOWN;
	u32 bit;

	text[0] = 0;
	for (bit = 0; bit < VEXFS_FEATURE_BITS; bit++) {
		if (!(unknown & 1ULL << bit))
			continue;
		name_copy(sb->feature_names[bit], text);
		if (!text[0])
			name_number(bit, text);
		return true;
	}
	return false;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Superblocks: which one holds, and is it sound? */
#include "check.h"

static bool super_sane(const struct vexfs_super *sb, u32 slot)
{
	u64 blocks = le64_to_cpu(sb->block_count);
	u64 generation = le64_to_cpu(sb->generation);

	return blocks >= VEXFS_MIN_BLOCKS && blocks <= VEXFS_MAX_BLOCKS &&
	       le32_to_cpu(sb->block_size) == VEXFS_BLOCK_SIZE &&
	       le64_to_cpu(sb->free_blocks) <= blocks && le64_to_cpu(sb->tree_blocks) <= blocks &&
	       le64_to_cpu(sb->unwritten_blocks) <= blocks &&
	       le64_to_cpu(sb->root_block) < blocks &&
	       le32_to_cpu(sb->root_level) < VEXFS_MAX_LEVEL && generation < ~0ULL - 2 &&
	       le64_to_cpu(sb->root_generation) <= generation && (generation & 1) == slot &&
	       le64_to_cpu(sb->next_ino) >= VEXFS_FIRST_INO;
}

/* 0; -EINVAL not ours; -EUCLEAN damaged; -EOPNOTSUPP; -EIO; as vex_fs_open() has it. */
static int super_read(struct check *c, u32 slot, struct vexfs_super *sb,
		      struct vex_open_error *why)
{
	why->block = VEXFS_SUPER_BLOCK(slot);
	why->feature[0] = 0;
	why->what = "superblock cannot be read";
	if (c->io.ops->read(c->io.ctx, why->block, 1, sb))
		return -EIO;
	why->what = "no VexFS superblock";
	if (le64_to_cpu(sb->magic) != VEXFS_SUPER_MAGIC)
		return -EINVAL;
	why->what = "superblock fails its checksum";
	if (le32_to_cpu(sb->csum) != vex_crc32c((const u8 *)sb + 4, sizeof(*sb) - 4))
		return -EUCLEAN;
	why->what = "unknown format version";
	if (le32_to_cpu(sb->version) != VEXFS_FORMAT_VERSION)
		return -EOPNOTSUPP;
	why->what = "unknown feature";
	if (vex_feature_unknown(sb, why->feature))
		return -EOPNOTSUPP;
	why->what = "superblock with impossible figures";
	return super_sane(sb, slot) ? 0 : -EUCLEAN;
}

/* What is wrong in a superblock that can be used all the same. */
static void super_judge(struct check *c)
{
	const struct vexfs_super *sb = &c->sb;
	struct vexfs_super right = *sb;
	u64 block = VEXFS_SUPER_BLOCK(c->slot);

	vex_features_fill(&right, le64_to_cpu(sb->features));
	if (memcmp(right.feature_names, sb->feature_names, sizeof(sb->feature_names)))
		check_problem(c, VEX_P_SUPER_NAMES, block, 0,
			      "the names of features are not right");
	if (memchr_inv(sb->reserved, 0, sizeof(sb->reserved)))
		check_problem(c, VEX_P_SUPER_RESERVED, block, 0, "reserved bytes are not zero");
}

static void super_use(struct check *c, const struct vexfs_super *sb, u32 slot)
{
	c->sb = *sb;
	c->slot = slot;
	c->blocks = le64_to_cpu(sb->block_count);
	c->fsid = get_unaligned_le64(sb->uuid);
	c->hash_key[0] = le64_to_cpu(sb->hash_key[0]);
	c->hash_key[1] = le64_to_cpu(sb->hash_key[1]);
	c->result.generation = le64_to_cpu(sb->generation);
	c->result.blocks = c->blocks;
	c->result.features = le64_to_cpu(sb->features);
}

int check_supers(struct check *c, struct vex_open_error *why)
{
	struct vex_open_error here[2];
	struct vexfs_super *sb = (void *)c->leaf_buf;
	u64 generation[2] = { 0 };
	int err[2];

	for (u32 slot = 0; slot < 2; slot++) {
		err[slot] = super_read(c, slot, sb, &here[slot]);
		/* Not to be passed over: another program wrote it. */
		if (err[slot] == -EOPNOTSUPP) {
			*why = here[slot];
			return err[slot];
		}
		if (err[slot])
			continue;
		generation[slot] = le64_to_cpu(sb->generation);
		c->highest = max(c->highest, generation[slot]);
		if (c->opts.slot < 0 ? generation[slot] == c->highest : c->opts.slot == (int)slot)
			super_use(c, sb, slot);
	}
	/* The more telling of two failures: damage over absence. */
	*why = here[err[0] == -EINVAL || !err[0] ? 1 : 0];
	if (err[0] && err[1]) {
		if (err[0] == -EINVAL && err[1] == -EINVAL)
			return -EINVAL;
		check_problem(c, VEX_P_SUPER_NONE, why->block, 0,
			      "neither superblock is valid: %s", why->what);
		return 1;
	}
	if (c->opts.slot >= 0 && err[c->opts.slot]) {
		*why = here[c->opts.slot];
		return -EUCLEAN;
	}
	*why = (struct vex_open_error){
		.block = VEXFS_SUPER_BLOCK(c->slot),
		.what = "device is smaller than the filesystem",
	};
	if (c->blocks > c->io.blocks)
		return -EUCLEAN;
	/* One that the device does not give may be the newest, and good. */
	for (u32 slot = 0; slot < 2; slot++)
		if (err[slot])
			check_problem(c, err[slot] == -EIO ? VEX_P_SUPER_READ : VEX_P_SUPER_SLOT,
				      VEXFS_SUPER_BLOCK(slot), 0, "%s", here[slot].what);
	super_judge(c);
	return 0;
}

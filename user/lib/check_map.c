// SPDX-License-Identifier: GPL-2.0-only
/* A set of blocks: one bitmap for each group of blocks that has any. */
#include <stdlib.h>

#include "check.h"

int map_init(struct block_map *m, u64 blocks)
{
	m->blocks = blocks;
	m->count = 0;
	m->nr_groups = DIV_ROUND_UP(blocks, (u64)VEXFS_GROUP_BLOCKS);
	m->groups = calloc(m->nr_groups, sizeof(*m->groups));
	return m->groups ? 0 : -ENOMEM;
}

void map_free(struct block_map *m)
{
	for (u64 g = 0; m->groups && g < m->nr_groups; g++)
		free(m->groups[g]);
	free(m->groups);
	m->groups = NULL;
}

bool map_test(const struct block_map *m, u64 block)
{
	const u8 *bits = m->groups[block / VEXFS_GROUP_BLOCKS];
	u32 n = block % VEXFS_GROUP_BLOCKS;

	return bits && vex_bit_test(bits, n);
}

bool map_any(const struct block_map *m, u64 block, u64 count)
{
	for (; count; count--, block++)
		if (map_test(m, block))
			return true;
	return false;
}

int map_add(struct block_map *m, u64 block, u64 count)
{
	for (; count; count--, block++) {
		u8 **bits = &m->groups[block / VEXFS_GROUP_BLOCKS];
		u32 n = block % VEXFS_GROUP_BLOCKS;

		if (!*bits)
			*bits = calloc(1, VEXFS_GROUP_BYTES);
		if (!*bits)
			return -ENOMEM;
		m->count += !vex_bit_test(*bits, n);
		vex_bit_set(*bits, n);
	}
	return 0;
}

void map_del(struct block_map *m, u64 block)
{
	u8 *bits = m->groups[block / VEXFS_GROUP_BLOCKS];
	u32 n = block % VEXFS_GROUP_BLOCKS;

	if (!map_test(m, block))
		return;
	vex_bit_clear(bits, n);
	m->count--;
}

int map_add_reserved(struct block_map *m)
{
	int err = map_add(m, 0, 1);

	if (!err)
		err = map_add(m, VEXFS_SUPER_BLOCK(0), 1);
	return err ? err : map_add(m, VEXFS_SUPER_BLOCK(1), 1);
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The components that can be switched off, to see what each costs: a call that needs
 * one that is off is refused with EOPNOTSUPP, before it does anything.
 */
#include "vex_fs.h"

static const char *const component_names[] = {
	"storage", "search", "metadata", "cache", "txn",
};

const char *vex_component_name(u32 n)
{
	return n < ARRAY_SIZE(component_names) ? component_names[n] : NULL;
}

u32 vex_component_parse(const char *name, size_t len)
{
	u32 n;

	for (n = 0; n < ARRAY_SIZE(component_names); n++)
		if (strlen(component_names[n]) == len && !memcmp(component_names[n], name, len))
			return 1u << n;
	return 0;
}

int vex_component_need(struct vex_fs *fs, u32 components)
{
	u32 missing = READ_ONCE(fs->components_off) & components;

	if (likely(!missing))
		return 0;
	vex_spin_lock(&fs->space_lock);
	fs->components_missed |= missing;
	vex_spin_unlock(&fs->space_lock);
	return -EOPNOTSUPP;
}

u32 vex_component_take_missed(struct vex_fs *fs)
{
	u32 missed;

	vex_spin_lock(&fs->space_lock);
	missed = fs->components_missed;
	fs->components_missed = 0;
	vex_spin_unlock(&fs->space_lock);
	return missed;
}

int vex_component_switch(struct vex_fs *fs, u32 off)
{
	int err;

	if (off & ~VEXFS_COMPONENTS_ALL)
		return -EINVAL;
	/* What waits goes by the old rules. */
	err = fs->read_only ? 0 : vex_fs_checkpoint(fs);
	if (err)
		return err;
	WRITE_ONCE(fs->components_off, off);
	vex_prefetch_settle(fs);
	vex_cache_trim(fs);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/* What can be set, by name: see Documentation/counters.rst. */
#include <linux/kstrtox.h>
#include <linux/string.h>
#include "memory.h"

/* In the units that the user writes. Read without a lock; written under vxt_lock. */
u32 vxt_settings[VXT_SET_NR] = {
	[VXT_SET_PAINT_SHARE] = VXT_SHARE_DEFAULT,
	[VXT_SET_ALERT_STACK] = 75,
	[VXT_SET_ALERT_CALLS] = 100,
	[VXT_SET_ALERT_FRAME] = 1024,
	[VXT_SET_ALERT_SLOW] = 0,
	[VXT_SET_ALERT_GROWTH] = 100,
	[VXT_SET_ALERT_RATE] = 10,
	[VXT_SET_ALLOC_SAMPLE] = 64,
	[VXT_SET_WINDOW] = 10,
	[VXT_SET_CHAIN_FTRACE] = 10,
};

const struct vxt_setting vxt_setting_table[VXT_SET_NR] = {
	[VXT_SET_PAINT_SHARE] = {
		"paint_share", VXT_SHARE_SCALE, "1/10000 of the time of operations",
	},
	[VXT_SET_ALERT_STACK] = { "alert_stack", 100, "% of the stack in use; 0: never" },
	[VXT_SET_ALERT_CALLS] = { "alert_calls", VXT_FRAMES, "functions in a chain; 0: never" },
	[VXT_SET_ALERT_FRAME] = { "alert_frame", THREAD_SIZE, "B of one function; 0: never" },
	[VXT_SET_ALERT_SLOW] = { "alert_slow", U32_MAX, "us of an operation; 0: never" },
	[VXT_SET_ALERT_GROWTH] = {
		"alert_growth", 10000, "% beyond the deepest of the window before; 0: never",
	},
	[VXT_SET_ALERT_RATE] = { "alert_rate", 10000, "alerts a second" },
	[VXT_SET_ALLOC_SAMPLE] = {
		"alloc_sample", 1000000, "allocations, of which one is followed; 0: none",
	},
	[VXT_SET_WINDOW] = { "window", 86400, "s; 0: no leaks or growth are looked for" },
	[VXT_SET_CHAIN_FTRACE] = {
		"chain_ftrace", 1000,
		"1/1000 of the time, for chains without a debug register; 0: never",
	},
};

/* Duration in clock units from which on an operation is slow. */
u64 vxt_slow __read_mostly = U64_MAX;

/* The clock's rate may change: call it again then. The caller holds vxt_lock. */
void vxt_slow_set(void)
{
	u32 us = vxt_settings[VXT_SET_ALERT_SLOW];

	WRITE_ONCE(vxt_slow, us ? vxt_clock_from_ns((u64)us * NSEC_PER_USEC) : U64_MAX);
	vxt_range_restart();
}

/**
 * vxt_setting_set() - change a setting
 * @name: of it
 * @value: the new one
 *
 * Return: 0, -EINVAL for an unknown name, or -ERANGE.
 */
int vxt_setting_set(const char *name, u32 value)
{
	unsigned int i;

	for (i = 0; i < VXT_SET_NR; i++)
		if (!strcmp(name, vxt_setting_table[i].name))
			break;
	if (i == VXT_SET_NR)
		return -EINVAL;
	if (value > vxt_setting_table[i].most)
		return -ERANGE;
	mutex_lock(&vxt_lock);
	WRITE_ONCE(vxt_settings[i], value);
	if (i == VXT_SET_PAINT_SHARE)
		vxt_share_set();
	else if (i == VXT_SET_ALERT_SLOW)
		vxt_slow_set();
	else if (i == VXT_SET_ALLOC_SAMPLE)
		vxt_track_restart();
	else if (i == VXT_SET_WINDOW)
		vxt_leak_restart();
	mutex_unlock(&vxt_lock);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trails: where something was called from, as return addresses, each trail kept once.
 *
 * A trail has a place in a table of fixed size for as long as the module is loaded. Whoever
 * finds no place goes without; how often that was is told.
 */
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/stacktrace.h>
#include <linux/string.h>
#include "memory.h"

#define VXT_TRAILS_SHIFT	11
#define VXT_TRAILS		BIT(VXT_TRAILS_SHIFT)
#define VXT_TRAIL_PLACES	8U	/* in which a trail may be, from that of its hash on */
#define VXT_TRAIL_OWN		8U	/* frames of this module above a trail, at most */

static struct vxt_trail *vxt_trails;
static atomic64_t vxt_trails_full = ATOMIC64_INIT(0);

/* Where a trail is taken, with interrupts off. */
static DEFINE_PER_CPU(unsigned long [VXT_TRAIL_CALLS + VXT_TRAIL_OWN], vxt_trail_room);

/* Is it this one? A place that is being filled is none yet. */
static bool vxt_trail_is(const struct vxt_trail *trail, u32 hash, const unsigned long *ip, u32 nr)
{
	if (READ_ONCE(trail->hash) != hash)
		return false;
	/* Pairs with vxt_trail_put(). */
	return smp_load_acquire(&trail->nr) == nr && !memcmp(trail->ip, ip, nr * sizeof(*ip));
}

/* The number of a trail, 0 when there is no place for it. */
static u32 vxt_trail_put(const unsigned long *ip, u32 nr)
{
	u32 hash = jhash2((const u32 *)ip, nr * (sizeof(*ip) / sizeof(u32)), 0) | 1;
	u32 i, place;

	for (i = 0; i < VXT_TRAIL_PLACES; i++) {
		struct vxt_trail *trail;

		place = (hash_32(hash, VXT_TRAILS_SHIFT) + i) % VXT_TRAILS;
		trail = &vxt_trails[place];
		if (vxt_trail_is(trail, hash, ip, nr))
			return place + 1;
		if (READ_ONCE(trail->hash) || cmpxchg(&trail->hash, 0, hash))
			continue;
		memcpy(trail->ip, ip, nr * sizeof(*ip));
		/* Pairs with vxt_trail_is() and vxt_trail_get(). */
		smp_store_release(&trail->nr, nr);
		return place + 1;
	}
	atomic64_inc(&vxt_trails_full);
	return 0;
}

/**
 * vxt_trail_save() - keep where the caller's caller was called from
 *
 * Any context but NMI.
 *
 * Return: the number of the trail, 0 when it could not be kept.
 */
noinline u32 vxt_trail_save(void)
{
	unsigned long flags, *ip;
	u32 nr, own = 0, id = 0;

	local_irq_save(flags);
	ip = this_cpu_ptr(vxt_trail_room);
	nr = stack_trace_save(ip, ARRAY_SIZE(vxt_trail_room), 0);
	while (own < nr && within_module(ip[own], THIS_MODULE))
		own++;
	if (own < nr)
		id = vxt_trail_put(ip + own, min(nr - own, VXT_TRAIL_CALLS));
	local_irq_restore(flags);
	return id;
}

/* The trail of a number, or NULL. */
const struct vxt_trail *vxt_trail_get(u32 id)
{
	const struct vxt_trail *trail;

	if (!id || id > VXT_TRAILS)
		return NULL;
	trail = &vxt_trails[id - 1];
	/* Pairs with vxt_trail_put(). */
	return smp_load_acquire(&trail->nr) ? trail : NULL;
}

/**
 * vxt_trail_first() - the first call of a trail that says anything
 * @trail: of an allocation or a free
 *
 * Those before are VexFS's own on the way from its allocator to the tracepoint.
 *
 * Return: its index.
 */
u32 vxt_trail_first(const struct vxt_trail *trail)
{
	static const char * const between[] = {
		"__traceiter_vexfs_", "vexfs_mem_",
	};
	static char name[KSYM_SYMBOL_LEN];	/* under vxt_lock */
	u32 first, i;

	lockdep_assert_held(&vxt_lock);
	for (first = 0; first + 1 < trail->nr; first++) {
		sprint_symbol_no_offset(name, trail->ip[first] - 1);
		for (i = 0; i < ARRAY_SIZE(between); i++)
			if (!strncmp(name, between[i], strlen(between[i])))
				break;
		if (i == ARRAY_SIZE(between))
			break;
	}
	return first;
}

/* How many trails found no place. */
u64 vxt_trail_lost(void)
{
	return atomic64_read(&vxt_trails_full);
}

u64 vxt_trail_memory(void)
{
	return VXT_TRAILS * sizeof(*vxt_trails);
}

int vxt_trail_init(void)
{
	vxt_trails = kvcalloc(VXT_TRAILS, sizeof(*vxt_trails), GFP_KERNEL);
	return vxt_trails ? 0 : -ENOMEM;
}

void vxt_trail_exit(void)
{
	kvfree(vxt_trails);
}

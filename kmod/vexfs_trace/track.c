// SPDX-License-Identifier: GPL-2.0-only
/*
 * Objects that are followed from their allocation to their end: when and from where they were
 * allocated, how long they lived, from where they were freed.
 *
 * vexfs.ko counts every allocation; to follow one costs some more, and far more if that takes
 * a walk up the stack at both ends. So some are chosen: of each call site the first few, then one
 * in alloc_sample, and of these one in VXT_TRACK_CALLS is followed with the calls that led to it,
 * unless alloc_sample is 1. Chosen is by the count of the site and not by the address: a slab
 * hands the same address out again and again, which would be followed every time or never. The
 * object itself knows that it is followed, so its end is never missed.
 *
 * A walk up the stack goes deeper than what it interrupts. So nothing is chosen within an
 * operation whose stack is being measured, unless all are.
 */
#include <linux/atomic.h>
#include <linux/hash.h>
#include <linux/limits.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <vexfs_mem.h>
#include <trace/vexfs.h>
#include "depth.h"
#include "memory.h"

#define VXT_TRACK_SHIFT		11
#define VXT_TRACK_SETS		BIT(VXT_TRACK_SHIFT)
#define VXT_TRACK_WAYS		8
#define VXT_TRACK_GONE		2	/* of a set, objects that were freed last */
#define VXT_TRACK_FIRST		4	/* of a site, the objects that are followed in any case */
#define VXT_TRACK_CALLS		64	/* of the others, one in so many with its calls */

/*
 * Lifetimes: four buckets an octave, so that the middle of one is within 12 % of its
 * values; the last holds what is longer than 2^44 units (an hour and a half at 3 GHz).
 */
#define VXT_LIFE_SHIFT		2
#define VXT_LIFE_SUB		BIT(VXT_LIFE_SHIFT)
#define VXT_LIFE_OCTAVE_LAST	43
#define VXT_LIFE_BUCKETS \
	(2 * VXT_LIFE_SUB + (VXT_LIFE_OCTAVE_LAST - VXT_LIFE_SHIFT) * VXT_LIFE_SUB)

/**
 * struct vxt_track_set - some of the objects
 * @lock: guards the rest; taken with interrupts off, innermost
 * @object: those that are held; @ptr is NULL in a free place
 * @gone: those that were freed last, for who frees them again
 * @next: place in @gone that comes next
 */
struct vxt_track_set {
	raw_spinlock_t lock;
	unsigned int next;
	struct vxt_object object[VXT_TRACK_WAYS];
	struct vxt_gone gone[VXT_TRACK_GONE];
};

/* Of one call site: see struct vxt_life_row. */
struct vxt_life {
	atomic64_t tracked;
	atomic64_t untracked;
	atomic64_t ended;
	atomic64_t sum;
	atomic64_t max;
	atomic64_t hist[VXT_LIFE_BUCKETS];
};

static struct vxt_track_set *vxt_track_sets;
static struct vxt_life *vxt_lives;	/* by id - 1 */

static struct vxt_track_set *vxt_track_set(const void *ptr)
{
	return &vxt_track_sets[hash_ptr(ptr, VXT_TRACK_SHIFT)];
}

static unsigned int vxt_life_bucket(u64 units)
{
	unsigned int octave;

	if (units < 2 * VXT_LIFE_SUB)
		return units;
	octave = fls64(units) - 1;
	if (octave > VXT_LIFE_OCTAVE_LAST)
		return VXT_LIFE_BUCKETS - 1;
	return (octave - VXT_LIFE_SHIFT) * VXT_LIFE_SUB + (units >> (octave - VXT_LIFE_SHIFT));
}

/* The middle of a bucket. */
static u64 vxt_life_value(unsigned int bucket)
{
	unsigned int shift;

	if (bucket < 2 * VXT_LIFE_SUB)
		return bucket;
	shift = bucket / VXT_LIFE_SUB - 1;
	return ((u64)(bucket % VXT_LIFE_SUB + VXT_LIFE_SUB) << shift) + (BIT_ULL(shift) >> 1);
}

/* Is the stack that we are on being measured, and to be left alone? */
static bool vxt_track_spare(u32 every)
{
	return every != 1 && vxt_task_find();
}

/* Which allocation of the site comes next. */
static void vxt_track_next(struct vexfs_site *site, u32 every, u64 tracked)
{
	long step = tracked < VXT_TRACK_FIRST ? 1 : every;

	if (every != 1)
		WRITE_ONCE(site->next, atomic_long_read(&site->allocs) + step);
}

/* False when there is no room. */
static bool vxt_track_put(const struct vxt_object *object)
{
	struct vxt_track_set *set = vxt_track_set(object->ptr);
	struct vxt_object *place = NULL;
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&set->lock, flags);
	for (i = 0; i < VXT_TRACK_WAYS; i++) {
		/* One whose end nobody saw gives way. */
		if (set->object[i].ptr == object->ptr) {
			place = &set->object[i];
			break;
		}
		if (!set->object[i].ptr)
			place = &set->object[i];
	}
	if (place)
		*place = *object;
	raw_spin_unlock_irqrestore(&set->lock, flags);
	return place;
}

/* The probe of vexfs_track. Preemption is off. */
static void vxt_track(void *data, u32 id, const void *ptr, size_t size)
{
	u32 every = READ_ONCE(vxt_settings[VXT_SET_ALLOC_SAMPLE]);
	struct vexfs_site *site = vexfs_mem_site(id);
	struct vxt_object object = {
		.ptr = ptr, .size = min_t(size_t, size, U32_MAX), .site = id,
		.pid = task_pid_nr(current),
	};
	struct vxt_life *life;
	u64 tracked;

	if (!site || id > VXT_SITES)
		return;
	if (!every) {
		WRITE_ONCE(site->next, LONG_MAX);
		return;
	}
	/* The next allocation is tried, then. */
	if (vxt_track_spare(every))
		return;
	life = &vxt_lives[id - 1];
	tracked = atomic64_inc_return(&life->tracked);
	vxt_track_next(site, every, tracked);
	if (every == 1 || tracked <= VXT_TRACK_FIRST || tracked % VXT_TRACK_CALLS == 0)
		object.trail = vxt_trail_save();
	object.born = vxt_clock();
	if (!vxt_track_put(&object))
		atomic64_inc(&life->untracked);
}

static void vxt_life_end(struct vxt_life *life, u64 units)
{
	u64 max = atomic64_read(&life->max);

	atomic64_inc(&life->ended);
	atomic64_add(units, &life->sum);
	atomic64_inc(&life->hist[vxt_life_bucket(units)]);
	while (units > max && !atomic64_try_cmpxchg(&life->max, (s64 *)&max, units))
		;
}

/* Take an object out; false when it is not known. */
static bool vxt_track_take(const void *ptr, struct vxt_object *object)
{
	struct vxt_track_set *set = vxt_track_set(ptr);
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&set->lock, flags);
	for (i = 0; i < VXT_TRACK_WAYS; i++)
		if (set->object[i].ptr == ptr)
			break;
	if (i < VXT_TRACK_WAYS) {
		*object = set->object[i];
		set->object[i].ptr = NULL;
	}
	raw_spin_unlock_irqrestore(&set->lock, flags);
	return i < VXT_TRACK_WAYS;
}

static void vxt_track_go(const struct vxt_object *object, u32 freed)
{
	struct vxt_track_set *set = vxt_track_set(object->ptr);
	struct vxt_gone *gone;
	unsigned long flags;

	raw_spin_lock_irqsave(&set->lock, flags);
	gone = &set->gone[set->next++ % VXT_TRACK_GONE];
	gone->ptr = object->ptr;
	gone->site = object->site;
	gone->allocated = object->trail;
	gone->freed = freed;
	raw_spin_unlock_irqrestore(&set->lock, flags);
}

/* The probe of vexfs_untrack, before the memory goes. Preemption may be on, or this a softirq. */
static void vxt_untrack(void *data, u32 id, const void *ptr, size_t size)
{
	struct vxt_object object;
	bool spare;

	if (id > VXT_SITES || !vxt_track_take(ptr, &object))
		return;
	vxt_life_end(&vxt_lives[id - 1], vxt_clock() - object.born);
	if (!object.trail)
		return;
	preempt_disable();
	spare = vxt_track_spare(READ_ONCE(vxt_settings[VXT_SET_ALLOC_SAMPLE]));
	preempt_enable();
	if (!spare)
		vxt_track_go(&object, vxt_trail_save());
}

/**
 * vxt_track_gone() - what is known of an object that was freed
 * @ptr: its address
 * @gone: filled
 *
 * Return: false when nothing is.
 */
bool vxt_track_gone(const void *ptr, struct vxt_gone *gone)
{
	struct vxt_track_set *set = vxt_track_set(ptr);
	unsigned int i, last = 0;
	unsigned long flags;

	raw_spin_lock_irqsave(&set->lock, flags);
	for (i = 1; i <= VXT_TRACK_GONE && !last; i++)
		if (set->gone[(set->next - i) % VXT_TRACK_GONE].ptr == ptr)
			last = i;
	if (last)
		*gone = set->gone[(set->next - last) % VXT_TRACK_GONE];
	raw_spin_unlock_irqrestore(&set->lock, flags);
	return last;
}

/**
 * vxt_track_scan() - sum up what is followed and held, by site
 * @held: VXT_SITES of them, filled
 * @old: clock units from which on an object is old
 *
 * The caller holds vxt_lock.
 */
void vxt_track_scan(struct vxt_held *held, u64 old)
{
	unsigned int i, j;

	memset(held, 0, array_size(VXT_SITES, sizeof(*held)));
	for (i = 0; i < VXT_TRACK_SETS; i++) {
		struct vxt_track_set *set = &vxt_track_sets[i];
		unsigned long flags;
		u64 now;

		raw_spin_lock_irqsave(&set->lock, flags);
		now = vxt_clock();
		for (j = 0; j < VXT_TRACK_WAYS; j++) {
			const struct vxt_object *object = &set->object[j];
			struct vxt_held *h;

			if (!object->ptr)
				continue;
			h = &held[object->site - 1];
			h->objects++;
			h->old += now - object->born >= old;
			h->oldest = max(h->oldest, now - object->born);
		}
		raw_spin_unlock_irqrestore(&set->lock, flags);
	}
}

static int vxt_object_order(const void *a, const void *b)
{
	const struct vxt_object *x = a, *y = b;

	if (x->site != y->site)
		return x->site < y->site ? -1 : 1;
	return x->trail < y->trail ? -1 : x->trail > y->trail;
}

/**
 * vxt_track_copy() - what is followed and held, sorted by site and trail
 * @nr: receives the number
 *
 * Return: the objects, for kvfree(), or NULL when there is no memory.
 */
struct vxt_object *vxt_track_copy(u32 *nr)
{
	struct vxt_object *all;
	unsigned int i, j;

	all = kvmalloc_array(VXT_TRACK_SETS * VXT_TRACK_WAYS, sizeof(*all), GFP_KERNEL);
	*nr = 0;
	for (i = 0; all && i < VXT_TRACK_SETS; i++) {
		struct vxt_track_set *set = &vxt_track_sets[i];
		unsigned long flags;

		raw_spin_lock_irqsave(&set->lock, flags);
		for (j = 0; j < VXT_TRACK_WAYS; j++)
			if (set->object[j].ptr)
				all[(*nr)++] = set->object[j];
		raw_spin_unlock_irqrestore(&set->lock, flags);
	}
	if (all)
		sort(all, *nr, sizeof(*all), vxt_object_order, NULL);
	return all;
}

/**
 * vxt_track_group() - sum up those of one site and trail
 * @all: what vxt_track_copy() returned
 * @nr: how many
 * @first: the first of the group
 * @group: filled
 *
 * Return: the first of the next group, @nr when there is none.
 */
u32 vxt_track_group(const struct vxt_object *all, u32 nr, u32 first, struct vxt_group *group)
{
	const struct vxt_object *object = &all[first];
	u64 now = vxt_clock(), born = now;
	u32 i;

	*group = (struct vxt_group){
		.site = object->site, .trail = object->trail, .pid = object->pid,
	};
	for (i = first; i < nr && !vxt_object_order(&all[i], object); i++) {
		group->objects++;
		group->bytes += all[i].size;
		born = min(born, all[i].born);
	}
	group->oldest = vxt_clock_to_ns(now - born);
	return i;
}

/* The duration that @share of a thousand do not exceed, within 12 %. */
static u64 vxt_life_percentile(const struct vxt_life *life, u64 ended, u32 share)
{
	u64 rank = div_u64(ended * share + 999, 1000), sum = 0;
	unsigned int i;

	for (i = 0; i < VXT_LIFE_BUCKETS; i++) {
		sum += atomic64_read(&life->hist[i]);
		if (sum >= rank)
			return min_t(u64, vxt_life_value(i), atomic64_read(&life->max));
	}
	return atomic64_read(&life->max);
}

/**
 * vxt_life_read() - how long the objects of a site lived that were followed
 * @id: the site's number, which must be one
 * @row: filled
 */
void vxt_life_read(u32 id, struct vxt_life_row *row)
{
	const struct vxt_life *life = &vxt_lives[id - 1];
	u64 ended = atomic64_read(&life->ended);

	row->tracked = atomic64_read(&life->tracked);
	row->untracked = atomic64_read(&life->untracked);
	row->ended = ended;
	row->max_units = atomic64_read(&life->max);
	row->mean = ended ? vxt_clock_to_ns(div64_u64(atomic64_read(&life->sum), ended)) : 0;
	row->p50 = ended ? vxt_clock_to_ns(vxt_life_percentile(life, ended, 500)) : 0;
	row->p99 = ended ? vxt_clock_to_ns(vxt_life_percentile(life, ended, 990)) : 0;
	row->max = vxt_clock_to_ns(row->max_units);
}

/* The next allocation of each site is followed, and then those that the setting says. */
static void vxt_track_begin(void)
{
	struct vexfs_site *site;
	u32 id;

	for (id = 1; id <= VXT_SITES; id++) {
		site = vexfs_mem_site(id);
		if (site)
			WRITE_ONCE(site->next, 0);
	}
}

/*
 * The setting is another one, or we have just come. Whoever still saw nobody here, or that nothing
 * is to be followed, sets his count before we do. The caller holds vxt_lock.
 */
void vxt_track_restart(void)
{
	synchronize_rcu();
	vxt_track_begin();
}

/* Forget all lifetimes; the objects that are held stay. The caller holds vxt_lock. */
void vxt_track_reset(void)
{
	memset(vxt_lives, 0, array_size(VXT_SITES, sizeof(*vxt_lives)));
	vxt_track_begin();
}

/* Forget the objects: the clock is another one from now on. */
void vxt_track_forget(void)
{
	unsigned int i;

	for (i = 0; i < VXT_TRACK_SETS; i++) {
		struct vxt_track_set *set = &vxt_track_sets[i];
		unsigned long flags;

		raw_spin_lock_irqsave(&set->lock, flags);
		memset(set->object, 0, sizeof(set->object));
		raw_spin_unlock_irqrestore(&set->lock, flags);
	}
}

u64 vxt_track_memory(void)
{
	return VXT_TRACK_SETS * sizeof(*vxt_track_sets) + VXT_SITES * sizeof(*vxt_lives);
}

int vxt_track_init(void)
{
	unsigned int i;

	vxt_track_sets = kvcalloc(VXT_TRACK_SETS, sizeof(*vxt_track_sets), GFP_KERNEL);
	vxt_lives = kvcalloc(VXT_SITES, sizeof(*vxt_lives), GFP_KERNEL);
	if (!vxt_track_sets || !vxt_lives) {
		vxt_track_exit();
		return -ENOMEM;
	}
	for (i = 0; i < VXT_TRACK_SETS; i++)
		raw_spin_lock_init(&vxt_track_sets[i].lock);
	return 0;
}

void vxt_track_exit(void)
{
	kvfree(vxt_lives);
	kvfree(vxt_track_sets);
	vxt_lives = NULL;
	vxt_track_sets = NULL;
}

/* Begin to follow. */
int vxt_track_start(void)
{
	int err;

	err = register_trace_vexfs_untrack(vxt_untrack, NULL);
	if (err)
		return err;
	err = register_trace_vexfs_track(vxt_track, NULL);
	if (err) {
		unregister_trace_vexfs_untrack(vxt_untrack, NULL);
		return err;
	}
	mutex_lock(&vxt_lock);
	vxt_track_restart();
	mutex_unlock(&vxt_lock);
	return 0;
}

/* The caller waits for those that are in the probes. */
void vxt_track_stop(void)
{
	unregister_trace_vexfs_track(vxt_track, NULL);
	unregister_trace_vexfs_untrack(vxt_untrack, NULL);
}

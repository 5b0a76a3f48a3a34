// SPDX-License-Identifier: GPL-2.0-only
/* vexfs_trace.ko: stack depth and latency of VexFS operations, and who holds memory. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/topology.h>
#include <trace/vexfs.h>
#include <trace/vexfs_hook.h>

#define CREATE_TRACE_POINTS
#include <trace/vexfs_trace.h>
#include "depth.h"
#include "memory.h"
#include "waits.h"

#define VXT_CLASS_NAME(id, name)	\
	[VEXFS_OP_##id] = name,

static const char * const vxt_op_names[VEXFS_OP_NR] = { VEXFS_OP_CLASSES(VXT_CLASS_NAME) };

DEFINE_MUTEX(vxt_lock);	/* readers of rows, and resets */
DEFINE_PER_CPU(struct vxt_cpu_classes, vxt_cpu_classes);
DEFINE_STATIC_KEY_FALSE(vxt_clock_is_tsc);

u32 vxt_epoch __read_mostly = 1;
u64 vxt_load_cookie __read_mostly;
u64 vxt_price __read_mostly;

static u32 vxt_resets;
static u64 vxt_reset_real;
static u64 vxt_reset_mono;

/* When a CPU that has painted nothing yet may begin to. */
static u64 vxt_next(void)
{
	return READ_ONCE(vxt_settings[VXT_SET_PAINT_SHARE]) ? 0 : U64_MAX;
}

/*
 * Let all CPUs look anew whether to paint. Should the owner write at the same time, it
 * paints some operations later.
 */
static void vxt_next_restart(void)
{
	unsigned int i;
	int cpu;

	for_each_possible_cpu(cpu)
		for (i = 0; i < VXT_CLASSES; i++)
			WRITE_ONCE(per_cpu(vxt_cpu_classes, cpu).of[i]->next, vxt_next());
}

/*
 * What operations compare with has changed: let the next one of each class on each CPU look at all
 * of it. Pairs with vxt_range_set().
 */
void vxt_range_restart(void)
{
	unsigned int i;
	int cpu;

	/* Who has not seen the change writes a range that this does away with. */
	smp_mb();
	for_each_possible_cpu(cpu)
		for (i = 0; i < VXT_CLASSES; i++)
			WRITE_ONCE(per_cpu(vxt_cpu_classes, cpu).of[i]->most, 0);
}

/* Have the next operation of a class painted on each CPU, earned or not. */
void vxt_next_now(unsigned int op_class)
{
	int cpu;

	for_each_possible_cpu(cpu)
		WRITE_ONCE(per_cpu(vxt_cpu_classes, cpu).of[op_class]->next, 0);
}

/**
 * vxt_cpu_class_renew() - forget what a CPU counted of a class before a reset
 * @pc: of this CPU; preemption is off
 *
 * A reset only changes vxt_epoch: clearing is left to the owner, the one who
 * writes here. Readers pass over counters of another epoch.
 */
notrace void vxt_cpu_class_renew(struct vxt_cpu_class *pc)
{
	u32 epoch = READ_ONCE(vxt_epoch);

	WRITE_ONCE(pc->epoch, 0);
	/* A reader that sees a cleared counter does not find the old epoch. */
	smp_wmb();
	memset((char *)pc + sizeof(pc->epoch), 0, sizeof(*pc) - sizeof(pc->epoch));
	pc->min = U64_MAX;
	pc->next = vxt_next();
	/* Pairs with vxt_cpu_class_of(). */
	smp_store_release(&pc->epoch, epoch);
}

/* Name of an operation class or of a target; NULL for a class that is none now. Under vxt_lock. */
const char *vxt_class_name(unsigned int op_class)
{
	return op_class < VEXFS_OP_NR ? vxt_op_names[op_class] :
	       op_class < VXT_CLASSES ? vxt_target_name(op_class - VEXFS_OP_NR) : NULL;
}

/* Start the counters of a class anew that nobody counts now. */
void vxt_class_restart(unsigned int op_class)
{
	int cpu;

	vxt_stack_class_reset(op_class);
	for_each_possible_cpu(cpu) {
		struct vxt_cpu_class *pc = per_cpu(vxt_cpu_classes, cpu).of[op_class];

		WRITE_ONCE(pc->epoch, 0);
		WRITE_ONCE(pc->sum, 0);
		WRITE_ONCE(pc->next, vxt_next());
	}
}

/*
 * The kernel calls the TSC unstable when it finds that its rate changes, that it stops
 * in idle, or that CPUs disagree. Operations under way began on the other clock: with
 * a new cookie they are not counted, and with another one those that enter meanwhile.
 */
static void vxt_clock_check(void)
{
	if (!static_key_enabled(&vxt_clock_is_tsc) || !check_tsc_unstable())
		return;
	WRITE_ONCE(vxt_load_cookie, get_random_u64());
	static_branch_disable(&vxt_clock_is_tsc);
	vxt_track_forget();
	vxt_follow_clock();
	WRITE_ONCE(vxt_load_cookie, get_random_u64());
	pr_warn("the TSC has become unstable: latencies come from a slower clock from now on\n");
}

/**
 * vxt_reset() - start all counters again
 *
 * An operation that runs meanwhile is counted before or after.
 */
void vxt_reset(void)
{
	mutex_lock(&vxt_lock);
	vxt_clock_check();
	WRITE_ONCE(vxt_epoch, vxt_epoch + 1 ?: 1);
	vxt_slow_set();
	vxt_stack_reset();
	vxt_next_restart();
	vxt_alloc_reset();
	vxt_track_reset();
	vxt_leak_restart();
	vxt_bad_free_reset();
	vxt_waits_reset();
	vxt_resets++;
	vxt_reset_real = ktime_get_real_ns();
	vxt_reset_mono = ktime_get_ns();
	mutex_unlock(&vxt_lock);
}

/**
 * vxt_share_set() - bound the time spent on painting as the setting says
 *
 * It is in 1/VXT_SHARE_SCALE of the time of the operations of each class on each CPU; 0 stops
 * painting, VXT_SHARE_SCALE paints every operation. The caller holds vxt_lock.
 */
void vxt_share_set(void)
{
	u32 share = vxt_settings[VXT_SET_PAINT_SHARE];

	if (share == VXT_SHARE_SCALE)
		WRITE_ONCE(vxt_price, 0);
	else if (share)
		WRITE_ONCE(vxt_price, (VXT_SHARE_SCALE << VXT_PRICE_SHIFT) / share);
	vxt_next_restart();
}

static u64 vxt_cpu_memory(void)
{
	return (u64)num_possible_cpus() * VXT_CLASSES * sizeof(struct vxt_cpu_class);
}

/* What the operations took, and what painting took. */
static void vxt_times_read(struct vxt_status *status)
{
	u64 paint = 0, sum = 0;
	unsigned int i;
	int cpu;

	for_each_possible_cpu(cpu) {
		for (i = 0; i < VEXFS_OP_NR; i++) {
			const struct vxt_cpu_class *pc = vxt_cpu_class_of(cpu, i);

			if (!pc)
				continue;
			paint += READ_ONCE(pc->paint);
			sum += READ_ONCE(pc->sum);
		}
	}
	status->paint_ns = vxt_clock_to_ns(paint);
	status->operations_ns = vxt_clock_to_ns(sum);
}

/**
 * vxt_status_read() - the state of the tracer as a whole
 * @status: filled
 *
 * The caller holds vxt_lock.
 */
void vxt_status_read(struct vxt_status *status)
{
	struct vxt_stack_row row;
	unsigned int i;

	lockdep_assert_held(&vxt_lock);
	memset(status, 0, sizeof(*status));
	for (i = 0; i < VEXFS_OP_NR; i++) {
		vxt_stack_read(i, &row);
		status->calls += row.calls;
		status->painted += row.painted;
		status->unpainted += row.unpainted;
		status->clipped += row.clipped;
	}
	vxt_times_read(status);
	status->sites = vxt_alloc_refresh(&status->sites_dropped);
	status->table_full = vxt_stack_table_full();
	status->watches = vxt_watch_count();
	status->share = vxt_settings[VXT_SET_PAINT_SHARE];
	vxt_alert_counts(&status->alerts, &status->alerts_dropped);
	status->memory = vxt_cpu_memory() + vxt_stack_memory() + vxt_alloc_memory() +
			 vxt_trail_memory() + vxt_track_memory() + vxt_leak_memory() +
			 vxt_waits_memory() + vxt_targets_memory();
	status->trails_lost = vxt_trail_lost();
	status->bad_frees_lost = vxt_bad_frees_lost();
	status->resets = vxt_resets;
	status->reset_time = vxt_reset_real;
	status->since_reset = ktime_get_ns() - vxt_reset_mono;
	if (!static_key_enabled(&vxt_clock_is_tsc))
		status->clock = "ktime";
	else
		status->clock = check_tsc_unstable() ? "tsc-unstable" : "tsc";
}

/**
 * vxt_clock_to_ns() - convert a duration
 * @units: of vxt_clock()
 *
 * tsc_khz may be refined after boot: that is why counters hold cycles.
 *
 * Return: nanoseconds.
 */
u64 vxt_clock_to_ns(u64 units)
{
	if (!static_key_enabled(&vxt_clock_is_tsc))
		return units;
	return mul_u64_u64_div_u64(units, USEC_PER_SEC, tsc_khz);
}

/* The other way round; exact enough for a limit. */
u64 vxt_clock_from_ns(u64 ns)
{
	if (!static_key_enabled(&vxt_clock_is_tsc))
		return ns;
	return mul_u64_u64_div_u64(ns, tsc_khz, USEC_PER_SEC);
}

static void vxt_cpus_free(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		/* They lie one after another. */
		kvfree(per_cpu(vxt_cpu_classes, cpu).of[0]);
		per_cpu(vxt_cpu_classes, cpu).of[0] = NULL;
	}
}

static int vxt_cpus_alloc(void)
{
	unsigned int i;
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vxt_cpu_class *classes;

		classes = kvzalloc_node(array_size(VXT_CLASSES, sizeof(*classes)), GFP_KERNEL,
					cpu_to_node(cpu));
		if (!classes) {
			vxt_cpus_free();
			return -ENOMEM;
		}
		for (i = 0; i < VXT_CLASSES; i++)
			per_cpu(vxt_cpu_classes, cpu).of[i] = &classes[i];
	}
	return 0;
}

static int vxt_probes_register(void)
{
	int err;

	err = vxt_track_start();
	if (err)
		return err;
	err = vxt_bad_free_start();
	if (err)
		goto stop_track;
	err = vxt_ops_start();
	if (err)
		goto stop_bad_free;
	return 0;

stop_bad_free:
	vxt_bad_free_stop();
stop_track:
	vxt_track_stop();
	tracepoint_synchronize_unregister();
	return err;
}

/* vxt_waits_exit() waits for those that run. */
static void vxt_probes_unregister(void)
{
	vxt_ops_stop();
	vxt_bad_free_stop();
	vxt_track_stop();
}

/* All that counters of memory lie in. */
static int vxt_sites_init(void)
{
	int err;

	err = vxt_alloc_init();
	if (err)
		return err;
	err = vxt_trail_init();
	if (err)
		goto free_alloc;
	err = vxt_track_init();
	if (err)
		goto free_trail;
	err = vxt_leak_init();
	if (err)
		goto free_track;
	return 0;

free_track:
	vxt_track_exit();
free_trail:
	vxt_trail_exit();
free_alloc:
	vxt_alloc_exit();
	return err;
}

static void vxt_sites_exit(void)
{
	vxt_leak_exit();
	vxt_track_exit();
	vxt_trail_exit();
	vxt_alloc_exit();
}

static int vxt_memory_init(void)
{
	int err;

	err = vxt_cpus_alloc();
	if (err)
		return err;
	err = vxt_stack_init();
	if (err)
		goto free_cpus;
	err = vxt_sites_init();
	if (err)
		goto free_stack;
	return 0;

free_stack:
	vxt_stack_exit();
free_cpus:
	vxt_cpus_free();
	return err;
}

static void vxt_memory_exit(void)
{
	vxt_sites_exit();
	vxt_stack_exit();
	vxt_cpus_free();
}

static int __init vxt_init(void)
{
	int err;

	vxt_load_cookie = get_random_u64();
	if (tsc_khz && !check_tsc_unstable())
		static_branch_enable(&vxt_clock_is_tsc);
	vxt_reset_real = ktime_get_real_ns();
	vxt_reset_mono = ktime_get_ns();

	err = vxt_memory_init();
	if (err)
		return err;
	mutex_lock(&vxt_lock);
	vxt_share_set();
	mutex_unlock(&vxt_lock);
	err = vxt_waits_init();
	if (err)
		goto free_memory;
	err = vxt_probes_register();
	if (err)
		goto exit_waits;
	err = vexfs_op_hook_set(vxt_op_enter, vxt_op_exit, vxt_op_exit_told);
	if (err)
		goto unregister_probes;
	err = vxt_netlink_init();
	if (err)
		goto clear_hooks;
	vxt_debugfs_init();
	mutex_lock(&vxt_lock);
	vxt_leak_restart();
	mutex_unlock(&vxt_lock);
	return 0;

clear_hooks:
	vexfs_op_hook_clear();
unregister_probes:
	vxt_probes_unregister();
exit_waits:
	vxt_waits_exit();
free_memory:
	vxt_memory_exit();
	return err;
}

static void __exit vxt_exit(void)
{
	vxt_debugfs_exit();
	vxt_alert_exit();
	vxt_netlink_exit();
	vxt_leak_stop();
	vxt_targets_remove();
	vxt_follow_stop();
	/* Operations that run on leave state behind that the next load takes for foreign. */
	vexfs_op_hook_clear();
	vxt_probes_unregister();
	vxt_waits_exit();
	vxt_memory_exit();
}

module_init(vxt_init);
module_exit(vxt_exit);

MODULE_DESCRIPTION("Stack depth, latency and allocations of VexFS operations");
MODULE_AUTHOR("VexFS developers");
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0-only
/*
 * A watchpoint of each CPU, that tells who writes a word of a stack. A CPU has it from the time
 * when it comes online until it goes.
 *
 * perf owns a debug register of each CPU for us, so that debuggers and perf get others. It watches
 * vxt_watch_rest, which nobody writes. For the time of an operation the register's address alone is
 * moved into the stack of the task, by one instruction: creating a perf event, or having
 * perf add and remove one, is too slow there and may not be done with preemption off.
 *
 * perf may take its event off the CPU and put it on again whenever interrupts are on, then at
 * the resting address and perhaps in another register. So the register is moved only with
 * interrupts off, after a look whether it holds what was last written into it and is
 * enabled; if not, it is looked for: no other register holds the resting address.
 *
 * A task that moves to another CPU leaves the watchpoint behind. It misses the word then; a later
 * hit by whoever gets that memory finds another task, and puts the register to rest.
 */
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/hw_breakpoint.h>
#include <linux/irqflags.h>
#include <linux/module.h>
#include <linux/perf_event.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include "depth.h"

#define VXT_DEBUGREGS	4
#define VXT_WATCH_BUSY	((struct vexfs_op *)1)

/**
 * struct vxt_watch - the watchpoint of a CPU
 * @event: that perf owns the register for; NULL: there is none. Changes on this CPU alone
 * @slot: debug register, -1 when not known
 * @address: what was last written into it
 * @op: the operation that is watched, NULL for none, VXT_WATCH_BUSY while that changes. Who
 *	changes it owns the rest: this CPU with preemption off, or that on which the operation
 *	ends
 * @op_class: the class of @op
 * @task: the task of @op
 * @caught: @room holds the chain that wrote the word
 * @cost: clock units that catching it took, but entering and leaving the exception
 * @room: for a chain
 */
struct vxt_watch {
	struct perf_event *event;
	int slot;
	unsigned long address;
	struct vexfs_op *op;
	unsigned int op_class;
	struct task_struct *task;
	bool caught;
	u64 cost;
	struct vxt_chain *room;
};

static DEFINE_PER_CPU(struct vxt_watch, vxt_watches);
static int vxt_watch_state;	/* of the CPUs that come and go; 0: there are no watchpoints */
static int vxt_watch_error;	/* why a CPU has none */
static u64 vxt_watch_rest;

static __always_inline bool vxt_watch_enabled(int slot)
{
	return native_get_debugreg(7) >> (slot * DR_ENABLE_SIZE) & (DR_LOCAL_ENABLE |
								     DR_GLOBAL_ENABLE);
}

static __always_inline bool vxt_watch_is_at(int slot, unsigned long address)
{
	return native_get_debugreg(slot) == address && vxt_watch_enabled(slot);
}

/* The register of this CPU, or -1. Interrupts are off. */
static __always_inline int vxt_watch_slot(const struct vxt_watch *watch)
{
	int slot;

	if (watch->slot >= 0 && vxt_watch_is_at(watch->slot, watch->address))
		return watch->slot;
	for (slot = 0; slot < VXT_DEBUGREGS; slot++)
		if (vxt_watch_is_at(slot, (unsigned long)&vxt_watch_rest))
			return slot;
	return -1;
}

/* Preemption is off. Calls nothing. */
static __always_inline bool vxt_watch_move(struct vxt_watch *watch, unsigned long address)
{
	unsigned long flags;

	raw_local_irq_save(flags);
	watch->slot = vxt_watch_slot(watch);
	if (watch->slot >= 0) {
		native_set_debugreg(watch->slot, address);
		watch->address = address;
	}
	raw_local_irq_restore(flags);
	return watch->slot >= 0;
}

/**
 * vxt_watch_begin() - watch a word of the stack of an operation that enters
 * @op: the operation, which the current task is about to run
 * @address: of the word
 *
 * Called once the stack is painted, with preemption off. Calls nothing.
 *
 * Return: the lowest address of the stack that this function has touched, or 0 when the word is not
 * watched: this CPU's watchpoint is in use, or there is none.
 */
noinline notrace __no_sanitize_address
unsigned long vxt_watch_begin(struct vexfs_op *op, unsigned long address)
{
	struct vxt_watch *watch = this_cpu_ptr(&vxt_watches);
	struct vexfs_op *former = READ_ONCE(watch->op);

	/* It is taken from a task that sleeps or has left, but not from one that is nested. */
	if (!READ_ONCE(watch->event) || former == VXT_WATCH_BUSY ||
	    (former && watch->task == current) ||
	    cmpxchg(&watch->op, former, VXT_WATCH_BUSY) != former)
		return 0;
	if (!vxt_watch_move(watch, address)) {
		/* Pairs with the exchanges: whoever takes it next finds all of it at rest. */
		smp_store_release(&watch->op, NULL);
		return 0;
	}
	watch->caught = false;
	watch->cost = 0;
	watch->op_class = op->op_class;
	watch->task = current;
	/* Pairs with the exchange in vxt_watch_end(), which may be on another CPU. */
	smp_store_release(&watch->op, op);
	/* Reading the flags takes a word below the own frame. */
	return current_stack_pointer - VXT_WORD;
}

/* The watchpoint that was left for an operation, on whatever CPU. */
static notrace struct vxt_watch *vxt_watch_of(const struct vexfs_op *op)
{
	struct vxt_watch *watch = this_cpu_ptr(&vxt_watches);
	int cpu;

	if (READ_ONCE(watch->op) == op)
		return watch;
	for_each_possible_cpu(cpu) {
		watch = per_cpu_ptr(&vxt_watches, cpu);
		if (READ_ONCE(watch->op) == op)
			return watch;
	}
	return NULL;
}

/**
 * vxt_watch_end() - an operation that is watched ends
 * @op: the operation
 * @class: its class, which keeps the chain
 * @depth: how deep it went, 0 when that is not known exactly
 *
 * What was caught counts only if the operation went no deeper than the word. Preemption is off.
 *
 * Return: what catching cost while the operation ran, in clock units.
 */
notrace u64 vxt_watch_end(struct vexfs_op *op, struct vxt_stack_class *class, u32 depth)
{
	struct vxt_watch *watch = vxt_watch_of(op);
	u64 cost;

	vxt_emulator_check();
	if (!watch || cmpxchg(&watch->op, op, VXT_WATCH_BUSY) != op)
		return 0;
	cost = watch->cost;
	if (watch == this_cpu_ptr(&vxt_watches) &&
	    watch->address != (unsigned long)&vxt_watch_rest)
		vxt_watch_move(watch, (unsigned long)&vxt_watch_rest);
	/* Without a frame when the word was written from another stack. */
	if (watch->caught && watch->room->nr && watch->room->depth == depth)
		vxt_chain_keep(class, op->op_class, &watch->room);
	watch->caught = false;
	/* Pairs with the exchange in vxt_watch_begin(), which may be on another CPU. */
	smp_store_release(&watch->op, NULL);
	return cost;
}

/*
 * The word was written. Runs as the debug exception, on its stack: not even interrupts come in
 * between, and all watchpoints of the CPU are off.
 */
static notrace void vxt_watch_hit(struct perf_event *event, struct perf_sample_data *data,
				  struct pt_regs *regs)
{
	struct vxt_watch *watch = this_cpu_ptr(&vxt_watches);
	struct vexfs_op *op = READ_ONCE(watch->op);
	unsigned long address = watch->address;
	u64 begin = vxt_clock();
	bool ours;

	vxt_emulator_repair(regs);
	ours = op && op != VXT_WATCH_BUSY && watch->task == current &&
	       address != (unsigned long)&vxt_watch_rest;
	/*
	 * A nested operation paints; or nothing was written at all: QEMU 7.2 without KVM
	 * raises the exception at unaligned stores to what lies above the word in its page, too.
	 */
	if (ours && (within_module(regs->ip, THIS_MODULE) ||
		     READ_ONCE_NOCHECK(*(unsigned long *)address) == vxt_pattern))
		return;
	if (watch->slot >= 0 && native_get_debugreg(watch->slot) == address) {
		native_set_debugreg(watch->slot, (unsigned long)&vxt_watch_rest);
		watch->address = (unsigned long)&vxt_watch_rest;
	}
	if (!ours)
		return;
	vxt_chain_take(watch->room, op, regs, address);
	watch->caught = true;
	watch->cost = vxt_clock() - begin;
}

/* Nobody ends the calls of a target that is gone. No new ones begin. */
void vxt_watch_forget(unsigned int op_class)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vxt_watch *watch = per_cpu_ptr(&vxt_watches, cpu);
		struct vexfs_op *op = READ_ONCE(watch->op);

		/* Those of VexFS lie on stacks that may be gone: they are not looked at. */
		if (op && op != VXT_WATCH_BUSY && watch->op_class == op_class)
			cmpxchg(&watch->op, op, NULL);
	}
}

/* Has this CPU a watchpoint? */
notrace bool vxt_watch_is_here(void)
{
	return this_cpu_read(vxt_watches.event);
}

/* On how many CPUs words can be watched. */
u32 vxt_watch_count(void)
{
	u32 count = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		count += !!READ_ONCE(per_cpu(vxt_watches, cpu).event);
	return count;
}

u64 vxt_watch_memory(void)
{
	return (u64)num_possible_cpus() * sizeof(struct vxt_chain);
}

static void vxt_watch_free(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		kfree(per_cpu(vxt_watches, cpu).room);
		per_cpu(vxt_watches, cpu).room = NULL;
	}
}

static int vxt_watch_alloc(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vxt_watch *watch = per_cpu_ptr(&vxt_watches, cpu);

		watch->slot = -1;
		watch->address = (unsigned long)&vxt_watch_rest;
		watch->room = kzalloc(sizeof(*watch->room), GFP_KERNEL);
		if (!watch->room) {
			vxt_watch_free();
			return -ENOMEM;
		}
	}
	return 0;
}

/* Runs on the CPU, which is there without a watchpoint, too. */
static int vxt_watch_online(unsigned int cpu)
{
	struct vxt_watch *watch = per_cpu_ptr(&vxt_watches, cpu);
	struct perf_event_attr attr;
	struct perf_event *event;

	hw_breakpoint_init(&attr);
	attr.bp_addr = (unsigned long)&vxt_watch_rest;
	attr.bp_len = HW_BREAKPOINT_LEN_8;
	attr.bp_type = HW_BREAKPOINT_W;
	event = perf_event_create_kernel_counter(&attr, cpu, NULL, vxt_watch_hit, NULL);
	if (IS_ERR(event))
		WRITE_ONCE(vxt_watch_error, PTR_ERR(event));
	else
		WRITE_ONCE(watch->event, event);
	return 0;
}

/* Runs on the CPU before it goes. An operation that is watched there ends elsewhere. */
static int vxt_watch_offline(unsigned int cpu)
{
	struct vxt_watch *watch = per_cpu_ptr(&vxt_watches, cpu);
	struct perf_event *event = watch->event;

	if (!event)
		return 0;
	WRITE_ONCE(watch->event, NULL);
	perf_event_release_kernel(event);
	return 0;
}

/* Without a watchpoint all is measured but the chains. */
int vxt_watch_init(void)
{
	int err = vxt_watch_alloc();

	if (err)
		return err;
	vxt_emulator_init();
	/* A paravirtualised guest of Xen may not touch debug registers behind its back. */
	if (cpu_feature_enabled(X86_FEATURE_XENPV))
		return 0;
	err = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "vexfs_trace:online", vxt_watch_online,
				vxt_watch_offline);
	if (err > 0)
		vxt_watch_state = err;
	else
		vxt_watch_error = err;
	if (vxt_watch_error)
		pr_notice("vexfs_trace: %u CPUs have a debug register for us (error %d): chains of calls %s on the others\n",
			  vxt_watch_count(), -vxt_watch_error, vxt_follow_able ?
			  "come from ftrace, within chain_ftrace," : "are not caught");
	return 0;
}

/* No operation is watched any more: the probes are gone. */
void vxt_watch_exit(void)
{
	if (vxt_watch_state)
		cpuhp_remove_state(vxt_watch_state);
	vxt_watch_free();
}

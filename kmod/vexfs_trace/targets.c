// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of others, measured as operations of VexFS are: of the kernel, or of any module.
 *
 * A target is a class whose calls are bracketed by a kretprobe. At entry the stack below is
 * painted, at return it is scanned: all as for an operation, but that the probes of the kernel use
 * the stack right below the caller, so that a call which goes no deeper than they do counts as
 * shallow.
 *
 * What a call has painted lies in the slot of its task (task.c) and not with the probe: a target
 * may be removed while calls of it are under way, and they never end then.
 */
#include <linux/ctype.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/string.h>
#include "vxt.h"

#define VXT_CALLS_LEAST	64	/* calls of a target that may be under way at once */

/**
 * struct vxt_target - a function that is measured
 * @name: as it was asked for, "" when the place is free
 * @probe: its probe
 */
struct vxt_target {
	char name[VXT_NAME_LEN];
	struct kretprobe probe;
};

/* What the kernel keeps for us of a call: @op is NULL when it was not painted. */
struct vxt_call {
	u64 cookie;	/* of the load and of the clock that @start is of */
	u64 start;
	struct vexfs_op *op;
};

static struct vxt_target vxt_targets[VXT_TARGETS];	/* under vxt_lock */

static notrace unsigned int vxt_call_class(struct kretprobe_instance *ri)
{
	struct vxt_target *target = container_of(get_kretprobe(ri), struct vxt_target, probe);

	return VEXFS_OP_NR + (target - vxt_targets);
}

/* Runs before the function's first instruction, on its stack, with preemption off. */
static notrace int vxt_call_enter(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	unsigned int op_class = vxt_call_class(ri);
	struct vxt_call *call = (struct vxt_call *)ri->data;

	call->op = NULL;
	call->cookie = READ_ONCE(vxt_load_cookie);
	if (unlikely(vxt_stack_due(&this_cpu_read(vxt_cpu_classes)[op_class])))
		call->op = vxt_stack_enter_call(op_class, regs->sp + VXT_WORD);
	call->start = vxt_clock();
	return 0;
}

/* Runs where the function returns to, with preemption off. Not when the target is gone by then. */
static notrace int vxt_call_exit(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	u64 end = vxt_clock();
	struct vxt_call *call = (struct vxt_call *)ri->data;
	unsigned int op_class = vxt_call_class(ri);
	struct vxt_cpu_class *pc = vxt_cpu_class(op_class);

	if (unlikely(call->cookie != READ_ONCE(vxt_load_cookie))) {
		/* The clock was changed meanwhile. */
		if (call->op)
			vxt_stack_abandon(call->op);
	} else {
		vxt_latency_add(pc, end - call->start, 0);
		vxt_alert_slow(op_class, call->op ? call->op->seq : 0, end - call->start);
		if (call->op)
			vxt_stack_exit_op(call->op, pc);
		else
			vxt_add(&pc->unpainted, 1);
	}
	if (call->op)
		WRITE_ONCE(vxt_state(call->op)->cookie, 0);
	return 0;
}

static struct vxt_target *vxt_target_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < VXT_TARGETS; i++)
		if (!strcmp(vxt_targets[i].name, name))
			return &vxt_targets[i];
	return NULL;
}

static bool vxt_target_name_ok(const char *name)
{
	size_t i, len = strlen(name);

	for (i = 0; i < len; i++)
		if (!isalnum(name[i]) && !strchr("_.:", name[i]))
			return false;
	return len && len < VXT_NAME_LEN && !isdigit(name[0]);
}

/* The best known of those whose calls have no end to measure to. */
static bool vxt_target_returns(const char *name)
{
	static const char * const never[] = {
		"do_exit", "do_group_exit", "do_task_dead", "make_task_dead", "__x64_sys_exit",
		"__x64_sys_exit_group", "__ia32_sys_exit", "__ia32_sys_exit_group",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(never); i++)
		if (!strcmp(name, never[i]))
			return false;
	return true;
}

/* Why a function cannot be probed. */
static void vxt_target_refused(int err, struct netlink_ext_ack *extack)
{
	if (err == -ENOENT)
		NL_SET_ERR_MSG(extack, "no such function, or it was inlined everywhere");
	else if (err == -EINVAL)
		NL_SET_ERR_MSG(extack, "the kernel does not let this function be probed");
	else
		NL_SET_ERR_MSG(extack, "the function could not be probed");
}

/**
 * vxt_target_add() - measure a function from now on
 * @name: of the function, perhaps with its module before it: "ext4:ext4_file_write_iter"
 * @op_class: receives its class
 * @extack: NULL, or receives the reason of an error
 *
 * Return: 0; -EINVAL for what is no name or may not be probed, -ENOENT for an unknown one,
 * -EEXIST, -ENOSPC for too many, -ENOMEM, or what registering a probe returns.
 */
int vxt_target_add(const char *name, u32 *op_class, struct netlink_ext_ack *extack)
{
	struct vxt_target *target;
	int err;

	if (!vxt_target_name_ok(name)) {
		NL_SET_ERR_MSG(extack, "not the name of a function");
		return -EINVAL;
	}
	if (!vxt_target_returns(name)) {
		NL_SET_ERR_MSG(extack, "the function never returns");
		return -EINVAL;
	}
	mutex_lock(&vxt_lock);
	err = -EEXIST;
	if (vxt_target_find(name)) {
		NL_SET_ERR_MSG(extack, "the function is a target already");
		goto out;
	}
	err = -ENOSPC;
	target = vxt_target_find("");
	if (!target) {
		NL_SET_ERR_MSG(extack, "there is no room for more targets: remove one");
		goto out;
	}
	err = vxt_task_calls_init();
	if (err)
		goto out;
	*op_class = VEXFS_OP_NR + (target - vxt_targets);
	vxt_class_restart(*op_class);
	strscpy(target->name, name, sizeof(target->name));
	target->probe = (struct kretprobe){
		.kp.symbol_name = target->name,
		.handler = vxt_call_exit,
		.entry_handler = vxt_call_enter,
		.data_size = sizeof(struct vxt_call),
		.maxactive = max_t(int, VXT_CALLS_LEAST, 8 * num_possible_cpus()),
	};
	err = register_kretprobe(&target->probe);
	/* Not ourselves: what runs between painting and scanning must not be probed. */
	if (!err && within_module((unsigned long)target->probe.kp.addr, THIS_MODULE)) {
		unregister_kretprobe(&target->probe);
		err = -EINVAL;
	}
	if (err) {
		target->name[0] = '\0';
		vxt_target_refused(err, extack);
	}
out:
	mutex_unlock(&vxt_lock);
	return err;
}

/* Calls that are under way return as if nothing were there. The caller holds vxt_lock. */
static void vxt_target_drop(struct vxt_target *target)
{
	unsigned int op_class = VEXFS_OP_NR + (target - vxt_targets);

	unregister_kretprobe(&target->probe);
	/* A handler runs with preemption off. */
	synchronize_rcu();
	vxt_watch_forget(op_class);
	vxt_task_forget(op_class);
	target->name[0] = '\0';
}

/**
 * vxt_target_remove() - measure a function no more, and forget what was measured
 * @name: as it was added
 * @extack: NULL, or receives the reason of an error
 *
 * Return: 0 or -ENOENT.
 */
int vxt_target_remove(const char *name, struct netlink_ext_ack *extack)
{
	struct vxt_target *target;

	mutex_lock(&vxt_lock);
	target = *name ? vxt_target_find(name) : NULL;
	if (target)
		vxt_target_drop(target);
	mutex_unlock(&vxt_lock);
	if (!target)
		NL_SET_ERR_MSG(extack, "no such target");
	return target ? 0 : -ENOENT;
}

void vxt_targets_remove(void)
{
	unsigned int i;

	mutex_lock(&vxt_lock);
	for (i = 0; i < VXT_TARGETS; i++)
		if (vxt_targets[i].name[0])
			vxt_target_drop(&vxt_targets[i]);
	mutex_unlock(&vxt_lock);
}

/* NULL when there is none of that number. The caller holds vxt_lock. */
const char *vxt_target_name(unsigned int nr)
{
	return vxt_targets[nr].name[0] ? vxt_targets[nr].name : NULL;
}

/**
 * vxt_target_read() - what only targets have
 * @op_class: of a target
 * @row: filled
 *
 * The caller holds vxt_lock.
 *
 * Return: false when there is no such target.
 */
bool vxt_target_read(unsigned int op_class, struct vxt_target_row *row)
{
	struct vxt_target *target;

	if (op_class < VEXFS_OP_NR || op_class >= VXT_CLASSES)
		return false;
	target = &vxt_targets[op_class - VEXFS_OP_NR];
	row->name = target->name;
	/* Too many calls at once, or a call out of a probe's handler. */
	row->missed = target->probe.nmissed + target->probe.kp.nmissed;
	return target->name[0];
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of others, measured as operations of VexFS are: of the kernel, or of any module.
 *
 * A target is a class whose calls are bracketed by a kretprobe. At entry the stack below is
 * painted, at return it is scanned: all as for an operation, but that the probes of the kernel use
 * the stack right below the caller, so that a call which goes no deeper than they do counts as
 * shallow.
 *
 * A module may be a target, too: then its functions are bracketed that are named, all as one class,
 * and a call counts that comes from outside of all calls of the class. A probe that is called
 * within a painted operation uses the stack there: where the operation itself went no deeper its
 * sample is shallow (stack.c).
 *
 * What a call has painted lies in the slot of its task (task.c) and not with the probe: a target
 * may be removed while calls of it are under way, and they never end then.
 */
#include <linux/ctype.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "depth.h"
#include "waits.h"

#define VXT_CALLS_LEAST	64	/* calls of a function that may be under way at once */
#define VXT_MARKS	8	/* targets in one place until a mark is used again */
#define VXT_MODULE	"module:"

/**
 * struct vxt_target - a function that is measured, or functions of one module as if they were one
 * @name: as it was asked for, "" when the place is free
 * @probe: probes of its functions, @nr of them
 * @nr: 1, or for a module up to VXT_FUNCTIONS
 * @whole: a module: only calls that do not come from the module's own functions count
 * @mark: what stands for its calls in waits.c: one of @marks, so that a task that was in a call as
 *	its target went is not taken for one in a call of the next target
 * @turn: which one is next
 * @marks: see @mark
 */
struct vxt_target {
	char name[VXT_NAME_LEN];
	struct kretprobe **probe;
	unsigned int nr;
	bool whole;
	struct vexfs_op *mark;
	unsigned int turn;
	struct vexfs_op marks[VXT_MARKS];
};

/* One function of a target: @name as the kernel looks it up, of a module after the name of that. */
struct vxt_function {
	struct vxt_target *target;
	struct kretprobe probe;
	char name[2 * VXT_NAME_LEN];
};

/* What the kernel keeps for us of a call: @op is NULL when it was not painted. */
struct vxt_call {
	u64 cookie;	/* of the load and of the clock that @start is of */
	u64 start;
	struct vexfs_op *op;
	struct vxt_span span;
};

static struct vxt_target vxt_targets[VXT_TARGETS];	/* under vxt_lock */
static unsigned int vxt_target_count;			/* likewise */

static notrace struct vxt_target *vxt_call_target(struct kretprobe_instance *ri)
{
	return container_of(get_kretprobe(ri), struct vxt_function, probe)->target;
}

/* Of a target that is a module. */
static const char *vxt_target_module(const struct vxt_target *target)
{
	return target->name + strlen(VXT_MODULE);
}

static notrace unsigned int vxt_target_class(const struct vxt_target *target)
{
	return VEXFS_OP_NR + (target - vxt_targets);
}

/* Is the task in a call of the module already? Those out of interrupts are passed over as well. */
static __always_inline bool vxt_call_is_inner(const struct vxt_target *target)
{
	return target->whole &&
	       (!in_task() || this_cpu_read(vxt_running.inside) & BIT(target - vxt_targets));
}

/*
 * Runs before the function's first instruction, on its stack, with preemption off. Other than 0:
 * the call is not followed.
 */
static notrace int vxt_call_enter(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct vxt_target *target = vxt_call_target(ri);
	unsigned int op_class = vxt_target_class(target);
	struct vxt_call *call = (struct vxt_call *)ri->data;

	if (in_task())
		vxt_stack_probed(regs->sp + VXT_WORD);
	if (vxt_call_is_inner(target))
		return 1;
	call->op = NULL;
	call->cookie = READ_ONCE(vxt_load_cookie);
	vxt_span_begin(&call->span, target->mark,
		       target->whole ? BIT(target - vxt_targets) : 0);
	if (unlikely(vxt_stack_due(vxt_cpu_class_here(op_class))))
		call->op = vxt_stack_enter_call(op_class, regs->sp + VXT_WORD);
	call->start = vxt_clock();
	return 0;
}

/* Runs where the function returns to, with preemption off. Not when the target is gone by then. */
static notrace int vxt_call_exit(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	u64 end = vxt_clock();
	struct vxt_call *call = (struct vxt_call *)ri->data;
	unsigned int op_class = vxt_target_class(vxt_call_target(ri));
	struct vxt_cpu_class *pc = vxt_cpu_class(op_class);

	if (unlikely(call->cookie != READ_ONCE(vxt_load_cookie))) {
		/* The clock was changed meanwhile. */
		vxt_span_forget(&call->span);
		if (call->op)
			vxt_stack_abandon(call->op);
	} else {
		vxt_latency_add(pc, end - call->start);
		vxt_span_end(&call->span, pc, end - call->start);
		if (call->op) {
			vxt_stack_exit_op(call->op, pc, end - call->start);
		} else {
			vxt_add(&pc->unpainted, 1);
			vxt_alert_slow(op_class, 0, end - call->start);
		}
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

/* Take the place. The caller holds vxt_lock. */
static int vxt_target_begin(struct vxt_target *target, const char *name, bool whole)
{
	unsigned int op_class = vxt_target_class(target);
	int err;

	err = vxt_task_calls_init();
	if (err)
		return err;
	target->probe = kvcalloc(whole ? VXT_FUNCTIONS : 1, sizeof(*target->probe), GFP_KERNEL);
	if (!target->probe)
		return -ENOMEM;
	err = vxt_target_count ? 0 : vxt_kmem_start();
	if (err) {
		kvfree(target->probe);
		return err;
	}
	vxt_target_count++;
	vxt_class_restart(op_class);
	target->nr = 0;
	target->whole = whole;
	target->mark = &target->marks[target->turn++ % VXT_MARKS];
	target->mark->op_class = op_class;
	WRITE_ONCE(vxt_state(target->mark)->cookie, vxt_cookie());
	strscpy(target->name, name, sizeof(target->name));
	return 0;
}

/* Calls that are under way return as if nothing were there. The caller holds vxt_lock. */
static void vxt_target_drop(struct vxt_target *target)
{
	unsigned int op_class = vxt_target_class(target), i;

	unregister_kretprobes(target->probe, target->nr);
	WRITE_ONCE(vxt_state(target->mark)->cookie, 0);
	/* Who leaves the CPU, or was about to, sees that; a handler runs with preemption off. */
	synchronize_rcu();
	for (i = 0; i < target->nr; i++)
		kfree(container_of(target->probe[i], struct vxt_function, probe));
	kvfree(target->probe);
	vxt_wait_forget_mark(target->mark);
	vxt_watch_forget(op_class);
	vxt_follow_forget(op_class);
	vxt_task_forget(op_class);
	vxt_locks_forget(op_class);
	target->name[0] = '\0';
	if (!--vxt_target_count)
		vxt_kmem_stop();
}

/* Is it where it may be: not in this module, and in the one that the target stands for? */
static bool vxt_function_fits(const struct vxt_target *target, const struct kretprobe *probe)
{
	unsigned long address = (unsigned long)probe->kp.addr;
	static char name[KSYM_SYMBOL_LEN + 1];	/* under vxt_lock */
	char *module;
	size_t len;

	/* What runs between painting and scanning must not be probed. */
	if (within_module(address, THIS_MODULE))
		return false;
	if (!target->whole)
		return true;
	/* "name [module]" */
	sprint_symbol_no_offset(name, address);
	module = strchr(name, '[');
	len = strlen(vxt_target_module(target));
	return module && !strncmp(module + 1, vxt_target_module(target), len) &&
	       module[1 + len] == ']';
}

/* Measure one more function of the target. The caller holds vxt_lock. */
static int vxt_function_add(struct vxt_target *target, const char *name)
{
	struct vxt_function *function = kzalloc(sizeof(*function), GFP_KERNEL);
	int err;

	if (!function)
		return -ENOMEM;
	function->target = target;
	if (target->whole)
		snprintf(function->name, sizeof(function->name), "%s:%s",
			 vxt_target_module(target), name);
	else
		strscpy(function->name, name, sizeof(function->name));
	/* Not before it is known to be the right one: a call that has begun would not end. */
	function->probe = (struct kretprobe){
		.kp.symbol_name = function->name,
		.kp.flags = KPROBE_FLAG_DISABLED,
		.handler = vxt_call_exit,
		.entry_handler = vxt_call_enter,
		.data_size = sizeof(struct vxt_call),
		.maxactive = max_t(int, VXT_CALLS_LEAST, 8 * num_possible_cpus()),
	};
	err = register_kretprobe(&function->probe);
	if (err)
		goto free;
	err = -EINVAL;
	if (vxt_function_fits(target, &function->probe))
		err = enable_kretprobe(&function->probe);
	if (err)
		goto unregister;
	target->probe[target->nr++] = &function->probe;
	return 0;

unregister:
	unregister_kretprobe(&function->probe);
	/* A handler runs with preemption off. */
	synchronize_rcu();
free:
	kfree(function);
	return err;
}

/* Does it measure the function? Not any more when the function's module has been unloaded. */
static bool vxt_target_has(const struct vxt_target *target, const char *function)
{
	size_t skip = target->whole ? strlen(vxt_target_module(target)) + 1 : 0;
	unsigned int i;

	for (i = 0; i < target->nr; i++)
		if (!kprobe_gone(&target->probe[i]->kp) &&
		    !strcmp(target->probe[i]->kp.symbol_name + skip, function))
			return true;
	return false;
}

/* The target of that name, or a free place. The caller holds vxt_lock. */
static int vxt_target_place(const char *name, const char *function, struct vxt_target **target,
			    struct netlink_ext_ack *extack)
{
	*target = vxt_target_find(name);
	if (*target && vxt_target_has(*target, function)) {
		NL_SET_ERR_MSG(extack, "the function is a target already");
		return -EEXIST;
	}
	/* It was of a module that is gone. */
	if (*target && !(*target)->whole)
		vxt_target_drop(*target);
	if (*target && (*target)->nr == VXT_FUNCTIONS) {
		NL_SET_ERR_MSG(extack, "a target has no room for more functions");
		return -ENOSPC;
	}
	if (!*target)
		*target = vxt_target_find("");
	if (!*target) {
		NL_SET_ERR_MSG(extack, "there is no room for more targets: remove one");
		return -ENOSPC;
	}
	return 0;
}

static bool vxt_target_ok(const char *name, const char *function, struct netlink_ext_ack *extack)
{
	bool whole = strstarts(name, VXT_MODULE);

	if (!vxt_target_name_ok(name) || !vxt_target_name_ok(function) ||
	    (whole && name != function && strchr(function, ':'))) {
		NL_SET_ERR_MSG(extack, "not the name of a function");
		return false;
	}
	if (whole && name == function) {
		NL_SET_ERR_MSG(extack, "name a function of the module, too");
		return false;
	}
	if (!whole && name != function) {
		NL_SET_ERR_MSG(extack, "only a module has functions: module:NAME");
		return false;
	}
	if (!vxt_target_returns(function)) {
		NL_SET_ERR_MSG(extack, "the function never returns");
		return false;
	}
	return true;
}

/**
 * vxt_target_add() - measure a function from now on
 * @name: of the function, perhaps with its module before it: "ext4:ext4_file_write_iter"; or a
 *	module, all of whose functions that are added count as one: "module:ext4"
 * @function: NULL, or a function of that module
 * @op_class: receives its class
 * @extack: NULL, or receives the reason of an error
 *
 * Return: 0; -EINVAL for what is no name or may not be probed, -ENOENT for an unknown one,
 * -EEXIST, -ENOSPC for too many, -ENOMEM, or what registering a probe returns.
 */
int vxt_target_add(const char *name, const char *function, u32 *op_class,
		   struct netlink_ext_ack *extack)
{
	struct vxt_target *target;
	int err;

	if (!function)
		function = name;
	if (!vxt_target_ok(name, function, extack))
		return -EINVAL;
	mutex_lock(&vxt_lock);
	err = vxt_target_place(name, function, &target, extack);
	if (!err && !target->name[0])
		err = vxt_target_begin(target, name, function != name);
	if (err)
		goto out;
	*op_class = vxt_target_class(target);
	err = vxt_function_add(target, function);
	if (err) {
		vxt_target_refused(err, extack);
		if (!target->nr)
			vxt_target_drop(target);
	}
out:
	mutex_unlock(&vxt_lock);
	return err;
}

/**
 * vxt_target_remove() - measure a function, or a module, no more, and forget what was measured
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

/* Are there any? Any context. */
notrace bool vxt_targets_any(void)
{
	return READ_ONCE(vxt_target_count);
}

/* With what the kernel keeps for calls under way. The caller holds vxt_lock. */
u64 vxt_targets_memory(void)
{
	size_t call = sizeof(struct kretprobe_instance) + sizeof(struct vxt_call);
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < VXT_TARGETS; i++) {
		const struct vxt_target *target = &vxt_targets[i];

		if (target->name[0])
			sum += target->nr * (sizeof(struct vxt_function) +
					     target->probe[0]->maxactive * call) +
			       (target->whole ? VXT_FUNCTIONS : 1) * sizeof(*target->probe);
	}
	return sum;
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
	static struct vxt_ops_row ops;	/* under vxt_lock */
	struct vxt_target *target;
	unsigned int i;

	if (op_class < VEXFS_OP_NR || op_class >= VXT_CLASSES)
		return false;
	target = &vxt_targets[op_class - VEXFS_OP_NR];
	if (!target->name[0])
		return false;
	row->name = target->name;
	row->functions = target->nr;
	row->missed = 0;
	/* Too many calls at once, or a call out of a probe's handler. */
	for (i = 0; i < target->nr; i++)
		row->missed += target->probe[i]->nmissed + target->probe[i]->kp.nmissed;
	vxt_ops_read(op_class, &ops);
	row->memory = ops.memory;
	return true;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What somebody should hear of at once: a stack that is nearly full, a chain of very many
 * functions, a function with a very large frame, a slow operation, a leak, a free that was refused.
 *
 * They are found where an operation ends, perhaps with locks held that are not ours. So they are
 * put down there, and sent by a worker that an interrupt wakes. No more than so many a second: the
 * others are counted, and the next one tells how many they were.
 */
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/pid.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include "depth.h"

#define VXT_ALERTS	64	/* that wait for the worker */

const char * const vxt_alert_names[VXT_ALERT_NR] = {
	[VXT_ALERT_STACK] = "stack",
	[VXT_ALERT_CALLS] = "calls",
	[VXT_ALERT_FRAME] = "frame",
	[VXT_ALERT_SLOW] = "slow",
	[VXT_ALERT_GROWTH] = "growth",
	[VXT_ALERT_LEAK] = "leak",
	[VXT_ALERT_DOUBLE_FREE] = "double-free",
	[VXT_ALERT_FOREIGN_FREE] = "foreign-free",
};

/* Those that wait, and how many this second had; under the lock. */
static struct {
	raw_spinlock_t lock;
	unsigned int first;
	unsigned int nr;
	unsigned long second;
	unsigned int sent;
	u64 posted;
	u64 dropped;
	u64 untold;	/* dropped since the last one that was posted */
	bool closed;
	struct vxt_alert alert[VXT_ALERTS];
} vxt_alerts = { .lock = __RAW_SPIN_LOCK_UNLOCKED(vxt_alerts.lock) };

static bool vxt_alert_take(struct vxt_alert *alert)
{
	unsigned long flags;
	bool found;

	flags = vxt_spin_lock(&vxt_alerts.lock);
	found = vxt_alerts.nr;
	if (found) {
		*alert = vxt_alerts.alert[vxt_alerts.first];
		vxt_alerts.first = (vxt_alerts.first + 1) % VXT_ALERTS;
		vxt_alerts.nr--;
	}
	vxt_spin_unlock(&vxt_alerts.lock, flags);
	return found;
}

/*
 * There was no memory to tell it, or its target is gone: the next one tells of it, and of those
 * that it was to tell. It has been counted as posted, too: no counter goes backwards.
 */
static void vxt_alert_lose(const struct vxt_alert *alert)
{
	unsigned long flags;

	flags = vxt_spin_lock(&vxt_alerts.lock);
	vxt_alerts.dropped++;
	vxt_alerts.untold += alert->dropped + 1;
	vxt_spin_unlock(&vxt_alerts.lock, flags);
}

static void vxt_alert_work(struct work_struct *work)
{
	static struct vxt_alert alert;	/* there is one worker */

	while (vxt_alert_take(&alert))
		if (!vxt_netlink_alert(&alert))
			vxt_alert_lose(&alert);
}

static DECLARE_WORK(vxt_alert_worker, vxt_alert_work);

static void vxt_alert_wake(struct irq_work *work)
{
	schedule_work(&vxt_alert_worker);
}

static struct irq_work vxt_alert_irq = IRQ_WORK_INIT(vxt_alert_wake);

/* May one more go out this second? */
static bool vxt_alert_allowed(void)
{
	u32 rate = READ_ONCE(vxt_settings[VXT_SET_ALERT_RATE]);

	if (time_after_eq(jiffies, vxt_alerts.second + HZ)) {
		vxt_alerts.second = jiffies;
		vxt_alerts.sent = 0;
	}
	return !vxt_alerts.closed && vxt_alerts.sent < rate && vxt_alerts.nr < VXT_ALERTS;
}

/* Any context but NMI, with preemption off. */
static void vxt_alert_put(const struct vxt_alert *what)
{
	unsigned long flags;
	bool post;

	if (__this_cpu_read(vxt_locking))
		return;
	/* Telling goes deep: that is not to be the depth of an operation which this one is in. */
	if (in_task())
		vxt_stack_told();
	flags = vxt_spin_lock(&vxt_alerts.lock);
	post = vxt_alert_allowed();
	if (post) {
		struct vxt_alert *alert;

		alert = &vxt_alerts.alert[(vxt_alerts.first + vxt_alerts.nr++) % VXT_ALERTS];
		*alert = *what;
		alert->dropped = vxt_alerts.untold;
		alert->pid = task_pid_nr(current);
		memcpy(alert->comm, current->comm, sizeof(alert->comm));
		alert->comm[sizeof(alert->comm) - 1] = '\0';
		vxt_alerts.untold = 0;
		vxt_alerts.sent++;
		vxt_alerts.posted++;
	} else {
		vxt_alerts.untold++;
		vxt_alerts.dropped++;
	}
	vxt_spin_unlock(&vxt_alerts.lock, flags);
	if (post)
		irq_work_queue(&vxt_alert_irq);
}

/**
 * vxt_alert_post() - have something told to whoever listens
 * @kind: what
 * @op_class: of the operation or call, which has ended or is about to
 * @seq: its number, 0 when it has none
 * @value: how much it was
 * @limit: and how much is without remark
 *
 * Any context but NMI, with preemption off.
 */
noinline void vxt_alert_post(enum vxt_alert_kind kind, unsigned int op_class, u64 seq,
			     u64 value, u64 limit)
{
	const struct vxt_alert alert = {
		.kind = kind, .op_class = op_class, .seq = seq, .value = value, .limit = limit,
	};

	vxt_alert_put(&alert);
}

/**
 * vxt_alert_post_site() - the same about the memory of a call site
 * @kind: what
 * @site: its number, 0 when it is not known
 * @value: how much it was
 * @limit: and how much is without remark
 *
 * Any context but NMI, with preemption off.
 */
noinline void vxt_alert_post_site(enum vxt_alert_kind kind, u32 site, u64 value, u64 limit)
{
	const struct vxt_alert alert = {
		.kind = kind, .op_class = VXT_CLASSES, .site = site, .value = value,
		.limit = limit,
	};

	vxt_alert_put(&alert);
}

/* How many were posted since the module was loaded, and how many were not. */
void vxt_alert_counts(u64 *posted, u64 *dropped)
{
	unsigned long flags;

	flags = vxt_spin_lock(&vxt_alerts.lock);
	*posted = vxt_alerts.posted;
	*dropped = vxt_alerts.dropped;
	vxt_spin_unlock(&vxt_alerts.lock, flags);
}

/* None is sent after this; posting goes on, to no effect. */
void vxt_alert_exit(void)
{
	unsigned long flags;

	flags = vxt_spin_lock(&vxt_alerts.lock);
	vxt_alerts.closed = true;
	vxt_spin_unlock(&vxt_alerts.lock, flags);
	irq_work_sync(&vxt_alert_irq);
	cancel_work_sync(&vxt_alert_worker);
}

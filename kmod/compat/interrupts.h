/* SPDX-License-Identifier: GPL-2.0-only */
/* How many interrupts a CPU has had: the kernel counts each kind for itself. */
#ifndef VEXFS_COMPAT_INTERRUPTS_H
#define VEXFS_COMPAT_INTERRUPTS_H

#include <linux/hardirq.h>
#include <linux/kernel_stat.h>
#include <linux/percpu.h>

/*
 * Interrupts of this CPU since the start, those of devices, the timer and other CPUs; it only
 * matters whether it changes. Preemption is off.
 */
static __always_inline u32 vexfs_interrupts(void)
{
	u32 sum = __this_cpu_read(kstat.irqs_sum);

#ifdef CONFIG_X86_LOCAL_APIC
	sum += __this_cpu_read(irq_stat.apic_timer_irqs);
	sum += __this_cpu_read(irq_stat.apic_irq_work_irqs);
	sum += __this_cpu_read(irq_stat.apic_perf_irqs);
#endif
#ifdef CONFIG_SMP
	sum += __this_cpu_read(irq_stat.irq_resched_count);
	sum += __this_cpu_read(irq_stat.irq_call_count);
#endif
	return sum;
}

#endif /* VEXFS_COMPAT_INTERRUPTS_H */

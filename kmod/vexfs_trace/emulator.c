// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts that an emulated CPU lost at a watchpoint.
 *
 * QEMU without KVM acknowledges an interrupt and then writes its frame to the stack. When a
 * watched word lies there it gives the delivery up (cpu_check_watchpoint() leaves by longjmp) and
 * raises the debug exception in the code that was to be interrupted. The interrupt stays in
 * service for ever: nothing of its priority or below comes through on this CPU any more, and the
 * machine stands still. Neither a CPU nor KVM does that.
 *
 * It shows: an interrupt is in service in code that interrupts could have come to. Then it is
 * ended, and sent anew.
 */
#include <linux/hardirq.h>
#include <linux/irqflags.h>
#include <linux/jump_label.h>
#include <linux/string.h>
#include <asm/apic.h>
#include <asm/cpufeature.h>
#include <asm/processor-flags.h>
#include <asm/processor.h>
#include "depth.h"

#define VXT_HYPERVISOR_LEAF	0x40000000u
#define VXT_APIC_WORDS		8	/* of the bitmap of interrupts in service */

static DEFINE_STATIC_KEY_FALSE(vxt_is_emulated);

/* The interrupt in service with the highest priority, or -1. */
static notrace int vxt_in_service(void)
{
	int i;

	for (i = VXT_APIC_WORDS - 1; i >= 0; i--) {
		u32 word = apic->read(APIC_ISR + i * 0x10);

		if (word)
			return i * 32 + fls(word) - 1;
	}
	return -1;
}

/* @flags are those of the code that an interrupt may have been meant for. Interrupts are off. */
static notrace void vxt_send_anew(unsigned long flags, unsigned int hardirqs)
{
	int vector;

	if (!(flags & X86_EFLAGS_IF) || hardirqs)
		return;
	vector = vxt_in_service();
	if (vector < 0)
		return;
	apic->write(APIC_EOI, 0);
	apic->send_IPI_self(vector);
}

/**
 * vxt_emulator_repair() - deliver an interrupt that the watchpoint has cost that was hit
 * @regs: of the code that hit it; this is the debug exception
 */
notrace void vxt_emulator_repair(const struct pt_regs *regs)
{
	/* The exception itself counts as a hard interrupt. */
	if (static_branch_unlikely(&vxt_is_emulated))
		vxt_send_anew(regs->flags, hardirq_count() - HARDIRQ_OFFSET);
}

/**
 * vxt_emulator_check() - look once more, where the watchpoint is put to rest
 *
 * The exception comes with the next access to the page of the word, and not at all if there is
 * none.
 */
notrace void vxt_emulator_check(void)
{
	unsigned long flags;

	if (!static_branch_unlikely(&vxt_is_emulated))
		return;
	raw_local_irq_save(flags);
	vxt_send_anew(flags, hardirq_count());
	raw_local_irq_restore(flags);
}

void vxt_emulator_init(void)
{
	u32 eax, sig[3];

	if (!cpu_feature_enabled(X86_FEATURE_HYPERVISOR))
		return;
	cpuid(VXT_HYPERVISOR_LEAF, &eax, &sig[0], &sig[1], &sig[2]);
	if (!memcmp(sig, "TCGTCGTCGTCG", sizeof(sig)))
		static_branch_enable(&vxt_is_emulated);
}

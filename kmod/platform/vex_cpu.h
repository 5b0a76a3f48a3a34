/* SPDX-License-Identifier: GPL-2.0-only */
/* What the core asks of the CPU, and the section in which it may use vector registers. */
#ifndef VEX_CPU_H
#define VEX_CPU_H

#include <asm/cpufeature.h>
#include <asm/fpu/api.h>

#define vex_cpu_has_crc32()	boot_cpu_has(X86_FEATURE_XMM4_2)
#define vex_cpu_has_avx2()						\
	(boot_cpu_has(X86_FEATURE_AVX2) && boot_cpu_has(X86_FEATURE_FMA) && \
	 boot_cpu_has(X86_FEATURE_F16C) && boot_cpu_has(X86_FEATURE_POPCNT) && \
	 cpu_has_xfeatures(XFEATURE_MASK_SSE | XFEATURE_MASK_YMM, NULL))
#define vex_cpu_has_avx512()						\
	(vex_cpu_has_avx2() && boot_cpu_has(X86_FEATURE_AVX512F) &&	\
	 boot_cpu_has(X86_FEATURE_AVX512BW) && boot_cpu_has(X86_FEATURE_AVX512VL) && \
	 boot_cpu_has(X86_FEATURE_AVX512DQ) &&				\
	 cpu_has_xfeatures(XFEATURE_MASK_AVX512, NULL))
#define vex_cpu_has_vnni()	boot_cpu_has(X86_FEATURE_AVX512_VNNI)

/*
 * Between the two: no sleep, no allocation, no fault, no lock, and at most
 * ~20 us of work.
 */
#define vex_fpu_begin()		kernel_fpu_begin()
#define vex_fpu_end()		kernel_fpu_end()

#endif /* VEX_CPU_H */

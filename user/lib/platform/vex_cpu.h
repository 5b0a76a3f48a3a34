/* SPDX-License-Identifier: GPL-2.0-only */
/* What the core asks of the CPU; FPU sections exist here only to check their rules. */
#ifndef VEX_CPU_H
#define VEX_CPU_H

#define vex_cpu_has_crc32()	__builtin_cpu_supports("sse4.2")
#define vex_cpu_has_avx2()							\
	(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&	\
	 __builtin_cpu_supports("f16c") && __builtin_cpu_supports("popcnt"))
#define vex_cpu_has_avx512()							\
	(vex_cpu_has_avx2() && __builtin_cpu_supports("avx512f") &&		\
	 __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && \
	 __builtin_cpu_supports("avx512dq"))
#define vex_cpu_has_vnni()	__builtin_cpu_supports("avx512vnni")

/* True between vex_fpu_begin() and vex_fpu_end() of this thread. */
extern __thread bool vex_fpu_section;

/* Ends the program when @ok is false: a rule of the kernel was broken. */
void vex_rule(bool ok, const char *rule);

static inline void vex_fpu_begin(void)
{
	vex_rule(!vex_fpu_section, "FPU sections do not nest");
	vex_fpu_section = true;
}

static inline void vex_fpu_end(void)
{
	vex_rule(vex_fpu_section, "an FPU section ends once");
	vex_fpu_section = false;
}

static inline void vex_may_sleep(void)
{
	vex_rule(!vex_fpu_section, "no sleep, lock or allocation in an FPU section");
}

#endif /* VEX_CPU_H */

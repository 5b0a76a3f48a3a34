/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Breaths of long loops, checksums, name hashing and the bounded heap of nearest candidates. */
#ifndef VEX_UTIL_H
#define VEX_UTIL_H

#include "vex_dist.h"

/* Let others run for a moment; not in an FPU section. -EINTR: the task was killed. */
static inline int vex_breathe(void)
{
	vex_resched();
	return vex_interrupted() ? -EINTR : 0;
}

/* ---- crc32c.c: Castagnoli CRC, reflected, initial and final value all ones --- */

/* Choose the hardware instruction where the CPU has it. */
void vex_crc32c_init(void);
/* CRC of @len bytes; any context, no FPU. "123456789" gives 0xe3069283. */
u32 vex_crc32c(const void *data, size_t len);
/* The crc32 instruction over @len bytes: raw update of @crc, no inversion (crc32c_x86.c). */
u32 vex_crc32c_x86(u32 crc, const void *data, size_t len);
/* Call once before vex_crc32c_x86(), on a CPU that has the instruction. */
void vex_crc32c_x86_init(void);
/* The same raw update by table; for CPUs without the instruction, and for tests. */
u32 vex_crc32c_table(u32 crc, const void *data, size_t len);

/* ---- hash.c: SipHash-2-4 (Aumasson & Bernstein, 2012) ------------------------ */

u64 vex_siphash(const u64 key[2], const void *data, size_t len);

/* ---- topk.c ------------------------------------------------------------------ */

/* A candidate: order key first, so that equal distances are ordered by id. */
struct vex_cand {
	u32 order;		/* vex_f32_order() of the distance */
	u32 bits;		/* the distance */
	u64 id;
};

/**
 * struct vex_topk - the k nearest candidates seen, as a bounded max-heap
 * @heap: room for @k candidates, caller's memory
 * @k: how many
 * @count: how many there are so far
 * @limit: order of the farthest that is welcome
 * @bar: order of the farthest that would be taken now
 * @met: candidates looked at that are within @limit
 */
struct vex_topk {
	struct vex_cand *heap;
	u32 k;
	u32 count;
	u32 limit;
	u32 bar;
	u64 met;
};

/* Empty, and @k at least 1; every distance is welcome. */
void vex_topk_init(struct vex_topk *t, struct vex_cand *heap, u32 k);
/* Empty again. */
void vex_topk_reset(struct vex_topk *t);
/* From here on only distances up to @bits are welcome. */
void vex_topk_limit(struct vex_topk *t, u32 bits);
/* Offer one candidate; true: it is among the k nearest so far (by order, then id). */
bool vex_topk_offer(struct vex_topk *t, u32 bits, u64 id);
/* May a row at this distance be among them? Most may not, and need no further look. */
static inline bool vex_topk_wants(const struct vex_topk *t, u32 bits)
{
	return vex_f32_order(bits) <= t->bar;
}

/* The same for a row that may be found: it counts as met. */
static inline bool vex_topk_look(struct vex_topk *t, u32 bits)
{
	t->met += vex_f32_order(bits) <= t->limit;
	return vex_topk_wants(t, bits);
}

/*
 * Sort the heap in place, nearest first, and write it to @ids and @distances;
 * slots from count to k get VEXFS_NO_ID and VEX_F32_MAX.
 */
void vex_topk_drain(struct vex_topk *t, u64 *ids, u32 *distances);

/* ---- memory ------------------------------------------------------------------------ */

/* Bytes of a line of the processor's cache. */
#define VEX_LINE	64u

/* Ask for bytes that will be read. Inline: GCC drops the call of what does nothing else. */
static __always_inline void vex_prefetch(const u8 *from, u32 bytes)
{
	u32 i;

	for (i = 0; i < bytes; i += VEX_LINE)
		__builtin_prefetch(from + i);
}

#endif /* VEX_UTIL_H */

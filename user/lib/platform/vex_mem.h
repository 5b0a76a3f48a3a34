/* SPDX-License-Identifier: GPL-2.0-only */
/* Counted memory for the userspace build of the core, with failures on demand. */
#ifndef VEX_MEM_H
#define VEX_MEM_H

/*
 * @size bytes, aligned to 16 bytes, to a cache line when @size is one or more, and to a page when
 * it is that; NULL when there is no memory, or when vex_mem_fail() asked for it.
 */
void *vex_mem_alloc(size_t size, bool zero);
/* NULL is allowed. */
void vex_free(const void *ptr);

#define vex_alloc(size)	vex_mem_alloc(size, false)
#define vex_zalloc(size) vex_mem_alloc(size, true)
#define vex_alloc_kept(size) vex_mem_alloc(size, false)
#define vex_zalloc_kept(size) vex_mem_alloc(size, true)
#define vex_alloc_cache(size, zero) vex_mem_alloc(size, zero)

/**
 * struct vex_mem_count - allocations since the start of the program
 * @calls: calls of vex_alloc() and vex_zalloc()
 * @failed: of them, those that returned NULL
 * @live: pieces not freed
 * @bytes: bytes of @live
 */
struct vex_mem_count {
	u64 calls;
	u64 failed;
	u64 live;
	u64 bytes;
};

void vex_mem_count(struct vex_mem_count *out);

/*
 * Let allocation number @nth from now (1: the next one), and the @more after it, fail.
 * @nth 0 ends it. Not while another thread allocates.
 */
void vex_mem_fail(u64 nth, u64 more);

#endif /* VEX_MEM_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the core sees of its host when it is built for userspace: the same names
 * as kmod/platform/vex_platform.h, on top of the C library.
 */
#ifndef VEX_PLATFORM_H
#define VEX_PLATFORM_H

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

#define U32_MAX		((u32)~0U)
#define U64_MAX		((u64)~0ULL)
#define S64_MAX		((s64)(U64_MAX >> 1))

/* The bits of a file mode that are no type, as the kernel names them. */
#define S_IALLUGO	07777
/* The kernel's type of a directory entry from a file mode. */
#define S_DT(mode)	(((mode) & S_IFMT) >> 12)

/* ---- compiler ----------------------------------------------------------- */

#ifdef __CHECKER__
#define __force		__attribute__((force))
#else
#define __force
#endif
#undef __always_inline
#define __always_inline	inline __attribute__((__always_inline__))
#define noinline	__attribute__((__noinline__))
/* Keeps a large frame out of its caller's. */
#define noinline_for_stack noinline
#define __maybe_unused	__attribute__((__unused__))
#define __must_check	__attribute__((__warn_unused_result__))
#define __packed	__attribute__((__packed__))
#define __aligned(x)	__attribute__((__aligned__(x)))
#define fallthrough	__attribute__((__fallthrough__))
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define READ_ONCE(x)	(*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))

#undef static_assert
#define static_assert(expr, ...) VEX_STATIC_ASSERT(expr, ##__VA_ARGS__, #expr)
#define VEX_STATIC_ASSERT(expr, msg, ...) _Static_assert(expr, msg)
#define BUILD_BUG_ON(cond) static_assert(!(cond), #cond)

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]) +				\
			 0 * sizeof(struct { int not_an_array : 1 -		\
				2 * __builtin_types_compatible_p(typeof(a), typeof(&(a)[0])); }))
#define container_of(ptr, type, member)						\
	((type *)((char *)(ptr) - offsetof(type, member)))

/* ---- arithmetic --------------------------------------------------------- */

#define VEX_PICK(a, op, b) ({ __auto_type a_ = (a); __auto_type b_ = (b); a_ op b_ ? a_ : b_; })
#define min(a, b)	VEX_PICK(a, <, b)
#define max(a, b)	VEX_PICK(a, >, b)
#define min_t(t, a, b)	VEX_PICK((t)(a), <, (t)(b))
#define max_t(t, a, b)	VEX_PICK((t)(a), >, (t)(b))
#define clamp(v, lo, hi) ({ __auto_type v_ = max(v, lo); min(v_, hi); })
#define swap(a, b)	do { typeof(a) swap_ = (a); (a) = (b); (b) = swap_; } while (0)

#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define VEX_MASK(x, y)	((typeof(x))((y) - 1))
#define round_up(x, y)	((((x) - 1) | VEX_MASK(x, y)) + 1)
#define round_down(x, y) ((x) & ~VEX_MASK(x, y))
#define IS_ALIGNED(x, a) (((x) & VEX_MASK(x, a)) == 0)
#define check_add_overflow(a, b, d) __builtin_add_overflow(a, b, d)
#define check_sub_overflow(a, b, d) __builtin_sub_overflow(a, b, d)
#define check_mul_overflow(a, b, d) __builtin_mul_overflow(a, b, d)

static inline u64 div_u64(u64 n, u32 d) { return n / d; }
static inline u64 div64_u64(u64 n, u64 d) { return n / d; }
static inline u64 div_u64_rem(u64 n, u32 d, u32 *rem) { *rem = n % d; return n / d; }

static inline u64 rol64(u64 x, unsigned int n) { return x << (n & 63) | x >> (-n & 63); }
#define hweight8(x)	((unsigned int)__builtin_popcount((u8)(x)))
#define hweight64(x)	((unsigned int)__builtin_popcountll(x))

/* ---- byte order --------------------------------------------------------- */

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define VEX_LE16(x)	(x)
#define VEX_LE32(x)	(x)
#define VEX_LE64(x)	(x)
#else
#define VEX_LE16(x)	__builtin_bswap16(x)
#define VEX_LE32(x)	__builtin_bswap32(x)
#define VEX_LE64(x)	__builtin_bswap64(x)
#endif
#define cpu_to_le16(x)	((__force __le16)VEX_LE16((u16)(x)))
#define cpu_to_le32(x)	((__force __le32)VEX_LE32((u32)(x)))
#define cpu_to_le64(x)	((__force __le64)VEX_LE64((u64)(x)))
#define le16_to_cpu(x)	VEX_LE16((__force u16)(__le16)(x))
#define le32_to_cpu(x)	VEX_LE32((__force u32)(__le32)(x))
#define le64_to_cpu(x)	VEX_LE64((__force u64)(__le64)(x))

#define VEX_LE_HELPERS(bits)							\
static inline u##bits get_unaligned_le##bits(const void *p)			\
{										\
	__le##bits v;								\
										\
	memcpy(&v, p, sizeof(v));						\
	return le##bits##_to_cpu(v);						\
}										\
static inline void put_unaligned_le##bits(u##bits val, void *p)			\
{										\
	__le##bits v = cpu_to_le##bits(val);					\
										\
	memcpy(p, &v, sizeof(v));						\
}
VEX_LE_HELPERS(16)
VEX_LE_HELPERS(32)
VEX_LE_HELPERS(64)

/* ---- library ------------------------------------------------------------ */

typedef int (*cmp_func_t)(const void *a, const void *b);
typedef void (*swap_func_t)(void *a, void *b, int size);

/* Heap sort, as the kernel's: in place, no memory, not stable. */
void sort(void *base, size_t num, size_t size, cmp_func_t cmp, swap_func_t swap);
/* The first byte of @len that is not @c, or NULL. */
void *memchr_inv(const void *start, int c, size_t len);

/* A commit ended; the kernel has a tracepoint here. */
static inline void vex_trace_commit(u64 generation, u32 nodes, u64 data_blocks, int err)
{
	(void)generation, (void)nodes, (void)data_blocks, (void)err;
}

static inline void vex_trace_cache_hit(u32 kind)
{
	(void)kind;
}

static inline void vex_trace_cache_miss(u32 kind, u64 place, u64 index)
{
	(void)kind, (void)place, (void)index;
}

static inline void vex_trace_cache_evict(u32 kind, u64 place, u64 index, bool hot)
{
	(void)kind, (void)place, (void)index, (void)hot;
}

static inline void vex_trace_cache_prefetch(u64 ino, u64 index)
{
	(void)ino, (void)index;
}

static inline void vex_trace_cache_shrink(u64 asked, u64 freed, u64 left)
{
	(void)asked, (void)freed, (void)left;
}

#include "vex_list.h"
#include "vex_mem.h"
#include "vex_cpu.h"
#include "vex_lock.h"

#endif /* VEX_PLATFORM_H */

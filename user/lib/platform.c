// SPDX-License-Identifier: GPL-2.0-only
/* The functions of the kernel's library that the core uses and C has not. */
#include <stdio.h>
#include <stdlib.h>

#include <vex_platform.h>

__thread bool vex_fpu_section;

void vex_rule(bool ok, const char *rule)
{
	if (likely(ok))
		return;
	fprintf(stderr, "vexfs core broke a rule of its host: %s\n", rule);
	abort();
}

static void swap_bytes(void *a, void *b, int size)
{
	for (u8 *x = a, *y = b; size--; x++, y++)
		swap(*x, *y);
}

static void sift_down(u8 *base, size_t root, size_t num, size_t size, cmp_func_t cmp,
		      swap_func_t swp)
{
	size_t child;

	while ((child = 2 * root + 1) < num) {
		if (child + 1 < num &&
		    cmp(base + child * size, base + (child + 1) * size) < 0)
			child++;
		if (cmp(base + root * size, base + child * size) >= 0)
			return;
		swp(base + root * size, base + child * size, size);
		root = child;
	}
}

void sort(void *base, size_t num, size_t size, cmp_func_t cmp, swap_func_t swp)
{
	swp = swp ? swp : swap_bytes;
	for (size_t i = num / 2; i-- > 0;)
		sift_down(base, i, num, size, cmp, swp);
	for (size_t end = num; end-- > 1;) {
		swp(base, (u8 *)base + end * size, size);
		sift_down(base, 0, end, size, cmp, swp);
	}
}

void *memchr_inv(const void *start, int c, size_t len)
{
	for (const u8 *p = start; len--; p++)
		if (*p != (u8)c)
			return (void *)p;
	return NULL;
}

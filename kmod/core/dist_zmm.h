/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The sums of four registers of 64 bytes, of s32. The unit defines their type, sums. */
#ifndef VEX_DIST_ZMM_H
#define VEX_DIST_ZMM_H

#include "dist_ymm.h"

static __always_inline int8 add_int_halves(sums a)
{
	int8 half;

	asm("vextracti64x4 $1, %1, %0" : "=x" (half) : "v" (a));
	asm("vpaddd %t1, %0, %0" : "+v" (half) : "v" (a));
	return half;
}

static __always_inline int4 sum4_int(sums a, sums b, sums c, sums d)
{
	return sum4_int_ymm(add_int_halves(a), add_int_halves(b), add_int_halves(c),
			    add_int_halves(d));
}

#endif /* VEX_DIST_ZMM_H */

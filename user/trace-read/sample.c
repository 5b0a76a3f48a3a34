// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many of a range of numbers are samples, without looking at each.
 *
 * Number n is one when F * n mod M < B, with M = 2^32 and F odd. Of M numbers in a row B are: F * n
 * takes every value once. Of what is left over, n < M of them from 0 on, each is counted as
 *
 *	[x mod M < B] = floor((x + M) / M) - floor((x + M - B) / M),    x = F * n
 *
 * and a sum of floor((F * n + c) / M) is the number of points of a grid below a line, which the steps
 * of Euclid's algorithm find.
 */
#include "sample.h"

#include "vexfs_read.h"

#define MODULUS		(1ULL << 32)

/* The sum of (factor * i + add) / modulus over all i < n, modulo 2^64. */
static uint64_t floor_sum(uint64_t n, uint64_t modulus, uint64_t factor, uint64_t add)
{
	uint64_t sum = 0;

	while (n) {
		uint64_t top;

		sum += (n & 1 ? (n - 1) / 2 * n : n / 2 * (n - 1)) * (factor / modulus);
		sum += n * (add / modulus);
		factor %= modulus;
		add %= modulus;
		/* What is left is the same sum with the axes exchanged. */
		top = factor * n + add;
		n = top / modulus;
		add = top % modulus;
		top = modulus;
		modulus = factor;
		factor = top;
	}
	return sum;
}

/* Of the numbers below @n. */
static uint64_t count_below(uint64_t n, uint64_t below)
{
	uint64_t rest = n % MODULUS;

	return n / MODULUS * below + floor_sum(rest, MODULUS, VEXFS_SAMPLE_FACTOR, MODULUS) -
	       floor_sum(rest, MODULUS, VEXFS_SAMPLE_FACTOR, MODULUS - below);
}

uint64_t sample_count(uint64_t after, uint64_t last, uint64_t below)
{
	const uint64_t mask = (1ULL << VEXFS_EVENT_CPU_SHIFT) - 1;

	return count_below((last & mask) + 1, below) - count_below((after & mask) + 1, below);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long operations take: reading the histograms of all CPUs as one.
 *
 * Buckets hold units of the clock, and become nanoseconds only here.
 */
#include <linux/cpumask.h>
#include <linux/math64.h>
#include <linux/string.h>
#include "vxt.h"

/* The middle of a bucket. */
static u64 vxt_latency_middle(unsigned int bucket)
{
	unsigned int shift;

	if (bucket < 2 * VXT_SUB)
		return bucket;
	shift = bucket / VXT_SUB - 1;
	return ((u64)(bucket - shift * VXT_SUB) << shift) + (1ULL << shift) / 2;
}

static u64 vxt_latency_count(unsigned int op_class, unsigned int bucket)
{
	u64 count = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct vxt_cpu_class *pc = vxt_cpu_class_of(cpu, op_class);

		if (pc)
			count += READ_ONCE(pc->hist[bucket]);
	}
	return count;
}

struct vxt_quantile {
	unsigned int permille;
	u64 *value;
};

/* One walk serves all quantiles, which are in rising order. */
static void vxt_latency_quantiles(unsigned int op_class, u64 total,
				  const struct vxt_quantile *quantile, unsigned int nr)
{
	unsigned int bucket, i = 0;
	u64 below = 0;

	for (bucket = 0; bucket < VXT_BUCKETS && i < nr; bucket++) {
		below += vxt_latency_count(op_class, bucket);
		while (i < nr && below >= DIV_ROUND_UP_ULL(total * quantile[i].permille, 1000))
			*quantile[i++].value = vxt_latency_middle(bucket);
	}
}

/**
 * vxt_latency_read() - the latencies of one class
 * @op_class: which
 * @row: filled, in nanoseconds
 *
 * The caller holds vxt_lock. Operations may be counted meanwhile: count is read
 * first, and the quantiles are those of at least so many.
 */
void vxt_latency_read(unsigned int op_class, struct vxt_latency_row *row)
{
	const struct vxt_quantile quantiles[] = {
		{ 500, &row->p50 }, { 900, &row->p90 }, { 990, &row->p99 }, { 999, &row->p999 },
	};
	u64 sum = 0, min = U64_MAX, max = 0;
	unsigned int i;
	int cpu;

	lockdep_assert_held(&vxt_lock);
	memset(row, 0, sizeof(*row));
	for (i = 0; i < VXT_BUCKETS; i++)
		row->count += vxt_latency_count(op_class, i);
	if (!row->count)
		return;

	for_each_possible_cpu(cpu) {
		const struct vxt_cpu_class *pc = vxt_cpu_class_of(cpu, op_class);

		if (!pc)
			continue;
		row->errors += READ_ONCE(pc->errors);
		sum += READ_ONCE(pc->sum);
		max = max(max, READ_ONCE(pc->max));
		min = min(min, READ_ONCE(pc->min));
	}
	vxt_latency_quantiles(op_class, row->count, quantiles, ARRAY_SIZE(quantiles));

	row->min = vxt_clock_to_ns(min);
	row->max = vxt_clock_to_ns(max);
	row->mean = vxt_clock_to_ns(div64_u64(sum, row->count));
	for (i = 0; i < ARRAY_SIZE(quantiles); i++)
		*quantiles[i].value = vxt_clock_to_ns(clamp(*quantiles[i].value, min, max));
}

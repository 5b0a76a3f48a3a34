// SPDX-License-Identifier: GPL-2.0-only
/* Tracepoints of the kernel that it does not export to modules: found by name. */
#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include "waits.h"

static void vxt_point_match(struct tracepoint *tracepoint, void *data)
{
	struct vxt_point *point = data;

	if (!strcmp(tracepoint->name, point->name))
		point->point = tracepoint;
}

/**
 * vxt_points_register() - have functions called at tracepoints of the kernel
 * @points: names and functions, which take the data that is given here (NULL) and then what the
 *	tracepoint's prototype says; the first is registered first
 * @nr: how many
 *
 * Return: 0, -ENODEV when the kernel lacks one of them, or what registering returns.
 */
int vxt_points_register(struct vxt_point *points, unsigned int nr)
{
	unsigned int i;
	int err;

	for (i = 0; i < nr; i++) {
		points[i].point = NULL;
		for_each_kernel_tracepoint(vxt_point_match, &points[i]);
		err = -ENODEV;
		if (!points[i].point)
			pr_err("vexfs_trace: this kernel has no tracepoint %s\n", points[i].name);
		else
			err = tracepoint_probe_register(points[i].point, points[i].probe, NULL);
		if (err) {
			vxt_points_unregister(points, i);
			tracepoint_synchronize_unregister();
			return err;
		}
	}
	return 0;
}

/* In exact reverse. The functions may run until the caller has synchronised. */
void vxt_points_unregister(struct vxt_point *points, unsigned int nr)
{
	while (nr--)
		tracepoint_probe_unregister(points[nr].point, points[nr].probe, NULL);
}

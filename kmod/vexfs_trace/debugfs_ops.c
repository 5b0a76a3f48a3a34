// SPDX-License-Identifier: GPL-2.0-only
/* The tables that tell what operations did and waited for: ops, locks, cache. */
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/math64.h>
#include <linux/seq_file.h>
#include "debugfs.h"

/* Per cent with one decimal, "-" of nothing. */
static void vxt_show_share(struct seq_file *m, int width, u64 part, u64 total)
{
	u32 permille;

	if (!total) {
		seq_printf(m, " %*s", width, "-");
		return;
	}
	permille = mul_u64_u64_div_u64(part, 1000, total);
	seq_printf(m, " %*u.%u", width - 2, permille / 10, permille % 10);
}

/* Megabytes a second with one decimal, "-" when nothing was moved. */
static void vxt_show_rate(struct seq_file *m, u64 bytes, u64 ns)
{
	u64 rate;
	u32 tenth;

	if (!bytes || !ns) {
		seq_puts(m, "        -");
		return;
	}
	rate = div_u64_rem(mul_u64_u64_div_u64(bytes, 10000, ns), 10, &tenth);
	seq_printf(m, " %6llu.%u", rate, tenth);
}

/* "ENOENT:24,EIO:1", the least number first; one word. */
static void vxt_show_errnos(struct seq_file *m, const struct vxt_ops_row *row)
{
	const char *comma = " ";
	char name[24];
	int i;

	if (!row->errors)
		seq_puts(m, " -");
	for (i = 1; i < VXT_ERRNOS; i++) {
		if (!row->errno[i])
			continue;
		scnprintf(name, sizeof(name), "%pe", ERR_PTR(-i));
		seq_printf(m, "%s%s:%llu", comma, name[0] == '-' ? name + 1 : name, row->errno[i]);
		comma = ",";
	}
	if (row->errno[0])
		seq_printf(m, "%sothers:%llu", comma, row->errno[0]);
}

static struct vxt_ops_row vxt_ops_rows;	/* the one that is shown; under vxt_lock */

static void vxt_show_ops(struct seq_file *m, const struct vxt_ops_row *row)
{
	unsigned int i;

	seq_printf(m, " %10llu %8llu %12llu", row->count, row->errors, row->bytes);
	vxt_show_rate(m, row->bytes, row->total);
	vxt_show_us(m, row->total);
	vxt_show_us(m, row->cpu);
	for (i = 0; i < VXT_PARTS; i++)
		vxt_show_us(m, row->part[i]);
	vxt_show_us(m, row->lost);
	vxt_show_share(m, 7, row->cpu, row->total);
	for (i = 0; i < VXT_PARTS; i++)
		vxt_show_share(m, i == VXT_READY ? 10 : 7, row->part[i], row->total);
	seq_printf(m, " %6llu", row->lost_ops);
	vxt_show_errnos(m, row);
	seq_putc(m, '\n');
}

static int ops_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	seq_printf(m, "%-12s %10s %8s %12s %8s %12s %12s %12s %12s %12s %12s %12s", "class",
		   "calls", "errors", "bytes/B", "MB/s", "total/us", "cpu/us", "lock/us", "io/us",
		   "sleep/us", "runnable/us", "lost/us");
	seq_printf(m, " %7s %7s %7s %7s %10s %6s %s\n", "cpu/%", "lock/%", "io/%", "sleep/%",
		   "runnable/%", "lost", "errnos");
	mutex_lock(&vxt_lock);
	for (i = 0; i < VXT_CLASSES; i++) {
		if (!vxt_class_name(i))
			continue;
		vxt_ops_read(i, &vxt_ops_rows);
		if (!vxt_ops_rows.count)
			continue;
		seq_printf(m, "%-12s", vxt_class_name(i));
		vxt_show_ops(m, &vxt_ops_rows);
	}
	mutex_unlock(&vxt_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(ops);

static int cache_show(struct seq_file *m, void *unused)
{
	const struct vxt_ops_row *row = &vxt_ops_rows;
	unsigned int i, kind;

	seq_printf(m, "%-12s %10s %12s %12s %7s %12s %12s %7s\n", "class", "calls", "node_hits",
		   "node_misses", "node/%", "seg_hits", "seg_misses", "seg/%");
	mutex_lock(&vxt_lock);
	for (i = 0; i < VXT_CLASSES; i++) {
		if (!vxt_class_name(i))
			continue;
		vxt_ops_read(i, &vxt_ops_rows);
		if (!row->hits[0] && !row->hits[1] && !row->misses[0] && !row->misses[1])
			continue;
		seq_printf(m, "%-12s %10llu", vxt_class_name(i), row->count);
		for (kind = 0; kind < VXT_CACHE_KINDS; kind++) {
			seq_printf(m, " %12llu %12llu", row->hits[kind], row->misses[kind]);
			vxt_show_share(m, 7, row->hits[kind],
				       row->hits[kind] + row->misses[kind]);
		}
		seq_putc(m, '\n');
	}
	mutex_unlock(&vxt_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(cache);

/* The columns of waits that a row and each of its stacks have. */
static void vxt_show_waits(struct seq_file *m, const struct vxt_lock_row *row, u64 waits, u64 total,
			   u64 max)
{
	seq_printf(m, "%-12s %-12s %8llu %8llu", vxt_class_name(row->op_class),
		   vxt_lock_names[row->kind], waits, row->stacks);
	vxt_show_us(m, total);
	vxt_show_us(m, div64_u64(total, waits));
	vxt_show_us(m, max);
}

/* A line a frame, the innermost first. */
static void vxt_show_holder(struct seq_file *m, const struct vxt_lock_row *row,
			    const struct vxt_lock_stack *stack)
{
	u32 i;

	for (i = 0; i < stack->nr; i++) {
		vxt_show_waits(m, row, stack->waits, stack->total, stack->max);
		seq_printf(m, " %-7s %5u", vxt_how_names[stack->how], i);
		/* All are where a call returns to, but that at which a CPU was interrupted. */
		if (i || stack->how == VXT_HOLDER_ASLEEP)
			seq_printf(m, "  %pB\n", (void *)stack->frame[i]);
		else
			seq_printf(m, "  %pS\n", (void *)stack->frame[i]);
	}
}

static void vxt_show_lock(struct seq_file *m, u32 nr, const struct vxt_lock_row *row)
{
	const struct vxt_lock_stack *stack;
	u32 i;

	vxt_show_waits(m, row, row->waits, row->total, row->max);
	seq_printf(m, " %-7s %5s", "-", "-");
	if (row->site)
		seq_printf(m, "  %pB\n", (void *)row->site);
	else
		seq_puts(m, "  -\n");
	for (i = 0; row->stacks && i < VXT_LOCK_STACKS; i++) {
		stack = vxt_locks_stack(i, nr);
		if (stack)
			vxt_show_holder(m, row, stack);
	}
}

static int locks_show(struct seq_file *m, void *unused)
{
	struct vxt_lock_row row;
	unsigned int op_class;
	u32 nr;

	seq_printf(m, "%-12s %-12s %8s %8s %12s %12s %12s %-7s %5s  %s\n", "class", "lock", "waits",
		   "stacks", "total/us", "mean/us", "max/us", "holder", "frame", "function");
	mutex_lock(&vxt_lock);
	for (op_class = 0; op_class < VXT_CLASSES; op_class++)
		for (nr = 0; nr < VXT_LOCK_ALL; nr++)
			if (vxt_locks_read(nr, &row) && row.op_class == op_class)
				vxt_show_lock(m, nr, &row);
	mutex_unlock(&vxt_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(locks);

void vxt_debugfs_ops_init(struct dentry *dir)
{
	debugfs_create_file("ops", 0400, dir, NULL, &ops_fops);
	debugfs_create_file("locks", 0400, dir, NULL, &locks_fops);
	debugfs_create_file("cache", 0400, dir, NULL, &cache_fops);
}

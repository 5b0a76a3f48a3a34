// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters for people: tables under /sys/kernel/debug/vexfs. The first line names
 * the columns and their units; a column is one word; "-" stands for no value.
 */
#include <linux/debugfs.h>
#include <linux/kstrtox.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "debugfs.h"
#include "depth.h"

static struct dentry *vxt_dir;

static void vxt_show_depth(struct seq_file *m, const struct vxt_stack_row *row, u32 depth)
{
	if (row->painted)
		seq_printf(m, " %7u", depth);
	else
		seq_puts(m, "       -");
}

static int stack_show(struct seq_file *m, void *unused)
{
	struct vxt_stack_row row;
	unsigned int i;

	seq_printf(m, "%-12s %10s %8s %10s %7s %7s %7s %7s %7s %7s %7s %7s %7s %6s %6s\n", "class",
		   "calls", "painted", "unpainted", "clipped", "shallow", "min/B", "mean/B",
		   "p50/B", "p99/B", "max/B", "stack/B", "stack/%", ">75%", "irq");
	mutex_lock(&vxt_lock);
	for (i = 0; i < VXT_CLASSES; i++) {
		u32 permille;

		if (!vxt_class_name(i))
			continue;
		vxt_stack_read(i, &row);
		if (!row.calls)
			continue;
		seq_printf(m, "%-12s %10llu %8llu %10llu %7llu %7llu", vxt_class_name(i),
			   row.calls, row.painted, row.unpainted, row.clipped, row.shallow);
		vxt_show_depth(m, &row, row.min);
		vxt_show_depth(m, &row, row.mean);
		vxt_show_depth(m, &row, row.p50);
		vxt_show_depth(m, &row, row.p99);
		vxt_show_depth(m, &row, row.max);
		vxt_show_depth(m, &row, row.max_absolute);
		permille = row.max_absolute * 1000 / THREAD_SIZE;
		if (row.painted)
			seq_printf(m, " %5u.%u", permille / 10, permille % 10);
		else
			seq_puts(m, "       -");
		seq_printf(m, " %6llu %6llu\n", row.over75, row.interrupted);
	}
	mutex_unlock(&vxt_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stack);

/* One line a frame, the innermost first; from/B is how deep it reaches. */
static void vxt_show_chain(struct seq_file *m, unsigned int op_class,
			   const struct vxt_chain *chain, u32 max)
{
	u32 i, from = chain->depth;

	for (i = 0; i < chain->nr; i++) {
		seq_printf(m, "%-12s %7u %7u %-6s %5u %7u %7u  ", vxt_class_name(op_class), max,
			   chain->depth, chain->entered ? "ftrace" : "watch", i,
			   chain->frame[i].bytes, from);
		/* All but the first are where a call returns to. */
		if (i)
			seq_printf(m, "%pB\n", (void *)chain->frame[i].ip);
		else
			seq_printf(m, "%pS\n", (void *)chain->frame[i].ip);
		from -= chain->frame[i].bytes;
	}
}

static int chain_show(struct seq_file *m, void *unused)
{
	const struct vxt_chain *chain;
	struct vxt_stack_row row;
	unsigned int i;

	seq_printf(m, "%-12s %7s %7s %-6s %5s %7s %7s  %s\n", "class", "max/B", "depth/B", "by",
		   "frame", "bytes/B", "from/B", "function");
	mutex_lock(&vxt_lock);
	for (i = 0; i < VXT_CLASSES; i++) {
		vxt_stack_read(i, &row);
		chain = vxt_class_name(i) ? vxt_chain_read(i) : NULL;
		if (chain)
			vxt_show_chain(m, i, chain, row.max);
	}
	mutex_unlock(&vxt_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(chain);

/* In microseconds, with three decimals, which are nanoseconds. */
void vxt_show_us(struct seq_file *m, u64 ns)
{
	u32 rest;
	u64 us = div_u64_rem(ns, NSEC_PER_USEC, &rest);

	seq_printf(m, " %8llu.%03u", us, rest);
}

static int latency_show(struct seq_file *m, void *unused)
{
	struct vxt_latency_row row;
	unsigned int i;

	seq_printf(m, "%-12s %10s %8s %12s %12s %12s %12s %12s %12s %12s\n", "class", "count",
		   "errors", "min/us", "mean/us", "p50/us", "p90/us", "p99/us", "p99.9/us",
		   "max/us");
	mutex_lock(&vxt_lock);
	for (i = 0; i < VXT_CLASSES; i++) {
		if (!vxt_class_name(i))
			continue;
		vxt_latency_read(i, &row);
		if (!row.count)
			continue;
		seq_printf(m, "%-12s %10llu %8llu", vxt_class_name(i), row.count, row.errors);
		vxt_show_us(m, row.min);
		vxt_show_us(m, row.mean);
		vxt_show_us(m, row.p50);
		vxt_show_us(m, row.p90);
		vxt_show_us(m, row.p99);
		vxt_show_us(m, row.p999);
		vxt_show_us(m, row.max);
		seq_putc(m, '\n');
	}
	mutex_unlock(&vxt_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(latency);

static ssize_t reset_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	vxt_reset();
	return len;
}

static const struct file_operations reset_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = reset_write,
	.llseek = noop_llseek,
};

static int config_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	seq_printf(m, "%-12s %10s %s\n", "setting", "value", "unit");
	for (i = 0; i < VXT_SET_NR; i++)
		seq_printf(m, "%-12s %10u %s\n", vxt_setting_table[i].name,
			   READ_ONCE(vxt_settings[i]), vxt_setting_table[i].unit);
	return 0;
}

static int config_open(struct inode *inode, struct file *file)
{
	return single_open(file, config_show, inode->i_private);
}

/* "NAME VALUE". */
static ssize_t config_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	char *text, *value;
	int err = -EINVAL;
	u32 number;

	if (len > 64)
		return -EINVAL;
	text = memdup_user_nul(buf, len);
	if (IS_ERR(text))
		return PTR_ERR(text);
	value = strchr(text, ' ');
	if (value) {
		*value++ = '\0';
		err = kstrtou32(strim(value), 10, &number);
	}
	if (!err)
		err = vxt_setting_set(text, number);
	kfree(text);
	return err ?: len;
}

static const struct file_operations config_fops = {
	.owner = THIS_MODULE,
	.open = config_open,
	.read = seq_read,
	.write = config_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static int targets_show(struct seq_file *m, void *unused)
{
	struct vxt_target_row row;
	unsigned int i;

	seq_printf(m, "%5s %9s %10s %10s %14s %10s %10s %10s  %s\n", "class", "functions", "missed",
		   "allocs", "bytes/B", "frees", "pages", "freed", "function");
	mutex_lock(&vxt_lock);
	for (i = VEXFS_OP_NR; i < VXT_CLASSES; i++)
		if (vxt_target_read(i, &row))
			seq_printf(m, "%5u %9u %10llu %10llu %14llu %10llu %10llu %10llu  %s\n",
				   i, row.functions, row.missed, row.memory.allocs,
				   row.memory.bytes, row.memory.frees, row.memory.pages,
				   row.memory.pages_freed, row.name);
	mutex_unlock(&vxt_lock);
	return 0;
}

static int targets_open(struct inode *inode, struct file *file)
{
	return single_open(file, targets_show, inode->i_private);
}

/* "+NAME" adds a function, "+module:NAME FUNCTION" one of a module, "-NAME" removes. */
static ssize_t targets_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	char *text, *name, *function;
	u32 op_class;
	int err;

	if (len > 2 * VXT_NAME_LEN + 1)
		return -EINVAL;
	text = memdup_user_nul(buf, len);
	if (IS_ERR(text))
		return PTR_ERR(text);
	function = strim(text);
	name = strsep(&function, " ");
	if (*name == '+')
		err = vxt_target_add(name + 1, function, &op_class, NULL);
	else if (*name == '-' && !function)
		err = vxt_target_remove(name + 1, NULL);
	else
		err = -EINVAL;
	kfree(text);
	return err ?: len;
}

static const struct file_operations targets_fops = {
	.owner = THIS_MODULE,
	.open = targets_open,
	.read = seq_read,
	.write = targets_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/* Without debugfs the counters are still to be had through netlink. */
void vxt_debugfs_init(void)
{
	vxt_dir = debugfs_create_dir("vexfs", NULL);
	debugfs_create_file("stack", 0400, vxt_dir, NULL, &stack_fops);
	debugfs_create_file("chain", 0400, vxt_dir, NULL, &chain_fops);
	debugfs_create_file("latency", 0400, vxt_dir, NULL, &latency_fops);
	vxt_debugfs_mem_init(vxt_dir);
	debugfs_create_file("reset", 0200, vxt_dir, NULL, &reset_fops);
	debugfs_create_file("targets", 0600, vxt_dir, NULL, &targets_fops);
	debugfs_create_file("config", 0600, vxt_dir, NULL, &config_fops);
	vxt_debugfs_ops_init(vxt_dir);
}

void vxt_debugfs_exit(void)
{
	debugfs_remove_recursive(vxt_dir);
}

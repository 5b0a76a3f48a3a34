// SPDX-License-Identifier: GPL-2.0-only
/*
 * How deep the system calls of one task go into its kernel stack, whatever filesystem they
 * end in: for comparing VexFS with others, which have no operations of their own to measure.
 *
 * At the entry of a system call, in the tracepoint sys_enter, the unused part of the stack is
 * painted; at its exit, in sys_exit, the lowest changed word is the deepest one touched.
 * The depth is counted from where the user's registers lie, the top of what a call can use. The
 * frames of the tracepoint itself are within it: a call that goes less deep than they do shows
 * them. A read of /sys/kernel/debug/syscall_depth tells the depth of the reader's last call before,
 * and makes the reader the task that is measured.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/tracepoint.h>

#define DEPTH_GUARD	64u	/* left alone at the end of the stack, above its magic word */

static struct tracepoint *enter_point, *exit_point;
static struct dentry *depth_file;
static struct task_struct *depth_task;
static unsigned long depth_pattern;
static unsigned long depth_painted;	/* lowest painted address; 0: not painted */
static unsigned long depth_last;

static unsigned long depth_low(void)
{
	return (unsigned long)task_stack_page(current) + DEPTH_GUARD;
}

/* Calls nothing, and keeps nothing below the stack pointer. */
static noinline notrace __no_sanitize_address void depth_paint(unsigned long low)
{
	unsigned long words = (current_stack_pointer - low) / sizeof(long);

	asm volatile("rep stosq"
		     : "+D" (low), "+c" (words)
		     : "a" (depth_pattern)
		     : "memory");
}

static noinline notrace __no_sanitize_address unsigned long depth_scan(unsigned long low)
{
	unsigned long words = (current_stack_pointer - low) / sizeof(long);

	asm volatile("repe scasq"
		     : "+D" (low), "+c" (words)
		     : "a" (depth_pattern)
		     : "memory", "cc");
	return low - sizeof(long);
}

static notrace void depth_enter(void *data, struct pt_regs *regs, long id)
{
	if (current != READ_ONCE(depth_task))
		return;
	depth_painted = depth_low();
	depth_paint(depth_painted);
}

static notrace void depth_exit(void *data, struct pt_regs *regs, long ret)
{
	/* A task that ended while it was measured may have left its address to another. */
	if (current != READ_ONCE(depth_task) || depth_painted != depth_low())
		return;
	depth_last = (unsigned long)task_pt_regs(current) - depth_scan(depth_painted);
	depth_painted = 0;
}

static ssize_t depth_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	char text[24];
	int n = 0;

	if (current == depth_task)
		n = scnprintf(text, sizeof(text), "%lu\n", depth_last);
	/* Not this very call. */
	depth_painted = 0;
	WRITE_ONCE(depth_task, current);
	*pos = 0;
	return simple_read_from_buffer(to, len, pos, text, n);
}

static const struct file_operations depth_ops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.read	= depth_read,
};

static void depth_find(struct tracepoint *point, void *data)
{
	if (!strcmp(point->name, "sys_enter"))
		enter_point = point;
	else if (!strcmp(point->name, "sys_exit"))
		exit_point = point;
}

static int __init depth_init(void)
{
	int err;

	depth_pattern = get_random_long() | 1;
	for_each_kernel_tracepoint(depth_find, NULL);
	if (!enter_point || !exit_point)
		return -ENOENT;
	err = tracepoint_probe_register(enter_point, depth_enter, NULL);
	if (err)
		return err;
	err = tracepoint_probe_register(exit_point, depth_exit, NULL);
	if (err) {
		tracepoint_probe_unregister(enter_point, depth_enter, NULL);
		tracepoint_synchronize_unregister();
		return err;
	}
	depth_file = debugfs_create_file("syscall_depth", 0400, NULL, NULL, &depth_ops);
	return 0;
}

static void __exit depth_cleanup(void)
{
	debugfs_remove(depth_file);
	tracepoint_probe_unregister(exit_point, depth_exit, NULL);
	tracepoint_probe_unregister(enter_point, depth_enter, NULL);
	tracepoint_synchronize_unregister();
}

module_init(depth_init);
module_exit(depth_cleanup);
MODULE_DESCRIPTION("Stack depth of the system calls of one task");
MODULE_LICENSE("GPL");

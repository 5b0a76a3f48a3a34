// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory whose fate is known, to test what vexfs_trace.ko tells of it.
 *
 * /sys/kernel/debug/vxt_memory does one thing for each line written to it,
 *
 *	WHAT COUNT SIZE
 *
 *	leak	take COUNT objects and forget them
 *	keep	take COUNT objects, for the next drop
 *	drop	give back all that was kept; and what was forgotten, when COUNT is 1
 *	churn	COUNT times, take an object and give it back
 *	drip	COUNT times, take two objects, give one back and forget the other
 *	live	take an object, and give it back after COUNT milliseconds
 *	double	take COUNT objects and give each back twice
 *	foreign	give COUNT objects to VexFS that are none of its
 *
 * Each has a call site of its own, named after the function that allocates. A site is known to
 * vexfs.ko for ever: so it lies in memory that this module leaves behind.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <vexfs_mem.h>
#include "vxt_line.h"

enum memory_kind {
	MEMORY_LEAK,
	MEMORY_KEEP,
	MEMORY_CHURN,
	MEMORY_DRIP,
	MEMORY_LIVE,
	MEMORY_DOUBLE,
	MEMORY_NR
};

struct memory_site {
	struct vexfs_site site;
	char func[24];
	char file[24];
};

static struct memory_site *memory_sites[MEMORY_NR];
static LIST_HEAD(memory_leaked);
static LIST_HEAD(memory_kept);
static DEFINE_MUTEX(memory_lock);	/* one line at a time */
static struct dentry *memory_file;

static const char * const memory_funcs[MEMORY_NR] = {
	[MEMORY_LEAK] = "memory_leak",
	[MEMORY_KEEP] = "memory_keep",
	[MEMORY_CHURN] = "memory_churn",
	[MEMORY_DRIP] = "memory_drip",
	[MEMORY_LIVE] = "memory_live",
	[MEMORY_DOUBLE] = "memory_double",
};

/*
 * Which function came last. Without this the calls before it would be jumps; and functions that
 * do the same would be made one.
 */
static unsigned int memory_last;

static void *memory_get(enum memory_kind kind, size_t size)
{
	return vexfs_mem_alloc(&memory_sites[kind]->site, size, false);
}

static noinline int memory_hold(enum memory_kind kind, struct list_head *list, size_t size)
{
	struct list_head *object = memory_get(kind, size);

	if (!object)
		return -ENOMEM;
	list_add_tail(object, list);
	return 0;
}

static noinline int memory_leak(size_t size)
{
	int err = memory_hold(MEMORY_LEAK, &memory_leaked, size);

	WRITE_ONCE(memory_last, 4);
	return err;
}

static noinline int memory_keep(size_t size)
{
	int err = memory_hold(MEMORY_KEEP, &memory_kept, size);

	WRITE_ONCE(memory_last, 5);
	return err;
}

static void memory_drop(struct list_head *list)
{
	struct list_head *object, *next;

	list_for_each_safe(object, next, list)
		vexfs_mem_free(object);
	INIT_LIST_HEAD(list);
}

static noinline int memory_churn(size_t size)
{
	void *object = memory_get(MEMORY_CHURN, size);

	vexfs_mem_free(object);
	return object ? 0 : -ENOMEM;
}

static noinline int memory_drip(size_t size)
{
	void *object = memory_get(MEMORY_DRIP, size);
	int err = memory_hold(MEMORY_DRIP, &memory_leaked, size);

	vexfs_mem_free(object);
	return object ? err : -ENOMEM;
}

static noinline int memory_live(unsigned int ms, size_t size)
{
	void *object = memory_get(MEMORY_LIVE, size);

	msleep(ms);
	vexfs_mem_free(object);
	return object ? 0 : -ENOMEM;
}

static noinline void memory_free_first(const void *object)
{
	vexfs_mem_free(object);
	WRITE_ONCE(memory_last, 1);
}

static noinline void memory_free_again(const void *object)
{
	vexfs_mem_free(object);
	WRITE_ONCE(memory_last, 2);
}

static noinline int memory_double(size_t size)
{
	void *object = memory_get(MEMORY_DOUBLE, size);

	if (!object)
		return -ENOMEM;
	/* Nobody is to get a small one in between; what comes in pages may sleep to go. */
	if (size < PAGE_SIZE / 2)
		preempt_disable();
	memory_free_first(object);
	memory_free_again(object);
	if (size < PAGE_SIZE / 2)
		preempt_enable();
	return 0;
}

static noinline void memory_free_foreign(const void *object)
{
	vexfs_mem_free(object);
	WRITE_ONCE(memory_last, 3);
}

static noinline int memory_foreign(size_t size)
{
	char *object = kzalloc(size + 64, GFP_KERNEL);

	if (!object)
		return -ENOMEM;
	memory_free_foreign(object + 32);
	kfree(object);
	return 0;
}

static int memory_one(const char *what, size_t size)
{
	if (!strcmp(what, "leak"))
		return memory_leak(size);
	if (!strcmp(what, "keep"))
		return memory_keep(size);
	if (!strcmp(what, "churn"))
		return memory_churn(size);
	if (!strcmp(what, "drip"))
		return memory_drip(size);
	if (!strcmp(what, "double"))
		return memory_double(size);
	if (!strcmp(what, "foreign"))
		return memory_foreign(size);
	return -EINVAL;
}

static int memory_do(const char *what, unsigned int count, size_t size)
{
	unsigned int i;
	int err = 0;

	if (!strcmp(what, "live"))
		return memory_live(count, size);
	if (!strcmp(what, "drop")) {
		memory_drop(&memory_kept);
		if (count)
			memory_drop(&memory_leaked);
		return 0;
	}
	for (i = 0; i < count && !err; i++)
		err = memory_one(what, size);
	return err;
}

static ssize_t memory_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	char what[VXT_LINE_NAME];
	unsigned int count, size;
	int err;

	err = vxt_line_take(buf, len, what, &count, &size);
	if (err)
		return err;
	if (size < sizeof(struct list_head))
		return -EINVAL;
	mutex_lock(&memory_lock);
	err = memory_do(what, count, size);
	mutex_unlock(&memory_lock);
	return err ?: len;
}

static const struct file_operations memory_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = memory_write,
};

static int __init memory_init(void)
{
	unsigned int i;

	for (i = 0; i < MEMORY_NR; i++) {
		struct memory_site *site = kzalloc(sizeof(*site), GFP_KERNEL);

		if (!site)
			return -ENOMEM;	/* what there is of them is small, and left */
		strscpy(site->func, memory_funcs[i], sizeof(site->func));
		strscpy(site->file, "kmod/none/memory.c", sizeof(site->file));
		site->site.func = site->func;
		site->site.file = site->file;
		site->site.line = i + 1;
		memory_sites[i] = site;
	}
	memory_file = debugfs_create_file("vxt_memory", 0200, NULL, NULL, &memory_fops);
	return 0;
}

static void __exit memory_exit(void)
{
	debugfs_remove(memory_file);
	memory_drop(&memory_kept);
	memory_drop(&memory_leaked);
}

module_init(memory_init);
module_exit(memory_exit);
MODULE_DESCRIPTION("Memory whose fate is known");
MODULE_LICENSE("GPL");

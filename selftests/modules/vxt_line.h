/* SPDX-License-Identifier: GPL-2.0-only */
/* The lines that are written to the files of the tests' modules. */
#ifndef VXT_LINE_H
#define VXT_LINE_H

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/uaccess.h>

#define VXT_LINE_NAME	16	/* of a name, with the 0 byte */

/* "NAME NUMBER NUMBER"; 0 or a negative errno. */
static inline int vxt_line_take(const char __user *buf, size_t len, char *name,
				unsigned int *first, unsigned int *second)
{
	char line[64];

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, buf, len))
		return -EFAULT;
	line[len] = '\0';
	return sscanf(line, "%15s %u %u", name, first, second) == 3 ? 0 : -EINVAL;
}

#endif /* VXT_LINE_H */

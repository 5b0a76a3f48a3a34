/* SPDX-License-Identifier: GPL-2.0-only */
/* What debugfs.c, which has the folder, and the other parts of it share. */
#ifndef VXT_DEBUGFS_H
#define VXT_DEBUGFS_H

#include "waits.h"

struct dentry;
struct seq_file;

void vxt_show_us(struct seq_file *m, u64 ns);
void vxt_debugfs_mem_init(struct dentry *dir);
void vxt_debugfs_ops_init(struct dentry *dir);

#endif /* VXT_DEBUGFS_H */

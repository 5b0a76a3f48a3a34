/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the vector operations share. */
#ifndef VEXFS_IOCTL_H
#define VEXFS_IOCTL_H

#include <linux/mount.h>
#include <linux/uaccess.h>
#include "vexfs.h"

/* What is true of the structures for all time: user space was built with it. */
static_assert(sizeof(struct vexfs_create) == 48);
static_assert(sizeof(struct vexfs_insert) == 64);
static_assert(sizeof(struct vexfs_get) == 48);
static_assert(sizeof(struct vexfs_delete) == 32);
static_assert(sizeof(struct vexfs_search) == 112);
static_assert(sizeof(struct vexfs_stat) == 88);
static_assert(sizeof(struct vexfs_reindex) == 32);
static_assert(sizeof(struct vexfs_caps) == 64);
static_assert(sizeof(struct vexfs_update) == 64);
static_assert(sizeof(struct vexfs_meta_set) == 48);
static_assert(sizeof(struct vexfs_meta_get) == 56);
static_assert(sizeof(struct vexfs_filter) == 72);
static_assert(sizeof(struct vexfs_filter_node) == 48);
static_assert(sizeof(struct vexfs_range) == 120);

/* ---- ioctl.c ------------------------------------------------------------ */

int vexfs_args_get(void *args, size_t len, size_t first, void __user *arg, u32 *size);
int vexfs_args_put(void __user *arg, const void *args, size_t len, u32 size);
void *vexfs_array_get(u64 addr, size_t len);
int vexfs_array_put(u64 addr, const void *buf, size_t len);
int vexfs_check_coll(const struct file *file, fmode_t mode);
int vexfs_check_rows(const struct vexfs_inode *vi, u32 count, u32 dim, u64 len);
int vexfs_check_meta(u32 count, u64 len);

/* ---- ioctl_rows.c ------------------------------------------------------- */

long vexfs_coll_insert(struct file *file, void __user *arg);
long vexfs_coll_update(struct file *file, void __user *arg);
long vexfs_coll_get(struct file *file, void __user *arg);
long vexfs_coll_delete(struct file *file, void __user *arg);

/* ---- ioctl_search.c ----------------------------------------------------- */

long vexfs_coll_search(struct file *file, void __user *arg);
long vexfs_coll_range(struct file *file, void __user *arg);
long vexfs_coll_filter(struct file *file, void __user *arg);

/* ---- ioctl_meta.c ------------------------------------------------------- */

long vexfs_meta_set(struct file *file, void __user *arg);
long vexfs_meta_get(struct file *file, void __user *arg);

#endif /* VEXFS_IOCTL_H */

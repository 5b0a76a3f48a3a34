// SPDX-License-Identifier: GPL-2.0-only
/* vexfs.ko: load and unload. */
#include <linux/module.h>
#include "vexfs.h"

static char *isa = "auto";
module_param(isa, charp, 0444);
MODULE_PARM_DESC(isa, "instructions of the distance kernels: auto, scalar, avx2 or avx512");

static int vexfs_choose_isa(void)
{
	u32 i;

	if (!strcmp(isa, "auto"))
		return 0;
	for (i = VEXFS_ISA_SCALAR; i <= VEXFS_ISA_AVX512; i++) {
		if (strcmp(isa, vex_dist_isa_name(i)))
			continue;
		if (!vex_dist_select(i))
			return 0;
		pr_err("isa=%s: this CPU has no such instructions: leave it out, or load with isa=%s\n",
		       isa, vex_dist_isa_name(vex_dist_best()));
		return -EOPNOTSUPP;
	}
	pr_err("isa=%s: auto, scalar, avx2 and avx512 are possible\n", isa);
	return -EINVAL;
}

static int __init vexfs_init(void)
{
	int err;

	vexfs_trace_init();
	vex_core_init();
	err = vexfs_choose_isa();
	if (err)
		return err;
	err = vexfs_inode_cache_init();
	if (err)
		return err;
	err = vexfs_io_init();
	if (err)
		goto out_inode;
	err = vexfs_aside_init();
	if (err)
		goto out_io;
	err = vexfs_read_init();
	if (err)
		goto out_aside;
	err = vexfs_cache_init();
	if (err)
		goto out_read;
	err = register_filesystem(&vexfs_fs_type);
	if (err)
		goto out_cache;
	return 0;

out_cache:
	vexfs_cache_exit();
out_read:
	vexfs_read_exit();
out_aside:
	vexfs_aside_exit();
out_io:
	vexfs_io_exit();
out_inode:
	vexfs_inode_cache_exit();
	return err;
}

static void __exit vexfs_exit(void)
{
	unregister_filesystem(&vexfs_fs_type);
	vexfs_cache_exit();
	vexfs_read_exit();
	vexfs_aside_exit();
	vexfs_io_exit();
	vexfs_inode_cache_exit();
	vexfs_mem_report_leaks();
}

module_init(vexfs_init);
module_exit(vexfs_exit);

MODULE_DESCRIPTION("VexFS: files that are searchable collections of vectors");
MODULE_AUTHOR("VexFS developers");
MODULE_LICENSE("GPL");

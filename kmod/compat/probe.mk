# SPDX-License-Identifier: GPL-2.0-only
# What the kernel's headers offer, asked of the headers themselves and never of a
# version number: a distribution may carry a newer interface in an older kernel.
#
#	$(call vexfs-probe,HEADER,REGULAR EXPRESSION,NAME)
#
# defines VEXFS_HAVE_NAME when a line of include/linux/HEADER matches. make counts
# parentheses and splits at commas: a point stands for each of them.
vexfs-probe = $(shell grep -qs '$(2)' $(srctree)/include/linux/$(1) && \
	echo -DVEXFS_HAVE_$(3))

vexfs-probe-flags := \
	$(call vexfs-probe,fs.h,int .\*mkdir. .struct mnt_idmap,IDMAP) \
	$(call vexfs-probe,fs.h,generic_fillattr.struct mnt_idmap \*. u32,FILLATTR_MASK) \
	$(call vexfs-probe,fs.h,inode_set_mtime_to_ts,INODE_TIMES) \
	$(call vexfs-probe,fs.h,inode_get_ctime,INODE_CTIME) \
	$(call vexfs-probe,fs.h,filemap_splice_read,FILEMAP_SPLICE_READ) \
	$(call vexfs-probe,fs.h,struct folio \*\*foliop,FOLIO_WRITE_BEGIN) \
	$(call vexfs-probe,writeback.h,.\*writepage_t..struct folio,FOLIO_WRITEPAGE) \
	$(call vexfs-probe,pagemap.h,folio_end_read,FOLIO_END_READ) \
	$(call vexfs-probe,mm.h,void vm_flags_clear,VM_FLAGS_CLEAR) \
	$(call vexfs-probe,shrinker.h,shrinker_alloc,SHRINKER_ALLOC) \
	$(call vexfs-probe,unaligned.h,get_unaligned,LINUX_UNALIGNED)

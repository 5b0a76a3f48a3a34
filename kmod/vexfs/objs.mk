# SPDX-License-Identifier: GPL-2.0-only
# The objects of vexfs.ko beside the core.
vexfs-kmod-objs := \
	aops.o \
	aside.o \
	cache.o \
	coll.o \
	create.o \
	dir.o \
	direct.o \
	export.o \
	falloc.o \
	file.o \
	inode.o \
	io_bdev.o \
	ioctl.o \
	ioctl_meta.o \
	ioctl_rows.o \
	ioctl_search.o \
	main.o \
	mem.o \
	options.o \
	readpage.o \
	super.o \
	symlink.o \
	trace.o \
	trim.o \
	writeback.o \
	xattr.o

# SPDX-License-Identifier: GPL-2.0-only OR MIT
# The one list of the core's objects, for the kernel and for userspace.
vex-core-objs := \
	alloc.o \
	cache.o \
	coll.o \
	component.o \
	crc32c.o \
	crc32c_x86.o \
	create.o \
	dir.o \
	dirent.o \
	dist.o \
	dist_avx2.o \
	dist_avx512.o \
	dist_scalar.o \
	evict.o \
	extent.o \
	falloc.o \
	feature.o \
	file.o \
	filter.o \
	flat.o \
	flush.o \
	fs.o \
	hash.o \
	held.o \
	inode.o \
	leaf.o \
	load.o \
	match.o \
	meta.o \
	meta_rec.o \
	node.o \
	remap.o \
	prefetch.o \
	rename.o \
	search.o \
	seek.o \
	segment.o \
	symlink.o \
	tomb.o \
	topk.o \
	tree.o \
	truncate.o \
	txn.o \
	update.o \
	xattr.o

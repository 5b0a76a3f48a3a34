# SPDX-License-Identifier: GPL-2.0-only
# One file of this folder is one module, for the tests alone.
vexfs-test-modules := syscall_depth.o vxt_fixture.o vxt_memory.o vxt_waits.o

# Frames as large as the stack allows are what this one is about; see fixture_leaf().
CFLAGS_selftests/modules/vxt_fixture.o := -Wno-frame-larger-than

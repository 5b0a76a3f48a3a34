/* SPDX-License-Identifier: GPL-2.0-only */
/* get_unaligned() and its kin moved from <asm/> to <linux/>. */
#ifndef VEXFS_COMPAT_UNALIGNED_H
#define VEXFS_COMPAT_UNALIGNED_H

#ifdef VEXFS_HAVE_LINUX_UNALIGNED
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#endif /* VEXFS_COMPAT_UNALIGNED_H */

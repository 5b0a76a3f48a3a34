/* SPDX-License-Identifier: GPL-2.0-only */
/* Locals that a kernel which clears all locals shall leave alone: not known by all of 6.1's headers. */
#ifndef VEXFS_COMPAT_UNINITIALIZED_H
#define VEXFS_COMPAT_UNINITIALIZED_H

#include <linux/compiler.h>

#ifndef __uninitialized
#define __uninitialized
#endif

#endif /* VEXFS_COMPAT_UNINITIALIZED_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* Locals that a kernel which clears all of them shall leave alone: older headers know no such. */
#ifndef VEXFS_COMPAT_UNINITIALIZED_H
#define VEXFS_COMPAT_UNINITIALIZED_H

#include <linux/compiler.h>

#ifndef __uninitialized
#define __uninitialized
#endif

#endif /* VEXFS_COMPAT_UNINITIALIZED_H */

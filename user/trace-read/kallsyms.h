/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions of the kernel and its modules, from /proc/kallsyms. */
#ifndef TRACE_READ_KALLSYMS_H
#define TRACE_READ_KALLSYMS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct kernel_symbol - one function
 * @start: its address
 * @name: its name
 * @module: its module, NULL for the kernel proper
 */
struct kernel_symbol {
	uint64_t start;
	const char *name;
	const char *module;
	uint8_t rank;
};

/* Reads them (again). Says what hides them, and returns false, when there are none. */
bool kallsyms_load(void);

/* The function that holds @address, or NULL. */
const struct kernel_symbol *kallsyms_find(uint64_t address);

void kallsyms_free(void);

#endif /* TRACE_READ_KALLSYMS_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* The functions of a loaded module that the kernel or other modules may call. */
#ifndef TRACE_READ_ENTRIES_H
#define TRACE_READ_ENTRIES_H

#include <stddef.h>

/**
 * module_entries() - the functions that a module can be entered by
 * @module: its name, as /proc/modules has it
 * @nr: receives how many there are
 *
 * These are the functions whose address lies in the module's data, such as its tables of operations
 * and what it exports, or is an operand in its code. Of several functions of one name none is
 * taken: the kernel could not tell which is meant.
 *
 * Return: their names, interned, in an array to be freed; NULL, having told why, when the module
 * is not there or its memory cannot be read.
 */
const char **module_entries(const char *module, size_t *nr);

#endif /* TRACE_READ_ENTRIES_H */

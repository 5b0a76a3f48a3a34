/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rows between the commands, which have binary32, and a collection, which has its own type of
 * elements.
 */
#ifndef VEXFS_CMD_ROWS_H
#define VEXFS_CMD_ROWS_H

#include <stddef.h>
#include <stdint.h>
#include <linux/vexfs.h>

/**
 * enum convert - what becomes of numbers that are none of the collection's type
 * @CONVERT_EXACT: they are refused; f16 takes the nearest one that it has, of two the even one
 * @CONVERT_SHIFT: 128 is taken off first: unsigned bytes as i8
 * @CONVERT_SIGN: b1: a bit is set for what is above 0
 * @CONVERT_BITS: b1: numbers are bytes, 0 to 255, of eight bits each, the first one lowest
 */
enum convert {
	CONVERT_EXACT,
	CONVERT_SHIFT,
	CONVERT_SIGN,
	CONVERT_BITS,
};

/**
 * struct row_shape - how rows are converted
 * @elem: enum vexfs_elem of the collection
 * @dim: elements of its rows
 * @how: enum convert
 */
struct row_shape {
	uint32_t elem;
	uint32_t dim;
	enum convert how;
};

/* enum convert of a name, or -1. */
int convert_value(const char *name);
#define CONVERT_NAMES	"exact, shift, sign, bits"

/* Numbers that make a row: @dim, but of bytes of bits. */
uint32_t rows_numbers(const struct row_shape *s);
/* Does the conversion go with the type of elements? A status, after a message. */
int rows_check(const struct row_shape *s);
/*
 * Pack @count rows in place. A status, after a message that calls the first one @what @first:
 * "base.npy: record", 17.
 */
int rows_pack(const struct row_shape *s, float *rows, uint32_t count, const char *what,
	      uint64_t first);
/* What is wrong with a packed row that the collection refused with EDOM. */
const char *rows_wrong(const struct row_shape *s);
/* The other way, in place as well: there is room for @dim numbers a row. */
void rows_unpack(const struct row_shape *s, float *rows, uint32_t count);

#endif /* VEXFS_CMD_ROWS_H */

// SPDX-License-Identifier: GPL-2.0-only
/* Rows of binary32 as those of other types, and back. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <vex_elem.h>

#include "options.h"
#include "report.h"
#include "rows.h"

static const char *const converts[] = {
	[CONVERT_EXACT] = "exact", [CONVERT_SHIFT] = "shift", [CONVERT_SIGN] = "sign",
	[CONVERT_BITS] = "bits",
};

int convert_value(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(converts); i++)
		if (!strcmp(converts[i], name))
			return i;
	return -1;
}

uint32_t rows_numbers(const struct row_shape *s)
{
	return s->how == CONVERT_BITS ? vex_row_bytes(s->elem, s->dim) : s->dim;
}

int rows_check(const struct row_shape *s)
{
	static const uint32_t of[] = {
		[CONVERT_SHIFT] = VEXFS_ELEM_I8, [CONVERT_SIGN] = VEXFS_ELEM_B1,
		[CONVERT_BITS] = VEXFS_ELEM_B1,
	};

	if (s->how == CONVERT_EXACT || of[s->how] == s->elem)
		return STATUS_OK;
	return report_misuse("--convert %s is for elements of type %s", converts[s->how],
			     of[s->how] == VEXFS_ELEM_I8 ? "i8" : "b1");
}

/* NULL, or why @value is no element. */
static const char *pack_f16(float value, void *to)
{
	_Float16 half = (_Float16)value;

	if (isfinite(value) && !isfinite((float)half))
		return "is beyond the range of f16, which ends at 65504";
	memcpy(to, &half, sizeof(half));
	return NULL;
}

static const char *pack_i8(float value, void *to)
{
	if (!(value >= -128 && value <= 127) || value != rintf(value))
		return "is no integer from -128 to 127; --convert shift takes 0 to 255";
	*(int8_t *)to = (int8_t)value;
	return NULL;
}

static const char *pack_byte(float value, void *to)
{
	if (!(value >= 0 && value <= 255) || value != rintf(value))
		return "is no byte from 0 to 255";
	*(uint8_t *)to = (uint8_t)value;
	return NULL;
}

static const char *pack_bit(float value, uint8_t *row, uint32_t i)
{
	if (value != 0 && value != 1)
		return "is neither 0 nor 1; --convert sign sets a bit for what is above 0, "
		       "--convert bits takes bytes of eight";
	if (!(i % 8))
		row[i / 8] = 0;
	row[i / 8] |= (value == 1) << i % 8;
	return NULL;
}

/* Element @i of a row that is packed from its begin. */
static const char *pack(const struct row_shape *s, float value, uint8_t *row, uint32_t i)
{
	if (s->how == CONVERT_BITS)
		return pack_byte(value, row + i);
	if (s->elem == VEXFS_ELEM_F16)
		return pack_f16(value, row + 2 * (size_t)i);
	if (s->elem == VEXFS_ELEM_I8)
		return pack_i8(s->how == CONVERT_SHIFT ? value - 128 : value, row + i);
	return pack_bit(s->how == CONVERT_SIGN ? value > 0 : value, row, i);
}

int rows_pack(const struct row_shape *s, float *rows, uint32_t count, const char *what,
	      uint64_t first)
{
	uint32_t numbers = rows_numbers(s), bytes = vex_row_bytes(s->elem, s->dim);
	uint8_t *to = (uint8_t *)rows;

	if (s->elem == VEXFS_ELEM_F32)
		return STATUS_OK;
	/* A packed row ends before the numbers that it is made of do. */
	for (uint32_t n = 0; n < count; n++, to += bytes)
		for (uint32_t i = 0; i < numbers; i++) {
			const char *why;
			float value;

			memcpy(&value, (uint8_t *)rows + ((size_t)n * numbers + i) * sizeof(value),
			       sizeof(value));
			why = pack(s, value, to, i);
			if (why)
				return report_fail("%s %" PRIu64 ", element %" PRIu32
						   ": %.9g %s", what, first + n, i, value, why);
		}
	return STATUS_OK;
}

const char *rows_wrong(const struct row_shape *s)
{
	return s->elem == VEXFS_ELEM_B1 ? "has a bit behind its last element" :
	       "holds NaN or an infinity";
}

static float unpack(const struct row_shape *s, const uint8_t *row, uint32_t i)
{
	_Float16 half;

	if (s->elem == VEXFS_ELEM_I8)
		return (int8_t)row[i];
	if (s->elem == VEXFS_ELEM_B1)
		return row[i / 8] >> i % 8 & 1;
	memcpy(&half, row + 2 * (size_t)i, sizeof(half));
	return half;
}

void rows_unpack(const struct row_shape *s, float *rows, uint32_t count)
{
	uint32_t bytes = vex_row_bytes(s->elem, s->dim);
	const uint8_t *from = (const uint8_t *)rows;

	if (s->elem == VEXFS_ELEM_F32)
		return;
	/* From the last one on, since each is wider than what it is made of. */
	for (uint32_t n = count; n--;)
		for (uint32_t i = s->dim; i--;) {
			float value = unpack(s, from + (size_t)n * bytes, i);

			memcpy((uint8_t *)rows + ((size_t)n * s->dim + i) * sizeof(value), &value,
			       sizeof(value));
		}
}

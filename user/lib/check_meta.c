// SPDX-License-Identifier: GPL-2.0-only
/* Metadata of rows: each record in its one form, each of a row that is there. */
#include "check.h"
#include "vex_meta.h"

void meta_note_tomb(struct check *c, const struct check_item *it)
{
	if (c->tomb_ino != it->key.ino) {
		c->tomb_ino = it->key.ino;
		c->tomb_count = 0;
	}
	c->tombs = check_grow(c, c->tombs, c->tomb_count, &c->tomb_room, sizeof(*c->tombs));
	if (c->err)
		return;
	c->tombs[c->tomb_count].group = it->key.offset;
	memcpy(c->tombs[c->tomb_count++].bits, it->data, VEXFS_TOMB_BYTES);
}

static bool row_deleted(const struct check *c, u64 ino, u64 row)
{
	u64 group = row / VEXFS_TOMB_ROWS;
	u32 bit = row % VEXFS_TOMB_ROWS;
	size_t low = 0, high = c->tomb_ino == ino ? c->tomb_count : 0;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (c->tombs[mid].group == group)
			return vex_bit_test(c->tombs[mid].bits, bit);
		if (c->tombs[mid].group < group)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

const char *meta_wrong(const struct check *c, u64 rows, const struct check_item *it,
		       enum vex_problem_code *code)
{
	*code = VEX_P_META_FORM;
	if (!it->len || vex_meta_check(it->data, it->len, false))
		return "malformed metadata of a row";
	*code = VEX_P_META_ROW;
	if (it->key.offset >= rows)
		return "metadata of a row past the last one";
	return row_deleted(c, it->key.ino, it->key.offset) ? "metadata of a deleted row" : NULL;
}

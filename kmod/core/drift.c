// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* When a codec does not fit the rows any more: see struct vex_drift. */
#include "vex_code.h"

/* Of the rows in a graph, beside the usual ones, one in so many may be cut. */
#define CUT_SHARE	64u

/* Cut rows that a graph of @count rows may have. */
static u64 cut_limit(const struct vex_drift *d, const struct vex_codec *c, u32 count)
{
	u64 rows = max(count, d->rows);

	return rows / CUT_SHARE + 2 * rows * c->usual / VEX_TRAIN_ROWS;
}

bool vex_drift_admits(const struct vex_drift *d, const struct vex_codec *c, u32 count)
{
	return d->cut < cut_limit(d, c, count);
}

bool vex_drift_due(const struct vex_drift *d, const struct vex_codec *c, u32 count, u64 rows,
		   u32 share)
{
	u64 limit = cut_limit(d, c, count);
	u64 misfits = rows - min_t(u64, rows, count);
	u64 least = max(count, d->rows) / share + 1;

	misfits += d->cut - min_t(u64, d->cut, limit);
	/* As many have come, too: one that never fitted its own rows is the best there is. */
	return d->cut >= limit && misfits >= least &&
	       rows - min_t(u64, rows, d->rows) + d->fresh >= least;
}

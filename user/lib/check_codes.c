// SPDX-License-Identifier: GPL-2.0-only
/* Codes: is that of every live row the one that its elements give? */
#include <stdlib.h>

#include "check.h"
#include "vex_graph_item.h"
#include "vex_hnsw.h"

/* 1: it is another row's; 0, or an error. */
static int code_differs(struct vex_hnsw *ix, struct vex_walk *w, u32 id, u8 *row)
{
	const struct vex_codec *codec = &ix->graph.codec;
	u32 row_bytes = vex_row_bytes(codec->elem, codec->dim);
	const u8 *code;
	int err = vex_hnsw_read(ix, (u64)id * row_bytes, row, row_bytes);

	if (!err)
		err = vex_code_get(&ix->graph, 0, id, &code);
	if (err)
		return err;
	vex_codec_levels(codec, vex_codec_wide(codec, row, w->wide), w->levels);
	vex_codec_pack(codec, w->levels, w->code);
	return memcmp(code, w->code, codec->bytes) != 0;
}

int check_codes(struct check *c, struct vex_hnsw *ix)
{
	struct vex_graph *g = &ix->graph;
	u8 *row = malloc(vex_row_bytes(g->codec.elem, g->codec.dim));
	u32 id, rows = g->tab[0].count, told = 0;
	struct vex_walk w = { };
	int err = row ? vex_walk_room(&w, g, 1, 1) : -ENOMEM, dead;

	for (id = 0; id < rows && err >= 0 && told < CHECK_INDEX_TOLD; id++) {
		check_index_settle(ix, id + 1);
		dead = g->ops->dead(g, id);
		if (dead > 0 || vex_hnsw_pending(ix, id))
			continue;
		err = dead ? dead : code_differs(ix, &w, id, row);
		if (err <= 0)
			continue;
		check_problem(c, VEX_P_INDEX_ITEM, 0, ix->ino, "row %u has the code of another", id);
		told++;
	}
	vex_walk_free(&w);
	free(row);
	return min(err, 0);
}

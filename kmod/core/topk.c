// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The k nearest candidates, as a bounded heap with the farthest on top: a candidate that is no
 * nearer than the top of a full heap costs one comparison.
 */
#include "vex_util.h"

static inline bool farther(const struct vex_cand *a, const struct vex_cand *b)
{
	return a->order != b->order ? a->order > b->order : a->id > b->id;
}

/* Let @cand sink from the top of the first @count slots to where it belongs. */
static void sink(struct vex_cand *heap, u32 count, struct vex_cand cand)
{
	u32 slot = 0, child;

	while ((child = 2 * slot + 1) < count) {
		if (child + 1 < count && farther(&heap[child + 1], &heap[child]))
			child++;
		if (!farther(&heap[child], &cand))
			break;
		heap[slot] = heap[child];
		slot = child;
	}
	heap[slot] = cand;
}

static void rise(struct vex_cand *heap, u32 slot, struct vex_cand cand)
{
	u32 parent;

	for (; slot; slot = parent) {
		parent = (slot - 1) / 2;
		if (!farther(&cand, &heap[parent]))
			break;
		heap[slot] = heap[parent];
	}
	heap[slot] = cand;
}

void vex_topk_reset(struct vex_topk *t)
{
	t->count = 0;
	t->bar = t->limit;
	t->met = 0;
}

void vex_topk_init(struct vex_topk *t, struct vex_cand *heap, u32 k)
{
	t->heap = heap;
	t->k = k;
	t->limit = U32_MAX;
	vex_topk_reset(t);
}

void vex_topk_limit(struct vex_topk *t, u32 bits)
{
	/* -0 and 0 are one distance, but not one order. */
	t->limit = vex_f32_order(bits << 1 ? bits : 0);
	vex_topk_reset(t);
}

bool vex_topk_offer(struct vex_topk *t, u32 bits, u64 id)
{
	struct vex_cand cand = { .order = vex_f32_order(bits), .bits = bits, .id = id };

	if (cand.order > t->bar)
		return false;
	if (t->count < t->k)
		rise(t->heap, t->count++, cand);
	else if (farther(&t->heap[0], &cand))
		sink(t->heap, t->count, cand);
	else
		return false;
	if (t->count == t->k)
		t->bar = t->heap[0].order;
	return true;
}

void vex_topk_drain(struct vex_topk *t, u64 *ids, u32 *distances)
{
	struct vex_cand top;
	u32 i;

	for (i = t->count; i > 1; i--) {
		top = t->heap[0];
		sink(t->heap, i - 1, t->heap[i - 1]);
		t->heap[i - 1] = top;
	}
	for (i = 0; i < t->k; i++) {
		ids[i] = i < t->count ? t->heap[i].id : VEXFS_NO_ID;
		distances[i] = i < t->count ? t->heap[i].bits : VEX_F32_MAX;
	}
}

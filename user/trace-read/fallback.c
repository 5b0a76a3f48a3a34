// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events that came whole through the ring buffer. Equal ones are counted together at
 * once, so that memory is bound by how many different stacks there are; they are
 * resolved when their epoch is retired, after the processes are up to date.
 */
#include <stdlib.h>
#include <string.h>

#include "vexfs_read.h"

#include "base.h"
#include "events.h"
#include "fallback.h"

#define HEAD offsetof(struct vxr_record, frames)

/* A record that owns just the memory that it needs. */
static struct vxr_record **pending[VXR_EPOCHS];
static size_t nr_pending[VXR_EPOCHS], room_pending[VXR_EPOCHS];
static struct index indexes[VXR_EPOCHS];

static bool same_record(const void *array, uint32_t item, const void *key)
{
	const struct vxr_record *a = ((struct vxr_record *const *)array)[item], *b = key;

	return !memcmp(&a->key, &b->key, sizeof(a->key)) &&
	       a->kernel_bytes == b->kernel_bytes && a->user_bytes == b->user_bytes &&
	       !memcmp(a->frames, b->frames, a->kernel_bytes + a->user_bytes);
}

int fallback_record(void *context, void *data, size_t size)
{
	struct vxr_record *r = data;
	uint32_t i, e = r->epoch & 1;
	uint64_t hash;

	(void)context;
	if (size < HEAD || size - HEAD < (size_t)r->kernel_bytes + r->user_bytes)
		return 0;
	hash = hash_bytes(&r->key, sizeof(r->key), r->kernel_bytes);
	hash = hash_bytes(r->frames, r->kernel_bytes + r->user_bytes, hash);
	i = index_find(&indexes[e], hash, same_record, pending[e], r);
	if (i != INDEX_NONE) {
		value_merge(&pending[e][i]->value, &r->value);
		return 0;
	}
	GROW(pending[e], nr_pending[e], room_pending[e]);
	pending[e][nr_pending[e]] = xmemdup(r, HEAD + r->kernel_bytes + r->user_bytes);
	index_add(&indexes[e], hash, nr_pending[e]++);
	return 0;
}

void fallback_flush(uint32_t epoch, uint64_t *counted)
{
	size_t i;

	for (i = 0; i < nr_pending[epoch]; i++) {
		struct vxr_record *r = pending[epoch][i];
		const uint64_t *frames = (const uint64_t *)r->frames;
		struct sample s = {
			.key = &r->key, .value = &r->value,
			.kernel = frames, .nr_kernel = r->kernel_bytes / sizeof(*frames),
			.user = frames + r->kernel_bytes / sizeof(*frames),
			.nr_user = r->user_bytes / sizeof(*frames),
		};

		events_add(&s);
		counted[r->key.kind] += r->value.count;
		free(r);
	}
	nr_pending[epoch] = 0;
	index_clear(&indexes[epoch]);
}

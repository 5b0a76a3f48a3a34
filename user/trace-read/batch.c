// SPDX-License-Identifier: GPL-2.0-only
/* Reading a BPF hash map in few calls. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base.h"
#include "batch.h"

#define BATCH 4096

void batch_read(int fd, bool take, const char *what, size_t key_size, size_t value_size,
		batch_fn *each, void *context)
{
	uint32_t room = BATCH, n, place;
	char *keys = xmalloc(room * key_size), *values = xmalloc(room * value_size);
	void *from = NULL;
	int err = 0;

	while (err != ENOENT) {
		n = room;
		if (take)
			err = bpf_map_lookup_and_delete_batch(fd, from, &place, keys, values, &n,
							      NULL);
		else
			err = bpf_map_lookup_batch(fd, from, &place, keys, values, &n, NULL);
		err = err ? errno : 0;
		if (err == ENOSPC) {
			/* One hash bucket holds more than there is room for. */
			room *= 2;
			keys = xrealloc(keys, room * key_size);
			values = xrealloc(values, room * value_size);
			continue;
		}
		if (err && err != ENOENT)
			die("BPF map of %s: %s", what, strerror(err));
		each(context, keys, values, n);
		from = &place;
	}
	free(keys);
	free(values);
}

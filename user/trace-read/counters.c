// SPDX-License-Identifier: GPL-2.0-only
/* What the two sources of counters share. */
#include <stdlib.h>

#include "base.h"
#include "counters.h"

#define CLASS_NAME(id, name) [VEXFS_OP_##id] = name,

const char *class_name(uint32_t op_class)
{
	static const char *const names[] = { VEXFS_OP_CLASSES(CLASS_NAME) };

	return op_class < ARRAY_LEN(names) ? names[op_class] : "?";
}

const char *kind_name(unsigned int kind)
{
	static const char *const names[] = {
		[VEXFS_EVENT_OP]	= "operations",
		[VEXFS_EVENT_ALLOC]	= "allocations",
		[VEXFS_EVENT_RECORD]	= "records",
	};

	return kind < ARRAY_LEN(names) ? names[kind] : "?";
}

struct site_counters *counters_add_site(struct counters *c)
{
	GROW(c->sites, c->nr_sites, c->room_sites);
	c->sites[c->nr_sites] = (struct site_counters){ .func = "?", .file = "?" };
	return &c->sites[c->nr_sites++];
}

void counters_free(struct counters *c)
{
	free(c->sites);
	free(c->status.cpu);
	*c = (struct counters){};
}

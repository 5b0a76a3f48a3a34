// SPDX-License-Identifier: GPL-2.0-only
/* Features of a filesystem by name. */
#include <stdbool.h>
#include <string.h>

#include <vex_core.h>

#include "features.h"
#include "options.h"
#include "report.h"

static const char *const purpose[] = {
	"extended attributes",
	"symbolic links, devices, named pipes, sockets",
	"space that is allocated before it is written",
	"metadata of the rows of collections",
	"collections with an HNSW index",
	"collections with an LSH index",
	"collections with an index of codes",
	"collections of f16, i8 and b1",
};

static_assert(VEXFS_FEATURES_KNOWN >> (ARRAY_SIZE(purpose) - 1) == 1);

static bool find(const char *name, size_t len, uint64_t *feature)
{
	const char *known;

	for (uint32_t bit = 0; bit < VEXFS_FEATURE_BITS; bit++) {
		known = vex_feature_name(bit);
		*feature = 1ULL << bit;
		if (known && strlen(known) == len && !memcmp(known, name, len))
			return true;
	}
	return false;
}

int features_parse(const char *list, uint64_t *features)
{
	const char *at = list;

	for (;;) {
		bool without = *at == '^';
		const char *name = at + without;
		size_t len = strcspn(name, ",");
		uint64_t feature;

		if (!without && len == 4 && !memcmp(name, "none", 4))
			*features = 0;
		else if (!find(name, len, &feature))
			return report_misuse("-O '%s': '%.*s' is no feature", list, (int)len, name);
		else if (without)
			*features &= ~feature;
		else
			*features |= feature;
		if (!name[len])
			return GO_ON;
		at = name + len + 1;
	}
}

void features_print(FILE *f, uint64_t features)
{
	const char *between = "";

	for (uint32_t bit = 0; bit < VEXFS_FEATURE_BITS; bit++) {
		if (!(features >> bit & 1))
			continue;
		fprintf(f, "%s%s", between, vex_feature_name(bit));
		between = ", ";
	}
	if (!features)
		fputs("none", f);
}

void features_list(FILE *f, const char *indent)
{
	for (uint32_t bit = 0; bit < ARRAY_SIZE(purpose); bit++)
		if (purpose[bit])
			fprintf(f, "%s%-16s %s\n", indent, vex_feature_name(bit), purpose[bit]);
}

// SPDX-License-Identifier: GPL-2.0-only
/* The options of a mount: what can be said, and how it is shown again. */
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include "vexfs.h"

#define VEXFS_COMMIT_SECS	5
#define VEXFS_COMMIT_SECS_MAX	300
#define VEXFS_CACHE_BYTES	SZ_64M
#define VEXFS_CACHE_BYTES_MIN	SZ_1M

#define VEXFS_COMPONENTS_HELP	"storage, search, metadata, cache and txn are possible, joined by +"

enum vexfs_param {
	VEXFS_OPT_CACHE,
	VEXFS_OPT_COMMIT,
	VEXFS_OPT_COMPONENTS,
	VEXFS_OPT_DISCARD,
	VEXFS_OPT_ERRORS,
};

static const struct constant_table vexfs_errors_names[] = {
	{ "continue",	VEXFS_ERRORS_CONTINUE },
	{ "panic",	VEXFS_ERRORS_PANIC },
	{ "remount-ro",	VEXFS_ERRORS_READ_ONLY },
	{}
};

const struct fs_parameter_spec vexfs_params[] = {
	fsparam_string("cache",		VEXFS_OPT_CACHE),
	fsparam_u32("commit",		VEXFS_OPT_COMMIT),
	fsparam_string("components",	VEXFS_OPT_COMPONENTS),
	fsparam_flag_no("discard",	VEXFS_OPT_DISCARD),
	fsparam_enum("errors",		VEXFS_OPT_ERRORS, vexfs_errors_names),
	{}
};

void vexfs_options_default(struct vexfs_options *opts)
{
	opts->cache_bytes = VEXFS_CACHE_BYTES;
	opts->commit_secs = VEXFS_COMMIT_SECS;
	opts->errors = VEXFS_ERRORS_READ_ONLY;
	opts->discard = false;
	opts->components_off = 0;
}

static int vexfs_parse_cache(struct fs_context *fc, const char *text, size_t *bytes)
{
	u64 most = (u64)totalram_pages() << (PAGE_SHIFT - 1);
	char *end;
	u64 n = memparse(text, &end);

	if (end == text || *end)
		return invalfc(fc, "cache=%s is not a size: write it as 64M", text);
	if (n < VEXFS_CACHE_BYTES_MIN || n > most)
		return invalfc(fc, "cache=%s: 1M to half of the memory (%lluM) are possible",
			       text, most >> 20);
	*bytes = n;
	return 0;
}

/* The components in @text, such as storage+search+txn; the others are off. */
static int vexfs_parse_components(struct fs_context *fc, const char *text, u32 *off)
{
	u32 on = 0;

	while (*text) {
		size_t len = strcspn(text, "+");
		u32 component = vex_component_parse(text, len);

		if (!component)
			return invalfc(fc, "components=%.*s: " VEXFS_COMPONENTS_HELP,
				       (int)len, text);
		on |= component;
		text += len;
		text += *text == '+';
	}
	if (!on)
		return invalfc(fc, "components=: " VEXFS_COMPONENTS_HELP);
	*off = VEXFS_COMPONENTS_ALL & ~on;
	return 0;
}

static void vexfs_show_components(struct seq_file *m, u32 off)
{
	const char *sep = ",components=";
	const char *name;
	u32 n;

	for (n = 0; (name = vex_component_name(n)); n++) {
		if (off & BIT(n))
			continue;
		seq_printf(m, "%s%s", sep, name);
		sep = "+";
	}
}

/* One option of mount(2) or fsconfig(2); fs_context_operations.parse_param. */
int vexfs_parse_param(struct fs_context *fc, struct fs_parameter *param)
{
	struct vexfs_options *opts = fc->fs_private;
	struct fs_parse_result result;
	int opt = fs_parse(fc, vexfs_params, param, &result);

	switch (opt) {
	case VEXFS_OPT_CACHE:
		return vexfs_parse_cache(fc, param->string, &opts->cache_bytes);
	case VEXFS_OPT_COMMIT:
		if (!result.uint_32 || result.uint_32 > VEXFS_COMMIT_SECS_MAX)
			return invalfc(fc, "commit=%u: 1 to %d seconds are possible",
				       result.uint_32, VEXFS_COMMIT_SECS_MAX);
		opts->commit_secs = result.uint_32;
		return 0;
	case VEXFS_OPT_COMPONENTS:
		return vexfs_parse_components(fc, param->string, &opts->components_off);
	case VEXFS_OPT_DISCARD:
		opts->discard = !result.negated;
		return 0;
	case VEXFS_OPT_ERRORS:
		opts->errors = result.uint_32;
		return 0;
	default:
		return opt;
	}
}

/* What /proc/mounts says; super_operations.show_options. */
int vexfs_show_options(struct seq_file *m, struct dentry *root)
{
	const struct vexfs_options *opts = &vexfs_sb(root->d_sb)->options;
	const struct constant_table *name;

	seq_printf(m, ",cache=%zuK,commit=%u", opts->cache_bytes >> 10, opts->commit_secs);
	for (name = vexfs_errors_names; name->name; name++)
		if (name->value == opts->errors)
			seq_printf(m, ",errors=%s", name->name);
	if (opts->discard)
		seq_puts(m, ",discard");
	if (opts->components_off)
		vexfs_show_components(m, opts->components_off);
	return 0;
}

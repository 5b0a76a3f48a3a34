// SPDX-License-Identifier: GPL-2.0-only
/* What both places of collections share: names of values, words for errors. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "store.h"

static const char *const elems[] = { 
	[VEXFS_ELEM_F32] = "f32", [VEXFS_ELEM_F16] = "f16", [VEXFS_ELEM_I8] = "i8",
	[VEXFS_ELEM_B1] = "b1",
};
static const char *const metrics[] = {
	[VEXFS_METRIC_L2] = "l2", [VEXFS_METRIC_IP] = "ip", [VEXFS_METRIC_COSINE] = "cosine",
	[VEXFS_METRIC_HAMMING] = "hamming",
};
static const char *const indexes[] = {
	[VEXFS_INDEX_FLAT] = "flat", [VEXFS_INDEX_HNSW] = "hnsw",
	[VEXFS_INDEX_LSH] = "lsh", [VEXFS_INDEX_CODES] = "codes",
};
static const char *const codes[] = {
	[VEXFS_CODE_AUTO] = "auto", [VEXFS_CODE_SQ7] = "sq7", [VEXFS_CODE_SQ4] = "sq4",
	[VEXFS_CODE_B1] = "b1", [VEXFS_CODE_F32] = "f32", [VEXFS_CODE_PCA] = "pca",
};
static const char *const isas[] = {
	[VEXFS_ISA_SCALAR] = "scalar", [VEXFS_ISA_AVX2] = "avx2", [VEXFS_ISA_AVX512] = "avx512",
};

#define LEN(table) (sizeof(table) / sizeof(*(table)))

static const char *name_of(const char *const *table, size_t len, uint32_t value)
{
	return value < len && table[value] ? table[value] : "?";
}

static int value_of(const char *const *table, size_t len, const char *name)
{
	for (size_t i = 0; i < len; i++) {
		if (table[i] && !strcmp(table[i], name))
			return i;
	}
	return -1;
}

const char *store_elem_name(uint32_t elem)
{
	return name_of(elems, LEN(elems), elem);
}

const char *store_metric_name(uint32_t metric)
{
	return name_of(metrics, LEN(metrics), metric);
}

const char *store_index_name(uint32_t index)
{
	return name_of(indexes, LEN(indexes), index);
}

const char *store_code_name(uint32_t code)
{
	return name_of(codes, LEN(codes), code);
}

const char *store_isa_name(uint32_t isa)
{
	return name_of(isas, LEN(isas), isa);
}

int store_elem_value(const char *name)
{
	return value_of(elems, LEN(elems), name);
}

int store_metric_value(const char *name)
{
	return value_of(metrics, LEN(metrics), name);
}

int store_index_value(const char *name)
{
	return value_of(indexes, LEN(indexes), name);
}

int store_code_value(const char *name)
{
	return value_of(codes, LEN(codes), name);
}

int store_isa_value(const char *name)
{
	return value_of(isas, LEN(isas), name);
}

/* What an errno means here and what helps: in a mounted filesystem, in an image. */
static const struct {
	int err;
	const char *mounted;
	const char *image;
} remedies[] = {
	{ ENOTTY,
	  "not on a mounted VexFS; mount one, or name an unmounted image with --image", NULL },
	{ ENODATA, "not a collection; make one of a new name with 'vexfs create'", NULL },
	{ ENOENT, "no such file; make a collection with 'vexfs create' or 'vexfs import'", NULL },
	{ EEXIST, "exists already; choose another name, or remove it first", NULL },
	{ EROFS, "the filesystem is mounted read-only; remount it: mount -o remount,rw DIR",
	  "the image is open read-only" },
	{ EISDIR, "a folder; name a file", NULL },
	{ EACCES, "permission denied; ask the owner of the file, or use sudo", NULL },
	{ ENOSPC, "the filesystem is full; delete files, or make a larger one",
	  "the image is full; delete files, or make a larger one" },
	{ EUCLEAN, "a block is damaged; 'dmesg' names it; restore the file from a copy",
	  "a block of the image is damaged; restore the image from a copy" },
	{ EIO, "the device failed, or the filesystem stopped after a failed write; see 'dmesg'",
	  "the image could not be read or written" },
	{ EPERM, "a collection cannot be written as a file; choose another name", NULL },
	{ EINTR, "interrupted", NULL },
	{ EOPNOTSUPP, "the filesystem was made without what this needs, row-metadata, hnsw, lsh, codes or elems; see mkfs.vexfs -O",
	  NULL },
	{ EFBIG, "the file would pass the size limit; begin another collection", NULL },
};

int store_explain(struct store *s, const char *what, int err)
{
	const char *text = strerror(-err);
	char damage[160] = "";

	for (size_t i = 0; i < LEN(remedies); i++) {
		if (remedies[i].err == -err)
			text = s->where && remedies[i].image ? remedies[i].image :
			       remedies[i].mounted;
	}
	if (err == -EUCLEAN && s->ops->damage && s->ops->damage(s, damage, sizeof(damage)))
		text = damage;
	return report_fail("%s%s%s: %s%s%s", s->where ? s->where : "", s->where ? ":" : "", s->path,
			   what ? what : "", what ? ": " : "", text);
}

int store_explain_open(struct store *s, enum store_mode mode, int err)
{
	if (err == -ENOENT && (mode == STORE_CREATE || mode == STORE_ENSURE))
		return report_fail("%s%s%s: the folder of the file does not exist", s->where ?
				   s->where : "", s->where ? ":" : "", s->path);
	return store_explain(s, NULL, err);
}

int store_call(struct store *s, unsigned int op, void *arg)
{
	static const uint32_t sizes[] = {
		sizeof(struct vexfs_caps), sizeof(struct vexfs_create),
		sizeof(struct vexfs_insert), sizeof(struct vexfs_get),
		sizeof(struct vexfs_delete), sizeof(struct vexfs_search),
		sizeof(struct vexfs_stat), sizeof(struct vexfs_update),
		sizeof(struct vexfs_meta_set), sizeof(struct vexfs_meta_get),
		sizeof(struct vexfs_filter), sizeof(struct vexfs_reindex),
		sizeof(struct vexfs_range),
	};

	*(uint32_t *)arg = sizes[_IOC_NR(op)];
	return s->ops->call(s, op, arg);
}

int store_insert_meta(struct store *s, const void *rows, uint32_t count, const void *meta,
		      uint64_t meta_len, uint64_t *first_id, uint64_t *bad_row)
{
	struct vexfs_insert in = {
		.rows = (uintptr_t)rows, .count = count, .dim = s->stat.dim,
		.rows_len = (uint64_t)count * s->stat.row_bytes, .meta = (uintptr_t)meta,
		.meta_len = meta_len,
	};
	int err = store_call(s, VEXFS_IOC_INSERT, &in);

	*first_id = in.first_id;
	*bad_row = in.bad_row;
	return err;
}

int store_insert(struct store *s, const void *rows, uint32_t count, uint64_t *first_id,
		 uint64_t *bad_row)
{
	return store_insert_meta(s, rows, count, NULL, 0, first_id, bad_row);
}

static int refresh(struct store *s)
{
	int err = store_call(s, VEXFS_IOC_STAT, &s->stat);

	if (err)
		return store_explain(s, NULL, err);
	if (s->stat.elem >= LEN(elems) || !elems[s->stat.elem])
		return report_fail("%s: elements of type %u are newer than this command", s->path,
				   s->stat.elem);
	return STATUS_OK;
}

int store_open(struct store **out, const struct store_place *place, const char *path,
	       enum store_mode mode)
{
	int status;

	*out = NULL;
	if (!place->image && place->isa >= 0)
		return report_misuse("--isa goes with --image; the kernel's choice is the "
				     "parameter isa of vexfs.ko");
	status = place->image ? store_image_open(out, place, path, mode) :
		 store_kernel_open(out, path, mode);
	if (status || (*out)->made || mode == STORE_CAPS)
		return status;
	status = refresh(*out);
	if (status) {
		store_close(*out);
		*out = NULL;
	}
	return status;
}

int store_create(struct store *s, const struct vexfs_create *want)
{
	struct vexfs_create c = *want;
	int err = store_call(s, VEXFS_IOC_CREATE, &c);
	int status = err ? store_explain(s, "create", err) : refresh(s);

	if (status)
		store_remove(s);
	return status;
}

int store_sync(struct store *s)
{
	int err = s->ops->sync(s);

	return err ? store_explain(s, "making it durable", err) : STATUS_OK;
}

void store_remove(struct store *s)
{
	int err = s->made ? s->ops->remove(s) : 0;

	if (err)
		report_warn("%s: could not be removed again: %s", s->path, strerror(-err));
	s->made = false;
}

int store_close(struct store *s)
{
	/* The store is gone after its close; what a message needs is kept. */
	struct store kept;
	int err;

	if (!s)
		return STATUS_OK;
	kept = *s;
	err = s->ops->close(s);
	if (!err)
		return STATUS_OK;
	return report_fail("%s%s%s: closing: %s", kept.where ? kept.where : "",
			   kept.where ? ":" : "", kept.path, strerror(-err));
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A collection and the names beside it, wherever they are: on a mounted VexFS,
 * by ioctl, or in an unmounted image, through the core in this process. The
 * operations are those of <linux/vexfs.h>, with its structures and its errors.
 */
#ifndef VEXFS_CMD_STORE_H
#define VEXFS_CMD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/vexfs.h>

/* What the user wants of the collection. */
enum store_mode {
	STORE_READ,
	STORE_WRITE,
	STORE_CREATE,		/* the file must not exist yet */
	STORE_ENSURE,		/* write, or create when there is no such file */
	STORE_CAPS,		/* any file or folder: only VEXFS_IOC_CAPS works */
};

struct store;

/**
 * struct store_ops - one place where collections are
 * @call: do operation VEXFS_IOC_* with its structure
 * @names_size: bytes of the names file, -ENOENT when there is none, -EPERM when it
 *	is a collection itself
 * @names_read: read @len bytes of it; 0 in *@done at the end
 * @names_write: write at @pos, making the file when there is none; also for 0 bytes
 * @sync: make all that was done durable
 * @remove: remove the file, which this command made
 * @damage: text about a damaged block found, or false
 * @close: end; a result other than 0 is an error of an earlier change
 *
 * All return 0 or a negative errno.
 */
struct store_ops {
	int (*call)(struct store *s, unsigned int op, void *arg);
	int (*names_size)(struct store *s, uint64_t *size);
	int (*names_read)(struct store *s, uint64_t pos, void *buf, size_t len, size_t *done);
	int (*names_write)(struct store *s, uint64_t pos, const void *buf, size_t len);
	int (*sync)(struct store *s);
	int (*remove)(struct store *s);
	bool (*damage)(struct store *s, char *buf, size_t len);
	int (*close)(struct store *s);
};

/**
 * struct store - an open collection
 * @ops: where it is
 * @path: as the user named the file
 * @where: the image, or NULL
 * @made: this command made the file
 * @stat: what it is and holds, as of store_open() or store_create()
 */
struct store {
	const struct store_ops *ops;
	const char *path;
	const char *where;
	bool made;
	struct vexfs_stat stat;
};

/**
 * struct store_place - where to look for collections
 * @image: an unmounted image or device, or NULL: mounted files
 * @isa: VEXFS_ISA_* to compute with, or -1; only with @image
 */
struct store_place {
	const char *image;
	int isa;
};

/*
 * Open @path; returns a status after printing what is wrong. Unless it was
 * made (then store_create() comes next) or opened by STORE_CAPS, it is a collection
 * and stat is filled.
 */
int store_open(struct store **out, const struct store_place *place, const char *path,
	       enum store_mode mode);
/* Turn a new file into a collection; on failure the file is removed. Returns a status. */
int store_create(struct store *s, const struct vexfs_create *want);
/* Do an operation: 0 or a negative errno; the size of the structure is set here. */
int store_call(struct store *s, unsigned int op, void *arg);
/* Append rows as the collection has them, see rows.h. 0 or a negative errno; store_explain() has words for it. */
int store_insert(struct store *s, const void *rows, uint32_t count, uint64_t *first_id,
		 uint64_t *bad_row);
/* The same with @count records of metadata, @meta_len bytes; none when that is 0. */
int store_insert_meta(struct store *s, const void *rows, uint32_t count, const void *meta,
		      uint64_t meta_len, uint64_t *first_id, uint64_t *bad_row);
/* Print why @what failed, with the remedy. Returns STATUS_FAILED. */
int store_explain(struct store *s, const char *what, int err);
/* The same for an open that failed. */
int store_explain_open(struct store *s, enum store_mode mode, int err);
/* Make durable; returns a status, after a message. */
int store_sync(struct store *s);
/* Remove a file that this command made. */
void store_remove(struct store *s);
/* Close; returns a status, after a message. NULL is allowed. */
int store_close(struct store *s);

/* The two places. 0 or a negative errno, with a message printed. */
int store_kernel_open(struct store **out, const char *path, enum store_mode mode);
int store_image_open(struct store **out, const struct store_place *place, const char *path,
		     enum store_mode mode);

/* Names of the enumerations of <linux/vexfs.h>; "?" when unknown. */
const char *store_elem_name(uint32_t elem);
const char *store_metric_name(uint32_t metric);
const char *store_index_name(uint32_t index);
const char *store_code_name(uint32_t code);
const char *store_isa_name(uint32_t isa);
/* The values of the names, or -1. */
int store_elem_value(const char *name);
int store_metric_value(const char *name);
int store_index_value(const char *name);
int store_code_value(const char *name);
int store_isa_value(const char *name);

#endif /* VEXFS_CMD_STORE_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* A filesystem on a memory device, for the tests of the core. */
#ifndef VEX_TEST_CORE_H
#define VEX_TEST_CORE_H

#include <vex_io.h>

#include "test.h"

/**
 * struct core - a filesystem under test
 * @m: its device
 * @io: the same as the core sees it
 * @fs: the filesystem, NULL while it is closed
 * @cache: bound of its cache; 0: the core's choice
 * @pages: what core_host_write() wrote
 * @page_count: of them
 */
struct core {
	struct vex_io_mem *m;
	struct vex_io io;
	struct vex_fs *fs;
	size_t cache;
	u8 **pages;
	size_t page_count;
};

/* cmocka's set-up and tear-down for each test: no allocation of the core outlives it. */
int core_count_begin(void **state);
int core_count_end(void **state);
#define core_test(f) cmocka_unit_test_setup_teardown(f, core_count_begin, core_count_end)

/* A new filesystem of @blocks on a device of as many, open. */
void core_make(struct core *c, u64 blocks, u64 seed);
/* Open what is on @m, which becomes the fixture's. */
int core_adopt(struct core *c, struct vex_io_mem *m, bool read_only);
/* Close and open again. */
void core_reopen(struct core *c);
void core_close(struct core *c);
/* Close, see that the image is sound, drop everything. */
void core_end(struct core *c);
/* The same without a look at the image. */
void core_drop(struct core *c);

struct vex_name core_name(const char *str);
/* Each fails the test on an error. @dir is an inode. */
u64 core_create(struct core *c, u64 dir, const char *name);
u64 core_mkdir(struct core *c, u64 dir, const char *name);
void core_write(struct core *c, u64 ino, u64 pos, const void *buf, size_t len);
/* @len bytes must be there. */
void core_read(struct core *c, u64 ino, u64 pos, void *buf, size_t len);
void core_commit(struct core *c);
/* Remove a file and all that it holds. */
void core_unlink(struct core *c, u64 dir, const char *name);
u64 core_free_blocks(struct core *c);

/* -ENOENT or the type as DT_* of "a/b/c", below the root; @ino and @parent may be NULL. */
int core_resolve(struct vex_fs *fs, const char *path, u64 *ino, u64 *parent,
		 struct vex_name *last);

/**
 * core_digest() - a number for all that can be read of a filesystem
 * @fs: filesystem
 * @digest: receives it; names, attributes, contents, collections
 *
 * Return: 0, or the first error of reading.
 */
int core_digest(struct vex_fs *fs, u64 *digest);

/* ---- a host with a page cache, as the kernel is one ------------------------------- */

/* Open as such a host; its files are written by core_host_write() only. */
void core_adopt_host(struct core *c);
/* Write pages back: reserve, map, write without waiting. */
void core_host_write(struct core *c, u64 ino, u64 fblock, u32 count, const u8 *data);
/* How often the core announced data. */
extern u32 core_announced;

/* ---- image.c ------------------------------------------------------------------- */

/**
 * struct image_facts - what a sound image holds
 * @generation: of its newest superblock
 * @inodes: with orphans
 * @orphans: inodes with work left
 * @free: blocks
 * @data: blocks
 */
struct image_facts {
	u64 generation;
	u64 inodes;
	u64 orphans;
	u64 free;
	u64 data;
};

/**
 * image_check() - verify every rule of the format, independently of the core
 * @m: the device
 * @facts: filled when the image is sound; may be NULL
 *
 * Return: NULL, or what is wrong; valid until the next call.
 */
const char *image_check(const struct vex_io_mem *m, struct image_facts *facts);

/* ---- script.c ------------------------------------------------------------------- */

enum step_what {
	STEP_MKDIR, STEP_CREATE, STEP_WRITE, STEP_TRUNCATE, STEP_REMOVE, STEP_RENAME,
	STEP_SETATTR, STEP_COLL, STEP_INSERT, STEP_DELETE, STEP_COMMIT, STEP_KINDS
};

/**
 * struct step - one call of a script
 * @what: which
 * @path: of what
 * @to: new path of a rename
 * @a: position, size, dimension or first id
 * @b: length, metric or count
 * @seed: of the content
 */
struct step {
	enum step_what what;
	char path[24];
	char to[24];
	u64 a;
	u64 b;
	u64 seed;
};

/* Do it; the first error. */
int step_run(struct vex_fs *fs, const struct step *s);
/* As text, in a buffer that the next call reuses. */
const char *step_text(const struct step *s);
/* A step that makes sense more often than not, over a dozen names. */
void step_random(struct step *s, u64 *rnd);
/* Errors that a random step earns by asking for what is not there. */
bool step_error_expected(int err);

/* A script that uses every kind of step and ends committed. */
extern const struct step script[];
extern const u32 script_len;

#endif /* VEX_TEST_CORE_H */

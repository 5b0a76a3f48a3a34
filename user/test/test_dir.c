// SPDX-License-Identifier: GPL-2.0-only
/* Directories: names, links, renames, reading while entries come and go, many entries. */
#include "core.h"

#define ROOT	VEXFS_ROOT_INO

static int make(struct core *c, u64 dir, const char *str, u32 len, u32 mode)
{
	struct vex_inode node = { .mode = mode };
	struct vex_name name = { .str = str, .len = len };

	return vex_dir_create(c->fs, dir, &name, &node);
}

static int lookup(struct core *c, u64 dir, const char *str, u64 *ino)
{
	struct vex_name name = core_name(str);
	u64 unused;
	u8 type;

	return vex_dir_lookup(c->fs, dir, &name, ino ? ino : &unused, &type);
}

static int remove_name(struct core *c, u64 dir, const char *str, bool rmdir)
{
	struct vex_name name = core_name(str);

	return vex_dir_remove(c->fs, dir, &name, rmdir);
}

static int move(struct core *c, u64 from, const char *a, u64 to, const char *b, u32 flags)
{
	struct vex_name old_name = core_name(a), new_name = core_name(b);
	u64 replaced = 99;
	int err = vex_dir_rename(c->fs, from, &old_name, to, &new_name, flags, &replaced);

	if (!err && replaced)
		assert_int_equal(vex_inode_evict(c->fs, replaced), 0);
	return err;
}

static u32 links(struct core *c, u64 ino)
{
	struct vex_inode inode;

	assert_int_equal(vex_inode_get(c->fs, ino, &inode), 0);
	return inode.nlink;
}

static void names_are_found_and_gone(void **state)
{
	struct vex_inode inode;
	struct core c;
	u64 a, ino;

	core_make(&c, 1024, 1);
	a = core_create(&c, ROOT, "a");
	assert_int_equal(lookup(&c, ROOT, "a", &ino), 0);
	assert_int_equal(ino, a);
	assert_int_equal(vex_inode_get(c.fs, a, &inode), 0);
	assert_int_equal(inode.mode, S_IFREG | 0644);
	assert_int_equal(inode.uid, 1000);
	assert_int_equal(inode.gid, 100);
	assert_int_equal(inode.nlink, 1);
	assert_int_equal(inode.size, 0);
	assert_int_equal(lookup(&c, ROOT, "b", NULL), -ENOENT);
	assert_int_equal(lookup(&c, ROOT, "A", NULL), -ENOENT);
	assert_int_equal(make(&c, ROOT, "a", 1, S_IFREG), -EEXIST);
	assert_int_equal(make(&c, ROOT, "a", 1, S_IFDIR), -EEXIST);
	core_reopen(&c);
	assert_int_equal(lookup(&c, ROOT, "a", &ino), 0);
	assert_int_equal(ino, a);
	assert_int_equal(remove_name(&c, ROOT, "a", false), 0);
	assert_int_equal(lookup(&c, ROOT, "a", NULL), -ENOENT);
	/* Without a name it lives on until it is evicted. */
	assert_int_equal(links(&c, a), 0);
	assert_int_equal(vex_inode_evict(c.fs, a), 0);
	assert_int_equal(vex_inode_get(c.fs, a, &inode), -ENOENT);
	assert_int_equal(remove_name(&c, ROOT, "a", false), -ENOENT);
	core_end(&c);
}

static void names_of_every_length_and_byte(void **state)
{
	char name[VEXFS_NAME_MAX + 2];
	struct core c;

	core_make(&c, 1024, 1);
	for (u32 len = 1; len <= VEXFS_NAME_MAX; len += 2) {
		for (u32 i = 0; i < len; i++)
			name[i] = 1 + (i * 7 + len) % 255;
		/* The one byte that the host keeps from coming here. */
		for (char *slash = name; (slash = memchr(slash, '/', name + len - slash));)
			*slash = '|';
		assert_int_equal(make(&c, ROOT, name, len, S_IFREG), 0);
		assert_int_equal(make(&c, ROOT, name, len, S_IFREG), -EEXIST);
	}
	memset(name, 'n', sizeof(name));
	assert_int_equal(make(&c, ROOT, name, VEXFS_NAME_MAX + 1, S_IFREG), -ENAMETOOLONG);
	assert_int_not_equal(make(&c, ROOT, name, 0, S_IFREG), 0);
	assert_int_equal(make(&c, ROOT, "link", 4, S_IFLNK), -EINVAL);
	core_end(&c);
}

static void directories_count_their_subdirectories(void **state)
{
	struct core c;
	u64 d, e;

	core_make(&c, 1024, 1);
	d = core_mkdir(&c, ROOT, "d");
	assert_int_equal(links(&c, ROOT), 3);
	e = core_mkdir(&c, d, "e");
	core_create(&c, d, "file");
	assert_int_equal(links(&c, d), 3);
	assert_int_equal(links(&c, e), 2);
	assert_int_equal(remove_name(&c, ROOT, "d", true), -ENOTEMPTY);
	assert_int_equal(remove_name(&c, ROOT, "d", false), -EISDIR);
	assert_int_equal(remove_name(&c, d, "file", true), -ENOTDIR);
	core_unlink(&c, d, "e");
	assert_int_equal(links(&c, d), 2);
	core_unlink(&c, d, "file");
	core_unlink(&c, ROOT, "d");
	assert_int_equal(links(&c, ROOT), 2);
	core_end(&c);
}

static void a_file_is_no_directory(void **state)
{
	struct vex_inode node = { .mode = S_IFREG };
	struct core c;
	u64 f, d;

	core_make(&c, 1024, 1);
	f = core_create(&c, ROOT, "f");
	d = core_mkdir(&c, ROOT, "d");
	assert_int_equal(lookup(&c, f, "x", NULL), -ENOTDIR);
	assert_int_equal(make(&c, f, "x", 1, S_IFREG), -ENOTDIR);
	assert_int_equal(remove_name(&c, f, "x", false), -ENOTDIR);
	assert_int_equal(move(&c, ROOT, "d", f, "x", 0), -ENOTDIR);
	assert_int_equal(lookup(&c, 12345, "x", NULL), -ENOENT);
	assert_int_equal(make(&c, 12345, "x", 1, S_IFREG), -ENOENT);
	/* A directory that was removed takes no more names. */
	assert_int_equal(remove_name(&c, ROOT, "d", true), 0);
	assert_int_equal(make(&c, d, "x", 1, S_IFREG), -ENOENT);
	assert_int_equal(vex_inode_evict(c.fs, d), 0);
	assert_int_equal(vex_inode_get(c.fs, d, &node), -ENOENT);
	core_end(&c);
}

static void rename_moves_and_replaces(void **state)
{
	struct vex_inode inode;
	u64 a, b, d, e, ino;
	struct core c;

	core_make(&c, 1024, 1);
	a = core_create(&c, ROOT, "a");
	core_write(&c, a, 0, "a", 1);
	b = core_create(&c, ROOT, "b");
	core_write(&c, b, 0, "bb", 2);
	d = core_mkdir(&c, ROOT, "d");
	e = core_mkdir(&c, ROOT, "e");
	core_create(&c, e, "in e");

	assert_int_equal(move(&c, ROOT, "missing", ROOT, "x", 0), -ENOENT);
	assert_int_equal(move(&c, ROOT, "a", ROOT, "b", VEX_RENAME_NOREPLACE), -EEXIST);
	assert_int_equal(move(&c, ROOT, "a", ROOT, "b", 0x40), -EINVAL);
	assert_int_equal(move(&c, ROOT, "a", ROOT, "d", 0), -EISDIR);
	assert_int_equal(move(&c, ROOT, "d", ROOT, "a", 0), -ENOTDIR);
	assert_int_equal(move(&c, ROOT, "d", ROOT, "e", 0), -ENOTEMPTY);
	assert_int_equal(move(&c, ROOT, "a", ROOT, "a", 0), 0);

	assert_int_equal(move(&c, ROOT, "a", ROOT, "b", 0), 0);
	assert_int_equal(lookup(&c, ROOT, "a", NULL), -ENOENT);
	assert_int_equal(lookup(&c, ROOT, "b", &ino), 0);
	assert_int_equal(ino, a);
	assert_int_equal(vex_inode_get(c.fs, b, &inode), -ENOENT);

	assert_int_equal(move(&c, ROOT, "e", d, "sub", VEX_RENAME_NOREPLACE), 0);
	assert_int_equal(vex_inode_get(c.fs, e, &inode), 0);
	assert_int_equal(inode.parent, d);
	assert_int_equal(links(&c, d), 3);
	assert_int_equal(links(&c, ROOT), 3);
	assert_int_equal(lookup(&c, e, "in e", NULL), 0);

	core_mkdir(&c, ROOT, "empty");
	assert_int_equal(move(&c, d, "sub", ROOT, "empty", 0), 0);
	assert_int_equal(links(&c, d), 2);
	assert_int_equal(links(&c, ROOT), 4);
	core_reopen(&c);
	assert_int_equal(lookup(&c, ROOT, "empty", &ino), 0);
	assert_int_equal(ino, e);
	core_end(&c);
}

/* ---- reading ------------------------------------------------------------------------ */

/* Read on from *@pos; calls @see for each entry; returns whether there was one. */
static bool read_some(struct core *c, u64 dir, u64 *pos, size_t len,
		      void (*see)(const struct vex_dirent *d, void *arg), void *arg)
{
	u8 *buf = malloc(len);
	size_t used, at;

	assert_int_equal(vex_dir_read(c->fs, dir, *pos, buf, len, &used), 0);
	assert_true(used <= len);
	for (at = 0; at < used;) {
		const struct vex_dirent *d = (void *)(buf + at);

		assert_true(d->pos >= *pos);
		assert_true(d->pos <= S64_MAX);
		*pos = d->pos + 1;
		see(d, arg);
		at += VEX_DIRENT_SIZE(d->len);
	}
	assert_int_equal(at, used);
	free(buf);
	return used;
}

enum { MANY = 20000 };

static u8 seen[2 * MANY];

static void see_number(const struct vex_dirent *d, void *arg)
{
	char text[256];
	u32 n;

	memcpy(text, d->name, d->len);
	text[d->len] = 0;
	n = strtoul(text, NULL, 16);
	assert_true(n < ARRAY_SIZE(seen));
	assert_int_equal(d->type, DT_REG);
	assert_int_equal(seen[n], 0);
	seen[n] = 1;
}

static const char *number_name(u32 n)
{
	static char name[VEXFS_NAME_MAX + 1];
	u64 rnd = n;
	int len = snprintf(name, sizeof(name), "%x", n);
	u32 more = test_below(&rnd, test_below(&rnd, 10) ? 30 : 240);

	/* A tail that strtoul() ends at, of any length. */
	name[len] = 'x';
	for (u32 i = 1; i < more; i++)
		name[len + i] = 'a' + test_below(&rnd, 26);
	name[len + max(more, 1u)] = 0;
	return name;
}

static void many_entries_come_and_go(void **state)
{
	struct core c;
	u64 before, pos = 0, rnd = 3;

	core_make(&c, 16384, 1);
	core_commit(&c);
	before = core_free_blocks(&c);
	for (u32 n = 0; n < MANY; n++)
		core_create(&c, ROOT, number_name(n));
	core_reopen(&c);
	for (u32 n = 0; n < MANY; n++)
		assert_int_equal(lookup(&c, ROOT, number_name(n), NULL), 0);
	memset(seen, 0, sizeof(seen));
	while (read_some(&c, ROOT, &pos, VEX_DIRENT_SIZE(255) + test_below(&rnd, 3000), see_number,
			 NULL))
		;
	assert_null(memchr_inv(seen, 1, MANY));
	assert_null(memchr_inv(seen + MANY, 0, MANY));

	core_commit(&c);
	assert_null(image_check(c.m, NULL));
	for (u32 n = 0; n < MANY; n++)
		core_unlink(&c, ROOT, number_name(n ^ 1));
	core_commit(&c);
	core_commit(&c);
	assert_int_equal(core_free_blocks(&c), before);
	core_end(&c);
}

/*
 * Names 0 to 999 stay. Others are made and removed between the reads; none
 * of those that stay is missed or seen twice, nor any other seen twice in one place.
 */
static void positions_hold_while_entries_come_and_go(void **state)
{
	enum { STAY = 1000 };
	struct core c;
	u64 rnd = 5;

	core_make(&c, 4096, 1);
	for (u32 n = 0; n < STAY; n++)
		core_create(&c, ROOT, number_name(n));
	for (u32 round = 0; round < 20; round++) {
		u64 pos = 0;
		u32 next = STAY, oldest = STAY;

		memset(seen, 0, sizeof(seen));
		while (read_some(&c, ROOT, &pos, VEX_DIRENT_SIZE(255) + test_below(&rnd, 900),
				 see_number, NULL)) {
			for (u32 i = test_below(&rnd, 20); i; i--)
				core_create(&c, ROOT, number_name(next++));
			for (u32 i = test_below(&rnd, 20); i && oldest < next; i--)
				core_unlink(&c, ROOT, number_name(oldest++));
			if (!test_below(&rnd, 40))
				core_reopen(&c);
		}
		assert_null(memchr_inv(seen, 1, STAY));
		for (; oldest < next; oldest++)
			core_unlink(&c, ROOT, number_name(oldest));
	}
	core_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(names_are_found_and_gone),
		core_test(names_of_every_length_and_byte),
		core_test(directories_count_their_subdirectories),
		core_test(a_file_is_no_directory),
		core_test(rename_moves_and_replaces),
		core_test(many_entries_come_and_go),
		core_test(positions_hold_while_entries_come_and_go),
	};

	vex_core_init();
	return cmocka_run_group_tests_name("dir", tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Links, symbolic links, special files, files without names, names that change places. */
#include <vex_check.h>
#include <vex_fs.h>

#include "core.h"

#define ROOT	VEXFS_ROOT_INO

/* A device's number as an inode item has it. */
#define RDEV(major, minor) (((minor) & 0xffu) | (major) << 8 | ((minor) & 0xfff00u) << 12)

static struct core c;

/* What a crash right after the next commit would show obeys every rule. */
static void sound(void)
{
	const char *wrong;

	core_commit(&c);
	assert_int_equal(vex_check(c.fs, stderr), 0);
	wrong = image_check(c.m, NULL);
	if (wrong)
		fail_msg("the image is not sound: %s", wrong);
}

static int link_to(u64 ino, u64 dir, const char *str)
{
	struct vex_name name = core_name(str);

	return vex_dir_link(c.fs, dir, &name, ino);
}

static int unlink_only(u64 dir, const char *str)
{
	struct vex_name name = core_name(str);

	return vex_dir_remove(c.fs, dir, &name, false);
}

static u64 lookup(u64 dir, const char *str, u8 *type)
{
	struct vex_name name = core_name(str);
	u64 ino;
	u8 unused;

	return vex_dir_lookup(c.fs, dir, &name, &ino, type ? type : &unused) ? 0 : ino;
}

static int move(u64 from, const char *a, u64 to, const char *b, u32 flags, u64 *replaced)
{
	struct vex_name old_name = core_name(a), new_name = core_name(b);
	u64 unused;

	return vex_dir_rename(c.fs, from, &old_name, to, &new_name, flags,
			      replaced ? replaced : &unused);
}

static struct vex_inode inode_of(u64 ino)
{
	struct vex_inode inode;

	assert_int_equal(vex_inode_get(c.fs, ino, &inode), 0);
	return inode;
}

static u32 links(u64 ino)
{
	return inode_of(ino).nlink;
}

static u64 inodes(void)
{
	struct vex_statfs st;

	vex_fs_statfs(c.fs, &st);
	return st.inodes;
}

/* ---- hard links ------------------------------------------------------------------- */

static void links_that_cannot_be_are_refused(void **state)
{
	char long_name[VEXFS_NAME_MAX + 2];
	u64 d, f, gone;

	core_make(&c, 1024, 1);
	d = core_mkdir(&c, ROOT, "d");
	f = core_create(&c, ROOT, "f");
	gone = core_create(&c, ROOT, "gone");
	memset(long_name, 'n', sizeof(long_name));
	long_name[VEXFS_NAME_MAX + 1] = 0;

	assert_int_equal(link_to(d, ROOT, "x"), -EPERM);
	assert_int_equal(link_to(12345, ROOT, "x"), -ENOENT);
	assert_int_equal(link_to(f, ROOT, "f"), -EEXIST);
	assert_int_equal(link_to(f, ROOT, "d"), -EEXIST);
	assert_int_equal(link_to(f, f, "x"), -ENOTDIR);
	assert_int_equal(link_to(f, 12345, "x"), -ENOENT);
	assert_int_equal(link_to(f, ROOT, long_name), -ENAMETOOLONG);
	assert_int_equal(links(f), 1);

	/* Who lost the last name does not come back, freed or not. */
	assert_int_equal(unlink_only(ROOT, "gone"), 0);
	assert_int_equal(link_to(gone, ROOT, "x"), -ENOENT);
	assert_int_equal(vex_inode_evict(c.fs, gone), 0);
	assert_int_equal(link_to(gone, ROOT, "x"), -ENOENT);
	core_end(&c);
}

static void names_of_one_file_are_equal(void **state)
{
	u64 d, f, before, count;
	char buf[5];
	u8 type;

	core_make(&c, 1024, 1);
	d = core_mkdir(&c, ROOT, "d");
	core_commit(&c);
	core_commit(&c);
	before = core_free_blocks(&c);
	count = inodes();
	f = core_create(&c, ROOT, "f");
	core_write(&c, f, 0, "hello", 5);
	assert_int_equal(link_to(f, d, "g"), 0);
	assert_int_equal(link_to(f, ROOT, "h"), 0);
	assert_int_equal(links(f), 3);
	assert_int_equal(links(d), 2);
	sound();
	core_reopen(&c);
	assert_int_equal(lookup(d, "g", &type), f);
	assert_int_equal(type, DT_REG);

	assert_int_equal(unlink_only(ROOT, "f"), 0);
	assert_int_equal(vex_inode_evict(c.fs, f), -EINVAL);
	assert_int_equal(unlink_only(ROOT, "h"), 0);
	assert_int_equal(links(f), 1);
	sound();
	core_reopen(&c);
	core_read(&c, f, 0, buf, 5);
	assert_memory_equal(buf, "hello", 5);
	core_unlink(&c, d, "g");
	sound();
	core_commit(&c);
	assert_int_equal(core_free_blocks(&c), before);
	assert_int_equal(inodes(), count);
	core_end(&c);
}

static void a_file_has_so_many_names_and_not_one_more(void **state)
{
	char name[16];
	u64 f;

	core_make(&c, 16384, 1);
	f = core_create(&c, ROOT, "0");
	for (u32 n = 1; n < VEXFS_LINK_MAX; n++) {
		snprintf(name, sizeof(name), "%u", n);
		assert_int_equal(link_to(f, ROOT, name), 0);
	}
	assert_int_equal(links(f), VEXFS_LINK_MAX);
	assert_int_equal(link_to(f, ROOT, "more"), -EMLINK);
	sound();
	assert_int_equal(unlink_only(ROOT, "77"), 0);
	assert_int_equal(link_to(f, ROOT, "more"), 0);
	assert_int_equal(link_to(f, ROOT, "77"), -EMLINK);
	core_end(&c);
}

/* ---- symbolic links ------------------------------------------------------------------ */

static int symlink_to(u64 dir, const char *str, const char *target, size_t len, u64 *ino)
{
	struct vex_inode node = { .mode = 0x4321, .uid = 3, .gid = 4, .rdev = 5 };
	struct vex_name name = core_name(str);
	int err = vex_dir_symlink(c.fs, dir, &name, target, len, &node);

	if (!err && ino)
		*ino = node.ino;
	return err;
}

static void targets_that_cannot_be_are_refused(void **state)
{
	char target[VEXFS_SYMLINK_MAX + 1];
	size_t done = 1;
	u64 f;

	core_make(&c, 1024, 1);
	f = core_create(&c, ROOT, "f");
	memset(target, 't', sizeof(target));
	assert_int_equal(symlink_to(ROOT, "s", target, 0, NULL), -ENOENT);
	assert_int_equal(symlink_to(ROOT, "s", target, sizeof(target), NULL), -ENAMETOOLONG);
	assert_int_equal(symlink_to(ROOT, "s", "a\0b", 3, NULL), -EINVAL);
	assert_int_equal(symlink_to(ROOT, "f", target, 3, NULL), -EEXIST);
	assert_int_equal(symlink_to(f, "s", target, 3, NULL), -ENOTDIR);
	assert_int_equal(vex_symlink_read(c.fs, f, target, 10, &done), -EINVAL);
	assert_int_equal(done, 0);
	assert_int_equal(vex_symlink_read(c.fs, ROOT, target, 10, &done), -EINVAL);
	assert_int_equal(vex_symlink_read(c.fs, 12345, target, 10, &done), -ENOENT);
	core_end(&c);
}

static void targets_of_every_length_are_kept(void **state)
{
	static const u32 lens[] = { 1, 7, 8, 255, 1023, 1024, 1025, 2047, 2048, 2049, 3072, 4094,
				    VEXFS_SYMLINK_MAX };
	char target[VEXFS_SYMLINK_MAX], got[VEXFS_SYMLINK_MAX + 9], name[16];
	struct vex_inode inode;
	u64 before, ino;
	size_t done;
	u8 type;

	for (u32 i = 0; i < sizeof(target); i++)
		target[i] = 1 + i % 255;
	core_make(&c, 1024, 1);
	core_commit(&c);
	before = core_free_blocks(&c);
	for (u32 i = 0; i < ARRAY_SIZE(lens); i++) {
		snprintf(name, sizeof(name), "%u", lens[i]);
		assert_int_equal(symlink_to(ROOT, name, target, lens[i], NULL), 0);
	}
	sound();
	core_reopen(&c);
	for (u32 i = 0; i < ARRAY_SIZE(lens); i++) {
		snprintf(name, sizeof(name), "%u", lens[i]);
		ino = lookup(ROOT, name, &type);
		assert_int_equal(type, DT_LNK);
		inode = inode_of(ino);
		assert_int_equal(inode.mode, S_IFLNK | 0777);
		assert_int_equal(inode.size, lens[i]);
		assert_int_equal(inode.uid, 3);
		assert_int_equal(inode.rdev, 0);
		assert_int_equal(vex_symlink_read(c.fs, ino, got, sizeof(got), &done), 0);
		assert_int_equal(done, lens[i]);
		assert_memory_equal(got, target, done);
		got[lens[i] - 1] = 'X';
		assert_int_equal(vex_symlink_read(c.fs, ino, got, lens[i] - 1, &done), 0);
		assert_int_equal(done, lens[i] - 1);
		assert_int_equal(got[lens[i] - 1], 'X');
		assert_memory_equal(got, target, done);
		/* It holds no data and its size stands. */
		assert_int_equal(vex_file_truncate(c.fs, ino, 0), -EISDIR);
		core_unlink(&c, ROOT, name);
	}
	sound();
	core_commit(&c);
	assert_int_equal(core_free_blocks(&c), before);
	core_end(&c);
}

/* ---- special files -------------------------------------------------------------------- */

static void special_files_keep_type_and_number(void **state)
{
	static const struct {
		const char *name;
		u32 mode;
		u8 type;
		u32 rdev;
	} kinds[] = {
		{ "fifo", S_IFIFO | 0600, DT_FIFO, 0 },
		{ "socket", S_IFSOCK | 0777, DT_SOCK, 0 },
		{ "null", S_IFCHR | 0666, DT_CHR, RDEV(1, 3) },
		{ "large", S_IFBLK | 0660, DT_BLK, RDEV(4095, 0xfffff) },
	};
	struct vex_inode inode;
	struct vex_name name;
	u64 ino;
	u8 type;

	core_make(&c, 1024, 1);
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		inode = (struct vex_inode){ .mode = kinds[i].mode, .rdev = kinds[i].rdev };
		name = core_name(kinds[i].name);
		assert_int_equal(vex_dir_create(c.fs, ROOT, &name, &inode), 0);
		assert_int_equal(inode.rdev, kinds[i].rdev);
	}
	sound();
	core_reopen(&c);
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		ino = lookup(ROOT, kinds[i].name, &type);
		assert_int_equal(type, kinds[i].type);
		inode = inode_of(ino);
		assert_int_equal(inode.mode, kinds[i].mode);
		assert_int_equal(inode.rdev, kinds[i].rdev);
		assert_int_equal(inode.parent, 0);
		assert_int_equal(inode.nlink, 1);
		assert_int_equal(vex_file_truncate(c.fs, ino, 1), -EISDIR);
		assert_int_equal(vex_file_write(c.fs, ino, 0, "x", 1), -EISDIR);
		assert_int_equal(link_to(ino, ROOT, "another"), 0);
		assert_int_equal(unlink_only(ROOT, kinds[i].name), 0);
		core_unlink(&c, ROOT, "another");
	}
	core_end(&c);
}

static void unknown_types_are_refused(void **state)
{
	static const u32 modes[] = { 0, 0644, S_IFLNK | 0777, S_IFMT, 0170644 & ~S_IFREG };
	struct vex_name name = core_name("x");

	core_make(&c, 1024, 1);
	for (u32 i = 0; i < ARRAY_SIZE(modes); i++) {
		struct vex_inode node = { .mode = modes[i] };

		assert_int_equal(vex_dir_create(c.fs, ROOT, &name, &node), -EINVAL);
		node.mode = modes[i];
		assert_int_equal(vex_inode_create(c.fs, &node), -EINVAL);
	}
	assert_int_equal(lookup(ROOT, "x", NULL), 0);
	core_end(&c);
}

/* ---- files without names -------------------------------------------------------------- */

static u64 nameless(void)
{
	struct vex_inode node = { .mode = S_IFREG | 0600, .uid = 1, .gid = 2 };

	assert_int_equal(vex_inode_create(c.fs, &node), 0);
	assert_int_equal(node.nlink, 0);
	return node.ino;
}

static void a_file_without_a_name_ends_with_a_crash(void **state)
{
	struct vex_inode node = { .mode = S_IFDIR | 0700 };
	u64 ino, before, count;

	core_make(&c, 1024, 1);
	assert_int_equal(vex_inode_create(c.fs, &node), -EINVAL);
	core_commit(&c);
	core_commit(&c);
	before = core_free_blocks(&c);
	count = inodes();
	ino = nameless();
	core_write(&c, ino, 0, "data", 4);
	sound();
	assert_int_equal(inodes(), count + 1);
	/* What the next open finds is what a crash would have left. */
	core_reopen(&c);
	assert_int_equal(vex_inode_get(c.fs, ino, &node), -ENOENT);
	assert_int_equal(inodes(), count);
	core_commit(&c);
	core_commit(&c);
	assert_int_equal(core_free_blocks(&c), before);

	ino = nameless();
	core_write(&c, ino, 0, "data", 4);
	assert_int_equal(vex_inode_evict(c.fs, ino), 0);
	sound();
	assert_int_equal(inodes(), count);
	core_end(&c);
}

static void a_file_without_a_name_gets_one_once(void **state)
{
	char buf[4];
	u64 ino;

	core_make(&c, 1024, 1);
	ino = nameless();
	core_write(&c, ino, 0, "data", 4);
	assert_int_equal(link_to(ino, ROOT, "now"), 0);
	assert_int_equal(links(ino), 1);
	assert_int_equal(inode_of(ino).flags, 0);
	sound();
	core_reopen(&c);
	assert_int_equal(lookup(ROOT, "now", NULL), ino);
	core_read(&c, ino, 0, buf, 4);
	assert_memory_equal(buf, "data", 4);
	/* From here on it is a file as any other. */
	assert_int_equal(unlink_only(ROOT, "now"), 0);
	assert_int_equal(link_to(ino, ROOT, "again"), -ENOENT);
	sound();
	assert_int_equal(vex_inode_evict(c.fs, ino), 0);
	core_end(&c);
}

/* Its orphan item says that its inode is to be freed, and stays until that is done. */
static void truncation_leaves_a_file_without_names_an_orphan(void **state)
{
	u64 f, before, count;

	core_make(&c, 4096, 1);
	core_commit(&c);
	core_commit(&c);
	before = core_free_blocks(&c);
	count = inodes();
	f = core_create(&c, ROOT, "f");
	/* More extents than one step frees. */
	for (u64 i = 0; i < 3 * VEX_DROP_STEP; i++)
		core_write(&c, f, 2 * i * VEXFS_BLOCK_SIZE, "x", 1);
	core_commit(&c);
	assert_int_equal(unlink_only(ROOT, "f"), 0);
	assert_int_equal(vex_file_truncate(c.fs, f, 5), 0);
	sound();
	core_reopen(&c);
	assert_int_equal(inodes(), count);
	core_commit(&c);
	core_commit(&c);
	assert_int_equal(core_free_blocks(&c), before);
	core_end(&c);
}

/* ---- renames ----------------------------------------------------------------------------- */

static void exchanges_that_cannot_be_are_refused(void **state)
{
	u64 a;

	core_make(&c, 1024, 1);
	a = core_create(&c, ROOT, "a");
	assert_int_equal(move(ROOT, "a", ROOT, "b", VEX_RENAME_EXCHANGE, NULL), -ENOENT);
	assert_int_equal(move(ROOT, "b", ROOT, "a", VEX_RENAME_EXCHANGE, NULL), -ENOENT);
	assert_int_equal(move(ROOT, "a", a, "b", VEX_RENAME_EXCHANGE, NULL), -ENOTDIR);
	core_create(&c, ROOT, "b");
	assert_int_equal(move(ROOT, "a", ROOT, "b", VEX_RENAME_EXCHANGE | VEX_RENAME_NOREPLACE,
			      NULL), -EINVAL);
	assert_int_equal(move(ROOT, "a", ROOT, "b", 4, NULL), -EINVAL);
	assert_int_equal(lookup(ROOT, "a", NULL), a);
	core_end(&c);
}

static u64 make_kind(u64 dir, const char *str, u32 kind)
{
	u64 ino;

	if (!kind)
		return core_create(&c, dir, str);
	if (kind == 1) {
		ino = core_mkdir(&c, dir, str);
		core_create(&c, ino, "inside");
		return ino;
	}
	assert_int_equal(symlink_to(dir, str, "there", 5, &ino), 0);
	return ino;
}

static void exchange(u64 from, u64 to, u32 kind_a, u32 kind_b)
{
	u64 a = make_kind(from, "a", kind_a), b = make_kind(to, "b", kind_b), replaced = 1;
	u32 from_links = links(from), to_links = links(to);
	u8 type_a, type_b, type;

	assert_int_equal(lookup(from, "a", &type_a), a);
	assert_int_equal(lookup(to, "b", &type_b), b);
	assert_int_equal(move(from, "a", to, "b", VEX_RENAME_EXCHANGE, &replaced), 0);
	assert_int_equal(replaced, 0);
	sound();
	core_reopen(&c);
	assert_int_equal(lookup(from, "a", &type), b);
	assert_int_equal(type, type_b);
	assert_int_equal(lookup(to, "b", &type), a);
	assert_int_equal(type, type_a);
	if (from != to) {
		assert_int_equal(links(from), from_links - (kind_a == 1) + (kind_b == 1));
		assert_int_equal(links(to), to_links + (kind_a == 1) - (kind_b == 1));
	}
	assert_int_equal(inode_of(a).parent, kind_a == 1 ? to : 0);
	assert_int_equal(inode_of(b).parent, kind_b == 1 ? from : 0);
	/* And back. */
	assert_int_equal(move(to, "b", from, "a", VEX_RENAME_EXCHANGE, &replaced), 0);
	assert_int_equal(lookup(from, "a", NULL), a);
	assert_int_equal(links(from), from_links);
	assert_int_equal(links(to), to_links);
	sound();
	if (kind_a == 1)
		core_unlink(&c, a, "inside");
	if (kind_b == 1)
		core_unlink(&c, b, "inside");
	core_unlink(&c, from, "a");
	core_unlink(&c, to, "b");
}

static void any_two_names_change_places(void **state)
{
	u64 d, e;

	core_make(&c, 1024, 1);
	d = core_mkdir(&c, ROOT, "d");
	e = core_mkdir(&c, d, "e");
	for (u32 a = 0; a < 3; a++) {
		for (u32 b = 0; b < 3; b++) {
			exchange(d, d, a, b);
			exchange(d, e, a, b);
			exchange(e, ROOT, a, b);
		}
	}
	core_end(&c);
}

static void a_rename_between_names_of_one_file_does_nothing(void **state)
{
	u64 f, replaced = 1;

	core_make(&c, 1024, 1);
	f = core_create(&c, ROOT, "f");
	assert_int_equal(link_to(f, ROOT, "g"), 0);
	assert_int_equal(move(ROOT, "f", ROOT, "g", 0, &replaced), 0);
	assert_int_equal(replaced, 0);
	assert_int_equal(move(ROOT, "f", ROOT, "g", VEX_RENAME_EXCHANGE, &replaced), 0);
	assert_int_equal(move(ROOT, "f", ROOT, "g", VEX_RENAME_NOREPLACE, &replaced), -EEXIST);
	assert_int_equal(lookup(ROOT, "f", NULL), f);
	assert_int_equal(lookup(ROOT, "g", NULL), f);
	assert_int_equal(links(f), 2);
	core_end(&c);
}

static void a_replaced_file_keeps_its_other_names(void **state)
{
	u64 f, g, replaced = 0;

	core_make(&c, 1024, 1);
	f = core_create(&c, ROOT, "f");
	g = core_create(&c, ROOT, "g");
	assert_int_equal(link_to(g, ROOT, "h"), 0);
	assert_int_equal(move(ROOT, "f", ROOT, "g", 0, &replaced), 0);
	assert_int_equal(replaced, g);
	assert_int_equal(links(g), 1);
	assert_int_equal(lookup(ROOT, "h", NULL), g);
	assert_int_equal(lookup(ROOT, "g", NULL), f);
	sound();
	core_end(&c);
}

/* ---- times --------------------------------------------------------------------------------- */

static u64 ns(struct vex_time t)
{
	return t.sec * 1000000000ULL + t.nsec;
}

/* Did times of @ino move since the last call for it: 1 ctime, 2 mtime. */
static u32 moved(u64 ino, struct vex_inode *last)
{
	struct vex_inode now = inode_of(ino);
	u32 what = (ns(now.ctime) > ns(last->ctime)) | (ns(now.mtime) > ns(last->mtime)) << 1;

	assert_int_equal(ns(now.atime), ns(last->atime));
	*last = now;
	return what;
}

static void changes_move_the_right_times(void **state)
{
	struct vex_inode d, e, f, g;
	u64 a, b, file, other;

	core_make(&c, 1024, 1);
	a = core_mkdir(&c, ROOT, "d");
	b = core_mkdir(&c, ROOT, "e");
	file = core_create(&c, a, "f");
	other = core_create(&c, b, "g");
	d = inode_of(a);
	e = inode_of(b);
	f = inode_of(file);
	g = inode_of(other);
	assert_int_equal(link_to(file, b, "l"), 0);
	assert_int_equal(moved(file, &f) | moved(a, &d) << 4 | moved(b, &e) << 8, 0x301);
	assert_int_equal(move(a, "f", b, "g", VEX_RENAME_EXCHANGE, NULL), 0);
	assert_int_equal(moved(file, &f) | moved(a, &d) << 4 | moved(b, &e) << 8, 0x331);
	assert_int_equal(moved(other, &g), 1);
	assert_int_equal(move(b, "g", a, "f", 0, NULL), 0);
	assert_int_equal(moved(file, &f) | moved(a, &d) << 4 | moved(b, &e) << 8, 0x331);
	assert_int_equal(moved(other, &g), 1);
	assert_int_equal(vex_inode_evict(c.fs, other), 0);
	assert_int_equal(unlink_only(b, "l"), 0);
	assert_int_equal(moved(file, &f) | moved(a, &d) << 4 | moved(b, &e) << 8, 0x301);
	assert_int_equal(symlink_to(a, "s", "f", 1, NULL), 0);
	assert_int_equal(moved(file, &f) | moved(a, &d) << 4 | moved(b, &e) << 8, 0x030);
	core_mkdir(&c, b, "m");
	assert_int_equal(moved(b, &e), 3);
	core_unlink(&c, b, "m");
	assert_int_equal(moved(b, &e), 3);
	core_end(&c);
}

/* ---- many entries ----------------------------------------------------------------------------- */

enum { MANY = 100000 };

static u64 node_visits(void)
{
	struct vex_statfs st;

	vex_fs_statfs(c.fs, &st);
	return st.cache_hits + st.cache_misses;
}

/* A look-up goes once down the tree for the directory and once for the name, and no further. */
static void a_lookup_among_a_hundred_thousand_is_two_descents(void **state)
{
	u64 before, most = 0, f, levels;
	char name[16];

	core_make(&c, 16384, 1);
	f = core_create(&c, ROOT, "0");
	for (u32 n = 1; n < MANY; n++) {
		snprintf(name, sizeof(name), "%u", n);
		if (n % VEXFS_LINK_MAX == 0)
			f = core_create(&c, ROOT, name);
		else
			assert_int_equal(link_to(f, ROOT, name), 0);
	}
	core_reopen(&c);
	levels = c.fs->root_level + 1;
	assert_true(levels <= 4);
	for (u32 n = 0; n < MANY; n += 7) {
		snprintf(name, sizeof(name), "%u", n);
		before = node_visits();
		assert_true(lookup(ROOT, name, NULL));
		most = max(most, node_visits() - before);
		before = node_visits();
		name[0] = 'x';
		assert_false(lookup(ROOT, name, NULL));
		most = max(most, node_visits() - before);
	}
	/* A name may stand at the end of a leaf: then the next leaf is looked at, too. */
	assert_true(most <= 2 * levels + levels - 1);
	core_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(links_that_cannot_be_are_refused),
		core_test(names_of_one_file_are_equal),
		core_test(a_file_has_so_many_names_and_not_one_more),
		core_test(targets_that_cannot_be_are_refused),
		core_test(targets_of_every_length_are_kept),
		core_test(special_files_keep_type_and_number),
		core_test(unknown_types_are_refused),
		core_test(a_file_without_a_name_ends_with_a_crash),
		core_test(a_file_without_a_name_gets_one_once),
		core_test(truncation_leaves_a_file_without_names_an_orphan),
		core_test(exchanges_that_cannot_be_are_refused),
		core_test(any_two_names_change_places),
		core_test(a_rename_between_names_of_one_file_does_nothing),
		core_test(a_replaced_file_keeps_its_other_names),
		core_test(changes_move_the_right_times),
		core_test(a_lookup_among_a_hundred_thousand_is_two_descents),
	};

	vex_core_init();
	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}

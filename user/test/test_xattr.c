// SPDX-License-Identifier: GPL-2.0-only
/* Extended attributes: every length, every flag, replaced whole or not at all, exact space. */
#include <vex_check.h>
#include <vex_fs.h>

#include "core.h"

#define ROOT	VEXFS_ROOT_INO

static struct core c;

static void sound(void)
{
	const char *wrong;

	core_commit(&c);
	assert_int_equal(vex_check(c.fs, stderr), 0);
	wrong = image_check(c.m, NULL);
	if (wrong)
		fail_msg("the image is not sound: %s", wrong);
}

static int set(u64 ino, const char *str, const void *value, size_t len, u32 flags)
{
	struct vex_name name = core_name(str);

	return vex_xattr_set(c.fs, ino, &name, value, len, flags);
}

static int drop(u64 ino, const char *str)
{
	struct vex_name name = core_name(str);

	return vex_xattr_remove(c.fs, ino, &name);
}

static int get(u64 ino, const char *str, void *buf, size_t len, size_t *done)
{
	struct vex_name name = core_name(str);

	return vex_xattr_get(c.fs, ino, &name, buf, len, done);
}

static u8 byte_of(u64 seed, size_t i)
{
	return (seed * 0x9e3779b97f4a7c15ULL + i * 0xc2b2ae3d27d4eb4fULL) >> 56;
}

static const u8 *value_of(u64 seed, size_t len)
{
	static u8 value[VEXFS_XATTR_VALUE_MAX + 1];

	for (size_t i = 0; i < len; i++)
		value[i] = byte_of(seed, i);
	return value;
}

static int set_seed(u64 ino, const char *str, u64 seed, size_t len, u32 flags)
{
	return set(ino, str, value_of(seed, len), len, flags);
}

/* Is it just that value, however much room there is. */
static void is_seed(u64 ino, const char *str, u64 seed, size_t len)
{
	static u8 buf[VEXFS_XATTR_VALUE_MAX + 8];
	size_t done = 99;

	assert_int_equal(get(ino, str, NULL, 0, &done), 0);
	assert_int_equal(done, len);
	if (len > 1)
		assert_int_equal(get(ino, str, buf, len - 1, &done), -ERANGE);
	buf[len] = 0x5a;
	assert_int_equal(get(ino, str, buf, len + 1, &done), 0);
	assert_int_equal(done, len);
	assert_int_equal(buf[len], 0x5a);
	assert_memory_equal(buf, value_of(seed, len), len);
}

static void what_cannot_be_is_refused(void **state)
{
	char name[VEXFS_NAME_MAX + 2];
	size_t done;
	char buf[8];
	u64 f;

	core_make(&c, 1024, 1);
	f = core_create(&c, ROOT, "f");
	memset(name, 'n', sizeof(name));
	name[VEXFS_NAME_MAX + 1] = 0;
	assert_int_equal(set(f, name, "v", 1, 0), -ERANGE);
	assert_int_equal(get(f, name, buf, 8, &done), -ERANGE);
	assert_int_equal(drop(f, name), -ERANGE);
	assert_int_equal(set(f, "", "v", 1, 0), -EINVAL);
	assert_int_equal(get(f, "", buf, 8, &done), -EINVAL);
	assert_int_equal(set(f, "user.a", "v", 1, 4), -EINVAL);
	assert_int_equal(set_seed(f, "user.a", 1, VEXFS_XATTR_VALUE_MAX + 1, 0), -E2BIG);
	assert_int_equal(set(f, "user.a", "v", 1, VEX_XATTR_REPLACE), -ENODATA);
	assert_int_equal(get(f, "user.a", buf, 8, &done), -ENODATA);
	assert_int_equal(done, 0);
	assert_int_equal(drop(f, "user.a"), -ENODATA);
	assert_int_equal(set(f, "user.a", "v", 1, VEX_XATTR_CREATE), 0);
	assert_int_equal(set(f, "user.a", "w", 1, VEX_XATTR_CREATE), -EEXIST);
	assert_int_equal(get(f, "user.A", buf, 8, &done), -ENODATA);
	assert_int_equal(get(f, "user.a", buf, 8, &done), 0);
	assert_memory_equal(buf, "v", 1);
	assert_int_equal(set(12345, "user.a", "v", 1, 0), -ENOENT);
	assert_int_equal(get(12345, "user.a", buf, 8, &done), -ENOENT);
	assert_int_equal(drop(12345, "user.a"), -ENOENT);
	assert_int_equal(vex_xattr_list(c.fs, 12345, NULL, buf, 8, &done), -ENOENT);
	core_end(&c);
}

static const u32 lens[] = {
	0, 1, 2, 7, 8, 200, 760, 1008, 1009, 1010, 1011, 1023, 1024, 1025, 2040, 3000, 4096,
	16384, 65535, VEXFS_XATTR_VALUE_MAX
};

static void values_of_every_length_are_kept(void **state)
{
	char name[32];
	u64 f, before;

	core_make(&c, 4096, 1);
	f = core_create(&c, ROOT, "f");
	core_commit(&c);
	core_commit(&c);
	before = core_free_blocks(&c);
	for (u32 i = 0; i < ARRAY_SIZE(lens); i++) {
		snprintf(name, sizeof(name), "user.%u", lens[i]);
		assert_int_equal(set_seed(f, name, i, lens[i], VEX_XATTR_CREATE), 0);
	}
	sound();
	core_reopen(&c);
	for (u32 i = 0; i < ARRAY_SIZE(lens); i++) {
		snprintf(name, sizeof(name), "user.%u", lens[i]);
		is_seed(f, name, i, lens[i]);
	}
	for (u32 i = 0; i < ARRAY_SIZE(lens); i++) {
		snprintf(name, sizeof(name), "user.%u", lens[i]);
		assert_int_equal(drop(f, name), 0);
		assert_int_equal(drop(f, name), -ENODATA);
	}
	sound();
	core_commit(&c);
	assert_int_equal(core_free_blocks(&c), before);
	core_end(&c);
}

static void every_length_replaces_every_other(void **state)
{
	u64 f;

	core_make(&c, 2048, 1);
	f = core_create(&c, ROOT, "f");
	assert_int_equal(set(f, "user.before", "b", 1, 0), 0);
	for (u32 i = 0; i < ARRAY_SIZE(lens); i++) {
		for (u32 j = 0; j < ARRAY_SIZE(lens); j += 3) {
			assert_int_equal(set_seed(f, "user.a", i, lens[i], 0), 0);
			assert_int_equal(set_seed(f, "user.a", 100 + j, lens[j],
						  VEX_XATTR_REPLACE), 0);
			is_seed(f, "user.a", 100 + j, lens[j]);
		}
		sound();
	}
	core_end(&c);
}

static void names_of_every_length_are_kept(void **state)
{
	char name[VEXFS_NAME_MAX + 1];
	u64 f;

	core_make(&c, 2048, 1);
	f = core_create(&c, ROOT, "f");
	for (u32 len = 1; len <= VEXFS_NAME_MAX; len++) {
		memset(name, 'a' + len % 26, len);
		name[len] = 0;
		assert_int_equal(set_seed(f, name, len, len * 5, VEX_XATTR_CREATE), 0);
	}
	core_reopen(&c);
	for (u32 len = 1; len <= VEXFS_NAME_MAX; len++) {
		memset(name, 'a' + len % 26, len);
		name[len] = 0;
		is_seed(f, name, len, len * 5);
	}
	core_end(&c);
}

static bool in_list(const char *list, size_t len, const char *name)
{
	for (const char *p = list; p < list + len; p += strlen(p) + 1)
		if (!strcmp(p, name))
			return true;
	return false;
}

static void a_list_has_every_name_once(void **state)
{
	static const char *const names[] = { "user.a", "trusted.b", "security.c", "user.trusted.",
					     "trusted.", "truste" };
	char list[200];
	size_t all = 0, done;
	u64 f;

	core_make(&c, 1024, 1);
	f = core_create(&c, ROOT, "f");
	assert_int_equal(vex_xattr_list(c.fs, f, NULL, list, sizeof(list), &done), 0);
	assert_int_equal(done, 0);
	for (u32 i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(set_seed(f, names[i], i, i * 700, 0), 0);
		all += strlen(names[i]) + 1;
	}
	/* Those of a neighbour are not its. */
	assert_int_equal(set(core_create(&c, ROOT, "g"), "user.g", "", 0, 0), 0);
	assert_int_equal(vex_xattr_list(c.fs, f, NULL, NULL, 0, &done), 0);
	assert_int_equal(done, all);
	assert_int_equal(vex_xattr_list(c.fs, f, NULL, list, all - 1, &done), -ERANGE);
	assert_int_equal(vex_xattr_list(c.fs, f, NULL, list, all, &done), 0);
	assert_int_equal(done, all);
	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		assert_true(in_list(list, done, names[i]));
	assert_int_equal(vex_xattr_list(c.fs, f, "trusted.", list, sizeof(list), &done), 0);
	assert_int_equal(done, all - sizeof("trusted.b") - sizeof("trusted."));
	assert_false(in_list(list, done, "trusted.b"));
	assert_true(in_list(list, done, "user.trusted."));
	core_end(&c);
}

static void every_kind_of_inode_has_them_and_takes_them_along(void **state)
{
	static const u32 modes[] = { S_IFREG, S_IFDIR, S_IFIFO, S_IFCHR, S_IFLNK };
	struct vex_name name = core_name("x");
	struct vex_inode node;
	u64 before;

	core_make(&c, 4096, 1);
	core_commit(&c);
	before = core_free_blocks(&c);
	for (u32 i = 0; i < ARRAY_SIZE(modes); i++) {
		node = (struct vex_inode){ .mode = modes[i] | 0600 };
		assert_int_equal(modes[i] == S_IFLNK ?
				 vex_dir_symlink(c.fs, ROOT, &name, "to", 2, &node) :
				 vex_dir_create(c.fs, ROOT, &name, &node), 0);
		for (u32 n = 0; n < 20; n++) {
			char attr[32];

			snprintf(attr, sizeof(attr), "user.%u", n);
			assert_int_equal(set_seed(node.ino, attr, n, n * 3000, 0), 0);
		}
		sound();
		core_reopen(&c);
		is_seed(node.ino, "user.19", 19, 19 * 3000);
		core_unlink(&c, ROOT, "x");
		sound();
		core_commit(&c);
		assert_int_equal(core_free_blocks(&c), before);
	}
	core_end(&c);
}

static void a_change_moves_the_change_time_alone(void **state)
{
	struct vex_inode a, b;
	u64 f;

	core_make(&c, 1024, 1);
	f = core_create(&c, ROOT, "f");
	assert_int_equal(vex_inode_get(c.fs, f, &a), 0);
	assert_int_equal(set(f, "user.a", "v", 1, 0), 0);
	assert_int_equal(vex_inode_get(c.fs, f, &b), 0);
	assert_true(b.ctime.nsec != a.ctime.nsec || b.ctime.sec != a.ctime.sec);
	assert_int_equal(b.mtime.nsec, a.mtime.nsec);
	assert_int_equal(drop(f, "user.a"), 0);
	assert_int_equal(vex_inode_get(c.fs, f, &a), 0);
	assert_true(b.ctime.nsec != a.ctime.nsec || b.ctime.sec != a.ctime.sec);
	assert_int_equal(b.mtime.nsec, a.mtime.nsec);
	core_end(&c);
}

/* On a device that fills up: what was refused has changed nothing, and removal always works. */
static void a_full_device_keeps_the_old_value(void **state)
{
	u32 last[64] = { 0 }, made = 0, refused = 0;
	char name[32];
	u64 f, rnd = 7;

	core_make(&c, 280, 1);
	f = core_create(&c, ROOT, "f");
	for (u32 step = 1; step < 1500; step++) {
		u32 i = test_below(&rnd, ARRAY_SIZE(last));
		u32 len = test_below(&rnd, 3) ? test_below(&rnd, 2000) : test_below(&rnd, 65537);
		int err;

		snprintf(name, sizeof(name), "user.%u", i);
		err = set_seed(f, name, step, len, 0);
		if (!err) {
			last[i] = step << 17 | len;
			made++;
			continue;
		}
		assert_int_equal(err, -ENOSPC);
		refused++;
		if (last[i])
			is_seed(f, name, last[i] >> 17, last[i] & 0x1ffff);
		/* Any of them can go. */
		i = test_below(&rnd, ARRAY_SIZE(last));
		snprintf(name, sizeof(name), "user.%u", i);
		assert_int_equal(drop(f, name), last[i] ? 0 : -ENODATA);
		last[i] = 0;
		if (!(refused % 16))
			sound();
	}
	assert_true(made > 100 && refused > 100);
	core_reopen(&c);
	for (u32 i = 0; i < ARRAY_SIZE(last); i++) {
		snprintf(name, sizeof(name), "user.%u", i);
		if (last[i])
			is_seed(f, name, last[i] >> 17, last[i] & 0x1ffff);
	}
	core_end(&c);
}

static void a_thousand_attributes_are_found(void **state)
{
	char name[32];
	u64 f;

	core_make(&c, 2048, 1);
	f = core_create(&c, ROOT, "f");
	for (u32 i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "user.name-%u", i);
		assert_int_equal(set_seed(f, name, i, i % 100, VEX_XATTR_CREATE), 0);
	}
	for (u32 i = 0; i < 1000; i += 2) {
		snprintf(name, sizeof(name), "user.name-%u", i);
		assert_int_equal(drop(f, name), 0);
	}
	core_reopen(&c);
	for (u32 i = 0; i < 1000; i++) {
		size_t done;

		snprintf(name, sizeof(name), "user.name-%u", i);
		if (i % 2)
			is_seed(f, name, i, i % 100);
		else
			assert_int_equal(get(f, name, NULL, 0, &done), -ENODATA);
	}
	core_end(&c);
}

/* ---- collisions ---------------------------------------------------------------------- */

static u64 base_of(const char *name)
{
	return vex_siphash(c.fs->hash_key, name, strlen(name)) >> VEXFS_XATTR_HASH_SHIFT <<
	       VEXFS_XATTR_HASH_SHIFT;
}

/* Take a slot of the hash of @of, as an attribute @str of the same hash would. */
static void occupy(u64 ino, const char *of, u32 slot, const char *str)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_XATTR,
				     base_of(of) + slot * (1u << VEXFS_XATTR_SLOT_SHIFT));
	struct vexfs_xattr_item *head;
	struct vex_path path;
	u32 len = strlen(str);

	assert_int_equal(vex_txn_begin(c.fs, 1, 1, 0, 0), 0);
	assert_int_equal(vex_tree_insert(c.fs, &key, sizeof(*head) + len + 1, &path), 0);
	head = vex_path_data(&path);
	head->value_len = cpu_to_le32(1);
	head->name_len = len;
	memcpy(head + 1, str, len);
	vex_path_release(c.fs, &path);
	vex_txn_end(c.fs);
}

static u64 slot_of(u64 ino, const char *str)
{
	for (u32 slot = 0; slot < VEXFS_XATTR_SLOTS; slot++) {
		struct vex_key key = vex_key(ino, VEXFS_ITEM_XATTR, base_of(str) +
					     slot * (1u << VEXFS_XATTR_SLOT_SHIFT));
		struct vexfs_xattr_item *head;
		struct vex_path path;
		bool found = false;

		vex_read_lock(&c.fs->lock);
		if (!vex_tree_find(c.fs, &key, &path)) {
			head = vex_path_data(&path);
			found = head->name_len == strlen(str) &&
				!memcmp(head + 1, str, strlen(str));
		}
		vex_path_release(c.fs, &path);
		vex_read_unlock(&c.fs->lock);
		if (found)
			return slot;
	}
	return VEXFS_XATTR_SLOTS;
}

static void names_of_one_hash_have_slots(void **state)
{
	size_t done;
	u64 f;

	core_make(&c, 1024, 1);
	f = core_create(&c, ROOT, "f");
	occupy(f, "user.a", 0, "other0");
	occupy(f, "user.a", 2, "other2");
	assert_int_equal(get(f, "user.a", NULL, 0, &done), -ENODATA);
	assert_int_equal(set_seed(f, "user.a", 1, 5000, 0), 0);
	assert_int_equal(slot_of(f, "user.a"), 1);
	is_seed(f, "user.a", 1, 5000);
	/* A new value goes to the next free one, and leaves its own free for the one after. */
	assert_int_equal(set_seed(f, "user.a", 2, 9000, 0), 0);
	assert_int_equal(slot_of(f, "user.a"), 3);
	is_seed(f, "user.a", 2, 9000);
	assert_int_equal(set_seed(f, "user.a", 3, 10, 0), 0);
	assert_int_equal(slot_of(f, "user.a"), 1);
	for (u32 slot = 3; slot < VEXFS_XATTR_SLOTS; slot++)
		occupy(f, "user.a", slot, "other");
	/* No slot is left for a second value: the first one stays. */
	assert_int_equal(set_seed(f, "user.a", 4, 10, 0), -ENOSPC);
	is_seed(f, "user.a", 3, 10);
	assert_int_equal(drop(f, "user.a"), 0);
	assert_int_equal(set_seed(f, "user.a", 5, 10, 0), 0);
	is_seed(f, "user.a", 5, 10);
	core_drop(&c);
}

/* ---- damage --------------------------------------------------------------------------- */

/* Delete the piece of an attribute, or cut it, as no call would. */
static void damage(u64 ino, const char *str, u32 piece, u32 len)
{
	struct vex_key key = vex_key(ino, VEXFS_ITEM_XATTR, base_of(str) + piece);
	struct vex_path path;

	assert_int_equal(vex_txn_begin(c.fs, 0, 1, 0, 0), 0);
	assert_int_equal(vex_tree_touch(c.fs, &key, &path), 0);
	if (len) {
		vex_tree_shrink(&path, len);
		vex_path_release(c.fs, &path);
	} else {
		vex_tree_delete(c.fs, &path);
	}
	vex_txn_end(c.fs);
}

static void damage_is_an_error_and_is_reported(void **state)
{
	static const struct { u32 piece, len; } damages[] = {
		{ 0, 0 }, { 0, 10 }, { 2, 0 }, { 4, 0 }, { 4, 10 }, { 1, 1000 },
	};
	static u8 buf[5000];
	FILE *null = fopen("/dev/null", "w");
	size_t done;
	u64 f;

	for (u32 i = 0; i < ARRAY_SIZE(damages); i++) {
		core_make(&c, 1024, 1);
		f = core_create(&c, ROOT, "f");
		assert_int_equal(set_seed(f, "user.a", 1, 5000, 0), 0);
		damage(f, "user.a", damages[i].piece, damages[i].len);
		assert_int_equal(get(f, "user.a", buf, sizeof(buf), &done), -EUCLEAN);
		assert_int_equal(set_seed(f, "user.a", 2, 10, 0), -EUCLEAN);
		assert_int_equal(drop(f, "user.a"), -EUCLEAN);
		core_commit(&c);
		assert_int_equal(vex_check(c.fs, null), 1);
		assert_non_null(image_check(c.m, NULL));
		/* Its inode can go all the same. */
		core_unlink(&c, ROOT, "f");
		core_end(&c);
	}
	fclose(null);
}

static void a_filesystem_without_them_says_so(void **state)
{
	struct vex_mkfs_opts opts = { .features = VEX_FEATURES_DEFAULT & ~VEXFS_FEATURE_XATTR };
	char buf[8];
	size_t done;

	memset(&c, 0, sizeof(c));
	c.m = vex_io_mem_create(1024, 1);
	c.io = vex_io_mem_io(c.m);
	assert_int_equal(vex_mkfs(&c.io, &opts), 0);
	assert_int_equal(core_adopt(&c, c.m, false), 0);
	assert_int_equal(set(ROOT, "user.a", "v", 1, 0), -EOPNOTSUPP);
	assert_int_equal(get(ROOT, "user.a", buf, 8, &done), -EOPNOTSUPP);
	assert_int_equal(drop(ROOT, "user.a"), -EOPNOTSUPP);
	assert_int_equal(vex_xattr_list(c.fs, ROOT, NULL, buf, 8, &done), -EOPNOTSUPP);
	core_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(what_cannot_be_is_refused),
		core_test(values_of_every_length_are_kept),
		core_test(every_length_replaces_every_other),
		core_test(names_of_every_length_are_kept),
		core_test(a_list_has_every_name_once),
		core_test(every_kind_of_inode_has_them_and_takes_them_along),
		core_test(a_change_moves_the_change_time_alone),
		core_test(a_full_device_keeps_the_old_value),
		core_test(a_thousand_attributes_are_found),
		core_test(names_of_one_hash_have_slots),
		core_test(damage_is_an_error_and_is_reported),
		core_test(a_filesystem_without_them_says_so),
	};

	vex_core_init();
	return cmocka_run_group_tests_name("xattr", tests, NULL, NULL);
}

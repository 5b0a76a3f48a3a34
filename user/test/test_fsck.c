// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checker and the repair: every violation in the table of Documentation/format.rst is
 * forged, found by its code, repaired, and gone on the second run; files that had no part
 * in it keep their content. And random damage, which must do no harm.
 */
#include <unistd.h>

#include "../fsck/repair.h"
#include "fsck.h"

#define BLOCKS	2048u

static u64 runs, repaired;

/* ---- an image --------------------------------------------------------------------------- */

static void *content(u64 seed, size_t len)
{
	u8 *buf = malloc(len ? len : 1);

	for (size_t i = 0; i < len; i++)
		buf[i] = test_random(&seed);
	return buf;
}

static void make_file(struct core *c, u64 dir, const char *name, u64 seed, size_t len)
{
	void *buf = content(seed, len);
	u64 ino = core_create(c, dir, name);

	core_write(c, ino, 0, buf, len);
	free(buf);
}

static void make_coll(struct core *c, u64 dir, const char *name, u32 index)
{
	struct vex_coll coll = { .elem = VEXFS_ELEM_F32, .metric = VEXFS_METRIC_L2,
				 .index = index, .dim = 16 };
	u64 ino = core_create(c, dir, name), first, bad, rnd = 77, ids[] = { 3, 9, 60 };
	float rows[64 * 16];

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		rows[i] = test_unit(&rnd);
	assert_int_equal(vex_coll_create(c->fs, ino, &coll), 0);
	assert_int_equal(vex_coll_insert(c->fs, ino, rows, 64, 16, &first, &bad), 0);
	assert_int_equal(vex_coll_delete(c->fs, ino, ids, 3, &bad), 0);
}

#define KEPT_FILES	10u
#define FILLERS		150u

static size_t kept_len(u32 i)
{
	return i * i * 1500 + 10;
}

static void filler_name(u32 i, char *name, size_t len)
{
	snprintf(name, len, "filler-%u-%060u", i, i);
}

static void make_image(struct core *c)
{
	struct vex_inode node = { .uid = 1 };
	struct vex_name link = { "link", 4 };
	char name[80];
	u64 keep, d, sub;

	core_make(c, BLOCKS, 1);
	d = core_mkdir(c, VEXFS_ROOT_INO, "d");
	make_file(c, d, "file", 501, 20000);
	make_file(c, d, "other", 502, 9000);
	sub = core_mkdir(c, d, "sub");
	make_file(c, sub, "leaf", 503, 100);
	core_mkdir(c, sub, "subsub");
	make_coll(c, d, "coll", VEXFS_INDEX_FLAT);
	make_coll(c, d, "hnsw", VEXFS_INDEX_HNSW);
	make_coll(c, d, "lsh", VEXFS_INDEX_LSH);
	make_coll(c, d, "codes", VEXFS_INDEX_CODES);
	assert_int_equal(vex_dir_symlink(c->fs, d, &link, "some/where", 10, &node), 0);
	core_create(c, d, "empty");
	core_create(c, d, "gone");
	core_create(c, d, "gone2");
	core_commit(c);
	keep = core_mkdir(c, VEXFS_ROOT_INO, "keep");
	for (u32 i = 0; i < KEPT_FILES; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		make_file(c, keep, name, i, kept_len(i));
	}
	make_coll(c, keep, "coll", VEXFS_INDEX_FLAT);
	for (u32 i = 0; i < FILLERS; i++) {
		filler_name(i, name, sizeof(name));
		make_file(c, keep, name, 1000 + i, i);
	}
	core_commit(c);
	assert_true(c->fs->root_level == 1);
}

/* The content of a file, or nothing where @may_miss. */
static void expect_file(struct vex_fs *fs, const char *path, u64 seed, size_t len, bool may_miss)
{
	struct vex_name last;
	struct vex_inode node;
	u8 *want, *got;
	size_t done;
	u64 ino;
	int type = core_resolve(fs, path, &ino, NULL, &last);

	if (type < 0 && may_miss)
		return;
	assert_int_equal(type, DT_REG);
	assert_int_equal(vex_inode_get(fs, ino, &node), 0);
	if (may_miss && node.size != len)
		return;
	assert_int_equal(node.size, len);
	want = content(seed, len);
	got = malloc(len + 1);
	assert_int_equal(vex_file_read(fs, ino, 0, got, len, &done), 0);
	assert_int_equal(done, len);
	/* What is not there any more reads as zeros, never as something else. */
	for (size_t i = 0; i < len; i++)
		if (got[i] != want[i] && !(may_miss && !got[i]))
			fail_msg("%s: byte %zu", path, i);
	free(want);
	free(got);
}

static void expect_kept(struct vex_io_mem *m, bool may_miss)
{
	struct core c = { 0 };
	struct vex_name last;
	struct vex_coll coll;
	char path[90];
	u64 ino;

	assert_int_equal(core_adopt(&c, vex_io_mem_clone(m), true), 0);
	for (u32 i = 0; i < KEPT_FILES; i++) {
		snprintf(path, sizeof(path), "keep/f%u", i);
		expect_file(c.fs, path, i, kept_len(i), may_miss);
	}
	for (u32 i = 0; i < FILLERS; i++) {
		strcpy(path, "keep/");
		filler_name(i, path + 5, sizeof(path) - 5);
		expect_file(c.fs, path, 1000 + i, i, may_miss);
	}
	if (core_resolve(c.fs, "keep/coll", &ino, NULL, &last) == DT_REG &&
	    !vex_coll_stat(c.fs, ino, &coll)) {
		assert_int_equal(coll.rows, 64);
		assert_int_equal(coll.live, 61);
	} else {
		assert_true(may_miss);
	}
	core_drop(&c);
}

/* ---- a run -------------------------------------------------------------------------------- */

struct seen {
	u32 count[VEX_PROBLEM_CODES];
	bool yes;
	bool print;
};

static void note(void *ctx, const struct vex_problem *p)
{
	struct seen *s = ctx;

	assert_true(p->code < VEX_PROBLEM_CODES);
	assert_true(strlen(p->text) > 0);
	s->count[p->code]++;
	if (s->print)
		print_message("  %s: block %llu, inode %llu: %s\n",
			      vex_problem_kinds[p->code].name, p->block, p->ino, p->text);
}

static bool confirm(void *ctx, const struct vex_check_result *found)
{
	return ((struct seen *)ctx)->yes;
}

static const struct vex_io_ops *mem_ops;

static int picky_read(void *ctx, u64 block, u32 count, void *buf)
{
	if (forge_unreadable && block <= forge_unreadable && forge_unreadable - block < count)
		return -EIO;
	return mem_ops->read(ctx, block, count, buf);
}

/* A block that is written can be read again, as disks have it. */
static int picky_write(void *ctx, u64 block, u32 count, const void *buf, u32 flags)
{
	if (block <= forge_unreadable && forge_unreadable - block < count)
		forge_unreadable = 0;
	return mem_ops->write(ctx, block, count, buf, flags);
}

static int run(struct vex_io_mem *m, struct seen *s, bool data, struct repair_result *result)
{
	struct vex_io io = vex_io_mem_io(m);
	struct vex_io_ops ops = *io.ops;
	struct repair_opts opts = {
		.check = { .slot = -1, .data = data, .problem = note, .ctx = s },
		.confirm = confirm,
	};
	struct vex_open_error why;
	int err;

	mem_ops = io.ops;
	ops.read = picky_read;
	ops.write = picky_write;
	io.ops = &ops;
	runs++;
	err = repair_device(&io, &opts, result, &why);
	repaired += result->done;
	return err;
}

static u32 total(const struct seen *s)
{
	u32 n = 0;

	for (u32 i = 0; i < VEX_PROBLEM_CODES; i++)
		n += s->count[i];
	return n;
}

static void expect_clean(struct vex_io_mem *m, bool data)
{
	struct repair_result result;
	struct seen s = { .print = true };
	const char *wrong;

	assert_int_equal(run(m, &s, data, &result), 0);
	assert_int_equal(total(&s), 0);
	/* The other reader of the format agrees. */
	wrong = image_check(m, NULL);
	if (wrong)
		fail_msg("image_check: %s", wrong);
}

/* ---- the table ---------------------------------------------------------------------------- */

static void forge(struct vex_io_mem *m, const struct forgery *f)
{
	struct vex_io io = vex_io_mem_io(m);
	struct vex_fs *fs;

	if (f->tree) {
		assert_int_equal(vex_fs_open(&io, &(struct vex_open_opts){ 0 }, &fs, NULL), 0);
		vex_write_lock(&fs->lock);
		f->tree(fs);
		fs->changed = true;
		vex_write_unlock(&fs->lock);
		assert_int_equal(vex_commit(fs, true), 0);
		assert_int_equal(vex_fs_close(fs), 0);
	}
	if (f->device)
		f->device(m);
}

static bool follows(const struct forgery *f, u32 code)
{
	return code == f->also[0] || code == f->also[1] || code == f->also[2];
}

static void expect_found(const struct forgery *f, struct vex_io_mem *m)
{
	struct repair_result result;
	struct seen s = { 0 };

	/* Without consent nothing is written. */
	assert_int_equal(run(m, &s, true, &result), 0);
	assert_false(result.done);
	if (!s.count[f->code])
		fail_msg("%s: not found", vex_problem_kinds[f->code].name);
	/* A rebuilt tree has what else was lost with a node. */
	for (u32 i = 0; i < VEX_PROBLEM_CODES && !result.found.tree_damaged; i++)
		if (s.count[i] && i != f->code && !follows(f, i))
			fail_msg("%s: %s, too", vex_problem_kinds[f->code].name,
				 vex_problem_kinds[i].name);
	free(result.hurt);
}

static void every_forgery_is_found_and_repaired(void **state)
{
	struct repair_result result;
	struct core c;

	make_image(&c);
	core_close(&c);
	expect_clean(c.m, true);
	for (u32 i = 0; i < forgery_count; i++) {
		const struct forgery *f = &forgeries[i];
		struct vex_io_mem *m = vex_io_mem_clone(c.m);
		struct seen s = { .yes = true };
		bool none = vex_problem_kinds[f->code].repair == VEX_REPAIR_NONE;

		print_message("%u %s\n", i, vex_problem_kinds[f->code].name);
		forge(m, f);
		expect_found(f, m);
		s.print = true;
		assert_int_equal(run(m, &s, true, &result), 0);
		free(result.hurt);
		assert_int_equal(result.failed, 0);
		assert_int_equal(result.done, !none);
		if (!none) {
			expect_clean(m, true);
			expect_kept(m, f->loses);
		}
		forge_unreadable = 0;
		vex_io_mem_destroy(m);
	}
	core_drop(&c);
}

/* The page has a row for each code, and says of each how it is repaired. */
static void every_code_is_documented_and_forged(void **state)
{
	FILE *f = fopen("Documentation/format.rst", "r");
	char line[512], want[64];

	assert_non_null(f);
	for (u32 code = 0; code < VEX_PROBLEM_CODES; code++) {
		const struct vex_problem_kind *kind = &vex_problem_kinds[code];
		bool forged = false, found = false;

		snprintf(want, sizeof(want), "``%s``", kind->name);
		rewind(f);
		while (fgets(line, sizeof(line), f))
			found |= !strncmp(line, want, strlen(want));
		for (u32 i = 0; i < forgery_count; i++)
			forged |= forgeries[i].code == code;
		if (!found || !forged)
			fail_msg("%s: %s", kind->name, found ? "not forged" : "not documented");
	}
	fclose(f);
}

/* ---- salvage, interruption ------------------------------------------------------------------ */

/* With the root gone every file is found as it was. */
static void a_lost_root_loses_nothing(void **state)
{
	struct repair_result result;
	struct seen s = { .yes = true };
	u64 before, after;
	struct core c;

	make_image(&c);
	assert_int_equal(core_digest(c.fs, &before), 0);
	core_close(&c);
	memset(vex_io_mem_block(c.m, le64_to_cpu(forge_super(c.m)->root_block)), 0x55,
	       VEXFS_BLOCK_SIZE);
	assert_int_equal(run(c.m, &s, true, &result), 0);
	assert_true(result.done);
	assert_int_equal(result.hurt_count, 0);
	assert_int_equal(s.count[VEX_P_NODE_CSUM], 1);
	assert_int_equal(total(&s), 1);
	expect_clean(c.m, true);
	assert_int_equal(core_adopt(&c, c.m, true), 0);
	assert_int_equal(core_digest(c.fs, &after), 0);
	assert_int_equal(before, after);
	core_drop(&c);
}

/* Stop a repair at every write: what was there before is there still, or the repair is done. */
static void an_interrupted_repair_leaves_the_old_state(void **state)
{
	static const char *const codes[] = { "dirent-hash", "node-csum", "extent-shared" };
	struct core c;

	make_image(&c);
	core_close(&c);
	for (u32 i = 0; i < forgery_count; i++) {
		const struct forgery *f = &forgeries[i];
		bool chosen = false;

		for (u32 k = 0; k < ARRAY_SIZE(codes); k++)
			chosen |= !strcmp(vex_problem_kinds[f->code].name, codes[k]);
		for (u64 nth = 1; chosen; nth++) {
			struct vex_io_mem *m = vex_io_mem_clone(c.m);
			struct seen s = { .yes = true }, again = { .yes = true };
			struct repair_result result;

			forge(m, f);
			vex_io_mem_fail(m, VEX_IO_WRITE | VEX_IO_FLUSH, nth, 1000000);
			assert_int_equal(run(m, &s, false, &result), 0);
			free(result.hurt);
			vex_io_mem_fail(m, 0, 0, 0);
			if (result.done) {
				vex_io_mem_destroy(m);
				break;
			}
			assert_true(result.failed < 0);
			again.print = true;
			print_message("%s: write %llu failed\n", vex_problem_kinds[f->code].name, nth);
			assert_int_equal(run(m, &again, false, &result), 0);
			free(result.hurt);
			expect_clean(m, true);
			expect_kept(m, f->loses);
			vex_io_mem_destroy(m);
			/* A tree of many nodes: the first writes, and then some. */
			nth += nth > 8 ? nth / 2 : 0;
		}
	}
	core_drop(&c);
}

/* ---- random damage -------------------------------------------------------------------------- */

static bool is_node(const u8 *block)
{
	return get_unaligned_le32(block + 4) == VEXFS_NODE_MAGIC;
}

static u64 nasty(u64 *rnd)
{
	static const u64 values[] = {
		0, 1, 2, 0xff, 0x7fff, 0xffff, 4096, 511, 512, 0x7fffffff, 0x80000000, 0xffffffff,
		S64_MAX, U64_MAX, 1ULL << 52, 1ULL << 32,
	};

	return test_below(rnd, 2) ? values[test_below(rnd, ARRAY_SIZE(values))] : test_random(rnd);
}

static void damage(struct vex_io_mem *m, u64 *rnd)
{
	u8 *at, bytes[8];
	u64 block;

	do
		block = test_below(rnd, BLOCKS);
	while (!is_node(vex_io_mem_peek(m, block)) && block != 1 && block != 9);
	at = vex_io_mem_block(m, block);
	for (u32 n = 1 + test_below(rnd, 3); n; n--) {
		u32 pos = 4 + (test_below(rnd, 3) ? test_below(rnd, 600) :
			       test_below(rnd, VEXFS_BLOCK_SIZE - 12));

		put_unaligned_le64(nasty(rnd), bytes);
		memcpy(at + pos, bytes, 1u << test_below(rnd, 4));
	}
	/* Sometimes the damage shows, mostly it is sealed in. */
	if (test_below(rnd, 8))
		forge_seal(at);
}

/* Of what was seen, all but content that is lost and indexes that something else makes anew. */
static u32 mendable(const struct seen *s)
{
	u32 n = 0;

	for (u32 i = 0; i < VEX_PROBLEM_CODES; i++)
		if (vex_problem_kinds[i].repair != VEX_REPAIR_NONE)
			n += s->count[i];
	return n;
}

static void random_damage_does_no_harm(void **state)
{
	u64 rnd = 4, given_up = 0;
	struct core c;

	make_image(&c);
	core_close(&c);
	for (u32 i = 0; i < 1500; i++) {
		struct vex_io_mem *m = vex_io_mem_clone(c.m);
		struct repair_result result;
		struct seen s = { 0 };
		int err;

		for (u32 n = 1 + test_below(&rnd, 3); n; n--)
			damage(m, &rnd);
		alarm(60);
		err = run(m, &s, true, &result);
		free(result.hurt);
		s = (struct seen){ .yes = true };
		if (!err) {
			err = run(m, &s, true, &result);
			free(result.hurt);
		}
		alarm(0);
		if (err || result.nothing_left || result.failed) {
			given_up++;
			assert_true(!err || err == -EOPNOTSUPP || err == -EUCLEAN ||
				    err == -EINVAL);
		} else {
			struct seen again = { 0 };

			assert_int_equal(run(m, &again, true, &result), 0);
			free(result.hurt);
			if (mendable(&again))
				fail_msg("damage %u is not repaired", i);
		}
		vex_io_mem_destroy(m);
	}
	print_message("%llu of 1500 could not be repaired, and it was said\n", given_up);
	core_drop(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(every_forgery_is_found_and_repaired),
		core_test(every_code_is_documented_and_forged),
		core_test(a_lost_root_loses_nothing),
		core_test(an_interrupted_repair_leaves_the_old_state),
		core_test(random_damage_does_no_harm),
	};
	int failed;

	vex_core_init();
	failed = cmocka_run_group_tests_name("fsck", tests, NULL, NULL);
	printf("fsck: %llu runs, %llu repairs\n", runs, repaired);
	return failed;
}

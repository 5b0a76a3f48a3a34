// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random workloads. A dozen names in four directories, so that calls meet; disks from
 * the smallest to some that are never full; caches that hold all or nearly nothing.
 */
#include "script.h"

static const struct weight {
	enum op_kind kind;
	u32 weight;
} weights[] = {
	{ OP_CREATE, 10 }, { OP_WRITE, 14 }, { OP_APPEND, 8 }, { OP_TRUNCATE, 6 },
	{ OP_UNLINK, 5 }, { OP_HOLD, 3 }, { OP_RELEASE, 2 }, { OP_RMDIR, 2 },
	{ OP_MKDIR, 5 }, { OP_RENAME, 8 }, { OP_CHMOD, 2 }, { OP_COLLECTION, 4 },
	{ OP_INSERT, 9 }, { OP_DELETE, 5 }, { OP_FSYNC, 10 }, { OP_SYNC, 4 },
	{ OP_LINK, 5 }, { OP_SYMLINK, 2 }, { OP_FIFO, 1 }, { OP_TMPFILE, 2 },
	{ OP_ALLOCATE, 8 }, { OP_UPDATE, 4 }, { OP_META, 4 }, { OP_TRIM, 1 },
	{ OP_SETXATTR, 6 }, { OP_RMXATTR, 2 },
};

static enum op_kind kind_generate(u64 *rnd)
{
	u32 sum = 0, at;

	for (u32 i = 0; i < ARRAY_SIZE(weights); i++)
		sum += weights[i].weight;
	at = rnd_below(rnd, sum);
	for (u32 i = 0;; i++) {
		if (at < weights[i].weight)
			return weights[i].kind;
		at -= weights[i].weight;
	}
}

/* Names that are likely collections are others than those that are likely files. */
static void path_generate(char *path, enum op_kind kind, u64 *rnd)
{
	static const char *const dirs[] = { "", "", "", "d/", "d/e/", "g/" };
	static const char *const files[] = { "a", "b", "c", "x" };
	static const char *const colls[] = { "v", "w" };
	bool coll = kind == OP_COLLECTION || kind == OP_INSERT || kind == OP_DELETE ||
		    kind == OP_UPDATE || kind == OP_META ||
		    (kind != OP_WRITE && kind != OP_APPEND && kind != OP_ALLOCATE &&
		     !rnd_below(rnd, 3));

	strcpy(path, dirs[rnd_below(rnd, ARRAY_SIZE(dirs))]);
	strcat(path, coll ? colls[rnd_below(rnd, 2)] : files[rnd_below(rnd, 4)]);
}

static void dir_generate(char *path, u64 *rnd)
{
	static const char *const dirs[] = { "d", "d", "d/e", "g" };

	strcpy(path, dirs[rnd_below(rnd, ARRAY_SIZE(dirs))]);
}

/* Mostly small, sometimes not. */
static u64 size_generate(u64 *rnd)
{
	u64 most[] = { 200, 5000, 5000, 20000, 20000, 90000 };

	return 1 + rnd_below(rnd, most[rnd_below(rnd, ARRAY_SIZE(most))]);
}

static void args_generate(struct op *op, u64 *rnd)
{
	static const char *const names[] = { "p", "q", "long-name-of-an-attribute" };
	static const u8 flags[] = { 0, 0, 0, VEX_RENAME_NOREPLACE, VEX_RENAME_EXCHANGE };
	static const u8 modes[] = {
		0, VEX_FALLOC_KEEP_SIZE, VEX_FALLOC_PUNCH | VEX_FALLOC_KEEP_SIZE,
		VEX_FALLOC_PUNCH | VEX_FALLOC_KEEP_SIZE, VEX_FALLOC_ZERO,
		VEX_FALLOC_ZERO | VEX_FALLOC_KEEP_SIZE,
	};
	u64 seed = rnd_below(rnd, 1000);

	switch (op->kind) {
	case OP_WRITE:
		op->arg[0] = rnd_below(rnd, 3) ? size_generate(rnd) - 1 : 0;
		op->arg[1] = size_generate(rnd);
		op->arg[2] = seed;
		break;
	case OP_APPEND:
		op->arg[0] = size_generate(rnd);
		op->arg[1] = seed;
		break;
	case OP_TRUNCATE:
		op->arg[0] = rnd_below(rnd, 4) ? size_generate(rnd) - 1 : 0;
		break;
	case OP_CHMOD:
		op->arg[0] = rnd_below(rnd, 01000);
		op->arg[1] = rnd_below(rnd, 10);
		break;
	case OP_COLLECTION:
		op->arg[0] = 1 + rnd_below(rnd, rnd_below(rnd, 3) ? 40 : 300);
		op->arg[1] = 1 + rnd_below(rnd, 3);
		break;
	case OP_INSERT:
		op->arg[0] = 1 + rnd_below(rnd, 24);
		op->arg[1] = seed;
		break;
	case OP_DELETE:
		op->arg[0] = rnd_below(rnd, 20);
		op->arg[1] = 1 + rnd_below(rnd, 3);
		break;
	case OP_RENAME:
		op->arg[0] = flags[rnd_below(rnd, ARRAY_SIZE(flags))];
		break;
	case OP_ALLOCATE:
		op->arg[0] = modes[rnd_below(rnd, ARRAY_SIZE(modes))];
		op->arg[1] = size_generate(rnd) - 1;
		op->arg[2] = size_generate(rnd);
		break;
	case OP_SETXATTR:
	case OP_RMXATTR:
		strcpy(op->to, names[rnd_below(rnd, ARRAY_SIZE(names))]);
		op->arg[0] = rnd_below(rnd, rnd_below(rnd, 4) ? 60 : 3000);
		op->arg[1] = seed;
		break;
	case OP_UPDATE:
	case OP_META:
		op->arg[0] = rnd_below(rnd, 20);
		op->arg[1] = 1 + rnd_below(rnd, 4);
		op->arg[2] = seed;
		break;
	default:
		break;
	}
}

void op_generate(struct op *op, u64 *rnd)
{
	memset(op, 0, sizeof(*op));
	op->kind = kind_generate(rnd);
	path_generate(op->path, op->kind, rnd);
	path_generate(op->to, op->kind, rnd);
	if (op->kind == OP_MKDIR || op->kind == OP_RMDIR)
		dir_generate(op->path, rnd);
	if (op->kind == OP_RENAME && !rnd_below(rnd, 4)) {
		dir_generate(op->path, rnd);
		dir_generate(op->to, rnd);
	}
	args_generate(op, rnd);
}

/* Leave little room: a file that fills most of the disk, in pieces. */
static void fill(struct script *s, u64 *rnd)
{
	struct op op = { .kind = OP_CREATE, .path = "full" };
	u64 left = (s->blocks - 60 - rnd_below(rnd, 60)) * VEXFS_BLOCK_SIZE;

	script_add(s, &op);
	op.kind = OP_APPEND;
	for (; left; left -= op.arg[0]) {
		op.arg[0] = min(left, (u64)200000);
		script_add(s, &op);
	}
	op = (struct op){ .kind = OP_SYNC };
	script_add(s, &op);
}

void script_divide(struct script *s, u32 threads)
{
	s->threads = threads;
	s->blocks = max(s->blocks, (u64)2048);
	/* Half of them write data while another's commit is under way. */
	if (s->seed & 1)
		s->cache = 65536;
}

void script_generate(struct script *s, u64 seed, u64 round)
{
	static const u64 blocks[] = { 256, 300, 512, 512, 1024, 1024, 2048 };
	static const u64 caches[] = { 0, 0, 0, 300000, 1000000 };
	u64 rnd = seed * 0x2545f4914f6cdd1dULL + round;
	u32 calls;
	struct op op;

	script_init(s);
	s->seed = rnd_next(&rnd) >> 40;
	s->blocks = blocks[rnd_below(&rnd, ARRAY_SIZE(blocks))];
	s->cache = caches[rnd_below(&rnd, ARRAY_SIZE(caches))];
	s->discard = !rnd_below(&rnd, 3);
	calls = 20 + rnd_below(&rnd, 100);
	if (s->blocks <= 300 && rnd_below(&rnd, 2))
		fill(s, &rnd);
	for (u32 i = 0; i < calls; i++) {
		op_generate(&op, &rnd);
		script_add(s, &op);
	}
	op = (struct op){ .kind = OP_SYNC };
	script_add(s, &op);
}

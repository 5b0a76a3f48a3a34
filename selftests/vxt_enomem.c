// SPDX-License-Identifier: GPL-2.0-only
/*
 * vexfs_trace.ko without memory: each of its allocations fails in turn, as it loads, as its
 * files are read, as targets come and go. It says so or goes on without, and loses nothing else.
 */
#include "common.h"
#include "vxt.h"
#include "vxt_nl.h"
#include "vxt_ops.h"
#include "enomem.h"
#include <trace/vexfs_op.h>

#define TARGETS		VXT_DIR "targets"
#define FUNCTION	"fixture_target"
#define MODULE		"module:vxt_fixture"
#define CLASS		VEXFS_OP_SEARCH

FIXTURE(enomem) {
	struct nl nl;
	struct vxt_known known;
};

FIXTURE_SETUP(enomem)
{
	int err = vxt_module_load("selftests/modules/vxt_fixture");

	ASSERT_TRUE(err == 0 || err == -EEXIST);
	ASSERT_EQ(0, enomem_init());
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, vxt_reset());
}

FIXTURE_TEARDOWN(enomem)
{
	enomem_nth(0);
	vxt_write(TARGETS, "-" FUNCTION);
	vxt_write(TARGETS, "-" MODULE);
	close(self->nl.fd);
	EXPECT_EQ(0, vxt_module_unload("vxt_fixture"));
}

/* Who reads the module's BTF says of a lack of memory that there is a cycle in it. */
static int load(void *arg)
{
	int err = vxt_module_load_from(arg);

	return err == -ELOOP ? -ENOMEM : err;
}

static int unload_again(void *arg, int err)
{
	(void)arg;
	return err ? 0 : vxt_module_unload("vexfs_trace");
}

/* From a filesystem in memory: the one over which the VM has its files does not survive this. */
TEST_F_TIMEOUT(enomem, the_module_loads_whole_or_not_at_all, 1500)
{
	const char *argv[] = { "cp", NULL, "/tmp/vexfs_trace.ko", NULL };
	char path[512];

	vxt_module_path("vexfs_trace", path, sizeof(path));
	argv[1] = path;
	ASSERT_EQ(0, run(argv));
	ASSERT_EQ(0, vxt_module_unload("vxt_fixture"));
	ASSERT_EQ(0, vxt_module_unload("vexfs_trace"));
	/* It warns of events that it has forgotten. */
	ASSERT_EQ(0, enomem_except("trace_module_notify"));
	EXPECT_LT(50, enomem_each("insmod vexfs_trace.ko", load, unload_again,
				  (void *)argv[2]));
	EXPECT_EQ(0, enomem_except(NULL));
	ASSERT_EQ(0, vxt_module_load("selftests/modules/vxt_fixture"));
	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 10, &self->known));
}

struct table {
	char path[64];
	unsigned int lines;	/* when all of it comes */
};

static int lines(const char *path)
{
	char buf[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC), n = 0;
	ssize_t got, i;

	if (fd < 0)
		return -errno;
	while ((got = read(fd, buf, sizeof(buf))) > 0)
		for (i = 0; i < got; i++)
			n += buf[i] == '\n';
	if (got < 0)
		n = -errno;
	close(fd);
	return n;
}

/* A table that is cut short and says nothing would be as bad as a fault. */
static int read_all(void *arg)
{
	const struct table *table = arg;
	int n = lines(table->path);

	return n < 0 ? n : n >= (int)table->lines ? 0 : -EBADMSG;
}

TEST_F_TIMEOUT(enomem, its_files_are_read_or_refused, 250)
{
	static const char * const names[] = {
		"stack", "chain", "latency", "ops", "locks", "cache", "alloc", "leaks", "held",
		"bad_frees", "targets", "config",
	};
	struct table table;
	unsigned int i;
	int n;

	ASSERT_EQ(0, vxt_write(TARGETS, "+" FUNCTION));
	ASSERT_EQ(0, vxt_run("plain", CLASS, 5, 10, &self->known));
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(table.path, sizeof(table.path), VXT_DIR "%s", names[i]);
		n = lines(table.path);
		ASSERT_LT(0, n);
		table.lines = n;
		EXPECT_LT(0, enomem_each(table.path, read_all, NULL, &table));
	}
}

static int add(void *arg)
{
	return vxt_write(TARGETS, arg);
}

static int remove_again(void *arg, int err)
{
	char text[64];

	snprintf(text, sizeof(text), "-%s", (char *)arg + 1);
	text[strcspn(text, " ")] = '\0';
	return err ? 0 : vxt_write(TARGETS, text);
}

TEST_F_TIMEOUT(enomem, a_target_is_added_whole_or_not_at_all, 250)
{
	static char * const names[] = { "+" FUNCTION, "+" MODULE " " FUNCTION };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		EXPECT_LT(0, enomem_each(names[i], add, remove_again, names[i]));
		ASSERT_EQ(0, vxt_run("call", CLASS, 5, 100, &self->known));
		EXPECT_EQ(0, remove_again(names[i], 0));
	}
}

static int dump(void *arg)
{
	return nl_ask(arg, VEXFS_TRACE_CMD_STACK_GET, NLM_F_DUMP);
}

static int status(void *arg)
{
	return nl_ask(arg, VEXFS_TRACE_CMD_STATUS_GET, NLM_F_ACK);
}

/* What is left of an answer that broke off. */
static int drain(void *arg, int err)
{
	struct nl *nl = arg;

	if (!err)
		return 0;
	close(nl->fd);
	return nl_open(nl);
}

TEST_F_TIMEOUT(enomem, questions_by_netlink_are_answered_or_refused, 250)
{
	EXPECT_LT(0, enomem_each("stack-get", dump, drain, &self->nl));
	EXPECT_LT(0, enomem_each("status-get", status, drain, &self->nl));
}

#define OPERATIONS	50

/* Each of them may allocate; what the tracer cannot keep it counts as lost. */
static int operate(void *arg)
{
	uint64_t *done = arg;
	unsigned int i;
	char text[32];
	int err = 0;

	snprintf(text, sizeof(text), "plain %u 5", CLASS);
	for (i = 0; i < OPERATIONS && !err; i++) {
		err = vxt_write(VXT_FIXTURE, text);
		*done += !err;
	}
	return err;
}

TEST_F_TIMEOUT(enomem, operations_are_counted_without_memory, 250)
{
	struct vxt_stack seen;
	uint64_t done = 0;

	EXPECT_LE(0, enomem_each("operations", operate, NULL, &done));
	ASSERT_EQ(0, vxt_stack("search", &seen));
	EXPECT_LT(OPERATIONS, done);
	EXPECT_EQ(done, seen.calls);
	EXPECT_EQ(done, seen.painted + seen.unpainted + seen.clipped);
}

TEST_HARNESS_MAIN

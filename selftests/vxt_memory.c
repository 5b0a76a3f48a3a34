// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sizes, lifetimes, leaks and bad frees of memory whose fate is known: all that was seeded is
 * found, and nothing else.
 */
#include <sys/wait.h>
#include "common.h"
#include "vxt.h"
#include "vxt_nl.h"

#define CONFIG		VXT_DIR "config"
#define MEMORY		"/sys/kernel/debug/vxt_memory"
#define TRACKED_MOST	16384	/* objects that the module can follow at once */
#define MS		1000000ULL

FIXTURE(memory) {
	struct nl nl;
	pid_t worker;
};

FIXTURE_SETUP(memory)
{
	int err = vxt_module_load("selftests/modules/vxt_memory");

	ASSERT_TRUE(err == 0 || err == -EEXIST);
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, vxt_write(CONFIG, "alloc_sample 1"));
	ASSERT_EQ(0, vxt_reset());
	self->worker = 0;
}

FIXTURE_TEARDOWN(memory)
{
	if (self->worker) {
		kill(self->worker, SIGKILL);
		waitpid(self->worker, NULL, 0);
	}
	do_umount();
	EXPECT_EQ(0, vxt_module_unload("vxt_memory"));
	EXPECT_EQ(0, vxt_write(CONFIG, "alloc_sample 64"));
	EXPECT_EQ(0, vxt_write(CONFIG, "window 10"));
	close(self->nl.fd);
}

/*
 * The message of a dump of sites that is about a function of the fixture, or NULL. A fixture that
 * was loaded before has left sites of the same name behind: the last one counts.
 */
static const struct nlmsghdr *find(struct nl *nl, uint8_t cmd, uint16_t func, const char *name)
{
	const struct nlmsghdr *found = NULL;
	unsigned int i;

	if (nl_ask(nl, cmd, NLM_F_DUMP))
		return NULL;
	for (i = 0; i < nl->nr; i++)
		if (!strcmp(nl_text(nl->msg[i], func), name))
			found = nl->msg[i];
	return found;
}

static const struct nlmsghdr *find_alloc(struct nl *nl, const char *name)
{
	return find(nl, VEXFS_TRACE_CMD_ALLOC_GET, VEXFS_TRACE_A_ALLOC_FUNC, name);
}

static const struct nlmsghdr *find_leak(struct nl *nl, const char *name)
{
	return find(nl, VEXFS_TRACE_CMD_LEAK_GET, VEXFS_TRACE_A_LEAK_FUNC, name);
}

static const char *verdict_of(struct nl *nl, const char *name)
{
	const struct nlmsghdr *h = find_leak(nl, name);

	return h ? nl_text(h, VEXFS_TRACE_A_LEAK_VERDICT) : "?";
}

/* How many sites of VexFS itself have the verdict. */
static unsigned int count_verdict(struct nl *nl, const char *verdict)
{
	unsigned int i, count = 0;

	if (nl_ask(nl, VEXFS_TRACE_CMD_LEAK_GET, NLM_F_DUMP))
		return UINT32_MAX;
	for (i = 0; i < nl->nr; i++)
		count += !strcmp(nl_text(nl->msg[i], VEXFS_TRACE_A_LEAK_VERDICT), verdict) &&
			 strncmp(nl_text(nl->msg[i], VEXFS_TRACE_A_LEAK_FILE), "kmod/none/", 10);
	return count;
}

/* Allocations of the class of sizes of up to @most bytes. */
static uint64_t size_count(const struct nlmsghdr *h, uint64_t most)
{
	const char *at = (const char *)h + NLMSG_HDRLEN + GENL_HDRLEN;
	const char *end = (const char *)h + h->nlmsg_len;
	const struct nlattr *attr, *figure;
	uint64_t value;

	for (; end - at >= NLA_HDRLEN; at += NLA_ALIGN(attr->nla_len)) {
		attr = (const void *)at;
		if ((attr->nla_type & NLA_TYPE_MASK) != VEXFS_TRACE_A_ALLOC_SIZE)
			continue;
		figure = nl_find(nl_data(attr), attr->nla_len - NLA_HDRLEN,
				 VEXFS_TRACE_A_SIZE_MOST);
		memcpy(&value, nl_data(figure), sizeof(value));
		if (value != most)
			continue;
		figure = nl_find(nl_data(attr), attr->nla_len - NLA_HDRLEN,
				 VEXFS_TRACE_A_SIZE_COUNT);
		memcpy(&value, nl_data(figure), sizeof(value));
		return value;
	}
	return 0;
}

/* Is the @nth function of the calls of this type the named one? */
static bool calls_name(const struct nlmsghdr *h, uint16_t type, unsigned int nth, const char *name)
{
	const char *at = (const char *)h + NLMSG_HDRLEN + GENL_HDRLEN;
	const char *end = (const char *)h + h->nlmsg_len;
	const struct nlattr *attr, *function;

	for (; end - at >= NLA_HDRLEN; at += NLA_ALIGN(attr->nla_len)) {
		attr = (const void *)at;
		if ((attr->nla_type & NLA_TYPE_MASK) != type || nth--)
			continue;
		function = nl_find(nl_data(attr), attr->nla_len - NLA_HDRLEN,
				   VEXFS_TRACE_A_FRAME_FUNCTION);
		return function && !strncmp(nl_data(function), name, strlen(name)) &&
		       ((const char *)nl_data(function))[strlen(name)] == '+';
	}
	return false;
}

TEST_F(memory, counts_and_sizes_are_exact)
{
	const struct nlmsghdr *h;

	ASSERT_EQ(0, vxt_write(MEMORY, "churn 1000 100"));
	ASSERT_EQ(0, vxt_write(MEMORY, "churn 30 16"));
	ASSERT_EQ(0, vxt_write(MEMORY, "churn 20 17"));
	ASSERT_EQ(0, vxt_write(MEMORY, "churn 10 100000"));
	h = find_alloc(&self->nl, "memory_churn");
	ASSERT_NE(NULL, h);
	EXPECT_EQ(1060, nl_u64(h, VEXFS_TRACE_A_ALLOC_ALLOCS));
	EXPECT_EQ(1060, nl_u64(h, VEXFS_TRACE_A_ALLOC_FREES));
	EXPECT_EQ(1000 * 100 + 30 * 16 + 20 * 17 + 10 * 100000,
		  nl_u64(h, VEXFS_TRACE_A_ALLOC_BYTES));
	EXPECT_EQ(100000, nl_u64(h, VEXFS_TRACE_A_ALLOC_PEAK));
	EXPECT_EQ(0, nl_u64(h, VEXFS_TRACE_A_ALLOC_LIVE));
	EXPECT_EQ(30, size_count(h, 16));
	EXPECT_EQ(20, size_count(h, 32));
	EXPECT_EQ(1000, size_count(h, 128));
	EXPECT_EQ(10, size_count(h, 131072));
	EXPECT_EQ(0, nl_u64(h, VEXFS_TRACE_A_ALLOC_CACHE));
	ASSERT_EQ(0, vxt_write(MEMORY, "keep 10 5000"));
	h = find_alloc(&self->nl, "memory_keep");
	ASSERT_NE(NULL, h);
	EXPECT_EQ(10, nl_u64(h, VEXFS_TRACE_A_ALLOC_LIVE_OBJECTS));
	EXPECT_EQ(50000, nl_u64(h, VEXFS_TRACE_A_ALLOC_LIVE));
	ASSERT_EQ(0, vxt_write(MEMORY, "drop 0 16"));
	h = find_alloc(&self->nl, "memory_keep");
	EXPECT_EQ(0, nl_u64(h, VEXFS_TRACE_A_ALLOC_LIVE_OBJECTS));
	EXPECT_EQ(0, nl_u64(h, VEXFS_TRACE_A_ALLOC_LIVE));
}

TEST_F(memory, lifetimes)
{
	const struct nlmsghdr *h;
	unsigned int i;

	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, vxt_write(MEMORY, "live 100 64"));
	h = find_leak(&self->nl, "memory_live");
	ASSERT_NE(NULL, h);
	EXPECT_EQ(5, nl_u64(h, VEXFS_TRACE_A_LEAK_ENDED));
	EXPECT_EQ(0, nl_u64(h, VEXFS_TRACE_A_LEAK_UNTRACKED));
	EXPECT_EQ(0, nl_u64(h, VEXFS_TRACE_A_LEAK_TRACKED));
	EXPECT_LE(100 * MS, nl_u64(h, VEXFS_TRACE_A_LEAK_MEAN_NS));
	EXPECT_LE(88 * MS, nl_u64(h, VEXFS_TRACE_A_LEAK_P50_NS));
	EXPECT_LE(nl_u64(h, VEXFS_TRACE_A_LEAK_MEAN_NS), nl_u64(h, VEXFS_TRACE_A_LEAK_MAX_NS));
	EXPECT_LE(nl_u64(h, VEXFS_TRACE_A_LEAK_P50_NS), nl_u64(h, VEXFS_TRACE_A_LEAK_P99_NS));
	/* Nothing else makes them long: twice is too much even in an emulator that was stopped. */
	EXPECT_GE(200 * MS, nl_u64(h, VEXFS_TRACE_A_LEAK_P50_NS));
}

TEST_F(memory, one_in_so_many_is_followed)
{
	const struct nlmsghdr *h;
	uint64_t ended;

	ASSERT_EQ(0, vxt_write(CONFIG, "alloc_sample 100"));
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, vxt_write(MEMORY, "churn 10000 64"));
	h = find_leak(&self->nl, "memory_churn");
	ASSERT_NE(NULL, h);
	ended = nl_u64(h, VEXFS_TRACE_A_LEAK_ENDED);
	/* The first four, and then each hundredth. */
	EXPECT_EQ(4 + (10000 - 4) / 100, ended);
	ASSERT_EQ(0, vxt_write(CONFIG, "alloc_sample 0"));
	ASSERT_EQ(0, vxt_reset());
	ASSERT_EQ(0, vxt_write(MEMORY, "churn 10000 64"));
	h = find_leak(&self->nl, "memory_churn");
	EXPECT_EQ(0, nl_u64(h, VEXFS_TRACE_A_LEAK_ENDED));
}

TEST_F(memory, what_is_held_tells_where_it_comes_from)
{
	const struct nlmsghdr *h;
	unsigned int site;

	ASSERT_EQ(0, vxt_write(MEMORY, "leak 7 300"));
	h = find_alloc(&self->nl, "memory_leak");
	ASSERT_NE(NULL, h);
	site = nl_u64(h, VEXFS_TRACE_A_ALLOC_SITE);
	nl_begin(&self->nl, VEXFS_TRACE_CMD_HELD_GET, NLM_F_DUMP);
	nl_put_u32(&self->nl, VEXFS_TRACE_A_HELD_SITE, site);
	ASSERT_EQ(0, nl_talk(&self->nl));
	ASSERT_EQ(1, self->nl.nr);
	h = self->nl.msg[0];
	EXPECT_EQ(7, nl_u64(h, VEXFS_TRACE_A_HELD_OBJECTS));
	EXPECT_EQ(2100, nl_u64(h, VEXFS_TRACE_A_HELD_BYTES));
	EXPECT_EQ(getpid(), nl_u64(h, VEXFS_TRACE_A_HELD_PID));
	EXPECT_TRUE(calls_name(h, VEXFS_TRACE_A_HELD_FRAME, 0, "memory_hold"));
	EXPECT_TRUE(calls_name(h, VEXFS_TRACE_A_HELD_FRAME, 1, "memory_leak"));
}

TEST_F(memory, without_a_mount_what_is_held_is_leaked)
{
	const struct nlmsghdr *h;

	EXPECT_EQ(0, count_verdict(&self->nl, "leaked"));
	ASSERT_EQ(0, vxt_write(MEMORY, "leak 7 300"));
	ASSERT_EQ(0, vxt_write(MEMORY, "churn 7 300"));
	h = find_leak(&self->nl, "memory_leak");
	ASSERT_NE(NULL, h);
	EXPECT_STREQ("leaked", nl_text(h, VEXFS_TRACE_A_LEAK_VERDICT));
	EXPECT_EQ(7, nl_u64(h, VEXFS_TRACE_A_LEAK_LIVE_OBJECTS));
	EXPECT_EQ(2100, nl_u64(h, VEXFS_TRACE_A_LEAK_LIVE));
	EXPECT_STREQ("steady", verdict_of(&self->nl, "memory_churn"));
	EXPECT_EQ(0, count_verdict(&self->nl, "leaked"));
	ASSERT_EQ(0, make_fs(64));
	ASSERT_EQ(0, do_mount(0, NULL));
	EXPECT_STREQ("steady", verdict_of(&self->nl, "memory_leak"));
	ASSERT_EQ(0, do_umount());
	EXPECT_STREQ("leaked", verdict_of(&self->nl, "memory_leak"));
	EXPECT_EQ(0, count_verdict(&self->nl, "leaked"));
}

/* Files that come and stay, and files that come and go. */
static void work(void)
{
	char path[64];
	int i;

	for (i = 0;; i++) {
		snprintf(path, sizeof(path), MNT "/stays%d", i % 2000);
		make_file(path, 3000, i);
		snprintf(path, sizeof(path), MNT "/goes%d", i);
		make_file(path, 500, i);
		unlink(path);
	}
}

TEST_F(memory, one_that_grows_and_outlives_the_others_is_suspect)
{
	unsigned int i;

	ASSERT_EQ(0, make_fs(256));
	ASSERT_EQ(0, do_mount(0, NULL));
	ASSERT_EQ(0, vxt_write(CONFIG, "window 1"));
	self->worker = fork();
	ASSERT_LE(0, self->worker);
	if (!self->worker) {
		work();
		_exit(0);
	}
	/* Ages are those of whole windows: twice as many as the verdict needs, and patience. */
	for (i = 0; i < 120; i++) {
		ASSERT_EQ(0, vxt_write(MEMORY, "drip 1 64"));
		ASSERT_EQ(0, vxt_write(MEMORY, "leak 1 64"));
		ASSERT_EQ(0, vxt_write(MEMORY, "churn 5 64"));
		usleep(200000);
		if (i >= 40 && !strcmp(verdict_of(&self->nl, "memory_drip"), "suspect"))
			break;
	}
	EXPECT_STREQ("suspect", verdict_of(&self->nl, "memory_drip"));
	/* Never freed: nothing is known of how long it should live. */
	EXPECT_STREQ("growing", verdict_of(&self->nl, "memory_leak"));
	EXPECT_STREQ("steady", verdict_of(&self->nl, "memory_churn"));
	EXPECT_EQ(0, count_verdict(&self->nl, "suspect"));
	EXPECT_LT(0, count_verdict(&self->nl, "cache"));
}

/* Ask for bad frees; the one that is of @kind and was refused @count times, or NULL. */
static const struct nlmsghdr *bad_free(struct nl *nl, const char *kind, uint64_t count)
{
	unsigned int i;

	if (nl_ask(nl, VEXFS_TRACE_CMD_BAD_FREE_GET, NLM_F_DUMP))
		return NULL;
	for (i = 0; i < nl->nr; i++)
		if (!strcmp(nl_text(nl->msg[i], VEXFS_TRACE_A_BAD_FREE_KIND), kind) &&
		    nl_u64(nl->msg[i], VEXFS_TRACE_A_BAD_FREE_COUNT) == count)
			return nl->msg[i];
	return NULL;
}

static bool is_of(const struct nlmsghdr *h, uint16_t type, const char *name)
{
	const char *function = nl_text(h, type);

	return !strncmp(function, name, strlen(name)) && function[strlen(name)] == '+';
}

TEST_F(memory, double_frees_tell_all_three_places)
{
	static const char * const size[] = { "100", "1500", "8192", "65536" };
	const struct nlmsghdr *h;
	unsigned int i;
	char line[64];

	for (i = 0; i < sizeof(size) / sizeof(*size); i++) {
		snprintf(line, sizeof(line), "double %u %s", i + 3, size[i]);
		ASSERT_EQ(0, vxt_write(MEMORY, line));
		h = bad_free(&self->nl, "double-free", i + 3);
		ASSERT_NE(NULL, h) {
			TH_LOG("%s bytes: %s", size[i], vxt_read(VXT_DIR "bad_frees"));
		}
		EXPECT_STREQ("memory_double", nl_text(h, VEXFS_TRACE_A_BAD_FREE_FUNC));
		EXPECT_EQ(getpid(), nl_u64(h, VEXFS_TRACE_A_BAD_FREE_PID));
		EXPECT_TRUE(is_of(h, VEXFS_TRACE_A_BAD_FREE_FIRST, "memory_free_first"));
		EXPECT_TRUE(is_of(h, VEXFS_TRACE_A_BAD_FREE_BY, "memory_free_again"));
		EXPECT_TRUE(calls_name(h, VEXFS_TRACE_A_BAD_FREE_ALLOCATED, 0, "memory_double") ||
			    calls_name(h, VEXFS_TRACE_A_BAD_FREE_ALLOCATED, 1, "memory_double"));
		EXPECT_TRUE(calls_name(h, VEXFS_TRACE_A_BAD_FREE_FREED, 0, "memory_free_first"));
		EXPECT_TRUE(calls_name(h, VEXFS_TRACE_A_BAD_FREE_AGAIN, 0, "memory_free_again"));
		ASSERT_EQ(0, vxt_reset());
	}
	/* The allocators took no harm, and the counts none. */
	ASSERT_EQ(0, vxt_write(MEMORY, "churn 10000 100"));
	h = find_alloc(&self->nl, "memory_double");
	EXPECT_EQ(0, nl_u64(h, VEXFS_TRACE_A_ALLOC_LIVE));
}

TEST_F(memory, a_double_free_of_what_was_not_followed)
{
	const struct nlmsghdr *h;

	ASSERT_EQ(0, vxt_write(CONFIG, "alloc_sample 0"));
	ASSERT_EQ(0, vxt_write(MEMORY, "double 5 200"));
	h = bad_free(&self->nl, "double-free", 5);
	ASSERT_NE(NULL, h);
	EXPECT_STREQ("memory_double", nl_text(h, VEXFS_TRACE_A_BAD_FREE_FUNC));
	EXPECT_TRUE(is_of(h, VEXFS_TRACE_A_BAD_FREE_FIRST, "memory_free_first"));
	EXPECT_TRUE(is_of(h, VEXFS_TRACE_A_BAD_FREE_BY, "memory_free_again"));
	EXPECT_TRUE(calls_name(h, VEXFS_TRACE_A_BAD_FREE_AGAIN, 0, "memory_free_again"));
	EXPECT_EQ(NULL, nl_attr(h, VEXFS_TRACE_A_BAD_FREE_FREED));
}

TEST_F(memory, foreign_frees)
{
	const struct nlmsghdr *h;

	ASSERT_EQ(0, vxt_write(MEMORY, "foreign 4 100"));
	h = bad_free(&self->nl, "foreign-free", 4);
	ASSERT_NE(NULL, h);
	EXPECT_EQ(0, nl_u64(h, VEXFS_TRACE_A_BAD_FREE_SITE));
	EXPECT_EQ(NULL, nl_attr(h, VEXFS_TRACE_A_BAD_FREE_FIRST));
	EXPECT_TRUE(is_of(h, VEXFS_TRACE_A_BAD_FREE_BY, "memory_free_foreign"));
	EXPECT_TRUE(calls_name(h, VEXFS_TRACE_A_BAD_FREE_AGAIN, 0, "memory_free_foreign"));
	ASSERT_EQ(0, vxt_reset());
	EXPECT_EQ(NULL, bad_free(&self->nl, "foreign-free", 4));
}

TEST_F(memory, a_full_table_is_told)
{
	const struct nlmsghdr *h;
	uint64_t tracked;

	ASSERT_EQ(0, vxt_write(MEMORY, "keep 30000 32"));
	h = find_leak(&self->nl, "memory_keep");
	ASSERT_NE(NULL, h);
	tracked = nl_u64(h, VEXFS_TRACE_A_LEAK_TRACKED);
	EXPECT_EQ(30000, nl_u64(h, VEXFS_TRACE_A_LEAK_LIVE_OBJECTS));
	EXPECT_GE(TRACKED_MOST, tracked);
	EXPECT_LT(TRACKED_MOST / 2, tracked);
	EXPECT_EQ(30000, tracked + nl_u64(h, VEXFS_TRACE_A_LEAK_UNTRACKED));
	ASSERT_EQ(0, vxt_write(MEMORY, "drop 0 32"));
	h = find_leak(&self->nl, "memory_keep");
	EXPECT_EQ(0, nl_u64(h, VEXFS_TRACE_A_LEAK_TRACKED));
	EXPECT_EQ(tracked, nl_u64(h, VEXFS_TRACE_A_LEAK_ENDED));
}

/* Objects in use of a slab cache, 0 when there is none of that name. */
static unsigned long slab(const char *name)
{
	char *text = vxt_read("/proc/slabinfo"), *line;
	unsigned long objects = 0;
	char key[64];

	if (!text)
		return 0;
	snprintf(key, sizeof(key), "\n%s ", name);
	line = strstr(text, key);
	if (line)
		sscanf(line + strlen(key), "%lu", &objects);
	free(text);
	return objects;
}

/* Bytes of address space that VexFS has of vmalloc. */
static unsigned long vmalloced(void)
{
	char *text = vxt_read("/proc/vmallocinfo"), *line, *next;
	unsigned long sum = 0, bytes;

	for (line = text; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (strstr(line, "vexfs_mem_get_pages") && sscanf(line, "%*s %lu", &bytes) == 1)
			sum += bytes;
	}
	free(text);
	return sum;
}

/* What we count is what the allocators gave. */
TEST_F(memory, reconciled_with_the_allocators)
{
	unsigned long before = slab("kmalloc-1k"), vmalloc_before = vmalloced(), inodes;
	const struct nlmsghdr *h;
	int fd[200], i;
	char path[64];

	ASSERT_EQ(0, vxt_write(MEMORY, "keep 8000 1000"));
	/* Others use this cache too, and each CPU keeps some of its objects at hand. */
	EXPECT_LE(before + 8000 - 400, slab("kmalloc-1k"));
	EXPECT_GE(before + 8000 + 400, slab("kmalloc-1k"));
	ASSERT_EQ(0, vxt_write(MEMORY, "drop 0 32"));
	EXPECT_GE(before + 400, slab("kmalloc-1k"));

	ASSERT_EQ(0, vxt_write(MEMORY, "keep 10 100000"));
	/* Whole pages, and one more that guards them. */
	EXPECT_EQ(vmalloc_before + 10 * (102400 + 4096), vmalloced());
	ASSERT_EQ(0, vxt_write(MEMORY, "drop 0 32"));
	EXPECT_EQ(vmalloc_before, vmalloced());

	ASSERT_EQ(0, make_fs(64));
	ASSERT_EQ(0, do_mount(0, NULL));
	for (i = 0; i < 200; i++) {
		snprintf(path, sizeof(path), MNT "/file%d", i);
		fd[i] = open(path, O_CREAT | O_RDWR, 0644);
		ASSERT_LE(0, fd[i]);
	}
	h = find_alloc(&self->nl, "vexfs_inode_cache_init");
	ASSERT_NE(NULL, h);
	inodes = nl_u64(h, VEXFS_TRACE_A_ALLOC_LIVE_OBJECTS);
	EXPECT_LE(200, inodes);
	EXPECT_EQ(1, nl_u64(h, VEXFS_TRACE_A_ALLOC_CACHE));
	/* What each CPU keeps at hand counts as in use, until it is given back. */
	ASSERT_EQ(0, vxt_write("/sys/kernel/slab/vexfs_inode/shrink", "1"));
	EXPECT_LE(inodes, slab("vexfs_inode"));
	EXPECT_GE(inodes + 10, slab("vexfs_inode"));
	for (i = 0; i < 200; i++)
		close(fd[i]);
}

TEST_F(memory, the_module_may_go_and_come_while_objects_are_held)
{
	const struct nlmsghdr *h;

	ASSERT_EQ(0, vxt_write(MEMORY, "keep 100 64"));
	close(self->nl.fd);
	ASSERT_EQ(0, vxt_module_unload("vexfs_trace"));
	ASSERT_EQ(0, vxt_module_load("vexfs_trace"));
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, vxt_write(MEMORY, "drop 0 64"));
	h = find_leak(&self->nl, "memory_keep");
	ASSERT_NE(NULL, h);
	EXPECT_EQ(0, nl_u64(h, VEXFS_TRACE_A_LEAK_LIVE_OBJECTS));
	/* It did not see them come. */
	EXPECT_EQ(0, nl_u64(h, VEXFS_TRACE_A_LEAK_ENDED));
	EXPECT_EQ(0, nl_u64(h, VEXFS_TRACE_A_LEAK_TRACKED));
}

TEST_F(memory, settings_out_of_range_are_refused)
{
	EXPECT_EQ(-ERANGE, vxt_write(CONFIG, "alloc_sample 1000001"));
	EXPECT_EQ(-EINVAL, vxt_write(CONFIG, "alloc_sample -1"));
	EXPECT_EQ(-EINVAL, vxt_write(CONFIG, "alloc_sample many"));
	EXPECT_EQ(-ERANGE, vxt_write(CONFIG, "window 86401"));
}

TEST_F(memory, debugfs_reads_to_the_end)
{
	static const char * const file[] = { "alloc", "leaks", "held", "bad_frees" };
	unsigned int i;
	char *text;

	ASSERT_EQ(0, vxt_write(MEMORY, "double 1 100"));
	ASSERT_EQ(0, vxt_write(MEMORY, "leak 3 100"));
	for (i = 0; i < 4; i++) {
		char path[64];

		snprintf(path, sizeof(path), VXT_DIR "%s", file[i]);
		text = vxt_read(path);
		ASSERT_NE(NULL, text);
		EXPECT_NE(NULL, strstr(text, i == 3 ? "memory_free_again+" : "memory_leak"));
		EXPECT_EQ('\n', text[strlen(text) - 1]);
		free(text);
	}
}

TEST_HARNESS_MAIN

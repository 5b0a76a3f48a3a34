// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUs come and go under vexfs_trace.ko: no call is lost or counted twice, counters never go
 * backwards, and each CPU that is online has its watchpoint.
 */
#include "common.h"
#include "vxt.h"
#include "vxt_nl.h"
#include <signal.h>
#include <trace/vexfs_op.h>

#define CPU		1
#define CPU_ONLINE	"/sys/devices/system/cpu/cpu1/online"
#define CLASS		VEXFS_OP_SEARCH
#define NAME		"search"
#define SHARE_ALL	10000
#define SHARE_DEFAULT	10
#define TASKS		64
#define ROUNDS		80	/* of each task */
#define TIMES		60

FIXTURE(hotplug) {
	struct nl nl;
	struct vxt_known known;
};

static int cpu_set_online(bool online)
{
	return vxt_write(CPU_ONLINE, online ? "1" : "0");
}

FIXTURE_SETUP(hotplug)
{
	int err = vxt_module_load("selftests/modules/vxt_fixture");

	ASSERT_TRUE(err == 0 || err == -EEXIST);
	ASSERT_LE(2, sysconf(_SC_NPROCESSORS_ONLN));
	ASSERT_EQ(0, nl_open(&self->nl));
	ASSERT_EQ(0, vxt_share(SHARE_ALL));
	ASSERT_EQ(0, vxt_reset());
}

FIXTURE_TEARDOWN(hotplug)
{
	cpu_set_online(true);
	vxt_module_load("vexfs_trace");
	close(self->nl.fd);
	vxt_share(SHARE_DEFAULT);
	vxt_reset();
	EXPECT_EQ(0, vxt_module_unload("vxt_fixture"));
}

/* On how many CPUs words of the stack can be watched. */
static long watches(struct nl *nl)
{
	if (nl_ask(nl, VEXFS_TRACE_CMD_STATUS_GET, NLM_F_ACK))
		return -1;
	return nl_u64(nl->msg[0], VEXFS_TRACE_A_STATUS_WATCHES);
}

static int run_on(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return neg(sched_setaffinity(0, sizeof(set), &set));
}

TEST_F(hotplug, a_cpu_has_a_watchpoint_while_it_is_online)
{
	long all = sysconf(_SC_NPROCESSORS_ONLN);
	int i;

	EXPECT_EQ(all, watches(&self->nl));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, cpu_set_online(false));
		EXPECT_EQ(all - 1, watches(&self->nl));
		ASSERT_EQ(0, cpu_set_online(true));
		EXPECT_EQ(all, watches(&self->nl));
	}
}

TEST_F(hotplug, one_that_was_offline_when_the_module_came_gets_one_too)
{
	long all = sysconf(_SC_NPROCESSORS_ONLN);

	ASSERT_EQ(0, vxt_module_unload("vexfs_trace"));
	ASSERT_EQ(0, cpu_set_online(false));
	ASSERT_EQ(0, vxt_module_load("vexfs_trace"));
	close(self->nl.fd);
	ASSERT_EQ(0, nl_open(&self->nl));
	EXPECT_EQ(all - 1, watches(&self->nl));
	ASSERT_EQ(0, cpu_set_online(true));
	EXPECT_EQ(all, watches(&self->nl));
}

TEST_F(hotplug, the_deepest_chain_is_caught_on_a_cpu_that_has_come_back)
{
	struct vxt_chain chain = {};
	int i;

	ASSERT_EQ(0, cpu_set_online(false));
	ASSERT_EQ(0, cpu_set_online(true));
	ASSERT_EQ(0, run_on(CPU));
	for (i = 0; i < TIMES && !chain.nr; i++) {
		ASSERT_EQ(0, vxt_run("leaf", CLASS, 6, 2, &self->known));
		ASSERT_EQ(0, vxt_chain(NAME, &chain));
	}
	EXPECT_LE(self->known.expect, chain.depth);
	EXPECT_TRUE(vxt_adds_up(&chain));
}

TEST_F(hotplug, one_may_go_in_the_middle_of_an_operation)
{
	struct vxt_stack seen;
	int i, status;
	pid_t pid;

	for (i = 0; i < 4; i++) {
		pid = fork();
		if (!pid) {
			run_on(CPU);
			_exit(vxt_write(VXT_FIXTURE, "wait 19 6") ? 1 : 0);
		}
		usleep(200000);
		ASSERT_EQ(0, cpu_set_online(false));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		ASSERT_EQ(0, cpu_set_online(true));
	}
	ASSERT_EQ(0, vxt_stack(NAME, &seen));
	EXPECT_EQ(4, seen.calls);
	EXPECT_EQ(4, seen.painted + seen.clipped);
}

static void make_and_remove(unsigned int task)
{
	char name[64];
	int i;

	snprintf(name, sizeof(name), MNT "/%u", task);
	for (i = 0; i < ROUNDS; i++)
		if (mkdir(name, 0755) || rmdir(name))
			_exit(1);
	_exit(0);
}

/* Whether all children have ended, and well. */
static bool ended(unsigned int *running, bool *fine)
{
	int status;

	while (*running && waitpid(-1, &status, WNOHANG) > 0) {
		--*running;
		*fine &= status == 0;
	}
	return !*running;
}

TEST_F_TIMEOUT(hotplug, calls_of_64_tasks_are_counted_once_each, 250)
{
	static const char *const names[] = { "mkdir", "rmdir", "lookup", "evict" };
	unsigned int task, running = TASKS, turns = 0, backwards = 0, i;
	uint64_t last[4] = {};
	struct vxt_stack seen;
	bool fine = true;

	ASSERT_EQ(0, make_fs(64));
	ASSERT_EQ(0, do_mount(0, NULL));
	ASSERT_EQ(0, vxt_share(SHARE_DEFAULT));
	ASSERT_EQ(0, vxt_reset());
	for (task = 0; task < TASKS; task++)
		if (!fork())
			make_and_remove(task);
	while (!ended(&running, &fine)) {
		ASSERT_EQ(0, cpu_set_online(turns++ % 2));
		for (i = 0; i < 4; i++) {
			ASSERT_EQ(0, vxt_stack(names[i], &seen));
			backwards += seen.calls < last[i];
			backwards += seen.calls != seen.painted + seen.unpainted + seen.clipped;
			last[i] = seen.calls;
		}
	}
	EXPECT_TRUE(fine);
	EXPECT_EQ(0, backwards);
	/* It went and came at least once: how often, the machine tells. */
	EXPECT_LE(2, turns);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vxt_stack(names[i], &seen));
		EXPECT_EQ(TASKS * ROUNDS, seen.calls);
	}
	ASSERT_EQ(0, cpu_set_online(true));
	EXPECT_EQ(0, do_umount());
}

TEST_HARNESS_MAIN

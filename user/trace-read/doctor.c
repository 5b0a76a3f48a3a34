// SPDX-License-Identifier: GPL-2.0-only
/*
 * What this machine lacks for a full report. Each need is a test that tries the thing
 * itself where that is harmless; nothing is changed.
 */
#include <errno.h>
#include <linux/magic.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base.h"
#include "doctor.h"

/**
 * struct need - one thing that a full report takes
 * @name: what
 * @met: whether it is there
 * @without: what a report lacks without it
 * @remedy: what to do
 */
struct need {
	const char *name;
	bool (*met)(void);
	const char *without;
	const char *remedy;
};

static bool have_vexfs(void)
{
	return !access("/sys/module/vexfs", F_OK);
}

static bool have_vexfs_trace(void)
{
	return !access("/sys/module/vexfs_trace", F_OK);
}

static bool have_netadmin(void)
{
	char *status = read_file("/proc/self/status", NULL);
	const char *line = status ? strstr(status, "\nCapEff:") : NULL;
	bool have = line && strtoull(line + 8, NULL, 16) & 1ULL << 12;

	free(status);
	return have;
}

static bool have_debugfs(void)
{
	struct statfs fs;

	return !statfs("/sys/kernel/debug", &fs) && fs.f_type == DEBUGFS_MAGIC &&
	       !access("/sys/kernel/debug/.", R_OK);
}

static bool have_bpf(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_STACK_TRACE, "vexfs_doctor", 4, 8, 1, NULL);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool have_open_kernel(void)
{
	char *lockdown = read_file("/sys/kernel/security/lockdown", NULL);
	bool open = !lockdown || !strstr(lockdown, "[confidentiality]");

	free(lockdown);
	return open;
}

static bool have_btf(void)
{
	return !access("/sys/kernel/btf/vmlinux", R_OK);
}

static bool have_perf(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY, .size = sizeof(attr),
		.exclude_kernel = 1,
	};
	int fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool have_kallsyms(void)
{
	char *text = read_file("/proc/kallsyms", NULL), *c = text;
	bool seen = false;

	while (c && !seen && (c = strchr(c, '\n')) && *++c)
		seen = strtoull(c, NULL, 16);
	free(text);
	return seen;
}

static bool have_depth(void)
{
	char *limit = read_file("/proc/sys/kernel/perf_event_max_stack", NULL);
	bool enough = limit && strtoul(limit, NULL, 10) >= 127;

	free(limit);
	return enough;
}

static const struct need needs[] = {
	{ "vexfs module", have_vexfs, "everything", "insmod vexfs.ko" },
	{ "vexfs_trace module", have_vexfs_trace, "counters", "insmod vexfs_trace.ko" },
	{ "CAP_NET_ADMIN", have_netadmin, "counters by netlink", "run as root" },
	{ "debugfs", have_debugfs, "counters by --debugfs",
	  "as root: mount -t debugfs debugfs /sys/kernel/debug" },
	{ "BPF", have_bpf, "call stacks", "run as root or with CAP_BPF and CAP_PERFMON" },
	{ "no confidentiality lockdown", have_open_kernel, "call stacks",
	  "boot with lockdown=integrity or none" },
	{ "kernel BTF", have_btf, "telling processes apart that had the same number",
	  "a kernel with CONFIG_DEBUG_INFO_BTF=y" },
	{ "perf events", have_perf, "user functions of processes that ended",
	  "run as root or with CAP_PERFMON" },
	{ "kernel symbols", have_kallsyms, "kernel functions",
	  "run as root; sysctl kernel.kptr_restrict=1" },
	{ "127 frames a stack", have_depth, "the outer end of deep stacks",
	  "sysctl kernel.perf_event_max_stack=127" },
};

int doctor(void)
{
	size_t i, missing = 0;

	for (i = 0; i < ARRAY_LEN(needs); i++) {
		bool met = needs[i].met();

		if (met)
			printf("ok       %s\n", needs[i].name);
		else
			printf("MISSING  %s (for %s): %s\n", needs[i].name, needs[i].without,
			       needs[i].remedy);
		missing += !met;
	}
	return missing ? 1 : 0;
}

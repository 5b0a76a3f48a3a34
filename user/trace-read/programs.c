// SPDX-License-Identifier: GPL-2.0-only
/* Loads and attaches the BPF programs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "vexfs_read.skel.h"

#include "base.h"
#include "counters.h"
#include "epoch.h"
#include "programs.h"
#include "sample.h"
#include "syscalls.h"

/* What libbpf had to say, shown when the cause of a failure is not obvious. */
static char *complaints;

static int on_libbpf_message(enum libbpf_print_level level, const char *format, va_list args)
{
	char *line, *all;

	if (level != LIBBPF_WARN || vasprintf(&line, format, args) < 0)
		return 0;
	all = xprintf("%s    %s", complaints ? complaints : "", line);
	free(complaints);
	free(line);
	complaints = all;
	return 0;
}

/* Byte offset of a member of @type, looking into unnamed members too; 0 when there is none. */
static uint32_t member_offset(const struct btf *btf, uint32_t type, const char *name)
{
	const struct btf_type *t = btf__type_by_id(btf, type);
	const struct btf_member *m = btf_members(t);
	uint32_t i, inner;

	for (i = 0; i < btf_vlen(t); i++) {
		const char *member = btf__name_by_offset(btf, m[i].name_off);
		uint32_t offset = btf_member_bit_offset(t, i) / 8;

		if (!strcmp(member, name))
			return offset;
		if (*member || !btf_is_composite(btf__type_by_id(btf, m[i].type)))
			continue;
		inner = member_offset(btf, m[i].type, name);
		if (inner)
			return offset + inner;
	}
	return 0;
}

/* Where the programs find what tells two processes of one number apart. */
static void find_task_members(struct vexfs_read_bpf *skel)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int task;

	if (!btf) {
		warn("no kernel BTF (/sys/kernel/btf/vmlinux): callers of libc are not found, and"
		     " two processes that have the same number within one second cannot be told"
		     " apart; use a kernel with CONFIG_DEBUG_INFO_BTF");
		return;
	}
	task = btf__find_by_name_kind(btf, "task_struct", BTF_KIND_STRUCT);
	if (task > 0) {
		skel->rodata->task_leader_offset = member_offset(btf, task, "group_leader");
		skel->rodata->task_start_offset = member_offset(btf, task, "start_time");
		skel->rodata->task_exec_offset = member_offset(btf, task, "self_exec_id");
	}
	btf__free(btf);
	skel->rodata->find_callers = syscalls_find() > 0;
}

static void explain_load(int err)
{
	char *lockdown = read_file("/sys/kernel/security/lockdown", NULL);

	if (lockdown && strstr(lockdown, "[confidentiality]"))
		warn("no call stacks: kernel lockdown forbids BPF to read kernel memory: boot with"
		     " lockdown=integrity or none");
	else if (err == -EPERM || err == -EACCES)
		warn("no call stacks: loading BPF programs is not permitted: run as root or with"
		     " CAP_BPF, CAP_PERFMON and CAP_SYS_RESOURCE");
	else
		warn("no call stacks: loading the BPF programs: %s\n%s", strerror(-err),
		     complaints ? complaints : "");
	free(lockdown);
}

/*
 * What the views have. Few enough events come from vexfs.ko as they are; of more the programs
 * choose.
 */
static void choose(struct programs *p, const struct options *o)
{
	bool kernel = o->views & VIEW_KERNEL, performance = o->views & VIEW_PERFORMANCE;
	bool memory = o->views & VIEW_MEMORY, few = programs_see_few(o);
	struct vexfs_read_bpf *skel = p->skel;
	const struct {
		struct bpf_program *prog;
		bool chosen;
		unsigned int kind;
	} choices[] = {
		{ skel->progs.op_exit, (kernel || performance) && !few, VEXFS_EVENT_OP },
		{ skel->progs.op_sample, (kernel || performance) && few, VEXFS_EVENT_OP },
		{ skel->progs.alloc, memory && !few, VEXFS_EVENT_ALLOC },
		{ skel->progs.alloc_sample, memory && few, VEXFS_EVENT_ALLOC },
		{ skel->progs.stack_record, kernel, VEXFS_EVENT_RECORD },
		{ skel->progs.stack_chain, kernel, VEXFS_EVENT_CHAIN },
		{ skel->progs.commit, performance, VEXFS_EVENT_NR },
		{ skel->progs.freed, o->follow, VEXFS_EVENT_NR },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(choices); i++) {
		bpf_program__set_autoload(choices[i].prog, choices[i].chosen);
		if (choices[i].chosen && choices[i].kind < VEXFS_EVENT_NR)
			p->of[choices[i].kind] = choices[i].prog;
	}
	skel->rodata->sample_below = SAMPLE_ALL / o->sample;
	skel->rodata->follow_memory = o->follow;
}

bool programs_load(struct programs *p, const struct options *o, unsigned int cpus)
{
	int err;

	libbpf_set_print(on_libbpf_message);
	*p = (struct programs){ .skel = vexfs_read_bpf__open(), .grace_inner = -1 };
	if (!p->skel) {
		explain_load(-errno);
		return false;
	}
	p->skel->rodata->cpus = cpus;
	find_task_members(p->skel);
	choose(p, o);
	bpf_map__set_max_entries(p->skel->maps.ring, o->ring_bytes);
	bpf_map__set_max_entries(p->skel->maps.syscalls, syscalls_find() + 1);
	p->grace_inner = epoch_size(p->skel, o, cpus);
	err = p->grace_inner < 0 ? -errno : vexfs_read_bpf__load(p->skel);
	if (!err)
		err = epoch_fill(p->skel);
	if (err) {
		explain_load(err);
		return false;
	}
	syscalls_fill(bpf_map__fd(p->skel->maps.syscalls));
	return true;
}

/* NULL when no view has it, or having told: there is nothing of @what without the tracepoint. */
static struct bpf_link *attach(struct bpf_program *prog, const char *what)
{
	const char *tracepoint = strchr(bpf_program__section_name(prog), '/') + 1;
	struct bpf_link *link;
	int err;

	if (!bpf_program__autoload(prog))
		return NULL;
	link = bpf_program__attach(prog);
	err = errno;
	if (!link && err == ENOENT)
		warn("no %s: the kernel has no tracepoint %s: insmod %s.ko", what, tracepoint,
		     strncmp(tracepoint, "vxt_", 4) ? "vexfs" : "vexfs_trace");
	else if (!link)
		warn("no %s: tracepoint %s: %s", what, tracepoint, strerror(err));
	return link;
}

bool programs_attach(struct programs *p)
{
	bool any = false;
	unsigned int kind;
	char *what;

	/* Frees before allocations: what is followed must not go unseen. */
	p->freed = attach(p->skel->progs.freed, "frees");
	p->commit = attach(p->skel->progs.commit, "commits");
	/* Records and chains come last: they fire inside of operations. */
	for (kind = 0; kind < VEXFS_EVENT_NR; kind++) {
		if (!p->of[kind])
			continue;
		what = xprintf("call stacks of %s", kind_name(kind));
		p->links[kind] = attach(p->of[kind], what);
		any |= !!p->links[kind];
		free(what);
	}
	return any;
}

void programs_detach(struct programs *p)
{
	unsigned int kind;

	for (kind = 0; kind < VEXFS_EVENT_NR; kind++) {
		bpf_link__destroy(p->links[kind]);
		p->links[kind] = NULL;
	}
	bpf_link__destroy(p->freed);
	bpf_link__destroy(p->commit);
	p->freed = NULL;
	p->commit = NULL;
}

void programs_free(struct programs *p)
{
	programs_detach(p);
	if (p->grace_inner >= 0)
		close(p->grace_inner);
	epoch_free();
	syscalls_free();
	vexfs_read_bpf__destroy(p->skel);
	*p = (struct programs){ .grace_inner = -1 };
}

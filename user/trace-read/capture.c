// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads and attaches the BPF programs, turns their epochs and keeps the account.
 *
 * Turning an epoch: change the variable, wait for a grace period, take what the
 * ring buffer holds, bring the knowledge of processes up to date, read the
 * retired maps, empty them. The order matters: records in the ring and totals in
 * the maps are resolved with mappings that are at least as new as they are.
 */
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
#include "capture.h"
#include "epoch.h"
#include "fallback.h"
#include "process.h"
#include "sample.h"
#include "syscalls.h"

/* Longest wait for programs that are past their grace period, in tries of 1 ms. */
#define SETTLE_TRIES	1000

struct span {
	uint64_t first, last, window_start;
};

static struct vexfs_read_bpf *skel;
static struct bpf_program *op_program, *alloc_program;
static struct bpf_link *links[VEXFS_EVENT_NR];
static int progs[VEXFS_EVENT_NR];
static struct ring_buffer *ring;
static int grace_inner = -1;
static unsigned int cpus;
/* What vexfs.ko lets the programs see of the operations and allocations. */
static uint64_t seen_below;
static struct span *spans[VEXFS_EVENT_NR];
static struct account accounts[VEXFS_EVENT_NR];
static uint64_t recursion_before[VEXFS_EVENT_NR];
static struct trouble trouble;
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
static void find_task_members(void)
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

/* Few enough come from vexfs.ko as they are; of more the programs choose. */
static void choose_programs(unsigned int sample)
{
	bool few = sample >= VEXFS_SAMPLE_EVERY;

	seen_below = few ? VEXFS_SAMPLE_BELOW : SAMPLE_ALL;
	skel->rodata->sample_below = SAMPLE_ALL / sample;
	bpf_program__set_autoload(skel->progs.op_exit, !few);
	bpf_program__set_autoload(skel->progs.alloc, !few);
	bpf_program__set_autoload(skel->progs.op_sample, few);
	bpf_program__set_autoload(skel->progs.alloc_sample, few);
	op_program = few ? skel->progs.op_sample : skel->progs.op_exit;
	alloc_program = few ? skel->progs.alloc_sample : skel->progs.alloc;
}

static bool load(const struct options *o)
{
	unsigned int i;
	int err;

	skel = vexfs_read_bpf__open();
	if (!skel) {
		explain_load(-errno);
		return false;
	}
	skel->rodata->cpus = cpus;
	find_task_members();
	choose_programs(o->sample);
	bpf_map__set_max_entries(skel->maps.ring, o->ring_bytes);
	bpf_map__set_max_entries(skel->maps.syscalls, syscalls_find() + 1);
	grace_inner = epoch_size(skel, o, cpus);
	err = grace_inner < 0 ? -errno : vexfs_read_bpf__load(skel);
	if (!err)
		err = epoch_fill(skel);
	if (err) {
		explain_load(err);
		return false;
	}
	syscalls_fill(bpf_map__fd(skel->maps.syscalls));
	ring = ring_buffer__new(bpf_map__fd(skel->maps.ring), fallback_record, NULL, NULL);
	if (!ring) {
		explain_load(-errno);
		return false;
	}
	progs[VEXFS_EVENT_OP] = bpf_program__fd(op_program);
	progs[VEXFS_EVENT_ALLOC] = bpf_program__fd(alloc_program);
	progs[VEXFS_EVENT_RECORD] = bpf_program__fd(skel->progs.stack_record);
	progs[VEXFS_EVENT_CHAIN] = bpf_program__fd(skel->progs.stack_chain);
	for (i = 0; i < VEXFS_EVENT_NR; i++)
		spans[i] = xzalloc(cpus * sizeof(*spans[i]));
	return true;
}

static bool attach(unsigned int kind, struct bpf_program *prog, const char *tracepoint,
		   const char *module)
{
	int err;

	links[kind] = bpf_program__attach(prog);
	accounts[kind].attached = links[kind];
	if (links[kind])
		return true;
	err = errno;
	if (err == ENOENT)
		warn("no call stacks of %s: the kernel has no tracepoint %s: insmod %s.ko",
		     kind_name(kind), tracepoint, module);
	else
		warn("no call stacks of %s: tracepoint %s: %s", kind_name(kind), tracepoint,
		     strerror(err));
	return false;
}

bool capture_open(const struct options *o)
{
	bool few = o->sample >= VEXFS_SAMPLE_EVERY, any = false;

	libbpf_set_print(on_libbpf_message);
	cpus = libbpf_num_possible_cpus();
	if (!load(o)) {
		capture_close();
		return false;
	}
	/* Records and chains come last: they fire inside of operations. */
	any |= attach(VEXFS_EVENT_OP, op_program, few ? "vexfs_op_sample" : "vexfs_op_exit",
		      "vexfs");
	any |= attach(VEXFS_EVENT_ALLOC, alloc_program,
		      few ? "vexfs_alloc_sample" : "vexfs_alloc", "vexfs");
	any |= attach(VEXFS_EVENT_RECORD, skel->progs.stack_record, "vxt_stack_record",
		      "vexfs_trace");
	any |= attach(VEXFS_EVENT_CHAIN, skel->progs.stack_chain, "vxt_stack_chain",
		      "vexfs_trace");
	if (!any)
		capture_close();
	return any;
}

int capture_fd(void)
{
	return ring_buffer__epoll_fd(ring);
}

void capture_poll(void)
{
	ring_buffer__consume(ring);
}

/*
 * All programs that started before this call have ended when it returns: an
 * update of a map of maps ends with synchronize_rcu() in the kernel, and programs on
 * tracepoints run inside an RCU read-side section.
 */
static void wait_grace(void)
{
	uint32_t slot = 0;

	if (bpf_map_update_elem(bpf_map__fd(skel->maps.grace), &slot, &grace_inner, BPF_ANY))
		die("BPF map of maps: update: %s", strerror(errno));
}

/* Reads the programs' counts of @epoch, once all of them have left it. */
static void read_settled(uint32_t epoch, struct vxr_stat *stats)
{
	int fd = bpf_map__fd(skel->maps.stats), tries;
	uint64_t begun, done;
	unsigned int cpu;

	for (tries = 0; tries < SETTLE_TRIES; tries++) {
		if (bpf_map_lookup_elem(fd, &epoch, stats))
			die("BPF map of counts: %s", strerror(errno));
		begun = 0;
		done = 0;
		for (cpu = 0; cpu < cpus; cpu++) {
			begun += stats[cpu].begun;
			done += stats[cpu].done;
		}
		if (begun == done)
			return;
		usleep(1000);
	}
	trouble.unsettled++;
}

static void span_extend(unsigned int kind, unsigned int cpu, const struct vxr_kind_stat *s)
{
	struct span *span = &spans[kind][cpu];

	if (!s->first)
		return;
	if (s->first >> VEXFS_EVENT_CPU_SHIFT != cpu || s->last >> VEXFS_EVENT_CPU_SHIFT != cpu)
		trouble.misnumbered++;
	if (!span->first) {
		span->first = s->first;
		span->window_start = s->first - 1;
	}
	span->last = s->last;
}

static void account_add(struct account *a, const struct vxr_kind_stat *s)
{
	a->sum.skipped += s->skipped;
	a->sum.in_map += s->in_map;
	a->sum.in_ring += s->in_ring;
	a->sum.kernel_collision += s->kernel_collision;
	a->sum.user_collision += s->user_collision;
	a->sum.stacks_full += s->stacks_full;
	a->sum.totals_full += s->totals_full;
	a->sum.ring_full += s->ring_full;
	a->sum.unreadable += s->unreadable;
	a->sum.no_kernel_stack += s->no_kernel_stack;
	a->sum.no_user_stack += s->no_user_stack;
}

static uint64_t recursion_misses(unsigned int kind)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(progs[kind], &info, &len))
		die("BPF program: %s", strerror(errno));
	return info.recursion_misses;
}

void capture_turn(void)
{
	struct vxr_stat *stats = xzalloc(cpus * sizeof(*stats));
	uint32_t retired = skel->bss->epoch;
	uint64_t from_map[VEXFS_EVENT_NR] = {}, from_ring[VEXFS_EVENT_NR] = {};
	unsigned int cpu, kind;

	__atomic_store_n(&skel->bss->epoch, !retired, __ATOMIC_SEQ_CST);
	wait_grace();
	read_settled(retired, stats);

	ring_buffer__consume(ring);
	processes_update();
	trouble.missing_stacks += epoch_read(skel, retired, from_map);
	fallback_flush(retired, from_ring);

	for (kind = 0; kind < VEXFS_EVENT_NR; kind++) {
		for (cpu = 0; cpu < cpus; cpu++) {
			span_extend(kind, cpu, &stats[cpu].kind[kind]);
			account_add(&accounts[kind], &stats[cpu].kind[kind]);
		}
		accounts[kind].from_map += from_map[kind];
		accounts[kind].from_ring += from_ring[kind];
	}
	memset(stats, 0, cpus * sizeof(*stats));
	if (bpf_map_update_elem(bpf_map__fd(skel->maps.stats), &retired, stats, BPF_ANY))
		die("BPF map of counts: update: %s", strerror(errno));
	free(stats);
}

/* How many events of the window the programs were not to see, by the rule of their numbers. */
static uint64_t span_unseen(unsigned int kind, const struct span *span)
{
	if (kind != VEXFS_EVENT_OP && kind != VEXFS_EVENT_ALLOC)
		return 0;
	return span->last - span->window_start -
	       sample_count(span->window_start, span->last, seen_below);
}

const struct account *capture_account(void)
{
	unsigned int kind, cpu;

	for (kind = 0; kind < VEXFS_EVENT_NR; kind++) {
		accounts[kind].emitted = 0;
		accounts[kind].unsampled = accounts[kind].sum.skipped;
		for (cpu = 0; cpu < cpus; cpu++) {
			const struct span *span = &spans[kind][cpu];

			accounts[kind].emitted += span->last - span->window_start;
			accounts[kind].unsampled += span_unseen(kind, span);
		}
		accounts[kind].recursion = recursion_misses(kind) - recursion_before[kind];
	}
	return accounts;
}

const struct trouble *capture_trouble(void)
{
	return &trouble;
}

void capture_restart(void)
{
	unsigned int kind, cpu;

	for (kind = 0; kind < VEXFS_EVENT_NR; kind++) {
		for (cpu = 0; cpu < cpus; cpu++)
			spans[kind][cpu].window_start = spans[kind][cpu].last;
		recursion_before[kind] += accounts[kind].recursion;
		accounts[kind] = (struct account){ .attached = accounts[kind].attached };
	}
	trouble = (struct trouble){};
}

uint64_t account_lost(const struct account *a)
{
	return a->sum.ring_full + a->sum.unreadable + a->recursion;
}

int64_t account_residual(const struct account *a)
{
	return a->emitted - (a->from_map + a->from_ring + a->unsampled + account_lost(a));
}

bool capture_seen(unsigned int kind, unsigned int cpu, uint64_t *first, uint64_t *last)
{
	const uint64_t mask = (1ULL << VEXFS_EVENT_CPU_SHIFT) - 1;

	if (cpu >= cpus || !spans[kind][cpu].first)
		return false;
	*first = spans[kind][cpu].first & mask;
	*last = spans[kind][cpu].last & mask;
	return true;
}

void capture_detach(void)
{
	unsigned int kind;

	for (kind = 0; kind < VEXFS_EVENT_NR; kind++) {
		bpf_link__destroy(links[kind]);
		links[kind] = NULL;
	}
}

void capture_close(void)
{
	unsigned int kind;

	capture_detach();
	ring_buffer__free(ring);
	ring = NULL;
	if (grace_inner >= 0)
		close(grace_inner);
	grace_inner = -1;
	epoch_free();
	syscalls_free();
	for (kind = 0; kind < VEXFS_EVENT_NR; kind++) {
		free(spans[kind]);
		spans[kind] = NULL;
	}
	vexfs_read_bpf__destroy(skel);
	skel = NULL;
}

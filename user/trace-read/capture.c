// SPDX-License-Identifier: GPL-2.0-only
/*
 * Turns the epochs of the BPF programs and keeps the account.
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
#include <bpf/libbpf.h>

#include "vexfs_read.skel.h"

#include "base.h"
#include "capture.h"
#include "epoch.h"
#include "fallback.h"
#include "origins.h"
#include "process.h"
#include "programs.h"
#include "sample.h"

/* Longest wait for programs that are past their grace period, in tries of 1 ms. */
#define SETTLE_TRIES	1000

struct span {
	uint64_t first, last, window_start;
};

static struct programs programs;
static struct vexfs_read_bpf *skel;	/* of them */
static struct ring_buffer *ring;
static unsigned int cpus;
/* What vexfs.ko lets the programs see of the operations and allocations. */
static uint64_t seen_below;
static struct span *spans[VEXFS_EVENT_NR];
static struct account accounts[VEXFS_EVENT_NR];
static uint64_t recursion_before[VEXFS_EVENT_NR];
static struct trouble trouble;
static uint64_t last_turn = UINT64_MAX;
static bool following, committing;
static struct follow_account follow;
static struct vxr_commits commits, commits_read, commits_before;

bool capture_open(const struct options *o)
{
	unsigned int kind;
	bool any;

	cpus = libbpf_num_possible_cpus();
	if (!programs_load(&programs, o, cpus)) {
		capture_close();
		return false;
	}
	skel = programs.skel;
	ring = ring_buffer__new(bpf_map__fd(skel->maps.ring), fallback_record, NULL, NULL);
	if (!ring)
		die("BPF ring buffer: %s", strerror(errno));
	seen_below = programs_see_few(o) ? VEXFS_SAMPLE_BELOW : SAMPLE_ALL;
	for (kind = 0; kind < VEXFS_EVENT_NR; kind++)
		spans[kind] = xzalloc(cpus * sizeof(*spans[kind]));
	any = programs_attach(&programs);
	for (kind = 0; kind < VEXFS_EVENT_NR; kind++) {
		accounts[kind].wanted = programs.of[kind];
		accounts[kind].attached = programs.links[kind];
	}
	following = programs.freed;
	committing = programs.commit;
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

	if (bpf_map_update_elem(bpf_map__fd(skel->maps.grace), &slot, &programs.grace_inner,
				BPF_ANY))
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

static void follow_add(const struct vxr_follow *f)
{
	follow.sum.untaken += f->untaken;
	follow.sum.unseen += f->unseen;
	follow.sum.undeleted += f->undeleted;
	follow.sum.uncounted += f->uncounted;
}

/* NULL: a program that no view has. */
static uint64_t recursion_misses(const struct bpf_program *prog)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	if (!prog)
		return 0;
	if (bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
		die("BPF program: %s", strerror(errno));
	return info.recursion_misses;
}

/* What is freed may be of an earlier epoch, not of a later one. */
static void turn_memory(uint32_t retired)
{
	struct bpf_map *map = retired ? skel->maps.freed_odd : skel->maps.freed_even;

	trouble.unknown_origins += origins_freed(bpf_map__fd(map), &follow.freed);
	origins_prune(bpf_map__fd(skel->maps.taken));
}

uint64_t capture_last_turn(void)
{
	return last_turn;
}

void capture_turn(void)
{
	struct vxr_stat *stats = xzalloc(cpus * sizeof(*stats));
	uint32_t turn = skel->bss->turn, retired = turn & 1;
	uint64_t from_map[VEXFS_EVENT_NR] = {}, from_ring[VEXFS_EVENT_NR] = {};
	unsigned int cpu, kind;

	last_turn = 0;
	__atomic_store_n(&skel->bss->turn, turn + 1, __ATOMIC_SEQ_CST);
	wait_grace();
	read_settled(retired, stats);

	ring_buffer__consume(ring);
	processes_update();
	trouble.missing_stacks += epoch_read(skel, turn, following, from_map);
	fallback_flush(retired, from_ring);
	if (following)
		turn_memory(retired);

	for (kind = 0; kind < VEXFS_EVENT_NR; kind++) {
		for (cpu = 0; cpu < cpus; cpu++) {
			span_extend(kind, cpu, &stats[cpu].kind[kind]);
			account_add(&accounts[kind], &stats[cpu].kind[kind]);
		}
		accounts[kind].from_map += from_map[kind];
		accounts[kind].from_ring += from_ring[kind];
		last_turn += from_map[kind] + from_ring[kind];
	}
	follow.taken += from_map[VEXFS_EVENT_ALLOC];
	for (cpu = 0; cpu < cpus; cpu++)
		follow_add(&stats[cpu].follow);
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
		accounts[kind].recursion = recursion_misses(programs.of[kind]) -
					   recursion_before[kind];
	}
	return accounts;
}

const struct trouble *capture_trouble(void)
{
	return &trouble;
}

static void read_commits(struct vxr_commits *sum)
{
	struct vxr_commits *each = xzalloc(cpus * sizeof(*each));
	uint32_t zero = 0;
	unsigned int cpu;

	if (bpf_map_lookup_elem(bpf_map__fd(skel->maps.commits), &zero, each))
		die("BPF map of commits: %s", strerror(errno));
	*sum = (struct vxr_commits){};
	for (cpu = 0; cpu < cpus; cpu++) {
		sum->count += each[cpu].count;
		sum->failed += each[cpu].failed;
		sum->nodes += each[cpu].nodes;
		sum->data_blocks += each[cpu].data_blocks;
	}
	free(each);
}

const struct vxr_commits *capture_commits(void)
{
	if (!committing)
		return NULL;
	read_commits(&commits_read);
	commits = commits_read;
	commits.count -= commits_before.count;
	commits.failed -= commits_before.failed;
	commits.nodes -= commits_before.nodes;
	commits.data_blocks -= commits_before.data_blocks;
	return &commits;
}

const struct follow_account *capture_follow(void)
{
	if (!following)
		return NULL;
	follow.held = origins_held(bpf_map__fd(skel->maps.taken));
	follow.recursion = recursion_misses(skel->progs.freed);
	return &follow;
}

uint64_t follow_lost(const struct follow_account *f)
{
	return f->sum.untaken + f->sum.unseen + f->sum.uncounted;
}

int64_t follow_rest(const struct follow_account *f)
{
	return f->taken - (f->freed + f->held + follow_lost(f));
}

void capture_restart(void)
{
	unsigned int kind, cpu;

	for (kind = 0; kind < VEXFS_EVENT_NR; kind++) {
		for (cpu = 0; cpu < cpus; cpu++)
			spans[kind][cpu].window_start = spans[kind][cpu].last;
		recursion_before[kind] += accounts[kind].recursion;
		accounts[kind] = (struct account){
			.wanted = accounts[kind].wanted, .attached = accounts[kind].attached,
		};
	}
	commits_before = commits_read;
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
	programs_detach(&programs);
}

void capture_close(void)
{
	unsigned int kind;

	ring_buffer__free(ring);
	ring = NULL;
	programs_free(&programs);
	skel = NULL;
	origins_free();
	for (kind = 0; kind < VEXFS_EVENT_NR; kind++) {
		free(spans[kind]);
		spans[kind] = NULL;
	}
}

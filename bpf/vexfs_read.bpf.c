// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts VexFS's operations, allocations and stack records by the kernel and
 * user stacks that led to them.
 *
 * Nothing is read from a map while programs write it. There are two sets of
 * maps, one for each epoch. A program takes the epoch once, when it starts; the
 * reader changes it, waits for an RCU grace period, after which no program can
 * still be in the old epoch, and only then reads and empties the old set.
 *
 * The stack maps exist for each CPU apart. bpf_get_stackid() looks at a slot
 * and fills it in two steps, so that two CPUs with different stacks for one slot could
 * both believe it theirs; a CPU alone cannot, for events come with preemption off.
 *
 * An event whose stacks found their slots taken, or whose key found the totals full,
 * travels whole through the ring buffer. Only when that is full too is it lost, and counted.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_helpers.h>
#include "vexfs_read.h"

char LICENSE[] SEC("license") = "GPL";

/* Number of possible CPUs. */
const volatile __u32 cpus = 1;
/* Which operations and allocations are kept; all of them up to 2^32, see vexfs_op.h. */
const volatile __u64 sample_below = 1ULL << 32;
/* Where struct task_struct has its members, from the kernel's BTF; 0: unknown. */
const volatile __u32 task_leader_offset;
const volatile __u32 task_start_offset;
const volatile __u32 task_exec_offset;

/* There are callers to be found in the map of system calls; needs kernel BTF. */
const volatile bool find_callers;

/* Allocations are remembered until they are freed. */
const volatile bool follow_memory;

/* How often the epoch was changed, by the reader only: its lowest bit is that of new events. */
volatile __u32 turn;

struct stack_map {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, VXR_FRAMES * sizeof(__u64));
};

/* One stack map for each epoch and CPU, at epoch * cpus + CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, struct stack_map);
} kernel_stacks SEC(".maps"), user_stacks SEC(".maps");

/* Updated by the reader for the sake of the grace period which that takes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, struct stack_map);
} grace SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct vxr_key);
	__type(value, struct vxr_value);
} totals_even SEC(".maps"), totals_odd SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, VXR_EPOCHS);
	__type(key, __u32);
	__type(value, struct vxr_stat);
} stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

/* How far above the stack pointer a function keeps its return address when it enters the kernel. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct vxr_syscall);
	__type(value, __u32);
} syscalls SEC(".maps");

/* Allocations that were not freed yet, by address. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct vxr_taken);
} taken SEC(".maps");

/* What was freed since, by where it came from. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct vxr_origin);
	__type(value, struct vxr_freed);
} freed_even SEC(".maps"), freed_odd SEC(".maps");

/* Only grows, so that it needs no epochs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vxr_commits);
} commits SEC(".maps");

/* Where a record is put together before it goes into the ring buffer. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, VEXFS_EVENT_NR);
	__type(key, __u32);
	__type(value, struct vxr_record);
} scratch SEC(".maps");

/* An event as the programs hand it on. */
struct event {
	__u64 number;
	__u64 size;
	__u64 visited;
	__u64 took;
	__u64 address;
	__u32 hops;
	__u32 kind;
	__u32 id;
	__u32 depth;
	__s32 err;
};

static __always_inline __u32 process_generation(void)
{
	__u64 task = bpf_get_current_task(), leader = 0, start = 0;
	__u32 execs = 0;

	if (!task_leader_offset || !task_start_offset || !task_exec_offset)
		return 0;
	bpf_probe_read_kernel(&leader, sizeof(leader), (void *)task + task_leader_offset);
	bpf_probe_read_kernel(&start, sizeof(start), (void *)leader + task_start_offset);
	bpf_probe_read_kernel(&execs, sizeof(execs), (void *)task + task_exec_offset);
	return (__u32)(start >> 10) + execs * 0x9e3779b1u;
}

/* What struct pt_regs of x86-64 holds from its 16th word on: an ABI. */
struct user_registers {
	__u64 ip, cs, flags, sp;
};

#define PT_REGS_IP	128
#define USER_CS_64	0x33

/*
 * The functions of libc that enter the kernel keep no frame pointer, so that the
 * walk by frame pointers passes over their callers: the very function that asked. Where their
 * return address is follows from the instruction, by libc's own unwind tables.
 */
static __always_inline __u64 syscall_caller(void)
{
	struct user_registers r = {};
	struct vxr_syscall at = {};
	__u64 caller = 0;
	__u32 *offset;
	void *regs;

	if (!find_callers)
		return 0;
	regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	if (bpf_probe_read_kernel(&r, sizeof(r), regs + PT_REGS_IP) || r.cs != USER_CS_64)
		return 0;
	if (bpf_probe_read_user(at.code, sizeof(at.code), (void *)r.ip - 8))
		return 0;
	at.page_offset = r.ip & 4095;
	offset = bpf_map_lookup_elem(&syscalls, &at);
	if (offset)
		bpf_probe_read_user(&caller, sizeof(caller), (void *)r.sp + *offset);
	return caller;
}

static __always_inline void value_init(struct vxr_value *v)
{
	__builtin_memset(v, 0, sizeof(*v));
	v->size_min = ~0ULL;
	v->first_ns = bpf_ktime_get_ns();
	v->tid = (__u32)bpf_get_current_pid_tgid();
	bpf_get_current_comm(v->comm, sizeof(v->comm));
}

static __always_inline void value_add(struct vxr_value *v, const struct event *e)
{
	v->count++;
	v->errors += e->err < 0;
	v->size += e->size;
	v->visited += e->visited;
	v->hops += e->hops;
	v->time += e->took;
	if (e->took > v->time_max)
		v->time_max = e->took;
	if (e->size < v->size_min)
		v->size_min = e->size;
	if (e->size > v->size_max)
		v->size_max = e->size;
	v->last_ns = bpf_ktime_get_ns();
}

/* The whole event through the ring buffer; false when that is full. */
static __always_inline bool send(void *ctx, const struct event *e, const struct vxr_key *key,
				 __u32 now)
{
	__u32 kind = e->kind;
	struct vxr_record *r = bpf_map_lookup_elem(&scratch, &kind);
	__u64 kernel_bytes, user_bytes;
	/* Waking the reader takes an interrupt, whose frame would lie below the word that is watched. */
	__u64 flags = kind == VEXFS_EVENT_CHAIN ? BPF_RB_NO_WAKEUP : 0;
	long ret;

	if (!r)
		return false;
	r->key = *key;
	value_init(&r->value);
	value_add(&r->value, e);
	r->epoch = now;
	r->reserved = 0;

	/* The masks change nothing; they are the bounds that the verifier sees. */
	ret = bpf_get_stack(ctx, r->frames, VXR_FRAMES * sizeof(__u64), 0);
	kernel_bytes = ret < 0 ? 0 : ret;
	asm volatile("" : "+r"(kernel_bytes));
	kernel_bytes &= 1023;
	ret = bpf_get_stack(ctx, (void *)r->frames + kernel_bytes, VXR_FRAMES * sizeof(__u64),
			    BPF_F_USER_STACK);
	user_bytes = ret < 0 ? 0 : ret;
	asm volatile("" : "+r"(user_bytes));
	user_bytes &= 1023;
	r->kernel_bytes = kernel_bytes;
	r->user_bytes = user_bytes;
	return !bpf_ringbuf_output(&ring, r, __builtin_offsetof(struct vxr_record, frames) +
				   kernel_bytes + user_bytes, flags);
}

/* Counts the event in the map of totals; false when that is full. */
static __always_inline bool add(const struct event *e, const struct vxr_key *key, __u32 now)
{
	void *totals = now ? (void *)&totals_odd : (void *)&totals_even;
	struct vxr_value *v = bpf_map_lookup_elem(totals, key);

	if (!v) {
		struct vxr_value fresh;

		value_init(&fresh);
		bpf_map_update_elem(totals, key, &fresh, BPF_NOEXIST);
		v = bpf_map_lookup_elem(totals, key);
		if (!v)
			return false;
	}
	value_add(v, e);
	return true;
}

/* Of an allocation whose stacks have ids. */
static __always_inline void follow(const struct event *e, const struct vxr_key *key, __u32 round,
				   struct vxr_follow *f)
{
	struct vxr_taken t = {
		.origin = { .key = *key, .turn = round },
		.size = e->size, .ns = bpf_ktime_get_ns(),
	};
	__u64 address = e->address;
	long err = bpf_map_update_elem(&taken, &address, &t, BPF_NOEXIST);

	if (err == -EEXIST) {
		err = bpf_map_update_elem(&taken, &address, &t, BPF_EXIST);
		if (!err)
			__sync_fetch_and_add(&f->unseen, 1);
	}
	if (err)
		f->untaken++;
}

/* One that is not followed: what was at its address is not there any more. */
static __always_inline void follow_not(const struct event *e, struct vxr_follow *f)
{
	__u64 address = e->address;

	if (follow_memory && e->kind == VEXFS_EVENT_ALLOC &&
	    !bpf_map_delete_elem(&taken, &address))
		__sync_fetch_and_add(&f->unseen, 1);
}

static __always_inline void count_stack(struct vxr_kind_stat *s, __s32 id, __u64 *collision,
					__u64 *absent)
{
	if (id == -EEXIST)
		(*collision)++;
	else if (id == -ENOMEM)
		s->stacks_full++;
	else if (id < 0)
		(*absent)++;
}

static __always_inline void keep(void *ctx, const struct event *e, struct vxr_stat *stat,
				 __u32 round)
{
	struct vxr_kind_stat *s = &stat->kind[e->kind];
	__u32 cpu = bpf_get_smp_processor_id(), now = round & 1, slot = now * cpus + cpu;
	void *kernel = bpf_map_lookup_elem(&kernel_stacks, &slot);
	void *user = bpf_map_lookup_elem(&user_stacks, &slot);
	struct vxr_key key = {
		.kind = e->kind, .id = e->id, .depth = e->depth, .cpu = cpu,
		.kstack = -ENOMEM, .ustack = -ENOMEM,
		.tgid = bpf_get_current_pid_tgid() >> 32,
		.generation = process_generation(),
		.caller = syscall_caller(),
	};
	/* A map's locks are not for an exception that may come while one is held; the ring's are. */
	bool whole = e->kind == VEXFS_EVENT_CHAIN;

	if (!whole) {
		if (kernel)
			key.kstack = bpf_get_stackid(ctx, kernel, 0);
		if (user)
			key.ustack = bpf_get_stackid(ctx, user, BPF_F_USER_STACK);
		count_stack(s, key.kstack, &s->kernel_collision, &s->no_kernel_stack);
		count_stack(s, key.ustack, &s->user_collision, &s->no_user_stack);
		whole = key.kstack == -EEXIST || key.kstack == -ENOMEM ||
			key.ustack == -EEXIST || key.ustack == -ENOMEM;
	}
	if (!whole) {
		if (add(e, &key, now)) {
			s->in_map++;
			if (follow_memory && e->kind == VEXFS_EVENT_ALLOC)
				follow(e, &key, round, &stat->follow);
			return;
		}
		s->totals_full++;
	}
	if (send(ctx, e, &key, now))
		s->in_ring++;
	else
		s->ring_full++;
	follow_not(e, &stat->follow);
}

/* Chosen by its number. Records and chains are few, and each is told. */
static __always_inline bool chosen(const struct event *e)
{
	return e->kind == VEXFS_EVENT_RECORD || e->kind == VEXFS_EVENT_CHAIN ||
	       (__u32)e->number * VEXFS_SAMPLE_FACTOR < sample_below;
}

static __always_inline int capture(void *ctx, const struct event *e, bool readable)
{
	__u32 round = turn, now = round & 1;
	struct vxr_stat *stat = bpf_map_lookup_elem(&stats, &now);
	struct vxr_kind_stat *s;

	if (!stat)
		return 0;
	__sync_fetch_and_add(&stat->begun, 1);
	s = &stat->kind[e->kind];
	if (e->number) {
		if (!s->first)
			s->first = e->number;
		s->last = e->number;
	}
	if (!readable) {
		s->unreadable++;
	} else if (chosen(e)) {
		keep(ctx, e, stat, round);
	} else {
		s->skipped++;
		follow_not(e, &stat->follow);
	}
	__sync_fetch_and_add(&stat->done, 1);
	return 0;
}

static __always_inline int capture_op(struct bpf_raw_tracepoint_args *ctx)
{
	struct vexfs_op op = {};
	bool readable = !bpf_probe_read_kernel(&op, __builtin_offsetof(struct vexfs_op, trace),
					       (void *)ctx->args[0]);
	struct event e = {
		.number = op.event, .size = op.bytes, .visited = op.visited,
		.took = op.took, .hops = op.hops,
		.kind = VEXFS_EVENT_OP, .id = op.op_class, .err = op.err,
	};

	return capture(ctx, &e, readable);
}

SEC("raw_tp/vexfs_op_exit")
int op_exit(struct bpf_raw_tracepoint_args *ctx)
{
	return capture_op(ctx);
}

SEC("raw_tp/vexfs_op_sample")
int op_sample(struct bpf_raw_tracepoint_args *ctx)
{
	return capture_op(ctx);
}

static __always_inline int capture_alloc(struct bpf_raw_tracepoint_args *ctx)
{
	struct event e = {
		.number = ctx->args[0], .size = ctx->args[3], .address = ctx->args[2],
		.kind = VEXFS_EVENT_ALLOC, .id = ctx->args[1],
	};

	return capture(ctx, &e, true);
}

SEC("raw_tp/vexfs_alloc")
int alloc(struct bpf_raw_tracepoint_args *ctx)
{
	return capture_alloc(ctx);
}

SEC("raw_tp/vexfs_alloc_sample")
int alloc_sample(struct bpf_raw_tracepoint_args *ctx)
{
	return capture_alloc(ctx);
}

/* Counts that memory of @t was freed; false when there is no room for that. */
static __always_inline bool count_free(const struct vxr_taken *t, __u32 now)
{
	void *map = now ? (void *)&freed_odd : (void *)&freed_even;
	struct vxr_freed *f = bpf_map_lookup_elem(map, &t->origin);
	__u64 ns = bpf_ktime_get_ns();

	if (!f) {
		struct vxr_freed none = {};

		bpf_map_update_elem(map, &t->origin, &none, BPF_NOEXIST);
		f = bpf_map_lookup_elem(map, &t->origin);
		if (!f)
			return false;
	}
	/* It may be freed on any CPU. */
	__sync_fetch_and_add(&f->count, 1);
	__sync_fetch_and_add(&f->size, t->size);
	/* Clocks of CPUs may differ a little. */
	if (ns > t->ns)
		__sync_fetch_and_add(&f->time, ns - t->ns);
	return true;
}

/* Comes before the memory goes back, and so before it is allocated anew. */
SEC("raw_tp/vexfs_free")
int freed(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 address = ctx->args[1];
	struct vxr_taken *found = bpf_map_lookup_elem(&taken, &address), t;
	__u32 now = turn & 1;
	struct vxr_stat *stat;
	bool same;

	if (!found)
		return 0;
	stat = bpf_map_lookup_elem(&stats, &now);
	if (!stat)
		return 0;
	t = *found;
	__sync_fetch_and_add(&stat->begun, 1);
	/* Of another site or size it is not what was allocated there: the free of that was not seen. */
	same = t.origin.key.id == (__u32)ctx->args[0] && t.size == ctx->args[2];
	if (bpf_map_delete_elem(&taken, &address))
		stat->follow.undeleted++;
	else if (!same)
		__sync_fetch_and_add(&stat->follow.unseen, 1);
	else if (!count_free(&t, now))
		stat->follow.uncounted++;
	__sync_fetch_and_add(&stat->done, 1);
	return 0;
}

SEC("raw_tp/vexfs_commit")
int commit(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 zero = 0;
	struct vxr_commits *c = bpf_map_lookup_elem(&commits, &zero);

	if (!c)
		return 0;
	if ((int)ctx->args[3]) {
		c->failed++;
		return 0;
	}
	c->count++;
	c->nodes += (__u32)ctx->args[1];
	c->data_blocks += ctx->args[2];
	return 0;
}

/* @depth: of a record or chain; the rest of the arguments are those of the tracepoint. */
static __always_inline int capture_depth(struct bpf_raw_tracepoint_args *ctx, __u32 kind,
					 __u64 number, __u64 size, __u32 depth)
{
	struct vexfs_op op = {};
	bool readable = !bpf_probe_read_kernel(&op, __builtin_offsetof(struct vexfs_op, trace),
					       (void *)ctx->args[1]);
	struct event e = {
		.number = number, .size = size, .kind = kind, .id = op.op_class, .depth = depth,
	};

	return capture(ctx, &e, readable);
}

SEC("raw_tp/vxt_stack_record")
int stack_record(struct bpf_raw_tracepoint_args *ctx)
{
	return capture_depth(ctx, VEXFS_EVENT_RECORD, ctx->args[0], (__u32)ctx->args[3],
			     (__u32)ctx->args[2]);
}

/*
 * Runs in the debug exception of a watchpoint, perhaps in the middle of another program on this
 * CPU: only the counts of entered and left programs are shared with those.
 */
SEC("raw_tp/vxt_stack_chain")
int stack_chain(struct bpf_raw_tracepoint_args *ctx)
{
	return capture_depth(ctx, VEXFS_EVENT_CHAIN, ctx->args[0], 0, (__u32)ctx->args[2]);
}

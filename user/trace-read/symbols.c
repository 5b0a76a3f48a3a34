// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names for frames, and stacks of names. All frames but the innermost user one
 * hold return addresses: the call is one byte before, and may be the last of its function.
 */
#include <string.h>

#include "base.h"
#include "events.h"
#include "kallsyms.h"
#include "object.h"
#include "process.h"
#include "symbols.h"

#define MAX_INLINED	16
/* How deep the machinery of tracing can be at the inner end of a kernel stack. */
#define MAX_MACHINERY	16

struct chain {
	size_t first;
	uint32_t count;
};

static struct label *labels;
static size_t nr_labels, room_labels;
static struct chain *chains;
static size_t nr_chains, room_chains;
static struct index chain_index;

/* By number of the stack: number of the chain + 1, 0 where not made yet. */
struct memory {
	uint32_t *chain;
	size_t room;
};

static struct memory kernel_memory, user_memory;

/* What makes two frames one: lines and offsets inside a function do not count. */
struct identity {
	const char *func, *module;
	uint64_t offset;
};

static struct identity identify(const struct label *l)
{
	return (struct identity){ l->func, l->module, l->step == STEP_FUNCTION ? 0 : l->offset };
}

static bool same_chain(const void *array, uint32_t item, const void *key)
{
	const struct chain *a = &((const struct chain *)array)[item], *b = key;
	uint32_t i;

	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++) {
		struct identity x = identify(&labels[a->first + i]);
		struct identity y = identify(&labels[b->first + i]);

		if (memcmp(&x, &y, sizeof(x)))
			return false;
	}
	return true;
}

/* Gives the labels from @first to the end a number, and takes them back when they have one. */
static uint32_t chain_number(size_t first)
{
	struct chain chain = { first, nr_labels - first };
	uint64_t hash = chain.count;
	uint32_t i;

	for (i = 0; i < chain.count; i++) {
		struct identity id = identify(&labels[first + i]);

		hash = hash_bytes(&id, sizeof(id), hash);
	}
	i = index_find(&chain_index, hash, same_chain, chains, &chain);
	if (i != INDEX_NONE) {
		nr_labels = first;
		return i;
	}
	GROW(chains, nr_chains, room_chains);
	chains[nr_chains] = chain;
	index_add(&chain_index, hash, nr_chains);
	return nr_chains++;
}

static void add_label(struct label l)
{
	GROW(labels, nr_labels, room_labels);
	labels[nr_labels++] = l;
}

/* Functions between the traced one and the program that took the stack. */
static bool is_machinery(const struct label *l)
{
	static const char *const prefixes[] = {
		"bpf_prog_", "bpf_trace_run", "bpf_get_stack", "bpf_dispatcher_", "__bpf_trace_",
		"__traceiter_", "__probestub_", "vexfs_op_finish",
		"vexfs_mem_",
	};
	size_t i;

	if (l->module && !strcmp(l->module, "vexfs_trace"))
		return true;
	for (i = 0; l->func && i < ARRAY_LEN(prefixes); i++)
		if (!strncmp(l->func, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

static struct label kernel_label(uint64_t address)
{
	const struct kernel_symbol *s = kallsyms_find(address - 1);

	if (!s)
		return (struct label){ .step = STEP_ADDRESS, .offset = address };
	return (struct label){
		.step = STEP_FUNCTION, .func = intern(s->name),
		.module = s->module ? intern(s->module) : NULL, .offset = address - s->start,
	};
}

static void add_kernel_labels(uint32_t stack)
{
	size_t n, i, skip = 0;
	const uint64_t *ip = events_kernel_stack(stack, &n);

	for (i = 0; i < n && i < MAX_MACHINERY; i++) {
		struct label l = kernel_label(ip[i]);

		if (is_machinery(&l))
			skip = i + 1;
	}
	for (i = skip; i < n; i++)
		add_label(kernel_label(ip[i]));
}

static void add_user_label(const struct user_frame *frame, bool innermost)
{
	struct place places[MAX_INLINED];
	struct object *o = frame->object;
	size_t n, i;

	if (!o) {
		add_label((struct label){ .step = STEP_ADDRESS, .offset = frame->where });
		return;
	}
	if (o == &jit_object) {
		add_label((struct label){
			.step = STEP_FUNCTION, .func = (const char *)(uintptr_t)frame->where,
			.module = o->name,
		});
		return;
	}
	if (o == &cut_object) {
		add_label((struct label){ .step = STEP_CUT });
		return;
	}
	n = object_places(o, frame->where - !innermost, places, MAX_INLINED);
	for (i = 0; i < n; i++)
		add_label((struct label){
			.step = places[i].func ? STEP_FUNCTION : STEP_MODULE,
			.inlined = i + 1 < n,
			.func = places[i].func ? intern(places[i].func) : NULL,
			.module = o->name,
			.file = places[i].file ? intern(places[i].file) : NULL,
			.line = places[i].line, .offset = frame->where,
		});
	if (!n)
		add_label((struct label){
			.step = STEP_MODULE, .module = o->name, .offset = frame->where,
		});
}

static void add_user_labels(uint32_t stack)
{
	size_t n, i;
	const struct user_frame *frames = events_user_stack(stack, &n);

	for (i = 0; i < n; i++)
		add_user_label(&frames[i], !i);
}

static uint32_t remembered(struct memory *memory, uint32_t stack, void (*add)(uint32_t stack))
{
	size_t old = memory->room, first = nr_labels;

	if (stack >= memory->room) {
		memory->room = 2 * (size_t)stack + 64;
		memory->chain = xrealloc(memory->chain, memory->room * sizeof(*memory->chain));
		memset(memory->chain + old, 0, (memory->room - old) * sizeof(*memory->chain));
	}
	if (!memory->chain[stack]) {
		add(stack);
		memory->chain[stack] = chain_number(first) + 1;
	}
	return memory->chain[stack] - 1;
}

uint32_t symbols_kernel_chain(uint32_t stack)
{
	return remembered(&kernel_memory, stack, add_kernel_labels);
}

uint32_t symbols_user_chain(uint32_t stack)
{
	return remembered(&user_memory, stack, add_user_labels);
}

const struct label *symbols_chain(uint32_t chain, size_t *count)
{
	*count = chains[chain].count;
	return labels + chains[chain].first;
}

static void count_chain(uint32_t chain, uint64_t *steps)
{
	size_t n, i;
	const struct label *l = symbols_chain(chain, &n);

	for (i = 0; i < n; i++)
		if (!l[i].inlined)
			steps[l[i].step]++;
}

void symbols_count_kernel(uint32_t stack, struct ladder *ladder)
{
	count_chain(symbols_kernel_chain(stack), ladder->kernel);
}

void symbols_count_user(uint32_t stack, struct ladder *ladder)
{
	size_t n, i;
	const struct user_frame *frames = events_user_stack(stack, &n);

	if (!n)
		ladder->thread_only++;
	for (i = 0; i < n; i++)
		if (frames[i].object && frames[i].object->stale)
			ladder->stale++;
	count_chain(symbols_user_chain(stack), ladder->user);
}

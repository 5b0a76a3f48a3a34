/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names for frames, and stacks of names. A frame takes the best step of a ladder: its function;
 * module and offset; the bare address. A stack without user frames has the name
 * of its thread. Each step is counted.
 */
#ifndef TRACE_READ_SYMBOLS_H
#define TRACE_READ_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum step {
	STEP_FUNCTION,
	STEP_MODULE,
	STEP_ADDRESS,
	STEP_CUT,	/* no frame: the callers beyond are unknown */
	STEP_NR
};

/**
 * struct label - a named frame; equal strings are one pointer
 * @step: how far up the ladder it got
 * @inlined: a function that the compiler put into the next one
 * @func: function, NULL below STEP_FUNCTION
 * @module: kernel module, program or library; NULL for the kernel proper, and below STEP_MODULE
 * @file: source file, or NULL
 * @line: line in @file
 * @offset: in the file of @module, or the address
 */
struct label {
	enum step step;
	bool inlined;
	const char *func, *module, *file;
	unsigned int line;
	uint64_t offset;
};

/**
 * struct ladder - frames of the stacks of one report, by step
 * @kernel: kernel frames
 * @user: user frames
 * @thread_only: user stacks that are just a thread's name
 * @stale: user frames whose file was replaced since
 */
struct ladder {
	uint64_t kernel[STEP_NR];
	uint64_t user[STEP_NR];
	uint64_t thread_only;
	uint64_t stale;
};

/*
 * The number of the named form of a stack of events.h; stacks that differ only by addresses inside
 * the same functions share it.
 */
uint32_t symbols_kernel_chain(uint32_t stack);
uint32_t symbols_user_chain(uint32_t stack);

/* The frames of a chain, innermost first. */
const struct label *symbols_chain(uint32_t chain, size_t *count);

/* What the frames of a stack count for in the ladder. */
void symbols_count_kernel(uint32_t stack, struct ladder *ladder);
void symbols_count_user(uint32_t stack, struct ladder *ladder);

#endif /* TRACE_READ_SYMBOLS_H */

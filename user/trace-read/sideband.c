// SPDX-License-Identifier: GPL-2.0-only
/*
 * The records that perf_event_open() gives beside samples: one dummy event on each
 * CPU, whose ring buffers hold every fork, exec, executable mapping and exit. They
 * carry CLOCK_MONOTONIC, the clock of the BPF programs, and are put in its order
 * before they are handed on, since a process moves between CPUs.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base.h"
#include "object.h"
#include "process.h"
#include "sideband.h"

#define DATA_PAGES	128

/* One CPU's ring buffer. */
struct buffer {
	struct perf_event_mmap_page *page;
	char *data;
	size_t data_size;
};

/* What all our records end in: PERF_SAMPLE_TID | PERF_SAMPLE_TIME. */
struct trailer {
	uint32_t pid, tid;
	uint64_t time;
};

struct task_record {
	struct perf_event_header header;
	uint32_t pid, ppid, tid, ptid;
};

struct comm_record {
	struct perf_event_header header;
	uint32_t pid, tid;
};

struct map_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t start, length, offset;
	uint8_t id_size, reserved1;
	uint16_t reserved2;
	uint8_t id[20];
	uint32_t prot, flags;
	char path[];
};

/* A copy of a record, to be sorted. */
struct held {
	uint64_t time;
	size_t order;
	struct perf_event_header *record;
};

static int *fds;
static struct buffer *buffers;
static size_t nr_fds;
static struct held *held;
static size_t nr_held, room_held;
static bool lost;

static int open_event(int cpu, bool build_ids)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.size = sizeof(attr),
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
		.mmap = 1, .mmap2 = 1, .comm = 1, .comm_exec = 1, .task = 1,
		.sample_id_all = 1, .exclude_kernel = 1,
		.use_clockid = 1, .clockid = CLOCK_MONOTONIC,
		.build_id = build_ids,
		.watermark = 1, .wakeup_watermark = DATA_PAGES * 4096 / 4,
	};

	return syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static bool open_cpu(int cpu)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct buffer b = { .data_size = DATA_PAGES * page };
	int fd = open_event(cpu, true);

	if (fd < 0 && errno == EINVAL)
		fd = open_event(cpu, false);
	if (fd < 0)
		return errno == ENODEV;
	b.page = mmap(NULL, page + b.data_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (b.page == MAP_FAILED) {
		close(fd);
		return false;
	}
	b.data = (char *)b.page + page;
	buffers[nr_fds] = b;
	fds[nr_fds++] = fd;
	return true;
}

void sideband_open(void)
{
	int cpus = sysconf(_SC_NPROCESSORS_CONF), cpu;

	fds = xmalloc(cpus * sizeof(*fds));
	buffers = xmalloc(cpus * sizeof(*buffers));
	for (cpu = 0; cpu < cpus; cpu++) {
		if (open_cpu(cpu))
			continue;
		warn("perf events: %s: user stacks of processes that end within the window may stay"
		     " without names: run as root or with CAP_PERFMON", strerror(errno));
		return;
	}
}

const int *sideband_fds(size_t *count)
{
	*count = nr_fds;
	return fds;
}

static void hold(struct perf_event_header *record)
{
	struct trailer *trailer = (void *)((char *)record + record->size - sizeof(*trailer));

	GROW(held, nr_held, room_held);
	held[nr_held] = (struct held){ trailer->time, nr_held, record };
	nr_held++;
}

/* Copies all records of one buffer out of it. */
static void drain(struct buffer *b)
{
	uint64_t head = __atomic_load_n(&b->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = b->page->data_tail;

	while (tail < head) {
		size_t at = tail % b->data_size, first;
		struct perf_event_header *record, *h = (void *)(b->data + at);
		uint16_t size = h->size;

		/* Records are multiples of 8 bytes: a header never wraps around the end. */
		if (size < sizeof(*h) + sizeof(struct trailer)) {
			lost = true;
			tail = head;
			break;
		}
		record = xmalloc(size);
		first = b->data_size - at < size ? b->data_size - at : size;
		memcpy(record, b->data + at, first);
		memcpy((char *)record + first, b->data, size - first);
		hold(record);
		tail += size;
	}
	__atomic_store_n(&b->page->data_tail, tail, __ATOMIC_RELEASE);
}

static void on_map(const struct map_record *r, uint64_t time)
{
	bool has_id = r->header.misc & PERF_RECORD_MISC_MMAP_BUILD_ID;

	process_map(r->pid, time, r->start, r->start + r->length, r->offset,
		    object_find(r->path, has_id ? r->id : NULL, has_id ? r->id_size : 0));
}

static void on_record(const struct perf_event_header *h, uint64_t time)
{
	const struct task_record *task = (const void *)h;
	const struct comm_record *comm = (const void *)h;

	switch (h->type) {
	case PERF_RECORD_FORK:
		/* A new thread of a process is none of our business. */
		if (task->pid != task->ppid)
			process_fork(task->pid, task->ppid, time);
		break;
	case PERF_RECORD_COMM:
		if (h->misc & PERF_RECORD_MISC_COMM_EXEC)
			process_exec(comm->pid, time);
		break;
	case PERF_RECORD_EXIT:
		if (task->pid == task->tid)
			process_exit(task->pid, time);
		break;
	case PERF_RECORD_MMAP2:
		on_map((const void *)h, time);
		break;
	case PERF_RECORD_LOST:
		lost = true;
		break;
	}
}

static int by_time(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

bool sideband_read(void)
{
	bool was_lost;
	size_t i;

	for (i = 0; i < nr_fds; i++)
		drain(&buffers[i]);
	if (nr_held)
		qsort(held, nr_held, sizeof(*held), by_time);
	for (i = 0; i < nr_held; i++) {
		on_record(held[i].record, held[i].time);
		free(held[i].record);
	}
	nr_held = 0;
	was_lost = lost;
	lost = false;
	return was_lost;
}

void sideband_close(void)
{
	size_t page = sysconf(_SC_PAGESIZE), i;

	for (i = 0; i < nr_fds; i++) {
		munmap(buffers[i].page, page + buffers[i].data_size);
		close(fds[i]);
	}
	free(fds);
	free(buffers);
	free(held);
	fds = NULL;
	buffers = NULL;
	held = NULL;
	nr_fds = nr_held = room_held = 0;
}

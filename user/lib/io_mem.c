// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device in memory for tests. Its image is an array of counted references to blocks that are
 * never changed once two hold them; a log entry holds references to what it wrote. So a clone
 * costs an array, and every state that a crash could leave is built in little time.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "vex_io.h"

struct vex_io_block {
	u32 refs;
	u8 data[VEXFS_BLOCK_SIZE] __aligned(16);
};

/* A buffer that a device may still be reading from. */
struct pending {
	const u8 *buf;
	struct vex_io_block *copy;
};

/**
 * struct vex_io_mem - a memory device
 * @lock: guards all the rest
 * @image: a reference a block, NULL for zeros
 * @base: the image when the recording began, or NULL
 * @log: events
 * @pending: buffers written since the last flush
 * @line: @flush_begin was called: what was pending then, and @line_event events
 */
struct vex_io_mem {
	pthread_mutex_t lock;
	u64 blocks;
	struct vex_io_block **image;
	struct vex_io_block **base;
	u64 base_blocks;
	struct vex_io_event *log;
	size_t log_count, log_room;
	struct pending *pending;
	size_t pending_count, pending_room;
	bool line;
	size_t line_pending, line_event;
	struct vex_io_mem_stats stats;
	unsigned int fail_kinds;
	u64 fail_skip, fail_left;
	int error;
	u64 time, random;
};

/* ---- blocks ----------------------------------------------------------------- */

static struct vex_io_block *block_get(struct vex_io_block *b)
{
	if (b)
		__atomic_add_fetch(&b->refs, 1, __ATOMIC_RELAXED);
	return b;
}

static void block_put(struct vex_io_block *b)
{
	if (b && !__atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL))
		free(b);
}

static struct vex_io_block *block_new(const void *data)
{
	struct vex_io_block *b = malloc(sizeof(*b));

	if (b) {
		b->refs = 1;
		memcpy(b->data, data, VEXFS_BLOCK_SIZE);
	}
	return b;
}

static struct vex_io_block **image_copy(struct vex_io_block **image, u64 blocks)
{
	struct vex_io_block **copy = calloc(blocks ? blocks : 1, sizeof(*copy));

	for (u64 i = 0; copy && i < blocks; i++)
		copy[i] = block_get(image[i]);
	return copy;
}

static void image_free(struct vex_io_block **image, u64 blocks)
{
	for (u64 i = 0; image && i < blocks; i++)
		block_put(image[i]);
	free(image);
}

/* Make room for one more entry of @size bytes. Tests have no use for an error here. */
static void *grown(void *array, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return array;
	*room = *room ? 2 * *room : 64;
	array = realloc(array, *room * size);
	vex_rule(array != NULL, "there is memory for the log");
	return array;
}

/* ---- operations --------------------------------------------------------------- */

/* Count a call; the caller returns the error when there is one. */
static int call(struct vex_io_mem *m, enum vex_io_kind kind, u64 block, u64 count)
{
	if (block > m->blocks || count > m->blocks - block) {
		m->stats.outside++;
		return -EIO;
	}
	if (!(m->fail_kinds & kind))
		return 0;
	if (m->fail_skip) {
		m->fail_skip--;
		return 0;
	}
	if (!m->fail_left)
		return 0;
	m->fail_left--;
	m->stats.failed++;
	return -EIO;
}

static int mem_read(void *ctx, u64 block, u32 count, void *buf)
{
	struct vex_io_mem *m = ctx;
	u8 *p = buf;
	int err;

	vex_may_sleep();
	pthread_mutex_lock(&m->lock);
	m->stats.reads++;
	err = call(m, VEX_IO_READ, block, count);
	for (u32 i = 0; !err && i < count; i++, p += VEXFS_BLOCK_SIZE) {
		if (m->image[block + i])
			memcpy(p, m->image[block + i]->data, VEXFS_BLOCK_SIZE);
		else
			memset(p, 0, VEXFS_BLOCK_SIZE);
	}
	pthread_mutex_unlock(&m->lock);
	return err;
}

/* The read is done, and may fail, when it is waited for. */
static void mem_read_start(void *ctx, struct vex_read *r)
{
	struct vex_io_mem *m = ctx;

	vex_may_sleep();
	r->left = 1;
	pthread_mutex_lock(&m->lock);
	m->stats.started++;
	pthread_mutex_unlock(&m->lock);
}

static int mem_read_wait(void *ctx, struct vex_read *r)
{
	struct vex_io_mem *m = ctx;

	vex_rule(r->left == 1, "a read is waited for once");
	r->left = 0;
	pthread_mutex_lock(&m->lock);
	m->stats.waited++;
	pthread_mutex_unlock(&m->lock);
	r->err = mem_read(ctx, r->block, r->count, r->buf);
	return r->err;
}

static struct vex_io_event *log_event(struct vex_io_mem *m, enum vex_io_kind kind)
{
	struct vex_io_event *event;

	m->log = grown(m->log, m->log_count, &m->log_room, sizeof(*m->log));
	event = &m->log[m->log_count++];
	memset(event, 0, sizeof(*event));
	event->kind = kind;
	return event;
}

static struct vex_io_event *log_write(struct vex_io_mem *m, u64 block, u32 count, u32 flags)
{
	struct vex_io_event *event = log_event(m, VEX_IO_WRITE);

	event->block = block;
	event->count = count;
	event->flags = flags;
	event->data = image_copy(m->image + block, count);
	vex_rule(event->data != NULL, "there is memory for the log");
	event->end = m->log_count;
	return event;
}

static void watch_buffer(struct vex_io_mem *m, const u8 *buf, struct vex_io_block *copy)
{
	m->pending = grown(m->pending, m->pending_count, &m->pending_room, sizeof(*m->pending));
	m->pending[m->pending_count++] = (struct pending){ buf, block_get(copy) };
}

/* The device is done with the first @count buffers. */
static void forget_buffers(struct vex_io_mem *m, size_t count, bool check)
{
	for (size_t i = 0; i < count; i++) {
		struct pending *p = &m->pending[i];

		vex_rule(!check || !memcmp(p->buf, p->copy->data, VEXFS_BLOCK_SIZE),
			 "a written buffer is unchanged until the next flush");
		block_put(p->copy);
	}
	m->pending_count -= count;
	if (m->pending_count)
		memmove(m->pending, m->pending + count,
			m->pending_count * sizeof(*m->pending));
}

/* Let other threads in while a call is under way, when a log wants to see that. */
static void under_way(struct vex_io_mem *m)
{
	if (!m->base)
		return;
	pthread_mutex_unlock(&m->lock);
	usleep(50);
	pthread_mutex_lock(&m->lock);
}

static int mem_write(void *ctx, u64 block, u32 count, const void *buf, u32 flags)
{
	struct vex_io_mem *m = ctx;
	const u8 *p = buf;
	int err;

	vex_may_sleep();
	vex_rule(IS_ALIGNED((uintptr_t)buf, 512), "a device reads from aligned memory");
	pthread_mutex_lock(&m->lock);
	m->stats.writes++;
	err = call(m, VEX_IO_WRITE, block, count);
	for (u32 i = 0; !err && i < count; i++, p += VEXFS_BLOCK_SIZE) {
		struct vex_io_block *b = block_new(p);

		vex_rule(b != NULL, "there is memory for the device");
		block_put(m->image[block + i]);
		m->image[block + i] = b;
		if (!(flags & VEX_IO_FUA))
			watch_buffer(m, p, b);
	}
	if (!err && m->base) {
		size_t at = log_write(m, block, count, flags) - m->log;

		if (flags & VEX_IO_FUA)
			under_way(m);
		if (at < m->log_count)
			m->log[at].end = m->log_count;
	}
	if (err && !m->error)
		m->error = err;
	pthread_mutex_unlock(&m->lock);
	return err;
}

static void mem_flush_begin(void *ctx)
{
	struct vex_io_mem *m = ctx;

	pthread_mutex_lock(&m->lock);
	m->line = true;
	m->line_pending = m->pending_count;
	m->line_event = m->log_count;
	pthread_mutex_unlock(&m->lock);
}

static int mem_flush(void *ctx)
{
	struct vex_io_mem *m = ctx;
	int err;

	vex_may_sleep();
	pthread_mutex_lock(&m->lock);
	m->stats.flushes++;
	under_way(m);
	if (!m->line) {
		m->line_pending = m->pending_count;
		m->line_event = m->log_count;
	}
	m->line = false;
	err = call(m, VEX_IO_FLUSH, 0, 0);
	if (m->error)
		err = m->error;
	m->error = 0;
	forget_buffers(m, m->line_pending, !err);
	if (!err && m->base)
		log_event(m, VEX_IO_FLUSH)->line = m->line_event;
	pthread_mutex_unlock(&m->lock);
	return err;
}

static int mem_discard(void *ctx, u64 block, u64 count)
{
	struct vex_io_mem *m = ctx;
	struct vex_io_block *poison;
	int err;

	vex_may_sleep();
	pthread_mutex_lock(&m->lock);
	m->stats.discards++;
	err = call(m, VEX_IO_DISCARD, block, count);
	poison = malloc(sizeof(*poison));
	vex_rule(poison != NULL, "there is memory for the device");
	poison->refs = 1;
	memset(poison->data, VEX_IO_POISON, sizeof(poison->data));
	for (u64 i = 0; !err && i < count; i++) {
		block_put(m->image[block + i]);
		m->image[block + i] = block_get(poison);
	}
	block_put(poison);
	if (!err && m->base) {
		struct vex_io_event *event = log_event(m, VEX_IO_DISCARD);

		event->block = block;
		event->count = count;
	}
	pthread_mutex_unlock(&m->lock);
	return err;
}

static u64 mem_now(void *ctx)
{
	struct vex_io_mem *m = ctx;

	return __atomic_add_fetch(&m->time, 1000000, __ATOMIC_RELAXED);
}

static void mem_random(void *ctx, void *buf, size_t len)
{
	struct vex_io_mem *m = ctx;

	/* A linear congruence (Knuth, MMIX), of which the upper bits are good. */
	for (u8 *p = buf; len; len--, p++) {
		u64 old = __atomic_load_n(&m->random, __ATOMIC_RELAXED);
		u64 next = old * 6364136223846793005ULL + 1442695040888963407ULL;

		__atomic_store_n(&m->random, next, __ATOMIC_RELAXED);
		*p = next >> 56;
	}
}

static const struct vex_io_ops mem_ops = {
	.read = mem_read,
	.read_start = mem_read_start,
	.read_wait = mem_read_wait,
	.write = mem_write,
	.flush_begin = mem_flush_begin,
	.flush = mem_flush,
	.discard = mem_discard,
	.now = mem_now,
	.random = mem_random,
};

/* ---- for the test -------------------------------------------------------------- */

struct vex_io_mem *vex_io_mem_create(u64 blocks, u64 seed)
{
	struct vex_io_mem *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->image = calloc(blocks ? blocks : 1, sizeof(*m->image));
	if (!m->image) {
		free(m);
		return NULL;
	}
	pthread_mutex_init(&m->lock, NULL);
	m->blocks = blocks;
	m->random = seed;
	m->time = 1700000000ULL * 1000000000u;
	return m;
}

static void log_free(struct vex_io_mem *m)
{
	for (size_t i = 0; i < m->log_count; i++)
		image_free(m->log[i].data, m->log[i].data ? m->log[i].count : 0);
	free(m->log);
	m->log = NULL;
	m->log_count = 0;
	m->log_room = 0;
	image_free(m->base, m->base_blocks);
	m->base = NULL;
	m->line = false;
}

void vex_io_mem_destroy(struct vex_io_mem *m)
{
	if (!m)
		return;
	forget_buffers(m, m->pending_count, false);
	free(m->pending);
	log_free(m);
	image_free(m->image, m->blocks);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static struct vex_io_mem *device_of(struct vex_io_block **image, u64 blocks,
				    const struct vex_io_mem *like)
{
	struct vex_io_mem *m = vex_io_mem_create(0, like->random);

	if (!m)
		return NULL;
	free(m->image);
	m->image = image_copy(image, blocks);
	m->blocks = blocks;
	m->time = like->time;
	if (!m->image) {
		m->blocks = 0;
		vex_io_mem_destroy(m);
		return NULL;
	}
	return m;
}

struct vex_io_mem *vex_io_mem_clone(const struct vex_io_mem *m)
{
	return device_of(m->image, m->blocks, m);
}

struct vex_io_mem *vex_io_mem_base(const struct vex_io_mem *m)
{
	vex_rule(m->base != NULL, "a log has been started");
	return device_of(m->base, m->base_blocks, m);
}

struct vex_io vex_io_mem_io(struct vex_io_mem *m)
{
	return (struct vex_io){ .ops = &mem_ops, .ctx = m, .blocks = m->blocks };
}

int vex_io_mem_resize(struct vex_io_mem *m, u64 blocks)
{
	struct vex_io_block **image = calloc(blocks ? blocks : 1, sizeof(*image));

	if (!image)
		return -ENOMEM;
	for (u64 i = 0; i < min(blocks, m->blocks); i++)
		image[i] = block_get(m->image[i]);
	image_free(m->image, m->blocks);
	m->image = image;
	m->blocks = blocks;
	return 0;
}

const u8 *vex_io_block_data(const struct vex_io_block *b)
{
	return b->data;
}

const u8 *vex_io_mem_peek(const struct vex_io_mem *m, u64 block)
{
	static const u8 zeros[VEXFS_BLOCK_SIZE];

	if (block >= m->blocks)
		return NULL;
	return m->image[block] ? m->image[block]->data : zeros;
}

u8 *vex_io_mem_block(struct vex_io_mem *m, u64 block)
{
	struct vex_io_block *own;

	if (block >= m->blocks)
		return NULL;
	if (m->image[block] && m->image[block]->refs == 1)
		return m->image[block]->data;
	own = block_new(vex_io_mem_peek(m, block));
	if (!own)
		return NULL;
	block_put(m->image[block]);
	m->image[block] = own;
	return own->data;
}

int vex_io_mem_record(struct vex_io_mem *m)
{
	log_free(m);
	m->base = image_copy(m->image, m->blocks);
	m->base_blocks = m->blocks;
	return m->base ? 0 : -ENOMEM;
}

const struct vex_io_event *vex_io_mem_log(const struct vex_io_mem *m, size_t *count)
{
	*count = m->log_count;
	return m->log;
}

void vex_io_mem_mark(struct vex_io_mem *m, u64 mark)
{
	pthread_mutex_lock(&m->lock);
	if (m->base)
		log_event(m, VEX_IO_MARK)->mark = mark;
	pthread_mutex_unlock(&m->lock);
}

int vex_io_mem_apply(struct vex_io_mem *m, const struct vex_io_event *event, u8 sectors)
{
	u8 *to;

	if (event->kind != VEX_IO_WRITE)
		return 0;
	if (event->block > m->blocks || event->count > m->blocks - event->block)
		return -EIO;
	for (u32 i = 0; i < event->count; i++) {
		if (sectors == VEX_IO_ALL_SECTORS) {
			block_put(m->image[event->block + i]);
			m->image[event->block + i] = block_get(event->data[i]);
			continue;
		}
		to = vex_io_mem_block(m, event->block + i);
		if (!to)
			return -ENOMEM;
		for (u32 s = 0; s < 8; s++)
			if (sectors & 1u << s)
				memcpy(to + s * 512, event->data[i]->data + s * 512, 512);
	}
	return 0;
}

void vex_io_mem_fail(struct vex_io_mem *m, unsigned int kinds, u64 nth, u64 more)
{
	pthread_mutex_lock(&m->lock);
	m->fail_kinds = nth ? kinds : 0;
	m->fail_skip = nth ? nth - 1 : 0;
	m->fail_left = nth ? (more == U64_MAX ? more : more + 1) : 0;
	pthread_mutex_unlock(&m->lock);
}

void vex_io_mem_stats(struct vex_io_mem *m, struct vex_io_mem_stats *out)
{
	pthread_mutex_lock(&m->lock);
	*out = m->stats;
	pthread_mutex_unlock(&m->lock);
}

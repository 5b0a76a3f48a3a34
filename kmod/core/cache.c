// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The cache: which tree nodes and segments stay in memory.
 *
 * The scheme is 2Q (T. Johnson, D. Shasha: 2Q, a low overhead high performance buffer
 * management replacement algorithm, VLDB 1994), once for nodes and once for segments. A new
 * entry stands in a queue on *probation*, first in, first out. Its uses within a
 * short while (the correlated period, counted in new entries) count as one, so what a scan
 * leaves behind passes through and goes. What is used again after that is *protected*:
 * there the least recently used goes first. Probation gives way first, as long as it holds
 * more than a quarter of its kind. Names of what left it are remembered for a time
 * (ghosts); who comes back in that time is protected at once.
 *
 * Where this differs from the paper: the second use promotes an entry in its place, too,
 * not only after it was evicted; ghosts are fingerprints in small sets, so the oldest of a set
 * goes, not the oldest of all, and two names can be taken for one another, which costs a
 * wrong promotion, and nothing else.
 *
 * Nodes weigh more than segments: one saves as many reads as sixteen times its memory in a
 * segment. So segments go first, until nodes hold half of the bound.
 *
 * What somebody holds, what is dirty, and what the device may still have to read or to lose
 * is in no queue or is passed over. So the bound can be passed for a while; writers
 * work against that in vex_cache_balance().
 */
#include "vex_hnsw.h"

#define VEX_GHOST_WAYS	8u
/* Names remembered: of half as many entries as the bound would hold. */
#define VEX_GHOST_SHARE	2u
#define VEX_PERIOD_MIN	4u
#define VEX_PERIOD_MAX	64u

static u32 power_of_two(size_t n, u32 least, u32 most)
{
	u32 p = least;

	while (p < most && p < n)
		p *= 2;
	return p;
}

static int queue_init(struct vex_cache_queue *q, size_t limit, u32 entry)
{
	u32 ghosts = power_of_two(limit / entry / VEX_GHOST_SHARE / VEX_GHOST_WAYS, 4, 1u << 16);
	u32 buckets = power_of_two(limit / entry / 4, 128, 1u << 20);
	u32 i;

	q->entry = entry;
	q->period = clamp((u32)min_t(size_t, limit / 16 / entry, VEX_PERIOD_MAX), VEX_PERIOD_MIN,
			  VEX_PERIOD_MAX);
	q->ghost_mask = ghosts - 1;
	q->hash_mask = buckets - 1;
	q->ghosts = vex_zalloc((size_t)ghosts * VEX_GHOST_WAYS * sizeof(*q->ghosts));
	q->hash = vex_alloc((size_t)buckets * sizeof(*q->hash));
	if (!q->ghosts || !q->hash)
		return -ENOMEM;
	for (i = 0; i < buckets; i++)
		INIT_LIST_HEAD(&q->hash[i]);
	return 0;
}

int vex_cache_init(struct vex_fs *fs, size_t limit)
{
	struct vex_cache *cache = &fs->cache;
	int err;
	u32 i;

	cache->limit = limit;
	INIT_LIST_HEAD(&cache->loading);
	vex_mutex_init(&cache->bounce_lock);
	for (i = 0; i < VEX_CACHE_LOAD_LOCKS; i++)
		vex_mutex_init(&cache->load_locks[i]);
	for (i = 0; i < VEX_CACHE_KINDS; i++) {
		INIT_LIST_HEAD(&cache->kind[i].probation);
		INIT_LIST_HEAD(&cache->kind[i].protected);
	}
	err = queue_init(&cache->kind[VEX_CACHE_NODE], limit, VEX_NODE_MEMORY);
	if (!err)
		err = queue_init(&cache->kind[VEX_CACHE_SEG], limit, VEX_SEG_MEMORY);
	cache->bounce = vex_alloc(VEX_SEG_BYTES);
	return cache->bounce ? err : -ENOMEM;
}

void vex_cache_destroy(struct vex_fs *fs)
{
	struct vex_cache *cache = &fs->cache;
	u32 i;

	for (i = 0; i < VEX_CACHE_KINDS; i++) {
		vex_free(cache->kind[i].hash);
		vex_free(cache->kind[i].ghosts);
	}
	vex_free(cache->bounce);
	for (i = 0; i < VEX_CACHE_LOAD_LOCKS; i++)
		vex_mutex_destroy(&cache->load_locks[i]);
	vex_mutex_destroy(&cache->bounce_lock);
}

/* ---- names --------------------------------------------------------------- */

static u64 name_hash(u64 a, u64 b)
{
	u64 h = (a + b * 0x9e3779b97f4a7c15ULL) * 0xff51afd7ed558ccdULL;

	return h ^ h >> 32;
}

struct list_head *vex_cache_bucket(struct vex_fs *fs, enum vex_cache_kind kind, u64 a, u64 b)
{
	struct vex_cache_queue *q = &fs->cache.kind[kind];

	return &q->hash[name_hash(a, b) & q->hash_mask];
}

static u32 *ghost_set(struct vex_cache_queue *q, u64 hash)
{
	return q->ghosts + (hash & q->ghost_mask) * VEX_GHOST_WAYS;
}

/* Never 0, which marks an empty place. */
static u32 ghost_print(u64 hash)
{
	return (u32)(hash >> 32) | 1;
}

static void ghost_add(struct vex_cache_queue *q, u64 hash)
{
	u32 *set = ghost_set(q, hash);

	memmove(set + 1, set, (VEX_GHOST_WAYS - 1) * sizeof(*set));
	set[0] = ghost_print(hash);
}

/* Was it there? It is not any more. */
static bool ghost_take(struct vex_cache_queue *q, u64 hash)
{
	u32 *set = ghost_set(q, hash);
	u32 i;

	for (i = 0; i < VEX_GHOST_WAYS; i++) {
		if (set[i] != ghost_print(hash))
			continue;
		set[i] = 0;
		return true;
	}
	return false;
}

/* ---- queues: cache_lock held --------------------------------------------- */

static struct vex_cache_queue *queue_of(struct vex_fs *fs, const struct vex_cached *c)
{
	return &fs->cache.kind[c->kind];
}

/* To the front of the queue to which it belongs; it is in none. */
static void queue_put(struct vex_cache_queue *q, struct vex_cached *c)
{
	list_add(&c->list, c->hot ? &q->protected : &q->probation);
	if (c->hot)
		q->protected_bytes += q->entry;
	else
		q->probation_bytes += q->entry;
	c->queued = true;
}

static void queue_take(struct vex_cache_queue *q, struct vex_cached *c)
{
	if (c->queued && c->hot)
		q->protected_bytes -= q->entry;
	else if (c->queued)
		q->probation_bytes -= q->entry;
	c->queued = false;
	list_del_init(&c->list);
}

void vex_cache_missed(struct vex_fs *fs, enum vex_cache_kind kind)
{
	fs->cache.kind[kind].misses++;
}

void vex_cache_used(struct vex_fs *fs, struct vex_cached *c)
{
	struct vex_cache_queue *q = queue_of(fs, c);
	bool queued = c->queued;
	bool promote = !c->hot && q->tick - c->born > q->period;

	q->hits++;
	if (c->ahead) {
		c->ahead = false;
		c->born = q->tick;
		fs->cache.stats.prefetch_used++;
		return;
	}
	if (!c->hot && !promote)
		return;
	if (queued)
		queue_take(q, c);
	c->hot = true;
	if (queued)
		queue_put(q, c);
}

void vex_cache_enter(struct vex_fs *fs, struct vex_cached *c, u64 place, u64 index, bool fresh,
		     struct list_head *list)
{
	struct vex_cache_queue *q = queue_of(fs, c);
	bool back = ghost_take(q, name_hash(place, index));

	c->place = place;
	c->index = index;
	c->hot = back && !fresh;
	c->born = ++q->tick;
	q->bytes += q->entry;
	fs->cache.stats.ghost_hits += c->hot;
	list_add(&c->hash, vex_cache_bucket(fs, c->kind, place, index));
	if (list)
		list_add_tail(&c->list, list);
	else
		queue_put(q, c);
}

void vex_cache_rename(struct vex_fs *fs, struct vex_cached *c, u64 place, u64 index)
{
	c->place = place;
	c->index = index;
	list_move(&c->hash, vex_cache_bucket(fs, c->kind, place, index));
}

void vex_cache_pin(struct vex_fs *fs, struct vex_cached *c, struct list_head *list)
{
	queue_take(queue_of(fs, c), c);
	list_add_tail(&c->list, list);
}

void vex_cache_unpin(struct vex_fs *fs, struct vex_cached *c)
{
	struct vex_cache_queue *q = queue_of(fs, c);

	queue_take(q, c);
	queue_put(q, c);
}

void vex_cache_leave(struct vex_fs *fs, struct vex_cached *c)
{
	struct vex_cache_queue *q = queue_of(fs, c);

	queue_take(q, c);
	list_del_init(&c->hash);
	q->bytes -= q->entry;
	fs->cache.stats.prefetch_wasted += c->ahead;
}

/* ---- eviction: cache_lock held ------------------------------------------- */

static struct vex_cached *oldest_unheld(struct list_head *list)
{
	struct vex_cached *c;

	list_for_each_entry_reverse(c, list, list)
		if (!c->refs)
			return c;
	return NULL;
}

static size_t queue_evictable(const struct vex_cache_queue *q)
{
	return q->probation_bytes + q->protected_bytes;
}

/* Take out the entry of a kind that goes first. */
static struct vex_cached *queue_evict(struct vex_fs *fs, enum vex_cache_kind kind)
{
	struct vex_cache_queue *q = &fs->cache.kind[kind];
	bool probation = q->probation_bytes >= queue_evictable(q) / 4;
	struct vex_cached *c = oldest_unheld(probation ? &q->probation : &q->protected);

	if (!c)
		c = oldest_unheld(probation ? &q->protected : &q->probation);
	if (!c)
		return NULL;
	if (!c->hot && !c->ahead)
		ghost_add(q, name_hash(c->place, c->index));
	vex_cache_leave(fs, c);
	fs->cache.stats.evictions++;
	return c;
}

static struct vex_cached *cache_evict(struct vex_fs *fs)
{
	struct vex_cache *cache = &fs->cache;
	bool nodes = queue_evictable(&cache->kind[VEX_CACHE_NODE]) > cache->limit / 2;
	struct vex_cached *c = queue_evict(fs, nodes ? VEX_CACHE_NODE : VEX_CACHE_SEG);

	return c ? c : queue_evict(fs, nodes ? VEX_CACHE_SEG : VEX_CACHE_NODE);
}

static size_t cache_bytes(const struct vex_cache *cache)
{
	return cache->kind[VEX_CACHE_NODE].bytes + cache->kind[VEX_CACHE_SEG].bytes;
}

/* ---- eviction: cache_lock not held --------------------------------------- */

/* What was taken out goes back to the host. */
static void cached_free(struct vex_cached *c)
{
	vex_trace_cache_evict(c->kind, c->place, c->index, c->hot);
	if (c->kind == VEX_CACHE_NODE)
		vex_node_release_memory(container_of(c, struct vex_node, c));
	else
		vex_seg_release_memory(container_of(c, struct vex_seg, c));
}

void vex_cache_trim(struct vex_fs *fs)
{
	struct vex_cached *c;

	for (;;) {
		c = NULL;
		vex_spin_lock(&fs->cache_lock);
		if (cache_bytes(&fs->cache) > vex_cache_bound(fs))
			c = cache_evict(fs);
		vex_spin_unlock(&fs->cache_lock);
		if (!c)
			return;
		cached_free(c);
	}
}

struct vex_cached *vex_cache_steal(struct vex_fs *fs, enum vex_cache_kind kind)
{
	struct vex_cached *c;

	vex_spin_lock(&fs->cache_lock);
	c = queue_evict(fs, kind);
	fs->cache.stats.stolen += !!c;
	vex_spin_unlock(&fs->cache_lock);
	if (c)
		vex_trace_cache_evict(c->kind, c->place, c->index, c->hot);
	return c;
}

bool vex_cache_relieve(struct vex_fs *fs, enum vex_cache_kind kind)
{
	struct vex_cached *c;

	vex_spin_lock(&fs->cache_lock);
	c = queue_evict(fs, kind == VEX_CACHE_NODE ? VEX_CACHE_SEG : VEX_CACHE_NODE);
	vex_spin_unlock(&fs->cache_lock);
	if (c)
		cached_free(c);
	return c;
}

/**
 * vex_cache_evictable() - how much vex_cache_shrink() could free
 * @fs: filesystem
 *
 * A glance: it holds no lock, and part of it may be in use.
 *
 * Return: bytes.
 */
size_t vex_cache_evictable(const struct vex_fs *fs)
{
	const struct vex_cache_queue *q = fs->cache.kind;

	return READ_ONCE(q[0].probation_bytes) + READ_ONCE(q[0].protected_bytes) +
	       READ_ONCE(q[1].probation_bytes) + READ_ONCE(q[1].protected_bytes);
}

/**
 * vex_cache_shrink() - give memory back to the host
 * @fs: filesystem
 * @bytes: how much
 *
 * For a host that is short of memory, also in the middle of an allocation of the core's: takes
 * no lock but the innermost one, and does no I/O.
 *
 * Return: bytes freed; less than @bytes when the rest is in use or dirty.
 */
size_t vex_cache_shrink(struct vex_fs *fs, size_t bytes)
{
	struct vex_cached *c;
	size_t freed = 0;

	vex_hnsw_shrink(fs);
	while (freed < bytes) {
		vex_spin_lock(&fs->cache_lock);
		c = cache_evict(fs);
		if (c) {
			freed += fs->cache.kind[c->kind].entry;
			fs->cache.stats.shrunk += fs->cache.kind[c->kind].entry;
		}
		vex_spin_unlock(&fs->cache_lock);
		if (!c)
			break;
		cached_free(c);
	}
	vex_trace_cache_shrink(bytes, freed, vex_cache_evictable(fs));
	return freed;
}

/* Memory of segments that cannot be evicted: dirty, or not safe on the device yet, or loading. */
static size_t segs_pinned(struct vex_fs *fs)
{
	const struct vex_cache_queue *q = &fs->cache.kind[VEX_CACHE_SEG];
	size_t bytes;

	vex_spin_lock(&fs->cache_lock);
	bytes = q->bytes - queue_evictable(q);
	vex_spin_unlock(&fs->cache_lock);
	return bytes;
}

bool vex_cache_unbalanced(struct vex_fs *fs)
{
	size_t dirty = fs->cache.limit / VEX_CACHE_DIRTY_SHARE;

	return READ_ONCE(fs->seg_dirty_bytes) > dirty || segs_pinned(fs) > 2 * dirty;
}

int vex_cache_balance(struct vex_fs *fs)
{
	size_t dirty = fs->cache.limit / VEX_CACHE_DIRTY_SHARE;
	int err;

	vex_assert_write_locked(&fs->lock);
	if (!vex_cache_unbalanced(fs))
		return 0;
	err = vex_seg_flush(fs);
	if (err || segs_pinned(fs) <= 2 * dirty)
		return err;
	/* An error of it is the next commit's to tell. */
	vex_flush_now(fs);
	vex_cache_trim(fs);
	return 0;
}

/**
 * vex_cache_stats() - what the cache holds, and did since the open
 * @fs: filesystem
 * @out: receives it; a consistent picture
 */
void vex_cache_stats(struct vex_fs *fs, struct vex_cache_stats *out)
{
	const struct vex_cache_queue *nodes = &fs->cache.kind[VEX_CACHE_NODE];
	const struct vex_cache_queue *segs = &fs->cache.kind[VEX_CACHE_SEG];

	vex_spin_lock(&fs->cache_lock);
	*out = fs->cache.stats;
	out->limit = fs->cache.limit;
	out->node_bytes = nodes->bytes;
	out->seg_bytes = segs->bytes;
	out->protected_bytes = nodes->protected_bytes + segs->protected_bytes;
	out->pinned_bytes = cache_bytes(&fs->cache) - queue_evictable(nodes) -
			    queue_evictable(segs);
	out->node_hits = nodes->hits;
	out->node_misses = nodes->misses;
	out->seg_hits = segs->hits;
	out->seg_misses = segs->misses;
	vex_spin_unlock(&fs->cache_lock);
}

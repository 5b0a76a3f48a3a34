// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules of the disk. A write is pending until a flush that began after it ends; one with
 * FUA until its call returns. A crash leaves all that is durable, and any part of what is
 * pending. What is applied is applied in the order of the calls: that a later write to a block is
 * lost and an earlier one is not is the later one missing.
 */
#include <stdlib.h>

#include "sim.h"

static u64 mix(u64 block, u64 hash)
{
	u64 z = (hash ^ block * 0x9e3779b97f4a7c15ULL) * 0xbf58476d1ce4e5b9ULL;

	return (z ^ z >> 31) * 0x94d049bb133111ebULL;
}

static u64 content_hash(const u8 *data)
{
	return data ? hash_bytes(0, data, VEXFS_BLOCK_SIZE) : 0;
}

void sim_init(struct sim *s, const struct record *rec, const struct limits *limits,
	      struct outcome *out)
{
	memset(s, 0, sizeof(*s));
	s->rec = rec;
	s->limits = limits;
	s->out = out;
	verifier_init(&s->v, rec);
	s->durable = malloc(rec->blocks * sizeof(*s->durable));
	s->hash = malloc(rec->blocks * sizeof(*s->hash));
	s->scratch = malloc(rec->blocks * sizeof(*s->scratch));
	s->last = calloc(rec->blocks, sizeof(*s->last));
	s->pending = malloc((rec->count + 1) * sizeof(*s->pending));
	s->keep = malloc(rec->count + 1);
	for (u64 b = 0; b < rec->blocks; b++) {
		s->durable[b] = rec->base[b];
		s->hash[b] = content_hash(rec->base[b]);
		s->sum += mix(b, s->hash[b]);
	}
	s->acknowledged = rec->first;
	s->begun = rec->first;
	s->table_size = 1024;
	s->table = calloc(s->table_size, sizeof(*s->table));
}

void sim_free(struct sim *s)
{
	verifier_free(&s->v);
	free(s->durable);
	free(s->hash);
	free(s->scratch);
	free(s->last);
	free(s->pending);
	free(s->keep);
	free(s->known);
	free(s->table);
}

/* ---- events ----------------------------------------------------------------------------- */

static void place(const u8 **image, u64 *hash, u64 *sum, u64 block, const u8 *data, u64 content)
{
	*sum += mix(block, content) - mix(block, hash[block]);
	hash[block] = content;
	image[block] = data;
}

static u64 poison_hash(void)
{
	static u64 hash;

	if (!hash)
		hash = content_hash(disk_poison);
	return hash;
}

static u64 event_blocks(const struct event *e)
{
	return e->kind == EVENT_DISCARD ? e->count : 1;
}

static void make_durable(struct sim *s, u32 n)
{
	const struct event *e = &s->rec->events[n];

	for (u64 i = 0; i < event_blocks(e); i++) {
		u64 b = e->block + i;

		if (s->last[b] > n + 1)
			continue;
		s->last[b] = n + 1;
		if (e->kind == EVENT_WRITE)
			place(s->durable, s->hash, &s->sum, b, e->data, e->hash);
		else
			place(s->durable, s->hash, &s->sum, b, disk_poison, poison_hash());
	}
}

/* Does event @n make the pending @p durable? */
static bool settles(const struct sim *s, u32 n, u32 p)
{
	const struct event *e = &s->rec->events[n], *w = &s->rec->events[p];

	return (e->kind == EVENT_FLUSH && p < e->from) || (w->fua && n >= w->end);
}

bool sim_closes(const struct sim *s)
{
	for (u32 i = 0; i < s->count; i++)
		if (settles(s, s->next, s->pending[i]))
			return true;
	return false;
}

static void take_mark(struct sim *s, u64 mark)
{
	u32 lane = mark >> 32 & 0xff, number = (u32)mark;

	if (mark >> 40 == MARK_BEGUN) {
		s->lane_to[lane] = number;
		return;
	}
	s->lane_from[lane] = number;
	/* Alone, its calls have written all that was written. */
	if (s->rec->lane_count == 1)
		s->acknowledged = s->begun;
}

void sim_step(struct sim *s)
{
	const struct event *e = &s->rec->events[s->next];
	u32 left = 0;

	for (u32 i = 0; i < s->count; i++) {
		if (settles(s, s->next, s->pending[i]))
			make_durable(s, s->pending[i]);
		else
			s->pending[left++] = s->pending[i];
	}
	s->count = left;
	if (e->kind == EVENT_MARK)
		take_mark(s, e->mark);
	if (e->kind == EVENT_WRITE || e->kind == EVENT_DISCARD)
		s->pending[s->count++] = s->next;
	if (e->super)
		s->begun = max(s->begun, le64_to_cpu(((const struct vexfs_super *)
						      e->data)->generation));
	s->next++;
}

/* ---- a state ------------------------------------------------------------------------------- */

static void place_torn(struct sim *s, const struct event *e, u8 sectors, u64 *sum)
{
	const u8 *old = s->v.disk.image[e->block];
	u8 *to = disk_block(&s->v.disk);

	for (u32 i = 0; i < 8; i++) {
		const u8 *from = sectors & 1u << i ? e->data : old;

		if (from)
			memcpy(to + i * 512, from + i * 512, 512);
		else
			memset(to + i * 512, 0, 512);
	}
	place(s->v.disk.image, s->scratch, sum, e->block, to, content_hash(to));
}

/* Make the disk's image that of a state; returns its hash. */
static u64 build(struct sim *s, u32 torn, u8 sectors)
{
	u64 sum = s->sum;

	disk_forget(&s->v.disk);
	memcpy(s->v.disk.image, s->durable, s->rec->blocks * sizeof(*s->durable));
	memcpy(s->scratch, s->hash, s->rec->blocks * sizeof(*s->hash));
	for (u32 i = 0; i < s->count; i++) {
		u32 n = s->pending[i];
		const struct event *e = &s->rec->events[n];

		if (!s->keep[i] && i != torn)
			continue;
		for (u64 k = 0; k < event_blocks(e); k++) {
			u64 b = e->block + k;

			if (s->last[b] > n + 1)
				continue;
			if (e->kind == EVENT_DISCARD)
				place(s->v.disk.image, s->scratch, &sum, b, disk_poison,
				      poison_hash());
			else if (i == torn)
				place_torn(s, e, sectors, &sum);
			else
				place(s->v.disk.image, s->scratch, &sum, b, e->data, e->hash);
		}
	}
	return sum ? sum : 1;
}

static struct tried *table_find(struct sim *s, u64 sum)
{
	u64 at = sum * 0x9e3779b97f4a7c15ULL >> 20;

	while (s->table[at & (s->table_size - 1)].sum &&
	       s->table[at & (s->table_size - 1)].sum != sum)
		at++;
	return &s->table[at & (s->table_size - 1)];
}

static void table_add(struct sim *s, u64 sum, u64 generation)
{
	struct tried *old = s->table;
	u64 size = s->table_size;

	*table_find(s, sum) = (struct tried){ sum, generation };
	if (++s->out->different < s->table_size / 2)
		return;
	s->table_size *= 2;
	s->table = calloc(s->table_size, sizeof(*s->table));
	for (u64 i = 0; i < size; i++)
		if (old[i].sum)
			*table_find(s, old[i].sum) = old[i];
	free(old);
}

/* ---- is it one that was promised? ---------------------------------------------------------- */

static const char *complain(struct sim *s, const char *format, u64 a, u64 b)
{
	s->v.text.len = 0;
	text_add(&s->v.text, format, a, b);
	return s->v.text.str;
}

#define TOO_OLD "generation %llu is found, but %llu is acknowledged"
#define TOO_NEW "generation %llu is found, but the newest that was begun is %llu"

static bool lane_shows(const struct lane *lane, u32 from, u32 to, u64 hash)
{
	for (u32 i = from; i <= to && i < lane->count; i++)
		if (lane->shots[i].hash == hash)
			return true;
	return false;
}

static const char *complain_lane(struct sim *s, u32 l)
{
	const struct lane *lane = &s->rec->lanes[l];
	u32 best = min(s->lane_to[l], lane->count - 1);

	s->v.text.len = 0;
	text_add(&s->v.text,
		 "thread %u: what is seen is none of the moments from its call %u, which is "
		 "acknowledged, to its call %u, which has begun\n%s",
		 l, s->lane_from[l], s->lane_to[l],
		 view_difference(lane->shots[best].text, s->v.view.str + s->v.lane[l]));
	return s->v.text.str;
}

/* Note of each thread whose moment is none whether it is one between two parts of a call. */
static void find_between(struct sim *s, struct known *known)
{
	for (u32 l = 0; l < s->rec->lane_count; l++) {
		const struct lane *lane = &s->rec->lanes[l];
		size_t end = l + 1 < s->rec->lane_count ? s->v.lane[l + 1] : s->v.view.len;

		for (u32 i = s->lane_from[l] + 1; i <= s->lane_to[l] && i < lane->count; i++)
			if (lane_between(lane, i, s->v.view.str + s->v.lane[l],
					 end - s->v.lane[l]))
				known->between[l] = i;
	}
}

/* Is @generation late enough, and early enough, for a crash now? */
static const char *in_time(struct sim *s, u64 generation)
{
	const struct known *known = &s->known[generation - s->rec->first];
	const struct verdict *found = &known->verdict;

	if (generation < s->acknowledged)
		return complain(s, TOO_OLD, generation, s->acknowledged);
	if (generation > s->begun)
		return complain(s, TOO_NEW, generation, s->begun);
	for (u32 l = 0; s->rec->lane_count > 1 && l < s->rec->lane_count; l++)
		if (!lane_shows(&s->rec->lanes[l], s->lane_from[l], s->lane_to[l],
				found->lanes[l]) &&
		    (known->between[l] <= s->lane_from[l] || known->between[l] > s->lane_to[l]))
			return complain_lane(s, l);
	return NULL;
}

static const char *content_promised(struct sim *s, const struct verdict *found)
{
	u64 n = found->generation - s->rec->first;
	const struct lane *lane = &s->rec->lanes[0];
	const struct promise *p;

	if (s->rec->lane_count > 1)
		return NULL;
	if (n >= s->rec->generations)
		return complain(s, "generation %llu is found, %llu is the first", found->generation,
				s->rec->first);
	p = &s->rec->promises[n];
	if (lane_shows(lane, p->from, p->to, found->lanes[0]) ||
	    lane_between(lane, p->to, s->v.view.str, s->v.view.len))
		return NULL;
	s->v.text.len = 0;
	text_add(&s->v.text, "generation %llu does not show what calls up to number %u made\n%s",
		 found->generation, p->to,
		 view_difference(lane->shots[p->to].text, s->v.view.str));
	return s->v.text.str;
}

static const char *judge(struct sim *s, const struct verdict *found)
{
	u64 n = found->generation - s->rec->first;
	const char *bad;

	if (found->generation < s->acknowledged)
		return complain(s, TOO_OLD, found->generation, s->acknowledged);
	if (found->generation > s->begun)
		return complain(s, TOO_NEW, found->generation, s->begun);
	if (n >= s->known_count) {
		s->known = realloc(s->known, (n + 1) * sizeof(*s->known));
		memset(s->known + s->known_count, 0, (n + 1 - s->known_count) * sizeof(*s->known));
		s->known_count = n + 1;
	}
	if (!s->known[n].seen) {
		bad = content_promised(s, found);
		if (bad)
			return bad;
		s->known[n].seen = true;
		s->known[n].verdict = *found;
		find_between(s, &s->known[n]);
	}
	if (memcmp(s->known[n].verdict.lanes, found->lanes,
		   s->rec->lane_count * sizeof(found->lanes[0])))
		return complain(s, "generation %llu of %llu threads shows one thing here, another before",
				found->generation, s->rec->lane_count);
	return in_time(s, found->generation);
}

/* ---- trying ----------------------------------------------------------------------------------- */

static void fail(struct sim *s, const char *bad, u32 torn, u8 sectors)
{
	struct crash *c = calloc(1, sizeof(*c));

	c->at = s->next - 1;
	c->torn = torn == CRASH_WHOLE ? CRASH_WHOLE : s->pending[torn];
	c->sectors = sectors;
	for (u32 i = 0; i < s->count; i++)
		if (!s->keep[i] && i != torn && c->count < CRASH_MISSING_MAX)
			c->missing[c->count++] = s->pending[i];
	s->out->crash = c;
	s->out->failed = strdup(bad);
}

bool sim_try(struct sim *s, u32 torn, u8 sectors)
{
	u64 sum = build(s, torn, sectors);
	struct tried *t = table_find(s, sum);
	struct verdict found = { 0 };
	const char *bad;

	s->out->tried++;
	if (t->sum) {
		bad = in_time(s, t->generation);
	} else {
		bad = verify(&s->v, sum, false, &found);
		if (!bad)
			bad = judge(s, &found);
		table_add(s, sum, found.generation);
		if (s->limits->progress)
			++*s->limits->progress;
		s->out->second = s->v.second;
	}
	if (bad)
		fail(s, bad, torn, sectors);
	return !bad && s->out->different < s->limits->states &&
	       !(s->limits->tries && s->out->tried >= s->limits->tries) &&
	       !(s->limits->stop && *s->limits->stop);
}

const char *sim_try_wanted(struct sim *s, u32 torn, u8 sectors)
{
	struct verdict found;
	const char *bad = NULL;

	for (u32 all = 0; !bad && all < 2; all++) {
		u64 sum = build(s, torn, sectors);

		bad = verify(&s->v, sum, all, &found);
		if (!bad)
			bad = judge(s, &found);
	}
	return bad;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which states are tried: at every write, all before it on the medium, and it whole or torn; before
 * every flush and after every FUA write, parts of what is pending. All parts while
 * there are few; else each write and each pair of writes missing, each alone
 * there, and random parts.
 */
#include <stdlib.h>

#include "sim.h"

static void keep_all(struct sim *s, bool keep)
{
	memset(s->keep, keep, s->count);
}

static bool try_all_parts(struct sim *s)
{
	for (u32 mask = 0; mask < 1u << s->count; mask++) {
		for (u32 i = 0; i < s->count; i++)
			s->keep[i] = mask >> i & 1;
		if (!sim_try(s, CRASH_WHOLE, 0))
			return false;
	}
	return true;
}

/* With all but one, or only one, when @others is what the others are. */
static bool try_singles(struct sim *s, bool others)
{
	keep_all(s, others);
	for (u32 i = 0; i < s->count; i++) {
		s->keep[i] = !others;
		if (!sim_try(s, CRASH_WHOLE, 0))
			return false;
		s->keep[i] = others;
	}
	return true;
}

static bool try_pairs(struct sim *s, bool others)
{
	u64 all = (u64)s->count * (s->count - 1) / 2;
	u64 n = 0;

	keep_all(s, others);
	for (u32 i = 0; i < s->count; i++) {
		for (u32 k = i + 1; k < s->count; k++, n++) {
			if (all > s->limits->pairs && rnd_below(&s->rnd, all) >= s->limits->pairs)
				continue;
			s->keep[i] = !others;
			s->keep[k] = !others;
			if (!sim_try(s, CRASH_WHOLE, 0))
				return false;
			s->keep[i] = others;
			s->keep[k] = others;
		}
	}
	return true;
}

/* Random parts, half of them with a torn write besides. */
static bool try_random(struct sim *s)
{
	for (u32 n = 0; n < s->limits->random; n++) {
		u64 chance = 1 + rnd_below(&s->rnd, 15);
		u32 torn = CRASH_WHOLE;

		for (u32 i = 0; i < s->count; i++)
			s->keep[i] = rnd_below(&s->rnd, 16) < chance;
		if (n & 1)
			torn = rnd_below(&s->rnd, s->count);
		if (!sim_try(s, torn, 1 + rnd_below(&s->rnd, 254)))
			return false;
	}
	return true;
}

static bool try_parts(struct sim *s)
{
	if (!s->count)
		return true;
	if (s->count <= s->limits->all_of)
		return try_all_parts(s) && try_random(s);
	return try_singles(s, true) && try_singles(s, false) && try_pairs(s, true) &&
	       try_pairs(s, false) && try_random(s);
}

/* The newest write torn: a superblock in every way, others in order and at random. */
static bool try_torn(struct sim *s)
{
	const struct event *e = &s->rec->events[s->next - 1];
	u32 torn = s->count - 1;

	keep_all(s, true);
	for (u32 sectors = 1; sectors < 255; sectors++) {
		bool first = !(sectors & (sectors + 1));

		if (!e->super && !first && rnd_below(&s->rnd, 128))
			continue;
		if (!sim_try(s, torn, sectors))
			return false;
	}
	return true;
}

static bool try_event(struct sim *s)
{
	const struct event *e = &s->rec->events[s->next];

	if (sim_closes(s) && !try_parts(s))
		return false;
	sim_step(s);
	keep_all(s, true);
	if (e->kind != EVENT_FLUSH && !sim_try(s, CRASH_WHOLE, 0))
		return false;
	return e->kind != EVENT_WRITE || try_torn(s);
}

void states_try(const struct record *rec, const struct limits *limits, u64 seed,
		struct outcome *out)
{
	struct sim s;

	memset(out, 0, sizeof(*out));
	sim_init(&s, rec, limits, out);
	s.rnd = seed;
	while (s.next < rec->count)
		if (!try_event(&s))
			break;
	/* What was never flushed. */
	if (!out->failed && s.next == rec->count)
		try_parts(&s);
	sim_free(&s);
}

static bool is_missing(const struct crash *c, u32 n)
{
	for (u32 i = 0; i < c->count; i++)
		if (c->missing[i] == n)
			return true;
	return false;
}

char *states_try_one(const struct record *rec, const struct crash *crash)
{
	struct limits limits = { .states = 1 };
	struct outcome out = { 0 };
	u32 torn = CRASH_WHOLE;
	const char *bad;
	struct sim s;
	char *text;

	sim_init(&s, rec, &limits, &out);
	while (s.next < rec->count && s.next <= crash->at)
		sim_step(&s);
	for (u32 i = 0; i < s.count; i++) {
		s.keep[i] = !is_missing(crash, s.pending[i]);
		if (s.pending[i] == crash->torn)
			torn = i;
	}
	bad = sim_try_wanted(&s, torn, crash->sectors);
	text = bad ? strdup(bad) : NULL;
	sim_free(&s);
	return text;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * A chain of frames that together are too much, and one that is not, since one of the frames
 * has gone when the other comes; compiled by the lint alone and never linked.
 */
#define noinline __attribute__((__noinline__))

void use(void *p);
void first(void);
void jumps(void);
noinline void second(void);

void second(void)
{
	char frame[400];

	use(frame);
}

void first(void)
{
	char frame[300];

	use(frame);
	second();
	use(frame);
}

void jumps(void)
{
	volatile char frame[500];

	frame[0] = 0;
	second();
}

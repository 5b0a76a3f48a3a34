// SPDX-License-Identifier: GPL-2.0-only
/* A chain of frames that together are too much; compiled by the lint alone and never linked. */
#define noinline __attribute__((__noinline__))

void use(void *p);
void first(void);
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

// SPDX-License-Identifier: GPL-2.0-only
/* What the lint has to find; it is compiled by the lint alone and never linked. */
#define noinline __attribute__((__noinline__))

void use(void *p);
noinline int deeper(int n);
noinline int shallower(int n);
noinline int endless(int n);
void any_size(int n);
void fat(void);

/* Over both frame budgets. */
void fat(void)
{
	char frame[600];

	use(frame);
}

/* A frame that no budget can hold. */
void any_size(int n)
{
	char frame[n];

	use(frame);
}

/* Recursion, by way of another function and direct. */
int deeper(int n)
{
	use(&n);
	return shallower(n) + 1;
}

int shallower(int n)
{
	use(&n);
	return n ? deeper(n) + 1 : 0;
}

int endless(int n)
{
	use(&n);
	return n ? endless(n - 1) + 1 : 0;
}

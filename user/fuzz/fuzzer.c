// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer's side: FUZZ_TARGET is the target of this program. Images get a mutator of their own,
 * which adds, changes and drops whole edits; half the time libFuzzer's own does its work on them.
 */
#include "fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FUZZ_TARGET(data, size);
	return 0;
}

#define IMAGE_HEAD	4u

static size_t mutate_edits(u8 *data, size_t size, size_t most, u64 rnd)
{
	size_t count = size > IMAGE_HEAD ? (size - IMAGE_HEAD) / FUZZ_EDIT_BYTES : 0;
	size_t at = count ? fuzz_random(&rnd) % count : 0;
	u8 *edit = data + IMAGE_HEAD + at * FUZZ_EDIT_BYTES;

	if (size < IMAGE_HEAD)
		memset(data + size, 0, IMAGE_HEAD - size);
	switch (count ? fuzz_random(&rnd) % 6 : 0) {
	case 0:
	case 1:
		if (IMAGE_HEAD + (count + 1) * FUZZ_EDIT_BYTES <= most && count < 32)
			fuzz_edit_random(data + IMAGE_HEAD + count++ * FUZZ_EDIT_BYTES, &rnd);
		break;
	case 2:
		fuzz_edit_random(edit, &rnd);
		break;
	case 3:
		count--;
		memmove(edit, edit + FUZZ_EDIT_BYTES, (count - at) * FUZZ_EDIT_BYTES);
		break;
	case 4:
		edit[fuzz_random(&rnd) % FUZZ_EDIT_BYTES] ^= 1u << (fuzz_random(&rnd) & 7);
		break;
	default:
		/* The same edit of another place or item. */
		edit[(fuzz_random(&rnd) & 1) ? 2 : 4] += 1 + (fuzz_random(&rnd) & 3);
	}
	data[fuzz_random(&rnd) % IMAGE_HEAD] ^= fuzz_random(&rnd) & 1 ? fuzz_random(&rnd) : 0;
	return IMAGE_HEAD + count * FUZZ_EDIT_BYTES;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed)
{
	if (FUZZ_TARGET != fuzz_image || most < IMAGE_HEAD || seed & 1)
		return LLVMFuzzerMutate(data, size, most);
	return mutate_edits(data, size, most, seed);
}

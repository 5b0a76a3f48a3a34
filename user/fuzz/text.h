/* SPDX-License-Identifier: GPL-2.0-only */
/* What the targets for text share. */
#ifndef VEX_FUZZ_TEXT_H
#define VEX_FUZZ_TEXT_H

#include "fuzz.h"

/* The input up to its first NUL, in memory of its own and terminated; to be freed. */
char *fuzz_text(const u8 *data, size_t len);
/* From here on messages to the user go nowhere, until the end. */
void fuzz_quiet(void);
void fuzz_quiet_end(void);

#endif /* VEX_FUZZ_TEXT_H */

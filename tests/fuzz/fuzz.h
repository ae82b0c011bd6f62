/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the fuzzing entry points share. libFuzzer calls LLVMFuzzerTestOneInput(); without it,
 * replay.c does, with the files it is given.
 */
#ifndef LCP_TESTS_FUZZ_H
#define LCP_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * What became of the input: an entry point says 0 for "accepted" or the code it was refused with.
 * libFuzzer has no use for it, so what it returns stays 0; replay.c makes claims of it.
 */
#ifdef LCP_FUZZ_REPLAY
void fuzz_tell(int r);
#else
static inline void fuzz_tell(int r)
{
	(void)r;
}
#endif

/* Keep the compiler from dropping the reads that @value was made of. */
static inline void fuzz_use(uint64_t value)
{
	__asm__ volatile("" : : "r"(value));
}

#endif

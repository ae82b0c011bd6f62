/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Floating point and SIMD constants.
 *
 * expect: 6 14 6
 * flags: -O2 -mavx2
 * flags: -O0
 * flags: -O3
 */
#include <string.h>

typedef float vector __attribute__((vector_size(16)));

static volatile double scale = 2.0;

int __attribute__((noinline)) compute(const float *values)
{
	vector loaded;
	double sum = 0;

	memcpy(&loaded, values, sizeof(loaded));
#ifdef PATCHED
	loaded = loaded * (vector){ 1.5F, 2.5F, 3.5F, 0.5F };
	for (int i = 0; i < 4; i++)
		sum += (double)loaded[i] - 0.125;
	return (int)(sum * scale - 0.75 + 0.25 - 0.5);
#else
	loaded = loaded + (vector){ 0.25F, 0.25F, -0.25F, -0.25F };
	for (int i = 0; i < 4; i++)
		sum += (double)loaded[i];
	return (int)(sum * scale - 2.0);
#endif
}

int test_value(void)
{
	static const float ones[4] = { 1, 1, 1, 1 };

	return compute(ones);
}

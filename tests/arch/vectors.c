/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loops that compilers turn into vector instructions. Nothing runs them; tests/arch/lengths.sh
 * looks at the code.
 */
#include <stddef.h>
#include <stdint.h>

#define EACH_TYPE(one) \
	one(int8_t) one(uint8_t) one(int16_t) one(uint32_t) one(int64_t) one(float) one(double)

#define LOOPS(type)                                                              \
	void add_##type(type *a, const type *b, type c, size_t n);               \
	void add_##type(type *a, const type *b, type c, size_t n)                \
	{                                                                        \
		for (size_t i = 0; i < n; i++)                                   \
			a[i] = (type)(a[i] * b[i] + c);                          \
	}                                                                        \
	type sum_##type(const type *a, const type *b, size_t n);                 \
	type sum_##type(const type *a, const type *b, size_t n)                  \
	{                                                                        \
		type sum = 0;                                                    \
                                                                                 \
		for (size_t i = 0; i < n; i++)                                   \
			sum = (type)(sum + (a[i] > b[i] ? a[i] : (type)3));      \
		return sum;                                                      \
	}                                                                        \
	void gather_##type(type *a, const type *b, const int32_t *at, size_t n); \
	void gather_##type(type *a, const type *b, const int32_t *at, size_t n)  \
	{                                                                        \
		for (size_t i = 0; i < n; i++)                                   \
			a[i] = b[at[i]];                                         \
	}                                                                        \
	void convert_##type(double *a, const type *b, size_t n);                 \
	void convert_##type(double *a, const type *b, size_t n)                  \
	{                                                                        \
		for (size_t i = 0; i < n; i++)                                   \
			a[i] = b[i] != 0 ? (double)b[i] * 1.5 : a[i];            \
	}                                                                        \
	void weave_##type(type *a, const type *b, size_t n);                     \
	void weave_##type(type *a, const type *b, size_t n)                      \
	{                                                                        \
		for (size_t i = 0; i < n; i++) {                                 \
			a[2 * i] = b[n - i];                                     \
			a[2 * i + 1] = (type)(b[i] - a[2 * i]);                  \
		}                                                                \
	}

EACH_TYPE(LOOPS)

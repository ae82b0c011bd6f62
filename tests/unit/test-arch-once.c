/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Code that calls once: the bytes of both CPUs are what their assemblers write (gas 2.40), and on
 * this one whoever comes first calls, with all arguments, and nobody after it, whatever threads
 * there are.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/arch.h"
#include "base/num.h"
#include "tap.h"

#define THREADS 4
#define ROUNDS 20000

static const struct {
	const char *claim;
	const struct arch *arch;
	size_t size;
	uint8_t code[ARCH_ONCE_MAX];
} rows[] = {
	{ "x86-64: endbr64, xor, xchg, test, jz, jmp, ret",
	  &arch_x86_64,
	  17,
	  { 0xf3, 0x0f, 0x1e, 0xfa, 0x31, 0xc0, 0x48, 0x87, 0x02, 0x48, 0x85, 0xc0, 0x74, 0x02,
	    0xff, 0xe0, 0xc3 } },
	{ "aarch64: bti c, ldaxr, stlxr, cbnz, cbz, br, ret",
	  &arch_aarch64,
	  28,
	  { 0x5f, 0x24, 0x03, 0xd5, 0x50, 0xfc, 0x5f, 0xc8, 0x5f, 0xfc, 0x11, 0xc8, 0xd1, 0xff,
	    0xff, 0x35, 0x50, 0x00, 0x00, 0xb4, 0x00, 0x02, 0x1f, 0xd6, 0xc0, 0x03, 0x5f, 0xd6 } },
};

static void try_bytes(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		is_int(rows[i].arch->once_size, rows[i].size, rows[i].claim);
		is_bytes(rows[i].arch->once, rows[i].code, rows[i].size, "its bytes");
	}
}

typedef void (*once_fn)(uint64_t first, uint64_t second, atomic_uintptr_t *word);

static once_fn once;
static atomic_uintptr_t words[ROUNDS];
static atomic_uint calls, wrong;

static void called(uint64_t first, uint64_t second, atomic_uintptr_t *word)
{
	calls++;
	wrong += first != 11 || second != 22 || atomic_load(word) != 0;
}

static void *call_all(void *unused)
{
	for (size_t i = 0; i < ROUNDS; i++)
		once(11, 22, &words[i]);
	return unused;
}

static void try_here(const struct arch *arch)
{
	size_t size = 4096;
	uint8_t *code = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			     0);
	pthread_t threads[THREADS];

	if (code == MAP_FAILED)
		exit(99);
	memcpy(code, arch->once, arch->once_size);
	__builtin___clear_cache((char *)code, (char *)code + size);
	if (mprotect(code, size, PROT_READ | PROT_EXEC) < 0)
		exit(99);
	memcpy(&once, &code, sizeof(once));

	for (size_t i = 0; i < ROUNDS; i++)
		words[i] = (uintptr_t)called;
	once(11, 22, &words[0]);
	is_int(calls, 1, "the first one who comes calls");
	is_int(words[0], 0, "the word is zero then");
	once(11, 22, &words[0]);
	is_int(calls, 1, "the second one does not");
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, call_all, NULL) != 0)
			exit(99);
	for (size_t i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	is_int(calls, ROUNDS, "of many threads one calls");
	is_int(wrong, 0, "with the arguments, and when the word is zero");
	(void)munmap(code, size);
}

int main(void)
{
	tap_begin();
	try_bytes();
	if (arch_native() != NULL)
		try_here(arch_native());
	return tap_end();
}

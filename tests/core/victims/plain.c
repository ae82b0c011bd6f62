/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program without libraries of its own: objects, symbols of libc (versioned, indirect, copied
 * into the program), its thread-local block. Also built static, and for musl.
 */
#include "say.h"

#include <stdlib.h>

static __thread long own_tls = 5;
static __thread char more_tls[100];

static uint64_t thread_pointer(void)
{
	return (uint64_t)(uintptr_t)__builtin_thread_pointer();
}

/* The block of the first object, which is the program. */
static int find_block(struct dl_phdr_info *info, size_t size, void *userdata)
{
	(void)size;
	*(uint64_t *)userdata = number_of(info->dlpi_tls_data);
	return 1;
}

/* A static program lists no symbols, and itself and the vdso are all its objects. */
#ifdef STATIC
static void say_imports(void)
{
	printf("objects 2\n");
	printf("symbol - malloc - none\n");
}
#else
static void say_imports(void)
{
	static const char *const names[] = {
		"malloc", "free",	    "printf",  "puts",	   "qsort",	    "getenv",
		"stderr", "stdout",	    "environ", "strlen",   "strcmp",	    "memchr",
		"memcpy", "pthread_create", "no_such", "_r_debug", "__tls_get_addr"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		say_dlsym("-", RTLD_DEFAULT, names[i]);
	say_symbol("-", "stderr", "-", number_of((void *)&stderr));
	say_symbol("-", "qsort", "-", FUNCTION(&qsort));
#ifdef __GLIBC__
	say_dlvsym("-", RTLD_DEFAULT, "memcpy", "GLIBC_2.2.5");
	say_dlvsym("-", RTLD_DEFAULT, "memcpy", "GLIBC_2.14");
	say_dlvsym("-", RTLD_DEFAULT, "realpath", "GLIBC_2.2.5");
	say_dlvsym("-", RTLD_DEFAULT, "realpath", "GLIBC_2.3");
	printf("symbol - realpath GLIBC_9 none\n");
#endif
	say_objects(0);
}
#endif

int main(int argc, char **argv)
{
	uint64_t block = 0;

	(void)argv;
	own_tls += argc;
	more_tls[argc] = 1;
	say_imports();
	(void)dl_iterate_phdr(find_block, &block);
	(void)fprintf(stderr, "%s", "");
	printf("segment 0x%llx none\n", (unsigned long long)(uintptr_t)&argc);
	printf("tls - 1 %lld\n", (long long)(block - thread_pointer()));
	return say_ready();
}

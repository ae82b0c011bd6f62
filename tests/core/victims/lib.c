/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library that says what it means by names that others define too. Built several times: NAME is
 * the library's, as in -DNAME=one for libone.so.
 */
#include "say.h"

#include <stdlib.h>

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(text) #text
#define TEXT(text) TEXT_(text)
#define LIBRARY "lib" TEXT(NAME) ".so"

/* All libraries have one. */
int both(void);
int both(void)
{
	return NUMBER;
}

int JOIN(NAME, only)(void);
int JOIN(NAME, only)(void)
{
	return NUMBER;
}

/* Of these there is one for all libraries, wherever it is. */
extern int unique;
__asm__(".data\n"
	".globl unique\n"
	".type unique, %gnu_unique_object\n"
	".size unique, 4\n"
	"unique: .long " TEXT(NUMBER) "\n"
				      ".text");

int JOIN(NAME, data) = NUMBER;

#ifdef INDIRECT
static int pick_one(void)
{
	return NUMBER;
}

static int (*pick(void))(void)
{
	return pick_one;
}

int JOIN(NAME, pick)(void) __attribute__((ifunc("pick")));

/* Not called by anybody. */
static int (*pick_idle(void))(void)
{
	return pick_one;
}

int JOIN(NAME, idle)(void) __attribute__((ifunc("pick_idle")));
#endif

__thread long JOIN(NAME, tls) = NUMBER;

struct own {
	uint64_t address; /* in the library */
	size_t module;
	void *block;
};

static int find_own(struct dl_phdr_info *info, size_t size, void *userdata)
{
	struct own *own = userdata;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		uint64_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

		if (info->dlpi_phdr[i].p_type == PT_LOAD && own->address >= start &&
		    own->address - start < info->dlpi_phdr[i].p_memsz) {
			own->module = info->dlpi_tls_modid;
			own->block = info->dlpi_tls_data;
			return 1;
		}
	}
	return 0;
}

/* With initial-exec a slot holds the place, otherwise one holds the module. */
static void say_tls(void)
{
	static const char inside;
	struct own own = { number_of((void *)&inside), 0, NULL };
	uint64_t thread = (uint64_t)(uintptr_t)__builtin_thread_pointer();

	JOIN(NAME, tls)++;
	(void)dl_iterate_phdr(find_own, &own);
#ifdef TLS_IS_FIXED
	printf("tls %s - %lld\n", LIBRARY, (long long)(number_of(own.block) - thread));
#else
	(void)thread;
	printf("tls %s %zu -\n", LIBRARY, own.module);
#endif
}

void JOIN(NAME, say)(void);
void JOIN(NAME, say)(void)
{
	say_symbol(LIBRARY, "both", "-", FUNCTION(&both));
	say_symbol(LIBRARY, TEXT(NAME) "_only", "-", FUNCTION(&JOIN(NAME, only)));
	say_symbol(LIBRARY, TEXT(NAME) "_data", "-", number_of(&JOIN(NAME, data)));
	say_symbol(LIBRARY, "unique", "-", number_of(&unique));
	say_symbol(LIBRARY, "malloc", "-", FUNCTION(&malloc));
	say_symbol(LIBRARY, "stderr", "-", number_of((void *)&stderr));
	say_symbol(LIBRARY, "strlen", "-", FUNCTION(&strlen));
#ifdef INDIRECT
	say_symbol(LIBRARY, TEXT(NAME) "_pick", "-", FUNCTION(&JOIN(NAME, pick)));
	printf("symbol %s %s_idle - unresolved\n", LIBRARY, TEXT(NAME));
#endif
	say_tls();
	(void)fflush(stdout);
}

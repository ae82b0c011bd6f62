/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a victim says where things are: lines for tests/core/look.c. It says "ready" and waits until
 * its standard input is closed.
 */
#ifndef SAY_H
#define SAY_H

#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* An address of a function or of data, which ISO C does not let pass for one another. */
static inline uint64_t number_of(void *address)
{
	return (uint64_t)(uintptr_t)address;
}

#define FUNCTION(function) ((uint64_t)(uintptr_t)(function))

static inline void say_symbol(const char *from, const char *name, const char *version,
			      uint64_t address)
{
	printf("symbol %s %s %s 0x%llx\n", from, name, version, (unsigned long long)address);
}

/* The symbol as dlsym(3) finds it through @handle. */
static inline void say_dlsym(const char *from, void *handle, const char *name)
{
	void *found = dlsym(handle, name);

	if (found == NULL)
		printf("symbol %s %s - none\n", from, name);
	else
		say_symbol(from, name, "-", number_of(found));
}

#ifdef __GLIBC__
static inline void say_dlvsym(const char *from, void *handle, const char *name, const char *version)
{
	say_symbol(from, name, version, number_of(dlvsym(handle, name, version)));
}
#endif

static inline int say_object(struct dl_phdr_info *info, size_t size, void *userdata)
{
	const char *slash = strrchr(info->dlpi_name, '/');
	const char *name = slash != NULL ? slash + 1 : info->dlpi_name;

	(void)size;
	if (name[0] == '\0' && *(unsigned int *)userdata == 0)
		name = "-";
	else if (name[0] == '\0' || strncmp(name, "linux-vdso", 10) == 0)
		name = "[vdso]"; /* musl has no name for it */
	else if (strstr(name, "libc.so") != NULL || strstr(name, "ld-") != NULL)
		name = NULL; /* perhaps a link to a file with another name */
	if (name != NULL)
		printf("object 0x%llx %s\n", (unsigned long long)info->dlpi_addr, name);
	++*(unsigned int *)userdata;
	return 0;
}

/* All objects that the dynamic linker knows in the first namespace, and @more. */
static inline void say_objects(unsigned int more)
{
	unsigned int count = 0;

	(void)dl_iterate_phdr(say_object, &count);
	printf("objects %u\n", count + more);
}

static inline int say_ready(void)
{
	char c;

	printf("ready\n");
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	return 0;
}

#endif

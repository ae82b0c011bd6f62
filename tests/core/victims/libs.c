/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program with libraries: linked, opened, opened in a namespace of its own; and with what else is
 * mapped. Arguments say what it does before it is looked at: "unlink" its files, "chroot" to a
 * directory, "namespace".
 */
#include "say.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

int both(void);
int versioned(void);
int one_only(void);
int one_pick(void);
void one_say(void);
void two_say(void);
void inward_say(void);
extern int one_data;

/* A slot of the program for each function that it calls: bound already or not. */
static void say_slots(void)
{
	const ElfW(Rela) *relocs = NULL;
	const ElfW(Sym) *symbols = NULL;
	const char *strings = NULL;
	size_t size = 0;
	uint64_t bias = _r_debug.r_map->l_addr;

	for (const ElfW(Dyn) *entry = _DYNAMIC; entry->d_tag != DT_NULL; entry++) {
		if (entry->d_tag == DT_JMPREL)
			relocs = (const void *)entry->d_un.d_ptr; // NOLINT
		else if (entry->d_tag == DT_SYMTAB)
			symbols = (const void *)entry->d_un.d_ptr; // NOLINT
		else if (entry->d_tag == DT_STRTAB)
			strings = (const void *)entry->d_un.d_ptr; // NOLINT
		else if (entry->d_tag == DT_PLTRELSZ)
			size = entry->d_un.d_val;
	}
	for (size_t i = 0; i < size / sizeof(*relocs); i++) {
		const char *name = strings + symbols[ELF64_R_SYM(relocs[i].r_info)].st_name;

		printf("slot - 0x%llx %s 0x%llx\n", (unsigned long long)(bias + relocs[i].r_offset),
		       name, (unsigned long long)number_of(dlsym(RTLD_DEFAULT, name)));
	}
}

static void say_linked(void)
{
	static const char *const names[] = { "both",	 "versioned", "gone",	"one_only",
					     "one_data", "two_only",  "unique", "plug_only",
					     "malloc",	 "stderr" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		say_dlsym("-", RTLD_DEFAULT, names[i]);
	say_dlvsym("-", RTLD_DEFAULT, "versioned", "V1");
	say_dlvsym("-", RTLD_DEFAULT, "versioned", "V2");
	say_dlvsym("-", RTLD_DEFAULT, "gone", "V1");
	printf("symbol - versioned V3 none\n");
	say_symbol("-", "one_data", "-", number_of(&one_data));
	one_say();
	two_say();
	inward_say();
}

static void *open_library(long space, const char *name)
{
	void *handle = dlmopen(space, name, RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL) {
		(void)fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	return handle;
}

static void call_say(void *handle, const char *name)
{
	void *found = dlsym(handle, name);
	void (*say)(void);

	memcpy(&say, &found, sizeof(say));
	say();
}

/* A plug-in and what it needs see one another, and the program sees neither. */
static void say_plug(void)
{
	void *handle = open_library(LM_ID_BASE, "./libplug.so");

	call_say(handle, "plug_say");
	call_say(handle, "dep_say");
	say_dlsym("libplug.so", handle, "dep_only");
	say_dlsym("libdep.so", handle, "plug_only");
	printf("symbol - plug_only - none\nsymbol libone.so dep_only - none\n");
}

/* Another namespace has its own libc, and sees nothing of this one but the dynamic linker. */
static unsigned int say_namespace(void)
{
	void *handle = open_library(LM_ID_NEWLM, "./libalone.so");

	(void)fflush(stdout);
	call_say(handle, "alone_say");
	say_dlsym("libalone.so", handle, "_r_debug");
	printf("symbol libalone.so one_only - none\nsymbol - alone_only - none\n");
	return 2;
}

/* The program's own file is mapped once more, as data. */
static void map_copy(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat stat;
	void *copy;

	if (fd < 0 || fstat(fd, &stat) < 0)
		exit(1);
	copy = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	(void)close(fd);
	if (copy == MAP_FAILED)
		exit(1);
	printf("segment 0x%llx none\n", (unsigned long long)number_of(copy));
}

static int unlink_object(struct dl_phdr_info *info, size_t size, void *userdata)
{
	(void)size;
	(void)userdata;
	if (strncmp(info->dlpi_name, "./", 2) == 0 || strstr(info->dlpi_name, "/libone") != NULL)
		(void)unlink(info->dlpi_name);
	return 0;
}

static void unlink_all(void)
{
	char path[PATH_MAX] = { 0 };

	(void)dl_iterate_phdr(unlink_object, NULL);
	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0 || unlink(path) < 0)
		exit(1);
}

int main(int argc, char **argv)
{
	unsigned int more = 0;

	(void)versioned();
	(void)one_pick();
	(void)one_only();
	say_linked();
	say_plug();
	map_copy();
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "namespace") == 0)
			more += say_namespace();
		else if (strcmp(argv[i], "unlink") == 0)
			unlink_all();
		else if (strcmp(argv[i], "chroot") == 0 && chroot("/proc/self/fdinfo") < 0)
			return 1;
	}
	say_slots();
	say_objects(more);
	return say_ready();
}

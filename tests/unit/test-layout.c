/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The layout check meets damaged objects, and a machine without libdw. What it says of sound ones
 * is in tests/asm/check-layout.sh. dlopen() is wrapped.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "build/layout.h"
#include "format/elf_file.h"
#include "format/file.h"
#include "tap.h"

#define MUTATIONS 2000

static bool libdw_is_missing;

void *__real_dlopen(const char *name, int flags);
void *__wrap_dlopen(const char *name, int flags);

void *__wrap_dlopen(const char *name, int flags)
{
	return libdw_is_missing && strcmp(name, "libdw.so.1") == 0 ? NULL
								   : __real_dlopen(name, flags);
}

struct object {
	uint8_t *bytes;
	size_t size;
};

static const char source[] =
	"struct in { int x; };\n"
	"typedef struct { long q; struct in *p; } anon_t;\n"
	"enum e { A, B, C = -7 };\n"
	"struct s {\n"
	"	int a; struct in in; union { int u; float f; }; struct { int z; } l[3], *p;\n"
	"	int (*cb)(int, char *, ...); unsigned b : 3, c : 5; enum e e; anon_t n[2][3];\n"
	"} v;\n"
	"int f(int n) { struct local { int i; struct s *s; } l = { n, &v }; return l.s->a + l.i; }\n";

/* Compile @source in a folder that is gone afterwards, with the compiler of the build. */
static struct object compile(const char *flags)
{
	char folder[] = "/tmp/test-layout.XXXXXX", path[64], command[512];
	const char *cc = getenv("CC") != NULL ? getenv("CC") : "cc";
	struct object object = { 0 };
	FILE *file;
	int fd;

	if (mkdtemp(folder) == NULL)
		abort();
	(void)snprintf(path, sizeof(path), "%s/unit.c", folder);
	file = fopen(path, "we");
	if (file == NULL || fputs(source, file) < 0 || fclose(file) != 0)
		abort();
	(void)snprintf(command, sizeof(command), "%s -O1 %s -c -o %s/unit.o %s", cc, flags, folder,
		       path);
	if (system(command) != 0)
		abort();
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/unit.o", folder);
	fd = file_open(path, NULL);
	if (fd < 0 || file_read(fd, UINT32_MAX, &object.bytes, &object.size, NULL) < 0)
		abort();
	(void)close(fd);
	(void)unlink(path);
	(void)rmdir(folder);
	return object;
}

/* Compare: how many changes, or -1 if it was not checked. */
static int64_t compare(const void *old, size_t old_size, const void *new, size_t new_size,
		       const char **ret_why_not)
{
	struct layout_diff diff;
	int64_t count;

	if (layout_compare(old, old_size, new, new_size, &diff, NULL) < 0)
		abort();
	if (diff.checked != (diff.why_not == NULL) || (!diff.checked && diff.changes.count > 0))
		abort();
	vec_foreach (&diff.changes, change)
		if (change->type[0] == '\0' || change->what[0] == '\0')
			abort();
	*ret_why_not = diff.why_not;
	count = diff.checked ? (int64_t)diff.changes.count : -1;
	layout_diff_fini(&diff);
	return count;
}

static void test_missing(const struct object *object)
{
	const char *why_not;

	libdw_is_missing = true;
	is_int(compare(object->bytes, object->size, object->bytes, object->size, &why_not), -1,
	       "without libdw nothing is checked");
	is_text(why_not, "libdw is not there", "and it says so");
	libdw_is_missing = false;
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* A byte of section @name, or of the file without one, becomes another. */
static void mutate(const struct object *object, uint64_t offset, uint64_t size, const char *claim)
{
	uint32_t state = 1;
	autofree uint8_t *damaged = malloc(object->size);
	int checked = 0, different = 0;
	const char *why_not;

	if (damaged == NULL)
		abort();
	memcpy(damaged, object->bytes, object->size);
	for (int i = 0; i < MUTATIONS; i++) {
		uint8_t *byte = &damaged[offset + next_random(&state) % size], was = *byte;
		int64_t count;

		*byte = (uint8_t)next_random(&state);
		count = compare(object->bytes, object->size, damaged, object->size, &why_not);
		checked += count >= 0;
		different += count > 0;
		*byte = was;
	}
	if (!ok(checked > 0 && different < MUTATIONS, "changed bytes of %s do no harm", claim))
		tap_say("of %d, %d were checked, %d different", MUTATIONS, checked, different);
}

static void mutate_section(const struct object *object, const char *name)
{
	const struct elf_section *section;
	autoelf struct elf_file *elf = NULL;

	if (elf_file_open_mem(object->bytes, object->size, &elf, NULL) < 0)
		abort();
	section = elf_file_section(elf, name);
	if (section == NULL)
		abort();
	mutate(object, section->offset, section->size, name);
}

static void test_cut(const struct object *object)
{
	const char *why_not;
	int checked = 0;

	for (size_t size = 0; size < object->size; size += 61)
		checked += compare(object->bytes, object->size, object->bytes, size, &why_not) >= 0;
	is_int(checked, 0, "an object that ends early is not checked");
}

int main(void)
{
	static const char *const flags[] = { "-gdwarf-5", "-gdwarf-4",
					     "-gdwarf-4 -fdebug-types-section" };
	const char *why_not;
	/* Held, so that not each of thousands of calls loads it again. */
	void *libdw = __real_dlopen("libdw.so.1", RTLD_NOW);

	tap_begin();
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		struct object object = compile(flags[i]);
		int64_t count = compare(object.bytes, object.size, object.bytes, object.size,
					&why_not);

		if (count < 0 && strstr(why_not, "libdw") != NULL) {
			tap_skip(why_not, "damaged objects do no harm");
			free(object.bytes);
			break;
		}
		ok(count == 0, "an object agrees with itself: %s", flags[i]);
		test_missing(&object);
		test_cut(&object);
		mutate(&object, 0, object.size, "the object");
		mutate_section(&object, ".debug_info");
		mutate_section(&object, ".debug_abbrev");
		mutate_section(&object, ".rela.debug_info");
		free(object.bytes);
	}
	if (libdw != NULL)
		(void)dlclose(libdw);
	return tap_end();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Out of memory at every allocation in turn: the first fails, then the second, until a call gets
 * through. Each time the call says -ENOMEM, has written nothing, and has given back what it took;
 * that last, LeakSanitizer tells. The linker puts the functions below in the place of malloc and
 * its kin (-Wl,--wrap); libelf, a shared library, keeps the real ones. The assembler runs once for
 * each text: afterwards the object that it made then is handed out.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lcp/lcp.h>

#include "base/error.h"
#include "build/assemble.h"
#include "format/kpatch_write.h"
#include "sample.h"
#include "tap.h"

static unsigned int allocations, fails_at; /* 0: none fails */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);

static bool fails(void)
{
	if (++allocations != fails_at)
		return false;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size)
{
	return fails() ? NULL : __real_strndup(text, size);
}

/* Texts that were assembled, and what was made of them. */
#define OBJECTS_MAX 8

static struct {
	char *text;
	size_t text_size;
	uint8_t *object;
	size_t size;
} objects[OBJECTS_MAX];
static size_t object_count;

int __real_assemble(char *const *argv, const char *name, const void *text, size_t size,
		    uint8_t **ret, size_t *ret_size, struct lcp_error **reterr);
int __wrap_assemble(char *const *argv, const char *name, const void *text, size_t size,
		    uint8_t **ret, size_t *ret_size, struct lcp_error **reterr);

int __wrap_assemble(char *const *argv, const char *name, const void *text, size_t size,
		    uint8_t **ret, size_t *ret_size, struct lcp_error **reterr)
{
	size_t i = 0;
	int r;

	while (i < object_count &&
	       (objects[i].text_size != size || memcmp(objects[i].text, text, size) != 0))
		i++;
	if (i == OBJECTS_MAX)
		return __real_assemble(argv, name, text, size, ret, ret_size, reterr);
	if (i == object_count) {
		unsigned int failing = fails_at, counted = allocations;

		fails_at = 0;
		r = __real_assemble(argv, name, text, size, &objects[i].object, &objects[i].size,
				    reterr);
		fails_at = failing;
		allocations = counted;
		if (r < 0)
			return r;
		objects[i].text = __real_malloc(size);
		objects[i].text_size = size;
		memcpy(objects[i].text, text, size);
		object_count++;
	}
	*ret = malloc(objects[i].size);
	if (*ret == NULL)
		return error_set_nomem(reterr);
	memcpy(*ret, objects[i].object, objects[i].size);
	*ret_size = objects[i].size;
	return 0;
}

static void forget_objects(void)
{
	for (size_t i = 0; i < object_count; i++) {
		free(objects[i].text);
		free(objects[i].object);
	}
}

/* What is tried: 0 or a negative code; what it made goes to *@ret, NULL if nothing. */
typedef int (*attempt_fn)(void **ret, struct lcp_error **reterr);

static struct lcp_ctx *ctx;
static uint8_t *file;
static size_t file_size;
static struct lcp_kpatch *patch;

static int make_context(void **ret, struct lcp_error **reterr)
{
	return lcp_ctx_new(NULL, (struct lcp_ctx **)ret, reterr);
}

static int load(void **ret, struct lcp_error **reterr)
{
	return lcp_kpatch_load_mem(ctx, file, file_size, NULL, (struct lcp_kpatch **)ret, reterr);
}

static int fail_to_load(void **ret, struct lcp_error **reterr)
{
	return lcp_kpatch_load(ctx, "/nonexistent", NULL, (struct lcp_kpatch **)ret, reterr);
}

static int write_json(void **ret, struct lcp_error **reterr)
{
	(void)reterr;
	return lcp_kpatch_json(patch, (char **)ret);
}

static int write_file(void **ret, struct lcp_error **reterr)
{
	size_t size;

	return kpatch_write(patch, (uint8_t **)ret, &size, reterr);
}

/* A function, a string and a variable that change. */
#define UNIT(value, string)                                                        \
	"\t.section .rodata\n.LC0:\n\t.string \"" string "\"\n"                    \
	"\t.text\n\t.globl f\n\t.type f, @function\nf:\n\tleaq .LC0(%rip), %rax\n" \
	"\tmovl stdout(%rip), %ecx\n\tmovl $" value ", %eax\n\tret\n\t.size f, .-f\n"

static int make_source(void **ret, struct lcp_error **reterr)
{
	static const char old[] = UNIT("1", "old");
	static const char new[] = UNIT("2", "new") "\t.comm added,8,8\n";
	const struct lcp_classic_gensrc_options options = {
		.size = sizeof(options),
		.flags = LCP_GENSRC_FORCE_GOTPCREL | LCP_GENSRC_FILTER_DEBUG,
	};

	return lcp_classic_gensrc(ctx, old, sizeof(old) - 1, new, sizeof(new) - 1, &options,
				  (struct lcp_bytes **)ret, reterr);
}

static void free_bytes(void *made)
{
	lcp_bytes_free(made);
}

#define FUNCTION(name, body)                                                                  \
	"\t.text\n\t.globl " name "\n\t.type " name ", @function\n" name ":\n" body "\tret\n" \
	"\t.size " name ", .-" name "\n"
#define STATE                                                                    \
	"\t.data\n\t.type state, @object\n\t.size state, 4\nstate:\n\t.long 1\n" \
	"\t.section .note.GNU-stack,\"\",@progbits\n"

static const char original[] =
	"\t.file \"unit.c\"\n" FUNCTION("changes", "\tmovl state(%rip), %eax\n\taddl $1, %eax\n")
		FUNCTION("stays", "\tcall changes@PLT\n") STATE;
static const char patched[] = "\t.file \"unit.c\"\n" FUNCTION(
	"changes", "\tmovl state(%rip), %eax\n\tcall brought\n\tleaq .LC0(%rip), %rax\n")
	FUNCTION("brought", "\tincl fresh(%rip)\n\tcall outside@PLT\n") FUNCTION(
		"stays",
		"\tcall changes@PLT\n") "\t.section .rodata.str1.1,\"aMS\",@progbits,1\n.LC0:\n\t.string \"text\"\n"
					"\t.local fresh\n\t.comm fresh,4,4\n" STATE;
static char folder[] = "/tmp/lcp-nomem-XXXXXX";

static void save(const char *name, const char *text)
{
	FILE *out = fopen(name, "we");

	if (out == NULL || fputs(text, out) < 0 || fclose(out) != 0)
		perror(name);
}

/* Changes the working directory: for good, to a folder that is removed at the end. */
static bool make_object(void)
{
	if (mkdtemp(folder) == NULL || chdir(folder) < 0)
		return false;
	save("original.s", original);
	save("patched.s", patched);
	return system("as -o unit.o original.s && ld -shared --build-id -o object unit.o") == 0;
}

static int build(void **ret, struct lcp_error **reterr)
{
	struct lcp_build *made = NULL;
	int r;

	r = lcp_build_new(ctx, "object", "id", &made, reterr);
	if (r == 0)
		r = lcp_build_set_jobs(made, 1);
	if (r == 0)
		r = lcp_build_set_description(made, "what it is for", reterr);
	if (r == 0)
		r = lcp_build_add_asm(made, "original.s", "patched.s", reterr);
	if (r == 0)
		r = lcp_patch_build_from_asm(made, (struct lcp_kpatch **)ret, reterr);
	lcp_build_free(made);
	return r;
}

static void free_context(void *made)
{
	lcp_ctx_unref(made);
}

static void free_patch(void *made)
{
	lcp_kpatch_unref(made);
}

/* Once for each allocation; the code that the call ends with when memory suffices is @end. */
static void sweep(const char *claim, attempt_fn attempt, void (*release)(void *made), int end)
{
	static char untouched;
	unsigned int wrong = 0;
	void *made;
	int r;

	fails_at = 0;
	do {
		struct lcp_error *error = NULL;

		made = &untouched;
		allocations = 0;
		fails_at++;
		r = attempt(&made, &error);
		if (allocations >= fails_at) {
			bool right = r == -ENOMEM && made == &untouched &&
				     (error == NULL || lcp_error_code(error) == -ENOMEM);

			wrong += !right;
			if (!right)
				tap_say("allocation %u: %d, %s", fails_at, r,
					error != NULL ? lcp_error_message(error) : "no error");
		}
		lcp_error_free(error);
		if (r == 0)
			release(made);
	} while (allocations >= fails_at);
	fails_at = 0;
	is_int(wrong, 0, claim);
	is_int(r, end, "and with all the memory it needs it ends as it should");
	tap_say("%s: %u allocations", claim, allocations);
	ok(allocations > 0, "something was allocated");
}

int main(void)
{
	tap_begin();
	sample_make(4, &file, &file_size);
	is_int(lcp_ctx_new(NULL, &ctx, NULL), 0, "a context for the rest");
	is_int(lcp_kpatch_load_mem(ctx, file, file_size, NULL, &patch, NULL), 0,
	       "a patch for the rest");
	sweep("making a context", make_context, free_context, 0);
	sweep("loading a patch", load, free_patch, 0);
	sweep("failing to load one", fail_to_load, free_patch, -ENOENT);
	sweep("writing JSON", write_json, free, 0);
	sweep("writing a patch", write_file, free, 0);
	sweep("making a patch's source", make_source, free_bytes, 0);
	if (ok(make_object(), "an object to be patched"))
		sweep("building a patch", build, free_patch, 0);
	forget_objects();
	(void)!system("rm -rf \"$PWD\"");
	lcp_kpatch_unref(patch);
	lcp_ctx_unref(ctx);
	free(file);
	return tap_end();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Out of memory at every allocation in turn: the first fails, then the second, until a call gets
 * through. Each time the call says -ENOMEM, has written nothing, and has given back what it took;
 * that last, LeakSanitizer tells. The linker puts the functions below in the place of malloc and
 * its kin (-Wl,--wrap); libelf, a shared library, keeps the real ones.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <lcp/lcp.h>

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
	lcp_kpatch_unref(patch);
	lcp_ctx_unref(ctx);
	free(file);
	return tap_end();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "selfpatch.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/num.h"
#include "core/image.h"
#include "core/space.h"
#include "self_target.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))

/* A resolver may need another one's answer, but not for ever. */
#define MAKES_MAX 8

/* How libgcc is told of unwind tables that no object has; not there if it is not linked. */
extern void __register_frame_info(const void *table, void *room) __attribute__((weak));
extern void *__deregister_frame_info(const void *table) __attribute__((weak));

typedef void (*register_fn)(const void *table, void *room);
typedef void *(*deregister_fn)(const void *table);

/* An application while it is made: text first, data behind it. */
struct applier {
	const struct lcp_kpatch *patch;
	struct selfpatch *made;
	struct lcp_process *process;
	const struct object *object;
	struct image_size size;
	uint64_t data; /* where it begins */
	struct image image;
};

static bool fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool fail(const char *format, ...)
{
	va_list args;

	(void)fprintf(stderr, "# selfpatch: ");
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fprintf(stderr, "\n");
	return false;
}

/* What the library said. */
static bool fail_error(struct lcp_error *error)
{
	fail("%s", error->message);
	error_free(error);
	return false;
}

static void *pointer(uint64_t address)
{
	return (void *)(uintptr_t)address; // NOLINT(performance-no-int-to-ptr)
}

static uint64_t aligned(uint64_t value, uint64_t align)
{
	return (value + align - 1) / align * align;
}

/* This process, as the library sees it. */
static struct lcp_process *look_at_myself(struct target *target)
{
	struct lcp_ctx *ctx = ctx_new(0);
	struct lcp_process *process = NULL;
	struct lcp_error *error = NULL;

	self_target_init(target);
	if (process_new(ctx, target, &process, &error) < 0)
		fail_error(error);
	ctx_unref(ctx);
	return process;
}

bool selfpatch_find(const struct lcp_kpatch *patch, uint64_t *ret_base)
{
	struct target target;
	autoprocess struct lcp_process *process = look_at_myself(&target);
	const struct object *object = NULL;

	if (process != NULL)
		object = process_object_by_build_id(process, patch->build_id, NULL);
	*ret_base = object != NULL ? object->bias : 0;
	return object != NULL;
}

static const struct object *find_object(const struct lcp_process *process, uint64_t base)
{
	for (size_t i = 0; i < process->object_count; i++)
		if (process->objects[i].bias == base)
			return &process->objects[i];
	return NULL;
}

/* Map memory where the library finds room. */
static bool map_image(struct applier *applier)
{
	uint64_t address, text_size = aligned(applier->size.text, PAGE);
	struct space_wish wish = {
		.size = text_size + aligned(applier->size.data, PAGE),
		.reach = (uint64_t)applier->patch->arch->branch_reach_ahead,
		.start = applier->object->start,
		.end = applier->object->end,
		.below = applier->size.below_2g ? (uint64_t)1 << 31 : 0,
	};
	struct lcp_error *error = NULL;
	void *got;

	if (space_find(&applier->process->maps, &wish, NULL, 0, &address, &error) < 0)
		return fail_error(error);
	got = mmap(pointer(address), wish.size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (got != pointer(address))
		return fail("no memory at 0x%" PRIx64, address);
	applier->made->image = got;
	applier->made->size = wish.size;
	applier->data = address + text_size;
	return true;
}

/* A function that is called to learn which one to use. */
static bool resolve(struct applier *applier, uint64_t resolver)
{
	uint64_t (*call)(void);

	memcpy(&call, &resolver, sizeof(call)); // no cast from data to function in ISO C
	return lookup_resolved(applier->process, resolver, call()) == 0 || fail("no memory");
}

static bool make_image(struct applier *applier)
{
	uint64_t text = (uint64_t)(uintptr_t)applier->made->image;
	struct lcp_error *error = NULL;

	for (int i = 0; i < MAKES_MAX; i++) {
		image_fini(&applier->image);
		applier->image = (struct image){ 0 };
		if (image_make(applier->process, applier->object, applier->patch, &applier->size,
			       text, applier->data, &applier->image, &error) < 0)
			return fail_error(error);
		if (applier->image.resolvers.count == 0)
			return true;
		vec_foreach (&applier->image.resolvers, resolver)
			if (!resolve(applier, *resolver))
				return false;
	}
	return fail("there is always something to resolve");
}

/* Put the image where it was made for, and let it be code. */
static bool place_image(struct applier *applier)
{
	const struct image *image = &applier->image;
	struct selfpatch *made = applier->made;
	uint64_t text_size = aligned(image->text.size, PAGE);

	memcpy(made->image, image->text.bytes, image->text.size);
	if (image->data.size > 0)
		memcpy(pointer(applier->data), image->data.bytes, image->data.size);
	if (mprotect(made->image, text_size, PROT_READ | PROT_EXEC) < 0)
		return fail("no executable memory");
	__builtin___clear_cache((char *)made->image, (char *)made->image + text_size);
	return true;
}

/*
 * A function of libgcc, or 0. libgcc may have come with a library that was opened, or because the C
 * library wanted it: then it sees itself, and the object does not see it.
 */
static uint64_t find_libgcc(struct applier *applier, const char *name)
{
	const struct lcp_process *process = applier->process;
	const struct object *from = applier->object;
	struct lookup found;

	for (size_t i = 0; i < process->object_count; i++)
		if (strstr(process->objects[i].path, "libgcc_s.so") != NULL)
			from = &process->objects[i];
	if (lookup_symbol(applier->process, from, name, NULL, &found, NULL) < 0)
		return 0;
	return found.address;
}

static void tell_libgcc(struct applier *applier)
{
	struct selfpatch *made = applier->made;
	register_fn tell = __register_frame_info;
	deregister_fn forget = __deregister_frame_info;
	uint64_t address;

	if (tell == NULL) {
		address = find_libgcc(applier, "__register_frame_info");
		memcpy(&tell, &address, sizeof(tell)); // no cast from data to function in ISO C
		address = find_libgcc(applier, "__deregister_frame_info");
		memcpy(&forget, &address, sizeof(forget));
	}
	if (applier->image.eh_frame == 0 || tell == NULL || forget == NULL)
		return;
	made->unwind_table = pointer(applier->image.eh_frame);
	made->forget = forget;
	tell(made->unwind_table, made->unwind_room);
}

/* Exchange the bytes at @address, which is code, with those at @bytes. */
static bool exchange(uint64_t address, uint8_t *bytes, size_t size)
{
	uint64_t begin = address / PAGE * PAGE, end = aligned(address + size, PAGE);
	uint8_t was[ARCH_BRANCH_MAX];

	if (mprotect(pointer(begin), end - begin, PROT_READ | PROT_WRITE | PROT_EXEC) < 0)
		return fail("cannot write at 0x%" PRIx64, address);
	memcpy(was, pointer(address), size);
	memcpy(pointer(address), bytes, size);
	memcpy(bytes, was, size);
	(void)mprotect(pointer(begin), end - begin, PROT_READ | PROT_EXEC);
	__builtin___clear_cache(pointer(begin), pointer(end));
	return true;
}

/* Redirect the entry of @function, behind its landing pad if there is room. */
static bool redirect(struct applier *applier, const struct kpatch_function *function)
{
	const struct arch *arch = applier->patch->arch;
	struct selfpatch_entry *entry = &applier->made->entries[applier->made->entry_count];
	uint64_t old = applier->object->bias + function->old_address;
	uint64_t new = applier->made->functions[function - applier->patch->functions];
	struct landing_pad pad = arch->landing_pad(pointer(old), function->old_size);
	struct landing_pad new_pad = arch->landing_pad(pointer(new), function->new_size);
	int size;

	if ((uint64_t)pad.size + arch->branch_size <= function->old_size + function->padding &&
	    (!pad.enter_behind || new_pad.size == pad.size)) {
		old += pad.size;
		new += pad.enter_behind ? pad.size : 0;
	}
	size = arch->branch(old, new, entry->bytes);
	if (size < 0)
		return fail("no branch reaches the new version of '%s'", function->name);
	entry->address = old;
	entry->size = (uint8_t)size;
	if (!exchange(old, entry->bytes, entry->size))
		return false;
	applier->made->entry_count++;
	return true;
}

static bool apply(struct applier *applier, uint64_t base)
{
	const struct lcp_kpatch *patch = applier->patch;
	struct selfpatch *made = applier->made;
	struct lcp_error *error = NULL;

	if (patch->arch != arch_native())
		return fail("the patch is for %s", patch->arch->name);
	applier->object = find_object(applier->process, base);
	if (applier->object == NULL)
		return fail("no object at 0x%" PRIx64, base);
	if (image_measure(patch, &applier->size, &error) < 0)
		return fail_error(error);
	made->entries = calloc(patch->function_count, sizeof(*made->entries));
	if (made->entries == NULL)
		return fail("no memory");
	if (!map_image(applier) || !make_image(applier) || !place_image(applier))
		return false;
	tell_libgcc(applier);
	made->functions = take(applier->image.functions);
	for (size_t i = 0; i < patch->function_count; i++) {
		const struct kpatch_function *function = &patch->functions[i];

		if (function->old_size > 0 && !function->is_part && !redirect(applier, function))
			return false;
	}
	return true;
}

bool selfpatch_apply(struct selfpatch *ret, const struct lcp_kpatch *patch, uint64_t base)
{
	struct target target;
	autoprocess struct lcp_process *process = look_at_myself(&target);
	struct applier applier = { .patch = patch, .made = ret, .process = process };
	bool done;

	*ret = (struct selfpatch){ 0 };
	done = process != NULL && apply(&applier, base);
	image_fini(&applier.image);
	if (!done)
		selfpatch_revert(ret);
	return done;
}

void selfpatch_revert(struct selfpatch *applied)
{
	while (applied->entry_count > 0) {
		struct selfpatch_entry *entry = &applied->entries[--applied->entry_count];

		(void)exchange(entry->address, entry->bytes, entry->size);
	}
	if (applied->unwind_table != NULL)
		(void)applied->forget(applied->unwind_table);
	if (applied->image != NULL)
		(void)munmap(applied->image, applied->size);
	free(applied->functions);
	free(applied->entries);
	*applied = (struct selfpatch){ 0 };
}

uint64_t selfpatch_address(const struct selfpatch *applied, const struct lcp_kpatch *patch,
			   const char *name)
{
	for (size_t i = 0; applied->image != NULL && i < patch->function_count; i++)
		if (strcmp(patch->functions[i].name, name) == 0)
			return applied->functions[i];
	return 0;
}

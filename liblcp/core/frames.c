/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/frames.h"

#include <string.h>

#include "base/num.h"
#include "core/lookup_parts.h"

#define LIBGCC "libgcc_s.so"

/*
 * In front of what malloc.o of the C library exports is more of it; it is that large in glibc 2.36.
 */
#define MALLOC_BEFORE ((uint64_t)32 << 10)

static bool may_be_libgcc(const struct object *object)
{
	const char *slash = strrchr(object->path, '/');
	const char *name = slash != NULL ? slash + 1 : object->path;

	return object->is_program || strncmp(name, LIBGCC, strlen(LIBGCC)) == 0;
}

/* Address of the function @name that @object defines: 0 if it does not. */
static int find_in(struct lcp_process *process, const struct object *object, const char *text,
		   uint64_t *ret, uint64_t *ret_size, struct lcp_error **reterr)
{
	struct symbol_name name = symbol_name(text, NULL);
	struct object_symbols *symbols;
	const Elf64_Sym *symbol;
	int r;

	*ret = 0;
	r = lookup_tables(process, object, false, &symbols, reterr);
	if (r < 0 || !symbols_may_have(symbols, &name))
		return r;
	r = symbols_load(process, object, symbols, reterr);
	symbol = r == 0 ? symbols_find(symbols, &name) : NULL;
	if (symbol == NULL || ELF64_ST_TYPE(symbol->st_info) != STT_FUNC)
		return r;
	*ret = symbol_address(object, symbol);
	*ret_size = symbol->st_size;
	return 0;
}

/* The code of the process's malloc(): what its C library exports of it, and what lies between. */
static int find_malloc(struct lcp_process *process, struct target_avoid *ret,
		       struct lcp_error **reterr)
{
	static const char *const names[] = { "malloc",	"free",		"calloc",
					     "realloc", "malloc_trim",	"malloc_info",
					     "mallopt", "aligned_alloc" };

	*ret = (struct target_avoid){ 0 };
	for (size_t i = 0; i < process->object_count; i++) {
		const struct object *object = &process->objects[i];

		if (strstr(object->path, "libc.") == NULL &&
		    strstr(object->path, "ld-musl") == NULL)
			continue;
		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
			uint64_t address, size = 0;
			int r = find_in(process, object, names[j], &address, &size, reterr);

			if (r < 0)
				return r;
			if (address == 0)
				continue;
			if (ret->end == 0 || address < ret->start + MALLOC_BEFORE)
				ret->start = address - MALLOC_BEFORE;
			if (address + size > ret->end)
				ret->end = address + size;
		}
	}
	return 0;
}

static struct target_avoid code_of(const struct object *object)
{
	struct target_avoid code = { 0 };

	for (size_t i = 0; i < object->segment_count; i++)
		if (object->segments[i].executable)
			code = (struct target_avoid){ object->segments[i].start,
						      object->segments[i].end };
	return code;
}

/* libgcc keeps tables in a tree that it allocates from version 13 on (unwind-dw2-btree.h). */
static bool allocates(const struct object_symbols *symbols)
{
	for (size_t i = 0; i < symbols->version_names.count; i++) {
		uint32_t offset = symbols->version_names.items[i];

		if (offset < symbols->strings_size &&
		    strncmp(symbols->strings + offset, "GCC_13", strlen("GCC_13")) == 0)
			return true;
	}
	return false;
}

int frames_find(struct lcp_process *process, bool forgets, struct frames *ret,
		struct lcp_error **reterr)
{
	struct object_symbols *symbols;
	uint64_t size;
	int r = 0;

	*ret = (struct frames){ 0 };
	for (size_t i = 0; r == 0 && i < process->object_count; i++) {
		const struct object *object = &process->objects[i];

		if (!may_be_libgcc(object))
			continue;
		r = find_in(process, object, "__register_frame_info", &ret->tell, &size, reterr);
		if (r == 0)
			r = find_in(process, object, "__deregister_frame_info", &ret->forget, &size,
				    reterr);
		if (r < 0 || ret->tell == 0 || ret->forget == 0) {
			ret->tell = 0;
			continue;
		}
		ret->avoid[0] = code_of(object);
		r = lookup_tables(process, object, false, &symbols, reterr);
		if (r < 0 || !(forgets || allocates(symbols)))
			return r;
		return find_malloc(process, &ret->avoid[1], reterr);
	}
	return r < 0 ? r : frames_find_in_file(process, ret, reterr);
}

void frames_words(const struct frames *frames, uint8_t *ret)
{
	put_le64(ret, frames->tell);
	put_le64(ret + 8, frames->forget);
}

bool frames_known(const struct frames *frames, const struct ledger_record *record,
		  const uint8_t *words)
{
	/* A libgcc that was unloaded knows nothing any more. */
	if (frames->tell == 0 || record->frames.forget != frames->forget)
		return false;
	return get_le64(words) == 0 && get_le64(words + 8) != 0;
}

struct surgery_frames frames_call(const struct frames *frames, const struct ledger_record *record)
{
	struct surgery_frames call = {
		.table = record->eh_frame.address,
		.object = record->frames.object,
		.once = record->frames.once,
	};

	memcpy(call.avoid, frames->avoid, sizeof(call.avoid));
	return call;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libgcc in a program without libraries: nothing in its memory says where that is, only the symbol
 * table of the file that it was started from. A stripped program has none: nothing is told there.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "base/str.h"
#include "core/frames.h"
#include "format/elf_file.h"

/* Code that @elf has from one source file, of which some functions are global. */
struct source_code {
	const char *file; /* up to its suffix: distributions say ".c" or ".o" */
	const char *const *globals;
	size_t global_count;
};

static bool is_of(const struct elf_symbol *symbol, const struct source_code *code)
{
	size_t size = strlen(code->file);

	if (symbol->type != STT_FUNC || symbol->section == SHN_UNDEF)
		return false;
	for (size_t i = 0; i < code->global_count; i++)
		if (strcmp(symbol->name, code->globals[i]) == 0)
			return true;
	/* Cold parts are far away, and no lock is held there: they abort. */
	return symbol->file != NULL && strncmp(symbol->file, code->file, size) == 0 &&
	       symbol->file[size] == '.' && strstr(symbol->name, ".cold") == NULL;
}

static struct target_avoid find_code(const struct elf_file *elf, uint64_t bias,
				     const struct source_code *code)
{
	struct target_avoid ret = { 0 };

	for (size_t i = 0; i < elf->symtab.count; i++) {
		const struct elf_symbol *symbol = &elf->symtab.items[i];
		uint64_t start = bias + symbol->value;

		if (!is_of(symbol, code))
			continue;
		if (ret.end == 0 || start < ret.start)
			ret.start = start;
		if (start + symbol->size > ret.end)
			ret.end = start + symbol->size;
	}
	return ret;
}

static uint64_t find_function(const struct elf_file *elf, uint64_t bias, const char *name)
{
	for (size_t i = 0; i < elf->symtab.count; i++) {
		const struct elf_symbol *symbol = &elf->symtab.items[i];

		if (symbol->type == STT_FUNC && symbol->section != SHN_UNDEF &&
		    strcmp(symbol->name, name) == 0)
			return bias + symbol->value;
	}
	return 0;
}

static void find_in(const struct elf_file *elf, uint64_t bias, struct frames *ret)
{
	static const char *const unwinder[] = { "__register_frame_info", "__deregister_frame_info",
						"_Unwind_Find_FDE" };
	static const char *const allocator[] = { "malloc", "free", "calloc", "realloc" };
	const struct source_code codes[] = {
		{ "unwind-dw2-fde-dip", unwinder, ARRAY_SIZE(unwinder) },
		{ "malloc", allocator, ARRAY_SIZE(allocator) },
	};

	ret->tell = find_function(elf, bias, unwinder[0]);
	ret->forget = find_function(elf, bias, unwinder[1]);
	if (ret->tell == 0 || ret->forget == 0) {
		ret->tell = 0;
		return;
	}
	/* Which version it is, nothing says: one that allocates when it is told, perhaps. */
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		ret->avoid[i] = find_code(elf, bias, &codes[i]);
}

/* Is it the file that @object is mapped from? It may have been replaced by another one. */
static bool is_file_of(const struct elf_file *elf, const struct object *object)
{
	autostr struct str digits = { 0 };

	str_put_hex(&digits, elf->build_id, elf->build_id_size);
	return object->build_id != NULL && digits.text != NULL && !digits.failed &&
	       strcmp(digits.text, object->build_id) == 0;
}

int frames_find_in_file(struct lcp_process *process, struct frames *ret, struct lcp_error **reterr)
{
	struct target *target = process->target;
	const struct object *program = NULL;
	autoelf struct elf_file *elf = NULL;
	autofree char *bytes = NULL;
	size_t size;
	int r;

	for (size_t i = 0; i < process->object_count; i++) {
		if (process->objects[i].is_linker)
			return 0;
		if (process->objects[i].is_program)
			program = &process->objects[i];
	}
	if (program == NULL || target->ops->file(target, "exe", &bytes, &size) < 0)
		return 0;
	r = elf_file_open_mem(bytes, size, &elf, NULL);
	if (r == -ENOMEM)
		return error_set_nomem(reterr);
	if (r == 0 && is_file_of(elf, program))
		find_in(elf, program->bias, ret);
	return 0;
}

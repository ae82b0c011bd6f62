/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Contexts that no thread runs: coroutines that wait for their turn. Their stacks are the program's
 * own memory and may be anywhere in it, so all writable private memory is looked at, for words that
 * can only be return addresses: a call stands in front of where they point.
 *
 * That some may exist is known by what an object imports. A program that is linked statically, or
 * switches stacks with instructions of its own, shows nothing: its user has to ask.
 *
 * Not seen: a coroutine whose stack is an array on a thread's own stack; one in memory that was
 * mapped after the check was prepared.
 */
#include "core/safety_private.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"

#define PAGE 4096u
#define BLOCK (256u << 10)

/* More cannot be scanned while threads stand still: 1 GiB takes 0.4 s. */
#define MEMORY_MAX (4ull << 30)

/*
 * Larger mappings are the memory of virtual machines, or the shadow of a sanitizer: looked at only
 * if the caller asks for all.
 */
#define MAPPING_MAX (1ull << 30)

/* Pages that cannot be read, in memory that should be: guard pages of stacks. */
#define GAPS_MAX 65536

/* Words that point into ranges: more than a program has that means no harm. */
#define SUSPECTS_MAX (1u << 20)

/* Threads whose stacks are told from others; the stacks of more count as memory. */
#define STACKS_MAX 65536

#define CODE_MAX (16u << 20)
#define SYMBOLS_MAX (1u << 20)
#define NAME_SIZE 16 /* no name that is looked for is longer */
#define DYNAMIC_MAX 1024

/* The parts of a dynamic section that lead to names. */
struct names {
	uint64_t hash; /* 0: there is no such table */
	uint64_t symbols;
	uint64_t strings;
	uint64_t strings_size;
};

static int read_names(const struct lcp_process *process, const struct object *object,
		      struct names *ret)
{
	struct target *target = process->target;
	uint64_t count = object->dynamic.size / sizeof(Elf64_Dyn);
	Elf64_Dyn entries[DYNAMIC_MAX];
	int r;

	if (count > DYNAMIC_MAX)
		count = DYNAMIC_MAX;
	r = target->ops->read(target, object->dynamic.address, entries, count * sizeof(*entries));
	if (r < 0)
		return r;
	for (uint64_t i = 0; i < count && entries[i].d_tag != DT_NULL; i++) {
		uint64_t value = entries[i].d_un.d_ptr;

		/* musl and the vDSO leave addresses as they are in the file. */
		if (value < object->start)
			value += object->bias;
		if (entries[i].d_tag == DT_GNU_HASH)
			ret->hash = value;
		else if (entries[i].d_tag == DT_SYMTAB)
			ret->symbols = value;
		else if (entries[i].d_tag == DT_STRTAB)
			ret->strings = value;
		else if (entries[i].d_tag == DT_STRSZ)
			ret->strings_size = entries[i].d_un.d_val;
	}
	return 0;
}

/* Those of the C library, and Boost's. */
static bool switches_contexts(const char *name)
{
	static const char *const names[] = { "jump_fcontext", "makecontext", "ontop_fcontext",
					     "setcontext", "swapcontext" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/*
 * How many symbols are in front of the first that the hash table has: all that are imported.
 * Without that table, all linkers put strings behind symbols, which is the only thing that says how
 * many there are in every object. False if it is not so.
 */
static bool count_symbols(struct target *target, const struct names *names, size_t *ret)
{
	uint32_t head[2]; /* how many buckets there are, and the first symbol that is in one */

	*ret = 0;
	if (names->hash != 0) {
		if (target->ops->read(target, names->hash, head, sizeof(head)) < 0)
			return false;
		*ret = head[1];
	} else if (names->strings > names->symbols) {
		*ret = (names->strings - names->symbols) / sizeof(Elf64_Sym);
	}
	return *ret > 0 && *ret <= SYMBOLS_MAX;
}

/* The strings from the first to the last that @symbols need, and what is behind it of a name. */
static bool read_strings(struct target *target, const struct names *names, const Elf64_Sym *symbols,
			 size_t count, char **ret, uint64_t *ret_first)
{
	uint64_t first = names->strings_size, end = 0;

	for (size_t i = 0; i < count; i++) {
		if (symbols[i].st_shndx != SHN_UNDEF || symbols[i].st_name >= names->strings_size)
			continue;
		if (symbols[i].st_name < first)
			first = symbols[i].st_name;
		if (symbols[i].st_name + NAME_SIZE > end)
			end = symbols[i].st_name + NAME_SIZE;
	}
	if (end > names->strings_size)
		end = names->strings_size;
	if (end < first)
		end = first;
	*ret_first = first;
	*ret = calloc((size_t)(end - first) + 1, 1);
	return *ret != NULL &&
	       target->ops->read(target, names->strings + first, *ret, (size_t)(end - first)) == 0;
}

/* Does @object import a function that switches contexts? It may if that cannot be told. */
static bool imports_contexts(const struct lcp_process *process, const struct object *object)
{
	struct target *target = process->target;
	struct names names = { 0 };
	autofree char *strings = NULL;
	autofree Elf64_Sym *symbols = NULL;
	uint64_t first;
	size_t count;

	if (object->dynamic.size == 0)
		return false;
	if (read_names(process, object, &names) < 0 || !count_symbols(target, &names, &count) ||
	    names.strings_size > object->end - object->start)
		return true;
	symbols = calloc(count, sizeof(*symbols));
	if (symbols == NULL ||
	    target->ops->read(target, names.symbols, symbols, count * sizeof(*symbols)) < 0 ||
	    !read_strings(target, &names, symbols, count, &strings, &first))
		return true;
	for (size_t i = 0; i < count; i++)
		if (symbols[i].st_shndx == SHN_UNDEF && symbols[i].st_name < names.strings_size &&
		    switches_contexts(strings + (symbols[i].st_name - first)))
			return true;
	return false;
}

static bool may_be_suspended(const struct lcp_process *process, uint32_t flags)
{
	if ((flags & SAFETY_SCAN_ALL) != 0)
		return true;
	for (size_t i = 0; i < process->object_count; i++)
		if (imports_contexts(process, &process->objects[i]))
			return true;
	return false;
}

/* The bytes of the ranges, which say what is a call. */
static int read_code(struct safety *safety, const struct lcp_process *process,
		     struct lcp_error **reterr)
{
	struct target *target = process->target;

	safety->code = calloc(safety->range_count + 1, sizeof(*safety->code));
	if (safety->code == NULL)
		return error_set_nomem(reterr);
	for (size_t i = 0; i < safety->range_count; i++) {
		const struct safety_range *range = &safety->ranges[i];
		uint64_t size = range->end - range->start;
		int r;

		if (size > CODE_MAX)
			return error_set(reterr, -LCP_EUNSUPPORTED,
					 "%llu bytes of code in one piece cannot be looked for in "
					 "suspended contexts: the limit is %u MiB",
					 (unsigned long long)size, CODE_MAX >> 20);
		safety->code[i] = malloc((size_t)size);
		if (safety->code[i] == NULL)
			return error_set_nomem(reterr);
		r = target->ops->read(target, range->start, safety->code[i], (size_t)size);
		if (r < 0)
			return error_set(reterr, r, "reading code at 0x%llx",
					 (unsigned long long)range->start);
	}
	return 0;
}

static bool may_hold_contexts(const struct proc_mapping *mapping, uint32_t flags)
{
	return mapping->readable && mapping->writable && !mapping->shared &&
	       ((flags & SAFETY_SCAN_ALL) != 0 || mapping->end - mapping->start <= MAPPING_MAX);
}

static int list_memory(struct safety *safety, const struct proc_maps *maps,
		       struct lcp_error **reterr)
{
	uint64_t total = 0;

	safety->memory = calloc(maps->count + 1, sizeof(*safety->memory));
	if (safety->memory == NULL)
		return error_set_nomem(reterr);
	for (size_t i = 0; i < maps->count; i++) {
		const struct proc_mapping *mapping = &maps->items[i];

		if (!may_hold_contexts(mapping, safety->flags))
			continue;
		safety->memory[safety->memory_count++] = (struct safety_memory){ mapping->start,
										 mapping->end };
		total += mapping->end - mapping->start;
	}
	safety->too_large = total > MEMORY_MAX;
	return 0;
}

int safety_stacks_init(struct safety *safety, struct lcp_error **reterr)
{
	if (safety->stacks == NULL)
		safety->stacks = calloc(STACKS_MAX, sizeof(*safety->stacks));
	if (safety->stacks == NULL)
		return error_set_nomem(reterr);
	safety->stack_room = STACKS_MAX;
	return 0;
}

int safety_contexts_init(struct safety *safety, const struct lcp_process *process,
			 struct lcp_error **reterr)
{
	int r;

	if (!may_be_suspended(process, safety->flags))
		return 0;
	safety->contexts = true;
	r = safety_stacks_init(safety, reterr);
	if (r < 0)
		return r;
	r = list_memory(safety, &process->maps, reterr);
	return r < 0 ? r : read_code(safety, process, reterr);
}

void safety_contexts_fini(struct safety *safety)
{
	for (size_t i = 0; safety->code != NULL && i < safety->range_count; i++)
		free(safety->code[i]);
	free(safety->code);
	free(safety->memory);
	free(safety->stacks);
}

/* The range that @word is a return address into; NULL if no call stands in front of it. */
static const struct safety_range *range_of_return(const struct safety *safety, uint64_t word)
{
	word &= safety->arch->return_mask;
	for (size_t i = 0; i < safety->range_count; i++) {
		const struct safety_range *range = &safety->ranges[i];
		uint64_t end = range->bytes_only ? range->end - 1 : range->end;

		if (word > range->start && word <= end &&
		    safety->arch->is_return(safety->code[i], (size_t)(word - range->start)))
			return range;
	}
	return NULL;
}

/*
 * Is @address, below @stack, in one piece with it? Guard pages are between stacks. What was found
 * is kept: memory is looked at from low to high addresses, so all of it is read once.
 */
static bool is_in_one_piece(struct safety *safety, struct target *target,
			    struct safety_stack *stack, uint64_t address)
{
	uint8_t *scratch = safety->buffer + BLOCK;

	if (address < stack->gap)
		return false;
	for (uint64_t at = address; at < stack->low;) {
		size_t want = stack->low - at < BLOCK ? (size_t)(stack->low - at) : BLOCK;
		size_t got = target->ops->read_some(target, at, scratch, want);

		if (got < want) {
			stack->gap = at + got + 1;
			return false;
		}
		at += want;
	}
	if (address < stack->low)
		stack->low = address;
	return true;
}

/*
 * Was the word at @address looked at, as part of a thread's stack? What is below such a stack, in
 * the same piece, is what the thread has left behind.
 */
static bool is_on_stack(struct safety *safety, struct target *target, uint64_t address)
{
	for (size_t i = 0; i < safety->stack_count; i++) {
		struct safety_stack *stack = &safety->stacks[i];

		if (address < stack->end && stack->end - address <= SAFETY_STACK_MAX &&
		    is_in_one_piece(safety, target, stack, address))
			return true;
	}
	return false;
}

/* What is not scanned may hold anything. */
static void give_up(struct safety *safety)
{
	safety_block(safety, 0, 0, &safety->ranges[0], 0, false);
}

/* Look at what is in the buffer; false if there is no point in going on. */
static bool check_block(struct safety *safety, struct target *target, uint64_t address, size_t size,
			size_t *suspects)
{
	size_t offset = 0;

	for (; (offset = safety_find_word(safety, safety->buffer, offset, size)) < size;
	     offset += sizeof(uint64_t)) {
		const struct safety_range *range;
		uint64_t word;

		if (++*suspects > SUSPECTS_MAX) {
			give_up(safety);
			return false;
		}
		memcpy(&word, safety->buffer + offset, sizeof(word));
		range = range_of_return(safety, word);
		if (range != NULL && !is_on_stack(safety, target, address + offset) &&
		    safety_block(safety, 0, 0, range, word, false) == NULL)
			return false;
	}
	return true;
}

void safety_contexts_check(struct safety *safety, struct target *target)
{
	size_t gaps = 0, suspects = 0;

	if (safety->too_large)
		return give_up(safety);
	for (size_t i = 0; i < safety->memory_count; i++) {
		uint64_t at = safety->memory[i].start, end = safety->memory[i].end;

		while (at < end && safety->blocker_count < SAFETY_BLOCKERS_MAX) {
			size_t want = end - at < BLOCK ? (size_t)(end - at) : BLOCK;
			size_t got = target->ops->read_some(target, at, safety->buffer, want);

			if (got < want && ++gaps > GAPS_MAX)
				return give_up(safety);
			safety->counts.memory_bytes += got;
			if (!check_block(safety, target, at, got, &suspects))
				return;
			at += got < want ? (got | (PAGE - 1)) + 1 : got;
		}
	}
}

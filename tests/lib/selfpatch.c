/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "selfpatch.h"

#include <dlfcn.h>
#include <elf.h>
#include <inttypes.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/num.h"
#include "base/str.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))

/* How far from the object a place is looked for; what is nearer is in reach of every CPU's code. */
#define SEARCH_REACH ((uint64_t)64 << 20)
#define SEARCH_STEP ((uint64_t)64 << 10)

#define STUB_SIZE 16
#define SLOT_SIZE 8

/*
 * mov 8(%rax), %rax; ret: the second word of a TLS descriptor is the offset, which is what a
 * resolver returns in rax.
 */
static const uint8_t descriptor_resolver[] = { 0x48, 0x8b, 0x40, 0x08, 0xc3 };

/* What the dynamic linker says of one object. */
struct object {
	const struct lcp_kpatch *patch; /* whose build-id is looked for, or NULL: @base is */
	bool found;
	const char *path;
	uint64_t base;
	uint64_t end;
	size_t tls_module;
	uint64_t tls_block; /* of this thread */
};

/* An application while it is made: code first, then stubs; behind a page end data and slots. */
struct applier {
	const struct lcp_kpatch *patch;
	struct selfpatch *made;
	struct object object;
	uint64_t stubs, stubs_used, stubs_end;
	uint64_t slots, slots_used, slots_end;
	uint64_t data; /* where what is written begins */
	uint64_t resolver; /* of TLS descriptors */
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

static void *pointer(uint64_t address)
{
	return (void *)(uintptr_t)address; // NOLINT(performance-no-int-to-ptr)
}

static uint64_t thread_pointer(void)
{
	return (uint64_t)(uintptr_t)__builtin_thread_pointer();
}

static bool has_build_id(const struct dl_phdr_info *info, const char *wanted)
{
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		const uint8_t *at = pointer(info->dlpi_addr + segment->p_vaddr);
		const uint8_t *end = at + segment->p_memsz;

		while (segment->p_type == PT_NOTE && (size_t)(end - at) >= sizeof(Elf64_Nhdr)) {
			const Elf64_Nhdr *note = (const Elf64_Nhdr *)(const void *)at;
			const uint8_t *desc = at + sizeof(*note) + (note->n_namesz + 3U) / 4 * 4;
			autostr struct str hex = { 0 };

			str_put_hex(&hex, desc, note->n_descsz);
			if (note->n_type == NT_GNU_BUILD_ID && hex.text != NULL &&
			    strcmp(hex.text, wanted) == 0)
				return true;
			at = desc + (note->n_descsz + 3U) / 4 * 4;
		}
	}
	return false;
}

static int look_at_object(struct dl_phdr_info *info, size_t size, void *userdata)
{
	struct object *object = userdata;

	(void)size;
	if (object->patch != NULL ? !has_build_id(info, object->patch->build_id)
				  : info->dlpi_addr != object->base)
		return 0;
	object->found = true;
	object->path = info->dlpi_name;
	object->base = info->dlpi_addr;
	object->tls_module = info->dlpi_tls_modid;
	object->tls_block = (uint64_t)(uintptr_t)info->dlpi_tls_data;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uint64_t end = info->dlpi_addr + segment->p_vaddr + segment->p_memsz;

		if (segment->p_type == PT_LOAD && end > object->end)
			object->end = end;
	}
	return 1;
}

bool selfpatch_find(const struct lcp_kpatch *patch, uint64_t *ret_base)
{
	struct object object = { .patch = patch };

	(void)dl_iterate_phdr(look_at_object, &object);
	*ret_base = object.base;
	return object.found;
}

static bool is_loaded(const struct kpatch_section *section)
{
	return section->kind == KPATCH_TEXT || section->kind == KPATCH_RODATA ||
	       section->kind == KPATCH_DATA;
}

static uint64_t aligned(uint64_t value, uint64_t align)
{
	return (value + align - 1) / align * align;
}

/* Give each section of @kind an offset in the image, from @at: where they end. */
static uint64_t lay_out(struct applier *applier, enum kpatch_section_kind kind, uint64_t at)
{
	const struct lcp_kpatch *patch = applier->patch;

	for (size_t i = 0; i < patch->section_count; i++) {
		if (patch->sections[i].kind != kind)
			continue;
		at = aligned(at, patch->sections[i].align);
		applier->made->sections[i] = at;
		at += patch->sections[i].size;
	}
	return at;
}

static size_t count_relocs(const struct lcp_kpatch *patch)
{
	size_t count = 0;

	for (size_t i = 0; i < patch->section_count; i++)
		count += patch->sections[i].reloc_count;
	return count;
}

/* Map @size bytes at a place that the object's code reaches; below 2 GiB if the object is. */
static uint8_t *map_near(const struct object *object, size_t size)
{
	uint64_t begin = aligned(object->end, SEARCH_STEP) + SEARCH_STEP;

	for (uint64_t at = begin; at < begin + SEARCH_REACH; at += SEARCH_STEP) {
		void *got = mmap(pointer(at), size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		if (got == pointer(at))
			return got;
		if (got != MAP_FAILED)
			(void)munmap(got, size);
	}
	return NULL;
}

/* Find room, and put the sections there as the file has them. */
static bool place_image(struct applier *applier)
{
	const struct lcp_kpatch *patch = applier->patch;
	struct selfpatch *made = applier->made;
	size_t relocs = count_relocs(patch);
	uint64_t base;

	applier->stubs = aligned(lay_out(applier, KPATCH_TEXT, 0), STUB_SIZE);
	applier->stubs_end = applier->stubs + (relocs + 1) * STUB_SIZE;
	applier->data = aligned(lay_out(applier, KPATCH_RODATA, applier->stubs_end), PAGE);
	applier->slots = aligned(lay_out(applier, KPATCH_DATA, applier->data), 2 * SLOT_SIZE);
	applier->slots_end = applier->slots + 2 * relocs * SLOT_SIZE;
	made->size = aligned(applier->slots_end, PAGE);
	made->image = map_near(&applier->object, made->size);
	if (made->image == NULL)
		return fail("no room near the object at 0x%" PRIx64, applier->object.base);

	base = (uint64_t)(uintptr_t)made->image;
	applier->stubs += base;
	applier->stubs_end += base;
	applier->slots += base;
	applier->slots_end += base;
	applier->data += base;
	for (size_t i = 0; i < patch->section_count; i++) {
		const struct kpatch_section *section = &patch->sections[i];

		if (!is_loaded(section))
			continue;
		if (section->bytes != NULL)
			memcpy(made->image + made->sections[i], section->bytes, section->size);
		made->sections[i] += base;
	}
	applier->resolver = applier->stubs;
	memcpy(pointer(applier->resolver), descriptor_resolver, sizeof(descriptor_resolver));
	applier->stubs_used = applier->stubs + STUB_SIZE;
	applier->slots_used = applier->slots;
	return true;
}

static void *look_up_in(void *scope, const struct kpatch_symbol *symbol)
{
	return symbol->version != NULL ? dlvsym(scope, symbol->name, symbol->version)
				       : dlsym(scope, symbol->name);
}

/*
 * A symbol of this process by name, its version if there is one: of the program and what it is
 * linked with, or else of the object, which may have been opened, and of what came with that.
 */
static bool look_up(const struct applier *applier, const struct kpatch_symbol *symbol,
		    uint64_t *ret)
{
	void *handle, *found;
	const char *why;

	(void)dlerror();
	found = look_up_in(RTLD_DEFAULT, symbol);
	why = dlerror();
	if (why != NULL && applier->object.path[0] != '\0') {
		handle = dlopen(applier->object.path, RTLD_NOW | RTLD_NOLOAD);
		(void)dlerror();
		found = handle != NULL ? look_up_in(handle, symbol) : NULL;
		why = dlerror();
		if (handle != NULL)
			(void)dlclose(handle);
	}
	*ret = (uint64_t)(uintptr_t)found;
	if (why != NULL && !symbol->weak)
		return fail("symbol '%s': %s", symbol->name, why);
	return true;
}

/* A function that is called to learn which one to use. */
static uint64_t resolve_ifunc(uint64_t address)
{
	uint64_t (*resolver)(void);

	memcpy(&resolver, &address, sizeof(resolver)); // no cast from data to function in ISO C
	return resolver();
}

/* The address that @symbol stands for. */
static bool find_address(const struct applier *applier, const struct kpatch_symbol *symbol,
			 uint64_t *ret)
{
	uint64_t base = applier->object.base;

	switch (symbol->class) {
	case LCP_SYMBOL_PATCH:
		*ret = applier->made->sections[symbol->section] + symbol->value;
		return true;
	case LCP_SYMBOL_OBJECT:
		*ret = base + symbol->value;
		if (symbol->type == STT_GNU_IFUNC)
			*ret = resolve_ifunc(*ret);
		return true;
	case LCP_SYMBOL_BOUND:
		*ret = base + symbol->value;
		if ((symbol->flags & SYMBOL_IS_PLT) == 0)
			memcpy(ret, pointer(*ret), sizeof(*ret));
		return true;
	case LCP_SYMBOL_IMPORT:
		return look_up(applier, symbol, ret);
	case LCP_SYMBOL_ABSOLUTE:
		*ret = symbol->value;
		return true;
	default:
		return fail("symbol '%s' has no address", symbol->name);
	}
}

/*
 * Where a thread-local variable is: the number of its module and its offset in the module's block,
 * and its offset from the thread pointer, which holds for all threads if the block was there when
 * the program started.
 */
struct tls_place {
	uint64_t module;
	uint64_t offset;
	uint64_t from_thread;
};

static bool find_tls(const struct applier *applier, const struct kpatch_symbol *symbol,
		     struct tls_place *ret)
{
	const struct object *object = &applier->object;
	uint64_t slot[2], address;

	if (symbol->class == LCP_SYMBOL_TLS) {
		*ret = (struct tls_place){ object->tls_module, symbol->value,
					   object->tls_block + symbol->value - thread_pointer() };
		return object->tls_block != 0 || fail("the object has no thread-local block");
	}
	*ret = (struct tls_place){ 0 };
	if (symbol->value == 0 && applier->patch->format != LCP_FORMAT_LCP) {
		if (!look_up(applier, symbol, &address))
			return false;
		ret->from_thread = address - thread_pointer();
		return true;
	}
	if (symbol->flags & SYMBOL_IS_TLS_PAIR) {
		memcpy(slot, pointer(object->base + symbol->value), sizeof(slot));
		ret->module = slot[0];
		ret->offset = slot[1];
		return true;
	}
	memcpy(&ret->from_thread, pointer(object->base + symbol->value), sizeof(uint64_t));
	return true;
}

/* A slot, or a pair of them, with these words in it. */
static uint64_t new_slot(struct applier *applier, const uint64_t *words, size_t count)
{
	uint64_t slot = applier->slots_used;

	memcpy(pointer(slot), words, count * SLOT_SIZE);
	applier->slots_used += count * SLOT_SIZE;
	return slot;
}

/* What a relocation that needs something thread-local is filled with. */
static bool find_tls_value(struct applier *applier, const struct kpatch_reloc *reloc, uint64_t *ret)
{
	const struct kpatch_symbol *symbol = &applier->patch->symbols[reloc->symbol];
	bool in_slot = applier->patch->arch->addend_in_slot;
	uint64_t inside = in_slot ? (uint64_t)reloc->addend : 0;
	uint64_t outside = in_slot ? 0 : (uint64_t)reloc->addend;
	struct tls_place tls;

	/* Classic files have the address of the slot in the addend, and no symbol value. */
	if (reloc->type->need == RELOC_TLS_SLOT && applier->patch->format != LCP_FORMAT_LCP &&
	    symbol->class == LCP_SYMBOL_TLS_BOUND) {
		*ret = applier->object.base + (uint64_t)reloc->addend;
		return true;
	}
	if (!find_tls(applier, symbol, &tls))
		return false;
	switch (reloc->type->need) {
	case RELOC_TLS_OFFSET:
		*ret = tls.from_thread + (uint64_t)reloc->addend;
		return true;
	case RELOC_TLS_IN_MODULE:
		*ret = tls.offset + (uint64_t)reloc->addend;
		return true;
	case RELOC_TLS_SLOT:
		*ret = new_slot(applier, (uint64_t[]){ tls.from_thread + inside }, 1) + outside;
		return true;
	case RELOC_TLS_PAIR:
		*ret = new_slot(applier, (uint64_t[]){ tls.module, tls.offset + inside }, 2) +
		       outside;
		return true;
	case RELOC_TLS_MODULE:
		*ret = new_slot(applier, (uint64_t[]){ tls.module, 0 }, 2) + outside;
		return true;
	case RELOC_TLS_DESCRIPTOR:
		*ret = new_slot(applier,
				(uint64_t[]){ applier->resolver, tls.from_thread + inside }, 2) +
		       outside;
		return true;
	default:
		return fail("%s is not supported here", reloc->type->name);
	}
}

/* What a relocation is filled with; see enum reloc_need. */
static bool find_value(struct applier *applier, const struct kpatch_reloc *reloc, uint64_t *ret)
{
	const struct kpatch_symbol *symbol = &applier->patch->symbols[reloc->symbol];
	uint64_t addend = (uint64_t)reloc->addend, address = 0;
	bool in_slot = applier->patch->arch->addend_in_slot;

	if (reloc->type->need >= RELOC_TLS_OFFSET)
		return find_tls_value(applier, reloc, ret);
	if (reloc->type->need != RELOC_GOT_BASE && reloc->type->need != RELOC_SIZE &&
	    !find_address(applier, symbol, &address))
		return false;
	switch (reloc->type->need) {
	case RELOC_ADDRESS:
	case RELOC_CALL:
		*ret = address + addend;
		return true;
	case RELOC_GOT_SLOT:
	case RELOC_GOT_SLOT_OFFSET:
	case RELOC_GOT_SLOT_PAGE_OFFSET:
		*ret = new_slot(applier, (uint64_t[]){ address + (in_slot ? addend : 0) }, 1) +
		       (in_slot ? 0 : addend);
		if (reloc->type->need == RELOC_GOT_SLOT_OFFSET)
			*ret -= applier->slots;
		if (reloc->type->need == RELOC_GOT_SLOT_PAGE_OFFSET)
			*ret -= applier->slots & ~(uint64_t)0xfff;
		return true;
	case RELOC_GOT_BASE:
		*ret = applier->slots + addend;
		return true;
	case RELOC_GOT_OFFSET:
		*ret = address + addend - applier->slots;
		return true;
	case RELOC_SIZE:
		*ret = symbol->size + addend;
		return true;
	default:
		return fail("%s is not supported here", reloc->type->name);
	}
}

/* A jump to what is too far for a call. */
static bool make_stub(struct applier *applier, uint64_t address, uint64_t *ret)
{
	uint64_t stub = applier->stubs_used;

	if (stub + STUB_SIZE > applier->stubs_end)
		return fail("no stub is left");
	if (applier->patch->arch->far_branch(stub, address, pointer(stub)) < 0)
		return fail("no stub can go to 0x%" PRIx64, address);
	applier->stubs_used += STUB_SIZE;
	*ret = stub;
	return true;
}

/* LibCare's tools write calls of imports as PC32, which its doctor sends through a jump table. */
static bool is_call(const struct applier *applier, const struct kpatch_reloc *reloc)
{
	const struct kpatch_symbol *symbol = &applier->patch->symbols[reloc->symbol];

	return reloc->type->need == RELOC_CALL ||
	       (reloc->type->need == RELOC_ADDRESS && symbol->class == LCP_SYMBOL_IMPORT &&
		applier->patch->format != LCP_FORMAT_LCP);
}

static bool apply_reloc(struct applier *applier, size_t section, const struct kpatch_reloc *reloc)
{
	const struct arch *arch = applier->patch->arch;
	uint64_t place = applier->made->sections[section] + reloc->offset;
	uint64_t value = 0, stub = 0, addend = (uint64_t)reloc->addend;
	int r;

	if (reloc->type->need == RELOC_NOTHING)
		return true;
	if (!find_value(applier, reloc, &value))
		return false;
	r = arch->reloc_apply(reloc->type, place, value, pointer(place));
	if (r < 0 && is_call(applier, reloc)) {
		if (!make_stub(applier, value - addend, &stub))
			return false;
		r = arch->reloc_apply(reloc->type, place, stub + addend, pointer(place));
	}
	if (r < 0)
		return fail("section '%s' at 0x%" PRIx64 ": %s of '%s' does not fit",
			    applier->patch->sections[section].name, reloc->offset,
			    reloc->type->name, applier->patch->symbols[reloc->symbol].name);
	return true;
}

static bool relocate(struct applier *applier)
{
	const struct lcp_kpatch *patch = applier->patch;

	for (size_t i = 0; i < patch->section_count; i++)
		for (size_t k = 0; k < patch->sections[i].reloc_count; k++)
			if (is_loaded(&patch->sections[i]) &&
			    !apply_reloc(applier, i, &patch->sections[i].relocs[k]))
				return false;
	if (mprotect(applier->made->image,
		     applier->data - (uint64_t)(uintptr_t)applier->made->image,
		     PROT_READ | PROT_EXEC) < 0)
		return fail("no executable memory");
	__builtin___clear_cache((char *)applier->made->image,
				(char *)applier->made->image + applier->made->size);
	return true;
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
	uint64_t old = applier->object.base + function->old_address;
	uint64_t new = applier->made->sections[function->new_section] + function->new_offset;
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

static bool apply(struct applier *applier)
{
	const struct lcp_kpatch *patch = applier->patch;
	struct selfpatch *made = applier->made;

	if (patch->arch != arch_native())
		return fail("the patch is for %s", patch->arch->name);
	(void)dl_iterate_phdr(look_at_object, &applier->object);
	if (!applier->object.found)
		return fail("no object at 0x%" PRIx64, applier->object.base);
	made->sections = calloc(patch->section_count, sizeof(*made->sections));
	made->entries = calloc(patch->function_count, sizeof(*made->entries));
	if (made->sections == NULL || made->entries == NULL)
		return fail("no memory");
	if (!place_image(applier) || !relocate(applier))
		return false;
	for (size_t i = 0; i < patch->function_count; i++) {
		const struct kpatch_function *function = &patch->functions[i];

		if (function->old_size > 0 && !function->is_part && !redirect(applier, function))
			return false;
	}
	return true;
}

bool selfpatch_apply(struct selfpatch *ret, const struct lcp_kpatch *patch, uint64_t base)
{
	struct applier applier = { .patch = patch, .made = ret, .object = { .base = base } };

	*ret = (struct selfpatch){ 0 };
	if (apply(&applier))
		return true;
	selfpatch_revert(ret);
	return false;
}

void selfpatch_revert(struct selfpatch *applied)
{
	while (applied->entry_count > 0) {
		struct selfpatch_entry *entry = &applied->entries[--applied->entry_count];

		(void)exchange(entry->address, entry->bytes, entry->size);
	}
	if (applied->image != NULL)
		(void)munmap(applied->image, applied->size);
	free(applied->sections);
	free(applied->entries);
	*applied = (struct selfpatch){ 0 };
}

uint64_t selfpatch_address(const struct selfpatch *applied, const struct lcp_kpatch *patch,
			   const char *name)
{
	for (size_t i = 0; applied->image != NULL && i < patch->function_count; i++)
		if (strcmp(patch->functions[i].name, name) == 0)
			return applied->sections[patch->functions[i].new_section] +
			       patch->functions[i].new_offset;
	return 0;
}

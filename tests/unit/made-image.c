/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "made-image.h"

#include <elf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "tap.h"

const struct object made_object = { .path = (char *)"object", .bias = BIAS };
static const struct object other = { .path = (char *)"other", .bias = BIAS + 0x10000000 };

bool made_resolver_was_called;
struct lookup_tls made_block = { MODULE, true, BLOCK_FROM_THREAD };
int made_lookups;

static const struct {
	const char *name;
	struct lookup found;
} exports[] = {
	{ "near", { &other, NEAR_FUNCTION, STT_FUNC, false } },
	{ "far", { &other, FAR_FUNCTION, STT_FUNC, false } },
	{ "far_data", { &other, FAR_DATA, STT_OBJECT, false } },
	{ "other_tls", { &other, 24, STT_TLS, false } },
};

int lookup_symbol(struct lcp_process *process, const struct object *from, const char *name,
		  const char *version, struct lookup *ret, struct lcp_error **reterr)
{
	(void)process;
	(void)version;
	made_lookups++;
	for (size_t i = 0; i < ARRAY_SIZE(exports) && from == &made_object; i++) {
		if (strcmp(exports[i].name, name) != 0)
			continue;
		*ret = exports[i].found;
		return 0;
	}
	return error_set(reterr, -LCP_ESYMBOL, "nothing defines '%s'", name);
}

int lookup_indirect(struct lcp_process *process, const struct object *from, uint64_t resolver,
		    struct lookup *ret, struct lcp_error **reterr)
{
	(void)process;
	(void)from;
	(void)reterr;
	*ret = (struct lookup){ &made_object, resolver, STT_GNU_IFUNC, true };
	if (made_resolver_was_called)
		*ret = (struct lookup){ &made_object, RESOLVED, STT_FUNC, false };
	return 0;
}

int lookup_tls(struct lcp_process *process, const struct object *of, struct lookup_tls *ret,
	       struct lcp_error **reterr)
{
	(void)process;
	(void)reterr;
	*ret = made_block;
	if (of == &other)
		*ret = (struct lookup_tls){ OTHER_MODULE, true, OTHER_FROM_THREAD };
	return 0;
}

int lookup_slot(struct lcp_process *process, const struct object *of, uint64_t slot,
		const char *name, const char *version, struct lookup *ret,
		struct lcp_error **reterr)
{
	(void)process;
	(void)name;
	(void)version;
	(void)reterr;
	*ret = (struct lookup){ of, slot == BIAS + 0x3f00 ? SLOT_CONTENT : 0, STT_NOTYPE, false };
	return 0;
}

/* Memory: every word is its address, but for the slots of thread-local symbols. */
int process_read(const struct lcp_process *process, uint64_t address, void *ret, size_t size,
		 const char *what, struct lcp_error **reterr)
{
	static const uint64_t pair[2] = { OTHER_MODULE, 40 };
	static const uint64_t offset = OTHER_FROM_THREAD + 40;

	(void)process;
	if (address == BIAS + 0x3e00 && size == sizeof(pair))
		memcpy(ret, pair, size);
	else if (address == BIAS + 0x3e80 && size == sizeof(offset))
		memcpy(ret, &offset, size);
	else
		return error_set(reterr, -EFAULT, "reading %s at 0x%" PRIx64, what, address);
	return 0;
}

static const struct kpatch_symbol all_symbols[SYMBOLS] = {
	[NO_SYMBOL] = { .name = "", .class = LCP_SYMBOL_ABSOLUTE },
	[IN_TEXT] = { .name = "code", .class = LCP_SYMBOL_PATCH, .section = TEXT, .value = 16 },
	[IN_RODATA] = { .name = "constant", .class = LCP_SYMBOL_PATCH, .section = RODATA },
	[IN_DATA] = { .name = "data", .class = LCP_SYMBOL_PATCH, .section = DATA, .size = 12 },
	[IN_BSS] = { .name = "zeroes", .class = LCP_SYMBOL_PATCH, .section = BSS, .value = 8 },
	[IN_OBJECT] = { .name = "original", .class = LCP_SYMBOL_OBJECT, .value = 0x2000 },
	[INDIRECT] = { .name = "indirect",
		       .class = LCP_SYMBOL_OBJECT,
		       .type = STT_GNU_IFUNC,
		       .value = RESOLVER - BIAS },
	[BOUND_SLOT] = { .name = "bound", .class = LCP_SYMBOL_BOUND, .value = 0x3f00 },
	[BOUND_PLT] = { .name = "plt",
			.class = LCP_SYMBOL_BOUND,
			.value = 0x1020,
			.flags = SYMBOL_IS_PLT },
	[NEAR] = { .name = "near", .class = LCP_SYMBOL_IMPORT },
	[FAR] = { .name = "far", .class = LCP_SYMBOL_IMPORT },
	[FAR_VARIABLE] = { .name = "far_data", .class = LCP_SYMBOL_IMPORT },
	[WEAK] = { .name = "nowhere", .class = LCP_SYMBOL_IMPORT, .weak = true },
	[MISSING] = { .name = "nowhere", .class = LCP_SYMBOL_IMPORT },
	[ABSOLUTE] = { .name = "absolute", .class = LCP_SYMBOL_ABSOLUTE, .value = 0x1234 },
	[THREAD] = { .name = "thread", .class = LCP_SYMBOL_TLS, .value = 16 },
	[THREAD_SLOT] = { .name = "other_tls", .class = LCP_SYMBOL_TLS_BOUND, .value = 0x3e80 },
	[THREAD_PAIR] = { .name = "unknown_tls",
			  .class = LCP_SYMBOL_TLS_BOUND,
			  .value = 0x3e00,
			  .flags = SYMBOL_IS_TLS_PAIR },
};

void made_init(struct made *made, const struct arch *arch)
{
	static const uint8_t text[TEXT_SIZE] = { [0 ... TEXT_SIZE - 1] = 0x90 };
	static const uint8_t data[12] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };

	*made = (struct made){
		.sections = {
			[NO_SECTION] = { .name = "" },
			[TEXT] = { .name = ".kpatch.text",
				   .kind = KPATCH_TEXT,
				   .size = TEXT_SIZE,
				   .align = 16,
				   .bytes = text },
			[RODATA] = { .name = ".kpatch.rodata",
				     .kind = KPATCH_RODATA,
				     .size = 6,
				     .align = 1,
				     .bytes = (const uint8_t *)"hello" },
			[DATA] = { .name = ".kpatch.data",
				   .kind = KPATCH_DATA,
				   .size = sizeof(data),
				   .align = 4,
				   .bytes = data },
			[BSS] = { .name = ".kpatch.bss",
				  .kind = KPATCH_DATA,
				  .size = 100,
				  .align = 32 },
			[UNWIND] = { .name = "", .kind = KPATCH_OTHER },
		},
		.functions = {
			{ .name = "first", .new_section = TEXT },
			{ .name = "second", .new_section = TEXT, .new_offset = 128 },
		},
		.patch = {
			.format = LCP_FORMAT_LCP,
			.arch = arch,
			.section_count = SECTIONS,
			.symbol_count = SYMBOLS,
			.function_count = 2,
		},
	};
	memcpy(made->symbols, all_symbols, sizeof(all_symbols));
	made->patch.sections = made->sections;
	made->patch.symbols = made->symbols;
	made->patch.functions = made->functions;
	made->sections[TEXT].relocs = made->relocs;
}

void made_fini(struct made *made)
{
	image_fini(&made->image);
	error_free(made->error);
}

uint64_t made_place(size_t number)
{
	return TEXT_AT + number * 16;
}

void made_reloc(struct made *made, uint32_t type, uint32_t symbol, int64_t addend)
{
	struct kpatch_section *text = &made->sections[TEXT];

	made->relocs[text->reloc_count] = (struct kpatch_reloc){
		text->reloc_count * 16, addend, symbol, arch_reloc_type(made->patch.arch, type)
	};
	text->reloc_count++;
}

int made_make_at(struct made *made, uint64_t text_address, uint64_t data_address)
{
	struct lcp_process process = { 0 };
	int r;

	image_fini(&made->image);
	error_free(made->error);
	made->image = (struct image){ 0 };
	made->error = NULL;
	r = image_measure(&made->patch, &made->size, &made->error);
	if (r < 0)
		return r;
	return image_make(&process, &made_object, &made->patch, &made->size, text_address,
			  data_address, &made->image, &made->error);
}

int made_make(struct made *made)
{
	return made_make_at(made, TEXT_AT, DATA_AT);
}

const uint8_t *made_bytes(const struct made *made, uint64_t address, size_t size)
{
	const struct image_part *parts[] = { &made->image.text, &made->image.data };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (address >= parts[i]->address &&
		    range_fits(address - parts[i]->address, size, parts[i]->size))
			return parts[i]->bytes + (address - parts[i]->address);
	tap_say("0x%" PRIx64 " is not in the image", address);
	exit(EXIT_FAILURE);
}

uint64_t made_word(const struct made *made, uint64_t address)
{
	return get_le64(made_bytes(made, address, 8));
}

uint64_t made_target(const struct made *made, size_t number)
{
	uint64_t place = made_place(number);

	return place + 4 + (uint64_t)(int64_t)(int32_t)get_le32(made_bytes(made, place, 4));
}

uint64_t made_number(const struct made *made, size_t number)
{
	return (uint64_t)(int64_t)(int32_t)get_le32(made_bytes(made, made_place(number), 4));
}

bool made_failed(const struct made *made, const char *words)
{
	bool right = made->error != NULL && strstr(made->error->message, words) != NULL;

	if (!right)
		tap_say("%s", made->error != NULL ? made->error->message : "no error");
	return right;
}

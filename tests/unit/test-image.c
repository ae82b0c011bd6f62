/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Images of patches made by hand, at addresses made up, for a process that answers as a test wants:
 * what looks symbols up and reads memory is replaced here. What is claimed are bytes at places;
 * that code runs is shown by tests/build/contents.sh.
 */
#include "core/image.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "sample.h"
#include "tap.h"

#define BIAS UINT64_C(0x7f1200000000)
#define TEXT_AT (BIAS + 0x100000)
#define DATA_AT (BIAS + 0x200000)

/* Where things are in the process. */
#define NEAR_FUNCTION (BIAS + 0x300010)
#define FAR_FUNCTION UINT64_C(0x5555aaaa0000)
#define FAR_DATA UINT64_C(0x5555aaab0000)
#define RESOLVER (BIAS + 0x4000)
#define RESOLVED (BIAS + 0x5000)
#define SLOT_CONTENT (BIAS + 0x6000)
#define BLOCK_FROM_THREAD ((uint64_t)-256)
#define OTHER_FROM_THREAD ((uint64_t)-4096)
#define MODULE 3
#define OTHER_MODULE 7

static const struct object object = { .path = (char *)"object", .bias = BIAS };
static const struct object other = { .path = (char *)"other", .bias = BIAS + 0x10000000 };

/* How the process answers. */
static bool resolver_was_called;
static struct lookup_tls block = { MODULE, true, BLOCK_FROM_THREAD };
static int lookups;

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
	lookups++;
	for (size_t i = 0; i < ARRAY_SIZE(exports) && from == &object; i++) {
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
	*ret = (struct lookup){ &object, resolver, STT_GNU_IFUNC, true };
	if (resolver_was_called)
		*ret = (struct lookup){ &object, RESOLVED, STT_FUNC, false };
	return 0;
}

int lookup_tls(struct lcp_process *process, const struct object *of, struct lookup_tls *ret,
	       struct lcp_error **reterr)
{
	(void)process;
	(void)reterr;
	*ret = block;
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

/* A patch: code, constants, data, zeroes, and in some tests an unwind table. */
enum {
	NO_SECTION,
	TEXT,
	RODATA,
	DATA,
	BSS,
	UNWIND,
	SECTIONS,
};

enum {
	NO_SYMBOL,
	IN_TEXT, /* 16 bytes behind its beginning */
	IN_RODATA,
	IN_DATA,
	IN_BSS,
	IN_OBJECT,
	INDIRECT,
	BOUND_SLOT,
	BOUND_PLT,
	NEAR,
	FAR,
	FAR_VARIABLE,
	WEAK,
	MISSING,
	ABSOLUTE,
	THREAD, /* of the object */
	THREAD_SLOT, /* of another one */
	THREAD_PAIR,
	SYMBOLS,
};

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

#define TEXT_SIZE 256
#define RELOCS_MAX 16

/* A patch, and the image of it. */
struct made {
	struct kpatch_section sections[SECTIONS];
	struct kpatch_symbol symbols[SYMBOLS];
	struct kpatch_reloc relocs[RELOCS_MAX]; /* of the code */
	struct kpatch_reloc unwind_relocs[2];
	struct kpatch_function functions[2];
	struct lcp_kpatch patch;
	struct image_size size;
	struct image image;
	struct lcp_error *error;
};

static void made_init(struct made *made, const struct arch *arch)
{
	static const uint8_t text[TEXT_SIZE] = { [0 ... TEXT_SIZE - 1] = 0x90 };
	static const uint8_t data[12] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };

	*made = (struct made){
		.sections = {
			[NO_SECTION] = { .name = "" },
			[TEXT] = { ".kpatch.text", KPATCH_TEXT, 0, TEXT_SIZE, 16, text },
			[RODATA] = { ".kpatch.rodata", KPATCH_RODATA, 0, 6, 1,
				     (const uint8_t *)"hello" },
			[DATA] = { ".kpatch.data", KPATCH_DATA, 0, sizeof(data), 4, data },
			[BSS] = { ".kpatch.bss", KPATCH_DATA, 0, 100, 32 },
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

static void made_fini(struct made *made)
{
	image_fini(&made->image);
	error_free(made->error);
}

#define automade cleanup(made_fini)

/* Each relocation has a place of 16 bytes, in turn. */
static uint64_t place_of(size_t number)
{
	return TEXT_AT + number * 16;
}

static void add_reloc(struct made *made, uint32_t type, uint32_t symbol, int64_t addend)
{
	struct kpatch_section *text = &made->sections[TEXT];

	made->relocs[text->reloc_count] = (struct kpatch_reloc){
		text->reloc_count * 16, addend, symbol, arch_reloc_type(made->patch.arch, type)
	};
	text->reloc_count++;
}

/* Make the image at the usual addresses, or others. */
static int make_at(struct made *made, uint64_t text_address, uint64_t data_address)
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
	return image_make(&process, &object, &made->patch, &made->size, text_address, data_address,
			  &made->image, &made->error);
}

static int make(struct made *made)
{
	return make_at(made, TEXT_AT, DATA_AT);
}

/* The bytes at @address of the image, which has to hold @size of them. */
static const uint8_t *bytes_at(const struct made *made, uint64_t address, size_t size)
{
	const struct image_part *parts[] = { &made->image.text, &made->image.data };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (address >= parts[i]->address &&
		    range_fits(address - parts[i]->address, size, parts[i]->size))
			return parts[i]->bytes + (address - parts[i]->address);
	tap_say("0x%" PRIx64 " is not in the image", address);
	exit(EXIT_FAILURE);
}

static uint64_t word_at(const struct made *made, uint64_t address)
{
	return get_le64(bytes_at(made, address, 8));
}

/* Where the 32-bit displacement of relocation @number leads, counted from the instruction's end. */
static uint64_t target_of(const struct made *made, size_t number)
{
	uint64_t place = place_of(number);

	return place + 4 + (uint64_t)(int64_t)(int32_t)get_le32(bytes_at(made, place, 4));
}

static uint64_t number_of(const struct made *made, size_t number)
{
	return (uint64_t)(int64_t)(int32_t)get_le32(bytes_at(made, place_of(number), 4));
}

static bool has_failed(const struct made *made, const char *words)
{
	bool right = made->error != NULL && strstr(made->error->message, words) != NULL;

	if (!right)
		tap_say("%s", made->error != NULL ? made->error->message : "no error");
	return right;
}

static void test_layout(void)
{
	automade struct made made;
	const struct image *image = &made.image;

	made_init(&made, &arch_x86_64);
	is_int(make(&made), 0, "a patch without references is made");
	ok(made.size.text >= TEXT_SIZE + 6 && made.size.text % IMAGE_ALIGN == 0,
	   "its text is code and constants");
	is_int(made.size.data, 192, "its data is aligned data and zeroes");
	ok(!made.size.below_2g, "it can be anywhere");
	ok(image->text.address == TEXT_AT && image->text.size == made.size.text &&
		   image->data.address == DATA_AT && image->data.size == made.size.data,
	   "the parts are where and as large as was said");
	is_bytes(image->text.bytes, made.sections[TEXT].bytes, TEXT_SIZE, "code comes first");
	is_bytes(image->text.bytes + TEXT_SIZE, "hello", 6, "constants are behind it");
	is_bytes(image->data.bytes, made.sections[DATA].bytes, 12, "data has its values");
	ok(image->function_count == 2 && image->functions[0] == TEXT_AT &&
		   image->functions[1] == TEXT_AT + 128,
	   "functions have addresses");
	ok(image->eh_frame == 0 && image->eh_frame_hdr == 0, "there is no unwind table");
	is_int(image->resolvers.count, 0, "nothing is to be resolved");
	is_int(make_at(&made, TEXT_AT + 16, DATA_AT), -EINVAL, "an address must be aligned");
}

static void test_alignment(void)
{
	automade struct made made;
	size_t right = 0;

	made_init(&made, &arch_x86_64);
	made.sections[RODATA].align = 4096;
	made.sections[BSS].align = 65536;
	add_reloc(&made, R_X86_64_64, IN_RODATA, 0);
	add_reloc(&made, R_X86_64_64, IN_BSS, -8);
	add_reloc(&made, R_X86_64_64, IN_TEXT, -16);
	for (uint64_t shift = 0; shift < 4096; shift += 64) {
		uint64_t begin;

		if (make_at(&made, TEXT_AT + shift, DATA_AT + shift) != 0)
			break;
		begin = made.image.functions[0];
		(void)bytes_at(&made, word_at(&made, begin), 6);
		(void)bytes_at(&made, word_at(&made, begin + 16), 100);
		right += word_at(&made, begin) % 4096 == 0 &&
			 word_at(&made, begin + 16) % 65536 == 0 &&
			 word_at(&made, begin + 32) == begin;
	}
	is_int(right, 64, "sections are aligned to pages wherever the image is");
	made.size.text -= 64;
	is_int(image_make(&(struct lcp_process){ 0 }, &object, &made.patch, &made.size,
			  TEXT_AT + 64, DATA_AT, &made.image, &made.error),
	       -EINVAL, "too little room is no place for it");
}

static void test_low(void)
{
	automade struct made made;

	made_init(&made, &arch_x86_64);
	add_reloc(&made, R_X86_64_32S, IN_RODATA, 0);
	is_int(make(&made), -LCP_ENOROOM, "32 bits do not hold a high address");
	ok(made.size.below_2g, "it is known before");
	ok(has_failed(&made, "section '.kpatch.text' at 0x0: R_X86_64_32S of 'constant'"),
	   "the reason names section, offset and symbol");
	is_int(make_at(&made, 0x40000000, 0x40100000), 0, "below 2 GiB they do");
	is_int(get_le32(made.image.text.bytes), 0x40000000 + TEXT_SIZE, "the address is there");
}

static void test_classes(void)
{
	automade struct made made;
	static const struct {
		uint32_t symbol;
		uint64_t address;
		const char *claim;
	} cases[] = {
		{ IN_TEXT, TEXT_AT + 16, "the patch's code is where it was put" },
		{ IN_DATA, DATA_AT, "so is its data" },
		{ IN_BSS, DATA_AT + 40, "and its zeroes" },
		{ IN_OBJECT, BIAS + 0x2000, "the object is where it is mapped" },
		{ BOUND_SLOT, SLOT_CONTENT, "a bound symbol is what its slot holds" },
		{ BOUND_PLT, BIAS + 0x1020, "a PLT entry is an address itself" },
		{ NEAR, NEAR_FUNCTION, "an import is looked up" },
		{ WEAK, 0, "a weak symbol may be nowhere" },
		{ ABSOLUTE, 0x1234, "a number is a number" },
	};

	made_init(&made, &arch_x86_64);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		add_reloc(&made, R_X86_64_64, cases[i].symbol, 5);
	add_reloc(&made, R_X86_64_SIZE32, IN_DATA, 1);
	is_int(make(&made), 0, "symbols of all classes are found");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		is_int(word_at(&made, place_of(i)), cases[i].address + 5, cases[i].claim);
	is_int(number_of(&made, ARRAY_SIZE(cases)), 13, "a size is that of the symbol");

	made_fini(&made);
	lookups = 0;
	made_init(&made, &arch_x86_64);
	for (size_t i = 0; i < 5; i++)
		add_reloc(&made, R_X86_64_64, NEAR, (int64_t)i);
	ok(make(&made) == 0 && lookups == 1, "a symbol is looked up once");
	made_fini(&made);

	made_init(&made, &arch_x86_64);
	add_reloc(&made, R_X86_64_64, MISSING, 0);
	ok(make(&made) == -LCP_ESYMBOL && has_failed(&made, "'nowhere'"),
	   "a symbol that is not weak must be somewhere");
}

static void test_calls(void)
{
	static const uint8_t jump[] = { 0xff, 0x25, 0, 0, 0, 0 };
	automade struct made made;
	uint64_t stub;

	made_init(&made, &arch_x86_64);
	add_reloc(&made, R_X86_64_PLT32, NEAR, -4);
	add_reloc(&made, R_X86_64_PLT32, FAR, -4);
	add_reloc(&made, R_X86_64_PLT32, FAR, -4);
	add_reloc(&made, R_X86_64_PLT32, FAR, 4);
	add_reloc(&made, R_X86_64_PLT32, IN_OBJECT, -4);
	is_int(make(&made), 0, "calls are made");
	is_int(target_of(&made, 0), NEAR_FUNCTION, "what is near is called");
	is_int(target_of(&made, 4), BIAS + 0x2000, "so is the object");
	stub = target_of(&made, 1);
	is_bytes(bytes_at(&made, stub, 14), jump, sizeof(jump), "what is far is jumped to");
	is_int(word_at(&made, stub + 6), FAR_FUNCTION, "by a stub that knows its address");
	is_int(target_of(&made, 2), stub, "the next call uses the same stub");
	is_int(word_at(&made, target_of(&made, 3) + 6), FAR_FUNCTION + 8,
	       "a call of what is behind a symbol has its own");

	made_fini(&made);
	made_init(&made, &arch_x86_64);
	add_reloc(&made, R_X86_64_PC32, FAR, -4);
	ok(make(&made) == -LCP_ENOROOM && has_failed(&made, "R_X86_64_PC32 of 'far'"),
	   "an address cannot be taken through a stub");
	made.patch.format = LCP_FORMAT_LIBCARE;
	is_int(make(&made), 0, "in a classic file it is a call");
	is_int(word_at(&made, target_of(&made, 0) + 6), FAR_FUNCTION, "which the stub serves");
	made.relocs[0].symbol = FAR_VARIABLE;
	is_int(make(&made), -LCP_ENOROOM, "unless it turns out to be a variable");
	made.relocs[0] = (struct kpatch_reloc){ 0, -8, FAR,
						arch_reloc_type(&arch_x86_64, R_X86_64_PC32) };
	is_int(make(&made), -LCP_ENOROOM, "or is followed by a number, as in no call");
}

static void test_slots(void)
{
	automade struct made made;
	uint64_t slot, got;

	made_init(&made, &arch_x86_64);
	add_reloc(&made, R_X86_64_REX_GOTPCRELX, FAR, -4);
	add_reloc(&made, R_X86_64_GOTPCREL, FAR, -8);
	add_reloc(&made, R_X86_64_GOTPC32, FAR, -4);
	add_reloc(&made, R_X86_64_GOT64, FAR, 0);
	add_reloc(&made, R_X86_64_GOTOFF64, IN_OBJECT, 3);
	add_reloc(&made, R_X86_64_GOTPCREL, WEAK, -4);
	is_int(make(&made), 0, "slots are made");
	slot = target_of(&made, 0);
	is_int(word_at(&made, slot), FAR_FUNCTION, "a slot holds an address");
	is_int(target_of(&made, 1), slot - 4, "references share it, with addends of their own");
	got = target_of(&made, 2);
	is_int(got + word_at(&made, place_of(3)), slot, "a slot is found from the GOT");
	is_int(got + word_at(&made, place_of(4)), BIAS + 0x2003, "so is anything");
	is_int(word_at(&made, target_of(&made, 5)), 0, "what is nowhere has a slot of zero");
	ok(slot % 8 == 0 && slot > TEXT_AT + TEXT_SIZE && slot < TEXT_AT + made.size.text,
	   "slots are in the text part, behind the code");
}

static void test_tls(void)
{
	static const uint8_t resolver[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x8b, 0x40, 0x08, 0xc3 };
	automade struct made made;
	uint64_t at;

	made_init(&made, &arch_x86_64);
	add_reloc(&made, R_X86_64_TPOFF32, THREAD, 4);
	add_reloc(&made, R_X86_64_GOTTPOFF, THREAD, -4);
	add_reloc(&made, R_X86_64_TLSGD, THREAD, -4);
	add_reloc(&made, R_X86_64_TLSLD, THREAD, -4);
	add_reloc(&made, R_X86_64_DTPOFF32, THREAD, 4);
	add_reloc(&made, R_X86_64_GOTPC32_TLSDESC, THREAD, -4);
	add_reloc(&made, R_X86_64_TLSDESC_CALL, THREAD, 0);
	is_int(make(&made), 0, "thread-local references are made");
	is_int(number_of(&made, 0), BLOCK_FROM_THREAD + 20, "local exec is an offset");
	is_int(word_at(&made, target_of(&made, 1)), BLOCK_FROM_THREAD + 16,
	       "initial exec is a slot with it");
	at = target_of(&made, 2);
	ok(at % 16 == 0 && word_at(&made, at) == MODULE && word_at(&made, at + 8) == 16,
	   "general dynamic is a pair of module and offset");
	at = target_of(&made, 3);
	ok(word_at(&made, at) == MODULE && word_at(&made, at + 8) == 0,
	   "local dynamic is a pair of module and nothing");
	is_int(number_of(&made, 4), 20, "and offsets in the module");
	at = target_of(&made, 5);
	is_int(word_at(&made, at + 8), BLOCK_FROM_THREAD + 16, "a descriptor holds the offset");
	is_bytes(bytes_at(&made, word_at(&made, at), sizeof(resolver)), resolver, sizeof(resolver),
		 "which its resolver returns");
}

static void test_foreign_tls(void)
{
	automade struct made made;
	uint64_t at;

	made_init(&made, &arch_x86_64);
	add_reloc(&made, R_X86_64_GOTTPOFF, THREAD_SLOT, -4);
	add_reloc(&made, R_X86_64_TLSGD, THREAD_PAIR, -4);
	add_reloc(&made, R_X86_64_TLSGD, THREAD_SLOT, -4);
	is_int(make(&made), 0, "slots of the object are read");
	is_int(word_at(&made, target_of(&made, 0)), OTHER_FROM_THREAD + 40, "a slot is an offset");
	at = target_of(&made, 1);
	ok(word_at(&made, at) == OTHER_MODULE && word_at(&made, at + 8) == 40,
	   "a pair is module and offset");
	at = target_of(&made, 2);
	ok(word_at(&made, at) == OTHER_MODULE && word_at(&made, at + 8) == 24,
	   "what the slot does not tell is looked up");

	made_fini(&made);
	made_init(&made, &arch_x86_64);
	add_reloc(&made, R_X86_64_GOTTPOFF, THREAD_PAIR, -4);
	ok(make(&made) == -LCP_ESYMBOL && has_failed(&made, "'unknown_tls'"),
	   "and must be found by name then");

	made_fini(&made);
	made_init(&made, &arch_x86_64);
	made.patch.format = LCP_FORMAT_LIBCAREPLUS;
	made.symbols[THREAD_SLOT].value = 0;
	add_reloc(&made, R_X86_64_GOTTPOFF, THREAD_SLOT, 0x3e80 - 4);
	add_reloc(&made, R_X86_64_TPOFF32, THREAD_SLOT, 0);
	is_int(make(&made), 0, "a classic file refers to the object's slot");
	is_int(target_of(&made, 0), BIAS + 0x3e80, "by its address");
	is_int(number_of(&made, 1), OTHER_FROM_THREAD + 24, "or to a symbol by name");
}

static void test_moving_tls(void)
{
	automade struct made made;

	block = (struct lookup_tls){ .module = MODULE };
	made_init(&made, &arch_x86_64);
	add_reloc(&made, R_X86_64_TLSGD, THREAD, -4);
	is_int(make(&made), 0, "a block without a fixed place has a module");
	is_int(word_at(&made, target_of(&made, 0)), MODULE, "which general dynamic uses");
	add_reloc(&made, R_X86_64_GOTPC32_TLSDESC, THREAD, -4);
	ok(make(&made) == -LCP_EUNSUPPORTED && has_failed(&made, "'thread'"),
	   "a descriptor of it is not supported, which names the symbol");
	block = (struct lookup_tls){ 0, true, BLOCK_FROM_THREAD };
	ok(make(&made) == -LCP_EUNSUPPORTED && has_failed(&made, "'thread'"),
	   "nor is general dynamic without a module");
	block = (struct lookup_tls){ MODULE, true, BLOCK_FROM_THREAD };
}

static void test_resolvers(void)
{
	automade struct made made;

	made_init(&made, &arch_x86_64);
	add_reloc(&made, R_X86_64_PLT32, INDIRECT, -4);
	add_reloc(&made, R_X86_64_GOTPCREL, INDIRECT, -4);
	add_reloc(&made, R_X86_64_PLT32, IN_OBJECT, -4);
	is_int(make(&made), 0, "a function that is not resolved is no failure");
	ok(made.image.resolvers.count == 1 && made.image.resolvers.items[0] == RESOLVER,
	   "its resolver is named, once");
	resolver_was_called = true;
	is_int(make(&made), 0, "it is made again");
	is_int(made.image.resolvers.count, 0, "with nothing left to be resolved");
	is_int(target_of(&made, 0), RESOLVED, "and what the resolver returned is called");
	is_int(word_at(&made, target_of(&made, 1)), RESOLVED, "or in the slot");
	resolver_was_called = false;
}

static void test_aarch64(void)
{
	automade struct made made;
	uint64_t slot, stub;

	made_init(&made, &arch_aarch64);
	add_reloc(&made, R_AARCH64_CALL26, NEAR, 0);
	add_reloc(&made, R_AARCH64_CALL26, FAR, 0);
	add_reloc(&made, R_AARCH64_LD64_GOTPAGE_LO15, FAR, 0);
	is_int(make(&made), 0, "an image for aarch64 is made");
	stub = place_of(0) + (get_le32(bytes_at(&made, place_of(0), 4)) & 0x3ffffff) * 4;
	is_int(stub, NEAR_FUNCTION, "what is near is called");
	stub = place_of(1) + (get_le32(bytes_at(&made, place_of(1), 4)) & 0x3ffffff) * 4;
	is_int(made.patch.arch->branch_target(stub, bytes_at(&made, stub, 16), 16), FAR_FUNCTION,
	       "what is far is called by a stub");
	slot = (TEXT_AT & ~UINT64_C(0xfff)) +
	       (get_le32(bytes_at(&made, place_of(2), 4)) >> 10 & 0xfff) * 8;
	is_int(word_at(&made, slot), FAR_FUNCTION, "a slot is found from the GOT's page");
}

/* A common entry and two of functions, the second one first. */
static const uint8_t unwind_table[] = {
	20, 0, 0,    0, 0, 0, 0,  0, 1, 'z', 'R', 0, 1,	 0x78, 16,  1, 0x1b, 0x0c,
	7,  8, 0x90, 1, 0, 0, 20, 0, 0, 0,   28,  0, 0,	 0,    128, 0, 0,    0,
	64, 0, 0,    0, 0, 0, 0,  0, 0, 0,   0,	  0, 20, 0,    0,   0, 52,   0,
	0,  0, 0,    0, 0, 0, 96, 0, 0, 0,   0,	  0, 0,	 0,    0,   0, 0,    0,
};

static void add_unwind(struct made *made, const uint8_t *bytes, size_t size)
{
	const struct reloc_type *type = arch_reloc_type(&arch_x86_64, R_X86_64_PC32);

	made->unwind_relocs[0] = (struct kpatch_reloc){ 32, 128 - 16, IN_TEXT, type };
	made->unwind_relocs[1] = (struct kpatch_reloc){ 56, -16, IN_TEXT, type };
	made->sections[UNWIND] = (struct kpatch_section){
		.name = ".kpatch.eh_frame",
		.kind = KPATCH_RODATA,
		.size = size,
		.align = 8,
		.bytes = bytes,
		.relocs = made->unwind_relocs,
		.reloc_count = 2,
	};
}

/* Entry @number of the search table: the function's address; its table entry is *@ret. */
static uint64_t search_entry(const struct made *made, size_t number, uint64_t *ret)
{
	uint64_t table = made->image.eh_frame_hdr;
	const uint8_t *entry = bytes_at(made, table + 12 + number * 8, 8);

	*ret = table + (uint64_t)(int64_t)(int32_t)get_le32(entry + 4);
	return table + (uint64_t)(int64_t)(int32_t)get_le32(entry);
}

static void test_unwind(void)
{
	static const uint8_t header[] = { 1, 0x1b, 0x03, 0x3b };
	static const uint8_t frame[] = { 0x0c, 7, 8, 0x90, 1 };
	automade struct made made;
	const struct image *image = &made.image;
	uint64_t entry, far;

	made_init(&made, &arch_x86_64);
	add_unwind(&made, unwind_table, sizeof(unwind_table));
	is_int(make(&made), 0, "a patch with an unwind table is made");
	is_int(image->eh_frame_size, sizeof(unwind_table) + 4, "the table is there");
	is_int(get_le32(bytes_at(&made, image->eh_frame + sizeof(unwind_table), 4)), 0,
	       "a zero word ends it");
	is_bytes(bytes_at(&made, image->eh_frame_hdr, 4), header, 4, "a search table is made");
	is_int(image->eh_frame_hdr + 4 +
		       (uint64_t)(int64_t)(int32_t)get_le32(
			       bytes_at(&made, image->eh_frame_hdr + 4, 4)),
	       image->eh_frame, "which says where the table is");
	is_int(get_le32(bytes_at(&made, image->eh_frame_hdr + 8, 4)), 2, "and how many entries");
	is_int(search_entry(&made, 0, &entry), TEXT_AT, "the first function comes first");
	is_int(entry, image->eh_frame + 48, "with its entry");
	is_int(search_entry(&made, 1, &entry), TEXT_AT + 128, "the second one next");
	is_int(entry, image->eh_frame + 24, "with its own");

	add_reloc(&made, R_X86_64_PLT32, FAR, -4);
	is_int(make(&made), 0, "a stub is added");
	is_int(get_le32(bytes_at(&made, image->eh_frame_hdr + 8, 4)), 3, "it has an entry too");
	far = target_of(&made, 0);
	is_int(search_entry(&made, 2, &entry), far, "which is found by its address");
	is_int(entry + 8 + (uint64_t)(int64_t)(int32_t)get_le32(bytes_at(&made, entry + 8, 4)), far,
	       "and is for it");
	is_bytes(bytes_at(&made, entry - 7, 5), frame, 5, "with a frame as calls leave it");
	is_int(get_le32(bytes_at(&made, image->eh_frame + image->eh_frame_size - 4, 4)), 0,
	       "a zero word ends all");
}

/* Every byte of the table has every value in turn: what is refused, says why; nothing crashes. */
static void test_unwind_hostile(void)
{
	automade struct made made;
	uint8_t bytes[sizeof(unwind_table)];
	size_t refused = 0, wrong = 0;

	made_init(&made, &arch_x86_64);
	for (size_t i = 0; i < sizeof(bytes) * 256; i++) {
		int r;

		memcpy(bytes, unwind_table, sizeof(bytes));
		bytes[i / 256] = (uint8_t)i;
		add_unwind(&made, bytes, sizeof(bytes));
		r = make(&made);
		refused += r < 0;
		wrong += r != 0 && (r != -LCP_EFORMAT || !has_failed(&made, "unwind table at"));
	}
	ok(wrong == 0 && refused > 1000 && refused < sizeof(bytes) * 200,
	   "a table that is none is refused for that reason (%zu)", refused);
	for (size_t size = 0; size <= sizeof(bytes); size++) {
		int r;

		add_unwind(&made, unwind_table, size);
		made.sections[UNWIND].reloc_count = 0;
		r = make(&made);
		wrong += r != (size == 0 || size == 24 ? 0 : -LCP_EFORMAT);
	}
	is_int(wrong, 0, "so is one that was cut");
	memcpy(bytes, unwind_table, sizeof(bytes));
	memset(bytes + 48, 0, 24);
	add_unwind(&made, bytes, sizeof(bytes));
	made.sections[UNWIND].reloc_count = 1;
	ok(make(&made) == 0 && made.image.eh_frame_size == 52, "one with zeroes behind it is not");
	made.sections[RODATA] = made.sections[UNWIND];
	is_int(make(&made), -LCP_EFORMAT, "two tables are one too many");
}

/* A relocation may change what the lengths were. */
static void test_unwind_relocated(void)
{
	automade struct made made;

	made_init(&made, &arch_x86_64);
	add_unwind(&made, unwind_table, sizeof(unwind_table));
	made.symbols[ABSOLUTE].value = 0;
	made.unwind_relocs[0].type = arch_reloc_type(&arch_x86_64, R_X86_64_32);
	made.unwind_relocs[0].symbol = ABSOLUTE;
	made.unwind_relocs[0].offset = 24;
	made.unwind_relocs[0].addend = 0;
	is_int(make(&made), -LCP_EFORMAT, "a relocation cannot end the table");
	made.unwind_relocs[0].addend = 44;
	is_int(make(&made), -LCP_EFORMAT, "nor join entries and leave one without an address");
	made.unwind_relocs[0].offset = 4;
	made.unwind_relocs[0].addend = 4;
	is_int(make(&made), -LCP_EFORMAT, "nor turn one into one of the other kind");
}

static void test_same(void)
{
	automade struct made one, two;

	made_init(&one, &arch_x86_64);
	add_unwind(&one, unwind_table, sizeof(unwind_table));
	add_reloc(&one, R_X86_64_PLT32, FAR, -4);
	add_reloc(&one, R_X86_64_GOTPCREL, NEAR, -4);
	add_reloc(&one, R_X86_64_TLSGD, THREAD, -4);
	made_init(&two, &arch_x86_64);
	two.patch = one.patch;
	ok(make(&one) == 0 && make(&two) == 0 && one.image.text.size == two.image.text.size &&
		   memcmp(one.image.text.bytes, two.image.text.bytes, one.image.text.size) == 0,
	   "the same inputs give the same bytes");
}

int main(void)
{
	tap_begin();
	test_layout();
	test_alignment();
	test_low();
	test_classes();
	test_calls();
	test_slots();
	test_tls();
	test_foreign_tls();
	test_moving_tls();
	test_resolvers();
	test_aarch64();
	test_unwind();
	test_unwind_hostile();
	test_unwind_relocated();
	test_same();
	return tap_end();
}

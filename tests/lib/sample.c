/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sample.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "format/kpatch_write.h"

#define FUNCTION_BYTES 64 /* of the new version */
#define FUNCTION_STEP 256 /* from one old version to the next */
#define FUNCTION_OLD_BYTES 96

/* Indices of the sections and symbols below. */
enum {
	NO_SECTION,
	TEXT,
	RODATA,
	DATA,
	BSS,
	SECTIONS
};
enum {
	NO_SYMBOL,
	DATA_START,
	GREETING,
	COUNTER,
	CONFIG,
	PRINTF,
	MEMCPY,
	ERRNO,
	REQUEST,
	SYMBOLS
};

_Static_assert(SYMBOLS == SAMPLE_SYMBOLS + 1, "the null symbol is not counted");

static const struct kpatch_symbol symbols[SYMBOLS] = {
	[NO_SYMBOL] = { .name = "", .class = LCP_SYMBOL_ABSOLUTE },
	[DATA_START] = { .class = LCP_SYMBOL_PATCH,
			 .section = DATA,
			 .type = STT_SECTION,
			 .name = ".kpatch.data" },
	[GREETING] = { .class = LCP_SYMBOL_PATCH,
		       .section = RODATA,
		       .type = STT_OBJECT,
		       .size = 6,
		       .name = "greeting" },
	[COUNTER] = { .class = LCP_SYMBOL_PATCH,
		      .section = BSS,
		      .type = STT_OBJECT,
		      .size = 8,
		      .value = 64,
		      .name = "counter" },
	[CONFIG] = { .class = LCP_SYMBOL_OBJECT,
		     .value = 0x8040,
		     .type = STT_OBJECT,
		     .size = 32,
		     .name = "config",
		     .unit = "server.c" },
	[PRINTF] = { .class = LCP_SYMBOL_IMPORT,
		     .name = "printf",
		     .version = "GLIBC_2.2.5",
		     .library = "libc.so.6" },
	[MEMCPY] = { .class = LCP_SYMBOL_BOUND,
		     .name = "memcpy",
		     .value = 0x1030,
		     .flags = SYMBOL_IS_PLT },
	[ERRNO] = { .class = LCP_SYMBOL_TLS_BOUND,
		    .name = "errno",
		    .type = STT_TLS,
		    .value = 0x7fd0 },
	[REQUEST] = { .class = LCP_SYMBOL_TLS,
		      .name = "request",
		      .type = STT_TLS,
		      .value = 16,
		      .unit = "server.c" },
};

/* Relocations of one function, by what its code would look like. */
static const struct {
	uint32_t type;
	uint32_t symbol;
	uint64_t offset;
	int64_t addend;
} relocs[] = {
	{ R_X86_64_PC32, GREETING, 3, -4 },   { R_X86_64_PLT32, PRINTF, 8, -4 },
	{ R_X86_64_PC32, CONFIG, 14, -4 },    { R_X86_64_PLT32, MEMCPY, 20, -4 },
	{ R_X86_64_GOTTPOFF, ERRNO, 28, -4 }, { R_X86_64_TPOFF32, REQUEST, 36, 0 },
	{ R_X86_64_PC32, COUNTER, 44, -4 },   { R_X86_64_32S, DATA_START, 52, 8 },
};

static void *need(void *pointer)
{
	if (pointer == NULL) {
		(void)fprintf(stderr, "sample: out of memory\n");
		exit(EXIT_FAILURE);
	}
	return pointer;
}

/* Code that nobody runs: the same bytes each time, different ones in each function. */
static uint8_t *make_text(size_t functions)
{
	uint8_t *text = need(malloc(functions * FUNCTION_BYTES));

	for (size_t i = 0; i < functions * FUNCTION_BYTES; i++)
		text[i] = (uint8_t)(i * 167 + i / FUNCTION_BYTES);
	return text;
}

static struct kpatch_reloc *make_relocs(size_t functions)
{
	struct kpatch_reloc *made = need(calloc(functions * ARRAY_SIZE(relocs), sizeof(*made)));

	for (size_t i = 0; i < functions * ARRAY_SIZE(relocs); i++) {
		size_t kind = i % ARRAY_SIZE(relocs), function = i / ARRAY_SIZE(relocs);

		made[i] = (struct kpatch_reloc){
			.offset = function * FUNCTION_BYTES + relocs[kind].offset,
			.addend = relocs[kind].addend,
			.symbol = relocs[kind].symbol,
			.type = arch_reloc_type(&arch_x86_64, relocs[kind].type),
		};
	}
	return made;
}

static void make_functions(size_t count, struct kpatch_function *functions, char (*names)[40])
{
	static const uint8_t entry[8] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48, 0x89, 0xe5 };
	static const uint8_t digest[SHA256_SIZE] = "this stands for a digest, surely";

	for (size_t i = 0; i < count; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "handle_request_%zu", i);
		functions[i] = (struct kpatch_function){
			.name = names[i],
			.unit = "server.c",
			.new_section = TEXT,
			.new_offset = i * FUNCTION_BYTES,
			.new_size = FUNCTION_BYTES,
		};
		if (i == count - 1)
			break;
		functions[i].old_address = 0x2000 + i * FUNCTION_STEP;
		functions[i].old_size = FUNCTION_OLD_BYTES;
		functions[i].padding = 4;
		functions[i].entry_size = sizeof(entry);
		functions[i].entry = entry;
		functions[i].digest = digest;
	}
}

void sample_make(size_t count, uint8_t **ret, size_t *ret_size)
{
	static const uint8_t data[32] = { 1, 2, 3, 4 };
	const char *cves[] = { SAMPLE_CVE, "CVE-0000-0002" };
	autofree uint8_t *text = make_text(count);
	autofree struct kpatch_reloc *text_relocs = make_relocs(count);
	autofree struct kpatch_function *functions = need(calloc(count, sizeof(*functions)));
	autofree char(*names)[40] = need(calloc(count, sizeof(*names)));
	autoerror struct lcp_error *error = NULL;
	struct kpatch_reloc pointer = {
		.offset = 16,
		.symbol = GREETING,
		.type = arch_reloc_type(&arch_x86_64, R_X86_64_64),
	};
	struct kpatch_section sections[SECTIONS] = {
		[NO_SECTION] = { .name = "" },
		[TEXT] = { .name = ".kpatch.text",
			   .kind = KPATCH_TEXT,
			   .align = 16,
			   .bytes = text,
			   .size = count * FUNCTION_BYTES,
			   .relocs = text_relocs,
			   .reloc_count = count * ARRAY_SIZE(relocs) },
		[RODATA] = { .name = ".kpatch.rodata",
			     .kind = KPATCH_RODATA,
			     .align = 1,
			     .bytes = (const uint8_t *)"hello",
			     .size = 6 },
		[DATA] = { .name = ".kpatch.data",
			   .kind = KPATCH_DATA,
			   .align = 4096,
			   .bytes = data,
			   .size = sizeof(data),
			   .relocs = &pointer,
			   .reloc_count = 1 },
		[BSS] = { .name = ".kpatch.bss", .kind = KPATCH_DATA, .align = 64, .size = 128 },
	};
	struct lcp_kpatch patch = {
		.arch = &arch_x86_64,
		.id = (char *)SAMPLE_ID,
		.build_id = (char *)SAMPLE_BUILD_ID,
		.target = SAMPLE_TARGET,
		.description = "requests longer than the buffer are refused",
		.builder = "the tests of liblcp",
		.cves = cves,
		.cve_count = ARRAY_SIZE(cves),
		.level = 2,
		.sections = sections,
		.section_count = SECTIONS,
		.symbols = (struct kpatch_symbol *)symbols,
		.symbol_count = SYMBOLS,
		.functions = functions,
		.function_count = count,
	};

	make_functions(count, functions, names);
	if (kpatch_write(&patch, ret, ret_size, &error) < 0) {
		(void)fprintf(stderr, "sample: %s\n", error->message);
		exit(EXIT_FAILURE);
	}
}

/* Where the contents of section @name are in @file, and how many bytes; false if nowhere. */
static bool find_section(const uint8_t *file, size_t size, const char *name, size_t *ret,
			 size_t *ret_size)
{
	size_t header = kpatch_layout_plus.size;
	const struct elf_section *section;
	autoelf struct elf_file *elf = NULL;
	bool found;

	if (size < header || elf_file_open_mem(file + header, size - header, &elf, NULL) < 0)
		return false;
	section = elf_file_section(elf, name);
	found = section != NULL && section->data != NULL;
	if (found) {
		*ret = header + section->offset;
		*ret_size = section->size;
	}
	return found;
}

/* Without .lcp.* sections it is a classic patch: give them other names. */
void sample_make_classic(size_t functions, uint32_t format, uint8_t **ret, size_t *ret_size)
{
	const struct kpatch_layout *layout = format == LCP_FORMAT_LIBCARE ? &kpatch_layout_libcare
									  : &kpatch_layout_plus;
	autofree uint8_t *own = NULL;
	size_t size, names, names_size;

	sample_make(functions, &own, &size);
	if (!find_section(own, size, ".shstrtab", &names, &names_size))
		exit(EXIT_FAILURE);
	for (size_t i = names; i + 5 < names + names_size; i++)
		if (memcmp(own + i, ".lcp.", 5) == 0)
			memcpy(own + i, ".old.", 5);
	if (kpatch_wrap(layout, "0001", SAMPLE_BUILD_ID, 1234567890, own + kpatch_layout_plus.size,
			size - kpatch_layout_plus.size, ret, ret_size, NULL) < 0)
		exit(EXIT_FAILURE);
}

bool sample_sign(const uint8_t *file, size_t size, uint8_t **ret)
{
	uint8_t *copy, digest[SHA256_SIZE];
	size_t at, digest_size;

	if (!find_section(file, size, ".lcp.digest", &at, &digest_size) ||
	    digest_size != SHA256_SIZE)
		return false;
	copy = need(malloc(size));
	memcpy(copy, file, size);
	memset(copy + at, 0, SHA256_SIZE);
	sha256(copy, size, digest);
	memcpy(copy + at, digest, sizeof(digest));
	*ret = copy;
	return true;
}

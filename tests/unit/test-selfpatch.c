/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The harness that patches its own process, tried on a patch made by hand: before tests of patches
 * trust it, it has to put right values into right places.
 */
#include "selfpatch.h"

#include <link.h>
#include <string.h>

#include "base/num.h"
#include "tap.h"

#define DATA_VALUE 1000
#define OBJECT_VALUE 200
#define TLS_VALUE 30

static volatile int object_value = OBJECT_VALUE;
static __thread volatile int tls_value = TLS_VALUE;

static int __attribute__((noinline)) answer(void)
{
	__asm__ volatile(".nops 32");
	return object_value + tls_value;
}

/* abs(-7), what the GOT slot points to, the patch's data, what is thread-local: added up. */
static const uint8_t code[] = {
	0x48, 0x83, 0xec, 0x08, /* sub $8, %rsp */
	0xbf, 0xf9, 0xff, 0xff, 0xff, /* mov $-7, %edi */
	0xe8, 0,    0,	  0,	0, /* call abs@PLT */
	0x48, 0x8b, 0x0d, 0,	0,    0, 0, /* mov object_value@GOTPCREL(%rip), %rcx */
	0x03, 0x01, /* add (%rcx), %eax */
	0x03, 0x05, 0,	  0,	0,    0, /* add data(%rip), %eax */
	0x64, 0x03, 0x04, 0x25, 0,    0, 0, 0, /* add %fs:tls_value@tpoff, %eax */
	0x48, 0x83, 0xc4, 0x08, 0xc3, /* add $8, %rsp; ret */
};

enum {
	SYMBOL_NULL,
	SYMBOL_ABS,
	SYMBOL_VALUE_OF_OBJECT,
	SYMBOL_DATA,
	SYMBOL_THREAD,
	SYMBOLS,
};

/* The program itself: the first object there is. */
static int look_at_program(struct dl_phdr_info *info, size_t size, void *userdata)
{
	(void)size;
	*(struct dl_phdr_info *)userdata = *info;
	return 1;
}

static uint64_t address(const volatile void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

static void test_apply(void)
{
	static const uint8_t data[] = { DATA_VALUE & 0xff, DATA_VALUE >> 8, 0, 0 };
	struct kpatch_reloc relocs[] = {
		{ 10, -4, SYMBOL_ABS, arch_reloc_type(&arch_x86_64, R_X86_64_PLT32) },
		{ 17, -4, SYMBOL_VALUE_OF_OBJECT,
		  arch_reloc_type(&arch_x86_64, R_X86_64_REX_GOTPCRELX) },
		{ 25, -4, SYMBOL_DATA, arch_reloc_type(&arch_x86_64, R_X86_64_PC32) },
		{ 33, 0, SYMBOL_THREAD, arch_reloc_type(&arch_x86_64, R_X86_64_TPOFF32) },
	};
	struct kpatch_section sections[] = {
		{ .name = "" },
		{ .kind = KPATCH_TEXT, .size = sizeof(code), .align = 16, .bytes = code },
		{ .kind = KPATCH_DATA, .size = sizeof(data), .align = 4, .bytes = data },
	};
	struct kpatch_symbol symbols[SYMBOLS] = {
		[SYMBOL_ABS] = { .name = "abs", .class = LCP_SYMBOL_IMPORT },
		[SYMBOL_VALUE_OF_OBJECT] = { .name = "object_value", .class = LCP_SYMBOL_OBJECT },
		[SYMBOL_DATA] = { .name = "data", .class = LCP_SYMBOL_PATCH, .section = 2 },
		[SYMBOL_THREAD] = { .name = "tls_value", .class = LCP_SYMBOL_TLS },
	};
	struct kpatch_function function = {
		.name = "answer",
		.old_size = 32,
		.new_size = sizeof(code),
		.new_section = 1,
	};
	struct lcp_kpatch patch = {
		.format = LCP_FORMAT_LCP,
		.arch = &arch_x86_64,
		.sections = sections,
		.section_count = ARRAY_SIZE(sections),
		.symbols = symbols,
		.symbol_count = SYMBOLS,
		.functions = &function,
		.function_count = 1,
	};
	struct selfpatch applied = { 0 };
	struct dl_phdr_info program = { 0 };
	int (*volatile call)(void) = answer; /* not inlined, nor known to the compiler */

	(void)dl_iterate_phdr(look_at_program, &program);
	sections[1].relocs = relocs;
	sections[1].reloc_count = ARRAY_SIZE(relocs);
	symbols[SYMBOL_VALUE_OF_OBJECT].value = address(&object_value) - program.dlpi_addr;
	symbols[SYMBOL_THREAD].value = address(&tls_value) - address(program.dlpi_tls_data);
	function.old_address = (uint64_t)(uintptr_t)answer - program.dlpi_addr;

	is_int(call(), OBJECT_VALUE + TLS_VALUE, "the old version adds two values");
	ok(selfpatch_apply(&applied, &patch, program.dlpi_addr), "a patch is applied");
	is_int(call(), 7 + OBJECT_VALUE + DATA_VALUE + TLS_VALUE,
	       "the new version reaches import, object, own data and thread-local variable");
	ok(selfpatch_address(&applied, &patch, "answer") != 0, "the new version has an address");
	selfpatch_revert(&applied);
	is_int(call(), OBJECT_VALUE + TLS_VALUE, "the old version is back");

	symbols[SYMBOL_ABS].name = "no_library_has_this";
	ok(!selfpatch_apply(&applied, &patch, program.dlpi_addr),
	   "what is nowhere cannot be imported");
	is_int(call(), OBJECT_VALUE + TLS_VALUE, "and nothing has changed");
}

int main(void)
{
	tap_begin();
	if (arch_native() == &arch_x86_64)
		test_apply();
	else
		tap_skip("the code is x86-64's", "a patch is applied");
	return tap_end();
}

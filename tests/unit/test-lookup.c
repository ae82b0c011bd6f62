/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Symbols of processes that are made up: search order, versions, slots; and tables that are damaged
 * or hostile. tests/core/look.sh compares with what a dynamic linker does.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "core/lookup.h"
#include "fake_memory.h"
#include "tap.h"

static const char *const program_names[] = { "main", "both" };
static const char *const library_names[] = { "first", "both", "third", "last" };

/*
 * A program that needs /lib/1.so, which has those names, and a third object that nobody needs.
 */
static struct fake *make(bool gnu)
{
	struct fake *fake = fake_new(3);
	uint64_t strings = fake_address(0) + FAKE_STRINGS;

	fake_define(fake, 0, program_names, ARRAY_SIZE(program_names), gnu);
	fake_define(fake, 1, library_names, ARRAY_SIZE(library_names), gnu);
	fake_define(fake, 2, library_names, ARRAY_SIZE(library_names), gnu);
	memcpy(fake_at(fake, strings + 64), "1.so", 5);
	fake_dynamic(fake, 0, DT_STRSZ)->d_un.d_val = 128;
	fake_dynamic(fake, 0, DT_NEEDED)->d_un.d_val = 64;
	/* Where the dynamic linker would be listed: what is behind it was not preloaded. */
	fake->auxv[2] = AT_BASE;
	fake->auxv[3] = fake_address(1);
	return fake;
}

/* Call it for @fake, which is ended then: the code, and *@ret. */
static int look_up(struct fake *fake, unsigned int from, const char *name, const char *version,
		   struct lookup *ret)
{
	struct lcp_ctx *ctx = ctx_new(LCP_LOG_ERROR);
	struct lcp_process *process = NULL;
	struct lcp_error *error = NULL;
	int r;

	*ret = (struct lookup){ 0 };
	r = process_new(ctx, &fake->target, &process, &error);
	if (r < 0)
		fake->target.ops->close(&fake->target);
	else
		r = lookup_symbol(process, &process->objects[from], name, version, ret, &error);
	if (r < 0 && (error == NULL || error->code != r))
		ok(false, "the error has the code that is returned");
	error_free(error);
	process_free(process);
	ctx_unref(ctx);
	return r;
}

static void finds(struct fake *fake, unsigned int from, const char *name, uint64_t address,
		  const char *claim)
{
	struct lookup found;
	int r = look_up(fake, from, name, NULL, &found);

	ok(r == 0 && found.address == address && !found.unresolved, "%s", claim);
	if (r != 0 || found.address != address)
		tap_say("%d, 0x%jx", r, (uintmax_t)found.address);
}

static void finds_none(struct fake *fake, const char *name, const char *claim)
{
	struct lookup found;

	is_int(look_up(fake, 0, name, NULL, &found), -LCP_ESYMBOL, claim);
}

static uint64_t defined_at(unsigned int object, unsigned int symbol)
{
	return fake_address(object) + (uint64_t)16 * (symbol + 1);
}

static void test_order(bool gnu)
{
	struct fake *fake;

	tap_say(gnu ? "DT_GNU_HASH" : "DT_HASH");
	finds(make(gnu), 0, "main", defined_at(0, 0), "the program's own");
	finds(make(gnu), 0, "last", defined_at(1, 3), "what a library has, at a chain's end");
	finds(make(gnu), 1, "both", defined_at(0, 1), "the program comes first, for a library too");
	finds(make(gnu), 2, "both", defined_at(0, 1), "and for one that was opened");
	finds(make(gnu), 2, "last", defined_at(1, 3), "then what the program needs");
	finds_none(make(gnu), "nothing", "a name that nobody has");
	fake = make(gnu);
	fake_dynamic(fake, 1, DT_FLAGS)->d_un.d_val = DF_SYMBOLIC;
	finds(fake, 1, "both", defined_at(1, 1), "a symbolic library looks into itself first");
	fake = make(gnu);
	fake_dynamic(fake, 0, DT_NEEDED)->d_un.d_val = 0;
	fake->auxv[2] = AT_NULL;
	fake_put(fake, FAKE_ENTRY(0) + 16, fake_address(0) + FAKE_DYNAMIC);
	finds(fake, 1, "first", defined_at(1, 0), "what stands in front of the linker is global");
}

static Elf64_Sym *symbol_of(struct fake *fake, unsigned int object, unsigned int symbol)
{
	return (Elf64_Sym *)fake_at(fake, fake_address(object) + FAKE_SYMBOLS) + symbol + 1;
}

static void test_symbols(void)
{
	struct fake *fake = make(true);

	symbol_of(fake, 0, 1)->st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC);
	finds(fake, 0, "both", defined_at(1, 1), "a local symbol is passed over");
	fake = make(true);
	symbol_of(fake, 0, 1)->st_info = ELF64_ST_INFO(STB_WEAK, STT_FUNC);
	finds(fake, 0, "both", defined_at(0, 1), "a weak one is not");
	fake = make(true);
	symbol_of(fake, 0, 1)->st_value = 0;
	finds(fake, 0, "both", defined_at(1, 1), "one without a value is");
	fake = make(true);
	symbol_of(fake, 0, 1)->st_shndx = SHN_UNDEF;
	finds(fake, 0, "both", defined_at(0, 1), "an undefined one with a value is a PLT entry");
	fake = make(true);
	symbol_of(fake, 0, 1)->st_info = ELF64_ST_INFO(STB_GLOBAL, STT_SECTION);
	finds(fake, 0, "both", defined_at(1, 1), "sections are no symbols");
	fake = make(true);
	symbol_of(fake, 1, 3)->st_shndx = SHN_ABS;
	finds(fake, 0, "last", 64, "an absolute symbol is not moved");
}

/* Versions V1 (2, hidden) and V2 (3) of the library's "first" and "third", which are one name. */
static struct fake *make_versions(void)
{
	struct fake *fake = make(false);
	uint64_t at = fake_address(1);
	uint16_t numbers[] = { 0, 0x8002, 1, 3, 1 };
	struct {
		Elf64_Verdef version;
		Elf64_Verdaux name;
	} versions[2] = {
		{ { 1, 0, 2, 1, 0, sizeof(Elf64_Verdef), 28 }, { 100, 0 } },
		{ { 1, 0, 3, 1, 0, sizeof(Elf64_Verdef), 0 }, { 103, 0 } },
	};

	memcpy(fake_at(fake, at + FAKE_STRINGS + 100), "V1\0V2", 6);
	fake_dynamic(fake, 1, DT_STRSZ)->d_un.d_val = 128;
	memcpy(fake_at(fake, at + FAKE_VERSYM), numbers, sizeof(numbers));
	memcpy(fake_at(fake, at + FAKE_VERDEF), versions, sizeof(versions));
	fake_dynamic(fake, 1, DT_VERSYM)->d_un.d_ptr = at + FAKE_VERSYM;
	fake_dynamic(fake, 1, DT_VERDEF)->d_un.d_ptr = FAKE_VERDEF;
	symbol_of(fake, 1, 2)->st_name = symbol_of(fake, 1, 0)->st_name;
	return fake;
}

static void finds_version(struct fake *fake, const char *name, const char *version,
			  uint64_t address, const char *claim)
{
	struct lookup found;
	int r = look_up(fake, 0, name, version, &found);

	if (address == 0)
		is_int(r, -LCP_ESYMBOL, claim);
	else
		ok(r == 0 && found.address == address, "%s", claim);
}

static void test_versions(void)
{
	struct fake *fake = make_versions();

	finds_version(fake, "first", "V1", defined_at(1, 0), "an old version is found by its name");
	finds_version(make_versions(), "first", "V2", defined_at(1, 2), "and so is the new one");
	finds_version(make_versions(), "first", NULL, defined_at(1, 2),
		      "which is the one that is meant without a version");
	finds_version(make_versions(), "first", "V3", 0, "another version is not there");
	finds_version(make_versions(), "last", "V1", defined_at(1, 3),
		      "a symbol of the base version serves all");
	finds_version(make_versions(), "both", "V9", defined_at(0, 1),
		      "and so does an object without versions");

	fake = make_versions();
	((Elf64_Verdef *)fake_at(fake, fake_address(1) + FAKE_VERDEF))->vd_next = 1;
	finds_version(fake, "last", NULL, defined_at(1, 3), "versions that overlap do no harm");
	fake = make_versions();
	((Elf64_Verdef *)fake_at(fake, fake_address(1) + FAKE_VERDEF))->vd_next = UINT32_MAX;
	finds_version(fake, "last", NULL, defined_at(1, 3), "nor do those that are nowhere");
}

/* Damage that leaves other objects as they were. */
static void test_damage(void)
{
	uint64_t hash = fake_address(0) + FAKE_HASH;
	struct fake *fake = make(false);
	uint32_t *words = fake_at(fake, hash);

	words[4] = 1; /* symbol 1 leads to itself */
	finds(fake, 0, "last", defined_at(1, 3), "a chain that is a loop ends");
	fake = make(false);
	words = fake_at(fake, hash);
	words[0] = UINT32_MAX;
	finds(fake, 0, "last", defined_at(1, 3), "so does a table of 4 G buckets");
	fake = make(false);
	words = fake_at(fake, hash);
	words[2] = UINT32_MAX;
	finds(fake, 0, "last", defined_at(1, 3), "a bucket may lead nowhere");
	fake = make(true);
	memcpy(fake_at(fake, fake_address(0) + FAKE_LAST), fake_at(fake, hash), 28);
	fake_dynamic(fake, 0, DT_GNU_HASH)->d_un.d_ptr = FAKE_LAST;
	finds(fake, 0, "last", defined_at(1, 3), "a chain may have no end");
	fake = make(true);
	words = fake_at(fake, hash);
	words[6] = UINT32_MAX;
	finds(fake, 0, "last", defined_at(1, 3), "or begin beyond the table");
	fake = make(true);
	symbol_of(fake, 0, 0)->st_name = UINT32_MAX;
	finds(fake, 0, "both", defined_at(0, 1), "a name may be nowhere");
	fake = make(true);
	fake_dynamic(fake, 0, DT_STRSZ)->d_un.d_val = UINT64_MAX;
	finds(fake, 0, "last", defined_at(1, 3), "strings may have no end");
	fake = make(true);
	fake_dynamic(fake, 0, DT_SYMTAB)->d_un.d_ptr = UINT64_MAX;
	finds(fake, 0, "last", defined_at(1, 3), "symbols may be nowhere");
}

static void put_slot(struct fake *fake, unsigned int object, unsigned int number, uint32_t type,
		     uint32_t symbol, uint64_t held)
{
	uint64_t at = fake_address(object);
	const Elf64_Rela reloc = { FAKE_SLOTS + (uint64_t)8 * number, ELF64_R_INFO(symbol, type),
				   0 };

	memcpy(fake_at(fake, at + FAKE_RELOCS + number * sizeof(reloc)), &reloc, sizeof(reloc));
	fake_put(fake, at + FAKE_SLOTS + (uint64_t)8 * number, held);
	fake_dynamic(fake, object, DT_JMPREL)->d_un.d_ptr = FAKE_RELOCS;
	fake_dynamic(fake, object, DT_PLTRELSZ)->d_un.d_val = (number + 1) * sizeof(reloc);
}

/* The library's "last" is indirect, and a slot of the program for it holds @held. */
static struct fake *make_indirect(uint64_t held)
{
	struct fake *fake = make(true);
	const Elf64_Sym import = { .st_name = 100, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC) };

	symbol_of(fake, 1, 3)->st_info = ELF64_ST_INFO(STB_GLOBAL, STT_GNU_IFUNC);
	memcpy(fake_at(fake, fake_address(0) + FAKE_STRINGS + 100), "last", 5);
	*symbol_of(fake, 0, 5) = import;
	put_slot(fake, 0, 0, arch_native()->dynamic_relocs.call_slot, 6, held);
	return fake;
}

static void test_indirect(void)
{
	struct lookup found;

	finds(make_indirect(fake_address(1) + 0x100), 0, "last", fake_address(1) + 0x100,
	      "what a slot got from an indirect function is its answer");
	ok(look_up(make_indirect(fake_address(0) + 0x100), 0, "last", NULL, &found) == 0 &&
		   found.unresolved && found.address == defined_at(1, 3),
	   "one that was not bound yet has none");
	ok(look_up(make_indirect(0), 0, "last", NULL, &found) == 0 && found.unresolved,
	   "nor has one that is empty");
}

static void test_slots(void)
{
	struct fake *fake = make_indirect(fake_address(1) + 0x200);
	uint64_t slot = fake_address(0) + FAKE_SLOTS;
	struct lcp_ctx *ctx = ctx_new(LCP_LOG_ERROR);
	struct lcp_process *process = NULL;
	struct lookup found = { 0 };

	is_int(process_new(ctx, &fake->target, &process, NULL), 0, "a process with a slot");
	ok(lookup_slot(process, process->objects, slot, "last", NULL, &found, NULL) == 0 &&
		   found.address == fake_address(1) + 0x200 && found.object == &process->objects[1],
	   "a slot that is bound leads to what it holds");
	fake_put(fake, slot, fake_address(0) + 0x500);
	lookup_forget(process);
	is_int(lookup_slot(process, process->objects, slot, "first", NULL, &found, NULL), 0,
	       "one that is not bound");
	ok(found.address == defined_at(1, 0), "leads to what its name is looked up to");
	is_int(lookup_slot(process, process->objects, slot, "nowhere", NULL, &found, NULL), 0,
	       "if nobody has the name");
	ok(found.address == fake_address(0) + 0x500, "it is left to the binder");
	is_int(lookup_slot(process, process->objects, 8, "first", NULL, &found, NULL), -EFAULT,
	       "a slot that is nowhere is an error");

	is_int(lookup_resolved(process, defined_at(1, 3), 0x1234), 0, "a resolver was called");
	ok(lookup_symbol(process, process->objects, "last", NULL, &found, NULL) == 0 &&
		   !found.unresolved && found.address == 0x1234,
	   "what it returned is the answer");
	process_free(process);
	ctx_unref(ctx);
}

static void test_tls(void)
{
	const struct arch_dynamic_relocs *types = &arch_native()->dynamic_relocs;
	struct fake *fake = make(true);
	struct lcp_ctx *ctx = ctx_new(LCP_LOG_ERROR);
	struct lcp_process *process = NULL;
	struct lookup_tls tls;

	put_slot(fake, 1, 0, types->tls_module, 0, 7);
	put_slot(fake, 1, 1, types->tls_offset, 0, (uint64_t)-0x40);
	put_slot(fake, 2, 0, types->tls_module, 0, UINT64_MAX);
	is_int(process_new(ctx, &fake->target, &process, NULL), 0, "a process with TLS slots");
	ok(lookup_tls(process, &process->objects[1], &tls, NULL) == 0 && tls.module == 7 &&
		   tls.fixed && tls.from_thread == (uint64_t)-0x40,
	   "slots tell the module and the place of a block");
	is_int(lookup_tls(process, &process->objects[2], &tls, NULL), -LCP_ESYMBOL,
	       "a module of that number is none");
	is_int(lookup_tls(process, &process->objects[0], &tls, NULL), -LCP_ESYMBOL,
	       "a program without a block has no place for it");
	process_free(process);
	ctx_unref(ctx);
}

/* The place is in a descriptor if its resolver is the one that returns what it holds. */
static void test_tls_descriptors(void)
{
	const struct arch *arch = arch_native();
	size_t pad = arch->landing_pad(arch->resolver, arch->resolver_size).size;
	struct fake *fake = make(true);
	uint64_t resolver = fake_address(1) + FAKE_LAST, slot = fake_address(1) + FAKE_SLOTS;
	struct lcp_ctx *ctx = ctx_new(LCP_LOG_ERROR);
	struct lcp_process *process = NULL;
	struct lookup_tls tls;

	put_slot(fake, 1, 0, arch->dynamic_relocs.tls_descriptor, 0, resolver);
	fake_put(fake, slot + 8, (uint64_t)-0x80);
	is_int(process_new(ctx, &fake->target, &process, NULL), 0, "a process with a descriptor");
	is_int(lookup_tls(process, &process->objects[1], &tls, NULL), -LCP_ESYMBOL,
	       "a resolver that is not known says nothing");
	memcpy(fake_at(fake, resolver), arch->resolver, arch->resolver_size);
	ok(lookup_tls(process, &process->objects[1], &tls, NULL) == 0 && tls.fixed &&
		   tls.module == 0 && tls.from_thread == (uint64_t)-0x80,
	   "one that returns what is in the descriptor says where the block is");
	memset(fake_at(fake, resolver), 0, ARCH_RESOLVER_MAX);
	memcpy(fake_at(fake, resolver), arch->resolver + pad, arch->resolver_size - pad);
	ok(lookup_tls(process, &process->objects[1], &tls, NULL) == 0 && tls.fixed,
	   "with a landing pad or without");
	fake_put(fake, slot, UINT64_MAX - 7);
	is_int(lookup_tls(process, &process->objects[1], &tls, NULL), -LCP_ESYMBOL,
	       "a resolver that is nowhere says nothing");
	process_free(process);
	ctx_unref(ctx);
}

/* Whichever read fails, the lookup does, with that reason. */
static void test_failing_reads(void)
{
	unsigned int right = 0, tried = 0;
	struct lookup found;
	int r = -1;

	for (uint64_t at = 1; r != 0 && at < 200; at++, tried++) {
		struct fake *fake = make_indirect(fake_address(1) + 0x100);

		fake->fail_at = at;
		fake->fail_code = -EPERM;
		r = look_up(fake, 0, "last", NULL, &found);
		right += r == -EPERM || r == 0;
	}
	ok(tried > 20 && right == tried,
	   "a process that may no longer be read is not looked up in");
}

int main(void)
{
	tap_begin();
	test_order(true);
	test_order(false);
	test_symbols();
	test_versions();
	test_damage();
	test_indirect();
	test_slots();
	test_tls();
	test_tls_descriptors();
	test_failing_reads();
	return tap_end();
}

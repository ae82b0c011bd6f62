/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of an image hold: which bytes at which places, for symbols of every class and
 * references of every kind. That such code runs is shown by tests/build/contents.sh.
 */
#include <elf.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "made-image.h"
#include "tap.h"

static void test_layout(void)
{
	automade struct made made;
	const struct image *image = &made.image;

	made_init(&made, &arch_x86_64);
	is_int(made_make(&made), 0, "a patch without references is made");
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
	is_int(made_make_at(&made, TEXT_AT + 16, DATA_AT), -EINVAL, "an address must be aligned");
}

static void test_alignment(void)
{
	automade struct made made;
	size_t right = 0;

	made_init(&made, &arch_x86_64);
	made.sections[RODATA].align = 4096;
	made.sections[BSS].align = 65536;
	made_reloc(&made, R_X86_64_64, IN_RODATA, 0);
	made_reloc(&made, R_X86_64_64, IN_BSS, -8);
	made_reloc(&made, R_X86_64_64, IN_TEXT, -16);
	for (uint64_t shift = 0; shift < 4096; shift += 64) {
		uint64_t begin;

		if (made_make_at(&made, TEXT_AT + shift, DATA_AT + shift) != 0)
			break;
		begin = made.image.functions[0];
		(void)made_bytes(&made, made_word(&made, begin), 6);
		(void)made_bytes(&made, made_word(&made, begin + 16), 100);
		right += made_word(&made, begin) % 4096 == 0 &&
			 made_word(&made, begin + 16) % 65536 == 0 &&
			 made_word(&made, begin + 32) == begin;
	}
	is_int(right, 64, "sections are aligned to pages wherever the image is");
	made.size.text -= 64;
	is_int(image_make(&(struct lcp_process){ 0 }, &made_object, &made.patch, &made.size,
			  TEXT_AT + 64, DATA_AT, &made.image, &made.error),
	       -EINVAL, "too little room is no place for it");
}

static void test_low(void)
{
	automade struct made made;

	made_init(&made, &arch_x86_64);
	made_reloc(&made, R_X86_64_32S, IN_RODATA, 0);
	is_int(made_make(&made), -LCP_ENOROOM, "32 bits do not hold a high address");
	ok(made.size.below_2g, "it is known before");
	ok(made_failed(&made, "section '.kpatch.text' at 0x0: R_X86_64_32S of 'constant'"),
	   "the reason names section, offset and symbol");
	is_int(made_make_at(&made, 0x40000000, 0x40100000), 0, "below 2 GiB they do");
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
		made_reloc(&made, R_X86_64_64, cases[i].symbol, 5);
	made_reloc(&made, R_X86_64_SIZE32, IN_DATA, 1);
	is_int(made_make(&made), 0, "symbols of all classes are found");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		is_int(made_word(&made, made_place(i)), cases[i].address + 5, cases[i].claim);
	is_int(made_number(&made, ARRAY_SIZE(cases)), 13, "a size is that of the symbol");

	made_fini(&made);
	made_lookups = 0;
	made_init(&made, &arch_x86_64);
	for (size_t i = 0; i < 5; i++)
		made_reloc(&made, R_X86_64_64, NEAR, (int64_t)i);
	ok(made_make(&made) == 0 && made_lookups == 1, "a symbol is looked up once");
	made_fini(&made);

	made_init(&made, &arch_x86_64);
	made_reloc(&made, R_X86_64_64, MISSING, 0);
	ok(made_make(&made) == -LCP_ESYMBOL && made_failed(&made, "'nowhere'"),
	   "a symbol that is not weak must be somewhere");
}

static void test_calls(void)
{
	static const uint8_t jump[] = { 0xff, 0x25, 0, 0, 0, 0 };
	automade struct made made;
	uint64_t stub;

	made_init(&made, &arch_x86_64);
	made_reloc(&made, R_X86_64_PLT32, NEAR, -4);
	made_reloc(&made, R_X86_64_PLT32, FAR, -4);
	made_reloc(&made, R_X86_64_PLT32, FAR, -4);
	made_reloc(&made, R_X86_64_PLT32, FAR, 4);
	made_reloc(&made, R_X86_64_PLT32, IN_OBJECT, -4);
	is_int(made_make(&made), 0, "calls are made");
	is_int(made_target(&made, 0), NEAR_FUNCTION, "what is near is called");
	is_int(made_target(&made, 4), BIAS + 0x2000, "so is the object");
	stub = made_target(&made, 1);
	is_bytes(made_bytes(&made, stub, 14), jump, sizeof(jump), "what is far is jumped to");
	is_int(made_word(&made, stub + 6), FAR_FUNCTION, "by a stub that knows its address");
	is_int(made_target(&made, 2), stub, "the next call uses the same stub");
	is_int(made_word(&made, made_target(&made, 3) + 6), FAR_FUNCTION + 8,
	       "a call of what is behind a symbol has its own");

	made_fini(&made);
	made_init(&made, &arch_x86_64);
	made_reloc(&made, R_X86_64_PC32, FAR, -4);
	ok(made_make(&made) == -LCP_ENOROOM && made_failed(&made, "R_X86_64_PC32 of 'far'"),
	   "an address cannot be taken through a stub");
	made.patch.format = LCP_FORMAT_LIBCARE;
	is_int(made_make(&made), 0, "in a classic file it is a call");
	is_int(made_word(&made, made_target(&made, 0) + 6), FAR_FUNCTION, "which the stub serves");
	made.relocs[0].symbol = FAR_VARIABLE;
	is_int(made_make(&made), -LCP_ENOROOM, "unless it turns out to be a variable");
	made.relocs[0] = (struct kpatch_reloc){ 0, -8, FAR,
						arch_reloc_type(&arch_x86_64, R_X86_64_PC32) };
	is_int(made_make(&made), -LCP_ENOROOM, "or is followed by a number, as in no call");
}

static void test_slots(void)
{
	automade struct made made;
	uint64_t slot, got;

	made_init(&made, &arch_x86_64);
	made_reloc(&made, R_X86_64_REX_GOTPCRELX, FAR, -4);
	made_reloc(&made, R_X86_64_GOTPCREL, FAR, -8);
	made_reloc(&made, R_X86_64_GOTPC32, FAR, -4);
	made_reloc(&made, R_X86_64_GOT64, FAR, 0);
	made_reloc(&made, R_X86_64_GOTOFF64, IN_OBJECT, 3);
	made_reloc(&made, R_X86_64_GOTPCREL, WEAK, -4);
	is_int(made_make(&made), 0, "slots are made");
	slot = made_target(&made, 0);
	is_int(made_word(&made, slot), FAR_FUNCTION, "a slot holds an address");
	is_int(made_target(&made, 1), slot - 4, "references share it, with addends of their own");
	got = made_target(&made, 2);
	is_int(got + made_word(&made, made_place(3)), slot, "a slot is found from the GOT");
	is_int(got + made_word(&made, made_place(4)), BIAS + 0x2003, "so is anything");
	is_int(made_word(&made, made_target(&made, 5)), 0, "what is nowhere has a slot of zero");
	ok(slot % 8 == 0 && slot > TEXT_AT + TEXT_SIZE && slot < TEXT_AT + made.size.text,
	   "slots are in the text part, behind the code");
}

static void test_tls(void)
{
	static const uint8_t resolver[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x8b, 0x40, 0x08, 0xc3 };
	automade struct made made;
	uint64_t at;

	made_init(&made, &arch_x86_64);
	made_reloc(&made, R_X86_64_TPOFF32, THREAD, 4);
	made_reloc(&made, R_X86_64_GOTTPOFF, THREAD, -4);
	made_reloc(&made, R_X86_64_TLSGD, THREAD, -4);
	made_reloc(&made, R_X86_64_TLSLD, THREAD, -4);
	made_reloc(&made, R_X86_64_DTPOFF32, THREAD, 4);
	made_reloc(&made, R_X86_64_GOTPC32_TLSDESC, THREAD, -4);
	made_reloc(&made, R_X86_64_TLSDESC_CALL, THREAD, 0);
	is_int(made_make(&made), 0, "thread-local references are made");
	is_int(made_number(&made, 0), BLOCK_FROM_THREAD + 20, "local exec is an offset");
	is_int(made_word(&made, made_target(&made, 1)), BLOCK_FROM_THREAD + 16,
	       "initial exec is a slot with it");
	at = made_target(&made, 2);
	ok(at % 16 == 0 && made_word(&made, at) == MODULE && made_word(&made, at + 8) == 16,
	   "general dynamic is a pair of module and offset");
	at = made_target(&made, 3);
	ok(made_word(&made, at) == MODULE && made_word(&made, at + 8) == 0,
	   "local dynamic is a pair of module and nothing");
	is_int(made_number(&made, 4), 20, "and offsets in the module");
	at = made_target(&made, 5);
	is_int(made_word(&made, at + 8), BLOCK_FROM_THREAD + 16, "a descriptor holds the offset");
	is_bytes(made_bytes(&made, made_word(&made, at), sizeof(resolver)), resolver,
		 sizeof(resolver), "which its resolver returns");
}

static void test_foreign_tls(void)
{
	automade struct made made;
	uint64_t at;

	made_init(&made, &arch_x86_64);
	made_reloc(&made, R_X86_64_GOTTPOFF, THREAD_SLOT, -4);
	made_reloc(&made, R_X86_64_TLSGD, THREAD_PAIR, -4);
	made_reloc(&made, R_X86_64_TLSGD, THREAD_SLOT, -4);
	is_int(made_make(&made), 0, "slots of the object are read");
	is_int(made_word(&made, made_target(&made, 0)), OTHER_FROM_THREAD + 40,
	       "a slot is an offset");
	at = made_target(&made, 1);
	ok(made_word(&made, at) == OTHER_MODULE && made_word(&made, at + 8) == 40,
	   "a pair is module and offset");
	at = made_target(&made, 2);
	ok(made_word(&made, at) == OTHER_MODULE && made_word(&made, at + 8) == 24,
	   "what the slot does not tell is looked up");

	made_fini(&made);
	made_init(&made, &arch_x86_64);
	made_reloc(&made, R_X86_64_GOTTPOFF, THREAD_PAIR, -4);
	ok(made_make(&made) == -LCP_ESYMBOL && made_failed(&made, "'unknown_tls'"),
	   "and must be found by name then");

	made_fini(&made);
	made_init(&made, &arch_x86_64);
	made.patch.format = LCP_FORMAT_LIBCAREPLUS;
	made.symbols[THREAD_SLOT].value = 0;
	made_reloc(&made, R_X86_64_GOTTPOFF, THREAD_SLOT, 0x3e80 - 4);
	made_reloc(&made, R_X86_64_TPOFF32, THREAD_SLOT, 0);
	is_int(made_make(&made), 0, "a classic file refers to the object's slot");
	is_int(made_target(&made, 0), BIAS + 0x3e80, "by its address");
	is_int(made_number(&made, 1), OTHER_FROM_THREAD + 24, "or to a symbol by name");
}

static void test_moving_tls(void)
{
	automade struct made made;

	made_block = (struct lookup_tls){ .module = MODULE };
	made_init(&made, &arch_x86_64);
	made_reloc(&made, R_X86_64_TLSGD, THREAD, -4);
	is_int(made_make(&made), 0, "a block without a fixed place has a module");
	is_int(made_word(&made, made_target(&made, 0)), MODULE, "which general dynamic uses");
	made_reloc(&made, R_X86_64_GOTPC32_TLSDESC, THREAD, -4);
	ok(made_make(&made) == -LCP_EUNSUPPORTED && made_failed(&made, "'thread'"),
	   "a descriptor of it is not supported, which names the symbol");
	made_block = (struct lookup_tls){ 0, true, BLOCK_FROM_THREAD };
	ok(made_make(&made) == -LCP_EUNSUPPORTED && made_failed(&made, "'thread'"),
	   "nor is general dynamic without a module");
	made_block = (struct lookup_tls){ MODULE, true, BLOCK_FROM_THREAD };
}

static void test_resolvers(void)
{
	automade struct made made;

	made_init(&made, &arch_x86_64);
	made_reloc(&made, R_X86_64_PLT32, INDIRECT, -4);
	made_reloc(&made, R_X86_64_GOTPCREL, INDIRECT, -4);
	made_reloc(&made, R_X86_64_PLT32, IN_OBJECT, -4);
	is_int(made_make(&made), 0, "a function that is not resolved is no failure");
	ok(made.image.resolvers.count == 1 && made.image.resolvers.items[0] == RESOLVER,
	   "its resolver is named, once");
	made_resolver_was_called = true;
	is_int(made_make(&made), 0, "it is made again");
	is_int(made.image.resolvers.count, 0, "with nothing left to be resolved");
	is_int(made_target(&made, 0), RESOLVED, "and what the resolver returned is called");
	is_int(made_word(&made, made_target(&made, 1)), RESOLVED, "or in the slot");
	made_resolver_was_called = false;

	made_fini(&made);
	made_init(&made, &arch_x86_64);
	made.symbols[IN_TEXT].type = STT_GNU_IFUNC;
	made_reloc(&made, R_X86_64_PLT32, IN_TEXT, -4);
	ok(made_make(&made) == -LCP_EUNSUPPORTED && made_failed(&made, "'code' is an indirect"),
	   "an indirect function of the patch's own cannot be asked");
}

/* The offset that an ldr of 8 bytes has, at relocation @number. */
static uint64_t made_scaled(const struct made *made, size_t number)
{
	return (get_le32(made_bytes(made, made_place(number), 4)) >> 10 & 0xfff) * 8;
}

static void test_aarch64(void)
{
	/* bti c; ldr x0, [x0, #8]; ret */
	static const uint8_t resolver[] = { 0x5f, 0x24, 0x03, 0xd5, 0x00, 0x04,
					    0x40, 0xf9, 0xc0, 0x03, 0x5f, 0xd6 };
	automade struct made made;
	uint64_t slot, stub;

	made_init(&made, &arch_aarch64);
	made_reloc(&made, R_AARCH64_CALL26, NEAR, 0);
	made_reloc(&made, R_AARCH64_CALL26, FAR, 0);
	made_reloc(&made, R_AARCH64_LD64_GOTPAGE_LO15, FAR, 0);
	made_reloc(&made, R_AARCH64_TLSDESC_LD64_LO12, THREAD, 0);
	made_reloc(&made, R_AARCH64_CALL26, IN_OBJECT, 0);
	is_int(made_make(&made), 0, "an image for aarch64 is made");
	stub = made_place(0) + (get_le32(made_bytes(&made, made_place(0), 4)) & 0x3ffffff) * 4;
	is_int(stub, NEAR_FUNCTION, "what is near is called");
	stub = made_place(1) + (get_le32(made_bytes(&made, made_place(1), 4)) & 0x3ffffff) * 4;
	is_int(made.patch.arch->branch_target(stub, made_bytes(&made, stub, 16), 16), FAR_FUNCTION,
	       "what is far is called by a stub");
	slot = (TEXT_AT & ~UINT64_C(0xfff)) + made_scaled(&made, 2);
	is_int(made_word(&made, slot), FAR_FUNCTION, "a slot is found from the GOT's page");
	slot = (TEXT_AT & ~UINT64_C(0xfff)) + made_scaled(&made, 3);
	is_int(made_word(&made, slot + 8), BLOCK_FROM_THREAD + 16, "a descriptor is in the page");
	is_bytes(made_bytes(&made, made_word(&made, slot), sizeof(resolver)), resolver,
		 sizeof(resolver), "with the resolver for it");
	is_int(made_make_at(&made, TEXT_AT + (1 << 30), DATA_AT), 0, "it can be farther away");
}

static void test_same(void)
{
	automade struct made one, two;

	made_init(&one, &arch_x86_64);
	made_reloc(&one, R_X86_64_PLT32, FAR, -4);
	made_reloc(&one, R_X86_64_GOTPCREL, NEAR, -4);
	made_reloc(&one, R_X86_64_TLSGD, THREAD, -4);
	made_init(&two, &arch_x86_64);
	two.patch = one.patch;
	ok(made_make(&one) == 0 && made_make(&two) == 0 &&
		   one.image.text.size == two.image.text.size &&
		   memcmp(one.image.text.bytes, two.image.text.bytes, one.image.text.size) == 0,
	   "the same inputs give the same bytes");
}

static unsigned int allocations, fails_at; /* 0: none fails */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
	return ++allocations == fails_at ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return ++allocations == fails_at ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return ++allocations == fails_at ? NULL : __real_realloc(old, size);
}

/* Every allocation fails in turn; that nothing is lost, LeakSanitizer tells. */
static void test_no_memory(void)
{
	automade struct made made;
	unsigned int failures = 0;
	int r = -ENOMEM;

	made_init(&made, &arch_x86_64);
	made_reloc(&made, R_X86_64_PLT32, FAR, -4);
	made_reloc(&made, R_X86_64_GOTPCREL, INDIRECT, -4);
	made_reloc(&made, R_X86_64_GOTPCREL, WEAK, -4);
	made_reloc(&made, R_X86_64_TLSGD, THREAD, -4);
	while (r == -ENOMEM && failures < 100) {
		allocations = 0;
		fails_at = ++failures;
		r = made_make(&made);
	}
	fails_at = 0;
	is_int(r, 0, "an image is made once there is memory");
	ok(failures > 8, "or it is said that there is none (%u times)", failures - 1);
	is_int(made.image.resolvers.count, 1, "and then it is complete");
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
	test_same();
	test_no_memory();
	return tap_end();
}

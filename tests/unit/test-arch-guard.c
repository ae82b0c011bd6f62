/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guards: the bytes of both CPUs are what their assemblers write (gas 2.40), and on x86-64 guards
 * near and far go the right way and leave every register as it was.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/arch.h"
#include "base/num.h"
#include "tap.h"

static const struct {
	const char *claim;
	const struct arch *arch;
	struct arch_guard guard;
	int size;
	uint8_t code[ARCH_GUARD_MAX];
} rows[] = {
	{ "x86-64, all near: cmpl, jne, jmp, jmp",
	  &arch_x86_64,
	  { 0x10000, 0x12345, 0x11223344, 0x20000, 0x8000 },
	  22,
	  { 0x81, 0x3d, 0x3b, 0x23, 0, 0, 0x44, 0x33, 0x22, 0x11, 0x75,
	    0x05, 0xe9, 0xef, 0xff, 0, 0, 0xe9, 0xea, 0x7f, 0xff, 0xff } },
	{ "x86-64, the watched one byte out of reach: push, movabs, cmp, pop",
	  &arch_x86_64,
	  { 0x10000, 0x8001000a, 0x11223344, 0x20000, 0x8000 },
	  28,
	  { 0x50, 0xa1, 0x0a, 0,    0x01, 0x80, 0,    0, 0, 0,	  0x3d, 0x44, 0x33, 0x22,
	    0x11, 0x58, 0x75, 0x05, 0xe9, 0xe9, 0xff, 0, 0, 0xe9, 0xe4, 0x7f, 0xff, 0xff } },
	{ "x86-64, all far",
	  &arch_x86_64,
	  { 0x10000, 0x1122334455667788, 0xfeffffff, 0x1020304050607080, 0x123456789abcdef0 },
	  46,
	  { 0x50, 0xa1, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x3d, 0xff,
	    0xff, 0xff, 0xfe, 0x58, 0x75, 0x0e, 0xff, 0x25, 0,	  0,	0,    0,
	    0x80, 0x70, 0x60, 0x50, 0x40, 0x30, 0x20, 0x10, 0xff, 0x25, 0,    0,
	    0,	  0,	0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12 } },
	{ "aarch64, branches near: ldr, ldr, ldr, cmp, b.ne, b, b",
	  &arch_aarch64,
	  { 0x10000, 0x1122334455667789, 0x11223344, 0x20000, 0x8000 },
	  40,
	  { 0x10, 0x01, 0x00, 0x58, 0xd1, 0,	0,    0x18, 0x10, 0x02, 0x40, 0xb9, 0x1f, 0x02,
	    0x11, 0x6b, 0x41, 0,    0,	  0x54, 0xfb, 0x3f, 0,	  0x14, 0xfa, 0xdf, 0xff, 0x17,
	    0x44, 0x33, 0x22, 0x11, 0x89, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11 } },
	{ "aarch64, branches far: ldr x16, br x16",
	  &arch_aarch64,
	  { 0x10000, 0x1122334455667789, 0x11223344, 0x1020304050607080, 0x123456789abcdef0 },
	  64,
	  { 0xd0, 0x01, 0x00, 0x58, 0x91, 0x01, 0,    0x18, 0x10, 0x02, 0x40, 0xb9, 0x1f,
	    0x02, 0x11, 0x6b, 0xa1, 0,	  0,	0x54, 0x50, 0,	  0,	0x58, 0,    0x02,
	    0x1f, 0xd6, 0x80, 0x70, 0x60, 0x50, 0x40, 0x30, 0x20, 0x10, 0x50, 0,    0,
	    0x58, 0,	0x02, 0x1f, 0xd6, 0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12,
	    0x44, 0x33, 0x22, 0x11, 0x89, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11 } },
	{ "aarch64, a version at an odd address is refused",
	  &arch_aarch64,
	  { 0x10000, 0x20000, 0, 0x20000, 0x20002 },
	  -ERANGE,
	  {} },
};

static void try_bytes(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t code[ARCH_GUARD_MAX + 8], clean[ARCH_GUARD_MAX + 8];
		int size;

		memset(code, 0xa5, sizeof(code));
		memset(clean, 0xa5, sizeof(clean));
		size = rows[i].arch->guard(&rows[i].guard, code);
		is_int(size, rows[i].size, rows[i].claim);
		if (size < 0)
			continue;
		is_bytes(code, rows[i].code, (uint64_t)size, "its bytes");
		is_bytes(code + size, clean, sizeof(code) - (size_t)size, "and no byte more");
	}
}

#if defined(__x86_64__) && defined(__LP64__)

#define FXSAVE_SIZE 512
#define DIRECTION 0x400

/*
 * What the assembler below knows by name. harness_run loads the registers of harness_in, calls
 * what harness_guard points to, and puts into harness_out what the registers hold then; rsp is
 * that of the version that was reached.
 */
static uint64_t harness_in[16] __asm__("harness_in") __attribute__((used));
static uint64_t harness_out[16] __asm__("harness_out") __attribute__((used));
static uint8_t harness_fx[2][FXSAVE_SIZE] __asm__("harness_fx") __attribute__((used, aligned(16)));
static uint64_t harness_guard __asm__("harness_guard") __attribute__((used));
static uint64_t harness_flags __asm__("harness_flags") __attribute__((used));
static uint64_t harness_stack __asm__("harness_stack") __attribute__((used));
static uint32_t harness_went __asm__("harness_went") __attribute__((used));

void harness_run(void);
void harness_before(void);
void harness_after(void);

/* Registers by their place in the arrays: rax rcx rdx rbx (rsp) rbp rsi rdi r8 to r15. */
#define EACH_REGISTER(one)                                                                         \
	one("rax", "0") one("rcx", "8") one("rdx", "16") one("rbx", "24") one("rbp", "40")         \
		one("rsi", "48") one("rdi", "56") one("r8", "64") one("r9", "72") one("r10", "80") \
			one("r11", "88") one("r12", "96") one("r13", "104") one("r14", "112")      \
				one("r15", "120")
#define LOAD(name, offset) "mov harness_in+" offset "(%rip), %" name "\n"
#define STORE(name, offset) "mov %" name ", harness_out+" offset "(%rip)\n"

/* clang-format off */
__asm__(".text\n"
	"harness_run:\n"
	"push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"fxsave64 harness_fx(%rip)\n"
	"lea -8(%rsp), %rax\n"
	"mov %rax, harness_stack(%rip)\n"
	EACH_REGISTER(LOAD)
	"call *harness_guard(%rip)\n"
	EACH_REGISTER(STORE)
	"pushfq\n"
	"pop harness_flags(%rip)\n"
	"fxsave64 harness_fx+512(%rip)\n"
	"pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"ret\n"
	"harness_before:\n"
	"mov %rsp, harness_out+32(%rip)\n"
	"movl $1, harness_went(%rip)\n"
	"ret\n"
	"harness_after:\n"
	"mov %rsp, harness_out+32(%rip)\n"
	"movl $2, harness_went(%rip)\n"
	"ret\n");
/* clang-format on */

static void run_guard(const struct arch_guard *guard, uint32_t want, const char *claim)
{
	for (size_t i = 0; i < ARRAY_SIZE(harness_in); i++)
		harness_in[i] = 0x0101010101010101 * (0x81 + i);
	memset(harness_out, 0, sizeof(harness_out));
	harness_went = 0;
	harness_guard = guard->at;
	harness_run();
	harness_in[4] = harness_stack;

	is_int(harness_went, want, claim);
	ok(memcmp(harness_in, harness_out, sizeof(harness_in)) == 0,
	   "every general register is as it was");
	ok(memcmp(harness_fx[0], harness_fx[1], FXSAVE_SIZE) == 0,
	   "and every x87 and SSE register");
	ok((harness_flags & DIRECTION) == 0, "and the direction flag is clear");
}

#define NEAR_STEP UINT64_C(0x10000)
#define ROOM 4096

/* Executable memory, near the program or about as far from it as can be. */
static uint8_t *map_room(bool near)
{
	uint64_t from = (uint64_t)(uintptr_t)harness_run & ~(NEAR_STEP - 1);
	uint64_t step = near ? NEAR_STEP : UINT64_C(1) << 36;

	for (uint64_t i = 1; i < 1000; i++) {
		void *want = (void *)(uintptr_t)((from + i * step) &
						 ((UINT64_C(1) << 47) -
						  1)); // NOLINT(performance-no-int-to-ptr)
		void *got = mmap(want, ROOM, PROT_READ | PROT_WRITE | PROT_EXEC,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		if (got != MAP_FAILED)
			return got;
	}
	return NULL;
}

/* @watch need not be aligned, and its last byte counts as much as its first. */
static void try_room(bool near, int size, uint8_t *watch)
{
	const char *where = near ? "near" : "far";
	uint8_t *room = map_room(near);
	struct arch_guard guard = { .watch = (uint64_t)(uintptr_t)watch,
				    .value = 0x89abcdef,
				    .before = (uint64_t)(uintptr_t)harness_before,
				    .after = (uint64_t)(uintptr_t)harness_after };

	if (!ok(room != NULL, "there is room %s", where))
		return;
	guard.at = (uint64_t)(uintptr_t)room;
	is_int(arch_x86_64.guard(&guard, room), size, "the guard has the size of its form");
	put_le32(watch, 0x89abcdef);
	run_guard(&guard, 1, "the value is there: it goes to the version before");
	put_le32(watch, 0x09abcdef);
	run_guard(&guard, 2, "the last byte differs: it goes to the version after");
	put_le32(watch, 0x89abcdee);
	run_guard(&guard, 2, "the first byte differs: it goes to the version after");
	ok(munmap(room, ROOM) == 0, "the room %s is given back", where);
}

static void try_running(void)
{
	static uint8_t watched[16];

	try_room(true, 22, watched + 1);
	try_room(false, 46, watched + 3);
}

#else

static void try_running(void)
{
	tap_skip("this host is not x86-64", "guards of x86-64 run");
}

#endif

int main(void)
{
	tap_begin();
	try_bytes();
	try_running();
	return tap_end();
}

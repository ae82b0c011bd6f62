/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions whose beginning was moved and overwritten do what they did, on x86-64: functions of
 * this program, as compilers write them and by hand, are called through their copies while int3
 * stands where they began.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/arch.h"
#include "base/num.h"
#include "format/elf_file.h"
#include "tap.h"

#if defined(__x86_64__) && defined(__LP64__)

typedef uint64_t function(uint64_t a, uint64_t b);

struct shape {
	const char *name;
	function *function;
	bool comes_back; /* it comes to its own entry: a jump to the copy stands there */
};

#define PAGE UINT64_C(4096)
#define INT3 0xcc

static uint64_t variable = 0x1234567;
static const uint64_t table[] = { 3, 5, 7, 11 };
static const char words[] = "liblcp moves the first instructions of functions";

static __attribute__((noinline)) uint64_t helper(uint64_t a, uint64_t b)
{
	return a * 7 + (b ^ variable);
}

static function *volatile chosen = helper;

#define PASTE(a, b) a##b
#define NAME(a, b) PASTE(a, b)
#define SHAPE(name) NAME(PREFIX, name)

#define PREFIX plain_
#include "../arch/shapes.inc"
#undef PREFIX

/* clang has no such pragma; make check is run with several options as well. */
#ifndef __clang__
#pragma GCC push_options
#pragma GCC optimize("O0")
#define PREFIX none_
#include "../arch/shapes.inc"
#undef PREFIX
#pragma GCC optimize("O2")
#define PREFIX speed_
#include "../arch/shapes.inc"
#undef PREFIX
#pragma GCC optimize("Os")
#define PREFIX size_
#include "../arch/shapes.inc"
#undef PREFIX
#pragma GCC pop_options
#endif

/*
 * By hand: what compilers write seldom, or only with some options. The end is marked by a label.
 */
#define BY_HAND(name, body)                                   \
	extern const uint8_t hand_##name[], end_##name[];     \
	__asm__(".text; .p2align 4, 0xcc\n"                   \
		"hand_" #name ":\n" body "\nend_" #name ":\n" \
		"nop; nop; nop; nop; nop; nop; nop; nop\n"    \
		"nop; nop; nop; nop; nop; nop; nop; nop\n")

static uint64_t hand_variable __asm__("hand_variable") __attribute__((used)) = 77;
static function *volatile hand_pointer __asm__("hand_pointer") __attribute__((used)) = helper;

BY_HAND(loop, "xor %eax, %eax; 1: add %rdi, %rax; dec %dil; jne 1b; ret");
BY_HAND(load, "mov hand_variable(%rip), %rax; add %rdi, %rax; ret");
BY_HAND(compare, "cmpl $77, hand_variable(%rip); sete %al; movzx %al, %eax; ret");
BY_HAND(leave, "test %rdi, %rdi; je 1f; lea 1(%rsi), %rax; ret; 1: mov $42, %eax; ret");
BY_HAND(leave_far,
	"cmp %rsi, %rdi; ja 1f; mov $1, %eax; ret; .zero 200, 0x90; 1: mov $2, %eax; ret");
BY_HAND(pad, "endbr64; lea (%rdi, %rsi), %rax; ret");
BY_HAND(nops, "nop; nop; xchg %ax, %ax; nop; nopw 0(%rax, %rax); mov %rdi, %rax; ret");
BY_HAND(tiny, "mov %edi, %eax; ret");
BY_HAND(empty, "xor %eax, %eax; ret");
BY_HAND(around, "jmp 1f; 2: inc %rax; ret; 1: lea (%rdi, %rdi), %rax; jmp 2b");
BY_HAND(again, "dec %sil; js 1f; lea 3(%rdi, %rdi), %rdi; jmp hand_again; 1: mov %rdi, %rax; ret");
BY_HAND(again_inside, "dec %dil; jne hand_again_inside; lea 3(%rsi), %rax; ret");
BY_HAND(call, "sub $8, %rsp; call hand_callee; add $8, %rsp; inc %rax; ret;"
	      "hand_callee: lea (%rdi, %rsi), %rax; ret");
BY_HAND(call_slot, "push %rbx; call *hand_pointer(%rip); pop %rbx; ret");
BY_HAND(call_register, "push %rbx; mov hand_pointer(%rip), %rbx; 1: call *%rbx; pop %rbx; ret");
BY_HAND(call_padded,
	"endbr64; sub $8, %rsp; .byte 0x66, 0x48; call hand_callee; add $8, %rsp; ret");
BY_HAND(jump_slot, "jmp *hand_pointer(%rip)");
BY_HAND(jump_register, "mov hand_pointer(%rip), %rax; jmp *%rax");
BY_HAND(hinted, "test %rdi, %rdi; cs jne 1f; mov %rsi, %rax; ret; 1: mov %rdi, %rax; ret");
BY_HAND(vector, "vmovq %rdi, %xmm0; vpaddq hand_wide(%rip), %xmm0, %xmm1; vmovq %xmm1, %rax; ret;"
		".pushsection .rodata; .p2align 4; hand_wide: .quad 5, 6; .popsection");
BY_HAND(dispatch,
	"push %rbx; mov %rdi, %rbx; and $1, %ebx; push %r12; lea 9f(%rip), %r12;"
	"movslq (%r12, %rbx, 4), %rax; add %r12, %rax; jmp *%rax; 1: mov $1, %eax; jmp 3f;"
	"2: mov $2, %eax; 3: pop %r12; pop %rbx; ret; .pushsection .rodata;"
	".p2align 2; 9: .long 1b - 9b, 2b - 9b; .popsection");

struct hand {
	const char *name;
	const uint8_t *begin;
	const uint8_t *end;
	bool comes_back;
	bool needs_push; /* refused unless return addresses may be pushed */
};

#define HAND(name, comes_back, needs_push)                             \
	{                                                              \
#name, hand_##name, end_##name, comes_back, needs_push \
	}

static const struct hand by_hand[] = {
	HAND(loop, false, false),	   HAND(load, false, false),
	HAND(compare, false, false),	   HAND(leave, false, false),
	HAND(leave_far, false, false),	   HAND(pad, false, false),
	HAND(nops, false, false),	   HAND(tiny, false, false),
	HAND(empty, false, false),	   HAND(around, false, false),
	HAND(again, true, false),	   HAND(again_inside, true, false),
	HAND(call, false, true),	   HAND(call_slot, false, true),
	HAND(call_register, false, false), HAND(call_padded, false, true),
	HAND(jump_slot, false, false),	   HAND(jump_register, false, false),
	HAND(hinted, false, false),	   HAND(vector, false, false),
	HAND(dispatch, false, false),
};

static uint8_t *room; /* executable memory in reach */

static bool map_room(void)
{
	uint64_t from = (uint64_t)(uintptr_t)map_room & ~(PAGE * 16 - 1);

	for (uint64_t i = 1; i < 1000 && room == NULL; i++) {
		void *got = mmap((void *)(uintptr_t)(from + i * PAGE * 16),
				 PAGE, // NOLINT(performance-no-int-to-ptr)
				 PROT_READ | PROT_WRITE | PROT_EXEC,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		if (got != MAP_FAILED)
			room = got;
	}
	return room != NULL;
}

static const uint64_t arguments[][2] = {
	{ 1, 2 }, { 2, 1 },  { 3, 5 },	      { 4, 200 },
	{ 7, 7 }, { 9, 31 }, { 1000003, 77 }, { 6, 0xfff1 },
};

#define CALLS ARRAY_SIZE(arguments)

static void call_all(function *called, uint64_t *ret)
{
	for (size_t i = 0; i < CALLS; i++)
		ret[i] = called(arguments[i][0], arguments[i][1]);
}

static function *as_function(const void *address)
{
	function *made;

	memcpy(&made, &address, sizeof(made)); // no cast from data to function in ISO C
	return made;
}

static void overwrite(uint8_t *begin, size_t need, bool comes_back)
{
	memset(begin, INT3, need);
	if (comes_back)
		(void)arch_x86_64.branch((uint64_t)(uintptr_t)begin, (uint64_t)(uintptr_t)room,
					 begin);
}

/* Move it, overwrite it, call the copy: -errno of the move, 1 if all is as before, 0 if not. */
static int try_move(uint8_t *begin, size_t size, size_t need, bool comes_back, bool may_push)
{
	struct arch_move move = { .code = begin,
				  .size = size,
				  .from = (uint64_t)(uintptr_t)begin,
				  .to = (uint64_t)(uintptr_t)room,
				  .need = need,
				  .may_push = may_push };
	uint64_t before[CALLS], after[CALLS];
	uint8_t was[64];
	int r;

	memset(room, INT3, PAGE);
	call_all(as_function(begin), before);
	r = arch_x86_64.move(&move, room);
	if (r < 0)
		return r;
	memcpy(was, begin, need);
	overwrite(begin, need, comes_back);
	call_all(as_function(room), after);
	memcpy(begin, was, need);
	return memcmp(before, after, sizeof(before)) == 0;
}

static const size_t needs[] = { 5, 9, 14, 18 };

/* What is refused is no fault here; see how many are moved. */
static bool try_all_needs(const char *name, uint8_t *begin, size_t size, bool comes_back,
			  bool may_push, size_t *moved)
{
	bool right = true;

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
		int r = try_move(begin, size, needs[i], comes_back, may_push);

		if (r == 0)
			tap_say("%s, %zu bytes: another result", name, needs[i]);
		right = right && r != 0 && (r > 0 || r == -ENOTSUP);
		*moved += r > 0;
	}
	return right;
}

/* The code of this program, to be written to. */
static bool open_text(uint8_t *begin, size_t size)
{
	uint64_t first = (uint64_t)(uintptr_t)begin & ~(PAGE - 1);
	uint64_t end = ((uint64_t)(uintptr_t)begin + size + 64 + PAGE - 1) & ~(PAGE - 1);

	return mprotect((void *)(uintptr_t)first, end - first, // NOLINT(performance-no-int-to-ptr)
			PROT_READ | PROT_WRITE | PROT_EXEC) == 0;
}

static size_t size_of(const struct elf_file *elf, uint64_t offset)
{
	for (size_t i = 0; i < elf->symtab.count; i++) {
		const struct elf_symbol *symbol = &elf->symtab.items[i];

		if (symbol->type == STT_FUNC && symbol->value == offset)
			return symbol->size;
	}
	return 0;
}

extern const uint8_t image_begin[] __asm__("__executable_start") __attribute__((weak));

static void try_shapes(const struct elf_file *elf, const char *how, const struct shape *shapes,
		       size_t count)
{
	uint64_t base = elf->type == ET_DYN ? (uint64_t)(uintptr_t)image_begin : 0;
	size_t moved = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t address = (uint64_t)(uintptr_t)shapes[i].function;
		uint8_t *begin = (uint8_t *)(uintptr_t)address; // NOLINT(performance-no-int-to-ptr)
		size_t size = size_of(elf, address - base);

		if (!ok(size > 0 && open_text(begin, size), "%s (%s) is found", shapes[i].name,
			how))
			continue;
		ok(try_all_needs(shapes[i].name, begin, size, shapes[i].comes_back, true, &moved),
		   "%s (%s) does what it did", shapes[i].name, how);
	}
	tap_say("%s: %zu of %zu moves", how, moved, count * ARRAY_SIZE(needs));
	ok(moved >= count * ARRAY_SIZE(needs) * 2 / 3, "most of them can be moved (%s)", how);
}

#define TRY_SHAPES(elf, how, prefix) \
	try_shapes(elf, how, prefix##shapes, ARRAY_SIZE(prefix##shapes))

static void try_compiled(void)
{
	autoelf struct elf_file *elf = NULL;
	struct lcp_error *error = NULL;

	if (!ok(elf_file_open("/proc/self/exe", &elf, &error) == 0, "this program can be read"))
		return;
	TRY_SHAPES(elf, "as make check compiles", plain_);
#ifndef __clang__
	TRY_SHAPES(elf, "-O0", none_);
	TRY_SHAPES(elf, "-O2", speed_);
	TRY_SHAPES(elf, "-Os", size_);
#endif
}

static void try_by_hand(void)
{
	bool has_avx = __builtin_cpu_supports("avx") != 0;

	for (size_t i = 0; i < ARRAY_SIZE(by_hand); i++) {
		const struct hand *hand = &by_hand[i];
		uint8_t *begin =
			(uint8_t *)(uintptr_t)hand->begin; // NOLINT(performance-no-int-to-ptr)
		size_t size = (size_t)(hand->end - hand->begin);
		int want = hand->needs_push ? -ENOTSUP : 1;
		size_t need = arch_x86_64.landing_pad(begin, size).size + 5U;

		if (strcmp(hand->name, "vector") == 0 && !has_avx) {
			tap_skip("this host has no AVX", "vector does what it did");
			continue;
		}
		(void)open_text(begin, size);
		is_int(try_move(begin, size, need, hand->comes_back, true), 1, hand->name);
		is_int(try_move(begin, size, need, hand->comes_back, false), want,
		       hand->needs_push ? "a call is refused without a pushed return address"
					: "and so without pushing");
	}
}

static void try_moved(void)
{
	if (!ok(map_room(), "there is room in reach"))
		return;
	try_by_hand();
	try_compiled();
	ok(munmap(room, PAGE) == 0, "the room is given back");
}

#else

static void try_moved(void)
{
	tap_skip("this host is not x86-64", "functions of x86-64 do what they did");
}

#endif

int main(void)
{
	tap_begin();
	try_moved();
	return tap_end();
}

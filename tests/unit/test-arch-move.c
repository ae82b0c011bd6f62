/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copies of a function's beginning, byte by byte, for both CPUs; and what has to be refused. The
 * words of aarch64 are what its assembler writes (gas 2.40), but for adrp, which needs a linker.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "base/num.h"
#include "tap.h"

#define FROM 0x1000
#define TO 0x11000
#define FAR_AWAY 0x7f0000000000
#define PART 0x9000

#define ROOM 400
#define REFUSED 0

struct row {
	const char *claim;
	size_t need;
	uint8_t size;
	uint8_t code[32];
	uint8_t copy_size; /* REFUSED, or bytes of: */
	uint8_t copy[40];
	uint64_t to; /* 0: TO */
	bool may_push;
};

/* clang-format off */
static const struct row x86_64_rows[] = {
	{ "whole instructions, and a jump behind them", 5,
	  6, { 0x90, 0x90, 0x48, 0x89, 0xf8, 0xc3 },
	  .copy_size = 10,
	  .copy = { 0x90, 0x90, 0x48, 0x89, 0xf8, 0xe9, 0xfb, 0xff, 0xfe, 0xff } },
	{ "a jump to any distance", 5,
	  6, { 0x90, 0x90, 0x48, 0x89, 0xf8, 0xc3 },
	  .copy_size = 19,
	  .copy = { 0x90, 0x90, 0x48, 0x89, 0xf8, 0xff, 0x25, 0, 0, 0, 0, 0x05, 0x10 },
	  .to = FAR_AWAY },
	{ "ret ends the copy", 5, 3, { 0x31, 0xc0, 0xc3 }, .copy_size = 3,
	  .copy = { 0x31, 0xc0, 0xc3 } },
	{ "an operand in front of an immediate", 5,
	  11, { 0xc7, 0x05, 0x00, 0x01, 0, 0, 0x07, 0, 0, 0, 0xc3 },
	  .copy_size = 15,
	  .copy = { 0xc7, 0x05, 0x00, 0x01, 0xff, 0xff, 0x07, 0, 0, 0,
		0xe9, 0xfb, 0xff, 0xfe, 0xff } },
	{ "a short jcc out of the copy becomes a long one", 5,
	  8, { 0x48, 0x85, 0xff, 0x74, 0x01, 0xc3, 0xc3, 0x90 },
	  .copy_size = 14,
	  .copy = { 0x48, 0x85, 0xff, 0x0f, 0x84, 0xfd, 0xff, 0xfe, 0xff,
		0xe9, 0xf7, 0xff, 0xfe, 0xff } },
	{ "a loop to the second instruction is moved as a whole", 5,
	  9, { 0x31, 0xc0, 0x48, 0xff, 0xcf, 0x75, 0xfb, 0xc3, 0x90 },
	  .copy_size = 16,
	  .copy = { 0x31, 0xc0, 0x48, 0xff, 0xcf, 0x0f, 0x85, 0xf7, 0xff, 0xff, 0xff,
		0xe9, 0xf7, 0xff, 0xfe, 0xff } },
	{ "a tail call behind it may go anywhere", 5,
	  7, { 0x31, 0xc0, 0x0f, 0xb6, 0x17, 0xff, 0xe0 },
	  .copy_size = 10,
	  .copy = { 0x31, 0xc0, 0x0f, 0xb6, 0x17, 0xe9, 0xfb, 0xff, 0xfe, 0xff } },
	{ "a call at the end becomes a push and a jump", 5,
	  10, { 0x48, 0x83, 0xec, 0x08, 0xe8, 0xf7, 0x00, 0, 0, 0xc3 },
	  .copy_size = 23,
	  .copy = { 0x48, 0x83, 0xec, 0x08, 0xff, 0x35, 0x05, 0, 0, 0,
		0xe9, 0xf1, 0x00, 0xff, 0xff, 0x09, 0x10 }, .may_push = true },
	{ "a call through a register likewise", 3,
	  4, { 0x53, 0xff, 0xd3, 0xc3 },
	  .copy_size = 17,
	  .copy = { 0x53, 0xff, 0x35, 0x02, 0, 0, 0, 0xff, 0xe3, 0x03, 0x10 }, .may_push = true },

	{ "a call is refused where there may be a shadow stack", 5,
	  10, { 0x48, 0x83, 0xec, 0x08, 0xe8, 0xf7, 0x00, 0, 0, 0xc3 }, .copy_size = REFUSED },
	{ "a call in front of others is refused", 5,
	  6, { 0xff, 0xd0, 0x58, 0x90, 0x90, 0xc3 }, .copy_size = REFUSED, .may_push = true },
	{ "a call whose operand counts from rsp is refused", 4,
	  5, { 0xff, 0x54, 0x24, 0x08, 0xc3 }, .copy_size = REFUSED, .may_push = true },
	{ "a far call is refused", 2, 3, { 0xff, 0x18, 0xc3 }, .copy_size = REFUSED, .may_push = true },
	{ "jrcxz is refused", 5, 6, { 0xe3, 0x03, 0x90, 0x90, 0x90, 0xc3 }, .copy_size = REFUSED },
	{ "xbegin is refused", 5, 7, { 0xc7, 0xf8, 0, 0, 0, 0, 0xc3 }, .copy_size = REFUSED },
	{ "an unknown instruction anywhere is refused", 5,
	  7, { 0x90, 0x90, 0x90, 0x90, 0x90, 0xc3, 0x06 }, .copy_size = REFUSED },
	{ "an instruction cut short is refused", 5,
	  7, { 0x90, 0x90, 0x90, 0x90, 0x90, 0xe9, 0 }, .copy_size = REFUSED },
	{ "a jump that processors disagree on is refused", 5,
	  6, { 0x66, 0xe9, 0, 0, 0, 0 }, .copy_size = REFUSED },
	{ "an operand out of reach is refused", 5,
	  8, { 0x48, 0x8b, 0x05, 0, 0, 0, 0, 0xc3 }, .copy_size = REFUSED, .to = FAR_AWAY },
	{ "a branch out of reach is refused", 5,
	  5, { 0xe9, 0, 0x01, 0, 0 }, .copy_size = REFUSED, .to = FAR_AWAY },
	{ "an address in what is copied is refused", 5,
	  13, { 0x90, 0x90, 0x90, 0x90, 0x90, 0x48, 0x8d, 0x05, 0xf5, 0xff, 0xff, 0xff, 0xc3 },
	  .copy_size = REFUSED },
	{ "a branch into the middle of an instruction is refused", 5,
	  7, { 0xb8, 0x90, 0x90, 0x90, 0x90, 0xeb, 0xfa }, .copy_size = REFUSED },
	{ "going on into padding that is overwritten is refused", 5,
	  3, { 0x90, 0x90, 0x90 }, .copy_size = REFUSED },
	{ "an indirect jump behind a branch in the first bytes is refused", 5,
	  9, { 0x85, 0xff, 0x74, 0x03, 0x90, 0xff, 0xe0, 0xc3, 0x90 }, .copy_size = REFUSED },
	{ "a table that may lead to the second instruction is refused", 5,
	  12, { 0x31, 0xc0, 0x0f, 0xb6, 0x17, 0xff, 0x24, 0xd5, 0, 0, 0, 0 },
	  .copy_size = REFUSED },
};
/* clang-format on */

/* No member of a function's beginning may be written beyond the copy. */
static bool is_as_wanted(const struct arch *arch, const struct arch_move *move, const uint8_t *want,
			 size_t want_size)
{
	uint8_t code[ARCH_MOVED_MAX + 16], clean[ARCH_MOVED_MAX + 16];
	int r;

	memset(code, 0xa5, sizeof(code));
	memset(clean, 0xa5, sizeof(clean));
	r = arch->move(move, code);
	if (want_size == REFUSED)
		return r == -ENOTSUP;
	if (r != (int)want_size) {
		tap_say("returns %d, not %zu", r, want_size);
		return false;
	}
	for (size_t i = 0; i < want_size; i++) {
		if (code[i] != want[i])
			tap_say("byte %zu is %02x, not %02x", i, code[i], want[i]);
	}
	return memcmp(code, want, want_size) == 0 &&
	       memcmp(code + want_size, clean, sizeof(code) - want_size) == 0;
}

static void try_x86_64(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(x86_64_rows); i++) {
		const struct row *row = &x86_64_rows[i];
		struct arch_move move = { .code = row->code,
					  .size = row->size,
					  .from = FROM,
					  .to = row->to != 0 ? row->to : TO,
					  .need = row->need,
					  .may_push = row->may_push };

		ok(is_as_wanted(&arch_x86_64, &move, row->copy, row->copy_size), "x86-64: %s",
		   row->claim);
	}
}

struct word_row {
	const char *claim;
	size_t need;
	uint32_t code[6]; /* ends before the first 0 */
	uint32_t copy[6]; /* likewise; none: refused */
};

/* clang-format off */
static const struct word_row aarch64_rows[] = {
	{ "cbz becomes cbnz over a b", 4,
	  { 0xb4000800, 0xd65f03c0 }, { 0xb5000040, 0x17ffc03f, 0x17ffbfff } },
	{ "tbnz becomes tbz over a b", 4,
	  { 0x37280201, 0xd65f03c0 }, { 0x36280041, 0x17ffc00f, 0x17ffbfff } },
	{ "b.eq becomes b.ne over a b", 4,
	  { 0x54000400, 0xd65f03c0 }, { 0x54000041, 0x17ffc01f, 0x17ffbfff } },
	{ "b goes where it went, and nothing comes behind it", 4,
	  { 0x14000080 }, { 0x17ffc080 } },
	{ "adr", 4, { 0x70000903, 0xd65f03c0 }, { 0x70f80903, 0x17ffc000 } },
	{ "adrp", 4, { 0xb0000024, 0xd65f03c0 }, { 0xb0ffffa4, 0x17ffc000 } },
	{ "ldr of a literal", 4, { 0x58001805, 0xd65f03c0 }, { 0x58f81805, 0x17ffc000 } },
	{ "ldr of a vector literal", 4, { 0x9c001806, 0xd65f03c0 }, { 0x9cf81806, 0x17ffc000 } },
	{ "ldrsw of a literal", 4, { 0x98001807, 0xd65f03c0 }, { 0x98f81807, 0x17ffc000 } },
	{ "ret ends the copy", 4, { 0xd65f03c0 }, { 0xd65f03c0 } },
	{ "paciasp and what is behind it", 8,
	  { 0xd503233f, 0xa9be7bfd, 0xd65f03c0 }, { 0xd503233f, 0xa9be7bfd, 0x17ffc000 } },
	{ "a loop to the second instruction is moved as a whole", 8,
	  { 0x528000e0, 0x51000400, 0x35ffffe0, 0xd65f03c0 },
	  { 0x528000e0, 0x51000400, 0x34000040, 0x17fffffe, 0x17ffbfff } },
	{ "a loop to the entry goes on over the entry", 4,
	  { 0x51000400, 0x35ffffe0, 0xd65f03c0 }, { 0x51000400, 0x17ffc000 } },
	{ "an indirect jump behind one instruction", 4,
	  { 0xb8605820, 0xd61f0120 }, { 0xb8605820, 0x17ffc000 } },
	{ "an indirect jump behind a frame set up", 8,
	  { 0xb8605820, 0xa9be7bfd, 0xd61f0120 }, { 0xb8605820, 0xa9be7bfd, 0x17ffc000 } },

	{ "bl is refused", 4, { 0x94000100, 0xd65f03c0 }, {} },
	{ "blr is refused", 4, { 0xd63f0100, 0xd65f03c0 }, {} },
	{ "eret is refused, and what else of its group is not known", 4,
	  { 0xd503201f, 0xd69f03e0 }, {} },
	{ "compare and branch, which is too new, is refused", 4, { 0xd503201f, 0x74000000 }, {} },
	{ "a condition without an opposite is refused", 4, { 0x5400040e, 0xd65f03c0 }, {} },
	{ "an address in what is copied is refused", 8,
	  { 0xd503201f, 0xd503201f, 0x10ffffe3, 0xd65f03c0 }, {} },
	{ "a table that may lead to the second instruction is refused", 8,
	  { 0xd503201f, 0xb8605820, 0xd61f0120 }, {} },
	{ "going on into padding that is overwritten is refused", 8, { 0xd503201f }, {} },
};
/* clang-format on */

static size_t put_words(const uint32_t *words, uint8_t *code)
{
	size_t size = 0;

	for (size_t i = 0; i < 6 && words[i] != 0; i++, size += 4)
		put_le32(code + size, words[i]);
	return size;
}

static void try_aarch64(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(aarch64_rows); i++) {
		const struct word_row *row = &aarch64_rows[i];
		uint8_t code[24], copy[24];
		struct arch_move move = { .code = code, .from = FROM, .to = TO, .need = row->need };
		size_t copy_size = put_words(row->copy, copy);

		move.size = put_words(row->code, code);
		ok(is_as_wanted(&arch_aarch64, &move, copy, copy_size), "aarch64: %s", row->claim);
	}
}

/* A conditional branch reaches 1 MiB, tbz 32 KiB, b 128 MiB; none of them is used further. */
static void try_aarch64_reach(void)
{
	uint8_t code[8];
	struct arch_move move = { .code = code, .size = 8, .from = FROM, .need = 4 };

	put_le32(code + 4, 0xd65f03c0);
	move.to = FROM + (1 << 27);
	put_le32(code, 0x36280201); /* tbz */
	ok(is_as_wanted(&arch_aarch64, &move, NULL, REFUSED), "aarch64: tbz beyond b is refused");
	put_le32(code, 0x70000903); /* adr */
	move.to = FROM + (1 << 21);
	ok(is_as_wanted(&arch_aarch64, &move, NULL, REFUSED),
	   "aarch64: adr beyond 1 MiB is refused");
	put_le32(code, 0xd503201f); /* nop */
	move.to = FROM + (UINT64_C(1) << 28);
	ok(is_as_wanted(&arch_aarch64, &move, NULL, REFUSED),
	   "aarch64: there is no way back over more than 128 MiB");
}

/* Branches to the second instruction: from the part elsewhere, and from further than is copied. */
static void try_leading_in(void)
{
	static const uint8_t nops[] = { 0x90, 0x90, 0x90, 0x90, 0x90, 0xc3 };
	uint8_t part[5], large[ROOM];
	struct arch_move move = { .code = nops,
				  .size = sizeof(nops),
				  .from = FROM,
				  .to = TO,
				  .need = 5,
				  .part = part,
				  .part_size = 5,
				  .part_from = PART };
	uint8_t code[ARCH_MOVED_MAX];

	(void)arch_x86_64.branch(PART, FROM, part);
	is_int(arch_x86_64.move(&move, code), 10, "the part may branch to the first byte");
	(void)arch_x86_64.branch(PART, FROM + 1, part);
	is_int(arch_x86_64.move(&move, code), -ENOTSUP, "but not behind it");
	(void)arch_x86_64.branch(PART, FROM + 5, part);
	is_int(arch_x86_64.move(&move, code), 10, "or again behind what is copied");

	memset(large, 0x90, sizeof(large));
	move = (struct arch_move){
		.code = large, .size = sizeof(large), .from = FROM, .to = TO, .need = 5
	};
	(void)arch_x86_64.branch(FROM + 200, FROM + 1, large + 200);
	is_int(arch_x86_64.move(&move, code), 205,
	       "what branches back is copied with all before it");
	move.rest_stays = true;
	is_int(arch_x86_64.move(&move, code), -ENOTSUP, "unless the rest stays in use where it is");
	move.rest_stays = false;
	memset(large, 0x90, sizeof(large));
	(void)arch_x86_64.branch(FROM + 300, FROM + 1, large + 300);
	is_int(arch_x86_64.move(&move, code), -ENOTSUP, "up to a limit");
	memset(large, 0x90, sizeof(large));
	move.need = ROOM;
	is_int(arch_x86_64.move(&move, code), -ENOTSUP, "which is one for need as well");
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* The bytes are in memory of just their size, for sanitizers to see what is read beyond. */
static bool stays_inside(const struct arch *arch, uint64_t *state)
{
	size_t size = 1 + next_random(state) % 48;
	uint8_t *bytes = malloc(size), code[ARCH_MOVED_MAX + 8];
	struct arch_move move = { .code = bytes,
				  .size = size,
				  .from = FROM,
				  .to = TO,
				  .need = next_random(state) % 20,
				  .may_push = true };
	bool inside;
	int r;

	if (bytes == NULL)
		return false;
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)next_random(state);
	if (next_random(state) % 2 == 0) /* more of what branches */
		bytes[next_random(state) % size] = 0xeb;
	memset(code, 0xa5, sizeof(code));
	r = arch->move(&move, code);
	inside = (r == -ENOTSUP || (r >= 0 && r <= ARCH_MOVED_MAX)) && code[ARCH_MOVED_MAX] == 0xa5;
	free(bytes);
	return inside;
}

static void try_any(const struct arch *arch)
{
	uint64_t state = 0x9e3779b97f4a7c15;
	bool inside = true;

	for (size_t i = 0; i < 200000; i++)
		inside = stays_inside(arch, &state) && inside;
	ok(inside, "whatever the bytes are, move stays within its limits (%s)", arch->name);
}

int main(void)
{
	tap_begin();
	try_x86_64();
	try_aarch64();
	try_aarch64_reach();
	try_leading_in();
	try_any(&arch_x86_64);
	try_any(&arch_aarch64);
	return tap_end();
}

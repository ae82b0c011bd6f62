/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/asm_got.h"

#include <string.h>

#include "base/num.h"

#define OPERANDS_MAX 4
#define RED_ZONE "128" /* psABI, 3.2.2 */

struct operands {
	struct slice items[OPERANDS_MAX];
	size_t count;
	size_t named; /* which of them has the symbol */
	bool is_immediate; /* it is $symbol, otherwise what is at the symbol */
	struct slice offset; /* what is added to the symbol: "+4", or empty */
	struct slice index; /* and which register: "%rax", ",%rax,8", or empty */
};

/* Names of a general register by size: 64, 32, 16, 8 bits. */
static const struct slice registers[][4] = {
#define LETTER(x)                                                 \
	{                                                         \
		{ "r" x "x", 3 }, { "e" x "x", 3 }, { x "x", 2 }, \
		{                                                 \
			x "l", 2                                  \
		}                                                 \
	}
#define WORD(x)                                       \
	{                                             \
		{ "r" x, 3 }, { "e" x, 3 }, { x, 2 }, \
		{                                     \
			x "l", 3                      \
		}                                     \
	}
#define NUMBER(x)                                                                 \
	{                                                                         \
		{ x, sizeof(x) - 1 }, { x "d", sizeof(x) }, { x "w", sizeof(x) }, \
		{                                                                 \
			x "b", sizeof(x)                                          \
		}                                                                 \
	}
	LETTER("a"),   LETTER("b"),   LETTER("c"),   LETTER("d"),   WORD("si"),
	WORD("di"),    WORD("bp"),    NUMBER("r8"),  NUMBER("r9"),  NUMBER("r10"),
	NUMBER("r11"), NUMBER("r12"), NUMBER("r13"), NUMBER("r14"), NUMBER("r15"),
};

/* "%eax": "rax"; empty if @operand is not a general register. */
static struct slice whole_register(struct slice operand)
{
	if (operand.size < 2 || *operand.text != '%')
		return (struct slice){ "", 0 };
	operand = slice_skip(operand, 1);
	for (size_t i = 0; i < ARRAY_SIZE(registers); i++)
		for (size_t k = 0; k < ARRAY_SIZE(registers[i]); k++)
			if (slice_equals(operand, registers[i][k]))
				return registers[i][0];
	return (struct slice){ "", 0 };
}

static bool contains(struct slice text, struct slice part)
{
	return part.size > 0 && text.size > 0 &&
	       memmem(text.text, text.size, part.text, part.size) != NULL;
}

/* Part "a, 8(%b,%c), %d" at the commas outside of parentheses. */
static bool split(struct slice text, struct operands *ret)
{
	size_t depth = 0, begin = 0;

	for (size_t i = 0; i <= text.size; i++) {
		char c = i < text.size ? text.text[i] : ',';

		depth += c == '(';
		depth -= c == ')' && depth > 0;
		if (c != ',' || (depth > 0 && i < text.size))
			continue;
		if (ret->count == OPERANDS_MAX)
			return false;
		ret->items[ret->count++] =
			slice_trim((struct slice){ text.text + begin, i - begin });
		begin = i + 1;
	}
	return true;
}

/*
 * What follows the symbol in an operand: "+4(%rip)", "(,%rax,8)", "(%rax)", or nothing, which is an
 * absolute address. Two registers leave no room for a third.
 */
static bool take_apart(struct operands *operands, struct slice rest)
{
	struct slice inside = rest;

	operands->offset = slice_cut(&inside, '(');
	if (inside.size == 0)
		return rest.size == operands->offset.size;
	if (operands->is_immediate || !slice_ends(inside, SLICE(")")))
		return false;
	inside.size--;
	if (slice_equals(inside, SLICE("%rip")))
		return true;
	operands->index = inside;
	return slice_begins(inside, SLICE(",")) || memchr(inside.text, ',', inside.size) == NULL;
}

/* Find the operand that is the symbol @name, plainly or with something added. */
static bool find_named(struct operands *operands, struct slice name)
{
	for (size_t i = 0; i < operands->count; i++) {
		struct slice rest = operands->items[i];

		operands->is_immediate = slice_begins(rest, SLICE("$"));
		if (operands->is_immediate)
			rest = slice_skip(rest, 1);
		if (!slice_begins(rest, name))
			continue;
		operands->named = i;
		return take_apart(operands, slice_skip(rest, name.size)) &&
		       (operands->offset.size == 0 || *operands->offset.text == '+' ||
			*operands->offset.text == '-');
	}
	return false;
}

static void put_load(struct slice name, struct slice reg, struct str *to)
{
	str_printf(to, "\tmovq\t%.*s@GOTPCREL(%%rip), %%%.*s\n", SLICE_ARG(name), SLICE_ARG(reg));
}

/* The instruction with the named operand replaced by one relative to @reg. */
static void put_instruction(struct slice word, const struct operands *operands, struct slice reg,
			    struct str *to)
{
	str_printf(to, "\t%.*s\t", SLICE_ARG(word));
	for (size_t i = 0; i < operands->count; i++) {
		if (i > 0)
			str_puts(to, ", ");
		if (i == operands->named)
			str_printf(to, "%.*s(%%%.*s%s%.*s)", SLICE_ARG(operands->offset),
				   SLICE_ARG(reg),
				   slice_begins(operands->index, SLICE("%")) ? "," : "",
				   SLICE_ARG(operands->index));
		else
			str_put(to, operands->items[i].text, operands->items[i].size);
	}
	str_putc(to, '\n');
}

/* lea symbol+4(%rip), %reg and mov $symbol+4, %reg: the address itself. */
static bool put_address(const struct operands *operands, struct slice name, struct slice reg,
			struct str *to)
{
	put_load(name, reg, to);
	if (operands->offset.size > 0)
		str_printf(to, "\tleaq\t%.*s(%%%.*s), %%%.*s\n", SLICE_ARG(operands->offset),
			   SLICE_ARG(reg), SLICE_ARG(reg));
	return true;
}

/* A register that the instruction has nothing to do with; none is used without being named. */
static struct slice scratch_register(struct slice operands)
{
	static const struct slice numbers[] = {
		{ "r11", 3 }, { "r10", 3 }, { "r9", 2 }, { "r8", 2 }
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!contains(operands, numbers[i]))
			return numbers[i];
	return (struct slice){ "", 0 };
}

/* What moves the stack pointer, or control, or has to stay one instruction. */
static bool is_untouchable(struct slice word, struct slice operands)
{
	static const struct slice words[] = {
		{ "push", 4 }, { "pop", 3 },	 { "call", 4 },	 { "j", 1 },
		{ "rep", 3 },  { "lock", 4 },	 { "enter", 5 }, { "leave", 5 },
		{ "ret", 3 },  { "notrack", 7 }, { "loop", 4 },
	};

	/* %ah and the like cannot stand beside a register with a number. */
	static const struct slice others[] = {
		{ "%rsp", 4 }, { "%esp", 4 }, { "%ah", 3 },
		{ "%bh", 3 },  { "%ch", 3 },  { "%dh", 3 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (slice_begins(word, words[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (contains(operands, others[i]))
			return true;
	return false;
}

static bool put_with_scratch(struct slice word, struct slice text, const struct operands *operands,
			     struct slice name, struct str *to)
{
	struct slice reg = scratch_register(text);

	if (reg.size == 0 || operands->is_immediate || is_untouchable(word, text))
		return false;
	str_printf(to, "\tleaq\t-" RED_ZONE "(%%rsp), %%rsp\n\tpushq\t%%%.*s\n", SLICE_ARG(reg));
	put_load(name, reg, to);
	put_instruction(word, operands, reg, to);
	str_printf(to, "\tpopq\t%%%.*s\n\tleaq\t" RED_ZONE "(%%rsp), %%rsp\n", SLICE_ARG(reg));
	return true;
}

bool asm_put_through_got(struct slice word, struct slice operands, struct slice name, bool may_save,
			 struct str *to)
{
	bool moves = slice_begins(word, SLICE("mov"));
	struct operands parts = { 0 };
	struct slice into;

	if (!split(operands, &parts) || !find_named(&parts, name))
		return false;
	into = whole_register(parts.items[parts.count - 1]);
	if (parts.count != 2 || parts.named != 0 || parts.index.size > 0)
		into.size = 0;

	if (into.size > 0 && (parts.is_immediate ? moves : slice_begins(word, SLICE("lea"))))
		return put_address(&parts, name, into, to);
	if (into.size > 0 && moves) {
		put_load(name, into, to);
		put_instruction(word, &parts, into, to);
		return true;
	}
	return may_save && put_with_scratch(word, operands, &parts, name, to);
}

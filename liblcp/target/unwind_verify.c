/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entries of .eh_frame, looked at before libunwind does what they say. Accepted is what compilers
 * and C libraries write; a form that none of them uses is refused, and ends the walk.
 *
 * "DWARF" below is version 5 of the standard: 6.4 has the instructions, 2.5 and 7.7.1 expressions.
 * How .eh_frame differs is in the Linux Standard Base, Core, 10.6.
 */
#include "target/unwind_private.h"

#include <string.h>

#include "base/num.h"

/* Encodings of pointers (LSB 10.5): the low bits are a format. */
#define ENCODING_OMIT 0xff
#define ENCODING_FORMAT 0x0f
#define ENCODING_ALIGNED 0x50

/* What follows an opcode. */
enum operand {
	BAD, /* nothing: it is not accepted */
	NONE,
	BYTE1,
	BYTE2,
	BYTE4,
	BYTE8,
	LEB, /* a number of any length */
	LEB2, /* two of them */
	REGISTERS, /* two registers */
	BLOCK, /* an expression behind its size */
	LEB_BLOCK,
	POINTER, /* in the encoding that the CIE says */
};

struct cursor {
	struct unwind_memory *memory;
	uint64_t at;
	uint64_t end;
	bool failed;
};

/* What of a CIE is needed for its FDEs. */
struct cie {
	bool sized; /* has augmentation data */
	uint8_t encoding;
	uint64_t column; /* of the return address */
};

static uint8_t get_byte(struct cursor *cursor)
{
	uint64_t word;

	if (cursor->failed || cursor->at >= cursor->end ||
	    !unwind_read(cursor->memory, cursor->at & ~7ull, &word)) {
		cursor->failed = true;
		return 0;
	}
	return (uint8_t)(word >> 8 * (cursor->at++ & 7));
}

static uint64_t get_number(struct cursor *cursor, unsigned int size)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)get_byte(cursor) << 8 * i;
	return value;
}

/* Signed ones are of the same form: their value is not needed. */
static uint64_t get_leb(struct cursor *cursor)
{
	uint64_t value = 0;
	unsigned int shift = 0;
	uint8_t byte;

	do {
		byte = get_byte(cursor);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) != 0 && !cursor->failed);
	return value;
}

static void skip(struct cursor *cursor, uint64_t size)
{
	if (cursor->failed || size > cursor->end - cursor->at)
		cursor->failed = true;
	else
		cursor->at += size;
}

static void skip_pointer(struct cursor *cursor, uint8_t encoding)
{
	static const uint8_t sizes[] = { [0x0] = 8, [0x2] = 2, [0x3] = 4, [0x4] = 8,
					 [0x8] = 8, [0xa] = 2, [0xb] = 4, [0xc] = 8 };
	uint8_t format = encoding & ENCODING_FORMAT;

	if (encoding == ENCODING_OMIT)
		return;
	if (encoding == ENCODING_ALIGNED)
		cursor->failed = true;
	else if (format == 0x1 || format == 0x9)
		(void)get_leb(cursor);
	else if (format < sizeof(sizes) && sizes[format] != 0)
		skip(cursor, sizes[format]);
	else
		cursor->failed = true;
}

/*
 * The beginning of a CIE or FDE: where it ends is in *@cursor. The 64-bit form is for tables of 4
 * GiB. Returns the word that tells the one from the other.
 */
static uint32_t open_entry(struct cursor *cursor)
{
	uint64_t size;

	cursor->end = UINT64_MAX;
	size = get_number(cursor, 4);
	if (size < 4 || size >= 0xfffffff0)
		cursor->failed = true;
	cursor->end = cursor->at + size;
	if (cursor->end < cursor->at)
		cursor->failed = true;
	return (uint32_t)get_number(cursor, 4);
}

/*
 * Expressions (DWARF 7.7.1), without those that divide, jump, call, or name what is not a register.
 */
static enum operand expression_operand(uint8_t opcode)
{
	static const uint8_t operands[] = {
		[0x03] = BYTE8, [0x06] = NONE,	[0x08] = BYTE1, [0x09] = BYTE1, [0x0a] = BYTE2,
		[0x0b] = BYTE2, [0x0c] = BYTE4, [0x0d] = BYTE4, [0x0e] = BYTE8, [0x0f] = BYTE8,
		[0x10] = LEB,	[0x11] = LEB,	[0x12] = NONE,	[0x13] = NONE,	[0x14] = NONE,
		[0x15] = BYTE1, [0x16] = NONE,	[0x17] = NONE,	[0x19] = NONE,	[0x1a] = NONE,
		[0x1c] = NONE,	[0x1e] = NONE,	[0x1f] = NONE,	[0x20] = NONE,	[0x21] = NONE,
		[0x22] = NONE,	[0x23] = LEB,	[0x24] = NONE,	[0x25] = NONE,	[0x26] = NONE,
		[0x27] = NONE,	[0x29] = NONE,	[0x2a] = NONE,	[0x2b] = NONE,	[0x2c] = NONE,
		[0x2d] = NONE,	[0x2e] = NONE,
	};

	if (opcode < sizeof(operands))
		return (enum operand)operands[opcode];
	if (opcode >= 0x30 && opcode <= 0x4f) /* literals */
		return NONE;
	if (opcode >= 0x70 && opcode <= 0x8f) /* register and offset */
		return LEB;
	return opcode == 0x94 ? BYTE1 : BAD; /* dereference so many bytes */
}

static void skip_plain(struct cursor *cursor, enum operand operand)
{
	switch (operand) {
	case BYTE1:
	case BYTE2:
	case BYTE4:
	case BYTE8:
		skip(cursor, 1ull << (operand - BYTE1));
		break;
	case LEB2:
		(void)get_leb(cursor);
		(void)get_leb(cursor);
		break;
	case LEB:
		(void)get_leb(cursor);
		break;
	case NONE:
		break;
	default:
		cursor->failed = true;
	}
}

static void check_expression(struct cursor *cursor)
{
	uint64_t size = get_leb(cursor), end = cursor->at + size;

	if (size > cursor->end - cursor->at)
		cursor->failed = true;
	while (!cursor->failed && cursor->at < end)
		skip_plain(cursor, expression_operand(get_byte(cursor)));
	if (cursor->at != end)
		cursor->failed = true;
}

/* Instructions (DWARF 7.24) that have no operand in the opcode itself, and GNU's. */
static enum operand instruction_operand(uint8_t opcode)
{
	static const uint8_t operands[] = {
		[0x00] = NONE,	    [0x01] = POINTER,	[0x02] = BYTE1, [0x03] = BYTE2,
		[0x04] = BYTE4,	    [0x05] = LEB2,	[0x06] = LEB,	[0x07] = LEB,
		[0x08] = LEB,	    [0x09] = REGISTERS, [0x0a] = NONE,	[0x0b] = NONE,
		[0x0c] = LEB2,	    [0x0d] = LEB,	[0x0e] = LEB,	[0x0f] = BLOCK,
		[0x10] = LEB_BLOCK, [0x11] = LEB2,	[0x12] = LEB2,	[0x13] = LEB,
		[0x16] = LEB_BLOCK, [0x2e] = LEB,
	};

	return opcode < sizeof(operands) ? (enum operand)operands[opcode] : BAD;
}

static void check_instruction(struct cursor *cursor, const struct arch *arch, uint8_t encoding)
{
	uint8_t opcode = get_byte(cursor);
	enum operand operand;

	if (opcode >= 0x40) { /* advance, offset, restore */
		skip_plain(cursor, opcode >> 6 == 2 ? LEB : NONE);
		return;
	}
	operand = instruction_operand(opcode);
	if (operand == REGISTERS) {
		(void)get_leb(cursor);
		if (get_leb(cursor) >= arch->dwarf_reg_count)
			cursor->failed = true;
	} else if (operand == POINTER) {
		skip_pointer(cursor, encoding);
	} else if (operand == BLOCK) {
		check_expression(cursor);
	} else if (operand == LEB_BLOCK) {
		(void)get_leb(cursor);
		check_expression(cursor);
	} else {
		skip_plain(cursor, operand);
	}
}

static void check_instructions(struct cursor *cursor, const struct arch *arch, uint8_t encoding)
{
	while (!cursor->failed && cursor->at < cursor->end)
		check_instruction(cursor, arch, encoding);
}

/* What the letters of the augmentation say (LSB 10.6.1.1.1). */
static void read_augmentation(struct cursor *cursor, const char *letters, struct cie *ret)
{
	uint64_t end;

	if (letters[0] == '\0')
		return;
	ret->sized = letters[0] == 'z';
	end = get_leb(cursor) + cursor->at;
	if (!ret->sized || end < cursor->at || end > cursor->end)
		cursor->failed = true;
	for (letters++; !cursor->failed && *letters != '\0'; letters++) {
		if (*letters == 'R')
			ret->encoding = get_byte(cursor);
		else if (*letters == 'L')
			(void)get_byte(cursor);
		else if (*letters == 'P')
			skip_pointer(cursor, get_byte(cursor));
		else if (*letters != 'S' && *letters != 'B') /* a signal frame; signed returns */
			cursor->failed = true;
	}
	if (cursor->at > end)
		cursor->failed = true;
	else if (!cursor->failed)
		cursor->at = end;
}

static bool verify_cie(struct unwind_memory *memory, const struct arch *arch, uint64_t address,
		       struct cie *ret)
{
	struct cursor cursor = { .memory = memory, .at = address };
	char letters[8] = "";
	uint8_t version;

	*ret = (struct cie){ 0 };
	if (open_entry(&cursor) != 0)
		return false;
	version = get_byte(&cursor);
	for (size_t i = 0; !cursor.failed; i++) {
		if (i == sizeof(letters))
			return false;
		letters[i] = (char)get_byte(&cursor);
		if (letters[i] == '\0')
			break;
	}
	(void)get_leb(&cursor); /* alignment of code, of data */
	(void)get_leb(&cursor);
	ret->column = version == 1 ? get_byte(&cursor) : get_leb(&cursor);
	if (cursor.failed || (version != 1 && version != 3) || ret->column >= arch->dwarf_reg_count)
		return false;
	read_augmentation(&cursor, letters, ret);
	check_instructions(&cursor, arch, ret->encoding);
	return !cursor.failed;
}

bool unwind_verify(struct unwind_memory *memory, const struct arch *arch, uint64_t address)
{
	struct cursor cursor = { .memory = memory, .at = address };
	uint32_t distance = open_entry(&cursor);
	struct cie cie;

	if (cursor.failed || distance == 0 ||
	    !verify_cie(memory, arch, address + 4 - distance, &cie))
		return false;
	skip_pointer(&cursor, cie.encoding);
	skip_pointer(&cursor, cie.encoding & ENCODING_FORMAT);
	if (cie.sized)
		skip(&cursor, get_leb(&cursor));
	check_instructions(&cursor, arch, cie.encoding);
	return !cursor.failed;
}

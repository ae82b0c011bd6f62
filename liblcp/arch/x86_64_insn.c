/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Instructions of x86-64: how long they are, where they go on, and which four bytes of them count
 * from their end. It knows no operands and no meanings.
 *
 * "SDM" is the Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2: chapter 2
 * has the formats, appendix A the opcode maps. What is invalid in 64-bit mode, what only a kernel
 * may run and has a format of its own, and what compilers have no use for (XOP, 3DNow!, SSE4a,
 * APX) is unknown here.
 */
#include "arch/x86_64.h"

#include "base/num.h"

#define MAX_INSTRUCTION 15

/* What follows an opcode. The tables below have one letter for each opcode. */
enum format {
	UNKNOWN = '?',
	PLAIN = '.', /* nothing */
	MODRM = 'm', /* ModR/M, and the SIB byte and displacement it asks for */
	MODRM_IMM8 = 'b',
	MODRM_IMMZ = 'z', /* imm16 with the prefix 66, else imm32 */
	MODRM_TEST8 = 't', /* imm8 if ModR/M.reg is 0 or 1 (test) */
	MODRM_TESTZ = 'T', /* immz, likewise */
	IMM8 = 'i',
	IMM16 = 'w',
	IMMZ = 'I',
	IMMV = 'v', /* imm64 with REX.W, else immz */
	IMM24 = 'e', /* enter: imm16, imm8 */
	MOFFS = 'o', /* an address */
	REL8 = 'j',
	REL32 = 'J',
};

/* SDM tables A-2: one-byte opcodes. Prefixes and escapes are taken off before. */
static const char one_byte[] = "mmmmiI??mmmmiI??" /* 00: add, or */
			       "mmmmiI??mmmmiI??" /* 10: adc, sbb */
			       "mmmmiI??mmmmiI??" /* 20: and, sub */
			       "mmmmiI??mmmmiI??" /* 30: xor, cmp */
			       "????????????????" /* 40: REX */
			       "................" /* 50: push, pop */
			       "???m????Izib...." /* 60: movsxd, push, imul, ins, outs */
			       "jjjjjjjjjjjjjjjj" /* 70: jcc */
			       "bz?bmmmmmmmmmmmm" /* 80: group 1, test, xchg, mov, lea, pop */
			       "..........?....." /* 90: xchg, cwd, fwait, pushf */
			       "oooo....iI......" /* a0: mov, movs, test, stos, scas */
			       "iiiiiiiivvvvvvvv" /* b0: mov */
			       "bbw.??bze.w..i?." /* c0: shifts, ret, mov, enter, leave, int */
			       "mmmm???.mmmmmmmm" /* d0: shifts, xlat, x87 */
			       "jjjjiiiiJJ?j...." /* e0: loop, in, out, call, jmp */
			       "?.??..tT......mm"; /* f0: hlt, groups 3, 4 and 5 */

/* SDM tables A-3: opcodes behind 0f. */
static const char two_byte[] = "mmmm?.....?.?m??" /* 00: groups 6 and 7, syscall, ud2, prefetchw */
			       "mmmmmmmmmmmmmmmm" /* 10: movups, prefetch, nop, endbr64 */
			       "????????mmmmmmmm" /* 20: movaps, cvt, ucomiss */
			       "......?.????????" /* 30: rdtsc, rdpmc */
			       "mmmmmmmmmmmmmmmm" /* 40: cmov */
			       "mmmmmmmmmmmmmmmm" /* 50: SSE, MMX */
			       "mmmmmmmmmmmmmmmm" /* 60 */
			       "bbbbmmm.????mmmm" /* 70: pshufw, groups 12 to 14, emms */
			       "JJJJJJJJJJJJJJJJ" /* 80: jcc */
			       "mmmmmmmmmmmmmmmm" /* 90: setcc */
			       "...mbm??...mbmmm" /* a0: cpuid, bt, shld, shrd, group 15, imul */
			       "mmmmmmmmmmbmmmmm" /* b0: cmpxchg, movzx, popcnt, ud1, bsf, movsx */
			       "mmbmbbbm........" /* c0: xadd, cmpps, pinsrw, group 9, bswap */
			       "mmmmmmmmmmmmmmmm" /* d0: MMX, SSE2 */
			       "mmmmmmmmmmmmmmmm" /* e0 */
			       "mmmmmmmmmmmmmmm?"; /* f0 */

/* SDM 2.1.2, 2.3.5.6, 2.7.1: which opcode map an escape or the field mmmmm leads to. */
enum map {
	MAP_ONE_BYTE,
	MAP_0F,
	MAP_0F38,
	MAP_0F3A,
	MAP_5 = 5, /* AVX512-FP16 */
	MAP_6 = 6,
};

struct reader {
	const uint8_t *code;
	size_t size;
	size_t at;
	bool cut; /* more was read than there is */

	bool operand16; /* 66 */
	bool address32; /* 67 */
	bool other_prefix; /* f0, f2, f3: with 66, what VEX and EVEX do not allow */
	uint8_t rex;
	enum map map;
	uint8_t opcode;
	uint8_t modrm;
};

static uint8_t next_byte(struct reader *reader)
{
	if (reader->at < reader->size)
		return reader->code[reader->at++];
	reader->cut = true;
	return 0;
}

static uint8_t peek(const struct reader *reader)
{
	return reader->at < reader->size ? reader->code[reader->at] : 0;
}

/* SDM 2.1.1 and 2.2.1. A REX prefix counts only right before the opcode. */
static void read_prefixes(struct reader *reader)
{
	for (;; reader->at++) {
		switch (peek(reader)) {
		case 0x66:
			reader->operand16 = true;
			continue;
		case 0x67:
			reader->address32 = true;
			continue;
		case 0xf0:
		case 0xf2:
		case 0xf3:
			reader->other_prefix = true;
			continue;
		case 0x26: /* segments */
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0x64:
		case 0x65:
			continue;
		default:
			break;
		}
		break;
	}
	if ((peek(reader) & 0xf0) == 0x40)
		reader->rex = next_byte(reader);
}

/*
 * Opcodes of VEX and EVEX, by their entries in the SDM: all of map 0f3a have an imm8, and of map
 * 0f those that have one without VEX. 77 is vzeroupper.
 */
static enum format vex_format(const struct reader *reader)
{
	enum format legacy = (enum format)two_byte[reader->opcode];

	if (reader->operand16 || reader->other_prefix || reader->rex != 0)
		return UNKNOWN;
	if (reader->map != MAP_0F)
		return reader->map == MAP_0F3A ? MODRM_IMM8 : MODRM;
	switch (legacy) {
	case PLAIN:
		return reader->opcode == 0x77 ? PLAIN : UNKNOWN;
	case MODRM_IMM8:
		return MODRM_IMM8;
	case REL32:
		return UNKNOWN;
	default:
		return MODRM;
	}
}

/* SDM 2.3.5: c5 and one byte, c4 and two. */
static enum format read_vex(struct reader *reader, uint8_t first)
{
	reader->map = first == 0xc5 ? MAP_0F : next_byte(reader) & 0x1f;
	(void)next_byte(reader);
	reader->opcode = next_byte(reader);
	if (reader->map < MAP_0F || reader->map > MAP_0F3A)
		return UNKNOWN;
	return vex_format(reader);
}

/* SDM 2.7.1: 62 and three bytes. Bits that APX has other uses for must be as before it. */
static enum format read_evex(struct reader *reader)
{
	uint8_t first = next_byte(reader), second = next_byte(reader);

	(void)next_byte(reader);
	reader->opcode = next_byte(reader);
	reader->map = first & 7;
	if ((first & 8) != 0 || (second & 4) == 0 || reader->map == MAP_ONE_BYTE ||
	    reader->map == 4 || reader->map > MAP_6)
		return UNKNOWN;
	return vex_format(reader);
}

/* All of map 0f38 have ModR/M, all of 0f3a an imm8 behind it (SDM tables ). */
static enum format read_opcode(struct reader *reader)
{
	uint8_t first = next_byte(reader);

	switch (first) {
	case 0xc4:
	case 0xc5:
		return read_vex(reader, first);
	case 0x62:
		return read_evex(reader);
	case 0x0f:
		break;
	default:
		reader->opcode = first;
		return (enum format)one_byte[first];
	}
	reader->map = MAP_0F;
	reader->opcode = next_byte(reader);
	if (reader->opcode != 0x38 && reader->opcode != 0x3a)
		return (enum format)two_byte[reader->opcode];
	reader->map = reader->opcode == 0x38 ? MAP_0F38 : MAP_0F3A;
	reader->opcode = next_byte(reader);
	return reader->map == MAP_0F38 ? MODRM : MODRM_IMM8;
}

/*
 * SDM 2.1.5 table 2-2 and 2.2.1.6 (RIP-relative). With the prefix 67 such an address is cut to 32
 * bits; compilers for x32 may write it, and nobody else.
 */
static bool read_modrm(struct reader *reader, struct x86_64_insn *insn)
{
	uint8_t mod, rm, base;

	insn->modrm = (uint8_t)reader->at;
	reader->modrm = next_byte(reader);
	mod = reader->modrm >> 6;
	rm = reader->modrm & 7;
	if (mod == 3)
		return true;
	base = rm == 4 ? next_byte(reader) & 7 : rm;
	if (mod == 0 && rm == 5) {
		insn->field = (uint8_t)reader->at;
		insn->field_size = 4;
	}
	if (mod == 1)
		reader->at += 1;
	else if (mod == 2 || base == 5)
		reader->at += 4;
	return insn->field == 0 || !reader->address32;
}

/* SDM 2.1.5: in groups ModR/M.reg chooses the instruction, and not all of them exist. */
static bool is_in_group(const struct reader *reader)
{
	uint8_t reg = reader->modrm >> 3 & 7;

	if (reader->map != MAP_ONE_BYTE)
		return true;
	switch (reader->opcode) {
	case 0x8f:
		return reg == 0;
	case 0xc6: /* and xabort */
	case 0xc7: /* and xbegin */
		return reg == 0 || reader->modrm == 0xf8;
	case 0xfe:
		return reg <= 1;
	case 0xff:
		return reg <= 6;
	default:
		return true;
	}
}

static bool has_modrm(enum format format)
{
	return format == MODRM || format == MODRM_IMM8 || format == MODRM_IMMZ ||
	       format == MODRM_TEST8 || format == MODRM_TESTZ;
}

/* The immediate behind ModR/M. Of group 3, only test has one. */
static enum format immediate_of(const struct reader *reader, enum format format)
{
	bool test = (reader->modrm & 0x30) == 0;

	switch (format) {
	case MODRM_IMM8:
		return IMM8;
	case MODRM_IMMZ:
		return IMMZ;
	case MODRM_TEST8:
		return test ? IMM8 : PLAIN;
	case MODRM_TESTZ:
		return test ? IMMZ : PLAIN;
	default:
		return format;
	}
}

/* SDM 2.2.1.5: 66 makes immediates of 32 bits shorter, unless REX.W overrides it. */
static size_t immediate_size(const struct reader *reader, enum format format)
{
	bool wide = (reader->rex & 8) != 0;
	size_t z = reader->operand16 && !wide ? 2 : 4;

	switch (immediate_of(reader, format)) {
	case IMM8:
	case REL8:
		return 1;
	case IMM16:
		return 2;
	case IMM24:
		return 3;
	case REL32:
		return 4;
	case IMMZ:
		return z;
	case IMMV:
		return wide ? 8 : z;
	case MOFFS:
		return reader->address32 ? 4 : 8;
	default:
		return 0;
	}
}

/* Group 5: inc, dec, call, far call, jmp, far jmp, push. */
static enum flow group5_flow(const struct reader *reader)
{
	switch (reader->modrm >> 3 & 7) {
	case 2:
	case 3:
		return FLOW_CALL;
	case 4:
	case 5:
		return FLOW_JUMP_INDIRECT;
	default:
		return FLOW_NEXT;
	}
}

static enum flow branch_flow(const struct reader *reader)
{
	if (reader->map == MAP_0F)
		return FLOW_CONDITIONAL;
	switch (reader->opcode) {
	case 0xe8:
		return FLOW_CALL;
	case 0xe9:
	case 0xeb:
		return FLOW_JUMP;
	default:
		return FLOW_CONDITIONAL;
	}
}

static enum flow other_flow(const struct reader *reader)
{
	if (reader->map != MAP_ONE_BYTE)
		return FLOW_NEXT;
	switch (reader->opcode) {
	case 0xc2:
	case 0xc3:
	case 0xca: /* far */
	case 0xcb:
	case 0xcf: /* iret */
		return FLOW_RETURN;
	case 0xff:
		return group5_flow(reader);
	default:
		return FLOW_NEXT;
	}
}

/*
 * Where the bytes that count from the instruction's end are, and where it goes on. A branch with
 * 66 and without REX.W is refused: AMD's processors cut its target to 16 bits, Intel's do not
 * (SDM, "Jcc" and "CALL"; AMD64 Architecture Programmer's Manual 3, the same).
 */
static bool find_flow(const struct reader *reader, enum format format, struct x86_64_insn *insn)
{
	size_t immediate = immediate_size(reader, format);
	bool xbegin = reader->map == MAP_ONE_BYTE && reader->opcode == 0xc7 &&
		      reader->modrm == 0xf8;

	if (format != REL8 && format != REL32 && !xbegin) {
		insn->flow = (uint8_t)other_flow(reader);
		return true;
	}
	insn->flow = (uint8_t)(xbegin ? FLOW_CONDITIONAL : branch_flow(reader));
	insn->field = (uint8_t)(reader->at - immediate);
	insn->field_size = (uint8_t)immediate;
	return !reader->operand16 || (reader->rex & 8) != 0;
}

bool x86_64_decode(const uint8_t *code, size_t size, struct x86_64_insn *ret)
{
	struct reader reader = { .code = code, .size = size };
	struct x86_64_insn insn = {};
	enum format format;

	if (reader.size > MAX_INSTRUCTION)
		reader.size = MAX_INSTRUCTION;
	read_prefixes(&reader);
	format = read_opcode(&reader);
	if (format == UNKNOWN)
		return false;
	if (has_modrm(format) && (!read_modrm(&reader, &insn) || !is_in_group(&reader)))
		return false;
	reader.at += immediate_size(&reader, format);
	if (reader.cut || reader.at > reader.size || !find_flow(&reader, format, &insn))
		return false;
	insn.size = (uint8_t)reader.at;
	insn.opcode = reader.opcode;
	*ret = insn;
	return true;
}

uint64_t x86_64_field_target(const struct x86_64_insn *insn, const uint8_t *code, uint64_t at)
{
	const uint8_t *field = code + insn->field;
	int64_t distance = insn->field_size == 1 ? (int8_t)*field : (int32_t)get_le32(field);

	return at + insn->size + (uint64_t)distance;
}

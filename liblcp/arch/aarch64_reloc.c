/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Relocations of aarch64. "AAELF64" below is ELF for the Arm 64-bit Architecture, section 5.7.
 *
 * A form says how a value becomes a field of an instruction; the same few forms serve addresses,
 * GOT slots and TLS offsets alike. Left out are relocations that neither gas nor llvm-mc writes
 * for an operand (TLSLD_MOVW_*, TLSLD_LD_PREL19, most of MOVW_GOTOFF_*, GOTREL*).
 */
#include "arch/aarch64.h"

#include <elf.h>
#include <errno.h>

#include "arch/common.h"
#include "base/num.h"

/* Newer than the <elf.h> of some systems; 256 is an old number of R_AARCH64_NONE. */
#ifndef R_AARCH64_PLT32
#define R_AARCH64_PLT32 314
#endif
#define R_AARCH64_NULL 256

#define PAGE_MASK (~UINT64_C(0xfff))

enum field {
	FIELD_DATA, /* not an instruction, all bytes */
	FIELD_ADR, /* low two bits at 29, the others at 5 */
	FIELD_IMM12, /* add, ldr, str */
	FIELD_IMM14, /* tbz, tbnz */
	FIELD_IMM16, /* movz, movk */
	FIELD_IMM16_SIGNED, /* movz, or movn with the complement */
	FIELD_IMM19, /* ldr, b.cond, cbz */
	FIELD_IMM26, /* b, bl */
};

enum from {
	FROM_ZERO,
	FROM_PLACE,
	FROM_PAGE, /* the distance of the value's page from that of the place */
};

struct form {
	uint8_t field;
	uint8_t from;
	uint8_t check; /* enum reloc_check, for struct reloc_type's bits */
	uint8_t low; /* the value's bit that becomes the field's lowest */
	uint8_t width; /* how many of its bits the field takes */
	uint8_t zeros; /* how many of the value's low bits have to be 0 */
};

enum {
	DATA,
	DATA_PREL,
	ADR,
	ADRP,
	LO12, /* add, and ldr and str of a byte */
	LO12_16, /* ldr and str of 16 bits; and so on */
	LO12_32,
	LO12_64,
	LO12_128,
	LO15_64,
	HI12,
	MOVW_G0,
	MOVW_G1,
	MOVW_G2,
	MOVW_G3,
	MOVW_G0_SIGNED,
	MOVW_G1_SIGNED,
	MOVW_G2_SIGNED,
	MOVW_G0_PREL,
	MOVW_G1_PREL,
	MOVW_G2_PREL,
	MOVW_G0_PREL_SIGNED,
	MOVW_G1_PREL_SIGNED,
	MOVW_G2_PREL_SIGNED,
	MOVW_G3_PREL_SIGNED,
	DISTANCE14, /* in instructions */
	DISTANCE19,
	DISTANCE26,
};

/*
 * AAELF64 lets PREL32 and PREL16 be unsigned too; ld does not, and who reads them (.eh_frame, jump
 * tables, relative pointers) extends their sign. The zeros of ldr and str are lld's rule: AAELF64
 * says which bits go in, and the CPU has nowhere to put the others.
 */
static const struct form forms[] = {
	[DATA] = { FIELD_DATA, FROM_ZERO, RELOC_EITHER, 0, 0, 0 },
	[DATA_PREL] = { FIELD_DATA, FROM_PLACE, RELOC_SIGNED, 0, 0, 0 },
	[ADR] = { FIELD_ADR, FROM_PLACE, RELOC_SIGNED, 0, 21, 0 },
	[ADRP] = { FIELD_ADR, FROM_PAGE, RELOC_SIGNED, 12, 21, 0 },
	[LO12] = { FIELD_IMM12, FROM_ZERO, RELOC_UNSIGNED, 0, 12, 0 },
	[LO12_16] = { FIELD_IMM12, FROM_ZERO, RELOC_UNSIGNED, 1, 11, 1 },
	[LO12_32] = { FIELD_IMM12, FROM_ZERO, RELOC_UNSIGNED, 2, 10, 2 },
	[LO12_64] = { FIELD_IMM12, FROM_ZERO, RELOC_UNSIGNED, 3, 9, 3 },
	[LO12_128] = { FIELD_IMM12, FROM_ZERO, RELOC_UNSIGNED, 4, 8, 4 },
	[LO15_64] = { FIELD_IMM12, FROM_ZERO, RELOC_UNSIGNED, 3, 12, 3 },
	[HI12] = { FIELD_IMM12, FROM_ZERO, RELOC_UNSIGNED, 12, 12, 0 },
	[MOVW_G0] = { FIELD_IMM16, FROM_ZERO, RELOC_UNSIGNED, 0, 16, 0 },
	[MOVW_G1] = { FIELD_IMM16, FROM_ZERO, RELOC_UNSIGNED, 16, 16, 0 },
	[MOVW_G2] = { FIELD_IMM16, FROM_ZERO, RELOC_UNSIGNED, 32, 16, 0 },
	[MOVW_G3] = { FIELD_IMM16, FROM_ZERO, RELOC_UNSIGNED, 48, 16, 0 },
	[MOVW_G0_SIGNED] = { FIELD_IMM16_SIGNED, FROM_ZERO, RELOC_SIGNED, 0, 16, 0 },
	[MOVW_G1_SIGNED] = { FIELD_IMM16_SIGNED, FROM_ZERO, RELOC_SIGNED, 16, 16, 0 },
	[MOVW_G2_SIGNED] = { FIELD_IMM16_SIGNED, FROM_ZERO, RELOC_SIGNED, 32, 16, 0 },
	[MOVW_G0_PREL] = { FIELD_IMM16, FROM_PLACE, RELOC_SIGNED, 0, 16, 0 },
	[MOVW_G1_PREL] = { FIELD_IMM16, FROM_PLACE, RELOC_SIGNED, 16, 16, 0 },
	[MOVW_G2_PREL] = { FIELD_IMM16, FROM_PLACE, RELOC_SIGNED, 32, 16, 0 },
	[MOVW_G0_PREL_SIGNED] = { FIELD_IMM16_SIGNED, FROM_PLACE, RELOC_SIGNED, 0, 16, 0 },
	[MOVW_G1_PREL_SIGNED] = { FIELD_IMM16_SIGNED, FROM_PLACE, RELOC_SIGNED, 16, 16, 0 },
	[MOVW_G2_PREL_SIGNED] = { FIELD_IMM16_SIGNED, FROM_PLACE, RELOC_SIGNED, 32, 16, 0 },
	[MOVW_G3_PREL_SIGNED] = { FIELD_IMM16_SIGNED, FROM_PLACE, RELOC_SIGNED, 48, 16, 0 },
	[DISTANCE14] = { FIELD_IMM14, FROM_PLACE, RELOC_SIGNED, 2, 14, 2 },
	[DISTANCE19] = { FIELD_IMM19, FROM_PLACE, RELOC_SIGNED, 2, 19, 2 },
	[DISTANCE26] = { FIELD_IMM26, FROM_PLACE, RELOC_SIGNED, 2, 26, 2 },
};

#define DATA_RELOC(name, need, size, form, bits)                             \
	{                                                                    \
		R_AARCH64_##name, need, size, form, bits, "R_AARCH64_" #name \
	}
#define CODE_RELOC(name, need, form, bits)                                \
	{                                                                 \
		R_AARCH64_##name, need, 4, form, bits, "R_AARCH64_" #name \
	}
#define MARKER(name)                                                            \
	{                                                                       \
		R_AARCH64_##name, RELOC_NOTHING, 0, DATA, 0, "R_AARCH64_" #name \
	}

/*
 * The bits are those of AAELF64's "check that -2^n <= X < 2^m"; a signed value of n bits reaches
 * from -2^(n-1), so movz and movn of 16 bits take 17.
 */
const struct reloc_type aarch64_relocs[AARCH64_RELOC_COUNT] = {
	MARKER(NONE),
	MARKER(NULL),
	DATA_RELOC(ABS64, RELOC_ADDRESS, 8, DATA, 0),
	DATA_RELOC(ABS32, RELOC_ADDRESS, 4, DATA, 32),
	DATA_RELOC(ABS16, RELOC_ADDRESS, 2, DATA, 16),
	DATA_RELOC(PREL64, RELOC_ADDRESS, 8, DATA_PREL, 0),
	DATA_RELOC(PREL32, RELOC_ADDRESS, 4, DATA_PREL, 32),
	DATA_RELOC(PREL16, RELOC_ADDRESS, 2, DATA_PREL, 16),
	CODE_RELOC(MOVW_UABS_G0, RELOC_ADDRESS, MOVW_G0, 16),
	CODE_RELOC(MOVW_UABS_G0_NC, RELOC_ADDRESS, MOVW_G0, 0),
	CODE_RELOC(MOVW_UABS_G1, RELOC_ADDRESS, MOVW_G1, 32),
	CODE_RELOC(MOVW_UABS_G1_NC, RELOC_ADDRESS, MOVW_G1, 0),
	CODE_RELOC(MOVW_UABS_G2, RELOC_ADDRESS, MOVW_G2, 48),
	CODE_RELOC(MOVW_UABS_G2_NC, RELOC_ADDRESS, MOVW_G2, 0),
	CODE_RELOC(MOVW_UABS_G3, RELOC_ADDRESS, MOVW_G3, 0),
	CODE_RELOC(MOVW_SABS_G0, RELOC_ADDRESS, MOVW_G0_SIGNED, 17),
	CODE_RELOC(MOVW_SABS_G1, RELOC_ADDRESS, MOVW_G1_SIGNED, 33),
	CODE_RELOC(MOVW_SABS_G2, RELOC_ADDRESS, MOVW_G2_SIGNED, 49),
	CODE_RELOC(LD_PREL_LO19, RELOC_ADDRESS, DISTANCE19, 21),
	CODE_RELOC(ADR_PREL_LO21, RELOC_ADDRESS, ADR, 21),
	CODE_RELOC(ADR_PREL_PG_HI21, RELOC_ADDRESS, ADRP, 33),
	CODE_RELOC(ADR_PREL_PG_HI21_NC, RELOC_ADDRESS, ADRP, 0),
	CODE_RELOC(ADD_ABS_LO12_NC, RELOC_ADDRESS, LO12, 0),
	CODE_RELOC(LDST8_ABS_LO12_NC, RELOC_ADDRESS, LO12, 0),
	CODE_RELOC(TSTBR14, RELOC_ADDRESS, DISTANCE14, 16),
	CODE_RELOC(CONDBR19, RELOC_ADDRESS, DISTANCE19, 21),
	CODE_RELOC(JUMP26, RELOC_CALL, DISTANCE26, 28),
	CODE_RELOC(CALL26, RELOC_CALL, DISTANCE26, 28),
	CODE_RELOC(LDST16_ABS_LO12_NC, RELOC_ADDRESS, LO12_16, 0),
	CODE_RELOC(LDST32_ABS_LO12_NC, RELOC_ADDRESS, LO12_32, 0),
	CODE_RELOC(LDST64_ABS_LO12_NC, RELOC_ADDRESS, LO12_64, 0),
	CODE_RELOC(MOVW_PREL_G0, RELOC_ADDRESS, MOVW_G0_PREL_SIGNED, 17),
	CODE_RELOC(MOVW_PREL_G0_NC, RELOC_ADDRESS, MOVW_G0_PREL, 0),
	CODE_RELOC(MOVW_PREL_G1, RELOC_ADDRESS, MOVW_G1_PREL_SIGNED, 33),
	CODE_RELOC(MOVW_PREL_G1_NC, RELOC_ADDRESS, MOVW_G1_PREL, 0),
	CODE_RELOC(MOVW_PREL_G2, RELOC_ADDRESS, MOVW_G2_PREL_SIGNED, 49),
	CODE_RELOC(MOVW_PREL_G2_NC, RELOC_ADDRESS, MOVW_G2_PREL, 0),
	CODE_RELOC(MOVW_PREL_G3, RELOC_ADDRESS, MOVW_G3_PREL_SIGNED, 0),
	CODE_RELOC(LDST128_ABS_LO12_NC, RELOC_ADDRESS, LO12_128, 0),
	CODE_RELOC(MOVW_GOTOFF_G0_NC, RELOC_GOT_SLOT_OFFSET, MOVW_G0, 0),
	CODE_RELOC(MOVW_GOTOFF_G1, RELOC_GOT_SLOT_OFFSET, MOVW_G1_SIGNED, 33),
	CODE_RELOC(GOT_LD_PREL19, RELOC_GOT_SLOT, DISTANCE19, 21),
	CODE_RELOC(LD64_GOTOFF_LO15, RELOC_GOT_SLOT_OFFSET, LO15_64, 15),
	CODE_RELOC(ADR_GOT_PAGE, RELOC_GOT_SLOT, ADRP, 33),
	CODE_RELOC(LD64_GOT_LO12_NC, RELOC_GOT_SLOT, LO12_64, 0),
	CODE_RELOC(LD64_GOTPAGE_LO15, RELOC_GOT_SLOT_PAGE_OFFSET, LO15_64, 15),
	DATA_RELOC(PLT32, RELOC_CALL, 4, DATA_PREL, 32),
	CODE_RELOC(TLSGD_ADR_PREL21, RELOC_TLS_PAIR, ADR, 21),
	CODE_RELOC(TLSGD_ADR_PAGE21, RELOC_TLS_PAIR, ADRP, 33),
	CODE_RELOC(TLSGD_ADD_LO12_NC, RELOC_TLS_PAIR, LO12, 0),
	CODE_RELOC(TLSGD_MOVW_G1, RELOC_TLS_PAIR_OFFSET, MOVW_G1_SIGNED, 33),
	CODE_RELOC(TLSGD_MOVW_G0_NC, RELOC_TLS_PAIR_OFFSET, MOVW_G0, 0),
	CODE_RELOC(TLSLD_ADR_PREL21, RELOC_TLS_MODULE, ADR, 21),
	CODE_RELOC(TLSLD_ADR_PAGE21, RELOC_TLS_MODULE, ADRP, 33),
	CODE_RELOC(TLSLD_ADD_LO12_NC, RELOC_TLS_MODULE, LO12, 0),
	CODE_RELOC(TLSLD_MOVW_DTPREL_G2, RELOC_TLS_IN_MODULE, MOVW_G2_SIGNED, 49),
	CODE_RELOC(TLSLD_MOVW_DTPREL_G1, RELOC_TLS_IN_MODULE, MOVW_G1_SIGNED, 33),
	CODE_RELOC(TLSLD_MOVW_DTPREL_G1_NC, RELOC_TLS_IN_MODULE, MOVW_G1, 0),
	CODE_RELOC(TLSLD_MOVW_DTPREL_G0, RELOC_TLS_IN_MODULE, MOVW_G0_SIGNED, 17),
	CODE_RELOC(TLSLD_MOVW_DTPREL_G0_NC, RELOC_TLS_IN_MODULE, MOVW_G0, 0),
	CODE_RELOC(TLSLD_ADD_DTPREL_HI12, RELOC_TLS_IN_MODULE, HI12, 24),
	CODE_RELOC(TLSLD_ADD_DTPREL_LO12, RELOC_TLS_IN_MODULE, LO12, 12),
	CODE_RELOC(TLSLD_ADD_DTPREL_LO12_NC, RELOC_TLS_IN_MODULE, LO12, 0),
	CODE_RELOC(TLSLD_LDST8_DTPREL_LO12, RELOC_TLS_IN_MODULE, LO12, 12),
	CODE_RELOC(TLSLD_LDST8_DTPREL_LO12_NC, RELOC_TLS_IN_MODULE, LO12, 0),
	CODE_RELOC(TLSLD_LDST16_DTPREL_LO12, RELOC_TLS_IN_MODULE, LO12_16, 12),
	CODE_RELOC(TLSLD_LDST16_DTPREL_LO12_NC, RELOC_TLS_IN_MODULE, LO12_16, 0),
	CODE_RELOC(TLSLD_LDST32_DTPREL_LO12, RELOC_TLS_IN_MODULE, LO12_32, 12),
	CODE_RELOC(TLSLD_LDST32_DTPREL_LO12_NC, RELOC_TLS_IN_MODULE, LO12_32, 0),
	CODE_RELOC(TLSLD_LDST64_DTPREL_LO12, RELOC_TLS_IN_MODULE, LO12_64, 12),
	CODE_RELOC(TLSLD_LDST64_DTPREL_LO12_NC, RELOC_TLS_IN_MODULE, LO12_64, 0),
	CODE_RELOC(TLSIE_MOVW_GOTTPREL_G1, RELOC_TLS_SLOT_OFFSET, MOVW_G1_SIGNED, 33),
	CODE_RELOC(TLSIE_MOVW_GOTTPREL_G0_NC, RELOC_TLS_SLOT_OFFSET, MOVW_G0, 0),
	CODE_RELOC(TLSIE_ADR_GOTTPREL_PAGE21, RELOC_TLS_SLOT, ADRP, 33),
	CODE_RELOC(TLSIE_LD64_GOTTPREL_LO12_NC, RELOC_TLS_SLOT, LO12_64, 0),
	CODE_RELOC(TLSIE_LD_GOTTPREL_PREL19, RELOC_TLS_SLOT, DISTANCE19, 21),
	CODE_RELOC(TLSLE_MOVW_TPREL_G2, RELOC_TLS_OFFSET, MOVW_G2_SIGNED, 49),
	CODE_RELOC(TLSLE_MOVW_TPREL_G1, RELOC_TLS_OFFSET, MOVW_G1_SIGNED, 33),
	CODE_RELOC(TLSLE_MOVW_TPREL_G1_NC, RELOC_TLS_OFFSET, MOVW_G1, 0),
	CODE_RELOC(TLSLE_MOVW_TPREL_G0, RELOC_TLS_OFFSET, MOVW_G0_SIGNED, 17),
	CODE_RELOC(TLSLE_MOVW_TPREL_G0_NC, RELOC_TLS_OFFSET, MOVW_G0, 0),
	CODE_RELOC(TLSLE_ADD_TPREL_HI12, RELOC_TLS_OFFSET, HI12, 24),
	CODE_RELOC(TLSLE_ADD_TPREL_LO12, RELOC_TLS_OFFSET, LO12, 12),
	CODE_RELOC(TLSLE_ADD_TPREL_LO12_NC, RELOC_TLS_OFFSET, LO12, 0),
	CODE_RELOC(TLSLE_LDST8_TPREL_LO12, RELOC_TLS_OFFSET, LO12, 12),
	CODE_RELOC(TLSLE_LDST8_TPREL_LO12_NC, RELOC_TLS_OFFSET, LO12, 0),
	CODE_RELOC(TLSLE_LDST16_TPREL_LO12, RELOC_TLS_OFFSET, LO12_16, 12),
	CODE_RELOC(TLSLE_LDST16_TPREL_LO12_NC, RELOC_TLS_OFFSET, LO12_16, 0),
	CODE_RELOC(TLSLE_LDST32_TPREL_LO12, RELOC_TLS_OFFSET, LO12_32, 12),
	CODE_RELOC(TLSLE_LDST32_TPREL_LO12_NC, RELOC_TLS_OFFSET, LO12_32, 0),
	CODE_RELOC(TLSLE_LDST64_TPREL_LO12, RELOC_TLS_OFFSET, LO12_64, 12),
	CODE_RELOC(TLSLE_LDST64_TPREL_LO12_NC, RELOC_TLS_OFFSET, LO12_64, 0),
	CODE_RELOC(TLSDESC_LD_PREL19, RELOC_TLS_DESCRIPTOR, DISTANCE19, 21),
	CODE_RELOC(TLSDESC_ADR_PREL21, RELOC_TLS_DESCRIPTOR, ADR, 21),
	CODE_RELOC(TLSDESC_ADR_PAGE21, RELOC_TLS_DESCRIPTOR, ADRP, 33),
	CODE_RELOC(TLSDESC_LD64_LO12, RELOC_TLS_DESCRIPTOR, LO12_64, 0),
	CODE_RELOC(TLSDESC_ADD_LO12, RELOC_TLS_DESCRIPTOR, LO12, 0),
	CODE_RELOC(TLSDESC_OFF_G1, RELOC_TLS_DESCRIPTOR_OFFSET, MOVW_G1_SIGNED, 33),
	CODE_RELOC(TLSDESC_OFF_G0_NC, RELOC_TLS_DESCRIPTOR_OFFSET, MOVW_G0, 0),
	MARKER(TLSDESC_LDR),
	MARKER(TLSDESC_ADD),
	MARKER(TLSDESC_CALL),
	CODE_RELOC(TLSLE_LDST128_TPREL_LO12, RELOC_TLS_OFFSET, LO12_128, 12),
	CODE_RELOC(TLSLE_LDST128_TPREL_LO12_NC, RELOC_TLS_OFFSET, LO12_128, 0),
	CODE_RELOC(TLSLD_LDST128_DTPREL_LO12, RELOC_TLS_IN_MODULE, LO12_128, 12),
	CODE_RELOC(TLSLD_LDST128_DTPREL_LO12_NC, RELOC_TLS_IN_MODULE, LO12_128, 0),
};

/* Choose between movz and movn by the sign; movk (bit 29) is the second half of either. */
static uint32_t choose_move(uint32_t instruction, uint64_t *value)
{
	const uint32_t movk = UINT32_C(1) << 29, movz = UINT32_C(1) << 30;

	if (instruction & movk)
		return instruction;
	if ((int64_t)*value >= 0)
		return instruction | movz;
	*value = ~*value;
	return instruction & ~movz;
}

static const struct {
	uint32_t mask;
	uint8_t shift;
} fields[] = {
	[FIELD_ADR] = { 0x60ffffe0, 5 },	  [FIELD_IMM12] = { 0x003ffc00, 10 },
	[FIELD_IMM14] = { 0x0007ffe0, 5 },	  [FIELD_IMM16] = { 0x001fffe0, 5 },
	[FIELD_IMM16_SIGNED] = { 0x001fffe0, 5 }, [FIELD_IMM19] = { 0x00ffffe0, 5 },
	[FIELD_IMM26] = { 0x03ffffff, 0 },
};

static uint32_t put_field(const struct form *form, uint32_t instruction, uint64_t value)
{
	uint32_t bits;

	if (form->field == FIELD_IMM16_SIGNED)
		instruction = choose_move(instruction, &value);
	bits = (uint32_t)(value >> form->low) & ((UINT32_C(1) << form->width) - 1);
	if (form->field == FIELD_ADR)
		bits = bits >> 2 | (bits & 3) << 24;
	return (instruction & ~fields[form->field].mask) | bits << fields[form->field].shift;
}

int aarch64_reloc_apply(const struct reloc_type *type, uint64_t place, uint64_t value,
			uint8_t *bytes)
{
	const struct form *form = &forms[type->form];

	if (form->from == FROM_PLACE)
		value -= place;
	else if (form->from == FROM_PAGE)
		value = (value & PAGE_MASK) - (place & PAGE_MASK);
	if (!reloc_fits(value, type->bits, form->check))
		return -ERANGE;
	if ((value & ((UINT64_C(1) << form->zeros) - 1)) != 0)
		return -ERANGE;

	if (form->field == FIELD_DATA)
		reloc_put_data(bytes, type->size, value);
	else
		put_le32(bytes, put_field(form, get_le32(bytes), value));
	return 0;
}

/*
 * adrp stays as it is and finds the page of the symbol instead of its slot's; ldr becomes add. To
 * register 31 ldr loads nothing where add would set sp. The other GOT forms have no twin that
 * reaches: GOT_LD_PREL19 would get +-1 MiB, LD64_GOTPAGE_LO15 shares its adrp with other symbols.
 */
const struct reloc_type *aarch64_reloc_relax(const struct reloc_type *type, uint8_t *code,
					     size_t size, size_t offset, size_t *ret_offset,
					     int64_t *ret_addend)
{
	uint32_t instruction;

	if (offset % 4 != 0 || !range_fits(offset, 4, size))
		return NULL;
	instruction = get_le32(code + offset);
	*ret_offset = offset;
	*ret_addend = 0;

	if (type->number == R_AARCH64_ADR_GOT_PAGE && (instruction & 0x9f000000) == 0x90000000)
		return arch_reloc_type(&arch_aarch64, R_AARCH64_ADR_PREL_PG_HI21);
	if (type->number == R_AARCH64_LD64_GOT_LO12_NC &&
	    (instruction & 0xffc00000) == 0xf9400000 && (instruction & 0x1f) != 31) {
		put_le32(code + offset, 0x91000000 | (instruction & 0x3ff));
		return arch_reloc_type(&arch_aarch64, R_AARCH64_ADD_ABS_LO12_NC);
	}
	return NULL;
}

/*
 * An instruction each; but of adrp, add, bl __tls_get_addr, nop the linker writes the nop too when
 * it makes something shorter of it (AAELF64, "Relaxation").
 */
void aarch64_reloc_span(const struct reloc_type *type, unsigned int *ret_before,
			unsigned int *ret_size)
{
	*ret_before = 0;
	*ret_size = type->number == R_AARCH64_TLSGD_ADD_LO12_NC ? 12
		    : type->number == R_AARCH64_TLSDESC_CALL	? 4
								: type->size;
}

/* An address takes two instructions, and a call may go to a veneer. */
bool aarch64_reloc_value(const struct reloc_type *type, uint64_t place, const uint8_t *bytes,
			 uint64_t *ret)
{
	(void)type;
	(void)place;
	(void)bytes;
	(void)ret;
	return false;
}

/* The page that adrp finds is no address before something is added to it. */
bool aarch64_reloc_takes_address(const struct reloc_type *type, const uint8_t *code, size_t size,
				 size_t offset)
{
	(void)code;
	(void)size;
	(void)offset;
	switch (type->form) {
	case ADRP:
	case LO12_16:
	case LO12_32:
	case LO12_64:
	case LO12_128:
	case DISTANCE14:
	case DISTANCE19:
	case DISTANCE26:
		return false;
	default:
		return type->number != R_AARCH64_LDST8_ABS_LO12_NC;
	}
}

/* adr; assemblers leave adrp to the linker */
int64_t aarch64_find_address(const uint8_t *code, size_t size, size_t offset)
{
	for (size_t at = (offset + 3) / 4 * 4; range_fits(at, 4, size); at += 4) {
		uint32_t instruction = get_le32(code + at);
		uint32_t bits = (instruction >> 29 & 3) | (instruction >> 5 & 0x7ffff) << 2;
		int64_t distance = (int32_t)(bits << 11) / (1 << 11); /* 21 bits, signed */

		if ((instruction & 0x9f000000) == 0x10000000 &&
		    (uint64_t)((int64_t)at + distance) <= size)
			return (int64_t)at;
	}
	return -1;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lexer of assembler text as gcc and clang write it with -S (AT&T syntax on x86): text to
 * statements, in one pass, as slices of the text. It knows comments, strings, several statements on
 * a line, and which section each statement is in. Debug sections are passed over: what they hold
 * is no part of a program's behaviour and most of the text.
 *
 * It does not know what statements mean; that is asm_unit's.
 */
#ifndef LCP_BUILD_ASM_LEX_H
#define LCP_BUILD_ASM_LEX_H

#include <stdint.h>

#include <lcp/error.h>

#include "base/slice.h"
#include "base/vec.h"

/* How a CPU's assembler text is read. */
struct asm_syntax {
	uint16_t machine; /* EM_* */
	char comment; /* begins a comment that goes to the end of the line */
	bool comment_is_double; /* it takes two of them: // */
	char register_prefix; /* '%', or 0 if registers are plain words */
	char immediate_prefix; /* '$' or '#' */
};

extern const struct asm_syntax asm_syntax_x86_64;
extern const struct asm_syntax asm_syntax_aarch64;

enum asm_kind {
	ASM_LABEL, /* the word is the name */
	ASM_INSTRUCTION, /* the word is the mnemonic */
	ASM_DATA, /* directive that makes bytes: .long, .string, .zero */
	ASM_ALIGN, /* .p2align, .balign, .align */
	ASM_CFI, /* .cfi_* */
	ASM_LOC, /* .loc */
	ASM_SYMBOL, /* says something of a symbol: .globl, .type, .size, .set, .comm */
	ASM_SECTION, /* changes the section: .section, .text, .pushsection, .previous */
	ASM_NOTE, /* means nothing to the program: .file, .ident, .addrsig */
	ASM_OTHER, /* any other directive */
};

struct asm_statement {
	uint32_t offset; /* in the text */
	uint32_t size;
	uint8_t kind; /* enum asm_kind */
	uint8_t word_size; /* of the first word, which says what it is; 255: or longer */
	uint16_t section; /* index of where it stands; of ASM_SECTION: where it leads from */
};

struct asm_section {
	struct slice name; /* ".text" */
	struct slice flags; /* "ax", without quotes; empty if not said */
	bool executable;
	bool writable;
	bool allocated;
};

struct asm_text {
	const struct asm_syntax *syntax;
	const char *path; /* for messages */
	const char *text;
	size_t size;
	VEC(struct asm_statement) statements;
	VEC(struct asm_section) sections;
};

/*
 * Take @size bytes at @text apart; they must stay as they are as long as @ret is used. 0, -ENOMEM,
 * -EFBIG (4 GiB or more), -LCP_EFORMAT (a string or comment without end, sections popped that were
 * not pushed, too many sections).
 */
int asm_lex(const struct asm_syntax *syntax, const char *path, const char *text, size_t size,
	    struct asm_text *ret, struct lcp_error **reterr);
void asm_text_fini(struct asm_text *text);

/* The whole statement, its first word, and what follows that word. */
struct slice asm_statement_text(const struct asm_text *text, const struct asm_statement *statement);
struct slice asm_statement_word(const struct asm_text *text, const struct asm_statement *statement);
struct slice asm_statement_operands(const struct asm_text *text,
				    const struct asm_statement *statement);

/* May @c stand in the name of a symbol, unquoted? */
static inline bool asm_is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '$' || (unsigned char)c >= 0x80;
}

/* On which line of the text is it? Counted from 1, by counting: for messages only. */
size_t asm_statement_line(const struct asm_text *text, const struct asm_statement *statement);

#endif

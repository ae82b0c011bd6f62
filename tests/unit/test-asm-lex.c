/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lexer: what is a statement and what is not, and in which section it stands.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "build/asm_lex.h"
#include "tap.h"

static const char *const kind_names[] = {
	[ASM_LABEL] = "label",	 [ASM_INSTRUCTION] = "insn", [ASM_DATA] = "data",
	[ASM_ALIGN] = "align",	 [ASM_CFI] = "cfi",	     [ASM_LOC] = "loc",
	[ASM_SYMBOL] = "symbol", [ASM_SECTION] = "section",  [ASM_NOTE] = "note",
	[ASM_OTHER] = "other",
};

/* All statements in one line: "label{foo} insn{ret}". */
static char *describe(const struct asm_text *text)
{
	autostr struct str out = { 0 };
	char *line = NULL;

	vec_foreach (&text->statements, statement) {
		struct slice whole = asm_statement_text(text, statement);

		str_printf(&out, "%s%s{%.*s}", out.size > 0 ? " " : "", kind_names[statement->kind],
			   SLICE_ARG(whole));
	}
	(void)str_take(&out, &line);
	return line;
}

static void lexes_for(const struct asm_syntax *syntax, const char *text, const char *want,
		      const char *claim)
{
	autoerror struct lcp_error *error = NULL;
	autofree char *is = NULL;
	struct asm_text lexed;

	if (asm_lex(syntax, "x.s", text, strlen(text), &lexed, &error) < 0) {
		is_text(error->message, want, claim);
		return;
	}
	is = describe(&lexed);
	is_text(is, want, claim);
	asm_text_fini(&lexed);
}

static void lexes(const char *text, const char *want, const char *claim)
{
	lexes_for(&asm_syntax_x86_64, text, want, claim);
}

static void test_lines(void)
{
	lexes("", "", "nothing is nothing");
	lexes("foo:\n\tret\n", "label{foo} insn{ret}", "a label and an instruction");
	lexes("foo: ret", "label{foo} insn{ret}", "on one line, without a line end");
	lexes("a: b: nop; nop\n", "label{a} label{b} insn{nop} insn{nop}",
	      "several labels and statements on a line");
	lexes("\tmovl\t$1, %eax # one\n", "insn{movl\t$1, %eax}", "a comment ends a statement");
	lexes("#APP\n# 12 \"x.c\" 1\n\tnop\n#NO_APP\n", "insn{nop}", "comment lines are nothing");
	lexes("nop /* a\nb; c */ nop\n", "insn{nop} insn{nop}", "a comment may take several lines");
	lexes("\tlock; incl (%rax)\r\n", "insn{lock} insn{incl (%rax)}",
	      "a prefix may be a statement, and a line may end as DOS does it");
	lexes("\"odd name\": ret\n", "label{\"odd name\"} insn{ret}", "a label may be quoted");
	lexes("1: jmp 1b\n", "label{1} insn{jmp 1b}", "and it may be a number");
	lexes("movl $foo:bar, %eax\n", "insn{movl $foo:bar, %eax}", "a colon inside is no label's");
}

static void test_strings(void)
{
	lexes("\t.string \"a;b#c\\\"d\"\n\tnop\n", "data{.string \"a;b#c\\\"d\"} insn{nop}",
	      "a string hides what would end a statement");
	lexes("\t.ascii \"/*\"\n\tnop\n", "data{.ascii \"/*\"} insn{nop}", "and comments");
	lexes("\t.byte '\"'\n\tnop\n", "data{.byte '\"'} insn{nop}", "a quote as a character");
	lexes("\t.byte ';'; nop\n", "data{.byte ';'} insn{nop}", "and a semicolon");
	lexes("nop\n\t.string \"a\n", "x.s:2: a string has no end",
	      "a string without end is an error");
	lexes("nop /* a\n", "x.s:1: a comment has no end", "and so is a comment");
}

static void test_kinds(void)
{
	lexes("\t.globl f\n\t.type f, @function\n\t.size f, .-f\n",
	      "symbol{.globl f} symbol{.type f, @function} symbol{.size f, .-f}",
	      "what is said of symbols");
	lexes("\t.p2align 4,,10\n\t.cfi_startproc\n\t.loc 1 2 3\n\t.ident \"x\"\n\t.warning \"x\"\n",
	      "align{.p2align 4,,10} cfi{.cfi_startproc} loc{.loc 1 2 3} note{.ident \"x\"} "
	      "other{.warning \"x\"}",
	      "the other kinds");
}

static void test_sections(void)
{
	struct asm_text text;
	const char *source =
		"\tnop\n\t.section .rodata.str1.1,\"aMS\",@progbits,1\n.LC0:\n\t.pushsection "
		"foo,\"aw\"\n\t.long 1\n\t.popsection\n\t.byte 2\n\t.previous\n\tret\n";

	is_int(asm_lex(&asm_syntax_x86_64, "x.s", source, strlen(source), &text, NULL), 0,
	       "sections are followed");
	is_int(text.sections.count, 3, "there are three");
	ok(text.sections.items[0].executable, "the first is .text, before it is named");
	ok(slice_equals(text.sections.items[1].name, SLICE(".rodata.str1.1")) &&
		   text.sections.items[1].allocated && !text.sections.items[1].writable,
	   "constants are read-only");
	ok(text.sections.items[2].writable, "flags in quotes are read");
	vec_foreach (&text.statements, statement) {
		struct slice word = asm_statement_word(&text, statement);

		if (slice_equals(word, SLICE(".long")))
			is_int(statement->section, 2, ".pushsection leads somewhere else");
		if (slice_equals(word, SLICE(".byte")))
			is_int(statement->section, 1, ".popsection leads back");
		if (slice_equals(word, SLICE("ret")))
			is_int(statement->section, 0, ".previous leads to the one before");
	}
	asm_text_fini(&text);
	lexes("\t.popsection\n", "x.s:1: .popsection without .pushsection",
	      "what was not pushed cannot be popped");
}

static void test_debug(void)
{
	lexes("\tnop\n\t.section .debug_info,\"\",@progbits\n.Ld:\n\t.long 1\n\t.string \"x\"\n"
	      "\t.text\n\tret\n",
	      "insn{nop} section{.text} insn{ret}", "debug sections are passed over");
	lexes("\t.section .debug_str,\"MS\"\n.L1:\n\t.string \"\\n\\t.text\"\n\t.section .foo\n\tnop\n",
	      "section{.section .foo} insn{nop}",
	      "until a line leads out of them, not a string that looks like one");
}

static void test_aarch64(void)
{
	lexes_for(&asm_syntax_aarch64, "\tmov x0, #1 // one\n#APP\n\tb 1f\n",
		  "insn{mov x0, #1} insn{b 1f}", "on aarch64 # is an immediate, and // a comment");
	lexes_for(&asm_syntax_aarch64, "\tldr x0, [x1, #:lo12:foo]\n\t.word a/b\n",
		  "insn{ldr x0, [x1, #:lo12:foo]} data{.word a/b}", "and one slash divides");
}

static void test_line_numbers(void)
{
	const char *source = "\n\nnop\n/*\n*/\nret\n";
	struct asm_text text;

	(void)asm_lex(&asm_syntax_x86_64, "x.s", source, strlen(source), &text, NULL);
	is_int(asm_statement_line(&text, &text.statements.items[0]), 3, "lines are counted from 1");
	is_int(asm_statement_line(&text, &text.statements.items[1]), 6, "over comments too");
	asm_text_fini(&text);
}

int main(void)
{
	tap_begin();
	test_lines();
	test_strings();
	test_kinds();
	test_sections();
	test_debug();
	test_aarch64();
	test_line_numbers();
	return tap_end();
}

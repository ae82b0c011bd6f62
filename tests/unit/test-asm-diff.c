/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Verdicts of the differ on small pairs of text: what is no change, what is one, and what no patch
 * can make.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "build/asm_diff.h"
#include "tap.h"

/* A function as gcc writes it, around @body. */
#define FUNCTION(name, body)                                                                    \
	"\t.globl " name "\n\t.type " name ", @function\n" name ":\n.LFB" name                  \
	":\n\t.cfi_startproc\n" body "\t.cfi_endproc\n.LFE" name ":\n\t.size " name ", .-" name \
	"\n"

/* A data object as gcc writes it. */
#define OBJECT(section, name, size, body)                                                         \
	"\t" section "\n\t.align 4\n\t.type " name ", @object\n\t.size " name ", " size "\n" name \
	":\n" body "\t.text\n"

/* All that differs in one line: "changed foo; refused x: why". */
static char *describe(const struct asm_diff *diff)
{
	autostr struct str out = { 0 };
	char *line = NULL;

	vec_foreach (&diff->changes, change)
		str_printf(&out, "%s%s %.*s", out.size > 0 ? "; " : "",
			   asm_change_text(change->kind), SLICE_ARG(change->name));
	vec_foreach (&diff->refusals, refusal)
		str_printf(&out, "%srefused %.*s: %s", out.size > 0 ? "; " : "",
			   SLICE_ARG(refusal->name), asm_refusal_text(refusal->kind));
	(void)str_take(&out, &line);
	return line;
}

static void differ(const char *old_text, const char *new_text, const char *want, const char *claim)
{
	autofree char *is = NULL;
	struct asm_unit old, new;
	struct asm_diff diff;

	if (asm_unit_init(&old, &asm_syntax_x86_64, "old.s", old_text, strlen(old_text), NULL) <
		    0 ||
	    asm_unit_init(&new, &asm_syntax_x86_64, "new.s", new_text, strlen(new_text), NULL) <
		    0 ||
	    asm_diff_init(&diff, &old, &new, NULL) < 0)
		abort();
	is = describe(&diff);
	is_text(is, want, claim);
	asm_diff_fini(&diff);
	asm_unit_fini(&old);
	asm_unit_fini(&new);
}

static void test_no_change(void)
{
	differ(FUNCTION("f", "\tje .L3\n\tnop\n.L3:\n\tret\n"),
	       FUNCTION("f", "\tje .L17\n\tnop\n.L17:\n\tret\n"), "", "labels may be renumbered");
	differ(FUNCTION("f", "\tje .L3\n\tnop\n.L3:\n\tret\n"),
	       FUNCTION("f", "\tje .L3\n.L3:\n\tnop\n\tret\n"), "changed f", "but not moved");
	differ(FUNCTION("f", "\tnop\n") FUNCTION("g", "\tret\n"),
	       FUNCTION("g", "\tret\n") FUNCTION("f", "\tnop\n"), "", "functions may be reordered");
	differ(FUNCTION("f", "\tmovl  $1,%eax\n"), FUNCTION("f", "\tmovl\t$1, %eax # x\n"), "",
	       "blanks and comments are nothing");
	differ(FUNCTION("f", "\t.loc 1 2 3\n\tnop\n"), FUNCTION("f", "\t.loc 1 7 3\n\tnop\n"), "",
	       "a line number in debug information is nothing");
	differ("\t.file \"a.c\"\n" FUNCTION("f", "\tnop\n") "\t.ident \"GCC 1\"\n",
	       "\t.file \"b.c\"\n" FUNCTION("f", "\tnop\n") "\t.ident \"GCC 2\"\n", "",
	       "nor are names of files and compilers");
	differ(FUNCTION("f", "\tnop\n"), "\t.p2align 4\n" FUNCTION("f", "\tnop\n"), "",
	       "nor is where a function is aligned to");
}

static void test_changes(void)
{
	differ(FUNCTION("f", "\tmovl $1032, %edi\n"), FUNCTION("f", "\tmovl $2056, %edi\n"),
	       "changed f", "an immediate alone is a change");
	differ(FUNCTION("f", "\tcall g\n"), FUNCTION("f", "\tcall h\n"), "changed f",
	       "so is another callee");
	differ(FUNCTION("f", "\tnop\n"), FUNCTION("f", "\tnop\n") FUNCTION("g", "\tnop\n"), "new g",
	       "a function may be new");
	differ(FUNCTION("f", "\tnop\n") FUNCTION("g", "\tnop\n"), FUNCTION("f", "\tnop\n"),
	       "removed g", "or gone");
	differ(FUNCTION("f.part.0", "\tnop\n"), FUNCTION("f.part.0", "\tret\n"), "changed f.part.0",
	       "the compiler's clones are functions of their own");
}

static void test_anonymous(void)
{
	static const char strings[] =
		"\t.section .rodata\n.LC0:\n\t.string \"a\"\n.LC1:\n\t.string "
		"\"b\"\n\t.text\n";
	static const char reordered[] =
		"\t.section .rodata\n.LC7:\n\t.string \"b\"\n.LC8:\n\t.string "
		"\"a\"\n\t.text\n";
	static const char changed[] =
		"\t.section .rodata\n.LC0:\n\t.string \"A\"\n.LC1:\n\t.string "
		"\"b\"\n\t.text\n";
	autostr struct str old = { 0 }, same = { 0 }, new = { 0 };

	str_printf(&old, "%s%s", strings,
		   FUNCTION("f", "\tleaq .LC0(%rip), %rdi\n")
			   FUNCTION("g", "\tleaq .LC1(%rip), %rdi\n"));
	str_printf(&same, "%s%s", reordered,
		   FUNCTION("f", "\tleaq .LC8(%rip), %rdi\n")
			   FUNCTION("g", "\tleaq .LC7(%rip), %rdi\n"));
	str_printf(&new, "%s%s", changed,
		   FUNCTION("f", "\tleaq .LC0(%rip), %rdi\n")
			   FUNCTION("g", "\tleaq .LC1(%rip), %rdi\n"));
	differ(old.text, same.text, "", "strings may be reordered");
	differ(old.text, new.text, "changed f", "a changed string is a change of who uses it");
	differ("\t.set .LC1, .LC0+4\n\t.section .rodata\n.LC0:\n\t.long 1\n\t.long 2\n\t.text\n" FUNCTION(
		       "f", "\tmovl .LC1(%rip), %eax\n"),
	       "\t.set .LC9, .LC8+4\n\t.section .rodata\n.LC8:\n\t.long 1\n\t.long 3\n\t.text\n" FUNCTION(
		       "f", "\tmovl .LC9(%rip), %eax\n"),
	       "changed f", "and through a label that .set makes");
}

static void test_jump_table(void)
{
	static const char old[] = FUNCTION(
		"f",
		"\tjmp *.L4(,%rax,8)\n\t.section .rodata\n\t.align 8\n.L4:\n\t.quad .L5\n\t.quad "
		".L6\n\t.text\n.L5:\n\tnop\n.L6:\n\tret\n");
	static const char renumbered[] = FUNCTION(
		"f",
		"\tjmp *.L8(,%rax,8)\n\t.section .rodata\n\t.align 8\n.L8:\n\t.quad .L1\n\t.quad "
		".L2\n\t.text\n.L1:\n\tnop\n.L2:\n\tret\n");
	static const char changed[] = FUNCTION(
		"f",
		"\tjmp *.L4(,%rax,8)\n\t.section .rodata\n\t.align 8\n.L4:\n\t.quad .L6\n\t.quad "
		".L6\n\t.text\n.L5:\n\tnop\n.L6:\n\tret\n");

	differ(old, renumbered, "", "a jump table may be renumbered");
	differ(old, changed, "changed f", "one that goes elsewhere is a change of its function");
}

#define COLD(name, hot, cold)                                                                  \
	"\t.type " name ", @function\n" name ":\n" hot                                         \
	"\t.section .text.unlikely\n\t.cfi_startproc\n\t.type " name ".cold, @function\n" name \
	".cold:\n" cold "\t.text\n\t.size " name ", .-" name                                   \
	"\n\t.section .text.unlikely\n\t.size " name ".cold, .-" name ".cold\n\t.text\n"

static void test_cold(void)
{
	differ(COLD("f", "\tje .L2\n\tret\n", ".L2:\n\tcall g\n"),
	       COLD("f", "\tje .L2\n\tret\n", ".L2:\n\tcall h\n"), "changed f.cold; changed f",
	       "a function comes with its changed cold part");
	differ(COLD("f", "\tje .L2\n\tret\n", ".L2:\n\tcall g\n"),
	       COLD("f", "\tjne .L2\n\tret\n", ".L2:\n\tcall g\n"), "changed f; changed f.cold",
	       "and a cold part with its changed function");
	differ(COLD("f", "\tje .L2\n\tret\n", ".L2:\n\tcall g\n"),
	       COLD("f", "\tje .L5\n\tret\n", ".L5:\n\tcall g\n"), "", "labels go across the two");
}

static void test_lines(void)
{
	differ(FUNCTION("f", "\t.loc 1 10 1\n\tmovl $10, %edi\n\tcall log\n"),
	       FUNCTION("f", "\t.loc 1 12 1\n\tmovl $12, %edi\n\tcall log\n"),
	       "line numbers only f", "an immediate that is the current line is noise");
	differ(FUNCTION("f", "\t.loc 1 10 1\n\t.loc 1 500 1\n\tmovl $10, %edi\n\tcall log\n"),
	       FUNCTION("f", "\t.loc 1 12 1\n\t.loc 1 502 1\n\tmovl $12, %edi\n\tcall log\n"),
	       "line numbers only f", "so is that of the call that something was inlined for");
	differ(FUNCTION("f", "\t.loc 1 10 1\n\tmovl $11, %edi\n\tcall log\n"),
	       FUNCTION("f", "\t.loc 1 12 1\n\tmovl $13, %edi\n\tcall log\n"),
	       "line numbers only f", "so is one of a call that begins a line before");
	differ(FUNCTION("f", "\tmovl $10, %edi\n\tcall log\n\t.loc 1 11 1\n"),
	       FUNCTION("f", "\tmovl $12, %edi\n\tcall log\n\t.loc 1 13 1\n"),
	       "line numbers only f", "and one that was moved in front of its line");
	differ(FUNCTION("f", "\t.loc 1 10 1\n\tmovl $20, %edi\n\tcall log\n"),
	       FUNCTION("f", "\t.loc 1 12 1\n\tmovl $22, %edi\n\tcall log\n"), "changed f",
	       "one that only moves along is none");
	differ(FUNCTION("f", "\t.loc 1 10 1\n\tmovl $11, %edi\n\tcall log\n"),
	       FUNCTION("f", "\t.loc 1 12 1\n\tmovl $12, %edi\n\tcall log\n"), "changed f",
	       "nor is one that moves by another distance");
	differ(FUNCTION("f", "\t.loc 1 10 1\n\tsubl $10, %edi\n\tcall log\n"),
	       FUNCTION("f", "\t.loc 1 12 1\n\tsubl $12, %edi\n\tcall log\n"), "changed f",
	       "nor one that is computed with");
	differ(FUNCTION("f", "\tmovl $10, %edi\n\tcall log\n"),
	       FUNCTION("f", "\tmovl $12, %edi\n\tcall log\n"), "changed f",
	       "without .loc nothing is noise");
	differ(FUNCTION("f", "\t.loc 1 10 1\n\tmovl $10, %edi\n\tnop\n"),
	       FUNCTION("f", "\t.loc 1 12 1\n\tmovl $12, %edi\n\tret\n"), "changed f",
	       "noise and a change are a change");
	differ(FUNCTION("f", "\t.loc 1 10 1\n\tmovl 10(%rdi), %edi\n"),
	       FUNCTION("f", "\t.loc 1 12 1\n\tmovl 12(%rdi), %edi\n"), "changed f",
	       "an offset is no line");
}

static void test_data(void)
{
	differ(OBJECT(".data", "x", "4", "\t.long 1\n"), OBJECT(".data", "x", "4", "\t.long 2\n"),
	       "refused x: the initial value of a writable variable changed",
	       "a variable keeps its value");
	differ(OBJECT(".data", "x", "4", "\t.long 1\n"),
	       OBJECT(".data", "x", "8", "\t.long 1\n\t.long 2\n"),
	       "refused x: the size of a variable changed", "and its size");
	differ(OBJECT(".data", "x", "4", "\t.long 1\n"),
	       OBJECT(".data", "x", "4", "\t.long 1\n") OBJECT(".data", "y", "4", "\t.long 1\n"),
	       "data new y", "a new one may come");
	differ("", OBJECT(".section .tbss,\"awT\",@nobits", "y", "4", "\t.zero 4\n"),
	       "refused y: a new thread-local variable", "unless each thread would need one");
	differ(OBJECT(".section .rodata", "t", "4", "\t.long 1\n")
		       FUNCTION("f", "\tleaq t(%rip), %rax\n") FUNCTION("g", "\tnop\n"),
	       OBJECT(".section .rodata", "t", "4", "\t.long 2\n")
		       FUNCTION("f", "\tleaq t(%rip), %rax\n") FUNCTION("g", "\tnop\n"),
	       "read-only data changed t; uses changed data f",
	       "a changed table brings along who uses it");
	differ("\t.comm x,4,4\n", "\t.comm x,8,4\n", "refused x: the size of a variable changed",
	       "what .comm makes keeps its size");
	differ("\t.comm x,4,4\n", "\t.comm x,4,8\n",
	       "refused x: the alignment of a variable changed", "and its alignment");
	differ("", "\t.local y\n\t.comm y,4,4\n", "data new y", "a new one may come");
	differ("\t.comm x,4,4\n", "\t.globl x\n" OBJECT(".data", "x", "4", "\t.long 1\n"),
	       "refused x: the initial value of a writable variable changed",
	       "it cannot get a value later");
}

static void test_statics(void)
{
	autostr struct str old = { 0 }, new = { 0 };

	str_puts(&old, "\t.local count.1\n\t.comm count.1,4,4\n\t.local count.2\n\t.comm "
		       "count.2,4,4\n" FUNCTION("f", "\tincl count.1(%rip)\n")
			       FUNCTION("g", "\tincl count.2(%rip)\n"));
	str_puts(&new, "\t.local count.8\n\t.comm count.8,4,4\n\t.local count.9\n\t.comm "
		       "count.9,4,4\n" FUNCTION("f", "\tincl count.9(%rip)\n")
			       FUNCTION("g", "\tincl count.8(%rip)\n"));
	differ(old.text, new.text, "", "static variables are told by the function that has them");
	differ("\t.local count.1\n\t.comm count.1,4,4\n" FUNCTION("f", "\tincl count.1(%rip)\n"),
	       "\t.local count.5\n\t.comm count.5,4,4\n" FUNCTION("f", "\tdecl count.5(%rip)\n"),
	       "changed f", "one of its name is the one, and the function changed");
	differ(OBJECT(".data", "n.1", "4", "\t.long 1\n") FUNCTION("f", "\tincl n.1(%rip)\n"),
	       OBJECT(".data", "n.3", "4", "\t.long 2\n") FUNCTION("f", "\tincl n.3(%rip)\n"),
	       "refused n.3: the initial value of a writable variable changed",
	       "its value is compared too");
	differ("\t.local n.1\n\t.comm n.1,4,4\n\t.local n.2\n\t.comm n.2,4,4\n" FUNCTION(
		       "f", "\tincl n.1(%rip)\n\tincl n.2(%rip)\n"),
	       "\t.local n.1\n\t.comm n.1,8,8\n\t.local n.2\n\t.comm n.2,4,4\n" FUNCTION(
		       "f", "\tincl n.2(%rip)\n\tincl n.1(%rip)\n"),
	       "changed f; refused n.2: static variables of this name cannot be told apart between the versions; refused n.1: static variables of this name cannot be told apart between the versions; refused n.1: the size of a variable changed",
	       "what is not clear is refused");
}

/* Several of one name in one function are told apart by order; see asm_statics.c. */
static void test_static_order(void)
{
#define VARIABLES "\t.local n.1\n\t.comm n.1,4,4\n\t.local n.2\n\t.comm n.2,4,4\n"
	static const char old[] = VARIABLES FUNCTION("f", "\tincl n.1(%rip)\n\tincl n.2(%rip)\n");
	static const char unclear[] =
		"changed f; refused n.2: static variables of this name cannot be told apart between "
		"the versions; refused n.1: static variables of this name cannot be told apart "
		"between the versions";

	differ(old,
	       "\t.local n.8\n\t.comm n.8,4,4\n\t.local n.19\n\t.comm n.19,4,4\n" FUNCTION(
		       "f", "\tincl n.8(%rip)\n\tincl n.19(%rip)\n"),
	       "", "two of a name in a function are paired in their order");
	differ(old, VARIABLES FUNCTION("f", "\tincl n.2(%rip)\n\tdecl n.1(%rip)\n"), unclear,
	       "if the function refers to them in another order, they are not");
	differ(old,
	       VARIABLES "\t.local n.3\n\t.comm n.3,4,4\n" FUNCTION(
		       "f", "\tincl n.1(%rip)\n\tincl n.2(%rip)\n\tincl n.3(%rip)\n"),
	       "changed f; data new n.3; refused n.1: static variables of this name cannot be told "
	       "apart between the versions; refused n.2: static variables of this name cannot be "
	       "told apart between the versions; refused n.3: static variables of this name cannot "
	       "be told apart between the versions",
	       "of three, nobody knows which is new");
#undef VARIABLES
}

/* Read-only objects that the compiler numbered are what they hold. */
static void test_constants(void)
{
#define NUMBERED(name, align, value)                                               \
	"\t.section .rodata\n\t.align " align "\n\t.type " name ", @object\n" name \
	":\n\t.long " value "\n\t.text\n"
	static const char old[] = NUMBERED("t.1", "4", "1") NUMBERED("t.2", "4", "2")
		FUNCTION("f", "\tleaq t.1(%rip), %rdi\n") FUNCTION("g", "\tleaq t.2(%rip), %rdi\n");

	differ(old,
	       NUMBERED("t.2", "4", "1") NUMBERED("t.1", "4", "2")
		       FUNCTION("g", "\tleaq t.1(%rip), %rdi\n")
			       FUNCTION("f", "\tleaq t.2(%rip), %rdi\n"),
	       "", "numbered tables may change their numbers");
	differ(old,
	       NUMBERED("t.1", "4", "1") NUMBERED("t.2", "4", "3")
		       FUNCTION("f", "\tleaq t.1(%rip), %rdi\n")
			       FUNCTION("g", "\tleaq t.2(%rip), %rdi\n"),
	       "data new t.2; changed g; data removed t.2", "but not what they hold");
	differ(old,
	       NUMBERED("t.1", "16", "1") NUMBERED("t.2", "4", "2")
		       FUNCTION("f", "\tleaq t.1(%rip), %rdi\n")
			       FUNCTION("g", "\tleaq t.2(%rip), %rdi\n"),
	       "data new t.1; changed f; data removed t.1", "nor how they are aligned");
#undef NUMBERED
}

#define RODATA(name, body) OBJECT(".section .rodata", name, "8", body)

/* The rules of asm_users.c. */
static void test_users(void)
{
	static const char f[] = FUNCTION("f", "\tleaq c(%rip), %rax\n");
	static const char chain[] = RODATA("b", "\t.quad a\n") RODATA("c", "\t.quad b\n")
		FUNCTION("f", "\tleaq c(%rip), %rax\n");
	autostr struct str old = { 0 }, new = { 0 };

	str_printf(&old, "%s%s", RODATA("a", "\t.quad 1\n"), chain);
	str_printf(&new, "%s%s", RODATA("a", "\t.quad 2\n"), chain);
	differ(old.text, new.text,
	       "read-only data changed a; read-only data changed b; read-only data changed c; uses "
	       "changed data f",
	       "tables of tables are replaced, down to the functions");
	differ(RODATA("c", "\t.quad 1\n") "\t.section .rodata\n.L9:\n\t.quad c\n\t.text\n" FUNCTION(
		       "g", "\tmovq .L9(%rip), %rax\n"),
	       RODATA("c", "\t.quad 2\n") "\t.section .rodata\n.L9:\n\t.quad c\n\t.text\n" FUNCTION(
		       "g", "\tmovq .L9(%rip), %rax\n"),
	       "read-only data changed c; uses changed data g", "through data without a name too");
	differ(RODATA("a", "\t.quad 1\n") OBJECT(".data", "p", "8", "\t.quad a\n"),
	       RODATA("a", "\t.quad 2\n") OBJECT(".data", "p", "8", "\t.quad a\n"),
	       "read-only data changed a; refused p: a variable points to read-only data that changed",
	       "a variable that points to the old table stands in the way");
	differ(RODATA("a", "\t.quad 1\n"),
	       RODATA("a", "\t.quad 2\n") OBJECT(".data", "p", "8", "\t.quad a\n"),
	       "read-only data changed a; data new p", "unless it is new");
	differ("\t.globl c\n" RODATA("c", "\t.quad 1\n") FUNCTION("f", "\tleaq c(%rip), %rax\n"),
	       "\t.globl c\n" RODATA("c", "\t.quad 2\n") FUNCTION("f", "\tleaq c(%rip), %rax\n"),
	       "read-only data changed c; uses changed data f; refused c: read-only data changed that "
	       "other units may use",
	       "what other units may use stays");
	old.size = new.size = 0;
	str_printf(&old, "%s%s",
		   OBJECT(".section .data.rel.ro.local,\"aw\"", "c", "8", "\t.quad x\n"), f);
	str_printf(&new, "%s%s",
		   OBJECT(".section .data.rel.ro.local,\"aw\"", "c", "8", "\t.quad y\n"), f);
	differ(old.text, new.text, "read-only data changed c; uses changed data f",
	       "what is read-only once relocated is no variable");
}

static void test_unnamed_variables(void)
{
#define LITERAL "\t.data\n.L.compoundliteral:\n\t.long 1\n\t.text\n"
	differ(LITERAL FUNCTION("f", "\tincl .L.compoundliteral(%rip)\n"),
	       LITERAL FUNCTION("f", "\tdecl .L.compoundliteral(%rip)\n"),
	       "changed f; refused f: it uses a variable that has no symbol",
	       "a variable without a symbol is not found again");
	differ(LITERAL FUNCTION("f", "\tincl .L.compoundliteral(%rip)\n") FUNCTION("g", "\tnop\n"),
	       LITERAL FUNCTION("f", "\tincl .L.compoundliteral(%rip)\n") FUNCTION("g", "\tret\n"),
	       "changed g", "who does not use it may change");
	differ(FUNCTION("f", "\tnop\n"), LITERAL FUNCTION("f", "\tincl .L.compoundliteral(%rip)\n"),
	       "changed f", "a new one is no hindrance");
#undef LITERAL
}

static void test_depth(void)
{
	autoerror struct lcp_error *error = NULL;
	autostr struct str text = { 0 };
	struct asm_unit unit, same;
	struct asm_diff diff;

	str_printf(&text, "%s\t.section .rodata\n", FUNCTION("f", "\tleaq .L0(%rip), %rax\n"));
	for (int i = 0; i < 100000; i++)
		str_printf(&text, ".L%d:\n\t.quad .L%d\n", i, i + 1);
	(void)asm_unit_init(&unit, &asm_syntax_x86_64, "x.s", text.text, text.size, NULL);
	(void)asm_unit_init(&same, &asm_syntax_x86_64, "y.s", text.text, text.size, NULL);
	is_int(asm_diff_init(&diff, &unit, &same, &error), -LCP_EFORMAT,
	       "data that goes on and on is not followed");
	is_text(error->message, "x.s: data refers to data too many levels deep",
		"and that is said");
	asm_unit_fini(&unit);
	asm_unit_fini(&same);
}

static void test_refusals(void)
{
	differ("\t.section .init_array,\"aw\"\n\t.quad f\n\t.text\n",
	       "\t.section .init_array,\"aw\"\n\t.quad f\n\t.quad g\n\t.text\n",
	       "refused .init_array: what runs at start or exit changed", "constructors stay");
	differ("\tnop\n", "\tret\n", "refused .text: assembler outside of any function changed",
	       "file-level assembler stays");
	differ("\t.globl a\n\t.set a, f\n" FUNCTION("f", "\tnop\n"),
	       "\t.globl a\n\t.set a, f+1\n" FUNCTION("f", "\tnop\n"),
	       "refused a: an alias changed", "aliases stay");
	differ("\t.section .debug_info\n\t.byte 1\n\t.globl a\n.set a, f\n\t.text\n",
	       "\t.section .debug_info\n\t.byte 2\n\t.globl a\n.set a, g\n\t.text\n",
	       "refused a: an alias changed", "wherever they stand");
	differ("\t.symver f, f@V1\n" FUNCTION("f", "\tnop\n"),
	       "\t.symver f, f@V2\n" FUNCTION("f", "\tnop\n"),
	       "refused f: a symbol version changed", "symbol versions stay");
	differ("\t.data\n\t.align 4\nx:\n\t.long 1\n", "\t.data\n\t.align 8\nx:\n\t.long 1\n",
	       "refused x: the alignment of a variable changed", "alignments stay");
	differ(FUNCTION("f", "\tnop\n"), "\t.weak f\n" FUNCTION("f", "\tnop\n") "\t.weak f\n",
	       "refused f: a symbol became local, global or weak", "bindings stay");
	differ(FUNCTION("f", "\tnop\n"), "\t.hidden f\n" FUNCTION("f", "\tnop\n"),
	       "refused f: the visibility of a symbol changed", "visibility stays");
	differ(FUNCTION("f", "\tnop\n"),
	       FUNCTION("f", "\tnop\n") "\t.type f, @gnu_indirect_function\n",
	       "refused f: an indirect function changed into a plain one, or back",
	       "what is indirect stays so");
	differ("\t.section .note.x,\"a\"\n\t.long 1\n", "\t.section .note.x,\"a\"\n\t.long 2\n", "",
	       "notes may change");
}

static void test_second_definition(void)
{
	static const char text[] = "f:\n\tnop\nf:\n";
	autoerror struct lcp_error *error = NULL;
	struct asm_unit unit;

	is_int(asm_unit_init(&unit, &asm_syntax_x86_64, "x.s", text, strlen(text), &error),
	       -LCP_EFORMAT, "a symbol is defined once");
	is_text(error->message, "x.s:3: 'f' is defined a second time",
		"and the message says where");
}

static void test_positions(void)
{
	static const char old_text[] = FUNCTION("f", "\tnop\n\tmovl $1, %eax\n\tret\n");
	static const char new_text[] = FUNCTION("f", "\tnop\n\tmovl $2, %eax\n\tret\n");
	const struct asm_change *change;
	struct asm_unit old, new;
	struct asm_diff diff;

	(void)asm_unit_init(&old, &asm_syntax_x86_64, "old.s", old_text, strlen(old_text), NULL);
	(void)asm_unit_init(&new, &asm_syntax_x86_64, "new.s", new_text, strlen(new_text), NULL);
	(void)asm_diff_init(&diff, &old, &new, NULL);
	change = asm_diff_find(&diff, SLICE("f"));
	ok(change != NULL && slice_equals(asm_statement_text(&old.text, change->old_at),
					  SLICE("movl $1, %eax")),
	   "the first statement that differs is known, in the old version");
	ok(change != NULL && slice_equals(asm_statement_text(&new.text, change->new_at),
					  SLICE("movl $2, %eax")),
	   "and in the new");
	ok(asm_diff_find(&diff, SLICE("g")) == NULL, "what did not change is not found");
	asm_diff_fini(&diff);
	asm_unit_fini(&old);
	asm_unit_fini(&new);
}

int main(void)
{
	tap_begin();
	test_no_change();
	test_changes();
	test_anonymous();
	test_jump_table();
	test_cold();
	test_lines();
	test_data();
	test_statics();
	test_static_order();
	test_constants();
	test_users();
	test_unnamed_variables();
	test_depth();
	test_refusals();
	test_second_definition();
	test_positions();
	return tap_end();
}

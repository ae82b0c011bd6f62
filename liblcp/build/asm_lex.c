/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules of gas's own reader (binutils, gas/app.c and "Syntax" in its manual), as far as
 * compiler output and inline assembly need them.
 */
#include "build/asm_lex.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "base/num.h"

#define SECTION_DEPTH_MAX 32

const struct asm_syntax asm_syntax_x86_64 = {
	.machine = EM_X86_64,
	.comment = '#',
	.register_prefix = '%',
	.immediate_prefix = '$',
};

const struct asm_syntax asm_syntax_aarch64 = {
	.machine = EM_AARCH64,
	.comment = '/',
	.comment_is_double = true,
	.immediate_prefix = '#',
};

struct lexer {
	struct asm_text *ret;
	struct lcp_error **reterr;
	const char *at;
	const char *end;
	struct map section_numbers;
	uint16_t section;
	uint16_t previous;
	bool in_debug;
	uint16_t stack[SECTION_DEPTH_MAX][2]; /* section and previous, of .pushsection */
	size_t depth;
	bool stops[256]; /* characters that may end a statement, or that hide such characters */
};

static int lex_error(const struct lexer *lexer, const char *at, const char *what)
{
	size_t line = 1;

	for (const char *c = lexer->ret->text; c < at; c++)
		line += *c == '\n';
	return error_set(lexer->reterr, -LCP_EFORMAT, "%s:%zu: %s", lexer->ret->path, line, what);
}

static bool is_debug_section(struct slice name)
{
	return slice_begins(name, SLICE(".debug_")) || slice_begins(name, SLICE(".zdebug_")) ||
	       slice_begins(name, SLICE(".gnu.debuglto_")) || slice_begins(name, SLICE(".stab"));
}

/* What gas takes for granted of well-known sections; the manual's ".section name". */
static struct slice default_flags(struct slice name)
{
	static const struct {
		struct slice name;
		struct slice flags;
	} known[] = {
		{ { ".text", 5 }, { "ax", 2 } },   { { ".data", 5 }, { "aw", 2 } },
		{ { ".bss", 4 }, { "aw", 2 } },	   { { ".rodata", 7 }, { "a", 1 } },
		{ { ".tdata", 6 }, { "awT", 3 } }, { { ".tbss", 5 }, { "awT", 3 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (slice_begins(name, known[i].name) &&
		    (name.size == known[i].name.size || name.text[known[i].name.size] == '.'))
			return known[i].flags;
	return (struct slice){ "", 0 };
}

static bool has_flag(struct slice flags, char flag)
{
	return flags.size > 0 && memchr(flags.text, flag, flags.size) != NULL;
}

/* The number of section @name, which gets one if it is new. */
static int find_section(struct lexer *lexer, struct slice name, struct slice flags)
{
	int64_t known = map_get(&lexer->section_numbers, name);
	struct asm_section section = { .name = name, .flags = flags };
	size_t number = lexer->ret->sections.count;

	if (known >= 0)
		return (int)known;
	if (number > UINT16_MAX)
		return lex_error(lexer, name.text, "more sections than this reads");
	if (flags.size == 0)
		section.flags = default_flags(name);
	section.allocated = has_flag(section.flags, 'a');
	section.writable = has_flag(section.flags, 'w');
	section.executable = has_flag(section.flags, 'x');
	if (vec_push(&lexer->ret->sections, section) < 0 ||
	    map_set(&lexer->section_numbers, name, (uint32_t)number) < 0)
		return error_set_nomem(lexer->reterr);
	return (int)number;
}

static void enter_section(struct lexer *lexer, uint16_t section)
{
	lexer->previous = lexer->section;
	lexer->section = section;
	lexer->in_debug = is_debug_section(lexer->ret->sections.items[section].name);
}

/* ".section name, "flags", @type": the name may be quoted. */
static int section_by_name(struct lexer *lexer, struct slice operands)
{
	struct slice name = slice_trim(slice_cut(&operands, ','));
	struct slice flags = slice_trim(slice_cut(&operands, ','));

	if (name.size > 1 && name.text[0] == '"')
		name = (struct slice){ name.text + 1, name.size - 2 };
	if (flags.size > 1 && flags.text[0] == '"')
		flags = (struct slice){ flags.text + 1, flags.size - 2 };
	else
		flags.size = 0;
	return find_section(lexer, name, flags);
}

static int push_section(struct lexer *lexer, const char *at)
{
	if (lexer->depth == SECTION_DEPTH_MAX)
		return lex_error(lexer, at, ".pushsection nests too deeply");
	lexer->stack[lexer->depth][0] = lexer->section;
	lexer->stack[lexer->depth++][1] = lexer->previous;
	return 0;
}

static int pop_section(struct lexer *lexer, const char *at)
{
	if (lexer->depth == 0)
		return lex_error(lexer, at, ".popsection without .pushsection");
	lexer->depth--;
	enter_section(lexer, lexer->stack[lexer->depth][0]);
	lexer->previous = lexer->stack[lexer->depth][1];
	return 0;
}

static int change_section(struct lexer *lexer, struct slice word, struct slice operands)
{
	int r;

	if (slice_equals(word, SLICE(".popsection")))
		return pop_section(lexer, word.text);
	if (slice_equals(word, SLICE(".previous"))) {
		enter_section(lexer, lexer->previous);
		return 0;
	}
	if (slice_equals(word, SLICE(".subsection")))
		return 0;
	if (slice_equals(word, SLICE(".pushsection"))) {
		r = push_section(lexer, word.text);
		if (r < 0)
			return r;
	}
	if (slice_equals(word, SLICE(".section")) || slice_equals(word, SLICE(".pushsection")))
		r = section_by_name(lexer, operands);
	else
		r = find_section(lexer, word, (struct slice){ "", 0 });
	if (r < 0)
		return r;
	enter_section(lexer, (uint16_t)r);
	return 0;
}

struct directive {
	struct slice word;
	enum asm_kind kind;
};

#define DIRECTIVE(word, kind)                    \
	{                                        \
		{ word, sizeof(word) - 1 }, kind \
	}

static const struct directive directives[] = {
	DIRECTIVE(".2byte", ASM_DATA),	       DIRECTIVE(".4byte", ASM_DATA),
	DIRECTIVE(".8byte", ASM_DATA),	       DIRECTIVE(".addrsig", ASM_NOTE),
	DIRECTIVE(".addrsig_sym", ASM_NOTE),   DIRECTIVE(".align", ASM_ALIGN),
	DIRECTIVE(".arch", ASM_NOTE),	       DIRECTIVE(".ascii", ASM_DATA),
	DIRECTIVE(".asciz", ASM_DATA),	       DIRECTIVE(".balign", ASM_ALIGN),
	DIRECTIVE(".bss", ASM_SECTION),	       DIRECTIVE(".byte", ASM_DATA),
	DIRECTIVE(".comm", ASM_SYMBOL),	       DIRECTIVE(".data", ASM_SECTION),
	DIRECTIVE(".double", ASM_DATA),	       DIRECTIVE(".dword", ASM_DATA),
	DIRECTIVE(".equ", ASM_SYMBOL),	       DIRECTIVE(".file", ASM_NOTE),
	DIRECTIVE(".fill", ASM_DATA),	       DIRECTIVE(".float", ASM_DATA),
	DIRECTIVE(".global", ASM_SYMBOL),      DIRECTIVE(".globl", ASM_SYMBOL),
	DIRECTIVE(".hidden", ASM_SYMBOL),      DIRECTIVE(".hword", ASM_DATA),
	DIRECTIVE(".ident", ASM_NOTE),	       DIRECTIVE(".int", ASM_DATA),
	DIRECTIVE(".internal", ASM_SYMBOL),    DIRECTIVE(".lcomm", ASM_SYMBOL),
	DIRECTIVE(".local", ASM_SYMBOL),       DIRECTIVE(".long", ASM_DATA),
	DIRECTIVE(".octa", ASM_DATA),	       DIRECTIVE(".p2align", ASM_ALIGN),
	DIRECTIVE(".popsection", ASM_SECTION), DIRECTIVE(".previous", ASM_SECTION),
	DIRECTIVE(".protected", ASM_SYMBOL),   DIRECTIVE(".pushsection", ASM_SECTION),
	DIRECTIVE(".quad", ASM_DATA),	       DIRECTIVE(".section", ASM_SECTION),
	DIRECTIVE(".set", ASM_SYMBOL),	       DIRECTIVE(".short", ASM_DATA),
	DIRECTIVE(".single", ASM_DATA),	       DIRECTIVE(".size", ASM_SYMBOL),
	DIRECTIVE(".skip", ASM_DATA),	       DIRECTIVE(".sleb128", ASM_DATA),
	DIRECTIVE(".space", ASM_DATA),	       DIRECTIVE(".string", ASM_DATA),
	DIRECTIVE(".subsection", ASM_SECTION), DIRECTIVE(".symver", ASM_SYMBOL),
	DIRECTIVE(".text", ASM_SECTION),       DIRECTIVE(".type", ASM_SYMBOL),
	DIRECTIVE(".uleb128", ASM_DATA),       DIRECTIVE(".value", ASM_DATA),
	DIRECTIVE(".weak", ASM_SYMBOL),	       DIRECTIVE(".weakref", ASM_SYMBOL),
	DIRECTIVE(".word", ASM_DATA),	       DIRECTIVE(".xword", ASM_DATA),
	DIRECTIVE(".zero", ASM_DATA),
};

static int compare_slices(struct slice a, struct slice b)
{
	size_t size = a.size < b.size ? a.size : b.size;
	int order = memcmp(a.text, b.text, size);

	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static enum asm_kind directive_kind(struct slice word)
{
	size_t low = 0, high = ARRAY_SIZE(directives);

	if (slice_equals(word, SLICE(".loc")))
		return ASM_LOC;
	if (slice_begins(word, SLICE(".cfi_")))
		return ASM_CFI;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_slices(word, directives[middle].word);

		if (order == 0)
			return directives[middle].kind;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return ASM_OTHER;
}

static int add_statement(struct lexer *lexer, struct slice text, size_t word_size,
			 enum asm_kind kind)
{
	struct asm_statement statement = {
		.offset = (uint32_t)(text.text - lexer->ret->text),
		.size = (uint32_t)text.size,
		.kind = (uint8_t)kind,
		.word_size = (uint8_t)(word_size < UINT8_MAX ? word_size : UINT8_MAX),
		.section = lexer->section,
	};

	if (vec_push(&lexer->ret->statements, statement) < 0)
		return error_set_nomem(lexer->reterr);
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f';
}

static size_t word_size(struct slice text)
{
	size_t size = 0;

	while (size < text.size && !is_blank(text.text[size]))
		size++;
	return size;
}

/* A statement without labels in front of it. */
static int lex_statement(struct lexer *lexer, struct slice text)
{
	size_t size = word_size(text);
	struct slice word = { text.text, size };
	enum asm_kind kind = ASM_INSTRUCTION;
	int r;

	if (text.size == 0)
		return 0;
	if (word.text[0] == '.')
		kind = directive_kind(word);
	if (kind == ASM_SECTION) {
		r = change_section(lexer, word, slice_trim(slice_skip(text, size)));
		if (r < 0)
			return r;
	}
	if (lexer->in_debug && kind != ASM_SYMBOL)
		return 0;
	return add_statement(lexer, text, size, kind);
}

/* The size of a label at the beginning of @text without its colon, 0 if there is none. */
static size_t label_size(struct slice text)
{
	size_t size = 0;

	if (text.size > 0 && text.text[0] == '"') {
		const char *close = memchr(text.text + 1, '"', text.size - 1);

		size = close == NULL ? 0 : (size_t)(close - text.text) + 1;
	} else {
		while (size < text.size && asm_is_name_char(text.text[size]))
			size++;
	}
	return size < text.size && text.text[size] == ':' ? size : 0;
}

static int lex_labels_and_statement(struct lexer *lexer, struct slice text)
{
	size_t size;
	int r;

	while ((size = label_size(text)) > 0) {
		r = add_statement(lexer, (struct slice){ text.text, size }, size, ASM_LABEL);
		if (r < 0)
			return r;
		text = slice_trim(slice_skip(text, size + 1));
	}
	return lex_statement(lexer, text);
}

/* Behind the string that begins at @at, or NULL. */
static const char *skip_string(const char *at, const char *end)
{
	for (at++; at < end && *at != '"' && *at != '\n'; at++)
		at += *at == '\\';
	return at < end && *at == '"' ? at + 1 : NULL;
}

/* Behind the character that begins at @at: 'c, or '\c, and gas takes a closing quote too. */
static const char *skip_character(const char *at, const char *end)
{
	at += end - at > 1 && at[1] == '\\' ? 3 : 2;
	if (at < end && *at == '\'')
		at++;
	return at < end ? at : end;
}

/* Behind the comment that begins at @at with slash and star, or NULL. */
static const char *skip_comment(const char *at, const char *end)
{
	const char *close = memmem(at + 2, (size_t)(end - at - 2), "*/", 2);

	return close == NULL ? NULL : close + 2;
}

static bool begins_comment(const struct lexer *lexer, const char *at)
{
	const struct asm_syntax *syntax = lexer->ret->syntax;

	if (*at != syntax->comment)
		return false;
	return !syntax->comment_is_double || (at + 1 < lexer->end && at[1] == syntax->comment);
}

static bool begins_block_comment(const struct lexer *lexer, const char *at)
{
	return *at == '/' && at + 1 < lexer->end && at[1] == '*';
}

static const char *line_end(const struct lexer *lexer, const char *at)
{
	const char *end = memchr(at, '\n', (size_t)(lexer->end - at));

	return end != NULL ? end : lexer->end;
}

/*
 * The end of the statement that begins at lexer->at: a line end, a semicolon or a comment, none of
 * them in a string. NULL, and the reason, if a string has no end.
 */
static const char *statement_end(struct lexer *lexer)
{
	const char *at = lexer->at;

	while (at < lexer->end) {
		if (!lexer->stops[(unsigned char)*at]) {
			at++;
		} else if (*at == '"') {
			const char *behind = skip_string(at, lexer->end);

			if (behind == NULL) {
				(void)lex_error(lexer, at, "a string has no end");
				return NULL;
			}
			at = behind;
		} else if (*at == '\'') {
			at = skip_character(at, lexer->end);
		} else if (*at == '\n' || *at == ';' || begins_comment(lexer, at) ||
			   begins_block_comment(lexer, at)) {
			return at;
		} else {
			at++;
		}
	}
	return lexer->end;
}

/* Move over blanks, separators and comments to where a statement begins. */
static int skip_to_statement(struct lexer *lexer)
{
	bool line_begins = lexer->at == lexer->ret->text || lexer->at[-1] == '\n';

	for (; lexer->at < lexer->end; lexer->at++) {
		if (is_blank(*lexer->at) || *lexer->at == ';')
			continue;
		if (*lexer->at == '\n') {
			line_begins = true;
			continue;
		}
		if (begins_block_comment(lexer, lexer->at)) {
			const char *behind = skip_comment(lexer->at, lexer->end);

			if (behind == NULL)
				return lex_error(lexer, lexer->at, "a comment has no end");
			lexer->at = behind - 1;
		} else if (begins_comment(lexer, lexer->at) ||
			   (line_begins && (*lexer->at == '#' || *lexer->at == '/'))) {
			lexer->at = line_end(lexer, lexer->at) - 1;
		} else {
			return 0;
		}
	}
	return 0;
}

/*
 * Of all lines of a debug section, the few whose beginning may be that of a directive to look at:
 * most are .long, .byte, .uleb128, .string, .value and .ascii.
 */
static bool may_matter_in_debug(const char *at, const char *end)
{
	if (end - at < 5 || at[0] != '.')
		return false;
	if (at[1] == 'l') /* .lcomm, .local */
		return at[2] == 'c' || (at[2] == 'o' && at[3] == 'c');
	if (at[1] == 's')
		return at[2] != 'l' && at[2] != 't' && at[2] != 'h';
	if (at[1] == 'b') /* .bss */
		return at[2] == 's';
	return strchr("cdeghiptw", at[1]) != NULL;
}

/*
 * In a debug section: move to the next line that may lead out of it, or that says something of a
 * symbol: clang writes aliases and common symbols wherever it is. What it is, its statement tells.
 */
static void skip_debug(struct lexer *lexer)
{
	while (lexer->at < lexer->end) {
		const char *at = lexer->at;

		while (at < lexer->end && (*at == ' ' || *at == '\t'))
			at++;
		if (may_matter_in_debug(at, lexer->end)) {
			struct slice line = { at, (size_t)(line_end(lexer, at) - at) };
			enum asm_kind kind = directive_kind((struct slice){ at, word_size(line) });

			lexer->at = at;
			if (kind == ASM_SECTION || kind == ASM_SYMBOL)
				return;
		}
		lexer->at = line_end(lexer, at);
		lexer->at += lexer->at < lexer->end;
	}
}

static int lex_all(struct lexer *lexer)
{
	while (lexer->at < lexer->end) {
		const char *end;
		int r;

		if (lexer->in_debug)
			skip_debug(lexer);
		r = skip_to_statement(lexer);
		if (r < 0)
			return r;
		end = statement_end(lexer);
		if (end == NULL)
			return -LCP_EFORMAT;
		r = lex_labels_and_statement(
			lexer, slice_trim((struct slice){ lexer->at, (size_t)(end - lexer->at) }));
		if (r < 0)
			return r;
		lexer->at = end;
	}
	return 0;
}

int asm_lex(const struct asm_syntax *syntax, const char *path, const char *text, size_t size,
	    struct asm_text *ret, struct lcp_error **reterr)
{
	struct lexer lexer = { .ret = ret, .reterr = reterr, .at = text, .end = text + size };
	int r;

	*ret = (struct asm_text){ .syntax = syntax, .path = path, .text = text, .size = size };
	if (size >= UINT32_MAX)
		return error_set(reterr, -EFBIG, "%s: 4 GiB of text are too many", path);
	for (const char *stop = "\n;\"'/"; *stop != '\0'; stop++)
		lexer.stops[(unsigned char)*stop] = true;
	lexer.stops[(unsigned char)syntax->comment] = true;

	r = find_section(&lexer, SLICE(".text"), (struct slice){ "", 0 });
	if (r == 0)
		r = lex_all(&lexer);
	map_fini(&lexer.section_numbers);
	if (r < 0)
		asm_text_fini(ret);
	return r;
}

void asm_text_fini(struct asm_text *text)
{
	vec_fini(&text->statements);
	vec_fini(&text->sections);
}

struct slice asm_statement_text(const struct asm_text *text, const struct asm_statement *statement)
{
	return (struct slice){ text->text + statement->offset, statement->size };
}

struct slice asm_statement_word(const struct asm_text *text, const struct asm_statement *statement)
{
	struct slice whole = asm_statement_text(text, statement);

	whole.size = statement->word_size < UINT8_MAX ? statement->word_size : word_size(whole);
	return whole;
}

struct slice asm_statement_operands(const struct asm_text *text,
				    const struct asm_statement *statement)
{
	struct slice word = asm_statement_word(text, statement);

	return slice_trim(slice_skip(asm_statement_text(text, statement), word.size));
}

size_t asm_statement_line(const struct asm_text *text, const struct asm_statement *statement)
{
	size_t line = 1;

	for (uint32_t i = 0; i < statement->offset; i++)
		line += text->text[i] == '\n';
	return line;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Line-number noise: a patch that adds a line moves everything below it, and with __LINE__ in an
 * assertion the code below changes although it means the same. Only .loc can tell. A number that is
 * passed as an argument is noise in two cases:
 *
 * - One and the same .loc of the function, at the instruction or in front of it, has the one number
 *   in the old version and the other in the new. In front of it, because the line may be that of a
 *   call whose callee was inlined.
 * - A .loc near the instruction, on either side since instructions are scheduled, has a line near
 *   the number, as far from it in the one version as in the other: a call goes over several lines
 *   and .loc names the first, or it was inlined and has none of its own. expat has both.
 *
 * An immediate alone is never noise: malloc(1032) made malloc(2056) is somebody's fix.
 */
#include "base/cleanup.h"
#include "base/num.h"
#include "build/asm_diff.h"

#define NEAR_LINES 4
#define NEAR_LOCS 32

/* How many .loc in front of an instruction are looked at: a function of any size stays cheap. */
#define LOOK_BACK_MAX 20000

/* The statements of a block that count, and the lines of its .loc. */
struct walk {
	struct asm_unit *unit;
	const struct asm_block *block;
	uint32_t next;
	size_t passed; /* how many of the lines belong to .loc so far */
	VEC(uint64_t) lines;
};

static void walk_fini(struct walk *walk)
{
	vec_fini(&walk->lines);
}

static bool parse_number(struct slice text, uint64_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < text.size; i++) {
		if (text.text[i] < '0' || text.text[i] > '9' || i == 10)
			return false;
		*ret = *ret * 10 + (uint64_t)(text.text[i] - '0');
	}
	return text.size > 0;
}

/* ".loc FILE LINE COLUMN ...". 0 if it says no line. */
static uint64_t line_of_loc(const struct asm_unit *unit, const struct asm_statement *statement)
{
	struct slice operands = asm_statement_operands(&unit->text, statement);
	uint64_t line;

	(void)slice_cut(&operands, ' ');
	return parse_number(slice_cut(&operands, ' '), &line) ? line : 0;
}

/* False without memory: then nothing can be proven. */
static bool walk_init(struct walk *walk)
{
	for (uint32_t i = 0; i < walk->block->count; i++) {
		const struct asm_statement *statement = asm_block_statement(walk->unit, walk->block,
									    i);

		if (statement->kind != ASM_LOC)
			continue;
		if (vec_push(&walk->lines, line_of_loc(walk->unit, statement)) < 0)
			return false;
		walk->passed += i < walk->next;
	}
	return true;
}

static const struct asm_statement *walk_next(struct walk *walk)
{
	while (walk->next < walk->block->count) {
		const struct asm_statement *statement = asm_block_statement(walk->unit, walk->block,
									    walk->next++);

		if (statement->kind == ASM_LOC)
			walk->passed++;
		else if (asm_statement_counts(&walk->unit->text, statement))
			return statement;
	}
	return NULL;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a < b ? b - a : a - b;
}

/* Did some .loc so far move from line @old_line to line @new_line, or one near it by as much? */
static bool line_moved(const struct walk *old, uint64_t old_line, const struct walk *new,
		       uint64_t new_line)
{
	size_t near_end = old->passed + NEAR_LOCS, first = 0;

	if (old->passed != new->passed || old->lines.count != new->lines.count)
		return false;
	if (near_end > old->lines.count)
		near_end = old->lines.count;
	if (old->passed > LOOK_BACK_MAX)
		first = old->passed - LOOK_BACK_MAX;
	for (size_t i = near_end; i > first; i--) {
		uint64_t old_loc = old->lines.items[i - 1], new_loc = new->lines.items[i - 1];
		bool is_near = i + NEAR_LOCS > old->passed &&
			       distance(old_loc, old_line) <= NEAR_LINES;

		if (i <= old->passed && old_loc == old_line && new_loc == new_line)
			return true;
		if (is_near && new_loc - old_loc == new_line - old_line)
			return true;
	}
	return false;
}

/* Two pieces that differ: are they lines, as immediates? */
static bool are_lines(const struct walk *old, struct slice old_piece, const struct walk *new,
		      struct slice new_piece, bool immediate)
{
	uint64_t old_number, new_number;

	return immediate && parse_number(old_piece, &old_number) &&
	       parse_number(new_piece, &new_number) && line_moved(old, old_number, new, new_number);
}

/* The register or place that an instruction moves to: the last operand, the first for aarch64. */
static struct slice destination(const struct asm_text *text, struct slice operands)
{
	struct slice piece = slice_cut(&operands, ',');

	while (text->syntax->register_prefix == '%' && operands.size > 0)
		piece = slice_cut(&operands, ',');
	return slice_trim(piece);
}

/*
 * Arguments are moved to their registers, or to the stack; nobody computes with a line. What is
 * returned or stored is none: return 64 made return 65 may be a fix.
 */
static bool moves_argument(const struct asm_text *text, const struct asm_statement *statement)
{
	static const struct slice registers[] = { { "%edi", 4 }, { "%esi", 4 }, { "%edx", 4 },
						  { "%ecx", 4 }, { "%r8d", 4 }, { "%r9d", 4 },
						  { "%rdi", 4 }, { "%rsi", 4 }, { "%rdx", 4 },
						  { "%rcx", 4 }, { "%r8", 3 },	{ "%r9", 3 } };
	struct slice word = asm_statement_word(text, statement), to;

	if (slice_begins(word, SLICE("push")))
		return true;
	if (!slice_begins(word, SLICE("mov")))
		return false;
	to = destination(text, asm_statement_operands(text, statement));
	if (text->syntax->register_prefix != '%')
		return to.size == 2 && (to.text[0] == 'w' || to.text[0] == 'x') &&
		       to.text[1] >= '0' && to.text[1] <= '7';
	for (size_t i = 0; i < ARRAY_SIZE(registers); i++)
		if (slice_equals(to, registers[i]))
			return true;
	return slice_ends(to, SLICE("(%rsp)"));
}

/*
 * The statements differ: do they in lines only? A name that is spelled differently counts as a
 * difference here, even if it is a label with another number: an immediate and a label in one
 * instruction are rare, and taking noise for a change does no harm.
 */
static bool differ_in_lines(const struct walk *old, const struct asm_statement *old_statement,
			    const struct walk *new, const struct asm_statement *new_statement)
{
	char prefix = old->unit->text.syntax->immediate_prefix;
	struct asm_scan old_scan, new_scan;
	struct slice old_piece, new_piece;
	struct slice word = asm_statement_word(&old->unit->text, old_statement);
	bool immediate = false, found = false;

	if (!slice_equals(word, asm_statement_word(&new->unit->text, new_statement)) ||
	    !moves_argument(&old->unit->text, old_statement))
		return false;
	asm_scan_init(&old_scan, &old->unit->text, old_statement);
	asm_scan_init(&new_scan, &new->unit->text, new_statement);
	for (;;) {
		enum asm_token old_token = asm_scan_next(&old_scan, &old_piece);
		enum asm_token new_token = asm_scan_next(&new_scan, &new_piece);

		if (old_token != new_token)
			return false;
		if (old_token == TOKEN_END)
			return found;
		if (!slice_equals(old_piece, new_piece)) {
			if (old_token == TOKEN_NAME ||
			    !are_lines(old, old_piece, new, new_piece, immediate))
				return false;
			found = true;
		}
		immediate = old_piece.size == 1 && *old_piece.text == prefix;
	}
}

bool asm_differs_in_lines_only(struct asm_diff *diff, const struct asm_block *old,
			       const struct asm_block *new)
{
	struct walk old_walk cleanup(
		walk_fini) = { .unit = diff->old, .block = old, .next = old->lead };
	struct walk new_walk cleanup(
		walk_fini) = { .unit = diff->new, .block = new, .next = new->lead };

	if (old->positions != new->positions || !walk_init(&old_walk) || !walk_init(&new_walk))
		return false;
	for (;;) {
		const struct asm_statement *old_statement = walk_next(&old_walk);
		const struct asm_statement *new_statement = walk_next(&new_walk);

		if (old_statement == NULL || new_statement == NULL)
			return old_statement == new_statement;
		if (asm_statement_hash(diff->old, old, old_statement) !=
			    asm_statement_hash(diff->new, new, new_statement) &&
		    !differ_in_lines(&old_walk, old_statement, &new_walk, new_statement))
			return false;
	}
}

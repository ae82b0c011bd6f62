/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Of how many functions of an ELF file can the beginning be moved? Usage: moves FILE... Prints a
 * line for each file, and what stands in the way of the rest, as far as a look at the overwritten
 * bytes tells.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64.h"
#include "format/elf_file.h"

#define DISTANCE 0x1000000

enum verdict {
	MOVED,
	CALLS,
	LOOPS,
	UNDECODABLE,
	OTHER,
	VERDICT_COUNT,
};

static const char *const words[] = { "moved", "call", "loop", "not decodable", "other" };

/* The cold part of the function @name, if the file names one. */
static void find_part(const struct elf_file *elf, const char *name, struct arch_move *move)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < elf->symtab.count; i++) {
		const struct elf_symbol *symbol = &elf->symtab.items[i];

		if (strncmp(symbol->name, name, length) == 0 &&
		    strcmp(symbol->name + length, ".cold") == 0) {
			move->part = elf_file_bytes_at(elf, symbol->value, symbol->size);
			move->part_size = move->part != NULL ? symbol->size : 0;
			move->part_from = symbol->value;
		}
	}
}

static enum verdict why_not(const struct arch_move *move)
{
	struct x86_64_insn insn = {};
	enum verdict verdict = OTHER;

	for (size_t at = 0; at < move->size; at += insn.size) {
		if (!x86_64_decode(move->code + at, move->size - at, &insn))
			return UNDECODABLE;
		if (at < move->need && insn.flow == FLOW_CALL)
			verdict = CALLS;
		if (at < move->need && insn.flow == FLOW_CONDITIONAL && insn.opcode >= 0xc0)
			verdict = LOOPS;
	}
	return verdict;
}

static enum verdict try_function(const struct elf_file *elf, const struct elf_symbol *symbol,
				 const uint8_t *bytes)
{
	struct arch_move move = { .code = bytes,
				  .size = symbol->size,
				  .from = symbol->value,
				  .to = symbol->value + DISTANCE };
	uint8_t code[ARCH_MOVED_MAX];

	move.may_push = getenv("MOVES_PUSH") != NULL;
	move.need = arch_x86_64.landing_pad(bytes, symbol->size).size + arch_x86_64.branch_size;
	find_part(elf, symbol->name, &move);
	if (arch_x86_64.move(&move, code) >= 0)
		return MOVED;
	if (getenv("MOVES_SHOW") != NULL)
		printf("%s %s 0x%" PRIx64 "\n", words[why_not(&move)], symbol->name, symbol->value);
	return why_not(&move);
}

static bool try_file(const char *path)
{
	uint64_t tally[VERDICT_COUNT] = {}, total = 0;
	struct lcp_error *error = NULL;
	struct elf_file *elf = NULL;
	const struct elf_symbols *symbols;

	if (elf_file_open(path, &elf, &error) < 0)
		return false;
	symbols = elf->symtab.count > 0 ? &elf->symtab : &elf->dynsym;
	for (size_t i = 0; i < symbols->count; i++) {
		const struct elf_symbol *symbol = &symbols->items[i];
		const uint8_t *bytes;

		if (symbol->type != STT_FUNC || symbol->size < arch_x86_64.branch_size ||
		    strstr(symbol->name, ".cold") != NULL)
			continue;
		bytes = elf_file_bytes_at(elf, symbol->value, symbol->size);
		if (bytes == NULL)
			continue;
		total++;
		tally[try_function(elf, symbol, bytes)]++;
	}
	printf("%s: %" PRIu64 " functions", path, total);
	for (size_t i = 0; i < VERDICT_COUNT; i++)
		printf(", %s %" PRIu64 " (%.2f %%)", words[i], tally[i],
		       total > 0 ? 100.0 * (double)tally[i] / (double)total : 0);
	printf("\n");
	elf_file_close(elf);
	return true;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!try_file(argv[i]))
			fprintf(stderr, "%s: cannot be read\n", argv[i]);
	}
	return 0;
}

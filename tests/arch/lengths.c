/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compares the decoder of x86-64 with the disassembler: reads lines "ADDRESS BYTES [TARGET]", one
 * for each instruction of objdump, in hexadecimal, and prints those where the decoder says
 * another size or target; in the end how many instructions, bytes, refusals and differences.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64.h"
#include "base/num.h"

struct tally {
	uint64_t count;
	uint64_t bytes;
	uint64_t refused;
	uint64_t wrong;
};

static uint8_t digit(char character)
{
	const char *digits = "0123456789abcdef", *found = strchr(digits, character);

	return found != NULL ? (uint8_t)(found - digits) : 0;
}

/* More than the instruction has: the decoder must find the end by itself. */
static size_t parse_bytes(const char *text, uint8_t *code, size_t room)
{
	size_t size = strspn(text, "0123456789abcdef") / 2;

	memset(code, 0x90, room);
	for (size_t i = 0; i < size && i < room; i++)
		code[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
	return size;
}

static bool is_right(const struct x86_64_insn *insn, const uint8_t *code, size_t size, uint64_t at,
		     const char *target)
{
	if (insn->size != size)
		return false;
	if (target == NULL)
		return insn->field_size == 0;
	return insn->field_size > 0 &&
	       x86_64_field_target(insn, code, at) == strtoull(target, NULL, 16);
}

static void compare(char *line, struct tally *tally)
{
	char *rest = NULL;
	const char *address = strtok_r(line, " \n", &rest), *bytes = strtok_r(NULL, " \n", &rest);
	const char *target = strtok_r(NULL, " \n", &rest);
	struct x86_64_insn insn = {};
	uint8_t code[32];
	uint64_t at;
	size_t size;

	if (address == NULL || bytes == NULL)
		return;
	at = strtoull(address, NULL, 16);
	size = parse_bytes(bytes, code, sizeof(code));
	tally->count++;
	tally->bytes += size;
	if (!x86_64_decode(code, sizeof(code), &insn)) {
		tally->refused++;
		printf("refused %s %s\n", address, bytes);
	} else if (!is_right(&insn, code, size, at, target)) {
		tally->wrong++;
		printf("wrong %s %s %s: size %d field %d\n", address, bytes, target ? target : "-",
		       insn.size, insn.field);
	}
}

int main(void)
{
	struct tally tally = {};
	char line[256];

	while (fgets(line, sizeof(line), stdin) != NULL)
		compare(line, &tally);
	printf("total %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", tally.count, tally.bytes,
	       tally.refused, tally.wrong);
	return 0;
}

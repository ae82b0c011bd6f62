/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzing entry point of the lexer and the differ. The input is two texts with a byte 0 between
 * them; without one it is compared with itself, and then nothing may differ.
 */
#include <stdlib.h>
#include <string.h>

#include "build/asm_diff.h"
#include "fuzz.h"

static int compare(const struct asm_syntax *syntax, struct slice old_text, struct slice new_text)
{
	struct asm_unit old, new;
	struct asm_diff diff;
	bool same;

	if (asm_unit_init(&old, syntax, "old.s", old_text.text, old_text.size, NULL) < 0)
		return -1;
	if (asm_unit_init(&new, syntax, "new.s", new_text.text, new_text.size, NULL) < 0) {
		asm_unit_fini(&old);
		return -1;
	}
	if (asm_diff_init(&diff, &old, &new, NULL) < 0) {
		asm_unit_fini(&old);
		asm_unit_fini(&new);
		return -1;
	}
	same = diff.changes.count == 0 && diff.refusals.count == 0;
	if (slice_equals(old_text, new_text) && !same)
		abort();
	vec_foreach (&diff.changes, change)
		fuzz_use((uint64_t)(asm_change_text(change->kind)[0] + change->name.text[0]));
	asm_diff_fini(&diff);
	asm_unit_fini(&old);
	asm_unit_fini(&new);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
	struct slice old = { (const char *)data, size }, new = old;

	if (zero != NULL) {
		old.size = (size_t)(zero - data);
		new = slice_skip(new, old.size + 1);
	}
	fuzz_tell(compare(&asm_syntax_x86_64, old, new));
	(void)compare(&asm_syntax_aarch64, old, new);
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the differences of a unit to the text of its part of the patch: changed and new functions,
 * new data, and the anonymous data that they use, each in a section of the patch.
 *
 * What a function is called decides what refers to it. The new version of foo is foo.kpatch, and
 * every reference to foo, calls too, means the original entry, which leads to the newest version
 * there is: so pointers keep their identity, and patches stack. A static symbol of the unit that
 * the patch does not bring is an undefined foo.lcp_unit, told from those of other units by what it
 * is resolved against.
 */
#ifndef LCP_BUILD_ASM_EMIT_H
#define LCP_BUILD_ASM_EMIT_H

#include "base/str.h"
#include "build/asm_diff.h"

#define EMIT_NEW_VERSION ".kpatch" /* foo.kpatch */
#define EMIT_STATIC ".lcp_unit" /* foo.lcp_unit */

#define EMIT_TEXT ".kpatch.text"
#define EMIT_RODATA ".kpatch.rodata"
#define EMIT_DATA ".kpatch.data"
#define EMIT_BSS ".kpatch.bss"

struct asm_emit {
	struct asm_diff *diff;
	const bool *absent; /* by block of the new unit, or NULL: see asm_emit_init() */
	const bool *present; /* by symbol of the new unit, or NULL: likewise */
	bool *brought; /* by block of the new unit */
	VEC(uint32_t) commons; /* new variables without a block: numbers of their symbols */
	VEC(uint32_t) aliases; /* labels that .set makes, as above */
	struct map olds; /* identity of a numbered static variable: its symbol in the old unit */
};

/*
 * Find what the patch has to bring. @absent, or NULL, says by block of the new unit what the
 * original has and the object has not, since the linker left it out: that is as good as new.
 * @present, or NULL, says by symbol what data the original has not and the object has, from another
 * unit: that is used. Both have to stay as long as @ret is used. 0, -ENOMEM, -LCP_EUNSUPPORTED
 * (with the reason).
 */
int asm_emit_init(struct asm_emit *ret, struct asm_diff *diff, const bool *absent,
		  const bool *present, struct lcp_error **reterr);
void asm_emit_fini(struct asm_emit *emit);

/* Write the text. 0, -ENOMEM, -LCP_EUNSUPPORTED. */
int asm_emit_write(const struct asm_emit *emit, struct str *to, struct lcp_error **reterr);

#endif

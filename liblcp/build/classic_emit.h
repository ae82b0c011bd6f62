/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the classic patch source has besides the original unit: copies of functions and data with
 * .kpatch behind their names, in sections of their own, and the records of functions.
 */
#ifndef LCP_BUILD_CLASSIC_EMIT_H
#define LCP_BUILD_CLASSIC_EMIT_H

#include "base/str.h"
#include "build/asm_diff.h"

/* What happens to a block of the new unit. */
enum classic_fate {
	FATE_NONE, /* it is the old one's, and its name means the old one */
	FATE_REPLACES, /* a function whose old version jumps here: its name means the old one */
	FATE_NEW, /* its name means the copy */
	FATE_COLD, /* a cold part: the same, but nobody else knows of it */
};

struct classic_emitter {
	struct asm_diff *diff;
	bool global; /* make all symbols global */
	bool gotpcrel; /* reach what is outside of the unit through the GOT */
	uint8_t *fates; /* enum classic_fate, of diff->new->blocks */
	uint32_t *order; /* statements block by block, labels included, of diff->new */
	uint32_t *first; /* of each block in order; one more at the end */
	bool *queued; /* anonymous blocks that are referred to, of diff->new->blocks */
	VEC(uint32_t) queue; /* the same as a list */
	uint32_t names; /* in .kpatch.strtab so far */
	bool has_data; /* something is in .kpatch.data */
	struct lcp_error **reterr;
};

/* 0 or -ENOMEM. */
int classic_emitter_init(struct classic_emitter *ret, struct asm_diff *diff,
			 struct lcp_error **reterr);
void classic_emitter_fini(struct classic_emitter *emitter);

/*
 * Append the copy of function block @block and its record, @comment in front of it. 0, -ENOMEM,
 * -LCP_EUNSUPPORTED.
 */
int classic_emit_function(struct classic_emitter *emitter, uint32_t block, const char *comment,
			  struct str *to);

/* Append the copy of data block @block. As above. */
int classic_emit_data(struct classic_emitter *emitter, uint32_t block, struct str *to);

/* Append a variable that .comm makes. */
void classic_emit_common(struct classic_emitter *emitter, const struct asm_symbol *symbol,
			 struct str *to);

/* Append what the copies so far refer to without a name: strings, constants, jump tables. */
int classic_emit_anonymous(struct classic_emitter *emitter, struct str *to);

/* Append what only the new unit says of symbols: aliases, and what is special of undefined ones. */
void classic_emit_others(const struct classic_emitter *emitter, struct str *to);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of symbols.c share.
 */
#ifndef LCP_CORE_SYMBOLS_PARTS_H
#define LCP_CORE_SYMBOLS_PARTS_H

#include "core/symbols.h"

/*
 * Read a table of @object, which @ret is the address of a pointer for: allocated, with a NUL behind
 * it; NULL if there is no such table or it cannot be read, which is no failure.
 */
int symbols_read(const struct lcp_process *process, const struct object *object, uint64_t address,
		 uint64_t size, const char *what, void *ret, struct lcp_error **reterr);

/* What DT_VERSYM says of a symbol: the number of its version, and whether it is an old one. */
#define VERSION_NUMBER 0x7fff
#define VERSION_HIDDEN 0x8000

/* Read names of versions that the object defines and needs. 0 or -ENOMEM. */
int symbols_read_versions(const struct lcp_process *process, struct object_symbols *symbols,
			  struct lcp_error **reterr);

#endif

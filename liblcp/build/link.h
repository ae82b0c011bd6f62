/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the units' parts of a patch to the patch: sections put together by kind, symbols that units
 * have of each other tied up, all others resolved against the object, and the table of functions.
 *
 * It is what ld -r would do and resolving at the same time, since both walk the same symbols.
 */
#ifndef LCP_BUILD_LINK_H
#define LCP_BUILD_LINK_H

#include "build/unit.h"
#include "format/kpatch.h"

/*
 * Fill in the sections, symbols and functions of *@ret, which has its arch and is ended by
 * link_fini() even on failure. Names in it are the units' and the object's. 0, -ENOMEM,
 * -LCP_ESYMBOL, -LCP_EFORMAT, -LCP_EUNSUPPORTED.
 */
int link_units(const struct object *object, const struct unit *units, size_t count,
	       struct lcp_kpatch *ret, struct lcp_error **reterr);
void link_fini(struct lcp_kpatch *patch);

#endif

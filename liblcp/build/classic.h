/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The classic tool chain from the inside: bytes in, bytes out. What each step does is said in
 * <lcp/classic.h>; the formats are those of kpatch(5).
 */
#ifndef LCP_BUILD_CLASSIC_H
#define LCP_BUILD_CLASSIC_H

#include <stddef.h>

#include <lcp/classic.h>

#include "base/ctx.h"
#include "base/slice.h"
#include "base/str.h"

/* Append what lcp_classic_*() gives out to @ret. The codes are the same. */
int classic_gensrc(struct lcp_ctx *ctx, struct slice original, struct slice patched,
		   const struct lcp_classic_gensrc_options *options, struct str *ret,
		   struct lcp_error **reterr);
int classic_strip(struct slice linked, struct str *ret, struct lcp_error **reterr);
int classic_rel_fixup(struct lcp_ctx *ctx, struct slice original, struct slice patch,
		      struct str *ret, struct lcp_error **reterr);
int classic_undo_link(struct slice original, struct slice patch, struct str *ret,
		      struct lcp_error **reterr);
int classic_make(struct slice object, const char *build_id, const char *id, uint64_t build_time,
		 struct str *ret, struct lcp_error **reterr);

/* Append @text without what the LCP_GENSRC_FILTER_* in @flags leave out. */
void classic_filter(struct slice text, uint32_t flags, struct str *ret);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A build: what a patch is made from, and the making of it from end to end.
 */
#ifndef LCP_BUILD_BUILD_H
#define LCP_BUILD_BUILD_H

#include "base/ctx.h"
#include "build/report.h"

struct build_pair {
	char *original; /* NULL for a new unit */
	char *patched;
};

struct lcp_build {
	struct lcp_ctx *ctx;
	char *object;
	char *id;
	char *debug_file; /* or NULL */
	char *description; /* or NULL */
	VEC(char *) cves;
	VEC(char *) assembler; /* its argv, without the NULL; empty for the default */
	VEC(struct build_pair) pairs;
	uint32_t level;
	uint32_t jobs; /* 0: as many as there are CPUs */
	uint32_t flags; /* LCP_BUILD_* */
	lcp_build_progress_fn progress;
	void *userdata;
	struct lcp_build_report *report; /* of the last run, until handed out */
};

/* NULL without memory. */
struct lcp_build *build_new(struct lcp_ctx *ctx, const char *object, const char *id);
void build_free(struct lcp_build *build);

DEFINE_GUARD(build, struct lcp_build *, build_free);
#define autobuild cleanup(build_guard)

/* 0 or -ENOMEM. */
int build_add_pair(struct lcp_build *build, const char *original, const char *patched);
int build_add_cve(struct lcp_build *build, const char *name);
int build_add_assembler_arg(struct lcp_build *build, const char *arg);

/* See lcp_patch_build_from_asm(). */
int build_run(struct lcp_build *build, struct lcp_kpatch **ret, struct lcp_error **reterr);

#endif

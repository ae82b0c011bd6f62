/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The report of a build: what is in the patch, what is not, and why.
 */
#ifndef LCP_BUILD_REPORT_H
#define LCP_BUILD_REPORT_H

#include <lcp/build.h>

#include "base/cleanup.h"
#include "base/vec.h"

/* Strings may be NULL, but for the reason. */
struct report_entry {
	char *symbol;
	char *unit;
	char *reason;
	char *old_location;
	char *new_location;
	char *old_statement;
	char *new_statement;
};

#define REPORT_KINDS LCP_REPORT_IGNORED

struct lcp_build_report {
	VEC(struct report_entry) kinds[REPORT_KINDS]; /* of LCP_REPORT_* - 1 */
};

/* NULL without memory. */
struct lcp_build_report *report_new(void);
void report_free(struct lcp_build_report *report);

DEFINE_GUARD(report, struct lcp_build_report *, report_free);
#define autoreport cleanup(report_guard)

/*
 * Add an entry, whose strings are taken over, even on failure; so one that is NULL for want of
 * memory may be passed on. 0 or -ENOMEM.
 */
int report_add(struct lcp_build_report *report, uint32_t kind, struct report_entry entry);

/* The same with nothing but a symbol, or NULL, and why. */
int report_say(struct lcp_build_report *report, uint32_t kind, const char *symbol, const char *unit,
	       const char *format, ...) __attribute__((format(printf, 5, 6)));

uint32_t report_count(const struct lcp_build_report *report, uint32_t kind);

/* Entry @index of @kind, or NULL. */
const struct report_entry *report_get(const struct lcp_build_report *report, uint32_t kind,
				      uint32_t index);

/* Sort the entries of each kind by unit and symbol, so that threads leave no trace. */
void report_sort(struct lcp_build_report *report);

/* See lcp_build_report_json(); the caller frees *@ret. */
int report_json(const struct lcp_build_report *report, char **ret);

#endif

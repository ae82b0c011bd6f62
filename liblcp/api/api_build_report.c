/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Getters of a report. NULL, an unknown kind, or an index beyond the last, gets NULL or 0.
 */
#include "api/api.h"

#include "build/report.h"

EXPORT void lcp_build_report_free(struct lcp_build_report *report)
{
	report_free(report);
}

EXPORT uint32_t lcp_build_report_count(const struct lcp_build_report *report, uint32_t kind)
{
	return report != NULL ? report_count(report, kind) : 0;
}

static const struct report_entry *entry_at(const struct lcp_build_report *report, uint32_t kind,
					   uint32_t index)
{
	return report != NULL ? report_get(report, kind, index) : NULL;
}

EXPORT const char *lcp_build_report_symbol(const struct lcp_build_report *report, uint32_t kind,
					   uint32_t index)
{
	const struct report_entry *entry = entry_at(report, kind, index);

	return entry != NULL ? entry->symbol : NULL;
}

EXPORT const char *lcp_build_report_unit(const struct lcp_build_report *report, uint32_t kind,
					 uint32_t index)
{
	const struct report_entry *entry = entry_at(report, kind, index);

	return entry != NULL ? entry->unit : NULL;
}

EXPORT const char *lcp_build_report_reason(const struct lcp_build_report *report, uint32_t kind,
					   uint32_t index)
{
	const struct report_entry *entry = entry_at(report, kind, index);

	return entry != NULL ? entry->reason : NULL;
}

EXPORT const char *lcp_build_report_old_location(const struct lcp_build_report *report,
						 uint32_t kind, uint32_t index)
{
	const struct report_entry *entry = entry_at(report, kind, index);

	return entry != NULL ? entry->old_location : NULL;
}

EXPORT const char *lcp_build_report_new_location(const struct lcp_build_report *report,
						 uint32_t kind, uint32_t index)
{
	const struct report_entry *entry = entry_at(report, kind, index);

	return entry != NULL ? entry->new_location : NULL;
}

EXPORT const char *lcp_build_report_old_statement(const struct lcp_build_report *report,
						  uint32_t kind, uint32_t index)
{
	const struct report_entry *entry = entry_at(report, kind, index);

	return entry != NULL ? entry->old_statement : NULL;
}

EXPORT const char *lcp_build_report_new_statement(const struct lcp_build_report *report,
						  uint32_t kind, uint32_t index)
{
	const struct report_entry *entry = entry_at(report, kind, index);

	return entry != NULL ? entry->new_statement : NULL;
}

EXPORT int32_t lcp_build_report_json(const struct lcp_build_report *report, char **ret)
{
	if (report == NULL || ret == NULL)
		return -EINVAL;
	return report_json(report, ret);
}

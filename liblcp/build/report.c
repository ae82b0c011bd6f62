/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/report.h"

#include <string.h>

#include "base/json.h"

struct lcp_build_report *report_new(void)
{
	return calloc(1, sizeof(struct lcp_build_report));
}

static void entry_fini(struct report_entry *entry)
{
	free(entry->symbol);
	free(entry->unit);
	free(entry->reason);
	free(entry->old_location);
	free(entry->new_location);
	free(entry->old_statement);
	free(entry->new_statement);
}

void report_free(struct lcp_build_report *report)
{
	if (report == NULL)
		return;
	for (uint32_t i = 0; i < REPORT_KINDS; i++) {
		vec_foreach (&report->kinds[i], entry)
			entry_fini(entry);
		vec_fini(&report->kinds[i]);
	}
	free(report);
}

int report_add(struct lcp_build_report *report, uint32_t kind, struct report_entry entry)
{
	int r = entry.reason == NULL ? -ENOMEM : vec_push(&report->kinds[kind - 1], entry);

	if (r < 0)
		entry_fini(&entry);
	return r;
}

int report_say(struct lcp_build_report *report, uint32_t kind, const char *symbol, const char *unit,
	       const char *format, ...)
{
	struct report_entry entry = {
		.symbol = symbol != NULL ? strdup(symbol) : NULL,
		.unit = unit != NULL ? strdup(unit) : NULL,
	};
	autostr struct str reason = { 0 };
	va_list args;

	va_start(args, format);
	str_vprintf(&reason, format, args);
	va_end(args);
	if ((symbol == NULL || entry.symbol != NULL) && (unit == NULL || entry.unit != NULL))
		(void)str_take(&reason, &entry.reason);
	return report_add(report, kind, entry);
}

static bool is_kind(uint32_t kind)
{
	return kind > 0 && kind <= REPORT_KINDS;
}

uint32_t report_count(const struct lcp_build_report *report, uint32_t kind)
{
	return is_kind(kind) ? (uint32_t)report->kinds[kind - 1].count : 0;
}

const struct report_entry *report_get(const struct lcp_build_report *report, uint32_t kind,
				      uint32_t index)
{
	return index < report_count(report, kind) ? &report->kinds[kind - 1].items[index] : NULL;
}

static int compare_text(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "");
}

static int compare_entries(const void *left, const void *right)
{
	const struct report_entry *a = left, *b = right;
	int order = compare_text(a->unit, b->unit);

	if (order == 0)
		order = compare_text(a->symbol, b->symbol);
	return order != 0 ? order : compare_text(a->reason, b->reason);
}

void report_sort(struct lcp_build_report *report)
{
	for (uint32_t i = 0; i < REPORT_KINDS; i++)
		if (report->kinds[i].count > 1)
			qsort(report->kinds[i].items, report->kinds[i].count,
			      sizeof(struct report_entry), compare_entries);
}

static void put_entry(struct json *json, const struct report_entry *entry)
{
	json_object_begin(json, NULL);
	json_string(json, "symbol", entry->symbol);
	json_string(json, "unit", entry->unit);
	json_string(json, "reason", entry->reason);
	json_string(json, "old_location", entry->old_location);
	json_string(json, "new_location", entry->new_location);
	json_string(json, "old_statement", entry->old_statement);
	json_string(json, "new_statement", entry->new_statement);
	json_object_end(json);
}

int report_json(const struct lcp_build_report *report, char **ret)
{
	static const char *const names[REPORT_KINDS] = {
		[LCP_REPORT_FUNCTION - 1] = "functions", [LCP_REPORT_DATA - 1] = "data",
		[LCP_REPORT_REFUSAL - 1] = "refusals",	 [LCP_REPORT_WARNING - 1] = "warnings",
		[LCP_REPORT_IGNORED - 1] = "ignored",
	};
	autojson struct json json = { 0 };

	json_object_begin(&json, NULL);
	for (uint32_t i = 0; i < REPORT_KINDS; i++) {
		json_array_begin(&json, names[i]);
		vec_foreach (&report->kinds[i], entry)
			put_entry(&json, entry);
		json_array_end(&json);
	}
	json_object_end(&json);
	return json_take(&json, ret);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A table of functions and data with the first difference of each, then what a person has to
 * judge.
 */
#include "report.h"

#include <stdio.h>
#include <string.h>

#define COLUMN_MAX 40

enum column {
	COLUMN_SYMBOL,
	COLUMN_UNIT,
	COLUMN_REASON,
	COLUMN_COUNT
};

static const char *cell(const struct lcp_build_report *report, uint32_t kind, uint32_t index,
			enum column column)
{
	const char *text;

	if (column == COLUMN_SYMBOL)
		text = lcp_build_report_symbol(report, kind, index);
	else if (column == COLUMN_UNIT)
		text = lcp_build_report_unit(report, kind, index);
	else
		text = lcp_build_report_reason(report, kind, index);
	return text != NULL ? text : "-";
}

static int width_of(const struct lcp_build_report *report, uint32_t kind, enum column column,
		    const char *title)
{
	size_t width = strlen(title);

	for (uint32_t i = 0; i < lcp_build_report_count(report, kind); i++) {
		size_t size = strlen(cell(report, kind, i, column));

		if (size > width)
			width = size;
	}
	return width > COLUMN_MAX ? COLUMN_MAX : (int)width;
}

/* Where the first difference is, and what it is. */
static void print_difference(const struct lcp_build_report *report, uint32_t kind, uint32_t index)
{
	const char *old_at = lcp_build_report_old_location(report, kind, index);
	const char *new_at = lcp_build_report_new_location(report, kind, index);
	const char *old = lcp_build_report_old_statement(report, kind, index);
	const char *new = lcp_build_report_new_statement(report, kind, index);

	if (old != NULL)
		printf("    - %s%s%s\n", old_at != NULL ? old_at : "", old_at != NULL ? ": " : "",
		       old);
	if (new != NULL)
		printf("    + %s%s%s\n", new_at != NULL ? new_at : "", new_at != NULL ? ": " : "",
		       new);
}

static void print_table(const struct lcp_build_report *report, uint32_t kind, const char *title)
{
	const char *const titles[COLUMN_COUNT] = { title, "UNIT", "WHY" };
	uint32_t count = lcp_build_report_count(report, kind);
	int widths[COLUMN_COUNT];

	if (count == 0)
		return;
	for (enum column column = 0; column < COLUMN_COUNT; column++)
		widths[column] = width_of(report, kind, column, titles[column]);
	printf("\n%-*s  %-*s  %-*s  FIRST DIFFERENCE\n", widths[0], titles[0], widths[1], titles[1],
	       widths[2], titles[2]);
	for (uint32_t i = 0; i < count; i++) {
		const char *at = lcp_build_report_new_location(report, kind, i);

		if (at == NULL)
			at = lcp_build_report_old_location(report, kind, i);
		printf("%-*s  %-*s  %-*s  %s\n", widths[0], cell(report, kind, i, COLUMN_SYMBOL),
		       widths[1], cell(report, kind, i, COLUMN_UNIT), widths[2],
		       cell(report, kind, i, COLUMN_REASON), at != NULL ? at : "-");
		print_difference(report, kind, i);
	}
}

/* "refusal: counter (a.c): its size changed, at a.c:12" */
static void print_lines(const struct lcp_build_report *report, uint32_t kind, const char *word,
			int colour)
{
	for (uint32_t i = 0; i < lcp_build_report_count(report, kind); i++) {
		const char *symbol = lcp_build_report_symbol(report, kind, i);
		const char *unit = lcp_build_report_unit(report, kind, i);
		const char *at = lcp_build_report_new_location(report, kind, i);

		if (at == NULL)
			at = lcp_build_report_old_location(report, kind, i);
		if (colour > 0)
			printf("\033[%dm%s\033[0m: ", colour, word);
		else
			printf("%s: ", word);
		if (symbol != NULL)
			printf("%s ", symbol);
		if (unit != NULL)
			printf("(%s) ", unit);
		printf("%s%s%s%s\n", symbol != NULL || unit != NULL ? "- " : "",
		       lcp_build_report_reason(report, kind, i), at != NULL ? ", at " : "",
		       at != NULL ? at : "");
		print_difference(report, kind, i);
	}
}

void report_print(const struct lcp_build_report *report, const struct output *output)
{
	uint32_t ignored = lcp_build_report_count(report, LCP_REPORT_IGNORED);

	print_table(report, LCP_REPORT_FUNCTION, "FUNCTION");
	print_table(report, LCP_REPORT_DATA, "DATA");
	if (ignored + lcp_build_report_count(report, LCP_REPORT_WARNING) +
		    lcp_build_report_count(report, LCP_REPORT_REFUSAL) >
	    0)
		printf("\n");
	if (output->verbose)
		print_lines(report, LCP_REPORT_IGNORED, "ignored", 0);
	else if (ignored > 0)
		printf("ignored: %u differences that are none (-v shows them)\n", ignored);
	print_lines(report, LCP_REPORT_WARNING, "warning", output->colour ? 33 : 0);
	print_lines(report, LCP_REPORT_REFUSAL, "refusal", output->colour ? 31 : 0);
}

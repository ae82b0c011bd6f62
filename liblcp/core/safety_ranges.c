/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ranges that have to be clear: does a word point into one of them? Nearly none does, so the
 * question is asked first of all ranges at once, then of spans, and of ranges last.
 */
#include "core/safety_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"

/*
 * A return address is the one behind a call, which may end a function that never returns there: so
 * the end belongs to the span. So does the start, as the pc of a signal frame.
 */
static struct safety_span span_of(const struct safety_range *range)
{
	if (range->bytes_only)
		return (struct safety_span){ range->start + 1, range->end - 1 };
	return (struct safety_span){ range->start, range->end };
}

static int compare_ranges(const void *a, const void *b)
{
	uint64_t left = span_of(a).first, right = span_of(b).first;

	return (left > right) - (left < right);
}

/* Nothing can be in it: less than two bytes have no inside. */
static bool is_empty(const struct safety_range *range)
{
	return range->start >= range->end || (range->bytes_only && range->end - range->start < 2);
}

/* Make the spans of the sorted ranges, those that touch as one. */
static void make_spans(struct safety *safety)
{
	struct safety_span *last = NULL;

	for (size_t i = 0; i < safety->range_count; i++) {
		struct safety_span span = span_of(&safety->ranges[i]);

		if (last == NULL || span.first > last->last) {
			last = &safety->spans[safety->span_count++];
			*last = span;
		} else if (span.last > last->last) {
			last->last = span.last;
		}
	}
}

int safety_ranges_init(struct safety *safety, const struct safety_range *ranges, size_t count,
		       struct lcp_error **reterr)
{
	safety->ranges = calloc(count + 1, sizeof(*safety->ranges));
	safety->spans = calloc(count + 1, sizeof(*safety->spans));
	if (safety->ranges == NULL || safety->spans == NULL)
		return error_set_nomem(reterr);
	for (size_t i = 0; i < count; i++)
		if (!is_empty(&ranges[i]))
			safety->ranges[safety->range_count++] = ranges[i];
	qsort(safety->ranges, safety->range_count, sizeof(*safety->ranges), compare_ranges);
	make_spans(safety);
	return 0;
}

void safety_ranges_fini(struct safety *safety)
{
	free(safety->ranges);
	free(safety->spans);
}

static bool is_in_span(const struct safety *safety, uint64_t word)
{
	size_t low = 0, high = safety->span_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (word > safety->spans[middle].last)
			low = middle + 1;
		else if (word < safety->spans[middle].first)
			high = middle;
		else
			return true;
	}
	return false;
}

static bool is_in_range(const struct safety_range *range, uint64_t address, enum safety_use use)
{
	if (range->bytes_only || use == SAFETY_MIDDLE)
		return range->start < address && address < range->end;
	return (use != SAFETY_RETURN && range->start <= address && address < range->end) ||
	       (use != SAFETY_PC && range->start < address && address <= range->end);
}

const struct safety_range *safety_range_at(const struct safety *safety, uint64_t address,
					   enum safety_use use)
{
	address &= safety->arch->return_mask;
	if (!is_in_span(safety, address))
		return NULL;
	for (size_t i = 0; i < safety->range_count; i++)
		if (is_in_range(&safety->ranges[i], address, use))
			return &safety->ranges[i];
	return NULL;
}

size_t safety_find_word(const struct safety *safety, const uint8_t *bytes, size_t offset,
			size_t size)
{
	uint64_t mask = safety->arch->return_mask, lowest, room;

	if (safety->span_count == 0)
		return size;
	lowest = safety->spans[0].first;
	room = safety->spans[safety->span_count - 1].last - lowest;
	for (; range_fits(offset, sizeof(uint64_t), size); offset += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, bytes + offset, sizeof(word));
		word &= mask;
		if (word - lowest <= room && is_in_span(safety, word))
			return offset;
	}
	return size;
}

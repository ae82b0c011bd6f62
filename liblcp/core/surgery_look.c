/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is in the process, compared with what should be there.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/surgery_parts.h"

int surgery_put(const struct surgery *surgery, uint64_t address, const void *bytes, size_t size)
{
	return surgery->target->ops->write(surgery->target, address, bytes, size);
}

int surgery_compare(const struct surgery *surgery, uint64_t address, const uint8_t *bytes,
		    size_t size)
{
	uint8_t there[LEDGER_ENTRY_MAX];
	int r;

	r = surgery->target->ops->read(surgery->target, address, there, size);
	if (r == -EFAULT)
		return -EAGAIN;
	if (r < 0)
		return target_fail(surgery->target, r, "reading 0x%" PRIx64, address);
	return memcmp(there, bytes, size) == 0 ? 0 : -EAGAIN;
}

/* Bytes that are to be compared, read together. */
#define LOOK_MAX 32

struct look {
	const struct surgery *surgery;
	int r;
	size_t count;
	struct target_piece pieces[LOOK_MAX];
	const uint8_t *expected[LOOK_MAX];
	uint8_t there[LOOK_MAX][LEDGER_ENTRY_MAX];
};

/* What was asked for is as expected: 0; as surgery_compare(). */
static int look_end(struct look *look)
{
	target_read_pieces(look->surgery->target, look->pieces, look->count);
	for (size_t i = 0; i < look->count && look->r == 0; i++) {
		const struct target_piece *piece = &look->pieces[i];

		/* Why it is not is asked for once more. */
		if (piece->got < piece->size ||
		    memcmp(piece->bytes, look->expected[i], piece->size) != 0)
			look->r = surgery_compare(look->surgery, piece->address, look->expected[i],
						  piece->size);
	}
	look->count = 0;
	return look->r;
}

static void look_at(struct look *look, uint64_t address, const uint8_t *expected, size_t size)
{
	if (look->count == LOOK_MAX)
		(void)look_end(look);
	look->pieces[look->count] = (struct target_piece){
		.address = address,
		.bytes = look->there[look->count],
		.size = size,
	};
	look->expected[look->count++] = expected;
}

static void look_at_expects(struct look *look, bool stopped)
{
	const struct surgery *surgery = look->surgery;

	vec_foreach (&surgery->expects, expect) {
		const uint8_t *bytes = surgery->loaded ? expect->loaded : expect->bytes;

		if (bytes != NULL && (expect->stopped || !stopped))
			look_at(look, expect->address, bytes, expect->size);
	}
}

int surgery_check_expects(struct surgery *surgery, bool stopped)
{
	struct look look = { .surgery = surgery };
	int r;

	look_at_expects(&look, stopped);
	r = look_end(&look);
	/* Without an answer it is ours as long as the process is held. */
	surgery->lost = surgery->loaded && (r == -EAGAIN || (r < 0 && !stopped));
	return r;
}

static void look_at_entries(struct look *look, bool changed)
{
	vec_foreach (&look->surgery->changes, change)
		look_at(look, change->entry, changed ? change->to : change->from, change->size);
}

int surgery_check_entries(const struct surgery *surgery, bool changed)
{
	struct look look = { .surgery = surgery };

	look_at_entries(&look, changed);
	return look_end(&look);
}

/* Mostly all is as it should be; otherwise it matters which of the two is not. */
int surgery_check_all(struct surgery *surgery)
{
	struct look all = { .surgery = surgery };
	int r;

	look_at_expects(&all, true);
	look_at_entries(&all, false);
	if (look_end(&all) == 0)
		return 0;
	surgery->target->fault = (struct target_fault){ 0 };
	r = surgery_check_expects(surgery, true);
	return r < 0 ? r : surgery_check_entries(surgery, false);
}

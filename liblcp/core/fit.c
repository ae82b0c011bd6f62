/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/fit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "core/room.h"

#define RESOLVE_ROUNDS 8

const char *fit_id(const struct lcp_kpatch *patch)
{
	return patch->id != NULL ? patch->id : patch->build_id;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Is a breakpoint among the bytes of the entry, where there was none? */
static bool has_breakpoint(const struct arch *arch, const struct ledger_row *row,
			   const uint8_t *there)
{
	for (uint32_t i = 0; i < row->size; i += arch->instruction_align)
		if (there[i] != row->pristine[i] && arch->is_breakpoint(there + i, row->size - i))
			return true;
	return false;
}

/* What is at an entry that is not as it should be, in words. */
static int foreign_entry(const struct plan *plan, const struct ledger_row *row,
			 const uint8_t *there, struct lcp_error **reterr)
{
	const struct arch *arch = plan->process->target->arch;
	uint64_t target = entry_target(arch, row, there);

	if (has_breakpoint(arch, row, there))
		return error_set(reterr, -LCP_ECONFLICT,
				 "function '%s' at 0x%" PRIx64 ": a breakpoint is at its entry",
				 row->name, row->entry);
	if (target != 0)
		return error_set(reterr, -LCP_ECONFLICT,
				 "function '%s' at 0x%" PRIx64
				 ": something else leads it to 0x%" PRIx64 " already",
				 row->name, row->entry, target);
	return error_set(reterr, -LCP_EMISMATCH,
			 "function '%s' at 0x%" PRIx64
			 " does not begin with the bytes that the patch was made for",
			 row->name, row->entry);
}

/*
 * The row of the patch that the entry leads to now, at @target: *@ret is NULL if it has its own
 * bytes. *@sequence, of the patch that comes on top of it, becomes higher than that one's.
 */
static int find_top(struct plan *plan, uint64_t target, uint64_t entry, struct ledger_row **ret,
		    uint64_t *sequence, struct lcp_error **reterr)
{
	struct ledger_record *record;
	struct ledger_chunk *chunk;
	struct ledger_slot *slot;
	int r;

	*ret = NULL;
	slot = target != 0 ? ledger_slot_at(&plan->ledger, target, &chunk) : NULL;
	if (slot == NULL || slot->state != LCP_STATE_APPLIED)
		return 0;
	r = ledger_record(plan->process, chunk, slot, &record, reterr);
	if (r < 0)
		return r;
	*ret = ledger_row_of(record, entry);
	/* Clocks are set back, and still the newest patch has the highest one. */
	if (*ret != NULL && *sequence <= record->sequence && record->sequence < UINT64_MAX)
		*sequence = record->sequence + 1;
	return 0;
}

/* Does the slot belong to a patch of this plan? Nothing of that is in the process. */
static bool is_new_slot(const struct plan *plan, const struct ledger_slot *slot)
{
	vec_foreach (&plan->parts, part)
		if (part->is_new && part->slot == slot)
			return true;
	return false;
}

/*
 * Nobody may be in any version of a function that is replaced: not in those below the one in force,
 * nor in what a dead doctor or one that looked at entries only has left.
 */
static int clear_versions(struct plan *plan, const struct ledger_row *mine,
			  struct lcp_error **reterr)
{
	bool stacked = (mine->flags & LEDGER_ROW_STACKED) != 0;
	struct ledger_chunk *chunk;
	struct ledger_slot *slot;
	int r = 0;

	for (size_t i = 0; i < plan->ledger.count * LEDGER_SLOT_COUNT && r == 0; i++) {
		struct ledger_record *record;
		const struct ledger_row *row;

		chunk = &plan->ledger.chunks[i / LEDGER_SLOT_COUNT];
		slot = &chunk->slots[i % LEDGER_SLOT_COUNT];
		/* Of the many that are applied none is on a function that has its own bytes. */
		if (slot->state == 0 || (slot->state == LCP_STATE_APPLIED && !stacked) ||
		    is_new_slot(plan, slot))
			continue;
		r = ledger_record(plan->process, chunk, slot, &record, reterr);
		row = r == 0 ? ledger_row_of(record, mine->entry) : NULL;
		if (row == NULL)
			continue;
		r = plan_clear(plan, row->new_address, row->new_address + row->new_size, false,
			       row->name, reterr);
		if (r == 0)
			r = plan_clear(plan, row->moved, row->moved + row->moved_size, false,
				       row->name, reterr);
	}
	return r;
}

/*
 * What is at the entry now: the object's own bytes or another patch. Puts the first into
 * row->pristine and the second into row->from.
 */
static int look_at_entry(struct plan *plan, const struct kpatch_function *function,
			 struct ledger_row *row, uint64_t *sequence, struct lcp_error **reterr)
{
	const struct arch *arch = plan->process->target->arch;
	uint8_t there[LEDGER_ENTRY_MAX] = { 0 };
	uint32_t room = smaller(function->old_size + function->padding, LEDGER_ENTRY_MAX);
	uint32_t expected = smaller(function->entry_size, room);
	struct ledger_row *top;
	int r;

	r = process_read(plan->process, row->entry, there, room, row->name, reterr);
	if (r < 0)
		return r;
	/* The file has no more of the entry than the function; behind it is padding. */
	memcpy(row->pristine, there, room);
	memcpy(row->pristine, function->entry, expected);
	row->size = entry_size(arch, row->pristine, room);
	if (row->size > room)
		return error_set(reterr, -LCP_ENOROOM,
				 "function '%s' has %" PRIu32 " bytes, and a branch needs %" PRIu32,
				 row->name, room, row->size);
	memcpy(row->from, there, row->size);
	r = find_top(plan, entry_target(arch, row, there), row->entry, &top, sequence, reterr);
	if (r < 0)
		return r;
	if (top != NULL) {
		memcpy(row->pristine, top->pristine, sizeof(row->pristine));
		row->flags |= LEDGER_ROW_STACKED;
	}
	if (memcmp(row->pristine, function->entry, smaller(expected, row->size)) != 0)
		return foreign_entry(plan, row, there, reterr);
	if (top == NULL && memcmp(there, row->pristine, row->size) != 0)
		return foreign_entry(plan, row, there, reterr);
	return 0;
}

/* All of the old function, as the object has it; the digest tells whether it is the right one. */
static int look_at_code(struct plan *plan, const struct kpatch_function *function,
			const struct ledger_row *row, uint64_t address, const uint8_t **ret,
			struct lcp_error **reterr)
{
	uint8_t digest[SHA256_SIZE];
	uint8_t *code;
	uint32_t changed = smaller(row->size, function->old_size);
	int r;

	code = plan_alloc(plan, function->old_size);
	if (code == NULL)
		return error_set_nomem(reterr);
	*ret = code;
	r = process_read(plan->process, address, code, function->old_size, row->name, reterr);
	if (r < 0)
		return r;
	memcpy(code, row->pristine, changed);
	if (function->digest == NULL)
		return 0;
	sha256(code, function->old_size, digest);
	if (memcmp(digest, function->digest, SHA256_SIZE) == 0)
		return 0;
	return error_set(reterr, -LCP_EMISMATCH,
			 "function '%s' at 0x%" PRIx64
			 " is not the code that the patch was made for, or has a breakpoint in it",
			 row->name, address);
}

static int make_row(struct plan *plan, struct fit *fit, size_t index, struct lcp_error **reterr)
{
	const struct kpatch_function *function = &fit->patch->functions[index];
	struct ledger_row *row = &fit->record->rows[index];
	uint64_t address = fit->object->bias + function->old_address;
	bool entry_only = (plan->settings->flags & LCP_APPLY_ENTRY_ONLY) != 0;
	int r = 0;

	row->name = (char *)function->name;
	row->new_size = function->new_size;
	if (function->old_size == 0)
		return 0;
	row->old_size = function->old_size;
	row->entry = address;
	if (function->is_part)
		row->flags = LEDGER_ROW_PART;
	else
		r = look_at_entry(plan, function, row, &fit->record->sequence, reterr);
	if (r == 0)
		r = look_at_code(plan, function, row, address, &fit->functions[index].bytes,
				 reterr);
	if (r == 0 && !entry_only)
		r = plan_clear(plan, address, address + function->old_size, false, row->name,
			       reterr);
	if (r == 0 && !entry_only)
		r = clear_versions(plan, row, reterr);
	if (r == 0)
		r = plan_clear(plan, address, address + row->size, true, row->name, reterr);
	return r;
}

/* The cold part of a function is named after it: "main.cold". */
static bool is_part_of(const struct kpatch_function *part, const struct kpatch_function *function)
{
	size_t length = strlen(function->name);

	return part->is_part && strncmp(part->name, function->name, length) == 0 &&
	       part->name[length] == '.';
}

/*
 * On a machine with shadow stacks a return address cannot be pushed by hand (kernel:
 * Documentation/arch/x86/shstk.rst): does the process have one?
 */
static bool has_shadow_stack(struct target *target)
{
	autofree char *text = NULL;
	size_t size;

	return target->ops->file(target, "status", &text, &size) < 0 ||
	       strstr(text, "shstk") != NULL;
}

/*
 * How much room the moved beginnings take, of the functions that can be moved. And if calls that
 * have begun go on in the old code, does that keep away from what is overwritten?
 */
static int measure_moved(struct plan *plan, struct fit *fit, struct lcp_error **reterr)
{
	const struct arch *arch = plan->process->target->arch;
	const struct lcp_kpatch *patch = fit->patch;
	bool entry_only = (plan->settings->flags & LCP_APPLY_ENTRY_ONLY) != 0;
	bool may_push = !has_shadow_stack(plan->process->target);

	for (size_t i = 0; i < patch->function_count; i++) {
		struct entry_code *code = &fit->functions[i];
		struct ledger_row *row = &fit->record->rows[i];

		code->may_push = may_push;
		for (size_t j = 0; row->size > 0 && j < patch->function_count; j++)
			if (is_part_of(&patch->functions[j], &patch->functions[i])) {
				code->part = fit->functions[j].bytes;
				code->part_size = fit->record->rows[j].old_size;
				code->part_address = fit->record->rows[j].entry;
			}
		if (row->size == 0)
			continue;
		row->moved_size = entry_moved_size(arch, row, code);
		if (entry_only && entry_leads_back(arch, row, code))
			return error_set(
				reterr, -LCP_EUNSUPPORTED,
				"function '%s': a call that has begun may come back to the "
				"bytes at its entry, so looking at those is not enough",
				row->name);
	}
	return 0;
}

static int make_record(struct plan *plan, struct fit *fit, uint64_t sequence,
		       struct lcp_error **reterr)
{
	const struct lcp_kpatch *patch = fit->patch;
	struct ledger_record *record = plan_alloc(plan, sizeof(*record));
	int r = 0;

	if (record == NULL)
		return error_set_nomem(reterr);
	*record = (struct ledger_record){
		.sequence = sequence,
		.bias = fit->object->bias,
		.level = patch->level,
		.flags = fit->size.hands_out ? LEDGER_RECORD_HANDS_OUT : 0,
		.id = (char *)fit_id(patch),
		.build_id = patch->build_id,
		.target = fit->object->path,
		.description = (char *)(patch->description != NULL ? patch->description : ""),
		.rows = plan_alloc(plan, patch->function_count * sizeof(*record->rows)),
		.row_count = patch->function_count,
	};
	fit->record = record;
	fit->functions = plan_alloc(plan, patch->function_count * sizeof(*fit->functions));
	if (record->rows == NULL || fit->functions == NULL)
		return error_set_nomem(reterr);
	sha256(patch->data, patch->size, record->digest);
	for (size_t i = 0; i < patch->function_count; i++) {
		autoerror struct lcp_error *error = NULL;
		int this = make_row(plan, fit, i, &error);

		if (this < 0)
			r = plan_refuse(plan, this, take(error), reterr);
		if (r < 0 && plan->reasons == NULL)
			return r;
	}
	return r < 0 ? r : measure_moved(plan, fit, reterr);
}

/*
 * Where things are in the slot, from its beginning: record, guards, moved beginnings, the way to
 * libgcc, text.
 */
static uint64_t lay_out(const struct fit *fit, uint64_t address)
{
	struct ledger_record *record = fit->record;
	uint64_t at = (ledger_record_size(record) + 15) / 16 * 16;

	for (size_t i = 0; i < record->row_count; i++) {
		struct ledger_row *row = &record->rows[i];

		if (row->size == 0)
			continue;
		row->guard = address + at;
		at += ARCH_GUARD_MAX;
		if (row->moved_size > 0)
			row->moved = address + at;
		at += (row->moved_size + 15) / 16 * 16;
	}
	if (fit->frames.tell != 0) {
		record->frames = (struct ledger_frames){
			.once = address + at,
			.forget = fit->frames.forget,
		};
		at += ARCH_ONCE_MAX;
	}
	at = (at + LEDGER_ALIGN - 1) / LEDGER_ALIGN * LEDGER_ALIGN;
	record->text = (struct object_table){ address + at, fit->size.text };
	record->address = address;
	return at + fit->size.text;
}

/* Give it a slot, which decides on all addresses. */
static int place(struct plan *plan, struct fit *fit, struct lcp_error **reterr)
{
	struct ledger_record *record = fit->record;
	struct plan_part *part = &fit->part;
	struct room_wish wish = {
		.object = fit->object,
		.bytes = lay_out(fit, 0),
		.data_bytes = fit->size.data + (fit->frames.tell != 0 ? LEDGER_FRAMES_SIZE : 0),
		.below_2g = fit->size.below_2g,
		.id = record->id,
	};
	uint64_t data;
	int r;

	r = room_find(plan, &wish, &part->chunk, &part->slot, reterr);
	if (r < 0)
		return r;
	part->slot->key = ledger_key(record->id);
	(void)lay_out(fit, part->chunk->address + part->slot->offset);
	record->bytes = wish.bytes;
	data = part->chunk->address + part->chunk->bytes + part->slot->data_offset;
	if (fit->size.data > 0)
		record->data = (struct object_table){ data, fit->size.data };
	if (fit->frames.tell != 0)
		record->frames.object = data + wish.data_bytes - LEDGER_FRAMES_SIZE;
	return 0;
}

/* Functions of the process that tell which function to use, called on one of its threads. */
struct resolvers {
	struct target *target;
	uint64_t deadline;
	const uint64_t *addresses;
	uint64_t *answers;
	size_t count;
};

static int call_resolvers(void *arg)
{
	struct resolvers *resolvers = arg;
	struct target *target = resolvers->target;
	int r;

	r = target->ops->hold(target, resolvers->deadline);
	for (size_t i = 0; r == 0 && i < resolvers->count; i++) {
		struct target_call call = { .function = resolvers->addresses[i] };

		r = target->ops->call(target, &call, resolvers->deadline, &resolvers->answers[i]);
	}
	target->ops->release(target);
	return r;
}

static int resolve(struct plan *plan, const struct fit *fit, struct lcp_error **reterr)
{
	struct target *target = plan->process->target;
	struct resolvers resolvers = {
		.target = target,
		.deadline = plan->settings->deadline,
		.addresses = fit->image.resolvers.items,
		.count = fit->image.resolvers.count,
	};
	int r;

	if ((plan->settings->flags & LCP_APPLY_DRY_RUN) != 0)
		return 0;
	resolvers.answers = plan_alloc(plan, resolvers.count * sizeof(*resolvers.answers));
	if (resolvers.answers == NULL)
		return error_set_nomem(reterr);
	r = target->ops->operate(target, call_resolvers, &resolvers);
	if (r < 0)
		return target_take_fault(target, r, reterr);
	for (size_t i = 0; i < resolvers.count; i++)
		if (lookup_resolved(plan->process, resolvers.addresses[i], resolvers.answers[i]) <
		    0)
			return error_set_nomem(reterr);
	return 0;
}

/* What one indirect function chooses may be another one, but not for ever. */
static int make_image(struct plan *plan, struct fit *fit, struct lcp_error **reterr)
{
	const struct ledger_record *record = fit->record;

	for (int i = 0; i < RESOLVE_ROUNDS; i++) {
		int r;

		image_fini(&fit->image);
		r = image_make(plan->process, fit->object, fit->patch, &fit->size,
			       record->text.address, record->data.address, &fit->image, reterr);
		if (r < 0 || fit->image.resolvers.count == 0)
			return r;
		r = resolve(plan, fit, reterr);
		if (r < 0 || (plan->settings->flags & LCP_APPLY_DRY_RUN) != 0)
			return r;
	}
	return error_set(reterr, -LCP_EUNSUPPORTED,
			 "patch '%s': indirect functions lead from one to another", record->id);
}

/* With all addresses known: branches, moved beginnings, and all bytes of the slot. */
static int fill_row(struct plan *plan, struct fit *fit, size_t index, struct lcp_error **reterr)
{
	const struct arch *arch = plan->process->target->arch;
	struct ledger_row *row = &fit->record->rows[index];
	uint64_t offset;

	row->new_address = fit->image.functions[index];
	if (row->size == 0)
		return 0;
	if (row->moved != 0 &&
	    entry_move(arch, row, &fit->functions[index],
		       fit->part.bytes + (row->moved - fit->record->address)) < 0)
		row->moved = 0;
	offset = row->new_address - fit->image.text.address;
	if (entry_branch(arch, row, row->new_address, fit->image.text.bytes + offset, row->new_size,
			 row->to) == 0)
		return 0;
	return error_set(reterr, -LCP_ENOROOM,
			 "function '%s' at 0x%" PRIx64 " does not reach 0x%" PRIx64, row->name,
			 row->entry, row->new_address);
}

/* libgcc gets zeroes for its record, and is told when all is written. */
static int fill_frames(struct plan *plan, struct fit *fit, uint8_t *data, struct lcp_error **reterr)
{
	const struct arch *arch = plan->process->target->arch;
	const struct ledger_record *record = fit->record;
	struct plan_part *part = &fit->part;

	frames_words(&fit->frames,
		     data + (record->frames.object - part->data.address) + LEDGER_FRAMES_TELL);
	memcpy(part->bytes + (record->frames.once - record->address), arch->once, arch->once_size);
	return vec_push(&plan->surgery.frames, frames_call(&fit->frames, record)) < 0
		       ? error_set_nomem(reterr)
		       : 0;
}

/* What is written to the data of the slot, whatever was there before. */
static int fill_data(struct plan *plan, struct fit *fit, struct lcp_error **reterr)
{
	struct ledger_record *record = fit->record;
	struct plan_part *part = &fit->part;
	const struct ledger_slot *slot = part->slot;
	uint8_t *bytes = plan_alloc(plan, slot->data_bytes);

	if (bytes == NULL)
		return error_set_nomem(reterr);
	if (fit->size.data > 0)
		memcpy(bytes, fit->image.data.bytes, fit->size.data);
	part->data = (struct object_table){
		part->chunk->address + part->chunk->bytes + slot->data_offset,
		slot->data_bytes,
	};
	part->data_bytes = bytes;
	return record->frames.object == 0 ? 0 : fill_frames(plan, fit, bytes, reterr);
}

static int fill(struct plan *plan, struct fit *fit, struct lcp_error **reterr)
{
	struct ledger_record *record = fit->record;
	struct plan_part *part = &fit->part;
	int r = 0;

	part->bytes = plan_alloc(plan, record->bytes);
	if (part->bytes == NULL)
		return error_set_nomem(reterr);
	if (fit->image.text.size > 0)
		memcpy(part->bytes + (record->text.address - record->address),
		       fit->image.text.bytes, fit->image.text.size);
	record->eh_frame = (struct object_table){ fit->image.eh_frame, fit->image.eh_frame_size };
	record->eh_frame_hdr = (struct object_table){ fit->image.eh_frame_hdr,
						      fit->image.eh_frame_hdr_size };
	if (record->eh_frame.size == 0)
		record->frames.object = 0;
	record->code_size = fit->image.code_end - record->text.address;
	for (size_t i = 0; r == 0 && i < record->row_count; i++)
		r = fill_row(plan, fit, i, reterr);
	if (r == 0)
		r = fill_data(plan, fit, reterr);
	part->record = record;
	part->size = record->bytes;
	part->is_new = true;
	part->has_journal = true;
	part->before = LCP_STATE_LOADED;
	part->during = LCP_STATE_SWITCHING;
	part->after = LCP_STATE_APPLIED;
	return r < 0 ? r : plan_join(plan, part, reterr);
}

int fit_make(struct plan *plan, struct fit *fit, uint64_t sequence, struct lcp_error **reterr)
{
	int r;

	r = image_measure(fit->patch, &fit->size, reterr);
	if (r == 0)
		r = frames_find(plan->process, false, &fit->frames, reterr);
	if (r == 0)
		r = make_record(plan, fit, sequence, reterr);
	if (r == 0)
		r = place(plan, fit, reterr);
	if (r == 0)
		r = make_image(plan, fit, reterr);
	return r < 0 ? r : fill(plan, fit, reterr);
}

void fit_fini(struct fit *fit)
{
	image_fini(&fit->image);
}

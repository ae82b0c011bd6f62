/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "base/str.h"
#include "core/frames.h"

int plan_init(struct plan *plan, struct lcp_process *process, const struct plan_settings *settings,
	      struct lcp_error **reterr)
{
	int r;

	*plan = (struct plan){ .process = process, .settings = settings };
	plan->surgery.target = process->target;
	plan->surgery.deadline = settings->deadline;
	plan->surgery.attempts_max = settings->attempts;
	plan->surgery.stop_limit_ns = settings->stop_limit_ns;
	plan->surgery.dry_run = (settings->flags & LCP_APPLY_DRY_RUN) != 0;
	r = process_refresh(process, reterr);
	return r < 0 ? r : ledger_read(process, &plan->ledger, reterr);
}

void plan_fini(struct plan *plan)
{
	surgery_fini(&plan->surgery);
	safety_free(plan->safety);
	ledger_fini(&plan->ledger);
	vec_foreach (&plan->buffers, buffer)
		free(*buffer);
	vec_fini(&plan->buffers);
	vec_fini(&plan->new_chunks);
	vec_fini(&plan->parts);
	vec_fini(&plan->ranges);
	vec_fini(&plan->tables);
}

void *plan_alloc(struct plan *plan, size_t size)
{
	void *buffer = calloc(1, size > 0 ? size : 1);

	if (buffer != NULL && vec_push(&plan->buffers, buffer) < 0) {
		free(buffer);
		return NULL;
	}
	return buffer;
}

int plan_refuse(struct plan *plan, int r, struct lcp_error *error, struct lcp_error **reterr)
{
	if (reterr == NULL) {
		error_free(error);
		return r;
	}
	if (plan->reasons == NULL || *reterr == NULL ||
	    vec_push(&plan->reasons->reasons, *reterr) < 0)
		error_free(*reterr);
	*reterr = error;
	return r;
}

int plan_find_space(struct plan *plan, const struct space_wish *wish, uint64_t *ret,
		    struct lcp_error **reterr)
{
	struct space_range *taken = plan_alloc(plan, plan->new_chunks.count * sizeof(*taken));

	if (taken == NULL)
		return error_set_nomem(reterr);
	for (size_t i = 0; i < plan->new_chunks.count; i++) {
		const struct ledger_chunk *chunk = plan->new_chunks.items[i];

		taken[i].start = chunk->address;
		taken[i].end = chunk->address + chunk->bytes + chunk->data_bytes;
	}
	return space_find(&plan->process->maps, wish, taken, plan->new_chunks.count, ret, reterr);
}

int plan_map(struct plan *plan, struct ledger_chunk *chunk, struct lcp_error **reterr)
{
	uint8_t *header = plan_alloc(plan, LEDGER_HEADER_SIZE);
	struct surgery_map map = {
		.address = chunk->address,
		.size = chunk->bytes + chunk->data_bytes,
		.data_size = chunk->data_bytes,
		.header = header,
		.header_size = LEDGER_CHUNK_SLOTS, /* the slots are zero */
		.name = plan->process->target->can_name ? chunk->address + LEDGER_CHUNK_NAME : 0,
	};

	if (header == NULL)
		return error_set_nomem(reterr);
	ledger_header_put(chunk, header);
	if (vec_push(&plan->surgery.maps, map) < 0 || vec_push(&plan->new_chunks, chunk) < 0)
		return error_set_nomem(reterr);
	return 0;
}

int plan_join(struct plan *plan, const struct plan_part *part, struct lcp_error **reterr)
{
	return vec_push(&plan->parts, *part) < 0 ? error_set_nomem(reterr) : 0;
}

int plan_clear(struct plan *plan, uint64_t start, uint64_t end, bool bytes_only, const char *name,
	       struct lcp_error **reterr)
{
	struct safety_range range = { start, end, bytes_only, name };

	if (start >= end)
		return 0;
	return vec_push(&plan->ranges, range) < 0 ? error_set_nomem(reterr) : 0;
}

int plan_clear_record(struct plan *plan, const struct ledger_record *record,
		      struct lcp_error **reterr)
{
	return plan_clear(plan, record->address, record->text.address + record->code_size, false,
			  record->id, reterr);
}

static char *frame_text(const struct lcp_process *process, uint64_t pc)
{
	const struct object *object = process_object_at(process, pc);
	autostr struct str text = { 0 };
	char *ret = NULL;

	if (object != NULL)
		str_printf(&text, "%s+0x%" PRIx64, object->path, pc - object->bias);
	else
		str_printf(&text, "0x%" PRIx64, pc);
	return str_take(&text, &ret) == 0 ? ret : NULL;
}

static int copy_blocker(const struct lcp_process *process, const struct safety_blocker *from,
			struct error_blocker *ret)
{
	*ret = (struct error_blocker){
		.tid = from->tid,
		.pc = from->pc,
		.function = strdup(from->name != NULL ? from->name : "?"),
		.frames = calloc(from->frame_count + 1, sizeof(*ret->frames)),
	};
	if (ret->function == NULL || ret->frames == NULL)
		return -ENOMEM;
	while (ret->frame_count < from->frame_count) {
		char *text = frame_text(process, from->frames[ret->frame_count]);

		if (text == NULL)
			return -ENOMEM;
		ret->frames[ret->frame_count++] = text;
	}
	return 0;
}

/* The error that names who is in the way. */
static int in_use(const struct plan *plan, struct lcp_error **reterr)
{
	const struct lcp_process *process = plan->process;
	struct error_blocker *blockers;
	size_t count;
	const struct safety_blocker *found = safety_blockers(plan->safety, &count);
	bool watched = count > 0 && plan->settings->pointers != NULL &&
		       found->name == plan->settings->pointers->watch.name;
	int r = 0;

	if (count == 0)
		return error_set(reterr, -LCP_EINUSE, "process %d: functions are in use",
				 process->target->pid);
	if (watched && found->tid != 0)
		(void)error_set(reterr, -LCP_EINUSE,
				"process %d: thread %d has the pointer 0x%" PRIx64,
				process->target->pid, found->tid, found->found);
	else if (watched)
		(void)error_set(reterr, -LCP_EINUSE,
				"process %d: a pointer is in memory at 0x%" PRIx64,
				process->target->pid, found->found);
	else if (found->tid != 0 && found->name == NULL)
		(void)error_set(reterr, -LCP_EINUSE,
				"process %d: thread %d is on a stack of unknown size",
				process->target->pid, found->tid);
	else if (found->tid != 0)
		(void)error_set(reterr, -LCP_EINUSE, "process %d: thread %d %s function '%s'%s",
				process->target->pid, found->tid,
				found->certain ? "is in" : "may return into", found->name,
				count > 1 ? ", and it is not the only one" : "");
	else
		(void)error_set(reterr, -LCP_EINUSE,
				"process %d: a suspended context is in function '%s'",
				process->target->pid, found->name);
	blockers = calloc(count, sizeof(*blockers));
	if (blockers == NULL)
		return -LCP_EINUSE;
	for (size_t i = 0; i < count && r == 0; i++)
		r = copy_blocker(process, &found[i], &blockers[i]);
	error_add_blockers(reterr, blockers, count);
	return -LCP_EINUSE;
}

/* The first is the pivot, which needs no guard. */
static uint32_t count_unguarded(const struct surgery *surgery)
{
	uint32_t count = 0;

	for (size_t i = 1; i < surgery->changes.count; i++)
		count += !surgery->changes.items[i].has_guard;
	return count;
}

static void tell(const struct plan *plan, struct lcp_report *report)
{
	const struct surgery *surgery = &plan->surgery;
	const struct safety_counts *counts = safety_counts(plan->safety);

	report->attempts += surgery->attempts;
	report->stop_ns = surgery->stop_ns;
	report->threads = (uint32_t)surgery->thread_count;
	report->stack_bytes += counts->stack_bytes;
	report->unwound += counts->unwound;
	report->scanned_bytes += counts->memory_bytes;
	if (!surgery->switched)
		return;
	report->functions += (uint32_t)surgery->changes.count;
	report->unguarded += count_unguarded(surgery);
	vec_foreach (&plan->parts, part)
		report->leaves = report->leaves || (part->stays && !part->is_new);
	vec_foreach (&surgery->maps, map)
		report->memory += map->size;
}

static int run(void *surgery)
{
	return surgery_run(surgery);
}

static uint32_t safety_flags(const struct plan *plan)
{
	return plan->settings->flags & LCP_APPLY_SCAN_ALL ? SAFETY_SCAN_ALL : 0;
}

/*
 * Threads that are neither stopped nor looked at may be anywhere. To look for them all of /proc is
 * gone through, a microsecond or two for each process there is: so once.
 */
static int refuse_sharer(const struct plan *plan, struct lcp_error **reterr)
{
	struct target *target = plan->process->target;
	int32_t pid;

	if (plan->process->alone)
		return 0;
	target->ops->sharer(target, &plan->process->ctx->neighbours, &pid);
	plan->process->alone = pid == 0;
	if (pid == 0)
		return 0;
	return error_set(reterr, -LCP_EUNSUPPORTED,
			 "process %d shares its memory with process %d, whose threads are others",
			 target->pid, pid);
}

int plan_run(struct plan *plan, struct lcp_report *report, struct lcp_error **reterr)
{
	struct target *target = plan->process->target;
	int r;

	r = refuse_sharer(plan, reterr);
	if (r < 0)
		return r;
	r = safety_new(plan->process, plan->ranges.items, plan->ranges.count, plan->tables.items,
		       plan->tables.count, safety_flags(plan), &plan->safety, reterr);
	if (r < 0)
		return r;
	if (plan->settings->pointers != NULL)
		r = safety_watch(plan->safety, &plan->settings->pointers->watch, reterr);
	if (r < 0)
		return r;
	plan->surgery.safety = plan->safety;
	target->unwinder = safety_unwinder(plan->safety);
	r = target->ops->operate(target, run, &plan->surgery);
	target->unwinder = NULL;
	tell(plan, report);
	if (r == -LCP_EINUSE || (r == -EAGAIN && plan->surgery.in_use)) {
		(void)in_use(plan, reterr);
		return r;
	}
	if (r < 0 && r != -EAGAIN)
		return target_take_fault(target, r, reterr);
	return r;
}

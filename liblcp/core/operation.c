/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/operation.h"

#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "base/num.h"

#define MS ((uint64_t)1000000)

/* Pauses between attempts: the first, and the longest. */
#define PAUSE_FIRST_NS MS
#define PAUSE_MAX_NS (100 * MS)

/* How long a thread is looked for that can be borrowed, even if the time is over: to tidy up. */
#define UNLOAD_NS (1000 * MS)

void operation_fini(struct operation *operation)
{
	struct operation_unload *unloads[] = { &operation->after, &operation->undo };

	for (size_t i = 0; i < ARRAY_SIZE(unloads); i++) {
		vec_fini(&unloads[i]->frames);
		vec_fini(&unloads[i]->writes);
		vec_fini(&unloads[i]->unmaps);
	}
	vec_fini(&operation->expects);
	vec_fini(&operation->maps);
	vec_fini(&operation->writes);
	vec_fini(&operation->frames);
	vec_fini(&operation->changes);
	vec_fini(&operation->marks);
}

static uint64_t now(const struct operation *operation)
{
	return operation->target->ops->now(operation->target);
}

static int write_bytes(const struct operation *operation, uint64_t address, const void *bytes,
		       size_t size)
{
	return operation->target->ops->write(operation->target, address, bytes, size);
}

/* Are @size bytes at @address those? 0; -EAGAIN if not. */
static int compare(const struct operation *operation, uint64_t address, const uint8_t *bytes,
		   size_t size)
{
	uint8_t there[LEDGER_ENTRY_MAX];
	int r;

	r = operation->target->ops->read(operation->target, address, there, size);
	if (r < 0)
		return target_fail(operation->target, r, "reading 0x%" PRIx64, address);
	return memcmp(there, bytes, size) == 0 ? 0 : -EAGAIN;
}

static int check_expects(const struct operation *operation)
{
	int r = 0;

	vec_foreach (&operation->expects, expect)
		if (r == 0)
			r = compare(operation, expect->address,
				    operation->loaded ? expect->loaded : expect->bytes,
				    expect->size);
	return r;
}

/* The kernel's answer to a call that was made in the process. */
static int system_call(const struct operation *operation, const struct target_call *call,
		       const char *what, uint64_t deadline, uint64_t *ret)
{
	int r;

	r = operation->target->ops->call(operation->target, call, deadline, ret);
	if (r < 0)
		return r;
	if (*ret < (uint64_t)-4095)
		return 0;
	return target_fail_errno(operation->target, (int)-*ret, "%s in the process", what);
}

static int unmap(const struct operation *operation, uint64_t address, uint64_t size,
		 uint64_t deadline)
{
	const struct target_call call = { .number = SYSCALL_MUNMAP, .args = { address, size } };
	uint64_t got;

	return system_call(operation, &call, "munmap", deadline, &got);
}

/*
 * Something may be there by now: EEXIST. Kernels before 4.17 take the address for a wish and map
 * somewhere else.
 */
static int map(const struct operation *operation, struct operation_map *map)
{
	int protection = map->executable ? PROT_READ | PROT_EXEC : PROT_READ | PROT_WRITE;
	const struct target_call call = {
		.number = SYSCALL_MMAP,
		.args = { map->address, map->size, (uint64_t)protection,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
			  (uint64_t)-1, 0 },
	};
	struct target *target = operation->target;
	uint64_t got;
	int r;

	r = target->ops->call(target, &call, operation->deadline, &got);
	if (r < 0)
		return r;
	if (got == map->address) {
		map->done = true;
		return 0;
	}
	if (got == (uint64_t)-EEXIST)
		return -EAGAIN;
	if (got >= (uint64_t)-4095)
		return target_fail_errno(target, (int)-got, "mmap in the process");
	r = unmap(operation, got, map->size, operation->deadline);
	return r < 0 ? r : -EAGAIN;
}

static int call_frames(const struct operation *operation, const struct operation_frames *frames,
		       uint64_t deadline, bool tell)
{
	const struct target_call call = {
		.function = tell ? frames->tell : frames->forget,
		.args = { frames->table, frames->object },
		.avoid_start = frames->avoid_start,
		.avoid_end = frames->avoid_end,
	};
	uint64_t got;

	return operation->target->ops->call(operation->target, &call, deadline, &got);
}

static int load(struct operation *operation)
{
	int r = 0;

	vec_foreach (&operation->maps, item)
		if (r == 0)
			r = map(operation, item);
	vec_foreach (&operation->writes, item)
		if (r == 0)
			r = write_bytes(operation, item->address, item->bytes, item->size);
	if (r < 0)
		return r;
	operation->loaded = true;
	vec_foreach (&operation->frames, frames) {
		r = call_frames(operation, frames, operation->deadline, true);
		if (r < 0)
			return r;
		frames->told = true;
	}
	return 0;
}

/*
 * What is left to do is tidying up. A step that fails ends it: what is still in the process is
 * marked in the ledger, and the next doctor tries again.
 */
static int unload(const struct operation *operation, const struct operation_unload *unload)
{
	uint64_t deadline = now(operation) + UNLOAD_NS;
	int r = 0;

	vec_foreach (&unload->frames, frames)
		if (r == 0)
			r = call_frames(operation, frames, deadline, false);
	vec_foreach (&unload->writes, item)
		if (r == 0)
			r = write_bytes(operation, item->address, item->bytes, item->size);
	vec_foreach (&unload->unmaps, item)
		if (r == 0)
			r = unmap(operation, item->address, item->size, deadline);
	return r;
}

/* Take back what load did, as far as it came. */
static void unload_undo(const struct operation *operation)
{
	uint64_t deadline = now(operation) + UNLOAD_NS;
	int r = 0;

	vec_foreach (&operation->frames, frames)
		if (r == 0 && frames->told)
			r = call_frames(operation, frames, deadline, false);
	if (operation->loaded && r == 0)
		r = unload(operation, &operation->undo);
	if (operation->loaded)
		return;
	vec_foreach (&operation->maps, item)
		if (r == 0 && item->done)
			r = unmap(operation, item->address, item->size, deadline);
}

enum moment {
	BEFORE,
	DURING,
	AFTER
};

static int mark(const struct operation *operation, enum moment moment)
{
	uint8_t bytes[4];
	int r = 0;

	vec_foreach (&operation->marks, item) {
		put_le32(bytes, moment == BEFORE   ? item->before
				: moment == DURING ? item->during
						   : item->after);
		if (r == 0)
			r = write_bytes(operation, item->address, bytes, sizeof(bytes));
	}
	return r;
}

static bool is_pivot(const struct operation *operation, const struct operation_change *change)
{
	return change == operation->changes.items;
}

/* Is every entry as the plan found it? A debugger may have come since. */
static int check_entries(const struct operation *operation)
{
	int r = 0;

	vec_foreach (&operation->changes, change)
		if (r == 0)
			r = compare(operation, change->entry, change->from, change->size);
	return r;
}

static int to_guards(const struct operation *operation)
{
	int r = 0;

	vec_foreach (&operation->changes, change)
		if (r == 0 && change->has_guard && !is_pivot(operation, change))
			r = write_bytes(operation, change->entry, change->guarded, change->size);
	return r;
}

/* Put the entries that are not the pivot's where they belong: those without a guard first. */
static int settle(const struct operation *operation, bool new)
{
	int r = 0;

	for (int guarded = 0; guarded <= 1; guarded++)
		vec_foreach (&operation->changes, change)
			if (r == 0 && change->has_guard == guarded && !is_pivot(operation, change))
				r = write_bytes(operation, change->entry,
						new ? change->to : change->from, change->size);
	return r;
}

static int write_pivot(const struct operation *operation, bool new)
{
	const struct operation_change *pivot = operation->changes.items;

	return write_bytes(operation, pivot->entry, new ? pivot->to : pivot->from, pivot->size);
}

/* What was written is read back: a write that is said to be done and is not would be found never. */
static int read_back(const struct operation *operation, bool new)
{
	int r = 0;

	vec_foreach (&operation->changes, change)
		if (r == 0)
			r = compare(operation, change->entry, new ? change->to : change->from,
				    change->size);
	if (r != -EAGAIN)
		return r;
	return target_fail(operation->target, -EIO, "what was written at an entry is not there");
}

/*
 * Back to where it was: through the guards, so that it is whole at every instant here too.
 *
 * The reason for it is in the target's fault and stays there; if this fails as well, that is worse
 * than any reason.
 */
static int roll_back(const struct operation *operation, int reason)
{
	struct target *target = operation->target;
	int r;

	r = to_guards(operation);
	if (r == 0)
		r = write_pivot(operation, false);
	if (r == 0)
		r = settle(operation, false);
	if (r == 0)
		r = read_back(operation, false);
	if (r == 0)
		r = mark(operation, BEFORE);
	if (r == 0)
		return reason;
	target->fault.code = -LCP_EDAMAGED;
	return -LCP_EDAMAGED;
}

/* All threads stand still, and none is in the way. */
static int switch_entries(struct operation *operation)
{
	int r;

	r = mark(operation, DURING);
	if (r == 0)
		r = to_guards(operation);
	if (r == 0 && operation->changes.count > 0)
		r = write_pivot(operation, true);
	if (r == 0)
		r = settle(operation, true);
	if (r == 0)
		r = read_back(operation, true);
	if (r == 0)
		r = mark(operation, AFTER);
	if (r < 0)
		return operation->changes.count > 0 ? roll_back(operation, r) : r;
	operation->switched = true;
	return 0;
}

/* One stop. The threads go on whatever comes of it. */
static int attempt(struct operation *operation)
{
	struct target *target = operation->target;
	uint64_t begin = now(operation);
	int r, resumed;

	operation->attempts++;
	r = target->ops->stop(target, operation->deadline);
	if (r < 0)
		return r;
	operation->thread_count = target->thread_count;
	if (operation->stop_limit_ns != 0 && now(operation) - begin > operation->stop_limit_ns)
		r = target_fail(target, -LCP_ESTOP, "the threads took longer to stop than allowed");
	if (r == 0)
		r = check_entries(operation);
	if (r == 0 && operation->safety != NULL)
		r = safety_check(operation->safety, target);
	if (r == 0 && !operation->dry_run)
		r = switch_entries(operation);
	resumed = target->ops->resume(target);
	operation->stop_ns = target->stop_ns;
	return r < 0 ? r : resumed;
}

static bool may_try_again(const struct operation *operation, int r, uint64_t pause)
{
	return (r == -LCP_EINUSE || r == -LCP_ESTOP) &&
	       (operation->attempts_max == 0 || operation->attempts < operation->attempts_max) &&
	       now(operation) + pause < operation->deadline;
}

static int try(struct operation *operation)
{
	struct target *target = operation->target;
	int r;

	r = target->ops->hold(target, operation->deadline);
	if (r < 0)
		return r;
	r = check_expects(operation);
	if (r == 0 && !operation->loaded && !operation->dry_run)
		r = load(operation);
	if (r == 0)
		r = attempt(operation);
	if (operation->switched)
		(void)unload(operation, &operation->after);
	return r;
}

int operation_run(struct operation *operation)
{
	struct target *target = operation->target;
	uint64_t pause = PAUSE_FIRST_NS;
	int r;

	while ((r = try(operation)) < 0 && may_try_again(operation, r, pause)) {
		target->ops->release(target);
		target->fault = (struct target_fault){ 0 };
		target->ops->sleep(target, pause);
		pause = 2 * pause > PAUSE_MAX_NS ? PAUSE_MAX_NS : 2 * pause;
	}
	if (r < 0 && r != -LCP_EDAMAGED)
		unload_undo(operation);
	target->ops->release(target);
	return r;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/surgery.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "base/num.h"

#define MS ((uint64_t)1000000)

/*
 * Pauses between attempts: the first, and the longest. A function that is called all the time is
 * free only now and then, so there have to be many; and still the process stands still for no more
 * than a hundredth of the time, unless a stop takes longer than a millisecond.
 */
#define PAUSE_FIRST_NS MS
#define PAUSE_LEAST_NS (5 * MS)
#define PAUSE_MAX_NS (100 * MS)
#define STOPS_SHARE 100

/* How long a thread is looked for that can be borrowed, even if the time is over: to tidy up. */
#define UNLOAD_NS (1000 * MS)

void surgery_fini(struct surgery *surgery)
{
	struct surgery_unload *unloads[] = { &surgery->after, &surgery->undo };

	for (size_t i = 0; i < ARRAY_SIZE(unloads); i++) {
		vec_fini(&unloads[i]->frames);
		vec_fini(&unloads[i]->writes);
		vec_fini(&unloads[i]->stamps);
		vec_fini(&unloads[i]->unmaps);
	}
	vec_fini(&surgery->expects);
	vec_fini(&surgery->maps);
	vec_fini(&surgery->writes);
	vec_fini(&surgery->frames);
	vec_fini(&surgery->changes);
	vec_fini(&surgery->marks);
}

static uint64_t now(const struct surgery *surgery)
{
	return surgery->target->ops->now(surgery->target);
}

static int write_bytes(const struct surgery *surgery, uint64_t address, const void *bytes,
		       size_t size)
{
	return surgery->target->ops->write(surgery->target, address, bytes, size);
}

/* Are @size bytes at @address those? 0; -EAGAIN if not, or if nothing is there any more. */
static int compare(const struct surgery *surgery, uint64_t address, const uint8_t *bytes,
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

/* What was asked for is as expected: 0; as compare(). */
static int look_end(struct look *look)
{
	target_read_pieces(look->surgery->target, look->pieces, look->count);
	for (size_t i = 0; i < look->count && look->r == 0; i++) {
		const struct target_piece *piece = &look->pieces[i];

		/* Why it is not is asked for once more. */
		if (piece->got < piece->size ||
		    memcmp(piece->bytes, look->expected[i], piece->size) != 0)
			look->r = compare(look->surgery, piece->address, look->expected[i],
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

static int check_expects(struct surgery *surgery, bool stopped)
{
	struct look look = { .surgery = surgery };
	int r;

	look_at_expects(&look, stopped);
	r = look_end(&look);
	/* Without an answer it is ours as long as the process is held. */
	surgery->lost = surgery->loaded && (r == -EAGAIN || (r < 0 && !stopped));
	return r;
}

/* The kernel's answer to a call that was made in the process. */
static int system_call(const struct surgery *surgery, const struct target_call *call,
		       const char *what, uint64_t deadline, uint64_t *ret)
{
	int r;

	r = surgery->target->ops->call(surgery->target, call, deadline, ret);
	if (r < 0)
		return r;
	if (*ret < (uint64_t)-4095)
		return 0;
	return target_fail_errno(surgery->target, (int)-*ret, "%s in the process", what);
}

static int unmap(const struct surgery *surgery, uint64_t address, uint64_t size, uint64_t deadline)
{
	const struct target_call call = { .number = SYSCALL_MUNMAP, .args = { address, size } };
	uint64_t got;

	return system_call(surgery, &call, "munmap", deadline, &got);
}

static struct target_call mmap_call(uint64_t address, uint64_t size, int protection, int flags)
{
	return (struct target_call){
		.number = SYSCALL_MMAP,
		.args = { address, size, (uint64_t)protection,
			  (uint64_t)(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags),
			  (uint64_t)-1, 0 },
	};
}

/*
 * Something may be there by now: EEXIST. Kernels before 4.17 take the address for a wish and map
 * somewhere else.
 */
static int map_all(const struct surgery *surgery, struct surgery_map *map)
{
	const struct target_call call = mmap_call(map->address, map->size, PROT_READ | PROT_EXEC,
						  MAP_FIXED_NOREPLACE);
	struct target *target = surgery->target;
	uint64_t got;
	int r;

	r = target->ops->call(target, &call, surgery->deadline, &got);
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
	r = unmap(surgery, got, map->size, surgery->deadline);
	return r < 0 ? r : -EAGAIN;
}

/* A name is nice to have: what comes of it is of no interest. */
static void name(const struct surgery *surgery, const struct surgery_map *map)
{
	const struct target_call call = {
		.number = SYSCALL_PRCTL,
		.args = { PR_SET_VMA, PR_SET_VMA_ANON_NAME, map->address, map->size, map->name },
	};
	struct target *target = surgery->target;
	uint64_t got;

	if (map->name != 0 && target->ops->call(target, &call, surgery->deadline, &got) < 0)
		target->fault = (struct target_fault){ 0 };
}

/* MAP_FIXED is right here: what it replaces is ours. */
static int map(const struct surgery *surgery, struct surgery_map *map)
{
	const struct target_call call = mmap_call(map->address + map->size - map->data_size,
						  map->data_size, PROT_READ | PROT_WRITE,
						  MAP_FIXED);
	uint64_t got;
	int r;

	r = map_all(surgery, map);
	if (r == 0)
		r = write_bytes(surgery, map->address, map->header, map->header_size);
	if (r == 0 && map->data_size > 0)
		r = system_call(surgery, &call, "mmap", surgery->deadline, &got);
	if (r == 0)
		name(surgery, map);
	return r;
}

/* @word is LEDGER_FRAMES_TELL or LEDGER_FRAMES_FORGET. */
static int call_frames(const struct surgery *surgery, const struct surgery_frames *frames,
		       uint64_t word, uint64_t deadline)
{
	const struct target_call call = {
		.function = frames->once,
		.args = { frames->table, frames->object, frames->object + word },
		.no_value = true,
		.avoid = { frames->avoid[0], frames->avoid[1] },
	};
	uint64_t got;

	return surgery->target->ops->call(surgery->target, &call, deadline, &got);
}

/* What load told, and nobody has made libgcc forget: the words say so. */
static int forget_told(const struct surgery *surgery, const struct surgery_frames *frames,
		       uint64_t deadline)
{
	struct target *target = surgery->target;
	uint8_t word[8];
	int r;

	r = target->ops->read(target, frames->object + LEDGER_FRAMES_TELL, word, sizeof(word));
	if (r < 0 || get_le64(word) != 0)
		return r;
	return call_frames(surgery, frames, LEDGER_FRAMES_FORGET, deadline);
}

static int load(struct surgery *surgery)
{
	int r = 0;

	vec_foreach (&surgery->maps, item)
		if (r == 0)
			r = map(surgery, item);
	vec_foreach (&surgery->writes, item)
		if (r == 0)
			r = write_bytes(surgery, item->address, item->bytes, item->size);
	if (r < 0)
		return r;
	surgery->loaded = true;
	vec_foreach (&surgery->frames, frames)
		if (r == 0)
			r = call_frames(surgery, frames, LEDGER_FRAMES_TELL, surgery->deadline);
	return r;
}

/*
 * What is left to do is tidying up. A step that fails ends it: what is still in the process is
 * marked in the ledger, and the next doctor tries again. So does a call that began and did not end:
 * the thread in it may need what would be taken away.
 */
static int unload(const struct surgery *surgery, const struct surgery_unload *unload)
{
	uint64_t deadline = now(surgery) + UNLOAD_NS;
	int r = 0;

	vec_foreach (&unload->frames, frames)
		if (r == 0)
			r = call_frames(surgery, frames, LEDGER_FRAMES_FORGET, deadline);
	vec_foreach (&unload->writes, item)
		if (r == 0)
			r = write_bytes(surgery, item->address, item->bytes, item->size);
	vec_foreach (&unload->stamps, item)
		(void)write_bytes(surgery, item->address, item->bytes, item->size);
	vec_foreach (&unload->unmaps, item)
		if (r == 0)
			r = unmap(surgery, item->address, item->size, deadline);
	return r;
}

/* Take back what load did, as far as it came. */
static void unload_undo(const struct surgery *surgery)
{
	uint64_t deadline = now(surgery) + UNLOAD_NS;
	int r = surgery->target->late ? -LCP_EBORROW : 0;

	vec_foreach (&surgery->frames, frames)
		if (r == 0 && surgery->loaded)
			r = forget_told(surgery, frames, deadline);
	if (surgery->loaded && r == 0)
		r = unload(surgery, &surgery->undo);
	if (surgery->loaded)
		return;
	vec_foreach (&surgery->maps, item)
		if (r == 0 && item->done)
			r = unmap(surgery, item->address, item->size, deadline);
}

enum moment {
	BEFORE,
	DURING,
	AFTER
};

static int mark(const struct surgery *surgery, enum moment moment)
{
	uint8_t bytes[4];
	int r = 0;

	vec_foreach (&surgery->marks, item) {
		put_le32(bytes, moment == BEFORE   ? item->before
				: moment == DURING ? item->during
						   : item->after);
		if (r == 0)
			r = write_bytes(surgery, item->address, bytes, sizeof(bytes));
	}
	return r;
}

static bool is_pivot(const struct surgery *surgery, const struct surgery_change *change)
{
	return change == surgery->changes.items;
}

static void look_at_entries(struct look *look)
{
	vec_foreach (&look->surgery->changes, change)
		look_at(look, change->entry, change->from, change->size);
}

/*
 * All threads stand still: is the process as the plan found it, and every entry? A debugger may
 * have come since. Mostly it is; otherwise it matters which of the two is not.
 */
static int check_all(struct surgery *surgery)
{
	struct look all = { .surgery = surgery }, entries = { .surgery = surgery };
	int r;

	look_at_expects(&all, true);
	look_at_entries(&all);
	if (look_end(&all) == 0)
		return 0;
	surgery->target->fault = (struct target_fault){ 0 };
	r = check_expects(surgery, true);
	if (r < 0)
		return r;
	look_at_entries(&entries);
	return look_end(&entries);
}

static int to_guards(const struct surgery *surgery)
{
	int r = 0;

	vec_foreach (&surgery->changes, change)
		if (r == 0 && change->has_guard && !is_pivot(surgery, change))
			r = write_bytes(surgery, change->entry, change->guarded, change->size);
	return r;
}

/* Memory that could not be written at first, and so is as it was, need not be written back. */
static int settle_entry(const struct surgery *surgery, const struct surgery_change *change,
			bool forward)
{
	if (!forward && compare(surgery, change->entry, change->from, change->size) == 0)
		return 0;
	return write_bytes(surgery, change->entry, forward ? change->to : change->from,
			   change->size);
}

/* Put the entries that are not the pivot's where they belong: those without a guard first. */
static int settle(const struct surgery *surgery, bool forward)
{
	int r = 0;

	for (int guarded = 0; guarded <= 1; guarded++)
		vec_foreach (&surgery->changes, change)
			if (r == 0 && change->has_guard == guarded && !is_pivot(surgery, change))
				r = settle_entry(surgery, change, forward);
	return r;
}

static int write_pivot(const struct surgery *surgery, bool forward)
{
	const struct surgery_change *pivot = surgery->changes.items;

	return write_bytes(surgery, pivot->entry, forward ? pivot->to : pivot->from, pivot->size);
}

/*
 * What was written is read back: a write that is said to be done and is not would be found never.
 */
static int read_back(const struct surgery *surgery, bool forward)
{
	struct look look = { .surgery = surgery };
	int r;

	vec_foreach (&surgery->changes, change)
		look_at(&look, change->entry, forward ? change->to : change->from, change->size);
	r = look_end(&look);
	if (r != -EAGAIN)
		return r;
	return target_fail(surgery->target, -EIO, "what was written at an entry is not there");
}

/*
 * Back to where it was: through the guards if it was committed, so that it is whole at every
 * instant here too.
 *
 * The reason for it is in the target's fault and stays there; if this fails as well, that is worse
 * than any reason.
 */
static int roll_back(const struct surgery *surgery, int reason)
{
	const struct surgery_change *pivot = surgery->changes.items;
	struct target *target = surgery->target;
	int r;

	r = compare(surgery, pivot->entry, pivot->from, pivot->size);
	if (r == -EAGAIN) {
		r = to_guards(surgery);
		if (r == 0)
			r = write_pivot(surgery, false);
	}
	if (r == 0)
		r = settle(surgery, false);
	if (r == 0)
		r = read_back(surgery, false);
	if (r == 0)
		r = mark(surgery, BEFORE);
	/* Nothing is damaged in a process that has ended. */
	if (r == 0 || r == -LCP_EGONE)
		return r < 0 ? r : reason;
	target->fault = (struct target_fault){ 0 };
	return target_fail(target, -LCP_EDAMAGED,
			   "process %d: a switch failed and could not be undone: a query tells "
			   "what is in force, and the next apply or revert tries again",
			   target->pid);
}

/* All threads stand still, and none is in the way. */
static int switch_entries(struct surgery *surgery)
{
	int r;

	r = mark(surgery, DURING);
	if (r == 0)
		r = to_guards(surgery);
	if (r == 0 && surgery->changes.count > 0)
		r = write_pivot(surgery, true);
	if (r == 0)
		r = settle(surgery, true);
	if (r == 0)
		r = read_back(surgery, true);
	if (r == 0)
		r = mark(surgery, AFTER);
	if (r < 0)
		return surgery->changes.count > 0 ? roll_back(surgery, r) : r;
	surgery->switched = true;
	return 0;
}

/* One stop. The threads go on whatever comes of it. */
static int attempt(struct surgery *surgery)
{
	struct target *target = surgery->target;
	uint64_t begin = now(surgery);
	int r, resumed;

	surgery->attempts++;
	r = target->ops->stop(target, surgery->deadline);
	if (r < 0)
		return r;
	surgery->thread_count = target->thread_count;
	if (surgery->stop_limit_ns != 0 && now(surgery) - begin > surgery->stop_limit_ns)
		r = target_fail(target, -LCP_ESTOP, "the threads took longer to stop than allowed");
	if (r == 0)
		r = check_all(surgery);
	if (r == 0 && surgery->safety != NULL)
		r = safety_check(surgery->safety, target);
	if (r == 0 && !surgery->dry_run)
		r = switch_entries(surgery);
	resumed = target->ops->resume(target);
	surgery->stop_ns = target->stop_ns;
	/* What the process runs is decided; threads that did not go on do when the surgeon ends. */
	return r < 0 || surgery->switched ? r : resumed;
}

static bool may_try_again(const struct surgery *surgery, int r, uint64_t pause)
{
	return (r == -LCP_EINUSE || r == -LCP_ESTOP || r == -LCP_ELOCKED) &&
	       (surgery->attempts_max == 0 || surgery->attempts < surgery->attempts_max) &&
	       now(surgery) + pause < surgery->deadline;
}

static int try(struct surgery *surgery)
{
	struct target *target = surgery->target;
	int r;

	r = target->ops->hold(target, surgery->deadline);
	surgery->held = r == 0;
	if (r < 0)
		return r;
	r = check_expects(surgery, false);
	if (r == 0 && !surgery->loaded && !surgery->dry_run) {
		target->ops->borrow(target);
		r = load(surgery);
		target->ops->give_back(target);
	}
	if (r == 0)
		r = attempt(surgery);
	if (surgery->switched) {
		target->ops->borrow(target);
		(void)unload(surgery, &surgery->after);
		target->ops->give_back(target);
	}
	return r;
}

static uint64_t next_pause(const struct surgery *surgery, uint64_t pause)
{
	uint64_t longest = surgery->stop_ns * STOPS_SHARE;

	if (longest < PAUSE_LEAST_NS)
		longest = PAUSE_LEAST_NS;
	if (longest > PAUSE_MAX_NS)
		longest = PAUSE_MAX_NS;
	return 2 * pause > longest ? longest : 2 * pause;
}

int surgery_run(struct surgery *surgery)
{
	struct target *target = surgery->target;
	uint64_t pause = PAUSE_FIRST_NS;
	int r;

	target->late = false;
	while ((r = try(surgery)) < 0 && may_try_again(surgery, r, pause)) {
		surgery->in_use = surgery->in_use || r == -LCP_EINUSE;
		target->ops->release(target);
		target->fault = (struct target_fault){ 0 };
		target->ops->sleep(target, pause);
		pause = next_pause(surgery, pause);
	}
	if (r < 0 && r != -LCP_EDAMAGED && surgery->held && !surgery->lost && !surgery->switched) {
		target->ops->borrow(target);
		unload_undo(surgery);
		target->ops->give_back(target);
	}
	target->ops->release(target);
	/* The last attempt did not get as far as those that found threads in the way. */
	if (surgery->in_use && (r == -LCP_ESTOP || r == -LCP_ELOCKED))
		r = -LCP_EINUSE;
	/* What failed meanwhile, in tidying up, is not to be taken for why something else fails. */
	if (r >= 0 || r == -EAGAIN || r == -LCP_EINUSE)
		target->fault = (struct target_fault){ 0 };
	return r;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory, contents and unwind tables come into the process and go again, while its threads run.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "base/num.h"
#include "core/surgery_parts.h"

/* How long a thread is looked for that can be borrowed, even if the time is over: to tidy up. */
#define UNLOAD_NS UINT64_C(1000000000)

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
		r = surgery_put(surgery, map->address, map->header, map->header_size);
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

int surgery_load(struct surgery *surgery)
{
	int r = 0;

	vec_foreach (&surgery->maps, item)
		if (r == 0)
			r = map(surgery, item);
	vec_foreach (&surgery->writes, item)
		if (r == 0)
			r = surgery_put(surgery, item->address, item->bytes, item->size);
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
int surgery_unload(const struct surgery *surgery, const struct surgery_unload *unload)
{
	uint64_t deadline = surgery_now(surgery) + UNLOAD_NS;
	int r = 0;

	vec_foreach (&unload->frames, frames)
		if (r == 0)
			r = call_frames(surgery, frames, LEDGER_FRAMES_FORGET, deadline);
	vec_foreach (&unload->writes, item)
		if (r == 0)
			r = surgery_put(surgery, item->address, item->bytes, item->size);
	vec_foreach (&unload->stamps, item)
		(void)surgery_put(surgery, item->address, item->bytes, item->size);
	vec_foreach (&unload->unmaps, item)
		if (r == 0)
			r = unmap(surgery, item->address, item->size, deadline);
	return r;
}

void surgery_unload_undo(const struct surgery *surgery)
{
	uint64_t deadline = surgery_now(surgery) + UNLOAD_NS;
	int r = surgery->target->late ? -LCP_EBORROW : 0;

	vec_foreach (&surgery->frames, frames)
		if (r == 0 && surgery->loaded)
			r = forget_told(surgery, frames, deadline);
	if (surgery->loaded && r == 0)
		r = surgery_unload(surgery, &surgery->undo);
	if (surgery->loaded)
		return;
	vec_foreach (&surgery->maps, item)
		if (r == 0 && item->done)
			r = unmap(surgery, item->address, item->size, deadline);
}

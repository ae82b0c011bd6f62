/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "look.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/ctx.h"
#include "operation.h"

/* Memory asked for while counting is on. In a build with a sanitizer that is its own business. */
static atomic_bool counting;
static atomic_uint asked;

#ifndef __SANITIZE_ADDRESS__
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);

void *malloc(size_t size)
{
	asked += counting;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	asked += counting;
	return __libc_calloc(count, size);
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
	asked += counting;
	return (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}
#endif

struct run {
	struct safety *safety;
	struct look *look;
};

static void check_stopped(struct target *target, void *arg)
{
	const struct run *run = arg;
	struct look *look = run->look;
	const struct safety_blocker *blockers;
	uint64_t begin = now_ns(), ns;

	counting = true;
	look->r = safety_check(run->safety, target);
	counting = false;
	ns = now_ns() - begin;
	if (look->ns == 0 || ns < look->ns)
		look->ns = ns;
	blockers = safety_blockers(run->safety, &look->count);
	if (look->count > 0)
		look->blocker = blockers[0];
	look->counts = *safety_counts(run->safety);
}

void look_at(const struct victim *victim, const struct safety_range *range, uint32_t flags,
	     unsigned int stops, struct look *ret)
{
	autosafety struct safety *safety = NULL;
	autoprocess struct lcp_process *process = NULL;
	struct lcp_ctx *ctx = ctx_new(0);
	struct operation operation;
	struct run run = { .look = ret };

	memset(ret, 0, sizeof(*ret));
	operation_begin(&operation, victim->pid, 0);
	ret->r = process_new(ctx, operation.target, &process, NULL);
	ctx_unref(ctx);
	if (ret->r == 0)
		ret->r = safety_new(process, range, 1, NULL, 0, flags, &safety, NULL);
	if (ret->r < 0)
		return;
	run.safety = safety;
	asked = 0;
	operation.while_stopped = check_stopped;
	operation.arg = &run;
	operation.stops = stops;
	if (operation_run(&operation) < 0)
		ret->r = -1;
	ret->asked = asked;
}

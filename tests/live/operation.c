/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "operation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

void operation_begin(struct operation *operation, int32_t pid, uint32_t flags)
{
	autoerror struct lcp_error *error = NULL;

	*operation = (struct operation){ .stops = 1, .patience_ns = UINT64_C(10000000000) };
	if (target_open(pid, flags, &operation->target, &error) < 0) {
		printf("Bail out! %s\n", error->message);
		exit(99);
	}
}

static void note(struct operation *operation)
{
	size_t stopped = 0;

	for (size_t i = 0; i < operation->target->thread_count; i++)
		stopped += operation->target->threads[i].stopped;
	if (operation->made == 0 || stopped < operation->least_threads)
		operation->least_threads = stopped;
	if (stopped > operation->most_threads)
		operation->most_threads = stopped;
}

static int stop_and_resume(struct operation *operation)
{
	struct target *target = operation->target;
	int r;

	r = target->ops->stop(target, target->ops->now(target) + operation->patience_ns);
	if (r < 0)
		return r;
	note(operation);
	if (operation->while_stopped != NULL)
		operation->while_stopped(target, operation->arg);
	r = target->ops->resume(target);
	operation->times[operation->made++] = target->stop_ns;
	if (r == 0 && operation->pause_ns != 0)
		target->ops->sleep(target, operation->pause_ns);
	return r;
}

static int work(void *arg)
{
	struct operation *operation = arg;
	struct target *target = operation->target;
	int r;

	r = target->ops->hold(target, target->ops->now(target) + operation->patience_ns);
	while (r == 0 && operation->made < operation->stops)
		r = stop_and_resume(operation);
	target->ops->release(target);
	return r;
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

int operation_run(struct operation *operation)
{
	struct target *target = operation->target;
	int r;

	operation->made = 0;
	operation->least_threads = operation->most_threads = 0;
	r = target->ops->operate(target, work, operation);
	(void)snprintf(operation->text, sizeof(operation->text), "%s", target->fault.text);
	operation->fault_tid = target->fault.tid;
	target->fault = (struct target_fault){ 0 };
	if (operation->made == 0)
		return r;
	qsort(operation->times, operation->made, sizeof(*operation->times), compare);
	operation->median_ns = operation->times[operation->made / 2];
	operation->longest_ns = operation->times[operation->made - 1];
	return r;
}

void operation_end(struct operation *operation)
{
	target_close(operation->target);
	operation->target = NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory that is given back: whoever has a pointer to it, whatever it is used for, is in the way.
 */
#include "core/safety_private.h"

#include <string.h>

#include "base/num.h"

/*
 * The C libraries map a stack with a guard below, and put the thread's own data behind it, which
 * takes less than this. Stacks that are elsewhere, in a heap, have other things below them.
 */
#define STACK_TOP_MAX (16u << 10)

int safety_watch(struct safety *safety, const struct safety_watch *watch, struct lcp_error **reterr)
{
	safety->watch = watch;
	safety->watched = (struct safety_range){ .name = watch->name };
	return safety_stacks_init(safety, reterr);
}

static bool is_return(const struct safety *safety, uint64_t word)
{
	const struct safety_watch *watch = safety->watch;
	uint64_t offset = word - watch->code_start;

	return offset > 0 && offset <= watch->code_size &&
	       safety->arch->is_return(watch->code, (size_t)offset);
}

/* The first word of @bytes that points to what is watched; 0 if none does. */
static uint64_t find_pointer(const struct safety *safety, const uint8_t *bytes, size_t size,
			     bool is_stack)
{
	for (size_t i = 0; range_fits(i, sizeof(uint64_t), size); i += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, bytes + i, sizeof(word));
		word &= safety->arch->return_mask;
		for (size_t j = 0; j < safety->watch->span_count; j++)
			if (word >= safety->watch->spans[j].first &&
			    word <= safety->watch->spans[j].last &&
			    !(is_stack && is_return(safety, word)))
				return word;
	}
	return 0;
}

void safety_watch_thread(struct safety *safety, const struct target_thread *thread,
			 const struct unwind_copy *stack)
{
	uint64_t found;

	if (safety->watch == NULL)
		return;
	found = find_pointer(safety, thread->regs, safety->arch->regs->size, false);
	if (found == 0)
		found = find_pointer(safety, stack->bytes, stack->size, true);
	if (found != 0)
		safety_block(safety, thread->tid, target_register(thread, safety->arch->regs->pc),
			     &safety->watched, found, false);
}

/* Is it below what a thread uses of its stack, or there, where it was looked at? */
static bool is_on_stack(const struct safety *safety, const struct safety_place *place)
{
	for (size_t i = 0; i < safety->stack_count; i++) {
		const struct safety_stack *stack = &safety->stacks[i];

		if (place->address < stack->end && stack->low >= place->start &&
		    stack->end <= place->end && place->end - stack->end <= STACK_TOP_MAX)
			return true;
	}
	return false;
}

void safety_watch_places(struct safety *safety)
{
	for (size_t i = 0; safety->watch != NULL && i < safety->watch->place_count; i++)
		if (!is_on_stack(safety, &safety->watch->places[i]) &&
		    safety_block(safety, 0, 0, &safety->watched, safety->watch->places[i].address,
				 false) == NULL)
			return;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads: where they are and where they will return to.
 *
 * A compiler pushes return addresses with `call`, so they are aligned words of the stack, and a
 * scan of all aligned words misses none. It sees too much: words that were left behind, pointers to
 * functions. What it sees is unwound.
 *
 * Neither sees the pc of a jmp_buf, which glibc mangles. A context that left by siglongjmp() has
 * its return addresses in frames on its own stack, where they are found; only the function that
 * called sigsetjmp() for it, the one that switches, must not be replaced meanwhile.
 */
#include "core/safety_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/num.h"

/* What a leaf function may use below sp (psABI 3.2.2); AAPCS64 has none. */
#define RED_ZONE 128

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* <asm-generic/mman-common.h> */
#endif

/* So much of the buffer is there before threads stop: more than the stacks of most threads. */
#define BUFFER_TOUCHED (64u << 10)
#define BUFFER_SIZE (SAFETY_STACK_MAX + RED_ZONE)

/* Stacks that are read together. */
#define STACKS_MAX 64

/*
 * Alternate stacks are not larger, and a ucontext has no other flags (uapi/asm/ucontext.h: 3 bits).
 */
#define ALTERNATE_MAX (1u << 30)
#define UCONTEXT_FLAGS_MAX 15

/* What makes a thread suspicious. */
struct suspicion {
	uint64_t word; /* one that points into a range; 0: none does */
	const struct safety_range *range;
	bool in_register; /* and it is no function's start */
	uint64_t stack_top; /* behind the last such word of the stack; 0: none */
	bool complete; /* all there is was looked at: nothing is suspicious beside that */
};

static uint64_t word_at(const uint8_t *bytes, size_t offset)
{
	uint64_t word;

	memcpy(&word, bytes + offset, sizeof(word));
	return word;
}

static uint64_t find_main_stack_end(const struct proc_maps *maps)
{
	for (size_t i = 0; i < maps->count; i++)
		if (strcmp(maps->items[i].name, "[stack]") == 0)
			return maps->items[i].end;
	return 0;
}

/*
 * The end is mapped now, and used only as far as stacks are deep: without MAP_NORESERVE a host that
 * may not overcommit would pay for all of it.
 */
static uint8_t *map_buffer(void)
{
	uint8_t *buffer = mmap(NULL, BUFFER_SIZE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (buffer == MAP_FAILED)
		return NULL;
	/* In one call where the kernel can (5.14): a third of the time. */
	if (madvise(buffer, BUFFER_TOUCHED, MADV_POPULATE_WRITE) < 0)
		memset(buffer, 1, BUFFER_TOUCHED);
	return buffer;
}

int safety_new(const struct lcp_process *process, const struct safety_range *ranges,
	       size_t range_count, const struct safety_table *tables, size_t table_count,
	       uint32_t flags, struct safety **ret, struct lcp_error **reterr)
{
	autosafety struct safety *safety = calloc(1, sizeof(*safety));
	int r;

	if (safety == NULL)
		return error_set_nomem(reterr);
	safety->arch = process->target->arch;
	safety->flags = flags;
	safety->main_stack_end = find_main_stack_end(&process->maps);
	safety->buffer = map_buffer();
	if (safety->buffer == NULL)
		return error_set_nomem(reterr);
	r = safety_ranges_init(safety, ranges, range_count, reterr);
	if (r == 0)
		r = safety_contexts_init(safety, process, reterr);
	if (r == 0)
		r = safety_tables_init(safety, process, tables, table_count, reterr);
	if (r < 0)
		return r;
	*ret = take(safety);
	return 0;
}

void safety_free(struct safety *safety)
{
	if (safety == NULL)
		return;
	unwinder_free(safety->unwinder);
	safety_tables_fini(safety);
	safety_contexts_fini(safety);
	safety_ranges_fini(safety);
	if (safety->buffer != NULL)
		(void)munmap(safety->buffer, BUFFER_SIZE);
	free(safety);
}

struct safety_blocker *safety_block(struct safety *safety, int32_t tid, uint64_t pc,
				    const struct safety_range *range, uint64_t found, bool certain)
{
	struct safety_blocker *blocker;

	if (safety->blocker_count == SAFETY_BLOCKERS_MAX)
		return NULL;
	blocker = &safety->blockers[safety->blocker_count++];
	*blocker = (struct safety_blocker){
		.tid = tid,
		.pc = pc,
		.found = found,
		.name = range != NULL ? range->name : NULL,
		.certain = certain,
	};
	return blocker;
}

/*
 * Where the stack that @sp is on ends. Thread libraries put the thread's own data, which the thread
 * pointer points to, behind its stack. 0 where that is not so: the stack is one of a program's own.
 */
static uint64_t find_stack_end(const struct safety *safety, const struct target_thread *thread,
			       uint64_t sp)
{
	uint16_t pointer = safety->arch->regs->thread_pointer;
	uint64_t end = pointer != ARCH_NO_REG ? word_at(thread->regs, pointer) : 0;

	if (end > sp && end - sp <= SAFETY_STACK_MAX)
		return end;
	end = safety->main_stack_end;
	return end > sp && end - sp <= SAFETY_STACK_MAX ? end : 0;
}

/*
 * Is there a signal frame on an alternate stack? The thread then has another stack, which may lie
 * anywhere, even below this one in the same mapping. The kernel writes a ucontext: flags, a link
 * that is 0, and the alternate stack: start, flags, size (get_sigframe(), save_altstack_ex()).
 */
static bool has_alternate_frame(const uint8_t *bytes, size_t size, uint64_t address)
{
	for (size_t offset = 16; range_fits(offset, 24, size); offset += 8) {
		uint64_t distance = address + offset - word_at(bytes, offset);
		uint64_t stack_size = word_at(bytes, offset + 16);

		if (distance < stack_size && stack_size <= ALTERNATE_MAX &&
		    word_at(bytes, offset - 8) == 0 &&
		    word_at(bytes, offset - 16) <= UCONTEXT_FLAGS_MAX)
			return true;
	}
	return false;
}

/* The stack of @thread, from below sp to its end or as far as it goes, to be read. */
static struct target_piece plan_stack(const struct safety *safety,
				      const struct target_thread *thread)
{
	uint64_t sp = word_at(thread->regs, safety->arch->regs->sp);
	uint64_t end = find_stack_end(safety, thread, sp);
	struct target_piece piece = { .address = (sp - RED_ZONE) & ~7ull };

	piece.size = end != 0 ? (size_t)(end - piece.address) : BUFFER_SIZE;
	if (piece.size > BUFFER_SIZE)
		piece.size = BUFFER_SIZE;
	return piece;
}

/*
 * The stacks of threads from @first on: as many as together fit into what there is of the buffer,
 * but one at least. How many.
 */
static size_t read_stacks(const struct safety *safety, struct target *target, size_t first,
			  struct target_piece *ret)
{
	size_t count = 0, used = 0;

	for (size_t i = first; i < target->thread_count && count < STACKS_MAX; i++) {
		struct target_piece piece = { 0 };

		if (target->threads[i].stopped)
			piece = plan_stack(safety, &target->threads[i]);
		if (count > 0 && used + piece.size > BUFFER_TOUCHED)
			break;
		piece.bytes = safety->buffer + used;
		used += piece.size;
		ret[count++] = piece;
	}
	target_read_pieces(target, ret, count);
	return count;
}

/* The copy that was read, as @piece. */
static struct unwind_copy take_stack(struct safety *safety, struct target *target,
				     const struct target_thread *thread, struct target_piece *piece,
				     bool *ret_complete)
{
	uint64_t sp = word_at(thread->regs, safety->arch->regs->sp);
	uint64_t end = find_stack_end(safety, thread, sp);
	struct unwind_copy copy = { .bytes = piece->bytes };

	if (piece->got == 0) { /* the red zone may be in a guard page */
		piece->address = sp & ~7ull;
		piece->got = target->ops->read_some(target, piece->address, piece->bytes,
						    piece->size - RED_ZONE);
	}
	copy.address = piece->address;
	copy.size = piece->got;
	safety->counts.stack_bytes += copy.size;
	*ret_complete = end != 0 && copy.address + copy.size >= end &&
			!has_alternate_frame(copy.bytes, copy.size, copy.address);
	return copy;
}

/* Does a register point into a range, that of pc apart? */
static void suspect_registers(const struct safety *safety, const struct target_thread *thread,
			      struct suspicion *suspicion)
{
	size_t size = safety->arch->regs->size, offset = 0;

	for (; (offset = safety_find_word(safety, thread->regs, offset, size)) < size;
	     offset += sizeof(uint64_t)) {
		uint64_t word = word_at(thread->regs, offset);

		if (offset == safety->arch->regs->pc)
			continue;
		suspicion->word = word;
		suspicion->range = safety_range_at(safety, word, SAFETY_EITHER);
		/* The end of one function may be the start of the next, which any pointer has. */
		if (safety_range_at(safety, word, SAFETY_MIDDLE) != NULL)
			suspicion->in_register = true;
	}
}

static void suspect_stack(const struct safety *safety, const struct unwind_copy *stack,
			  struct suspicion *suspicion)
{
	size_t size = stack->size, offset = 0;

	for (; (offset = safety_find_word(safety, stack->bytes, offset, size)) < size;
	     offset += sizeof(uint64_t)) {
		if (suspicion->word == 0) {
			suspicion->word = word_at(stack->bytes, offset);
			suspicion->range = safety_range_at(safety, suspicion->word, SAFETY_EITHER);
		}
		suspicion->stack_top = stack->address + offset + sizeof(uint64_t);
	}
}

static enum safety_use use_of(const struct unwind_frame *frame)
{
	return frame->is_return ? SAFETY_RETURN : SAFETY_PC;
}

/*
 * Unwind until a live frame is found, or nothing suspicious lies further out, and then on for who
 * reads the report.
 *
 * A register that points into the middle of a range counts, whatever the frames are: code that
 * jumps there by register (a retpoline, longjmp(), setcontext()) has not arrived yet, and nothing
 * but the register says so.
 */
static void judge_frames(struct safety *safety, uint64_t pc, int32_t tid,
			 const struct suspicion *suspicion, const struct safety_range *live)
{
	struct safety_blocker *blocker = live != NULL
						 ? safety_block(safety, tid, pc, live, pc, true)
						 : NULL;
	enum unwind_result result;
	struct unwind_frame frame;
	uint64_t frames[SAFETY_FRAMES_MAX];
	size_t count = 0;
	bool first = true;

	while ((result = unwinder_next(safety->unwinder, &frame)) == UNWIND_FRAME) {
		if (!first && count < SAFETY_FRAMES_MAX)
			frames[count++] = frame.pc;
		if (live == NULL && !first) {
			live = safety_range_at(safety, frame.pc, use_of(&frame));
			if (live != NULL)
				blocker = safety_block(safety, tid, pc, live, frame.pc, true);
		}
		first = false;
		if (live != NULL ? count == SAFETY_FRAMES_MAX
				 : suspicion->complete && suspicion->stack_top <= frame.sp)
			break;
	}
	if (live == NULL && (result == UNWIND_CUT || suspicion->in_register))
		blocker = safety_block(safety, tid, pc, suspicion->range, suspicion->word, false);
	if (blocker != NULL) {
		memcpy(blocker->frames, frames, count * sizeof(*frames));
		blocker->frame_count = count;
	}
}

/* What is below a stack that is known whole, and in it, is no other context. */
static void remember_stack(struct safety *safety, const struct unwind_copy *copy)
{
	if (safety->stack_count < safety->stack_room)
		safety->stacks[safety->stack_count++] = (struct safety_stack){
			.low = copy->address,
			.end = copy->address + copy->size,
		};
}

static int check_thread(struct safety *safety, struct target *target,
			const struct target_thread *thread, struct target_piece *piece)
{
	uint64_t pc = word_at(thread->regs, safety->arch->regs->pc);
	const struct safety_range *live = safety_range_at(safety, pc, SAFETY_PC);
	struct suspicion suspicion = { 0 };
	struct unwind_copy copy;

	safety->counts.threads++;
	copy = take_stack(safety, target, thread, piece, &suspicion.complete);
	if (copy.size == 0) {
		int r = target->ops->alive(target);

		if (r < 0)
			return r;
	}
	if (suspicion.complete)
		remember_stack(safety, &copy);
	safety_watch_thread(safety, thread, &copy);
	suspect_registers(safety, thread, &suspicion);
	suspect_stack(safety, &copy, &suspicion);
	if (live == NULL && suspicion.word == 0 && suspicion.complete)
		return 0;
	safety->counts.unwound++;
	unwinder_begin(safety->unwinder, target, thread, &copy);
	judge_frames(safety, pc, thread->tid, &suspicion, live);
	return 0;
}

/* Threads from @first on, as many as are looked at together: how many; a failure. */
static int check_some(struct safety *safety, struct target *target, size_t first)
{
	struct target_piece pieces[STACKS_MAX];
	size_t count = read_stacks(safety, target, first, pieces);
	int r = 0;

	for (size_t i = 0; i < count && r == 0 && safety->blocker_count < SAFETY_BLOCKERS_MAX; i++)
		if (target->threads[first + i].stopped)
			r = check_thread(safety, target, &target->threads[first + i], &pieces[i]);
	return r < 0 ? r : (int)count;
}

int safety_check(struct safety *safety, struct target *target)
{
	int count;

	safety->blocker_count = 0;
	safety->stack_count = 0;
	safety->counts = (struct safety_counts){ 0 };
	if (safety->span_count == 0 && safety->watch == NULL)
		return 0;
	unwinder_forget(safety->unwinder);
	for (size_t i = 0; i < target->thread_count && safety->blocker_count < SAFETY_BLOCKERS_MAX;
	     i += (size_t)count) {
		count = check_some(safety, target, i);
		if (count < 0)
			return count;
	}
	safety_watch_places(safety);
	if (safety->contexts && safety->blocker_count < SAFETY_BLOCKERS_MAX)
		safety_contexts_check(safety, target);
	return safety->blocker_count > 0 ? -LCP_EINUSE : 0;
}

const struct safety_blocker *safety_blockers(const struct safety *safety, size_t *ret_count)
{
	*ret_count = safety->blocker_count;
	return safety->blockers;
}

const struct safety_counts *safety_counts(const struct safety *safety)
{
	return &safety->counts;
}

struct unwinder *safety_unwinder(const struct safety *safety)
{
	return safety->unwinder;
}

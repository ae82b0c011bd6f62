/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The safety check on a process that is made up: memory is arrays, threads are what we say. Real
 * threads are in tests/live/safety.c.
 */
#include <string.h>

#include "arch/arch.h"
#include "base/num.h"
#include "cfi_make.h"
#include "core/safety.h"
#include "fake_stopped.h"
#include "tap.h"
#include "target/unwind.h"

#define CODE 0x400000
#define CODE_SIZE 0x1000
#define STACK 0x7ffffff00000
#define STACK_SIZE 0x4000
#define STACK_END (STACK + STACK_SIZE)
#define SP (STACK_END - 0x400)
#define HEAP 0x600000
#define HEAP_SIZE 0x8000

/* The function that is replaced, in the middle of code. */
#define START (CODE + 0x100)
#define END (CODE + 0x180)

#define MAPS                                               \
	"00400000-00401000 r-xp 00000000 00:00 0 \n"       \
	"00600000-00608000 rw-p 00000000 00:00 0 [heap]\n" \
	"7ffffff00000-7ffffff04000 rw-p 00000000 00:00 0 [stack]\n"

static const struct safety_range whole = { START, END, false, "whole" };
static const struct safety_range bytes_only = { START, START + 5, true, "bytes" };

/* A process with code, a heap and one thread, which is somewhere harmless. */
static void setup(struct fake_stopped *fake)
{
	fake_stopped_init(fake, MAPS);
	fake_stopped_add(fake, CODE, CODE_SIZE);
	fake_stopped_add(fake, HEAP, HEAP_SIZE);
	fake_stopped_add(fake, STACK, STACK_SIZE);
	fake_stopped_thread(fake, 100, CODE + 0x10, SP);
}

/* What the check says of @range. */
static int check(struct fake_stopped *fake, const struct safety_range *range, uint32_t flags,
		 struct safety_blocker *ret)
{
	autosafety struct safety *safety = NULL;
	const struct safety_blocker *blockers;
	size_t count;
	int r = safety_new(&fake->process, range, 1, NULL, 0, flags, &safety, NULL);

	if (r < 0)
		return r;
	r = safety_check(safety, &fake->target);
	blockers = safety_blockers(safety, &count);
	memset(ret, 0, sizeof(*ret));
	if (count > 0)
		*ret = blockers[0];
	return r == -LCP_EINUSE && count == 0 ? -1 : r;
}

/* With @word at @address of memory. */
static int check_word(uint64_t address, uint64_t word, const struct safety_range *range,
		      uint32_t flags)
{
	struct fake_stopped fake;
	struct safety_blocker blocker;
	int r;

	setup(&fake);
	fake_stopped_put(&fake, address, word);
	r = check(&fake, range, flags, &blocker);
	if (r == -LCP_EINUSE && (blocker.found != word || blocker.certain))
		r = -1;
	fake_stopped_fini(&fake);
	return r;
}

static int check_pc(uint64_t pc, const struct safety_range *range, uint32_t flags)
{
	struct fake_stopped fake;
	struct safety_blocker blocker;
	int r;

	setup(&fake);
	fake_stopped_register(&fake, 0, arch_x86_64.regs->pc, pc);
	r = check(&fake, range, flags, &blocker);
	if (r == -LCP_EINUSE && (blocker.found != pc || blocker.pc != pc || !blocker.certain ||
				 blocker.tid != 100 || strcmp(blocker.name, range->name) != 0))
		r = -1;
	fake_stopped_fini(&fake);
	return r;
}

/* A caller may have to say so to who asked for it: only such codes as it documents. */
static void test_size(void)
{
	const struct safety_range huge = { START, START + (17u << 20), false, "huge" };

	is_int(check_word(SP, 0, &huge, SAFETY_SCAN_ALL), -LCP_EUNSUPPORTED,
	       "more code than can be looked for in contexts is refused as such");
}

static void test_pc(void)
{
	is_int(check_pc(START - 1, &whole, 0), 0, "a thread in front of the range is clear");
	is_int(check_pc(START, &whole, 0), -LCP_EINUSE, "one at its first instruction is not");
	is_int(check_pc(END - 1, &whole, 0), -LCP_EINUSE, "nor one at its last byte");
	is_int(check_pc(END, &whole, 0), 0, "one behind it is");
	is_int(check_pc(START, &bytes_only, 0), 0,
	       "if bytes are overwritten, one at the first of them is clear");
	is_int(check_pc(START + 1, &bytes_only, 0), -LCP_EINUSE, "one inside is not");
	is_int(check_pc(START + 4, &bytes_only, 0), -LCP_EINUSE, "nor one at the last");
	is_int(check_pc(START + 5, &bytes_only, 0), 0, "one behind them is");
}

static void test_stack(void)
{
	is_int(check_word(SP, START - 1, &whole, 0), 0, "an address in front of the range is none");
	is_int(check_word(SP, START, &whole, 0), -LCP_EINUSE,
	       "its start may be where a signal came");
	is_int(check_word(SP, START + 1, &whole, 0), -LCP_EINUSE, "an address inside is one");
	is_int(check_word(SP, END, &whole, 0), -LCP_EINUSE,
	       "its end is where a call returns to that is its last instruction");
	is_int(check_word(SP, END + 1, &whole, 0), 0, "behind it is none");
	is_int(check_word(SP, START, &bytes_only, 0), 0, "the first of bytes is not inside them");
	is_int(check_word(SP, START + 1, &bytes_only, 0), -LCP_EINUSE, "the second is");
	is_int(check_word(SP, START + 4, &bytes_only, 0), -LCP_EINUSE, "the last is");
	is_int(check_word(SP, START + 5, &bytes_only, 0), 0, "the one behind is not");
}

static void test_stack_edges(void)
{
	is_int(check_word(STACK_END - 8, START + 8, &whole, 0), -LCP_EINUSE,
	       "the last word of a stack is looked at");
	is_int(check_word(SP - 136, START + 8, &whole, 0), 0, "below the red zone nothing is");
	is_int(check_word(SP + 0x104, START + 8, &whole, 0), 0,
	       "a return address is aligned: other words are not looked at");
	is_int(check_word(SP - 0x1000, START + 8, &whole, 0), 0,
	       "pages below sp are not looked at");
}

/* A thread of a library: its stack ends at its thread pointer, in the same mapping as others. */
static void test_thread_pointer(void)
{
	struct fake_stopped fake;
	struct safety_blocker blocker;

	setup(&fake);
	fake_stopped_thread(&fake, 101, CODE, HEAP + 0x1000);
	fake_stopped_register(&fake, 1, arch_x86_64.regs->thread_pointer, HEAP + 0x2000);
	fake_stopped_put(&fake, HEAP + 0x2000, START + 8);
	is_int(check(&fake, &whole, 0, &blocker), 0,
	       "what is behind the thread pointer is no stack");
	fake_stopped_put(&fake, HEAP + 0x1ff8, START + 8);
	is_int(check(&fake, &whole, 0, &blocker), -LCP_EINUSE, "what is in front of it is");
	is_int(blocker.tid, 101, "of that thread");
	fake_stopped_fini(&fake);
}

/* A thread whose sp is where no stack is known to be. */
static void test_strange_stack(void)
{
	struct fake_stopped fake;
	struct safety_blocker blocker;

	setup(&fake);
	fake_stopped_register(&fake, 0, arch_x86_64.regs->sp, HEAP + 0x1000);
	is_int(check(&fake, &whole, 0, &blocker), -LCP_EINUSE,
	       "a thread on a stack of which the end is not known counts");
	ok(blocker.tid == 100 && !blocker.certain && blocker.name == NULL,
	   "but it is not certain, nor known where");
	fake_stopped_register(&fake, 0, arch_x86_64.regs->sp, 0x10);
	is_int(check(&fake, &whole, 0, &blocker), -LCP_EINUSE, "so does one without a stack");
	fake.gone = true;
	is_int(check(&fake, &whole, 0, &blocker), -LCP_EGONE,
	       "unless the process is gone, which is said");
	fake_stopped_fini(&fake);
}

/* What the kernel writes on an alternate stack, which here is above the stack it interrupted. */
static void test_alternate_stack(void)
{
	struct fake_stopped fake;
	struct safety_blocker blocker;
	uint64_t frame = SP + 0x80;

	setup(&fake);
	fake_stopped_put(&fake, frame + 8, 7);
	fake_stopped_put(&fake, frame + 24, SP);
	fake_stopped_put(&fake, frame + 32, 0);
	fake_stopped_put(&fake, frame + 40, 0x300);
	is_int(check(&fake, &whole, 0, &blocker), -LCP_EINUSE,
	       "a thread in a handler on an alternate stack has another stack, too");
	fake_stopped_put(&fake, frame + 40, 0x10);
	is_int(check(&fake, &whole, 0, &blocker), 0, "not every ucontext is one of such a handler");
	fake_stopped_fini(&fake);
}

static void test_registers(void)
{
	struct fake_stopped fake;
	struct safety_blocker blocker;

	setup(&fake);
	fake_stopped_register(&fake, 0, arch_x86_64.regs->args[0], START + 8);
	is_int(check(&fake, &whole, 0, &blocker), -LCP_EINUSE,
	       "a register may hold where a jump will go");
	ok(blocker.found == START + 8 && !blocker.certain, "that is not certain");
	fake_stopped_register(&fake, 0, arch_x86_64.regs->args[0], START - 8);
	is_int(check(&fake, &whole, 0, &blocker), 0, "other numbers say nothing");
	fake_stopped_fini(&fake);
}

/* Where a function ends another one begins, and the address of that may be anywhere. */
static void test_neighbours(void)
{
	static const struct safety_range ranges[] = {
		{ START, START + 0x40, false, "first" },
		{ START + 0x40, END, false, "second" },
	};
	autosafety struct safety *safety = NULL;
	struct fake_stopped fake;

	setup(&fake);
	fake_stopped_register(&fake, 0, arch_x86_64.regs->args[0], START + 0x40);
	is_int(safety_new(&fake.process, ranges, 2, NULL, 0, 0, &safety, NULL), 0,
	       "two functions stand side by side");
	is_int(safety_check(safety, &fake.target), 0,
	       "a register that holds the address of the second is in the middle of none");
	fake_stopped_register(&fake, 0, arch_x86_64.regs->args[0], START + 0x41);
	is_int(safety_check(safety, &fake.target), -LCP_EINUSE, "one byte on it is");
	fake_stopped_fini(&fake);
}

static void test_many_ranges(void)
{
	struct safety_range ranges[] = {
		{ 0x5000, 0x5100, false, "c" }, { 0x3000, 0x3005, true, "b" },
		{ 0x3000, 0x3100, false, "a" }, { 0x5080, 0x5200, false, "d" },
		{ 0x7000, 0x7000, false, "e" }, { 0x9000, 0x9001, true, "f" },
	};
	static const struct {
		uint64_t word;
		const char *name;
	} cases[] = {
		{ 0x2fff, NULL }, { 0x3000, "a" },  { 0x30ff, "a" },  { 0x3101, NULL },
		{ 0x4000, NULL }, { 0x5000, "c" },  { 0x5200, "d" },  { 0x5201, NULL },
		{ 0x7000, NULL }, { 0x9000, NULL }, { 0x9001, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autosafety struct safety *safety = NULL;
		const struct safety_blocker *blockers;
		struct fake_stopped fake;
		size_t count;

		setup(&fake);
		fake_stopped_put(&fake, SP + 8, cases[i].word);
		safety_new(&fake.process, ranges, ARRAY_SIZE(ranges), NULL, 0, 0, &safety, NULL);
		safety_check(safety, &fake.target);
		blockers = safety_blockers(safety, &count);
		is_text(count > 0 ? blockers[0].name : NULL, cases[i].name,
			"of several ranges the right one is found");
		fake_stopped_fini(&fake);
	}
}

static void test_many_threads(void)
{
	autosafety struct safety *safety = NULL;
	struct fake_stopped fake;
	size_t count;

	setup(&fake);
	for (int32_t i = 1; i < 20; i++)
		fake_stopped_thread(&fake, 100 + i, START + 8, SP);
	fake.threads[1].stopped = false;
	safety_new(&fake.process, &whole, 1, NULL, 0, 0, &safety, NULL);
	is_int(safety_check(safety, &fake.target), -LCP_EINUSE, "many threads are in the way");
	is_int(safety_blockers(safety, &count)[0].tid, 102,
	       "a thread that has ended is in nobody's way");
	is_int(count, SAFETY_BLOCKERS_MAX, "not more are listed than there is room for");
	fake.target.thread_count = 1;
	is_int(safety_check(safety, &fake.target), 0, "a check can be made again");
	is_int(safety_counts(safety)->threads, 1, "and counts anew");
	is_int(safety_counts(safety)->unwound, 0, "what is clear is not unwound");
	is_int(safety_counts(safety)->stack_bytes, 0x400 + 128, "a stack is copied to its end");
	fake_stopped_fini(&fake);
}

/* Code with a call in front of START + 5, and a word in memory that points behind it. */
static int check_context(uint64_t address, uint32_t flags)
{
	static const uint8_t call[] = { 0xe8, 0, 0, 0, 0 };
	struct fake_stopped fake;
	struct safety_blocker blocker;
	int r;

	setup(&fake);
	memcpy(fake_stopped_at(&fake, START, sizeof(call)), call, sizeof(call));
	fake_stopped_put(&fake, address, START + 5);
	fake_stopped_put(&fake, HEAP + 0x10, START);
	fake_stopped_put(&fake, HEAP + 0x18, START + 6);
	r = check(&fake, &whole, flags, &blocker);
	if (r == -LCP_EINUSE && (blocker.tid != 0 || blocker.found != START + 5 || blocker.certain))
		r = -1;
	fake_stopped_fini(&fake);
	return r;
}

static void test_contexts(void)
{
	is_int(check_context(HEAP + 0x4000, 0), 0,
	       "other memory is not looked at where nothing switches contexts");
	is_int(check_context(HEAP + 0x4000, SAFETY_SCAN_ALL), -LCP_EINUSE,
	       "if asked for, a return address is found anywhere");
	is_int(check_context(HEAP + HEAP_SIZE - 8, SAFETY_SCAN_ALL), -LCP_EINUSE,
	       "even at the end of memory");
	is_int(check_context(HEAP, SAFETY_SCAN_ALL), -LCP_EINUSE, "and at its beginning");
	is_int(check_context(HEAP + 4, SAFETY_SCAN_ALL), 0,
	       "addresses that no call returns to, or not aligned, are none");
	is_int(check_context(SP - 0x1000, SAFETY_SCAN_ALL), 0,
	       "what a thread left behind below its sp is no context");
}

/*
 * Code with unwind tables, in an object that says where they are or does not: outer (0x100 bytes,
 * CFA rsp + 8, the first function), the range itself, and other (CFA rsp + 32).
 */
#define OUTER CODE
#define OTHER (CODE + 0x200)
#define TABLES 0x500000
#define FRAMES (TABLES + 0x100)

static struct object_segment segments[] = {
	{ CODE, CODE + CODE_SIZE, false, true },
	{ TABLES, TABLES + 0x1000, false, false },
};

static void setup_tables(struct fake_stopped *fake, struct object *object, bool says_where)
{
	static const uint8_t cfa_32[] = { 0x0e, 32 };
	static const uint8_t no_return[] = { 0x07, 16 };
	struct cfi cfi;

	setup(fake);
	fake_stopped_add(fake, TABLES, 0x1000);
	cfi_init(&cfi, FRAMES);
	cfi_cie(&cfi, NULL, 16, NULL, 0);
	cfi_fde(&cfi, OUTER, 0x100, no_return, sizeof(no_return));
	cfi_fde(&cfi, START, END - START, NULL, 0);
	cfi_fde(&cfi, OTHER, 0x100, cfa_32, sizeof(cfa_32));
	cfi_end(&cfi);
	memcpy(fake_stopped_at(fake, FRAMES, cfi.size), cfi.bytes, cfi.size);
	*object = (struct object){
		.start = CODE,
		.end = TABLES + 0x1000,
		.segments = segments,
		.segment_count = ARRAY_SIZE(segments),
	};
	if (says_where)
		object->eh_frame_hdr = (struct object_table){
			TABLES, cfi_header(&cfi, TABLES, fake_stopped_at(fake, TABLES, 0x100))
		};
	fake->process.objects = object;
	fake->process.object_count = 1;
	fake_stopped_register(fake, 0, arch_x86_64.regs->pc, OTHER + 8);
}

/* A thread in other(), which was called from outer() or by way of the range. */
static void test_frames(bool says_where)
{
	struct fake_stopped fake;
	struct safety_blocker blocker;
	struct object object;

	setup_tables(&fake, &object, says_where);
	fake_stopped_put(&fake, SP + 24, OUTER + 8);
	fake_stopped_put(&fake, SP + 8, START + 8);
	is_int(check(&fake, &whole, 0, &blocker), 0,
	       "a word that is in a frame, but is no frame's");
	fake_stopped_put(&fake, SP + 64, START + 8);
	is_int(check(&fake, &whole, 0, &blocker), 0, "one that is behind the first frame");
	fake_stopped_put(&fake, SP + 64, 0);
	fake_stopped_put(&fake, SP + 24, START + 8);
	fake_stopped_put(&fake, SP + 32, OUTER + 8);
	is_int(check(&fake, &whole, 0, &blocker), -LCP_EINUSE, "a word that is a frame's");
	ok(blocker.certain && blocker.found == START + 8 && blocker.frame_count == 2 &&
		   blocker.frames[0] == START + 8 && blocker.frames[1] == OUTER + 8,
	   "is certain, and the frames are shown");
	is_int(check(&fake, &bytes_only, 0, &blocker), 0,
	       "if bytes are overwritten, one behind them is clear");
	fake_stopped_put(&fake, SP + 24, START);
	is_int(check(&fake, &whole, 0, &blocker), 0,
	       "a return address at the start is that of a call in front of the range");
	fake_stopped_put(&fake, SP + 24, END);
	is_int(check(&fake, &whole, 0, &blocker), -LCP_EINUSE,
	       "one at the end is that of a call that is the range's last instruction");
	ok(blocker.certain && blocker.found == END, "for certain");
	fake_stopped_fini(&fake);
}

/* Any bit of the tables is wrong: that may cost a verdict, and nothing else. */
static void test_flipped_tables(bool says_where)
{
	struct fake_stopped fake;
	struct safety_blocker blocker;
	struct object object;
	size_t odd = 0;

	setup_tables(&fake, &object, says_where);
	fake_stopped_put(&fake, SP + 24, OUTER + 8);
	fake_stopped_put(&fake, SP + 64, START + 8);
	for (size_t i = 0; i < 0x200; i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			uint8_t *byte = fake_stopped_at(&fake, TABLES + i, 1);
			int r;

			*byte ^= (uint8_t)(1u << bit);
			r = check(&fake, &whole, 0, &blocker);
			*byte ^= (uint8_t)(1u << bit);
			odd += r != 0 && r != -LCP_EINUSE;
		}
	}
	is_int(odd, 0, "with any bit of a table flipped there is a verdict");
	fake_stopped_fini(&fake);
}

int main(void)
{
	autounwinder struct unwinder *unwinder = NULL;

	/* libunwind opens a pipe when it is first used, and keeps it. */
	if (unwinder_new(&arch_x86_64, NULL, 0, NULL, 0, &unwinder, NULL) < 0)
		return 99;
	tap_begin();
	test_pc();
	test_size();
	test_stack();
	test_stack_edges();
	test_thread_pointer();
	test_strange_stack();
	test_alternate_stack();
	test_registers();
	test_neighbours();
	test_many_ranges();
	test_many_threads();
	test_contexts();
	test_frames(true);
	test_frames(false);
	test_flipped_tables(true);
	test_flipped_tables(false);
	return tap_end();
}

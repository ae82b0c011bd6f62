/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walks over stacks that are made up: they find what is there, and tables that are wrong or want to
 * do harm end them.
 *
 * Code is four functions of 0x100 bytes: leaf (CFA rsp + 8) called by middle (rsp + 32), called by
 * framed (rbp + 16), called by start, whose return address is undefined.
 */
#include <string.h>

#include "base/num.h"
#include "cfi_make.h"
#include "fake_stopped.h"
#include "tap.h"
#include "target/unwind.h"

#define CODE 0x400000
#define LEAF CODE
#define MIDDLE (CODE + 0x100)
#define FRAMED (CODE + 0x200)
#define START (CODE + 0x300)
#define CODE_END (CODE + 0x400)
#define TABLES 0x410000
#define HEADER (TABLES + 0x4)
#define FRAMES (TABLES + 0x200)
#define TABLES_SIZE 0x1000
#define STACK 0x7ffff0000000
#define STACK_SIZE 0x40000
#define SP (STACK + 0x100)

static const uint8_t cfa_32[] = { 0x0e, 32 };
/* CFA rbp + 16, rbp at CFA - 16 */
static const uint8_t cfa_rbp[] = { 0x0c, 6, 16, 0x80 | 6, 2 };
static const uint8_t no_return[] = { 0x07, 16 };
static const uint8_t no_frame_pointer[] = { 0x07, 6 };

/* How a test differs from the usual. */
struct setting {
	const char *letters;
	uint8_t column;
	const uint8_t *leaf; /* instructions of leaf()'s FDE */
	size_t leaf_size;
};

struct walk {
	struct fake_stopped fake;
	struct cfi cfi;
	struct unwind_table table;
	struct unwinder *unwinder;
};

/* The same stack for all: leaf at SP, and so on. */
static void put_stack(struct fake_stopped *fake)
{
	fake_stopped_put(fake, SP, MIDDLE + 0x10);
	fake_stopped_put(fake, SP + 8 + 24, FRAMED + 0x10);
	/* framed: rbp is SP + 0x100 */
	fake_stopped_put(fake, SP + 0x100, 0x1234);
	fake_stopped_put(fake, SP + 0x108, START + 0x10);
	fake_stopped_put(fake, SP + 0x110, LEAF + 0x10);
}

static void begin(struct walk *walk, const struct setting *setting, const struct unwind_copy *copy)
{
	struct unwind_copy stack = { SP & ~7ull, 0x200, NULL };
	struct fake_stopped *fake = &walk->fake;

	fake_stopped_init(fake, "");
	fake_stopped_add(fake, TABLES, TABLES_SIZE);
	fake_stopped_add(fake, STACK, STACK_SIZE);
	put_stack(fake);
	cfi_init(&walk->cfi, FRAMES);
	cfi_cie(&walk->cfi, setting->letters, setting->column, NULL, 0);
	cfi_fde(&walk->cfi, LEAF, 0x100, setting->leaf, setting->leaf_size);
	cfi_cie(&walk->cfi, NULL, 16, NULL, 0);
	cfi_fde(&walk->cfi, MIDDLE, 0x100, cfa_32, sizeof(cfa_32));
	cfi_fde(&walk->cfi, FRAMED, 0x100, cfa_rbp, sizeof(cfa_rbp));
	cfi_fde(&walk->cfi, START, 0x100, no_return, sizeof(no_return));
	cfi_end(&walk->cfi);
	memcpy(fake_stopped_at(fake, FRAMES, walk->cfi.size), walk->cfi.bytes, walk->cfi.size);
	(void)cfi_header(&walk->cfi, HEADER, fake_stopped_at(fake, HEADER, 0x100));
	walk->table = (struct unwind_table){ CODE, CODE_END, HEADER, HEADER + 12, 4 };
	if (unwinder_new(&arch_x86_64, &walk->table, 1, copy, copy != NULL, &walk->unwinder, NULL) <
	    0)
		walk->unwinder = NULL;
	fake_stopped_thread(fake, 1, LEAF + 8, SP);
	fake_stopped_register(fake, 0, 32, SP + 0x100); /* rbp */
	stack.bytes = fake_stopped_at(fake, SP, 0x200);
	unwinder_begin(walk->unwinder, &fake->target, &fake->threads[0], &stack);
}

static void end(struct walk *walk)
{
	unwinder_free(walk->unwinder);
	fake_stopped_fini(&walk->fake);
}

/* Frames until the end, and which one that was. */
static size_t count_frames(struct walk *walk, enum unwind_result *ret)
{
	struct unwind_frame frame;
	size_t count = 0;

	while ((*ret = unwinder_next(walk->unwinder, &frame)) == UNWIND_FRAME)
		count++;
	return count;
}

static void test_walk(void)
{
	static const struct setting usual = { .column = 16 };
	static const struct unwind_frame frames[] = {
		{ LEAF + 8, SP, false },
		{ MIDDLE + 0x10, SP + 8, true },
		{ FRAMED + 0x10, SP + 0x28, true },
		{ START + 0x10, SP + 0x110, true },
	};
	struct unwind_frame frame;
	struct walk walk;

	begin(&walk, &usual, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
		is_int(unwinder_next(walk.unwinder, &frame), UNWIND_FRAME, "there is a frame");
		ok(frame.pc == frames[i].pc && frame.sp == frames[i].sp &&
			   frame.is_return == frames[i].is_return,
		   "it is the one expected: pc %llx, sp %llx", (unsigned long long)frame.pc,
		   (unsigned long long)frame.sp);
	}
	is_int(unwinder_next(walk.unwinder, &frame), UNWIND_START, "then the start is reached");
	is_int(unwinder_next(walk.unwinder, &frame), UNWIND_CUT, "behind it is nothing");
	end(&walk);
}

/* Reads go to copies first, and what is read once is not read again while threads stand still. */
static void test_reads(void)
{
	static const struct setting usual = { .column = 16 };
	struct unwind_copy copy = { TABLES, TABLES_SIZE, NULL };
	enum unwind_result result;
	struct walk walk, other;
	size_t reads;

	begin(&walk, &usual, NULL);
	is_int(count_frames(&walk, &result), 4, "a walk without copies of tables");
	reads = walk.fake.reads;
	ok(reads > 0 && reads <= 4, "reads them in blocks");
	copy.bytes = fake_stopped_at(&walk.fake, TABLES, TABLES_SIZE);
	begin(&other, &usual, &copy);
	is_int(count_frames(&other, &result), 4, "a walk with copies");
	is_int(other.fake.reads, 0, "reads nothing");
	end(&other);
	end(&walk);
}

/* What a frame may be returned to that is no call's: the bounds of a function. */
static void test_edges(void)
{
	static const struct setting usual = { .column = 16 };
	enum unwind_result result;
	struct walk walk;

	begin(&walk, &usual, NULL);
	fake_stopped_put(&walk.fake, SP, FRAMED); /* middle's last instruction is a call */
	is_int(count_frames(&walk, &result), 4,
	       "a return address behind a function's end belongs to that function");
	end(&walk);
	begin(&walk, &usual, NULL);
	fake_stopped_put(&walk.fake, SP, CODE_END);
	is_int(count_frames(&walk, &result), 2, "also at the end of all code");
	is_int(result, UNWIND_START, "where the last function has no caller");
	end(&walk);
	begin(&walk, &usual, NULL);
	fake_stopped_put(&walk.fake, SP, 0);
	is_int(count_frames(&walk, &result), 1, "a return address of 0");
	is_int(result, UNWIND_START, "is that of a thread's first function");
	end(&walk);
	begin(&walk, &usual, NULL);
	fake_stopped_put(&walk.fake, SP, CODE_END + 1);
	is_int(count_frames(&walk, &result), 2, "one into unknown code is shown");
	is_int(result, UNWIND_CUT, "and ends the walk");
	end(&walk);
}

static void test_signal_frame(void)
{
	static const struct setting signal = { .letters = "zRS", .column = 16 };
	struct unwind_frame frame;
	struct walk walk;

	begin(&walk, &signal, NULL);
	fake_stopped_put(&walk.fake, SP, MIDDLE); /* interrupted at its first instruction */
	(void)unwinder_next(walk.unwinder, &frame);
	is_int(unwinder_next(walk.unwinder, &frame), UNWIND_FRAME, "behind a signal frame");
	ok(frame.pc == MIDDLE && !frame.is_return, "is a pc that no call returns to");
	is_int(unwinder_next(walk.unwinder, &frame), UNWIND_FRAME, "it is looked up as it is");
	ok(frame.pc == FRAMED + 0x10 && frame.is_return, "and the next is returned to again");
	end(&walk);
}

/* A pc may be one that is executed next, and in another walk one that is returned to. */
static void test_both_kinds(void)
{
	/* CFA rsp + 8 up to the call's return, and rsp + 64 from there. */
	static const uint8_t two_rows[] = { 0x02, 8, 0x0e, 64 };
	static const struct setting setting = { NULL, 16, two_rows, sizeof(two_rows) };
	struct unwind_copy stack = { SP, 0x200, NULL };
	struct unwind_frame frame;
	struct walk walk;

	begin(&walk, &setting, NULL);
	fake_stopped_put(&walk.fake, SP + 56, MIDDLE + 0x10);
	(void)unwinder_next(walk.unwinder, &frame);
	(void)unwinder_next(walk.unwinder, &frame);
	is_int(frame.sp, SP + 64, "a pc executed next is looked up as it is");

	fake_stopped_put(&walk.fake, SP + 24, LEAF + 8);
	fake_stopped_put(&walk.fake, SP + 32, MIDDLE + 0x10);
	fake_stopped_register(&walk.fake, 0, arch_x86_64.regs->pc, MIDDLE + 8);
	stack.bytes = fake_stopped_at(&walk.fake, SP, 0x200);
	unwinder_begin(walk.unwinder, &walk.fake.target, &walk.fake.threads[0], &stack);
	for (int i = 0; i < 3; i++)
		(void)unwinder_next(walk.unwinder, &frame);
	is_int(frame.sp, SP + 40, "the same pc returned to is looked up as one inside the call");
	end(&walk);
}

static void test_bad_tables(void)
{
	static const struct {
		const char *claim;
		const char *letters;
		uint8_t column;
		uint8_t size;
		uint8_t code[16];
	} cases[] = {
		{ "a register that does not exist as another's place",
		  NULL,
		  16,
		  4,
		  { 0x09, 3, 0xff, 0x7f } },
		{ "a register beyond the last", NULL, 16, 3, { 0x05, 40, 1 } },
		{ "a return address in a register beyond the last", NULL, 99, 0, { 0 } },
		{ "an augmentation nobody knows", "zRX", 16, 0, { 0 } },
		{ "an unknown instruction", NULL, 16, 1, { 0x3f } },
		{ "DW_CFA_val_offset, which libunwind would take for something else",
		  NULL,
		  16,
		  3,
		  { 0x14, 16, 1 } },
		{ "an expression that divides", NULL, 16, 5, { 0x0f, 3, 0x30, 0x30, 0x1b } },
		{ "an expression that jumps back to its beginning",
		  NULL,
		  16,
		  5,
		  { 0x0f, 3, 0x2f, 0xfd, 0xff } },
		{ "an expression longer than its entry", NULL, 16, 3, { 0x0f, 0x7f, 0x30 } },
		{ "an expression that ends inside an operand",
		  NULL,
		  16,
		  4,
		  { 0x0f, 1, 0x0e, 0x00 } },
		{ "an expression without a value", NULL, 16, 4, { 0x0f, 2, 0x13, 0x13 } },
		{ "an expression that reads what is not there",
		  NULL,
		  16,
		  4,
		  { 0x0f, 2, 0x30, 0x06 } },
		{ "a restored state that nobody saved", NULL, 16, 1, { 0x0b } },
		{ "a number without end",
		  NULL,
		  16,
		  16,
		  { 0x0e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		    0xff, 0xff, 0xff } },
		{ "a CFA that does not grow", NULL, 16, 2, { 0x0e, 0 } },
		{ "a CFA that nobody defined for sure", NULL, 16, 3, { 0x0c, 12, 8 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct setting setting = { cases[i].letters, cases[i].column, cases[i].code,
						 cases[i].size };
		enum unwind_result result;
		struct walk walk;

		begin(&walk, &setting, NULL);
		is_int(count_frames(&walk, &result), 1, cases[i].claim);
		is_int(result, UNWIND_CUT, "ends the walk");
		end(&walk);
	}
}

/* Where the frame pointer is lost, libunwind says that the start was reached. */
static void test_lost_frame_pointer(void)
{
	static const struct setting setting = { NULL, 16, no_frame_pointer,
						sizeof(no_frame_pointer) };
	enum unwind_result result;
	struct walk walk;

	begin(&walk, &setting, NULL);
	is_int(count_frames(&walk, &result), 1, "a frame pointer that is lost");
	is_int(result, UNWIND_CUT, "is no thread's start");
	end(&walk);
}

/* Every byte of the tables is changed once: nothing but frames or an end comes of it. */
static void test_flipped_tables(void)
{
	static const struct setting usual = { .column = 16 };
	struct unwind_copy copy = { TABLES, TABLES_SIZE, NULL };
	size_t too_many = 0;
	struct walk walk;

	begin(&walk, &usual, NULL);
	copy.bytes = fake_stopped_at(&walk.fake, TABLES, TABLES_SIZE);
	for (size_t i = 0; i < 0x200 + walk.cfi.size; i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			uint8_t *byte = fake_stopped_at(&walk.fake, TABLES + i, 1);
			struct unwind_copy stack = { SP, 0x200,
						     fake_stopped_at(&walk.fake, SP, 0x200) };
			struct walk other = walk;
			enum unwind_result result;

			*byte ^= (uint8_t)(1u << bit);
			if (unwinder_new(&arch_x86_64, &walk.table, 1, &copy, 1, &other.unwinder,
					 NULL) < 0)
				continue;
			unwinder_begin(other.unwinder, &walk.fake.target, &walk.fake.threads[0],
				       &stack);
			too_many += count_frames(&other, &result) > 4096;
			unwinder_free(other.unwinder);
			*byte ^= (uint8_t)(1u << bit);
		}
	}
	is_int(too_many, 0, "tables with any bit flipped end each walk");
	end(&walk);
}

/* Frames without end: each returns to the same place, further up. */
static void test_endless(void)
{
	static const struct setting usual = { .column = 16 };
	enum unwind_result result;
	struct walk walk;

	begin(&walk, &usual, NULL);
	for (uint64_t at = SP; at < STACK + STACK_SIZE; at += 8)
		fake_stopped_put(&walk.fake, at, LEAF + 0x10);
	is_int(count_frames(&walk, &result), 4096, "a walk has a bounded number of frames");
	is_int(result, UNWIND_CUT, "and is cut then");
	end(&walk);
}

static void test_other_cpu(void)
{
	struct unwind_copy stack = { 0 };
	struct unwinder *unwinder = NULL;
	struct unwind_frame frame;
	struct fake_stopped fake;

	fake_stopped_init(&fake, "");
	fake_stopped_thread(&fake, 1, CODE, SP);
	is_int(unwinder_new(&arch_aarch64, NULL, 0, NULL, 0, &unwinder, NULL), 0,
	       "an unwinder for another CPU");
	unwinder_begin(unwinder, &fake.target, &fake.threads[0], &stack);
	is_int(unwinder_next(unwinder, &frame), UNWIND_CUT, "says that it cannot tell");
	unwinder_free(unwinder);
	fake_stopped_fini(&fake);
}

int main(void)
{
	autounwinder struct unwinder *unwinder = NULL;

	/* libunwind opens a pipe when it is first used, and keeps it. */
	if (unwinder_new(&arch_x86_64, NULL, 0, NULL, 0, &unwinder, NULL) < 0)
		return 99;
	tap_begin();
	test_walk();
	test_reads();
	test_edges();
	test_signal_frame();
	test_both_kinds();
	test_bad_tables();
	test_lost_frame_pointer();
	test_flipped_tables();
	test_endless();
	test_other_cpu();
	return tap_end();
}

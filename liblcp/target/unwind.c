/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "target/unwind.h"

#include <libunwind.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "target/unwind_private.h"

/*
 * libunwind exports it, and no header has it: for a table that the caller has found. As perf does.
 */
#define dwarf_search_unwind_table UNW_OBJ(dwarf_search_unwind_table)
int dwarf_search_unwind_table(unw_addr_space_t space, unw_word_t ip, unw_dyn_info_t *table,
			      unw_proc_info_t *ret, int need_unwind_info, void *arg);

#define REGISTERS_MAX 40
#define FRAMES_MAX 4096

/* Entries of tables that are known to be sound. */
#define VERIFIED 256

enum state {
	AT_FIRST, /* the innermost frame was not handed out */
	WALKING,
	BEHIND_END,
};

struct unwinder {
	const struct arch *arch;
	struct unwind_table *tables; /* by start */
	size_t table_count;
	struct unwind_memory memory;
	uint64_t verified[VERIFIED]; /* by a hash of themselves */

	/*
	 * libunwind keeps what it has learned of a pc, and does not tell a pc that is executed next
	 * from one that is returned to, which may belong to other rows of a table. So there is one
	 * cache for those that are returned to, and none for the few others.
	 */
	unw_addr_space_t next_space;
	unw_addr_space_t return_space;

	enum state state;
	unw_cursor_t cursor;
	bool restart; /* the cursor is to be made, from registers */
	uint64_t registers[REGISTERS_MAX]; /* by DWARF's number */
	uint64_t known; /* bit n: register n is */
	struct unwind_frame frame; /* the last one handed out */
	size_t frame_count;
	bool failed; /* what libunwind asked for was not there */
};

static const struct unwind_table *find_table(const struct unwinder *unwinder, uint64_t pc)
{
	size_t low = 0, high = unwinder->table_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (pc >= unwinder->tables[middle].end)
			low = middle + 1;
		else if (pc < unwinder->tables[middle].start)
			high = middle;
		else
			return &unwinder->tables[middle];
	}
	return NULL;
}

/* The pair in @table's index for @pc: its address, and where the entry is. */
static bool find_pair(struct unwinder *unwinder, const struct unwind_table *table, uint64_t pc,
		      uint64_t *ret, uint64_t *ret_entry)
{
	uint64_t low = 0, high = table->count;
	uint32_t value;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (!unwind_read32(&unwinder->memory, table->index + 8 * middle, &value))
			return false;
		if (table->base + (uint64_t)(int32_t)value <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return false;
	*ret = table->index + 8 * (low - 1);
	if (!unwind_read32(&unwinder->memory, *ret + 4, &value))
		return false;
	*ret_entry = table->base + (uint64_t)(int32_t)value;
	return true;
}

static bool is_verified(struct unwinder *unwinder, uint64_t entry)
{
	uint64_t *slot = &unwinder->verified[entry / 4 % VERIFIED];

	if (entry == 0)
		return false;
	if (*slot != entry && unwind_verify(&unwinder->memory, unwinder->arch, entry))
		*slot = entry;
	return *slot == entry;
}

static int find_proc_info(unw_addr_space_t space, unw_word_t pc, unw_proc_info_t *ret,
			  int need_unwind_info, void *arg)
{
	struct unwinder *unwinder = arg;
	const struct unwind_table *table = find_table(unwinder, pc);
	unw_dyn_info_t one = { .format = UNW_INFO_FORMAT_REMOTE_TABLE };
	uint64_t pair, entry;
	int r;

	if (table == NULL || !find_pair(unwinder, table, pc, &pair, &entry) ||
	    !is_verified(unwinder, entry)) {
		unwinder->failed = true;
		return -UNW_ENOINFO;
	}
	one.start_ip = table->start;
	one.end_ip = table->end;
	one.u.rti.segbase = table->base;
	one.u.rti.table_data = pair;
	one.u.rti.table_len = 1; /* in words: a pair is one */
	r = dwarf_search_unwind_table(space, pc, &one, ret, need_unwind_info, arg);
	unwinder->failed = unwinder->failed || r < 0;
	return r;
}

static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *info, void *arg)
{
	(void)space;
	(void)info;
	(void)arg;
}

/* Code that registered its tables with libunwind itself: nobody does. */
static int get_dyn_info_list_addr(unw_addr_space_t space, unw_word_t *ret, void *arg)
{
	(void)space;
	(void)ret;
	(void)arg;
	return -UNW_ENOINFO;
}

static int access_mem(unw_addr_space_t space, unw_word_t address, unw_word_t *value, int write,
		      void *arg)
{
	struct unwinder *unwinder = arg;

	(void)space;
	if (write != 0)
		return -UNW_EINVAL;
	if (unwind_read(&unwinder->memory, address, value))
		return 0;
	unwinder->failed = true;
	return -UNW_EINVAL;
}

static int access_reg(unw_addr_space_t space, unw_regnum_t number, unw_word_t *value, int write,
		      void *arg)
{
	const struct unwinder *unwinder = arg;

	(void)space;
	if (write != 0 || number < 0 || number >= REGISTERS_MAX ||
	    (unwinder->known >> number & 1) == 0)
		return -UNW_EBADREG;
	*value = unwinder->registers[number];
	return 0;
}

static int access_fpreg(unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value, int write,
			void *arg)
{
	(void)space;
	(void)number;
	(void)value;
	(void)write;
	(void)arg;
	return -UNW_EBADREG;
}

static int resume(unw_addr_space_t space, unw_cursor_t *cursor, void *arg)
{
	(void)space;
	(void)cursor;
	(void)arg;
	return -UNW_EINVAL;
}

static int get_proc_name(unw_addr_space_t space, unw_word_t pc, char *ret, size_t size,
			 unw_word_t *ret_offset, void *arg)
{
	(void)space;
	(void)pc;
	(void)ret;
	(void)size;
	(void)ret_offset;
	(void)arg;
	return -UNW_EUNSPEC;
}

static int compare_tables(const void *a, const void *b)
{
	const struct unwind_table *left = a, *right = b;

	return (left->start > right->start) - (left->start < right->start);
}

static int compare_copies(const void *a, const void *b)
{
	const struct unwind_copy *left = a, *right = b;

	return (left->address > right->address) - (left->address < right->address);
}

/* *@ret = a copy of @count items. */
static bool copy_items(const void *items, size_t count, size_t size, void *ret)
{
	void *copy = calloc(count + 1, size);

	if (copy == NULL)
		return false;
	if (count > 0)
		memcpy(copy, items, count * size);
	*(void **)ret = copy;
	return true;
}

/*
 * The address spaces, and a cursor on nothing: libunwind initialises itself and its pools of memory
 * when it is first used, which is to happen here and not while threads stand still.
 */
static bool prepare_libunwind(struct unwinder *unwinder)
{
	unw_accessors_t accessors = {
		.find_proc_info = find_proc_info,
		.put_unwind_info = put_unwind_info,
		.get_dyn_info_list_addr = get_dyn_info_list_addr,
		.access_mem = access_mem,
		.access_reg = access_reg,
		.access_fpreg = access_fpreg,
		.resume = resume,
		.get_proc_name = get_proc_name,
	};

	unwinder->next_space = unw_create_addr_space(&accessors, 0);
	unwinder->return_space = unw_create_addr_space(&accessors, 0);
	if (unwinder->next_space == NULL || unwinder->return_space == NULL)
		return false;
	unw_set_caching_policy(unwinder->next_space, UNW_CACHE_NONE);
	unw_set_caching_policy(unwinder->return_space, UNW_CACHE_GLOBAL);
	(void)unw_init_remote(&unwinder->cursor, unwinder->return_space, unwinder);
	return true;
}

int unwinder_new(const struct arch *arch, const struct unwind_table *tables, size_t table_count,
		 const struct unwind_copy *copies, size_t copy_count, struct unwinder **ret,
		 struct lcp_error **reterr)
{
	autounwinder struct unwinder *unwinder = calloc(1, sizeof(*unwinder));

	if (unwinder == NULL ||
	    !copy_items(tables, table_count, sizeof(*tables), &unwinder->tables) ||
	    !copy_items(copies, copy_count, sizeof(*copies), &unwinder->memory.copies) ||
	    !prepare_libunwind(unwinder))
		return error_set_nomem(reterr);
	unwinder->arch = arch;
	unwinder->table_count = table_count;
	unwinder->memory.copy_count = copy_count;
	qsort(unwinder->tables, table_count, sizeof(*tables), compare_tables);
	qsort(unwinder->memory.copies, copy_count, sizeof(*copies), compare_copies);
	*ret = take(unwinder);
	return 0;
}

void unwinder_free(struct unwinder *unwinder)
{
	if (unwinder == NULL)
		return;
	if (unwinder->next_space != NULL)
		unw_destroy_addr_space(unwinder->next_space);
	if (unwinder->return_space != NULL)
		unw_destroy_addr_space(unwinder->return_space);
	free(unwinder->tables);
	free(unwinder->memory.copies);
	free(unwinder);
}

void unwinder_forget(struct unwinder *unwinder)
{
	for (size_t i = 0; i < UNWIND_BLOCKS; i++)
		unwinder->memory.blocks[i].size = 0;
	memset(unwinder->verified, 0, sizeof(unwinder->verified));
	unwinder->memory.cost = 0;
}

void unwinder_begin(struct unwinder *unwinder, struct target *target,
		    const struct target_thread *thread, const struct unwind_copy *stack)
{
	const struct arch *arch = unwinder->arch;
	unsigned int pc = arch->dwarf_pc;

	unwinder->memory.target = target;
	unwinder->memory.stack = *stack;
	for (unsigned int i = 0; i < arch->dwarf_reg_count; i++)
		unwinder->registers[i] = get_le64(thread->regs + arch->dwarf_regs[i]);
	unwinder->registers[pc] = get_le64(thread->regs + arch->regs->pc);
	unwinder->known = (2ull << pc) - 1;
	unwinder->restart = true;
	unwinder->state = AT_FIRST;
	unwinder->frame_count = 1;
	unwinder->frame = (struct unwind_frame){
		.pc = unwinder->registers[pc],
		.sp = get_le64(thread->regs + arch->regs->sp),
	};
}

/* Take the registers out of the cursor, which itself reads those it began with. */
static void save_registers(struct unwinder *unwinder)
{
	unsigned int pc = unwinder->arch->dwarf_pc;
	unw_word_t registers[REGISTERS_MAX];
	uint64_t known = 1ull << pc;

	for (unsigned int i = 0; i < pc; i++)
		if (unw_get_reg(&unwinder->cursor, (int)i, &registers[i]) == 0)
			known |= 1ull << i;
	/* One inside the call is what libunwind looks up for a pc that is returned to. */
	registers[pc] = unwinder->frame.pc - (unwinder->frame.is_return ? 1 : 0);
	unwinder->known = known;
	for (unsigned int i = 0; i <= pc; i++)
		if ((known >> i & 1) != 0)
			unwinder->registers[i] = registers[i];
}

/* Begin anew at the last frame, in the address space for frames of its kind. */
static bool restart(struct unwinder *unwinder)
{
	unw_addr_space_t space = unwinder->frame.is_return ? unwinder->return_space
							   : unwinder->next_space;

	unwinder->restart = false;
	if (unwinder->frame_count > 1)
		save_registers(unwinder);
	return unw_init_remote(&unwinder->cursor, space, unwinder) == 0;
}

/*
 * Is the return address of the frame before undefined? That is the mark of a first function (DWARF
 * 6.4.4). libunwind also says that it is at the end where the frame pointer is lost.
 */
static bool is_start(struct unwinder *unwinder)
{
	unw_save_loc_t where;

	return unw_get_save_loc(&unwinder->cursor, UNW_REG_IP, &where) == 0 &&
	       where.type == UNW_SLT_NONE;
}

/* The frame that a step has led to, which is further up the stack, or where a signal came. */
static enum unwind_result take_frame(struct unwinder *unwinder, bool is_end)
{
	struct unwind_frame *frame = &unwinder->frame;
	bool is_signal = unw_is_signal_frame(&unwinder->cursor) > 0;
	unw_word_t pc, sp;

	if (unw_get_reg(&unwinder->cursor, UNW_REG_IP, &pc) < 0 ||
	    unw_get_reg(&unwinder->cursor, UNW_REG_SP, &sp) < 0 ||
	    (sp <= frame->sp && !is_signal) || unwinder->frame_count == FRAMES_MAX)
		return UNWIND_CUT;
	if (is_end)
		return is_start(unwinder) ? UNWIND_START : UNWIND_CUT;
	/* Where a C library does not mark its first functions, they return to 0. */
	if (pc == 0)
		return UNWIND_START;
	unwinder->restart = is_signal || !frame->is_return;
	unwinder->frame_count++;
	*frame = (struct unwind_frame){ .pc = pc, .sp = sp, .is_return = !is_signal };
	return UNWIND_FRAME;
}

/*
 * What libunwind does without a table, following frame pointers, is a guess. So a step counts only
 * if everything was found that it asked for.
 */
static enum unwind_result step(struct unwinder *unwinder)
{
	int r;

	unwinder->failed = false;
	unwinder->memory.reads = 0;
	if (unwinder->restart && !restart(unwinder))
		return UNWIND_CUT;
	r = unw_step(&unwinder->cursor);
	if (r < 0 || unwinder->failed)
		return UNWIND_CUT;
	return take_frame(unwinder, r == 0);
}

enum unwind_result unwinder_next(struct unwinder *unwinder, struct unwind_frame *ret)
{
	enum unwind_result result = UNWIND_FRAME;

	if (unwinder->state == BEHIND_END || unwinder->arch != arch_native())
		result = UNWIND_CUT;
	else if (unwinder->state == WALKING)
		result = step(unwinder);
	unwinder->state = result == UNWIND_FRAME ? WALKING : BEHIND_END;
	*ret = unwinder->frame;
	return result;
}

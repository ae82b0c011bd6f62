/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "table.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/syscall.h>

#include "tap.h"

static const struct reloc_type *type_by_name(const struct arch *arch, const char *name)
{
	for (size_t i = 0; i < arch->reloc_count; i++) {
		if (strcmp(arch->relocs[i].name, name) == 0)
			return &arch->relocs[i];
	}
	return NULL;
}

static void say_bytes(const char *word, const uint8_t *bytes, size_t size)
{
	char digits[3 * 32 + 1] = "";

	for (size_t i = 0; i < size && i < 32; i++) {
		digits[3 * i] = "0123456789abcdef"[bytes[i] >> 4];
		digits[3 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
		digits[3 * i + 2] = ' ';
		digits[3 * i + 3] = '\0';
	}
	tap_say("  %s %s", word, digits);
}

/* The bytes of a row stand between others, which nobody may touch. */
static bool reloc_row_holds(const struct arch *arch, const struct reloc_type *type,
			    const struct reloc_row *row)
{
	uint8_t is[24], want[24];
	int r;

	memset(is, 0xa5, sizeof(is));
	memset(want, 0xa5, sizeof(want));
	memcpy(is + 8, row->before, row->size);
	memcpy(want + 8, row->beyond ? row->before : row->after, row->size);
	r = arch->reloc_apply(type, row->place, row->value, is + 8);
	if (r == (row->beyond ? -ERANGE : 0) && memcmp(is, want, sizeof(is)) == 0)
		return true;

	tap_say("%s place 0x%" PRIx64 " value 0x%" PRIx64 " (%s): returns %d", row->type,
		row->place, row->value, row->source, r);
	say_bytes("is  ", is + 8, row->size);
	say_bytes("want", want + 8, row->size);
	return false;
}

struct tally {
	size_t inside;
	size_t beyond;
	size_t wrong;
};

static struct tally try_type(const struct arch *arch, const struct reloc_type *type,
			     const struct reloc_row *rows, size_t count)
{
	struct tally tally = {};

	for (size_t i = 0; i < count; i++) {
		if (strcmp(rows[i].type, type->name) != 0)
			continue;
		tally.inside += !rows[i].beyond;
		tally.beyond += rows[i].beyond;
		tally.wrong += !reloc_row_holds(arch, type, &rows[i]);
		tally.wrong += rows[i].number != type->number;
		tally.wrong += rows[i].need != (enum reloc_need)type->need;
		tally.wrong += type->size > 0 && rows[i].size != type->size;
	}
	return tally;
}

static void try_order(const struct arch *arch)
{
	bool sorted = true, found = true;

	for (size_t i = 0; i < arch->reloc_count; i++) {
		const struct reloc_type *type = &arch->relocs[i];

		sorted = sorted && (i == 0 || type[-1].number < type->number);
		found = found && arch_reloc_type(arch, type->number) == type;
	}
	ok(sorted, "the relocations of %s are sorted by number, each once", arch->name);
	ok(found, "arch_reloc_type finds every one of them");
	ok(arch_reloc_type(arch, 0xfffe) == NULL, "arch_reloc_type finds no other");
}

static void try_address64(const struct arch *arch)
{
	const struct reloc_type *type = arch_reloc_type(arch, arch->reloc_address64);
	uint8_t bytes[8] = {};

	if (!ok(type != NULL, "reloc_address64 is one of them"))
		return;
	ok(type->need == RELOC_ADDRESS && type->size == sizeof(bytes) &&
		   arch->reloc_apply(type, 0x1000, 0x1122334455667788, bytes) == 0 &&
		   get_le64(bytes) == 0x1122334455667788,
	   "it stores a whole address");
}

void table_try_relocs(const struct arch *arch, const struct reloc_row *rows, size_t count)
{
	size_t known = 0;

	try_order(arch);
	try_address64(arch);
	tap_say("%-42s %6s %6s", "relocation", "linked", "beyond");
	for (size_t i = 0; i < arch->reloc_count; i++) {
		const struct reloc_type *type = &arch->relocs[i];
		struct tally tally = try_type(arch, type, rows, count);
		bool holds = tally.wrong == 0 && tally.inside > 0 &&
			     (type->bits == 0 || tally.beyond > 0);

		tap_say("%-42s %6zu %6zu  %s", type->name, tally.inside, tally.beyond,
			holds ? "ok" : "WRONG");
		ok(holds, "%s agrees with the linker, and what does not fit is refused",
		   type->name);
	}
	for (size_t i = 0; i < count; i++)
		known += type_by_name(arch, rows[i].type) != NULL;
	is_int(known, count, "no row is about a relocation that is unknown");
}

/* As the caller of reloc_relax does it: rewrite, then apply what took the place of the old one. */
static bool relax_row_holds(const struct arch *arch, const struct relax_row *row)
{
	const struct reloc_type *type = type_by_name(arch, row->type), *new_type;
	uint8_t code[16];
	size_t offset = 0;
	int64_t addend = 0;
	uint64_t value;

	memcpy(code, row->before, sizeof(code));
	new_type = arch->reloc_relax(type, code, row->size, row->offset, &offset, &addend);
	if (row->becomes == NULL)
		return new_type == NULL && memcmp(code, row->before, sizeof(code)) == 0;
	if (new_type == NULL || strcmp(new_type->name, row->becomes) != 0)
		return false;
	value = row->symbol + (uint64_t)(row->addend + addend);
	if (arch->reloc_apply(new_type, row->address + offset, value, code + offset) < 0)
		return false;
	if (memcmp(code, row->after, sizeof(code)) == 0)
		return true;
	say_bytes("is  ", code, row->size);
	say_bytes("want", row->after, row->size);
	return false;
}

/* Cut code, and code that begins too late, is not rewritten, read or written past its ends. */
static bool relax_stays_inside(const struct arch *arch, const struct relax_row *row)
{
	const struct reloc_type *type = type_by_name(arch, row->type);
	uint8_t code[16];
	size_t offset;
	int64_t addend;

	for (size_t size = 0; size < row->size; size++) {
		memcpy(code, row->before, sizeof(code));
		if (arch->reloc_relax(type, code, size, row->offset, &offset, &addend) != NULL ||
		    memcmp(code, row->before, sizeof(code)) != 0)
			return false;
	}
	return row->offset == 0 ||
	       arch->reloc_relax(type, code + row->offset, 4, 0, &offset, &addend) == NULL;
}

void table_try_relax(const struct arch *arch, const struct relax_row *rows, size_t count)
{
	bool inside = true;

	for (size_t i = 0; i < count; i++) {
		bool holds = relax_row_holds(arch, &rows[i]);

		tap_say("%-42s %s  %s", rows[i].type, rows[i].becomes ? rows[i].becomes : "kept",
			holds ? "ok" : "WRONG");
		ok(holds, "rewriting \"%s\" agrees with the tools", rows[i].claim);
		inside = inside && relax_stays_inside(arch, &rows[i]);
	}
	ok(inside, "code that is cut short is not rewritten");
}

static bool branch_row_holds(const struct arch *arch, const struct branch_row *row)
{
	uint8_t code[ARCH_BRANCH_MAX], clean[ARCH_BRANCH_MAX];
	int r;

	memset(clean, 0xa5, sizeof(clean));
	memcpy(code, clean, sizeof(code));
	r = (row->far ? arch->far_branch : arch->branch)(row->from, row->to, code);
	if (row->size == 0)
		return r == -ERANGE && memcmp(code, clean, sizeof(code)) == 0;
	return r == row->size && memcmp(code, row->code, row->size) == 0 &&
	       memcmp(code + row->size, clean, sizeof(code) - row->size) == 0;
}

static bool branch_goes_round(const struct arch *arch, const struct branch_row *row)
{
	for (size_t size = 0; size < row->size; size++) {
		if (arch->branch_target(row->from, row->code, size) != 0)
			return false;
	}
	return arch->branch_target(row->from, row->code, row->size) == row->to;
}

void table_try_branches(const struct arch *arch, const struct branch_row *rows, size_t count)
{
	bool reach = true, back = false, ahead = false;

	for (size_t i = 0; i < count; i++) {
		const struct branch_row *row = &rows[i];
		int64_t distance = (int64_t)(row->to - row->from);
		bool holds = branch_row_holds(arch, row) &&
			     (row->size == 0 || branch_goes_round(arch, row));

		tap_say("%-6s branch from 0x%" PRIx64 " to 0x%-12" PRIx64 " %s  %s",
			row->far ? "far" : "near", row->from, row->to,
			row->size ? "there and back" : "out of reach", holds ? "ok" : "WRONG");
		ok(holds, "a %s branch over %" PRId64 " bytes agrees with the tools",
		   row->far ? "far" : "near", distance);
		if (row->far)
			continue;
		reach = reach && (row->size > 0) == (distance >= arch->branch_reach_back &&
						     distance <= arch->branch_reach_ahead);
		back = back || distance == arch->branch_reach_back;
		ahead = ahead || distance == arch->branch_reach_ahead;
	}
	ok(reach && back && ahead, "the stated reach is exact in both directions");
}

void table_try_pads(const struct arch *arch, const struct pad_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct pad_row *row = &rows[i];
		struct landing_pad pad = arch->landing_pad(row->code, row->code_size);
		struct landing_pad cut = arch->landing_pad(row->code, row->code_size - 1u);

		ok(pad.size == row->size && pad.enter_behind == row->enter_behind &&
			   memcmp(pad.plain, row->plain, sizeof(pad.plain)) == 0,
		   "%s is %s%s", row->name, row->size ? "a landing pad" : "no landing pad",
		   row->enter_behind ? " that does work too" : "");
		ok(cut.size == 0 && !cut.enter_behind, "a part of %s is no landing pad", row->name);
	}
}

void table_try_paddings(const struct arch *arch, const struct padding_row *rows, size_t count,
			const void *ret, size_t ret_size)
{
	uint8_t code[64];

	for (size_t i = 0; i < count; i++) {
		const struct padding_row *row = &rows[i];

		ok(arch->padding(row->code, row->size) == row->size,
		   "%u bytes that %s fills in are padding", row->size, row->source);
	}
	memcpy(code, ret, ret_size);
	memcpy(code + ret_size, rows[0].code, rows[0].size);
	is_int(arch->padding(code, ret_size + rows[0].size), 0, "padding ends at code");
	is_int(arch->padding(code, 0), 0, "nothing has no padding");
}

void table_try_gadgets(const struct arch *arch, const struct gadget_row *rows, size_t count,
		       size_t align)
{
	uint8_t code[64];
	unsigned int seen = 0;

	for (size_t i = 0; i < count; i++) {
		const struct gadget_row *row = &rows[i];

		memset(code, 0xa5, sizeof(code));
		memcpy(code + 3 * align, row->code, row->size);
		memcpy(code + 32, row->code, row->size);
		ok(arch->find_gadget(row->gadget, code, sizeof(code)) == (int64_t)(3 * align),
		   "the first \"%s\" is found", row->name);
		ok(arch->find_gadget(row->gadget, code, 3 * align + row->size - 1) == -1,
		   "a part of \"%s\" is not found", row->name);
		if (align > 1)
			ok(arch->find_gadget(row->gadget, code + 1, 32) == -1,
			   "\"%s\" is not found where no instruction begins", row->name);
		seen |= 1u << row->gadget;
	}
	for (int gadget = 0; gadget < GADGET_COUNT; gadget++) {
		memset(code, 0, sizeof(code));
		if (!(seen & 1u << gadget))
			is_int(arch->find_gadget((enum arch_gadget)gadget, code, sizeof(code)), -1,
			       "a gadget that the CPU lacks is not found");
	}
}

void table_try_syscalls(const struct arch *arch, const struct syscall_row *rows, size_t count)
{
	is_int(count, SYSCALL_COUNT, "there is a row for every system call");
	for (size_t i = 0; i < count; i++)
		ok(arch->syscalls[rows[i].call] == rows[i].number,
		   "system call %zu of %s has the number in the headers, %d", i, arch->name,
		   rows[i].number);
}

void table_try_regs(const struct arch *arch, const uint16_t *row, size_t count)
{
	size_t size = sizeof(struct arch_regs);

	is_int(count * sizeof(row[0]), size, "there is an offset for every register");
	ok(memcmp(row, arch->regs, size) == 0,
	   "the registers of %s stand where the C library's struct has them", arch->name);
}

/* SYS_* exists on the CPUs that have the call. */
static const struct syscall_row native[] = {
	{ SYSCALL_ACCEPT, SYS_accept },
	{ SYSCALL_ACCEPT4, SYS_accept4 },
	{ SYSCALL_CLOSE, SYS_close },
	{ SYSCALL_CONNECT, SYS_connect },
	{ SYSCALL_EPOLL_PWAIT, SYS_epoll_pwait },
#ifdef SYS_epoll_wait
	{ SYSCALL_EPOLL_WAIT, SYS_epoll_wait },
#endif
	{ SYSCALL_GETPID, SYS_getpid },
	{ SYSCALL_IO_GETEVENTS, SYS_io_getevents },
	{ SYSCALL_IO_URING_ENTER, SYS_io_uring_enter },
	{ SYSCALL_MEMFD_CREATE, SYS_memfd_create },
	{ SYSCALL_MMAP, SYS_mmap },
	{ SYSCALL_MPROTECT, SYS_mprotect },
	{ SYSCALL_MUNMAP, SYS_munmap },
	{ SYSCALL_OPENAT, SYS_openat },
#ifdef SYS_poll
	{ SYSCALL_POLL, SYS_poll },
#endif
	{ SYSCALL_PRCTL, SYS_prctl },
	{ SYSCALL_RECVFROM, SYS_recvfrom },
	{ SYSCALL_RECVMMSG, SYS_recvmmsg },
	{ SYSCALL_RECVMSG, SYS_recvmsg },
	{ SYSCALL_RESTART_SYSCALL, SYS_restart_syscall },
	{ SYSCALL_RT_SIGRETURN, SYS_rt_sigreturn },
	{ SYSCALL_RT_SIGTIMEDWAIT, SYS_rt_sigtimedwait },
	{ SYSCALL_SEMOP, SYS_semop },
	{ SYSCALL_SEMTIMEDOP, SYS_semtimedop },
	{ SYSCALL_SENDMMSG, SYS_sendmmsg },
	{ SYSCALL_SENDMSG, SYS_sendmsg },
	{ SYSCALL_SENDTO, SYS_sendto },
};

void table_try_native_syscalls(const struct arch *arch)
{
	bool same = true;

	if (arch != arch_native()) {
		tap_skip("this host has another CPU", "the C library has the same numbers");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(native); i++)
		same = same && arch->syscalls[native[i].call] == native[i].number;
	ok(same, "the C library has the same numbers");
}

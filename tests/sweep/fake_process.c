/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake_process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/num.h"
#include "base/str.h"
#include "format/procfs.h"

#define PAGE 4096

static void __attribute__((noreturn)) die(const char *why)
{
	(void)fprintf(stderr, "fake process: %s\n", why);
	exit(99);
}

static struct fake_process *fake_of(struct target *target)
{
	return (struct fake_process *)target;
}

static void blame(struct fake_process *fake, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void blame(struct fake_process *fake, const char *format, ...)
{
	va_list args;

	if (fake->wrong[0] != '\0')
		return;
	va_start(args, format);
	(void)vsnprintf(fake->wrong, sizeof(fake->wrong), format, args);
	va_end(args);
}

/* Count an operation: does it fail? */
static bool fails(struct fake_process *fake)
{
	fake->operations++;
	if (fake->fail_at == 0 || fake->operations < fake->fail_at)
		return false;
	if (fake->operations > fake->fail_at && fake->failure != FAIL_FOREVER)
		return false;
	fake->failed = true;
	if (fake->failure == FAIL_DEAD && fake->in_operate)
		longjmp(fake->killed, 1);
	return true;
}

static struct fake_region *region_at(const struct fake_process *fake, uint64_t address)
{
	vec_foreach (&fake->regions, region)
		if (address >= region->start && address < region->end)
			return region;
	return NULL;
}

/* Copy as much as is mapped: how much. */
static size_t copy(const struct fake_process *fake, uint64_t address, void *bytes, size_t size,
		   bool write)
{
	size_t done = 0;

	while (done < size) {
		const struct fake_region *region = region_at(fake, address + done);
		size_t part;

		if (region == NULL)
			break;
		part = region->end - address - done;
		part = part < size - done ? part : size - done;
		if (write)
			memcpy(region->bytes + (address + done - region->start),
			       (uint8_t *)bytes + done, part);
		else
			memcpy((uint8_t *)bytes + done,
			       region->bytes + (address + done - region->start), part);
		done += part;
	}
	return done;
}

static int fake_read(struct target *target, uint64_t address, void *ret, size_t size)
{
	struct fake_process *fake = fake_of(target);

	if (fails(fake))
		return -EIO;
	return copy(fake, address, ret, size, false) == size ? 0 : -EFAULT;
}

static size_t fake_read_some(struct target *target, uint64_t address, void *ret, size_t size)
{
	struct fake_process *fake = fake_of(target);

	return fails(fake) ? 0 : copy(fake, address, ret, size, false);
}

static int fake_write(struct target *target, uint64_t address, const void *bytes, size_t size)
{
	struct fake_process *fake = fake_of(target);
	size_t first = PAGE - address % PAGE;

	if (!fake->held)
		blame(fake, "a write to 0x%" PRIx64 " of a process that is not held", address);
	if (fake->sealed >= address && fake->sealed - address < size)
		return target_fail(target, -EIO, "write: sealed");
	if (fails(fake)) {
		if (fake->failure == FAIL_HALF)
			(void)copy(fake, address, (void *)bytes, size / 2, true);
		if (fake->failure == FAIL_DEAD_HALF && fake->in_operate) {
			if (first < size)
				(void)copy(fake, address, (void *)bytes, first, true);
			longjmp(fake->killed, 1);
		}
		return target_fail(target, -EIO, "write: told to fail");
	}
	if (copy(fake, address, (void *)bytes, size, true) != size)
		return target_fail(target, -EFAULT, "write: not mapped");
	return 0;
}

static void print_maps(const struct fake_process *fake, struct str *text)
{
	vec_foreach (&fake->regions, region)
		str_printf(text, "%" PRIx64 "-%" PRIx64 " %s %08" PRIx64 " 00:00 %" PRIu64 " %s\n",
			   region->start, region->end, region->protection, region->offset,
			   region->inode, region->name);
}

static int fake_file(struct target *target, const char *name, char **ret, size_t *ret_size)
{
	struct fake_process *fake = fake_of(target);
	autostr struct str text = { 0 };

	if (strcmp(name, "maps") == 0)
		print_maps(fake, &text);
	else if (strcmp(name, "auxv") == 0)
		str_put(&text, fake->auxv, fake->auxv_size);
	else if (strcmp(name, "stat") == 0)
		str_puts(&text, fake->stat);
	else if (strcmp(name, "exe") == 0)
		str_put(&text, fake->exe, fake->exe_size);
	else
		return -ENOENT;
	*ret_size = text.size;
	return str_take(&text, ret);
}

static int fake_alive(struct target *target)
{
	(void)target;
	return 0;
}

static int fake_operate(struct target *target, int (*work)(void *arg), void *arg)
{
	struct fake_process *fake = fake_of(target);
	int r;

	fake->in_operate = true;
	if (setjmp(fake->killed) != 0) {
		fake->in_operate = fake->held = fake->stopped = false;
		return target_fail(target, -LCP_EINTERRUPTED, "told to die");
	}
	r = work(arg);
	fake->in_operate = false;
	if (fake->held || fake->stopped)
		blame(fake, "operate() ends, and the process is held or stopped");
	return r;
}

static int fake_hold(struct target *target, uint64_t deadline)
{
	struct fake_process *fake = fake_of(target);

	(void)deadline;
	if (fake->held)
		blame(fake, "it is held already");
	if (fails(fake))
		return target_fail(target, -LCP_ETRACED, "hold: told to fail");
	fake->held = true;
	return 0;
}

static void fake_release(struct target *target)
{
	struct fake_process *fake = fake_of(target);

	if (fake->stopped)
		blame(fake, "release() of a stopped process");
	fake->held = false;
}

static int by_start(const void *a, const void *b)
{
	const struct fake_region *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static uint64_t fake_mmap(struct fake_process *fake, const uint64_t *args)
{
	struct fake_region region = {
		.start = args[0],
		.end = args[0] + args[1],
		.name = strdup(""),
		.bytes = calloc(1, args[1]),
	};

	vec_foreach (&fake->regions, other) {
		/* Over the end of one's own region, as doctors do. */
		if ((args[3] & MAP_FIXED) != 0 && region.start > other->start &&
		    region.end == other->end) {
			other->end = region.start;
			continue;
		}
		if (region.start < other->end && other->start < region.end) {
			free(region.name);
			free(region.bytes);
			return (uint64_t)-EEXIST;
		}
	}
	(void)snprintf(region.protection, sizeof(region.protection), "%c%c%cp",
		       args[2] & PROT_READ ? 'r' : '-', args[2] & PROT_WRITE ? 'w' : '-',
		       args[2] & PROT_EXEC ? 'x' : '-');
	if (vec_push(&fake->regions, region) < 0)
		die("no memory");
	qsort(fake->regions.items, fake->regions.count, sizeof(region), by_start);
	return region.start;
}

/* Whole regions only: doctors unmap what they mapped. */
static uint64_t fake_munmap(struct fake_process *fake, const uint64_t *args)
{
	uint64_t start = args[0], end = args[0] + args[1];
	size_t kept = 0;

	vec_foreach (&fake->told, object)
		if (*object >= start && *object < end)
			blame(fake, "memory is unmapped that libgcc knows");
	for (size_t i = 0; i < fake->regions.count; i++) {
		struct fake_region *region = &fake->regions.items[i];

		if (region->start >= start && region->end <= end) {
			free(region->name);
			free(region->bytes);
			continue;
		}
		if (region->start < end && start < region->end)
			blame(fake, "a part of a region is unmapped");
		fake->regions.items[kept++] = *region;
	}
	fake->regions.count = kept;
	return 0;
}

static uint64_t fake_name(struct fake_process *fake, const uint64_t *args)
{
	const char *name = (const char *)fake_process_at(fake, args[4], 4);
	struct fake_region *region = region_at(fake, args[2]);

	if (name == NULL || region == NULL)
		return (uint64_t)-EFAULT;
	free(region->name);
	region->name = strdup("[anon:lcp]");
	return 0;
}

/* What libgcc has to do with @object; it would not survive what is blamed. */
static void fake_libgcc(struct fake_process *fake, uint64_t object, bool tell)
{
	size_t i = 0;

	while (i < fake->told.count && fake->told.items[i] != object)
		i++;
	if (tell == (i < fake->told.count)) {
		blame(fake, "libgcc %s", tell ? "is told twice" : "forgets what it does not know");
	} else if (!tell) {
		fake->told.items[i] = fake->told.items[--fake->told.count];
	} else if (vec_push(&fake->told, object) < 0) {
		die("no memory");
	}
}

/* The one function that doctors have called, arch->once, and that one calls libgcc. */
static void fake_function(struct fake_process *fake, const struct target_call *call)
{
	const struct arch *arch = fake->target.arch;
	const uint8_t *code = fake_process_at(fake, call->function, arch->once_size);
	uint8_t *word = fake_process_at(fake, call->args[2], 8);

	if (code == NULL || memcmp(code, arch->once, arch->once_size) != 0 || word == NULL) {
		blame(fake, "a call of 0x%" PRIx64, call->function);
	} else if (get_le64(word) != 0) {
		put_le64(word, 0);
		fake_libgcc(fake, call->args[1], call->args[2] - call->args[1] == 64);
	}
}

static void make_call(struct fake_process *fake, const struct target_call *call, uint64_t *ret)
{
	*ret = 0;
	if (call->function != 0)
		fake_function(fake, call);
	else if (call->number == SYSCALL_MMAP)
		*ret = fake_mmap(fake, call->args);
	else if (call->number == SYSCALL_MUNMAP)
		*ret = fake_munmap(fake, call->args);
	else if (call->number == SYSCALL_PRCTL)
		*ret = fake_name(fake, call->args);
	else
		blame(fake, "system call %d", (int)call->number);
}

static int fake_call(struct target *target, const struct target_call *call, uint64_t deadline,
		     uint64_t *ret)
{
	struct fake_process *fake = fake_of(target);
	bool fail, late;

	(void)deadline;
	if (fake->stopped)
		blame(fake, "a call while it is stopped");
	fail = fails(fake);
	late = fail && fake->failure == FAIL_HALF && call->function != 0;
	target->late = target->late || late;
	if (fake->held && (!fail || late || fake->failure == FAIL_DEAD_HALF))
		make_call(fake, call, ret);
	if (fail && fake->failure == FAIL_DEAD_HALF)
		longjmp(fake->killed, 1);
	if (fail || !fake->held)
		return target_fail(target, -LCP_EBORROW, "call: told to fail");
	return 0;
}

static int fake_stop(struct target *target, uint64_t deadline)
{
	struct fake_process *fake = fake_of(target);

	(void)deadline;
	if (!fake->held || fake->stopped)
		blame(fake, "stop() when it is %s", fake->stopped ? "stopped" : "not held");
	if (fails(fake))
		return target_fail(target, -LCP_ESTOP, "stop: told to fail");
	fake->stopped = true;
	target->threads = fake->threads;
	target->thread_count = 1;
	return 0;
}

/* Even if it says that something went wrong, the threads go on. */
static int fake_resume(struct target *target)
{
	struct fake_process *fake = fake_of(target);

	if (!fake->stopped)
		blame(fake, "resume() when it is not stopped");
	fake->stopped = false;
	target->thread_count = 0;
	return fails(fake) ? target_fail(target, -EIO, "resume: told to fail") : 0;
}

static void fake_borrow(struct target *target)
{
	if (!fake_of(target)->held)
		blame(fake_of(target), "borrow() of a process that is not held");
}

static void fake_give_back(struct target *target)
{
	(void)target;
}

static uint64_t fake_now(struct target *target)
{
	return fake_of(target)->clock += 1000;
}

static void fake_sleep(struct target *target, uint64_t ns)
{
	struct fake_process *fake = fake_of(target);

	fake->clock += ns;
	if (fake->on_sleep == NULL)
		return;
	if (fake->held)
		blame(fake, "sleep() of a doctor who holds the process");
	fake->in_operate = false;
	fake->on_sleep(fake, fake->on_sleep_arg);
	fake->in_operate = true;
}

static void fake_close(struct target *target)
{
	(void)target;
}

static void fake_sharer(struct target *target, struct neighbours *neighbours, int32_t *ret)
{
	(void)target;
	(void)neighbours;
	*ret = 0;
}

static const struct target_ops fake_ops = {
	.read = fake_read,
	.read_some = fake_read_some,
	.write = fake_write,
	.file = fake_file,
	.alive = fake_alive,
	.sharer = fake_sharer,
	.operate = fake_operate,
	.hold = fake_hold,
	.release = fake_release,
	.call = fake_call,
	.borrow = fake_borrow,
	.give_back = fake_give_back,
	.stop = fake_stop,
	.resume = fake_resume,
	.now = fake_now,
	.sleep = fake_sleep,
	.close = fake_close,
};

/* The real target reads the living process once. */
static void copy_region(struct fake_process *fake, struct target *real,
			const struct proc_mapping *mapping)
{
	struct fake_region region = {
		.start = mapping->start,
		.end = mapping->end,
		.offset = mapping->offset,
		.inode = mapping->inode,
		.name = strdup(mapping->name),
		.bytes = calloc(1, mapping->end - mapping->start),
	};

	(void)snprintf(region.protection, sizeof(region.protection), "%c%c%c%c",
		       mapping->readable ? 'r' : '-', mapping->writable ? 'w' : '-',
		       mapping->executable ? 'x' : '-', mapping->shared ? 's' : 'p');
	(void)real->ops->read_some(real, region.start, region.bytes, region.end - region.start);
	if (vec_push(&fake->regions, region) < 0)
		die("no memory");
}

static char *copy_file(struct target *real, const char *name, size_t *ret_size)
{
	char *text = NULL;

	if (real->ops->file(real, name, &text, ret_size) < 0)
		die("the process cannot be copied");
	return text;
}

static void put_register(struct target_thread *thread, uint16_t offset, uint64_t value)
{
	put_le64(thread->regs + offset, value);
}

void fake_process_copy(struct fake_process *fake, int32_t pid)
{
	automaps struct proc_maps maps = { 0 };
	autofree char *text = NULL;
	struct target *real;
	const struct proc_mapping *stack = NULL;
	const struct arch_regs *regs;
	size_t size;

	*fake = (struct fake_process){ 0 };
	if (target_open(pid, 0, &real, NULL) < 0)
		die("the process cannot be copied");
	text = copy_file(real, "maps", &size);
	if (proc_maps_parse(text, size, &maps, NULL) < 0)
		die("its mappings cannot be read");
	for (size_t i = 0; i < maps.count; i++) {
		if (strcmp(maps.items[i].name, "[vsyscall]") == 0)
			continue;
		copy_region(fake, real, &maps.items[i]);
		if (strcmp(maps.items[i].name, "[stack]") == 0)
			stack = &maps.items[i];
	}
	fake->auxv = copy_file(real, "auxv", &fake->auxv_size);
	fake->stat = copy_file(real, "stat", &size);
	fake->exe = copy_file(real, "exe", &fake->exe_size);
	fake->target = *real;
	fake->target.ops = &fake_ops;
	fake->target.fault = (struct target_fault){ 0 };
	fake->target.can_name = true;
	regs = real->arch->regs;
	fake->threads[0] = (struct target_thread){ .tid = pid, .stopped = true };
	put_register(&fake->threads[0], regs->sp, stack->end - 64);
	put_register(&fake->threads[0], regs->pc, 0x1000);
	target_close(real);
}

void fake_process_clone(struct fake_process *fake, const struct fake_process *from)
{
	*fake = *from;
	fake->regions.items = NULL;
	fake->regions.count = fake->regions.room = 0;
	vec_foreach (&from->regions, region) {
		struct fake_region mine = *region;
		size_t size = region->end - region->start;

		mine.name = strdup(region->name);
		mine.bytes = malloc(size);
		memcpy(mine.bytes, region->bytes, size);
		if (vec_push(&fake->regions, mine) < 0)
			die("no memory");
	}
	fake->auxv = malloc(from->auxv_size);
	memcpy(fake->auxv, from->auxv, from->auxv_size);
	fake->stat = strdup(from->stat);
	fake->exe = malloc(from->exe_size);
	memcpy(fake->exe, from->exe, from->exe_size);
	fake->told.items = NULL;
	fake->told.count = fake->told.room = 0;
	vec_foreach (&from->told, object)
		if (vec_push(&fake->told, *object) < 0)
			die("no memory");
}

void fake_process_free(struct fake_process *fake)
{
	vec_foreach (&fake->regions, region) {
		free(region->name);
		free(region->bytes);
	}
	vec_fini(&fake->regions);
	vec_fini(&fake->told);
	free(fake->auxv);
	free(fake->stat);
	free(fake->exe);
}

void fake_process_fail(struct fake_process *fake, uint64_t fail_at, enum failure failure)
{
	fake->operations = 0;
	fake->fail_at = fail_at;
	fake->failure = failure;
	fake->failed = false;
}

void fake_process_move(struct fake_process *fake, uint64_t pc)
{
	put_register(&fake->threads[0], fake->target.arch->regs->pc, pc);
}

uint8_t *fake_process_at(const struct fake_process *fake, uint64_t address, size_t size)
{
	const struct fake_region *region = region_at(fake, address);

	if (region == NULL || size > region->end - address)
		return NULL;
	return region->bytes + (address - region->start);
}

const char *fake_process_difference(const struct fake_process *a, const struct fake_process *b,
				    char *text, size_t room)
{
	text[0] = '\0';
	if (a->told.count != b->told.count)
		(void)snprintf(text, room, "libgcc knows %zu tables, not %zu", a->told.count,
			       b->told.count);
	else if (a->regions.count != b->regions.count)
		(void)snprintf(text, room, "%zu regions, not %zu", a->regions.count,
			       b->regions.count);
	for (size_t i = 0; text[0] == '\0' && i < a->regions.count; i++) {
		const struct fake_region *x = &a->regions.items[i], *y = &b->regions.items[i];

		if (x->start != y->start || x->end != y->end)
			(void)snprintf(text, room, "another region at 0x%" PRIx64, x->start);
		else if (memcmp(x->bytes, y->bytes, x->end - x->start) != 0)
			(void)snprintf(text, room, "other bytes in the region at 0x%" PRIx64,
				       x->start);
	}
	return text;
}

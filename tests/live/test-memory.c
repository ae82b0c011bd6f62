/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory and files of a process: up to which byte it is read, and that it is written whatever its
 * protection.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "operation.h"
#include "tap.h"
#include "victim.h"

#define PAGE 4096
#define LARGE ((size_t)4 << 20)

/* Made by the test, so that its child has them at the same addresses. */
static uint8_t *area; /* LARGE bytes to read, then a page that is PROT_NONE, then a readable one */
static uint8_t *code; /* two pages of code */
static uint8_t *shared; /* a page of code that others see */
static uint8_t *gap; /* a page, and nothing behind it */

static uint8_t *map(size_t size, int protection, int flags)
{
	return mmap(NULL, size, protection, flags | MAP_ANONYMOUS, -1, 0);
}

static void make_areas(void)
{
	area = map(LARGE + 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	code = map((size_t)2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	shared = map(PAGE, PROT_READ | PROT_EXEC, MAP_SHARED);
	gap = map((size_t)2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	for (size_t i = 0; i < LARGE + 2 * PAGE; i++)
		area[i] = (uint8_t)(i * 7 >> 3);
	memset(code, 0xc3, (size_t)2 * PAGE);
	memset(gap, 1, (size_t)2 * PAGE);
	(void)mprotect(area + LARGE, PAGE, PROT_NONE);
	(void)mprotect(code, (size_t)2 * PAGE, PROT_READ | PROT_EXEC);
	(void)munmap(gap + PAGE, PAGE);
}

static void have_areas(void)
{
	char line[64];
	uint64_t number;

	victim_say("ready");
	while (victim_hear(line, sizeof(line))) {
		memcpy(&number, code + PAGE - 3, sizeof(number));
		victim_say("%llx", (unsigned long long)number);
	}
}

static uint64_t address_of(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

static void try_reading(struct target *target)
{
	uint8_t *bytes = calloc(1, LARGE + PAGE);

	if (bytes == NULL)
		return;
	is_int(target->ops->read(target, address_of(area) + 3, bytes, LARGE - 3), 0,
	       "4 MiB are read");
	ok(memcmp(bytes, area + 3, LARGE - 3) == 0, "they are what is there");
	is_int(target->ops->read(target, address_of(gap) + PAGE - 4, bytes, 8), -EFAULT,
	       "what reaches into a gap is not read");
	is_int(target->ops->read(target, UINT64_MAX - 4, bytes, 8), -EFAULT,
	       "nor what ends behind the last address");
	is_int(target->ops->read(target, 0, bytes, 0), 0, "nothing can be read anywhere");
	is_int(target->ops->read(target, address_of(area) + LARGE, bytes, 8), 0,
	       "what nobody may read is read");

	memset(bytes, 0, LARGE);
	is_int(target->ops->read_some(target, address_of(area) + 5, bytes, LARGE + PAGE), LARGE - 5,
	       "reading some ends at a guard page, to the byte");
	ok(memcmp(bytes, area + 5, LARGE - 5) == 0, "what is in front of it was read");
	is_int(target->ops->read_some(target, address_of(gap) + PAGE - 10, bytes, 100), 10,
	       "it ends at a gap, to the byte");
	is_int(target->ops->read_some(target, address_of(area) + LARGE, bytes, 100), 0,
	       "on a guard page there is nothing");
	is_int(target->ops->read_some(target, address_of(area), bytes, 1), 1, "one byte is read");
	is_int(target->ops->read_some(target, UINT64_MAX - 4, bytes, 100), 0,
	       "at the end of all addresses there is nothing");
	free(bytes);
}

static int write_areas(void *arg)
{
	struct operation *operation = arg;
	struct target *target = operation->target;
	int *ret = operation->arg;
	uint64_t number = UINT64_C(0x1122334455667788);

	ret[0] = target->ops->hold(target, target->ops->now(target) + UINT64_C(1000000000));
	ret[1] = target->ops->write(target, address_of(code) + PAGE - 3, &number, sizeof(number));
	ret[2] = target->ops->write(target, address_of(area) + LARGE + 8, &number, sizeof(number));
	ret[3] = target->ops->stop(target, target->ops->now(target) + UINT64_C(1000000000));
	ret[4] = target->ops->write(target, address_of(gap) + PAGE - 4, &number, sizeof(number));
	target->fault = (struct target_fault){ 0 };
	/* Not by /proc/PID/mem; PTRACE_POKEDATA cannot either. */
	ret[5] = target->ops->write(target, address_of(shared), &number, sizeof(number));
	ret[6] = target->ops->resume(target);
	target->ops->release(target);
	return 0;
}

static void try_writing(struct operation *operation, struct victim *victim)
{
	struct target *target = operation->target;
	uint64_t number = 0;
	int codes[7];

	operation->arg = codes;
	is_int(target->ops->operate(target, write_areas, operation), 0, "areas are written");
	is_int(codes[1], 0, "over code, across a page's end");
	is_text(victim_ask(victim, "what"), "1122334455667788", "the process sees it");
	is_int(codes[2], 0, "where nobody may");
	is_int(target->ops->read(target, address_of(area) + LARGE + 8, &number, sizeof(number)), 0,
	       "it can be read back");
	ok(number == UINT64_C(0x1122334455667788), "as it was written");
	is_int(codes[4], -EFAULT, "not into a gap");
	is_int(codes[5], -EFAULT, "nor over code that other processes see");
	ok(strstr(target->fault.text, "cannot write 8 bytes at 0x") != NULL, "which is said");
	is_int(codes[6], 0, "all go on");
	target->fault = (struct target_fault){ 0 };
}

static void try_files(struct target *target)
{
	char *text = NULL;
	size_t size = 0;

	is_int(target->ops->file(target, "maps", &text, &size), 0, "a file is read");
	ok(text != NULL && size > PAGE / 4 && strlen(text) == size, "all of it");
	free(text);
	is_int(target->ops->file(target, "auxv", &text, &size), 0, "another one, too");
	ok(size % 16 == 0, "with a size that fits");
	free(text);
	is_int(target->ops->file(target, "no-such-file", &text, &size), -ENOENT,
	       "one that is not there is not");
}

int main(void)
{
	struct operation operation;
	struct victim victim;
	uint8_t byte;
	char *text;
	size_t size;

	tap_begin();
	make_areas();
	victim_start(&victim, have_areas);
	operation_begin(&operation, victim.pid, 0);
	is_int(operation.target->ops->alive(operation.target), 0, "the process is alive");
	try_reading(operation.target);
	try_writing(&operation, &victim);
	try_files(operation.target);
	ok(victim_is_free(&victim), "it is not traced");
	(void)victim_end(&victim);
	is_int(operation.target->ops->alive(operation.target), -LCP_EGONE,
	       "when it has ended it is gone");
	is_int(operation.target->ops->read(operation.target, address_of(area), &byte, 1),
	       -LCP_EGONE, "its memory is");
	is_int(operation.target->ops->file(operation.target, "maps", &text, &size), -LCP_EGONE,
	       "its files are");
	is_int(operation.target->ops->read_some(operation.target, address_of(area), &byte, 1), 0,
	       "and there is nothing to read");
	operation_end(&operation);
	return tap_end();
}

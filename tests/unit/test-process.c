/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects of processes that are made up, sound and hostile ones; tests/core/look.sh has real ones.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "core/process.h"
#include "fake_memory.h"
#include "tap.h"

/* Look at @fake: a process, or NULL and *@ret_error. */
static struct lcp_process *attach(struct fake *fake, struct lcp_error **ret_error)
{
	struct lcp_ctx *ctx = ctx_new(LCP_LOG_ERROR);
	struct lcp_process *process = NULL;

	if (process_new(ctx, &fake->target, &process, ret_error) < 0)
		fake->target.ops->close(&fake->target);
	ctx_unref(ctx);
	return process;
}

static void has_objects(struct fake *fake, size_t count, const char *claim)
{
	struct lcp_error *error = NULL;
	struct lcp_process *process = attach(fake, &error);

	if (is_int(process != NULL ? process->object_count : 0, (int64_t)count, claim) == false)
		tap_say("%s", error != NULL ? error->message : "");
	error_free(error);
	process_free(process);
}

static void fails(struct fake *fake, int code, const char *message)
{
	struct lcp_error *error = NULL;
	struct lcp_process *process = attach(fake, &error);

	is_int(error != NULL ? error->code : 0, code, message);
	is_text(error != NULL ? error->message : NULL, message, "and the message says why");
	error_free(error);
	process_free(process);
}

static void test_sound(void)
{
	struct fake *fake = fake_new(4);
	struct lcp_error *error = NULL;
	struct lcp_process *process = attach(fake, &error);
	const struct object *third;

	if (!ok(process != NULL && process->object_count == 4, "all of a list are found"))
		return;
	third = &process->objects[2];
	is_text(process->path, "/lib/0.so", "the program's path is that of its mapping");
	ok(process->objects[0].is_program && !third->is_program, "the first is the program");
	is_text(third->path, "/lib/2.so", "others have theirs");
	is_text(third->build_id, "02aabbcc", "and a build-id");
	is_int(third->bias, fake_address(2), "they know how far they are moved");
	is_int(third->order, 2, "and their place in the list");
	ok(third->start == fake_address(2) && third->end == fake_address(2) + 0x4000 &&
		   third->segment_count == 2,
	   "and where they are");
	ok(third->segments[0].executable && !third->segments[0].writable &&
		   !third->segments[1].executable && third->segments[1].writable,
	   "one segment is code, the other data");
	ok(process_object_at(process, third->start + 8) == third &&
		   process_object_at(process, third->end) == NULL,
	   "an object is found by an address in it");
	ok(process_object_by_build_id(process, "02aabbcc", NULL) == third &&
		   process_object_by_build_id(process, "02aabbcc", third) == NULL,
	   "and by its build-id");
	ok(fake->reads <= 4 * 2 + 4, "it took two reads an object and a few more");
	process_free(process);
}

static void test_lists(void)
{
	struct fake *fake = fake_new(4);

	fake_put(fake, FAKE_ENTRY(3) + 24, FAKE_ENTRY(0));
	has_objects(fake, 4, "a list that leads back to its beginning ends there");

	fake = fake_new(4);
	fake_put(fake, FAKE_ENTRY(2) + 24, FAKE_ENTRY(2));
	has_objects(fake, 3, "so does an entry that leads to itself");

	fake = fake_new(4);
	fake_put(fake, FAKE_ENTRY(1) + 24, 0xdeadbeef00000000);
	has_objects(fake, 2, "and one that leads out of memory");

	fake = fake_new(4);
	fake_put(fake, fake_address(0) + FAKE_DEBUG + 8, UINT64_MAX - 8);
	has_objects(fake, 1, "without a list there is the program");

	fake = fake_new(4);
	fake_dynamic(fake, 0, DT_DEBUG)->d_un.d_ptr = 0;
	has_objects(fake, 1, "so there is before the dynamic linker has run");

	fake = fake_new(4);
	fake_put(fake, FAKE_ENTRY(2) + 16, fake_address(2) + FAKE_DYNAMIC + 16);
	has_objects(fake, 3, "what is not the dynamic section of an object makes none");

	fake = fake_new(4);
	fake_put(fake, FAKE_ENTRY(2) + 16, fake_address(1) + FAKE_DYNAMIC);
	has_objects(fake, 3, "an object that is listed twice is one");
}

/* Entries that all lead to one another, back and forth. */
static void test_endless(void)
{
	struct fake *fake = fake_new(2);

	for (unsigned int i = 1; i <= 17000; i++) {
		fake_put(fake, FAKE_ENTRY(i) + 16, fake_address(1) + FAKE_DYNAMIC);
		fake_put(fake, FAKE_ENTRY(i) + 24, FAKE_ENTRY(i + 1));
		fake_put(fake, FAKE_ENTRY(i) + 32, FAKE_ENTRY(i - 1));
	}
	fake_put(fake, FAKE_ENTRY(0) + 24, FAKE_ENTRY(1));
	fails(fake, -LCP_EFORMAT, "process 42: the dynamic linker lists more than 16384 objects");
}

/* Each namespace has its list; here the one of the second begins with object 2. */
static void test_namespaces(void)
{
	struct fake *fake = fake_new(4);
	uint64_t debug = fake_address(0) + FAKE_DEBUG;
	struct lcp_error *error = NULL;
	struct lcp_process *process;

	fake_put(fake, debug, 2);
	fake_put(fake, debug + 40, debug + 48);
	fake_put(fake, FAKE_ENTRY(1) + 24, 0);
	fake_put(fake, debug + 48, 2);
	fake_put(fake, debug + 56, FAKE_ENTRY(2));
	fake_put(fake, FAKE_ENTRY(2) + 32, 0);
	process = attach(fake, &error);
	ok(process != NULL && process->object_count == 4 && process->objects[1].scope == 0 &&
		   process->objects[2].scope == 1 && process->objects[2].order == 0 &&
		   process->objects[3].order == 1,
	   "objects are in the namespaces whose lists they are in");
	process_free(process);

	fake = fake_new(4);
	fake_put(fake, debug, 2);
	fake_put(fake, debug + 40, debug);
	has_objects(fake, 4, "namespaces that lead to themselves end");
}

static Elf64_Ehdr *header_of(struct fake *fake, unsigned int object)
{
	return fake_at(fake, fake_address(object));
}

static Elf64_Phdr *segment_of(struct fake *fake, unsigned int object, unsigned int segment)
{
	return (Elf64_Phdr *)fake_at(fake, fake_address(object) + FAKE_HEADERS) + segment;
}

static void test_headers(void)
{
	struct fake *fake = fake_new(2);

	header_of(fake, 1)->e_phnum = UINT16_MAX;
	has_objects(fake, 1, "an object with 65,535 program headers is none");

	fake = fake_new(2);
	header_of(fake, 1)->e_phnum = 1000;
	has_objects(fake, 1, "nor is one whose program headers are not mapped");

	fake = fake_new(2);
	header_of(fake, 1)->e_phoff = UINT64_MAX - 7;
	has_objects(fake, 1, "wherever it says they are");

	fake = fake_new(2);
	header_of(fake, 1)->e_machine = EM_386;
	has_objects(fake, 1, "nor one for another CPU");

	fake = fake_new(2);
	segment_of(fake, 1, 1)->p_memsz = UINT64_MAX;
	has_objects(fake, 1, "nor one with a segment that wraps");

	fake = fake_new(2);
	segment_of(fake, 1, 1)->p_memsz = 0x100000;
	has_objects(fake, 1, "nor one with a segment beyond its mappings");

	fake = fake_new(2);
	segment_of(fake, 1, 1)->p_vaddr = 0x1000;
	has_objects(fake, 1, "nor one whose segments overlap");

	fake = fake_new(2);
	segment_of(fake, 0, 0)->p_type = PT_NULL;
	segment_of(fake, 0, 1)->p_type = PT_NULL;
	fails(fake, -LCP_EFORMAT, "process 42: no program is mapped with its headers at 0x100040");
}

static void test_build_ids(void)
{
	static const struct {
		uint32_t at; /* from the note's beginning */
		uint32_t word;
		const char *claim;
	} cases[] = {
		{ 0, UINT32_MAX, "a note with a name of 4 GiB has no build-id" },
		{ 4, UINT32_MAX, "nor has one with so large a descriptor" },
		{ 4, 0, "nor an empty one" },
		{ 8, NT_GNU_ABI_TAG, "nor one of another type" },
		{ 12, 0x554e48, "nor one of another name" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake *fake = fake_new(1);
		struct lcp_process *process;

		memcpy(fake_at(fake, FAKE_BASE + FAKE_NOTES + cases[i].at), &cases[i].word, 4);
		process = attach(fake, NULL);
		ok(process != NULL && process->objects[0].build_id == NULL, "%s", cases[i].claim);
		process_free(process);
	}
}

/* Another object is put in while the list is read: the linker says that, or it shows. */
static void open_another(struct fake *fake)
{
	if (fake->reads == 4)
		fake_put(fake, FAKE_ENTRY(0) + 24, FAKE_ENTRY(1));
	if (fake->reads == 8)
		fake_put(fake, fake_address(0) + FAKE_DEBUG + 24, 0);
}

static void change_always(struct fake *fake)
{
	fake_put(fake, fake_address(0) + FAKE_DEBUG + 24, fake->reads);
	fake_put(fake, FAKE_ENTRY(0) + 24, fake->reads % 2 == 0 ? FAKE_ENTRY(1) : 0);
}

static void test_changes(void)
{
	struct fake *fake = fake_new(2);

	fake_put(fake, FAKE_ENTRY(0) + 24, 0);
	fake_put(fake, fake_address(0) + FAKE_DEBUG + 24, 1); /* RT_ADD */
	fake->before_read = open_another;
	has_objects(fake, 2, "a library that is being loaded is seen once it is there");

	fake = fake_new(2);
	fake->before_read = change_always;
	has_objects(fake, 2, "a list that never holds still is read for some time, and taken");
}

static void test_no_memory_left(void)
{
	struct fake *fake = fake_new(2);

	str_fini(&fake->maps);
	fails(fake, -LCP_EGONE, "process 42 has ended or is another program");

	fake = fake_new(2);
	str_puts(&fake->maps, "nonsense\n");
	fails(fake, -LCP_EFORMAT, "maps: line 5: the start address is no number");
}

/* Whichever read fails, so does the look, with that reason. */
static void test_failing_reads(void)
{
	unsigned int right = 0, tried = 0;

	for (uint64_t at = 1; at < 100; at++) {
		struct fake *fake = fake_new(3);
		struct lcp_error *error = NULL;
		struct lcp_process *process;

		fake->fail_at = at;
		fake->fail_code = -LCP_EGONE;
		process = attach(fake, &error);
		if (process != NULL) {
			process_free(process);
			break;
		}
		tried++;
		right += error->code == -LCP_EGONE;
		error_free(error);
	}
	ok(tried >= 5 && right == tried, "a process that ends while it is looked at is gone");
}

int main(void)
{
	tap_begin();
	test_sound();
	test_lists();
	test_endless();
	test_namespaces();
	test_headers();
	test_build_ids();
	test_changes();
	test_no_memory_left();
	test_failing_reads();
	return tap_end();
}

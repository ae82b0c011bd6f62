/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process made up: one block of memory with objects, their tables and the lists of a dynamic
 * linker in it, and a target that reads it. Tests overwrite what they like.
 *
 * Each object takes FAKE_OBJECT_SIZE bytes, at addresses that fake_address() gives: 0 is the
 * program, which has the struct r_debug.
 */
#ifndef LCP_TESTS_FAKE_MEMORY_H
#define LCP_TESTS_FAKE_MEMORY_H

#include <elf.h>

#include "base/str.h"
#include "target/target.h"

#define FAKE_BASE ((uint64_t)0x100000)
#define FAKE_SIZE ((size_t)0x190000)
#define FAKE_OBJECT_SIZE ((uint64_t)0x4000)
#define FAKE_OBJECTS_MAX 16

/* Where things are in an object, from its beginning. */
#define FAKE_HEADERS 64
#define FAKE_NOTES 0x300
#define FAKE_HASH 0x400
#define FAKE_SYMBOLS 0x800
#define FAKE_STRINGS 0xc00
#define FAKE_VERSYM 0x1000
#define FAKE_VERDEF 0x1100
#define FAKE_RELOCS 0x1400
#define FAKE_DYNAMIC 0x2000
#define FAKE_SLOTS 0x2800
#define FAKE_DEBUG 0x3000
#define FAKE_LAST 0x3c00 /* nothing is there, up to the end */

/* Of a list's entry, by its number. */
#define FAKE_ENTRY(number) (FAKE_BASE + 0x80000 + (uint64_t)(number)*64)

struct fake {
	struct target target;
	uint8_t *memory;
	struct str maps;
	uint64_t auxv[16];
	size_t auxv_size;
	uint64_t reads;
	uint64_t fail_at; /* the number of the read that fails, from 1; 0: none */
	int fail_code;
	void (*before_read)(struct fake *fake); /* or NULL */
};

/* A process with @objects of them in its list. Close it with its close(), or by process_free(). */
struct fake *fake_new(unsigned int objects);

uint64_t fake_address(unsigned int object);

/* What is at an address of the process. */
void *fake_at(struct fake *fake, uint64_t address);
void fake_put(struct fake *fake, uint64_t address, uint64_t word);

/* The entry of an object's dynamic section with @tag, a new one if it has none. */
Elf64_Dyn *fake_dynamic(struct fake *fake, unsigned int object, int64_t tag);

/*
 * Let an object define @names (functions, one behind the other from its beginning + 16 on), with a
 * hash table of the new kind or the old one.
 */
void fake_define(struct fake *fake, unsigned int object, const char *const *names, size_t count,
		 bool gnu);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"

static size_t fake_read_some(struct target *target, uint64_t address, void *ret, size_t size)
{
	struct fake *fake = (struct fake *)target;

	if (fake->before_read != NULL)
		fake->before_read(fake);
	fake->reads++;
	if (address < FAKE_BASE || address >= FAKE_BASE + FAKE_SIZE)
		return 0;
	if (size > FAKE_BASE + FAKE_SIZE - address)
		size = FAKE_BASE + FAKE_SIZE - address;
	memcpy(ret, fake->memory + (address - FAKE_BASE), size);
	return size;
}

static int fake_read(struct target *target, uint64_t address, void *ret, size_t size)
{
	struct fake *fake = (struct fake *)target;
	size_t done = fake_read_some(target, address, ret, size);

	if (fake->fail_at != 0 && fake->reads >= fake->fail_at)
		return fake->fail_code;
	return done == size ? 0 : -EFAULT;
}

static int copy(const void *from, size_t size, char **ret, size_t *ret_size)
{
	*ret = calloc(1, size + 1);
	if (*ret == NULL)
		return -ENOMEM;
	memcpy(*ret, from, size);
	*ret_size = size;
	return 0;
}

static int fake_file(struct target *target, const char *name, char **ret, size_t *ret_size)
{
	struct fake *fake = (struct fake *)target;

	if (strcmp(name, "maps") == 0)
		return copy(fake->maps.text != NULL ? fake->maps.text : "", fake->maps.size, ret,
			    ret_size);
	return copy(fake->auxv, fake->auxv_size, ret, ret_size);
}

static void fake_close(struct target *target)
{
	struct fake *fake = (struct fake *)target;

	str_fini(&fake->maps);
	free(fake->memory);
	free(fake);
}

static const struct target_ops fake_ops = {
	.read = fake_read,
	.read_some = fake_read_some,
	.file = fake_file,
	.close = fake_close,
};

uint64_t fake_address(unsigned int object)
{
	return FAKE_BASE + object * 2 * FAKE_OBJECT_SIZE;
}

void *fake_at(struct fake *fake, uint64_t address)
{
	return fake->memory + (address - FAKE_BASE);
}

void fake_put(struct fake *fake, uint64_t address, uint64_t word)
{
	memcpy(fake_at(fake, address), &word, sizeof(word));
}

Elf64_Dyn *fake_dynamic(struct fake *fake, unsigned int object, int64_t tag)
{
	Elf64_Dyn *entry = fake_at(fake, fake_address(object) + FAKE_DYNAMIC);

	while (entry->d_tag != DT_NULL && entry->d_tag != tag)
		entry++;
	entry->d_tag = tag;
	return entry;
}

/* A build-id that begins with the number of the object. */
static void put_notes(struct fake *fake, unsigned int number)
{
	uint8_t *note = fake_at(fake, fake_address(number) + FAKE_NOTES);
	const Elf64_Nhdr header = { sizeof(ELF_NOTE_GNU), 4, NT_GNU_BUILD_ID };

	memcpy(note, &header, sizeof(header));
	memcpy(note + sizeof(header), ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU));
	note[sizeof(header) + 4] = (uint8_t)number;
	memcpy(note + sizeof(header) + 5, "\xaa\xbb\xcc", 3);
}

static void put_object(struct fake *fake, unsigned int number)
{
	const Elf64_Phdr headers[] = {
		{ PT_LOAD, PF_R | PF_X, 0, 0, 0, 0x2000, 0x2000, 0x1000 },
		{ PT_LOAD, PF_R | PF_W, 0x2000, 0x2000, 0x2000, 0x2000, 0x2000, 0x1000 },
		{ PT_DYNAMIC, PF_R | PF_W, FAKE_DYNAMIC, FAKE_DYNAMIC, 0, 0x400, 0x400, 8 },
		{ PT_NOTE, PF_R, FAKE_NOTES, FAKE_NOTES, 0, 20, 20, 4 },
	};
	const Elf64_Ehdr header = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_DYN,
		.e_machine = arch_native()->machine,
		.e_version = EV_CURRENT,
		.e_phoff = FAKE_HEADERS,
		.e_ehsize = sizeof(header),
		.e_phentsize = sizeof(headers[0]),
		.e_phnum = ARRAY_SIZE(headers),
	};
	uint64_t at = fake_address(number);

	memcpy(fake_at(fake, at), &header, sizeof(header));
	memcpy(fake_at(fake, at + FAKE_HEADERS), headers, sizeof(headers));
	put_notes(fake, number);
	str_printf(&fake->maps,
		   "%jx-%jx r-xp 00000000 00:01 %u /lib/%u.so\n"
		   "%jx-%jx rw-p 00002000 00:01 %u /lib/%u.so\n",
		   (uintmax_t)at, (uintmax_t)at + 0x2000, number + 1, number,
		   (uintmax_t)at + 0x2000, (uintmax_t)at + 0x4000, number + 1, number);
}

/* { l_addr, l_name, l_ld, l_next, l_prev } */
static void put_entry(struct fake *fake, unsigned int number, unsigned int count)
{
	uint64_t words[] = { fake_address(number), 0, fake_address(number) + FAKE_DYNAMIC,
			     number + 1 < count ? FAKE_ENTRY(number + 1) : 0,
			     number > 0 ? FAKE_ENTRY(number - 1) : 0 };

	memcpy(fake_at(fake, FAKE_ENTRY(number)), words, sizeof(words));
}

struct fake *fake_new(unsigned int objects)
{
	struct fake *fake = calloc(1, sizeof(*fake));
	uint64_t program = fake_address(0);

	if (fake == NULL)
		abort();
	fake->memory = calloc(1, FAKE_SIZE);
	if (fake->memory == NULL)
		abort();
	fake->target = (struct target){ .ops = &fake_ops, .arch = arch_native(), .pid = 42 };
	for (unsigned int i = 0; i < objects; i++) {
		put_object(fake, i);
		put_entry(fake, i, objects);
	}
	fake_dynamic(fake, 0, DT_DEBUG)->d_un.d_ptr = program + FAKE_DEBUG;
	fake_put(fake, program + FAKE_DEBUG, 1); /* r_version */
	fake_put(fake, program + FAKE_DEBUG + 8, FAKE_ENTRY(0)); /* r_map */
	fake->auxv[0] = AT_PHDR;
	fake->auxv[1] = program + FAKE_HEADERS;
	fake->auxv_size = 4 * sizeof(fake->auxv[0]);
	return fake;
}

static uint32_t gnu_hash(const char *name)
{
	uint32_t hash = 5381;

	while (*name != '\0')
		hash = hash * 33 + (unsigned char)*name++;
	return hash;
}

/* One bucket: all symbols are in one chain. */
static void put_hash(struct fake *fake, uint64_t at, const char *const *names, size_t count,
		     bool gnu)
{
	uint32_t *words = fake_at(fake, at);

	if (gnu) {
		const uint32_t head[] = { 1, 1, 1, 0, UINT32_MAX, UINT32_MAX, 1 };

		memcpy(words, head, sizeof(head));
		for (size_t i = 0; i < count; i++)
			words[ARRAY_SIZE(head) + i] = (gnu_hash(names[i]) & ~1U) | (i + 1 == count);
		return;
	}
	words[0] = 1;
	words[1] = (uint32_t)count + 1;
	words[2] = 1;
	for (size_t i = 1; i <= count; i++)
		words[3 + i] = i < count ? (uint32_t)i + 1 : 0;
}

void fake_define(struct fake *fake, unsigned int object, const char *const *names, size_t count,
		 bool gnu)
{
	uint64_t at = fake_address(object), size = 1;
	Elf64_Sym *symbols = fake_at(fake, at + FAKE_SYMBOLS);
	char *strings = fake_at(fake, at + FAKE_STRINGS);

	for (size_t i = 0; i < count; i++) {
		symbols[i + 1] = (Elf64_Sym){
			.st_name = (uint32_t)size,
			.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			.st_shndx = 1,
			.st_value = 16 * (i + 1),
			.st_size = 16,
		};
		memcpy(strings + size, names[i], strlen(names[i]) + 1);
		size += strlen(names[i]) + 1;
	}
	put_hash(fake, at + FAKE_HASH, names, count, gnu);
	fake_dynamic(fake, object, gnu ? DT_GNU_HASH : DT_HASH)->d_un.d_ptr = at + FAKE_HASH;
	fake_dynamic(fake, object, DT_SYMTAB)->d_un.d_ptr = FAKE_SYMBOLS;
	fake_dynamic(fake, object, DT_STRTAB)->d_un.d_ptr = at + FAKE_STRINGS;
	fake_dynamic(fake, object, DT_STRSZ)->d_un.d_val = size;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzer of the ELF view: whatever the bytes are, they are refused with a reason, or everything
 * that the view hands out may be touched.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "format/elf_file.h"

/* Where the bytes touched go, so that no compiler leaves the touching out. */
static volatile uint64_t touched;

static void touch(const void *bytes, uint64_t size)
{
	const uint8_t *from = bytes;
	uint64_t sum = 0;

	for (uint64_t i = 0; from != NULL && i < size; i++)
		sum += from[i];
	touched += sum;
}

static void touch_text(const char *text)
{
	if (text != NULL)
		touch(text, strlen(text));
}

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void touch_error(struct lcp_error *error, int code)
{
	require(error != NULL && code < 0 && error->code == code);
	require(error->message[0] != '\0' && strchr(error->message, '\n') == NULL);
	touch_text(error->message);
	error_free(error);
}

static void touch_symbols(const struct elf_file *elf, const struct elf_symbols *symbols)
{
	for (size_t i = 0; i < symbols->count; i++) {
		const struct elf_symbol *symbol = &symbols->items[i];

		touch_text(symbol->name);
		touch_text(symbol->version);
		touch_text(symbol->file);
		if (!symbol->reserved && symbol->section != SHN_UNDEF && elf->section_count > 0)
			touch_text(elf->sections[symbol->section].name);
		touch(elf_file_bytes_at(elf, symbol->value, symbol->size), symbol->size);
	}
}

static void touch_relocs(const struct elf_file *elf, size_t index)
{
	struct lcp_error *error = NULL;
	struct elf_reloc *relocs = NULL;
	size_t count;
	int r;

	r = elf_file_relocs(elf, index, &relocs, &count, &error);
	if (r < 0) {
		touch_error(error, r);
		return;
	}
	touch(relocs, count * sizeof(*relocs));
	free(relocs);
}

static void touch_sections(const struct elf_file *elf)
{
	for (size_t i = 0; i < elf->section_count; i++) {
		const struct elf_section *section = &elf->sections[i];

		touch_text(section->name);
		touch(section->data, section->size);
		touch_text(elf->sections[i > 0 ? section->link : 0].name);
		touch_relocs(elf, i);
	}
}

static void touch_all(const struct elf_file *elf)
{
	touch_sections(elf);
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct elf_segment *segment = &elf->segments[i];

		touch(segment->data, segment->filesz);
		touch(elf_file_bytes_at(elf, segment->vaddr, segment->memsz), segment->memsz);
	}
	touch_symbols(elf, &elf->symtab);
	touch_symbols(elf, &elf->dynsym);
	for (size_t i = 0; i < elf->dynamic_count; i++)
		touch_text(elf->dynamic[i].string);
	for (size_t i = 0; i < elf->note_count; i++) {
		touch_text(elf->notes[i].name);
		touch(elf->notes[i].desc, elf->notes[i].desc_size);
	}
	touch(elf->build_id, elf->build_id_size);
	if (elf->eh_frame_hdr != NULL)
		touch(elf->eh_frame_hdr->data, elf->eh_frame_hdr->filesz);
	(void)elf_file_section(elf, ".text");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autoelf struct elf_file *elf = NULL;
	struct lcp_error *error = NULL;
	int r;

	r = elf_file_open_mem(data, size, &elf, &error);
	fuzz_tell(r);
	if (r < 0)
		touch_error(error, r);
	else
		touch_all(elf);
	return 0;
}

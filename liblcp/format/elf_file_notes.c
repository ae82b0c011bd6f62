/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Notes (gABI, "Note Section") and the build-id among them. Notes are told by name and type; what
 * their descriptors say is the reader's business.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "base/vec.h"
#include "format/elf_file_private.h"

/* Where notes stand, one behind the other. */
struct note_block {
	const char *kind; /* "segment" or "section", which @index counts */
	size_t index;
	const uint8_t *bytes;
	uint64_t size;
	uint64_t align;
};

struct notes {
	struct elf_note *items;
	size_t count;
	size_t room;
	size_t most; /* that the file can hold without two sharing bytes */
};

static int note_error(const struct note_block *block, uint64_t offset, const char *what,
		      struct lcp_error **reterr)
{
	return error_set(reterr, -LCP_EFORMAT, "%s %zu: note at offset 0x%jx %s", block->kind,
			 block->index, (uintmax_t)offset, what);
}

/* Linkers may fill up the end of a block, with less than a note needs. */
static bool is_fill(const struct note_block *block, uint64_t offset)
{
	if (block->size - offset >= sizeof(Elf64_Nhdr))
		return false;
	while (offset < block->size && block->bytes[offset] == 0)
		offset++;
	return offset == block->size;
}

/* Read the note at *@offset, and move *@offset behind it. */
static int read_note(const struct note_block *block, uint64_t *offset, struct elf_note *ret,
		     struct lcp_error **reterr)
{
	const uint8_t *header = block->bytes + *offset;
	uint64_t name = *offset + sizeof(Elf64_Nhdr), desc, end;
	uint32_t name_size;

	if (block->size - *offset < sizeof(Elf64_Nhdr))
		return note_error(block, *offset, "ends inside its header", reterr);
	name_size = get_le32(header + offsetof(Elf64_Nhdr, n_namesz));
	ret->desc_size = get_le32(header + offsetof(Elf64_Nhdr, n_descsz));
	ret->type = get_le32(header + offsetof(Elf64_Nhdr, n_type));
	if (!range_fits(name, name_size, block->size))
		return note_error(block, *offset, "has a name that runs past the end", reterr);
	if (name_size > 0 && block->bytes[name + name_size - 1] != '\0')
		return note_error(block, *offset, "has a name that does not end with a NUL",
				  reterr);

	/* No sum wraps: all are below file size + 4 GiB. An empty descriptor needs no padding. */
	(void)align_up(name + name_size, block->align, &desc);
	if (ret->desc_size > 0 && !range_fits(desc, ret->desc_size, block->size))
		return note_error(block, *offset, "has a descriptor that runs past the end",
				  reterr);
	ret->name = name_size > 0 ? (const char *)block->bytes + name : "";
	ret->desc = ret->desc_size > 0 ? block->bytes + desc : NULL;

	/* Nor does the last note of a block. */
	(void)align_up(desc + ret->desc_size, block->align, &end);
	*offset = end < block->size ? end : block->size;
	return 0;
}

/*
 * The alignment of notes is 4, which gABI means for 32-bit files only but all systems use, or 8 in
 * blocks that are so aligned (.note.gnu.property).
 */
static int read_block(const struct note_block *block, struct notes *notes,
		      struct lcp_error **reterr)
{
	uint64_t offset = 0;
	struct elf_note note;
	int r;

	while (offset < block->size && !is_fill(block, offset)) {
		r = read_note(block, &offset, &note, reterr);
		if (r < 0)
			return r;
		if (notes->count == notes->most)
			return error_set(reterr, -LCP_EFORMAT,
					 "%s %zu: more notes than the file can hold", block->kind,
					 block->index);
		if (vec_push(notes, note) < 0)
			return error_set_nomem(reterr);
	}
	return 0;
}

static uint64_t note_align(uint64_t align)
{
	return align == 8 ? 8 : 4;
}

static int read_segment_notes(const struct elf_file *elf, struct notes *notes, bool *ret_any,
			      struct lcp_error **reterr)
{
	int r;

	*ret_any = false;
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct elf_segment *segment = &elf->segments[i];
		struct note_block block = { "segment", i, segment->data, segment->filesz,
					    note_align(segment->align) };

		if (segment->type != PT_NOTE || segment->data == NULL)
			continue;
		*ret_any = true;
		r = read_block(&block, notes, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_section_notes(const struct elf_file *elf, struct notes *notes,
			      struct lcp_error **reterr)
{
	int r;

	for (size_t i = 1; i < elf->section_count; i++) {
		const struct elf_section *section = &elf->sections[i];
		struct note_block block = { "section", i, section->data, section->size,
					    note_align(section->align) };

		if (section->type != SHT_NOTE || section->data == NULL ||
		    (section->flags & SHF_COMPRESSED) != 0)
			continue;
		r = read_block(&block, notes, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

static void find_build_id(struct elf_file *elf)
{
	for (size_t i = 0; i < elf->note_count; i++) {
		const struct elf_note *note = &elf->notes[i];

		if (note->type != NT_GNU_BUILD_ID || strcmp(note->name, ELF_NOTE_GNU) != 0 ||
		    note->desc_size == 0)
			continue;
		elf->build_id = note->desc;
		elf->build_id_size = note->desc_size;
		return;
	}
}

int elf_read_notes(struct elf_file *elf, struct lcp_error **reterr)
{
	struct notes notes = { .most = elf->private->size / sizeof(Elf64_Nhdr) };
	bool any;
	int r;

	r = read_segment_notes(elf, &notes, &any, reterr);
	if (r >= 0 && !any)
		r = read_section_notes(elf, &notes, reterr);
	elf->notes = notes.items;
	elf->note_count = notes.count;
	if (r < 0)
		return r;
	find_build_id(elf);
	return 0;
}

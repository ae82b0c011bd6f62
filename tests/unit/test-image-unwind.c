/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unwind tables of images: what is put behind the patch's, the search table, and what is refused as
 * none.
 */
#include <elf.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "made-image.h"
#include "tap.h"

/* A common entry and two of functions, the second one first. */
static const uint8_t unwind_table[] = {
	20, 0, 0,    0, 0, 0, 0,  0, 1, 'z', 'R', 0, 1,	 0x78, 16,  1, 0x1b, 0x0c,
	7,  8, 0x90, 1, 0, 0, 20, 0, 0, 0,   28,  0, 0,	 0,    128, 0, 0,    0,
	64, 0, 0,    0, 0, 0, 0,  0, 0, 0,   0,	  0, 20, 0,    0,   0, 52,   0,
	0,  0, 0,    0, 0, 0, 96, 0, 0, 0,   0,	  0, 0,	 0,    0,   0, 0,    0,
};

static void add_unwind(struct made *made, const uint8_t *bytes, size_t size)
{
	const struct reloc_type *type = arch_reloc_type(&arch_x86_64, R_X86_64_PC32);

	made->unwind_relocs[0] = (struct kpatch_reloc){ 32, 128 - 16, IN_TEXT, type };
	made->unwind_relocs[1] = (struct kpatch_reloc){ 56, -16, IN_TEXT, type };
	made->sections[UNWIND] = (struct kpatch_section){
		.name = ".kpatch.eh_frame",
		.kind = KPATCH_RODATA,
		.size = size,
		.align = 8,
		.bytes = bytes,
		.relocs = made->unwind_relocs,
		.reloc_count = 2,
	};
}

/* Entry @number of the search table: the function's address; its table entry is *@ret. */
static uint64_t search_entry(const struct made *made, size_t number, uint64_t *ret)
{
	uint64_t table = made->image.eh_frame_hdr;
	const uint8_t *entry = made_bytes(made, table + 12 + number * 8, 8);

	*ret = table + (uint64_t)(int64_t)(int32_t)get_le32(entry + 4);
	return table + (uint64_t)(int64_t)(int32_t)get_le32(entry);
}

static void test_unwind(void)
{
	static const uint8_t header[] = { 1, 0x1b, 0x03, 0x3b };
	static const uint8_t frame[] = { 0x0c, 7, 8, 0x90, 1 };
	automade struct made made;
	const struct image *image = &made.image;
	uint64_t entry, far;

	made_init(&made, &arch_x86_64);
	add_unwind(&made, unwind_table, sizeof(unwind_table));
	is_int(made_make(&made), 0, "a patch with an unwind table is made");
	is_int(image->eh_frame_size, sizeof(unwind_table) + 4, "the table is there");
	is_int(get_le32(made_bytes(&made, image->eh_frame + sizeof(unwind_table), 4)), 0,
	       "a zero word ends it");
	is_bytes(made_bytes(&made, image->eh_frame_hdr, 4), header, 4, "a search table is made");
	is_int(image->eh_frame_hdr + 4 +
		       (uint64_t)(int64_t)(int32_t)get_le32(
			       made_bytes(&made, image->eh_frame_hdr + 4, 4)),
	       image->eh_frame, "which says where the table is");
	is_int(get_le32(made_bytes(&made, image->eh_frame_hdr + 8, 4)), 2, "and how many entries");
	is_int(search_entry(&made, 0, &entry), TEXT_AT, "the first function comes first");
	is_int(entry, image->eh_frame + 48, "with its entry");
	is_int(search_entry(&made, 1, &entry), TEXT_AT + 128, "the second one next");
	is_int(entry, image->eh_frame + 24, "with its own");

	made_reloc(&made, R_X86_64_PLT32, FAR, -4);
	is_int(made_make(&made), 0, "a stub is added");
	is_int(get_le32(made_bytes(&made, image->eh_frame_hdr + 8, 4)), 3, "it has an entry too");
	far = made_target(&made, 0);
	is_int(search_entry(&made, 2, &entry), far, "which is found by its address");
	is_int(entry + 8 + (uint64_t)(int64_t)(int32_t)get_le32(made_bytes(&made, entry + 8, 4)),
	       far, "and is for it");
	is_bytes(made_bytes(&made, entry - 7, 5), frame, 5, "with a frame as calls leave it");
	is_int(get_le32(made_bytes(&made, image->eh_frame + image->eh_frame_size - 4, 4)), 0,
	       "a zero word ends all");
}

/* Every byte of the table has every value in turn: what is refused, says why; nothing crashes. */
static void test_unwind_hostile(void)
{
	automade struct made made;
	uint8_t bytes[sizeof(unwind_table)];
	size_t refused = 0, wrong = 0;

	made_init(&made, &arch_x86_64);
	for (size_t i = 0; i < sizeof(bytes) * 256; i++) {
		int r;

		memcpy(bytes, unwind_table, sizeof(bytes));
		bytes[i / 256] = (uint8_t)i;
		add_unwind(&made, bytes, sizeof(bytes));
		r = made_make(&made);
		refused += r < 0;
		wrong += r != 0 && (r != -LCP_EFORMAT || !made_failed(&made, "unwind table at"));
	}
	ok(wrong == 0 && refused > 1000 && refused < sizeof(bytes) * 200,
	   "a table that is none is refused for that reason (%zu)", refused);
	for (size_t size = 0; size <= sizeof(bytes); size++) {
		int r;

		add_unwind(&made, unwind_table, size);
		made.sections[UNWIND].reloc_count = 0;
		r = made_make(&made);
		wrong += r != (size == 0 || size == 24 ? 0 : -LCP_EFORMAT);
	}
	is_int(wrong, 0, "so is one that was cut");
	memcpy(bytes, unwind_table, sizeof(bytes));
	memset(bytes + 48, 0, 24);
	add_unwind(&made, bytes, sizeof(bytes));
	made.sections[UNWIND].reloc_count = 1;
	ok(made_make(&made) == 0 && made.image.eh_frame_size == 52,
	   "one with zeroes behind it is not");
	made.sections[RODATA] = made.sections[UNWIND];
	is_int(made_make(&made), -LCP_EFORMAT, "two tables are one too many");
}

/* A relocation may change what the lengths were. */
static void test_unwind_relocated(void)
{
	automade struct made made;

	made_init(&made, &arch_x86_64);
	add_unwind(&made, unwind_table, sizeof(unwind_table));
	made.symbols[ABSOLUTE].value = 0;
	made.unwind_relocs[0].type = arch_reloc_type(&arch_x86_64, R_X86_64_32);
	made.unwind_relocs[0].symbol = ABSOLUTE;
	made.unwind_relocs[0].offset = 24;
	made.unwind_relocs[0].addend = 0;
	is_int(made_make(&made), -LCP_EFORMAT, "a relocation cannot end the table");
	made.unwind_relocs[0].addend = 44;
	is_int(made_make(&made), -LCP_EFORMAT, "nor join entries and leave one without an address");
	made.unwind_relocs[0].offset = 4;
	made.unwind_relocs[0].addend = 4;
	is_int(made_make(&made), -LCP_EFORMAT, "nor turn one into one of the other kind");
}

int main(void)
{
	tap_begin();
	test_unwind();
	test_unwind_hostile();
	test_unwind_relocated();
	return tap_end();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The unwind table of an image: that of the patch, which is proven to be one here, an entry for the
 * stubs, a zero word; and a search table over it, as linkers make one (.eh_frame_hdr).
 *
 * The formats are those of DWARF 4, 6.4.1, with what the Linux Standard Base, Core Specification,
 * 10.6 and 10.5, says of .eh_frame and of pointer encodings (DW_EH_PE_*). The instructions of the
 * entries are not looked at.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "core/image_parts.h"

/* Pointer encodings, DW_EH_PE_*: how long, and what it counts from. */
#define ENCODING_FORM 0x0f
#define ENCODING_ABSOLUTE 0x00 /* an address */
#define ENCODING_UDATA2 0x02
#define ENCODING_UDATA4 0x03
#define ENCODING_UDATA8 0x04
#define ENCODING_SDATA2 0x0a
#define ENCODING_SDATA4 0x0b
#define ENCODING_SDATA8 0x0c
#define ENCODING_ORIGIN 0x70
#define ENCODING_RELATIVE 0x10 /* to where it stands */
#define ENCODING_TO_TABLE 0x30 /* to the beginning of the search table */
#define ENCODING_OMIT 0xff

/* Entries and search table are made of 32-bit words. */
#define WORD 4
#define TABLE_HEADER 12
#define TABLE_ENTRY 8
#define ENTRY_ALIGN 8

struct unwind_entry {
	uint64_t offset;
	uint64_t end; /* offset of the next */
	uint32_t back; /* how far in front of this word its CIE is; 0: it is one */
};

/* A common information entry: what entries of functions refer to. */
struct unwind_common {
	uint64_t offset;
	uint8_t encoding; /* of addresses in those */
	bool augmented; /* those have a block of augmentation data */
};

struct unwind {
	const uint8_t *bytes;
	uint64_t size;
	VEC(struct unwind_common) common; /* by offset */
};

static void unwind_fini(struct unwind *unwind)
{
	vec_fini(&unwind->common);
}

static int bad_entry(uint64_t offset, const char *what, struct lcp_error **reterr)
{
	return error_set(reterr, -LCP_EFORMAT, "unwind table at 0x%" PRIx64 ": %s", offset, what);
}

/* The entry at *@offset, which moves on: 1; 0 at the end or a zero word; or an error. */
static int next_entry(const struct unwind *unwind, uint64_t *offset, struct unwind_entry *ret,
		      struct lcp_error **reterr)
{
	uint64_t at = *offset;
	uint32_t length;

	if (at == unwind->size)
		return 0;
	if (!range_fits(at, WORD, unwind->size))
		return bad_entry(at, "it ends inside of a word", reterr);
	length = get_le32(unwind->bytes + at);
	if (length == 0)
		return 0;
	if (length < WORD || length % WORD != 0 || !range_fits(at + WORD, length, unwind->size))
		return bad_entry(at, "an entry has an impossible length", reterr);
	*ret = (struct unwind_entry){ at, at + WORD + length, get_le32(unwind->bytes + at + WORD) };
	*offset = ret->end;
	return 1;
}

/* A cursor inside one entry. It fails once, and then reads zeroes. */
struct reader {
	const uint8_t *bytes; /* of the table */
	uint64_t at;
	uint64_t end;
	bool failed;
};

static uint64_t read_number(struct reader *reader, unsigned int size)
{
	uint64_t value = 0;

	if (reader->failed || reader->end - reader->at < size) {
		reader->failed = true;
		return 0;
	}
	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)reader->bytes[reader->at + i] << 8 * i;
	reader->at += size;
	return value;
}

/* LEB128; what does not fit 64 bits is a failure. */
static uint64_t read_leb(struct reader *reader)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		uint8_t byte = (uint8_t)read_number(reader, 1);

		value |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0)
			return value;
	}
	reader->failed = true;
	return 0;
}

/* Bytes of a pointer; 0 if the encoding is none of those that compilers use for code. */
static unsigned int pointer_size(uint8_t encoding)
{
	uint8_t origin = encoding & ENCODING_ORIGIN;

	if ((origin != 0 && origin != ENCODING_RELATIVE) || encoding & 0x80)
		return 0;
	switch (encoding & ENCODING_FORM) {
	case ENCODING_UDATA2:
	case ENCODING_SDATA2:
		return 2;
	case ENCODING_UDATA4:
	case ENCODING_SDATA4:
		return 4;
	case ENCODING_ABSOLUTE:
	case ENCODING_UDATA8:
	case ENCODING_SDATA8:
		return 8;
	default:
		return 0;
	}
}

static void skip_pointer(struct reader *reader, uint8_t encoding)
{
	unsigned int size = pointer_size(encoding & (uint8_t)~0x80U);

	if (encoding == ENCODING_OMIT)
		return;
	if (size == 0)
		reader->failed = true;
	(void)read_number(reader, size);
}

/* Augmentation data behind "z", a letter of @text each. Is every letter known? */
static bool read_augmentation(struct reader *reader, const char *text, struct unwind_common *ret)
{
	(void)read_leb(reader);
	for (; *text != '\0'; text++) {
		switch (*text) {
		case 'R':
			ret->encoding = (uint8_t)read_number(reader, 1);
			break;
		case 'P':
			skip_pointer(reader, (uint8_t)read_number(reader, 1));
			break;
		case 'L':
			(void)read_number(reader, 1);
			break;
		case 'S': /* a signal frame; aarch64: signed with key B; tagged stack */
		case 'B':
		case 'G':
			break;
		default:
			return false;
		}
	}
	return true;
}

static int add_common(struct unwind *unwind, const struct unwind_entry *entry,
		      struct lcp_error **reterr)
{
	struct reader reader = { unwind->bytes, entry->offset + 2 * WORD, entry->end, false };
	struct unwind_common common = { .offset = entry->offset };
	uint64_t version = read_number(&reader, 1);
	const char *text = (const char *)unwind->bytes + reader.at;
	size_t text_size = strnlen(text, (size_t)(reader.end - reader.at));
	bool known = true;

	if (text_size == reader.end - reader.at || (version != 1 && version != 3))
		return bad_entry(entry->offset, "a common entry of unknown kind", reterr);
	reader.at += text_size + 1;
	(void)read_leb(&reader); /* code alignment */
	(void)read_leb(&reader); /* data alignment */
	if (version == 1)
		(void)read_number(&reader, 1); /* return address register */
	else
		(void)read_leb(&reader);
	common.augmented = *text == 'z';
	if (common.augmented)
		known = read_augmentation(&reader, text + 1, &common);
	else
		known = *text == '\0';
	if (reader.failed || !known || pointer_size(common.encoding) == 0)
		return bad_entry(entry->offset, "a common entry that is not understood", reterr);
	return vec_push(&unwind->common, common) == 0 ? 0 : error_set_nomem(reterr);
}

static int compare_common(const void *left, const void *right)
{
	const struct unwind_common *a = left, *b = right;

	return (a->offset > b->offset) - (a->offset < b->offset);
}

/* The common entry that @entry refers to, which is in front of it; or NULL. */
static const struct unwind_common *find_common(const struct unwind *unwind,
					       const struct unwind_entry *entry)
{
	uint64_t from = entry->offset + WORD;
	struct unwind_common key = { .offset = from - entry->back };

	if (entry->back > from || unwind->common.count == 0)
		return NULL;
	return bsearch(&key, unwind->common.items, unwind->common.count, sizeof(key),
		       compare_common);
}

/* A number of @encoding that stands at @address. */
static uint64_t read_pointer(struct reader *reader, uint8_t encoding, uint64_t address)
{
	unsigned int size = pointer_size(encoding);
	uint64_t value = read_number(reader, size);

	if ((encoding & ENCODING_FORM) == ENCODING_SDATA2)
		value = (uint64_t)(int64_t)(int16_t)value;
	if ((encoding & ENCODING_FORM) == ENCODING_SDATA4)
		value = (uint64_t)(int64_t)(int32_t)value;
	return (encoding & ENCODING_ORIGIN) == ENCODING_RELATIVE ? value + address : value;
}

/*
 * What an entry of a function says, for a table whose first byte is at @base: where the function
 * begins and how long it is.
 */
static int read_function(const struct unwind *unwind, const struct unwind_entry *entry,
			 uint64_t base, uint64_t *ret, uint64_t *ret_size,
			 struct lcp_error **reterr)
{
	struct reader reader = { unwind->bytes, entry->offset + 2 * WORD, entry->end, false };
	const struct unwind_common *common = find_common(unwind, entry);
	uint64_t size;

	if (common == NULL)
		return bad_entry(entry->offset, "the entry it refers to is not there", reterr);
	*ret = read_pointer(&reader, common->encoding, base + reader.at);
	*ret_size = read_pointer(&reader, common->encoding & ENCODING_FORM, 0);
	if (common->augmented) {
		size = read_leb(&reader);
		if (!range_fits(reader.at, size, reader.end))
			reader.failed = true;
	}
	if (reader.failed)
		return bad_entry(entry->offset, "an entry ends too soon", reterr);
	return 0;
}

int image_unwind_measure(const uint8_t *bytes, uint64_t size, size_t *ret_count, uint64_t *ret_size,
			 struct lcp_error **reterr)
{
	struct unwind unwind cleanup(unwind_fini) = { .bytes = bytes, .size = size };
	struct unwind_entry entry = { 0 };
	uint64_t at = 0;
	int r;

	*ret_count = 0;
	while ((r = next_entry(&unwind, &at, &entry, reterr)) > 0)
		*ret_count += entry.back != 0;
	*ret_size = at;
	for (; at < size && r == 0; at++)
		if (bytes[at] != 0)
			return bad_entry(at, "something is behind its end", reterr);
	return r;
}

static uint64_t entry_aligned(uint64_t size)
{
	return (size + ENTRY_ALIGN - 1) & ~(uint64_t)(ENTRY_ALIGN - 1);
}

/* Length, 0, version 1, "zR", alignments, register, augmentation data; then instructions. */
#define STUB_COMMON_HEADER 17

/* Length, where the common entry is, address and size of the code, no augmentation data. */
#define STUB_ENTRY_SIZE 24

static uint64_t stub_common_size(const struct arch_entry_frame *frame)
{
	return entry_aligned(STUB_COMMON_HEADER + frame->size);
}

uint64_t image_unwind_tail(const struct arch *arch, bool has_stubs)
{
	if (!has_stubs)
		return WORD;
	return stub_common_size(&arch->entry_frame) + STUB_ENTRY_SIZE + WORD;
}

uint64_t image_unwind_table_size(size_t count)
{
	return TABLE_HEADER + count * TABLE_ENTRY;
}

/* Put entries for the stubs at @bytes, whose address is @at. The stubs leave the frame as it is. */
static void put_stub_entries(const struct image_maker *maker, uint8_t *bytes, uint64_t at)
{
	const struct arch_entry_frame *frame = &maker->patch->arch->entry_frame;
	const struct image_layout *layout = &maker->layout;
	uint32_t common_size = (uint32_t)stub_common_size(frame);
	const uint8_t common[] = {
		1,
		'z',
		'R',
		0, /* version, augmentation */
		1, /* code alignment */
		0x78, /* data alignment: -8 */
		frame->return_register,
		1,
		ENCODING_RELATIVE | ENCODING_SDATA4,
	};
	uint8_t *entry = bytes + common_size;

	put_le32(bytes, common_size - WORD);
	memcpy(bytes + 2 * WORD, common, sizeof(common));
	memcpy(bytes + STUB_COMMON_HEADER, frame->instructions, frame->size);
	put_le32(entry, STUB_ENTRY_SIZE - WORD);
	put_le32(entry + WORD, common_size + WORD);
	put_le32(entry + 2 * WORD,
		 (uint32_t)(maker->text + layout->stubs - (at + common_size + 2 * WORD)));
	put_le32(entry + 3 * WORD, (uint32_t)layout->stubs_size);
}

struct table_entry {
	uint64_t function;
	uint64_t entry;
};

static int compare_table_entries(const void *left, const void *right)
{
	const struct table_entry *a = left, *b = right;

	if (a->function != b->function)
		return a->function < b->function ? -1 : 1;
	return (a->entry > b->entry) - (a->entry < b->entry);
}

/* Note where the function of @entry is: in the image's code, or the table is not to be trusted. */
static int add_function(const struct image_maker *maker, const struct unwind *unwind,
			const struct unwind_entry *entry, struct table_entry *table, size_t *count,
			struct lcp_error **reterr)
{
	const struct image_layout *layout = &maker->layout;
	uint64_t base = image_section_address(maker, layout->unwind_section);
	uint64_t code_size = layout->stubs + layout->stubs_size, start = 0, size = 0;
	int r;

	r = read_function(unwind, entry, base, &start, &size, reterr);
	if (r < 0)
		return r;
	if (!range_fits(start - maker->text, size, code_size))
		return bad_entry(entry->offset, "an entry is for no code of the patch", reterr);
	if (*count == layout->unwind_count + (layout->stubs_size > 0))
		return bad_entry(entry->offset, "relocations change what entries there are",
				 reterr);
	table[(*count)++] = (struct table_entry){ start, base + entry->offset };
	return 0;
}

/* List the functions of the table, by address. */
static int list_functions(const struct image_maker *maker, struct unwind *unwind,
			  struct table_entry *table, size_t *ret_count, struct lcp_error **reterr)
{
	struct unwind_entry entry = { 0 };
	uint64_t at = 0;
	int r;

	*ret_count = 0;
	while ((r = next_entry(unwind, &at, &entry, reterr)) > 0) {
		if (entry.back == 0)
			r = add_common(unwind, &entry, reterr);
		else
			r = add_function(maker, unwind, &entry, table, ret_count, reterr);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	if (at != unwind->size)
		return bad_entry(at, "a relocation ends it", reterr);
	qsort(table, *ret_count, sizeof(*table), compare_table_entries);
	return 0;
}

/* Write the search table at @bytes, whose address is @at. All of it is near: see IMAGE_SIZE_MAX. */
static void put_table(const struct image_maker *maker, uint8_t *bytes, uint64_t at,
		      const struct table_entry *table, size_t count)
{
	uint64_t base = image_section_address(maker, maker->layout.unwind_section);
	const uint8_t header[WORD] = {
		1, /* version */
		ENCODING_RELATIVE | ENCODING_SDATA4, /* of the table's address */
		ENCODING_UDATA4, /* of the count */
		ENCODING_TO_TABLE | ENCODING_SDATA4, /* of what is in it */
	};

	memcpy(bytes, header, sizeof(header));
	put_le32(bytes + WORD, (uint32_t)(base - (at + WORD)));
	put_le32(bytes + 2 * WORD, (uint32_t)count);
	bytes += TABLE_HEADER;
	for (size_t i = 0; i < count; i++, bytes += TABLE_ENTRY) {
		put_le32(bytes, (uint32_t)(table[i].function - at));
		put_le32(bytes + WORD, (uint32_t)(table[i].entry - at));
	}
}

int image_unwind_make(struct image_maker *maker, struct lcp_error **reterr)
{
	const struct image_layout *layout = &maker->layout;
	bool has_stubs = layout->stubs_size > 0;
	uint64_t table_address = maker->text + layout->unwind_table, base;
	autofree struct table_entry *table = calloc(layout->unwind_count + 2,
						    sizeof(struct table_entry));
	struct unwind unwind cleanup(unwind_fini) = { 0 };
	size_t count;
	int r;

	if (layout->unwind_section == 0)
		return 0;
	if (table == NULL)
		return error_set_nomem(reterr);
	base = image_section_address(maker, layout->unwind_section);
	unwind.bytes = image_section_bytes(maker, layout->unwind_section);
	unwind.size = layout->unwind_room - WORD;
	if (has_stubs)
		put_stub_entries(maker,
				 image_section_bytes(maker, layout->unwind_section) +
					 layout->unwind_size,
				 base + layout->unwind_size);
	r = list_functions(maker, &unwind, table, &count, reterr);
	if (r < 0)
		return r;

	put_table(maker, image_text_bytes(maker, layout->unwind_table), table_address, table,
		  count);
	maker->image->eh_frame = base;
	maker->image->eh_frame_size = layout->unwind_room;
	maker->image->eh_frame_hdr = table_address;
	maker->image->eh_frame_hdr_size = image_unwind_table_size(count);
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One object, as the headers that are mapped with it describe it (gABI, "Program Header"). Most
 * have all of them, and the build-id, in their first page, which is one read.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "base/utf8.h"
#include "core/process_parts.h"

/* What is read of an object at once: a page of the CPUs with the smallest. */
#define FIRST_READ 4096

/* The kernel starts no program with more (fs/binfmt_elf.c, load_elf_phdrs()). */
#define HEADERS_MAX (65536 / sizeof(Elf64_Phdr))

/* Larger notes are not looked into, and longer build-ids are none. */
#define NOTES_MAX 65536
#define BUILD_ID_MAX 256

/* Mappings behind the first one in which program headers are looked for: patchelf moves them. */
#define MAPPINGS_AHEAD 64

/* The beginning of an object. */
struct head {
	const struct process_view *view;
	uint64_t start;
	size_t size;
	uint8_t bytes[FIRST_READ];
	Elf64_Phdr *headers;
	size_t header_count;
};

static void head_fini(struct head *head)
{
	free(head->headers);
}

static int read_memory(const struct head *head, uint64_t address, void *ret, size_t size)
{
	struct target *target = head->view->process->target;

	if (address >= head->start && range_fits(address - head->start, size, head->size)) {
		memcpy(ret, head->bytes + (address - head->start), size);
		return 0;
	}
	return target->ops->read(target, address, ret, size);
}

static bool is_header(const Elf64_Ehdr *header, uint16_t machine)
{
	return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
	       header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_ident[EI_DATA] == ELFDATA2LSB &&
	       (header->e_type == ET_EXEC || header->e_type == ET_DYN) &&
	       header->e_machine == machine && header->e_phentsize == sizeof(Elf64_Phdr) &&
	       header->e_phnum > 0 && header->e_phnum <= HEADERS_MAX;
}

/* Where @size bytes at @offset of the file that @first begins are mapped; 0 if they are not. */
static uint64_t find_offset(const struct proc_maps *maps, const struct proc_mapping *first,
			    uint64_t offset, uint64_t size)
{
	const struct proc_mapping *end = maps->items + maps->count;

	if (end - first > MAPPINGS_AHEAD)
		end = first + MAPPINGS_AHEAD;
	for (const struct proc_mapping *at = first; at < end; at++)
		if (at->inode == first->inode && at->device_major == first->device_major &&
		    at->device_minor == first->device_minor && offset >= at->offset &&
		    range_fits(offset - at->offset, size, at->end - at->start))
			return at->start + (offset - at->offset);
	return 0;
}

static int read_headers(struct head *head, const struct proc_mapping *mapping, struct object *ret)
{
	const struct process_view *view = head->view;
	Elf64_Ehdr header;
	int r;

	head->start = mapping->start;
	r = read_memory(head, mapping->start, head->bytes, sizeof(head->bytes));
	if (r < 0)
		return r;
	head->size = sizeof(head->bytes);
	memcpy(&header, head->bytes, sizeof(header));
	if (!is_header(&header, view->process->target->arch->machine))
		return -LCP_EFORMAT;
	ret->machine = header.e_machine;
	ret->headers.size = header.e_phnum * sizeof(Elf64_Phdr);
	ret->headers.address = find_offset(&view->maps, mapping, header.e_phoff, ret->headers.size);
	if (ret->headers.address == 0)
		return -LCP_EFORMAT;
	head->header_count = header.e_phnum;
	head->headers = malloc(ret->headers.size);
	if (head->headers == NULL)
		return -ENOMEM;
	return read_memory(head, ret->headers.address, head->headers, ret->headers.size);
}

/* The segment that the file begins with is where the object's first mapping is. */
static bool find_bias(const struct head *head, uint64_t *ret)
{
	const Elf64_Phdr *first = NULL;

	for (size_t i = 0; i < head->header_count; i++) {
		const Elf64_Phdr *header = &head->headers[i];

		if (header->p_type == PT_LOAD &&
		    (first == NULL || header->p_offset < first->p_offset))
			first = header;
	}
	if (first != NULL)
		*ret = head->start + first->p_offset - first->p_vaddr;
	return first != NULL;
}

/* A segment is mapped, behind the one before. */
static bool take_segment(const struct head *head, const Elf64_Phdr *header, struct object *ret)
{
	const struct proc_maps *maps = &head->view->maps;
	struct object_segment *segment = &ret->segments[ret->segment_count];

	segment->start = ret->bias + header->p_vaddr;
	segment->writable = (header->p_flags & PF_W) != 0;
	segment->executable = (header->p_flags & PF_X) != 0;
	if (!add_u64(segment->start, header->p_memsz, &segment->end) ||
	    (ret->segment_count > 0 && segment->start < ret->end) ||
	    proc_maps_find(maps, segment->start) == NULL ||
	    proc_maps_find(maps, segment->end - 1) == NULL)
		return false;
	if (ret->segment_count == 0)
		ret->start = segment->start;
	ret->end = segment->end;
	ret->segment_count++;
	return true;
}

static int take_segments(const struct head *head, struct object *ret)
{
	ret->segments = calloc(head->header_count, sizeof(*ret->segments));
	if (ret->segments == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < head->header_count; i++) {
		const Elf64_Phdr *header = &head->headers[i];

		if (header->p_type == PT_LOAD && header->p_memsz > 0 &&
		    !take_segment(head, header, ret))
			return -LCP_EFORMAT;
	}
	return ret->segment_count > 0 ? 0 : -LCP_EFORMAT;
}

bool process_object_holds(const struct object *object, uint64_t address, uint64_t size)
{
	for (size_t i = 0; i < object->segment_count; i++) {
		const struct object_segment *segment = &object->segments[i];

		if (address >= segment->start &&
		    range_fits(address - segment->start, size, segment->end - segment->start))
			return true;
	}
	return false;
}

/* The table that @header describes, if it lies in a segment. */
static void take_table(const struct object *object, const Elf64_Phdr *header,
		       struct object_table *ret)
{
	uint64_t address = object->bias + header->p_vaddr;

	if (ret->size == 0 && process_object_holds(object, address, header->p_memsz))
		*ret = (struct object_table){ address, header->p_memsz };
}

/* An empty block, or one of which no alignment can be kept, is none. */
static void take_tls(const Elf64_Phdr *header, struct object *ret)
{
	uint64_t align = header->p_align > 0 ? header->p_align : 1;

	if (!is_power_of_two(align) || header->p_memsz > INT64_MAX || align > INT64_MAX)
		return;
	ret->tls_size = header->p_memsz;
	ret->tls_align = align;
	ret->tls_address = ret->bias + header->p_vaddr;
}

/* Note which bytes at @address tell that the object is still there. */
static void take_identity(uint64_t address, const uint8_t *bytes, size_t size, struct object *ret)
{
	ret->identity.address = address;
	ret->identity.size = size < OBJECT_IDENTITY_MAX ? size : OBJECT_IDENTITY_MAX;
	memcpy(ret->identity_bytes, bytes, ret->identity.size);
}

/* The build-id among the notes at @address (gABI, "Note Section"), if there is one. */
static int find_build_id(uint64_t address, const uint8_t *notes, size_t size, size_t align,
			 struct object *ret)
{
	autostr struct str digits = { 0 };
	uint64_t at = 0, name, desc, end;
	Elf64_Nhdr note;

	for (; range_fits(at, sizeof(note), size); at = end) {
		memcpy(&note, notes + at, sizeof(note));
		name = at + sizeof(note);
		/* No sum wraps: all are below NOTES_MAX + 8 GiB. */
		(void)align_up(name + note.n_namesz, align, &desc);
		(void)align_up(desc + note.n_descsz, align, &end);
		if (!range_fits(name, note.n_namesz, size) ||
		    !range_fits(desc, note.n_descsz, size))
			break;
		if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != sizeof(ELF_NOTE_GNU) ||
		    memcmp(notes + name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) != 0 ||
		    note.n_descsz == 0 || note.n_descsz > BUILD_ID_MAX)
			continue;
		take_identity(address + desc, notes + desc, note.n_descsz, ret);
		str_put_hex(&digits, notes + desc, note.n_descsz);
		return str_take(&digits, &ret->build_id);
	}
	return 0;
}

static int take_notes(const struct head *head, const Elf64_Phdr *header, struct object *ret)
{
	struct object_table table = { 0 };
	autofree uint8_t *notes = NULL;
	int r;

	take_table(ret, header, &table);
	if (ret->build_id != NULL || table.size == 0 || table.size > NOTES_MAX)
		return 0;
	notes = malloc(table.size);
	if (notes == NULL)
		return -ENOMEM;
	r = read_memory(head, table.address, notes, table.size);
	if (r < 0)
		return process_fails(r) ? r : 0;
	return find_build_id(table.address, notes, table.size, header->p_align == 8 ? 8 : 4, ret);
}

static int take_tables(const struct head *head, struct object *ret)
{
	int r = 0;

	for (size_t i = 0; i < head->header_count && r == 0; i++) {
		const Elf64_Phdr *header = &head->headers[i];

		switch (header->p_type) {
		case PT_DYNAMIC:
			take_table(ret, header, &ret->dynamic);
			break;
		case PT_GNU_EH_FRAME:
			take_table(ret, header, &ret->eh_frame_hdr);
			break;
		case PT_TLS:
			take_tls(header, ret);
			break;
		case PT_NOTE:
			r = take_notes(head, header, ret);
			break;
		default:
			break;
		}
	}
	return r;
}

static int read_object(struct head *head, const struct proc_mapping *mapping, struct object *ret)
{
	int r;

	r = read_headers(head, mapping, ret);
	if (r < 0)
		return r;
	if (!find_bias(head, &ret->bias))
		return -LCP_EFORMAT;
	r = take_segments(head, ret);
	if (r < 0)
		return r;
	r = take_tables(head, ret);
	if (r < 0)
		return r;
	ret->path = strdup(mapping->name);
	if (ret->path == NULL)
		return -ENOMEM;
	utf8_make_printable(ret->path);
	return 0;
}

int process_object_read(const struct process_view *view, const struct proc_mapping *mapping,
			struct object *ret)
{
	struct head head = { .view = view };
	struct object object = { 0 };
	int r;

	r = read_object(&head, mapping, &object);
	head_fini(&head);
	if (r < 0)
		process_object_fini(&object);
	else
		*ret = object;
	return r;
}

void process_object_fini(struct object *object)
{
	free(object->path);
	free(object->build_id);
	free(object->segments);
	*object = (struct object){ 0 };
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of an image under construction, for the files that make it: where everything goes
 * (image_layout.c), what symbols stand for (image_symbol.c), what places are filled with
 * (image_reloc.c), the unwind table (image_unwind.c).
 *
 * The text part: code; stubs and the resolver of TLS descriptors; constants; slots; unwind table;
 * its search table. Offsets count from the part's first byte, which is aligned to all that is in
 * it, so they are the same for every address.
 */
#ifndef LCP_CORE_IMAGE_PARTS_H
#define LCP_CORE_IMAGE_PARTS_H

#include "core/image.h"

/*
 * A cell is what references need that no section has: a slot with an address or a number, or a stub
 * with a jump. References that need the same share it.
 */
enum cell_kind {
	CELL_NONE,
	CELL_DESCRIPTOR, /* of TLS: the resolver's address, TLS offset */
	CELL_PAIR, /* module, offset: what __tls_get_addr() is given */
	CELL_MODULE, /* module, 0 */
	CELL_TLS_OFFSET, /* relative to the thread pointer */
	CELL_ADDRESS,
	CELL_STUB,
};

struct image_cell {
	uint32_t kind;
	uint32_t symbol;
	int64_t addend; /* it is for the symbol's address + addend */
	uint64_t offset; /* in the text part */
};

struct image_layout {
	const struct lcp_kpatch *patch;
	uint64_t *sections; /* by number: offset of a loaded one in its part */
	uint64_t text_align;
	uint64_t text_size;
	uint64_t data_align;
	uint64_t data_size;
	VEC(struct image_cell) cells; /* sorted by kind, symbol, addend */
	bool has_resolver; /* of TLS descriptors: it is the first of the */
	uint64_t stubs;
	uint64_t stubs_size;
	uint64_t slots;
	size_t unwind_section; /* 0: there is none */
	size_t unwind_count; /* of the functions it has entries for */
	uint64_t unwind_size; /* without what is put behind it */
	uint64_t unwind_room; /* with that, and a zero word */
	uint64_t unwind_table; /* the search table */
};

int image_layout_init(struct image_layout *ret, const struct lcp_kpatch *patch,
		      struct lcp_error **reterr);
void image_layout_fini(struct image_layout *layout);

#define autolayout cleanup(image_layout_fini)

/* The cell that @reloc needs, or may need if what it calls turns out to be far; or NULL. */
const struct image_cell *image_layout_cell(const struct image_layout *layout,
					   const struct kpatch_reloc *reloc);

/* What a symbol stands for, found when it is first asked for. */
struct image_symbol {
	bool found;
	bool unresolved; /* nobody knows before its resolver was called */
	uint8_t type; /* STT_* */
	uint64_t address;
};

/* Where a thread-local variable is, as far as anybody knows. */
struct image_tls {
	bool has_offset; /* in the block of its module: */
	uint64_t offset;
	uint64_t module; /* 0: not known */
	bool fixed; /* the same for every thread: */
	uint64_t from_thread;
};

struct image_maker {
	struct lcp_process *process;
	const struct object *object;
	const struct lcp_kpatch *patch;
	struct image_layout layout;
	struct image_symbol *symbols; /* by number */
	bool has_block;
	struct lookup_tls block; /* of the object, once it was asked for */
	uint64_t text; /* where the parts begin, aligned as the layout wants it */
	uint64_t data;
	struct image *image;
};

/* Returned for what depends on an indirect function that has to be called first. */
#define IMAGE_UNRESOLVED 1

/*
 * The address that symbol @index stands for: 0; IMAGE_UNRESOLVED, and its resolver is in the image;
 * -LCP_ESYMBOL, -LCP_EUNSUPPORTED, -ENOMEM, and what reading the process gives.
 */
int image_symbol_find(struct image_maker *maker, uint32_t index, struct image_symbol *ret,
		      struct lcp_error **reterr);

/* Where the thread-local symbol @index is, with all that a cell or reference of @need needs. */
int image_symbol_find_tls(struct image_maker *maker, uint32_t index, uint8_t need,
			  struct image_tls *ret, struct lcp_error **reterr);

/* Address of section @index, which is loaded, and its bytes in the image. */
uint64_t image_section_address(const struct image_maker *maker, size_t index);
uint8_t *image_section_bytes(const struct image_maker *maker, size_t index);

/* The bytes in the image at @offset of the text part. */
uint8_t *image_text_bytes(const struct image_maker *maker, uint64_t offset);

/* Fill the cells, and every place that has a relocation. */
int image_relocate(struct image_maker *maker, struct lcp_error **reterr);

/*
 * How many functions the unwind table @bytes is about, and how long it is without a zero word at
 * its end. -LCP_EFORMAT if it is none.
 */
int image_unwind_measure(const uint8_t *bytes, uint64_t size, size_t *ret_count, uint64_t *ret_size,
			 struct lcp_error **reterr);

/* How many bytes are put behind it: an entry for the stubs if there are any, and a zero word. */
uint64_t image_unwind_tail(const struct arch *arch, bool has_stubs);
uint64_t image_unwind_table_size(size_t count);

/* Finish the unwind table, whose section has been relocated, and make its search table. */
int image_unwind_make(struct image_maker *maker, struct lcp_error **reterr);

#endif

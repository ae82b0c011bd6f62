/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the parts of a unit are in the object, and the proof that they are there: the unit's
 * original text, assembled, is laid over the object.
 *
 * Each section of a unit is in the object as a whole, so one address places all that is in it. It
 * is found by names, several of which have to fit at the same time, static ones in the right source
 * file; and by what code that is placed refers to. What is left ambiguous is never guessed.
 *
 * Code is compared byte by byte, but for what the linker filled in; where that says which address
 * is meant, it has to be the right one.
 */
#ifndef LCP_BUILD_PLACE_H
#define LCP_BUILD_PLACE_H

#include "base/slice.h"
#include "build/object.h"

enum place_state {
	PLACE_UNKNOWN, /* not in the object, as far as can be seen */
	PLACE_AMBIGUOUS, /* in several places */
	PLACE_KNOWN,
};

struct place_section {
	uint8_t state; /* enum place_state */
	uint64_t address; /* in the object; of thread-local data: in its block */
	uint32_t first; /* its symbols are place.by_section[first] to [first + count - 1] */
	uint32_t count;
	struct elf_reloc *relocs; /* by offset */
	size_t reloc_count;
};

struct place {
	const struct object *object;
	const struct elf_file *unit; /* the original, assembled */
	const char *file; /* of its STT_FILE symbol, or NULL */
	uint32_t file_group; /* of the object's symbols that are the unit's; 0 while not known */
	bool file_known; /* the object has symbols of that file */
	struct place_section *sections; /* by index */
	uint32_t *by_section; /* numbers of its symbols, section by section */
	struct map numbers; /* name: symbol of the unit */
};

/* A function of the unit in the object. */
struct place_function {
	uint64_t address;
	uint32_t size;
	const uint8_t *bytes; /* the object's */
};

/*
 * Place @unit in @object; both stay the caller's and must stay. @ret is to be ended even on
 * failure. 0, -ENOMEM, -LCP_EFORMAT.
 */
int place_init(struct place *ret, const struct object *object, const struct elf_file *unit,
	       struct lcp_error **reterr);
void place_fini(struct place *place);

/* The symbol of the unit of that name that it defines, or NULL. */
const struct elf_symbol *place_symbol(const struct place *place, struct slice name);

/* Where a symbol of the unit is; its section's state says whether @ret is set. */
enum place_state place_address(const struct place *place, const struct elf_symbol *symbol,
			       uint64_t *ret);

/*
 * Does code of the unit that is placed refer to @name, which the unit does not define, and is that
 * at @address in the object?
 */
bool place_refers_to(const struct place *place, struct slice name, uint64_t address);

/* Is the function @symbol, which is placed, in the object byte by byte? @ret is set if it is. */
bool place_proves(const struct place *place, const struct elf_symbol *symbol,
		  struct place_function *ret);

#endif

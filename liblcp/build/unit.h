/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One unit of a build, from its two texts to its part of the patch: compared, emitted, assembled,
 * laid over the object and proven. Units know nothing of each other, so several are worked on at
 * the same time.
 */
#ifndef LCP_BUILD_UNIT_H
#define LCP_BUILD_UNIT_H

#include "build/asm_emit.h"
#include "build/build.h"
#include "build/place.h"

/* The two versions of a unit, as indices. */
enum unit_version {
	UNIT_OLD,
	UNIT_NEW
};

/* A function of the original that is replaced, or a part of one. */
struct unit_function {
	const char *name; /* in the original, assembled */
	const char *new_name; /* of what takes its place in the unit's part of the patch */
	struct place_function old;
	uint32_t padding; /* bytes behind it that a branch may use */
	bool is_part; /* entered from its function only */
};

struct unit {
	char *name; /* "file.c", as the text says, or the text's own name */
	uint8_t *texts[2]; /* by enum unit_version */
	struct asm_unit units[2]; /* likewise */
	struct asm_diff diff;
	struct asm_emit emit;
	struct elf_file *original; /* assembled; NULL if nothing has to be brought */
	struct elf_file *patch; /* its part of the patch; NULL likewise */
	struct place place;
	bool *absent; /* see asm_emit_init(); NULL if nothing is */
	bool *present; /* likewise */
	VEC(struct unit_function) functions;
	VEC(char *) names; /* made up for the functions */
	struct lcp_build_report *report;
	uint32_t refusals;
	uint32_t mismatches; /* functions that the object has in another way */
};

/* What all units of a build have in common. */
struct unit_setting {
	const struct object *object;
	char *const *assembler;
	uint32_t flags; /* LCP_BUILD_* */
};

/*
 * Do all the work of @pair. What it found is in @ret->report; refusals and mismatches are no error
 * of this function. @ret is to be ended even on failure. 0, -ENOMEM, or as
 * lcp_patch_build_from_asm().
 */
int unit_init(struct unit *ret, const struct unit_setting *setting, const struct build_pair *pair,
	      struct lcp_error **reterr);
void unit_fini(struct unit *unit);

/* Does the patch get anything from it? */
static inline bool unit_brings(const struct unit *unit)
{
	return unit->patch != NULL;
}

/*
 * unit_prove.c: find the functions that are replaced in the object, and say which it has in another
 * way. 0 or -ENOMEM.
 */
int unit_prove(struct unit *unit, const struct object *object);

/* unit_warn.c: what a person has to judge of a function that is replaced. */
enum unit_warning {
	UNIT_RUNS_AT_START,
	UNIT_NEVER_RETURNS,
	UNIT_OWNS_OTHERWISE, /* calls that lock or count are others, or in another order */
	UNIT_WARNINGS,
};

/* A bit for each enum unit_warning that holds for a changed function. */
uint32_t unit_warnings(const struct unit *unit, const struct asm_change *change);
const char *unit_warning_text(enum unit_warning warning);

/* unit_report.c: say what the comparison found. 0 or -ENOMEM. */
int unit_report_diff(struct unit *unit);

#endif

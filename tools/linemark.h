/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * #line directives behind what a patch changed, so that every unchanged line keeps its number: a
 * function behind a hunk is then the same code, although it names its line in an assertion.
 *
 * It knows where a directive may stand: not in a comment, a raw string, a continued line or the
 * arguments of a macro. It does not know what conditionals decide: a directive that is skipped is
 * repeated where its branch ends.
 */
#ifndef TOOLS_LINEMARK_H
#define TOOLS_LINEMARK_H

#include "changes.h"

/* The patched file with #line directives in it; as it is, if no line moved. */
void linemark(const struct changed_file *file, struct text *ret);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The report of a build, for a person.
 */
#ifndef TOOLS_REPORT_H
#define TOOLS_REPORT_H

#include "output.h"

void report_print(const struct lcp_build_report *report, const struct output *output);

#endif

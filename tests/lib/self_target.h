/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * This process as a target that is read: what plans patches can be tried without ptrace and a
 * second process. Nothing that stops, writes or calls is there.
 */
#ifndef LCP_TESTS_SELF_TARGET_H
#define LCP_TESTS_SELF_TARGET_H

#include "target/target.h"

/* It lives as long as the program. */
void self_target_init(struct target *ret);

#endif

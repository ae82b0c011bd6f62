/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pieces of code in a process (enum arch_gadget) that a borrowed thread can be sent through.
 */
#ifndef LCP_TARGET_REMOTE_CODE_H
#define LCP_TARGET_REMOTE_CODE_H

#include "target/target.h"

/*
 * Look for all gadgets of the target's CPU: those that are not found have address 0. Not inside
 * operate(). 0, -ENOMEM, or why the process cannot be read.
 */
int remote_code_find(struct target *target, struct arch_gadget_at *gadgets);

/* Are they still there? A library may be unloaded. */
bool remote_code_holds(struct target *target, const struct arch_gadget_at *gadgets);

#endif

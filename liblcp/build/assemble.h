/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running the assembler: text in, object out, both in memory.
 *
 * It is a process of its own that the program around us does not see: it shares no descriptor with
 * it but those it needs, its end sends no signal, and waitpid(-1) does not find it. A second
 * process stands between the two, which shares our memory and does nothing but wait.
 */
#ifndef LCP_BUILD_ASSEMBLE_H
#define LCP_BUILD_ASSEMBLE_H

#include <stddef.h>
#include <stdint.h>

#include <lcp/error.h>

/*
 * Let @argv (ended by NULL) assemble @size bytes of @text; @name says what they are, for messages.
 * The caller frees *@ret. 0, -ENOMEM, -LCP_EASSEMBLER, -EFBIG (an object of more than 1 GiB), a
 * negative errno of memfd_create, write, clone or read.
 */
int assemble(char *const *argv, const char *name, const void *text, size_t size, uint8_t **ret,
	     size_t *ret_size, struct lcp_error **reterr);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where doctors are watched at work: a victim (victim.c) with its patches, what is done to it
 * through the public interface, and how it is found afterwards.
 */
#ifndef LCP_TESTS_WARD_H
#define LCP_TESTS_WARD_H

#include <lcp/lcp.h>

#include "group.h"
#include "../live/victim.h"

#define WARD_ID "group"

/* Long, since all may be slow here that is not what is tested. */
#define WARD_PATIENCE_MS 30000

/* What tests are started with: PROGRAM BOARD LEVEL-1 LEVEL-2 LIBRARY, as make.sh makes them. */
struct ward_files {
	const char *program;
	const char *board;
	struct lcp_kpatch *levels[2];
	const char *library;
};

/* What the victim says of itself. */
struct ward_state {
	int version; /* -1: several; -2: the victim is lost */
	unsigned int torn; /* checks that saw a mix */
	unsigned int wrong; /* registers or results that were not right */
	unsigned int interrupted; /* system calls that returned EINTR */
};

struct ward {
	const struct ward_files *files;
	struct victim victim;
	struct board *board;
	struct lcp_ctx *ctx;
	char *maps; /* as they were, without anonymous code */
	uint64_t code; /* bytes of anonymous code */
	unsigned int left; /* how often dead doctors left memory */
	int32_t signals; /* sent to it */
};

void ward_files_init(struct ward_files *files, int argc, char **argv);
void ward_files_fini(struct ward_files *files);

/*
 * Once, before descriptors are counted: libunwind opens a pipe when it is first used, and keeps it.
 */
void ward_warm_up(const struct ward_files *files);

/* A victim with so many threads, and nothing done to it yet. */
void ward_begin(struct ward *ward, const struct ward_files *files, unsigned int threads);

/* It goes on in all its threads; its signals came; it ends. Claims are made of all that. */
void ward_end(struct ward *ward);

/* Ask it, and give it 100 checks a thread to find out. */
struct ward_state ward_check(struct ward *ward);

/* Level that lcp_query() says is in force: 0 for none, -1 if it does not say one thing. */
int ward_query(struct ward *ward);

/*
 * Bring it to that level (0: none) with a handle of its own: what lcp_apply() or lcp_revert() said.
 */
int32_t ward_treat(struct ward *ward, int level, struct lcp_error **reterr);
/* The same of another process with that program. */
int32_t ward_treat_pid(struct ward *ward, int32_t pid, int level, struct lcp_error **reterr);

/* One more signal with the next number. */
void ward_signal(struct ward *ward);

/* Note its mappings, which are to come again. */
void ward_note_maps(struct ward *ward);

/* The first line that differs, "" if they are as noted. */
const char *ward_maps_difference(struct ward *ward);

/*
 * Memory of doctors that died right behind their first mmap: bytes of anonymous code that came
 * since the mappings were noted; UINT64_MAX if that is not all zero.
 */
uint64_t ward_left_over(struct ward *ward);

/*
 * "" if all is whole and @before or @after, as the query says, untraced, unharmed; or what is not.
 */
const char *ward_complaint(struct ward *ward, int before, int after, struct ward_state *ret);

#endif

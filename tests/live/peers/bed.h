/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Victims (victim.c) with what they were like when nobody had touched them, and doctors of several
 * kinds who treat them through the public interface.
 */
#ifndef LCP_TESTS_PEERS_BED_H
#define LCP_TESTS_PEERS_BED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../victim.h"

/* Long, since all may be slow here that is not what is tested. */
#define BED_PATIENCE_MS 20000

struct bed {
	struct victim victim;
	pid_t pid; /* the victim's: its own parent may be between it and the test */
	const char *value; /* what it says at first */
	char *was; /* how it was: mappings, descriptors, signals */
	bool restless; /* its mappings come and go */
};

/* The folder that make.sh filled. */
void bed_files(const char *folder);

/* A path in it, valid until the next. */
const char *bed_file(const char *name);

/* libunwind opens a pipe when it is first used, and keeps it: patch something. */
void bed_warm_up(void);

struct bed_test {
	const char *name;
	void (*run)(void);
};

/* Run all of them, or the one that argv[2] names; argv[1] is the folder. The program's status. */
int bed_main(int argc, char **argv, const struct bed_test *tests, size_t count);

/* Start a victim: @program of the folder, in a process that has done what @before does. */
void bed_begin(struct bed *bed, const char *program, void (*before)(void));

/* The number of the process that @before forked to be the victim: it says it here. */
extern volatile pid_t *bed_pid;

/* Take what it is like now for how it was. */
void bed_note(struct bed *bed);

/*
 * "" if it runs, untraced and as it was, in its old code; or what is not so. Valid until the next.
 */
const char *bed_complaint(struct bed *bed);

/* Claim that there is no complaint, and end it. */
void bed_end(struct bed *bed, const char *claim);

/* What a doctor is to do. Names are those of patches in the folder, without their ending. */
struct task {
	const char *apply[3];
	const char *revert;
	uint32_t timeout_ms; /* 0: BED_PATIENCE_MS */
	uint32_t flags;
	void (*before)(void); /* in a process of the doctor's own */
};

/* What came of it. */
struct outcome {
	int32_t r;
	uint32_t outcome; /* LCP_OUTCOME_* */
	uint32_t attempts;
	uint64_t stop_ns;
	uint32_t unguarded; /* functions */
	uint64_t kept; /* bytes of what is out */
	uint64_t searched; /* bytes, for pointers to that */
	int32_t blocker_tid;
	char blocker[64]; /* the function it is in */
	char message[512];
};

struct outcome bed_treat(pid_t pid, const struct task *task);
struct outcome bed_apply(const struct bed *bed, const char *name);
struct outcome bed_revert(const struct bed *bed, const char *id);

/* That what was wanted came of it: the message is shown if not. */
bool bed_is(const struct outcome *outcome, int32_t want);

/* Patches that it holds, "id id"; or why that cannot be told. Valid until the next. */
const char *bed_holds(const struct bed *bed);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One host, one victim, and thousands of patches in and out, while threads, children and libraries
 * come and go and signals are sent a thousand times a second. Afterwards neither has more than
 * before. A child that was forked while its parent was patched is patched itself, and can be cured;
 * another program is not.
 *
 *	soak PROGRAM BOARD LEVEL-1 LEVEL-2 LIBRARY
 *
 * SOAK in the environment: how many cycles, 300 if it is not set.
 */
#include <dirent.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"
#include "ward.h"

#define CYCLES_SHORT 300
#define CYCLES_FIRST 40
#define CHECK_EVERY 50
#define FORK_EVERY 60
#define THREADS 10

/*
 * Pages of stack and data that a path which is rarely taken is the first to write to: one, in the
 * host, was seen after 10,000 cycles. The heap and what is mapped are exact.
 */
#define PAGES_KIB 16

/*
 * What a process has, its own and that of the kernel. None of it may be more afterwards, whatever
 * the number of cycles, and that can be claimed to the byte, since what comes and goes by itself is
 * left out: test-soak.sh turns off malloc()'s caches for threads, whose free blocks count as used
 * (30 KiB after 300 cycles, 80 after 10,000); free memory at the end of the heap is given back
 * before it is counted; and threads of the victim have used more of their stacks than those who
 * borrow them do (victim.c).
 */
struct belongings {
	uint64_t descriptors, heap, resident_kib, size_kib;
};

static uint64_t count_descriptors(pid_t pid)
{
	char path[64];
	uint64_t count = 0;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		(void)closedir(dir);
	return count;
}

/* The number behind @name in a file of /proc/PID; statm's own counts are not exact. */
static uint64_t number_in(pid_t pid, const char *file_name, const char *name)
{
	char path[64], line[200];
	uint64_t number = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file_name);
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			(void)sscanf(line + strlen(name), "%" SCNu64, &number);
	if (file != NULL)
		(void)fclose(file);
	return number;
}

static struct belongings look(pid_t pid)
{
	uint64_t descriptors = count_descriptors(pid);

	(void)malloc_trim(0);
	return (struct belongings){
		.descriptors = descriptors,
		.heap = pid == getpid() ? mallinfo2().uordblks : 0,
		.resident_kib = number_in(pid, "smaps_rollup", "Anonymous:"),
		.size_kib = number_in(pid, "status", "VmSize:"),
	};
}

static void rest(struct ward *ward, unsigned int *ret_failures)
{
	unsigned int threads, children, libraries;

	*ret_failures = 1;
	(void)sscanf(victim_ask(&ward->victim, "rest"), "%u %u %u %u", &threads, &children,
		     &libraries, ret_failures);
	tap_say("%u threads, %u children, %u libraries came and went", threads, children,
		libraries);
}

/* One more level for the handle that the host keeps all the time. */
static bool treat(struct ward *ward, struct lcp_process *process, int level)
{
	const struct lcp_apply_options options = {
		.size = sizeof(options),
		.timeout_ms = WARD_PATIENCE_MS,
	};
	struct lcp_kpatch *patch = level > 0 ? ward->files->levels[level - 1] : NULL;
	struct lcp_error *error = NULL;
	int32_t r;

	ward->board->switches++;
	r = level > 0 ? lcp_apply(process, &patch, 1, &options, NULL, &error)
		      : lcp_revert(process, WARD_ID, &options, NULL, &error);
	if (r < 0)
		tap_say("level %d: %s", level, lcp_error_message(error));
	lcp_error_free(error);
	return r == 0;
}

/* The child says its own version; what is done to it does not change its parent's. */
static bool child_is_patched_too(struct ward *ward)
{
	struct ward child = *ward;
	struct ward_state state;
	bool right = true;

	child.victim.pid = atoi(victim_ask(&child.victim, "fork"));
	if (*ward_complaint(&child, 1, 1, &state) != '\0')
		right = false;
	if (right && ward_treat(&child, 0, NULL) < 0)
		right = false;
	if (right && *ward_complaint(&child, 0, 0, &state) != '\0')
		right = false;
	if (strcmp(victim_ask(&child.victim, "end"), "ended") != 0)
		right = false;
	return right && *ward_complaint(ward, 1, 1, &state) == '\0';
}

struct tally {
	unsigned int cycles, failed, forks, forks_wrong;
};

static void cycle(struct ward *ward, struct lcp_process *process, unsigned int count,
		  struct tally *tally)
{
	for (unsigned int i = 1; i <= count && tally->failed < 10; i++) {
		struct ward_state state;

		ward_signal(ward);
		tally->failed += !treat(ward, process, 1);
		if (i % FORK_EVERY == 0) {
			tally->forks++;
			tally->forks_wrong += !child_is_patched_too(ward);
		}
		if (i % 3 == 0)
			tally->failed += !treat(ward, process, 2);
		ward_signal(ward);
		tally->failed += !treat(ward, process, 0);
		if (i % CHECK_EVERY == 0) {
			const char *complaint = ward_complaint(ward, 0, 0, &state);

			if (*complaint != '\0')
				tap_say("cycle %u: %s", i, complaint);
			tally->failed += *complaint != '\0';
		}
		tally->cycles++;
	}
}

/* So many cycles with one handle, and afterwards all is quiet again. */
static void live(struct ward *ward, unsigned int cycles, struct tally *tally,
		 unsigned int *ret_failures)
{
	struct lcp_process *process = NULL;

	is_int(lcp_process_attach(ward->ctx, ward->victim.pid, NULL, &process, NULL), 0,
	       "there is a handle");
	(void)victim_ask(&ward->victim, "stir");
	cycle(ward, process, cycles, tally);
	rest(ward, ret_failures);
	lcp_process_detach(process);
}

static void compare(const char *who, const struct belongings *before,
		    const struct belongings *after)
{
	tap_say("%s: descriptors %" PRIu64 ", %" PRIu64 "; heap %" PRIu64 ", %" PRIu64
		"; own memory %" PRIu64 ", %" PRIu64 " KiB; size %" PRIu64 ", %" PRIu64 " KiB",
		who, before->descriptors, after->descriptors, before->heap, after->heap,
		before->resident_kib, after->resident_kib, before->size_kib, after->size_kib);
	ok(after->descriptors == before->descriptors, "%s has the descriptors it had", who);
	ok(after->heap <= before->heap, "%s has no more heap", who);
#ifndef __SANITIZE_ADDRESS__ /* what is freed stays for a while */
	ok(after->resident_kib <= before->resident_kib + PAGES_KIB,
	   "%s has no more memory of its own", who);
	ok(after->size_kib <= before->size_kib, "%s has no more memory mapped", who);
#endif
}

static void try_exec(struct ward *ward)
{
	struct ward_state state;

	(void)victim_ask(&ward->victim, "signals");
	is_int(ward_treat(ward, 1, NULL), 0, "it is patched a last time");
	is_text(victim_ask(&ward->victim, "exec"), "ready", "and becomes another program");
	ward->signals = 0;
	is_text(ward_complaint(ward, 0, 0, &state), "", "which is not patched, and says so");
	ward_note_maps(ward);
	ok(ward->code == 0, "and has no memory of patches");
	is_int(ward_treat(ward, 1, NULL), 0, "a new handle patches it");
	is_text(ward_complaint(ward, 1, 1, &state), "", "and it runs the new code");
	is_int(ward_treat(ward, 0, NULL), 0, "and reverts it");
	is_text(ward_maps_difference(ward), "", "with its memory as it was");
}

int main(int argc, char **argv)
{
	const char *text = getenv("SOAK");
	unsigned int count = text != NULL ? (unsigned int)atoi(text) : CYCLES_SHORT;
	struct belongings host, victim, host_after, victim_after;
	struct tally tally = { 0 };
	struct ward_files files;
	struct ward_state state;
	unsigned int failures;
	struct ward ward;

	/* One heap, so that it alone grows. */
	(void)setenv("MALLOC_ARENA_MAX", "1", 1);
	ward_files_init(&files, argc, argv);
	ward_warm_up(&files);
	tap_begin();
	ward_begin(&ward, &files, THREADS);
	live(&ward, CYCLES_FIRST, &tally, &failures);
	(void)ward_check(&ward);
	ward_note_maps(&ward);
	host = look(getpid());
	victim = look(ward.victim.pid);

	live(&ward, count, &tally, &failures);
	is_text(ward_complaint(&ward, 0, 0, &state), "", "it runs the old code, unharmed");
	is_int(failures, 0, "threads, children and libraries that came and went saw no mix");
	is_int(tally.cycles, count + CYCLES_FIRST, "all cycles were made");
	is_int(tally.failed, 0, "none failed");
	ok(tally.forks > 0 && tally.forks_wrong == 0,
	   "%u children forked while patched were patched, and could be reverted", tally.forks);
	is_int(state.interrupted, 0, "no system call was interrupted");
	is_text(ward_maps_difference(&ward), "", "its mappings are as they were");
	host_after = look(getpid());
	victim_after = look(ward.victim.pid);
	compare("the host", &host, &host_after);
	compare("the victim", &victim, &victim_after);
	try_exec(&ward);
	ward_end(&ward);
	ward_files_fini(&files);
	return tap_end();
}

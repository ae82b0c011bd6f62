/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starts a program and treats it from outside, through the public interface, as a script in
 * arguments says. What the program answers is printed in one line; so is whatever a step comes to
 * that is not the plain success. Reasons of failures go to stderr.
 *
 *	doctor STEP... -- /PATH/OF/PROGRAM [ARGUMENT...]
 *
 *	tell LINE	tell the program, and print what it answers
 *	send LINE	the same where "ok" is not worth printing
 *	apply FILE...	apply patches, all in one call
 *	both FILE...	two doctors apply them at the same time
 *	wait MS		how long to try again from here on, instead of 5000
 *	revert ID	take a patch out
 *	query		print the patches in force: ID=LEVEL
 *
 * After each step the program must be untraced. When no patch is left, the mappings must be as they
 * were before the first step that applied one, but for what the program did itself; at the end its
 * input is closed, and it must exit with 0.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lcp/lcp.h>

#include "victim.h"

#define PATCHES_MAX 16
#define MAPS_MAX (1 << 20)

struct doctor {
	struct victim victim;
	struct lcp_ctx *ctx;
	struct lcp_process *process;
	struct lcp_apply_options options;
	char *gained, *lost; /* mappings, by applying patches to a process that held none */
	const char *space; /* between words that are printed */
};

static const char *const *program;

static void become_program(void)
{
	victim_exec(program);
}

static void word(struct doctor *doctor, const char *text)
{
	printf("%s%s", doctor->space, text);
	doctor->space = " ";
}

static void fault(struct doctor *doctor, int32_t r, struct lcp_error *error)
{
	word(doctor, lcp_error_name(r));
	(void)fprintf(stderr, "(%s)\n", error != NULL ? lcp_error_message(error) : "no reason");
	for (uint32_t i = 0; i < lcp_error_blocker_count(error); i++) {
		const char *frame;

		(void)fprintf(stderr, "(pc 0x%" PRIx64, lcp_error_blocker_pc(error, i));
		for (uint32_t j = 0; (frame = lcp_error_blocker_frame(error, i, j)) != NULL; j++)
			(void)fprintf(stderr, ", %s", frame);
		(void)fprintf(stderr, ")\n");
	}
	lcp_error_free(error);
}

/* A program may grow its heap and its stack when it likes. */
static int is_its_own(const char *line)
{
	return strstr(line, "[heap]") != NULL || strstr(line, "[stack]") != NULL;
}

static char *read_maps(const struct doctor *doctor)
{
	char path[64], line[4352], *text = calloc(1, MAPS_MAX);
	size_t size = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/maps", doctor->victim.pid);
	file = fopen(path, "re");
	if (file == NULL || text == NULL)
		exit(99);
	while (fgets(line, sizeof(line), file) != NULL)
		if (!is_its_own(line) && size + strlen(line) < MAPS_MAX)
			size += (size_t)snprintf(text + size, MAPS_MAX - size, "%s", line);
	(void)fclose(file);
	return text;
}

/* A line of the text, taken apart. */
struct mapping {
	unsigned long start, end;
	char protection[8];
	bool anonymous; /* and without a name, or with one that we gave it */
};

static struct mapping parse(const char *line)
{
	struct mapping ret = { 0 };
	char name[32] = "";
	unsigned long inode = 1;

	(void)sscanf(line, "%lx-%lx %7s %*s %*s %lu %31s", &ret.start, &ret.end, ret.protection,
		     &inode, name);
	ret.anonymous = inode == 0 && (*name == '\0' || strncmp(name, "[anon:", 6) == 0);
	return ret;
}

/*
 * A C library maps memory at any time: stacks of threads and arenas of malloc(3), their guards and
 * what they may grow into. All that is anonymous, without a name, and data or nothing. The data of
 * patches looks the same, but is right behind their code.
 */
static bool is_the_libraries(const struct mapping *mapping, const struct mapping *before)
{
	bool is_ours = before->anonymous && before->end == mapping->start &&
		       strcmp(before->protection, "r-xp") == 0;

	return mapping->anonymous && !is_ours &&
	       (strcmp(mapping->protection, "rw-p") == 0 ||
		strcmp(mapping->protection, "---p") == 0);
}

/* The lines of @text that @other does not have, without those of the C library. */
static char *lines_only_in(char *text, const char *other)
{
	char *ret = calloc(1, MAPS_MAX), line[4352];
	struct mapping before = { 0 };
	size_t size = 0;

	for (const char *at = text; ret != NULL && *at != '\0'; at += strlen(line)) {
		struct mapping mapping;

		(void)snprintf(line, sizeof(line), "%.*s", (int)(strcspn(at, "\n") + 1), at);
		mapping = parse(line);
		if (!is_the_libraries(&mapping, &before) && strstr(other, line) == NULL)
			size += (size_t)snprintf(ret + size, MAPS_MAX - size, "%s", line);
		before = mapping;
	}
	return ret;
}

/* What came must be gone, and what went be there again. */
static void compare_maps(struct doctor *doctor)
{
	char *now = read_maps(doctor), *gone, *kept;

	if (doctor->gained != NULL) {
		gone = lines_only_in(doctor->gained, now);
		kept = lines_only_in(doctor->gained, gone);
		free(gone);
		gone = lines_only_in(doctor->lost, now);
		if (*kept != '\0' || *gone != '\0') {
			word(doctor, "other-mappings");
			(void)fprintf(stderr, "(still there\n%sgone\n%s)\n", kept, gone);
		}
		free(kept);
		free(gone);
	}
	free(now);
}

static void see(struct doctor *doctor, int print)
{
	struct lcp_status *status = NULL;
	struct lcp_error *error = NULL;
	int32_t r = lcp_query(doctor->process, &status, &error);
	char text[512];

	if (r < 0) {
		fault(doctor, r, error);
		return;
	}
	if (lcp_status_patch_count(status) == 0) {
		compare_maps(doctor);
		if (print)
			word(doctor, "none");
	}
	for (uint32_t i = 0; print && i < lcp_status_patch_count(status); i++) {
		if (!lcp_status_patch_in_force(status, i))
			continue;
		(void)snprintf(text, sizeof(text), "%s=%u", lcp_status_patch_id(status, i),
			       lcp_status_patch_level(status, i));
		word(doctor, text);
	}
	lcp_status_free(status);
}

static void outcome(struct doctor *doctor, struct lcp_report *report, uint32_t want)
{
	uint32_t is = lcp_report_outcome(report);

	if (is == LCP_OUTCOME_ALREADY_APPLIED)
		word(doctor, "already");
	else if (is != want)
		word(doctor, "another-outcome");
	lcp_report_free(report);
}

static void apply_all(struct doctor *doctor, char *paths)
{
	struct lcp_kpatch *patches[PATCHES_MAX];
	struct lcp_report *report = NULL;
	struct lcp_error *error = NULL;
	uint32_t count = 0;
	int32_t r = 0;

	for (char *path = strtok(paths, " "); path != NULL && r == 0; path = strtok(NULL, " ")) {
		r = lcp_kpatch_load(doctor->ctx, path, NULL, &patches[count], &error);
		if (r == 0)
			count++;
	}
	if (r == 0)
		r = lcp_apply(doctor->process, patches, count, &doctor->options, &report, &error);
	if (r < 0)
		fault(doctor, r, error);
	else
		outcome(doctor, report, LCP_OUTCOME_APPLIED);
	while (count > 0)
		lcp_kpatch_unref(patches[--count]);
}

/* The mappings that come and go meanwhile are the doctor's doing. */
static void apply(struct doctor *doctor, char *paths)
{
	char *before = read_maps(doctor), *after;

	apply_all(doctor, paths);
	after = read_maps(doctor);
	if (doctor->gained == NULL) {
		doctor->gained = lines_only_in(after, before);
		doctor->lost = lines_only_in(before, after);
	}
	free(before);
	free(after);
}

/* One of two doctors. */
struct twin {
	struct doctor *doctor;
	struct lcp_kpatch **patches;
	uint32_t count;
	struct lcp_error *error;
	int32_t r;
};

static void *apply_as_twin(void *arg)
{
	struct lcp_process *process = NULL;
	struct twin *twin = arg;

	twin->r = lcp_process_attach(twin->doctor->ctx, twin->doctor->victim.pid, NULL, &process,
				     &twin->error);
	if (twin->r == 0)
		twin->r = lcp_apply(process, twin->patches, twin->count, &twin->doctor->options,
				    NULL, &twin->error);
	lcp_process_detach(process);
	return NULL;
}

static void apply_twice(struct doctor *doctor, char *paths)
{
	struct lcp_kpatch *patches[PATCHES_MAX];
	struct twin twins[2];
	pthread_t threads[2];
	uint32_t count = 0;

	for (char *path = strtok(paths, " "); path != NULL; path = strtok(NULL, " "))
		if (lcp_kpatch_load(doctor->ctx, path, NULL, &patches[count++], NULL) < 0)
			exit(99);
	for (size_t i = 0; i < 2; i++) {
		twins[i] = (struct twin){ doctor, patches, count, NULL, 0 };
		if (pthread_create(&threads[i], NULL, apply_as_twin, &twins[i]) != 0)
			exit(99);
	}
	for (size_t i = 0; i < 2; i++) {
		(void)pthread_join(threads[i], NULL);
		if (twins[i].r == -LCP_EINUSE && lcp_error_blocker_count(twins[i].error) == 0)
			word(doctor, "nobody-in-the-way");
		if (twins[i].r < 0)
			fault(doctor, twins[i].r, twins[i].error);
	}
	while (count > 0)
		lcp_kpatch_unref(patches[--count]);
}

static void revert(struct doctor *doctor, const char *id)
{
	struct lcp_report *report = NULL;
	struct lcp_error *error = NULL;
	int32_t r = lcp_revert(doctor->process, id, &doctor->options, &report, &error);

	if (r < 0)
		fault(doctor, r, error);
	else
		outcome(doctor, report, LCP_OUTCOME_REVERTED);
}

static void step(struct doctor *doctor, const char *text)
{
	char command[4096], *rest;

	(void)snprintf(command, sizeof(command), "%s", text);
	rest = strchr(command, ' ');
	if (rest != NULL)
		*rest++ = '\0';
	else
		rest = command + strlen(command);
	if (strcmp(command, "tell") == 0)
		word(doctor, victim_ask(&doctor->victim, rest));
	else if (strcmp(command, "send") == 0 &&
		 strcmp(victim_ask(&doctor->victim, rest), "ok") != 0)
		word(doctor, doctor->victim.line);
	else if (strcmp(command, "apply") == 0)
		apply(doctor, rest);
	else if (strcmp(command, "both") == 0)
		apply_twice(doctor, rest);
	else if (strcmp(command, "wait") == 0)
		doctor->options.timeout_ms = (uint32_t)strtoul(rest, NULL, 10);
	else if (strcmp(command, "revert") == 0)
		revert(doctor, rest);
	else if (strcmp(command, "send") != 0 && strcmp(command, "query") != 0)
		word(doctor, "unknown-step");
	if (!victim_is_free(&doctor->victim))
		word(doctor, "traced");
	see(doctor, strcmp(command, "query") == 0);
}

static int attach(struct doctor *doctor)
{
	struct lcp_error *error = NULL;
	int32_t r = lcp_ctx_new(NULL, &doctor->ctx, &error);

	if (r == 0)
		r = lcp_process_attach(doctor->ctx, doctor->victim.pid, NULL, &doctor->process,
				       &error);
	if (r < 0)
		fault(doctor, r, error);
	return r;
}

int main(int argc, char **argv)
{
	struct doctor doctor = { .options = { .size = sizeof(doctor.options) }, .space = "" };
	int steps = 1, status;

	while (steps < argc && strcmp(argv[steps], "--") != 0)
		steps++;
	if (steps + 1 >= argc)
		return 2;
	program = (const char *const *)argv + steps + 1;
	victim_start(&doctor.victim, become_program);
	if (attach(&doctor) == 0)
		for (int i = 1; i < steps; i++)
			step(&doctor, argv[i]);
	status = victim_end(&doctor.victim);
	if (status != 0)
		(void)printf("%sended with 0x%x", doctor.space, (unsigned int)status);
	(void)puts("");
	lcp_process_detach(doctor.process);
	lcp_ctx_unref(doctor.ctx);
	free(doctor.gained);
	free(doctor.lost);
	return 0;
}

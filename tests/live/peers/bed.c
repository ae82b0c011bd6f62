/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lcp/lcp.h>

#include "tap.h"

#define TEXT_MAX (1 << 18)

static const char *folder;
volatile pid_t *bed_pid;

static void __attribute__((noreturn)) give_up(const char *what)
{
	(void)printf("Bail out! %s\n", what);
	exit(99);
}

/* Memory that children of the test write to. */
static void *share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		give_up("no memory to share");
	return memory;
}

void bed_files(const char *path)
{
	folder = path;
	bed_pid = share(sizeof(*bed_pid));
}

const char *bed_file(const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

void bed_warm_up(void)
{
	struct outcome outcome;
	struct bed bed;

	bed_begin(&bed, "victim", NULL);
	outcome = bed_apply(&bed, "value");
	if (outcome.r < 0)
		give_up(outcome.message);
	(void)victim_kill(&bed.victim);
	free(bed.was);
}

/* How it is, in lines: growing text in a buffer that is large enough for all victims. */
struct text {
	char *data;
	size_t size;
};

static void add(struct text *text, const char *line)
{
	size_t size = strlen(line);

	if (text->size + size + 1 > TEXT_MAX)
		give_up("a victim's mappings are too many");
	memcpy(text->data + text->size, line, size + 1);
	text->size += size;
}

/* The lines of a file of its, of which @wanted says what they are. */
static void add_file(struct text *text, pid_t pid, const char *name, bool (*wanted)(const char *))
{
	char path[64], line[1024];
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (wanted(line))
			add(text, line);
	if (file != NULL)
		(void)fclose(file);
}

/* Heaps and stacks grow by themselves. */
static bool is_mapping(const char *line)
{
	return strstr(line, "[heap]") == NULL && strstr(line, "[stack]") == NULL;
}

static bool is_signals(const char *line)
{
	return strncmp(line, "SigBlk", 6) == 0 || strncmp(line, "SigIgn", 6) == 0 ||
	       strncmp(line, "SigCgt", 6) == 0 || strncmp(line, "SigPnd", 6) == 0 ||
	       strncmp(line, "ShdPnd", 6) == 0;
}

static void add_descriptors(struct text *text, pid_t pid)
{
	char path[64];

	for (int fd = 0; fd < 64; fd++) {
		char to[512], line[600];
		ssize_t size;

		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		size = readlink(path, to, sizeof(to) - 1);
		if (size < 0)
			continue;
		to[size] = '\0';
		(void)snprintf(line, sizeof(line), "%d %s\n", fd, to);
		add(text, line);
	}
}

static char *state_of(const struct bed *bed)
{
	struct text text = { calloc(1, TEXT_MAX), 0 };

	if (text.data == NULL)
		give_up("no memory");
	add_file(&text, bed->pid, "status", is_signals);
	add_descriptors(&text, bed->pid);
	if (!bed->restless)
		add_file(&text, bed->pid, "maps", is_mapping);
	return text.data;
}

static const char *const *arguments;
static void (*before_program)(void);

static void become_program(void)
{
	if (before_program != NULL)
		before_program();
	victim_exec(arguments);
}

void bed_begin(struct bed *bed, const char *program, void (*before)(void))
{
	char path[512];
	const char *argv[] = { path, NULL };

	(void)snprintf(path, sizeof(path), "%s", bed_file(program));
	*bed = (struct bed){ .value = "10" };
	*bed_pid = 0;
	arguments = argv;
	before_program = before;
	victim_start(&bed->victim, become_program);
	bed->pid = *bed_pid != 0 ? *bed_pid : bed->victim.pid;
	(void)victim_ask(&bed->victim, "value");
	bed_note(bed);
}

void bed_note(struct bed *bed)
{
	free(bed->was);
	bed->was = state_of(bed);
}

/* The first line of @is that differs from @was, or NULL. */
static const char *difference(const char *is, const char *was)
{
	static char text[400];
	size_t at = 0;

	while (is[at] != '\0' && is[at] == was[at])
		at++;
	if (is[at] == was[at])
		return NULL;
	while (at > 0 && is[at - 1] != '\n')
		at--;
	(void)snprintf(text, sizeof(text), "'%.*s' was '%.*s'", (int)strcspn(is + at, "\n"),
		       is + at, (int)strcspn(was + at, "\n"), was + at);
	return text;
}

const char *bed_complaint(struct bed *bed)
{
	const struct victim it = { .pid = bed->pid };
	const char *said = victim_ask(&bed->victim, "value"), *held, *differs;
	char *state;

	if (strcmp(said, bed->value) != 0)
		return *said != '\0' ? said : "it has ended";
	if (!victim_is_free(&it))
		return "it is traced";
	held = bed_holds(bed);
	if (*held != '\0')
		return held;
	state = state_of(bed);
	differs = difference(state, bed->was);
	free(state);
	return differs != NULL ? differs : "";
}

void bed_end(struct bed *bed, const char *claim)
{
	const char *complaint = bed_complaint(bed);
	bool well = ok(*complaint == '\0', "%s", claim);
	int status;

	if (!well)
		tap_say("%s", complaint);
	status = victim_end(&bed->victim);
	if (status != 0)
		ok(false, "the victim ends well, with status %x", (unsigned int)status);
	free(bed->was);
}

static void fail(struct outcome *ret, int32_t r, struct lcp_error *error)
{
	const char *function = lcp_error_blocker_function(error, 0);

	ret->r = r;
	ret->blocker_tid = lcp_error_blocker_tid(error, 0);
	(void)snprintf(ret->blocker, sizeof(ret->blocker), "%s", function != NULL ? function : "");
	(void)snprintf(ret->message, sizeof(ret->message), "%s",
		       error != NULL ? lcp_error_message(error) : "no reason");
	lcp_error_free(error);
}

struct treatment {
	struct lcp_ctx *ctx;
	struct lcp_process *process;
	struct lcp_kpatch *patches[3];
	uint32_t count;
};

static int32_t open_all(struct treatment *it, pid_t pid, const struct task *task,
			struct lcp_error **reterr)
{
	int32_t r = lcp_ctx_new(NULL, &it->ctx, reterr);

	for (; r == 0 && it->count < 3 && task->apply[it->count] != NULL; it->count++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "%s.kpatch", task->apply[it->count]);
		r = lcp_kpatch_load(it->ctx, bed_file(name), NULL, &it->patches[it->count], reterr);
		if (r < 0)
			break;
	}
	return r < 0 ? r : lcp_process_attach(it->ctx, pid, NULL, &it->process, reterr);
}

static void close_all(struct treatment *it)
{
	lcp_process_detach(it->process);
	while (it->count > 0)
		lcp_kpatch_unref(it->patches[--it->count]);
	lcp_ctx_unref(it->ctx);
}

static uint64_t searched_bytes(const struct lcp_report *report)
{
	static const char member[] = "\"searched_bytes\":";
	uint64_t ret = 0;
	char *json = NULL, *at;

	if (lcp_report_json(report, &json) < 0)
		return 0;
	at = strstr(json, member);
	if (at == NULL || sscanf(at + sizeof(member) - 1, " \"%" SCNu64, &ret) != 1)
		give_up("no searched_bytes in the report");
	lcp_string_free(json);
	return ret;
}

static void treat(pid_t pid, const struct task *task, struct outcome *ret)
{
	const struct lcp_apply_options options = {
		.size = sizeof(options),
		.flags = task->flags,
		.timeout_ms = task->timeout_ms != 0 ? task->timeout_ms : BED_PATIENCE_MS,
	};
	struct treatment it = { 0 };
	struct lcp_report *report = NULL;
	struct lcp_error *error = NULL;
	int32_t r = open_all(&it, pid, task, &error);

	*ret = (struct outcome){ 0 };
	if (r == 0)
		r = task->revert != NULL
			    ? lcp_revert(it.process, task->revert, &options, &report, &error)
			    : lcp_apply(it.process, it.patches, it.count, &options, &report,
					&error);
	if (r < 0)
		fail(ret, r, error);
	ret->outcome = lcp_report_outcome(report);
	ret->attempts = lcp_report_attempts(report);
	ret->stop_ns = lcp_report_stop_ns(report);
	ret->unguarded = lcp_report_unguarded(report);
	ret->kept = lcp_report_kept(report);
	ret->searched = searched_bytes(report);
	lcp_report_free(report);
	close_all(&it);
}

/* A doctor in a process of its own that has done what the task says before. */
static void treat_apart(pid_t pid, const struct task *task, struct outcome *ret)
{
	struct outcome *shared = share(sizeof(*shared));
	int status = -1;
	pid_t child;

	(void)fflush(stdout);
	child = fork();
	if (child == 0) {
		task->before();
		treat(pid, task, shared);
		_exit(0);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0)
		give_up("a doctor died");
	*ret = *shared;
	(void)munmap(shared, sizeof(*shared));
}

struct outcome bed_treat(pid_t pid, const struct task *task)
{
	struct outcome ret;

	if (task->before != NULL)
		treat_apart(pid, task, &ret);
	else
		treat(pid, task, &ret);
	return ret;
}

struct outcome bed_apply(const struct bed *bed, const char *name)
{
	return bed_treat(bed->pid, &(struct task){ .apply = { name } });
}

struct outcome bed_revert(const struct bed *bed, const char *id)
{
	return bed_treat(bed->pid, &(struct task){ .revert = id });
}

bool bed_is(const struct outcome *outcome, int32_t want)
{
	if (outcome->r == want)
		return true;
	tap_say("%s: %s", lcp_error_name(outcome->r), outcome->message);
	return false;
}

const char *bed_holds(const struct bed *bed)
{
	static char text[256];
	struct treatment it = { 0 };
	struct lcp_error *error = NULL;
	struct lcp_status *status = NULL;
	int32_t r = open_all(&it, bed->pid, &(struct task){ 0 }, &error);

	text[0] = '\0';
	if (r == 0)
		r = lcp_query(it.process, &status, &error);
	if (r < 0)
		(void)snprintf(text, sizeof(text), "%s",
			       error != NULL ? lcp_error_message(error) : "no reason");
	for (uint32_t i = 0; i < lcp_status_patch_count(status); i++) {
		size_t size = strlen(text);

		(void)snprintf(text + size, sizeof(text) - size, "%s%s", size > 0 ? " " : "",
			       lcp_status_patch_id(status, i));
	}
	lcp_status_free(status);
	lcp_error_free(error);
	close_all(&it);
	return text;
}

int bed_main(int argc, char **argv, const struct bed_test *tests, size_t count)
{
	unsigned int found = 0;

	if (argc < 2)
		return 2;
	bed_files(argv[1]);
	bed_warm_up();
	tap_begin();
	for (size_t i = 0; i < count; i++) {
		if (argc > 2 && strcmp(tests[i].name, argv[2]) != 0)
			continue;
		tests[i].run();
		found++;
	}
	ok(found > 0, "there is such a test");
	return tap_end();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Processes that run compilers.
 */
#include "jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define WORDS_MAX 2000 /* of a log, in a message */
#define EXIT_NOT_RUN 127

void jobs_fini(struct jobs *jobs)
{
	for (size_t i = 0; i < jobs->count; i++) {
		words_fini(&jobs->items[i].argv);
		free(jobs->items[i].log);
	}
	free(jobs->items);
}

bool job_succeeded(const struct job *job)
{
	return WIFEXITED(job->status) && WEXITSTATUS(job->status) == 0;
}

char *job_words(const struct job *job)
{
	autotext struct text log = { 0 };
	size_t skip;

	if (read_file(job->log, &log) < 0 || log.size == 0)
		return format_text("%s ended with status %d", job->argv.items[0], job->status);
	while (log.size > 0 && log.bytes[log.size - 1] == '\n')
		log.bytes[--log.size] = '\0';
	skip = log.size > WORDS_MAX ? log.size - WORDS_MAX : 0;
	return copy_text(log.bytes + skip);
}

__attribute__((noreturn)) static void run(const struct job *job, const struct scratch *scratch)
{
	int log = open(job->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int r = 0;

	(void)setpgid(0, scratch->keeper);
	if (log < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 ||
	    dup2(log, STDERR_FILENO) < 0)
		_exit(EXIT_NOT_RUN);
	if (job->tree != NULL)
		r = tree_enter(job->tree);
	if (r < 0)
		dprintf(STDERR_FILENO, "cannot show it the patched files: %s\n", strerror(-r));
	else if (chdir(job->directory) < 0)
		dprintf(STDERR_FILENO, "%s: %s\n", job->directory, strerror(errno));
	else if (execvp(job->argv.items[0], job->argv.items) < 0)
		dprintf(STDERR_FILENO, "%s: %s\n", job->argv.items[0], strerror(errno));
	_exit(EXIT_NOT_RUN);
}

/* Wait for one to end: its index, or -1. */
static int64_t wait_for_one(struct jobs *jobs, const pid_t *pids, const struct scratch *scratch)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-scratch->keeper, &status, 0);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0 || pid == scratch->keeper)
			return -1;
		for (size_t i = 0; i < jobs->count; i++)
			if (pids[i] == pid) {
				jobs->items[i].status = status;
				return (int64_t)i;
			}
	}
}

int jobs_run(struct jobs *jobs, const struct scratch *scratch, uint32_t parallel,
	     const struct output *output, const char *what, struct failure *failure)
{
	autofree pid_t *pids = zalloc(jobs->count, sizeof(*pids));
	size_t started = 0, ended = 0;

	(void)fflush(NULL);
	while (ended < jobs->count) {
		if (started < jobs->count && started - ended < parallel) {
			struct job *job = &jobs->items[started];

			pids[started] = fork();
			if (pids[started] < 0)
				return fail_system(failure, errno, "fork");
			if (pids[started] == 0)
				run(job, scratch);
			(void)setpgid(pids[started], scratch->keeper);
			started++;
			continue;
		}
		output_progress(output, what, (uint32_t)ended, (uint32_t)jobs->count);
		if (wait_for_one(jobs, pids, scratch) < 0)
			return fail(failure, OUTCOME_FAILED, "the scratch directory was removed");
		ended++;
	}
	output_progress(output, what, (uint32_t)ended, (uint32_t)ended);
	return 0;
}

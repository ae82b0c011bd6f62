/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

/* One signal for the victim at so many calls of the surgeon. */
#define SIGNAL_STEP 8

/* Seconds that one run may take. */
#define RUN_MAX 240

#define OPTIONS                                                                                   \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | \
	 PTRACE_O_EXITKILL)

const char *const kill_mode_names[KILL_MODES] = {
	[KILL_SURGEON] = "surgeon killed at each of its calls",
	[KILL_HOST] = "host killed at each of its calls",
	[KILL_BOTH] = "both killed at each call of the surgeon",
	[KILL_ORPHAN] = "host killed at each call of the surgeon",
};

struct run {
	struct ward *ward;
	struct doctor *doctor;
	enum kill_mode mode;
	unsigned int at;
	pid_t host, surgeon;
	bool host_ended;
};

static void __attribute__((noreturn)) be_host(struct ward *ward, int level, int go)
{
	struct lcp_error *error = NULL;
	char byte;
	int32_t r;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(go, &byte, 1) != 1)
		_exit(98);
	r = ward_treat(ward, level, &error);
	if (r < 0 && r != -LCP_EINTERRUPTED)
		(void)dprintf(1, "# %s\n", lcp_error_message(error));
	_exit(r == 0 ? DOCTOR_DONE : r == -LCP_EINTERRUPTED ? DOCTOR_INTERRUPTED : DOCTOR_FAILED);
}

/* The host waits until it is told to begin, through *@ret_go. */
static pid_t start_host(struct ward *ward, int level, int *ret_go)
{
	int go[2];
	pid_t pid;

	if (pipe2(go, O_CLOEXEC) < 0)
		exit(99);
	(void)fflush(stdout);
	pid = fork();
	if (pid < 0)
		exit(99);
	if (pid == 0) {
		(void)close(go[1]);
		be_host(ward, level, go[0]);
	}
	(void)close(go[0]);
	*ret_go = go[1];
	return pid;
}

/* The kills are sent together: to whom depends on the mode. */
static void kill_now(struct run *run)
{
	run->doctor->killed = true;
	if (run->mode != KILL_SURGEON)
		(void)kill(run->host, SIGKILL);
	if ((run->mode == KILL_SURGEON || run->mode == KILL_BOTH) && run->surgeon != 0)
		(void)kill(run->surgeon, SIGKILL);
}

static bool is_entry(pid_t pid)
{
	struct __ptrace_syscall_info info = { 0 };

	return ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

static void count_call(struct run *run, pid_t pid)
{
	struct doctor *doctor = run->doctor;
	unsigned int *count = pid == run->host ? &doctor->host_calls : &doctor->surgeon_calls;

	++*count;
	if (pid != run->host && *count % SIGNAL_STEP == 1)
		ward_signal(run->ward);
	if (*count == run->at && (pid == run->host) == (run->mode == KILL_HOST) && !doctor->killed)
		kill_now(run);
}

/* A tracee stands still: note what it is about, and let it go on. */
static void handle_stop(struct run *run, pid_t pid, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16;

	if (pid != run->host)
		run->surgeon = pid;
	if (signal == (SIGTRAP | 0x80)) {
		if (is_entry(pid))
			count_call(run, pid);
		signal = 0;
	} else if (event != 0) {
		signal = 0;
	}
	(void)ptrace(PTRACE_SYSCALL, pid, 0, signal);
}

static void handle_end(struct run *run, pid_t pid, int status)
{
	if (pid == run->host) {
		run->host_ended = true;
		run->doctor->status = status;
	} else if (pid == run->surgeon) {
		run->surgeon = 0;
	} else if (pid == run->ward->victim.pid) {
		run->doctor->lost = true;
	}
}

/* Until host and surgeon are gone. */
static void follow(struct run *run)
{
	while (!run->doctor->lost && (!run->host_ended || run->surgeon != 0)) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0 && errno == ECHILD)
			return;
		if (pid < 0)
			continue;
		if (WIFSTOPPED(status))
			handle_stop(run, pid, status);
		else
			handle_end(run, pid, status);
	}
}

static void too_long(int signal)
{
	static const char text[] = "Bail out! a doctor does not end\n";

	(void)signal;
	(void)!write(1, text, sizeof(text) - 1);
	_exit(99);
}

static void limit_time(unsigned int seconds)
{
	(void)signal(SIGALRM, too_long);
	(void)alarm(seconds);
}

void doctor_traced(struct ward *ward, int level, enum kill_mode mode, unsigned int at,
		   struct doctor *ret)
{
	struct run run = { .ward = ward, .doctor = ret, .mode = mode, .at = at };
	int go, status;

	*ret = (struct doctor){ 0 };
	limit_time(RUN_MAX);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	run.host = start_host(ward, level, &go);
	if (ptrace(PTRACE_SEIZE, run.host, 0, OPTIONS) < 0 ||
	    ptrace(PTRACE_INTERRUPT, run.host, 0, 0) < 0 ||
	    waitpid(run.host, &status, __WALL) != run.host)
		exit(99);
	(void)ptrace(PTRACE_SYSCALL, run.host, 0, 0);
	(void)!write(go, "g", 1);
	(void)close(go);
	follow(&run);
	limit_time(0);
}

/* A child of @pid that is not @known; 0 if it has none. */
static pid_t find_child(pid_t pid, pid_t known)
{
	char path[64];
	int child, found = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	file = fopen(path, "re");
	while (file != NULL && found == 0 && fscanf(file, "%d", &child) == 1)
		found = child != known ? child : 0;
	if (file != NULL)
		(void)fclose(file);
	return found;
}

/* The host; and then a surgeon that goes on without it, which is a child of ours then. */
static void reap_all(struct run *run)
{
	while (!run->doctor->lost &&
	       (!run->host_ended || find_child(getpid(), run->ward->victim.pid) != 0)) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid > 0)
			handle_end(run, pid, status);
	}
}

void doctor_timed(struct ward *ward, int level, enum kill_mode mode, uint64_t after_ns,
		  struct doctor *ret)
{
	struct run run = { .ward = ward, .doctor = ret, .mode = mode };
	uint64_t end;
	int go;

	*ret = (struct doctor){ 0 };
	limit_time(RUN_MAX);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	run.host = start_host(ward, level, &go);
	(void)!write(go, "g", 1);
	(void)close(go);
	if (after_ns != UINT64_MAX) {
		end = now_ns() + after_ns;
		while (now_ns() < end)
			;
		run.surgeon = find_child(run.host, 0);
		kill_now(&run);
	}
	reap_all(&run);
	limit_time(0);
}

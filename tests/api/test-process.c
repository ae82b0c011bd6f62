/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handles on processes: of a child that is a copy of this program, so that everything is where it
 * is here; and of what is no process.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lcp/lcp.h>

#include "format/procfs.h"
#include "tap.h"

#define DEADLINE_SECONDS 60

/* A child that waits until it is killed. */
static pid_t start(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			(void)pause();
	return pid;
}

static void stop(pid_t pid)
{
	int status = 0;

	(void)kill(pid, SIGKILL);
	ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status),
	   "the child is still there, and its parent may wait for it");
}

static uint64_t start_time_of(pid_t pid)
{
	autostat struct proc_stat stat = { 0 };
	char path[64], text[1024];
	ssize_t size;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = read(fd, text, sizeof(text));
	(void)close(fd);
	return proc_stat_parse(text, (size_t)size, &stat, NULL) == 0 ? stat.start_time : 0;
}

/* The object that is mapped at @base. */
static uint32_t find_base(const struct lcp_process *process, uint64_t base)
{
	for (uint32_t i = 0; i < lcp_process_object_count(process); i++)
		if (lcp_process_object_base(process, i) == base)
			return i;
	return UINT32_MAX;
}

static void test_objects(const struct lcp_process *process)
{
	uint32_t count = lcp_process_object_count(process);
	char path[PATH_MAX] = { 0 };
	uint32_t vdso, libc;
	Dl_info info;

	(void)readlink("/proc/self/exe", path, sizeof(path) - 1);
	is_text(lcp_process_path(process), path, "its program is this one");
	is_text(lcp_process_object_name(process, 0), path, "which is its first object");
	(void)dladdr("", &info);
	ok(lcp_process_object_base(process, 0) == (uint64_t)(uintptr_t)info.dli_fbase,
	   "and is where it is here");
	(void)dladdr(dlsym(RTLD_DEFAULT, "getpid"), &info);
	libc = find_base(process, (uint64_t)(uintptr_t)info.dli_fbase);
	ok(libc < count && strstr(lcp_process_object_name(process, libc), "/libc") != NULL,
	   "libc is where it is here");
	ok(libc < count && lcp_process_object_build_id(process, libc) != NULL &&
		   strlen(lcp_process_object_build_id(process, libc)) >= 16,
	   "and has a build-id");
	vdso = find_base(process, getauxval(AT_SYSINFO_EHDR));
	is_text(vdso < count ? lcp_process_object_name(process, vdso) : NULL, "[vdso]",
		"so is what the kernel maps");
	ok(lcp_process_object_name(process, count) == NULL &&
		   lcp_process_object_build_id(process, count) == NULL &&
		   lcp_process_object_base(process, count) == 0,
	   "there is nothing behind the last");
}

static void test_json(const struct lcp_process *process)
{
	char wanted[64];
	char *text = NULL;

	is_int(lcp_process_json(process, &text), 0, "it is written as JSON");
	(void)snprintf(wanted, sizeof(wanted), "{\"pid\":%d,\"start_time\":\"%" PRIu64 "\",",
		       lcp_process_pid(process), lcp_process_start_time(process));
	ok(text != NULL && strncmp(text, wanted, strlen(wanted)) == 0 &&
		   strstr(text, "\"name\":\"[vdso]\"") != NULL,
	   "with what the getters say");
	lcp_string_free(text);
}

static void test_child(struct lcp_ctx *ctx, uint32_t flags)
{
	const struct lcp_process_attach_options options = { sizeof(options), flags };
	struct lcp_process *process = NULL;
	pid_t pid = start();

	if (is_int(lcp_process_attach(ctx, pid, &options, &process, NULL), 0, "a child")) {
		is_int(lcp_process_pid(process), pid, "it has its pid");
		ok(lcp_process_start_time(process) == start_time_of(pid),
		   "and the time it was started at");
		test_objects(process);
		test_json(process);
	}
	stop(pid);
	ok(lcp_process_pid(process) == pid && lcp_process_object_name(process, 0) != NULL,
	   "the handle outlives it");
	lcp_process_detach(process);
}

static void refuses(struct lcp_ctx *ctx, int32_t pid, int code, const char *claim)
{
	struct lcp_process *process = NULL;
	struct lcp_error *error = NULL;

	is_int(lcp_process_attach(ctx, pid, NULL, &process, &error), code, claim);
	ok(process == NULL && lcp_error_code(error) == code, "there is a reason and no handle");
	tap_say("%s", error != NULL ? lcp_error_message(error) : "");
	lcp_error_free(error);
}

/* The id of a second thread, and then wait for the end. */
static void *run_thread(void *arg)
{
	int *ends = arg;
	int32_t tid = gettid();
	char c;

	(void)write(ends[1], &tid, sizeof(tid));
	(void)read(ends[2], &c, 1);
	return NULL;
}

static void test_others(struct lcp_ctx *ctx)
{
	int told[2], ended[2], ends[3];
	siginfo_t info;
	pthread_t thread;
	int32_t tid = 0;
	pid_t pid;

	if (pipe2(told, O_CLOEXEC) < 0 || pipe2(ended, O_CLOEXEC) < 0)
		abort();
	memcpy(ends, (int[]){ told[0], told[1], ended[0] }, sizeof(ends));
	if (pthread_create(&thread, NULL, run_thread, ends) != 0)
		abort();
	(void)read(told[0], &tid, sizeof(tid));
	refuses(ctx, tid, -EINVAL, "a thread is no process");
	(void)close(ended[1]);
	(void)pthread_join(thread, NULL);
	(void)close(told[0]);
	(void)close(told[1]);
	(void)close(ended[0]);

	pid = start();
	(void)kill(pid, SIGKILL);
	(void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	refuses(ctx, pid, -ESRCH, "a zombie has nothing to look at");
	stop(pid);
	refuses(ctx, pid, -ESRCH, "and once it is waited for it is gone");
	refuses(ctx, -1, -EINVAL, "no process has a negative id");
}

int main(void)
{
	struct lcp_ctx *ctx = NULL;

	tap_begin();
	(void)alarm(DEADLINE_SECONDS);
	is_int(lcp_ctx_new(NULL, &ctx, NULL), 0, "a context");
	test_child(ctx, 0);
	test_child(ctx, LCP_ATTACH_IN_PROCESS);
	test_others(ctx);
	lcp_ctx_unref(ctx);
	return tap_end();
}

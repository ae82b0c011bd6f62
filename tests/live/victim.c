/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "victim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* In the victim: where it listens and speaks. */
static int hear_fd = -1, say_fd = -1;

uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void give_up(const char *why)
{
	printf("Bail out! %s\n", why);
	exit(99);
}

/*
 * A line from @fd: its size, 0 at the end of what is said, -1 if none came in time. Without a time
 * limit it waits in read(2), which no stop turns into something else.
 */
static int read_line(int fd, char *line, size_t room, int patience_ms)
{
	size_t size = 0;

	for (;;) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		int found = patience_ms < 0 ? 1 : poll(&ready, 1, patience_ms);
		ssize_t part;

		if (found < 0 && errno == EINTR)
			continue;
		if (found <= 0)
			return -1;
		part = read(fd, line + size, 1);
		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0)
			return 0;
		if (line[size] == '\n' || size == room - 1)
			break;
		size++;
	}
	line[size] = '\0';
	return (int)size + 1;
}

void victim_say(const char *format, ...)
{
	char line[256];
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	line[size] = '\n';
	if (write(say_fd, line, (size_t)size + 1) != size + 1)
		_exit(98);
}

bool victim_hear(char *ret, size_t room)
{
	return read_line(hear_fd, ret, room, -1) > 0;
}

void victim_exec(const char *const *argv)
{
	if (dup2(hear_fd, STDIN_FILENO) >= 0 && dup2(say_fd, STDOUT_FILENO) >= 0)
		(void)execvp(argv[0], (char *const *)argv);
	_exit(97);
}

void victim_become_cat(void)
{
	victim_exec((const char *const[]){ "cat", NULL });
}

/* The victim's life; @apart: in a child of this process, whose number it says first. */
static void run_body(int to, int from, void (*body)(void), bool apart)
{
	pid_t pid = apart ? fork() : 0;

	if (pid != 0)
		_exit(0);
	if (!apart)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	hear_fd = to;
	say_fd = from;
	if (apart)
		victim_say("%d", getpid());
	body();
	_exit(0);
}

static void start(struct victim *victim, void (*body)(void), bool apart)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		give_up("no pipes for a victim");
	(void)fflush(stdout);
	victim->pid = fork();
	if (victim->pid < 0)
		give_up("no process for a victim");
	if (victim->pid == 0) {
		(void)close(to[1]);
		(void)close(from[0]);
		run_body(to[0], from[1], body, apart);
	}
	(void)close(to[0]);
	(void)close(from[1]);
	victim->to = to[1];
	victim->from = from[0];
	if (apart) {
		(void)waitpid(victim->pid, NULL, 0);
		victim->pid = atoi(victim_listen(victim));
	}
	if (strcmp(victim_listen(victim), "ready") != 0)
		give_up("a victim does not begin");
}

void victim_start(struct victim *victim, void (*body)(void))
{
	start(victim, body, false);
}

void victim_start_apart(struct victim *victim, void (*body)(void))
{
	start(victim, body, true);
}

void victim_tell(struct victim *victim, const char *line)
{
	char text[256];
	int size = snprintf(text, sizeof(text), "%s\n", line);

	if (write(victim->to, text, (size_t)size) != size)
		give_up("a victim does not listen");
}

const char *victim_listen(struct victim *victim)
{
	int size = read_line(victim->from, victim->line, sizeof(victim->line), VICTIM_PATIENCE_MS);

	if (size < 0)
		give_up("a victim says nothing");
	if (size == 0)
		*victim->line = '\0';
	return victim->line;
}

const char *victim_ask(struct victim *victim, const char *line)
{
	victim_tell(victim, line);
	return victim_listen(victim);
}

/* A file of one of its threads, "" if there is none. */
static void read_text(pid_t pid, pid_t tid, const char *name, char *ret, size_t room)
{
	char path[96];
	ssize_t size;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd >= 0 ? read(fd, ret, room - 1) : 0;
	if (fd >= 0)
		(void)close(fd);
	ret[size > 0 ? size : 0] = '\0';
}

char victim_state(const struct victim *victim, pid_t tid)
{
	char text[512];
	const char *end;

	read_text(victim->pid, tid, "stat", text, sizeof(text));
	end = strrchr(text, ')');
	return end != NULL ? end[2] : '\0';
}

static bool is_traced(pid_t pid, pid_t tid)
{
	char text[4096];
	const char *tracer;

	read_text(pid, tid, "status", text, sizeof(text));
	tracer = strstr(text, "\nTracerPid:\t");
	return (tracer != NULL && strncmp(tracer, "\nTracerPid:\t0\n", 14) != 0) ||
	       strstr(text, "\nState:\tt") != NULL;
}

bool victim_is_free(const struct victim *victim)
{
	char path[64];
	bool free = true;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", victim->pid);
	dir = opendir(path);
	if (dir == NULL)
		return false;
	for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
		if (entry->d_name[0] != '.' && is_traced(victim->pid, atoi(entry->d_name)))
			free = false;
	(void)closedir(dir);
	return free;
}

void victim_await_state(const struct victim *victim, pid_t tid, char state)
{
	uint64_t end = now_ns() + VICTIM_PATIENCE_MS * UINT64_C(1000000);

	while (victim_state(victim, tid) != state) {
		if (now_ns() > end)
			give_up("a victim does not come into the state wanted");
		(void)sched_yield();
	}
}

static int reap(struct victim *victim)
{
	int status = -1;

	while (waitpid(victim->pid, &status, 0) < 0 && errno == EINTR)
		;
	(void)close(victim->to);
	(void)close(victim->from);
	return status;
}

int victim_end(struct victim *victim)
{
	(void)close(victim->to);
	victim->to = -1;
	while (*victim_listen(victim) != '\0')
		;
	return reap(victim);
}

int victim_kill(struct victim *victim)
{
	(void)kill(victim->pid, SIGKILL);
	return reap(victim);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_NS UINT64_C(60000000000)
#define TURN_NS UINT64_C(100000000)
#define NAMES_MAX 32

uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t timeval_ns(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_usec * 1000;
}

uint64_t used_ns(void)
{
	struct rusage own, children;

	(void)getrusage(RUSAGE_SELF, &own);
	(void)getrusage(RUSAGE_CHILDREN, &children);
	return timeval_ns(own.ru_utime) + timeval_ns(own.ru_stime) + timeval_ns(children.ru_utime) +
	       timeval_ns(children.ru_stime);
}

void give_up(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

/* For what comes by itself, and soon. */
static void pause_until(uint64_t deadline, const char *what)
{
	const struct timespec moment = { .tv_nsec = 50000 };

	if (now_ns() > deadline)
		give_up("the victim does not answer: %s", what);
	(void)nanosleep(&moment, NULL);
}

struct victim victim_start(const char *program, unsigned int blocked, unsigned int spinning)
{
	char fd_text[16], blocked_text[16], spinning_text[16];
	uint64_t deadline = now_ns() + PATIENCE_NS;
	struct victim victim;
	int fd = memfd_create("board", 0);

	if (fd < 0 || ftruncate(fd, sizeof(struct board)) < 0)
		give_up("no memory for the board");
	victim.board = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (victim.board == MAP_FAILED)
		give_up("no memory for the board");
	(void)snprintf(fd_text, sizeof(fd_text), "%d", fd);
	(void)snprintf(blocked_text, sizeof(blocked_text), "%u", blocked);
	(void)snprintf(spinning_text, sizeof(spinning_text), "%u", spinning);
	victim.pid = fork();
	if (victim.pid == 0) {
		(void)execl(program, program, fd_text, blocked_text, spinning_text, NULL);
		_exit(127);
	}
	(void)close(fd);
	while (atomic_load(&victim.board->ready) < blocked + spinning)
		pause_until(deadline, "its threads do not begin");
	return victim;
}

void victim_end(struct victim *victim)
{
	(void)kill(victim->pid, SIGKILL);
	(void)waitpid(victim->pid, NULL, 0);
	(void)munmap(victim->board, sizeof(*victim->board));
}

static void order(const struct victim *victim, enum board_order what)
{
	uint64_t deadline = now_ns() + PATIENCE_NS;

	atomic_store(&victim->board->order, what);
	while (atomic_load(&victim->board->order) != BOARD_MEASURE)
		pause_until(deadline, "an order is not obeyed");
}

int victim_value(const struct victim *victim)
{
	order(victim, BOARD_VALUE);
	return atomic_load(&victim->board->value);
}

void victim_calls(const struct victim *victim)
{
	order(victim, BOARD_CALLS);
}

/*
 * Wait until each thread that spins has looked at the clock twice. With many of them that takes
 * long: those that do not get there in time have had no turn, whatever the doctor did.
 */
static void look_again(const struct victim *victim)
{
	uint64_t start = now_ns();
	struct board *board = victim->board;

	for (unsigned int i = 0; i < board->spinning; i++) {
		unsigned long long seen = atomic_load(&board->threads[i].looks);

		while (atomic_load(&board->threads[i].looks) < seen + 2) {
			if (i > 0 && now_ns() > start + TURN_NS)
				return;
			pause_until(start + PATIENCE_NS, "a thread does not run");
		}
	}
}

void gap_begin(const struct victim *victim)
{
	struct board *board = victim->board;

	look_again(victim);
	for (unsigned int i = 0; i < board->spinning; i++)
		atomic_store(&board->threads[i].gap, 0);
	atomic_store(&board->gap, 0);
}

void gap_end(const struct victim *victim, uint64_t *ret_process, uint64_t *ret_thread)
{
	struct board *board = victim->board;

	look_again(victim);
	*ret_process = atomic_load(&board->gap);
	*ret_thread = 0;
	for (unsigned int i = 0; i < board->spinning; i++) {
		uint64_t gap = atomic_load(&board->threads[i].gap);

		*ret_thread = gap > *ret_thread ? gap : *ret_thread;
	}
}

uint64_t memory_kb(pid_t pid, const char *name, const char *field)
{
	char path[64], line[256];
	uint64_t value = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	file = fopen(path, "r");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, field, strlen(field)) == 0)
			value = strtoull(line + strlen(field) + 1, NULL, 10);
	if (file != NULL)
		(void)fclose(file);
	return value;
}

uint64_t memory_mappings(pid_t pid)
{
	char path[64];
	uint64_t count = 0;
	FILE *file;
	int c;

	(void)snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "r");
	while (file != NULL && (c = fgetc(file)) != EOF)
		count += c == '\n';
	if (file != NULL)
		(void)fclose(file);
	return count;
}

static struct {
	const char *name;
	size_t count;
	uint64_t values[SAMPLES_MAX];
} all[NAMES_MAX];

void sample(const char *name, uint64_t value)
{
	size_t i = 0;

	while (i < NAMES_MAX && all[i].name != NULL && strcmp(all[i].name, name) != 0)
		i++;
	if (i == NAMES_MAX || all[i].count == SAMPLES_MAX)
		give_up("too many samples of %s", name);
	all[i].name = name;
	all[i].values[all[i].count++] = value;
}

void samples_print(void)
{
	(void)printf("{");
	for (size_t i = 0; i < NAMES_MAX && all[i].name != NULL; i++) {
		(void)printf("%s\"%s\": [", i > 0 ? ", " : "", all[i].name);
		for (size_t j = 0; j < all[i].count; j++)
			(void)printf("%s%" PRIu64, j > 0 ? ", " : "", all[i].values[j]);
		(void)printf("]");
	}
	(void)printf("}\n");
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "calls_parts.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/num.h"

const struct timespec soon = { .tv_nsec = CALL_TIMEOUT_NS };
const uint64_t no_signals = 0;

struct timespec later(clockid_t clock)
{
	struct timespec time;

	(void)clock_gettime(clock, &time);
	time.tv_nsec += CALL_TIMEOUT_NS;
	time.tv_sec += time.tv_nsec / 1000000000;
	time.tv_nsec %= 1000000000;
	return time;
}

void put_byte(struct call *call)
{
	if (write(call->fds[1], "x", 1) != 1)
		call->id = -1;
}

void drain(struct call *call)
{
	char bytes[4096];

	(void)fcntl(call->fds[0], F_SETFL, O_NONBLOCK);
	while (read(call->fds[0], bytes, sizeof(bytes)) > 0)
		;
}

void fill(int fd)
{
	char bytes[4096] = { 0 };

	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	while (write(fd, bytes, sizeof(bytes)) > 0)
		;
	while (write(fd, bytes, 1) > 0)
		;
	(void)fcntl(fd, F_SETFL, 0);
}

int have_pipe(struct call *call)
{
	return pipe2(call->fds, O_CLOEXEC);
}

int have_full_pipe(struct call *call)
{
	if (pipe2(call->fds, O_CLOEXEC) < 0)
		return -1;
	fill(call->fds[1]);
	return 0;
}

long wait_read(struct call *call)
{
	char byte;

	return read(call->fds[0], &byte, 1);
}

long wait_write(struct call *call)
{
	return write(call->fds[1], "y", 1);
}

void wake_user1(struct call *call)
{
	(void)pthread_kill(call->thread, SIGUSR1);
}

size_t calls_gather(const struct call_kind **ret, size_t room)
{
	static const struct call_set *const sets[] = { &calls_time, &calls_socket, &calls_others };
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		for (size_t j = 0; j < sets[i]->count && count < room; j++)
			ret[count++] = &sets[i]->kinds[j];
	return count;
}

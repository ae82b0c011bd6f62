/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting for time to pass, or for descriptors.
 */
#include "calls_parts.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/num.h"

static long wait_nanosleep(struct call *call)
{
	(void)call;
	return syscall(SYS_nanosleep, &soon, NULL);
}

static long wait_clock_nanosleep(struct call *call)
{
	struct timespec end = later(CLOCK_MONOTONIC);

	(void)call;
	return syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
}

static long wait_ppoll_timed(struct call *call)
{
	struct pollfd fd = { .fd = call->fds[0], .events = POLLIN };
	struct timespec time = soon;

	return syscall(SYS_ppoll, &fd, 1, &time, &no_signals, MASK_SIZE);
}

static long wait_ppoll(struct call *call)
{
	struct pollfd fd = { .fd = call->fds[0], .events = POLLIN };

	return syscall(SYS_ppoll, &fd, 1, NULL, &no_signals, MASK_SIZE);
}

static long wait_poll_timed(struct call *call)
{
	struct pollfd fd = { .fd = call->fds[0], .events = POLLIN };

	return poll(&fd, 1, CALL_TIMEOUT_NS / 1000000);
}

static long wait_poll(struct call *call)
{
	struct pollfd fd = { .fd = call->fds[0], .events = POLLIN };

	return poll(&fd, 1, -1);
}

static long wait_pselect_timed(struct call *call)
{
	struct timespec time = soon;
	fd_set set;

	FD_ZERO(&set);
	FD_SET(call->fds[0], &set);
	return syscall(SYS_pselect6, call->fds[0] + 1, &set, NULL, NULL, &time, NULL);
}

static long wait_pselect(struct call *call)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(call->fds[0], &set);
	return syscall(SYS_pselect6, call->fds[0] + 1, &set, NULL, NULL, NULL, NULL);
}

static int have_epoll(struct call *call)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (have_pipe(call) < 0)
		return -1;
	call->id = epoll_create1(EPOLL_CLOEXEC);
	return epoll_ctl(call->id, EPOLL_CTL_ADD, call->fds[0], &event);
}

static long wait_epoll(struct call *call)
{
	struct epoll_event event;

	return epoll_wait(call->id, &event, 1, -1);
}

static long wait_epoll_timed(struct call *call)
{
	struct epoll_event event;

	return epoll_wait(call->id, &event, 1, CALL_TIMEOUT_NS / 1000000);
}

static long wait_epoll_pwait(struct call *call)
{
	struct epoll_event event;

	return syscall(SYS_epoll_pwait, call->id, &event, 1, -1, &no_signals, MASK_SIZE);
}

static long wait_epoll_pwait2(struct call *call)
{
	struct epoll_event event;

	return syscall(SYS_epoll_pwait2, call->id, &event, 1, &soon, NULL, MASK_SIZE);
}

static long wait_io_getevents(struct call *call)
{
	aio_context_t context = 0;
	struct io_event event;
	struct timespec time = soon;

	(void)call;
	if (syscall(SYS_io_setup, 1, &context) < 0)
		return -1;
	return syscall(SYS_io_getevents, context, 1, 1, &event, &time);
}

static int have_ring(struct call *call)
{
	struct io_uring_params params = { 0 };

	call->id = (int)syscall(SYS_io_uring_setup, 1, &params);
	return call->id < 0 || (params.features & IORING_FEAT_EXT_ARG) == 0 ? -1 : 0;
}

static long wait_io_uring(struct call *call)
{
	int64_t time[2] = { 0, CALL_TIMEOUT_NS };
	struct io_uring_getevents_arg arg = { .ts = (uint64_t)(uintptr_t)time };

	return syscall(SYS_io_uring_enter, call->id, 0, 1,
		       IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof(arg));
}

static int have_eventfd(struct call *call)
{
	call->fds[0] = eventfd(0, EFD_CLOEXEC);
	return call->fds[0] < 0 ? -1 : 0;
}

static long wait_number(struct call *call)
{
	uint64_t number;

	return read(call->fds[0], &number, sizeof(number));
}

static void wake_eventfd(struct call *call)
{
	const uint64_t one = 1;

	if (write(call->fds[0], &one, sizeof(one)) != sizeof(one))
		call->id = -1;
}

static long wait_timerfd(struct call *call)
{
	const struct itimerspec time = { .it_value = soon };

	call->fds[0] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (timerfd_settime(call->fds[0], 0, &time, NULL) < 0)
		return -1;
	return wait_number(call);
}

static const struct call_kind kinds[] = {
	{ "nanosleep", NULL, wait_nanosleep, NULL, 0 },
	{ "clock_nanosleep, absolute", NULL, wait_clock_nanosleep, NULL, 0 },
	{ "poll, timeout", have_pipe, wait_poll_timed, NULL, 0 },
	{ "poll", have_pipe, wait_poll, put_byte, 1 },
	{ "ppoll, timeout and mask", have_pipe, wait_ppoll_timed, NULL, 0 },
	{ "ppoll, mask", have_pipe, wait_ppoll, put_byte, 1 },
	{ "pselect6, timeout", have_pipe, wait_pselect_timed, NULL, 0 },
	{ "pselect6", have_pipe, wait_pselect, put_byte, 1 },
	{ "epoll_wait, timeout", have_epoll, wait_epoll_timed, NULL, 0 },
	{ "epoll_wait", have_epoll, wait_epoll, put_byte, 1 },
	{ "epoll_pwait, mask", have_epoll, wait_epoll_pwait, put_byte, 1 },
	{ "epoll_pwait2, timeout", have_epoll, wait_epoll_pwait2, NULL, 0 },
	{ "epoll_wait, signal with handler", have_epoll, wait_epoll, wake_user1, -EINTR },
	{ "read, pipe", have_pipe, wait_read, put_byte, 1 },
	{ "write, full pipe", have_full_pipe, wait_write, drain, 1 },
	{ "io_getevents, timeout", NULL, wait_io_getevents, NULL, 0 },
	{ "io_uring_enter, timeout", have_ring, wait_io_uring, NULL, -ETIME },
	{ "read, eventfd", have_eventfd, wait_number, wake_eventfd, 8 },
	{ "read, timerfd", NULL, wait_timerfd, NULL, 8 },
};

const struct call_set calls_time = { kinds, ARRAY_SIZE(kinds) };

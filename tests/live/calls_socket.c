/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting at sockets.
 */
#include "calls_parts.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/num.h"

static int have_sockets(struct call *call)
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, call->fds);
}

static int have_datagrams(struct call *call)
{
	return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, call->fds);
}

static int set_timeout(int fd, int option, long seconds)
{
	const struct timeval time = { .tv_sec = seconds,
				      .tv_usec = seconds != 0 ? 0 : CALL_TIMEOUT_NS / 1000 };

	return setsockopt(fd, SOL_SOCKET, option, &time, sizeof(time));
}

static int have_timed_sockets(struct call *call)
{
	return have_sockets(call) < 0 ? -1 : set_timeout(call->fds[0], SO_RCVTIMEO, 0);
}

/* Its timeout is not what ends the call. */
static int have_patient_sockets(struct call *call)
{
	return have_sockets(call) < 0 ? -1 : set_timeout(call->fds[0], SO_RCVTIMEO, 100);
}

static int have_patient_datagrams(struct call *call)
{
	return have_datagrams(call) < 0 ? -1 : set_timeout(call->fds[0], SO_RCVTIMEO, 100);
}

static int have_full_sockets(struct call *call)
{
	if (have_sockets(call) < 0)
		return -1;
	fill(call->fds[1]);
	return 0;
}

static int have_timed_full_sockets(struct call *call)
{
	return have_full_sockets(call) < 0 ? -1 : set_timeout(call->fds[1], SO_SNDTIMEO, 0);
}

static long wait_recv(struct call *call)
{
	char byte;

	return recv(call->fds[0], &byte, 1, 0);
}

static long wait_recvmsg(struct call *call)
{
	char byte;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	return recvmsg(call->fds[0], &message, 0);
}

static long wait_recvmmsg(struct call *call)
{
	char byte;
	struct iovec part = { &byte, 1 };
	struct mmsghdr message = { .msg_hdr = { .msg_iov = &part, .msg_iovlen = 1 } };

	return recvmmsg(call->fds[0], &message, 1, 0, NULL);
}

static long wait_send(struct call *call)
{
	return send(call->fds[1], "y", 1, MSG_NOSIGNAL);
}

static long wait_sendmsg(struct call *call)
{
	struct iovec part = { (void *)(uintptr_t) "y", 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	return sendmsg(call->fds[1], &message, MSG_NOSIGNAL);
}

static long wait_sendmmsg(struct call *call)
{
	struct iovec part = { (void *)(uintptr_t) "y", 1 };
	struct mmsghdr message = { .msg_hdr = { .msg_iov = &part, .msg_iovlen = 1 } };

	return sendmmsg(call->fds[1], &message, 1, MSG_NOSIGNAL);
}

/* An abstract address of its own: the kernel makes it (unix(7), autobind). */
static int have_listener(struct call *call)
{
	const struct sockaddr_un any = { .sun_family = AF_UNIX };

	call->fds[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	call->fds[1] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(call->fds[0], (const void *)&any, sizeof(any.sun_family)) < 0)
		return -1;
	return listen(call->fds[0], 0);
}

static long connect_to(int listener, int fd)
{
	struct sockaddr_un address;
	socklen_t size = sizeof(address);

	if (getsockname(listener, (void *)&address, &size) < 0)
		return -1;
	return connect(fd, (const void *)&address, size);
}

static int have_timed_listener(struct call *call)
{
	return have_listener(call) < 0 ? -1 : set_timeout(call->fds[0], SO_RCVTIMEO, 0);
}

static long wait_accept(struct call *call)
{
	return accept4(call->fds[0], NULL, NULL, SOCK_CLOEXEC);
}

static long wait_accept_old(struct call *call)
{
	return syscall(SYS_accept, call->fds[0], NULL, NULL);
}

static void wake_accept(struct call *call)
{
	(void)connect_to(call->fds[0], call->fds[1]);
}

static int have_busy_listener(struct call *call)
{
	int other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return have_listener(call) < 0 || connect_to(call->fds[0], other) < 0 ? -1 : 0;
}

static int have_timed_busy_listener(struct call *call)
{
	return have_busy_listener(call) < 0 ? -1 : set_timeout(call->fds[1], SO_SNDTIMEO, 0);
}

static long wait_connect(struct call *call)
{
	return connect_to(call->fds[0], call->fds[1]);
}

static void wake_connect(struct call *call)
{
	(void)accept4(call->fds[0], NULL, NULL, SOCK_CLOEXEC);
}

static const struct call_kind kinds[] = {
	{ "read, socket", have_sockets, wait_read, put_byte, 1 },
	{ "recvfrom, SO_RCVTIMEO", have_timed_sockets, wait_recv, NULL, -EAGAIN },
	{ "recvfrom, SO_RCVTIMEO, woken", have_patient_sockets, wait_recv, put_byte, 1 },
	{ "recvmsg", have_datagrams, wait_recvmsg, put_byte, 1 },
	{ "recvmsg, SO_RCVTIMEO, woken", have_patient_datagrams, wait_recvmsg, put_byte, 1 },
	{ "recvmmsg", have_datagrams, wait_recvmmsg, put_byte, 1 },
	{ "recvmmsg, SO_RCVTIMEO, woken", have_patient_datagrams, wait_recvmmsg, put_byte, 1 },
	{ "sendto, full socket", have_full_sockets, wait_send, drain, 1 },
	{ "sendto, SO_SNDTIMEO", have_timed_full_sockets, wait_send, NULL, -EAGAIN },
	{ "sendmsg, SO_SNDTIMEO", have_timed_full_sockets, wait_sendmsg, NULL, -EAGAIN },
	{ "sendmmsg, SO_SNDTIMEO", have_timed_full_sockets, wait_sendmmsg, NULL, -EAGAIN },
	{ "accept4", have_listener, wait_accept, wake_accept, CALL_ANY },
	{ "accept4, SO_RCVTIMEO", have_timed_listener, wait_accept, NULL, -EAGAIN },
	{ "accept, SO_RCVTIMEO", have_timed_listener, wait_accept_old, NULL, -EAGAIN },
	{ "connect", have_busy_listener, wait_connect, wake_connect, 0 },
	{ "connect, SO_SNDTIMEO", have_timed_busy_listener, wait_connect, NULL, -EAGAIN },
};

const struct call_set calls_socket = { kinds, ARRAY_SIZE(kinds) };

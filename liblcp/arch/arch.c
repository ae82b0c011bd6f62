/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The list of CPUs, and what is the same for all of them.
 */
#include "arch/arch.h"

#include <string.h>

#include "arch/common.h"
#include "base/num.h"

static const struct arch *const all[] = { &arch_x86_64, &arch_aarch64 };

const struct arch *arch_by_machine(uint16_t machine)
{
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (all[i]->machine == machine)
			return all[i];
	}
	return NULL;
}

const struct arch *arch_native(void)
{
#if defined(__x86_64__) && defined(__LP64__)
	return &arch_x86_64;
#elif defined(__aarch64__) && defined(__LP64__) && defined(__AARCH64EL__)
	return &arch_aarch64;
#else
	return NULL;
#endif
}

/*
 * Those that return -EINTR and not one of the -ERESTART codes when a signal or a stop is pending:
 * signal(7), "Interruption of system calls and library functions by stop signals", and what was
 * seen to on top of it. Calls with a socket's timeout (sock_intr_errno() in include/net/sock.h)
 * are among them. close(2) is not: it may have closed the descriptor.
 */
bool arch_leaks_eintr(const struct arch *arch, int64_t number)
{
	static const uint8_t leaky[] = {
		SYSCALL_ACCEPT,	      SYSCALL_ACCEPT4,	      SYSCALL_CONNECT,
		SYSCALL_EPOLL_PWAIT,  SYSCALL_EPOLL_PWAIT2,   SYSCALL_EPOLL_WAIT,
		SYSCALL_IO_GETEVENTS, SYSCALL_IO_URING_ENTER, SYSCALL_RECVFROM,
		SYSCALL_RECVMMSG,     SYSCALL_RECVMSG,	      SYSCALL_RT_SIGTIMEDWAIT,
		SYSCALL_SEMOP,	      SYSCALL_SEMTIMEDOP,     SYSCALL_SENDMMSG,
		SYSCALL_SENDMSG,      SYSCALL_SENDTO,
	};

	if (number < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(leaky); i++)
		if (arch->syscalls[leaky[i]] == number)
			return true;
	return false;
}

const struct reloc_type *arch_reloc_type(const struct arch *arch, uint32_t number)
{
	size_t first = 0, end = arch->reloc_count;

	while (first < end) {
		size_t middle = first + (end - first) / 2;
		const struct reloc_type *type = &arch->relocs[middle];

		if (type->number == number)
			return type;
		if (type->number < number)
			first = middle + 1;
		else
			end = middle;
	}
	return NULL;
}

/* memchr(3) looks at 32 bytes at a time for the one that is rare in code; memmem(3) at each. */
int64_t gadget_find(const struct gadget *gadget, size_t align, const uint8_t *code, size_t size)
{
	size_t head = gadget->any != 0 ? gadget->any : gadget->size;
	size_t tail = gadget->any != 0 ? head + 1 : head;
	const uint8_t *end = code + size, *at = code + gadget->rare;

	while (gadget->size > 0 && at < end &&
	       (at = memchr(at, gadget->code[gadget->rare], (size_t)(end - at))) != NULL) {
		size_t i = (size_t)(at++ - code) - gadget->rare;

		if (i % align == 0 && range_fits(i, gadget->size, size) &&
		    memcmp(code + i, gadget->code, head) == 0 &&
		    memcmp(code + i + tail, gadget->code + tail, gadget->size - tail) == 0)
			return (int64_t)i;
	}
	return -1;
}

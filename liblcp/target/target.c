/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is the same for every target: reasons of failures, registers by offset, the end.
 */
#include "target/target.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"

static void __attribute__((format(printf, 4, 0)))
set_fault(struct target_fault *fault, int code, int saved_errno, const char *format, va_list args)
{
	if (fault->code != 0)
		return;
	fault->code = code;
	fault->saved_errno = saved_errno;
	(void)vsnprintf(fault->text, sizeof(fault->text), format, args);
}

int target_fail(struct target *target, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_fault(&target->fault, code, 0, format, args);
	va_end(args);
	return code;
}

int target_fail_errno(struct target *target, int saved_errno, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_fault(&target->fault, -saved_errno, saved_errno, format, args);
	va_end(args);
	return -saved_errno;
}

int target_take_fault(struct target *target, int code, struct lcp_error **reterr)
{
	struct target_fault fault = target->fault;

	target->fault = (struct target_fault){ 0 };
	if (fault.code == 0)
		return error_set(reterr, code, "process %d: %s", target->pid, error_name(code));
	if (fault.saved_errno != 0 && fault.code == -fault.saved_errno)
		return error_set_errno(reterr, fault.saved_errno, "%s", fault.text);
	return error_set(reterr, fault.code, "%s", fault.text);
}

void target_read_pieces(struct target *target, struct target_piece *pieces, size_t count)
{
	if (target->ops->read_pieces != NULL) {
		target->ops->read_pieces(target, pieces, count);
		return;
	}
	for (size_t i = 0; i < count; i++)
		pieces[i].got = target->ops->read_some(target, pieces[i].address, pieces[i].bytes,
						       pieces[i].size);
}

uint64_t target_register(const struct target_thread *thread, uint16_t offset)
{
	if (!range_fits(offset, sizeof(uint64_t), sizeof(thread->regs)))
		return 0;
	return get_le64(thread->regs + offset);
}

void target_close(struct target *target)
{
	if (target != NULL)
		target->ops->close(target);
}

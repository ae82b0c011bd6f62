/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What remote.c, which sends a borrowed thread through a call, and remote_thread.c, which knows
 * what state it was in and puts that back, share with each other and with nobody else.
 */
#ifndef LCP_TARGET_REMOTE_PRIVATE_H
#define LCP_TARGET_REMOTE_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "target/remote.h"

/* The largest set is SVE's, with vectors of 256 bytes, or XSAVE's with AMX. */
#define REMOTE_SET_MAX ARCH_FRAME_MAX

/* Room for a line of maps: PATH_MAX characters, each of which may be escaped as four. */
#define REMOTE_TEXT_MAX 20480

struct remote_set {
	size_t size;
	_Alignas(8) uint8_t bytes[REMOTE_SET_MAX];
};

/* Memory for one call at a time: what a surgeon uses was there before. */
/* Room below the frame for a function: what a small one and a few it calls need. */
#define REMOTE_STACK 16384

struct remote {
	uint32_t options; /* of the thread, when it is not borrowed */
	struct arch_gadget_at gadgets[GADGET_COUNT];
	struct arch_frame frame;
	uint8_t beneath[ARCH_FRAME_MAX]; /* what stood where the frame is */
	uint8_t below[REMOTE_STACK]; /* and where a function runs */
	size_t below_size;
	_Alignas(8) uint8_t regs[TARGET_REGS_MAX]; /* as they were */
	_Alignas(8) uint8_t now[TARGET_REGS_MAX]; /* as they are to be, or were found */
	uint64_t mask;
	struct remote_set fp;
	struct remote_set more;
	struct remote_set work;
	char text[REMOTE_TEXT_MAX];
};

/* Where a thread that was let run stands. */
enum remote_stop {
	STOP_NONE, /* it runs */
	STOP_EVENT, /* interrupted, in the signal path: here its registers may be put back */
	STOP_SYSCALL, /* at the entry or exit of a system call */
	STOP_SIGNAL, /* a signal is about to be delivered */
	STOP_FAULT, /* the same, and an instruction of the thread is its cause */
	STOP_OTHER,
};

struct loan {
	struct target *target;
	struct remote *remote;
	int32_t tid;
	uint64_t deadline;
	enum remote_stop stop;
	int signal; /* of STOP_SIGNAL and STOP_FAULT */
};

/*
 * ptrace(2) for the thread: 0, -LCP_EGONE, or another negative errno, with a fault that says @what
 * failed.
 */
int loan_ptrace(struct loan *loan, int request, uint64_t address, uint64_t data, const char *what);

/* Read or write the general registers of the thread. */
int loan_get_regs(struct loan *loan, uint8_t *regs);
int loan_set_regs(struct loan *loan, const uint8_t *regs);

/* A whole register set (NT_*). Reading one that the thread has not got leaves @set->size 0. */
int loan_get_set(struct loan *loan, uint32_t number, struct remote_set *set);
int loan_set_set(struct loan *loan, uint32_t number, struct remote_set *set);

int loan_set_mask(struct loan *loan, uint64_t mask);

/*
 * Learn all that has to be put back, and whether the thread may be borrowed for @call: see
 * remote_call(). Nothing is changed.
 */
int loan_save(struct loan *loan, const struct target_call *call);

/* Write the frame on the thread's stack, and set the ptrace options for the call. */
int loan_begin(struct loan *loan, const struct target_call *call);

/* Put everything back; the thread is at a STOP_EVENT. */
int loan_end(struct loan *loan);

/* Only the ptrace options: the thread is left to come back by itself. */
int loan_leave(struct loan *loan);

/* A register by its offset. */
uint64_t loan_reg(const uint8_t *regs, uint16_t offset);
void loan_put_reg(uint8_t *regs, uint16_t offset, uint64_t value);

#endif

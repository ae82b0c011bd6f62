/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attempts of a surgery on a process that is not there: how long is waited between them, and what
 * is said if they come to nothing.
 */
#include <string.h>

#include <lcp/error.h>

#include "base/num.h"
#include "core/surgery.h"
#include "tap.h"
#include "target/target.h"

#define MS UINT64_C(1000000)
#define DEADLINE (2000 * MS)
#define SLEEPS_MAX 1000

/* Stops give the first code at first, and the other from number @turn on. */
static struct {
	struct target target;
	int first, then;
	uint32_t turn, stops;
	uint64_t stop_ns; /* of each */
	uint64_t clock;
	uint64_t sleeps[SLEEPS_MAX];
	size_t sleep_count;
	bool held, slept_held;
} fake;

static int hold(struct target *target, uint64_t deadline)
{
	(void)target;
	(void)deadline;
	fake.held = true;
	return 0;
}

static void release(struct target *target)
{
	(void)target;
	fake.held = false;
}

static void borrow(struct target *target)
{
	(void)target;
}

static int stop(struct target *target, uint64_t deadline)
{
	int r = ++fake.stops < fake.turn ? fake.first : fake.then;

	(void)deadline;
	fake.clock += fake.stop_ns;
	return r == 0 ? 0 : target_fail(target, r, "stop: told to fail");
}

static int resume(struct target *target)
{
	target->stop_ns = fake.stop_ns;
	return 0;
}

static uint64_t now(struct target *target)
{
	(void)target;
	return fake.clock;
}

static void sleep_for(struct target *target, uint64_t ns)
{
	(void)target;
	fake.slept_held = fake.slept_held || fake.held;
	if (fake.sleep_count < SLEEPS_MAX)
		fake.sleeps[fake.sleep_count++] = ns;
	fake.clock += ns;
}

static const struct target_ops ops = {
	.hold = hold,
	.release = release,
	.borrow = borrow,
	.give_back = borrow,
	.stop = stop,
	.resume = resume,
	.now = now,
	.sleep = sleep_for,
};

static int try_until_deadline(int first, int then, uint32_t turn)
{
	struct surgery surgery = {
		.target = &fake.target,
		.deadline = DEADLINE,
		.dry_run = true,
	};
	int r;

	fake.target = (struct target){ .ops = &ops };
	fake.first = first;
	fake.then = then;
	fake.turn = turn;
	fake.stops = 0;
	fake.clock = 0;
	r = surgery_run(&surgery);
	ok(fake.clock > DEADLINE * 9 / 10 && fake.clock <= DEADLINE && fake.stops > 2,
	   "it is tried until the deadline");
	return r;
}

static void test_reasons(void)
{
	is_int(try_until_deadline(-LCP_EINUSE, -LCP_EINUSE, 0), -LCP_EINUSE,
	       "threads that are in the way are the reason");
	is_int(try_until_deadline(-LCP_ESTOP, -LCP_ESTOP, 0), -LCP_ESTOP,
	       "so is one that does not stop");
	is_int(fake.target.fault.code, -LCP_ESTOP, "which is named");
	is_int(try_until_deadline(-LCP_EINUSE, -LCP_ESTOP, 5), -LCP_EINUSE,
	       "unless threads were in the way before");
	is_int(fake.target.fault.code, 0, "then that one is not named");
	is_int(try_until_deadline(-LCP_EINUSE, -LCP_ELOCKED, 5), -LCP_EINUSE,
	       "the same if another doctor is at work in the end");
	is_int(try_until_deadline(-LCP_ELOCKED, -LCP_EINUSE, 5), -LCP_EINUSE,
	       "or was at the beginning");
	is_int(try_until_deadline(-LCP_ELOCKED, -LCP_ELOCKED, 0), -LCP_ELOCKED,
	       "the other doctor is the reason if there is none but that");
}

static bool pauses_are(uint64_t stop_ns, const uint64_t *want, size_t count)
{
	struct surgery surgery = {
		.target = &fake.target,
		.deadline = DEADLINE,
		.dry_run = true,
		.attempts_max = (uint32_t)count + 1,
		.stop_limit_ns = stop_ns - 1,
	};

	fake.target = (struct target){ .ops = &ops };
	fake.then = 0;
	fake.turn = 0;
	fake.clock = 0;
	fake.stop_ns = stop_ns;
	fake.sleep_count = 0;
	return surgery_run(&surgery) == -LCP_ESTOP && surgery.attempts == count + 1 &&
	       fake.sleep_count == count && memcmp(fake.sleeps, want, count * sizeof(*want)) == 0;
}

static void test_pauses(void)
{
	const uint64_t least[] = { MS, 2 * MS, 4 * MS, 5 * MS, 5 * MS };
	const uint64_t share[] = { MS, 2 * MS, 4 * MS, 8 * MS, 16 * MS, 20 * MS, 20 * MS };
	const uint64_t most[] = { MS,	   2 * MS,  4 * MS,   8 * MS,  16 * MS,
				  32 * MS, 64 * MS, 100 * MS, 100 * MS };

	ok(pauses_are(MS / 100, least, ARRAY_SIZE(least)), "pauses double up to 5 ms at least");
	ok(pauses_are(MS / 5, share, ARRAY_SIZE(share)), "up to a hundred times what a stop takes");
	ok(pauses_are(5 * MS, most, ARRAY_SIZE(most)), "and to 100 ms at most");
	ok(!fake.slept_held, "nothing is held meanwhile");
}

int main(void)
{
	tap_begin();
	test_reasons();
	test_pauses();
	return tap_end();
}

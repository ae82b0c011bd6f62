/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Victims: processes that tests stop, change and let go of. A victim is a function that runs in a
 * child of the test and speaks lines: it reads what it is told and writes what it found.
 *
 *	static void count(void)
 *	{
 *		victim_say("ready");
 *		while (victim_hear("count"))
 *			victim_say("%u", counter);
 *	}
 *
 *	struct victim victim;
 *
 *	victim_start(&victim, count);
 *	is_text(victim_ask(&victim, "count"), "0", "it has not counted yet");
 *	victim_end(&victim);
 *
 * Whoever waits for a line waits for VICTIM_PATIENCE_MS at most, and then the test ends.
 */
#ifndef LCP_TESTS_VICTIM_H
#define LCP_TESTS_VICTIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define VICTIM_PATIENCE_MS 60000

struct victim {
	pid_t pid;
	int to;
	int from;
	char line[256];
};

/* Start @body, and wait until it says "ready". */
void victim_start(struct victim *victim, void (*body)(void));

/* The same with a victim that is no child of the test: who waits for any child does not find it. */
void victim_start_apart(struct victim *victim, void (*body)(void));

/* Tell it something. */
void victim_tell(struct victim *victim, const char *line);

/* The next line it says, without its end; "" if it has ended. Valid until the next one. */
const char *victim_listen(struct victim *victim);

/* Both. */
const char *victim_ask(struct victim *victim, const char *line);

/* Its state, 'S' and the like; 0 if it is gone. */
char victim_state(const struct victim *victim, pid_t tid);

/* No thread of it is traced, or stands still for a tracer. */
bool victim_is_free(const struct victim *victim);

/* Wait until @tid is in @state. */
void victim_await_state(const struct victim *victim, pid_t tid, char state);

/* Close its input, and wait for its end; kill it if it does not come. Returns its status. */
int victim_end(struct victim *victim);
int victim_kill(struct victim *victim);

/* Inside the victim. */

void victim_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Wait for a line: false if there is none any more. */
bool victim_hear(char *ret, size_t room);

/* Become another program, which hears on its descriptor 0 and speaks on 1. */
void victim_exec(const char *const *argv);

/* Become cat(1), which says what it hears. */
void victim_become_cat(void);

uint64_t now_ns(void);

#endif

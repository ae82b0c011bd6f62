/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions of the victims that patches change.
 */
#ifndef LCP_TESTS_PEERS_FUNCTIONS_H
#define LCP_TESTS_PEERS_FUNCTIONS_H

/* 10; with patches 11, 12, 13. */
int peers_value(void);
unsigned int peers_calls(void);

/* Wait for a byte. */
int peers_wait(int fd);

/* Call @yield, and return when that does. */
int peers_yield(void (*yield)(void));

/* The same, and it returns to where a branch at its entry would be. */
int peers_early(void (*yield)(void));

/* One and two, with their patch four and eight. They hold addresses of their own middle. */
int peers_stubborn(void);
int peers_obstinate(void);

/*
 * What the program remembers of a patch, and what makes it remember: nothing, with patches a text,
 * a function, data of them.
 */
extern const char *peers_text;
extern int (*peers_callback)(void);
extern int *peers_data;
void peers_keep(void);

/* 100, with its patch 110. */
int library_value(void);

/*
 * What victims do when they are told: victim.c hears the words of these tables, which end with
 * NULL.
 */
struct peers_word {
	const char *word;
	void (*answer)(void);
};
extern const struct peers_word peers_customs[], peers_surroundings[];

/* Listen until there is nothing more to hear. */
void peers_listen(void);

/* The end. exit_group(2) is not among the calls that strict seccomp lets pass. */
extern int peers_is_strict;
void peers_exit(void);

/* One line, without stdio's buffers: it works under a filter that lets nothing else pass. */
void peers_say(const char *text);
void peers_say_number(long number);

#endif

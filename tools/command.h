/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a subcommand of lcp is: a line in the table of lcp.c. Its help, and the check of its manual
 * page, are made from that line.
 *
 * To add one: a file lcp-NAME.c with its struct command, declared here, a line in the table of
 * lcp.c, and a page man/lcp-NAME.1.
 */
#ifndef TOOLS_COMMAND_H
#define TOOLS_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "output.h"

#define OPTION_VALUES_MAX 2

struct option {
	int id; /* the command's own, from 1; 0 ends a table */
	char letter; /* 0 if there is only the name */
	const char *name; /* NULL if there is only the letter */
	/*
	 * How help names its values, separated by a blank; "[=NAME]" if it may be left out; NULL if
	 * there is none.
	 */
	const char *values;
	const char *help; /* one sentence, without capital and full stop */
};

struct arguments;

struct command {
	const char *name;
	const char *help;
	const char *const *synopsis; /* what follows the name, a form each; NULL ends it */
	const struct option *const *shared; /* tables it has in common with others; NULL ends it */
	const struct option *options; /* its own; NULL: none */
	int (*run)(struct arguments *arguments, struct output *output);
};

extern const struct command command_apply;
extern const struct command command_build;
extern const struct command command_check;
extern const struct command command_info;
extern const struct command command_list;
extern const struct command command_query;
extern const struct command command_revert;
extern const struct command command_verify;

/* What arguments_next() returns beside the ids of options. */
#define ARGUMENT_END 0
#define ARGUMENT_WORD (-1) /* no option: values[0] */
#define ARGUMENT_STOP (-2) /* help was printed, or what is wrong: end with @status */

struct arguments {
	const struct command *command;
	struct output *output;
	char **argv;
	int argc;
	int at;
	const char *letters; /* what is left of "-vq" */
	bool only_words; /* "--" was seen */
	const char *values[OPTION_VALUES_MAX];
	int status;
};

/* The next argument. Options that all commands have are dealt with here. */
int arguments_next(struct arguments *arguments);

/* Say what is wrong with how the command was called: EXIT_USAGE. */
int arguments_wrong(struct arguments *arguments, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The value of an option as a number up to @max; false, with a message, if it is none. */
bool arguments_number(struct arguments *arguments, const char *option, uint32_t max, uint32_t *ret);

extern const struct option common_options[];

/* Of a command; of lcp itself for NULL. */
void help_print(const struct command *command);

/* The table of commands, which lcp.c has. */
void help_print_commands(void);

#endif

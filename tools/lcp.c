/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lcp, the command: a table of subcommands, each a small file over the library's interface.
 *
 *	lcp build --object server --id fix --compdb compile_commands.json -o fix.kpatch fix.patch
 */
#include <stdio.h>
#include <string.h>

#include "command.h"

static const struct command *const commands[] = {
	&command_apply,
	&command_build,
	&command_check,
	&command_info,
	&command_list,
	&command_query,
	&command_revert,
	&command_verify,
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

void help_print_commands(void)
{
	printf("usage: lcp COMMAND [ARGUMENT...]\n       lcp help [COMMAND]\n\n"
	       "Live code patching of running Linux processes.\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		printf("  %-28s  %s\n", commands[i]->name, commands[i]->help);
	printf("  %-28s  %s\n\n", "help [COMMAND]", "tell how to use a command");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static int run_command(struct arguments *arguments, const char *name)
{
	const struct command *command = find_command(name);

	if (command == NULL)
		return arguments_wrong(arguments, "there is no command '%s'", name);
	arguments->command = command;
	return command->run(arguments, arguments->output);
}

static int run_help(struct arguments *arguments)
{
	int next = arguments_next(arguments);
	const struct command *command = NULL;

	if (next == ARGUMENT_STOP)
		return arguments->status;
	if (next == ARGUMENT_WORD) {
		command = find_command(arguments->values[0]);
		if (command == NULL)
			return arguments_wrong(arguments, "there is no command '%s'",
					       arguments->values[0]);
	}
	help_print(command);
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	struct output output;
	struct arguments arguments = { .argv = argv, .argc = argc, .at = 1, .output = &output };
	int next;

	output_init(&output);
	next = arguments_next(&arguments);
	if (next == ARGUMENT_END)
		(void)arguments_wrong(&arguments, "which command?");
	else if (next == ARGUMENT_WORD && strcmp(arguments.values[0], "help") == 0)
		arguments.status = run_help(&arguments);
	else if (next == ARGUMENT_WORD)
		arguments.status = run_command(&arguments, arguments.values[0]);
	return output_end(arguments.status);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading the command line by a command's table of options, and printing that table as help.
 *
 * As in GNU programs: options and other words in any order, "--" ends the options, "--name=value",
 * letters together. A name is written in full: what is short today may be ambiguous tomorrow.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "util.h"

enum {
	COMMON_JSON = 1000,
	COMMON_QUIET,
	COMMON_VERBOSE,
	COMMON_VERSION,
	COMMON_HELP
};

const struct option common_options[] = {
	{ COMMON_JSON, 0, "json", NULL, "print the result as one JSON document" },
	{ COMMON_QUIET, 'q', "quiet", NULL, "print errors only; the exit status tells the result" },
	{ COMMON_VERBOSE, 'v', "verbose", NULL, "say more about what is done" },
	{ COMMON_VERSION, 0, "version", NULL, "print versions and features, and end" },
	{ COMMON_HELP, 'h', "help", NULL, "print this, and end" },
	{ 0 },
};

int arguments_wrong(struct arguments *arguments, const char *format, ...)
{
	const char *command = arguments->command != NULL ? arguments->command->name : NULL;
	va_list args;

	(void)fprintf(stderr, "lcp%s%s: ", command != NULL ? " " : "",
		      command != NULL ? command : "");
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fprintf(stderr, "\nTry: lcp %s%s--help\n", command != NULL ? command : "",
		      command != NULL ? " " : "");
	arguments->status = EXIT_USAGE;
	return EXIT_USAGE;
}

bool arguments_number(struct arguments *arguments, const char *option, uint32_t max, uint32_t *ret)
{
	const char *text = arguments->values[0];
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number > max) {
		(void)arguments_wrong(arguments, "%s: '%s' is not a number from 0 to %u", option,
				      text, max);
		return false;
	}
	*ret = (uint32_t)number;
	return true;
}

/* Its value may be left out, so it cannot be the next word. */
static bool takes_attached_only(const struct option *option)
{
	return option->values != NULL && option->values[0] == '[';
}

static int count_values(const struct option *option)
{
	int count = option->values != NULL;

	if (takes_attached_only(option))
		return 0;
	for (const char *at = option->values; at != NULL && (at = strchr(at, ' ')) != NULL; at++)
		count++;
	return count;
}

static const struct option *find(const struct option *options, const char *name, size_t size,
				 char letter)
{
	for (; options != NULL && options->id != 0; options++) {
		if (name == NULL ? letter == options->letter
				 : options->name != NULL && strlen(options->name) == size &&
					   strncmp(options->name, name, size) == 0)
			return options;
	}
	return NULL;
}

/* A table that the command shares with others, or NULL behind the last. */
static const struct option *shared_table(const struct command *command, int index)
{
	return command != NULL && command->shared != NULL ? command->shared[index] : NULL;
}

static const struct option *find_option(const struct arguments *arguments, const char *name,
					size_t size, char letter)
{
	const struct option *option = NULL;

	if (arguments->command != NULL)
		option = find(arguments->command->options, name, size, letter);
	for (int i = 0; option == NULL && shared_table(arguments->command, i) != NULL; i++)
		option = find(shared_table(arguments->command, i), name, size, letter);
	return option != NULL ? option : find(common_options, name, size, letter);
}

/* Options that every command has: the next argument, or ARGUMENT_STOP. */
static int take_common(struct arguments *arguments, int id)
{
	struct output *output = arguments->output;

	switch (id) {
	case COMMON_JSON:
		output->json = true;
		break;
	case COMMON_QUIET:
		output->quiet = true;
		break;
	case COMMON_VERBOSE:
		output->verbose = true;
		break;
	case COMMON_VERSION:
		output_version(output);
		return ARGUMENT_STOP;
	case COMMON_HELP:
		help_print(arguments->command);
		return ARGUMENT_STOP;
	default:
		return id;
	}
	return arguments_next(arguments);
}

/* @attached is the value that stands in the same word, or NULL. */
static int take_option(struct arguments *arguments, const struct option *option,
		       const char *attached, const char *as_written)
{
	int wanted = count_values(option), have = 0;

	if (attached != NULL && wanted == 0 && !takes_attached_only(option)) {
		(void)arguments_wrong(arguments, "%s takes no value", as_written);
		return ARGUMENT_STOP;
	}
	arguments->values[0] = NULL;
	if (attached != NULL)
		arguments->values[have++] = attached;
	while (have < wanted) {
		if (arguments->at == arguments->argc) {
			(void)arguments_wrong(arguments, "%s needs %s", as_written, option->values);
			return ARGUMENT_STOP;
		}
		arguments->values[have++] = arguments->argv[arguments->at++];
	}
	return take_common(arguments, option->id);
}

static int take_letter(struct arguments *arguments)
{
	const char as_written[] = { '-', *arguments->letters++, '\0' };
	const struct option *option = find_option(arguments, NULL, 0, as_written[1]);
	const char *attached = NULL;

	if (option == NULL) {
		(void)arguments_wrong(arguments, "unknown option %s", as_written);
		return ARGUMENT_STOP;
	}
	if (option->values != NULL) {
		if (*arguments->letters != '\0')
			attached = arguments->letters;
		arguments->letters = NULL;
	}
	return take_option(arguments, option, attached, as_written);
}

static int take_name(struct arguments *arguments, const char *word)
{
	size_t size = strcspn(word + 2, "=");
	autofree char *as_written = copy_bytes(word, size + 2);
	const struct option *option = find_option(arguments, word + 2, size, 0);

	if (option == NULL) {
		(void)arguments_wrong(arguments, "unknown option %s", as_written);
		return ARGUMENT_STOP;
	}
	return take_option(arguments, option, word[size + 2] == '=' ? word + size + 3 : NULL,
			   as_written);
}

int arguments_next(struct arguments *arguments)
{
	const char *word;

	if (arguments->letters != NULL && *arguments->letters != '\0')
		return take_letter(arguments);
	arguments->letters = NULL;
	if (arguments->at == arguments->argc)
		return ARGUMENT_END;

	word = arguments->argv[arguments->at++];
	if (!arguments->only_words && strcmp(word, "--") == 0) {
		arguments->only_words = true;
		return arguments_next(arguments);
	}
	if (!arguments->only_words && begins_with(word, "--"))
		return take_name(arguments, word);
	if (!arguments->only_words && word[0] == '-' && word[1] != '\0') {
		arguments->letters = word + 1;
		return take_letter(arguments);
	}
	arguments->values[0] = word;
	return ARGUMENT_WORD;
}

static void print_options(const struct option *options)
{
	for (; options != NULL && options->id != 0; options++) {
		autofree char *letter = options->letter != 0 ? format_text("-%c", options->letter)
							     : copy_text("");
		autofree char *left =
			format_text("%s%s%s%s%s%s", letter,
				    options->letter != 0 && options->name != NULL ? ", " : "",
				    options->name != NULL ? "--" : "",
				    options->name != NULL ? options->name : "",
				    count_values(options) > 0 ? " " : "",
				    options->values != NULL ? options->values : "");

		if (strlen(left) > 28)
			printf("  %s\n  %-28s  %s\n", left, "", options->help);
		else
			printf("  %-28s  %s\n", left, options->help);
	}
}

void help_print(const struct command *command)
{
	if (command == NULL) {
		help_print_commands();
		print_options(common_options);
		return;
	}
	for (const char *const *form = command->synopsis; *form != NULL; form++)
		printf("%s lcp %s %s\n", form == command->synopsis ? "usage:" : "      ",
		       command->name, *form);
	printf("\n%s\n\n", command->help);
	for (int i = 0; shared_table(command, i) != NULL; i++)
		print_options(shared_table(command, i));
	print_options(command->options);
	print_options(common_options);
}

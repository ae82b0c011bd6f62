/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The victim: it hears words on its input and does what they say. customs.c has those that keep it
 * busy, surroundings.c those that make it hard to patch. It makes no system call but read(2) and
 * write(2) if it is not told to.
 *
 *	value		what peers_value() returns
 *	library		what library_value() returns
 */
#include "functions.h"

#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef GREETING
#define GREETING "ready"
#endif

int peers_is_strict;

void peers_exit(void)
{
	(void)syscall(peers_is_strict ? SYS_exit : SYS_exit_group, 0);
}

void peers_say(const char *text)
{
	char line[128];
	size_t size = strlen(text);

	if (size > sizeof(line) - 1)
		size = sizeof(line) - 1;
	memcpy(line, text, size);
	line[size] = '\n';
	if (write(STDOUT_FILENO, line, size + 1) < 0)
		peers_exit();
}

void peers_say_number(long number)
{
	char digits[24], *at = digits + sizeof(digits) - 1;
	unsigned long rest = number < 0 ? -(unsigned long)number : (unsigned long)number;

	*at = '\0';
	do
		*--at = (char)('0' + rest % 10);
	while ((rest /= 10) != 0);
	if (number < 0)
		*--at = '-';
	peers_say(at);
}

static void say_value(void)
{
	peers_say_number(peers_value());
}

static void say_library(void)
{
#ifdef STANDALONE
	peers_say("none");
#else
	peers_say_number(library_value());
#endif
}

static const struct peers_word words[] = {
	{ "value", say_value },
	{ "library", say_library },
	{ NULL, NULL },
};

static int obey(const struct peers_word *table, const char *word)
{
	for (; table->word != NULL; table++)
		if (strcmp(table->word, word) == 0) {
			table->answer();
			return 1;
		}
	return 0;
}

static int hear(char *line, size_t room)
{
	for (size_t i = 0; i < room; i++) {
		ssize_t size;

		do
			size = read(STDIN_FILENO, &line[i], 1);
		while (size < 0);
		if (size == 0)
			return 0;
		if (line[i] == '\n') {
			line[i] = '\0';
			return 1;
		}
	}
	return 0;
}

void peers_listen(void)
{
	char line[64];

	while (hear(line, sizeof(line)))
		if (!obey(words, line) && !obey(peers_customs, line) &&
		    !obey(peers_surroundings, line))
			peers_say("what?");
}

int main(void)
{
	peers_say(GREETING);
	peers_listen();
	peers_exit();
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lcp-cc, a compiler that keeps the assembler text of what it compiles: called instead of gcc or
 * clang, it runs the real one, once to get that text and once to make the object of it. From the
 * texts of an original and of a patched build a patch is made.
 *
 * Under LibCare's names (libcare-cc, kpatch_cc) it is LibCare's wrapper: in the patched stage
 * objects are made of what kpatch_gensrc writes. It knows nothing of patches itself.
 */
#include "lcp-cc.h"

#include <stdarg.h>
#include <stdio.h>

void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)fputs("lcp-cc: ", stderr);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
	va_end(args);
	exit(OWN_ERROR);
}

static const struct words *appended(const struct settings *settings, const struct command *command)
{
	return settings->stage == STAGE_PATCHED && command->links ? &settings->appended : NULL;
}

/*
 * Make an object of each source. As the real compiler does, go on after one that failed, so that
 * all messages are seen; but not after a signal.
 */
static int build_units(const struct settings *settings, const struct command *command,
		       const struct words *objects)
{
	int r = 0;

	for (size_t i = 0; i < command->sources.count && r >= 0; i++) {
		int status = unit_build(settings, command, &command->sources.items[i],
					objects->items[i]);

		if (status != 0)
			r = status;
	}
	return r;
}

/* What the real compiler does with objects and with sources that are not compared. */
static int build_rest(const struct settings *settings, const struct command *command,
		      const struct words *objects)
{
	const struct words *more = appended(settings, command);
	autowords struct words words = { 0 };

	command_rest(command, settings, objects, &words);
	for (size_t i = 0; more != NULL && i < more->count; i++)
		words_add(&words, more->items[i]);
	return run(settings, &words, NULL);
}

static int build(const struct settings *settings, const struct command *command)
{
	autowords struct words objects = { 0 };
	int r;

	for (size_t i = 0; i < command->sources.count; i++)
		words_take(&objects, unit_object(settings, command, i));
	r = build_units(settings, command, &objects);
	if (r == 0 && (command->links || command->others))
		r = build_rest(settings, command, &objects);
	for (size_t i = 0; command->links && i < objects.count; i++)
		unit_end(settings, command, &command->sources.items[i], objects.items[i]);
	return r;
}

static int wrap(char *const *argv)
{
	autosettings struct settings settings = { 0 };
	autocommand struct command command = { 0 };

	settings_init(&settings, argv[0]);
	if (settings.stage == STAGE_CONFIGURE)
		run_instead(&settings, argv + 1, NULL);
	command_init(&command, &settings, argv + 1);
	if (command.plain)
		run_instead(&settings, argv + 1, appended(&settings, &command));
	run_prepare();
	return build(&settings, &command);
}

int main(int argc, char **argv)
{
	if (argc == 0)
		return OWN_ERROR;
	run_finish(wrap(argv));
}

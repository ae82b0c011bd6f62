/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of lcp-cc tell each other. They stand in the order in which they work: settings
 * (the environment), command (the command line), unit (one source file), run (other programs).
 */
#ifndef TOOLS_LCP_CC_H
#define TOOLS_LCP_CC_H

#include <stdbool.h>
#include <stddef.h>

#include "util.h"

/* Our own errors, told from those of the compiler; LibCare's wrapper has the same number. */
#define OWN_ERROR 129

/* Print "lcp-cc: ..." and end. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

enum stage {
	STAGE_CONFIGURE, /* be the real compiler */
	STAGE_ORIGINAL, /* keep the assembler text of what runs in production */
	STAGE_PATCHED, /* the same of the patched source */
};

struct settings {
	enum stage stage;
	bool classic; /* called by a name of LibCare: patches are made by kpatch_gensrc */
	bool verbose;
	bool asm_sources; /* assembler sources are compared too; classic only */
	struct words compiler; /* the real one: a command of one or more words */
	bool is_clang; /* by its name; what is not clang is gcc */
	const char *prefix; /* of the names of assembler files */
	const char *asm_dir; /* where they are kept, NULL: beside the objects */
	char *gensrc;
	struct words filter, diff; /* arguments of gensrc: clean one file, compare two */
	struct words removed; /* arguments the compiler is not to see */
	struct words appended; /* arguments of a link in the patched stage */
};

void settings_init(struct settings *settings, const char *name);
void settings_fini(struct settings *settings);

#define autosettings __attribute__((cleanup(settings_fini)))

enum language {
	LANGUAGE_NONE, /* nothing we compare: objects, libraries, headers, Fortran */
	LANGUAGE_CODE, /* compiled: C, C++ */
	LANGUAGE_ASM, /* assembler text */
	LANGUAGE_ASM_CPP, /* the same for the preprocessor */
};

/* A source file on a command line. */
struct source {
	size_t at; /* its index in the words of the command */
	const char *path; /* "-": standard input */
	const char *x; /* the argument of the -x before it, or NULL */
	enum language language;
};

struct sources {
	struct source *items;
	size_t count;
	size_t room;
};

/* A command line, understood. */
struct command {
	struct words words; /* without the name; response files are replaced by what they hold */
	struct sources sources; /* those to be compared */
	const char *output; /* of -o, or NULL */
	bool plain; /* not for us: nothing to compare comes out of it */
	bool stops_early; /* before there is an object: -E, -S, --version */
	bool links;
	bool others; /* it has inputs that are none of our sources */
	bool makes_deps; /* -MD, -MMD */
	bool makes_deps_cpp; /* -Wp,-MD,FILE: gcc names no target after the output */
	bool names_deps; /* -MF */
	bool names_target; /* -MT, -MQ */
	const char *save_temps; /* "obj", "cwd", or NULL */
	bool names_aux; /* other options that name files after the output */
};

void command_init(struct command *command, const struct settings *settings, char *const *argv);
void command_fini(struct command *command);

#define autocommand __attribute__((cleanup(command_fini)))

/* The command to compile, or to assemble, with; what is to be done and where to is left to add. */
void command_compiling(const struct command *command, const struct settings *settings,
		       const struct source *source, struct words *ret);
void command_assembling(const struct command *command, const struct settings *settings,
			struct words *ret);

/* What is left once the sources are objects; objects[i] is that of sources.items[i]. */
void command_rest(const struct command *command, const struct settings *settings,
		  const struct words *objects, struct words *ret);

/* The file name of @path without directory and without its last suffix. */
char *stem(const char *path);

/* The object that @source becomes; while linking, one of ours beside the output. */
char *unit_object(const struct settings *settings, const struct command *command, size_t source);

/* Make @object of @source, keeping the assembler text. As run(). */
int unit_build(const struct settings *settings, const struct command *command,
	       const struct source *source, const char *object);

/* The program is linked: its @object is no longer needed, unless temporary files are to be kept. */
void unit_end(const struct settings *settings, const struct command *command,
	      const struct source *source, const char *object);

/* Hold back the signals that end us until run_finish, so that what is temporary can be removed. */
void run_prepare(void);

/*
 * Run a command, with @input (NULL: our own) as standard input. Its exit status; a signal that
 * ended it, or us, as a negative number.
 */
int run(const struct settings *settings, const struct words *words, const char *input);

/* Become the command: the real compiler with @argv behind its words, then @appended. */
void run_instead(const struct settings *settings, char *const *argv, const struct words *appended)
	__attribute__((noreturn));

/* End as the command of @r did: with its exit status, or by its signal. */
void run_finish(int r) __attribute__((noreturn));

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One source file: compile it to assembler text that is kept, make the object of that text.
 *
 * The text's name follows the object, not the source: .libs/foo.o and foo.o are two units, and so
 * are objects of one name in several directories. In the object a section that is not loaded,
 * .lcp.asm, names the text; linkers join these, so that a program names all its units. LibCare's
 * way has no such section: there the patch itself is in the object.
 */
#include "lcp-cc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

char *stem(const char *path)
{
	const char *base = base_name(path);
	const char *dot = strrchr(base, '.');

	return dot == NULL || dot == base ? copy_text(base)
					  : copy_bytes(base, (size_t)(dot - base));
}

/* How many sources before @source have its stem: a/x.c and b/x.c. */
static size_t namesakes(const struct command *command, size_t source)
{
	autofree char *name = stem(command->sources.items[source].path);
	size_t count = 0;

	for (size_t i = 0; i < source; i++) {
		autofree char *other = stem(command->sources.items[i].path);

		count += strcmp(name, other) == 0;
	}
	return count;
}

char *unit_object(const struct settings *settings, const struct command *command, size_t source)
{
	autofree char *name = stem(command->sources.items[source].path);
	const char *output = command->output != NULL ? command->output : "a.out";
	size_t before = namesakes(command, source);
	autofree char *directory = NULL, *program = NULL, *number = NULL;

	if (!command->links)
		return command->output != NULL ? copy_text(output) : format_text("%s.o", name);

	/* As gcc names what it keeps of a compilation that links: PROGRAM-SOURCE. */
	directory = path_parent(output);
	program = stem(output);
	number = before > 0 ? format_text("-%zu", before + 1) : copy_text("");
	if (settings->classic && strcmp(program, name) == 0)
		return format_text("%s/%s%s%s.o", directory, settings->prefix, name, number);
	return format_text("%s/%s%s-%s%s.o", directory, settings->prefix, program, name, number);
}

/* Make @path a directory, with those above it. */
static void make_directories(const char *path)
{
	autofree char *parent = path_parent(path);

	if (mkdir(path, 0777) == 0 || errno == EEXIST)
		return;
	if (errno != ENOENT || strcmp(parent, path) == 0)
		fail("cannot make directory %s: %s", path, strerror(errno));
	make_directories(parent);
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		fail("cannot make directory %s: %s", path, strerror(errno));
}

/*
 * Where the text of @object is kept: beside it, or in a directory that repeats the tree from /
 * on.
 */
static char *asm_directory(const struct settings *settings, const char *object)
{
	autofree char *parent = path_parent(object);
	autofree char *real = realpath(parent, NULL);
	autofree char *kept = NULL, *directory = NULL;

	if (real == NULL)
		fail("%s: %s", parent, strerror(errno));
	if (settings->asm_dir == NULL)
		return take(real);
	kept = path_real(".", settings->asm_dir);
	directory = format_text("%s%s", kept, real);
	make_directories(directory);
	return take(directory);
}

/*
 * The name of a unit: that of its object. Only .o is cut off: foo.os and foo.lo are others than
 * foo.o.
 */
static char *unit_name(const struct settings *settings, const char *object)
{
	const char *base = base_name(object);

	if (begins_with(base, settings->prefix))
		base += strlen(settings->prefix);
	return copy_bytes(base, strlen(base) - (ends_with(base, ".o") ? 2 : 0));
}

/* @name in the directory of @path, spelled as @path is. */
static char *beside(const char *path, const char *name)
{
	return format_text("%.*s%s", (int)(base_name(path) - path), path, name);
}

static void add_pair(struct words *words, const char *option, char *argument)
{
	words_add(words, option);
	words_take(words, argument);
}

/* Dependencies are to be those of the object: the compiler is told of the text only. */
static void add_deps(const struct settings *settings, const struct command *command,
		     const struct source *source, struct words *ret)
{
	autofree char *name = stem(command->output != NULL ? command->output : source->path);
	autofree char *file = format_text("%s.d", name);

	if (!command->names_target)
		add_pair(ret, "-MQ",
			 command->output != NULL ? copy_text(command->output)
						 : format_text("%s.o", name));
	if (command->names_deps || !command->makes_deps)
		return;
	if (command->output != NULL)
		add_pair(ret, "-MF", beside(command->output, file));
	else if (command->links && !settings->is_clang)
		add_pair(ret, "-MF", format_text("a-%s", file));
	else
		add_pair(ret, "-MF", take(file));
}

/* The beginning of the names of what gcc makes beside the output; clang knows the source only. */
static char *aux_name(const struct settings *settings, const struct command *command,
		      const struct source *source, const char *object)
{
	const char *how = command->save_temps != NULL ? command->save_temps : "";
	bool in_cwd = strcmp(how, "cwd") == 0 || (*how == '\0' && settings->is_clang);
	autofree char *name = settings->is_clang ? stem(source->path) : unit_name(settings, object);

	return in_cwd ? take(name) : beside(object, name);
}

/* gcc is told what the output would have been called; clang has no such option. */
static void add_aux(const struct settings *settings, const struct command *command,
		    const struct source *source, const char *object, struct words *ret)
{
	autofree char *name = NULL, *directory = NULL;
	const char *end = strrchr(base_name(source->path), '.');

	if ((command->save_temps == NULL && !command->names_aux) || settings->is_clang)
		return;
	if (end == NULL)
		end = ".c";
	name = aux_name(settings, command, source, object);
	directory = path_parent(name);
	add_pair(ret, "-dumpdir", format_text("%s/", directory));
	add_pair(ret, "-dumpbase", format_text("%s%s", base_name(name), end));
	add_pair(ret, "-dumpbase-ext", copy_text(end));
}

static int copy_file(const char *from, const char *to)
{
	autotext struct text text = { 0 };

	(void)unlink(to);
	if (read_file(from, &text) < 0 || write_file(to, text.bytes, text.size) < 0)
		fail("cannot copy %s to %s: %s", from, to, strerror(errno));
	return 0;
}

/* Have the compiler write the text of @source to @path. */
static int compile(const struct settings *settings, const struct command *command,
		   const struct source *source, const char *object, const char *path)
{
	autowords struct words words = { 0 };
	autofree char *aux = NULL, *temp = NULL;
	int r;

	if (source->language == LANGUAGE_ASM && strcmp(source->path, "-") != 0)
		return copy_file(source->path, path);

	command_compiling(command, settings, source, &words);
	words_add(&words, source->language == LANGUAGE_CODE ? "-S" : "-E");
	add_pair(&words, "-o", copy_text(path));
	if (command->makes_deps || (command->makes_deps_cpp && settings->is_clang))
		add_deps(settings, command, source, &words);
	add_aux(settings, command, source, object, &words);
	r = run(settings, &words, NULL);
	if (r != 0 || command->save_temps == NULL)
		return r;
	aux = aux_name(settings, command, source, object);
	temp = format_text("%s.s", aux);
	return copy_file(path, temp);
}

/* Text in the quotes of the assembler. */
static void put_quoted(struct text *text, const char *string)
{
	text_puts(text, "\"");
	for (; *string != '\0'; string++) {
		if (*string == '"' || *string == '\\')
			text_puts(text, "\\");
		text_put(text, string, 1);
	}
	text_puts(text, "\"\n");
}

/* Make @object of the text at @path. What names the text is added here and is not in it. */
static int assemble(const struct settings *settings, const struct command *command,
		    const char *path, const char *object)
{
	autowords struct words words = { 0 };
	autotext struct text text = { 0 };

	command_assembling(command, settings, &words);
	words_add(&words, "-c");
	add_pair(&words, "-o", copy_text(object));
	add_pair(&words, "-x", copy_text("assembler"));
	words_add(&words, settings->classic ? path : "-");
	if (settings->classic)
		return run(settings, &words, NULL);

	text_puts(&text, "\t.include ");
	put_quoted(&text, path);
	text_puts(&text, "\t.section .lcp.asm,\"\",@progbits\n\t.asciz ");
	put_quoted(&text, path);
	return run(settings, &words, text.bytes);
}

/* Run gensrc with @arguments on one or two files. */
static int gensrc(const struct settings *settings, const struct words *arguments,
		  const char *original, const char *patched, const char *output)
{
	autowords struct words words = { 0 };
	int r;

	words_add(&words, settings->gensrc);
	for (size_t i = 0; i < arguments->count; i++)
		words_add(&words, arguments->items[i]);
	if (original != NULL)
		add_pair(&words, "-i", copy_text(original));
	add_pair(&words, "-i", copy_text(patched));
	add_pair(&words, "-o", copy_text(output));
	r = run(settings, &words, NULL);
	return r > 0 ? OWN_ERROR : r;
}

/*
 * LibCare's filter of debug information, if it is asked for: @path is replaced by what it leaves.
 */
static int filter(const struct settings *settings, const char *path)
{
	autofree char *filtered = format_text("%s.filtered", path);
	int r;

	if (settings->filter.count == 0)
		return 0;
	r = gensrc(settings, &settings->filter, NULL, path, filtered);
	if (r == 0 && rename(filtered, path) != 0)
		fail("cannot rename %s: %s", filtered, strerror(errno));
	if (r != 0)
		(void)unlink(filtered);
	return r;
}

/*
 * LibCare's patched stage: an object that holds the original and the patch. A unit that was not
 * there before is compared to nothing.
 */
static int assemble_both(const struct settings *settings, const struct command *command,
			 const char *directory, const char *name, const char *object)
{
	autofree char *original = format_text("%s/%s%s.original.s", directory, settings->prefix,
					      name);
	autofree char *patched = format_text("%s/%s%s.patched.s", directory, settings->prefix,
					     name);
	autofree char *both = format_text("%s/%s%s.s", directory, settings->prefix, name);
	int r;

	r = gensrc(settings, &settings->diff, access(original, F_OK) == 0 ? original : "/dev/null",
		   patched, both);
	return r != 0 ? r : assemble(settings, command, both, object);
}

int unit_build(const struct settings *settings, const struct command *command,
	       const struct source *source, const char *object)
{
	bool patched = settings->stage == STAGE_PATCHED;
	autofree char *directory = asm_directory(settings, object);
	autofree char *name = unit_name(settings, object);
	autofree char *path = format_text("%s/%s%s.%s.s", directory, settings->prefix, name,
					  patched ? "patched" : "original");
	int r;

	r = compile(settings, command, source, object, path);
	if (r == 0 && settings->classic)
		r = filter(settings, path);
	if (r == 0 && settings->classic && patched)
		r = assemble_both(settings, command, directory, name, object);
	else if (r == 0)
		r = assemble(settings, command, path, object);
	/* No object of an earlier time is to pass for one of this source. */
	if (r != 0)
		(void)unlink(object);
	return r;
}

void unit_end(const struct settings *settings, const struct command *command,
	      const struct source *source, const char *object)
{
	autofree char *name = NULL, *temp = NULL;

	if (command->save_temps == NULL) {
		(void)unlink(object);
		return;
	}
	name = aux_name(settings, command, source, object);
	temp = format_text("%s.o", name);
	(void)rename(object, temp);
}

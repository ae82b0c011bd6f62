/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Understand the command line of a compiler, of gcc and of clang alike: which words are sources,
 * which belong to an option, what is asked for. And put new command lines together from its
 * words: to compile, to assemble, to do the rest.
 *
 * What is not known here is left to the real compiler: a word that begins with - is an option
 * without an argument of its own, and goes into compiling and linking.
 */
#include "lcp-cc.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A response file may name another; a circle has to end. */
#define RESPONSE_DEPTH 10

/*
 * Options whose argument is the next word. Those that take it joined too have a word of their own
 * then.
 */
static const char *const separate[] = {
	"-o",
	"-x",
	"-D",
	"-U",
	"-I",
	"-L",
	"-l",
	"-B",
	"-A",
	"-F",
	"-G",
	"-T",
	"-V",
	"-b",
	"-e",
	"-h",
	"-u",
	"-z",
	"-Xlinker",
	"-Xassembler",
	"-Xpreprocessor",
	"-Xclang",
	"-Xanalyzer",
	"-mllvm",
	"-target",
	"-arch",
	"-isystem",
	"-iquote",
	"-idirafter",
	"-include",
	"-imacros",
	"-iprefix",
	"-iwithprefix",
	"-iwithprefixbefore",
	"-isysroot",
	"-imultilib",
	"-iframework",
	"-framework",
	"-include-pch",
	"-ivfsoverlay",
	"-cxx-isystem",
	"-stdlib++-isystem",
	"-MF",
	"-MT",
	"-MQ",
	"-MJ",
	"-aux-info",
	"-dumpbase",
	"-dumpbase-ext",
	"-dumpdir",
	"-wrapper",
	"-Tbss",
	"-Tdata",
	"-Ttext",
	"-rpath",
	"-dependency-file",
	"-serialize-diagnostics",
	"--serialize-diagnostics",
	"--param",
	"--sysroot",
	"--output",
	"--language",
	"--include",
	"--imacros",
};

/*
 * Words after which no object is made, or none with code in it. Those that end in * are
 * beginnings.
 */
static const char *const plain_words[] = {
	"-E",
	"-S",
	"-M",
	"-MM",
	"-###",
	"-fsyntax-only",
	"-emit-llvm",
	"-print-*",
	"--print-*",
	"--help*",
	"--target-help",
	"--version",
	"-dumpversion",
	"-dumpfullversion",
	"-dumpmachine",
	"-dumpspecs",
	"--preprocess",
	"--assemble",
};

/* Words that say how to assemble; the compiler has heeded the others. */
static const char *const assembling[] = {
	"-m*",
	"-Wa,*",
	"-B*",
	"-I*",
	"--sysroot*",
	"--target=*",
	"--gcc-toolchain=*",
	"-specs=*",
	"--specs=*",
	"-gz*",
	"-gsplit-dwarf*",
	"-fPIC",
	"-fpic",
	"-fPIE",
	"-fpie",
	"-integrated-as",
	"-no-integrated-as",
	"-fintegrated-as",
	"-fno-integrated-as",
	"-ffile-prefix-map=*",
	"-fdebug-prefix-map=*",
	"-Xassembler",
	"-target",
	"-mllvm",
	"-V",
	"-b",
	"-wrapper",
};

/* Words that make files named after the output. */
static const char *const auxiliary[] = {
	"-gsplit-dwarf*", "--coverage",	   "-coverage", "-ftest-coverage",
	"-fprofile-arcs", "-fstack-usage", "-fdump-*",	"-fcallgraph-info*",
};

/* The last one counts. */
static const char *const lto_words[] = { "-flto", "-flto=*", "-fno-lto" };

static bool matches(const char *word, const char *pattern)
{
	size_t size = strlen(pattern);

	if (pattern[size - 1] == '*')
		return strncmp(word, pattern, size - 1) == 0;
	return strcmp(word, pattern) == 0;
}

static bool listed(const char *word, const char *const *patterns, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (matches(word, patterns[i]))
			return true;
	return false;
}

static bool has_argument(const char *word)
{
	return listed(word, separate, COUNT(separate));
}

/* Words that stand together from @at on: an option and its argument are two. */
static size_t together(const struct words *words, size_t at)
{
	return has_argument(words->items[at]) && at + 1 < words->count ? 2 : 1;
}

static bool is_input(const char *word)
{
	return word[0] != '-' || word[1] == '\0';
}

/*
 * The words of a response file as the compilers read it: blanks separate, quotes hold together,
 * and a backslash takes the meaning of the next character, within quotes too.
 */
static void split_quoted(const char *at, struct words *ret)
{
	for (;;) {
		autotext struct text word = { 0 };
		char quote = '\0';

		while (isspace((unsigned char)*at))
			at++;
		if (*at == '\0')
			return;
		for (; *at != '\0' && (quote != '\0' || !isspace((unsigned char)*at)); at++) {
			if (*at == '\\' && at[1] != '\0')
				text_put(&word, ++at, 1);
			else if (*at == quote)
				quote = '\0';
			else if (quote == '\0' && (*at == '"' || *at == '\''))
				quote = *at;
			else
				text_put(&word, at, 1);
		}
		words_take(ret, text_take(&word));
	}
}

/* Add @word, or for @FILE what is in the file. One that cannot be read is an ordinary word. */
static void add_expanded(struct words *words, const char *word, unsigned int depth)
{
	autowords struct words inner = { 0 };
	autotext struct text text = { 0 };

	if (word[0] != '@' || depth == RESPONSE_DEPTH || read_file(word + 1, &text) < 0) {
		words_add(words, word);
		return;
	}
	split_quoted(text.bytes, &inner);
	for (size_t i = 0; i < inner.count; i++)
		add_expanded(words, inner.items[i], depth + 1);
}

/* What a file is, by its name's end or by the -x before it. */
static enum language language_of(const char *path, const char *x)
{
	static const struct {
		const char *x; /* argument of -x */
		const char *ends; /* ends of names, each followed by a blank */
		enum language language;
	} kinds[] = {
		{ "c", ".c ", LANGUAGE_CODE },
		{ "cpp-output", ".i ", LANGUAGE_CODE },
		{ "c++", ".cc .cp .cxx .cpp .CPP .c++ .C ", LANGUAGE_CODE },
		{ "c++-cpp-output", ".ii ", LANGUAGE_CODE },
		{ "assembler", ".s ", LANGUAGE_ASM },
		{ "assembler-with-cpp", ".S .sx ", LANGUAGE_ASM_CPP },
	};
	const char *dot = strrchr(base_name(path), '.');
	autofree char *end = format_text("%s ", dot != NULL ? dot : "?");

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (x != NULL ? strcmp(x, kinds[i].x) == 0 : strstr(kinds[i].ends, end) != NULL)
			return kinds[i].language;
	return LANGUAGE_NONE;
}

static void add_input(struct command *command, const struct settings *settings, size_t at,
		      const char *x)
{
	const char *path = command->words.items[at];
	enum language language = language_of(path, x);

	/* The compilers differ in what they still do; each is to say so itself. */
	if (strcmp(path, "-") != 0 && access(path, R_OK) != 0)
		command->plain = true;
	if (language == LANGUAGE_CODE || (language != LANGUAGE_NONE && settings->asm_sources)) {
		struct source source = { .at = at, .path = path, .x = x, .language = language };

		append(&command->sources, source);
	} else {
		command->others = true;
	}
}

/*
 * The argument of the option at @at, which is joined to it or the next word; NULL if there is
 * none.
 */
static const char *argument(const struct words *words, size_t at, const char *option)
{
	const char *word = words->items[at];

	if (strcmp(word, option) == 0)
		return at + 1 < words->count ? words->items[at + 1] : NULL;
	return begins_with(word, option) ? word + strlen(option) : NULL;
}

static void read_save_temps(struct command *command, const char *word)
{
	const char *how = word + strspn(word, "-");

	if (strcmp(how, "save-temps") == 0)
		command->save_temps = "";
	else if (begins_with(how, "save-temps="))
		command->save_temps = how + strlen("save-temps=");
}

/* One option that is not -x. */
static void read_option(struct command *command, size_t at)
{
	const struct words *words = &command->words;
	const char *word = words->items[at];

	if (argument(words, at, "-o") != NULL)
		command->output = argument(words, at, "-o");
	else if (argument(words, at, "--output") != NULL)
		command->output = argument(words, at, "--output") + (word[8] == '=');
	else if (strcmp(word, "-c") == 0 || strcmp(word, "--compile") == 0)
		command->links = false;
	else if (listed(word, plain_words, COUNT(plain_words)))
		command->stops_early = true;
	else if (strcmp(word, "-MD") == 0 || strcmp(word, "-MMD") == 0)
		command->makes_deps = true;
	else if (begins_with(word, "-Wp,-MD,") || begins_with(word, "-Wp,-MMD,"))
		command->makes_deps_cpp = true;
	else if (begins_with(word, "-MF"))
		command->names_deps = true;
	else if (begins_with(word, "-MT") || begins_with(word, "-MQ"))
		command->names_target = true;
	else if (listed(word, auxiliary, COUNT(auxiliary)))
		command->names_aux = true;
	else
		read_save_temps(command, word);
}

static void read_words(struct command *command, const struct settings *settings)
{
	const struct words *words = &command->words;
	const char *x = NULL;
	bool lto = false;

	for (size_t at = 0; at < words->count; at += together(words, at)) {
		const char *word = words->items[at];

		if (is_input(word)) {
			add_input(command, settings, at, x);
		} else if (begins_with(word, "-x") && argument(words, at, "-x") != NULL) {
			x = argument(words, at, "-x");
			if (strcmp(x, "none") == 0)
				x = NULL;
		} else if (listed(word, lto_words, COUNT(lto_words))) {
			lto = word[2] == 'l';
		} else {
			read_option(command, at);
		}
	}
	/* Then the code is made while linking; the text has none. */
	command->plain |= lto;
}

/* Configure scripts try the compiler; what they compile is no part of the project. */
static bool is_trial(const struct words *words)
{
	for (size_t i = 0; i < words->count; i++)
		if (strstr(words->items[i], "conftest.") != NULL ||
		    strstr(words->items[i], "qemu-conf") != NULL)
			return true;
	return false;
}

/* Such as /dev/null, or a directory, about which the real compiler is to complain. */
static bool is_special(const char *output)
{
	autofree char *directory = path_parent(output);
	struct stat file, parent;

	if (stat(directory, &parent) != 0 || !S_ISDIR(parent.st_mode))
		return true;
	return stat(output, &file) == 0 && !S_ISREG(file.st_mode);
}

void command_init(struct command *command, const struct settings *settings, char *const *argv)
{
	*command = (struct command){ .links = true };
	for (; *argv != NULL; argv++)
		add_expanded(&command->words, *argv, 0);
	read_words(command, settings);

	if (command->sources.count == 0 || is_trial(&command->words))
		command->plain = true;
	if (command->output != NULL && is_special(command->output))
		command->plain = true;
	/* One output for many objects is an error. */
	if (!command->links && command->output != NULL &&
	    command->sources.count + command->others > 1)
		command->plain = true;
	if (command->stops_early)
		command->plain = true;
	command->links &= !command->stops_early && (command->sources.count > 0 || command->others);
}

void command_fini(struct command *command)
{
	words_fini(&command->words);
	free(command->sources.items);
}

static void add_compiler(const struct settings *settings, struct words *ret)
{
	for (size_t i = 0; i < settings->compiler.count; i++)
		words_add(ret, settings->compiler.items[i]);
}

static void add_range(const struct words *from, size_t at, size_t count, struct words *ret)
{
	for (size_t i = at; i < at + count; i++)
		words_add(ret, from->items[i]);
}

/* clang warns of words that are for another step: each step here gets those of all. */
static void add_silence(const struct settings *settings, struct words *ret)
{
	if (settings->is_clang)
		words_add(ret, "-Wno-unused-command-line-argument");
}

/*
 * Words that name the input's language or the output, or say where to stop: new ones come for
 * them.
 */
static bool is_renewed(const char *word)
{
	return begins_with(word, "-x") || begins_with(word, "-o") ||
	       begins_with(word, "--output") || strcmp(word, "-c") == 0 ||
	       strcmp(word, "--compile") == 0;
}

void command_compiling(const struct command *command, const struct settings *settings,
		       const struct source *source, struct words *ret)
{
	const struct words *words = &command->words;

	add_compiler(settings, ret);
	for (size_t at = 0; at < words->count; at += together(words, at)) {
		const char *word = words->items[at];

		if (at == source->at) {
			if (source->x != NULL) {
				words_add(ret, "-x");
				words_add(ret, source->x);
			}
			words_add(ret, word);
		} else if (!is_input(word) && !is_renewed(word) &&
			   !words_have(&settings->removed, word)) {
			add_range(words, at, together(words, at), ret);
		}
	}
	if (command->links)
		add_silence(settings, ret);
}

void command_assembling(const struct command *command, const struct settings *settings,
			struct words *ret)
{
	const struct words *words = &command->words;

	add_compiler(settings, ret);
	for (size_t at = 0; at < words->count; at += together(words, at))
		if (listed(words->items[at], assembling, COUNT(assembling)))
			add_range(words, at, together(words, at), ret);
	add_silence(settings, ret);
}

/* While linking the object takes the place of its source; otherwise it is done. */
static void add_object(const struct source *source, const char *object, struct words *ret)
{
	if (source->x != NULL) {
		words_add(ret, "-x");
		words_add(ret, "none");
	}
	words_add(ret, object);
	if (source->x != NULL) {
		words_add(ret, "-x");
		words_add(ret, source->x);
	}
}

void command_rest(const struct command *command, const struct settings *settings,
		  const struct words *objects, struct words *ret)
{
	const struct words *words = &command->words;
	size_t next = 0;

	add_compiler(settings, ret);
	for (size_t at = 0; at < words->count; at += together(words, at)) {
		if (next < command->sources.count && command->sources.items[next].at == at) {
			if (command->links)
				add_object(&command->sources.items[next], objects->items[next],
					   ret);
			next++;
		} else {
			add_range(words, at, together(words, at), ret);
		}
	}
	add_silence(settings, ret);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making a recorded compiler command into one that writes assembler text. It knows the options of
 * gcc and clang that take a separate value, and which of all belong to what the command made.
 */
#include <string.h>

#include "compdb.h"

/* Options whose value may be the next word. */
static const char *const keep_with_value[] = {
	"-D",		"-U",	      "-I",	      "-isystem",
	"-iquote",	"-idirafter", "-include",     "-imacros",
	"-iprefix",	"-isysroot",  "-iwithprefix", "-iwithprefixbefore",
	"-x",		"--param",    "-Xclang",      "-target",
	"-B",		"--sysroot",  "-mllvm",	      "-include-pch",
	"-ivfsoverlay", "-arch",      "-cxx-isystem", "-Xpreprocessor",
	"-imultilib",	"-A",	      "-specs",
};

static const char *const drop_with_value[] = {
	"-o",
	"-MF",
	"-MT",
	"-MQ",
	"-MJ",
	"-L",
	"-l",
	"-T",
	"-u",
	"-z",
	"-e",
	"-Xlinker",
	"-Xassembler",
	"-aux-info",
	"-dumpbase",
	"-dumpbase-ext",
	"-dumpdir",
	"-G",
	"-wrapper",
	"--serialize-diagnostics",
	"-index-store-path",
	"-index-unit-output-path",
};

/* The same with the value in the same word, and options that stand alone. */
static const char *const drop_prefixes[] = {
	"-save-temps", "--save-temps", "-Wl,",	  "-Wp,-M",   "-MF",	   "-MT",
	"-MQ",	       "-MJ",	       "-fdump-", "-dumpdir", "-dumpbase", "-fuse-ld",
};

static const char *const drop[] = {
	"-c",	 "-S",	"-E",  "-M", "-MM",	      "-MD",	       "-MMD",
	"-MP",	 "-MG", "-MV", "-s", "-fsyntax-only", "-fstack-usage", "-rdynamic",
	"-pipe",
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool is_one_of(const char *const *table, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(table[i], word) == 0)
			return true;
	return false;
}

static bool begins_with_one_of(const char *const *table, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (begins_with(word, table[i]))
			return true;
	return false;
}

/* -oFILE, -LDIR and -lNAME in one word; -object-... and the like are none of gcc's or clang's. */
static bool is_dropped(const char *word)
{
	return is_one_of(drop, COUNT(drop), word) ||
	       begins_with_one_of(drop_prefixes, COUNT(drop_prefixes), word) ||
	       begins_with(word, "-o") || begins_with(word, "-L") || begins_with(word, "-l");
}

/* Link-time optimisation leaves no assembler text of a unit. The last option counts. */
static bool is_lto(const struct words *argv)
{
	bool lto = false;

	for (size_t i = 0; i < argv->count; i++) {
		const char *word = argv->items[i];

		if (strcmp(word, "-flto") == 0 || begins_with(word, "-flto="))
			lto = true;
		else if (strcmp(word, "-fno-lto") == 0)
			lto = false;
	}
	return lto;
}

static int check_comparable(const struct compdb_unit *unit, struct failure *failure)
{
	if (is_lto(&unit->argv))
		return fail(failure, OUTCOME_UNSUPPORTED,
			    "%s: compiled with -flto, which leaves no assembler text of a unit; "
			    "build the program with -fno-lto to be able to patch it",
			    unit->path);
	if (ends_with(unit->path, ".s") || ends_with(unit->path, ".S"))
		return fail(failure, OUTCOME_UNSUPPORTED,
			    "%s: assembler source; hand both versions over with --asm", unit->path);
	return 0;
}

static bool is_source_name(const struct compdb_unit *unit, const char *word)
{
	autofree char *path = path_real(unit->directory, word);

	return strcmp(path, unit->path) == 0;
}

/* The options of the command that matter, and the source. */
static void put_options(const struct compdb_unit *unit, struct words *ret)
{
	const struct words *argv = &unit->argv;

	bool source = false;

	words_add(ret, argv->items[0]);
	for (size_t i = 1; i < argv->count; i++) {
		const char *word = argv->items[i];

		if (is_one_of(keep_with_value, COUNT(keep_with_value), word)) {
			words_add(ret, word);
			if (i + 1 < argv->count)
				words_add(ret, argv->items[++i]);
		} else if (is_one_of(drop_with_value, COUNT(drop_with_value), word)) {
			i++;
		} else if (word[0] == '-' && word[1] != '\0') {
			if (!is_dropped(word))
				words_add(ret, word);
		} else if (is_source_name(unit, word)) {
			words_add(ret, word);
			source = true;
		}
		/* Other sources and objects of the same command are not this unit's. */
	}
	if (!source)
		words_add(ret, unit->name);
}

int compdb_command(const struct compdb_unit *unit, enum compdb_product product, const char *output,
		   struct words *ret, struct failure *failure)
{
	if (product == PRODUCT_ASSEMBLER && check_comparable(unit, failure) < 0)
		return -1;
	put_options(unit, ret);
	if (product == PRODUCT_ASSEMBLER) {
		words_add(ret, "-S");
	} else {
		words_add(ret, "-M");
		words_add(ret, "-MT");
		words_add(ret, "unit");
	}
	words_add(ret, "-w");
	words_add(ret, "-o");
	words_add(ret, output);
	return 0;
}

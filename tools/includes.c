/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Following #include lines, and reading the dependency files that compilers write.
 */
#include "includes.h"

#include <ctype.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>

#define MACRO_DEPTH_MAX 8

struct sources {
	struct source **items;
	size_t count;
	size_t room;
};

struct source {
	char *path;
	struct words names; /* as they are included */
	struct words macros; /* that stand for a name that is included */
	struct words defines; /* "MACRO value" */
	bool opaque; /* a name is made in a way not followed here: it may be any */
	uint32_t visit; /* the last look that came by */
	char *key; /* of the look that found the targets; most units have the same directories */
	struct sources targets; /* what the names lead to */
};

/* A look at one unit. */
struct look {
	struct includes *includes;
	const struct words *names;
	struct words directories; /* of -I and its like */
	struct words macros; /* of -D, "MACRO=value" */
	char *key; /* the directories in one word */
	struct sources queue;
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct source *)a)->path, ((const struct source *)b)->path);
}

static void free_source(void *pointer)
{
	struct source *source = pointer;

	free(source->path);
	free(source->key);
	free(source->targets.items);
	words_fini(&source->names);
	words_fini(&source->macros);
	words_fini(&source->defines);
	free(source);
}

void includes_fini(struct includes *includes)
{
	tdestroy(includes->files, free_source);
	includes->files = NULL;
}

static const char *skip_blanks(const char *at)
{
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

static size_t identifier_length(const char *at)
{
	size_t length = 0;

	while (isalnum((unsigned char)at[length]) || at[length] == '_')
		length++;
	return isdigit((unsigned char)*at) ? 0 : length;
}

static void read_include(struct source *source, const char *at)
{
	const char *end = *at == '"' || *at == '<' ? strpbrk(at + 1, *at == '"' ? "\"\n" : ">\n")
						   : NULL;
	size_t length = identifier_length(at);

	if (end != NULL && *end != '\n')
		words_take(&source->names, copy_bytes(at + 1, (size_t)(end - at - 1)));
	else if (length > 0 && at[length] != '(')
		words_take(&source->macros, copy_bytes(at, length));
	else
		source->opaque = true;
}

/* A macro that could be included: its value is a name, or another macro. */
static void read_define(struct source *source, const char *at)
{
	size_t length = identifier_length(at);
	const char *value = skip_blanks(at + length);
	size_t size = strcspn(value, "\n");

	if (length > 0 && at[length] != '(' &&
	    (*value == '"' || *value == '<' || identifier_length(value) > 0))
		words_take(&source->defines,
			   format_text("%.*s %.*s", (int)length, at, (int)size, value));
}

/* What a line includes or defines, if anything. */
static void read_line(struct source *source, const char *at)
{
	static const char *const includes[] = { "include_next", "include", "import" };

	at = skip_blanks(at);
	if (*at != '#')
		return;
	at = skip_blanks(at + 1);
	for (size_t i = 0; i < sizeof(includes) / sizeof(includes[0]); i++)
		if (begins_with(at, includes[i])) {
			read_include(source, skip_blanks(at + strlen(includes[i])));
			return;
		}
	if (begins_with(at, "define"))
		read_define(source, skip_blanks(at + strlen("define")));
}

static struct source *open_source(struct includes *includes, const char *path)
{
	struct source wanted = { .path = (char *)(uintptr_t)path }, *source;
	autotext struct text text = { 0 };
	struct source **found = tfind(&wanted, &includes->files, compare);

	if (found != NULL)
		return *found;
	source = zalloc(1, sizeof(*source));
	source->path = copy_text(path);
	if (read_file(path, &text) == 0)
		for (const char *at = text.bytes; at != NULL; at = strchr(at, '\n')) {
			at += *at == '\n';
			read_line(source, at);
		}
	if (tsearch(source, &includes->files, compare) == NULL)
		free_source(source);
	return source;
}

static void enqueue(struct look *look, struct source *source)
{
	if (source == NULL || source->visit == look->includes->visit)
		return;
	source->visit = look->includes->visit;
	append(&look->queue, source);
}

static struct source *find_there(struct look *look, const char *directory, const char *name)
{
	autofree char *path = path_from(directory, name);
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode)
		       ? open_source(look->includes, path)
		       : NULL;
}

static void add_target(struct source *source, struct source *target)
{
	if (target != NULL)
		append(&source->targets, target);
}

/* Each directory that has it: which of them the compiler takes depends on more than we look at. */
static void find_targets(struct look *look, struct source *source)
{
	autofree char *parent = path_parent(source->path);

	if (source->key != NULL && strcmp(source->key, look->key) == 0)
		return;
	free(source->key);
	source->key = copy_text(look->key);
	source->targets.count = 0;
	for (size_t i = 0; i < source->names.count; i++) {
		const char *name = source->names.items[i];

		add_target(source, find_there(look, parent, name));
		for (size_t k = 0; k < look->directories.count; k++)
			add_target(source, find_there(look, look->directories.items[k], name));
	}
}

static void read_options(struct look *look, const struct compdb_unit *unit)
{
	static const char *const options[] = { "-isystem", "-iquote", "-idirafter", "-I" };

	for (size_t i = 1; i < unit->argv.count; i++) {
		const char *word = unit->argv.items[i];
		const char *next = i + 1 < unit->argv.count ? unit->argv.items[i + 1] : "";

		if (strcmp(word, "-include") == 0 || strcmp(word, "-imacros") == 0)
			enqueue(look, find_there(look, unit->directory, next));
		if (begins_with(word, "-D"))
			words_add(&look->macros, word[2] != '\0' ? word + 2 : next);
		for (size_t k = 0; k < sizeof(options) / sizeof(options[0]); k++) {
			const char *value = word + strlen(options[k]);

			if (!begins_with(word, options[k]))
				continue;
			words_take(&look->directories,
				   path_from(unit->directory, *value != '\0' ? value : next));
			break;
		}
	}
}

/* May what @name leads to be wanted? If not now, perhaps what it includes. */
static bool follow_name(struct look *look, const struct source *from, const char *name)
{
	autofree char *parent = path_parent(from->path);

	if (words_have(look->names, base_name(name)))
		return true;
	enqueue(look, find_there(look, parent, name));
	for (size_t i = 0; i < look->directories.count; i++)
		enqueue(look, find_there(look, look->directories.items[i], name));
	return false;
}

static bool follow_macro(struct look *look, const struct source *from, const char *macro,
			 uint32_t depth);

/* @value is what a macro was defined as. */
static bool follow_value(struct look *look, const struct source *from, const char *value,
			 uint32_t depth)
{
	size_t length = identifier_length(value);
	autofree char *name = NULL;

	if (*value == '"' || *value == '<') {
		name = copy_bytes(value + 1, strcspn(value + 1, "\">"));
		return follow_name(look, from, name);
	}
	/* Not one macro, but something made of several. */
	if (length == 0 || depth == MACRO_DEPTH_MAX ||
	    value[length + strspn(value + length, " \t\r")] != '\0')
		return true;
	name = copy_bytes(value, length);
	return follow_macro(look, from, name, depth + 1);
}

/* All definitions in what was read: which is in force depends on more than we look at. */
static bool follow_macro(struct look *look, const struct source *from, const char *macro,
			 uint32_t depth)
{
	size_t size = strlen(macro);

	for (size_t i = 0; i < look->queue.count; i++) {
		const struct words *defines = &look->queue.items[i]->defines;

		for (size_t k = 0; k < defines->count; k++)
			if (begins_with(defines->items[k], macro) &&
			    defines->items[k][size] == ' ' &&
			    follow_value(look, from, defines->items[k] + size + 1, depth))
				return true;
	}
	for (size_t i = 0; i < look->macros.count; i++)
		if (begins_with(look->macros.items[i], macro) &&
		    look->macros.items[i][size] == '=' &&
		    follow_value(look, from, look->macros.items[i] + size + 1, depth))
			return true;
	return false;
}

static bool reaches_from(struct look *look, struct source *source, bool first)
{
	if (source->opaque || (!first && words_have(look->names, base_name(source->path))))
		return true;
	for (size_t i = 0; i < source->names.count; i++)
		if (words_have(look->names, base_name(source->names.items[i])))
			return true;
	find_targets(look, source);
	for (size_t i = 0; i < source->targets.count; i++)
		enqueue(look, source->targets.items[i]);
	return false;
}

static bool reaches(struct look *look)
{
	size_t done = 0;

	while (done < look->queue.count) {
		size_t count;

		for (; done < look->queue.count; done++)
			if (reaches_from(look, look->queue.items[done], done == 0))
				return true;
		/* Macros last: now their definitions were seen. They may lead to more. */
		count = look->queue.count;
		for (size_t i = 0; i < count; i++) {
			const struct source *source = look->queue.items[i];

			for (size_t k = 0; k < source->macros.count; k++)
				if (follow_macro(look, source, source->macros.items[k], 0))
					return true;
		}
	}
	return false;
}

static char *join(const struct words *words)
{
	struct text text = { 0 };

	for (size_t i = 0; i < words->count; i++)
		text_printf(&text, "%s\n", words->items[i]);
	return text_take(&text);
}

bool includes_may_reach(struct includes *includes, const struct compdb_unit *unit,
			const struct words *names)
{
	struct look look = { .includes = includes, .names = names };
	bool may;

	includes->visit++;
	enqueue(&look, open_source(includes, unit->path));
	read_options(&look, unit);
	look.key = join(&look.directories);
	may = reaches(&look);
	words_fini(&look.directories);
	words_fini(&look.macros);
	free(look.key);
	free(look.queue.items);
	return may;
}

/* One name of a make rule: "\ " is a blank, "$$" a dollar, "\#" a hash. Behind it. */
static const char *read_name(const char *at, struct text *name)
{
	while (*at != '\0' && !isspace((unsigned char)*at)) {
		if (*at == '\\' && (at[1] == ' ' || at[1] == '#'))
			at++;
		else if (*at == '$' && at[1] == '$')
			at++;
		else if (*at == '\\' && at[1] == '\n')
			break;
		text_put(name, at++, 1);
	}
	return at;
}

int includes_read_dependencies(const char *path, const char *directory, struct words *ret)
{
	autotext struct text text = { 0 };
	const char *at;
	int r;

	r = read_file(path, &text);
	if (r < 0)
		return r;
	at = strchr(text.bytes, ':');
	for (at = at != NULL ? at + 1 : ""; *at != '\0';) {
		autotext struct text name = { 0 };

		if (isspace((unsigned char)*at) || (*at == '\\' && at[1] == '\n')) {
			at++;
			continue;
		}
		at = read_name(at, &name);
		words_take(ret, path_real(directory, name.bytes));
	}
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Following #include lines, and reading the dependency files that compilers write.
 */
#include "includes.h"

#include <ctype.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>

struct source {
	char *path;
	struct words names; /* as they are included */
	bool computed; /* a name comes from a macro: it may be any */
	uint32_t visit; /* the last look that came by */
};

/* A look at one unit. */
struct look {
	struct includes *includes;
	const struct words *names;
	struct words directories; /* of -I and its like */
	struct {
		struct source **items;
		size_t count;
		size_t room;
	} queue;
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct source *)a)->path, ((const struct source *)b)->path);
}

static void free_source(void *pointer)
{
	struct source *source = pointer;

	free(source->path);
	words_fini(&source->names);
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

/* What a line includes, if anything. */
static void read_line(struct source *source, const char *at)
{
	const char *end;

	at = skip_blanks(at);
	if (*at != '#')
		return;
	at = skip_blanks(at + 1);
	if (begins_with(at, "include_next"))
		at += strlen("include_next");
	else if (begins_with(at, "include"))
		at += strlen("include");
	else if (begins_with(at, "import"))
		at += strlen("import");
	else
		return;
	at = skip_blanks(at);
	end = *at == '"' || *at == '<' ? strpbrk(at + 1, *at == '"' ? "\"\n" : ">\n") : NULL;
	if (end != NULL && *end != '\n')
		words_take(&source->names, copy_bytes(at + 1, (size_t)(end - at - 1)));
	else
		source->computed = true;
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

static void enqueue(struct look *look, const char *path)
{
	struct source *source = open_source(look->includes, path);

	if (source->visit == look->includes->visit)
		return;
	source->visit = look->includes->visit;
	append(&look->queue, source);
}

static bool enqueue_if_there(struct look *look, const char *directory, const char *name)
{
	autofree char *path = path_from(directory, name);
	struct stat status;

	if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
		return false;
	enqueue(look, path);
	return true;
}

/* Each directory that has it: which of them the compiler takes depends on more than we look at. */
static void follow(struct look *look, const struct source *source, const char *name)
{
	autofree char *parent = path_parent(source->path);

	(void)enqueue_if_there(look, parent, name);
	for (size_t i = 0; i < look->directories.count; i++)
		(void)enqueue_if_there(look, look->directories.items[i], name);
}

static void read_options(struct look *look, const struct compdb_unit *unit)
{
	static const char *const options[] = { "-isystem", "-iquote", "-idirafter", "-I" };

	for (size_t i = 1; i < unit->argv.count; i++) {
		const char *word = unit->argv.items[i];
		const char *next = i + 1 < unit->argv.count ? unit->argv.items[i + 1] : "";

		if (strcmp(word, "-include") == 0 || strcmp(word, "-imacros") == 0)
			(void)enqueue_if_there(look, unit->directory, next);
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

static bool reaches(struct look *look)
{
	for (size_t i = 0; i < look->queue.count; i++) {
		const struct source *source = look->queue.items[i];

		if (source->computed || (i > 0 && words_have(look->names, base_name(source->path))))
			return true;
		for (size_t k = 0; k < source->names.count; k++) {
			if (words_have(look->names, base_name(source->names.items[k])))
				return true;
			follow(look, source, source->names.items[k]);
		}
	}
	return false;
}

bool includes_may_reach(struct includes *includes, const struct compdb_unit *unit,
			const struct words *names)
{
	struct look look = { .includes = includes, .names = names };
	bool may;

	includes->visit++;
	enqueue(&look, unit->path);
	read_options(&look, unit);
	may = reaches(&look);
	words_fini(&look.directories);
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

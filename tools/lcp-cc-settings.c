/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the name we are called by and the environment say. Nobody else in lcp-cc reads the
 * environment.
 */
#include "lcp-cc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A variable; one that is empty says something else than one that is missing. */
static const char *variable(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value != NULL ? value : otherwise;
}

static void split(const char *text, const char *separators, struct words *ret)
{
	while (*(text += strspn(text, separators)) != '\0') {
		size_t size = strcspn(text, separators);

		words_take(ret, copy_bytes(text, size));
		text += size;
	}
}

static enum stage stage_of(const char *word)
{
	if (strcmp(word, "configure") == 0)
		return STAGE_CONFIGURE;
	if (strcmp(word, "original") == 0)
		return STAGE_ORIGINAL;
	if (strcmp(word, "patched") == 0)
		return STAGE_PATCHED;
	fail("stage \"%s\" is none of configure, original, patched", word);
}

/* Names as LibCare installs its wrapper by. */
static bool name_is_classic(const char *name)
{
	return begins_with(name, "libcare-") || begins_with(name, "kpatch_") ||
	       begins_with(name, "kpcc");
}

/* kpatch_gensrc is where KPATCH_PATH says, else beside us. */
static char *find_gensrc(const char *name)
{
	const char *path = getenv("KPATCH_PATH");
	autofree char *beside = NULL;

	if (path != NULL)
		return format_text("%s/kpatch_gensrc", path);
	if (strchr(name, '/') == NULL)
		return copy_text("kpatch_gensrc");
	beside = path_parent(name);
	return format_text("%s/kpatch_gensrc", beside);
}

static void init_classic(struct settings *settings, const char *name, bool cxx)
{
	const char *stage = getenv("KPATCH_STAGE");

	if (stage == NULL)
		fail("KPATCH_STAGE is not set: configure, original or patched");
	settings->classic = true;
	settings->stage = stage_of(stage);
	settings->prefix = variable("KPATCH_PREFIX", ".kpatch_");
	settings->asm_dir = getenv("KPATCH_ASM_DIR");
	settings->asm_sources = getenv("KPATCH_GENSRC_ASM") != NULL;
	settings->verbose = strcmp(variable("KPCC_DEBUG", "0"), "0") != 0;
	settings->gensrc = find_gensrc(name);
	split(cxx ? variable("KPCXXREAL", "/usr/bin/g++") : variable("KPCCREAL", "/usr/bin/gcc"),
	      " ", &settings->compiler);
	split(variable("KPCC_REMOVE_ARGS", "-g"), ";", &settings->removed);
	split(variable("KPCC_APPEND_ARGS", "-Wl,-q"), ";", &settings->appended);
	split(variable("KPCC_PATCH_ARGS", "--force-gotpcrel;--os=rhel6"), ";", &settings->diff);
	split(variable("KPCC_DBGFILTER_ARGS", "--dbg-filter;--dbg-filter-eh-frame;"
					      "--dbg-filter-gcc-except-table;--os=rhel6"),
	      ";", &settings->filter);
}

void settings_init(struct settings *settings, const char *name)
{
	const char *base = base_name(name);
	bool cxx = ends_with(base, "++");

	*settings = (struct settings){ 0 };
	if (name_is_classic(base)) {
		init_classic(settings, name, cxx);
	} else {
		settings->stage =
			stage_of(variable("LCP_STAGE", variable("KPATCH_STAGE", "configure")));
		settings->prefix = ".lcp_";
		settings->asm_dir = getenv("LCP_ASM_DIR");
		settings->verbose = strcmp(variable("LCP_CC_DEBUG", "0"), "0") != 0;
		split(cxx ? variable("LCP_CXX", "g++") : variable("LCP_CC", "gcc"), " ",
		      &settings->compiler);
	}
	if (settings->compiler.count == 0)
		fail("the variable that names the real compiler is empty");
	for (size_t i = 0; i < settings->compiler.count; i++)
		if (strstr(base_name(settings->compiler.items[i]), "clang") != NULL)
			settings->is_clang = true;
	if (settings->asm_dir != NULL && *settings->asm_dir == '\0')
		settings->asm_dir = NULL;
}

void settings_fini(struct settings *settings)
{
	words_fini(&settings->compiler);
	words_fini(&settings->filter);
	words_fini(&settings->diff);
	words_fini(&settings->removed);
	words_fini(&settings->appended);
	free(settings->gensrc);
}

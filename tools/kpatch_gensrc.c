/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kpatch_gensrc: two versions of a unit's assembler text become the text of a patch. See
 * libcare-tools(1).
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "classic_file.h"

/* Where LibcarePlus keeps the list of functions that may be patched. */
#define ALLOWED_PATH "/etc/libcare.conf"

enum {
	OPTION_IGNORE = 256,
	OPTION_UNLINK,
	OPTION_MUST_ADAPT,
	OPTION_EH_FRAME,
	OPTION_EXCEPT_TABLE,
	OPTION_CFI,
	OPTION_NEWLINES,
	OPTION_GOTPCREL,
	OPTION_GLOBAL,
	OPTION_TEST_MODE,
};

struct arguments {
	const char *inputs[2];
	int input_count;
	const char *output;
	unsigned long debug;
	int test_mode;
	struct lcp_classic_gensrc_options options;
};

static const char usage[] =
	"usage: kpatch_gensrc [options] -i ORIGINAL.s [-i PATCHED.s] [-o OUTPUT.s]\n"
	"  -i, --input FILE                one to filter, two to compare; - is the standard input\n"
	"  -o, --output FILE               - is the standard output\n"
	"  -O, --os NAME                   accepted: all systems are treated alike\n"
	"  -a, --arch NAME                 x86_64\n"
	"  -d, --debug LEVEL               say what changed, if the level is not 0\n"
	"  -f, --dbg-filter                leave debug information out\n"
	"      --dbg-filter-eh-frame       leave .eh_frame sections out\n"
	"      --dbg-filter-gcc-except-table  leave .gcc_except_table sections out\n"
	"      --dbg-filter-cfi            leave .cfi_* directives out\n"
	"      --dbg-filter-emit-newlines  put empty lines in their places\n"
	"      --ignore-changes=[FILE:]SYMBOL,...\n"
	"      --unlink-symbols=[FILE:]SYMBOL,...\n"
	"      --must-adapt=[FILE:]SYMBOL,...\n"
	"      --force-gotpcrel            reach what is outside of the unit through the GOT\n"
	"      --force-global              make new versions global symbols\n"
	"      --test-mode                 do not read " ALLOWED_PATH "\n"
	"  -h, --help                      this text\n";

static const struct option long_options[] = {
	{ "arch", required_argument, NULL, 'a' },
	{ "dbg-filter", no_argument, NULL, 'f' },
	{ "dbg-filter-cfi", no_argument, NULL, OPTION_CFI },
	{ "dbg-filter-eh-frame", no_argument, NULL, OPTION_EH_FRAME },
	{ "dbg-filter-emit-newlines", no_argument, NULL, OPTION_NEWLINES },
	{ "dbg-filter-gcc-except-table", no_argument, NULL, OPTION_EXCEPT_TABLE },
	{ "debug", required_argument, NULL, 'd' },
	{ "force-global", no_argument, NULL, OPTION_GLOBAL },
	{ "force-gotpcrel", no_argument, NULL, OPTION_GOTPCREL },
	{ "help", no_argument, NULL, 'h' },
	{ "ignore-changes", required_argument, NULL, OPTION_IGNORE },
	{ "input", required_argument, NULL, 'i' },
	{ "must-adapt", required_argument, NULL, OPTION_MUST_ADAPT },
	{ "os", required_argument, NULL, 'O' },
	{ "ouput", required_argument, NULL, 'o' }, /* as LibCare spells it */
	{ "output", required_argument, NULL, 'o' },
	{ "test-mode", no_argument, NULL, OPTION_TEST_MODE },
	{ "unlink-symbols", required_argument, NULL, OPTION_UNLINK },
	{ NULL, 0, NULL, 0 },
};

static uint32_t flag_of(int option)
{
	switch (option) {
	case 'f':
		return LCP_GENSRC_FILTER_DEBUG;
	case OPTION_EH_FRAME:
		return LCP_GENSRC_FILTER_EH_FRAME;
	case OPTION_EXCEPT_TABLE:
		return LCP_GENSRC_FILTER_EXCEPT_TABLE;
	case OPTION_CFI:
		return LCP_GENSRC_FILTER_CFI;
	case OPTION_NEWLINES:
		return LCP_GENSRC_FILTER_NEWLINES;
	case OPTION_GOTPCREL:
		return LCP_GENSRC_FORCE_GOTPCREL;
	case OPTION_GLOBAL:
		return LCP_GENSRC_FORCE_GLOBAL;
	default:
		return 0;
	}
}

static void take_option(struct arguments *arguments, int option)
{
	char *end;

	switch (option) {
	case 'i':
		if (arguments->input_count == 2)
			fail("at most two inputs are compared");
		arguments->inputs[arguments->input_count++] = optarg;
		break;
	case 'o':
		arguments->output = optarg;
		break;
	case 'd':
		arguments->debug = strtoul(optarg, &end, 16);
		if (end == optarg || *end != '\0')
			fail("'%s' is no hexadecimal level", optarg);
		break;
	case 'a':
		if (strcmp(optarg, "x86_64") != 0)
			fail("architecture '%s' is not supported", optarg);
		break;
	case OPTION_IGNORE:
		arguments->options.ignore_changes = optarg;
		break;
	case OPTION_UNLINK:
		arguments->options.unlink_symbols = optarg;
		break;
	case OPTION_MUST_ADAPT:
		arguments->options.must_adapt = optarg;
		break;
	case OPTION_TEST_MODE:
		arguments->test_mode = 1;
		break;
	default:
		arguments->options.flags |= flag_of(option);
	}
}

static void parse(int argc, char **argv, struct arguments *arguments)
{
	int option;

	while ((option = getopt_long(argc, argv, "a:d:fhi:o:O:", long_options, NULL)) != -1) {
		if (option == 'h') {
			(void)fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		}
		if (option == '?')
			exit(EXIT_FAILURE);
		take_option(arguments, option);
	}
	if (optind < argc)
		fail("'%s' is no option", argv[optind]);
	if (arguments->input_count == 0)
		fail("no input: -i FILE");
}

/* The functions that may be patched, one a line, as a list; NULL if there is no such file. */
static char *read_allowed(void)
{
	struct content content;

	if (access(ALLOWED_PATH, R_OK) != 0)
		return NULL;
	content = read_all(ALLOWED_PATH);
	for (char *c = content.bytes; *c != '\0'; c++)
		if (*c == '\n' || *c == ' ' || *c == '\t' || *c == '\r')
			*c = ',';
	return content.bytes;
}

static void log_line(void *userdata, int32_t level, const char *message)
{
	(void)level;
	(void)userdata;
	(void)fprintf(stderr, "%s\n", message);
}

int main(int argc, char **argv)
{
	struct arguments arguments = { .options.size = sizeof(arguments.options) };
	struct content original, patched = { 0 };
	struct lcp_error *error = NULL;
	struct lcp_bytes *text = NULL;
	struct lcp_ctx *ctx;
	char *allowed = NULL;

	tool_begin("kpatch_gensrc", "FATAL! ", EXIT_FAILURE);
	parse(argc, argv, &arguments);
	if (!arguments.test_mode)
		allowed = read_allowed();
	arguments.options.allowed = allowed;
	arguments.options.original_name = arguments.inputs[0];
	arguments.options.patched_name = arguments.inputs[1];
	original = read_all(arguments.inputs[0]);
	if (arguments.input_count == 2)
		patched = read_all(arguments.inputs[1]);

	ctx = new_context(arguments.debug > 0 ? LCP_LOG_DEBUG : LCP_LOG_WARNING, log_line);
	if (lcp_classic_gensrc(ctx, original.bytes, original.size, patched.bytes, patched.size,
			       &arguments.options, &text, &error) < 0)
		fail_with(NULL, error);
	write_all(arguments.output, 0666, text);
	lcp_ctx_unref(ctx);
	free(original.bytes);
	free(patched.bytes);
	free(allowed);
	return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loading patch files through the door: from a path, a descriptor, memory; what the getters and the
 * JSON say; and what becomes of a file with any byte changed, or cut anywhere.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lcp/lcp.h>

#include "sample.h"
#include "tap.h"

static struct lcp_kpatch *load_mem(struct lcp_ctx *ctx, const uint8_t *file, size_t size)
{
	struct lcp_kpatch *patch = NULL;

	return lcp_kpatch_load_mem(ctx, file, size, NULL, &patch, NULL) == 0 ? patch : NULL;
}

/* A file that exists only as long as its descriptor. */
static int make_file(const uint8_t *bytes, size_t size)
{
	int fd = memfd_create("sample", MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		abort();
	return fd;
}

static void test_getters(struct lcp_kpatch *patch)
{
	is_int(lcp_kpatch_format(patch), LCP_FORMAT_LCP, "format");
	is_text(lcp_kpatch_id(patch), SAMPLE_ID, "id");
	is_int(lcp_kpatch_level(patch), 2, "level");
	is_text(lcp_kpatch_target(patch), SAMPLE_TARGET, "target");
	is_text(lcp_kpatch_build_id(patch), SAMPLE_BUILD_ID, "build-id");
	is_text(lcp_kpatch_description(patch), "requests longer than the buffer are refused",
		"description");
	is_int(lcp_kpatch_cve_count(patch), 2, "CVE names");
	is_text(lcp_kpatch_cve(patch, 0), SAMPLE_CVE, "the first");
	ok(lcp_kpatch_cve(patch, 2) == NULL, "there is no third");
	is_text(lcp_kpatch_builder(patch), "the tests of liblcp", "builder");
	is_int(lcp_kpatch_build_time(patch), 0, "build time");
	is_text(lcp_kpatch_arch(patch), "x86_64", "CPU");
	is_int(strlen(lcp_kpatch_digest(patch)), 64, "a digest has 64 digits");
	is_int(lcp_kpatch_text_size(patch), 3 * 64 + 6, "bytes of code");
	is_int(lcp_kpatch_data_size(patch), 160, "bytes of data");
	is_int(lcp_kpatch_function_count(patch), 3, "functions");
	is_text(lcp_kpatch_function_name(patch, 1), "handle_request_1", "name of the second");
	is_text(lcp_kpatch_function_unit(patch, 1), "server.c", "its unit");
	is_int(lcp_kpatch_function_old_address(patch, 1), 0x2100, "where it was");
	is_int(lcp_kpatch_function_old_size(patch, 1), 96, "how large it was");
	is_int(lcp_kpatch_function_new_size(patch, 1), 64, "how large it is");
	ok(lcp_kpatch_function_name(patch, 3) == NULL, "there is no fourth");
	is_int(lcp_kpatch_symbol_count(patch), SAMPLE_SYMBOLS, "symbols");
	for (uint32_t i = 0; i < lcp_kpatch_symbol_count(patch); i++)
		if (strcmp(lcp_kpatch_symbol_name(patch, i), "printf") == 0) {
			is_text(lcp_kpatch_symbol_version(patch, i), "GLIBC_2.2.5", "a version");
			is_int(lcp_kpatch_symbol_class(patch, i), LCP_SYMBOL_IMPORT, "a class");
		}
	ok(lcp_kpatch_symbol_name(patch, SAMPLE_SYMBOLS) == NULL, "there are no more");
}

static void test_json(struct lcp_kpatch *patch)
{
	static const char begin[] =
		"{\"format\":\"lcp\",\"id\":\"sample-0001\",\"level\":2,\"target\":\"sample-server\","
		"\"build_id\":\"8f2c41d07e9ba356c8101b7d94e5fa2360bd8e17\",\"description\":\"requests "
		"longer than the buffer are refused\",\"cves\":[\"CVE-0000-0001\",\"CVE-0000-0002\"],"
		"\"builder\":\"the tests of liblcp\",\"build_time\":\"0\",\"arch\":\"x86_64\","
		"\"digest\":\"";
	static const char function[] =
		"{\"name\":\"handle_request_2\",\"unit\":\"server.c\",\"new\":true,\"part\":false,\"old_address\":\"0x0\","
		"\"old_size\":0,\"new_size\":64}]";
	static const char symbol[] =
		"{\"name\":\"printf\",\"version\":\"GLIBC_2.2.5\",\"class\":\"import\",\"weak\":false}";
	char *json = NULL;

	is_int(lcp_kpatch_json(patch, &json), 0, "a patch can be written as JSON");
	ok(strncmp(json, begin, strlen(begin)) == 0, "it begins with what the patch is");
	ok(strstr(json, function) != NULL, "functions are in it");
	ok(strstr(json, symbol) != NULL, "symbols are in it");
	tap_say("%s", json);
	lcp_string_free(json);
}

static void test_references(struct lcp_ctx *ctx, const uint8_t *file, size_t size)
{
	struct lcp_kpatch *patch = load_mem(ctx, file, size);

	ok(lcp_kpatch_ref(patch) == patch, "a reference is the patch itself");
	lcp_kpatch_unref(patch);
	is_text(lcp_kpatch_id(patch), SAMPLE_ID, "one of two references keeps it alive");
	lcp_kpatch_unref(patch);
}

static void test_descriptor(struct lcp_ctx *ctx, const uint8_t *file, size_t size)
{
	struct lcp_kpatch_load_options small = { .size = sizeof(small), .max_size = size - 1 };
	struct lcp_kpatch *patch = NULL;
	struct lcp_error *error = NULL;
	int fd = make_file(file, size);
	char path[64];

	(void)lseek(fd, 100, SEEK_SET);
	is_int(lcp_kpatch_load_fd(ctx, fd, NULL, &patch, NULL), 0, "an open file can be loaded");
	is_int(lseek(fd, 0, SEEK_CUR), 100, "and its offset stays");
	is_text(lcp_kpatch_id(patch), SAMPLE_ID, "it is the patch");
	lcp_kpatch_unref(patch);

	patch = NULL;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	is_int(lcp_kpatch_load(ctx, path, NULL, &patch, NULL), 0, "a path can be loaded");
	lcp_kpatch_unref(patch);

	is_int(lcp_kpatch_load(ctx, path, &small, &patch, &error), -EFBIG,
	       "a file larger than allowed is refused");
	is_text(lcp_error_path(error), path, "the error names the file");
	lcp_error_free(error);
	is_int(lcp_kpatch_load_mem(ctx, file, size, &small, &patch, NULL), -EFBIG,
	       "and so is too much memory");
	(void)close(fd);
}

static void refuses_path(struct lcp_ctx *ctx, const char *path, int code, const char *message)
{
	struct lcp_kpatch *patch = NULL;
	struct lcp_error *error = NULL;

	is_int(lcp_kpatch_load(ctx, path, NULL, &patch, &error), code, message);
	is_text(lcp_error_message(error), message, "the message says so");
	is_text(lcp_error_path(error), path, "and the path is named");
	lcp_error_free(error);
}

static void test_no_files(struct lcp_ctx *ctx)
{
	char fifo[] = "/tmp/lcp-test-XXXXXX", name[64];

	refuses_path(ctx, "/nonexistent/x.kpatch", -ENOENT,
		     "cannot open: No such file or directory");
	refuses_path(ctx, "/", -EINVAL, "not a regular file");
	refuses_path(ctx, "/dev/null", -EINVAL, "not a regular file");
	if (mkdtemp(fifo) == NULL)
		abort();
	(void)snprintf(name, sizeof(name), "%s/fifo", fifo);
	if (mkfifo(name, 0600) < 0)
		abort();
	refuses_path(ctx, name, -EINVAL, "not a regular file");
	(void)unlink(name);
	(void)rmdir(fifo);
}

/*
 * Each byte of the file: all bits of it and each bit alone. In an instrumented build, where hashing
 * takes minutes, one bit must do.
 */
static void test_flips(struct lcp_ctx *ctx, uint8_t *file, size_t size)
{
	static const uint8_t masks[] = { 255, 1, 2, 4, 8, 16, 32, 64, 128 };
	const char *instrumented = getenv("instrumented");
	bool slow = instrumented != NULL && strcmp(instrumented, "yes") == 0;
	size_t mask_count = slow ? 2 : sizeof(masks), loaded = 0, tried = 0;

	for (size_t i = 0; i < size; i++)
		for (size_t k = 0; k < mask_count; k++) {
			struct lcp_kpatch *patch;

			file[i] ^= masks[k];
			patch = load_mem(ctx, file, size);
			file[i] ^= masks[k];
			tried++;
			if (patch != NULL) {
				tap_say("byte %zu: mask 0x%02x is accepted", i, masks[k]);
				loaded++;
			}
			lcp_kpatch_unref(patch);
		}
	tap_say("%zu bytes, %zu changes of one byte tried, %zu loaded", size, tried, loaded);
	is_int(loaded, 0, "a file with any byte changed is refused");
}

static void test_cuts(struct lcp_ctx *ctx, const uint8_t *file, size_t size, const char *claim)
{
	size_t loaded = 0;

	for (size_t cut = 0; cut < size; cut++) {
		/* A block of just that size, so that a sanitiser sees what is read beyond. */
		uint8_t *copy = malloc(cut + 1);
		uint8_t *end_of_block = realloc(copy, cut == 0 ? 1 : cut);
		struct lcp_kpatch *patch;

		if (end_of_block == NULL)
			abort();
		memcpy(end_of_block, file, cut);
		patch = load_mem(ctx, end_of_block, cut);
		loaded += patch != NULL;
		lcp_kpatch_unref(patch);
		free(end_of_block);
	}
	tap_say("%zu lengths tried, %zu loaded", size, loaded);
	is_int(loaded, 0, claim);
}

static void test_damage(struct lcp_ctx *ctx)
{
	uint8_t *file;
	size_t size;

	sample_make(SAMPLE_FUNCTIONS, &file, &size);
	tap_say("the sample has %zu bytes", size);
	ok(size >= 20000, "the sample has 20 kB at least");
	test_flips(ctx, file, size);
	test_cuts(ctx, file, size, "a file cut anywhere is refused");
	free(file);
	sample_make_classic(3, LCP_FORMAT_LIBCARE, &file, &size);
	test_cuts(ctx, file, size, "a LibCare file cut anywhere is refused");
	free(file);
	sample_make_classic(3, LCP_FORMAT_LIBCAREPLUS, &file, &size);
	test_cuts(ctx, file, size, "a LibcarePlus file cut anywhere is refused");
	free(file);
}

static void test_trailing(struct lcp_ctx *ctx, const uint8_t *file, size_t size)
{
	struct lcp_kpatch *patch = NULL;
	struct lcp_error *error = NULL;
	uint8_t *longer = calloc(1, size + 1);

	memcpy(longer, file, size);
	is_int(lcp_kpatch_load_mem(ctx, longer, size + 1, NULL, &patch, &error), -LCP_EFORMAT,
	       "nothing may follow a patch of ours");
	is_text(lcp_error_message(error), "1 bytes follow the patch", "and the message says so");
	lcp_error_free(error);
	free(longer);
}

int main(void)
{
	struct lcp_ctx *ctx = NULL;
	struct lcp_kpatch *patch;
	uint8_t *file;
	size_t size;

	tap_begin();
	is_int(lcp_ctx_new(NULL, &ctx, NULL), 0, "a context for the rest");
	sample_make(3, &file, &size);
	patch = load_mem(ctx, file, size);
	ok(patch != NULL, "the sample can be loaded");
	is_int(lcp_kpatch_size(patch), size, "with its size");
	test_getters(patch);
	test_json(patch);
	lcp_kpatch_unref(patch);
	test_references(ctx, file, size);
	test_descriptor(ctx, file, size);
	test_no_files(ctx);
	test_trailing(ctx, file, size);
	test_damage(ctx);
	free(file);
	lcp_ctx_unref(ctx);
	return tap_end();
}

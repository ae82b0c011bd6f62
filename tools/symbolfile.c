/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "symbolfile.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "save.h"

/* Sections: none, one for each patch, and these behind them. */
enum {
	SECTION_SYMTAB,
	SECTION_STRTAB,
	SECTION_NAMES,
	SECTION_FRAMES,
	SECTION_COUNT
};

#define FRAMES_MAX ((uint64_t)64 << 20)

/* The parts of the file as they grow. */
struct parts {
	struct text headers; /* of sections */
	struct text symbols;
	struct text strings;
	struct text names; /* of sections */
	struct text frames; /* unwind table */
};

static uint32_t put_string(struct text *strings, const char *string)
{
	uint32_t offset = (uint32_t)strings->size;

	text_put(strings, string, strlen(string) + 1);
	return offset;
}

static void put_section(struct parts *parts, const char *name, const Elf64_Shdr *section)
{
	Elf64_Shdr named = *section;

	named.sh_name = put_string(&parts->names, name);
	text_put(&parts->headers, (const char *)&named, sizeof(named));
}

static void put_patch(struct parts *parts, const struct lcp_status *status, uint32_t index)
{
	Elf64_Shdr section = {
		.sh_type = SHT_NOBITS,
		.sh_flags = SHF_ALLOC | SHF_EXECINSTR,
		.sh_addr = UINT64_MAX,
		.sh_addralign = 1,
	};
	uint64_t end = 0;
	const char *name;

	for (uint32_t i = 0; (name = lcp_status_function_name(status, index, i)) != NULL; i++) {
		Elf64_Sym symbol = {
			.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			.st_shndx = (Elf64_Half)(parts->headers.size / sizeof(section)),
			.st_value = lcp_status_function_address(status, index, i),
			.st_size = lcp_status_function_size(status, index, i),
		};

		if (symbol.st_value == 0)
			continue;
		if (symbol.st_value < section.sh_addr)
			section.sh_addr = symbol.st_value;
		if (symbol.st_value + symbol.st_size > end)
			end = symbol.st_value + symbol.st_size;
		symbol.st_name = put_string(&parts->strings, name);
		text_put(&parts->symbols, (const char *)&symbol, sizeof(symbol));
	}
	if (end <= section.sh_addr)
		return;
	section.sh_size = end - section.sh_addr;
	put_section(parts, ".text", &section);
}

/*
 * The table by which a debugger finds the callers of the code of a patch: of the newest patch that
 * has one, since gdb takes one only.
 */
static int take_frames(const struct lcp_process *process, const struct lcp_status *status,
		       struct text *ret, uint64_t *ret_address, struct failure *failure)
{
	autofree char *path = format_text("/proc/%" PRId32 "/mem", lcp_process_pid(process));
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t size = 0;
	ssize_t got;

	*ret_address = 0;
	for (uint32_t i = lcp_status_patch_count(status); size == 0 && i-- > 0;) {
		size = lcp_status_unwind_size(status, i);
		*ret_address = lcp_status_unwind_address(status, i);
	}
	if (fd < 0)
		return fail_system(failure, errno, path);
	if (size > FRAMES_MAX)
		return fail(failure, OUTCOME_MALFORMED, "an unwind table of %" PRIu64 " bytes",
			    size);
	ret->bytes = zalloc(1, size + 1);
	ret->size = size;
	got = pread(fd, ret->bytes, size, (off_t)*ret_address);
	if (got != (ssize_t)size)
		return fail_system(failure, got < 0 ? errno : EIO, path);
	return 0;
}

/* The headers of the tables, which stand behind all headers in this order. */
static void put_tables(struct parts *parts, uint64_t frames)
{
	size_t patches = parts->headers.size / sizeof(Elf64_Shdr);
	Elf64_Shdr section = {
		.sh_type = SHT_SYMTAB,
		.sh_offset = sizeof(Elf64_Ehdr) + (patches + SECTION_COUNT) * sizeof(Elf64_Shdr),
		.sh_size = parts->symbols.size,
		.sh_link = (Elf64_Word)(patches + SECTION_STRTAB),
		.sh_info = 1, /* the first symbol that is not local */
		.sh_addralign = 8,
		.sh_entsize = sizeof(Elf64_Sym),
	};

	put_section(parts, ".symtab", &section);
	section = (Elf64_Shdr){
		.sh_type = SHT_STRTAB,
		.sh_offset = section.sh_offset + section.sh_size,
		.sh_size = parts->strings.size,
		.sh_addralign = 1,
	};
	put_section(parts, ".strtab", &section);
	section.sh_offset += section.sh_size;
	section.sh_size = parts->names.size + sizeof(".shstrtab") + sizeof(".eh_frame");
	put_section(parts, ".shstrtab", &section);
	section = (Elf64_Shdr){
		.sh_type = SHT_PROGBITS,
		.sh_flags = SHF_ALLOC,
		.sh_addr = frames,
		.sh_offset = section.sh_offset + section.sh_size,
		.sh_size = parts->frames.size,
		.sh_addralign = 1,
	};
	put_section(parts, ".eh_frame", &section);
}

/* The CPU is that of the process's program. */
static int take_header(const struct lcp_process *process, Elf64_Ehdr *ret, struct failure *failure)
{
	autofree char *path = format_text("/proc/%" PRId32 "/exe", lcp_process_pid(process));
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf64_Ehdr program;

	if (fd < 0)
		return fail_system(failure, errno, path);
	if (read(fd, &program, sizeof(program)) != sizeof(program) ||
	    memcmp(program.e_ident, ELFMAG, SELFMAG) != 0 ||
	    program.e_ident[EI_CLASS] != ELFCLASS64)
		return fail(failure, OUTCOME_UNSUPPORTED, "%s is no program of 64 bits", path);
	*ret = (Elf64_Ehdr){
		.e_type = ET_EXEC,
		.e_machine = program.e_machine,
		.e_version = EV_CURRENT,
		.e_shoff = sizeof(*ret),
		.e_ehsize = sizeof(*ret),
		.e_shentsize = sizeof(Elf64_Shdr),
	};
	memcpy(ret->e_ident, program.e_ident, EI_ABIVERSION);
	return 0;
}

static void make_parts(const struct lcp_status *status, uint64_t frames, struct parts *ret)
{
	const Elf64_Shdr none = { 0 };
	const Elf64_Sym nothing = { 0 };

	text_put(&ret->symbols, (const char *)&nothing, sizeof(nothing));
	text_put(&ret->strings, "", 1);
	put_section(ret, "", &none);
	for (uint32_t i = 0; i < lcp_status_patch_count(status); i++)
		put_patch(ret, status, i);
	put_tables(ret, frames);
}

/* Header and parts, one behind the other. */
static void put_file(const struct parts *parts, Elf64_Ehdr *header, struct text *ret)
{
	header->e_shnum = (Elf64_Half)(parts->headers.size / sizeof(Elf64_Shdr));
	header->e_shstrndx = (Elf64_Half)(header->e_shnum - SECTION_COUNT + SECTION_NAMES);
	text_put(ret, (const char *)header, sizeof(*header));
	text_put(ret, parts->headers.bytes, parts->headers.size);
	text_put(ret, parts->symbols.bytes, parts->symbols.size);
	text_put(ret, parts->strings.bytes, parts->strings.size);
	text_put(ret, parts->names.bytes, parts->names.size);
	text_put(ret, parts->frames.bytes, parts->frames.size);
}

static void parts_fini(struct parts *parts)
{
	text_fini(&parts->headers);
	text_fini(&parts->symbols);
	text_fini(&parts->strings);
	text_fini(&parts->names);
	text_fini(&parts->frames);
}

int symbolfile_write(const struct lcp_process *process, const struct lcp_status *status,
		     const char *path, struct failure *failure)
{
	autotext struct text file = { 0 };
	struct parts parts = { 0 };
	Elf64_Ehdr header;
	uint64_t frames;
	int r;

	r = take_header(process, &header, failure);
	if (r == 0)
		r = take_frames(process, status, &parts.frames, &frames, failure);
	if (r == 0) {
		make_parts(status, frames, &parts);
		put_file(&parts, &header, &file);
		r = save_file(path, SAVE_MODE, file.bytes, file.size);
		if (r < 0)
			(void)fail_system(failure, r, path);
	}
	parts_fini(&parts);
	return r;
}

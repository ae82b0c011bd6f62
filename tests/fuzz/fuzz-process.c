/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzer of what is read from a process: headers, lists, symbols, slots. The input overwrites a
 * sound process, 12 bytes a time: where (0 to 2: that object; 3: the lists; 4: the auxiliary
 * vector), how many bytes of the last eight, an offset of 16 bits, and those eight bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"
#include "core/lookup.h"
#include "fake_memory.h"
#include "fuzz.h"

#define RECORD_SIZE 12

static const char *const names[] = { "main", "both", "third", "last" };

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* Objects with names in hash tables of both kinds, an indirect function, slots of all sorts. */
static struct fake *make(void)
{
	const struct arch_dynamic_relocs *types = &arch_native()->dynamic_relocs;
	const uint32_t slots[] = { types->call_slot, types->slot, types->ifunc, types->tls_module,
				   types->tls_offset };
	struct fake *fake = fake_new(3);

	for (unsigned int i = 0; i < 3; i++) {
		uint64_t at = fake_address(i);
		Elf64_Sym *symbols = fake_at(fake, at + FAKE_SYMBOLS);
		Elf64_Rela *relocs = fake_at(fake, at + FAKE_RELOCS);

		fake_define(fake, i, names, ARRAY_SIZE(names), i != 1);
		symbols[4].st_info = ELF64_ST_INFO(STB_GLOBAL, STT_GNU_IFUNC);
		memcpy(fake_at(fake, at + FAKE_STRINGS + 64), "1.so\0V1", 8);
		for (unsigned int j = 0; j < ARRAY_SIZE(slots); j++) {
			relocs[j] = (Elf64_Rela){ FAKE_SLOTS + (uint64_t)8 * j,
						  ELF64_R_INFO(j < 3 ? 4 : 0, slots[j]), 64 };
			fake_put(fake, at + FAKE_SLOTS + (uint64_t)8 * j, at + 0x100);
		}
		fake_dynamic(fake, i, DT_STRSZ)->d_un.d_val = 128;
		fake_dynamic(fake, i, DT_NEEDED)->d_un.d_val = 64;
		fake_dynamic(fake, i, DT_VERSYM)->d_un.d_ptr = FAKE_VERSYM;
		fake_dynamic(fake, i, DT_VERDEF)->d_un.d_ptr = FAKE_VERDEF;
		fake_dynamic(fake, i, DT_JMPREL)->d_un.d_ptr = FAKE_RELOCS;
		fake_dynamic(fake, i, DT_PLTRELSZ)->d_un.d_val = sizeof(*relocs) *
								 ARRAY_SIZE(slots);
	}
	return fake;
}

static void overwrite(struct fake *fake, const uint8_t *record)
{
	uint16_t offset = get_le16(record + 2);
	size_t size = record[1] % 8 + 1;

	if (record[0] % 5 == 4)
		memcpy((uint8_t *)fake->auxv + offset % (sizeof(fake->auxv) - 8), record + 4, size);
	else if (record[0] % 5 == 3)
		memcpy(fake_at(fake, FAKE_ENTRY(0) + offset), record + 4, size);
	else
		memcpy(fake_at(fake, fake_address(record[0] % 5) + offset % FAKE_OBJECT_SIZE),
		       record + 4, size);
}

static void check_objects(const struct lcp_process *process)
{
	require(process->object_count > 0 && process->objects[0].path != NULL);
	for (size_t i = 0; i < process->object_count; i++) {
		const struct object *object = &process->objects[i];

		require(object->segment_count > 0 && object->start < object->end);
		require(utf8_is_printable(object->path));
		for (size_t j = 0; j < object->segment_count; j++) {
			const struct object_segment *segment = &object->segments[j];

			require(segment->start < segment->end);
			require(j == 0 || segment->start >= object->segments[j - 1].end);
			require(process_object_at(process, segment->start) != NULL);
		}
	}
}

static void look_up_all(struct lcp_process *process)
{
	struct lookup found;
	struct lookup_tls tls;

	for (size_t i = 0; i < process->object_count && i < 4; i++) {
		const struct object *object = &process->objects[i];

		for (size_t j = 0; j < ARRAY_SIZE(names); j++) {
			if (lookup_symbol(process, object, names[j], NULL, &found, NULL) == 0)
				require(found.object != NULL);
			(void)lookup_symbol(process, object, names[j], "V1", &found, NULL);
			(void)lookup_slot(process, object, object->bias + FAKE_SLOTS + j * 8,
					  names[j], NULL, &found, NULL);
		}
		if (lookup_tls(process, object, &tls, NULL) == 0)
			require(tls.module != 0 || tls.fixed);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lcp_ctx *ctx = ctx_new(LCP_LOG_ERROR);
	struct lcp_process *process = NULL;
	struct fake *fake = make();
	int r;

	for (size_t at = 0; range_fits(at, RECORD_SIZE, size); at += RECORD_SIZE)
		overwrite(fake, data + at);
	r = process_new(ctx, &fake->target, &process, NULL);
	fuzz_tell(r);
	if (r == 0) {
		check_objects(process);
		look_up_all(process);
		process_free(process);
	} else {
		fake->target.ops->close(&fake->target);
	}
	ctx_unref(ctx);
	return 0;
}

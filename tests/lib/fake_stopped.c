/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake_stopped.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct fake_stopped *fake_of(struct target *target)
{
	return (struct fake_stopped *)target;
}

static const struct fake_piece *piece_at(const struct fake_stopped *fake, uint64_t address)
{
	for (size_t i = 0; i < fake->piece_count; i++)
		if (address - fake->pieces[i].address < fake->pieces[i].size)
			return &fake->pieces[i];
	return NULL;
}

static size_t read_some(struct target *target, uint64_t address, void *ret, size_t size)
{
	struct fake_stopped *fake = fake_of(target);
	const struct fake_piece *piece;
	size_t done = 0;

	fake->reads++;
	while (done < size && (piece = piece_at(fake, address + done)) != NULL) {
		size_t offset = (size_t)(address + done - piece->address);
		size_t step = piece->size - offset;

		if (step > size - done)
			step = size - done;
		memcpy((uint8_t *)ret + done, piece->bytes + offset, step);
		done += step;
	}
	return done;
}

static int read_all(struct target *target, uint64_t address, void *ret, size_t size)
{
	return read_some(target, address, ret, size) == size ? 0 : -EFAULT;
}

static int alive(struct target *target)
{
	return fake_of(target)->gone ? -LCP_EGONE : 0;
}

static const struct target_ops ops = { .read = read_all, .read_some = read_some, .alive = alive };

void fake_stopped_init(struct fake_stopped *fake, const char *maps)
{
	memset(fake, 0, sizeof(*fake));
	fake->target.ops = &ops;
	fake->target.arch = &arch_x86_64;
	fake->target.threads = fake->threads;
	fake->process.target = &fake->target;
	if (proc_maps_parse(maps, strlen(maps), &fake->process.maps, NULL) < 0)
		abort();
}

void fake_stopped_fini(struct fake_stopped *fake)
{
	proc_maps_fini(&fake->process.maps);
	for (size_t i = 0; i < fake->piece_count; i++)
		free(fake->pieces[i].bytes);
}

void fake_stopped_add(struct fake_stopped *fake, uint64_t address, size_t size)
{
	struct fake_piece piece = { address, size, calloc(size, 1) };

	if (piece.bytes == NULL || fake->piece_count == FAKE_PIECES_MAX)
		abort();
	fake->pieces[fake->piece_count++] = piece;
}

uint8_t *fake_stopped_at(struct fake_stopped *fake, uint64_t address, size_t size)
{
	const struct fake_piece *piece = piece_at(fake, address);

	if (piece == NULL || piece->size - (address - piece->address) < size)
		abort();
	return piece->bytes + (address - piece->address);
}

void fake_stopped_put(struct fake_stopped *fake, uint64_t address, uint64_t word)
{
	memcpy(fake_stopped_at(fake, address, sizeof(word)), &word, sizeof(word));
}

void fake_stopped_thread(struct fake_stopped *fake, int32_t tid, uint64_t pc, uint64_t sp)
{
	size_t number = fake->target.thread_count++;

	if (number == FAKE_THREADS_MAX)
		abort();
	fake->threads[number] = (struct target_thread){ .tid = tid, .stopped = true };
	fake_stopped_register(fake, number, arch_x86_64.regs->pc, pc);
	fake_stopped_register(fake, number, arch_x86_64.regs->sp, sp);
}

void fake_stopped_register(struct fake_stopped *fake, size_t thread, uint16_t offset,
			   uint64_t value)
{
	memcpy(fake->threads[thread].regs + offset, &value, sizeof(value));
}

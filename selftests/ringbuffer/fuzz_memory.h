/* SPDX-License-Identifier: GPL-2.0 */
/* The fuzzer's calls on windows, and its loads and stores there. */
#ifndef FUZZ_MEMORY_H
#define FUZZ_MEMORY_H

#include <sys/uio.h>

#include "fuzz.h"

/*
 * All windows lie in the arena, each at the beginning of a room: nothing else of
 * the process is ever where a store may go.
 */
static char *fuzz_room(int w)
{
	return fuzz_arena + w * FUZZ_ROOM;
}

/* What the kernel put elsewhere, or does not fit, goes at once. */
static long fuzz_keep(int w, void *at, size_t bytes)
{
	if (at == MAP_FAILED)
		return -errno;
	if (at != fuzz_room(w) || bytes > FUZZ_ROOM)
		munmap(at, bytes);
	else
		__atomic_store_n(&fuzz_mapped[w], bytes, __ATOMIC_RELAXED);
	return 0;
}

/* A window of the table in Documentation/abi/ringbuffer.rst. */
static void fuzz_window(struct fuzz *t, const struct ferrio_rb_info *info,
			size_t *first, size_t *bytes, int *prot)
{
	bool high = fuzz_odds(t, 2);
	size_t border = info->kind == FERRIO_RB_KIND_PRODUCER ? 2 : 1;

	*first = high ? border * RB_PAGE : 0;
	*bytes = high ? info->map_bytes - *first : border * RB_PAGE;
	*prot = PROT_READ;
	if (high == (info->kind == FERRIO_RB_KIND_PRODUCER))
		*prot |= PROT_WRITE;
	if (info->kind == FERRIO_RB_KIND_OBSERVER) {
		*first = 0;
		*bytes = info->map_bytes;
		*prot = PROT_READ;
	}
}

static long fuzz_mmap(struct fuzz *t)
{
	static const int odd[] = {
		MAP_PRIVATE, MAP_SHARED | MAP_POPULATE, MAP_SHARED | MAP_LOCKED,
		MAP_SHARED_VALIDATE, MAP_SHARED_VALIDATE | MAP_SYNC,
		MAP_SHARED | MAP_NORESERVE, 0,
	};
	struct ferrio_rb_info info = { .size = sizeof(info) };
	int fd = fuzz_fd(t), w = fuzz_random(t, FUZZ_WINDOWS);
	int flags = MAP_SHARED, prot;
	size_t first, bytes;

	if (ioctl(fd, FERRIO_RB_GET_INFO, &info))
		info.map_bytes = 8 * RB_PAGE;
	fuzz_window(t, &info, &first, &bytes, &prot);
	switch (fuzz_random(t, 16)) {
	case 0:
		first = fuzz_odds(t, 2) ? fuzz_random(t, 64) * RB_PAGE :
					  fuzz_word(t) & -RB_PAGE;
		break;
	case 1:
		bytes = fuzz_random(t, 64 * RB_PAGE);
		break;
	case 2:
		prot = fuzz_random(t, 8);
		break;
	case 3:
		flags = odd[fuzz_random(t, ARRAY_SIZE(odd))];
		break;
	case 4:
		first += fuzz_random(t, RB_PAGE);
		break;
	}
	if (bytes <= FUZZ_ROOM && !fuzz_odds(t, 8))
		flags |= fuzz_odds(t, 8) ? MAP_FIXED_NOREPLACE : MAP_FIXED;
	fuzz_say(t, fd, first, bytes);
	return fuzz_keep(w, mmap(fuzz_room(w), bytes, prot, flags, fd, first),
			 bytes);
}

/* A stretch of a room: the whole window, or something else. */
static char *fuzz_stretch(struct fuzz *t, int w, size_t *bytes)
{
	size_t all = __atomic_load_n(&fuzz_mapped[w], __ATOMIC_RELAXED), skip = 0;

	*bytes = all ? all : RB_PAGE;
	if (fuzz_odds(t, 4)) {
		skip = fuzz_random(t, *bytes / RB_PAGE + 1) * RB_PAGE;
		*bytes = (1 + fuzz_random(t, 40)) * RB_PAGE;
	}
	fuzz_say(t, w, skip, *bytes);
	return fuzz_room(w) + skip;
}

static long fuzz_munmap(struct fuzz *t)
{
	int w = fuzz_random(t, FUZZ_WINDOWS);
	size_t bytes;
	char *at = fuzz_stretch(t, w, &bytes);
	long ret;

	if (fuzz_odds(t, 16))
		at++;
	ret = E(munmap(at, bytes));
	if (!ret && at == fuzz_room(w))
		__atomic_store_n(&fuzz_mapped[w], 0, __ATOMIC_RELAXED);
	return ret;
}

static long fuzz_mprotect(struct fuzz *t)
{
	size_t bytes;
	char *at = fuzz_stretch(t, fuzz_random(t, FUZZ_WINDOWS), &bytes);

	return E(mprotect(at, bytes, fuzz_odds(t, 4) ? fuzz_random(t, 8) : PROT_READ));
}

static long fuzz_mremap(struct fuzz *t)
{
	int from = fuzz_random(t, FUZZ_WINDOWS), to = fuzz_random(t, FUZZ_WINDOWS);
	size_t bytes, new;
	char *at = fuzz_stretch(t, from, &bytes);
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED;

	new = bytes;
	if (fuzz_odds(t, 4))
		new = (1 + fuzz_random(t, 80)) * RB_PAGE;
	if (fuzz_odds(t, 8))
		flags = fuzz_random(t, 8);
	if (!(flags & MREMAP_FIXED))
		to = from;
	return fuzz_keep(to, mremap(at, bytes, new, flags, fuzz_room(to)), new);
}

static long fuzz_madvise(struct fuzz *t)
{
	static const int advice[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
		MADV_DONTNEED, MADV_DONTNEED, MADV_FREE, MADV_REMOVE,
		MADV_DONTFORK, MADV_DOFORK, MADV_MERGEABLE, MADV_HUGEPAGE,
		MADV_NOHUGEPAGE, MADV_DONTDUMP, MADV_DODUMP, MADV_WIPEONFORK,
		MADV_KEEPONFORK, MADV_COLD, MADV_PAGEOUT, 22 /* POPULATE_READ */,
		23 /* POPULATE_WRITE */, 25 /* COLLAPSE */, 4711,
	};
	int how = advice[fuzz_random(t, ARRAY_SIZE(advice))];
	size_t bytes;
	char *at = fuzz_stretch(t, fuzz_random(t, FUZZ_WINDOWS), &bytes);

	t->call->arg[2] = how;
	return E(madvise(at, bytes, how));
}

static long fuzz_other_memory(struct fuzz *t)
{
	size_t bytes;
	char *at = fuzz_stretch(t, fuzz_random(t, FUZZ_WINDOWS), &bytes);

	switch (fuzz_random(t, 4)) {
	case 0:
		return E(msync(at, bytes, fuzz_random(t, 8)));
	case 1:
		return E(mincore(at, bytes, (void *)t->buf));
	case 2:
		return E(mlock(at, bytes));
	default:
		return E(munlock(at, bytes));
	}
}

/* As a debugger does. */
static long fuzz_remote(struct fuzz *t)
{
	struct iovec mine = { t->buf, 1 + fuzz_random(t, 2 * RB_PAGE) };
	struct iovec theirs = { fuzz_in_window(t), mine.iov_len };

	fuzz_say(t, (long)theirs.iov_base, mine.iov_len, 0);
	if (fuzz_odds(t, 4))
		return E(process_vm_writev(getpid(), &mine, 1, &theirs, 1, 0));
	return E(process_vm_readv(getpid(), &mine, 1, &theirs, 1, 0));
}

/* ---- loads and stores ---- */

/* Nothing there, or nothing that may be written: that is the result. */
static void fuzz_fault(int sig, siginfo_t *info, void *context)
{
	struct fuzz *t = fuzz_me;

	(void)context;
	if (t && t->guarded)
		siglongjmp(t->fault, sig);
	fprintf(stderr, "# signal %d at %p outside of a load or store\n", sig,
		info->si_addr);
	_exit(4);
}

static uint64_t *fuzz_aligned(struct fuzz *t)
{
	uint64_t *word = (uint64_t *)((uintptr_t)fuzz_in_window(t) & -8UL);

	fuzz_say(t, (long)word, 0, 0);
	return word;
}

enum fuzz_touch { FUZZ_LOAD, FUZZ_SET, FUZZ_ADD };

/* Out of line: nothing of the caller is kept over a fault. */
static __attribute_noinline__ long fuzz_touch(struct fuzz *t, uint64_t *word,
					      enum fuzz_touch how, uint64_t value)
{
	if (sigsetjmp(t->fault, 1)) {
		t->guarded = 0;
		return -EFAULT;
	}
	t->guarded = 1;
	if (how == FUZZ_LOAD)
		(void)__atomic_load_n(word, __ATOMIC_RELAXED);
	else if (how == FUZZ_SET)
		__atomic_store_n(word, value, __ATOMIC_RELAXED);
	else
		__atomic_fetch_add(word, value, __ATOMIC_RELAXED);
	t->guarded = 0;
	return 0;
}

static long fuzz_load(struct fuzz *t)
{
	return fuzz_touch(t, fuzz_aligned(t), FUZZ_LOAD, 0);
}

/* A word of the page of an end, or any other. */
static long fuzz_store(struct fuzz *t)
{
	static const size_t words[] = {
		offsetof(struct ferrio_rb_end_page, position),
		offsetof(struct ferrio_rb_end_page, armed),
		offsetof(struct ferrio_rb_end_page, wanted),
	};
	uint64_t *word = fuzz_aligned(t), value = fuzz_word(t);
	bool moves = fuzz_odds(t, 2);

	if (fuzz_odds(t, 2)) {
		int i = fuzz_random(t, ARRAY_SIZE(words));

		word = (uint64_t *)(fuzz_room(fuzz_random(t, FUZZ_WINDOWS)) +
				    words[i]);
		/* rubbish in a position is the end of the ring */
		moves |= !i && !fuzz_odds(t, 16);
	}
	if (moves)
		value = fuzz_length(t);
	fuzz_say(t, (long)word, value, moves);
	return fuzz_touch(t, word, moves ? FUZZ_ADD : FUZZ_SET, value);
}

#endif /* FUZZ_MEMORY_H */

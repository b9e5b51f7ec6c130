// SPDX-License-Identifier: GPL-2.0
/* The calls of a ring, in user space. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fake.h"

#define FDS	1024

/* What a descriptor is; the table is inherited by fork, as descriptors are. */
static struct {
	struct fake *fake;
	unsigned int kind;
	bool given_up[2];
	uint64_t slot;		/* its number + 1, as of a mapping of many producers */
	char *mapped;
	size_t mapped_bytes;
} fds[FDS];

#define CHECK(what)	do { if (!(what)) { perror("fake: " #what); abort(); } } while (0)

static void lock(struct fake_books *b)
{
	while (__atomic_exchange_n(&b->lock, 1, __ATOMIC_ACQUIRE))
		syscall(SYS_sched_yield);
}

static void unlock(struct fake_books *b)
{
	__atomic_store_n(&b->lock, 0, __ATOMIC_RELEASE);
}

static long futex(uint32_t *word, int op, uint32_t value, const struct timespec *until)
{
	return syscall(SYS_futex, word, op, value, until, NULL, FUTEX_BITSET_MATCH_ANY);
}

/* Under the lock. */
static void ring_bell(struct fake_books *b)
{
	__atomic_add_fetch(&b->bell, 1, __ATOMIC_SEQ_CST);
	futex(&b->bell, FUTEX_WAKE, INT_MAX, NULL);
}

#include "fake-records.h"

static int holder(unsigned int kind)
{
	return kind == FERRIO_RB_KIND_CONSUMER ? FERRIO_RB_READ :
		kind == FERRIO_RB_KIND_PRODUCER ? FERRIO_RB_WRITE : -1;
}

/* Those of the plain descriptor are not counted: nobody tests them here. */
static void hold(int fd)
{
	int rw = fds[fd].fake ? holder(fds[fd].kind) : -1;

	if (rw >= 0 && !fds[fd].given_up[rw])
		__atomic_add_fetch(&fds[fd].fake->books->holders[rw], 1, __ATOMIC_SEQ_CST);
}

static void hold_for_child(void)
{
	for (int fd = 0; fd < FDS; fd++)
		hold(fd);
}

struct fake *fake_open(uint64_t start)
{
	static bool watching;
	struct fake *f = calloc(1, sizeof(*f));

	CHECK(f);
	f->plain = memfd_create("ring", MFD_CLOEXEC);
	CHECK(f->plain >= 0 && f->plain < FDS);
	f->books = mmap(NULL, FAKE_PAGE, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(f->books != MAP_FAILED);
	f->start = start;
	f->size = 65536;
	f->features = FERRIO_RB_FEAT_BYTES | FERRIO_RB_FEAT_SPLICE | FERRIO_RB_FEAT_MAP |
		FERRIO_RB_FEAT_RECORDS | FERRIO_RB_FEAT_MANY;
	memset(&fds[f->plain], 0, sizeof(fds[0]));
	fds[f->plain].fake = f;
	if (!watching)
		CHECK(!pthread_atfork(hold_for_child, NULL, NULL));
	watching = true;
	return f;
}

static void first_use(struct fake *f)
{
	unsigned char *p;

	if (f->allocated)
		return;
	CHECK(!ftruncate(f->plain, 3 * FAKE_PAGE + f->size));
	p = mmap(NULL, 3 * FAKE_PAGE + f->size, PROT_READ | PROT_WRITE, MAP_SHARED,
		 f->plain, 0);
	CHECK(p != MAP_FAILED);
	f->end[FERRIO_RB_READ] = (void *)p;
	f->state = (void *)(p + FAKE_PAGE);
	f->end[FERRIO_RB_WRITE] = (void *)(p + 2 * FAKE_PAGE);
	f->data = p + 3 * FAKE_PAGE;
	f->end[FERRIO_RB_READ]->position = f->start;
	f->end[FERRIO_RB_WRITE]->position = f->start;
	f->state->state = FERRIO_RB_STATE_ALLOCATED;
	f->state->records = f->records;
	f->allocated = true;
}

void fake_close(struct fake *f)
{
	if (f->allocated)
		munmap(f->end[FERRIO_RB_READ], 3 * FAKE_PAGE + f->size);
	munmap(f->books, FAKE_PAGE);
	for (int fd = 0; fd < FDS; fd++) {
		if (fds[fd].fake != f)
			continue;
		fds[fd].fake = NULL;
		close(fd);
	}
	free(f);
}

/* Under the lock. */
static void set_state(struct fake *f, uint64_t bit)
{
	__atomic_or_fetch(&f->state->state, bit, __ATOMIC_RELEASE);
	ring_bell(f->books);
}

static void release(struct fake *f, int rw)
{
	lock(f->books);
	set_state(f, rw == FERRIO_RB_READ ? FERRIO_RB_STATE_READ_CLOSED :
		  FERRIO_RB_STATE_WRITE_CLOSED);
	unlock(f->books);
}

/* The plain descriptor of a ring of records makes more producers. */
static bool is_kept(const struct fake *f, int rw)
{
	return f->records && rw == FERRIO_RB_WRITE && !f->books->plain_is_gone;
}

static void plain_lets_go(struct fake *f)
{
	if (!f || !is_kept(f, FERRIO_RB_WRITE))
		return;
	f->books->plain_is_gone = true;
	if (f->allocated && !__atomic_load_n(&f->books->holders[FERRIO_RB_WRITE], __ATOMIC_SEQ_CST))
		release(f, FERRIO_RB_WRITE);
}

static void let_go(struct fake *f, int rw)
{
	if (!__atomic_sub_fetch(&f->books->holders[rw], 1, __ATOMIC_SEQ_CST) && !is_kept(f, rw))
		release(f, rw);
}

void fake_end_close(int fd)
{
	struct fake *f = fds[fd].fake;
	int rw = holder(fds[fd].kind);

	CHECK(f && rw >= 0);
	fds[fd].fake = NULL;
	close(fd);
	if (!fds[fd].given_up[rw])
		let_go(f, rw);
}

static void close_all(void)
{
	for (int fd = 0; fd < FDS; fd++)
		if (fds[fd].fake)
			fake_device_close(fd);
}

/* A process that ends closes what it has. */
int fake_device_open(void)
{
	CHECK(!atexit(close_all));
	return fake_open(0)->plain;
}

int fake_device_close(int fd)
{
	if (fd < 0 || fd >= FDS || !fds[fd].fake || holder(fds[fd].kind) < 0) {
		if (fd >= 0 && fd < FDS) {
			if (fds[fd].kind == FERRIO_RB_KIND_PLAIN)
				plain_lets_go(fds[fd].fake);
			fds[fd].fake = NULL;
		}
		return close(fd);
	}
	fake_end_close(fd);
	return 0;
}

static int get_info(struct fake *f, int fd, struct ferrio_rb_info *info)
{
	info->abi_version = FERRIO_RB_ABI_VERSION;
	info->features = f->features;
	info->min_bytes = FAKE_PAGE;
	info->max_bytes = FAKE_MOST;
	info->ring_bytes = f->size;
	info->kind = fds[fd].kind;
	info->state = f->allocated ? (uint32_t)f->state->state : 0;
	info->page_bytes = FAKE_PAGE;
	info->map_bytes = 3 * FAKE_PAGE + 2 * f->size;
	info->map_state = FAKE_PAGE;
	info->map_producer = 2 * FAKE_PAGE;
	info->map_data = 3 * FAKE_PAGE;
	info->records = f->records;
	info->slot = fds[fd].slot;
	if (f->warp)
		f->warp(info);
	return 0;
}

static int set_size(struct fake *f, int fd, const struct ferrio_rb_size *arg)
{
	if (arg->bytes < FAKE_PAGE || arg->bytes > FAKE_MOST || arg->bytes & (arg->bytes - 1))
		return -EINVAL;
	if (arg->flags & ~FAKE_RECORDS || (arg->flags && !(arg->flags & FERRIO_RB_RECORDS)))
		return -EINVAL;
	if (fds[fd].kind != FERRIO_RB_KIND_PLAIN)
		return -EPERM;
	if (f->allocated)
		return -EBUSY;
	f->size = arg->bytes;
	f->records = arg->flags;
	return 0;
}

static int mint(struct fake *f, int fd, struct ferrio_rb_mint *arg)
{
	static const unsigned int kind[] = {
		FERRIO_RB_KIND_CONSUMER, FERRIO_RB_KIND_PRODUCER, FERRIO_RB_KIND_OBSERVER,
	};
	int end;

	if (arg->rw > FERRIO_RB_OBSERVE)
		return -EINVAL;
	if (fds[fd].kind != FERRIO_RB_KIND_PLAIN)
		return -EPERM;
	if (arg->rw != FERRIO_RB_OBSERVE && fds[fd].given_up[arg->rw])
		return -EBADF;
	first_use(f);
	end = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	CHECK(end >= 0 && end < FDS);
	memset(&fds[end], 0, sizeof(fds[0]));
	fds[end].fake = f;
	fds[end].kind = kind[arg->rw];
	hold(end);
	arg->fd = end;
	return 0;
}

static bool holds(int fd, uint32_t rw)
{
	return !fds[fd].given_up[rw] &&
		(fds[fd].kind == FERRIO_RB_KIND_PLAIN || holder(fds[fd].kind) == (int)rw);
}

static int shut_down(struct fake *f, int fd, const struct ferrio_rb_shutdown *arg)
{
	if (arg->rw > FERRIO_RB_WRITE)
		return -EINVAL;
	if (fds[fd].slot)
		return -EBUSY;
	if (!holds(fd, arg->rw))
		return -EBADF;
	fds[fd].given_up[arg->rw] = true;
	if (fds[fd].kind != FERRIO_RB_KIND_PLAIN)
		let_go(f, arg->rw);
	else if (arg->rw == FERRIO_RB_WRITE)
		plain_lets_go(f);
	return 0;
}

/* The counters of an end's waits, as the kernel prints them. */
static struct ferrio_rb_counters *waits(struct fake *f, int rw)
{
	return rw == FERRIO_RB_READ ? &f->state->consumer : &f->state->producer;
}

static void count(__u64 *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

/* Under the lock: S2, and what goes to the end's page. */
static uint64_t arm(struct fake *f, int rw, uint64_t wanted)
{
	struct fake_books *b = f->books;

	if (!b->armed[rw])
		count(&waits(f, rw)->arms);
	if (!b->armed[rw] || (int64_t)(wanted - b->wanted[rw]) < 0) {
		b->wanted[rw] = wanted;
		b->armed[rw] = ++b->sequence;
		__atomic_store_n(&f->end[rw]->wanted, wanted, __ATOMIC_RELAXED);
		__atomic_store_n(&f->end[rw]->armed, b->armed[rw], __ATOMIC_RELEASE);
	}
	return b->armed[rw];
}

uint64_t fake_arm(struct fake *f, int rw, uint64_t wanted)
{
	uint64_t armed;

	lock(f->books);
	armed = arm(f, rw, wanted);
	unlock(f->books);
	return armed;
}

#include "fake-wait.h"

static int wake_up(struct fake *f, int rw)
{
	struct fake_books *b = f->books;

	lock(b);
	if (b->armed[!rw]) {
		b->wakes++;
		count(&waits(f, !rw)->wakes);
		b->armed[!rw] = 0;
		__atomic_store_n(&f->end[!rw]->armed, 0, __ATOMIC_RELEASE);
		ring_bell(b);
	} else {
		b->suppressed++;
		count(&waits(f, !rw)->suppressed);
	}
	unlock(b);
	return 0;
}

static int blame(struct fake *f, int rw)
{
	lock(f->books);
	f->state->corrupt = rw == FERRIO_RB_READ ? FERRIO_RB_CORRUPT_PRODUCER_TOLD :
		FERRIO_RB_CORRUPT_CONSUMER_TOLD;
	set_state(f, FERRIO_RB_STATE_CORRUPT);
	unlock(f->books);
	return 0;
}

/* Counts the call; the negative errno that the test wants it to fail with. */
static int counted(struct fake *f, unsigned int call)
{
	uint64_t before = __atomic_fetch_add(&f->books->calls[call], 1, __ATOMIC_RELAXED);

	return before >= f->fail_after[call] ? -f->fail[call] : 0;
}

static int call(struct fake *f, int fd, unsigned long command, void *arg)
{
	int error = counted(f, FAKE_CALL(command));
	uint32_t rw;

	if (error)
		return error;
	switch (command) {
	case FERRIO_RB_GET_INFO:
		return get_info(f, fd, arg);
	case FERRIO_RB_SET_SIZE:
		return set_size(f, fd, arg);
	case FERRIO_RB_MINT:
		return mint(f, fd, arg);
	case FERRIO_RB_SHUTDOWN:
		return shut_down(f, fd, arg);
	case FERRIO_RB_WAIT:
		lock(f->books);
		f->books->asked = *(struct ferrio_rb_wait *)arg;
		unlock(f->books);
		return wait_for(f, fd, arg);
	}
	rw = ((struct ferrio_rb_wakeup *)arg)->rw;
	if (rw > FERRIO_RB_WRITE)
		return -EINVAL;
	if (!holds(fd, rw))
		return -EBADF;
	__atomic_store_n(&f->books->told, rw, __ATOMIC_RELAXED);
	return command == FERRIO_RB_WAKEUP ? wake_up(f, rw) :
		command == FERRIO_RB_BLAME ? blame(f, rw) : -ENOTTY;
}

/* All structs have their size first, and nothing that is not known. */
static bool size_is_right(unsigned long command, const void *arg)
{
	size_t first = _IOC_SIZE(command);
	uint32_t size = *(const uint32_t *)arg;

	return command == FERRIO_RB_GET_INFO ? size == sizeof(struct ferrio_rb_info) :
		size == first;
}

bool fake_device_is(int fd)
{
	return fd >= 0 && fd < FDS && fds[fd].fake;
}

int fake_ioctl(int fd, unsigned long command, void *arg)
{
	int error;

	if (fd < 0 || fd >= FDS || !fds[fd].fake)
		error = -EBADF;
	else if (FAKE_CALL(command) >= FAKE_CALLS || !size_is_right(command, arg))
		error = -EINVAL;
	else
		error = call(fds[fd].fake, fd, command, arg);
	if (!error)
		return 0;
	errno = -error;
	return -1;
}

/* The file has the data once: what lies behind is the same again. */
void *fake_mmap(void *at, size_t bytes, int prot, int flags, int fd, off_t offset)
{
	struct fake *f = fds[fd].fake;
	size_t once = 3 * FAKE_PAGE + f->size - offset, part = bytes;
	int error = counted(f, FAKE_MMAP);

	if (!error && has_many(f) && prot & PROT_WRITE && fds[fd].kind == FERRIO_RB_KIND_PRODUCER)
		error = claim_slot(f, fd, at, bytes);
	if (error) {
		errno = -error;
		return MAP_FAILED;
	}
	if (part > once)
		part = once;
	CHECK(mmap(at, part, prot, flags, fd, offset) == at);
	if (part < bytes)
		CHECK(mmap((char *)at + part, bytes - part, prot, flags, fd,
			   3 * FAKE_PAGE) != MAP_FAILED);
	return at;
}

unsigned char *fake_window(struct fake *f, struct ferrio_rb_info *info)
{
	unsigned char *p;

	first_use(f);
	memset(info, 0, sizeof(*info));
	get_info(f, f->plain, info);
	p = mmap(NULL, info->map_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	return fake_mmap(p, info->map_bytes, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, f->plain, 0);
}

uint64_t fake_calls(const struct fake *f, unsigned long command)
{
	return __atomic_load_n(&f->books->calls[FAKE_CALL(command)], __ATOMIC_RELAXED);
}

uint64_t fake_position(const struct fake *f, int rw)
{
	return __atomic_load_n(&f->end[rw]->position, __ATOMIC_ACQUIRE);
}

void fake_move(struct fake *f, int rw, uint64_t position)
{
	__atomic_store_n(&f->end[rw]->position, position, __ATOMIC_RELEASE);
}

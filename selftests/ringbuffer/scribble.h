/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A hostile peer: a process of which two threads write whatever comes to their
 * mind to every word that its end lets them write, in whichever ring it is
 * handed at the time.
 */
#ifndef SCRIBBLE_H
#define SCRIBBLE_H

#include <sys/mman.h>
#include <sys/prctl.h>

#include "hold.h"

#define SCRIBBLE_SIZE	(4 * RB_PAGE)

/* The scribbler's own view of the end that it has just now. */
struct scribbler {
	unsigned int rw;
	int end;		/* its descriptor, always the same number */
	unsigned char *window;
	struct ferrio_rb_end_page *own;
	const struct ferrio_rb_end_page *peer;
	uint64_t *data;
	uint64_t seed;
};

/* What a position may become. @odds to 1 it is one that the rule allows. */
static inline uint64_t scribble_position(struct scribbler *s, uint64_t *seed,
					 uint64_t odds)
{
	static uint64_t seen[16];
	uint64_t own = s->own->position, peer = s->peer->position;
	uint64_t near = rb_random(seed) % 2 ? own : peer;
	uint64_t room = rb_random(seed) % (SCRIBBLE_SIZE + 1);

	seen[rb_random(seed) % 16] = near;
	if (rb_random(seed) % (odds + 1))
		return s->rw == FERRIO_RB_WRITE ? peer + room : peer - room;
	switch (rb_random(seed) % 16) {
	case 0: return 0;
	case 1: return ~0ULL;
	case 2: return near + 1;
	case 3: return near - 1;
	case 4: return near + SCRIBBLE_SIZE;
	case 5: return near - SCRIBBLE_SIZE;
	case 6: return near + SCRIBBLE_SIZE + 1;
	case 7: return near - SCRIBBLE_SIZE - 1;
	case 8: return 1ULL << 31;
	case 9: return 1ULL << 32;
	case 10: return 1ULL << 63;
	case 11: return near + (1ULL << 31);
	case 12: return near + (1ULL << 32);
	case 13: return near + (1ULL << 63);
	case 14: return rb_random(seed);
	default: return seen[rb_random(seed) % 16];
	}
}

/* An arm or a wish: the same values, or those that are there, a little off. */
static inline uint64_t scribble_word(struct scribbler *s, uint64_t *seed,
				     uint64_t now)
{
	switch (rb_random(seed) % 4) {
	case 0: return now + 1;
	case 1: return now - 1;
	case 2: return rb_random(seed) % 4;
	default: return scribble_position(s, seed, 1);
	}
}

static inline void *scribble_thread(void *arg)
{
	struct scribbler *s = arg;
	const size_t words = RB_PAGE / sizeof(uint64_t);
	const struct timespec nap = { 0, 50000 };
	uint64_t seed = s->seed + gettid(), odds = 0, value;
	uint64_t *word;

	for (uint64_t i = 0;; i++) {
		if (i % 1024 == 0)
			odds = (1ULL << rb_random(&seed) % 14) - 1;
		switch (rb_random(&seed) % 8) {
		case 0:
			word = (uint64_t *)&s->own->armed;
			value = scribble_word(s, &seed, *word);
			break;
		case 1:
			word = (uint64_t *)&s->own->wanted;
			value = scribble_word(s, &seed, *word);
			break;
		case 2:
			/* any other word of the page */
			word = (uint64_t *)s->own + 1 + rb_random(&seed) % (words - 1);
			value = scribble_word(s, &seed, *word);
			break;
		case 3:
			if (s->data) {
				word = s->data + rb_random(&seed) %
					(2 * SCRIBBLE_SIZE / sizeof(*word));
				value = rb_random(&seed);
				break;
			}
			/* fall through */
		default:
			word = (uint64_t *)&s->own->position;
			value = scribble_position(s, &seed, odds);
		}
		__atomic_store_n(word, value, __ATOMIC_RELAXED);
		/* also the calls that go with it, needed or not */
		if (i % 64 == 0)
			rb_wakeup(s->end, s->rw);
		/* and the victim has to come to do something */
		if (i % 256 == 0)
			nanosleep(&nap, NULL);
	}
	return NULL;
}

/*
 * The process. A new ring takes the place of the old one in one step, so that
 * the threads never find nothing there.
 */
static inline __noreturn void scribble(int over, unsigned int rw, uint64_t seed)
{
	struct scribbler s = { .rw = rw, .end = -1, .seed = seed };
	struct ferrio_rb_info info;
	pthread_t thread;
	void *page[2];
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((fd = rb_receive_fd(over)) >= 0) {
		bool first = !s.window;

		rb_info(fd, &info);
		if (first) {
			s.window = mmap(NULL, info.map_bytes, PROT_NONE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			s.end = dup(fd);
		}
		if (ring__map_window(fd, rw, &info, s.window))
			rb_die("mapping a ring: %s", strerror(errno));
		if (dup2(fd, s.end) != s.end)
			rb_die("dup2: %s", strerror(errno));
		close(fd);
		page[FERRIO_RB_READ] = s.window + info.map_consumer;
		page[FERRIO_RB_WRITE] = s.window + info.map_producer;
		s.own = page[rw];
		s.peer = page[!rw];
		if (rw == FERRIO_RB_WRITE)
			s.data = (uint64_t *)(s.window + info.map_data);
		for (int i = 0; first && i < 2; i++)
			if (pthread_create(&thread, NULL, scribble_thread, &s))
				rb_die("pthread_create failed");
		if (write(over, "k", 1) != 1)
			break;
	}
	_exit(0);
}

#endif /* SCRIBBLE_H */

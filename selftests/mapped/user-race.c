// SPDX-License-Identifier: GPL-2.0
/*
 * Both ends in one address space, at the same addresses, each with a thread: what
 * ThreadSanitizer needs to see that each byte is ordered by the positions.
 */

#include <pthread.h>
#include <sys/mman.h>

#include "user.h"

#define TOTAL	3000000UL

struct side {
	struct ringbuffer rb;
	const char *fault;
};

/* All bytes are written and read by this code, not by a copy that is not seen. */
static void *produce(void *arg)
{
	struct side *s = arg;
	uint64_t seed = 10, in = 0;
	unsigned char b[300];

	while (in < TOTAL) {
		size_t bytes = roll(&seed) % sizeof(b) + 1;
		void *p;

		if (bytes > TOTAL - in)
			bytes = TOTAL - in;
		if (bytes & 1) {
			p = ringbuffer_reserve(&s->rb, bytes);
			if (!p) {
				s->fault = "reserve failed";
				break;
			}
			fill(p, bytes, in);
			if (ringbuffer_commit(&s->rb, bytes))
				s->fault = "commit failed";
		} else {
			fill(b, bytes, in);
			if (ringbuffer_write(&s->rb, b, bytes) != (ssize_t)bytes)
				s->fault = "write failed";
		}
		in += bytes;
	}
	return NULL;
}

static void *consume(void *arg)
{
	struct side *s = arg;
	uint64_t seed = 11, out = 0;
	unsigned char b[300];

	while (out < TOTAL) {
		size_t bytes = roll(&seed) % sizeof(b) + 1;
		const void *p = b;
		ssize_t n;

		if (bytes & 1) {
			bytes = 1;
			p = ringbuffer_peek(&s->rb, &bytes);
			n = p ? (ssize_t)bytes : -1;
		} else {
			n = ringbuffer_read(&s->rb, b, bytes);
		}
		if (n <= 0 || differs(p, n, out) != -1) {
			s->fault = n <= 0 ? "read failed" : "other bytes";
			break;
		}
		if (p != b && ringbuffer_consume(&s->rb, n))
			s->fault = "bytes were not taken back";
		out += n;
	}
	return NULL;
}

static void race(struct __test_metadata *_metadata, uint64_t start, uint32_t spin)
{
	struct fake *f = fake_open(start);
	struct ferrio_rb_info info;
	struct side w = { .fault = NULL }, r = { .fault = NULL };
	unsigned char *window;
	pthread_t thread;
	int rfd, wfd;

	f->size = FAKE_PAGE;
	rfd = ring__mint(f->plain, R);
	wfd = ring__mint(f->plain, W);
	window = fake_window(f, &info);
	ring__attach(rfd, R, &info, window, &r.rb);
	ring__attach(wfd, W, &info, window, &w.rb);
	r.rb.spin = spin;
	w.rb.spin = spin;
	ASSERT_EQ(0, pthread_create(&thread, NULL, produce, &w));
	consume(&r);
	pthread_join(thread, NULL);
	EXPECT_EQ(NULL, w.fault)
		TH_LOG("%s", w.fault);
	EXPECT_EQ(NULL, r.fault)
		TH_LOG("%s", r.fault);
	EXPECT_EQ(start + TOTAL, fake_position(f, R));
	EXPECT_EQ(0, ringbuffer_used(&r.rb));
	munmap(window, info.map_bytes);
	fake_close(f);
}

TEST(sleepers)
{
	race(_metadata, 0, 0);
}

TEST(spinners)
{
	race(_metadata, -1000000UL, 1000);
}

TEST_HARNESS_MAIN

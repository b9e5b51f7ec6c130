// SPDX-License-Identifier: GPL-2.0
/*
 * The rule broken by hand: with each value at each place what every call makes
 * of it, that it is final, who is told, and who is woken.
 */

#include <sys/epoll.h>
#include <sys/mman.h>

#include "hold.h"
#include "rb_harness.h"

#define SIZE	(4 * RB_PAGE)
#define SOON	1000000000ULL	/* nanoseconds */

/* One end is the victim's; the other is mapped by hand as well. */
FIXTURE(rule) {
	int fd[2];
	struct ferrio_rb_end_page *page[2];
	const struct ferrio_rb_state_page *state;
	long live;
};

FIXTURE_VARIANT(rule) {
	unsigned int rw;
	bool mapped;
	unsigned int reason;
};

FIXTURE_VARIANT_ADD(rule, consumer) {
	.rw = FERRIO_RB_READ, .reason = FERRIO_RB_CORRUPT_PRODUCER,
};

FIXTURE_VARIANT_ADD(rule, mapped_consumer) {
	.rw = FERRIO_RB_READ, .mapped = true,
	.reason = FERRIO_RB_CORRUPT_PRODUCER_TOLD,
};

FIXTURE_VARIANT_ADD(rule, producer) {
	.rw = FERRIO_RB_WRITE, .reason = FERRIO_RB_CORRUPT_CONSUMER,
};

FIXTURE_VARIANT_ADD(rule, mapped_producer) {
	.rw = FERRIO_RB_WRITE, .mapped = true,
	.reason = FERRIO_RB_CORRUPT_CONSUMER_TOLD,
};

static void *map(int fd, size_t first, size_t count, int prot)
{
	void *at = mmap(NULL, count * RB_PAGE, prot, MAP_SHARED, fd,
			first * RB_PAGE);

	if (at == MAP_FAILED)
		rb_die("mmap: %s", strerror(errno));
	return at;
}

static void start(struct _test_data_rule *self)
{
	const size_t pages = 2 * SIZE / RB_PAGE;

	hold_ends(SIZE, self->fd);
	self->page[FERRIO_RB_READ] = map(self->fd[FERRIO_RB_READ], 0, 1,
					 PROT_READ | PROT_WRITE);
	self->page[FERRIO_RB_WRITE] = map(self->fd[FERRIO_RB_WRITE], 2, 1 + pages,
					  PROT_READ | PROT_WRITE);
	self->state = map(self->fd[FERRIO_RB_READ], 1, 2 + pages, PROT_READ);
}

static void stop(struct _test_data_rule *self)
{
	const size_t pages = 2 * SIZE / RB_PAGE;

	munmap(self->page[FERRIO_RB_READ], RB_PAGE);
	munmap(self->page[FERRIO_RB_WRITE], (1 + pages) * RB_PAGE);
	munmap((void *)self->state, (2 + pages) * RB_PAGE);
	close(self->fd[FERRIO_RB_READ]);
	close(self->fd[FERRIO_RB_WRITE]);
}

FIXTURE_SETUP(rule)
{
	signal(SIGPIPE, SIG_IGN);
	self->live = rb_live_pages();
	start(self);
}

FIXTURE_TEARDOWN(rule)
{
	stop(self);
	EXPECT_TRUE(rb_pages_return(self->live));
}

static void set(struct _test_data_rule *self, unsigned int rw, uint64_t position)
{
	__atomic_store_n(&self->page[rw]->position, position, __ATOMIC_RELEASE);
}

/* What every value of `producer - consumer` does, wherever the victim is. */
static const uint64_t distance[] = {
	0, 1, RB_PAGE, SIZE - 1, SIZE,
	SIZE + 1, 2 * SIZE - 1, 2 * SIZE, 1ULL << 31, 1ULL << 32, 1ULL << 63,
	(1ULL << 32) + 1, (1ULL << 63) + SIZE, ~0ULL, ~0ULL - 1, -(uint64_t)SIZE,
	-(uint64_t)SIZE - 1, -(1ULL << 31), -(1ULL << 32), ~0ULL << 14,
};

static const uint64_t place[] = {
	0, 1, SIZE - 1, (1ULL << 32) - 1, 1ULL << 63, -(uint64_t)SIZE, ~0ULL,
};

/* The state of a ring that is broken, at both ends and for everybody. */
static void must_be_corrupt(struct __test_metadata *_metadata,
			    struct _test_data_rule *self,
			    const struct _fixture_variant_rule *variant)
{
	struct ferrio_rb_info info;
	char c = 0;

	EXPECT_EQ(-EBADMSG, E(read(self->fd[FERRIO_RB_READ], &c, 1)));
	EXPECT_EQ(-EBADMSG, E(write(self->fd[FERRIO_RB_WRITE], &c, 1)));
	for (unsigned int rw = 0; rw < 2; rw++) {
		int fd = self->fd[rw];

		EXPECT_EQ(-EBADMSG, hold_wait(fd, rw, 1, -1, NULL));
		EXPECT_EQ(-EBADMSG, hold_wait(fd, rw, 1, 0, NULL));
		EXPECT_EQ(POLLERR, hold_poll(fd) & ~(POLLIN | POLLOUT));
		EXPECT_EQ(variant->reason, rb_fdinfo(fd, "rb-corrupt"));
		rb_info(fd, &info);
		EXPECT_EQ(variant->reason, info.corrupt);
		EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED | FERRIO_RB_STATE_CORRUPT,
			  info.state);
	}
	EXPECT_EQ(variant->reason, self->state->corrupt);
	EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED | FERRIO_RB_STATE_CORRUPT,
		  self->state->state);
}

/* What is there, or free, exactly; or EBADMSG, and then for ever. */
TEST_F(rule, every_value)
{
	static char buf[2 * SIZE];
	const bool reads = variant->rw == FERRIO_RB_READ;
	const size_t all = ARRAY_SIZE(distance) * ARRAY_SIZE(place);
	/* a ring for each takes long on the slow kernel: every seventh, all values */
	const size_t step = rb_test_kernel() && !getenv("FERRIO_LONG") ? 7 : 1;

	for (size_t i = 0; i < all; i += step) {
		uint64_t d = distance[i % ARRAY_SIZE(distance)];
		uint64_t own = place[i / ARRAY_SIZE(distance)];
		uint64_t there = d > SIZE ? SIZE : d;
		bool breaks = d > SIZE;
		long want = reads ? d : SIZE - d;
		struct hold h;

		set(self, variant->rw, own);
		set(self, !variant->rw, reads ? own + d : own - d);
		hold_take(&h, dup(self->fd[variant->rw]), variant->rw,
			  variant->mapped);
		hold_nonblock(&h, true);
		/* third parties clamp what is impossible, and change nothing */
		EXPECT_EQ(there, rb_avail(h.fd));
		EXPECT_EQ(there ? POLLIN : 0, hold_poll(self->fd[FERRIO_RB_READ]));
		EXPECT_EQ(SIZE - there >= RB_PAGE ? POLLOUT : 0,
			  hold_poll(self->fd[FERRIO_RB_WRITE]));
		EXPECT_EQ(0, rb_fdinfo(h.fd, "rb-corrupt"));
		if (breaks)
			want = -EBADMSG;
		else if (!want)
			want = -EAGAIN;
		EXPECT_EQ(want, hold_move(&h, buf, sizeof(buf)))
			TH_LOG("own %llx, %llx in the ring",
			       (unsigned long long)own, (unsigned long long)d);
		EXPECT_EQ(own + (want > 0 ? want : 0),
			  self->page[variant->rw]->position);
		if (breaks) {
			must_be_corrupt(_metadata, self, variant);
			/* keeping to the rule again does not help */
			set(self, !variant->rw, own);
			must_be_corrupt(_metadata, self, variant);
			EXPECT_EQ(-EBADMSG, hold_move(&h, buf, 1));
		}
		hold_drop(&h);
		if (breaks) {
			stop(self);
			start(self);
		}
	}
}

/* A length of 0 asks for nothing, so nothing is found. */
TEST_F(rule, nothing_is_asked)
{
	const bool reads = variant->rw == FERRIO_RB_READ;
	char c = 0;

	set(self, !variant->rw, reads ? SIZE + 1 : 1);
	EXPECT_EQ(0, reads ? E(read(self->fd[variant->rw], &c, 0)) :
			     E(write(self->fd[variant->rw], &c, 0)));
	EXPECT_EQ(0, rb_fdinfo(self->fd[variant->rw], "rb-corrupt"));
}

/* Whoever sleeps, at either end, in whatever, is told. */
TEST_F(rule, wakes_everybody)
{
	const bool reads = variant->rw == FERRIO_RB_READ;
	const size_t part = SIZE - RB_PAGE / 2;
	static char buf[SIZE];
	struct ferrio_rb_wait wait[2];
	struct pollfd pfd[2];
	struct rb_call c[4];
	struct hold h;
	uint64_t at;

	ASSERT_EQ(part, write(self->fd[FERRIO_RB_WRITE], buf, part));
	for (unsigned int rw = 0; rw < 2; rw++) {
		wait[rw] = (struct ferrio_rb_wait){
			.size = sizeof(wait[rw]), .rw = rw, .min_bytes = SIZE,
		};
		pfd[rw] = (struct pollfd){ .fd = self->fd[rw] };
		rb_call_ioctl(&c[rw], self->fd[rw], FERRIO_RB_WAIT, &wait[rw]);
		rb_call_poll(&c[2 + rw], &pfd[rw], -1);
	}
	for (int i = 0; i < 4; i++)
		rb_call_asleep(&c[i]);
	hold_take(&h, dup(self->fd[variant->rw]), variant->rw, variant->mapped);
	h.rb.nonblock = true;
	set(self, !variant->rw, reads ? 0ULL - 1 : part + 1);
	ASSERT_EQ(-EBADMSG, hold_move(&h, buf, 1));
	at = rb_now();
	EXPECT_EQ(-EBADMSG, rb_call_end(&c[0]));
	EXPECT_EQ(-EBADMSG, rb_call_end(&c[1]));
	EXPECT_EQ(1, rb_call_end(&c[2]));
	EXPECT_EQ(1, rb_call_end(&c[3]));
	EXPECT_EQ(POLLERR, pfd[0].revents);
	EXPECT_EQ(POLLERR, pfd[1].revents);
	EXPECT_GE(SOON, rb_now() - at);
	hold_drop(&h);
}

/* One who sleeps in read() or write() of the victim's own end. */
TEST_F(rule, wakes_a_turn)
{
	const bool reads = variant->rw == FERRIO_RB_READ;
	static char buf[SIZE];
	struct rb_call c;
	struct hold h;
	uint64_t at;
	char one = 0;

	if (reads) {
		rb_call_read(&c, self->fd[FERRIO_RB_READ], &one, 1);
	} else {
		ASSERT_EQ(SIZE, write(self->fd[FERRIO_RB_WRITE], buf, SIZE));
		rb_call_write(&c, self->fd[FERRIO_RB_WRITE], &one, 1);
	}
	rb_call_asleep(&c);
	hold_take(&h, dup(self->fd[variant->rw]), variant->rw, variant->mapped);
	h.rb.nonblock = true;
	set(self, !variant->rw, ~0ULL);
	ASSERT_EQ(-EBADMSG, hold_move(&h, buf, 1));
	at = rb_now();
	EXPECT_EQ(-EBADMSG, rb_call_end(&c));
	EXPECT_GE(SOON, rb_now() - at);
	hold_drop(&h);
}

/* ---- for a moment only ---- */

FIXTURE(asleep) {
	int r, w, o, epoll;
	struct hold bad;
	long live;
};

FIXTURE_VARIANT(asleep) {
	long call;
};

FIXTURE_VARIANT_ADD(asleep, read) { SYS_read };
FIXTURE_VARIANT_ADD(asleep, wait) { SYS_ioctl };
FIXTURE_VARIANT_ADD(asleep, poll) { SYS_poll };

FIXTURE_SETUP(asleep)
{
	int plain;

	self->live = rb_live_pages();
	plain = rb_open(O_RDWR);
	self->r = rb_mint(plain, FERRIO_RB_READ);
	self->w = rb_mint(plain, FERRIO_RB_WRITE);
	self->o = rb_mint(plain, FERRIO_RB_OBSERVE);
	hold_take(&self->bad, rb_mint(plain, FERRIO_RB_WRITE), FERRIO_RB_WRITE, true);
	close(plain);
	self->epoll = epoll_create1(EPOLL_CLOEXEC);
}

FIXTURE_TEARDOWN(asleep)
{
	hold_drop(&self->bad);
	close(self->epoll);
	close(self->r);
	close(self->w);
	close(self->o);
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* A poll that is armed for while the position is far away lowers nobody's arm. */
TEST_F(asleep, a_poll_meets_a_wrong_position)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	struct ferrio_rb_wait wait = { .size = sizeof(wait), .rw = FERRIO_RB_READ };
	struct pollfd p = { .fd = self->r, .events = POLLIN };
	struct rb_call call;
	char buf[100];

	switch (variant->call) {
	case SYS_read:
		rb_call_read(&call, self->r, buf, sizeof(buf));
		break;
	case SYS_poll:
		rb_call_poll(&call, &p, -1);
		break;
	default:
		rb_call_ioctl(&call, self->r, FERRIO_RB_WAIT, &wait);
	}
	rb_call_asleep(&call);
	__atomic_store_n(self->bad.rb.own, 1ULL << 63, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->o, &ev));
	__atomic_store_n(self->bad.rb.own, 0, __ATOMIC_SEQ_CST);
	ASSERT_EQ(3, write(self->w, "abc", 3));
	EXPECT_EQ(variant->call == SYS_read ? 3 : variant->call == SYS_poll, rb_call_end(&call));
	/* unless the bytes are gone before it looks */
	if (variant->call != SYS_read)
		EXPECT_EQ(1, epoll_wait(self->epoll, &ev, 1, -1));
	EXPECT_EQ(0, rb_fdinfo(self->r, "rb-corrupt"));
}

TEST_HARNESS_MAIN

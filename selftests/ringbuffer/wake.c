// SPDX-License-Identifier: GPL-2.0
/*
 * No wake is lost and none is made for nothing: every way to wait for data, with
 * every way to send it, between two processes on one CPU and on two, with
 * signals in between.
 */

#include <sys/epoll.h>

#include <ferrio/ring.h>

#include "players.h"

/* How a player sends, and how it waits and receives. */
enum out { WRITE, MAPPED_WRITE };

enum in {
	READ,			/* sleeps in read(2) */
	MAPPED,			/* sleeps in FERRIO_RB_WAIT, by the library */
	POLL_READ, POLL_MAPPED,
	LEVEL_READ, LEVEL_MAPPED,	/* epoll */
	EDGE_READ, EDGE_MAPPED,		/* epoll with EPOLLET */
	INS
};

static bool is_mapped(enum in way_in)
{
	return way_in == MAPPED || way_in == POLL_MAPPED || way_in == LEVEL_MAPPED ||
	       way_in == EDGE_MAPPED;
}

/* One end in one process. */
struct end {
	int fd, level, edge;
	struct ringbuffer rb;
	bool nonblock;
};

static int watch(int fd, unsigned int events)
{
	struct epoll_event ev = { .events = events };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
		rb_die("epoll: %s", strerror(errno));
	return ep;
}

static void end_open(struct end *e, int fd, int rw)
{
	*e = (struct end){ .fd = fd, .level = -1, .edge = -1 };
	if (ringbuffer(fd, rw, 0, &e->rb) != fd)
		rb_die("ringbuffer: %s", strerror(errno));
	/* The point is the sleep. */
	e->rb.spin = 0;
}

static void set_nonblock(struct end *e, bool on)
{
	e->rb.nonblock = on;
	if (on == e->nonblock)
		return;
	if (fcntl(e->fd, F_SETFL, O_RDWR | (on ? O_NONBLOCK : 0)))
		rb_die("F_SETFL: %s", strerror(errno));
	e->nonblock = on;
}

static void await(struct end *e, enum in way_in)
{
	struct pollfd p = { .fd = e->fd, .events = POLLIN };
	struct epoll_event ev;
	int n;

	if (errno == EINTR)
		return;
	if (errno != EAGAIN)
		rb_die("receive, way %d: %s", way_in, strerror(errno));
	if (way_in == POLL_READ || way_in == POLL_MAPPED) {
		n = poll(&p, 1, -1);
	} else if (way_in == LEVEL_READ || way_in == LEVEL_MAPPED) {
		if (e->level < 0)
			e->level = watch(e->fd, EPOLLIN);
		n = epoll_wait(e->level, &ev, 1, -1);
	} else {
		if (e->edge < 0)
			e->edge = watch(e->fd, EPOLLIN | EPOLLET);
		n = epoll_wait(e->edge, &ev, 1, -1);
	}
	if (n < 0 && errno == EINTR)
		return;
	if (n != 1)
		rb_die("way %d: %d events: %s", way_in, n, strerror(errno));
}

/* Up to @len bytes, at least one. */
static size_t receive(struct end *e, enum in way_in, void *buf, size_t len)
{
	ssize_t n;

	set_nonblock(e, way_in > MAPPED);
	for (;;) {
		n = is_mapped(way_in) ? ringbuffer_read(&e->rb, buf, len) :
			read(e->fd, buf, len);
		if (n > 0)
			return n;
		if (!n)
			rb_die("way %d: the stream has ended", way_in);
		await(e, way_in);
	}
}

static void send(struct end *e, enum out way_out, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = way_out == WRITE ?
			write(e->fd, buf + done, len - done) :
			ringbuffer_write(&e->rb, buf + done, len - done);

		if (n > 0)
			done += n;
		else if (!n || errno != EINTR)
			rb_die("no byte sent: %zd: %s", n, strerror(errno));
	}
}

struct game {
	int fd[2][2];		/* of two rings, by FERRIO_RB_READ and _WRITE */
	int signal_flags;	/* -1: no signals */
	int cpus;
	enum out out;
	enum in in;
	uint64_t count, seed;
};

static void prepare(struct game *g, int who)
{
	rb_pin(who % g->cpus % sysconf(_SC_NPROCESSORS_ONLN));
}

/* A number goes to and fro; who sends it sleeps for the answer. */
static void ping_pong(void *arg, int who, uint64_t *progress)
{
	struct game *g = arg;
	struct end from, to;
	uint64_t got, extra;

	prepare(g, who);
	end_open(&from, g->fd[who][FERRIO_RB_READ], FERRIO_RB_READ);
	end_open(&to, g->fd[!who][FERRIO_RB_WRITE], FERRIO_RB_WRITE);
	for (uint64_t i = 0; i < g->count; i++) {
		if (who)
			send(&to, g->out, &i, sizeof(i));
		if (receive(&from, g->in, &got, sizeof(got)) != sizeof(got) ||
		    got != i)
			rb_die("message %llu is %llu", (unsigned long long)i,
			       (unsigned long long)got);
		/* An edge may be waited for only when nothing is left. */
		if (from.nonblock &&
		    (is_mapped(g->in) ? ringbuffer_read(&from.rb, &extra, 1) :
		     read(from.fd, &extra, 1)) != -1)
			rb_die("more than one message in flight");
		if (!who)
			send(&to, g->out, &i, sizeof(i));
		players_step(progress);
	}
}

FIXTURE(wake) {
	int plain[2];
	struct game game;
	long live;
};

FIXTURE_SETUP(wake)
{
	rb_catch(SIGPIPE, SA_RESTART);
	self->live = rb_live_pages();
	self->game.signal_flags = -1;
	self->game.cpus = 2;
	for (int i = 0; i < 2; i++) {
		self->plain[i] = rb_open(O_RDWR);
		for (int rw = 0; rw < 2; rw++)
			self->game.fd[i][rw] = rb_mint(self->plain[i], rw);
	}
}

FIXTURE_TEARDOWN(wake)
{
	for (int i = 0; i < 4; i++)
		close(self->game.fd[i / 2][i % 2]);
	for (int i = 0; i < 2; i++)
		close(self->plain[i]);
	EXPECT_TRUE(rb_pages_return(self->live));
}

static void run(struct __test_metadata *_metadata, struct game *g, int *plain,
		void (*play)(void *arg, int who, uint64_t *progress))
{
	struct players p;

	/* In place before there is anybody to send one to. */
	if (g->signal_flags >= 0)
		rb_catch(SIGUSR1, g->signal_flags);
	players_start(&p, plain[0], plain[1], play, g);
	ASSERT_TRUE(players_watch(&p, g->signal_flags < 0 ? 0 : SIGUSR1))
		TH_LOG("ways %d to %d, %d CPUs", g->out, g->in, g->cpus);
	for (int i = 0; i < 2; i++) {
		EXPECT_TRUE(identities_hold(plain[i]));
		EXPECT_EQ(0, rb_fdinfo(plain[i], "rb-misuse"));
		EXPECT_EQ(0, rb_fdinfo(plain[i], "rb-corrupt"));
		EXPECT_EQ(rb_fdinfo(plain[i], "rb-written"),
			  rb_fdinfo(plain[i], "rb-read"));
	}
}

static long wakes_of(const int *plain)
{
	return end_counter(plain[0], FERRIO_RB_READ, "wakes") +
	       end_counter(plain[1], FERRIO_RB_READ, "wakes");
}

/* Every way to wait, for what comes by @out. */
static void all_ways(struct __test_metadata *_metadata, struct game *g,
		     int *plain, enum out way_out, int cpus)
{
	g->out = way_out;
	g->cpus = cpus;
	g->count = cpus == 1 ? rounds(400, 12) : rounds(100, 12);
	for (enum in way_in = 0; way_in < INS; way_in++) {
		long wakes = wakes_of(plain);

		g->in = way_in;
		run(_metadata, g, plain, ping_pong);
		/* on one CPU at least one of the two is asleep in each round */
		EXPECT_LT(cpus == 1 ? g->count / 2 : 0, wakes_of(plain) - wakes)
			TH_LOG("ways %d to %d", way_out, way_in);
	}
}

TEST_F_TIMEOUT(wake, write_to_all, 60)
{
	all_ways(_metadata, &self->game, self->plain, WRITE, 2);
}

TEST_F_TIMEOUT(wake, write_to_all_1cpu, 60)
{
	all_ways(_metadata, &self->game, self->plain, WRITE, 1);
}

TEST_F_TIMEOUT(wake, mapped_to_all, 60)
{
	all_ways(_metadata, &self->game, self->plain, MAPPED_WRITE, 2);
}

TEST_F_TIMEOUT(wake, mapped_to_all_1cpu, 60)
{
	all_ways(_metadata, &self->game, self->plain, MAPPED_WRITE, 1);
}

/*
 * Who waits for an edge has nobody to tell him twice.  For an hour when there is
 * time: what is lost once in many millions is not found in a minute.
 */
TEST_F_TIMEOUT(wake, edges, 300)
{
	const int hour = 3600, moment = rb_test_kernel() ? 0 : 2;
	struct timespec begin, now;
	int i = 0;

	self->game.count = rounds(300, 6);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		self->game.cpus = 1 + i % 2;
		self->game.out = i / 2 % 2 ? MAPPED_WRITE : WRITE;
		self->game.in = i / 4 % 2 ? EDGE_MAPPED : EDGE_READ;
		run(_metadata, &self->game, self->plain, ping_pong);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (++i < 8 ||
		 now.tv_sec - begin.tv_sec < (getenv("FERRIO_LONG") ? hour : moment));
}

/* Bursts and pauses, each in another way, through the first ring. */
static void rounds_of(struct game *g, int rw, uint64_t *progress)
{
	static unsigned char buf[512];
	uint64_t seed = g->seed + rw, pos = 0, r;
	struct end e;
	size_t len;

	end_open(&e, g->fd[0][rw], rw);
	/* All may fit into the ring: with nobody asleep at first there might be no wake. */
	while (rw == FERRIO_RB_WRITE && !end_counter(e.fd, FERRIO_RB_READ, "arms"))
		rb_sleep_ms(1);
	while (pos < g->count) {
		r = rb_random(&seed);
		/* Seldom many, so that the other end is often asleep. */
		len = 1 + (r >> 8) % (r >> 60 ? 8 : sizeof(buf));
		if (len > g->count - pos)
			len = g->count - pos;
		if (rw == FERRIO_RB_WRITE) {
			rb_pattern(buf, len, pos);
			send(&e, r & 1, buf, len);
			if ((r >> 32) % 8 == 0)
				sched_yield();
			for (int i = (r >> 32) % 8 ? 0 : (r >> 40) % 500; i; i--)
				ring__pause();
		} else {
			enum in way_in = (r >> 32) % INS;

			/* See ping_pong(): here receive() looks first. */
			len = receive(&e, way_in, buf, len);
			if (rb_mismatch(buf, len, pos) >= 0)
				rb_die("way %d: wrong byte behind %llu", way_in,
				       (unsigned long long)pos);
		}
		pos += len;
		players_step(progress);
	}
}

static void random_rounds(void *arg, int who, uint64_t *progress)
{
	prepare(arg, who);
	rounds_of(arg, who, progress);
}

/* On average a round is of 20 bytes. */
#define ROUND	20

TEST_F_TIMEOUT(wake, random_rounds, 90)
{
	/* Where one CPU is all there is, this is the next test once more. */
	self->game.count = ROUND * (uint64_t)(sysconf(_SC_NPROCESSORS_ONLN) > 1 ?
					      rounds(100000, 500) : rounds(8000, 500));
	self->game.seed = rb_seed();
	run(_metadata, &self->game, self->plain, random_rounds);
	EXPECT_LT(0, end_counter(self->plain[0], FERRIO_RB_READ, "wakes"));
}

TEST_F_TIMEOUT(wake, random_rounds_1cpu, 90)
{
	self->game.cpus = 1;
	self->game.count = ROUND * (uint64_t)rounds(8000, 500);
	self->game.seed = rb_seed();
	run(_metadata, &self->game, self->plain, random_rounds);
	EXPECT_LT(0, end_counter(self->plain[0], FERRIO_RB_READ, "wakes"));
}

/* A signal at any moment ends or restarts a wait, and takes no wake away. */
static void signals(struct __test_metadata *_metadata, struct game *g,
		    int *plain, int flags)
{
	g->signal_flags = flags;
	g->count = ROUND * (uint64_t)rounds(1200, 60);
	for (g->cpus = 1; g->cpus <= 2; g->cpus++) {
		g->seed = rb_seed();
		run(_metadata, g, plain, random_rounds);
	}
}

TEST_F_TIMEOUT(wake, signals_interrupt, 90)
{
	signals(_metadata, &self->game, self->plain, 0);
}

TEST_F_TIMEOUT(wake, signals_restart, 90)
{
	signals(_metadata, &self->game, self->plain, SA_RESTART);
}

/* Waits for each of a list of sizes, mapped. */
static void wait_for_many(int fd, uint64_t seed, int count)
{
	struct end e;

	end_open(&e, fd, FERRIO_RB_READ);
	for (int i = 0; i < count; i++) {
		size_t want = 2 + rb_random(&seed) % 300, there = want;

		if (!ringbuffer_peek(&e.rb, &there) || there != want ||
		    ringbuffer_consume(&e.rb, want))
			rb_die("peek at %zu: %zu: %s", want, there,
			       strerror(errno));
	}
	_exit(0);
}

/*
 * Who waits for many bytes that come one by one is called once, when the last
 * is there, and the producer makes no other call.
 */
static void minimum(struct __test_metadata *_metadata, struct game *g,
		    int *plain, enum out way_out)
{
	uint64_t seed = rb_seed(), again = seed;
	int status, count = rounds(60, 8);
	struct end e;
	pid_t pid;

	end_open(&e, g->fd[0][FERRIO_RB_WRITE], FERRIO_RB_WRITE);
	pid = players_fork();
	ASSERT_LE(0, pid);
	if (!pid)
		wait_for_many(g->fd[0][FERRIO_RB_READ], again, count);
	for (int i = 0; i < count; i++) {
		size_t want = 2 + rb_random(&seed) % 300;

		rb_asleep(pid, pid, SYS_ioctl);
		ASSERT_EQ(i + 1, end_counter(plain[0], FERRIO_RB_READ, "arms"));
		while (--want)
			send(&e, way_out, "x", 1);
		ASSERT_EQ(i, end_counter(plain[0], FERRIO_RB_READ, "wakes"));
		send(&e, way_out, "x", 1);
		ASSERT_EQ(i + 1, end_counter(plain[0], FERRIO_RB_READ, "wakes"));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	EXPECT_EQ(count, end_counter(plain[0], FERRIO_RB_READ, "arms"));
	EXPECT_EQ(count, end_counter(plain[0], FERRIO_RB_READ, "sleeps"));
	EXPECT_EQ(0, end_counter(plain[0], FERRIO_RB_READ, "spurious"));
	EXPECT_EQ(0, end_counter(plain[0], FERRIO_RB_READ, "suppressed"));
	EXPECT_EQ(0, end_counter(plain[0], FERRIO_RB_WRITE, "arms"));
	ringbuffer_unmap(&e.rb);
}

TEST_F_TIMEOUT(wake, minimum_mapped, 60)
{
	minimum(_metadata, &self->game, self->plain, MAPPED_WRITE);
}

TEST_F_TIMEOUT(wake, minimum_write, 60)
{
	minimum(_metadata, &self->game, self->plain, WRITE);
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * A 32-bit client of a 64-bit kernel: what is wider than its words, windows,
 * positions beyond 2^32, and peers of 64 bits.
 *
 * abi.c, map.c and mapped.c are built as 32-bit programs as well.  They have
 * offsets of 64 bits (_FILE_OFFSET_BITS), this one has those of 32.
 */

#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "fix_dev.h"
#include "fix_limit.h"
#include "hold.h"
#include "layout.h"

_Static_assert(sizeof(void *) == 4 && sizeof(long) == 4, "32 bits");

#define G4	(1ULL << 32)

/* Every command, from a struct on the stack: above 2 GiB, so no sign is extended. */
TEST_F(dev, every_command)
{
	struct ferrio_rb_wait wait = { .size = sizeof(wait), .rw = FERRIO_RB_READ };
	struct ferrio_rb_info info;
	int r, w, o, bytes = -1;

	ASSERT_LT(0x80000000UL, (unsigned long)&wait);
	rb_info(self->fd, &info);
	EXPECT_EQ(sizeof(info), info.size);
	EXPECT_EQ(1ULL << 30, info.max_bytes);
	EXPECT_EQ(65536, info.ring_bytes);
	EXPECT_EQ(0, rb_set_size(self->fd, 2 * RB_PAGE));
	r = rb_mint(self->fd, FERRIO_RB_READ);
	w = rb_mint(self->fd, FERRIO_RB_WRITE);
	o = rb_mint(self->fd, FERRIO_RB_OBSERVE);
	rb_info(o, &info);
	EXPECT_EQ(FERRIO_RB_KIND_OBSERVER, info.kind);
	EXPECT_EQ(2 * RB_PAGE, info.ring_bytes);
	EXPECT_EQ(7 * RB_PAGE, info.map_bytes);
	EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED, info.state);
	ASSERT_EQ(3, write(w, "abc", 3));
	EXPECT_EQ(0, E(ioctl(r, FERRIO_RB_WAIT, &wait)));
	EXPECT_EQ(3, wait.bytes);
	EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED, wait.state);
	EXPECT_EQ(0, ioctl(o, FIONREAD, &bytes));
	EXPECT_EQ(3, bytes);
	EXPECT_EQ(0, rb_wakeup(w, FERRIO_RB_WRITE));
	EXPECT_EQ(1, rb_fdinfo(o, "rb-consumer-suppressed"));
	EXPECT_EQ(-EBADF, rb_shutdown(o, FERRIO_RB_READ));
	EXPECT_EQ(0, rb_shutdown(r, FERRIO_RB_READ));
	EXPECT_EQ(1, rb_fdinfo(o, "rb-consumers"));
	EXPECT_EQ(0, rb_blame(w, FERRIO_RB_WRITE));
	EXPECT_EQ(-EBADMSG, E(write(w, "x", 1)));
	rb_info(o, &info);
	EXPECT_EQ(FERRIO_RB_CORRUPT_CONSUMER_TOLD, info.corrupt);
	EXPECT_EQ(-ENOTTY, E(ioctl(r, SIOCINQ + 1, &bytes)));
	EXPECT_EQ(-EFAULT, E(ioctl(o, FERRIO_RB_GET_INFO, NULL)));
	close(r);
	close(w);
	close(o);
}

/* Arguments of 64 bits come as they are, with nothing cut off. */
TEST_F(dev, wide_arguments)
{
	static const uint64_t bad[] = {
		G4, G4 + RB_PAGE, G4 + 65536, 1ULL << 63, UINT64_MAX,
	};
	struct ferrio_rb_wait wait;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, rb_set_size(self->fd, bad[i]));
		EXPECT_EQ(-EINVAL, hold_wait(self->fd, FERRIO_RB_WRITE, bad[i],
					     0, NULL));
	}
	EXPECT_EQ(0, hold_wait(self->fd, FERRIO_RB_WRITE, 65536, 0, &wait));
	EXPECT_EQ(65536, wait.bytes);
}

/* A result of 64 bits comes as it is, too. */
TEST_F(limit, wide_result)
{
	struct ferrio_rb_info info;
	int fd = rb_open(O_RDWR);

	set_limit("user_max_bytes", 5 * G4 + RB_PAGE);
	rb_info(fd, &info);
	EXPECT_EQ(5 * G4 + RB_PAGE, info.user_max_bytes);
	close(fd);
}

/* Times of which the lower half alone would be over at once. */
TEST_F(dev, wide_times)
{
	struct ferrio_rb_wait wait[] = {
		{ .flags = FERRIO_RB_WAIT_RELATIVE, .timeout = G4 },
		{ .flags = FERRIO_RB_WAIT_RELATIVE, .timeout = UINT64_MAX },
		{ .flags = FERRIO_RB_WAIT_ABSOLUTE, .timeout = 1ULL << 60 },
		{ .flags = FERRIO_RB_WAIT_ABSOLUTE,
		  .timeout = (rb_now() & ~(G4 - 1)) + 4 * G4 },
	};
	struct rb_call call;
	char c;

	for (size_t i = 0; i < ARRAY_SIZE(wait); i++) {
		wait[i].size = sizeof(wait[i]);
		wait[i].rw = FERRIO_RB_READ;
		rb_call_ioctl(&call, self->fd, FERRIO_RB_WAIT, &wait[i]);
		rb_call_asleep(&call);
		rb_sleep_ms(20);
		EXPECT_FALSE(rb_call_done(&call));
		ASSERT_EQ(1, write(self->fd, "x", 1));
		EXPECT_EQ(0, rb_call_end(&call));
		EXPECT_EQ(1, wait[i].bytes);
		ASSERT_EQ(1, read(self->fd, &c, 1));
	}
	wait[0].timeout = 1000000;
	EXPECT_EQ(-ETIMEDOUT, E(ioctl(self->fd, FERRIO_RB_WAIT, &wait[0])));
	wait[3].timeout = rb_now() - 1;
	EXPECT_EQ(-ETIMEDOUT, E(ioctl(self->fd, FERRIO_RB_WAIT, &wait[3])));
}

/* The calls whose arguments the kernel translates. */
TEST_F(dev, translated_calls)
{
	char a[2], b[3] = "", text[5] = "hello";
	struct iovec out[] = { { text, 2 }, { text + 2, 3 } };
	struct iovec in[] = { { a, 2 }, { b, 3 } };
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = G4 + 7 };
	int file = memfd_create("x", MFD_CLOEXEC), ep = epoll_create1(EPOLL_CLOEXEC);
	struct timeval none = {};
	off_t from = 0;
	fd_set set;

	EXPECT_EQ(5, writev(self->fd, out, 2));
	EXPECT_EQ(5, readv(self->fd, in, 2));
	EXPECT_EQ(0, memcmp(a, "he", 2) | memcmp(b, "llo", 3));
	EXPECT_EQ(-EAGAIN, E(preadv2(self->fd, in, 2, -1, RWF_NOWAIT)));
	EXPECT_EQ(5, pwritev2(self->fd, out, 2, -1, RWF_NOWAIT));
	EXPECT_EQ(5, preadv2(self->fd, in, 2, -1, 0));
	EXPECT_EQ(-ESPIPE, E(preadv2(self->fd, in, 2, 0, 0)));
	EXPECT_EQ(-ESPIPE, E(pread(self->fd, a, 1, 0)));
	EXPECT_EQ(-ESPIPE, E(pwrite(self->fd, a, 1, 0)));
	EXPECT_EQ(-1, lseek64(self->fd, G4, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);

	ASSERT_EQ(5, write(file, text, 5));
	EXPECT_EQ(5, sendfile(self->fd, file, &from, 9));
	EXPECT_EQ(5, from);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->fd, &event));
	event.data.u64 = 0;
	EXPECT_EQ(1, epoll_wait(ep, &event, 1, 0));
	EXPECT_EQ(EPOLLIN, event.events);
	EXPECT_EQ(G4 + 7, event.data.u64);
	FD_ZERO(&set);
	FD_SET(self->fd, &set);
	EXPECT_EQ(1, select(self->fd + 1, &set, NULL, NULL, &none));
	close(ep);
	close(file);

	ASSERT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_READ));
	EXPECT_EQ(-EPIPE, E(pwritev2(self->fd, out, 2, -1, RWF_NOSIGNAL)));
	EXPECT_EQ(0, rb_caught(SIGPIPE));
	EXPECT_EQ(-EPIPE, E(writev(self->fd, out, 2)));
	EXPECT_EQ(1, rb_caught(SIGPIPE));
}

/* ---- positions ---- */

#define SIZE	(4 * RB_PAGE)

/* Two mapped ends that have come to @to, without a byte having been written. */
static void ends_at(int plain, struct ringbuffer *p, struct ringbuffer *c,
		    uint64_t to)
{
	uint64_t at = 0, step;

	if (ringbuffer(plain, FERRIO_RB_WRITE, SIZE, p) < 0 ||
	    ringbuffer(plain, FERRIO_RB_READ, SIZE, c) < 0)
		rb_die("ringbuffer: %s", strerror(errno));
	p->spin = 0;
	c->spin = 0;
	for (; at < to; at += step) {
		size_t there = 0;

		step = to - at < SIZE ? to - at : SIZE;
		if (!ringbuffer_reserve(p, step) || ringbuffer_commit(p, step) ||
		    !ringbuffer_peek(c, &there) || there != step ||
		    ringbuffer_consume(c, step))
			rb_die("at %llu: %s", (unsigned long long)at,
			       strerror(errno));
	}
}

FIXTURE(across) {
	int fd;
	long live;
	struct ringbuffer p, c;
};

FIXTURE_VARIANT(across) {
	bool mapped_p, mapped_c;
};

FIXTURE_VARIANT_ADD(across, mapped_mapped) { true, true };
FIXTURE_VARIANT_ADD(across, mapped_read) { true, false };
FIXTURE_VARIANT_ADD(across, write_mapped) { false, true };
FIXTURE_VARIANT_ADD(across, write_read) { false, false };

FIXTURE_SETUP(across)
{
	self->live = rb_live_pages();
	self->fd = rb_open(O_RDWR);
	rb_catch(SIGPIPE, SA_RESTART);
}

FIXTURE_TEARDOWN(across)
{
	ringbuffer_close(&self->p);
	ringbuffer_close(&self->c);
	close(self->fd);
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* Bytes, waits, and what is told of them, from below 2^32 to above. */
TEST_F_TIMEOUT(across, four_gibibytes, 60)
{
	const uint64_t from = G4 - 5 * 3000, to = G4 + 9 * 3000;
	struct ferrio_rb_wait wait;
	char buf[3000];

	ends_at(self->fd, &self->p, &self->c, from);
	EXPECT_EQ(from, rb_fdinfo(self->fd, "rb-written"));
	EXPECT_EQ(from, rb_fdinfo(self->fd, "rb-read"));
	for (uint64_t at = from; at < to; at += 3000) {
		rb_pattern(buf, 3000, at);
		ASSERT_EQ(3000, variant->mapped_p ?
			  ringbuffer_write(&self->p, buf, 3000) :
			  write(self->p.fd, buf, 3000));
		ASSERT_EQ(at + 3000, rb_fdinfo(self->fd, "rb-written"));
		ASSERT_EQ(3000, rb_avail(self->fd));
		ASSERT_EQ(0, hold_wait(self->c.fd, FERRIO_RB_READ, 3000, 0, &wait));
		ASSERT_EQ(3000, wait.bytes);
		ASSERT_EQ(-ETIMEDOUT, hold_wait(self->c.fd, FERRIO_RB_READ, 3001,
						0, NULL));
		ASSERT_EQ(0, hold_wait(self->p.fd, FERRIO_RB_WRITE, 1, 0, &wait));
		ASSERT_EQ(SIZE - 3000, wait.bytes);
		memset(buf, 0, sizeof(buf));
		ASSERT_EQ(3000, variant->mapped_c ?
			  ringbuffer_read(&self->c, buf, 3000) :
			  read(self->c.fd, buf, 3000));
		ASSERT_EQ(-1, rb_mismatch(buf, 3000, at));
		ASSERT_EQ(at + 3000, rb_fdinfo(self->fd, "rb-read"));
	}
	EXPECT_EQ(to, self->p.producer->position);
	EXPECT_EQ(to, self->p.consumer->position);
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rb-corrupt"));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rb-misuse"));
}

/* A position that differs in its upper half alone is as wrong as any. */
TEST_F(dev, upper_half)
{
	struct ringbuffer p;
	int r;
	char c;

	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_WRITE, SIZE, &p));
	r = rb_mint(self->fd, FERRIO_RB_READ);
	__atomic_store_n(p.own, G4 + 1, __ATOMIC_RELEASE);
	EXPECT_EQ(-EBADMSG, E(read(r, &c, 1)));
	EXPECT_EQ(FERRIO_RB_CORRUPT_PRODUCER, rb_fdinfo(r, "rb-corrupt"));
	ringbuffer_close(&p);
	close(r);
}

/* ---- a peer of 64 bits ---- */

/* `rust_peer` beside this program: what it makes of byte @position. */
static unsigned char byte_at(uint64_t position)
{
	uint32_t number = position / 4;

	return number >> (8 * (position % 4));
}

#define MOVED	(SIZE * 40)

FIXTURE(peer) {
	int fd;
	long live;
	pid_t pid;
	struct ringbuffer p, c;
};

FIXTURE_VARIANT(peer) {
	const char *mode, *way;
	bool mapped;
};

FIXTURE_VARIANT_ADD(peer, reads) { "consume_read", "fd", true };
FIXTURE_VARIANT_ADD(peer, peeks) { "consume_peek", "socket", false };
FIXTURE_VARIANT_ADD(peer, writes) { "produce_write", "socket", true };
FIXTURE_VARIANT_ADD(peer, commits) { "produce_commit", "fd", false };

FIXTURE_SETUP(peer)
{
	self->live = rb_live_pages();
	self->fd = rb_open(O_RDWR);
	rb_catch(SIGPIPE, SA_RESTART);
}

FIXTURE_TEARDOWN(peer)
{
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* The end @fd is the peer's alone from now on. */
static pid_t start_peer(int fd, const char *way, const char *mode)
{
	char path[512], bytes[32];
	int over[2];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 16);
	pid_t pid;

	if (n <= 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, over))
		rb_die("socketpair: %s", strerror(errno));
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	strncat(path, "/rust_peer", sizeof(path) - strlen(path) - 1);
	snprintf(bytes, sizeof(bytes), "%lu", MOVED);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		dup2(strcmp(way, "fd") ? over[1] : fd, 0);
		syscall(SYS_close_range, 3, ~0U, 0);
		execl(path, path, way, mode, bytes, NULL);
		rb_die("%s: %s", path, strerror(errno));
	}
	if (strcmp(way, "fd"))
		rb_send_fd(over[0], fd);
	close(over[0]);
	close(over[1]);
	close(fd);
	return pid;
}

static bool produce(struct hold *h)
{
	char buf[2000];

	for (uint64_t at = 0; at < MOVED;) {
		size_t n = MOVED - at < sizeof(buf) ? MOVED - at : sizeof(buf);

		for (size_t i = 0; i < n; i++)
			buf[i] = byte_at(at + i);
		if (hold_move(h, buf, n) != (long)n)
			return false;
		at += n;
	}
	return true;
}

static bool consume(struct hold *h)
{
	unsigned char buf[2000];
	uint64_t at = 0;
	long n;

	while ((n = hold_move(h, buf, sizeof(buf))) > 0)
		for (long i = 0; i < n; i++)
			if (buf[i] != byte_at(at++))
				return false;
	return !n && at == MOVED;
}

/* With somebody at the other end who has words of 64 bits, across 2^32. */
TEST_F_TIMEOUT(peer, across, 60)
{
	bool we_produce = !strncmp(variant->mode, "consume", 7);
	unsigned int mine = we_produce ? FERRIO_RB_WRITE : FERRIO_RB_READ;
	struct ringbuffer *ours, *theirs;
	struct hold h;
	int status, fd;

	ends_at(self->fd, &self->p, &self->c, G4 - MOVED / 2);
	ours = we_produce ? &self->p : &self->c;
	theirs = we_produce ? &self->c : &self->p;
	/* the library has shut down what it made of the plain descriptor */
	ASSERT_EQ(1, rb_fdinfo(self->fd, "rb-consumers"));
	ASSERT_EQ(1, rb_fdinfo(self->fd, "rb-producers"));
	fd = theirs->fd;
	ringbuffer_unmap(theirs);
	self->pid = start_peer(fd, variant->way, variant->mode);

	fd = ours->fd;
	ringbuffer_unmap(ours);
	hold_take(&h, fd, mine, variant->mapped);
	h.rb.spin = 0;
	EXPECT_TRUE(we_produce ? produce(&h) : consume(&h));
	EXPECT_EQ(G4 + MOVED / 2,
		  rb_fdinfo(fd, we_produce ? "rb-written" : "rb-read"));
	hold_drop(&h);
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
	EXPECT_EQ(0, status);
	close(self->fd);
}

/* ---- the largest ring ---- */

#define GIB	(1UL << 30)

FIXTURE(large) {
	int fd;
	long live;
};

FIXTURE_SETUP(large)
{
	struct sysinfo si;

	if (sysinfo(&si) || si.totalram / 1024 * si.mem_unit < 2 * GIB / 1024)
		SKIP(return, "needs more than 2 GiB of memory");
	self->live = rb_live_pages();
	self->fd = rb_open(O_RDWR);
	rb_catch(SIGPIPE, SA_RESTART);
}

FIXTURE_TEARDOWN(large)
{
	if (!self->fd)
		return;
	close(self->fd);
	EXPECT_TRUE(rb_pages_return(self->live));
}

/*
 * Half of the address space is one window of a GiB; of the other end only the page
 * of its position is mapped, as there is no room for both.  Its pages take long to
 * be made, so most runs do with a quarter.
 */
TEST_F_TIMEOUT(large, gibibytes, 120)
{
	const size_t size = getenv("FERRIO_LONG") ? GIB : GIB / 4;
	struct ferrio_rb_end_page *consumer;
	struct ringbuffer p, c;
	uint64_t at = 0;
	char buf[64];
	int r;

	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_WRITE, size, &p));
	if (size == GIB) {
		EXPECT_EQ(-ENOMEM, E(ringbuffer(self->fd, FERRIO_RB_READ, 0, &c)));
		EXPECT_EQ(1, rb_fdinfo(self->fd, "rb-consumers"));
	}
	r = rb_mint(self->fd, FERRIO_RB_READ);
	consumer = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, r, 0);
	ASSERT_TRUE(consumer != MAP_FAILED);
	while (at < 5ULL * GIB) {
		ASSERT_TRUE(!!ringbuffer_reserve(&p, size));
		ASSERT_EQ(0, ringbuffer_commit(&p, size));
		at += size;
		ASSERT_EQ(size, rb_avail(r));
		ASSERT_EQ(at, rb_fdinfo(r, "rb-written"));
		__atomic_store_n(&consumer->position, at, __ATOMIC_RELEASE);
		ASSERT_EQ(0, rb_avail(r));
		ASSERT_EQ(at, rb_fdinfo(r, "rb-read"));
	}
	for (; at < 5ULL * GIB + 100 * sizeof(buf); at += sizeof(buf)) {
		rb_pattern(buf, sizeof(buf), at);
		ASSERT_EQ(sizeof(buf), ringbuffer_write(&p, buf, sizeof(buf)));
		memset(buf, 0, sizeof(buf));
		ASSERT_EQ(sizeof(buf), read(r, buf, sizeof(buf)));
		ASSERT_EQ(-1, rb_mismatch(buf, sizeof(buf), at));
	}
	EXPECT_EQ(0, rb_fdinfo(r, "rb-corrupt"));
	ringbuffer_close(&p);
	munmap(consumer, RB_PAGE);
	close(r);
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/* Programs that have a ring of a driver mapped, and do not keep to the rules. */
#include <sys/mman.h>
#include <sys/wait.h>

#include <ferrio/ring.h>

#include "fix_driver.h"

static void set_position(struct ringbuffer *rb, uint64_t to)
{
	__atomic_store_n(rb->own, to, __ATOMIC_RELEASE);
}

static short errors(int fd)
{
	struct pollfd pfd = { .fd = fd };

	if (poll(&pfd, 1, 0) < 0)
		rb_die("poll: %s", strerror(errno));
	return pfd.revents;
}

/* A mark that is made by an interrupt comes a moment later. */
static bool becomes_corrupt(int fd, const char *key, int64_t reason)
{
	for (int i = 0; i < 2000 && rb_fdinfo(fd, key) != reason; i++)
		rb_sleep_ms(1);
	return rb_fdinfo(fd, key) == reason;
}

/* A consumer in front of the producer, or a ring behind: impossible. */
TEST_F(driver, consumers_position)
{
	static const uint64_t wrong[] = { 1, 1ULL << 63, RB_PAGE, -(uint64_t)RB_PAGE - 1 };
	unsigned int where = FERRIO_TEST_RING_ATOMIC;
	char bytes[RB_PAGE] = "";
	struct ringbuffer c;
	int fd;

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++, where ^= 1) {
		fd = rd_open(variant->device, O_RDWR, RD_READ, RB_PAGE);
		ASSERT_LE(0, ringbuffer(fd, FERRIO_RB_READ, 0, &c));
		/* The driver looks at it when it thinks that the ring is full. */
		ASSERT_EQ(0, rd_write(fd, where, bytes, RB_PAGE));
		set_position(&c, RB_PAGE + wrong[i]);
		EXPECT_EQ(-EBADMSG, rd_write(fd, where, bytes, 1));
		EXPECT_TRUE(becomes_corrupt(fd, "rbr-corrupt", FERRIO_RB_CORRUPT_CONSUMER));
		EXPECT_EQ(-EBADMSG, rd_build(fd, where, bytes, 1, 1));
		EXPECT_EQ(-EBADMSG, E(ringbuffer_read(&c, bytes, 1)));
		EXPECT_NE(0, errors(c.fd) & POLLERR);
		ringbuffer_close(&c);
		close(fd);
	}
}

TEST_F(driver, producers_position)
{
	static const uint64_t wrong[] = { RB_PAGE + 1, 1ULL << 63, -1ULL };
	unsigned int where = FERRIO_TEST_RING_ATOMIC;
	struct ringbuffer p;
	char bytes[8];
	int fd;

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++, where ^= 1) {
		fd = rd_open(variant->device, O_RDWR, RD_WRITE, RB_PAGE);
		ASSERT_LE(0, ringbuffer(fd, FERRIO_RB_WRITE, 0, &p));
		set_position(&p, wrong[i]);
		EXPECT_EQ(-EBADMSG, rd_read(fd, where, bytes, 1, 8));
		EXPECT_TRUE(becomes_corrupt(fd, "rbw-corrupt", FERRIO_RB_CORRUPT_PRODUCER));
		EXPECT_EQ(-EBADMSG, rd_read(fd, where, bytes, 1, 8));
		EXPECT_NE(0, errors(p.fd) & POLLERR);
		ringbuffer_close(&p);
		close(fd);
	}
}

/* A driver that sleeps is woken by corruption, as by anything that is final. */
TEST_F(driver, corrupt_wakes)
{
	struct ferrio_test_ring arg = {
		.size = sizeof(arg), .how = FERRIO_TEST_RING_READ, .min = 1, .len = 1,
	};
	struct rb_call call;

	rb_call_ioctl(&call, self->fd, FERRIO_TEST_RING_CALL, &arg);
	rb_call_asleep(&call);
	EXPECT_EQ(0, rb_blame(self->fd, FERRIO_RB_WRITE));
	EXPECT_EQ(0, rb_call_end(&call));
	EXPECT_EQ(-EBADMSG, arg.result);
}

/* What the driver writes is not the program's to change. */
TEST_F(driver, rights)
{
	struct ringbuffer c, p;

	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_READ, 0, &c));
	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_WRITE, 0, &p));
	EXPECT_EQ(-EACCES, E(mprotect(c.window + RB_PAGE, c.window_bytes - RB_PAGE,
				      PROT_READ | PROT_WRITE)));
	EXPECT_EQ(-EACCES, E(mprotect(p.window, 2 * RB_PAGE, PROT_READ | PROT_WRITE)));
	/* An end is minted for the direction in which programs have it, and for no other. */
	EXPECT_EQ(-EPERM, rb_try_mint(c.fd, FERRIO_RB_WRITE));
	ringbuffer_close(&c);
	ringbuffer_close(&p);
}

/* Whatever a program does with its words, the driver's calls end, and give what they may. */
TEST_F_TIMEOUT(driver, scribbles, 60)
{
	int turns = rounds(4000, 150);
	uint64_t seed = rb_seed();
	char bytes[RB_PAGE] = "";
	struct ringbuffer c, p;
	long ret;
	pid_t pid;
	int fd;

	for (int ring = 0; ring < 4; ring++) {
		fd = rd_open(variant->device, O_RDWR, RD_READ | RD_WRITE, RB_PAGE);
		ASSERT_LE(0, ringbuffer(fd, FERRIO_RB_READ, 0, &c));
		ASSERT_LE(0, ringbuffer(fd, FERRIO_RB_WRITE, 0, &p));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			for (uint64_t n = 0;; n++) {
				/* The first rings within the rule, the others anywhere. */
				uint64_t by = rb_random(&seed) % (ring < 2 ? 64 : ~0ULL);

				set_position(&c, *c.own + by);
				set_position(&p, *p.own + by);
				((uint64_t *)c.own)[16 + n % 2] = rb_random(&seed);
				((uint64_t *)p.own)[16 + n % 2] = rb_random(&seed);
			}
		}
		for (int i = 0; i < turns; i++) {
			size_t len = 1 + rb_random(&seed) % RB_PAGE;

			ret = rd_write(fd, FERRIO_TEST_RING_ATOMIC, bytes, len);
			ASSERT_TRUE(!ret || ret == -EAGAIN || ret == -EBADMSG);
			ret = rd_read(fd, FERRIO_TEST_RING_ATOMIC, bytes, 1, len);
			ASSERT_TRUE((ret >= 1 && ret <= (long)len) || ret == -EAGAIN ||
				    ret == -EBADMSG);
		}
		kill(pid, SIGKILL);
		rb_reap_killed(pid);
		ringbuffer_close(&c);
		ringbuffer_close(&p);
		close(fd);
	}
}

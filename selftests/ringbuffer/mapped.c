// SPDX-License-Identifier: GPL-2.0
/* Both ends mapped, by the library: data, sleep and wake. */

#include <ferrio/ring.h>

#include "fix_dev.h"

/* In one process, without anybody sleeping. */
TEST_F(dev, in_one_process)
{
	struct ringbuffer p, c;
	char buf[RB_PAGE];
	int w, r;

	w = ringbuffer(self->fd, FERRIO_RB_WRITE, RB_PAGE, &p);
	ASSERT_LE(0, w);
	r = ringbuffer(self->fd, FERRIO_RB_READ, RB_PAGE, &c);
	ASSERT_LE(0, r);
	p.nonblock = true;
	c.nonblock = true;
	EXPECT_EQ(-EAGAIN, E(ringbuffer_read(&c, buf, 10)));
	for (uint64_t pos = 0; pos < 100 * RB_PAGE; pos += 1500) {
		rb_pattern(buf, 1500, pos);
		ASSERT_EQ(1500, ringbuffer_write(&p, buf, 1500));
		memset(buf, 0, sizeof(buf));
		ASSERT_EQ(1500, ringbuffer_read(&c, buf, sizeof(buf)));
		ASSERT_EQ(-1, rb_mismatch(buf, 1500, pos));
	}
	ringbuffer_close(&p);
	EXPECT_EQ(0, ringbuffer_read(&c, buf, 10));
	ringbuffer_close(&c);
}

/* The reader sleeps for each message, the writer for each answer. */
TEST_F_TIMEOUT(dev, ping_pong, 60)
{
	struct ringbuffer p, c, back_p, back_c;
	int back = rb_open(O_RDWR), n = rounds(2000, 200);
	pid_t pid;

	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_WRITE, RB_PAGE, &p));
	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_READ, 0, &c));
	ASSERT_LE(0, ringbuffer(back, FERRIO_RB_WRITE, RB_PAGE, &back_p));
	ASSERT_LE(0, ringbuffer(back, FERRIO_RB_READ, 0, &back_c));
	p.spin = c.spin = back_p.spin = back_c.spin = 0;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		ringbuffer_close(&p);
		ringbuffer_close(&back_c);
		for (uint64_t i, want = 0; ringbuffer_read(&c, &i, 8) == 8; want++)
			if (i != want || ringbuffer_write(&back_p, &i, 8) != 8)
				_exit(1);
		_exit(0);
	}
	ringbuffer_close(&c);
	ringbuffer_close(&back_p);
	for (uint64_t i = 0, got; i < (uint64_t)n; i++) {
		ASSERT_EQ(8, ringbuffer_write(&p, &i, 8));
		ASSERT_EQ(8, ringbuffer_read(&back_c, &got, 8));
		ASSERT_EQ(i, got);
	}
	EXPECT_LE(rb_fdinfo(p.fd, "rb-consumer-wakes"),
		  rb_fdinfo(p.fd, "rb-consumer-arms"));
	ringbuffer_close(&p);
	EXPECT_EQ(0, ringbuffer_read(&back_c, &pid, 1));
	ringbuffer_close(&back_c);
	close(back);
}

TEST_HARNESS_MAIN

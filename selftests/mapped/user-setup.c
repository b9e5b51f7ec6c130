// SPDX-License-Identifier: GPL-2.0
/* ringbuffer(): from which descriptors, with which sizes, and how it fails. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "user.h"

FIXTURE(setup) {
	struct fake *f;
	struct ringbuffer rb, other;
};

FIXTURE_SETUP(setup)
{
	self->f = fake_open(0);
	memset(&self->rb, 0x55, sizeof(self->rb));
	memset(&self->other, 0x55, sizeof(self->other));
}

FIXTURE_TEARDOWN(setup)
{
	fake_close(self->f);
}

#define CALLS(command)	fake_calls(self->f, command)
#define FAIL(command, error) \
	(self->f->fail[FAKE_CALL(command)] = (error))

static int descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* What lies at an address: "rw-s", or "" for nothing. */
static const char *rights(const void *at)
{
	static char found[8];
	unsigned long from, to;
	char line[512], perms[8];
	FILE *maps = fopen("/proc/self/maps", "r");

	found[0] = 0;
	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %7s", &from, &to, perms) == 3 &&
		    (unsigned long)at >= from && (unsigned long)at < to)
			memcpy(found, perms, sizeof(found));
	if (maps)
		fclose(maps);
	return found;
}

/* Ranges that are reserved for 8192 bytes of ring, all or but for its first page. */
static int reserved(void)
{
	unsigned long all = 3 * FAKE_PAGE + 2 * 8192, from, to;
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");
	int n = 0;

	while (maps && fgets(line, sizeof(line), maps))
		n += sscanf(line, "%lx-%lx ---p", &from, &to) == 2 && strstr(line, " ---p ") &&
			(to - from == all || to - from == all - FAKE_PAGE);
	if (maps)
		fclose(maps);
	return n;
}

/* Every call with a handle that is none gives EBADF. */
static bool useless(struct ringbuffer *rb)
{
	size_t there = 0;
	char c;

	return E(ringbuffer_read(rb, &c, 1)) == -EBADF &&
		E(ringbuffer_write(rb, &c, 1)) == -EBADF &&
		P(ringbuffer_peek(rb, &there)) == -EBADF &&
		P(ringbuffer_reserve(rb, 1)) == -EBADF &&
		ringbuffer_used(rb) == 0 && rb->fd == -1;
}

TEST_F(setup, from_plain)
{
	int r, w;

	r = ringbuffer(self->f->plain, R, 8192, &self->rb);
	ASSERT_LE(0, r);
	EXPECT_NE(self->f->plain, r);
	EXPECT_EQ(FD_CLOEXEC, fcntl(r, F_GETFD));
	EXPECT_EQ(r, self->rb.fd);
	EXPECT_EQ(R, self->rb.rw);
	EXPECT_EQ(8192, self->rb.size);
	EXPECT_EQ(0, self->rb.nonblock);
	/* the plain descriptor has given up this end, and no other */
	EXPECT_EQ(1, CALLS(FERRIO_RB_SHUTDOWN));
	EXPECT_EQ(-EBADF, E(ringbuffer(self->f->plain, R, 0, &self->other)));
	w = ringbuffer(self->f->plain, W, 8192, &self->other);
	ASSERT_LE(0, w);
	EXPECT_EQ(2, CALLS(FERRIO_RB_SHUTDOWN));
	EXPECT_EQ(1, CALLS(FERRIO_RB_SET_SIZE));
	ASSERT_EQ(5, ringbuffer_write(&self->other, "hello", 5));
	EXPECT_EQ(5, ringbuffer_used(&self->rb));
}

TEST_F(setup, spin_follows_the_cpus)
{
	ASSERT_LE(0, ringbuffer(self->f->plain, R, 0, &self->rb));
	EXPECT_EQ(sysconf(_SC_NPROCESSORS_ONLN) > 1 ? RINGBUFFER_SPIN : 0,
		  self->rb.spin);
}

TEST_F(setup, from_an_end)
{
	int r = ringbuffer(self->f->plain, R, 0, &self->rb);

	ASSERT_LE(0, r);
	EXPECT_EQ(65536, self->rb.size);
	ringbuffer_unmap(&self->rb);
	EXPECT_EQ(r, ringbuffer(r, R, 0, &self->rb));
	ringbuffer_unmap(&self->rb);
	EXPECT_EQ(r, ringbuffer(r, R, 65536, &self->rb));
	EXPECT_EQ(-EBADF, E(ringbuffer(r, W, 0, &self->other)));
	EXPECT_EQ(-EBADF, E(ringbuffer(r, FERRIO_RB_OBSERVE, 0, &self->other)));
	EXPECT_EQ(-EBUSY, E(ringbuffer(r, R, 32768, &self->other)));
	EXPECT_TRUE(useless(&self->other));
	EXPECT_EQ(1, CALLS(FERRIO_RB_SHUTDOWN));
	EXPECT_EQ(1, CALLS(FERRIO_RB_MINT));
	EXPECT_EQ(0, CALLS(FERRIO_RB_SET_SIZE));
}

/* Positions are the shared ones, not those of a new ring. */
TEST_F(setup, mapped_again)
{
	int r = ringbuffer(self->f->plain, R, 0, &self->rb);
	char b[100] = "";

	ASSERT_LE(0, r);
	fake_move(self->f, W, 70000);
	fake_move(self->f, R, 69000);
	EXPECT_EQ(100, ringbuffer_read(&self->rb, b, 100));
	ringbuffer_unmap(&self->rb);
	ASSERT_EQ(r, ringbuffer(r, R, 0, &self->rb));
	EXPECT_EQ(900, ringbuffer_used(&self->rb));
	EXPECT_EQ(100, ringbuffer_read(&self->rb, b, 100));
	EXPECT_EQ(69200, fake_position(self->f, R));
}

TEST_F(setup, sizes)
{
	int fd = self->f->plain;

	EXPECT_EQ(-EINVAL, E(ringbuffer(fd, R, 1, &self->rb)));
	EXPECT_EQ(-EINVAL, E(ringbuffer(fd, R, 4095, &self->rb)));
	EXPECT_EQ(-EINVAL, E(ringbuffer(fd, R, 12288, &self->rb)));
	EXPECT_EQ(-EINVAL, E(ringbuffer(fd, R, UINT32_MAX, &self->rb)));
	EXPECT_EQ(0, CALLS(FERRIO_RB_MINT));
	ASSERT_LE(0, ringbuffer(fd, R, 4096, &self->rb));
	EXPECT_EQ(-EBUSY, E(ringbuffer(fd, W, 8192, &self->other)));
	EXPECT_TRUE(useless(&self->other));
	EXPECT_EQ(1, CALLS(FERRIO_RB_MINT));
	ASSERT_LE(0, ringbuffer(fd, W, 4096, &self->other));
	EXPECT_EQ(4096, self->other.size);
}

/* The first use was made between our look and our call. */
static void used_meanwhile(struct ferrio_rb_info *info)
{
	static bool again;

	if (again)
		info->state |= FERRIO_RB_STATE_ALLOCATED;
	again = true;
}

TEST_F(setup, size_races)
{
	self->f->warp = used_meanwhile;
	FAIL(FERRIO_RB_SET_SIZE, EBUSY);
	EXPECT_LE(0, ringbuffer(self->f->plain, R, 65536, &self->rb));
	EXPECT_EQ(-EBUSY, E(ringbuffer(self->f->plain, W, 4096, &self->other)));
}

TEST_F(setup, wrong_arguments)
{
	int file = open("/dev/null", O_RDWR);

	EXPECT_EQ(-EINVAL, E(ringbuffer(self->f->plain, -1, 0, &self->rb)));
	EXPECT_TRUE(useless(&self->rb));
	EXPECT_EQ(-EINVAL, E(ringbuffer(self->f->plain, 3, 0, &self->rb)));
	EXPECT_EQ(-EINVAL, E(ringbuffer(self->f->plain, INT32_MIN, 0, &self->rb)));
	EXPECT_EQ(0, CALLS(FERRIO_RB_GET_INFO));
	EXPECT_EQ(-EBADF, E(ringbuffer(-1, R, 0, &self->rb)));
	EXPECT_TRUE(useless(&self->rb));
	close(file);
	EXPECT_EQ(-EBADF, E(ringbuffer(file, R, 0, &self->rb)));
}

TEST_F(setup, no_mappings)
{
	self->f->features &= ~FERRIO_RB_FEAT_MAP;
	EXPECT_EQ(-EOPNOTSUPP, E(ringbuffer(self->f->plain, R, 0, &self->rb)));
	EXPECT_TRUE(useless(&self->rb));
	EXPECT_EQ(0, CALLS(FERRIO_RB_MINT));
}

/* Each page may be written by its end alone, and goes with the mapping. */
TEST_F(setup, pages)
{
	struct ringbuffer *rb = &self->rb;
	static const char *const expect[3][4] = {
		[R] = { "rw-s", "r--s", "r--s", "r--s" },
		[W] = { "r--s", "r--s", "rw-s", "rw-s" },
		[FERRIO_RB_OBSERVE] = { "r--s", "r--s", "r--s", "r--s" },
	};

	for (int rw = R; rw <= FERRIO_RB_OBSERVE; rw++) {
		unsigned char *at;

		ASSERT_LE(0, ringbuffer(self->f->plain, rw, 0, rb));
		at = rb->window;
		for (int i = 0; i < 4; i++)
			EXPECT_STREQ(expect[rw][i], rights(at + i * FAKE_PAGE));
		EXPECT_STREQ(expect[rw][3], rights(at + 3 * FAKE_PAGE + 2 * 65536 - 1));
		EXPECT_EQ(3 * FAKE_PAGE + 2 * 65536, rb->window_bytes);
		ringbuffer_unmap(rb);
		for (int i = 0; i < 35; i++)
			EXPECT_STREQ("", rights(at + i * FAKE_PAGE));
		EXPECT_TRUE(useless(rb));
	}
	EXPECT_EQ(2, CALLS(FERRIO_RB_SHUTDOWN));
}

/* Whatever fails, nothing is left of it, and the plain descriptor has its end. */
TEST_F(setup, failures)
{
	static const struct {
		unsigned int call, after;
		int error;
	} step[] = {
		{ FAKE_CALL(FERRIO_RB_GET_INFO), 0, ENODEV },
		{ FAKE_CALL(FERRIO_RB_SET_SIZE), 0, EINTR },
		{ FAKE_CALL(FERRIO_RB_MINT), 0, EDQUOT },
		{ FAKE_CALL(FERRIO_RB_GET_INFO), 1, ENODEV },
		{ FAKE_MMAP, 0, ENOMEM },
		{ FAKE_MMAP, 1, EPERM },
		{ FAKE_CALL(FERRIO_RB_SHUTDOWN), 0, EBADF },
	};

	for (size_t i = 0; i < ARRAY_SIZE(step); i++) {
		struct fake *f = fake_open(0);
		int before = descriptors(), ranges = reserved();

		f->fail[step[i].call] = step[i].error;
		f->fail_after[step[i].call] = step[i].after;
		EXPECT_EQ(-step[i].error, E(ringbuffer(f->plain, R, 8192, &self->rb)));
		EXPECT_TRUE(useless(&self->rb));
		EXPECT_EQ(before, descriptors())
			TH_LOG("step %zu", i);
		EXPECT_EQ(ranges, reserved())
			TH_LOG("step %zu", i);
		EXPECT_EQ(step[i].call == FAKE_CALL(FERRIO_RB_SHUTDOWN),
			  fake_calls(f, FERRIO_RB_SHUTDOWN));
		f->fail[step[i].call] = 0;
		EXPECT_LE(0, ringbuffer(f->plain, R, 8192, &self->rb));
		ringbuffer_unmap(&self->rb);
		fake_close(f);
	}
}

/* An end that was given stays open when it cannot be mapped. */
TEST_F(setup, failed_end_stays_open)
{
	int r = ringbuffer(self->f->plain, R, 0, &self->rb);

	ASSERT_LE(0, r);
	ringbuffer_unmap(&self->rb);
	FAIL(FAKE_MMAP, ENOMEM);
	EXPECT_EQ(-ENOMEM, E(ringbuffer(r, R, 0, &self->rb)));
	EXPECT_EQ(FD_CLOEXEC, fcntl(r, F_GETFD));
}

/* A layout that this library does not know. */
static int lie;

static void warp(struct ferrio_rb_info *info)
{
	switch (lie) {
	case 0:
		info->page_bytes = 0;
		break;
	case 1:
		info->map_consumer = FAKE_PAGE;
		break;
	case 2:
		info->map_state = 0;
		break;
	case 3:
		info->map_producer += 8;
		break;
	case 4:
		info->map_data = info->map_producer;
		break;
	case 5:
		info->map_bytes += FAKE_PAGE;
		break;
	case 6:
		info->ring_bytes -= FAKE_PAGE;
		break;
	case 7:
		info->ring_bytes = 0;
		break;
	case 8:
		info->map_data = -FAKE_PAGE;
		break;
	case 9:
		info->page_bytes = 128;
		break;
	}
}

#define LIES	10

TEST_F(setup, unknown_layout)
{
	for (lie = 0; lie < LIES; lie++) {
		struct fake *f = fake_open(0);
		int before = descriptors();

		f->warp = warp;
		EXPECT_EQ(-EPROTO, E(ringbuffer(f->plain, W, 0, &self->rb)))
			TH_LOG("lie %d", lie);
		EXPECT_EQ(before, descriptors());
		EXPECT_EQ(0, fake_calls(f, FAKE_MMAP));
		fake_close(f);
	}
}

TEST_HARNESS_MAIN

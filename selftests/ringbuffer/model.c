// SPDX-License-Identifier: GPL-2.0
/*
 * Random operations on a ring, each compared with a model of it.  The bytes
 * of the stream are a function of their position, so that the model needs no
 * memory of them.  SEED=n plays a run again.
 */

#include "fix_dev.h"

#define MAX_FDS		6
#define MAX_LEN		40000

struct holder {
	int fd;
	bool plain;
	bool r, w;	/* the ends that it holds */
	int gave_up;	/* what poll shows of those that it gave up */
};

struct model {
	struct holder h[MAX_FDS];
	int n;
	size_t size;
	bool allocated;
	uint64_t in, out;	/* positions */
	int sigpipes;
	uint64_t seed;
	long step;
};

static struct model m;
static char buf[MAX_LEN];

static unsigned long rnd(unsigned long below)
{
	return rb_random(&m.seed) % below;
}

static bool readers(void)
{
	for (int i = 0; i < m.n; i++)
		if (m.h[i].r)
			return true;
	return false;
}

static bool writers(void)
{
	for (int i = 0; i < m.n; i++)
		if (m.h[i].w)
			return true;
	return false;
}

/* A new ring, sometimes with another size. */
static void fresh(void)
{
	struct model old = m;

	memset(&m, 0, sizeof(m));
	m.seed = old.seed;
	m.step = old.step;
	m.sigpipes = old.sigpipes;
	m.h[0] = (struct holder){
		.fd = rb_open(O_RDWR | O_NONBLOCK),
		.plain = true, .r = true, .w = true,
	};
	m.n = 1;
	m.size = 65536;
}

/* Lengths at all scales, with the interesting ones more often. */
static size_t some_length(void)
{
	switch (rnd(8)) {
	case 0:
		return rnd(3);
	case 1:
		return RB_PAGE - 1 + rnd(3);
	case 2:
		return m.size - (m.in - m.out);
	case 3:
		return m.in - m.out;
	case 4:
		return rnd(MAX_LEN);
	default:
		return rnd(1000) + 1;
	}
}

static long model_write(struct holder *h, size_t len)
{
	size_t room = m.size - (m.in - m.out);

	if (!h->w)
		return -EBADF;
	if (!len)
		return 0;
	if (!readers()) {
		m.sigpipes++;
		return -EPIPE;
	}
	m.allocated = true;
	if (len <= RB_PAGE ? room < len : !room)
		return -EAGAIN;
	return len < room ? len : room;
}

static long model_read(struct holder *h, size_t len)
{
	size_t there = m.in - m.out;

	if (!h->r)
		return -EBADF;
	if (!len)
		return 0;
	if (!there)
		return writers() ? -EAGAIN : 0;
	return len < there ? len : there;
}

static int model_poll(struct holder *h)
{
	size_t room = m.size - (m.in - m.out);
	int bits = h->gave_up;

	if (h->r && m.in != m.out)
		bits |= POLLIN | POLLRDNORM;
	if (h->r && !writers())
		bits |= POLLHUP;
	if (h->w && room >= RB_PAGE)
		bits |= POLLOUT | POLLWRNORM;
	if (h->w && !readers())
		bits |= POLLERR | POLLHUP;
	return bits;
}

static bool differs(const char *what, long model, long ring)
{
	if (model == ring)
		return false;
	fprintf(stderr, "# step %ld: %s is %ld, the model says %ld\n", m.step,
		what, ring, model);
	return true;
}

static bool do_write(struct holder *h)
{
	size_t len = some_length();
	bool was = m.allocated;
	long want, got;

	if (len > MAX_LEN)
		len = MAX_LEN;
	/* the wrong direction with no byte is not defined */
	if (!len && !h->w)
		return true;
	want = model_write(h, len);
	if (want < 0 && want != -EAGAIN)
		m.allocated = was;
	rb_pattern(buf, len, m.in);
	got = E(write(h->fd, buf, len));
	if (differs("write", want, got))
		return false;
	m.in += want > 0 ? want : 0;
	return !differs("SIGPIPE", m.sigpipes, rb_caught(SIGPIPE));
}

static bool do_read(struct holder *h)
{
	size_t len = some_length();
	long want, got;

	if (len > MAX_LEN)
		len = MAX_LEN;
	if (!len && !h->r)
		return true;
	want = model_read(h, len);
	got = E(read(h->fd, buf, len));
	if (differs("read", want, got))
		return false;
	if (want <= 0)
		return true;
	if (differs("the first wrong byte", -1, rb_mismatch(buf, want, m.out)))
		return false;
	m.out += want;
	return true;
}

static bool do_poll(struct holder *h)
{
	struct pollfd p = {
		.fd = h->fd,
		.events = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLPRI,
	};
	int want = model_poll(h);

	return !differs("poll", !!want, E(poll(&p, 1, 0))) &&
	       !differs("revents", want, p.revents);
}

static bool do_mint(struct holder *h)
{
	bool write = rnd(2);
	long want = 0, got;

	if (m.n == MAX_FDS)
		return true;
	if (!h->plain)
		want = -EPERM;
	else if (write ? !h->w : !h->r)
		want = -EBADF;
	got = rb_try_mint(h->fd, write ? FERRIO_RB_WRITE : FERRIO_RB_READ);
	if (differs("mint", want, got < 0 ? got : 0))
		return false;
	if (got < 0)
		return true;
	m.allocated = true;
	if (fcntl(got, F_SETFL, O_NONBLOCK))
		return false;
	m.h[m.n++] = (struct holder){ .fd = got, .r = !write, .w = write };
	return true;
}

static bool do_shutdown(struct holder *h)
{
	bool write = rnd(2);
	bool *held = write ? &h->w : &h->r;
	long want = *held ? 0 : -EBADF;
	long got = rb_shutdown(h->fd, write ? FERRIO_RB_WRITE : FERRIO_RB_READ);

	if (*held)
		h->gave_up |= write ? POLLOUT | POLLWRNORM : POLLIN | POLLRDNORM;
	*held = false;
	return !differs("shutdown", want, got);
}

static bool do_size(struct holder *h)
{
	uint64_t bytes = RB_PAGE << rnd(6);
	long want = 0, got;

	if (!rnd(4)) {
		bytes += 1 + rnd(4000);
		want = -EINVAL;
	} else if (!h->plain) {
		want = -EPERM;
	} else if (m.allocated) {
		want = -EBUSY;
	}
	got = rb_set_size(h->fd, bytes);
	if (!got)
		m.size = bytes;
	return !differs("set_size", want, got);
}

static bool do_info(struct holder *h)
{
	struct ferrio_rb_info info;
	unsigned int state = 0;

	if (m.allocated)
		state |= FERRIO_RB_STATE_ALLOCATED;
	if (!readers())
		state |= FERRIO_RB_STATE_READ_CLOSED;
	if (!writers())
		state |= FERRIO_RB_STATE_WRITE_CLOSED;
	rb_info(h->fd, &info);
	return !differs("the state", state, info.state) &&
	       !differs("the size", m.size, info.ring_bytes) &&
	       !differs("FIONREAD", m.in - m.out, rb_avail(h->fd));
}

static void do_close(struct holder *h)
{
	close(h->fd);
	*h = m.h[--m.n];
	if (!m.n)
		fresh();
}

static bool step(void)
{
	struct holder *h = &m.h[rnd(m.n)];
	unsigned int what = rnd(1000);

	if (what < 380)
		return do_write(h);
	if (what < 760)
		return do_read(h);
	if (what < 860)
		return do_poll(h);
	if (what < 930)
		return do_info(h);
	if (what < 955)
		return do_mint(h);
	if (what < 965)
		return do_size(h);
	if (what < 969)
		return do_shutdown(h);
	if (what < 984)
		do_close(h);
	else if (what < 986)
		while (m.n > 1)
			do_close(&m.h[0]);
	return true;
}

TEST_F_TIMEOUT(dev, random_operations, 120)
{
	long count = rounds(100000, 30000);
	uint64_t seed = rb_seed();

	m.seed = seed;
	fresh();
	for (m.step = 0; m.step < count; m.step++) {
		ASSERT_TRUE(step()) {
			TH_LOG("play it again with SEED=%llu",
			       (unsigned long long)seed);
		}
	}
	while (m.n > 1)
		do_close(&m.h[0]);
	close(m.h[0].fd);
}

TEST_HARNESS_MAIN

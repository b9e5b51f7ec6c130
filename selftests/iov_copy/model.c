// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls on the device and on a memfd of the same size: the same results, the same
 * bytes, the same pages and holes.  SEED=n plays a run again.
 */

#include "ic.h"

#define SIZE	(4 * IC_MIB)
#define MOST	(3 * RB_PAGE)

struct two {
	int fd[2], p[2];
	char *map[2];
	uint64_t random;
};

static size_t upto(struct two *t, size_t n)
{
	return rb_random(&t->random) % n;
}

/* A place: anywhere, or near the border of a page, or near the end. */
static size_t place(struct two *t)
{
	size_t at = upto(t, SIZE);

	switch (upto(t, 4)) {
	case 0:
		return at;
	case 1:
		return SIZE - 1 - upto(t, 2 * RB_PAGE);
	default:
		at = at / 4 / RB_PAGE * RB_PAGE + upto(t, 3);
		return at ? at - 1 : 0;
	}
}

/* @len bytes of @buf in up to 9 segments, some of them empty. */
static int cut(struct two *t, struct iovec *v, char *buf, size_t len)
{
	int n = 1 + upto(t, 9);

	for (int i = 0; i < n; i++) {
		size_t part = i == n - 1 ? len : upto(t, len + 1);

		v[i] = (struct iovec){ buf, part };
		buf += part;
		len -= part;
	}
	return n;
}

FIXTURE(model) {
	struct two t;
	long live;
};

FIXTURE_SETUP(model)
{
	struct two *t = &self->t;

	self->live = rb_live_pages();
	t->random = rb_seed();
	t->fd[0] = ic_open(O_RDWR);
	t->fd[1] = memfd_create("model", MFD_CLOEXEC);
	if (ic_set_size(t->fd[0], SIZE) || ftruncate(t->fd[1], SIZE) ||
	    pipe2(t->p, O_CLOEXEC | O_NONBLOCK))
		rb_die("making the two: %s", strerror(errno));
	for (int i = 0; i < 2; i++) {
		t->map[i] = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, t->fd[i], 0);
		if (t->map[i] == MAP_FAILED)
			rb_die("mmap: %s", strerror(errno));
	}
}

FIXTURE_TEARDOWN(model)
{
	for (int i = 0; i < 2; i++) {
		munmap(self->t.map[i], SIZE);
		close(self->t.fd[i]);
		close(self->t.p[i]);
	}
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* One call on both; false: they differ. */
static bool step(struct two *t)
{
	static char in[MOST], out[2][MOST];
	size_t at = place(t), len = upto(t, 3) ? upto(t, MOST) : upto(t, 5);
	struct iovec v[2][9];
	unsigned int what = upto(t, 8);
	long ret[2];
	int n;

	if (len > SIZE - at)
		len = SIZE - at;
	rb_pattern(in, len, rb_random(&t->random));
	memset(out, 0x55, sizeof(out));
	n = cut(t, v[0], what < 2 ? in : out[0], len);
	for (int i = 0; i < n; i++)
		v[1][i] = (struct iovec){
			what < 2 ? v[0][i].iov_base :
				   out[1] + ((char *)v[0][i].iov_base - out[0]),
			v[0][i].iov_len,
		};
	for (int i = 0; i < 2; i++) {
		off_t off = at;

		switch (what) {
		case 0:
		case 1:
			ret[i] = E(pwritev(t->fd[i], v[i], n, at));
			break;
		case 2:
		case 3:
			ret[i] = E(preadv(t->fd[i], v[i], n, at));
			break;
		case 4:
			lseek(t->fd[i], at, SEEK_SET);
			ret[i] = E(readv(t->fd[i], v[i], n));
			if (lseek(t->fd[i], 0, SEEK_CUR) != (off_t)at + ret[i])
				return false;
			break;
		case 5:
			ret[i] = E(lseek(t->fd[i], at, len % 2 ? SEEK_DATA : SEEK_HOLE));
			break;
		case 6:
			/*
			 * Out by the pipe, in at another place; a memfd's pipe has the
			 * very pages, so that it would change what it copies.
			 */
			ret[i] = 0;
			if (at + len > SIZE - MOST)
				break;
			ret[i] = E(splice(t->fd[i], &off, t->p[1], NULL, len, 0));
			off = SIZE - MOST;
			if (ret[i] > 0 &&
			    E(splice(t->p[0], NULL, t->fd[i], &off, ret[i], 0)) != ret[i])
				return false;
			break;
		default:
			/* by the mapping, reading and writing */
			ret[i] = t->map[i][at];
			if (len % 2)
				t->map[i][at] = in[0];
		}
	}
	if (ret[0] == ret[1] && !memcmp(out[0], out[1], MOST))
		return true;
	fprintf(stderr, "# call %u of %zu bytes at %zu in %d parts: %ld, memfd %ld\n", what, len,
		at, n, ret[0], ret[1]);
	return false;
}

TEST_F(model, as_a_memfd)
{
	int n = rounds(20000, 4000);

	for (int i = 0; i < n; i++) {
		ASSERT_TRUE(step(&self->t)) {
			TH_LOG("step %d of %d", i, n);
		}
	}
	/* pages and holes first, as comparing the mappings makes pages */
	for (size_t at = 0; at < SIZE; at += RB_PAGE)
		ASSERT_EQ(E(lseek(self->t.fd[1], at, SEEK_HOLE)),
			  E(lseek(self->t.fd[0], at, SEEK_HOLE)));
	EXPECT_EQ(0, memcmp(self->t.map[0], self->t.map[1], SIZE));
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/* FERRIO_IC_COPYV; built as a 32-bit program as well. */

#include "ic_dev.h"
#include "../stall.h"

static long copyv(int fd, const struct iovec *to, unsigned int nto, const struct iovec *from,
		  unsigned int nfrom, unsigned int flags, uint32_t *sum)
{
	struct ferrio_ic_copyv arg = {
		.size = sizeof(arg), .flags = flags, .to = (uintptr_t)to,
		.from = (uintptr_t)from, .to_count = nto, .from_count = nfrom,
		.copied = 0x5555, .crc32c = sum ? *sum : 0,
	};
	long ret = E(ioctl(fd, FERRIO_IC_COPYV, &arg));

	if (ret)
		return ret;
	if (sum)
		*sum = arg.crc32c;
	else if (arg.crc32c)
		rb_die("a sum that nobody asked for");
	return arg.copied;
}

/* By the definition: reflected, polynomial 0x1edc6f41. */
static uint32_t crc32c(uint32_t sum, const void *buf, size_t len)
{
	const unsigned char *p = buf;

	sum = ~sum;
	while (len--) {
		sum ^= *p++;
		for (int i = 0; i < 8; i++)
			sum = sum >> 1 ^ (sum & 1 ? 0x82f63b78 : 0);
	}
	return ~sum;
}

FIXTURE(copyv) {
	int fd;
	long live;
};

FIXTURE_VARIANT(copyv) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(copyv, plain) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(copyv, crc32c) {
	.flags = FERRIO_IC_COPYV_CRC32C,
};

FIXTURE_SETUP(copyv)
{
	self->live = rb_live_pages();
	self->fd = ic_open(O_RDONLY);
}

FIXTURE_TEARDOWN(copyv)
{
	EXPECT_EQ(0, ic_pages(self->fd));
	close(self->fd);
	EXPECT_TRUE(rb_pages_return(self->live));
	EXPECT_EQ(0, ic_pinned_pages());
}

/* The sum of @len bytes of @buf has to be @sum, if one was made. */
#define SUM_IS(sum, buf, len) \
	EXPECT_EQ(variant->flags ? crc32c(0, buf, len) : 0, sum)
#define SUM(p) (variant->flags ? (p) : NULL)

/* Lists of every kind of cut, against each other. */
TEST_F(copyv, lists)
{
	enum { size = 5 * RB_PAGE };
	static const size_t cuts[][6] = {
		{ size }, { 1, size - 1 }, { 0, 100, 0, size - 100 },
		{ RB_PAGE - 7, RB_PAGE, 14, 2 * RB_PAGE, RB_PAGE - 7 },
		{ 3 * RB_PAGE + 1, 1, 1, 1, RB_PAGE, RB_PAGE - 4 },
	};
	static char in[size], out[size + 1];
	struct iovec to[6], from[6];

	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(cuts); k++) {
			size_t a = 0, b = 0;
			uint32_t sum = 0;

			for (int n = 0; n < 6; n++) {
				from[n] = (struct iovec){ in + a, cuts[i][n] };
				to[n] = (struct iovec){ out + b, cuts[k][n] };
				a += cuts[i][n];
				b += cuts[k][n];
			}
			rb_pattern(in, size, i * 10 + k);
			memset(out, 0x55, sizeof(out));
			ASSERT_EQ(size, copyv(self->fd, to, 6, from, 6, variant->flags, SUM(&sum)));
			ASSERT_EQ(-1, rb_mismatch(out, size, i * 10 + k));
			ASSERT_EQ(0x55, out[size]);
			SUM_IS(sum, in, size);
		}
	}
}

/* The shorter list decides; nothing is nothing. */
TEST_F(copyv, the_shorter_list)
{
	char in[200], out[200];
	struct iovec to[2] = { { out, 10 }, { out + 10, 50 } };
	struct iovec from[2] = { { in, 30 }, { in + 30, 170 } };
	uint32_t sum = 0;

	rb_pattern(in, sizeof(in), 0);
	memset(out, 0x55, sizeof(out));
	EXPECT_EQ(60, copyv(self->fd, to, 2, from, 2, variant->flags, SUM(&sum)));
	EXPECT_EQ(-1, rb_mismatch(out, 60, 0));
	EXPECT_TRUE(ic_all(out + 60, 140, 0x55));
	SUM_IS(sum, in, 60);
	sum = 0;
	EXPECT_EQ(30, copyv(self->fd, to, 2, from, 1, variant->flags, SUM(&sum)));
	SUM_IS(sum, in, 30);
	sum = 0;
	EXPECT_EQ(0, copyv(self->fd, to, 2, from, 0, variant->flags, SUM(&sum)));
	EXPECT_EQ(0, copyv(self->fd, NULL, 0, from, 2, variant->flags, SUM(&sum)));
	EXPECT_EQ(0, copyv(self->fd, NULL, 0, NULL, 0, variant->flags, SUM(&sum)));
	EXPECT_EQ(0, sum);
}

TEST_F(copyv, numbers_of_segments)
{
	static const unsigned int counts[] = { 1, 8, 9, 1024 };
	static char in[1025], out[1025];
	struct iovec to[1025], from[1025];

	rb_pattern(in, sizeof(in), 0);
	for (int i = 0; i < 1025; i++) {
		to[i] = (struct iovec){ out + i, 1 };
		from[i] = (struct iovec){ in + i, 1 };
	}
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		uint32_t sum = 0;

		memset(out, 0, sizeof(out));
		EXPECT_EQ(counts[i], copyv(self->fd, to, counts[i], from, counts[i],
					   variant->flags, SUM(&sum)));
		EXPECT_EQ(-1, rb_mismatch(out, counts[i], 0));
		EXPECT_EQ(0, out[counts[i]]);
		SUM_IS(sum, in, counts[i]);
	}
	EXPECT_EQ(-EINVAL, copyv(self->fd, to, 1025, from, 1, variant->flags, NULL));
	EXPECT_EQ(-EINVAL, copyv(self->fd, to, 1, from, 1025, variant->flags, NULL));
	EXPECT_EQ(-EINVAL, copyv(self->fd, to, UINT32_MAX, from, 1, variant->flags, NULL));
}

TEST_F(copyv, wrong_lists)
{
	char in[10] = "123456789", out[10] = "";
	struct iovec to[2] = { { out, 5 }, { out + 5, 5 } };
	struct iovec from[2] = { { in, 5 }, { in + 5, 5 } };

	for (int i = 0; i < 2; i++) {
		to[i].iov_len = (size_t)-1;
		EXPECT_EQ(-EINVAL, copyv(self->fd, to, 2, from, 2, variant->flags, NULL));
		to[i].iov_len = 5;
		from[i].iov_len = (size_t)-1;
		EXPECT_EQ(-EINVAL, copyv(self->fd, to, 2, from, 2, variant->flags, NULL));
		from[i].iov_len = 5;
	}
	EXPECT_EQ(-EFAULT, copyv(self->fd, (void *)16, 2, from, 2, variant->flags, NULL));
	EXPECT_EQ(-EFAULT, copyv(self->fd, to, 2, (void *)16, 2, variant->flags, NULL));
	EXPECT_EQ(0, *out);
}

TEST_F(copyv, wrong_structs)
{
	char in[10] = "123456789", out[10] = "";
	struct iovec to = { out, 10 }, from = { in, 10 };
	struct ferrio_ic_copyv good = {
		.size = sizeof(good), .flags = variant->flags, .to = (uintptr_t)&to,
		.from = (uintptr_t)&from, .to_count = 1, .from_count = 1,
	}, arg;

#define TRY(change) ({ arg = good; change; E(ioctl(self->fd, FERRIO_IC_COPYV, &arg)); })
	EXPECT_EQ(-EINVAL, TRY(arg.flags |= 2));
	EXPECT_EQ(-EINVAL, TRY(arg.flags |= 1U << 31));
	EXPECT_EQ(-EINVAL, TRY(arg.pad = 1));
	EXPECT_EQ(-EINVAL, TRY(arg.size = sizeof(arg) - 1));
	EXPECT_EQ(-EFAULT, TRY(arg.to = 1ULL << 63));
	EXPECT_EQ(-EFAULT, TRY(arg.from = UINT64_MAX));
	EXPECT_EQ(variant->flags ? 0 : -EINVAL, TRY(arg.crc32c = 1));
	EXPECT_EQ(0, TRY(arg.copied = 7));
	EXPECT_EQ(10, arg.copied);
	EXPECT_EQ(sizeof(arg), arg.size);
	EXPECT_EQ(0, strcmp("123456789", out));
}

/* Progress is exact: a fault on either side, at each class of place. */
TEST_F(copyv, faults)
{
	static const size_t good[] = { 0, 1, 100, RB_PAGE - 1, RB_PAGE };
	static char there[3 * RB_PAGE];
	char *cliff = ic_cliff(2), *edge = cliff + RB_PAGE;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		for (size_t before = 0; before < 2000; before += 1999) {
			struct iovec bad[2] = { { there, before },
						{ edge - good[i], good[i] + 100 } };
			struct iovec whole = { there + RB_PAGE, 2 * RB_PAGE };
			const size_t want = before + good[i];
			long ret = want ? (long)want : -EFAULT;
			uint32_t sum = 0;

			/* the destination faults */
			rb_pattern(whole.iov_base, whole.iov_len, 3);
			memset(cliff, 0x55, RB_PAGE);
			ASSERT_EQ(ret, copyv(self->fd, bad, 2, &whole, 1, variant->flags, SUM(&sum)));
			EXPECT_EQ(-1, rb_mismatch(there, before, 3));
			EXPECT_EQ(-1, rb_mismatch(edge - good[i], good[i], 3 + before));
			SUM_IS(sum, whole.iov_base, want);
			/* the source faults */
			rb_pattern(there, before, 4);
			rb_pattern(edge - good[i], good[i], 4 + before);
			memset(whole.iov_base, 0x55, whole.iov_len);
			sum = 0;
			ASSERT_EQ(ret, copyv(self->fd, &whole, 1, bad, 2, variant->flags, SUM(&sum)));
			EXPECT_EQ(-1, rb_mismatch(whole.iov_base, want, 4));
			EXPECT_TRUE(ic_all((char *)whole.iov_base + want, whole.iov_len - want, 0x55));
			SUM_IS(sum, whole.iov_base, want);
		}
	}
	munmap(cliff, 2 * RB_PAGE);
}

/*
 * Overlaps: what is not overlapped is right, and what is, is the source before the copy or
 * after it.
 */
TEST_F(copyv, overlaps)
{
	enum { size = 4 * RB_PAGE, start = RB_PAGE };
	static const long shifts[] = { 0, 1, -1, 100, -100, RB_PAGE, -(long)RB_PAGE };
	static char buf[size + 2 * RB_PAGE], old[sizeof(buf)];

	rb_pattern(old, sizeof(old), 0);
	for (size_t i = 0; i < ARRAY_SIZE(shifts); i++) {
		const size_t to_start = start + shifts[i];
		struct iovec from = { buf + start, size };
		struct iovec to = { buf + to_start, size };
		uint32_t sum = 0;

		memcpy(buf, old, sizeof(buf));
		ASSERT_EQ(size, copyv(self->fd, &to, 1, &from, 1, variant->flags, SUM(&sum)));
		for (size_t k = 0; k < sizeof(buf); k++) {
			const size_t source = k - shifts[i];

			/* outside of the destination nothing changes */
			if (k - to_start >= size) {
				ASSERT_EQ(old[k], buf[k]);
				continue;
			}
			/* a source that is no destination has one content only */
			if (source - to_start >= size)
				ASSERT_EQ(old[source], buf[k]);
			ASSERT_TRUE(buf[k] == old[source] || buf[k] == buf[source]);
		}
		SUM_IS(sum, to.iov_base, size);
		/* by a page of the kernel's, to lower places, each byte is read first */
		if (!shifts[i] || (variant->flags && shifts[i] < 0))
			ASSERT_EQ(0, memcmp(to.iov_base, old + start, size));
	}
	/* both lists name one page many times: each byte goes to its own place */
	memcpy(buf, old, sizeof(buf));
	for (int i = 0; i < 2; i++) {
		struct iovec same[3] = { { buf, 64 }, { buf + 32, 64 }, { buf, 64 } };
		uint32_t sum = 0;

		ASSERT_EQ(192, copyv(self->fd, same, 3, same, 3, variant->flags, SUM(&sum)));
		ASSERT_EQ(0, memcmp(buf, old, sizeof(buf)));
	}
}

/*
 * No buffer lies between: while a copy is stopped in its destination, the source changes,
 * and what arrives is the new content from that very place on, but for what a processor
 * holds in its registers.  For the sum there is a page in between, and no more.
 */
TEST_F(copyv, one_pass)
{
	enum { pages = 4, size = pages * RB_PAGE };
	char *in = ic_memory(size, PROT_READ | PROT_WRITE);
	static char page[RB_PAGE], out[3 * RB_PAGE];
	struct iovec to[2], from = { in, size };
	struct ferrio_ic_copyv arg = {
		.size = sizeof(arg), .flags = variant->flags, .to = (uintptr_t)to,
		.from = (uintptr_t)&from, .to_count = 2, .from_count = 1,
	};
	struct rb_call c;
	struct stall s;
	uint32_t sum = 0;

	stall_init(&s);
	to[0] = (struct iovec){ s.page, RB_PAGE };
	to[1] = (struct iovec){ out, sizeof(out) };
	rb_pattern(in, size, 1);
	rb_call_ioctl(&c, self->fd, FERRIO_IC_COPYV, &arg);
	stall_met(&s);
	EXPECT_EQ(variant->flags ? 0 : pages, ic_pinned_pages());
	rb_pattern(in, size, 2);
	stall_end(&s, page);
	EXPECT_EQ(0, rb_call_end(&c));
	EXPECT_EQ(size, arg.copied);
	EXPECT_EQ(-1, variant->flags ? rb_mismatch(s.page, RB_PAGE, 1) :
		  rb_mismatch(s.page + 64, RB_PAGE - 64, 2 + 64));
	EXPECT_EQ(-1, rb_mismatch(out, sizeof(out), 2 + RB_PAGE));
	if (variant->flags) {
		memcpy(in, s.page, RB_PAGE);
		memcpy(in + RB_PAGE, out, sizeof(out));
		sum = crc32c(0, in, size);
	}
	EXPECT_EQ(sum, arg.crc32c);
	munmap(s.page, RB_PAGE);
	close(s.uffd);
	munmap(in, size);
}

struct changing {
	volatile uint64_t *words;
	size_t count;
	int stop;
};

/* All words get the next number, from the first to the last. */
static void *change(void *arg)
{
	struct changing *c = arg;
	uint64_t n = 0;

	while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
		n += 0x0101010101010101;
		for (size_t i = 0; i < c->count; i++)
			c->words[i] = n;
	}
	return NULL;
}

/*
 * Whether the words were written while they were copied: at no single moment is there a
 * higher number behind a lower one.  The last byte of each is enough to see that.
 */
static bool changed_meanwhile(const char *words, size_t len)
{
	for (size_t i = 8; i < len; i += 8)
		if ((int8_t)(words[i] - words[i - 8]) > 0)
			return true;
	return false;
}

/* The source changes under the copy: the sum is that of what arrived, each time. */
TEST_F(copyv, changing_source)
{
	static char out[8 * RB_PAGE];
	char *in = ic_memory(sizeof(out), PROT_READ | PROT_WRITE);
	struct changing c = { .words = (void *)in, .count = sizeof(out) / 8 };
	struct iovec to = { out, sizeof(out) }, from = { in, sizeof(out) };
	const int least = rounds(200, 30);
	pthread_t thread;
	int changed = 0, i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, change, &c));
	for (i = 0; i < least || (!changed && i < 1000 * least); i++) {
		uint32_t sum = 0;

		ASSERT_EQ(sizeof(out), copyv(self->fd, &to, 1, &from, 1, variant->flags, SUM(&sum)));
		SUM_IS(sum, out, sizeof(out));
		changed += changed_meanwhile(out, sizeof(out));
	}
	__atomic_store_n(&c.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	munmap(in, sizeof(out));
	ASSERT_LT(0, changed);
	TH_LOG("the source changed during %d of %d copies", changed, i);
}

TEST_F(dev, sum_of_a_text)
{
	char text[] = "123456789", out[9];
	struct iovec to = { out, 9 }, from = { text, 9 };
	uint32_t sum = 0;

	EXPECT_EQ(9, copyv(self->fd, &to, 1, &from, 1, FERRIO_IC_COPYV_CRC32C, &sum));
	EXPECT_EQ(0xe3069283, sum);
	/* in parts, each going on with the one before */
	sum = 0;
	for (int i = 0; i < 3; i++) {
		from = (struct iovec){ text + 3 * i, 3 };
		EXPECT_EQ(3, copyv(self->fd, &to, 1, &from, 1, FERRIO_IC_COPYV_CRC32C, &sum));
	}
	EXPECT_EQ(0xe3069283, sum);
}

TEST_HARNESS_MAIN

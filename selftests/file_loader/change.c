// SPDX-License-Identifier: GPL-2.0
/* Files that change while they are loaded: other bytes, or more, or fewer. */
#define _GNU_SOURCE
#include "../fuse.h"
#include "fl_dev.h"
#include "other.h"

#define PAGES	4
#define LEN	(PAGES * RB_PAGE)

/* A server whose every READ gives the next generation of the file. */
struct generations {
	int next;
	int hold;		/* the page whose READ is put off, until `go` */
	int go;
};

/* Where in the pattern a generation of the file is. */
#define GENERATION(n)	((uint64_t)(n) << 40)

static int serve(struct fuse_file *f, uint64_t at, uint32_t len, char *to)
{
	uint64_t size = __atomic_load_n(&f->size, __ATOMIC_ACQUIRE);
	struct generations *g = f->own;

	if (g->hold == at / RB_PAGE && !__atomic_load_n(&g->go, __ATOMIC_ACQUIRE))
		return FUSE_HOLD;
	if (at >= size)
		return 0;
	len = len < size - at ? len : size - at;
	rb_pattern(to, len, GENERATION(g->next++) + at);
	return len;
}

static int start(struct fuse_file *f, struct generations *g, uint32_t open_flags)
{
	/* Who asks for the size does not wait for a READ that is on its way. */
	*f = (struct fuse_file) {
		.size = LEN, .init_flags = FUSE_ASYNC_READ | FUSE_EXPLICIT_INVAL_DATA,
		.open_flags = open_flags, .read = serve, .own = g,
	};
	fuse_start(f);
	return fuse_open(f, O_RDONLY);
}

/* The generation that a page is of, or -1. */
static int generation(const char *page, uint64_t at, int below)
{
	for (int n = 0; n < below; n++)
		if (rb_mismatch(page, RB_PAGE, GENERATION(n) + at) == -1)
			return n;
	return -1;
}

/*
 * There is no saying what a file is that is another at each look; but what was
 * loaded is one thing, with its digest, and who pins another one does not get it.
 */
TEST_F(dev, other_bytes)
{
	struct generations g = { .hold = -1 };
	int seen[PAGES], file;
	char bytes[LEN];
	struct ferrio_fl_load load;
	struct ferrio_fl_blob info;
	struct fuse_file f;
	long blob;

	file = start(&f, &g, FOPEN_DIRECT_IO);
	blob = fl_load_fd(self->fd, file);
	ASSERT_LE(0, blob);
	/* Each page was read once, and each is of another generation. */
	EXPECT_EQ(PAGES, g.next);
	for (int again = 0; again < 2; again++) {
		ASSERT_EQ(LEN, E(pread(blob, bytes, LEN, 0)));
		for (int i = 0; i < PAGES; i++) {
			seen[i] = generation(bytes + i * RB_PAGE, i * RB_PAGE, PAGES);
			EXPECT_EQ(i, seen[i]);
		}
	}
	EXPECT_TRUE(fl_digest_is_of_bytes(self->fd, blob));

	/* That content is not to be had any more. */
	fl_blob_info(blob, &info);
	load = fl_request(file);
	load.flags = FERRIO_FL_PIN_SHA256;
	memcpy(load.sha256, info.sha256, sizeof(load.sha256));
	EXPECT_EQ(-AT(DIGEST, EBADMSG), fl_load(self->fd, FERRIO_FL_LOAD_FD, &load));
	EXPECT_EQ(2 * PAGES, g.next);
	/* Until the server gives it once more. */
	g.next = 0;
	close(blob);
	blob = fl_load(self->fd, FERRIO_FL_LOAD_FD, &load);
	EXPECT_LE(0, blob);
	close(blob);
	close(file);
	fuse_stop(&f);
}

/* What the page cache has is what is loaded, whatever the server has by now. */
TEST_F(dev, cached_bytes)
{
	struct generations g = { .hold = -1 };
	struct ferrio_fl_load load;
	struct ferrio_fl_blob info;
	struct fuse_file f;
	int file = start(&f, &g, FOPEN_KEEP_CACHE), reads;
	long blob;

	blob = fl_load_fd(self->fd, file);
	ASSERT_LE(0, blob);
	EXPECT_TRUE(fl_digest_is_of_bytes(self->fd, blob));
	reads = __atomic_load_n(&f.reads, __ATOMIC_ACQUIRE);
	fl_blob_info(blob, &info);
	close(blob);
	load = fl_request(file);
	load.flags = FERRIO_FL_PIN_SHA256;
	memcpy(load.sha256, info.sha256, sizeof(load.sha256));
	blob = fl_load(self->fd, FERRIO_FL_LOAD_FD, &load);
	EXPECT_LE(0, blob);
	EXPECT_EQ(reads, __atomic_load_n(&f.reads, __ATOMIC_ACQUIRE));
	close(blob);
	close(file);
	fuse_stop(&f);
}

/*
 * The size is another when the load has come to the page `hold`: the kernel is told
 * by who asks for it.  Neither what was there before nor what is now is loaded.
 */
static long resized(int dev, int hold, uint64_t size, uint32_t open_flags)
{
	struct generations g = { .hold = hold };
	struct fl_other other;
	struct fuse_file f;
	int file = start(&f, &g, open_flags);
	struct stat st;
	long ret, blob;

	fl_other_fd(&other, dev, file);
	fuse_met(&f);
	fl_other_asleep(&other);
	__atomic_store_n(&f.size, size, __ATOMIC_RELEASE);
	if (stat(f.path, &st) || st.st_size != (off_t)size)
		rb_die("stat: %ld bytes", (long)st.st_size);
	__atomic_store_n(&g.go, 1, __ATOMIC_RELEASE);
	fuse_answer(&f);
	ret = fl_other_end(&other);

	/* From then on it is a file of that size. */
	blob = fl_load_fd(dev, file);
	if (blob < 0 ? size || blob != -AT(SIZE, EINVAL) : rb_fdinfo(blob, "fl-bytes") != size)
		rb_die("the file of %ld bytes: %ld", (long)size, blob);
	close(blob);
	close(file);
	fuse_stop(&f);
	return ret;
}

TEST_F(dev, grows)
{
	static const uint64_t sizes[] = { LEN + 1, LEN + RB_PAGE, 10 * LEN };

	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (int hold = 0; hold < PAGES; hold += PAGES - 1) {
			EXPECT_EQ(-AT(READ, EIO), resized(self->fd, hold, sizes[i], 0));
			EXPECT_EQ(-AT(READ, EIO),
				  resized(self->fd, hold, sizes[i], FOPEN_DIRECT_IO));
		}
	}
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* The page that is waited for has to be one that stays. */
TEST_F(dev, shrinks)
{
	static const uint64_t sizes[] = { RB_PAGE, RB_PAGE + 1, LEN - 1 };

	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(-AT(READ, EIO), resized(self->fd, 0, sizes[i], 0));
		EXPECT_EQ(-AT(READ, EIO), resized(self->fd, 0, sizes[i], FOPEN_DIRECT_IO));
	}
	/* Nothing is left of it, not even for who asked for a part of it. */
	EXPECT_EQ(-AT(READ, EIO), resized(self->fd, 0, 0, FOPEN_DIRECT_IO));
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* Back to what it was before the load is over: nobody can tell, and it is a load. */
TEST_F(dev, grows_and_shrinks)
{
	struct generations g = { .hold = PAGES - 1 };
	struct fl_other other;
	struct fuse_file f;
	struct stat st;
	int file = start(&f, &g, FOPEN_DIRECT_IO);

	fl_other_fd(&other, self->fd, file);
	fuse_met(&f);
	fl_other_asleep(&other);
	for (int i = 1; i >= 0; i--) {
		__atomic_store_n(&f.size, LEN + i, __ATOMIC_RELEASE);
		ASSERT_EQ(0, stat(f.path, &st));
		ASSERT_EQ(LEN + i, st.st_size);
	}
	__atomic_store_n(&g.go, 1, __ATOMIC_RELEASE);
	fuse_answer(&f);
	EXPECT_EQ(0, fl_other_end(&other));
	close(file);
	fuse_stop(&f);
}

TEST_HARNESS_MAIN

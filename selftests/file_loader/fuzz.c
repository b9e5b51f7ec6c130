// SPDX-License-Identifier: GPL-2.0
/*
 * Requests at random.  Each result has to be one that abi/file_loader.rst has for it,
 * and nothing may be left.  SEED=n plays a run again.
 */
#define _GNU_SOURCE
#include <sys/socket.h>

#include "fl_dev.h"
#include "other.h"

#define LEN	5000

/* What a descriptor or a path leads to, and where a load of it ends. */
struct source {
	uint64_t at;
	long end;		/* minus AT(), or 0 */
};

struct world {
	struct source fds[16], paths[16], memory[8];
	int nfds, npaths, nmemory;
	unsigned char sha256[32];
};

static void add_fd(struct world *w, int fd, long end)
{
	if (fd < 0)
		rb_die("a descriptor for the world: %s", strerror(errno));
	w->fds[w->nfds++] = (struct source) { fd, end };
}

static void make_world(struct world *w, int dev)
{
	static char bytes[LEN];
	int file = fl_file(LEN), ends[2], closed;
	struct ferrio_fl_blob info;
	char *hole;

	add_fd(w, file, 0);
	add_fd(w, open("/dev/null", O_RDONLY), -AT(TYPE, EFTYPE));
	add_fd(w, open("/tmp", O_RDONLY), -AT(TYPE, EFTYPE));
	add_fd(w, open(FL_FILE, O_PATH), -AT(OPEN, EBADF));
	add_fd(w, open("/proc/version", O_RDONLY), -AT(SIZE, EINVAL));
	add_fd(w, dev, -AT(TYPE, EFTYPE));
	add_fd(w, fl_load_fd(dev, file), -AT(TYPE, EFTYPE));
	fl_blob_info(w->fds[w->nfds - 1].at, &info);
	memcpy(w->sha256, info.sha256, 32);
	if (pipe(ends))
		rb_die("pipe: %s", strerror(errno));
	add_fd(w, ends[0], -AT(TYPE, EFTYPE));
	add_fd(w, ends[1], -AT(OPEN, EBADF));
	add_fd(w, socket(AF_UNIX, SOCK_DGRAM, 0), -AT(TYPE, EFTYPE));
	closed = dup(0);
	close(closed);
	/* A load reserves the first that is free: closed until it is none any more. */
	w->fds[w->nfds++] = (struct source) { closed + 100, -AT(OPEN, EBADF) };
	w->fds[w->nfds++] = (struct source) { UINT32_MAX, -AT(OPEN, EBADF) };
	w->fds[w->nfds++] = (struct source) { 1ULL << 32 | file, -AT(OPEN, EBADF) };

	w->paths[w->npaths++] = (struct source) { (uintptr_t)FL_FILE, 0 };
	w->paths[w->npaths++] = (struct source) { (uintptr_t)"/tmp/../" FL_FILE, 0 };
	w->paths[w->npaths++] = (struct source) { (uintptr_t)"", -AT(OPEN, EINVAL) };
	w->paths[w->npaths++] = (struct source) { (uintptr_t)"tmp", -AT(OPEN, EINVAL) };
	w->paths[w->npaths++] = (struct source) { (uintptr_t)"/", -AT(TYPE, EFTYPE) };
	w->paths[w->npaths++] = (struct source) { (uintptr_t)"/nothing", -AT(OPEN, ENOENT) };
	w->paths[w->npaths++] = (struct source) { (uintptr_t)FL_FILE "/x", -AT(OPEN, ENOTDIR) };
	w->paths[w->npaths++] = (struct source) { (uintptr_t)"/proc/version",
						  -AT(SIZE, EINVAL) };
	w->paths[w->npaths++] = (struct source) { 0, -AT(OPEN, EFAULT) };
	w->paths[w->npaths++] = (struct source) { UINT64_MAX, -AT(OPEN, EFAULT) };

	rb_pattern(bytes, LEN, 0);
	hole = mmap(NULL, 2 * RB_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	munmap(hole + RB_PAGE, RB_PAGE);
	w->memory[w->nmemory++] = (struct source) { (uintptr_t)bytes, 0 };
	w->memory[w->nmemory++] = (struct source) { (uintptr_t)hole, -AT(READ, EFAULT) };
	w->memory[w->nmemory++] = (struct source) { 0, -AT(READ, EFAULT) };
	w->memory[w->nmemory++] = (struct source) { UINT64_MAX, -AT(READ, EFAULT) };
	w->memory[w->nmemory++] = (struct source) { 1ULL << 63, -AT(READ, EFAULT) };
}

static uint64_t pick(uint64_t *seed, const uint64_t *of, int n)
{
	return of[rb_random(seed) % n];
}

/* Mostly what makes sense: else hardly any request would come to its load. */
static uint64_t rarely(uint64_t *seed, int one_in, uint64_t usual, uint64_t odd)
{
	return rb_random(seed) % one_in ? usual : odd;
}

/* What the ABI says of a request; it knows no load but those of this world. */
static long expected(const struct world *w, unsigned long cmd, const struct ferrio_fl_load *l,
		     long end)
{
	static const unsigned char zeros[64];
	bool sha = l->flags & FERRIO_FL_PIN_SHA256, verity = l->flags & FERRIO_FL_PIN_VERITY;
	bool is_bytes = cmd == FERRIO_FL_LOAD_BYTES;
	uint64_t size = is_bytes ? l->source_bytes : LEN;

	if (l->size < sizeof(*l) || l->flags & ~3U || l->pad || l->purpose < 1 ||
	    l->purpose > 3 || (!is_bytes && l->source_bytes) || (is_bytes && verity))
		return -EINVAL;
	if (!sha && memcmp(l->sha256, zeros, 32))
		return -EINVAL;
	if (!verity && (l->verity_algorithm || l->verity_bytes || memcmp(l->verity, zeros, 64)))
		return -EINVAL;
	if (verity && (!l->verity_algorithm || l->verity_algorithm > 255 || !l->verity_bytes ||
		       l->verity_bytes > 64 ||
		       memcmp(l->verity + l->verity_bytes, zeros, 64 - l->verity_bytes)))
		return -EINVAL;
	if (is_bytes) {
		if (!size)
			return -AT(SIZE, EINVAL);
		if (size > l->max_bytes || size > INT64_MAX)
			return -AT(SIZE, EFBIG);
		if (size >= 1ULL << 40)
			return -AT(MEMORY, ENOMEM);
		if (end && !(end == -AT(READ, EFAULT) && size <= RB_PAGE &&
			     l->source == w->memory[1].at))
			return end;
	} else {
		if (end)
			return end;
		if (size > l->max_bytes)
			return -AT(SIZE, EFBIG);
		if (verity)
			return -AT(DIGEST, ENODATA);
	}
	if (sha && (size != LEN || memcmp(l->sha256, w->sha256, 32)))
		return -AT(DIGEST, EBADMSG);
	return 0;
}

/* As fl_load(), but what is no load leaves the detail as it was. */
static long ask(int dev, unsigned long cmd, struct ferrio_fl_load *l)
{
	struct ferrio_fl_failure failure = { .size = sizeof(failure) };
	long ret;

	l->failure = (uintptr_t)&failure;
	ret = E(ioctl(dev, cmd, l));
	if (failure.pad || failure.size != sizeof(failure) ||
	    failure.error != (failure.stage ? -ret : 0))
		rb_die("the call gave %ld, the detail %u", ret, failure.error);
	return ret < 0 ? -(long)failure.stage * 1000 + ret : ret;
}

static void show(unsigned long cmd, const struct ferrio_fl_load *l, int i)
{
	fprintf(stderr, "# %d: cmd %#lx size %u flags %#x purpose %u pad %u max %#llx ",
		i, cmd, l->size, l->flags, l->purpose, l->pad, (unsigned long long)l->max_bytes);
	fprintf(stderr, "source %#llx bytes %#llx verity %u %u\n", (unsigned long long)l->source,
		(unsigned long long)l->source_bytes, l->verity_algorithm, l->verity_bytes);
}

TEST_F(dev, requests)
{
	static const unsigned long cmds[] = {
		FERRIO_FL_LOAD_FD, FERRIO_FL_LOAD_PATH, FERRIO_FL_LOAD_BYTES,
	};
	static const uint64_t sizes[] = {
		0, 1, 4095, 4096, LEN - 1, LEN, LEN, LEN, LEN, 1ULL << 40, INT64_MAX,
		1ULL << 63, UINT64_MAX,
	};
	static const uint64_t words[] = { 1, 2, 4, 0xff, 0x100, 1U << 31, UINT32_MAX };
	uint64_t seed = rb_seed();
	struct world w = { .nfds = 0 };
	int loads = 0, refused = 0, fds;

	make_world(&w, self->fd);
	fds = rb_count_fds();
	for (int i = 0; i < rounds(20000, 300); i++) {
		unsigned long cmd = pick(&seed, cmds, 3);
		struct source *s = cmd == FERRIO_FL_LOAD_FD ?
				   &w.fds[rb_random(&seed) % 2 * rb_random(&seed) % w.nfds] :
				   cmd == FERRIO_FL_LOAD_PATH ?
				   &w.paths[rb_random(&seed) % w.npaths] :
				   &w.memory[rb_random(&seed) % w.nmemory];
		struct ferrio_fl_load l = fl_request(s->at), asked;
		long want, got;

		l.size = rarely(&seed, 20, l.size, rb_random(&seed) % l.size);
		l.flags = rarely(&seed, 30, rb_random(&seed) % 4, pick(&seed, words, 7));
		if (rb_random(&seed) % 3)
			l.flags &= ~FERRIO_FL_PIN_VERITY;
		l.purpose = rarely(&seed, 20, 1 + rb_random(&seed) % 3, pick(&seed, words, 7));
		l.pad = rarely(&seed, 50, 0, pick(&seed, words, 7));
		l.max_bytes = rarely(&seed, 3, FL_CAP, pick(&seed, sizes, 13));
		if (cmd == FERRIO_FL_LOAD_BYTES)
			l.source_bytes = pick(&seed, sizes, 13);
		else
			l.source_bytes = rarely(&seed, 50, 0, pick(&seed, sizes, 13));
		/* The rest of the memory is unknown. */
		if (cmd == FERRIO_FL_LOAD_BYTES && s->end == 0 && l.source_bytes > LEN &&
		    l.source_bytes < 1ULL << 40)
			continue;
		if (l.flags & FERRIO_FL_PIN_SHA256 || rb_random(&seed) % 50 == 0) {
			memcpy(l.sha256, w.sha256, 32);
			l.sha256[rb_random(&seed) % 32] ^= rarely(&seed, 2, 0, 1);
		}
		if (l.flags & FERRIO_FL_PIN_VERITY || rb_random(&seed) % 50 == 0) {
			l.verity_algorithm = rarely(&seed, 9, 1, pick(&seed, words, 7));
			l.verity_bytes = rarely(&seed, 9, 32, pick(&seed, words, 7));
			memset(l.verity, 1, rarely(&seed, 9, 32, 64));
		}
		want = expected(&w, cmd, &l, s->end);
		asked = l;
		got = ask(self->fd, cmd, &l);
		ASSERT_EQ(want, got < 0 ? got : 0) show(cmd, &l, i);
		/* The request is only read. */
		asked.failure = l.failure;
		ASSERT_EQ(0, memcmp(&asked, &l, sizeof(l)));
		refused += got < 0;
		if (got < 0)
			continue;
		loads++;
		ASSERT_EQ(cmd == FERRIO_FL_LOAD_BYTES ? l.source_bytes : LEN,
			  rb_fdinfo(got, "fl-bytes"));
		close(got);
	}
	/* It was about something. */
	EXPECT_LT(10, loads);
	EXPECT_LT(50, refused);
	EXPECT_EQ(fds, rb_count_fds());
	EXPECT_EQ(self->live + 2, rb_live_pages());
	for (int i = 0; i < w.nfds; i++)
		if (w.fds[i].at < 1000 && w.fds[i].at != self->fd)
			close(w.fds[i].at);
}

/* Bytes at random, as a struct: for a crash, or a load that nobody has asked for. */
TEST_F(dev, noise)
{
	static const unsigned long cmds[] = {
		FERRIO_FL_LOAD_FD, FERRIO_FL_LOAD_PATH, FERRIO_FL_LOAD_BYTES,
		FERRIO_FL_BLOB_INFO, _IO(FERRIO_FL_IOC_TYPE, 0x41),
		_IOW(FERRIO_FL_IOC_TYPE, 0x45, struct ferrio_fl_load),
	};
	uint64_t seed = rb_seed();
	int fds = rb_count_fds();

	for (int i = 0; i < rounds(20000, 2000); i++) {
		int which = rb_random(&seed) % ARRAY_SIZE(cmds);
		struct {
			struct ferrio_fl_load load;
			uint64_t more[20];
		} noise;
		uint64_t raw[sizeof(noise) / 8];
		long want, got;

		for (int k = 0; k < ARRAY_SIZE(raw); k++)
			raw[k] = rb_random(&seed);
		memcpy(&noise, raw, sizeof(noise));
		/* A size that may be one, or none of it would be read. */
		noise.load.size %= sizeof(noise);
		got = E(ioctl(self->fd, cmds[which], &noise));
		want = which >= 3 ? -ENOTTY : -EINVAL;
		for (size_t at = sizeof(noise.load); at < noise.load.size; at++)
			if (which < 3 && ((char *)&noise)[at])
				want = -E2BIG;
		ASSERT_EQ(want, got) TH_LOG("%d: call %d, size %u", i, which, noise.load.size);
		ASSERT_EQ(0, memcmp(&noise.more, &raw[sizeof(noise.load) / 8],
				    sizeof(noise.more)));
	}
	EXPECT_EQ(fds, rb_count_fds());
}

TEST_HARNESS_MAIN

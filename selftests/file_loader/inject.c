// SPDX-License-Identifier: GPL-2.0
/*
 * Each place of each call that can fail does so once: an allocation, a copy from or to the
 * program, or a call of one of the module's shims.  What fails gives an errno, and in a
 * load a stage, that the ABI has for it; nothing is left of it, and the next call works.
 */
#define _GNU_SOURCE
#include "../inject.h"
#include "fl.h"

#define LEN		(3 * RB_PAGE + 100)
#define SEGMENTS	16
#define MANY		1000	/* places no call has */

/* What gives an errno. */
enum {
	COPY = 1 << INJECT_COPY,
	MEM = 1 << INJECT_SLAB | 1 << INJECT_PAGE | 1 << INJECT_QUIET,
	CALL = 1 << INJECT_CALL,
};

/* The shims, which are given an errno of their own each, or else NULL. */
#define OPEN_ERR	ELOOP
#define STAMP_ERR	EOVERFLOW
#define ANON_ERR	ENFILE
#define INSERT_ERR	EBUSY

struct shim {
	const char *name;
	int error;
};

static const struct shim of_loads[] = {
	{ "file_loader:ferrio_open_regular", OPEN_ERR },
	{ "file_loader:ferrio_file_stamp", STAMP_ERR },
	{ "file_loader:ferrio_anon_file", ANON_ERR },
	{ "file_loader:ferrio_page_alloc", 0 },
	{ "file_loader:ferrio_vmap", 0 },
	{ }
};

static const struct shim of_maps[] = {
	{ "file_loader:ferrio_vma_insert", INSERT_ERR },
	{ }
};

struct scene {
	int fd, file, blob, pipe[2];
	struct ferrio_fl_load load;
	struct ferrio_fl_failure failure;
	char *in, *out;		/* @in has the pattern */
	long made;		/* the blob that a call has made, or -1 */
	long piped;		/* what it has put into the pipe */
};

/* Each gives 0, or a negative errno; of a load, minus AT(). */

static long call_open(struct scene *s)
{
	int fd = E(open(FERRIO_FL_DEVICE, O_RDWR | O_CLOEXEC));

	(void)s;
	return fd < 0 ? fd : close(fd);
}

static long call_info(struct scene *s)
{
	struct ferrio_fl_info info = { .size = sizeof(info) };

	return E(ioctl(s->fd, FERRIO_FL_GET_INFO, &info));
}

static long load(struct scene *s, unsigned long cmd, uint64_t source, size_t bytes)
{
	s->failure = (struct ferrio_fl_failure){ .size = sizeof(s->failure) };
	s->load = fl_request(source);
	s->load.source_bytes = bytes;
	s->load.failure = (uintptr_t)&s->failure;
	s->made = E(ioctl(s->fd, cmd, &s->load));
	return s->made >= 0 ? 0 : s->made - 1000L * s->failure.stage;
}

static long call_load_fd(struct scene *s)
{
	return load(s, FERRIO_FL_LOAD_FD, s->file, 0);
}

static long call_load_path(struct scene *s)
{
	return load(s, FERRIO_FL_LOAD_PATH, (uintptr_t)FL_FILE, 0);
}

static long call_load_bytes(struct scene *s)
{
	return load(s, FERRIO_FL_LOAD_BYTES, (uintptr_t)s->in, LEN);
}

static long call_blob_info(struct scene *s)
{
	struct ferrio_fl_blob info = {
		.size = sizeof(info), .path = (uintptr_t)s->out, .path_room = LEN,
	};

	return E(ioctl(s->blob, FERRIO_FL_BLOB_INFO, &info));
}

static long call_map(struct scene *s)
{
	void *at = mmap(NULL, LEN, PROT_READ, MAP_SHARED, s->blob, 0);
	long wrong;

	if (at == MAP_FAILED)
		return -errno;
	wrong = rb_mismatch(at, LEN, 0);
	/* That is a place, too. */
	while (munmap(at, LEN))
		;
	return wrong >= 0;
}

/* Bytes that came are the file's; those of a copy that failed have not come. */
static long came(struct scene *s, long bytes)
{
	if (bytes < 0)
		return bytes;
	if (rb_mismatch(s->out, bytes, 0) >= 0)
		return 1;
	return bytes == LEN ? 0 : -EFAULT;
}

static long call_read(struct scene *s)
{
	return came(s, E(pread(s->blob, s->out, LEN, 0)));
}

static long call_readv(struct scene *s)
{
	struct iovec v[SEGMENTS];
	size_t piece = LEN / SEGMENTS + 1;

	for (int i = 0; i < SEGMENTS; i++)
		v[i] = (struct iovec){ s->out + i * piece, piece };
	return came(s, E(preadv(s->blob, v, SEGMENTS, 0)));
}

static long call_splice(struct scene *s)
{
	long moved;

	/* by the position of the file, as one of the program would be copied */
	lseek(s->blob, 0, SEEK_SET);
	moved = E(splice(s->blob, NULL, s->pipe[1], NULL, LEN, 0));
	if (moved < 0)
		return moved;
	/* with less memory than it wants it moves less */
	s->piped = moved;
	return lseek(s->blob, 0, SEEK_CUR) != moved;
}

static long call_fdinfo(struct scene *s)
{
	char path[64], text[2048];
	long n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", s->blob);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = E(read(fd, text, sizeof(text)));
	close(fd);
	return n < 0 ? n : n == 0;
}

struct outcome {
	unsigned int hits;	/* what may give it */
	long at;
};

#define OUTCOMES	4	/* a call's own */

static const struct outcome of_each_load[] = {
	{ COPY, AT(NONE, EFAULT) },
	{ MEM, AT(MEMORY, ENOMEM) },
	{ CALL, AT(MEMORY, ENOMEM) },
	{ CALL, AT(MEMORY, ANON_ERR) },
};

/* A bit for each outcome in a list that is this one; @hit INJECT_HITS: for each. */
static unsigned int outcomes(const struct outcome *list, int count, enum inject_hit hit,
			     long at)
{
	unsigned int bits = 0;

	for (int i = 0; i < count; i++)
		if (hit == INJECT_HITS ? list[i].hits != 0 :
					 list[i].hits & 1U << hit && list[i].at == at)
			bits |= 1U << i;
	return bits;
}

FIXTURE(inject) {
	struct scene s;
	struct inject in;
	long live;
	int fds;
	bool on;
};

FIXTURE_VARIANT(inject) {
	long (*call)(struct scene *s);
	int points;		/* so many places have failed at least, in one sweep */
	const struct shim *shims;	/* that can fail; each costs a second */
	struct outcome all[OUTCOMES];	/* nothing else is seen, and each of them once */
};

FIXTURE_VARIANT_ADD(inject, open) {
	.call = call_open, .points = 3, .all = { { MEM, ENOMEM }, { COPY, EFAULT } },
};

FIXTURE_VARIANT_ADD(inject, info) {
	.call = call_info, .points = 3, .all = { { COPY, EFAULT } },
};

FIXTURE_VARIANT_ADD(inject, load_fd) {
	.call = call_load_fd, .points = 24,
	.shims = of_loads, .all = { { CALL, AT(SIZE, STAMP_ERR) } },
};

FIXTURE_VARIANT_ADD(inject, load_path) {
	.call = call_load_path, .points = 30,
	.shims = of_loads,
	.all = { { CALL, AT(SIZE, STAMP_ERR) }, { COPY, AT(OPEN, EFAULT) },
		 { MEM, AT(OPEN, ENOMEM) }, { CALL, AT(OPEN, OPEN_ERR) } },
};

FIXTURE_VARIANT_ADD(inject, load_bytes) {
	.call = call_load_bytes, .points = 20,
	.shims = of_loads, .all = { { COPY, AT(READ, EFAULT) } },
};

FIXTURE_VARIANT_ADD(inject, blob_info) {
	.call = call_blob_info, .points = 4, .all = { { COPY, EFAULT } },
};

FIXTURE_VARIANT_ADD(inject, map) {
	.call = call_map, .points = 3, .shims = of_maps,
	.all = { { MEM, ENOMEM }, { CALL, INSERT_ERR } },
};

FIXTURE_VARIANT_ADD(inject, read) {
	.call = call_read, .points = 1, .all = { { COPY, EFAULT } },
};

FIXTURE_VARIANT_ADD(inject, readv) {
	.call = call_readv, .points = 8, .all = { { COPY, EFAULT }, { MEM, ENOMEM } },
};

FIXTURE_VARIANT_ADD(inject, splice) {
	.call = call_splice, .points = 2, .all = { { MEM, ENOMEM } },
};

FIXTURE_VARIANT_ADD(inject, fdinfo) {
	.call = call_fdinfo, .points = 4, .all = { { MEM, ENOMEM }, { COPY, EFAULT } },
};

FIXTURE_SETUP(inject)
{
	struct scene *s = &self->s;

	if (!inject_possible())
		SKIP(return, "no " INJECT_NTH ": not a kernel with fault injection");
	s->fd = fl_open();
	s->file = fl_file(LEN);
	s->in = malloc(LEN);
	s->out = malloc(2 * LEN);
	if (!s->in || !s->out || pipe2(s->pipe, O_CLOEXEC | O_NONBLOCK))
		rb_die("set-up: %s", strerror(errno));
	rb_pattern(s->in, LEN, 0);
	memset(s->out, 0x55, 2 * LEN);
	s->blob = fl_load_fd(s->fd, s->file);
	ASSERT_LE(0, s->blob);
	inject_open(&self->in, true);
	for (const struct shim *shim = variant->shims; shim && shim->name; shim++)
		inject_function(&self->in, shim->name, shim->error);
	self->live = rb_live_pages();
	self->fds = rb_count_fds();
	self->on = true;
}

FIXTURE_TEARDOWN(inject)
{
	if (self->on)
		inject_close(&self->in);
	unlink(FL_FILE);
}

/* The loader has one blob, that of the set-up, and whoever likes can write to the file. */
static void nothing_left(struct __test_metadata *_metadata, int fd, long live, int fds)
{
	struct ferrio_fl_info info;
	int writer;

	ASSERT_EQ(live, rb_live_pages());
	ASSERT_EQ(fds, rb_count_fds());
	fl_info(fd, &info);
	ASSERT_EQ(1, info.user_blobs);
	ASSERT_EQ(4 * RB_PAGE, info.user_bytes);
	writer = open(FL_FILE, O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, writer);
	close(writer);
}

/* What came through the pipe is the blob's. */
static void is_piped(struct __test_metadata *_metadata, struct scene *s)
{
	ASSERT_EQ(s->piped ?: -EAGAIN, E(read(s->pipe[0], s->out, LEN)));
	ASSERT_EQ(-1, rb_mismatch(s->out, s->piped, 0));
}

/* A blob that a load has made in spite of all is whole. */
static void is_whole(struct __test_metadata *_metadata, struct scene *s)
{
	memset(s->out, 0x55, LEN);
	ASSERT_EQ(LEN, E(pread(s->made, s->out, LEN, 0)));
	ASSERT_EQ(-1, rb_mismatch(s->out, LEN, 0));
	close(s->made);
}

TEST_F_TIMEOUT(inject, each_place, 60)
{
	int hits[INJECT_HITS] = { 0 }, forgiven = 0, sweeps = 0, points = 0, most = 0;
	const int others = variant->shims == of_loads ? ARRAY_SIZE(of_each_load) : 0;
	const unsigned int all = outcomes(variant->all, OUTCOMES, INJECT_HITS, 0) |
		outcomes(of_each_load, others, INJECT_HITS, 0) << OUTCOMES;
	struct scene *s = &self->s;
	unsigned int seen = 0;

	for (int n = 1; n < MANY; n++) {
		enum inject_hit hit;
		long ret;

		s->made = -1;
		s->piped = 0;
		inject_logged(&self->in);
		inject_arm(&self->in, n);
		ret = variant->call(s);
		hit = inject_end(&self->in);
		hits[hit]++;
		if (!ret) {
			/* what the kernel can do without */
			forgiven += hit != INJECT_NOTHING;
			if (s->made >= 0)
				is_whole(_metadata, s);
		} else {
			unsigned int kind = outcomes(variant->all, OUTCOMES, hit, -ret) |
				outcomes(of_each_load, others, hit, -ret) << OUTCOMES;

			ASSERT_NE(0, kind) TH_LOG("place %d, hit %d: %ld", n, hit, ret);
			ASSERT_GT(0, s->made);
			ASSERT_EQ(-ret / 1000 ? -ret % 1000 : 0, s->failure.error);
			seen |= kind;
			points++;
		}
		is_piped(_metadata, s);
		nothing_left(_metadata, s->fd, self->live, self->fds);
		if (hit)
			continue;
		/*
		 * Caches are full or empty as they like, so that a place has another number
		 * each time, and one may have been left out.
		 */
		most = points > most ? points : most;
		if ((seen == all && most >= variant->points) || ++sweeps == 6)
			break;
		n = 0;
		points = 0;
	}
	EXPECT_EQ(all, seen);
	EXPECT_LE(variant->points, most);
	TH_LOG("%d points of one sweep; %d slab, %d page, %d copy, %d shim, %d quiet; %d of them forgiven",
	       most, hits[INJECT_SLAB], hits[INJECT_PAGE], hits[INJECT_COPY],
	       hits[INJECT_CALL], hits[INJECT_QUIET], forgiven);
}

TEST_HARNESS_MAIN

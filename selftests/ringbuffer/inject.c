// SPDX-License-Identifier: GPL-2.0
/*
 * Each place of each call that can fail does so once.  A place is an allocation, a
 * copy from or to the program, or a call of one of our shims; the n-th of a call
 * fails, and n goes up until the call was through before.  What was hit says what
 * the call has to give: its errno and nothing else, or success where the kernel can
 * do without.  After each failure the accounts are as before and the ring is usable.
 */

#include "../inject.h"
#include "accounts.h"
#include "inject_calls.h"
#include "rb_harness.h"

#define ANON	"ringbuffer:ferrio_anon_file"
#define INSERT	"ringbuffer:ferrio_vma_insert"
#define PAGE	"ringbuffer:ferrio_page_alloc"

/* What is looked for: of the kernel's kinds, and of the shims, by their errno. */
enum {
	SLAB = 1 << INJECT_SLAB,	/* ENOMEM */
	COPY = 1 << INJECT_COPY,	/* EFAULT */
	QUIET = 1 << INJECT_QUIET,	/* ENOMEM; pages, and what the kernel asks quietly for */
	FILE_ = 1 << INJECT_HITS,	/* ENFILE of ferrio_anon_file() */
	IN = FILE_ << 1,		/* EBUSY of ferrio_vma_insert() */
	SHIM_PAGE = FILE_ << 2,		/* ENOMEM: NULL of ferrio_page_alloc() */
};

FIXTURE(inject) {
	struct scene scene;
	struct inject in;
	struct accounts before;
	int fds;
	bool on;
};

FIXTURE_VARIANT(inject) {
	enum stage stage;
	long (*call)(struct scene *s);
	long ok;		/* what it gives when nothing fails */
	int moves;		/* bytes of its result: 1 into the ring, -1 out of it */
	unsigned int must;	/* what has to have failed at least once */
	int step;		/* each so many-th place */
};

#define MINTS	(COPY | SLAB | QUIET | FILE_ | SHIM_PAGE)

#define ROW(name, from, gives, way, has)	ROWS(name, from, gives, way, has, 1)
#define ROWS(name, from, gives, way, has, each)					\
	{									\
		.stage = from, .call = call_##name, .ok = gives, .moves = way,	\
		.must = has, .step = each,					\
	}

FIXTURE_VARIANT_ADD(inject, open) ROW(open, NOBODY, 0, 0, SLAB);
FIXTURE_VARIANT_ADD(inject, info) ROW(info, FRESH, 0, 0, COPY);
FIXTURE_VARIANT_ADD(inject, size) ROW(size, FRESH, 0, 0, COPY);
FIXTURE_VARIANT_ADD(inject, mint_read) ROW(mint_read, FRESH, 0, 0, MINTS);
FIXTURE_VARIANT_ADD(inject, mint_write) ROW(mint_write, FRESH, 0, 0, MINTS);
FIXTURE_VARIANT_ADD(inject, mint_observe) ROW(mint_observe, FRESH, 0, 0, MINTS);
FIXTURE_VARIANT_ADD(inject, mint_again) ROW(mint_again, USED, 0, 0, COPY | SLAB | FILE_);
FIXTURE_VARIANT_ADD(inject, shutdown) ROW(shutdown, ENDS, 0, 0, COPY);
FIXTURE_VARIANT_ADD(inject, wait) ROW(wait, ENDS, 0, 0, COPY);
FIXTURE_VARIANT_ADD(inject, wait_in_vain) ROW(wait_in_vain, ENDS, -ETIMEDOUT, 0, COPY);
FIXTURE_VARIANT_ADD(inject, wakeup) ROW(wakeup, ENDS, 0, 0, COPY);
FIXTURE_VARIANT_ADD(inject, blame) ROW(blame, ENDS, 0, 0, COPY);
FIXTURE_VARIANT_ADD(inject, first_write)
	ROW(first_write, FRESH, 3 * RB_PAGE, 1, COPY | QUIET | SHIM_PAGE);
FIXTURE_VARIANT_ADD(inject, write) ROW(write, USED, 3 * RB_PAGE, 1, COPY);
FIXTURE_VARIANT_ADD(inject, read) ROW(read, USED, HELD, -1, COPY);
FIXTURE_VARIANT_ADD(inject, writev) ROW(writev, USED, 50 * PIECES, 1, COPY | SLAB);
FIXTURE_VARIANT_ADD(inject, readv) ROW(readv, USED, HELD, -1, COPY | SLAB);
FIXTURE_VARIANT_ADD(inject, first_splice_in)
	ROW(first_splice_in, FRESH, HELD, 1, QUIET | SHIM_PAGE);
FIXTURE_VARIANT_ADD(inject, splice_out) ROW(splice_out, USED, HELD, -1, SLAB | QUIET);
FIXTURE_VARIANT_ADD(inject, sendfile) ROW(sendfile, USED, HELD, 1, COPY | SLAB);
FIXTURE_VARIANT_ADD(inject, map_position) ROW(map_position, ENDS, 0, 0, SLAB | IN);
FIXTURE_VARIANT_ADD(inject, map_data) ROW(map_data, ENDS, 0, 0, SLAB | IN);
FIXTURE_VARIANT_ADD(inject, map_all) ROW(map_all, ENDS, 0, 0, SLAB | IN);
FIXTURE_VARIANT_ADD(inject, fork) ROWS(fork, ENDS, 0, 0, SLAB, 4);
FIXTURE_VARIANT_ADD(inject, mremap) ROW(mremap, ENDS, 0, 0, SLAB);
FIXTURE_VARIANT_ADD(inject, fault) ROW(fault, LARGE, 0, 0, 0);
FIXTURE_VARIANT_ADD(inject, poll) ROW(poll, ENDS, 0, 0, COPY);
FIXTURE_VARIANT_ADD(inject, epoll) ROW(epoll, ENDS, 0, 0, COPY | SLAB);
FIXTURE_VARIANT_ADD(inject, fdinfo) ROW(fdinfo, ENDS, 0, 0, COPY | SLAB);

static void scene_begin(struct scene *s, enum stage stage)
{
	size_t size = stage == LARGE ? PMD : SIZE;
	char *room;

	s->stage = stage;
	s->plain = s->r = s->w = s->o = -1;
	if (stage == NOBODY)
		return;
	s->plain = rb_open(O_RDWR | O_NONBLOCK);
	if (rb_set_size(s->plain, size))
		rb_die("SET_SIZE failed");
	if (stage == FRESH)
		return;
	rb_pattern(s->buf, HELD, 0);
	if (write(s->plain, s->buf, HELD) != HELD)
		rb_die("write failed");
	if (stage == USED)
		return;
	s->r = rb_mint(s->plain, FERRIO_RB_READ);
	s->w = rb_mint(s->plain, FERRIO_RB_WRITE);
	s->o = rb_mint(s->plain, FERRIO_RB_OBSERVE);
	/* room for it to go to, and page tables of its own */
	room = mmap(NULL, ROOM, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	s->window = mmap(room, RB_PAGE + 2 * size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, s->w, 2 * RB_PAGE);
	if (room == MAP_FAILED || s->window == MAP_FAILED)
		rb_die("mmap: %s", strerror(errno));
}

static void scene_end(struct scene *s)
{
	if (s->window)
		munmap(s->window, ROOM);
	s->window = NULL;
	for (int *fd = &s->plain; fd <= &s->o; fd++) {
		if (*fd >= 0)
			close(*fd);
		*fd = -1;
	}
}

/* The pipe has HELD bytes, the descriptor is read from its beginning. */
static void scene_refill(struct scene *s)
{
	char buf[HELD];

	while (read(s->pipe[0], buf, HELD) > 0)
		;
	rb_pattern(buf, HELD, 0);
	if (write(s->pipe[1], buf, HELD) != HELD)
		rb_die("write to a pipe failed");
}

FIXTURE_SETUP(inject)
{
	struct scene *s = &self->scene;

	if (!inject_possible())
		SKIP(return, "no " INJECT_NTH ": not a kernel with fault injection");
	s->buf = malloc(3 * RB_PAGE);
	s->file = memfd_create("inject", MFD_CLOEXEC);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!s->buf || s->file < 0 || s->epoll < 0 || ftruncate(s->file, HELD) ||
	    pipe2(s->pipe, O_CLOEXEC | O_NONBLOCK))
		rb_die("set-up: %s", strerror(errno));
	memset(s->buf, 0, 3 * RB_PAGE);
	accounts_take(&self->before);
	inject_open(&self->in, true);
	inject_function(&self->in, ANON, ENFILE);
	inject_function(&self->in, INSERT, EBUSY);
	inject_function(&self->in, PAGE, 0);
	self->fds = rb_count_fds();
	self->on = true;
}

FIXTURE_TEARDOWN(inject)
{
	if (!self->on)
		return;
	inject_close(&self->in);
	EXPECT_TRUE(accounts_even(&self->before));
}

/* The kind that gave @ret, or 0 if it may not. */
static unsigned int kind_of(enum inject_hit hit, long ret, unsigned int must)
{
	switch (hit) {
	case INJECT_SLAB:
	case INJECT_PAGE:
	case INJECT_QUIET:
		return ret == -ENOMEM ? 1 << hit : 0;
	case INJECT_COPY:
		return ret == -EFAULT ? 1 << hit : 0;
	case INJECT_CALL:
		return must & (ret == -ENFILE ? FILE_ : ret == -EBUSY ? IN :
			       ret == -ENOMEM ? SHIM_PAGE : 0);
	default:
		return 0;
	}
}

/* Nothing but what the call says has happened to the ring, and it works. */
static void usable(struct __test_metadata *_metadata, struct scene *s, long had, long moved)
{
	static char in[RB_PAGE], out[SIZE];
	bool ends = s->stage >= ENDS;
	int left;

	if (s->stage == NOBODY)
		return;
	ASSERT_EQ(had + moved, rb_avail(s->plain));
	ASSERT_EQ(1 + ends, rb_fdinfo(s->plain, "rb-consumers"));
	ASSERT_EQ(1 + ends, rb_fdinfo(s->plain, "rb-producers"));
	ASSERT_EQ(ends, rb_fdinfo(s->plain, "rb-maps"));
	ASSERT_EQ(0, rb_fdinfo(s->plain, "rb-corrupt"));
	ASSERT_EQ(0, rb_fdinfo(s->plain, "rb-misuse"));
	/* what was there comes first */
	for (left = had + moved; left; left -= moved) {
		moved = read(s->plain, out, left);
		ASSERT_LT(0, moved);
	}
	rb_pattern(in, sizeof(in), had);
	ASSERT_EQ(sizeof(in), write(s->plain, in, sizeof(in)));
	ASSERT_EQ(sizeof(in), read(s->plain, out, SIZE));
	ASSERT_EQ(0, memcmp(in, out, sizeof(in)));
	/* and the next call finds what the first one did */
	rb_pattern(in, HELD, 0);
	ASSERT_EQ(HELD, write(s->plain, in, HELD));
}

/* A first use that failed has left nothing, and the size can still be changed. */
static void unused(struct __test_metadata *_metadata, struct scene *s,
		   const struct accounts *before)
{
	struct ferrio_rb_info info;

	rb_info(s->plain, &info);
	if (info.state & FERRIO_RB_STATE_ALLOCATED)
		return;
	ASSERT_EQ(before->live, rb_live_pages());
	ASSERT_EQ(before->info.user_bytes, info.user_bytes);
	ASSERT_EQ(0, rb_set_size(s->plain, SIZE / 2));
	ASSERT_EQ(0, rb_set_size(s->plain, SIZE));
}

#define MANY	1000	/* places no call has */

TEST_F_TIMEOUT(inject, each_place, 60)
{
	const bool again = variant->stage >= USED && variant->call != call_shutdown &&
			   variant->call != call_blame;
	int step = getenv("FERRIO_LONG") ? 1 : variant->step;
	int hits[INJECT_HITS] = { 0 }, forgiven = 0, sweeps = 0, n;
	struct scene *s = &self->scene;
	unsigned int seen = 0;

	for (n = 1; n < MANY; n += step) {
		enum inject_hit hit;
		long ret, had = 0;
		bool moved;

		if (!again || (n == 1 && !sweeps))
			scene_begin(s, variant->stage);
		scene_refill(s);
		if (s->plain >= 0)
			had = rb_avail(s->plain);
		inject_logged(&self->in);
		inject_arm(&self->in, n);
		ret = variant->call(s);
		hit = inject_end(&self->in);
		hits[hit]++;
		/*
		 * Half-way, those who move bytes say how many they have moved, or try
		 * the rest once more and find nothing wrong.  A fork that cannot tell
		 * its child's number does not mind.
		 */
		moved = variant->moves && ret > 0;
		if ((ret == variant->ok &&
		     (hit != INJECT_COPY || moved || variant->call == call_fork)) ||
		    (hit && moved && ret < variant->ok)) {
			forgiven += hit != INJECT_NOTHING;
		} else {
			unsigned int kind = kind_of(hit, ret, variant->must);

			ASSERT_NE(0, kind) TH_LOG("place %d, hit %d: %ld", n, hit, ret);
			seen |= kind;
		}
		if (variant->stage == FRESH)
			unused(_metadata, s, &self->before);
		/* of a success of those two nothing is left that works */
		if (ret || (variant->call != call_blame && variant->call != call_shutdown))
			usable(_metadata, s, had, moved ? variant->moves * ret : 0);
		if (!again) {
			scene_end(s);
			ASSERT_TRUE(accounts_even(&self->before)) TH_LOG("place %d: %ld", n, ret);
		}
		if (hit)
			continue;
		/*
		 * The kernel's caches are full or empty as they like, so that a place
		 * has another number each time, and one may have been left out.
		 */
		if ((seen & variant->must) == variant->must || ++sweeps == 4)
			break;
		n = 1 - step;
	}
	scene_end(s);
	EXPECT_EQ(self->fds, rb_count_fds());
	EXPECT_LT(n, MANY);
	EXPECT_EQ(variant->must, seen & variant->must);
	/* forgiven, as the fault comes again, but it has to have been there */
	if (variant->call == call_fault)
		EXPECT_LT(0, hits[INJECT_PAGE]);
	TH_LOG("%d slab, %d page, %d copy, %d shim, %d quiet; %d of them forgiven",
	       hits[INJECT_SLAB], hits[INJECT_PAGE], hits[INJECT_COPY], hits[INJECT_CALL],
	       hits[INJECT_QUIET], forgiven);
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * Whom a ring's memory is charged to, and what a full memory cgroup does.
 *
 * Pages are of a ring's data, but in words_too; its three of words, the page tables
 * of a window and the memory of a task are within what the statistics lag behind.
 */

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>

#include "accounts.h"
#include "as_user.h"
#include "../cgroup.h"
#include "hold.h"
#include "rb_harness.h"

#define NOBODY	65534

FIXTURE(memcg) {
	struct cg cg;
	struct accounts before;
};

FIXTURE_SETUP(memcg)
{
	rb_catch(SIGPIPE, SA_RESTART);
	accounts_take(&self->before);
	cg_make(&self->cg);
}

/* By the parent, who is in none of the groups. */
FIXTURE_TEARDOWN_PARENT(memcg)
{
	if (self->cg.top[0])
		cg_unmake(&self->cg);
	EXPECT_TRUE(accounts_even(&self->before));
}

/* Many times what the statistics may lag behind. */
static long pages(void)
{
	return rb_test_kernel() ? 1024 : 4096;
}

static int new_ring(size_t bytes)
{
	int fd = rb_open(O_RDWR);

	if (rb_set_size(fd, bytes))
		rb_die("SET_SIZE %zu failed", bytes);
	return fd;
}

/* The ways of a first use: 1 or a negative errno. */
static long use_write(int fd)
{
	return E(write(fd, "x", 1));
}

static long use_mint(int fd, unsigned int rw)
{
	long end = rb_try_mint(fd, rw);

	if (end < 0)
		return end;
	close(end);
	return 1;
}

static long use_consumer(int fd)
{
	return use_mint(fd, FERRIO_RB_READ);
}

static long use_producer(int fd)
{
	return use_mint(fd, FERRIO_RB_WRITE);
}

static long use_observer(int fd)
{
	return use_mint(fd, FERRIO_RB_OBSERVE);
}

static long use_splice(int fd)
{
	int p[2];
	long ret;

	if (pipe2(p, O_CLOEXEC) || write(p[1], "x", 1) != 1)
		rb_die("pipe: %s", strerror(errno));
	ret = E(splice(p[0], NULL, fd, NULL, 1, 0));
	if (rb_avail(p[0]) != (ret < 0))
		rb_die("splice gave %ld and left %d", ret, rb_avail(p[0]));
	close(p[0]);
	close(p[1]);
	return ret;
}

static long use_sendfile(int fd)
{
	int file = memfd_create("x", MFD_CLOEXEC);
	long ret;

	if (file < 0 || pwrite(file, "x", 1, 0) != 1)
		rb_die("memfd: %s", strerror(errno));
	ret = E(sendfile(fd, file, NULL, 1));
	close(file);
	return ret;
}

static long (*const uses[])(int) = {
	use_write, use_consumer, use_producer, use_observer, use_splice,
	use_sendfile,
};

/* A ring of a task of @group that is no more when this returns. */
static int ring_of(const char *group, size_t bytes, bool used)
{
	int over[2], fd, status;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, over))
		rb_die("socketpair: %s", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (!pid) {
		cg_move(0, group);
		fd = new_ring(bytes);
		if (used)
			CHECK(1, use_write(fd));
		rb_send_fd(over[1], fd);
		_exit(0);
	}
	fd = rb_receive_fd(over[0]);
	if (waitpid(pid, &status, 0) != pid || status || fd < 0)
		rb_die("the task in %s ended with %#x", group, status);
	close(over[0]);
	close(over[1]);
	return fd;
}

/* Somebody in @group whom the OOM killer could take, and who asks for nothing. */
static pid_t bystander(const char *group)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	rb_asleep(pid, pid, SYS_pause);
	cg_move(pid, group);
	return pid;
}

/* The limit was hit, and nobody had to go for it. */
static void nobody_was_killed(struct __test_metadata *_metadata,
			      const char *group, pid_t pid)
{
	int status;

	EXPECT_LT(0, cg_value(group, "memory.events", "max"));
	EXPECT_EQ(0, cg_value(group, "memory.events", "oom"));
	EXPECT_EQ(0, cg_value(group, "memory.events", "oom_kill"));
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	rb_reap_killed(pid);
}

/* Whichever call uses it first; and all of it comes back. */
TEST_F_TIMEOUT(memcg, to_the_opener, 60)
{
	struct cg *cg = &self->cg;

	cg_move(0, cg->a);
	for (size_t i = 0; i < ARRAY_SIZE(uses); i++) {
		int fd = new_ring(pages() * RB_PAGE);

		ASSERT_TRUE(cg_charged(cg->a, 0));
		ASSERT_EQ(1, uses[i](fd));
		ASSERT_TRUE(cg_charged(cg->a, pages()));
		ASSERT_TRUE(cg_charged(cg->top, pages()));
		ASSERT_TRUE(cg_charged(cg->b, 0));
		close(fd);
		ASSERT_TRUE(cg_charged(cg->a, 0));
	}
	cg_move(0, cg->root);
}

/* Of small rings three pages of four are of words. */
TEST_F_TIMEOUT(memcg, words_too, 60)
{
	enum { RINGS = 256, PAGES = RINGS * (1 + RB_HEAD_PAGES) };
	struct cg *cg = &self->cg;
	int fd[RINGS];

	cg_move(0, cg->a);
	for (int i = 0; i < RINGS; i++)
		fd[i] = new_ring(RB_PAGE);
	cg_move(0, cg->root);
	EXPECT_TRUE(cg_charged(cg->a, 0));
	for (int i = 0; i < RINGS; i++)
		ASSERT_EQ(1, use_write(fd[i]));
	EXPECT_TRUE(cg_charged(cg->a, PAGES));
	for (int i = 0; i < RINGS; i++)
		close(fd[i]);
	EXPECT_TRUE(cg_charged(cg->a, 0));
}

/* Whoever uses, maps and fills it, wherever its opener is by then. */
TEST_F_TIMEOUT(memcg, not_to_the_user, 60)
{
	struct cg *cg = &self->cg;
	struct ringbuffer p, c;
	char buf[RB_PAGE] = "";
	int fd;

	cg_move(0, cg->a);
	fd = new_ring(pages() * RB_PAGE);
	cg_move(0, cg->b);
	ASSERT_LE(0, ringbuffer(fd, FERRIO_RB_WRITE, 0, &p));
	ASSERT_LE(0, ringbuffer(fd, FERRIO_RB_READ, 0, &c));
	close(fd);
	for (long i = 0; i < pages(); i++)
		ASSERT_EQ(RB_PAGE, ringbuffer_write(&p, buf, RB_PAGE));
	EXPECT_TRUE(cg_charged(cg->a, pages()));
	EXPECT_TRUE(cg_charged(cg->b, 0));
	for (long i = 0; i < pages(); i++)
		ASSERT_EQ(RB_PAGE, ringbuffer_read(&c, buf, RB_PAGE));
	ringbuffer_close(&p);
	/* a descriptor less, a window less: the last of them counts */
	close(c.fd);
	EXPECT_TRUE(cg_charged(cg->a, pages()));
	EXPECT_TRUE(cg_charged(cg->b, 0));
	c.fd = -1;
	ringbuffer_unmap(&c);
	EXPECT_TRUE(cg_charged(cg->a, 0));
	cg_move(0, cg->root);
}

TEST_F_TIMEOUT(memcg, opener_is_dead, 60)
{
	struct cg *cg = &self->cg;
	int fd = ring_of(cg->a, pages() * RB_PAGE, false);

	EXPECT_TRUE(cg_charged(cg->a, 0));
	ASSERT_EQ(1, use_write(fd));
	EXPECT_TRUE(cg_charged(cg->a, pages()));
	close(fd);
	EXPECT_TRUE(cg_charged(cg->a, 0));
}

/* Of a group that is no more, the next one above. */
TEST_F_TIMEOUT(memcg, group_is_removed, 60)
{
	struct cg *cg = &self->cg;

	for (int used = 0; used < 2; used++) {
		int fd = ring_of(cg->a, pages() * RB_PAGE, used);

		cg_remove(cg->a);
		if (!used) {
			EXPECT_TRUE(cg_charged(cg->top, 0));
			ASSERT_EQ(1, use_write(fd));
		}
		EXPECT_TRUE(cg_charged(cg->top, pages()));
		EXPECT_TRUE(cg_charged(cg->b, 0));
		/* whatever lives on of its rings */
		EXPECT_TRUE(cg_none_is_dying(cg->top));
		close(fd);
		EXPECT_TRUE(cg_charged(cg->top, 0));
		ASSERT_EQ(0, mkdir(cg->a, 0755));
	}
}

/* A ring that does not fit, of a task in the full group itself. */
static void full_work(bool limited)
{
	struct ferrio_rb_wait wait;
	struct ferrio_rb_info info;
	int fd = new_ring(pages() * RB_PAGE);
	long live = rb_live_pages(), bytes = user_bytes(fd);

	for (size_t i = 0; i < ARRAY_SIZE(uses); i++) {
		CHECK(-ENOMEM, uses[i](fd));
		CHECK(live, rb_live_pages());
		CHECK(bytes, user_bytes(fd));
		rb_info(fd, &info);
		CHECK(0, info.state);
	}
	/* what needs no memory works: waiting for space is not using it */
	CHECK(0, hold_wait(fd, FERRIO_RB_WRITE, pages() * RB_PAGE, -1, &wait));
	CHECK(pages() * RB_PAGE, wait.bytes);
	CHECK(0, wait.state);
	CHECK(POLLOUT, hold_poll(fd));
	CHECK(0, rb_fdinfo(fd, "rb-allocated"));
	if (limited) {
		/* the user's limit is looked at first */
		CHECK(0, rb_set_size(fd, 2 * rb_param("user_max_bytes")));
		CHECK(-EDQUOT, use_write(fd));
		CHECK(-EDQUOT, use_consumer(fd));
	}
	/* and a ring that fits */
	CHECK(0, rb_set_size(fd, RB_PAGE));
	CHECK(1, use_write(fd));
	CHECK(bytes + RB_PAGE, user_bytes(fd));
	CHECK(1, rb_avail(fd));
}

TEST_F_TIMEOUT(memcg, full, 60)
{
	struct cg *cg = &self->cg;
	pid_t other = bystander(cg->a), pid;
	int status;

	cg_limit(cg->a, pages() * RB_PAGE / 2);
	for (int limited = 0; limited < 2; limited++) {
		fflush(NULL);
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			cg_move(0, cg->a);
			if (limited)
				become(NOBODY);
			full_work(limited);
			_exit(0);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
	}
	EXPECT_TRUE(cg_charged(cg->a, 0));
	nobody_was_killed(_metadata, cg->a, other);
}

/* The opener's group is full, not that of who uses the ring; until it has room. */
TEST_F_TIMEOUT(memcg, full_elsewhere, 60)
{
	struct cg *cg = &self->cg;
	pid_t other = bystander(cg->a);
	int fd;

	cg_limit(cg->a, pages() * RB_PAGE / 2);
	fd = ring_of(cg->a, pages() * RB_PAGE, false);
	for (size_t i = 0; i < ARRAY_SIZE(uses); i++) {
		ASSERT_EQ(-ENOMEM, uses[i](fd));
		ASSERT_EQ(self->before.live, rb_live_pages());
	}
	EXPECT_TRUE(cg_charged(cg->a, 0));
	nobody_was_killed(_metadata, cg->a, other);
	cg_must_write(cg->a, "memory.max", "max");
	ASSERT_EQ(1, use_write(fd));
	EXPECT_TRUE(cg_charged(cg->a, pages()));
	close(fd);
	EXPECT_TRUE(cg_charged(cg->a, 0));
}

/* The last of many small rings does not fit; one goes, one comes. */
TEST_F_TIMEOUT(memcg, full_of_rings, 60)
{
	const long each = 64, limit = 1024;
	struct cg *cg = &self->cg;
	pid_t other = bystander(cg->a);
	int fd[limit / each], fits, n = limit / each;
	struct ringbuffer p, c;
	char buf[3] = "";

	cg_limit(cg->a, limit * RB_PAGE);
	/* nobody who can be in want of memory himself is in the group by then */
	cg_move(0, cg->a);
	for (int i = 0; i < n; i++)
		fd[i] = new_ring(each * RB_PAGE);
	cg_move(0, cg->root);
	for (fits = 0; fits < n && use_write(fd[fits]) == 1; fits++)
		;
	/* what else the group was charged for is less than a quarter of it */
	ASSERT_LT(n * 3 / 4 - 1, fits);
	ASSERT_GT(n, fits);
	EXPECT_EQ(self->before.live + fits * (each + RB_HEAD_PAGES),
		  rb_live_pages());
	for (int i = fits; i < n; i++)
		ASSERT_EQ(-ENOMEM, use_write(fd[i]));

	/* what is there works, also by windows, whose tables are their owner's */
	ASSERT_LE(0, ringbuffer(fd[0], FERRIO_RB_WRITE, 0, &p));
	ASSERT_LE(0, ringbuffer(fd[0], FERRIO_RB_READ, 0, &c));
	EXPECT_EQ(2, ringbuffer_write(&p, "yz", 2));
	EXPECT_EQ(3, ringbuffer_read(&c, buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "xyz", 3));
	ringbuffer_close(&p);
	ringbuffer_close(&c);

	close(fd[0]);
	ASSERT_EQ(1, use_write(fd[fits]));
	if (fits + 1 < n)
		ASSERT_EQ(-ENOMEM, use_write(fd[fits + 1]));
	EXPECT_EQ(self->before.live + fits * (each + RB_HEAD_PAGES),
		  rb_live_pages());
	for (int i = 1; i < n; i++)
		close(fd[i]);
	EXPECT_TRUE(cg_charged(cg->a, 0));
	nobody_was_killed(_metadata, cg->a, other);
}

/* Told by who may not touch a new page any more. */
struct spliced {
	int calls;
	long ret[16];
};

static void splice_out(int go, int ring, int into, struct spliced *s)
{
	char c;

	/* all that is touched below, page tables too: exit() may be in another one */
	if (mlockall(MCL_CURRENT))
		rb_die("mlockall: %s", strerror(errno));
	if (read(go, &c, 1) != 1)
		_exit(1);
	for (; s->calls < (int)ARRAY_SIZE(s->ret); s->calls++) {
		s->ret[s->calls] = E(splice(ring, NULL, into, NULL, 16 * RB_PAGE,
					    SPLICE_F_NONBLOCK));
		if (s->ret[s->calls] < 0)
			_exit(0);
	}
	_exit(0);
}

/* What splice puts into a pipe is the caller's; his group is full. */
TEST_F_TIMEOUT(memcg, full_splices_out, 60)
{
	enum { RINGS = 64, LIMIT = 256 };
	struct spliced *s = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd[RINGS], into[2], go[2], ring = new_ring(32 * RB_PAGE), status;
	static char data[32 * RB_PAGE];
	struct cg *cg = &self->cg;
	pid_t pid, other = bystander(cg->b);
	long moved = 0;

	ASSERT_EQ(0, pipe2(into, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(go, O_CLOEXEC));
	ASSERT_EQ(sizeof(data), write(ring, data, sizeof(data)));
	memset(s, 0, sizeof(*s));
	cg_limit(cg->b, LIMIT * RB_PAGE);
	fflush(NULL);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		splice_out(go[0], ring, into[1], s);
	rb_asleep(pid, pid, SYS_read);
	cg_move(pid, cg->b);

	/* to the last four pages, twice, as other CPUs give back what they keep */
	cg_move(0, cg->b);
	for (int i = 0; i < RINGS; i++)
		fd[i] = new_ring(RB_PAGE);
	cg_move(0, cg->root);
	for (int i = 0, refused = 0; refused < 3;) {
		ASSERT_GT(RINGS, i);
		if (use_write(fd[i]) == 1) {
			i++;
		} else {
			refused++;
			rb_sleep_ms(20);
		}
	}

	ASSERT_EQ(1, write(go[1], "g", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_GT((int)ARRAY_SIZE(s->ret), s->calls);
	EXPECT_EQ(-ENOMEM, s->ret[s->calls]);
	for (int i = 0; i < s->calls; i++)
		moved += s->ret[i];
	EXPECT_GT(16 * RB_PAGE, moved);
	EXPECT_EQ(moved, rb_avail(into[0]));
	EXPECT_EQ(sizeof(data) - moved, rb_avail(ring));
	nobody_was_killed(_metadata, cg->b, other);
	for (int i = 0; i < RINGS; i++)
		close(fd[i]);
	close(into[0]);
	close(into[1]);
	close(ring);
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/* A file whose server is slow, or fails, or dies: where the load ends, and what is left. */
#define _GNU_SOURCE
#include <sys/prctl.h>

#include "../fuse.h"
#include "fl_dev.h"
#include "other.h"

#define PAGES	4
#define LEN	(PAGES * RB_PAGE - 100)

/* What the server does with the page `at`; all else is answered as it should be. */
struct plan {
	uint64_t at;
	int error;		/* what it says there, or FUSE_HOLD */
	int missing;		/* bytes that it does not give */
	int go;			/* no more of this */
};

static int serve(struct fuse_file *f, uint64_t at, uint32_t len, char *to)
{
	struct plan *plan = f->own;
	uint32_t most = at < LEN ? LEN - at : 0;

	len = len < most ? len : most;
	rb_pattern(to, len, at);
	if (plan->at != at / RB_PAGE || __atomic_load_n(&plan->go, __ATOMIC_ACQUIRE))
		return len;
	return plan->error ?: (int)len - plan->missing;
}

static void start(struct fuse_file *f, struct plan *plan, uint32_t open_flags)
{
	*f = (struct fuse_file) {
		.size = LEN, .init_flags = FUSE_ASYNC_READ, .open_flags = open_flags,
		.read = serve, .own = plan,
	};
	fuse_start(f);
}

static void let_go(struct fuse_file *f)
{
	struct plan *plan = f->own;

	__atomic_store_n(&plan->go, 1, __ATOMIC_RELEASE);
	fuse_answer(f);
}

static bool closed(struct fuse_file *f, int left)
{
	for (int i = 0; i < 5000; i++) {
		if (__atomic_load_n(&f->open, __ATOMIC_ACQUIRE) == left)
			return true;
		rb_sleep_ms(1);
	}
	return false;
}

static bool is_content(int blob)
{
	char got[LEN + 1];

	return pread(blob, got, sizeof(got), 0) == LEN && rb_mismatch(got, LEN, 0) == -1;
}

/* Through the page cache and past it. */
TEST_F(dev, loads)
{
	static const uint32_t flags[] = { 0, FOPEN_KEEP_CACHE, FOPEN_DIRECT_IO };

	for (int i = 0; i < ARRAY_SIZE(flags); i++) {
		struct plan plan = { .go = 1 };
		struct fuse_file f;
		int file, blob;

		start(&f, &plan, flags[i]);
		file = fuse_open(&f, O_RDONLY);
		blob = fl_load_fd(self->fd, file);
		ASSERT_LE(0, blob);
		EXPECT_TRUE(is_content(blob));
		close(blob);
		blob = fl_load_path(self->fd, f.path);
		ASSERT_LE(0, blob);
		EXPECT_TRUE(is_content(blob));
		close(blob);
		close(file);
		EXPECT_TRUE(closed(&f, 0));
		fuse_stop(&f);
	}
}

/* Nobody else is held up by a server that does not answer, and a kill ends the load. */
TEST_F(dev, stalled_and_killed)
{
	for (int at = 0; at < PAGES; at += PAGES - 1) {
		struct plan plan = { .at = at, .error = FUSE_HOLD };
		struct ferrio_fl_info info;
		struct ferrio_fl_load load;
		struct fl_other other;
		struct fuse_file f;
		int file, tmp, blob;

		start(&f, &plan, FOPEN_KEEP_CACHE);
		file = fuse_open(&f, O_RDONLY);
		load = fl_request((uintptr_t)f.path);
		fl_other_start(&other, self->fd, FERRIO_FL_LOAD_PATH, &load);
		fuse_met(&f);
		fl_other_asleep(&other);

		/* What it has. */
		EXPECT_EQ(self->live + PAGES, rb_live_pages());
		fl_info(self->fd, &info);
		EXPECT_EQ(1, info.user_blobs);
		EXPECT_EQ(PAGES * RB_PAGE, info.user_bytes);
		EXPECT_EQ(2, __atomic_load_n(&f.open, __ATOMIC_ACQUIRE));

		/* What others may, and may not. */
		EXPECT_EQ(-ETXTBSY, E(open(f.path, O_WRONLY)));
		EXPECT_EQ(-ETXTBSY, E(open(f.path, O_RDWR)));
		EXPECT_EQ(-ETXTBSY, E(open(f.path, O_RDONLY | O_TRUNC)));
		EXPECT_EQ(-ETXTBSY, E(truncate(f.path, 1)));
		tmp = fl_file(100);
		blob = fl_load_fd(self->fd, tmp);
		EXPECT_LE(0, blob);
		close(blob);
		close(tmp);

		EXPECT_EQ(-AT(READ, EINTR), fl_other_kill(&other));
		EXPECT_TRUE(rb_pages_return(self->live));
		fl_info(self->fd, &info);
		EXPECT_EQ(0, info.user_blobs);
		EXPECT_EQ(0, info.user_bytes);
		tmp = open(f.path, O_WRONLY);
		EXPECT_LE(0, tmp);
		close(tmp);

		/* The READ that nobody waits for any more had the file, too. */
		let_go(&f);
		EXPECT_TRUE(closed(&f, 1));
		blob = fl_load_fd(self->fd, file);
		ASSERT_LE(0, blob);
		EXPECT_TRUE(is_content(blob));
		close(blob);
		close(file);
		EXPECT_TRUE(closed(&f, 0));
		fuse_stop(&f);
	}
}

/* A slow load is one all the same. */
TEST_F(dev, stalled_and_answered)
{
	struct plan plan = { .at = 1, .error = FUSE_HOLD };
	struct fl_other other;
	struct fuse_file f;
	int file;

	start(&f, &plan, FOPEN_KEEP_CACHE);
	file = fuse_open(&f, O_RDONLY);
	fl_other_fd(&other, self->fd, file);
	fuse_met(&f);
	fl_other_asleep(&other);
	let_go(&f);
	EXPECT_EQ(0, fl_other_end(&other));
	close(file);
	fuse_stop(&f);
}

/*
 * Without FUSE_ASYNC_READ, and past the page cache, the kernel waits for the server
 * whatever comes; the end of the connection ends that.
 */
TEST_F(dev, stalled_for_good)
{
	for (int direct = 0; direct < 2; direct++) {
		struct plan plan = { .at = 1, .error = FUSE_HOLD };
		struct fuse_file f = {
			.size = LEN, .read = serve, .own = &plan,
			.open_flags = direct ? FOPEN_DIRECT_IO : FOPEN_KEEP_CACHE,
		};
		struct fl_other other;
		int file, status;

		fuse_start(&f);
		file = fuse_open(&f, O_RDONLY);
		fl_other_fd(&other, self->fd, file);
		fuse_met(&f);
		fl_other_asleep(&other);
		ASSERT_EQ(0, kill(other.pid, SIGKILL));
		rb_sleep_ms(20);
		EXPECT_EQ(0, waitpid(other.pid, &status, WNOHANG));
		EXPECT_EQ(self->live + PAGES, rb_live_pages());
		/* This aborts the connection; it is busy, so it stays mounted. */
		EXPECT_EQ(-EBUSY, E(umount2(f.path, MNT_FORCE)));
		ASSERT_EQ(other.pid, waitpid(other.pid, &status, 0));
		EXPECT_EQ(SIGKILL, WTERMSIG(status));
		EXPECT_EQ(direct ? -AT(READ, ENOTCONN) : -AT(READ, EINTR),
			  fl_other_failure(&other));
		EXPECT_TRUE(rb_pages_return(self->live));
		close(file);
		fuse_stop(&f);
	}
}

/* One load of a file whose server keeps to the plan; nobody asks it for more behind that. */
static long load_once(int dev, struct fuse_file *f)
{
	int file = fuse_open(f, O_RDONLY);
	long ret = fl_load_fd(dev, file);

	close(file);
	if (!closed(f, 0))
		rb_die("%s stays open", f->path);
	return ret;
}

/* The page cache has one error for all; past it, they are the server's own. */
TEST_F(dev, errors)
{
	static const int errors[] = { EIO, ENOTCONN, ENXIO, EACCES, ETXTBSY, ENOMEM, EINTR };

	for (int direct = 0; direct < 2; direct++) {
		struct plan plan = { };
		struct fuse_file f;

		start(&f, &plan, direct ? FOPEN_DIRECT_IO : 0);
		for (plan.at = 0; plan.at < PAGES; plan.at += PAGES - 1) {
			for (int i = 0; i < ARRAY_SIZE(errors); i++) {
				plan.error = -errors[i];
				EXPECT_EQ(direct ? -AT(READ, errors[i]) : -AT(READ, EIO),
					  load_once(self->fd, &f));
				EXPECT_EQ(self->live, rb_live_pages());
			}
		}
		fuse_stop(&f);
	}
}

/*
 * Less than it said, of a page and of all of it, in the middle and at the end.  For the
 * page cache that is the end of the file; past it, one asks again for the rest.
 */
TEST_F(dev, gives_less)
{
	for (int direct = 0; direct < 2; direct++) {
		struct plan plan = { };
		struct fuse_file f;

		start(&f, &plan, direct ? FOPEN_DIRECT_IO : 0);
		for (plan.at = 0; plan.at < PAGES; plan.at++) {
			int len = plan.at == PAGES - 1 ? LEN % RB_PAGE : RB_PAGE;

			for (plan.missing = 1; plan.missing <= len; plan.missing += len - 1) {
				long ret = load_once(self->fd, &f);

				if (direct && plan.missing == 1 && plan.at < PAGES - 1) {
					ASSERT_LE(0, ret);
					EXPECT_TRUE(is_content(ret));
					close(ret);
				} else {
					EXPECT_EQ(-AT(READ, EIO), ret)
						TH_LOG("page %d, %d missing", (int)plan.at,
						       plan.missing);
				}
			}
		}
		fuse_stop(&f);
	}
}

/* The server is another process, and dies with a READ in its hands. */
TEST_F(dev, server_dies)
{
	for (int direct = 0; direct < 2; direct++) {
		struct fuse_file *f = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		struct plan plan = { .at = 1, .error = FUSE_HOLD };
		struct fl_other other;
		pid_t server;
		int file;
		long ret;

		ASSERT_NE(MAP_FAILED, f);
		*f = (struct fuse_file) {
			.size = LEN, .init_flags = FUSE_ASYNC_READ,
			.open_flags = direct ? FOPEN_DIRECT_IO : 0, .read = serve, .own = &plan,
		};
		fuse_mount(f);
		server = fork();
		ASSERT_LE(0, server);
		if (!server) {
			fuse_serve(f);
			_exit(1);
		}
		/* Or the connection would outlive the server. */
		close(f->dev);
		file = fuse_open(f, O_RDONLY);
		fl_other_fd(&other, self->fd, file);
		fuse_met(f);
		fl_other_asleep(&other);
		rb_reap_killed(server);
		ret = fl_other_end(&other);
		/* The server had the request, or had answered it and not yet got the next. */
		if (direct && ret != -AT(READ, ECONNABORTED))
			EXPECT_EQ(-AT(READ, ENOTCONN), ret);
		if (!direct)
			EXPECT_EQ(-AT(READ, EIO), ret);
		EXPECT_TRUE(rb_pages_return(self->live));
		/* From then on nothing can be asked at all. */
		EXPECT_EQ(direct ? -AT(READ, ENOTCONN) : -AT(READ, EIO),
			  fl_load_fd(self->fd, file));
		EXPECT_EQ(-AT(OPEN, ENOTCONN), fl_load_path(self->fd, f->path));
		close(file);
		fuse_umount(f);
		munmap(f, RB_PAGE);
	}
}

TEST_HARNESS_MAIN

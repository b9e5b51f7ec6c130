// SPDX-License-Identifier: GPL-2.0
/* The ioctls of /dev/ringbuffer: every errno, in the order of the checks. */

#include <linux/fs.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>

#include "fix_dev.h"
#include "layout.h"

#define FIRST_INFO	88	/* sizes of the first published version */
#define FIRST_ARG	16
#define FIRST_WAIT	40

/* Two pages of which only the first is accessible, with @prot. */
static char *edge(int prot)
{
	char *p = mmap(NULL, 2 * RB_PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + RB_PAGE, RB_PAGE, PROT_NONE) ||
	    mprotect(p, RB_PAGE, prot))
		rb_die("mmap: %s", strerror(errno));
	return p;
}

TEST_F(dev, node)
{
	struct stat st;

	ASSERT_EQ(0, stat(FERRIO_RB_DEVICE, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0666, st.st_mode & 07777);
}

TEST_F(dev, info)
{
	struct ferrio_rb_info info, more;
	int other;

	rb_info(self->fd, &info);
	EXPECT_EQ(sizeof(info), info.size);
	EXPECT_EQ(FERRIO_RB_ABI_VERSION, info.abi_version);
	EXPECT_EQ(FERRIO_RB_FEAT_BYTES | FERRIO_RB_FEAT_SPLICE |
		  FERRIO_RB_FEAT_MAP | FERRIO_RB_FEAT_RECORDS | FERRIO_RB_FEAT_MANY, info.features);
	EXPECT_EQ(4096, info.min_bytes);
	EXPECT_EQ(1UL << 30, info.max_bytes);
	EXPECT_EQ(65536, info.default_bytes);
	EXPECT_EQ(rb_param("user_max_rings"), info.user_max_rings);
	EXPECT_EQ(rb_param("user_max_bytes"), info.user_max_bytes);
	EXPECT_EQ(65536, info.ring_bytes);
	EXPECT_EQ(FERRIO_RB_KIND_PLAIN, info.kind);
	EXPECT_EQ(0, info.state);
	EXPECT_EQ(FERRIO_RB_CORRUPT_NONE, info.corrupt);
	EXPECT_EQ(RB_PAGE, info.page_bytes);
	EXPECT_EQ(3 * RB_PAGE + 2 * 65536, info.map_bytes);
	EXPECT_EQ(0, info.map_consumer);
	EXPECT_EQ(RB_PAGE, info.map_state);
	EXPECT_EQ(2 * RB_PAGE, info.map_producer);
	EXPECT_EQ(3 * RB_PAGE, info.map_data);
	EXPECT_EQ(0, info.records);

	other = rb_open(O_RDWR);
	rb_info(self->fd, &more);
	EXPECT_EQ(info.user_rings + 1, more.user_rings);
	EXPECT_EQ(info.user_bytes, more.user_bytes);
	ASSERT_EQ(1, write(other, "x", 1));
	rb_info(self->fd, &more);
	EXPECT_EQ(info.user_bytes + 65536, more.user_bytes);
	EXPECT_EQ(0, more.state);
	rb_info(other, &more);
	EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED, more.state);
	close(other);
}

TEST_F(dev, info_of_ends)
{
	int r = rb_mint(self->fd, FERRIO_RB_READ);
	int w = rb_mint(self->fd, FERRIO_RB_WRITE);
	struct ferrio_rb_info info;

	rb_info(r, &info);
	EXPECT_EQ(FERRIO_RB_KIND_CONSUMER, info.kind);
	EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED, info.state);
	EXPECT_EQ(65536, info.ring_bytes);
	rb_info(w, &info);
	EXPECT_EQ(FERRIO_RB_KIND_PRODUCER, info.kind);
	ASSERT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_READ));
	ASSERT_EQ(0, rb_shutdown(r, FERRIO_RB_READ));
	rb_info(w, &info);
	EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED | FERRIO_RB_STATE_READ_CLOSED,
		  info.state);
	ASSERT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_WRITE));
	ASSERT_EQ(0, rb_shutdown(w, FERRIO_RB_WRITE));
	rb_info(self->fd, &info);
	EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED | FERRIO_RB_STATE_READ_CLOSED |
		  FERRIO_RB_STATE_WRITE_CLOSED, info.state);
	EXPECT_EQ(FERRIO_RB_KIND_PLAIN, info.kind);
	close(r);
	close(w);
}

/* The rule of extensible structs, on every command. */
TEST_F(dev, struct_sizes)
{
	static const struct {
		unsigned long cmd;
		unsigned int first, known;
		unsigned int word;	/* byte 8: bytes or rw */
	} cmds[] = {
		{ FERRIO_RB_GET_INFO, FIRST_INFO,
		  sizeof(struct ferrio_rb_info), 0 },
		{ FERRIO_RB_SET_SIZE, FIRST_ARG, FIRST_ARG, 8192 },
		{ FERRIO_RB_MINT, FIRST_ARG, FIRST_ARG, FERRIO_RB_READ },
		{ FERRIO_RB_SHUTDOWN, FIRST_ARG, FIRST_ARG, FERRIO_RB_WRITE },
		{ FERRIO_RB_WAIT, FIRST_WAIT, FIRST_WAIT, FERRIO_RB_WRITE },
		{ FERRIO_RB_WAKEUP, FIRST_ARG, FIRST_ARG, FERRIO_RB_READ },
		{ FERRIO_RB_BLAME, FIRST_ARG, FIRST_ARG, FERRIO_RB_READ },
	};
	char *page = edge(PROT_READ | PROT_WRITE);

	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++) {
		unsigned int first = cmds[i].first, known = cmds[i].known;
		unsigned int *arg = (unsigned int *)page;
		int fd = rb_open(O_RDWR);

		memset(page, 0, RB_PAGE);
		arg[2] = cmds[i].word;
		for (unsigned int size = 0; size < first; size += 3) {
			arg[0] = size;
			EXPECT_EQ(-EINVAL, E(ioctl(fd, cmds[i].cmd, arg)));
		}
		arg[0] = first - 1;
		EXPECT_EQ(-EINVAL, E(ioctl(fd, cmds[i].cmd, arg)));

		/* longer: refused for any byte of the tail, taken for zeros */
		arg[0] = known + 24;
		for (unsigned int at = known; at < known + 24; at += 23) {
			page[at] = 1;
			EXPECT_EQ(-E2BIG, E(ioctl(fd, cmds[i].cmd, arg)));
			page[at] = 0;
		}
		page[known + 24] = 1;
		EXPECT_EQ(0, E(ioctl(fd, cmds[i].cmd, arg)));
		if (cmds[i].cmd == FERRIO_RB_MINT)
			close(arg[3]);
		close(fd);

		/* a tail that cannot be read */
		fd = rb_open(O_RDWR);
		arg = (unsigned int *)(page + RB_PAGE - known);
		memset(arg, 0, known);
		arg[2] = cmds[i].word;
		arg[0] = known + 8;
		EXPECT_EQ(-EFAULT, E(ioctl(fd, cmds[i].cmd, arg)));
		/* a first part that cannot be read */
		arg = (unsigned int *)(page + RB_PAGE - 8);
		arg[0] = first;
		EXPECT_EQ(-EFAULT, E(ioctl(fd, cmds[i].cmd, arg)));
		EXPECT_EQ(-EFAULT, E(ioctl(fd, cmds[i].cmd, NULL)));
		/* the exact size, up to the last byte of the page */
		arg = (unsigned int *)(page + RB_PAGE - first);
		memset(arg, 0, first);
		arg[2] = cmds[i].word;
		arg[0] = first;
		EXPECT_EQ(0, E(ioctl(fd, cmds[i].cmd, arg)));
		EXPECT_EQ(known, arg[0]);
		if (cmds[i].cmd == FERRIO_RB_MINT)
			close(arg[3]);
		close(fd);
	}
}

/* Size goes before the tail, the tail before flags, flags before values. */
TEST_F(dev, order_of_checks)
{
	struct {
		struct ferrio_rb_mint mint;
		unsigned long tail;
	} m = {
		.mint = { .size = 15, .flags = 1, .rw = 7 }, .tail = 1,
	};
	struct ferrio_rb_size size = { .size = sizeof(size), .bytes = 8192 };
	struct ferrio_rb_shutdown down = { .size = sizeof(down), .rw = 7 };
	int r = rb_mint(self->fd, FERRIO_RB_READ);

	EXPECT_EQ(-EINVAL, E(ioctl(r, FERRIO_RB_MINT, &m)));
	m.mint.size = sizeof(m);
	EXPECT_EQ(-E2BIG, E(ioctl(r, FERRIO_RB_MINT, &m)));
	m.tail = 0;
	EXPECT_EQ(-EINVAL, E(ioctl(r, FERRIO_RB_MINT, &m)));
	m.mint.flags = 0;
	EXPECT_EQ(-EINVAL, E(ioctl(r, FERRIO_RB_MINT, &m)));
	m.mint.rw = FERRIO_RB_WRITE;
	EXPECT_EQ(-EPERM, E(ioctl(r, FERRIO_RB_MINT, &m)));
	m.mint.flags = 1;
	EXPECT_EQ(-EINVAL, E(ioctl(self->fd, FERRIO_RB_MINT, &m)));
	m.mint.flags = 0x80000000;
	EXPECT_EQ(-EINVAL, E(ioctl(self->fd, FERRIO_RB_MINT, &m)));

	/* SET_SIZE: value, then kind of descriptor, then state of the ring */
	EXPECT_EQ(-EPERM, E(ioctl(r, FERRIO_RB_SET_SIZE, &size)));
	EXPECT_EQ(-EBUSY, E(ioctl(self->fd, FERRIO_RB_SET_SIZE, &size)));
	size.bytes = 4097;
	EXPECT_EQ(-EINVAL, E(ioctl(r, FERRIO_RB_SET_SIZE, &size)));
	EXPECT_EQ(-EINVAL, E(ioctl(self->fd, FERRIO_RB_SET_SIZE, &size)));
	size.bytes = 8192;
	size.flags = 0x80000000;
	EXPECT_EQ(-EINVAL, E(ioctl(self->fd, FERRIO_RB_SET_SIZE, &size)));

	EXPECT_EQ(-EINVAL, E(ioctl(r, FERRIO_RB_SHUTDOWN, &down)));
	down.rw = FERRIO_RB_WRITE;
	EXPECT_EQ(-EBADF, E(ioctl(r, FERRIO_RB_SHUTDOWN, &down)));
	down.pad = 1;
	EXPECT_EQ(-EINVAL, E(ioctl(r, FERRIO_RB_SHUTDOWN, &down)));
	down.pad = 0;
	down.flags = 1;
	EXPECT_EQ(-EINVAL, E(ioctl(r, FERRIO_RB_SHUTDOWN, &down)));
	close(r);
}

TEST_F(dev, unknown_command)
{
	static const unsigned long cmds[] = {
		_IOC(_IOC_READ | _IOC_WRITE, FERRIO_RB_IOC_TYPE, 0x00, 96),
		_IOC(_IOC_READ | _IOC_WRITE, FERRIO_RB_IOC_TYPE, 0x00, 80),
		_IOC(_IOC_READ, FERRIO_RB_IOC_TYPE, 0x00, 88),
		_IOC(_IOC_READ | _IOC_WRITE, FERRIO_RB_IOC_TYPE, 0x01, 16),
		_IOC(_IOC_WRITE, FERRIO_RB_IOC_TYPE, 0x04, 16),
		_IOC(_IOC_WRITE, FERRIO_RB_IOC_TYPE, 0x3f, 16),
		_IO(FERRIO_RB_IOC_TYPE, 0x01),
		_IOC(_IOC_WRITE, FERRIO_RB_IOC_TYPE + 1, 0x01, 16),
		TCGETS, 0, 0xffffffff,
	};
	char arg[128] = { 16 };
	int r = rb_mint(self->fd, FERRIO_RB_READ);

	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++) {
		EXPECT_EQ(-ENOTTY, E(ioctl(self->fd, cmds[i], arg)))
			TH_LOG("command %#lx", cmds[i]);
		EXPECT_EQ(-ENOTTY, E(ioctl(r, cmds[i], arg)));
		/* an unknown command does not look at its argument */
		EXPECT_EQ(-ENOTTY, E(ioctl(self->fd, cmds[i], NULL)));
	}
	close(r);
}

TEST_F(dev, set_size)
{
	static const uint64_t bad[] = {
		0, 1, 4095, 4097, 2048, 3 * 4096, 65535, (1UL << 30) + 4096,
		1UL << 31, 1ULL << 32, (1ULL << 32) + 4096, 1ULL << 63, ~0ULL,
	};
	static const uint64_t good[] = {
		4096, 8192, 65536, 65536, 1UL << 30, 1UL << 20, 4096,
	};
	struct ferrio_rb_info info;
	char buf[4097] = "";

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, rb_set_size(self->fd, bad[i]))
			TH_LOG("size %#llx", (unsigned long long)bad[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		EXPECT_EQ(0, rb_set_size(self->fd, good[i]));
		rb_info(self->fd, &info);
		EXPECT_EQ(good[i], info.ring_bytes);
		EXPECT_EQ(0, info.state);
	}
	/* a full ring holds exactly its size, and keeps it */
	EXPECT_EQ(4096, write(self->fd, buf, 4096));
	EXPECT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, E(write(self->fd, buf, 1)));
	EXPECT_EQ(-EBUSY, rb_set_size(self->fd, 4096));
	EXPECT_EQ(-EBUSY, rb_set_size(self->fd, 8192));
	EXPECT_EQ(self->live + RB_HEAD_PAGES + 1, rb_live_pages());
}

/* Reading does not use the ring for the first time; writing does. */
TEST_F(dev, first_use)
{
	char c;

	EXPECT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, E(read(self->fd, &c, 1)));
	EXPECT_EQ(0, write(self->fd, &c, 0));
	EXPECT_EQ(0, rb_avail(self->fd));
	EXPECT_EQ(self->live, rb_live_pages());
	EXPECT_EQ(0, rb_set_size(self->fd, 8192));
	close(rb_mint(self->fd, FERRIO_RB_WRITE));
	EXPECT_EQ(self->live + RB_HEAD_PAGES + 2, rb_live_pages());
	EXPECT_EQ(-EBUSY, rb_set_size(self->fd, 8192));
}

TEST_F(dev, mint)
{
	struct ferrio_rb_mint mint = { .size = sizeof(mint), .fd = 0x7fffffff };
	struct stat plain, rst, wst;
	int r, w;

	EXPECT_EQ(-EINVAL, rb_try_mint(self->fd, 3));
	EXPECT_EQ(-EINVAL, rb_try_mint(self->fd, 0xffffffff));
	ASSERT_EQ(0, ioctl(self->fd, FERRIO_RB_MINT, &mint));
	r = mint.fd;
	w = rb_mint(self->fd, FERRIO_RB_WRITE);
	EXPECT_NE(r, w);
	EXPECT_EQ(FD_CLOEXEC, fcntl(r, F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(w, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(r, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	EXPECT_EQ(O_RDWR, fcntl(w, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	ASSERT_EQ(0, fstat(self->fd, &plain));
	ASSERT_EQ(0, fstat(r, &rst));
	ASSERT_EQ(0, fstat(w, &wst));
	EXPECT_NE(rst.st_ino, wst.st_ino);
	EXPECT_FALSE(rst.st_ino == plain.st_ino && rst.st_dev == plain.st_dev);
	EXPECT_EQ(0, rst.st_mode & S_IFMT);
	EXPECT_EQ(0, wst.st_mode & S_IFMT);
	EXPECT_EQ(-EPERM, rb_try_mint(r, FERRIO_RB_READ));
	EXPECT_EQ(-EPERM, rb_try_mint(r, FERRIO_RB_WRITE));
	EXPECT_EQ(-EPERM, rb_try_mint(w, FERRIO_RB_READ));
	EXPECT_EQ(-EPERM, rb_try_mint(w, FERRIO_RB_WRITE));
	EXPECT_EQ(3, write(w, "abc", 3));
	EXPECT_EQ(3, rb_avail(self->fd));
	close(r);
	close(w);
}

/* A descriptor is installed only if its number could be told. */
TEST_F(dev, mint_leaves_nothing)
{
	struct ferrio_rb_mint *mint = (void *)edge(PROT_READ | PROT_WRITE);
	struct rlimit old, none;
	int fds;

	mint->size = sizeof(*mint);
	mint->rw = FERRIO_RB_READ;
	ASSERT_EQ(0, mprotect(mint, RB_PAGE, PROT_READ));
	fds = rb_count_fds();
	EXPECT_EQ(-EFAULT, E(ioctl(self->fd, FERRIO_RB_MINT, mint)));
	EXPECT_EQ(fds, rb_count_fds());
	EXPECT_EQ(1, rb_fdinfo(self->fd, "rb-consumers"));

	/* no number is free */
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	none = old;
	none.rlim_cur = 3;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(-EMFILE, rb_try_mint(self->fd, FERRIO_RB_READ));
	EXPECT_EQ(-EMFILE, rb_try_mint(self->fd, FERRIO_RB_WRITE));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_EQ(fds, rb_count_fds());
	EXPECT_EQ(1, rb_fdinfo(self->fd, "rb-consumers"));
	EXPECT_EQ(1, rb_fdinfo(self->fd, "rb-producers"));

	/* a number of the wrong holders would keep the end open */
	ASSERT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_WRITE));
	EXPECT_EQ(0, read(self->fd, &old, 1));
}

TEST_F(dev, unwritable_argument)
{
	struct ferrio_rb_info *info = (void *)edge(PROT_READ | PROT_WRITE);

	info->size = sizeof(*info);
	ASSERT_EQ(0, mprotect(info, RB_PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, E(ioctl(self->fd, FERRIO_RB_GET_INFO, info)));
	EXPECT_EQ(-EFAULT, E(ioctl(self->fd, FIONREAD, info)));
	EXPECT_EQ(-EFAULT, E(ioctl(self->fd, FIONREAD, NULL)));
	/* what is only read may lie in memory that can only be read */
	ASSERT_EQ(0, mprotect(info, RB_PAGE, PROT_READ | PROT_WRITE));
	*(struct ferrio_rb_size *)info = (struct ferrio_rb_size){
		.size = FIRST_ARG, .bytes = 4096,
	};
	ASSERT_EQ(0, mprotect(info, RB_PAGE, PROT_READ));
	EXPECT_EQ(0, E(ioctl(self->fd, FERRIO_RB_SET_SIZE, info)));
}

TEST_F(dev, shutdown)
{
	int r = rb_mint(self->fd, FERRIO_RB_READ);
	char c;

	EXPECT_EQ(-EINVAL, rb_shutdown(self->fd, 2));
	EXPECT_EQ(-EBADF, rb_shutdown(r, FERRIO_RB_WRITE));
	EXPECT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_READ));
	EXPECT_EQ(-EBADF, rb_shutdown(self->fd, FERRIO_RB_READ));
	EXPECT_EQ(-EBADF, rb_try_mint(self->fd, FERRIO_RB_READ));
	EXPECT_EQ(-EBADF, E(read(self->fd, &c, 1)));
	EXPECT_EQ(1, write(self->fd, "x", 1));
	EXPECT_EQ(1, read(r, &c, 1));
	EXPECT_EQ(0, rb_shutdown(r, FERRIO_RB_READ));
	EXPECT_EQ(-EBADF, rb_shutdown(r, FERRIO_RB_READ));
	EXPECT_EQ(-EBADF, E(read(r, &c, 1)));
	EXPECT_EQ(-EPIPE, E(write(self->fd, "x", 1)));
	EXPECT_EQ(1, rb_caught(SIGPIPE));
	close(r);
}

/* The open mode says which ends are held. */
TEST_F(dev, open_modes)
{
	struct ferrio_rb_info info;
	char c = 'x';
	int fd;

	fd = rb_open(O_RDONLY);
	rb_info(fd, &info);
	EXPECT_EQ(FERRIO_RB_STATE_WRITE_CLOSED, info.state);
	EXPECT_EQ(-EBADF, E(write(fd, &c, 1)));
	EXPECT_EQ(0, read(fd, &c, 1));
	EXPECT_EQ(-EBADF, rb_try_mint(fd, FERRIO_RB_WRITE));
	EXPECT_EQ(-EBADF, rb_shutdown(fd, FERRIO_RB_WRITE));
	close(rb_mint(fd, FERRIO_RB_READ));
	close(fd);

	fd = rb_open(O_WRONLY);
	rb_info(fd, &info);
	EXPECT_EQ(FERRIO_RB_STATE_READ_CLOSED, info.state);
	EXPECT_EQ(-EBADF, E(read(fd, &c, 1)));
	EXPECT_EQ(-EPIPE, E(write(fd, &c, 1)));
	EXPECT_EQ(1, rb_caught(SIGPIPE));
	EXPECT_EQ(-EBADF, rb_try_mint(fd, FERRIO_RB_READ));
	EXPECT_EQ(-EBADF, rb_shutdown(fd, FERRIO_RB_READ));
	close(rb_mint(fd, FERRIO_RB_WRITE));
	close(fd);

	fd = rb_open(O_RDWR | O_NONBLOCK);
	EXPECT_EQ(-EAGAIN, E(read(fd, &c, 1)));
	close(fd);
}

TEST_F(dev, fionread)
{
	int r = rb_mint(self->fd, FERRIO_RB_READ);
	int w = rb_mint(self->fd, FERRIO_RB_WRITE);
	char buf[1000] = "";

	EXPECT_EQ(1000, write(w, buf, 1000));
	EXPECT_EQ(1000, rb_avail(self->fd));
	EXPECT_EQ(1000, rb_avail(r));
	EXPECT_EQ(1000, rb_avail(w));
	EXPECT_EQ(1, read(self->fd, buf, 1));
	EXPECT_EQ(999, rb_avail(w));
	close(r);
	close(w);
}

TEST_F(dev, fdinfo)
{
	int r = rb_mint(self->fd, FERRIO_RB_READ);
	int w = rb_mint(self->fd, FERRIO_RB_WRITE);
	int other = rb_open(O_RDWR);
	char buf[1000] = "";

	EXPECT_EQ(1000, write(w, buf, 1000));
	EXPECT_EQ(300, read(r, buf, 300));
	EXPECT_EQ('p', rb_fdinfo(self->fd, "rb-kind"));
	EXPECT_EQ('c', rb_fdinfo(r, "rb-kind"));
	EXPECT_EQ('p', rb_fdinfo(w, "rb-kind"));
	for (int i = 0; i < 3; i++) {
		int fd = i == 0 ? self->fd : i == 1 ? r : w;

		EXPECT_EQ(rb_fdinfo(self->fd, "rb-id"), rb_fdinfo(fd, "rb-id"));
		EXPECT_EQ(65536, rb_fdinfo(fd, "rb-size"));
		EXPECT_EQ(1, rb_fdinfo(fd, "rb-allocated"));
		EXPECT_EQ(1000, rb_fdinfo(fd, "rb-written"));
		EXPECT_EQ(300, rb_fdinfo(fd, "rb-read"));
		EXPECT_EQ(2, rb_fdinfo(fd, "rb-consumers"));
		EXPECT_EQ(2, rb_fdinfo(fd, "rb-producers"));
	}
	EXPECT_NE(rb_fdinfo(self->fd, "rb-id"), rb_fdinfo(other, "rb-id"));
	EXPECT_NE(-1, rb_fdinfo(other, "rb-id"));
	EXPECT_EQ(0, rb_fdinfo(other, "rb-allocated"));
	EXPECT_EQ(0, rb_fdinfo(other, "rb-written"));
	close(other);
	ASSERT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_READ));
	EXPECT_EQ(1, rb_fdinfo(w, "rb-consumers"));
	close(r);
	close(w);
}

/* What the documentation lists as different from a pipe. */
TEST_F(dev, not_a_pipe)
{
	char path[64];
	int r = rb_mint(self->fd, FERRIO_RB_READ);

	EXPECT_EQ(-EBADF, E(fcntl(r, F_GETPIPE_SZ)));
	EXPECT_EQ(-EBADF, E(fcntl(r, F_SETPIPE_SZ, 4096)));
	EXPECT_EQ(-EBADF, E(fcntl(self->fd, F_GETPIPE_SZ)));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", r);
	EXPECT_EQ(-ENXIO, E(open(path, O_RDONLY)));
	close(r);
}

TEST_HARNESS_MAIN

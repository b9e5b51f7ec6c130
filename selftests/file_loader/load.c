// SPDX-License-Identifier: GPL-2.0
/* The three loads: what is asked for, what is pinned, and the limits. */
#define _GNU_SOURCE
#include "child.h"
#include "fl_dev.h"

TEST_F(dev, node)
{
	struct ferrio_fl_info info;
	struct stat st;
	char c;

	ASSERT_EQ(0, stat(FERRIO_FL_DEVICE, &st));
	EXPECT_EQ(S_IFCHR | 0600, st.st_mode);
	fl_info(self->fd, &info);
	EXPECT_EQ(56, sizeof(info));
	EXPECT_EQ(sizeof(info), info.size);
	EXPECT_EQ(FERRIO_FL_ABI_VERSION, info.abi_version);
	EXPECT_EQ(0x7f, info.features);
	EXPECT_EQ(1 << FERRIO_FL_FIRMWARE | 1 << FERRIO_FL_POLICY |
		  1 << FERRIO_FL_X509_CERTIFICATE, info.purposes);
	EXPECT_EQ(1UL << 30, info.user_max_bytes);
	EXPECT_EQ(1024, info.user_max_blobs);
	EXPECT_EQ(-ENOTTY, E(ioctl(self->fd, FERRIO_FL_BLOB_INFO, &info)));
	EXPECT_EQ(-ENOTTY, E(ioctl(self->fd, _IO(FERRIO_FL_IOC_TYPE, 0x7f))));
	EXPECT_EQ(-EINVAL, E(read(self->fd, &c, 1)));
	EXPECT_EQ(-EINVAL, E(write(self->fd, &c, 1)));
	EXPECT_EQ(-ESPIPE, E(lseek(self->fd, 0, SEEK_SET)));
}

/* What makes no sense is refused before anything is looked at: no stage. */
TEST_F(dev, requests)
{
	struct { struct ferrio_fl_load load; uint64_t more; } longer;
	struct ferrio_fl_load bad[12];
	unsigned long cmd[12];
	int file = fl_file(100), blob;

	EXPECT_EQ(152, sizeof(*bad));
	for (int i = 0; i < ARRAY_SIZE(bad); i++) {
		bad[i] = fl_request(file);
		cmd[i] = FERRIO_FL_LOAD_FD;
	}
	bad[0].size = 151;
	bad[1].flags = 1U << 2;
	bad[2].flags = 1U << 31;
	bad[3].purpose = 0;
	bad[4].purpose = 4;
	bad[5].purpose = UINT32_MAX;
	bad[6].pad = 1;
	bad[7].source_bytes = 1;
	bad[8].sha256[31] = 1;
	bad[9].verity_bytes = 32;
	bad[10].flags = FERRIO_FL_PIN_VERITY;
	bad[11] = (struct ferrio_fl_load) {
		.size = 152, .purpose = FERRIO_FL_FIRMWARE, .max_bytes = FL_CAP,
		.source = (uintptr_t)bad, .source_bytes = 8, .flags = FERRIO_FL_PIN_VERITY,
		.verity_algorithm = 1, .verity_bytes = 32, .verity = { 1 },
	};
	cmd[11] = FERRIO_FL_LOAD_BYTES;
	for (int i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ferrio_fl_failure failure = { .size = 24, .stage = 77 };

		bad[i].failure = (uintptr_t)&failure;
		EXPECT_EQ(-EINVAL, E(ioctl(self->fd, cmd[i], &bad[i])))
			TH_LOG("request %d", i);
		EXPECT_EQ(77, failure.stage);
	}

	longer.load = fl_request(file);
	longer.load.size = sizeof(longer);
	longer.more = 1;
	EXPECT_EQ(-E2BIG, E(ioctl(self->fd, FERRIO_FL_LOAD_FD, &longer)));
	longer.more = 0;
	blob = E(ioctl(self->fd, FERRIO_FL_LOAD_FD, &longer));
	EXPECT_LE(0, blob);
	close(blob);
	EXPECT_EQ(-EFAULT, E(ioctl(self->fd, FERRIO_FL_LOAD_FD, NULL)));
	close(file);
}

/* A detail that cannot be written is found before the load is made. */
TEST_F(dev, failure_struct)
{
	struct ferrio_fl_failure failure = { .size = 23, .stage = 77 };
	int file = fl_file(100), blob;
	struct ferrio_fl_load load = fl_request(file);

	load.failure = (uintptr_t)&failure;
	EXPECT_EQ(-EINVAL, E(ioctl(self->fd, FERRIO_FL_LOAD_FD, &load)));
	EXPECT_EQ(77, failure.stage);
	load.failure = 1;
	EXPECT_EQ(-EFAULT, E(ioctl(self->fd, FERRIO_FL_LOAD_FD, &load)));
	load.failure = UINT64_MAX;
	EXPECT_EQ(-EFAULT, E(ioctl(self->fd, FERRIO_FL_LOAD_FD, &load)));
	load.failure = 0;
	blob = E(ioctl(self->fd, FERRIO_FL_LOAD_FD, &load));
	EXPECT_LE(0, blob);
	close(blob);
	load.max_bytes = 99;
	EXPECT_EQ(-EFBIG, E(ioctl(self->fd, FERRIO_FL_LOAD_FD, &load)));
	close(file);
}

TEST_F(dev, each_purpose)
{
	int file = fl_file(5000);

	for (int purpose = 1; purpose <= 3; purpose++) {
		struct ferrio_fl_load load = fl_request(file);
		struct ferrio_fl_blob info;
		long blob;

		load.purpose = purpose;
		blob = fl_load(self->fd, FERRIO_FL_LOAD_FD, &load);
		ASSERT_LE(0, blob);
		fl_blob_info(blob, &info);
		EXPECT_EQ(purpose, info.purpose);
		close(blob);
		load.source = (uintptr_t)FL_FILE;
		blob = fl_load(self->fd, FERRIO_FL_LOAD_PATH, &load);
		ASSERT_LE(0, blob);
		close(blob);
		load.source_bytes = 5;
		blob = fl_load(self->fd, FERRIO_FL_LOAD_BYTES, &load);
		ASSERT_LE(0, blob);
		close(blob);
	}
	close(file);
}

TEST_F(dev, pins)
{
	static const unsigned char abc[32] = {
		0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
		0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
		0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
	};
	struct ferrio_fl_load load = fl_request((uintptr_t)"abc");
	struct ferrio_fl_blob info;
	int file = fl_file(100);
	long blob;

	load.source_bytes = 3;
	load.flags = FERRIO_FL_PIN_SHA256;
	memcpy(load.sha256, abc, 32);
	blob = fl_load(self->fd, FERRIO_FL_LOAD_BYTES, &load);
	ASSERT_LE(0, blob);
	fl_blob_info(blob, &info);
	EXPECT_EQ(0, memcmp(info.sha256, abc, 32));
	close(blob);
	for (int i = 0; i < 32; i += 31) {
		load.sha256[i] ^= 1;
		EXPECT_EQ(-AT(DIGEST, EBADMSG),
			  fl_load(self->fd, FERRIO_FL_LOAD_BYTES, &load));
		load.sha256[i] ^= 1;
	}
	/* A pin of zeros is one. */
	memset(load.sha256, 0, 32);
	EXPECT_EQ(-AT(DIGEST, EBADMSG), fl_load(self->fd, FERRIO_FL_LOAD_BYTES, &load));
	load.source = file;
	load.source_bytes = 0;
	EXPECT_EQ(-AT(DIGEST, EBADMSG), fl_load(self->fd, FERRIO_FL_LOAD_FD, &load));
	/* A file that has no fs-verity; it is not even read. */
	load.flags = FERRIO_FL_PIN_VERITY;
	load.verity_algorithm = 1;
	load.verity_bytes = 32;
	EXPECT_EQ(-AT(DIGEST, ENODATA), fl_load(self->fd, FERRIO_FL_LOAD_FD, &load));
	close(file);
}

TEST_F(dev, bytes)
{
	static char bytes[100000], got[100000];
	char *half = mmap(NULL, 2 * RB_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ferrio_fl_load load;
	long blob;

	ASSERT_TRUE(half != MAP_FAILED);
	ASSERT_EQ(0, munmap(half + RB_PAGE, RB_PAGE));
	rb_pattern(bytes, sizeof(bytes), 0);
	blob = fl_load_bytes(self->fd, bytes, sizeof(bytes));
	ASSERT_LE(0, blob);
	/* What happens to the memory later does not matter. */
	memset(bytes, 0, sizeof(bytes));
	EXPECT_EQ(sizeof(got), E(read(blob, got, sizeof(got))));
	EXPECT_EQ(-1, rb_mismatch(got, sizeof(got), 0));
	close(blob);

	EXPECT_EQ(-AT(SIZE, EINVAL), fl_load_bytes(self->fd, bytes, 0));
	EXPECT_EQ(-AT(SIZE, EFBIG), fl_load_bytes(self->fd, bytes, FL_CAP + 1));
	EXPECT_EQ(-AT(READ, EFAULT), fl_load_bytes(self->fd, NULL, 1));
	EXPECT_EQ(-AT(READ, EFAULT), fl_load_bytes(self->fd, half, RB_PAGE + 1));
	blob = fl_load_bytes(self->fd, half, RB_PAGE);
	EXPECT_LE(0, blob);
	close(blob);
	load = fl_request((uintptr_t)bytes);
	load.max_bytes = UINT64_MAX;
	load.source_bytes = 1ULL << 63;
	EXPECT_EQ(-AT(SIZE, EFBIG), fl_load(self->fd, FERRIO_FL_LOAD_BYTES, &load));
	load.source_bytes = 1ULL << 40;
	EXPECT_EQ(-AT(MEMORY, ENOMEM), fl_load(self->fd, FERRIO_FL_LOAD_BYTES, &load));
	munmap(half, RB_PAGE);
}

/* Nothing is read for somebody who cannot have a descriptor. */
TEST_F(dev, no_descriptor)
{
	struct rlimit { unsigned long cur, max; } limit = { 0, 4096 };
	int file = fl_file(100);

	IN_CHILD(({
		SAME(0, syscall(SYS_setrlimit, 7 /* RLIMIT_NOFILE */, &limit));
		SAME(-EMFILE, fl_load_fd(self->fd, file));
	}));
	close(file);
}

/* The lines of the log from now on. */
static int log_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || lseek(fd, 0, SEEK_END) < 0)
		rb_die("/dev/kmsg: %s", strerror(errno));
	return fd;
}

/* The next line of the module, without what /dev/kmsg escapes it with; or "". */
static const char *log_line(int fd)
{
	static const char ours[] = "file_loader: ";
	static char line[4096];
	char *text, *to;
	unsigned int c;
	ssize_t n;

	for (;;) {
		n = read(fd, line, sizeof(line) - 1);
		if (n < 0 && errno == EAGAIN)
			return "";
		/* EPIPE: more has come than there is room for, of whoever it be. */
		if (n < 0 && errno == EPIPE)
			continue;
		if (n < 0)
			rb_die("/dev/kmsg: %s", strerror(errno));
		line[n] = 0;
		text = strchr(line, ';');
		if (!text || strncmp(text + 1, ours, strlen(ours)))
			continue;
		text += 1 + strlen(ours);
		*strchrnul(text, '\n') = 0;
		to = text;
		for (char *from = text; *from; to++) {
			*to = *from;
			from += sscanf(from, "\\x%2x", &c) == 1 ? (*to = c, 4) : 1;
		}
		*to = 0;
		return text;
	}
}

/* A line for each failure, unless there are too many; none for a success. */
TEST_F(dev, log)
{
	static const char none[] =
		"load as firmware for uid 0 failed: size, error -22: 0 bytes";
	int file = fl_file(100), log = log_open();
	struct ferrio_fl_load load;
	char line[64], end;
	int kept = 0, more = 0, n;
	long blob;

	/* There may be ten lines in five seconds: none any more, and the first of ten. */
	do {
		EXPECT_EQ(-AT(SIZE, EINVAL), fl_load_bytes(self->fd, "", 0));
	} while (*log_line(log));
	do {
		kept++;
		rb_sleep_ms(20);
		EXPECT_EQ(-AT(SIZE, EINVAL), fl_load_bytes(self->fd, "", 0));
		snprintf(line, sizeof(line), "%s", log_line(log));
	} while (!*line);
	/* Those of others before this test count as well. */
	n = sscanf(line, "%d more loads faile%c", &more, &end);
	EXPECT_EQ(2, n);
	EXPECT_LE(kept, more);
	EXPECT_STREQ(none, log_line(log));
	EXPECT_STREQ("", log_line(log));

	blob = fl_load_fd(self->fd, file);
	EXPECT_LE(0, blob);
	close(blob);
	EXPECT_STREQ("", log_line(log));

	load = fl_request((uintptr_t)"/tmp/fl-\n\x1bnone");
	load.purpose = FERRIO_FL_POLICY;
	EXPECT_EQ(-AT(OPEN, ENOENT), fl_load(self->fd, FERRIO_FL_LOAD_PATH, &load));
	EXPECT_STREQ("load as security-policy for uid 0 failed: open, error -2: /tmp/fl-\\n\\x1bnone",
		     log_line(log));
	EXPECT_EQ(-AT(OPEN, EBADF), fl_load_fd(self->fd, -1));
	EXPECT_STREQ("load as firmware for uid 0 failed: open, error -9: descriptor -1",
		     log_line(log));
	load = fl_request(file);
	load.max_bytes = 1;
	EXPECT_EQ(-AT(SIZE, EFBIG), fl_load(self->fd, FERRIO_FL_LOAD_FD, &load));
	EXPECT_STREQ("load as firmware for uid 0 failed: size, error -27: " FL_FILE,
		     log_line(log));
	EXPECT_STREQ("", log_line(log));
	for (int i = 0; i < 100; i++)
		EXPECT_EQ(-AT(SIZE, EINVAL), fl_load_bytes(self->fd, "", 0));
	for (int i = 4; i < 10; i++)
		EXPECT_STREQ(none, log_line(log));
	EXPECT_STREQ("", log_line(log));
	close(log);
	close(file);
}

TEST_HARNESS_MAIN

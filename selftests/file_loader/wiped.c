// SPDX-License-Identifier: GPL-2.0
/*
 * What was read for nobody is gone: the memory of a load that failed is zero when it is
 * given back, and so is that of whoever reads into memory of his own.
 */
#define _GNU_SOURCE
#include <ferrio_test.h>

#include "../trace.h"
#include "bpf.h"
#include "fl_dev.h"

#define LIAR	"/sys/kernel/uevent_seqnum"	/* says that it has 4096 bytes, and has a few */
#define PAGES	3
#define LEN	(PAGES * RB_PAGE)
#define WORDS	8		/* looked at, in a row */

#define PRE	"bpf_lsm_kernel_read_file"
#define POST	"bpf_lsm_kernel_post_read_file"
#define PRE_DATA	"bpf_lsm_kernel_load_data"
#define POST_DATA	"bpf_lsm_kernel_post_load_data"

/* A file without a byte that is zero. */
static int full_file(void)
{
	static char bytes[LEN];
	int fd = fl_file(LEN), writer = open(FL_FILE, O_WRONLY | O_CLOEXEC);

	memset(bytes, 0xa5, LEN);
	if (writer < 0 || pwrite(writer, bytes, LEN, 0) != LEN)
		rb_die("%s: %s", FL_FILE, strerror(errno));
	close(writer);
	return fd;
}

/*
 * A buffer of a load is unmapped with its content as it will be when its pages are free:
 * an event of vunmap() has words of it, from both ends of each page.
 */
#define EVENTS	"/sys/kernel/tracing/kprobe_events"

static void watch(struct trace *t)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "p:ferrio/unmap vunmap");

	trace_open(t);
	for (int i = 0; i < 2 * PAGES; i++)
		n += snprintf(text + n, sizeof(text) - n, " p%d=+%lu($arg1):x64[%d]", i,
			      i / 2 * RB_PAGE + (i % 2 ? RB_PAGE - 8 * WORDS : 0), WORDS);
	if (rb_write_file(EVENTS, text))
		rb_die("%s to " EVENTS ": CONFIG_KPROBE_EVENTS needed", text);
	trace_filter("ferrio");
	trace_event("ferrio/unmap");
}

static void unwatch(struct trace *t)
{
	trace_close(t);
	if (rb_write_file(EVENTS, "-:ferrio/unmap"))
		rb_die("the event stays: %s", strerror(errno));
}

/* What the event says if all words are the same. */
static const char *all_words(const char *word)
{
	static char text[2048];
	int n = 0;

	for (int i = 0; i < 2 * PAGES; i++) {
		n += snprintf(text + n, sizeof(text) - n, " p%d={", i);
		for (int k = 0; k < WORDS; k++)
			n += snprintf(text + n, sizeof(text) - n, "%s%s", k ? "," : "", word);
		n += snprintf(text + n, sizeof(text) - n, "}");
	}
	return text;
}

/* A load that fails, behind a step that has had the memory. */
struct way {
	const char *hook;	/* that refuses, or none */
	int id;			/* which of its arguments says what for */
	unsigned long call;
	uint8_t pin;		/* with a digest that does not fit */
	bool torn;		/* LOAD_BYTES: the last page is not there */
	long at;
};

static const struct way ways[] = {
	{ .call = FERRIO_FL_LOAD_FD, .hook = PRE, .id = 1, .at = AT(LSM, EPERM) },
	{ .call = FERRIO_FL_LOAD_FD, .hook = POST, .id = 3, .at = AT(LSM_POST, EPERM) },
	{ .call = FERRIO_FL_LOAD_PATH, .pin = 1, .at = AT(DIGEST, EBADMSG) },
	{ .call = FERRIO_FL_LOAD_BYTES, .hook = PRE_DATA, .id = 0, .at = AT(LSM, EPERM) },
	{ .call = FERRIO_FL_LOAD_BYTES, .hook = POST_DATA, .id = 2, .at = AT(LSM_POST, EPERM) },
	{ .call = FERRIO_FL_LOAD_BYTES, .torn = true, .at = AT(READ, EFAULT) },
	{ .call = FERRIO_FL_LOAD_BYTES, .pin = 1, .at = AT(DIGEST, EBADMSG) },
};

static struct ferrio_fl_load request(const struct way *way, int file, const char *bytes)
{
	struct ferrio_fl_load load = fl_request(file);

	if (way->call == FERRIO_FL_LOAD_PATH)
		load.source = (uintptr_t)FL_FILE;
	if (way->call == FERRIO_FL_LOAD_BYTES) {
		load.source = (uintptr_t)bytes;
		load.source_bytes = LEN;
	}
	return load;
}

/* The memory of one load that fails, and that of a blob, which is as it was read. */
TEST_F_TIMEOUT(dev, freed, 60)
{
	char *whole = mmap(NULL, 2 * LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	char *torn = whole + LEN, other[256];
	int file = full_file();
	struct trace t;

	ASSERT_NE(MAP_FAILED, whole);
	memset(whole, 0xa5, 2 * LEN);
	munmap(torn + LEN - RB_PAGE, RB_PAGE);
	watch(&t);
	for (int i = 0; i < ARRAY_SIZE(ways); i++) {
		const struct way *way = &ways[i];
		struct ferrio_fl_load load = request(way, file, way->torn ? torn : whole);
		struct bpf_hook hook;
		long blob;

		load.flags = way->pin ? FERRIO_FL_PIN_SHA256 : 0;
		load.sha256[0] = way->pin;
		if (way->hook)
			bpf_hook(&hook, way->hook, way->id, -1, -EPERM);
		trace_start(&t);
		EXPECT_EQ(-way->at, fl_load(self->fd, way->call, &load));
		EXPECT_EQ(1, trace_stop(&t, all_words("0x0"), other)) TH_LOG("way %d", i);
		EXPECT_STREQ("", other) TH_LOG("way %d", i);
		if (way->hook)
			bpf_unhook(&hook);

		/* The same, allowed: so much for whether the test can see. */
		load = request(way, file, whole);
		blob = fl_load(self->fd, way->call, &load);
		EXPECT_LE(0, blob);
		trace_start(&t);
		close(blob);
		EXPECT_EQ(1, trace_stop(&t, all_words("0xa5a5a5a5a5a5a5a5"), other));
		EXPECT_STREQ("", other);
	}
	unwatch(&t);
	munmap(whole, 2 * LEN);
	close(file);
}

FIXTURE(into) {
	int fd, file, liar;
};

FIXTURE_VARIANT(into) {
	int part;
};

FIXTURE_VARIANT_ADD(into, whole) { .part = 0 };
FIXTURE_VARIANT_ADD(into, part) { .part = 1 };

FIXTURE_SETUP(into)
{
	self->fd = open(FERRIO_TEST_IOV_DEVICE, O_RDWR | O_CLOEXEC);
	self->file = full_file();
	self->liar = open(LIAR, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->liar);
}

FIXTURE_TEARDOWN(into)
{
	close(self->liar);
	close(self->file);
	close(self->fd);
	unlink(FL_FILE);
}

/* AT() of what failed, or 0; @left: how many bytes of the memory are not zero. */
static long read_into(int fd, int file, int part, size_t len, long *left)
{
	struct ferrio_test_read_into arg = {
		.size = sizeof(arg), .fd = file, .part = part, .len = len,
	};

	if (ioctl(fd, FERRIO_TEST_READ_INTO, &arg))
		rb_die("FERRIO_TEST_READ_INTO: %s", strerror(errno));
	*left = arg.left;
	return arg.stage * 1000L + arg.error;
}

/* Memory of others that a file is read into: nothing is left, not even what was there. */
TEST_F(into, refused)
{
	/* Of a part it is not known which of the last two it was. */
	const long post = variant->part ? AT(READ, EPERM) : AT(LSM_POST, EPERM);
	static const size_t lens[] = { LEN, LEN + 1, 2 * LEN };
	struct bpf_hook hook;
	int writer;
	long left;

	bpf_hook(&hook, PRE, 1, 2, -EPERM);
	for (int i = 0; i < ARRAY_SIZE(lens); i++) {
		EXPECT_EQ(AT(LSM, EPERM),
			  read_into(self->fd, self->file, variant->part, lens[i], &left));
		EXPECT_EQ(0, left);
	}
	bpf_unhook(&hook);
	bpf_hook(&hook, POST, 3, -1, -EPERM);
	for (int i = 0; i < ARRAY_SIZE(lens); i++) {
		EXPECT_EQ(post, read_into(self->fd, self->file, variant->part, lens[i], &left));
		EXPECT_EQ(0, left);
	}
	bpf_unhook(&hook);
	/* All of it is there, and behind it what was there before. */
	for (int i = 0; i < ARRAY_SIZE(lens); i++) {
		EXPECT_EQ(0, read_into(self->fd, self->file, variant->part, lens[i], &left));
		EXPECT_EQ(lens[i], left);
	}
	EXPECT_EQ(AT(READ, EIO), read_into(self->fd, self->liar, variant->part, LEN, &left));
	EXPECT_EQ(0, left);
	writer = open(FL_FILE, O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, writer);
	EXPECT_EQ(AT(BUSY, ETXTBSY), read_into(self->fd, self->file, 1, LEN, &left));
	EXPECT_EQ(0, left);
	close(writer);
}

/* A short buffer is refused for a whole file, and all that a part is. */
TEST_F(into, too_little)
{
	long left;

	if (variant->part) {
		struct bpf_hook hook;

		/* The second hook is not asked: it could not see the whole. */
		bpf_hook(&hook, POST, 3, -1, -EPERM);
		EXPECT_EQ(0, read_into(self->fd, self->file, 1, LEN - 1, &left));
		EXPECT_EQ(LEN - 1, left);
		EXPECT_EQ(0, bpf_all_calls(&hook));
		bpf_unhook(&hook);
	} else {
		EXPECT_EQ(AT(SIZE, EFBIG),
			  read_into(self->fd, self->file, 0, LEN - 1, &left));
		EXPECT_EQ(0, left);
	}
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * The samples config_sample and config_c_sample, drivers that load their configuration by
 * file_loader.ko: in Rust, and in C.
 */
#define _GNU_SOURCE
#include "drivers.h"

#define MAX_BYTES	4096

/* What a program would take for the end of a text is a part of it, too. */
static const char text[] = "colour = red\n\0size = 7\n";

/* Its SHA-256. */
#define TEXT_SHA256	"47ef971db11d87657464b37a59abb41baf400a9331fc85ae23a20e696da1383a"

#define NO_SHA256	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg"

FIXTURE(sample) {
	long live;
};

FIXTURE_VARIANT(sample) {
	const char *module;
};

FIXTURE_VARIANT_ADD(sample, rust) {
	.module = "config_sample",
};

FIXTURE_VARIANT_ADD(sample, c) {
	.module = "config_c_sample",
};

static void write_file(const char *bytes, size_t len)
{
	int fd = open(FL_FILE, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, bytes, len) != len)
		rb_die("%s: %s", FL_FILE, strerror(errno));
	close(fd);
}

FIXTURE_SETUP(sample)
{
	self->live = rb_live_pages();
	write_file(text, sizeof(text) - 1);
}

FIXTURE_TEARDOWN(sample)
{
	unlink(FL_FILE);
	/* No file of a driver is open, so they are back already. */
	EXPECT_EQ(self->live, rb_live_pages());
	EXPECT_EQ(-ENOENT, driver_remove(variant->module));
}

TEST_F(sample, content)
{
	char path[128], got[2 * sizeof(text)] = "";
	int log = log_from_here(), fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/config", variant->module);
	ASSERT_EQ(0, driver_insert(variant->module, "path=" FL_FILE));
	EXPECT_EQ(self->live + 1, rb_live_pages());
	/* The file is not needed any more. */
	write_file("colour = green\n", 15);
	fd = open(path, O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(sizeof(text) - 1, read(fd, got, sizeof(got)));
	EXPECT_EQ(0, memcmp(got, text, sizeof(text) - 1));
	EXPECT_EQ(6, pread(fd, got, 6, 7));
	EXPECT_EQ(0, memcmp(got, "= red\n", 6));
	close(fd);
	/* Who uses the loader keeps it. */
	EXPECT_EQ(-EWOULDBLOCK, driver_remove("file_loader"));
	EXPECT_EQ(0, driver_remove(variant->module));
	EXPECT_NE(0, access(path, F_OK));
	EXPECT_STREQ("", log_said(log, variant->module, "file_loader"));
}

/* The driver cannot be inserted, and says why, in one line; file_loader says nothing. */
#define REFUSED(error, parameters, why) do {						\
	int _log = log_from_here();							\
	char _line[256];								\
											\
	snprintf(_line, sizeof(_line), "%s: no configuration: %s\n", variant->module, why); \
	EXPECT_EQ(-(error), driver_insert(variant->module, parameters));		\
	EXPECT_STREQ(_line, log_said(_log, variant->module, "file_loader"));		\
	EXPECT_EQ(self->live, rb_live_pages());						\
} while (0)

TEST_F(sample, refused)
{
	static const char zeros[MAX_BYTES + 1];

	REFUSED(ENOENT, "path=/tmp/fl-none", "\"/tmp/fl-none\": open, error -2");
	REFUSED(EFTYPE, "path=/tmp", "\"/tmp\": type, error -134");
	write_file(zeros, MAX_BYTES + 1);
	REFUSED(EFBIG, "path=" FL_FILE, "\"" FL_FILE "\": size, error -27");
	write_file(zeros, MAX_BYTES);
	EXPECT_EQ(0, driver_insert(variant->module, "path=" FL_FILE));
	EXPECT_EQ(0, driver_remove(variant->module));
}

TEST_F(sample, pin)
{
	EXPECT_EQ(0, driver_insert(variant->module, "path=" FL_FILE " sha256=" TEXT_SHA256));
	EXPECT_EQ(0, driver_remove(variant->module));
	write_file("colour = green\n", 15);
	REFUSED(EBADMSG, "path=" FL_FILE " sha256=" TEXT_SHA256,
		"\"" FL_FILE "\": digest, error -74");
	/* No digest: digits are missing, one is none. */
	REFUSED(EINVAL, "path=" FL_FILE " sha256=0", "sha256= is no 64 digits");
	REFUSED(EINVAL, "path=" FL_FILE " sha256=" NO_SHA256, "sha256= is no 64 digits");
}

/* The loader goes when they are gone, and comes again. */
TEST(loader_goes_last)
{
	const char *dir = getenv("FERRIO_MODULES");
	char path[4096];
	int image;

	snprintf(path, sizeof(path), "%s/file_loader.ko", dir ? dir : "/modules");
	image = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, image);
	write_file(text, sizeof(text) - 1);
	ASSERT_EQ(0, driver_insert("config_sample", "path=" FL_FILE));
	ASSERT_EQ(0, driver_insert("config_c_sample", "path=" FL_FILE));
	EXPECT_EQ(-EWOULDBLOCK, driver_remove("file_loader"));
	EXPECT_EQ(0, driver_remove("config_sample"));
	EXPECT_EQ(-EWOULDBLOCK, driver_remove("file_loader"));
	EXPECT_EQ(0, driver_remove("config_c_sample"));
	EXPECT_EQ(0, driver_remove_soon("file_loader"));
	/* A driver without it is not inserted. */
	EXPECT_EQ(-ENOENT, driver_insert("config_sample", "path=" FL_FILE));
	EXPECT_EQ(0, syscall(SYS_finit_module, image, "", 0));
	EXPECT_EQ(0, rb_live_pages());
	close(image);
	unlink(FL_FILE);
}

TEST_HARNESS_MAIN

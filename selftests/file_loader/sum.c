// SPDX-License-Identifier: GPL-2.0
/* The digest of a blob, compared with one that is made by others. */
#define _GNU_SOURCE
#include "fl_dev.h"

#define SUM	64	/* digits */

static void as_text(char *text, const unsigned char *sha256)
{
	for (int i = 0; i < 32; i++)
		sprintf(text + 2 * i, "%02x", sha256[i]);
}

/* What sha256sum(1) of coreutils, or of busybox, says of the file. */
static void independent(char *text)
{
	FILE *f = popen("sha256sum " FL_FILE, "r");

	if (!f || fread(text, 1, SUM, f) != SUM || fgetc(f) != ' ')
		rb_die("sha256sum: it is in coreutils, or in busybox");
	text[SUM] = 0;
	while (fgetc(f) != EOF)
		;
	if (pclose(f))
		rb_die("sha256sum failed");
}

static void in_fdinfo(int fd, char *text)
{
	char path[64], line[128];
	FILE *f;

	text[0] = 0;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	if (!f)
		rb_die("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f))
		sscanf(line, "fl-sha256:\t%64s", text);
	fclose(f);
}

#define EXPECT_SUM(want, blob) do {					\
	struct ferrio_fl_blob __info;					\
	char __text[SUM + 1];						\
									\
	fl_blob_info(blob, &__info);					\
	as_text(__text, __info.sha256);					\
	EXPECT_STREQ(want, __text);					\
	in_fdinfo(blob, __text);					\
	EXPECT_STREQ(want, __text);					\
} while (0)

/* The third example of FIPS 180-2: a million letters. */
TEST_F(dev, million)
{
	static const char want[] =
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
	size_t len = 1000000;
	char *letters = malloc(len);
	long blob;
	int file;

	ASSERT_NE(NULL, letters);
	memset(letters, 'a', len);
	blob = fl_load_bytes(self->fd, letters, len);
	ASSERT_LE(0, blob);
	EXPECT_SUM(want, blob);
	close(blob);
	file = open(FL_FILE, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ASSERT_LE(0, file);
	ASSERT_EQ(len, write(file, letters, len));
	close(file);
	blob = fl_load_path(self->fd, FL_FILE);
	ASSERT_LE(0, blob);
	EXPECT_SUM(want, blob);
	close(blob);
	free(letters);
}

/* Less, as much and more than is summed at a time; and it can be pinned. */
TEST_F(dev, of_files)
{
	static const size_t sizes[] = { 1, 65535, 65536, 65537, 131072, 1000003 };

	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		int file = fl_file(sizes[i]);
		struct ferrio_fl_load load = fl_request(file);
		struct ferrio_fl_blob info;
		char want[SUM + 1];
		long blob;

		independent(want);
		blob = fl_load(self->fd, FERRIO_FL_LOAD_FD, &load);
		ASSERT_LE(0, blob);
		EXPECT_SUM(want, blob);
		EXPECT_EQ(sizes[i], rb_fdinfo(blob, "fl-bytes"));
		fl_blob_info(blob, &info);
		close(blob);
		load.flags = FERRIO_FL_PIN_SHA256;
		memcpy(load.sha256, info.sha256, 32);
		blob = fl_load(self->fd, FERRIO_FL_LOAD_FD, &load);
		ASSERT_LE(0, blob);
		close(blob);
		close(file);
	}
}

TEST_HARNESS_MAIN

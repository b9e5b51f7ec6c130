// SPDX-License-Identifier: GPL-2.0
/* Files with fs-verity: what is pinned of them, and what becomes of those that were changed. */
#define _GNU_SOURCE
#include "bpf.h"
#include "verity_image.h"

#define BLOCKS	5
#define LEN	(BLOCKS * RB_PAGE + 100)
#define TREE	65536		/* where ext4 has the digests: at a multiple behind the end */

/* A file with fs-verity. */
struct sealed {
	const char *path;
	unsigned int algorithm;
	size_t len;		/* of the digest */
	uint8_t digest[64];
	int fd;
};

FIXTURE(image) {
	struct sealed f[2];	/* the same bytes */
	int fd, fds;
	long live;
};

#define each_sealed(f)	for (struct sealed *f = self->f; f < self->f + 2; f++)

FIXTURE_SETUP(image)
{
	static const struct sealed two[] = {
		{ .path = IMAGE_DIR "/a", .algorithm = FS_VERITY_HASH_ALG_SHA256, .len = 32 },
		{ .path = IMAGE_DIR "/b", .algorithm = FS_VERITY_HASH_ALG_SHA512, .len = 64 },
	};

	self->live = rb_live_pages();
	self->fds = rb_count_fds();
	image_make();
	image_mount();
	self->fd = fl_open();
	memcpy(self->f, two, sizeof(two));
	each_sealed(f) {
		f->fd = image_file(f->path, LEN, f->algorithm);
		ASSERT_EQ(f->len, image_digest(f->fd, f->algorithm, f->digest));
	}
}

FIXTURE_TEARDOWN(image)
{
	struct ferrio_fl_info info;

	fl_info(self->fd, &info);
	EXPECT_EQ(0, info.user_blobs);
	EXPECT_EQ(0, info.user_bytes);
	close(self->fd);
	each_sealed(f)
		close(f->fd);
	EXPECT_EQ(self->fds, rb_count_fds());
	EXPECT_TRUE(rb_pages_return(self->live));
	image_remove();
}

/* What is read from now on comes from the image. */
static void mount_again(struct sealed f[2])
{
	image_mount();
	for (int i = 0; i < 2; i++) {
		f[i].fd = open(f[i].path, O_RDONLY | O_CLOEXEC);
		if (f[i].fd < 0)
			rb_die("%s: %s", f[i].path, strerror(errno));
	}
}

static long load_as(int fd, const struct sealed *f, unsigned int algorithm,
		    const uint8_t *digest, size_t len)
{
	struct ferrio_fl_load load = fl_request(f->fd);

	load.flags = FERRIO_FL_PIN_VERITY;
	load.verity_algorithm = algorithm;
	load.verity_bytes = len;
	memcpy(load.verity, digest, len);
	return fl_load(fd, FERRIO_FL_LOAD_FD, &load);
}

static long load_pinned(int fd, const struct sealed *f)
{
	return load_as(fd, f, f->algorithm, f->digest, f->len);
}

/* The blob has the bytes, and knows the digest; it is closed. */
static void is_loaded(struct __test_metadata *_metadata, int blob, const struct sealed *f)
{
	static char bytes[LEN + 1];
	struct ferrio_fl_blob info;

	ASSERT_LE(0, blob);
	EXPECT_EQ(LEN, E(pread(blob, bytes, sizeof(bytes), 0)));
	EXPECT_EQ(-1, rb_mismatch(bytes, LEN, 0));
	fl_blob_info(blob, &info);
	EXPECT_EQ(f->algorithm, info.verity_algorithm);
	EXPECT_EQ(f->len, info.verity_bytes);
	EXPECT_EQ(0, memcmp(f->digest, info.verity, 64));
	close(blob);
}

/* With the right pin, and with none, by descriptor and by path. */
TEST_F(image, intact)
{
	long blob[2][4];

	each_sealed(f) {
		struct ferrio_fl_load load = fl_request((uintptr_t)f->path);
		long *made = blob[f - self->f];
		struct ferrio_fl_blob info;

		made[0] = fl_load_fd(self->fd, f->fd);
		made[1] = fl_load_path(self->fd, f->path);
		made[2] = load_pinned(self->fd, f);
		ASSERT_LE(0, made[2]);
		/* both pins */
		fl_blob_info(made[2], &info);
		load.flags = FERRIO_FL_PIN_SHA256 | FERRIO_FL_PIN_VERITY;
		memcpy(load.sha256, info.sha256, sizeof(load.sha256));
		load.verity_algorithm = f->algorithm;
		load.verity_bytes = f->len;
		memcpy(load.verity, f->digest, f->len);
		made[3] = fl_load(self->fd, FERRIO_FL_LOAD_PATH, &load);
		close(f->fd);
	}
	/* Nothing of the file system is in use by a blob. */
	EXPECT_EQ(0, image_unmount());
	each_sealed(f)
		for (int i = 0; i < 4; i++)
			is_loaded(_metadata, blob[f - self->f][i], f);
	mount_again(self->f);
}

/* A digest that differs in one bit is found before the file is read. */
TEST_F(image, other_digest)
{
	struct bpf_hook read;

	bpf_hook(&read, "bpf_lsm_kernel_read_file", 1, 2, 0);
	each_sealed(f) {
		for (int at = 0; at < f->len; at += f->len - 1) {
			for (int bit = 0; bit < 8; bit += 7) {
				uint8_t digest[64];

				memcpy(digest, f->digest, 64);
				digest[at] ^= 1 << bit;
				EXPECT_EQ(-AT(DIGEST, EBADMSG),
					  load_as(self->fd, f, f->algorithm, digest, f->len));
			}
		}
	}
	EXPECT_EQ(0, bpf_all_calls(&read));
	/* The hook is one that would have been called. */
	is_loaded(_metadata, load_pinned(self->fd, self->f), self->f);
	EXPECT_EQ(1, bpf_all_calls(&read));
	bpf_unhook(&read);
}

/* The digest of the same bytes by the other algorithm, and this one as one of it. */
TEST_F(image, other_algorithm)
{
	each_sealed(f) {
		const struct sealed *other = f == self->f ? f + 1 : self->f;

		EXPECT_EQ(-AT(DIGEST, EBADMSG), load_as(self->fd, f, other->algorithm,
							other->digest, other->len));
		EXPECT_EQ(-AT(DIGEST, EBADMSG),
			  load_as(self->fd, f, other->algorithm, f->digest, f->len));
		/* one that no kernel has */
		EXPECT_EQ(-AT(DIGEST, EBADMSG),
			  load_as(self->fd, f, 255, f->digest, f->len));
	}
}

/* A part of the digest is not the digest, and more than it neither. */
TEST_F(image, other_length)
{
	static const size_t lens[] = { 1, 31, 32, 33, 63, 64 };

	each_sealed(f) {
		for (int i = 0; i < ARRAY_SIZE(lens); i++) {
			long ret = load_as(self->fd, f, f->algorithm, f->digest, lens[i]);

			if (lens[i] == f->len)
				is_loaded(_metadata, ret, f);
			else
				EXPECT_EQ(-AT(DIGEST, EBADMSG), ret);
		}
	}
}

/* Pinned, and without fs-verity: of the same file system, and of one that cannot have it. */
TEST_F(image, none)
{
	const struct sealed none[] = {
		{ .fd = image_file(IMAGE_DIR "/none", LEN, 0) },
		{ .fd = fl_file(LEN) },
	};
	struct bpf_hook read;

	bpf_hook(&read, "bpf_lsm_kernel_read_file", 1, 2, 0);
	for (int i = 0; i < 2; i++) {
		struct ferrio_fl_load load = fl_request(none[i].fd);

		each_sealed(f)
			EXPECT_EQ(-AT(DIGEST, ENODATA), load_as(self->fd, &none[i], f->algorithm,
								f->digest, f->len));
		/* The size comes first. */
		load.flags = FERRIO_FL_PIN_VERITY;
		load.verity_algorithm = 1;
		load.verity_bytes = 32;
		load.max_bytes = LEN - 1;
		EXPECT_EQ(-AT(SIZE, EFBIG), fl_load(self->fd, FERRIO_FL_LOAD_FD, &load));
	}
	EXPECT_EQ(0, bpf_all_calls(&read));
	bpf_unhook(&read);
	for (int i = 0; i < 2; i++) {
		is_loaded(_metadata, fl_load_fd(self->fd, none[i].fd), &none[i]);
		close(none[i].fd);
	}
	unlink(FL_FILE);
}

/*
 * A byte that is another one behind the file system's back is met when its block is read,
 * and then nothing is there: whether the digest is pinned or not.  That one is of the
 * tree that was made in the beginning, which a change of the bytes does not change.
 */
TEST_F(image, corrupted)
{
	/* of the one file, and of the other */
	static const uint64_t at[][2] = {
		{ 0, BLOCKS * RB_PAGE + 99 },
		{ 2 * RB_PAGE + 1234, TREE + 7 },
	};

	for (int k = 0; k < ARRAY_SIZE(at); k++) {
		off_t place[2];

		each_sealed(f) {
			place[f - self->f] = image_place(f->fd, at[k][f - self->f]);
			close(f->fd);
		}
		ASSERT_EQ(0, image_unmount());
		image_corrupt(place[0]);
		image_corrupt(place[1]);
		mount_again(self->f);
		each_sealed(f) {
			struct sealed wrong = *f;
			char bytes[LEN];

			EXPECT_EQ(-AT(READ, EIO), load_pinned(self->fd, f));
			EXPECT_EQ(-AT(READ, EIO), fl_load_fd(self->fd, f->fd));
			EXPECT_EQ(-AT(READ, EIO), fl_load_path(self->fd, f->path));
			EXPECT_EQ(self->live, rb_live_pages());
			/* A program cannot have it either. */
			EXPECT_GT((long)LEN, E(pread(f->fd, bytes, LEN, 0)));
			/* What is pinned otherwise is not read at all. */
			wrong.digest[0] ^= 1;
			EXPECT_EQ(-AT(DIGEST, EBADMSG), load_pinned(self->fd, &wrong));
			close(f->fd);
		}
		ASSERT_EQ(0, image_unmount());
		/* twice is not at all */
		image_corrupt(place[0]);
		image_corrupt(place[1]);
		mount_again(self->f);
		each_sealed(f)
			is_loaded(_metadata, load_pinned(self->fd, f), f);
	}
}

TEST_HARNESS_MAIN

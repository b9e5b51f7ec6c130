// SPDX-License-Identifier: GPL-2.0
/*
 * What other modules call of file_loader.ko: each function of ferrio_file.h, with each
 * kind of error, from a driver in C and from one in Rust.
 */
#define _GNU_SOURCE
#include <linux/fsverity.h>
#include <sys/mman.h>

#include "drivers.h"
#include "../drivers_main.h"
#include "../../rust/ferrio_calls/ferrio_calls.h"

#define CALLS_BYTES	5000
#define CALLS_LIAR	"/sys/kernel/uevent_seqnum"

FIXTURE(calls) {
	int fd;
	int file;
	long live;
	char bytes[CALLS_BYTES];
};

FIXTURE_VARIANT(calls) {
	const char *device;
};

FIXTURE_VARIANT_ADD(calls, c) {
	.device = FERRIO_TEST_CALLS_C,
};

FIXTURE_VARIANT_ADD(calls, rust) {
	.device = FERRIO_TEST_CALLS_RUST,
};

FIXTURE_SETUP(calls)
{
	self->live = rb_live_pages();
	self->fd = open(variant->device, O_RDWR | O_CLOEXEC);
	if (self->fd < 0)
		rb_die("%s: %s", variant->device, strerror(errno));
	self->file = fl_file(CALLS_BYTES);
	rb_pattern(self->bytes, CALLS_BYTES, 0);
}

FIXTURE_TEARDOWN(calls)
{
	close(self->file);
	close(self->fd);
	unlink(FL_FILE);
	EXPECT_TRUE(rb_pages_return(self->live));
}

static struct ferrio_test_load calls_request(unsigned int how, uint64_t source)
{
	return (struct ferrio_test_load) {
		.size = sizeof(struct ferrio_test_load),
		.how = how,
		.source = source,
		.max_bytes = FL_CAP,
		.purpose = FERRIO_FL_FIRMWARE,
	};
}

#define CALL_PATH(path)	calls_request(FERRIO_TEST_LOAD_PATH, (uintptr_t)(path))
#define CALL_FD(fd)	calls_request(FERRIO_TEST_LOAD_FD, fd)
#define CALL_FILE(fd)	calls_request(FERRIO_TEST_LOAD_FILE, fd)

static struct ferrio_test_load call_user(const void *bytes, size_t len)
{
	struct ferrio_test_load load = calls_request(FERRIO_TEST_LOAD_USER, (uintptr_t)bytes);

	load.source_bytes = len;
	return load;
}

static const char *const stages[] = {
	"request", "open", "type", "busy", "size", "memory", "lsm", "read", "lsm-post", "digest",
};

/* How many bytes were loaded, or minus AT() of what failed, or the error of the device. */
static long calls_load(int fd, struct ferrio_test_load *load)
{
	long ret = E(ioctl(fd, FERRIO_TEST_LOAD_CALL, load));

	if (ret)
		return ret;
	if (load->error != load->result)
		rb_die("the call says %d, the detail %d", load->result, load->error);
	if (!load->result) {
		if (load->stage || load->failed_bytes)
			rb_die("a load that succeeded has a failure: stage %u", load->stage);
		return load->bytes;
	}
	if (load->stage >= ARRAY_SIZE(stages) || strcmp(stages[load->stage], load->name))
		rb_die("stage %u is called '%s'", load->stage, load->name);
	return -(long)load->stage * 1000 + load->result;
}

/* The same, and nothing else is asked for. */
#define CALL(...) ({						\
	struct ferrio_test_load _load = __VA_ARGS__;		\
	calls_load(self->fd, &_load);					\
})

/* Each function gives the same bytes, and their digest. */
TEST_F(calls, content)
{
	struct ferrio_test_load loads[] = {
		CALL_PATH(FL_FILE), CALL_FD(self->file), CALL_FILE(self->file),
		call_user(self->bytes, CALLS_BYTES),
	};
	struct ferrio_fl_blob info;
	char got[CALLS_BYTES];
	int dev = fl_open(), blob = fl_load_fd(dev, self->file);

	ASSERT_LE(0, blob);
	fl_blob_info(blob, &info);
	close(blob);
	close(dev);
	for (int i = 0; i < ARRAY_SIZE(loads); i++) {
		TH_LOG("how %u", loads[i].how);
		memset(got, 'x', sizeof(got));
		loads[i].to = (uintptr_t)got;
		EXPECT_EQ(CALLS_BYTES, calls_load(self->fd, &loads[i]));
		EXPECT_EQ(0, memcmp(got, self->bytes, CALLS_BYTES));
		EXPECT_EQ(0, memcmp(loads[i].digest, info.sha256, 32));
	}
	for (int purpose = 1; purpose <= 3; purpose++) {
		loads[0] = CALL_PATH(FL_FILE);
		loads[0].purpose = purpose;
		EXPECT_EQ(CALLS_BYTES, calls_load(self->fd, &loads[0]));
	}
}

/* What is kept is in memory until it is freed, and counts for no user. */
TEST_F(calls, kept)
{
	struct ferrio_test_load load = CALL_PATH(FL_FILE);
	struct ferrio_fl_info info;
	int dev = fl_open(), second = open(variant->device, O_RDWR);

	load.keep = 1;
	EXPECT_EQ(CALLS_BYTES, calls_load(self->fd, &load));
	EXPECT_EQ(self->live + 2, rb_live_pages());
	EXPECT_EQ(CALLS_BYTES, calls_load(second, &load));
	EXPECT_EQ(self->live + 4, rb_live_pages());
	fl_info(dev, &info);
	EXPECT_EQ(0, info.user_blobs);
	EXPECT_EQ(0, info.user_bytes);
	/* The second of a file is freed at once. */
	EXPECT_EQ(-EBUSY, calls_load(self->fd, &load));
	EXPECT_EQ(self->live + 4, rb_live_pages());
	/* Nobody is kept from writing to the file, and it may go. */
	ASSERT_EQ(0, truncate(FL_FILE, 1));
	unlink(FL_FILE);
	close(second);
	EXPECT_TRUE(rb_pages_return(self->live + 2));
	close(dev);
}

TEST_F(calls, not_opened)
{
	int out = open(FL_FILE, O_WRONLY), path = open(FL_FILE, O_PATH);
	struct ferrio_test_load load;

	EXPECT_EQ(-AT(OPEN, ENOENT), CALL(CALL_PATH("/tmp/fl-none")));
	EXPECT_EQ(-AT(OPEN, ENOTDIR), CALL(CALL_PATH(FL_FILE "/x")));
	EXPECT_EQ(-AT(OPEN, EINVAL), CALL(CALL_PATH("")));
	EXPECT_EQ(-AT(OPEN, EINVAL), CALL(CALL_PATH("tmp/fl-file")));
	EXPECT_EQ(-AT(OPEN, EBADF), CALL(CALL_FD(-1)));
	EXPECT_EQ(-AT(OPEN, EBADF), CALL(CALL_FD(10000)));
	EXPECT_EQ(-AT(OPEN, EBADF), CALL(CALL_FD(path)));
	EXPECT_EQ(-AT(OPEN, EBADF), CALL(CALL_FD(out)));
	EXPECT_EQ(-AT(OPEN, EBADF), CALL(CALL_FILE(out)));
	load = CALL_PATH("/tmp/fl-none");
	calls_load(self->fd, &load);
	EXPECT_EQ(0, load.failed_bytes);
	close(path);
	close(out);
}

TEST_F(calls, not_loaded)
{
	int dir = open("/tmp", O_RDONLY), out, empty;
	struct ferrio_test_load load;

	EXPECT_EQ(-AT(TYPE, EFTYPE), CALL(CALL_PATH("/tmp")));
	EXPECT_EQ(-AT(TYPE, EFTYPE), CALL(CALL_PATH("/dev/null")));
	EXPECT_EQ(-AT(TYPE, EFTYPE), CALL(CALL_FD(dir)));
	EXPECT_EQ(-AT(TYPE, EFTYPE), CALL(CALL_FILE(dir)));
	close(dir);

	out = open(FL_FILE, O_WRONLY);
	EXPECT_EQ(-AT(BUSY, ETXTBSY), CALL(CALL_PATH(FL_FILE)));
	EXPECT_EQ(-AT(BUSY, ETXTBSY), CALL(CALL_FD(self->file)));
	EXPECT_EQ(-AT(BUSY, ETXTBSY), CALL(CALL_FILE(self->file)));
	close(out);

	for (int i = -1; i <= 1; i++) {
		struct ferrio_test_load loads[] = {
			CALL_PATH(FL_FILE), CALL_FD(self->file), CALL_FILE(self->file),
			call_user(self->bytes, CALLS_BYTES),
		};

		for (int how = 0; how < ARRAY_SIZE(loads); how++) {
			loads[how].max_bytes = CALLS_BYTES + i;
			EXPECT_EQ(i < 0 ? -AT(SIZE, EFBIG) : CALLS_BYTES,
				  calls_load(self->fd, &loads[how]));
			EXPECT_EQ(i < 0 ? CALLS_BYTES : 0, loads[how].failed_bytes);
		}
	}
	load = CALL_PATH(FL_FILE);
	load.max_bytes = 0;
	EXPECT_EQ(-AT(SIZE, EFBIG), calls_load(self->fd, &load));

	empty = open("/tmp/fl-other", O_RDWR | O_CREAT | O_TRUNC, 0600);
	close(empty);
	EXPECT_EQ(-AT(SIZE, EINVAL), CALL(CALL_PATH("/tmp/fl-other")));
	EXPECT_EQ(-AT(SIZE, EINVAL), CALL(CALL_PATH("/proc/version")));
	/* 4096 by its own account. */
	EXPECT_EQ(-AT(READ, EIO), CALL(CALL_PATH(CALLS_LIAR)));

	ASSERT_EQ(0, truncate("/tmp/fl-other", 1LL << 40));
	load = CALL_PATH("/tmp/fl-other");
	load.max_bytes = 1ULL << 40;
	EXPECT_EQ(-AT(MEMORY, ENOMEM), calls_load(self->fd, &load));
	EXPECT_EQ(1ULL << 40, load.failed_bytes);
	unlink("/tmp/fl-other");
}

TEST_F(calls, user)
{
	char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ferrio_test_load load;

	ASSERT_NE(MAP_FAILED, map);
	munmap(map + 4096, 4096);
	EXPECT_EQ(4096, CALL(call_user(map, 4096)));
	EXPECT_EQ(-AT(READ, EFAULT), CALL(call_user(map, 4097)));
	EXPECT_EQ(-AT(READ, EFAULT), CALL(call_user(NULL, 1)));
	EXPECT_EQ(-AT(READ, EFAULT), CALL(call_user((void *)-4096L, 1)));
	EXPECT_EQ(-AT(SIZE, EINVAL), CALL(call_user(map, 0)));
	load = call_user(map, -1UL);
	load.max_bytes = -1ULL;
	EXPECT_EQ(-AT(SIZE, EFBIG), calls_load(self->fd, &load));
	EXPECT_EQ(-1ULL, load.failed_bytes);
	/* There is no file that could have fs-verity. */
	load = call_user(map, 1);
	load.pins = FERRIO_FL_PIN_VERITY;
	load.verity_algorithm = FS_VERITY_HASH_ALG_SHA256;
	load.verity_bytes = 32;
	EXPECT_EQ(-EINVAL, calls_load(self->fd, &load));
	munmap(map, 4096);
}

TEST_F(calls, pins)
{
	struct ferrio_test_load first = CALL_PATH(FL_FILE), load;

	ASSERT_EQ(CALLS_BYTES, calls_load(self->fd, &first));
	for (int how = 0; how < 4; how++) {
		load = how == 0 ? CALL_PATH(FL_FILE) : how == 1 ? CALL_FD(self->file) :
		       how == 2 ? CALL_FILE(self->file) : call_user(self->bytes, CALLS_BYTES);
		load.pins = FERRIO_FL_PIN_SHA256;
		EXPECT_EQ(-AT(DIGEST, EBADMSG), calls_load(self->fd, &load));
		memcpy(load.sha256, first.digest, 32);
		EXPECT_EQ(CALLS_BYTES, calls_load(self->fd, &load));
		load.sha256[31] ^= 1;
		EXPECT_EQ(-AT(DIGEST, EBADMSG), calls_load(self->fd, &load));
		EXPECT_EQ(CALLS_BYTES, load.failed_bytes);
	}
	/* The file has none. */
	load = CALL_PATH(FL_FILE);
	load.pins = FERRIO_FL_PIN_VERITY;
	load.verity_algorithm = FS_VERITY_HASH_ALG_SHA256;
	load.verity_bytes = 32;
	EXPECT_EQ(-AT(DIGEST, ENODATA), calls_load(self->fd, &load));
	load.verity_bytes = 0;
	EXPECT_EQ(-EINVAL, calls_load(self->fd, &load));
	load.verity_bytes = 65;
	EXPECT_EQ(-EINVAL, calls_load(self->fd, &load));
	load.verity_bytes = 32;
	load.verity_algorithm = 0;
	EXPECT_EQ(-EINVAL, calls_load(self->fd, &load));
}

FIXTURE(c) {
	int fd;
	int file;
	long live;
};

FIXTURE_SETUP(c)
{
	self->live = rb_live_pages();
	self->fd = open(FERRIO_TEST_CALLS_C, O_RDWR | O_CLOEXEC);
	if (self->fd < 0)
		rb_die("%s: %s", FERRIO_TEST_CALLS_C, strerror(errno));
	self->file = fl_file(CALLS_BYTES);
}

FIXTURE_TEARDOWN(c)
{
	close(self->file);
	close(self->fd);
	unlink(FL_FILE);
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* What Rust's types do not let anybody ask for: EINVAL, and no stage. */
TEST_F(c, requests)
{
	struct ferrio_test_load load;

	EXPECT_EQ(-EINVAL, CALL(calls_request(FERRIO_TEST_LOAD_NO_PATH, 0)));
	EXPECT_EQ(-EINVAL, CALL(calls_request(FERRIO_TEST_LOAD_NO_FILE, 0)));
	EXPECT_EQ(-EINVAL, CALL(calls_request(FERRIO_TEST_LOAD_NO_REQUEST, (uintptr_t)FL_FILE)));
	for (unsigned int how = FERRIO_TEST_LOAD_PATH; how <= FERRIO_TEST_LOAD_USER; how++) {
		uint64_t source = how == FERRIO_TEST_LOAD_FD || how == FERRIO_TEST_LOAD_FILE ?
				  self->file : (uintptr_t)FL_FILE;

		for (int wrong = 0; wrong < 6; wrong++) {
			load = calls_request(how, source);
			load.source_bytes = 1;
			switch (wrong) {
			case 0:
				load.purpose = 0;
				break;
			case 1:
				load.purpose = 4;
				break;
			case 2:
				load.pins = 1 << 2;
				break;
			case 3:
				load.sha256[31] = 1;
				break;
			case 4:
				load.verity[63] = 1;
				break;
			case 5:
				load.verity_algorithm = 1;
				break;
			}
			EXPECT_EQ(-EINVAL, calls_load(self->fd, &load));
			EXPECT_EQ(0, load.failed_bytes);
		}
	}
}

/* The detail need not be wanted. */
TEST_F(c, no_failure)
{
	struct ferrio_test_load load = calls_request(FERRIO_TEST_LOAD_NO_FAILURE,
						     (uintptr_t)FL_FILE);

	EXPECT_EQ(0, ioctl(self->fd, FERRIO_TEST_LOAD_CALL, &load));
	EXPECT_EQ(0, load.result);
	EXPECT_EQ(CALLS_BYTES, load.bytes);
	EXPECT_EQ(77, load.stage);
	EXPECT_EQ(77, load.error);
	EXPECT_EQ(77, load.failed_bytes);
	EXPECT_EQ(0, strcmp("request", load.name));
	load.source = (uintptr_t)"/tmp/fl-none";
	EXPECT_EQ(0, ioctl(self->fd, FERRIO_TEST_LOAD_CALL, &load));
	EXPECT_EQ(-ENOENT, load.result);
	EXPECT_EQ(77, load.stage);
}

/* A kernel thread finds PID 1's files, and has no descriptors. */
TEST_F(c, kernel_thread)
{
	EXPECT_EQ(CALLS_BYTES, CALL(calls_request(FERRIO_TEST_LOAD_WORK, (uintptr_t)FL_FILE)));
	EXPECT_EQ(-AT(OPEN, ENOENT),
		  CALL(calls_request(FERRIO_TEST_LOAD_WORK, (uintptr_t)"/tmp/fl-none")));
	EXPECT_EQ(-AT(OPEN, EBADF), CALL(calls_request(FERRIO_TEST_LOAD_WORK_FD, self->file)));
}

/* Nor has it memory, whosever page tables it goes on with. */
TEST_F(c, kernel_thread_user)
{
	static char bytes[CALLS_BYTES];

	/* The thread comes behind us, on this CPU. */
	rb_pin(0);
	for (int i = 0; i < 20; i++) {
		struct ferrio_test_load load = call_user(bytes, CALLS_BYTES);

		/* All of it is there. */
		memset(bytes, i, sizeof(bytes));
		load.how = FERRIO_TEST_LOAD_WORK_USER;
		EXPECT_EQ(-AT(READ, EFAULT), calls_load(self->fd, &load));
		EXPECT_EQ(CALLS_BYTES, load.failed_bytes);
	}
}

/* What a driver passes on without a look is no path, and no file. */
TEST_F(c, error_pointers)
{
	EXPECT_EQ(-EINVAL, CALL(calls_request(FERRIO_TEST_LOAD_BAD_PATH, 0)));
	EXPECT_EQ(-EINVAL, CALL(calls_request(FERRIO_TEST_LOAD_BAD_FILE, 0)));
}

/* Who uses the loader's functions keeps it. */
TEST_F(c, loader_is_in_use)
{
	EXPECT_EQ(-EWOULDBLOCK, E(syscall(SYS_delete_module, "file_loader", O_NONBLOCK)));
}

int main(int argc, char **argv)
{
	static const char *const drivers[] = { "ferrio_calls_c", "ferrio_calls_rust", NULL };

	return drivers_main(argc, argv, drivers);
}

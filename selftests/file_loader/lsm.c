// SPDX-License-Identifier: GPL-2.0
/* What security modules are asked, how often, and what their answers do. */
#define _GNU_SOURCE
#include "bpf.h"
#include "fl_dev.h"

/* READING_* and LOADING_* of the kernel, by purpose. */
static const int ids[] = {
	[FERRIO_FL_FIRMWARE] = 1,
	[FERRIO_FL_POLICY] = 5,
	[FERRIO_FL_X509_CERTIFICATE] = 6,
};

enum { READ, POST_READ, LOAD, POST_LOAD, HOOKS };

static const struct {
	const char *function;
	int purpose, whole;
} hooks[HOOKS] = {
	[READ] = { "bpf_lsm_kernel_read_file", 1, 2 },
	[POST_READ] = { "bpf_lsm_kernel_post_read_file", 3, -1 },
	[LOAD] = { "bpf_lsm_kernel_load_data", 0, 1 },
	[POST_LOAD] = { "bpf_lsm_kernel_post_load_data", 2, -1 },
};

static void hook(struct bpf_hook *h, int which, int answer)
{
	bpf_hook(h, hooks[which].function, hooks[which].purpose, hooks[which].whole, answer);
}

/* A load asks once before and once behind, for the right purpose, and nothing else. */
TEST_F(dev, each_hook_once)
{
	struct bpf_hook h[HOOKS];
	int file = fl_file(3 * RB_PAGE + 1);

	for (int i = 0; i < HOOKS; i++)
		hook(&h[i], i, 0);
	for (int purpose = 1; purpose <= 3; purpose++) {
		struct ferrio_fl_load load = fl_request(file);
		int whole = BPF_KEY(ids[purpose], 1), behind = BPF_KEY(ids[purpose], 0);
		long blob;

		load.purpose = purpose;
		blob = fl_load(self->fd, FERRIO_FL_LOAD_FD, &load);
		EXPECT_LE(0, blob);
		close(blob);
		EXPECT_EQ(1, bpf_calls(&h[READ], whole));
		EXPECT_EQ(1, bpf_calls(&h[POST_READ], behind));
		load.source = (uintptr_t)FL_FILE;
		blob = fl_load(self->fd, FERRIO_FL_LOAD_PATH, &load);
		EXPECT_LE(0, blob);
		close(blob);
		EXPECT_EQ(1, bpf_calls(&h[READ], whole));
		EXPECT_EQ(1, bpf_calls(&h[POST_READ], behind));
		EXPECT_EQ(0, bpf_all_calls(&h[LOAD]));
		EXPECT_EQ(0, bpf_all_calls(&h[POST_LOAD]));
		load.source_bytes = 5;
		blob = fl_load(self->fd, FERRIO_FL_LOAD_BYTES, &load);
		EXPECT_LE(0, blob);
		close(blob);
		EXPECT_EQ(1, bpf_calls(&h[LOAD], whole));
		EXPECT_EQ(1, bpf_calls(&h[POST_LOAD], behind));
		for (int i = 0; i < HOOKS; i++)
			EXPECT_EQ(0, bpf_all_calls(&h[i]));
	}
	for (int i = 0; i < HOOKS; i++)
		bpf_unhook(&h[i]);
	close(file);
}

/* What fails before does not ask; a failing read is not shown to the second hook. */
TEST_F(dev, no_hook_in_vain)
{
	struct bpf_hook before, behind;
	int file = fl_file(10);
	struct ferrio_fl_load load = fl_request(file);

	hook(&before, READ, 0);
	hook(&behind, POST_READ, 0);
	load.max_bytes = 9;
	EXPECT_EQ(-AT(SIZE, EFBIG), fl_load(self->fd, FERRIO_FL_LOAD_FD, &load));
	EXPECT_EQ(-AT(TYPE, EFTYPE), fl_load_path(self->fd, "/tmp"));
	EXPECT_EQ(0, bpf_all_calls(&before));
	EXPECT_EQ(-AT(READ, EIO), fl_load_path(self->fd, "/sys/kernel/uevent_seqnum"));
	EXPECT_EQ(1, bpf_all_calls(&before));
	EXPECT_EQ(0, bpf_all_calls(&behind));
	bpf_unhook(&before);
	bpf_unhook(&behind);
	close(file);
}

/* The answer comes through, with the stage that it was given in. */
TEST_F(dev, answers)
{
	static const int errors[] = { EPERM, EIO, ETXTBSY };
	/* Shorter and longer than the mark that the stage is told by. */
	static const int sizes[] = { 1, 5, 8, 9, 3 * RB_PAGE };
	struct bpf_hook h[HOOKS];

	for (int at = 0; at < HOOKS; at++) {
		hook(&h[at], at, 0);
		for (int i = 0; i < ARRAY_SIZE(errors); i++) {
			long stage = at == READ || at == LOAD ? AT(LSM, errors[i]) :
							       AT(LSM_POST, errors[i]);

			bpf_answer(&h[at], -errors[i]);
			for (int k = 0; k < ARRAY_SIZE(sizes); k++) {
				int file = fl_file(sizes[k]);

				if (at == READ || at == POST_READ) {
					EXPECT_EQ(-stage, fl_load_fd(self->fd, file));
					EXPECT_EQ(-stage, fl_load_path(self->fd, FL_FILE));
				} else {
					EXPECT_EQ(-stage,
						  fl_load_bytes(self->fd, hooks, sizes[k]));
				}
				close(file);
			}
			EXPECT_EQ(self->live, rb_live_pages());
		}
		bpf_unhook(&h[at]);
	}
}

#define LOADPIN	"/proc/sys/kernel/loadpin/enforce"

/* Only with LoadPin; what was inserted first, from the root, has pinned it. */
TEST_F(dev, load_pin)
{
	int file, root;
	long blob;

	if (access(LOADPIN, F_OK))
		SKIP(return, "no " LOADPIN ": a kernel without LoadPin");
	file = fl_file(10);
	root = open("/fl-pinned", O_RDWR | O_CREAT | O_TRUNC, 0600);
	ASSERT_LE(0, root);
	ASSERT_EQ(3, write(root, "abc", 3));
	close(root);
	ASSERT_EQ(0, rb_write_file(LOADPIN, "1"));
	EXPECT_EQ(-AT(LSM, EPERM), fl_load_fd(self->fd, file));
	EXPECT_EQ(-AT(LSM, EPERM), fl_load_path(self->fd, FL_FILE));
	EXPECT_EQ(-AT(LSM, EPERM), fl_load_bytes(self->fd, "x", 1));
	blob = fl_load_path(self->fd, "/fl-pinned");
	EXPECT_LE(0, blob);
	close(blob);
	/* What is not to be read at all is not asked about. */
	EXPECT_EQ(-AT(TYPE, EFTYPE), fl_load_path(self->fd, "/tmp"));
	EXPECT_EQ(self->live, rb_live_pages());
	ASSERT_EQ(0, rb_write_file(LOADPIN, "0"));
	blob = fl_load_fd(self->fd, file);
	EXPECT_LE(0, blob);
	close(blob);
	blob = fl_load_path(self->fd, FL_FILE);
	EXPECT_LE(0, blob);
	close(blob);
	blob = fl_load_bytes(self->fd, "x", 1);
	EXPECT_LE(0, blob);
	close(blob);
	unlink("/fl-pinned");
	close(file);
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * ferrio_calls_c.ko - each function of ferrio_file.h, as a driver in C calls it.
 * selftests/file_loader/calls.c asserts what comes of it.
 */
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include <ferrio_file.h>

#include "ferrio_calls.h"

/* A load as it is made, maybe by a worker. */
struct call {
	struct work_struct work;
	const struct ferrio_test_load *load;
	struct ferrio_file_request request;
	struct ferrio_file_failure failure;
	const char *path;
	struct ferrio_file *got;
};

static struct ferrio_file *call_file(struct call *call)
{
	struct file *file = fget(call->load->source);
	struct ferrio_file *got;

	if (!file)
		return ERR_PTR(-EBADF);
	got = ferrio_file_load_file(file, &call->request, &call->failure);
	fput(file);
	return got;
}

static struct ferrio_file *call_at_once(struct call *call)
{
	const struct ferrio_test_load *load = call->load;

	switch (load->how) {
	case FERRIO_TEST_LOAD_PATH:
	case FERRIO_TEST_LOAD_WORK:
		return ferrio_file_load_path(call->path, &call->request, &call->failure);
	case FERRIO_TEST_LOAD_FD:
	case FERRIO_TEST_LOAD_WORK_FD:
		return ferrio_file_load_fd(load->source, &call->request, &call->failure);
	case FERRIO_TEST_LOAD_FILE:
		return call_file(call);
	case FERRIO_TEST_LOAD_USER:
	case FERRIO_TEST_LOAD_WORK_USER:
		return ferrio_file_load_user(u64_to_user_ptr(load->source), load->source_bytes,
					     &call->request, &call->failure);
	case FERRIO_TEST_LOAD_NO_PATH:
		return ferrio_file_load_path(NULL, &call->request, &call->failure);
	case FERRIO_TEST_LOAD_NO_FILE:
		return ferrio_file_load_file(NULL, &call->request, &call->failure);
	case FERRIO_TEST_LOAD_NO_REQUEST:
		return ferrio_file_load_path(call->path, NULL, &call->failure);
	case FERRIO_TEST_LOAD_NO_FAILURE:
		return ferrio_file_load_path(call->path, &call->request, NULL);
	case FERRIO_TEST_LOAD_BAD_PATH:
		return ferrio_file_load_path(ERR_PTR(-ENOENT), &call->request, &call->failure);
	case FERRIO_TEST_LOAD_BAD_FILE:
		return ferrio_file_load_file(ERR_PTR(-ENOENT), &call->request, &call->failure);
	}
	/* Never given by a load. */
	return NULL;
}

static void call_work(struct work_struct *work)
{
	struct call *call = container_of(work, struct call, work);

	call->got = call_at_once(call);
}

static struct ferrio_file *call_it(struct call *call)
{
	switch (call->load->how) {
	case FERRIO_TEST_LOAD_WORK:
	case FERRIO_TEST_LOAD_WORK_FD:
	case FERRIO_TEST_LOAD_WORK_USER:
		INIT_WORK_ONSTACK(&call->work, call_work);
		schedule_work(&call->work);
		flush_work(&call->work);
		destroy_work_on_stack(&call->work);
		return call->got;
	default:
		return call_at_once(call);
	}
}

static bool call_has_path(u32 how)
{
	return how == FERRIO_TEST_LOAD_PATH || how == FERRIO_TEST_LOAD_NO_REQUEST ||
	       how == FERRIO_TEST_LOAD_NO_FAILURE || how == FERRIO_TEST_LOAD_WORK;
}

/* What was loaded, to the program. */
static int call_tell(struct ferrio_test_load *load, struct ferrio_file *got)
{
	load->bytes = ferrio_file_len(got);
	memcpy(load->digest, ferrio_file_sha256(got), sizeof(load->digest));
	if (load->to && copy_to_user(u64_to_user_ptr(load->to), ferrio_file_bytes(got),
				     load->bytes))
		return -EFAULT;
	return 0;
}

static long calls_load(struct file *file, struct ferrio_test_load *load)
{
	struct call call = {
		.load = load,
		.request = {
			.max_bytes = load->max_bytes,
			.purpose = load->purpose,
			.pins = load->pins,
			.verity_algorithm = load->verity_algorithm,
			.verity_bytes = load->verity_bytes,
		},
		.failure = { .stage = 77, .error = 77, .bytes = 77 },
	};
	struct ferrio_file *got __free(ferrio_file) = NULL;
	char *path __free(kfree) = NULL;
	int ret;

	memcpy(call.request.sha256, load->sha256, sizeof(load->sha256));
	memcpy(call.request.verity, load->verity, sizeof(load->verity));
	if (call_has_path(load->how)) {
		path = strndup_user(u64_to_user_ptr(load->source), PATH_MAX);
		if (IS_ERR(path))
			return PTR_ERR(no_free_ptr(path));
		call.path = path;
	}

	got = call_it(&call);
	if (!got)
		return -EINVAL;
	load->result = PTR_ERR_OR_ZERO(got);
	load->stage = call.failure.stage;
	load->error = call.failure.error;
	load->failed_bytes = call.failure.bytes;
	strscpy(load->name, ferrio_file_stage_name(load->stage));
	/* What __free() does with an error is to be nothing. */
	if (IS_ERR(got))
		return 0;
	ret = call_tell(load, got);
	if (ret)
		return ret;
	if (load->keep) {
		if (cmpxchg(&file->private_data, NULL, got))
			return -EBUSY;
		retain_and_null_ptr(got);
	}
	return 0;
}

static long calls_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct ferrio_test_load *load __free(kfree) = NULL;
	long ret;

	if (cmd != FERRIO_TEST_LOAD_CALL)
		return -ENOTTY;
	load = memdup_user((void __user *)arg, sizeof(*load));
	if (IS_ERR(load))
		return PTR_ERR(no_free_ptr(load));
	if (load->size != sizeof(*load))
		return -EINVAL;
	ret = calls_load(file, load);
	if (!ret && copy_to_user((void __user *)arg, load, sizeof(*load)))
		ret = -EFAULT;
	return ret;
}

/* misc_open() leaves the device there. */
static int calls_open(struct inode *inode, struct file *file)
{
	file->private_data = NULL;
	return capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

static int calls_release(struct inode *inode, struct file *file)
{
	ferrio_file_free(file->private_data);
	return 0;
}

static const struct file_operations calls_fops = {
	.owner = THIS_MODULE,
	.open = calls_open,
	.release = calls_release,
	.unlocked_ioctl = calls_ioctl,
};

static struct miscdevice calls_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ferrio_calls_c",
	.fops = &calls_fops,
	.mode = 0600,
};
module_misc_device(calls_device);

MODULE_AUTHOR("The ferrio developers");
MODULE_DESCRIPTION("The functions of ferrio_file.h, called in C");
MODULE_LICENSE("GPL");

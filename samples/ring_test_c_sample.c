// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/ringbuffer-test: each open file is an endless sequence of numbers, u32, to be
 * read, and checks the sequence that is written to it, four at a time; by read() and
 * write(), or in rings that a program maps.  ring_test_sample_main.rs is the same in Rust.
 */
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <ferrio_ring.h>

#define RING_BYTES	65536

struct message {
	u32 number[4];
};

struct ring_test {
	struct ferrio_ring *ring;
	struct task_struct *producer, *consumer;
};

static struct ferrio_ring *ring_test(struct file *file)
{
	struct ring_test *test = file->private_data;

	return test->ring;
}
DEFINE_FERRIO_RING_FOPS(ring_test);

static struct message message_at(u32 first)
{
	return (struct message) { { first, first + 1, first + 2, first + 3 } };
}

static bool is_message_at(const struct message *message, u32 first)
{
	return message->number[0] == first && message->number[1] == first + 1 &&
		message->number[2] == first + 2 && message->number[3] == first + 3;
}

/* Ends with an error when it is to stop, or nobody can read any more. */
static int ring_test_produce(void *data)
{
	struct ring_test *test = data;
	struct message message;
	u32 next = 0;

	do {
		message = message_at(next);
		next += ARRAY_SIZE(message.number);
	} while (!ferrio_ring_write(test->ring, &message, sizeof(message)));
	return 0;
}

static int ring_test_consume(void *data)
{
	struct ring_test *test = data;
	struct message message;
	u32 expected = 0;

	while (ferrio_ring_read(test->ring, &message, sizeof(message),
				sizeof(message)) == sizeof(message)) {
		if (!is_message_at(&message, expected)) {
			pr_err("ring_test_c_sample: not the numbers from %u on\n", expected);
			/* What is written from now on is EPIPE. */
			ferrio_ring_shutdown(test->ring, FERRIO_RING_WRITE);
			return 0;
		}
		expected += ARRAY_SIZE(message.number);
	}
	return 0;
}

/* A thread that may end by itself, and be stopped behind that. */
static struct task_struct *ring_test_thread(int (*run)(void *), struct ring_test *test)
{
	struct task_struct *task = kthread_create(run, test, "ring_test");

	if (!IS_ERR(task)) {
		get_task_struct(task);
		wake_up_process(task);
	}
	return task;
}

static void ring_test_free(struct ring_test *test)
{
	if (!IS_ERR_OR_NULL(test->producer))
		kthread_stop_put(test->producer);
	if (!IS_ERR_OR_NULL(test->consumer))
		kthread_stop_put(test->consumer);
	ferrio_ring_free(test->ring);
	kfree(test);
}

static int ring_test_open(struct inode *inode, struct file *file)
{
	struct ferrio_ring_params params = {
		.bytes = RING_BYTES,
		.directions = FERRIO_RING_READ | FERRIO_RING_WRITE,
	};
	struct ring_test *test = kzalloc_obj(*test);
	int ret;

	if (!test)
		return -ENOMEM;
	test->ring = ferrio_ring_alloc(&params);
	ret = PTR_ERR_OR_ZERO(test->ring);
	if (!ret) {
		test->producer = ring_test_thread(ring_test_produce, test);
		ret = PTR_ERR_OR_ZERO(test->producer);
	}
	if (!ret) {
		test->consumer = ring_test_thread(ring_test_consume, test);
		ret = PTR_ERR_OR_ZERO(test->consumer);
	}
	if (ret) {
		ring_test_free(test);
		return ret;
	}
	file->private_data = test;
	return ferrio_ring_open(inode, file);
}

static int ring_test_release(struct inode *inode, struct file *file)
{
	ring_test_free(file->private_data);
	return 0;
}

static const struct file_operations ring_test_fops = {
	.owner = THIS_MODULE,
	.open = ring_test_open,
	.release = ring_test_release,
	FERRIO_RING_FOPS(ring_test),
};

static struct miscdevice ring_test_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ringbuffer-test",
	.fops = &ring_test_fops,
	.mode = 0600,
};
module_misc_device(ring_test_device);

MODULE_AUTHOR("The ferrio developers");
MODULE_DESCRIPTION("A sample driver in C whose files are rings");
MODULE_LICENSE("GPL");

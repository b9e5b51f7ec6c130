// SPDX-License-Identifier: GPL-2.0
/*
 * ring_test_twin.ko - /dev/ringbuffer-test as a driver in C has it that knows no rings.
 *
 * It is what `make bench` holds the read() and write() of ring_test_c_sample.c against: the
 * same sequence by the same threads, through a buffer of the same size for each direction,
 * with a mutex for its readers or writers, two wait queues, and nothing that can be mapped.
 */
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/log2.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

#define TWIN_BYTES	65536
/* Room that is worth a wake, as PIPE_BUF is for a ring. */
#define TWIN_ROOM	4096

/* The thread is at one end, programs are at the other one, in turn. */
struct twin_buffer {
	struct mutex lock;		/* of programs */
	wait_queue_head_t data, room;
	u64 in, out;
	bool over;			/* the thread has ended */
	u8 *bytes;
};

struct message {
	u32 number[4];
};

struct twin {
	struct twin_buffer read, write;
	struct task_struct *producer, *consumer;
};

static size_t twin_used(const struct twin_buffer *buf)
{
	/* Each pairs with the release of who moves it. */
	return smp_load_acquire(&buf->in) - smp_load_acquire(&buf->out);
}

static size_t twin_free(const struct twin_buffer *buf)
{
	return TWIN_BYTES - twin_used(buf);
}

static void twin_wake_data(struct twin_buffer *buf)
{
	if (wq_has_sleeper(&buf->data))
		wake_up_interruptible_poll(&buf->data, EPOLLIN | EPOLLRDNORM);
}

static void twin_wake_room(struct twin_buffer *buf)
{
	if (wq_has_sleeper(&buf->room) && twin_free(buf) >= TWIN_ROOM)
		wake_up_interruptible_poll(&buf->room, EPOLLOUT | EPOLLWRNORM);
}

/* ---- the threads' ends ---- */

static bool twin_put(struct twin_buffer *buf, const struct message *message)
{
	if (unlikely(twin_free(buf) < sizeof(*message))) {
		if (wait_event_interruptible(buf->room, twin_free(buf) >= sizeof(*message) ||
					     kthread_should_stop()) || kthread_should_stop())
			return false;
	}
	/* Their number divides the size, so that none is in two pieces. */
	memcpy(buf->bytes + buf->in % TWIN_BYTES, message, sizeof(*message));
	/* Pairs with twin_used() of the reader: the bytes are there. */
	smp_store_release(&buf->in, buf->in + sizeof(*message));
	twin_wake_data(buf);
	return true;
}

static bool twin_get(struct twin_buffer *buf, struct message *message)
{
	size_t at = buf->out % TWIN_BYTES, first = min(sizeof(*message), TWIN_BYTES - at);

	if (unlikely(twin_used(buf) < sizeof(*message))) {
		if (wait_event_interruptible(buf->data, twin_used(buf) >= sizeof(*message) ||
					     kthread_should_stop()) || kthread_should_stop())
			return false;
	}
	if (likely(first == sizeof(*message))) {
		memcpy(message, buf->bytes + at, sizeof(*message));
	} else {
		memcpy(message, buf->bytes + at, first);
		memcpy((u8 *)message + first, buf->bytes, sizeof(*message) - first);
	}
	/* Pairs with twin_used() of the writer: they have been read. */
	smp_store_release(&buf->out, buf->out + sizeof(*message));
	twin_wake_room(buf);
	return true;
}

static struct message message_at(u32 first)
{
	return (struct message) { { first, first + 1, first + 2, first + 3 } };
}

static bool is_message_at(const struct message *message, u32 first)
{
	return message->number[0] == first && message->number[1] == first + 1 &&
		message->number[2] == first + 2 && message->number[3] == first + 3;
}

static int twin_produce(void *data)
{
	struct twin *twin = data;
	struct message message;
	u32 next = 0;

	do {
		message = message_at(next);
		next += ARRAY_SIZE(message.number);
	} while (twin_put(&twin->read, &message));
	return 0;
}

static int twin_consume(void *data)
{
	struct twin *twin = data;
	struct message message;
	u32 expected = 0;

	while (twin_get(&twin->write, &message)) {
		if (!is_message_at(&message, expected)) {
			pr_err("ring_test_twin: %*ph instead of the numbers from %u on\n",
			       (int)sizeof(message), &message, expected);
			WRITE_ONCE(twin->write.over, true);
			wake_up_interruptible_poll(&twin->write.room, EPOLLERR);
			return 0;
		}
		expected += ARRAY_SIZE(message.number);
	}
	return 0;
}

/* ---- programs' ends ---- */

static int twin_take(struct twin_buffer *buf, bool nowait)
{
	if (!nowait)
		return mutex_lock_killable(&buf->lock);
	return mutex_trylock(&buf->lock) ? 0 : -EAGAIN;
}

static bool twin_nowait(struct kiocb *iocb)
{
	return iocb->ki_flags & IOCB_NOWAIT || iocb->ki_filp->f_flags & O_NONBLOCK;
}

static ssize_t twin_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct twin *twin = iocb->ki_filp->private_data;
	struct twin_buffer *buf = &twin->read;
	bool nowait = twin_nowait(iocb);
	size_t len, at, first, n;
	int ret;

	if (!iov_iter_count(to))
		return 0;
	for (;;) {
		ret = twin_take(buf, nowait);
		if (ret)
			return ret;
		len = min(iov_iter_count(to), twin_used(buf));
		if (len)
			break;
		mutex_unlock(&buf->lock);
		if (nowait)
			return -EAGAIN;
		ret = wait_event_interruptible(buf->data, twin_used(buf));
		if (ret)
			return ret;
	}
	at = buf->out % TWIN_BYTES;
	first = min(len, TWIN_BYTES - at);
	n = copy_to_iter(buf->bytes + at, first, to);
	if (n == first && len > first)
		n += copy_to_iter(buf->bytes, len - first, to);
	/* As in twin_get(). */
	smp_store_release(&buf->out, buf->out + n);
	mutex_unlock(&buf->lock);
	twin_wake_room(buf);
	return n ?: -EFAULT;
}

/* One turn of write(). */
static ssize_t twin_write_once(struct twin_buffer *buf, struct iov_iter *from, bool nowait)
{
	size_t len = iov_iter_count(from), whole = len <= TWIN_ROOM ? len : 1, at, first, n;
	int ret = twin_take(buf, nowait);

	if (ret)
		return ret;
	if (READ_ONCE(buf->over)) {
		mutex_unlock(&buf->lock);
		return -EPIPE;
	}
	if (twin_free(buf) < whole) {
		mutex_unlock(&buf->lock);
		return -EAGAIN;
	}
	len = min(len, twin_free(buf));
	at = buf->in % TWIN_BYTES;
	first = min(len, TWIN_BYTES - at);
	n = copy_from_iter(buf->bytes + at, first, from);
	if (n == first && len > first)
		n += copy_from_iter(buf->bytes, len - first, from);
	/* As in twin_put(). */
	smp_store_release(&buf->in, buf->in + n);
	mutex_unlock(&buf->lock);
	twin_wake_data(buf);
	return n ?: -EFAULT;
}

static ssize_t twin_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct twin *twin = iocb->ki_filp->private_data;
	struct twin_buffer *buf = &twin->write;
	bool nowait = twin_nowait(iocb);
	ssize_t done = 0, n;
	size_t whole;

	while (iov_iter_count(from)) {
		n = twin_write_once(buf, from, nowait);
		if (n > 0) {
			done += n;
			continue;
		}
		if (n == -EAGAIN && !nowait) {
			whole = iov_iter_count(from);
			n = wait_event_interruptible(buf->room, READ_ONCE(buf->over) ||
						     twin_free(buf) >= min(whole, TWIN_ROOM));
			if (!n)
				continue;
		}
		if (n == -EPIPE && !(iocb->ki_flags & IOCB_NOSIGNAL))
			send_sig(SIGPIPE, current, 0);
		return done ?: n;
	}
	return done;
}

static __poll_t twin_poll(struct file *file, struct poll_table_struct *table)
{
	struct twin *twin = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &twin->read.data, table);
	poll_wait(file, &twin->write.room, table);
	if (twin_used(&twin->read))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (twin_free(&twin->write) >= TWIN_ROOM)
		mask |= EPOLLOUT | EPOLLWRNORM;
	if (READ_ONCE(twin->write.over))
		mask |= EPOLLERR | EPOLLHUP;
	return mask;
}

/* ---- life ---- */

static int twin_buffer_init(struct twin_buffer *buf)
{
	mutex_init(&buf->lock);
	init_waitqueue_head(&buf->data);
	init_waitqueue_head(&buf->room);
	buf->bytes = vzalloc(TWIN_BYTES);
	return buf->bytes ? 0 : -ENOMEM;
}

static struct task_struct *twin_thread(int (*run)(void *), struct twin *twin)
{
	struct task_struct *task = kthread_create(run, twin, "ring_test_twin");

	if (!IS_ERR(task)) {
		get_task_struct(task);
		wake_up_process(task);
	}
	return task;
}

static void twin_free_all(struct twin *twin)
{
	if (!IS_ERR_OR_NULL(twin->producer))
		kthread_stop_put(twin->producer);
	if (!IS_ERR_OR_NULL(twin->consumer))
		kthread_stop_put(twin->consumer);
	vfree(twin->read.bytes);
	vfree(twin->write.bytes);
	kfree(twin);
}

static int twin_open(struct inode *inode, struct file *file)
{
	struct twin *twin = kzalloc_obj(*twin);
	int ret;

	if (!twin)
		return -ENOMEM;
	ret = twin_buffer_init(&twin->read) ?: twin_buffer_init(&twin->write);
	if (!ret) {
		twin->producer = twin_thread(twin_produce, twin);
		ret = PTR_ERR_OR_ZERO(twin->producer);
	}
	if (!ret) {
		twin->consumer = twin_thread(twin_consume, twin);
		ret = PTR_ERR_OR_ZERO(twin->consumer);
	}
	if (ret) {
		twin_free_all(twin);
		return ret;
	}
	file->private_data = twin;
	file->f_mode |= FMODE_NOWAIT;
	return stream_open(inode, file);
}

static int twin_release(struct inode *inode, struct file *file)
{
	twin_free_all(file->private_data);
	return 0;
}

static const struct file_operations twin_fops = {
	.owner = THIS_MODULE,
	.open = twin_open,
	.release = twin_release,
	.read_iter = twin_read_iter,
	.write_iter = twin_write_iter,
	.poll = twin_poll,
};

static struct miscdevice twin_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ringbuffer-test-twin",
	.fops = &twin_fops,
	.mode = 0600,
};
module_misc_device(twin_device);

MODULE_AUTHOR("The ferrio developers");
MODULE_DESCRIPTION("The sample driver ring_test in C, without rings");
MODULE_LICENSE("GPL");

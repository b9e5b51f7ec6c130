// SPDX-License-Identifier: GPL-2.0
#include "strict.h"

#include <stdio.h>
#include <sys/wait.h>

int strict_consume(struct ringbuffer *rb)
{
	struct strict_message copy;
	const void *from;
	size_t bytes;
	uint32_t i;

	for (i = 0; i < STRICT_MESSAGES; i++) {
		bytes = sizeof(copy);
		if (i % 3) {
			from = ringbuffer_peek(rb, &bytes);
			if (!from || bytes < sizeof(copy))
				return 11;
			memcpy(&copy, from, sizeof(copy));
			if (ringbuffer_consume(rb, sizeof(copy)))
				return 12;
		} else if (ringbuffer_read(rb, &copy, bytes) != (ssize_t)bytes) {
			return 13;
		}
		if (copy.seq != i || copy.more != i * 3 ||
		    copy.last != (i + 1 == STRICT_MESSAGES))
			return 14;
	}
	/* the peer has gone, so this does not wait */
	if (ringbuffer_wait(rb->fd, rb->rw, 1, NULL, 0))
		return 15;
	return ringbuffer_read(rb, &copy, 1) ? 16 : 0;
}

int main(void)
{
	struct ringbuffer in, out, see;
	int ring = open(FERRIO_RB_DEVICE, O_RDWR), status = 0, failed;
	pid_t pid;

	if (ring < 0 || ringbuffer(ring, FERRIO_RB_READ, 4096, &in) < 0 ||
	    ringbuffer(ring, FERRIO_RB_WRITE, 4096, &out) < 0 ||
	    ringbuffer(ring, FERRIO_RB_OBSERVE, 0, &see) < 0)
		return 20;
	pid = fork();
	if (pid < 0)
		return 21;
	if (!pid) {
		ringbuffer_close(&in);
		failed = strict_produce(&out);
		ringbuffer_close(&out);
		_exit(failed);
	}
	ringbuffer_close(&out);
	failed = strict_consume(&in);
	if (!failed && ringbuffer_used(&see))
		failed = 22;
	ringbuffer_close(&in);
	if (waitpid(pid, &status, 0) != pid || status)
		failed = 23;
	printf("%d\n", failed);
	return failed;
}

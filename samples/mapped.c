// SPDX-License-Identifier: GPL-2.0
/* Two processes, and no system call between them until one has to sleep. */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <ferrio/ring.h>

static int produce(struct ringbuffer *out)
{
	for (int i = 1; i <= 3; i++) {
		char *place = ringbuffer_reserve(out, 64);

		if (!place)
			err(1, "ringbuffer_reserve");
		ringbuffer_commit(out, sprintf(place, "message %d, read where it was written\n", i));
	}
	return 0;
}

static int consume(struct ringbuffer *in)
{
	const char *text;
	size_t bytes;

	do {
		bytes = 1;
		text = ringbuffer_peek(in, &bytes);
		if (!text)
			err(1, "ringbuffer_peek");
		fwrite(text, 1, bytes, stdout);
		ringbuffer_consume(in, bytes);
	} while (bytes);
	return 0;
}

int main(void)
{
	int ring = open(FERRIO_RB_DEVICE, O_RDWR);
	struct ringbuffer in, out;

	if (ring < 0 || ringbuffer(ring, FERRIO_RB_READ, 0, &in) < 0 ||
	    ringbuffer(ring, FERRIO_RB_WRITE, 0, &out) < 0)
		err(1, FERRIO_RB_DEVICE);
	if (!fork()) {
		ringbuffer_close(&in);
		return produce(&out);
	}
	ringbuffer_close(&out);
	return consume(&in);
}

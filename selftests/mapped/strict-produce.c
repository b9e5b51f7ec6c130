// SPDX-License-Identifier: GPL-2.0
#include "strict.h"

int strict_produce(struct ringbuffer *rb)
{
	struct strict_message *m, copy;
	uint32_t i;

	for (i = 0; i < STRICT_MESSAGES; i++) {
		copy.seq = i;
		copy.more = i * 3;
		copy.last = i + 1 == STRICT_MESSAGES;
		if (i % 2) {
			if (ringbuffer_write(rb, &copy, sizeof(copy)) != sizeof(copy))
				return 1;
			continue;
		}
		m = (struct strict_message *)ringbuffer_reserve(rb, sizeof(*m));
		if (!m)
			return 2;
		*m = copy;
		if (ringbuffer_commit(rb, sizeof(*m)))
			return 3;
	}
	return ringbuffer_wakeup(rb->fd, rb->rw) ? 4 : 0;
}

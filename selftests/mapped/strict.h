/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program of two files that both include the library; C and C++, in any mix,
 * with every warning that a program may want.
 */
#ifndef STRICT_H
#define STRICT_H

#include "fake-device.h"

#include <ferrio/ring.h>
#include <ferrio/ring-records.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Both return 0, or the number of the check that failed. */
int strict_produce(struct ringbuffer *rb);
int strict_consume(struct ringbuffer *rb);

#ifdef __cplusplus
}
#endif

#define STRICT_MESSAGES	50000U

struct strict_message {
	uint64_t seq;
	uint32_t more;
	uint32_t last;
};

#endif /* STRICT_H */

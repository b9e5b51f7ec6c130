/* SPDX-License-Identifier: GPL-2.0 */
/* Loads by somebody else than the test itself. */
#ifndef CHILD_H
#define CHILD_H

#include <linux/capability.h>

#include "fl.h"

/* In a child: without a capability, or as another user. */
#define IN_CHILD(body) do {						\
	int __status;							\
	pid_t __pid = fork();						\
									\
	ASSERT_LE(0, __pid);						\
	if (!__pid) {							\
		body;							\
		_exit(0);						\
	}								\
	ASSERT_EQ(__pid, waitpid(__pid, &__status, 0));			\
	EXPECT_EQ(0, __status);						\
} while (0)

/* Exits with the place of the first difference. */
#define SAME(a, b) do {							\
	long __a = (a), __b = (b);					\
									\
	if (__a != __b) {						\
		fprintf(stderr, "# %d: %ld, not %ld\n", __LINE__, __b, __a); \
		_exit(1);						\
	}								\
} while (0)

static inline void drop_capability(int number)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2];

	SAME(0, syscall(SYS_capget, &head, caps));
	caps[number / 32].effective &= ~(1U << number % 32);
	SAME(0, syscall(SYS_capset, &head, caps));
}

#endif /* CHILD_H */

/* SPDX-License-Identifier: GPL-2.0 */
/* Pages, open files, rings and bytes of this user: even when all is over. */
#ifndef ACCOUNTS_H
#define ACCOUNTS_H

#include <stdio.h>

#include "rb.h"

/* What has to be the same before and after. */
struct accounts {
	long live, refs;
	struct ferrio_rb_info info;
};

static inline void accounts_take(struct accounts *a)
{
	int fd = rb_open(O_RDWR);

	rb_info(fd, &a->info);
	close(fd);
	a->live = rb_live_pages();
	a->refs = rb_read_number("/sys/module/ringbuffer/refcnt");
}

static inline bool accounts_even(const struct accounts *before)
{
	struct accounts now;

	for (int i = 0; i < 2000; i++) {
		accounts_take(&now);
		if (now.live == before->live && now.refs == before->refs &&
		    now.info.user_rings == before->info.user_rings &&
		    now.info.user_bytes == before->info.user_bytes)
			return true;
		rb_sleep_ms(1);
	}
	fprintf(stderr, "# pages %ld files %ld rings %llu bytes %llu; before %ld %ld %llu %llu\n",
		now.live, now.refs, now.info.user_rings, now.info.user_bytes,
		before->live, before->refs, before->info.user_rings,
		before->info.user_bytes);
	return false;
}

#endif /* ACCOUNTS_H */

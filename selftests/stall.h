/* SPDX-License-Identifier: GPL-2.0 */
/* A page that stalls whoever copies from or to it, until the test fills it. */
#ifndef STALL_H
#define STALL_H

#include <linux/userfaultfd.h>
#include <sys/mman.h>

#include "task.h"

struct stall {
	char *page;
	int uffd;
};

static inline void stall_init(struct stall *s)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	s->page = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->page == MAP_FAILED)
		rb_die("mmap: %s", strerror(errno));
	reg.range.start = (unsigned long)s->page;
	reg.range.len = RB_PAGE;
	s->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (s->uffd < 0 || ioctl(s->uffd, UFFDIO_API, &api) ||
	    ioctl(s->uffd, UFFDIO_REGISTER, &reg))
		rb_die("userfaultfd: %s: CONFIG_USERFAULTFD and root needed",
		       strerror(errno));
}

/* Until the kernel has met the page. */
static inline void stall_met(struct stall *s)
{
	struct uffd_msg msg;

	if (read(s->uffd, &msg, sizeof(msg)) != sizeof(msg) ||
	    msg.event != UFFD_EVENT_PAGEFAULT)
		rb_die("no page fault came: %s", strerror(errno));
}

static inline void stall_end(struct stall *s, const void *content)
{
	struct uffdio_copy copy = {
		.dst = (unsigned long)s->page,
		.src = (unsigned long)content,
		.len = RB_PAGE,
	};

	if (ioctl(s->uffd, UFFDIO_COPY, &copy))
		rb_die("UFFDIO_COPY: %s", strerror(errno));
}

#endif /* STALL_H */

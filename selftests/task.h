/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of all devices share: the byte pattern, calls made by a thread
 * that can be watched falling asleep, signals, and the accounts that have to be
 * even at the end.
 *
 * A helper that cannot do its job says why and aborts: the harness counts an
 * abort as a failed test.  Nothing here is ever skipped.
 */
#ifndef TASK_H
#define TASK_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "kselftest.h"

#define RB_PAGE		4096UL

#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL	0x00000100
#endif

/* The result of a call as the kernel gives it: a negative errno for an error. */
#define E(call)	({ long __e = (call); __e < 0 ? -(long)errno : __e; })

/* The module under test, for its counter of pages; each device's own file has it. */
extern const char *const rb_module;

__noreturn __printf(1, 2) void rb_die(const char *fmt, ...);

/* Byte @pos of a stream is a function of @pos. */
void rb_pattern(void *buf, size_t len, uint64_t pos);
long rb_mismatch(const void *buf, size_t len, uint64_t pos);
uint64_t rb_random(uint64_t *state);
uint64_t rb_seed(void);

/* One system call made by a thread of its own. */
struct rb_call {
	pthread_t thread;
	pid_t tid;
	long nr, arg[6];
	long ret;		/* negative errno for an error */
	int done;
};

void rb_call_start(struct rb_call *c, long nr, const long arg[6]);
void rb_call_read(struct rb_call *c, int fd, void *buf, size_t len);
void rb_call_write(struct rb_call *c, int fd, const void *buf, size_t len);
void rb_call_poll(struct rb_call *c, struct pollfd *pfd, int timeout_ms);
void rb_call_ioctl(struct rb_call *c, int fd, unsigned long cmd, void *argument);
void rb_call_splice(struct rb_call *c, int in, int out, size_t len,
		    unsigned int flags);
void rb_call_asleep(struct rb_call *c);
bool rb_call_done(struct rb_call *c);
long rb_call_end(struct rb_call *c);
void rb_call_signal(struct rb_call *c, int sig);

/* Waits until the task sleeps in system call @nr. */
void rb_asleep(pid_t pid, pid_t tid, long nr);

/* Signals that came, counted by handlers. */
void rb_catch(int sig, int flags);
int rb_caught(int sig);
void rb_caught_wait(int sig, int count);
void rb_reap_killed(pid_t pid);

/* A descriptor over a unix socket; -1: nothing more comes. */
void rb_send_fd(int over, int fd);
int rb_receive_fd(int over);

/* The machine. */
void rb_pin(int cpu);
bool rb_test_kernel(void);
int rounds(int stock, int test);
int rb_slowness(void);
long rb_live_pages(void);
bool rb_pages_return(long live);
int64_t rb_fdinfo(int fd, const char *key);
int rb_count_fds(void);
long rb_read_number(const char *path);
long rb_write_file(const char *path, const char *text);
void rb_sleep_ms(int ms);
/* CLOCK_MONOTONIC in ns. */
uint64_t rb_now(void);

#endif /* TASK_H */

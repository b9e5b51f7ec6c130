// SPDX-License-Identifier: GPL-2.0
/*
 * A poller in the kernel that queues itself once and only looks from then on: the
 * 9P client over two rings.  A server that knows two messages has to be heard.
 */

#include <sys/mount.h>
#include <sys/stat.h>

#include "players.h"

#define AT	"/tmp/ferrio_9p"

enum { TVERSION = 100, RLERROR = 7 };

/* Answers whatever comes, TVERSION well and all else with EREMOTEIO; counts. */
static void serve(int in, int out, uint64_t *answered)
{
	static unsigned char msg[RB_DEFAULT];
	uint32_t size, error = EREMOTEIO;

	for (;;) {
		if (read(in, msg, 4) != 4)
			return;
		memcpy(&size, msg, 4);
		if (size < 7 || size > sizeof(msg) ||
		    read(in, msg + 4, size - 4) != size - 4)
			rb_die("9P: a message of %u bytes", size);
		if (msg[4] == TVERSION) {
			msg[4]++;
		} else {
			size = 7 + sizeof(error);
			memcpy(msg, &size, 4);
			msg[4] = RLERROR;
			memcpy(msg + 7, &error, sizeof(error));
		}
		players_step(answered);
		if (write(out, msg, size) != size)
			return;
	}
}

TEST(mount_is_answered)
{
	int plain[2], to[2], from[2], status;
	uint64_t *answered = players_memory(sizeof(*answered));
	long live = rb_live_pages();
	char options[80];
	pid_t pid;

	if (mkdir(AT, 0700) && errno != EEXIST)
		rb_die(AT ": %s", strerror(errno));
	for (int i = 0; i < 2; i++) {
		plain[i] = rb_open(O_RDWR);
		*(i ? &to[0] : &from[0]) = rb_mint(plain[i], FERRIO_RB_READ);
		*(i ? &to[1] : &from[1]) = rb_mint(plain[i], FERRIO_RB_WRITE);
		close(plain[i]);
	}
	pid = players_fork();
	if (!pid) {
		close(from[0]);
		close(to[1]);
		serve(to[0], from[1], answered);
		_exit(0);
	}
	close(from[1]);
	close(to[0]);
	snprintf(options, sizeof(options),
		 "trans=fd,rfdno=%d,wfdno=%d,version=9p2000.L,msize=8192", from[0], to[1]);
	status = mount("none", AT, "9p", 0, options) ? errno : 0;
	if (status == ENODEV) {
		rb_reap_killed(pid);
		SKIP(return, "no 9p in this kernel (CONFIG_9P_FS, CONFIG_NET_9P_FD)");
	}
	EXPECT_EQ(EREMOTEIO, status);
	EXPECT_LE(2, *answered);
	close(from[0]);
	close(to[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	rmdir(AT);
	EXPECT_TRUE(rb_pages_return(live));
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * The bodies of shim.h.  One subject a paragraph, each with the reason why it
 * is C; nothing here decides anything.
 */
#include <linux/bvec.h>
#include <linux/cred.h>
#include <linux/error-injection.h>
#include <linux/gfp.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/time_namespace.h>

#include "shim.h"

/*
 * Order-0 pages of a ring: charged, zeroed, and without the OOM killer.
 * __GFP_RETRY_MAYFAIL makes a full cgroup fail the allocation instead of
 * killing in it.  alloc_page() is a macro.
 */
noinline struct page *ferrio_page_alloc(void)
{
	cond_resched();
	return alloc_page(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL |
			  __GFP_NOWARN | __GFP_ZERO);
}
ALLOW_ERROR_INJECTION(ferrio_page_alloc, NULL);

/* put_page() is inline; a page that somebody else still holds lives on. */
void ferrio_page_free(struct page *page)
{
	put_page(page);
	/* A large ring is many of these in a row. */
	cond_resched();
}

/*
 * The memory cgroup of the caller, with a reference.  get_mem_cgroup_from_mm()
 * takes current->mm, which is NULL in a kernel thread: that is the root group.
 */
struct mem_cgroup *ferrio_memcg_get(void)
{
	return get_mem_cgroup_from_mm(current->mm);
}

/* mem_cgroup_put() is inline and takes NULL. */
void ferrio_memcg_put(struct mem_cgroup *memcg)
{
	mem_cgroup_put(memcg);
}

/* set_active_memcg() is inline; the two calls have to nest. */
struct mem_cgroup *ferrio_memcg_enter(struct mem_cgroup *memcg)
{
	return set_active_memcg(memcg);
}

void ferrio_memcg_leave(struct mem_cgroup *old)
{
	set_active_memcg(old);
}

/* fatal_signal_pending() is inline. */
bool ferrio_fatal_signal_pending(void)
{
	return fatal_signal_pending(current);
}

/*
 * Inline, both.  Not signal_pending(): that is also true when the task has work of
 * io_uring to do, for which a call need not end short.
 */
bool ferrio_long_call_interrupted(void)
{
	cond_resched();
	return task_sigpending(current);
}

/* PF_KTHREAD is a macro's; of another task kthread_should_stop() reads what is not there. */
bool ferrio_should_stop(void)
{
	return current->flags & PF_KTHREAD && kthread_should_stop();
}

/* init_irq_work() is inline. */
void ferrio_irq_work_init(struct irq_work *work, void (*func)(struct irq_work *))
{
	init_irq_work(work, func);
}

/* As fs/pipe.c does it: priority 0, from the caller itself. */
void ferrio_send_sigpipe(void)
{
	send_sig(SIGPIPE, current, 0);
}

/*
 * The real user id in the initial namespace: it names the user_struct that
 * limits count against (set_user() in kernel/sys.c).
 */
u32 ferrio_current_ruid(void)
{
	return __kuid_val(current_uid());
}

/* wq_has_sleeper() is inline and holds the full barrier that a waker needs. */
bool ferrio_wq_has_sleeper(struct wait_queue_head *head)
{
	return wq_has_sleeper(head);
}

/* Inline: only a task of another time namespace than the first needs the call. */
ktime_t ferrio_timens_to_host(ktime_t at)
{
	return timens_ktime_to_host(CLOCK_MONOTONIC, at);
}

/*
 * A synchronous wake, as a pipe's: the waker is about to sleep or has more to
 * do, so the woken task need not preempt it.  TASK_NORMAL, as waits may be
 * killable: wake_up_interruptible_*() would leave those asleep.
 */
void ferrio_wake(struct wait_queue_head *head, u32 mask)
{
	__wake_up_sync_key(head, TASK_NORMAL, poll_to_key((__force __poll_t)mask));
}

/* For what is final: exclusive pollers are woken, too, all of them. */
void ferrio_wake_all(struct wait_queue_head *head, u32 mask)
{
	__wake_up(head, TASK_NORMAL, 0, poll_to_key((__force __poll_t)mask));
}

/* Macros under lockdep, functions without. */
int ferrio_mutex_lock_killable(struct mutex *lock)
{
	return mutex_lock_killable(lock);
}

int ferrio_mutex_lock_interruptible(struct mutex *lock)
{
	return mutex_lock_interruptible(lock);
}

/*
 * Gives the mutex back, then looks at a word that others set after they failed
 * to take it: the barrier makes one of the two see the other.  One call, as it
 * is on the path of every message.
 */
bool ferrio_mutex_unlock_check(struct mutex *lock, const s32 *flag)
{
	mutex_unlock(lock);
	/* Pairs with the one between mark and second try in token.rs. */
	smp_mb();
	return READ_ONCE(*flag);
}

/* f_mode's bits are __bitwise, and these have no setter. */
void ferrio_file_open_mode(struct inode *inode, struct file *file, bool stream,
			   bool nowait, bool one_position)
{
	if (stream)
		stream_open(inode, file);
	if (nowait)
		file->f_mode |= FMODE_NOWAIT;
	if (one_position)
		file->f_mode |= FMODE_ATOMIC_POS;
}

/*
 * A file with an inode of its own: the shared anonymous inode has one i_mapping
 * for everybody, which a mapped file must not share.
 */
noinline struct file *ferrio_anon_file(const char *name,
				       const struct file_operations *fops,
				       void *priv, int flags, bool stream,
				       bool nowait, bool one_position)
{
	struct file *file;

	file = anon_inode_create_getfile(name, fops, priv, flags, NULL);
	if (!IS_ERR(file)) {
		/* An open by name gives these two, alloc_file_pseudo() does not. */
		if (!stream)
			file->f_mode |= FMODE_PREAD | FMODE_PWRITE;
		ferrio_file_open_mode(file_inode(file), file, stream, nowait,
				      one_position);
	}
	return file;
}
ALLOW_ERROR_INJECTION(ferrio_anon_file, ERRNO);

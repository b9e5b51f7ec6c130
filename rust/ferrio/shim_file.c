// SPDX-License-Identifier: GPL-2.0
/*
 * Files that the kernel reads, and memory for what is in them: bodies of shim.h
 * for file_read.rs, contiguous.rs and log.rs.
 */
#include <linux/cred.h>
#include <linux/error-injection.h>
#include <linux/fs_struct.h>
#include <linux/fsverity.h>
#include <linux/gfp.h>
#include <linux/kdev_t.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/page_ref.h>
#include <linux/ratelimit.h>
#include <linux/security.h>
#include <linux/stat.h>
#include <linux/vmalloc.h>

#include "shim.h"

/* One walk, and the open at the end of it. */
static struct file *open_at(const char *name, unsigned int how, bool *irregular)
{
	struct inode *inode;
	struct file *file;
	struct path path;
	int ret;

	ret = kern_path(name, how, &path);
	if (ret)
		return ERR_PTR(ret);
	inode = d_backing_inode(path.dentry);
	*irregular = !S_ISREG(inode->i_mode);
	ret = *irregular ? -EFTYPE :
			   inode_permission(mnt_idmap(path.mnt), inode, MAY_OPEN | MAY_READ);
	file = ret ? ERR_PTR(ret) :
		     dentry_open(&path, O_RDONLY | O_LARGEFILE, current_cred());
	path_put(&path);
	if (IS_ERR(file))
		return file;
	ret = security_file_post_open(file, MAY_READ);
	if (WARN_ON_ONCE(ret > 0))
		ret = -EINVAL;
	if (ret) {
		fput(file);
		return ERR_PTR(ret);
	}
	return file;
}

/* A network file system may say that what it remembered is no longer so. */
static struct file *open_fresh(const char *name, unsigned int how, bool *irregular)
{
	struct file *file = open_at(name, how, irregular);

	if (file == ERR_PTR(-EOPENSTALE) || file == ERR_PTR(-ESTALE))
		file = open_at(name, how | LOOKUP_REVAL, irregular);
	return file == ERR_PTR(-EOPENSTALE) ? ERR_PTR(-ESTALE) : file;
}

/*
 * Opens a regular file for reading, and nothing else at all: the type is looked
 * at before ->open() is called, so that no FIFO is waited for and no driver
 * hears of it.  The rest is what filp_open() does: dentry_open() checks no
 * permission of the inode, does not call the hook behind the open, and does not
 * walk once more.  O_LARGEFILE: a kernel's offsets are long ones always.
 *
 * @init_fs: resolve the path as PID 1 does, whose root and mounts a caller in a
 * container need not see.  The credentials are the caller's in any case.  A
 * kernel thread has an empty file system of its own and needs this.  The links
 * of /proc that lead out of what PID 1 sees are not followed.
 *
 * @irregular: whether it failed because it is no regular file.
 */
noinline struct file *ferrio_open_regular(const char *name, bool init_fs, bool *irregular)
{
	unsigned int how = LOOKUP_FOLLOW | LOOKUP_AUTOMOUNT;
	struct file *file;

	*irregular = false;
	if (init_fs) {
		scoped_with_init_fs()
			file = open_fresh(name, how | LOOKUP_NO_MAGICLINKS, irregular);
	} else {
		file = open_fresh(name, how, irregular);
	}
	return file;
}
ALLOW_ERROR_INJECTION(ferrio_open_regular, ERRNO);

/* A kernel thread's root directory is empty: a path of its own leads nowhere. */
bool ferrio_is_kernel_thread(void)
{
	return current->flags & PF_KTHREAD;
}

/* `current` is a macro. */
bool ferrio_has_memory(void)
{
	return current->mm;
}

bool ferrio_has_files(void)
{
	return current->files;
}

/*
 * The modes of a descriptor may change at any time (fadvise(), fcntl()), though not
 * the one that is looked at first.  O_DIRECT would be a mode of our own read,
 * too, which is into memory that is not made for it.
 */
int ferrio_file_to_read(struct file *file)
{
	if (!(READ_ONCE(file->f_mode) & FMODE_READ))
		return -EBADF;
	if (READ_ONCE(file->f_flags) & O_DIRECT)
		return -EINVAL;
	return 0;
}

/* Whether kernel_read() can, which warns if not: see __kernel_read(). */
bool ferrio_file_kernel_reads(struct file *file)
{
	return READ_ONCE(file->f_mode) & FMODE_CAN_READ && file->f_op->read_iter &&
	       !file->f_op->read;
}

/* S_ISREG() is a macro. */
bool ferrio_file_is_regular(struct file *file)
{
	return S_ISREG(file_inode(file)->i_mode);
}

/* Inline, these three. */
int ferrio_file_deny_write(struct file *file)
{
	return deny_write_access(file);
}

void ferrio_file_allow_write(struct file *file)
{
	allow_write_access(file);
}

loff_t ferrio_file_size(struct file *file)
{
	return i_size_read(file_inode(file));
}

/*
 * What statx() would say, less what only a server on the network knows by now.
 * Without the security modules: nothing is told to anybody who could not open
 * the file.  MAJOR() and MINOR() are macros.
 */
noinline int ferrio_file_stamp(struct file *file, struct ferrio_stamp *stamp)
{
	struct kstat stat;
	int ret;

	ret = vfs_getattr_nosec(&file->f_path, &stat, STATX_INO | STATX_MTIME,
				AT_STATX_DONT_SYNC);
	if (ret)
		return ret;
	stamp->inode = stat.ino;
	stamp->mtime_sec = stat.mtime.tv_sec;
	stamp->mtime_nsec = stat.mtime.tv_nsec;
	stamp->dev_major = MAJOR(stat.dev);
	stamp->dev_minor = MINOR(stat.dev);
	return 0;
}
ALLOW_ERROR_INJECTION(ferrio_file_stamp, ERRNO);

/* A stub that is inline without CONFIG_FS_VERITY.  The length, 0: no fs-verity. */
int ferrio_file_verity(struct file *file, u8 digest[FERRIO_VERITY_MAX], u8 *algorithm)
{
	BUILD_BUG_ON(FERRIO_VERITY_MAX != FS_VERITY_MAX_DIGEST_SIZE);
	return fsverity_get_digest(file_inode(file), digest, algorithm, NULL);
}

/*
 * A folio of 1 << @order pages, with a reference for each of them, so that they can
 * be given back one by one or together.  Charged as the page of ferrio_page_alloc().
 * Nothing is reclaimed or moved for it: whoever gets none takes single pages.
 */
noinline int ferrio_pages_alloc(struct page **pages, unsigned int order)
{
	struct page *page;
	unsigned int i;

	cond_resched();
	page = alloc_pages((GFP_KERNEL_ACCOUNT & ~__GFP_RECLAIM) | __GFP_NOWARN |
			   __GFP_ZERO | __GFP_COMP, order);
	if (!page)
		return -ENOMEM;
	folio_ref_add(page_folio(page), (1 << order) - 1);
	for (i = 0; i < 1U << order; i++)
		pages[i] = page + i;
	return 0;
}
ALLOW_ERROR_INJECTION(ferrio_pages_alloc, ERRNO);

/*
 * put_page() for each of them, of a folio at once: all of a folio's pages stand
 * together.  What somebody else still holds lives on.
 */
void ferrio_pages_free(struct page **pages, unsigned long count)
{
	unsigned long n;

	for (; count; count -= n, pages += n) {
		struct folio *folio = page_folio(*pages);

		n = folio_nr_pages(folio);
		folio_put_refs(folio, n);
		cond_resched();
	}
}

/* PAGE_KERNEL and VM_MAP are macros.  For whole pages, to be read and written. */
noinline void *ferrio_vmap(struct page **pages, unsigned int count)
{
	return vmap(pages, count, VM_MAP, PAGE_KERNEL);
}
ALLOW_ERROR_INJECTION(ferrio_vmap, NULL);

/*
 * How many lines were kept from the log since the last one that was not, or -1:
 * this one is kept, too.  The kernel's own message about it would name this
 * function.
 */
int ferrio_log_may_say(void)
{
	static struct ratelimit_state state =
		RATELIMIT_STATE_INIT_FLAGS(state, DEFAULT_RATELIMIT_INTERVAL,
					   DEFAULT_RATELIMIT_BURST,
					   RATELIMIT_MSG_ON_RELEASE);

	if (!__ratelimit(&state))
		return -1;
	return ratelimit_state_reset_miss(&state);
}

/* cond_resched() is a macro or inline. */
bool ferrio_long_work_interrupted(void)
{
	cond_resched();
	return fatal_signal_pending(current);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Files that have no name, for tests that need some without a program.  Linked
 * into the modules of tests only.
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/shmem_fs.h>
#include <linux/vmalloc.h>

#include "shim.h"

/* Of @size bytes that are zero, open for reading and writing; as a memfd. */
struct file *ferrio_test_file(loff_t size)
{
	return shmem_file_setup("ferrio_test", size, mk_vma_flags(VMA_NORESERVE_BIT));
}

/* The same file, opened once more. */
struct file *ferrio_test_reopen(struct file *file, int flags)
{
	return dentry_open(&file->f_path, flags, current_cred());
}

/*
 * Closed at once, if that was the last reference: fput() would leave it to the
 * way back to user space, or to a worker, and a writer stays one until then.
 */
void ferrio_test_close(struct file *file)
{
	__fput_sync(file);
}

/*
 * Another size, as ftruncate() of whoever has a file open for writing gives it,
 * counted as a writer or not.
 */
int ferrio_test_resize(struct file *file, loff_t size)
{
	struct iattr attr = { .ia_valid = ATTR_SIZE, .ia_size = size };
	struct dentry *dentry = file_dentry(file);
	int ret;

	inode_lock(d_inode(dentry));
	ret = notify_change(file_mnt_idmap(file), dentry, &attr, NULL);
	inode_unlock(d_inode(dentry));
	return ret;
}

/* The page at an address that vmap() gave, and a reference to it; NULL: there is none. */
struct page *ferrio_test_page(const void *at)
{
	struct page *page = is_vmalloc_addr(at) ? vmalloc_to_page(at) : NULL;

	if (page)
		get_page(page);
	return page;
}

void ferrio_test_page_copy(struct page *page, void *to)
{
	memcpy_from_page(to, page, 0, PAGE_SIZE);
}

void ferrio_test_page_put(struct page *page)
{
	put_page(page);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Iterators: the inline forms, whose checks the exported functions beneath do
 * not make.
 */
#include <linux/crc32.h>
#include <linux/error-injection.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/uio.h>

#include "shim.h"

/*
 * check_copy_size() is in the inline forms only: whether kernel memory of that
 * size may be copied at all, as CONFIG_HARDENED_USERCOPY sees it.
 */
size_t ferrio_copy_to_iter(const void *from, size_t len, struct iov_iter *iter)
{
	return copy_to_iter(from, len, iter);
}

size_t ferrio_copy_from_iter(void *to, size_t len, struct iov_iter *iter)
{
	return copy_from_iter(to, len, iter);
}

size_t ferrio_copy_from_iter_nocache(void *to, size_t len, struct iov_iter *iter)
{
	return copy_from_iter_nocache(to, len, iter);
}

/* These two have no inline form with the check. */
#ifdef CONFIG_ARCH_HAS_COPY_MC
size_t ferrio_copy_mc_to_iter(const void *from, size_t len, struct iov_iter *iter)
{
	return check_copy_size(from, len, true) ? _copy_mc_to_iter(from, len, iter) : 0;
}
#endif

#ifdef CONFIG_ARCH_HAS_UACCESS_FLUSHCACHE
size_t ferrio_copy_from_iter_flushcache(void *to, size_t len, struct iov_iter *iter)
{
	return check_copy_size(to, len, false) ? _copy_from_iter_flushcache(to, len, iter) : 0;
}
#endif

/*
 * sg_page() is inline.  What was written has to reach the disk, if it has one: that
 * is the first @written bytes of the list.
 */
void ferrio_sg_unpin(struct scatterlist *list, unsigned int count, size_t written)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		struct page *page = sg_page(&list[i]);

		unpin_user_pages_dirty_lock(&page, 1, written > 0);
		written -= min_t(size_t, written, list[i].length);
	}
}

/*
 * Several pages in one piece: charged, zeroed, and without the OOM killer, as
 * those of ferrio_page_alloc().  folio_alloc() is a macro.
 */
noinline struct page *ferrio_folio_alloc(unsigned int order)
{
	struct folio *folio = folio_alloc(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL |
					  __GFP_NOWARN | __GFP_ZERO, order);

	return folio ? folio_page(folio, 0) : NULL;
}
ALLOW_ERROR_INJECTION(ferrio_folio_alloc, NULL);

/* Not among the kernel's own bindings. */
u32 ferrio_crc32c(u32 sum, const void *from, size_t len)
{
	return crc32c(sum, from, len);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Pages in the address space of a program: bodies of shim.h for mapping.rs and
 * shared.rs.
 */
#include <linux/error-injection.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "shim.h"

/* get_page() is inline. */
void ferrio_page_get(struct page *page)
{
	get_page(page);
}

/* page_count() is inline; a page in use has at least one reference. */
unsigned long ferrio_page_count(struct page *page)
{
	return page_count(page);
}

/* A macro over an inline: the place of the page in the kernel's own map. */
void *ferrio_page_address(struct page *page)
{
	return page_address(page);
}

/* A macro.  The address has to be one that page_address() gave. */
struct page *ferrio_page_of(const void *address)
{
	return virt_to_page(address);
}

/*
 * vm_insert_pages() takes a reference and a map count for each page.  When it
 * fails some of them are in; who unmaps the range gives all of that back.
 */
noinline int ferrio_vma_insert(struct vm_area_struct *vma, unsigned long address,
			       struct page **pages, unsigned long count)
{
	/* A large window is many of these in a row. */
	cond_resched();
	return vm_insert_pages(vma, address, pages, &count);
}
ALLOW_ERROR_INJECTION(ferrio_vma_insert, ERRNO);

// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of the calling process, for tests that need some without a program.
 * Linked into the modules of tests only.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <kunit/test.h>

#include "shim.h"

/*
 * Anonymous, private memory; @at: over what is there.  A KUnit case runs in a
 * kernel thread, which gets a memory of its own first; it ends with the thread.
 */
unsigned long ferrio_user_map(unsigned long at, unsigned long len, bool writable)
{
	unsigned long prot = PROT_READ | (writable ? PROT_WRITE : 0);
	unsigned long flags = MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0);

#if IS_BUILTIN(CONFIG_KUNIT)
	int ret = kunit_attach_mm();

	if (ret)
		return ret;
#endif
	return vm_mmap(NULL, at, len, prot, flags, 0);
}

// SPDX-License-Identifier: GPL-2.0

//! Memory of the calling process that the kernel has made: for tests of what goes to and from it.
//!
//! Only the modules of tests are linked with `shim_user_area.c`, so all that needs it is inline.

use crate::sys;
use core::marker::PhantomData;
use kernel::{
    bindings,
    page::PAGE_SIZE,
    prelude::*,
    types::NotThreadSafe,
    uaccess::{UserPtr, UserSlice},
};

/// Some pages of zeroes in the calling process, until this is dropped.
pub struct UserArea {
    address: usize,
    len: usize,
    // It is this process's.
    _not_send: PhantomData<NotThreadSafe>,
}

impl UserArea {
    /// Maps `pages` pages that can be read and written. A KUnit case, which has no process, gets
    /// one. Process context, sleeps.
    ///
    /// # Errors
    ///
    /// Those of `mmap()`.
    #[inline]
    pub fn new(pages: usize) -> Result<Self> {
        let len = pages * PAGE_SIZE;
        // SAFETY: Process context; no lock is held that mmap() takes.
        let address = unsafe { sys::ferrio_user_map(0, len, true) };
        if address > usize::MAX - bindings::MAX_ERRNO as usize {
            return Err(Error::from_errno(address as c_int));
        }
        Ok(UserArea {
            address,
            len,
            _not_send: PhantomData,
        })
    }

    /// The size in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no page.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The address of the byte `offset`, which need not exist.
    #[inline]
    pub fn at(&self, offset: usize) -> UserPtr {
        UserPtr::from_addr(self.address.wrapping_add(offset))
    }

    /// Takes the page `index` away: who touches it faults.
    ///
    /// # Errors
    ///
    /// `EINVAL`: there is none.
    #[inline]
    pub fn unmap(&self, index: usize) -> Result {
        let at = self.page(index)?;
        // SAFETY: Memory of the process, which expects that; no lock is held that munmap() takes.
        match unsafe { bindings::vm_munmap(at, PAGE_SIZE) } {
            0 => Ok(()),
            errno => Err(Error::from_errno(errno)),
        }
    }

    /// Puts a page of zeroes in place of the page `index`, not to be written if not `writable`;
    /// nothing has touched it yet.
    ///
    /// # Errors
    ///
    /// `EINVAL`: there is none.
    #[inline]
    pub fn renew(&self, index: usize, writable: bool) -> Result {
        let at = self.page(index)?;
        // SAFETY: Memory of the process, which expects that; no lock is held that mmap() takes.
        if unsafe { sys::ferrio_user_map(at, PAGE_SIZE, writable) } != at {
            return Err(ENOMEM);
        }
        Ok(())
    }

    #[inline]
    fn page(&self, index: usize) -> Result<usize> {
        if index >= self.len / PAGE_SIZE {
            return Err(EINVAL);
        }
        Ok(self.address + index * PAGE_SIZE)
    }

    /// Writes to it as the process would. Process context; may sleep for a fault.
    ///
    /// # Errors
    ///
    /// `EFAULT`.
    #[inline]
    pub fn write(&self, offset: usize, bytes: &[u8]) -> Result {
        UserSlice::new(self.at(offset), bytes.len())
            .writer()
            .write_slice(bytes)
    }

    /// Reads from it as the process would. Process context; may sleep for a fault.
    ///
    /// # Errors
    ///
    /// `EFAULT`.
    #[inline]
    pub fn read(&self, offset: usize, bytes: &mut [u8]) -> Result {
        UserSlice::new(self.at(offset), bytes.len())
            .reader()
            .read_slice(bytes)
    }
}

impl Drop for UserArea {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: Memory that we mapped; a program that has put something else there loses that.
        unsafe { bindings::vm_munmap(self.address, self.len) };
    }
}

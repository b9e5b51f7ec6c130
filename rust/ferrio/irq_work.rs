// SPDX-License-Identifier: GPL-2.0

//! Work for a moment later, asked for where nothing else may be done.
//!
//! C header: [`include/linux/irq_work.h`](srctree/include/linux/irq_work.h)
//!
//! Whoever must not wake a task, as he may hold the lock of a run queue, a priority-inheritance
//! chain or a wait queue, asks for it here. It is done by an interrupt that the CPU sends itself,
//! so as soon as interrupts are on again.

use crate::sys;
use kernel::{bindings, prelude::*, types::Opaque};

/// What is to be done later.
pub trait Deferred: Send + Sync {
    /// Does it. Context: a hard interrupt (on PREEMPT_RT a kernel thread): it must not sleep, nor
    /// take a lock that others hold with interrupts on.
    fn run(&self);
}

/// A [`Deferred`] that can be asked for.
///
/// # Invariants
///
/// - `work` is an initialised `struct irq_work` from the end of the initialiser on, whose function
///   is `run_of::<T>`.
/// - `work` is the first member: that function finds the other one by it.
#[repr(C)]
#[pin_data(PinnedDrop)]
pub struct IrqWork<T: Deferred> {
    #[pin]
    work: Opaque<bindings::irq_work>,
    target: T,
}

// SAFETY: An irq_work belongs to no task, and the target may be sent.
unsafe impl<T: Deferred> Send for IrqWork<T> {}
// SAFETY: irq_work_queue() may be called by several CPUs at once; the target may be shared.
unsafe impl<T: Deferred> Sync for IrqWork<T> {}

/// # Safety
///
/// `work` must be the first member of an `IrqWork<T>` that is not dropped before this returns.
unsafe extern "C" fn run_of<T: Deferred>(work: *mut bindings::irq_work) {
    // SAFETY: repr(C), so the address of the first member is that of the whole, by our contract.
    // Only shared references to it exist while it can be queued: dropping it waits for us first.
    let this = unsafe { &*work.cast::<IrqWork<T>>() };
    this.target.run();
}

impl<T: Deferred> IrqWork<T> {
    /// Nobody has asked yet.
    pub fn new(target: T) -> impl PinInit<Self> {
        pin_init!(Self {
            target,
            // INVARIANT: The whole of it is written; pinned, so it stays where it is.
            // SAFETY: The slot is valid for writes. The function's contract is kept: this is the
            // first member, and PinnedDrop waits until it has returned.
            work <- Opaque::ffi_init(|slot| unsafe {
                sys::ferrio_irq_work_init(slot, Some(run_of::<T>))
            }),
        })
    }

    /// Asks for it. Who asks again before it has begun gets it once.
    ///
    /// Wraps `irq_work_queue()` of `kernel/irq_work.c`. Any context; costs an interrupt.
    #[inline]
    pub fn queue(&self) {
        // SAFETY: Initialised by the type invariants, and alive until it has run.
        unsafe { bindings::irq_work_queue(self.work.get()) };
    }

    /// What is to be done.
    #[inline]
    pub fn target(&self) -> &T {
        &self.target
    }
}

#[pinned_drop]
impl<T: Deferred> PinnedDrop for IrqWork<T> {
    /// Waits until it is done, if it was asked for. Process context, interrupts on.
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: Initialised by the type invariants; where it may wait, by our documentation.
        unsafe { bindings::irq_work_sync(self.work.get()) };
    }
}

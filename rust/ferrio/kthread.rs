// SPDX-License-Identifier: GPL-2.0

//! Kernel threads.
//!
//! C header: [`include/linux/kthread.h`](srctree/include/linux/kthread.h)
//!
//! It needs the `kernel` crate alone, and is a part of the driver API's crates as well.

use core::{ffi::c_void, ptr::NonNull};
use kernel::{bindings, error::from_err_ptr, prelude::*, types::NotThreadSafe};

/// What a [`Thread`] does.
pub trait Body: Send + 'static {
    /// Runs in the thread, until there is nothing left to do, or [`Stop::is_requested`]; a sleep
    /// that kthread_stop() ends, ends with `EINTR` then.
    fn run(self, stop: &Stop);
}

/// Tells a thread that it is to end. Only that thread has it.
pub struct Stop(NotThreadSafe);

impl Stop {
    /// Whether the thread is to end. Costs a call.
    pub fn is_requested(&self) -> bool {
        // SAFETY: In a thread of Thread: only that has a Stop, which is neither Send nor Sync.
        unsafe { bindings::kthread_should_stop() }
    }
}

/// A kernel thread, which is told to end, and waited for, when this is dropped.
///
/// # Invariants
///
/// `task` is a thread of `kthread_create_on_node()`, of which this owns a reference, and `body`
/// what it was given, which is freed behind its end.
pub struct Thread<B: Body> {
    task: NonNull<bindings::task_struct>,
    body: NonNull<Option<B>>,
}

// SAFETY: Any task may stop a thread.
unsafe impl<B: Body> Send for Thread<B> {}
// SAFETY: Nothing can be done with a shared one.
unsafe impl<B: Body> Sync for Thread<B> {}

/// # Safety
///
/// `data` must be a valid `Option<B>`, which nobody else uses until this returns.
unsafe extern "C" fn thread_main<B: Body>(data: *mut c_void) -> c_int {
    // SAFETY: Our contract.
    if let Some(body) = unsafe { (*data.cast::<Option<B>>()).take() } {
        body.run(&Stop(NotThreadSafe));
    }
    0
}

impl<B: Body> Thread<B> {
    /// Starts a thread. Process context, sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EINTR`: the caller is being killed.
    pub fn new(name: &CStr, body: B) -> Result<Self> {
        let body = KBox::into_raw(KBox::new(Some(body), GFP_KERNEL)?);
        // SAFETY: The function gets what it asks for: the box is ours until the thread has ended.
        // Format and name are strings until it returns.
        let task = from_err_ptr(unsafe {
            bindings::kthread_create_on_node(
                Some(thread_main::<B>),
                body.cast(),
                bindings::NUMA_NO_NODE,
                c"%s".as_char_ptr(),
                name.as_char_ptr(),
            )
        })
        .inspect_err(|_| {
            // SAFETY: From into_raw() above, and no thread has it.
            drop(unsafe { KBox::from_raw(body) });
        })?;
        // SAFETY: A task that does not run yet, so that it cannot end before we have a reference.
        unsafe {
            bindings::get_task_struct(task);
            bindings::wake_up_process(task);
        }
        // INVARIANT: Just so; neither is NULL.
        Ok(Thread {
            task: NonNull::new(task).ok_or(ENOMEM)?,
            body: NonNull::new(body).ok_or(ENOMEM)?,
        })
    }
}

impl<B: Body> Drop for Thread<B> {
    fn drop(&mut self) {
        // SAFETY: A thread of ours, with our reference, by the type invariants: this gives it back.
        unsafe { bindings::kthread_stop_put(self.task.as_ptr()) };
        // SAFETY: From into_raw(); the thread has ended, or never begun.
        drop(unsafe { KBox::from_raw(self.body.as_ptr()) });
    }
}

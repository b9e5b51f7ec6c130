// SPDX-License-Identifier: GPL-2.0

//! The calling task.

use crate::sys;
use kernel::{bindings, fs::LocalFile};

/// A capability of `capability.h`.
#[derive(Clone, Copy)]
pub struct Capability(u32);

impl Capability {
    /// May do what has no capability of its own.
    pub const SYS_ADMIN: Capability = Capability(sys::FERRIO_CAP_SYS_ADMIN);
    /// May exceed resource limits.
    pub const SYS_RESOURCE: Capability = Capability(sys::FERRIO_CAP_SYS_RESOURCE);
}

/// Whether the caller has the capability in the initial user namespace.
///
/// Wraps `capable()`: it asks the security modules, and marks the task as privileged if it has it,
/// so call it only when the answer decides. Process context.
pub fn capable(capability: Capability) -> bool {
    // SAFETY: Process context; the number is one of the header's (an invalid one would BUG()).
    unsafe { bindings::capable(capability.0 as i32) }
}

/// Whether whoever opened `file` had the capability in the initial user namespace when he did.
///
/// For a decision that a privileged program must not be tricked into: it may have been handed the
/// file. Wraps `file_ns_capable()`. Process context.
pub fn opener_capable(file: &LocalFile, capability: Capability) -> bool {
    // SAFETY: The file is valid, and so are its credentials; the initial namespace always is; the
    // number is one of the header's (an invalid one would BUG()).
    unsafe {
        bindings::file_ns_capable(
            file.as_ptr(),
            &raw mut bindings::init_user_ns,
            capability.0 as i32,
        )
    }
}

/// The caller's real user id as the initial namespace numbers it. Process context.
pub fn real_uid() -> u32 {
    // SAFETY: The caller's own credentials may always be read.
    unsafe { sys::ferrio_current_ruid() }
}

/// Whether the caller is being killed. Process context.
pub fn is_dying() -> bool {
    // SAFETY: Asks about the caller itself.
    unsafe { sys::ferrio_fatal_signal_pending() }
}

/// Whether a signal waits for the caller. Process context.
pub fn signal_pending() -> bool {
    // SAFETY: `current` is valid, and may ask about itself.
    unsafe { bindings::signal_pending(bindings::get_current()) != 0 }
}

/// Whether a call that has done a part of its work, and takes long, is to end with that: a signal
/// came. Lets others have the CPU first, if they want it. Process context, may sleep.
pub fn interrupted_in_long_call() -> bool {
    // SAFETY: Asks about the caller itself; that it may sleep is asked for by our documentation.
    unsafe { sys::ferrio_long_call_interrupted() }
}

/// Whether work that is of no use to anybody if it is not finished is to end: the caller is being
/// killed. Lets others have the CPU first, if they want it. Process context, may sleep.
pub fn killed_in_long_work() -> bool {
    // SAFETY: Asks about the caller itself; that it may sleep is asked for by our documentation.
    unsafe { sys::ferrio_long_work_interrupted() }
}

/// Whether the caller is a kernel thread, which has no descriptors, no memory and no root directory
/// of its own. Any context.
pub fn is_kernel_thread() -> bool {
    // SAFETY: Asks about the caller itself.
    unsafe { sys::ferrio_is_kernel_thread() }
}

/// Whether the caller is a kernel thread that is to end: somebody waits for it in `kthread_stop()`,
/// which also wakes it. Process context.
pub fn should_stop() -> bool {
    // SAFETY: Asks about the caller itself.
    unsafe { sys::ferrio_should_stop() }
}

/// Whether the caller has a program's memory: a kernel thread has none, unless it has taken one
/// (`kthread_use_mm()`). Any context.
pub fn has_memory() -> bool {
    // SAFETY: Asks about the caller itself.
    unsafe { sys::ferrio_has_memory() }
}

/// Whether the caller has descriptors: a task that ends has none any more. Any context.
pub fn has_files() -> bool {
    // SAFETY: Asks about the caller itself.
    unsafe { sys::ferrio_has_files() }
}

/// Sends SIGPIPE to the caller, as a pipe without readers does.
///
/// Wraps `send_sig()` of `kernel/signal.c`. Process context; does not sleep.
pub fn send_sigpipe() {
    // SAFETY: The signal goes to the caller itself, which exists. Process context.
    unsafe { sys::ferrio_send_sigpipe() };
}

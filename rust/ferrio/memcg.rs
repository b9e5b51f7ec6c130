// SPDX-License-Identifier: GPL-2.0

//! Whom memory is charged to.
//!
//! C header: [`include/linux/memcontrol.h`](srctree/include/linux/memcontrol.h)

use crate::sys;
use kernel::{bindings, types::NotThreadSafe};

/// A counted reference to a memory cgroup.
///
/// # Invariants
///
/// The pointer is NULL (no memory cgroups) or owns one reference.
pub struct MemCgroup(*mut bindings::mem_cgroup);

// SAFETY: The reference count of a cgroup is per-CPU and may be changed from any task.
unsafe impl Send for MemCgroup {}
// SAFETY: Shared use only passes the pointer on to functions that allow concurrent callers.
unsafe impl Sync for MemCgroup {}

impl MemCgroup {
    /// The cgroup of the calling task. Process context, does not sleep.
    pub fn current() -> Self {
        // INVARIANT: get_mem_cgroup_from_mm() returns NULL or a new reference.
        // SAFETY: Process context; `current->mm` may be NULL there.
        MemCgroup(unsafe { sys::ferrio_memcg_get() })
    }

    /// Charges what `body` allocates with `__GFP_ACCOUNT` to this cgroup instead of the caller's.
    ///
    /// Wraps `set_active_memcg()` of `linux/sched/mm.h`. Process context; calls nest. Costs a load
    /// and two stores.
    pub fn charge<R>(&self, body: impl FnOnce() -> R) -> R {
        struct Active(*mut bindings::mem_cgroup, NotThreadSafe);
        impl Drop for Active {
            fn drop(&mut self) {
                // SAFETY: The value that set_active_memcg() gave back, restored by the same task
                // in the reverse order.
                unsafe { sys::ferrio_memcg_leave(self.0) };
            }
        }
        // SAFETY: NULL or a reference that `self` owns for as long as `body` runs.
        let _active = Active(unsafe { sys::ferrio_memcg_enter(self.0) }, NotThreadSafe);
        body()
    }
}

impl Drop for MemCgroup {
    fn drop(&mut self) {
        // SAFETY: NULL, or the one reference that we own.
        unsafe { sys::ferrio_memcg_put(self.0) };
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What may go to the kernel's log.
//!
//! C header: [`include/linux/ratelimit.h`](srctree/include/linux/ratelimit.h)

use crate::sys;

/// Whether a line that programs can bring about as often as they like may be printed: ten in five
/// seconds, of the whole module. If so, how many were not since the last one, for the line to say.
/// Wraps `__ratelimit()`. Any context.
pub fn may_say() -> Option<u32> {
    // SAFETY: It takes its own state, and no lock that it waits for.
    u32::try_from(unsafe { sys::ferrio_log_may_say() }).ok()
}

// SPDX-License-Identifier: GPL-2.0

//! How many rings, and how much of their memory, each user may have.
//!
//! Use counts from the open of the device until the ring is gone, see [`ferrio::quota`].

pub(crate) use ferrio::quota::{Share, Use, Users};
use kernel::{prelude::*, sync::Arc};

ferrio::ulong_param!(
    /// Rings one user may have open.
    static MAX_RINGS: crate::LocalModule, "user_max_rings" = 1024,
    "Rings one user may have open without CAP_SYS_RESOURCE (default 1024)"
);

ferrio::ulong_param!(
    /// Bytes of ring memory one user may hold.
    static MAX_BYTES: crate::LocalModule, "user_max_bytes" = 64 << 20,
    "Bytes of ring memory one user may hold without CAP_SYS_RESOURCE (default 64 MiB)"
);

/// The limits of now.
pub(crate) fn limits() -> Use {
    Use {
        objects: MAX_RINGS.get(),
        bytes: MAX_BYTES.get(),
    }
}

/// Nobody has a ring yet.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn nobody() -> Result<Arc<Users>> {
    Users::new(limits)
}

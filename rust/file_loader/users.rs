// SPDX-License-Identifier: GPL-2.0

//! How many blobs, and how much of their memory, each user may have.
//!
//! Use counts from the look at the size until the blob is gone, see [`ferrio::quota`].

use ferrio::quota::{Use, Users};
use kernel::{prelude::*, sync::Arc};

ferrio::ulong_param!(
    /// Blobs one user may have.
    static MAX_BLOBS: crate::LocalModule, "user_max_blobs" = 1024,
    "Blobs one user may have without CAP_SYS_RESOURCE (default 1024)"
);

ferrio::ulong_param!(
    /// Bytes of blobs one user may hold.
    static MAX_BYTES: crate::LocalModule, "user_max_bytes" = 1 << 30,
    "Bytes of blobs one user may hold without CAP_SYS_RESOURCE (default 1 GiB)"
);

/// The limits of now.
pub(crate) fn limits() -> Use {
    Use {
        objects: MAX_BLOBS.get(),
        bytes: MAX_BYTES.get(),
    }
}

/// Nobody has a blob yet.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn nobody() -> Result<Arc<Users>> {
    Users::new(limits)
}

// SPDX-License-Identifier: GPL-2.0

//! Files that the kernel reads whole, through the security modules.
//!
//! C header: [`include/linux/kernel_read_file.h`](srctree/include/linux/kernel_read_file.h)
//!
//! `kernel_read_file()` and its three relatives as types that cannot be used in the ways that go
//! wrong in C. A load goes through these, each a step nearer to the bytes:
//!
//! ```text
//! Source ── Opened::new ──→ Opened ── hold ──→ Held ── read ──→ Loaded ── freeze ──→ Frozen
//!           open, type               busy, size      memory, lsm,      (digest)
//!                              read_part ↓           read, lsm-post
//!                                      Part
//! UserBytes::new ── size ──→ UserBytes ── read: memory, lsm, read, lsm-post ──→ Loaded
//! ```
//!
//! | in C | here |
//! |---|---|
//! | a purpose may be `READING_UNKNOWN`, or out of range | [`Purpose`] is neither |
//! | the largest size is what a caller happens to pass | [`Opened::hold`] asks for it |
//! | the buffer may be longer than what is in it | it is as long as the content, or an error |
//! | bytes stay in the caller's buffer when a security module says no | they are wiped |
//! | no buffer but a `file_size`: a part of the buffer is not file data | there is no such call |
//! | an offset without a buffer is `EINVAL` | there is no such call |
//! | a file that is not open for reading is a WARN | `EBADF` |
//! | a path is opened before its type is looked at: a FIFO waits | `EFTYPE`, nothing is opened |
//! | a path in a kernel thread is `ENOENT` | `EOPNOTSUPP`, see [`Source::CallerPath`] |
//! | one errno, from whatever step | [`LoadError`] has the [`Stage`] |
//!
//! All of this is for process context, and sleeps; no lock may be held that a file system could
//! take.

mod error;
mod open;
mod part;
mod purpose;
mod user_bytes;
mod whole;

pub use error::{LoadError, Stage};
pub use open::{Held, Opened, Source, Stamp};
pub use part::Part;
pub use purpose::Purpose;
pub use user_bytes::UserBytes;
pub use whole::{Loaded, Times};

/// Loads a whole file of at most `cap` bytes: all the steps in one.
///
/// # Errors
///
/// Those of [`Opened::new`], [`Opened::hold`] and [`Held::read`].
pub fn load<'p>(source: Source<'p>, purpose: Purpose, cap: u64) -> Result<Loaded, LoadError<'p>> {
    Opened::new(source)?.hold(cap)?.read(purpose)
}

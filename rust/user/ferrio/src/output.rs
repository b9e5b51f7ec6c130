// SPDX-License-Identifier: MIT OR Apache-2.0

//! What goes to the standard output.

use std::io;

/// Whoever reads has enough (`ferrio status | head`): not an error.
pub(crate) fn or_enough(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

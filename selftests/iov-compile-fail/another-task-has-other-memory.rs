// SPDX-License-Identifier: GPL-2.0
// error: E0277

//! An iterator over memory of a process is of use to that process alone.

use ferrio::iov::IterDest;

fn to_another_task<T: Send>(_: T) {}

fn driver(iter: &mut IterDest<'_>) {
    #[cfg(not(wrong))]
    to_another_task(iter.len());
    #[cfg(wrong)]
    to_another_task(iter);
}

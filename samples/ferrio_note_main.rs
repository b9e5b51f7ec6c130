// SPDX-License-Identifier: GPL-2.0

//! `/dev/ferrio_note`: everybody reads what was written last.
//!
//! The smallest driver that answers read(), write(), and all their relatives, without `unsafe`.
//! `Documentation/driver.rst` goes through it.

use ferrio::{
    chardev::{FileOps, OpenFile, Private, Registration, Request},
    iov::{IterDest, IterSource, Moved},
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{Arc, Mutex},
};

module! {
    type: NoteModule,
    name: "ferrio_note",
    authors: ["The ferrio developers"],
    description: "A sample device that keeps a note",
    license: "GPL",
}

/// The longest note, in bytes.
const MAX_BYTES: usize = 4096;

/// What all open files share.
#[pin_data]
struct Board {
    #[pin]
    note: Mutex<Arc<KVec<u8>>>,
}

#[vtable]
impl FileOps for Board {
    /// The private data of an open file.
    type Ptr = Arc<Board>;
    /// What `open` gets to see.
    type Device = Arc<Board>;

    const NAME: &'static CStr = c"ferrio_note";

    fn open(board: &Arc<Board>, _file: &OpenFile) -> Result<Arc<Board>> {
        Ok(board.clone())
    }

    fn read_iter<'i>(
        board: Private<'_, Self>,
        request: &mut Request<'_>,
        iter: &mut IterDest<'i>,
    ) -> Result<Moved<'i>> {
        // The lock is free again before the copy, which may sleep for as long as the program likes.
        let note = board.note.lock().clone();
        let position = request.position();
        let rest = usize::try_from(position)
            .ok()
            .and_then(|at| note.get(at..))
            .unwrap_or(&[]);
        // moved() knows how much it was, and whether it stopped at a fault.
        let _ = iter.copy_to(rest);
        let moved = iter.moved()?;
        request.set_position_behind(position, &moved);
        Ok(moved)
    }

    fn write_iter<'i>(
        board: Private<'_, Self>,
        _request: &mut Request<'_>,
        iter: &mut IterSource<'i>,
    ) -> Result<Moved<'i>> {
        let mut note = KVec::new();
        // How much memory is made for it is ours to say, not the program's: the rest is a short
        // count.
        let _ = iter.append_to(&mut note, MAX_BYTES)?;
        let moved = iter.moved()?;
        let note = Arc::new(note, GFP_KERNEL)?;
        let old = core::mem::replace(&mut *board.note.lock(), note);
        // Freed outside of the lock.
        drop(old);
        Ok(moved)
    }
}

/// What exists while the module is loaded.
#[pin_data]
struct NoteModule {
    #[pin]
    device: Registration<Board>,
}

impl kernel::InPlaceModule for NoteModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            device <- {
                let empty = Arc::new(KVec::new(), GFP_KERNEL)?;
                let board = Arc::pin_init(
                    pin_init!(Board { note <- new_mutex!(empty) }),
                    GFP_KERNEL,
                )?;
                Registration::new(board)
            },
        })
    }
}
